/* Sums over the records of a snapshot, field by field: what verify compares, and the quick test
 * whether capabilities, objects and domains can have changed at all.  FNV-1a over words instead of
 * bytes, with the high half folded in, since multiplication only carries upwards. */
#include "capdb/store.h"

#include <string.h>

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t mix_u32(uint64_t h, uint32_t v)
{
    h = (h ^ v) * FNV_PRIME;
    return h ^ h >> 32;
}

static uint64_t mix_string(uint64_t h, const struct record_string *s)
{
    h = mix_u32(h, s->length);
    for (uint32_t i = 0; i < s->length; i++)
        h = (h ^ (uint8_t)s->bytes[i]) * FNV_PRIME;
    return h;
}

static uint64_t mix_bytes(uint64_t h, const struct record_bytes *b)
{
    h = mix_u32(h, b->length);
    for (uint32_t i = 0; i < b->length; i++)
        h = (h ^ b->bytes[i]) * FNV_PRIME;
    return h;
}

/* Recordings made before a field was thought of have sums without it: 0, which is what they are
 * read as, leaves the sum alone. */
static inline bool field_is_late(const char *name)
{
    return strcmp(name, "root_thread") == 0;
}

#define MIX_U(name)                                                                                \
    if (r->name != 0 || !field_is_late(#name))                                                     \
        h = mix_u32(h, r->name);
#define MIX_D(name)     h = mix_u32(h, r->name);
#define MIX_S(name)     h = mix_string(h, &r->name);
#define MIX_B(name)     h = mix_bytes(h, &r->name);
#define MIX(mode, name) MIX_##mode(name)

/* sum_NAME(h, r): the fields of one record mixed into h. */
#define X(value, NAME, name)                                                                       \
    static inline uint64_t sum_##name(uint64_t h, const struct record_##name *r)                   \
    {                                                                                              \
        h = mix_u32(h, value);                                                                     \
        RECORD_FIELDS_##NAME(MIX) return h;                                                        \
    }
RECORD_LIST(X)
#undef X

uint64_t capdb_sum(const struct capstate *s)
{
    uint64_t h = sum_snapshot(FNV_BASIS, &s->snapshot);
    for (uint32_t i = 0; i < s->slot_count; i++)
        h = sum_slot(h, &s->slots[i].rec);
    h = sum_sched(h, &s->sched);
    h = sum_revoke(h, &s->revoke);
    h = sum_end(h, &s->end);
    for (uint32_t i = 0; i < s->thread_count; i++)
        h += sum_thread(FNV_BASIS, &s->threads[i].rec);
    for (uint32_t i = 0; i < s->endpoint_count; i++)
        h += sum_endpoint(FNV_BASIS, &s->endpoints[i]);
    for (uint32_t i = 0; i < s->notification_count; i++)
        h += sum_notification(FNV_BASIS, &s->notifications[i]);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        h += sum_mapping(FNV_BASIS, &s->mappings[i]);
    for (uint32_t i = 0; i < s->irq_count; i++)
        h += sum_irq(FNV_BASIS, &s->irqs[i]);
    for (uint32_t i = 0; i < s->finding_count; i++)
        h += sum_finding(FNV_BASIS, &s->findings[i]);
    return h;
}

uint64_t capdb_shape(const struct capstate *s)
{
    uint64_t h = mix_u32(FNV_BASIS, s->sched.root_thread);
    for (uint32_t i = 0; i < s->slot_count; i++)
        h = sum_slot(h, &s->slots[i].rec);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        h = sum_mapping(h, &s->mappings[i]);
    for (uint32_t i = 0; i < s->irq_count; i++)
        h = sum_irq(h, &s->irqs[i]);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        h = mix_string(mix_u32(h, t->addr), &t->name);
        h = mix_u32(mix_u32(h, t->blocked_on), t->blocked_flags | t->state << 8);
        h = mix_u32(mix_u32(h, t->bound), t->idle);
    }
    return h;
}
