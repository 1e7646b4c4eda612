/* The witnesses of `can`, replayed: systems made by system calls on the kernel and the model in
 * lockstep, the kernel's memory read like that of any target, and then each step of each yes made
 * as the operation that it stands for, by the thread that the step says can make it.  Both sides
 * must do it, and agree on the state after it.
 *
 * Systems come in both styles of root task: one that keeps the original of every capability, and
 * one that moved them to the domains.  WITNESS_SYSTEMS says how many, 30 unless it is set.
 *
 * And the other way round: the domains of twice as many systems do what they like, at random, and
 * what they have then is nothing that `can` called never. */
#include "tests/lockstep/lockstep.h"

#include "authority/authority.h"
#include "kernel/syscall.h"
#include "objwalk/capscope/walk.h"
#include "plat/hostsim/hostsim.h"
#include "tests/sim/sim.h"
#include "user/witness/plan.h"

#include <stdlib.h>
#include <string.h>

enum {
    DOMAINS = PLAN_DOMAINS,
    SYSTEMS = 30,
    QUERIES = 40,
    RADIX = 6,
    SLOTS = 1 << RADIX,
    GUARD_DATA = (32 - RADIX) << 3, /* ABI sheet 4.3 */
    MEMORY_BITS = 16,
    INNER_BITS = 10,
    TRIAL_SECONDS = 60,
    VADDR = 0x40000000,
    BUFFER_VADDR = VADDR,
    FREE_VADDR = VADDR + 0x10000,
};

/* Slots of a domain's CSpace besides those of the plan. */
enum {
    OWN_CALLED = OWN_EXTRA - 1, /* the endpoint of a call that is not answered yet */
    OWN_FREE = 40,
    OWN_SAVED = SLOTS - 2,  /* a reply capability that was saved */
    OWN_ANSWER = SLOTS - 1, /* what an answer brings */
};

static struct model *model;
static uint64_t seed;

static uint32_t pick(uint32_t n)
{
    return plan_pick(&seed, n);
}

/* --- a system call on both sides -------------------------------------------------------------- */

static void expect_same(const char *what)
{
    const char *s = lockstep_compare(model, false);
    if (s)
        fail_msg("%s: kernel and model differ: %s", what, s);
}

/* Registers r0 to r7 of the running thread, then its svc. */
static void enter(const word_t r[8])
{
    struct model_thread *t = model->current;
    struct tcb *k = current_thread();
    assert_non_null(t);
    for (int i = 0; i < 8; i++)
        if (i != 6)
            t->r[i] = k->regs[i] = r[i];
    word_t number = r[7];
    model->report = (struct model_report){0};
    t->pc = HOSTSIM_SVC + MODEL_SVC_BYTES;
    k->regs[REG_PC] = HOSTSIM_SVC + MODEL_SVC_BYTES;
    model_syscall(model, number);
    hostsim_preempt_after(0);
    kernel_enter_syscall(number);
    expect_same("system call");
}

static void put_buffer(unsigned at, word_t value)
{
    paddr_t buffer = model_buffer(model->current, false);
    assert_int_not_equal(buffer, 0);
    *model_memory(model, buffer + 4 * at) = value;
    *(word_t *)kptr(kaddr_from_paddr(buffer + 4 * at)) = value;
}

static void message(word_t number, cptr_t cptr, word_t label, struct sim_caps caps,
                    struct sim_words mrs)
{
    word_t r[8] = {cptr, msginfo_make(label, 0, caps.n, mrs.n)};
    for (unsigned i = 0; i < mrs.n; i++) {
        if (i < MSG_REGISTERS)
            r[2 + i] = mrs.w[i];
        else
            put_buffer(IPCBUF_MSG + i, mrs.w[i]);
    }
    for (unsigned i = 0; i < caps.n; i++)
        put_buffer(IPCBUF_CAPS + i, caps.c[i]);
    r[7] = number;
    enter(r);
}

/* An invocation by the running thread; its error. */
static word_t invoke(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs)
{
    const struct model_thread *t = model->current;
    message((word_t)SYS_CALL, cptr, label, caps, mrs);
    return msginfo_label(t->r[1]);
}

static void must(word_t error, const char *what)
{
    if (error != SEL4_NO_ERROR)
        fail_msg("%s: error %u", what, (unsigned)error);
}

/* Everybody has one priority: by Yield it becomes everybody's turn. */
static void become(struct tcb *t)
{
    const word_t yield[8] = {[7] = (word_t)SYS_YIELD};
    for (int i = 0; current_thread() != t; i++) {
        if (i == 64)
            fail_msg("thread %s does not get to run", t->name);
        enter(yield);
    }
}

