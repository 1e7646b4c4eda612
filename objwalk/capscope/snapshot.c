/* The whole state as records, in the order record/record.h lays down.
 *
 * Objects are found through the derivation list alone: capabilities to one object stand next to
 * each other in it, so the first one is where the object differs from the slot before.  One pass
 * emits the slots and notes, for each kind of object that has records of its own, where the first
 * is and how many there are; a pass for each kind then goes from there until it has seen all.
 *
 * An unreadable or senseless place costs a FINDING and END says so; only the sink and a lost
 * connection end the walk. */
#include "objwalk/capscope/snapshot.h"

#include "layout/roots.h"

/* Sends w->record out. */
static enum error emit(struct snapshot *s, enum record_kind kind)
{
    s->w->record.kind = kind;
    s->end.records++;
    return s->sink(s->ctx, &s->w->record);
}

/* Is it new? Remembers it: walk and audit, and a walk from two sides, meet the same trouble. */
static bool is_news(struct snapshot *s, const struct record_finding *f)
{
    struct audit_told *told = &s->w->audit.told;
    for (uint32_t i = 0; i < told->count; i++)
        if (told->what[i].rule == f->rule && told->what[i].addr == f->addr &&
            told->what[i].other == f->other)
            return false;
    if (told->count < AUDIT_TOLD)
        told->what[told->count++] = *f;
    return true;
}

static enum error emit_news(struct snapshot *s)
{
    return is_news(s, &s->w->record.finding) ? emit(s, RECORD_FINDING) : ERR_OK;
}

static enum error emit_finding(struct snapshot *s, enum audit_rule rule, kaddr_t addr,
                               kaddr_t other)
{
    s->w->record.finding = (struct record_finding){
        .rule = rule,
        .addr = objwalk_reference(s->w, addr),
        .other = objwalk_reference(s->w, other),
    };
    return emit_news(s);
}

/* An error of the walk: what the memory is to blame for becomes a finding, the rest goes up. */
enum error snapshot_tolerate(struct snapshot *s, enum error e)
{
    if (e != ERR_READ && e != ERR_CORRUPT)
        return e;
    s->end.complete = 0;
    return emit_finding(s, (enum audit_rule)s->w->trouble_rule, s->w->trouble, 0);
}

/* Queues that disagree with themselves make no state incomplete, but are told. */
static enum error tell_queue(struct snapshot *s, enum error e, kaddr_t object)
{
    if (e != ERR_OK)
        return snapshot_tolerate(s, e);
    return emit_finding(s, AUDIT_QUEUE, object, s->w->trouble);
}

/* --- begin --- */

static void take_text(struct record_string *out, const char *text, uint32_t size)
{
    uint8_t n = 0;
    for (; n < size && text[n] != '\0'; n++)
        out->bytes[n] = text[n];
    out->bytes[n] = '\0';
    out->length = n;
}

enum error snapshot_begin(struct snapshot *s, uint32_t format)
{
    struct objwalk *w = s->w;
    struct record_snapshot *r = &w->record.snapshot;
    w->audit.told.count = 0;
    uint32_t seq = 0, ticks = 0;
    paddr_t root_thread = 0;
    enum error e = w->ops->progress(w, &seq, &ticks);
    if (e == ERR_OK)
        e = w->ops->root_thread(w, &root_thread);
    *r = (struct record_snapshot){
        .format = format,
        .kernel = w->ops->kernel,
        .layout = w->roots.layout,
        .seq = seq,
        .ticks = ticks,
        .stopped = s->how != SNAPSHOT_MOVING,
        .debug = w->roots.debug,
        .phys_offset = w->roots.phys_offset,
        .ram_base = w->roots.ram_base,
        .ram_size = w->roots.ram_size,
        .kernel_start = w->roots.kernel_start,
        .kernel_end = w->roots.kernel_end,
        .word_bits = sizeof(word_t) * 8,
        .slot_bits = SLOT_BITS,
        .architecture = RECORD_ARCHITECTURE_ARM,
        .nodes = 1,
        .root_thread = root_thread,
        .boot = w->roots.boot,
    };
    take_text(&r->board, w->roots.board, sizeof(w->roots.board));
    take_text(&r->build, w->roots.build, sizeof(w->roots.build));
    if (e != ERR_OK && e != ERR_READ)
        return e;
    enum error sent = emit(s, RECORD_SNAPSHOT);
    return sent == ERR_OK ? snapshot_tolerate(s, e) : sent;
}

