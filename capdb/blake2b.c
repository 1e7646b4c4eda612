/* BLAKE2b after RFC 7693: section 2.6 and 2.7 give the constants, 3.1 and 3.2 the functions. */
#include "capdb/blake2b.h"

#include <string.h>

enum { ROUNDS = 12, SCHEDULES = 10 };

static const uint64_t iv[8] = {
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};

static const uint8_t sigma[SCHEDULES][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v >> by | v << (64 - by);
}

static void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y)
{
    *a += *b + x;
    *d = rotate(*d ^ *a, 32);
    *c += *d;
    *b = rotate(*b ^ *c, 24);
    *a += *b + y;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 63);
}

static void one_round(uint64_t v[16], const uint64_t m[16], const uint8_t s[16])
{
    for (unsigned i = 0; i < 4; i++)
        mix(&v[i], &v[4 + i], &v[8 + i], &v[12 + i], m[s[2 * i]], m[s[2 * i + 1]]);
    for (unsigned i = 0; i < 4; i++)
        mix(&v[i], &v[4 + (i + 1) % 4], &v[8 + (i + 2) % 4], &v[12 + (i + 3) % 4], m[s[8 + 2 * i]],
            m[s[9 + 2 * i]]);
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)at[i] << (8 * i);
    return v;
}

static void compress(struct blake2b *b, const uint8_t *block, bool last)
{
    uint64_t v[16];
    uint64_t m[16];
    for (unsigned i = 0; i < 16; i++)
        m[i] = get_u64(block + 8 * i);
    memcpy(v, b->h, sizeof(b->h));
    memcpy(v + 8, iv, sizeof(iv));
    v[12] ^= b->count;
    v[14] ^= last ? UINT64_MAX : 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        one_round(v, m, sigma[i % SCHEDULES]);
    for (unsigned i = 0; i < 8; i++)
        b->h[i] ^= v[i] ^ v[8 + i];
}

void blake2b_begin(struct blake2b *b)
{
    memcpy(b->h, iv, sizeof(iv));
    b->h[0] ^= 0x01010000 ^ BLAKE2B_BYTES; /* no key, fan-out and depth 1 */
    b->count = 0;
    b->used = 0;
}

/* The last block is kept back, since it is compressed in another way. */
void blake2b_add(struct blake2b *b, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        if (b->used == BLAKE2B_BLOCK) {
            b->count += BLAKE2B_BLOCK;
            compress(b, b->block, false);
            b->used = 0;
        }
        size_t n = BLAKE2B_BLOCK - b->used;
        n = n < length ? n : length;
        memcpy(b->block + b->used, at, n);
        b->used += n;
        at += n;
        length -= n;
    }
}

void blake2b_end(struct blake2b *b, uint8_t out[BLAKE2B_BYTES])
{
    b->count += b->used;
    memset(b->block + b->used, 0, BLAKE2B_BLOCK - b->used);
    compress(b, b->block, true);
    for (unsigned i = 0; i < BLAKE2B_BYTES; i++)
        out[i] = (uint8_t)(b->h[i / 8] >> (8 * (i % 8)));
}
