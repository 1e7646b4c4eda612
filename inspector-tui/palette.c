/* Colours: 256, 8 or none; NO_COLOR; light and dark terminals.  Every meaning has a sign or a
 * letter beside its colour, so that nothing is lost without them. */
#include "inspector-tui/app.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT = -1, FIRST_PAIR = 1 };

enum background { BACKGROUND_UNKNOWN, BACKGROUND_DARK, BACKGROUND_LIGHT, BACKGROUNDS };

/* rich: of 256, for a background that is not known (readable on both), dark, light. */
static const struct {
    const char *name;
    short rich[BACKGROUNDS];
    short poor; /* of 8 */
    attr_t plain;
} styles[STYLE_DOMAIN] = {
    [STYLE_NORMAL] = {"normal", {DEFAULT, DEFAULT, DEFAULT}, DEFAULT, A_NORMAL},
    [STYLE_DIM] = {"dim", {244, 247, 241}, DEFAULT, A_DIM},
    [STYLE_STRONG] = {"strong", {DEFAULT, DEFAULT, DEFAULT}, DEFAULT, A_BOLD},
    [STYLE_HEAD] = {"head", {DEFAULT, DEFAULT, DEFAULT}, DEFAULT, A_BOLD | A_UNDERLINE},
    [STYLE_GOOD] = {"good", {34, 78, 28}, COLOR_GREEN, A_BOLD},
    [STYLE_WARN] = {"warn", {172, 214, 130}, COLOR_YELLOW, A_BOLD},
    [STYLE_BAD] = {"bad", {160, 203, 124}, COLOR_RED, A_BOLD},
    [STYLE_BORN] = {"born", {34, 78, 28}, COLOR_GREEN, A_NORMAL},
    [STYLE_DIED] = {"died", {160, 203, 124}, COLOR_RED, A_NORMAL},
    [STYLE_MOVED] = {"moved", {33, 75, 25}, COLOR_BLUE, A_NORMAL},
    [STYLE_CHANGED] = {"changed", {172, 214, 130}, COLOR_YELLOW, A_NORMAL},
    [STYLE_LINK] = {"link", {DEFAULT, DEFAULT, DEFAULT}, DEFAULT, A_NORMAL},
    [STYLE_KEY] = {"key", {33, 75, 25}, COLOR_CYAN, A_BOLD},
};

/* No red among them: red is for breaches alone. */
static const short hues[BACKGROUNDS][STYLE_DOMAINS] = {
    {37, 98, 136, 64, 169, 32, 94, 72, 140, 178, 30, 132},
    {44, 141, 179, 113, 212, 74, 173, 115, 183, 221, 80, 175},
    {30, 55, 94, 58, 126, 25, 52, 23, 91, 100, 24, 89},
};
static const short few_hues[STYLE_DOMAINS] = {
    COLOR_CYAN,    COLOR_MAGENTA, COLOR_YELLOW, COLOR_GREEN, COLOR_BLUE, COLOR_CYAN,
    COLOR_MAGENTA, COLOR_YELLOW,  COLOR_GREEN,  COLOR_BLUE,  COLOR_CYAN, COLOR_MAGENTA};

static short chosen[STYLES];
static bool is_chosen[STYLES];
static bool colours;
static enum background background;

bool palette_set(const char *style, int foreground)
{
    for (int i = 0; i < STYLE_DOMAIN; i++)
        if (strcmp(styles[i].name, style) == 0) {
            chosen[i] = (short)foreground;
            return is_chosen[i] = true;
        }
    if (strncmp(style, "domain", 6) != 0)
        return false;
    int n = atoi(style + 6);
    if (n < 1 || n > STYLE_DOMAINS)
        return false;
    chosen[STYLE_DOMAIN + n - 1] = (short)foreground;
    return is_chosen[STYLE_DOMAIN + n - 1] = true;
}

static short colour_of(int style)
{
    bool rich = COLORS >= 256;
    if (is_chosen[style] && chosen[style] < COLORS)
        return chosen[style];
    if (style >= STYLE_DOMAIN)
        return rich ? hues[background][style - STYLE_DOMAIN] : few_hues[style - STYLE_DOMAIN];
    return rich ? styles[style].rich[background] : styles[style].poor;
}

/* Terminals that tell their colours do so as "15;0": the last number is the background. */
static enum background terminal_background(void)
{
    const char *told = getenv("COLORFGBG"), *last = told ? strrchr(told, ';') : NULL;
    if (!last || last[1] < '0' || last[1] > '9')
        return BACKGROUND_UNKNOWN;
    int n = atoi(last + 1);
    return n == 7 || n == 15 ? BACKGROUND_LIGHT : BACKGROUND_DARK;
}

bool palette_set_background(const char *word)
{
    static const char *const words[BACKGROUNDS] = {"auto", "dark", "light"};
    for (int i = 0; i < BACKGROUNDS; i++)
        if (strcmp(words[i], word) == 0) {
            background = i ? (enum background)i : terminal_background();
            return true;
        }
    return false;
}

void palette_init(bool mono)
{
    const char *no_color = getenv("NO_COLOR");
    colours = !mono && has_colors() && !(no_color && *no_color);
    if (!colours)
        return;
    start_color();
    use_default_colors();
    for (int i = 0; i < STYLES; i++)
        init_pair((short)(FIRST_PAIR + i), colour_of(i), DEFAULT);
}

unsigned long palette_attributes(enum style style)
{
    attr_t a = style < STYLE_DOMAIN ? styles[style].plain : A_NORMAL;
    if (colours) {
        if (style == STYLE_DIM && COLORS >= 256)
            a = A_NORMAL;
        a |= (attr_t)COLOR_PAIR(FIRST_PAIR + (int)style);
    }
    return a;
}
