/* Memory through a file that QEMU writes: see sel4_save.h. */
#include "attach/sel4_save.h"

#include "attach/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMMAND_MS = 5000, FOLDER = 64, PATH = FOLDER + 16 };

static bool is_here(const struct target *t)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1", "ip6-localhost"};
    if (t->line == LINE_UNIX)
        return true;
    for (size_t i = 0; t->line == LINE_TCP && i < sizeof(loopback) / sizeof(*loopback); i++)
        if (strcmp(t->path, loopback[i]) == 0)
            return true;
    return false;
}

void sel4_saver_init(struct sel4_saver *s, const struct target *t)
{
    *s = (struct sel4_saver){.refused = !is_here(t)};
}

static size_t run_of(const struct sel4_span *spans, size_t count, uint64_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    while (n < count && (n == 0 || spans[n].addr == spans[n - 1].addr + spans[n - 1].len))
        *bytes += spans[n++].len;
    return n;
}

size_t sel4_saver_before(const struct sel4_saver *s, const struct sel4_span *spans, size_t count,
                         size_t *run)
{
    *run = 0;
    for (size_t i = 0; !s->refused && i < count;) {
        uint64_t bytes = 0;
        size_t n = run_of(&spans[i], count - i, &bytes);
        *run = bytes >= SEL4_SAVE_LEAST ? n : 0;
        if (*run > 0)
            return i;
        i += n;
    }
    return count;
}

/* The monitor says nothing when all went well. */
static enum error count_words(void *ctx, const char *bytes, size_t len)
{
    size_t *said = ctx;
    (void)bytes;
    *said += len;
    return ERR_OK;
}

/* ERR_UNSUPPORTED where the stub runs no such command. */
static enum error save(struct gdb_client *c, uint64_t addr, uint64_t bytes, const char *path)
{
    char line[PATH + 80];
    size_t said = 0;
    (void)snprintf(line, sizeof(line), "pmemsave 0x%" PRIx64 " 0x%" PRIx64 " \"%s\"", addr, bytes,
                   path);
    enum error e = gdb_client_command(c, line, count_words, &said, deadline_in(COMMAND_MS));
    if (e == ERR_REFUSED || (e == ERR_OK && said > 0))
        return ERR_UNSUPPORTED;
    return e;
}

static bool load(FILE *f, struct sel4_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fread(spans[i].buf, 1, spans[i].len, f) != spans[i].len)
            return false;
    return fgetc(f) == EOF;
}

static bool load_path(const char *path, struct sel4_span *spans, size_t count)
{
    FILE *f = fopen(path, "rb");
    bool good = f && load(f, spans, count);
    if (f)
        (void)fclose(f);
    return good;
}

static bool is_zero(const struct sel4_span *s)
{
    for (uint32_t i = 0; i < s->len; i++)
        if (s->buf[i] != 0)
            return false;
    return true;
}

/* One piece, with something in it if there is one, as the stub gives it. */
static enum error agrees(struct gdb_client *c, const struct sel4_span *spans, size_t count,
                         bool *yes)
{
    char request[48];
    size_t i = 0;
    while (i + 1 < count && is_zero(&spans[i]))
        i++;
    uint8_t *bytes = malloc(spans[i].len);
    (void)snprintf(request, sizeof(request), "m%" PRIx64 ",%" PRIx32, spans[i].addr, spans[i].len);
    enum error e = bytes ? gdb_client_ask(c, request, deadline_in(GDB_REPLY_MS)) : ERR_NO_MEMORY;
    *yes = e == ERR_OK && c->decoder.length == spans[i].len * 2 &&
           gdb_hex_get(c->decoder.data, spans[i].len, bytes) &&
           memcmp(bytes, spans[i].buf, spans[i].len) == 0;
    free(bytes);
    return e;
}

/* In a folder that only this user can enter, so that nobody else can put a file there. */
static enum error through(struct gdb_client *c, const char *path, struct sel4_span *spans,
                          size_t count, bool *yes)
{
    uint64_t bytes = 0;
    (void)run_of(spans, count, &bytes);
    enum error e = save(c, spans[0].addr, bytes, path);
    *yes = e == ERR_OK && load_path(path, spans, count);
    (void)unlink(path);
    return *yes ? agrees(c, spans, count, yes) : e == ERR_UNSUPPORTED ? ERR_OK : e;
}

bool sel4_saver_read(struct sel4_saver *s, struct gdb_client *c, struct sel4_span *spans,
                     size_t run, enum error *e)
{
    char folder[FOLDER];
    char path[PATH];
    bool yes = false;
    (void)snprintf(folder, sizeof(folder), "/tmp/capscope-memory-XXXXXX");
    *e = ERR_OK;
    if (s->refused || !mkdtemp(folder))
        return false;
    (void)snprintf(path, sizeof(path), "%s/memory", folder);
    *e = through(c, path, spans, run, &yes);
    (void)rmdir(folder);
    s->refused = !yes;
    for (size_t i = 0; yes && i < run; i++)
        spans[i].error = ERR_OK;
    s->files += yes;
    for (size_t i = 0; yes && i < run; i++)
        s->bytes += spans[i].len;
    return yes;
}
