/* Where the members of a TCB stand: by DWARF, else by the idle thread.
 *
 * Behind the saved registers, whose size depends on many options, one order of members holds for
 * all releases and architectures; so one known place gives all others.  The idle thread has its own
 * entry point as saved program counter, and the first word behind that which is exactly the number
 * of the idle state is its state. */
#include "objwalk/sel4/layout_parts.h"

#include "objwalk/sel4/bits.h"

#include <stdio.h>
#include <string.h>

enum {
    IDLE_RUNNING_VM = 8,      /* number of the idle state where x86 runs virtual machines */
    STATE_BEHIND_PC_X86 = 80, /* registers behind the program counter */
};

static const struct {
    const char *name;
    uint8_t words;
} members[SEL4_TCB_MEMBERS] = {
#define X(NAME, text, words) [SEL4_TCB_##NAME] = {text, words},
    SEL4_TCB_LIST(X)
#undef X
};

/* Saved registers: index of the program counter and others in their words. */
static const struct {
    uint8_t pc;
    uint8_t fault_pc;
    uint8_t sp;
    uint8_t psr;
} registers[SEL4_ARCHES] = {
    [SEL4_AARCH32] = {15, 17, 13, 16},
    [SEL4_AARCH64] = {32, 34, 31, 33},
    [SEL4_RISCV64] = {34, 33, 1, 32},
    [SEL4_X86_64] = {14, 17, 16, 13},
};

static void place_registers(struct sel4_layout *l, uint64_t first)
{
    enum sel4_arch a = l->options.arch;
    l->pc = (uint16_t)(first + registers[a].pc * l->word);
    l->fault_pc = (uint16_t)(first + registers[a].fault_pc * l->word);
    l->sp = (uint16_t)(first + registers[a].sp * l->word);
    l->psr = (uint16_t)(first + registers[a].psr * l->word);
}

/* Members that this kernel has, as far as options and release tell. */
static bool has_member(const struct sel4_layout *l, enum sel4_tcb_member m)
{
    bool mcs = l->options.mcs;
    switch (m) {
    case SEL4_TCB_FLAGS:
        return l->earliest >= SEL4_14_0;
    case SEL4_TCB_TIME_SLICE:
    case SEL4_TCB_FAULT_HANDLER:
        return !mcs;
    case SEL4_TCB_SCHED_CONTEXT:
    case SEL4_TCB_YIELD_TO:
        return mcs;
    case SEL4_TCB_AFFINITY:
        return l->options.smp;
    case SEL4_TCB_EP_NEXT:
    case SEL4_TCB_EP_PREV:
        return !mcs || l->latest <= SEL4_15_0;
    default:
        return true;
    }
}

static void place_members(struct sel4_layout *l, uint64_t state)
{
    for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++) {
        l->tcb[m] = SEL4_NONE;
        if (!has_member(l, (enum sel4_tcb_member)m))
            continue;
        l->tcb[m] = (uint16_t)state;
        state += members[m].words * (uint64_t)l->word;
    }
    l->offsets_known = true;
}

static void place_context(struct sel4_layout *l, struct sel4_dwarf *d)
{
    uint64_t bytes = 0;
    unsigned words = l->earliest >= SEL4_12_1 ? SEL4_SC_MEMBERS : SEL4_SC_MEMBERS - 1;
    if (!d || !sel4_dwarf_size(d, "sched_context", &bytes))
        bytes = 16 + words * (uint64_t)l->word;
    l->sc_refills = (uint16_t)bytes;
}

/* Without DWARF: current, idle and chosen thread stand side by side in every release; what follows
 * does from 13.0 on. */
static void place_node(struct sel4_layout *l)
{
    int32_t word = (int32_t)l->word;
    l->node[SEL4_NODE_CURRENT] = -word;
    l->node[SEL4_NODE_ACTION] = word;
    if (!l->options.mcs || l->earliest < SEL4_13_0)
        return;
    l->node[SEL4_NODE_RELEASE] = 2 * word;
    l->node[SEL4_NODE_CONTEXT] = l->wide ? 7 * word : 10 * word;
}

void sel4_tcb_begin(struct sel4_layout *l, struct sel4_dwarf *d)
{
    memset(l->tcb, 0xff, sizeof(l->tcb));
    if (l->options.smp)
        place_node(l);
    place_context(l, d);
}

/* --- DWARF --- */

static uint64_t half(const struct sel4_layout *l)
{
    return (uint64_t)1 << (l->tcb_bits - 1);
}

