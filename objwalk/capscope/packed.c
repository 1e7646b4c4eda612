/* The whole state in the packed form of a line: RECORD_FORMAT_PACKED.
 *
 * It says what objwalk/capscope/snapshot.c says, in the same order, with three savings that whoever
 * receives it undoes from what came before:
 *  - SLOTS records hold what the kernel stores of its slots (slot_codec.h) instead of SLOT records;
 *  - of the endpoints and notifications that are idle, which is most, all but the last of each kind
 *    are left out;
 *  - MAPPINGS records hold rows of pages that follow each other, instead of MAPPING records.
 *
 * The list is read directly, through the window of the view on RAM.  That is safe after the first
 * of two passes: it has followed every link, forwards and backwards, inside RAM, so the second need
 * not check anything, and nothing that the kernel cannot have made is among the capabilities to
 * objects that have records of their own.  A list that is not like that is told in the plain form,
 * which bears with anything.
 *
 * After objwalk/capscope/objects.c the second file that knows this kernel's layout. */
#include "objwalk/capscope/slot_codec.h"
#include "objwalk/capscope/snapshot.h"

/* RAM, as the kernel's window shows it, where it can be read. */
struct window {
    uintptr_t bias; /* from an address there to the pointer here */
    kaddr_t base;
    uint32_t size;
};

struct packed {
    struct snapshot s; /* first: snapshot_each gets a pointer to it */
    objwalk_room room;
    struct window ram;
    struct {
        kaddr_t last;  /* slot of the first capability to the last object of the kind */
        uint32_t busy; /* objects that are not idle */
    } kind[SPANS];
    struct slot_base base;      /* the last slot that was packed, */
    kaddr_t next;               /* and the one behind it */
    struct record_mappings row; /* of pages that were not told yet, */
    uint32_t pages;             /* so many */
};

static inline const struct slot *slot_at(const struct window *ram, kaddr_t addr)
{
    return (const struct slot *)(ram->bias + addr);
}

static inline bool is_in(const struct window *ram, kaddr_t addr)
{
    return addr - ram->base < ram->size;
}

/* --- first pass --- */

static __attribute__((noinline)) bool is_valid(const struct objwalk *w, const struct slot *s)
{
    struct objwalk_cap cap;
    w->ops->decode(w, s->cap, &cap);
    return cap.type != RECORD_CAP_INVALID && cap.type != RECORD_CAP_NULL &&
           (cap.bits == 0 || cap.type == RECORD_CAP_REPLY ||
            !objwalk_is_alias(w, cap.object, cap.bits));
}

/* Could the kernel have made this capability, and is there nothing to tell of it but its record?
 * Can what has records of its own be read? For the most frequent types it is known what makes them
 * valid. */
static inline bool is_sound(const struct objwalk *w, struct window ram, const struct slot *s)
{
    word_t w0 = s->cap.w[0], type = w0 & 0xf;
    if (__builtin_expect(type == CAP_ENDPOINT, true))
        return is_in(&ram, w0);
    if (type == CAP_FRAME_4K)
        return frame_rights(s->cap) != VM_NO_ACCESS && (is_in(&ram, w0) || is_valid(w, s));
    if (type == CAP_NOTIFICATION)
        return is_in(&ram, w0) && cap_rights(s->cap) <= (RIGHT_READ | RIGHT_WRITE);
    return is_valid(w, s);
}

/* Every slot's previous link names the slot that the walk came from, so no slot is met twice and
 * the walk ends at the sentinel or at something that is wrong. Counts the slots. */
static __attribute__((noinline)) bool list_is_sound(const struct objwalk *w, struct window ram,
                                                    struct digest *out, uint32_t *slots)
{
    const kaddr_t head = w->roots.cdt_head;
    struct digest digest = {{0, 0}};
    uint32_t count = 0;
    kaddr_t from = head, next;
    const struct slot *s = slot_at(&ram, head);
    while ((next = s->next & SLOT_LINK_MASK) != head) {
        if (!is_in(&ram, next))
            return false;
        s = slot_at(&ram, next);
        if ((s->prev & SLOT_LINK_MASK) != from || !is_sound(w, ram, s))
            return false;
        digest_add(&digest, next, s->cap.w[0], s->cap.w[1], s->next);
        from = next;
        count++;
    }
    *out = digest;
    *slots = count;
    return (slot_at(&ram, head)->prev & SLOT_LINK_MASK) == from;
}

/* --- slots --- */

