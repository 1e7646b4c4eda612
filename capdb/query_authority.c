/* path, can, check: verdicts, each with the slots that show it and the managers left out. */
#include "capdb/command.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024, PATH_BYTES = 4096 };

static enum status finish(struct options *o, struct output *out, enum status s)
{
    if (!output_end(out))
        return command_complain(o->run, "output could not be written");
    return s;
}

/* "strict", or who is left out. */
static const char *assumption(const struct view *v, bool strict, char *buf, size_t size)
{
    char names[TEXT_BYTES / 2];
    if (strict)
        snprintf(buf, size, "strict: nobody is trusted");
    else
        snprintf(buf, size, "trusted managers left out: %s",
                 authority_managers_text(&v->authority, names, sizeof(names)));
    return buf;
}

/* What stands for a thing at the end of a path: for a domain, all that is its own. */
static void mark_end(const struct view *v, const struct thing *t, bool *mark)
{
    thing_mark(v, t, mark);
    if (t->kind != THING_DOMAIN)
        return;
    for (uint32_t i = 0; i < v->state.object_count; i++) {
        uint32_t type = v->state.objects[i].type;
        bool own =
            type == RECORD_CAP_CNODE || type == RECORD_CAP_TCB || type == RECORD_CAP_PAGE_DIRECTORY;
        mark[i] |= own && v->authority.home[i] == t->domain;
    }
}

static void step_row(struct output *out, const struct view *v, uint32_t number,
                     const struct authority_step *step)
{
    const struct authority_edge *e = &v->authority.edges[step->edge];
    char text[TEXT_BYTES];
    output_int(out, number);
    output_text(out, capstate_object_text(&v->state, step->backwards ? e->to : e->from, text,
                                          sizeof(text)));
    output_format(out, "%s%s", step->backwards ? "<-" : "", authority_edge_name(e->kind));
    output_text(out, capstate_object_text(&v->state, step->backwards ? e->from : e->to, text,
                                          sizeof(text)));
    if (e->slot >= 0)
        output_hex(out, v->state.slots[e->slot].rec.addr);
    else
        output_text(out, "-");
    if (e->slot >= 0)
        output_text(out, capstate_place_text(&v->state, e->slot, text, sizeof(text)));
    else if (e->mapping >= 0)
        output_format(out, "mapped at 0x%" PRIx64, v->state.mappings[e->mapping].vaddr);
    else
        output_text(out, "by the thread's state");
    output_row(out);
}

static bool *new_marks(const struct view *v)
{
    size_t size = (v->state.object_count + 1) * sizeof(bool);
    bool *marks = output_alloc(NULL, size);
    memset(marks, 0, size);
    return marks;
}

static enum status show_path(struct options *o, struct view *v, const bool *from, const bool *to)
{
    static const char *const columns[] = {"#step", "from", "edge", "to", "slot", "place", NULL};
    struct authority_step *steps;
    uint32_t count;
    char text[TEXT_BYTES];
    enum error e = authority_path(&v->authority, from, to,
                                  o->flow ? AUTHORITY_PATH_FLOW : AUTHORITY_PATH_AUTHORITY,
                                  o->strict, &steps, &count);
    if (e == ERR_NO_MEMORY)
        return command_complain(o->run, "out of memory");
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++)
        step_row(out, v, i + 1, &steps[i]);
    if (e == ERR_OK)
        free(steps);
    else
        fprintf(stderr, "capdb: %s: snapshot %u: no %s path from %s to %s (%s)\n", o->run, v->n,
                o->flow ? "flow" : "authority", o->operand[0], o->operand[1],
                assumption(v, o->strict, text, sizeof(text)));
    return finish(o, out, e == ERR_OK ? STATUS_YES : STATUS_NO);
}

enum status command_path(struct options *o)
{
    struct view v;
    struct thing from;
    struct thing to;
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = STATUS_UNKNOWN;
    if (thing_find(o, &v, o->operand[0], &from) && thing_find(o, &v, o->operand[1], &to)) {
        bool *starts = new_marks(&v);
        bool *ends = new_marks(&v);
        thing_mark(&v, &from, starts);
        mark_end(&v, &to, ends);
        s = show_path(o, &v, starts, ends);
        free(starts);
        free(ends);
    }
    dbview_close(&v);
    return s;
}

