/* Drawing a table with libsmartcols: colours, pictures of trees. */
#include "capdb/table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>

size_t table_terminal_width(void)
{
    struct libscols_table *t = scols_new_table();
    size_t width = t ? scols_table_get_termwidth(t) : SIZE_MAX;
    scols_unref_table(t);
    return width;
}

static void look_so(const struct table *of, const struct table_look *look, struct libscols_table *t)
{
    scols_table_set_stream(t, of->file);
    scols_table_set_column_separator(t, "  ");
    scols_table_enable_minout(t, 1);     /* no blanks at the ends of lines */
    scols_table_enable_noencoding(t, 1); /* cells are escaped already */
    scols_table_enable_ascii(t, !look->utf8);
    scols_table_enable_colors(t, look->terminal && !getenv("NO_COLOR"));
    /* what is not read from a terminal is never cut or wrapped to its width */
    scols_table_set_termforce(t, look->terminal ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
}

static bool add_columns(const struct table *of, struct libscols_table *t)
{
    for (uint32_t c = 0; c < of->columns; c++) {
        int flags = of->right[c] ? SCOLS_FL_RIGHT : SCOLS_FL_WRAP;
        if (c == 0 && of->branches)
            flags |= SCOLS_FL_TREE;
        struct libscols_column *column = scols_table_new_column(t, of->name[c], 0, flags);
        if (!column || scols_cell_set_color(scols_column_get_header(column), "bold") != 0)
            return false;
        if (!of->right[c])
            scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
    }
    return true;
}

/* The line that a row hangs below. */
static struct libscols_line *line_above(const struct table *of, struct libscols_table *t,
                                        size_t row)
{
    int64_t above = of->branches ? of->branches[row].above : -1;
    return above < 0 ? NULL : scols_table_get_line(t, (size_t)above);
}

static bool add_lines(const struct table *of, struct libscols_table *t)
{
    for (size_t row = 0; row < of->rows; row++) {
        struct libscols_line *line = scols_table_new_line(t, line_above(of, t, row));
        if (!line)
            return false;
        for (uint32_t c = 0; c < of->columns; c++) {
            char **text = &of->text[row * of->columns + c];
            if (scols_line_refer_data(line, c, *text) != 0)
                return false;
            *text = NULL; /* the line's now */
        }
    }
    return true;
}

bool table_draw(const struct table *of, const struct table_look *look)
{
    struct libscols_table *t = scols_new_table();
    if (!t)
        return false;
    look_so(of, look, t);
    bool good = add_columns(of, t) && add_lines(of, t) && scols_print_table(t) == 0;
    scols_unref_table(t);
    return good;
}
