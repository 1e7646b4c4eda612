/* kernel.elf by libelf. */
#include "objwalk/sel4/image.h"

#include "lib/host/input.h"

#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SYMBOLS_MAX = 1 << 20, SECTIONS_MAX = 4096 };

static enum error refuse(char *why, enum error e, const char *text)
{
    (void)snprintf(why, SEL4_WHY, "%s", text);
    return e;
}

static bool known_machine(const GElf_Ehdr *h, bool wide)
{
    switch (h->e_machine) {
    case EM_ARM:
        return !wide;
    case EM_AARCH64:
    case EM_RISCV:
    case EM_X86_64:
        return wide;
    default:
        return false;
    }
}

static enum error take_header(struct sel4_image *m, char *why)
{
    GElf_Ehdr h;
    if (elf_kind(m->elf) != ELF_K_ELF || !gelf_getehdr(m->elf, &h))
        return refuse(why, ERR_FORMAT, "not an ELF file");
    if (h.e_ident[EI_DATA] != ELFDATA2LSB)
        return refuse(why, ERR_FORMAT, "an ELF file of a big-endian machine");
    m->machine = h.e_machine;
    m->wide = h.e_ident[EI_CLASS] == ELFCLASS64;
    if (!known_machine(&h, m->wide))
        return refuse(why, ERR_UNSUPPORTED,
                      "not a kernel of AArch64, AArch32, RISC-V64 or x86-64 (of a kernel.elf in a "
                      "32-bit container take the 64-bit one)");
    return ERR_OK;
}

static void take_segment(struct sel4_image *m, const GElf_Phdr *p)
{
    if (p->p_type != PT_LOAD || p->p_memsz == 0 || m->segments == SEL4_SEGMENTS)
        return;
    if (p->p_vaddr + p->p_memsz < p->p_vaddr || p->p_filesz > p->p_memsz)
        return;
    m->segment[m->segments++] = (struct sel4_segment){
        .va = p->p_vaddr,
        .pa = p->p_paddr,
        .bytes = p->p_memsz,
        .file_bytes = p->p_filesz,
        .file_offset = p->p_offset,
        .executable = (p->p_flags & PF_X) != 0,
    };
}

static enum error take_segments(struct sel4_image *m, char *why)
{
    size_t n = 0;
    if (elf_getphdrnum(m->elf, &n) != 0)
        n = 0;
    for (size_t i = 0; i < n && i < SECTIONS_MAX; i++) {
        GElf_Phdr p;
        if (gelf_getphdr(m->elf, (int)i, &p))
            take_segment(m, &p);
    }
    if (m->segments == 0)
        return refuse(why, ERR_FORMAT, "no program headers: not a linked kernel");
    return ERR_OK;
}

static bool is_debug_info(Elf *elf, size_t strings, const GElf_Shdr *h)
{
    const char *name = elf_strptr(elf, strings, h->sh_name);
    return name && strcmp(name, ".debug_info") == 0 && h->sh_type != SHT_NOBITS;
}

static void take_sections(struct sel4_image *m)
{
    size_t strings = 0;
    bool named = elf_getshdrstrndx(m->elf, &strings) == 0;
    Elf_Scn *s = NULL;
    for (unsigned i = 0; i < SECTIONS_MAX && (s = elf_nextscn(m->elf, s)); i++) {
        GElf_Shdr h;
        if (!gelf_getshdr(s, &h))
            continue;
        if (h.sh_type == SHT_SYMTAB)
            m->symtab = s;
        m->has_dwarf = m->has_dwarf || (named && is_debug_info(m->elf, strings, &h));
    }
}

static enum error take_symbols(struct sel4_image *m, char *why)
{
    struct sel4_symbol s;
    if (!m->symtab)
        return refuse(why, ERR_NO_ROOTS,
                      "no symbols: it has been stripped (take kernel.elf from the build directory, "
                      "or elf/sel4.elf of the Microkit SDK)");
    if (!sel4_image_symbol(m, "ksIdleThread", &s) && !sel4_image_symbol(m, "ksSMP", &s))
        return refuse(why, ERR_NO_ROOTS, "no seL4 kernel: it has no symbol ksIdleThread");
    return ERR_OK;
}

static enum error take(struct sel4_image *m, char *why)
{
    enum error e = take_header(m, why);
    if (e == ERR_OK)
        e = take_segments(m, why);
    if (e != ERR_OK)
        return e;
    take_sections(m);
    return take_symbols(m, why);
}

static enum error finish(struct sel4_image *m, enum error e)
{
    if (e != ERR_OK)
        sel4_image_close(m);
    return e;
}

enum error sel4_image_open(struct sel4_image *m, const char *path, char *why)
{
    *m = (struct sel4_image){.fd = -1};
    (void)elf_version(EV_CURRENT);
    const char *sentence;
    m->fd = input_file(path, &sentence);
    if (m->fd < 0) {
        (void)snprintf(why, SEL4_WHY, "%s", sentence);
        return ERR_NOT_FOUND;
    }
    m->elf = elf_begin(m->fd, ELF_C_READ_MMAP, NULL);
    return finish(m, m->elf ? take(m, why) : refuse(why, ERR_FORMAT, "not an ELF file"));
}

enum error sel4_image_memory(struct sel4_image *m, void *bytes, size_t len, char *why)
{
    *m = (struct sel4_image){.fd = -1};
    (void)elf_version(EV_CURRENT);
    m->elf = elf_memory(bytes, len);
    return finish(m, m->elf ? take(m, why) : refuse(why, ERR_FORMAT, "not an ELF file"));
}

void sel4_image_close(struct sel4_image *m)
{
    if (m->elf)
        (void)elf_end(m->elf);
    if (m->fd >= 0)
        (void)close(m->fd);
    *m = (struct sel4_image){.fd = -1};
}

/* --- symbols --- */

struct symbols {
    Elf_Data *data;
    size_t names; /* section of their names */
    int count;
};

static bool symbols_begin(const struct sel4_image *m, struct symbols *s)
{
    GElf_Shdr h;
    if (!m->symtab || !gelf_getshdr(m->symtab, &h) || h.sh_entsize == 0)
        return false;
    s->data = elf_getdata(m->symtab, NULL);
    s->names = h.sh_link;
    uint64_t n = h.sh_size / h.sh_entsize;
    s->count = n > SYMBOLS_MAX ? SYMBOLS_MAX : (int)n;
    return s->data;
}

static const char *symbol_name(const struct sel4_image *m, const struct symbols *s,
                               const GElf_Sym *sym)
{
    return sym->st_shndx == SHN_UNDEF ? NULL : elf_strptr(m->elf, s->names, sym->st_name);
}

bool sel4_image_symbol(const struct sel4_image *m, const char *name, struct sel4_symbol *out)
{
    struct symbols s;
    if (!symbols_begin(m, &s))
        return false;
    for (int i = 0; i < s.count; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(s.data, i, &sym))
            return false;
        const char *found = symbol_name(m, &s, &sym);
        if (found && strcmp(found, name) == 0) {
            *out = (struct sel4_symbol){.addr = sym.st_value, .size = sym.st_size};
            return true;
        }
    }
    return false;
}

static bool names_place(const GElf_Sym *sym)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);
    return type == STT_FUNC || type == STT_OBJECT;
}

const char *sel4_image_name_at(const struct sel4_image *m, uint64_t addr, uint64_t *offset)
{
    struct symbols s;
    if (!symbols_begin(m, &s))
        return NULL;
    for (int i = 0; i < s.count; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(s.data, i, &sym))
            return NULL;
        if (!names_place(&sym) || addr - sym.st_value >= sym.st_size)
            continue;
        *offset = addr - sym.st_value;
        return symbol_name(m, &s, &sym);
    }
    return NULL;
}

/* --- contents --- */

const struct sel4_segment *sel4_image_segment(const struct sel4_image *m, uint64_t va)
{
    for (uint32_t i = 0; i < m->segments; i++) {
        if (va - m->segment[i].va < m->segment[i].bytes)
            return &m->segment[i];
    }
    return NULL;
}

bool sel4_image_bytes(const struct sel4_image *m, uint64_t va, void *buf, size_t len)
{
    const struct sel4_segment *s = sel4_image_segment(m, va);
    size_t size = 0;
    const char *raw = elf_rawfile(m->elf, &size);
    if (!s || !raw)
        return false;
    uint64_t at = va - s->va;
    if (at > s->file_bytes || len > s->file_bytes - at)
        return false;
    uint64_t offset = s->file_offset + at;
    if (offset < at || offset > size || len > size - offset)
        return false;
    memcpy(buf, raw + offset, len);
    return true;
}
