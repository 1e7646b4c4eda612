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

static uint32_t kept_objects; /* objects of the last import to which no capability refers */

static enum error import(struct capstate *s, struct capdl_fault *fault)
{
    struct capdl_spec spec = {0};
    enum error e = capdl_read(path, &spec, fault);
    if (e == ERR_OK)
        e = capdl_place(&spec, fault);
    if (e == ERR_OK)
        e = capdl_keep(&spec, &kept_objects, fault);
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
#define A64        "arch aarch64\n"
#define RISCV      "arch riscv\n"
#define X86        "arch x86_64\n"
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

    {"four levels of tables",
     X86 "objects { p = pml4 q = pdpt d = pd t = pt f = frame (4k) g = frame (2M) h = frame "
         "(1024M) }\ncaps { p { 511: q } q { 0: d 1: h } d { 0: t 1: g } t { 511: f } }",
     0, 0, NULL},
    {"one word for all tables",
     RISCV "objects { a = pt b = pt c = pt t = tcb f = frame (4k) }\n"
           "caps { t { vspace: a } a { 0: b } b { 0: c } c { 0: f } }",
     0, 0, NULL},
    {"words of 64 bits",
     A64 "objects { c = cnode (4 bits) e = ep u = ut (40 bits, paddr: 0x10000000000) t = tcb "
         "(addr: 0x123456789abcd000, affinity: 1) }\ncaps { c { 1: e (W, badge: "
         "0x8000000000000001) 2: c (guard: 0x123456789a, guard_size: 60) } }",
     0, 0, NULL},
    {"time in objects",
     A64 "objects { s = sc (8 bits) r = rtreply t = tcb c = cnode (4 bits) }\ncaps { c { 0: "
         "sched_control (core: 1) 1: s 2: r } t { sc_slot: s } }",
     0, 0, NULL},
    {"ports",
     X86 "objects { i = io_ports (ports: [0x60 .. 0x64]) c = cnode (4 bits) }\ncaps { c { 1: i } }",
     0, 0, NULL},

