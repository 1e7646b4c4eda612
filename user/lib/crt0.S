/* Entry of a root task (ABI sheet 5.5): r0 = BootInfo, no stack.  Sets a stack and calls
 * user_main(bootinfo); a return ends in a suspended thread. */
    .syntax unified
    .arm
    .section .text.start, "ax"
    .global _start
_start:
    ldr     sp, =root_stack_top
    mov     fp, #0
    bl      user_start
1:  b       1b

    .bss
    .balign 4096
root_stack:
    .space  16384
root_stack_top:
