/* What every thread of a domain executes: it offers the processor to the others.  Its `svc` is where
 * somebody who holds the machine can have it make a system call of theirs. */
    .syntax unified
    .arm
    .section .rodata.spin, "a"
    .balign 4
    .global spin_start, spin_end
spin_start:
    mvn     r7, #6          @ SYS_YIELD
    svc     0
    b       spin_start
spin_end:
