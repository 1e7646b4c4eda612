@ The kernel's own registers around a stop: kept where the debugger can show and change them, and
@ put back from there, so that the kernel goes on as it was or as the debugger wants it.
#include "kernel/armv6/offsets.h"

#define MODE_ABT 0x17

        .syntax unified
        .arm
        .text

@ void debug_context_call(struct trap_frame *frame, void (*serve)(void))
@ The registers as they will be after this call returns; then serve(), then back with whatever the
@ frame holds by then.
        .global debug_context_call
debug_context_call:
        stmia   r0, {r0-lr}
        str     lr, [r0, #60]
        mrs     r2, cpsr
        str     r2, [r0, #64]
        push    {r0, lr}
        blx     r1
        pop     {r0, lr}

@ _Noreturn void trap_resume(const struct trap_frame *frame)
@ Abort mode's banked registers are free: they carry the way back while r0..lr are loaded.
        .global trap_resume
trap_resume:
        ldr     r1, [r0, #64]
        and     r2, r1, #0x1f
        cmp     r2, #MODE_SYS
        beq     arch_return
        ldr     sp, [r0, #52]
        ldr     lr, [r0, #56]
        ldr     r2, [r0, #60]
        cps     #MODE_ABT
        msr     spsr_cxsf, r1
        mov     lr, r2
        ldmia   r0, {r0-r12}
        movs    pc, lr
