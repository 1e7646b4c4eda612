/* Episodes, preemption, shrinking: see lockstep.h. */
#include "tests/lockstep/lockstep.h"

#include "kernel/syscall.h"
#include "plat/hostsim/hostsim.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum {
    EPISODE_MAX = 1 << 16,
    IDLE_MAX = 12,     /* actions while nobody can run, before an episode is over */
    MEMORY_EVERY = 32, /* actions between two comparisons of memory */
    RESTARTS_MAX = 100000,
    INTERLEAVED_STEPS = 48,
    PREEMPT_ALL_MAX = 96,
    SHRINK_REPLAYS = 800,
    EPISODE_SECONDS = 300,
    REPLAY_SECONDS = 20,
};

/* What an episode leaves behind, whatever becomes of it. */
struct shared {
    unsigned count;
    unsigned failed_at;
    char sentence[400];
    struct lockstep_stats stats;
    struct lockstep_action action[EPISODE_MAX];
};

static struct shared *shared;
static struct model *model;
static const struct lockstep_options *options;
static uint8_t *aside; /* the kernel's memory, put aside */
static struct hostsim aside_machine;

/* --- what happens in the kernel is counted --- */

static void count_event(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                        struct cap cap, kaddr_t object, word_t detail)
{
    struct lockstep_stats *s = ctx;
    (void)slot;
    (void)src;
    (void)cap;
    (void)object;
    (void)detail;
    s->transfers += kind == EVENT_TRANSFER;
    s->replies += kind == EVENT_REPLY;
    s->faults += kind == EVENT_FAULT;
}

/* --- the kernel's state put aside and taken back --- */

static void put_aside(void)
{
    hostsim_see_processor();
    memcpy(aside, hostsim_ram, hostsim_ram_size);
    aside_machine = hostsim;
}

/* Meanwhile the processor must not walk the page tables that are written. */
static void take_back(void)
{
    arch_set_vspace(paddr_from_kaddr(arch_kernel_pd()), 0);
    memcpy(hostsim_ram, aside, hostsim_ram_size);
    hostsim = aside_machine;
    arch_set_vspace(hostsim.vspace_pd, hostsim.vspace_asid);
    arch_tlb_flush_all();
}

/* --- invariants --- */

/* Nobody kept it. */
static void renew_digest(void)
{
    kaddr_t head = kaddr_of(&ks.cdt_head);
    struct digest d = {{0, 0}};
    for (kaddr_t a = ks.cdt_head.next & SLOT_LINK_MASK; a != head;) {
        const struct slot *s = kptr(a);
        digest_add(&d, a, s->cap.w[0], s->cap.w[1], s->next);
        a = s->next & SLOT_LINK_MASK;
    }
    *hostsim_digest() = d;
}

/* sim_check() ends the process when one does not hold. */
static const char *check_invariants(void)
{
    shared->stats.full_checks++;
    if (!debug_watches())
        renew_digest();
    sim_check();
    return lockstep_audit();
}

/* --- a system call of the kernel --- */

struct call {
    struct tcb *caller;
    word_t svc;
    unsigned work;
    unsigned preempt;
    unsigned again;
    unsigned preempted; /* how often it was */
};

static void arm(const struct call *c)
{
    ks.work_units = c->work;
    hostsim_preempt_after(c->preempt);
    hostsim.preempt_every = c->again;
}

/* Executes the svc at which the thread stands; true if it was preempted. */
static bool enter(struct tcb *t, word_t svc)
{
    unsigned acks = hostsim.count.timer_ack;
    t->regs[REG_PC] = svc + MODEL_SVC_BYTES;
    kernel_enter_syscall(t->regs[REG_R7]);
    return hostsim.count.timer_ack != acks;
}

/* To its end, executed again as often as it is preempted. */
static const char *call_to_end(struct call *c, bool check)
{
    const char *s = NULL;
    arm(c);
    for (c->preempted = 0; !s && enter(c->caller, c->svc); c->preempted++) {
        shared->stats.preemptions++;
        if (check || c->preempted % 16 == 15)
            s = check_invariants();
        if (ks.current != kaddr_of(c->caller))
            s = "a preempted operation lost the processor though nobody better can run";
        if (c->preempted == RESTARTS_MAX)
            s = "a preempted operation does not come to an end";
    }
    hostsim_preempt_after(0);
    return s;
}

