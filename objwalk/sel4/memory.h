/* Memory of a target that runs mainline: many reads at once, a cache, kernel addresses.
 *
 * A walk over a line pays for round trips, so reading is done in batches: sel4_memory_want() notes
 * what will be needed, sel4_memory_fetch() asks for all of it in one go, and what was asked for
 * close together travels in one piece.  sel4_memory_read() then finds it in the cache, or asks.
 *
 * Kernel addresses become physical ones by two mappings: the window, all of RAM at one offset, and
 * the segments of the kernel's own ELF.  Everything is cached by physical address, so that the two
 * addresses of a byte are one. */
#ifndef CAPSCOPE_OBJWALK_SEL4_MEMORY_H
#define CAPSCOPE_OBJWALK_SEL4_MEMORY_H

#include "objwalk/sel4/image.h"

/* One piece to read; `error` is set by the port: ERR_OK, or ERR_READ when it cannot be read. */
struct sel4_span {
    uint64_t addr;
    uint32_t len;
    uint8_t *buf;
    enum error error;
};

/* Where memory comes from: a line, a file, an array of a test. */
struct sel4_port {
    /* Reads all spans, each at most `piece` bytes long. Anything but ERR_OK ends the walk. */
    enum error (*read)(void *ctx, struct sel4_span *spans, size_t count);
    void *ctx;
    uint32_t piece; /* bytes that travel best at once */
    bool physical;  /* takes physical addresses; else those of the kernel */
};

struct sel4_page;

struct sel4_want {
    uint64_t key; /* physical */
    uint64_t va;
    uint32_t len;
};

struct sel4_memory {
    const struct sel4_port *port;
    unsigned word;   /* bytes */
    uint64_t offset; /* of the window: virtual - physical */
    uint64_t mask;   /* of an address */
    uint32_t segments;
    struct sel4_segment segment[SEL4_SEGMENTS];
    /* private */
    struct sel4_page **table; /* by page, open addressing */
    uint32_t pages;
    uint32_t room; /* a power of two */
    struct sel4_want *want;
    size_t wants;
    size_t want_room;
    enum error error; /* of the port, or ERR_NO_MEMORY: nothing is read any more */
    /* what it cost */
    uint32_t batches;
    uint32_t pieces;
    uint64_t bytes;
};

enum {
    SEL4_PAGE = 4096,
    SEL4_PAGES_MAX = 1 << 15, /* 128 MiB are cached at most */
};

void sel4_memory_init(struct sel4_memory *m, const struct sel4_port *port, unsigned word_bits);
void sel4_memory_forget(struct sel4_memory *m); /* what was read: the target has run */
void sel4_memory_fini(struct sel4_memory *m);

/* Kernel virtual to physical. */
uint64_t sel4_memory_physical(const struct sel4_memory *m, uint64_t va);
/* Does this address lie in the kernel's own segments? */
bool sel4_memory_in_kernel(const struct sel4_memory *m, uint64_t va);

/* Notes a need; nothing happens yet, nothing can fail. */
void sel4_memory_want(struct sel4_memory *m, uint64_t va, uint32_t len);
void sel4_memory_want_physical(struct sel4_memory *m, uint64_t pa, uint32_t len);
/* Reads what was noted. An error only when the port has failed: pieces that cannot be read show
 * when they are read. */
enum error sel4_memory_fetch(struct sel4_memory *m);

/* ERR_READ for what cannot be read; other errors are the port's. At most SEL4_READ_MAX bytes. */
enum { SEL4_READ_MAX = 1 << 20 };
enum error sel4_memory_read(struct sel4_memory *m, uint64_t va, void *buf, uint32_t len);
enum error sel4_memory_read_physical(struct sel4_memory *m, uint64_t pa, void *buf, uint32_t len);
/* `count` words of the target. */
enum error sel4_memory_words(struct sel4_memory *m, uint64_t va, uint64_t *words, uint32_t count);

/* A little-endian word of 4 or 8 bytes. */
static inline uint64_t sel4_word(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

#endif
