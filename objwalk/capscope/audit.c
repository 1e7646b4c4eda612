/* The audit: every rule of audit.h, in a fixed number of passes and without memory of its own.
 *
 * What the checks prove.
 *  - The list (LINK, LINK_RANGE, LINK_LOOP, LIST_NULL): each link of the walk is compared with the
 *    one back, so a walk that ends without a finding has seen a circular doubly linked list.
 *  - UNLISTED: each occupied slot in a CNode, TCB, zombie or interrupt must be linked back by both
 *    neighbours, which a slot outside the list can fake only in a ring of its own; the number of
 *    occupied slots must be that of the list, which leaves no room for such a ring.
 *  - CAP_KERNEL, ALIAS: each capability's memory is compared with the kernel's own, and with the
 *    addresses under which the board answers with RAM a second time.
 *  - CHILD_OUTSIDE, OVERLAP: see audit_overlap.c.  WATERMARK compares each child with its parent.
 *  - Queues and threads (QUEUE, THREAD_STATE, BINDING, CURRENT, READY_BITS): see audit_queue.c.
 *    Tables and ASIDs: see audit_table.c.  The kernel's own tables: see audit_kernel.c.
 *  - ROOTS: the roots in memory against those that the walk begins from.
 *  - DIGEST: the running digest against that of the slots. */
#include "objwalk/capscope/audit_state.h"

void audit_report(struct audit *a, enum audit_rule rule, record_word_t addr, record_word_t other,
                  record_word_t value)
{
    if (a->error != ERR_OK)
        return;
    struct record *r = &a->w->record;
    r->kind = RECORD_FINDING;
    r->finding =
        (struct record_finding){.rule = rule, .addr = addr, .other = other, .value = value};
    a->findings++;
    a->error = a->sink(a->ctx, r);
}

bool audit_ok(struct audit *a, enum error e)
{
    struct objwalk *w = a->w;
    if (e == ERR_READ || e == ERR_CORRUPT)
        audit_report(a, (enum audit_rule)w->trouble_rule, objwalk_reference(w, w->trouble), 0, 0);
    else if (e != ERR_OK && a->error == ERR_OK)
        a->error = e;
    return e == ERR_OK && a->error == ERR_OK;
}

/* --- each capability of the list --- */

static bool has_memory(const struct record_slot *r)
{
    return r->bits != 0 && r->type != RECORD_CAP_REPLY;
}

static void check_kernel_image(struct audit *a, const struct record_slot *r)
{
    const struct kernel_roots *roots = &a->w->roots;
    record_word_t last = r->object + (((uint32_t)1 << r->bits) - 1);
    if (has_memory(r) && r->object < roots->kernel_end && last >= roots->kernel_start)
        audit_report(a, AUDIT_CAP_KERNEL, r->addr, r->object, r->bits);
}

/* Whoever holds it has a second name of RAM that belongs to others. */
static void check_alias(struct audit *a, const struct record_slot *r)
{
    paddr_t object = (paddr_t)r->object;
    if (has_memory(r) && objwalk_is_alias(a->w, object, r->bits))
        audit_report(a, AUDIT_ALIAS, r->addr, objwalk_alias_of(a->w, object), r->bits);
}

/* A child of an untyped must lie below its watermark. */
static void check_watermark(struct audit *a, const struct objwalk_cursor *c,
                            const struct record_slot *r)
{
    struct objwalk_cap parent;
    if (a->mid || !has_memory(r) || c->depth == 0 || c->depth == OBJWALK_MAX_DEPTH)
        return;
    a->w->ops->decode(a->w, c->chain[c->depth - 1].cap, &parent);
    if (parent.type != RECORD_CAP_UNTYPED)
        return;
    record_word_t end = r->object - parent.object + ((uint32_t)1 << r->bits);
    if (end > parent.data)
        audit_report(a, AUDIT_WATERMARK, r->addr, objwalk_paddr(a->w, c->chain_addr[c->depth - 1]),
                     end);
}

