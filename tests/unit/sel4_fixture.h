/* A recorded mainline system as a target of tests: its memory, by physical address, with what the
 * recording leaves out put there (kernel code, the idle thread's saved registers, ready queues, the
 * kernel's page table), and a kernel.elf that goes with it. */
#ifndef CAPSCOPE_TESTS_SEL4_FIXTURE_H
#define CAPSCOPE_TESTS_SEL4_FIXTURE_H

#include "objwalk/sel4/kernel.h"
#include "objwalk/sel4/walk.h"
#include "tests/unit/elf_maker.h"

enum { FIXTURE_LINE = 1024, FIXTURE_PAGE = 4096, FIXTURE_FIELDS = 64 };

struct fixture_page {
    uint64_t number;
    uint8_t bytes[FIXTURE_PAGE];
    uint8_t known[FIXTURE_PAGE]; /* 1: can be read */
};

struct fixture {
    char name[32];
    char *text; /* of the file, cut into lines at NUL */
    char **line;
    size_t lines;
    enum sel4_arch arch;
    unsigned word;
    uint64_t offset;
    uint64_t pc;
    struct elf_maker maker;
    char *kept[256]; /* names that the maker uses */
    size_t kepts;
    uint8_t code[16384]; /* contents of the segment with kernel code */
    struct fixture_page *page;
    size_t pages, room;
    struct sel4_port port;
    /* what the port was asked */
    unsigned batches, spans;
    bool refuse; /* all reads fail */
    bool zeros;  /* what is not known reads as zeros, as physical memory of QEMU does */
};

/* with_dwarf: the ELF says where members stand; else calibration must find them. */
void fixture_load(struct fixture *f, const char *name, bool with_dwarf);
void fixture_free(struct fixture *f);
/* Opens and attaches; fails the test when that fails. The ELF's bytes are freed by fixture_close.
 */
void fixture_attach(struct fixture *f, struct sel4_kernel *k, uint8_t **elf);
void fixture_close(struct sel4_kernel *k, uint8_t *elf);

uint64_t fixture_pa(const struct fixture *f, uint64_t va);
/* Memory by kernel address. */
void fixture_put(struct fixture *f, uint64_t va, const void *bytes, size_t len);
void fixture_put_word(struct fixture *f, uint64_t va, uint64_t value);
uint64_t fixture_word(const struct fixture *f, uint64_t va);

/* The next line from *at on that begins with this word; its fields, split at blanks, in `field`;
 * returns their number, 0: no more. *at is moved behind it. Fields live until the next call. */
size_t fixture_next(const struct fixture *f, size_t *at, const char *word,
                    char *field[FIXTURE_FIELDS]);
uint64_t fixture_hex(const char *s);
/* Of fields "name=hex" the value of one; `otherwise` when it is not there. */
uint64_t fixture_value(char *const *field, size_t n, const char *name, uint64_t otherwise);
/* Address of a symbol, 0. */
uint64_t fixture_symbol(const struct fixture *f, const char *name);

extern const char *const fixture_names[];
enum { FIXTURES = 8 };

#endif
