/* Making a sample, and finding things in it. */
#include "inspector-tui/sample.h"
#include "lib/array.h"

#include "facts/untyped.h"
#include "facts/why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- making --- */

static uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3u;
}

static uint64_t sum_of(const struct capstate *s)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct record_slot *r = &s->slots[i].rec;
        sum = mix(mix(mix(sum, r->addr), r->object), (uint64_t)r->type << 32 | r->rights);
        sum = mix(mix(mix(sum, r->data), r->extra), (uint64_t)r->depth << 32 | r->flags);
    }
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        sum = mix(mix(mix(sum, t->addr), t->state), (uint64_t)t->fault << 32 | t->priority);
        sum = mix(mix(sum, t->blocked_on), t->current);
    }
    return mix(sum, s->revoke.root ^ s->revoke.victim);
}

static size_t bytes_of(const struct capstate *s)
{
    return sizeof(struct sample) + s->slot_count * (sizeof(*s->slots) + 24) +
           s->object_count * (sizeof(*s->objects) + 16) + s->thread_count * sizeof(*s->threads) +
           s->mapping_count * sizeof(*s->mappings);
}

static void count_slots(struct sample *s)
{
    for (uint32_t i = 0; i < s->state.slot_count; i++) {
        int32_t d = sample_slot_domain(s, (int32_t)i);
        if (d >= 0)
            s->domain_caps[d]++;
    }
}

static bool counts_as_memory(const struct capstate_object *o)
{
    return o->bits > 0 && o->bits < 63 && !(o->flags & RECORD_SLOT_DEVICE);
}

/* Who decides about untyped memory: the domain that holds it. */
static struct domain_memory *memory_of(struct sample *s, uint32_t object)
{
    int32_t d = s->authority.home[object];
    return d < 0 ? NULL : &s->domain_memory[d];
}

static void count_untyped(struct sample *s, uint32_t object)
{
    const struct capstate_object *o = &s->state.objects[object];
    struct domain_memory *m = memory_of(s, object);
    s->watermark[object] = untyped_used(&s->state, (int32_t)object);
    if (!m)
        return;
    m->lost += s->watermark[object]; /* what lies in it is taken off again */
    m->free += (1ull << o->bits) - s->watermark[object];
}

/* An object directly in untyped memory is not lost there. */
static void count_inside(struct sample *s, uint32_t object)
{
    int32_t around = s->authority.enclosing[object];
    struct domain_memory *m = around < 0 ? NULL : memory_of(s, (uint32_t)around);
    uint64_t bytes = 1ull << s->state.objects[object].bits;
    if (m && s->watermark[around])
        m->lost -= bytes < m->lost ? bytes : m->lost;
}

static void count_typed(struct sample *s, uint32_t object)
{
    const struct capstate_object *o = &s->state.objects[object];
    struct authority_owner owner;
    int32_t d = sample_owner(s, o->addr, &owner);
    if (d >= 0)
        s->domain_memory[d].used += 1ull << o->bits;
}

static void count_memory(struct sample *s)
{
    for (uint32_t i = 0; i < s->state.object_count; i++)
        if (counts_as_memory(&s->state.objects[i]) &&
            s->state.objects[i].type == RECORD_CAP_UNTYPED)
            count_untyped(s, i);
    for (uint32_t i = 0; i < s->state.object_count; i++) {
        if (!counts_as_memory(&s->state.objects[i]))
            continue;
        count_inside(s, i);
        if (s->state.objects[i].type != RECORD_CAP_UNTYPED)
            count_typed(s, i);
    }
}

/* One capability is enough: what lies further off the reach view walks to. */
static void note_reaches(struct sample *s)
{
    const struct authority *a = &s->authority;
    for (uint32_t e = 0; e < a->edge_count; e++) {
        int32_t from = a->home[a->edges[e].from], to = a->home[a->edges[e].to];
        if (from >= 0 && to >= 0 && to < SAMPLE_REACHES && from != to)
            s->domain_reaches[from] |= 1ull << to;
    }
}

static void judge(struct sample *s)
{
    static const enum verdict verdicts[] = {[AUTHORITY_ISOLATED] = VERDICT_ISOLATED,
                                            [AUTHORITY_BREACHED] = VERDICT_BREACHED,
                                            [AUTHORITY_UNKNOWN] = VERDICT_UNKNOWN};
    char managers[120], text[160];
    if (authority_check(&s->authority, false, &s->judged) != ERR_OK) {
        snprintf(s->verdict_text, sizeof(s->verdict_text), "out of memory: not judged");
        return;
    }
    s->breaches = s->judged.breach;
    s->breach_count = s->judged.count;
    s->verdict = verdicts[authority_outcome(&s->judged)];
    snprintf(s->verdict_text, sizeof(s->verdict_text), "%s; trusted: %s",
             authority_verdict_text(&s->judged, text, sizeof(text)),
             authority_managers_text(&s->authority, managers, sizeof(managers)));
}

