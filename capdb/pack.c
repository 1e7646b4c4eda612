/* Packing numbers, and unpacking what may be anything. */
#include "capdb/pack.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 10, DIGIT_BITS = 7, MORE = 0x80 };

static bool make_room(struct pack *p, size_t bytes)
{
    uint8_t *grown = p->failed ? NULL : array_room(p->bytes, p->used + bytes, &p->room, 1);
    p->failed = !grown;
    if (grown)
        p->bytes = grown;
    return grown;
}

void pack_number(struct pack *p, uint64_t v)
{
    if (!make_room(p, NUMBER_BYTES))
        return;
    for (; v >= MORE; v >>= DIGIT_BITS)
        p->bytes[p->used++] = (uint8_t)(v | MORE);
    p->bytes[p->used++] = (uint8_t)v;
}

void pack_bytes(struct pack *p, const uint8_t *bytes, size_t count)
{
    if (count == 0 || !make_room(p, count))
        return;
    memcpy(p->bytes + p->used, bytes, count);
    p->used += count;
}

void pack_difference(struct pack *p, int64_t before, int64_t v)
{
    uint64_t d = (uint64_t)v - (uint64_t)before;
    pack_number(p, d << 1 ^ (0 - (d >> 63)));
}

void pack_free(struct pack *p)
{
    free(p->bytes);
    *p = (struct pack){0};
}

uint64_t unpack_number(struct unpack *u)
{
    uint64_t v = 0;
    for (unsigned shift = 0; u->at < u->end && shift < NUMBER_BYTES * DIGIT_BITS;
         shift += DIGIT_BITS) {
        uint8_t byte = *u->at++;
        v |= (uint64_t)(byte & ~MORE & 0xff) << shift;
        if (!(byte & MORE))
            return v;
    }
    u->failed = true;
    return 0;
}

int64_t unpack_difference(struct unpack *u, int64_t before)
{
    uint64_t folded = unpack_number(u);
    return (int64_t)((uint64_t)before + (folded >> 1 ^ (0 - (folded & 1))));
}
