/* The authority analysis on states written by hand: a system of two domains under a root task in
 * which one fault at a time is planted; who is trusted, what is a domain, what a file of rules
 * says. test_authority_oracle.c judges it on random systems. */
#include "authority/explain.h"

#include "tests/unit/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the system ------------------------------------------------------------------------------- */

enum plant {
    PLANT_NOTHING,
    PLANT_SHARED_CNODE,
    PLANT_FOREIGN_CNODE,
    PLANT_GRANT,
    PLANT_GRANT_REPLY,
    PLANT_TCB,
    PLANT_COVER,
    PLANT_REPLY,
    PLANT_TABLE,
    PLANT_MANAGER,
    PLANT_APPLICATION,
    PLANT_OVERLAP,
    PLANT_OUTSIDE,
    PLANT_WATERMARK,
    PLANT_ORPHAN,
    PLANT_BADGE,
    PLANT_FINDING,
    PLANT_IRQ,
};

#define ROOT_TCB_ADDR   0x80100000u
#define ROOT_CNODE_ADDR 0x80110000u
#define RAM_UNTYPED     0x82000000u

/* Objects of domain d, from its untyped block of 1 MiB. */
static uint32_t base_of(int d)
{
    return RAM_UNTYPED + (uint32_t)d * 0x100000u;
}
enum {
    OFF_TCB = 0,
    OFF_CNODE = 0x1000,
    OFF_SHARED = 0x1400,
    OFF_EP = 0x2000,
    OFF_FRAME = 0x3000,
    OFF_PT = 0x2400,
    OFF_PD = 0x4000,
    OFF_LENT = 0x8000
};

struct system {
    struct capstate s;
    uint32_t root_index;
    enum plant plant;
};

static void put(struct system *y, uint32_t depth, uint32_t addr, uint32_t type, uint32_t object,
                uint32_t bits, uint32_t rights, uint32_t data)
{
    state_slot(&y->s, (struct record_slot){.addr = addr,
                                           .depth = depth,
                                           .type = type,
                                           .object = object,
                                           .bits = bits,
                                           .rights = rights,
                                           .flags = RECORD_SLOT_REVOCABLE,
                                           .data = data});
}

static void put_root(struct system *y, uint32_t depth, uint32_t type, uint32_t object,
                     uint32_t bits, uint32_t rights, uint32_t data)
{
    put(y, depth, ROOT_CNODE_ADDR + 16 * y->root_index++, type, object, bits, rights, data);
}

static uint32_t cspace_slot(int d, uint32_t index)
{
    return base_of(d) + OFF_CNODE + 16 * index;
}

static void put_cnodes(struct system *y, int d)
{
    uint32_t b = base_of(d);
    put_root(y, 2, RECORD_CAP_CNODE, b + OFF_CNODE, 8, 0, 0);
    put(y, 3, b + OFF_TCB, RECORD_CAP_CNODE, b + OFF_CNODE, 8, 0, 0);
    if (d == 0 && y->plant == PLANT_FOREIGN_CNODE)
        put(y, 3, cspace_slot(1, 5), RECORD_CAP_CNODE, b + OFF_CNODE, 8, 0, 0);
    if (d == 0 && y->plant == PLANT_SHARED_CNODE) {
        put_root(y, 2, RECORD_CAP_CNODE, b + OFF_SHARED, 8, 0, 0);
        put(y, 3, cspace_slot(0, 5), RECORD_CAP_CNODE, b + OFF_SHARED, 8, 0, 0);
        put(y, 3, cspace_slot(1, 5), RECORD_CAP_CNODE, b + OFF_SHARED, 8, 0, 0);
    }
    if (d == 0 && y->plant == PLANT_APPLICATION) {
        put(y, 3, b + 0x400, RECORD_CAP_CNODE, b + OFF_CNODE, 8, 0, 0);
        put_root(y, 2, RECORD_CAP_TCB, b + 0x400, 9, 0, 0);
    }
}

/* Domain 0 serves: it reads its endpoint; domain 1 calls it with W and P. */
static void put_endpoint(struct system *y, int d)
{
    uint32_t ep = base_of(d) + OFF_EP;
    uint32_t server = RECORD_RIGHT_READ;
    uint32_t client = RECORD_RIGHT_WRITE | RECORD_RIGHT_GRANT_REPLY;
    if (y->plant == PLANT_GRANT)
        client |= RECORD_RIGHT_GRANT;
    if (y->plant == PLANT_GRANT_REPLY)
        server |= RECORD_RIGHT_GRANT;
    put_root(y, 2, RECORD_CAP_ENDPOINT, ep, 4, 15, 0);
    if (d != 0)
        return;
    put(y, 3, cspace_slot(0, 1), RECORD_CAP_ENDPOINT, ep, 4, server, 0);
    put(y, 3, cspace_slot(1, 1), RECORD_CAP_ENDPOINT, ep, 4, client, 9);
    if (y->plant == PLANT_BADGE)
        put(y, 4, cspace_slot(1, 9), RECORD_CAP_ENDPOINT, ep, 4, client, 10);
}

static void put_lent(struct system *y)
{
    uint32_t lent = base_of(0) + OFF_LENT;
    put_root(y, 2, RECORD_CAP_UNTYPED, lent, 13, 0, 0x1000);
    put(y, 3, cspace_slot(1, 7), RECORD_CAP_UNTYPED, lent, 13, 0, 0x1000);
    put(y, 4, cspace_slot(0, 7), RECORD_CAP_FRAME, lent, 12, RECORD_RIGHT_READ | RECORD_RIGHT_WRITE,
        0);
}

