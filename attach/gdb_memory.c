/* Memory through a stub.  On a good line it is read once, in the largest pieces; after the first
 * trouble in small ones, and each piece twice, cut differently, until two readings agree. */
#include "attach/gdb_exchange.h"

#include "lib/plural.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LARGE_TRIES = 2,            /* of a piece of memory that could be smaller */
    READ_BYTES_DEFAULT = 0x100, /* without PacketSize */
    READ_BYTES_LEAST = 16,
    SHORTEST_PART = 8, /* of what was asked for */
    PIECE_LEAST = 64,  /* on a bad line; less would be all frame */
    PIECES_TO_GROW = 16,
    CAREFUL_BYTES = 512, /* that must be the same twice */
    CAREFUL_READINGS = 7,
    SETTLE_MOST_MS = 640,
};

uint32_t gdb_read_bytes_max(const struct gdb_client *c)
{
    uint32_t max = c->packet_size ? c->packet_size / 2 : READ_BYTES_DEFAULT;
    return max < READ_BYTES_LEAST ? READ_BYTES_LEAST : max & ~3u;
}

/* A short answer is valid, the stub could read so much; but not one so short that reading would
 * never end. */
static enum error read_some(struct gdb_client *c, uint64_t addr, uint8_t *buf, uint32_t len,
                            uint32_t *got)
{
    char request[32];
    struct gdb_patience p = gdb_patient(c, deadline_in(GDB_REPLY_MS));
    if (len > PIECE_LEAST)
        p.tries = LARGE_TRIES;
    snprintf(request, sizeof(request), "m%" PRIx64 ",%x", addr, len);
    enum error e = gdb_ask(c, request, p);
    if (e != ERR_OK)
        return e;
    const struct gdb_decoder *d = &c->decoder;
    if (gdb_is_error_reply(d) || d->length == 0)
        return gdb_fail(c, ERR_READ, "memory at 0x%08" PRIx64 " cannot be read through the stub",
                        addr);
    if (d->length % 2 != 0 || d->length / 2 > len || !gdb_hex_get(d->data, d->length / 2, buf))
        return gdb_fail(c, ERR_FORMAT,
                        "the stub's answer to a read of 0x%08" PRIx64 " is no hex data", addr);
    *got = d->length / 2;
    if (*got < len / SHORTEST_PART)
        return gdb_fail(c, ERR_FORMAT, "the stub gives memory in pieces of %u byte%s", *got,
                        plural_s(*got));
    return ERR_OK;
}

/* Smaller pieces when they do not come through, larger ones when they do. False: they cannot be
 * smaller. */
static bool adapt(struct gdb_client *c, bool came)
{
    uint32_t max = gdb_read_bytes_max(c);
    if (!came) {
        bool smaller = c->piece > PIECE_LEAST;
        c->piece = c->piece / 2 > PIECE_LEAST ? c->piece / 2 & ~3u : (uint32_t)PIECE_LEAST;
        return smaller;
    }
    if (++c->good_pieces >= PIECES_TO_GROW && c->piece < max) {
        c->good_pieces = 0;
        c->piece = c->piece * 2 < max ? c->piece * 2 : max;
    }
    return true;
}

/* Reads once; the first piece is at most `first` bytes long.
 *
 * One request at a time: over a unix socket QEMU gives 25 to 50 thousand answers of 2 KiB a second,
 * so that what a request in flight would save is not worth a stream that can come out of step. */
static enum error read_once(struct gdb_client *c, uint64_t addr, uint8_t *buf, uint32_t len,
                            uint32_t first)
{
    for (uint32_t done = 0; done < len;) {
        uint32_t wanted = len - done, got = 0, troubles = c->troubles;
        uint32_t most = done == 0 && first < c->piece ? first : c->piece;
        if (most > gdb_read_bytes_max(c))
            most = gdb_read_bytes_max(c);
        enum error e = read_some(c, addr + done, buf + done, wanted < most ? wanted : most, &got);
        bool lost = e == ERR_CHECKSUM || e == ERR_TIMEOUT;
        bool smaller = adapt(c, troubles == c->troubles);
        if (e != ERR_OK && !(lost && smaller))
            return e;
        done += got;
    }
    return ERR_OK;
}

/* Reads until two readings in a row are equal.  They are cut differently, so that an answer which
 * belongs to an earlier request does not come to lie in the same place twice.  If they differ it
 * may be that answers still come late, so the line gets more time to fall silent. */
static enum error read_twice(struct gdb_client *c, uint64_t addr, uint8_t *buf, uint32_t len)
{
    uint8_t before[CAREFUL_BYTES];
    enum error last = ERR_TORN;
    for (unsigned i = 0; i < CAREFUL_READINGS; i++) {
        uint32_t half = (len < c->piece ? len : c->piece) / 2;
        enum error e = read_once(c, addr, buf, len, i % 2 == 0 || half == 0 ? len : half);
        if (e != ERR_OK && e != ERR_READ && e != ERR_FORMAT)
            return e;
        bool same = e == last && (e == ERR_READ || memcmp(before, buf, len) == 0);
        if (same && e != ERR_FORMAT) {
            c->settle_ms = GDB_SETTLE_MS;
            return e;
        }
        if (i > 0 || e == ERR_FORMAT) {
            gdb_note_trouble(c);
            c->asked_again = true;
            c->settle_ms *= c->settle_ms < SETTLE_MOST_MS ? 2 : 1;
        }
        /* Of all answers an error tells least what it answers: nothing old may be under way. */
        c->asked_again = c->asked_again || e == ERR_READ;
        last = e;
        memcpy(before, buf, len);
    }
    c->settle_ms = GDB_SETTLE_MS;
    if (last == ERR_FORMAT)
        return last;
    return gdb_fail(c, ERR_TORN,
                    "memory at 0x%08" PRIx64 " reads differently each time; %u packet%s lost "
                    "or damaged on the line",
                    addr, c->troubles, c->troubles == 1 ? " was" : "s were");
}

enum error gdb_client_read(struct gdb_client *c, uint64_t addr, uint8_t *buf, uint32_t len)
{
    if (c->troubles == 0) {
        enum error e = read_once(c, addr, buf, len, len);
        if (c->troubles == 0 || e == ERR_CLOSED || e == ERR_IO)
            return e;
    }
    for (uint32_t done = 0; done < len;) {
        uint32_t n = len - done < CAREFUL_BYTES ? len - done : (uint32_t)CAREFUL_BYTES;
        enum error e = read_twice(c, addr + done, buf + done, n);
        if (e != ERR_OK)
            return e;
        done += n;
    }
    return ERR_OK;
}
