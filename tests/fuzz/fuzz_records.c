/* Any bytes through the record decoder.  What it takes is encoded again and must decode to the
 * same: the encoding of a record is canonical, the decoding loses nothing. */
#include "record/codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct record_codec *encoder, struct record_codec *decoder,
                        const struct record *r)
{
    static struct record back; /* static and cleared, so that strings compare behind their ends */
    uint8_t bytes[RECORD_MAX_BYTES], again[RECORD_MAX_BYTES];
    uint32_t used = 0;
    struct record_codec before = *encoder;
    uint32_t n = record_encode(encoder, r, bytes);
    if (n > RECORD_MAX_BYTES || record_decode(decoder, bytes, n, &used, &back) != ERR_OK ||
        used != n)
        abort();
    if (record_encode(&before, &back, again) != n || memcmp(bytes, again, n) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct record_codec codec, encoder, decoder;
    static struct record r;
    record_codec_init(&codec);
    record_codec_init(&encoder);
    record_codec_init(&decoder);
    while (size > 0) {
        uint32_t used = 0;
        enum error e = record_decode(&codec, data, (uint32_t)size, &used, &r);
        if (e != ERR_OK && e != ERR_UNSUPPORTED)
            return 0;
        if (used < 2 || used > size)
            abort();
        if (e == ERR_OK)
            check_again(&encoder, &decoder, &r);
        data += used;
        size -= used;
    }
    return 0;
}
