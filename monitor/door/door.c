/* The debug door: trace ring, running digest, conditions, and the loop in which the kernel stands.
 *
 * debug_control is shared with debuggers outside the machine, who write it while the kernel stands
 * at a breakpoint: so nothing here caches it beyond one event, and what depends on it (the digest,
 * the mark of a gap in the trace) is brought up to date at events, at ticks and on leaving a stop.
 *
 * Sequence numbers count events that were written to the ring. While neither trace nor a condition
 * is armed events pass unseen; the first number after such a pause belongs to an entry of zeroes,
 * which readers take for a gap. */
#include "monitor/door/door.h"

#include "kernel/arch.h"
#include "kernel/board.h"
#include "kernel/tcb.h"
#include "monitor/door/kept.h"
#include "monitor/door/rescue.h"
#include "monitor/view.h"

struct debug_control debug_control;
struct debug_trace debug_trace;
struct event debug_ring_entries[DEBUG_RING_EVENTS];
kaddr_t debug_roots_at;
struct trap_frame debug_context;

/* monitor/door/context.S */
void debug_context_call(struct trap_frame *frame, void (*serve)(void));

enum { POLL_BYTES = 64, NO_CONDITION = -1 };

static struct {
    word_t ticks;
    word_t timer_count; /* as seen last */
    bool tick_seen;     /* the timer has begun anew, and its interrupt is still to come */

    bool halt_request; /* a port wants the kernel to stop */
    bool resume;       /* a port wants it to go on */
    bool panicked;
    bool busy;      /* a port's callback runs, or the kernel stands */
    bool line_lent; /* the monitor's line is the stub's */
    const char *sentence;
    bool revoke_paused; /* preempted: what happens now belongs to others */
    enum debug_reason reason;
    kaddr_t finish_slot; /* delete that `finish` runs to the end of, when no revoke is under way */
    kaddr_t victim;      /* of the revoke under way, the last one announced */
    bool victim_again;   /* it was announced before, and is half emptied */
    kaddr_t revoker;     /* thread whose revoke is under way */
    kaddr_t deleter;     /* thread whose delete `finish` runs to the end of */
    bool given_up;       /* with this event: the revoke that was under way goes no further */
    word_t generation;   /* threads made so far */
    bool digest_tried;   /* since the trace is on */
    struct trap_frame
        trap;          /* the exception of a panic: another one of the debugger's is not told */
    const char *broke; /* the exception that ended a callback */
} door;

static const struct debug_port *const ports[] = {&monitor_port, &gdbstub_port};
enum { PORTS = sizeof(ports) / sizeof(ports[0]) };

/* ---- time ---- */

word_t debug_ticks(void)
{
    word_t count = board_timer_count();
    if (count > door.timer_count) {
        door.ticks++;
        door.tick_seen = true;
    }
    door.timer_count = count;
    return door.ticks;
}

/* While the kernel stands, for `microseconds`, and a busy host lets it look too seldom. */
static void tick_at_least(word_t ticks, word_t microseconds)
{
    ticks += microseconds / (1000000 / DEBUG_TICKS_A_SECOND);
    if (board_clock_is_ours() && (int32_t)(ticks - door.ticks) > 0)
        door.ticks = ticks;
}

static void tick_came(void)
{
    debug_ticks();
    if (!door.tick_seen)
        door.ticks++;
    door.tick_seen = false;
}

/* ---- digest ---- */

static void digest_drop(void)
{
    debug_trace.digest = (struct running_digest){.kept = 0};
}

/* By a walk that bears with anything. A list that it cannot follow has no digest, and is not tried
 * again until the trace is switched on anew. */
static void digest_recompute(void)
{
    struct objwalk *w = view_walk_quiet();
    struct digest d;
    uint32_t slots;
    digest_drop();
    door.digest_tried = true;
    if (!w || objwalk_digest(w, &d, &slots) != ERR_OK)
        return;
    debug_trace.digest = (struct running_digest){.sum = d, .kept = 1};
}

