/* Records to bytes and back, generated from the field lists of record/record.h: a new field is one
 * line there.
 *
 * Each kind gets a straight-line encoder and decoder, since the kernel encodes a slot's record for
 * every capability of a snapshot.  Trailing fields whose value is 0 are left out. */
#include "record/codec.h"
#include "lib/bytes.h"

enum {
    LENGTH_ONE_BYTE_MAX = 0x7f, /* longest payload whose length is one byte */
    HEADER_MIN = 2,
};

/* Where each D field keeps its base: its place among the D fields of its kind. */
#define PLACE_U(name)
#define PLACE_W(name)
#define PLACE_D(name) at_##name,
#define PLACE_T(name)
#define PLACE_S(name)
#define PLACE_B(name)
#define PLACE(mode, name) PLACE_##mode(name)

#define LONGEST_U           5
#define LONGEST_W           10
#define LONGEST_D           10
#define LONGEST_T           5
#define LONGEST_S           (1 + RECORD_STRING_MAX)
#define LONGEST_B           RECORD_BYTES_MAX
#define LONGEST(mode, name) +LONGEST_##mode
#define IS_D_U              0
#define IS_D_W              0
#define IS_D_D              1
#define IS_D_T              0
#define IS_D_S              0
#define IS_D_B              0
#define COUNT_D(mode, name) +IS_D_##mode
#define X(value, NAME, name)                                                                       \
    _Static_assert(0 RECORD_FIELDS_##NAME(COUNT_D) <= RECORD_MAX_BASES, "a base for each");        \
    _Static_assert(3 RECORD_FIELDS_##NAME(LONGEST) <= RECORD_MAX_BYTES, "fits, however long");
RECORD_LIST(X)
#undef X

/* --- encoding --- */

struct output {
    uint8_t *at;
    uint8_t *end; /* behind the last field that is not 0 */
};

/* What this program computes with may have 32 bits or 64; the rarer, longer kinds of number are out
 * of line, so that each field costs a few words. */
__attribute__((noinline)) static uint8_t *put_long(uint8_t *at, record_word_t v)
{
    return at + (sizeof(v) == sizeof(uint32_t) ? put_leb32(at, (uint32_t)v) : put_leb64(at, v));
}

/* A difference of more than 31 bits. */
__attribute__((noinline)) static uint8_t *put_far(uint8_t *at, uint64_t v, uint64_t base)
{
    return at + put_leb64(at, zigzag64(v - base));
}

static inline struct output put_number(struct output o, record_word_t encoded, bool keep)
{
    if (encoded < 0x80)
        *o.at++ = (uint8_t)encoded;
    else
        o.at = put_long(o.at, encoded);
    if (keep)
        o.end = o.at;
    return o;
}

/* In words of the program's own the difference is right unless its sign says otherwise. */
static inline struct output put_difference(struct output o, record_word_t v, record_word_t base)
{
    const unsigned top = sizeof(v) * 8 - 1;
    record_word_t d = v - base;
    if (sizeof(v) == sizeof(uint64_t) || (v >= base) == (d >> top == 0))
        return put_number(o, d << 1 ^ (0u - (d >> top)), v != 0);
    o.at = put_far(o.at, v, base);
    if (v != 0)
        o.end = o.at;
    return o;
}

static struct output put_string(struct output o, const struct record_string *s)
{
    uint8_t *length = o.at++;
    uint8_t n = 0;
    while (n < s->length && n < RECORD_STRING_MAX && s->bytes[n] != '\0')
        *o.at++ = (uint8_t)s->bytes[n++];
    *length = n;
    if (n > 0)
        o.end = o.at;
    return o;
}

static struct output put_bytes(struct output o, const struct record_bytes *b)
{
    uint32_t n = b->length < RECORD_BYTES_MAX ? b->length : RECORD_BYTES_MAX;
    if (b->bytes != o.at)
        copy_bytes(o.at, b->bytes, n);
    o.at += n;
    o.end = o.at;
    return o;
}

#define PUT_U(name) o = put_number(o, r->name, r->name != 0);
#define PUT_W(name) o = put_number(o, r->name, r->name != 0);
#define PUT_D(name)                                                                                \
    o = put_difference(o, r->name, base[at_##name]);                                               \
    base[at_##name] = r->name;
#define PUT_T(name)     PUT_U(name)
#define PUT_S(name)     o = put_string(o, &r->name);
#define PUT_B(name)     o = put_bytes(o, &r->name);
#define PUT(mode, name) PUT_##mode(name)

#define X(value, NAME, name)                                                                       \
    static uint8_t *encode_##name(record_word_t *base, const struct record_##name *r,              \
                                  uint8_t *out)                                                    \
    {                                                                                              \
        enum { RECORD_FIELDS_##NAME(PLACE) bases };                                                \
        struct output o = {out, out};                                                              \
        (void)base;                                                                                \
        {                                                                                          \
            RECORD_FIELDS_##NAME(PUT)                                                              \
        }                                                                                          \
        return o.end;                                                                              \
    }
RECORD_LIST(X)
#undef X

static uint8_t *encode_payload(struct record_codec *c, const struct record *r, uint8_t *out)
{
    switch (r->kind) {
#define X(value, NAME, name)                                                                       \
    case RECORD_##NAME:                                                                            \
        return encode_##name(c->base[RECORD_##NAME], &r->name, out);
        RECORD_LIST(X)
#undef X
    default:
        return out;
    }
}

void record_codec_init(struct record_codec *c)
{
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++)
        for (unsigned i = 0; i < RECORD_MAX_BASES; i++)
            c->base[kind][i] = 0;
    c->narrow = false;
}

/* The length has two bytes, however small it is, so that what follows can be there before it. */
static uint32_t encode_in_place(const struct record *r, uint8_t *out)
{
    uint8_t *payload = out + RECORD_SLOTS_HEADER;
    uint32_t length = (uint32_t)(encode_slots(NULL, &r->slots, payload) - payload);
    out[0] = RECORD_SLOTS;
    out[1] = (uint8_t)(length | 0x80);
    out[2] = (uint8_t)(length >> 7);
    return length + RECORD_SLOTS_HEADER;
}

uint32_t record_encode(struct record_codec *c, const struct record *r, uint8_t *out)
{
    if (r->kind == RECORD_SNAPSHOT)
        record_codec_init(c);
    if (r->kind == RECORD_SLOTS)
        return encode_in_place(r, out);
    uint8_t *payload = out + HEADER_MIN;
    uint8_t *end = encode_payload(c, r, payload);
    uint32_t length = (uint32_t)(end - payload);
    out[0] = (uint8_t)r->kind;
    if (length <= LENGTH_ONE_BYTE_MAX) {
        out[1] = (uint8_t)length;
        return length + HEADER_MIN;
    }
    for (uint8_t *p = end; p != payload; p--)
        *p = p[-1];
    return 1 + put_leb32(&out[1], length) + length;
}

/* --- decoding --- */

struct input {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
    bool wide;   /* a number is larger than what holds it */
    bool narrow; /* differences are mod 2^32 */
};

static void input_fail(struct input *in)
{
    in->bad = true;
    in->at = in->end;
}

static uint64_t take_long(struct input *in)
{
    uint64_t v = 0;
    if (in->at == in->end)
        return 0;
    uint32_t n = get_leb64(in->at, (uint32_t)(in->end - in->at), &v);
    if (n == 0)
        input_fail(in);
    else
        in->at += n;
    return v;
}

static uint32_t take_number(struct input *in)
{
    uint64_t v = take_long(in);
    if (v > UINT32_MAX)
        input_fail(in);
    return (uint32_t)v;
}

static record_word_t take_word(struct input *in)
{
    uint64_t v = take_long(in);
    if (in->narrow && v > UINT32_MAX)
        input_fail(in);
    in->wide |= (record_word_t)v != v;
    return (record_word_t)v;
}

/* A difference that is missing means that the value is 0. */
static record_word_t take_delta(struct input *in, record_word_t base)
{
    if (in->at == in->end)
        return 0;
    uint64_t v = base + unzigzag64(take_long(in));
    if (in->narrow)
        v &= UINT32_MAX;
    in->wide |= (record_word_t)v != v;
    return (record_word_t)v;
}

static void take_string(struct input *in, struct record_string *s)
{
    s->length = 0;
    s->bytes[0] = '\0';
    if (in->at == in->end)
        return;
    uint8_t n = *in->at++;
    if (n > RECORD_STRING_MAX || n > in->end - in->at) {
        input_fail(in);
        return;
    }
    for (uint8_t i = 0; i < n; i++) {
        s->bytes[i] = (char)*in->at++;
        if (s->bytes[i] == '\0')
            in->bad = true;
    }
    s->bytes[n] = '\0';
    s->length = n;
}

static void take_bytes(struct input *in, struct record_bytes *b)
{
    b->length = (uint32_t)(in->end - in->at);
    b->bytes = in->at;
    in->at = in->end;
}

#define TAKE_U(name)     r->name = take_number(in);
#define TAKE_W(name)     r->name = take_word(in);
#define TAKE_D(name)     base[at_##name] = r->name = take_delta(in, base[at_##name]);
#define TAKE_T(name)     TAKE_U(name)
#define TAKE_S(name)     take_string(in, &r->name);
#define TAKE_B(name)     take_bytes(in, &r->name);
#define TAKE(mode, name) TAKE_##mode(name)

#define X(value, NAME, name)                                                                       \
    static void decode_##name(record_word_t *base, struct input *in, struct record_##name *r)      \
    {                                                                                              \
        enum { RECORD_FIELDS_##NAME(PLACE) bases };                                                \
        (void)base;                                                                                \
        RECORD_FIELDS_##NAME(TAKE)                                                                 \
    }
RECORD_LIST(X)
#undef X

static bool decode_payload(struct record_codec *c, struct input *in, struct record *out)
{
    switch (out->kind) {
#define X(value, NAME, name)                                                                       \
    case RECORD_##NAME:                                                                            \
        decode_##name(c->base[RECORD_##NAME], in, &out->name);                                     \
        return true;
        RECORD_LIST(X)
#undef X
    default:
        return false;
    }
}

/* Takes kind and length; *header is the number of bytes they fill. */
static enum error take_header(const uint8_t *in, uint32_t len, uint32_t *header, uint32_t *payload)
{
    if (len == 0)
        return ERR_TRUNCATED;
    if (in[0] == 0)
        return ERR_FORMAT;
    if (len < 2 || ((in[1] & 0x80) != 0 && len < 3))
        return ERR_TRUNCATED;
    uint32_t n = get_leb32(&in[1], 2, payload);
    if (n == 0 || *payload + 1 + n > RECORD_MAX_BYTES)
        return ERR_FORMAT;
    *header = 1 + n;
    return *payload > len - *header ? ERR_TRUNCATED : ERR_OK;
}

enum error record_decode(struct record_codec *c, const uint8_t *in, uint32_t len, uint32_t *used,
                         struct record *out)
{
    uint32_t header, payload;
    enum error e = take_header(in, len, &header, &payload);
    if (e != ERR_OK)
        return e;
    out->kind = (enum record_kind)in[0];
    if (out->kind == RECORD_SNAPSHOT)
        record_codec_init(c);
    struct input input = {.at = in + header, .end = in + header + payload, .narrow = c->narrow};
    bool known = decode_payload(c, &input, out);
    if (input.bad || input.wide)
        return input.bad ? ERR_FORMAT : ERR_BOUND;
    if (out->kind == RECORD_SNAPSHOT)
        c->narrow = out->snapshot.format == RECORD_FORMAT_NARROW ||
                    out->snapshot.format == RECORD_FORMAT_NARROW_PACKED;
    *used = header + payload;
    return known ? ERR_OK : ERR_UNSUPPORTED;
}
