/* Which thread belongs to which domain: rules from a file, else the convention of names. */
#include "authority/graph.h"

#include <ctype.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024, RULES_MAX = 10000 };

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

void authority_rules_free(struct authority_rules *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        free(rules->rules[i].pattern);
        free(rules->rules[i].domain);
    }
    free(rules->rules);
    *rules = (struct authority_rules){0};
}

static bool name_is_plain(const char *name)
{
    for (; *name; name++)
        if (!isgraph((unsigned char)*name))
            return false;
    return true;
}

static enum error rule_from_line(struct authority_rules *rules, char *line)
{
    char *save = NULL;
    line[strcspn(line, "#\n")] = '\0';
    char *pattern = strtok_r(line, " \t\r", &save);
    if (!pattern)
        return ERR_OK;
    char *domain = strtok_r(NULL, " \t\r", &save);
    char *word = strtok_r(NULL, " \t\r", &save);
    if (!domain || !name_is_plain(domain) || (word && strcmp(word, "trusted") != 0))
        return ERR_FORMAT;
    return authority_rules_add(rules, pattern, domain, word != NULL);
}

enum error authority_rules_read(const char *path, struct authority_rules *out, uint32_t *line)
{
    char text[LINE_MAX_BYTES];
    struct authority_rules rules = {0};
    enum error e = ERR_OK;
    *line = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        return ERR_IO;
    while (e == ERR_OK && fgets(text, sizeof(text), f)) {
        ++*line;
        e = strchr(text, '\n') || feof(f) ? rule_from_line(&rules, text) : ERR_FORMAT;
    }
    if (e == ERR_OK && ferror(f))
        e = ERR_IO;
    fclose(f);
    if (e == ERR_OK)
        *out = rules;
    else
        authority_rules_free(&rules);
    return e;
}

/* --- naming threads --- */

static enum error domain_get(struct authority *a, const char *name, bool trusted, bool named,
                             int32_t *out)
{
    int32_t known = authority_domain_named(a, name);
    if (known >= 0) {
        *out = known;
        return ERR_OK;
    }
    struct authority_domain *grown =
        realloc(a->domains, (a->domain_count + 1) * sizeof(*a->domains));
    if (!grown)
        return ERR_NO_MEMORY;
    a->domains = grown;
    char *copy = strdup(name);
    if (!copy)
        return ERR_NO_MEMORY;
    grown[a->domain_count] = (struct authority_domain){copy, trusted, named, 0};
    *out = (int32_t)a->domain_count++;
    return ERR_OK;
}

static enum error name_one(struct authority *a, const struct authority_rules *rules, uint32_t i)
{
    char name[RECORD_STRING_MAX * 4 + 1];
    const struct capstate_thread *t = &a->state->threads[i];
    for (uint32_t r = 0; rules && r < rules->count; r++)
        if (fnmatch(rules->rules[r].pattern, t->label, 0) == 0)
            return domain_get(a, rules->rules[r].domain, rules->rules[r].trusted, true,
                              &a->thread_domain[i]);
    size_t length = strcspn(t->label, "/");
    if (t->label[0] == '\0' || length == 0)
        return ERR_OK;
    memcpy(name, t->label, length);
    name[length] = '\0';
    return domain_get(a, name, t->label[length] != '/', true, &a->thread_domain[i]);
}

enum error authority_name_threads(struct authority *a, const struct authority_rules *rules)
{
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        a->thread_domain[i] = AUTHORITY_NO_DOMAIN;
        if (a->state->threads[i].rec.idle || a->state->threads[i].object < 0)
            continue;
        enum error e = name_one(a, rules, i);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

/* The only domain among the threads of an island that counts; -1 when none or several. */
static int32_t island_domain(const struct authority *a, int32_t island)
{
    int32_t only = -1;
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        int32_t d = a->thread_domain[i];
        if (!authority_counts(a, d, false) || !a->domains[d].named ||
            a->island[a->state->threads[i].object] != island)
            continue;
        if (only >= 0 && only != d)
            return -1;
        only = d;
    }
    return only;
}

enum error authority_name_rest(struct authority *a)
{
    const struct capstate *s = a->state;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        if (a->thread_domain[i] >= 0 || s->threads[i].rec.idle || s->threads[i].object < 0)
            continue;
        int32_t island = a->island[s->threads[i].object];
        int32_t d = island_domain(a, island);
        if (d < 0) {
            char name[32];
            uint64_t lowest = s->threads[i].rec.addr;
            for (uint32_t k = 0; k < s->thread_count; k++)
                if (s->threads[k].object >= 0 && a->island[s->threads[k].object] == island &&
                    s->threads[k].rec.addr < lowest)
                    lowest = s->threads[k].rec.addr;
            snprintf(name, sizeof(name), "island-0x%" PRIx64, lowest);
            enum error e = domain_get(a, name, false, false, &d);
            if (e != ERR_OK)
                return e;
        }
        a->thread_domain[i] = d;
    }
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (a->thread_domain[i] >= 0)
            a->domains[a->thread_domain[i]].threads++;
    return ERR_OK;
}
