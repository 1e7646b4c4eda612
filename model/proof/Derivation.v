(** * Derivation: "no child in the tree" gives Retype what it needs

    Isolation.v demands of Retype that no capability but untyped ones overlaps what it makes.  The
    kernel does not search for such capabilities: it looks at the derivation tree, and at how much
    of the block it has handed out.  Here are the tree as explicit parents, the operations on it,
    and the invariants that they keep; from these follows the demand.

    Explicit parents are what model/cdt.c has as well.  That the kernel's list with its two tag
    bits says the same is proved in Order.v, and of its links in Links.v. *)

From Coq Require Import List Lia Arith.
Require Import Isolation.
Import ListNotations.

Definition slot := nat.

(** [used]: of an untyped capability, the bytes from its base that are handed out.  It counts only
    while there are children. *)
Record node := Node { held : cap; parent : option slot; used : nat }.

Definition tree := slot -> option node.

Definition untyped (n : node) : Prop := can (held n) Create.
Definition same_object (c c' : cap) : Prop := base c = base c' /\ size c = size c'.

Definition child (t : tree) (p x : slot) : Prop := exists n, t x = Some n /\ parent n = Some p.
Definition has_child (t : tree) (p : slot) : Prop := exists x, child t p x.

Inductive ancestor (t : tree) (a : slot) : slot -> Prop :=
| ancestor_parent x : child t a x -> ancestor t a x
| ancestor_above p x : child t p x -> ancestor t a p -> ancestor t a x.

(** ** Operations *)

Definition insert (t : tree) (x : slot) (n : node) : tree :=
  fun z => if z =? x then Some n else t z.

Definition hand_out (t : tree) (x : slot) (bytes : nat) : tree :=
  fun z => if z =? x then option_map (fun n => Node (held n) (parent n) bytes) (t z) else t z.

(** The children of what is deleted take its place. *)
Definition adopt (x : slot) (p : option slot) (n : node) : node :=
  match parent n with
  | Some q => if q =? x then Node (held n) p (used n) else n
  | None => n
  end.

Definition delete (t : tree) (x : slot) : tree :=
  match t x with
  | Some nx => fun z => if z =? x then None else option_map (adopt x (parent nx)) (t z)
  | None => t
  end.

Definition exchange (x y z : slot) : slot := if z =? x then y else if z =? y then x else z.

Definition swap (t : tree) (x y : slot) : tree :=
  fun z => option_map (fun n => Node (held n) (option_map (exchange x y) (parent n)) (used n))
                      (t (exchange x y z)).

(** The operations.  [tree_swap] with an empty slot is a move.  A copy of an original becomes its
    child and a copy of a copy its sibling; here either may be either.  MakePool is a Retype.
    [tree_root] is a capability to what nobody had one to: a thread's reply master.  [tree_issue]
    makes an object in what counts as handed out, and so must know that it is nobody's: an
    interrupt's handler. *)
Inductive tree_step (t : tree) : tree -> Prop :=
| tree_retype u nu x a n k
    (retype_is_of : t u = Some nu)
    (retype_of_untyped : untyped nu)
    (retype_into_an_empty_slot : t x = None)
    (retype_begins_in_the_block : base (held nu) <= a)
    (retype_ends_in_the_block : a + n <= base (held nu) + size (held nu))
    (retype_above_what_is_used : has_child t u -> base (held nu) + used nu <= a)
  : tree_step t (insert (hand_out t u (a + n - base (held nu))) x (Node (new_cap a n k) (Some u) 0))
| tree_copy_untyped u nu x
    (copy_is_of_untyped : t u = Some nu)
    (copy_of_untyped : untyped nu)
    (copy_untyped_into_an_empty_slot : t x = None)
    (copy_of_childless : ~ has_child t u)
  : tree_step t (insert (hand_out t u (size (held nu))) x (Node (held nu) (Some u) 0))
| tree_copy y ny x rs p
    (copy_is_of : t y = Some ny)
    (copy_of_typed : ~ untyped ny)
    (copy_into_an_empty_slot : t x = None)
    (copy_diminishes : incl rs (rights (held ny)))
    (copy_is_child_or_sibling : p = Some y \/ p = parent ny)
  : tree_step t (insert t x (Node (with_rights (held ny) rs) p 0))
| tree_root x c w
    (root_into_an_empty_slot : t x = None)
    (root_is_apart : forall y ny, t y = Some ny -> ~ overlap (held ny) c)
  : tree_step t (insert t x (Node c None w))
| tree_issue u nu x a n k
    (issue_is_of : t u = Some nu)
    (issue_of_untyped : untyped nu)
    (issue_into_an_empty_slot : t x = None)
    (issue_begins_in_the_block : base (held nu) <= a)
    (issue_ends_in_the_block : a + n <= base (held nu) + size (held nu))
    (issue_of_what_counts_as_used : a + n <= base (held nu) + used nu)
    (issue_is_nobodys : forall y ny, t y = Some ny -> overlap (held ny) (new_cap a n k) -> y = u)
  : tree_step t (insert t x (Node (new_cap a n k) (Some u) 0))
| tree_delete x : tree_step t (delete t x)
| tree_swap x y : tree_step t (swap t x y).

Inductive tree_run : tree -> tree -> Prop :=
| tree_run_end t : tree_run t t
| tree_run_step t t' t'' : tree_step t t' -> tree_run t' t'' -> tree_run t t''.

(** Revoke deletes descendants one by one, and may be interrupted after each. *)
Inductive revoked_so_far (u : slot) : tree -> tree -> Prop :=
| revoked_none t : revoked_so_far u t t
| revoked_one t v t' :
    ancestor t u v -> revoked_so_far u (delete t v) t' -> revoked_so_far u t t'.

(** ** Invariants *)

Definition parents_are_there (t : tree) : Prop :=
  forall p x, child t p x -> exists np, t p = Some np.

Definition nobody_descends_from_itself (t : tree) : Prop := forall x, ~ ancestor t x x.

(** The first invariant of the paper's Retype (3.2.1): children are wholly contained. *)
Definition children_of_untyped_lie_inside (t : tree) : Prop :=
  forall p np x nx, t p = Some np -> t x = Some nx -> parent nx = Some p -> untyped np ->
  inside (held nx) (held np).

Definition children_lie_in_what_is_used (t : tree) : Prop :=
  forall p np x nx, t p = Some np -> t x = Some nx -> parent nx = Some p -> untyped np ->
  forall a, covers (held nx) a -> a < base (held np) + used np.

Definition children_of_objects_are_copies (t : tree) : Prop :=
  forall p np x nx, t p = Some np -> t x = Some nx -> parent nx = Some p -> ~ untyped np ->
  same_object (held nx) (held np) /\ ~ untyped nx.

(** The second: they do not overlap.  What overlaps is one object, or one derives from the other. *)
Definition overlap_is_descent (t : tree) : Prop :=
  forall x nx y ny, t x = Some nx -> t y = Some ny -> x <> y -> overlap (held nx) (held ny) ->
  untyped nx /\ ancestor t x y \/ untyped ny /\ ancestor t y x \/
  same_object (held nx) (held ny) /\ ~ untyped nx /\ ~ untyped ny.

Record well_formed (t : tree) : Prop := {
  wf_parents : parents_are_there t;
  wf_acyclic : nobody_descends_from_itself t;
  wf_inside : children_of_untyped_lie_inside t;
  wf_used : children_lie_in_what_is_used t;
  wf_copies : children_of_objects_are_copies t;
  wf_overlap : overlap_is_descent t
}.

(** ** What follows from the invariants *)

Lemma untyped_dec n : {untyped n} + {~ untyped n}.
Proof. unfold untyped, can. apply in_dec. decide equality. Qed.

Lemma same_object_covers c c' a : same_object c c' -> covers c a -> covers c' a.
Proof. unfold same_object, covers. lia. Qed.

Lemma same_object_sym c c' : same_object c c' -> same_object c' c.
Proof. unfold same_object. intuition. Qed.

Lemma parent_contains t p np x nx :
  well_formed t -> t p = Some np -> t x = Some nx -> parent nx = Some p ->
  inside (held nx) (held np).
Proof.
  intros W P X L. destruct (untyped_dec np) as [U | U].
  - exact (wf_inside t W p np x nx P X L U).
  - destruct (wf_copies t W p np x nx P X L U) as [Same _].
    intros a. exact (same_object_covers _ _ a Same).
Qed.

Lemma ancestor_is_there t a x : parents_are_there t -> ancestor t a x -> exists na, t a = Some na.
Proof. intros W H. induction H as [x C | p x _ _ IH]; eauto. Qed.

Lemma ancestor_contains t a na x nx :
  well_formed t -> ancestor t a x -> t a = Some na -> t x = Some nx ->
  inside (held nx) (held na).
Proof.
  intros W H A. revert nx. induction H as [x (n & X & L) | p x (n & X & L) H IH]; intros nx X'.
  - assert (n = nx) by congruence. subst n. exact (parent_contains t a na x nx W A X L).
  - assert (n = nx) by congruence. subst n.
    destruct (wf_parents t W p x) as [np P]; [exists nx; auto |].
    intros b V. apply (IH np P), (parent_contains t p np x nx W P X L), V.
Qed.

Lemma ancestor_has_child t a x : ancestor t a x -> has_child t a.
Proof. intros H. induction H as [x C | p x _ _ IH]; [exists x; exact C | exact IH]. Qed.

(** Everything below an untyped capability lies in what it has handed out. *)
Lemma descendants_lie_in_what_is_used t u nu x nx :
  well_formed t -> ancestor t u x -> t u = Some nu -> untyped nu -> t x = Some nx ->
  forall a, covers (held nx) a -> a < base (held nu) + used nu.
Proof.
  intros W H U UU. revert nx.
  induction H as [x (n & X & L) | p x (n & X & L) H IH]; intros nx X' a V.
  - assert (n = nx) by congruence. subst n. exact (wf_used t W u nu x nx U X L UU a V).
  - assert (n = nx) by congruence. subst n.
    destruct (wf_parents t W p x) as [np P]; [exists nx; auto |].
    apply (IH np P). apply (parent_contains t p np x nx W P X L), V.
Qed.

(** The heart: what overlaps memory above [used] is untyped, and is the block itself or something
    that it derives from. *)
Lemma free_memory t u nu c x nx :
  well_formed t -> t u = Some nu -> untyped nu -> inside c (held nu) ->
  (has_child t u -> forall a, covers c a -> base (held nu) + used nu <= a) ->
  t x = Some nx -> overlap (held nx) c -> untyped nx /\ (x = u \/ ancestor t x u).
Proof.
  intros W U UU In Above X (a & V & Vc).
  destruct (Nat.eq_dec x u) as [E | E].
  - subst x. replace nx with nu by congruence. auto.
  - destruct (wf_overlap t W x nx u nu X U E) as [[UX H] | [[_ H] | (_ & _ & T)]].
    + exists a. auto.
    + auto.
    + (* nothing that derives from the block is there *)
      assert (B := descendants_lie_in_what_is_used t u nu x nx W H U UU X a V).
      specialize (Above (ancestor_has_child t u x H) a Vc). lia.
    + destruct (T UU).
Qed.

(** ** The operations keep the invariants *)

Lemma ancestor_mono t t' a x :
  (forall p y, child t p y -> child t' p y) -> ancestor t a x -> ancestor t' a x.
Proof.
  intros M H.
  induction H as [x C | p x C _ IH]; [apply ancestor_parent | apply (ancestor_above t' a p)]; auto.
Qed.

(** *** The watermark *)

Lemma hand_out_node t u w x n' :
  hand_out t u w x = Some n' ->
  exists n, t x = Some n /\ held n' = held n /\ parent n' = parent n /\
    used n' = if x =? u then w else used n.
Proof.
  unfold hand_out. destruct (x =? u); [| intros ->; eauto].
  destruct (t x) as [n |]; intros [=]. subst n'. exists n. auto.
Qed.

Lemma hand_out_child t u w p x : child (hand_out t u w) p x <-> child t p x.
Proof.
  split.
  - intros (n' & X & L). destruct (hand_out_node t u w x n' X) as (n & X' & _ & P & _).
    exists n. split; congruence.
  - intros (n & X & L). unfold child, hand_out. rewrite X.
    destruct (x =? u); [exists (Node (held n) (parent n) w) | exists n]; auto.
Qed.

Lemma hand_out_ancestor t u w a x : ancestor (hand_out t u w) a x <-> ancestor t a x.
Proof. split; apply ancestor_mono; intros p y; apply hand_out_child. Qed.

Lemma hand_out_keeps t u nu w :
  well_formed t -> t u = Some nu -> (has_child t u -> used nu <= w) ->
  well_formed (hand_out t u w).
Proof.
  intros W U More. split.
  - intros p x C. rewrite hand_out_child in C. destruct (wf_parents t W p x C) as [np P].
    unfold hand_out. rewrite P. destruct (p =? u); simpl; eauto.
  - intros x H. rewrite hand_out_ancestor in H. exact (wf_acyclic t W x H).
  - intros p np x nx P X L T.
    destruct (hand_out_node _ _ _ _ _ P) as (np0 & P0 & HP & _ & _).
    destruct (hand_out_node _ _ _ _ _ X) as (nx0 & X0 & HX & LX & _).
    unfold untyped in *. rewrite HP in *. rewrite HX.
    exact (wf_inside t W p np0 x nx0 P0 X0 (eq_trans (eq_sym LX) L) T).
  - intros p np x nx P X L T a V.
    destruct (hand_out_node _ _ _ _ _ P) as (np0 & P0 & HP & _ & UP).
    destruct (hand_out_node _ _ _ _ _ X) as (nx0 & X0 & HX & LX & _).
    unfold untyped in *. rewrite HP in *. rewrite HX in V. rewrite UP.
    assert (L0 : parent nx0 = Some p) by congruence.
    assert (B := wf_used t W p np0 x nx0 P0 X0 L0 T a V).
    destruct (Nat.eqb_spec p u) as [-> | _]; [| exact B].
    assert (np0 = nu) by congruence. subst np0.
    assert (used nu <= w) by (apply More; exists x, nx0; auto). lia.
  - intros p np x nx P X L T.
    destruct (hand_out_node _ _ _ _ _ P) as (np0 & P0 & HP & _ & _).
    destruct (hand_out_node _ _ _ _ _ X) as (nx0 & X0 & HX & LX & _).
    unfold untyped in *. rewrite HP in *. rewrite HX.
    exact (wf_copies t W p np0 x nx0 P0 X0 (eq_trans (eq_sym LX) L) T).
  - intros x nx y ny X Y N O.
    destruct (hand_out_node _ _ _ _ _ X) as (nx0 & X0 & HX & _ & _).
    destruct (hand_out_node _ _ _ _ _ Y) as (ny0 & Y0 & HY & _ & _).
    unfold untyped in *. rewrite HX, HY in *.
    destruct (wf_overlap t W x nx0 y ny0 X0 Y0 N O) as [[T H] | [[T H] | H]];
      [left | right; left | right; right; exact H];
      (split; [exact T | apply hand_out_ancestor, H]).
Qed.

(** *** A new node *)

Section Insert.

Variable t : tree.
Variable x : slot.
Variable n : node.
Hypothesis W : well_formed t.
Hypothesis Empty : t x = None.

(** The place below its parent is right. *)
Hypothesis Below : forall p, parent n = Some p -> exists np, t p = Some np /\
  (untyped np -> inside (held n) (held np) /\
                 forall a, covers (held n) a -> a < base (held np) + used np) /\
  (~ untyped np -> same_object (held n) (held np) /\ ~ untyped n).
(** What overlaps it is above it, or the same object. *)
Hypothesis Overlaps : forall y ny, t y = Some ny -> overlap (held ny) (held n) ->
  untyped ny /\ (exists p, parent n = Some p /\ (y = p \/ ancestor t y p)) \/
  same_object (held ny) (held n) /\ ~ untyped ny /\ ~ untyped n.

Lemma insert_node z nz : insert t x n z = Some nz -> z = x /\ nz = n \/ z <> x /\ t z = Some nz.
Proof.
  unfold insert. destruct (Nat.eqb_spec z x); [left | right]; [split; congruence | auto].
Qed.

Lemma insert_child p z : child t p z -> child (insert t x n) p z.
Proof.
  intros (nz & Z & L). exists nz. split; [| exact L].
  unfold insert. destruct (Nat.eqb_spec z x); congruence.
Qed.

Lemma insert_ancestor a z : ancestor t a z -> ancestor (insert t x n) a z.
Proof. apply ancestor_mono. exact insert_child. Qed.

Lemma insert_ancestor_back a z :
  ancestor (insert t x n) a z ->
  z <> x /\ ancestor t a z \/
  z = x /\ exists p, parent n = Some p /\ (a = p \/ ancestor t a p).
Proof.
  intros H. induction H as [z (nz & Z & L) | q z (nz & Z & L) H IH];
    destruct (insert_node z nz Z) as [[-> ->] | [N Z']].
  - right. split; [reflexivity |]. exists a. auto.
  - left. split; [exact N |]. apply ancestor_parent. exists nz. auto.
  - right. split; [reflexivity |]. exists q. split; [exact L |]. right.
    destruct IH as [[_ IH] | [-> _]]; [exact IH |].
    destruct (Below x L) as (np & P & _). congruence.
  - left. split; [exact N |]. assert (C : child t q z) by (exists nz; auto).
    apply (ancestor_above t a q z C).
    destruct IH as [[_ IH] | [-> _]]; [exact IH |].
    destruct (wf_parents t W x z C) as [np P]. congruence.
Qed.

(** The new node is nobody's parent. *)
Lemma insert_is_leaf z nz : insert t x n z = Some nz -> parent nz <> Some x.
Proof.
  intros Z L. destruct (insert_node z nz Z) as [[-> ->] | [N Z']].
  - destruct (Below x L) as (np & P & _). congruence.
  - destruct (wf_parents t W x z) as [np P]; [exists nz; auto | congruence].
Qed.

Lemma insert_keeps : well_formed (insert t x n).
Proof.
  assert (Leaf := insert_is_leaf).
  split.
  - intros p z (nz & Z & L). assert (N : p <> x) by (intros ->; exact (Leaf z nz Z L)).
    unfold insert. destruct (Nat.eqb_spec p x) as [E | _]; [destruct (N E) |].
    destruct (insert_node z nz Z) as [[-> ->] | [_ Z']].
    + destruct (Below p L) as (np & P & _). eauto.
    + apply (wf_parents t W p z). exists nz. auto.
  - intros z H. destruct (insert_ancestor_back z z H) as [[_ H'] | [-> (p & L & [E | H'])]].
    + exact (wf_acyclic t W z H').
    + subst p. destruct (Below x L) as (np & P & _). congruence.
    + destruct (ancestor_is_there t x p (wf_parents t W) H') as [nx X]. congruence.
  - intros p np z nz P Z L U.
    destruct (insert_node p np P) as [[-> ->] | [_ P']]; [destruct (Leaf z nz Z L) |].
    destruct (insert_node z nz Z) as [[-> ->] | [_ Z']].
    + destruct (Below p L) as (np' & P'' & HU & _).
      assert (np' = np) by congruence. subst np'. apply (HU U).
    + exact (wf_inside t W p np z nz P' Z' L U).
  - intros p np z nz P Z L U.
    destruct (insert_node p np P) as [[-> ->] | [_ P']]; [destruct (Leaf z nz Z L) |].
    destruct (insert_node z nz Z) as [[-> ->] | [_ Z']].
    + destruct (Below p L) as (np' & P'' & HU & _).
      assert (np' = np) by congruence. subst np'. apply (HU U).
    + exact (wf_used t W p np z nz P' Z' L U).
  - intros p np z nz P Z L U.
    destruct (insert_node p np P) as [[-> ->] | [_ P']]; [destruct (Leaf z nz Z L) |].
    destruct (insert_node z nz Z) as [[-> ->] | [_ Z']].
    + destruct (Below p L) as (np' & P'' & _ & HT).
      assert (np' = np) by congruence. subst np'. apply (HT U).
    + exact (wf_copies t W p np z nz P' Z' L U).
  - assert (Above : forall y, (exists p, parent n = Some p /\ (y = p \/ ancestor t y p)) ->
                    ancestor (insert t x n) y x).
    { assert (X : insert t x n x = Some n) by (unfold insert; rewrite Nat.eqb_refl; reflexivity).
      intros y (p & L & [-> | H]).
      - apply ancestor_parent. exists n. auto.
      - apply (ancestor_above _ y p); [exists n; auto | apply insert_ancestor, H]. }
    intros y ny z nz Y Z N O.
    destruct (insert_node y ny Y) as [[-> ->] | [_ Y']];
      destruct (insert_node z nz Z) as [[-> ->] | [_ Z']].
    + destruct (N eq_refl).
    + destruct (Overlaps z nz Z' (overlap_sym _ _ O)) as [[U H] | (S & T & T')].
      * right; left. auto.
      * right; right. auto using same_object_sym.
    + destruct (Overlaps y ny Y' O) as [[U H] | H]; [left; auto | right; right; exact H].
    + destruct (wf_overlap t W y ny z nz Y' Z' N O) as [[U H] | [[U H] | H]];
        auto using insert_ancestor.
Qed.

End Insert.

(** *** Delete *)

Lemma delete_node t x nx z n' :
  t x = Some nx -> delete t x z = Some n' ->
  z <> x /\ exists n, t z = Some n /\ held n' = held n /\ used n' = used n /\
  parent n' = (if match parent n with Some q => q =? x | None => false end
               then parent nx else parent n).
Proof.
  intros X. unfold delete. rewrite X. destruct (Nat.eqb_spec z x) as [E | N]; [discriminate |].
  intros D. split; [exact N |].
  destruct (t z) as [n |]; [| discriminate]. injection D as <-. exists n.
  unfold adopt. destruct (parent n) as [q |] eqn:L; [| auto].
  destruct (q =? x); auto.
Qed.

Lemma delete_child t x nx p z :
  t x = Some nx ->
  child (delete t x) p z <->
  z <> x /\ (child t p z /\ p <> x \/ child t x z /\ parent nx = Some p).
Proof.
  intros X. split.
  - intros (n' & Z & L). destruct (delete_node t x nx z n' X Z) as (N & n & Z' & _ & _ & P).
    split; [exact N |]. rewrite L in P. destruct (parent n) as [q |] eqn:Q; [| discriminate].
    destruct (Nat.eqb_spec q x) as [-> | NQ]; [right | left]; split; try congruence;
      exists n; split; congruence.
  - intros (N & H). unfold child, delete. rewrite X.
    destruct (Nat.eqb_spec z x) as [E | _]; [destruct (N E) |].
    destruct H as [[(n & Z & L) NP] | [(n & Z & L) P]]; rewrite Z; simpl;
      eexists; (split; [reflexivity |]); unfold adopt; rewrite L.
    + destruct (Nat.eqb_spec p x) as [E | _]; [destruct (NP E) | exact L].
    + rewrite Nat.eqb_refl. exact P.
Qed.

Lemma delete_ancestor_back t x nx a z :
  t x = Some nx -> ancestor (delete t x) a z -> ancestor t a z.
Proof.
  intros X H. induction H as [z C | p z C _ IH];
    apply (delete_child t x nx _ z X) in C; destruct C as (_ & [[C _] | [C P]]).
  - exact (ancestor_parent t a z C).
  - apply (ancestor_above t a x z C), ancestor_parent. exists nx. auto.
  - exact (ancestor_above t a p z C IH).
  - apply (ancestor_above t a x z C), (ancestor_above t a p x); [exists nx; auto | exact IH].
Qed.

Lemma child_is_ancestor_of_no_parent t x : nobody_descends_from_itself t -> ~ child t x x.
Proof. intros A C. exact (A x (ancestor_parent t x x C)). Qed.

Lemma delete_ancestor t x nx a z :
  well_formed t -> t x = Some nx -> a <> x -> ancestor t a z ->
  (z <> x -> ancestor (delete t x) a z) /\
  (z = x -> forall c, child t x c -> ancestor (delete t x) a c).
Proof.
  intros W X NA H.
  assert (NX := child_is_ancestor_of_no_parent t x (wf_acyclic t W)).
  assert (NC : forall c, child t x c -> c <> x) by (intros c C ->; exact (NX C)).
  induction H as [z C | p z C H [IH IHx]]; split.
  - intros N. apply ancestor_parent, (delete_child t x nx a z X). auto.
  - intros -> c Cc. apply ancestor_parent, (delete_child t x nx a c X). split; [auto | right].
    split; [exact Cc |]. destruct C as (n & X' & L). congruence.
  - intros N. destruct (Nat.eq_dec p x) as [-> | NP]; [exact (IHx eq_refl z C) |].
    apply (ancestor_above _ a p z); [| exact (IH NP)].
    apply (delete_child t x nx p z X). auto.
  - intros -> c Cc. assert (NP : p <> x) by (intros ->; exact (NX C)).
    apply (ancestor_above _ a p c); [| exact (IH NP)].
    apply (delete_child t x nx p c X). split; [auto | right].
    split; [exact Cc |]. destruct C as (n & X' & L). congruence.
Qed.

(** Of two neighbours after the deletion: they were neighbours before, or [x] stood between. *)
Lemma delete_parent t x nx p np' z nz' :
  t x = Some nx -> delete t x p = Some np' -> delete t x z = Some nz' -> parent nz' = Some p ->
  exists np nz, t p = Some np /\ t z = Some nz /\ held np' = held np /\ held nz' = held nz /\
  used np' = used np /\
  (parent nz = Some p \/ parent nz = Some x /\ parent nx = Some p).
Proof.
  intros X P Z L.
  destruct (delete_node t x nx p np' X P) as (NP & np & P0 & HP & UP & _).
  destruct (delete_node t x nx z nz' X Z) as (NZ & nz & Z0 & HZ & _ & LZ).
  exists np, nz. repeat (split; [assumption |]). rewrite L in LZ.
  destruct (parent nz) as [r |]; [| discriminate LZ].
  destruct (Nat.eqb_spec r x) as [E | _]; [subst r |]; auto.
Qed.

Lemma delete_keeps t x : well_formed t -> well_formed (delete t x).
Proof.
  intros W. destruct (t x) as [nx |] eqn:X; [| unfold delete; rewrite X; exact W].
  split.
  - intros p z C. apply (delete_child t x nx p z X) in C. destruct C as (N & C).
    assert (NP : p <> x).
    { destruct C as [[_ NP] | [_ P]]; [exact NP | intros ->].
      apply (child_is_ancestor_of_no_parent t x (wf_acyclic t W)). exists nx. auto. }
    assert (exists np, t p = Some np) as [np P].
    { destruct C as [[C _] | [_ P]]; [exact (wf_parents t W p z C) |].
      apply (wf_parents t W p x). exists nx. auto. }
    unfold delete. rewrite X. destruct (Nat.eqb_spec p x) as [E | _]; [destruct (NP E) |].
    rewrite P. simpl. eauto.
  - intros z H. exact (wf_acyclic t W z (delete_ancestor_back t x nx z z X H)).
  - intros p np' z nz' P Z L T.
    destruct (delete_parent t x nx p np' z nz' X P Z L)
      as (np & nz & P0 & Z0 & HP & HZ & UP & [L0 | [L0 LX]]);
      unfold untyped in *; rewrite HP in *; rewrite HZ.
    + exact (wf_inside t W p np z nz P0 Z0 L0 T).
    + intros a V. apply (wf_inside t W p np x nx P0 X LX T).
      apply (parent_contains t x nx z nz W X Z0 L0), V.
  - intros p np' z nz' P Z L T a V.
    destruct (delete_parent t x nx p np' z nz' X P Z L)
      as (np & nz & P0 & Z0 & HP & HZ & UP & [L0 | [L0 LX]]);
      unfold untyped in *; rewrite HP in *; rewrite HZ in V; rewrite UP.
    + exact (wf_used t W p np z nz P0 Z0 L0 T a V).
    + apply (wf_used t W p np x nx P0 X LX T).
      apply (parent_contains t x nx z nz W X Z0 L0), V.
  - intros p np' z nz' P Z L T.
    destruct (delete_parent t x nx p np' z nz' X P Z L)
      as (np & nz & P0 & Z0 & HP & HZ & UP & [L0 | [L0 LX]]);
      unfold untyped in *; rewrite HP in *; rewrite HZ.
    + exact (wf_copies t W p np z nz P0 Z0 L0 T).
    + destruct (wf_copies t W p np x nx P0 X LX T) as [SX TX].
      destruct (wf_copies t W x nx z nz X Z0 L0 TX) as [SZ TZ].
      unfold same_object in *. intuition congruence.
  - intros y ny' z nz' Y Z N O.
    destruct (delete_node t x nx y ny' X Y) as (NY & ny & Y0 & HY & _ & _).
    destruct (delete_node t x nx z nz' X Z) as (NZ & nz & Z0 & HZ & _ & _).
    unfold untyped in *. rewrite HY, HZ in *.
    destruct (wf_overlap t W y ny z nz Y0 Z0 N O) as [[U H] | [[U H] | H]].
    + left. split; [exact U |]. exact (proj1 (delete_ancestor t x nx y z W X NY H) NZ).
    + right; left. split; [exact U |]. exact (proj1 (delete_ancestor t x nx z y W X NZ H) NY).
    + right; right. exact H.
Qed.

(** *** Move and swap *)

Lemma exchange_twice x y z : exchange x y (exchange x y z) = z.
Proof.
  unfold exchange.
  destruct (Nat.eqb_spec z x); destruct (Nat.eqb_spec z y);
    destruct (Nat.eqb_spec y x); destruct (Nat.eqb_spec x x); destruct (Nat.eqb_spec y y);
    destruct (Nat.eqb_spec x y); try congruence;
    destruct (Nat.eqb_spec z x); destruct (Nat.eqb_spec z y); congruence.
Qed.

Lemma swap_node t x y z n' :
  swap t x y z = Some n' ->
  exists n, t (exchange x y z) = Some n /\ held n' = held n /\ used n' = used n /\
  forall p, parent n' = Some p <-> parent n = Some (exchange x y p).
Proof.
  unfold swap. destruct (t (exchange x y z)) as [n |]; intros [=]. subst n'. exists n.
  simpl. repeat (split; [reflexivity |]). intros p.
  destruct (parent n) as [q |]; simpl; split; intros E; try discriminate E;
    injection E as E; f_equal.
  - rewrite <- E. symmetry. apply exchange_twice.
  - rewrite E. apply exchange_twice.
Qed.

Lemma swap_child t x y p z :
  child (swap t x y) p z -> child t (exchange x y p) (exchange x y z).
Proof.
  intros (n' & Z & L). destruct (swap_node t x y z n' Z) as (n & Z0 & _ & _ & P).
  exists n. split; [exact Z0 | apply P, L].
Qed.

Lemma swap_child_back t x y p z :
  child t p z -> child (swap t x y) (exchange x y p) (exchange x y z).
Proof.
  intros (n & Z & L). unfold child, swap. rewrite exchange_twice, Z. simpl.
  eexists. split; [reflexivity |]. simpl. rewrite L. reflexivity.
Qed.

Lemma swap_ancestor t x y a z :
  ancestor (swap t x y) a z -> ancestor t (exchange x y a) (exchange x y z).
Proof.
  intros H. induction H as [z C | p z C _ IH]; apply swap_child in C.
  - exact (ancestor_parent t _ _ C).
  - exact (ancestor_above t _ _ _ C IH).
Qed.

Lemma swap_ancestor_back t x y a z :
  ancestor t a z -> ancestor (swap t x y) (exchange x y a) (exchange x y z).
Proof.
  intros H. induction H as [z C | p z C _ IH]; apply (swap_child_back t x y) in C.
  - exact (ancestor_parent _ _ _ C).
  - exact (ancestor_above _ _ _ _ C IH).
Qed.

Lemma swap_keeps t x y : well_formed t -> well_formed (swap t x y).
Proof.
  intros W. split.
  - intros p z C. apply swap_child in C. destruct (wf_parents t W _ _ C) as [np P].
    unfold swap. rewrite P. simpl. eauto.
  - intros z H. exact (wf_acyclic t W _ (swap_ancestor t x y z z H)).
  - intros p np' z nz' P Z L T.
    destruct (swap_node t x y p np' P) as (np & P0 & HP & _ & _).
    destruct (swap_node t x y z nz' Z) as (nz & Z0 & HZ & _ & LZ). apply LZ in L.
    unfold untyped in *. rewrite HP in *. rewrite HZ.
    exact (wf_inside t W _ np _ nz P0 Z0 L T).
  - intros p np' z nz' P Z L T.
    destruct (swap_node t x y p np' P) as (np & P0 & HP & UP & _).
    destruct (swap_node t x y z nz' Z) as (nz & Z0 & HZ & _ & LZ). apply LZ in L.
    unfold untyped in *. rewrite HP in *. rewrite HZ, UP.
    exact (wf_used t W _ np _ nz P0 Z0 L T).
  - intros p np' z nz' P Z L T.
    destruct (swap_node t x y p np' P) as (np & P0 & HP & _ & _).
    destruct (swap_node t x y z nz' Z) as (nz & Z0 & HZ & _ & LZ). apply LZ in L.
    unfold untyped in *. rewrite HP in *. rewrite HZ.
    exact (wf_copies t W _ np _ nz P0 Z0 L T).
  - intros u nu' z nz' U Z N O.
    destruct (swap_node t x y u nu' U) as (nu & U0 & HU & _ & _).
    destruct (swap_node t x y z nz' Z) as (nz & Z0 & HZ & _ & _).
    unfold untyped in *. rewrite HU, HZ in *.
    assert (N' : exchange x y u <> exchange x y z).
    { intros E. apply N. rewrite <- (exchange_twice x y u), E. apply exchange_twice. }
    destruct (wf_overlap t W _ nu _ nz U0 Z0 N' O) as [[T H] | [[T H] | H]].
    + left. split; [exact T |]. apply (swap_ancestor_back t x y) in H.
      rewrite !exchange_twice in H. exact H.
    + right; left. split; [exact T |]. apply (swap_ancestor_back t x y) in H.
      rewrite !exchange_twice in H. exact H.
    + right; right. exact H.
Qed.

(** *** Retype and copies *)

(** What all three that insert below untyped memory share: a node for [c] below the block [u],
    which has handed out [w] bytes now. *)
Lemma insert_below_block_keeps t u nu x c w :
  well_formed t -> t u = Some nu -> untyped nu -> t x = None -> inside c (held nu) ->
  (has_child t u -> used nu <= w) ->
  (has_child t u -> forall a, covers c a -> base (held nu) + used nu <= a) ->
  (forall a, covers c a -> a < base (held nu) + w) ->
  well_formed (insert (hand_out t u w) x (Node c (Some u) 0)).
Proof.
  intros W U UU Empty In More Above Within.
  assert (U' : hand_out t u w u = Some (Node (held nu) (parent nu) w))
    by (unfold hand_out; rewrite Nat.eqb_refl, U; reflexivity).
  apply insert_keeps.
  - exact (hand_out_keeps t u nu w W U More).
  - unfold hand_out. rewrite Empty. destruct (x =? u); reflexivity.
  - intros p [= <-]. exists (Node (held nu) (parent nu) w). split; [exact U' |].
    split; [intros _; split; [exact In | exact Within] | intros T; destruct (T UU)].
  - intros y ny Y O. left.
    destruct (hand_out_node t u w y ny Y) as (ny0 & Y0 & HY & _ & _). rewrite HY in O.
    destruct (free_memory t u nu c y ny0 W U UU In Above Y0 O) as [T H].
    split; [unfold untyped in *; rewrite HY; exact T |].
    exists u. split; [reflexivity |].
    destruct H as [H | H]; [left; exact H | right; apply hand_out_ancestor, H].
Qed.

Lemma copy_keeps t y ny x rs p :
  well_formed t -> t y = Some ny -> ~ untyped ny -> t x = None -> incl rs (rights (held ny)) ->
  p = Some y \/ p = parent ny ->
  well_formed (insert t x (Node (with_rights (held ny) rs) p 0)).
Proof.
  intros W Y T Empty F P.
  assert (T' : ~ untyped (Node (with_rights (held ny) rs) p 0)) by (intros U; apply T, F, U).
  assert (S : same_object (with_rights (held ny) rs) (held ny)) by (split; reflexivity).
  apply insert_keeps; auto; simpl.
  - intros q E. destruct P as [-> | ->].
    + injection E as <-. exists ny. split; [exact Y |].
      split; [intros U; destruct (T U) | auto].
    + destruct (wf_parents t W q y) as [nq Q]; [exists ny; auto |].
      exists nq. split; [exact Q |]. split.
      * intros U. split.
        -- exact (wf_inside t W q nq y ny Q Y E U).
        -- exact (wf_used t W q nq y ny Q Y E U).
      * intros U. destruct (wf_copies t W q nq y ny Q Y E U) as [S' _]. auto.
  - intros z nz Z O. assert (O' : overlap (held nz) (held ny)) by exact O.
    destruct (Nat.eq_dec z y) as [-> | N].
    { right. replace nz with ny by congruence. auto. }
    destruct (wf_overlap t W z nz y ny Z Y N O') as [[U H] | [[U _] | (S' & U & _)]].
    + left. split; [exact U |]. destruct P as [-> | ->]; [exists y; auto |].
      destruct H as [y (n & Y' & L) | q y (n & Y' & L) H].
      * exists z. split; [congruence | auto].
      * exists q. split; [congruence | auto].
    + destruct (T U).
    + right. auto.
Qed.

(** *** Roots, and what is issued *)

Lemma root_keeps t x c w :
  well_formed t -> t x = None -> (forall y ny, t y = Some ny -> ~ overlap (held ny) c) ->
  well_formed (insert t x (Node c None w)).
Proof.
  intros W Empty Apart. apply insert_keeps; auto.
  - intros p E. discriminate E.
  - intros y ny Y O. destruct (Apart y ny Y O).
Qed.

Lemma issue_keeps t u nu x c :
  well_formed t -> t u = Some nu -> untyped nu -> t x = None -> inside c (held nu) ->
  (forall a, covers c a -> a < base (held nu) + used nu) ->
  (forall y ny, t y = Some ny -> overlap (held ny) c -> y = u) ->
  well_formed (insert t x (Node c (Some u) 0)).
Proof.
  intros W U UU Empty In Used Nobody. apply insert_keeps; auto.
  - intros p [= <-]. exists nu. split; [exact U |]. split; [auto | intros T; destruct (T UU)].
  - intros y ny Y O. left. assert (E := Nobody y ny Y O). subst y.
    replace ny with nu by congruence. split; [exact UU | exists u; auto].
Qed.

(** ** The theorems *)

Theorem well_formed_is_kept t t' : well_formed t -> tree_step t t' -> well_formed t'.
Proof.
  intros W H. destruct H.
  - apply (insert_below_block_keeps t u nu); auto.
    + intros b V. unfold covers, new_cap in *. simpl in V. lia.
    + intros C. specialize (retype_above_what_is_used C). lia.
    + intros C b V. specialize (retype_above_what_is_used C).
      unfold covers, new_cap in V. simpl in V. lia.
    + intros b V. unfold covers, new_cap in V. simpl in V. lia.
  - apply (insert_below_block_keeps t u nu); auto.
    + intros b V. exact V.
    + intros C. destruct (copy_of_childless C).
    + intros C. destruct (copy_of_childless C).
    + intros b V. unfold covers in V. lia.
  - exact (copy_keeps t y ny x rs p W copy_is_of copy_of_typed copy_into_an_empty_slot
             copy_diminishes copy_is_child_or_sibling).
  - exact (root_keeps t x c w W root_into_an_empty_slot root_is_apart).
  - apply (issue_keeps t u nu x (new_cap a n k) W issue_is_of issue_of_untyped
             issue_into_an_empty_slot); [| | exact issue_is_nobodys];
      intros b V; unfold covers, new_cap in V; simpl in V; unfold covers; lia.
  - exact (delete_keeps t x W).
  - exact (swap_keeps t x y W).
Qed.

Theorem every_tree_is_well_formed t t' : well_formed t -> tree_run t t' -> well_formed t'.
Proof. intros W R. induction R; eauto using well_formed_is_kept. Qed.

(** At boot there are capabilities without parents, to different memory. *)
Theorem boot_is_well_formed t :
  (forall x n, t x = Some n -> parent n = None) ->
  (forall x nx y ny, t x = Some nx -> t y = Some ny -> x <> y -> ~ overlap (held nx) (held ny)) ->
  well_formed t.
Proof.
  intros Roots Apart.
  assert (No : forall p x, ~ child t p x).
  { intros p x (n & X & L). rewrite (Roots x n X) in L. discriminate. }
  split.
  - intros p x C. destruct (No p x C).
  - intros x H. destruct (ancestor_has_child t x x H) as [c C]. exact (No x c C).
  - intros p np x nx _ X L. destruct (No p x). exists nx. auto.
  - intros p np x nx _ X L. destruct (No p x). exists nx. auto.
  - intros p np x nx _ X L. destruct (No p x). exists nx. auto.
  - intros x nx y ny X Y N O. destruct (Apart x nx y ny X Y N O).
Qed.

(** However far a revoke got: the invariants hold. *)
Theorem revoke_keeps_in_every_prefix u t t' :
  well_formed t -> revoked_so_far u t t' -> well_formed t'.
Proof. intros W R. induction R; eauto using delete_keeps. Qed.

(** Typed objects do not overlap: where two capabilities overlap and neither is untyped, they are
    to one object. *)
Theorem objects_do_not_overlap t x nx y ny :
  well_formed t -> t x = Some nx -> t y = Some ny -> ~ untyped nx -> ~ untyped ny ->
  overlap (held nx) (held ny) -> same_object (held nx) (held ny).
Proof.
  intros W X Y TX TY O. destruct (Nat.eq_dec x y) as [-> | N].
  - replace ny with nx by congruence. split; reflexivity.
  - destruct (wf_overlap t W x nx y ny X Y N O) as [[U _] | [[U _] | [S _]]];
      [destruct (TX U) | destruct (TY U) | exact S].
Qed.

(** Children lie inside their parents. *)
Theorem children_lie_inside t p np x nx :
  well_formed t -> t p = Some np -> t x = Some nx -> parent nx = Some p ->
  inside (held nx) (held np).
Proof. exact (parent_contains t p np x nx). Qed.

(** The tree knows every capability of state [s] of Isolation.v: it is in a slot, or it lies inside
    a typed object that is.  The latter are those without a slot in this tree, which live no longer
    than the last capability to their object: mappings, what blocked threads may do, the right to
    answer a thread. *)
Definition knows (t : tree) (s : state) : Prop :=
  forall h c, s h c -> exists x n, t x = Some n /\
    (held n = c \/ inside c (held n) /\ ~ untyped n).

(** What the kernel checks before Retype gives the premise of [step_retype]. *)
Theorem tree_gives_retypes_premise t s u nu a n k :
  well_formed t -> knows t s -> t u = Some nu -> untyped nu ->
  base (held nu) <= a -> a + n <= base (held nu) + size (held nu) ->
  (has_child t u -> base (held nu) + used nu <= a) ->
  inside (new_cap a n k) (held nu) /\ no_outstanding s (new_cap a n k).
Proof.
  intros W K U UU Low High Above.
  assert (In : inside (new_cap a n k) (held nu))
    by (intros b V; unfold covers, new_cap in *; simpl in V; lia).
  split; [exact In |]. intros h c P O.
  destruct (K h c P) as (x & nx & X & H).
  assert (O' : overlap (held nx) (new_cap a n k)).
  { destruct O as (b & V & V'). exists b. split; [| exact V'].
    destruct H as [-> | [I _]]; auto. }
  destruct (free_memory t u nu (new_cap a n k) x nx W U UU In) as [T _]; auto.
  - intros C b V. specialize (Above C). unfold covers, new_cap in V. simpl in V. lia.
  - destruct H as [<- | [_ N]]; [exact T | destruct (N T)].
Qed.

(** In the paper's words: the untyped capability has no children, so all of its memory is free. *)
Theorem no_child_gives_retypes_premise t s u nu a n k :
  well_formed t -> knows t s -> t u = Some nu -> untyped nu -> ~ has_child t u ->
  base (held nu) <= a -> a + n <= base (held nu) + size (held nu) ->
  no_outstanding s (new_cap a n k).
Proof.
  intros W K U UU None Low High.
  apply (tree_gives_retypes_premise t s u nu a n k); auto. intros C. destruct (None C).
Qed.
