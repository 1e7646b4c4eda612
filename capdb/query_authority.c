/* path, can, check: verdicts, each with the slots that show it and the managers left out. */
#include "authority/explain.h"
#include "capdb/frames.h"
#include "capdb/junit.h"
#include "capdb/managers.h"
#include "capdb/spans.h"
#include "lib/plural.h"
#include "record/names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024, PATH_BYTES = 4096 };

/* A question about a manager cannot leave it out; the answer says so. */
static bool reading(const struct options *o, const struct view *v, const bool *subject)
{
    return o->strict || authority_asks_about_manager(&v->authority, subject);
}

/* "strict", or who is left out. */
const char *assumption_text(const struct view *v, bool strict, char *buf, size_t size)
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

/* From, edge, to, slot, place: what programs need to follow a step. */
static void step_cells(struct output *out, const struct view *v, const struct authority_step *step)
{
    const struct authority_edge *e = &v->authority.edges[step->edge];
    char text[TEXT_BYTES];
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
    else
        output_text(out, authority_witness_text(&v->authority, e, text, sizeof(text)));
}

static void step_row(struct output *out, const struct view *v, uint32_t number,
                     const struct authority_step *step)
{
    output_int(out, number);
    step_cells(out, v, step);
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
    bool strict = reading(o, v, from);
    enum error e = authority_path(&v->authority, from, to,
                                  o->flow ? AUTHORITY_PATH_FLOW : AUTHORITY_PATH_AUTHORITY, strict,
                                  &steps, &count);
    if (e == ERR_NO_MEMORY)
        return command_complain(o->run, "out of memory");
    struct output *out = output_begin(stdout, output_default, columns);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++)
        step_row(out, v, i + 1, &steps[i]);
    if (e == ERR_OK)
        free(steps);
    if (e == ERR_OK && count == 0)
        fprintf(
            stderr,
            "capdb: %s: snapshot %u: from %s to %s is no step: the two have an object in common\n",
            o->run, v->n, o->operand[0], o->operand[1]);
    if (e != ERR_OK)
        fprintf(stderr, "capdb: %s: snapshot %u: no %s path from %s to %s (%s)\n", o->run, v->n,
                o->flow ? "flow" : "authority", o->operand[0], o->operand[1],
                assumption_text(v, strict, text, sizeof(text)));
    dbview_doubt(o, v);
    return command_finish(o, out, e == ERR_OK ? STATUS_YES : STATUS_NO);
}

enum status command_path(struct options *o)
{
    struct view v;
    struct thing from;
    struct thing to;
    const char *const names[] = {o->operand[0], o->operand[1], NULL};
    /* information goes through frames */
    enum status opened = o->flow ? dbview_open(o, &v) : dbview_open_edges(o, &v, names);
    if (opened != STATUS_YES)
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

static bool parse_right(const char *text, enum authority_right *out)
{
    static const struct {
        const char *name;
        enum authority_right right;
    } names[] = {{"read", AUTHORITY_RIGHT_READ},      {"r", AUTHORITY_RIGHT_READ},
                 {"write", AUTHORITY_RIGHT_WRITE},    {"w", AUTHORITY_RIGHT_WRITE},
                 {"grant", AUTHORITY_RIGHT_GRANT},    {"g", AUTHORITY_RIGHT_GRANT},
                 {"control", AUTHORITY_RIGHT_CONTROL}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i].name, text) == 0)
            return *out = names[i].right, true;
    return false;
}

static const char *giving_operation(const struct authority_edge *e, bool by_other)
{
    if (e->role & ROLE_SEND_GRANT)
        return by_other ? "the sender sends them (Send)" : "send capabilities through it (Send)";
    return by_other ? "who was called answers with them (Reply)"
                    : "answer a call through it with capabilities (Reply)";
}