static bool analyse(struct sample *s, const struct authority_rules *rules)
{
    if (authority_build(&s->state, rules, &s->authority) != ERR_OK)
        return false;
    s->have_authority = true;
    uint32_t n = s->authority.domain_count + 1;
    s->domain_caps = calloc(n, sizeof(*s->domain_caps));
    s->domain_memory = calloc(n, sizeof(*s->domain_memory));
    s->domain_reaches = calloc(n, sizeof(*s->domain_reaches));
    s->watermark = calloc(s->state.object_count + 1, sizeof(*s->watermark));
    s->stuck = calloc(s->state.thread_count + 1, sizeof(*s->stuck));
    if (!s->domain_caps || !s->domain_memory || !s->domain_reaches || !s->watermark || !s->stuck ||
        waiting_build(&s->state, &s->waiting) != ERR_OK)
        return false;
    for (uint32_t i = 0; i < s->state.thread_count; i++)
        s->stuck[i] = why_is_stuck(&s->state, &s->waiting, (int32_t)i);
    count_slots(s);
    count_memory(s);
    note_reaches(s);
    judge(s);
    return true;
}

struct sample *sample_make(struct capstate *state, const struct authority_rules *rules)
{
    struct sample *s = calloc(1, sizeof(*s));
    if (!s) {
        capstate_free(state);
        return NULL;
    }
    s->state = *state;
    atomic_init(&s->holders, 1);
    s->sum = sum_of(&s->state);
    s->bytes = bytes_of(&s->state);
    if (!analyse(s, rules)) {
        sample_drop(s);
        return NULL;
    }
    return s;
}

struct sample *sample_hold(struct sample *s)
{
    if (s)
        atomic_fetch_add(&s->holders, 1);
    return s;
}

void sample_drop(struct sample *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) != 1)
        return;
    authority_verdict_free(&s->judged);
    if (s->have_authority)
        authority_free(&s->authority);
    waiting_free(&s->waiting);
    capstate_free(&s->state);
    free(s->domain_caps);
    free(s->domain_memory);
    free(s->domain_reaches);
    free(s->watermark);
    free(s->stuck);
    free(s);
}

/* --- finding --- */

int32_t sample_slot_at(const struct sample *s, uint64_t addr)
{
    return capstate_slot_at(&s->state, addr);
}

int32_t sample_object_at(const struct sample *s, uint64_t addr)
{
    return capstate_object_at(&s->state, addr);
}

int32_t sample_object_holding(const struct sample *s, uint64_t addr)
{
    return capstate_object_holding(&s->state, addr);
}

uint32_t sample_object_from(const struct sample *s, uint64_t addr)
{
    return (uint32_t)LOWER_BOUND(s->state.object_count, i, s->state.objects[i].addr < addr);
}

/* Objects are sorted by address, the largest first: those at one address stand together. */
int32_t sample_object_of(const struct sample *s, const struct ref *r)
{
    uint32_t low = sample_object_from(s, r->addr);
    for (; low < s->state.object_count && s->state.objects[low].addr == r->addr; low++)
        if (s->state.objects[low].type == r->extra >> 8 &&
            s->state.objects[low].bits == (r->extra & 255))
            return (int32_t)low;
    return -1;
}

int32_t sample_thread_at(const struct sample *s, uint64_t addr)
{
    for (uint32_t i = 0; i < s->state.thread_count; i++)
        if (s->state.threads[i].rec.addr == addr)
            return (int32_t)i;
    return -1;
}

int32_t sample_domain_of(const struct sample *s, const struct ref *r)
{
    for (uint32_t i = 0; i < sample_domains(s); i++)
        if (ref_hash(s->authority.domains[i].name) == r->addr)
            return (int32_t)i;
    return -1;
}

struct ref sample_slot_ref(const struct sample *s, int32_t slot)
{
    return slot < 0 ? ref_to(REF_NONE, 0) : ref_to(REF_SLOT, s->state.slots[slot].rec.addr);
}

struct ref sample_object_ref(const struct sample *s, int32_t object)
{
    if (object < 0)
        return (struct ref){0};
    const struct capstate_object *o = &s->state.objects[object];
    if (o->type == RECORD_CAP_TCB)
        return ref_to(REF_THREAD, o->addr);
    return ref_object(o->addr, o->type, o->bits);
}

struct ref sample_thread_ref(const struct sample *s, int32_t thread)
{
    return thread < 0 ? ref_to(REF_NONE, 0) : ref_to(REF_THREAD, s->state.threads[thread].rec.addr);
}

struct ref sample_domain_ref(const struct sample *s, int32_t domain)
{
    return ref_to(REF_DOMAIN, ref_hash(sample_domain_name(s, domain)));
}

uint64_t sample_physical(const struct sample *s, uint64_t addr)
{
    const struct record_snapshot *r = &s->state.snapshot;
    uint64_t down = addr - r->phys_offset;
    bool window = r->phys_offset != 0 && !capstate_is_ram(&s->state, addr) &&
                  capstate_is_ram(&s->state, down);
    return window ? down : addr;
}

