(** * Necessity: each restriction and each check that is left out lets a capability cross

    Isolation.v proves that five restrictions and the checks of the commands suffice.  Here each
    restriction is left out in turn, and two of the checks: the rest is respected, and yet a run
    ends in which domain B can read what was private to domain A.  So no restriction is idle, and
    the model does not owe its isolation to a want of anything that could happen.

    Addresses of the examples, ten to a domain and one to an object:
<<
       0  A's thread             10  B's thread       20  the manager's thread
       1  A's CNode              11  B's CNode
       5  A's secret, a frame
       6  free memory of A
       7  memory of A that B knows of: a frame or an endpoint
>> *)

From Coq Require Import List Lia Arith.
Require Import Isolation.
Import ListNotations.

Inductive name := A | B | Manager.

Definition domain (a : address) : name :=
  if a <? 10 then A else if a <? 20 then B else Manager.

(** Who is trusted. *)
Definition nobody (d : name) : Prop := False.
Definition manager (d : name) : Prop := d = Manager.

Notation a_thread := 0 (only parsing).
Notation a_cnode := 1 (only parsing).
Notation secret := 5 (only parsing).
Notation a_free := 6 (only parsing).
Notation known := 7 (only parsing).
Notation b_thread := 10 (only parsing).
Notation b_cnode := 11 (only parsing).
Notation m_thread := 20 (only parsing).

(** A state from a list of who holds what. *)
Definition of_list (l : list (address * cap)) : state := fun h c => In (h, c) l.

(** What every example begins with: each thread has its CSpace, and A has its secret. *)
Definition secret_cap : cap := Cap secret 1 [Read; Write].

Definition system (more : list (address * cap)) : state :=
  of_list ([(a_thread, Cap a_cnode 1 [Store]);
            (a_cnode, secret_cap);
            (b_thread, Cap b_cnode 1 [Store])] ++ more).

Notation isolated := (isolated name domain).
Notation isolated_but := (isolated_but name domain).
Notation respected := (respected name domain).
Notation private := (private name domain).
Notation run := (run name domain).
Notation step := (step name domain).

(** B comes to read what was private to A, by commands that are legal. *)
Definition crosses (s0 : state) : Prop :=
  private nobody Read s0 secret /\
  exists cs s, run nobody s0 cs s /\ ~ private nobody Read s secret.

(** ** Tactics: a finite state is decided by looking at each of its capabilities *)

Ltac expand :=
  unfold system, of_list, put, overlap, inside, sender_end, receiver_end, send_grant, receive,
    call_reply, receive_grant, subject, nobody, manager, new_cap, with_rights, answer,
    secret_cap in *; unfold can, covers in *; simpl in *.

Ltac split_all :=
  repeat (match goal with
  | H : _ \/ _ |- _ => destruct H
  | H : _ /\ _ |- _ => destruct H
  | H : exists _, _ |- _ => destruct H
  | H : False |- _ => destruct H
  | H : (_, _) = (_, _) |- _ => injection H as <- <-
  | H : ?x = ?y |- _ => first [discriminate H | subst x | subst y | clear H]
  end; simpl in *).

(* objects are one address long *)
Ltac pin_addresses :=
  repeat match goal with
  | H : ?k <= ?a, _ : ?a < _ |- _ => is_var a; assert (a = k) by lia; subst a
  end.

Ltac by_cases := intros; expand; split_all; expand; split_all; pin_addresses;
  unfold domain in *; simpl in *; try reflexivity; try discriminate; try lia; try tauto.

(* in a restriction, the first capability is looked at before the second *)
Ltac respects :=
  simpl; unfold stays_home, no_channel;
  match goal with
  | |- forall h c a, _ -> _ -> _ -> _ -> _ => by_cases
  | _ => intros h c h' c' P S E; revert P S E; by_cases; clear; by_cases
  end.

Ltac is_isolated := intros []; respects.
Ltac is_isolated_but :=
  intros r Others; destruct r; try (destruct (Others eq_refl)); clear Others; respects.

(** That something is held. *)
Ltac find_it := first [reflexivity | split; reflexivity | left; find_it | right; find_it].
Ltac held := expand; solve [find_it | split; [find_it | discriminate]].

(** The premises of "whoever has this right is of that domain" [P] for [c], held at [h]. *)
Ltac by_holding P h c := apply (P h c); solve [held | expand; auto; (lia || discriminate)].