static const char *taking_operation(const struct authority_edge *e, bool by_subject)
{
    if (e->role & ROLE_RECEIVE)
        return by_subject ? "receive capabilities through it (Recv)"
                          : "the receiver takes them (Recv)";
    return by_subject ? "call through it and take what the answer brings (Call)"
                      : "the caller takes them with the answer (Call)";
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
        return giving_operation(e, step->backwards);
    case AUTHORITY_GRANT_RECV:
        return taking_operation(e, step->backwards);
    default:
        return "use it";
    }
}

struct question {
    struct options *o;
    struct view *v;
    enum authority_right right;
    bool *subject, *object;
    int32_t of_domain; /* the object is a domain, its number; -1 */
};

/* A program follows the step, which people read in the sentence. */
static void can_row(struct output *out, const struct question *q, uint32_t number, const char *what,
                    const struct authority_step *step, bool yes)
{
    char text[TEXT_BYTES];
    output_int(out, number);
    output_text(out, what);
    output_text(out, step->edge < 0
                         ? "it is in the subject's island itself"
                         : authority_edge_text(&q->v->authority, step->edge, text, sizeof(text)));
    output_text(out, yes ? "yes" : "no");
    if (output_default == OUTPUT_JSON && step->edge >= 0)
        step_cells(out, q->v, step);
    output_row(out);
}

static void can_edge_row(struct output *out, const struct question *q, uint32_t number,
                         const char *what, int32_t edge, bool yes)
{
    can_row(out, q, number, what, &(struct authority_step){.edge = edge}, yes);
}

static void yes_rows(struct output *out, const struct question *q,
                     const struct authority_answer *answer)
{
    for (uint32_t i = 0; i < answer->step_count; i++)
        can_row(out, q, i + 1, operation(q->v, &answer->steps[i]), &answer->steps[i], true);
    can_edge_row(out, q, answer->step_count + 1, q->o->operand[1], answer->giving, true);
}

/* A no has nothing that leads there: what stands at the border instead. */
static void no_rows(struct output *out, const struct question *q,
                    const struct authority_answer *answer)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < answer->cut_count; i++) {
        const struct authority_cut *cut = &answer->cut[i];
        if (cut->inner >= 0)
            can_edge_row(out, q, ++number, "the subject's island meets others here", cut->inner,
                         false);
        can_edge_row(out, q, ++number, authority_cut_sentence(cut->kind), cut->edge, false);
    }
    if (number == 0) {
        output_int(out, 1);
        output_text(out, "nobody has such a right, and nothing joins the two");
        output_text(out, "-");
        output_text(out, "no");
        output_row(out);
    }
}

static void put_managers(const struct managers *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        fputs(i ? ", " : "", stdout);
        output_json_string(stdout, m->list[i].name);
    }
}

/* A "never" that could not be told is none. */
static const char *verdict_word(const struct authority_answer *answer, const char *doubt)
{
    return answer->yes ? "could gain" : doubt ? "unknown" : "can never gain";
}

/* The object up to its witness or cut. */
static void put_answer_object(const struct question *q, const struct authority_answer *answer,
                              const char *doubt)
{
    struct managers managers = {0};
    printf("{\"verdict\": \"%s\",\n \"doubt\": ", verdict_word(answer, doubt));
    if (doubt)
        output_json_string(stdout, doubt);
    else
        printf("null");
    printf(",\n \"snapshot\": %u,\n \"strict\": %s,\n \"managers\": [", q->v->n,
           answer->strict ? "true" : "false");
    managers_add(&managers, &q->v->authority);
    if (!answer->strict)
        put_managers(&managers);
    managers_free(&managers);
    printf("],\n \"%s\": ", answer->yes ? "witness" : "cut");
}

/* Programs get each step's nodes and slot besides. */
static struct output *begin_answer(void)
{
    static const char *const columns[] = {"#step", "operation", "because", "answer", NULL};
    static const char *const steps[] = {"#step", "operation", "because", "answer", "from",
                                        "edge",  "to",        "slot",    "place",  NULL};
    return output_begin(stdout, output_default, output_default == OUTPUT_JSON ? steps : columns);
}

