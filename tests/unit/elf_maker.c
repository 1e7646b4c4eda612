/* Writes ELF files byte by byte. */
#include "tests/unit/elf_maker.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *at;
    size_t len;
    size_t room;
};

static void put(struct bytes *b, const void *data, size_t len)
{
    if (b->len + len > b->room) {
        b->room = (b->len + len) * 2;
        b->at = realloc(b->at, b->room);
        if (!b->at)
            abort();
    }
    if (len > 0)
        memcpy(b->at + b->len, data, len);
    b->len += len;
}

static void put_number(struct bytes *b, uint64_t v, size_t len)
{
    for (size_t i = 0; i < len; i++, v >>= 8) {
        uint8_t byte = (uint8_t)v;
        put(b, &byte, 1);
    }
}

static void put_text(struct bytes *b, const char *s)
{
    put(b, s, strlen(s) + 1);
}

void maker_segment(struct elf_maker *m, uint64_t va, uint64_t pa, uint64_t bytes, const void *text,
                   size_t text_bytes)
{
    m->segment[m->segments++] = (struct maker_segment){va, pa, bytes, text, text_bytes};
}

void maker_symbol(struct elf_maker *m, const char *name, uint64_t addr, uint64_t size,
                  bool function)
{
    m->symbol[m->symbols++] = (struct maker_symbol){name, addr, size, function};
}

void maker_member(struct elf_maker *m, const char *structure, const char *name, uint64_t value)
{
    m->fact[m->facts++] = (struct maker_fact){structure, name, value};
}

/* --- DWARF: structures with members, one enumeration --- */

enum { ABBREV_UNIT = 1, ABBREV_STRUCTURE, ABBREV_MEMBER, ABBREV_ENUMERATION, ABBREV_ENUMERATOR };

static void put_abbrev(struct bytes *b, unsigned code, unsigned tag, bool children,
                       const uint8_t *pairs)
{
    put_number(b, code, 1);
    put_number(b, tag, 1);
    put_number(b, children, 1);
    for (; *pairs != 0; pairs += 2)
        put(b, pairs, 2);
    put_number(b, 0, 2);
}

/* attributes: name 03, byte_size 0b, data_member_location 38, const_value 1c;
 * forms: string 08, data4 06 */
static void make_abbrevs(struct bytes *b)
{
    put_abbrev(b, ABBREV_UNIT, 0x11, true, (const uint8_t[]){0x03, 0x08, 0});
    put_abbrev(b, ABBREV_STRUCTURE, 0x13, true, (const uint8_t[]){0x03, 0x08, 0x0b, 0x06, 0});
    put_abbrev(b, ABBREV_MEMBER, 0x0d, false, (const uint8_t[]){0x03, 0x08, 0x38, 0x06, 0});
    put_abbrev(b, ABBREV_ENUMERATION, 0x04, true, (const uint8_t[]){0x03, 0x08, 0});
    put_abbrev(b, ABBREV_ENUMERATOR, 0x28, false, (const uint8_t[]){0x03, 0x08, 0x1c, 0x06, 0});
    put_number(b, 0, 1);
}

static bool begins(const struct elf_maker *m, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (m->fact[k].structure && strcmp(m->fact[k].structure, m->fact[i].structure) == 0)
            return false;
    }
    return true;
}

static uint64_t size_of(const struct elf_maker *m, const char *structure)
{
    for (size_t i = 0; i < m->facts; i++) {
        if (m->fact[i].structure && !m->fact[i].name &&
            strcmp(m->fact[i].structure, structure) == 0)
            return m->fact[i].value;
    }
    return 1;
}

static void make_structure(struct bytes *b, const struct elf_maker *m, const char *structure)
{
    put_number(b, ABBREV_STRUCTURE, 1);
    put_text(b, structure);
    put_number(b, size_of(m, structure), 4);
    for (size_t i = 0; i < m->facts; i++) {
        const struct maker_fact *f = &m->fact[i];
        if (!f->structure || !f->name || strcmp(f->structure, structure) != 0)
            continue;
        put_number(b, ABBREV_MEMBER, 1);
        put_text(b, f->name);
        put_number(b, f->value, 4);
    }
    put_number(b, 0, 1);
}

static void make_enumeration(struct bytes *b, const struct elf_maker *m)
{
    put_number(b, ABBREV_ENUMERATION, 1);
    put_text(b, "constants");
    for (size_t i = 0; i < m->facts; i++) {
        if (m->fact[i].structure)
            continue;
        put_number(b, ABBREV_ENUMERATOR, 1);
        put_text(b, m->fact[i].name);
        put_number(b, m->fact[i].value, 4);
    }
    put_number(b, 0, 1);
}

static void make_info(struct bytes *b, const struct elf_maker *m)
{
    struct bytes body = {0};
    put_number(&body, m->dwarf, 2);
    if (m->dwarf == 5)
        put_number(&body, 1, 1); /* DW_UT_compile */
    else
        put_number(&body, 0, 4);
    put_number(&body, m->wide ? 8 : 4, 1);
    if (m->dwarf == 5)
        put_number(&body, 0, 4);
    put_number(&body, ABBREV_UNIT, 1);
    put_text(&body, "kernel");
    for (size_t i = 0; i < m->facts; i++) {
        if (m->fact[i].structure && begins(m, i))
            make_structure(&body, m, m->fact[i].structure);
    }
    make_enumeration(&body, m);
    put_number(&body, 0, 1);
    put_number(b, body.len, 4);
    put(b, body.at, body.len);
    free(body.at);
}

/* --- ELF --- */

struct section {
    const char *name;
    uint32_t type;
    uint32_t link, info;
    uint64_t entry;
    struct bytes data;
    uint64_t offset;
};

enum { SECTIONS = 6 }; /* null, symtab, strtab, abbrev, info, shstrtab */

static size_t word(const struct elf_maker *m)
{
    return m->wide ? 8 : 4;
}

static void put_symbol(struct bytes *b, const struct elf_maker *m, uint32_t name,
                       const struct maker_symbol *s)
{
    uint8_t info = s ? (uint8_t)(1 << 4 | (s->function ? STT_FUNC : STT_OBJECT)) : 0;
    uint16_t section = s ? SHN_ABS : SHN_UNDEF;
    uint64_t addr = s ? s->addr : 0;
    uint64_t size = s ? s->size : 0;
    put_number(b, name, 4);
    if (!m->wide) {
        put_number(b, addr, 4);
        put_number(b, size, 4);
    }
    put_number(b, info, 1);
    put_number(b, 0, 1);
    put_number(b, section, 2);
    if (m->wide) {
        put_number(b, addr, 8);
        put_number(b, size, 8);
    }
}

static void make_symbols(const struct elf_maker *m, struct section *symtab, struct section *strtab)
{
    put_number(&strtab->data, 0, 1);
    put_symbol(&symtab->data, m, 0, NULL);
    for (size_t i = 0; i < m->symbols; i++) {
        put_symbol(&symtab->data, m, (uint32_t)strtab->data.len, &m->symbol[i]);
        put_text(&strtab->data, m->symbol[i].name);
    }
}

static void put_header(struct bytes *b, const struct elf_maker *m, uint64_t sections)
{
    const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', (uint8_t)(m->wide ? 2 : 1), 1, 1};
    put(b, ident, sizeof(ident));
    put_number(b, ET_EXEC, 2);
    put_number(b, m->machine, 2);
    put_number(b, 1, 4);
    put_number(b, m->segments > 0 ? m->segment[0].va : 0, word(m));
    put_number(b, m->wide ? 64 : 52, word(m));
    put_number(b, sections, word(m));
    put_number(b, 0, 4);
    put_number(b, m->wide ? 64 : 52, 2);
    put_number(b, m->wide ? 56 : 32, 2);
    put_number(b, m->segments, 2);
    put_number(b, m->wide ? 64 : 40, 2);
    put_number(b, SECTIONS, 2);
    put_number(b, SECTIONS - 1, 2);
}

