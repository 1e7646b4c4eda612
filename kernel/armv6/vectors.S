@ Exceptions: in, to the C entry points of kernel/syscall.h, and out again.
@
@ While a thread runs, sp_svc points at regs[REG_PC] of its TCB, so that entry needs no scratch
@ register: SRS stores the return state there, STM the user registers below it.  The other modes
@ keep no stack; they use their banked sp as a scratch register and go to supervisor mode.  The
@ idle thread is a thread in system mode, which shares the user registers, so it needs no case of
@ its own.  Interrupts stay off in the kernel.
@
@ Exceptions taken in the kernel itself are our own bug (kernel/armv6/trap.c), but for data aborts
@ in kernel/armv6/guard_copy.S, which go on at guard_fault, and for the debugger's breakpoints.
#include "kernel/armv6/offsets.h"
#include "vectors_door.h"

        .syntax unified
        .arm

        .section .vectors, "ax"
        .global armv6_vectors
armv6_vectors:
        ldr     pc, =trap_reset
        VECTOR_UNDEFINED
        ldr     pc, =enter_svc
        VECTOR_PREFETCH
        VECTOR_DATA
        ldr     pc, =trap_reset
        ldr     pc, =enter_irq
        ldr     pc, =enter_fiq
        .ltorg

        .text
        .cfi_sections .debug_frame              @ for gdb: nothing called what stands here
        .cfi_startproc
        .cfi_undefined lr

