/* policy, and check by one: what may pass between domains, as a file under version control. */
#include "capdb/spans.h"

#include "authority/policy.h"
#include "capdb/junit.h"
#include "capdb/managers.h"
#include "capdb/store.h"
#include "lib/plural.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024, LINE_BYTES = 2048 };

/* --- policy ---------------------------------------------------------------------------------- */

static void range(const struct options *o, const struct view *v, uint32_t *first, uint32_t *last)
{
    bool all = o->all || o->from || o->to;
    *first = all ? range_first(o) : v->n;
    *last = all ? range_last(o, v) : v->n;
}

static enum status gather(struct options *o, struct view *v, struct policy *p)
{
    uint32_t first, last;
    enum status s = STATUS_YES;
    range(o, v, &first, &last);
    for (uint32_t n = first; s == STATUS_YES && n <= last; n++) {
        if (v->n != n)
            s = dbview_load(o, v, n);
        if (s == STATUS_YES)
            dbview_doubt(o, v);
        if (s == STATUS_YES && policy_add(p, &v->authority) != ERR_OK)
            s = command_complain(o->run, "out of memory");
    }
    return s;
}

/* A file that says of one name that it is left out and that it is compared is none. */
static const char *says_both(const struct policy *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        for (uint32_t k = 0; p->line[i].statement == POLICY_MANAGER && k < p->count; k++)
            if (p->line[k].statement == POLICY_DOMAIN &&
                strcmp(p->line[i].from, p->line[k].from) == 0)
                return p->line[i].from;
    return NULL;
}

static enum status write_policy(const struct options *o, const struct policy *p)
{
    struct outfile f;
    const char *both = says_both(p);
    if (both)
        return command_complain(
            o->run,
            "%s is a manager in some snapshots and compared in others, and a "
            "policy can say one of it; --domains judges all by one set of rules",
            both);
    if (command_begin_output(o, &f) != STATUS_YES)
        return STATUS_UNKNOWN;
    policy_write(f.file, p); /* what went wrong shows at the end */
    return command_end_output(o, &f, STATUS_YES);
}

enum status command_policy(struct options *o)
{
    struct view v;
    struct policy p = {.strict = o->strict};
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = gather(o, &v, &p);
    if (s == STATUS_YES)
        s = write_policy(o, &p);
    policy_free(&p);
    dbview_close(&v);
    return s;
}

/* --- check --policy -------------------------------------------------------------------------- */

struct gate {
    struct options *o;
    struct view *v;
    struct policy policy;
    struct output *out;
    struct junit *junit;
    bool strict;
    struct spans spans; /* of a range: what goes on from snapshot to snapshot counts once */
    uint32_t outside, breaches, doubts;
    uint32_t allowed; /* breaches of isolation that the policy allows */
    uint32_t unused;
    uint32_t domains; /* the most that were compared */
    struct managers managers;
};

static enum status policy_open(const char *path, struct policy *out)
{
    struct authority_rules_fault fault;
    enum error e = policy_read(path, out, &fault);
    if (e == ERR_FORMAT)
        return command_complain(path, "line %u, column %u: %s", fault.line, fault.column,
                                fault.sentence);
    if (e == ERR_NO_MEMORY)
        return command_complain(path, "out of memory");
    return e == ERR_OK ? STATUS_YES : command_complain(path, "%s", fault.sentence);
}

static void begin_row(const struct gate *g, const char *finding, const char *from, const char *to)
{
    output_int(g->out, g->v->n);
    output_text(g->out, finding);
    output_text(g->out, from);
    output_text(g->out, to ? to : "-");
}

static void edge_cell(const struct gate *g, int32_t edge)
{
    char text[TEXT_BYTES];
    output_text(g->out,
                edge < 0 ? "-" : authority_edge_text(&g->v->authority, edge, text, sizeof(text)));
}

static void line_cell(const struct gate *g, const struct policy_line *line)
{
    if (line)
        output_int(g->out, line->number);
    else
        output_text(g->out, "-");
}

static void outside_cells(const struct gate *g, const struct policy_outside *x)
{
    char text[TEXT_BYTES];
    const struct policy_crossing *c = &x->crossing;
    output_text(g->out, c->object < 0
                            ? "-"
                            : capstate_object_text(&g->v->state, c->object, text, sizeof(text)));
    edge_cell(g, c->edge_a);
    edge_cell(g, c->edge_b);
}

