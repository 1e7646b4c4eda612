/* Packets of the GDB remote serial protocol: framing, checksum, escapes, runs, hex.
 *
 * The decoder keeps one packet and never looks back: whatever comes in, it is at most one '$' away
 * from being in step again.  A packet that cannot be right is read to its end and reported once. */
#include "wire/gdb_packet.h"

enum state {
    OUTSIDE = 0,
    DATA,
    ESCAPE, /* after '}' */
    RUN,    /* after '*' */
    SUM_HIGH,
    SUM_LOW,
};

enum { ESCAPE_XOR = 0x20, RUN_BIAS = 29, RUN_MIN = 3, INTERRUPT = 0x03, NOT_HEX = 0xff };

void gdb_decoder_init(struct gdb_decoder *d, bool runs)
{
    d->length = 0;
    d->runs = runs;
    d->state = OUTSIDE;
    d->sum = 0;
    d->digit = 0;
    d->notification = false;
    d->pending = GDB_FAULT_NONE;
    d->fault = GDB_FAULT_NONE;
    d->data[0] = '\0';
}

static void packet_begin(struct gdb_decoder *d, uint8_t mark)
{
    d->length = 0;
    d->sum = 0;
    d->notification = mark == '%';
    d->pending = GDB_FAULT_NONE;
    d->state = DATA;
}

static enum gdb_event outside_put(struct gdb_decoder *d, uint8_t byte)
{
    switch (byte) {
    case '$':
    case '%':
        packet_begin(d, byte);
        return GDB_NOTHING;
    case '+':
        return GDB_ACK;
    case '-':
        return GDB_NAK;
    case INTERRUPT:
        return GDB_INTERRUPT;
    default:
        return GDB_NOISE;
    }
}

/* The first fault of a packet is the one reported. */
static void packet_fault(struct gdb_decoder *d, enum gdb_fault fault)
{
    if (d->pending == GDB_FAULT_NONE)
        d->pending = fault;
}

static void data_append(struct gdb_decoder *d, uint8_t byte, uint32_t times)
{
    if (times > GDB_PACKET_DATA - d->length) {
        packet_fault(d, GDB_FAULT_LENGTH);
        return;
    }
    for (; times > 0; times--)
        d->data[d->length++] = byte;
}

static void run_put(struct gdb_decoder *d, uint8_t count)
{
    if (d->length == 0 || count < RUN_BIAS + RUN_MIN || count > '~')
        packet_fault(d, GDB_FAULT_ESCAPE);
    else
        data_append(d, d->data[d->length - 1], (uint32_t)count - RUN_BIAS);
}

static enum gdb_event bad(struct gdb_decoder *d, enum gdb_fault fault)
{
    d->fault = fault;
    d->length = 0;
    d->data[0] = '\0';
    return GDB_BAD;
}

/* A byte between '$' and '#'. A bare '$' or '#' ends an escape or a run too. */
static enum gdb_event inside_put(struct gdb_decoder *d, uint8_t byte)
{
    if (byte == '$') {
        bad(d, GDB_FAULT_CUT);
        packet_begin(d, byte);
        return GDB_BAD;
    }
    if (byte == '#') {
        if (d->state != DATA)
            packet_fault(d, GDB_FAULT_ESCAPE);
        d->state = SUM_HIGH;
        return GDB_NOTHING;
    }
    d->sum = (uint8_t)(d->sum + byte);
    if (d->state == ESCAPE) {
        data_append(d, byte ^ ESCAPE_XOR, 1);
        d->state = DATA;
    } else if (d->state == RUN) {
        run_put(d, byte);
        d->state = DATA;
    } else if (byte == '}') {
        d->state = ESCAPE;
    } else if (byte == '*' && d->runs) {
        d->state = RUN;
    } else {
        data_append(d, byte, 1);
    }
    return GDB_NOTHING;
}

static enum gdb_event packet_end(struct gdb_decoder *d, int low)
{
    d->state = OUTSIDE;
    if (d->digit == NOT_HEX || low < 0 || (d->digit << 4 | low) != d->sum)
        return bad(d, GDB_FAULT_CHECKSUM);
    if (d->pending != GDB_FAULT_NONE)
        return bad(d, d->pending);
    d->data[d->length] = '\0';
    return d->notification ? GDB_NOTIFICATION : GDB_PACKET;
}

