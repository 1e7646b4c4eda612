/* Addresses for the objects of a capDL specification: see capdl.h. */
#include "capdb/capdl.h"

#include "capdb/capdl_arch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t size_of(const struct capdl_object *o)
{
    return (uint64_t)1 << o->bits;
}

static bool has_memory(const struct capdl_object *o)
{
    return o->bits != 0;
}

/* "ep_80102000": called as an export calls it, so that is its address. */
static bool is_named_so(const struct capdl_arch *arch, const struct capdl_object *o, uint64_t addr)
{
    char name[CAPDL_NAME];
    if (capdl_is_table(o->type))
        snprintf(name, sizeof(name), "%s_%08" PRIx64, arch->table[o->level], addr);
    else
        capdl_name(name, o->type, addr, o->bits);
    return strcmp(name, o->name) == 0;
}

static void place_by_name(const struct capdl_arch *arch, struct capdl_object *o)
{
    const char *digits = strrchr(o->name, '_');
    char *end;
    if (o->placed || !digits || o->type == RECORD_CAP_UNTYPED)
        return;
    uint64_t addr = strtoull(digits + 1, &end, 16);
    if (*end != '\0' || addr % size_of(o) != 0 || !is_named_so(arch, o, addr))
        return;
    o->addr = addr;
    o->placed = true;
}

/* Untyped memory of a device need not be aligned. */
static enum error check_given(const struct capdl_arch *arch, const struct capdl_object *o,
                              struct capdl_fault *fault)
{
    uint64_t end = (uint64_t)1 << arch->address_bits;
    if (o->type != RECORD_CAP_UNTYPED && o->addr % size_of(o) != 0)
        return capdl_refuse(fault, o->where, "%.60s: 0x%" PRIx64 " is no multiple of its size",
                            o->name, o->addr);
    if (o->addr > end || size_of(o) > end - o->addr)
        return capdl_refuse(fault, o->where, "%.60s ends beyond the last address", o->name);
    return ERR_OK;
}

/* --- in order of addresses --- */

/* An untyped before what begins in it; of two untypeds the larger. */
int capdl_by_place(const void *pa, const void *pb, void *objects)
{
    const struct capdl_object *a = (const struct capdl_object *)objects + *(const int32_t *)pa;
    const struct capdl_object *b = (const struct capdl_object *)objects + *(const int32_t *)pb;
    if (a->addr != b->addr)
        return a->addr < b->addr ? -1 : 1;
    if (a->bits != b->bits)
        return a->bits > b->bits ? -1 : 1;
    return (b->type == RECORD_CAP_UNTYPED) - (a->type == RECORD_CAP_UNTYPED);
}

static uint32_t sorted_by_place(const struct capdl_spec *s, int32_t *sorted)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->objects; i++)
        if (has_memory(&s->object[i]) && s->object[i].placed)
            sorted[count++] = (int32_t)i;
    if (count)
        qsort_r(sorted, count, sizeof(*sorted), capdl_by_place, s->object);
    return count;
}

static enum error overlap(const struct capdl_object *a, const struct capdl_object *b,
                          struct capdl_fault *fault)
{
    return capdl_refuse(fault, b->where,
                        "%.50s (0x%" PRIx64 ") overlaps %.50s (0x%" PRIx64 ") of line %u", b->name,
                        b->addr, a->name, a->addr, a->where.line);
}

/* Objects overlap only where untyped memory holds the other whole; and a member lies in it. `open`
 * is the stack of untyped memory around the object at hand. */
static enum error check_overlaps(const struct capdl_spec *s, const int32_t *sorted, uint32_t count,
                                 int32_t *open, struct capdl_fault *fault)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct capdl_object *o = &s->object[sorted[i]];
        while (depth > 0 &&
               s->object[open[depth - 1]].addr + size_of(&s->object[open[depth - 1]]) <= o->addr)
            depth--;
        const struct capdl_object *around = depth ? &s->object[open[depth - 1]] : NULL;
        bool same =
            around && around->type == o->type && around->addr == o->addr && around->bits == o->bits;
        if (around && (around->type != RECORD_CAP_UNTYPED || same ||
                       o->addr + size_of(o) > around->addr + size_of(around)))
            return overlap(around, o, fault);
        open[depth++] = sorted[i];
    }
    return ERR_OK;
}

static enum error check_members(const struct capdl_spec *s, struct capdl_fault *fault)
{
    for (uint32_t i = 0; i < s->objects; i++) {
        const struct capdl_object *o = &s->object[i];
        const struct capdl_object *u = o->inside == CAPDL_NONE ? NULL : &s->object[o->inside];
        if (u && has_memory(o) &&
            (o->addr < u->addr || o->addr + size_of(o) > u->addr + size_of(u)))
            return capdl_refuse(fault, o->where,
                                "%.50s (0x%" PRIx64 ") lies outside of %.50s, whose member it is",
                                o->name, o->addr, u->name);
    }
    return ERR_OK;
}

