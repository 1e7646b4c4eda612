/* Little-endian access and LEB128, by bytes: never a cast struct (style: bytes). */
#ifndef CAPSCOPE_LIB_BYTES_H
#define CAPSCOPE_LIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint32_t get_le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t get_le32(const uint8_t *p)
{
    return get_le16(p) | get_le16(p + 2) << 16;
}

static inline void put_le16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
    put_le16(p, v);
    put_le16(p + 2, v >> 16);
}

/* Little-endian, at an aligned place: one load, not four. */
static inline uint32_t get_word(const uint8_t *p)
{
    typedef uint32_t __attribute__((may_alias)) word;
    return *(const word *)(const void *)p;
}

static inline void copy_bytes(uint8_t *to, const uint8_t *from, uint32_t n)
{
    __builtin_memcpy(to, from, n);
}

/* Unsigned LEB128; at most 5 bytes. Returns the bytes written. */
static inline uint32_t put_leb32(uint8_t *p, uint32_t v)
{
    uint8_t *at = p;
    for (; v > 0x7f; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return (uint32_t)(at - p);
}

/* Returns the bytes read, 0 when `len` bytes do not hold a whole number or it exceeds 32 bits. */
static inline uint32_t get_leb32(const uint8_t *p, uint32_t len, uint32_t *v)
{
    uint32_t result = 0;
    for (uint32_t n = 0; n < len && n < 5; n++) {
        uint32_t bits = p[n] & 0x7fu;
        if (n == 4 && bits > 0xf)
            return 0;
        result |= bits << (7 * n);
        if (!(p[n] & 0x80)) {
            *v = result;
            return n + 1;
        }
    }
    return 0;
}

/* The same for 64 bits, at most 10 bytes. */
static inline uint32_t put_leb64(uint8_t *p, uint64_t v)
{
    uint8_t *at = p;
    for (; v > 0x7f; v >>= 7)
        *at++ = (uint8_t)(v | 0x80);
    *at++ = (uint8_t)v;
    return (uint32_t)(at - p);
}

static inline uint32_t get_leb64(const uint8_t *p, uint32_t len, uint64_t *v)
{
    uint64_t result = 0;
    for (uint32_t n = 0; n < len && n < 10; n++) {
        uint64_t bits = p[n] & 0x7fu;
        if (n == 9 && bits > 1)
            return 0;
        result |= bits << (7 * n);
        if (!(p[n] & 0x80)) {
            *v = result;
            return n + 1;
        }
    }
    return 0;
}

static inline uint64_t zigzag64(uint64_t v)
{
    return v << 1 ^ (0u - (v >> 63));
}

static inline uint64_t unzigzag64(uint64_t v)
{
    return v >> 1 ^ (0u - (v & 1));
}

static inline uint32_t zigzag(uint32_t v)
{
    return v << 1 ^ (0u - (v >> 31));
}

static inline uint32_t unzigzag(uint32_t v)
{
    return v >> 1 ^ (0u - (v & 1));
}

#endif
