/* Building a capstate from records: arrays grow as records come; capstate_finish() then derives
 * parents from depths, objects from what the slots refer to, holders from addresses, and the sorted
 * orders that index.c searches.  O(n log n) in the number of slots, no recursion.  Records come
 * from outside: whatever they say ends in an error or a state whose indices are all in range. */
#include "capstate/capstate.h"
#include "lib/array.h"

#include "capstate/index.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
    ELEMENTS_MAX = 1 << 27,
    OBJECT_BITS_MAX = 63,
    SLOT_BITS_MAX = 12,
    DERIVED_BITS = 20 /* what a page table translates where records tell of no tables */
};

void *(*capstate_realloc)(void *old, size_t size) = realloc;

void *capstate_array(size_t count, size_t size)
{
    size_t bytes = (count ? count : 1) * size;
    void *array = capstate_realloc(NULL, bytes);
    if (array)
        memset(array, 0, bytes);
    return array;
}

void capstate_init(struct capstate *s)
{
    *s = (struct capstate){0};
}

/* Arrays and how many elements each has: freed and copied by these lists, so that none is forgotten. */
#define STATE_ARRAYS(X)                                                                            \
    X(slots, slot_count)                                                                           \
    X(objects, object_count)                                                                       \
    X(threads, thread_count)                                                                       \
    X(endpoints, endpoint_count)                                                                   \
    X(notifications, notification_count)                                                           \
    X(sched_contexts, sched_context_count)                                                         \
    X(replies, reply_count)                                                                        \
    X(tables, table_count)                                                                         \
    X(mappings, mapping_count)                                                                     \
    X(irqs, irq_count)                                                                             \
    X(scheds, sched_count)                                                                         \
    X(ranges, range_count)                                                                         \
    X(findings, finding_count)
#define INDEX_ARRAYS(X)                                                                            \
    X(slots, s->slot_count)                                                                        \
    X(threads, s->thread_count)                                                                    \
    X(tables, s->table_count)                                                                      \
    X(runs, s->index->run_count)                                                                   \
    X(labels, s->thread_count)                                                                     \
    X(enclosing, s->object_count)                                                                  \
    X(user, s->object_count)

static void index_free(struct capstate_index *x)
{
    if (!x)
        return;
#define X(array, count) free(x->array);
    INDEX_ARRAYS(X)
#undef X
    free(x);
}

void capstate_free(struct capstate *s)
{
#define X(array, count) free(s->array);
    STATE_ARRAYS(X)
#undef X
    index_free(s->index);
    capstate_init(s);
}

/* --- copying --- */

/* A copy of an array in place of the pointer to it. */
static bool array_again(void *pointer, size_t count, size_t size)
{
    void *old, *copy = capstate_array(count, size);
    memcpy(&old, pointer, sizeof(old));
    if (copy && old && count)
        memcpy(copy, old, count * size);
    memcpy(pointer, &copy, sizeof(copy));
    return copy;
}

static bool index_copy(const struct capstate *s, struct capstate *to)
{
    struct capstate_index *x = capstate_array(1, sizeof(*x));
    bool all = true;
    to->index = x;
    if (!x)
        return false;
    *x = *s->index;
    x->begun = false; /* nothing is added to a copy: it has no room */
#define X(array, count) all &= array_again(&x->array, count, sizeof(*x->array));
    INDEX_ARRAYS(X)
#undef X
    return all;
}

enum error capstate_copy(const struct capstate *from, struct capstate *to)
{
    bool all = true;
    *to = *from;
#define X(array, count) all &= array_again(&to->array, from->count, sizeof(*to->array));
    STATE_ARRAYS(X)
#undef X
    all = index_copy(from, to) && all;
    if (!all)
        capstate_free(to);
    return all ? ERR_OK : ERR_NO_MEMORY;
}

/* --- adding --- */

/* The array, with room for one more than `count`; NULL when there is no memory, the old array then
 * stays as it was. */
static void *room_for(struct capstate *s, enum capstate_array which, void *array, uint32_t count,
                      size_t size)
{
    size_t *room = &s->index->room[which];
    return count < ELEMENTS_MAX ? array_room_by(capstate_realloc, array, count, room, size) : NULL;
}

/* Defines add_NAME(s, r): one more zeroed element whose MEMBER is *r. */
#define DEFINE_ADD(name, ARRAY, array, count, type)                                                \
    static type *add_##name(struct capstate *s)                                                    \
    {                                                                                              \
        type *room = room_for(s, ARRAY, s->array, s->count, sizeof(type));                         \
        if (!room)                                                                                 \
            return NULL;                                                                           \
        s->array = room;                                                                           \
        room[s->count] = (type){0};                                                                \
        return &room[s->count++];                                                                  \
    }
DEFINE_ADD(slot, ARRAY_SLOTS, slots, slot_count, struct capstate_slot)
DEFINE_ADD(thread, ARRAY_THREADS, threads, thread_count, struct capstate_thread)
DEFINE_ADD(endpoint, ARRAY_ENDPOINTS, endpoints, endpoint_count, struct record_endpoint)
DEFINE_ADD(notification, ARRAY_NOTIFICATIONS, notifications, notification_count,
           struct record_notification)
DEFINE_ADD(sched_context, ARRAY_SCHED_CONTEXTS, sched_contexts, sched_context_count,
           struct record_sched_context)
DEFINE_ADD(reply, ARRAY_REPLIES, replies, reply_count, struct record_reply)
DEFINE_ADD(table, ARRAY_TABLES, tables, table_count, struct record_table)
DEFINE_ADD(sched, ARRAY_SCHEDS, scheds, sched_count, struct record_sched)
DEFINE_ADD(range, ARRAY_RANGES, ranges, range_count, struct record_range)
DEFINE_ADD(mapping, ARRAY_MAPPINGS, mappings, mapping_count, struct record_mapping)
DEFINE_ADD(irq, ARRAY_IRQS, irqs, irq_count, struct record_irq)
DEFINE_ADD(finding, ARRAY_FINDINGS, findings, finding_count, struct record_finding)

/* What SNAPSHOT says of RAM is the first range. */
static enum error add_first_range(struct capstate *s)
{
    struct record_range *range = add_range(s);
    if (!range)
        return ERR_NO_MEMORY;
    *range = (struct record_range){
        .use = RECORD_RANGE_RAM,
        .base = s->snapshot.ram_base,
        .size = s->snapshot.ram_size,
        .offset = s->snapshot.phys_offset,
    };
    return ERR_OK;
}

static enum error add_sched_record(struct capstate *s, const struct record_sched *r)
{
    struct record_sched *sched = add_sched(s);
    if (!sched)
        return ERR_NO_MEMORY;
    *sched = *r;
    s->sched = s->scheds[0];
    return ERR_OK;
}

static enum error add_snapshot(struct capstate *s, const struct record_snapshot *r)
{
    if (!record_format_is_plain(r->format))
        return ERR_VERSION;
    const uint32_t word = record_word_bits(r);
    if ((word != 32 && word != 64) || record_slot_bits(r) > SLOT_BITS_MAX)
        return ERR_FORMAT;
    capstate_free(s);
    s->index = capstate_array(1, sizeof(*s->index));
    if (!s->index)
        return ERR_NO_MEMORY;
    s->snapshot = *r;
    s->index->begun = true;
    s->index->records = 1;
    return add_first_range(s);
}

static enum error add_slot_record(struct capstate *s, const struct record_slot *r)
{
    if (r->bits > OBJECT_BITS_MAX)
        return ERR_FORMAT;
    struct capstate_slot *slot = add_slot(s);
    if (!slot)
        return ERR_NO_MEMORY;
    slot->rec = *r;
    return ERR_OK;
}

static enum error add_thread_record(struct capstate *s, const struct record_thread *r)
{
    if (r->name.length > RECORD_STRING_MAX)
        return ERR_FORMAT;
    struct capstate_thread *thread = add_thread(s);
    if (!thread)
        return ERR_NO_MEMORY;
    thread->rec = *r;
    utf8_escape(thread->label, sizeof(thread->label), r->name.bytes, r->name.length);
    return ERR_OK;
}

#define ADD_COPY(name)                                                                             \
    do {                                                                                           \
        struct record_##name *element = add_##name(s);                                             \
        if (!element)                                                                              \
            return ERR_NO_MEMORY;                                                                  \
        *element = r->name;                                                                        \
        return ERR_OK;                                                                             \
    } while (0)

static enum error add_body(struct capstate *s, const struct record *r)
{
    switch (r->kind) {
    case RECORD_SLOT:
        return add_slot_record(s, &r->slot);
    case RECORD_THREAD:
        return add_thread_record(s, &r->thread);
    case RECORD_ENDPOINT:
        ADD_COPY(endpoint);
    case RECORD_NOTIFICATION:
        ADD_COPY(notification);
    case RECORD_MAPPING:
        ADD_COPY(mapping);
    case RECORD_IRQ:
        ADD_COPY(irq);
    case RECORD_FINDING:
        ADD_COPY(finding);
    case RECORD_SCHED_CONTEXT:
        ADD_COPY(sched_context);
    case RECORD_REPLY:
        ADD_COPY(reply);
    case RECORD_TABLE:
        ADD_COPY(table);
    case RECORD_RANGE:
        ADD_COPY(range);
    case RECORD_SCHED:
        return add_sched_record(s, &r->sched);
    case RECORD_REVOKE:
        s->revoke = r->revoke;
        return ERR_OK;
    case RECORD_END:
        s->end = r->end;
        s->index->ended = true;
        return ERR_OK;
    default: /* kinds that say nothing about a state */
        return ERR_OK;
    }
}

enum error capstate_add(struct capstate *s, const struct record *r)
{
    if (r->kind == RECORD_SNAPSHOT)
        return add_snapshot(s, &r->snapshot);
    if (!s->index || !s->index->begun)
        return ERR_FORMAT;
    if (s->index->ended && r->kind != RECORD_FINDING)
        return ERR_FORMAT;
    if (!s->index->ended)
        s->index->records++;
    return add_body(s, r);
}

/* --- finishing: the tree --- */

/* Ancestors of the slot at hand, outermost first. */
struct ancestry {
    int32_t *slot;
    uint32_t depth;
    size_t room;
};

static bool ancestry_push(struct ancestry *a, int32_t slot)
{
    int32_t *grown = array_room_by(capstate_realloc, a->slot, a->depth, &a->room, sizeof(*grown));
    if (!grown)
        return false;
    a->slot = grown;
    a->slot[a->depth++] = slot;
    return true;
}

/* Ends the subtrees deeper than `depth`: `next` is the slot that follows them. */
static void ancestry_pop(struct ancestry *a, struct capstate *s, uint32_t depth, uint32_t next)
{
    while (a->depth > depth)
        s->slots[a->slot[--a->depth]].next = (int32_t)next;
}

static enum error link_tree(struct capstate *s)
{
    struct ancestry a = {0};
    enum error e = ERR_OK;
    for (uint32_t i = 0; i < s->slot_count && e == ERR_OK; i++) {
        struct capstate_slot *slot = &s->slots[i];
        ancestry_pop(&a, s, slot->rec.depth, i);
        slot->parent = a.depth ? a.slot[a.depth - 1] : -1;
        if (slot->rec.depth > a.depth)
            e = ERR_FORMAT;
        else if (!ancestry_push(&a, (int32_t)i))
            e = ERR_NO_MEMORY;
    }
    ancestry_pop(&a, s, 0, s->slot_count);
    free(a.slot);
    return e;
}

/* --- finishing: objects --- */

