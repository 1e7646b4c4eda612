/* BootInfo as the root task finds it (ABI sheet 5.2): 1924 bytes at the start of a 4 KiB frame. */
#ifndef CAPSCOPE_ABI_BOOTINFO_H
#define CAPSCOPE_ABI_BOOTINFO_H

#include "abi/types.h"

enum { BOOTINFO_MAX_UNTYPED = 230, BOOTINFO_ID_FDT = 6 };

struct slot_region {
    word_t start;
    word_t end; /* exclusive */
};

struct untyped_desc {
    paddr_t paddr;
    uint8_t size_bits;
    uint8_t is_device;
    uint8_t padding[2];
};

struct bootinfo {
    word_t extra_len;
    word_t node_id;
    word_t num_nodes;
    word_t num_iopt_levels;
    vaddr_t ipc_buffer;
    struct slot_region empty;
    struct slot_region shared_frames;
    struct slot_region user_image_frames;
    struct slot_region user_image_paging;
    struct slot_region io_space_caps;
    struct slot_region extra_bi_pages;
    word_t cnode_size_bits;
    word_t domain;
    struct slot_region untyped;
    struct untyped_desc untyped_list[BOOTINFO_MAX_UNTYPED];
};
_Static_assert(offsetof(struct bootinfo, untyped) == 76, "ABI sheet 5.2");
_Static_assert(sizeof(struct bootinfo) == 1924, "ABI sheet 5.2");

/* Chunk header in the extra BootInfo, which begins 4096 bytes after the BootInfo. */
struct bootinfo_chunk {
    word_t id;
    word_t length; /* with this header */
};

#endif
