@ Exceptions that broken data of the kernel may have caused, in the page of the vectors.
@
@ A page directory whose kernel part is broken can take from the kernel its own text and data, and
@ with them the handlers of exceptions: the processor would go round in the vectors for ever.  What
@ stands here needs nothing but its own page: an exception in the kernel that is not the debugger's
@ own (a guarded copy, a breakpoint) is handled on the debugger's tables (rescue.c), which nothing
@ points to.
@
@ sp and lr of the exception's mode and the flags are free; TPIDRPRW, which the kernel does not use,
@ holds r0 meanwhile.
#include "kernel/armv6/offsets.h"

        .syntax unified
        .arm

        .section .vectors.rescue, "ax"
        .global rescue_undefined, rescue_prefetch, rescue_data

        .macro  from_user target
        mrs     sp, spsr
        tst     sp, #0xf
        beq     \target
        .endm

        .macro  to_own_tables
        mcr     p15, 0, r0, c13, c0, 4
        mrc     p15, 0, r0, c2, c0, 0
        ldr     sp, own_tables
        cmp     r0, sp
        beq     9f
        mcr     p15, 0, sp, c2, c0, 0
        mov     sp, #0
        mcr     p15, 0, sp, c8, c7, 0           @ TLB
        mcr     p15, 0, sp, c7, c5, 6           @ branch targets
        mcr     p15, 0, sp, c7, c10, 4          @ drain
        mcr     p15, 0, sp, c7, c5, 4           @ prefetch buffer
        ldr     sp, came_from
        str     r0, [sp]
9:      mrc     p15, 0, r0, c13, c0, 4
        .endm

rescue_undefined:
        from_user 1f
        to_own_tables
1:      ldr     pc, =enter_undefined

rescue_prefetch:
        from_user 1f
        mrc     p15, 0, sp, c5, c0, 1           @ status 2: a BKPT
        lsl     sp, sp, #28
        cmp     sp, #0x20000000
        beq     1f
        to_own_tables
1:      ldr     pc, =enter_prefetch

rescue_data:
        from_user 1f
        ldr     sp, guard_first                 @ lr is 8 behind the instruction
        cmp     lr, sp
        blo     2f
        ldr     sp, guard_last
        cmp     lr, sp
        blo     1f
2:      to_own_tables
1:      ldr     pc, =enter_data

own_tables:  .word rescue_directory - WINDOW_OFFSET + 0x18 @ walks: outer write-back
came_from:   .word rescue_from
guard_first: .word guard_begin + 8
guard_last:  .word guard_end + 8
        .ltorg

        .text

@ word_t rescue_tables(void): TTBR0
        .global rescue_tables
rescue_tables:
        mrc     p15, 0, r0, c2, c0, 0
        bx      lr

@ void rescue_use(word_t ttbr0): to these tables, with nothing left of the others
        .global rescue_use
rescue_use:
        mov     ip, #0
        mcr     p15, 0, ip, c7, c10, 4
        mcr     p15, 0, r0, c2, c0, 0
        mcr     p15, 0, ip, c8, c7, 0
        mcr     p15, 0, ip, c7, c5, 6
        mcr     p15, 0, ip, c7, c10, 4
        mcr     p15, 0, ip, c7, c5, 4
        bx      lr

@ bool door_try(void (*work)(void)): true when work() came back, false when door_give_up() ended it.
@ They nest: each keeps the way back of the one around it.
        .global door_try
door_try:
        push    {r3-r11, lr}
        ldr     r1, =door_way_back
        ldr     r2, [r1]
        push    {r2, r3}
        str     sp, [r1]
        blx     r0
        mov     r0, #1
1:      ldr     r1, =door_way_back
        pop     {r2, r3}
        str     r2, [r1]
        pop     {r3-r11, pc}

@ _Noreturn void door_back(void): the innermost door_try() returns false
        .global door_back
door_back:
        ldr     r1, =door_way_back
        ldr     sp, [r1]
        mov     r0, #0
        b       1b

@ _Noreturn void door_anew(void (*serve)(void)): on an empty stack, for nothing goes back from here
        .global door_anew
door_anew:
        ldr     sp, =trap_stack_top
        ldr     r1, =door_way_back
        mov     r2, #0
        str     r2, [r1]
        bx      r0
        .ltorg

        .bss
        .balign 4
        .global door_way_back
door_way_back:
        .space  4