/* Somebody else's turn in the middle of an operation: any system call. */
static void disturb(struct lockstep_random *r, struct tcb *t)
{
    static const word_t labels[] = {INV_CNODE_REVOKE,      INV_CNODE_DELETE, INV_CNODE_COPY,
                                    INV_CNODE_MOVE,        INV_CNODE_ROTATE, INV_CNODE_SAVE_CALLER,
                                    INV_UNTYPED_RETYPE,    INV_TCB_SUSPEND,  INV_TCB_RESUME,
                                    INV_TCB_SET_IPC_BUFFER};
    word_t cspace = lockstep_below(r, 4) ? (word_t)INIT_CNODE : lockstep_below(r, 300);
    t->regs[0] = cspace;
    t->regs[1] = msginfo_make(labels[lockstep_below(r, 10)], 0, 1, 8);
    for (unsigned i = 0; i < MSG_REGISTERS; i++)
        t->regs[REG_R2 + i] =
            i % 2 ? 32 - 28 * (lockstep_below(r, 3) == 0) : lockstep_below(r, 300);
    t->regs[REG_R7] = (word_t)(lockstep_below(r, 3) ? SYS_CALL : SYS_NBRECV);
    word_t *buffer = sim_buffer(t);
    if (buffer)
        buffer[IPCBUF_CAPS] = INIT_CNODE;
}

static bool stands_at_svc(const struct tcb *t)
{
    word_t at = t->regs[REG_PC] - HOSTSIM_SVC;
    return at < 8 * LOCKSTEP_SVC_PLACES && at % 8 == 0;
}

/* With preemption, and with others running in the middle: only invariants can be checked. */
static const char *call_interleaved(const struct call *c)
{
    struct lockstep_random r = {.state = c->svc + c->preempt * 977u + shared->count * 65537u + 1};
    const char *s = NULL;
    shared->stats.interleaved++;
    arm(c);
    hostsim.preempt_every = 1;
    enter(c->caller, c->svc);
    for (unsigned i = 0; !s && i < INTERLEAVED_STEPS && ks.current != kaddr_of(&ks.idle); i++) {
        struct tcb *t = current_thread();
        bool again = stands_at_svc(t) && lockstep_below(&r, 8) != 0;
        word_t svc = again ? t->regs[REG_PC] : (word_t)HOSTSIM_SVC;
        s = check_invariants();
        if (!again)
            disturb(&r, t);
        if (!s)
            enter(t, svc);
    }
    return s;
}

/* --- one action on both sides --- */

static bool may_be_long(word_t number, word_t tag)
{
    word_t label = msginfo_label(tag);
    if ((int32_t)number != SYS_CALL && (int32_t)number != SYS_SEND && (int32_t)number != SYS_NBSEND)
        return false;
    return label % (1u << RETYPE_REST_SHIFT) == INV_UNTYPED_RETYPE || label == INV_CNODE_REVOKE ||
           label == INV_CNODE_DELETE || label == INV_CNODE_CANCEL_BADGED_SENDS ||
           label == INV_IRQ_HANDLER_SET_NOTIFICATION || label == INV_IRQ_HANDLER_CLEAR ||
           label == INV_ASID_POOL_ASSIGN;
}

static bool order_is_free(void)
{
    return model->report.nested && model->report.restarted >= 2;
}

static const char *compare(void)
{
    return lockstep_compare(model, order_is_free());
}

/* The operation at each of its preemption points in turn, each time from the same state; the last
 * time there is none left. The model is through already. */
static const char *call_at_each_point(struct call *c, bool delicate)
{
    const char *s = NULL;
    put_aside();
    for (unsigned n = 1; !s && n <= PREEMPT_ALL_MAX; n++) {
        c->work = n % 8;
        c->preempt = n;
        c->again = 0;
        if (delicate) {
            s = call_interleaved(c);
        } else {
            s = call_to_end(c, true);
            if (!s)
                s = compare();
            if (c->preempted == 0)
                break;
        }
        take_back();
        if (delicate && n == 8)
            break;
    }
    if (s)
        return s;
    take_back();
    c->preempt = 0;
    return call_to_end(c, false);
}

