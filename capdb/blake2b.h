/* BLAKE2b with 256 bits of hash and no key (RFC 7693), by libb2. */
#ifndef CAPSCOPE_CAPDB_BLAKE2B_H
#define CAPSCOPE_CAPDB_BLAKE2B_H

#include <blake2.h>

enum { BLAKE2B_BYTES = 32 };

struct blake2b {
    blake2b_state state;
};

static inline void blake2b_begin(struct blake2b *b)
{
    blake2b_init(&b->state, BLAKE2B_BYTES);
}

static inline void blake2b_add(struct blake2b *b, const void *bytes, size_t length)
{
    blake2b_update(&b->state, bytes, length);
}

static inline void blake2b_end(struct blake2b *b, uint8_t out[BLAKE2B_BYTES])
{
    blake2b_final(&b->state, out, BLAKE2B_BYTES);
}

#endif
