/* Files of domain rules: reading them, and telling precisely where one is wrong. */
#include "authority/authority.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 10000, WORDS = 3 };

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum error authority_rules_add(struct authority_rules *rules, const char *pattern,
                               const char *domain, bool trusted)
{
    if (rules->count >= RULES_MAX)
        return ERR_BOUND;
    struct authority_rule *grown =
        realloc(rules->rules, (rules->count + 1) * sizeof(*rules->rules));
    if (!grown)
        return ERR_NO_MEMORY;
    rules->rules = grown;
    struct authority_rule rule = {strdup(pattern), strdup(domain), trusted};
    if (!rule.pattern || !rule.domain) {
        free(rule.pattern);
        free(rule.domain);
        return ERR_NO_MEMORY;
    }
    grown[rules->count++] = rule;
    return ERR_OK;
}

enum error authority_rules_copy(const struct authority_rules *from, struct authority_rules *to)
{
    struct authority_rules copy = {0};
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < from->count; i++)
        e = authority_rules_add(&copy, from->rules[i].pattern, from->rules[i].domain,
                                from->rules[i].trusted);
    if (e == ERR_OK)
        *to = copy;
    else
        authority_rules_free(&copy);
    return e;
}

bool authority_rules_equal(const struct authority_rules *a, const struct authority_rules *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (strcmp(a->rules[i].pattern, b->rules[i].pattern) != 0 ||
            strcmp(a->rules[i].domain, b->rules[i].domain) != 0 ||
            a->rules[i].trusted != b->rules[i].trusted)
            return false;
    return true;
}

void authority_rules_free(struct authority_rules *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        free(rules->rules[i].pattern);
        free(rules->rules[i].domain);
    }
    free(rules->rules);
    *rules = (struct authority_rules){0};
}

/* --- words of a line --- */

struct word {
    char *text;      /* within the line, which is changed */
    uint32_t column; /* where it begins */
    uint32_t inside; /* where its text begins: behind a quote */
};

struct parser {
    char *line;
    char *at;
    struct authority_rules_fault *fault;
};

