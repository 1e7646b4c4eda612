(** * Machine: from the links in the slots to isolation

    The chain in one piece.  A machine is the links of all slots, as kernel/cdt.c keeps them, and who
    holds what.  Its Retype checks what the kernel checks: that the slots are empty, that the objects
    lie in the block, and above what is handed out if the slot behind the untyped capability holds a
    child.  Each run of it is one of Kernel.v, which is one of Isolation.v, so that a system whose
    capabilities were distributed in isolation stays isolated.

      links (Links.v) -> list (Order.v) -> tree (Derivation.v) -> Retype's premise (Kernel.v)
                                                               -> isolation (Isolation.v) *)

From Coq Require Import List Lia Arith Bool.
Require Import Isolation Derivation Kernel Order Links.
Import ListNotations.

(** ** The operations on the links *)

(** cdt_has_children(): the test, on the slot that the next link leads to. *)
Definition child_next (k : links) (e : entry) : bool :=
  match content k (next k (place e)) with Some h => is_parent e h | None => false end.

(** What Retype makes of the bytes from [a] on, [n] bytes each, in the slots [xs]. *)
Fixpoint objects (xs : list slot) (kd : kind) (a n : nat) : list entry :=
  match xs with [] => [] | x :: r => made x kd a n true :: objects r kd (a + n) n end.

(** decode_slots() and decode_memory() of kernel/untyped.c. *)
Record retype_is_checked (head : slot) (k : links) (u : entry) (xs : list slot) (a n : nat)
    : Prop := {
  checks_the_source : content k (place u) = Some u;
  checks_untyped : what u = Untyped;
  checks_the_count : xs <> [];
  checks_different_slots : NoDup xs;
  checks_empty_slots : forall x, In x xs -> content k x = None;
  checks_real_slots : ~ In head xs;
  checks_the_size : 0 < n;
  checks_the_begin : base (ecap u) <= a;
  checks_the_end : a + length xs * n <= base (ecap u) + size (ecap u);
  checks_for_children : child_next k u = true -> base (ecap u) + handed u <= a
}.

(** invoke_retype(): the watermark, then all objects at once. *)
Definition retype_links (k : links) (u : entry) (xs : list slot) (kd : kind) (a n : nat) : links :=
  let w := a + length xs * n - base (ecap u) in
  link_piece (update k (place u) (set_handed (place u) w)) (place u) (objects xs kd a n).

Definition is_free (head : slot) (k : links) (x : slot) : Prop := x <> head /\ content k x = None.

(** Nobody has a capability there but [u]: a handler is made if there is none to its interrupt. *)
Definition nobody_but (u : entry) (k : links) (c : cap) : Prop :=
  forall x e, content k x = Some e -> overlap (ecap e) c -> e = u.

Inductive links_step (head : slot) (k : links) : links -> Prop :=
| links_retype u xs kd a n
    (links_retype_is_checked : retype_is_checked head k u xs a n)
  : links_step head k (retype_links k u xs kd a n)
| links_make_pool u x kd
    (links_pool_is_of : content k (place u) = Some u)
    (links_pool_of_untyped : what u = Untyped)
    (links_pool_into_a_free_slot : is_free head k x)
    (links_pool_has_bytes : 0 < size (ecap u))
    (links_pool_of_childless : child_next k u = false)
    (links_pool_is_typed : kd <> Untyped)
  : links_step head k
      (link_after (update k (place u) (set_handed (place u) (size (ecap u)))) (place u)
                  (made x kd (base (ecap u)) (size (ecap u)) false))
| links_copy_untyped u x
    (links_copy_is_of_untyped : content k (place u) = Some u)
    (links_copy_of_untyped : what u = Untyped)
    (links_copy_untyped_into_a_free_slot : is_free head k x)
    (links_copy_of_childless : child_next k u = false)
  : links_step head k
      (link_after (update k (place u) (set_handed (place u) (size (ecap u)))) (place u)
                  (copy_of_untyped u x))
| links_copy c x rs b
    (links_copy_is_of : content k (place c) = Some c)
    (links_copy_of_typed : what c <> Untyped)
    (links_copy_into_a_free_slot : is_free head k x)
    (links_copy_diminishes : incl rs (rights (ecap c)))
    (links_copy_badges_the_unbadged : b = badge c \/ badge c = 0)
    (links_copy_badges_ipc_only : is_ipc c = false -> b = badge c)
  : links_step head k (link_after k (place c) (copy_of c x rs b))
| links_root n
    (links_root_into_a_free_slot : is_free head k (place n))
    (links_root_has_bytes : 0 < size (ecap n))
    (links_root_has_its_kind : what n = Untyped <-> can (ecap n) Create)
    (links_root_untyped_is_revocable : what n = Untyped -> revocable n = true)
    (links_root_begins_its_badge : first_badged n = true)
    (links_root_is_apart : forall x e, content k x = Some e -> ~ overlap (ecap e) (ecap n))
  : links_step head k (link_last head k n)
