/* Drawing a table without a library, for a program made without libsmartcols: columns alone, without
 * colour; what hangs in a tree is indented. */
#include "capdb/output.h"
#include "capdb/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USUAL_WIDTH = 80 };

size_t table_terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    size_t told = columns ? strtoul(columns, NULL, 10) : 0;
    struct winsize size;
    if (told == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        told = size.ws_col;
    return told ? told : USUAL_WIDTH;
}

/* A line of a table as it is put together; blanks wait for what follows, so that none ends it. */
struct writing {
    FILE *file;
    size_t blanks;
};

static void put(struct writing *w, const char *text, size_t length)
{
    if (length == 0)
        return;
    fprintf(w->file, "%*s%.*s", (int)w->blanks, "", (int)length, text);
    w->blanks = 0;
}

/* The next line of a cell, in a column of this width; *text goes on behind it. */
static void put_part(struct writing *w, const char **text, size_t width, bool right)
{
    size_t length = strcspn(*text, "\n");
    size_t takes = table_text_width(*text, length);
    size_t left = takes < width ? width - takes : 0;
    w->blanks += right ? left : 0;
    put(w, *text, length);
    w->blanks += right ? 0 : left;
    *text += length + ((*text)[length] == '\n');
}

static bool any_left(const char *const *text, uint32_t columns)
{
    for (uint32_t c = 0; c < columns; c++)
        if (*text[c])
            return true;
    return false;
}

/* One row, of as many lines as its longest cell; `picture` columns before the first one. */
static void put_row(const struct table *t, const size_t *widths, char *const *cells, size_t picture)
{
    const char *text[OUTPUT_MAX_COLUMNS];
    struct writing w = {.file = t->file};
    memcpy(text, cells, t->columns * sizeof(*text));
    do {
        for (uint32_t c = 0; c < t->columns; c++) {
            size_t before = c == 0 ? picture : 0;
            w.blanks += before + (c ? TABLE_BETWEEN : 0);
            put_part(&w, &text[c], widths[c] - before, t->right[c]);
        }
        putc('\n', t->file);
        w.blanks = picture = 0;
    } while (any_left(text, t->columns));
}

static size_t picture_of(const struct table *t, size_t row)
{
    return t->branches ? TABLE_LEVEL * t->branches[row].level : 0;
}

static void widen(size_t *width, const char *text, size_t before)
{
    while (*text || before) {
        size_t length = strcspn(text, "\n"), takes = before + table_text_width(text, length);
        *width = takes > *width ? takes : *width;
        text += length + (text[length] == '\n');
        before = 0;
    }
}

bool table_draw(const struct table *t, const struct table_look *look)
{
    size_t widths[OUTPUT_MAX_COLUMNS] = {0};
    (void)look;
    for (uint32_t c = 0; c < t->columns; c++)
        widen(&widths[c], t->name[c], 0);
    for (size_t i = 0; i < t->rows * t->columns; i++)
        widen(&widths[i % t->columns], t->text[i],
              i % t->columns == 0 ? picture_of(t, i / t->columns) : 0);
    put_row(t, widths, t->name, 0);
    for (size_t row = 0; row < t->rows; row++)
        put_row(t, widths, t->text + row * t->columns, picture_of(t, row));
    return !ferror(t->file);
}