static enum span_kind span_of(word_t w0)
{
    static const uint8_t spans[] = {
        [CAP_ENDPOINT] = SPAN_ENDPOINT,
        [CAP_NOTIFICATION] = SPAN_NOTIFICATION,
        [CAP_TCB] = SPAN_THREAD,
        [CAP_PAGE_DIRECTORY] = SPAN_DIRECTORY,
    };
    return (enum span_kind)spans[w0 & 0xf];
}

/* Types whose objects have records: a bit for each. */
enum {
    WITH_RECORDS =
        1 << CAP_ENDPOINT | 1 << CAP_NOTIFICATION | 1 << CAP_TCB | 1 << CAP_PAGE_DIRECTORY,
};

/* Word 0 of a sound capability of these types is type and object, nothing else. */
static inline bool begins_object(word_t w0, word_t before)
{
    return w0 != before && (WITH_RECORDS >> (w0 & 0xf) & 1) != 0;
}

static bool is_idle(const struct window *ram, word_t w0)
{
    kaddr_t object = w0 & ~(word_t)0xf;
    const struct slot *words = slot_at(ram, object); /* endpoints have a slot's size */
    if ((w0 & 0xf) == CAP_ENDPOINT)
        return (words->cap.w[0] | words->cap.w[1] | words->prev) == 0;
    if ((w0 & 0xf) == CAP_NOTIFICATION)
        return (words->cap.w[0] | words->cap.w[1] | words->next) == 0;
    return false;
}
_Static_assert(offsetof(struct endpoint, head) == 0 && offsetof(struct endpoint, tail) == 4 &&
                   offsetof(struct endpoint, state) == 8 && (int)ENDPOINT_IDLE == 0,
               "is_idle()");
_Static_assert(offsetof(struct notification, head_state) == 0 &&
                   offsetof(struct notification, tail) == 4 &&
                   offsetof(struct notification, bound) == 12 && (int)NOTIFICATION_IDLE == 0,
               "is_idle()");

static __attribute__((noinline)) void note_object(struct packed *p, word_t w0, kaddr_t slot)
{
    enum span_kind kind = span_of(w0);
    if (p->s.span[kind].objects++ == 0)
        p->s.span[kind].first = slot;
    p->kind[kind].last = slot;
    p->kind[kind].busy += !is_idle(&p->ram, w0);
}

/* Packs the next `count` slots, for which there is room. */
static __attribute__((noinline)) uint8_t *pack_run(struct packed *p, uint32_t count, uint8_t *to)
{
    const struct window ram = p->ram;
    struct slot_base base = p->base;
    kaddr_t next = p->next;
    for (; count != 0; count--) {
        const struct slot *s = slot_at(&ram, next);
        const word_t link = s->next;
        if (begins_object(s->cap.w[0], base.w0))
            note_object(p, s->cap.w[0], next);
        to = slot_pack(&base, next, s->cap, link, to);
        next = link & SLOT_LINK_MASK;
    }
    p->base = base;
    p->next = next;
    return to;
}

/* Packs as many of the slots that are left as a record takes: by as many at a time as have room
 * however long they get. */
static enum error pack_record(struct packed *p, uint32_t *left)
{
    struct record *r = &p->s.w->record;
    uint8_t *const bytes = p->room(p->s.ctx), *to = bytes;
    const uint8_t *const end = bytes + RECORD_BYTES_MAX;
    while (*left != 0 && end - to >= SLOT_PACKED_MAX) {
        uint32_t count = (uint32_t)(end - to) / SLOT_PACKED_MAX;
        count = count < *left ? count : *left;
        to = pack_run(p, count, to);
        *left -= count;
    }
    r->kind = RECORD_SLOTS;
    r->slots.packed.bytes = bytes;
    r->slots.packed.length = (uint32_t)(to - bytes);
    return p->s.sink(p->s.ctx, r);
}

/* END counts the SLOT records for which these stand. */
static enum error pack_slots(struct packed *p)
{
    uint32_t left = p->s.end.slots;
    enum error e = ERR_OK;
    p->next = slot_at(&p->ram, p->s.w->roots.cdt_head)->next & SLOT_LINK_MASK;
    while (e == ERR_OK && left != 0)
        e = pack_record(p, &left);
    p->s.end.records += p->s.end.slots;
    return e;
}

/* --- mappings --- */

static enum error tell_row(struct packed *p)
{
    struct record *r = &p->s.w->record;
    const uint32_t pages = p->pages;
    if (pages == 0)
        return ERR_OK;
    r->kind = RECORD_MAPPINGS;
    r->mappings = p->row;
    r->mappings.more = pages - 1;
    p->pages = 0;
    p->s.end.mappings += pages;
    p->s.end.records += pages;
    return p->s.sink(p->s.ctx, r);
}