/* --- giving addresses --- */

/* The free memory of one region, upwards from `next`, past what is taken. */
struct region {
    const struct capdl_spec *spec;
    const int32_t *taken; /* placed objects by address */
    uint32_t taken_count, at;
    uint64_t next, end;
};

static bool region_give(struct region *g, struct capdl_object *o)
{
    uint64_t addr = (g->next + size_of(o) - 1) & ~(size_of(o) - 1);
    for (; g->at < g->taken_count; g->at++) {
        const struct capdl_object *t = &g->spec->object[g->taken[g->at]];
        if (t->addr >= addr + size_of(o))
            break;
        if (t->addr + size_of(t) > addr)
            addr = (t->addr + size_of(t) + size_of(o) - 1) & ~(size_of(o) - 1);
    }
    if (addr + size_of(o) > g->end)
        return false;
    o->addr = addr;
    o->placed = true;
    g->next = addr + size_of(o);
    return true;
}

/* By what they lie in, then the largest first, then as they stand in the file: no gaps. */
static int free_compare(const void *pa, const void *pb, void *objects)
{
    const struct capdl_object *o = objects;
    int32_t a = *(const int32_t *)pa;
    int32_t b = *(const int32_t *)pb;
    if (o[a].inside != o[b].inside)
        return o[a].inside < o[b].inside ? -1 : 1;
    if (o[a].bits != o[b].bits)
        return o[a].bits > o[b].bits ? -1 : 1;
    return (a > b) - (a < b);
}

static struct region region_of(const struct capdl_spec *s, int32_t untyped, const int32_t *taken,
                               uint32_t count)
{
    struct region g = {.spec = s, .taken = taken, .taken_count = count};
    g.next = CAPDL_RAM_BASE + CAPDL_RAM_TAKEN;
    g.end = s->arch->word_bits == 32 ? CAPDL_RAM_BASE + CAPDL_RAM_SIZE
                                     : (uint64_t)1 << s->arch->address_bits;
    if (untyped != CAPDL_NONE) {
        g.next = s->object[untyped].addr;
        g.end = g.next + size_of(&s->object[untyped]);
        while (g.at < count && s->object[taken[g.at]].addr < g.next)
            g.at++;
        while (g.at < count && s->object[taken[g.at]].addr == g.next &&
               s->object[taken[g.at]].bits >= s->object[untyped].bits)
            g.at++;
    }
    return g;
}

/* Those whose untyped memory has its place already, so that nesting takes as many rounds as it is
 * deep. */
static uint32_t find_free(const struct capdl_spec *s, int32_t *free_ones)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->objects; i++) {
        const struct capdl_object *o = &s->object[i];
        if (!o->placed && has_memory(o) && (o->inside == CAPDL_NONE || s->object[o->inside].placed))
            free_ones[count++] = (int32_t)i;
    }
    if (count)
        qsort_r(free_ones, count, sizeof(*free_ones), free_compare, s->object);
    return count;
}

static enum error place_round(struct capdl_spec *s, int32_t *taken, const int32_t *free_ones,
                              uint32_t count, struct capdl_fault *fault)
{
    struct region g = {0};
    uint32_t taken_count = sorted_by_place(s, taken);
    for (uint32_t i = 0; i < count; i++) {
        struct capdl_object *o = &s->object[free_ones[i]];
        if (i == 0 || o->inside != s->object[free_ones[i - 1]].inside)
            g = region_of(s, o->inside, taken, taken_count);
        if (!region_give(&g, o))
            return capdl_refuse(fault, o->where, "%.60s has no room in %.60s", o->name,
                                o->inside == CAPDL_NONE ? "RAM" : s->object[o->inside].name);
    }
    return ERR_OK;
}

enum error capdl_place(struct capdl_spec *s, struct capdl_fault *fault)
{
    int32_t *taken = malloc((s->objects + 1) * sizeof(*taken));
    int32_t *other = malloc((s->objects + 1) * sizeof(*other));
    enum error e = taken && other ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; e == ERR_OK && i < s->objects; i++) {
        if (has_memory(&s->object[i]))
            place_by_name(s->arch, &s->object[i]);
        if (has_memory(&s->object[i]) && s->object[i].placed)
            e = check_given(s->arch, &s->object[i], fault);
    }
    for (uint32_t count = 1; e == ERR_OK && count > 0;) {
        count = find_free(s, other);
        e = place_round(s, taken, other, count, fault);
    }
    if (e == ERR_OK)
        e = check_members(s, fault);
    if (e == ERR_OK)
        e = check_overlaps(s, taken, sorted_by_place(s, taken), other, fault);
    free(taken);
    free(other);
    return e;
}