static void put_domain(struct system *y, int d)
{
    uint32_t b = base_of(d);
    uint32_t mark = d == 0 && y->plant == PLANT_WATERMARK ? 0x1000 : 0x100000;
    put_root(y, 1, RECORD_CAP_UNTYPED, b, 20, 0, mark);
    put_root(y, 2, RECORD_CAP_TCB, b + OFF_TCB, 9, 0, 0);
    if (d == 0 && y->plant == PLANT_TCB)
        put(y, 3, cspace_slot(1, 6), RECORD_CAP_TCB, b + OFF_TCB, 9, 0, 0);
    put_cnodes(y, d);
    put_endpoint(y, d);
    put_root(y, 2, RECORD_CAP_FRAME, b + OFF_FRAME, 12, RECORD_RIGHT_READ | RECORD_RIGHT_WRITE, 0);
    put(y, 3, cspace_slot(d, 3), RECORD_CAP_FRAME, b + OFF_FRAME, 12,
        RECORD_RIGHT_READ | RECORD_RIGHT_WRITE, 0);
    if (d == 0 && y->plant == PLANT_OVERLAP)
        put_root(y, 2, RECORD_CAP_ENDPOINT, b + OFF_FRAME + 16, 4, 15, 0);
    if (d == 0 && y->plant == PLANT_OUTSIDE)
        put_root(y, 2, RECORD_CAP_ENDPOINT, RAM_UNTYPED + 0x800000, 4, 15, 0);
    put_root(y, 2, RECORD_CAP_PAGE_DIRECTORY, b + OFF_PD, 14, 0, 0);
    put(y, 3, b + OFF_TCB + 16, RECORD_CAP_PAGE_DIRECTORY, b + OFF_PD, 14, 0, 0);
    put_root(y, 2, RECORD_CAP_PAGE_TABLE, b + OFF_PT, 10, 0, 0);
    if (d == 0 && y->plant == PLANT_COVER)
        put_lent(y);
}

static void put_top(struct system *y)
{
    put_root(y, 0, RECORD_CAP_TCB, ROOT_TCB_ADDR, 9, 0, 0);
    if (y->plant == PLANT_MANAGER)
        put(y, 1, cspace_slot(1, 8), RECORD_CAP_TCB, ROOT_TCB_ADDR, 9, 0, 0);
    put_root(y, 0, RECORD_CAP_CNODE, ROOT_CNODE_ADDR, 12, 0, 0);
    put(y, 1, ROOT_TCB_ADDR, RECORD_CAP_CNODE, ROOT_CNODE_ADDR, 12, 0, 0);
    put_root(y, 0, RECORD_CAP_IRQ_CONTROL, 0, 0, 0, 0);
    if (y->plant == PLANT_IRQ) {
        put(y, 1, cspace_slot(0, 10), RECORD_CAP_IRQ_HANDLER, 0, 0, 0, 5);
        put(y, 1, cspace_slot(1, 10), RECORD_CAP_IRQ_HANDLER, 0, 0, 0, 5);
    }
}

static void put_table_mapping(struct system *y, int dir, int table)
{
    state_mapping(&y->s, (struct record_mapping){.dir = base_of(dir) + OFF_PD,
                                                 .asid = (uint32_t)dir + 1,
                                                 .vaddr = 0x10000,
                                                 .frame = base_of(table) + OFF_FRAME,
                                                 .bits = 12,
                                                 .rights = RECORD_RIGHT_READ,
                                                 .table = base_of(table) + OFF_PT});
}

static void make_system(struct system *y, enum plant plant)
{
    *y = (struct system){.root_index = 1, .plant = plant};
    state_begin(&y->s);
    y->s.snapshot.root_thread = ROOT_TCB_ADDR;
    put_top(y);
    put_root(y, 0, RECORD_CAP_UNTYPED, RAM_UNTYPED, 24, 0, 0x1000000);
    put_domain(y, 0);
    put_domain(y, 1);
    if (plant == PLANT_ORPHAN)
        put_root(y, 0, RECORD_CAP_ENDPOINT, base_of(0) + 0x2100, 4, 15, 0);
    if (plant == PLANT_REPLY)
        put(y, 0, base_of(1) + 0x30, RECORD_CAP_REPLY, base_of(0) + OFF_TCB, 0, RECORD_RIGHT_GRANT,
            0);
    state_thread(&y->s, ROOT_TCB_ADDR, "rootserver");
    state_thread(&y->s, base_of(0) + OFF_TCB, "server/init");
    state_thread(&y->s, base_of(1) + OFF_TCB, "client/init");
    if (plant == PLANT_APPLICATION)
        state_thread(&y->s, base_of(0) + 0x400, "client/other");
    put_table_mapping(y, 0, 0);
    put_table_mapping(y, 1, plant == PLANT_TABLE ? 0 : 1);
    if (plant == PLANT_FINDING)
        state_finding(&y->s, (struct record_finding){9, 0x82000000, 0, 1});
    state_end(&y->s);
}

/* --- planted faults --------------------------------------------------------------------------- */

struct fault {
    enum plant plant;
    enum authority_breach_kind kind;
    const char *a, *b; /* domains, NULL: not about domains */
    bool merges;
};

static const struct fault faults[] = {
    {PLANT_SHARED_CNODE, AUTHORITY_BREACH_SHARED_CNODE, "server", "client", true},
    {PLANT_FOREIGN_CNODE, AUTHORITY_BREACH_SHARED_CNODE, "client", "server", true},
    {PLANT_GRANT, AUTHORITY_BREACH_GRANT_CHANNEL, "client", "server", true},
    {PLANT_GRANT_REPLY, AUTHORITY_BREACH_GRANT_CHANNEL, "client", "server", true},
    {PLANT_TCB, AUTHORITY_BREACH_FOREIGN_TCB, "client", "server", true},
    {PLANT_COVER, AUTHORITY_BREACH_FOREIGN_COVER, "client", "server", false},
    {PLANT_REPLY, AUTHORITY_BREACH_REPLY_CHANNEL, "client", "server", true},
    {PLANT_TABLE, AUTHORITY_BREACH_SHARED_TABLE, "server", "client", true},
    {PLANT_MANAGER, AUTHORITY_BREACH_MANAGER, "client", "rootserver", true},
    {PLANT_APPLICATION, AUTHORITY_BREACH_APPLICATION, "server", "client", true},
    {PLANT_IRQ, AUTHORITY_BREACH_SHARED_CONTROL, "server", "client", true},
    {PLANT_OVERLAP, AUTHORITY_BREACH_OVERLAP, NULL, NULL, false},
    {PLANT_OUTSIDE, AUTHORITY_BREACH_CHILD_OUTSIDE, NULL, NULL, false},
    {PLANT_WATERMARK, AUTHORITY_BREACH_WATERMARK, NULL, NULL, false},
    {PLANT_ORPHAN, AUTHORITY_BREACH_ORPHAN, NULL, NULL, false},
    {PLANT_BADGE, AUTHORITY_BREACH_TREE, NULL, NULL, false},
    {PLANT_FINDING, AUTHORITY_BREACH_FINDING, NULL, NULL, false},
};