/* --- making a system -------------------------------------------------------------------------- */

struct domain {
    cptr_t own[OWN_OBJECTS]; /* of the root task, by enum own_slot */
    cptr_t pt, buffer;
    struct tcb *thread;
    kaddr_t slots; /* where its CNode lies */
};

static struct domain domains[DOMAINS];
static cptr_t next_slot;

static cptr_t make(cptr_t untyped, enum object_type type, word_t bits)
{
    must(invoke(untyped, INV_UNTYPED_RETYPE, SIM_CAPS(INIT_CNODE),
                SIM_MRS((word_t)type, bits, 0, 0, next_slot, 1)),
         "Retype");
    return next_slot++;
}

static void make_objects(struct domain *d, cptr_t all, bool split)
{
    cptr_t *own = d->own;
    cptr_t from = own[OWN_MEMORY] = make(all, OBJECT_UNTYPED, MEMORY_BITS);
    own[OWN_PD] = make(from, OBJECT_PAGE_DIRECTORY, 0);
    own[OWN_FRAME] = make(from, OBJECT_FRAME_4K, 0);
    d->buffer = make(from, OBJECT_FRAME_4K, 0);
    own[OWN_CNODE] = make(from, OBJECT_CNODE, RADIX);
    own[OWN_INNER] = split ? make(from, OBJECT_UNTYPED, INNER_BITS) : 0;
    own[OWN_TCB] = make(split ? own[OWN_INNER] : from, OBJECT_TCB, 0);
    d->pt = make(from, OBJECT_PAGE_TABLE, 0);
    own[OWN_EP] = make(from, OBJECT_ENDPOINT, 0);
    own[OWN_NTFN] = make(from, OBJECT_NOTIFICATION, 0);
    d->thread = kptr(cap_object(sim_cap(own[OWN_TCB])));
    d->slots = cap_object(sim_cap(own[OWN_CNODE]));
}

static void start_thread(struct domain *d, unsigned number)
{
    cptr_t pd = d->own[OWN_PD], tcb = d->own[OWN_TCB];
    must(invoke(INIT_ASID_POOL, INV_ASID_POOL_ASSIGN, SIM_CAPS(pd), SIM_MRS()), "Assign");
    must(invoke(d->pt, INV_PAGE_TABLE_MAP, SIM_CAPS(pd), SIM_MRS(VADDR, VM_CACHEABLE)), "Map");
    must(invoke(d->buffer, INV_PAGE_MAP, SIM_CAPS(pd), SIM_MRS(BUFFER_VADDR, 3, VM_CACHEABLE)),
         "Map");
    must(invoke(tcb, INV_TCB_CONFIGURE, SIM_CAPS(d->own[OWN_CNODE], pd, d->buffer),
                SIM_MRS(0, GUARD_DATA, 0, BUFFER_VADDR)),
         "Configure");
    must(invoke(tcb, INV_TCB_SET_SCHED_PARAMS, SIM_CAPS(INIT_TCB), SIM_MRS(255, 255)),
         "SetSchedParams");
    must(invoke(tcb, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS()), "Resume");
    snprintf(d->thread->name, sizeof(d->thread->name), "d%u/t", number);
}

static void carry_out(const struct plan_step *s)
{
    static const word_t labels[] = {[PLAN_COPY] = INV_CNODE_COPY,
                                    [PLAN_MOVE] = INV_CNODE_MOVE,
                                    [PLAN_MINT_GUARD] = INV_CNODE_MINT,
                                    [PLAN_MUTATE_GUARD] = INV_CNODE_MUTATE};
    cptr_t to = domains[s->to].own[OWN_CNODE], cap = domains[s->of].own[s->object];
    if (s->op == PLAN_MUTATE_GUARD)
        must(invoke(to, labels[s->op], SIM_CAPS(INIT_CNODE),
                    SIM_MRS(s->slot, RADIX, cap, 32, GUARD_DATA)),
             "Mutate");
    else /* what an operation does not need it does not read */
        must(invoke(to, labels[s->op], SIM_CAPS(INIT_CNODE),
                    SIM_MRS(s->slot, RADIX, cap, 32, s->rights, GUARD_DATA)),
             "Copy, Move or Mint");
}

/* --- somebody waits for an answer -------------------------------------------------------------- */

static struct {
    int caller, server; /* domains; -1: nobody waits */
    bool saved;         /* the reply capability lies in the server's CSpace */
} waiting;

static void receive_into(word_t slot)
{
    put_buffer(IPCBUF_RECEIVE_CNODE, OWN_CNODE);
    put_buffer(IPCBUF_RECEIVE_INDEX, slot);
    put_buffer(IPCBUF_RECEIVE_DEPTH, 32);
}

