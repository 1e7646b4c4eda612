/* Any bytes through the GDB packet decoder, as client (runs undone) and as stub.  A packet that
 * comes out is encoded again and must come out the same; after the noise a good packet must be at
 * most one '$' away. */
#include "wire/gdb_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct gdb_decoder *d, bool runs)
{
    static struct gdb_decoder other;
    static uint8_t line[GDB_PACKET_RAW_MAX];
    enum gdb_event last = GDB_NOTHING;
    uint32_t n = gdb_packet_encode('$', d->data, d->length, line, sizeof(line));
    gdb_decoder_init(&other, runs);
    for (uint32_t i = 0; i < n; i++)
        last = gdb_decoder_put(&other, line[i]);
    if (n == 0 || last != GDB_PACKET || other.length != d->length ||
        memcmp(other.data, d->data, d->length) != 0)
        abort();
}

/* The same bytes, plain ones taken at once: the decoder is in the same state wherever that stops. */
static void check_at_once(const uint8_t *data, size_t size, bool runs)
{
    static struct gdb_decoder single, many;
    gdb_decoder_init(&single, runs);
    gdb_decoder_init(&many, runs);
    for (size_t i = 0; i < size;) {
        uint32_t n = gdb_decoder_put_plain(&many, data + i, (uint32_t)(size - i));
        for (; n > 0; n--, i++)
            if (gdb_decoder_put(&single, data[i]) != GDB_NOTHING)
                abort();
        if (i < size && gdb_decoder_put(&single, data[i]) != gdb_decoder_put(&many, data[i]))
            abort();
        i++;
        if (single.length != many.length || single.sum != many.sum || single.state != many.state ||
            memcmp(single.data, many.data, single.length) != 0)
            abort();
    }
}

static void run(const uint8_t *data, size_t size, bool runs)
{
    static struct gdb_decoder d;
    enum gdb_event last = GDB_NOTHING;
    check_at_once(data, size, runs);
    gdb_decoder_init(&d, runs);
    for (size_t i = 0; i < size; i++) {
        enum gdb_event e = gdb_decoder_put(&d, data[i]);
        if (d.length > GDB_PACKET_DATA)
            abort();
        if (e == GDB_PACKET || e == GDB_NOTIFICATION) {
            struct gdb_text t = gdb_text_of(&d);
            uint32_t value;
            gdb_text_number(&t, &value);
            check_again(&d, runs);
        }
    }
    /* "#00" ends what is open, whatever it is */
    for (const char *p = "#00$OK#9a"; *p != '\0'; p++)
        last = gdb_decoder_put(&d, (uint8_t)*p);
    if (last != GDB_PACKET || strcmp((const char *)d.data, "OK") != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(data, size, true);
    run(data, size, false);
    return 0;
}
