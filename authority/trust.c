/* Who is trusted, and which domain each thread belongs to.
 *
 * The root task is found by its object: the snapshot names the TCB that the kernel started, whose
 * memory is never untyped, so that no other thread can ever stand there.  Snapshots from before
 * that field was recorded are searched for the only TCB that lies in no untyped memory.  What
 * threads call themselves puts them into domains, never among those who are trusted: a name that a
 * trusted domain has already is told apart. */
#include "authority/graph.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = RECORD_STRING_MAX * 4 + 32 };

#define ISLAND_PREFIX "island-0x"

static uint32_t name_hash(const char *name)
{
    uint32_t h = 0x811c9dc5u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x01000193u;
    return h;
}

static int32_t *name_place(const struct authority *a, const char *name)
{
    const struct authority_names *n = a->priv->names;
    uint32_t at = name_hash(name) & n->mask;
    while (n->domain[at] >= 0 && strcmp(a->domains[n->domain[at]].name, name) != 0)
        at = (at + 1) & n->mask;
    return &n->domain[at];
}

/* Room for each thread to name a domain of its own, and for as many islands. */
static enum error names_begin(struct authority *a)
{
    uint32_t wanted = 16;
    while (wanted < 4 * (a->state->thread_count + 1))
        wanted *= 2;
    a->domains = calloc(a->state->thread_count + 1, sizeof(*a->domains));
    a->priv->names = calloc(1, sizeof(*a->priv->names));
    if (!a->domains || !a->priv->names)
        return ERR_NO_MEMORY;
    a->priv->names->mask = wanted - 1;
    a->priv->names->domain = malloc(wanted * sizeof(int32_t));
    if (!a->priv->names->domain)
        return ERR_NO_MEMORY;
    memset(a->priv->names->domain, 0xff, wanted * sizeof(int32_t));
    return ERR_OK;
}

/* Whether a name that is there already means the same domain. */
static bool same_domain(const struct authority_domain *d, bool trusted,
                        enum authority_origin origin)
{
    return d->trusted == trusted &&
           (d->origin == AUTHORITY_BY_ISLAND) == (origin == AUTHORITY_BY_ISLAND);
}

static enum error domain_add(struct authority *a, const char *name, bool trusted,
                             enum authority_origin origin, int32_t *out)
{
    struct authority_domain *d = &a->domains[a->domain_count];
    *d = (struct authority_domain){strdup(name), trusted, origin, 0};
    if (!d->name)
        return ERR_NO_MEMORY;
    *out = (int32_t)a->domain_count;
    *name_place(a, name) = (int32_t)a->domain_count++;
    return ERR_OK;
}

/* A name that means somebody else already gets a word behind it that no thread can give itself. */
static enum error domain_get(struct authority *a, const char *name, bool trusted,
                             enum authority_origin origin, int32_t *out)
{
    static const char *const words[] = {" (by name)", " (by rule)", " (by island)", " (root task)"};
    char other[NAME_BYTES];
    int32_t known = *name_place(a, name);
    if (known >= 0 && !same_domain(&a->domains[known], trusted, origin)) {
        snprintf(other, sizeof(other), "%s%s", name, words[origin]);
        name = other;
        known = *name_place(a, name);
    }
    if (known < 0)
        return domain_add(a, name, trusted, origin, out);
    *out = known;
    return ERR_OK;
}

/* --- the root task --- */

/* -1: none, -2: several. */
static int32_t thread_outside_untyped(const struct authority *a)
{
    int32_t only = -1;
    for (uint32_t i = 0; i < a->state->thread_count; i++)
        if (authority_thread_counts(a, i) && a->enclosing[a->state->threads[i].object] < 0)
            only = only == -1 ? (int32_t)i : -2;
    return only;
}

static void find_root_task(struct authority *a)
{
    uint64_t told = a->state->snapshot.root_thread;
    a->root_thread = -1;
    a->root = AUTHORITY_ROOT_UNKNOWN;
    if (told == 0) {
        int32_t only = thread_outside_untyped(a);
        a->root_thread = only < 0 ? -1 : only;
        a->root = only < 0 ? AUTHORITY_ROOT_UNKNOWN : AUTHORITY_ROOT_BY_PLACE;
        return;
    }
    a->root = AUTHORITY_ROOT_TOLD;
    for (uint32_t i = 0; i < a->state->thread_count; i++)
        if (authority_thread_counts(a, i) && a->state->threads[i].rec.addr == told)
            a->root_thread = (int32_t)i;
}

/* --- names --- */

/* Answers call islands so, or what has no domain: "-", "(shared)", "(kernel)". */
static bool is_reserved(const char *label, size_t length)
{
    return strncmp(label, ISLAND_PREFIX, strlen(ISLAND_PREFIX)) == 0 ||
           authority_means_no_domain(label, length);
}

/* A name's part before the slash; 0: it names no domain.  The kernel's own default, "child of:
 * 'guest/init'", has blanks, which no name of a domain has. */
static size_t domain_part(const char *label)
{
    size_t length = strcspn(label, "/ '\"");
    return label[length] == '/' && !is_reserved(label, length) ? length : 0;
}

static bool is_plain(const char *label)
{
    size_t length = strcspn(label, "/ '\"");
    return length && label[length] == '\0' && !is_reserved(label, length);
}

static const char *root_name(const char *label)
{
    return is_plain(label) ? label : "root-task";
}

/* The root task's own name is the kernel's to give: a rule that takes names passes it by, and passes
 * by a name that can name no domain. */
