/* Finds out whether the file is what runs, and where the kernel sees memory. */
#include "objwalk/sel4/kernel.h"

#include "objwalk/sel4/window.h"

#include <stdio.h>
#include <string.h>

enum { CODE_BYTES = 64 };

enum error sel4_kernel_take(struct sel4_kernel *k, struct sel4_image image, const char *description,
                            size_t description_bytes, char *why)
{
    memset(k, 0, sizeof(*k));
    k->image = image;
    enum error e = sel4_layout_open(&k->layout, &k->image, description, description_bytes, why);
    if (e != ERR_OK)
        sel4_kernel_close(k);
    return e;
}

enum error sel4_kernel_open(struct sel4_kernel *k, const char *path, const char *description,
                            size_t description_bytes, char *why)
{
    struct sel4_image image;
    memset(k, 0, sizeof(*k));
    k->image.fd = -1;
    enum error e = sel4_image_open(&image, path, why);
    return e != ERR_OK ? e : sel4_kernel_take(k, image, description, description_bytes, why);
}

void sel4_kernel_close(struct sel4_kernel *k)
{
    sel4_memory_fini(&k->memory);
    sel4_image_close(&k->image);
}

/* --- is it this kernel? --- */

/* Functions that every build has, spread over its code. */
static const char *const probes[] = {"schedule", "cteInsert", "emptySlot", "handleSyscall",
                                     "createNewObjects"};
enum { PROBES = sizeof(probes) / sizeof(probes[0]) };

struct probe {
    uint64_t addr;
    uint32_t len; /* 0: the file has no such code */
    uint8_t file[CODE_BYTES];
    uint8_t target[CODE_BYTES];
};

