/* What the files of authority/ share: the reverse index, who is active, roles at an endpoint. */
#ifndef CAPSCOPE_AUTHORITY_GRAPH_H
#define CAPSCOPE_AUTHORITY_GRAPH_H

#include "authority/authority.h"

/* Domains by name, while threads are named: open addressing, at most half full. */
struct authority_names {
    int32_t *domain;
    uint32_t mask;
};

struct authority_private {
    uint32_t *reverse;       /* edge indices sorted by `to` */
    uint32_t *first_reverse; /* node -> index in reverse; node_count + 1 entries */
    bool *manager;           /* node -> a manager's TCB, CSpace root or page directory alone */
    bool *active;            /* node -> reached by control from a thread that is no manager */
    int32_t *by_addr;        /* threads ascending by address */
    struct authority_names *names; /* domains by name, while threads are being named */
};

/* Of the roles that are played at an endpoint, those between which capabilities pass. */
uint32_t authority_roles_joined(uint32_t here);

/* trust.c: the root task, then thread_domain by rule or name; -1 for the others until
 * authority_name_rest(), after the islands. */
enum error authority_name_threads(struct authority *a, const struct authority_rules *rules);
enum error authority_name_rest(struct authority *a);

/* domains.c */
enum error authority_find_active(struct authority *a);
enum error authority_find_homes(struct authority *a);
/* islands.c: before, graph.c says which edges are live. */
enum error authority_find_islands(struct authority *a);

/* graph.c */
enum error authority_make_edges(struct authority *a);
/* Only those by which somebody gets at what leads on (conveys.h): all that homes depend on. */
enum error authority_make_leading_edges(struct authority *a);
enum error authority_mark_live(struct authority *a);

/* retype.c: the breaches that are about memory and derivation, not about domains. `add` takes each;
 * it says false when there is no memory left. */
typedef bool (*authority_breach_fn)(void *ctx, struct authority_breach b);
enum error authority_check_retype(const struct authority *a, authority_breach_fn add, void *ctx);
struct authority_breach authority_breach_make(enum authority_breach_kind kind);

/* Does a holder get at its target by such an edge, without anybody's help? */
static inline bool authority_edge_reaches(enum authority_edge_kind kind)
{
    return kind == AUTHORITY_CONTROL || kind == AUTHORITY_COVER || kind == AUTHORITY_TABLE ||
           kind == AUTHORITY_REPLY_GRANT;
}

/* Where a walk stands: at a node, or in one of the two channels of an endpoint, which are places of
 * their own: that of messages node_count above the endpoint's, that of answers as far above again.
 * Whoever controls an endpoint (by untyped memory over it) is not in its channels, and who passes
 * capabilities through it has no control of it; a message does not reach one who only calls. */
static inline uint32_t authority_channel(const struct authority *a, const struct authority_edge *e)
{
    bool message = e->role & (e->kind == AUTHORITY_GRANT ? ROLE_SEND_GRANT : ROLE_RECEIVE);
    return message ? a->node_count : 2 * a->node_count;
}
static inline uint32_t authority_place_from(const struct authority *a,
                                            const struct authority_edge *e)
{
    return (uint32_t)e->from + (e->kind == AUTHORITY_GRANT_RECV ? authority_channel(a, e) : 0);
}
static inline uint32_t authority_place_to(const struct authority *a, const struct authority_edge *e)
{
    return (uint32_t)e->to + (e->kind == AUTHORITY_GRANT ? authority_channel(a, e) : 0);
}
static inline uint32_t authority_places(const struct authority *a)
{
    return 3 * a->node_count;
}

/* Who walks through a channel passes from one who gives to one who takes, or the other way round,
 * never from one giver to another: without the taker between them no operation would do it.  So a
 * walk finds a channel entered by a giver and one entered by a taker in different places. */
static inline uint32_t authority_walk_channel(const struct authority *a,
                                              const struct authority_edge *e, bool backwards)
{
    return authority_channel(a, e) + (backwards ? 2 * a->node_count : 0);
}
static inline uint32_t authority_walk_from(const struct authority *a,
                                           const struct authority_edge *e, bool backwards)
{
    enum authority_edge_kind leaves = backwards ? AUTHORITY_GRANT : AUTHORITY_GRANT_RECV;
    return (uint32_t)(backwards ? e->to : e->from) +
           (e->kind == leaves ? authority_walk_channel(a, e, backwards) : 0);
}
static inline uint32_t authority_walk_to(const struct authority *a, const struct authority_edge *e,
                                         bool backwards)
{
    enum authority_edge_kind enters = backwards ? AUTHORITY_GRANT_RECV : AUTHORITY_GRANT;
    return (uint32_t)(backwards ? e->from : e->to) +
           (e->kind == enters ? authority_walk_channel(a, e, backwards) : 0);
}
static inline uint32_t authority_walk_places(const struct authority *a)
{
    return 5 * a->node_count;
}
static inline uint32_t authority_place_node(const struct authority *a, uint32_t place)
{
    return place % a->node_count;
}

/* Does domain d count in a verdict? */
static inline bool authority_domain_counts(const struct authority *a, int32_t d, bool strict)
{
    return d >= 0 && (strict || !a->domains[d].trusted);
}

/* A thread that the analysis looks at: not the idle thread, and its TCB is an object. */
static inline bool authority_thread_counts(const struct authority *a, uint32_t thread)
{
    return !a->state->threads[thread].rec.idle && a->state->threads[thread].object >= 0;
}

#endif
