(** * Order: the kernel's derivation list is the tree of Derivation.v

    The paper (3.2.2) keeps the tree as a doubly linked list in the capabilities, and says that tag
    bits and a comparison of addresses tell which adjacent capabilities are parent and child.  Here
    are that list, the parent test of the kernel, the tree that the list says, and the proof that
    each operation on the list is the operation of Derivation.v on that tree.  Links.v has the links
    in the slots, Machine.v leads from them to isolation.

    The order is that of a walk that comes to a parent before its children, a pre-order; read
    backwards it is the paper's post-order.

    Not all that stands in the list is memory.  Thread replies, interrupts and control capabilities
    have addresses of their own beyond memory here: a thread's reply master and its one reply
    capability are to an object of one byte, an interrupt's handler to the byte of its number in a
    block that the control of interrupts covers as untyped memory, and counts as handed out from the
    start: each handler is made with a look whether there is one already.  So neither an untyped
    capability to memory nor a frame is ever the parent of one of these. *)

From Coq Require Import List Lia Arith Bool FinFun.
Require Import Isolation Derivation.
Import ListNotations.

(** ** The list and the parent test *)

(** An occupied slot: [revocable] and [first_badged] are the two tag bits of its next link, [handed]
    is the watermark of an untyped capability. *)
Record entry := Entry {
  place : slot; what : kind; ecap : cap; badge : nat;
  revocable : bool; first_badged : bool; handed : nat }.