/* "write over frame:0x…": of a domain something is its, or not anything. */
static const char *right_text(const struct question *q, bool yes, char *buf, size_t size)
{
    const char *object = q->o->operand[2];
    snprintf(buf, size, "%s over %s%s%s", q->o->operand[1],
             q->of_domain < 0 ? ""
             : yes            ? "something of "
                              : "anything of ",
             object, q->of_domain < 0 ? "" : "'s");
    return buf;
}

static enum status say_answer(const struct question *q, const struct authority_answer *answer,
                              const char *doubt)
{
    char text[TEXT_BYTES], right[TEXT_BYTES];
    right_text(q, answer->yes, right, sizeof(right));
    if (doubt)
        return command_complain(q->o->run, "snapshot %u: %s %s %s: cannot be told: %s", q->v->n,
                                q->o->operand[0],
                                answer->yes ? "could gain" : "does not seem to gain", right, doubt);
    fprintf(stderr, "capdb: %s: snapshot %u: %s %s %s (%s)\n", q->o->run, q->v->n, q->o->operand[0],
            verdict_word(answer, doubt), right,
            assumption_text(q->v, answer->strict, text, sizeof(text)));
    return answer->yes ? STATUS_YES : STATUS_NO;
}

/* Finds and marks both ends, once more where objects have other numbers now. */
static bool mark_question(struct question *q)
{
    struct thing subject;
    struct thing object;
    const struct view *v = q->v;
    char **operand = q->o->operand;
    if (!thing_find(q->o, v, operand[0], &subject) || !thing_find(q->o, v, operand[2], &object))
        return false;
    free(q->subject);
    free(q->object);
    q->subject = new_marks(v);
    q->object = new_marks(v);
    thing_mark(v, &subject, q->subject);
    q->of_domain = object.kind == THING_DOMAIN ? object.domain : -1;
    if (q->of_domain >= 0)
        authority_mark_own(&v->authority, object.domain, q->object);
    else
        thing_mark(v, &object, q->object);
    return true;
}

static enum status ask_authority(const struct question *q, struct authority_answer *out)
{
    enum error e =
        authority_can(&q->v->authority, q->subject, q->right, q->object, q->o->strict, out);
    return e == ERR_OK ? STATUS_YES : command_complain(q->o->run, "out of memory");
}

/* Which frames at which islands meet are there already. */
struct met {
    bool done, strict;
};

/* With the frames that are a domain's; what is no without them may stay a no, and then those at which
 * islands meet are wanted, too. */
static enum status add_domain(struct question *q, struct met *met)
{
    struct authority_answer without;
    bool again = false;
    enum status s = ask_authority(q, &without);
    if (s != STATUS_YES)
        return s;
    *met = (struct met){!without.yes, without.strict};
    authority_answer_free(&without);
    s = frames_of_domain(q->o, q->v, q->of_domain, met->done ? q->subject : NULL, met->strict,
                         &again);
    return s == STATUS_YES && again && !mark_question(q) ? STATUS_UNKNOWN : s;
}

/* With the frames that are a domain's, and for a no those at which islands meet. */
static enum status find_answer(struct question *q, struct authority_answer *out)
{
    struct met met = {0};
    bool again = false;
    enum status s = mark_question(q) ? STATUS_YES : STATUS_UNKNOWN;
    if (s == STATUS_YES && q->of_domain >= 0 && q->v->state.part)
        s = add_domain(q, &met);
    if (s == STATUS_YES)
        s = ask_authority(q, out);
    if (s != STATUS_YES || out->yes || (met.done && met.strict == out->strict))
        return s;
    s = frames_of_islands(q->o, q->v, q->subject, out->strict, &again);
    if (s == STATUS_YES && !again)
        return s;
    authority_answer_free(out);
    if (s == STATUS_YES && !mark_question(q))
        s = STATUS_UNKNOWN;
    return s == STATUS_YES ? ask_authority(q, out) : s;
}

