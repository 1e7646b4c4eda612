/* The authority analysis on random systems, judged by a brute-force union-find.
 *
 * The judge is written from the rules of the model alone (docs/authority.md, "Edges and
 * islands") and shares nothing with authority/: it looks at every pair of slots and merges labels
 * until nothing changes.  Systems come in both styles of root task: one that keeps the original of
 * every capability, and one that moved them all away.  AUTHORITY_ROUNDS says how many, 4,000 unless
 * it is set. */
#include "authority/authority.h"

#include "tests/unit/random_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    NODES_MAX = 128,
    QUERIES = 40,
    ROUNDS = 4000,
};

/* --- the judge -------------------------------------------------------------------------------- */

struct judge {
    const struct capstate *s;
    bool strict;
    bool active[NODES_MAX]; /* a thread that is not the root task gets at it */
    int label[NODES_MAX];
};

static bool is_control(uint32_t type)
{
    return type != RECORD_CAP_ENDPOINT && type != RECORD_CAP_FRAME &&
           type != RECORD_CAP_NOTIFICATION && type != RECORD_CAP_REPLY;
}

static bool slot_controls(const struct record_slot *r)
{
    return r->type == RECORD_CAP_REPLY ? r->rights & RECORD_RIGHT_GRANT : is_control(r->type);
}

static bool covers(const struct capstate_object *u, const struct capstate_object *o)
{
    return u != o && u->type == RECORD_CAP_UNTYPED && o->bits && o->addr >= u->addr &&
           (uint64_t)o->addr + (1u << o->bits) <= (uint64_t)u->addr + (1u << u->bits);
}

static int node_at(const struct capstate *s, uint64_t addr, uint32_t type)
{
    for (uint32_t n = 0; n < s->object_count; n++)
        if (s->objects[n].addr == addr && s->objects[n].type == type)
            return (int)n;
    return -1;
}

static bool reach(struct judge *j, int from, int to)
{
    if (from < 0 || to < 0 || !j->active[from] || j->active[to])
        return false;
    return j->active[to] = true;
}

static bool reach_more(struct judge *j)
{
    const struct capstate *s = j->s;
    bool grew = false;
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (slot_controls(&s->slots[i].rec))
            grew |= reach(j, s->slots[i].holder, s->slots[i].object);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        grew |= reach(j, node_at(s, s->mappings[i].dir, RECORD_CAP_PAGE_DIRECTORY),
                      node_at(s, s->mappings[i].table, RECORD_CAP_PAGE_TABLE));
    for (uint32_t u = 0; u < s->object_count; u++)
        for (uint32_t n = 0; n < s->object_count; n++)
            if (covers(&s->objects[u], &s->objects[n]))
                grew |= reach(j, (int)u, (int)n);
    return grew;
}

static void merge(struct judge *j, int a, int b)
{
    int from = j->label[a];
    int to = j->label[b];
    for (uint32_t n = 0; n < j->s->object_count; n++)
        if (j->label[n] == from)
            j->label[n] = to;
}

static void merge_control(struct judge *j, int holder, int target)
{
    if (holder >= 0 && target >= 0 && j->active[holder])
        merge(j, holder, target);
}

/* What a slot, or a blocked thread, can do at an endpoint. */
struct end {
    int holder, endpoint;
    bool send, receive, grant, reply;
};

static uint32_t find_ends(const struct judge *j, struct end *ends)
{
    const struct capstate *s = j->s;
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct record_slot *r = &s->slots[i].rec;
        if (r->type == RECORD_CAP_ENDPOINT)
            ends[count++] = (struct end){s->slots[i].holder,
                                         s->slots[i].object,
                                         r->rights & RECORD_RIGHT_WRITE,
                                         r->rights & RECORD_RIGHT_READ,
                                         r->rights & RECORD_RIGHT_GRANT,
                                         r->rights & RECORD_RIGHT_GRANT_REPLY};
    }
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        int endpoint = node_at(s, t->blocked_on, RECORD_CAP_ENDPOINT);
        if (t->blocked_on && endpoint >= 0)
            ends[count++] = (struct end){s->threads[i].object,
                                         endpoint,
                                         t->state == RECORD_THREAD_BLOCKED_ON_SEND,
                                         t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE,
                                         t->blocked_flags & RECORD_BLOCKED_GRANT,
                                         (t->blocked_flags & RECORD_BLOCKED_GRANT_REPLY) &&
                                             (t->blocked_flags & RECORD_BLOCKED_CALL)};
    }
    return count;
}

