/* capDL read: what its tool accepts and refuses, where addresses come from, and that what an export
 * wrote is what a second export writes after an import. */
#include "capdb/capdl.h"

#include "authority/policy.h"
#include "capdb/export.h"
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

static char path[64];

static void put_text(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static enum error import(struct capstate *s, struct capdl_fault *fault)
{
    struct capdl_spec spec = {0};
    enum error e = capdl_read(path, &spec, fault);
    if (e == ERR_OK)
        e = capdl_place(&spec, fault);
    if (e == ERR_OK)
        e = capdl_state(&spec, s);
    capdl_free(&spec);
    return e;
}

static char *export_of(const struct capstate *s)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_int_equal(export_capdl(f, s), ERR_OK);
    fclose(f);
    return text;
}

/* --- specifications -------------------------------------------------------------------------- */

#define ARCH       "arch arm11\n"
#define CN         ARCH "objects { cn = cnode (4 bits) ep = ep fr = frame (4k) pt = pt pd = pd t = tcb }\n"
#define CAPS(text) CN "caps { cn { " text " } }"
#define TREE(text)                                                                                 \
    CN "caps { cn { 1: ep (RWGP) 2: ep (W) 3: ep (R) } }\nirq maps { }\ncdt { " text " }"

static const struct {
    const char *what, *text;
    uint32_t line, column; /* 0: accepted */
    const char *sentence;
} specs[] = {
    {"the smallest", ARCH "objects { }", 0, 0, NULL},
    {"all sections", ARCH "objects { }\ncaps { }\nirq maps { }\ncdt { }", 0, 0, NULL},
    {"comments", "-- one\n/* two\n lines */" ARCH "objects { -- { \n a = ep /* x */ b = ep }", 0, 0,
     NULL},
    {"digits and signs in names", ARCH "objects { a1_b.c@d-e = ep }", 0, 0, NULL},
    {"nested objects",
     ARCH "objects { u = ut (16 bits) { v = ut (12 bits) { e = ep }, c = cnode (4 bits) } }", 0, 0,
     NULL},
    {"members before they are declared", ARCH "objects { u = ut (12 bits) { e } e = ep }", 0, 0,
     NULL},
    {"tcb with all",
     ARCH "objects { t = tcb (addr: 1, ip: 2, sp: 3, prio: 4, max_prio: 5, "
          "affinity: 0, dom: 1, fault_ep: 7, init: [1, 2]) }",
     0, 0, NULL},
    {"tcb with two", ARCH "objects { t = tcb (addr: 0x1000, affinity: 0) }", 0, 0, NULL},
    {"interrupt",
     ARCH "objects { i = arm_irq (trigger: level, target: 0) n = notification c = "
          "cnode (4 bits) }\ncaps { c { 1: i 2: n (RW) } i { 0: n (W, badge: 2) } }\n"
          "irq maps { 27: i }\ncdt { (c, 2) { (i, 0) } }",
     0, 0, NULL},
    {"globals", CAPS("0: irq_control 1: asid_control 2: domain"), 0, 0, NULL},
    {"mapping",
     CN "caps { cn { 1: fr (RW, mapping: (pt, 5)) 2: fr (R) } pd { 7: pt } pt { 5: fr "
        "(RWX, uncached) } }",
     0, 0, NULL},
    {"tcb slots",
     CN "caps { t { cspace: cn (guard: 0, guard_size: 28) vspace: pd reply_slot: t "
        "(master_reply) caller_slot: t (reply) ipc_buffer_slot: fr (RW) } }",
     0, 0, NULL},
    {"flat cdt", TREE("(cn, 1) { (cn, 2) (cn, 3) }"), 0, 0, NULL},

    {"another architecture", "arch aarch32\nobjects { }", 1, 6, "arm11"},
    {"a dump's grammar", "-- Dump\n" ARCH "objects { }", 1, 1, "Dump"},
    {"a leading digit", ARCH "objects { 0x801 = ep }", 2, 11, "a name"},
    {"a digit, then letters", ARCH "objects { 1st = ep }", 2, 11, "begins with a letter"},
    {"tcb without affinity",
     ARCH "objects { t = tcb (addr: 1, ip: 2, sp: 3, prio: 4, max_prio: 5) }", 2, 11, "all of"},
    {"twice declared", ARCH "objects { a = ep\n a = ep }", 3, 2, "twice"},
    {"not declared", CAPS("1: none"), 3, 16, "none is not declared"},
    {"duplicate slot", CAPS("1: ep (R)\n 0x1: ep (W)"), 4, 2, "twice, first in line 3"},
    {"slot too large", CAPS("16: ep"), 3, 13, "larger"},
    {"a member of two", ARCH "objects { u = ut (12 bits) { e }\n v = ut (12 bits) { e }\n e = ep }",
     3, 21, "already"},
    {"a member of itself", ARCH "objects { u = ut (12 bits) { u } }", 2, 11, "itself"},
    {"irq_maps", ARCH "objects { }\ncaps { }\nirq_maps { }", 4, 1, "irq_maps"},
    {"irq  maps", ARCH "objects { }\ncaps { }\nirq  maps { }", 4, 6, "one blank"},
    {"sections out of order", ARCH "objects { }\ncdt { }\ncaps { }", 4, 1, "order"},
    {"nested cdt", TREE("(cn, 1) { (cn, 2) { (cn, 3) } }"), 5, 25, "flat"},
    {"two parents", TREE("(cn, 1) { (cn, 2) } (cn, 3) { (cn, 2) }"), 5, 37, "a parent already"},
    {"its own ancestor", TREE("(cn, 1) { (cn, 2) } (cn, 2) { (cn, 1) }"), 3, 13, "itself"},
    {"an empty slot's children", TREE("(cn, 5) { (cn, 2) }"), 5, 7, "nothing is in"},
    {"a pt in two directories",
     ARCH "objects { a = pd b = pd t = pt }\ncaps { a { 1: t } b {\n 2: t } }", 4, 2,
     "a pd already"},
    {"an endpoint in a table", CN "caps { pt { 1: ep } }", 3, 13, "holds frames"},
    {"a cspace that is none", CN "caps { t { cspace: pd } }", 3, 12, "another type"},
    {"a badge on a frame", CAPS("1: fr (RW, badge: 3)"), 3, 13, "badges"},
    {"rights that are none", CAPS("1: ep (RQ)"), 3, 20, "no rights"},
    {"a mapping that is not there", CAPS("1: fr (RW, mapping: (pt, 1))"), 3, 13, "nothing maps"},
    {"two that are one mapping",
     CN "caps { cn { 1: fr (RW, mapping: (pt, 5))\n2: fr (R, mapping: (pt, 5)) } pt { 5: fr } }", 4,
     1, "another capability"},
    {"a frame of no size", ARCH "objects { f = frame (8k) }", 2, 22, "this size"},
    {"overlapping frames",
     ARCH "objects { a = frame (64k, paddr: 0x80200000)\n b = frame (4k, paddr: 0x80201000) }", 3,
     2, "overlaps a"},
    {"overlapping untypeds",
     ARCH "objects { a = ut (16 bits, paddr: 0x80208000)\n b = ut (16 bits, paddr: 0x80200000) }",
     2, 11, "overlaps b"},
    {"a member outside",
     ARCH
     "objects { u = ut (12 bits, paddr: 0x80200000) { f }\n f = frame (4k, paddr: 0x80300000) }",
     3, 2, "outside"},
    {"no room", ARCH "objects { u = ut (12 bits) { a, b } a = frame (4k)\n b = ep }", 3, 2,
     "no room"},
    {"a frame between pages", ARCH "objects { f = frame (64k, paddr: 0x80201000) }", 2, 11,
     "multiple"},
    {"an unclosed comment", ARCH "objects { } /* ", 2, 13, "not closed"},
    {"an unclosed section", ARCH "objects { a = ep\n", 3, 1, "the file ends"},
    {"a character", ARCH "objects { a = ep # }", 2, 18, "means nothing"},
    {"no irq number", ARCH "objects { i = irq }", 2, 11, "irq maps"},
};

