/* Reading a policy, and telling precisely where one is wrong. */
#include "authority/lines.h"
#include "authority/policy.h"
#include "lib/array.h"
#include "capstate/size.h"

#include "record/names.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1000000, POLICY_VERSION = 1, WORDS = 6, ALLOW_WORDS = 6 };

struct reader {
    struct policy *policy;
    bool begun; /* `policy 1` was there */
};

struct words {
    struct line_word word[WORDS + 1];
    uint32_t count;
};

static enum error split(struct line_parser *p, struct words *w)
{
    *w = (struct words){0};
    for (;;) {
        struct line_word *word = &w->word[w->count];
        enum error e = line_next_word(p, word);
        if (e != ERR_OK || !word->text)
            return e;
        if (w->count == WORDS)
            return line_refuse(p, word->column, "nothing may stand behind the objects");
        w->count++;
    }
}

/* The word with this number must be the last one. */
static enum error ends_with(const struct line_parser *p, const struct words *w, uint32_t count,
                            const char *form)
{
    if (w->count < count)
        return line_refuse(p, w->word[w->count].column, "a word is missing: %s", form);
    if (w->count > count)
        return line_refuse(p, w->word[count].column, "a word too many: %s", form);
    return ERR_OK;
}

/* --- the words of a line --- */

static enum error take_name(const struct line_parser *p, const struct line_word *w)
{
    if (w->text[0] == '\0')
        return line_refuse(p, w->column, "a domain needs a name");
    for (const char *at = w->text; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at == 0x7f)
            return line_refuse(p, w->inside + (uint32_t)(at - w->text),
                               "a name has a control character");
    return ERR_OK;
}

static enum error take_verb(const struct line_parser *p, const struct line_word *w,
                            enum policy_verb *out)
{
    for (int v = 0; v < POLICY_VERBS; v++)
        if (strcmp(policy_verb_word((enum policy_verb)v), w->text) == 0)
            return *out = (enum policy_verb)v, ERR_OK;
    return line_refuse(p, w->column,
                       "%.20s: signal, send, call, grant, write, control, share, cover or join",
                       w->text);
}

static enum error take_type(const struct line_parser *p, const struct line_word *w, uint32_t *out)
{
    char *end;
    for (uint32_t t = RECORD_CAP_NULL + 1; t < RECORD_CAP_TYPES; t++)
        if (strcmp(record_cap_name(t), w->text) == 0)
            return *out = t, ERR_OK;
    *out = RECORD_CAP_NULL;
    if (strcmp(w->text, "island") == 0)
        return ERR_OK;
    if (strncmp(w->text, "type", 4) == 0 && w->text[4] >= '1' && w->text[4] <= '9') {
        unsigned long n = strtoul(w->text + 4, &end, 10);
        *out = (uint32_t)n;
        if (*end == '\0' && n >= RECORD_CAP_TYPES && n < UINT32_MAX)
            return ERR_OK;
    }
    return line_refuse(p, w->column, "%.20s is no type of object", w->text);
}

/* Which types a verb can be about. */
static bool fits(enum policy_verb verb, uint32_t type)
{
    switch (verb) {
    case POLICY_SIGNAL:
        return type == RECORD_CAP_NOTIFICATION;
    case POLICY_SEND:
    case POLICY_CALL:
    case POLICY_GRANT:
        return type == RECORD_CAP_ENDPOINT;
    case POLICY_COVER:
        return type == RECORD_CAP_UNTYPED;
    case POLICY_JOIN:
        return type == RECORD_CAP_NULL;
    default:
        return type != RECORD_CAP_NULL && type != RECORD_CAP_ENDPOINT &&
               type != RECORD_CAP_NOTIFICATION;
    }
}

static enum error take_amount(const struct line_parser *p, const struct line_word *w, uint32_t type,
                              uint64_t *out)
{
    bool unit = w->text[strspn(w->text, "0123456789")] != '\0';
    if (!size_read(w->text, out) || *out == 0)
        return line_refuse(
            p, w->column, "%.20s is no amount: a number above 0, of bytes with K, M or G", w->text);
    if (unit && type != RECORD_CAP_FRAME)
        return line_refuse(p, w->column, "only frames are measured in bytes; others are counted");
    return ERR_OK;
}