static void merge_ends(struct judge *j)
{
    static struct end ends[RANDOM_SLOTS_MAX];
    uint32_t count = find_ends(j, ends);
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < count; b++) {
            const struct end *x = &ends[a];
            const struct end *y = &ends[b];
            if (x->endpoint != y->endpoint || !j->active[x->holder] || !j->active[y->holder])
                continue;
            bool message = x->send && x->grant && y->receive;
            bool answer = x->send && (x->grant || x->reply) && y->receive && y->grant;
            if (message || answer)
                merge(j, x->holder, y->holder);
        }
}

static void judge(struct judge *j, const struct capstate *s, bool strict)
{
    *j = (struct judge){.s = s, .strict = strict};
    assert_true(s->object_count <= NODES_MAX);
    for (uint32_t n = 0; n < s->object_count; n++) {
        j->label[n] = (int)n;
        j->active[n] = strict;
    }
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (s->threads[i].rec.addr != RANDOM_ROOT_TCB)
            j->active[s->threads[i].object] = true;
    while (reach_more(j))
        ;
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (slot_controls(&s->slots[i].rec))
            merge_control(j, s->slots[i].holder, s->slots[i].object);
    for (uint32_t i = 0; i < s->mapping_count; i++)
        merge_control(j, node_at(s, s->mappings[i].dir, RECORD_CAP_PAGE_DIRECTORY),
                      node_at(s, s->mappings[i].table, RECORD_CAP_PAGE_TABLE));
    for (uint32_t u = 0; u < s->object_count; u++)
        for (uint32_t n = 0; n < s->object_count; n++)
            if (covers(&s->objects[u], &s->objects[n]))
                merge_control(j, (int)u, (int)n);
    merge_ends(j);
}

static bool same_island(const struct judge *j, int subject, int holder)
{
    return holder >= 0 && j->active[holder] && j->label[holder] == j->label[subject];
}

static bool slot_gives(const struct record_slot *r, enum authority_right right)
{
    switch (right) {
    case AUTHORITY_RIGHT_READ:
        return slot_controls(r) || (r->type != RECORD_CAP_REPLY && (r->rights & RECORD_RIGHT_READ));
    case AUTHORITY_RIGHT_WRITE:
        return slot_controls(r) || (r->rights & RECORD_RIGHT_WRITE) ||
               (r->type == RECORD_CAP_REPLY && !(r->rights & RECORD_RIGHT_GRANT));
    case AUTHORITY_RIGHT_GRANT:
        return !is_control(r->type) && r->type != RECORD_CAP_REPLY &&
               (r->rights & RECORD_RIGHT_WRITE) && (r->rights & RECORD_RIGHT_GRANT);
    case AUTHORITY_RIGHT_CONTROL:
        return slot_controls(r);
    }
    return false;
}

static bool state_gives(const struct record_thread *t, uint64_t addr, enum authority_right right)
{
    if (right == AUTHORITY_RIGHT_READ)
        return t->bound == addr ||
               (t->blocked_on == addr && t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE);
    return right == AUTHORITY_RIGHT_WRITE && t->blocked_on == addr &&
           t->state == RECORD_THREAD_BLOCKED_ON_SEND;
}

static bool mapping_gives(const struct judge *j, int subject, int object,
                          enum authority_right right)
{
    const struct capstate *s = j->s;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        bool frame = m->frame == s->objects[object].addr &&
                     s->objects[object].type == RECORD_CAP_FRAME &&
                     ((right == AUTHORITY_RIGHT_READ && (m->rights & RECORD_RIGHT_READ)) ||
                      (right == AUTHORITY_RIGHT_WRITE && (m->rights & RECORD_RIGHT_WRITE)));
        bool table = m->table == s->objects[object].addr &&
                     s->objects[object].type == RECORD_CAP_PAGE_TABLE &&
                     right != AUTHORITY_RIGHT_GRANT;
        int table_node = node_at(s, m->table, RECORD_CAP_PAGE_TABLE);
        int dir_node = node_at(s, m->dir, RECORD_CAP_PAGE_DIRECTORY);
        if ((frame && same_island(j, subject, table_node >= 0 ? table_node : dir_node)) ||
            (table && same_island(j, subject, dir_node)))
            return true;
    }
    return false;
}