/* --- can --- */

enum wanted { WANT_READ, WANT_WRITE, WANT_GRANT, WANT_CONTROL, WANT_NOTHING };

static enum wanted parse_right(const char *text)
{
    static const struct {
        const char *name;
        enum wanted wanted;
    } names[] = {{"read", WANT_READ},      {"r", WANT_READ},      {"write", WANT_WRITE},
                 {"w", WANT_WRITE},        {"grant", WANT_GRANT}, {"g", WANT_GRANT},
                 {"control", WANT_CONTROL}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i].name, text) == 0)
            return names[i].wanted;
    return WANT_NOTHING;
}

static bool edge_gives(const struct view *v, const struct authority_edge *e, enum wanted wanted)
{
    bool control = e->kind == AUTHORITY_CONTROL || e->kind == AUTHORITY_TABLE;
    switch (wanted) {
    case WANT_READ:
        return e->kind == AUTHORITY_READ || control;
    case WANT_WRITE:
        return e->kind == AUTHORITY_WRITE || control;
    case WANT_GRANT:
        return e->kind == AUTHORITY_WRITE && e->slot >= 0 &&
               (v->state.slots[e->slot].rec.rights & RECORD_RIGHT_GRANT);
    case WANT_CONTROL:
        return control || e->kind == AUTHORITY_COVER;
    case WANT_NOTHING:
        break;
    }
    return false;
}

/* The operation by which authority passes along a step, seen from the subject. */
static const char *operation(const struct view *v, const struct authority_step *step)
{
    const struct authority_edge *e = &v->authority.edges[step->edge];
    switch (e->kind) {
    case AUTHORITY_CONTROL:
        if (v->state.objects[e->to].type == RECORD_CAP_CNODE)
            return step->backwards ? "its other holder copies capabilities into it (CNode_Copy)"
                                   : "copy capabilities out of it (CNode_Copy)";
        if (v->state.objects[e->to].type == RECORD_CAP_TCB)
            return step->backwards ? "its controller sets its CSpace (TCB_SetSpace)"
                                   : "run code as this thread (TCB_WriteRegisters)";
        if (v->state.objects[e->to].type == RECORD_CAP_UNTYPED)
            return step->backwards ? "the untyped's other holder acts" : "retype or revoke it";
        return step->backwards ? "its other holder acts" : "use it";
    case AUTHORITY_COVER:
        return step->backwards ? "the untyped's holder revokes" : "revoke, then retype its memory";
    case AUTHORITY_TABLE:
        return "change its translations (Page_Map)";
    case AUTHORITY_REPLY_GRANT:
        return step->backwards ? "receive capabilities in its reply" : "reply with capabilities";
    case AUTHORITY_GRANT:
        return step->backwards ? "receive capabilities from the sender"
                               : "send capabilities through it (Send)";
    case AUTHORITY_GRANT_RECV:
        return step->backwards ? "send capabilities to the receiver" : "the receiver takes them";
    default:
        return "use it";
    }
}

struct question {
    struct options *o;
    struct view *v;
    enum wanted wanted;
    bool *subject, *object, *holders; /* holders: of a capability that gives what is wanted */
};

static void mark_holders(struct question *q)
{
    for (uint32_t i = 0; i < q->v->authority.edge_count; i++) {
        const struct authority_edge *e = &q->v->authority.edges[i];
        if (q->object[e->to] && edge_gives(q->v, e, q->wanted))
            q->holders[e->from] = true;
    }
}

static int32_t giving_edge(const struct question *q, int32_t holder)
{
    const struct authority *a = &q->v->authority;
    for (uint32_t i = a->first_edge[holder]; i < a->first_edge[holder + 1]; i++)
        if (q->object[a->edges[i].to] && edge_gives(q->v, &a->edges[i], q->wanted))
            return (int32_t)i;
    return -1;
}

static int32_t path_end(const struct question *q, const struct authority_step *steps,
                        uint32_t count)
{
    if (count > 0) {
        const struct authority_edge *e = &q->v->authority.edges[steps[count - 1].edge];
        return steps[count - 1].backwards ? e->from : e->to;
    }
    for (uint32_t i = 0; i < q->v->state.object_count; i++)
        if (q->subject[i] && q->holders[i])
            return (int32_t)i;
    return -1;
}

static void can_row(struct output *out, struct question *q, uint32_t number,
                    const struct authority_step *step, const char *what)
{
    char text[TEXT_BYTES];
    output_int(out, number);
    output_text(out, what);
    output_text(out, authority_edge_text(&q->v->authority, step->edge, text, sizeof(text)));
    output_row(out);
}

static enum status answer(struct question *q)
{
    static const char *const columns[] = {"#step", "operation", "because", NULL};
    struct authority_step *steps;
    uint32_t count;
    char text[TEXT_BYTES];
    mark_holders(q);
    enum error e = authority_path(&q->v->authority, q->subject, q->holders, AUTHORITY_PATH_ISLAND,
                                  q->o->strict, &steps, &count);
    if (e == ERR_NO_MEMORY)
        return command_complain(q->o->run, "out of memory");
    struct output *out = output_begin(stdout, output_default, columns);
    if (e == ERR_OK) {
        for (uint32_t i = 0; i < count; i++)
            can_row(out, q, i + 1, &steps[i], operation(q->v, &steps[i]));
        struct authority_step last = {giving_edge(q, path_end(q, steps, count)), false};
        if (last.edge >= 0)
            can_row(out, q, count + 1, &last, q->o->operand[1]);
        free(steps);
    }
    fprintf(stderr, "capdb: %s: snapshot %u: %s %s %s %s (%s)\n", q->o->run, q->v->n,
            q->o->operand[0], e == ERR_OK ? "could gain" : "can never gain", q->o->operand[1],
            q->o->operand[2], assumption(q->v, q->o->strict, text, sizeof(text)));
    return finish(q->o, out, e == ERR_OK ? STATUS_YES : STATUS_NO);
}

enum status command_can(struct options *o)
{
    struct view v;
    struct thing subject;
    struct thing object;
    struct question q = {.o = o, .v = &v, .wanted = parse_right(o->operand[1])};
    if (q.wanted == WANT_NOTHING)
        return command_complain(NULL, "%s: a right is read, write, grant or control",
                                o->operand[1]);
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = STATUS_UNKNOWN;
    if (thing_find(o, &v, o->operand[0], &subject) && thing_find(o, &v, o->operand[2], &object)) {
        q.subject = new_marks(&v);
        q.object = new_marks(&v);
        q.holders = new_marks(&v);
        thing_mark(&v, &subject, q.subject);
        thing_mark(&v, &object, q.object);
        s = answer(&q);
        free(q.subject);
        free(q.object);
        free(q.holders);
    }
    dbview_close(&v);
    return s;
}

/* --- check --- */

static void slot_cell(struct output *out, const struct view *v, int32_t slot)
{
    char text[TEXT_BYTES / 2];
    char place[TEXT_BYTES / 2];
    if (slot < 0) {
        output_text(out, "-");
        return;
    }
    output_format(out, "0x%08" PRIx64 " %s: %s", v->state.slots[slot].rec.addr,
                  capstate_place_text(&v->state, slot, place, sizeof(place)),
                  capstate_slot_text(&v->state, slot, text, sizeof(text)));
}

static void object_cell(struct output *out, const struct view *v, const struct authority_breach *b)
{
    char text[TEXT_BYTES / 2];
    char other[TEXT_BYTES / 2];
    if (b->finding >= 0) {
        const struct record_finding *f = &v->state.findings[b->finding];
        output_format(out, "0x%08" PRIx64 ": %s (0x%08" PRIx64 ", 0x%" PRIx64 ")", f->addr,
                      audit_rule_sentence(f->rule), f->other, f->value);
        return;
    }
    if (b->object < 0) {
        output_text(out, "-");
        return;
    }
    capstate_object_text(&v->state, b->object, text, sizeof(text));
    if (b->object_b < 0)
        output_text(out, text);
    else
        output_format(out, "%s | %s", text,
                      capstate_object_text(&v->state, b->object_b, other, sizeof(other)));
}