static void node_members_from_dwarf(struct sel4_layout *l, struct sel4_dwarf *d)
{
    static const char *const names[SEL4_NODE_MEMBERS] = {
        [SEL4_NODE_CURRENT] = "ksCurThread", [SEL4_NODE_ACTION] = "ksSchedulerAction",
        [SEL4_NODE_READY] = "ksReadyQueues", [SEL4_NODE_RELEASE] = "ksReleaseQueue",
        [SEL4_NODE_CONTEXT] = "ksCurSC",     [SEL4_NODE_DEBUG] = "ksDebugTCBs",
    };
    uint64_t idle = 0;
    uint64_t bitmap = 0;
    if (!sel4_dwarf_member(d, "nodeState", "ksIdleThread", &idle))
        return;
    for (unsigned m = 0; m < SEL4_NODE_MEMBERS; m++) {
        uint64_t at = 0;
        bool there = sel4_dwarf_member(d, "nodeState", names[m], &at);
        l->node[m] = there ? (int32_t)(int64_t)(at - idle) : SEL4_NODE_NONE;
    }
    if (l->node[SEL4_NODE_READY] != SEL4_NODE_NONE &&
        sel4_dwarf_member(d, "nodeState", "ksReadyQueuesL1Bitmap", &bitmap))
        l->domains = (uint32_t)(bitmap - idle - (uint64_t)(int64_t)l->node[SEL4_NODE_READY]) /
                     (2u * l->word) / SEL4_PRIORITIES;
}

static void nodes_from_dwarf(struct sel4_layout *l, struct sel4_dwarf *d)
{
    uint64_t stride = 0;
    if (!l->options.smp || !sel4_dwarf_size(d, "smpStatedata", &stride) || stride < l->word ||
        stride > SEL4_NODE_BYTES)
        return;
    node_members_from_dwarf(l, d);
    uint64_t nodes = l->symbol[SEL4_SYM_SMP].size / stride;
    if (nodes == 0 || nodes > SEL4_NODES)
        return;
    l->smp_stride = (uint32_t)stride;
    l->nodes = (unsigned)nodes;
    uint64_t tcb = l->symbol[SEL4_SYM_IDLE_TCB].size / nodes;
    if (tcb >= 256 && tcb <= 65536 && (tcb & (tcb - 1)) == 0)
        l->tcb_bits = 63 - (unsigned)__builtin_clzll(tcb);
}

static void registers_from_dwarf(struct sel4_layout *l, struct sel4_dwarf *d)
{
    uint64_t arch = 0;
    uint64_t context = 0;
    uint64_t first = 0;
    (void)sel4_dwarf_member(d, "tcb", "tcbArch", &arch);
    (void)sel4_dwarf_member(d, "arch_tcb", "tcbContext", &context);
    if (sel4_dwarf_member(d, "user_context", "registers", &first) && first < 4096)
        place_registers(l, arch + context + first);
    else
        place_registers(l, l->options.arch == SEL4_X86_64 ? 576 : 0);
}

static void states_from_dwarf(struct sel4_layout *l, struct sel4_dwarf *d)
{
    uint64_t v = 0;
    if (l->options.smp && sel4_dwarf_size(d, "debug_tcb", &v))
        l->debug = true; /* its list of threads is a node's: no symbol */
    if (sel4_dwarf_enumerator(d, "ThreadState_IdleThreadState", &v) && v < 16)
        l->idle_state = (unsigned)v;
    if (sel4_dwarf_enumerator(d, "tcbCNodeEntries", &v) && v >= 5 && v <= 16)
        l->tcb_slots = (unsigned)v;
}

enum error sel4_tcb_from_dwarf(struct sel4_layout *l, struct sel4_dwarf *d, char *why)
{
    uint64_t bytes = 0;
    if (!sel4_dwarf_size(d, "tcb", &bytes))
        return ERR_OK; /* DWARF of something else: calibrate */
    nodes_from_dwarf(l, d);
    for (unsigned m = 0; m < SEL4_TCB_MEMBERS; m++) {
        uint64_t at = 0;
        if (!sel4_dwarf_member(d, "tcb", members[m].name, &at))
            continue;
        if (l->tcb_bits != 0 && at + members[m].words * (uint64_t)l->word > half(l)) {
            (void)snprintf(why, SEL4_WHY, "its DWARF puts %s outside the TCB", members[m].name);
            return ERR_LAYOUT;
        }
        l->tcb[m] = (uint16_t)at;
    }
    l->offsets_known = l->tcb[SEL4_TCB_STATE] != SEL4_NONE && l->tcb_bits != 0 &&
                       l->tcb[SEL4_TCB_SCHED_NEXT] != SEL4_NONE;
    registers_from_dwarf(l, d);
    states_from_dwarf(l, d);
    return ERR_OK;
}

/* --- calibration --- */

enum { IDLE_WORDS = 512 }; /* of the half of a TCB of 8 KiB */