/* ---- ring ---- */

const struct event *debug_ring_entry(word_t seq)
{
    if (seq == 0 || seq > debug_trace.ring.head || debug_trace.ring.head - seq >= DEBUG_RING_EVENTS)
        return NULL;
    const struct event *e = &debug_ring_entries[seq & (DEBUG_RING_EVENTS - 1)];
    return e->seq == seq ? e : NULL;
}

/* Events went by unseen since the last one in the ring. */
static void watch_begin(void)
{
    word_t seq;
    debug_trace.unwatched = 0;
    if (debug_trace.ring.head != 0)
        *debug_ring_take(&seq) = (struct event){.seq = 0};
}

/* The same where the first event after the pause, and the last one in the ring, is e: it moves on
 * to make room. */
static struct event *watch_begin_before(struct event *e)
{
    struct event first = *e;
    debug_trace.ring.head--;
    watch_begin();
    e = debug_ring_take(&first.seq);
    *e = first;
    return e;
}

/* ---- conditions ---- */

static kaddr_t event_cap_object(const struct event *e)
{
    return cap_object((struct cap){{e->cap[0], e->cap[1]}});
}

/* A range of physical addresses may pass the end of the kernel's. */
static bool in_range(const struct break_condition *b, kaddr_t a)
{
    return a != 0 && a - b->object_first <= b->object_last - b->object_first;
}

static bool condition_matches(const struct break_condition *b, const struct event *e)
{
    if (!b->enabled)
        return false;
    if (b->kinds != 0 && !(b->kinds >> (e->kind & 31) & 1))
        return false;
    if (b->slot != 0 && b->slot != e->slot && b->slot != e->src)
        return false;
    if (b->thread != 0 && b->thread != e->thread)
        return false;
    return b->object_last == 0 || in_range(b, event_cap_object(e)) || in_range(b, e->object);
}

static int condition_find(const struct event *e)
{
    int found = NO_CONDITION;
    for (int i = 0; i < BREAK_CONDITIONS; i++) {
        struct break_condition *b = &debug_control.condition[i];
        if (!condition_matches(b, e))
            continue;
        b->hits++;
        if (found == NO_CONDITION)
            found = i;
    }
    return found;
}

/* While a revoke is under way a step is one of its capabilities, also when it was preempted and
 * other threads run in between: between two keys of a person there is always a tick. */
bool debug_counts_as_step(enum event_kind kind)
{
    switch (kind) {
    case EVENT_REVOKE_BEGIN:
    case EVENT_REVOKE_VICTIM:
    case EVENT_REVOKE_END:
        return true;
    default:
        return debug_control.revoke.root == 0;
    }
}

/* A count ends with the revoke that it leads through, however much of it is left: what comes behind is
 * another matter. */
static bool step_is_over(const struct event *e)
{
    bool again = e->kind == EVENT_REVOKE_VICTIM && door.victim_again;
    if (debug_control.step == 0 || again || !debug_counts_as_step((enum event_kind)e->kind))
        return false;
    return --debug_control.step == 0 || e->kind == EVENT_REVOKE_END;
}

static bool finish_is_reached(const struct event *e)
{
    if (!debug_control.finish)
        return false;
    return e->kind == EVENT_REVOKE_END ||
           (e->kind == EVENT_DELETE && e->slot == door.finish_slot && door.finish_slot != 0);
}

static bool ends_thread(enum event_kind kind)
{
    return kind == EVENT_THREAD_SUSPEND || kind == EVENT_DESTROY;
}

/* What a step or `finish` leads through has no end any more: its thread will not go on. */
static bool is_given_up(const struct event *e)
{
    bool deleter = debug_control.finish && door.finish_slot != 0 && e->object == door.deleter &&
                   door.deleter != ks.current && ends_thread((enum event_kind)e->kind);
    bool given_up = door.given_up || deleter;
    door.given_up = false;
    return given_up && (debug_control.step != 0 || debug_control.finish);
}