static void path_cell(struct output *out, const struct view *v, const struct authority_breach *b)
{
    char path[PATH_BYTES] = "";
    char text[TEXT_BYTES];
    size_t used = 0;
    for (uint32_t i = 0; i < b->path_count && used < sizeof(path); i++) {
        const struct authority_edge *e = &v->authority.edges[b->path[i].edge];
        int32_t from = b->path[i].backwards ? e->to : e->from;
        int n = snprintf(path + used, sizeof(path) - used, "%s %s%s%s ",
                         capstate_object_text(&v->state, from, text, sizeof(text)),
                         b->path[i].backwards ? "<-" : "-", authority_edge_name(e->kind),
                         b->path[i].backwards ? "-" : "->");
        used += n > 0 ? (size_t)n : 0;
    }
    if (b->path_count && used < sizeof(path)) {
        const struct authority_step *last = &b->path[b->path_count - 1];
        const struct authority_edge *e = &v->authority.edges[last->edge];
        snprintf(
            path + used, sizeof(path) - used, "%s",
            capstate_object_text(&v->state, last->backwards ? e->from : e->to, text, sizeof(text)));
    }
    output_text(out, path[0] ? path : "-");
}

static void breach_row(struct output *out, const struct view *v, const struct authority_breach *b)
{
    output_int(out, v->n);
    output_text(out, authority_breach_name(b->kind));
    output_text(out, domain_name(v, b->domain_a));
    output_text(out, domain_name(v, b->domain_b));
    output_text(out, authority_breach_sentence(b->kind));
    object_cell(out, v, b);
    slot_cell(out, v, b->slot_a);
    slot_cell(out, v, b->slot_b);
    path_cell(out, v, b);
    output_row(out);
}

static void verdict_row(struct output *out, const struct view *v, uint32_t first, uint32_t last,
                        uint32_t breaches, bool strict)
{
    char text[TEXT_BYTES];
    uint32_t domains = 0;
    for (uint32_t d = 0; d < v->authority.domain_count; d++)
        domains += strict || !v->authority.domains[d].trusted;
    output_int(out, v->n);
    output_text(out, "verdict");
    output_text(out, "");
    output_text(out, "");
    if (first == last)
        output_format(out, "%s: %u breaches among %u domains in snapshot %u; %s",
                      breaches ? "BREACHED" : "isolated", breaches, domains, last,
                      assumption(v, strict, text, sizeof(text)));
    else
        output_format(out, "%s: %u breaches in snapshots %u to %u; %s",
                      breaches ? "BREACHED" : "isolated", breaches, first, last,
                      assumption(v, strict, text, sizeof(text)));
    output_row(out);
}

static enum status check_one(struct options *o, struct view *v, struct output *out,
                             uint32_t *breaches)
{
    struct authority_breach *b;
    uint32_t count;
    if (authority_check(&v->authority, o->strict, &b, &count) != ERR_OK)
        return command_complain(o->run, "out of memory");
    for (uint32_t i = 0; i < count; i++)
        breach_row(out, v, &b[i]);
    authority_breaches_free(b, count);
    *breaches += count;
    if (!v->state.end.complete)
        return command_complain(o->run, "snapshot %u is incomplete: the walk broke off", v->n);
    return STATUS_YES;
}

enum status command_check(struct options *o)
{
    static const char *const columns[] = {"#n",     "breach",    "domain_a",  "domain_b", "meaning",
                                          "object", "witness_a", "witness_b", "path",     NULL};
    struct view v;
    uint32_t breaches = 0;
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    uint32_t last = o->all ? capdb_count(v.db) : v.n;
    uint32_t first = o->all ? 1 : v.n;
    struct output *out = output_begin(stdout, output_default, columns);
    enum status s = STATUS_YES;
    for (uint32_t n = first; s == STATUS_YES && n <= last; n++) {
        if (v.n != n)
            s = dbview_load(o, &v, n);
        if (s == STATUS_YES)
            s = check_one(o, &v, out, &breaches);
    }
    verdict_row(out, &v, first, last, breaches, o->strict);
    dbview_close(&v);
    if (s == STATUS_YES && breaches)
        s = STATUS_NO;
    return finish(o, out, s);
}
