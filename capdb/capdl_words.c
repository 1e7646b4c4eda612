/* The words of a capDL file: see capdl_words.h. */
#include "capdb/capdl_words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum error capdl_refuse(struct capdl_fault *fault, struct capdl_where where, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fault->where = where;
    vsnprintf(fault->sentence, sizeof(fault->sentence), fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const struct capdl_words *w, size_t ahead)
{
    return (size_t)(w->end - w->at) > ahead ? w->at[ahead] : '\0';
}

static struct capdl_where here(const struct capdl_words *w)
{
    return (struct capdl_where){w->line, (uint32_t)(w->at - w->line_start) + 1};
}

static void new_line(struct capdl_words *w)
{
    w->at++;
    w->line++;
    w->line_start = w->at;
}

/* --- what stands between words --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_alone(const struct capdl_words *w)
{
    const char *at = w->line_start;
    while (at < w->at && is_blank(*at))
        at++;
    return at == w->at;
}

static void note_root_thread(struct capdl_words *w, const char *text, size_t length)
{
    static const char word[] = "root_thread ";
    size_t skip = sizeof(word) - 1;
    if (length <= skip || length - skip >= sizeof(w->root_thread) || memcmp(text, word, skip) != 0)
        return;
    memcpy(w->root_thread, text + skip, length - skip);
    w->root_thread[length - skip] = '\0';
    w->root_where = (struct capdl_where){w->line, (uint32_t)(text - w->line_start) + 1};
}

static void line_comment(struct capdl_words *w)
{
    bool alone = is_alone(w);
    w->at += 2;
    while (peek(w, 0) == ' ')
        w->at++;
    const char *text = w->at;
    while (w->at < w->end && *w->at != '\n')
        w->at++;
    size_t length = (size_t)(w->at - text);
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (alone) {
        note_root_thread(w, text, length);
    } else if (!w->commented && length < sizeof(w->comment)) {
        memcpy(w->comment, text, length);
        w->comment[length] = '\0';
        w->commented = true;
    }
}

static enum error long_comment(struct capdl_words *w)
{
    struct capdl_where where = here(w);
    w->at += 2;
    while (w->at < w->end && !(*w->at == '*' && peek(w, 1) == '/'))
        if (*w->at == '\n')
            new_line(w);
        else
            w->at++;
    if (w->at == w->end)
        return capdl_refuse(w->fault, where, "a comment is opened and not closed");
    w->at += 2;
    return ERR_OK;
}

static enum error skip(struct capdl_words *w)
{
    enum error e = ERR_OK;
    while (e == ERR_OK && w->at < w->end) {
        if (*w->at == '\n')
            new_line(w);
        else if (is_blank(*w->at))
            w->at++;
        else if (*w->at == '-' && peek(w, 1) == '-')
            line_comment(w);
        else if (*w->at == '/' && peek(w, 1) == '*')
            e = long_comment(w);
        else
            break;
    }
    return e;
}

/* --- words --- */

static bool in_name(const struct capdl_words *w)
{
    char c = peek(w, 0);
    if (c == '-')
        return peek(w, 1) != '-';
    return c != '\0' && (is_letter(c) || is_digit(c) || strchr("_@.", c));
}

static enum error take_name(struct capdl_words *w)
{
    size_t used = 0;
    w->token = TOKEN_NAME;
    for (; in_name(w); w->at++) {
        if (used + 1 == sizeof(w->name))
            return capdl_refuse(w->fault, w->where, "a name is longer than %d", CAPDL_WORD - 1);
        w->name[used++] = *w->at;
    }
    w->name[used] = '\0';
    return ERR_OK;
}

static int digit_of(char c, int base)
{
    int value = is_digit(c)            ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : base;
    return value < base ? value : -1;
}

