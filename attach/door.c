/* What the doors share: the sentence of the last failure, the state of the machine as it was last
 * told, a snapshot out of a stream. */
#include "attach/door.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum error attach_fail(struct attach *a, enum error e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = snprintf(a->error, sizeof(a->error), "%s: ", a->name);
    if (n > 0 && (size_t)n < sizeof(a->error))
        vsnprintf(a->error + n, sizeof(a->error) - (size_t)n, fmt, args);
    va_end(args);
    return e;
}

/* A sentence of the monitor has one line for the stop and one for the event. */
static void make_one_line(const char *text, char *out, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++)
        out[n++] = *text == '\n' ? ' ' : *text;
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

void attach_note(struct attach *a, enum attach_being being, const char *sentence)
{
    struct attach_state *s = &a->state;
    char one_line[sizeof(s->sentence)];
    make_one_line(sentence ? sentence : "", one_line, sizeof(one_line));
    if (s->since_ms == 0 || s->being != being || strcmp(s->sentence, one_line) != 0)
        s->since_ms = clock_now_ms();
    s->being = being;
    memcpy(s->sentence, one_line, sizeof(one_line));
    if (being == ATTACH_RUNS)
        *s = (struct attach_state){.being = being,
                                   .armed = s->armed,
                                   .armed_here = s->armed_here,
                                   .events = s->events,
                                   .thread = s->thread,
                                   .since_ms = s->since_ms};
}

enum error attach_judge(struct attach *a, enum error e)
{
    size_t name = strlen(a->name) + 2;
    const char *sentence = strlen(a->error) > name ? a->error + name : a->error;
    if (e == ERR_TIMEOUT)
        attach_note(a, ATTACH_UNREACHABLE, sentence);
    else if (e == ERR_CLOSED || e == ERR_IO)
        attach_note(a, ATTACH_GONE, sentence);
    return e;
}

void attach_note_armed(struct attach *a, uint32_t armed)
{
    a->state.armed = armed;
    a->state.armed_here &= armed;
}

void attach_note_command(struct attach *a, uint32_t before)
{
    a->state.armed_here |= a->state.armed & ~before;
}

uint32_t attach_armed_by_us(const struct attach *a)
{
    uint32_t perhaps = a->commanding ? ~a->armed_before : 0;
    return a->keeps_stops ? 0 : a->state.armed & (a->state.armed_here | perhaps);
}

bool attach_same_run(const struct attach_state *then, const struct attach_state *now)
{
    return (int32_t)((uint32_t)now->events - (uint32_t)then->events) >= 0;
}

static enum error deliver_to_capstate(void *ctx, const struct record *r)
{
    return capstate_add(ctx, r);
}

enum error attach_deliver(struct attach *a, attach_sink sink, void *ctx)
{
    enum error e = stream_deliver(&a->stream, sink, ctx);
    if (e != ERR_OK)
        return attach_fail(a, e, "the snapshot could not be taken over: %s", error_sentence(e));
    return ERR_OK;
}

enum error attach_take_state(struct attach *a, struct capstate *out)
{
    struct capstate s;
    capstate_init(&s);
    enum error e = attach_deliver(a, deliver_to_capstate, &s);
    if (e == ERR_OK) {
        e = capstate_finish(&s);
        if (e != ERR_OK)
            attach_fail(a, e, "the snapshot does not hold together: %s", error_sentence(e));
    }
    if (e != ERR_OK) {
        capstate_free(&s);
        return e;
    }
    *out = s;
    return ERR_OK;
}