/* --- lines --- */

static enum error line_append(struct reader *r, const struct line_parser *p,
                              struct policy_line line)
{
    struct policy *policy = r->policy;
    if (policy->count == LINES_MAX)
        return line_refuse(p, 1, "more than %d lines", LINES_MAX);
    struct policy_line *grown =
        array_room(policy->line, policy->count, &policy->room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    policy->line = grown;
    line.number = p->fault->line;
    line.from = strdup(line.from);
    line.to = line.to ? strdup(line.to) : NULL;
    policy->line[policy->count++] = line;
    return line.from ? ERR_OK : ERR_NO_MEMORY;
}

static enum error take_named(struct reader *r, const struct line_parser *p, const struct words *w,
                             enum policy_statement statement)
{
    enum error e = ends_with(p, w, 2, statement == POLICY_MANAGER ? "manager NAME" : "domain NAME");
    if (e == ERR_OK)
        e = take_name(p, &w->word[1]);
    if (e != ERR_OK)
        return e;
    return line_append(r, p,
                       (struct policy_line){.statement = statement,
                                            .from = w->word[1].text,
                                            .from_column = w->word[1].column});
}

static enum error take_allow(struct reader *r, const struct line_parser *p, const struct words *w)
{
    struct policy_line line = {.statement = POLICY_ALLOW};
    enum error e = ends_with(p, w, ALLOW_WORDS, "allow FROM VERB TO AMOUNT OBJECTS");
    if (e == ERR_OK)
        e = take_verb(p, &w->word[2], &line.verb);
    if (e == ERR_OK)
        e = take_type(p, &w->word[5], &line.type);
    if (e == ERR_OK && !fits(line.verb, line.type))
        e = line_refuse(p, w->word[5].column, "%s is not about %.20s", w->word[2].text,
                        w->word[5].text);
    if (e == ERR_OK)
        e = take_amount(p, &w->word[4], line.type, &line.amount);
    if (e == ERR_OK && strcmp(w->word[1].text, w->word[3].text) == 0)
        e = line_refuse(p, w->word[3].column, "a domain needs no leave for what is its own");
    line.from = w->word[1].text;
    line.to = w->word[3].text;
    line.from_column = w->word[1].column;
    line.to_column = w->word[3].column;
    return e == ERR_OK ? line_append(r, p, line) : e;
}

static enum error take_version(struct reader *r, const struct line_parser *p, const struct words *w)
{
    char *end;
    enum error e = ends_with(p, w, 2, "policy 1");
    if (e != ERR_OK)
        return e;
    if (r->begun)
        return line_refuse(p, w->word[0].column, "`policy` stands once, before everything else");
    if (strtoul(w->word[1].text, &end, 10) != POLICY_VERSION || *end != '\0')
        return line_refuse(p, w->word[1].column, "this program reads policies of version %d",
                           POLICY_VERSION);
    r->begun = true;
    return ERR_OK;
}

static enum error take_strict(struct reader *r, const struct line_parser *p, const struct words *w)
{
    r->policy->strict = true;
    return ends_with(p, w, 1, "strict");
}

static enum error take_statement(void *ctx, struct line_parser *p)
{
    struct reader *r = ctx;
    struct words w;
    enum error e = split(p, &w);
    if (e != ERR_OK || w.count == 0)
        return e;
    const char *word = w.word[0].text;
    if (strcmp(word, "policy") == 0)
        return take_version(r, p, &w);
    if (!r->begun)
        return line_refuse(p, w.word[0].column, "a policy begins with the line `policy %d`",
                           POLICY_VERSION);
    if (strcmp(word, "strict") == 0)
        return take_strict(r, p, &w);
    if (strcmp(word, "manager") == 0)
        return take_named(r, p, &w, POLICY_MANAGER);
    if (strcmp(word, "domain") == 0)
        return take_named(r, p, &w, POLICY_DOMAIN);
    if (strcmp(word, "allow") == 0)
        return take_allow(r, p, &w);
    return line_refuse(p, w.word[0].column, "%.20s: policy, strict, manager, domain or allow",
                       word);
}

/* --- the whole --- */

/* Of lines that say something of the same, by name; then as they stand in the file. */
static int name_compare(const void *pa, const void *pb)
{
    const struct policy_line *a = *(struct policy_line *const *)pa;
    const struct policy_line *b = *(struct policy_line *const *)pb;
    bool allow[2] = {a->statement == POLICY_ALLOW, b->statement == POLICY_ALLOW};
    int o = allow[0] - allow[1];
    if (o == 0)
        o = strcmp(a->from, b->from);
    if (o == 0 && allow[0])
        o = strcmp(a->to, b->to);
    if (o == 0 && allow[0])
        o = (a->verb > b->verb) - (a->verb < b->verb);
    if (o == 0 && allow[0])
        o = (a->type > b->type) - (a->type < b->type);
    return o;
}

static int stable_compare(const void *pa, const void *pb)
{
    int o = name_compare(pa, pb);
    const struct policy_line *a = *(struct policy_line *const *)pa;
    const struct policy_line *b = *(struct policy_line *const *)pb;
    return o ? o : (a->number > b->number) - (a->number < b->number);
}

__attribute__((format(printf, 4, 5))) static enum error
refuse_at(struct authority_rules_fault *fault, uint32_t line, uint32_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fault->line = line;
    fault->column = column;
    vsnprintf(fault->sentence, sizeof(fault->sentence), fmt, args);
    va_end(args);
    return ERR_FORMAT;
}

static bool is_named(struct policy_line **line, uint32_t count, char *name)
{
    struct policy_line wanted = {.statement = POLICY_DOMAIN, .from = name};
    const struct policy_line *key = &wanted;
    return bsearch(&key, line, count, sizeof(struct policy_line *), name_compare);
}

/* The first line, as the file has them, that names somebody who is not declared. */
static enum error check_names(struct policy *p, struct policy_line **line,
                              struct authority_rules_fault *fault)
{
    for (uint32_t i = 0; i < p->count; i++) {
        struct policy_line *l = &p->line[i];
        for (int k = 0; l->statement == POLICY_ALLOW && k < 2; k++)
            if (!is_named(line, p->count, k ? l->to : l->from))
                return refuse_at(fault, l->number, k ? l->to_column : l->from_column,
                                 "%.60s: no line `domain` or `manager` names it",
                                 k ? l->to : l->from);
    }
    return ERR_OK;
}

static enum error check_twice(struct policy *p, struct policy_line **line,
                              struct authority_rules_fault *fault)
{
    for (uint32_t i = 1; i < p->count; i++)
        if (name_compare(&line[i - 1], &line[i]) == 0)
            return refuse_at(fault, line[i]->number, line[i]->from_column,
                             "%.60s: line %u says of the same already", line[i]->from,
                             line[i - 1]->number);
    return ERR_OK;
}

static enum error check_whole(struct reader *r, struct authority_rules_fault *fault)
{
    struct policy *p = r->policy;
    struct policy_line **line = malloc((p->count + 1) * sizeof(struct policy_line *));
    if (!line)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < p->count; i++)
        line[i] = &p->line[i];
    qsort(line, p->count, sizeof(struct policy_line *), stable_compare);
    enum error e = ERR_OK;
    if (!r->begun)
        e = refuse_at(fault, fault->line + 1, 1, "a policy begins with the line `policy %d`",
                      POLICY_VERSION);
    if (e == ERR_OK)
        e = check_twice(p, line, fault);
    if (e == ERR_OK)
        e = check_names(p, line, fault);
    free(line);
    return e;
}

enum error policy_read(const char *path, struct policy *out, struct authority_rules_fault *fault)
{
    struct policy policy = {0};
    struct reader r = {.policy = &policy};
    enum error e = lines_read(path, take_statement, &r, fault);
    if (e == ERR_OK)
        e = check_whole(&r, fault);
    if (e == ERR_OK)
        *out = policy;
    else
        policy_free(&policy);
    return e;
}
