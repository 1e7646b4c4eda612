/* The program's first and last steps, and trials (lockstep.h) by putting memory aside.
 *
 *   0xf0000000  1 MiB that the kernel manages, its own data below 0xf0020000
 *   0xf0100000  program: kernel's objects, tests, model; then the heap
 *   0xf1000000  the program's stack, 1 MiB
 *   0xf2000000  what trials leave: struct kept, then what lockstep_keep() gave
 *   0xf3000000  everything above as it was before the trial
 *
 * One trial at a time. */
#include "tests/lockstep/lockstep.h"
#include "tests/lockstep-arm/program.h"

#include "kernel/arch.h"
#include "kernel/kernel.h"
#include "plat/hostsim/hostsim.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    size_t used; /* bytes of the region, this included */
    bool trying;
    bool passed;
    jmp_buf failed;
    uint8_t *heap_end;
    paddr_t directory;
    word_t asid;
};

enum { ARGUMENTS_MAX = 24, COMMAND_LINE_BYTES = 512 };
enum { SYS_GET_CMDLINE = 0x15, SYS_EXIT_EXTENDED = 0x20, STOPPED_APPLICATION_EXIT = 0x20026 };

/* lockstep.lds */
extern uint8_t kept_start[], kept_end[], aside_start[], aside_end[], data_start[], bss_end[];
static struct kept *const kept = (struct kept *)kept_start;

int main(int argc, char **argv);
_Noreturn void program_start(void);
_Noreturn void __wrap_kernel_panic(const char *file, int line, const char *what);

/* --- memory aside and back --- */

static const struct {
    const char *name;
    uint8_t *start;
    uint8_t *end; /* NULL: of the heap */
} regions[] = {
    {"managed", (uint8_t *)KERNEL_WINDOW, (uint8_t *)KERNEL_WINDOW + LOCKSTEP_RAM},
    {"data", data_start, bss_end},
    {"heap", heap_start, NULL},
};
enum { REGIONS = sizeof(regions) / sizeof(regions[0]) };

static size_t region_bytes(unsigned i)
{
    return (size_t)((regions[i].end ? regions[i].end : kept->heap_end) - regions[i].start);
}

static void put_memory_aside(void)
{
    uint8_t *to = aside_start;
    kept->heap_end = heap_end();
    hostsim_see_processor();
    kept->directory = hostsim.vspace_pd;
    kept->asid = hostsim.vspace_asid;
    for (unsigned i = 0; i < REGIONS; to += region_bytes(i++)) {
        if (region_bytes(i) > (size_t)(aside_end - to)) {
            fprintf(stderr, "lockstep: no room to put %s aside\n", regions[i].name);
            exit(2);
        }
        memcpy(to, regions[i].start, region_bytes(i));
    }
}

/* The page tables that the processor walks are not those that are written. */
static void take_memory_back(void)
{
    const uint8_t *from = aside_start;
    arch_set_vspace(paddr_from_kaddr(arch_kernel_pd()), 0);
    for (unsigned i = 0; i < REGIONS; from += region_bytes(i++))
        memcpy(regions[i].start, from, region_bytes(i));
    arch_set_vspace(kept->directory, kept->asid);
    arch_tlb_flush_all();
}

void *lockstep_keep(size_t bytes)
{
    uint8_t *p = kept_start + kept->used;
    bytes = (bytes + 7) & ~(size_t)7;
    if (bytes > (size_t)(kept_end - p))
        return NULL;
    kept->used += bytes;
    return memset(p, 0, bytes);
}

/* Nothing here ends a kernel that runs for ever: whoever started QEMU does. */
bool lockstep_trial(bool (*run)(const void *arg), const void *arg, unsigned seconds, bool silent)
{
    (void)seconds;
    put_memory_aside();
    stderr_is_silent = silent;
    kept->trying = true;
    kept->passed = false;
    if (setjmp(kept->failed) == 0)
        kept->passed = run(arg);
    kept->trying = false;
    take_memory_back();
    return kept->passed;
}

void trial_failed(void)
{
    if (!kept->trying)
        exit(1);
    longjmp(kept->failed, 1);
}

void __wrap_kernel_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "lockstep: kernel panic: %s:%d: %s\n", file, line, what);
    trial_failed();
}

int lockstep_exhaustive(unsigned slot_count, bool rename, bool keep, FILE *out)
{
    (void)slot_count;
    (void)rename;
    (void)keep;
    fprintf(out, "# every state of a small scope: on the host only\n");
    return 2;
}

/* --- beginning and end --- */

/* Words of the command line that QEMU was given for us. */
static int read_arguments(char **argv)
{
    static char line[COMMAND_LINE_BYTES];
    struct {
        char *buffer;
        word_t bytes;
    } command = {line, sizeof(line)};
    int n = 0;
    if (semihosting(SYS_GET_CMDLINE, &command) != 0)
        return 0;
    for (char *at = line; *at != 0 && n < ARGUMENTS_MAX; n++) {
        argv[n] = at;
        while (*at != 0 && *at != ' ')
            at++;
        while (*at == ' ')
            *at++ = 0;
    }
    return n;
}

void program_start(void)
{
    static char *argv[ARGUMENTS_MAX + 1];
    *kept = (struct kept){.used = (sizeof(*kept) + 7) & ~(size_t)7};
    exit(main(read_arguments(argv), argv));
}

void exit(int status)
{
    const word_t end[] = {STOPPED_APPLICATION_EXIT, (word_t)status};
    for (;;)
        semihosting(SYS_EXIT_EXTENDED, end);
}

void abort(void)
{
    fprintf(stderr, "lockstep: abort\n");
    trial_failed();
}
