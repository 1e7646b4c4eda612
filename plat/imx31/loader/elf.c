/* ELF32 for ARM (System V ABI, chapters 4 and 5; ARM IHI 0044): the few fields a loader needs.
 *
 * The file is foreign: each number is checked before it is used. */
#include "plat/imx31/loader/elf.h"

#include "lib/bytes.h"

enum {
    EHDR_SIZE = 52,
    EHDR_TYPE = 16,
    EHDR_MACHINE = 18,
    EHDR_ENTRY = 24,
    EHDR_PHOFF = 28,
    EHDR_PHENTSIZE = 42,
    EHDR_PHNUM = 44,
    PHDR_SIZE = 32,
    ET_EXEC = 2,
    EM_ARM = 40,
    PT_LOAD = 1,
    CLASS_32 = 1,
    LITTLE_ENDIAN = 1,
    MAX_HEADERS = 64,
};

static const uint8_t *elf_header(const struct elf *e, uint32_t index)
{
    return e->bytes + e->headers_at + index * e->header_size;
}

static const char *elf_check_segments(const struct elf *e)
{
    for (uint32_t i = 0; i < e->headers; i++) {
        struct elf_segment s;
        if (!elf_segment(e, i, &s))
            continue;
        if (s.offset > e->size || s.file_size > e->size - s.offset)
            return "has a segment that reaches beyond the end of the file";
        if (s.mem_size < s.file_size)
            return "has a segment with more bytes in the file than in memory";
        if (s.vaddr + (s.mem_size - 1) < s.vaddr || s.paddr + (s.mem_size - 1) < s.paddr)
            return "has a segment that wraps around the address space";
    }
    return NULL;
}

static const char *elf_check_identity(const uint8_t *b, uint32_t size)
{
    if (size < EHDR_SIZE || b[0] != 0x7f || b[1] != 'E' || b[2] != 'L' || b[3] != 'F')
        return "is not an ELF file";
    if (b[4] != CLASS_32 || b[5] != LITTLE_ENDIAN)
        return "is not a 32-bit little-endian ELF file";
    if (get_le16(b + EHDR_MACHINE) != EM_ARM)
        return "is not for ARM";
    if (get_le16(b + EHDR_TYPE) != ET_EXEC)
        return "is not a statically linked executable";
    return NULL;
}

const char *elf_open(struct elf *e, const void *bytes, uint32_t size)
{
    const uint8_t *b = bytes;
    const char *wrong = elf_check_identity(b, size);
    if (wrong)
        return wrong;
    struct elf found = {.bytes = b,
                        .size = size,
                        .entry = get_le32(b + EHDR_ENTRY),
                        .headers = get_le16(b + EHDR_PHNUM),
                        .headers_at = get_le32(b + EHDR_PHOFF),
                        .header_size = get_le16(b + EHDR_PHENTSIZE)};
    if (found.headers == 0 || found.headers > MAX_HEADERS || found.header_size < PHDR_SIZE)
        return "has no program headers that can be read";
    if (found.headers_at > size || found.headers * found.header_size > size - found.headers_at)
        return "has program headers beyond the end of the file";
    wrong = elf_check_segments(&found);
    if (!wrong)
        *e = found;
    return wrong;
}

bool elf_segment(const struct elf *e, uint32_t index, struct elf_segment *s)
{
    const uint8_t *p = elf_header(e, index);
    struct elf_segment found = {.offset = get_le32(p + 4),
                                .vaddr = get_le32(p + 8),
                                .paddr = get_le32(p + 12),
                                .file_size = get_le32(p + 16),
                                .mem_size = get_le32(p + 20)};
    if (get_le32(p) != PT_LOAD || found.mem_size == 0)
        return false;
    *s = found;
    return true;
}
