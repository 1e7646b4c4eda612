/* Records of a walked state, in the order of the record format. */
#include "objwalk/sel4/records.h"

#include "objwalk/sel4/records_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Layout numbers of mainline begin so; below: architecture, options, release. */
#define LAYOUT_PREFIX 0x5e140000u

uint32_t sel4_layout_number(const struct sel4_layout *l)
{
    return LAYOUT_PREFIX | (uint32_t)l->earliest << 8 | (uint32_t)l->options.arch << 4 |
           (l->options.mcs ? 1u : 0) | (l->options.hyp ? 2u : 0) | (l->options.smp ? 4u : 0) |
           (l->options.four_tables ? 8u : 0);
}

uint64_t sel4_emit_pa(const struct sel4_emit *e, uint64_t va)
{
    return va == 0 ? 0 : sel4_memory_physical(&e->k->memory, va);
}

void sel4_emit(struct sel4_emit *e)
{
    if (e->error != ERR_OK)
        return;
    e->end.records++;
    e->end.slots += e->record.kind == RECORD_SLOT;
    e->end.threads += e->record.kind == RECORD_THREAD;
    e->end.mappings += e->record.kind == RECORD_MAPPING;
    e->error = e->sink(e->ctx, &e->record);
}

struct record *sel4_emit_begin(struct sel4_emit *e, enum record_kind kind)
{
    memset(&e->record, 0, sizeof(e->record));
    e->record.kind = kind;
    return &e->record;
}

/* --- snapshot --- */

static void set_string(struct record_string *out, const char *text)
{
    size_t n = strlen(text);
    out->length = (uint8_t)(n < RECORD_STRING_MAX ? n : RECORD_STRING_MAX);
    memcpy(out->bytes, text, out->length);
    out->bytes[out->length] = '\0';
}

static uint32_t architecture(enum sel4_arch a)
{
    static const uint8_t numbers[SEL4_ARCHES] = {
        [SEL4_AARCH32] = RECORD_ARCHITECTURE_ARM,
        [SEL4_AARCH64] = RECORD_ARCHITECTURE_AARCH64,
        [SEL4_RISCV64] = RECORD_ARCHITECTURE_RISCV64,
        [SEL4_X86_64] = RECORD_ARCHITECTURE_X86_64,
    };
    return numbers[a];
}

static uint32_t options(const struct sel4_layout *l)
{
    return (l->options.mcs ? RECORD_OPTION_MCS : 0u) |
           (l->options.hyp ? RECORD_OPTION_HYPERVISOR : 0u) |
           (l->options.smp ? RECORD_OPTION_SMP : 0u);
}

static void release_text(const struct sel4_layout *l, struct record_string *out)
{
    char text[64];
    if (l->earliest >= l->latest)
        (void)snprintf(text, sizeof(text), "seL4 %s", sel4_release_text(l->earliest));
    else
        (void)snprintf(text, sizeof(text), "seL4 %s to %s", sel4_release_text(l->earliest),
                       sel4_release_text(l->latest));
    set_string(out, text);
}

/* The kernel's own memory: its image; boot code of x86 at its physical address included. */
static void kernel_range(const struct sel4_emit *e, struct record_snapshot *out)
{
    uint64_t low = ~(uint64_t)0;
    uint64_t high = 0;
    for (uint32_t i = 0; i < e->k->image.segments; i++) {
        const struct sel4_segment *s = &e->k->image.segment[i];
        low = s->pa < low ? s->pa : low;
        high = s->pa + s->bytes > high ? s->pa + s->bytes : high;
    }
    out->kernel_start = low;
    out->kernel_end = high;
}

/* The root task is trusted, so that its record counts only while nobody can have forged it: where
 * the boot's memory is given away, anyone may write one that names a thread of theirs; but the
 * thread that the boot made lies in no untyped memory, and no other thread does. */
static uint64_t root_thread(const struct sel4_emit *e)
{
    uint64_t tcb = sel4_emit_pa(e, e->s->root_tcb);
    for (uint32_t i = 0; tcb != 0 && i < e->s->slots.count; i++) {
        struct sel4_extent x;
        const struct sel4_cap *c = &sel4_state_slot(e->s, i)->cap;
        if (c->kind == SEL4_CAP_UNTYPED && sel4_cap_extent(&e->k->layout, c, &x) &&
            (tcb - sel4_memory_physical(&e->k->memory, x.base)) >> x.bits == 0)
            return 0;
    }
    return tcb;
}

