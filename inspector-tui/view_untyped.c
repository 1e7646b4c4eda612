/* Untyped memory: used, lost to alignment, free, and what a revoke would give back, with a bar. */
#include "inspector-tui/app.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KIND_UNTYPED = 48, BAR = 20 };

static bool is_shown(const struct capstate *s, int32_t i)
{
    return s->slots[i].rec.type == RECORD_CAP_UNTYPED &&
           !(s->slots[i].rec.flags & RECORD_SLOT_DEVICE);
}

static void build(struct app *app, struct view *v)
{
    const struct capstate *s = &app->state;
    for (int32_t i = 0; i < (int32_t)s->slot_count; i++) {
        if (!is_shown(s, i))
            continue;
        uint32_t depth = 0;
        for (int32_t p = s->slots[i].parent; p >= 0; p = s->slots[p].parent)
            depth++;
        struct row *r = view_add(v, row_key(KIND_UNTYPED, s->slots[i].rec.addr, 0), depth, 0);
        if (!r)
            return;
        r->slot = i;
        r->object = s->slots[i].object;
        if (app_slot_changed(app, i))
            r->flags |= ROW_CHANGED;
    }
}

struct usage {
    uint64_t size, used, free;
};

/* Bytes that direct children occupy (one per object), and what a retype could hand out now: all of
 * a childless untyped, whatever its watermark. */
static struct usage usage_of(const struct capstate *s, int32_t slot)
{
    const struct capstate_slot *u = &s->slots[slot];
    struct usage g = {.size = 1ull << u->rec.bits};
    uint64_t last = 0;
    bool any = false;
    for (int32_t i = slot + 1; i < u->next; i = s->slots[i].next) {
        const struct record_slot *c = &s->slots[i].rec;
        if (any && c->object == last)
            continue;
        any = true;
        last = c->object;
        g.used += 1ull << c->bits;
    }
    g.free = any ? g.size - u->rec.data : g.size;
    return g;
}

static void size_text(uint64_t bytes, char *buf, size_t size)
{
    if (bytes >= 1u << 20 && bytes % (1u << 20) == 0)
        snprintf(buf, size, "%lluM", (unsigned long long)(bytes >> 20));
    else if (bytes >= 1024)
        snprintf(buf, size, "%lluK", (unsigned long long)(bytes >> 10));
    else
        snprintf(buf, size, "%llu", (unsigned long long)bytes);
}

/* '#' used, '-' lost to alignment, '.' free */
static void bar_text(const struct usage *g, char bar[BAR + 1])
{
    uint64_t lost = g->size - g->used - g->free;
    for (uint32_t i = 0; i < BAR; i++) {
        uint64_t at = g->size * i / BAR;
        bar[i] = at < g->used ? '#' : at < g->used + lost ? '-' : '.';
    }
    bar[BAR] = 0;
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    const struct capstate *s = &app->state;
    struct usage g = usage_of(s, r->slot);
    if (g.used + g.free > g.size)
        g.free = g.size > g.used ? g.size - g.used : 0;
    char bar[BAR + 1], total[24], used[24], lost[24], left[24], place[160];
    bar_text(&g, bar);
    size_text(g.size, total, sizeof total);
    size_text(g.used, used, sizeof used);
    size_text(g.size - g.used - g.free, lost, sizeof lost);
    size_text(g.free, left, sizeof left);
    capstate_place_text(s, r->slot, place, sizeof place);
    snprintf(buf, size, "%08" PRIx64 " %5s [%s] %6s used %5s lost %6s free%s  %s",
             s->slots[r->slot].rec.object, total, bar, used, lost, left, g.used ? "" : ", all",
             place);
}

const struct view_ops view_untyped = {"Untyped", NULL, build, text, NULL};