__attribute__((format(printf, 3, 4))) static enum error
refuse(const struct parser *p, uint32_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    p->fault->column = column;
    vsnprintf(p->fault->sentence, sizeof(p->fault->sentence), fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

static uint32_t column_of(const struct parser *p, const char *at)
{
    return (uint32_t)(at - p->line) + 1;
}

/* From behind the opening quote; the text moves down over the backslashes. */
static enum error quoted(struct parser *p, struct word *out)
{
    char *to = p->at;
    out->text = p->at;
    out->inside++;
    for (; *p->at != '"'; *to++ = *p->at++) {
        if (*p->at == '\0')
            return refuse(p, out->column, "a quote is opened and not closed");
        if (p->at[0] == '\\' && (p->at[1] == '"' || p->at[1] == '\\'))
            p->at++;
    }
    p->at++;
    if (*p->at != '\0' && !strchr(" \t", *p->at))
        return refuse(p, column_of(p, p->at), "a blank belongs behind a quoted word");
    *to = '\0';
    return ERR_OK;
}

/* The next word; text NULL at the end of the line. */
static enum error next_word(struct parser *p, struct word *out)
{
    p->at += strspn(p->at, " \t");
    *out = (struct word){NULL, column_of(p, p->at), column_of(p, p->at)};
    if (*p->at == '\0' || *p->at == '#')
        return ERR_OK;
    if (*p->at == '"') {
        p->at++;
        return quoted(p, out);
    }
    out->text = p->at;
    p->at += strcspn(p->at, " \t\"");
    if (*p->at == '"')
        return refuse(p, column_of(p, p->at), "a quote stands within a word");
    if (*p->at != '\0')
        *p->at++ = '\0';
    return ERR_OK;
}

/* --- what fnmatch() would take literally, though it was hardly meant so --- */

/* The end of a bracket expression that begins at *at, NULL when there is none. */
static const char *bracket_end(const char *at)
{
    at++;
    if (*at == '!' || *at == '^')
        at++;
    if (*at == ']')
        at++;
    return strchr(at, ']');
}

static enum error check_pattern(const struct parser *p, const struct word *w)
{
    if (w->text[0] == '\0')
        return refuse(p, w->column, "an empty pattern fits no thread");
    for (const char *at = w->text; *at; at++) {
        uint32_t column = w->inside + (uint32_t)(at - w->text);
        bool escape = *at == '\\';
        if (escape && *++at == '\0')
            return refuse(p, column, "a pattern ends with a backslash");
        if (escape || *at != '[')
            continue;
        at = bracket_end(at);
        if (!at)
            return refuse(p, column, "a bracket is opened and not closed");
    }
    return ERR_OK;
}

static enum error check_domain(const struct parser *p, const struct word *w)
{
    if (!w->text)
        return refuse(p, w->column, "a domain is missing: PATTERN DOMAIN [trusted]");
    if (w->text[0] == '\0')
        return refuse(p, w->column, "a domain needs a name");
    for (const char *at = w->text; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at == 0x7f)
            return refuse(p, w->inside + (uint32_t)(at - w->text),
                          "a domain's name has a blank or a control character");
    return ERR_OK;
}

/* --- lines --- */

/* One domain cannot be trusted by one rule and not by another. */
static enum error check_trust(const struct parser *p, const struct authority_rules *rules,
                              const struct word *domain, bool trusted)
{
    for (uint32_t i = 0; i < rules->count; i++)
        if (strcmp(rules->rules[i].domain, domain->text) == 0 && rules->rules[i].trusted != trusted)
            return refuse(p, domain->column, "%.40s is %strusted by a rule before this one",
                          domain->text, trusted ? "not " : "");
    return ERR_OK;
}

static enum error rule_from_line(struct authority_rules *rules, struct parser *p)
{
    struct word word[WORDS + 1] = {{NULL, 1, 1}};
    enum error e = ERR_OK;
    for (int i = 0; e == ERR_OK && i <= WORDS && (i == 0 || word[i - 1].text); i++)
        e = next_word(p, &word[i]);
    if (e != ERR_OK || !word[0].text)
        return e;
    e = check_pattern(p, &word[0]);
    if (e == ERR_OK)
        e = check_domain(p, &word[1]);
    if (e == ERR_OK && word[2].text && strcmp(word[2].text, "trusted") != 0)
        e = refuse(p, word[2].column, "behind the domain may stand `trusted` and nothing else");
    if (e == ERR_OK && word[2].text && word[3].text)
        e = refuse(p, word[3].column, "nothing may stand behind `trusted`");
    if (e == ERR_OK)
        e = check_trust(p, rules, &word[1], word[2].text != NULL);
    if (e == ERR_OK)
        e = authority_rules_add(rules, word[0].text, word[1].text, word[2].text != NULL);
    return e == ERR_BOUND ? refuse(p, 1, "more than %d rules", RULES_MAX) : e;
}

static enum error take_line(struct authority_rules *rules, char *line, size_t length,
                            struct authority_rules_fault *fault)
{
    struct parser p = {line, line, fault};
    if (strlen(line) != length)
        return refuse(&p, (uint32_t)strlen(line) + 1, "a zero byte: this is no text in UTF-8");
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        line[--length] = '\0';
    size_t mark = strlen(BYTE_ORDER_MARK);
    if (fault->line == 1 && strncmp(line, BYTE_ORDER_MARK, mark) == 0)
        p.at += mark;
    if (fault->line == 1 &&
        (strncmp(line, "\xff\xfe", 2) == 0 || strncmp(line, "\xfe\xff", 2) == 0))
        return refuse(&p, 1, "this is UTF-16; rules are read as UTF-8");
    return rule_from_line(rules, &p);
}

enum error authority_rules_read(const char *path, struct authority_rules *out,
                                struct authority_rules_fault *fault)
{
    struct authority_rules rules = {0};
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    enum error e = ERR_OK;
    *fault = (struct authority_rules_fault){0};
    FILE *f = fopen(path, "r");
    if (!f)
        return ERR_IO;
    while (e == ERR_OK && (length = getline(&line, &room, f)) >= 0) {
        fault->line++;
        e = take_line(&rules, line, (size_t)length, fault);
    }
    if (e == ERR_OK && ferror(f))
        e = ERR_IO;
    free(line);
    fclose(f);
    if (e == ERR_OK)
        *out = rules;
    else
        authority_rules_free(&rules);
    return e;
}