/* One domain may call another; who may grant, or take what is granted with the answer. */
static void plant_call(void)
{
    waiting.caller = waiting.server = -1;
    if (pick(3) == 0)
        return;
    waiting.caller = (int)pick(DOMAINS);
    waiting.server = (waiting.caller + 1 + (int)pick(DOMAINS - 1)) % DOMAINS;
    waiting.saved = pick(2);
    uint8_t rights = RIGHT_WRITE | (pick(2) ? RIGHT_GRANT : RIGHT_GRANT_REPLY);
    carry_out(&(struct plan_step){PLAN_COPY, (uint8_t)waiting.caller, OWN_CALLED,
                                  (uint8_t)waiting.server, OWN_EP, rights});
}

/* Once they run: the call is made, and taken, and not answered. */
static void call_and_wait(void)
{
    if (waiting.caller < 0)
        return;
    become(domains[waiting.server].thread);
    enter((const word_t[8]){OWN_EP, [7] = (word_t)SYS_RECV});
    become(domains[waiting.caller].thread);
    receive_into(OWN_ANSWER);
    message((word_t)SYS_CALL, OWN_CALLED, 0, SIM_CAPS(), SIM_MRS());
    become(domains[waiting.server].thread);
    if (waiting.saved)
        must(invoke(OWN_CNODE, INV_CNODE_SAVE_CALLER, SIM_CAPS(), SIM_MRS(OWN_SAVED, 32)),
             "SaveCaller");
}

/* The answer, with a frame of the server's or with nothing. */
static void answer_the_call(struct sim_caps caps)
{
    become(domains[waiting.server].thread);
    message((word_t)(waiting.saved ? SYS_SEND : SYS_REPLY), waiting.saved ? OWN_SAVED : 0, 0, caps,
            SIM_MRS());
    waiting.caller = waiting.server = -1;
}

/* Who waits gets its answer before it acts, and who owes one gives it before it receives. */
static void act_as(int d)
{
    if (d == waiting.caller || d == waiting.server)
        answer_the_call(SIM_CAPS());
    become(domains[d].thread);
}

static void make_system(uint32_t number)
{
    memset(&hostsim, 0, sizeof(hostsim));
    sim_boot();
    model = lockstep_model_of_boot();
    next_slot = sim_bootinfo()->empty.start;
    cptr_t all = sim_untyped();
    struct plan plan;
    plan_make(&plan, number * 7919u + 17, number % 2);
    seed = plan.state;
    for (unsigned i = 0; i < DOMAINS; i++) {
        make_objects(&domains[i], all, plan.split[i]);
        start_thread(&domains[i], i);
    }
    plant_call();
    for (uint32_t i = 0; i < plan.steps; i++)
        carry_out(&plan.step[i]);
    if (!plan.keeps)
        must(invoke(INIT_CNODE, INV_CNODE_DELETE, SIM_CAPS(), SIM_MRS(all, 32)), "Delete");
    call_and_wait();
}

/* --- the system as any target is seen --------------------------------------------------------- */

