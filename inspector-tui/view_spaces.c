/* The tree of CSpaces: domain, its threads, the CNode each thread's capabilities begin in, slots;
 * a slot with a CNode capability opens into that CNode. */
#include "inspector-tui/app.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum row_kind { KIND_DOMAIN = 1, KIND_THREAD, KIND_CNODE, KIND_SLOT, KIND_INTERNAL };

enum { MAX_NESTING = 12 }; /* CNodes may contain themselves; deeper is not followed */

/* Position of the first slot (by index in its holder) of each object: slots sorted by address. */
struct nest {
    int32_t cnode[MAX_NESTING];
    uint32_t depth;
};

static bool nest_contains(const struct nest *n, int32_t cnode)
{
    for (uint32_t i = 0; i < n->depth; i++)
        if (n->cnode[i] == cnode)
            return true;
    return false;
}

/* Key of a thing reached along a path: the same slot reached twice is two rows. */
static uint64_t path_key(uint64_t parent, uint32_t kind, uint64_t addr)
{
    return row_key(kind, addr, (uint32_t)(parent ^ parent >> 32));
}

static void add_slot(struct app *app, struct view *v, int32_t slot, uint64_t parent, uint32_t depth,
                     uint32_t kind, const struct nest *nest)
{
    const struct capstate_slot *s = &app->state.slots[slot];
    bool cnode = s->rec.type == RECORD_CAP_CNODE && s->object >= 0 && nest->depth < MAX_NESTING &&
                 !nest_contains(nest, s->object);
    struct row *r =
        view_add(v, path_key(parent, kind, s->rec.addr), depth, cnode ? ROW_CAN_FOLD : 0);
    if (!r)
        return;
    r->value = kind;
    r->slot = slot;
    r->object = s->object;
    if (app_slot_changed(app, slot))
        r->flags |= ROW_CHANGED;
}

/* Slots of a CNode in order of their index. Nested CNodes are opened in place: an explicit stack of
 * (cnode, next address) keeps the place in each. */
static void add_cnode(struct app *app, struct view *v, int32_t cnode, uint64_t parent,
                      uint32_t depth)
{
    struct nest nest = {.depth = 0};
    uint32_t next[MAX_NESTING + 1];
    uint64_t keys[MAX_NESTING + 1];
    const struct capstate *s = &app->state;
    nest.cnode[nest.depth++] = cnode;
    next[0] = 0;
    keys[0] = parent;
    while (nest.depth > 0) {
        uint32_t level = nest.depth - 1;
        int32_t slot = capstate_slot_in(s, nest.cnode[level], next[level]);
        if (slot < 0) {
            nest.depth--;
            continue;
        }
        next[level] = s->slots[slot].index + 1;
        uint32_t row = v->count;
        add_slot(app, v, slot, keys[level], depth + level, KIND_SLOT, &nest);
        if (row < v->count && (v->rows[row].flags & ROW_OPEN)) {
            keys[nest.depth] = v->rows[row].key;
            next[nest.depth] = 0;
            nest.cnode[nest.depth++] = s->slots[slot].object;
        }
    }
}

static void add_thread(struct app *app, struct view *v, int32_t thread, uint64_t parent,
                       uint32_t depth)
{
    const struct capstate *s = &app->state;
    const struct capstate_thread *t = &s->threads[thread];
    uint64_t key = path_key(parent, KIND_THREAD, t->rec.addr);
    struct row *r = view_add(v, key, depth, ROW_CAN_FOLD);
    if (!r)
        return;
    r->value = KIND_THREAD;
    r->thread = thread;
    r->object = t->object;
    if (t->rec.fault)
        r->flags |= ROW_ALERT;
    if (!(r->flags & ROW_OPEN))
        return;
    struct nest none = {.depth = 0};
    for (int32_t slot = capstate_slot_in(s, t->object, 0); slot >= 0;
         slot = capstate_slot_in(s, t->object, s->slots[slot].index + 1))
        if (s->slots[slot].rec.type != RECORD_CAP_CNODE)
            add_slot(app, v, slot, key, depth + 1, KIND_INTERNAL, &none);
    int32_t cnode = capstate_thread_cspace(s, thread);
    if (cnode < 0)
        return;
    uint64_t cnode_key = path_key(key, KIND_CNODE, s->objects[cnode].addr);
    r = view_add(v, cnode_key, depth + 1, ROW_CAN_FOLD);
    if (!r)
        return;
    r->value = KIND_CNODE;
    r->object = cnode;
    if (r->flags & ROW_OPEN)
        add_cnode(app, v, cnode, cnode_key, depth + 2);
}

