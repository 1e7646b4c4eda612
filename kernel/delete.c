/* Delete, revoke, destroy (paper 3.2.2; ABI sheet 9.1, 9.2).
 *
 * Most capabilities go in one bounded step.  The last capability to a CNode or a TCB first becomes
 * a zombie, whose slots are emptied from the last down; `left` in the zombie's words is how far
 * that has come, so an interrupted delete goes on where it stopped, whoever executes it next.
 *
 * A CNode may hold the last capability to another CNode, and so on to any depth.  No stack is
 * needed: below the zombie that is being deleted, the outer one in slot S, one slot of its own, w,
 * is the place of the inner zombie in work, and the zombies that wait for that one are kept in
 * memory that is dying anyway.  When inner zombie N, in w, meets a zombie M in its own slot e,
 * three capabilities trade places,
 *
 *      before                      after
 *      w       N                   w       M      now in work
 *      e (N)   M                   e (N)   x      N will come to it
 *      last(M) x                   last(M) N      excluded from what M still has to empty
 *
 * and when M is empty but for N, M is dropped and N returns to w.  Each zombie is entered once and
 * left once, each step is bounded, and at every step the whole state is in the slots.
 *
 * The outer zombie stays in S, since that is where an interrupted delete is executed again, and
 * since an interrupted revoke finds it below its root there, while what it holds may derive from
 * elsewhere. Everything else is found from it.
 *
 * S itself may lie inside what is being deleted: a CNode that holds its own last capability,
 * directly or through others.  When a zombie in work meets S in its own slots, the outer zombie
 * moves to its own first slot, which is emptied last; w is never that one.
 *
 * Invariant: a zombie's slots from `left` on are empty, except that its last slot may hold a zombie
 * that waits.  Where a revoke comes upon a zombie that was inner to another deletion, the one that
 * waits in it is deleted with it.
 *
 * Relies on: only a last capability becomes a zombie, so there is one zombie for an object and
 * nobody can look a slot up through it; a container has at least two slots. */
#include "kernel/delete.h"
#include "kernel/asid.h"
#include "kernel/cdt.h"
#include "kernel/debug.h"
#include "kernel/endpoint.h"
#include "kernel/irq.h"
#include "kernel/notification.h"
#include "kernel/tcb.h"
#include "kernel/vspace.h"

enum {
    SCAN_SLOTS = 64, /* empty slots passed over in one step, some five instructions each */
    STEP_WORK = 4,   /* units of work in one step: a scan and one deletion */
    VICTIM_WORK = 2, /* units of work in one short deletion of a revoke */
};

/* Units of work in what may be watched: telling it takes a few times as long as doing it. */
static inline word_t work_told(word_t units)
{
    return debug_watches() ? (word_t)PREEMPT_UNITS : units;
}

/* --- one capability --- */

/* Does the object have slots that must be emptied before its last capability may go? */
static inline bool cap_is_long(struct cap c, bool final)
{
    enum cap_type type = cap_type(c);

    return type == CAP_ZOMBIE || (final && (type == CAP_CNODE || type == CAP_TCB));
}

/* A capability goes that is a frame or the last one to its object: takes its mapping, or every
 * reference that the kernel holds to the object, out. PREEMPTED when many threads wait for the
 * object: the capability stays and the deletion is executed again. */
static enum outcome cap_release(struct cap c)
{
    switch (cap_type(c)) {
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        if (frame_asid(c) != 0)
            frame_unmap(c);
        break;
    case CAP_ENDPOINT:
        return endpoint_cancel_all(kptr(cap_object(c)));
    case CAP_NOTIFICATION:
        return notification_cancel_all(kptr(cap_object(c)));
    case CAP_PAGE_TABLE:
        page_table_unmap(c);
        break;
    case CAP_PAGE_DIRECTORY:
        page_directory_destroy(c);
        break;
    case CAP_ASID_POOL:
        asid_pool_destroy(c);
        break;
    case CAP_CONTROL:
        /* Deletes the handler's notification capability in turn, which goes no deeper. */
        if (control_which(c) == CONTROL_IRQ_HANDLER)
            return irq_handler_destroy(control_irq(c));
        break;
    default:
        break;
    }
    return DONE;
}

/* Is there an object that ends with this capability?  Untyped memory stays where it is. */
static inline bool cap_ends_object(struct cap c, bool final)
{
    return final && cap_is_physical(c) && cap_type(c) != CAP_UNTYPED;
}

/* Deletes a capability that is not long. DONE or PREEMPTED. */
static inline enum outcome slot_empty(struct slot *s, bool final)
{
    struct cap c = s->cap;

    if ((final || cap_is_frame(c)) && cap_release(c) == PREEMPTED)
        return PREEMPTED;
    cdt_remove(s, final);
    if (debug_watches() && cap_ends_object(c, final))
        debug_event(EVENT_DESTROY, NULL, NULL, c, cap_object(c), 0);
    return DONE;
}

void slot_delete_now(struct slot *s)
{
    enum outcome outcome;
    bool final;

    if (slot_is_empty(s))
        return;
    final = cdt_is_final(s);
    kernel_assert(!cap_is_long(s->cap, final));
    outcome = slot_empty(s, final);
    kernel_assert(outcome == DONE);
}

bool slot_deletion_is_long(const struct slot *s)
{
    return !slot_is_empty(s) && cap_is_long(s->cap, cdt_is_final(s));
}

/* --- zombies --- */

static inline word_t zombie_slots(struct cap z)
{
    return zombie_is_tcb(z) ? (word_t)TCB_SLOTS : (word_t)1 << zombie_radix(z);
}

static inline struct cap zombie_with_left(struct cap z, word_t left)
{
    return zombie_make(cap_object(z), zombie_is_tcb(z), zombie_radix(z), left);
}

static void zombie_set_left(struct slot *s, word_t left)
{
    struct cap z = zombie_with_left(s->cap, left);

    cdt_update(s, z, EVENT_ZOMBIE, cap_object(z), left);
}

/* A last CNode or TCB capability becomes a zombie; a zombie stays what it is. */
static void zombie_begin(struct slot *s)
{
    struct cap c = s->cap;
    struct cap z;

    if (cap_type(c) == CAP_ZOMBIE)
        return;
    if (cap_type(c) == CAP_TCB) {
        tcb_destroy(kptr(cap_object(c)));
        z = zombie_make(cap_object(c), true, 0, TCB_SLOTS);
    } else {
        z = zombie_make(cap_object(c), false, cnode_radix(c), (word_t)1 << cnode_radix(c));
    }
    cdt_update(s, z, EVENT_ZOMBIE, cap_object(z), zombie_left(z));
}

/* Passes over at most SCAN_SLOTS empty slots from the end, four at a time where it can; returns how
 * many slots are left. */
static word_t zombie_scan(const struct slot *first, word_t left)
{
    const struct slot *stop = first + (left > SCAN_SLOTS ? left - SCAN_SLOTS : 0);
    const struct slot *s = first + left;

    while (s - stop >= 4 &&
           (s[-1].cap.w[0] | s[-2].cap.w[0] | s[-3].cap.w[0] | s[-4].cap.w[0]) == 0)
        s -= 4;
    while (s != stop && s[-1].cap.w[0] == 0)
        s--;
    return (word_t)(s - first);
}

static inline struct slot *zombie_first(const struct slot *s)
{
    return kptr(cap_object(s->cap));
}

static inline struct slot *zombie_last(const struct slot *s)
{
    return zombie_first(s) + zombie_slots(s->cap) - 1;
}

/* A zombie without slots left to empty goes. */
static void zombie_drop(struct slot *s)
{
    struct cap z = s->cap;

    cdt_remove(s, true);
    debug_event(EVENT_DESTROY, NULL, NULL, z, cap_object(z), 0);
}

/* The outer zombie moves to the first of its own slots, what that holds to where the zombie was. */
static void zombie_to_first(struct slot **outer)
{
    struct slot *s = *outer;
    struct slot *first = zombie_first(s);

    if (slot_is_empty(first))
        cdt_move(first, s, s->cap);
    else
        cdt_swap(first, s->cap, s, first->cap);
    *outer = first;
}

/* The inner zombie in w, which has `left` slots left, meets a long capability in its own slot e:
 * that one is worked on first (see the drawing above). */
static void inner_descend(struct slot **outer, struct slot *w, word_t left, struct slot *e)
{
    struct cap waits = zombie_with_left(w->cap, left);
    struct cap inner;
    struct slot *hide;

    zombie_begin(e);
    inner = e->cap;
    hide = zombie_last(e);
    if (hide == *outer) {
        zombie_to_first(outer);
        return;
    }
    if (zombie_left(inner) == zombie_slots(inner))
        inner = zombie_with_left(inner, zombie_slots(inner) - 1);
    if (slot_is_empty(hide)) {
        cdt_move(hide, w, waits);
        cdt_move(w, e, inner);
    } else {
        cdt_swap(w, inner, e, waits);
        cdt_swap(e, hide->cap, hide, waits);
    }
}

/* Deletes what the last of `left` slots holds, which is not long; the zombie in s then has one
 * less. */
static enum outcome zombie_empty_slot(struct slot *s, word_t left)
{
    struct slot *e = zombie_first(s) + left - 1;

    if (!slot_is_empty(e)) {
        if (slot_empty(e, cdt_is_final(e)) == PREEMPTED)
            return PREEMPTED;
        left--;
    }
    zombie_set_left(s, left);
    return DONE;
}

/* One bounded step of the inner zombie in w. */
static enum outcome inner_step(struct slot **outer, struct slot *w)
{
    struct slot *last;
    struct slot *e;
    word_t left;

    zombie_begin(w);
    last = zombie_last(w);
    left = zombie_scan(zombie_first(w), zombie_left(w->cap));
    if (left == 0) {
        zombie_drop(w);
        if (!slot_is_empty(last))
            cdt_move(w, last, last->cap);
        return DONE;
    }
    e = zombie_first(w) + left - 1;
    if (e == *outer) {
        zombie_to_first(outer);
        return DONE;
    }
    if (slot_deletion_is_long(e)) {
        inner_descend(outer, w, left, e);
        return DONE;
    }
    return zombie_empty_slot(w, left);
}

/* How many slots the outer zombie in s has left.  One that was inner to another deletion may have
 * another waiting in its last slot. */
static word_t outer_left(const struct slot *s)
{
    const struct slot *last = zombie_last(s);

    if (last != s && !slot_is_empty(last))
        return zombie_slots(s->cap);
    return zombie_scan(zombie_first(s), zombie_left(s->cap));
}

/* The only slot left, the first, holds a long capability: the second becomes w. */
static void outer_free_first(struct slot *s)
{
    struct slot *first = zombie_first(s);

    cdt_move(first + 1, first, first->cap);
    zombie_set_left(s, 2);
}

/* One bounded step of the zombie in *outer, which is set to the slot where it is afterwards. DONE,
 * or PREEMPTED in the middle of a slot that many threads wait for. */
static enum outcome zombie_step(struct slot **outer)
{
    struct slot *s = *outer;
    struct slot *first = zombie_first(s);
    word_t left = outer_left(s);
    struct slot *e = first + left - 1;

    if (left == 0 || (left == 1 && s == first)) {
        zombie_drop(s);
        return DONE;
    }
    if (e == s) {
        zombie_to_first(outer);
        return DONE;
    }
    if (!slot_deletion_is_long(e))
        return zombie_empty_slot(s, left);
    if (e == first) {
        outer_free_first(s);
        return DONE;
    }
    if (left != zombie_left(s->cap))
        zombie_set_left(s, left);
    return inner_step(outer, e);
}

/* --- delete and revoke --- */

/* Is this the zombie of the very thread that deletes it, and no slot of it long?  That thread can
 * not execute the call again, so the few slots go without a look. */
static bool zombie_ends_caller(const struct slot *s)
{
    struct tcb *t = current_thread();

    return cap_type(s->cap) == CAP_ZOMBIE && zombie_is_tcb(s->cap) &&
           cap_object(s->cap) == kaddr_of(t) && !slot_deletion_is_long(tcb_slot(t, TCB_CSPACE)) &&
           !slot_deletion_is_long(tcb_slot(t, TCB_VSPACE));
}

/* Deletes a capability that is long, in steps. */
static enum outcome slot_delete_long(struct slot *s)
{
    zombie_begin(s);
    do {
        if (zombie_step(&s) == PREEMPTED)
            return PREEMPTED;
        if (slot_is_empty(s))
            return DONE;
    } while (zombie_ends_caller(s) || !preempt_point(work_told(STEP_WORK)));
    return PREEMPTED;
}

enum outcome slot_delete(struct slot *s)
{
    bool final;

    if (slot_is_empty(s))
        return DONE;
    final = cdt_is_final(s);
    if (cap_is_long(s->cap, final))
        return slot_delete_long(s);
    return slot_empty(s, final);
}

/* NULL when there is none.  A victim can be the CNode that held s itself: s may be empty, and then
 * has no REVOCABLE flag, which cdt_is_parent() looks at first. */
static inline struct slot *first_child(const struct slot *s)
{
    struct slot *next = cdt_next(s);

    return cdt_is_parent(s, next) ? next : NULL;
}

enum outcome slot_revoke(struct slot *s)
{
    word_t deleted = 0;
    struct cap root = s->cap;
    struct slot *victim;

    if (slot_is_empty(s))
        return DONE;
    debug_event(EVENT_REVOKE_BEGIN, s, NULL, root, 0, 0);
    while ((victim = first_child(s))) {
        enum outcome outcome;

        debug_event(EVENT_REVOKE_VICTIM, victim, s, victim->cap, 0, deleted);
        outcome = slot_delete(victim);
        if (outcome == DONE)
            deleted++;
        if (outcome == PREEMPTED || preempt_point(work_told(VICTIM_WORK))) {
            debug_event(EVENT_REVOKE_PREEMPTED, s, NULL, root, 0, deleted);
            return PREEMPTED;
        }
    }
    debug_event(EVENT_REVOKE_END, s, NULL, root, 0, deleted);
    return DONE;
}