/* Could `subject`, a thread's node, ever have this right over `object`? */
static bool judged(const struct judge *j, int subject, enum authority_right right, int object)
{
    const struct capstate *s = j->s;
    bool entity = is_control(s->objects[object].type);
    if (right == AUTHORITY_RIGHT_CONTROL && entity && j->active[object] &&
        j->label[object] == j->label[subject])
        return true;
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].object == object && slot_gives(&s->slots[i].rec, right) &&
            same_island(j, subject, s->slots[i].holder))
            return true;
    for (uint32_t i = 0; i < s->thread_count; i++)
        if (state_gives(&s->threads[i].rec, s->objects[object].addr, right) && !entity &&
            same_island(j, subject, s->threads[i].object))
            return true;
    for (uint32_t u = 0; u < s->object_count; u++)
        if (covers(&s->objects[u], &s->objects[object]) && same_island(j, subject, (int)u))
            return true;
    return mapping_gives(j, subject, object, right);
}

/* --- comparisons ------------------------------------------------------------------------------ */

static uint32_t rounds(void)
{
    const char *text = getenv("AUTHORITY_ROUNDS");
    return text ? (uint32_t)strtoul(text, NULL, 10) : (uint32_t)ROUNDS;
}

static struct judge j_open, j_strict;

static bool answer_of(const struct authority *a, int32_t subject, enum authority_right right,
                      int32_t object, bool strict, struct authority_answer *out)
{
    static bool from[NODES_MAX], to[NODES_MAX];
    memset(from, 0, sizeof(from));
    memset(to, 0, sizeof(to));
    from[subject] = to[object] = true;
    assert_int_equal(authority_can(a, from, right, to, strict, out), ERR_OK);
    return out->yes;
}

/* Into a channel by who may give there, out of it by who may take what is given. */
static void check_passage(const struct authority *a, const struct authority_step *in,
                          const struct authority_step *out)
{
    const struct authority_edge *x = &a->edges[in->backwards ? out->edge : in->edge];
    const struct authority_edge *y = &a->edges[in->backwards ? in->edge : out->edge];
    uint32_t giver = x->role;
    uint32_t taker = y->role;
    /* from a giver to a taker or back: two givers do not meet without the taker */
    assert_true(in->backwards == out->backwards);
    assert_true(((giver & ROLE_SEND_GRANT) && (taker & ROLE_RECEIVE)) ||
                ((giver & ROLE_RECEIVE_GRANT) && (taker & ROLE_CALL_REPLY)));
}

/* A path whose every edge counts, from the subject to who holds what gives the right. */
static void check_witness(const struct authority *a, const struct authority_answer *answer,
                          int32_t subject, int32_t object, enum authority_right right)
{
    int32_t at = subject;
    for (uint32_t i = 0; i < answer->step_count; i++) {
        const struct authority_edge *e = &a->edges[answer->steps[i].edge];
        assert_true(authority_edge_counts(e, answer->strict) && authority_edge_gains(e->kind));
        assert_int_equal(answer->steps[i].backwards ? e->to : e->from, at);
        at = answer->steps[i].backwards ? e->from : e->to;
        bool enters =
            e->kind == (answer->steps[i].backwards ? AUTHORITY_GRANT_RECV : AUTHORITY_GRANT);
        if (enters) {
            assert_true(i + 1 < answer->step_count);
            check_passage(a, &answer->steps[i], &answer->steps[i + 1]);
        }
    }
    if (answer->giving < 0) {
        assert_int_equal(at, object);
        return;
    }
    const struct authority_edge *e = &a->edges[answer->giving];
    assert_int_equal(e->from, at);
    assert_int_equal(e->to, object);
    assert_true(authority_edge_counts(e, answer->strict) && authority_edge_gives(a, e, right));
}

