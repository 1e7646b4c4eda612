@ All registers around one instruction: loads r0..r12, lr and the flags from a struct registers,
@ executes, and stores every register back, the stack pointer before and after included.
    .syntax unified
    .arm
    .section .text.registers, "ax"

    .macro around name, instruction:vararg
    .global \name, \name\()_at
\name:
    push    {r4-r11, lr}
    push    {r0}
    str     sp, [r0, #64]
    ldr     lr, [r0, #52]
    ldr     r1, [r0, #56]
    msr     cpsr_f, r1
    ldm     r0, {r0-r12}
\name\()_at:
    \instruction
    str     r12, [sp, #-4]
    ldr     r12, [sp]
    stm     r12, {r0-r11}
    ldr     r0, [sp, #-4]
    str     r0, [r12, #48]
    str     lr, [r12, #52]
    mrs     r0, cpsr
    str     r0, [r12, #56]
    str     sp, [r12, #60]
    add     sp, sp, #4
    pop     {r4-r11, pc}
    .endm

    around registers_svc, svc 0
    around registers_svc_c1, svc 0xc1
    around registers_load, ldr r0, [r0]
    around registers_store, str r1, [r0]
    around registers_call, blx r0
    around registers_undefined, .word 0xe7f000f0

@ A thread started here finds in registers_dumped what it was started with; it needs a stack.
    .global registers_dump
registers_dump:
    push    {r0-r12, lr}
    mrs     r4, cpsr
    ldr     r5, =registers_dumped
    mov     r6, sp
    mov     r7, #14
1:  ldr     r8, [r6], #4
    str     r8, [r5], #4
    subs    r7, r7, #1
    bne     1b
    str     r4, [r5], #4
    str     r6, [r5]
    mov     r0, #0
    bl      thread_exit

@ word_t exclusive_across_yield(volatile word_t *word): 1 when the store was refused
    .global exclusive_across_yield
exclusive_across_yield:
    push    {r7, lr}
    ldrex   r1, [r0]
    mvn     r7, #6              @ Yield, -7
    svc     0
    strex   r2, r1, [r0]
    mov     r0, r2
    pop     {r7, pc}

@ word_t exclusive_add(volatile word_t *word, word_t n): the new value
    .global exclusive_add
exclusive_add:
    ldrex   r2, [r0]
    add     r2, r2, r1
    strex   r3, r2, [r0]
    cmp     r3, #0
    bne     exclusive_add
    mov     r0, r2
    bx      lr

    .bss
    .balign 4
    .global registers_dumped
registers_dumped:
    .space  64
