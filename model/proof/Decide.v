(** * Decide: is a distribution isolated, and are there domains in which it is?

    Isolation.v takes the domain of each address as given, and says what it is to respect a
    restriction.  [respects] computes that, for a finite distribution and domains given by regions.

    A snapshot gives only the threads and what is held where; whose memory is whose follows from
    that, or there is no way to say it.  [judge] computes the claims that domains have on addresses,
    which spread from each thread along what gives power over capabilities, and what speaks against
    isolation: an address that two domains claim, and a channel between them.  If nothing does, the
    claims are domains in which the distribution is isolated; if something does, there are none that
    agree with the threads.  scripts/prove-tie extracts this file and runs it beside authority/.

    Managers are the threads whose domain is trusted.  They claim nothing but themselves. *)

From Coq Require Import List Lia Arith Bool PeanoNat.
Require Import Isolation.
Import ListNotations.

(** ** Distributions *)

(** Who holds what, one pair a slot. *)
Definition holdings := list (address * cap).

(** [(t, d)]: the thread at [t] is of domain [d]. *)
Definition threads := list (address * nat).

Definition held_in (hs : holdings) : state := fun h c => In (h, c) hs.

(** ** Rights, computed *)

Definition right_eq_dec (r r' : right) : {r = r'} + {r <> r'}.
Proof. decide equality. Defined.
Definition has (c : cap) (r : right) : bool := if in_dec right_eq_dec r (rights c) then true else
  false.

Lemma has_can c r : has c r = true <-> can c r.
Proof. unfold has, can. destruct (in_dec right_eq_dec r (rights c)); intuition congruence. Qed.

Definition covers_b (c : cap) (a : address) : bool := (base c <=? a) && (a <? base c + size c).
Definition overlap_b (c c' : cap) : bool :=
  (0 <? size c) && (0 <? size c') &&
  (base c <? base c' + size c') && (base c' <? base c + size c).

Lemma covers_computed c a : covers_b c a = true <-> covers c a.
Proof. unfold covers_b, covers. rewrite andb_true_iff, Nat.leb_le, Nat.ltb_lt. tauto. Qed.

Lemma overlap_computed c c' : overlap_b c c' = true <-> overlap c c'.
Proof.
  unfold overlap_b, overlap, covers. rewrite !andb_true_iff, !Nat.ltb_lt. split.
  - intros H. exists (Nat.max (base c) (base c')). lia.
  - intros (a & H & H'). lia.
Qed.

Definition sends (ch : channel) (c : cap) : bool :=
  match ch with
  | messages => has c Write && has c Grant
  | replies => has c Write && (has c Grant || has c GrantReply)
  end.
Definition receives (ch : channel) (c : cap) : bool :=
  match ch with messages => has c Read | replies => has c Read && has c Grant end.

Lemma sends_computed ch c : sends ch c = true <-> sender_end ch c.
Proof.
  destruct ch; simpl; unfold send_grant, call_reply;
    rewrite ?andb_true_iff, ?orb_true_iff, !has_can; tauto.
Qed.
Lemma receives_computed ch c : receives ch c = true <-> receiver_end ch c.
Proof.
  destruct ch; simpl; unfold receive, receive_grant; rewrite ?andb_true_iff, !has_can; tauto.
Qed.

(** * The restrictions, computed *)

(** Domains given by regions: a region's first address, its size, its domain; the first one in the
    list that covers an address tells.  What none covers is of domain [outside]. *)
Record region := Region { begins : address; bytes : nat; of : nat }.

Definition covered (r : region) (a : address) : bool := (begins r <=? a) && (a <? begins r + bytes
  r).

Fixpoint domain_at (rs : list region) (outside : nat) (a : address) : nat :=
  match rs with
  | [] => outside
  | r :: rs => if covered r a then of r else domain_at rs outside a
  end.

(** Where the domain can change. *)
Fixpoint borders (rs : list region) : list address :=
  match rs with [] => [] | r :: rs => begins r :: begins r + bytes r :: borders rs end.

(** Each address has the domain of [lo] or of a border that is not behind it. *)
Lemma nearest_border rs outside : forall lo a, lo <= a ->
  exists p, In p (lo :: borders rs) /\ lo <= p <= a /\ domain_at rs outside p = domain_at rs
    outside a.
Proof.
  induction rs as [| r rs IH]; intros lo a L; simpl.
  - exists lo. auto.
  - destruct (covered r a) eqn:V; unfold covered in V;
      [apply andb_true_iff in V; destruct V as [V1 V2]; apply Nat.leb_le in V1;
        apply Nat.ltb_lt in V2
      | apply andb_false_iff in V; rewrite Nat.leb_gt, Nat.ltb_ge in V].
    + exists (Nat.max lo (begins r)). split; [destruct (Nat.max_spec lo (begins r)) as [[_ ->] | [_
      ->]]; auto |].
      split; [lia |]. unfold covered.
      replace (begins r <=? Nat.max lo (begins r)) with true by (symmetry; apply Nat.leb_le; lia).
      replace (Nat.max lo (begins r) <? begins r + bytes r) with true
        by (symmetry; apply Nat.ltb_lt; lia). reflexivity.
    + destruct V as [V | V].
      * destruct (IH lo a L) as (p & I & B & E). exists p. split; [simpl in *; tauto |].
        split; [exact B |]. unfold covered.
        replace (begins r <=? p) with false by (symmetry; apply Nat.leb_gt; lia). exact E.
      * destruct (IH (Nat.max lo (begins r + bytes r)) a) as (p & I & B & E); [lia |].
        exists p. split.
        { simpl in *. destruct I as [I | I]; [| auto].
          destruct (Nat.max_spec lo (begins r + bytes r)) as [[_ M] | [_ M]]; rewrite M in I;
            auto. }
        split; [lia |]. unfold covered.
        replace (p <? begins r + bytes r) with false by (symmetry; apply Nat.ltb_ge; lia).
        rewrite andb_false_r. exact E.
Qed.

Section Restrictions.

Variable rs : list region.
Variable outside : nat.
Variable trusted : nat -> bool.

Notation dom := (domain_at rs outside).
Notation is_trusted := (fun d => trusted d = true).

(** A capability that covers nothing but the domain [d]. *)
Definition lies_in (d : nat) (c : cap) : bool :=
  forallb (fun p => negb (covers_b c p) || (dom p =? d)) (base c :: borders rs).

Definition home_b (r : right) (hs : holdings) : bool :=
  forallb (fun p => trusted (dom (fst p)) || negb (has (snd p) r) || lies_in (dom (fst p)) (snd p))
    hs.

Definition unchanneled (ch : channel) (hs : holdings) : bool :=
  forallb (fun p => trusted (dom (fst p)) || negb (sends ch (snd p)) ||
    forallb (fun q => trusted (dom (fst q)) || negb (receives ch (snd q)) ||
      negb (overlap_b (snd p) (snd q)) || (dom (fst p) =? dom (fst q))) hs) hs.

Definition respects (r : restriction) (hs : holdings) : bool :=
  match r with
  | shared_storage => home_b Store hs
  | grant_channel => unchanneled messages hs
  | call_channel => unchanneled replies hs
  | foreign_tcb => home_b Ctrl hs
  | foreign_cover => home_b Create hs
  end.

Lemma lies_in_computed d c : lies_in d c = true <-> forall a, covers c a -> dom a = d.
Proof.
  unfold lies_in. rewrite forallb_forall. split.
  - intros H a V. destruct (nearest_border rs outside (base c) a) as (p & I & B & E);
      [unfold covers in V; lia |].
    specialize (H p I). rewrite orb_true_iff, negb_true_iff, Nat.eqb_eq in H.
    destruct H as [H | H]; [| congruence].
    assert (Vp : covers_b c p = true) by (apply covers_computed; unfold covers in *; lia).
    congruence.
  - intros H p _. rewrite orb_true_iff, negb_true_iff, Nat.eqb_eq.
    destruct (covers_b c p) eqn:V; [right; apply H, covers_computed, V | auto].
Qed.

Lemma subject_computed h : subject nat dom is_trusted h <-> trusted (dom h) = false.
Proof. unfold subject. destruct (trusted (dom h)); intuition discriminate. Qed.

Lemma home_computed r hs :
  home_b r hs = true <-> stays_home nat dom is_trusted r (held_in hs).
Proof.
  unfold home_b, stays_home, held_in. rewrite forallb_forall. split.
  - intros H h c a I S C V. specialize (H (h, c) I). cbn [fst snd] in H.
    rewrite !orb_true_iff, negb_true_iff in H. apply subject_computed in S. apply has_can in C.
    destruct H as [[H | H] | H]; [congruence | congruence |].
    exact (proj1 (lies_in_computed _ _) H a V).
  - intros H (h & c) I. cbn [fst snd]. rewrite !orb_true_iff, negb_true_iff.
    destruct (trusted (dom h)) eqn:T; [auto |]. destruct (has c r) eqn:C; [| auto]. right.
    apply lies_in_computed. intros a V. apply (H h c a I); auto.
    + apply subject_computed, T.
    + apply has_can, C.
Qed.

Lemma unchanneled_computed ch hs :
  unchanneled ch hs = true <-> no_channel nat dom is_trusted ch (held_in hs).
Proof.
  unfold unchanneled, no_channel, held_in. rewrite forallb_forall. split.
  - intros H h c h' c' I S G I' S' T O. specialize (H (h, c) I). cbn [fst snd] in H.
    apply subject_computed in S. apply subject_computed in S'. apply sends_computed in G.
    apply receives_computed in T. apply overlap_computed in O.
    rewrite S, G in H. simpl in H. rewrite forallb_forall in H. specialize (H (h', c') I').
    cbn [fst snd] in H. rewrite S', T, O in H. simpl in H. apply Nat.eqb_eq, H.
  - intros H (h & c) I. cbn [fst snd]. destruct (trusted (dom h)) eqn:S; [reflexivity |].
    destruct (sends ch c) eqn:G; [| reflexivity]. simpl. rewrite forallb_forall.
    intros (h' & c') I'. cbn [fst snd]. destruct (trusted (dom h')) eqn:S'; [reflexivity |].
    destruct (receives ch c') eqn:T; [| reflexivity].
    destruct (overlap_b c c') eqn:O; [| reflexivity]. simpl. apply Nat.eqb_eq.
    apply (H h c h' c'); auto.
    + apply subject_computed, S.
    + apply sends_computed, G.
    + apply subject_computed, S'.
    + apply receives_computed, T.
    + apply overlap_computed, O.
Qed.

(** What is computed is what Isolation.v calls respected. *)
Theorem respects_is_respected r hs :
  respects r hs = true <-> respected nat dom is_trusted r (held_in hs).
Proof. destruct r; simpl; auto using home_computed, unchanneled_computed. Qed.

End Restrictions.

(** * The domains, found *)

(** ** Claims *)

(** [Claim d why at c]: domain [d] claims what [c] covers, since a holder that it claims has [c],
    and
    [why] is the right that makes it power over capabilities. *)
Record claim := Claim { whose : nat; why : right; claimed : cap }.

Definition powers : list right := [Store; Ctrl; Create].

(** A thread's claim on itself. *)
Definition own (t : address) (d : nat) : claim := Claim d Ctrl (Cap t 1 []).

Section Domains.

Variable trusted : nat -> bool.

Definition first_claims (ts : threads) : list claim :=
  map (fun p => own (fst p) (snd p)) (filter (fun p => negb (trusted (snd p))) ts).

(** What the claim [k] gives rise to: the capabilities held where it lies. *)
Definition further (hs : holdings) (k : claim) : list claim :=
  flat_map (fun p =>
    if covers_b (claimed k) (fst p)
    then map (fun r => Claim (whose k) r (snd p)) (filter (has (snd p)) powers) else []) hs.

Definition claim_eqb (k k' : claim) : bool :=
  (whose k =? whose k') && (if right_eq_dec (why k) (why k') then true else false) &&
  (base (claimed k) =? base (claimed k')) && (size (claimed k) =? size (claimed k')).

Definition known (ks : list claim) (k : claim) : bool := existsb (claim_eqb k) ks.

Definition add_new (s : list claim * list claim) (k : claim) : list claim * list claim :=
  if known (snd s) k then s else (k :: fst s, k :: snd s).

(** [todo] are those of [ks] from which nothing was concluded yet; at most [n] of them are looked
    at. *)
Fixpoint spread (n : nat) (hs : holdings) (todo ks : list claim) : list claim :=
  match n with
  | 0 => ks
  | S n =>
    match todo with
    | [] => ks
    | k :: todo =>
      let s := fold_left add_new (further hs k) (todo, ks) in spread n hs (fst s) (snd s)
    end
  end.

(** Nothing further follows. *)
Definition closed (hs : holdings) (ks : list claim) : bool :=
  forallb (fun k => forallb (known ks) (further hs k)) ks.

(** ** What speaks against isolation *)

Inductive breach :=
| two_claim (k k' : claim)                      (** an address that two domains claim *)
| claims_manager (k : claim) (t : address)      (** a domain claims a manager's thread *)
| channel_between (ch : channel) (d d' : nat) (c c' : cap).

(** The first that something is found for. *)
Fixpoint first {A : Type} (f : A -> option breach) (l : list A) : option breach :=
  match l with [] => None | x :: r => match f x with Some b => Some b | None => first f r end end.

Definition apart (k k' : claim) : bool :=
  negb (whose k =? whose k') && overlap_b (claimed k) (claimed k').

Definition two_claims (ks : list claim) : option breach :=
  first (fun k => option_map (two_claim k) (find (apart k) ks)) ks.

Definition manager_claims (ts : threads) (ks : list claim) : option breach :=
  first (fun k => option_map (fun p => claims_manager k (fst p))
    (find (fun p => trusted (snd p) && covers_b (claimed k) (fst p)) ts)) ks.

(** Who may do something at an endpoint: the capabilities where a domain's claims lie. *)
Definition used_by (hs : holdings) (ks : list claim) : list (nat * cap) :=
  flat_map (fun k => map (fun p => (whose k, snd p))
    (filter (fun p => covers_b (claimed k) (fst p)) hs)) ks.

Definition joins (ch : channel) (u u' : nat * cap) : bool :=
  negb (fst u =? fst u') && receives ch (snd u') && overlap_b (snd u) (snd u').

Definition channels (ch : channel) (us : list (nat * cap)) : option breach :=
  first (fun u => if sends ch (snd u)
                  then option_map (fun u' => channel_between ch (fst u) (fst u') (snd u) (snd u'))
                                  (find (joins ch u) us)
                  else None) us.

Definition orelse (x y : option breach) : option breach :=
  match x with Some b => Some b | None => y end.

Definition speaks_against (hs : holdings) (ts : threads) (ks : list claim) : option breach :=
  let us := used_by (filter (fun p => receives messages (snd p) || sends replies (snd p)) hs) ks in
  orelse (two_claims ks) (orelse (manager_claims ts ks)
    (orelse (channels messages us) (channels replies us))).

Inductive verdict :=
| can_be_isolated            (** there are domains in which it is *)
| not_isolated (b : breach)  (** there are none *)
| unfinished.                (** more claims must be looked at *)

(** The whole; at most [n] claims are looked at. *)
Definition judge (n : nat) (hs : holdings) (ts : threads) : verdict :=
  let ks := spread n hs (first_claims ts) (first_claims ts) in
  if closed hs ks
  then match speaks_against hs ts ks with None => can_be_isolated | Some b => not_isolated b end
  else unfinished.

(** The domains that the claims draw.  What nobody claims is a manager's; [m] is one. *)
Definition drawn (ts : threads) (ks : list claim) (m : nat) (a : address) : nat :=
  match find (fun k => covers_b (claimed k) a) ks with
  | Some k => whose k
  | None =>
    match find (fun p => fst p =? a) ts with Some p => snd p | None => m end
  end.

(** ** The proof *)

(** The threads are where the domains say. *)
Definition agrees (domain : address -> nat) (ts : threads) : Prop :=
  forall t d, In (t, d) ts -> domain t = d.

(** One thread has one domain. *)
Definition consistent (ts : threads) : Prop :=
  forall t d d', In (t, d) ts -> In (t, d') ts -> d = d'.

Lemma further_in hs k k' : In k' (further hs k) <->
  exists h, In (h, claimed k') hs /\ covers (claimed k) h /\ whose k' = whose k /\
    can (claimed k') (why k') /\ power (why k').
Proof.
  unfold further. rewrite in_flat_map. split.
  - intros ((h & c) & I & K). cbn [fst snd] in K.
    destruct (covers_b (claimed k) h) eqn:V; [| destruct K].
    apply in_map_iff in K. destruct K as (r & <- & K). apply filter_In in K. destruct K as [P H].
    exists h. cbn [whose why claimed]. apply covers_computed in V. apply has_can in H. unfold power.
    simpl in P. intuition.
  - intros (h & I & V & W & C & P). exists (h, claimed k'). split; [exact I |].
    cbn [fst snd].
    apply covers_computed in V. rewrite V, in_map_iff. exists (why k').
    split; [rewrite <- W; destruct k'; reflexivity |].
    rewrite filter_In. split; [| apply has_can, C].
    unfold power in P. simpl. intuition.
Qed.

(** Two claims that the test takes for one cover the same, for the same domain. *)
Lemma claim_eqb_spec k k' : claim_eqb k k' = true ->
  whose k = whose k' /\ why k = why k' /\ forall a, covers (claimed k) a <-> covers (claimed k') a.
Proof.
  unfold claim_eqb. rewrite !andb_true_iff, !Nat.eqb_eq.
  destruct (right_eq_dec (why k) (why k')); [| intuition discriminate].
  intros (((W & _) & B) & S). split; [exact W |]. split; [exact e |].
  intros a. unfold covers. rewrite B, S. tauto.
Qed.

Lemma known_in ks k : known ks k = true ->
  exists k', In k' ks /\ whose k = whose k' /\ forall a, covers (claimed k) a <-> covers (claimed
    k') a.
Proof.
  unfold known. rewrite existsb_exists. intros (k' & I & E). exists k'.
  destruct (claim_eqb_spec k k' E) as (W & _ & C). auto.
Qed.

(** Where every claim comes from. *)
Inductive justified (hs : holdings) (ts : threads) : claim -> Prop :=
| justified_own t d : In (t, d) ts -> trusted d = false -> justified hs ts (own t d)
| justified_further k k' : justified hs ts k -> In k' (further hs k) -> justified hs ts k'.

Lemma first_justified hs ts k : In k (first_claims ts) -> justified hs ts k.
Proof.
  unfold first_claims. rewrite in_map_iff. intros ((t & d) & <- & I).
  apply filter_In in I. destruct I as [I T]. simpl in *. apply negb_true_iff in T.
  exact (justified_own hs ts t d I T).
Qed.

Lemma fold_add_justified hs ts news : forall s,
  (forall k, In k news -> justified hs ts k) ->
  (forall k, In k (fst s) \/ In k (snd s) -> justified hs ts k) ->
  let s' := fold_left add_new news s in
  (forall k, In k (fst s') \/ In k (snd s') -> justified hs ts k) /\
  (forall k, In k (snd s) -> In k (snd s')).
Proof.
  induction news as [| n news IH]; intros s N J; simpl; [auto |].
  destruct (IH (add_new s n)) as [J' K'].
  - intros k I. apply N. right. exact I.
  - intros k I. unfold add_new in I. destruct (known (snd s) n); [exact (J k I) |]. simpl in I.
    destruct I as [[<- | I] | [<- | I]]; auto; apply N; left; reflexivity.
  - split; [exact J' |]. intros k I. apply K'. unfold add_new.
    destruct (known (snd s) n); [exact I | right; exact I].
Qed.

Lemma spread_justified hs ts n : forall todo ks,
  (forall k, In k todo \/ In k ks -> justified hs ts k) ->
  (forall k, In k (spread n hs todo ks) -> justified hs ts k) /\
  (forall k, In k ks -> In k (spread n hs todo ks)).
Proof.
  induction n as [| n IH]; intros todo ks J; simpl; [auto |].
  destruct todo as [| k todo]; [auto |].
  destruct (fold_add_justified hs ts (further hs k) (todo, ks)) as [J' K'].
  - intros k' F. apply (justified_further hs ts k k'); [apply J; left; left; reflexivity | exact F].
  - intros k' I. apply J. simpl in *. tauto.
  - destruct (IH (fst (fold_left add_new (further hs k) (todo, ks)))
                 (snd (fold_left add_new (further hs k) (todo, ks))) J') as [J2 K2].
    split; [exact J2 |]. intros k' I. exact (K2 k' (K' k' I)).
Qed.

Lemma first_none (A : Type) (f : A -> option breach) l :
  first f l = None <-> forall x, In x l -> f x = None.
Proof.
  induction l as [| x r IH]; simpl; [intuition |]. destruct (f x) as [b |] eqn:E; split.
  - discriminate.
  - intros H. rewrite <- (H x (or_introl eq_refl)). symmetry. exact E.
  - intros H y [<- | I]; [exact E | exact (proj1 IH H y I)].
  - intros H. apply IH. auto.
Qed.

Lemma orelse_none x y : orelse x y = None <-> x = None /\ y = None.
Proof. destruct x; simpl; intuition discriminate. Qed.

Lemma found_none (A : Type) (g : A -> breach) f (l : list A) :
  option_map g (find f l) = None <-> forall x, In x l -> f x = false.
Proof.
  destruct (find f l) as [x |] eqn:E; simpl; split; try discriminate.
  - apply find_some in E. intros H. destruct E as [I F]. rewrite (H x I) in F. discriminate.
  - intros _ x I. exact (find_none f l E x I).
  - reflexivity.
Qed.

Lemma used_by_in hs ks d c : In (d, c) (used_by hs ks) <->
  exists k h, In k ks /\ In (h, c) hs /\ covers (claimed k) h /\ d = whose k.
Proof.
  unfold used_by. rewrite in_flat_map. split.
  - intros (k & K & I). apply in_map_iff in I. destruct I as ((h & c') & E & I).
    injection E as <- <-. apply filter_In in I. destruct I as [I V]. apply covers_computed in V.
    exists k, h. auto.
  - intros (k & h & K & I & V & ->). exists k. split; [exact K |]. apply in_map_iff.
    exists (h, c). split; [reflexivity |]. apply filter_In. split;
      [exact I | apply covers_computed, V].
Qed.

(** *** Something speaks against it: no domains fit *)

Section Fits.

Variable domain : address -> nat.
Variable hs : holdings.
Variable ts : threads.
Hypothesis A : agrees domain ts.
Hypothesis I : isolated nat domain (fun d => trusted d = true) (held_in hs).

(** In domains that fit, a claim is on addresses of the domain that claims. *)
Lemma justified_fits k : justified hs ts k ->
  trusted (whose k) = false /\ forall a, covers (claimed k) a -> domain a = whose k.
Proof.
  intros J. induction J as [t d T U | k k' _ [U IH] F].
  - split; [exact U |]. intros a V. unfold covers in V. simpl in V.
    replace a with t by lia. exact (A t d T).
  - apply further_in in F. destruct F as (h & H & V & W & C & P). rewrite W. split; [exact U |].
    intros a Va. rewrite <- (IH h V).
    apply (isolated_home nat domain _ _ (why k') I P h (claimed k') a H); auto.
    unfold subject. rewrite (IH h V), U. discriminate.
Qed.

Lemma nothing_speaks_against ks :
  (forall k, In k ks -> justified hs ts k) -> speaks_against hs ts ks = None.
Proof.
  intros J. unfold speaks_against. rewrite !orelse_none.
  assert (Ch : forall ch hs', incl hs' hs -> channels ch (used_by hs' ks) = None).
  { intros ch hs' Sub. apply first_none. intros (d & c) U. cbn [fst snd].
    destruct (sends ch c) eqn:S; [| reflexivity]. apply found_none. intros (d' & c') U'.
    apply used_by_in in U. destruct U as (k & h & K & H & V & ->).
    apply used_by_in in U'. destruct U' as (k' & h' & K' & H' & V' & ->).
    unfold joins. cbn [fst snd]. destruct (Nat.eqb_spec (whose k) (whose k')) as [E | N];
      [reflexivity |].
    destruct (receives ch c') eqn:R; [| reflexivity]. destruct (overlap_b c c') eqn:O;
      [| reflexivity].
    destruct (justified_fits k (J k K)) as [T F]. destruct (justified_fits k' (J k' K')) as [T' F'].
    destruct N. rewrite <- (F h V), <- (F' h' V').
    apply sends_computed in S. apply receives_computed in R. apply overlap_computed in O.
    apply (isolated_channel nat domain _ _ ch I h c h' c'); auto; unfold subject, held_in;
      rewrite ?(F h V), ?(F' h' V'), ?T, ?T'; try discriminate; apply Sub; assumption. }
  assert (Sub : incl (filter (fun p => receives messages (snd p) || sends replies (snd p)) hs) hs).
  { intros p P. apply filter_In in P. apply P. }
  split; [| split; [| split; apply Ch, Sub]].
  - apply first_none. intros k K. apply found_none. intros k' K'. unfold apart.
    destruct (Nat.eqb_spec (whose k) (whose k')) as [E | N]; [reflexivity |].
    destruct (overlap_b (claimed k) (claimed k')) eqn:O; [| reflexivity].
    apply overlap_computed in O. destruct O as (a & V & V'). destruct N.
    rewrite <- (proj2 (justified_fits k (J k K)) a V).
    exact (proj2 (justified_fits k' (J k' K')) a V').
  - apply first_none. intros k K. apply found_none. intros (t & d) T. cbn [fst snd].
    destruct (trusted d) eqn:U; [| reflexivity].
    destruct (covers_b (claimed k) t) eqn:V; [| reflexivity]. apply covers_computed in V.
    destruct (justified_fits k (J k K)) as [F D]. rewrite <- (D t V), (A t d T) in F. congruence.
Qed.

End Fits.

(** *** Nothing speaks against it: the claims are domains *)

Section Draws.

Variable hs : holdings.
Variable ts : threads.
Variable ks : list claim.
Variable m : nat.
Hypothesis Manager : trusted m = true.
Hypothesis One : consistent ts.
Hypothesis First : forall k, In k (first_claims ts) -> In k ks.
Hypothesis All : closed hs ks = true.
Hypothesis None_ : speaks_against hs ts ks = None.

Lemma no_two k k' a : In k ks -> In k' ks -> covers (claimed k) a -> covers (claimed k') a ->
  whose k = whose k'.
Proof.
  intros K K' V V'. unfold speaks_against in None_. rewrite orelse_none in None_.
  assert (E := proj1 (first_none _ _ _) (proj1 None_) k K).
  assert (F := proj1 (found_none _ _ _ _) E k' K'). unfold apart in F.
  destruct (Nat.eqb_spec (whose k) (whose k')) as [W | _]; [exact W |].
  assert (O : overlap_b (claimed k) (claimed k') = true)
    by (apply overlap_computed; exists a; auto).
  rewrite O in F. discriminate.
Qed.

Lemma no_manager k t d : In k ks -> In (t, d) ts -> trusted d = true -> ~ covers (claimed k) t.
Proof.
  intros K T U V. unfold speaks_against in None_. rewrite !orelse_none in None_.
  assert (E := proj1 (first_none _ _ _) (proj1 (proj2 None_)) k K).
  assert (F := proj1 (found_none _ _ _ _) E (t, d) T). cbn [fst snd] in F.
  apply covers_computed in V. rewrite U, V in F. discriminate.
Qed.

Notation dom := (drawn ts ks m).

Lemma drawn_claimed k a : In k ks -> covers (claimed k) a -> dom a = whose k.
Proof.
  intros K V. unfold drawn. destruct (find (fun k => covers_b (claimed k) a) ks) as [k' |] eqn:F.
  - apply find_some in F. destruct F as [K' V']. apply covers_computed in V'.
    exact (no_two k' k a K' K V' V).
  - apply (find_none _ _ F) in K. simpl in K. apply covers_computed in V. congruence.
Qed.

Lemma drawn_agrees : agrees dom ts.
Proof.
  intros t d T. destruct (trusted d) eqn:U.
  - unfold drawn. destruct (find (fun k => covers_b (claimed k) t) ks) as [k |] eqn:F.
    + apply find_some in F. destruct F as [K V]. apply covers_computed in V.
      destruct (no_manager k t d K T U V).
    + destruct (find (fun p => fst p =? t) ts) as [(t' & d') |] eqn:G.
      * apply find_some in G. destruct G as [T' E]. simpl in *. apply Nat.eqb_eq in E. subst t'.
        exact (One t d' d T' T).
      * apply (find_none _ _ G) in T. simpl in T. rewrite Nat.eqb_refl in T. discriminate.
  - apply (drawn_claimed (own t d)); [apply First | unfold covers; simpl; lia].
    unfold first_claims. apply in_map_iff. exists (t, d). split; [reflexivity |].
    apply filter_In. split; [exact T | simpl; rewrite U; reflexivity].
Qed.

(** Whoever is no manager is claimed. *)
Lemma subject_is_claimed h :
  subject nat dom (fun d => trusted d = true) h -> exists k, In k ks /\ covers (claimed k) h.
Proof.
  unfold subject. intros S.
  destruct (find (fun k => covers_b (claimed k) h) ks) as [k |] eqn:F.
  - apply find_some in F. destruct F as [K V]. exists k. split;
    [exact K | apply covers_computed, V].
  - destruct (find (fun p => fst p =? h) ts) as [(t & d) |] eqn:G.
    + apply find_some in G. destruct G as [T E]. simpl in E. apply Nat.eqb_eq in E. subst t.
      destruct (trusted d) eqn:U.
      * destruct S. rewrite (drawn_agrees h d T). exact U.
      * exists (own h d). split; [| unfold covers; simpl; lia]. apply First.
        unfold first_claims. apply in_map_iff. exists (h, d). split; [reflexivity |].
        apply filter_In. split; [exact T | simpl; rewrite U; reflexivity].
    + destruct S. unfold drawn. rewrite F, G. exact Manager.
Qed.

Lemma held_claims k h c r : In k ks -> covers (claimed k) h -> In (h, c) hs -> power r -> can c r ->
  exists k', In k' ks /\ whose k' = whose k /\ forall a, covers c a -> covers (claimed k') a.
Proof.
  intros K V H P C. unfold closed in All. rewrite forallb_forall in All.
  assert (F := All k K). rewrite forallb_forall in F.
  assert (I : In (Claim (whose k) r c) (further hs k)).
  { apply further_in. exists h. simpl. auto. }
  destruct (known_in ks _ (F _ I)) as (k' & K' & W & E). exists k'.
  split; [exact K' |]. split; [symmetry; exact W |]. intros a Va. apply E, Va.
Qed.

Lemma drawn_is_isolated : isolated nat dom (fun d => trusted d = true) (held_in hs).
Proof.
  apply isolated_intro.
  - intros r P h c a H S C V. destruct (subject_is_claimed h S) as (k & K & Vh).
    destruct (held_claims k h c r K Vh H P C) as (k' & K' & W & E).
    rewrite (drawn_claimed k h K Vh), (drawn_claimed k' a K' (E a V)). exact W.
  - intros ch h c h' c' H S G H' S' T O.
    destruct (subject_is_claimed h S) as (k & K & V).
    destruct (subject_is_claimed h' S') as (k' & K' & V').
    rewrite (drawn_claimed k h K V), (drawn_claimed k' h' K' V').
    destruct (Nat.eq_dec (whose k) (whose k')) as [E | N]; [exact E |].
    assert (Us : forall k h c, In k ks -> covers (claimed k) h -> In (h, c) hs ->
      receives messages c || sends replies c = true ->
      In (whose k, c) (used_by (filter (fun p => receives messages (snd p) || sends replies (snd p))
        hs) ks)).
    { clear. intros k h c K V H S. apply used_by_in. exists k, h. repeat (split; [assumption |]).
      split; [| auto]. apply filter_In. auto. }
    unfold speaks_against in None_. rewrite !orelse_none in None_.
    assert (E : channels ch (used_by (filter (fun p => receives messages (snd p) ||
      sends replies (snd p)) hs) ks) = None) by (destruct ch; apply None_).
    apply sends_computed in G. apply receives_computed in T. apply overlap_computed in O.
    assert (Gm : receives messages c || sends replies c = true)
      by (destruct ch; simpl in *; destruct (has c Read), (has c Write), (has c Grant),
            (has c GrantReply); simpl in *; congruence).
    assert (Tm : receives messages c' || sends replies c' = true)
      by (destruct ch; simpl in *; destruct (has c' Read), (has c' Write), (has c' Grant),
            (has c' GrantReply); simpl in *; congruence).
    assert (F := proj1 (first_none _ _ _) E _ (Us k h c K V H Gm)). cbn [fst snd] in F.
    rewrite G in F. assert (X := proj1 (found_none _ _ _ _) F _ (Us k' h' c' K' V' H' Tm)).
    unfold joins in X. cbn [fst snd] in X. rewrite T, O in X.
    destruct (Nat.eqb_spec (whose k) (whose k')); [contradiction | discriminate].
Qed.

End Draws.

(** ** The theorems *)

(** Nothing speaks against it: there are domains that agree with the threads, and the distribution
    is
    isolated in them, so that all theorems of Isolation.v hold for them. *)
Theorem can_be_isolated_is_isolation n hs ts m :
  consistent ts -> trusted m = true -> judge n hs ts = can_be_isolated ->
  exists domain, agrees domain ts /\ isolated nat domain (fun d => trusted d = true) (held_in hs).
Proof.
  intros One Manager J. unfold judge in J.
  set (ks := spread n hs (first_claims ts) (first_claims ts)) in *.
  destruct (closed hs ks) eqn:All; [| discriminate].
  destruct (speaks_against hs ts ks) eqn:S; [discriminate |].
  destruct (spread_justified hs ts n (first_claims ts) (first_claims ts)) as [_ First].
  { intros k [K | K]; apply first_justified, K. }
  exists (drawn ts ks m). split.
  - exact (drawn_agrees hs ts ks m One First S).
  - exact (drawn_is_isolated hs ts ks m Manager One First All S).
Qed.

(** Something does: in no domains that agree with the threads is the distribution isolated. *)
Theorem not_isolated_is_no_isolation n hs ts b :
  judge n hs ts = not_isolated b ->
  forall domain, agrees domain ts -> ~ isolated nat domain (fun d => trusted d = true) (held_in hs).
Proof.
  intros J domain A I. unfold judge in J.
  set (ks := spread n hs (first_claims ts) (first_claims ts)) in *.
  destruct (closed hs ks); [| discriminate].
  rewrite (nothing_speaks_against domain hs ts A I ks) in J; [discriminate |].
  apply (spread_justified hs ts n). intros k [K | K]; apply first_justified, K.
Qed.

End Domains.
