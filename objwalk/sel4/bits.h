/* Bit fields of kernel words: where a value stands, and how it is stored there.
 *
 * Mainline packs capabilities, links, states and queues into words by a description language; a
 * field stores `width` bits at bit `low` of one word, of a value of which `shift` low bits are
 * known to be zero, and which is sign-extended from bit `sign` - 1 when that is not 0. */
#ifndef CAPSCOPE_OBJWALK_SEL4_BITS_H
#define CAPSCOPE_OBJWALK_SEL4_BITS_H

#include <stdbool.h>
#include <stdint.h>

struct sel4_field {
    uint8_t role; /* enum sel4_role; 0 ends a list */
    uint8_t word; /* of the object or capability, lowest address first */
    uint8_t low;
    uint8_t width;
    uint8_t shift;
    uint8_t sign;
    char name[28]; /* as the kernel's description calls it */
};

static inline uint64_t sel4_mask(unsigned bits)
{
    return bits >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1;
}

static inline uint64_t sel4_field_value(const struct sel4_field *f, uint64_t word)
{
    uint64_t v = (f->low >= 64 ? 0 : word >> f->low & sel4_mask(f->width)) << f->shift;
    if (f->sign != 0 && f->sign < 64 && v >> (f->sign - 1) & 1)
        v |= ~sel4_mask(f->sign);
    return v;
}

/* Do two fields store the same value in the same way? Names do not count. */
static inline bool sel4_field_same(const struct sel4_field *a, const struct sel4_field *b)
{
    return a->word == b->word && a->low == b->low && a->width == b->width && a->shift == b->shift &&
           (a->sign == b->sign || a->shift + a->width < a->sign || a->shift + a->width < b->sign);
}

#endif