    {"another architecture", "arch aarch32\nobjects { }", 1, 6, "arm11"},
    {"a table of another architecture", X86 "objects { p = pgd }", 2, 15, "object of x86_64"},
    {"a table below one that is no neighbour",
     X86 "objects { p = pml4 d = pd }\ncaps { p { 0: d } }", 3, 12, "a pml4 holds pdpts"},
    {"a page at the fourth level", A64 "objects { p = pgd f = frame (4k) }\ncaps { p { 0: f } }", 3,
     12, "a pgd holds puds"},
    {"a table in itself", RISCV "objects { a = pt }\ncaps { a { 0: a } }", 2, 11, "deeper"},
    {"tables too deep",
     RISCV "objects { t = tcb a = pt b = pt c = pt d = pt }\n"
           "caps { t { vspace: a } a { 0: b } b { 0: c } c { 0: d } }",
     2, 40, "deeper"},
    {"a root in another table",
     RISCV "objects { t = tcb a = pt b = pt }\ncaps { t { vspace: b } a { 0: b } }", 2, 26,
     "the root"},
    {"an entry too far", X86 "objects { p = pml4 q = pdpt }\ncaps { p { 512: q } }", 3, 12,
     "larger"},
    {"an address that no machine has", A64 "objects { f = frame (4k, paddr: 0x1000000000000) }", 2,
     11, "beyond"},
    {"a frame of another architecture", A64 "objects { f = frame (1M) }", 2, 22, "this size"},
    {"a range of ports that ends before it begins",
     X86 "objects { i = io_ports (ports: [2 .. 1]) }", 2, 38, "before it begins"},
    {"ports that are missing", X86 "objects { i = io_ports }", 2, 11, "missing"},
    {"a core of a frame", CAPS("1: fr (RW, core: 1)"), 3, 13, "core"},
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

/* As an export writes them, with all that each architecture adds. */
static const char *const wide_specs[] = {
    A64 "\n-- root_thread tcb_60004000\nobjects {\n"
        "  cn_60000000 = cnode (6 bits)\n"
        "  tcb_60004000 = tcb (addr: 0x7fff00001000, ip: 0x400000, sp: 0x7ffffffff0, prio: 254, "
        "max_prio: 255, affinity: 3, dom: 0, fault_ep: 0x0)  -- guest/init\n"
        "  sc_60005000 = sc (8 bits)  -- budget 100, period 2000 ticks\n"
        "  rr_60006000 = rtreply\n"
        "  ntf_60006040 = notification\n"
        "  vcpu_60007000 = vcpu\n"
        "  pgd_60008000 = pgd\n  pud_60009000 = pud\n  pd_6000a000 = pd\n  pt_6000b000 = pt\n"
        "  fr_6000c000 = frame (4k, paddr: 0x6000c000)\n"
        "  ap_6000d000 = asid_pool (asid_high: 0x0)\n"
        "  fr_60200000 = frame (2M, paddr: 0x60200000)\n"
        "  ut_70000000_24 = ut (24 bits, paddr: 0x70000000)  -- device\n    { fr_70001000 }\n"
        "  fr_70001000 = frame (4k, paddr: 0x70001000)  -- device\n}\n\ncaps {\n"
        "  cn_60000000 {\n"
        "    0x1: tcb_60004000\n"
        "    0x2: cn_60000000 (guard: 0x0, guard_size: 58)\n"
        "    0x3: sched_control (core: 1)\n"
        "    0x4: sc_60005000\n    0x5: rr_60006000\n"
        "    0x6: ntf_60006040 (RW, badge: 0x8000000000000001)\n"
        "    0x7: vcpu_60007000\n"
        "    0x8: pgd_60008000 (asid: (0x0, 0x1))\n    0x9: pud_60009000 (asid: (0x0, 0x1))\n"
        "    0xa: pd_6000a000 (asid: (0x0, 0x1))\n    0xb: pt_6000b000 (asid: (0x0, 0x1))\n"
        "    0xc: fr_6000c000 (RW, mapping: (pt_6000b000, 0x1ff))\n    0xd: ap_6000d000\n"
        "    0xe: fr_60200000 (RW, mapping: (pd_6000a000, 0x0))\n"
        "    0xf: ut_70000000_24\n    0x10: fr_70001000 (RW)\n  }\n"
        "  tcb_60004000 {\n    cspace: cn_60000000 (guard: 0x0, guard_size: 58)\n"
        "    vspace: pgd_60008000 (asid: (0x0, 0x1))\n    sc_slot: sc_60005000\n"
        "    bound_notification: ntf_60006040 (RW)\n  }\n"
        "  pgd_60008000 {\n    0xff: pud_60009000\n  }\n"
        "  pud_60009000 {\n    0x1fe: pd_6000a000\n  }\n"
        "  pd_6000a000 {\n    0x0: fr_60200000 (RW)\n    0x1: pt_6000b000\n  }\n"
        "  pt_6000b000 {\n    0x1ff: fr_6000c000 (RX, uncached)\n  }\n"
        "  ap_6000d000 {\n    0x1: pgd_60008000\n  }\n}\n\nirq maps {\n}\n\n"
        "cdt {\n  (cn_60000000, 0x2) {\n    (tcb_60004000, cspace)\n  }\n"
        "  (cn_60000000, 0x8) {\n    (tcb_60004000, vspace)\n  }\n}\n",
    RISCV
    "\nobjects {\n  cn_80000000 = cnode (4 bits)\n"
    "  pt_80001000 = pt\n  pt_80002000 = pt\n  pt_80003000 = pt\n"
    "  ap_80004000 = asid_pool (asid_high: 0x0)\n"
    "  fr_c0000000 = frame (1024M, paddr: 0xc0000000)\n}\n\ncaps {\n"
    "  cn_80000000 {\n    0x0: cn_80000000 (guard: 0x0, guard_size: 60)\n    0x1: pt_80001000 (asid: (0x0, 0x2))\n"
    "    0x2: pt_80002000 (asid: (0x0, 0x2))\n    0x3: pt_80003000 (asid: (0x0, 0x2))\n"
    "    0x4: fr_c0000000 (RW)\n    0x5: ap_80004000\n  }\n"
    "  pt_80001000 {\n    0x1: pt_80002000\n    0x2: fr_c0000000 (RWX)\n  }\n"
    "  pt_80002000 {\n    0x3: pt_80003000\n  }\n  pt_80003000 {\n  }\n"
    "  ap_80004000 {\n    0x2: pt_80001000\n  }\n}\n\nirq maps {\n}\n\ncdt {\n}\n",
    X86
    "\nobjects {\n  cn_00100000 = cnode (4 bits)\n  pml4_00101000 = pml4\n"
    "  pdpt_00102000 = pdpt\n  pd_00103000 = pd\n  pt_00104000 = pt\n"
    "  io_00600064 = io_ports (ports: [0x60 .. 0x64])\n"
    "  fr_2000000000 = frame (4k, paddr: 0x2000000000)\n}\n\ncaps {\n"
    "  cn_00100000 {\n    0x0: cn_00100000 (guard: 0x0, guard_size: 60)\n    0x1: pml4_00101000 (asid: (0x1, 0x3))\n    0x2: pdpt_00102000 (asid: "
    "(0x1, 0x3))\n    0x3: pd_00103000 (asid: (0x1, 0x3))\n    0x4: pt_00104000 (asid: (0x1, "
    "0x3))\n    0x5: fr_2000000000 (R)\n    0x6: io_00600064\n  }\n"
    "  pml4_00101000 {\n    0xff: pdpt_00102000\n  }\n"
    "  pdpt_00102000 {\n    0x1: pd_00103000\n  }\n"
    "  pd_00103000 {\n    0x2: pt_00104000\n  }\n"
    "  pt_00104000 {\n    0x3: fr_2000000000 (R)\n  }\n}\n\nirq maps {\n}\n\ncdt {\n}\n",
};

static void specifications_of_64_bits_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wide_specs) / sizeof(*wide_specs); i++) {
        struct capstate s;
        struct capdl_fault fault;
        put_text(wide_specs[i]);
        if (import(&s, &fault) != ERR_OK)
            fail_msg("line %u, column %u: %s", fault.where.line, fault.where.column,
                     fault.sentence);
        char *text = export_of(&s);
        assert_string_equal(text, wide_specs[i]);
        free(text);
        capstate_free(&s);
    }
}