static const char *call_kernel(struct call *c, bool is_long)
{
    bool delicate =
        model->report.path_lost || model->report.woke_higher || model->report.caller_stopped;
    shared->stats.nested += model->report.nested;
    shared->stats.unordered += order_is_free();
    if (is_long && options->preempt_all)
        return call_at_each_point(c, delicate);
    if (!is_long || !delicate || c->preempt == 0)
        return call_to_end(c, false);
    put_aside();
    const char *s = call_interleaved(c);
    take_back();
    c->preempt = 0;
    return s ? s : call_to_end(c, false);
}

/* Registers and IPC buffer of the running thread, on both sides. */
static void load(const struct lockstep_action *a, struct model_thread *t, struct tcb *k)
{
    for (unsigned i = 0; i < 8; i++)
        if (i != 6)
            t->r[i] = k->regs[i] = a->r[i];
    paddr_t at = model_buffer(t, false);
    if (!a->has_buffer || at == 0)
        return;
    word_t *buffers[2] = {model_memory(model, at), kptr(kaddr_from_paddr(at))};
    for (unsigned i = 0; i < 2; i++) {
        memcpy(buffers[i] + IPCBUF_MSG + MSG_REGISTERS, a->message, sizeof(a->message));
        memcpy(buffers[i] + IPCBUF_CAPS, a->caps, sizeof(a->caps));
        memcpy(buffers[i] + IPCBUF_RECEIVE_CNODE, a->receive, sizeof(a->receive));
    }
}

static void count_label(const struct model_thread *t, word_t number, word_t tag)
{
    if ((int32_t)number != SYS_CALL || model->report.caller_stopped || t->r[0] != 0)
        return;
    word_t error = msginfo_label(t->r[1]);
    if (msginfo_label(tag) < 64)
        shared->stats.label[msginfo_label(tag)][error < 11 ? error : 11]++;
}

static const char *perform_syscall(const struct lockstep_action *a)
{
    struct model_thread *t = model->current;
    if (!t || (a->kind == ACTION_CONTINUE && !lockstep_at_svc(t)))
        return NULL;
    struct tcb *k = kptr(ks.current);
    word_t svc = a->kind == ACTION_CONTINUE ? t->pc : HOSTSIM_SVC + 8u * a->svc;
    if (a->kind == ACTION_SYSCALL)
        load(a, t, k);
    else
        shared->stats.restarts++;
    word_t number = t->r[7];
    word_t tag = t->r[1];
    t->pc = svc + MODEL_SVC_BYTES;
    model_syscall(model, number);
    count_label(t, number, tag);
    struct call c = {k, svc, a->work, a->preempt, a->again, 0};
    return call_kernel(&c, may_be_long(number, tag));
}

static void interrupt(word_t irq)
{
    if (!model->irq_open[irq])
        return;
    hostsim_raise_irq(irq);
    kernel_enter_irq();
    hostsim_lower_irq(irq);
    model_interrupt(model, irq);
}

static const char *perform(const struct lockstep_action *a)
{
    const char *s = NULL;
    model->report = (struct model_report){0};
    switch (a->kind) {
    case ACTION_SYSCALL:
    case ACTION_CONTINUE:
        s = perform_syscall(a);
        break;
    case ACTION_TICK:
        interrupt(TIMER_IRQ);
        break;
    case ACTION_IRQ:
        interrupt(a->irq % MODEL_IRQS);
        break;
    default:
        if (!model->current)
            break;
        if (a->kind == ACTION_UNDEFINED) {
            kernel_enter_undefined();
            model_undefined(model);
        } else if (a->kind == ACTION_DATA_ABORT) {
            kernel_enter_data_abort(a->irq, a->r[1] + 0x805);
            model_abort(model, a->irq, a->r[1] + 0x805, false);
        } else {
            kernel_enter_prefetch_abort(a->irq, 7);
            model_abort(model, a->irq, 7, true);
        }
        break;
    }
    if (s || (s = compare()))
        return s;
    /* an interrupt that rose in the middle of something that cannot be preempted */
    if (hostsim.irq_raised >> TIMER_IRQ & 1) {
        bool loose = order_is_free();
        interrupt(TIMER_IRQ);
        s = lockstep_compare(model, loose);
    }
    return s;
}

/* --- episodes --- */

static const char *check_now_and_then(unsigned i)
{
    const char *s = NULL;
    if (i % MEMORY_EVERY == MEMORY_EVERY - 1)
        s = lockstep_compare_memory(model);
    if (!s && options->audit_every && i % options->audit_every == options->audit_every - 1)
        s = check_invariants();
    return s;
}