static enum error take_number(struct capdl_words *w)
{
    int base = *w->at == '0' && (peek(w, 1) == 'x' || peek(w, 1) == 'X') ? 16 : 10;
    uint32_t digits = 0;
    w->token = TOKEN_NUMBER;
    w->number = 0;
    w->at += base == 16 ? 2 : 0;
    for (int d; (d = digit_of(peek(w, 0), base)) >= 0; w->at++, digits++) {
        if (w->number > (UINT64_MAX - (uint64_t)d) / (uint64_t)base)
            return capdl_refuse(w->fault, w->where, "a number is too large");
        w->number = w->number * (uint64_t)base + (uint64_t)d;
    }
    bool unit = base == 10 && (peek(w, 0) == 'k' || peek(w, 0) == 'M');
    if (unit) { /* "4k", "1M": sizes of frames */
        w->number <<= peek(w, 0) == 'k' ? 10 : 20;
        w->at++;
    }
    if (digits == 0 || in_name(w))
        return capdl_refuse(w->fault, w->where,
                            "this is no number, and a name begins with a letter");
    return ERR_OK;
}

enum error words_next(struct capdl_words *w)
{
    w->commented = false;
    enum error e = skip(w);
    w->where = here(w);
    if (e != ERR_OK)
        return e;
    if (w->at == w->end) {
        w->token = TOKEN_END;
        return ERR_OK;
    }
    if (is_letter(*w->at))
        return take_name(w);
    if (is_digit(*w->at))
        return take_number(w);
    w->token = TOKEN_SIGN;
    w->sign = *w->at;
    if (w->sign == '\0' || !strchr("{}()[]:,;=.", w->sign))
        return capdl_refuse(w->fault, w->where, "a character that means nothing here");
    w->at++;
    return ERR_OK;
}

/* A file that begins so is one in another grammar, of the tool that made it. */
enum error words_begin(struct capdl_words *w, const char *text, size_t length,
                       struct capdl_fault *fault)
{
    *w = (struct capdl_words){
        .at = text, .end = text + length, .line_start = text, .line = 1, .fault = fault};
    if (length >= 7 && memcmp(text, "-- Dump", 7) == 0)
        return capdl_refuse(fault, (struct capdl_where){1, 1},
                            "`-- Dump` in the first line selects a grammar that is not read");
    return words_next(w);
}

bool words_is(const struct capdl_words *w, char sign)
{
    return w->token == TOKEN_SIGN && w->sign == sign;
}

bool words_is_name(const struct capdl_words *w, const char *name)
{
    return w->token == TOKEN_NAME && strcmp(w->name, name) == 0;
}

enum error words_unexpected(const struct capdl_words *w, const char *expected)
{
    if (w->token == TOKEN_END)
        return capdl_refuse(w->fault, w->where, "the file ends where %s should be", expected);
    if (w->token == TOKEN_NAME)
        return capdl_refuse(w->fault, w->where, "%.40s where %s should be", w->name, expected);
    if (w->token == TOKEN_NUMBER)
        return capdl_refuse(w->fault, w->where, "a number where %s should be", expected);
    return capdl_refuse(w->fault, w->where, "'%c' where %s should be", w->sign, expected);
}

enum error words_take(struct capdl_words *w, char sign)
{
    char expected[4] = {'\'', sign, '\'', '\0'};
    return words_is(w, sign) ? words_next(w) : words_unexpected(w, expected);
}

enum error words_take_name(struct capdl_words *w, char name[CAPDL_WORD])
{
    if (w->token != TOKEN_NAME)
        return words_unexpected(w, "a name");
    memcpy(name, w->name, CAPDL_WORD);
    return words_next(w);
}

enum error words_take_word(struct capdl_words *w, const char *name)
{
    return words_is_name(w, name) ? words_next(w) : words_unexpected(w, name);
}

enum error words_take_number(struct capdl_words *w, uint64_t most, uint64_t *number)
{
    if (w->token != TOKEN_NUMBER)
        return words_unexpected(w, "a number");
    if (w->number > most)
        return capdl_refuse(w->fault, w->where, "the number is larger than 0x%llx",
                            (unsigned long long)most);
    *number = w->number;
    return words_next(w);
}

enum error words_skip_divider(struct capdl_words *w)
{
    return words_is(w, ',') || words_is(w, ';') ? words_next(w) : ERR_OK;
}