static bool domain_is(const struct authority *a, int32_t d, const char *name)
{
    return name ? d >= 0 && strcmp(a->domains[d].name, name) == 0 : d < 0;
}

static void check_row(const struct authority *a, const struct fault *f,
                      const struct authority_breach *b, bool *found)
{
    if (b->kind != f->kind)
        fail_msg("plant %d: expected %s, got %s", f->plant, authority_breach_name(f->kind),
                 authority_breach_name(b->kind));
    if (*found)
        fail_msg("plant %d: one fact is two breaches", f->plant);
    *found = domain_is(a, b->domain_a, f->a) && domain_is(a, b->domain_b, f->b);
    if (f->a && f->plant != PLANT_TABLE)
        assert_true(b->slot_a >= 0);
}

/* One fact is one breach; that the domains are one island is a note that follows from it. */
static void check_fault(const struct fault *f)
{
    struct system y;
    struct authority a;
    struct authority_verdict v;
    bool found = false;
    bool merged = false;
    make_system(&y, f->plant);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, false, &v), ERR_OK);
    for (uint32_t i = 0; i < v.count; i++) {
        if (v.breach[i].kind == AUTHORITY_BREACH_MERGED) {
            merged = true;
            assert_int_equal(v.breach[i].weight, AUTHORITY_NOTE);
            assert_true(v.breach[i].path_count > 0);
            continue;
        }
        if (v.breach[i].kind == AUTHORITY_BREACH_SPLIT && f->plant == PLANT_APPLICATION)
            continue; /* client's other thread shares authority with the server alone */
        check_row(&a, f, &v.breach[i], &found);
    }
    if (!found)
        fail_msg("plant %d: %s not found", f->plant, authority_breach_name(f->kind));
    assert_int_equal(merged, f->merges);
    assert_int_equal(authority_outcome(&v),
                     f->kind == AUTHORITY_BREACH_FINDING ? AUTHORITY_UNKNOWN : AUTHORITY_BREACHED);
    authority_verdict_free(&v);
    authority_free(&a);
    capstate_free(&y.s);
}

static void each_planted_fault_is_found_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        check_fault(&faults[i]);
}

static uint32_t count_breaches(const struct capstate *s, bool strict)
{
    struct authority a;
    struct authority_verdict v;
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, strict, &v), ERR_OK);
    uint32_t count = v.count;
    authority_verdict_free(&v);
    authority_free(&a);
    return count;
}

static void a_healthy_system_is_isolated(void **state)
{
    struct system y;
    (void)state;
    make_system(&y, PLANT_NOTHING);
    assert_int_equal(count_breaches(&y.s, false), 0);
    capstate_free(&y.s);
}

static void strictly_a_root_task_breaches_everything(void **state)
{
    struct system y;
    (void)state;
    make_system(&y, PLANT_NOTHING);
    assert_true(count_breaches(&y.s, true) > 0);
    capstate_free(&y.s);
}

/* --- domains, owners, paths ------------------------------------------------------------------- */

static void names_make_domains_and_managers(void **state)
{
    struct system y;
    struct authority a;
    char text[64];
    (void)state;
    make_system(&y, PLANT_NOTHING);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_int_equal(a.domain_count, 3);
    assert_true(a.domains[authority_domain_named(&a, "rootserver")].trusted);
    assert_false(a.domains[authority_domain_named(&a, "server")].trusted);
    assert_string_equal(authority_managers_text(&a, text, sizeof(text)), "rootserver");
    int32_t server = authority_domain_named(&a, "server");
    int32_t slot = capstate_slot_at(&y.s, cspace_slot(0, 3));
    assert_int_equal(authority_slot_domain(&a, slot), server);
    authority_free(&a);
    capstate_free(&y.s);
}

static void rules_override_the_convention(void **state)
{
    struct system y;
    struct authority a;
    struct authority_rules rules = {0};
    struct authority_rules_fault fault;
    char path[] = "/tmp/authority-rules-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "# comment\n*/init  one\n\nroot*\tboss trusted # end\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fd);
    assert_int_equal(authority_rules_read(path, &rules, &fault), ERR_OK);
    unlink(path);
    make_system(&y, PLANT_TCB);
    assert_int_equal(authority_build(&y.s, &rules, &a), ERR_OK);
    assert_int_equal(a.domain_count, 2);
    assert_true(authority_domain_named(&a, "one") >= 0);
    assert_true(a.domains[authority_domain_named(&a, "boss")].trusted);
    authority_free(&a);
    authority_rules_free(&rules);
    capstate_free(&y.s);
}

static void a_bad_rule_is_refused_with_its_line(void **state)
{
    struct authority_rules rules = {0};
    struct authority_rules_fault fault;
    char path[] = "/tmp/authority-rules-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a/* a\nlonely\n", 13), 13);
    close(fd);
    assert_int_equal(authority_rules_read(path, &rules, &fault), ERR_FORMAT);
    assert_int_equal(fault.line, 2);
    unlink(path);
    assert_int_equal(authority_rules_read("/nonexistent/rules", &rules, &fault), ERR_IO);
}

/* --- trust --- */

