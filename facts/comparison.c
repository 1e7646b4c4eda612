/* Pairing the objects of two systems, and what differs then: see comparison.h. */
#include "facts/comparison.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

/* Slots by holder and place in it. */
struct placed {
    int32_t holder, slot;
    uint32_t index;
};

struct side {
    const struct capstate *s;
    struct placed *placed;
    uint32_t *first; /* by object: its first in placed; object_count + 1 entries */
    int32_t *pair;
};

struct compare {
    struct side a, b;
    struct comparison *out;
    int32_t *queue; /* objects of a that are paired, in order */
    uint32_t queued;
    bool failed;
};

static void tell(struct compare *c, enum comparison_kind kind, int32_t a, int32_t b)
{
    struct comparison *o = c->out;
    struct comparison_difference *grown =
        array_room(o->difference, o->count, &o->room, sizeof(*grown));
    c->failed |= !grown;
    if (!grown)
        return;
    o->difference = grown;
    o->difference[o->count++] = (struct comparison_difference){kind, a, b};
}

/* --- slots by place --- */

/* Calls due are what happens, not what is. */
static bool is_compared(const struct capstate_slot *slot)
{
    bool due = slot->rec.type == RECORD_CAP_REPLY && !(slot->rec.flags & RECORD_SLOT_MASTER);
    return slot->holder >= 0 && !due;
}

static int placed_compare(const void *pa, const void *pb)
{
    const struct placed *a = pa;
    const struct placed *b = pb;
    if (a->holder != b->holder)
        return a->holder < b->holder ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static bool side_make(struct side *x, const struct capstate *s)
{
    uint32_t count = 0;
    *x = (struct side){.s = s};
    x->placed = malloc((s->slot_count + 1) * sizeof(*x->placed));
    x->first = calloc(s->object_count + 2, sizeof(*x->first));
    x->pair = malloc((s->object_count + 1) * sizeof(*x->pair));
    if (!x->placed || !x->first || !x->pair)
        return false;
    memset(x->pair, 0xff, (s->object_count + 1) * sizeof(*x->pair));
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (is_compared(&s->slots[i])) {
            x->placed[count++] = (struct placed){s->slots[i].holder, (int32_t)i, s->slots[i].index};
            x->first[s->slots[i].holder + 1]++;
        }
    if (count)
        qsort(x->placed, count, sizeof(*x->placed), placed_compare);
    for (uint32_t i = 0; i < s->object_count; i++)
        x->first[i + 1] += x->first[i];
    return true;
}

static void side_free(struct side *x)
{
    free(x->placed);
    free(x->first);
}

/* --- pairing --- */

static const struct capstate_object *object(const struct side *x, int32_t i)
{
    return &x->s->objects[i];
}

static bool alike(const struct compare *c, int32_t a, int32_t b)
{
    const struct capstate_object *x = object(&c->a, a);
    const struct capstate_object *y = object(&c->b, b);
    bool number = x->bits != 0 || x->addr == y->addr;
    return x->type == y->type && x->bits == y->bits && x->level == y->level && number &&
           (x->flags & RECORD_SLOT_DEVICE) == (y->flags & RECORD_SLOT_DEVICE) &&
           (!(x->flags & RECORD_SLOT_DEVICE) || x->addr == y->addr);
}

static void join(struct compare *c, int32_t a, int32_t b)
{
    if (a < 0 || b < 0 || c->a.pair[a] >= 0 || c->b.pair[b] >= 0 || !alike(c, a, b))
        return;
    c->a.pair[a] = b;
    c->b.pair[b] = a;
    c->queue[c->queued++] = a;
}

static int32_t root_of(const struct capstate *s)
{
    for (uint32_t i = 0; s->snapshot.root_thread && i < s->thread_count; i++)
        if (s->threads[i].rec.addr == s->snapshot.root_thread)
            return s->threads[i].object;
    return -1;
}

/* A name that is the only one of its kind; threads by label stand next to each other. */
static int label_compare(const void *pa, const void *pb, void *state)
{
    const struct capstate *s = state;
    return strcmp(s->threads[*(const int32_t *)pa].label, s->threads[*(const int32_t *)pb].label);
}

static int32_t *threads_by_label(const struct capstate *s)
{
    int32_t *sorted = malloc((s->thread_count + 1) * sizeof(*sorted));
    for (uint32_t i = 0; sorted && i < s->thread_count; i++)
        sorted[i] = (int32_t)i;
    if (sorted && s->thread_count)
        qsort_r(sorted, s->thread_count, sizeof(*sorted), label_compare, (void *)(uintptr_t)s);
    return sorted;
}

/* How many have the label of the thread at this place. */
static uint32_t run_of(const struct capstate *s, const int32_t *sorted, uint32_t at)
{
    uint32_t end = at + 1;
    while (end < s->thread_count &&
           strcmp(s->threads[sorted[end]].label, s->threads[sorted[at]].label) == 0)
        end++;
    return end - at;
}

static void join_names(struct compare *c, const int32_t *x, const int32_t *y)
{
    const struct capstate *a = c->a.s;
    const struct capstate *b = c->b.s;
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < a->thread_count && k < b->thread_count) {
        int order = strcmp(a->threads[x[i]].label, b->threads[y[k]].label);
        uint32_t many_a = run_of(a, x, i);
        uint32_t many_b = run_of(b, y, k);
        if (order == 0 && many_a == 1 && many_b == 1 && a->threads[x[i]].label[0])
            join(c, a->threads[x[i]].object, b->threads[y[k]].object);
        i += order <= 0 ? many_a : 0;
        k += order >= 0 ? many_b : 0;
    }
}