static void specifications_are_accepted_or_refused_as_the_tool_does(void **state)
{
    uint32_t wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        struct capstate s;
        struct capdl_fault fault = {0};
        put_text(specs[i].text);
        enum error e = import(&s, &fault);
        if (e == ERR_OK)
            capstate_free(&s);
        if (e != (specs[i].line ? ERR_FORMAT : ERR_OK) || fault.where.line != specs[i].line ||
            fault.where.column != specs[i].column ||
            (specs[i].line && !strstr(fault.sentence, specs[i].sentence)))
            wrong++,
                print_error("%s: expected %u:%u %s, got %u:%u %s\n", specs[i].what, specs[i].line,
                            specs[i].column, specs[i].line ? specs[i].sentence : "(accepted)",
                            fault.where.line, fault.where.column, fault.sentence);
    }
    assert_int_equal(wrong, 0);
}

/* Whatever is cut off or replaced ends in a sentence or a state. */
static void damaged_specifications_are_refused_or_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        char *text = strdup(specs[i].text);
        for (size_t cut = strlen(text); cut-- > 0;) {
            struct capstate s;
            struct capdl_fault fault = {0};
            char kept = text[cut];
            text[cut] = "{}(),:=0"[cut % 8];
            if (cut % 2)
                text[cut] = '\0';
            put_text(text);
            if (import(&s, &fault) == ERR_OK)
                capstate_free(&s);
            else
                assert_int_not_equal(fault.where.line, 0);
            text[cut] = kept;
        }
        free(text);
    }
}

/* --- what is read ---------------------------------------------------------------------------- */

static void names_and_places_are_taken(void **state)
{
    struct capstate s;
    struct capdl_fault fault;
    (void)state;
    put_text(ARCH "-- root_thread boss\nobjects {\n"
                  "  u = ut (16 bits, paddr: 0x80300000) { a, b }\n"
                  "  a = tcb -- guest/in\\x07it\n  b = cnode (4 bits)\n boss = tcb\n"
                  "  ep_80400010 = ep dev = frame (4k, paddr: 0x43f90000)\n}\n"
                  "caps { b { 0: u 1: a 2: ep_80400010 (RP, badge: 5) 3: dev (R) 4: boss } }\n"
                  "irq maps { }\ncdt { (b, 0) { (b, 1) } }");
    assert_int_equal(import(&s, &fault), ERR_OK);
    int32_t guest = capstate_thread_named(&s, "guest/in\\x07it");
    int32_t boss = capstate_thread_named(&s, "boss");
    assert_true(guest >= 0 && boss >= 0);
    assert_int_equal(s.threads[guest].rec.name.length, 11);
    assert_int_equal(s.snapshot.root_thread, s.threads[boss].rec.addr);
    assert_in_range(s.threads[guest].rec.addr, 0x80300000, 0x8030ffff);
    assert_true(capstate_object_at(&s, 0x80400010) >= 0);
    assert_int_equal(s.slots[0].rec.type, RECORD_CAP_UNTYPED);
    assert_int_equal(s.slots[0].rec.data, 512 + 256);
    assert_int_equal(s.slots[1].parent, 0);
    int32_t device = capstate_object_at(&s, 0x43f90000);
    assert_true(s.objects[device].flags & RECORD_SLOT_DEVICE);
    capstate_free(&s);
}

