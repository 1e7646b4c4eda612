/* Ending the machine: by the emulator's door when it has one open, else by the watchdog, whose
 * reset ends QEMU when it was started with -no-reboot (i.MX31 manual 36). */
#include "user/demo/demo.h"

enum {
    WATCHDOG_PADDR = 0x53fdc000,
    WATCHDOG_VADDR = 0x821000,
    SEMIHOSTING_EXIT_EXTENDED = 0x20,
    SEMIHOSTING_APPLICATION_EXIT = 0x20026,
};

void power_prepare(void)
{
    if (!demo_table.power_off)
        return;
    cptr_t frame = root_retype(root_device(WATCHDOG_PADDR), OBJECT_FRAME_4K, 0, 1);
    user_check(
        page_map(frame, INIT_VSPACE, WATCHDOG_VADDR, RIGHT_READ | RIGHT_WRITE, VM_EXECUTE_NEVER));
}

/* Where nobody listens the kernel takes the instruction for a Yield, which does no harm. */
static void semihosting_exit(word_t status)
{
    const word_t block[2] = {SEMIHOSTING_APPLICATION_EXIT, status};
    register word_t r0 __asm__("r0") = SEMIHOSTING_EXIT_EXTENDED;
    register const word_t *r1 __asm__("r1") = block;
    register word_t r7 __asm__("r7") = (word_t)SYS_YIELD;
    __asm__ volatile("svc 0x123456" : "+r"(r0) : "r"(r1), "r"(r7) : "memory");
}

void power_off_machine(word_t status)
{
    semihosting_exit(status);
    *(volatile uint16_t *)WATCHDOG_VADDR = 0;
}
