/* Rules that objwalk_audit() checks; the value stands in FINDING records. */
#ifndef CAPSCOPE_OBJWALK_AUDIT_H
#define CAPSCOPE_OBJWALK_AUDIT_H

#include "abi/types.h"

/* X(value, NAME, "sentence") */
#define AUDIT_RULE_LIST(X)                                                                         \
    X(1, LINK, "next and previous links of neighbours in the derivation list disagree")            \
    X(2, LINK_RANGE, "a derivation link points outside kernel memory or is misaligned")            \
    X(3, LINK_LOOP, "the derivation list does not end")                                            \
    X(4, LIST_NULL, "an empty slot stands in the derivation list")                                 \
    X(5, UNLISTED, "an occupied slot is missing from the derivation list")                         \
    X(6, CAP_INVALID, "a capability's words make no sense")                                        \
    X(7, CHILD_OUTSIDE, "an object lies inside an untyped that is not its ancestor")               \
    X(8, OVERLAP, "two objects overlap though neither derives from the other")                     \
    X(9, WATERMARK, "a child lies above its untyped's watermark")                                  \
    X(10, MAPPING_NO_FRAME, "a user mapping refers to no frame object")                            \
    X(11, MAPPING_RIGHTS, "a mapping allows more than any frame capability that holds it")         \
    X(12, TABLE_FOREIGN, "a page directory refers to a page table that no capability names")       \
    X(13, QUEUE, "a queue's links or a queued thread's state are inconsistent")                    \
    X(14, THREAD_STATE, "a thread's state does not fit where it is queued")                        \
    X(15, CAP_KERNEL, "a capability to memory refers to the kernel's own image")                   \
    X(16, BINDING, "a notification and the thread bound to it disagree")                           \
    X(17, ASID, "an ASID table entry and the capabilities disagree")                               \
    X(18, DIGEST, "the running digest differs from that of the slots")                             \
    X(19, REPLY, "a pending reply capability and its caller's state disagree")                     \
    X(20, UNREADABLE, "memory that should hold an object could not be read")

enum audit_rule {
#define X(value, NAME, text) AUDIT_##NAME = value,
    AUDIT_RULE_LIST(X)
#undef X
};

/* Work space of objwalk_audit(), part of struct objwalk so that no stack need hold it: 3 KiB. */
enum {
    AUDIT_EXTENTS = 96,        /* of memory taken by siblings, all levels together */
    AUDIT_LEVEL_EXTENTS = 32,  /* at most so many for one level */
    AUDIT_LEVELS = 64,         /* depths of the tree at which siblings are compared */
    AUDIT_BUCKETS = 64,        /* of claims, by hash */
    AUDIT_BATCH = 16,          /* claims looked up in one walk of the list */
    AUDIT_RESCAN_MAX = 1 << 20 /* slots looked at again, all rescans of one audit together */
};

/* Memory that siblings take, ends inclusive. coarse: parts of it may be free. */
struct audit_extent {
    paddr_t first;
    paddr_t last;
    bool coarse;
};

/* The siblings met so far at one depth; their extents lie ascending in extent[start...]. */
struct audit_level {
    uint8_t start;
    uint8_t count;
    uint8_t bits; /* of the last sibling */
    uint8_t type;
    paddr_t object;
};

enum audit_claim_kind { CLAIM_MAPPING = 1, CLAIM_TABLE, CLAIM_ASID, CLAIM_POOL };

/* Something a table refers to, for which a capability must exist that says the same. */
struct audit_claim {
    uint32_t kind; /* enum audit_claim_kind */
    uint32_t asid; /* pool: index */
    vaddr_t vaddr; /* mapping, table */
    paddr_t object;
    uint32_t bits;
    uint32_t rights; /* mapping: W1 R2 */
    bool named;      /* a capability to the object exists */
    bool held;       /* and one of them says what the table says, with these rights */
};

struct audit_space {
    struct audit_extent extent[AUDIT_EXTENTS];
    struct audit_level level[AUDIT_LEVELS];
    uint32_t bucket[AUDIT_BUCKETS];
    struct audit_claim batch[AUDIT_BATCH];
};

#endif
