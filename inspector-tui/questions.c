/* Which memory is lost, and which could still be had. */
#include "inspector-tui/questions.h"

#include "capstate/size.h"
#include "facts/leak.h"
#include "facts/retype.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAID_BYTES = 700, TEXT_BYTES = 256 };

/* Goes to the first of the lines that were added to the end of the log. */
static void show_answer(struct app *app, uint32_t lines)
{
    struct view *v = &app->views[VIEW_LOG];
    view_invalidate(v);
    app_go(app, VIEW_LOG);
    view_refresh(&app->session, v);
    view_go(v, v->count > lines ? v->count - lines : 0, app->list_height);
}

static void say_leak(struct session *s, const struct leak *l)
{
    const struct sample *now = s->now;
    char line[SAID_BYTES], what[TEXT_BYTES], place[TEXT_BYTES] = "", from[24], last[24];
    char size[SIZE_TEXT];
    /* As the map calls it: "lost" is there what a revoke would give back. */
    const char *word = l->kind == LEAK_NO_CAPABILITY ? "nobody's" : leak_word(l->kind);
    if (l->kind == LEAK_NO_CAPABILITY)
        snprintf(what, sizeof(what), "0x%s to 0x%s", sample_hex(now, l->addr, from),
                 sample_hex(now, l->addr + (l->bytes - 1), last));
    else {
        capstate_object_text(&now->state, l->object, what, sizeof(what));
        capstate_place_text(&now->state, l->slot, place, sizeof(place));
    }
    snprintf(line, sizeof(line), "%-11s  %5s  %s  %s%s%s\n", word, size_short(l->bytes, size), what,
             place, *place ? "  " : "", leak_sentence(l->kind));
    session_log(s, line);
}

void questions_leak(struct app *app, const char *text)
{
    struct session *s = &app->session;
    struct leak *leaks = NULL;
    uint32_t count = 0, lost = 0;
    (void)text;
    if (!s->now)
        return;
    if (leak_find(&s->now->authority, &leaks, &count) != ERR_OK) {
        session_say(s, true, "%s", error_sentence(ERR_NO_MEMORY));
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        say_leak(s, &leaks[i]);
        lost += leaks[i].kind != LEAK_NOBODYS;
    }
    free(leaks);
    if (count)
        show_answer(app, count);
    session_say(
        s, lost > 0,
        "leak: %u that nobody can get back, %u idle; what a revoke would give back (lost in "
        "the overview) is not counted",
        lost, count - lost);
}

static void say_fit(struct session *s, int32_t slot, const struct retype_plan *p)
{
    const struct sample *now = s->now;
    char line[SAID_BYTES], what[TEXT_BYTES], place[TEXT_BYTES], first[24];
    snprintf(line, sizeof(line), "%s  %s  %s  %" PRIu64 " from 0x%s on\n",
             capstate_slot_text(&now->state, slot, what, sizeof(what)),
             capstate_place_text(&now->state, slot, place, sizeof(place)),
             sample_domain_name(now, sample_slot_domain(now, slot)), p->fits,
             sample_hex(now, p->start, first));
    session_log(s, line);
}

void questions_fit(struct app *app, const char *text)
{
    struct session *s = &app->session;
    struct retype_plan p;
    uint32_t bits = 0, found = 0;
    if (!s->now)
        return;
    if (!size_read_bits(text, &bits)) {
        session_say(s, true, "fit SIZE: a power of two (4096, 64K, 1M) or ^BITS");
        return;
    }
    for (uint32_t i = 0; i < s->now->state.slot_count; i++)
        if (retype_gives(&s->now->state, (int32_t)i, bits, &p)) {
            say_fit(s, (int32_t)i, &p);
            found++;
        }
    if (found)
        show_answer(app, found);
    session_say(s, found == 0, "fit: %u capabilit%s to untyped memory could give 2^%u bytes", found,
                plural_y(found), bits);
}
