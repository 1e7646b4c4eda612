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

/* Columns that are drawn beside each other. */
struct block {
    uint32_t count;
    uint32_t column[OUTPUT_MAX_COLUMNS];
};

/* From column *from on as many as the terminal has room for, at least one.  A table that is wider is drawn
 * in blocks, each with the first column, which says what the row is about. */
static struct block next_block(const struct table *t, const struct widths *w, size_t terminal,
                               uint32_t *from)
{
    struct block b = {.count = 1};
    const uint32_t first = *from > 0 ? *from : 1;
    size_t all = w->least[0];
    for (*from = first; *from < t->columns; ++*from) {
        all += TABLE_BETWEEN + w->least[*from];
        if (all > terminal && *from > first)
            break;
        b.column[b.count++] = *from;
    }
    return b;
}

/* Columns that need not be so wide give way to the terminal, the widest first. */
static void fit(const struct block *b, size_t terminal, struct widths *w)
{
    size_t all = TABLE_BETWEEN * (b->count - 1);
    for (uint32_t i = 0; i < b->count; i++)
        all += w->now[b->column[i]] = w->natural[b->column[i]];
    while (all > terminal) {
        uint32_t widest = UINT32_MAX;
        for (uint32_t i = 0; i < b->count; i++) {
            const uint32_t c = b->column[i];
            if (w->now[c] > w->least[c] && (widest == UINT32_MAX || w->now[c] > w->now[widest]))
                widest = c;
        }
        if (widest == UINT32_MAX)
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

static bool draw_block(const struct table *t, const struct block *b, const struct table_look *look,
                       const struct widths *w)
{
    char *name[OUTPUT_MAX_COLUMNS];
    bool right[OUTPUT_MAX_COLUMNS];
    struct table lines = *t;
    const size_t cells = t->rows * b->count;
    for (uint32_t i = 0; i < b->count; i++) {
        name[i] = t->name[b->column[i]];
        right[i] = t->right[b->column[i]];
    }
    lines.columns = b->count;
    lines.name = name;
    lines.right = right;
    lines.text = output_alloc(NULL, cells * sizeof(*lines.text));
    for (size_t i = 0; i < cells; i++) {
        const uint32_t c = b->column[i % b->count];
        const size_t of = i / b->count * t->columns + c;
        lines.text[i] = wrapped(t->text[of], w->now[c], picture_width(t, of));
    }
    bool good = table_draw(&lines, look);
    for (size_t i = 0; i < cells; i++)
        free(lines.text[i]);
    free(lines.text);
    return good;
}

static bool draw(const struct table *t)
{
    struct widths w = {{0}, {0}, {0}};
    const struct table_look look = {.terminal = isatty(fileno(t->file)), .utf8 = draws_utf8()};
    const size_t terminal = look.terminal ? table_terminal_width() : SIZE_MAX;
    bool good = true;
    uint32_t next = 0;
    measure(t, &w);
    do {
        const bool further = next > 0;
        const struct block b = next_block(t, &w, terminal, &next);
        fit(&b, terminal, &w);
        good = (!further || fputc('\n', t->file) != EOF) && draw_block(t, &b, &look, &w);
    } while (good && next < t->columns);
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