/* Nothing in a cut counts as leading in: the right is elsewhere, or no capability passes. */
static void check_cut(const struct authority *a, const struct authority_answer *answer,
                      int32_t subject, int32_t object, enum authority_right right)
{
    int32_t island = authority_island(a, subject, answer->strict);
    for (uint32_t i = 0; i < answer->cut_count; i++) {
        const struct authority_cut *cut = &answer->cut[i];
        const struct authority_edge *e = &a->edges[cut->edge];
        bool counts = authority_edge_counts(e, answer->strict);
        bool holds = cut->kind == AUTHORITY_CUT_HELD || cut->kind == AUTHORITY_CUT_MANAGER;
        assert_int_equal(counts,
                         cut->kind == AUTHORITY_CUT_HELD || cut->kind == AUTHORITY_CUT_BORDER);
        if (holds)
            assert_true(e->to == object && authority_edge_gives(a, e, right));
        if (counts)
            assert_int_not_equal(authority_island(a, e->from, answer->strict), island);
    }
}

static void ask(const struct authority *a, const struct judge *j, int32_t subject, int32_t object,
                enum authority_right right, uint64_t counts[2])
{
    struct authority_answer answer;
    bool yes = answer_of(a, subject, right, object, j->strict, &answer);
    bool expected = judged(j, subject, right, object);
    if (yes != expected)
        fail_msg("seed %u, %s: can node %d have right %d over node %d: expected %s, got %s",
                 random_seed, j->strict ? "strict" : "managers left out", subject, right, object,
                 expected ? "yes" : "no", yes ? "yes" : "no");
    counts[yes]++;
    if (yes)
        check_witness(a, &answer, subject, object, right);
    else
        check_cut(a, &answer, subject, object, right);
    authority_answer_free(&answer);
}

static void ask_at_random(const struct authority *a, const struct judge *j, uint64_t counts[2])
{
    for (int q = 0; q < QUERIES; q++) {
        const struct capstate_thread *t = &a->state->threads[random_pick(RANDOM_DOMAINS)];
        int32_t object = (int32_t)random_pick(a->node_count);
        ask(a, j, t->object, object, (enum authority_right)random_pick(4), counts);
    }
    for (uint32_t x = 0; x < a->state->thread_count; x++)
        for (uint32_t y = 0; y < a->state->thread_count; y++)
            if (a->state->threads[x].rec.addr != RANDOM_ROOT_TCB)
                ask(a, j, a->state->threads[x].object, a->state->threads[y].object,
                    AUTHORITY_RIGHT_CONTROL, counts);
}

/* An endpoint is nobody: which island it is put into says nothing. */
static bool compared(const struct judge *j, uint32_t node)
{
    return j->active[node] && j->s->objects[node].type != RECORD_CAP_ENDPOINT;
}

static void compare_islands(const struct authority *a, const struct judge *j)
{
    for (uint32_t x = 0; x < a->node_count; x++)
        for (uint32_t y = 0; y < a->node_count; y++) {
            if (!compared(j, x) || !compared(j, y))
                continue;
            bool same = authority_island(a, (int32_t)x, j->strict) ==
                        authority_island(a, (int32_t)y, j->strict);
            if (same != (j->label[x] == j->label[y]))
                fail_msg("seed %u: nodes %u and %u: the analysis says %s", random_seed, x, y,
                         same ? "one island" : "two islands");
        }
}

/* How many different domains have threads with this label. */
static uint32_t domains_with(const struct authority *a, const struct judge *j, int label)
{
    bool seen[2 * RANDOM_DOMAINS + 2] = {false};
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->state->thread_count; i++) {
        int32_t d = a->thread_domain[i];
        if (j->label[a->state->threads[i].object] != label || seen[d] ||
            (a->domains[d].trusted && !j->strict))
            continue;
        seen[d] = true;
        count++;
    }
    return count;
}