@ The common part of entry: user registers and thread ID register into the TCB, kernel stack.
@ TPIDRURW (CP15 c13,c0,2) is user-writable, so it belongs to the thread: kept across switches, it
@ carries nothing from one thread to another (ABI sheet 7.3 allows it).
        .macro  save_user
        stmdb   sp, {r0-lr}^
        mrc     p15, 0, r8, c13, c0, 2
        str     r8, [sp, #PC_TO_TPIDRURW]
        .endm

        .macro  from_kernel kind, handler
        mrs     sp, spsr
        tst     sp, #0xf                        @ user mode is 0x10
        bne     \handler
        .endm

@ r0, r1 and r7 are still the thread's: Call (-1), ReplyRecv (-2) and what is no call of this
@ kernel's (0 and above) begin on their short ways.
enter_svc:
        srsia   sp, #MODE_SVC
        save_user
        sub     lr, lr, #4
        str     lr, [sp, #PC_TO_FAULT_IP]
        ldr     sp, =KERNEL_STACK_TOP
        ldr     lr, =return_to
        cmn     r7, #1
        beq     fastpath_call
        cmn     r7, #2
        beq     fastpath_reply_recv
        movs    r0, r7
        bpl     fastpath_foreign_syscall
        b       syscall_slow

enter_irq:
        sub     lr, lr, #4
        srsia   sp, #MODE_SVC
        cps     #MODE_SVC
        save_user
        ldr     sp, =KERNEL_STACK_TOP
        ldr     lr, =return_to
        b       kernel_enter_irq

        .global enter_undefined, enter_prefetch, enter_data
enter_undefined:
        sub     lr, lr, #4
        from_kernel TRAP_UNDEFINED, trap_undefined
        srsia   sp, #MODE_SVC
        cps     #MODE_SVC
        save_user
        ldr     sp, =KERNEL_STACK_TOP
        bl      kernel_enter_undefined
        b       return_to

@ The fault status is the low 14 bits of the register (ABI sheet 7.5).  A prefetch abort's address
@ is its pc: the fault address register is not set by BKPT.
enter_prefetch:
        sub     lr, lr, #4
        from_kernel TRAP_PREFETCH, trap_prefetch
        srsia   sp, #MODE_SVC
        cps     #MODE_SVC
        save_user
        ldr     r0, [sp]
        ldr     sp, =KERNEL_STACK_TOP
        mrc     p15, 0, r1, c5, c0, 1           @ IFSR
        lsl     r1, r1, #18
        lsr     r1, r1, #18
        bl      kernel_enter_prefetch_abort
        b       return_to

enter_data:
        sub     lr, lr, #8
        from_kernel TRAP_DATA, data_abort_in_kernel
        srsia   sp, #MODE_SVC
        cps     #MODE_SVC
        save_user
        ldr     sp, =KERNEL_STACK_TOP
        mrc     p15, 0, r0, c6, c0, 0           @ FAR
        mrc     p15, 0, r1, c5, c0, 0           @ DFSR
        lsl     r1, r1, #18
        lsr     r1, r1, #18
        bl      kernel_enter_data_abort

@ Out: to the thread in r0.  Every way back to user mode passes here (ABI sheet 7.3: globals frame
@ and thread ID registers follow the thread).  The exclusive monitor is cleared for whoever runs.
return_to:
        add     sp, r0, #TCB_PC
        ldrd    r2, r3, [sp, #PC_TO_TPIDRURW]   @ and TPIDRURO behind it
        ldr     r1, =GLOBALS_PAGE
        mcr     p15, 0, r2, c13, c0, 2
        mcr     p15, 0, r3, c13, c0, 3
        str     r2, [r1]
        clrex
        ldmdb   sp, {r0-lr}^
        rfeia   sp

        .global arch_return                     @ to the current thread
arch_return:
        ldr     r0, =ks + KERNEL_CURRENT
        ldr     r0, [r0]
        b       return_to
        .ltorg

@ --- exceptions in the kernel -----------------------------------------------------------------
@ lr is the pc of the instruction, sp is scratch.

data_abort_in_kernel:
        ldr     sp, =guard_begin
        cmp     lr, sp
        blo     trap_data
        ldr     sp, =guard_end
        cmp     lr, sp
        bhs     trap_data
        ldr     lr, =guard_fault
        movs    pc, lr                          @ flags and mode come back from spsr

trap_reset:
        mov     lr, #0
enter_fiq:
        ldr     sp, =trap_frame
        stmia   sp, {r0-r12}
        mov     r0, #TRAP_FIQ
        b       trap_common
trap_undefined:
        ldr     sp, =trap_frame
        stmia   sp, {r0-r12}
        mov     r0, #TRAP_UNDEFINED
        b       trap_common
trap_prefetch:
        ldr     sp, =trap_frame
        stmia   sp, {r0-r12}
        mov     r0, #TRAP_PREFETCH
        b       trap_common
trap_data:
        ldr     sp, =trap_frame
        stmia   sp, {r0-r12}
        mov     r0, #TRAP_DATA

@ The kernel's stack stays as it was, for a backtrace and to go on after a breakpoint; what follows
@ runs on a stack of its own, which an overflow of the kernel's needs anyway.
trap_common:
        ldr     r1, =trap_frame
        mov     r2, lr
        mrs     r3, spsr
        cps     #MODE_SVC
        str     sp, [r1, #52]
        str     lr, [r1, #56]
        str     r2, [r1, #60]
        str     r3, [r1, #64]
        and     r4, r3, #0x1f
        cmp     r4, #MODE_SYS                   @ the idle thread has a stack pointer of its own
        addeq   r5, r1, #52
        stmiaeq r5, {sp, lr}^
        mrc     p15, 0, r2, c6, c0, 0
        mrc     p15, 0, r3, c5, c0, 0
        mrc     p15, 0, r4, c5, c0, 1
        str     r2, [r1, #68]
        str     r3, [r1, #72]
        str     r4, [r1, #76]
        ldr     r2, =trap_stack
        sub     r3, sp, r2                      @ an exception of the debugger's goes on below it
        cmp     r3, #TRAP_STACK_SIZE
        ldrhi   sp, =trap_stack_top
        bicls   sp, sp, #7
        b       trap_report
        .ltorg

        .cfi_endproc

@ The idle thread: system mode, interrupts on.  Any interrupt ends the wait and the loop.
        .section .text.arch_idle, "ax"
        .global arch_idle
arch_idle:
        mov     r0, #0
1:      mcr     p15, 0, r0, c7, c10, 4          @ drain write buffer
        mcr     p15, 0, r0, c7, c0, 4           @ wait for interrupt
        b       1b

        .bss
        .balign 8
        .global trap_stack_top
trap_stack:
        .space  TRAP_STACK_SIZE
trap_stack_top:
