/* Delete, revoke, destroy (paper 3.2.2; ABI sheet 9.1, 9.2).
 *
 * Most capabilities go in one bounded step.  The last capability to a CNode or a TCB first becomes
 * a zombie, whose slots are emptied from the last down; `left` in the zombie's words is how far
 * that has come, so an interrupted delete goes on where it stopped, whoever executes it next.
 *
 * A CNode may hold the last capability to another CNode, and so on to any depth.  No stack is
 * needed: the slot that is being deleted always holds the zombie in work, and the zombies that
 * wait for it are kept in memory that is dying anyway.  When zombie N, in slot S, meets a zombie M
 * in its own slot e, three capabilities trade places,
 *
 *      before                      after
 *      S       N                   S       M      now in work
 *      e (N)   M                   e (N)   x      N will come to it
 *      last(M) x                   last(M) N      excluded from what M still has to empty
 *
 * and when M is empty but for N, M is dropped and N returns to S.  Each zombie is entered once and
 * left once, each step is bounded, and at every step the whole state is in the slots.
 *
 * S itself may lie inside what is being deleted (a CNode that holds its own last capability,
 * directly or through others).  When the zombie in work meets itself in its own slots it moves to
 * the first of them, which is emptied last, and the work goes on there; and a CNode around S is not
 * dropped while another zombie waits in it, so that S never outlives the memory it lies in.
 *
 * Invariant: a zombie's slots from `left` on are empty, except that its last slot may hold a
 * zombie.
 *
 * Relies on: only a last capability becomes a zombie, so there is one zombie for an object and
 * nobody can look a slot up through it. */
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
            irq_handler_destroy(control_irq(c));
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
    if (cap_ends_object(c, final))
        debug_event(EVENT_DESTROY, NULL, NULL, c, cap_object(c), 0);
    return DONE;
}

void slot_delete_now(struct slot *s)
{
    bool final;

    if (slot_is_empty(s))
        return;
    final = cdt_is_final(s);
    kernel_assert(!cap_is_long(s->cap, final));
    while (slot_empty(s, final) == PREEMPTED)
        ;
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

/* The zombie in s, which has `left` slots left, meets a long capability in its own slot e: that one
 * is worked on first (see the drawing above).  When the last slot of the inner object is s itself,
 * its first slot takes the outer zombie, which is then met there as any other. */
static void zombie_descend(struct slot *s, word_t left, struct slot *e)
{
    struct cap outer = zombie_with_left(s->cap, left);
    struct cap inner;
    struct slot *first;
    struct slot *hide;

    zombie_begin(e);
    inner = e->cap;
    first = kptr(cap_object(inner));
    hide = first + zombie_slots(inner) - 1;
    if (hide == s) {
        hide = first;
        if (zombie_left(inner) == 0)
            inner = zombie_with_left(inner, 1);
    } else if (zombie_left(inner) == zombie_slots(inner)) {
        inner = zombie_with_left(inner, zombie_slots(inner) - 1);
    }

    if (slot_is_empty(hide)) {
        cdt_move(hide, s, outer);
        cdt_move(s, e, inner);
    } else {
        cdt_swap(s, inner, e, outer);
        cdt_swap(e, hide->cap, hide, outer);
    }
}

/* The zombie in s has no slots left to empty: it goes, and s takes the zombie that waits in its
 * last slot.  That one goes first when s lies in the object itself. */
static void zombie_finish(struct slot *s)
{
    struct cap z = s->cap;
    struct slot *first = kptr(cap_object(z));
    struct slot *last = first + zombie_slots(z) - 1;
    bool inside = s >= first && s <= last;

    if (inside && last != s && !slot_is_empty(last)) {
        zombie_set_left(s, zombie_slots(z));
        return;
    }
    cdt_remove(s, true);
    debug_event(EVENT_DESTROY, NULL, NULL, z, cap_object(z), 0);
    if (last != s && !slot_is_empty(last))
        cdt_move(s, last, last->cap);
}

/* The zombie in s, one of its own slots, trades places with the first of them; returns its new
 * slot. */
static struct slot *zombie_to_first(struct slot *s, struct slot *first)
{
    if (slot_is_empty(first))
        cdt_move(first, s, s->cap);
    else
        cdt_swap(first, s->cap, s, first->cap);
    return first;
}

/* One bounded step of the zombie in *s, which is set to the slot where the work goes on. DONE, or
 * PREEMPTED in the middle of a slot that many threads wait for. */
static enum outcome zombie_step(struct slot **s)
{
    struct slot *first = kptr(cap_object((*s)->cap));
    word_t left = zombie_scan(first, zombie_left((*s)->cap));
    struct slot *e;

    if (left == 0 || (left == 1 && *s == first)) {
        zombie_finish(*s);
        return DONE;
    }
    e = first + left - 1;
    if (e == *s) {
        *s = zombie_to_first(e, first);
        return DONE;
    }
    if (slot_deletion_is_long(e)) {
        zombie_descend(*s, left, e);
        return DONE;
    }
    if (!slot_is_empty(e)) {
        if (slot_empty(e, cdt_is_final(e)) == PREEMPTED)
            return PREEMPTED;
        left--;
    }
    zombie_set_left(*s, left);
    return DONE;
}

/* --- delete and revoke --- */

/* Deletes a capability that is long, in steps. */
static enum outcome slot_delete_long(struct slot *s)
{
    zombie_begin(s);
    do {
        if (zombie_step(&s) == PREEMPTED)
            return PREEMPTED;
        if (slot_is_empty(s))
            return DONE;
    } while (!preempt_point(STEP_WORK));
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
    while ((victim = first_child(s)) != NULL) {
        enum outcome outcome;

        debug_event(EVENT_REVOKE_VICTIM, victim, s, victim->cap, 0, deleted);
        outcome = slot_delete(victim);
        if (outcome == DONE)
            deleted++;
        if (outcome == PREEMPTED || preempt_point(VICTIM_WORK)) {
            debug_event(EVENT_REVOKE_PREEMPTED, s, NULL, root, 0, deleted);
            return PREEMPTED;
        }
    }
    debug_event(EVENT_REVOKE_END, s, NULL, root, 0, deleted);
    return DONE;
}
