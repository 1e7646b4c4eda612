(** * Isolation: no list of system commands carries a capability across a domain

    The paper (3.2.3) says that four restrictions on the initial distribution of capabilities
    guarantee isolation in every state that system commands can reach.  This file states that for
    a small model of the kernel and proves it.  The model knows who holds which capability and
    nothing else: no contents of memory, no scheduling, no time.  Where the kernel refuses more
    than the model does, the theorems hold all the more; docs/model.md tells how each symbol
    relates to the kernel, and what is left out.

    The thought that keeps the proof short: a domain is a property of an _address_, fixed once and
    for all.  Memory that is retyped, revoked and retyped again has had its domain all along, so
    nothing needs to be said about the labels of new objects.

    Premises of commands and restrictions stand one to a line and bear names.  For each of them
    [make proof] replaces the line by [True] and demands that the proof breaks. *)

From Coq Require Import List Lia.
Import ListNotations.

(** ** Capabilities *)

(** Names a byte of physical memory.  An object is named by its first address. *)
Definition address := nat.

Inductive right :=
| Read        (** information: read a frame, receive from an endpoint, wait for a notification *)
| Write       (** information: write a frame, send to an endpoint, signal a notification *)
| Grant       (** with [Write]: capabilities may travel with messages; with [Read]: with replies *)
| GrantReply  (** with [Write]: capabilities may travel with the reply to a call *)
| Store       (** put, take and look up capabilities in a CNode; change mappings in a page table *)
| Ctrl        (** change the authority of a thread *)
| Create.     (** untyped memory: make objects *)

Record cap := Cap { base : address; size : nat; rights : list right }.