/* The system with other names for the root task and the two domains' threads. */
static void make_planted(struct system *y, enum plant plant, uint32_t root_thread, const char *root,
                         const char *first, const char *second)
{
    *y = (struct system){.root_index = 1, .plant = plant};
    state_begin(&y->s);
    y->s.snapshot.root_thread = root_thread;
    put_top(y);
    put_root(y, 0, RECORD_CAP_UNTYPED, RAM_UNTYPED, 24, 0, 0x1000000);
    put_domain(y, 0);
    put_domain(y, 1);
    state_thread(&y->s, ROOT_TCB_ADDR, root);
    state_thread(&y->s, base_of(0), first);
    state_thread(&y->s, base_of(1), second);
    state_end(&y->s);
}

static void make_named(struct system *y, uint32_t root_thread, const char *root, const char *first,
                       const char *second)
{
    make_planted(y, PLANT_NOTHING, root_thread, root, first, second);
}

struct judged {
    struct system y;
    struct authority a;
    struct authority_verdict v;
};

static void judge(struct judged *j)
{
    assert_int_equal(authority_build(&j->y.s, NULL, &j->a), ERR_OK);
    assert_int_equal(authority_check(&j->a, false, &j->v), ERR_OK);
}

static void judged_end(struct judged *j)
{
    authority_verdict_free(&j->v);
    authority_free(&j->a);
    capstate_free(&j->y.s);
}

static uint32_t rows_of(const struct authority_verdict *v, enum authority_breach_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < v->count; i++)
        count += v->breach[i].kind == kind;
    return count;
}

static void a_thread_without_a_slash_is_no_manager(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, ROOT_TCB_ADDR, "anything", "program", "rootserver");
    judge(&j);
    assert_int_equal(j.v.domains, 2);
    assert_int_equal(j.v.threads, 2);
    assert_int_equal(j.v.managers, 1);
    assert_int_equal(j.a.root, AUTHORITY_ROOT_TOLD);
    assert_true(authority_domain_named(&j.a, "island-0x82000000") >= 0);
    assert_true(authority_domain_named(&j.a, "island-0x82100000") >= 0);
    assert_true(j.a.domains[authority_domain_named(&j.a, "anything")].trusted);
    assert_int_equal(authority_outcome(&j.v), AUTHORITY_ISOLATED);
    judged_end(&j);
}

static void a_name_cannot_join_those_who_are_trusted(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, ROOT_TCB_ADDR, "boss", "boss/helper", "island-0x80100000/x");
    judge(&j);
    int32_t helper = authority_domain_named(&j.a, "boss (by name)");
    assert_true(helper >= 0);
    assert_false(j.a.domains[helper].trusted);
    assert_true(authority_domain_named(&j.a, "island-0x82100000") >= 0);
    assert_int_equal(j.v.managers, 1);
    judged_end(&j);
}

/* A thread that is new may have the lower address, and has the kernel's name for it, or none. */
static void an_island_of_mainline_keeps_its_name_when_a_thread_comes(void **state)
{
    static const char *const fresh[] = {"child of: 'rootserver'", "", "odd name"};
    (void)state;
    for (size_t i = 0; i < sizeof(fresh) / sizeof(*fresh); i++) {
        struct judged j;
        make_planted(&j.y, PLANT_TCB, ROOT_TCB_ADDR, "rootserver", fresh[i], "waiter");
        j.y.s.snapshot.kernel = RECORD_KERNEL_SEL4;
        judge(&j);
        assert_int_equal(j.v.domains, 1);
        assert_true(authority_domain_named(&j.a, "waiter") >= 0);
        judged_end(&j);
    }
}

static void the_default_name_of_the_kernel_names_no_domain(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, ROOT_TCB_ADDR, "child of: 'a/b'", "child of: 'rootserver'",
               "child of: 'guest/init'");
    judge(&j);
    assert_int_equal(j.v.domains, 2);
    assert_true(authority_domain_named(&j.a, "root-task") >= 0);
    assert_true(authority_domain_named(&j.a, "island-0x82000000") >= 0);
    assert_true(authority_domain_named(&j.a, "island-0x82100000") >= 0);
    judged_end(&j);
}

/* An answer that says "-" says that nobody is there. */
static void nobody_takes_the_name_of_what_has_no_domain(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, ROOT_TCB_ADDR, "(kernel)", "-/x", "(shared)/x");
    judge(&j);
    assert_int_equal(j.v.domains, 2);
    assert_true(authority_domain_named(&j.a, "root-task") >= 0);
    assert_true(authority_domain_named(&j.a, "island-0x82000000") >= 0);
    assert_true(authority_domain_named(&j.a, "island-0x82100000") >= 0);
    judged_end(&j);
    make_named(&j.y, ROOT_TCB_ADDR, "root", "-x/x", "a(b)/x");
    judge(&j);
    assert_true(authority_domain_named(&j.a, "-x") >= 0);
    assert_true(authority_domain_named(&j.a, "a(b)") >= 0);
    judged_end(&j);
}

static void an_older_snapshot_is_searched_for_its_root_task(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, 0, "rootserver", "server/init", "client/init");
    judge(&j);
    assert_int_equal(j.a.root, AUTHORITY_ROOT_BY_PLACE);
    assert_int_equal(j.v.managers, 1);
    assert_int_equal(authority_outcome(&j.v), AUTHORITY_ISOLATED);
    judged_end(&j);
}

/* The thread that the snapshot names is gone: whoever is called like it is not it. */
static void nobody_is_trusted_when_the_root_task_is_not_known(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, 0x80200000, "rootserver", "server/init", "client/init");
    judge(&j);
    assert_int_equal(j.a.root, AUTHORITY_ROOT_TOLD);
    assert_int_equal(j.a.root_thread, -1);
    assert_int_equal(j.v.managers, 0);
    assert_int_equal(authority_outcome(&j.v), AUTHORITY_BREACHED);
    judged_end(&j);
}

static void nothing_to_compare_is_no_verdict(void **state)
{
    struct judged j = {.y = {.root_index = 1}};
    (void)state;
    state_begin(&j.y.s);
    j.y.s.snapshot.root_thread = ROOT_TCB_ADDR;
    put_top(&j.y);
    put_root(&j.y, 0, RECORD_CAP_UNTYPED, RAM_UNTYPED, 24, 0, 0x1000000);
    put_domain(&j.y, 0);
    state_thread(&j.y.s, ROOT_TCB_ADDR, "rootserver");
    state_thread(&j.y.s, base_of(0), "server/init");
    state_end(&j.y.s);
    judge(&j);
    assert_int_equal(j.v.count, 0);
    assert_int_equal(j.v.domains, 1);
    assert_int_equal(authority_outcome(&j.v), AUTHORITY_UNKNOWN);
    judged_end(&j);
}

static void one_name_over_two_islands_is_said(void **state)
{
    struct judged j;
    (void)state;
    make_named(&j.y, ROOT_TCB_ADDR, "rootserver", "guest/one", "guest/two");
    judge(&j);
    assert_int_equal(rows_of(&j.v, AUTHORITY_BREACH_SPLIT), 1);
    assert_int_equal(j.v.notes, 1);
    assert_int_equal(authority_outcome(&j.v), AUTHORITY_UNKNOWN); /* one domain alone */
    judged_end(&j);
}

static void what_was_read_badly_leaves_a_doubt(void **state)
{
    struct judged j = {.y = {.root_index = 1}};
    (void)state;
    for (int what = 0; what < 3; what++) {
        make_system(&j.y, PLANT_NOTHING);
        if (what == 0)
            j.y.s.end.complete = 0;
        if (what == 1)
            j.y.s.slots[j.y.s.slot_count - 1].rec.type = RECORD_CAP_INVALID;
        if (what == 2)
            j.y.s.slots[j.y.s.slot_count - 1].rec.type = 200;
        judge(&j);
        assert_int_equal(j.v.doubts, 1);
        assert_int_equal(authority_outcome(&j.v), AUTHORITY_UNKNOWN);
        judged_end(&j);
    }
}

/* --- rules --- */

static enum error read_rules_text(const char *text, size_t length, struct authority_rules *rules,
                                  struct authority_rules_fault *fault)
{
    char path[] = "/tmp/authority-rules-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), (ssize_t)length);
    close(fd);
    enum error e = authority_rules_read(path, rules, fault);
    unlink(path);
    return e;
}

static void rules_are_read_as_they_are_written(void **state)
{
    static const char text[] = "\xef\xbb\xbf# a byte-order mark\r\n"
                               "\"child of: 'guest/*'\"  guest\r\n"
                               "\"a \\\"b\\\" \\\\ c\" quoted # comment\n"
                               "a#b plain\n"
                               "[[]x set trusted\n"
                               "\n"
                               "last line";
    static const char *const patterns[] = {"child of: 'guest/*'", "a \"b\" \\ c", "a#b", "[[]x",
                                           "last"};
    struct authority_rules rules = {0};
    struct authority_rules_fault fault;
    (void)state;
    assert_int_equal(read_rules_text(text, sizeof(text) - 1, &rules, &fault), ERR_OK);
    assert_int_equal(rules.count, 5);
    for (uint32_t i = 0; i < rules.count; i++)
        assert_string_equal(rules.rules[i].pattern, patterns[i]);
    assert_true(rules.rules[3].trusted);
    authority_rules_free(&rules);
}

/* As with Microkit, whose threads are called as their protection domains. */
static void a_rule_can_take_the_names_of_threads(void **state)
{
    static const char text[] = "boss* *\nfirst one\n* *\n";
    struct system y;
    struct authority a;
    struct authority_rules rules = {0};
    struct authority_rules_fault fault;
    (void)state;
    assert_int_equal(read_rules_text(text, sizeof(text) - 1, &rules, &fault), ERR_OK);
    make_named(&y, ROOT_TCB_ADDR, "boss", "first", "second");
    assert_int_equal(authority_build(&y.s, &rules, &a), ERR_OK);
    assert_int_equal(a.domain_count, 3);
    assert_true(a.domains[authority_domain_named(&a, "boss")].trusted);
    assert_int_equal(a.domains[authority_domain_named(&a, "boss")].origin, AUTHORITY_BY_KERNEL);
    assert_true(authority_domain_named(&a, "one") >= 0);
    assert_int_equal(a.domains[authority_domain_named(&a, "second")].origin, AUTHORITY_BY_NAME);
    authority_free(&a);
    capstate_free(&y.s);
    make_named(&y, ROOT_TCB_ADDR, "other", "boss", "child of: 'x'");
    assert_int_equal(authority_build(&y.s, &rules, &a), ERR_OK);
    assert_false(a.domains[authority_domain_named(&a, "boss")].trusted);
    assert_int_equal(authority_domain_named(&a, "child of: 'x'"), -1);
    authority_free(&a);
    authority_rules_free(&rules);
    capstate_free(&y.s);
}

static void each_wrong_rule_is_refused_where_it_is_wrong(void **state)
{
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *says;
    } cases[] = {
        {"lonely\n", 1, 7, "domain is missing"},
        {"a b\n  \"open d\n", 2, 3, "not closed"},
        {"a b trusty\n", 1, 5, "nothing else"},
        {"a b trusted c\n", 1, 13, "behind `trusted`"},
        {"a* * trusted\n", 1, 6, "confers no trust"},
        {"x[ab d\n", 1, 2, "bracket"},
        {"x\\ d\n", 1, 2, "backslash"},
        {"\"\" d\n", 1, 1, "empty pattern"},
        {"a \"d e\"\n", 1, 5, "blank"},
        {"a d\x1b[m\n", 1, 4, "cannot be shown"},
        {"a gu\xe2\x80\xae\x65st\n", 1, 5, "cannot be shown"}, /* turned around */
        {"a -\n", 1, 3, "has no domain"},
        {"a (shared)\n", 1, 3, "has no domain"},
        {"ab\"c\" d\n", 1, 3, "within a word"},
        {"\"ab\"c d\n", 1, 5, "blank belongs"},
        {"a d trusted\nb d\n", 2, 3, "trusted by a rule before"},
        {"\xff\xfe"
         "a",
         1, 1, "UTF-16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct authority_rules rules = {0};
        struct authority_rules_fault fault;
        enum error e = read_rules_text(cases[i].text, strlen(cases[i].text), &rules, &fault);
        if (e != ERR_FORMAT || fault.line != cases[i].line || fault.column != cases[i].column ||
            !strstr(fault.sentence, cases[i].says))
            fail_msg("%s: expected line %u column %u: ...%s..., got error %d at %u, %u: %s",
                     cases[i].text, cases[i].line, cases[i].column, cases[i].says, e, fault.line,
                     fault.column, fault.sentence);
    }
}