static void note_sizes(void)
{
    struct lockstep_stats *s = &shared->stats;
    s->actions++;
    if (lockstep_deepest() > s->deepest)
        s->deepest = lockstep_deepest();
    if (lockstep_slots() > s->most_slots)
        s->most_slots = lockstep_slots();
}

/* False, for the trial to end with. */
static bool episode_failed(unsigned at, const char *s)
{
    shared->failed_at = at;
    snprintf(shared->sentence, sizeof(shared->sentence), "%s", s);
    return false;
}

static void trace(const struct lockstep_action *a)
{
    const struct model_thread *t = model->current;
    fprintf(stderr, "thread %08x priority %u: ", t ? t->object->paddr : 0, t ? t->priority : 0);
    lockstep_action_print(a, stderr);
}

static void trace_outcome(void)
{
    const struct model_thread *t = model->current;
    fprintf(stderr, "    -> %s r0=%x tag=%x state %016llx\n",
            model->report.caller_stopped ? "stopped" : "goes on", t ? t->r[0] : 0, t ? t->r[1] : 0,
            (unsigned long long)shared->stats.state);
}

/* What the kernel's memory and the processor look like now is chained to what they looked like. */
static void note_state(unsigned i)
{
    if (options->states)
        shared->stats.state =
            lockstep_state(model, shared->stats.state, i % MEMORY_EVERY == MEMORY_EVERY - 1);
}

struct episode {
    uint64_t seed;
    unsigned length;
};

static bool episode(const void *arg)
{
    const struct episode *e = arg;
    struct lockstep_random r = {.state = e->seed};
    unsigned idle = 0;
    for (unsigned i = 0; i < e->length && idle < IDLE_MAX; i++) {
        struct lockstep_action *a = &shared->action[i];
        lockstep_generate(model, &r, a);
        shared->count = i + 1;
        bool somebody = model->current;
        if (options->trace)
            trace(a);
        const char *s = perform(a);
        note_state(i);
        if (options->trace && somebody)
            trace_outcome();
        if (!s)
            s = check_now_and_then(i);
        if (s)
            return episode_failed(i, s);
        note_sizes();
        if (order_is_free())
            break;
        idle = model->current ? 0 : idle + 1;
    }
    const char *s = lockstep_compare_memory(model);
    if (!s)
        s = check_invariants();
    return s ? episode_failed(shared->count, s) : true;
}

struct replay {
    const unsigned *list;
    unsigned n;
};

static bool replay(const void *arg)
{
    const struct replay *r = arg;
    for (unsigned i = 0; i < r->n; i++) {
        const char *s = perform(&shared->action[r->list[i]]);
        if (!s)
            s = lockstep_compare_memory(model);
        if (!s && (i == r->n - 1 || i % 16 == 15))
            s = check_invariants();
        if (s)
            return episode_failed(i, s);
        if (order_is_free())
            break;
    }
    return true;
}

static bool episode_fails(uint64_t seed, unsigned length)
{
    struct episode e = {seed, length};
    shared->count = 0;
    shared->sentence[0] = 0;
    shared->failed_at = EPISODE_MAX;
    return !lockstep_trial(episode, &e, EPISODE_SECONDS, false);
}

static bool replay_fails(const unsigned *list, unsigned n, bool silent)
{
    struct replay r = {list, n};
    shared->sentence[0] = 0;
    return !lockstep_trial(replay, &r, REPLAY_SECONDS, silent);
}

/* --- shrinking --- */

/* Leaves out [from, from + size) for as long as the rest still fails. */
static unsigned leave_out(unsigned *list, unsigned n, unsigned size, unsigned *budget)
{
    unsigned *shorter = malloc(n * sizeof(*shorter));
    for (unsigned from = 0; from<n && * budget> 0;) {
        unsigned cut = size < n - from ? size : n - from;
        memcpy(shorter, list, from * sizeof(*list));
        memcpy(shorter + from, list + from + cut, (n - from - cut) * sizeof(*list));
        (*budget)--;
        if (replay_fails(shorter, n - cut, true)) {
            n -= cut;
            memcpy(list, shorter, n * sizeof(*list));
        } else {
            from += cut;
        }
    }
    free(shorter);
    return n;
}

