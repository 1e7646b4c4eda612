/* Files of domain rules: reading them, and telling precisely where one is wrong. */
#include "authority/lines.h"
#include "lib/array.h"
#include "lib/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { RULES_MAX = 10000, WORDS = 3 };

enum error authority_rules_add(struct authority_rules *rules, const char *pattern,
                               const char *domain, bool trusted)
{
    if (rules->count >= RULES_MAX)
        return ERR_BOUND;
    struct authority_rule *grown =
        array_room(rules->rules, rules->count, &rules->room, sizeof(*grown));
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

static enum error check_pattern(const struct line_parser *p, const struct line_word *w)
{
    if (w->text[0] == '\0')
        return line_refuse(p, w->column, "an empty pattern fits no thread");
    for (const char *at = w->text; *at; at++) {
        uint32_t column = w->inside + (uint32_t)(at - w->text);
        bool escape = *at == '\\';
        if (escape && *++at == '\0')
            return line_refuse(p, column, "a pattern ends with a backslash");
        if (escape || *at != '[')
            continue;
        at = bracket_end(at);
        if (!at)
            return line_refuse(p, column, "a bracket is opened and not closed");
    }
    return ERR_OK;
}

bool authority_means_no_domain(const char *name, size_t length)
{
    return length && (name[0] == '(' || (length == 1 && name[0] == '-'));
}

static enum error check_domain(const struct line_parser *p, const struct line_word *w)
{
    if (!w->text)
        return line_refuse(p, w->column, "a domain is missing: PATTERN DOMAIN [trusted]");
    if (w->text[0] == '\0')
        return line_refuse(p, w->column, "a domain needs a name");
    if (authority_means_no_domain(w->text, strlen(w->text)))
        return line_refuse(p, w->column,
                           "answers call so what has no domain: - and what begins with (");
    for (const char *at = w->text; *at;) {
        uint32_t n = *at == ' ' ? 0 : utf8_printable(at, (uint32_t)strlen(at));
        if (n == 0)
            return line_refuse(p, w->inside + (uint32_t)(at - w->text),
                               "a domain's name has a blank, or what cannot be shown");
        at += n;
    }
    return ERR_OK;
}

/* --- lines --- */

/* One domain cannot be trusted by one rule and not by another. */
static enum error check_trust(const struct line_parser *p, const struct authority_rules *rules,
                              const struct line_word *domain, bool trusted)
{
    for (uint32_t i = 0; i < rules->count; i++)
        if (strcmp(rules->rules[i].domain, domain->text) == 0 && rules->rules[i].trusted != trusted)
            return line_refuse(p, domain->column, "%.40s is %strusted by a rule before this one",
                               domain->text, trusted ? "not " : "");
    return ERR_OK;
}

static enum error rule_from_line(struct authority_rules *rules, struct line_parser *p)
{
    struct line_word word[WORDS + 1] = {{NULL, 1, 1}};
    enum error e = ERR_OK;
    for (int i = 0; e == ERR_OK && i <= WORDS && (i == 0 || word[i - 1].text); i++)
        e = line_next_word(p, &word[i]);
    if (e != ERR_OK || !word[0].text)
        return e;
    e = check_pattern(p, &word[0]);
    if (e == ERR_OK)
        e = check_domain(p, &word[1]);
    if (e == ERR_OK && word[2].text && strcmp(word[2].text, "trusted") != 0)
        e = line_refuse(p, word[2].column,
                        "behind the domain may stand `trusted` and nothing else");
    if (e == ERR_OK && word[2].text && strcmp(word[1].text, "*") == 0)
        e = line_refuse(p, word[2].column, "a name that a thread has confers no trust");
    if (e == ERR_OK && word[2].text && word[3].text)
        e = line_refuse(p, word[3].column, "nothing may stand behind `trusted`");
    if (e == ERR_OK)
        e = check_trust(p, rules, &word[1], word[2].text);
    if (e == ERR_OK)
        e = authority_rules_add(rules, word[0].text, word[1].text, word[2].text);
    return e == ERR_BOUND ? line_refuse(p, 1, "more than %d rules", RULES_MAX) : e;
}

static enum error take_rule(void *rules, struct line_parser *p)
{
    return rule_from_line(rules, p);
}

enum error authority_rules_read(const char *path, struct authority_rules *out,
                                struct authority_rules_fault *fault)
{
    struct authority_rules rules = {0};
    enum error e = lines_read(path, take_rule, &rules, fault);
    if (e == ERR_OK)
        *out = rules;
    else
        authority_rules_free(&rules);
    return e;
}