/* --- cover, channels --- */

/* Server holds untyped memory in which the client's TCB lies, and twice more around it. */
static void make_covered(struct system *y, uint32_t nested)
{
    uint32_t inner = base_of(1);
    *y = (struct system){.root_index = 1, .plant = PLANT_NOTHING};
    state_begin(&y->s);
    y->s.snapshot.root_thread = ROOT_TCB_ADDR;
    put_top(y);
    put_root(y, 0, RECORD_CAP_UNTYPED, RAM_UNTYPED, 24, 0, 0x1000000);
    put_domain(y, 0);
    put_root(y, 1, RECORD_CAP_UNTYPED, base_of(1), 20, 0, 0x100000);
    put(y, 2, cspace_slot(0, 7), RECORD_CAP_UNTYPED, inner, 12, 0, 0x1000);
    if (nested > 1)
        put(y, 3, cspace_slot(0, 8), RECORD_CAP_UNTYPED, inner, 11, 0, 0x800);
    if (nested > 2)
        put(y, 4, cspace_slot(0, 9), RECORD_CAP_UNTYPED, inner, 10, 0, 0x400);
    put_root(y, nested + 2, RECORD_CAP_TCB, inner, 9, 0, 0);
    put_root(y, 2, RECORD_CAP_CNODE, inner + OFF_CNODE, 8, 0, 0);
    put(y, 3, inner, RECORD_CAP_CNODE, inner + OFF_CNODE, 8, 0, 0);
    state_thread(&y->s, ROOT_TCB_ADDR, "rootserver");
    state_thread(&y->s, base_of(0), "server/init");
    state_thread(&y->s, base_of(1), "client/init");
    state_end(&y->s);
}

static void cover_is_told_of_what_its_domain_holds_no_capability_to(void **state)
{
    struct judged j;
    (void)state;
    make_covered(&j.y, 1);
    judge(&j);
    assert_int_equal(rows_of(&j.v, AUTHORITY_BREACH_FOREIGN_COVER), 1);
    assert_int_equal(j.v.breaches, 1);
    const struct authority_breach *b = &j.v.breach[0];
    assert_true(domain_is(&j.a, b->domain_a, "server") && domain_is(&j.a, b->domain_b, "client"));
    assert_int_equal(j.y.s.objects[b->object_b].type, RECORD_CAP_TCB);
    assert_int_equal(b->slot_b, -1);
    judged_end(&j);
}

static void nested_untyped_memory_is_one_breach(void **state)
{
    (void)state;
    for (uint32_t nested = 1; nested <= 3; nested++) {
        struct judged j;
        make_covered(&j.y, nested);
        judge(&j);
        assert_int_equal(j.v.breaches, 1);
        assert_int_equal(j.y.s.objects[j.v.breach[0].object].bits, 13 - nested);
        judged_end(&j);
    }
}

enum { MANY = 100 };

static void many_domains_at_one_endpoint_each_have_one_breach(void **state)
{
    struct judged j = {.y = {.root_index = 1}};
    char name[32];
    (void)state;
    state_begin(&j.y.s);
    j.y.s.snapshot.root_thread = ROOT_TCB_ADDR;
    put_top(&j.y);
    for (uint32_t d = 0; d < MANY; d++) {
        uint32_t tcb = 0x90000000u + d * 0x1000;
        put_root(&j.y, 0, RECORD_CAP_TCB, tcb, 9, 0, 0);
        put(&j.y, 0, tcb, RECORD_CAP_CNODE, tcb + 0x400, 5, 0, 0);
        put(&j.y, 0, tcb + 0x410, RECORD_CAP_ENDPOINT, 0x8f000000u, 4,
            d % 2 ? RECORD_RIGHT_READ : RECORD_RIGHT_WRITE | RECORD_RIGHT_GRANT, 0);
    }
    state_thread(&j.y.s, ROOT_TCB_ADDR, "rootserver");
    for (uint32_t d = 0; d < MANY; d++) {
        snprintf(name, sizeof(name), "d%u/t", d);
        state_thread(&j.y.s, 0x90000000u + d * 0x1000, name);
    }
    state_end(&j.y.s);
    judge(&j);
    bool met[MANY + 1] = {false};
    for (uint32_t i = 0; i < j.v.count; i++)
        if (j.v.breach[i].kind == AUTHORITY_BREACH_GRANT_CHANNEL)
            met[j.v.breach[i].domain_a] = met[j.v.breach[i].domain_b] = true;
    for (uint32_t d = 1; d <= MANY; d++)
        assert_true(met[d]);
    assert_true(j.v.breaches < MANY);
    assert_int_equal(rows_of(&j.v, AUTHORITY_BREACH_MERGED), 1);
    judged_end(&j);
}

