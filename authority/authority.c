/* Building the whole analysis, and small questions about domains and owners. */
#include "authority/conveys.h"
#include "authority/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum error allocate(struct authority *a)
{
    size_t nodes = a->node_count + 1;
    size_t threads = a->state->thread_count + 1;
    a->priv = calloc(1, sizeof(*a->priv));
    if (!a->priv)
        return ERR_NO_MEMORY;
    a->thread_domain = malloc(threads * sizeof(*a->thread_domain));
    a->home = malloc(nodes * sizeof(*a->home));
    a->island = malloc(nodes * sizeof(*a->island));
    a->island_strict = malloc(nodes * sizeof(*a->island_strict));
    a->priv->manager = calloc(nodes, sizeof(*a->priv->manager));
    a->priv->active = calloc(nodes, sizeof(*a->priv->active));
    a->priv->by_addr = malloc(threads * sizeof(*a->priv->by_addr));
    bool all = a->thread_domain && a->home && a->island && a->island_strict && a->priv->manager &&
               a->priv->active && a->priv->by_addr;
    return all ? ERR_OK : ERR_NO_MEMORY;
}

static int by_address(const void *pa, const void *pb, void *state)
{
    const struct capstate *s = state;
    uint64_t a = s->threads[*(const int32_t *)pa].rec.addr;
    uint64_t b = s->threads[*(const int32_t *)pb].rec.addr;
    return (a > b) - (a < b);
}

static enum error sort_threads(struct authority *a)
{
    for (uint32_t i = 0; i < a->state->thread_count; i++)
        a->priv->by_addr[i] = (int32_t)i;
    qsort_r(a->priv->by_addr, a->state->thread_count, sizeof(*a->priv->by_addr), by_address,
            (void *)(uintptr_t)a->state);
    return ERR_OK;
}

static void names_end(struct authority *a)
{
    if (a->priv && a->priv->names) {
        free(a->priv->names->domain);
        free(a->priv->names);
        a->priv->names = NULL;
    }
}

enum error authority_build(const struct capstate *state, const struct authority_rules *rules,
                           struct authority *out)
{
    static enum error (*const step[])(struct authority *) = {
        authority_find_active, authority_mark_live, authority_find_islands, authority_name_rest,
        authority_find_homes};
    struct authority a = {.state = state, .node_count = state->object_count};
    enum error e = allocate(&a);
    if (e == ERR_OK)
        e = sort_threads(&a);
    if (e == ERR_OK)
        e = authority_make_edges(&a);
    if (e == ERR_OK)
        e = authority_name_threads(&a, rules);
    for (size_t i = 0; e == ERR_OK && i < sizeof(step) / sizeof(*step); i++)
        e = step[i](&a);
    names_end(&a);
    if (e == ERR_OK)
        *out = a;
    else
        authority_free(&a);
    return e;
}

static bool names_all(const struct authority *a)
{
    for (uint32_t i = 0; i < a->state->thread_count; i++)
        if (a->thread_domain[i] < 0 && authority_thread_counts(a, i))
            return false;
    return true;
}

static void no_islands(struct authority *a)
{
    memset(a->island, 0xff, (a->node_count + 1) * sizeof(*a->island));
    memset(a->island_strict, 0xff, (a->node_count + 1) * sizeof(*a->island_strict));
}

static enum error make_homes(struct authority *a)
{
    enum error e = authority_find_active(a);
    no_islands(a);
    return e == ERR_OK ? authority_find_homes(a) : e;
}

enum error authority_build_homes(const struct capstate *state, const struct authority_rules *rules,
                                 struct authority *out)
{
    struct authority a = {.state = state, .node_count = state->object_count};
    enum error e = allocate(&a);
    if (e == ERR_OK)
        e = sort_threads(&a);
    if (e == ERR_OK)
        e = authority_make_leading_edges(&a);
    if (e == ERR_OK)
        e = authority_name_threads(&a, rules);
    bool named = e == ERR_OK && names_all(&a);
    if (named)
        e = make_homes(&a);
    names_end(&a);
    if (e == ERR_OK && named)
        *out = a;
    else
        authority_free(&a);
    return e == ERR_OK && !named ? authority_build(state, rules, out) : e;
}

static enum error copy_domains(struct authority *a, const struct authority_told *told)
{
    a->domains = calloc(told->domain_count + 1, sizeof(*a->domains));
    if (!a->domains)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < told->domain_count; i++) {
        char *name = strdup(told->domains[i].name);
        if (!name)
            return ERR_NO_MEMORY;
        a->domains[a->domain_count++] =
            (struct authority_domain){.name = name, .trusted = told->domains[i].trusted};
    }
    return ERR_OK;
}

static void take_told(struct authority *a, const struct authority_told *told)
{
    no_islands(a);
    if (a->node_count)
        memcpy(a->home, told->home, a->node_count * sizeof(*a->home));
    if (a->state->thread_count)
        memcpy(a->thread_domain, told->thread_domain,
               a->state->thread_count * sizeof(*a->thread_domain));
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        int32_t domain = a->thread_domain[i];
        if (domain >= 0 && authority_thread_counts(a, i))
            a->domains[domain].threads++;
    }
}

