/* The packet being put together: bounded, and cut off rather than overrun. One at a time. */
#ifndef CAPSCOPE_GDBSTUB_REPLY_H
#define CAPSCOPE_GDBSTUB_REPLY_H

#include "lib/format.h"
#include "wire/gdb_packet.h"

struct reply {
    uint8_t data[GDB_PACKET_DATA];
    uint32_t length;
};
extern struct reply reply;

/* Numbers of errors as gdb shows them; what they mean is this stub's own. */
enum reply_error {
    REPLY_MALFORMED = 0x01,
    REPLY_NO_THREAD = 0x03,
    REPLY_NO_ROOM = 0x0c,
    REPLY_NO_MEMORY = 0x0e, /* the address cannot be accessed so */
    REPLY_NO_REGISTER = 0x16,
    REPLY_BROKEN = 0x63, /* the stub met an exception on the way */
};

void reply_begin(void);
void reply_char(void *ctx, char c); /* a format_sink */
void reply_text(const char *fmt, ...);
void reply_hex(const void *bytes, uint32_t len);
void reply_word(uint32_t word); /* little-endian, as the target keeps it */
void reply_error(enum reply_error e);

#endif
