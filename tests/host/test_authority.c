/* The authority analysis on states written by hand: a system of two domains under a root task in
 * which one fault at a time is planted, and small random systems judged by a brute-force closure
 * that knows nothing of graphs. */
#include "authority/authority.h"

#include "layout/capability.h"
#include "tests/host/state_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the system --------------------------------------------------------------------------------
 */

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
    uint32_t server = RIGHT_READ;
    uint32_t client = RIGHT_WRITE | RIGHT_GRANT_REPLY;
    if (y->plant == PLANT_GRANT)
        client |= RIGHT_GRANT;
    if (y->plant == PLANT_GRANT_REPLY)
        server |= RIGHT_GRANT;
    put_root(y, 2, RECORD_CAP_ENDPOINT, ep, 4, RIGHT_ALL, 0);
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
    put(y, 4, cspace_slot(0, 7), RECORD_CAP_FRAME, lent, 12, RIGHT_READ | RIGHT_WRITE, 0);
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
    put_root(y, 2, RECORD_CAP_FRAME, b + OFF_FRAME, 12, RIGHT_READ | RIGHT_WRITE, 0);
    put(y, 3, cspace_slot(d, 3), RECORD_CAP_FRAME, b + OFF_FRAME, 12, RIGHT_READ | RIGHT_WRITE, 0);
    if (d == 0 && y->plant == PLANT_OVERLAP)
        put_root(y, 2, RECORD_CAP_ENDPOINT, b + OFF_FRAME + 16, 4, RIGHT_ALL, 0);
    if (d == 0 && y->plant == PLANT_OUTSIDE)
        put_root(y, 2, RECORD_CAP_ENDPOINT, RAM_UNTYPED + 0x800000, 4, RIGHT_ALL, 0);
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
                                                 .rights = RIGHT_READ,
                                                 .table = base_of(table) + OFF_PT});
}

static void make_system(struct system *y, enum plant plant)
{
    *y = (struct system){.root_index = 1, .plant = plant};
    state_begin(&y->s);
    put_top(y);
    put_root(y, 0, RECORD_CAP_UNTYPED, RAM_UNTYPED, 24, 0, 0x1000000);
    put_domain(y, 0);
    put_domain(y, 1);
    if (plant == PLANT_ORPHAN)
        put_root(y, 0, RECORD_CAP_ENDPOINT, base_of(0) + 0x2100, 4, RIGHT_ALL, 0);
    if (plant == PLANT_REPLY)
        put(y, 0, base_of(1) + 0x30, RECORD_CAP_REPLY, base_of(0) + OFF_TCB, 0, RIGHT_GRANT, 0);
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

/* --- planted faults ------------------------------------------------------------------------------
 */

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
    {PLANT_MANAGER, AUTHORITY_BREACH_MANAGER, "client", "rootserver", false},
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

static void check_fault(const struct fault *f)
{
    struct system y;
    struct authority a;
    struct authority_breach *b;
    uint32_t count;
    bool found = false;
    bool merged = false;
    make_system(&y, f->plant);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, false, &b, &count), ERR_OK);
    for (uint32_t i = 0; i < count; i++) {
        if (b[i].kind == AUTHORITY_BREACH_MERGED) {
            merged = true;
            assert_true(b[i].path_count > 0);
            continue;
        }
        if (b[i].kind != f->kind)
            fail_msg("plant %d: expected %s, got %s", f->plant, authority_breach_name(f->kind),
                     authority_breach_name(b[i].kind));
        found |= domain_is(&a, b[i].domain_a, f->a) && domain_is(&a, b[i].domain_b, f->b);
        if (f->a && f->plant != PLANT_TABLE)
            assert_true(b[i].slot_a >= 0);
    }
    if (!found)
        fail_msg("plant %d: %s not found", f->plant, authority_breach_name(f->kind));
    assert_int_equal(merged, f->merges);
    authority_breaches_free(b, count);
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
    struct authority_breach *b;
    uint32_t count;
    assert_int_equal(authority_build(s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, strict, &b, &count), ERR_OK);
    authority_breaches_free(b, count);
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

