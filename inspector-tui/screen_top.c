/* The first lines of the screen: how the target stands, and the tabs.
 *
 * The bar is a row of pieces.  Where there is no room for all, those that matter least go first, and
 * one that can be shortened is; a piece that is cut says so. */
#include "inspector-tui/paint.h"

#include "attach/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GAP = 2, SILENCE_SECONDS = 2, PIECES = 12, PIECE_TEXT = 232 };
/* A piece that can be shortened has so many cells before less important ones go, and at the end. */
enum { WHERE_ITSELF = 7, WELL_SHORTENED = 40, SHORTEST = 12 };

static const struct {
    const char *word;
    enum style style;
} states[] = {
    [TARGET_OPENING] = {"OPENING", STYLE_WARN},
    [TARGET_RUNNING] = {"RUNNING", STYLE_GOOD},
    [TARGET_STOPPED] = {"STOPPED", STYLE_WARN},
    [TARGET_HELD] = {"HELD", STYLE_WARN},
    [TARGET_UNREACHABLE] = {"UNREACHABLE", STYLE_BAD},
    [TARGET_GONE] = {"GONE", STYLE_BAD},
    [TARGET_REPLAY] = {"REPLAY", STYLE_WARN},
    [TARGET_RECORDING] = {"RECORDING", STYLE_KEY},
    [TARGET_IMAGE] = {"IMAGE", STYLE_KEY},
};

struct piece {
    char text[PIECE_TEXT];
    enum style style;
    int importance; /* the least goes first */
    bool shortens;
};

struct bar {
    struct piece piece[PIECES];
    uint32_t count;
};

static void add(struct bar *b, int importance, enum style style, const char *text)
{
    if (!text[0] || b->count == PIECES)
        return;
    struct piece *p = &b->piece[b->count++];
    *p = (struct piece){.style = style, .importance = importance};
    snprintf(p->text, sizeof(p->text), "%s", text);
}

/* As it said itself, and when that was not lately, that first. */
static void add_state(const struct session *s, struct bar *b)
{
    enum target_kind kind = s->target.kind;
    const char *word = states[kind].word;
    double silence = source_is_live(s->source) ? source_silence(s->source) : 0;
    bool lost = kind == TARGET_UNREACHABLE || kind == TARGET_GONE;
    char text[60], clock[16];
    if (silence >= SILENCE_SECONDS && !lost && kind != TARGET_OPENING) {
        snprintf(text, sizeof(text), "NO ANSWER for %.0f s, was %s", silence, word);
        add(b, 10, STYLE_BAD, text);
        return;
    }
    if (lost)
        snprintf(text, sizeof(text), "%s since %s", word, session_clock(s->target.since, clock));
    else if (kind == TARGET_OPENING)
        snprintf(text, sizeof(text), "%s %.0f s", word, clock_wall() - s->target.since);
    else
        snprintf(text, sizeof(text), "%s", word);
    add(b, 10, states[kind].style, text);
}

/* By whom and before what it stands; which moment is shown. */
static void add_where(const struct session *s, struct bar *b)
{
    char where[PIECE_TEXT];
    snprintf(where, sizeof(where), "%s", s->target.where);
    if (s->target.kind == TARGET_RECORDING && s->now)
        snprintf(where, sizeof(where), "snapshot %u", s->now->number);
    else if (s->now && session_is_back(s))
        snprintf(where, sizeof(where), "snapshot %u", sample_number(s->now));
    if (s->now && s->now->event)
        snprintf(where, sizeof(where), "event %" PRIu64 ", after snapshot %u", s->now->event,
                 sample_number(s->now));
    uint32_t before = b->count;
    add(b, WHERE_ITSELF, STYLE_NORMAL, where);
    if (b->count > before)
        b->piece[before].shortens = true;
    if (s->target.kind == TARGET_HELD) {
        snprintf(where, sizeof(where), "%s lets it run", bindings_key("halt"));
        add(b, WHERE_ITSELF, STYLE_KEY, where);
    }
}

static void add_modes(const struct session *s, struct bar *b)
{
    bool back = session_is_back(s) && source_is_live(s->source);
    char armed[40] = "";
    unsigned stops = session_stops(s->target.armed);
    if (stops)
        snprintf(armed, sizeof(armed), "%u STOP%s ARMED", stops, stops == 1 ? "" : "S");
    add(b, 8, STYLE_WARN, armed);
    add(b, 8, STYLE_WARN, s->paused ? "PAUSED" : "");
    add(b, 8, STYLE_WARN, session_is_older(s) ? "NOT READ YET" : "");
    add(b, 8, STYLE_WARN, back ? "LOOKING BACK" : "");
    add(b, 8, STYLE_KEY, s->comparing ? "COMPARING" : "");
}