static void emit_snapshot(struct sel4_emit *e, bool stopped)
{
    const struct sel4_layout *l = &e->k->layout;
    struct record_snapshot *r = &sel4_emit_begin(e, RECORD_SNAPSHOT)->snapshot;
    r->format = RECORD_FORMAT;
    r->kernel = RECORD_KERNEL_SEL4;
    r->layout = sel4_layout_number(l);
    r->stopped = stopped;
    r->debug = l->debug;
    r->phys_offset = e->k->memory.offset;
    if (e->ram_count > 0) {
        r->ram_base = e->ram[0].base;
        r->ram_size = e->ram[0].size;
    }
    kernel_range(e, r);
    set_string(&r->board, sel4_arch_text(l->options.arch));
    release_text(l, &r->build);
    r->word_bits = l->wide ? 64 : 32;
    r->slot_bits = l->slot_bits;
    r->architecture = architecture(l->options.arch);
    r->options = options(l);
    r->nodes = l->nodes;
    r->root_thread = root_thread(e);
    sel4_emit(e);
    for (uint32_t i = 1; i < e->ram_count; i++) {
        struct record_range *x = &sel4_emit_begin(e, RECORD_RANGE)->range;
        *x = (struct record_range){.use = RECORD_RANGE_RAM,
                                   .base = e->ram[i].base,
                                   .size = e->ram[i].size,
                                   .offset = e->k->memory.offset};
        sel4_emit(e);
    }
}

/* --- RAM: what boot capabilities refer to that is no device, and the kernel --- */

static int by_base(const void *a, const void *b)
{
    const struct sel4_piece *x = a;
    const struct sel4_piece *y = b;
    return x->base < y->base ? -1 : x->base > y->base;
}

static bool is_ram(const struct sel4_emit *e, const struct sel4_slot *s, struct sel4_piece *out)
{
    struct sel4_extent x;
    if (s->depth != 0 || s->cap.value[SEL4_DEVICE] != 0 || s->cap.kind == SEL4_CAP_ZOMBIE ||
        !sel4_cap_extent(&e->k->layout, &s->cap, &x) || x.bits > 47)
        return false;
    out->base = sel4_emit_pa(e, x.base);
    out->size = (uint64_t)1 << x.bits;
    return true;
}

static void unite(struct sel4_emit *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->ram_count; i++) {
        struct sel4_piece *p = &e->ram[i];
        struct sel4_piece *q = n == 0 ? NULL : &e->ram[n - 1];
        if (q && p->base <= q->base + q->size) {
            if (p->base + p->size > q->base + q->size)
                q->size = p->base + p->size - q->base;
        } else {
            e->ram[n++] = *p;
        }
    }
    e->ram_count = n;
}

/* SNAPSHOT tells one range, RANGE the others: the largest is what people mean by the machine's RAM.
 */
static void largest_first(struct sel4_emit *e)
{
    for (uint32_t i = 1; i < e->ram_count; i++) {
        if (e->ram[i].size > e->ram[0].size) {
            struct sel4_piece p = e->ram[0];
            e->ram[0] = e->ram[i];
            e->ram[i] = p;
        }
    }
}

static bool find_ram(struct sel4_emit *e)
{
    uint32_t room = e->s->slots.count + e->k->image.segments + 1;
    e->ram = calloc(room, sizeof(*e->ram));
    if (!e->ram)
        return false;
    for (uint32_t i = 0; i < e->k->image.segments; i++)
        e->ram[e->ram_count++] =
            (struct sel4_piece){e->k->image.segment[i].pa, e->k->image.segment[i].bytes};
    for (uint32_t i = 0; i < e->s->slots.count; i++)
        e->ram_count += is_ram(e, sel4_state_slot(e->s, i), &e->ram[e->ram_count]);
    qsort(e->ram, e->ram_count, sizeof(*e->ram), by_base);
    unite(e);
    largest_first(e);
    return true;
}

/* --- the end --- */

static uint64_t mix(uint64_t v)
{
    v = (v ^ v >> 32) * 0x9e3779b97f4a7c15u;
    v = (v ^ v >> 29) * 0xbf58476d1ce4e5b9u;
    return v ^ v >> 32;
}