static void put_program(struct bytes *b, const struct elf_maker *m, const struct maker_segment *s,
                        uint64_t offset)
{
    put_number(b, PT_LOAD, 4);
    if (m->wide)
        put_number(b, PF_R | PF_W | PF_X, 4);
    put_number(b, offset, word(m));
    put_number(b, s->va, word(m));
    put_number(b, s->pa, word(m));
    put_number(b, s->text_bytes, word(m));
    put_number(b, s->bytes, word(m));
    if (!m->wide)
        put_number(b, PF_R | PF_W | PF_X, 4);
    put_number(b, 16, word(m));
}

static void put_section(struct bytes *b, const struct elf_maker *m, const struct section *s,
                        uint32_t name)
{
    put_number(b, name, 4);
    put_number(b, s->type, 4);
    put_number(b, 0, word(m)); /* flags */
    put_number(b, 0, word(m)); /* addr */
    put_number(b, s->offset, word(m));
    put_number(b, s->data.len, word(m));
    put_number(b, s->link, 4);
    put_number(b, s->info, 4);
    put_number(b, 1, word(m));
    put_number(b, s->entry, word(m));
}

static void align(struct bytes *b)
{
    while (b->len % 8 != 0)
        put_number(b, 0, 1);
}

static void make_sections(const struct elf_maker *m, struct section *s)
{
    s[0] = (struct section){.name = "", .type = SHT_NULL};
    s[1] = (struct section){.name = ".symtab",
                            .type = m->stripped ? SHT_PROGBITS : SHT_SYMTAB,
                            .link = 2,
                            .info = 1,
                            .entry = m->wide ? 24 : 16};
    s[2] = (struct section){.name = ".strtab", .type = SHT_STRTAB};
    s[3] = (struct section){.name = m->facts ? ".debug_abbrev" : ".a", .type = SHT_PROGBITS};
    s[4] = (struct section){.name = m->facts ? ".debug_info" : ".b", .type = SHT_PROGBITS};
    s[5] = (struct section){.name = ".shstrtab", .type = SHT_STRTAB};
    make_symbols(m, &s[1], &s[2]);
    if (m->facts > 0) {
        make_abbrevs(&s[3].data);
        make_info(&s[4].data, m);
    }
    for (unsigned i = 0; i < SECTIONS; i++)
        put_text(&s[5].data, s[i].name);
}

static void place_sections(struct bytes *out, struct section *s)
{
    for (unsigned i = 1; i < SECTIONS; i++) {
        align(out);
        s[i].offset = out->len;
        put(out, s[i].data.at, s[i].data.len);
    }
    align(out);
}

uint8_t *maker_make(const struct elf_maker *m, size_t *len)
{
    struct section s[SECTIONS];
    struct bytes out = {0};
    size_t programs = (m->wide ? 64 : 52) + m->segments * (m->wide ? 56 : 32);
    make_sections(m, s);
    /* twice: the header names where sections begin */
    uint64_t table = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        out.len = 0;
        put_header(&out, m, table);
        size_t offset = programs;
        for (size_t i = 0; i < m->segments; i++) {
            put_program(&out, m, &m->segment[i], offset);
            offset += m->segment[i].text_bytes;
        }
        for (size_t i = 0; i < m->segments; i++)
            put(&out, m->segment[i].text, m->segment[i].text_bytes);
        place_sections(&out, s);
        table = out.len;
    }
    uint32_t name = 0;
    for (unsigned i = 0; i < SECTIONS; i++) {
        put_section(&out, m, &s[i], name);
        name += (uint32_t)strlen(s[i].name) + 1;
        free(s[i].data.at);
    }
    *len = out.len;
    return out.at;
}
