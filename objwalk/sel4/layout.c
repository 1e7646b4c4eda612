/* What symbols and their sizes tell of a kernel, and the built-in tables that go with it. */
#include "objwalk/sel4/layout.h"

#include "objwalk/sel4/layout_parts.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { OLD_PAGE_DIRECTORY = 5, OLD_PAGE_UPPER_DIRECTORY = 7 };

static const char *const symbol_names[SEL4_SYMBOLS] = {
#define X(NAME, text) [SEL4_SYM_##NAME] = text,
    SEL4_SYMBOL_LIST(X)
#undef X
};

/* Symbols whose name depends on the architecture. */
static const struct {
    const char *asid_table;
    const char *kernel_table;
    const char *text;
} arches[SEL4_ARCHES] = {
    [SEL4_AARCH32] = {"armKSASIDTable", "armKSGlobalPD", "AArch32"},
    [SEL4_AARCH64] = {"armKSASIDTable", "armKSGlobalKernelPGD", "AArch64"},
    [SEL4_RISCV64] = {"riscvKSASIDTable", "kernel_root_pageTable", "RISC-V64"},
    [SEL4_X86_64] = {"x86KSASIDTable", "x64KSKernelPML4", "x86-64"},
};

const char *sel4_arch_text(enum sel4_arch a)
{
    return a < SEL4_ARCHES ? arches[a].text : "unknown";
}

void sel4_layout_note(struct sel4_layout *l, const char *fmt, ...)
{
    if (l->notes == SEL4_NOTES)
        return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(l->note[l->notes++], SEL4_NOTE, fmt, args);
    va_end(args);
}

static enum sel4_arch arch_of(const struct sel4_image *m)
{
    switch (m->machine) {
    case EM_ARM:
        return SEL4_AARCH32;
    case EM_RISCV:
        return SEL4_RISCV64;
    case EM_X86_64:
        return SEL4_X86_64;
    default:
        return SEL4_AARCH64;
    }
}

static void take_symbol(struct sel4_layout *l, const struct sel4_image *m, enum sel4_symbol_name s)
{
    const char *name = symbol_names[s];
    if (s == SEL4_SYM_ASID_TABLE)
        name = arches[l->options.arch].asid_table;
    else if (s == SEL4_SYM_KERNEL_TABLE)
        name = arches[l->options.arch].kernel_table;
    if (!sel4_image_symbol(m, name, &l->symbol[s]))
        l->symbol[s] = (struct sel4_symbol){0};
}

/* The lowest address of the kernel itself: x86 boot code lies at its physical address. */
static uint64_t lowest(const struct sel4_image *m, enum sel4_arch arch)
{
    uint64_t low = ~(uint64_t)0;
    for (uint32_t i = 0; i < m->segments; i++) {
        bool boot = arch == SEL4_X86_64 && m->segment[i].va >> 47 == 0;
        if (!boot && m->segment[i].va < low)
            low = m->segment[i].va;
    }
    return low;
}

static void take_options(struct sel4_layout *l, const struct sel4_image *m)
{
    l->options.mcs = sel4_has(l, SEL4_SYM_CUR_SC) || sel4_has(l, SEL4_SYM_RELEASE_QUEUE) ||
                     sel4_has(l, SEL4_SYM_RELEASE_HEAD) || sel4_has(l, SEL4_SYM_IDLE_SC);
    l->options.smp = sel4_has(l, SEL4_SYM_SMP);
    l->options.hyp = l->options.arch == SEL4_AARCH64 && lowest(m, SEL4_AARCH64) >> 48 == 0;
    l->debug = sel4_has(l, SEL4_SYM_DEBUG_TCBS);
}