/* What a capability refers to; false for those that refer to nothing. */
static bool object_of(const struct record_slot *r, struct capstate_object *out)
{
    *out = (struct capstate_object){
        .type = r->type,
        .addr = r->object,
        .bits = r->bits,
        .level = r->level,
        .flags = r->flags & (RECORD_SLOT_DEVICE | RECORD_SLOT_TCB_ZOMBIE),
        .first_slot = -1,
        .detail = -1,
    };
    switch (r->type) {
    case RECORD_CAP_NULL:
    case RECORD_CAP_INVALID:
        return false;
    case RECORD_CAP_REPLY:
        out->type = RECORD_CAP_TCB;
        return true;
    case RECORD_CAP_IRQ_HANDLER:
    case RECORD_CAP_SCHED_CONTROL:
    case RECORD_CAP_SID:
    case RECORD_CAP_CB:
        out->addr = r->data;
        out->bits = 0;
        return true;
    case RECORD_CAP_SGI_SIGNAL:
        out->addr = r->extra << 4 | r->data;
        return true;
    case RECORD_CAP_IO_PORT:
    case RECORD_CAP_IO_SPACE:
        out->addr = r->data << 16 | r->extra;
        return true;
    default:
        return true;
    }
}

static int object_compare(const void *a, const void *b)
{
    return capstate_object_compare(a, b);
}

/* Those that begin at one address are few. */
static void sort_equal_addresses(struct capstate_object *o, uint32_t count)
{
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i + 1;
        while (end < count && o[end].addr == o[i].addr)
            end++;
        if (end > i + 1)
            qsort(&o[i], end - i, sizeof(*o), object_compare);
        i = end;
    }
}

/* By the addresses alone first, which needs no comparing; false when there is no memory. */
static bool objects_gather(struct capstate *s)
{
    uint32_t count = s->object_count;
    struct capstate_key *keys = capstate_array(count, sizeof(*keys));
    struct capstate_object *sorted = capstate_array(s->slot_count, sizeof(*sorted));
    bool done = keys && sorted;
    for (uint32_t i = 0; done && i < count; i++)
        keys[i] = (struct capstate_key){s->objects[i].addr, (int32_t)i};
    if (done) {
        capstate_keys_sort(keys, count);
        for (uint32_t i = 0; i < count; i++)
            sorted[i] = s->objects[keys[i].value];
        free(s->objects);
        s->objects = sorted;
        sort_equal_addresses(sorted, count);
    } else {
        free(sorted);
    }
    free(keys);
    return done;
}

static bool objects_are_sorted(const struct capstate *s)
{
    for (uint32_t i = 1; i < s->object_count; i++)
        if (capstate_object_compare(&s->objects[i - 1], &s->objects[i]) > 0)
            return false;
    return true;
}

/* Sorts and drops doubles. */
static void objects_settle(struct capstate *s)
{
    uint32_t kept = 0;
    if (!objects_are_sorted(s) && !objects_gather(s))
        qsort(s->objects, s->object_count, sizeof(*s->objects), object_compare);
    for (uint32_t i = 0; i < s->object_count; i++)
        if (kept == 0 || capstate_object_compare(&s->objects[kept - 1], &s->objects[i]) != 0)
            s->objects[kept++] = s->objects[i];
    s->object_count = kept;
}

/* A reply capability may outlive the thread's own capabilities while the TCB is being emptied: then
 * it refers to the zombie. */
static int32_t object_find(const struct capstate *s, const struct record_slot *r)
{
    struct capstate_object o;
    if (!object_of(r, &o))
        return -1;
    if (r->type != RECORD_CAP_REPLY)
        return capstate_object_exact(s, o.addr, o.bits, o.type);
    int32_t at = capstate_object_typed(s, o.addr, RECORD_CAP_TCB);
    return at >= 0 ? at : capstate_object_typed(s, o.addr, RECORD_CAP_ZOMBIE);
}

/* Adds the objects of reply capabilities or of all others. */
static void objects_collect(struct capstate *s, bool replies)
{
    uint32_t settled = s->object_count;
    uint32_t total = settled;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct record_slot *r = &s->slots[i].rec;
        struct capstate_object o;
        if ((r->type == RECORD_CAP_REPLY) != replies || !object_of(r, &o))
            continue;
        s->object_count = settled; /* look-ups see the sorted part only */
        if (!replies || object_find(s, r) < 0)
            s->objects[total++] = o;
    }
    s->object_count = total;
    objects_settle(s);
}