static enum error add_record(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

static void read_state(struct capstate *s)
{
    static struct objwalk w;
    struct memview view = sim_memview();
    capstate_init(s);
    assert_int_equal(objwalk_open(&w, &view, hostsim_roots()), ERR_OK);
    assert_int_equal(objwalk_snapshot(&w, SNAPSHOT_STOPPED, add_record, s), ERR_OK);
    assert_int_equal(capstate_finish(s), ERR_OK);
}

/* --- replaying -------------------------------------------------------------------------------- */

struct replay {
    const struct authority *a;
    const struct authority_answer *answer;
    unsigned made;   /* operations */
    int32_t untyped; /* that was revoked last, -1 */
    bool over;       /* somebody who would have to act is gone */
};

/* The domain whose CNode or TCB a node is; -1: none of ours. */
static int domain_of(const struct authority *a, int32_t node)
{
    const struct capstate_object *o = &a->state->objects[node];
    for (int i = 0; i < DOMAINS; i++) {
        kaddr_t at = kaddr_from_paddr((paddr_t)o->addr);
        if ((o->type == RECORD_CAP_TCB && at == kaddr_of(domains[i].thread)) ||
            (o->type == RECORD_CAP_CNODE && at == domains[i].slots))
            return i;
    }
    return -1;
}

static word_t index_of(const struct authority *a, const struct authority_edge *e)
{
    return a->state->slots[e->slot].index;
}

/* A CNode capability in a domain's own CSpace has a guard of its own or none. */
static word_t depth_of(const struct authority *a, int32_t slot)
{
    return RADIX + (word_t)a->state->slots[slot].rec.extra;
}

/* By a capability to a CNode: a copy of the holder's own frame goes into it. */
static void replay_cnode(const struct replay *r, int d, const struct authority_edge *e)
{
    act_as(d);
    must(invoke(index_of(r->a, e), INV_CNODE_COPY, SIM_CAPS(OWN_CNODE),
                SIM_MRS(OWN_FREE + r->made, depth_of(r->a, e->slot), OWN_FRAME, 32, RIGHT_ALL)),
         "CNode_Copy");
}

/* By a capability to a thread: what it will execute is the holder's to say; of itself, its rank. */
static void replay_tcb(const struct replay *r, int d, const struct authority_edge *e)
{
    act_as(d);
    if (domain_of(r->a, e->to) == d) {
        must(invoke(index_of(r->a, e), INV_TCB_SET_PRIORITY, SIM_CAPS(OWN_TCB), SIM_MRS(255)),
             "TCB_SetPriority");
        return;
    }
    must(invoke(index_of(r->a, e), INV_TCB_WRITE_REGISTERS, SIM_CAPS(), SIM_MRS(0, 1, HOSTSIM_SVC)),
         "TCB_WriteRegisters");
}

/* By a capability to a directory: a copy of the holder's frame is mapped there. */
static void replay_directory(const struct replay *r, int d, const struct authority_edge *e)
{
    word_t copy = OWN_FREE + r->made;
    act_as(d);
    must(invoke(OWN_CNODE, INV_CNODE_COPY, SIM_CAPS(OWN_CNODE),
                SIM_MRS(copy, 32, OWN_FRAME, 32, RIGHT_ALL)),
         "CNode_Copy");
    must(invoke(copy, INV_PAGE_MAP, SIM_CAPS(index_of(r->a, e)),
                SIM_MRS(FREE_VADDR + 0x1000 * r->made, 2, VM_CACHEABLE)),
         "Page_Map");
}

/* Does the thread, or where its capabilities lie, stand in this memory itself? */
static bool is_under(const struct authority *a, int d, int32_t untyped)
{
    const struct capstate_object *u = &a->state->objects[untyped];
    kaddr_t at[] = {kaddr_of(domains[d].thread), domains[d].slots};
    for (unsigned i = 0; i < 2; i++)
        if (paddr_from_kaddr(at[i]) - u->addr < (uint64_t)1 << u->bits)
            return true;
    return false;
}

/* By untyped memory: what was in it goes, and its memory is an endpoint of the holder's; if it was
 * the holder itself that went, nobody is there to hold it. */
static void replay_untyped(const struct replay *r, int d, const struct authority_edge *e)
{
    act_as(d);
    if (is_under(r->a, d, e->to)) {
        message((word_t)SYS_CALL, OWN_CNODE, INV_CNODE_REVOKE, SIM_CAPS(),
                SIM_MRS(index_of(r->a, e), 32));
        assert_ptr_not_equal(current_thread(), domains[d].thread);
        return;
    }
    must(invoke(OWN_CNODE, INV_CNODE_REVOKE, SIM_CAPS(), SIM_MRS(index_of(r->a, e), 32)),
         "CNode_Revoke");
    must(invoke(index_of(r->a, e), INV_UNTYPED_RETYPE, SIM_CAPS(OWN_CNODE),
                SIM_MRS(OBJECT_ENDPOINT, 0, 0, 0, OWN_FREE + r->made, 1)),
         "Untyped_Retype");
}

static void replay_control(const struct replay *r, const struct authority_edge *e)
{
    int d = domain_of(r->a, e->from);
    uint32_t type = r->a->state->objects[e->to].type;
    if (r->a->state->objects[e->from].type == RECORD_CAP_TCB)
        return; /* a thread's own CSpace and address space: it uses them in every other step */
    if (d < 0)
        fail_msg("a step is by a CNode that no domain's thread has");
    if (type == RECORD_CAP_CNODE)
        replay_cnode(r, d, e);
    else if (type == RECORD_CAP_TCB)
        replay_tcb(r, d, e);
    else if (type == RECORD_CAP_PAGE_DIRECTORY)
        replay_directory(r, d, e);
    else if (type == RECORD_CAP_UNTYPED)
        return; /* COVER, which follows, makes use of it */
    else
        fail_msg("a step is by control of type %u", type);
}

static word_t receive_slot(const struct replay *r)
{
    return OWN_FREE + r->made;
}

static bool slot_is_filled(const struct domain *d, word_t slot)
{
    const struct slot *slots = kptr(d->slots);
    return cap_type(slots[slot].cap) != CAP_NULL;
}

/* The sender's own frame goes through the endpoint and is in the receiver's CSpace then. */
static void replay_message(const struct replay *r, int giver, const struct authority_edge *from,
                           int taker, const struct authority_edge *to)
{
    act_as(taker);
    receive_into(receive_slot(r));
    enter((const word_t[8]){index_of(r->a, to), [7] = (word_t)SYS_RECV});
    act_as(giver);
    message((word_t)SYS_SEND, index_of(r->a, from), 0, SIM_CAPS(OWN_FRAME), SIM_MRS());
    assert_true(slot_is_filled(&domains[taker], receive_slot(r)));
}

/* The same with the answer to a call. */
static void replay_answer(const struct replay *r, int giver, const struct authority_edge *from,
                          int taker, const struct authority_edge *to)
{
    act_as(giver);
    enter((const word_t[8]){index_of(r->a, from), [7] = (word_t)SYS_RECV});
    act_as(taker);
    receive_into(receive_slot(r));
    message((word_t)SYS_CALL, index_of(r->a, to), 0, SIM_CAPS(), SIM_MRS());
    act_as(giver);
    message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(OWN_FRAME), SIM_MRS());
    assert_true(slot_is_filled(&domains[taker], receive_slot(r)));
}

