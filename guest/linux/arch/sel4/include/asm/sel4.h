/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seL4 12.0.0 user ABI, as far as this port uses it (written from a description of the ABI), and
 * what the port's files offer each other.
 *
 * Linux is one seL4 thread, the server.  A second one notices interrupts while the server works
 * (kernel/head.S).  What both find at their start is told in asm/sel4-handover.h; with untyped memory of
 * its own the server makes kernel objects itself (kernel/direct.c), without it asks the resource
 * server (kernel/served.c, asm/sel4-resource.h).  The same image does either: sel4_served says which.
 */
#ifndef _ASM_SEL4_SEL4_H
#define _ASM_SEL4_SEL4_H

#ifndef __ASSEMBLY__
#include <linux/types.h>
#include <linux/build_bug.h>
#include <asm/page.h>
#include <asm/sel4-handover.h>
#include <asm/sel4-resource.h>

enum sel4_slot { SLOT_TCB = 1, SLOT_CNODE = 2, SLOT_VSPACE = 3, SLOT_ASID_POOL = 6 };

enum sel4_syscall {
	SYS_SEL4_CALL = -1, SYS_SEL4_REPLY_RECV = -2, SYS_SEL4_SEND = -3, SYS_SEL4_RECV = -5, SYS_SEL4_YIELD = -7,
	SYS_SEL4_NBRECV = -8, SYS_SEL4_DEBUG_NAME_THREAD = -14,
};

enum sel4_label {
	UNTYPED_RETYPE = 1, TCB_READ_REGISTERS = 2, TCB_WRITE_REGISTERS = 3, TCB_SET_PRIORITY = 6, TCB_SET_SPACE = 10,
	TCB_SUSPEND = 11, TCB_RESUME = 12, TCB_SET_TLS_BASE = 15,
	CNODE_REVOKE = 16, CNODE_DELETE = 17, CNODE_COPY = 19, CNODE_MINT = 20,
	IRQ_HANDLER_ACK = 26,
	PAGE_TABLE_MAP = 34, PAGE_TABLE_UNMAP = 35, PAGE_MAP = 36, PAGE_UNMAP = 37, PAGE_UNIFY_INSTRUCTION = 41,
	ASID_POOL_ASSIGN = 44,
};

enum sel4_type { OBJ_UNTYPED, OBJ_TCB, OBJ_CNODE = 4, OBJ_PAGE, OBJ_PAGE_TABLE = 9, OBJ_PAGE_DIRECTORY = 10 };

enum sel4_fault { FAULT_CAP = 1, FAULT_SYSCALL = 2, FAULT_USER = 3, FAULT_VM = 5 };

#define RIGHTS_RW	3
#define RIGHTS_R	2
#define RIGHTS_ALL	15
#define RIGHTS_CALL	9	/* write and grant-reply: of an endpoint for faults */
#define ATTR_CACHED	3
#define ATTR_NO_EXEC	4

/* capscope's own: users of the directory may execute the helpers that ARM Linux keeps at 0xffff0f60 */
#define ASSIGN_WITH_USER_HELPERS	0x68656c70

struct sel4_regs {
	unsigned long badge, tag, mr[4];
};

