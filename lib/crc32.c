/* CRC-32, a word at a time through four tables of 256 words ("slicing by four": Kounavis and Berry,
 * 2005): table k says what a byte does to the CRC when k more bytes follow it in the word.
 *
 * The CRC is linear over GF(2), so the entry of an index is the exclusive or of the entries of its
 * bits: eight constants make a table. */
#include "lib/crc32.h"

#include "lib/bytes.h"

#define BITS_0                                                                                     \
    0x77073096u, 0xee0e612cu, 0x076dc419u, 0x0edb8832u, 0x1db71064u, 0x3b6e20c8u, 0x76dc4190u,     \
        0xedb88320u
#define BITS_1                                                                                     \
    0x191b3141u, 0x32366282u, 0x646cc504u, 0xc8d98a08u, 0x4ac21251u, 0x958424a2u, 0xf0794f05u,     \
        0x3b83984bu
#define BITS_2                                                                                     \
    0x01c26a37u, 0x0384d46eu, 0x0709a8dcu, 0x0e1351b8u, 0x1c26a370u, 0x384d46e0u, 0x709a8dc0u,     \
        0xe1351b80u
#define BITS_3                                                                                     \
    0xb8bc6765u, 0xaa09c88bu, 0x8f629757u, 0xc5b428efu, 0x5019579fu, 0xa032af3eu, 0x9b14583du,     \
        0xed59b63bu

#define BIT(i, bit, value) (((i) & (bit)) != 0 ? (value) : 0u)
#define ENTRY_OF(i, a, b, c, d, e, f, g, h)                                                        \
    BIT(i, 1, a) ^ BIT(i, 2, b) ^ BIT(i, 4, c) ^ BIT(i, 8, d) ^ BIT(i, 16, e) ^ BIT(i, 32, f) ^    \
        BIT(i, 64, g) ^ BIT(i, 128, h)
#define ENTRY(i, ...) ENTRY_OF(i, __VA_ARGS__)
#define FOUR(i, ...)                                                                               \
    ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__),               \
        ENTRY((i) + 3, __VA_ARGS__)
#define SIXTEEN(i, ...)                                                                            \
    FOUR(i, __VA_ARGS__), FOUR((i) + 4, __VA_ARGS__), FOUR((i) + 8, __VA_ARGS__),                  \
        FOUR((i) + 12, __VA_ARGS__)
#define QUARTER(i, ...)                                                                            \
    SIXTEEN(i, __VA_ARGS__), SIXTEEN((i) + 16, __VA_ARGS__), SIXTEEN((i) + 32, __VA_ARGS__),       \
        SIXTEEN((i) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                 \
    {                                                                                              \
        QUARTER(0, __VA_ARGS__), QUARTER(64, __VA_ARGS__), QUARTER(128, __VA_ARGS__),              \
            QUARTER(192, __VA_ARGS__)                                                              \
    }

/* Four arrays, so that each has a register of its own. */
static const uint32_t last[256] = TABLE(BITS_0);
static const uint32_t third[256] = TABLE(BITS_1);
static const uint32_t second[256] = TABLE(BITS_2);
static const uint32_t first[256] = TABLE(BITS_3);

static inline uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
    return crc >> 8 ^ last[(crc ^ byte) & 0xff];
}

static inline uint32_t crc_word(uint32_t crc, uint32_t word)
{
    crc ^= word;
    return first[crc & 0xff] ^ second[crc >> 8 & 0xff] ^ third[crc >> 16 & 0xff] ^ last[crc >> 24];
}

uint32_t crc32_update(uint32_t crc, const void *data, uint32_t len)
{
    const uint8_t *p = data, *const end = p + len;
    crc = ~crc;
    for (; p != end && (uintptr_t)p % sizeof(uint32_t) != 0; p++)
        crc = crc_byte(crc, *p);
    const uint8_t *const words = p + (uint32_t)(end - p) / sizeof(uint32_t) * sizeof(uint32_t);
#pragma GCC unroll 4
    for (; p != words; p += sizeof(uint32_t))
        crc = crc_word(crc, get_word(p));
    for (; p != end; p++)
        crc = crc_byte(crc, *p);
    return ~crc;
}
