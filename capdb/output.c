/* Tables, tab-separated lines, JSON.  Rows are kept until the end, since a table's widths depend on
 * all of them. */
#include "capdb/output.h"

#include "lib/utf8.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum output_mode output_default = OUTPUT_AUTO;

enum { CELL_FORMAT_BYTES = 2048, REAL_DIGITS = 17, EXIT_UNKNOWN = 2 };

enum cell_kind { CELL_NULL, CELL_TEXT, CELL_NUMBER };

struct cell {
    enum cell_kind kind;
    char *text;
};

struct output {
    FILE *file;
    enum output_mode mode;
    uint32_t columns;
    char *name[OUTPUT_MAX_COLUMNS];
    bool right[OUTPUT_MAX_COLUMNS];
    struct cell *cells; /* row by row */
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

/* Backslashes stay: names that were escaped before contain them.  In JSON control characters have
 * an escape of its own, so only what is no UTF-8 is replaced. */
static char *copy_escaped(const struct output *o, const char *text, size_t length)
{
    bool json = o->mode == OUTPUT_JSON;
    char *out = output_alloc(NULL, length * 4 + 1);
    char *at = out;
    for (size_t i = 0; i < length;) {
        uint32_t left = (uint32_t)(length - i);
        uint32_t n = json ? utf8_character(text + i, left) : utf8_printable(text + i, left);
        if (json && text[i] == '\0')
            n = 0;
        if (n)
            at = mempcpy(at, text + i, n);
        else
            at += sprintf(at, "\\x%02x", (unsigned char)text[i]);
        i += n ? n : 1;
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
        o->right[o->columns] = *name == '#';
        name += *name == '#';
        o->name[o->columns] = copy_escaped(o, name, strlen(name));
    }
    return o;
}

/* --- cells ----------------------------------------------------------------------------------- */

static void put_cell(struct output *o, enum cell_kind kind, char *text)
{
    if (o->at >= o->columns) {
        free(text);
        return;
    }
    if (o->count + o->columns > o->capacity) {
        o->capacity = o->capacity ? o->capacity * 2 : 64 * o->columns;
        o->cells = output_alloc(o->cells, o->capacity * sizeof(*o->cells));
    }
    o->cells[o->count + o->at++] = (struct cell){kind, text};
}

void output_bytes(struct output *o, const char *text, size_t length)
{
    put_cell(o, CELL_TEXT, copy_escaped(o, text, length));
}

void output_text(struct output *o, const char *text)
{
    output_bytes(o, text ? text : "", text ? strlen(text) : 0);
}

void output_null(struct output *o)
{
    put_cell(o, CELL_NULL, copy_escaped(o, "", 0));
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

static void put_number(struct output *o, const char *text)
{
    put_cell(o, CELL_NUMBER, copy_escaped(o, text, strlen(text)));
}

void output_int(struct output *o, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, value);
    put_number(o, text);
}

void output_word(struct output *o, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    put_number(o, text);
}

/* As many digits as it takes to get the same number back. */
void output_real(struct output *o, double value)
{
    char text[32];
    for (int digits = REAL_DIGITS - 2; digits <= REAL_DIGITS; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (isfinite(value))
        put_number(o, text);
    else
        output_text(o, text);
}

void output_hex(struct output *o, uint64_t value)
{
    output_format(o, "0x%08" PRIx64, value);
}

void output_row(struct output *o)
{
    while (o->at < o->columns)
        output_null(o);
    o->count += o->columns;
    o->at = 0;
}

bool output_is_table(const struct output *o)
{
    return o->mode == OUTPUT_TABLE;
}

/* --- tables ---------------------------------------------------------------------------------- */

/* Columns of a terminal that a text takes. */
static int text_width(const char *text)
{
    int width = 0;
    mbstate_t state = {0};
    while (*text) {
        wchar_t c;
        size_t n = mbrtowc(&c, text, strlen(text), &state);
        if (n == 0 || n > strlen(text))
            return width + (int)strlen(text);
        int columns = wcwidth(c);
        width += columns > 0 ? columns : 0;
        text += n;
    }
    return width;
}

static void write_padded(FILE *file, const char *text, int width, bool right, bool last)
{
    int pad = width - text_width(text);
    if (right)
        fprintf(file, "%*s", pad, "");
    fputs(text, file);
    if (last)
        fputc('\n', file);
    else
        fprintf(file, "%*s  ", right ? 0 : pad, "");
}

static void write_table(struct output *o)
{
    int width[OUTPUT_MAX_COLUMNS];
    for (uint32_t c = 0; c < o->columns; c++)
        width[c] = text_width(o->name[c]);
    for (uint32_t i = 0; i < o->count; i++) {
        int w = text_width(o->cells[i].text);
        if (w > width[i % o->columns])
            width[i % o->columns] = w;
    }
    for (uint32_t i = 0; i < o->count + o->columns; i++) {
        uint32_t c = i % o->columns;
        const char *text = i < o->columns ? o->name[c] : o->cells[i - o->columns].text;
        write_padded(o->file, text, width[c], o->right[c], c + 1 == o->columns);
    }
}

/* Widths are those of UTF-8, whatever the user's locale says. */
static void write_table_in_utf8(struct output *o)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    write_table(o);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
}

static void write_tsv(struct output *o)
{
    for (uint32_t i = 0; i < o->count + o->columns; i++) {
        const char *text = i < o->columns ? o->name[i] : o->cells[i - o->columns].text;
        fprintf(o->file, "%s%c", text, (i + 1) % o->columns ? '\t' : '\n');
    }
}

/* --- JSON (RFC 8259) ------------------------------------------------------------------------- */

void output_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(file, "\\u%04x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

static void write_json_cell(struct output *o, uint32_t c, const struct cell *cell)
{
    if (c)
        fputc(',', o->file);
    output_json_string(o->file, o->name[c]);
    fputc(':', o->file);
    if (cell->kind == CELL_TEXT)
        output_json_string(o->file, cell->text);
    else
        fputs(cell->kind == CELL_NUMBER ? cell->text : "null", o->file);
}

static void write_json(struct output *o)
{
    fputc('[', o->file);
    for (uint32_t i = 0; i < o->count; i++) {
        uint32_t c = i % o->columns;
        if (c == 0)
            fputs(i ? ",\n {" : "\n {", o->file);
        write_json_cell(o, c, &o->cells[i]);
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
        write_table_in_utf8(o);
    else
        write_tsv(o);
    for (uint32_t i = 0; i < o->count; i++)
        free(o->cells[i].text);
    for (uint32_t c = 0; c < o->columns; c++)
        free(o->name[c]);
    free(o->cells);
    bool good = fflush(o->file) == 0 && !ferror(o->file);
    free(o);
    return good;
}
