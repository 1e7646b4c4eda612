/* capDL by architecture: see capdl_arch.h. */
#include "capdb/capdl_arch.h"
#include "capdb/capdl.h"

#include <inttypes.h>
#include <string.h>

enum { PAGE_BITS = 12 };

#define KIB(n)   ((uint64_t)(n) << 10)
#define MIB(n)   ((uint64_t)(n) << 20)
#define LARGE(n) (KIB(4) | MIB(2) | MIB(n))
#define WIDE_SIZES                                                                                 \
    .index_bits = 9, .asid_low_bits = 9, .kernel = RECORD_KERNEL_SEL4, .word_bits = 64,            \
    .slot_bits = 5, .address_bits = 48, .tcb_bits = 11, .notification_bits = 5, .reply_bits = 5,   \
    .frames = LARGE(1024)

static const struct capdl_arch arm11 = {.word = "arm11",
                                        .table = {"pt", "pd"},
                                        .index_bits = 8,
                                        .asid_low_bits = CAPDL_ASID_LOW_BITS,
                                        .root_level = 1,
                                        .architecture = RECORD_ARCHITECTURE_ARM,
                                        .kernel = RECORD_KERNEL_CAPSCOPE,
                                        .word_bits = 32,
                                        .slot_bits = 4,
                                        .address_bits = 32,
                                        .tcb_bits = 9,
                                        .notification_bits = 4,
                                        .reply_bits = 4,
                                        .frames = KIB(4) | KIB(64) | MIB(1) | MIB(16)};
static const struct capdl_arch aarch64 = {.word = "aarch64",
                                          .table = {"pt", "pd", "pud", "pgd"},
                                          .root_level = 3,
                                          .architecture = RECORD_ARCHITECTURE_AARCH64,
                                          WIDE_SIZES};
static const struct capdl_arch riscv = {.word = "riscv",
                                        .table = {"pt", "pt", "pt", "pt"},
                                        .root_level = 2,
                                        .architecture = RECORD_ARCHITECTURE_RISCV64,
                                        WIDE_SIZES};
static const struct capdl_arch x86_64 = {.word = "x86_64",
                                         .table = {"pt", "pd", "pdpt", "pml4"},
                                         .root_level = 3,
                                         .architecture = RECORD_ARCHITECTURE_X86_64,
                                         WIDE_SIZES};

const struct capdl_arch *capdl_arch_named(const char *word)
{
    static const struct capdl_arch *const all[] = {&arm11, &aarch64, &riscv, &x86_64};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (strcmp(all[i]->word, word) == 0)
            return all[i];
    return NULL;
}

uint64_t capdl_kernel(const struct capdl_spec *s)
{
    return s->arch->word_bits == 32 ? CAPDL_RAM_BASE : (uint64_t)1 << s->arch->address_bits;
}

const struct capdl_arch *capdl_arch_of(const struct capstate *s)
{
    switch (s->snapshot.architecture) {
    case RECORD_ARCHITECTURE_AARCH64:
        return &aarch64;
    case RECORD_ARCHITECTURE_RISCV64:
        return &riscv;
    case RECORD_ARCHITECTURE_X86_64:
        return &x86_64;
    default:
        return &arm11;
    }
}

bool capdl_is_table(uint32_t type)
{
    return type == RECORD_CAP_PAGE_TABLE || type == RECORD_CAP_PAGE_DIRECTORY;
}

/* Stage 2 of AArch64 has roots of three levels or of four: all of one system are alike. */
static uint32_t root_level(const struct capstate *s)
{
    for (uint32_t i = 0; i < s->tables_told; i++)
        if (s->tables[i].parent == 0)
            return s->tables[i].level;
    return capdl_arch_of(s)->root_level;
}

uint32_t capdl_level(const struct capstate *s, const struct capstate_object *table)
{
    return table->type == RECORD_CAP_PAGE_DIRECTORY ? root_level(s) : table->level;
}

uint32_t capdl_entry_of(const struct capstate *s, const struct capstate_object *table,
                        uint64_t vaddr)
{
    uint32_t bits = capdl_arch_of(s)->index_bits;
    uint32_t shift = PAGE_BITS + bits * capdl_level(s, table);
    uint32_t mask = table->type == RECORD_CAP_PAGE_DIRECTORY ? UINT32_MAX : (1u << bits) - 1;
    return shift > 63 ? 0 : (uint32_t)(vaddr >> shift) & mask;
}

const char *capdl_table_word(const struct capstate *s, const struct capstate_object *table)
{
    uint32_t level = capdl_level(s, table);
    return level < CAPDL_LEVELS ? capdl_arch_of(s)->table[level] : NULL;
}

const char *capdl_object_name(const struct capstate *s, const struct capstate_object *o,
                              char buf[CAPDL_NAME])
{
    const char *word = capdl_is_table(o->type) ? capdl_table_word(s, o) : NULL;
    if (!word)
        return capdl_name(buf, o->type, o->addr, o->bits);
    (void)snprintf(buf, CAPDL_NAME, "%s_%08" PRIx64, word, o->addr);
    return buf;
}

void capdl_put_frame_size(FILE *f, uint32_t bits)
{
    if (bits < 20)
        (void)fprintf(f, "%uk", bits < 10 ? 1u : 1u << (bits - 10));
    else
        (void)fprintf(f, "%" PRIu64 "M", (uint64_t)1 << ((bits - 20) & 31));
}

void capdl_cap_parameters(const struct capstate *s, const struct record_slot *r,
                          char buf[CAPDL_PARAMETERS])
{
    uint32_t low = capdl_arch_of(s)->asid_low_bits;
    if (!capdl_is_table(r->type)) {
        (void)capdl_parameters(buf, r);
        return;
    }
    buf[0] = '\0';
    if (r->extra != 0)
        (void)snprintf(buf, CAPDL_PARAMETERS, " (asid: (0x%" PRIx64 ", 0x%" PRIx64 "))",
                       r->extra >> low, r->extra & ((1u << low) - 1));
}

bool capdl_tcb_slot_takes(uint32_t index, uint32_t type)
{
    static const uint8_t types[RECORD_TCB_SLOTS] = {
        [RECORD_TCB_CSPACE] = RECORD_CAP_CNODE,
        [RECORD_TCB_VSPACE] = RECORD_CAP_PAGE_DIRECTORY,
        [RECORD_TCB_REPLY] = RECORD_CAP_REPLY,
        [RECORD_TCB_CALLER] = RECORD_CAP_REPLY,
        [RECORD_TCB_BUFFER] = RECORD_CAP_FRAME,
        [RECORD_TCB_FAULT_HANDLER] = RECORD_CAP_ENDPOINT,
        [RECORD_TCB_TIMEOUT_HANDLER] = RECORD_CAP_ENDPOINT,
    };
    return index < RECORD_TCB_SLOTS && types[index] == type;
}
