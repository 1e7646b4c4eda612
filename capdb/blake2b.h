/* BLAKE2b with 256 bits of hash and no key (RFC 7693). */
#ifndef CAPSCOPE_CAPDB_BLAKE2B_H
#define CAPSCOPE_CAPDB_BLAKE2B_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLAKE2B_BYTES = 32, BLAKE2B_BLOCK = 128 };

struct blake2b {
    uint64_t h[8];
    uint64_t count; /* bytes taken in, those in `block` not counted */
    size_t used;    /* of block */
    uint8_t block[BLAKE2B_BLOCK];
};

void blake2b_begin(struct blake2b *b);
void blake2b_add(struct blake2b *b, const void *bytes, size_t length);
void blake2b_end(struct blake2b *b, uint8_t out[BLAKE2B_BYTES]);

#endif
