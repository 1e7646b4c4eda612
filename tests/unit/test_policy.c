/* Policies: round trips over random systems, each line the only one that allows its crossing, what
 * the verdict finds is in the policy too, and what a file is refused for. */
#include "authority/policy.h"

#include "tests/unit/random_system.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 600 };

static char path[64];

static void put_text(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void read_back(struct policy *p)
{
    struct authority_rules_fault fault;
    enum error e = policy_read(path, p, &fault);
    if (e != ERR_OK)
        fail_msg("seed %u: line %u, column %u: %s", random_seed, fault.line, fault.column,
                 fault.sentence);
}

static void write_policy_of(const struct authority *a, bool strict)
{
    struct policy p = {.strict = strict};
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(policy_add(&p, a), ERR_OK);
    assert_true(policy_write(f, &p));
    assert_int_equal(fclose(f), 0);
    policy_free(&p);
}

static void judge(struct policy *p, const struct authority *a, struct policy_judgement *j)
{
    assert_int_equal(policy_judge(p, a, false, j), ERR_OK);
}

/* --- round trips --- */

static void assert_exact(struct policy *p, const struct authority *a)
{
    struct policy_judgement j;
    judge(p, a, &j);
    assert_int_equal(j.count, 0);
    for (uint32_t i = 0; i < p->count; i++)
        assert_int_equal(p->line[i].used,
                         p->line[i].statement == POLICY_ALLOW ? p->line[i].amount : 1);
    policy_judgement_free(&j);
}

/* What is judged without line i is outside by that line and nothing else. */
static void assert_needs(struct policy *p, uint32_t i, const struct authority *a)
{
    struct policy_judgement j;
    char wanted[512];
    char got[512];
    struct policy_line removed = p->line[i];
    uint32_t last = p->count - 1;
    p->line[i] = p->line[last];
    p->line[last] = removed;
    p->count--;
    judge(p, a, &j);
    assert_int_equal(j.count, 1);
    assert_null(j.outside[0].line);
    assert_string_equal(policy_line_text(&j.outside[0].wanted, got, sizeof(got)),
                        policy_line_text(&removed, wanted, sizeof(wanted)));
    policy_judgement_free(&j);
    p->count++;
    p->line[last] = p->line[i];
    p->line[i] = removed;
}

/* Half of what is needed is told apart from nothing. */
static void assert_amount_counts(struct policy *p, const struct authority *a)
{
    struct policy_judgement j;
    for (uint32_t i = 0; i < p->count; i++) {
        struct policy_line *l = &p->line[i];
        if (l->statement != POLICY_ALLOW || l->amount < 2)
            continue;
        l->amount--;
        judge(p, a, &j);
        assert_int_equal(j.count, 1);
        assert_ptr_equal(j.outside[0].line, l);
        assert_int_equal(j.outside[0].wanted.amount, l->amount + 1);
        policy_judgement_free(&j);
        l->amount++;
    }
}

static void round_trip(uint32_t round, bool strict)
{
    struct capstate s;
    struct authority a;
    struct policy p;
    random_system(&s, round, 0);
    assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
    write_policy_of(&a, strict);
    read_back(&p);
    assert_int_equal(p.strict, strict);
    assert_exact(&p, &a);
    for (uint32_t i = 0; i < p.count; i++)
        assert_needs(&p, i, &a);
    assert_amount_counts(&p, &a);
    policy_free(&p);
    authority_free(&a);
    capstate_free(&s);
}

static void a_policy_allows_what_it_was_made_of_and_each_line_is_needed(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS; round++)
        round_trip(round, round % 3 == 0);
}

static char *text_of(const struct capstate *s)
{
    struct authority a;
    struct policy p = {0};
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    assert_int_equal(policy_add(&p, &a), ERR_OK);
    assert_true(policy_write(f, &p));
    fclose(f);
    policy_free(&p);
    authority_free(&a);
    return text;
}