/* The verdict's islands of several domains are those of the judge, each told once. */
static void compare_verdict(const struct authority *a, const struct judge *j)
{
    struct authority_verdict v;
    uint32_t expected = 0;
    uint32_t got = 0;
    assert_int_equal(authority_check(a, j->strict, &v), ERR_OK);
    for (uint32_t n = 0; n < a->node_count; n++)
        expected += (uint32_t)(j->label[n] == (int)n && domains_with(a, j, (int)n) > 1);
    for (uint32_t i = 0; i < v.count; i++) {
        if (v.breach[i].kind != AUTHORITY_BREACH_MERGED)
            continue;
        got++;
        for (uint32_t t = 0; t < a->state->thread_count; t++)
            if (a->thread_domain[t] == v.breach[i].domain_a && v.breach[i].path_count) {
                const struct authority_step *s = &v.breach[i].path[0];
                int32_t from = s->backwards ? a->edges[s->edge].to : a->edges[s->edge].from;
                if (from == a->state->threads[t].object)
                    assert_int_equal(v.breach[i].further + 2, domains_with(a, j, j->label[from]));
            }
    }
    if (got != expected)
        fail_msg("seed %u: expected %u islands of several domains, got %u", random_seed, expected,
                 got);
    if (expected)
        assert_int_equal(authority_outcome(&v) == AUTHORITY_ISOLATED, false);
    authority_verdict_free(&v);
}

static void islands_answers_and_verdicts_agree_with_brute_force(void **state)
{
    uint64_t open[2] = {0, 0};
    uint64_t strict[2] = {0, 0};
    (void)state;
    for (uint32_t round = 0; round < rounds(); round++) {
        struct capstate s;
        struct authority a;
        random_system(&s, round, 0);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        judge(&j_open, &s, false);
        judge(&j_strict, &s, true);
        compare_islands(&a, &j_open);
        compare_islands(&a, &j_strict);
        compare_verdict(&a, &j_open);
        compare_verdict(&a, &j_strict);
        ask_at_random(&a, &j_open, open);
        ask_at_random(&a, &j_strict, strict);
        authority_free(&a);
        capstate_free(&s);
    }
    print_message("# %u systems; managers left out: %llu yes, %llu no; strict: %llu yes, %llu no\n",
                  rounds(), (unsigned long long)open[1], (unsigned long long)open[0],
                  (unsigned long long)strict[1], (unsigned long long)strict[0]);
    assert_true(open[0] > open[1] / 10 && open[1] > open[0] / 10);
}

/* --- what it must not depend on --------------------------------------------------------------- */

static uint64_t slot_of(const struct authority *a, int32_t slot)
{
    return slot < 0 ? 0 : a->state->slots[slot].rec.addr;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    return (h ^ v) * 0x100000001b3u;
}

/* Everything that a row of the verdict shows. */
static uint64_t row_sum(const struct authority *a, const struct authority_breach *b)
{
    uint64_t h = mix(mix(mix(0xcbf29ce484222325u, b->kind), b->weight), b->further);
    h = mix(mix(h, (uint64_t)b->domain_a), (uint64_t)b->domain_b);
    h = mix(mix(h, (uint64_t)b->object), (uint64_t)b->object_b);
    for (uint32_t i = 0; i < b->path_count; i++) {
        const struct authority_edge *e = &a->edges[b->path[i].edge];
        h = mix(mix(mix(h, (uint64_t)e->from), (uint64_t)e->to), e->kind);
        h = mix(mix(h, slot_of(a, e->slot)), b->path[i].backwards);
    }
    return mix(mix(h, slot_of(a, b->slot_a)), slot_of(a, b->slot_b));
}

/* Rows about domains; those about Retype name the first capability in derivation order. */
static uint64_t verdict_sum(const struct capstate *s)
{
    struct authority a;
    struct authority_verdict v;
    uint64_t h = 0;
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, false, &v), ERR_OK);
    for (uint32_t i = 0; i < v.count; i++)
        if (v.breach[i].domain_a >= 0)
            h = mix(h, row_sum(&a, &v.breach[i]));
    authority_verdict_free(&v);
    authority_free(&a);
    return h;
}