/* --- domains, owners, paths
 * ------------------------------------------------------------------------ */

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
    uint32_t line;
    char path[] = "/tmp/authority-rules-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "# comment\n*/init  one\n\nroot*\tboss trusted # end\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
    close(fd);
    assert_int_equal(authority_rules_read(path, &rules, &line), ERR_OK);
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
    uint32_t line;
    char path[] = "/tmp/authority-rules-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a/* a\nlonely\n", 13), 13);
    close(fd);
    assert_int_equal(authority_rules_read(path, &rules, &line), ERR_FORMAT);
    assert_int_equal(line, 2);
    unlink(path);
    assert_int_equal(authority_rules_read("/nonexistent/rules", &rules, &line), ERR_IO);
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

static void unnamed_threads_belong_to_their_island(void **state)
{
    struct system y = {.root_index = 1, .plant = PLANT_NOTHING};
    struct authority a;
    (void)state;
    state_begin(&y.s);
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

static void calls_flow_only_towards_the_server(void **state)
{
    struct system y;
    struct authority a;
    struct authority_flow *flows;
    uint32_t count;
    (void)state;
    make_system(&y, PLANT_NOTHING);
    assert_int_equal(authority_build(&y.s, NULL, &a), ERR_OK);
    assert_int_equal(authority_flows(&a, &flows, &count), ERR_OK);
    assert_int_equal(count, 1);
    assert_int_equal(flows[0].from_domain, authority_domain_named(&a, "client"));
    assert_int_equal(flows[0].to_domain, authority_domain_named(&a, "server"));
    free(flows);
    authority_free(&a);
    capstate_free(&y.s);
}

/* --- brute force
 * ------------------------------------------------------------------------------------ */

enum { MAX_NODES = 64, ORACLE_ROUNDS = 400, RANDOM_DOMAINS = 4 };

static uint32_t seed;

static uint32_t pick(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* Domains as above, without a root task; each CNode then gets random capabilities to anything. */
static void random_system(struct capstate *s, bool manager)
{
    char name[16];
    struct system y = {.root_index = 1, .plant = PLANT_NOTHING};
    uint32_t extra[RANDOM_DOMAINS] = {4, 4, 4, 4};
    state_begin(&y.s);
    if (manager)
        put_top(&y);
    for (int d = 0; d < RANDOM_DOMAINS; d++) {
        uint32_t b = base_of(d);
        put(&y, 0, b + 16 * 2, RECORD_CAP_TCB, b, 9, 0, 0);
        put(&y, 0, b, RECORD_CAP_CNODE, b + OFF_CNODE, 8, 0, 0);
        put(&y, 0, b + 16, RECORD_CAP_PAGE_DIRECTORY, b + OFF_PD, 14, 0, 0);
        put(&y, 0, cspace_slot(d, 1), RECORD_CAP_ENDPOINT, b + OFF_EP, 4, pick(16), 0);
    }
    for (uint32_t n = pick(7); n > 0; n--) {
        int holder = (int)pick(RANDOM_DOMAINS);
        int target = (int)pick(RANDOM_DOMAINS);
        uint32_t b = base_of(target);
        static const struct {
            uint32_t type, off, bits;
        } kinds[] = {{RECORD_CAP_TCB, 0, 9},
                     {RECORD_CAP_CNODE, OFF_CNODE, 8},
                     {RECORD_CAP_ENDPOINT, OFF_EP, 4},
                     {RECORD_CAP_ENDPOINT, OFF_EP, 4},
                     {RECORD_CAP_UNTYPED, OFF_EP, 5},
                     {RECORD_CAP_FRAME, OFF_FRAME, 12},
                     {RECORD_CAP_PAGE_DIRECTORY, OFF_PD, 14}};
        uint32_t k = pick(7);
        put(&y, 0, cspace_slot(holder, extra[holder]++), kinds[k].type, b + kinds[k].off,
            kinds[k].bits, kinds[k].type == RECORD_CAP_FRAME ? pick(4) : pick(16), 0);
    }
    if (manager) {
        for (int d = 0; d < RANDOM_DOMAINS; d++)
            put_root(&y, 0, RECORD_CAP_CNODE, base_of(d) + OFF_CNODE, 8, 0, 0);
        state_thread(&y.s, ROOT_TCB_ADDR, "rootserver");
    }
    for (int d = 0; d < RANDOM_DOMAINS; d++) {
        snprintf(name, sizeof(name), "d%d/t", d);
        state_thread(&y.s, base_of(d), name);
    }
    state_end(&y.s);
    *s = y.s;
}

static bool is_control(uint32_t type)
{
    return type != RECORD_CAP_ENDPOINT && type != RECORD_CAP_FRAME && type != RECORD_CAP_REPLY &&
           type != RECORD_CAP_NOTIFICATION;
}

static bool covers(const struct capstate_object *u, const struct capstate_object *o)
{
    return u != o && u->type == RECORD_CAP_UNTYPED && o->bits && o->addr >= u->addr &&
           (uint64_t)o->addr + (1u << o->bits) <= (uint64_t)u->addr + (1u << u->bits);
}

struct oracle {
    const struct capstate *s;
    bool active[MAX_NODES];
    bool joined[MAX_NODES][MAX_NODES];
};

/* Grows the set of what threads that are not the manager reach, until nothing is added. */
static void oracle_active(struct oracle *o, bool strict)
{
    bool grew = true;
    for (uint32_t i = 0; i < o->s->thread_count; i++)
        if (o->s->threads[i].rec.addr != ROOT_TCB_ADDR)
            o->active[o->s->threads[i].object] = true;
    for (uint32_t i = 0; strict && i < o->s->object_count; i++)
        o->active[i] = true;
    while (grew) {
        grew = false;
        for (uint32_t i = 0; i < o->s->slot_count; i++) {
            const struct capstate_slot *slot = &o->s->slots[i];
            if (slot->holder < 0 || slot->object < 0 || !o->active[slot->holder] ||
                !is_control(slot->rec.type) || o->active[slot->object])
                continue;
            o->active[slot->object] = grew = true;
        }
        for (uint32_t u = 0; u < o->s->object_count; u++)
            for (uint32_t n = 0; n < o->s->object_count; n++)
                if (o->active[u] && !o->active[n] && covers(&o->s->objects[u], &o->s->objects[n]))
                    o->active[n] = grew = true;
    }
}

static void join(struct oracle *o, int32_t a, int32_t b)
{
    o->joined[a][b] = o->joined[b][a] = true;
}

static void oracle_channel(struct oracle *o, const struct capstate_slot *x,
                           const struct capstate_slot *y)
{
    if (x->rec.type != RECORD_CAP_ENDPOINT || y->rec.type != RECORD_CAP_ENDPOINT ||
        x->object != y->object || !o->active[x->holder] || !o->active[y->holder])
        return;
    bool sends = x->rec.rights & RIGHT_WRITE;
    bool grants = sends && (x->rec.rights & RIGHT_GRANT);
    bool calls = sends && (x->rec.rights & (RIGHT_GRANT | RIGHT_GRANT_REPLY));
    bool receives = y->rec.rights & RIGHT_READ;
    bool answers = receives && (y->rec.rights & RIGHT_GRANT);
    if ((grants && receives) || (calls && answers)) {
        join(o, x->holder, y->holder);
        join(o, x->holder, x->object);
    }
}

static void oracle_close(struct oracle *o)
{
    uint32_t n = o->s->object_count;
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++)
                o->joined[i][j] |= o->joined[i][k] && o->joined[k][j];
}

static void oracle_run(struct oracle *o, const struct capstate *s, bool strict)
{
    *o = (struct oracle){.s = s};
    assert_true(s->object_count <= MAX_NODES);
    oracle_active(o, strict);
    for (uint32_t i = 0; i < s->object_count; i++)
        o->joined[i][i] = true;
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct capstate_slot *slot = &s->slots[i];
        if (is_control(slot->rec.type) && o->active[slot->holder])
            join(o, slot->holder, slot->object);
        for (uint32_t k = 0; k < s->slot_count; k++)
            oracle_channel(o, slot, &s->slots[k]);
    }
    for (uint32_t u = 0; u < s->object_count; u++)
        for (uint32_t n = 0; n < s->object_count; n++)
            if (o->active[u] && covers(&s->objects[u], &s->objects[n]))
                join(o, (int32_t)u, (int32_t)n);
    oracle_close(o);
}

/* Managers' own nodes are walls of the analysis: the oracle never enters them either. */
static void compare_islands(const struct authority *a, const struct oracle *o,
                            const int32_t *island)
{
    for (uint32_t i = 0; i < a->node_count; i++)
        for (uint32_t j = 0; j < a->node_count; j++) {
            if (island[i] < 0 || island[j] < 0)
                continue;
            if ((island[i] == island[j]) != o->joined[i][j])
                fail_msg("seed %u: nodes %u and %u: analysis says %s", seed, i, j,
                         island[i] == island[j] ? "one island" : "two islands");
        }
}

static void islands_agree_with_brute_force(void **state)
{
    struct oracle *o = malloc(sizeof(*o));
    (void)state;
    assert_non_null(o);
    for (uint32_t round = 0; round < ORACLE_ROUNDS; round++) {
        struct capstate s;
        struct authority a;
        seed = round * 7919 + 1;
        random_system(&s, round % 2);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        oracle_run(o, &s, false);
        compare_islands(&a, o, a.island);
        oracle_run(o, &s, true);
        compare_islands(&a, o, a.island_strict);
        authority_free(&a);
        capstate_free(&s);
    }
    free(o);
}

/* Two domains in one island there is a breach, two islands there is none of merging. */
static void merged_is_reported_exactly_when_the_oracle_joins_threads(void **state)
{
    struct oracle *o = malloc(sizeof(*o));
    (void)state;
    assert_non_null(o);
    for (uint32_t round = 0; round < ORACLE_ROUNDS; round++) {
        struct capstate s;
        struct authority a;
        struct authority_breach *b;
        uint32_t count;
        uint32_t expected = 0;
        uint32_t got = 0;
        seed = round * 104729 + 3;
        random_system(&s, round % 2);
        assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
        assert_int_equal(authority_check(&a, false, &b, &count), ERR_OK);
        oracle_run(o, &s, false);
        for (uint32_t i = 0; i < s.thread_count; i++)
            for (uint32_t j = 0; j < i; j++)
                expected += s.threads[i].rec.addr != ROOT_TCB_ADDR &&
                            s.threads[j].rec.addr != ROOT_TCB_ADDR &&
                            o->joined[s.threads[i].object][s.threads[j].object];
        for (uint32_t i = 0; i < count; i++)
            got += b[i].kind == AUTHORITY_BREACH_MERGED;
        if (got != expected)
            fail_msg("seed %u: expected %u merged pairs, got %u", seed, expected, got);
        authority_breaches_free(b, count);
        authority_free(&a);
        capstate_free(&s);
    }
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_planted_fault_is_found_and_nothing_else),
        cmocka_unit_test(a_healthy_system_is_isolated),
        cmocka_unit_test(strictly_a_root_task_breaches_everything),
        cmocka_unit_test(names_make_domains_and_managers),
        cmocka_unit_test(rules_override_the_convention),
        cmocka_unit_test(a_bad_rule_is_refused_with_its_line),
        cmocka_unit_test(the_untyped_decides_who_owns_a_frame),
        cmocka_unit_test(unnamed_threads_belong_to_their_island),
        cmocka_unit_test(paths_name_each_edge_and_avoid_managers),
        cmocka_unit_test(calls_flow_only_towards_the_server),
        cmocka_unit_test(islands_agree_with_brute_force),
        cmocka_unit_test(merged_is_reported_exactly_when_the_oracle_joins_threads),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