(** That domain B, at [h], can read the secret. *)
Tactic Notation "has_crossed_to" constr(h) :=
  let P := fresh in intros P;
  assert (domain h = domain secret); [| discriminate];
  first [by_holding P h (with_rights secret_cap [Read]) | by_holding P h (new_cap secret 1 Frame)].

(** A thread finds what lies in its CSpace. *)
Lemma finds (s : state) t cnode : s t (Cap cnode 1 [Store]) -> reaches s t cnode.
Proof.
  intros P. apply (reaches_store s t t (Cap cnode 1 [Store])); auto.
  - apply reaches_self.
  - expand. auto.
  - expand. lia.
Qed.

(** The premises of a command, each of which one look at the state shows. *)
Ltac legal :=
  solve [ apply finds; held
        | apply reaches_self
        | held
        | unfold incl; expand; intuition
        | expand; intuition lia
        | expand; eexists; split; split; [apply Nat.le_refl | lia | apply Nat.le_refl | lia]
        | unfold no_outstanding; by_cases; (congruence || auto) ].

(** ** The restrictions *)

(** B's thread holds A's CNode, and copies the secret from there. *)
Theorem shared_storage_is_needed :
  exists s0, isolated_but nobody shared_storage s0 /\ crosses s0.
Proof.
  exists (system [(b_thread, Cap a_cnode 1 [Store])]).
  split; [is_isolated_but | split; [unfold Isolation.private; by_cases |]].
  eexists [_], _. split.
  - eapply run_done; [| apply run_end].
    apply (step_copy name domain nobody _ b_thread a_cnode secret_cap [Read] b_cnode); legal.
  - has_crossed_to b_cnode.
Qed.

(** A can send capabilities through an endpoint from which B receives. *)
Theorem grant_channel_is_needed :
  exists s0, isolated_but nobody grant_channel s0 /\ crosses s0.
Proof.
  exists (system [(a_cnode, Cap known 1 [Write; Grant]); (b_cnode, Cap known 1 [Read])]).
  split; [is_isolated_but | split; [unfold Isolation.private; by_cases |]].
  eexists [_], _. split.
  - eapply run_done; [| apply run_end].
    apply (step_grant name domain nobody _
             a_thread a_cnode (Cap known 1 [Write; Grant])
             b_thread b_cnode (Cap known 1 [Read])
             a_cnode secret_cap [Read] b_cnode); legal.
  - has_crossed_to b_cnode.
Qed.

(** B calls A through an endpoint, and A may answer with capabilities. *)
Theorem call_channel_is_needed :
  exists s0, isolated_but nobody call_channel s0 /\ crosses s0.
Proof.
  exists (system [(a_cnode, Cap known 1 [Read; Grant]);
                  (b_cnode, Cap known 1 [Write; GrantReply])]).
  split; [is_isolated_but | split; [unfold Isolation.private; by_cases |]].
  eexists [_; _], _. split.
  - eapply run_done; [| eapply run_done; [| apply run_end]].
    + apply (step_call name domain nobody _
               b_thread b_cnode (Cap known 1 [Write; GrantReply])
               a_thread a_cnode (Cap known 1 [Read; Grant])); legal.
    + apply (step_set_thread name domain nobody _
               a_thread a_thread (answer b_thread) b_thread a_cnode secret_cap [Read]); legal.
  - has_crossed_to b_thread.
Qed.