/* A pending reply capability is somebody's who waits for the reply. */
static void check_reply(struct audit *a, const struct record_slot *r)
{
    struct objwalk_tcb t;
    if (a->mid || r->type != RECORD_CAP_REPLY || (r->flags & RECORD_SLOT_MASTER) != 0)
        return;
    if (!audit_ok(a, a->w->ops->tcb(a->w, objwalk_kaddr(a->w, (paddr_t)r->object), &t)))
        return;
    if (t.state != THREAD_BLOCKED_ON_REPLY)
        audit_report(a, AUDIT_REPLY, r->addr, r->object, t.state);
}

static void check_slot(struct audit *a, const struct objwalk_cursor *c, const struct record_slot *r)
{
    struct objwalk *w = a->w;
    if (c->bad_link)
        audit_report(a, AUDIT_LINK, r->addr, objwalk_reference(w, w->ops->link_prev(&c->raw)), 0);
    if (r->type == RECORD_CAP_NULL)
        audit_report(a, AUDIT_LIST_NULL, r->addr, 0, 0);
    if (r->type == RECORD_CAP_INVALID)
        audit_report(a, AUDIT_CAP_INVALID, r->addr, r->data, r->extra);
    check_kernel_image(a, r);
    check_alias(a, r);
    check_watermark(a, c, r);
    check_reply(a, r);
    audit_overlap_slot(a, c, r);
}

/* The list ends at the sentinel, whose previous link must name the last slot. */
static void check_list_end(struct audit *a, kaddr_t last)
{
    struct objwalk *w = a->w;
    struct slot head;
    kaddr_t at = w->roots.cdt_head;
    if (!audit_ok(a, objwalk_read_object(w, at, SLOT_BITS, &head, sizeof(head))))
        return;
    kaddr_t back = w->ops->link_prev(&head);
    if (back != (last != 0 ? last : at))
        audit_report(a, AUDIT_LINK, objwalk_paddr(w, at), objwalk_reference(w, back), 0);
}

static void audit_list(struct audit *a)
{
    struct objwalk *w = a->w;
    struct objwalk_cursor *c = &w->cursor;
    struct record_slot r;
    enum error e = ERR_OK;
    audit_overlap_begin(a);
    objwalk_cdt_begin(w, c);
    while (a->error == ERR_OK && (e = objwalk_cdt_next(w, c, &r)) == ERR_OK)
        check_slot(a, c, &r);
    a->listed = c->count;
    a->list_ends = e == ERR_NOT_FOUND;
    if (a->list_ends)
        check_list_end(a, c->slot);
    else
        audit_ok(a, e);
}

/* --- each place that holds slots --- */

/* Does the neighbour at `at` name `slot` by the given link? */
static bool names(struct audit *a, kaddr_t at, kaddr_t (*link)(const struct slot *), kaddr_t slot)
{
    struct slot neighbour;
    enum error e = objwalk_read_object(a->w, at, SLOT_BITS, &neighbour, sizeof(neighbour));
    if (e == ERR_CORRUPT)
        return false; /* the link is bad, and that is what UNLISTED will say */
    return audit_ok(a, e) && link(&neighbour) == slot;
}

static void check_contained(struct audit *a, kaddr_t addr, const struct slot *s)
{
    const struct objwalk_ops *ops = a->w->ops;
    if ((s->cap.w[0] | s->cap.w[1]) == 0)
        return;
    a->contained++;
    if (!names(a, ops->link_prev(s), ops->link_next, addr) ||
        !names(a, ops->link_next(s), ops->link_prev, addr))
        audit_report(a, AUDIT_UNLISTED, objwalk_paddr(a->w, addr), 0, 0);
}

/* Looks at `count` slots from `base` on, sixteen at a time, in the space of the mapping cursor. */
static void scan_slots(struct audit *a, kaddr_t base, uint32_t count)
{
    enum { PIECE = OBJWALK_BLOCK_WORDS * sizeof(word_t) / sizeof(struct slot) };
    struct slot piece[PIECE];
    for (uint32_t done = 0; done < count && a->error == ERR_OK; done += PIECE) {
        uint32_t n = count - done < PIECE ? count - done : PIECE;
        kaddr_t at = base + done * (uint32_t)sizeof(struct slot);
        uint32_t bytes = n * (uint32_t)sizeof(struct slot);
        if (!audit_ok(a, objwalk_read_object(a->w, at, SLOT_BITS, piece, bytes)))
            return;
        for (uint32_t i = 0; i < n; i++)
            check_contained(a, at + i * (uint32_t)sizeof(struct slot), &piece[i]);
    }
}