/* Two steps: into the channel and out of it, in the order in which capabilities pass. */
static void replay_channel(const struct replay *r, const struct authority_edge *from,
                           const struct authority_edge *to)
{
    int giver = domain_of(r->a, from->from);
    int taker = domain_of(r->a, to->to);
    assert_true(giver >= 0 && taker >= 0);
    if (giver == taker)
        return;
    act_as(giver); /* nothing is left to be answered in between */
    act_as(taker);
    if ((from->role & ROLE_SEND_GRANT) && (to->role & ROLE_RECEIVE))
        replay_message(r, giver, from, taker, to);
    else
        replay_answer(r, giver, from, taker, to);
}

/* Who holds a reply capability with grant answers with a frame of its own, which is in the caller's
 * CSpace then. */
static void replay_reply(const struct replay *r, const struct authority_edge *e)
{
    assert_int_equal(domain_of(r->a, e->from), waiting.server);
    assert_int_equal(domain_of(r->a, e->to), waiting.caller);
    const struct domain *caller = &domains[waiting.caller];
    answer_the_call(SIM_CAPS(OWN_FRAME));
    assert_true(slot_is_filled(caller, OWN_ANSWER));
}

/* First, while somebody still waits. */
static void replay_replies(const struct replay *r)
{
    for (uint32_t i = 0; i < r->answer->step_count && waiting.caller >= 0; i++) {
        const struct authority_edge *e = &r->a->edges[r->answer->steps[i].edge];
        if (e->kind == AUTHORITY_REPLY_GRANT)
            replay_reply(r, e);
    }
}

/* Who holds the untyped memory that a COVER step is about. */
static const struct authority_edge *holder_of(const struct authority *a, int32_t untyped)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(a, untyped, &count);
    for (uint32_t i = 0; i < count; i++)
        if (a->edges[edges[i]].kind == AUTHORITY_CONTROL &&
            domain_of(a, a->edges[edges[i]].from) >= 0)
            return &a->edges[edges[i]];
    return NULL;
}

/* Once for each untyped, and nothing more when it took its holder with it. */
static void replay_cover(struct replay *r, const struct authority_edge *e)
{
    const struct authority_edge *by = holder_of(r->a, e->from);
    assert_non_null(by);
    if (r->over || e->from == r->untyped)
        return;
    int d = domain_of(r->a, by->from);
    r->untyped = e->from;
    r->over = is_under(r->a, d, e->from);
    replay_untyped(r, d, by);
    r->made++;
}

/* The last capability, used by who holds it. */
static void replay_use(const struct replay *r, const struct authority_edge *e)
{
    int d = domain_of(r->a, e->from);
    if (e->slot < 0 || d < 0 || r->a->state->objects[e->from].type != RECORD_CAP_CNODE)
        return; /* a translation, or a TCB's own: used all the time */
    uint32_t type = r->a->state->objects[e->to].type;
    act_as(d);
    if (type == RECORD_CAP_NOTIFICATION || type == RECORD_CAP_ENDPOINT) {
        bool read = e->kind == AUTHORITY_READ;
        enter((const word_t[8]){
            index_of(r->a, e),
            msginfo_make(0, 0, 0, 0), [7] = (word_t)(read ? SYS_NBRECV : SYS_NBSEND)});
        assert_ptr_equal(current_thread(), domains[d].thread); /* no fault stopped it */
    } else if (type == RECORD_CAP_FRAME) {
        must(invoke(index_of(r->a, e), INV_PAGE_GET_ADDRESS, SIM_CAPS(), SIM_MRS()), "GetAddress");
    } else if (e->kind == AUTHORITY_CONTROL) {
        replay_control(r, e);
    }
}