struct ref sample_ref_at(const struct sample *s, uint64_t addr)
{
    int32_t object = sample_object_at(s, addr);
    if (sample_slot_at(s, addr) >= 0 && object < 0)
        return ref_to(REF_SLOT, addr);
    if (object >= 0 && s->state.objects[object].type != RECORD_CAP_UNTYPED)
        return sample_object_ref(s, object);
    return ref_to(REF_ADDRESS, addr);
}

bool sample_has(const struct sample *s, const struct ref *r)
{
    switch (r->kind) {
    case REF_SLOT:
    case REF_REVOKE:
        return sample_slot_at(s, r->addr) >= 0;
    case REF_OBJECT:
        return sample_object_of(s, r) >= 0;
    case REF_THREAD:
        return sample_thread_at(s, r->addr) >= 0;
    case REF_DOMAIN:
        return sample_domain_of(s, r) >= 0;
    default:
        return true;
    }
}

/* --- domains --- */

uint32_t sample_domains(const struct sample *s)
{
    return s->have_authority ? s->authority.domain_count : 0;
}

const char *sample_domain_name(const struct sample *s, int32_t domain)
{
    return domain < 0 || (uint32_t)domain >= sample_domains(s) ? "-"
                                                               : s->authority.domains[domain].name;
}

int32_t sample_thread_domain(const struct sample *s, int32_t thread)
{
    return s->have_authority && thread >= 0 ? s->authority.thread_domain[thread] : -1;
}

enum why_mark sample_trouble(const struct sample *s, int32_t thread)
{
    int32_t d = sample_thread_domain(s, thread);
    bool trusted = d >= 0 && s->authority.domains[d].trusted;
    enum why_mark mark = why_mark(&s->state, &s->waiting, thread);
    return trusted && mark != WHY_MARK_FAULT ? WHY_MARK_NONE : mark;
}

int32_t sample_slot_domain(const struct sample *s, int32_t slot)
{
    return s->have_authority && slot >= 0 ? authority_slot_domain(&s->authority, slot) : -1;
}

int32_t sample_owner(const struct sample *s, uint64_t addr, struct authority_owner *owner)
{
    authority_owner_of(&s->authority, addr, owner);
    return owner->domain;
}

int32_t sample_owner_of_object(const struct sample *s, int32_t object,
                               struct authority_owner *owner)
{
    authority_owner_of_object(&s->authority, object, owner);
    return owner->domain;
}

/* A range that a recording tells of may be anything. */
static uint64_t end_of(const struct record_range *r)
{
    return r->size < UINT64_MAX - r->base ? r->base + r->size : UINT64_MAX;
}

struct sample_ram sample_ram(const struct sample *s)
{
    enum { PAGE_BITS = 12, MOST_BITS = 43 };
    const uint64_t within = (1u << PAGE_BITS) - 1;
    const struct capstate *c = &s->state;
    uint64_t base = UINT64_MAX, end = 0;
    for (uint32_t i = 0; i < c->range_count; i++) {
        if (c->ranges[i].use != RECORD_RANGE_RAM || c->ranges[i].size == 0)
            continue;
        base = c->ranges[i].base < base ? c->ranges[i].base : base;
        end = end_of(&c->ranges[i]) > end ? end_of(&c->ranges[i]) : end;
    }
    if (end <= base)
        return (struct sample_ram){0, 0};
    base &= ~within;
    uint64_t size = end - base > 1ull << MOST_BITS ? 1ull << MOST_BITS : end - base;
    return (struct sample_ram){base, (size + within) & ~within};
}

int32_t sample_object_filling(const struct sample *s, uint64_t base, uint64_t size)
{
    const struct capstate *c = &s->state;
    int32_t object = sample_object_holding(s, base);
    const struct capstate_object *o = object < 0 ? NULL : &c->objects[object];
    if (!o || (o->bits < 63 && base - o->addr + size > 1ull << o->bits))
        return -1;
    uint32_t behind = sample_object_from(s, base + 1);
    while (behind < c->object_count && c->objects[behind].bits == 0)
        behind++;
    return behind < c->object_count && c->objects[behind].addr - base < size ? -1 : object;
}

int32_t sample_object_there(const struct sample *s, const struct ref *address)
{
    return address->extra ? sample_object_filling(s, address->addr, 1ull << address->extra)
                          : sample_object_holding(s, address->addr);
}

uint64_t sample_domain_own(const struct sample *s, int32_t domain)
{
    const struct domain_memory *m = &s->domain_memory[domain];
    return m->used + m->lost + m->free;
}

bool sample_is_lost(const struct sample *s, const struct authority_owner *owner, uint64_t addr)
{
    if (owner->object < 0 || s->state.objects[owner->object].type != RECORD_CAP_UNTYPED)
        return false;
    return addr - s->state.objects[owner->object].addr < s->watermark[owner->object];
}

uint32_t sample_number(const struct sample *s)
{
    return s->recorded ? s->recorded : s->number;
}

char *sample_hex(const struct sample *s, uint64_t addr, char buf[24])
{
    snprintf(buf, 24, "%0*" PRIx64, capstate_digits(&s->state), addr);
    return buf;
}