static bool is_power_of_two(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

static unsigned log2_of(uint64_t v)
{
    return 63 - (unsigned)__builtin_clzll(v);
}

/* Without nodes the idle thread's symbol is as large as a TCB. */
static enum error take_sizes(struct sel4_layout *l, char *why)
{
    uint64_t idle = l->symbol[SEL4_SYM_IDLE_TCB].size;
    l->word = l->wide ? 8 : 4;
    l->slot_bits = l->wide ? 5 : 4;
    l->nodes = 1;
    l->tcb_slots = 5;
    l->idle_state = 7;
    l->asid_low_bits = l->options.arch == SEL4_AARCH32 ? 10 : 9;
    l->irqs = (uint32_t)(l->symbol[SEL4_SYM_IRQ_NODE].size >> l->slot_bits);
    l->domains =
        (uint32_t)(l->symbol[SEL4_SYM_READY_QUEUES].size / (2u * l->word) / SEL4_PRIORITIES);
    if (l->options.smp)
        return ERR_OK;
    if (!is_power_of_two(idle) || idle < 256 || idle > 65536) {
        (void)snprintf(why, SEL4_WHY, "its symbol ksIdleThreadTCB has no size that a TCB can have");
        return ERR_LAYOUT;
    }
    l->tcb_bits = log2_of(idle);
    return ERR_OK;
}

static enum error need_symbols(const struct sel4_layout *l, char *why)
{
    static const enum sel4_symbol_name needed[] = {SEL4_SYM_IRQ_NODE, SEL4_SYM_ASID_TABLE,
                                                   SEL4_SYM_IDLE_TCB, SEL4_SYM_KERNEL_TABLE};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (sel4_has(l, needed[i]))
            continue;
        bool hyp32 = needed[i] == SEL4_SYM_KERNEL_TABLE && l->options.arch == SEL4_AARCH32;
        const char *name = needed[i] == SEL4_SYM_KERNEL_TABLE ? arches[l->options.arch].kernel_table
                           : needed[i] == SEL4_SYM_ASID_TABLE ? arches[l->options.arch].asid_table
                                                              : symbol_names[needed[i]];
        (void)snprintf(why, SEL4_WHY, "its symbol %s is missing%s", name,
                       hyp32 ? " (AArch32 kernels for hypervisor mode are not supported)" : "");
        return ERR_LAYOUT;
    }
    return ERR_OK;
}

static void take_paging(struct sel4_layout *l, const struct sel4_image *m)
{
    static const enum sel4_paging_format formats[SEL4_ARCHES] = {
        [SEL4_AARCH32] = SEL4_PAGING_AARCH32,
        [SEL4_AARCH64] = SEL4_PAGING_AARCH64,
        [SEL4_RISCV64] = SEL4_PAGING_SV39,
        [SEL4_X86_64] = SEL4_PAGING_X86_64,
    };
    enum sel4_paging_format f = formats[l->options.arch];
    sel4_paging_init(&l->kernel_paging, f, 0);
    sel4_paging_init(&l->paging, f, lowest(m, l->options.arch));
    l->paging_known = !l->options.hyp; /* stage 2 has 3 or 4 levels: mapping.c finds out */
}

static void tell_difference(void *ctx, const char *text)
{
    sel4_layout_note(ctx, "layout: %s", text);
}

static enum error take_description(struct sel4_layout *l, const char *text, size_t len, char *why)
{
    struct sel4_description d;
    if (!text)
        return ERR_OK;
    enum error e =
        sel4_description_apply(text, len, l->options.arch, l->block, tell_difference, l, &d);
    if (e != ERR_OK)
        (void)snprintf(why, SEL4_WHY, "line %u of the layout: %s", d.line,
                       d.why ? d.why : "out of memory");
    else if (d.differences == 0)
        sel4_layout_note(l, "layout: %u blocks of the description agree with the built-in tables",
                         d.blocks);
    return e;
}

static void take_function(struct sel4_layout *l, const struct sel4_image *m)
{
    struct sel4_symbol s;
    if (sel4_image_symbol(m, "idle_thread", &s))
        l->idle_function = s.addr & ~(uint64_t)1;
}

enum error sel4_layout_open(struct sel4_layout *l, const struct sel4_image *m,
                            const char *description, size_t description_bytes, char *why)
{
    memset(l, 0, sizeof(*l));
    l->options.arch = arch_of(m);
    l->wide = m->wide;
    for (unsigned s = 0; s < SEL4_SYMBOLS; s++)
        take_symbol(l, m, s);
    take_options(l, m);
    enum error e = need_symbols(l, why);
    if (e == ERR_OK)
        e = take_sizes(l, why);
    if (e != ERR_OK)
        return e;
    take_function(l, m);
    take_paging(l, m);
    struct sel4_dwarf *d = sel4_dwarf_open(m);
    sel4_release_find(l, m, d, lowest(m, l->options.arch));
    sel4_blocks_fill(l->block, &l->options);
    sel4_release_types(l, d);
    sel4_tcb_begin(l, d);
    e = d ? sel4_tcb_from_dwarf(l, d, why) : ERR_OK;
    sel4_dwarf_close(d);
    return e != ERR_OK ? e : take_description(l, description, description_bytes, why);
}

bool sel4_layout_reconsider(struct sel4_layout *l, uint32_t tag)
{
    bool old = tag == OLD_PAGE_DIRECTORY || tag == OLD_PAGE_UPPER_DIRECTORY;
    if (l->options.arch != SEL4_AARCH64 || l->options.four_tables || !old ||
        l->earliest > SEL4_12_1)
        return false;
    l->options.four_tables = true;
    sel4_release_to(l, SEL4_12_1);
    sel4_blocks_fill(l->block, &l->options);
    return true;
}