/* Backwards, so that the chains run in derivation order. */
static void objects_chain(struct capstate *s)
{
    for (uint32_t i = s->slot_count; i-- > 0;) {
        struct capstate_slot *slot = &s->slots[i];
        slot->object = object_find(s, &slot->rec);
        slot->next_same = -1;
        if (slot->object < 0)
            continue;
        struct capstate_object *o = &s->objects[slot->object];
        slot->next_same = o->first_slot;
        o->first_slot = (int32_t)i;
        o->caps++;
    }
}

static bool object_within(const struct capstate_object *inner, const struct capstate_object *outer)
{
    return capstate_object_covers(outer, inner->addr) &&
           capstate_object_covers(outer, inner->addr + (((uint64_t)1 << inner->bits) - 1));
}

/* For each object the nearest one before it that holds it whole.  Following the links already made
 * is the stack of a pre-order walk. */
static enum error objects_nest(struct capstate *s)
{
    s->index->enclosing = capstate_array(s->object_count, sizeof(*s->index->enclosing));
    if (!s->index->enclosing)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->object_count; i++) {
        int32_t outer = (int32_t)i - 1;
        while (outer >= 0 && !object_within(&s->objects[i], &s->objects[outer]))
            outer = s->index->enclosing[outer];
        s->index->enclosing[i] = outer;
    }
    return ERR_OK;
}

static enum error make_objects(struct capstate *s)
{
    s->objects = capstate_array(s->slot_count, sizeof(*s->objects));
    if (!s->objects)
        return ERR_NO_MEMORY;
    objects_collect(s, false);
    objects_collect(s, true);
    objects_chain(s);
    return objects_nest(s);
}

/* --- finishing: threads, queues, holders --- */

static enum error sort_slots(struct capstate *s)
{
    s->index->slots = capstate_array(s->slot_count, sizeof(*s->index->slots));
    if (!s->index->slots)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->slot_count; i++)
        s->index->slots[i] = (struct capstate_key){s->slots[i].rec.addr, (int32_t)i};
    capstate_keys_sort(s->index->slots, s->slot_count);
    return ERR_OK;
}

static int label_compare(const void *pa, const void *pb, void *ctx)
{
    const struct capstate_thread *threads = ctx;
    int32_t a = *(const int32_t *)pa;
    int32_t b = *(const int32_t *)pb;
    int order = strcmp(threads[a].label, threads[b].label);
    return order ? order : (a > b) - (a < b);
}

static enum error sort_threads(struct capstate *s)
{
    struct capstate_index *x = s->index;
    x->threads = capstate_array(s->thread_count, sizeof(*x->threads));
    x->labels = capstate_array(s->thread_count, sizeof(*x->labels));
    if (!x->threads || !x->labels)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        x->threads[i] = (struct capstate_key){s->threads[i].rec.addr, (int32_t)i};
        x->labels[i] = (int32_t)i;
    }
    capstate_keys_sort(x->threads, s->thread_count);
    if (s->thread_count)
        qsort_r(x->labels, s->thread_count, sizeof(*x->labels), label_compare, s->threads);
    return ERR_OK;
}

/* Ties `detail` of an object to element i of its kind's array; the first element wins. */
static int32_t tie_detail(struct capstate *s, uint64_t addr, uint32_t type, uint32_t i)
{
    int32_t object = capstate_object_typed(s, addr, type);
    if (object >= 0 && s->objects[object].detail < 0)
        s->objects[object].detail = (int32_t)i;
    return object;
}

static void tie_details(struct capstate *s)
{
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct capstate_thread *t = &s->threads[i];
        t->object = tie_detail(s, t->rec.addr, RECORD_CAP_TCB, i);
        if (t->object < 0)
            t->object = tie_detail(s, t->rec.addr, RECORD_CAP_ZOMBIE, i);
    }
    for (uint32_t i = 0; i < s->endpoint_count; i++)
        tie_detail(s, s->endpoints[i].addr, RECORD_CAP_ENDPOINT, i);
    for (uint32_t i = 0; i < s->notification_count; i++)
        tie_detail(s, s->notifications[i].addr, RECORD_CAP_NOTIFICATION, i);
    for (uint32_t i = 0; i < s->sched_context_count; i++)
        tie_detail(s, s->sched_contexts[i].addr, RECORD_CAP_SCHED_CONTEXT, i);
    for (uint32_t i = 0; i < s->reply_count; i++)
        tie_detail(s, s->replies[i].addr, RECORD_CAP_REPLY_OBJECT, i);
}

