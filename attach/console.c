/* The prompt filter: a line that begins like a prompt is held until it is one or is not. */
#include "attach/console.h"

#include <string.h>

static const char *const prompts[] = {
    [PROMPT_RUNNING] = "capscope> ",
    [PROMPT_STOPPED] = "stopped> ",
};

void console_init(struct console *c)
{
    *c = (struct console){.state = CONSOLE_BEGIN};
}

static void release(struct console *c, struct text *out)
{
    (void)text_put(out, c->held, c->held_used); /* without memory console text is lost */
    c->held_used = 0;
}

/* Which prompt the held text begins; *whole: it is all of it. */
static enum console_prompt match(const struct console *c, bool *whole)
{
    for (enum console_prompt p = PROMPT_RUNNING; p <= PROMPT_STOPPED; p++) {
        if (strncmp(prompts[p], c->held, c->held_used) != 0)
            continue;
        *whole = strlen(prompts[p]) == c->held_used;
        return p;
    }
    return PROMPT_NONE;
}

static enum console_prompt begin_put(struct console *c, char byte, struct text *out)
{
    bool whole = false;
    c->held[c->held_used++] = byte;
    enum console_prompt p = match(c, &whole);
    if (p == PROMPT_NONE) {
        release(c, out);
        c->state = byte == '\n' ? CONSOLE_BEGIN : CONSOLE_PASS;
        return PROMPT_NONE;
    }
    if (!whole)
        return PROMPT_NONE;
    c->held_used = 0;
    c->state = CONSOLE_DROP;
    return p;
}

enum console_prompt console_put(struct console *c, char byte, struct text *out)
{
    if (byte == '\r')
        return PROMPT_NONE;
    switch (c->state) {
    case CONSOLE_BEGIN:
        return begin_put(c, byte, out);
    case CONSOLE_PASS:
        (void)text_put(out, &byte, 1);
        break;
    case CONSOLE_DROP:
        break;
    }
    if (byte == '\n')
        c->state = CONSOLE_BEGIN;
    return PROMPT_NONE;
}
