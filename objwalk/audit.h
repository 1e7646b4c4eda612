/* Rules that objwalk_audit() checks; the value stands in FINDING records. */
#ifndef CAPSCOPE_OBJWALK_AUDIT_H
#define CAPSCOPE_OBJWALK_AUDIT_H

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

#endif