/* Compares with all that is armed and stops if something matches. */
static void event_compare(const struct event *e)
{
    bool given_up = is_given_up(e);
    bool stepped = step_is_over(e);
    bool finished = finish_is_reached(e);
    int condition = condition_find(e);
    if (!stepped && !finished && !given_up && condition == NO_CONDITION)
        return;
    debug_control.current = *e;
    debug_control.stop_condition = (word_t)condition;
    debug_stop(condition != NO_CONDITION ? STOP_CONDITION
               : finished                ? STOP_FINISH
                                         : STOP_STEP,
               given_up ? "it goes no further, its thread was suspended or is gone" : NULL);
}

/* ---- revoke ---- */

static void revoke_open(kaddr_t root)
{
    door.revoker = ks.current;
    debug_control.revoke.root = root;
    debug_control.revoke.done = 0;
    debug_control.revoke.preempted = 0;
    door.victim = 0;
}

/* A victim that is announced again was interrupted half-way: it is not a new one. */
static void revoke_victim(kaddr_t victim)
{
    door.victim_again = door.victim == victim;
    if (door.victim != 0 && !door.victim_again)
        debug_control.revoke.done++;
    door.victim = victim;
}

/* A victim whose slot is empty is done; one that is not goes on after the interruption. */
static void revoke_settle(void)
{
    struct slot s;
    if (door.victim == 0 || view_read(door.victim, &s, sizeof(s)) != ERR_OK ||
        cap_type(s.cap) != CAP_NULL)
        return;
    debug_control.revoke.done++;
    door.victim = 0;
}

/* Keeps debug_control.revoke. A revoke that begins at the root of one that was preempted is that
 * one going on. Returns the kind the event really has. */
static enum event_kind revoke_track(enum event_kind kind, kaddr_t slot, kaddr_t src)
{
    kaddr_t root = kind == EVENT_REVOKE_VICTIM ? src : slot;
    bool known = debug_control.revoke.root == root;
    if (!known)
        revoke_open(root);
    door.revoke_paused = kind == EVENT_REVOKE_PREEMPTED;
    switch (kind) {
    case EVENT_REVOKE_BEGIN:
        return known ? EVENT_REVOKE_RESUMED : kind;
    case EVENT_REVOKE_PREEMPTED:
        debug_control.revoke.preempted++;
        revoke_settle();
        return kind;
    case EVENT_REVOKE_VICTIM:
        revoke_victim(slot);
        return kind;
    case EVENT_REVOKE_END:
        debug_control.revoke.done += door.victim != 0;
        return kind;
    default:
        return kind;
    }
}

/* Whoever was revoking will not go on. */
static void revoke_abandon(void)
{
    door.revoke_paused = false;
    door.given_up = true;
    debug_control.revoke.root = 0;
}

static bool is_revoke_event(enum event_kind kind)
{
    return kind >= EVENT_REVOKE_BEGIN && kind <= EVENT_REVOKE_END;
}

/* ---- the event ---- */

/* The event in a revoke's account; returns the kind it really has. */
static enum event_kind event_of_revoke(enum event_kind kind, kaddr_t slot, kaddr_t src,
                                       kaddr_t object)
{
    if (is_revoke_event(kind)) {
        kind = revoke_track(kind, slot, src);
        if (kind == EVENT_REVOKE_PREEMPTED && !tcb_is_runnable(kptr(ks.current)))
            revoke_abandon(); /* it has ended its own thread */
        return kind;
    }
    if (object == door.revoker && ends_thread(kind))
        revoke_abandon();
    return kind;
}

/* One that begins to be watched, or may stop the kernel. Nothing is left to be done behind a stop;
 * the empty statement keeps the frame that a debugger then finds innermost. */
void door_told(struct event *e)
{
    if (debug_trace.unwatched)
        e = watch_begin_before(e);
    if (debug_control.armed)
        event_compare(e);
    __asm__ volatile("");
}

