/* Widths of columns and line ends of cells, by our own rules: words, and so addresses, are never
 * parted. */
#include "capdb/table.h"

#include "capdb/output.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

size_t table_text_width(const char *text, size_t length)
{
    size_t width = 0;
    mbstate_t state = {0};
    while (length) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, length, &state);
        if (n == 0 || n > length)
            return width + length;
        int columns = wcwidth(c);
        width += columns > 0 ? (size_t)columns : 0;
        text += n;
        length -= n;
    }
    return width;
}

static size_t indentation(const char *text)
{
    return strspn(text, " ");
}

/* The longest word with what it is indented by. */
static size_t word_width(const char *text)
{
    size_t indent = indentation(text), most = 0;
    for (text += indent; *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        size_t width = table_text_width(text, length);
        most = width > most ? width : most;
        text += length;
    }
    return indent + TABLE_BETWEEN + most;
}

/* Columns of a terminal that the picture of the tree takes before a cell. */
static size_t picture_width(const struct table *t, size_t cell)
{
    return t->branches && cell % t->columns == 0
               ? TABLE_LEVEL * t->branches[cell / t->columns].level
               : 0;
}

struct widths {
    size_t natural[OUTPUT_MAX_COLUMNS], least[OUTPUT_MAX_COLUMNS], now[OUTPUT_MAX_COLUMNS];
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Columns that need not be so wide give way to the terminal, the widest first. */
static void fit(const struct table *t, size_t terminal, struct widths *w)
{
    size_t all = TABLE_BETWEEN * (t->columns - 1);
    for (uint32_t c = 0; c < t->columns; c++)
        all += w->now[c] = w->natural[c];
    while (all > terminal) {
        uint32_t widest = t->columns;
        for (uint32_t c = 0; c < t->columns; c++)
            if (w->now[c] > w->least[c] && (widest == t->columns || w->now[c] > w->now[widest]))
                widest = c;
        if (widest == t->columns)
            return;
        w->now[widest]--;
        all--;
    }
}

static void measure(const struct table *t, struct widths *w)
{
    for (uint32_t c = 0; c < t->columns; c++)
        w->natural[c] = w->least[c] = table_text_width(t->name[c], strlen(t->name[c]));
    for (size_t i = 0; i < t->rows * t->columns; i++) {
        const char *text = t->text[i];
        size_t c = i % t->columns, picture = picture_width(t, i);
        w->natural[c] = larger(w->natural[c], picture + table_text_width(text, strlen(text)));
        w->least[c] = larger(w->least[c], picture + word_width(text));
    }
}

/* The text with ends of lines at blanks, so that no line is wider behind a picture, which stands before
 * the first line alone; further lines are indented. */
static char *wrapped(const char *text, size_t width, size_t picture)
{
    size_t indent = indentation(text), column = picture + indent;
    size_t margin = column + TABLE_BETWEEN;
    char *out = output_alloc(NULL, (strlen(text) + 1) * (margin + 2));
    char *at = mempcpy(out, text, indent);
    for (text += indent; *text;) {
        size_t blanks = strspn(text, " "), length = strcspn(text + blanks, " ");
        size_t word = table_text_width(text + blanks, length);
        if (column > margin && column + blanks + word > width) {
            at += sprintf(at, "\n%*s", (int)margin, "");
            column = margin;
            blanks = 0;
            text += strspn(text, " ");
        }
        at = mempcpy(at, text, blanks + length);
        column += blanks + word;
        text += blanks + length;
    }
    *at = '\0';
    return out;
}

/* Whether the user's locale has the characters that trees are drawn with. */
static bool draws_utf8(void)
{
    locale_t user = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8 = user && strcmp(nl_langinfo_l(CODESET, user), "UTF-8") == 0;
    if (user)
        freelocale(user);
    return utf8;
}

static bool draw(const struct table *t)
{
    struct widths w = {{0}, {0}, {0}};
    struct table lines = *t;
    size_t cells = t->rows * t->columns;
    const struct table_look look = {.terminal = isatty(fileno(t->file)), .utf8 = draws_utf8()};
    measure(t, &w);
    fit(t, look.terminal ? table_terminal_width() : SIZE_MAX, &w);
    lines.text = output_alloc(NULL, cells * sizeof(*lines.text));
    for (size_t i = 0; i < cells; i++)
        lines.text[i] = wrapped(t->text[i], w.now[i % t->columns], picture_width(t, i));
    bool good = table_draw(&lines, &look);
    for (size_t i = 0; i < cells; i++)
        free(lines.text[i]);
    free(lines.text);
    return good;
}

/* Widths are those of UTF-8, whatever the user's locale says. */
bool table_write(const struct table *t)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    bool good = draw(t);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return good;
}
