/* Policies: making one of what is there, writing it, judging a state by one. */
#include "authority/policy.h"
#include "lib/array.h"
#include "capstate/size.h"

#include "record/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *policy_verb_word(enum policy_verb verb)
{
    static const char *const words[] = {
#define X(NAME, word, sentence) [POLICY_##NAME] = word,
        POLICY_VERB_LIST(X)
#undef X
    };
    return verb < POLICY_VERBS ? words[verb] : "?";
}

const char *policy_verb_sentence(enum policy_verb verb)
{
    static const char *const sentences[] = {
#define X(NAME, word, sentence) [POLICY_##NAME] = sentence,
        POLICY_VERB_LIST(X)
#undef X
    };
    return verb < POLICY_VERBS ? sentences[verb] : "is not in the policy";
}

void policy_free(struct policy *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        free(p->line[i].from);
        free(p->line[i].to);
    }
    free(p->line);
    *p = (struct policy){0};
}

/* --- lines in order --- */

static int order(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Amounts and numbers are no part of what a line is about. */
static int line_compare(const void *pa, const void *pb)
{
    const struct policy_line *a = pa;
    const struct policy_line *b = pb;
    int o = order(a->statement, b->statement);
    if (o == 0)
        o = strcmp(a->from, b->from);
    if (o || a->statement != POLICY_ALLOW)
        return o;
    o = order(a->verb, b->verb);
    if (o == 0)
        o = strcmp(a->to, b->to);
    return o ? o : order(a->type, b->type);
}

static enum error line_add(struct policy *p, const struct policy_line *line)
{
    struct policy_line copy = *line;
    struct policy_line *grown = array_room(p->line, p->count, &p->room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    p->line = grown;
    copy.from = strdup(line->from);
    copy.to = line->to ? strdup(line->to) : NULL;
    if (!copy.from || (line->to && !copy.to)) {
        free(copy.from);
        free(copy.to);
        return ERR_NO_MEMORY;
    }
    p->line[p->count++] = copy;
    return ERR_OK;
}

static struct policy_line line_of(const struct policy_crossing *c)
{
    return (struct policy_line){.statement = POLICY_ALLOW,
                                .from = (char *)(uintptr_t)c->from,
                                .to = (char *)(uintptr_t)c->to,
                                .verb = c->verb,
                                .type = c->type,
                                .amount = c->amount};
}

static struct policy_line line_naming(const struct authority_domain *d)
{
    return (struct policy_line){.statement = d->trusted ? POLICY_MANAGER : POLICY_DOMAIN,
                                .from = d->name};
}

/* --- making one --- */

/* The lines that were there are in order up to `sorted`. */
static enum error line_merge(struct policy *p, uint32_t sorted, const struct policy_line *line)
{
    struct policy_line *found =
        sorted ? bsearch(line, p->line, sorted, sizeof(*p->line), line_compare) : NULL;
    if (!found)
        return line_add(p, line);
    if (found->amount < line->amount)
        found->amount = line->amount;
    return ERR_OK;
}

enum error policy_add(struct policy *p, const struct authority *a)
{
    struct policy_crossings c;
    uint32_t sorted = p->count;
    enum error e = policy_crossings(a, p->strict, &c);
    for (uint32_t i = 0; e == ERR_OK && i < a->domain_count; i++) {
        struct policy_line line = line_naming(&a->domains[i]);
        if (a->domains[i].threads)
            e = line_merge(p, sorted, &line);
    }
    for (uint32_t i = 0; e == ERR_OK && i < c.count; i++) {
        struct policy_line line = line_of(&c.crossing[i]);
        e = line_merge(p, sorted, &line);
    }
    policy_crossings_free(&c);
    if (e == ERR_OK && p->count)
        qsort(p->line, p->count, sizeof(*p->line), line_compare);
    return e;
}

/* --- writing --- */

/* A word, in quotes if it would be read as something else. */
static size_t put_word(char *buf, size_t size, const char *word)
{
    size_t used = 0;
    bool quote = word[0] == '\0' || word[0] == '#' || strpbrk(word, " \t\"");
    if (!quote)
        return (size_t)snprintf(buf, size, "%s", word);
    used += (size_t)snprintf(buf, size, "\"");
    for (; *word && used + 4 < size; word++)
        used += (size_t)snprintf(buf + used, size - used, "%s%c",
                                 *word == '"' || *word == '\\' ? "\\" : "", *word);
    return used + (size_t)snprintf(buf + used, size - used, "\"");
}

static void put_amount(char *buf, size_t size, const struct policy_line *l)
{
    char text[SIZE_TEXT];
    if (l->type == RECORD_CAP_FRAME)
        snprintf(buf, size, "%s", size_exact(l->amount, text));
    else
        snprintf(buf, size, "%" PRIu64, l->amount);
}

static const char *type_word(uint32_t type, char buf[16])
{
    const char *name = record_cap_name(type);
    if (type == RECORD_CAP_NULL)
        return "island";
    if (strcmp(name, "?") != 0)
        return name;
    snprintf(buf, 16, "type%" PRIu32, type);
    return buf;
}

char *policy_line_text(const struct policy_line *l, char *buf, size_t size)
{
    static const char *const words[] = {"manager ", "domain ", "allow "};
    char amount[32];
    char type[16];
    size_t used = (size_t)snprintf(buf, size, "%s", words[l->statement]);
    if (used < size)
        used += put_word(buf + used, size - used, l->from);
    if (l->statement != POLICY_ALLOW || used >= size)
        return buf;
    used += (size_t)snprintf(buf + used, size - used, " %s ", policy_verb_word(l->verb));
    if (used < size)
        used += put_word(buf + used, size - used, l->to);
    put_amount(amount, sizeof(amount), l);
    if (used < size)
        snprintf(buf + used, size - used, " %s %s", amount, type_word(l->type, type));
    return buf;
}

static const char introduction[] =
    "# What may pass between the domains of this system (docs/policy.md). Made by `capdb policy`,\n"
    "# to be reviewed; `capdb check RUN --policy FILE` fails on whatever is not allowed here.\n"
    "#   allow FROM VERB TO AMOUNT OBJECTS    VERB: signal, send, call, grant (capabilities), "
    "write\n"
    "#   (what TO reads), control, share (the same object), cover (by untyped memory), join\n"
    "policy 1\n";

static const char *const headings[] = {"\n# Trusted: what they do themselves is left out.\n",
                                       "\n# Compared with each other.\n",
                                       "\n# What may pass, at most so much of it.\n"};

bool policy_write(FILE *f, const struct policy *p)
{
    char text[2048];
    fputs(introduction, f);
    if (p->strict)
        fputs("strict # nobody is left out\n", f);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct policy_line *l = &p->line[i];
        if (i == 0 || l->statement != l[-1].statement)
            fputs(headings[l->statement], f);
        else if (l->statement == POLICY_ALLOW && strcmp(l->from, l[-1].from) != 0)
            fputc('\n', f);
        fprintf(f, "%s\n", policy_line_text(l, text, sizeof(text)));
    }
    return fflush(f) == 0 && !ferror(f);
}

/* --- judging --- */

/* The lines of a policy in the order of line_compare(). */
struct index {
    struct policy_line **line;
    uint32_t count;
};

static int pointer_compare(const void *pa, const void *pb)
{
    return line_compare(*(struct policy_line *const *)pa, *(struct policy_line *const *)pb);
}

static bool index_make(struct index *x, struct policy *p)
{
    x->line = malloc((p->count + 1) * sizeof(struct policy_line *));
    if (!x->line)
        return false;
    for (uint32_t i = 0; i < p->count; i++)
        x->line[x->count++] = &p->line[i];
    qsort(x->line, x->count, sizeof(struct policy_line *), pointer_compare);
    return true;
}

static struct policy_line *index_find(const struct index *x, const struct policy_line *wanted)
{
    struct policy_line **found =
        bsearch(&wanted, x->line, x->count, sizeof(struct policy_line *), pointer_compare);
    return found ? *found : NULL;
}

static void use(struct policy_line *line, uint64_t amount)
{
    if (line && line->used < amount)
        line->used = amount;
}

/* The judgement has room for everything that can be outside. */
static void judge_domain(const struct index *x, const struct authority_domain *d,
                         struct policy_judgement *out)
{
    struct policy_line wanted = line_naming(d);
    struct policy_line *line = index_find(x, &wanted);
    use(line, 1);
    if (!line)
        out->outside[out->count++] = (struct policy_outside){
            {.from = d->name, .verb = POLICY_VERBS, .object = -1, .edge_a = -1, .edge_b = -1},
            NULL,
            wanted};
}

static void judge_crossing(const struct index *x, const struct policy_crossing *c,
                           struct policy_judgement *out)
{
    struct policy_line wanted = line_of(c);
    struct policy_line *line = index_find(x, &wanted);
    use(line, c->amount);
    if (!line || line->amount < c->amount)
        out->outside[out->count++] = (struct policy_outside){*c, line, wanted};
}

enum error policy_judge(struct policy *p, const struct authority *a, bool strict,
                        struct policy_judgement *out)
{
    struct policy_crossings c;
    struct index x = {0};
    *out = (struct policy_judgement){0};
    enum error e = policy_crossings(a, strict || p->strict, &c);
    if (e != ERR_OK)
        return e;
    out->outside = calloc(c.count + a->domain_count + 1, sizeof(*out->outside));
    if (out->outside && index_make(&x, p)) {
        for (uint32_t i = 0; i < a->domain_count; i++)
            if (a->domains[i].threads)
                judge_domain(&x, &a->domains[i], out);
        for (uint32_t i = 0; i < c.count; i++)
            judge_crossing(&x, &c.crossing[i], out);
    } else {
        e = ERR_NO_MEMORY;
    }
    free(x.line);
    policy_crossings_free(&c);
    if (e != ERR_OK)
        policy_judgement_free(out);
    return e;
}

void policy_judgement_free(struct policy_judgement *j)
{
    free(j->outside);
    *j = (struct policy_judgement){0};
}
