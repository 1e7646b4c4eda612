/* Roots, the derivation list, queues, digest, single objects and events.
 *
 * How the list walk ends.  Each step checks the address and compares the previous link with where
 * it came from.  A link that disagrees is noted and the walk goes on, since the rest of the list is
 * what an engineer wants to see; but a walk that comes back to the last disagreeing slot, or meets
 * too many of them, has entered a loop.  A loop that does not include the sentinel is entered at a
 * slot with two predecessors, one of which must disagree, so every loop is found on its second
 * round or by the count. */
#include "objwalk/capscope/layout.h"
#include "objwalk/capscope/rebuild.h"

enum {
    SCAN_PIECE = 512,     /* bytes of RAM looked at in one read */
    MAX_MISMATCHES = 16,  /* disagreeing links after which the list is given up */
    ROOTS_HEAD_WORDS = 5, /* magic, version, layout, size */
};

enum error objwalk_read(struct objwalk *w, kaddr_t addr, void *buf, uint32_t len)
{
    enum error e = memview_read(w->view, addr, buf, len);
    return e == ERR_OK ? e : objwalk_fail(w, e, AUDIT_UNREADABLE, addr);
}

enum error objwalk_read_object(struct objwalk *w, kaddr_t addr, unsigned bits, void *buf,
                               uint32_t len)
{
    if ((addr & ((1u << bits) - 1)) != 0 || !objwalk_in_ram(w, addr, len))
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_UNREADABLE, addr);
    return buf ? objwalk_read(w, addr, buf, len) : ERR_OK;
}

/* --- roots --- */

/* Words at the beginning of kernel_roots. */
enum { WORD_VERSION = 2, WORD_SIZE = 4, VERSION_MAX = 999, SIZE_MAX_WORDS = 1024 };

/* Code that compares with the magic may hold it as a constant; roots, of whatever version, have a
 * small number and a sensible size behind it. */
static bool is_roots_head(const word_t *head)
{
    word_t size = head[WORD_SIZE];
    return head[WORD_VERSION] <= VERSION_MAX && size % sizeof(word_t) == 0 &&
           size >= ROOTS_HEAD_WORDS * sizeof(word_t) && size <= SIZE_MAX_WORDS * sizeof(word_t);
}

/* Looks at a piece of RAM. `*found` is the first place with the magic, unless there was one before;
 * true ends the search. */
static bool scan_piece(const word_t *piece, kaddr_t start, kaddr_t *found)
{
    for (uint32_t at = 0; at < SCAN_PIECE; at += ROOTS_ALIGN) {
        const word_t *head = &piece[at / sizeof(word_t)];
        if (head[0] != ROOTS_MAGIC_0 || head[1] != ROOTS_MAGIC_1)
            continue;
        if (*found == 0 || is_roots_head(head))
            *found = start + at;
        if (is_roots_head(head))
            return true;
    }
    return false;
}

enum error objwalk_find_roots(const struct memview *view, paddr_t base, kaddr_t *found)
{
    word_t piece[SCAN_PIECE / sizeof(word_t)];
    kaddr_t start = kaddr_from_paddr(base), first = 0;
    enum error failure = ERR_NO_ROOTS;
    for (uint32_t at = 0; at < ROOTS_SCAN_BYTES; at += SCAN_PIECE) {
        enum error e = memview_read(view, start + at, piece, sizeof(piece));
        if (e != ERR_OK && e != ERR_READ)
            return e;
        if (e == ERR_READ)
            failure = e;
        else if (scan_piece(piece, start + at, &first))
            break;
    }
    if (first == 0)
        return failure;
    *found = first;
    return ERR_OK;
}

enum error objwalk_probe_roots(const struct memview *view, paddr_t base, kaddr_t *found)
{
    word_t head[ROOTS_HEAD_WORDS];
    kaddr_t start = kaddr_from_paddr(base);
    for (uint32_t at = 0; at < ROOTS_SCAN_BYTES; at += ROOTS_PAGE) {
        enum error e = memview_read(view, start + at, head, sizeof(head));
        if (e != ERR_OK)
            return e;
        if (head[0] != ROOTS_MAGIC_0 || head[1] != ROOTS_MAGIC_1 || !is_roots_head(head))
            continue;
        *found = start + at;
        return ERR_OK;
    }
    return ERR_NO_ROOTS;
}

static enum error check_roots(const struct kernel_roots *r)
{
    if (r->magic[0] != ROOTS_MAGIC_0 || r->magic[1] != ROOTS_MAGIC_1)
        return ERR_NO_ROOTS;
    if (r->version != ROOTS_VERSION)
        return ERR_VERSION;
    return r->layout != LAYOUT_HASH || r->size != sizeof(*r) ? ERR_LAYOUT : ERR_OK;
}

enum error objwalk_open(struct objwalk *w, const struct memview *view, kaddr_t roots_addr)
{
    w->view = view;
    w->ops = &objwalk_capscope;
    w->roots_addr = roots_addr;
    w->roots = (struct kernel_roots){.version = 0};
    w->trouble = 0;
    w->trouble_rule = 0;
    /* The head first: a kernel of another version may have shorter roots. */
    enum error e = objwalk_read(w, roots_addr, &w->roots, ROOTS_HEAD_WORDS * sizeof(word_t));
    if (e == ERR_OK)
        e = check_roots(&w->roots);
    if (e == ERR_OK)
        e = objwalk_read(w, roots_addr, &w->roots, sizeof(w->roots));
    if (e == ERR_OK && roots_sum(&w->roots) != 0)
        e = ERR_CORRUPT;
    if (e != ERR_OK)
        w->trouble = roots_addr;
    return e;
}

/* --- the derivation list --- */

void objwalk_cdt_begin(struct objwalk *w, struct objwalk_cursor *c)
{
    (void)w;
    c->slot = 0;
    c->depth = 0;
    c->count = 0;
    c->bad_link = false;
    c->mismatches = 0;
    c->mismatch = 0;
}

enum error objwalk_list_at(struct objwalk *w, struct objwalk_cursor *c, kaddr_t slot)
{
    objwalk_cdt_begin(w, c);
    enum error e = objwalk_read_object(w, slot, SLOT_BITS, &c->raw, sizeof(c->raw));
    if (e == ERR_OK)
        c->slot = slot;
    return e;
}

/* Compares the previous link of the slot just entered with where the walk came from. */
static enum error check_link(struct objwalk *w, struct objwalk_cursor *c, kaddr_t slot,
                             kaddr_t came_from)
{
    if (slot == c->mismatch)
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_LINK_LOOP, slot);
    c->bad_link = w->ops->link_prev(&c->raw) != came_from;
    if (!c->bad_link)
        return ERR_OK;
    c->mismatch = slot;
    if (++c->mismatches > MAX_MISMATCHES)
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_LINK_LOOP, slot);
    return ERR_OK;
}

enum error objwalk_list_next(struct objwalk *w, struct objwalk_cursor *c)
{
    kaddr_t head = w->roots.cdt_head;
    kaddr_t from = c->slot;
    if (from == 0) {
        enum error e = objwalk_read_object(w, head, SLOT_BITS, &c->raw, sizeof(c->raw));
        if (e != ERR_OK)
            return e;
        from = head;
    }
    kaddr_t next = w->ops->link_next(&c->raw);
    if (next == head)
        return ERR_NOT_FOUND;
    if (c->count >= OBJWALK_MAX_SLOTS)
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_LINK_LOOP, next);
    if (!objwalk_in_ram(w, next, sizeof(struct slot)))
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_LINK_RANGE, from);
    enum error e = objwalk_read(w, next, &c->raw, sizeof(c->raw));
    if (e == ERR_OK)
        e = check_link(w, c, next, from);
    if (e != ERR_OK)
        return e;
    c->slot = next;
    c->count++;
    return ERR_OK;
}