static void audit_object(struct audit *a, const struct objwalk_cap *cap)
{
    const struct objwalk_ops *ops = a->w->ops;
    kaddr_t addr = objwalk_kaddr(a->w, cap->object);
    switch (cap->type) {
    case RECORD_CAP_ZOMBIE:
    case RECORD_CAP_CNODE:
        scan_slots(a, addr,
                   (cap->flags & RECORD_SLOT_TCB_ZOMBIE) != 0
                       ? ops->tcb_slots
                       : (uint32_t)1 << (cap->bits - SLOT_BITS));
        break;
    case RECORD_CAP_TCB:
        scan_slots(a, addr, ops->tcb_slots);
        audit_thread(a, addr);
        break;
    case RECORD_CAP_ENDPOINT:
        audit_endpoint(a, addr);
        break;
    case RECORD_CAP_NOTIFICATION:
        audit_notification(a, addr);
        break;
    default:
        break;
    }
}

/* Every object once: at the first of its capabilities, which stand next to each other. */
static void audit_objects(struct audit *a)
{
    struct objwalk *w = a->w;
    struct objwalk_cursor *c = &w->cursor;
    struct objwalk_cap cap, before = {.type = RECORD_CAP_NULL};
    objwalk_cdt_begin(w, c);
    while (a->error == ERR_OK && objwalk_list_next(w, c) == ERR_OK) {
        w->ops->decode(w, c->raw.cap, &cap);
        if (cap.type != before.type || cap.object != before.object)
            audit_object(a, &cap);
        before = cap;
    }
}

static void audit_kernel_slots(struct audit *a)
{
    scan_slots(a, a->w->roots.irq_slots, a->w->ops->irqs);
    scan_slots(a, a->w->roots.idle_thread, a->w->ops->tcb_slots);
    audit_thread(a, a->w->roots.idle_thread);
}

static void audit_count(struct audit *a)
{
    if (a->list_ends && a->contained != a->listed)
        audit_report(a, AUDIT_UNLISTED, 0, a->listed, a->contained);
}

/* A walker that was opened before somebody wrote to them goes on with what it read then. */
static void audit_roots(struct audit *a)
{
    struct kernel_roots now;
    struct objwalk *w = a->w;
    if (!audit_ok(a, objwalk_read(w, w->roots_addr, &now, sizeof(now))))
        return;
    const word_t *was = (const word_t *)&w->roots, *is = (const word_t *)&now;
    for (uint32_t i = 0; i < sizeof(now) / sizeof(word_t); i++)
        if (was[i] != is[i])
            audit_report(a, AUDIT_ROOTS,
                         objwalk_paddr(w, w->roots_addr) + i * (uint32_t)sizeof(word_t), was[i],
                         is[i]);
}

static void audit_digest(struct audit *a)
{
    struct digest running, walked;
    uint32_t slots;
    enum error e = a->w->ops->running_digest(a->w, &running);
    if (e == ERR_NOT_FOUND || !a->list_ends || !audit_ok(a, e))
        return;
    if (!audit_ok(a, objwalk_digest(a->w, &walked, &slots)))
        return;
    if (running.lane[0] != walked.lane[0] || running.lane[1] != walked.lane[1])
        audit_report(a, AUDIT_DIGEST, 0, running.lane[0], walked.lane[0]);
}

enum error objwalk_audit(struct objwalk *w, objwalk_sink sink, void *ctx, uint32_t *findings)
{
    struct audit a = {.w = w, .sink = sink, .ctx = ctx, .rescans = AUDIT_RESCAN_MAX};
    audit_ok(&a, w->ops->is_mid_operation(w, &a.mid));
    audit_roots(&a);
    audit_list(&a);
    audit_objects(&a);
    audit_kernel_slots(&a);
    audit_count(&a);
    audit_ready_queues(&a);
    audit_kernel_tables(&a);
    audit_tables(&a);
    audit_digest(&a);
    *findings = a.findings;
    return a.error;
}