/* A design is judged like a system: two threads with names, one of which holds the other. */
static void a_design_is_checked(void **state)
{
    struct capstate s;
    struct authority a;
    struct authority_verdict v;
    struct capdl_fault fault;
    (void)state;
    put_text(ARCH "objects { a = tcb -- guest/x\n b = tcb -- driver/x\n c = cnode (4 bits) }\n"
                  "caps { a { cspace: c } c { 1: a 2: b } }");
    assert_int_equal(import(&s, &fault), ERR_OK);
    assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, false, &v), ERR_OK);
    assert_int_equal(v.breaches, 1);
    assert_int_equal(v.breach[0].kind, AUTHORITY_BREACH_FOREIGN_TCB);
    authority_verdict_free(&v);
    authority_free(&a);
    capstate_free(&s);
}

/* --- there and back -------------------------------------------------------------------------- */

static void assert_fixed(const struct capstate *s)
{
    struct capstate again;
    struct capdl_fault fault;
    char *first = export_of(s);
    put_text(first);
    enum error e = import(&again, &fault);
    if (e != ERR_OK)
        fail_msg("seed %u: line %u, column %u: %s in\n%s", random_seed, fault.where.line,
                 fault.where.column, fault.sentence, first);
    char *second = export_of(&again);
    assert_string_equal(first, second);
    free(first);
    free(second);
    capstate_free(&again);
}

enum {
    C = 0x80500000,
    T = 0x80501000,
    D = 0x80504000,
    P = 0x80501400,
    Q = 0x80501800,
    F = 0x80510000,
    N = 0x80502000,
    IRQ_SLOT = 0x80004000
};

static void slot(struct capstate *s, uint64_t addr, uint32_t depth, uint32_t type, uint64_t object,
                 uint32_t bits, uint32_t rights, uint64_t data, uint64_t extra)
{
    state_slot(s, (struct record_slot){.addr = addr,
                                       .depth = depth,
                                       .type = type,
                                       .object = object,
                                       .bits = bits,
                                       .rights = rights,
                                       .data = data,
                                       .extra = extra});
}

/* All that a language without room for it loses first. */
static void everything(struct capstate *s)
{
    struct record r = {.kind = RECORD_IRQ};
    state_begin(s);
    s->snapshot.root_thread = T;
    slot(s, C + 0x10, 0, RECORD_CAP_TCB, T, 9, 0, 0, 0);
    slot(s, T, 0, RECORD_CAP_CNODE, C, 12, 0, 0, 20);
    slot(s, C + 0x20, 1, RECORD_CAP_CNODE, C, 12, 0, 5, 3);
    slot(s, T + 0x10, 0, RECORD_CAP_PAGE_DIRECTORY, D, 14, 0, 0, 0x405);
    slot(s, C + 0x30, 0, RECORD_CAP_PAGE_TABLE, P, 10, 0, 0x100000, 0x405);
    slot(s, C + 0x40, 0, RECORD_CAP_PAGE_TABLE, Q, 10, 0, 0x300000, 0x405);
    slot(s, C + 0x50, 0, RECORD_CAP_FRAME, F, 12, 3, 0, 0);
    slot(s, C + 0x60, 1, RECORD_CAP_FRAME, F, 12, 2, 0x102000, 0x405);
    slot(s, C + 0x70, 0, RECORD_CAP_NOTIFICATION, N, 4, 3, 0, 0);
    slot(s, IRQ_SLOT, 1, RECORD_CAP_NOTIFICATION, N, 4, 1, 9, 0);
    slot(s, C + 0x80, 0, RECORD_CAP_IRQ_HANDLER, 0, 0, 0, 27, 0);
    slot(s, C + 0x90, 0, RECORD_CAP_ASID_POOL, 0x80520000, 12, 0, 0x400, 0);
    slot(s, T + 0x30, 0, RECORD_CAP_REPLY, T, 0, 0, 0, 0);
    slot(s, C + 0xa0, 0, RECORD_CAP_IRQ_CONTROL, 0, 0, 0, 0, 0);
    r.kind = RECORD_THREAD;
    r.thread = (struct record_thread){.addr = T,
                                      .priority = 7,
                                      .mcp = 9,
                                      .pc = 0x8000,
                                      .sp = 0x9000,
                                      .bound = N,
                                      .ipc_buffer = 0x1000,
                                      .fault_handler = 3,
                                      .name = {7, "-- \"\x1b{}"}};
    state_add(s, &r);
    state_mapping(s, (struct record_mapping){.dir = D,
                                             .asid = 0x405,
                                             .vaddr = 0x102000,
                                             .frame = F,
                                             .bits = 12,
                                             .rights = 6,
                                             .table = P});
    r = (struct record){.kind = RECORD_IRQ};
    r.irq = (struct record_irq){.irq = 27, .state = RECORD_IRQ_SIGNAL, .slot = IRQ_SLOT};
    state_add(s, &r);
    state_end(s);
}

