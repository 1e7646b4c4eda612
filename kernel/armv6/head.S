@ First instructions of the kernel: from the loader's page tables to its own (ABI sheet 6.3).
@
@ Entered at 0xf0000000 with the MMU on, interrupts masked, arguments in r0-r3 and two on the
@ loader's stack.  The loader maps the kernel's image where the kernel does, so execution goes on
@ across the switch of tables; nothing outside the image and the loader's stack is touched before.
#include "kernel/armv6/offsets.h"

#define SCTLR_SET   (1 << 0 | 1 << 2 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 22 | 1 << 23)
                    @ M  C  Z  I  V (high vectors)  U (unaligned access)  XP (v6 descriptors)
#define SCTLR_CLEAR (1 << 1 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 14 | 1 << 24 | 1 << 25 | 1 << 28 | 1 << 29)
                    @ A  B  S  R  RR  VE  EE  TRE  AFE

        .syntax unified
        .arm
        .section .head, "ax"
        .global _start
_start:
        ldr     r4, [sp]                        @ device tree, on the loader's stack
        ldr     r5, [sp, #4]                    @ its size
        cpsid   aif, #MODE_SVC
        mov     r6, r0
        mov     r7, r1
        mov     r8, r2
        mov     r9, r3

        ldr     r0, =bss_start                  @ whole words, by the linker script
        ldr     r1, =bss_end
        mov     r2, #0
1:      cmp     r0, r1
        strlo   r2, [r0], #4
        blo     1b

        ldr     sp, =boot_stack_top
        bl      mmu_init
        bl      cache_all_clean_invalidate      @ nothing stale from before the kernel
        bl      cache_instructions_invalidate
        bl      arch_kernel_pd
        ldr     r1, =WINDOW_OFFSET
        sub     r0, r0, r1
        orr     r0, r0, #0x18                   @ walks: outer write-back
        mov     r1, #0
        mrc     p15, 0, r3, c1, c0, 0           @ v6 descriptors before the first table with them:
        ldr     r2, =SCTLR_SET                  @ seL4's elfloader leaves XP as it found it, and
        orr     r3, r3, r2                      @ its own sections read the same either way
        ldr     r2, =SCTLR_CLEAR
        bic     r3, r3, r2
        mcr     p15, 0, r3, c1, c0, 0
        mcr     p15, 0, r1, c7, c5, 4           @ prefetch flush
        mov     r2, #1
        mcr     p15, 0, r1, c7, c10, 4          @ drain write buffer
        mcr     p15, 0, r0, c2, c0, 0           @ TTBR0
        mcr     p15, 0, r1, c2, c0, 2           @ TTBCR: TTBR0 alone
        mcr     p15, 0, r2, c3, c0, 0           @ domain 0: client
        mcr     p15, 0, r1, c13, c0, 1          @ CONTEXTIDR
        mcr     p15, 0, r1, c8, c7, 0           @ TLB
        mcr     p15, 0, r1, c7, c5, 6           @ branch targets
        mcr     p15, 0, r1, c7, c10, 4
        mcr     p15, 0, r1, c7, c5, 4           @ prefetch flush
        mcr     p15, 0, r1, c1, c0, 2           @ CPACR: no coprocessors for users
        mcr     p15, 0, r1, c7, c5, 4

        ldr     sp, =KERNEL_STACK_TOP
        sub     sp, sp, #24                     @ struct boot_info
        str     r6, [sp]
        str     r7, [sp, #4]
        str     r8, [sp, #8]
        str     r9, [sp, #12]
        str     r4, [sp, #16]
        str     r5, [sp, #20]
        mov     r0, sp
        bl      start_kernel
        b       arch_return
        .ltorg

        .bss
        .balign 8
        .space  256
boot_stack_top:
