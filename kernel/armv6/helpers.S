@ The user helpers: code for programs that were built for a kernel which keeps some at these addresses,
@ ARM Linux's (its Documentation/arm/kernel_user_helpers.rst is the contract).  They execute in user
@ mode, in the address spaces that asked for them (docs/kernel-api.md); in others the page is the
@ kernel's alone.  The linker script puts each block where it belongs in the vectors' page.
        .syntax unified
        .arm
        .arch   armv6k

        .section .vectors.bodies, "ax"

@ Each returns r0 = 0 and C set if it stored, r0 = 1 and C clear if not.
stored:
        mov     r0, #0
        cmp     r0, #0                          @ sets C
        bx      lr

@ r0 = pointer to the old value, r1 = to the new one, r2 = where, 64 bits each
cmpxchg64:
        push    {r4-r7}
        ldrd    r4, r5, [r0]
        ldrd    r6, r7, [r1]
1:      ldrexd  r0, r1, [r2]
        cmp     r0, r4
        cmpeq   r1, r5
        bne     2f
        strexd  r0, r6, r7, [r2]
        cmp     r0, #0
        bne     1b
        pop     {r4-r7}
        b       stored
2:      pop     {r4-r7}
        b       refused

@ r0 = the old value, r1 = the new one, r2 = where
cmpxchg:
1:      ldrex   r3, [r2]
        cmp     r3, r0
        bne     refused
        strex   r3, r1, [r2]
        cmp     r3, #0
        bne     1b
        b       stored

refused:
        mov     r0, #1
        cmn     r0, #0                          @ clears C
        bx      lr

        .section .vectors.at_f60, "ax"
        b       cmpxchg64

        .section .vectors.at_fa0, "ax"
        mcr     p15, 0, r0, c7, c10, 5          @ data memory barrier, allowed to users
        bx      lr

        .section .vectors.at_fc0, "ax"
        b       cmpxchg

        .section .vectors.at_fe0, "ax"
        mrc     p15, 0, r0, c13, c0, 2          @ the thread pointer, as SetTLSBase set it
        bx      lr

        .section .vectors.at_ffc, "a"
        .word   5                               @ how many helpers there are
