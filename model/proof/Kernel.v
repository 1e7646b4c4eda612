(** * Kernel: a Retype that looks at the derivation tree only keeps isolation

    Isolation.v knows who holds what and lets Retype check all of it; Derivation.v knows the tree.
    Here the two run side by side, and Retype checks what the kernel checks: that the capability is
    untyped, and that what it makes lies in the block above what is handed out.  Each run of the
    two is a run of Isolation.v, so that all its theorems hold for it. *)

From Coq Require Import List Lia Arith.
Require Import Isolation Derivation.
Import ListNotations.

Section Domains.

Variable domain_name : Type.
Variable domain : address -> domain_name.
Variable trusted : domain_name -> Prop.

(** [kernel_other] is any other command: whatever it does to the tree, the tree must know every
    capability afterwards.  That is the one thing about bookkeeping that is assumed here. *)
Inductive kernel_step (t : tree) (s : state) : tree -> state -> Prop :=
| kernel_retype thread at_u u nu x a n k to
    (kernel_is_by_a_subject : subject domain_name domain trusted thread)
    (kernel_finds_the_untyped : reaches s thread at_u)
    (kernel_has_the_untyped : s at_u (held nu))
    (kernel_has_it_in_a_slot : t u = Some nu)
    (kernel_needs_untyped : untyped nu)
    (kernel_into_an_empty_slot : t x = None)
    (kernel_begins_in_the_block : base (held nu) <= a)
    (kernel_ends_in_the_block : a + n <= base (held nu) + size (held nu))
    (kernel_above_what_is_used : has_child t u -> base (held nu) + used nu <= a)
    (kernel_finds_the_slot : reaches s thread to)
  : kernel_step t s
      (insert (hand_out t u (a + n - base (held nu))) x (Node (new_cap a n k) (Some u) 0))
      (put s to (new_cap a n k))
| kernel_other (cmd : command) (s' : state) (t' : tree)
    (other_is_legal : step domain_name domain trusted s cmd s')
    (other_operates_on_the_tree : tree_run t t')
    (other_leaves_all_known : knows t' s')
  : kernel_step t s t' s'.

Inductive kernel_run : tree -> state -> tree -> state -> Prop :=
| kernel_run_end t s : kernel_run t s t s
| kernel_run_step t s t' s' t'' s'' :
    kernel_step t s t' s' -> kernel_run t' s' t'' s'' -> kernel_run t s t'' s''.

(** The tree knows what Retype has made. *)
Lemma retype_is_known t s u w x new to :
  knows t s -> t x = None ->
  knows (insert (hand_out t u w) x (Node new (Some u) 0)) (put s to new).
Proof.
  intros K Empty h c [P | [-> ->]].
  - destruct (K h c P) as (z & n & Z & H).
    assert (N : z <> x) by congruence.
    destruct (z =? u) eqn:E.
    + exists z, (Node (held n) (parent n) w).
      unfold insert, hand_out. rewrite E, Z. destruct (Nat.eqb_spec z x); [congruence |].
      split; [reflexivity | exact H].
    + exists z, n. unfold insert, hand_out. rewrite E, Z.
      destruct (Nat.eqb_spec z x); [congruence |]. auto.
  - exists x, (Node new (Some u) 0). unfold insert. rewrite Nat.eqb_refl. auto.
Qed.

(** A step of the two is a command of Isolation.v, and the tree stays well-formed and complete. *)
Lemma kernel_step_is_a_step t s t' s' :
  well_formed t -> knows t s -> kernel_step t s t' s' ->
  well_formed t' /\ knows t' s' /\ exists cmd, step domain_name domain trusted s cmd s'.
Proof.
  intros W K H. destruct H.
  - split; [| split].
    + apply (well_formed_is_kept t _ W). apply tree_retype; assumption.
    + exact (retype_is_known t s u _ x (new_cap a n k) to K kernel_into_an_empty_slot).
    + destruct (tree_gives_retypes_premise t s u nu a n k W K kernel_has_it_in_a_slot
                  kernel_needs_untyped kernel_begins_in_the_block kernel_ends_in_the_block
                  kernel_above_what_is_used) as [In No].
      eexists. exact (step_retype domain_name domain trusted s thread at_u (held nu) a n k to
                        kernel_is_by_a_subject kernel_finds_the_untyped kernel_has_the_untyped
                        kernel_needs_untyped In No kernel_finds_the_slot).
  - split; [exact (every_tree_is_well_formed t t' W other_operates_on_the_tree) |].
    split; [exact other_leaves_all_known | exists cmd; exact other_is_legal].
Qed.

Theorem kernel_runs_are_runs t s t' s' :
  well_formed t -> knows t s -> kernel_run t s t' s' ->
  exists cs, run domain_name domain trusted s cs s'.
Proof.
  intros W K R. induction R as [t s | t s t' s' t'' s'' H _ IH].
  - exists []. apply run_end.
  - destruct (kernel_step_is_a_step t s t' s' W K H) as (W' & K' & cmd & S).
    destruct (IH W' K') as [cs R]. exists (cmd :: cs). exact (run_done _ _ _ _ _ _ _ _ S R).
Qed.

Theorem kernel_keeps_isolation t s t' s' :
  well_formed t -> knows t s -> isolated domain_name domain trusted s -> kernel_run t s t' s' ->
  isolated domain_name domain trusted s'.
Proof.
  intros W K I R. destruct (kernel_runs_are_runs t s t' s' W K R) as [cs H].
  exact (isolation_is_kept domain_name domain trusted s cs s' I H).
Qed.

Theorem kernel_keeps_memory_exclusive t s t' s' a :
  well_formed t -> knows t s -> isolated domain_name domain trusted s -> kernel_run t s t' s' ->
  exclusive domain_name domain trusted s a -> exclusive domain_name domain trusted s' a.
Proof.
  intros W K I R E. destruct (kernel_runs_are_runs t s t' s' W K R) as [cs H].
  exact (exclusive_memory_stays_exclusive domain_name domain trusted s cs s' a I H E).
Qed.

End Domains.
