/* The last lines of the screen: the message, or the line one types, and what the function keys do.
 *
 * The keys stand on the last line whatever there is to say.  A message that is wider than the screen
 * takes lines above, so that it is whole. */
#include "inspector-tui/paint.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_FROM_LINES = 20, GAP = 2, LEAST_WORDS = 20, TEXT = SESSION_MESSAGE + 64 };

/* What function keys do, in a word; those that matter least go first where there is no room for all. */
static const struct {
    const char *action, *word;
    int importance;
} words[] = {
    {"help", "Help", 9},     {"pane", "Pane", 1},       {"search", "Search", 6},
    {"filter", "Filter", 3}, {"goto", "Goto", 7},       {"sort", "Sort", 2},
    {"back", "Back", 5},     {"compare", "Compare", 4}, {"preview", "Revoke", 4},
    {"quit", "Quit", 8},
};
enum { WORDS = sizeof(words) / sizeof(*words), FUNCTION_KEYS = 12, OTHER_IMPORTANCE = 5 };

struct function_key {
    char name[KEY_NAME];
    const char *word; /* NULL: the key does nothing */
    int importance;
};

/* One that the user has bound to something else has the name of its action. */
static struct function_key function_key(const struct app *app, int number)
{
    const struct action *a = bindings_action(KEY_F(number), (int)app->current);
    struct function_key k = {.word = a ? a->name : NULL, .importance = OTHER_IMPORTANCE};
    bindings_key_name(KEY_F(number), k.name);
    for (int i = 0; a && i < WORDS; i++)
        if (strcmp(words[i].action, a->name) == 0) {
            k.word = words[i].word;
            k.importance = words[i].importance;
        }
    return k;
}

static int function_key_width(const struct function_key *k)
{
    return k->word ? (int)(strlen(k->name) + strlen(k->word)) + 1 : 0;
}

/* The least importance that all fit with. */
static int least_importance(const struct app *app)
{
    for (int least = 1; least < 10; least++) {
        int width = -1;
        for (int i = 1; i <= FUNCTION_KEYS; i++) {
            struct function_key k = function_key(app, i);
            width += k.importance >= least ? function_key_width(&k) : 0;
        }
        if (width <= COLS)
            return least;
    }
    return 10;
}

static void draw_function_keys(struct app *app, int y)
{
    int x = 0, least = least_importance(app);
    paint_blanks(y, 0, COLS, A_NORMAL);
    for (int i = 1; i <= FUNCTION_KEYS; i++) {
        struct function_key k = function_key(app, i);
        if (!k.word || k.importance < least)
            continue;
        int from = x;
        x += paint_text(app, y, x, COLS - x, paint_style(STYLE_KEY), k.name, strlen(k.name));
        x += paint_text(app, y, x, COLS - x, A_REVERSE, k.word, strlen(k.word));
        paint_remember(app, (struct hit){.y = (int16_t)y,
                                         .from = (int16_t)from,
                                         .to = (int16_t)x,
                                         .tab = -1,
                                         .row = -1,
                                         .key = KEY_F(i)});
        x++;
    }
}

static void draw_prompt(const struct app *app, int y)
{
    static const char *const heads[] = {[PROMPT_SEARCH] = "/",
                                        [PROMPT_FILTER] = "& ",
                                        [PROMPT_COMMAND] = ":",
                                        [PROMPT_SQL] = "sql> ",
                                        [PROMPT_LEAVE] = ""};
    char text[INPUT_MAX + 64];
    unsigned armed = session_stops(app->session.target.armed_here);
    if (app->prompt == PROMPT_LEAVE)
        snprintf(text, sizeof(text), "%u stop%s armed: r remove%s, other keys stay", armed,
                 armed == 1 ? " is" : "s are",
                 session_keeps_stops(&app->session) ? ", k keep" : " and leave");
    else
        snprintf(text, sizeof(text), "%s%s", heads[app->prompt], app->input);
    int before = (int)strlen(heads[app->prompt]);
    int cursor = before + (int)text_width(app->input, app->input_cursor);
    int shift = cursor >= COLS ? cursor - COLS + 1 : 0;
    size_t skip = text_fit(text, strlen(text), (uint32_t)shift);
    paint_line(app, y, A_BOLD, text + skip);
    int x = (int)text_width(text + skip, strlen(text + skip)) + GAP;
    paint_text(app, y, x, COLS - x, paint_style(STYLE_DIM), app->offers, strlen(app->offers));
    move(y, cursor - shift < COLS ? cursor - shift : COLS - 1);
}

