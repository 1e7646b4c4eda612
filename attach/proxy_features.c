/* What a stub says of its processor, handed on so that LLDB understands it, too.
 *
 * LLDB 14 knows no ABI of RISC-V, without which a register is a name: it shows no frame of a thread
 * unless the description itself says which register is the program counter.  gdb passes over
 * attributes that it does not know, so both get them.  Other processors' descriptions pass as they
 * are. */
#include "attach/proxy_state.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, PIECE = 0x400, NAME_MAX_BYTES = 64 };

static const struct {
    const char *name,
        *meaning; /* GDB manual, "RISC-V Features"; LLDB's remote protocol, "generic" */
} generics[] = {
    {"name=\"pc\"", " generic=\"pc\""},
    {"name=\"sp\"", " generic=\"sp\""},
    {"name=\"fp\"", " generic=\"fp\""},
    {"name=\"ra\"", " generic=\"ra\""},
};

/* The whole of one of its files; false: it has none of that name, or the line to it failed. */
static bool fetch(struct proxy *p, const char *name, struct text *out)
{
    char request[NAME_MAX_BYTES + 64];
    while (out->used < FILE_MAX) {
        snprintf(request, sizeof(request), "qXfer:features:read:%s:%zx,%x", name, out->used, PIECE);
        if (proxy_stub_failed(p, gdb_client_ask(p->stub, request, deadline_in(PROXY_REPLY_MS))) !=
            ERR_OK)
            return false;
        const char *answer = (const char *)p->stub->decoder.data;
        uint32_t length = p->stub->decoder.length;
        if (length == 0 || (answer[0] != 'm' && answer[0] != 'l') ||
            (answer[0] == 'm' && length == 1))
            return false;
        if (text_put(out, answer + 1, length - 1) != ERR_OK)
            return false;
        if (answer[0] == 'l')
            return true;
    }
    return false;
}

/* Behind the next name that has a meaning; NULL: there is none. */
static const char *next_name(const char *at, const char **meaning)
{
    const char *first = NULL, *behind = NULL;
    for (size_t i = 0; i < sizeof(generics) / sizeof(*generics); i++) {
        const char *name = strstr(at, generics[i].name);
        if (!name || (first && name > first))
            continue;
        first = name;
        behind = name + strlen(generics[i].name);
        *meaning = generics[i].meaning;
    }
    return behind;
}

static bool explain(const char *from, struct text *out)
{
    const char *meaning = NULL;
    for (const char *name; (name = next_name(from, &meaning)); from = name)
        if (text_put(out, from, (size_t)(name - from)) != ERR_OK ||
            text_put(out, meaning, strlen(meaning)) != ERR_OK)
            return false;
    return text_put(out, from, strlen(from)) == ERR_OK;
}

static bool take_name(struct gdb_text *t, char name[NAME_MAX_BYTES])
{
    size_t n = 0;
    while (gdb_text_left(t) && *t->at != ':' && n + 1 < NAME_MAX_BYTES)
        name[n++] = (char)*t->at++;
    name[n] = '\0';
    return n > 0 && gdb_text_take(t, ':');
}

bool proxy_features(struct proxy *p, struct gdb_text *t)
{
    struct text plain = {0}, told = {0};
    char name[NAME_MAX_BYTES];
    if (strcmp(p->stub->processor->architecture, "riscv:rv64") != 0 || !take_name(t, name))
        return false;
    bool good = fetch(p, name, &plain) && plain.used > 0 && explain(plain.bytes, &told);
    if (good)
        proxy_reply_part(p, &told, (const char *)t->at);
    text_fini(&plain);
    text_fini(&told);
    return good;
}
