/* Translation tables of each architecture: the processor's formats, not the kernel's.
 *
 *   AArch64 EL1, x86-64, kernel tables of AArch64 EL2    4 levels of 512 entries, from bit 39 on
 *   AArch64 EL2, stage 2      40-bit PA: 3 levels, 1024 entries first; 44-bit PA: 4 levels
 *   AArch32 short descriptors 4096 entries of 1 MiB, tables of 256; 16 equal entries make a larger
 * page RISC-V Sv39               3 levels of 512 */
#ifndef CAPSCOPE_OBJWALK_SEL4_PAGING_H
#define CAPSCOPE_OBJWALK_SEL4_PAGING_H

#include "objwalk/sel4/blocks.h"

enum sel4_paging_format {
    SEL4_PAGING_AARCH32,
    SEL4_PAGING_AARCH64,
    SEL4_PAGING_STAGE2_3, /* three levels */
    SEL4_PAGING_STAGE2_4,
    SEL4_PAGING_SV39,
    SEL4_PAGING_X86_64,
};

enum { SEL4_LEVELS = 4 };

enum sel4_entry_kind { SEL4_ENTRY_NONE, SEL4_ENTRY_TABLE, SEL4_ENTRY_LEAF };

struct sel4_entry {
    enum sel4_entry_kind kind;
    uint64_t pa;
    uint8_t bits;   /* log2 of a leaf's size */
    uint8_t rights; /* of a leaf, for user mode: 1 write, 2 read, 4 execute */
    bool repeats;   /* a leaf larger than its entry: the entries behind it say the same */
};

struct sel4_paging {
    enum sel4_paging_format format;
    uint8_t levels;
    uint8_t entry_bytes;
    uint8_t index_bits[SEL4_LEVELS];
    uint8_t shift[SEL4_LEVELS]; /* of an address at this level */
    uint32_t user_entries;      /* of the root: those behind it are the kernel's */
};

/* `window`: on AArch32 the lowest address of the kernel, which begins where user space ends. */
void sel4_paging_init(struct sel4_paging *p, enum sel4_paging_format format, uint64_t window);

/* What an entry says, at a level counted from 0 at the root. */
void sel4_paging_decode(const struct sel4_paging *p, unsigned level, uint64_t raw,
                        struct sel4_entry *out);

static inline uint32_t sel4_paging_entries(const struct sel4_paging *p, unsigned level)
{
    return level == 0 ? p->user_entries : 1u << p->index_bits[level];
}

static inline uint32_t sel4_paging_index(const struct sel4_paging *p, unsigned level, uint64_t va)
{
    return (uint32_t)(va >> p->shift[level]) & ((1u << p->index_bits[level]) - 1);
}

#endif