Definition kind_eq_dec (k k' : kind) : {k = k'} + {k <> k'}.
Proof. decide equality. Defined.
Definition kind_eqb (k k' : kind) : bool := if kind_eq_dec k k' then true else false.

Definition is_ipc (e : entry) : bool :=
  match what e with Endpoint | Notification => true | _ => false end.

Definition within (a b : entry) : bool :=
  (base (ecap a) <=? base (ecap b)) &&
  (base (ecap b) + size (ecap b) <=? base (ecap a) + size (ecap a)).

(** cap_same_region() of layout/derivation.h.  In the kernel the size of an object follows from its
    type, but for CNodes and untyped memory. *)
Definition same_region (a b : entry) : bool :=
  match what a with
  | Untyped => within a b
  | Frame => kind_eqb Frame (what b) && within a b
  | k => kind_eqb k (what b) && (base (ecap a) =? base (ecap b)) && (size (ecap a) =? size (ecap b))
  end.

(** cdt_is_parent() *)
Definition is_parent (a b : entry) : bool :=
  revocable a && same_region a b &&
  (negb (is_ipc a) || (badge a =? 0) || (badge a =? badge b) && negb (first_badged b)).

(** The parent of what comes behind [l]: the nearest one in [l] to whom everything behind it up to
    the end of [seg] is below. *)
Fixpoint owner (l seg : list entry) : option slot :=
  match l with
  | [] => None
  | y :: r =>
    match owner r seg with
    | Some p => Some p
    | None => if forallb (is_parent y) (r ++ seg) then Some (place y) else None
    end
  end.

(** ** Operations on the list *)

(** What is deleted passes its first-badged bit on to the next. *)
Definition mark (f : bool) (h : entry) : entry :=
  Entry (place h) (what h) (ecap h) (badge h) (revocable h) (f || first_badged h) (handed h).
Definition pass (f : bool) (b : list entry) : list entry :=
  match b with [] => [] | h :: r => mark f h :: r end.

Fixpoint remove (x : slot) (l : list entry) : list entry :=
  match l with
  | [] => []
  | e :: r => if place e =? x then pass (first_badged e) r else e :: remove x r
  end.
Fixpoint insert_behind (x : slot) (n : entry) (l : list entry) : list entry :=
  match l with
  | [] => []
  | e :: r => if place e =? x then e :: n :: r else e :: insert_behind x n r
  end.
Definition set_handed (u : slot) (w : nat) (e : entry) : entry :=
  if place e =? u
  then Entry (place e) (what e) (ecap e) (badge e) (revocable e) (first_badged e) w else e.
Definition rename (x y : slot) (e : entry) : entry :=
  Entry (exchange x y (place e)) (what e) (ecap e) (badge e) (revocable e) (first_badged e)
        (handed e).

(** ** The tree that the list says *)

Fixpoint read_from (before l : list entry) (x : slot) : option node :=
  match l with
  | [] => None
  | e :: r => if place e =? x then Some (Node (ecap e) (owner before [e]) (handed e))
              else read_from (before ++ [e]) r x
  end.
Definition read (l : list entry) : tree := read_from [] l.

Definition each_has_its_node (l : list entry) (t : tree) : Prop :=
  forall a e b, l = a ++ e :: b -> t (place e) = Some (Node (ecap e) (owner a [e]) (handed e)).

Record reads (l : list entry) (t : tree) : Prop := {
  r_nodup : NoDup (map place l);
  r_there : each_has_its_node l t;
  r_none : forall z, ~ In z (map place l) -> t z = None
}.

(** ** Invariants of the list *)

(** Both to one object, and not to untyped memory. *)
Definition alike (a b : entry) : Prop :=
  what a = what b /\ base (ecap a) = base (ecap b) /\ size (ecap a) = size (ecap b) /\
  what a <> Untyped.

(** An object's capabilities stand together. *)
Definition near (y : entry) (r : list entry) : Prop :=
  match r with [] => True | d :: r' => forall h, In h r' -> alike y h -> alike y d end.
Fixpoint contiguous (l : list entry) : Prop :=
  match l with [] => True | y :: r => near y r /\ contiguous r end.

Fixpoint chain (P : entry -> entry -> Prop) (l : list entry) : Prop :=
  match l with
  | [] => True
  | p :: r => match r with [] => True | h :: _ => P p h end /\ chain P r
  end.
(** A badged capability without the first-badged bit stands behind one of the same badge. *)
Definition badge_run (p h : entry) : Prop :=
  is_ipc h = true -> badge h <> 0 -> first_badged h = false -> alike p h /\ badge p = badge h.

Record good (l : list entry) : Prop := {
  g_sizes : forall e, In e l -> 0 < size (ecap e);
  g_kinds : forall e, In e l -> (what e = Untyped <-> can (ecap e) Create);
  g_untyped : forall e, In e l -> what e = Untyped -> revocable e = true;
  g_badged : chain badge_run l;
  g_contig : contiguous l
}.

(** ** parent test *)

Lemma kind_eqb_eq k k' : kind_eqb k k' = true <-> k = k'.
Proof. unfold kind_eqb. destruct (kind_eq_dec k k'); split; congruence. Qed.

Ltac bools := repeat (rewrite ?andb_true_iff, ?orb_true_iff, ?negb_true_iff, ?Nat.leb_le,
  ?Nat.eqb_eq, ?kind_eqb_eq in *).

Lemma same_region_spec a b : same_region a b = true <->
  (what a = Untyped \/ what a = Frame /\ what b = Frame) /\
    base (ecap a) <= base (ecap b) /\
    base (ecap b) + size (ecap b) <= base (ecap a) + size (ecap a) \/
  what a <> Untyped /\ what a <> Frame /\ what a = what b /\
    base (ecap a) = base (ecap b) /\ size (ecap a) = size (ecap b).
Proof.
  unfold same_region, within. destruct (what a); bools;
    intuition (try congruence; try lia).
Qed.

Lemma same_region_trans a b c :
  same_region a b = true -> same_region b c = true -> same_region a c = true.
Proof.
  rewrite !same_region_spec. intuition (try congruence; try lia).
  all: try (left; intuition (try congruence; try lia); fail).
  all: right; intuition (try congruence; try lia).
Qed.

Lemma is_parent_spec a b : is_parent a b = true <->
  revocable a = true /\ same_region a b = true /\
  (is_ipc a = false \/ badge a = 0 \/ badge a = badge b /\ first_badged b = false).
Proof. unfold is_parent. bools. intuition. Qed.

Lemma same_region_ipc a b : same_region a b = true -> is_ipc a = true -> what a = what b.
Proof.
  rewrite same_region_spec. unfold is_ipc. destruct (what a); intuition congruence.
Qed.

Lemma is_parent_trans a b c :
  is_parent a b = true -> is_parent b c = true -> is_parent a c = true.
Proof.
  rewrite !is_parent_spec. intros (R & S & B) (R' & S' & B').
  split; [exact R |]. split; [exact (same_region_trans a b c S S') |].
  destruct (is_ipc a) eqn:I; [| auto].
  assert (E := same_region_ipc a b S I).
  assert (I' : is_ipc b = true) by (unfold is_ipc in *; rewrite <- E; exact I).
  destruct B as [B | [B | [B F]]]; [congruence | auto |].
  destruct B' as [B' | [B' | [B' F']]]; [congruence | |]; right.
  - left. congruence.
  - right. split; congruence.
Qed.

(** Deleting passes the first-badged bit on, and that keeps what was below below. *)
Lemma is_parent_mark y d h :
  is_parent y d = true -> is_parent y h = true -> is_parent y (mark (first_badged d) h) = true.
Proof.
  rewrite !is_parent_spec. simpl. intros (R & S & B) (_ & S' & B').
  split; [exact R |]. split; [exact S' |].
  destruct B as [B | [B | [B F]]]; auto.
  destruct B' as [B' | [B' | [B' F']]]; auto.
  right; right. rewrite F, F'. auto.
Qed.

Lemma is_parent_unmark y f h : is_parent y (mark f h) = true ->
  is_parent y h = true /\
  (is_ipc y = false \/ badge y = 0 \/ badge y = badge h /\ f = false /\ first_badged h = false).
Proof.
  rewrite !is_parent_spec. simpl. intros (R & S & B).
  change (same_region y h = true) in S.
  assert (B' : is_ipc y = false \/ badge y = 0 \/
               badge y = badge h /\ f = false /\ first_badged h = false).
  { destruct B as [B | [B | [B F]]]; auto. apply orb_false_iff in F. intuition. }
  split; [| exact B']. split; [exact R |]. split; [exact S |]. intuition.
Qed.

(** ** owner *)

Lemma owner_app a b seg :
  owner (a ++ b) seg = match owner b seg with Some p => Some p | None => owner a (b ++ seg) end.
Proof.
  induction a as [| y a IH]; simpl.
  - destruct (owner b seg); reflexivity.
  - rewrite IH. destruct (owner b seg); [reflexivity |].
    destruct (owner a (b ++ seg)); [reflexivity |]. rewrite app_assoc. reflexivity.
Qed.

Lemma owner_seg a seg seg' :
  (forall y, In y a -> forallb (is_parent y) seg = forallb (is_parent y) seg') ->
  owner a seg = owner a seg'.
Proof.
  induction a as [| y a IH]; intros H; simpl; [reflexivity |].
  rewrite IH; [| intros z Z; apply H; right; exact Z].
  rewrite !forallb_app, (H y (or_introl eq_refl)). reflexivity.
Qed.

(** An owner is in the list, and everything from behind it on is below it. *)
Lemma owner_some l seg p :
  owner l seg = Some p -> exists a e m, l = a ++ e :: m /\ place e = p /\
  forallb (is_parent e) (m ++ seg) = true.
Proof.
  induction l as [| y l IH]; simpl; [discriminate |].
  destruct (owner l seg) as [q |].
  - intros [= ->]. destruct (IH eq_refl) as (a & e & m & -> & E & F).
    exists (y :: a), e, m. auto.
  - destruct (forallb (is_parent y) (l ++ seg)) eqn:F; [| discriminate].
    intros [= <-]. exists [], y, l. auto.
Qed.

Lemma owner_in l seg p : owner l seg = Some p -> In p (map place l).
Proof.
  intros H. destruct (owner_some l seg p H) as (a & e & m & -> & <- & _).
  rewrite map_app. apply in_or_app. right. left. reflexivity.
Qed.

Lemma owner_map g r l seg :
  (forall x y, is_parent (g x) (g y) = is_parent x y) -> (forall x, place (g x) = r (place x)) ->
  owner (map g l) (map g seg) = option_map r (owner l seg).
Proof.
  intros P R. induction l as [| y l IH]; simpl; [reflexivity |].
  rewrite IH. destruct (owner l seg) as [q |]; simpl; [reflexivity |].
  rewrite <- map_app. rewrite R.
  assert (E : forall k, forallb (is_parent (g y)) (map g k) = forallb (is_parent y) k).
  { induction k as [| z k IHk]; simpl; [reflexivity |]. rewrite P, IHk. reflexivity. }
  rewrite E. destruct (forallb _ _); reflexivity.
Qed.

(** ** lists *)

Lemma split_cases (A : Type) (a' : list A) e b' a b :
  a' ++ e :: b' = a ++ b ->
  (exists c, a = a' ++ e :: c /\ b' = c ++ b) \/ (exists c, a' = a ++ c /\ b = c ++ e :: b').
Proof.
  revert a. induction a' as [| x a' IH]; intros a H.
  - destruct a as [| y a]; simpl in *.
    + right. exists []. subst. auto.
    + injection H as -> ->. left. exists a. auto.
  - destruct a as [| y a]; simpl in *.
    + right. exists (x :: a'). auto.
    + injection H as -> H. destruct (IH a H) as [(c & -> & ->) | (c & -> & ->)].
      * left. exists c. auto.
      * right. exists c. auto.
Qed.

Lemma nodup_split a e b a' e' b' :
  NoDup (map place (a ++ e :: b)) -> a ++ e :: b = a' ++ e' :: b' -> place e = place e' ->
  a = a' /\ e = e' /\ b = b'.
Proof.
  revert a'. induction a as [| x a IH]; intros a' N H E.
  - destruct a' as [| x' a']; simpl in *; injection H as -> ->; [auto |].
    inversion_clear N. destruct H. rewrite E, map_app. apply in_or_app. right. left. reflexivity.
  - destruct a' as [| x' a']; simpl in *.
    + injection H as -> <-. inversion_clear N. destruct H.
      rewrite <- E, map_app. apply in_or_app. right. left. reflexivity.
    + injection H as -> H. inversion_clear N. destruct (IH a' H1 H E) as (-> & -> & ->). auto.
Qed.

Lemma in_place l x : In x (map place l) -> exists a e b, l = a ++ e :: b /\ place e = x.
Proof.
  intros H. apply in_map_iff in H. destruct H as (e & E & I).
  apply in_split in I. destruct I as (a & b & ->). eauto.
Qed.

Lemma not_in_place a e b :
  NoDup (map place (a ++ e :: b)) -> ~ In (place e) (map place a) /\ ~ In (place e) (map place b).
Proof.
  rewrite map_app. simpl. intros N. apply NoDup_remove_2 in N.
  split; intros I; apply N, in_or_app; auto.
Qed.

Lemma in_places_iff a e b z : In z (map place (a ++ e :: b)) <->
  In z (map place a) \/ z = place e \/ In z (map place b).
Proof. rewrite map_app, in_app_iff. simpl. intuition. Qed.

(** ** reading *)

Lemma reads_node l t x n : reads l t -> t x = Some n ->
  exists a e b, l = a ++ e :: b /\ place e = x /\ n = Node (ecap e) (owner a [e]) (handed e).
Proof.
  intros R X. destruct (in_dec Nat.eq_dec x (map place l)) as [I | I].
  - destruct (in_place l x I) as (a & e & b & L & E). exists a, e, b.
    rewrite <- E, (r_there l t R a e b L) in X. injection X as <-. auto.
  - rewrite (r_none l t R x I) in X. discriminate.
Qed.

Lemma reads_empty l t x : reads l t -> t x = None -> ~ In x (map place l).
Proof.
  intros R X I. destruct (in_place l x I) as (a & e & b & L & E).
  rewrite <- E, (r_there l t R a e b L) in X. discriminate.
Qed.

(** Whatever its tag bits, a list says one tree. *)
Theorem read_reads l : NoDup (map place l) -> reads l (read l).
Proof.
  intros N. split; [exact N | |].
  - enough (H : forall k before a e b, l = l -> NoDup (map place k) -> k = a ++ e :: b ->
      read_from before k (place e) = Some (Node (ecap e) (owner (before ++ a) [e]) (handed e)))
      by (intros a e b L; apply (H l [] a e b eq_refl N L)).
    induction k as [| y k IH]; intros before a e b _ Nk L; [destruct a; discriminate |].
    destruct a as [| y' a]; simpl in L; injection L as -> ->; simpl.
    + rewrite Nat.eqb_refl, app_nil_r. reflexivity.
    + destruct (Nat.eqb_spec (place y') (place e)) as [E | _].
      { inversion_clear Nk. destruct H. rewrite E, map_app. apply in_or_app. right. left.
        reflexivity. }
      inversion_clear Nk.
      rewrite (IH (before ++ [y']) a e b eq_refl H0 eq_refl), <- app_assoc. reflexivity.
  - intros z Z. unfold read. generalize (@nil entry).
    induction l as [| e k IH]; intros before; simpl; [reflexivity |].
    destruct (Nat.eqb_spec (place e) z) as [E | _].
    + destruct Z. left. exact E.
    + apply IH; [inversion_clear N; assumption |]. intros I. apply Z. right. exact I.
Qed.

(** Below in the tree is below in the list: everything from behind the ancestor on passes. *)
Lemma ancestor_reads l t p x : reads l t -> ancestor t p x ->
  exists a e m x' b, l = a ++ e :: m ++ x' :: b /\ place e = p /\ place x' = x /\
  forallb (is_parent e) (m ++ [x']) = true.
Proof.
  intros R H. induction H as [x (n & X & L) | q x (n & X & L) H IH];
    destruct (reads_node l t x n R X) as (a & e & b & -> & <- & ->); simpl in L.
  - destruct (owner_some _ _ _ L) as (a' & y & m & -> & <- & F).
    exists a', y, m, e, b. rewrite <- app_assoc. auto.
  - destruct (owner_some _ _ _ L) as (a' & y & m & -> & <- & F).
    destruct IH as (a1 & z & m1 & y1 & b1 & E & <- & Q & F1).
    rewrite <- app_assoc in E. simpl in E.
    assert (E' : a' ++ y :: m ++ e :: b = (a1 ++ z :: m1) ++ y1 :: b1)
      by (rewrite <- app_assoc; exact E).
    destruct (nodup_split a' y (m ++ e :: b) (a1 ++ z :: m1) y1 b1) as (-> & <- & <-).
    { assert (N := r_nodup _ _ R). rewrite <- app_assoc in N. exact N. }
    { exact E'. } { symmetry. exact Q. }
    exists a1, z, (m1 ++ y :: m), e, b.
    split; [rewrite <- !app_assoc; simpl; reflexivity |]. split; [reflexivity |].
    split; [reflexivity |].
    rewrite <- app_assoc. simpl. rewrite forallb_app in F1 |- *. simpl in *.
    apply andb_true_iff in F1. destruct F1 as [F1 P]. rewrite andb_true_r in P.
    rewrite F1, P. simpl. rewrite forallb_forall in F |- *.
    intros w I. apply (is_parent_trans z y w P), F, I.
Qed.

(** And the other way round. *)
Lemma reads_ancestor a e m x b t : reads (a ++ e :: m ++ x :: b) t ->
  forallb (is_parent e) (m ++ [x]) = true -> ancestor t (place e) (place x).
Proof.
  revert x b. induction m as [m IH] using (induction_ltof1 _ (@length entry)). unfold ltof in IH.
  intros x b R F.
  assert (X : t (place x) = Some (Node (ecap x) (owner (a ++ e :: m) [x]) (handed x))).
  { apply (r_there _ _ R (a ++ e :: m) x b). rewrite <- app_assoc. reflexivity. }
  change (e :: m) with ([e] ++ m) in X. rewrite owner_app in X.
  assert (O : owner ([e] ++ m) [x] <> None).
  { simpl. destruct (owner m [x]); [discriminate |]. rewrite F. discriminate. }
  rewrite owner_app in X. destruct (owner m [x]) as [q |] eqn:Q.
  - destruct (owner_some _ _ _ Q) as (m1 & y & m2 & -> & <- & F2).
    apply (ancestor_above t (place e) (place y));
      [exists (Node (ecap x) (Some (place y)) (handed x)); auto |].
    apply (IH m1) with (b := m2 ++ x :: b).
    + rewrite app_length. simpl. lia.
    + rewrite <- app_assoc in R. exact R.
    + rewrite <- app_assoc in F. simpl in F. rewrite forallb_app in F |- *. simpl in *.
      apply andb_true_iff in F. destruct F as [F1 F]. apply andb_true_iff in F.
      rewrite F1, (proj1 F). reflexivity.
  - simpl in X. rewrite F in X. apply ancestor_parent. eexists. split; [exact X | reflexivity].
Qed.

(** ** No child *)

Definition next_is_child (s : entry) (b : list entry) : bool :=
  match b with [] => false | h :: _ => is_parent s h end.

Theorem no_child_in_the_list_is_no_child_in_the_tree a s b t :
  reads (a ++ s :: b) t -> (has_child t (place s) <-> next_is_child s b = true).
Proof.
  intros R. split.
  - intros (x & C). apply ancestor_parent in C.
    destruct (ancestor_reads _ _ _ _ R C) as (a' & e & m & x' & b' & L & P & _ & F).
    destruct (nodup_split a s b a' e (m ++ x' :: b') (r_nodup _ _ R) L (eq_sym P))
      as (<- & <- & ->).
    destruct m as [| h m]; simpl in *; apply andb_true_iff in F; apply F.
  - destruct b as [| h b]; simpl; [discriminate |]. intros P.
    apply (ancestor_has_child t (place s) (place h)).
    apply (reads_ancestor a s [] h b t R). simpl. rewrite P. reflexivity.
Qed.

(** Ancestors come first. *)
Lemma ancestor_is_before a e m x b t : reads (a ++ e :: m ++ x :: b) t ->
  ancestor t (place x) (place e) -> False.
Proof.
  intros R H. destruct (ancestor_reads _ _ _ _ R H) as (a' & y & m' & z & b' & L & P & Q & _).
  assert (N := r_nodup _ _ R).
  destruct (nodup_split a e (m ++ x :: b) (a' ++ y :: m') z b' N) as (-> & <- & <-).
  { rewrite <- app_assoc. exact L. } { auto. }
  rewrite <- app_assoc in N. simpl in N.
  apply not_in_place in N. destruct N as [_ N]. apply N.
  rewrite P, map_app. apply in_or_app. right. right. rewrite map_app. apply in_or_app. right. left.
  reflexivity.
Qed.

(** Subtrees are runs of the list, parents in front. *)
Theorem subtrees_are_runs a e m x b t : reads (a ++ e :: m ++ x :: b) t ->
  ancestor t (place e) (place x) -> forall z, In z m -> ancestor t (place e) (place z).
Proof.
  intros R H z Z. destruct (ancestor_reads _ _ _ _ R H) as (a' & y & m' & x' & b' & L & P & Q & F).
  destruct (nodup_split a e (m ++ x :: b) a' y (m' ++ x' :: b') (r_nodup _ _ R) L (eq_sym P))
    as (<- & <- & L').
  assert (N : NoDup (map place (m ++ x :: b))).
  { assert (N := r_nodup _ _ R). clear - N. induction a; simpl in N; inversion_clear N; auto. }
  destruct (nodup_split m x b m' x' b' N L' (eq_sym Q)) as (<- & <- & <-).
  apply in_split in Z. destruct Z as (m1 & m2 & ->).
  apply (reads_ancestor a e m1 z (m2 ++ x :: b) t).
  - rewrite <- app_assoc in R. exact R.
  - rewrite <- app_assoc, !forallb_app in F. simpl in F. rewrite forallb_app. simpl.
    apply andb_true_iff in F. destruct F as [F1 F]. apply andb_true_iff in F. destruct F as [F _].
    apply andb_true_iff in F. rewrite F1, (proj1 F). reflexivity.
Qed.

(** ** Insert *)

Lemma behind_owner a s n seg :
  (forall y, In y a -> is_parent y s = true -> is_parent y n = true) ->
  (is_parent s n = true \/ next_is_child s seg = false) ->
  next_is_child n seg = false -> seg <> [] ->
  owner (a ++ [s; n]) seg = owner (a ++ [s]) seg.
Proof.
  intros Up Same Leaf NE. rewrite !owner_app.
  destruct seg as [| h q]; [congruence |]. simpl in *. rewrite Leaf. simpl.
  assert (E : is_parent s n && (is_parent s h && forallb (is_parent s) q) =
              is_parent s h && forallb (is_parent s) q).
  { destruct Same as [-> | ->]; [reflexivity |]. simpl. apply andb_false_r. }
  rewrite E. destruct (is_parent s h && forallb (is_parent s) q); [reflexivity |].
  apply owner_seg. intros y Y. simpl. destruct (is_parent y s) eqn:P; [| reflexivity].
  rewrite (Up y Y P). reflexivity.
Qed.

Lemma new_owner a s n :
  (forall y, In y a -> is_parent y s = true -> is_parent y n = true) ->
  owner (a ++ [s]) [n] = if is_parent s n then Some (place s) else owner a [s].
Proof.
  intros Up. rewrite owner_app. simpl. rewrite andb_true_r.
  destruct (is_parent s n); [reflexivity |].
  apply owner_seg. intros y Y. simpl. rewrite !andb_true_r. destruct (is_parent y s) eqn:P;
    [| reflexivity].
  rewrite (Up y Y P). reflexivity.
Qed.

Lemma insert_reads a s n b t : reads (a ++ s :: b) t -> t (place n) = None ->
  (forall y, In y a -> is_parent y s = true -> is_parent y n = true) ->
  (is_parent s n = true \/ next_is_child s b = false) ->
  next_is_child n b = false ->
  reads (a ++ s :: n :: b)
        (insert t (place n) (Node (ecap n) (if is_parent s n then Some (place s) else owner a [s])
                                  (handed n))).
Proof.
  intros R Empty Up Same Leaf.
  assert (N := reads_empty _ _ _ R Empty). assert (ND := r_nodup _ _ R).
  assert (ND' : NoDup (map place (a ++ s :: n :: b))).
  { rewrite map_app in *. simpl in *. apply (NoDup_Add (a := place n) (l := map place a ++ place s
    :: map place b)).
    - change (place s :: place n :: map place b) with ([place s] ++ place n :: map place b).
      change (place s :: map place b) with ([place s] ++ map place b).
      rewrite !app_assoc. apply Add_app.
    - auto. }
  split; [exact ND' | |].
  - intros a' e b' L. symmetry in L.
    destruct (split_cases _ a' e b' a (s :: n :: b) L) as [(c & -> & ->) | (c & -> & E)];
      [| destruct c as [| s' c]; [| destruct c as [| n' c]]; simpl in E].
    + unfold insert. destruct (Nat.eqb_spec (place e) (place n)) as [Q | _].
      { destruct N. rewrite in_places_iff, in_places_iff. rewrite Q. auto. }
      apply (r_there _ _ R a' e (c ++ s :: b)). rewrite <- app_assoc. reflexivity.
    + injection E as <- <-. rewrite app_nil_r. unfold insert.
      destruct (Nat.eqb_spec (place s) (place n)) as [Q | _].
      { destruct N. rewrite in_places_iff. auto. }
      apply (r_there _ _ R a s b). reflexivity.
    + injection E as <- <- <-. unfold insert. rewrite Nat.eqb_refl, new_owner; auto.
    + injection E as <- <- E. subst b. unfold insert.
      destruct (Nat.eqb_spec (place e) (place n)) as [Q | _].
      { destruct N. rewrite in_places_iff, in_places_iff. rewrite Q. auto. }
      rewrite (r_there _ _ R (a ++ s :: c) e b'); [| rewrite <- app_assoc; reflexivity].
      f_equal. f_equal.
      change (s :: n :: c) with ([s; n] ++ c). change (s :: c) with ([s] ++ c).
      rewrite !app_assoc, !(owner_app _ c). destruct (owner c [e]); [reflexivity |].
      symmetry. apply behind_owner; auto.
      * destruct c; [exact Same | exact Same].
      * destruct c; exact Leaf.
      * destruct c; discriminate.
  - intros z Z. unfold insert. destruct (Nat.eqb_spec z (place n)) as [-> | Q].
    + destruct Z. rewrite in_places_iff. simpl. auto.
    + apply (r_none _ _ R). intros I. apply Z. rewrite in_places_iff in *. simpl. intuition.
Qed.

(** ** Watermark, move and swap *)

Lemma set_handed_place u w e : place (set_handed u w e) = place e.
Proof. unfold set_handed. destruct (place e =? u); reflexivity. Qed.

Lemma set_handed_parent u w x y :
  is_parent (set_handed u w x) (set_handed u w y) = is_parent x y.
Proof.
  unfold set_handed. destruct (place x =? u), (place y =? u); reflexivity.
Qed.

Lemma map_split (g : entry -> entry) l a' e' b' : map g l = a' ++ e' :: b' ->
  exists a e b, l = a ++ e :: b /\ a' = map g a /\ e' = g e /\ b' = map g b.
Proof.
  revert a'. induction l as [| x l IH]; intros a' H; [destruct a'; discriminate |].
  destruct a' as [| y a']; simpl in H.
  - injection H as <- <-. exists [], x, l. auto.
  - injection H as <- H. destruct (IH a' H) as (a & e & b & -> & -> & -> & ->).
    exists (x :: a), e, b. auto.
Qed.

Lemma hand_out_reads l t u w : reads l t -> reads (map (set_handed u w) l) (hand_out t u w).
Proof.
  intros R.
  assert (P : map place (map (set_handed u w) l) = map place l).
  { rewrite map_map. apply map_ext. apply set_handed_place. }
  split.
  - rewrite P. exact (r_nodup _ _ R).
  - intros a' e' b' L. destruct (map_split _ _ _ _ _ L) as (a & e & b & -> & -> & -> & ->).
    rewrite set_handed_place. unfold hand_out. rewrite (r_there _ _ R a e b eq_refl).
    change [set_handed u w e] with (map (set_handed u w) [e]).
    rewrite (owner_map (set_handed u w) (fun x => x));
      auto using set_handed_parent, set_handed_place.
    unfold set_handed. destruct (place e =? u); simpl; destruct (owner a [e]); reflexivity.
  - intros z Z. rewrite P in Z. unfold hand_out. rewrite (r_none _ _ R z Z).
    destruct (z =? u); reflexivity.
Qed.

Lemma exchange_injective x y z z' : exchange x y z = exchange x y z' -> z = z'.
Proof. intros E. rewrite <- (exchange_twice x y z), <- (exchange_twice x y z'), E. reflexivity. Qed.

Lemma swap_reads l t x y : reads l t -> reads (map (rename x y) l) (swap t x y).
Proof.
  intros R.
  assert (P : map place (map (rename x y) l) = map (exchange x y) (map place l)).
  { rewrite !map_map. apply map_ext. reflexivity. }
  split.
  - rewrite P. apply FinFun.Injective_map_NoDup; [| exact (r_nodup _ _ R)].
    intros z z'. apply exchange_injective.
  - intros a' e' b' L. destruct (map_split _ _ _ _ _ L) as (a & e & b & -> & -> & -> & ->).
    unfold swap. simpl. rewrite exchange_twice, (r_there _ _ R a e b eq_refl). simpl.
    change [rename x y e] with (map (rename x y) [e]).
    rewrite (owner_map (rename x y) (exchange x y)); reflexivity.
  - intros z Z. unfold swap. rewrite (r_none _ _ R); [reflexivity |].
    intros I. apply Z. rewrite P, <- (exchange_twice x y z). apply in_map, I.
Qed.

(** ** Delete *)

Lemma chain_app P a x b : chain P (a ++ x :: b) <-> chain P (a ++ [x]) /\ chain P (x :: b).
Proof.
  induction a as [| y a IH]; [simpl; tauto |].
  change (chain P ((y :: a) ++ x :: b)) with
    (match a ++ x :: b with [] => True | h :: _ => P y h end /\ chain P (a ++ x :: b)).
  change (chain P ((y :: a) ++ [x])) with
    (match a ++ [x] with [] => True | h :: _ => P y h end /\ chain P (a ++ [x])).
  rewrite IH. destruct a; simpl; tauto.
Qed.

Lemma contiguous_tail a b : contiguous (a ++ b) -> contiguous b.
Proof. induction a; simpl; tauto. Qed.

Lemma alike_trans a b c : alike a b -> alike b c -> alike a c.
Proof. unfold alike. intuition congruence. Qed.
Lemma alike_sym a b : alike a b -> alike b a.
Proof. unfold alike. intuition congruence. Qed.

Lemma contiguous_between y m d b h :
  contiguous (y :: m ++ d :: b) -> In h b -> alike y h -> alike y d.
Proof.
  revert y. induction m as [| c m IH]; intros y C I A; simpl in C; destruct C as [Nr C].
  - exact (Nr h I A).
  - assert (B : alike y c).
    { apply (Nr h); [apply in_or_app; right; right; exact I | exact A]. }
    apply (alike_trans y c d B). apply IH; [exact C | exact I |].
    exact (alike_trans c y h (alike_sym y c B) A).
Qed.

Lemma same_region_covers y h : same_region y h = true -> 0 < size (ecap h) ->
  overlap (ecap y) (ecap h).
Proof.
  rewrite same_region_spec. intros H S. exists (base (ecap h)). unfold covers. lia.
Qed.

Lemma nodup_tail a e b : NoDup (map place (a ++ e :: b)) -> NoDup (map place b).
Proof. induction a; simpl; intros N; inversion_clear N; auto. Qed.

(** The heart of delete: who is parent of what comes behind [d] is parent of [d] too. *)
Lemma shield a1 y a2 d h b t :
  reads (a1 ++ y :: a2 ++ d :: h :: b) t -> good (a1 ++ y :: a2 ++ d :: h :: b) -> well_formed t ->
  is_parent y (mark (first_badged d) h) = true -> is_parent y d = true.
Proof.
  intros R G W P. destruct (is_parent_unmark _ _ _ P) as [P' B]. clear P. rename P' into P.
  set (l := a1 ++ y :: a2 ++ d :: h :: b) in *.
  assert (Iy : In y l) by (unfold l; apply in_or_app; simpl; auto).
  assert (Ih : In h l).
  { unfold l. apply in_or_app. right. right. apply in_or_app. simpl. auto. }
  assert (Ny := r_there _ _ R a1 y _ eq_refl).
  assert (Nh : t (place h) = Some (Node (ecap h) (owner (a1 ++ y :: a2 ++ [d]) [h]) (handed h))).
  { apply (r_there _ _ R _ h b). unfold l. rewrite <- app_assoc. simpl. rewrite <- app_assoc.
  reflexivity. }
  assert (R' : reads (a1 ++ y :: (a2 ++ [d]) ++ h :: b) t)
    by (rewrite <- app_assoc; exact R).
  assert (NE : place y <> place h).
  { intros E. assert (N := r_nodup _ _ R'). apply not_in_place in N. apply (proj2 N).
    rewrite E, map_app. apply in_or_app. right. left. reflexivity. }
  assert (P0 := P). apply is_parent_spec in P0. destruct P0 as (Rv & S & _).
  assert (O := same_region_covers y h S (g_sizes l G h Ih)).
  destruct (wf_overlap t W _ _ _ _ Ny Nh NE O) as [[_ A] | [[_ A] | (SO & Ty & Th)]].
  - destruct (ancestor_reads _ _ _ _ R' A) as (a' & e & m & x' & b' & L & E & Q & F).
    destruct (nodup_split a1 y ((a2 ++ [d]) ++ h :: b) a' e (m ++ x' :: b') (r_nodup _ _ R') L
      (eq_sym E))
      as (<- & <- & L').
    assert (N' : NoDup (map place ((a2 ++ [d]) ++ h :: b))).
    { exact (nodup_tail a1 y _ (r_nodup _ _ R')). }
    destruct (nodup_split (a2 ++ [d]) h b m x' b' N' L' (eq_sym Q)) as (<- & <- & <-).
    rewrite !forallb_app in F. simpl in F. destruct (is_parent y d); [reflexivity |].
    rewrite andb_false_r in F. discriminate.
  - destruct (ancestor_is_before _ _ _ _ _ _ R' A).
  - assert (Ky : what y <> Untyped).
    { intros K. apply Ty. apply (g_kinds l G y Iy), K. }
    unfold same_object in SO. simpl in SO.
    assert (Al : alike y h).
    { unfold alike. apply same_region_spec in S. intuition congruence. }
    assert (Ad : alike y d).
    { apply (contiguous_between y a2 d (h :: b) h); [| left; reflexivity | exact Al].
      apply (contiguous_tail a1). exact (g_contig l G). }
    apply is_parent_spec. split; [exact Rv |]. split.
    { apply same_region_spec. unfold alike in Ad.
      destruct (kind_eq_dec (what y) Frame) as [K | K]; [left | right]; intuition (try congruence;
        try lia). }
    destruct B as [B | [B | (B & F & F')]]; auto.
    destruct (Nat.eq_dec (badge y) 0) as [Z | Z]; [auto |].
    destruct (is_ipc y) eqn:I; [| auto].
    assert (C : chain badge_run (d :: h :: b)).
    { assert (C := g_badged l G). unfold l in C.
      change (y :: a2 ++ d :: h :: b) with ((y :: a2) ++ d :: h :: b) in C.
      rewrite app_assoc in C. apply chain_app in C. exact (proj2 C). }
    destruct C as [C _]. destruct C as [_ C].
    + unfold is_ipc in *. destruct Al as [<- _]. exact I.
    + congruence.
    + exact F'.
    + right; right. split; [congruence | exact F].
Qed.

Lemma remove_place a d b :
  NoDup (map place (a ++ d :: b)) -> remove (place d) (a ++ d :: b) = a ++ pass (first_badged d) b.
Proof.
  induction a as [| x a IH]; simpl; intros N.
  - rewrite Nat.eqb_refl. reflexivity.
  - inversion_clear N. destruct (Nat.eqb_spec (place x) (place d)) as [E | _].
    + destruct H. rewrite E, map_app. apply in_or_app. right. left. reflexivity.
    + rewrite IH; auto.
Qed.

Lemma pass_place f b : map place (pass f b) = map place b.
Proof. destruct b; reflexivity. Qed.

Lemma delete_owner a d h q t b :
  reads (a ++ d :: h :: b) t -> good (a ++ d :: h :: b) -> well_formed t ->
  owner a (mark (first_badged d) h :: q) =
  if forallb (is_parent d) (h :: q) then owner a [d] else owner a (d :: h :: q).
Proof.
  intros R G W. destruct (forallb (is_parent d) (h :: q)) eqn:D; apply owner_seg; intros y Y;
    apply in_split in Y; destruct Y as (a1 & a2 & ->); rewrite <- app_assoc in R, G; simpl in R, G;
    assert (Sh := shield a1 y a2 d h b t R G W); simpl in *.
  - rewrite andb_true_r. apply andb_true_iff in D. destruct D as [Dh Dq].
    destruct (is_parent y d) eqn:P.
    + rewrite (is_parent_mark y d h P (is_parent_trans y d h P Dh)). simpl.
      rewrite forallb_forall in *. intros w I. exact (is_parent_trans y d w P (Dq w I)).
    + destruct (is_parent y (mark (first_badged d) h)); [| reflexivity].
      discriminate (Sh eq_refl).
  - destruct (is_parent y d) eqn:P; simpl.
    + destruct (is_parent y h) eqn:Q.
      * rewrite (is_parent_mark y d h P Q). reflexivity.
      * destruct (is_parent y (mark (first_badged d) h)) eqn:M; [| reflexivity].
        apply is_parent_unmark in M. destruct M. congruence.
    + destruct (is_parent y (mark (first_badged d) h)); [| reflexivity].
      discriminate (Sh eq_refl).
Qed.

Lemma delete_reads a d b t : reads (a ++ d :: b) t -> good (a ++ d :: b) -> well_formed t ->
  reads (a ++ pass (first_badged d) b) (delete t (place d)).
Proof.
  intros R G W. assert (N := r_nodup _ _ R). assert (X := r_there _ _ R a d b eq_refl).
  assert (P : map place (a ++ pass (first_badged d) b) = map place a ++ map place b)
    by (rewrite map_app, pass_place; reflexivity).
  destruct (not_in_place a d b N) as [Na Nb].
  unfold delete. rewrite X. simpl. split.
  - rewrite P. rewrite map_app in N. simpl in N. exact (NoDup_remove_1 _ _ _ N).
  - intros a' e' b' L. symmetry in L.
    destruct (split_cases _ a' e' b' a _ L) as [(c & -> & ->) | (c & -> & E)].
    + assert (E : place e' <> place d).
      { intros E. apply Na. rewrite <- E, map_app. apply in_or_app. right. left. reflexivity. }
      destruct (Nat.eqb_spec (place e') (place d)) as [Q | _]; [destruct (E Q) |].
      rewrite (r_there _ _ R a' e' (c ++ d :: b)); [| rewrite <- app_assoc; reflexivity].
      simpl. unfold adopt. simpl. destruct (owner a' [e']) as [q |] eqn:O; [| reflexivity].
      destruct (Nat.eqb_spec q (place d)) as [-> | _]; [| reflexivity].
      destruct Na. apply owner_in in O. rewrite map_app. apply in_or_app. auto.
    + destruct b as [| h b]; [destruct c; discriminate |]. simpl in E.
      assert (H : exists c0 e, h :: b = c0 ++ e :: b' /\ ecap e' = ecap e /\ handed e' = handed e /\
        place e' = place e /\ owner c [e'] = owner c0 [e] /\
        exists q, c ++ [e'] = mark (first_badged d) h :: q /\ c0 ++ [e] = h :: q).
      { destruct c as [| x c]; simpl in E.
        - injection E as <- <-. exists [], h. simpl. repeat (split; [reflexivity |]). exists [].
        auto.
        - injection E as <- ->. exists (h :: c), e'. repeat (split; [reflexivity |]).
          exists (c ++ [e']). auto. }
      destruct H as (c0 & e & Eb & Ec & Eh & Ep & Eo & q & Q & Q0).
      assert (E' : place e <> place d).
      { intros E'. apply Nb. rewrite <- E', Eb, map_app. apply in_or_app. right. left.
      reflexivity. }
      rewrite Ep. destruct (Nat.eqb_spec (place e) (place d)) as [C | _]; [destruct (E' C) |].
      rewrite (r_there _ _ R (a ++ d :: c0) e b'); [| rewrite <- app_assoc; simpl; rewrite Eb;
        reflexivity].
      simpl. unfold adopt. simpl. rewrite Ec, Eh.
      change (d :: c0) with ([d] ++ c0).
      rewrite (owner_app a c), (app_assoc a [d] c0), (owner_app (a ++ [d]) c0), Eo.
      destruct (owner c0 [e]) as [p |] eqn:O.
      * destruct (Nat.eqb_spec p (place d)) as [-> | _]; [| reflexivity].
        destruct Nb. apply owner_in in O. rewrite Eb, map_app. apply in_or_app. auto.
      * rewrite Q, Q0, (delete_owner a d h q t b R G W), (owner_app a [d]).
        simpl owner at 3. destruct (is_parent d h && forallb (is_parent d) q) eqn:F.
        -- simpl. rewrite F, Nat.eqb_refl. reflexivity.
        -- simpl. rewrite F. destruct (owner a (d :: h :: q)) as [p |] eqn:O'; [| reflexivity].
           destruct (Nat.eqb_spec p (place d)) as [-> | _]; [| reflexivity].
           destruct Na. exact (owner_in _ _ _ O').
  - intros z Z. rewrite P in Z. destruct (Nat.eqb_spec z (place d)) as [_ | Q]; [reflexivity |].
    rewrite (r_none _ _ R); [reflexivity |]. rewrite in_places_iff. intros I. apply Z.
    apply in_or_app. intuition.
Qed.

(** ** The list's invariants are kept *)

Definition shape (e e' : entry) : Prop := what e = what e' /\ ecap e = ecap e'.
Definition twin (e e' : entry) : Prop :=
  shape e e' /\ badge e = badge e' /\ revocable e = revocable e' /\
  first_badged e = first_badged e'.

Lemma shape_alike a a' b b' : shape a a' -> shape b b' -> alike a b -> alike a' b'.
Proof. unfold shape, alike. intros [-> ->] [-> ->]. auto. Qed.

Lemma shape_sym a b : shape a b -> shape b a.
Proof. unfold shape. intuition. Qed.

Lemma shape_in l l' h' : Forall2 shape l l' -> In h' l' -> exists h, In h l /\ shape h h'.
Proof.
  induction 1 as [| x x' l l' S F IH]; simpl; [tauto |]. intros [<- | I].
  - exists x. auto.
  - destruct (IH I) as (h & I' & S'). exists h. auto.
Qed.

Lemma contiguous_shape l l' : Forall2 shape l l' -> contiguous l -> contiguous l'.
Proof.
  induction 1 as [| x x' l l' S F IH]; simpl; [auto |]. intros [Nr C]. split; [| auto].
  destruct F as [| d d' r r' S' F]; simpl in *; [exact I |].
  intros h' I A. destruct (shape_in _ _ _ F I) as (h & I' & S'').
  apply (shape_alike x x' d d' S S'), (Nr h I').
  exact (shape_alike x' x h' h (shape_sym _ _ S) (shape_sym _ _ S'') A).
Qed.

Lemma shape_refl l : Forall2 shape l l.
Proof. induction l; constructor; unfold shape; auto. Qed.

Lemma shape_pass a f b : Forall2 shape (a ++ b) (a ++ pass f b).
Proof.
  apply Forall2_app; [apply shape_refl |]. destruct b; constructor; [split; reflexivity |].
  apply shape_refl.
Qed.

Lemma contiguous_remove a d b : contiguous (a ++ d :: b) -> contiguous (a ++ b).
Proof.
  induction a as [| y a IH]; simpl; [tauto |]. intros [Nr C]. split; [| auto].
  destruct a as [| c a]; simpl in *.
  - destruct b as [| c b]; simpl; [exact I |]. intros h Ih A. destruct C as [Nd _]. simpl in Nd.
    assert (D : alike y d) by (apply (Nr h); simpl; auto).
    apply (alike_trans y d c D), (Nd h Ih), (alike_trans d y h (alike_sym _ _ D) A).
  - intros h Ih A. apply (Nr h); [| exact A]. rewrite in_app_iff in *. simpl. intuition.
Qed.

Lemma chain_last (P : entry -> entry -> Prop) a x y : (forall p, P p x -> P p y) -> chain P (a ++
  [x]) -> chain P (a ++ [y]).
Proof.
  intros H. induction a as [| p a IH]; [auto |].
  intros [A C]. split; [| exact (IH C)]. destruct a as [| q a]; simpl in *; auto.
Qed.

Lemma chain_prefix (P : entry -> entry -> Prop) a x : chain P (a ++ [x]) -> chain P a.
Proof.
  induction a as [| p a IH]; [simpl; auto |]. intros [A C]. split; [| exact (IH C)].
  destruct a; simpl in *; auto.
Qed.

Lemma chain_head (P : entry -> entry -> Prop) x y b :
  (forall h, P x h -> P y h) -> chain P (x :: b) -> chain P (y :: b).
Proof. intros H [A C]. split; [| exact C]. destruct b; auto. Qed.

Lemma in_pass e a f b : In e (a ++ pass f b) -> exists e0, In e0 (a ++ b) /\
  what e = what e0 /\ ecap e = ecap e0 /\ revocable e = revocable e0.
Proof.
  rewrite in_app_iff. intros [I | I].
  - exists e. rewrite in_app_iff. auto.
  - destruct b as [| h b]; [destruct I |]. destruct I as [<- | I].
    + exists h. rewrite in_app_iff. simpl. auto.
    + exists e. rewrite in_app_iff. simpl. auto.
Qed.

Lemma badge_run_passed p d h : badge_run d h -> badge_run p d ->
  badge_run p (mark (first_badged d) h).
Proof.
  unfold badge_run. simpl. intros D Q I B F. apply orb_false_iff in F. destruct F as [F F'].
  destruct D as [A E]; auto. destruct Q as [A' E']; auto.
  - unfold is_ipc in *. destruct A as [-> _]. exact I.
  - congruence.
  - split; [exact (alike_trans p d h A' A) | congruence].
Qed.

Lemma delete_good a d b : good (a ++ d :: b) -> good (a ++ pass (first_badged d) b).
Proof.
  intros G.
  assert (In' : forall e, In e (a ++ b) -> In e (a ++ d :: b)).
  { intros e. rewrite !in_app_iff. simpl. tauto. }
  split.
  - intros e I. destruct (in_pass _ _ _ _ I) as (e0 & I0 & _ & -> & _).
    exact (g_sizes _ G e0 (In' e0 I0)).
  - intros e I. destruct (in_pass _ _ _ _ I) as (e0 & I0 & -> & -> & _).
    exact (g_kinds _ G e0 (In' e0 I0)).
  - intros e I. destruct (in_pass _ _ _ _ I) as (e0 & I0 & -> & _ & ->).
    exact (g_untyped _ G e0 (In' e0 I0)).
  - assert (C := g_badged _ G). apply chain_app in C. destruct C as [C D].
    destruct b as [| h b]; simpl.
    + rewrite app_nil_r. exact (chain_prefix _ _ _ C).
    + apply chain_app. destruct D as [Dh D]. split.
      * apply (chain_last _ _ d); [| exact C]. intros p. apply badge_run_passed, Dh.
      * apply (chain_head _ h); auto.
  - apply (contiguous_shape (a ++ b)); [apply shape_pass |].
    apply (contiguous_remove a d b), (g_contig _ G).
Qed.

Lemma map_good g l : (forall e, twin e (g e)) -> good l -> good (map g l).
Proof.
  intros T G. split.
  - intros e I. apply in_map_iff in I. destruct I as (e0 & <- & I).
    destruct (T e0) as [[_ <-] _]. exact (g_sizes _ G e0 I).
  - intros e I. apply in_map_iff in I. destruct I as (e0 & <- & I).
    destruct (T e0) as [[<- <-] _]. exact (g_kinds _ G e0 I).
  - intros e I. apply in_map_iff in I. destruct I as (e0 & <- & I).
    destruct (T e0) as [[<- _] (_ & <- & _)]. exact (g_untyped _ G e0 I).
  - assert (C := g_badged _ G). clear G. induction l as [| p l IH]; [exact I |].
    destruct C as [A C]. split; [| exact (IH C)]. destruct l as [| h l]; simpl; [exact I |].
    intros Ip B F. destruct (T p) as (Sp & Bp & _). destruct (T h) as (Sh & Bh & _ & Fh).
    destruct A as [A E].
    + unfold is_ipc in *. destruct Sh as [-> _]. exact Ip.
    + congruence.
    + congruence.
    + split; [exact (shape_alike _ _ _ _ Sp Sh A) | congruence].
  - apply (contiguous_shape l); [| exact (g_contig _ G)]. clear G.
    induction l; constructor; auto. apply T.
Qed.

Lemma set_handed_twin u w e : twin e (set_handed u w e).
Proof. unfold twin, shape, set_handed. destruct (place e =? u); simpl; intuition. Qed.
Lemma rename_twin x y e : twin e (rename x y e).
Proof. unfold twin, shape. simpl. intuition. Qed.

Lemma contiguous_insert a s n b :
  alike s n \/ (forall y, ~ alike s y) /\ (forall y, In y (a ++ s :: b) -> ~ alike n y) ->
  contiguous (a ++ s :: b) -> contiguous (a ++ s :: n :: b).
Proof.
  intros H. induction a as [| y a IH]; simpl.
  - intros [Nr C]. destruct H as [A | [Hs Hn]].
    + split; [intros h I B; exact A |]. split; [| exact C].
      destruct b as [| d b]; simpl in *; [exact I |]. intros h I B.
      apply (alike_trans n s d (alike_sym _ _ A)), (Nr h I), (alike_trans s n h A B).
    + split; [intros h I B; destruct (Hs _ B) |]. split; [| exact C].
      destruct b as [| d b]; simpl in *; [exact I |]. intros h I B.
      destruct (Hn h); auto.
  - intros [Nr C]. split.
    + assert (E : forall h, In h (a ++ s :: n :: b) -> alike y h -> In h (a ++ s :: b) \/ alike s
      h).
      { intros h I B. rewrite in_app_iff in *. simpl in *.
        destruct I as [I | [I | [<- | I]]]; auto.
        right. destruct H as [A | [_ Hn]]; [exact A |].
        destruct (Hn y (or_introl eq_refl) (alike_sym _ _ B)). }
      destruct a as [| d a]; simpl in *.
      * intros h [<- | I] B.
        -- destruct H as [A | [_ Hn]]; [exact (alike_trans y n s B (alike_sym _ _ A)) |].
           destruct (Hn y (or_introl eq_refl) (alike_sym _ _ B)).
        -- exact (Nr h I B).
      * intros h I B. rewrite in_app_iff in I. simpl in I.
        destruct I as [I | [I | [<- | I]]]; try (apply (Nr h); [rewrite in_app_iff; simpl;
          auto | exact B]).
        destruct H as [A | [_ Hn]].
        -- apply (Nr s); [rewrite in_app_iff; simpl; auto |].
           exact (alike_trans y n s B (alike_sym _ _ A)).
        -- destruct (Hn y (or_introl eq_refl) (alike_sym _ _ B)).
    + apply IH; [| exact C]. destruct H as [A | [Hs Hn]]; [auto |]. right. split; [exact Hs |].
      intros z Z. apply Hn. right. exact Z.
Qed.

Lemma insert_good a s n b : good (a ++ s :: b) ->
  0 < size (ecap n) -> (what n = Untyped <-> can (ecap n) Create) ->
  (what n = Untyped -> revocable n = true) ->
  badge_run s n -> (forall h, badge_run s h -> badge_run n h) ->
  alike s n \/ (forall y, ~ alike s y) /\ (forall y, In y (a ++ s :: b) -> ~ alike n y) ->
  good (a ++ s :: n :: b).
Proof.
  intros G Sz Kd Rv B B' A.
  assert (In' : forall e, In e (a ++ s :: n :: b) -> e = n \/ In e (a ++ s :: b)).
  { intros e. rewrite !in_app_iff. simpl. intuition. }
  split.
  - intros e I. destruct (In' e I) as [-> | I']; [exact Sz | exact (g_sizes _ G e I')].
  - intros e I. destruct (In' e I) as [-> | I']; [exact Kd | exact (g_kinds _ G e I')].
  - intros e I. destruct (In' e I) as [-> | I']; [exact Rv | exact (g_untyped _ G e I')].
  - assert (C := g_badged _ G). apply chain_app in C. destruct C as [C D].
    apply chain_app. split; [exact C |]. split; [exact B |]. exact (chain_head _ s n b B' D).
  - exact (contiguous_insert a s n b A (g_contig _ G)).
Qed.

(** ** The operations *)

Fixpoint child_behind (x : slot) (l : list entry) : bool :=
  match l with
  | [] => false
  | e :: r => if place e =? x then next_is_child e r else child_behind x r
  end.

Definition made (x : slot) (k : kind) (a n : nat) (rev : bool) : entry :=
  Entry x k (new_cap a n k) 0 rev rev 0.
Definition copy_of_untyped (u : entry) (x : slot) : entry :=
  Entry x Untyped (ecap u) 0 true true 0.
Definition copy_of (s : entry) (x : slot) (rs : list right) (b : nat) : entry :=
  let original := negb (b =? badge s) in
  Entry x (what s) (with_rights (ecap s) rs) b original original 0.

(** The last capability to a CNode or thread becomes a zombie while the object dies: from then on it
    is nobody's parent. *)
Definition barren (e : entry) : entry :=
  Entry (place e) (what e) (ecap e) (badge e) false (first_badged e) (handed e).
Definition barren_at (x : slot) (e : entry) : entry := if place e =? x then barren e else e.

(** The operations.  [list_root] is a thread's reply master, which the kernel puts in front of the
    sentinel, [list_issue] an interrupt's handler; a reply capability is a [list_copy] of its
    master. *)
Inductive list_step (l : list entry) : list entry -> Prop :=
| list_retype u x a n k rev
    (list_retype_is_of : In u l)
    (list_retype_of_untyped : what u = Untyped)
    (list_retype_into_an_empty_slot : ~ In x (map place l))
    (list_retype_makes_something : 0 < n)
    (list_retype_begins_in_the_block : base (ecap u) <= a)
    (list_retype_ends_in_the_block : a + n <= base (ecap u) + size (ecap u))
    (list_retype_above_the_used : child_behind (place u) l = true -> base (ecap u) + handed u <= a)
    (list_retype_untyped_is_revocable : k = Untyped -> rev = true)
  : list_step l (insert_behind (place u) (made x k a n rev)
                  (map (set_handed (place u) (a + n - base (ecap u))) l))
| list_copy_untyped u x
    (list_copy_is_of_untyped : In u l)
    (list_copy_of_untyped : what u = Untyped)
    (list_copy_untyped_into_an_empty_slot : ~ In x (map place l))
    (list_copy_of_childless : child_behind (place u) l = false)
  : list_step l (insert_behind (place u) (copy_of_untyped u x)
                  (map (set_handed (place u) (size (ecap u))) l))
| list_copy s x rs b
    (list_copy_is_of : In s l)
    (list_copy_of_typed : what s <> Untyped)
    (list_copy_into_an_empty_slot : ~ In x (map place l))
    (list_copy_diminishes : incl rs (rights (ecap s)))
    (list_copy_badges_the_unbadged : b = badge s \/ badge s = 0)
    (list_copy_badges_ipc_only : is_ipc s = false -> b = badge s)
  : list_step l (insert_behind (place s) (copy_of s x rs b) l)
| list_root n
    (list_root_into_an_empty_slot : ~ In (place n) (map place l))
    (list_root_has_bytes : 0 < size (ecap n))
    (list_root_has_its_kind : what n = Untyped <-> can (ecap n) Create)
    (list_root_untyped_is_revocable : what n = Untyped -> revocable n = true)
    (list_root_begins_its_badge : first_badged n = true)
    (list_root_is_apart : forall e, In e l -> ~ overlap (ecap e) (ecap n))
  : list_step l (l ++ [n])
| list_issue u x a n k
    (list_issue_is_of : In u l)
    (list_issue_of_untyped : what u = Untyped)
    (list_issue_into_an_empty_slot : ~ In x (map place l))
    (list_issue_makes_something : 0 < n)
    (list_issue_begins_in_the_block : base (ecap u) <= a)
    (list_issue_ends_in_the_block : a + n <= base (ecap u) + size (ecap u))
    (list_issue_of_what_counts_as_used : a + n <= base (ecap u) + handed u)
    (list_issue_is_nobodys : forall e, In e l -> overlap (ecap e) (new_cap a n k) -> e = u)
  : list_step l (insert_behind (place u) (made x k a n true) l)
| list_zombie z
    (list_zombie_is_of : In z l)
    (list_zombie_of_typed : what z <> Untyped)
    (list_zombie_of_childless : child_behind (place z) l = false)
  : list_step l (map (barren_at (place z)) l)
| list_delete x : list_step l (remove x l)
| list_swap x y : list_step l (map (rename x y) l).

Lemma child_behind_place a s b : NoDup (map place (a ++ s :: b)) ->
  child_behind (place s) (a ++ s :: b) = next_is_child s b.
Proof.
  induction a as [| x a IH]; simpl; intros N; [rewrite Nat.eqb_refl; reflexivity |].
  inversion_clear N. destruct (Nat.eqb_spec (place x) (place s)) as [E | _]; [| auto].
  destruct H. rewrite E, in_places_iff. auto.
Qed.

Lemma insert_behind_place a s n b : NoDup (map place (a ++ s :: b)) ->
  insert_behind (place s) n (a ++ s :: b) = a ++ s :: n :: b.
Proof.
  induction a as [| x a IH]; simpl; intros N; [rewrite Nat.eqb_refl; reflexivity |].
  inversion_clear N. destruct (Nat.eqb_spec (place x) (place s)) as [E | _].
  - destruct H. rewrite E, in_places_iff. auto.
  - rewrite IH; auto.
Qed.

Lemma remove_absent x l : ~ In x (map place l) -> remove x l = l.
Proof.
  induction l as [| e l IH]; simpl; [reflexivity |]. intros H.
  destruct (Nat.eqb_spec (place e) x); [tauto |]. rewrite IH; tauto.
Qed.

(** What overlaps memory that is not handed out stands in the list up to the block, and is
    untyped. *)
Lemma above_is_free a u b t o n k : reads (a ++ u :: b) t -> good (a ++ u :: b) -> well_formed t ->
  what u = Untyped -> base (ecap u) <= o -> o + n <= base (ecap u) + size (ecap u) ->
  (next_is_child u b = true -> base (ecap u) + handed u <= o) ->
  forall y, In y (a ++ u :: b) -> overlap (ecap y) (new_cap o n k) ->
  what y = Untyped /\ ~ In y b.
Proof.
  intros R G W U Low High Above y Y O.
  assert (Iu : In u (a ++ u :: b)) by (rewrite in_app_iff; simpl; auto).
  assert (Nu := r_there _ _ R a u b eq_refl).
  assert (Y' := Y). apply in_split in Y'. destruct Y' as (ay & by_ & L).
  assert (Ny := r_there _ _ R ay y by_ L).
  edestruct (fun A B C => free_memory t (place u) _ (new_cap o n k) (place y) _ W Nu A B C Ny O)
    as [T Z].
  - unfold untyped. simpl. apply (g_kinds _ G u Iu), U.
  - intros c. unfold covers, new_cap. simpl. lia.
  - intros C c V. apply (no_child_in_the_list_is_no_child_in_the_tree a u b t R) in C.
    specialize (Above C). unfold covers, new_cap in V. simpl in *. lia.
  - split; [apply (g_kinds _ G y Y), T |]. intros I. apply in_split in I.
    destruct I as (m & b' & ->). destruct Z as [E | A].
    + assert (N := r_nodup _ _ R). apply not_in_place in N. apply (proj2 N).
      rewrite <- E, in_places_iff. auto.
    + exact (ancestor_is_before a u m y b' t R A).
Qed.

Lemma new_is_leaf a u b t x o n k rev : reads (a ++ u :: b) t -> good (a ++ u :: b) ->
  well_formed t -> what u = Untyped -> base (ecap u) <= o ->
  o + n <= base (ecap u) + size (ecap u) ->
  (next_is_child u b = true -> base (ecap u) + handed u <= o) ->
  next_is_child (made x k o n rev) b = false.
Proof.
  intros R G W U Low High Above. destruct b as [| h b]; [reflexivity |]. simpl.
  destruct (is_parent (made x k o n rev) h) eqn:P; [| reflexivity].
  apply is_parent_spec in P. destruct P as (_ & S & _).
  assert (I : In h (a ++ u :: h :: b)) by (rewrite in_app_iff; simpl; auto).
  apply same_region_covers in S; [| exact (g_sizes _ G h I)].
  destruct (above_is_free a u (h :: b) t o n k R G W U Low High Above h I) as [_ Q].
  - apply overlap_sym. exact S.
  - destruct Q. left. reflexivity.
Qed.

Lemma next_is_child_handed s s' b u w : (forall h, is_parent s' h = is_parent s h) ->
  next_is_child s' (map (set_handed u w) b) = next_is_child s b.
Proof.
  intros E. destruct b as [| h b]; simpl; [reflexivity |]. rewrite E.
  unfold set_handed. destruct (place h =? u); reflexivity.
Qed.

Lemma set_handed_tests u w s h : is_parent (set_handed u w s) h = is_parent s h.
Proof. unfold set_handed. destruct (place s =? u); reflexivity. Qed.
Lemma set_handed_tested u w s h : is_parent s (set_handed u w h) = is_parent s h.
Proof. unfold set_handed. destruct (place h =? u); reflexivity. Qed.

(** The parent of what is inserted below an untyped capability. *)
Lemma below_untyped_reads a u n b t w : reads (a ++ u :: b) t -> t (place n) = None ->
  is_parent u n = true -> next_is_child n b = false ->
  reads (insert_behind (place u) n (map (set_handed (place u) w) (a ++ u :: b)))
        (insert (hand_out t (place u) w) (place n)
                (Node (ecap n) (Some (place u)) (handed n))).
Proof.
  intros R Empty P Leaf.
  assert (R' := hand_out_reads _ _ (place u) w R). rewrite map_app in *. simpl in *.
  assert (E : place (set_handed (place u) w u) = place u) by apply set_handed_place.
  rewrite <- E at 1. rewrite insert_behind_place; [| exact (r_nodup _ _ R')].
  assert (E0 : hand_out t (place u) w (place n) = None).
  { unfold hand_out. rewrite Empty. destruct (place n =? place u); reflexivity. }
  assert (P' : is_parent (set_handed (place u) w u) n = true)
    by (rewrite set_handed_tests; exact P).
  assert (H := insert_reads _ _ n _ _ R' E0). rewrite P', E in H. apply H.
  - intros y Y Q. apply in_map_iff in Y. destruct Y as (y0 & <- & Y).
    rewrite set_handed_tests, ?set_handed_tested in *. exact (is_parent_trans y0 u n Q P).
  - auto.
  - rewrite (next_is_child_handed n n); auto.
Qed.

Lemma below_untyped_good a u n b w : good (a ++ u :: b) -> NoDup (map place (a ++ u :: b)) ->
  what u = Untyped ->
  0 < size (ecap n) -> (what n = Untyped <-> can (ecap n) Create) ->
  (what n = Untyped -> revocable n = true) -> badge n = 0 ->
  (forall y, In y (a ++ u :: b) -> ~ alike n y) ->
  good (insert_behind (place u) n (map (set_handed (place u) w) (a ++ u :: b))).
Proof.
  intros G N U Sz Kd Rv B A.
  assert (G' := map_good _ _ (set_handed_twin (place u) w) G).
  assert (E : place (set_handed (place u) w u) = place u) by apply set_handed_place.
  assert (N' : NoDup (map place (map (set_handed (place u) w) (a ++ u :: b)))).
  { rewrite map_map. erewrite map_ext; [exact N |]. apply set_handed_place. }
  rewrite map_app in *. simpl in *. rewrite <- E at 1. rewrite insert_behind_place; [| exact N'].
  assert (U' : what (set_handed (place u) w u) = Untyped).
  { destruct (set_handed_twin (place u) w u) as [[<- _] _]. exact U. }
  apply insert_good; auto.
  - intros _ Z. congruence.
  - intros h H I Z F. destruct (H I Z F) as [(_ & _ & _ & Q) _]. destruct (Q U').
  - right. split; [intros y (_ & _ & _ & Q); exact (Q U') |].
    intros y Y Q.
    change (set_handed (place u) w u :: map (set_handed (place u) w) b)
      with (map (set_handed (place u) w) (u :: b)) in Y.
    rewrite <- map_app in Y. apply in_map_iff in Y. destruct Y as (y0 & <- & Y).
    apply (A y0 Y). apply (shape_alike n n (set_handed (place u) w y0) y0); [split;
      auto | | exact Q].
    apply shape_sym. exact (proj1 (set_handed_twin (place u) w y0)).
Qed.

Lemma full_rights_kind k : k = Untyped <-> In Create (full_rights k).
Proof. destruct k; simpl; intuition congruence. Qed.

Theorem retype_on_the_list l t u x o n k rev :
  reads l t -> good l -> well_formed t ->
  In u l -> what u = Untyped -> ~ In x (map place l) -> 0 < n ->
  base (ecap u) <= o -> o + n <= base (ecap u) + size (ecap u) ->
  (child_behind (place u) l = true -> base (ecap u) + handed u <= o) ->
  (k = Untyped -> rev = true) ->
  let w := o + n - base (ecap u) in
  let l' := insert_behind (place u) (made x k o n rev) (map (set_handed (place u) w) l) in
  reads l' (insert (hand_out t (place u) w) x (Node (new_cap o n k) (Some (place u)) 0)) /\ good l'.
Proof.
  intros R G W I U Empty Pos Low High Above Rv. simpl.
  apply in_split in I. destruct I as (a & b & ->).
  rewrite child_behind_place in Above by exact (r_nodup _ _ R).
  assert (Iu : In u (a ++ u :: b)) by (rewrite in_app_iff; simpl; auto).
  assert (P : is_parent u (made x k o n rev) = true).
  { apply is_parent_spec. split; [exact (g_untyped _ G u Iu U) |]. split.
    - apply same_region_spec. simpl. left. auto.
    - left. unfold is_ipc. rewrite U. reflexivity. }
  split.
  - apply (below_untyped_reads a u (made x k o n rev) b t); auto.
    + simpl. apply (r_none _ _ R), Empty.
    + apply (new_is_leaf a u b t); auto.
  - apply below_untyped_good; auto.
    + exact (r_nodup _ _ R).
    + simpl. apply full_rights_kind.
    + intros y Y (K & B & S & T). simpl in *.
      destruct (above_is_free a u b t o n k R G W U Low High Above y Y) as [Q _]; [| congruence].
      exists o. unfold covers, new_cap. simpl. rewrite <- B, <- S. lia.
Qed.

Theorem copy_untyped_on_the_list l t u x :
  reads l t -> good l ->
  In u l -> what u = Untyped -> ~ In x (map place l) -> child_behind (place u) l = false ->
  let l' := insert_behind (place u) (copy_of_untyped u x)
                          (map (set_handed (place u) (size (ecap u))) l) in
  reads l' (insert (hand_out t (place u) (size (ecap u))) x (Node (ecap u) (Some (place u)) 0)) /\
  good l'.
Proof.
  intros R G I U Empty None. simpl. apply in_split in I. destruct I as (a & b & ->).
  rewrite child_behind_place in None by exact (r_nodup _ _ R).
  assert (Iu : In u (a ++ u :: b)) by (rewrite in_app_iff; simpl; auto).
  assert (Rv := g_untyped _ G u Iu U).
  split.
  - apply (below_untyped_reads a u (copy_of_untyped u x) b t); auto.
    + simpl. apply (r_none _ _ R), Empty.
    + apply is_parent_spec. split; [exact Rv |]. split.
      * apply same_region_spec. simpl. left. auto.
      * left. unfold is_ipc. rewrite U. reflexivity.
    + destruct b as [| h b]; [reflexivity |]. simpl in *.
      rewrite <- None. unfold is_parent, same_region, within, is_ipc. simpl. rewrite U, Rv.
      reflexivity.
  - apply below_untyped_good; auto.
    + exact (r_nodup _ _ R).
    + exact (g_sizes _ G u Iu).
    + simpl. rewrite <- (g_kinds _ G u Iu). tauto.
    + intros y Y (_ & _ & _ & Q). apply Q. reflexivity.
Qed.

Theorem copy_on_the_list l t s x rs bd ns :
  reads l t -> good l -> t (place s) = Some ns ->
  In s l -> what s <> Untyped -> ~ In x (map place l) -> incl rs (rights (ecap s)) ->
  (bd = badge s \/ badge s = 0) -> (is_ipc s = false -> bd = badge s) ->
  let l' := insert_behind (place s) (copy_of s x rs bd) l in
  reads l' (insert t x (Node (with_rights (ecap s) rs)
                             (if revocable s then Some (place s) else parent ns) 0)) /\ good l'.
Proof.
  intros R G Ns I T Empty Less B B'. simpl.
  assert (Is := I). apply in_split in I. destruct I as (a & b & ->).
  rewrite insert_behind_place by exact (r_nodup _ _ R).
  rewrite (r_there _ _ R a s b eq_refl) in Ns. injection Ns as <-. simpl.
  set (n := copy_of s x rs bd).
  assert (F : badge s <> 0 -> first_badged n = false /\ bd = badge s).
  { intros Z. destruct B as [-> | B]; [| destruct (Z B)].
    simpl. rewrite Nat.eqb_refl. auto. }
  assert (P : is_parent s n = revocable s).
  { destruct (is_parent s n) eqn:P.
    - apply is_parent_spec in P. symmetry. apply P.
    - destruct (revocable s) eqn:Rv; [| reflexivity]. rewrite <- P.
      apply is_parent_spec. split; [exact Rv |]. split.
      + apply same_region_spec. simpl.
        destruct (kind_eq_dec (what s) Frame); [left | right]; intuition.
      + right. destruct (Nat.eq_dec (badge s) 0) as [Z | Z]; [auto |].
        destruct (F Z) as [F1 F2]. right. split; [symmetry; exact F2 | exact F1]. }
  assert (A : alike s n) by (unfold alike; simpl; auto).
  assert (C : chain badge_run (s :: b)).
  { assert (C := g_badged _ G). apply chain_app in C. exact (proj2 C). }
  split.
  - assert (H := insert_reads a s n b t R). rewrite P in H. apply H.
    + exact (r_none _ _ R x Empty).
    + intros y Y Q. apply is_parent_spec in Q. destruct Q as (Ry & S & By).
      apply is_parent_spec. split; [exact Ry |]. split; [exact S |].
      destruct By as [By | [By | [By Fs]]]; auto.
      destruct (Nat.eq_dec (badge y) 0) as [Z | Z]; [auto |]. right. right.
      destruct F as [F1 F2]; [congruence |]. split; [rewrite By; symmetry; exact F2 | exact F1].
    + destruct (revocable s) eqn:Rv; [auto |]. right. destruct b as [| h b]; [reflexivity |].
      simpl. unfold is_parent. rewrite Rv. reflexivity.
    + destruct b as [| h b]; [reflexivity |]. simpl.
      destruct (is_parent n h) eqn:Q; [| reflexivity].
      apply is_parent_spec in Q. destruct Q as (Rn & S & Bn). simpl in Rn, Bn.
      apply negb_true_iff, Nat.eqb_neq in Rn.
      assert (Ip : is_ipc s = true) by (destruct (is_ipc s);
        [reflexivity | destruct (Rn (B' eq_refl))]).
      assert (Z : badge s = 0) by (destruct B as [B | B]; [destruct (Rn B) | exact B]).
      destruct Bn as [Bn | [Bn | [Bn Fh]]].
      * change (is_ipc s = false) in Bn. congruence.
      * congruence.
      * assert (K := same_region_ipc n h S Ip). simpl in K.
        destruct C as [C _]. destruct C as [_ C]; try congruence.
        unfold is_ipc in *. rewrite <- K. exact Ip.
  - apply insert_good; auto.
    + exact (g_sizes _ G s Is).
    + simpl. split; [intros Q; destruct (T Q) |]. unfold can, with_rights. simpl. intros Q.
      destruct T. apply (g_kinds _ G s Is), Less, Q.
    + intros _ Z Fn. split; [exact A |]. simpl in *.
      apply negb_false_iff, Nat.eqb_eq in Fn. auto.
    + intros h H Ih Zh Fh. destruct (H Ih Zh Fh) as [Ah Bh].
      destruct F as [_ F2]; [congruence |]. simpl. split.
      * exact (alike_trans n s h (alike_sym _ _ A) Ah).
      * congruence.
Qed.

Theorem delete_on_the_list l t x : reads l t -> good l -> well_formed t ->
  reads (remove x l) (delete t x) /\ good (remove x l).
Proof.
  intros R G W. destruct (in_dec Nat.eq_dec x (map place l)) as [I | I].
  - destruct (in_place l x I) as (a & d & b & -> & <-).
    rewrite remove_place by exact (r_nodup _ _ R).
    split; [exact (delete_reads a d b t R G W) | exact (delete_good a d b G)].
  - rewrite (remove_absent x l I). unfold delete. rewrite (r_none _ _ R x I). auto.
Qed.

Theorem swap_on_the_list l t x y : reads l t -> good l ->
  reads (map (rename x y) l) (swap t x y) /\ good (map (rename x y) l).
Proof.
  intros R G. split; [exact (swap_reads l t x y R) | exact (map_good _ _ (rename_twin x y) G)].
Qed.

(** *** Roots, and what is issued *)

Lemma not_overlapped_is_no_child y n :
  0 < size (ecap n) -> ~ overlap (ecap y) (ecap n) -> is_parent y n = false.
Proof.
  intros Pos A. destruct (is_parent y n) eqn:P; [| reflexivity].
  apply is_parent_spec in P. destruct P as (_ & S & _). destruct (A (same_region_covers y n S Pos)).
Qed.

Lemma nobodys_owner l n :
  0 < size (ecap n) -> (forall y, In y l -> ~ overlap (ecap y) (ecap n)) -> owner l [n] = None.
Proof.
  intros Pos A. destruct (owner l [n]) as [p |] eqn:O; [| reflexivity].
  destruct (owner_some _ _ _ O) as (a & y & m & -> & _ & F).
  rewrite forallb_app in F. apply andb_true_iff in F. destruct F as [_ F]. simpl in F.
  rewrite (not_overlapped_is_no_child y n Pos) in F; [discriminate |].
  apply A. apply in_or_app. simpl. auto.
Qed.

Lemma append_reads l n t : reads l t -> ~ In (place n) (map place l) -> owner l [n] = None ->
  reads (l ++ [n]) (insert t (place n) (Node (ecap n) None (handed n))).
Proof.
  intros R Empty O. split.
  - rewrite map_app. simpl. apply (NoDup_Add (a := place n) (l := map place l)).
    + rewrite <- (app_nil_r (map place l)) at 1. apply Add_app.
    + split; [exact (r_nodup _ _ R) | exact Empty].
  - intros a e b L. symmetry in L.
    destruct (split_cases _ a e b l [n] L) as [(c & -> & ->) | ([| y c] & -> & E)]; simpl in *.
    + unfold insert. destruct (Nat.eqb_spec (place e) (place n)) as [Q | _].
      { destruct Empty. rewrite in_places_iff. auto. }
      exact (r_there _ _ R a e c eq_refl).
    + injection E as <- <-. rewrite app_nil_r. unfold insert. rewrite Nat.eqb_refl, O. reflexivity.
    + destruct c; discriminate E.
  - intros z Z. rewrite map_app, in_app_iff in Z. simpl in Z. unfold insert.
    destruct (Nat.eqb_spec z (place n)) as [-> | _]; [tauto |]. apply (r_none _ _ R). tauto.
Qed.

Lemma contiguous_append l n :
  (forall y, In y l -> ~ alike y n) -> contiguous l -> contiguous (l ++ [n]).
Proof.
  induction l as [| y l IH]; intros A C; simpl in *; [tauto |]. destruct C as [Nr C]. split.
  - destruct l as [| d r]; simpl in *; [tauto |]. intros h I B. rewrite in_app_iff in I.
    destruct I as [I | [<- | []]]; [exact (Nr h I B) | destruct (A y (or_introl eq_refl) B)].
  - apply IH; auto.
Qed.

Lemma chain_append (P : entry -> entry -> Prop) l n :
  (forall p, P p n) -> chain P l -> chain P (l ++ [n]).
Proof.
  intros H. induction l as [| y l IH]; intros C; [simpl; auto |]. destruct C as [A C].
  split; [| exact (IH C)]. destruct l; simpl in *; auto.
Qed.

Lemma alike_overlaps y n : 0 < size (ecap n) -> alike y n -> overlap (ecap y) (ecap n).
Proof. intros Pos (_ & B & S & _). exists (base (ecap n)). unfold covers. lia. Qed.

Theorem root_on_the_list l t n :
  reads l t -> good l ->
  ~ In (place n) (map place l) -> 0 < size (ecap n) -> (what n = Untyped <-> can (ecap n) Create) ->
  (what n = Untyped -> revocable n = true) -> first_badged n = true ->
  (forall e, In e l -> ~ overlap (ecap e) (ecap n)) ->
  reads (l ++ [n]) (insert t (place n) (Node (ecap n) None (handed n))) /\ good (l ++ [n]).
Proof.
  intros R G Empty Pos Kd Rv F Apart. split.
  - exact (append_reads l n t R Empty (nobodys_owner l n Pos Apart)).
  - assert (In' : forall e, In e (l ++ [n]) -> In e l \/ e = n).
    { intros e. rewrite in_app_iff. simpl. intuition. }
    split.
    + intros e I. destruct (In' e I) as [I' | ->]; [exact (g_sizes _ G e I') | exact Pos].
    + intros e I. destruct (In' e I) as [I' | ->]; [exact (g_kinds _ G e I') | exact Kd].
    + intros e I. destruct (In' e I) as [I' | ->]; [exact (g_untyped _ G e I') | exact Rv].
    + apply chain_append; [| exact (g_badged _ G)]. intros p _ _ F'. congruence.
    + apply contiguous_append; [| exact (g_contig _ G)].
      intros y Y A. exact (Apart y Y (alike_overlaps y n Pos A)).
Qed.

Theorem issue_on_the_list l t u x o n k :
  reads l t -> good l ->
  In u l -> what u = Untyped -> ~ In x (map place l) -> 0 < n ->
  base (ecap u) <= o -> o + n <= base (ecap u) + size (ecap u) ->
  (forall e, In e l -> overlap (ecap e) (new_cap o n k) -> e = u) ->
  let l' := insert_behind (place u) (made x k o n true) l in
  reads l' (insert t x (Node (new_cap o n k) (Some (place u)) 0)) /\ good l'.
Proof.
  intros R G I U Empty Pos Low High Nobody. simpl.
  assert (Iu := I). apply in_split in I. destruct I as (a & b & ->).
  rewrite insert_behind_place by exact (r_nodup _ _ R).
  set (c := made x k o n true).
  assert (P : is_parent u c = true).
  { apply is_parent_spec. split; [exact (g_untyped _ G u Iu U) |]. split.
    - apply same_region_spec. simpl. left. auto.
    - left. unfold is_ipc. rewrite U. reflexivity. }
  assert (Behind : forall y, In y b -> ~ overlap (ecap y) (new_cap o n k)).
  { intros y Y O. assert (E : y = u) by (apply Nobody; [apply in_or_app; simpl; auto | exact O]).
    subst y. assert (N := r_nodup _ _ R). apply not_in_place in N.
    apply (proj2 N). apply in_map, Y. }
  split.
  - assert (H := insert_reads a u c b t R). rewrite P in H. apply H.
    + exact (r_none _ _ R x Empty).
    + intros y Y Q. exact (is_parent_trans y u c Q P).
    + auto.
    + destruct b as [| h b]; [reflexivity |]. simpl. destruct (is_parent c h) eqn:Q;
      [| reflexivity].
      apply is_parent_spec in Q. destruct Q as (_ & S & _).
      apply same_region_covers in S; [| apply (g_sizes _ G); apply in_or_app; simpl; auto].
      destruct (Behind h (or_introl eq_refl)). apply overlap_sym. exact S.
  - apply insert_good; auto.
    + simpl. apply full_rights_kind.
    + intros _ Z. destruct (Z eq_refl).
    + intros h H Ih Zh Fh. destruct (H Ih Zh Fh) as [(_ & _ & _ & Q) _]. destruct (Q U).
    + right. split; [intros y (_ & _ & _ & Q); exact (Q U) |].
      intros y Y A. assert (O : overlap (ecap y) (new_cap o n k)).
      { apply overlap_sym. exact (alike_overlaps c y (g_sizes _ G y Y) A). }
      rewrite (Nobody y Y O) in A. destruct A as (K & _ & _ & Q). apply Q. simpl in *. congruence.
Qed.

(** *** Zombies: what stops to be anybody's parent, and was nobody's, changes nothing *)

Theorem zombie_on_the_list a e b t : reads (a ++ e :: b) t -> good (a ++ e :: b) ->
  what e <> Untyped -> next_is_child e b = false ->
  reads (a ++ barren e :: b) t /\ good (a ++ barren e :: b).
Proof.
  intros R G T Leaf. split.
  - assert (P : map place (a ++ barren e :: b) = map place (a ++ e :: b))
      by (rewrite !map_app; reflexivity).
    split.
    + rewrite P. exact (r_nodup _ _ R).
    + intros a' x b' L. symmetry in L.
      destruct (split_cases _ a' x b' a _ L) as [(c & -> & ->) | ([| y c] & -> & E)]; simpl in *.
      * rewrite (r_there _ _ R a' x (c ++ e :: b)); [reflexivity |].
        rewrite <- app_assoc. reflexivity.
      * injection E as <- _. rewrite app_nil_r. simpl.
        rewrite (r_there _ _ R a e b eq_refl), (owner_seg a [barren e] [e]); reflexivity.
      * injection E as <- ->. rewrite (r_there _ _ R (a ++ e :: c) x b');
          [| rewrite <- app_assoc; reflexivity].
        do 2 f_equal. change (e :: c) with ([e] ++ c).
        change (barren e :: c) with ([barren e] ++ c).
        rewrite !app_assoc, !(owner_app _ c). destruct (owner c [x]); [reflexivity |].
        rewrite !owner_app. simpl.
        assert (F : forallb (is_parent e) (c ++ [x]) = false).
        { destruct c; simpl in *; rewrite Leaf; reflexivity. }
        assert (F' : forallb (is_parent (barren e)) (c ++ [x]) = false).
        { destruct c; reflexivity. }
        rewrite F, F'. apply owner_seg. reflexivity.
    + intros z Z. apply (r_none _ _ R). rewrite <- P. exact Z.
  - assert (I' : forall x, In x (a ++ barren e :: b) -> exists y, In y (a ++ e :: b) /\
      what x = what y /\ ecap x = ecap y /\ (x = y \/ y = e)).
    { intros x I. rewrite in_app_iff in I. simpl in I. destruct I as [I | [<- | I]].
      - exists x. rewrite in_app_iff. auto.
      - exists e. rewrite in_app_iff. simpl. auto 6.
      - exists x. rewrite in_app_iff. simpl. auto. }
    split.
    + intros x I. destruct (I' x I) as (y & Y & _ & -> & _). exact (g_sizes _ G y Y).
    + intros x I. destruct (I' x I) as (y & Y & -> & -> & _). exact (g_kinds _ G y Y).
    + intros x I U. destruct (I' x I) as (y & Y & K & _ & [-> | ->]).
      * exact (g_untyped _ G y Y U).
      * congruence.
    + assert (C := g_badged _ G). apply chain_app in C. destruct C as [C D].
      apply chain_app. split.
      * apply (chain_last _ _ e); [| exact C]. auto.
      * apply (chain_head _ e); auto.
    + apply (contiguous_shape (a ++ e :: b)); [| exact (g_contig _ G)].
      apply Forall2_app; [apply shape_refl |]. constructor; [split; reflexivity | apply shape_refl].
Qed.

Lemma barren_at_absent x l : ~ In x (map place l) -> map (barren_at x) l = l.
Proof.
  induction l as [| e l IH]; simpl; [reflexivity |]. intros H. rewrite IH by tauto.
  unfold barren_at. destruct (Nat.eqb_spec (place e) x); [tauto | reflexivity].
Qed.

Lemma barren_at_place a z b : NoDup (map place (a ++ z :: b)) ->
  map (barren_at (place z)) (a ++ z :: b) = a ++ barren z :: b.
Proof.
  intros N. destruct (not_in_place a z b N) as [Na Nb]. rewrite map_app. simpl.
  rewrite !barren_at_absent by assumption. unfold barren_at. rewrite Nat.eqb_refl. reflexivity.
Qed.

(** Every operation on the list is one on the tree that the list says; a zombie's is none. *)
Theorem list_steps_are_tree_steps l l' t :
  reads l t -> good l -> well_formed t -> list_step l l' ->
  exists t', tree_run t t' /\ reads l' t' /\ good l'.
Proof.
  assert (Once : forall t', tree_step t t' -> tree_run t t').
  { intros t' S. exact (tree_run_step t t' t' S (tree_run_end t')). }
  intros R G W H. destruct H.
  - assert (I := list_retype_is_of). apply in_split in I. destruct I as (la & lb & L).
    assert (Nu := r_there _ _ R la u lb L).
    eexists. split; [| exact (retype_on_the_list l t u x a n k rev R G W list_retype_is_of
      list_retype_of_untyped list_retype_into_an_empty_slot list_retype_makes_something
      list_retype_begins_in_the_block list_retype_ends_in_the_block list_retype_above_the_used
      list_retype_untyped_is_revocable)].
    apply Once, (tree_retype t (place u) _ x a n k Nu); auto.
    + unfold untyped. simpl. apply (g_kinds _ G u list_retype_is_of). assumption.
    + exact (r_none _ _ R x list_retype_into_an_empty_slot).
    + simpl. intros C. apply list_retype_above_the_used. subst l.
      rewrite child_behind_place by exact (r_nodup _ _ R).
      apply (no_child_in_the_list_is_no_child_in_the_tree la u lb t R), C.
  - assert (I := list_copy_is_of_untyped). apply in_split in I. destruct I as (la & lb & L).
    assert (Nu := r_there _ _ R la u lb L).
    eexists. split; [| exact (copy_untyped_on_the_list l t u x R G list_copy_is_of_untyped
      list_copy_of_untyped list_copy_untyped_into_an_empty_slot list_copy_of_childless)].
    apply Once, (tree_copy_untyped t (place u) _ x Nu).
    + unfold untyped. simpl. apply (g_kinds _ G u list_copy_is_of_untyped). assumption.
    + exact (r_none _ _ R x list_copy_untyped_into_an_empty_slot).
    + intros C. subst l. rewrite child_behind_place in list_copy_of_childless by exact (r_nodup _ _
      R).
      apply (no_child_in_the_list_is_no_child_in_the_tree la u lb t R) in C. congruence.
  - assert (I := list_copy_is_of). apply in_split in I. destruct I as (la & lb & L).
    assert (Ns := r_there _ _ R la s lb L).
    eexists. split; [| exact (copy_on_the_list l t s x rs b _ R G Ns list_copy_is_of
      list_copy_of_typed list_copy_into_an_empty_slot list_copy_diminishes
      list_copy_badges_the_unbadged list_copy_badges_ipc_only)].
    apply Once, (tree_copy t (place s) _ x rs _ Ns); auto.
    + unfold untyped. simpl. intros U. apply list_copy_of_typed.
      apply (g_kinds _ G s list_copy_is_of), U.
    + exact (r_none _ _ R x list_copy_into_an_empty_slot).
    + destruct (revocable s); auto.
  - eexists. split; [| exact (root_on_the_list l t n R G list_root_into_an_empty_slot
      list_root_has_bytes list_root_has_its_kind list_root_untyped_is_revocable
      list_root_begins_its_badge list_root_is_apart)].
    apply Once, tree_root; [exact (r_none _ _ R _ list_root_into_an_empty_slot) |].
    intros y ny Y. destruct (reads_node l t y ny R Y) as (la & e & lb & L & _ & ->). simpl.
    apply list_root_is_apart. subst l. apply in_or_app. simpl. auto.
  - assert (I := list_issue_is_of). apply in_split in I. destruct I as (la & lb & L).
    assert (Nu := r_there _ _ R la u lb L).
    eexists. split; [| exact (issue_on_the_list l t u x a n k R G list_issue_is_of
      list_issue_of_untyped list_issue_into_an_empty_slot list_issue_makes_something
      list_issue_begins_in_the_block list_issue_ends_in_the_block list_issue_is_nobodys)].
    apply Once, (tree_issue t (place u) _ x a n k Nu); auto.
    + unfold untyped. simpl. apply (g_kinds _ G u list_issue_is_of). assumption.
    + exact (r_none _ _ R x list_issue_into_an_empty_slot).
    + intros y ny Y O. destruct (reads_node l t y ny R Y) as (ya & e & yb & L' & <- & ->).
      simpl in O. f_equal. apply list_issue_is_nobodys; [| exact O].
      rewrite L'. apply in_or_app. simpl. auto.
  - assert (I := list_zombie_is_of). apply in_split in I. destruct I as (la & lb & ->).
    rewrite child_behind_place in list_zombie_of_childless by exact (r_nodup _ _ R).
    rewrite barren_at_place by exact (r_nodup _ _ R). exists t. split; [constructor |].
    exact (zombie_on_the_list la z lb t R G list_zombie_of_typed list_zombie_of_childless).
  - eexists. split; [apply Once, tree_delete | apply delete_on_the_list; auto].
  - eexists. split; [apply Once, tree_swap | apply swap_on_the_list; auto].
Qed.

(** ** Revoke *)

(** What is left behind [s]: [f] is the bit that the last one deleted passes on. *)
Fixpoint revoke_behind (s : entry) (f : bool) (b : list entry) : list entry :=
  match b with
  | [] => []
  | h :: r => if is_parent s (mark f h) then revoke_behind s (f || first_badged h) r
              else mark f h :: r
  end.

Fixpoint revoke (x : slot) (l : list entry) : list entry :=
  match l with
  | [] => []
  | e :: r => e :: if place e =? x then revoke_behind e false r else revoke x r
  end.

Lemma mark_false h : mark false h = h.
Proof. destruct h. reflexivity. Qed.

Lemma revoke_place a s b : NoDup (map place (a ++ s :: b)) ->
  revoke (place s) (a ++ s :: b) = a ++ s :: revoke_behind s false b.
Proof.
  induction a as [| x a IH]; simpl; intros N; [rewrite Nat.eqb_refl; reflexivity |].
  inversion_clear N. destruct (Nat.eqb_spec (place x) (place s)) as [E | _].
  - destruct H. rewrite E, in_places_iff. auto.
  - rewrite IH; auto.
Qed.

Lemma revoke_behind_pass s f r : revoke_behind s f r = revoke_behind s false (pass f r).
Proof.
  destruct r as [| h r]; [reflexivity |]. simpl. rewrite mark_false. reflexivity.
Qed.

Lemma revoked_front u v t t' :
  ancestor t u v -> revoked_so_far u (delete t v) t' -> revoked_so_far u t t'.
Proof. intros A H. exact (revoked_one u t v t' A H). Qed.

Lemma ancestor_below t u x : ancestor t u x -> exists n, t x = Some n.
Proof. intros H. destruct H as [y (n & Y & _) | q y (n & Y & _) _]; eauto. Qed.

Lemma revoke_behind_is_exact a s b : forall t, reads (a ++ s :: b) t -> good (a ++ s :: b) ->
  well_formed t ->
  exists t', revoked_so_far (place s) t t' /\
  reads (a ++ s :: revoke_behind s false b) t' /\ good (a ++ s :: revoke_behind s false b) /\
  next_is_child s (revoke_behind s false b) = false /\
  forall z, (ancestor t (place s) z -> t' z = None) /\ (~ ancestor t (place s) z -> t' z = t z).
Proof.
  induction b as [b IH] using (induction_ltof1 _ (@length entry)). unfold ltof in IH.
  intros t R G W.
  assert (NoAnc : next_is_child s b = false -> forall z, ~ ancestor t (place s) z).
  { intros N z A. apply ancestor_has_child in A.
    apply (no_child_in_the_list_is_no_child_in_the_tree a s b t R) in A. congruence. }
  destruct b as [| h r]; simpl.
  { exists t. split; [constructor |]. repeat (split; [assumption || reflexivity |]).
    intros z. split; [intros A; destruct (NoAnc eq_refl z A) | reflexivity]. }
  rewrite mark_false. destruct (is_parent s h) eqn:P.
  - assert (R0 : reads ((a ++ [s]) ++ h :: r) t) by (rewrite <- app_assoc; exact R).
    assert (G0 : good ((a ++ [s]) ++ h :: r)) by (rewrite <- app_assoc; exact G).
    assert (R1 := delete_reads _ h r t R0 G0 W). assert (G1 := delete_good _ h r G0).
    rewrite <- app_assoc in R1, G1. simpl in R1, G1.
    assert (W1 := delete_keeps t (place h) W).
    destruct (IH (pass (first_badged h) r)) with (t := delete t (place h))
      as (t' & Rv & R' & G' & N' & E); auto.
    { destruct r; simpl; lia. }
    rewrite revoke_behind_pass.
    assert (A : ancestor t (place s) (place h)).
    { apply (reads_ancestor a s [] h r t R). simpl. rewrite P. reflexivity. }
    exists t'. split; [exact (revoked_front _ _ _ _ A Rv) |].
    split; [exact R' |]. split; [exact G' |]. split; [exact N' |].
    assert (X := r_there _ _ R0 (a ++ [s]) h r eq_refl).
    assert (NE : place s <> place h).
    { intros Q. rewrite <- Q in A. exact (wf_acyclic t W _ A). }
    assert (Xd : delete t (place h) (place h) = None)
      by (unfold delete; rewrite X, Nat.eqb_refl; reflexivity).
    intros z. split.
    + intros Az. destruct (Nat.eq_dec z (place h)) as [-> | NZ].
      * destruct (E (place h)) as [_ E2]. rewrite E2; [exact Xd |].
        intros H. destruct (ancestor_below _ _ _ H) as [n Y]. congruence.
      * apply E. exact (proj1 (delete_ancestor t (place h) _ (place s) z W X NE Az) NZ).
    + intros Nz. rewrite (proj2 (E z)).
      * unfold delete. rewrite X. destruct (Nat.eqb_spec z (place h)) as [-> | NZ];
        [destruct (Nz A) |].
        destruct (t z) as [n |] eqn:Z; [| reflexivity]. simpl. unfold adopt.
        destruct (parent n) as [q |] eqn:L; [| reflexivity].
        destruct (Nat.eqb_spec q (place h)) as [-> | _]; [| reflexivity].
        destruct Nz. apply (ancestor_above t _ (place h) z); [exists n; auto | exact A].
      * intros H. apply Nz. exact (delete_ancestor_back t (place h) _ _ _ X H).
  - exists t. split; [constructor |]. repeat (split; [assumption |]).
    intros z. split; [intros A; destruct (NoAnc P z A) | reflexivity].
Qed.

(** Revoke takes exactly the subtree away: what is below is gone, all else is as it was. *)
Theorem revoke_on_the_list l t x : reads l t -> good l -> well_formed t -> In x (map place l) ->
  exists t', revoked_so_far x t t' /\ reads (revoke x l) t' /\ good (revoke x l) /\
  well_formed t' /\ ~ has_child t' x /\
  forall z, (ancestor t x z -> t' z = None) /\ (~ ancestor t x z -> t' z = t z).
Proof.
  intros R G W I. destruct (in_place l x I) as (a & s & b & -> & <-).
  destruct (revoke_behind_is_exact a s b t R G W) as (t' & Rv & R' & G' & N & E).
  exists t'. rewrite revoke_place by exact (r_nodup _ _ R).
  split; [exact Rv |]. split; [exact R' |]. split; [exact G' |].
  split; [exact (revoke_keeps_in_every_prefix (place s) t t' W Rv) |]. split; [| exact E].
  intros C. apply (no_child_in_the_list_is_no_child_in_the_tree _ _ _ _ R') in C. congruence.
Qed.

(** One victim of a revoke, after which it may be interrupted: a delete of something below. *)
Theorem victim_is_below a s h r t : reads (a ++ s :: h :: r) t -> is_parent s h = true ->
  ancestor t (place s) (place h).
Proof.
  intros R P. apply (reads_ancestor a s [] h r t R). simpl. rewrite P. reflexivity.
Qed.

(** ** Runs *)

Inductive list_run : list entry -> list entry -> Prop :=
| list_run_end l : list_run l l
| list_run_step l l' l'' : list_step l l' -> list_run l' l'' -> list_run l l''.

Lemma list_run_trans l l' l'' : list_run l l' -> list_run l' l'' -> list_run l l''.
Proof. intros H H'. induction H; eauto using list_run_step. Qed.

Lemma tree_run_trans t t' t'' : tree_run t t' -> tree_run t' t'' -> tree_run t t''.
Proof. intros H H'. induction H; eauto using tree_run_step. Qed.

Theorem list_runs_are_tree_runs l l' t :
  reads l t -> good l -> well_formed t -> list_run l l' ->
  exists t', tree_run t t' /\ reads l' t' /\ good l' /\ well_formed t'.
Proof.
  intros R G W H. revert t R W. induction H as [l | l l' l'' S _ IH]; intros t R W.
  - exists t. split; [constructor | auto].
  - destruct (list_steps_are_tree_steps l l' t R G W S) as (t1 & T & R1 & G1).
    destruct (IH G1 t1 R1 (every_tree_is_well_formed t t1 W T)) as (t' & T' & R' & G' & W').
    exists t'. split; [exact (tree_run_trans t t1 t' T T') | auto].
Qed.

(** At boot: originals to different memory, none of them badged, in any order. *)
Record boot_list (l : list entry) : Prop := {
  boot_in_slots : NoDup (map place l);
  boot_sizes : forall e, In e l -> 0 < size (ecap e);
  boot_kinds : forall e, In e l -> (what e = Untyped <-> can (ecap e) Create);
  boot_untyped : forall e, In e l -> what e = Untyped -> revocable e = true;
  boot_badges : forall e, In e l -> first_badged e = true;
  boot_apart : forall a x b y c, l = a ++ x :: b ++ y :: c -> ~ overlap (ecap x) (ecap y)
}.

Theorem boot_list_is_good l : boot_list l -> good l /\ reads l (read l) /\ well_formed (read l).
Proof.
  intros [N Sz Kd Rv Fb Apart].
  assert (R := read_reads l N).
  assert (Roots : forall a e b, l = a ++ e :: b -> owner a [e] = None).
  { intros a e b L. destruct (owner a [e]) as [p |] eqn:O; [| reflexivity].
    destruct (owner_some _ _ _ O) as (a' & y & m & -> & _ & F).
    rewrite <- app_assoc in L. simpl in L. destruct (Apart _ _ _ _ _ L).
    rewrite forallb_app in F. apply andb_true_iff in F. destruct F as [_ F]. simpl in F.
    rewrite andb_true_r in F. apply is_parent_spec in F. destruct F as (_ & S & _).
    apply (same_region_covers y e S), Sz. subst l.
    apply in_or_app. right. right. apply in_or_app. simpl. auto. }
  assert (G : good l).
  { split; [exact Sz | exact Kd | exact Rv | |].
    - clear - Fb. induction l as [| p l IH]; [exact I |]. split.
      + destruct l as [| h l]; [exact I |]. intros _ _ F.
        rewrite (Fb h) in F; [discriminate | simpl; auto].
      + apply IH. intros e I. apply Fb. right. exact I.
    - assert (A : forall a x b y c, l = a ++ x :: b ++ y :: c -> ~ alike x y).
      { intros a x b y c L (_ & B & S & _). destruct (Apart a x b y c L).
        exists (base (ecap x)). unfold covers.
        assert (P : 0 < size (ecap x)) by (apply Sz; rewrite L; apply in_or_app; simpl; auto).
        lia. }
      clear - A. induction l as [| y l IH]; [exact I |]. split.
      + destruct l as [| d r]; [exact I |]. intros h Ih B. apply in_split in Ih.
        destruct Ih as (m & m' & ->). destruct (A [] y (d :: m) h m' eq_refl B).
      + apply IH. intros a x b z c ->. apply (A (y :: a) x b z c). reflexivity. }
  split; [exact G |]. split; [exact R |]. apply boot_is_well_formed.
  - intros x n X. destruct (reads_node l _ x n R X) as (a & e & b & L & _ & ->). simpl.
    exact (Roots a e b L).
  - intros x nx y ny X Y NE O.
    destruct (reads_node l _ x nx R X) as (a & e & b & L & <- & ->).
    destruct (reads_node l _ y ny R Y) as (a' & e' & b' & L' & <- & ->). simpl in O.
    rewrite L in L'. symmetry in L'.
    destruct (split_cases _ a' e' b' a (e :: b) L') as [(c & -> & _) | ([| e'' c] & -> & Q)];
      simpl in *.
    + apply (Apart a' e' c e b); [rewrite L, <- app_assoc; reflexivity |].
      apply overlap_sym, O.
    + injection Q as -> _. destruct (NE eq_refl).
    + injection Q as <- ->. exact (Apart a e c e' b' L O).
Qed.

(** ** What Retype needs, from the list alone *)

Theorem list_gives_retypes_premise l t s u o n k :
  reads l t -> well_formed t -> good l -> knows t s -> In u l -> what u = Untyped ->
  base (ecap u) <= o -> o + n <= base (ecap u) + size (ecap u) ->
  (child_behind (place u) l = true -> base (ecap u) + handed u <= o) ->
  inside (new_cap o n k) (ecap u) /\ no_outstanding s (new_cap o n k).
Proof.
  intros R W G K I U Low High Above. assert (I' := I).
  apply in_split in I. destruct I as (a & b & ->).
  rewrite child_behind_place in Above by exact (r_nodup _ _ R).
  assert (Nu := r_there _ _ R a u b eq_refl).
  apply (tree_gives_retypes_premise t s (place u) _ o n k W K Nu); auto.
  - apply (g_kinds _ G u I'), U.
  - intros C. apply Above, (no_child_in_the_list_is_no_child_in_the_tree a u b t R), C.
Qed.

(** In the paper's words: the next capability in the list is no child of the untyped one. *)
Theorem no_child_behind_gives_retypes_premise l t s u o n k :
  reads l t -> well_formed t -> good l -> knows t s -> In u l -> what u = Untyped ->
  child_behind (place u) l = false ->
  base (ecap u) <= o -> o + n <= base (ecap u) + size (ecap u) ->
  no_outstanding s (new_cap o n k).
Proof.
  intros R W G K I U None Low High.
  apply (list_gives_retypes_premise l t s u o n k R W G K I U Low High). congruence.
Qed.

(** From boot on, whatever operations ran. *)
Theorem no_child_behind_is_enough_from_boot_on l l' :
  boot_list l -> list_run l l' ->
  exists t, reads l' t /\ well_formed t /\
  forall s u o n k, knows t s -> In u l' -> what u = Untyped -> child_behind (place u) l' = false ->
  base (ecap u) <= o -> o + n <= base (ecap u) + size (ecap u) ->
  no_outstanding s (new_cap o n k).
Proof.
  intros B H. destruct (boot_list_is_good l B) as (G & R & W).
  destruct (list_runs_are_tree_runs l l' _ R G W H) as (t & _ & R' & G' & W').
  exists t. split; [exact R' |]. split; [exact W' |]. intros.
  eapply no_child_behind_gives_retypes_premise; eauto.
Qed.

(** ** The reading with a stack, as the executable model's comparison and the object walker do *)

Fixpoint pop (stack : list entry) (x : entry) : list entry :=
  match stack with
  | [] => []
  | y :: r => if is_parent y x then stack else pop r x
  end.

Fixpoint stack_after (stack l : list entry) : list entry :=
  match l with [] => stack | x :: r => stack_after (x :: pop stack x) r end.

Definition top (stack : list entry) : option slot :=
  match stack with [] => None | y :: _ => Some (place y) end.

Definition stack_owner (l : list entry) (x : entry) : option slot := top (pop (stack_after [] l) x).

Lemma stack_after_snoc stack l x : stack_after stack (l ++ [x]) = x :: pop (stack_after stack l) x.
Proof. revert stack. induction l as [| y l IH]; intros stack; simpl; [reflexivity | apply IH]. Qed.

(** The stack holds, nearest first, those to whom everything behind them is below. *)
Fixpoint open (l : list entry) : list entry :=
  match l with
  | [] => []
  | y :: r => open r ++ if forallb (is_parent y) r then [y] else []
  end.

Lemma pop_app s1 s2 x : pop (s1 ++ s2) x =
  match pop s1 x with [] => pop s2 x | s => s ++ s2 end.
Proof.
  induction s1 as [| y s1 IH]; simpl; [reflexivity |].
  destruct (is_parent y x); [reflexivity | exact IH].
Qed.

Lemma open_snoc l x : open (l ++ [x]) = x :: pop (open l) x.
Proof.
  induction l as [| y r IH]; [reflexivity |]. simpl. rewrite IH, forallb_app, pop_app. simpl.
  rewrite andb_true_r. destruct (pop (open r) x) as [| z s] eqn:P.
  - simpl. destruct (forallb (is_parent y) r); simpl; [| reflexivity].
    destruct (is_parent y x); reflexivity.
  - simpl. f_equal. f_equal. f_equal.
    destruct (forallb (is_parent y) r) eqn:F; [| reflexivity]. simpl.
    enough (E : is_parent y x = true) by (rewrite E; reflexivity).
    assert (Z : In z r /\ is_parent z x = true).
    { assert (O : forall k, incl (open k) k).
      { induction k as [| w k IHk]; intros v V; simpl in V; [exact V |].
        apply in_app_or in V. destruct V as [V | V]; [right; exact (IHk v V) |].
        destruct (forallb (is_parent w) k); [| destruct V].
        destruct V as [<- | []]. left. reflexivity. }
      clear IH F. assert (Q : forall st, pop st x = z :: s -> In z st /\ is_parent z x = true).
      { induction st as [| w st IHs]; simpl; [discriminate |].
        destruct (is_parent w x) eqn:W; [intros [= -> ->]; auto |].
        intros H. destruct (IHs H). auto. }
      destruct (Q _ P). split; [apply O |]; assumption. }
    rewrite forallb_forall in F. exact (is_parent_trans y z x (F z (proj1 Z)) (proj2 Z)).
Qed.

Lemma stack_is_open l : stack_after [] l = open l.
Proof.
  induction l as [| x l IH] using rev_ind; [reflexivity |].
  rewrite stack_after_snoc, IH, open_snoc. reflexivity.
Qed.

(** The reading with a stack gives the nearest one to whom everything in between is below. *)
Theorem stack_reads_the_owner l x : stack_owner l x = owner l [x].
Proof.
  unfold stack_owner. rewrite stack_is_open.
  induction l as [| y r IH]; [reflexivity |]. simpl. rewrite pop_app, forallb_app. simpl.
  rewrite andb_true_r. destruct (pop (open r) x) as [| z s]; simpl in *; rewrite <- IH.
  - destruct (forallb (is_parent y) r); simpl; [| reflexivity].
    destruct (is_parent y x); reflexivity.
  - reflexivity.
Qed.

(** ** The last capability to an object shows at the neighbours (paper 3.2.2) *)

Theorem last_shows_at_the_neighbours a e b : good (a ++ e :: b) ->
  ((exists y, In y (a ++ b) /\ alike y e) <->
   (exists p a', a = a' ++ [p] /\ alike p e) \/ (exists h b', b = h :: b' /\ alike h e)).
Proof.
  intros G. split.
  - intros (y & I & A). rewrite in_app_iff in I. destruct I as [I | I].
    + left. destruct a as [| z a _] using rev_ind; [destruct I |]. exists z, a.
      split; [reflexivity |].
      rewrite in_app_iff in I. destruct I as [I | [<- | []]]; [| exact A].
      apply in_split in I. destruct I as (a1 & a2 & ->).
      assert (C := g_contig _ G). rewrite <- !app_assoc in C. apply contiguous_tail in C.
      simpl in C. assert (B := contiguous_between y a2 z (e :: b) e C (or_introl eq_refl) A).
      exact (alike_trans z y e (alike_sym _ _ B) A).
    + right. destruct b as [| h b]; [destruct I |]. exists h, b. split; [reflexivity |].
      destruct I as [<- | I]; [exact A |].
      assert (C := g_contig _ G). apply contiguous_tail in C. destruct C as [Nr _].
      apply alike_sym, (Nr y I), alike_sym, A.
  - intros [(p & a' & -> & A) | (h & b' & -> & A)].
    + exists p. rewrite !in_app_iff. simpl. auto.
    + exists h. rewrite in_app_iff. simpl. auto.
Qed.

(** ** Where a premise is needed *)

Section Needed.

Let ep (x b : nat) (r f : bool) := Entry x Endpoint (Cap 100 16 [Read]) b r f 0.
Let ut (x b n : nat) := Entry x Untyped (Cap b n [Create]) 0 true true 0.
Let obj (x b n : nat) := Entry x Frame (Cap b n [Read]) 0 true true 0.

(** Two badged originals of equal badge.  If the delete of the second did not pass its bit on, its
    copy would fall to the first. *)
Example bit_must_be_passed_on :
  owner [ep 1 5 true true; ep 2 5 true true] [ep 3 5 false false] = Some 2 /\
  owner [ep 1 5 true true] [ep 3 5 false false] = Some 1 /\
  owner [ep 1 5 true true] [mark true (ep 3 5 false false)] = None.
Proof. repeat split. Qed.

(** The test does not tell who is below whom when a child has the size of its parent: the order
    does. *)
Example order_decides_between_equals :
  is_parent (ut 1 0 16) (ut 2 0 16) = true /\ is_parent (ut 2 0 16) (ut 1 0 16) = true.
Proof. split; reflexivity. Qed.

(** A copy of an untyped capability that has children would take them. *)
Example copy_of_childless_only :
  owner [ut 1 0 16] [obj 3 0 8] = Some 1 /\ owner [ut 1 0 16; ut 2 0 16] [obj 3 0 8] = Some 2.
Proof. split; reflexivity. Qed.

(** Objects without bytes would be taken for each other's descendants. *)
Example objects_have_bytes :
  owner [ut 1 0 16] [ut 2 8 0] = Some 1 /\ owner [ut 1 0 16; ut 3 8 0] [ut 2 8 0] = Some 3.
Proof. split; reflexivity. Qed.

(** The tree alone does not keep an object's capabilities together. *)
Example together_is_needed :
  owner [ep 1 0 true true; obj 2 0 8] [ep 3 0 false false] = None /\
  owner [ep 1 0 true true] [ep 3 0 false false] = Some 1.
Proof. split; reflexivity. Qed.

(** Nor is it known to the tree where badges run: a new original would take what follows. *)
Example runs_are_needed :
  owner [ep 1 0 true true] [ep 3 5 false false] = Some 1 /\
  owner [ep 1 0 true true; ep 2 5 true true] [ep 3 5 false false] = Some 2.
Proof. split; reflexivity. Qed.

(** What is below in the list by the test alone need not be below in the tree. *)
Example the_test_is_for_neighbours :
  let m2 := ep 2 5 true true in let m1 := ep 1 5 true true in let c := ep 3 5 false false in
  is_parent m2 c = true /\ owner [m2; m1] [c] = Some 1 /\ is_parent m2 m1 = false.
Proof. repeat split. Qed.

(** A capability minted from a copy is not below that copy, so that a revoke of it takes nothing. *)
Example minted_from_a_copy_is_its_sibling :
  owner [ep 1 0 true true; ep 2 0 false false] [ep 3 5 true true] = Some 1.
Proof. reflexivity. Qed.

(** A thread's reply master is a root, not a child of the memory that the thread lies in, and what
    answers a call is below it.  (All memory lies below 1024 here.) *)
Example replies_are_below_their_master :
  let ram := Entry 1 Untyped (Cap 0 1024 [Create]) 0 true true 512 in
  let tcb := Entry 2 Thread (Cap 0 512 [Ctrl]) 0 true true 0 in
  let master := Entry 3 Reply (Cap 1024 1 []) 0 true true 0 in
  owner [ram; tcb] [master] = None /\
  owner [ram; tcb; master] [copy_of master 4 [] 0] = Some 3.
Proof. split; reflexivity. Qed.

(** Each interrupt's handler is below the control of interrupts, the copy of a handler below it. *)
Example handlers_are_below_the_control :
  let control := Entry 1 Untyped (Cap 2048 256 [Create]) 0 true true 256 in
  let handler (x irq : slot) := made x Handler (2048 + irq) 1 true in
  owner [control] [handler 2 7] = Some 1 /\ owner [control; handler 3 8] [handler 2 7] = Some 1 /\
  owner [control; handler 3 8] [copy_of (handler 3 8) 4 [] 0] = Some 3.
Proof. repeat split. Qed.

(** Things happen: from one untyped capability an endpoint, a badged one, its copy; then the
    minted one is deleted, and its copy falls to the endpoint. *)
Example a_run :
  let l0 := [Entry 1 Untyped (Cap 0 64 [Create]) 0 true true 0] in
  boot_list l0 /\
  exists l, list_run l0 l /\ read l 2 = Some (Node (new_cap 16 16 Endpoint) (Some 1) 0) /\
    read l 4 = Some (Node (Cap 16 16 [Read]) (Some 2) 0) /\ read l 3 = None.
Proof.
  cbv zeta. split.
  - split.
    + repeat constructor. intros [].
    + intros e [<- | []]. simpl. lia.
    + intros e [<- | []]. unfold can. simpl. intuition.
    + intros e [<- | []]. reflexivity.
    + intros e [<- | []]. reflexivity.
    + intros a x b y c L. destruct a as [| ? [| ? ?]]; [destruct b;
      discriminate | discriminate | discriminate].
  - eexists. split.
    + eapply list_run_step.
      { apply (list_retype _ (Entry 1 Untyped (Cap 0 64 [Create]) 0 true true 0) 2 16 16 Endpoint
        true);
          simpl; intuition (try lia; try discriminate). }
      eapply list_run_step.
      { apply (list_copy _ (made 2 Endpoint 16 16 true) 3 [Read] 5); simpl; intuition (try lia;
        try discriminate).
        intros r [<- | []]. simpl. auto. }
      eapply list_run_step.
      { apply (list_copy _ (copy_of (made 2 Endpoint 16 16 true) 3 [Read] 5) 4 [Read] 5);
          simpl; intuition (try lia; try discriminate). all: try apply incl_refl. }
      eapply list_run_step; [apply (list_delete _ 3) |].
      apply list_run_end.
    + vm_compute. auto.
Qed.

End Needed.