/* What destroys comes last, so that every other step finds what it is about. */
static bool replay(const void *arg)
{
    struct replay *r = (struct replay *)(uintptr_t)arg;
    const struct authority_answer *answer = r->answer;
    replay_replies(r);
    for (uint32_t i = 0; i < answer->step_count; i++) {
        const struct authority_step *step = &answer->steps[i];
        const struct authority_edge *e = &r->a->edges[step->edge];
        const struct authority_edge *next =
            i + 1 < answer->step_count ? &r->a->edges[answer->steps[i + 1].edge] : NULL;
        if (e->kind == AUTHORITY_CONTROL)
            replay_control(r, e);
        else if (e->kind == AUTHORITY_GRANT && next && next->kind == AUTHORITY_GRANT_RECV)
            replay_channel(r, e, next);
        else if (e->kind == AUTHORITY_GRANT_RECV && next && next->kind == AUTHORITY_GRANT)
            replay_channel(r, next, e);
        r->made++;
    }
    if (answer->giving >= 0)
        replay_use(r, &r->a->edges[answer->giving]);
    r->made++;
    for (uint32_t i = 0; i < answer->step_count; i++)
        if (r->a->edges[answer->steps[i].edge].kind == AUTHORITY_COVER)
            replay_cover(r, &r->a->edges[answer->steps[i].edge]);
    if (answer->giving >= 0 && r->a->edges[answer->giving].kind == AUTHORITY_COVER)
        replay_cover(r, &r->a->edges[answer->giving]);
    return true;
}

/* --- never --------------------------------------------------------------------------------------- */

enum { RANDOM_OPERATIONS = 400, IDLE_TURNS = 8 };

/* What random operations came to; shared with the process that makes them. */
struct gains {
    unsigned gained, operations;
    unsigned crossed; /* gained capabilities to what another domain had */
};

static bool in_slot(const struct domain *d, word_t slot, enum cap_type type)
{
    const struct slot *slots = kptr(d->slots);
    return cap_type(slots[slot].cap) == type;
}

static word_t slot_with(const struct domain *d, enum cap_type type)
{
    word_t from = pick(SLOTS);
    for (word_t i = 0; i < SLOTS; i++)
        if (in_slot(d, (from + i) % SLOTS, type))
            return (from + i) % SLOTS;
    return 0;
}

static word_t random_word(void)
{
    static const word_t likely[] = {32, RADIX, RIGHT_ALL, (32 - RADIX) << 3,
                                    0,  1,     VADDR,     FREE_VADDR};
    return pick(3) ? pick(SLOTS) : likely[pick(sizeof(likely) / sizeof(*likely))];
}

/* Guarded is the domain's own CNode, and a copy of it that was brought elsewhere is, too. */
static word_t likely_depth(word_t cnode)
{
    return cnode == OWN_CNODE || pick(4) == 0 ? 32 : RADIX;
}

static word_t filled_slot(const struct domain *d)
{
    word_t slot = pick(SLOTS);
    for (int i = 0; i < SLOTS && in_slot(d, slot, CAP_NULL); i++)
        slot = (slot + 1) % SLOTS;
    return slot;
}

/* An operation on capabilities that could well succeed: a copy within, into or out of a CNode. */
static void random_copy(const struct domain *d)
{
    word_t label = pick(8) ? INV_CNODE_COPY : pick(2) ? INV_CNODE_MINT : INV_CNODE_MOVE;
    word_t to = slot_with(d, CAP_CNODE);
    word_t from = slot_with(d, CAP_CNODE);
    message((word_t)SYS_CALL, to, label, SIM_CAPS(from),
            SIM_MRS(pick(SLOTS), likely_depth(to), from == OWN_CNODE ? filled_slot(d) : pick(SLOTS),
                    likely_depth(from), RIGHT_ALL, 0));
}

static void random_invocation(const struct domain *d)
{
    word_t slot = filled_slot(d);
    if (in_slot(d, slot, CAP_ENDPOINT) || in_slot(d, slot, CAP_REPLY))
        return;
    message((word_t)SYS_CALL, slot, 1 + pick(45), SIM_CAPS(pick(SLOTS), pick(SLOTS), pick(SLOTS)),
            SIM_MRS(random_word(), random_word(), random_word(), random_word(), random_word(),
                    random_word()));
}