static void a_policy_does_not_depend_on_the_order_of_a_snapshot(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < ROUNDS / 4; round++) {
        struct capstate s;
        struct capstate other;
        random_system(&s, round, 0);
        random_system(&other, round, round + 77);
        char *x = text_of(&s);
        char *y = text_of(&other);
        assert_string_equal(x, y);
        free(x);
        free(y);
        capstate_free(&s);
        capstate_free(&other);
    }
}

/* --- against the verdict --- */

static bool speaks_of(const struct policy_crossing *c, const char *a, const char *b)
{
    bool forth = strcmp(c->from, a) == 0 && strcmp(c->to, b) == 0;
    bool back = strcmp(c->from, b) == 0 && strcmp(c->to, a) == 0;
    return forth || back;
}

/* Sharing is told of the one whose it is and each other, by the verdict maybe another's. */
static bool has_crossing(const struct policy_crossings *c, const struct authority *a,
                         const struct authority_breach *b)
{
    static const enum policy_verb verbs[AUTHORITY_BREACH_KINDS] = {
        [AUTHORITY_BREACH_APPLICATION] = POLICY_SHARE,
        [AUTHORITY_BREACH_SHARED_CNODE] = POLICY_SHARE,
        [AUTHORITY_BREACH_SHARED_TABLE] = POLICY_SHARE,
        [AUTHORITY_BREACH_SHARED_CONTROL] = POLICY_SHARE,
        [AUTHORITY_BREACH_GRANT_CHANNEL] = POLICY_GRANT,
        [AUTHORITY_BREACH_REPLY_CHANNEL] = POLICY_GRANT,
        [AUTHORITY_BREACH_FOREIGN_TCB] = POLICY_CONTROL,
        [AUTHORITY_BREACH_FOREIGN_COVER] = POLICY_COVER,
        [AUTHORITY_BREACH_MERGED] = POLICY_JOIN};
    for (uint32_t i = 0; i < c->count; i++) {
        const struct policy_crossing *x = &c->crossing[i];
        bool share = x->verb == POLICY_SHARE && x->type == a->state->objects[b->object].type;
        bool manager = b->kind == AUTHORITY_BREACH_MANAGER && x->verb != POLICY_SHARE;
        if ((x->verb == verbs[b->kind] || manager) &&
            (share ? strcmp(x->from, a->domains[b->domain_a].name) == 0 ||
                         strcmp(x->to, a->domains[b->domain_a].name) == 0
                   : speaks_of(x, a->domains[b->domain_a].name, a->domains[b->domain_b].name)))
            return true;
    }
    return false;
}

/* Every crossing but flow is a breach to the verdict. */
static bool breaks_isolation(const struct policy_crossing *c)
{
    return c->verb != POLICY_SIGNAL && c->verb != POLICY_SEND && c->verb != POLICY_CALL &&
           c->verb != POLICY_WRITE;
}

static uint32_t compare_with_verdict(const struct authority *a, bool strict)
{
    struct authority_verdict v;
    struct policy_crossings c;
    uint32_t between = 0;
    uint32_t breaking = 0;
    assert_int_equal(authority_check(a, strict, &v), ERR_OK);
    assert_int_equal(policy_crossings(a, strict, &c), ERR_OK);
    for (uint32_t i = 0; i < v.count; i++) {
        const struct authority_breach *b = &v.breach[i];
        if (b->weight != AUTHORITY_BREACH || b->domain_a < 0)
            continue;
        between++;
        if (!has_crossing(&c, a, b))
            fail_msg("seed %u: %s between %s and %s is no crossing", random_seed,
                     authority_breach_name(b->kind), a->domains[b->domain_a].name,
                     a->domains[b->domain_b].name);
    }
    for (uint32_t i = 0; i < c.count; i++)
        breaking += breaks_isolation(&c.crossing[i]);
    assert_int_equal(between > 0, breaking > 0);
    policy_crossings_free(&c);
    authority_verdict_free(&v);
    return between;
}