(** A holds B's thread, and installs the secret in it. *)
Theorem foreign_tcb_is_needed :
  exists s0, isolated_but nobody foreign_tcb s0 /\ crosses s0.
Proof.
  exists (system [(a_cnode, Cap b_thread 1 [Ctrl])]).
  split; [is_isolated_but | split; [unfold Isolation.private; by_cases |]].
  eexists [_], _. split.
  - eapply run_done; [| apply run_end].
    apply (step_set_thread name domain nobody _
             a_thread a_cnode (Cap b_thread 1 [Ctrl]) b_thread a_cnode secret_cap [Read]); legal.
  - has_crossed_to b_thread.
Qed.

(** B holds untyped memory over A's secret: it revokes and makes a frame of its own of it.  The
    paper's restrictions do not name this one. *)
Theorem foreign_cover_is_needed :
  exists s0, isolated_but nobody foreign_cover s0 /\ crosses s0.
Proof.
  exists (system [(b_cnode, Cap secret 1 [Create])]).
  split; [is_isolated_but | split; [unfold Isolation.private; by_cases |]].
  eexists [_; _], _. split.
  - eapply run_done; [| eapply run_done; [| apply run_end]].
    + apply (step_shrink name domain nobody _ (fun _ c => c <> secret_cap)).
    + apply (step_retype name domain nobody _
               b_thread b_cnode (Cap secret 1 [Create]) secret 1 Frame b_cnode); legal.
  - has_crossed_to b_cnode.
Qed.

Theorem every_restriction_is_needed :
  forall r, exists s0, isolated_but nobody r s0 /\ crosses s0.
Proof.
  intros [].
  - exact shared_storage_is_needed.
  - exact grant_channel_is_needed.
  - exact call_channel_is_needed.
  - exact foreign_tcb_is_needed.
  - exact foreign_cover_is_needed.
Qed.

(** ** The checks *)

(** Retype without its check for outstanding capabilities; all else is as in [step_retype]. *)
Inductive careless_retype (s : state) : state -> Prop :=
| careless t at_u u a n k to :
    subject name domain nobody t -> reaches s t at_u -> s at_u u -> can u Create ->
    inside (new_cap a n k) u -> reaches s t to ->
    careless_retype s (put s to (new_cap a n k)).

(** A shares a frame with B, for reading.  It makes an endpoint of the same memory: what was B's
    right to read is now the right to receive. *)
Theorem retype_check_is_needed :
  exists s0 s1, isolated nobody s0 /\ private nobody Read s0 secret /\ careless_retype s0 s1 /\
    exists cs s, run nobody s1 cs s /\ ~ private nobody Read s secret.
Proof.
  exists (system [(a_cnode, Cap known 1 [Create]); (a_cnode, Cap known 1 [Read; Write]);
                  (b_cnode, Cap known 1 [Read])]).
  eexists. split; [is_isolated |].
  split; [unfold Isolation.private; by_cases |]. split.
  { apply (careless _ a_thread a_cnode (Cap known 1 [Create]) known 1 Endpoint a_cnode); legal. }
  eexists [_], _. split.
  - eapply run_done; [| apply run_end].
    apply (step_grant name domain nobody _
             a_thread a_cnode (new_cap known 1 Endpoint)
             b_thread b_cnode (Cap known 1 [Read])
             a_cnode secret_cap [Read] b_cnode); legal.
  - has_crossed_to b_cnode.
Qed.

(** A manager holds the CNodes of all.  As long as it only deletes and revokes, the rest is
    isolated; if it acts, it can carry anything anywhere. *)
Theorem managers_must_not_act :
  exists s0, isolated manager s0 /\ private manager Read s0 secret /\
    exists cs s, run nobody s0 cs s /\ ~ private manager Read s secret.
Proof.
  exists (system [(m_thread, Cap a_cnode 1 [Store]); (m_thread, Cap b_cnode 1 [Store])]).
  split; [is_isolated |].
  split; [unfold Isolation.private; by_cases |].
  eexists [_], _. split.
  - eapply run_done; [| apply run_end].
    apply (step_copy name domain nobody _ m_thread a_cnode secret_cap [Read] b_cnode); legal.
  - has_crossed_to b_cnode.
Qed.

(** ** The theorems speak of something *)

(** An isolated system with a manager that keeps the ancestors of everything, a frame that both
    domains use, and commands that succeed: A makes an endpoint and copies a capability. *)
Theorem isolated_systems_live :
  exists s0, isolated manager s0 /\ ~ isolated nobody s0 /\
    exists cs s, run manager s0 cs s /\
      s a_cnode (new_cap a_free 1 Endpoint) /\ s a_cnode (with_rights secret_cap [Read]) /\
      s b_cnode (Cap known 1 [Read]).
Proof.
  exists (system [(m_thread, Cap a_cnode 1 [Store]); (m_thread, Cap b_cnode 1 [Store]);
                  (m_thread, Cap known 1 [Create]); (m_thread, Cap a_free 1 [Create]);
                  (a_cnode, Cap a_free 1 [Create]); (a_cnode, Cap known 1 [Read; Write]);
                  (b_cnode, Cap known 1 [Read])]).
  split; [is_isolated |]. split.
  { intros I. assert (domain a_cnode = domain m_thread); [| discriminate].
    apply (I shared_storage m_thread (Cap a_cnode 1 [Store])); held || (expand; auto; lia). }
  eexists [_; _], _. split.
  - eapply run_done; [| eapply run_done; [| apply run_end]].
    + apply (step_retype name domain manager _
               a_thread a_cnode (Cap a_free 1 [Create]) a_free 1 Endpoint a_cnode); legal.
    + apply (step_copy name domain manager _ a_thread a_cnode secret_cap [Read] a_cnode); legal.
  - split; [| split]; held.
Qed.