enum error authority_build_part(const struct capstate *part, const struct authority_told *told,
                                struct authority *out)
{
    struct authority a = {.state = part, .node_count = part->object_count, .root_thread = -1};
    enum error e = allocate(&a);
    if (e == ERR_OK)
        e = sort_threads(&a);
    if (e == ERR_OK)
        e = authority_make_edges(&a);
    if (e == ERR_OK)
        e = copy_domains(&a, told);
    if (e == ERR_OK) {
        take_told(&a, told);
        *out = a;
    } else {
        authority_free(&a);
    }
    return e;
}

static void private_free(struct authority_private *p)
{
    if (!p)
        return;
    free(p->reverse);
    free(p->first_reverse);
    free(p->manager);
    free(p->active);
    free(p->by_addr);
    free(p);
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
    names_end(a);
    private_free(a->priv);
    *a = (struct authority){0};
}

/* --- domains --- */

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

/* A capability to the object that lies in the holder, or a translation of the holder's.  Untyped memory
 * above an object and ancestors of its capability are other ways to have it, and what an endpoint delivers
 * to a CSpace is no capability to that. */
static bool is_hold(const struct authority *a, const struct authority_edge *e)
{
    if (e->kind == AUTHORITY_COVER || e->kind == AUTHORITY_DESTROY)
        return false;
    if (e->slot < 0)
        return e->mapping >= 0 || e->kind == AUTHORITY_TABLE;
    const struct capstate_slot *slot = &a->state->slots[e->slot];
    return slot->holder == e->from && slot->object == e->to;
}

bool authority_domain_holds(const struct authority *a, int32_t domain, int32_t object)
{
    uint32_t count;
    const uint32_t *edges = authority_edges_to(a, object, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[edges[i]];
        if (is_hold(a, e) && a->home[e->from] == domain)
            return true;
    }
    return false;
}

static int compare_domains(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Sorts and drops doubles. */
static uint32_t distinct(int32_t *domains, uint32_t count)
{
    uint32_t kept = 0;
    qsort(domains, count, sizeof(*domains), compare_domains);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || domains[kept - 1] != domains[i])
            domains[kept++] = domains[i];
    return kept;
}

uint32_t authority_holders(const struct authority *a, int32_t object, int32_t *domains,
                           uint32_t max)
{
    uint32_t count;
    uint32_t found = 0;
    const uint32_t *edges = authority_edges_to(a, object, &count);
    int32_t *all = malloc((count + 1) * sizeof(*all));
    if (!all)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[edges[i]];
        if (is_hold(a, e) && a->home[e->from] >= 0)
            all[found++] = a->home[e->from];
    }
    found = distinct(all, found);
    memcpy(domains, all, (found < max ? found : max) * sizeof(*all));
    free(all);
    return found;
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

bool authority_is_managers(const struct authority *a, int32_t node)
{
    int32_t d = a->home[node];
    return d >= 0 && a->domains[d].trusted && !a->priv->active[node];
}

bool authority_asks_about_manager(const struct authority *a, const bool *mark)
{
    for (uint32_t n = 0; n < a->node_count; n++)
        if (mark[n] && authority_is_managers(a, (int32_t)n))
            return true;
    return false;
}

/* --- owner --- */

/* The untyped nearest to an object: itself, or the smallest around it. */
static int32_t untyped_over(const struct authority *a, int32_t object)
{
    return a->state->objects[object].type == RECORD_CAP_UNTYPED ? object : a->enclosing[object];
}

/* What lies between the kernel's parts is not the kernel's if untyped memory covers it. */
static bool is_kernel(const struct authority *a, uint64_t addr, int32_t untyped)
{
    return untyped < 0 && capstate_is_kernel(a->state, addr);
}

static int32_t holder_domain(const struct authority *a, int32_t object, bool *several)
{
    int32_t domain = -1;
    uint32_t count;
    const uint32_t *edges = authority_edges_to(a, object, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct authority_edge *e = &a->edges[edges[i]];
        int32_t d = a->home[e->from];
        if (!is_hold(a, e) || !authority_domain_counts(a, d, false))
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

void authority_owner_of_object(const struct authority *a, int32_t object,
                               struct authority_owner *out)
{
    *out = (struct authority_owner){
        .object = object,
        .untyped = untyped_over(a, object),
        .domain = -1,
        .kernel = is_kernel(a, a->state->objects[object].addr, untyped_over(a, object)),
    };
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

void authority_owner_of(const struct authority *a, uint64_t addr, struct authority_owner *out)
{
    int32_t object = capstate_object_holding(a->state, addr);
    *out = (struct authority_owner){.object = -1, .untyped = -1, .domain = -1};
    if (object >= 0)
        authority_owner_of_object(a, object, out);
    out->kernel = is_kernel(a, addr, out->untyped);
}

/* --- what is a domain's own --- */

static bool is_own(const struct authority *a, int32_t domain, int32_t object)
{
    struct authority_owner w;
    if (authority_type_is_entity(a->state->objects[object].type))
        return a->home[object] == domain;
    authority_owner_of_object(a, object, &w);
    if (w.kernel)
        return false;
    return w.shared ? authority_domain_holds(a, domain, object) : w.domain == domain;
}

void authority_mark_own(const struct authority *a, int32_t domain, bool *mark)
{
    authority_mark_domain(a, domain, mark);
    for (uint32_t i = 0; i < a->node_count; i++)
        mark[i] |= is_own(a, domain, (int32_t)i);
}
