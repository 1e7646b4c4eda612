(** * Links: the doubly linked list in the slots is the list of Order.v

    kernel/cdt_link.h and kernel/cdt.c keep the list in the capabilities, as next and prev of each
    slot, circular through a sentinel.  Here are their operations line by line, and the proof that
    what they leave is the list that Order.v speaks of: at either end of the list, into an empty
    list, many at once, and when neighbours change places. *)

From Coq Require Import List Lia Arith Bool FinFun.
Require Import Isolation Derivation Order.
Import ListNotations.

(** [head] is the sentinel, a slot of nobody: the list is circular through it. *)
Record links := Links { next : slot -> slot; prev : slot -> slot; content : slot -> option entry }.

Definition set {A} (f : slot -> A) (x : slot) (v : A) : slot -> A :=
  fun z => if z =? x then v else f z.

Fixpoint linked (nx pv : slot -> slot) (l : list slot) : Prop :=
  match l with
  | [] => True
  | x :: r => match r with [] => True | y :: _ => nx x = y /\ pv y = x end /\ linked nx pv r
  end.

Record represents (head : slot) (k : links) (l : list entry) : Prop := {
  rep_nodup : NoDup (head :: map place l);
  rep_ring : linked (next k) (prev k) (head :: map place l ++ [head]);
  rep_content : forall e, In e l -> content k (place e) = Some e;
  rep_empty : forall z, ~ In z (map place l) -> content k z = None
}.

(** kernel/cdt_link.h: link_after(), cdt_unlink() *)
Definition link_after (k : links) (before : slot) (n : entry) : links :=
  let after := next k before in
  let to := place n in
  Links (set (set (next k) to after) before to)
        (set (set (prev k) to before) after to)
        (set (content k) to (Some n)).

Definition unlink (k : links) (x : slot) : links :=
  let before := prev k x in
  let after := next k x in
  let f := match content k x with Some e => first_badged e | None => false end in
  Links (set (next k) before after)
        (set (prev k) after before)
        (set (set (content k) after (option_map (mark f) (content k after))) x None).

(** kernel/cdt.c: cdt_init() *)
Definition empty_ring (head : slot) : links :=
  Links (fun _ => head) (fun _ => head) (fun _ => None).

(** cdt_insert() without a source: in front of the sentinel. *)
Definition link_last (head : slot) (k : links) (n : entry) : links := link_after k (prev k head) n.

(** cdt_update(): new words, same place. *)
Definition update (k : links) (u : slot) (f : entry -> entry) : links :=
  Links (next k) (prev k) (set (content k) u (option_map f (content k u))).

(** chain(): the slots of [ns] as a piece of list, the last one first; [lower] is what stands behind
    the first of them, [upper] what the last one stands behind. *)
Fixpoint chain_up (k : links) (lower : slot) (ns : list entry) (upper : slot) : links :=
  match ns with
  | [] => k
  | n :: r =>
    let higher := match r with [] => upper | h :: _ => place h end in
    chain_up (Links (set (next k) (place n) lower) (set (prev k) (place n) higher)
                    (set (content k) (place n) (Some n))) (place n) r upper
  end.