static __always_inline struct sel4_regs sel4_trap(int number, unsigned long r0_, unsigned long r1_, unsigned long w0,
						   unsigned long w1, unsigned long w2, unsigned long w3)
{
	register unsigned long r0 asm("r0") = r0_;
	register unsigned long r1 asm("r1") = r1_;
	register unsigned long r2 asm("r2") = w0;
	register unsigned long r3 asm("r3") = w1;
	register unsigned long r4 asm("r4") = w2;
	register unsigned long r5 asm("r5") = w3;
	register long r7 asm("r7") = number;
	asm volatile("svc 0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5) : "r"(r7) : "memory");
	return (struct sel4_regs){ r0, r1, { r2, r3, r4, r5 } };
}

extern unsigned long *sel4_ipc_buffer;		/* tag, then message words */
#define sel4_msg(i)	sel4_ipc_buffer[1 + (i)]
#define sel4_cap_arg(i)	sel4_ipc_buffer[122 + (i)]
#define sel4_tag(label, caps, words)	((unsigned long)(label) << 12 | (caps) << 7 | (words))
#define sel4_label(tag)			((tag) >> 12)

/* --- what Linux wants of seL4, kernel/direct.c or kernel/served.c --------------------------------- */

/* Counted by kind, for /proc/sel4: what a row of measurements needs. */
enum sel4_count {
	COUNT_MAP, COUNT_UNMAP, COUNT_PROTECT, COUNT_OBJECT, COUNT_FREE, COUNT_SPACE, COUNT_REGISTERS, COUNT_OTHER,
	COUNT_INVOCATIONS,	/* of all these: the server's system calls */
	COUNT_FAULTS, COUNT_SYSCALLS, COUNT_HELPERS,
	COUNT_LOST,		/* mappings that were noted and not there */
	COUNT_KINDS,
};
extern unsigned long sel4_counts[COUNT_KINDS];

extern bool sel4_served;
extern bool sel4_names;	/* the kernel below names threads */

/* Spaces, tables, threads and mappings are numbers that mean something to the variant only; 0: none. */
/* The badge is that of its threads' messages: faults, and whatever else they send. */
unsigned long sel4_space_new(unsigned long *badge);
void sel4_space_free(unsigned long space);
unsigned long sel4_table_new(unsigned long space, unsigned long addr);
void sel4_table_free(unsigned long table);
unsigned long sel4_page_map(unsigned long space, unsigned long table, unsigned long addr, unsigned long pfn,
			    unsigned long rights);
/* An entry of Linux's tables with a page behind it, and access. */
#define pte_can_be_read(p)	((pte_val(p) & (_PAGE_PRESENT | _PAGE_NONE)) == _PAGE_PRESENT && pfn_valid(pte_pfn(p)))
/* Of `count` pages from addr on those that Linux's entries allow to be read and that are not mapped yet, all
 * at once since their number is what a page fault costs: mapping and entry are set.  Returns how many. */
unsigned int sel4_pages_map(unsigned long space, unsigned long table, unsigned long addr, const pte_t *ptes,
			    u16 *mapping, u32 *entry, unsigned int count);
void sel4_page_unmap(unsigned long mapping, unsigned long pfn);
/* After their table was freed: of its 256 pages those `count` that were mapped. */
void sel4_pages_gone(u16 *mapping, const u32 *entry, unsigned int count);
#define SEL4_ENTRY_WRITE	(1u << 31)	/* of an entry; the rest is the page's number */
#define SEL4_ENTRY_PFN		(SEL4_ENTRY_WRITE - 1)
int sel4_page_protect(unsigned long mapping, unsigned long space, unsigned long addr, unsigned long rights);
void sel4_page_unify(unsigned long mapping);	/* what was written there is executed next */
unsigned long sel4_thread_new(void);
void sel4_thread_free(unsigned long thread);	/* it is suspended */
int sel4_thread_space(unsigned long thread, unsigned long space);
/* WriteRegisters with the message's first two words in place: count, words 2.. are set */
int sel4_thread_write(unsigned long thread, unsigned long count, const unsigned long *regs);
int sel4_thread_read(unsigned long thread, unsigned long count, unsigned long *regs);
int sel4_thread_suspend(unsigned long thread);
int sel4_thread_resume(unsigned long thread);
int sel4_thread_tls(unsigned long thread, unsigned long base);
void sel4_thread_name(unsigned long thread, const char *name, int number);
#define SEL4_OWN_SPACE	(~0UL)			/* the server's own */

#define SEL4_VARIANT(prefix)										\
	unsigned long prefix##_space_new(unsigned long *badge);						\
	void prefix##_space_free(unsigned long space);							\
	unsigned long prefix##_table_new(unsigned long space, unsigned long addr);			\
	void prefix##_table_free(unsigned long table);							\
	unsigned long prefix##_page_map(unsigned long space, unsigned long table, unsigned long addr,	\
					unsigned long pfn, unsigned long rights);			\
	unsigned int prefix##_pages_map(unsigned long space, unsigned long table, unsigned long addr,	\
					const pte_t *ptes, u16 *mapping, u32 *entry, unsigned int count); \
	void prefix##_page_unmap(unsigned long mapping, unsigned long pfn);				\
	void prefix##_pages_gone(u16 *mapping, const u32 *entry, unsigned int count);			\
	int prefix##_page_protect(unsigned long mapping, unsigned long space, unsigned long addr, unsigned long rights); \
	void prefix##_page_unify(unsigned long mapping);						\
	unsigned long prefix##_thread_new(void);							\
	void prefix##_thread_free(unsigned long thread);						\
	int prefix##_thread_space(unsigned long thread, unsigned long space);				\
	int prefix##_thread_write(unsigned long thread, unsigned long count, const unsigned long *regs);	\
	int prefix##_thread_read(unsigned long thread, unsigned long count, unsigned long *regs);	\
	int prefix##_thread_suspend(unsigned long thread);						\
	int prefix##_thread_resume(unsigned long thread);						\
	int prefix##_thread_tls(unsigned long thread, unsigned long base);				\
	void prefix##_thread_name(unsigned long thread, const char *text);				\
	void prefix##_start(const struct boot_info *bi);	/* finds memory, maps what is to be Linux's */	\
	void prefix##_show(struct seq_file *m);
