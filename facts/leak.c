/* Looking for memory that nobody can use. */
#include "facts/leak.h"

#include "lib/array.h"
#include "lib/texts.h"

#include <stdlib.h>
#include <string.h>

TEXTS_OF(leak_word, enum leak_kind, LEAK_LIST, TEXTS_SECOND, "?")
TEXTS_OF(leak_sentence, enum leak_kind, LEAK_LIST, TEXTS_THIRD, "?")

/* Marks the CNodes and TCBs in which a capability can be used: CSpaces of threads, and TCBs. */
static void mark_reachable(const struct capstate *s, bool *reached, int32_t *queue)
{
    uint32_t head = 0, tail = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t root = capstate_thread_cspace(s, (int32_t)i);
        if (s->threads[i].object >= 0)
            reached[s->threads[i].object] = true;
        if (root >= 0 && !reached[root]) {
            reached[root] = true;
            queue[tail++] = root;
        }
    }
    while (head < tail) {
        int32_t cnode = queue[head++];
        for (int32_t i = capstate_slot_in(s, cnode, 0); i >= 0;
             i = capstate_slot_after(s, cnode, i)) {
            int32_t o = s->slots[i].object;
            if (s->slots[i].rec.type != RECORD_CAP_CNODE || o < 0 || reached[o])
                continue;
            reached[o] = true;
            queue[tail++] = o;
        }
    }
}

static bool held_where_reached(const struct capstate *s, int32_t object, const bool *reached)
{
    for (int32_t i = s->objects[object].first_slot; i >= 0; i = s->slots[i].next_same)
        if (s->slots[i].holder < 0 || reached[s->slots[i].holder])
            return true;
    return false;
}

/* RAM, without children, and only managers hold it. */
static bool is_idle_untyped(const struct authority *a, int32_t object)
{
    const struct capstate *s = a->state;
    const struct capstate_object *o = &s->objects[object];
    if (o->type != RECORD_CAP_UNTYPED || (o->flags & RECORD_SLOT_DEVICE))
        return false;
    for (int32_t i = o->first_slot; i >= 0; i = s->slots[i].next_same) {
        int32_t d = authority_slot_domain(a, i);
        if (s->slots[i].next > i + 1 || (d >= 0 && !a->domains[d].trusted))
            return false;
    }
    return true;
}

/* What is lost stands before what only lies idle. */
static int worse_first(const void *a, const void *b)
{
    const struct leak *x = a, *y = b;
    bool x_idle = x->kind == LEAK_NOBODYS, y_idle = y->kind == LEAK_NOBODYS;
    if (x_idle != y_idle)
        return x_idle ? 1 : -1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* --- RAM under no capability --- */

/* From start to last, both counted, so that the end of the address space is one. */
struct stretch {
    uint64_t start, last;
};

struct found {
    struct leak *leaks;
    uint32_t count;
    size_t room;
    bool failed;
};

static void add_leak(struct found *f, const struct leak *l)
{
    struct leak *grown = array_room(f->leaks, f->count, &f->room, sizeof(*grown));
    f->failed |= !grown;
    if (!grown)
        return;
    f->leaks = grown;
    f->leaks[f->count++] = *l;
}

static void add_lost(struct found *f, uint64_t start, uint64_t last)
{
    add_leak(f, &(struct leak){LEAK_NO_CAPABILITY, -1, -1, start, last - start + 1});
}

static int by_start(const void *a, const void *b)
{
    const struct stretch *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Objects and what the kernel keeps for itself, by their addresses. */
static uint32_t find_covered(const struct capstate *s, struct stretch *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->object_count; i++)
        if (s->objects[i].bits > 0 && s->objects[i].bits < 64)
            out[n++] = (struct stretch){s->objects[i].addr,
                                        s->objects[i].addr + ((1ull << s->objects[i].bits) - 1)};
    for (uint32_t i = 0; i < s->range_count; i++)
        if (s->ranges[i].use == RECORD_RANGE_KERNEL && s->ranges[i].size)
            out[n++] =
                (struct stretch){s->ranges[i].base, s->ranges[i].base + (s->ranges[i].size - 1)};
    if (s->snapshot.kernel_end > s->snapshot.kernel_start)
        out[n++] = (struct stretch){s->snapshot.kernel_start, s->snapshot.kernel_end - 1};
    qsort(out, n, sizeof(*out), by_start);
    return n;
}

/* What of one range of RAM lies between the stretches. */
static void find_gaps(const struct stretch *covered, uint32_t count, const struct record_range *ram,
                      struct found *f)
{
    uint64_t at = ram->base, last = ram->base + (ram->size - 1);
    for (uint32_t i = 0; i < count && covered[i].start <= last; i++) {
        if (covered[i].start > at)
            add_lost(f, at, covered[i].start - 1);
        if (covered[i].last >= last)
            return;
        at = covered[i].last + 1 > at ? covered[i].last + 1 : at;
    }
    add_lost(f, at, last);
}

/* A snapshot that is not whole does not tell where nothing is. */
static void find_lost(const struct capstate *s, struct found *f)
{
    struct stretch *covered = malloc((s->object_count + s->range_count + 1ull) * sizeof(*covered));
    f->failed |= !covered;
    if (!covered)
        return;
    uint32_t count = find_covered(s, covered);
    for (uint32_t i = 0; i < s->range_count && s->end.complete && !s->part; i++)
        if (s->ranges[i].use == RECORD_RANGE_RAM && s->ranges[i].size)
            find_gaps(covered, count, &s->ranges[i], f);
    free(covered);
}

/* --- all of it --- */

static void judge(const struct authority *a, int32_t object, const bool *reached, struct found *f)
{
    const struct capstate_object *o = &a->state->objects[object];
    if (o->bits == 0 || o->bits > 63 || o->first_slot < 0)
        return;
    bool unreachable = !held_where_reached(a->state, object, reached);
    if (!unreachable && !is_idle_untyped(a, object))
        return;
    add_leak(f, &(struct leak){unreachable ? LEAK_CNODE_UNUSED : LEAK_NOBODYS, object,
                               o->first_slot, o->addr, 1ull << o->bits});
}

enum error leak_find(const struct authority *a, struct leak **leaks, uint32_t *count)
{
    const struct capstate *s = a->state;
    bool *reached = calloc(s->object_count + 1, sizeof(*reached));
    int32_t *queue = malloc((s->object_count + 1) * sizeof(*queue));
    struct found f = {.failed = !reached || !queue};
    if (!f.failed) {
        mark_reachable(s, reached, queue);
        for (uint32_t i = 0; i < s->object_count; i++)
            judge(a, (int32_t)i, reached, &f);
        find_lost(s, &f);
    }
    if (f.count)
        qsort(f.leaks, f.count, sizeof(*f.leaks), worse_first);
    free(reached);
    free(queue);
    if (f.failed) {
        free(f.leaks);
        f = (struct found){.failed = true};
    }
    *leaks = f.leaks;
    *count = f.count;
    return f.failed ? ERR_NO_MEMORY : ERR_OK;
}
