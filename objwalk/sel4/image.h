/* The user's kernel.elf: symbols with their sizes, segments, contents; by libelf.
 *
 * The file is the user's word about what runs, nothing more: whether it is that kernel is found out
 * by comparing code (verify.h), and everything in it is checked before use. */
#ifndef CAPSCOPE_OBJWALK_SEL4_IMAGE_H
#define CAPSCOPE_OBJWALK_SEL4_IMAGE_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEL4_SEGMENTS = 16, SEL4_WHY = 256 };

struct sel4_segment {
    uint64_t va;
    uint64_t pa;
    uint64_t bytes;      /* in memory */
    uint64_t file_bytes; /* of these in the file, from file_offset on */
    uint64_t file_offset;
    bool executable;
};

struct sel4_symbol {
    uint64_t addr;
    uint64_t size;
};

struct sel4_image {
    void *elf; /* Elf *, with DWARF if there is any */
    int fd;    /* -1: from memory */
    uint32_t machine;
    bool wide;      /* 64-bit */
    bool has_dwarf; /* .debug_info is there */
    uint32_t segments;
    struct sel4_segment segment[SEL4_SEGMENTS];
    void *symtab; /* Elf_Scn * */
};

/* Opens a file, or bytes in memory, which must stay until sel4_image_close(). On failure `why`
 * (SEL4_WHY bytes) says what is wrong, without the file's name: ERR_NOT_FOUND, ERR_FORMAT (no ELF,
 * another byte order, no program headers), ERR_UNSUPPORTED (machine), ERR_NO_ROOTS (no symbols, or
 * those of something else than a seL4 kernel). */
enum error sel4_image_open(struct sel4_image *m, const char *path, char *why);
enum error sel4_image_memory(struct sel4_image *m, void *bytes, size_t len, char *why);
void sel4_image_close(struct sel4_image *m);

bool sel4_image_symbol(const struct sel4_image *m, const char *name, struct sel4_symbol *out);
/* Name of the function or object that holds addr, NULL: none. Belongs to the image. */
const char *sel4_image_name_at(const struct sel4_image *m, uint64_t addr, uint64_t *offset);

/* Contents of the file at a virtual address; false where the file holds none. */
bool sel4_image_bytes(const struct sel4_image *m, uint64_t va, void *buf, size_t len);
/* The segment that holds a virtual address, NULL: none. */
const struct sel4_segment *sel4_image_segment(const struct sel4_image *m, uint64_t va);

#endif