(** objects_link(): the piece goes behind [before]. *)
Definition link_piece (k : links) (before : slot) (ns : list entry) : links :=
  let after := next k before in
  let k' := chain_up k after ns before in
  match ns with
  | [] => k
  | n :: r => Links (set (next k') before (place (last r n))) (set (prev k') after (place n))
                    (content k')
  end.

(** objects_told(): the same one by one. *)
Fixpoint link_each (k : links) (before : slot) (ns : list entry) : links :=
  match ns with [] => k | n :: r => link_each (link_after k before n) before r end.

(** kernel/cdt.c: cdt_move(), unknot(), relink_neighbours(), cdt_swap() *)
Definition relocate (k : links) (to from : slot) : links :=
  let before := prev k from in
  let after := next k from in
  Links (set (set (next k) to after) before to)
        (set (set (prev k) to before) after to)
        (set (set (content k) to (option_map (rename to from) (content k from))) from None).

Definition unknot (f : slot -> slot) (s other : slot) : slot -> slot :=
  if f s =? s then set f s other else f.

Definition exchange_links (k : links) (a b : slot) : links :=
  let nx := set (set (next k) a (next k b)) b (next k a) in
  let pv := set (set (prev k) a (prev k b)) b (prev k a) in
  let nx := unknot (unknot nx a b) b a in
  let pv := unknot (unknot pv a b) b a in
  let nx := set nx (pv a) a in
  let pv := set pv (nx a) a in
  let nx := set nx (pv b) b in
  let pv := set pv (nx b) b in
  Links nx pv (set (set (content k) a (option_map (rename a b) (content k b)))
                   b (option_map (rename a b) (content k a))).

Lemma set_same A (f : slot -> A) x v : set f x v x = v.
Proof. unfold set. rewrite Nat.eqb_refl. reflexivity. Qed.
Lemma set_other A (f : slot -> A) x v z : z <> x -> set f x v z = f z.
Proof. unfold set. intros H. destruct (Nat.eqb_spec z x); congruence. Qed.

Lemma linked_app nx pv a x b :
  linked nx pv (a ++ x :: b) <-> linked nx pv (a ++ [x]) /\ linked nx pv (x :: b).
Proof.
  induction a as [| y a IH]; [simpl; tauto |].
  change (linked nx pv ((y :: a) ++ x :: b)) with
    (match a ++ x :: b with [] => True | h :: _ => nx y = h /\ pv h = y end /\
     linked nx pv (a ++ x :: b)).
  change (linked nx pv ((y :: a) ++ [x])) with
    (match a ++ [x] with [] => True | h :: _ => nx y = h /\ pv h = y end /\
     linked nx pv (a ++ [x])).
  rewrite IH. destruct a; simpl; tauto.
Qed.

Lemma linked_ext nx pv nx' pv' l :
  (forall x, In x (removelast l) -> nx' x = nx x) -> (forall x, In x (tl l) -> pv' x = pv x) ->
  linked nx pv l -> linked nx' pv' l.
Proof.
  induction l as [| x [| y r] IH]; [auto | simpl; auto |].
  intros N P [[A B] C]. split.
  - rewrite N, P; [auto | left; reflexivity | left; reflexivity].
  - apply IH; [| | exact C].
    + intros z Z. apply N. right. exact Z.
    + intros z Z. apply P. right. exact Z.
Qed.

(** Each slot of the ring is once a left neighbour and once a right one. *)
Lemma ring_nodup (head : slot) (l : list slot) : NoDup (head :: l) ->
  NoDup (removelast (head :: l ++ [head])) /\ NoDup (tl (head :: l ++ [head])).
Proof.
  intros N. split.
  - change (head :: l ++ [head]) with ((head :: l) ++ [head]). rewrite removelast_last. exact N.
  - simpl. apply (NoDup_Add (a := head) (l := l)).
    + rewrite <- (app_nil_r l) at 1. apply Add_app.
    + inversion_clear N. auto.
Qed.

Lemma cut (A : list slot) s q C : NoDup (removelast (A ++ s :: q :: C)) ->
  NoDup (tl (A ++ s :: q :: C)) ->
  (forall u, In u A -> u <> s) /\ (forall u, In u (removelast (q :: C)) -> u <> s) /\
  (forall v, In v (tl (A ++ [s])) -> v <> q) /\ (forall v, In v C -> v <> q).
Proof.
  intros N T. rewrite removelast_app in N by discriminate.
  change (removelast (s :: q :: C)) with (s :: removelast (q :: C)) in N.
  assert (E : tl (A ++ s :: q :: C) = tl (A ++ [s]) ++ q :: C) by (destruct A; simpl;
    rewrite <- ?app_assoc; reflexivity).
  rewrite E in T. apply NoDup_remove_2 in N. apply NoDup_remove_2 in T.
  rewrite in_app_iff in N, T. repeat split; intros z Z ->; tauto.
Qed.

Lemma in_removelast (x : slot) (l : list slot) : In x (removelast l) -> In x l.
Proof.
  induction l as [| y [| z r] IH]; simpl; [tauto | tauto |]. intros [<- | I]; [auto |].
  right. apply IH, I.
Qed.
Lemma in_tl (x : slot) (l : list slot) : In x (tl l) -> In x l.
Proof. destruct l; simpl; auto. Qed.

Lemma link_after_ring nx pv A s x q C :
  NoDup (removelast (A ++ s :: q :: C)) -> NoDup (tl (A ++ s :: q :: C)) ->
  ~ In x (A ++ s :: q :: C) -> linked nx pv (A ++ s :: q :: C) ->
  linked (set (set nx x q) s x) (set (set pv x s) q x) (A ++ s :: x :: q :: C).
Proof.
  intros N T X L. destruct (cut A s q C N T) as (C1 & C2 & C3 & C4).
  assert (Xs : s <> x) by (intros ->; apply X; rewrite in_app_iff; simpl; auto).
  assert (Xq : q <> x) by (intros ->; apply X; rewrite in_app_iff; simpl; auto).
  apply linked_app in L. destruct L as [L [_ L']].
  apply linked_app. split.
  - apply (linked_ext nx pv); [| | exact L].
    + rewrite removelast_last. intros u U. rewrite !set_other; [reflexivity | | exact (C1 u U)].
      intros ->. apply X. rewrite in_app_iff. auto.
    + intros v V. rewrite !set_other; [reflexivity | | exact (C3 v V)].
      intros ->. apply X. apply in_tl in V. rewrite in_app_iff in *. simpl in *. tauto.
  - split; [split; [apply set_same | rewrite set_other, set_same; auto] |].
    split; [split; [rewrite set_other, set_same; auto | apply set_same] |].
    apply (linked_ext nx pv); [| | exact L'].
    + intros u U. rewrite !set_other; [reflexivity | | exact (C2 u U)].
      intros ->. apply X. apply in_removelast in U. rewrite in_app_iff. right. right. exact U.
    + intros v V. rewrite !set_other; [reflexivity | | exact (C4 v V)].
      intros ->. apply X. rewrite in_app_iff. simpl in *. tauto.
Qed.

Lemma unlink_ring nx pv A p x q C :
  NoDup (removelast (A ++ p :: x :: q :: C)) -> NoDup (tl (A ++ p :: x :: q :: C)) ->
  linked nx pv (A ++ p :: x :: q :: C) ->
  linked (set nx p q) (set pv q p) (A ++ p :: q :: C).
Proof.
  intros N T L.
  destruct (cut A p x (q :: C) N T) as (C1 & C2 & _ & _).
  assert (N' := N). assert (T' := T).
  change (p :: x :: q :: C) with ([p] ++ x :: q :: C) in N', T'. rewrite app_assoc in N', T'.
  destruct (cut (A ++ [p]) x q C N' T') as (_ & _ & C3 & C4).
  apply linked_app in L. destruct L as [L [_ [_ L']]].
  apply linked_app. split; [| split; [split; apply set_same |]].
  - apply (linked_ext nx pv); [| | exact L].
    + rewrite removelast_last. intros u U. apply set_other, C1, U.
    + intros v V. apply set_other, C3. destruct A; simpl in *; [tauto |]. rewrite in_app_iff. auto.
  - apply (linked_ext nx pv); [| | exact L'].
    + intros u U. apply set_other, C2. right. exact U.
    + intros v V. apply set_other, C4, V.
Qed.

Lemma ring_next nx pv A s q C : linked nx pv (A ++ s :: q :: C) -> nx s = q /\ pv q = s.
Proof. intros L. apply linked_app in L. destruct L as [_ [L _]]. exact L. Qed.

Theorem link_after_refines head k a s n b : represents head k (a ++ s :: b) ->
  place n <> head -> ~ In (place n) (map place (a ++ s :: b)) ->
  represents head (link_after k (place s) n) (a ++ s :: n :: b).
Proof.
  intros R NH X.
  assert (Q : exists q C, map place b ++ [head] = q :: C)
    by (destruct b; simpl; eauto).
  destruct Q as (q & C & Q).
  assert (E : head :: map place (a ++ s :: b) ++ [head] = (head :: map place a) ++ place s :: q ::
    C).
  { rewrite map_app, <- Q. simpl. rewrite <- app_assoc. reflexivity. }
  assert (L := rep_ring _ _ _ R). destruct (ring_nodup _ _ (rep_nodup _ _ _ R)) as [N T].
  rewrite E in L, N, T. destruct (ring_next _ _ _ _ _ _ L) as [Nx _].
  split.
  - apply (NoDup_Add (a := place n) (l := head :: map place (a ++ s :: b))).
    + rewrite !map_app. simpl. change (place s :: place n :: map place b) with ([place s] ++ place
      n :: map place b).
      change (place s :: map place b) with ([place s] ++ map place b).
      rewrite !app_assoc. apply (Add_app (place n) (head :: map place a ++ [place s])).
    + split; [exact (rep_nodup _ _ _ R) |]. intros [H | H]; [congruence | exact (X H)].
  - replace (head :: map place (a ++ s :: n :: b) ++ [head])
      with ((head :: map place a) ++ place s :: place n :: q :: C)
      by (rewrite map_app, <- Q; simpl; rewrite <- app_assoc; reflexivity).
    unfold link_after. simpl next. simpl prev. rewrite Nx. apply link_after_ring; auto.
    rewrite <- E. simpl. rewrite in_app_iff. simpl. intuition.
  - intros e I. unfold link_after. simpl.
    rewrite in_app_iff in I. simpl in I.
    assert (I' : e = n \/ In e (a ++ s :: b)) by (rewrite in_app_iff; simpl; intuition).
    destruct I' as [-> | I']; [apply set_same |].
    rewrite set_other; [exact (rep_content _ _ _ R e I') |].
    intros Z. apply X. rewrite <- Z. apply in_map, I'.
  - intros z Z. unfold link_after. simpl. rewrite set_other.
    + apply (rep_empty _ _ _ R). intros I. apply Z. rewrite in_places_iff in *. simpl. intuition.
    + intros ->. apply Z. rewrite in_places_iff. simpl. auto.
Qed.

Theorem unlink_refines head k a d b : represents head k (a ++ d :: b) ->
  represents head (unlink k (place d)) (a ++ pass (first_badged d) b).
Proof.
  intros R.
  assert (Q : exists q C, map place b ++ [head] = q :: C) by (destruct b; simpl; eauto).
  destruct Q as (q & C & Q).
  destruct (exists_last (l := head :: map place a)) as (A & p & P); [discriminate |].
  assert (E : head :: map place (a ++ d :: b) ++ [head] = A ++ p :: place d :: q :: C).
  { rewrite map_app, <- Q. change (p :: place d :: map place b ++ [head])
      with ([p] ++ place d :: map place b ++ [head]). rewrite app_assoc, <- P. simpl.
    rewrite <- app_assoc. reflexivity. }
  assert (L := rep_ring _ _ _ R). destruct (ring_nodup _ _ (rep_nodup _ _ _ R)) as [N T].
  rewrite E in L, N, T. destruct (ring_next _ _ _ _ _ _ L) as [_ Pv].
  assert (L0 := L). change (p :: place d :: q :: C) with ([p] ++ place d :: q :: C) in L0.
  rewrite app_assoc in L0. destruct (ring_next _ _ _ _ _ _ L0) as [Nx _].
  assert (Cd : content k (place d) = Some d)
    by (apply (rep_content _ _ _ R); rewrite in_app_iff; simpl; auto).
  assert (ND := rep_nodup _ _ _ R).
  assert (ND' : NoDup (map place (a ++ d :: b))) by (inversion_clear ND; assumption).
  destruct (not_in_place a d b ND') as [Na Nb].
  assert (Nh : ~ In head (map place (a ++ d :: b))) by (inversion_clear ND; assumption).
  assert (MP : map place (a ++ pass (first_badged d) b) = map place a ++ map place b)
    by (rewrite map_app, pass_place; reflexivity).
  split.
  - rewrite MP. rewrite map_app in ND. exact (NoDup_remove_1 (head :: map place a) _ _ ND).
  - replace (head :: map place (a ++ pass (first_badged d) b) ++ [head]) with (A ++ p :: q :: C).
    + unfold unlink. simpl. rewrite Nx, Pv. exact (unlink_ring _ _ A p (place d) q C N T L).
    + rewrite MP, <- Q. change (p :: map place b ++ [head]) with ([p] ++ map place b ++ [head]).
      rewrite app_assoc, <- P, <- app_assoc. reflexivity.
  - intros e I. unfold unlink. simpl. rewrite Nx, Cd.
    assert (NE : place e <> place d).
    { intros Z. apply (in_map place) in I. rewrite MP, Z, in_app_iff in I. tauto. }
    rewrite (set_other _ _ _ _ _ NE).
    rewrite in_app_iff in I. destruct I as [I | I].
    + rewrite set_other; [apply (rep_content _ _ _ R); rewrite in_app_iff; auto |].
      intros Z. destruct b as [| h b]; simpl in Q; injection Q as <- _.
      * apply Nh. rewrite <- Z, in_places_iff. left. apply in_map, I.
      * rewrite map_app in ND'. simpl in ND'. apply NoDup_remove_1 in ND'.
        apply NoDup_remove_2 in ND'. apply ND'. rewrite <- Z, in_app_iff. left. apply in_map, I.
    + destruct b as [| h b]; [destruct I |]. simpl in Q. injection Q as <- _.
    destruct I as [<- | I].
      * simpl. rewrite set_same, (rep_content _ _ _ R h); [reflexivity |].
        rewrite in_app_iff. simpl. auto.
      * rewrite set_other; [apply (rep_content _ _ _ R); rewrite in_app_iff; simpl; auto |].
        intros Z. apply nodup_tail in ND'. inversion_clear ND'. apply H.
        rewrite <- Z. apply in_map, I.
  - intros z Z. rewrite MP, in_app_iff in Z. unfold unlink. simpl. rewrite Nx, Cd.
    destruct (Nat.eq_dec z (place d)) as [-> | NE]; [apply set_same |].
    rewrite (set_other _ _ _ _ _ NE).
    assert (Ez : content k z = None).
    { apply (rep_empty _ _ _ R). rewrite in_places_iff. tauto. }
    destruct (Nat.eq_dec z q) as [-> | NQ]; [rewrite set_same, Ez; reflexivity |].
    rewrite (set_other _ _ _ _ _ NQ). exact Ez.
Qed.

Ltac eqbs := repeat (cbv beta iota;
  match goal with |- context [?a =? ?b] =>
    lazymatch a with context [_ =? _] => fail | _ => idtac end;
    lazymatch b with context [_ =? _] => fail | _ => idtac end;
    destruct (Nat.eqb_spec a b); try congruence end);
  try congruence.

Lemma exchange_left x y : exchange x y x = y.
Proof. unfold exchange. rewrite Nat.eqb_refl. reflexivity. Qed.
Lemma exchange_right x y : exchange x y y = x.
Proof. unfold exchange. eqbs. Qed.
Lemma exchange_other x y z : z <> x -> z <> y -> exchange x y z = z.
Proof. unfold exchange. eqbs. Qed.

Lemma linked_next nx pv l z : linked nx pv l -> In z (removelast l) ->
  In (nx z) (tl l) /\ pv (nx z) = z.
Proof.
  induction l as [| x [| y r] IH]; [simpl; tauto | simpl; tauto |].
  intros [[A B] L] [<- | I].
  - rewrite A. split; [left; reflexivity | exact B].
  - destruct (IH L I) as [I' E]. split; [| exact E]. right. apply in_tl in I'.
    destruct r; simpl in *; [destruct I |]. destruct (IH L I) as [I'' _]. exact I''.
Qed.

Lemma linked_prev nx pv l z : linked nx pv l -> In z (tl l) ->
  In (pv z) (removelast l) /\ nx (pv z) = z.
Proof.
  induction l as [| x [| y r] IH]; [simpl; tauto | simpl; tauto |].
  intros [[A B] L] [<- | I].
  - rewrite B. split; [left; reflexivity | exact A].
  - destruct (IH L I) as [I' E]. split; [| exact E]. right. exact I'.
Qed.

Lemma linked_map nx pv nx' pv' (r : slot -> slot) l :
  (forall z, In z (removelast l) -> nx' (r z) = r (nx z)) ->
  (forall z, In z (tl l) -> pv' (r z) = r (pv z)) ->
  linked nx pv l -> linked nx' pv' (map r l).
Proof.
  induction l as [| x [| y l] IH]; [auto | simpl; auto |].
  intros N P [[A B] L]. split.
  - split.
    + rewrite N by (left; reflexivity). rewrite A. reflexivity.
    + rewrite P by (left; reflexivity). rewrite B. reflexivity.
  - apply IH; [| | exact L].
    + intros z Z. apply N. right. exact Z.
    + intros z Z. apply P. right. exact Z.
Qed.

(** Two slots trade places in a ring. *)
Section Trade.

Variables f g : slot -> slot.
Variables x y : slot.
Hypothesis NE : x <> y.
Hypothesis Fx : f x <> x.
Hypothesis Fy : f y <> y.
Hypothesis Gx : g x <> x.
Hypothesis Gy : g y <> y.
Hypothesis FGx : f (g x) = x.
Hypothesis FGy : f (g y) = y.
Hypothesis GFx : g (f x) = x.
Hypothesis GFy : g (f y) = y.

Let r := exchange x y.

Lemma unknotted h : h x <> x -> h y <> y -> forall z,
  unknot (unknot (set (set h x (h y)) y (h x)) x y) y x z =
  if z =? x then exchange x y (h y) else if z =? y then exchange x y (h x) else h z.
Proof. intros Hx Hy z. unfold unknot, exchange, set. eqbs. Qed.

Let nx := unknot (unknot (set (set f x (f y)) y (f x)) x y) y x.
Let pv := unknot (unknot (set (set g x (g y)) y (g x)) x y) y x.

Lemma nx_is z : nx z = if z =? x then r (f y) else if z =? y then r (f x) else f z.
Proof. apply unknotted; assumption. Qed.
Lemma pv_is z : pv z = if z =? x then r (g y) else if z =? y then r (g x) else g z.
Proof. apply unknotted; assumption. Qed.

Let nx1 := set nx (pv x) x.
Let pv1 := set pv (nx1 x) x.
Let nx2 := set nx1 (pv1 y) y.
Let pv2 := set pv1 (nx2 y) y.

Lemma pv_x : pv x = r (g y).
Proof. rewrite pv_is, Nat.eqb_refl. reflexivity. Qed.
Lemma nx1_x : nx1 x = r (f y).
Proof.
  unfold nx1. rewrite pv_x, set_other; [rewrite nx_is, Nat.eqb_refl; reflexivity |].
  unfold r, exchange. eqbs.
Qed.
Lemma pv1_y : pv1 y = r (g x).
Proof.
  unfold pv1. rewrite nx1_x. unfold set. rewrite pv_is, Nat.eqb_refl.
  unfold r, exchange. eqbs.
Qed.
Lemma nx2_y : nx2 y = r (f x).
Proof.
  unfold nx2, nx1. rewrite pv1_y, pv_x. unfold set. rewrite nx_is, Nat.eqb_refl.
  unfold r, exchange. eqbs.
Qed.

Lemma trade_next u : (f u = x -> u = g x) -> (f u = y -> u = g y) -> nx2 (r u) = r (f u).
Proof.
  intros Ux Uy.
  assert (Ux' : f u <> x \/ u = g x) by (destruct (Nat.eq_dec (f u) x); auto).
  assert (Uy' : f u <> y \/ u = g y) by (destruct (Nat.eq_dec (f u) y); auto).
  clear Ux Uy. unfold nx2, nx1. rewrite pv1_y, pv_x. unfold set. rewrite nx_is.
  unfold r, exchange. destruct Ux', Uy'; eqbs.
Qed.

Lemma trade_prev u : (g u = x -> u = f x) -> (g u = y -> u = f y) -> pv2 (r u) = r (g u).
Proof.
  intros Ux Uy.
  assert (Ux' : g u <> x \/ u = f x) by (destruct (Nat.eq_dec (g u) x); auto).
  assert (Uy' : g u <> y \/ u = f y) by (destruct (Nat.eq_dec (g u) y); auto).
  clear Ux Uy. unfold pv2, pv1. rewrite nx2_y, nx1_x. unfold set. rewrite pv_is.
  unfold r, exchange. destruct Ux', Uy'; eqbs.
Qed.

End Trade.

Lemma ring_in head (l : list slot) z :
  (In z (removelast (head :: l ++ [head])) <-> In z (head :: l)) /\
  (In z (tl (head :: l ++ [head])) <-> In z (head :: l)).
Proof.
  split.
  - change (head :: l ++ [head]) with ((head :: l) ++ [head]). rewrite removelast_last. tauto.
  - simpl. rewrite in_app_iff. simpl. intuition.
Qed.

Lemma ring_of head k l z : represents head k l -> In z (head :: map place l) ->
  In (next k z) (head :: map place l) /\ prev k (next k z) = z /\
  In (prev k z) (head :: map place l) /\ next k (prev k z) = z.
Proof.
  intros R I. assert (L := rep_ring _ _ _ R).
  destruct (linked_next _ _ _ z L) as [A B]; [apply ring_in, I |].
  destruct (linked_prev _ _ _ z L) as [C D]; [apply ring_in, I |].
  apply ring_in in A. apply ring_in in C. auto.
Qed.

Lemma ring_at head k a s b : represents head k (a ++ s :: b) ->
  linked (next k) (prev k) ((head :: map place a) ++ place s :: map place b ++ [head]).
Proof.
  intros R. assert (L := rep_ring _ _ _ R). rewrite map_app, <- app_assoc in L. exact L.
Qed.

(** Nobody who is in the list is his own neighbour. *)
Lemma not_own_neighbour head k l z : represents head k l -> In z (map place l) ->
  next k z <> z /\ prev k z <> z.
Proof.
  intros R I. assert (H : next k z <> z).
  { destruct (in_place l z I) as (a & e & b & -> & <-). intros E.
    assert (L := ring_at _ _ _ _ _ R). apply linked_app in L. destruct L as [_ [L _]].
    assert (N := rep_nodup _ _ _ R). destruct b as [| h b]; simpl in L; destruct L as [L _].
    - inversion_clear N. apply H. rewrite <- L, E, in_places_iff. auto.
    - inversion_clear N. apply not_in_place in H0. apply (proj2 H0). left. congruence. }
  split; [exact H |]. intros E. apply H.
  destruct (ring_of head k l z R) as (_ & _ & _ & Q); [right; exact I | congruence].
Qed.

Lemma rename_places x y l : map place (map (rename x y) l) = map (exchange x y) (map place l).
Proof. rewrite !map_map. apply map_ext. reflexivity. Qed.

Lemma rename_other x y e : place e <> x -> place e <> y -> rename x y e = e.
Proof. intros X Y. unfold rename. rewrite exchange_other by assumption. destruct e; reflexivity.
Qed.

Lemma renamed_nodup head l x y : NoDup (head :: map place l) -> x <> head -> y <> head ->
  NoDup (head :: map place (map (rename x y) l)).
Proof.
  intros N X Y. rewrite rename_places.
  replace (head :: map (exchange x y) (map place l)) with (map (exchange x y) (head :: map place
    l)).
  - apply Injective_map_NoDup; [| exact N]. intros z z'. apply exchange_injective.
  - simpl. rewrite exchange_other; auto.
Qed.

Lemma renamed_ring head l x y : x <> head -> y <> head ->
  head :: map place (map (rename x y) l) ++ [head] =
  map (exchange x y) (head :: map place l ++ [head]).
Proof.
  intros X Y. rewrite rename_places. simpl. rewrite map_app. simpl.
  rewrite (exchange_other x y head); auto.
Qed.

Theorem exchange_refines head k l x y : represents head k l -> x <> y ->
  In x (map place l) -> In y (map place l) ->
  represents head (exchange_links k x y) (map (rename x y) l).
Proof.
  intros R NE X Y. assert (N := rep_nodup _ _ _ R).
  assert (Xh : x <> head) by (inversion_clear N; congruence).
  assert (Yh : y <> head) by (inversion_clear N; congruence).
  destruct (not_own_neighbour _ _ _ x R X) as [Nx Px].
  destruct (not_own_neighbour _ _ _ y R Y) as [Ny Py].
  destruct (ring_of head k l x R) as (_ & PNx & _ & NPx); [right; exact X |].
  destruct (ring_of head k l y R) as (_ & PNy & _ & NPy); [right; exact Y |].
  split.
  - apply renamed_nodup; assumption.
  - rewrite renamed_ring by assumption.
    apply (linked_map (next k) (prev k)); [| | exact (rep_ring _ _ _ R)].
    + intros z Z. apply ring_in in Z. destruct (ring_of head k l z R Z) as (_ & A & _ & _).
      apply trade_next; auto; intros E; congruence.
    + intros z Z. apply ring_in in Z. destruct (ring_of head k l z R Z) as (_ & _ & _ & A).
      apply trade_prev; auto; intros E; congruence.
  - intros e' I. apply in_map_iff in I. destruct I as (e & <- & I).
    assert (Ce := rep_content _ _ _ R e I). simpl.
    destruct (Nat.eq_dec (place e) x) as [E | EX].
    + rewrite E, exchange_left, set_same. rewrite <- E, Ce. reflexivity.
    + destruct (Nat.eq_dec (place e) y) as [E | EY].
      * rewrite E, exchange_right, set_other, set_same by assumption. rewrite <- E, Ce. reflexivity.
      * rewrite rename_other by assumption. rewrite exchange_other by assumption.
        rewrite !set_other by assumption. exact Ce.
  - intros z Z. rewrite rename_places in Z. simpl.
    assert (ZX : z <> x).
    { intros ->. apply Z, in_map_iff. exists y. split; [apply exchange_right | exact Y]. }
    assert (ZY : z <> y).
    { intros ->. apply Z, in_map_iff. exists x. split; [apply exchange_left | exact X]. }
    rewrite !set_other by assumption. apply (rep_empty _ _ _ R). intros I. apply Z.
    rewrite <- (exchange_other x y z ZX ZY). apply in_map, I.
Qed.

Theorem relocate_refines head k l to from : represents head k l ->
  In from (map place l) -> ~ In to (map place l) -> to <> head ->
  represents head (relocate k to from) (map (rename to from) l).
Proof.
  intros R F T Th. assert (N := rep_nodup _ _ _ R).
  assert (Fh : from <> head) by (inversion_clear N; congruence).
  assert (NE : from <> to) by congruence.
  assert (T' : ~ In to (head :: map place l)) by (intros [H | H]; [congruence | exact (T H)]).
  destruct (not_own_neighbour _ _ _ from R F) as [Nf Pf].
  destruct (ring_of head k l from R) as (In1 & PN & In2 & NP); [right; exact F |].
  assert (T1 : next k from <> to) by congruence.
  assert (T2 : prev k from <> to) by congruence.
  split.
  - apply renamed_nodup; assumption.
  - rewrite renamed_ring by assumption.
    apply (linked_map (next k) (prev k)); [| | exact (rep_ring _ _ _ R)].
    + intros z Z. apply ring_in in Z. destruct (ring_of head k l z R Z) as (I & A & _ & _).
      assert (z <> to) by congruence. assert (next k z <> to) by congruence.
      unfold relocate, set, exchange. simpl. eqbs.
    + intros z Z. apply ring_in in Z. destruct (ring_of head k l z R Z) as (_ & _ & I & A).
      assert (z <> to) by congruence. assert (prev k z <> to) by congruence.
      unfold relocate, set, exchange. simpl. eqbs.
  - intros e' I. apply in_map_iff in I. destruct I as (e & <- & I).
    assert (Ce := rep_content _ _ _ R e I). simpl.
    destruct (Nat.eq_dec (place e) from) as [E | EF].
    + rewrite E, exchange_right, set_other, set_same by congruence. rewrite <- E, Ce. reflexivity.
    + assert (ET : place e <> to) by (intros E; apply T; rewrite <- E; apply in_map, I).
      rewrite rename_other by assumption. rewrite exchange_other by assumption.
      rewrite !set_other by assumption. exact Ce.
  - intros z Z. rewrite rename_places in Z. simpl.
    destruct (Nat.eq_dec z from) as [-> | ZF]; [apply set_same |].
    assert (ZT : z <> to).
    { intros ->. apply Z, in_map_iff. exists from. split; [apply exchange_right | exact F]. }
    rewrite !set_other by assumption. apply (rep_empty _ _ _ R). intros I. apply Z.
    rewrite <- (exchange_other to from z ZT ZF). apply in_map, I.
Qed.

(** The test for children and the walk of a revoke look at one neighbour, as the list has it. *)
Theorem next_is_next head k a s b : represents head k (a ++ s :: b) ->
  content k (next k (place s)) = match b with [] => None | h :: _ => Some h end.
Proof.
  intros R. assert (L := ring_at _ _ _ _ _ R). apply linked_app in L. destruct L as [_ [L _]].
  destruct b as [| h b]; destruct L as [-> _].
  - apply (rep_empty _ _ _ R). assert (N := rep_nodup _ _ _ R). inversion_clear N. assumption.
  - apply (rep_content _ _ _ R). rewrite in_app_iff. simpl. auto.
Qed.

(** ** The ends of the list *)

Theorem empty_ring_is_the_empty_list head : represents head (empty_ring head) [].
Proof.
  split; simpl.
  - repeat constructor. intros [].
  - auto.
  - intros e [].
  - reflexivity.
Qed.

Lemma link_first_refines head k n b : represents head k b ->
  place n <> head -> ~ In (place n) (map place b) ->
  represents head (link_after k head n) (n :: b).
Proof.
  intros R NH X.
  assert (Q : exists q C, map place b ++ [head] = q :: C) by (destruct b; simpl; eauto).
  destruct Q as (q & C & Q).
  assert (L := rep_ring _ _ _ R). destruct (ring_nodup _ _ (rep_nodup _ _ _ R)) as [N T].
  assert (ND := rep_nodup _ _ _ R). rewrite Q in L, N, T.
  destruct (ring_next _ _ [] head q C L) as [Nx _].
  assert (NI : ~ In (place n) (head :: map place b)) by (intros [H | H];
    [congruence | exact (X H)]).
  split.
  - apply (NoDup_Add (a := place n) (l := head :: map place b)).
    + apply (Add_app (place n) [head]).
    + split; [exact ND | exact NI].
  - simpl. rewrite Q. unfold link_after. simpl next. simpl prev. rewrite Nx.
    apply (link_after_ring (next k) (prev k) [] head (place n) q C N T); [| exact L].
    rewrite <- Q. simpl. rewrite in_app_iff. simpl in *. intuition.
  - intros e [<- | I]; unfold link_after; simpl; [apply set_same |].
    rewrite set_other; [exact (rep_content _ _ _ R e I) |].
    intros Z. apply X. rewrite <- Z. apply in_map, I.
  - intros z Z. unfold link_after. simpl in *. rewrite set_other by (intros ->; tauto).
    apply (rep_empty _ _ _ R). tauto.
Qed.

(** In front of the sentinel is at the end of the list, be it empty or not. *)
Theorem link_last_refines head k l n : represents head k l ->
  place n <> head -> ~ In (place n) (map place l) ->
  represents head (link_last head k n) (l ++ [n]).
Proof.
  intros R NH X. unfold link_last. destruct l as [| s a _] using rev_ind.
  - assert (L := rep_ring _ _ _ R). simpl in L. destruct L as [[_ ->] _].
    exact (link_first_refines head k n [] R NH X).
  - assert (L := rep_ring _ _ _ R). rewrite map_app in L. simpl in L.
    rewrite <- app_assoc in L. simpl in L.
    destruct (ring_next (next k) (prev k) (head :: map place a) (place s) head [] L) as [_ ->].
    rewrite <- app_assoc. exact (link_after_refines head k a s n [] R NH X).
Qed.

(** ** New words in a slot *)

Theorem update_refines head k l u f : (forall e, place (f e) = place e) -> represents head k l ->
  represents head (update k u f) (map (fun e => if place e =? u then f e else e) l).
Proof.
  intros Keeps R.
  assert (P : map place (map (fun e => if place e =? u then f e else e) l) = map place l).
  { rewrite map_map. apply map_ext. intros e. destruct (place e =? u); auto. }
  split.
  - rewrite P. exact (rep_nodup _ _ _ R).
  - rewrite P. exact (rep_ring _ _ _ R).
  - intros e' I. apply in_map_iff in I. destruct I as (e & <- & I).
    assert (Ce := rep_content _ _ _ R e I). unfold update. simpl.
    destruct (Nat.eqb_spec (place e) u) as [<- | NE].
    + rewrite Keeps, set_same, Ce. reflexivity.
    + rewrite set_other by assumption. exact Ce.
  - intros z Z. rewrite P in Z. assert (E := rep_empty _ _ _ R z Z). unfold update. simpl.
    destruct (Nat.eq_dec z u) as [-> | NE].
    + rewrite set_same, E. reflexivity.
    + rewrite set_other by assumption. exact E.
Qed.

Lemma watermark_refines head k l u w : represents head k l ->
  represents head (update k u (set_handed u w)) (map (set_handed u w) l).
Proof.
  intros R. erewrite map_ext; [apply update_refines; [apply set_handed_place | exact R] |].
  intros e. unfold set_handed. simpl. destruct (place e =? u); reflexivity.
Qed.

Lemma barren_refines head k l u : represents head k l ->
  represents head (update k u barren) (map (barren_at u) l).
Proof. intros R. apply update_refines; [reflexivity | exact R]. Qed.

(** ** Many objects at once *)

(** Two states of the slots between which nobody can tell. *)
Definition same_links (k k' : links) : Prop :=
  (forall z, next k z = next k' z) /\ (forall z, prev k z = prev k' z) /\
  (forall z, content k z = content k' z).

Lemma same_links_represent head k k' l :
  same_links k k' -> represents head k l -> represents head k' l.
Proof.
  intros (N & P & C) R. split.
  - exact (rep_nodup _ _ _ R).
  - apply (linked_ext (next k) (prev k)); [| | exact (rep_ring _ _ _ R)]; auto.
  - intros e I. rewrite <- C. exact (rep_content _ _ _ R e I).
  - intros z Z. rewrite <- C. exact (rep_empty _ _ _ R z Z).
Qed.

Theorem link_each_refines head ns : forall k a s b, represents head k (a ++ s :: b) ->
  NoDup (map place ns) -> (forall n, In n ns -> place n <> head) ->
  (forall n, In n ns -> ~ In (place n) (map place (a ++ s :: b))) ->
  represents head (link_each k (place s) ns) (a ++ s :: rev ns ++ b).
Proof.
  induction ns as [| n r IH]; intros k a s b R N NH X; simpl; [exact R |].
  inversion_clear N.
  rewrite <- app_assoc. simpl. apply (IH (link_after k (place s) n) a s (n :: b)).
  - apply link_after_refines; [exact R | apply NH | apply X]; left; reflexivity.
  - assumption.
  - intros m M. apply NH. right. exact M.
  - intros m M I. apply (X m); [right; exact M |]. rewrite in_places_iff in *. simpl in I.
    destruct I as [I | [I | [I | I]]]; auto. destruct H. rewrite I. apply in_map, M.
Qed.

(** What a piece of list writes is in its own slots, whatever was there. *)
Lemma chain_up_elsewhere ns : forall k lower upper z, ~ In z (map place ns) ->
  next (chain_up k lower ns upper) z = next k z /\
  prev (chain_up k lower ns upper) z = prev k z /\
  content (chain_up k lower ns upper) z = content k z.
Proof.
  induction ns as [| n r IH]; intros k lower upper z Z; simpl; [auto |]. simpl in Z.
  destruct (IH (Links (set (next k) (place n) lower)
                      (set (prev k) (place n) match r with [] => upper | h :: _ => place h end)
                      (set (content k) (place n) (Some n))) (place n) upper z) as (-> & -> & ->);
    [tauto |].
  simpl. rewrite !set_other by (intros ->; tauto). auto.
Qed.

Lemma chain_up_same ns : forall k k' lower upper z,
  In z (map place ns) \/ next k z = next k' z /\ prev k z = prev k' z /\ content k z = content k' z
    ->
  next (chain_up k lower ns upper) z = next (chain_up k' lower ns upper) z /\
  prev (chain_up k lower ns upper) z = prev (chain_up k' lower ns upper) z /\
  content (chain_up k lower ns upper) z = content (chain_up k' lower ns upper) z.
Proof.
  induction ns as [| n r IH]; intros k k' lower upper z Z; simpl; [destruct Z as [[] | Z];
    exact Z |].
  apply IH. destruct Z as [[E | Z] | Z]; [right | left; exact Z | right];
    simpl; unfold set; destruct (Nat.eqb_spec z (place n)); intuition congruence.
Qed.

Lemma last_cons (r : list entry) : forall h n, last (h :: r) n = last r h.
Proof.
  induction r as [| x r IH]; intros h n; [reflexivity |].
  change (last (h :: x :: r) n) with (last (x :: r) n). rewrite !IH. reflexivity.
Qed.

(** One more in front: at once, or the first by itself and then the others at once. *)
Lemma link_piece_cons k before n r : ~ In before (map place (n :: r)) ->
  ~ In (next k before) (map place (n :: r)) -> NoDup (map place (n :: r)) ->
  same_links (link_piece k before (n :: r)) (link_piece (link_after k before n) before r).
Proof.
  intros B A N. set (after := next k before) in *. simpl in A, B, N. inversion_clear N.
  assert (Nn : place n <> before) by tauto. assert (Na : place n <> after) by tauto.
  destruct r as [| h r].
  - unfold link_piece, link_after. fold after. simpl. unfold same_links, set. simpl.
    repeat split; intros z; destruct (Nat.eqb_spec z before), (Nat.eqb_spec z after),
      (Nat.eqb_spec z (place n)); congruence.
  - assert (Aft : next (link_after k before n) before = place n)
      by (unfold link_after; simpl; apply set_same).
    unfold link_piece at 1 2. fold after. rewrite Aft. cbv zeta.
    set (k1 := Links (set (next k) (place n) after) (set (prev k) (place n) (place h))
                     (set (content k) (place n) (Some n))).
    change (chain_up k after (n :: h :: r) before) with (chain_up k1 (place n) (h :: r) before).
    set (k2 := link_after k before n).
    rewrite last_cons.
    assert (Bo : ~ In before (map place (h :: r))) by (simpl in *; tauto).
    assert (Ao : ~ In after (map place (h :: r))) by (simpl in *; tauto).
    assert (Elsewhere := fun z Z => chain_up_elsewhere (h :: r) k1 (place n) before z Z).
    assert (Elsewhere2 := fun z Z => chain_up_elsewhere (h :: r) k2 (place n) before z Z).
    assert (Same := fun z (Z : In z (map place (h :: r))) =>
      chain_up_same (h :: r) k1 k2 (place n) before z (or_introl Z)).
    revert Elsewhere Elsewhere2 Same. generalize (chain_up k1 (place n) (h :: r) before).
    generalize (chain_up k2 (place n) (h :: r) before). intros c2 c1 Elsewhere Elsewhere2 Same.
    split; [| split]; intros z; simpl next; simpl prev; simpl content;
      destruct (in_dec Nat.eq_dec z (map place (h :: r))) as [I | I].
    + unfold set. rewrite (proj1 (Same z I)). reflexivity.
    + unfold set. rewrite (proj1 (Elsewhere z I)), (proj1 (Elsewhere2 z I)).
      unfold k1, k2, link_after, set. simpl. fold after.
      destruct (Nat.eqb_spec z before); reflexivity.
    + unfold set. rewrite (proj1 (proj2 (Same z I))).
      destruct (Nat.eqb_spec z after) as [E | _]; [destruct Ao; rewrite <- E; exact I |].
      destruct (Nat.eqb_spec z (place n)) as [E | _]; [destruct H; rewrite <- E;
        exact I | reflexivity].
    + unfold set. rewrite (proj1 (proj2 (Elsewhere z I))), (proj1 (proj2 (Elsewhere2 z I))).
      unfold k1, k2, link_after, set. simpl. fold after.
      destruct (Nat.eqb_spec z after), (Nat.eqb_spec z (place n)); congruence.
    + exact (proj2 (proj2 (Same z I))).
    + rewrite (proj2 (proj2 (Elsewhere z I))), (proj2 (proj2 (Elsewhere2 z I))). reflexivity.
Qed.

Lemma same_links_trans k k' k'' : same_links k k' -> same_links k' k'' -> same_links k k''.
Proof. intros (A & B & C) (A' & B' & C'). repeat split; intros z; congruence. Qed.

(** The piece that is linked at once is what inserts one by one leave. *)
Theorem many_at_once_are_one_by_one ns : forall k before, ~ In before (map place ns) ->
  ~ In (next k before) (map place ns) -> NoDup (map place ns) ->
  same_links (link_piece k before ns) (link_each k before ns).
Proof.
  induction ns as [| n r IH]; intros k before B A N; [repeat split; reflexivity |].
  apply (same_links_trans _ _ _ (link_piece_cons k before n r B A N)). simpl in *.
  inversion_clear N.
  apply IH; [tauto | | assumption]. unfold link_after. simpl. rewrite set_same. assumption.
Qed.

Lemma ring_next_place head k a s b : represents head k (a ++ s :: b) ->
  next k (place s) = match b with [] => head | h :: _ => place h end.
Proof.
  intros R. assert (L := ring_at _ _ _ _ _ R). apply linked_app in L. destruct L as [_ [L _]].
  destruct b; apply L.
Qed.

Theorem link_piece_refines head k a s b ns : represents head k (a ++ s :: b) ->
  NoDup (map place ns) -> (forall n, In n ns -> place n <> head) ->
  (forall n, In n ns -> ~ In (place n) (map place (a ++ s :: b))) ->
  represents head (link_piece k (place s) ns) (a ++ s :: rev ns ++ b).
Proof.
  intros R N NH X.
  apply (same_links_represent head (link_each k (place s) ns)); [| apply link_each_refines; auto].
  assert (S : same_links (link_piece k (place s) ns) (link_each k (place s) ns)).
  { apply many_at_once_are_one_by_one; [| | exact N]; intros I; apply in_map_iff in I;
      destruct I as (n & E & I); apply (X n I); rewrite in_places_iff; [auto |].
    rewrite E, (ring_next_place _ _ _ _ _ R). destruct b as [| h b]; simpl; [| auto].
    destruct (NH n I). rewrite E. exact (ring_next_place _ _ _ _ _ R). }
  destruct S as (A & B & C). repeat split; auto.
Qed.
