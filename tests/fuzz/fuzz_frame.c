/* Any bytes through the frame decoder.  A frame that comes out is encoded again and must be what
 * came in, but for how its groups were cut; a frame sent after two zero bytes must come through,
 * whatever was before. */
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool feed(struct frame_decoder *d, const uint8_t *bytes, uint32_t n)
{
    bool ready = false;
    for (uint32_t i = 0; i < n; i++)
        ready |= frame_decoder_put(d, bytes[i]) == FRAME_READY;
    return ready;
}

static void check_again(const struct frame_decoder *d)
{
    static struct frame_decoder other;
    static uint8_t line[FRAME_ENCODED_MAX];
    uint32_t n = frame_encode(d->kind, d->sequence, d->payload, d->payload_len, line);
    frame_decoder_init(&other);
    if (n > FRAME_ENCODED_MAX || !feed(&other, line, n) || other.payload_len != d->payload_len ||
        other.kind != d->kind || other.sequence != d->sequence ||
        memcmp(other.payload, d->payload, d->payload_len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct frame_decoder d;
    static uint8_t line[FRAME_ENCODED_MAX];
    static const uint8_t zeroes[2];
    frame_decoder_init(&d);
    for (size_t i = 0; i < size; i++) {
        if (frame_decoder_put(&d, data[i]) == FRAME_READY)
            check_again(&d);
        if (d.used > sizeof(d.raw))
            abort();
    }
    uint32_t n = frame_encode(FRAME_REPLY, 7, data, size < 100 ? (uint32_t)size : 100, line);
    feed(&d, zeroes, sizeof(zeroes));
    if (!feed(&d, line, n))
        abort();
    return 0;
}
