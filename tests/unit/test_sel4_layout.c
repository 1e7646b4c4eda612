/* What is found out of a kernel.elf and a running kernel before the first walk: sources of the
 * layout, refusals in one clause, page tables, the kernel's own description of its bit fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "objwalk/sel4/description.h"
#include "objwalk/sel4/paging.h"
#include "objwalk/sel4/window.h"
#include "tests/unit/sel4_fixture.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- refusals of the file --- */

static enum error open_bytes(uint8_t *bytes, size_t len, char *why)
{
    struct sel4_image m;
    enum error e = sel4_image_memory(&m, bytes, len, why);
    if (e == ERR_OK)
        sel4_image_close(&m);
    return e;
}

static void refused(uint8_t *bytes, size_t len, enum error expected, const char *clause)
{
    char why[SEL4_WHY];
    assert_int_equal(open_bytes(bytes, len, why), expected);
    if (!strstr(why, clause))
        fail_msg("got \"%s\", expected \"%s\"", why, clause);
}

static void files_that_are_no_kernel_are_refused(void **state)
{
    (void)state;
    uint8_t text[] = "#!/bin/sh\necho this is no ELF file, whatever its name says\n";
    refused(text, sizeof(text), ERR_FORMAT, "not an ELF file");

    struct elf_maker m = {.machine = EM_AARCH64, .wide = true};
    size_t len = 0;
    maker_segment(&m, 0xffffff8040000000u, 0x40000000, 0x1000, NULL, 0);
    maker_symbol(&m, "main", 0x1000, 16, true);
    uint8_t *elf = maker_make(&m, &len);
    refused(elf, len, ERR_NO_ROOTS, "no symbol ksIdleThread");
    elf[5] = 2;
    refused(elf, len, ERR_FORMAT, "");
    free(elf);

    m.stripped = true;
    elf = maker_make(&m, &len);
    refused(elf, len, ERR_NO_ROOTS, "stripped");
    free(elf);

    m.machine = EM_MIPS;
    elf = maker_make(&m, &len);
    refused(elf, len, ERR_UNSUPPORTED, "AArch64, AArch32, RISC-V64 or x86-64");
    free(elf);

    m.machine = EM_AARCH64;
    m.segments = 0;
    elf = maker_make(&m, &len);
    refused(elf, len, ERR_FORMAT, "no program headers");
    for (size_t cut = 0; cut < len; cut += 13)
        assert_int_not_equal(open_bytes(elf, cut, (char[SEL4_WHY]){0}), ERR_OK);
    free(elf);
}

/* --- refusals of the target --- */

static enum error attach(struct fixture *f, char *why)
{
    struct sel4_kernel k;
    struct sel4_image image;
    size_t len = 0;
    uint8_t *elf = maker_make(&f->maker, &len);
    assert_int_equal(sel4_image_memory(&image, elf, len, why), ERR_OK);
    assert_int_equal(sel4_kernel_take(&k, image, NULL, 0, why), ERR_OK);
    enum error e = sel4_kernel_attach(&k, &f->port, why);
    fixture_close(&k, elf);
    return e;
}

static void attach_refused(struct fixture *f, enum error expected, const char *clause)
{
    char why[SEL4_WHY];
    enum error e = attach(f, why);
    if (e != expected || !strstr(why, clause))
        fail_msg("got error %d \"%s\", expected %d \"%s\"", e, why, expected, clause);
}

static void fill(struct fixture *f, uint64_t va, size_t len, uint8_t byte)
{
    for (size_t i = 0; i < len; i++)
        fixture_put(f, va + i, &byte, 1);
}

static void targets_that_run_something_else_are_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct fixture f;
        fixture_load(&f, fixture_names[i], false);
        fill(&f, fixture_symbol(&f, "emptySlot") + 8, 4, 0x5a);
        attach_refused(&f, ERR_REFUSED, "another kernel runs: code differs in 1 of 5 places");
        fixture_free(&f);
    }
}

static void targets_that_have_not_booted_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_load(&f, "a64", false);
    uint64_t root = fixture_symbol(&f, "armKSGlobalKernelPGD");
    fill(&f, root, 4096, 0);
    attach_refused(&f, ERR_NO_ROOTS, "its page table does not say where it sees RAM");
    fixture_put_word(&f, fixture_symbol(&f, "ksCurThread"), 0);
    attach_refused(&f, ERR_NO_ROOTS, "no thread is current");
    fill(&f, fixture_symbol(&f, "ksIdleThreadTCB"), 2048, 0);
    attach_refused(&f, ERR_NO_ROOTS, "the idle thread does not stand");
    fill(&f, f.maker.segment[0].va, sizeof(f.code), 0);
    attach_refused(&f, ERR_NO_ROOTS, "no code stands in memory where it should");
    f.refuse = true;
    attach_refused(&f, ERR_READ, "cannot be read");
    fixture_free(&f);
}

/* --- sources --- */

static void the_idle_thread_tells_what_dwarf_tells(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct sel4_layout layout[2];
        for (unsigned dwarf = 0; dwarf < 2; dwarf++) {
            struct fixture f;
            struct sel4_kernel k;
            uint8_t *elf = NULL;
            fixture_load(&f, fixture_names[i], dwarf == 1);
            fixture_attach(&f, &k, &elf);
            layout[dwarf] = k.layout;
            fixture_close(&k, elf);
            fixture_free(&f);
        }
        for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++) {
            /* their place does not tell whether the kernel has links of their own for endpoints */
            bool links = (m == SEL4_TCB_EP_NEXT || m == SEL4_TCB_EP_PREV) && layout[0].options.mcs;
            if (!links && layout[0].tcb[m] != layout[1].tcb[m])
                fail_msg("%s: member %u: idle thread %x, DWARF %x", fixture_names[i], m,
                         layout[0].tcb[m], layout[1].tcb[m]);
        }
        assert_int_equal(layout[0].pc, layout[1].pc);
    }
}

static void releases(const char *name, enum sel4_release earliest, enum sel4_release latest)
{
    struct fixture f;
    struct sel4_kernel k;
    uint8_t *elf = NULL;
    fixture_load(&f, name, true);
    fixture_attach(&f, &k, &elf);
    if (k.layout.earliest != earliest || k.layout.latest != latest)
        fail_msg("%s: got %s to %s", name, sel4_release_text(k.layout.earliest),
                 sel4_release_text(k.layout.latest));
    assert_int_equal(k.layout.notes, 0);
    fixture_close(&k, elf);
    fixture_free(&f);
}

static void releases_are_told_apart(void **state)
{
    (void)state;
    releases("a64", SEL4_AFTER_16_0, SEL4_AFTER_16_0);
    releases("a64mcs", SEL4_AFTER_16_0, SEL4_AFTER_16_0);
    releases("a64v12", SEL4_12_0, SEL4_12_1);
    releases("x64", SEL4_14_0, SEL4_AFTER_16_0);
}

static bool is_noted(const struct sel4_layout *l, const char *text)
{
    for (uint32_t i = 0; i < l->notes; i++)
        if (strstr(l->note[i], text))
            return true;
    return false;
}

/* Its enumerations name types that no release has yet, and one has another number. */
static void a_release_to_come_is_said_to_be_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct fixture f;
        struct sel4_kernel k;
        uint8_t *elf = NULL;
        fixture_load(&f, fixture_names[i], true);
        maker_member(&f.maker, NULL, "cap_teleport_cap", 29);
        maker_member(&f.maker, NULL, "cap_portal_cap", 45);
        maker_member(&f.maker, NULL, "cap_domain_cap", 47);
        fixture_attach(&f, &k, &elf);
        assert_true(is_noted(&k.layout,
                             "newer than any that is known here: it has capability types of "
                             "its own (teleport = 29, portal = 45), which are shown as unknown"));
        assert_true(is_noted(&k.layout, "numbers capability types in another way (domain = 47)"));
        assert_int_equal(k.layout.notes, 2);
        assert_int_equal(k.layout.block[SEL4_CAP_DOMAIN].tag, 47);
        fixture_close(&k, elf);
        fixture_free(&f);
    }
}

