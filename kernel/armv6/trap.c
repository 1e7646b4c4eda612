/* An exception in the kernel itself: a breakpoint of the debugger's, or one sentence with the
 * registers that tell where, then panic.
 *
 * Until debug_trap() is done no breakpoint may stand in what executes here: the linker script puts
 * this file's code where the debugger refuses them. */
#include "kernel/armv6/trap.h"

#include "kernel/armv6/offsets.h"
#include "kernel/debug.h"
#include "kernel/kernel.h"

struct trap_frame trap_frame;
_Static_assert(sizeof(struct trap_frame) == TRAP_WORDS * 4, "vectors.S relies on it");

enum { TRAP_TEXT_SIZE = 160 };
static char trap_text[TRAP_TEXT_SIZE];
static word_t trap_length;

static void trap_put(const char *s)
{
    for (; *s != 0 && trap_length + 1 < TRAP_TEXT_SIZE; s++)
        trap_text[trap_length++] = *s;
    trap_text[trap_length] = 0;
}

static void trap_put_word(const char *name, word_t value)
{
    char hex[9];
    for (unsigned i = 0; i < 8; i++)
        hex[i] = "0123456789abcdef"[value >> (28 - 4 * i) & 0xf];
    hex[8] = 0;
    trap_put(name);
    trap_put(hex);
}

static bool trap_is_stack_overflow(word_t kind)
{
    return kind == TRAP_DATA && trap_frame.far < KERNEL_STACK_BASE &&
           trap_frame.far >= KERNEL_STACK_BASE - 0x1000u;
}

void trap_report(word_t kind)
{
    static const char *const names[] = {
        "undefined instruction", "svc", "prefetch abort", "data abort", "irq", "fiq or reset"};
    trap_length = 0;
    const struct trap_frame *breakpoint = debug_trap(kind);
    if (breakpoint)
        trap_resume(breakpoint);
    trap_put(trap_is_stack_overflow(kind) ? "stack overflow" : names[kind <= TRAP_FIQ ? kind : 1]);
    trap_put_word(" in the kernel: pc ", trap_frame.r[15]);
    trap_put_word(" lr ", trap_frame.r[14]);
    trap_put_word(" sp ", trap_frame.r[13]);
    trap_put_word(" cpsr ", trap_frame.cpsr);
    if (kind == TRAP_DATA) {
        trap_put_word(" far ", trap_frame.far);
        trap_put_word(" fsr ", trap_frame.dfsr);
    } else if (kind == TRAP_PREFETCH) {
        trap_put_word(" fsr ", trap_frame.ifsr);
    }
    kernel_panic("kernel/armv6/vectors.S", 0, trap_text);
}
