/* What the files of authority/ share: growing arrays, the reverse index, roles at an endpoint. */
#ifndef CAPSCOPE_AUTHORITY_GRAPH_H
#define CAPSCOPE_AUTHORITY_GRAPH_H

#include "authority/authority.h"

struct authority_private {
    uint32_t *reverse;       /* edge indices sorted by `to` */
    uint32_t *first_reverse; /* node -> index in reverse; node_count + 1 entries */
    int32_t *node_thread;    /* node -> thread, -1 */
    bool *manager;           /* node -> a manager's TCB, CSpace root or page directory */
    bool *active;            /* node -> reached by control from a thread that is no manager */
};

/* Who an edge at an endpoint makes of its holder. */
enum authority_role {
    ROLE_SEND_GRANT = 1, /* may send capabilities */
    ROLE_CALL_REPLY = 2, /* calls with grant-reply: takes what a granting receiver answers */
    ROLE_RECEIVE = 4,
    ROLE_RECEIVE_GRANT = 8,
};
uint32_t authority_edge_role(const struct authority *a, const struct authority_edge *edge);

/* domains.c: thread_domain by rule or convention; -1 for unnamed threads until authority_name_rest.
 */
enum error authority_name_threads(struct authority *a, const struct authority_rules *rules);
/* After the islands: unnamed threads get their island's only domain, or one of their own. */
enum error authority_name_rest(struct authority *a);
enum error authority_find_homes(struct authority *a);
enum error authority_find_islands(struct authority *a);

/* graph.c */
enum error authority_make_edges(struct authority *a);

/* Is this edge part of what a holder reaches by itself, without anybody's help? */
static inline bool authority_edge_reaches(enum authority_edge_kind kind)
{
    return kind == AUTHORITY_CONTROL || kind == AUTHORITY_COVER || kind == AUTHORITY_TABLE;
}

/* Does domain d count in a verdict? */
static inline bool authority_counts(const struct authority *a, int32_t d, bool strict)
{
    return d >= 0 && (strict || !a->domains[d].trusted);
}

#endif
