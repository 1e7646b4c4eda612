/* The C part of the ARM kernel's start, its data, and what assembly takes for granted. */
#include "kernel/arch.h"
#include "kernel/armv6/mmu.h"
#include "kernel/armv6/offsets.h"
#include "kernel/board.h"
#include "kernel/boot.h"
#include "kernel/roots.h"

struct kernel ks __attribute__((aligned(1 << TCB_BITS)));
struct kernel_roots kernel_roots __attribute__((aligned(ROOTS_PAGE), used));

_Static_assert(TCB_PC == offsetof(struct tcb, regs) + 4 * REG_PC, "vectors.S");
_Static_assert(PC_TO_CPSR == 4 * (REG_CPSR - REG_PC), "vectors.S");
_Static_assert(PC_TO_FAULT_IP == 4 * (REG_FAULT_IP - REG_PC), "vectors.S");
_Static_assert(PC_TO_TPIDRURW == 4 * (REG_TPIDRURW - REG_PC), "vectors.S");
_Static_assert((TCB_PC + PC_TO_TPIDRURW) % 8 == 0, "vectors.S loads a pair");
_Static_assert(PC_TO_TPIDRURO == 4 * (REG_TPIDRURO - REG_PC), "vectors.S");
_Static_assert(KERNEL_CURRENT == offsetof(struct kernel, current), "vectors.S");
_Static_assert(sizeof(struct boot_info) == 24 && offsetof(struct boot_info, dtb) == 16, "head.S");
_Static_assert(WINDOW_OFFSET == KERNEL_PHYS_OFFSET && GLOBALS_PAGE == GLOBALS_FRAME, "offsets.h");

extern const uint8_t kernel_image_start[]; /* linker script */
extern const uint8_t kernel_image_end[];

void arch_idle(void);
void start_kernel(const struct boot_info *info);

/* The idle thread runs in system mode with interrupts on and fast interrupts masked. */
static void start_idle_thread(void)
{
    ks.idle.regs[REG_PC] = (word_t)arch_idle;
    ks.idle.regs[REG_FAULT_IP] = (word_t)arch_idle;
    ks.idle.regs[REG_CPSR] = MODE_SYS | 1 << 6;
}

/* Called by head.S on the kernel's own tables; on return head.S enters the current thread. */
void start_kernel(const struct boot_info *info)
{
    paddr_t start = paddr_from_kaddr(kaddr_of(kernel_image_start));
    paddr_t end = paddr_from_kaddr(kaddr_of(kernel_image_end));
    board_init();
    roots_fill(&kernel_roots, start, end);
    kernel_init(info, end);
    start_idle_thread();
}
