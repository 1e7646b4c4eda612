/* The kernel's threads as the debugger sees them: numbers, names, reasons. */
#include "attach/proxy_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBERS_BYTES = 2048 };

/* The stub in the kernel numbers them so too. */
uint64_t proxy_id_of(uint64_t tcb)
{
    return tcb >> PROXY_THREAD_SHIFT;
}

void proxy_forget(struct proxy *p)
{
    if (p->known)
        capstate_free(&p->state);
    p->known = false;
    p->unknown[0] = '\0';
    text_fini(&p->list);
    p->door->forget(p->a);
}

bool proxy_know(struct proxy *p)
{
    if (p->known || p->unknown[0])
        return p->known;
    enum error e = attach_snapshot(p->a, &p->state);
    p->known = e == ERR_OK;
    if (!p->known)
        snprintf(p->unknown, sizeof(p->unknown), "%s", attach_error(p->a));
    proxy_stub_failed(p, e);
    return p->known;
}

int32_t proxy_thread(struct proxy *p, uint64_t id)
{
    if (id == PROXY_PROCESSOR || !proxy_know(p))
        return -1;
    for (uint32_t i = 0; i < p->state.thread_count; i++)
        if (proxy_id_of(p->state.threads[i].rec.addr) == id)
            return (int32_t)i;
    return -1;
}

void proxy_thread_name(struct proxy *p, int32_t thread, char *buf, size_t size)
{
    const struct capstate_thread *t = &p->state.threads[thread];
    if (t->rec.idle)
        snprintf(buf, size, "idle");
    else if (t->label[0])
        snprintf(buf, size, "%s", t->label);
    else
        snprintf(buf, size, "tcb 0x%" PRIx64, t->rec.addr);
}

static void describe_processor(struct proxy *p, char *name, char *reason, size_t size)
{
    char who[PROXY_TEXT] = "";
    snprintf(name, size, "processor");
    for (uint32_t i = 0; proxy_know(p) && i < p->state.thread_count; i++)
        if (p->state.threads[i].rec.current)
            proxy_thread_name(p, (int32_t)i, who, sizeof(who));
    if (!p->known)
        snprintf(reason, size, "threads cannot be read here: %s", p->unknown);
    else if (p->knows_threads)
        snprintf(reason, size, "in the kernel, on behalf of %s", who);
    else
        snprintf(reason, size, "%s %s", p->user ? "in user mode:" : "in the kernel, on behalf of",
                 who);
}

/* The name stands before the reason already. */
static void drop_name(char *reason, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(reason, name, n) == 0 && reason[n] == ' ')
        memmove(reason, reason + n + 1, strlen(reason + n + 1) + 1);
}

void proxy_describe(struct proxy *p, uint64_t id, char *name, char *reason, size_t size)
{
    int32_t thread = proxy_thread(p, id);
    name[0] = reason[0] = '\0';
    if (id == PROXY_PROCESSOR) {
        describe_processor(p, name, reason, size);
    } else if (thread >= 0) {
        proxy_thread_name(p, thread, name, size);
        p->help->reason(p->help->ctx, &p->state, thread, reason, size);
        drop_name(reason, name);
    }
}

/* --- as numbers --- */

void proxy_list_numbers(struct proxy *p, bool first)
{
    char text[NUMBERS_BYTES];
    size_t used = 1;
    uint32_t count = 1 + (proxy_know(p) ? p->state.thread_count : 0);
    if (first)
        p->told = 0;
    text[0] = p->told < count ? 'm' : 'l';
    while (p->told < count && used < sizeof(text) - 32) {
        uint64_t id =
            p->told == 0 ? PROXY_PROCESSOR : proxy_id_of(p->state.threads[p->told - 1].rec.addr);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRIx64,
                                 used > 1 ? "," : "", id);
        p->told++;
    }
    proxy_reply(p, text, used);
}

/* --- as XML --- */

static enum error put(struct text *t, const char *s)
{
    return text_put(t, s, strlen(s));
}

static enum error put_escaped(struct text *t, const char *s)
{
    enum error e = ERR_OK;
    for (; *s && e == ERR_OK; s++)
        switch (*s) {
        case '&':
            e = put(t, "&amp;");
            break;
        case '<':
            e = put(t, "&lt;");
            break;
        case '>':
            e = put(t, "&gt;");
            break;
        case '"':
            e = put(t, "&quot;");
            break;
        default:
            e = text_put(t, s, 1);
        }
    return e;
}

static enum error put_thread(struct proxy *p, uint64_t id)
{
    char name[PROXY_TEXT], reason[PROXY_TEXT], number[48];
    proxy_describe(p, id, name, reason, sizeof(name));
    snprintf(number, sizeof(number), "<thread id=\"%" PRIx64 "\" name=\"", id);
    enum error e = put(&p->list, number);
    if (e == ERR_OK)
        e = put_escaped(&p->list, name);
    if (e == ERR_OK)
        e = put(&p->list, "\">");
    if (e == ERR_OK)
        e = put_escaped(&p->list, reason);
    return e == ERR_OK ? put(&p->list, "</thread>\n") : e;
}

static enum error make_list(struct proxy *p)
{
    text_fini(&p->list);
    bool known = proxy_know(p);
    enum error e = put(&p->list, "<?xml version=\"1.0\"?>\n<threads>\n");
    if (e == ERR_OK)
        e = put_thread(p, PROXY_PROCESSOR);
    for (uint32_t i = 0; known && e == ERR_OK && i < p->state.thread_count; i++)
        e = put_thread(p, proxy_id_of(p->state.threads[i].rec.addr));
    return e == ERR_OK ? put(&p->list, "</threads>\n") : e;
}

void proxy_list_xml(struct proxy *p, const char *range)
{
    bool from_the_beginning = range[strspn(range, "0")] == ',';
    if ((from_the_beginning || !p->list.bytes) && make_list(p) != ERR_OK)
        proxy_say(p, "E01");
    else
        proxy_reply_part(p, &p->list, range);
}
