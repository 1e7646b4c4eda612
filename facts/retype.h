/* What a Retype would do now (ABI sheet 3.2, 4.1): where the objects would lie, what is lost to
 * alignment, what is left, or which rule refuses it.  Computed with the kernel's own rules and in
 * its own order, in 64 bits and without a sum that could overflow at the end of the address space.
 *
 *      base        watermark   start                     end             base + 2^bits
 *       | used by children |lost|  count objects of 2^n   |  left          |
 */
#ifndef CAPSCOPE_FACTS_RETYPE_H
#define CAPSCOPE_FACTS_RETYPE_H

#include "capstate/capstate.h"

/* X(NAME, "the kernel's answer", "sentence") */
#define RETYPE_RULE_LIST(X)                                                                        \
    X(ALLOWED, "done", "the Retype would be done")                                                 \
    X(NOT_UNTYPED, "IllegalOperation", "the capability is none to untyped memory")                 \
    X(NOT_INVOKED, "InvalidCapability", "the capability cannot be invoked")                        \
    X(MESSAGE, "a message", "the capability takes messages: the request would be one")             \
    X(NO_SUCH_TYPE, "InvalidArgument", "this kernel has no such type of object")                   \
    X(SIZE_RANGE, "RangeError", "the size is out of range")                                        \
    X(SIZE_MISSING, "InvalidArgument", "an object of this type needs a larger size argument")      \
    X(COUNT_RANGE, "RangeError", "the count is out of range")                                      \
    X(NO_MEMORY, "NotEnoughMemory", "there is not enough memory left in it")                       \
    X(DEVICE, "InvalidArgument", "device memory can become frames and untyped memory only")

enum retype_rule {
#define X(NAME, answer, sentence) RETYPE_##NAME,
    RETYPE_RULE_LIST(X)
#undef X
        RETYPE_RULES
};

enum { RETYPE_COUNT_MAX = 256 };

struct retype_plan {
    enum retype_rule rule;
    uint32_t object_bits;
    bool has_children;  /* they keep the memory below the watermark */
    uint64_t watermark; /* bytes that count as used: 0 without children */
    uint64_t free;      /* bytes behind it */
    uint64_t start;     /* physical address of the first object */
    uint64_t lost;      /* bytes between watermark and start */
    uint64_t left;      /* bytes behind the last object */
    uint64_t fits;      /* how many objects would fit now */
    uint64_t fits_after_revoke;
    uint64_t range_min, range_max; /* of SIZE_RANGE and COUNT_RANGE */
};

/* A type by the name that records have for it ("tcb", "cnode", "endpoint", "untyped", "frame",
 * ...); enum record_cap, -1: none is called so. */
int32_t retype_type_named(const char *name);

/* A request in words: TYPE [SIZE] [COUNT], for people.  SIZE as for size_read_bits(), in bytes but of a
 * CNode, where it is the number of slots.  Where all objects of the type are of one size none is needed:
 * a number alone is the COUNT, and 0 stands for it, as in the system call. */
struct retype_request {
    uint32_t type; /* enum record_cap */
    uint32_t size_bits;
    uint64_t count;
};
/* word: TYPE first; 1 to 3 of them.  false: `why` says what is wrong, naming the word. */
enum { RETYPE_WHY = 320 };
bool retype_read(char *const *word, uint32_t words, struct retype_request *out,
                 char why[RETYPE_WHY]);

/* "untyped, tcb, ...": everything that some kernel makes by Retype. */
enum { RETYPE_NAMES_MAX = 160 };
const char *retype_type_names(char *out, size_t size);

/* log2 of an object's size on this kernel: fixed by the type, or from size_bits (untyped: the size;
 * cnode: log2 of the slots; frame: the size).  false: the snapshot does not tell, since the layout
 * is not known here and no object of the type is there. */
bool retype_object_bits(const struct capstate *s, uint32_t type, uint32_t size_bits, uint32_t *out);

/* The sizes of frames on the snapshot's architecture, as log2, ascending; 0 ends them. */
const uint8_t *retype_frame_sizes(const struct capstate *s);

/* slot: index of the untyped capability. ERR_OK whatever the rule; ERR_UNSUPPORTED: the size of the
 * type is not known for this kernel. */
enum error retype_plan(const struct capstate *s, int32_t slot, uint32_t type, uint32_t size_bits,
                       uint64_t count, struct retype_plan *out);

/* Could memory of 2^bits bytes be made of this capability now?  How much then stands in *out. */
bool retype_gives(const struct capstate *s, int32_t slot, uint32_t bits, struct retype_plan *out);

const char *retype_rule_answer(enum retype_rule rule);
const char *retype_rule_sentence(enum retype_rule rule);

#endif
