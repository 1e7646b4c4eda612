/* Rows for people and programs: an aligned table on a terminal, tab-separated when piped, JSON on
 * request.  Text from a target is escaped before it reaches any of them; JSON is quoted by SQLite.
 */
#ifndef CAPSCOPE_CAPDB_OUTPUT_H
#define CAPSCOPE_CAPDB_OUTPUT_H

#include "lib/errors.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum output_mode { OUTPUT_AUTO, OUTPUT_TABLE, OUTPUT_TSV, OUTPUT_JSON };

enum { OUTPUT_MAX_COLUMNS = 64 };

struct output;

/* columns: NULL-terminated names. A '#' before a name says that its cells are numbers. OUTPUT_AUTO:
 * a table if `file` is a terminal. */
struct output *output_begin(FILE *file, enum output_mode mode, const char *const *columns);
/* Cells of the current row, left to right; missing ones stay empty. Short of memory, the program
 * ends with a sentence. */
void output_text(struct output *o, const char *text);
void output_format(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void output_int(struct output *o, int64_t value);
void output_hex(struct output *o, uint32_t value);
void output_row(struct output *o);
bool output_is_table(const struct output *o); /* for people: indentation helps */
/* Writes what is left and frees; false when writing failed. */
bool output_end(struct output *o);

/* The mode of the whole run, set by --json. */
extern enum output_mode output_default;

/* malloc and realloc that end the program with a sentence. */
void *output_alloc(void *old, size_t size);
/* JSON text of a string by SQLite's json_quote(); malloced. */
char *output_json_quote(const char *text);

#endif