static unsigned shrink(unsigned *list, unsigned n)
{
    unsigned budget = SHRINK_REPLAYS;
    for (unsigned size = n / 2; size > 0; size /= 2)
        n = leave_out(list, n, size, &budget);
    return leave_out(list, n, 1, &budget);
}

static void report(uint64_t seed, unsigned episode_number, FILE *out)
{
    static unsigned list[EPISODE_MAX];
    unsigned n = shared->count;
    fprintf(out, "# seed %llu, episode %u, action %u: %s\n", (unsigned long long)options->seed,
            episode_number, n,
            shared->sentence[0] ? shared->sentence : "the process ended, see standard error");
    fflush(out);
    if (options->quiet)
        return;
    for (unsigned i = 0; i < n; i++)
        list[i] = i;
    if (!replay_fails(list, n, true)) {
        fprintf(out, "# (episode seed %llu) does not fail when replayed\n",
                (unsigned long long)seed);
        return;
    }
    n = shrink(list, n);
    fprintf(out, "# shrunk to %u actions:\n", n);
    for (unsigned i = 0; i < n; i++) {
        fprintf(out, "#   ");
        lockstep_action_print(&shared->action[list[i]], out);
    }
    fflush(out);
    replay_fails(list, n, false);
    fprintf(out, "# then: %s\n", shared->sentence);
}

/* --- runs --- */

/* A Call of the running thread; the words beyond four are not needed here. */
static const char *scripted(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs)
{
    struct lockstep_action a = {.kind = ACTION_SYSCALL, .has_buffer = 1};
    a.r[0] = cptr;
    a.r[1] = msginfo_make(label, 0, caps.n, mrs.n);
    a.r[7] = (word_t)SYS_CALL;
    for (unsigned i = 0; i < mrs.n; i++) {
        if (i < MSG_REGISTERS)
            a.r[2 + i] = mrs.w[i];
        else
            a.message[i - MSG_REGISTERS] = mrs.w[i];
    }
    memcpy(a.caps, caps.c, sizeof(a.caps));
    return perform(&a);
}

/* What an episode begins with: objects of each kind that is wanted all the time, threads that run
 * in the root task's CSpace, and the guardian, a thread of the lowest priority that is always there
 * to resume others, so that an episode does not end when everybody has blocked or been killed. */
enum {
    FIRST_THREADS = 4, /* the guardian first */
    FIRST_ENDPOINTS = 3,
    FIRST_NOTIFICATIONS = 2,
    FIRST_CNODES = 2,
    FIRST_BITS = 15,
};

static const char *make_objects(cptr_t untyped, word_t type, word_t bits, word_t n, cptr_t *next)
{
    cptr_t at = *next;
    *next += n;
    return scripted(untyped, INV_UNTYPED_RETYPE, SIM_CAPS(INIT_CNODE),
                    SIM_MRS(type, bits, 0, 0, at, n));
}

static const char *start_thread(cptr_t tcb, cptr_t frame, cptr_t handler, unsigned i)
{
    static const word_t priorities[FIRST_THREADS] = {0, 255, 254, 200};
    const char *s = scripted(tcb, INV_TCB_CONFIGURE, SIM_CAPS(INIT_CNODE, INIT_VSPACE, frame),
                             SIM_MRS(handler, 0, 0, LOCKSTEP_GUARDIAN_BUFFER + i * 0x1000));
    if (!s)
        s = scripted(tcb, INV_TCB_SET_SCHED_PARAMS, SIM_CAPS(INIT_TCB),
                     SIM_MRS(255, priorities[i]));
    return s ? s : scripted(tcb, INV_TCB_RESUME, SIM_CAPS(), SIM_MRS());
}

