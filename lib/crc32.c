/* CRC-32, a byte at a time through a table of 256 words.
 *
 * The CRC is linear over GF(2), so the entry of an index is the exclusive or of the entries of its
 * bits: eight constants make the table. */
#include "lib/crc32.h"

#define BIT(i, bit, value) (((i) & (bit)) != 0 ? (value) : 0u)
#define ENTRY(i)                                                                                   \
    BIT(i, 1, 0x77073096u) ^ BIT(i, 2, 0xee0e612cu) ^ BIT(i, 4, 0x076dc419u) ^                     \
        BIT(i, 8, 0x0edb8832u) ^ BIT(i, 16, 0x1db71064u) ^ BIT(i, 32, 0x3b6e20c8u) ^               \
        BIT(i, 64, 0x76dc4190u) ^ BIT(i, 128, 0xedb88320u)
#define FOUR(i)    ENTRY(i), ENTRY((i) + 1), ENTRY((i) + 2), ENTRY((i) + 3)
#define SIXTEEN(i) FOUR(i), FOUR((i) + 4), FOUR((i) + 8), FOUR((i) + 12)
#define QUARTER(i) SIXTEEN(i), SIXTEEN((i) + 16), SIXTEEN((i) + 32), SIXTEEN((i) + 48)

static const uint32_t table[256] = {QUARTER(0), QUARTER(64), QUARTER(128), QUARTER(192)};

uint32_t crc32_update(uint32_t crc, const void *data, uint32_t len)
{
    const uint8_t *p = data;
    crc = ~crc;
    for (const uint8_t *end = p + len; p != end; p++)
        crc = crc >> 8 ^ table[(crc ^ *p) & 0xff];
    return ~crc;
}