/* Interrupts and devices: those with numbers that mean the same everywhere. */
static bool has_fixed_place(const struct capstate_object *o)
{
    return (o->flags & RECORD_SLOT_DEVICE) || o->bits == 0;
}

static void join_fixed(struct compare *c)
{
    uint32_t k = 0;
    for (uint32_t i = 0; i < c->a.s->object_count; i++) {
        const struct capstate_object *x = object(&c->a, (int32_t)i);
        while (k < c->b.s->object_count && c->b.s->objects[k].addr < x->addr)
            k++;
        for (uint32_t n = k;
             has_fixed_place(x) && n < c->b.s->object_count && c->b.s->objects[n].addr == x->addr;
             n++)
            if (has_fixed_place(&c->b.s->objects[n]))
                join(c, (int32_t)i, (int32_t)n);
    }
}

/* Calls back for each place that either of two paired holders fills; -1: that one does not. */
typedef void (*place_fn)(struct compare *c, int32_t slot_a, int32_t slot_b);

static void each_place(struct compare *c, int32_t a, place_fn fn)
{
    int32_t b = c->a.pair[a];
    uint32_t i = c->a.first[a];
    uint32_t k = c->b.first[b];
    uint32_t end_i = c->a.first[a + 1];
    uint32_t end_k = c->b.first[b + 1];
    while (i < end_i || k < end_k) {
        const struct placed *x = i < end_i ? &c->a.placed[i] : NULL;
        const struct placed *y = k < end_k ? &c->b.placed[k] : NULL;
        bool left = x && (!y || x->index <= y->index);
        bool right = y && (!x || y->index <= x->index);
        fn(c, left ? x->slot : -1, right ? y->slot : -1);
        i += left;
        k += right;
    }
}

static void join_targets(struct compare *c, int32_t slot_a, int32_t slot_b)
{
    if (slot_a >= 0 && slot_b >= 0)
        join(c, c->a.s->slots[slot_a].object, c->b.s->slots[slot_b].object);
}

/* What a thread is bound to. */
static int32_t bound_of(const struct capstate *s, int32_t object)
{
    int32_t thread = capstate_thread_of(s, object);
    uint64_t bound = thread >= 0 ? s->threads[thread].rec.bound : 0;
    return bound ? capstate_object_at(s, bound) : -1;
}

/* Goes on from `head`; gives the new one. */
static uint32_t follow(struct compare *c, uint32_t head)
{
    for (; head < c->queued; head++) {
        int32_t a = c->queue[head];
        int32_t b = c->a.pair[a];
        each_place(c, a, join_targets);
        if (object(&c->a, a)->type == RECORD_CAP_TCB)
            join(c, bound_of(c->a.s, a), bound_of(c->b.s, b));
    }
    return head;
}

/* --- by shape --- */