static void each_breach_is_a_crossing_and_without_one_there_is_only_flow(void **state)
{
    uint32_t breaches = 0;
    (void)state;
    for (uint32_t round = 0; round < 4 * ROUNDS; round++) {
        struct capstate s;
        struct authority a;
        random_system(&s, round, 0);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        breaches += compare_with_verdict(&a, false);
        breaches += compare_with_verdict(&a, true);
        authority_free(&a);
        capstate_free(&s);
    }
    assert_true(breaches > ROUNDS);
}

/* --- files --- */

#define BEGIN "policy 1\nmanager boss\ndomain a\ndomain \"b c\"\n"

static const struct {
    const char *text;
    uint32_t line, column;
    const char *sentence;
} refused[] = {
    {"", 1, 1, "begins with"},
    {"# nothing\n", 2, 1, "begins with"},
    {"domain a\n", 1, 1, "begins with"},
    {"policy 2\n", 1, 8, "version 1"},
    {"policy\n", 1, 7, "missing"},
    {"policy 1\npolicy 1\n", 2, 1, "once"},
    {BEGIN "permit a call b\n", 5, 1, "permit"},
    {BEGIN "domain\n", 5, 7, "missing"},
    {BEGIN "domain x y\n", 5, 10, "too many"},
    {BEGIN "domain \"\"\n", 5, 8, "needs a name"},
    {BEGIN "domain \"x\n", 5, 8, "not closed"},
    {BEGIN "domain a\n", 5, 8, "line 3"},
    {BEGIN "manager a\n", 5, 9, "line 3"},
    {BEGIN "domain x\001\n", 5, 9, "control character"},
    {BEGIN "allow a call \"b c\"\n", 5, 19, "missing"},
    {BEGIN "allow a call \"b c\" 1 endpoint now\n", 5, 31, "behind"},
    {BEGIN "allow a phone \"b c\" 1 endpoint\n", 5, 9, "phone"},
    {BEGIN "allow a call d 1 endpoint\n", 5, 14, "d: no line"},
    {BEGIN "allow d call a 1 endpoint\n", 5, 7, "d: no line"},
    {BEGIN "allow a call a 1 endpoint\n", 5, 14, "its own"},
    {BEGIN "allow a call \"b c\" 0 endpoint\n", 5, 20, "amount"},
    {BEGIN "allow a call \"b c\" -1 endpoint\n", 5, 20, "amount"},
    {BEGIN "allow a call \"b c\" 99999999999999999999 endpoint\n", 5, 20, "amount"},
    {BEGIN "allow a write \"b c\" 20000000000G frame\n", 5, 21, "amount"},
    {BEGIN "allow a call \"b c\" 1K endpoint\n", 5, 20, "bytes"},
    {BEGIN "allow a call \"b c\" 1 gate\n", 5, 22, "gate"},
    {BEGIN "allow a call \"b c\" 1 type5\n", 5, 22, "type5"},
    {BEGIN "allow a call \"b c\" 1 frame\n", 5, 22, "not about"},
    {BEGIN "allow a signal \"b c\" 1 notification\nallow a signal \"b c\" 2 notification\n", 6, 7,
     "line 5"},
    {BEGIN "strict really\n", 5, 8, "too many"},
    {"\xff\xfep", 1, 1, "UTF-16"},
};

static void errors_are_told_by_line_and_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct policy p = {0};
        struct authority_rules_fault fault;
        put_text(refused[i].text);
        assert_int_equal(policy_read(path, &p, &fault), ERR_FORMAT);
        if (fault.line != refused[i].line || fault.column != refused[i].column ||
            !strstr(fault.sentence, refused[i].sentence))
            fail_msg("case %zu: expected %u:%u %s, got %u:%u %s", i, refused[i].line,
                     refused[i].column, refused[i].sentence, fault.line, fault.column,
                     fault.sentence);
        assert_null(p.line);
    }
}

