/* Files that hold a machine's memory. */
#include "attach/image.h"

#include "attach/door.h"
#include "lib/bytes.h"
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

/* Where the registers of elf_prstatus begin, how wide they are, which of them is which. */
static const struct prstatus {
    unsigned machine, class;
    uint32_t at, bytes, pc, mode; /* mode 0: there is none */
} prstatus[] = {{EM_ARM, ELFCLASS32, 72, 4, 15, 16},
                {EM_AARCH64, ELFCLASS64, 112, 8, 32, 33},
                {EM_RISCV, ELFCLASS64, 112, 8, 0, 0},
                {EM_X86_64, ELFCLASS64, 112, 8, 16, 0}};

static const struct prstatus *prstatus_of(Elf *elf)
{
    GElf_Ehdr h;
    if (!gelf_getehdr(elf, &h) || h.e_ident[EI_DATA] != ELFDATA2LSB)
        return NULL;
    for (size_t i = 0; i < sizeof(prstatus) / sizeof(*prstatus); i++)
        if (prstatus[i].machine == h.e_machine && prstatus[i].class == h.e_ident[EI_CLASS])
            return &prstatus[i];
    return NULL;
}

static void add_processor(struct image *m, const struct prstatus *p, const uint8_t *status,
                          uint64_t size)
{
    const uint32_t last = p->pc > p->mode ? p->pc : p->mode;
    uint64_t value[2] = {0};
    if (size < p->at + (uint64_t)p->bytes * (last + 1) || m->processors == IMAGE_PROCESSORS_MAX)
        return;
    for (int i = 0; i < 2; i++) {
        const uint8_t *at = status + p->at + (uint64_t)p->bytes * (i ? p->mode : p->pc);
        value[i] = get_le32(at) | (p->bytes == 8 ? (uint64_t)get_le32(at + 4) << 32 : 0);
    }
    m->processor[m->processors++] = (struct image_processor){value[0], p->mode ? value[1] : 0};
}

/* Notes that cannot be followed tell nothing. */
static void add_notes(struct image *m, Elf *elf, const GElf_Phdr *p)
{
    const struct prstatus *of = prstatus_of(elf);
    Elf_Data *notes = p->p_type == PT_NOTE && of
                          ? elf_getdata_rawchunk(elf, (int64_t)p->p_offset, p->p_filesz, ELF_T_NHDR)
                          : NULL;
    GElf_Nhdr note;
    size_t at = 0, next, name, desc;
    while (notes && (next = gelf_getnote(notes, at, &note, &name, &desc)) > 0) {
        if (note.n_type == NT_PRSTATUS && note.n_namesz >= 4 &&
            memcmp((const char *)notes->d_buf + name, "CORE", 4) == 0)
            add_processor(m, of, (const uint8_t *)notes->d_buf + desc, note.n_descsz);
        at = next;
    }
}

static enum error read_core(struct attach *a, struct image *m, Elf *elf)
{
    size_t count = 0;
    GElf_Phdr p;
    enum error e = ERR_OK;
    if (!elf || elf_getphdrnum(elf, &count) != 0)
        return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
    m->core = true;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        if (!gelf_getphdr(elf, (int)i, &p))
            return attach_fail(a, ERR_FORMAT, "%s", elf_errmsg(-1));
        e = add_segment(a, m, &p);
        add_notes(m, elf, &p);
    }
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