/* How much two objects have in common before they are taken for the same. */
enum likeness {
    LIKE_ONLY, /* what they hold, and no other object holds that */
    LIKE_MANY, /* what they hold, like as many others in both systems */
    LIKE_TYPE, /* type and size, and no other is left that has them */
};

/* What an object is and holds, in a number that does not depend on where it lies. */
static uint64_t shape_of(const struct side *x, int32_t i, enum likeness like)
{
    const struct capstate_object *o = object(x, i);
    uint64_t h = 0xcbf29ce484222325u;
    uint64_t parts[] = {o->type, o->bits, o->level, o->caps, x->first[i + 1] - x->first[i]};
    size_t all = sizeof(parts) / sizeof(*parts);
    for (size_t k = 0; k < (like == LIKE_TYPE ? 3 : all); k++)
        h = (h ^ parts[k]) * 0x100000001b3u;
    for (uint32_t k = x->first[i]; like != LIKE_TYPE && k < x->first[i + 1]; k++) {
        const struct capstate_slot *slot = &x->s->slots[x->placed[k].slot];
        h = (h ^ x->placed[k].index) * 0x100000001b3u;
        h = (h ^ slot->rec.type ^ (uint64_t)slot->rec.rights << 8) * 0x100000001b3u;
    }
    return h;
}

struct shape {
    uint64_t shape;
    int32_t object;
};

static int shape_compare(const void *pa, const void *pb)
{
    const struct shape *a = pa;
    const struct shape *b = pb;
    if (a->shape != b->shape)
        return a->shape < b->shape ? -1 : 1;
    return (a->object > b->object) - (a->object < b->object);
}

static uint32_t shapes_of(const struct side *x, struct shape *out, enum likeness like)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < x->s->object_count; i++)
        if (x->pair[i] < 0)
            out[count++] = (struct shape){shape_of(x, (int32_t)i, like), (int32_t)i};
    if (count)
        qsort(out, count, sizeof(*out), shape_compare);
    return count;
}

static uint32_t same_shape(const struct shape *x, uint32_t at, uint32_t count)
{
    uint32_t end = at + 1;
    while (end < count && x[end].shape == x[at].shape)
        end++;
    return end - at;
}

/* Pairs what is as often in both, in order of addresses where nothing tells them apart. */
static void join_shapes(struct compare *c, struct shape *x, struct shape *y, enum likeness like)
{
    bool only = like != LIKE_MANY;
    uint32_t count_x = shapes_of(&c->a, x, like);
    uint32_t count_y = shapes_of(&c->b, y, like);
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < count_x && k < count_y) {
        uint32_t many_x = same_shape(x, i, count_x);
        uint32_t many_y = same_shape(y, k, count_y);
        if (x[i].shape == y[k].shape && many_x == many_y && (!only || many_x == 1))
            for (uint32_t n = 0; n < many_x; n++)
                join(c, x[i + n].object, y[k + n].object);
        bool forth = x[i].shape <= y[k].shape;
        bool back = x[i].shape >= y[k].shape;
        i += forth ? many_x : 0;
        k += back ? many_y : 0;
    }
}

static void pair_objects(struct compare *c, const int32_t *x, const int32_t *y, struct shape *sx,
                         struct shape *sy)
{
    join(c, root_of(c->a.s), root_of(c->b.s));
    join_names(c, x, y);
    join_fixed(c);
    uint32_t head = follow(c, 0);
    for (int like = LIKE_ONLY; like <= LIKE_TYPE; like++) {
        join_shapes(c, sx, sy, (enum likeness)like);
        head = follow(c, head);
    }
}

/* --- what differs --- */

static bool is_paired(const struct compare *c, int32_t a, int32_t b)
{
    return a < 0 || b < 0 ? a == b : c->a.pair[a] == b;
}

/* What a capability says beside its object; the watermark of untyped memory moves by running, and
 * what a reply can carry is settled by each call. */
static bool same_words(const struct record_slot *a, const struct record_slot *b, bool in_cnode)
{
    bool words = a->type == RECORD_CAP_ENDPOINT || a->type == RECORD_CAP_NOTIFICATION ||
                 a->type == RECORD_CAP_CNODE;
    bool mapped = a->type == RECORD_CAP_FRAME || a->type == RECORD_CAP_PAGE_TABLE;
    if (a->type == RECORD_CAP_REPLY || b->type == RECORD_CAP_REPLY)
        return a->type == b->type;
    if (a->type != b->type || a->bits != b->bits || a->rights != b->rights)
        return false;
    if (words && (a->data != b->data || a->extra != b->extra))
        return false;
    return !mapped || !in_cnode || ((a->extra == 0) == (b->extra == 0) && a->data == b->data);
}