static void witnesses_do_not_depend_on_the_order_of_the_snapshot(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < rounds() / 4; round++) {
        struct capstate s;
        random_system(&s, round, 0);
        uint64_t as_made = verdict_sum(&s);
        capstate_free(&s);
        random_system(&s, round, round + 1);
        if (verdict_sum(&s) != as_made)
            fail_msg("round %u: another order of the slots gives other witnesses", round);
        capstate_free(&s);
    }
}

/* --- whose things are, alone ------------------------------------------------------------------- */

static const char *name_of(const struct authority *a, int32_t domain)
{
    return domain < 0 ? "-" : a->domains[domain].name;
}

static bool holds_slots(uint32_t type)
{
    return type == RECORD_CAP_CNODE || type == RECORD_CAP_TCB || type == RECORD_CAP_ZOMBIE;
}

static void compare_homes(const struct authority *whole, const struct authority *part)
{
    const struct capstate *s = whole->state;
    for (uint32_t n = 0; n < s->object_count; n++)
        if (holds_slots(s->objects[n].type))
            assert_string_equal(name_of(part, part->home[n]), name_of(whole, whole->home[n]));
    for (uint32_t i = 0; i < s->thread_count; i++)
        assert_string_equal(name_of(part, part->thread_domain[i]),
                            name_of(whole, whole->thread_domain[i]));
    for (uint32_t n = 0; n < s->object_count; n++)
        assert_int_equal(part->enclosing[n], whole->enclosing[n]);
    assert_int_equal(part->by_islands, whole->by_islands);
}

static void homes_alone_are_those_of_the_whole(void **state)
{
    struct authority_rules rules = {0};
    uint32_t short_ones = 0;
    (void)state;
    assert_int_equal(authority_rules_add(&rules, "t*", "others", false), ERR_OK);
    for (uint32_t round = 0; round < rounds(); round++) {
        struct capstate s;
        struct authority whole;
        struct authority part;
        const struct authority_rules *by = round % 3 ? NULL : &rules;
        random_system(&s, round, 0);
        assert_int_equal(authority_build(&s, by, &whole), ERR_OK);
        assert_int_equal(authority_build_homes(&s, by, &part), ERR_OK);
        compare_homes(&whole, &part);
        short_ones += part.edge_count < whole.edge_count;
        authority_free(&part);
        authority_free(&whole);
        capstate_free(&s);
    }
    authority_rules_free(&rules);
    assert_true(short_ones > rounds() / 3);
}

/* Does a capability to the object lie in the domain, or a thread of the domain translate through it? */
static bool has_hold(const struct authority *a, int32_t domain, uint32_t object)
{
    const struct capstate *s = a->state;
    for (int32_t i = s->objects[object].first_slot; i >= 0; i = s->slots[i].next_same)
        if (authority_slot_domain(a, i) == domain)
            return true;
    return s->objects[object].type == RECORD_CAP_FRAME ||
           s->objects[object].type == RECORD_CAP_PAGE_TABLE ||
           s->objects[object].type == RECORD_CAP_PAGE_DIRECTORY;
}

/* What an endpoint delivers to a thread is no capability to its CSpace, and so on. */
static void who_is_told_to_hold_has_a_capability(void **state)
{
    uint32_t told = 0;
    struct authority_rules each = {0};
    (void)state;
    assert_int_equal(authority_rules_add(&each, "*", "*", false), ERR_OK);
    for (uint32_t round = 0; round < rounds(); round++) {
        struct capstate s;
        struct authority a;
        random_system(&s, round, 0);
        assert_int_equal(authority_build(&s, round % 2 ? &each : NULL, &a), ERR_OK);
        for (uint32_t n = 0; n < s.object_count; n++)
            for (int32_t d = 0; d < (int32_t)a.domain_count; d++)
                if (authority_domain_holds(&a, d, (int32_t)n)) {
                    assert_true(has_hold(&a, d, n));
                    told++;
                }
        authority_free(&a);
        capstate_free(&s);
    }
    authority_rules_free(&each);
    assert_true(told > rounds());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(homes_alone_are_those_of_the_whole),
        cmocka_unit_test(who_is_told_to_hold_has_a_capability),
        cmocka_unit_test(islands_answers_and_verdicts_agree_with_brute_force),
        cmocka_unit_test(witnesses_do_not_depend_on_the_order_of_the_snapshot),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
