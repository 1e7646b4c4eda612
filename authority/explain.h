/* What a verdict says, in terms of what is proved (model/proof/, docs/model.md).
 *
 * A verdict is an instance of a theorem: if the restrictions are respected on this snapshot, every
 * later state is isolated; a breach is of a restriction, without which a run exists in which a
 * capability crosses.  Some of a theorem's premises are evaluated on the snapshot, the others are
 * assumed of the kernel, and tested. */
#ifndef CAPSCOPE_AUTHORITY_EXPLAIN_H
#define CAPSCOPE_AUTHORITY_EXPLAIN_H

#include "authority/authority.h"

/* What stands behind one kind of breach. */
struct authority_premise {
    const char *name; /* of the restriction or invariant in model/proof/; NULL: none of the proof */
    const char *theorem;  /* "File.v theorem": what follows from it, or that it is needed */
    const char *sentence; /* what was evaluated */
};
const struct authority_premise *authority_premise_of(enum authority_breach_kind kind);

enum authority_explanation {
    AUTHORITY_EXPLAIN_THEOREM,   /* the theorem that the verdict is an instance of */
    AUTHORITY_EXPLAIN_EVALUATED, /* a premise that was evaluated on the snapshot, and what came out
                                  */
    AUTHORITY_EXPLAIN_ASSUMED,   /* a premise that is assumed of the kernel */
};
/* Calls back with one sentence after another: theorems, premises evaluated, premises assumed. */
typedef void (*authority_explain_fn)(void *ctx, enum authority_explanation what,
                                     const char *sentence);
void authority_explain(const struct authority *a, const struct authority_verdict *v, bool strict,
                       authority_explain_fn fn, void *ctx);

#endif
