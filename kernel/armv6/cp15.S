@ Caches, TLB and address space of the ARM1136 (TRM 3.3, 6; ARM ARM B2.7, B6).
@
@ The caches are 16 KiB, 4-way, physically tagged, with 32-byte lines: a way is a page, so that the
@ kernel's address of a page and a user's meet in the same line, and maintenance by the kernel's
@ address reaches both.  The branch target cache goes by virtual addresses and is flushed whole.
@ Translation tables are walked past the data cache.
        .syntax unified
        .arm
        .text

        .macro  drain                           @ data synchronisation barrier
        mcr     p15, 0, ip, c7, c10, 4
        .endm
        .macro  prefetch_flush                  @ instruction synchronisation barrier
        mcr     p15, 0, ip, c7, c5, 4
        .endm
        .macro  branch_flush
        mcr     p15, 0, ip, c7, c5, 6
        .endm

        .macro  function name
        .section .text.\name, "ax"
        .global \name
\name:
        .endm

@ void arch_set_vspace(paddr_t pd, word_t hw_asid)
@ Table writes before are drained; branch targets of the old space go; no user address is touched
@ between the two writes, since the kernel's entries are global and alike in every directory, so
@ nothing of the new table enters the TLB under the old ASID.  Walks use outer write-back
@ attributes (bits 4:3), which is right with the second-level cache on or off.  The kernel does not
@ depend on the new ASID; the return to the thread makes it visible (ARM ARM B2.7.4).
function arch_set_vspace
        mov     ip, #0
        orr     r0, r0, #0x18
        branch_flush
        drain
        mcr     p15, 0, r0, c2, c0, 0           @ TTBR0
        prefetch_flush
        mcr     p15, 0, r1, c13, c0, 1          @ CONTEXTIDR
        bx      lr

@ void arch_tlb_flush_all(void)
function arch_tlb_flush_all
        mov     ip, #0
        drain
        mcr     p15, 0, ip, c8, c7, 0
        branch_flush
        drain
        prefetch_flush
        bx      lr

@ void arch_tlb_flush_asid(word_t hw_asid)
function arch_tlb_flush_asid
        mov     ip, #0
        and     r0, r0, #0xff
        drain
        mcr     p15, 0, r0, c8, c7, 2
        branch_flush
        drain
        prefetch_flush
        bx      lr

@ void arch_tlb_flush_page(vaddr_t vaddr, word_t hw_asid)
function arch_tlb_flush_page
        mov     ip, #0
        lsr     r0, r0, #12
        and     r1, r1, #0xff
        orr     r0, r1, r0, lsl #12
        drain
        mcr     p15, 0, r0, c8, c7, 1
        branch_flush
        drain
        prefetch_flush
        bx      lr

@ void arch_clean_table(kaddr_t entry, word_t bytes)
@ From a whole cache's size on, the whole cache is cleaned instead.
function arch_clean_table
        mov     ip, #0
        cmp     r1, #0x4000
        bhs     2f
        add     r1, r0, r1
        bic     r0, r0, #31
1:      mcr     p15, 0, r0, c7, c10, 1          @ clean data line by address
        add     r0, r0, #32
        cmp     r0, r1
        blo     1b
        drain
        bx      lr
2:      mcr     p15, 0, ip, c7, c10, 0          @ clean data cache
        drain
        bx      lr

@ Lines of [r0, r1): one operation each.
        .macro  by_line crm, op2
        bic     r0, r0, #31
1:      mcr     p15, 0, r0, c7, \crm, \op2
        add     r0, r0, #32
        cmp     r0, r1
        blo     1b
        .endm

@ void cache_lines_clean(kaddr_t start, kaddr_t end), and so on
function cache_lines_clean
        mov     ip, #0
        by_line c10, 1
        drain
        bx      lr

function cache_lines_invalidate
        mov     ip, #0
        by_line c6, 1
        drain
        bx      lr

function cache_lines_clean_invalidate
        mov     ip, #0
        by_line c14, 1
        drain
        bx      lr

@ void cache_lines_unify(kaddr_t start, kaddr_t end): data reaches memory, instructions are
@ fetched anew
function cache_lines_unify
        mov     ip, #0
        mov     r2, r0
        by_line c10, 1
        drain
        mov     r0, r2
        by_line c5, 1
        branch_flush
        drain
        prefetch_flush
        bx      lr

@ void cache_all_clean_invalidate(void)
function cache_all_clean_invalidate
        mov     ip, #0
        mcr     p15, 0, ip, c7, c14, 0
        drain
        bx      lr

@ void cache_instructions_invalidate(void)
@ Invalidating the whole instruction cache can fail on parts before r1p4 when a fetch hits at the
@ same time; doing it four times and letting the pipeline drain does not (ARM erratum 411920).
function cache_instructions_invalidate
        mov     ip, #0
        .rept   4
        mcr     p15, 0, ip, c7, c5, 0
        .endr
        .rept   11
        nop
        .endr
        branch_flush
        drain
        prefetch_flush
        bx      lr

@ void arch_clear(kaddr_t from, word_t bytes)
@ Each line is cleaned and invalidated as it is cleared: a mapping that goes past the cache must not
@ see what lay there before, nor what was cached then.  Half a line at either end is cleaned with its
@ neighbour.
        .macro  clear_line
        stmia   r0, {r2-r8, ip}
        mcr     p15, 0, r0, c7, c14, 1          @ clean and invalidate data line
        add     r0, r0, #32
        .endm
        .macro  clear_half_line
        stmia   r0, {r2-r5}
        mcr     p15, 0, r0, c7, c14, 1
        add     r0, r0, #16
        sub     r1, r1, #16
        .endm

function arch_clear
        mov     r2, #0
        mov     r3, #0
        mov     ip, #0
        cmp     r1, #16                         @ an endpoint, say
        bne     7f
        strd    r2, r3, [r0]
        strd    r2, r3, [r0, #8]
        mcr     p15, 0, r0, c7, c14, 1
        drain
        bx      lr
7:      push    {r4-r8, lr}
        mov     r4, #0
        mov     r5, #0
        mov     r6, #0
        mov     r7, #0
        mov     r8, #0
        cmp     r1, #0
        beq     6f
        tst     r0, #16
        beq     1f
        clear_half_line
1:      subs    r1, r1, #128
        blo     3f
2:      clear_line
        clear_line
        clear_line
        clear_line
        subs    r1, r1, #128
        bhs     2b
3:      adds    r1, r1, #96                     @ what is left, less 32
        bmi     5f
4:      clear_line
        subs    r1, r1, #32
        bpl     4b
5:      adds    r1, r1, #32
        beq     6f
        clear_half_line
6:      drain
        pop     {r4-r8, pc}