static void fill_slot(const struct objwalk *w, kaddr_t addr, const struct slot *raw,
                      struct record_slot *out)
{
    struct objwalk_cap cap;
    w->ops->decode(w, raw->cap, &cap);
    out->addr = objwalk_paddr(w, addr);
    out->depth = 0;
    out->type = cap.type;
    out->object = cap.object;
    out->bits = cap.bits;
    out->rights = cap.rights;
    out->flags = cap.flags | w->ops->link_flags(raw);
    out->data = cap.data;
    out->extra = cap.extra;
    out->level = 0;
    out->place = 0;
}

/* The slot that was left may be the parent of the one that was entered: only originals have
 * children, so only they are kept. */
static void chain_push(struct objwalk *w, struct objwalk_cursor *c, kaddr_t slot,
                       const struct slot *raw)
{
    if ((w->ops->link_flags(raw) & RECORD_SLOT_REVOCABLE) == 0 || c->depth >= OBJWALK_MAX_DEPTH)
        return;
    c->chain[c->depth] = *raw;
    c->chain_addr[c->depth] = slot;
    c->depth++;
}

static void enter(struct objwalk *w, struct objwalk_cursor *c, kaddr_t left_addr,
                  const struct slot *left, struct record_slot *out)
{
    if (left_addr != 0)
        chain_push(w, c, left_addr, left);
    while (c->depth > 0 && !w->ops->is_parent(&c->chain[c->depth - 1], &c->raw))
        c->depth--;
    fill_slot(w, c->slot, &c->raw, out);
    out->depth = c->depth;
    if (c->depth == OBJWALK_MAX_DEPTH)
        out->flags |= RECORD_SLOT_DEEP;
}

enum error objwalk_cdt_next(struct objwalk *w, struct objwalk_cursor *c, struct record_slot *out)
{
    struct slot left = c->raw;
    kaddr_t left_addr = c->slot;
    enum error e = objwalk_list_next(w, c);
    if (e == ERR_OK)
        enter(w, c, left_addr, &left, out);
    return e;
}

void objwalk_cdt_put(struct objwalk *w, struct objwalk_cursor *c, kaddr_t slot,
                     const struct slot *raw, struct record_slot *out)
{
    struct slot left = c->raw;
    kaddr_t left_addr = c->slot;
    c->slot = slot;
    c->raw = *raw;
    c->count++;
    enter(w, c, left_addr, &left, out);
}

enum error objwalk_digest(struct objwalk *w, struct digest *out, uint32_t *slots)
{
    struct digest d = {{0, 0}};
    enum error e;
    objwalk_cdt_begin(w, &w->cursor);
    while ((e = objwalk_list_next(w, &w->cursor)) == ERR_OK)
        w->ops->digest(&d, w->cursor.slot, &w->cursor.raw);
    if (e != ERR_NOT_FOUND)
        return e;
    *out = d;
    *slots = w->cursor.count;
    return ERR_OK;
}

/* --- queues --- */

bool objwalk_queue_length(struct objwalk *w, const struct objwalk_queue *q, uint32_t *waiters,
                          enum error *e)
{
    struct objwalk_tcb t;
    kaddr_t before = 0, at = q->head;
    *waiters = 0;
    for (*e = ERR_OK; at != 0; before = at, at = t.queue_next) {
        *e = w->ops->tcb(w, at, &t);
        if (*e != ERR_OK || t.queue_prev != before || *waiters >= objwalk_max_threads(w))
            break;
        (*waiters)++;
    }
    if (at == 0 && before == q->tail)
        return true;
    if (*e == ERR_OK)
        objwalk_fail(w, ERR_OK, AUDIT_QUEUE, at != 0 ? at : before);
    return false;
}

static enum error queue_of_thread(struct objwalk *w, const struct objwalk_tcb *t,
                                  struct objwalk_queue *q)
{
    return t->state == THREAD_BLOCKED_ON_NOTIFICATION ? w->ops->notification(w, t->blocked_on, q)
                                                      : w->ops->endpoint(w, t->blocked_on, q);
}

/* Walks from the thread towards the head. Each step checks that the link forwards agrees, so the
 * walk is along a list and cannot come back to where it was but to the thread itself; the count
 * bounds that too. */
