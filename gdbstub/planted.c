/* BKPT instructions, and what the kernel does when it meets one.
 *
 * BKPT gives a prefetch abort whose status is "instruction debug event" (ARM1136 TRM 3.4.1). The
 * comment field tells the stub's from a program's own. A user's page may have been freed and used
 * for something else by the time a breakpoint is lifted, so only what still is the stub's
 * instruction is replaced. */
#include "gdbstub/planted.h"

#include "gdbstub/stub.h"
#include "kernel/arch.h"
#include "kernel/armv6/offsets.h"
#include "kernel/armv6/trap.h"
#include "kernel/debug.h"

enum { FSR_STATUS = 0x40f, FSR_DEBUG_EVENT = 2 };
#define BKPT_ARM   0xe12ca975u /* bkpt 0xca95 */
#define BKPT_THUMB 0xbe95u     /* bkpt 0x95 */

static struct {
    kaddr_t at;
    uint32_t size;
    uint32_t original;
} places[PLANTED_MAX];
static uint32_t used;
static bool is_in;

extern const uint8_t no_breakpoints_start[], no_breakpoints_end[]; /* linker script */
extern const uint8_t kernel_image_start[], armv6_vectors[];

bool planted_allowed(kaddr_t at)
{
    return at >= kaddr_of(kernel_image_start) && at < kaddr_of(armv6_vectors) &&
           !(at >= kaddr_of(no_breakpoints_start) && at < kaddr_of(no_breakpoints_end));
}

void planted_clear(void)
{
    used = 0;
}

bool planted_at(kaddr_t at)
{
    for (uint32_t i = 0; i < used; i++)
        if (places[i].at == at)
            return true;
    return false;
}

bool planted_add(kaddr_t at, uint32_t size)
{
    if (planted_at(at))
        return true;
    if (used == PLANTED_MAX)
        return false;
    places[used].at = at;
    places[used].size = size;
    used++;
    return true;
}

static uint32_t bkpt(uint32_t size)
{
    return size == PLANTED_ARM ? BKPT_ARM : BKPT_THUMB;
}

static uint32_t instruction_read(kaddr_t at, uint32_t size)
{
    if (size == PLANTED_ARM)
        return *(volatile uint32_t *)kptr(at);
    return *(volatile uint16_t *)kptr(at);
}

static void instruction_write(kaddr_t at, uint32_t size, uint32_t instruction)
{
    if (size == PLANTED_ARM)
        *(volatile uint32_t *)kptr(at) = instruction;
    else
        *(volatile uint16_t *)kptr(at) = (uint16_t)instruction;
    arch_cache(CACHE_UNIFY, at, size, at);
}

void planted_plant(void)
{
    if (is_in)
        return;
    for (uint32_t i = 0; i < used; i++) {
        places[i].original = instruction_read(places[i].at, places[i].size);
        instruction_write(places[i].at, places[i].size, bkpt(places[i].size));
    }
    is_in = used != 0;
}

void planted_lift(void)
{
    if (!is_in)
        return;
    for (uint32_t i = 0; i < used; i++)
        if (instruction_read(places[i].at, places[i].size) == bkpt(places[i].size))
            instruction_write(places[i].at, places[i].size, places[i].original);
    is_in = false;
}

bool planted_is_in(void)
{
    return is_in;
}

bool planted_is_debug_event(word_t fsr)
{
    return (fsr & FSR_STATUS) == FSR_DEBUG_EVENT;
}

/* Any exception in the kernel lifts them: what follows is the debugger's. */
const struct trap_frame *debug_trap(word_t kind)
{
    bool ours = kind == TRAP_PREFETCH && is_in && planted_is_debug_event(trap_frame.ifsr) &&
                planted_at(trap_frame.r[REG_PC]);
    planted_lift();
    return ours ? stub_kernel_breakpoint() : NULL;
}
