@ Between program and kernel: who gets the processor when the kernel has set up the MMU, kernel
@ entries on the kernel's own stack, non-local jumps, and calls to QEMU (semihosting).
@
@ lockstep.lds and the linker's --wrap send the kernel's call of board_init() and the tests' calls of
@ kernel entries here.
#include "kernel/armv6/offsets.h"

        .syntax unified
        .arm
        .text

@ The first thing that start_kernel() does; it does not come back.
        .global __wrap_board_init
__wrap_board_init:
        ldr     sp, =program_stack_top
        b       program_start

@ The 8 KiB that the vectors give the kernel, with the page below it unmapped.
        .macro  on_kernel_stack name
        .global __wrap_\name
__wrap_\name:
        push    {r4, lr}
        mov     r4, sp
        ldr     sp, =KERNEL_STACK_TOP
        bl      __real_\name
        mov     sp, r4
        pop     {r4, pc}
        .endm

        on_kernel_stack kernel_init
        on_kernel_stack kernel_enter_syscall
        on_kernel_stack kernel_enter_irq
        on_kernel_stack kernel_enter_undefined
        on_kernel_stack kernel_enter_data_abort
        on_kernel_stack kernel_enter_prefetch_abort

@ int setjmp(jmp_buf at); _Noreturn void longjmp(jmp_buf at, int value): value is not 0
        .global setjmp, longjmp
setjmp:
        stmia   r0!, {r4-r11}
        str     sp, [r0]
        str     lr, [r0, #4]
        mov     r0, #0
        bx      lr
longjmp:
        ldmia   r0!, {r4-r11}
        ldr     sp, [r0]
        ldr     lr, [r0, #4]
        mov     r0, r1
        bx      lr

@ int semihosting(int operation, const void *argument): Arm's semihosting 2.0
        .global semihosting
semihosting:
        svc     #0x123456
        bx      lr