static bool can_run(const struct domain *d)
{
    return d->thread->state == THREAD_RUNNING || d->thread->state == THREAD_RESTART;
}

/* Somebody goes on when this one waits. */
static bool may_wait(const struct domain *d)
{
    unsigned others = 0;
    for (int i = 0; i < DOMAINS; i++)
        others += &domains[i] != d && can_run(&domains[i]);
    return others > 0;
}

static void random_message(const struct domain *d)
{
    static const word_t waiting_numbers[] = {(word_t)SYS_CALL, (word_t)SYS_SEND, (word_t)SYS_RECV};
    static const word_t numbers[] = {(word_t)SYS_NBSEND, (word_t)SYS_NBRECV};
    word_t number = may_wait(d) ? waiting_numbers[pick(3)] : numbers[pick(2)];
    word_t endpoint = slot_with(d, CAP_ENDPOINT);
    if (!endpoint)
        return;
    receive_into(pick(SLOTS));
    if (number == (word_t)SYS_RECV || number == (word_t)SYS_NBRECV)
        enter((const word_t[8]){endpoint, [7] = number});
    else
        message(number, endpoint, 0, SIM_CAPS(filled_slot(d), filled_slot(d)), SIM_MRS());
}

/* Whatever whoever has the turn could do; the root task offers the turn to others. */
static bool random_operation(void)
{
    const word_t yield[8] = {[7] = (word_t)SYS_YIELD};
    for (int i = 0; i < DOMAINS; i++) {
        if (current_thread() != domains[i].thread || !model_buffer(model->current, false))
            continue;
        switch (pick(8)) {
        case 0:
        case 1:
            random_message(&domains[i]);
            break;
        case 2:
            message((word_t)SYS_REPLY, 0, 0, SIM_CAPS(filled_slot(&domains[i])), SIM_MRS());
            break;
        case 3:
        case 4:
            random_invocation(&domains[i]);
            break;
        case 5:
            enter(yield);
            break;
        default:
            random_copy(&domains[i]);
            break;
        }
        return true;
    }
    enter(yield);
    return false;
}

static void operate_at_random(struct gains *g)
{
    int idle = 0;
    for (int i = 0; i < RANDOM_OPERATIONS && idle < IDLE_TURNS; i++) {
        bool done = random_operation();
        idle = done ? 0 : idle + 1;
        g->operations += done;
    }
}

static const char *const names[DOMAINS] = {"d0", "d1", "d2"};

static bool could(const struct authority *a, uint32_t domain, enum authority_right right,
                  int32_t object)
{
    static bool from[4096], to[4096];
    struct authority_answer answer;
    memset(from, 0, sizeof(from));
    memset(to, 0, sizeof(to));
    authority_mark_domain(a, authority_domain_named(a, names[domain]), from);
    to[object] = true;
    assert_int_equal(authority_can(a, from, right, to, false, &answer), ERR_OK);
    bool yes = answer.yes;
    authority_answer_free(&answer);
    return yes;
}

/* A right that a domain has now it could gain from the beginning; of what did not exist then,
 * nothing was said. */
static void judge_slot(const struct authority *a, uint32_t domain, const struct record_slot *now)
{
    int32_t object = -1;
    for (uint32_t i = 0; i < a->node_count; i++)
        if (a->state->objects[i].addr == now->object && a->state->objects[i].type == now->type)
            object = (int32_t)i;
    if (object < 0)
        return;
    bool flows = now->type == RECORD_CAP_FRAME || now->type == RECORD_CAP_ENDPOINT ||
                 now->type == RECORD_CAP_NOTIFICATION;
    if (!flows && now->type != RECORD_CAP_REPLY &&
        !could(a, domain, AUTHORITY_RIGHT_CONTROL, object))
        fail_msg("d%u controls 0x%llx of type %u, which it never could", domain,
                 (unsigned long long)now->object, now->type);
    if (flows && (now->rights & RECORD_RIGHT_READ) &&
        !could(a, domain, AUTHORITY_RIGHT_READ, object))
        fail_msg("d%u reads 0x%llx, which it never could", domain, (unsigned long long)now->object);
    if (flows && (now->rights & RECORD_RIGHT_WRITE) &&
        !could(a, domain, AUTHORITY_RIGHT_WRITE, object))
        fail_msg("d%u writes 0x%llx, which it never could", domain,
                 (unsigned long long)now->object);
}

static bool had(const struct authority *a, const struct record_slot *now)
{
    int32_t then = capstate_slot_at(a->state, now->addr);
    return then >= 0 && a->state->slots[then].rec.object == now->object &&
           a->state->slots[then].rec.type == now->type;
}

