/* A mainline kernel in a file: an ELF core with physical addresses (QEMU's dump-guest-memory), or
 * a bare image of RAM, which begins where the kernel's code says that it does. */
#include "attach/sel4.h"
#include "attach/sel4_door.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARTS_MAX = 64, RAM_TRIES = 16, PIECE = 1 << 20 };

/* Part of the file that holds memory. */
struct part {
    uint64_t base;
    uint64_t offset;
    uint64_t size;
};

struct sel4_ram {
    struct sel4_side side;
    struct sel4_port port;
    const uint8_t *map;
    uint64_t size;
    struct part part[PARTS_MAX];
    unsigned parts;
    bool core;
};

static const uint8_t *at(const struct sel4_ram *d, uint64_t pa, uint32_t len)
{
    for (unsigned i = 0; i < d->parts; i++) {
        const struct part *p = &d->part[i];
        uint64_t from = pa - p->base;
        if (from < p->size && len <= p->size - from)
            return d->map + p->offset + from;
    }
    return NULL;
}

static enum error read_spans(void *ctx, struct sel4_span *spans, size_t count)
{
    const struct sel4_ram *d = ctx;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = at(d, spans[i].addr, spans[i].len);
        spans[i].error = from ? ERR_OK : ERR_READ;
        if (from)
            memcpy(spans[i].buf, from, spans[i].len);
    }
    return ERR_OK;
}

/* --- the file --- */

static enum error add_part(struct attach *a, struct sel4_ram *d, const GElf_Phdr *p)
{
    if (p->p_type != PT_LOAD || p->p_filesz == 0)
        return ERR_OK;
    if (p->p_offset > d->size || p->p_filesz > d->size - p->p_offset)
        return attach_fail(a, ERR_TRUNCATED, "the core ends before the memory it announces");
    if (d->parts == PARTS_MAX)
        return attach_fail(a, ERR_BOUND, "the core has more than %d segments", PARTS_MAX);
    d->part[d->parts++] =
        (struct part){.base = p->p_paddr, .offset = p->p_offset, .size = p->p_filesz};
    return ERR_OK;
}

static enum error read_core(struct attach *a, struct sel4_ram *d, Elf *elf)
{
    size_t count = 0;
    enum error e = ERR_OK;
    if (!elf || elf_getphdrnum(elf, &count) != 0)
        return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        GElf_Phdr p;
        if (gelf_getphdr(elf, (int)i, &p))
            e = add_part(a, d, &p);
    }
    d->core = true;
    if (e == ERR_OK && d->parts == 0)
        e = attach_fail(a, ERR_FORMAT, "the core holds no memory");
    return e;
}

/* A bare image begins at the beginning of RAM: the kernel's own address, rounded down to a power of
 * two that boards like. The first that has the kernel's code where it should be is taken. */
static enum error find_base(struct attach *a, struct sel4_ram *d)
{
    static const unsigned rounding[] = {30, 31, 29, 28, 27, 26, 25, 24, 20, 12};
    enum error e = ERR_NO_ROOTS;
    uint64_t low = ~(uint64_t)0;
    for (uint32_t i = 0; i < d->side.kernel.image.segments; i++) {
        uint64_t pa = d->side.kernel.image.segment[i].pa;
        low = pa < low ? pa : low;
    }
    d->parts = 1;
    for (size_t i = 0; i < sizeof(rounding) / sizeof(rounding[0]); i++) {
        d->part[0] = (struct part){.base = low >> rounding[i] << rounding[i], .size = d->size};
        e = sel4_side_attach(a, &d->side, &d->port);
        if (e != ERR_REFUSED && e != ERR_READ && e != ERR_NO_ROOTS)
            return e;
    }
    return e;
}

static enum error map_file(struct attach *a, struct sel4_ram *d, int fd)
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
    if (d->size < SELFMAG || memcmp(d->map, ELFMAG, SELFMAG) != 0)
        return find_base(a, d);
    (void)elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    enum error e = read_core(a, d, elf);
    (void)elf_end(elf);
    return e == ERR_OK ? sel4_side_attach(a, &d->side, &d->port) : e;
}

static enum error sel4_ram_open(struct attach *a)
{
    struct sel4_ram *d = calloc(1, sizeof(*d));
    if (!d)
        return attach_fail(a, ERR_NO_MEMORY, "%s", error_sentence(ERR_NO_MEMORY));
    a->door = d;
    d->port = (struct sel4_port){.read = read_spans, .ctx = d, .piece = PIECE, .physical = true};
    enum error e = sel4_side_open(a, &d->side);
    if (e != ERR_OK)
        return e;
    int fd = open(a->target.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return attach_fail(a, ERR_IO, "%s", strerror(errno));
    e = map_file(a, d, fd);
    (void)close(fd);
    return e;
}

static void sel4_ram_close(struct attach *a)
{
    struct sel4_ram *d = a->door;
    if (!d)
        return;
    if (d->map)
        (void)munmap((void *)(uintptr_t)d->map, d->size);
    sel4_side_close(&d->side);
    free(d);
    a->door = NULL;
}

/* A core is dead. The memory of a machine that runs may be torn: two walks must agree then. */
static enum error prepare(struct attach *a, unsigned attempt, bool *quiet)
{
    const struct sel4_ram *d = a->door;
    (void)attempt;
    *quiet = d->core;
    return ERR_OK;
}

static enum error sel4_ram_snapshot(struct attach *a)
{
    struct sel4_ram *d = a->door;
    return sel4_side_snapshot(a, &d->side, prepare, RAM_TRIES);
}

static enum error sel4_ram_state(struct attach *a)
{
    const struct sel4_ram *d = a->door;
    if (!d)
        return attach_fail(a, ERR_CLOSED, "%s", error_sentence(ERR_CLOSED));
    attach_note(a, d->core ? ATTACH_GONE : ATTACH_RUNS,
                d->core ? "a core: it does not change" : NULL);
    return ERR_OK;
}

const struct attach_ops attach_sel4_ram_ops = {
    .open = sel4_ram_open,
    .close = sel4_ram_close,
    .drop = sel4_ram_close,
    .state = sel4_ram_state,
    .snapshot = sel4_ram_snapshot,
};
