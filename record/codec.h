/* Records to bytes and back (record/record.h, docs/record-format.md).  Pure state machines: the
 * only state is the delta base of each kind, reset at each SNAPSHOT record. */
#ifndef CAPSCOPE_RECORD_CODEC_H
#define CAPSCOPE_RECORD_CODEC_H

#include "lib/errors.h"
#include "record/record.h"

enum { RECORD_MAX_BASES = 8 }; /* D fields of a kind */

struct record_codec {
    record_word_t base[RECORD_KINDS][RECORD_MAX_BASES];
    bool narrow; /* decoding: the stream is of a format with differences mod 2^32 */
};

void record_codec_init(struct record_codec *c);

/* Encodes one record into at most RECORD_MAX_BYTES at `out`; returns the number of bytes. What a
 * SLOTS record holds may stand already where it goes to: at out + RECORD_SLOTS_HEADER. */
enum { RECORD_SLOTS_HEADER = 3 };
uint32_t record_encode(struct record_codec *c, const struct record *r, uint8_t *out);

/* Decodes one record from the front of `in`. `*used` is what it took. ERR_TRUNCATED when the bytes
 * end inside the record, ERR_FORMAT when they cannot be a record (the delta base is then undefined:
 * resume at a SNAPSHOT). A record of unknown kind gives ERR_UNSUPPORTED with `*used` set: skip it.
 * ERR_BOUND: a word that this program's own words cannot hold. */
enum error record_decode(struct record_codec *c, const uint8_t *in, uint32_t len, uint32_t *used,
                         struct record *out);

#endif
