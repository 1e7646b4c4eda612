/* A snapshot on its way: encoded records kept until the whole is known to be good, so that a sink
 * never sees half of one. */
#ifndef CAPSCOPE_ATTACH_STREAM_H
#define CAPSCOPE_ATTACH_STREAM_H

#include "record/record.h"
#include "attach/attach.h"
#include "record/codec.h"

#include <stddef.h>

struct stream {
    uint8_t *bytes;
    size_t used;
    size_t room;
    struct record_codec codec; /* of stream_record */
    uint32_t findings;
    struct record_end end; /* zero until an END record was added or checked */
};

enum { STREAM_MAX = 1 << 30 };

void stream_init(struct stream *s);
void stream_fini(struct stream *s);
void stream_clear(struct stream *s); /* forgets the records, keeps the memory */

/* Adds one record; fits objwalk_sink with a struct stream as ctx. ERR_NO_MEMORY, ERR_BOUND. */
enum error stream_record(void *stream, const struct record *record);
/* Adds bytes that hold encoded records. */
enum error stream_bytes(struct stream *s, const uint8_t *bytes, size_t len);

/* Hands every record to the sink. ERR_TRUNCATED, ERR_FORMAT, or what the sink returned. */
enum error stream_deliver(const struct stream *s, attach_sink sink, void *ctx);
/* Brings a snapshot from the packed form of a line (docs/record-format.md) into the plain one,
 * which is the same bytes as a walk gives; one in the plain form stays as it is. ERR_FORMAT or
 * ERR_TRUNCATED for bytes that cannot be such a snapshot, ERR_LAYOUT or ERR_UNSUPPORTED for a
 * kernel whose slots this program cannot decode, ERR_NO_MEMORY. */
enum error stream_unpack(struct stream *s);
/* Is it one whole snapshot? Fills findings and end. ERR_TRUNCATED when END is missing or its counts
 * differ from what came, ERR_VERSION for another record format, ERR_FORMAT. */
enum error stream_check(struct stream *s);

#endif