/* The place of a parent, in both. */
static bool same_parent(const struct compare *c, int32_t a, int32_t b)
{
    int32_t x = c->a.s->slots[a].parent;
    int32_t y = c->b.s->slots[b].parent;
    if (x < 0 || y < 0)
        return x < 0 && y < 0;
    const struct capstate_slot *p = &c->a.s->slots[x];
    const struct capstate_slot *q = &c->b.s->slots[y];
    return is_paired(c, p->holder, q->holder) && (p->holder < 0 || p->index == q->index);
}

static bool same_capability(const struct compare *c, int32_t a, int32_t b)
{
    const struct capstate_slot *x = &c->a.s->slots[a];
    bool cnode = x->holder >= 0 && object(&c->a, x->holder)->type == RECORD_CAP_CNODE;
    return same_words(&x->rec, &c->b.s->slots[b].rec, cnode);
}

static void tell_place(struct compare *c, int32_t a, int32_t b)
{
    if (a < 0 || b < 0 || !same_capability(c, a, b))
        tell(c, COMPARISON_SLOT, a, b);
    else if (!is_paired(c, c->a.s->slots[a].object, c->b.s->slots[b].object))
        tell(c, COMPARISON_TARGET, a, b);
    else if (!same_parent(c, a, b))
        tell(c, COMPARISON_PARENT, a, b);
}

static void tell_objects(struct compare *c)
{
    for (uint32_t i = 0; i < c->a.s->object_count; i++)
        if (c->a.pair[i] < 0)
            tell(c, COMPARISON_OBJECT, (int32_t)i, -1);
    for (uint32_t i = 0; i < c->b.s->object_count; i++)
        if (c->b.pair[i] < 0)
            tell(c, COMPARISON_OBJECT, -1, (int32_t)i);
}

static void tell_slots(struct compare *c)
{
    for (uint32_t i = 0; i < c->a.s->object_count; i++)
        if (c->a.pair[i] >= 0)
            each_place(c, (int32_t)i, tell_place);
}

static void tell_threads(struct compare *c)
{
    for (uint32_t i = 0; i < c->a.s->thread_count; i++) {
        const struct capstate_thread *x = &c->a.s->threads[i];
        int32_t b = x->object >= 0 ? c->a.pair[x->object] : -1;
        int32_t k = b >= 0 ? capstate_thread_of(c->b.s, b) : -1;
        if (k < 0)
            continue;
        const struct record_thread *y = &c->b.s->threads[k].rec;
        if (x->rec.priority != y->priority || x->rec.mcp != y->mcp || x->rec.domain != y->domain ||
            x->rec.fault_handler != y->fault_handler || x->rec.ipc_buffer != y->ipc_buffer ||
            !is_paired(c, bound_of(c->a.s, x->object), bound_of(c->b.s, b)))
            tell(c, COMPARISON_THREAD, (int32_t)i, k);
    }
}

/* An interrupt's notification and badge. */
static int32_t irq_slot(const struct capstate *s, uint32_t irq)
{
    for (uint32_t i = 0; i < s->irq_count; i++)
        if (s->irqs[i].irq == irq)
            return capstate_slot_at(s, s->irqs[i].slot);
    return -1;
}

static void tell_irqs(struct compare *c)
{
    for (uint32_t i = 0; i < c->a.s->object_count; i++) {
        const struct capstate_object *o = object(&c->a, (int32_t)i);
        if (o->type != RECORD_CAP_IRQ_HANDLER || c->a.pair[i] < 0)
            continue;
        int32_t a = irq_slot(c->a.s, (uint32_t)o->addr);
        int32_t b = irq_slot(c->b.s, (uint32_t)o->addr);
        if (a >= 0 || b >= 0)
            tell_place(c, a, b);
    }
}

/* --- translations, by the directory they belong to and the address --- */

struct translation {
    int32_t dir; /* object of a */
    uint64_t vaddr;
    int32_t mapping;
};

