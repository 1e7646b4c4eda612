/* GDB remote serial protocol packets, for both ends (GDB manual, appendix "Remote Protocol",
 * section Overview).
 *
 *   $ data # hh      a packet; hh: sum of the raw bytes between, mod 256, two hex digits
 *   % data # hh      a notification, never acknowledged
 *   + -              acknowledgement, request to send again
 *   0x03             interrupt, outside packets only
 *
 * In data, '}' and a byte stand for that byte xor 0x20; in what a stub sends, X '*' C stands for X
 * and C - 29 more of it.  The decoder undoes both.  Pure state machines: no line, no clock; whoever
 * reads the line keeps the deadline. */
#ifndef CAPSCOPE_WIRE_GDB_PACKET_H
#define CAPSCOPE_WIRE_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GDB_PACKET_DATA = 4096,                       /* bytes of one packet, escapes undone */
    GDB_PACKET_RAW_MAX = 2 * GDB_PACKET_DATA + 4, /* a packet on the line at worst */
};

enum gdb_event {
    GDB_NOTHING = 0,  /* byte consumed */
    GDB_PACKET,       /* data, length hold a packet; answer '+' unless acks are off */
    GDB_NOTIFICATION, /* data, length hold a notification */
    GDB_ACK,          /* '+' */
    GDB_NAK,          /* '-': the other side wants the last packet again */
    GDB_INTERRUPT,    /* 0x03 */
    GDB_BAD,          /* damaged packet dropped (see `fault`); answer '-' unless acks are off */
    GDB_NOISE,        /* a byte that belongs to no packet: console text, boot noise */
};

enum gdb_fault {
    GDB_FAULT_NONE = 0,
    GDB_FAULT_CHECKSUM, /* sum differs or is not hex */
    GDB_FAULT_LENGTH,   /* more than GDB_PACKET_DATA bytes */
    GDB_FAULT_ESCAPE,   /* '}' at the end, '*' first or with a count below 3 */
    GDB_FAULT_CUT,      /* '$' inside a packet: the packet before it never ended */
};

struct gdb_decoder {
    uint8_t data[GDB_PACKET_DATA + 1]; /* of the last complete packet; NUL after `length` bytes */
    uint32_t length;
    bool runs; /* undo runs: for what a stub sends */
    uint8_t state;
    uint8_t sum;
    uint8_t digit; /* value of the first checksum digit, 0xff: not hex */
    bool notification;
    enum gdb_fault pending; /* of the packet being read */
    enum gdb_fault fault;   /* of the last GDB_BAD */
};

void gdb_decoder_init(struct gdb_decoder *d, bool runs);
/* After GDB_PACKET and GDB_NOTIFICATION `data` is valid until the next call. */
enum gdb_event gdb_decoder_put(struct gdb_decoder *d, uint8_t byte);
/* Takes as many of `len` bytes as are plain data inside a packet, at once; how many. Behind them,
 * if bytes are left, stands one for gdb_decoder_put(). */
uint32_t gdb_decoder_put_plain(struct gdb_decoder *d, const uint8_t *bytes, uint32_t len);
/* Has a packet begun that has not ended? */
bool gdb_decoder_is_inside(const struct gdb_decoder *d);

/* Frames `len` bytes as `mark` ('$' or '%') data '#' sum, escaping what must be. Returns the bytes
 * put, 0 when they do not fit in `size` (GDB_PACKET_RAW_MAX always does). */
uint32_t gdb_packet_encode(char mark, const void *data, uint32_t len, uint8_t *out, uint32_t size);

/* --- hex --- */
int gdb_hex_digit(uint8_t c); /* 0..15, -1 */
/* Writes 2 * len digits, no NUL; returns their number. `text` may not overlap `bytes`. */
uint32_t gdb_hex_put(char *text, const void *bytes, uint32_t len);
/* Reads `len` bytes from 2 * len digits: false if one is not a digit. May work in place. */
bool gdb_hex_get(const void *text, uint32_t len, uint8_t *bytes);

/* A reading place in a packet's text; what follows takes from its front and moves it. */
struct gdb_text {
    const uint8_t *at;
    const uint8_t *end;
};
struct gdb_text gdb_text_of(const struct gdb_decoder *d);
/* One to eight hex digits, big-endian: false if there is none or it exceeds 32 bits. */
bool gdb_text_number(struct gdb_text *t, uint32_t *value);
/* Takes the character if it is next. */
bool gdb_text_take(struct gdb_text *t, char c);
/* Takes the word if it is next. */
bool gdb_text_take_word(struct gdb_text *t, const char *word);
static inline uint32_t gdb_text_left(const struct gdb_text *t)
{
    return (uint32_t)(t->end - t->at);
}

/* Writes v as hex without leading zeroes; returns the digits put (1..8), no NUL. */
uint32_t gdb_hex_number(char *text, uint32_t v);

#endif