Definition can (c : cap) (r : right) : Prop := In r (rights c).
Definition covers (c : cap) (a : address) : Prop := base c <= a < base c + size c.
Definition inside (c outer : cap) : Prop := forall a, covers c a -> covers outer a.
Definition overlap (c c' : cap) : Prop := exists a, covers c a /\ covers c' a.

(** The same object with other rights; commands demand that these are fewer. *)
Definition with_rights (c : cap) (rs : list right) : cap := Cap (base c) (size c) rs.

(** What Retype gives to an object's creator.  The last three are no memory: the place of a thread's
    reply capabilities, an interrupt, and a control capability.  They have addresses of their own
    beyond memory, and the control of interrupts is untyped memory over all interrupts (Order.v). *)
Inductive kind :=
| Untyped | Endpoint | Notification | Frame | CNode | PageTable | Thread
| Reply | Handler | Control.

Definition full_rights (k : kind) : list right :=
  match k with
  | Untyped => [Create]
  | Endpoint => [Read; Write; Grant; GrantReply]
  | Notification | Frame => [Read; Write]
  | CNode | PageTable => [Store]
  | Thread => [Ctrl]
  | Reply | Handler | Control => []
  end.

Definition new_cap (a : address) (n : nat) (k : kind) : cap := Cap a n (full_rights k).

(** The right to answer a thread's call with capabilities: power over what that thread holds. *)
Definition answer (thread : address) : cap := Cap thread 1 [Ctrl].

(** Roles at an endpoint, as authority/graph.h has them: ROLE_SEND_GRANT, ROLE_RECEIVE,
    ROLE_CALL_REPLY, ROLE_RECEIVE_GRANT. *)
Definition send_grant (c : cap) : Prop := can c Write /\ can c Grant.
Definition receive (c : cap) : Prop := can c Read.
Definition call_reply (c : cap) : Prop := can c Write /\ (can c Grant \/ can c GrantReply).
Definition receive_grant (c : cap) : Prop := can c Read /\ can c Grant.

(** Capabilities pass through an endpoint with messages, one way, and with replies, the other. *)
Inductive channel := messages | replies.

Definition sender_end (ch : channel) : cap -> Prop :=
  match ch with messages => send_grant | replies => call_reply end.
Definition receiver_end (ch : channel) : cap -> Prop :=
  match ch with messages => receive | replies => receive_grant end.

(** ** States *)

(** [s h c]: a slot of the object at [h], a CNode or a thread or a page table, holds [c]. *)
Definition state := address -> cap -> Prop.

Definition put (s : state) (h : address) (c : cap) : state :=
  fun h' c' => s h' c' \/ (h' = h /\ c' = c).

(** Thread [t] reaches its own slots and, by looking up, those of every CNode it has a capability
    to, directly or through other CNodes. *)
Inductive reaches (s : state) (t : address) : address -> Prop :=
| reaches_self : reaches s t t
| reaches_store h c h' :
    reaches s t h -> s h c -> can c Store -> covers c h' -> reaches s t h'.

(** Retype's premise: memory that is given to a new object has no outstanding capabilities, but
    for untyped ones. *)
Definition no_outstanding (s : state) (new : cap) : Prop :=
  forall h c, s h c -> overlap c new -> can c Create.

Section Domains.

(** Each address is in one domain.  A trusted domain is that of a manager, such as the root task,
    that set the system up and keeps the ancestors of everything: afterwards it only deletes and
    revokes. *)
Variable domain_name : Type.
Variable domain : address -> domain_name.
Variable trusted : domain_name -> Prop.

Definition subject (h : address) : Prop := ~ trusted (domain h).

(** ** Commands *)

Inductive command :=
| Retype (thread untyped_at : address) (untyped new : cap) (to : address)
| Copy (thread from : address) (c : cap) (rs : list right) (to : address)
| GrantIPC (sender receiver from : address) (c : cap) (rs : list right) (to : address)
| Call (caller answerer : address)
| SetThread (thread target from : address) (c : cap) (rs : list right)
| Shrink (keep : state).

(** One command.
    - [Retype] makes one object; the kernel's Retype of several is several of these.
    - [Copy] is Copy, Mint and (with a Shrink that takes the source) Move, a mapping into a page
      table, and a thread that blocks: its state keeps what its capability gave it.
    - [GrantIPC] carries a capability with a message from a sender to a receiver.
    - [Call] leaves the answerer with a reply capability that can carry capabilities.
    - [SetThread] installs a capability in a thread, or delivers it to the thread with a reply.
    - [Shrink] lets any capabilities vanish: delete, revoke, the destruction of objects, and what
      an interrupted revoke has done so far.  Whoever likes may do it, a manager included. *)
Inductive step (s : state) : command -> state -> Prop :=
| step_retype t at_u u a n k to
    (retype_is_by_a_subject : subject t)
    (retype_finds_the_untyped : reaches s t at_u)
    (retype_has_the_untyped : s at_u u)
    (retype_needs_untyped : can u Create)
    (retype_stays_inside : inside (new_cap a n k) u)
    (retype_no_outstanding : no_outstanding s (new_cap a n k))
    (retype_finds_the_slot : reaches s t to)
  : step s (Retype t at_u u (new_cap a n k) to) (put s to (new_cap a n k))
| step_copy t from c rs to
    (copy_is_by_a_subject : subject t)
    (copy_finds_the_source : reaches s t from)
    (copy_has_the_source : s from c)
    (copy_has_fewer_rights : incl rs (rights c))
    (copy_finds_the_slot : reaches s t to)
  : step s (Copy t from c rs to) (put s to (with_rights c rs))
| step_grant sender at_s e receiver at_r e' from c rs to
    (grant_is_by_a_subject : subject sender)
    (grant_goes_to_a_subject : subject receiver)
    (grant_finds_the_senders_end : reaches s sender at_s)
    (grant_has_the_senders_end : s at_s e)
    (grant_needs_the_right : send_grant e)
    (grant_finds_the_receivers_end : reaches s receiver at_r)
    (grant_has_the_receivers_end : s at_r e')
    (grant_needs_a_receiver : receive e')
    (grant_needs_one_endpoint : overlap e e')
    (grant_finds_the_source : reaches s sender from)
    (grant_has_the_source : s from c)
    (grant_has_fewer_rights : incl rs (rights c))
    (grant_finds_the_slot : reaches s receiver to)
  : step s (GrantIPC sender receiver from c rs to) (put s to (with_rights c rs))
| step_call caller at_c e answerer at_a e'
    (call_is_by_a_subject : subject caller)
    (call_goes_to_a_subject : subject answerer)
    (call_finds_the_callers_end : reaches s caller at_c)
    (call_has_the_callers_end : s at_c e)
    (call_needs_the_right : call_reply e)
    (call_finds_the_answerers_end : reaches s answerer at_a)
    (call_has_the_answerers_end : s at_a e')
    (call_needs_an_answerer : receive_grant e')
    (call_needs_one_endpoint : overlap e e')
  : step s (Call caller answerer) (put s answerer (answer caller))
| step_set_thread t at_k k target from c rs
    (set_thread_is_by_a_subject : subject t)
    (set_thread_finds_the_thread : reaches s t at_k)
    (set_thread_has_the_thread : s at_k k)
    (set_thread_needs_control : can k Ctrl)
    (set_thread_stays_inside : covers k target)
    (set_thread_finds_the_source : reaches s t from)
    (set_thread_has_the_source : s from c)
    (set_thread_has_fewer_rights : incl rs (rights c))
  : step s (SetThread t target from c rs) (put s target (with_rights c rs))
| step_shrink keep
  : step s (Shrink keep) (fun h c => s h c /\ keep h c).

(** A list of commands, whoever gives them.  The kernel refuses what is not allowed, and may
    refuse more: a refused command changes nothing. *)
Inductive run : state -> list command -> state -> Prop :=
| run_end s : run s [] s
| run_done s c s' cs s'' : step s c s' -> run s' cs s'' -> run s (c :: cs) s''
| run_refused s c cs s' : run s cs s' -> run s (c :: cs) s'.

(** ** The restrictions *)

(** Whoever has right [r] to memory has it to memory of its own domain. *)
Definition stays_home (r : right) (s : state) : Prop :=
  forall h c a, s h c -> subject h -> can c r -> covers c a -> domain a = domain h.

(** Whoever has the one end of a channel and whoever has the other are in one domain. *)
Definition no_channel (ch : channel) (s : state) : Prop :=
  forall h c h' c', s h c -> subject h -> sender_end ch c ->
  s h' c' -> subject h' -> receiver_end ch c' -> overlap c c' -> domain h = domain h'.

(** The names are those of the breaches in authority/authority.h.  [shared_storage] is three of
    them, shared-cnode, shared-table and application: a thread's CSpace and address space are a
    CNode and a page directory that its slots hold.  Both channels are grant-channel there.  A
    reply capability across domains, reply-channel there, breaches [foreign_tcb]. *)
Inductive restriction :=
| shared_storage | grant_channel | call_channel | foreign_tcb | foreign_cover.

Definition respected (r : restriction) (s : state) : Prop :=
  match r with
  | shared_storage => stays_home Store s
  | grant_channel => no_channel messages s
  | call_channel => no_channel replies s
  | foreign_tcb => stays_home Ctrl s
  | foreign_cover => stays_home Create s
  end.

Definition isolated (s : state) : Prop := forall r, respected r s.

(** For the examples of Necessity.v. *)
Definition isolated_but (r : restriction) (s : state) : Prop :=
  forall r', r' <> r -> respected r' s.

(** ** Proof: isolation is kept *)

Lemma inside_overlap c outer c' : inside c outer -> overlap c c' -> overlap outer c'.
Proof. intros I (a & C & C'). exists a. auto. Qed.

Lemma overlap_sym c c' : overlap c c' -> overlap c' c.
Proof. intros (a & C & C'). exists a. auto. Qed.

(** Rights that give power over what capabilities others hold. *)
Definition power (r : right) : Prop := r = Store \/ r = Ctrl \/ r = Create.

Lemma isolated_home s r : isolated s -> power r -> stays_home r s.
Proof.
  intros I [-> | [-> | ->]];
    [exact (I shared_storage) | exact (I foreign_tcb) | exact (I foreign_cover)].
Qed.

Lemma isolated_channel s ch : isolated s -> no_channel ch s.
Proof. intros I. destruct ch; [exact (I grant_channel) | exact (I call_channel)]. Qed.

Lemma isolated_intro s :
  (forall r, power r -> stays_home r s) -> (forall ch, no_channel ch s) -> isolated s.
Proof. unfold power. intros H N []; simpl; auto. Qed.

(** What a subject reaches is of its own domain, and so no manager's. *)
Lemma reaches_own_domain s t h :
  isolated s -> subject t -> reaches s t h -> domain h = domain t.
Proof.
  intros I S R. induction R as [| h c h' _ IH H C V].
  - reflexivity.
  - rewrite <- IH. apply (I shared_storage h c h'); auto.
    unfold subject. rewrite IH. exact S.
Qed.

Lemma reaches_subject s t h : isolated s -> subject t -> reaches s t h -> subject h.
Proof. intros I S R. unfold subject. rewrite (reaches_own_domain s t h); auto. Qed.

(** A state that gains one capability stays isolated, if what it newly controls is of its holder's
    domain, and so are all at the other ends of the channels that it opens. *)
Lemma isolated_put s h c :
  isolated s ->
  (forall r a, power r -> can c r -> covers c a -> domain a = domain h) ->
  (forall ch h' c',
   sender_end ch c /\ receiver_end ch c' \/ sender_end ch c' /\ receiver_end ch c ->
   s h' c' -> subject h' -> overlap c c' -> domain h = domain h') ->
  isolated (put s h c).
Proof.
  intros I Home Chan. apply isolated_intro.
  - intros r W h' c' a [P | [-> ->]] S C V.
    + exact (isolated_home s r I W h' c' a P S C V).
    + exact (Home r a W C V).
  - intros ch h1 c1 h2 c2 [P1 | [-> ->]] S1 G [P2 | [-> ->]] S2 T O.
    + exact (isolated_channel s ch I h1 c1 h2 c2 P1 S1 G P2 S2 T O).
    + symmetry. apply (Chan ch h1 c1); auto using overlap_sym.
    + apply (Chan ch h2 c2); auto.
    + reflexivity.
Qed.

(** In particular if it is a copy, with fewer rights, of what its domain has already. *)
Lemma isolated_put_copy s h0 c rs h :
  isolated s -> subject h -> domain h = domain h0 -> s h0 c -> incl rs (rights c) ->
  isolated (put s h (with_rights c rs)).
Proof.
  intros I S D P F.
  assert (S0 : subject h0) by (unfold subject; rewrite <- D; exact S).
  assert (C : forall r, can (with_rights c rs) r -> can c r) by (intros r; apply F).
  apply isolated_put; [exact I | |].
  - intros r a W R V. rewrite D. apply (isolated_home s r I W h0 c a); auto.
  - intros ch h' c' Ends P' S' O. rewrite D.
    assert (N := isolated_channel s ch I).
    assert (O' : overlap c c') by exact O.
    assert (G : sender_end ch (with_rights c rs) -> sender_end ch c)
      by (destruct ch; unfold sender_end, send_grant, call_reply; intuition).
    assert (T : receiver_end ch (with_rights c rs) -> receiver_end ch c)
      by (destruct ch; unfold receiver_end, receive, receive_grant; intuition).
    destruct Ends as [[E E'] | [E E']].
    + apply (N h0 c h' c'); auto.
    + symmetry. apply (N h' c' h0 c); auto using overlap_sym.
Qed.

Lemma isolated_retype s t at_u u new to :
  isolated s -> subject t -> reaches s t at_u -> s at_u u -> can u Create -> inside new u ->
  no_outstanding s new -> reaches s t to -> isolated (put s to new).
Proof.
  intros I S RU U C In No RT.
  assert (SU := reaches_subject s t at_u I S RU).
  assert (D : domain to = domain at_u)
    by (rewrite (reaches_own_domain s t to), (reaches_own_domain s t at_u); auto).
  assert (Own : forall a, covers new a -> domain a = domain to)
    by (intros a V; rewrite D; apply (I foreign_cover at_u u a); auto).
  apply isolated_put; auto.
  (* whoever else has a capability there has untyped memory there, and so is of this domain *)
  intros ch h' c' _ P S' (a & V & V').
  rewrite <- (Own a V). apply (I foreign_cover h' c' a); auto.
  apply (No h' c' P). exists a; auto.
Qed.

Lemma isolated_call s caller answerer :
  isolated s -> domain caller = domain answerer -> isolated (put s answerer (answer caller)).
Proof.
  intros I D. apply isolated_put; [exact I | |].
  - intros r a _ _ V. unfold covers, answer in V; simpl in V.
    replace a with caller by lia. exact D.
  - (* it is no end of a channel *)
    intros [] h' c'; unfold sender_end, receiver_end, send_grant, receive, call_reply,
      receive_grant, can; simpl; intuition discriminate.
Qed.

Lemma isolated_shrink s keep : isolated s -> isolated (fun h c => s h c /\ keep h c).
Proof.
  intros I. apply isolated_intro.
  - intros r W h c a [P _]. exact (isolated_home s r I W h c a P).
  - intros ch h c h' c' [P _] S G [P' _]. exact (isolated_channel s ch I h c h' c' P S G P').
Qed.

(** Two threads that have the ends of a channel are of one domain. *)
Lemma channel_one_domain ch s x at_x e y at_y e' :
  isolated s ->
  subject x -> reaches s x at_x -> s at_x e -> sender_end ch e ->
  subject y -> reaches s y at_y -> s at_y e' -> receiver_end ch e' -> overlap e e' ->
  domain x = domain y.
Proof.
  intros I Sx Rx Ex G Sy Ry Ey T O.
  rewrite <- (reaches_own_domain s x at_x I Sx Rx), <- (reaches_own_domain s y at_y I Sy Ry).
  apply (isolated_channel s ch I at_x e at_y e'); eauto using reaches_subject.
Qed.

(** A thread that a subject controls is of the subject's domain. *)
Lemma control_own_domain s t at_k k target :
  isolated s -> subject t -> reaches s t at_k -> s at_k k -> can k Ctrl -> covers k target ->
  domain target = domain t.
Proof.
  intros I S R K C V. rewrite <- (reaches_own_domain s t at_k); auto.
  apply (I foreign_tcb at_k k); eauto using reaches_subject.
Qed.

(** *** One command *)

(** Where the capability that a command brings comes from: everything below follows from this. *)
Inductive gain (s : state) (h : address) (c : cap) : Prop :=
| gain_copy h0 c0
    (copied_from : s h0 c0) (copied_at_home : domain h = domain h0)
    (copied_object : base c = base c0 /\ size c = size c0)
    (copied_rights : incl (rights c) (rights c0))
| gain_object h0 u
    (made_from : s h0 u) (made_at_home : domain h = domain h0)
    (made_inside : inside c u) (made_by_right : can u Create)
| gain_answer t
    (answers : c = answer t) (answers_at_home : domain t = domain h).

(** A command takes capabilities away, or brings one to a subject whose domain has it already. *)
Lemma step_gains s cmd s' :
  isolated s -> step s cmd s' ->
  isolated s' /\
  forall h c, s' h c -> s h c \/ subject h /\ gain s h c.
Proof.
  intros I H. destruct H.
  - (* Retype *) split.
    + exact (isolated_retype s t at_u u _ to I retype_is_by_a_subject retype_finds_the_untyped
               retype_has_the_untyped retype_needs_untyped retype_stays_inside
               retype_no_outstanding retype_finds_the_slot).
    + intros h c [P | [-> ->]]; [left; exact P | right].
      split; [exact (reaches_subject s t to I retype_is_by_a_subject retype_finds_the_slot) |].
      apply (gain_object s to _ at_u u retype_has_the_untyped); auto.
      rewrite (reaches_own_domain s t to), (reaches_own_domain s t at_u); auto.
  - (* Copy *)
    assert (S := reaches_subject s t to I copy_is_by_a_subject copy_finds_the_slot).
    assert (D : domain to = domain from)
      by (rewrite (reaches_own_domain s t to), (reaches_own_domain s t from); auto).
    split.
    + exact (isolated_put_copy s from c rs to I S D copy_has_the_source copy_has_fewer_rights).
    + intros h c' [P | [-> ->]]; [left; exact P | right; split; [exact S |]].
      exact (gain_copy s to (with_rights c rs) from c copy_has_the_source D
               (conj eq_refl eq_refl) copy_has_fewer_rights).
  - (* GrantIPC *)
    assert (S := reaches_subject s receiver to I grant_goes_to_a_subject grant_finds_the_slot).
    assert (D : domain to = domain from).
    { rewrite (reaches_own_domain s receiver to), (reaches_own_domain s sender from); auto.
      symmetry.
      exact (channel_one_domain messages s sender at_s e receiver at_r e' I grant_is_by_a_subject
               grant_finds_the_senders_end grant_has_the_senders_end grant_needs_the_right
               grant_goes_to_a_subject grant_finds_the_receivers_end grant_has_the_receivers_end
               grant_needs_a_receiver grant_needs_one_endpoint). }
    split.
    + exact (isolated_put_copy s from c rs to I S D grant_has_the_source grant_has_fewer_rights).
    + intros h c' [P | [-> ->]]; [left; exact P | right; split; [exact S |]].
      exact (gain_copy s to (with_rights c rs) from c grant_has_the_source D
               (conj eq_refl eq_refl) grant_has_fewer_rights).
  - (* Call *)
    assert (D := channel_one_domain replies s caller at_c e answerer at_a e' I call_is_by_a_subject
               call_finds_the_callers_end call_has_the_callers_end call_needs_the_right
               call_goes_to_a_subject call_finds_the_answerers_end call_has_the_answerers_end
               call_needs_an_answerer call_needs_one_endpoint).
    split.
    + exact (isolated_call s caller answerer I D).
    + intros h c [P | [-> ->]]; [left; exact P | right].
      split; [exact call_goes_to_a_subject | exact (gain_answer s answerer _ caller eq_refl D)].
  - (* SetThread *)
    assert (DT := control_own_domain s t at_k k target I set_thread_is_by_a_subject
               set_thread_finds_the_thread set_thread_has_the_thread set_thread_needs_control
               set_thread_stays_inside).
    assert (S : subject target) by (unfold subject; rewrite DT; exact set_thread_is_by_a_subject).
    assert (D : domain target = domain from)
      by (rewrite DT, (reaches_own_domain s t from); auto).
    split.
    + exact (isolated_put_copy s from c rs target I S D set_thread_has_the_source
               set_thread_has_fewer_rights).
    + intros h c' [P | [-> ->]]; [left; exact P | right; split; [exact S |]].
      exact (gain_copy s target (with_rights c rs) from c set_thread_has_the_source D
               (conj eq_refl eq_refl) set_thread_has_fewer_rights).
  - (* Shrink *) split.
    + exact (isolated_shrink s keep I).
    + intros h c [P _]. left. exact P.
Qed.

(** ** The theorems *)

(** Isolation of the initial state is isolation for ever. *)
Theorem isolation_is_kept s0 cs s : isolated s0 -> run s0 cs s -> isolated s.
Proof.
  intros I R. induction R as [| s c s' cs s'' H _ IH | s c cs s' _ IH]; auto.
  apply IH. apply (step_gains s c s' I H).
Qed.

(** Where capability [c], held at [h], comes from in the initial state [s0]: from one that covers
    its object and is held in the same domain, with no less rights or untyped; or it is the right
    to answer a thread of that domain. *)
Inductive origin (s0 : state) (h : address) (c : cap) : Prop :=
| origin_cap h0 c0
    (origin_held : s0 h0 c0) (origin_at_home : domain h = domain h0)
    (origin_inside : inside c c0) (origin_rights : incl (rights c) (rights c0) \/ can c0 Create)
| origin_answer t
    (origin_answers : inside c (answer t)) (origin_answer_only : incl (rights c) [Ctrl])
    (origin_answers_at_home : domain h = domain t).

Lemma origin_gain (s0 s : state) h c :
  (forall h0 c0, s h0 c0 -> origin s0 h0 c0) -> gain s h c -> origin s0 h c.
Proof.
  intros Old [h0 c0 P D [B N] F | h0 u P D V C | t -> D].
  - assert (In : inside c c0) by (intros a V; unfold covers in *; lia).
    destruct (Old h0 c0 P) as [h1 c1 P1 D1 V1 F1 | t V1 F1 D1].
    + apply (origin_cap s0 h c h1 c1 P1); [congruence | intros a V; apply V1, In, V |].
      destruct F1 as [F1 | F1]; [left; eauto using incl_tran | right; exact F1].
    + apply (origin_answer s0 h c t); [intros a V; apply V1, In, V | | congruence].
      eauto using incl_tran.
  - destruct (Old h0 u P) as [h1 c1 P1 D1 V1 F1 | t V1 F1 D1].
    + apply (origin_cap s0 h c h1 c1 P1); [congruence | intros a A; apply V1, V, A |].
      right. destruct F1 as [F1 | F1]; [apply F1, C | exact F1].
    + (* no right to answer is untyped *)
      destruct (F1 Create C) as [E | []]. discriminate E.
  - apply (origin_answer s0 h _ t); [intros a V; exact V | apply incl_refl | symmetry; exact D].
Qed.

Theorem every_cap_has_its_origin_at_home s0 cs s h c :
  isolated s0 -> run s0 cs s -> s h c -> origin s0 h c.
Proof.
  intros I R.
  enough (forall s1 cs s2, run s1 cs s2 -> isolated s1 ->
          (forall h c, s1 h c -> origin s0 h c) -> forall h c, s2 h c -> origin s0 h c) as E.
  { apply (E s0 cs s R I). intros h0 c0 P.
    apply (origin_cap s0 h0 c0 h0 c0 P);
      [reflexivity | intros a V; exact V | left; apply incl_refl]. }
  clear. intros s1 cs s2 R. induction R as [| s1 c s' cs s2 H _ IH | s1 c cs s2 _ IH]; auto.
  intros I Old. destruct (step_gains s1 c s' I H) as [I' G].
  apply IH; [exact I' |]. intros h c' P.
  destruct (G h c' P) as [P0 | [_ N]]; [apply Old, P0 | exact (origin_gain s0 s1 h c' Old N)].
Qed.

(** Memory is private as to right [r] if none but its own domain, and managers, have this right
    to it. *)
Definition private (r : right) (s : state) (a : address) : Prop :=
  forall h c, s h c -> subject h -> covers c a -> can c r -> domain h = domain a.

(** The same for every right. *)
Definition exclusive (s : state) (a : address) : Prop := forall r, private r s a.

Theorem private_memory_stays_private r s0 cs s a :
  isolated s0 -> run s0 cs s -> private r s0 a -> private r s a.
Proof.
  intros I R Old h c P S V C.
  destruct (every_cap_has_its_origin_at_home s0 cs s h c I R P) as [h0 c0 P0 D In F | t In F D].
  - assert (S0 : subject h0) by (unfold subject; rewrite <- D; exact S).
    rewrite D. destruct F as [F | F].
    + apply (Old h0 c0); auto. apply F, C.
    + symmetry. apply (I foreign_cover h0 c0 a); auto.
  - rewrite D. apply In in V. unfold covers, answer in V; simpl in V.
    replace a with t by lia. reflexivity.
Qed.

Theorem exclusive_memory_stays_exclusive s0 cs s a :
  isolated s0 -> run s0 cs s -> exclusive s0 a -> exclusive s a.
Proof. intros I R E r. exact (private_memory_stays_private r s0 cs s a I R (E r)). Qed.

(** What a domain has no right to, by its capabilities or by untyped memory, it never gets, unless
    the memory is its own. *)
Theorem absent_right_stays_absent r d s0 cs s a :
  isolated s0 -> run s0 cs s -> domain a <> d ->
  (forall h c, s0 h c -> domain h = d -> covers c a -> ~ can c r /\ ~ can c Create) ->
  (forall h c, s h c -> domain h = d -> covers c a -> ~ can c r).
Proof.
  intros I R Foreign Old h c P D V C.
  destruct (every_cap_has_its_origin_at_home s0 cs s h c I R P) as [h0 c0 P0 D0 In F | t In F D0].
  - destruct (Old h0 c0 P0) as [NR NC]; [congruence | apply In, V |].
    destruct F as [F | F]; [apply NR, F, C | apply NC, F].
  - apply In in V. unfold covers, answer in V; simpl in V.
    apply Foreign. replace a with t by lia. congruence.
Qed.

(** Managers gain nothing: what one holds it has held from the beginning. *)
Theorem managers_gain_nothing s0 cs s h c :
  isolated s0 -> run s0 cs s -> trusted (domain h) -> s h c -> s0 h c.
Proof.
  intros I R T. induction R as [| s0 cmd s' cs s H _ IH | s0 cmd cs s _ IH]; auto.
  intros P. destruct (step_gains s0 cmd s' I H) as [I' G].
  destruct (G h c (IH I' P)) as [P0 | [S _]]; [exact P0 | destruct (S T)].
Qed.

End Domains.
