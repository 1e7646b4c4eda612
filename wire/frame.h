/* Monitor frames: how records cross a line that carries text too.
 *
 *   0x00  COBS( kind:1 | version:1 | sequence:2 | payload: up to FRAME_PAYLOAD | crc32:4 )  0x00
 *
 * Everything little-endian; the CRC (zlib's CRC-32) covers all before it.  Text on the line never
 * contains 0x00, COBS output never does, so a frame begins and ends at one and noise costs at most
 * the frames it touches.  Bytes outside frames are console text.  Payload of FRAME_RECORDS is whole
 * records (record_codec.h).  docs/wire-format.md has every bit. */
#ifndef CAPSCOPE_WIRE_FRAME_H
#define CAPSCOPE_WIRE_FRAME_H

#include "lib/errors.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_VERSION = 1,
    FRAME_PAYLOAD = 1024,
    FRAME_HEADER = 4,
    FRAME_MAX = FRAME_HEADER + FRAME_PAYLOAD + 4,
    FRAME_ENCODED_MAX = FRAME_MAX + FRAME_MAX / 254 + 1 + 2, /* with both delimiters */
};

enum frame_kind {
    FRAME_SNAPSHOT_BEGIN = 1, /* payload: records; sequence restarts at 0 */
    FRAME_RECORDS = 2,        /* payload: records, goes on */
    FRAME_SNAPSHOT_END = 3,   /* payload: the END record */
    FRAME_EVENTS = 4,         /* payload: EVENT and GAP records of the live line */
    FRAME_REPLY = 5,          /* payload: records answering one line (TEXT, FINDING...) */
    FRAME_COMMAND = 6,        /* from the host; this and the following: machine.h */
    FRAME_CANCEL = 7,         /* from the host */
    FRAME_ANSWER = 8,
    FRAME_STATE = 9,
};

/* Encodes a frame to `out` (FRAME_ENCODED_MAX bytes); returns its length on the line. */
uint32_t frame_encode(uint8_t kind, uint16_t sequence, const uint8_t *payload, uint32_t len,
                      uint8_t *out);

/* Receiver: feed it bytes. */
struct frame_decoder {
    uint8_t raw[FRAME_ENCODED_MAX];
    uint32_t used;
    uint32_t kinds; /* bit k: a frame of kind k may begin here; what opens as another is text */
    bool inside;
    /* the last complete frame */
    uint8_t kind;
    uint16_t sequence;
    uint8_t payload[FRAME_PAYLOAD];
    uint32_t payload_len;
    /* what the line did to us, counted for the report */
    uint32_t bad_frames;
    uint32_t good_frames;
};

enum frame_event {
    FRAME_NOTHING = 0, /* byte consumed */
    FRAME_TEXT,        /* the byte is console text */
    FRAME_READY,       /* a frame is in kind, sequence, payload */
    FRAME_BAD,         /* a frame was damaged and dropped: CRC, COBS, length or version */
};

/* For every kind below 32; whoever expects few sets `kinds`. */
void frame_decoder_init(struct frame_decoder *d);
enum frame_event frame_decoder_put(struct frame_decoder *d, uint8_t byte);

#endif
