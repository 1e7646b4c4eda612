/* Reading ELF32 ARM executables that somebody else made. */
#ifndef CAPSCOPE_LOADER_ELF_H
#define CAPSCOPE_LOADER_ELF_H

#include "layout/types.h"

/* A whole ELF file in memory. */
struct elf {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t entry;
    uint32_t headers; /* number of program headers */
    uint32_t headers_at;
    uint32_t header_size;
};

struct elf_segment {
    uint32_t offset; /* of its bytes in the file */
    uint32_t vaddr;
    uint32_t paddr;
    uint32_t file_size;
    uint32_t mem_size; /* not below file_size; the rest is zero */
};

/* NULL, or a sentence that tells what is wrong with the file. */
const char *elf_open(struct elf *e, const void *bytes, uint32_t size);

/* Is program header `index` to be loaded (and not empty)? Its bytes lie inside the file: elf_open()
 * has looked. */
bool elf_segment(const struct elf *e, uint32_t index, struct elf_segment *s);

#endif