/* Threads of an MCS kernel hold their fault handler in a slot of the TCB. */
static void who_shares_a_fault_handler_is_not_joined_by_it(void **state)
{
    static const struct {
        uint32_t place; /* of the endpoint's slot in the second domain's TCB, 0: in its CNode */
        bool merged;
    } cases[] = {
        {0, true}, {RECORD_TCB_FAULT_HANDLER + 1, false}, {RECORD_TCB_TIMEOUT_HANDLER + 1, false}};
    uint32_t all = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE | RECORD_RIGHT_GRANT;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct judged j = {.y = {.root_index = 1}};
        state_begin(&j.y.s);
        j.y.s.snapshot.root_thread = ROOT_TCB_ADDR;
        put_top(&j.y);
        for (uint32_t d = 0; d < 2; d++) {
            uint32_t tcb = 0x90000000u + d * 0x1000;
            put_root(&j.y, 0, RECORD_CAP_TCB, tcb, 9, 0, 0);
            put(&j.y, 0, tcb, RECORD_CAP_CNODE, tcb + 0x400, 5, 0, 0);
            state_slot(&j.y.s,
                       (struct record_slot){.addr = cases[i].place ? tcb + 0x30 : tcb + 0x410,
                                            .type = RECORD_CAP_ENDPOINT,
                                            .object = 0x8f000000u,
                                            .bits = 4,
                                            .rights = all,
                                            .place = cases[i].place});
        }
        state_thread(&j.y.s, ROOT_TCB_ADDR, "rootserver");
        state_thread(&j.y.s, 0x90000000u, "one/t");
        state_thread(&j.y.s, 0x90001000u, "two/t");
        state_end(&j.y.s);
        judge(&j);
        assert_int_equal(rows_of(&j.v, AUTHORITY_BREACH_MERGED), cases[i].merged);
        judged_end(&j);
    }
}

static void the_untyped_decides_who_owns_a_frame(void **state)
{
    struct system y;
    struct authority a;
    struct authority_owner w;
    (void)state;
    make_system(&y, PLANT_COVER);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    authority_owner_of(&a, base_of(0) + OFF_LENT + 0x123, &w);
    assert_int_equal(w.domain, authority_domain_named(&a, "client"));
    assert_true(w.by_untyped);
    authority_owner_of(&a, base_of(0) + OFF_FRAME, &w); /* root keeps the untyped */
    assert_int_equal(w.domain, authority_domain_named(&a, "server"));
    assert_false(w.by_untyped);
    authority_owner_of(&a, 0x80000010, &w);
    assert_true(w.kernel);
    authority_owner_of(&a, 0x87000000, &w);
    assert_int_equal(w.object, -1);
    authority_free(&a);
    capstate_free(&y.s);
}

static int32_t untyped_at(const struct capstate *s, uint64_t addr, uint32_t bits)
{
    for (int32_t i = 0; i < (int32_t)s->object_count; i++)
        if (s->objects[i].type == RECORD_CAP_UNTYPED && s->objects[i].addr == addr &&
            s->objects[i].bits == bits)
            return i;
    return -1;
}

static void untyped_is_not_owned_by_whom_its_first_object_belongs_to(void **state)
{
    struct system y;
    struct authority a;
    struct authority_owner at, of;
    (void)state;
    make_system(&y, PLANT_TCB);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    authority_owner_of(&a, base_of(0), &at); /* the thread that begins there */
    assert_int_equal(at.domain, authority_domain_named(&a, "client"));
    authority_owner_of_object(&a, at.object, &of);
    assert_memory_equal(&of, &at, sizeof(at));
    authority_owner_of_object(&a, untyped_at(&y.s, base_of(0), 20), &of);
    assert_int_not_equal(of.domain, at.domain);
    assert_true(a.domains[of.domain].trusted);
    authority_free(&a);
    capstate_free(&y.s);
}

static void unnamed_threads_belong_to_their_island(void **state)
{
    struct system y = {.root_index = 1, .plant = PLANT_NOTHING};
    struct authority a;
    (void)state;
    state_begin(&y.s);
    y.s.snapshot.root_thread = ROOT_TCB_ADDR;
    put_top(&y);
    put_root(&y, 0, RECORD_CAP_UNTYPED, RAM_UNTYPED, 24, 0, 0x1000000);
    put_domain(&y, 0);
    put_domain(&y, 1);
    state_thread(&y.s, ROOT_TCB_ADDR, "rootserver");
    state_thread(&y.s, base_of(0), "server/init");
    state_thread(&y.s, base_of(1), "");
    state_end(&y.s);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_true(authority_domain_named(&a, "island-0x82100000") >= 0);
    assert_int_equal(count_breaches(&y.s, false), 0);
    authority_free(&a);
    capstate_free(&y.s);
}

static void paths_name_each_edge_and_avoid_managers(void **state)
{
    struct system y;
    struct authority a;
    struct authority_step *steps;
    uint32_t count;
    (void)state;
    make_system(&y, PLANT_TCB);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    bool *from = calloc(a.node_count, sizeof(*from));
    bool *to = calloc(a.node_count, sizeof(*to));
    authority_mark_domain(&a, authority_domain_named(&a, "client"), from);
    authority_mark_domain(&a, authority_domain_named(&a, "server"), to);
    assert_int_equal(authority_path(&a, from, to, AUTHORITY_PATH_AUTHORITY, false, &steps, &count),
                     ERR_OK);
    assert_int_equal(count, 2); /* its CSpace, the planted capability */
    assert_int_equal(y.s.slots[a.edges[steps[1].edge].slot].rec.addr, cspace_slot(1, 6));
    free(steps);
    assert_int_equal(authority_path(&a, to, from, AUTHORITY_PATH_AUTHORITY, false, &steps, &count),
                     ERR_NOT_FOUND);
    free(from);
    free(to);
    authority_free(&a);
    capstate_free(&y.s);
}

static bool could(const struct authority *a, const char *subject, enum authority_right right,
                  const char *object)
{
    struct authority_answer answer;
    bool *from = calloc(a->node_count, sizeof(*from));
    bool *own = calloc(a->node_count, sizeof(*own));
    authority_mark_domain(a, authority_domain_named(a, subject), from);
    authority_mark_own(a, authority_domain_named(a, object), own);
    assert_int_equal(authority_can(a, from, right, own, false, &answer), ERR_OK);
    bool yes = answer.yes;
    authority_answer_free(&answer);
    free(from);
    free(own);
    return yes;
}

