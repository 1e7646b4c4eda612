/* Memory that nobody can use any more, in one snapshot.
 *
 *   CNODE_UNUSED    an object whose only capability lies in a CNode that no thread's CSpace reaches
 *   NO_CAPABILITY   RAM that is not the kernel's and under no capability: where a snapshot tells which
 *                   RAM there is
 *   NOBODYS         untyped memory, unused, that no domain but managers' holds
 */
#ifndef CAPSCOPE_FACTS_LEAK_H
#define CAPSCOPE_FACTS_LEAK_H

#include "authority/authority.h"

#define LEAK_LIST(X)                                                                               \
    X(CNODE_UNUSED, "unreachable", "its only capabilities lie where no thread's CSpace leads")     \
    X(NO_CAPABILITY, "lost", "RAM to which no capability leads: nobody can get it back")           \
    X(NOBODYS, "idle", "untyped memory that only managers hold, and nothing is made of it")

enum leak_kind {
#define X(NAME, word, sentence) LEAK_##NAME,
    LEAK_LIST(X)
#undef X
        LEAK_KINDS
};

struct leak {
    enum leak_kind kind;
    int32_t object; /* -1 of NO_CAPABILITY */
    int32_t slot;   /* a capability to it, -1 */
    uint64_t addr, bytes;
};

/* *leaks is malloced; NOBODYS come last, the largest of each first. ERR_NO_MEMORY. */
enum error leak_find(const struct authority *a, struct leak **leaks, uint32_t *count);
const char *leak_word(enum leak_kind kind);
const char *leak_sentence(enum leak_kind kind);

#endif
