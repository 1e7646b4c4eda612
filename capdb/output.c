/* Tables, tab-separated lines, JSON.  Rows are kept until the end, since a table's widths depend on
 * all of them. */
#include "capdb/output.h"

#include "lib/format.h"

#include <sqlite3.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum output_mode output_default = OUTPUT_AUTO;

enum { CELL_FORMAT_BYTES = 2048, EXIT_UNKNOWN = 2 };

struct output {
    FILE *file;
    enum output_mode mode;
    uint32_t columns;
    char *name[OUTPUT_MAX_COLUMNS];
    bool number[OUTPUT_MAX_COLUMNS];
    char **cells; /* row by row */
    uint32_t count, capacity;
    uint32_t at; /* next column of the current row */
};

void *output_alloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p) {
        fprintf(stderr, "capdb: out of memory\n");
        exit(EXIT_UNKNOWN);
    }
    return p;
}

static char *copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(output_alloc(NULL, size), text, size);
}

/* Printable ASCII stays (the backslash too: escaped names contain it), the rest becomes \xNN. */
static char *copy_escaped(const char *text)
{
    size_t length = strlen(text);
    char *out = output_alloc(NULL, length * 4 + 1);
    char *at = out;
    for (size_t i = 0; i < length; i++) {
        if (text[i] >= 0x20 && text[i] < 0x7f)
            *at++ = text[i];
        else
            at += sprintf(at, "\\x%02x", (unsigned char)text[i]);
    }
    *at = '\0';
    return out;
}

struct output *output_begin(FILE *file, enum output_mode mode, const char *const *columns)
{
    struct output *o = output_alloc(NULL, sizeof(*o));
    *o = (struct output){.file = file, .mode = mode};
    if (mode == OUTPUT_AUTO)
        o->mode = isatty(fileno(file)) ? OUTPUT_TABLE : OUTPUT_TSV;
    for (; columns[o->columns] && o->columns < OUTPUT_MAX_COLUMNS; o->columns++) {
        const char *name = columns[o->columns];
        o->number[o->columns] = *name == '#';
        o->name[o->columns] = copy_escaped(*name == '#' ? name + 1 : name);
    }
    return o;
}

static void put_cell(struct output *o, char *text)
{
    if (o->at >= o->columns) {
        free(text);
        return;
    }
    if (o->count + o->columns > o->capacity) {
        o->capacity = o->capacity ? o->capacity * 2 : 64 * o->columns;
        o->cells = output_alloc(o->cells, o->capacity * sizeof(*o->cells));
    }
    o->cells[o->count + o->at++] = text;
}

void output_text(struct output *o, const char *text)
{
    put_cell(o, copy_escaped(text ? text : ""));
}

void output_format(struct output *o, const char *fmt, ...)
{
    char text[CELL_FORMAT_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    output_text(o, text);
}

void output_int(struct output *o, int64_t value)
{
    output_format(o, "%lld", (long long)value);
}

void output_word(struct output *o, uint64_t value)
{
    output_format(o, "%" PRIu64, value);
}

void output_hex(struct output *o, uint64_t value)
{
    output_format(o, "0x%08" PRIx64, value);
}

void output_row(struct output *o)
{
    while (o->at < o->columns)
        put_cell(o, copy(""));
    o->count += o->columns;
    o->at = 0;
}

bool output_is_table(const struct output *o)
{
    return o->mode == OUTPUT_TABLE;
}

/* --- the three forms --- */

static void write_table(struct output *o)
{
    int width[OUTPUT_MAX_COLUMNS];
    for (uint32_t c = 0; c < o->columns; c++)
        width[c] = (int)strlen(o->name[c]);
    for (uint32_t i = 0; i < o->count; i++)
        if ((int)strlen(o->cells[i]) > width[i % o->columns])
            width[i % o->columns] = (int)strlen(o->cells[i]);
    for (uint32_t i = 0; i < o->count + o->columns; i++) {
        uint32_t c = i % o->columns;
        const char *text = i < o->columns ? o->name[c] : o->cells[i - o->columns];
        bool last = c + 1 == o->columns;
        int pad = last && !o->number[c] ? 0 : width[c];
        fprintf(o->file, "%*s%s", o->number[c] ? pad : -pad, text, last ? "\n" : "  ");
    }
}

static void write_tsv(struct output *o)
{
    for (uint32_t i = 0; i < o->count + o->columns; i++) {
        const char *text = i < o->columns ? o->name[i] : o->cells[i - o->columns];
        fprintf(o->file, "%s%c", text, (i + 1) % o->columns ? '\t' : '\n');
    }
}

char *output_json_quote(const char *text)
{
    static sqlite3 *memory;
    static sqlite3_stmt *quote;
    if (!quote &&
        (sqlite3_open(":memory:", &memory) != SQLITE_OK ||
         sqlite3_prepare_v2(memory, "SELECT json_quote(?)", -1, &quote, NULL) != SQLITE_OK))
        exit(EXIT_UNKNOWN);
    sqlite3_bind_text(quote, 1, text, -1, SQLITE_TRANSIENT);
    char *out = NULL;
    if (sqlite3_step(quote) == SQLITE_ROW)
        out = copy((const char *)sqlite3_column_text(quote, 0));
    sqlite3_reset(quote);
    return out ? out : copy("null");
}

static void write_json_cell(struct output *o, uint32_t c, const char *text)
{
    char *name = output_json_quote(o->name[c]);
    char *end;
    strtod(text, &end);
    bool number = o->number[c] && *text && *end == '\0' && strncmp(text, "0x", 2) != 0;
    char *value = number ? copy(text) : output_json_quote(text);
    fprintf(o->file, "%s%s:%s", c ? "," : "", name, o->number[c] && !*text ? "null" : value);
    free(name);
    free(value);
}

static void write_json(struct output *o)
{
    fputc('[', o->file);
    for (uint32_t i = 0; i < o->count; i++) {
        uint32_t c = i % o->columns;
        if (c == 0)
            fputs(i ? ",\n {" : "\n {", o->file);
        write_json_cell(o, c, o->cells[i]);
        if (c + 1 == o->columns)
            fputc('}', o->file);
    }
    fputs(o->count ? "\n]\n" : "]\n", o->file);
}

bool output_end(struct output *o)
{
    if (o->mode == OUTPUT_JSON)
        write_json(o);
    else if (o->mode == OUTPUT_TABLE)
        write_table(o);
    else
        write_tsv(o);
    for (uint32_t i = 0; i < o->count; i++)
        free(o->cells[i]);
    for (uint32_t c = 0; c < o->columns; c++)
        free(o->name[c]);
    free(o->cells);
    bool good = fflush(o->file) == 0 && !ferror(o->file);
    free(o);
    return good;
}