static void outside_row(struct gate *g, const struct policy_outside *x)
{
    char line[LINE_BYTES];
    char sentence[2 * LINE_BYTES];
    const struct policy_crossing *c = &x->crossing;
    policy_line_text(&x->wanted, line, sizeof(line));
    snprintf(sentence, sizeof(sentence), "%s %s%s%s%s", c->from, policy_verb_sentence(c->verb),
             c->to ? " " : "", c->to ? c->to : "", x->line ? ", by more than the line allows" : "");
    begin_row(g, "outside", c->from, c->to);
    output_text(g->out, sentence);
    outside_cells(g, x);
    line_cell(g, x->line);
    output_text(g->out, line);
    output_row(g->out);
    g->outside += spans_note(&g->spans, g->v->n, "outside", line);
    junit_case(g->junit, JUNIT_FAILED, line, sentence);
}

static void breach_case(struct gate *g, const struct authority_breach *b)
{
    char object[TEXT_BYTES];
    char name[2 * TEXT_BYTES];
    snprintf(name, sizeof(name), "%s %s", authority_breach_name(b->kind),
             breach_object_text(g->v, b, object, sizeof(object)));
    junit_case(g->junit, b->weight == AUTHORITY_DOUBT ? JUNIT_ERROR : JUNIT_FAILED, name,
               authority_breach_sentence(b->kind));
}

/* What no policy can allow: the promises of Retype; and what makes a verdict worth nothing. */
static void breach_row(struct gate *g, const struct authority_breach *b)
{
    bool doubt = b->weight == AUTHORITY_DOUBT;
    char other[TEXT_BYTES];
    begin_row(g, doubt ? "doubt" : "breach", domain_name(g->v, b->domain_a),
              breach_other_text(g->v, b, other, sizeof(other)));
    output_text(g->out, authority_breach_sentence(b->kind));
    breach_object_cell(g->out, g->v, b);
    breach_slot_cell(g->out, g->v, b->slot_a);
    breach_slot_cell(g->out, g->v, b->slot_b);
    output_text(g->out, "-");
    output_text(g->out, "-");
    output_row(g->out);
    breach_case(g, b);
}

/* As check has intervals of breaches. */
static bool begins(struct gate *g, const struct authority_breach *b)
{
    char other[TEXT_BYTES], object[TEXT_BYTES], about[3 * TEXT_BYTES];
    snprintf(about, sizeof(about), "%s\n%s\n%s", domain_name(g->v, b->domain_a),
             breach_other_text(g->v, b, other, sizeof(other)),
             breach_object_text(g->v, b, object, sizeof(object)));
    return spans_note(&g->spans, g->v->n, authority_breach_name(b->kind), about);
}

static void judge_breach(struct gate *g, const struct authority_breach *b)
{
    bool between = b->weight == AUTHORITY_BREACH && b->domain_a >= 0;
    bool new = b->weight != AUTHORITY_NOTE &&begins(g, b);
    if (between)
        g->allowed += new;
    else if (b->weight == AUTHORITY_BREACH)
        g->breaches += new;
    else if (b->weight == AUTHORITY_DOUBT)
        g->doubts += new;
    if (!between && b->weight != AUTHORITY_NOTE)
        breach_row(g, b);
}

static enum status judge_verdict(struct gate *g)
{
    struct authority_verdict verdict;
    if (authority_check(&g->v->authority, g->strict, &verdict) != ERR_OK)
        return command_complain(g->o->run, "out of memory");
    for (uint32_t i = 0; i < verdict.count; i++)
        judge_breach(g, &verdict.breach[i]);
    g->domains = verdict.domains > g->domains ? verdict.domains : g->domains;
    authority_verdict_free(&verdict);
    return STATUS_YES;
}

static enum status judge_snapshot(struct gate *g)
{
    struct policy_judgement j;
    if (policy_judge(&g->policy, &g->v->authority, g->strict, &j) != ERR_OK)
        return command_complain(g->o->run, "out of memory");
    for (uint32_t i = 0; i < j.count; i++)
        outside_row(g, &j.outside[i]);
    policy_judgement_free(&j);
    managers_add(&g->managers, &g->v->authority);
    return judge_verdict(g);
}

/* A line that nothing uses is a note: what it allows is not there any more. */
static void line_row(struct gate *g, const struct policy_line *l)
{
    char text[LINE_BYTES];
    char sentence[96] = "nothing uses this line";
    if (l->used)
        snprintf(sentence, sizeof(sentence), "no more than %" PRIu64 " of it is used", l->used);
    policy_line_text(l, text, sizeof(text));
    begin_row(g, l->used ? "spare" : "unused", l->from, l->to);
    output_text(g->out, sentence);
    for (int i = 0; i < 3; i++)
        output_text(g->out, "-");
    line_cell(g, l);
    output_text(g->out, text);
    output_row(g->out);
    g->unused += l->used == 0;
}

static void judge_lines(struct gate *g)
{
    char text[LINE_BYTES];
    for (uint32_t i = 0; i < g->policy.count; i++) {
        const struct policy_line *l = &g->policy.line[i];
        bool allows_more = l->used < (l->statement == POLICY_ALLOW ? l->amount : 1);
        if (allows_more)
            line_row(g, l);
        policy_line_text(l, text, sizeof(text));
        bool exceeded = l->statement == POLICY_ALLOW && l->used > l->amount;
        if (!exceeded) /* else it is a failed case already */
            junit_case(g->junit, l->used ? JUNIT_PASSED : JUNIT_SKIPPED, text,
                       "nothing uses this line");
    }
}

static uint32_t domains_named(const struct policy *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++)
        count += p->line[i].statement == POLICY_DOMAIN;
    return count;
}

/* A system that did not come up has nothing outside a policy. */
static bool has_nothing(const struct gate *g)
{
    return g->outside + g->breaches == 0 &&
           (g->domains == 0 || (g->domains < 2 && domains_named(&g->policy) >= 2));
}

static void verdict_row(struct gate *g)
{
    char who[TEXT_BYTES];
    char sentence[2 * TEXT_BYTES];
    uint32_t bad = g->outside + g->breaches;
    begin_row(g, "verdict", "", "");
    char allowed[64] = "";
    if (bad == 0 && g->allowed)
        snprintf(allowed, sizeof(allowed), "; the policy allows %u breach%s of isolation",
                 g->allowed, plural_es(g->allowed));
    snprintf(sentence, sizeof(sentence),
             "%s: %u outside, %u breach%s of what Retype promises, %u line%s unused%s; %s",
             g->doubts        ? "could not tell"
             : bad            ? "OUTSIDE THE POLICY"
             : has_nothing(g) ? "nothing to compare"
                              : "within the policy",
             g->outside, g->breaches, plural_es(g->breaches), g->unused, plural_s(g->unused),
             allowed, managers_text(&g->managers, g->strict, who, sizeof(who)));
    output_text(g->out, sentence);
    output_row(g->out);
    junit_sentence(g->junit, sentence);
}

/* Doubts come first. */
static enum status conclude(struct gate *g)
{
    uint32_t expected = domains_named(&g->policy);
    if (g->doubts)
        return command_complain(g->o->run, "cannot be told: %u doubt%s about what was read",
                                g->doubts, plural_s(g->doubts));
    if (g->outside + g->breaches)
        return STATUS_NO;
    if (has_nothing(g)) {
        junit_case(g->junit, JUNIT_ERROR, "domains", "nothing to compare");
        return command_complain(g->o->run, "nothing to compare: %u domain%s, the policy names %u",
                                g->domains, plural_s(g->domains), expected);
    }
    return STATUS_YES;
}

static enum status judge_all(struct gate *g)
{
    static const char *const columns[] = {"#n",      "finding", "from",      "to",
                                          "meaning", "object",  "witness_a", "witness_b",
                                          "#line",   "allow",   NULL};
    uint32_t first, last;
    enum status s = STATUS_YES;
    struct capdb_run run = {0};
    range(g->o, g->v, &first, &last);
    g->out = output_begin(stdout, output_default, columns);
    for (uint32_t n = first; s == STATUS_YES && n <= last; n++) {
        s = spans_enter(&g->spans, g->o, g->v, n, &run);
        if (s == STATUS_YES && g->v->n != n)
            s = dbview_load(g->o, g->v, n);
        if (s == STATUS_YES)
            s = judge_snapshot(g);
    }
    if (s == STATUS_YES) {
        judge_lines(g);
        verdict_row(g);
        s = conclude(g);
    }
    if (!output_end(g->out))
        s = command_unwritten(g->o);
    return s;
}

enum status check_by_policy(struct options *o, struct junit *junit)
{
    struct view v;
    struct gate g = {.o = o, .v = &v, .junit = junit};
    enum status s = policy_open(o->policy, &g.policy);
    if (s == STATUS_YES)
        s = dbview_open(o, &v);
    if (s == STATUS_YES) {
        g.strict = o->strict || g.policy.strict;
        s = judge_all(&g);
        dbview_close(&v);
    }
    spans_free(&g.spans);
    managers_free(&g.managers);
    policy_free(&g.policy);
    return s;
}
