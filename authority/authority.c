/* Building the whole analysis, names of its enumerations, and small questions about domains. */
#include "authority/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum error allocate(struct authority *a)
{
    size_t nodes = a->node_count + 1;
    a->priv = calloc(1, sizeof(*a->priv));
    if (!a->priv)
        return ERR_NO_MEMORY;
    a->thread_domain = malloc((a->state->thread_count + 1) * sizeof(*a->thread_domain));
    a->home = malloc(nodes * sizeof(*a->home));
    a->island = malloc(nodes * sizeof(*a->island));
    a->island_strict = malloc(nodes * sizeof(*a->island_strict));
    a->priv->manager = calloc(nodes, sizeof(*a->priv->manager));
    a->priv->active = calloc(nodes, sizeof(*a->priv->active));
    bool all = a->thread_domain && a->home && a->island && a->island_strict && a->priv->manager &&
               a->priv->active;
    return all ? ERR_OK : ERR_NO_MEMORY;
}

enum error authority_build(const struct capstate *state, const struct authority_rules *rules,
                           struct authority *out)
{
    struct authority a = {.state = state, .node_count = state->object_count};
    enum error e = allocate(&a);
    if (e == ERR_OK)
        e = authority_make_edges(&a);
    if (e == ERR_OK)
        e = authority_name_threads(&a, rules);
    if (e == ERR_OK)
        e = authority_find_islands(&a);
    if (e == ERR_OK)
        e = authority_name_rest(&a);
    if (e == ERR_OK)
        e = authority_find_homes(&a);
    if (e == ERR_OK)
        *out = a;
    else
        authority_free(&a);
    return e;
}

void authority_free(struct authority *a)
{
    for (uint32_t i = 0; i < a->domain_count; i++)
        free(a->domains[i].name);
    free(a->domains);
    free(a->edges);
    free(a->first_edge);
    free(a->thread_domain);
    free(a->home);
    free(a->enclosing);
    free(a->island);
    free(a->island_strict);
    if (a->priv) {
        free(a->priv->reverse);
        free(a->priv->first_reverse);
        free(a->priv->manager);
        free(a->priv->active);
        free(a->priv);
    }
    *a = (struct authority){0};
}

const char *authority_edge_name(enum authority_edge_kind kind)
{
    static const char *const names[] = {
#define X(NAME, name, sentence) [AUTHORITY_##NAME] = name,
        AUTHORITY_EDGE_LIST(X)
#undef X
    };
    return kind < AUTHORITY_EDGE_KINDS ? names[kind] : "?";
}

const char *authority_edge_sentence(enum authority_edge_kind kind)
{
    static const char *const sentences[] = {
#define X(NAME, name, sentence) [AUTHORITY_##NAME] = sentence,
        AUTHORITY_EDGE_LIST(X)
#undef X
    };
    return kind < AUTHORITY_EDGE_KINDS ? sentences[kind] : "?";
}

bool authority_edge_gains(enum authority_edge_kind kind)
{
    return authority_edge_reaches(kind) || kind == AUTHORITY_REPLY_GRANT ||
           kind == AUTHORITY_GRANT || kind == AUTHORITY_GRANT_RECV;
}

const char *authority_breach_name(enum authority_breach_kind kind)
{
    static const char *const names[] = {
#define X(NAME, name, sentence) [AUTHORITY_BREACH_##NAME] = name,
        AUTHORITY_BREACH_LIST(X)
#undef X
    };
    return kind < AUTHORITY_BREACH_KINDS ? names[kind] : "?";
}

const char *authority_breach_sentence(enum authority_breach_kind kind)
{
    static const char *const sentences[] = {
#define X(NAME, name, sentence) [AUTHORITY_BREACH_##NAME] = sentence,
        AUTHORITY_BREACH_LIST(X)
#undef X
    };
    return kind < AUTHORITY_BREACH_KINDS ? sentences[kind] : "?";
}

int32_t authority_domain_named(const struct authority *a, const char *name)
{
    for (uint32_t i = 0; i < a->domain_count; i++)
        if (strcmp(a->domains[i].name, name) == 0)
            return (int32_t)i;
    return -1;
}

