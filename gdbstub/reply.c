/* The packet being put together. */
#include "gdbstub/reply.h"

#include "lib/bytes.h"

struct reply reply;

void reply_begin(void)
{
    reply.length = 0;
}

void reply_char(void *ctx, char c)
{
    (void)ctx;
    if (reply.length < GDB_PACKET_DATA)
        reply.data[reply.length++] = (uint8_t)c;
}

void reply_text(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(reply_char, NULL, fmt, args);
    va_end(args);
}

void reply_hex(const void *bytes, uint32_t len)
{
    uint32_t room = (GDB_PACKET_DATA - reply.length) / 2;
    reply.length += gdb_hex_put((char *)&reply.data[reply.length], bytes, len < room ? len : room);
}

void reply_word(uint32_t word)
{
    uint8_t bytes[4];
    put_le32(bytes, word);
    reply_hex(bytes, sizeof(bytes));
}

void reply_error(enum reply_error e)
{
    reply_begin();
    reply_text("E%02x", (uint32_t)e);
}
