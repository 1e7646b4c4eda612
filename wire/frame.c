/* Monitor frames: COBS (Cheshire and Baker, 1999) around header, payload and CRC.
 *
 * One delimiter looks like another, so after noise the decoder may take the end of a frame for a
 * beginning.  Two rules bring it back in step: the delimiter that ends a damaged frame is taken as
 * the opening of the next one, and an opened frame whose second byte, the kind, is printable is
 * console text.  So a lost delimiter costs the frame it belongs to and at most one byte of text. */
#include "wire/frame.h"
#include "lib/bytes.h"
#include "lib/crc32.h"

enum {
    DELIMITER = 0,
    COBS_RUN = 0xff, /* code of 254 bytes without a zero after them */
    FIRST_PRINTABLE = 0x20,
    FRAME_CRC = 4,
};

struct cobs {
    uint8_t *code; /* place of the code byte of the current group */
    uint8_t *at;
};

/* Ends the group, begins the next. */
static inline struct cobs cobs_close(struct cobs c)
{
    *c.code = (uint8_t)(c.at - c.code);
    c.code = c.at++;
    return c;
}

static inline bool has_zero_byte(uint32_t w)
{
    return ((w - 0x01010101u) & ~w & 0x80808080u) != 0;
}

/* How many bytes, whole words, fit with room for more: a group is never full after them. */
static inline uint32_t cobs_room(struct cobs c, uint32_t left)
{
    uint32_t room = COBS_RUN - 1 - (uint32_t)(c.at - c.code);
    return (left < room ? left : room) & ~(uint32_t)3;
}

/* Word by word up to the first zero byte; p is aligned. Returns where it came to. */
static inline const uint8_t *cobs_put_words(uint8_t *at, const uint8_t *p, const uint8_t *end)
{
    for (; p != end; p += sizeof(uint32_t), at += sizeof(uint32_t)) {
        uint32_t word = get_word(p);
        if (has_zero_byte(word))
            break;
        put_le32(at, word);
    }
    return p;
}

static struct cobs cobs_put(struct cobs c, const uint8_t *p, uint32_t len)
{
    for (const uint8_t *end = p + len; p != end; p++) {
        if ((uintptr_t)p % sizeof(uint32_t) == 0) {
            const uint8_t *from = p;
            p = cobs_put_words(c.at, p, p + cobs_room(c, (uint32_t)(end - p)));
            c.at += p - from;
            if (p == end)
                break;
        }
        if (*p != 0) {
            *c.at++ = *p;
            if (c.at - c.code != COBS_RUN)
                continue;
        }
        c = cobs_close(c);
    }
    return c;
}

uint32_t frame_encode(uint8_t kind, uint16_t sequence, const uint8_t *payload, uint32_t len,
                      uint8_t *out)
{
    uint8_t header[FRAME_HEADER] = {kind, FRAME_VERSION};
    uint8_t crc[FRAME_CRC];
    put_le16(&header[2], sequence);
    put_le32(crc, crc32_update(crc32_update(0, header, sizeof(header)), payload, len));

    struct cobs c = {out + 1, out + 2};
    out[0] = DELIMITER;
    c = cobs_put(c, header, sizeof(header));
    c = cobs_put(c, payload, len);
    c = cobs_put(c, crc, sizeof(crc));
    *c.code = (uint8_t)(c.at - c.code);
    *c.at++ = DELIMITER;
    return (uint32_t)(c.at - out);
}

void frame_decoder_init(struct frame_decoder *d)
{
    d->used = 0;
    d->kinds = ~(uint32_t)0;
    d->inside = false;
    d->kind = 0;
    d->sequence = 0;
    d->payload_len = 0;
    d->bad_frames = 0;
    d->good_frames = 0;
}

/* Undoes COBS in place, which only shrinks. Returns the length, 0 when the codes do not add up. */
static uint32_t cobs_decode(uint8_t *raw, uint32_t len)
{
    uint32_t from = 0, to = 0;
    while (from < len) {
        uint32_t code = raw[from++];
        if (code - 1 > len - from)
            return 0;
        for (uint32_t i = 1; i < code; i++)
            raw[to++] = raw[from++];
        if (code != COBS_RUN && from < len)
            raw[to++] = 0;
    }
    return to;
}

static bool frame_take(struct frame_decoder *d)
{
    uint32_t len = cobs_decode(d->raw, d->used);
    if (len < FRAME_HEADER + FRAME_CRC || len > FRAME_MAX)
        return false;
    uint32_t body = len - FRAME_CRC;
    if (crc32_update(0, d->raw, body) != get_le32(&d->raw[body]) || d->raw[1] != FRAME_VERSION)
        return false;
    d->kind = d->raw[0];
    d->sequence = (uint16_t)get_le16(&d->raw[2]);
    d->payload_len = body - FRAME_HEADER;
    for (uint32_t i = 0; i < d->payload_len; i++)
        d->payload[i] = d->raw[FRAME_HEADER + i];
    return true;
}

static enum frame_event frame_end(struct frame_decoder *d)
{
    bool good = frame_take(d);
    d->used = 0;
    d->inside = !good;
    if (good)
        d->good_frames++;
    else
        d->bad_frames++;
    return good ? FRAME_READY : FRAME_BAD;
}

static enum frame_event delimiter_put(struct frame_decoder *d)
{
    if (d->inside && d->used > 0)
        return frame_end(d);
    d->inside = true;
    d->used = 0;
    return FRAME_NOTHING;
}

enum frame_event frame_decoder_put(struct frame_decoder *d, uint8_t byte)
{
    if (byte == DELIMITER)
        return delimiter_put(d);
    if (!d->inside)
        return FRAME_TEXT;
    if (d->used == 1 && (byte >= FIRST_PRINTABLE || !(d->kinds >> byte & 1))) {
        d->inside = false;
        d->bad_frames++;
        return FRAME_TEXT;
    }
    if (d->used == FRAME_ENCODED_MAX) {
        d->inside = false;
        d->bad_frames++;
        return FRAME_BAD;
    }
    d->raw[d->used++] = byte;
    return FRAME_NOTHING;
}
