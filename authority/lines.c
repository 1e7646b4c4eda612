/* Lines and words of files that people write: see lines.h. */
#include "authority/lines.h"

#include "lib/host/input.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum error line_refuse(const struct line_parser *p, uint32_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    p->fault->column = column;
    vsnprintf(p->fault->sentence, sizeof(p->fault->sentence), fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

static uint32_t column_of(const struct line_parser *p, const char *at)
{
    return (uint32_t)(at - p->line) + 1;
}

/* From behind the opening quote; the text moves down over the backslashes. */
static enum error quoted(struct line_parser *p, struct line_word *out)
{
    char *to = p->at;
    out->text = p->at;
    out->inside++;
    for (; *p->at != '"'; *to++ = *p->at++) {
        if (*p->at == '\0')
            return line_refuse(p, out->column, "a quote is opened and not closed");
        if (p->at[0] == '\\' && (p->at[1] == '"' || p->at[1] == '\\'))
            p->at++;
    }
    p->at++;
    if (*p->at != '\0' && !strchr(" \t", *p->at))
        return line_refuse(p, column_of(p, p->at), "a blank belongs behind a quoted word");
    *to = '\0';
    return ERR_OK;
}

/* The next word; text NULL at the end of the line. */
enum error line_next_word(struct line_parser *p, struct line_word *out)
{
    p->at += strspn(p->at, " \t");
    *out = (struct line_word){NULL, column_of(p, p->at), column_of(p, p->at)};
    if (*p->at == '\0' || *p->at == '#')
        return ERR_OK;
    if (*p->at == '"') {
        p->at++;
        return quoted(p, out);
    }
    out->text = p->at;
    p->at += strcspn(p->at, " \t\"");
    if (*p->at == '"')
        return line_refuse(p, column_of(p, p->at), "a quote stands within a word");
    if (*p->at != '\0')
        *p->at++ = '\0';
    return ERR_OK;
}

/* --- lines of a file --- */

static enum error take_line(line_taker take, void *ctx, char *line, size_t length,
                            struct authority_rules_fault *fault)
{
    struct line_parser p = {line, line, fault};
    if (strlen(line) != length)
        return line_refuse(&p, (uint32_t)strlen(line) + 1, "a zero byte: this is no text in UTF-8");
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        line[--length] = '\0';
    size_t mark = strlen(BYTE_ORDER_MARK);
    if (fault->line == 1 && strncmp(line, BYTE_ORDER_MARK, mark) == 0)
        p.at += mark;
    if (fault->line == 1 &&
        (strncmp(line, "\xff\xfe", 2) == 0 || strncmp(line, "\xfe\xff", 2) == 0))
        return line_refuse(&p, 1, "this is UTF-16; UTF-8 is read");
    return take(ctx, &p);
}

static enum error cannot_read(struct authority_rules_fault *fault, const char *why)
{
    snprintf(fault->sentence, sizeof(fault->sentence), "%s", why);
    return ERR_IO;
}

enum error lines_read(const char *path, line_taker take, void *ctx,
                      struct authority_rules_fault *fault)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    enum error e = ERR_OK;
    const char *why;
    *fault = (struct authority_rules_fault){0};
    FILE *f = input_text(path, &why);
    if (!f)
        return cannot_read(fault, why);
    while (e == ERR_OK && (length = getline(&line, &room, f)) >= 0) {
        fault->line++;
        e = take_line(take, ctx, line, (size_t)length, fault);
    }
    if (e == ERR_OK && !feof(f)) /* or a line that no memory holds */
        e = ferror(f) ? cannot_read(fault, strerror(errno)) : ERR_NO_MEMORY;
    free(line);
    fclose(f);
    return e;
}
