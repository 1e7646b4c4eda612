/* The debugger's line: packets out, kept until they are acknowledged, and packets in. */
#include "attach/proxy_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PRINT_BYTES = 1000, PART_BYTES = GDB_PACKET_DATA / 2 }; /* of text in one packet */

void proxy_line_open(struct proxy *p, int fd)
{
    p->line.fd = fd;
    p->line.socket = true;
    p->line.port = NULL;
    p->line.head = p->line.tail = 0;
    p->acks = true;
    p->gone = p->detached = p->one_space = false;
    p->sent_length = 0;
    gdb_decoder_init(&p->decoder, false);
}

void proxy_line_close(struct proxy *p)
{
    if (p->line.fd >= 0)
        transport_close(&p->line);
    p->line.fd = -1;
}

static void send_bytes(struct proxy *p, const void *bytes, size_t length)
{
    if (p->line.fd < 0 || p->gone)
        return;
    p->gone = transport_write(&p->line, bytes, length, deadline_in(PROXY_WRITE_MS)) != ERR_OK;
}

void proxy_reply(struct proxy *p, const void *data, size_t length)
{
    uint32_t n = gdb_packet_encode('$', data, (uint32_t)length, p->sent, sizeof(p->sent));
    if (n == 0)
        n = gdb_packet_encode('$', "E0f", 3, p->sent, sizeof(p->sent));
    p->sent_length = n;
    send_bytes(p, p->sent, n);
}

void proxy_say(struct proxy *p, const char *fmt, ...)
{
    char text[PROXY_TEXT * 2];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    proxy_reply(p, text, strlen(text));
}

void proxy_reply_part(struct proxy *p, const struct text *of, const char *range)
{
    uint32_t offset = 0, length = 0;
    char part[1 + PART_BYTES];
    struct gdb_text t = {(const uint8_t *)range, (const uint8_t *)range + strlen(range)};
    if (!gdb_text_number(&t, &offset) || !gdb_text_take(&t, ',') || !gdb_text_number(&t, &length)) {
        proxy_say(p, "E01");
        return;
    }
    size_t left = offset < of->used ? of->used - offset : 0;
    size_t n = left < length ? left : length;
    n = n < PART_BYTES ? n : (size_t)PART_BYTES;
    part[0] = n < left ? 'm' : 'l';
    memcpy(part + 1, of->bytes + (left ? offset : 0), n);
    proxy_reply(p, part, 1 + n);
}

void proxy_print(struct proxy *p, const char *text, size_t length)
{
    char packet[2 * PRINT_BYTES + 1] = "O";
    while (length > 0) {
        size_t n = length < PRINT_BYTES ? length : (size_t)PRINT_BYTES;
        proxy_reply(p, packet, 1 + gdb_hex_put(packet + 1, text, (uint32_t)n));
        text += n;
        length -= n;
    }
}

static void take(struct proxy *p, enum gdb_event event)
{
    if (event == GDB_PACKET) {
        if (p->acks)
            send_bytes(p, "+", 1);
        proxy_handle(p);
    } else if (event == GDB_BAD && p->acks) {
        send_bytes(p, "-", 1);
    } else if (event == GDB_NAK && p->acks) {
        send_bytes(p, p->sent, p->sent_length);
    } else if (event == GDB_INTERRUPT) {
        proxy_interrupt(p);
    }
}

void proxy_line_take(struct proxy *p)
{
    while (p->line.fd >= 0 && !p->gone && !p->dead) {
        uint8_t byte;
        enum error e = transport_get(&p->line, &byte, 0);
        if (e == ERR_TIMEOUT || e == ERR_STOPPED)
            return;
        if (e != ERR_OK)
            p->gone = true;
        else if (!p->detached)
            take(p, gdb_decoder_put(&p->decoder, byte));
    }
}