static const char *begin_episode(void)
{
    const struct bootinfo *bi = sim_bootinfo();
    cptr_t next = bi->empty.start;
    cptr_t tcbs = next;
    cptr_t frames = tcbs + FIRST_THREADS;
    cptr_t endpoints = frames + FIRST_THREADS;
    cptr_t untyped = 0;
    for (word_t i = 0; i < bi->untyped.end - bi->untyped.start; i++)
        if (!bi->untyped_list[i].is_device && bi->untyped_list[i].size_bits == FIRST_BITS)
            untyped = bi->untyped.start + i;
    const char *s = make_objects(untyped, OBJECT_TCB, 0, FIRST_THREADS, &next);
    if (!s)
        s = make_objects(untyped, OBJECT_FRAME_4K, 0, FIRST_THREADS, &next);
    if (!s)
        s = make_objects(untyped, OBJECT_ENDPOINT, 0, FIRST_ENDPOINTS, &next);
    if (!s)
        s = make_objects(untyped, OBJECT_NOTIFICATION, 0, FIRST_NOTIFICATIONS, &next);
    if (!s)
        s = make_objects(untyped, OBJECT_CNODE, 4, FIRST_CNODES, &next);
    for (unsigned i = 0; !s && i < FIRST_THREADS; i++)
        s = start_thread(tcbs + i, frames + i, i == 0 ? 0 : endpoints, i);
    return s;
}

static void prepare(void)
{
    struct hostsim_config config = {
        .ram_bytes = LOCKSTEP_RAM,
        .user_cpsr = options->release ? ARCH_USER_CPSR_RELEASE : ARCH_USER_CPSR_DEBUG,
    };
    if (!shared) {
        shared = lockstep_keep(sizeof(*shared));
        aside = malloc(LOCKSTEP_RAM);
    }
    if (!shared || !aside) {
        fprintf(stderr, "lockstep: no memory\n");
        exit(2);
    }
    memset(&shared->stats, 0, sizeof(shared->stats));
    sim_boot_config(&config);
    hostsim.hooks.event = count_event;
    hostsim.hooks.ctx = &shared->stats;
    model_destroy(model);
    model = lockstep_model_of_boot();
}

int lockstep_run(const struct lockstep_options *o, struct lockstep_stats *stats, FILE *out)
{
    int result = 0;
    options = o;
    hostsim_unwatched = o->release;
    prepare();
    const char *s = compare();
    if (!s)
        s = begin_episode();
    if (!s)
        s = lockstep_compare_memory(model);
    if (!s && lockstep_slots() != sim_slot_count())
        s = "slots are miscounted";
    if (s) {
        fprintf(out, "# after boot: %s\n", s);
        return 1;
    }
    for (unsigned i = 0; shared->stats.actions < o->actions; i++) {
        uint64_t seed = (o->seed + 1) * 0x9e3779b97f4a7c15ull + i * 0xbf58476d1ce4e5b9ull + 1;
        uint64_t left = o->actions - shared->stats.actions;
        unsigned length = left < o->episode ? (unsigned)left : o->episode;
        shared->stats.episodes++;
        hostsim_unwatched = o->release || i % 2 != 0; /* both of the ways that the kernel has */
        if (episode_fails(seed, length < EPISODE_MAX ? length : EPISODE_MAX)) {
            report(seed, i, out);
            result = 1;
            break;
        }
        if (o->states)
            fprintf(out, "# episode %u: %u actions, state %016llx\n", i, shared->count,
                    (unsigned long long)shared->stats.state);
    }
    *stats = shared->stats;
    hostsim_unwatched = false;
    model_destroy(model);
    model = NULL;
    hostsim_destroy();
    return result;
}

void lockstep_stats_print(const struct lockstep_stats *s, FILE *out)
{
    fprintf(out,
            "# %llu actions in %llu episodes: %llu preemptions, %llu operations interleaved, %llu "
            "nested deletions, %llu of free order\n",
            (unsigned long long)s->actions, (unsigned long long)s->episodes,
            (unsigned long long)s->preemptions, (unsigned long long)s->interleaved,
            (unsigned long long)s->nested, (unsigned long long)s->unordered);
    fprintf(out,
            "# %llu capabilities by IPC, %llu reply capabilities, %llu faults, %llu restarted "
            "calls, %llu checks of all invariants\n",
            (unsigned long long)s->transfers, (unsigned long long)s->replies,
            (unsigned long long)s->faults, (unsigned long long)s->restarts,
            (unsigned long long)s->full_checks);
    fprintf(out, "# deepest tree %u, most slots %u\n", s->deepest, s->most_slots);
    for (unsigned l = 1; l < 46; l++) {
        fprintf(out, "# label %2u:", l);
        for (unsigned e = 0; e < 12; e++)
            fprintf(out, " %7llu", (unsigned long long)s->label[l][e]);
        fputc('\n', out);
    }
}