void door_event(enum event_kind kind, struct slot *slot, struct slot *src, kaddr_t object,
                word_t detail, struct cap cap)
{
    if (door.revoke_paused || is_revoke_event(kind)) {
        kind = event_of_revoke(kind, kaddr_of(slot), kaddr_of(src), object);
        detail = is_revoke_event(kind) ? debug_control.revoke.done : detail;
    }
    struct event *e = debug_ring_append(kind, slot, src, cap, object, detail);
    if (is_revoke_event(kind) && !debug_trace.unwatched)
        kept_note(e);
    if (debug_trace.unwatched | debug_control.armed)
        door_told(e);
    if (kind == EVENT_REVOKE_END)
        debug_control.revoke.root = 0;
}

/* ---- what depends on debug_control ---- */

static bool any_condition(void)
{
    for (int i = 0; i < BREAK_CONDITIONS; i++)
        if (debug_control.condition[i].enabled)
            return true;
    return false;
}

/* The revoke in progress is known only from events, so it is forgotten when they stop. */
static void watch_end(void)
{
    debug_trace.unwatched = 1;
    door.revoke_paused = false;
    debug_control.revoke.root = 0;
}

void debug_control_changed(void)
{
    debug_control.armed = any_condition() || debug_control.step != 0 || debug_control.finish != 0;
    if (!debug_trace.unwatched && !debug_control.trace && !debug_control.armed)
        watch_end();
    if (!debug_control.trace)
        door.digest_tried = false;
    if (debug_control.trace && !debug_trace.digest.kept && !door.digest_tried)
        digest_recompute();
    if (!debug_control.trace && debug_trace.digest.kept)
        digest_drop();
}

void debug_set_trace(bool on)
{
    if (on && debug_trace.unwatched)
        watch_begin(); /* now, so that a base taken next lies behind the mark of the pause */
    debug_control.trace = on;
    door.digest_tried = false;
    debug_control_changed();
}

/* ---- stopping ---- */

/* A debugger outside puts its breakpoint here; it is executed once for each stop. */
__attribute__((noinline, used)) static void debug_break_here(void)
{
    __asm__ volatile("nop" ::: "memory");
}

bool debug_is_stopped(void)
{
    return debug_control.stopped != 0;
}

bool debug_has_panicked(void)
{
    return door.panicked;
}

enum debug_reason debug_stop_reason(void)
{
    return door.reason;
}

const char *debug_stop_sentence(void)
{
    return door.sentence;
}

void debug_request_halt(void)
{
    door.halt_request = true;
}

/* Not after a panic: nobody may wait for what does not come. */
void debug_resume(void)
{
    door.resume = !door.panicked;
}

void debug_stay(void)
{
    door.resume = false;
}

bool debug_is_busy(void)
{
    return door.busy;
}

bool debug_line_lend(void)
{
    door.line_lent = &gdbstub_port;
    return door.line_lent;
}

void debug_line_return(void)
{
    door.line_lent = false;
}

bool debug_line_is_lent(void)
{
    return door.line_lent;
}

bool debug_will_change(void)
{
    return debug_control.stopped ? door.resume : door.halt_request;
}

/* A program that took the line's interrupt for itself reads the line itself. */
static bool line_is_ours(const struct debug_port *p)
{
    word_t irq = board_serial_irq(p->line);
    return irq >= IRQ_COUNT || ks.irq_state[irq] == IRQ_INACTIVE;
}

/* ---- callbacks, each of which may end in an exception ---- */

static struct {
    const struct debug_port *port;
    uint8_t byte;
    enum debug_reason reason;
    const char *sentence;
    bool idle_broke[PORTS]; /* not asked again until a byte comes */
} call;

static void call_input(void)
{
    call.port->input(call.byte);
}

static void call_idle(void)
{
    call.port->idle();
}

static void call_stopped(void)
{
    call.port->stopped(call.reason, call.sentence);
}

