/* Makes ELF files for tests: segments, symbols, and as much DWARF as a layout needs. */
#ifndef CAPSCOPE_TESTS_ELF_MAKER_H
#define CAPSCOPE_TESTS_ELF_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAKER_SEGMENTS = 8, MAKER_SYMBOLS = 128, MAKER_MEMBERS = 64 };

struct maker_segment {
    uint64_t va, pa, bytes;
    const void *text; /* contents at its beginning, NULL: none */
    size_t text_bytes;
};

struct maker_symbol {
    const char *name;
    uint64_t addr, size;
    bool function;
};

/* A member of a structure (its size in a member without a name), or an enumerator (structure NULL).
 */
struct maker_fact {
    const char *structure;
    const char *name;
    uint64_t value;
};

struct elf_maker {
    uint16_t machine;
    bool wide;
    struct maker_segment segment[MAKER_SEGMENTS];
    size_t segments;
    struct maker_symbol symbol[MAKER_SYMBOLS];
    size_t symbols;
    struct maker_fact fact[MAKER_MEMBERS];
    size_t facts;   /* 0: no DWARF */
    unsigned dwarf; /* version: 4 or 5 */
    bool stripped;
};

void maker_segment(struct elf_maker *m, uint64_t va, uint64_t pa, uint64_t bytes, const void *text,
                   size_t text_bytes);
void maker_symbol(struct elf_maker *m, const char *name, uint64_t addr, uint64_t size,
                  bool function);
void maker_member(struct elf_maker *m, const char *structure, const char *name, uint64_t value);

/* The file; caller frees. Aborts the test when there is no memory. */
uint8_t *maker_make(const struct elf_maker *m, size_t *len);

#endif