| links_issue u x a n kd
    (links_issue_is_of : content k (place u) = Some u)
    (links_issue_of_untyped : what u = Untyped)
    (links_issue_into_a_free_slot : is_free head k x)
    (links_issue_makes_something : 0 < n)
    (links_issue_begins_in_the_block : base (ecap u) <= a)
    (links_issue_ends_in_the_block : a + n <= base (ecap u) + size (ecap u))
    (links_issue_of_what_counts_as_used : a + n <= base (ecap u) + handed u)
    (links_issue_is_nobodys : nobody_but u k (new_cap a n kd))
  : links_step head k (link_after k (place u) (made x kd a n true))
| links_zombie z
    (links_zombie_is_of : content k (place z) = Some z)
    (links_zombie_of_typed : what z <> Untyped)
    (links_zombie_of_childless : child_next k z = false)
  : links_step head k (update k (place z) barren)
| links_delete e
    (links_delete_is_of : content k (place e) = Some e)
  : links_step head k (unlink k (place e))
| links_move to from
    (links_move_is_of : content k from <> None)
    (links_move_into_a_free_slot : is_free head k to)
  : links_step head k (relocate k to from)
| links_swap x y
    (links_swap_of_two : x <> y)
    (links_swap_is_of_one : content k x <> None)
    (links_swap_is_of_other : content k y <> None)
  : links_step head k (exchange_links k x y).

Inductive links_run (head : slot) : links -> links -> Prop :=
| links_run_end k : links_run head k k
| links_run_step k k' k'' : links_step head k k' -> links_run head k' k'' -> links_run head k k''.

(** ** They are those of the list *)

Section List.

Variable head : slot.
Variable k : links.
Variable l : list entry.
Hypothesis R : represents head k l.

Lemma content_is_in x e : content k x = Some e -> In e l /\ place e = x.
Proof.
  intros C. destruct (in_dec Nat.eq_dec x (map place l)) as [I | I].
  - destruct (in_place l x I) as (a & d & b & -> & <-).
    assert (D : In d (a ++ d :: b)) by (apply in_or_app; simpl; auto).
    rewrite (rep_content _ _ _ R d D) in C. injection C as <-. auto.
  - rewrite (rep_empty _ _ _ R x I) in C. discriminate.
Qed.

Lemma free_is_absent x : is_free head k x -> ~ In x (map place l).
Proof.
  intros [_ F] I. destruct (in_place l x I) as (a & d & b & -> & <-).
  rewrite (rep_content _ _ _ R d) in F; [discriminate | apply in_or_app; simpl; auto].
Qed.

Lemma occupied_is_in x : content k x <> None -> In x (map place l).
Proof.
  intros C. destruct (content k x) as [e |] eqn:E; [| congruence].
  destruct (content_is_in x e E) as [I <-]. apply in_map, I.
Qed.

Lemma places_differ : NoDup (map place l).
Proof. assert (N := rep_nodup _ _ _ R). inversion_clear N. assumption. Qed.

(** The look at the next slot is the look at what is behind in the list. *)
Lemma child_next_is_child_behind e :
  content k (place e) = Some e -> child_next k e = child_behind (place e) l.
