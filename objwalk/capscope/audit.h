/* Work space of objwalk_audit(). The rules it checks: AUDIT_RULE_LIST in record/vocabulary.h. */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_AUDIT_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_AUDIT_H

#include "layout/types.h"
#include "record/record.h"

/* Part of struct objwalk so that no stack need hold it: 4 KiB. */
enum {
    AUDIT_EXTENTS = 96,        /* of memory taken by siblings, all levels together */
    AUDIT_LEVEL_EXTENTS = 32,  /* at most so many for one level */
    AUDIT_LEVELS = 64,         /* depths of the tree at which siblings are compared */
    AUDIT_BUCKETS = 64,        /* of claims, by hash */
    AUDIT_BATCH = 16,          /* claims looked up in one walk of the list */
    AUDIT_TOLD = 64,           /* findings of a snapshot that are not told again */
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

enum audit_claim_kind { CLAIM_MAPPING = 1, CLAIM_TABLE, CLAIM_ASID, CLAIM_POOL, CLAIM_THREAD };

/* Something a table or the scheduler refers to, for which a capability must exist that says the
 * same. */
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

struct audit_told {
    struct record_finding what[AUDIT_TOLD];
    uint32_t count;
};

struct audit_space {
    struct audit_told told;
    struct audit_extent extent[AUDIT_EXTENTS];
    struct audit_level level[AUDIT_LEVELS];
    uint32_t bucket[AUDIT_BUCKETS];
    struct audit_claim batch[AUDIT_BATCH];
};

#endif
