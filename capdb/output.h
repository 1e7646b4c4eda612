/* Rows for people and programs: an aligned table on a terminal, tab-separated when piped, JSON on
 * request.  Text is UTF-8; what cannot be shown is escaped (lib/utf8.h), in JSON only what is no
 * UTF-8.  A cell is a text, a number or nothing, whatever its column or the rows before. */
#ifndef CAPSCOPE_CAPDB_OUTPUT_H
#define CAPSCOPE_CAPDB_OUTPUT_H

#include "lib/errors.h"
#include "lib/plural.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum output_mode { OUTPUT_AUTO, OUTPUT_TABLE, OUTPUT_TSV, OUTPUT_JSON };

enum { OUTPUT_MAX_COLUMNS = 64 };

struct output;

/* columns: NULL-terminated names. A '#' before a name puts its cells to the right of the column.
 * OUTPUT_AUTO: a table if `file` is a terminal. */
struct output *output_begin(FILE *file, enum output_mode mode, const char *const *columns);
/* Cells of the current row, left to right; missing ones are nothing. Short of memory, the program
 * ends with a sentence. */
void output_text(struct output *o, const char *text);
void output_bytes(struct output *o, const char *text, size_t length); /* a NUL is escaped, too */
void output_format(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void output_int(struct output *o, int64_t value);
void output_word(struct output *o, uint64_t value); /* without a sign */
void output_real(struct output *o, double value);
void output_hex(struct output *o, uint64_t value); /* a text: JSON has no such number */
void output_null(struct output *o);                /* nothing: null in JSON, else empty */
/* The current row hangs below an earlier one (0: the first), or nowhere (-1): a table on a terminal draws
 * the tree in its first column.  If one row calls it, all do. */
void output_below(struct output *o, int64_t row);
void output_row(struct output *o);
bool output_is_table(const struct output *o); /* for people: indentation helps */
/* Writes what is left and frees; false when writing failed: errno tells why. */
bool output_end(struct output *o);

/* UTF-8 as a JSON string, quotes and all. */
void output_json_string(FILE *file, const char *text);

/* The mode of the whole run, set by --json. */
extern enum output_mode output_default;

/* malloc and realloc that end the program with a sentence. */
void *output_alloc(void *old, size_t size);

#endif