/* --- slots --- */

static enum span_kind span_of(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_TCB:
        return SPAN_THREAD;
    case RECORD_CAP_ENDPOINT:
        return SPAN_ENDPOINT;
    case RECORD_CAP_NOTIFICATION:
        return SPAN_NOTIFICATION;
    case RECORD_CAP_PAGE_DIRECTORY:
        return SPAN_DIRECTORY;
    default:
        return SPANS;
    }
}

static void note_object(struct snapshot *s, uint32_t type, kaddr_t slot)
{
    enum span_kind kind = span_of(type);
    if (kind == SPANS)
        return;
    if (s->span[kind].objects++ == 0)
        s->span[kind].first = slot;
}

/* Told with the state, since a recording has no memory to audit. */
static enum error tell_alias(struct snapshot *s, kaddr_t slot, paddr_t object, uint32_t bits)
{
    s->w->record.finding = (struct record_finding){
        .rule = AUDIT_ALIAS,
        .addr = objwalk_paddr(s->w, slot),
        .other = objwalk_alias_of(s->w, object),
        .value = bits,
    };
    return emit_news(s);
}

static enum error emit_slot(struct snapshot *s, const struct objwalk_cursor *c)
{
    const struct record_slot *r = &s->w->record.slot;
    bool empty = r->type == RECORD_CAP_NULL;
    bool memory = r->bits != 0 && r->type != RECORD_CAP_REPLY;
    paddr_t object = (paddr_t)r->object;
    uint32_t bits = r->bits;
    bool alias = memory && objwalk_is_alias(s->w, object, bits);
    s->w->ops->digest(&s->digest, c->slot, &c->raw);
    s->end.slots++;
    enum error e = emit(s, RECORD_SLOT);
    if (e == ERR_OK && c->bad_link)
        e = emit_finding(s, AUDIT_LINK, c->slot, s->w->ops->link_prev(&c->raw));
    if (e == ERR_OK && empty)
        e = emit_finding(s, AUDIT_LIST_NULL, c->slot, 0);
    if (e == ERR_OK && alias)
        e = tell_alias(s, c->slot, object, bits);
    if (c->bad_link || empty)
        s->end.complete = 0;
    return e;
}