int32_t authority_slot_domain(const struct authority *a, int32_t slot)
{
    int32_t holder = slot < 0 ? -1 : a->state->slots[slot].holder;
    return holder < 0 ? -1 : a->home[holder];
}

bool authority_domain_holds(const struct authority *a, int32_t domain, int32_t object)
{
    const struct authority_private *p = a->priv;
    for (uint32_t i = p->first_reverse[object]; i < p->first_reverse[object + 1]; i++) {
        const struct authority_edge *e = &a->edges[p->reverse[i]];
        if (e->kind != AUTHORITY_COVER && e->kind != AUTHORITY_DESTROY &&
            a->home[e->from] == domain)
            return true;
    }
    return false;
}

char *authority_managers_text(const struct authority *a, char *buf, size_t size)
{
    size_t used = 0;
    snprintf(buf, size, "none");
    for (uint32_t i = 0; i < a->domain_count; i++) {
        if (!a->domains[i].trusted || used >= size)
            continue;
        int n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "", a->domains[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

uint32_t authority_mark_domain(const struct authority *a, int32_t domain, bool *mark)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        int32_t object = a->state->threads[i].object;
        if (object < 0 || a->thread_domain[i] != domain)
            continue;
        mark[object] = true;
        count++;
    }
    return count;
}

/* --- owner --- */

static bool object_covers(const struct capstate_object *o, uint64_t addr)
{
    return o->bits != 0 && addr >= o->addr && addr - o->addr < (uint64_t)1 << o->bits;
}

/* The untyped that holds the address and is nearest to it: that of the object there, or the
 * smallest untyped that has no object there. */
static int32_t untyped_over(const struct authority *a, int32_t object, uint64_t addr)
{
    if (object < 0)
        return -1;
    bool untyped = a->state->objects[object].type == RECORD_CAP_UNTYPED;
    return untyped && object_covers(&a->state->objects[object], addr) ? object
                                                                      : a->enclosing[object];
}

static int32_t holder_domain(const struct authority *a, int32_t object, bool *several)
{
    int32_t domain = -1;
    const struct authority_private *p = a->priv;
    for (uint32_t i = p->first_reverse[object]; i < p->first_reverse[object + 1]; i++) {
        const struct authority_edge *e = &a->edges[p->reverse[i]];
        int32_t d = a->home[e->from];
        if (e->kind == AUTHORITY_COVER || e->kind == AUTHORITY_DESTROY ||
            !authority_counts(a, d, false))
            continue;
        if (domain >= 0 && domain != d)
            *several = true;
        domain = domain < 0 ? d : domain;
    }
    return domain;
}

static int32_t manager_of(const struct authority *a, int32_t object)
{
    for (int32_t at = object; at >= 0; at = a->enclosing[at])
        for (int32_t slot = a->state->objects[at].first_slot; slot >= 0;
             slot = a->state->slots[slot].next_same)
            if (authority_slot_domain(a, slot) >= 0)
                return authority_slot_domain(a, slot);
    return -1;
}

void authority_owner_of(const struct authority *a, uint64_t addr, struct authority_owner *out)
{
    const struct record_snapshot *k = &a->state->snapshot;
    *out = (struct authority_owner){.object = capstate_object_holding(a->state, addr),
                                    .untyped = -1,
                                    .domain = -1,
                                    .kernel = addr >= k->kernel_start && addr < k->kernel_end};
    if (out->object < 0)
        return;
    out->untyped = untyped_over(a, out->object, addr);
    for (int32_t u = out->untyped; u >= 0 && out->domain < 0; u = a->enclosing[u]) {
        bool several = false;
        out->domain = holder_domain(a, u, &several);
        out->shared = several;
    }
    out->by_untyped = out->domain >= 0;
    if (out->domain < 0)
        out->domain = holder_domain(a, out->object, &out->shared);
    if (out->domain < 0)
        out->domain = manager_of(a, out->object);
}