enum gdb_event gdb_decoder_put(struct gdb_decoder *d, uint8_t byte)
{
    switch ((enum state)d->state) {
    case OUTSIDE:
        return outside_put(d, byte);
    case SUM_HIGH:
        d->digit = (uint8_t)gdb_hex_digit(byte); /* -1 becomes NOT_HEX */
        d->state = SUM_LOW;
        return GDB_NOTHING;
    case SUM_LOW:
        return packet_end(d, gdb_hex_digit(byte));
    case DATA:
    case ESCAPE:
    case RUN:
        break;
    }
    return inside_put(d, byte);
}

static bool is_plain(uint8_t c)
{
    return c != '#' && c != '$' && c != '}' && c != '*';
}

uint32_t gdb_decoder_put_plain(struct gdb_decoder *d, const uint8_t *bytes, uint32_t len)
{
    uint32_t room = GDB_PACKET_DATA - d->length, most = len < room ? len : room, n = 0;
    uint8_t sum = d->sum;
    if (d->state != DATA)
        return 0;
    for (; n < most && is_plain(bytes[n]); n++) {
        d->data[d->length + n] = bytes[n];
        sum = (uint8_t)(sum + bytes[n]);
    }
    d->length += n;
    d->sum = sum;
    return n;
}

bool gdb_decoder_is_inside(const struct gdb_decoder *d)
{
    return d->state != OUTSIDE;
}

static bool must_escape(uint8_t c)
{
    return c == '#' || c == '$' || c == '}' || c == '*';
}

uint32_t gdb_packet_encode(char mark, const void *data, uint32_t len, uint8_t *out, uint32_t size)
{
    const uint8_t *p = data;
    uint32_t n = 0;
    uint8_t sum = 0;
    if (size < 4)
        return 0;
    out[n++] = (uint8_t)mark;
    for (uint32_t i = 0; i < len; i++) {
        bool escape = must_escape(p[i]);
        if (size - n < 3u + (escape ? 2u : 1u))
            return 0;
        if (escape) {
            out[n++] = '}';
            sum = (uint8_t)(sum + '}');
        }
        out[n] = escape ? p[i] ^ ESCAPE_XOR : p[i];
        sum = (uint8_t)(sum + out[n++]);
    }
    out[n++] = '#';
    return n + gdb_hex_put((char *)&out[n], &sum, 1);
}

int gdb_hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char hex_char(uint32_t v)
{
    return "0123456789abcdef"[v & 0xf];
}

uint32_t gdb_hex_put(char *text, const void *bytes, uint32_t len)
{
    const uint8_t *p = bytes;
    for (uint32_t i = 0; i < len; i++) {
        text[2 * i] = hex_char(p[i] >> 4);
        text[2 * i + 1] = hex_char(p[i]);
    }
    return 2 * len;
}

bool gdb_hex_get(const void *text, uint32_t len, uint8_t *bytes)
{
    const uint8_t *p = text;
    for (uint32_t i = 0; i < len; i++) {
        int high = gdb_hex_digit(p[2 * i]), low = gdb_hex_digit(p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

struct gdb_text gdb_text_of(const struct gdb_decoder *d)
{
    return (struct gdb_text){d->data, d->data + d->length};
}

bool gdb_text_number(struct gdb_text *t, uint32_t *value)
{
    const uint8_t *at = t->at;
    uint32_t v = 0;
    for (; at < t->end && gdb_hex_digit(*at) >= 0; at++) {
        if (v >> 28 != 0)
            return false;
        v = v << 4 | (uint32_t)gdb_hex_digit(*at);
    }
    if (at == t->at)
        return false;
    t->at = at;
    *value = v;
    return true;
}

bool gdb_text_take(struct gdb_text *t, char c)
{
    if (t->at == t->end || *t->at != (uint8_t)c)
        return false;
    t->at++;
    return true;
}

bool gdb_text_take_word(struct gdb_text *t, const char *word)
{
    const uint8_t *at = t->at;
    for (; *word != '\0'; word++, at++)
        if (at == t->end || *at != (uint8_t)*word)
            return false;
    t->at = at;
    return true;
}

uint32_t gdb_hex_number(char *text, uint32_t v)
{
    unsigned digits = 1;
    while (digits < 8 && v >> (4 * digits) != 0)
        digits++;
    for (unsigned i = 0; i < digits; i++)
        text[i] = hex_char(v >> (4 * (digits - 1 - i)));
    return digits;
}