/* An endpoint that two hold and nobody owns is either's own: one reads what the other writes. */
static void what_a_domain_has_is_its_own(void **state)
{
    struct system y;
    struct authority a;
    (void)state;
    make_system(&y, PLANT_NOTHING);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_true(could(&a, "client", AUTHORITY_RIGHT_WRITE, "server"));
    assert_false(could(&a, "client", AUTHORITY_RIGHT_READ, "server"));
    assert_false(could(&a, "client", AUTHORITY_RIGHT_CONTROL, "server"));
    assert_true(could(&a, "server", AUTHORITY_RIGHT_READ, "client"));
    assert_false(could(&a, "server", AUTHORITY_RIGHT_WRITE, "client"));
    assert_false(could(&a, "server", AUTHORITY_RIGHT_CONTROL, "client"));
    assert_true(could(&a, "server", AUTHORITY_RIGHT_CONTROL, "server"));
    authority_free(&a);
    capstate_free(&y.s);
}

static void calls_flow_only_towards_the_server(void **state)
{
    struct system y;
    struct authority a;
    struct authority_use *uses;
    uint32_t count;
    bool to[8] = {false};
    (void)state;
    make_system(&y, PLANT_NOTHING);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_int_equal(authority_uses(&a, &uses, &count), ERR_OK);
    int32_t client = authority_domain_named(&a, "client");
    int32_t server = authority_domain_named(&a, "server");
    authority_flow_targets(uses, count, client, to);
    assert_true(to[server]);
    memset(to, 0, sizeof(to));
    authority_flow_targets(uses, count, server, to);
    for (int d = 0; d < 8; d++)
        assert_false(to[d]);
    free(uses);
    authority_free(&a);
    capstate_free(&y.s);
}

/* --- what a verdict rests on --- */

struct explained {
    int theorems, evaluated, failing, assumed;
    bool isolation; /* the theorem of isolation was named */
};

static void count_sentence(void *ctx, enum authority_explanation what, const char *sentence)
{
    struct explained *e = ctx;
    e->theorems += what == AUTHORITY_EXPLAIN_THEOREM;
    e->evaluated += what == AUTHORITY_EXPLAIN_EVALUATED;
    e->assumed += what == AUTHORITY_EXPLAIN_ASSUMED;
    e->failing += what == AUTHORITY_EXPLAIN_EVALUATED && strstr(sentence, ": fails ");
    e->isolation |= what == AUTHORITY_EXPLAIN_THEOREM && strstr(sentence, "links_keep_isolation");
}

static struct explained explain_planted(enum plant plant)
{
    struct system y;
    struct authority a;
    struct authority_verdict v;
    struct explained e = {0};
    make_system(&y, plant);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, false, &v), ERR_OK);
    authority_explain(&a, &v, false, count_sentence, &e);
    authority_verdict_free(&v);
    authority_free(&a);
    capstate_free(&y.s);
    return e;
}

static void a_verdict_tells_its_theorem_and_each_premise(void **state)
{
    (void)state;
    struct explained e = explain_planted(PLANT_NOTHING);
    assert_true(e.isolation);
    assert_int_equal(e.failing, 0);
    assert_true(e.evaluated > 10);
    assert_true(e.assumed > 3);
    for (int plant = PLANT_SHARED_CNODE; plant <= PLANT_APPLICATION; plant++) {
        e = explain_planted((enum plant)plant);
        assert_false(e.isolation);
        assert_true(e.theorems > 0);
        assert_true(e.failing > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_planted_fault_is_found_and_nothing_else),
        cmocka_unit_test(a_healthy_system_is_isolated),
        cmocka_unit_test(strictly_a_root_task_breaches_everything),
        cmocka_unit_test(names_make_domains_and_managers),
        cmocka_unit_test(rules_override_the_convention),
        cmocka_unit_test(a_rule_can_take_the_names_of_threads),
        cmocka_unit_test(a_bad_rule_is_refused_with_its_line),
        cmocka_unit_test(a_thread_without_a_slash_is_no_manager),
        cmocka_unit_test(a_name_cannot_join_those_who_are_trusted),
        cmocka_unit_test(an_island_of_mainline_keeps_its_name_when_a_thread_comes),
        cmocka_unit_test(the_default_name_of_the_kernel_names_no_domain),
        cmocka_unit_test(nobody_takes_the_name_of_what_has_no_domain),
        cmocka_unit_test(an_older_snapshot_is_searched_for_its_root_task),
        cmocka_unit_test(nobody_is_trusted_when_the_root_task_is_not_known),
        cmocka_unit_test(nothing_to_compare_is_no_verdict),
        cmocka_unit_test(one_name_over_two_islands_is_said),
        cmocka_unit_test(what_was_read_badly_leaves_a_doubt),
        cmocka_unit_test(rules_are_read_as_they_are_written),
        cmocka_unit_test(each_wrong_rule_is_refused_where_it_is_wrong),
        cmocka_unit_test(cover_is_told_of_what_its_domain_holds_no_capability_to),
        cmocka_unit_test(nested_untyped_memory_is_one_breach),
        cmocka_unit_test(many_domains_at_one_endpoint_each_have_one_breach),
        cmocka_unit_test(who_shares_a_fault_handler_is_not_joined_by_it),
        cmocka_unit_test(the_untyped_decides_who_owns_a_frame),
        cmocka_unit_test(untyped_is_not_owned_by_whom_its_first_object_belongs_to),
        cmocka_unit_test(unnamed_threads_belong_to_their_island),
        cmocka_unit_test(paths_name_each_edge_and_avoid_managers),
        cmocka_unit_test(what_a_domain_has_is_its_own),
        cmocka_unit_test(calls_flow_only_towards_the_server),
        cmocka_unit_test(a_verdict_tells_its_theorem_and_each_premise),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
