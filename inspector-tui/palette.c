/* Colours: 256, 8 or none; NO_COLOR; light and dark terminals.  Every meaning has a sign or a
 * letter beside its colour, so that nothing is lost without them. */
#include "inspector-tui/app.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT = -1, FIRST_PAIR = 1 };

static const struct {
    const char *name;
    short rich; /* of 256 */
    short poor; /* of 8 */
    attr_t plain;
} styles[STYLE_DOMAIN] = {
    [STYLE_NORMAL] = {"normal", DEFAULT, DEFAULT, A_NORMAL},
    [STYLE_DIM] = {"dim", 244, DEFAULT, A_DIM},
    [STYLE_STRONG] = {"strong", DEFAULT, DEFAULT, A_BOLD},
    [STYLE_HEAD] = {"head", DEFAULT, DEFAULT, A_BOLD | A_UNDERLINE},
    [STYLE_GOOD] = {"good", 34, COLOR_GREEN, A_BOLD},
    [STYLE_WARN] = {"warn", 172, COLOR_YELLOW, A_BOLD},
    [STYLE_BAD] = {"bad", 160, COLOR_RED, A_BOLD},
    [STYLE_BORN] = {"born", 34, COLOR_GREEN, A_NORMAL},
    [STYLE_DIED] = {"died", 160, COLOR_RED, A_NORMAL},
    [STYLE_MOVED] = {"moved", 33, COLOR_BLUE, A_NORMAL},
    [STYLE_CHANGED] = {"changed", 172, COLOR_YELLOW, A_NORMAL},
    [STYLE_LINK] = {"link", DEFAULT, DEFAULT, A_NORMAL},
    [STYLE_KEY] = {"key", 33, COLOR_CYAN, A_BOLD},
};

/* No red among them: red is for breaches alone. */
static const short hues[STYLE_DOMAINS] = {37, 98, 136, 64, 169, 32, 94, 72, 140, 178, 30, 132};
static const short few_hues[STYLE_DOMAINS] = {
    COLOR_CYAN,    COLOR_MAGENTA, COLOR_YELLOW, COLOR_GREEN, COLOR_BLUE, COLOR_CYAN,
    COLOR_MAGENTA, COLOR_YELLOW,  COLOR_GREEN,  COLOR_BLUE,  COLOR_CYAN, COLOR_MAGENTA};

static short chosen[STYLES];
static bool is_chosen[STYLES];
static bool colours;

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
        return rich ? hues[style - STYLE_DOMAIN] : few_hues[style - STYLE_DOMAIN];
    return rich ? styles[style].rich : styles[style].poor;
}

void palette_init(bool mono, const char *background)
{
    short back = DEFAULT;
    const char *no_color = getenv("NO_COLOR");
    colours = !mono && has_colors() && !(no_color && *no_color);
    if (!colours)
        return;
    start_color();
    use_default_colors();
    if (background && strcmp(background, "dark") == 0)
        back = COLOR_BLACK;
    else if (background && strcmp(background, "light") == 0)
        back = COLOR_WHITE;
    if (back != DEFAULT)
        assume_default_colors(back == COLOR_BLACK ? COLOR_WHITE : COLOR_BLACK, back);
    for (int i = 0; i < STYLES; i++)
        init_pair((short)(FIRST_PAIR + i), colour_of(i), back);
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