/* What a walker of that kernel gives: virtual addresses follow from the tables a page hangs in. */
static void a_specification_of_64_bits_is_a_state_of_64_bits(void **state)
{
    struct capstate s;
    struct capdl_fault fault;
    (void)state;
    put_text(wide_specs[0]);
    assert_int_equal(import(&s, &fault), ERR_OK);
    assert_int_equal(s.snapshot.architecture, RECORD_ARCHITECTURE_AARCH64);
    assert_int_equal(s.snapshot.word_bits, 64);
    assert_int_equal(s.snapshot.options, RECORD_OPTION_MCS);
    assert_int_equal(s.mapping_count, 2);
    assert_int_equal(s.mappings[0].vaddr, 0x7fff80000000 | 0x0);
    assert_int_equal(s.mappings[1].vaddr, 0x7fff803ff000);
    assert_int_equal(s.mappings[1].dir, 0x60008000);
    assert_int_equal(s.mappings[1].table, 0x6000b000);
    assert_int_equal(s.mappings[1].rights, RECORD_RIGHT_READ | RECORD_RIGHT_EXECUTE);
    assert_int_equal(s.tables_told, 4);
    assert_int_equal(s.sched_contexts[0].thread, 0x60004000);
    assert_int_equal(s.sched_contexts[0].budget, 100);
    assert_int_equal(s.snapshot.ram_base, 0x60000000);
    assert_int_equal(s.snapshot.ram_size, 0x400000);
    assert_true(s.objects[capstate_object_at(&s, 0x70001000)].flags & RECORD_SLOT_DEVICE);
    assert_false(s.objects[capstate_object_at(&s, 0x60200000)].flags & RECORD_SLOT_DEVICE);
    int32_t cnode = capstate_object_at(&s, 0x60000000);
    int32_t slot_c = capstate_slot_in(&s, cnode, 0xc);
    assert_true(slot_c >= 0);
    assert_int_equal(s.slots[slot_c].index, 0xc);
    assert_int_equal(s.slots[slot_c].rec.data, 0x7fff803ff000);
    assert_int_equal(s.slots[slot_c].rec.extra, 1);
    capstate_free(&s);
}