static void find_holders(struct capstate *s)
{
    const uint32_t slot_bits = record_slot_bits(&s->snapshot);
    for (uint32_t i = 0; i < s->slot_count; i++) {
        struct capstate_slot *slot = &s->slots[i];
        slot->holder = capstate_slot_holder(s, slot->rec.addr);
        if (slot->rec.place != 0)
            slot->index = slot->rec.place - 1;
        else if (slot->holder >= 0)
            slot->index = (uint32_t)((slot->rec.addr - s->objects[slot->holder].addr) >> slot_bits);
    }
}

static enum error find_users(struct capstate *s)
{
    s->index->user = capstate_array(s->object_count, sizeof(*s->index->user));
    if (!s->index->user)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->object_count; i++)
        s->index->user[i] = -1;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t cspace = capstate_thread_cspace(s, (int32_t)i);
        if (cspace >= 0 && s->index->user[cspace] < 0)
            s->index->user[cspace] = (int32_t)i;
    }
    return ERR_OK;
}

/* --- finishing: translation tables --- */

static enum error sort_tables(struct capstate *s)
{
    struct capstate_index *x = s->index;
    free(x->tables);
    x->tables = capstate_array(s->table_count, sizeof(*x->tables));
    if (!x->tables)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->table_count; i++)
        x->tables[i] = (struct capstate_key){s->tables[i].addr, (int32_t)i};
    capstate_keys_sort(x->tables, s->table_count);
    return ERR_OK;
}

static enum error derive_table(struct capstate *s, const struct record_table *r)
{
    struct record_table *table = add_table(s);
    if (!table)
        return ERR_NO_MEMORY;
    *table = *r;
    return ERR_OK;
}

/* A kernel with two levels tells of its tables by the mappings in them. Mappings of one address
 * space, and of one table in it, stand together; a table that two spaces share counts for the
 * first. */
static enum error derive_tables(struct capstate *s)
{
    enum error e = ERR_OK;
    uint64_t dir = 0, last = 0;
    for (uint32_t i = 0; i < s->mapping_count && e == ERR_OK; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (m->dir != dir)
            e = derive_table(s, &(struct record_table){.addr = m->dir,
                                                       .level = 1,
                                                       .bits = record_word_bits(&s->snapshot),
                                                       .asid = m->asid});
        if (e == ERR_OK && m->table != 0 && m->table != last)
            e = derive_table(
                s, &(struct record_table){.addr = m->table,
                                          .parent = m->dir,
                                          .vaddr = m->vaddr >> DERIVED_BITS << DERIVED_BITS,
                                          .bits = DERIVED_BITS});
        dir = m->dir;
        last = m->table;
    }
    return e;
}

static enum error make_tables(struct capstate *s)
{
    enum error e = ERR_OK;
    s->tables_told = s->table_count;
    if (s->table_count == 0)
        e = derive_tables(s);
    return e == ERR_OK ? sort_tables(s) : e;
}

/* END may count records of kinds that this reader does not know and never saw. */
static bool counts_agree(const struct capstate *s)
{
    return s->index && s->index->ended && s->end.slots == s->slot_count &&
           s->end.threads == s->thread_count && s->end.mappings == s->mapping_count &&
           s->end.records >= s->index->records;
}

enum error capstate_finish(struct capstate *s)
{
    if (!counts_agree(s))
        return ERR_TRUNCATED;
    enum error (*const step[])(struct capstate *) = {
        link_tree, make_objects, sort_slots, sort_threads, make_tables, capstate_spaces_sort};
    for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++) {
        enum error e = step[i](s);
        if (e != ERR_OK)
            return e;
    }
    tie_details(s);
    find_holders(s);
    return find_users(s);
}
