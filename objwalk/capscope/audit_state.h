/* One audit under way: shared by the files of the audit. Private to objwalk/. */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_AUDIT_STATE_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_AUDIT_STATE_H

#include "objwalk/capscope/layout.h"

struct audit {
    struct objwalk *w;
    objwalk_sink sink;
    void *ctx;
    enum error error; /* of sink or connection: nothing more happens */
    uint32_t findings;
    bool mid;           /* the kernel stands inside an operation */
    bool list_ends;     /* the derivation list could be followed to its end */
    uint32_t listed;    /* slots in the list */
    uint32_t contained; /* occupied slots in CNodes, TCBs, zombies and kernel */
    kaddr_t before;     /* slot before the one that audit_overlap_slot() looks at */
    unsigned batched;   /* claims that wait to be looked up */
    uint32_t queued;    /* threads that say they are in a ready queue, less those that are */
    uint32_t rescans;   /* slots that may still be looked at again */
};

/* Reports a breach; addresses are physical. */
void audit_report(struct audit *a, enum audit_rule rule, record_word_t addr, record_word_t other,
                  record_word_t value);

/* Did that go well? A senseless or unreadable place is reported, any other error ends the audit. */
bool audit_ok(struct audit *a, enum error e);

/* audit_overlap.c: are siblings disjoint? Called for every slot in list order. */
void audit_overlap_begin(struct audit *a);
void audit_overlap_slot(struct audit *a, const struct objwalk_cursor *c,
                        const struct record_slot *r);

/* audit_queue.c */
void audit_thread(struct audit *a, kaddr_t tcb);
void audit_endpoint(struct audit *a, kaddr_t addr);
void audit_notification(struct audit *a, kaddr_t addr);
void audit_ready_queues(struct audit *a);

/* audit_table.c: what ASID table, directories and page tables refer to. */
void audit_tables(struct audit *a);
/* Collects a claim for the lookup in the derivation list, a batch in one walk; audit_claims_end()
 * looks up the rest. */
void audit_claim_put(struct audit *a, const struct audit_claim *c);
void audit_claims_end(struct audit *a);

/* audit_kernel.c: the kernel's own tables, and the part of a directory that is a copy of them. */
void audit_kernel_tables(struct audit *a);
void audit_kernel_part(struct audit *a, kaddr_t dir);

#endif