/* The capability of a thread that nobody holds lies in no object, wherever the board has memory. */
static void a_thread_of_64_bits_that_nobody_holds_is_kept(void **state)
{
    struct capstate s;
    struct capdl_fault fault;
    (void)state;
    put_text(A64
             "objects { t = tcb c = cnode (14 bits) u = ut (30 bits, paddr: 0x80000000) { c } }\n"
             "caps { t { cspace: c } c { 1: u } }");
    assert_int_equal(import(&s, &fault), ERR_OK);
    assert_int_equal(kept_objects, 1);
    assert_int_equal(s.thread_count, 1);
    assert_true(s.threads[0].object >= 0);
    int32_t slot_t = s.objects[s.threads[0].object].first_slot;
    assert_true(slot_t >= 0);
    assert_int_equal(s.slots[slot_t].holder, -1);
    assert_int_equal(capstate_object_holding(&s, s.slots[slot_t].rec.addr), -1);
    capstate_free(&s);
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

/* What loads a design holds its threads: they run, so they are judged. */
static void a_thread_without_a_capability_is_judged(void **state)
{
    static const char design[] =
        ARCH "objects { a = tcb  -- a/init\n b = tcb  -- b/init\n c = tcb  -- c/init\n"
             " ca = cnode (4 bits) cb = cnode (4 bits) cc = cnode (4 bits) ep = ep"
             " ut_1 = ut (12 bits) { d } d = tcb  -- d/init\n }\n"
             "caps { a { cspace: ca } b { cspace: cb } c { cspace: cc }"
             " ca { 1: ep (RWG) 2: c 3: ut_1 } cb { 1: ep (RWG) } }";
    struct capstate s;
    struct capdl_fault fault = {0};
    struct authority a;
    struct authority_verdict v;
    (void)state;
    put_text(design);
    assert_int_equal(import(&s, &fault), ERR_OK);
    assert_int_equal(kept_objects, 3); /* c is held by a */
    assert_int_equal(s.thread_count, 4);
    assert_int_equal(authority_build(&s, NULL, &a), ERR_OK);
    assert_int_equal(authority_check(&a, false, &v), ERR_OK);
    assert_int_equal(a.domain_count, 4);
    assert_in_range(v.count, 1, 8); /* a endpoint between a and b */
    authority_verdict_free(&v);
    authority_free(&a);
    assert_fixed(&s);
    capstate_free(&s);
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

/* Two components that share a page, of which one only reads it: to their tables and pages only the
 * tables refer. */
#define SHARED(caps)                                                                                \
    ARCH                                                                                            \
        "objects { ca = cnode (2 bits) cb = cnode (2 bits) a = tcb -- a/init\n b = tcb -- b/init\n" \
        " idle = ep pa = pd pb = pd ta = pt tb = pt shared = frame (4k) }\n"                        \
        "caps { a { cspace: ca vspace: pa } b { cspace: cb vspace: pb } ca { " caps " }"            \
        " pa { 1: ta } pb { 1: tb } ta { 0: shared (RW) } tb { 0: shared (R) } }"

static char *policy_of_text(const char *text)
{
    struct capstate s;
    struct capdl_fault fault = {0};
    put_text(text);
    assert_int_equal(import(&s, &fault), ERR_OK);
    char *policy = policy_of(&s);
    assert_fixed(&s);
    capstate_free(&s);
    return policy;
}

/* Nothing of a design is left out, whoever holds it: what only tables refer to crosses as well. */
static void what_only_tables_refer_to_is_judged(void **state)
{
    (void)state;
    char *held = policy_of_text(SHARED("0: a 1: b 2: shared (RW) 3: idle"));
    assert_int_equal(kept_objects, 2);
    char *mapped = policy_of_text(SHARED(""));
    assert_int_equal(kept_objects, 6);
    assert_non_null(strstr(mapped, "allow a write b 4K frame"));
    free(held);
    free(mapped);
}

/* Everything that a design lists is there, in slots that lie in no object and that nobody has. */
static void what_nobody_holds_is_there(void **state)
{
    struct capstate s;
    struct capdl_fault fault = {0};
    (void)state;
    put_text(
        A64
        "objects { e = ep n = notification u = ut (16 bits) { c = cnode (4 bits) f = frame (4k) }"
        " t = tcb -- \\x20 two  blanks\\x20\n v = vcpu p = pgd ap = asid_pool (asid_high: 0) sc = sc (8 bits) i = irq }\n"
        "caps { ap { 3: p } i { 0: n (W) } t { sc_slot: sc bound_notification: n (RW) } }\n"
        "irq maps { 5: i }");
    assert_int_equal(import(&s, &fault), ERR_OK);
    assert_int_equal(kept_objects, 10); /* n is held by i */
    assert_int_equal(s.object_count, 11);
    assert_string_equal(s.threads[0].label, "  two  blanks ");
    for (uint32_t i = 0; i < s.slot_count; i++) {
        assert_int_equal(s.slots[i].holder, -1);
        assert_int_equal(capstate_object_holding(&s, s.slots[i].rec.addr), -1);
        if (s.slots[i].rec.type == RECORD_CAP_CNODE)
            assert_int_equal(s.slots[s.slots[i].parent].rec.type, RECORD_CAP_UNTYPED);
    }
    assert_fixed(&s);
    capstate_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specifications_are_accepted_or_refused_as_the_tool_does),
        cmocka_unit_test(damaged_specifications_are_refused_or_read),
        cmocka_unit_test(names_and_places_are_taken),
        cmocka_unit_test(a_design_is_checked),
        cmocka_unit_test(specifications_of_64_bits_come_back),
        cmocka_unit_test(a_thread_of_64_bits_that_nobody_holds_is_kept),
        cmocka_unit_test(a_specification_of_64_bits_is_a_state_of_64_bits),
        cmocka_unit_test(an_export_leaves_nothing_out),
        cmocka_unit_test(export_and_import_come_back_to_the_same),
        cmocka_unit_test(a_thread_without_a_capability_is_judged),
        cmocka_unit_test(what_only_tables_refer_to_is_judged),
        cmocka_unit_test(what_nobody_holds_is_there),
        cmocka_unit_test(a_design_has_the_authority_of_the_system_it_came_from),
    };
    snprintf(path, sizeof(path), "/tmp/capdl-test-%ld", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
