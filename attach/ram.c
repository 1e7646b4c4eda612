/* The ram door: a file that holds the machine's RAM, mapped.
 *
 * Either the bare image of memory from the beginning of RAM on (QEMU's memory-backend-file, a
 * `pmemsave`) or an ELF core with program headers.  A bare image may be the memory of a machine
 * that runs, so a snapshot counts only when two walks in a row see the same capabilities. */
#include "attach/door.h"

#include "attach/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 64, RAM_TRIES = 64, STILL_MS = 1000, STILL_PAUSE_MS = 10 };

/* Part of the file that holds memory. */
struct segment {
    uint32_t base;
    uint64_t offset;
    uint64_t size;
};

struct ram_door {
    const uint8_t *map;
    uint64_t size;
    struct segment segment[SEGMENTS_MAX];
    unsigned segments;
    bool core;
    uint64_t ticks;  /* as last read, */
    int64_t changed; /* and when they had changed */
    struct memview view;
    struct walker *walk;
};

static uint32_t window_physical(uint64_t addr)
{
    const struct walker_window *w = &walker_capscope_window;
    return (uint32_t)(addr - w->address + w->physical);
}

static enum error view_read(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    const struct ram_door *d = ctx;
    uint32_t paddr = window_physical(addr);
    for (unsigned i = 0; i < d->segments; i++) {
        const struct segment *s = &d->segment[i];
        if (paddr < s->base || paddr - s->base >= s->size || len > s->size - (paddr - s->base))
            continue;
        memcpy(buf, d->map + s->offset + (paddr - s->base), len);
        return ERR_OK;
    }
    return ERR_READ;
}

/* QEMU's dumps give physical addresses; a core written by gdb has only virtual ones, which for the
 * kernel are those of its window. */
static uint32_t segment_base(const GElf_Phdr *p, bool physical)
{
    return physical ? (uint32_t)p->p_paddr : window_physical(p->p_vaddr);
}

static enum error add_segment(struct attach *a, struct ram_door *d, const GElf_Phdr *p,
                              bool physical)
{
    if (p->p_type != PT_LOAD || p->p_filesz == 0)
        return ERR_OK;
    if (p->p_offset > d->size || p->p_filesz > d->size - p->p_offset)
        return attach_fail(a, ERR_TRUNCATED, "the core ends before the memory it announces");
    if (d->segments == SEGMENTS_MAX)
        return attach_fail(a, ERR_BOUND, "the core has more than %d segments", SEGMENTS_MAX);
    d->segment[d->segments++] = (struct segment){
        .base = segment_base(p, physical), .offset = p->p_offset, .size = p->p_filesz};
    return ERR_OK;
}

static enum error read_core(struct attach *a, struct ram_door *d, Elf *elf)
{
    size_t count = 0;
    GElf_Phdr p;
    bool physical = false;
    if (elf_getphdrnum(elf, &count) != 0)
        return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
    for (size_t i = 0; i < count; i++)
        physical |= gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD && p.p_paddr != 0;
    for (size_t i = 0; i < count; i++) {
        if (!gelf_getphdr(elf, (int)i, &p))
            return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
        enum error e = add_segment(a, d, &p, physical);
        if (e != ERR_OK)
            return e;
    }
    d->core = true;
    return ERR_OK;
}

static enum error read_layout(struct attach *a, struct ram_door *d, int fd)
{
    if (d->size >= SELFMAG && memcmp(d->map, ELFMAG, SELFMAG) == 0) {
        elf_version(EV_CURRENT);
        Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
        if (!elf)
            return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
        enum error e = read_core(a, d, elf);
        elf_end(elf);
        return e;
    }
    d->segments = 1;
    d->segment[0] =
        (struct segment){.base = (uint32_t)walker_capscope_window.physical, .size = d->size};
    return ERR_OK;
}

static enum error map_file(struct attach *a, struct ram_door *d, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return attach_fail(a, ERR_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return attach_fail(a, ERR_FORMAT, "not a file that holds memory");
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return attach_fail(a, ERR_IO, "%s", strerror(errno));
    d->map = map;
    d->size = (uint64_t)st.st_size;
    return read_layout(a, d, fd);
}

static enum error ram_open(struct attach *a)
{
    struct ram_door *d = calloc(1, sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->view = (struct memview){.read = view_read, .ctx = d};
    int fd = open(a->target.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return attach_fail(a, ERR_IO, "%s", strerror(errno));
    enum error e = map_file(a, d, fd);
    close(fd);
    d->changed = clock_now_ms();
    return e == ERR_OK ? walk_open(a, &d->view, NULL, &d->walk) : e;
}

static void ram_close(struct attach *a)
{
    struct ram_door *d = a->door;
    if (d)
        walker_close(d->walk);
    if (d && d->map)
        munmap((void *)(uintptr_t)d->map, d->size);
    free(d);
    a->door = NULL;
}

/* --- the state --- */

/* Nobody tells when the machine behind an image ends: its clock stands still then. */
static bool clock_moves(struct ram_door *d)
{
    uint64_t ticks = 0;
    if (walk_ticks(d->walk, &ticks) && ticks != d->ticks) {
        d->ticks = ticks;
        d->changed = clock_now_ms();
    }
    return clock_now_ms() - d->changed < STILL_MS;
}

static void note_state(struct attach *a)
{
    struct ram_door *d = a->door;
    walk_note_state(a, d->walk, false, "");
    if (a->state.being != ATTACH_RUNS)
        return;
    if (d->core)
        attach_note(a, ATTACH_GONE, "a core: its machine is not running");
    else if (!clock_moves(d))
        attach_note(a, ATTACH_GONE,
                    "this memory does not change: its machine has ended, or was "
                    "stopped from outside");
}

/* Waits for the clock, so that the answer holds for now. */
static enum error ram_state(struct attach *a)
{
    struct ram_door *d = a->door;
    d->changed = 0;
    clock_moves(d); /* what changed before counts for nothing */
    d->changed = 0;
    for (int waited = 0; waited < STILL_MS && !d->core && !clock_moves(d); waited += STILL_PAUSE_MS)
        nanosleep(&(struct timespec){0, STILL_PAUSE_MS * 1000000L}, NULL);
    note_state(a);
    return ERR_OK;
}

/* --- snapshots --- */

/* A core is dead; of a bare image only the kernel can tell whether it stands still. */
static enum error prepare(struct attach *a, unsigned attempt, bool *stopped)
{
    struct ram_door *d = a->door;
    (void)attempt;
    *stopped = d->core || walk_in_debugger(d->walk);
    return ERR_OK;
}

static enum error ram_snapshot(struct attach *a)
{
    struct ram_door *d = a->door;
    enum error e = walk_settled(a, d->walk, prepare, !d->core, RAM_TRIES);
    note_state(a);
    return e;
}

static enum error ram_read(struct attach *a, uint32_t kaddr, void *buf, uint32_t len)
{
    enum error e = view_read(a->door, kaddr, buf, len);
    return e == ERR_OK ? e : attach_fail(a, e, "0x%08x: %s", kaddr, error_sentence(e));
}

const struct attach_ops attach_ram_ops = {
    .open = ram_open,
    .close = ram_close,
    .drop = ram_close,
    .state = ram_state,
    .snapshot = ram_snapshot,
    .read = ram_read,
};
