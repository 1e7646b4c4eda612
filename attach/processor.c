/* The table of processors: GDB's standard features (GDB manual, appendix "Standard Target
 * Features") in QEMU's numbering. */
#include "attach/processor.h"

#include <string.h>

static const struct processor processors[] = {
    {
        .architecture = "arm",
        .pc = {15, 4},
        .mode = {25, 4}, /* cpsr: mode bits */
        .mode_mask = 0x1f,
        .mode_user = 0x10,
        .vectors = 0xffff0000,
        .vectors_end = 0xffff0020,
        .code_bytes = 4,
        .trap_bytes = 4,
        .call = {.words = 4, .word = {0, 1, 2, 3}, .sp = 13, .linked = true, .link = 14},
        .all = {{17 * 4, 16 * 4}, {168, 41 * 4}}, /* r0..r15, (fpa,) cpsr */
    },
    {
        .architecture = "aarch64",
        .pc = {32, 8},
        .mode = {33, 4}, /* cpsr: exception level */
        .mode_mask = 0xc,
        .mode_user = 0,
        .code_bytes = 4,
        .trap_bytes = 4,
        .all = {{0, 33 * 8}}, /* x0..x30, sp, pc, cpsr */
        .call =
            {.words = 8, .word = {0, 1, 2, 3, 4, 5, 6, 7}, .sp = 31, .linked = true, .link = 30},
    },
    {
        .architecture = "i386:x86-64",
        .pc = {16, 8},
        .mode = {18, 4}, /* cs: requested privilege level */
        .mode_mask = 3,
        .mode_user = 3,
        .code_bytes = 1,
        .trap_bytes = 2,
        .call = {.words = 6, .word = {5, 4, 3, 2, 8, 9}, .sp = 7, .stack_gap = 1},
    },
    {
        .architecture = "riscv:rv64",
        .pc = {32, 8}, /* the mode is in no standard feature */
        .code_bytes = 2,
        .trap_bytes = 4,
        .call = {.words = 8,
                 .word = {10, 11, 12, 13, 14, 15, 16, 17},
                 .sp = 2,
                 .linked = true,
                 .link = 1,
                 .result = 10},
    },
};
enum { PROCESSORS = sizeof(processors) / sizeof(processors[0]) };

const struct processor *processor_of(const char *target_xml)
{
    static const char mark[] = "<architecture>";
    const char *at = strstr(target_xml, mark);
    at = at ? at + sizeof(mark) - 1 : "";
    for (size_t i = 0; i < PROCESSORS; i++) {
        size_t n = strlen(processors[i].architecture);
        if (strncmp(at, processors[i].architecture, n) == 0 && at[n] == '<')
            return &processors[i];
    }
    return &processors[0];
}

const struct processor *processor_named(const char *architecture)
{
    for (size_t i = 0; i < PROCESSORS; i++)
        if (strcmp(processors[i].architecture, architecture) == 0)
            return &processors[i];
    return NULL;
}

bool processor_is_user(const struct processor *p, uint64_t mode)
{
    return p->mode.bytes != 0 && (mode & p->mode_mask) == p->mode_user;
}

bool processor_is_at_vector(const struct processor *p, uint64_t pc)
{
    return p->vectors_end != 0 && pc >= p->vectors && pc < p->vectors_end;
}
