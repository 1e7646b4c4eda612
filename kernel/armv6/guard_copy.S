@ Guarded copies: see guard.h.  An abort between guard_begin and guard_end goes on at guard_fault
@ (vectors.S); these are leaf functions without a frame, so lr is still the way back.
@
@   uint32_t guard_copy_words(void *to, const void *from, uint32_t words)
@   uint32_t guard_copy_bytes(void *to, const void *from, uint32_t bytes)     1 done, 0 aborted
        .syntax unified
        .arm
        .text

        .global guard_begin, guard_end, guard_fault, guard_copy_words, guard_copy_bytes
guard_begin:
guard_copy_words:
        subs    r2, r2, #1
        ldrhs   r3, [r1], #4
        strhs   r3, [r0], #4
        bhs     guard_copy_words
        mov     r0, #1
        bx      lr

guard_copy_bytes:
        subs    r2, r2, #1
        ldrbhs  r3, [r1], #1
        strbhs  r3, [r0], #1
        bhs     guard_copy_bytes
        mov     r0, #1
        bx      lr
guard_end:

guard_fault:
        mov     r0, #0
        bx      lr
