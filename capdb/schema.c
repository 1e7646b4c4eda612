/* schema.sql inside the program, and reading it statement by statement.  The text is ours, so a
 * statement of another shape is a mistake in it, which the tests find. */
#include "capdb/schema.h"

#include <ctype.h>
#include <string.h>

/* NAME: the bytes of a file and a NUL. */
#define EMBED(name, file)                                                                          \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global " #name "\n" #name ":\n"                                                      \
            ".incbin \"" file "\"\n"                                                               \
            ".byte 0\n"                                                                            \
            ".popsection\n")
EMBED(capdb_schema_sql, "capdb/schema.sql");
EMBED(capdb_schema_4_sql, "capdb/schema_4.sql");
EMBED(capdb_schema_2_sql, "capdb/schema_2.sql");
EMBED(capdb_schema_1_sql, "capdb/schema_1.sql");
EMBED(capdb_publish_sql, "capdb/publish.sql");

/* Behind a comment or blank that begins at `at`; `at` itself where none does. */
static const char *skip_blank(const char *at, const char *end)
{
    if (end - at >= 2 && at[0] == '-' && at[1] == '-') {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        return line ? line + 1 : end;
    }
    return at < end && isspace((unsigned char)*at) ? at + 1 : at;
}

static const char *skip_blanks(const char *at, const char *end)
{
    for (const char *next; (next = skip_blank(at, end)) != at;)
        at = next;
    return at;
}

/* The semicolon that ends the statement at `at`, or the end of the text. */
static const char *statement_end(const char *at, const char *end)
{
    bool quoted = false;
    for (;;) {
        at += strcspn(at, quoted ? "'" : "';-");
        if (at == end || *at == ';')
            return at;
        const char *next = quoted ? at : skip_blank(at, end);
        quoted ^= *at == '\'';
        at = next == at ? at + 1 : next;
    }
}

static const char *take_word(const char *at, const char *end, char *word, size_t size)
{
    size_t n = 0;
    at = skip_blanks(at, end);
    for (; at < end && (isalnum((unsigned char)*at) || *at == '_'); at++)
        if (n + 1 < size)
            word[n++] = *at;
    word[n] = '\0';
    return at;
}

bool schema_next(const char **at, struct schema_statement *out)
{
    char word[SCHEMA_NAME];
    const char *end = *at + strlen(*at);
    out->text = skip_blanks(*at, end);
    if (out->text == end)
        return false;
    const char *stop = statement_end(out->text, end);
    const char *body = take_word(out->text, stop, word, sizeof(word)); /* CREATE */
    const char *name = take_word(body, stop, word, sizeof(word));
    out->kind = strcmp(word, "TABLE") == 0   ? SCHEMA_TABLE
                : strcmp(word, "INDEX") == 0 ? SCHEMA_INDEX
                                             : SCHEMA_VIEW;
    take_word(name, stop, out->name, sizeof(out->name));
    out->length = (size_t)(stop - out->text);
    out->body = (size_t)(name - out->text);
    *at = stop < end ? stop + 1 : end;
    return true;
}

bool schema_may_lack(const char *name)
{
    return strcmp(name, "keyframe") == 0 || strcmp(name, "run_begin") == 0;
}

bool schema_is_rows(const char *name)
{
    return strcmp(name, "cap_row") == 0 || strcmp(name, "cap_flat") == 0 ||
           strcmp(name, "cap_of") == 0 || strcmp(name, "object_row") == 0;
}

/* Where the next character that counts stands. */
static const char *next_sign(const char *at, const char *end)
{
    at = skip_blanks(at, end);
    while (at < end && *at == '"')
        at = skip_blanks(at + 1, end);
    return at;
}

bool schema_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
    const char *a_end = a + a_length;
    const char *b_end = b + b_length;
    if (a_length == b_length && memcmp(a, b, a_length) == 0)
        return true;
    for (;; a++, b++) {
        a = next_sign(a, a_end);
        b = next_sign(b, b_end);
        if (a == a_end || b == b_end)
            return a == a_end && b == b_end;
        if (*a != *b)
            return false;
    }
}
