/* Encoded records in one growing buffer.  What a walk emits here and what a monitor sends are the
 * same bytes, so both are checked and delivered by the same code. */
#include "attach/stream.h"
#include "lib/array.h"

#include "objwalk/unpack.h"
#include "record/check.h"

#include <stdlib.h>
#include <string.h>

void stream_init(struct stream *s)
{
    s->bytes = NULL;
    s->room = 0;
    stream_clear(s);
}

void stream_fini(struct stream *s)
{
    free(s->bytes);
    stream_init(s);
}

void stream_clear(struct stream *s)
{
    s->used = 0;
    s->findings = 0;
    s->end = (struct record_end){0};
    record_codec_init(&s->codec);
}

static enum error reserve(struct stream *s, size_t more)
{
    if (more > STREAM_MAX - s->used)
        return ERR_BOUND;
    uint8_t *grown = array_room(s->bytes, s->used + more, &s->room, 1);
    if (!grown)
        return ERR_NO_MEMORY;
    s->bytes = grown;
    return ERR_OK;
}

enum error stream_record(void *stream, const struct record *record)
{
    struct stream *s = stream;
    enum error e = reserve(s, RECORD_MAX_BYTES);
    if (e != ERR_OK)
        return e;
    s->used += record_encode(&s->codec, record, s->bytes + s->used);
    if (record->kind == RECORD_FINDING)
        s->findings++;
    if (record->kind == RECORD_END)
        s->end = record->end;
    return ERR_OK;
}

enum error stream_bytes(struct stream *s, const uint8_t *bytes, size_t len)
{
    enum error e = reserve(s, len);
    if (e != ERR_OK)
        return e;
    if (len)
        memcpy(s->bytes + s->used, bytes, len);
    s->used += len;
    return ERR_OK;
}

/* Hands records to the sink, and counts those of kinds that later versions may add in `check`. */
static enum error deliver(const struct stream *s, attach_sink sink, void *ctx,
                          struct record_check *check)
{
    struct record_codec codec;
    struct record r;
    record_codec_init(&codec);
    for (size_t at = 0; at < s->used;) {
        uint32_t used = 0;
        enum error e = record_decode(&codec, s->bytes + at, (uint32_t)(s->used - at), &used, &r);
        if (e == ERR_OK)
            e = sink(ctx, &r);
        else if (e == ERR_UNSUPPORTED && used > 0) {
            e = ERR_OK;
            record_check_skip(check);
        }
        if (e != ERR_OK)
            return e;
        at += used;
    }
    return ERR_OK;
}

enum error stream_deliver(const struct stream *s, attach_sink sink, void *ctx)
{
    struct record_check unused;
    record_check_begin(&unused);
    return deliver(s, sink, ctx, &unused);
}

static enum error check_record(void *ctx, const struct record *r)
{
    return record_check_add(ctx, r);
}

enum error stream_check(struct stream *s)
{
    struct record_check c;
    record_check_begin(&c);
    s->findings = 0;
    enum error e = deliver(s, check_record, &c, &c);
    if (e == ERR_OK)
        e = record_check_end(&c);
    s->findings = c.kinds[RECORD_FINDING];
    s->end = c.end;
    return e;
}

/* --- unpacking --- */

struct unpacking {
    struct unpacker *unpacker;
    struct stream out;
};

static enum error unpack_record(void *ctx, const struct record *r)
{
    struct unpacking *u = ctx;
    enum error e = unpacker_record(u->unpacker, r, stream_record, &u->out);
    if (e == ERR_OK && !unpacker_is_packed(u->unpacker))
        return ERR_NOT_FOUND; /* it is in the plain form */
    return e;
}

enum error stream_unpack(struct stream *s)
{
    struct unpacking u = {.unpacker = unpacker_new()};
    if (!u.unpacker)
        return ERR_NO_MEMORY;
    stream_init(&u.out);
    enum error e = stream_deliver(s, unpack_record, &u);
    if (e == ERR_OK && unpacker_is_packed(u.unpacker)) {
        struct stream plain = u.out;
        u.out = *s;
        *s = plain;
    }
    stream_fini(&u.out);
    unpacker_free(u.unpacker);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}