/* Independent of order: two walks of one state agree. */
static uint64_t digest(const struct sel4_state *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->slots.count; i++) {
        const struct sel4_slot *x = sel4_state_slot(s, i);
        uint64_t h = mix(x->addr);
        for (unsigned w = 0; w < 4; w++)
            h = mix(h + x->words[w]);
        sum += h;
    }
    return sum;
}

static void emit_irqs(struct sel4_emit *e)
{
    for (uint32_t i = 0; i < e->s->irqs.count; i++) {
        const struct sel4_irq *q = SEL4_ITEM(e->s->irqs, struct sel4_irq, i);
        struct record_irq *r = &sel4_emit_begin(e, RECORD_IRQ)->irq;
        bool reserved =
            q->state > RECORD_IRQ_IPI || (q->state == RECORD_IRQ_IPI && !e->k->layout.options.smp);
        r->irq = q->irq;
        r->state = reserved ? RECORD_IRQ_RESERVED : q->state;
        r->slot = sel4_emit_pa(e, q->slot);
        sel4_emit(e);
    }
}

static uint64_t block_pa(const struct sel4_emit *e, uint64_t tcb)
{
    return tcb == 0 ? 0 : sel4_emit_pa(e, sel4_tcb_base(&e->k->layout, tcb));
}

static void emit_scheds(struct sel4_emit *e)
{
    for (unsigned n = 0; n < e->k->layout.nodes && n < SEL4_NODES; n++) {
        struct record_sched *r = &sel4_emit_begin(e, RECORD_SCHED)->sched;
        r->current = block_pa(e, e->s->node[n].current);
        r->idle = block_pa(e, e->s->node[n].idle);
        r->node = n;
        r->sched_context = sel4_emit_pa(e, e->s->node[n].context);
        if (n == 0) { /* of one node, or told for all together by the first */
            r->ready = e->s->ready;
            r->highest = e->s->highest;
            r->released = e->s->released;
            r->domain = (uint32_t)e->s->domain;
        }
        sel4_emit(e);
    }
}

static void emit_revoke(struct sel4_emit *e)
{
    const struct sel4_revoke *v = &e->s->revoke;
    uint32_t first = 0;
    int64_t left = v->root == 0 ? -1 : sel4_state_below(e->s, v->root, &first);
    uint64_t victim = v->victim;
    if (v->root == 0)
        return;
    if (victim == 0 && left > 0)
        victim = sel4_state_slot(e->s, first)->addr;
    sel4_emit_begin(e, RECORD_REVOKE)->revoke =
        (struct record_revoke){.root = sel4_emit_pa(e, v->root),
                               .victim = sel4_emit_pa(e, victim),
                               .done = v->done,
                               .left = left > 0 ? (uint32_t)left : 0,
                               .preempted = v->preempted};
    sel4_emit(e);
}

static void emit_findings(struct sel4_emit *e)
{
    for (uint32_t i = 0; i < e->s->findings.count; i++) {
        const struct sel4_finding *f = SEL4_ITEM(e->s->findings, struct sel4_finding, i);
        sel4_emit_begin(e, RECORD_FINDING)->finding = (struct record_finding){
            .rule = f->rule, .addr = f->addr, .other = f->other, .value = f->value};
        sel4_emit(e);
    }
}

static void emit_end(struct sel4_emit *e)
{
    uint64_t sum = digest(e->s);
    struct record *r = sel4_emit_begin(e, RECORD_END);
    r->end = e->end;
    r->end.records++;
    r->end.complete = e->s->complete && e->s->findings_lost == 0;
    r->end.digest0 = (uint32_t)sum;
    r->end.digest1 = (uint32_t)(sum >> 32);
    sel4_emit(e);
}

enum error sel4_records(const struct sel4_kernel *k, const struct sel4_state *s, bool stopped,
                        sel4_sink sink, void *ctx)
{
    struct sel4_emit e = {.k = k, .s = s, .sink = sink, .ctx = ctx};
    if (!find_ram(&e) || !sel4_emit_prepare(&e))
        e.error = ERR_NO_MEMORY;
    emit_snapshot(&e, stopped);
    sel4_emit_slots(&e);
    sel4_emit_threads(&e);
    sel4_emit_objects(&e);
    sel4_emit_spaces(&e);
    emit_irqs(&e);
    emit_scheds(&e);
    emit_revoke(&e);
    emit_findings(&e);
    emit_end(&e);
    free(e.ram);
    sel4_map_fini(&e.roots);
    sel4_map_fini(&e.levels);
    sel4_map_fini(&e.told);
    return e.error;
}