static void add_facts(const struct session *s, struct bar *b)
{
    uint64_t first, last, lost;
    char text[PIECE_TEXT];
    source_recording(s->source, text, sizeof(text));
    text[strcspn(text, ":")] = 0; /* why it does not go on is in the log */
    bool trouble = strlen(text) > strlen("REC") && !strncmp(text, "REC ", 4) && text[4] > '9';
    char events[40] = "", missing[40] = "";
    if (s->now && s->now->state.snapshot.seq && !s->now->event)
        snprintf(events, sizeof(events), "ev %" PRIu64, (uint64_t)s->now->state.snapshot.seq);
    if (source_event_range(s->source, &first, &last, &lost) || lost)
        snprintf(missing, sizeof(missing), "lost %" PRIu64, lost);
    add(b, 5, STYLE_NORMAL, events);
    add(b, lost ? 6 : 3, lost ? STYLE_WARN : STYLE_NORMAL, missing);
    bool records = strncmp(text, "REC", 3) == 0;
    add(b, trouble ? 9 : records ? 8 : 4, trouble ? STYLE_BAD : STYLE_NORMAL, text);
}

static int piece_width(const struct piece *p)
{
    return (int)text_width(p->text, strlen(p->text)) + GAP;
}

/* What the pieces from this importance on take, with the one that shortens at its least. */
static int bar_width(const struct bar *b, int least)
{
    int width = 0, shortest = least < WHERE_ITSELF ? WELL_SHORTENED : SHORTEST;
    for (uint32_t i = 0; i < b->count; i++) {
        int w = piece_width(&b->piece[i]);
        w = b->piece[i].shortens && w > shortest ? shortest : w;
        width += b->piece[i].importance >= least ? w : 0;
    }
    return width - GAP;
}

/* What all that stays would take beyond the room. */
static int bar_excess(const struct bar *b, int least, int room)
{
    int width = -GAP;
    for (uint32_t i = 0; i < b->count; i++)
        width += b->piece[i].importance >= least ? piece_width(&b->piece[i]) : 0;
    return width > room ? width - room : 0;
}

/* Returns where the next piece could stand. */
static int draw_pieces(const struct app *app, const struct bar *b, int room)
{
    int x = 1, end = room, least = 0;
    while (least < 10 && bar_width(b, least) > room - x)
        least++;
    int excess = bar_excess(b, least, room - x);
    for (uint32_t i = 0; i < b->count; i++) {
        const struct piece *p = &b->piece[i];
        if (p->importance < least || x >= end)
            continue;
        int width = piece_width(p) - GAP - (p->shortens ? excess : 0);
        width = width > end - x ? end - x : width;
        x += paint_text(app, 0, x, width, A_REVERSE | paint_style(p->style), p->text,
                        strlen(p->text)) +
             GAP;
    }
    return x;
}

/* What the target is called, where there is room. */
static void draw_name(const struct app *app, int x, int room)
{
    const char *name = source_name(app->session.source);
    int width = (int)text_width(name, strlen(name));
    if (room - x > width)
        paint_text(app, 0, room - width - 1, width, A_REVERSE, name, strlen(name));
}

void paint_bar(struct app *app)
{
    const struct session *s = &app->session;
    struct bar b = {.count = 0};
    char clock[16] = "";
    bool back = session_is_back(s) && source_is_live(s->source);
    if (s->now)
        session_clock(s->now->time, clock);
    int width = (int)strlen(clock), room = COLS > width + 14 ? COLS - width - GAP : COLS;
    add_state(s, &b);
    add_where(s, &b);
    add_modes(s, &b);
    add_facts(s, &b);
    paint_blanks(0, 0, COLS, A_REVERSE);
    draw_name(app, draw_pieces(app, &b, room), room);
    if (room < COLS)
        paint_text(app, 0, room + 1, width,
                   A_REVERSE | paint_style(back ? STYLE_WARN : STYLE_NORMAL), clock, (size_t)width);
}

/* --- the tabs --- */

static const char *view_letter(enum view_id id)
{
    return bindings_key_or(view_action(id), "-");
}

typedef const char *(*naming)(enum view_id id);

static int tabs_width(naming name)
{
    int width = 0;
    for (uint32_t i = 0; i < VIEWS; i++)
        width += (int)strlen(name(i)) + 1;
    return width;
}

/* Whole names where they fit, then short ones, then keys. */
static naming tab_names(void)
{
    static const naming from_long[] = {view_name, view_brief, view_letter};
    for (int i = 0; i < 2; i++)
        if (tabs_width(from_long[i]) + GAP <= COLS)
            return from_long[i];
    return view_letter;
}

static int draw_tab(struct app *app, enum view_id id, naming name, int x)
{
    bool here = id == app->current;
    const char *text = here && name == view_letter ? view_name(id) : name(id);
    attr_t a = here ? A_REVERSE | A_BOLD : paint_style(STYLE_NORMAL);
    int from = x;
    x += paint_text(app, 1, x, COLS - x, a, text, strlen(text));
    const char *key = strstr(text, view_letter(id)); /* it stands out in the name */
    if (key && from + (key - text) < x)
        paint_text(app, 1, from + (int)(key - text), 1,
                   paint_style(STYLE_KEY) | (here ? A_REVERSE : A_UNDERLINE), key, 1);
    x += paint_text(app, 1, x, COLS - x, paint_style(STYLE_NORMAL), " ", 1);
    paint_remember(
        app, (struct hit){
                 .y = 1, .from = (int16_t)from, .to = (int16_t)x, .tab = (int16_t)id, .row = -1});
    return x;
}

void paint_tabs(struct app *app)
{
    naming name = tab_names();
    int x = 0;
    paint_blanks(1, 0, COLS, A_NORMAL);
    for (uint32_t i = 0; i < VIEWS; i++)
        x = draw_tab(app, i, name, x);
}
