@ Every way in which an ARMv6 instruction can write the program counter, in ARM and Thumb state, under
@ all sixteen states of the flags.  tests/e2e/steps.py steps through it in QEMU and compares each step
@ with what the stub in the kernel would have foretold.
        .syntax unified
        .arch   armv6
        .text
        .arm
        .global _start
_start: ldr     sp, =stack_top
        mov     r11, #0

flags:  msr     cpsr_f, r11

        .irp    c, eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al
        b\c     1f
        nop
1:      adr     r0, 2f
        mov\c   pc, r0
        nop
2:      adr     r0, 3f
        bx\c    r0
        nop
3:      bl\c    4f
        nop
4:
        .endr

        @ computed: each opcode, each shift
        .macro  arrive instruction:vararg
        \instruction
        nop
        nop
        .endm
        arrive  add pc, pc, #0
        arrive  sub pc, pc, #4
        adr     r0, 1f
        arrive  and pc, r0, r0
1:      mov     r1, #0
        adr     r0, 1f
        arrive  eor pc, r0, r1
1:      adr     r0, 1f
        arrive  orr pc, r1, r0
1:      adr     r0, 1f
        arrive  bic pc, r0, r1
1:      adr     r0, 1f
        mvn     r2, r0
        arrive  mvn pc, r2
1:      adr     r0, 1f
        arrive  rsb pc, r1, r0
1:      adr     r0, 1f
        add     r0, r0, #4
        arrive  sbc pc, r0, r1
        nop
1:      nop
        adr     r0, 1f
        arrive  adc pc, r0, r1
1:      nop
        adr     r0, 1f
        add     r0, r0, #4
        arrive  rsc pc, r1, r0
        nop
1:      nop
        nop
        adr     r0, 1f
        mov     r2, r0, lsr #2
        arrive  mov pc, r2, lsl #2
1:      adr     r0, 1f
        mov     r2, r0, lsl #1
        arrive  mov pc, r2, lsr #1
1:      adr     r0, 1f
        mov     r2, r0, ror #7
        arrive  mov pc, r2, ror #25
1:      adr     r0, 1f
        mov     r2, r0, lsl #1
        bic     r3, r11, #0x20000000
        msr     cpsr_f, r3
        arrive  mov pc, r2, rrx
1:      msr     cpsr_f, r11
        adr     r0, 1f
        mov     r2, r0, ror #30
        mov     r3, #2
        arrive  mov pc, r2, ror r3
1:      adr     r0, 1f
        mov     r2, r0, lsl #1
        mov     r3, #1
        arrive  mov pc, r2, lsr r3
1:      adr     r0, 1f
        mov     r3, #0
        arrive  mov pc, r0, asr r3
1:      adr     r0, 1f
        mov     r3, #64
        mov     r2, #1
        arrive  add pc, r0, r2, lsl r3
1:      adr     r0, 1f
        mov     r2, #0x40000000
        arrive  add pc, r0, r2, asr #31
1:
        @ loaded
        ldr     r4, =table
        adr     r0, 1f
        str     r0, [r4]
        arrive  ldr pc, [r4]
1:      adr     r0, 1f
        str     r0, [r4, #8]
        arrive  ldr pc, [r4, #8]
1:      adr     r0, 1f
        str     r0, [r4, #4]
        arrive  ldr pc, [r4, #4]!
1:      adr     r0, 1f
        str     r0, [r4]
        arrive  ldr pc, [r4], #-4
1:      adr     r0, 1f
        mov     r5, #2
        str     r0, [r4, r5, lsl #2]
        arrive  ldr pc, [r4, r5, lsl #2]
1:      adr     r0, 1f
        add     r6, r4, #16
        str     r0, [r6, -r5, lsl #2]
        arrive  ldr pc, [r6, -r5, lsl #2]
1:      ldr     pc, =1f
        nop
1:      adr     r0, 1f
        push    {r0}
        arrive  pop {pc}
1:      adr     r3, 1f
        mov     r0, #1
        mov     r1, #2
        mov     r2, #3
        stmia   r4, {r0-r3}
        arrive  ldmia r4, {r0-r2, pc}
1:      adr     r3, 1f
        stmib   r4, {r0-r3}
        arrive  ldmib r4, {r0-r2, pc}
1:      adr     r3, 1f
        add     r6, r4, #32
        stmda   r6, {r0-r3}
        arrive  ldmda r6, {r0-r2, pc}
1:      adr     r3, 1f
        stmdb   r6!, {r0-r3}
        add     r6, r6, #16
        arrive  ldmdb r6!, {r0-r2, pc}
1:      cmp     r0, r0          @ what only looks like writing the pc
        teq     pc, pc
        mul     r0, r1, r2
        ldrb    r0, [r4]
        ldrh    r0, [r4]
        ldrd    r0, r1, [r4]
        strd    r0, r1, [r4]
        mrs     r0, cpsr
        clz     r0, r0
        uxtb    r0, r0
        ldrex   r0, [r4]
        strex   r0, r1, [r4]
        msr     cpsr_f, r11

        @ Thumb and back
        blx     thumb_call
        adr     r0, thumb_code + 1
        bx      r0
        .thumb
        .balign 4
thumb_call:
        bx      lr
        .balign 4
thumb_code:
        .irp    c, eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le
        b\c     1f
        nop
1:
        .endr
        b       1f
        nop
        .balign 4
1:      adr     r0, 1f
        mov     pc, r0
        nop
        .balign 4
1:      nop
        movs    r0, #0
        mov     r8, r0
        add     pc, r8
        nop
        bl      2f
        b       3f
2:      push    {r1, lr}
        pop     {r1, pc}
3:      blx     4f
        b       5f
        .balign 4
        .arm
4:      bx      lr
        .thumb
5:      ldr     r0, =2b + 1
        blx     r0
        mov     r9, r0
        mov     r0, r9
        add     r9, r0
        cmp     r9, r0
        ldr     r0, =6f
        bx      r0
        .balign 4
        .arm
6:      add     r11, r11, #0x10000000
        cmp     r11, #0
        bne     flags
done:   b       done

        .ltorg
        .balign 8
table:  .space  64
        .space  256
stack_top:
