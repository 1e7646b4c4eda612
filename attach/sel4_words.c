/* The words of the serial monitor for a mainline kernel: parsing, lists, where it stands. */
#include "attach/sel4_words.h"

#include "lib/plural.h"
#include "objwalk/sel4/dwarf.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 256, WORDS = 16, LEFT_SHOWN = 10, COPIES = 16 };

static enum error say(struct text *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static enum error say(struct text *out, const char *fmt, ...)
{
    char line[LINE];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (n < 0)
        return ERR_FORMAT;
    return text_put(out, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* --- capabilities and events --- */

static uint64_t physical(const struct sel4_stops *s, uint64_t va)
{
    return va == 0 ? 0 : sel4_memory_physical(&s->side->kernel.memory, va);
}

static enum error say_cap(const struct sel4_stops *s, const struct sel4_slot *slot,
                          struct text *out)
{
    struct record_slot r;
    sel4_record_cap(&s->side->kernel, slot, false, false, &r);
    enum error e = say(out, " %s", record_cap_name(r.type));
    if (e == ERR_OK && r.object != 0)
        e = say(out, " 0x%" PRIx64, r.object);
    bool badged = r.type == RECORD_CAP_ENDPOINT || r.type == RECORD_CAP_NOTIFICATION;
    if (e == ERR_OK && badged && r.data != 0)
        e = say(out, " badge %" PRIu64, r.data); /* as everywhere */
    return e;
}

static enum sel4_event_kind main_kind(const struct sel4_event *v)
{
    if ((v->kinds >> SEL4_EVENT_VICTIM & 1) != 0)
        return SEL4_EVENT_VICTIM;
    unsigned k = 0;
    while (k + 1 < SEL4_EVENTS && (v->kinds >> k & 1) == 0)
        k++;
    return (enum sel4_event_kind)k;
}

static enum error say_event(const struct sel4_stops *s, struct text *out)
{
    const struct sel4_event *v = &s->event;
    enum sel4_event_kind kind = main_kind(v);
    enum error e = say(out, "#%" PRIu64 " %s", v->number, sel4_event_name(kind));
    if (e == ERR_OK && v->slot != 0)
        e = say(out, " 0x%" PRIx64, physical(s, v->slot));
    if (e == ERR_OK && v->last != v->slot)
        e = say(out, "-0x%" PRIx64, physical(s, v->last));
    if (e == ERR_OK && kind != SEL4_EVENT_RETYPE)
        e = say_cap(s, &v->about, out);
    if (e == ERR_OK && v->src != 0)
        e = say(out, " from 0x%" PRIx64, physical(s, v->src));
    if (e == ERR_OK && kind == SEL4_EVENT_RETYPE)
        e = say_cap(s, &v->about, out);
    return e;
}

enum error sel4_words_stop(const struct sel4_stops *s, struct text *out)
{
    static const char *const why[] = {[SEL4_WHY_NOT] = "halt",
                                      [SEL4_WHY_CONDITION] = "condition",
                                      [SEL4_WHY_STEP] = "step",
                                      [SEL4_WHY_FINISH] = "finished"};
    enum error e = say(out, "%s", why[s->why]);
    if (e == ERR_OK && s->why == SEL4_WHY_CONDITION)
        e = say(out, " %u", s->matched);
    if (e == ERR_OK && s->why != SEL4_WHY_NOT)
        e = say(out, ": ");
    return e == ERR_OK && s->why != SEL4_WHY_NOT ? say_event(s, out) : e;
}

/* --- where --- */

static enum error say_slot(const struct sel4_stops *s, const char *word, uint32_t i,
                           struct text *out)
{
    const struct sel4_slot *slot = sel4_state_slot(sel4_side_state(s->side), i);
    enum error e = say(out, "%-8s 0x%" PRIx64, word, physical(s, slot->addr));
    if (e == ERR_OK)
        e = say_cap(s, slot, out);
    return e == ERR_OK ? say(out, "\n") : e;
}

static enum error say_counts(const struct sel4_revoke *r, int64_t left, struct text *out)
{
    return say(out, "done %" PRIu32 ", left %" PRIi64 ", preempted %" PRIu32 " times\n", r->done,
               left > 0 ? left : 0, r->preempted);
}

/* The victim of a stop is what goes now; it may stand in a CNode that goes with it. */
static enum error say_left(const struct sel4_stops *s, struct text *out)
{
    const struct sel4_revoke *r = &s->side->revoke;
    uint32_t first = 0, shown = 0;
    int64_t left = sel4_state_below(sel4_side_state(s->side), r->root, &first);
    enum error e = left < 0 ? ERR_OK : say_slot(s, "root", first - 1, out);
    for (int64_t i = 0; e == ERR_OK && i < left && shown < LEFT_SHOWN; i++) {
        uint32_t at = first + (uint32_t)i;
        if (sel4_state_slot(sel4_side_state(s->side), at)->addr == r->victim)
            e = say_slot(s, "now", at, out);
        else
            e = say_slot(s, shown++ == 0 ? "next" : "then", at, out);
    }
    return e == ERR_OK ? say_counts(r, left, out) : e;
}

enum error sel4_words_where(const struct sel4_stops *s, bool running, struct text *out)
{
    enum error e = say(out, running ? "running" : "stopped: ");
    if (e == ERR_OK && !running)
        e = sel4_words_stop(s, out);
    if (e == ERR_OK)
        e = say(out, "\n");
    if (e != ERR_OK)
        return e;
    if (s->side->revoke.root != 0 && sel4_walker_has_walked(s->side->walker))
        return say_left(s, out);
    if (!running && (s->event.kinds >> SEL4_EVENT_REVOKED & 1) != 0)
        return say_counts(&s->over, 0, out);
    return say(out, "no revoke is under way\n");
}

/* --- conditions --- */

static enum error say_condition(const struct sel4_stops *s, unsigned i, struct text *out)
{
    const struct sel4_condition *c = &s->condition[i];
    enum error e = say(out, "%u: on", i + 1);
    if (e == ERR_OK && c->kinds == 0)
        e = say(out, " any");
    for (unsigned k = 0; e == ERR_OK && k < SEL4_EVENTS; k++)
        if ((c->kinds >> k & 1) != 0)
            e = say(out, " %s", sel4_event_name((enum sel4_event_kind)k));
    if (e == ERR_OK && c->slot != 0)
        e = say(out, " slot 0x%" PRIx64, c->slot);
    if (e == ERR_OK && c->object_last != 0 && c->object_first == c->object_last)
        e = say(out, " object 0x%" PRIx64, c->object_first);
    else if (e == ERR_OK && c->object_last != 0)
        e = say(out, " range 0x%" PRIx64 "-0x%" PRIx64, c->object_first, c->object_last);
    if (e == ERR_OK && c->thread != 0)
        e = say(out, " thread 0x%" PRIx64, c->thread);
    return e == ERR_OK ? say(out, ", %u hit%s\n", c->hits, plural_s(c->hits)) : e;
}

static enum error list(const struct sel4_stops *s, struct text *out)
{
    enum error e = ERR_OK;
    bool any = false;
    for (unsigned i = 0; e == ERR_OK && i < SEL4_CONDITIONS; i++) {
        if (!s->condition[i].armed)
            continue;
        e = say_condition(s, i, out);
        any = true;
    }
    return any ? e : say(out, "no conditions; `break on delete`, for example, makes one\n");
}

/* What breakpoints on functions do not see of what was asked for. */
static enum error say_copies(const struct sel4_stops *s, uint32_t needs, struct text *out)
{
    uint64_t pc[COPIES];
    enum error e = ERR_OK;
    struct sel4_dwarf *d = sel4_dwarf_open(&s->side->kernel.image);
    if (!d)
        return say(out, "this kernel has no DWARF: inlined copies of its functions, if there are "
                        "any, are not seen\n");
    for (unsigned i = 0; e == ERR_OK && i < SEL4_FUNCTIONS; i++) {
        const char *name = sel4_place_function((enum sel4_place)i);
        uint32_t n = (needs >> i & 1) != 0 ? sel4_dwarf_inlined(d, name, pc, COPIES) : 0;
        if (n > 0)
            e = say(out, "%s() is also inlined in %u place%s not seen\n", name, n,
                    n == 1 ? ", which is" : "s, which are");
    }
    sel4_dwarf_close(d);
    return e;
}

static enum error say_limits(const struct sel4_stops *s, uint32_t needs, struct text *out)
{
    const uint32_t replies = 1u << SEL4_AT_INSERT | 1u << SEL4_AT_DELETE;
    enum error e = say_copies(s, needs, out);
    if (e == ERR_OK && !s->side->kernel.layout.options.mcs && (needs & replies) != 0)
        e = say(out, "the fastpath writes and clears reply capabilities without these functions: "
                     "those are not seen\n");
    return e;
}

static enum error say_kinds(const char *word, struct text *out)
{
    enum error e = say(out,
                       "'%s' is no operation that is seen from outside a mainline kernel; "
                       "any or one of:",
                       word);
    for (unsigned k = 0; e == ERR_OK && k < SEL4_EVENTS; k++)
        e = say(out, " %s", sel4_event_name((enum sel4_event_kind)k));
    return e == ERR_OK ? say(out, "\n") : e;
}

static bool parse_kind(const char *word, uint32_t *kinds)
{
    *kinds = 0;
    for (unsigned k = 0; k < SEL4_EVENTS; k++)
        if (strcmp(word, sel4_event_name((enum sel4_event_kind)k)) == 0)
            *kinds = 1u << k;
    return *kinds != 0 || strcmp(word, "any") == 0;
}

/* Hexadecimal, with or without 0x, "slot:" as host tools print it; physical, or the kernel's where
 * that cannot be mistaken. */
static bool parse_address(const struct sel4_stops *s, const char *word, char end_mark,
                          uint64_t *out)
{
    const struct sel4_memory *m = &s->side->kernel.memory;
    const char *colon = strchr(word, ':');
    char *end = NULL;
    word = colon ? colon + 1 : word;
    *out = strtoull(word, &end, 16);
    if (end == word || (*end != '\0' && *end != end_mark) || *out == 0)
        return false;
    if (s->side->kernel.layout.wide && *out >= m->offset)
        *out = sel4_memory_physical(m, *out);
    return true;
}

static bool parse_range(const struct sel4_stops *s, const char *word, struct sel4_condition *c)
{
    const char *dash = strchr(word, '-');
    return dash && parse_address(s, word, '-', &c->object_first) &&
           parse_address(s, dash + 1, '\0', &c->object_last) && c->object_last >= c->object_first;
}

/* By name, as the last walk saw it, or by the address of its TCB. */
static bool parse_thread(const struct sel4_stops *s, const char *word, uint64_t *out)
{
    const struct sel4_state *last = sel4_side_state(s->side);
    for (uint32_t i = 0; sel4_walker_has_walked(s->side->walker) && i < last->threads.count; i++) {
        const struct sel4_thread *t = sel4_state_thread(last, i);
        if (t->name[0] != '\0' && strcmp(t->name, word) == 0) {
            *out = physical(s, sel4_tcb_base(&s->side->kernel.layout, t->tcb));
            return true;
        }
    }
    return parse_address(s, word, '\0', out);
}

static bool parse_filter(const struct sel4_stops *s, const char *what, const char *word,
                         struct sel4_condition *c)
{
    if (strcmp(what, "slot") == 0)
        return parse_address(s, word, '\0', &c->slot);
    if (strcmp(what, "range") == 0)
        return parse_range(s, word, c);
    if (strcmp(what, "thread") == 0)
        return parse_thread(s, word, &c->thread);
    if (strcmp(what, "object") != 0 || !parse_address(s, word, '\0', &c->object_first))
        return false;
    c->object_last = c->object_first;
    return true;
}

/* --- commands --- */

struct words {
    unsigned count;
    char *word[WORDS];
    char text[LINE];
};

static void split(const char *line, struct words *w)
{
    char *rest = NULL;
    (void)snprintf(w->text, sizeof(w->text), "%s", line);
    w->count = 0;
    for (char *p = strtok_r(w->text, " ", &rest); p && w->count < WORDS;
         p = strtok_r(NULL, " ", &rest))
        w->word[w->count++] = p;
}

static enum error missing(const struct sel4_stops *s, uint32_t needs, struct text *out, bool *any)
{
    enum error e = ERR_OK;
    for (unsigned i = 0; e == ERR_OK && i < SEL4_FUNCTIONS; i++) {
        if ((needs >> i & 1) == 0 || s->place[i] != 0)
            continue;
        e = say(out, "this kernel has no function %s(): this cannot be seen\n",
                sel4_place_function((enum sel4_place)i));
        *any = true;
    }
    return e;
}

/* Plants at once, so that a stub's refusal is told now. */
static enum error arm(struct sel4_stops *s, const struct sel4_condition *c, struct text *out)
{
    unsigned i = 0;
    bool any = false;
    uint32_t needs = sel4_stops_needs(c->kinds);
    while (i < SEL4_CONDITIONS && s->condition[i].armed)
        i++;
    if (i == SEL4_CONDITIONS)
        return say(out, "all %u conditions are in use; `delete` one\n", (unsigned)SEL4_CONDITIONS);
    enum error e = missing(s, needs, out, &any);
    if (e != ERR_OK || any)
        return e;
    s->condition[i] = *c;
    e = sel4_stops_plant(s);
    if (e != ERR_OK) {
        s->condition[i].armed = false;
        return e == ERR_REFUSED ? say(out, "%s\n", s->client->trouble) : e;
    }
    e = say_condition(s, i, out);
    return e == ERR_OK ? say_limits(s, needs, out) : e;
}

static enum error command_break(struct sel4_stops *s, const struct words *w, struct text *out)
{
    struct sel4_condition c = {.armed = true};
    unsigned at = w->count > 1 && strcmp(w->word[1], "on") == 0 ? 2 : 1;
    if (w->count == 1 || strcmp(w->word[1], "list") == 0)
        return list(s, out);
    if (at >= w->count)
        return say(out, "break on OP [slot A] [object A] [range A-B] [thread T]\n");
    if (!parse_kind(w->word[at], &c.kinds))
        return say_kinds(w->word[at], out);
    for (at++; at < w->count; at += 2) {
        const char *word = at + 1 < w->count ? w->word[at + 1] : "";
        if (!parse_filter(s, w->word[at], word, &c))
            return say(out, "'%s %s' is none of slot A, object A, range A-B, thread T\n",
                       w->word[at], word);
    }
    return arm(s, &c, out);
}

static enum error command_delete(struct sel4_stops *s, const struct words *w, struct text *out)
{
    bool all = w->count > 1 && strcmp(w->word[1], "all") == 0;
    unsigned long n = w->count > 1 ? strtoul(w->word[1], NULL, 10) : 0;
    if (!all && (n == 0 || n > SEL4_CONDITIONS || !s->condition[n - 1].armed))
        return say(out, "there is no condition %lu\n", n);
    for (unsigned i = 0; i < SEL4_CONDITIONS; i++)
        s->condition[i].armed = s->condition[i].armed && !all && i != n - 1;
    return sel4_stops_plant(s);
}

static enum error command_step(struct sel4_stops *s, const struct words *w, struct text *out,
                               enum sel4_motion *then)
{
    unsigned long n = w->count > 1 ? strtoul(w->word[1], NULL, 10) : 1;
    if (n == 0 || n > UINT32_MAX)
        return say(out, "step [N]: N is a number from 1 on\n");
    s->steps = (uint32_t)n;
    *then = SEL4_FOLLOW;
    return ERR_OK;
}

static enum error command_finish(struct sel4_stops *s, struct text *out, enum sel4_motion *then)
{
    if (s->side->revoke.root == 0)
        return say(out, "finish: no revoke is under way here\n");
    s->finish = true;
    *then = SEL4_FOLLOW;
    return ERR_OK;
}

static enum error command_continue(struct sel4_stops *s, struct text *out, enum sel4_motion *then)
{
    s->steps = 0;
    s->finish = false;
    *then = SEL4_GO;
    return say(out, "running\n");
}

enum error sel4_words_command(struct sel4_stops *s, const char *line, bool halted, struct text *out,
                              enum sel4_motion *then)
{
    struct words w = {0};
    split(line, &w);
    const char *word = w.count > 0 ? w.word[0] : "";
    bool moves = strcmp(word, "step") == 0 || strcmp(word, "finish") == 0;
    *then = SEL4_STAY;
    if (moves && !halted)
        return say(out, "%s: the machine runs; `halt` first, or `break on ...`\n", word);
    if (strcmp(word, "break") == 0)
        return command_break(s, &w, out);
    if (strcmp(word, "delete") == 0)
        return command_delete(s, &w, out);
    if (strcmp(word, "step") == 0)
        return command_step(s, &w, out, then);
    if (strcmp(word, "finish") == 0)
        return command_finish(s, out, then);
    if (strcmp(word, "continue") == 0)
        return command_continue(s, out, then);
    *then = strcmp(word, "halt") == 0    ? SEL4_HALT
            : strcmp(word, "where") == 0 ? SEL4_LOOK
                                         : SEL4_STAY;
    if (*then != SEL4_STAY)
        return ERR_OK;
    return say(out, "a mainline kernel has no monitor; from outside there are: break delete step "
                    "finish continue halt where\n");
}
