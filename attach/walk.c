/* Walking a view with the care that a moving target needs: a stop may fall into the middle of a
 * kernel operation, and a RAM file may change under the walk.  Such a walk is torn; it shows as
 * findings, as an incomplete list, or as a digest that differs from the one the kernel keeps. */
#include "attach/walk.h"

#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A view's own sentence says more.  Most who look for a kernel that is not there have another one. */
static enum error take_opened(struct attach *a, enum error e, const char *message,
                              struct walker *opened, struct walker **w)
{
    const char *hint = e == ERR_NO_ROOTS ? " (mainline seL4: name its file with --kernel)" : "";
    if (e != ERR_OK)
        return a->error[0] ? e : attach_fail(a, e, "%s%s", message, hint);
    walker_close(*w);
    *w = opened;
    return ERR_OK;
}

enum error walk_open(struct attach *a, const struct memview *view, const struct memview *probe,
                     struct walker **w)
{
    char message[WALKER_MESSAGE];
    struct walker *opened;
    a->error[0] = '\0';
    enum error e = walker_open_capscope(view, probe, &opened, message);
    return take_opened(a, e, message, opened, w);
}

enum error walk_open_at(struct attach *a, const struct memview *view, uint64_t at,
                        struct walker **w)
{
    char message[WALKER_MESSAGE];
    struct walker *opened;
    a->error[0] = '\0';
    enum error e = walker_open_capscope_at(view, at, &opened, message);
    return take_opened(a, e, message, opened, w);
}

bool walk_begins(enum error e)
{
    return e == ERR_NO_ROOTS || e == ERR_VERSION || e == ERR_LAYOUT || e == ERR_CORRUPT;
}

enum error walk_once(struct walker *w, bool stopped, struct stream *out)
{
    stream_clear(out);
    return walker_snapshot(w, stopped, stream_record, out);
}

bool walk_in_debugger(struct walker *w)
{
    struct walker_moment m;
    return walker_moment(w, &m) == ERR_OK && m.in_debugger;
}

bool walk_is_whole(struct walker *w)
{
    struct walker_moment m;
    return walker_moment(w, &m) == ERR_OK && (m.in_debugger || m.idle);
}

bool walk_ticks(struct walker *w, uint64_t *out)
{
    struct walker_moment m;
    if (walker_moment(w, &m) != ERR_OK)
        return false;
    *out = m.ticks;
    return true;
}

static void stop_words(const struct walker_moment *m, const char *why, char *out, size_t size)
{
    size_t n = 0;
    if (m->condition != 0)
        n = (size_t)snprintf(out, size, "condition %u ", m->condition);
    else
        n = (size_t)snprintf(out, size, "%s ", m->in_debugger ? "in the kernel's debugger" : why);
    if (m->event.seq != 0 && n < size)
        snprintf(out + n, size - n, "#%" PRIu64 " %s 0x%08" PRIx64, m->event.seq,
                 event_kind_name(m->event.kind), m->event.slot);
}

void walk_note_state(struct attach *a, struct walker *w, bool stands, const char *why)
{
    char words[128];
    struct walker_moment m;
    if (walker_moment(w, &m) != ERR_OK)
        m = (struct walker_moment){.debugger = false};
    if (m.debugger)
        attach_note_armed(a, m.armed);
    if (!stands && !m.in_debugger) {
        attach_note(a, ATTACH_RUNS, NULL);
        return;
    }
    stop_words(&m, why, words, sizeof(words));
    attach_note(a, ATTACH_STANDS, words);
    a->state.reason = m.condition ? ATTACH_AT_CONDITION : ATTACH_AT_HALT;
    a->state.condition = m.condition;
    a->state.event = (uint32_t)m.event.seq;
    a->state.slot = m.event.slot;
    a->state.thread = m.event.thread;
}

static bool same_state(const struct record_end *a, const struct record_end *b)
{
    return a->slots == b->slots && a->mappings == b->mappings && a->threads == b->threads &&
           a->digest0 == b->digest0 && a->digest1 == b->digest1;
}

/* The last walk, for comparison with the next. */
struct previous {
    struct record_end end;
    uint32_t findings;
    bool valid;
};

/* A walk in whose course another boot has begun, or begins, is of neither. */
static bool is_of_one_boot(struct walker *w)
{
    bool anew;
    enum error e = walker_follow(w, &anew);
    return !anew && !walk_begins(e);
}

enum error walk_settled(struct attach *a, struct walker **w, walk_prepare prepare, bool twice,
                        unsigned tries)
{
    struct previous last = {0};
    for (unsigned i = 0; i < tries; i++) {
        bool stopped = false;
        enum error e = prepare ? prepare(a, i, &stopped) : ERR_OK;
        if (e != ERR_OK)
            return e;
        a->error[0] = '\0';
        e = walk_once(*w, stopped, &a->stream);
        if (e != ERR_OK)
            return a->error[0] ? e : attach_fail(a, e, "%s", error_sentence(e));
        if (!is_of_one_boot(*w)) {
            last.valid = false;
            continue;
        }
        const struct record_end *end = &a->stream.end;
        bool clean = end->complete && a->stream.findings == 0 && walker_agrees(*w, end);
        bool alike = last.valid && same_state(&last.end, end) &&
                     last.findings == a->stream.findings && last.end.complete == end->complete;
        if (alike || (clean && !twice))
            return ERR_OK;
        last = (struct previous){*end, a->stream.findings, true};
    }
    return attach_fail(a, ERR_TORN, "no whole snapshot in %u tries: %s", tries,
                       error_sentence(ERR_TORN));
}
