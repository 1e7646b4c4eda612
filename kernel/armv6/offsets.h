/* Numbers that assembly and C must agree on; kernel/armv6/start.c asserts each.
 *
 *   0xff000000  hole, 1 MiB: nothing is mapped here in any address space
 *   0xfff00000  device pages, 4 KiB each, see kernel/armv6/mmu.h
 *   0xfffd1000  never mapped: what overflows the kernel stack faults here
 *   0xfffd2000  kernel stack, 8 KiB
 *   0xffffc000  globals frame, users may read it
 *   0xffff0000  vectors */
#ifndef CAPSCOPE_KERNEL_ARMV6_OFFSETS_H
#define CAPSCOPE_KERNEL_ARMV6_OFFSETS_H

#define KERNEL_STACK_SIZE 0x2000
#define KERNEL_STACK_BASE 0xfffd2000
#define KERNEL_STACK_TOP  (KERNEL_STACK_BASE + KERNEL_STACK_SIZE)
#define GLOBALS_PAGE      0xffffc000
#define VECTORS_PAGE      0xffff0000
#define WINDOW_OFFSET     0x70000000 /* kernel window - physical */

/* struct tcb: address of regs[REG_PC], where sp_svc points while a thread runs; SRS and RFE work
 * there on regs[REG_PC] and regs[REG_CPSR], LDM and STM below it on r0..lr. */
#define TCB_PC         0x8c
#define PC_TO_CPSR     4
#define PC_TO_FAULT_IP 8
#define PC_TO_TPIDRURW 12
#define PC_TO_TPIDRURO 16

/* struct kernel */
#define KERNEL_CURRENT 0x410 /* ks.current */

/* Processor modes (ARM ARM A2.2) */
#define MODE_SVC 0x13
#define MODE_SYS 0x1f

/* Kinds of exception taken in the kernel itself, kernel/armv6/trap.h */
#define TRAP_UNDEFINED 0
#define TRAP_SVC       1
#define TRAP_PREFETCH  2
#define TRAP_DATA      3
#define TRAP_IRQ       4
#define TRAP_FIQ       5
#define TRAP_WORDS     20

#define TRAP_STACK_SIZE 0x2000

#endif
