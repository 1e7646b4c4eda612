/* Tables, tab-separated lines, JSON.  Rows are kept until the end, since a table's widths depend on
 * all of them. */
#include "capdb/output.h"

#include "lib/utf8.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
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

enum { BETWEEN = 2 }; /* blanks between columns */

/* Columns of a terminal that so many bytes of a text take. */
static size_t text_width(const char *text, size_t length)
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
        size_t width = text_width(text, length);
        most = width > most ? width : most;
        text += length;
    }
    return indent + BETWEEN + most;
}

struct widths {
    size_t natural[OUTPUT_MAX_COLUMNS], least[OUTPUT_MAX_COLUMNS], now[OUTPUT_MAX_COLUMNS];
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Columns that need not be so wide give way to the terminal, the widest first; words, and so
 * addresses, are never parted. */
static void fit(const struct output *o, size_t terminal, struct widths *w)
{
    size_t all = BETWEEN * (o->columns - 1);
    for (uint32_t c = 0; c < o->columns; c++)
        all += w->now[c] = w->natural[c];
    while (all > terminal) {
        uint32_t widest = o->columns;
        for (uint32_t c = 0; c < o->columns; c++)
            if (w->now[c] > w->least[c] && (widest == o->columns || w->now[c] > w->now[widest]))
                widest = c;
        if (widest == o->columns)
            return;
        w->now[widest]--;
        all--;
    }
}

static void measure(const struct output *o, struct widths *w)
{
    for (uint32_t c = 0; c < o->columns; c++)
        w->natural[c] = w->least[c] = text_width(o->name[c], strlen(o->name[c]));
    for (uint32_t i = 0; i < o->count; i++) {
        const char *text = o->cells[i].text;
        uint32_t c = i % o->columns;
        w->natural[c] = larger(w->natural[c], text_width(text, strlen(text)));
        w->least[c] = larger(w->least[c], word_width(text));
    }
}

/* The text with ends of lines at blanks, so that no line is wider; further lines are indented. */
static char *wrapped(const char *text, size_t width)
{
    size_t indent = indentation(text), column = indent;
    char *out = output_alloc(NULL, (strlen(text) + 1) * (indent + BETWEEN + 2));
    char *at = mempcpy(out, text, indent);
    for (text += indent; *text;) {
        size_t blanks = strspn(text, " "), length = strcspn(text + blanks, " ");
        size_t word = text_width(text + blanks, length);
        if (column > indent + BETWEEN && column + blanks + word > width) {
            at += sprintf(at, "\n%*s", (int)(indent + BETWEEN), "");
            column = indent + BETWEEN;
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

static struct libscols_table *table_begin(const struct output *o, bool terminal)
{
    struct libscols_table *t = scols_new_table();
    if (!t)
        return NULL;
    scols_table_set_stream(t, o->file);
    scols_table_set_column_separator(t, "  ");
    scols_table_enable_minout(t, 1);     /* no blanks at the ends of lines */
    scols_table_enable_noencoding(t, 1); /* cells are escaped already */
    scols_table_enable_colors(t, terminal && !getenv("NO_COLOR"));
    /* what is not read from a terminal is never cut or wrapped to its width */
    scols_table_set_termforce(t, terminal ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
    return t;
}

static bool add_columns(const struct output *o, struct libscols_table *t)
{
    for (uint32_t c = 0; c < o->columns; c++) {
        int flags = o->right[c] ? SCOLS_FL_RIGHT : SCOLS_FL_WRAP;
        struct libscols_column *column = scols_table_new_column(t, o->name[c], 0, flags);
        if (!column || scols_cell_set_color(scols_column_get_header(column), "bold") != 0)
            return false;
        if (!o->right[c])
            scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
    }
    return true;
}

static bool add_lines(const struct output *o, const struct widths *w, struct libscols_table *t)
{
    for (uint32_t i = 0; i < o->count; i += o->columns) {
        struct libscols_line *line = scols_table_new_line(t, NULL);
        if (!line)
            return false;
        for (uint32_t c = 0; c < o->columns; c++)
            if (scols_line_refer_data(line, c, wrapped(o->cells[i + c].text, w->now[c])) != 0)
                return false;
    }
    return true;
}

/* Without lines a table still has its head. */
static void write_head(const struct output *o)
{
    for (uint32_t c = 0; c < o->columns; c++)
        fprintf(o->file, "%s%s", o->name[c], c + 1 < o->columns ? "  " : "\n");
}

static bool write_table(const struct output *o)
{
    bool terminal = isatty(fileno(o->file));
    struct widths w = {{0}, {0}, {0}};
    struct libscols_table *t = table_begin(o, terminal);
    measure(o, &w);
    fit(o, t && terminal ? scols_table_get_termwidth(t) : SIZE_MAX, &w);
    bool good = t && add_columns(o, t) && add_lines(o, &w, t);
    if (good && o->count == 0)
        write_head(o);
    else
        good = good && scols_print_table(t) == 0;
    scols_unref_table(t);
    return good;
}

/* Widths are those of UTF-8, whatever the user's locale says. */
static bool write_table_in_utf8(const struct output *o)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    bool good = write_table(o);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return good;
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
    bool good = true;
    if (o->mode == OUTPUT_JSON)
        write_json(o);
    else if (o->mode == OUTPUT_TABLE)
        good = write_table_in_utf8(o);
    else
        write_tsv(o);
    for (uint32_t i = 0; i < o->count; i++)
        free(o->cells[i].text);
    for (uint32_t c = 0; c < o->columns; c++)
        free(o->name[c]);
    free(o->cells);
    good = fflush(o->file) == 0 && !ferror(o->file) && good;
    free(o);
    return good;
}
