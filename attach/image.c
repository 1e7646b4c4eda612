/* Files that hold a machine's memory. */
#include "attach/image.h"

#include "attach/door.h"
#include "lib/host/guard.h"
#include "lib/host/input.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum error add_segment(struct attach *a, struct image *m, const GElf_Phdr *p)
{
    if (p->p_type != PT_LOAD || p->p_filesz == 0)
        return ERR_OK;
    if (p->p_offset > m->size || p->p_filesz > m->size - p->p_offset)
        return attach_fail(a, ERR_TRUNCATED, "the core ends before the memory it announces");
    if (m->segments == IMAGE_SEGMENTS_MAX)
        return attach_fail(a, ERR_BOUND, "the core has more than %d segments", IMAGE_SEGMENTS_MAX);
    m->segment[m->segments++] = (struct image_segment){
        .base = p->p_paddr, .virtual = p->p_vaddr, .offset = p->p_offset, .size = p->p_filesz};
    m->physical |= p->p_paddr != 0;
    return ERR_OK;
}

static enum error read_core(struct attach *a, struct image *m, Elf *elf)
{
    size_t count = 0;
    GElf_Phdr p;
    enum error e = ERR_OK;
    if (!elf || elf_getphdrnum(elf, &count) != 0)
        return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
    m->core = true;
    for (size_t i = 0; e == ERR_OK && i < count; i++)
        e = gelf_getphdr(elf, (int)i, &p) ? add_segment(a, m, &p)
                                          : attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
    if (e == ERR_OK && m->segments == 0)
        e = attach_fail(a, ERR_FORMAT, "the core holds no memory");
    return e;
}

static enum error read_layout(struct attach *a, struct image *m, int fd)
{
    if (m->size < SELFMAG || memcmp(m->map, ELFMAG, SELFMAG) != 0) {
        m->segments = 1;
        m->segment[0] = (struct image_segment){.size = m->size};
        return ERR_OK;
    }
    (void)elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    enum error e = read_core(a, m, elf);
    (void)elf_end(elf);
    return e;
}

static enum error map_file(struct attach *a, struct image *m, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return attach_fail(a, ERR_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return attach_fail(a, ERR_FORMAT, "not a file that holds memory");
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return attach_fail(a, ERR_IO, "%s", strerror(errno));
    m->map = map;
    m->size = (uint64_t)st.st_size;
    m->device = st.st_dev;
    m->inode = st.st_ino;
    m->cut = false;
    (void)guard_add(map, m->size, &m->cut);
    return read_layout(a, m, fd);
}

enum error image_open(struct attach *a, struct image *out)
{
    const char *why;
    int fd = input_file(a->target.path, &why);
    if (fd < 0)
        return attach_fail(a, ERR_IO, "%s", why);
    enum error e = map_file(a, out, fd);
    (void)close(fd);
    return e;
}

void image_close(struct image *m)
{
    guard_remove(m->map);
    if (m->map)
        (void)munmap((void *)(uintptr_t)m->map, m->size);
    *m = (struct image){0};
}

const char *image_trouble(const struct image *m, const char *path)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    bool same = there && st.st_dev == m->device && st.st_ino == m->inode;
    if (m->cut || (same && (uint64_t)st.st_size < m->size))
        return "the file was cut off while it was read";
    return !there  ? "the file is not there any more"
           : !same ? "another file has its name now"
                   : NULL;
}

static const uint8_t *place_of(const struct image *m, uint64_t addr, uint32_t len)
{
    for (uint32_t i = 0; i < m->segments; i++) {
        const struct image_segment *s = &m->segment[i];
        uint64_t from = addr - s->base;
        if (from < s->size && len <= s->size - from)
            return m->map + s->offset + from;
    }
    return NULL;
}

bool image_read(const struct image *m, uint64_t addr, void *buf, uint32_t len)
{
    const uint8_t *from = place_of(m, addr, len);
    if (from)
        memcpy(buf, from, len);
    return from && !m->cut;
}