bool objwalk_queue_position(struct objwalk *w, kaddr_t tcb, uint32_t *position, enum error *e)
{
    struct objwalk_tcb t;
    struct objwalk_queue q;
    kaddr_t at = tcb;
    uint32_t place = 1;
    *position = 0;
    *e = w->ops->tcb(w, tcb, &t);
    if (*e != ERR_OK || !objwalk_state_is_queued(t.state))
        return *e == ERR_OK;
    *e = queue_of_thread(w, &t, &q);
    for (; *e == ERR_OK && t.queue_prev != 0; place++) {
        kaddr_t after = at;
        at = t.queue_prev;
        *e = w->ops->tcb(w, at, &t);
        if (*e == ERR_OK && (t.queue_next != after || place >= objwalk_max_threads(w)))
            break;
    }
    if (*e == ERR_OK && (t.queue_prev != 0 || q.head != at))
        objwalk_fail(w, ERR_OK, AUDIT_QUEUE, tcb);
    else if (*e == ERR_OK)
        *position = place;
    return *position != 0;
}

/* --- single things --- */

enum error objwalk_slot(struct objwalk *w, kaddr_t slot, struct record_slot *out)
{
    struct slot raw;
    enum error e = objwalk_read_object(w, slot, SLOT_BITS, &raw, sizeof(raw));
    if (e == ERR_OK)
        fill_slot(w, slot, &raw, out);
    return e;
}

enum error objwalk_thread(struct objwalk *w, kaddr_t tcb, struct record_thread *out)
{
    enum error e = w->ops->thread(w, tcb, out), ignored;
    if (e == ERR_OK)
        objwalk_queue_position(w, tcb, &out->position, &ignored);
    return e;
}

enum error objwalk_endpoint(struct objwalk *w, kaddr_t addr, struct record_endpoint *out)
{
    struct objwalk_queue q;
    enum error e = w->ops->endpoint(w, addr, &q), ignored;
    if (e != ERR_OK)
        return e;
    out->addr = objwalk_paddr(w, addr);
    out->state = q.state;
    objwalk_queue_length(w, &q, &out->waiters, &ignored);
    return ERR_OK;
}

enum error objwalk_notification(struct objwalk *w, kaddr_t addr, struct record_notification *out)
{
    struct objwalk_queue q;
    enum error e = w->ops->notification(w, addr, &q), ignored;
    if (e != ERR_OK)
        return e;
    out->addr = objwalk_paddr(w, addr);
    out->state = q.state;
    out->word = q.state == NOTIFICATION_ACTIVE ? q.word : 0;
    out->bound = objwalk_reference(w, q.bound);
    out->sched_context = 0;
    objwalk_queue_length(w, &q, &out->waiters, &ignored);
    return ERR_OK;
}

void objwalk_decode(const struct objwalk *w, struct cap cap, struct objwalk_cap *out)
{
    w->ops->decode(w, cap, out);
}

enum error objwalk_encode(const struct objwalk *w, const struct objwalk_cap *cap, struct cap *out)
{
    return w->ops->encode(w, cap, out);
}

/* --- events --- */

static bool event_is_insert(word_t kind)
{
    return kind >= EVENT_BOOT && kind <= EVENT_HANDLER;
}

void objwalk_event(const struct objwalk *w, const struct event *event, struct record_event *out)
{
    struct objwalk_cap cap;
    w->ops->decode(w, (struct cap){{event->cap[0], event->cap[1]}}, &cap);
    bool insert = event_is_insert(event->kind);
    out->seq = event->seq;
    out->time = event->time;
    out->kind = event->kind;
    out->thread = objwalk_reference(w, event->thread);
    out->slot = objwalk_reference(w, event->slot);
    out->src = objwalk_reference(w, event->src);
    out->type = cap.type;
    out->object = cap.object;
    out->bits = cap.bits;
    out->rights = cap.rights;
    out->flags = cap.flags;
    if (insert)
        out->flags |= event->detail & (RECORD_SLOT_REVOCABLE | RECORD_SLOT_FIRST_BADGED);
    out->data = cap.data;
    out->extra = cap.extra;
    out->object2 = objwalk_reference(w, event->object);
    out->detail = event->kind == EVENT_BIND ? objwalk_reference(w, event->detail) : event->detail;
}