static void an_export_leaves_nothing_out(void **state)
{
    static const char *const wanted[] = {
        "-- root_thread tcb_80501000",
        "  -- -- \"\\x1b{}\n",                   /* the thread's name */
        "    0x3: pt_80501800\n",                /* a table without pages */
        "    0x2: fr_80510000 (RX, uncached)\n", /* what a translation says */
        "    0x6: fr_80510000 (R, mapping: (pt_80501400, 0x2))\n",
        "    0x5: fr_80510000 (RW)\n",
        "    0x3: pt_80501400 (asid: (0x1, 0x5))\n",
        "    0x5: pd_80504000\n", /* of the pool */
        "    caller_slot: tcb_80501000 (reply)  -- no grant\n",
        "    bound_notification: ntf_80502000 (RW)\n",
        "  irq_27 {\n    0x0: ntf_80502000 (W, badge: 0x9)\n",
        "  27: irq_27\n",
        "  (cn_80500000, 0x7) {\n    (irq_27, 0x0)\n",
        "  (tcb_80501000, cspace) {\n    (cn_80500000, 0x2)\n",
    };
    struct capstate s;
    (void)state;
    everything(&s);
    char *text = export_of(&s);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
        if (!strstr(text, wanted[i]))
            fail_msg("wanted \"%s\" in:\n%s", wanted[i], text);
    free(text);
    assert_fixed(&s);
    capstate_free(&s);
}

static char *policy_of(const struct capstate *s)
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

/* Two different objects in one place are what no system has, and are refused. */
static void export_and_import_come_back_to_the_same(void **state)
{
    uint32_t refused = 0;
    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        struct capstate s;
        struct capstate again;
        struct capdl_fault fault;
        random_system(&s, round, 0);
        char *text = export_of(&s);
        put_text(text);
        free(text);
        if (import(&again, &fault) == ERR_OK) {
            assert_fixed(&again);
            assert_fixed(&s);
            capstate_free(&again);
        } else {
            refused++;
        }
        capstate_free(&s);
    }
    assert_in_range(refused, 0, 30);
}

static void a_design_has_the_authority_of_the_system_it_came_from(void **state)
{
    struct capstate s;
    struct capstate again;
    struct capdl_fault fault;
    (void)state;
    everything(&s);
    char *text = export_of(&s);
    put_text(text);
    free(text);
    assert_int_equal(import(&again, &fault), ERR_OK);
    char *x = policy_of(&s);
    char *y = policy_of(&again);
    assert_string_equal(x, y);
    free(x);
    free(y);
    capstate_free(&s);
    capstate_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specifications_are_accepted_or_refused_as_the_tool_does),
        cmocka_unit_test(damaged_specifications_are_refused_or_read),
        cmocka_unit_test(names_and_places_are_taken),
        cmocka_unit_test(a_design_is_checked),
        cmocka_unit_test(an_export_leaves_nothing_out),
        cmocka_unit_test(export_and_import_come_back_to_the_same),
        cmocka_unit_test(a_design_has_the_authority_of_the_system_it_came_from),
    };
    snprintf(path, sizeof(path), "/tmp/capdl-test-%ld", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