static void members_outside_a_tcb_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct sel4_kernel k;
    struct sel4_image image;
    char why[SEL4_WHY];
    size_t len = 0;
    fixture_load(&f, "a64", true);
    for (size_t i = 0; i < f.maker.facts; i++) {
        if (f.maker.fact[i].name && strcmp(f.maker.fact[i].name, "tcbState") == 0)
            f.maker.fact[i].value = 0x7fffff00;
    }
    uint8_t *elf = maker_make(&f.maker, &len);
    assert_int_equal(sel4_image_memory(&image, elf, len, why), ERR_OK);
    assert_int_equal(sel4_kernel_take(&k, image, NULL, 0, why), ERR_LAYOUT);
    assert_non_null(strstr(why, "tcbState outside the TCB"));
    free(elf);
    fixture_free(&f);
}

/* The window is found where it is, and the two addresses of the kernel's own bytes are one. */
static void the_window_is_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct fixture f;
        struct sel4_kernel k;
        uint8_t *elf = NULL;
        uint64_t pa = 0;
        fixture_load(&f, fixture_names[i], false);
        fixture_attach(&f, &k, &elf);
        assert_true(k.memory.offset == (f.offset & k.memory.mask));
        uint64_t va = fixture_symbol(&f, "ksCurThread");
        pa = sel4_memory_physical(&k.memory, va);
        assert_true(pa == fixture_pa(&f, va));
        assert_true(sel4_memory_physical(&k.memory, (pa + f.offset) & k.memory.mask) == pa);
        fixture_close(&k, elf);
        fixture_free(&f);
    }
}

static void places_are_judged(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct fixture f;
        struct sel4_kernel k;
        uint8_t *elf = NULL;
        fixture_load(&f, fixture_names[i], false);
        fixture_attach(&f, &k, &elf);
        bool user = !strstr(fixture_names[i], "zombie");
        assert_int_equal(sel4_kernel_is_user(&k, f.pc), user);
        assert_int_equal(sel4_kernel_is_quiet(&k, f.pc), user);
        assert_true(sel4_kernel_is_quiet(&k, fixture_symbol(&f, "idle_thread") + 4));
        assert_false(sel4_kernel_is_quiet(&k, fixture_symbol(&f, "cteInsert") + 4));
        fixture_close(&k, elf);
        fixture_free(&f);
    }
}

/* --- page tables --- */

struct entry_case {
    enum sel4_paging_format format;
    unsigned level;
    uint64_t raw;
    struct sel4_entry expected;
};

static void entries_of_each_architecture_are_decoded(void **state)
{
    (void)state;
    static const struct entry_case cases[] = {
        {SEL4_PAGING_AARCH64, 0, 0x42601003, {SEL4_ENTRY_TABLE, 0x42601000, 39, 0, false}},
        {SEL4_PAGING_AARCH64, 0, 0x42601001, {SEL4_ENTRY_NONE, 0, 39, 0, false}},
        {SEL4_PAGING_AARCH64, 3, 0x400000042042cd3, {SEL4_ENTRY_LEAF, 0x42042000, 12, 6, false}},
        {SEL4_PAGING_AARCH64, 3, 0x44000007ffe4c53, {SEL4_ENTRY_LEAF, 0x7ffe4000, 12, 3, false}},
        {SEL4_PAGING_AARCH64, 3, 0x7ffe4c13, {SEL4_ENTRY_LEAF, 0x7ffe4000, 12, 0, false}},
        {SEL4_PAGING_AARCH64, 3, 0x7ffe4c51, {SEL4_ENTRY_NONE, 0, 12, 0, false}},
        {SEL4_PAGING_AARCH64, 2, 0x42200c51, {SEL4_ENTRY_LEAF, 0x42200000, 21, 7, false}},
        {SEL4_PAGING_AARCH64, 1, 0x40000701, {SEL4_ENTRY_LEAF, 0x40000000, 30, 0, false}},
        {SEL4_PAGING_STAGE2_3, 0, 0x42601003, {SEL4_ENTRY_TABLE, 0x42601000, 30, 0, false}},
        {SEL4_PAGING_STAGE2_3, 2, 0x420427ff, {SEL4_ENTRY_LEAF, 0x42042000, 12, 7, false}},
        {SEL4_PAGING_STAGE2_3, 1, 0x4220077d, {SEL4_ENTRY_LEAF, 0x42200000, 21, 6, false}},
        {SEL4_PAGING_STAGE2_4, 3, 0x420427ff, {SEL4_ENTRY_LEAF, 0x42042000, 12, 7, false}},
        {SEL4_PAGING_AARCH32, 0, 0xa207c401, {SEL4_ENTRY_TABLE, 0xa207c400, 20, 0, false}},
        {SEL4_PAGING_AARCH32, 0, 0x40100c02, {SEL4_ENTRY_LEAF, 0x40100000, 20, 7, false}},
        {SEL4_PAGING_AARCH32, 0, 0x41040c12, {SEL4_ENTRY_LEAF, 0x41000000, 24, 3, true}},
        {SEL4_PAGING_AARCH32, 1, 0x42022966, {SEL4_ENTRY_LEAF, 0x42022000, 12, 6, false}},
        {SEL4_PAGING_AARCH32, 1, 0x7fff7977, {SEL4_ENTRY_LEAF, 0x7fff7000, 12, 3, false}},
        {SEL4_PAGING_AARCH32, 1, 0x42055835, {SEL4_ENTRY_LEAF, 0x42050000, 16, 7, true}},
        {SEL4_PAGING_SV39, 2, 0x208108db, {SEL4_ENTRY_LEAF, 0x82042000, 12, 6, false}},
        {SEL4_PAGING_SV39, 2, 0x20088cdf, {SEL4_ENTRY_LEAF, 0x80223000, 12, 7, false}},
        {SEL4_PAGING_SV39, 0, 0x20180001, {SEL4_ENTRY_TABLE, 0x80600000, 30, 0, false}},
        {SEL4_PAGING_SV39, 1, 0x20800000, {SEL4_ENTRY_NONE, 0, 21, 0, false}},
        {SEL4_PAGING_X86_64, 2, 0x2200087, {SEL4_ENTRY_LEAF, 0x2200000, 21, 7, false}},
        {SEL4_PAGING_X86_64, 3, 0x2042005, {SEL4_ENTRY_LEAF, 0x2042000, 12, 6, false}},
        {SEL4_PAGING_X86_64, 3, 0x8000000002042007, {SEL4_ENTRY_LEAF, 0x2042000, 12, 3, false}},
        {SEL4_PAGING_X86_64, 3, 0x2042003, {SEL4_ENTRY_LEAF, 0x2042000, 12, 0, false}},
        {SEL4_PAGING_X86_64, 0, 0x260b027, {SEL4_ENTRY_TABLE, 0x260b000, 39, 0, false}},
        {SEL4_PAGING_X86_64, 0, 0x260b026, {SEL4_ENTRY_NONE, 0, 39, 0, false}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sel4_paging p;
        struct sel4_entry e;
        const struct sel4_entry *x = &cases[i].expected;
        sel4_paging_init(&p, cases[i].format, 0);
        sel4_paging_decode(&p, cases[i].level, cases[i].raw, &e);
        uint64_t pa = e.kind == SEL4_ENTRY_NONE ? 0 : e.pa;
        uint8_t rights = e.kind == SEL4_ENTRY_LEAF ? e.rights : 0;
        if (e.kind != x->kind || pa != x->pa || e.bits != x->bits || rights != x->rights ||
            e.repeats != x->repeats)
            fail_msg("entry %" PRIx64 " of format %d at level %u: got kind %d pa %" PRIx64
                     " bits %u rights %u",
                     cases[i].raw, cases[i].format, cases[i].level, e.kind, pa, e.bits, rights);
    }
}

static void user_space_ends_where_the_kernel_begins(void **state)
{
    (void)state;
    struct sel4_paging p;
    sel4_paging_init(&p, SEL4_PAGING_AARCH32, 0xa0000000u);
    assert_int_equal(sel4_paging_entries(&p, 0), 0xa00);
    sel4_paging_init(&p, SEL4_PAGING_SV39, 0);
    assert_int_equal(sel4_paging_entries(&p, 0), 256);
    assert_int_equal(sel4_paging_entries(&p, 1), 512);
    sel4_paging_init(&p, SEL4_PAGING_STAGE2_3, 0);
    assert_int_equal(sel4_paging_index(&p, 0, 0xff40000000u), 0x3fd);
}

/* --- descriptions --- */

struct told {
    unsigned count;
    char last[256];
};

static void tell(void *ctx, const char *text)
{
    struct told *t = ctx;
    t->count++;
    (void)snprintf(t->last, sizeof(t->last), "%s", text);
}

static enum error apply(const char *text, enum sel4_arch arch, struct sel4_block *block,
                        struct told *t, struct sel4_description *out)
{
    struct sel4_options o = {.arch = arch};
    memset(t, 0, sizeof(*t));
    sel4_blocks_fill(block, &o);
    return sel4_description_apply(text, strlen(text), arch, block, tell, t, out);
}

#define A64_HEAD "base 64(48,1)\n"
#define A64_FRAME                                                                                  \
    "block frame_cap { -- a comment } block\n"                                                     \
    "  field capFMappedASID 16\n  field_ptr capFBasePtr 48\n"                                      \
    "  field capType 5\n  field capFSize 2\n  field_high capFMappedAddress 48\n"                   \
    "  field capFVMRights 2\n  field capFIsDevice 1\n  padding 6 }\n"
#define A64_CNODE                                                                                  \
    "block cnode_cap(capType, capCNodeRadix) {\n field capCNodeGuard 64\n"                         \
    " field capType 5 field capCNodeGuardSize 6 field capCNodeRadix 6\n"                           \
    " field_ptr(1) capCNodePtr word_size - 17 }\n"
#define A64_CAPS                                                                                   \
    "tagged_union cap capType { mask 4 0xe mask 8 0xe tag frame_cap 1 tag cnode_cap 10 }\n"

static void a_description_that_agrees_changes_nothing(void **state)
{
    (void)state;
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_description d;
    struct told t;
    assert_int_equal(apply(A64_HEAD A64_FRAME A64_CNODE A64_CAPS, SEL4_AARCH64, block, &t, &d),
                     ERR_OK);
    if (t.count != 0)
        fail_msg("told: %s", t.last);
    assert_int_equal(d.blocks, 2);
    assert_int_equal(block[SEL4_CAP_FRAME].tag, 1);
    assert_int_equal(block[SEL4_CAP_UNTYPED].tag, SEL4_NO_TAG);
}

/* Blocks of other things with products, unions with two tags, a word size of their own. */
static void what_is_no_capability_does_not_disturb(void **state)
{
    (void)state;
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_description d;
    struct told t;
    const char *text = A64_HEAD
        "block pte { padding 3 * word_size + 2 * 32\n field a 64 }\n"
        "tagged_union entry one(a, b) { tag pte (3, 0) tag other (1, 0) }\n" A64_FRAME A64_CNODE
            A64_CAPS "base 32\nblock device { padding 32 field b 32 }\n";
    assert_int_equal(apply(text, SEL4_AARCH64, block, &t, &d), ERR_OK);
    if (t.count != 0)
        fail_msg("told: %s", t.last);
}

/* Fields of an SMMU are no difference where there is none; others that are gone are one. */
static void optional_fields_may_be_absent(void **state)
{
    (void)state;
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_description d;
    struct told t;
    const char *text =
        A64_HEAD "block vspace_cap { field capVSMappedASID 16 field_ptr capVSBasePtr 48"
                 " field capType 5 field capVSIsMapped 1 padding 58 }"
                 "tagged_union cap capType { tag vspace_cap 9 }";
    assert_int_equal(apply(text, SEL4_AARCH64, block, &t, &d), ERR_OK);
    if (t.count != 0)
        fail_msg("told: %s", t.last);
}

static void a_description_wins_and_says_where_it_differs(void **state)
{
    (void)state;
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_description d;
    struct told t;
    const char *moved =
        A64_HEAD "block frame_cap { field capFMappedASID 16 field_high capFBasePtr 48"
                 " field capType 5 padding 1 field capFSize 2 padding 56 }"
                 "tagged_union cap capType { tag frame_cap 29 }";
    assert_int_equal(apply(moved, SEL4_AARCH64, block, &t, &d), ERR_OK);
    assert_int_equal(d.differences, 5); /* type, size moved, three fields gone */
    assert_non_null(strstr(t.last, "in the built-in table"));
    uint64_t words[2] = {(uint64_t)2 << 56, 0};
    assert_int_equal(sel4_block_value(&block[SEL4_CAP_FRAME], SEL4_FRAME_SIZE, words), 2);
    assert_int_equal(block[SEL4_CAP_FRAME].tag, 29);
}

static void descriptions_of_32_bits_are_read(void **state)
{
    (void)state;
    struct sel4_block block[SEL4_BLOCKS];
    struct sel4_description d;
    struct told t;
    const char *text =
        "base 32\nblock zombie_cap { field capZombieID 32 padding 18\n"
        "field capZombieType 6 field capType 8 }\n"
        "block mdb_node { padding 0 field_high mdbNext 29 padding 1 field mdbRevocable 1\n"
        " field mdbFirstBadged 1 field_high mdbPrev 29 padding 3 }\n"
        "tagged_union cap capType { mask 4 0xe tag zombie_cap 0x2e }";
    assert_int_equal(apply(text, SEL4_AARCH32, block, &t, &d), ERR_OK);
    if (t.count != 0)
        fail_msg("told: %s", t.last);
    assert_int_equal(apply(text, SEL4_AARCH64, block, &t, &d), ERR_LAYOUT);
}

static void bad_descriptions_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        const char *why;
    } cases[] = {
        {"", 1, "no union of capabilities"},
        {"base 64\n\nbloc x {}", 3, "base, block or tagged_union is missing"},
        {"base 13", 1, "the word size makes no sense"},
        {"base 64(48 1)", 1, "a comma is missing"},
        {"base 64\nblock frame_cap { field x 3 }", 2, "do not fill its words"},
        {"base 64\nblock frame_cap {\nfield x 99999\n}", 3, "a width makes no sense"},
        {"base 64\nblock frame_cap { padding", 2, "a number is missing"},
        {"base 64(48,1)\nblock frame_cap { field_high x 64 }", 2, "wider than a pointer"},
        {"base 64(48,1)\nblock frame_cap { field_ptr(60) x 4 }", 2, "a pointer field is too short"},
        {"base 64\nblock frame_cap (a, b", 2, "a parenthesis is not closed"},
        {"base 64(48,1)\nblock frame_cap { padding 60 field capFSize 10 padding 58 }", 2,
         "does not lie within one word"},
        {"base 64\ntagged_union cap capType { what 3 }", 2, "tag, mask or } is missing"},
        {"base 64\ntagged_union cap capType {", 2, "tag, mask or } is missing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sel4_block block[SEL4_BLOCKS];
        struct sel4_description d;
        struct told t;
        enum error e = apply(cases[i].text, SEL4_AARCH64, block, &t, &d);
        if (e != ERR_FORMAT || d.line != cases[i].line || !strstr(d.why, cases[i].why))
            fail_msg("case %zu: got %d, line %u: %s", i, e, d.line, d.why ? d.why : "-");
        assert_int_equal(block[SEL4_CAP_FRAME].tag, 1); /* the table is as it was */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_are_no_kernel_are_refused),
        cmocka_unit_test(targets_that_run_something_else_are_refused),
        cmocka_unit_test(targets_that_have_not_booted_are_refused),
        cmocka_unit_test(the_idle_thread_tells_what_dwarf_tells),
        cmocka_unit_test(releases_are_told_apart),
        cmocka_unit_test(a_release_to_come_is_said_to_be_one),
        cmocka_unit_test(members_outside_a_tcb_are_refused),
        cmocka_unit_test(the_window_is_found),
        cmocka_unit_test(places_are_judged),
        cmocka_unit_test(entries_of_each_architecture_are_decoded),
        cmocka_unit_test(user_space_ends_where_the_kernel_begins),
        cmocka_unit_test(a_description_that_agrees_changes_nothing),
        cmocka_unit_test(what_is_no_capability_does_not_disturb),
        cmocka_unit_test(optional_fields_may_be_absent),
        cmocka_unit_test(a_description_wins_and_says_where_it_differs),
        cmocka_unit_test(descriptions_of_32_bits_are_read),
        cmocka_unit_test(bad_descriptions_are_refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
