/* The way back from packed slots: see slot_codec.h.  Runs on hosts, over bytes from a line. */
#include "objwalk/capscope/slot_codec.h"

struct input {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static word_t take_difference(struct input *in)
{
    uint32_t v = 0;
    uint32_t n = get_leb32(in->at, (uint32_t)(in->end - in->at), &v);
    in->bad |= n == 0;
    in->at += n;
    return unzigzag(v);
}

static void take_addr(struct slot_base *b, struct input *in, word_t how)
{
    word_t slots = how == PACK_ADDR_GIVEN ? take_difference(in) : 1;
    in->bad |= how > PACK_ADDR_GIVEN;
    b->addr += slots << SLOT_BITS;
}

static void take_w0(struct slot_base *b, struct input *in, word_t how)
{
    if (how == PACK_W0_GIVEN) {
        word_t rotated = take_difference(in);
        b->step = rotated << 4 | rotated >> 28;
    }
    in->bad |= how > PACK_W0_GIVEN;
    if (how != 0)
        b->w0 += b->step;
}

static void take_w1(struct slot_base *b, struct input *in, word_t how)
{
    if (how == PACK_W1_ZERO)
        b->w1 = 0;
    if (how == PACK_W1_GIVEN)
        b->w1 += take_difference(in);
    in->bad |= how > PACK_W1_GIVEN;
}

uint32_t slot_unpack(struct slot_base *b, const uint8_t *in, uint32_t len, word_t *flags)
{
    if (len == 0)
        return 0;
    struct input input = {in + 1, in + len, false};
    *flags = *in & PACK_FLAGS;
    take_addr(b, &input, *in & PACK_ADDR);
    take_w0(b, &input, *in & PACK_W0);
    take_w1(b, &input, *in & PACK_W1);
    return input.bad ? 0 : (uint32_t)(input.at - in);
}
