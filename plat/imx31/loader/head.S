@ The loader's first and last instructions, its exceptions, and what it carries.
@
@ QEMU and boot ROMs enter at _start in supervisor mode with the MMU off.  loader_main lays out
@ kernel and root task and builds page tables; enter_kernel turns the MMU on and calls the kernel
@ (ABI sheet 6.3).
        .syntax unified
        .arm

@ M  C  I  V (high vectors).  U and XP stay as they are, which is all a kernel may count on: seL4's
@ elfloader leaves them so.
#define SCTLR_SET (1 << 0 | 1 << 2 | 1 << 12 | 1 << 13)

@ A device tree is carried when the build names one: -DDTB_FILE='"path"'.
#ifdef DTB_FILE
#define CARRY_DTB .incbin DTB_FILE
#else
#define CARRY_DTB
#endif

        .section .head, "ax"
        .global _start
_start:
        cpsid   aif, #0x13
        ldr     sp, =stack_top
        ldr     r0, =bss_start
        ldr     r1, =bss_end
        mov     r2, #0
1:      cmp     r0, r1
        strlo   r2, [r0], #4
        blo     1b
        bl      loader_main                     @ does not come back

@ void enter_kernel(const struct handover *h, uint32_t directory)
@ h: user start, user end, offset, entry, device tree, its size, kernel entry
        .text
        .global enter_kernel
enter_kernel:
        mov     r9, r0
        mov     r2, #0
        orr     r1, r1, #0x19
        mcr     p15, 0, r2, c7, c14, 0          @ clean and invalidate data cache
        mcr     p15, 0, r2, c7, c5, 0           @ invalidate instruction cache, branch targets
        mcr     p15, 0, r2, c7, c10, 4          @ drain write buffer
        mov     r3, #1
        mcr     p15, 0, r1, c2, c0, 0           @ TTBR0
        mcr     p15, 0, r2, c2, c0, 2           @ TTBCR
        mcr     p15, 0, r3, c3, c0, 0           @ domain 0: client
        mcr     p15, 0, r2, c13, c0, 1          @ CONTEXTIDR
        mcr     p15, 0, r2, c8, c7, 0           @ TLB
        mcr     p15, 0, r2, c7, c10, 4
        mrc     p15, 0, r4, c1, c0, 0
        ldr     r5, =SCTLR_SET
        orr     r4, r4, r5
        bic     r4, r4, #2                      @ no alignment check
        mcr     p15, 0, r4, c1, c0, 0
        mcr     p15, 0, r2, c7, c5, 4           @ prefetch flush
        ldr     r4, [r9, #16]
        ldr     r5, [r9, #20]
        ldr     ip, [r9, #24]
        ldm     r9, {r0-r3}
        push    {r4, r5}
        blx     ip
        b       .

@ One page, seen at 0xffff0000: any exception before the kernel has its own.
        .section .vectors, "ax"
        .balign 4096
        .global loader_vectors
loader_vectors:
        .rept   8
        b       .
        .endr
        .balign 4096

        .section .payload, "a"
        .global kernel_elf, kernel_elf_end, root_elf, root_elf_end, dtb, dtb_end
        .balign 8
kernel_elf:
        .incbin KERNEL_ELF
kernel_elf_end:
        .balign 8
root_elf:
        .incbin ROOT_ELF
root_elf_end:
        .balign 8
dtb:
        CARRY_DTB
dtb_end:

        .bss
        .balign 8
        .space  4096
stack_top:
