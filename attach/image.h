/* A file that holds a machine's memory, mapped: the bare memory of one range, or an ELF core (generic
 * ABI, program headers of type LOAD), as QEMU's dump-guest-memory and gdb write it. */
#ifndef CAPSCOPE_ATTACH_IMAGE_H
#define CAPSCOPE_ATTACH_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

struct attach;

enum { IMAGE_SEGMENTS_MAX = 64, IMAGE_PROCESSORS_MAX = 64 };

struct image {
    const uint8_t *map;
    volatile bool cut; /* bytes were asked for that the file has no more (lib/host/guard.h) */
    uint64_t size;     /* of the file, bytes */
    uint64_t device, inode;
    struct image_segment {
        uint64_t base; /* what the reader asks for: physical, unless it changes that */
        uint64_t virtual;
        uint64_t offset, size;
    } segment[IMAGE_SEGMENTS_MAX];
    uint32_t segments;
    /* Of a core, where its processors stood: notes of type PRSTATUS (Linux's elf_prstatus, as QEMU writes
     * it for kernels of any kind). mode: CPSR or PSTATE; 0: not told. */
    struct image_processor {
        uint64_t pc, mode;
    } processor[IMAGE_PROCESSORS_MAX];
    uint32_t processors;
    bool core;     /* an ELF file; else there is one segment with base 0 */
    bool physical; /* a core that tells physical addresses; gdb's have only virtual ones */
};

/* Maps the target's file.  ERR_IO; ERR_FORMAT: no regular file, nothing in it, a damaged or an empty
 * core; ERR_TRUNCATED: a core shorter than it says; ERR_BOUND: too many segments.  The sentence is
 * in the attach. */
enum error image_open(struct attach *a, struct image *out);
void image_close(struct image *m);

/* What has become of the file since it was opened at this path, a sentence; NULL: nothing. */
const char *image_trouble(const struct image *m, const char *path);

/* The bytes at an address. False: the file does not hold all of them, or not any more. */
bool image_read(const struct image *m, uint64_t addr, void *buf, uint32_t len);

#endif