static uint32_t domain_threads(const struct app *app, int32_t domain)
{
    uint32_t threads = 0;
    for (uint32_t i = 0; i < app->state.thread_count; i++)
        threads += !app->state.threads[i].rec.idle && app->authority.thread_domain[i] == domain;
    return threads;
}

static void add_domain(struct app *app, struct view *v, int32_t domain)
{
    const char *name = app_domain_name(app, domain);
    uint32_t hash = 5381;
    for (const char *p = name; *p; p++)
        hash = hash * 33 + (uint8_t)*p;
    uint64_t key = row_key(KIND_DOMAIN, hash, 0);
    struct row *r = view_add(v, key, 0, ROW_CAN_FOLD);
    if (!r)
        return;
    r->value = KIND_DOMAIN;
    r->domain = domain;
    if (!(r->flags & ROW_OPEN))
        return;
    for (uint32_t i = 0; i < app->state.thread_count; i++)
        if (!app->state.threads[i].rec.idle && app->authority.thread_domain[i] == domain)
            add_thread(app, v, (int32_t)i, key, 1);
}

static void build(struct app *app, struct view *v)
{
    if (!app->have_authority)
        return;
    for (uint32_t d = 0; d < app->authority.domain_count; d++)
        add_domain(app, v, (int32_t)d);
    if (domain_threads(app, AUTHORITY_NO_DOMAIN) > 0)
        add_domain(app, v, AUTHORITY_NO_DOMAIN);
}

static void domain_text(struct app *app, int32_t domain, char *buf, size_t size)
{
    uint32_t threads = domain_threads(app, domain);
    bool trusted = domain >= 0 && app->authority.domains[domain].trusted;
    snprintf(buf, size, "%s  %u thread%s%s",
             domain < 0 ? "(no domain)" : app_domain_name(app, domain), threads,
             threads == 1 ? "" : "s", trusted ? "  trusted manager" : "");
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    const struct capstate *s = &app->state;
    static const char *const internal[] = {"cspace", "vspace", "reply", "caller", "buffer"};
    char cap[256];
    switch ((enum row_kind)r->value) {
    case KIND_DOMAIN:
        domain_text(app, r->domain, buf, size);
        break;
    case KIND_THREAD:
        snprintf(buf, size, "%s  tcb 0x%08" PRIx64 "  prio %u", s->threads[r->thread].label,
                 s->threads[r->thread].rec.addr, s->threads[r->thread].rec.priority);
        break;
    case KIND_CNODE:
        snprintf(buf, size, "cspace  cnode 0x%08" PRIx64 "  %u slots", s->objects[r->object].addr,
                 1u << (s->objects[r->object].bits - 4));
        break;
    case KIND_SLOT:
        capstate_slot_text(s, r->slot, cap, sizeof cap);
        snprintf(buf, size, "%-5u %s", s->slots[r->slot].index, cap);
        break;
    case KIND_INTERNAL:
        capstate_slot_text(s, r->slot, cap, sizeof cap);
        snprintf(buf, size, "%-6s %s",
                 s->slots[r->slot].index < 5 ? internal[s->slots[r->slot].index] : "?", cap);
        break;
    }
}

const struct view_ops view_spaces = {"CSpaces", NULL, build, text, NULL};