struct boot_info;
struct seq_file;
SEL4_VARIANT(direct)
SEL4_VARIANT(served)

/* --- start: kernel/start.c ------------------------------------------------------------------------ */

struct boot_info {
	u32 extra_len, node_id, nodes, iopt_levels, ipc_buffer;
	u32 empty[2], shared[2], image_frames[2], image_paging[2], io_spaces[2], extra_pages[2];
	u32 cnode_bits, domain, untyped[2];
	struct { u32 paddr; u8 bits, device, pad[2]; } list[230];
};

extern const struct handover *sel4_given;
extern unsigned long sel4_lowmem, sel4_lowmem_end, sel4_image_end;
#define SEL4_RAM_LEAST	(12UL << 20)
#define SEL4_RAM_MOST	(32UL << 20)
#define SEL4_IMAGE_MOST	(16UL << 20)
/* Before Linux has a console: one sentence on its line, then off. */
void __noreturn sel4_refuse(const char *sentence, unsigned long number);
/* one whose failure means that the port is wrong, or the resource server refused */
void sel4_must(int error, const char *what);
void __noreturn sel4_power_off(unsigned long status);
void sel4_check_initramfs(void);	/* refuses one that is broken */

/* --- interrupts: kernel/irq.c --------------------------------------------------------------------- */

enum { DEVICE_TIMER, DEVICE_CONSOLE };	/* numbers of the handover's devices */
#define DEVICE_BASE(i)	(HANDOVER_DEVICES_VADDR + (i) * 0x1000UL)
void sel4_console_put(char c);

/* --- user code: kernel/user.c, shadow.c ----------------------------------------------------------- */

struct mm_struct;
struct task_struct;
struct pt_regs;
pte_t *sel4_find_pte(struct mm_struct *mm, unsigned long addr);
enum sel4_shadow { SHADOW_REFUSED, SHADOW_DONE, SHADOW_NO_MEMORY };	/* refused: by Linux's tables */
enum sel4_shadow sel4_shadow(struct mm_struct *mm, unsigned long addr, bool write, bool missed);
void sel4_unify(struct mm_struct *mm, unsigned long start, unsigned long end);
unsigned long sel4_space_of(struct mm_struct *mm);
int sel4_fault_in(unsigned long addr, bool write, bool exec, bool user);
void sel4_read_user_registers(void);
void __noreturn sel4_user_loop(void);
void sel4_do_syscall(struct pt_regs *regs, unsigned long nr);
bool sel4_do_signals(struct pt_regs *regs, bool in_syscall);
long sel4_sigreturn(struct pt_regs *regs, bool rt);
void sel4_stop_user(struct task_struct *t);
void sel4_halt_user(struct task_struct *t);
void sel4_free_tcb(struct task_struct *t);
void sel4_name_user(struct task_struct *t);
#endif
#endif