static const struct authority_rule *rule_for(const struct authority *a,
                                             const struct authority_rules *rules, uint32_t i)
{
    const char *label = a->state->threads[i].label;
    bool own = is_plain(label) && (int32_t)i != a->root_thread;
    for (uint32_t r = 0; rules && r < rules->count; r++)
        if (fnmatch(rules->rules[r].pattern, label, 0) == 0 &&
            (own || !authority_rule_takes_names(&rules->rules[r])))
            return &rules->rules[r];
    return NULL;
}

static enum error name_one(struct authority *a, const struct authority_rules *rules, uint32_t i)
{
    char name[NAME_BYTES];
    const char *label = a->state->threads[i].label;
    const struct authority_rule *rule = rule_for(a, rules, i);
    if (rule && authority_rule_takes_names(rule))
        return domain_get(a, label, false, AUTHORITY_BY_NAME, &a->thread_domain[i]);
    if (rule)
        return domain_get(a, rule->domain, rule->trusted, AUTHORITY_BY_RULE, &a->thread_domain[i]);
    if ((int32_t)i == a->root_thread)
        return domain_get(a, root_name(label), true, AUTHORITY_BY_KERNEL, &a->thread_domain[i]);
    size_t length = domain_part(label);
    if (length == 0)
        return ERR_OK;
    snprintf(name, sizeof(name), "%.*s", (int)length, label);
    return domain_get(a, name, false, AUTHORITY_BY_NAME, &a->thread_domain[i]);
}

/* Threads in the order of their addresses, the root task before all others. */
enum error authority_name_threads(struct authority *a, const struct authority_rules *rules)
{
    enum error e = names_begin(a);
    for (uint32_t i = 0; e == ERR_OK && i < a->state->thread_count; i++)
        a->thread_domain[i] = AUTHORITY_NO_DOMAIN;
    find_root_task(a);
    if (e == ERR_OK && a->root_thread >= 0)
        e = name_one(a, rules, (uint32_t)a->root_thread);
    for (uint32_t k = 0; e == ERR_OK && k < a->state->thread_count; k++) {
        int32_t i = a->priv->by_addr[k];
        if (authority_thread_counts(a, (uint32_t)i) && i != a->root_thread)
            e = name_one(a, rules, (uint32_t)i);
    }
    return e;
}

/* --- the others, by island --- */

enum { NO_NAME = -1, SEVERAL_NAMES = -2 };

/* What an island's unnamed threads are called after: its only named domain, else the lowest of
 * their TCBs, which stays while the island does; where names are taken, the lowest that has one. */
struct island_name {
    int32_t domain;
    uint64_t lowest;
    uint32_t thread; /* whose TCB that is */
    bool plain;      /* it has a name that is taken */
};

/* Systems of mainline have no convention for names of threads, but Microkit calls a protection
 * domain's thread as the domain is called. */
static bool takes_label(const struct authority *a, uint32_t thread)
{
    return a->state->snapshot.kernel == RECORD_KERNEL_SEL4 &&
           is_plain(a->state->threads[thread].label);
}

static void gather_thread(const struct authority *a, uint32_t i, struct island_name *n)
{
    uint64_t addr = a->state->threads[i].rec.addr;
    bool plain = takes_label(a, i);
    if (plain != n->plain ? plain : addr < n->lowest)
        *n = (struct island_name){n->domain, addr, i, plain};
}

static void gather_names(const struct authority *a, struct island_name *names)
{
    for (uint32_t i = 0; i < a->island_count; i++)
        names[i] = (struct island_name){NO_NAME, UINT64_MAX, 0, false};
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        if (!authority_thread_counts(a, i))
            continue;
        int32_t d = a->thread_domain[i];
        int32_t island = a->island[a->state->threads[i].object];
        if (island < 0 || (d >= 0 && a->domains[d].trusted))
            continue;
        struct island_name *n = &names[island];
        if (d >= 0)
            n->domain = n->domain == NO_NAME || n->domain == d ? d : SEVERAL_NAMES;
        else
            gather_thread(a, i, n);
    }
}

/* A name is taken if nobody has it yet. */
static void island_label(const struct authority *a, const struct island_name *n, char *out,
                         size_t size)
{
    const char *label = a->state->threads[n->thread].label;
    if (n->plain && *name_place(a, label) < 0)
        snprintf(out, size, "%s", label);
    else
        snprintf(out, size, ISLAND_PREFIX "%" PRIx64, n->lowest);
}

/* The first of an island's threads names it for all. */
static enum error name_by_island(struct authority *a, uint32_t i, struct island_name *names)
{
    char label[NAME_BYTES];
    struct island_name *n = &names[a->island[a->state->threads[i].object]];
    if (n->domain < 0) {
        island_label(a, n, label, sizeof(label));
        enum error e = domain_get(a, label, false, AUTHORITY_BY_ISLAND, &n->domain);
        if (e != ERR_OK)
            return e;
    }
    a->thread_domain[i] = n->domain;
    return ERR_OK;
}

enum error authority_name_rest(struct authority *a)
{
    struct island_name *names = malloc((a->island_count + 1) * sizeof(*names));
    enum error e = names ? ERR_OK : ERR_NO_MEMORY;
    if (names)
        gather_names(a, names);
    for (uint32_t k = 0; e == ERR_OK && k < a->state->thread_count; k++) {
        uint32_t i = (uint32_t)a->priv->by_addr[k];
        if (a->thread_domain[i] < 0 && authority_thread_counts(a, i)) {
            a->by_islands = true;
            e = name_by_island(a, i, names);
        }
        if (a->thread_domain[i] >= 0)
            a->domains[a->thread_domain[i]].threads++;
    }
    free(names);
    return e;
}
