/* Sums over the records of a snapshot, field by field, which verify compares.  Each record has a term
 * and terms are added up, so that the recorder keeps the sum with what changes.  FNV-1a over words instead of
 * bytes, with the high half folded in, since multiplication only carries upwards.
 *
 * Fields of value 0 at the end of a record do not count, as they do not travel: so a field that is
 * added to the format changes no sum of what was recorded before.  In snapshots of the first format
 * all of its fields count, and no other. */
#include "capdb/elements.h"
#include "capdb/sum.h"

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
#define SUM_T(name)     /* not kept */
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

/* --- terms ----------------------------------------------------------------------------------- */

/* Order is in the neighbour: the address of the slot before it counts, too. */
uint64_t sum_of_slot(const struct capstate *s, uint32_t i)
{
    uint64_t before = i ? s->slots[i - 1].rec.addr : 0;
    return sum_slot(mix_word(FNV_BASIS, before), s, &s->slots[i].rec);
}

#define TERM_OF(NAME, name, element)                                                               \
    case ROW_##NAME:                                                                               \
        return sum_##name(FNV_BASIS, s, &element);

uint64_t sum_of_element(const struct capstate *s, enum row_kind kind, uint32_t i)
{
    switch (kind) {
        TERM_OF(THREAD, thread, s->threads[i].rec)
        TERM_OF(ENDPOINT, endpoint, s->endpoints[i])
        TERM_OF(NOTIFICATION, notification, s->notifications[i])
        TERM_OF(MAPPING, mapping, s->mappings[i])
        TERM_OF(IRQ, irq, s->irqs[i])
        TERM_OF(FINDING, finding, s->findings[i])
        TERM_OF(SCHED_CONTEXT, sched_context, s->sched_contexts[i])
        TERM_OF(REPLY, reply, s->replies[i])
        TERM_OF(TABLE, table, s->tables[i])
        TERM_OF(SCHED, sched, s->scheds[i])
        TERM_OF(RANGE, range, s->ranges[i])
    default: /* SLOT has its own; RUN is of the thread; objects are of the slots */
        return 0;
    }
}

uint64_t sum_of_heads(const struct capstate *s)
{
    uint64_t h = sum_snapshot(FNV_BASIS, s, &s->snapshot);
    h = sum_sched(h, s, &s->sched);
    h = sum_revoke(h, s, &s->revoke);
    return sum_end(h, s, &s->end);
}

static uint64_t sum_of_kind(const struct capstate *s, enum row_kind kind)
{
    uint64_t h = 0;
    struct elements e = elements_of(s, kind);
    for (uint32_t i = e.first; i < e.count; i++)
        h += sum_of_element(s, kind, i);
    return h;
}

uint64_t sum_of_elements(const struct capstate *s)
{
    uint64_t h = 0;
    for (int kind = 0; kind < ROW_KINDS; kind++)
        h += sum_of_kind(s, (enum row_kind)kind);
    return h;
}

uint64_t sum_of_slots(const struct capstate *s)
{
    uint64_t h = 0;
    for (uint32_t i = 0; i < s->slot_count; i++)
        h += sum_of_slot(s, i);
    return h;
}

/* Formats 1 and 2: slots one after the other, so that one change changes everything behind it. */
static uint64_t sum_in_a_row(const struct capstate *s)
{
    uint64_t h = sum_snapshot(FNV_BASIS, s, &s->snapshot);
    for (uint32_t i = 0; i < s->slot_count; i++)
        h = sum_slot(h, s, &s->slots[i].rec);
    h = sum_sched(h, s, &s->sched);
    h = sum_revoke(h, s, &s->revoke);
    return sum_end(h, s, &s->end);
}

uint64_t capdb_sum(const struct capstate *s, int version)
{
    bool today = version >= CAPDB_USER_VERSION_3;
    return (today ? sum_of_heads(s) + sum_of_slots(s) : sum_in_a_row(s)) + sum_of_elements(s);
}

/* --- what counts as a change ------------------------------------------------------------------ */

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