/* Within one page table, or of sections: a row is bounded by what a table has entries. */
static bool goes_on(const struct packed *p, const struct record_mapping *m)
{
    const struct record_mappings *row = &p->row;
    const word_t length = p->pages << row->bits;
    return p->pages != 0 && m->vaddr == row->vaddr + length && m->frame == row->frame + length &&
           m->table == row->table && m->bits == row->bits && m->rights == row->rights &&
           m->attributes == row->attributes;
}

static enum error add_page(struct packed *p)
{
    const struct record_mapping m = p->s.w->record.mapping;
    enum error e = ERR_OK;
    if (!goes_on(p, &m)) {
        e = tell_row(p);
        p->row = (struct record_mappings){.dir = m.dir,
                                          .asid = m.asid,
                                          .vaddr = m.vaddr,
                                          .frame = m.frame,
                                          .bits = m.bits,
                                          .rights = m.rights,
                                          .attributes = m.attributes,
                                          .table = m.table};
    }
    p->pages++;
    return e;
}

static enum error pack_mappings(struct packed *p, kaddr_t dir, const struct objwalk_cap *cap)
{
    struct objwalk *w = p->s.w;
    objwalk_mapping_begin(&w->mapping, dir, cap->extra);
    w->mapping.direct = true;
    for (;;) {
        enum error e = objwalk_mapping_next(w, &w->mapping, &w->record.mapping);
        if (e == ERR_OK) {
            e = add_page(p);
        } else {
            enum error told = tell_row(p);
            if (told != ERR_OK || e == ERR_NOT_FOUND)
                return told;
            e = snapshot_tolerate(&p->s, e);
        }
        if (e != ERR_OK)
            return e;
    }
}

/* --- objects --- */

static enum error emit_object(struct packed *p, enum span_kind kind, struct cap c)
{
    struct objwalk *w = p->s.w;
    struct objwalk_cap cap;
    w->ops->decode(w, c, &cap);
    kaddr_t object = objwalk_kaddr(w, cap.object);
    return kind == SPAN_DIRECTORY ? pack_mappings(p, object, &cap)
                                  : snapshot_emit[kind](&p->s, object, &cap);
}

/* Goes from the first object of the kind to the last and tells it, and those between that are not
 * idle. When there are none it goes to the last at once. */
static enum error pack_objects(struct snapshot *s, enum span_kind kind)
{
    struct packed *p = (struct packed *)s;
    const struct window ram = p->ram;
    uint32_t told = 0, objects = s->span[kind].objects;
    const kaddr_t last = p->kind[kind].last;
    kaddr_t at = p->kind[kind].busy == 0 ? last : s->span[kind].first;
    word_t before = 0;
    enum error e = objects == 0 ? ERR_NOT_FOUND : ERR_OK;
    for (; e == ERR_OK; at = slot_at(&ram, at)->next & SLOT_LINK_MASK) {
        struct cap c = slot_at(&ram, at)->cap;
        bool begins = begins_object(c.w[0], before) && span_of(c.w[0]) == kind;
        before = c.w[0];
        if (begins && (at == last || !is_idle(&ram, c.w[0]))) {
            e = emit_object(p, kind, c);
            told++;
        }
        if (at == last)
            break;
    }
    s->end.records += objects - told;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- the snapshot --- */

static bool find_window(struct objwalk *w, struct window *ram)
{
    const void *bytes;
    ram->base = objwalk_kaddr(w, w->roots.ram_base);
    ram->size = w->roots.ram_size;
    bytes = memview_window(w->view, ram->base, ram->size);
    ram->bias = (uintptr_t)bytes - ram->base;
    return bytes && w->ops == &objwalk_capscope && ram->size % sizeof(struct slot) == 0 &&
           is_in(ram, w->roots.cdt_head) && w->roots.cdt_head % sizeof(struct slot) == 0;
}

enum error objwalk_snapshot_packed(struct objwalk *w, enum snapshot_how how, objwalk_sink sink,
                                   objwalk_room room, void *ctx)
{
    struct packed p = {.s = {.w = w, .sink = sink, .ctx = ctx, .how = how, .end = {.complete = 1}},
                       .room = room};
    if (!find_window(w, &p.ram) || !list_is_sound(w, p.ram, &p.s.digest, &p.s.end.slots))
        return objwalk_snapshot(w, how, sink, ctx);
    enum error e = snapshot_begin(&p.s, RECORD_FORMAT_PACKED);
    if (e == ERR_OK)
        e = pack_slots(&p);
    p.s.direct = true;
    if (e == ERR_OK)
        e = snapshot_objects(&p.s, pack_objects);
    return e == ERR_OK ? snapshot_finish(&p.s) : e;
}
