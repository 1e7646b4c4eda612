/* Translations by address space: is what a frame capability says of its place still so?
 *
 * Records tell the translations of one space together and by ascending address.  So the index is a
 * list of runs, one for each space, and where they stand otherwise there are more of them. */
#include "capstate/index.h"

#include "lib/array.h"

#include <stdlib.h>

static bool goes_on(const struct record_mapping *before, const struct record_mapping *m)
{
    return m->asid == before->asid && m->vaddr >= before->vaddr;
}

static uint32_t count_runs(const struct capstate *s)
{
    uint32_t n = s->mapping_count != 0;
    for (uint32_t i = 1; i < s->mapping_count; i++)
        n += !goes_on(&s->mappings[i - 1], &s->mappings[i]);
    return n;
}

static int run_compare(const void *a, const void *b)
{
    const struct capstate_run *x = a, *y = b;
    if (x->asid != y->asid)
        return x->asid < y->asid ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

enum error capstate_spaces_sort(struct capstate *s)
{
    struct capstate_index *x = s->index;
    struct capstate_run *run = capstate_array(count_runs(s), sizeof(*run));
    free(x->runs);
    x->runs = run;
    x->run_count = 0;
    if (!run)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (i == 0 || !goes_on(m - 1, m))
            run[x->run_count++] = (struct capstate_run){m->asid, i, 0};
        run[x->run_count - 1].count++;
    }
    qsort(run, x->run_count, sizeof(*run), run_compare);
    return ERR_OK;
}

static bool run_has(const struct capstate *s, const struct capstate_run *run,
                    const struct record_slot *cap)
{
    const struct record_mapping *m = s->mappings + run->first;
    size_t at = LOWER_BOUND(run->count, i, m[i].vaddr < cap->data);
    for (; at < run->count && m[at].vaddr == cap->data; at++)
        if (m[at].frame == cap->object && m[at].bits == cap->bits)
            return true;
    return false;
}

static bool mappings_are_here(const struct capstate *s, const struct record_slot *frame)
{
    uint64_t offset = s->mapped - frame->object;
    return !s->part || s->all_mapped || (s->mapped_known && offset >> (frame->bits & 63) == 0);
}

bool capstate_is_stale(const struct capstate *s, const struct record_slot *cap)
{
    const struct capstate_index *x = s->index;
    if (cap->type != RECORD_CAP_FRAME || cap->extra == 0 || !s->end.complete ||
        !mappings_are_here(s, cap))
        return false;
    size_t at = LOWER_BOUND(x->run_count, i, x->runs[i].asid < cap->extra);
    for (; at < x->run_count && x->runs[at].asid == cap->extra; at++)
        if (run_has(s, &x->runs[at], cap))
            return false;
    return true;
}