static void what_people_write_is_read(void **state)
{
    struct policy p;
    char text[256];
    (void)state;
    put_text("\xef\xbb\xbf# ours\r\npolicy 1\r\n\r\nstrict # all\r\ndomain \"b \\\"c\" # odd\r\n"
             "allow a write \"b \\\"c\" 12K frame\r\n  domain a\r\n"
             "allow \"b \\\"c\" cover a 1 untyped\r\nallow a share \"b \\\"c\" 2 type77");
    read_back(&p);
    assert_true(p.strict);
    assert_int_equal(p.count, 5);
    assert_int_equal(p.line[1].amount, 12 * 1024);
    assert_int_equal(p.line[1].number, 6);
    assert_string_equal(policy_line_text(&p.line[1], text, sizeof(text)),
                        "allow a write \"b \\\"c\" 12K frame");
    assert_string_equal(policy_line_text(&p.line[4], text, sizeof(text)),
                        "allow a share \"b \\\"c\" 2 type77");
    policy_free(&p);
}

/* --- who is there --- */

static void two_threads(struct capstate *s, struct authority *a, const char *one, const char *other)
{
    const char *names[] = {one, other};
    state_begin(s);
    for (uint32_t i = 0; i < 2; i++)
        state_slot(s, (struct record_slot){.addr = 0x80040000 + 16 * i,
                                           .type = RECORD_CAP_TCB,
                                           .object = 0x80100000 + 512 * i,
                                           .bits = 9});
    s->snapshot.root_thread = 0x80200000;
    for (uint32_t i = 0; i < 2; i++)
        state_thread(s, 0x80100000 + 512 * i, names[i]);
    state_end(s);
    assert_int_equal(authority_build(s, NULL, a), ERR_OK);
}

static void a_domain_that_is_not_named_is_outside_and_one_that_is_gone_unused(void **state)
{
    struct capstate s;
    struct authority a;
    struct policy p;
    struct policy_judgement j;
    (void)state;
    two_threads(&s, &a, "guest/x", "intruder/x");
    put_text("policy 1\ndomain guest\ndomain driver\n");
    read_back(&p);
    judge(&p, &a, &j);
    assert_int_equal(j.count, 1);
    assert_string_equal(j.outside[0].crossing.from, "intruder");
    assert_int_equal(j.outside[0].wanted.statement, POLICY_DOMAIN);
    assert_int_equal(p.line[0].used, 1);
    assert_int_equal(p.line[1].used, 0);
    policy_judgement_free(&j);
    policy_free(&p);
    authority_free(&a);
    capstate_free(&s);
}

/* A file keeps the larger amount of several states. */
static void what_several_states_need_is_added_up(void **state)
{
    struct policy p = {0};
    struct capstate s[40];
    struct authority a[40];
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        random_system(&s[i], i, 0);
        assert_int_equal(authority_build(&s[i], NULL, &a[i]), ERR_OK);
        assert_int_equal(policy_add(&p, &a[i]), ERR_OK);
    }
    for (uint32_t i = 0; i < 40; i++) {
        struct policy_judgement j;
        judge(&p, &a[i], &j);
        assert_int_equal(j.count, 0);
        policy_judgement_free(&j);
    }
    for (uint32_t i = 0; i < p.count; i++)
        assert_true(p.line[i].used == (p.line[i].statement == POLICY_ALLOW ? p.line[i].amount : 1));
    policy_free(&p);
    for (uint32_t i = 0; i < 40; i++) {
        authority_free(&a[i]);
        capstate_free(&s[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_allows_what_it_was_made_of_and_each_line_is_needed),
        cmocka_unit_test(a_policy_does_not_depend_on_the_order_of_a_snapshot),
        cmocka_unit_test(each_breach_is_a_crossing_and_without_one_there_is_only_flow),
        cmocka_unit_test(errors_are_told_by_line_and_column),
        cmocka_unit_test(what_people_write_is_read),
        cmocka_unit_test(a_domain_that_is_not_named_is_outside_and_one_that_is_gone_unused),
        cmocka_unit_test(what_several_states_need_is_added_up),
    };
    snprintf(path, sizeof(path), "/tmp/policy-test-%ld", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
