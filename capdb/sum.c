/* Sums over the records of a snapshot, field by field: what verify compares, and the quick test
 * whether capabilities, objects and domains can have changed at all.  FNV-1a over words instead of
 * bytes, with the high half folded in, since multiplication only carries upwards.
 *
 * Fields of value 0 at the end of a record do not count, as they do not travel: so a field that is
 * added to the format changes no sum of what was recorded before.  In snapshots of the first format
 * all of its fields count, and no other. */
#include "capdb/store.h"

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

/* Of one record on its way: how many fields count, and the sum up to the last that is not 0. */
struct sum {
    uint64_t h;
    uint64_t kept;
    uint32_t left; /* fields that still count */
    bool all;      /* those of value 0 at the end too */
};

static uint64_t mix_word(uint64_t h, uint64_t v)
{
    h = (h ^ v) * FNV_PRIME;
    return h ^ h >> 32;
}

static void sum_field(struct sum *s, uint64_t h, bool zero)
{
    if (s->left == 0)
        return;
    s->left--;
    s->h = h;
    if (!zero || s->all)
        s->kept = h;
}

static void sum_word(struct sum *s, uint64_t v)
{
    sum_field(s, mix_word(s->h, v), v == 0);
}

static uint64_t mix_bytes(uint64_t h, const void *bytes, uint32_t length)
{
    const uint8_t *p = bytes;
    h = mix_word(h, length);
    for (uint32_t i = 0; i < length; i++)
        h = (h ^ p[i]) * FNV_PRIME;
    return h;
}

static void sum_string(struct sum *s, const struct record_string *text)
{
    sum_field(s, mix_bytes(s->h, text->bytes, text->length), text->length == 0);
}

static void sum_bytes(struct sum *s, const struct record_bytes *b)
{
    sum_field(s, mix_bytes(s->h, b->bytes, b->length), b->length == 0);
}

/* How many fields a record of the first format has; other kinds were not in it. */
static const uint8_t first_format[RECORD_KINDS] = {
    [RECORD_SNAPSHOT] = 14,    [RECORD_SLOT] = 9,    [RECORD_THREAD] = 22, [RECORD_ENDPOINT] = 3,
    [RECORD_NOTIFICATION] = 5, [RECORD_MAPPING] = 8, [RECORD_IRQ] = 3,     [RECORD_SCHED] = 3,
    [RECORD_REVOKE] = 5,       [RECORD_FINDING] = 4, [RECORD_END] = 8,
};

static struct sum sum_begin(uint64_t h, const struct capstate *s, enum record_kind kind)
{
    bool first = s->snapshot.format == RECORD_FORMAT_NARROW;
    h = mix_word(h, kind);
    return (struct sum){h, h, first ? first_format[kind] : UINT32_MAX, first};
}

#define SUM_U(name)     sum_word(&sum, r->name);
#define SUM_W(name)     sum_word(&sum, r->name);
#define SUM_D(name)     sum_word(&sum, r->name);
#define SUM_S(name)     sum_string(&sum, &r->name);
#define SUM_B(name)     sum_bytes(&sum, &r->name);
#define SUM(mode, name) SUM_##mode(name)

/* sum_NAME(h, s, r): the fields of one record mixed into h. */
#define X(value, NAME, name)                                                                       \
    static inline uint64_t sum_##name(uint64_t h, const struct capstate *s,                        \
                                      const struct record_##name *r)                               \
    {                                                                                              \
        struct sum sum = sum_begin(h, s, RECORD_##NAME);                                           \
        RECORD_FIELDS_##NAME(SUM) return sum.kept;                                                 \
    }
RECORD_LIST(X)
#undef X

/* Of kinds whose order does not matter. */
#define SUM_ALL(name, array, count)                                                                \
    for (uint32_t i = 0; i < s->count; i++)                                                        \
        h += sum_##name(FNV_BASIS, s, &s->array[i]);

uint64_t capdb_sum(const struct capstate *s)
{
    uint64_t h = sum_snapshot(FNV_BASIS, s, &s->snapshot);
    for (uint32_t i = 0; i < s->slot_count; i++)
        h = sum_slot(h, s, &s->slots[i].rec);
    h = sum_sched(h, s, &s->sched);
    h = sum_revoke(h, s, &s->revoke);
    h = sum_end(h, s, &s->end);
    for (uint32_t i = 0; i < s->thread_count; i++)
        h += sum_thread(FNV_BASIS, s, &s->threads[i].rec);
    SUM_ALL(endpoint, endpoints, endpoint_count)
    SUM_ALL(notification, notifications, notification_count)
    SUM_ALL(mapping, mappings, mapping_count)
    SUM_ALL(irq, irqs, irq_count)
    SUM_ALL(finding, findings, finding_count)
    SUM_ALL(sched_context, sched_contexts, sched_context_count)
    SUM_ALL(reply, replies, reply_count)
    SUM_ALL(table, tables, tables_told)
    for (uint32_t i = 1; i < s->sched_count; i++)
        h += sum_sched(FNV_BASIS, s, &s->scheds[i]);
    for (uint32_t i = 1; i < s->range_count; i++)
        h += sum_range(FNV_BASIS, s, &s->ranges[i]);
    return h;
}

static uint64_t shape_of_thread(uint64_t h, const struct record_thread *t)
{
    h = mix_bytes(mix_word(h, t->addr), t->name.bytes, t->name.length);
    h = mix_word(mix_word(h, t->blocked_on), t->blocked_flags | t->state << 8);
    h = mix_word(mix_word(h, t->bound), t->idle);
    return mix_word(mix_word(h, t->sched_context), t->reply);
}

uint64_t capdb_shape(const struct capstate *s)
{
    uint64_t h = mix_word(FNV_BASIS, s->snapshot.root_thread);
    for (uint32_t i = 0; i < s->slot_count; i++)
        h = sum_slot(h, s, &s->slots[i].rec);
    for (uint32_t i = 0; i < s->table_count; i++)
        h = sum_table(h, s, &s->tables[i]);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        h = sum_mapping(h, s, &s->mappings[i]);
    for (uint32_t i = 0; i < s->irq_count; i++)
        h = sum_irq(h, s, &s->irqs[i]);
    for (uint32_t i = 0; i < s->thread_count; i++)
        h = shape_of_thread(h, &s->threads[i].rec);
    return h;
}

static uint64_t settings_of_thread(uint64_t h, const struct record_thread *t)
{
    h = mix_bytes(mix_word(h, t->addr), t->name.bytes, t->name.length);
    h = mix_word(mix_word(mix_word(h, t->priority), t->mcp), t->domain);
    h = mix_word(mix_word(mix_word(h, t->fault_handler), t->ipc_buffer), t->bound);
    return mix_word(mix_word(h, t->sched_context), t->node);
}

uint64_t capdb_change_sum(const struct capstate *s)
{
    uint64_t h = FNV_BASIS;
    for (uint32_t i = 0; i < s->slot_count; i++)
        h = sum_slot(h, s, &s->slots[i].rec);
    for (uint32_t i = 0; i < s->table_count; i++)
        h = sum_table(h, s, &s->tables[i]);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        h = sum_mapping(h, s, &s->mappings[i]);
    for (uint32_t i = 0; i < s->irq_count; i++)
        h = sum_irq(h, s, &s->irqs[i]);
    for (uint32_t i = 0; i < s->thread_count; i++)
        h = settings_of_thread(h, &s->threads[i].rec);
    return h;
}