static void call_resumed(void)
{
    call.port->resumed();
}

static void call_failed(void)
{
    call.port->failed(door.broke);
}

/* door_try() says when it begins; an exception inside ends it there. */
extern word_t door_way_back;

bool door_is_trying(void)
{
    return door_way_back != 0;
}

_Noreturn void door_back(void);

void door_give_up(const char *what)
{
    door.broke = what;
    if (door.panicked)
        trap_frame = door.trap;
    else
        trap_frame.r[15] = 0;
    door_back();
}

/* The exception may have taken us off the tables that the kernel was on; what broke may be those.
 */
static void port_call(const struct debug_port *p, void (*callback)(void))
{
    static char text[RESCUE_TEXT];
    call.port = p;
    if (door_try(callback))
        return;
    call.idle_broke[p == &gdbstub_port] |= callback == call_idle;
    door_try(call_failed);
    if (!debug_is_stopped() && !rescue_leave(text))
        kernel_panic(__FILE__, __LINE__, text);
}

static void port_input(const struct debug_port *p)
{
    for (int n = 0; n < POLL_BYTES; n++) {
        int byte = board_serial_get(p->line);
        if (byte < 0)
            return;
        call.idle_broke[p == &gdbstub_port] = false;
        call.byte = (uint8_t)byte;
        port_call(p, call_input);
    }
}

static void ports_serve(bool all)
{
    for (unsigned i = 0; i < PORTS; i++) {
        if (!ports[i])
            continue;
        if (all || line_is_ours(ports[i]))
            port_input(ports[i]);
        if (!call.idle_broke[i])
            port_call(ports[i], call_idle);
    }
}

static void ports_stopped(enum debug_reason reason, const char *sentence)
{
    for (unsigned i = 0; i < PORTS; i++) {
        call.reason = reason;
        call.sentence = sentence;
        if (ports[i])
            port_call(ports[i], call_stopped);
    }
}

static void ports_resumed(void)
{
    for (unsigned i = 0; i < PORTS; i++)
        if (ports[i])
            port_call(ports[i], call_resumed);
}

static bool stop_is_over(void)
{
    bool released = *(volatile word_t *)&debug_control.release != 0;
    return (released || door.resume) && !door.panicked;
}

static void stop_enter(enum debug_reason reason, const char *sentence)
{
    door.busy = true;
    door.reason = reason;
    door.sentence = sentence;
    door.resume = false;
    door.halt_request = false;
    door.panicked |= reason == STOP_PANIC;
    door.trap = trap_frame;
    debug_control.step = 0;
    debug_control.finish = 0;
    debug_control.release = 0;
    if (reason != STOP_CONDITION)
        debug_control.stop_condition = ~(word_t)0;
    debug_control.stopped = 1;
}

static void stop_leave(void)
{
    debug_control.stopped = 0;
    debug_control.release = 0;
    door.halt_request = false;
    door.finish_slot = debug_control.revoke.root == 0 ? debug_control.current.slot : 0;
    door.deleter = debug_control.current.thread;
    door.given_up = false;
    debug_control.current.seq = 0;
    debug_control_changed();
}

/* While the kernel stood anybody may have written to the tables on which it goes on. */
static void stop_serve(void)
{
    static char text[RESCUE_TEXT];
    rescue_enter();
    ports_stopped(door.reason, door.sentence);
    debug_break_here();
    word_t ticks = debug_ticks(), clock = board_clock();
    while (!stop_is_over()) {
        debug_ticks();
        tick_at_least(ticks, board_clock() - clock);
        ports_serve(true);
    }
    if (!rescue_leave(text))
        kernel_panic(__FILE__, __LINE__, text);
    stop_leave();
    ports_resumed();
    door.busy = false;
}

/* The way back leads through debug_context, which a debugger may have changed: nothing that must
 * happen may stand behind the call. */
void debug_stop(enum debug_reason reason, const char *sentence)
{
    stop_enter(reason, sentence);
    debug_context_call(&debug_context, stop_serve);
}

