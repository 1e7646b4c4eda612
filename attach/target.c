/* Parses the names of targets. */
#include "attach/target.h"

#include <stdbool.h>
#include <string.h>

static bool take(const char **text, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*text, word, n) != 0)
        return false;
    *text += n;
    return true;
}

static bool copy(char *out, size_t size, const char *from, size_t len)
{
    if (len == 0 || len >= size)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

/* A decimal number from 1 to max. */
static bool number(const char *text, uint32_t max, uint32_t *out)
{
    uint64_t v = 0;
    if (*text == '\0' || strlen(text) > 9)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    if (v == 0 || v > max)
        return false;
    *out = (uint32_t)v;
    return true;
}

static const char *parse_tcp(const char *text, struct target *out)
{
    const char *colon = strrchr(text, ':');
    uint32_t port;
    if (!colon || !number(colon + 1, 65535, &port))
        return "tcp needs HOST:PORT with a port from 1 to 65535";
    const char *host = text;
    const char *end = colon;
    if (*host == '[') {
        host++;
        end--;
        if (end < host || *end != ']')
            return "the bracket around the host is not closed";
    }
    if (!copy(out->path, sizeof(out->path), host, (size_t)(end - host)))
        return "the host is empty or too long";
    if (!copy(out->port, sizeof(out->port), colon + 1, strlen(colon + 1)))
        return "the port is too long";
    out->line = LINE_TCP;
    return NULL;
}

static const char *parse_serial(const char *text, struct target *out)
{
    const char *comma = strrchr(text, ',');
    size_t len = comma ? (size_t)(comma - text) : strlen(text);
    out->baud = TARGET_BAUD;
    if (comma && !number(comma + 1, 10000000, &out->baud))
        return "what follows the comma is no baud rate";
    if (!copy(out->path, sizeof(out->path), text, len))
        return "the device name is empty or too long";
    out->line = LINE_SERIAL;
    return NULL;
}

static const char *parse_path(const char *text, enum target_line line, struct target *out)
{
    if (!copy(out->path, sizeof(out->path), text, strlen(text)))
        return "the path is empty or too long";
    out->line = line;
    return NULL;
}

static const char *parse_line(const char *text, struct target *out)
{
    if (take(&text, "unix:"))
        return parse_path(text, LINE_UNIX, out);
    if (take(&text, "tcp:"))
        return parse_tcp(text, out);
    if (*text == '/')
        return parse_serial(text, out);
    return "the line is none of unix:PATH, tcp:HOST:PORT, /dev/NAME[,BAUD]";
}

enum error target_parse(const char *text, struct target *out, const char **why)
{
    struct target t = {0};
    if (take(&text, "monitor:")) {
        t.door = DOOR_MONITOR;
        *why = parse_line(text, &t);
    } else if (take(&text, "gdb:")) {
        t.door = DOOR_GDB;
        *why = parse_line(text, &t);
    } else if (take(&text, "ram:")) {
        t.door = DOOR_RAM;
        *why = parse_path(text, LINE_NONE, &t);
    } else {
        *why = "a target begins with monitor:, gdb: or ram:";
    }
    if (*why)
        return ERR_ARGUMENT;
    *out = t;
    return ERR_OK;
}