static enum error emit_slots(struct snapshot *s)
{
    struct objwalk *w = s->w;
    struct objwalk_cursor *c = &w->cursor;
    uint32_t type = RECORD_CAP_NULL;
    record_word_t object = 0;
    enum error e;
    objwalk_cdt_begin(w, c);
    while ((e = objwalk_cdt_next(w, c, &w->record.slot)) == ERR_OK) {
        const struct record_slot *r = &w->record.slot;
        if (r->type != type || r->object != object)
            note_object(s, r->type, c->slot);
        type = r->type;
        object = r->object;
        e = emit_slot(s, c);
        if (e != ERR_OK)
            return e;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : snapshot_tolerate(s, e);
}

/* --- objects --- */

static enum error emit_thread(struct snapshot *s, kaddr_t tcb, const struct objwalk_cap *cap)
{
    struct objwalk *w = s->w;
    struct record_thread *r = &w->record.thread;
    struct objwalk_tcb t;
    (void)cap;
    enum error e = w->ops->thread(w, tcb, r);
    if (e == ERR_OK)
        e = w->ops->tcb(w, tcb, &t);
    if (e != ERR_OK)
        return snapshot_tolerate(s, e);
    if (t.queued == 1) {
        s->ready++;
        s->highest = t.priority > s->highest ? t.priority : s->highest;
    }
    bool consistent = objwalk_queue_position(w, tcb, &r->position, &e);
    kaddr_t waits_for = t.blocked_on;
    s->end.threads++;
    enum error sent = emit(s, RECORD_THREAD);
    return sent != ERR_OK || consistent ? sent : tell_queue(s, e, waits_for);
}

static enum error emit_endpoint(struct snapshot *s, kaddr_t addr, const struct objwalk_cap *cap)
{
    struct objwalk *w = s->w;
    struct objwalk_queue q;
    (void)cap;
    enum error e = w->ops->endpoint(w, addr, &q);
    if (e != ERR_OK)
        return snapshot_tolerate(s, e);
    w->record.endpoint = (struct record_endpoint){
        .addr = objwalk_paddr(w, addr),
        .state = q.state,
    };
    bool consistent = objwalk_queue_length(w, &q, &w->record.endpoint.waiters, &e);
    enum error sent = emit(s, RECORD_ENDPOINT);
    return sent != ERR_OK || consistent ? sent : tell_queue(s, e, addr);
}

static enum error emit_notification(struct snapshot *s, kaddr_t addr, const struct objwalk_cap *cap)
{
    struct objwalk *w = s->w;
    struct objwalk_queue q;
    (void)cap;
    enum error e = w->ops->notification(w, addr, &q);
    if (e != ERR_OK)
        return snapshot_tolerate(s, e);
    w->record.notification = (struct record_notification){
        .addr = objwalk_paddr(w, addr),
        .state = q.state,
        .word = q.state == NOTIFICATION_ACTIVE ? q.word : 0,
        .bound = objwalk_reference(w, q.bound),
    };
    bool consistent = objwalk_queue_length(w, &q, &w->record.notification.waiters, &e);
    enum error sent = emit(s, RECORD_NOTIFICATION);
    return sent != ERR_OK || consistent ? sent : tell_queue(s, e, addr);
}

static enum error emit_mappings(struct snapshot *s, kaddr_t dir, const struct objwalk_cap *cap)
{
    struct objwalk *w = s->w;
    objwalk_mapping_begin(&w->mapping, dir, cap->extra);
    w->mapping.direct = s->direct;
    for (;;) {
        enum error e = objwalk_mapping_next(w, &w->mapping, &w->record.mapping);
        if (e == ERR_NOT_FOUND)
            return ERR_OK;
        if (e == ERR_OK) {
            s->end.mappings++;
            e = emit(s, RECORD_MAPPING);
        } else {
            e = snapshot_tolerate(s, e);
        }
        if (e != ERR_OK)
            return e;
    }
}

const snapshot_emit_object snapshot_emit[SPANS] = {
    [SPAN_THREAD] = emit_thread,
    [SPAN_ENDPOINT] = emit_endpoint,
    [SPAN_NOTIFICATION] = emit_notification,
    [SPAN_DIRECTORY] = emit_mappings,
};

/* Calls `each` for every object of one kind, in list order. */
static enum error for_each_object(struct snapshot *s, enum span_kind kind)
{
    struct objwalk *w = s->w;
    struct objwalk_cursor *c = &w->cursor;
    struct objwalk_cap cap;
    uint32_t left = s->span[kind].objects, type = RECORD_CAP_NULL, object = 0;
    if (left == 0)
        return ERR_OK;
    enum error e = objwalk_list_at(w, c, s->span[kind].first);
    for (; e == ERR_OK; e = objwalk_list_next(w, c)) {
        w->ops->decode(w, c->raw.cap, &cap);
        if (span_of(cap.type) == kind && (cap.type != type || cap.object != object)) {
            e = snapshot_emit[kind](s, objwalk_kaddr(w, cap.object), &cap);
            if (e != ERR_OK || --left == 0)
                return e;
        }
        type = cap.type;
        object = cap.object;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : snapshot_tolerate(s, e);
}

enum error snapshot_objects(struct snapshot *s, snapshot_each each)
{
    for (unsigned kind = 0; kind < SPANS; kind++) {
        enum error e = each(s, (enum span_kind)kind);
        if (e == ERR_OK && kind == SPAN_THREAD)
            e = emit_thread(s, s->w->roots.idle_thread, NULL);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

/* --- the kernel's own --- */

static enum error emit_irqs(struct snapshot *s)
{
    struct objwalk *w = s->w;
    for (uint32_t irq = 0; irq < w->ops->irqs; irq++) {
        uint32_t state;
        kaddr_t slot;
        enum error e = w->ops->irq(w, irq, &state, &slot);
        if (e != ERR_OK) {
            e = snapshot_tolerate(s, e);
        } else if (state != IRQ_INACTIVE) {
            w->record.irq =
                (struct record_irq){.irq = irq, .state = state, .slot = objwalk_paddr(w, slot)};
            e = emit(s, RECORD_IRQ);
        }
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

static enum error emit_sched(struct snapshot *s)
{
    kaddr_t current = 0;
    enum error e = s->w->ops->current(s->w, &current);
    if (e != ERR_OK)
        e = snapshot_tolerate(s, e);
    if (e != ERR_OK)
        return e;
    s->w->record.sched = (struct record_sched){
        .current = objwalk_reference(s->w, current),
        .ready = s->ready,
        .highest = s->highest,
    };
    return emit(s, RECORD_SCHED);
}

/* Counts what is left below the root; the first of it goes next. */
static enum error count_victims(struct objwalk *w, kaddr_t root, struct record_revoke *out)
{
    struct objwalk_cursor *c = &w->cursor;
    enum error e = objwalk_list_at(w, c, root);
    struct slot parent = c->raw;
    while (e == ERR_OK && (e = objwalk_list_next(w, c)) == ERR_OK) {
        if (!w->ops->is_parent(&parent, &c->raw))
            break;
        if (out->left++ == 0)
            out->victim = objwalk_paddr(w, c->slot);
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum error emit_revoke(struct snapshot *s)
{
    struct record_revoke revoke;
    kaddr_t root;
    enum error e = s->w->ops->revoke(s->w, &revoke, &root);
    if (e == ERR_OK && root == 0)
        return ERR_OK;
    if (e == ERR_OK)
        e = count_victims(s->w, root, &revoke);
    if (e != ERR_OK)
        return snapshot_tolerate(s, e);
    s->w->record.revoke = revoke;
    return emit(s, RECORD_REVOKE);
}

/* --- what an audit finds --- */

static enum error audit_found(void *ctx, const struct record *r)
{
    struct snapshot *s = ctx;
    if (!is_news(s, &r->finding))
        return ERR_OK;
    s->audited++;
    return s->audited > SNAPSHOT_FINDINGS ? ERR_OK : emit(s, RECORD_FINDING);
}

static enum error emit_audit(struct snapshot *s)
{
    uint32_t all;
    if (s->how != SNAPSHOT_AUDITED)
        return ERR_OK;
    enum error e = objwalk_audit(s->w, audit_found, s, &all);
    if (e != ERR_OK || s->audited <= SNAPSHOT_FINDINGS)
        return e;
    s->w->record.finding =
        (struct record_finding){.rule = AUDIT_MORE, .value = s->audited - SNAPSHOT_FINDINGS};
    return emit(s, RECORD_FINDING);
}

static enum error emit_end(struct snapshot *s)
{
    s->end.digest0 = s->digest.lane[0];
    s->end.digest1 = s->digest.lane[1];
    s->end.sentinel = objwalk_reference(s->w, s->w->roots.cdt_head);
    s->w->record.end = s->end;
    s->w->record.end.records++;
    return emit(s, RECORD_END);
}

enum error snapshot_finish(struct snapshot *s)
{
    enum error e = emit_irqs(s);
    if (e == ERR_OK)
        e = emit_sched(s);
    if (e == ERR_OK)
        e = emit_revoke(s);
    if (e == ERR_OK)
        e = emit_audit(s);
    return e == ERR_OK ? emit_end(s) : e;
}

enum error objwalk_snapshot(struct objwalk *w, enum snapshot_how how, objwalk_sink sink, void *ctx)
{
    struct snapshot s = {.w = w, .sink = sink, .ctx = ctx, .how = how, .end = {.complete = 1}};
    enum error e = snapshot_begin(&s, RECORD_FORMAT);
    if (e == ERR_OK)
        e = emit_slots(&s);
    if (e == ERR_OK)
        e = snapshot_objects(&s, for_each_object);
    return e == ERR_OK ? snapshot_finish(&s) : e;
}