/* Word of the saved program counter, 0: not found. It is never the first. */
static uint32_t find_pc(const struct sel4_layout *l, const uint64_t *w, uint32_t words)
{
    for (uint32_t i = 1; i < words; i++) {
        if (l->idle_function != 0 && (w[i] & ~(uint64_t)1) == l->idle_function)
            return i;
    }
    return 0;
}

static bool is_state(const struct sel4_layout *l, const uint64_t *w, uint32_t i)
{
    bool x86 = l->options.arch == SEL4_X86_64;
    return (w[i] == 7 || (x86 && w[i] == IDLE_RUNNING_VM)) && w[i + 1] == 0 && w[i + 2] == 0;
}

/* On x86 nothing but registers lies between. */
static uint32_t find_state(const struct sel4_layout *l, const uint64_t *w, uint32_t words,
                           uint32_t pc)
{
    if (l->options.arch == SEL4_X86_64) {
        uint32_t i = pc + STATE_BEHIND_PC_X86 / 8;
        return i + 3 < words && is_state(l, w, i) ? i : 0;
    }
    for (uint32_t i = pc + 1; i + 3 < words; i++) {
        if (is_state(l, w, i))
            return i;
    }
    return 0;
}

static void use_idle(struct sel4_layout *l, const uint64_t *w, uint32_t pc, uint32_t state)
{
    if (w[state] == IDLE_RUNNING_VM) {
        l->idle_state = IDLE_RUNNING_VM;
        l->tcb_slots = 6;
    }
    if (l->earliest < SEL4_14_0 && l->latest >= SEL4_14_0) {
        if (w[state + 3] == 1)
            sel4_release_from(l, SEL4_14_0);
        else
            sel4_release_to(l, SEL4_13_0);
        l->idle_unaligned = l->earliest <= SEL4_13_0;
    }
    place_registers(l, (pc - registers[l->options.arch].pc) * (uint64_t)l->word);
    place_members(l, state * (uint64_t)l->word);
}

static bool try_idle(struct sel4_layout *l, const uint64_t *w, uint32_t words)
{
    uint32_t pc = find_pc(l, w, words);
    uint32_t state = pc == 0 ? 0 : find_state(l, w, words, pc);
    if (state == 0 || pc < registers[l->options.arch].pc)
        return false;
    use_idle(l, w, pc, state);
    return true;
}

static enum error calibrate_size(struct sel4_layout *l, struct sel4_memory *memory,
                                 unsigned tcb_bits)
{
    uint64_t w[IDLE_WORDS];
    uint32_t words = (uint32_t)(((uint64_t)1 << (tcb_bits - 1)) / l->word);
    words = words > IDLE_WORDS ? IDLE_WORDS : words;
    uint64_t tcb = l->symbol[SEL4_SYM_IDLE_TCB].addr + ((uint64_t)1 << (tcb_bits - 1));
    enum error e = sel4_memory_words(memory, tcb, w, words);
    if (e != ERR_OK)
        return e;
    return try_idle(l, w, words) ? ERR_OK : ERR_CORRUPT;
}

/* With several nodes their number is not known, so sizes are tried; the idle threads' symbol holds
 * as many of them as there are nodes. */
static enum error calibrate_nodes(struct sel4_layout *l, struct sel4_memory *memory)
{
    for (unsigned bits = 9; bits <= 13; bits++) {
        uint64_t nodes = l->symbol[SEL4_SYM_IDLE_TCB].size >> bits;
        uint64_t smp = l->symbol[SEL4_SYM_SMP].size;
        if (nodes == 0 || nodes > SEL4_NODES || smp % nodes != 0 || smp / nodes > SEL4_NODE_BYTES)
            continue;
        enum error e = calibrate_size(l, memory, bits);
        if (e == ERR_CORRUPT)
            continue;
        l->tcb_bits = bits;
        l->nodes = (unsigned)nodes;
        l->smp_stride = (uint32_t)(smp / nodes);
        return e;
    }
    return ERR_CORRUPT;
}

enum error sel4_layout_calibrate(struct sel4_layout *l, struct sel4_memory *memory, char *why)
{
    if (l->offsets_known)
        return ERR_OK;
    enum error e =
        l->options.smp ? calibrate_nodes(l, memory) : calibrate_size(l, memory, l->tcb_bits);
    if (e == ERR_OK)
        sel4_layout_note(l,
                         "layout: the file has no DWARF; members of a TCB are placed by the idle "
                         "thread, whose state is at byte %u",
                         l->tcb[SEL4_TCB_STATE]);
    if (e == ERR_CORRUPT)
        (void)snprintf(
            why, SEL4_WHY,
            "the idle thread does not stand at ksIdleThreadTCB: the kernel has not booted "
            "yet, or is of a release that this program does not know");
    else if (e != ERR_OK)
        (void)snprintf(why, SEL4_WHY, "the idle thread at ksIdleThreadTCB cannot be read");
    return e;
}