/* After a port had a byte or the time: does somebody want the kernel to stand? */
static void halt_if_asked(void)
{
    if (!door.halt_request)
        return;
    debug_control.current.seq = 0;
    debug_stop(STOP_HALT, NULL);
}

/* ---- hooks ---- */

/* Tells this run of the machine from others.  The word keeps its value through a reset (the loader clears
 * no more than the segments) and has any after power-up; how long this boot took so far tells those apart
 * that begin with cleared memory, as QEMU's do.  The step is one to one and has a long period (Knuth, The Art of Computer Programming
 * 2, 3.2.1.2). */
static word_t next_boot(void)
{
    __attribute__((section(".noinit"))) static word_t kept;
    kept = (kept ^ board_clock()) * 1664525u + 1013904223u;
    arch_cache(CACHE_CLEAN, kaddr_of(&kept), sizeof(kept), kaddr_of(&kept));
    return kept ? kept : 1;
}

void debug_roots(struct kernel_roots *r)
{
    debug_trace.unwatched = 1;
    debug_control.break_address = (kaddr_t)(uintptr_t)&debug_break_here;
    debug_trace.ring.base = kaddr_of(debug_ring_entries);
    debug_trace.ring.capacity = DEBUG_RING_EVENTS;
    r->debug_control = kaddr_of(&debug_control);
    r->event_ring = kaddr_of(&debug_trace.ring);
    r->digest = kaddr_of(&debug_trace.digest);
    r->debug = 1;
    r->boot = next_boot();
    debug_roots_at = kaddr_of(r);
}

void debug_boot(void)
{
    rescue_init();
    for (unsigned i = 0; i < PORTS; i++) {
        if (!ports[i])
            continue;
        ports[i]->init();
        board_serial_irq_enable(ports[i]->line, true);
        board_irq_unmask(board_serial_irq(ports[i]->line));
    }
}

void debug_tick(void)
{
    tick_came();
    rescue_look();
    door.busy = true;
    debug_control_changed();
    ports_serve(false);
    door.busy = false;
    halt_if_asked();
}

bool debug_irq(word_t irq)
{
    for (unsigned i = 0; i < PORTS; i++) {
        const struct debug_port *p = ports[i];
        if (!p || board_serial_irq(p->line) != irq || !line_is_ours(p))
            continue;
        rescue_look();
        door.busy = true;
        port_input(p);
        door.busy = false;
        halt_if_asked();
        return true;
    }
    return false;
}

/* A word has a byte of zero. */
static inline bool word_ends_text(word_t w)
{
    return ((w - 0x01010101u) & ~w & 0x80808080u) != 0;
}

/* The name says whose child it is until somebody gives a better one (ABI sheet 7.1). One Retype may
 * make 256 threads, so the parent's name is copied by words, each of which comes to lie across two:
 * the beginning leaves one byte of its last word. */
void debug_thread_created(struct tcb *t)
{
    enum { PREFIX = 11, LONGEST = TCB_NAME_SIZE - PREFIX - 2, WORDS = LONGEST / 4 };
    static const union {
        char text[PREFIX + 1];
        word_t word[3];
    } prefix = {"child of: '"};
    const char *name = current_thread()->name;
    const word_t *from = (const word_t *)name;
    word_t *to = (word_t *)t->name;
    word_t carry = prefix.word[2];
    word_t i = 0;

    *to++ = prefix.word[0];
    *to++ = prefix.word[1];
    for (; i < WORDS && !word_ends_text(from[i]); i++) {
        *to++ = carry | from[i] << 24;
        carry = from[i] >> 8;
    }
    *to = carry;
    char *end = t->name + PREFIX + 4 * i;
    for (i *= 4; i < LONGEST && name[i] != '\0'; i++)
        *end++ = name[i];
    *end++ = '\'';
    *end = '\0';
    t->generation = ++door.generation;
}