static bool is_of_another(const struct authority *a, uint32_t domain, const struct record_slot *now)
{
    int32_t object = capstate_object_at(a->state, now->object);
    return object >= 0 &&
           !authority_domain_holds(a, authority_domain_named(a, names[domain]), object);
}

struct never {
    const struct authority *a;
    struct gains *gains;
};

static bool what_never_could_be_is_not(const void *arg)
{
    const struct never *n = arg;
    struct capstate after;
    operate_at_random(n->gains);
    read_state(&after);
    for (uint32_t d = 0; d < DOMAINS; d++)
        for (uint32_t i = 0; i < after.slot_count; i++) {
            const struct record_slot *now = &after.slots[i].rec;
            uint64_t cnode = paddr_from_kaddr(domains[d].slots);
            if (now->addr - cnode >= SLOTS * sizeof(struct slot))
                continue;
            judge_slot(n->a, d, now);
            n->gains->gained += !had(n->a, now);
            n->gains->crossed += !had(n->a, now) && is_of_another(n->a, d, now);
        }
    capstate_free(&after);
    return true;
}

static unsigned systems(void);

/* Whoever does what in whatever order: no domain has a right that `can` calls never. */
static void a_never_stays_one(void **state)
{
    struct gains *gains = lockstep_keep(sizeof(*gains));
    (void)state;
    for (unsigned i = 0; i < systems() * 2; i++) {
        struct capstate s;
        struct authority a;
        make_system(1000 + i);
        read_state(&s);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        const struct never n = {&a, gains};
        if (!lockstep_trial(what_never_could_be_is_not, &n, TRIAL_SECONDS, false))
            fail_msg("system %u: somebody has what it never could", 1000 + i);
        authority_free(&a);
        capstate_free(&s);
        model_destroy(model);
        hostsim_destroy();
    }
    print_message(
        "# %u systems: %u random operations by their domains, %u capabilities gained, %u of"
        " them to what another had\n",
        systems() * 2, gains->operations, gains->gained, gains->crossed);
    assert_true(gains->gained > systems() && gains->crossed > 0);
}

/* --- */

struct tally {
    unsigned yes, no, steps, replies;
};

static unsigned replies_in(const struct authority *a, const struct authority_answer *answer)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < answer->step_count; i++)
        n += a->edges[answer->steps[i].edge].kind == AUTHORITY_REPLY_GRANT;
    return n;
}

static void ask(const struct authority *a, struct tally *t)
{
    static bool from[4096], to[4096];
    struct authority_answer answer;
    enum authority_right right = (enum authority_right)pick(4);
    assert_true(a->node_count < 4096);
    memset(from, 0, sizeof(from));
    memset(to, 0, sizeof(to));
    uint32_t d = pick(DOMAINS);
    int32_t subject = authority_domain_named(a, (const char *[]){"d0", "d1", "d2"}[d]);
    assert_true(authority_mark_domain(a, subject, from) == 1);
    to[pick(a->node_count)] = true;
    assert_int_equal(authority_can(a, from, right, to, false, &answer), ERR_OK);
    t->yes += answer.yes;
    t->no += !answer.yes;
    t->steps += answer.step_count;
    t->replies += replies_in(a, &answer);
    if (answer.yes) {
        struct replay r = {.a = a, .answer = &answer, .untyped = -1};
        if (!lockstep_trial(replay, &r, TRIAL_SECONDS, false))
            fail_msg("seed %llu: a witness of %u steps cannot be replayed",
                     (unsigned long long)seed, answer.step_count);
    }
    authority_answer_free(&answer);
}

static unsigned systems(void)
{
    const char *text = getenv("WITNESS_SYSTEMS");
    return text ? (unsigned)strtoul(text, NULL, 10) : (unsigned)SYSTEMS;
}

static void every_step_of_every_yes_is_an_operation_that_succeeds(void **state)
{
    struct tally t = {0};
    (void)state;
    for (unsigned n = 0; n < systems(); n++) {
        struct capstate s;
        struct authority a;
        make_system(n);
        read_state(&s);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        assert_int_equal(a.root, AUTHORITY_ROOT_TOLD);
        assert_true(a.root_thread >= 0);
        for (int q = 0; q < QUERIES; q++)
            ask(&a, &t);
        authority_free(&a);
        capstate_free(&s);
        model_destroy(model);
        hostsim_destroy();
    }
    print_message("# %u systems: %u yes with %u steps replayed, %u of them answers; %u no\n",
                  systems(), t.yes, t.steps, t.replies, t.no);
    assert_true(t.yes > t.no / 20 && t.no > 0 && t.replies > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_of_every_yes_is_an_operation_that_succeeds),
        cmocka_unit_test(a_never_stays_one),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