static void take_probe(const struct sel4_kernel *k, const char *name, struct probe *p)
{
    struct sel4_symbol s;
    p->len = 0;
    if (!sel4_image_symbol(&k->image, name, &s) || s.size < 16)
        return;
    p->addr = s.addr & ~(uint64_t)1;
    p->len = s.size < CODE_BYTES ? (uint32_t)s.size & ~3u : CODE_BYTES;
    if (!sel4_image_bytes(&k->image, p->addr, p->file, p->len))
        p->len = 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static enum error judge(const struct probe *p, unsigned compared, unsigned equal, bool zeros,
                        char *why)
{
    (void)p;
    if (compared == 0) {
        (void)snprintf(why, SEL4_WHY, "its code could not be compared with what runs");
        return ERR_UNSUPPORTED;
    }
    if (equal == compared)
        return ERR_OK;
    if (zeros) {
        (void)snprintf(
            why, SEL4_WHY,
            "no code stands in memory where it should: the kernel has not been loaded yet, "
            "or elsewhere than its program headers say");
        return ERR_NO_ROOTS;
    }
    (void)snprintf(
        why, SEL4_WHY,
        "another kernel runs: code differs in %u of %u places (take the kernel.elf of the "
        "build that was booted)",
        compared - equal, compared);
    return ERR_REFUSED;
}

static enum error compare_code(struct sel4_kernel *k, char *why)
{
    struct probe p[PROBES];
    unsigned compared = 0;
    unsigned equal = 0;
    bool zeros = true;
    for (unsigned i = 0; i < PROBES; i++) {
        take_probe(k, probes[i], &p[i]);
        sel4_memory_want(&k->memory, p[i].addr, p[i].len);
    }
    enum error e = sel4_memory_fetch(&k->memory);
    for (unsigned i = 0; e == ERR_OK && i < PROBES; i++) {
        if (p[i].len == 0)
            continue;
        e = sel4_memory_read(&k->memory, p[i].addr, p[i].target, p[i].len);
        if (e != ERR_OK)
            break;
        compared++;
        equal += memcmp(p[i].file, p[i].target, p[i].len) == 0;
        zeros = zeros && is_zero(p[i].target, p[i].len);
    }
    if (e == ERR_READ)
        (void)snprintf(why, SEL4_WHY, "the kernel's code cannot be read where the file says it is");
    return e != ERR_OK ? e : judge(p, compared, equal, zeros, why);
}

/* --- nodes --- */

static uint64_t idle_of(const struct sel4_layout *l, unsigned node)
{
    return l->symbol[SEL4_SYM_IDLE_TCB].addr + ((uint64_t)node << l->tcb_bits) +
           ((uint64_t)1 << (l->tcb_bits - 1));
}

/* Does each node's data name its idle thread at this offset? */
static enum error names_idle(struct sel4_kernel *k, uint32_t offset, bool *yes)
{
    const struct sel4_layout *l = &k->layout;
    *yes = true;
    for (unsigned n = 0; *yes && n < l->nodes; n++) {
        uint64_t w = 0;
        uint64_t at = l->symbol[SEL4_SYM_SMP].addr + (uint64_t)n * l->smp_stride + offset;
        enum error e = sel4_memory_words(&k->memory, at, &w, 1);
        if (e != ERR_OK)
            return e;
        *yes = w == idle_of(l, n);
    }
    return ERR_OK;
}

/* ksSMP holds, for each node, pointers to the current and to the idle thread, side by side; the
 * idle thread of a node is known by its place, and stands at one offset in all nodes.  Where every
 * node idles, the current thread's pointer, the one before it, fits as well. */
static enum error find_idle(struct sel4_kernel *k, uint32_t *offset)
{
    const struct sel4_layout *l = &k->layout;
    bool found = false;
    for (uint32_t at = 0; at + l->word <= l->smp_stride; at += l->word) {
        bool yes = false;
        enum error e = names_idle(k, at, &yes);
        if (e != ERR_OK)
            return e;
        if (!yes && found)
            break;
        if (yes)
            *offset = at;
        if (yes && found)
            break;
        found = found || yes;
    }
    return found ? ERR_OK : ERR_CORRUPT;
}

static enum error find_nodes(struct sel4_kernel *k, char *why)
{
    if (!k->layout.options.smp)
        return ERR_OK;
    sel4_memory_want(&k->memory, k->layout.symbol[SEL4_SYM_SMP].addr,
                     k->layout.nodes * k->layout.smp_stride);
    uint32_t offset = 0;
    enum error e = find_idle(k, &offset);
    for (unsigned n = 0; n < k->layout.nodes && n < SEL4_NODES; n++)
        k->smp_idle[n] = n * k->layout.smp_stride + offset;
    if (e == ERR_CORRUPT)
        (void)snprintf(why, SEL4_WHY,
                       "ksSMP does not name the idle threads: the kernel has not "
                       "booted yet, or keeps its nodes in another way");
    return e == ERR_CORRUPT ? ERR_NO_ROOTS : e;
}

/* --- attaching --- */

static enum error check_current(struct sel4_kernel *k, uint64_t *current, char *why)
{
    uint64_t at = k->layout.symbol[SEL4_SYM_CUR_THREAD].addr;
    if (k->layout.options.smp)
        at = k->layout.symbol[SEL4_SYM_SMP].addr + k->smp_idle[0] +
             (uint64_t)(int64_t)k->layout.node[SEL4_NODE_CURRENT];
    enum error e = sel4_memory_words(&k->memory, at, current, 1);
    if (e == ERR_OK && *current == 0) {
        (void)snprintf(why, SEL4_WHY, "no thread is current: the kernel has not booted yet");
        return ERR_NO_ROOTS;
    }
    if (e == ERR_READ)
        (void)snprintf(why, SEL4_WHY, "the kernel's data cannot be read where the file says it is");
    return e;
}

static void begin_memory(struct sel4_kernel *k, const struct sel4_port *port)
{
    sel4_memory_fini(&k->memory);
    sel4_memory_init(&k->memory, port, k->layout.wide ? 64 : 32);
    memcpy(k->memory.segment, k->image.segment, sizeof(k->memory.segment));
    k->memory.segments = k->image.segments;
}

enum error sel4_kernel_attach(struct sel4_kernel *k, const struct sel4_port *port, char *why)
{
    uint64_t current = 0;
    why[0] = '\0';
    begin_memory(k, port);
    enum error e = compare_code(k, why);
    if (e == ERR_OK)
        e = sel4_layout_calibrate(&k->layout, &k->memory, why);
    if (e == ERR_OK)
        e = find_nodes(k, why);
    if (e == ERR_OK)
        e = check_current(k, &current, why);
    if (e == ERR_OK)
        e = sel4_window_find(k, why);
    if (e != ERR_OK && why[0] == '\0')
        (void)snprintf(why, SEL4_WHY, "its memory could not be read");
    return e == ERR_CORRUPT ? ERR_NO_ROOTS : e;
}

/* --- where it stands --- */

bool sel4_kernel_is_user(const struct sel4_kernel *k, uint64_t pc)
{
    if (k->layout.options.arch == SEL4_X86_64)
        return pc >> 47 == 0;
    for (uint32_t i = 0; i < k->image.segments; i++) {
        if (pc >= k->image.segment[i].va)
            return false;
    }
    return true;
}

static bool in_symbol(const struct sel4_kernel *k, const char *name, uint64_t pc, uint64_t least)
{
    struct sel4_symbol s;
    if (!sel4_image_symbol(&k->image, name, &s))
        return false;
    return pc - (s.addr & ~(uint64_t)1) < (s.size > least ? s.size : least);
}

/* A vector's first instruction: nothing has been done yet. */
static bool at_vector(const struct sel4_kernel *k, uint64_t pc)
{
    struct sel4_symbol s;
    switch (k->layout.options.arch) {
    case SEL4_AARCH64:
        return sel4_image_symbol(&k->image, "arm_vector_table", &s) && pc - s.addr < 0x800 &&
               (pc & 0x7f) == 0;
    case SEL4_AARCH32:
        return pc >= 0xffff0000u && pc < 0xffff0020u;
    case SEL4_RISCV64:
        return sel4_image_symbol(&k->image, "trap_entry", &s) && pc == s.addr;
    default:
        return false;
    }
}

bool sel4_kernel_leaves(const struct sel4_kernel *k, uint64_t pc)
{
    return in_symbol(k, "restore_user_context", pc, 0);
}

bool sel4_kernel_is_quiet(const struct sel4_kernel *k, uint64_t pc)
{
    return sel4_kernel_is_user(k, pc) || at_vector(k, pc) || in_symbol(k, "idle_thread", pc, 16);
}