Proof.
  intros C. destruct (content_is_in _ _ C) as [I _]. apply in_split in I.
  destruct I as (a & b & E). assert (R' := R). rewrite E in R'.
  assert (N := places_differ). unfold child_next. rewrite E in *.
  rewrite (next_is_next head k a e b R'), (child_behind_place a e b N). destruct b; reflexivity.
Qed.

End List.

(** *** Retype of many is Retype of one, many times *)

Lemma objects_place xs : forall kd a n, map place (objects xs kd a n) = xs.
Proof. induction xs as [| x r IH]; intros; simpl; [reflexivity | rewrite IH; reflexivity]. Qed.

Definition give (u : entry) (w : nat) : entry := set_handed (place u) w u.

Lemma set_handed_absent u w l : ~ In u (map place l) -> map (set_handed u w) l = l.
Proof.
  induction l as [| e l IH]; simpl; [reflexivity |]. intros H. rewrite IH by tauto.
  unfold set_handed. destruct (Nat.eqb_spec (place e) u); [tauto | reflexivity].
Qed.

Lemma set_handed_only a u b w : NoDup (map place (a ++ u :: b)) ->
  map (set_handed (place u) w) (a ++ u :: b) = a ++ give u w :: b.
Proof.
  intros N. destruct (not_in_place a u b N) as [Na Nb]. rewrite map_app. simpl.
  rewrite !set_handed_absent by assumption. reflexivity.
Qed.

Lemma give_place u w : place (give u w) = place u.
Proof. apply set_handed_place. Qed.

Lemma give_is u w : give u w =
  Entry (place u) (what u) (ecap u) (badge u) (revocable u) (first_badged u) w.
Proof. unfold give, set_handed. rewrite Nat.eqb_refl. reflexivity. Qed.

Lemma give_twice u v w : give (give u v) w = give u w.
Proof. rewrite !give_is. reflexivity. Qed.

Lemma made_behind a u b x kd o n rev w : NoDup (map place (a ++ u :: b)) ->
  insert_behind (place u) (made x kd o n rev) (map (set_handed (place u) w) (a ++ u :: b)) =
  a ++ give u w :: made x kd o n rev :: b.
Proof.
  intros N. rewrite (set_handed_only a u b w N), <- (give_place u w).
  apply insert_behind_place. rewrite map_app in *. simpl in *. rewrite give_place. exact N.
Qed.

Lemma with_made_nodup a u b x kd o n rev w : NoDup (map place (a ++ u :: b)) ->
  ~ In x (map place (a ++ u :: b)) ->
  NoDup (map place (a ++ give u w :: made x kd o n rev :: b)).
Proof.
  intros N X. rewrite map_app in *. simpl in *. rewrite give_place.
  change (place u :: x :: map place b) with ([place u] ++ x :: map place b).
  rewrite app_assoc. apply (NoDup_Add (a := x) (l := (map place a ++ [place u]) ++ map place b)).
  - apply Add_app.
  - rewrite <- app_assoc. auto.
Qed.

Lemma with_made_absent a u b x kd o n rev w z : z <> x -> ~ In z (map place (a ++ u :: b)) ->
  ~ In z (map place (a ++ give u w :: made x kd o n rev :: b)).
Proof. rewrite !in_places_iff. simpl. rewrite give_place. intuition. Qed.

Lemma give_what u w : what (give u w) = what u.
Proof. rewrite give_is. reflexivity. Qed.
Lemma give_cap u w : ecap (give u w) = ecap u.
Proof. rewrite give_is. reflexivity. Qed.
Lemma give_handed u w : handed (give u w) = w.
Proof. rewrite give_is. reflexivity. Qed.

(** The bytes that a Retype of one has handed out are those below what the next one makes. *)
Lemma retype_each xs : forall a u b kd o n, xs <> [] -> NoDup (map place (a ++ u :: b)) ->
  NoDup xs -> (forall x, In x xs -> ~ In x (map place (a ++ u :: b))) ->
  what u = Untyped -> 0 < n -> base (ecap u) <= o ->
  o + length xs * n <= base (ecap u) + size (ecap u) ->
  (child_behind (place u) (a ++ u :: b) = true -> base (ecap u) + handed u <= o) ->
  list_run (a ++ u :: b)
    (a ++ give u (o + length xs * n - base (ecap u)) :: rev (objects xs kd o n) ++ b).
Proof.
  induction xs as [| x r IH]; intros a u b kd o n Some_ N D X U Pos Low High Above; [congruence |].
  inversion_clear D. simpl length in *.
  assert (Step : list_step (a ++ u :: b)
    (a ++ give u (o + n - base (ecap u)) :: made x kd o n true :: b)).
  { rewrite <- (made_behind a u b x kd o n true _ N). apply list_retype; auto.
    - apply in_or_app. simpl. auto.
    - apply X. left. reflexivity.
    - lia. }
  apply (list_run_step _ _ _ Step). destruct r as [| y r].
  - simpl. replace (o + (n + 0) - base (ecap u)) with (o + n - base (ecap u)) by lia. constructor.
  - assert (Run := IH a (give u (o + n - base (ecap u))) (made x kd o n true :: b) kd (o + n) n).
    rewrite give_twice, give_place, give_what, give_cap, give_handed in Run.
    replace (o + S (length (y :: r)) * n) with (o + n + length (y :: r) * n) by lia.
    change (rev (objects (x :: y :: r) kd o n))
      with (rev (objects (y :: r) kd (o + n) n) ++ [made x kd o n true]).
    rewrite <- app_assoc. apply Run; try assumption; try lia.
    + discriminate.
    + apply with_made_nodup; [exact N | apply X; left; reflexivity].
    + intros z Z. apply with_made_absent; [intros ->; tauto | apply X; right; exact Z].
Qed.

(** *** Each operation on the links is a list of operations on the list *)

Lemma objects_in xs kd n m : forall a, In m (objects xs kd a n) -> In (place m) xs.
Proof.
  intros a I. rewrite <- (objects_place xs kd a n). apply in_map, I.
Qed.

Lemma retype_links_refines head k l u xs kd o n :
  represents head k l -> retype_is_checked head k u xs o n ->
  exists a b, l = a ++ u :: b /\
    represents head (retype_links k u xs kd o n)
      (a ++ give u (o + length xs * n - base (ecap u)) :: rev (objects xs kd o n) ++ b).
Proof.
  intros R C. destruct (content_is_in head k l R _ _ (checks_the_source _ _ _ _ _ _ C)) as [I _].
  apply in_split in I. destruct I as (a & b & ->). exists a, b. split; [reflexivity |].
  assert (N := places_differ _ _ _ R). unfold retype_links.
  set (w := o + length xs * n - base (ecap u)).
  assert (R' := watermark_refines head k _ (place u) w R).
  rewrite (set_handed_only a u b w N) in R'.
  assert (L := link_piece_refines head _ a (give u w) b (objects xs kd o n) R').
  rewrite give_place in L. apply L.
  - rewrite objects_place. exact (checks_different_slots _ _ _ _ _ _ C).
  - intros m M E. apply objects_in in M. rewrite E in M.
    exact (checks_real_slots _ _ _ _ _ _ C M).
  - intros m M J. apply objects_in in M.
    assert (F := checks_empty_slots _ _ _ _ _ _ C _ M).
    apply (free_is_absent head k _ R (place m)).
    + split; [| exact F]. intros E. rewrite E in M. exact (checks_real_slots _ _ _ _ _ _ C M).
    + rewrite map_app in *. simpl in *. rewrite give_place in J. exact J.
Qed.

Lemma link_after_behind head k l e n : represents head k l -> content k (place e) = Some e ->
  is_free head k (place n) ->
  represents head (link_after k (place e) n) (insert_behind (place e) n l).
Proof.
  intros R C F. destruct (content_is_in head k l R _ _ C) as [I _].
  apply in_split in I. destruct I as (a & b & ->).
  rewrite insert_behind_place by exact (places_differ _ _ _ R).
  apply link_after_refines; [exact R | exact (proj1 F) | exact (free_is_absent _ _ _ R _ F)].
Qed.

Lemma filled_and_behind head k l u n : represents head k l -> content k (place u) = Some u ->
  is_free head k (place n) ->
  let w := size (ecap u) in
  represents head (link_after (update k (place u) (set_handed (place u) w)) (place u) n)
    (insert_behind (place u) n (map (set_handed (place u) w) l)).
Proof.
  intros R C F. simpl. set (w := size (ecap u)).
  assert (R' := watermark_refines head k l (place u) w R).
  assert (D : place n <> place u) by (intros E; destruct F as [_ F]; congruence).
  assert (H := link_after_behind head _ _ (give u w) n R'). rewrite give_place in H. apply H.
  - unfold update. simpl. rewrite set_same, C. reflexivity.
  - split; [exact (proj1 F) |]. unfold update. simpl. rewrite set_other by exact D. exact (proj2 F).
Qed.

Theorem links_steps_are_list_runs head k k' l : represents head k l -> links_step head k k' ->
  exists l', list_run l l' /\ represents head k' l'.
Proof.
  assert (Once : forall l1 l2, list_step l1 l2 -> list_run l1 l2).
  { intros l1 l2 S. exact (list_run_step l1 l2 l2 S (list_run_end l2)). }
  intros R H. destruct H.
  - destruct (retype_links_refines head k l u xs kd a n R links_retype_is_checked)
      as (la & lb & -> & R'). eexists. split; [| exact R'].
    destruct links_retype_is_checked. apply retype_each; auto.
    + exact (places_differ _ _ _ R).
    + intros x X. apply (free_is_absent head k _ R). split; [intros -> |]; auto.
    + rewrite <- (child_next_is_child_behind head k _ R u); assumption.
  - eexists. split; [| apply (filled_and_behind head k l u); assumption].
    destruct (content_is_in head k l R _ _ links_pool_is_of) as [I _].
    replace (size (ecap u)) with (base (ecap u) + size (ecap u) - base (ecap u)) at 2 by lia.
    apply Once, list_retype; auto; try lia.
    + exact (free_is_absent _ _ _ R _ links_pool_into_a_free_slot).
    + rewrite <- (child_next_is_child_behind head k _ R u links_pool_is_of). congruence.
  - eexists. split; [| apply (filled_and_behind head k l u); assumption].
    destruct (content_is_in head k l R _ _ links_copy_is_of_untyped) as [I _].
    apply Once, list_copy_untyped; auto.
    + exact (free_is_absent _ _ _ R _ links_copy_untyped_into_a_free_slot).
    + rewrite <- (child_next_is_child_behind head k _ R u); assumption.
  - eexists. split; [| apply (link_after_behind head k l c); assumption].
    destruct (content_is_in head k l R _ _ links_copy_is_of) as [I _].
    apply Once, list_copy; auto.
    exact (free_is_absent _ _ _ R _ links_copy_into_a_free_slot).
  - assert (X := free_is_absent _ _ _ R _ links_root_into_a_free_slot).
    eexists. split; [| apply link_last_refines;
      [exact R | apply links_root_into_a_free_slot | exact X]].
    apply Once, list_root; auto.
    intros e E. apply (links_root_is_apart (place e)), (rep_content _ _ _ R e E).
  - eexists. split; [| apply (link_after_behind head k l u); assumption].
    destruct (content_is_in head k l R _ _ links_issue_is_of) as [I _].
    apply Once, list_issue; auto.
    + exact (free_is_absent _ _ _ R _ links_issue_into_a_free_slot).
    + intros e E. apply (links_issue_is_nobodys (place e)), (rep_content _ _ _ R e E).
  - eexists. split; [| apply barren_refines; exact R].
    destruct (content_is_in head k l R _ _ links_zombie_is_of) as [I _].
    apply Once, list_zombie; auto. rewrite <- (child_next_is_child_behind head k _ R z); assumption.
  - destruct (content_is_in head k l R _ _ links_delete_is_of) as [I _].
    apply in_split in I. destruct I as (a & b & ->).
    exists (remove (place e) (a ++ e :: b)). split; [apply Once, list_delete |].
    rewrite remove_place by exact (places_differ _ _ _ R). apply unlink_refines, R.
  - exists (map (rename to from) l). split; [apply Once, list_swap |].
    apply relocate_refines; [exact R | exact (occupied_is_in _ _ _ R _ links_move_is_of) | |].
    + exact (free_is_absent _ _ _ R _ links_move_into_a_free_slot).
    + apply links_move_into_a_free_slot.
  - exists (map (rename x y) l). split; [apply Once, list_swap |].
    apply exchange_refines; [exact R | exact links_swap_of_two | |].
    + exact (occupied_is_in _ _ _ R _ links_swap_is_of_one).
    + exact (occupied_is_in _ _ _ R _ links_swap_is_of_other).
Qed.

Theorem links_runs_are_list_runs head k k' l : represents head k l -> links_run head k k' ->
  exists l', list_run l l' /\ represents head k' l'.
Proof.
  intros R H. revert l R. induction H as [k | k k' k'' S _ IH]; intros l R.
  - exists l. split; [constructor | exact R].
  - destruct (links_steps_are_list_runs head k k' l R S) as (l1 & L1 & R1).
    destruct (IH l1 R1) as (l2 & L2 & R2). exists l2. split; [| exact R2].
    exact (list_run_trans _ _ _ L1 L2).
Qed.

(** ** The machine *)

(** What holds of the slots in every state: they are a list, that says a tree, whose invariants
    hold. *)
Record sound (head : slot) (k : links) (l : list entry) (t : tree) : Prop := {
  sound_links : represents head k l;
  sound_reading : reads l t;
  sound_list : good l;
  sound_tree : well_formed t
}.

(** [knows] of Derivation.v, of the slots: every capability that somebody holds is in a slot, or
    lies inside a typed object that a slot has a capability to. *)
Definition slots_know (k : links) (s : state) : Prop :=
  forall h c, s h c -> exists x e, content k x = Some e /\
    (ecap e = c \/ inside c (ecap e) /\ what e <> Untyped).

Lemma entry_untyped l t a e b : reads l t -> good l -> l = a ++ e :: b ->
  exists n, t (place e) = Some n /\ held n = ecap e /\ used n = handed e /\
    (untyped n <-> what e = Untyped).
Proof.
  intros R G ->. eexists. split; [exact (r_there _ _ R a e b eq_refl) |].
  repeat (split; [reflexivity |]). unfold untyped. simpl.
  rewrite (g_kinds _ G e); [reflexivity | apply in_or_app; simpl; auto].
Qed.

Lemma slots_know_is_tree_knows head k l t s :
  sound head k l t -> slots_know k s -> knows t s.
Proof.
  intros [R Rd G _] K h c P. destruct (K h c P) as (x & e & C & H).
  destruct (content_is_in head k l R x e C) as [I _]. apply in_split in I.
  destruct I as (a & b & L). destruct (entry_untyped l t a e b Rd G L) as (n & T & E & _ & U).
  exists (place e), n. split; [exact T |]. rewrite E, U. exact H.
Qed.

Section Domains.

Variable domain_name : Type.
Variable domain : address -> domain_name.
Variable trusted : domain_name -> Prop.
Variable head : slot.

Notation subject := (subject domain_name domain trusted).
Notation step := (step domain_name domain trusted).
Notation kernel_step := (kernel_step domain_name domain trusted).
Notation kernel_run := (kernel_run domain_name domain trusted).
Notation isolated := (isolated domain_name domain trusted).
Notation exclusive := (exclusive domain_name domain trusted).

Fixpoint put_objects (s : state) (to : address) (xs : list slot) (kd : kind) (a n : nat) : state :=
  match xs with
  | [] => s
  | _ :: r => put_objects (put s to (new_cap a n kd)) to r kd (a + n) n
  end.

(** Retype of as many objects as there are slots, into the CNode [to]; any other command, with what
    it does to the links.  [machine_other] leaves to the kernel's care that the slots still know
    every capability: that is the one thing about bookkeeping that is assumed. *)
Inductive machine_step (k : links) (s : state) : links -> state -> Prop :=
| machine_retype thread at_u u xs kd a n to
    (machine_is_by_a_subject : subject thread)
    (machine_finds_the_untyped : reaches s thread at_u)
    (machine_has_the_untyped : s at_u (ecap u))
    (machine_finds_the_slots : reaches s thread to)
    (machine_checks_the_retype : retype_is_checked head k u xs a n)
  : machine_step k s (retype_links k u xs kd a n) (put_objects s to xs kd a n)
| machine_other (cmd : command) (s' : state) (k' : links)
    (machine_other_is_legal : step s cmd s')
    (machine_other_operates_on_the_links : links_run head k k')
    (machine_other_leaves_all_known : slots_know k' s')
  : machine_step k s k' s'.

Inductive machine_run : links -> state -> links -> state -> Prop :=
| machine_run_end k s : machine_run k s k s
| machine_run_step k s k' s' k'' s'' :
    machine_step k s k' s' -> machine_run k' s' k'' s'' -> machine_run k s k'' s''.

Lemma reaches_put s t h h' c : reaches s t h -> reaches (put s h' c) t h.
Proof.
  intros H. induction H as [| h c0 h2 _ IH P C V]; [constructor |].
  apply (reaches_store _ t h c0 h2 IH); [left; exact P | exact C | exact V].
Qed.

Lemma kernel_run_trans t s t' s' t'' s'' :
  kernel_run t s t' s' -> kernel_run t' s' t'' s'' -> kernel_run t s t'' s''.
Proof. intros H H'. induction H; [exact H' | eapply kernel_run_step; eauto]. Qed.

(** Retype of many is a run of Kernel.v's Retype of one. *)
Lemma retype_each_in_the_tree xs : forall s t a u b thread at_u to kd o n, xs <> [] ->
  reads (a ++ u :: b) t -> good (a ++ u :: b) -> well_formed t -> knows t s ->
  subject thread -> reaches s thread at_u -> s at_u (ecap u) -> reaches s thread to ->
  NoDup xs -> (forall x, In x xs -> ~ In x (map place (a ++ u :: b))) ->
  what u = Untyped -> 0 < n -> base (ecap u) <= o ->
  o + length xs * n <= base (ecap u) + size (ecap u) ->
  (child_behind (place u) (a ++ u :: b) = true -> base (ecap u) + handed u <= o) ->
  exists t', kernel_run t s t' (put_objects s to xs kd o n) /\
    reads (a ++ give u (o + length xs * n - base (ecap u)) :: rev (objects xs kd o n) ++ b) t' /\
    good (a ++ give u (o + length xs * n - base (ecap u)) :: rev (objects xs kd o n) ++ b) /\
    well_formed t' /\ knows t' (put_objects s to xs kd o n).
Proof.
  induction xs as [| x r IH]; intros s t a u b thread at_u to kd o n Some_ R G W K Sub Fu Hu Ft D X
    U
    Pos Low High Above; [congruence |].
  inversion_clear D. simpl length in *.
  assert (N := r_nodup _ _ R). assert (Xx := X x (or_introl eq_refl)).
  assert (Iu : In u (a ++ u :: b)) by (apply in_or_app; simpl; auto).
  destruct (entry_untyped _ t a u b R G eq_refl) as (nu & Tu & Cu & Us & Un).
  set (w := o + n - base (ecap u)). set (s1 := put s to (new_cap o n kd)).
  assert (Step : kernel_step t s
    (insert (hand_out t (place u) w) x (Node (new_cap o n kd) (Some (place u)) 0)) s1).
  { unfold w. rewrite <- Cu.
    apply (kernel_retype domain_name domain trusted t s thread at_u (place u) nu x o n kd to);
      try rewrite Cu; auto.
    - apply Un, U.
    - exact (r_none _ _ R x Xx).
    - lia.
    - intros C. rewrite Us. apply Above. rewrite child_behind_place by exact N.
      apply (no_child_in_the_list_is_no_child_in_the_tree a u b t R), C. }
  destruct (kernel_step_is_a_step domain_name domain trusted _ _ _ _ W K Step) as (W1 & K1 & _).
  destruct (retype_on_the_list (a ++ u :: b) t u x o n kd true R G W Iu U Xx Pos Low) as [R1 G1];
    [lia | exact Above | reflexivity |].
  fold w in R1, G1. rewrite (made_behind a u b x kd o n true w N) in R1, G1.
  destruct r as [| y r].
  - simpl. replace (o + (n + 0) - base (ecap u)) with w by (unfold w; lia).
    eexists. split; [exact (kernel_run_step _ _ _ _ _ _ _ _ _ Step (kernel_run_end _ _ _ _ _)) |].
    auto.
  - destruct (IH s1 (insert (hand_out t (place u) w) x (Node (new_cap o n kd) (Some (place u)) 0))
      a (give u w) (made x kd o n true :: b) thread at_u to kd (o + n) n)
      as (t' & Run & R' & G' & W' & K'); try rewrite ?give_place, ?give_what, ?give_cap,
        ?give_handed;
      try discriminate; try assumption; try (unfold w; lia); try (apply reaches_put; assumption).
    + left. exact Hu.
    + intros z Z. apply with_made_absent; [intros ->; tauto | apply X; right; exact Z].
    + rewrite give_twice, give_cap in R', G'. exists t'.
      split; [exact (kernel_run_step _ _ _ _ _ _ _ _ _ Step Run) |].
      replace (o + S (length (y :: r)) * n) with (o + n + length (y :: r) * n) by lia.
      change (rev (objects (x :: y :: r) kd o n))
        with (rev (objects (y :: r) kd (o + n) n) ++ [made x kd o n true]).
      rewrite <- app_assoc. auto.
Qed.

Theorem machine_steps_are_kernel_runs k s k' s' l t :
  sound head k l t -> knows t s -> machine_step k s k' s' ->
  exists l' t', sound head k' l' t' /\ knows t' s' /\ kernel_run t s t' s'.
Proof.
  intros [R Rd G W] K H. destruct H.
  - destruct (retype_links_refines head k l u xs kd a n R machine_checks_the_retype)
      as (la & lb & -> & R').
    assert (C := machine_checks_the_retype). destruct C.
    destruct (retype_each_in_the_tree xs s t la u lb thread at_u to kd a n)
      as (t' & Run & Rd' & G' & W' & K'); auto.
    + intros x X. apply (free_is_absent head k _ R). split; [intros -> |]; auto.
    + rewrite <- (child_next_is_child_behind head k _ R u); assumption.
    + eexists. exists t'. split; [split; eassumption | auto].
  - destruct (links_runs_are_list_runs head k k' l R machine_other_operates_on_the_links)
      as (l' & L & R').
    destruct (list_runs_are_tree_runs l l' t Rd G W L) as (t' & T & Rd' & G' & W').
    assert (S' : sound head k' l' t') by (split; assumption).
    assert (K' := slots_know_is_tree_knows head k' l' t' s' S' machine_other_leaves_all_known).
    exists l', t'. split; [exact S' |]. split; [exact K' |].
    refine (kernel_run_step _ _ _ _ _ _ _ _ _ _ (kernel_run_end _ _ _ _ _)).
    exact (kernel_other domain_name domain trusted t s cmd s' t' machine_other_is_legal T K').
Qed.

Theorem machine_runs_are_kernel_runs k s k' s' l t :
  sound head k l t -> knows t s -> machine_run k s k' s' ->
  exists l' t', sound head k' l' t' /\ knows t' s' /\ kernel_run t s t' s'.
Proof.
  intros S K H. revert l t S K. induction H as [k s | k s k' s' k'' s'' M _ IH]; intros l t S K.
  - exists l, t. split; [exact S |]. split; [exact K | apply kernel_run_end].
  - destruct (machine_steps_are_kernel_runs k s k' s' l t S K M) as (l1 & t1 & S1 & K1 & Run1).
    destruct (IH l1 t1 S1 K1) as (l2 & t2 & S2 & K2 & Run2). exists l2, t2.
    split; [exact S2 |]. split; [exact K2 | exact (kernel_run_trans _ _ _ _ _ _ Run1 Run2)].
Qed.

(** At boot the slots are a ring of originals to different memory, and know what everybody holds. *)
Record booted (k : links) (l : list entry) (s : state) : Prop := {
  boot_links : represents head k l;
  boot_of_originals : boot_list l;
  boot_knows_all : slots_know k s
}.

Lemma booted_is_sound k l s :
  booted k l s -> sound head k l (read l) /\ knows (read l) s.
Proof.
  intros [R B K]. destruct (boot_list_is_good l B) as (G & Rd & W).
  assert (S : sound head k l (read l)) by (split; assumption).
  split; [exact S | exact (slots_know_is_tree_knows head k l _ s S K)].
Qed.

(** ** The theorems *)

(** The paper's claim, of the list in the slots: a distribution that respects the restrictions at
    boot is isolated whatever the machine did since. *)
Theorem links_keep_isolation k0 l0 s0 k s :
  booted k0 l0 s0 -> isolated s0 -> machine_run k0 s0 k s -> isolated s.
Proof.
  intros B I M. destruct (booted_is_sound k0 l0 s0 B) as [S K].
  destruct (machine_runs_are_kernel_runs _ _ _ _ _ _ S K M) as (l & t & _ & _ & Run).
  exact (kernel_keeps_isolation domain_name domain trusted _ s0 t s (sound_tree _ _ _ _ S) K I Run).
Qed.

Theorem links_keep_memory_exclusive k0 l0 s0 k s a :
  booted k0 l0 s0 -> isolated s0 -> machine_run k0 s0 k s -> exclusive s0 a -> exclusive s a.
Proof.
  intros B I M E. destruct (booted_is_sound k0 l0 s0 B) as [S K].
  destruct (machine_runs_are_kernel_runs _ _ _ _ _ _ S K M) as (l & t & _ & _ & Run).
  exact (kernel_keeps_memory_exclusive domain_name domain trusted _ s0 t s a
           (sound_tree _ _ _ _ S) K I Run E).
Qed.

(** And in every such state the slots are one circular list, that says one well-formed tree. *)
Theorem slots_stay_sound k0 l0 s0 k s :
  booted k0 l0 s0 -> machine_run k0 s0 k s -> exists l t, sound head k l t /\ knows t s.
Proof.
  intros B M. destruct (booted_is_sound k0 l0 s0 B) as [S K].
  destruct (machine_runs_are_kernel_runs _ _ _ _ _ _ S K M) as (l & t & S' & K' & _).
  exists l, t. auto.
Qed.

End Domains.

(** The look at the next slot decides whether there are children in the tree. *)
Theorem the_next_slot_decides head k l t e : sound head k l t -> content k (place e) = Some e ->
  (child_next k e = true <-> has_child t (place e)).
Proof.
  intros [R Rd _ _] C. rewrite (child_next_is_child_behind head k l R e C).
  destruct (content_is_in head k l R _ _ C) as [I _]. apply in_split in I.
  destruct I as (a & b & ->). rewrite child_behind_place by exact (r_nodup _ _ Rd).
  symmetry. exact (no_child_in_the_list_is_no_child_in_the_tree a e b t Rd).
Qed.

(** cdt_is_final(): the slots before and behind tell the last capability to an object. *)
Theorem the_neighbours_tell_the_last head k l t e :
  sound head k l t -> content k (place e) = Some e ->
  ((exists x y, x <> place e /\ content k x = Some y /\ alike y e) <->
   (exists y, content k (prev k (place e)) = Some y /\ prev k (place e) <> place e /\ alike y e) \/
   (exists y, content k (next k (place e)) = Some y /\ next k (place e) <> place e /\ alike y e)).
Proof.
  intros [R Rd G _] C. destruct (content_is_in head k l R _ _ C) as [I _].
  apply in_split in I. destruct I as (a & b & ->).
  destruct (not_own_neighbour head k _ (place e) R) as [Nn Np].
  { apply in_map, in_or_app. simpl. auto. }
  split.
  - intros (x & y & NE & Cx & A). destruct (content_is_in head k _ R _ _ Cx) as [I <-].
    destruct (proj1 (last_shows_at_the_neighbours a e b G)) as [(p & a' & -> & P) | (h & b' & -> &
      H)].
    + exists y. split; [| exact A]. rewrite in_app_iff in *. simpl in I.
      destruct I as [I | [I | I]]; auto. subst y. destruct (NE eq_refl).
    + left. exists p. split; [| split; [exact Np | exact P]].
      assert (R' : represents head k (a' ++ p :: e :: b))
        by (rewrite <- app_assoc in R; exact R).
      destruct (ring_of head k _ (place p) R') as (_ & B & _); [right; rewrite in_places_iff;
        auto |].
      rewrite (ring_next_place _ _ _ _ _ R') in B. rewrite B.
      apply (rep_content _ _ _ R'). rewrite in_app_iff. simpl. auto.
    + right. exists h. split; [| split; [exact Nn | exact H]].
      rewrite (ring_next_place _ _ _ _ _ R). apply (rep_content _ _ _ R).
      rewrite in_app_iff. simpl. auto.
  - intros [(y & Cy & NE & A) | (y & Cy & NE & A)]; eauto.
Qed.

(** ** Things happen *)

(** One thread, one untyped capability, a Retype of two endpoints at once: the list runs from the
    untyped capability over the later one to the earlier. *)
Example a_machine_runs :
  let thread := 100 in
  let u := Entry 1 Untyped (Cap 0 64 [Create]) 0 true true 0 in
  let k0 := link_last 0 (empty_ring 0) u in
  let s0 : state := fun h c => h = thread /\ c = ecap u in
  booted 0 k0 [u] s0 /\
  exists k s, machine_run unit (fun _ => tt) (fun _ => False) 0 k0 s0 k s /\
    content k 2 = Some (made 2 Endpoint 0 16 true) /\ s thread (new_cap 16 16 Endpoint) /\
    next k 1 = 3 /\ next k 3 = 2 /\ next k 2 = 0 /\ prev k 2 = 3 /\ prev k 0 = 2 /\
    content k 1 = Some (give u 32).
Proof.
  cbv zeta. split; [split |].
  - apply (link_last_refines 0 (empty_ring 0) []); [apply empty_ring_is_the_empty_list | |];
      simpl; [discriminate | tauto].
  - split.
    + repeat constructor. intros [].
    + intros e [<- | []]. simpl. lia.
    + intros e [<- | []]. unfold can. simpl. intuition.
    + intros e [<- | []]. reflexivity.
    + intros e [<- | []]. reflexivity.
    + intros a x b y c L. destruct a as [| ? [| ? ?]];
        [destruct b; discriminate | discriminate | discriminate].
  - intros h c [_ ->]. exists 1. eexists. split; [reflexivity | left; reflexivity].
  - eexists. eexists. split.
    + eapply machine_run_step; [| apply machine_run_end].
      apply (machine_retype _ _ _ _ _ _ 100 100 (Entry 1 Untyped (Cap 0 64 [Create]) 0 true true 0)
               [2; 3] Endpoint 0 16 100).
      * intros [].
      * constructor.
      * split; reflexivity.
      * constructor.
      * split; try reflexivity; simpl; try lia; try discriminate.
        -- repeat constructor; simpl; intuition discriminate.
        -- intros x [<- | [<- | []]]; reflexivity.
    + repeat split. simpl. right. auto.
Qed.
