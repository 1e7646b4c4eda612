/* One capability of mainline, decoded; and which of two slots descends from the other. */
#ifndef CAPSCOPE_OBJWALK_SEL4_CAP_H
#define CAPSCOPE_OBJWALK_SEL4_CAP_H

#include "objwalk/sel4/layout.h"

struct sel4_cap {
    enum sel4_block_kind kind;      /* SEL4_CAP_UNKNOWN: a type that no table knows */
    uint64_t value[SEL4_CAP_ROLES]; /* by enum sel4_role; 0 for what this kind does not have */
};

/* A slot: four words, what they mean, where it lies and where it stands in its tree. */
struct sel4_slot {
    uint64_t addr; /* of the kernel */
    uint64_t words[4];
    uint64_t prev;
    uint64_t next;
    bool revocable;
    bool first_badged;
    struct sel4_cap cap;
    uint32_t depth;    /* of its tree */
    int32_t parent;    /* in the order of lists, -1: none */
    int32_t container; /* -1: nobody reachable holds it */
};

/* Memory that an object takes, in addresses of the kernel; wraps around as the kernel's do. */
struct sel4_extent {
    uint64_t base;
    unsigned bits;
};

void sel4_cap_decode(const struct sel4_layout *l, const uint64_t words[2], struct sel4_cap *out);
/* All of a slot but its place. */
void sel4_slot_decode(const struct sel4_layout *l, uint64_t addr, const uint64_t words[4],
                      struct sel4_slot *out);

/* false: the capability refers to no memory of an object (controls, interrupts, classic replies).
 */
bool sel4_cap_extent(const struct sel4_layout *l, const struct sel4_cap *c,
                     struct sel4_extent *out);
/* Beginning of the block that a tcb_t pointer lies in. */
uint64_t sel4_tcb_base(const struct sel4_layout *l, uint64_t tcb);

/* Slots that a zombie still has, first one at *first. */
uint32_t sel4_zombie_slots(const struct sel4_layout *l, const struct sel4_cap *c, uint64_t *first);

bool sel4_cap_is_frame(const struct sel4_cap *c);
/* A page table of any level, address-space roots included. */
bool sel4_cap_is_table(const struct sel4_layout *l, const struct sel4_cap *c);
/* A type that only ever is the root of an address space. On RISC-V a root is a page table. */
bool sel4_cap_is_vspace(const struct sel4_layout *l, const struct sel4_cap *c);
/* Of a frame or table: mapped somewhere? Its ASID, 0: none. */
bool sel4_cap_is_mapped(const struct sel4_layout *l, const struct sel4_cap *c);
uint64_t sel4_cap_asid(const struct sel4_cap *c);
/* What a frame lets user mode do: 1 write, 2 read. */
unsigned sel4_cap_frame_rights(const struct sel4_layout *l, const struct sel4_cap *c);

/* Is b a descendant of a, where a stands before b in one list? The kernel's rule, which revoke
 * follows. */
bool sel4_is_parent(const struct sel4_layout *l, const struct sel4_slot *a,
                    const struct sel4_slot *b);

#endif
