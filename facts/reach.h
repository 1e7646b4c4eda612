/* All that authority leads to, in one search from one end.  A path gains, step by step; its last edge
 * may be any but the power to revoke. */
#ifndef CAPSCOPE_FACTS_REACH_H
#define CAPSCOPE_FACTS_REACH_H

#include "authority/authority.h"

struct reach {
    bool strict;    /* asked, or the question is about a manager itself */
    int32_t *steps; /* by node; 0: it is one of those asked about, -1: it is not reached */
    int32_t
        *edge; /* by node: of who can reach them, the last edge of the path; of what they can reach,
                       the one that reaches the node; -1 */
};

/* Who can reach one of the marked nodes, and what can be reached from one. ERR_NO_MEMORY: there is nothing
 * to free. */
enum error reach_towards(const struct authority *a, const bool *mark, bool strict,
                         struct reach *out);
enum error reach_from(const struct authority *a, const bool *mark, bool strict, struct reach *out);
void reach_free(struct reach *r);

#endif
