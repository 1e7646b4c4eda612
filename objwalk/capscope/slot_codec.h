/* Slots of the derivation list in few bytes, for a line: each slot as the difference to the one
 * before it in the list.
 *
 * What is packed is what the kernel stores (layout/capability.h), so that the kernel that is read
 * need not decode anything; links and depth follow from the order.  An entry is a control byte and
 * up to three unsigned LEB128 numbers, those that the control byte asks for, in this order:
 *
 *   bits 1:0  the link's flags: CDT_REVOCABLE, CDT_FIRST_BADGED
 *   bits 3:2  address   0: the slot behind the last one; 1: zigzag of the difference in slots
 *   bits 5:4  word 0    0: the same; 1: plus the last difference that was given; 2: zigzag of the
 *                       difference, rotated right by 4
 *   bits 7:6  word 1    0: the same; 1: zero; 2: zigzag of the difference
 *
 * All differences are modulo 2^32.  Before the first slot address, words and last difference are 0.
 */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_SLOT_CODEC_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_SLOT_CODEC_H

#include "layout/capability.h"
#include "lib/errors.h"
#include "lib/bytes.h"

enum { SLOT_PACKED_MAX = 16 };

struct slot_base {
    kaddr_t addr;
    word_t w0, w1;
    word_t step; /* the last difference of word 0 that was given */
};

enum slot_packing {
    PACK_FLAGS = 3,
    PACK_ADDR_GIVEN = 1 << 2,
    PACK_ADDR = 3 << 2,
    PACK_W0_STEP = 1 << 4,
    PACK_W0_GIVEN = 2 << 4,
    PACK_W0 = 3 << 4,
    PACK_W1_ZERO = 1 << 6,
    PACK_W1_GIVEN = 2 << 6,
    PACK_W1 = 3 << 6,
};

/* Packs a slot, that at window address `addr` with the link `next`, into at most SLOT_PACKED_MAX
 * bytes; returns what follows them. Inline: it is most of what a snapshot costs. */
static inline uint8_t *slot_pack(struct slot_base *b, kaddr_t addr, struct cap cap, word_t next,
                                 uint8_t *out)
{
    uint8_t *at = out + 1;
    word_t control = next & PACK_FLAGS;
    word_t distance = (word_t)((int32_t)(addr - b->addr) >> SLOT_BITS);
    word_t w0 = cap.w[0], w1 = cap.w[1], difference = w0 - b->w0;
    if (distance != 1) {
        control |= PACK_ADDR_GIVEN;
        at += put_leb32(at, zigzag(distance));
    }
    if (difference != 0 && difference == b->step) {
        control |= PACK_W0_STEP;
    } else if (difference != 0) {
        control |= PACK_W0_GIVEN;
        b->step = difference;
        at += put_leb32(at, zigzag(difference >> 4 | difference << 28));
    }
    if (w1 != b->w1 && w1 == 0) {
        control |= PACK_W1_ZERO;
    } else if (w1 != b->w1) {
        control |= PACK_W1_GIVEN;
        at += put_leb32(at, zigzag(w1 - b->w1));
    }
    b->addr = addr;
    b->w0 = w0;
    b->w1 = w1;
    *out = (uint8_t)control;
    return at;
}

/* Takes one entry from the front of `in`: `b` becomes its address and words, `*flags` its link's
 * flags. Returns the bytes it has; 0 when they are cut, or no entry: b is then undefined. */
uint32_t slot_unpack(struct slot_base *b, const uint8_t *in, uint32_t len, word_t *flags);

#endif
