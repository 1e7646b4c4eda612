/* One table for people: its columns fit the terminal, its rows may hang in a tree.
 *
 *   output.c  rows --->  table.c  widths, wrapped cells --->  table/libsmartcols.c or table/plain.c
 *
 * Which of the two draws is chosen when the program is made (Makefile): the second needs no library. */
#ifndef CAPSCOPE_CAPDB_TABLE_H
#define CAPSCOPE_CAPDB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A level of the tree is so many columns of the terminal wide; so many blanks part two columns. */
enum { TABLE_LEVEL = 2, TABLE_BETWEEN = 2 };

/* Where a row hangs in the tree: below an earlier row (0: the first), or nowhere (-1, level 0). */
struct table_branch {
    int64_t above;
    size_t level;
};

struct table {
    FILE *file;
    uint32_t columns;
    char *const *name;                   /* of each column */
    const bool *right;                   /* its cells stand at its right end */
    size_t rows;                         /* at least one */
    char **text;                         /* cells, row by row; UTF-8 that can be shown */
    const struct table_branch *branches; /* one a row; NULL: no tree */
};

/* What a table is drawn on. */
struct table_look {
    bool terminal; /* colours, and never wider than it */
    bool utf8;     /* the user's terminal has more than ASCII */
};

/* False: it could not be written. */
bool table_write(const struct table *t);

/* Columns of a terminal that so many bytes of a text take, in the locale of the thread. */
size_t table_text_width(const char *text, size_t length);

/* --- one of table/ --- */

/* Columns of the user's terminal. */
size_t table_terminal_width(void);
/* Cells have their line ends; before the first line of a row's first cell stand TABLE_LEVEL columns for
 * each level.  Cells that it keeps are NULL afterwards. */
bool table_draw(const struct table *t, const struct table_look *look);

#endif
