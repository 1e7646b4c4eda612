/* Colours: 256, 8 or none; NO_COLOR; light and dark terminals.  Every meaning has a sign or a
 * letter beside its colour, so that nothing is lost without them. */
#include "inspector-tui/app.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT = -1, FIRST_PAIR = 1 };

enum background { BACKGROUND_UNKNOWN, BACKGROUND_DARK, BACKGROUND_LIGHT, BACKGROUNDS };

/* rich: of 256, for a background that is not known (readable on both), dark, light; poor: of 8, whose
 * shades are the terminal's own: no blue on dark, no yellow, green or cyan on light.
 * tests/e2e/colors.sh measures the contrast. */
static const struct {
    const char *name;
    short rich[BACKGROUNDS], poor[BACKGROUNDS];
    attr_t plain;
} styles[STYLE_DOMAIN] = {
#define SAME(color)                                                                                \
    {                                                                                              \
        color, color, color                                                                        \
    }
    [STYLE_NORMAL] = {"normal", SAME(DEFAULT), SAME(DEFAULT), A_NORMAL},
    [STYLE_DIM] = {"dim", {244, 247, 241}, SAME(DEFAULT), A_DIM},
    [STYLE_STRONG] = {"strong", SAME(DEFAULT), SAME(DEFAULT), A_BOLD},
    [STYLE_HEAD] = {"head", SAME(DEFAULT), SAME(DEFAULT), A_BOLD | A_UNDERLINE},
    [STYLE_GOOD] = {"good", {28, 78, 28}, {COLOR_GREEN, COLOR_GREEN, COLOR_BLUE}, A_BOLD},
    [STYLE_WARN] = {"warn", {130, 214, 130}, {COLOR_YELLOW, COLOR_YELLOW, COLOR_MAGENTA}, A_BOLD},
    [STYLE_BAD] = {"bad", {160, 203, 124}, SAME(COLOR_RED), A_BOLD},
    [STYLE_BORN] = {"born", {28, 78, 28}, {COLOR_GREEN, COLOR_GREEN, COLOR_BLUE}, A_NORMAL},
    [STYLE_DIED] = {"died", {160, 203, 124}, SAME(COLOR_RED), A_NORMAL},
    [STYLE_MOVED] = {"moved", {33, 75, 25}, {COLOR_CYAN, COLOR_CYAN, COLOR_MAGENTA}, A_NORMAL},
    [STYLE_CHANGED] = {"changed",
                       {130, 214, 130},
                       {COLOR_YELLOW, COLOR_YELLOW, COLOR_MAGENTA},
                       A_NORMAL},
    [STYLE_LINK] = {"link", SAME(DEFAULT), SAME(DEFAULT), A_NORMAL},
    [STYLE_KEY] = {"key", {33, 75, 25}, {COLOR_CYAN, COLOR_CYAN, COLOR_BLUE}, A_BOLD},
#undef SAME
};

/* No red among them: red is for breaches alone. */
static const short hues[BACKGROUNDS][STYLE_DOMAINS] = {
    {30, 98, 100, 64, 163, 32, 94, 29, 134, 66, 61, 132},
    {44, 141, 179, 113, 212, 74, 173, 115, 183, 221, 80, 175},
    {30, 55, 94, 58, 126, 25, 52, 23, 91, 60, 24, 89},
};
enum { FEW_HUES = 4 };
static const short few_hues[BACKGROUNDS][FEW_HUES] = {
    {COLOR_CYAN, COLOR_MAGENTA, COLOR_YELLOW, COLOR_GREEN},
    {COLOR_CYAN, COLOR_MAGENTA, COLOR_YELLOW, COLOR_GREEN},
    {COLOR_BLUE, COLOR_MAGENTA, DEFAULT, COLOR_BLUE},
};

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
        return rich ? hues[background][style - STYLE_DOMAIN]
                    : few_hues[background][(style - STYLE_DOMAIN) % FEW_HUES];
    return rich ? styles[style].rich[background] : styles[style].poor[background];
}

/* Terminals that tell their colours do so as "15;0": the last number is the background.  The console
 * of Linux is dark. */
static enum background terminal_background(void)
{
    const char *told = getenv("COLORFGBG"), *last = told ? strrchr(told, ';') : NULL;
    const char *term = getenv("TERM");
    if (!last || last[1] < '0' || last[1] > '9')
        return term && strcmp(term, "linux") == 0 ? BACKGROUND_DARK : BACKGROUND_UNKNOWN;
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

unsigned long palette_attributes(enum style styled)
{
    enum style style = styled & ~(unsigned)STYLE_BLOCK;
    attr_t a = style < STYLE_DOMAIN ? styles[style].plain : A_NORMAL;
    if (colours) {
        if (style == STYLE_DIM && COLORS >= 256)
            a = A_NORMAL;
        a |= (attr_t)COLOR_PAIR(FIRST_PAIR + (int)style);
    }
    return styled & STYLE_BLOCK ? a | A_REVERSE : a;
}
