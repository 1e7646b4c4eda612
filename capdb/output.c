/* Rows as tables (table.h), tab-separated lines or JSON.  They are kept until the end, since a table's
 * widths depend on all of them. */
#include "capdb/output.h"

#include "capdb/table.h"
#include "lib/array.h"
#include "lib/digits.h"
#include "lib/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    size_t room;
    uint32_t count;
    uint32_t at;                   /* next column of the current row */
    struct table_branch *branches; /* one a row; NULL: no tree */
    size_t branch_room;
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

static size_t plain_length(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && text[i] >= ' ' && text[i] <= '~')
        i++;
    return i;
}

/* Backslashes stay: names that were escaped before contain them.  In JSON control characters have
 * an escape of its own, so only what is no UTF-8 is replaced. */
static char *copy_escaped(const struct output *o, const char *text, size_t length)
{
    bool json = o->mode == OUTPUT_JSON;
    size_t plain = plain_length(text, length); /* mostly all of it */
    char *out = output_alloc(NULL, (plain == length ? length : length * 4) + 1);
    char *at = mempcpy(out, text, plain);
    for (size_t i = plain; i < length;) {
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

/* Of two members of one name a reader of JSON keeps one: the second is called NAME:1, as in SQLite. */
static void tell_apart(struct output *o, uint32_t column)
{
    const char *name = o->name[column];
    char *other = output_alloc(NULL, strlen(name) + DIGITS_BYTES + 2);
    strcpy(other, name);
    for (uint32_t c = 0, number = 0; c < column; c++)
        if (strcmp(o->name[c], other) == 0) {
            sprintf(other, "%s:%u", name, ++number);
            c = UINT32_MAX; /* from the first on */
        }
    free(o->name[column]);
    o->name[column] = other;
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
        if (o->mode == OUTPUT_JSON)
            tell_apart(o, o->columns);
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
    o->cells = array_room_by(output_alloc, o->cells, o->count + o->at, &o->room, sizeof(*o->cells));
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
    char text[DIGITS_BYTES];
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    char *at = digits_before(text + sizeof(text) - 1, size, 10, 1);
    if (value < 0)
        *--at = '-';
    put_number(o, at);
}

void output_word(struct output *o, uint64_t value)
{
    char text[DIGITS_BYTES];
    put_number(o, digits_before(text + sizeof(text) - 1, value, 10, 1));
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
    char text[DIGITS_BYTES];
    char *at = digits_before(text + sizeof(text) - 1, value, 16, 8);
    *--at = 'x';
    *--at = '0';
    output_text(o, at);
}

/* What hangs deeper is drawn as if it did not: a picture of it helps nobody, and libsmartcols takes
 * time with the square of the depth. */
enum { LEVELS_MAX = 30 };

void output_below(struct output *o, int64_t row)
{
    size_t at = o->count / o->columns;
    if (o->mode != OUTPUT_TABLE)
        return;
    struct table_branch b = {.above = row};
    if (row >= 0)
        b.level = o->branches[row].level + 1;
    if (b.level > LEVELS_MAX)
        b = o->branches[row];
    o->branches = array_room_by(output_alloc, o->branches, at, &o->branch_room, sizeof(b));
    o->branches[at] = b;
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

/* Without lines a table still has its head. */
static void write_head(const struct output *o)
{
    for (uint32_t c = 0; c < o->columns; c++)
        fprintf(o->file, "%s%s", o->name[c], c + 1 < o->columns ? "  " : "\n");
}

static bool write_table(const struct output *o)
{
    size_t rows = o->count / o->columns;
    struct table t = {.file = o->file,
                      .columns = o->columns,
                      .name = o->name,
                      .right = o->right,
                      .rows = rows,
                      .branches = o->branches};
    if (rows == 0) {
        write_head(o);
        return true;
    }
    t.text = output_alloc(NULL, o->count * sizeof(*t.text));
    for (uint32_t i = 0; i < o->count; i++)
        t.text[i] = o->cells[i].text;
    bool good = table_write(&t);
    free(t.text);
    return good;
}

static void write_tsv(struct output *o)
{
    for (uint32_t i = 0; i < o->count + o->columns; i++) {
        const char *text = i < o->columns ? o->name[i] : o->cells[i - o->columns].text;
        fputs(text, o->file);
        fputc((i + 1) % o->columns ? '\t' : '\n', o->file);
    }
}

/* --- JSON (RFC 8259) ------------------------------------------------------------------------- */

/* The number of the character of `length` bytes, which is well formed. */
static uint32_t code_point(const char *bytes, uint32_t length)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)bytes[0] & first[length];
    for (uint32_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
    return code;
}

/* Characters beyond 16 bits are a pair of surrogates. */
static void put_escape(FILE *file, uint32_t code)
{
    if (code >= 0x10000)
        fprintf(file, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
    else
        fprintf(file, "\\u%04x", code);
}

/* What a terminal would obey, or nobody would see, has an escape; what is no UTF-8 is \xNN as text. */
void output_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (uint32_t left = (uint32_t)strlen(text), n; left; text += n, left -= n) {
        n = utf8_character(text, left);
        if (n == 0)
            fprintf(file, "\\\\x%02x", (unsigned char)*text);
        else if (*text == '"' || *text == '\\')
            fprintf(file, "\\%c", *text);
        else if (utf8_printable(text, left))
            fwrite(text, 1, n, file);
        else
            put_escape(file, code_point(text, n));
        n += n == 0;
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
    bool good = true;
    errno = 0;
    if (o->mode == OUTPUT_JSON)
        write_json(o);
    else if (o->mode == OUTPUT_TABLE)
        good = write_table(o);
    else
        write_tsv(o);
    for (uint32_t i = 0; i < o->count; i++)
        free(o->cells[i].text);
    for (uint32_t c = 0; c < o->columns; c++)
        free(o->name[c]);
    free(o->cells);
    free(o->branches);
    good = fflush(o->file) == 0 && !ferror(o->file) && good;
    int why = errno ? errno : EIO; /* an earlier one may be forgotten */
    free(o);
    errno = good ? 0 : why;
    return good;
}