static enum status answer(struct question *q)
{
    struct authority_answer answer;
    enum status s = find_answer(q, &answer);
    if (s != STATUS_YES)
        return s;
    const char *doubt = authority_doubt(&q->v->authority);
    struct output *out = begin_answer();
    if (answer.yes)
        yes_rows(out, q, &answer);
    else
        no_rows(out, q, &answer);
    s = say_answer(q, &answer, doubt);
    if (output_default == OUTPUT_JSON)
        put_answer_object(q, &answer, doubt);
    authority_answer_free(&answer);
    s = command_finish(q->o, out, s);
    if (output_default == OUTPUT_JSON)
        fputs("}\n", stdout);
    return s;
}

enum status command_can(struct options *o)
{
    struct view v;
    struct question q = {.o = o, .v = &v};
    const char *const names[] = {o->operand[0], o->operand[2], NULL};
    if (!parse_right(o->operand[1], &q.right))
        return command_complain(NULL, "%s: a right is read, write, grant or control",
                                o->operand[1]);
    if (dbview_open_edges(o, &v, names) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = answer(&q);
    free(q.subject);
    free(q.object);
    dbview_close(&v);
    return s;
}

/* --- check --- */

char *breach_slot_text(const struct view *v, int32_t slot, char *buf, size_t size)
{
    char text[TEXT_BYTES / 2];
    char place[TEXT_BYTES / 2];
    if (slot < 0)
        snprintf(buf, size, "-");
    else
        snprintf(buf, size, "0x%08" PRIx64 " %s: %s", v->state.slots[slot].rec.addr,
                 capstate_place_text(&v->state, slot, place, sizeof(place)),
                 capstate_slot_text(&v->state, slot, text, sizeof(text)));
    return buf;
}

char *breach_other_text(const struct view *v, const struct authority_breach *b, char *buf,
                        size_t size)
{
    int n = snprintf(buf, size, "%s", domain_name(v, b->domain_b));
    if (b->further && n > 0 && (size_t)n < size)
        snprintf(buf + n, size - (size_t)n, " and %u more", b->further);
    return buf;
}

char *breach_object_text(const struct view *v, const struct authority_breach *b, char *buf,
                         size_t size)
{
    char text[TEXT_BYTES / 2];
    char other[TEXT_BYTES / 2];
    if (b->finding >= 0) {
        const struct record_finding *f = &v->state.findings[b->finding];
        snprintf(buf, size, "0x%08" PRIx64 ": %s (0x%08" PRIx64 ", 0x%" PRIx64 ")", f->addr,
                 audit_rule_sentence(f->rule), f->other, f->value);
    } else if (b->object < 0) {
        snprintf(buf, size, "-");
    } else if (b->object_b < 0) {
        capstate_object_text(&v->state, b->object, buf, size);
    } else {
        snprintf(buf, size, "%s | %s",
                 capstate_object_text(&v->state, b->object, text, sizeof(text)),
                 capstate_object_text(&v->state, b->object_b, other, sizeof(other)));
    }
    return buf;
}

char *breach_path_text(const struct view *v, const struct authority_step *steps, uint32_t count,
                       char *buf, size_t size)
{
    char text[TEXT_BYTES];
    size_t used = 0;
    snprintf(buf, size, "-");
    for (uint32_t i = 0; i < count && used < size; i++) {
        const struct authority_edge *e = &v->authority.edges[steps[i].edge];
        int32_t from = steps[i].backwards ? e->to : e->from;
        int n = snprintf(buf + used, size - used, "%s %s%s%s ",
                         capstate_object_text(&v->state, from, text, sizeof(text)),
                         steps[i].backwards ? "<-" : "-", authority_edge_name(e->kind),
                         steps[i].backwards ? "-" : "->");
        used += n > 0 ? (size_t)n : 0;
    }
    if (count && used < size) {
        const struct authority_step *last = &steps[count - 1];
        const struct authority_edge *e = &v->authority.edges[last->edge];
        snprintf(
            buf + used, size - used, "%s",
            capstate_object_text(&v->state, last->backwards ? e->from : e->to, text, sizeof(text)));
    }
    return buf;
}

void breach_slot_cell(struct output *out, const struct view *v, int32_t slot)
{
    char text[TEXT_BYTES];
    output_text(out, breach_slot_text(v, slot, text, sizeof(text)));
}

void breach_object_cell(struct output *out, const struct view *v, const struct authority_breach *b)
{
    char text[TEXT_BYTES];
    output_text(out, breach_object_text(v, b, text, sizeof(text)));
}

static void path_cell(struct output *out, const struct view *v, const struct authority_breach *b)
{
    char path[PATH_BYTES];
    output_text(out, breach_path_text(v, b->path, b->path_count, path, sizeof(path)));
}

static void other_domain(struct output *out, const struct view *v, const struct authority_breach *b)
{
    char text[TEXT_BYTES];
    output_text(out, breach_other_text(v, b, text, sizeof(text)));
}

static const char *const weights[] = {"breach", "doubt", "note"};

static void breach_row(struct output *out, const struct view *v, const struct authority_breach *b)
{
    output_int(out, v->n);
    output_text(out, authority_breach_name(b->kind));
    output_text(out, domain_name(v, b->domain_a));
    other_domain(out, v, b);
    output_text(out, authority_breach_sentence(b->kind));
    breach_object_cell(out, v, b);
    breach_slot_cell(out, v, b->slot_a);
    breach_slot_cell(out, v, b->slot_b);
    path_cell(out, v, b);
    output_text(out, weights[b->weight]);
    output_row(out);
}

/* Verdicts on several snapshots in one. */
struct tally {
    uint32_t snapshots, empty; /* empty: with nothing to compare */
    struct authority_verdict sum;
    uint32_t doubtful;       /* the first snapshot with a doubt, 0 */
    const struct view *view; /* stands on what is counted */
    struct managers managers;
    const char *root; /* the first thing to say about the root task, NULL */
    uint32_t roots;   /* of how many snapshots */
};

static const char *root_text(const struct view *v)
{
    switch (v->authority.root) {
    case AUTHORITY_ROOT_TOLD:
        return v->authority.root_thread < 0 ? "; the root task is gone" : "";
    case AUTHORITY_ROOT_BY_PLACE:
        return "; root task found by its place, the snapshot does not name it";
    case AUTHORITY_ROOT_UNKNOWN:
        break;
    }
    return "; the root task is not known";
}

static void tally_trust(struct tally *t)
{
    const char *root = root_text(t->view);
    managers_add(&t->managers, &t->view->authority);
    if (!root[0])
        return;
    t->root = t->root ? t->root : root;
    t->roots++;
}

static void tally_add(struct tally *t, const struct authority_verdict *v, uint32_t n)
{
    t->snapshots++;
    tally_trust(t);
    t->empty += v->domains < 2 && v->breaches == 0;
    t->sum.breaches += v->breaches;
    t->sum.doubts += v->doubts;
    t->sum.notes += v->notes;
    t->sum.domains = v->domains > t->sum.domains ? v->domains : t->sum.domains;
    t->sum.threads = v->threads > t->sum.threads ? v->threads : t->sum.threads;
    t->sum.managers = v->managers > t->sum.managers ? v->managers : t->sum.managers;
    if (v->doubts && !t->doubtful)
        t->doubtful = n;
}

/* With what it is about. */
static char *verdict_sentence(const struct view *v, const struct tally *t, const struct options *o,
                              char *buf, size_t size)
{
    char text[TEXT_BYTES];
    char who[TEXT_BYTES];
    char when[64], share[48];
    if (o->all)
        snprintf(when, sizeof(when), "snapshots %u to %u", range_first(o),
                 range_first(o) + t->snapshots - 1);
    else
        snprintf(when, sizeof(when), "snapshot %u", v->n);
    int used = snprintf(buf, size, "%s in %s; %s (%u thread%s)",
                        authority_verdict_text(&t->sum, text, sizeof(text)), when,
                        managers_text(&t->managers, o->strict, who, sizeof(who)), t->sum.managers,
                        plural_s(t->sum.managers));
    if (!o->strict && t->root && used > 0 && (size_t)used < size)
        snprintf(buf + used, size - (size_t)used, "%s%s", t->root,
                 managers_share(t->roots, t->snapshots, share, sizeof(share)));
    return buf;
}

static void verdict_row(struct output *out, const struct view *v, const struct tally *t,
                        const struct options *o)
{
    char text[3 * TEXT_BYTES];
    output_int(out, o->all ? range_first(o) : v->n);
    if (o->all)
        output_int(out, range_first(o) + t->snapshots - 1);
    output_text(out, "verdict");
    output_text(out, "");
    output_text(out, "");
    output_text(out, verdict_sentence(v, t, o, text, sizeof(text)));
    output_row(out);
}

static void span_row(struct output *out, const struct span *s)
{
    output_int(out, s->first);
    output_int(out, s->last);
    output_text(out, s->name);
    output_text(out, s->text[SPAN_DOMAIN_A]);
    output_text(out, s->text[SPAN_DOMAIN_B]);
    output_text(out, s->meaning);
    output_text(out, s->text[SPAN_OBJECT]);
    output_text(out, s->text[SPAN_WITNESS_A]);
    output_text(out, s->text[SPAN_WITNESS_B]);
    output_text(out, s->text[SPAN_PATH]);
    output_text(out, weights[s->weight]);
    output_row(out);
}

static void span_case(struct junit *junit, const struct span *s)
{
    static const enum junit_result results[] = {JUNIT_FAILED, JUNIT_ERROR, JUNIT_PASSED};
    char name[TEXT_BYTES];
    snprintf(name, sizeof(name), "snapshots %u to %u: %s %s %s %s", s->first, s->last, s->name,
             s->text[SPAN_DOMAIN_A], s->text[SPAN_DOMAIN_B], s->text[SPAN_OBJECT]);
    junit_case(junit, results[s->weight], name, s->meaning);
}

static void breach_case(struct junit *junit, const struct view *v, const struct authority_breach *b)
{
    static const enum junit_result results[] = {JUNIT_FAILED, JUNIT_ERROR, JUNIT_PASSED};
    char name[2 * TEXT_BYTES];
    char other[TEXT_BYTES];
    char object[TEXT_BYTES];
    snprintf(name, sizeof(name), "snapshot %u: %s %s %s %s", v->n, authority_breach_name(b->kind),
             domain_name(v, b->domain_a), breach_other_text(v, b, other, sizeof(other)),
             breach_object_text(v, b, object, sizeof(object)));
    junit_case(junit, results[b->weight], name, authority_breach_sentence(b->kind));
}

static const char *outcome_name(const struct tally *t)
{
    if (t->doubtful || (!t->sum.breaches && t->empty == t->snapshots))
        return "unknown";
    return t->sum.breaches ? "breached" : "isolated";
}

/* Up to the list of breaches, which has the witnesses. */
static void put_verdict_object(const struct view *v, const struct tally *t, const struct options *o)
{
    char text[TEXT_BYTES];
    uint32_t first = o->all ? range_first(o) : v->n;
    uint32_t last = o->all ? first + t->snapshots - 1 : v->n;
    printf("{\"verdict\": \"%s\",\n \"sentence\": ", outcome_name(t));
    output_json_string(stdout, authority_verdict_text(&t->sum, text, sizeof(text)));
    printf(",\n \"strict\": %s,\n \"managers\": [", o->strict ? "true" : "false");
    if (!o->strict)
        put_managers(&t->managers);
    printf(
        "],\n \"snapshots\": {\"first\": %u, \"last\": %u},\n"
        " \"counts\": {\"breaches\": %u, \"doubts\": %u, \"notes\": %u, \"domains\": %u,"
        " \"threads\": %u, \"manager_threads\": %u, \"snapshots_with_nothing_to_compare\": %u},\n"
        " \"breaches\": ",
        first, last, t->sum.breaches, t->sum.doubts, t->sum.notes, t->sum.domains, t->sum.threads,
        t->sum.managers, t->empty);
}

/* In JSON what is explained is a list of its own, so that breaches are breaches. */
struct explaining {
    struct output *out;
    uint32_t n;
    bool apart;
};

static void explain_row(void *ctx, enum authority_explanation what, const char *sentence)
{
    static const char *const words[] = {[AUTHORITY_EXPLAIN_THEOREM] = "theorem",
                                        [AUTHORITY_EXPLAIN_EVALUATED] = "evaluated",
                                        [AUTHORITY_EXPLAIN_ASSUMED] = "assumed"};
    const struct explaining *e = ctx;
    output_int(e->out, e->n);
    output_text(e->out, words[what]);
    if (!e->apart) {
        output_text(e->out, "");
        output_text(e->out, "");
    }
    output_text(e->out, sentence);
    output_row(e->out);
}

static enum status check_one(struct options *o, struct view *v, struct output *out,
                             struct output *explained, struct tally *t, struct junit *junit)
{
    struct explaining explaining = {explained ? explained : out, v->n, explained};
    struct authority_verdict verdict;
    if (authority_check(&v->authority, o->strict, &verdict) != ERR_OK)
        return command_complain(o->run, "out of memory");
    for (uint32_t i = 0; i < verdict.count; i++) {
        breach_row(out, v, &verdict.breach[i]);
        breach_case(junit, v, &verdict.breach[i]);
    }
    if (o->explain)
        authority_explain(&v->authority, &verdict, o->strict, explain_row, &explaining);
    tally_add(t, &verdict, v->n);
    authority_verdict_free(&verdict);
    return STATUS_YES;
}

/* Doubts come first: where what was read is broken, a breach may be as wrong as its absence. */
static enum status conclude(const struct options *o, const struct tally *t)
{
    if (t->doubtful)
        return command_complain(o->run,
                                "snapshot %u: cannot be told: %u doubt%s about what was read",
                                t->doubtful, t->sum.doubts, plural_s(t->sum.doubts));
    if (t->sum.breaches)
        return STATUS_NO;
    if (t->empty == t->snapshots)
        return command_complain(o->run,
                                "nothing to compare: %u domain%s, %u thread%s, %u manager "
                                "thread%s left out",
                                t->sum.domains, plural_s(t->sum.domains), t->sum.threads,
                                plural_s(t->sum.threads), t->sum.managers,
                                plural_s(t->sum.managers));
    if (t->empty)
        fprintf(stderr, "capdb: %s: %u of %u snapshots ha%s nothing to compare\n", o->run, t->empty,
                t->snapshots, t->empty == 1 ? "s" : "ve");
    return STATUS_YES;
}

static struct output *explanation_begin(void)
{
    static const char *const columns[] = {"#n", "what", "sentence", NULL};
    return output_begin(stdout, output_default, columns);
}

/* The table is in out, the verdict comes behind it, in JSON around it, and there behind it what was
 * explained. */
static enum status verdict_end(struct options *o, struct view *v, const struct tally *t,
                               struct output *out, struct output *explained, struct junit *junit,
                               enum status s)
{
    char text[3 * TEXT_BYTES];
    bool json = output_default == OUTPUT_JSON;
    junit_sentence(junit, verdict_sentence(v, t, o, text, sizeof(text)));
    if (json)
        put_verdict_object(v, t, o);
    else
        verdict_row(out, v, t, o);
    if (s == STATUS_YES)
        s = conclude(o, t);
    s = command_finish(o, out, s);
    if (explained) {
        fputs(", \"explanation\":\n ", stdout);
        s = command_finish(o, explained, s);
    }
    if (json)
        fputs("}\n", stdout);
    return s;
}

static void tally_told(void *ctx, const struct authority_verdict *verdict, uint32_t n)
{
    tally_add(ctx, verdict, n);
}

/* Counts of a range are those of its intervals. */
static void count_spans(const struct spans *spans, struct tally *t)
{
    uint32_t counts[3] = {0};
    for (uint32_t i = 0; i < spans->count; i++)
        counts[spans->list[i].weight]++;
    t->sum.breaches = counts[AUTHORITY_BREACH];
    t->sum.doubts = counts[AUTHORITY_DOUBT];
    t->sum.notes = counts[AUTHORITY_NOTE];
}

static enum status check_range(struct options *o, struct view *v, struct junit *junit)
{
    static const char *const columns[] = {"#first",    "#last",   "breach", "domain_a",
                                          "domain_b",  "meaning", "object", "witness_a",
                                          "witness_b", "path",    "weight", NULL};
    struct tally t = {.view = v};
    struct spans spans = {0};
    enum status s = spans_over(o, v, range_first(o), range_last(o, v), &spans, tally_told, &t);
    if (s == STATUS_YES) {
        struct output *out = output_begin(stdout, output_default, columns);
        for (uint32_t i = 0; i < spans.count; i++) {
            span_row(out, &spans.list[i]);
            span_case(junit, &spans.list[i]);
        }
        count_spans(&spans, &t);
        s = verdict_end(o, v, &t, out, NULL, junit, s);
    }
    managers_free(&t.managers);
    spans_free(&spans);
    return s;
}

static enum status check_snapshot(struct options *o, struct view *v, struct junit *junit)
{
    static const char *const columns[] = {"#n",      "breach", "domain_a",  "domain_b",
                                          "meaning", "object", "witness_a", "witness_b",
                                          "path",    "weight", NULL};
    struct tally t = {.view = v};
    bool apart = o->explain && output_default == OUTPUT_JSON;
    struct output *out = output_begin(stdout, output_default, columns);
    struct output *explained = apart ? explanation_begin() : NULL;
    enum status s = check_one(o, v, out, explained, &t, junit);
    s = verdict_end(o, v, &t, out, explained, junit, s);
    managers_free(&t.managers);
    return s;
}

static enum status check_isolation(struct options *o, struct junit *junit)
{
    struct view v;
    enum status s = dbview_open_file(o, &v);
    if (s != STATUS_YES)
        return s;
    o->all |= o->from || o->to;
    uint32_t count = capdb_count(v.db);
    uint32_t n = o->all ? range_first(o) : o->at ? o->at : count;
    if (count == 0)
        s = command_complain(o->run, "has no snapshot");
    else
        s = dbview_load(o, &v, n);
    if (s == STATUS_YES)
        s = o->all ? check_range(o, &v, junit) : check_snapshot(o, &v, junit);
    dbview_close(&v);
    return s;
}

enum status command_check(struct options *o)
{
    static const enum junit_result results[] = {JUNIT_PASSED, JUNIT_FAILED, JUNIT_ERROR};
    struct junit *junit = junit_open(o->junit);
    if (!junit)
        return command_complain(o->junit, "%s", strerror(errno));
    enum status s = o->policy ? check_by_policy(o, junit) : check_isolation(o, junit);
    junit_verdict(junit, results[o->doubt ? STATUS_UNKNOWN : s],
                  "could not be told, standard error says why");
    if (!junit_close(junit, o->run))
        return command_complain(o->junit, "could not be written (%s)", strerror(errno));
    return s;
}
