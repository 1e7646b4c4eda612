/* Encoded records in one growing buffer.  What a walk emits here and what a monitor sends are the
 * same bytes, so both are checked and delivered by the same code. */
#include "attach/stream.h"

#include <stdlib.h>
#include <string.h>

void stream_init(struct stream *s)
{
    s->bytes = NULL;
    s->capacity = 0;
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
    if (s->used + more <= s->capacity)
        return ERR_OK;
    size_t wanted = s->capacity ? s->capacity * 2 : 65536;
    while (wanted < s->used + more)
        wanted *= 2;
    uint8_t *grown = realloc(s->bytes, wanted);
    if (!grown)
        return ERR_NO_MEMORY;
    s->bytes = grown;
    s->capacity = wanted;
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

/* Hands records to the sink; *skipped counts those of kinds that later versions may add. */
static enum error deliver(const struct stream *s, attach_sink sink, void *ctx, uint32_t *skipped)
{
    struct record_codec codec;
    struct record r;
    record_codec_init(&codec);
    *skipped = 0;
    for (size_t at = 0; at < s->used;) {
        uint32_t used = 0;
        enum error e = record_decode(&codec, s->bytes + at, (uint32_t)(s->used - at), &used, &r);
        if (e == ERR_OK)
            e = sink(ctx, &r);
        else if (e == ERR_UNSUPPORTED && used > 0) {
            e = ERR_OK;
            ++*skipped;
        }
        if (e != ERR_OK)
            return e;
        at += used;
    }
    return ERR_OK;
}

enum error stream_deliver(const struct stream *s, attach_sink sink, void *ctx)
{
    uint32_t skipped;
    return deliver(s, sink, ctx, &skipped);
}

struct tally {
    struct stream *stream;
    uint32_t kinds[RECORD_KINDS];
    uint32_t records;
    bool ended;
};

static enum error tally_record(void *ctx, const struct record *r)
{
    struct tally *t = ctx;
    bool first = t->records == 0;
    if (first != (r->kind == RECORD_SNAPSHOT) || t->ended)
        return ERR_FORMAT;
    if (first && !record_format_is_plain(r->snapshot.format))
        return ERR_VERSION;
    t->records++;
    t->kinds[r->kind]++;
    if (r->kind == RECORD_FINDING)
        t->stream->findings++;
    if (r->kind == RECORD_END) {
        t->stream->end = r->end;
        t->ended = true;
    }
    return ERR_OK;
}

enum error stream_check(struct stream *s)
{
    struct tally t = {.stream = s};
    s->findings = 0;
    uint32_t skipped;
    enum error e = deliver(s, tally_record, &t, &skipped);
    if (e != ERR_OK)
        return e;
    if (!t.ended || s->end.slots != t.kinds[RECORD_SLOT] ||
        s->end.threads != t.kinds[RECORD_THREAD] || s->end.mappings != t.kinds[RECORD_MAPPING] ||
        s->end.records != t.records + skipped)
        return ERR_TRUNCATED;
    return ERR_OK;
}