static int translation_compare(const void *pa, const void *pb)
{
    const struct translation *a = pa;
    const struct translation *b = pb;
    if (a->dir != b->dir)
        return a->dir < b->dir ? -1 : 1;
    return (a->vaddr > b->vaddr) - (a->vaddr < b->vaddr);
}

/* Those of directories that are paired; the others are told of as objects. */
static struct translation *translations_of(const struct side *x, bool second, uint32_t *count)
{
    struct translation *all = malloc((x->s->mapping_count + 1) * sizeof(*all));
    *count = 0;
    for (uint32_t i = 0; all && i < x->s->mapping_count; i++) {
        int32_t dir = capstate_object_at(x->s, x->s->mappings[i].dir);
        if (dir < 0 || x->pair[dir] < 0)
            continue;
        all[(*count)++] =
            (struct translation){second ? x->pair[dir] : dir, x->s->mappings[i].vaddr, (int32_t)i};
    }
    if (all && *count)
        qsort(all, *count, sizeof(*all), translation_compare);
    return all;
}

static void tell_translation(struct compare *c, int32_t a, int32_t b)
{
    const struct record_mapping *x = a >= 0 ? &c->a.s->mappings[a] : NULL;
    const struct record_mapping *y = b >= 0 ? &c->b.s->mappings[b] : NULL;
    if (!x || !y || x->bits != y->bits || x->rights != y->rights ||
        x->attributes != y->attributes ||
        !is_paired(c, capstate_object_at(c->a.s, x->frame), capstate_object_at(c->b.s, y->frame)))
        tell(c, COMPARISON_MAPPING, a, b);
}

static void tell_translations(struct compare *c)
{
    uint32_t many_x, many_y;
    uint32_t i = 0;
    uint32_t k = 0;
    struct translation *x = translations_of(&c->a, false, &many_x);
    struct translation *y = translations_of(&c->b, true, &many_y);
    c->failed |= !x || !y;
    while (!c->failed && (i < many_x || k < many_y)) {
        int order = i == many_x ? 1 : k == many_y ? -1 : translation_compare(&x[i], &y[k]);
        tell_translation(c, order <= 0 ? x[i].mapping : -1, order >= 0 ? y[k].mapping : -1);
        i += order <= 0;
        k += order >= 0;
    }
    free(x);
    free(y);
}

static void tell_all(struct compare *c)
{
    tell_objects(c);
    tell_threads(c);
    tell_slots(c);
    tell_irqs(c);
    tell_translations(c);
}

enum error comparison_make(const struct capstate *a, const struct capstate *b,
                           struct comparison *out)
{
    struct compare c = {.out = out};
    *out = (struct comparison){0};
    bool good = side_make(&c.a, a);
    good = side_make(&c.b, b) && good;
    int32_t *x = threads_by_label(a);
    int32_t *y = threads_by_label(b);
    struct shape *sx = malloc((a->object_count + 1) * sizeof(*sx));
    struct shape *sy = malloc((b->object_count + 1) * sizeof(*sy));
    c.queue = malloc((a->object_count + 1) * sizeof(*c.queue));
    good = good && x && y && sx && sy && c.queue;
    if (good) {
        pair_objects(&c, x, y, sx, sy);
        tell_all(&c);
    }
    out->pairs = c.queued;
    out->pair_a = c.a.pair;
    out->pair_b = c.b.pair;
    free(x);
    free(y);
    free(sx);
    free(sy);
    free(c.queue);
    side_free(&c.a);
    side_free(&c.b);
    if (good && !c.failed)
        return ERR_OK;
    comparison_free(out);
    return ERR_NO_MEMORY;
}

void comparison_free(struct comparison *c)
{
    free(c->difference);
    free(c->pair_a);
    free(c->pair_b);
    *c = (struct comparison){0};
}

const char *comparison_sentence(enum comparison_kind kind)
{
    switch (kind) {
    case COMPARISON_OBJECT:
        return "only one has this object";
    case COMPARISON_SLOT:
        return "the capabilities differ";
    case COMPARISON_TARGET:
        return "it refers to another object";
    case COMPARISON_PARENT:
        return "it is derived from another";
    case COMPARISON_THREAD:
        return "the thread is set up in another way";
    case COMPARISON_MAPPING:
        return "the translations differ";
    }
    return "?";
}