/* What there is to say; the last word is about the view. */
static void left_text(const struct app *app, const struct view *v, char *buf, size_t size)
{
    const struct session *s = &app->session;
    if (app->count)
        snprintf(buf, size, "%u", app->count);
    else if (app->searching)
        snprintf(buf, size, "searching for %.60s: %u of %u rows", app->search, app->search_done,
                 v->all.count);
    else if (s->message[0])
        snprintf(buf, size, "%s", s->message);
    else if (source_is_asked(s->source))
        snprintf(buf, size, "the question is being answered; Esc gives it up %s",
                 app->ascii ? "..." : "\u2026");
    else if (source_waiting(s->source))
        snprintf(buf, size, "%s %s",
                 source_is_live(s->source) ? "waiting for the target" : "reading",
                 app->ascii ? "..." : "\u2026");
    else
        snprintf(buf, size, "%s help   %s", bindings_key("help"), view_about(app->current));
}

/* Where the cursor stands, what is filtered, and how many columns of an answer are in sight. */
static void place_text(const struct app *app, const struct view *v, char *buf, size_t size)
{
    char columns[40] = "";
    if (app->current == VIEW_SQL && app->columns_shown < app->columns)
        snprintf(columns, sizeof(columns), "%u of %u columns  ", app->columns_shown, app->columns);
    snprintf(buf, size, "%s%s%.40s%s%u/%u", columns, v->filter[0] ? "filter: " : "", v->filter,
             v->filter[0] ? (v->looked < v->all.count ? " ...  " : "  ") : "",
             v->count ? v->cursor + 1 : 0, v->count);
}

static uint32_t rows_of(const char *text)
{
    uint32_t n = 0;
    for (size_t length = strlen(text); length > 0 || n == 0; n++) {
        size_t row = paint_row(text, length, COLS);
        text += row + strspn(text + row, " ");
        length = strlen(text);
    }
    return n;
}

static int message_lines(const struct app *app)
{
    const struct session *s = &app->session;
    if (app->prompt || app->count || app->searching || !s->message[0])
        return 1;
    int lines = (int)rows_of(s->message), most = LINES / 2;
    return lines < most ? lines : most < 1 ? 1 : most;
}

/* The last row shares its line with the place. */
static void draw_message(const struct app *app, const struct view *v, int y, int lines)
{
    const struct session *s = &app->session;
    char place[200], left[TEXT];
    const char *text = left;
    attr_t a = s->message_bad && s->message[0] && !app->count ? paint_style(STYLE_BAD) : A_NORMAL;
    left_text(app, v, left, sizeof(left));
    place_text(app, v, place, sizeof(place));
    for (int i = 0; i + 1 < lines; i++) {
        size_t row = paint_row(text, strlen(text), COLS);
        paint_blanks(y + i, paint_text(app, y + i, 0, COLS, a, text, row), COLS, a);
        text += row + strspn(text + row, " ");
    }
    int width = (int)text_width(place, strlen(place)), last = y + lines - 1;
    bool both = (int)text_width(text, strlen(text)) + width + GAP <= COLS ||
                (!s->message[0] && width + LEAST_WORDS < COLS);
    paint_line(app, last, a, "");
    paint_text(app, last, 0, both ? COLS - width - GAP : COLS, a, text, strlen(text));
    if (both)
        paint_text(app, last, COLS - width, width, paint_style(STYLE_DIM), place, strlen(place));
}

static int key_lines(void)
{
    return LINES >= KEYS_FROM_LINES ? 1 : 0;
}

int paint_bottom_least(void)
{
    return 1 + key_lines();
}

int paint_bottom_lines(const struct app *app)
{
    return message_lines(app) + key_lines();
}

void paint_bottom(struct app *app, struct view *v)
{
    int keys = key_lines(), lines = message_lines(app), y = LINES - keys - lines;
    if (keys)
        draw_function_keys(app, LINES - 1);
    if (app->prompt)
        draw_prompt(app, y);
    else
        draw_message(app, v, y, lines);
}
