/* System calls and invocations as inline stubs (ABI sheet 1 and 3).
 *
 * Every stub takes capability addresses and words as the sheet names them and returns the error
 * label (enum syscall_error); where the words of an answer matter, fill a struct invocation and
 * call user_invoke().  The IPC buffer is the one set by user_set_ipc_buffer().
 *
 * This is the reference for user-level code: each stub marshals exactly what the sheet says, checks
 * nothing itself and leaves every refusal to the kernel. */
#ifndef CAPSCOPE_USER_LIB_SYSCALLS_H
#define CAPSCOPE_USER_LIB_SYSCALLS_H

#include "abi/bootinfo.h"
#include "abi/syscall.h"

struct ipc_regs {
    word_t badge; /* r0: capability in, badge out */
    word_t tag;   /* r1 */
    word_t mr[MSG_REGISTERS];
};

/* The trap: r0..r5 in and out, r7 the number. */
static inline struct ipc_regs syscall_raw(enum syscall_number number, struct ipc_regs in)
{
    register word_t r0 __asm__("r0") = in.badge;
    register word_t r1 __asm__("r1") = in.tag;
    register word_t r2 __asm__("r2") = in.mr[0];
    register word_t r3 __asm__("r3") = in.mr[1];
    register word_t r4 __asm__("r4") = in.mr[2];
    register word_t r5 __asm__("r5") = in.mr[3];
    register word_t r7 __asm__("r7") = (word_t)number;
    __asm__ volatile("svc 0"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5)
                     : "r"(r7)
                     : "memory");
    return (struct ipc_regs){r0, r1, {r2, r3, r4, r5}};
}

/* The IPC buffer of the calling thread as words; each thread finds its own through word 0 of the
 * globals frame (ABI sheet 7.3), which user_set_ipc_buffer() sets. */
static inline word_t *user_ipc_buffer(void)
{
    return *(word_t *volatile *)GLOBALS_FRAME;
}

static inline void user_set_ipc_buffer(void *buffer)
{
    syscall_raw(SYS_SET_TLS_BASE, (struct ipc_regs){.badge = (word_t)buffer});
}

static inline void debug_put_char(char c)
{
    syscall_raw(SYS_DEBUG_PUT_CHAR, (struct ipc_regs){.badge = (word_t)(uint8_t)c});
}

static inline void user_yield(void)
{
    syscall_raw(SYS_YIELD, (struct ipc_regs){0});
}

static inline word_t debug_cap_identify(cptr_t cap)
{
    return syscall_raw(SYS_DEBUG_CAP_IDENTIFY, (struct ipc_regs){.badge = cap}).badge;
}

/* Names a thread; the string travels in the IPC buffer, cut to USER_NAME_MAX characters. */
enum { USER_NAME_MAX = 167 };
void debug_name_thread(cptr_t tcb, const char *name);

/* Call with up to 16 words and three capabilities; the answer's words come back in `mr`. */
enum { INVOKE_WORDS = 24 };
struct invocation {
    cptr_t cap;
    word_t label;
    word_t words; /* how many of mr are sent */
    word_t mr[INVOKE_WORDS];
    word_t caps; /* how many of cap_args are sent */
    cptr_t cap_args[MSG_MAX_EXTRA_CAPS];
    word_t badge; /* out: r0 */
    word_t tag;   /* out: r1 */
};
/* Returns the label of the answer. */
enum syscall_error user_invoke(struct invocation *i);

/* The order of registers in Read- and WriteRegisters (ABI sheet 7.2). */
enum user_context {
    CONTEXT_PC,
    CONTEXT_SP,
    CONTEXT_CPSR,
    CONTEXT_R0,
    CONTEXT_R1,
    CONTEXT_R8,
    CONTEXT_R9,
    CONTEXT_R10,
    CONTEXT_R11,
    CONTEXT_R12,
    CONTEXT_R2,
    CONTEXT_R3,
    CONTEXT_R4,
    CONTEXT_R5,
    CONTEXT_R6,
    CONTEXT_R7,
    CONTEXT_R14,
    CONTEXT_TPIDRURW,
    CONTEXT_TPIDRURO,
    CONTEXT_WORDS
};

/* CNode_Rotate: the pivot moves to the destination, the source to the pivot's place. */
struct rotation {
    word_t index, depth; /* destination */
    word_t pivot_data;
    cptr_t pivot_root;
    word_t pivot_index, pivot_depth;
    word_t src_data;
    cptr_t src_root;
    word_t src_index, src_depth;
};

/* Invocations, arguments in the order of the sheet. */
enum syscall_error untyped_retype(cptr_t untyped, word_t type, word_t size_bits, cptr_t root,
                                  word_t index, word_t depth, word_t offset, word_t count);
enum syscall_error cnode_copy(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                              word_t src_index, word_t src_depth, word_t rights);
enum syscall_error cnode_mint(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                              word_t src_index, word_t src_depth, word_t rights, word_t data);
enum syscall_error cnode_move(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                              word_t src_index, word_t src_depth);
enum syscall_error cnode_mutate(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                                word_t src_index, word_t src_depth, word_t data);
enum syscall_error cnode_delete(cptr_t root, word_t index, word_t depth);
enum syscall_error cnode_revoke(cptr_t root, word_t index, word_t depth);
enum syscall_error cnode_save_caller(cptr_t root, word_t index, word_t depth);
enum syscall_error cnode_rotate(cptr_t root, const struct rotation *r);
enum syscall_error cnode_cancel_badged_sends(cptr_t root, word_t index, word_t depth);
enum syscall_error tcb_configure(cptr_t tcb, cptr_t fault_ep, cptr_t cspace, word_t cspace_data,
                                 cptr_t vspace, vaddr_t buffer, cptr_t buffer_frame);
enum syscall_error tcb_set_space(cptr_t tcb, cptr_t fault_ep, cptr_t cspace, word_t cspace_data,
                                 cptr_t vspace);
enum syscall_error tcb_set_ipc_buffer(cptr_t tcb, vaddr_t buffer, cptr_t frame);
enum syscall_error tcb_set_mcpriority(cptr_t tcb, cptr_t authority, word_t mcp);
/* `regs` in the order of enum user_context */
enum syscall_error tcb_read_registers(cptr_t tcb, bool suspend, word_t count, word_t *regs);
enum syscall_error tcb_write_registers(cptr_t tcb, bool resume, word_t count, const word_t *regs);
enum syscall_error tcb_copy_registers(cptr_t tcb, cptr_t source, word_t flags);
enum syscall_error tcb_set_priority(cptr_t tcb, cptr_t authority, word_t priority);
enum syscall_error tcb_set_sched_params(cptr_t tcb, cptr_t authority, word_t mcp, word_t priority);
/* Sets pc, sp and r0..r3, leaves the rest 0, and resumes if asked. */
enum syscall_error tcb_start(cptr_t tcb, bool resume, vaddr_t pc, vaddr_t sp, const word_t args[4]);
enum syscall_error tcb_suspend(cptr_t tcb);
enum syscall_error tcb_resume(cptr_t tcb);
enum syscall_error tcb_set_tls_base(cptr_t tcb, word_t base);
enum syscall_error tcb_bind_notification(cptr_t tcb, cptr_t notification);
enum syscall_error tcb_unbind_notification(cptr_t tcb);
enum syscall_error domain_set(cptr_t control, word_t domain, cptr_t tcb);
enum syscall_error page_table_unmap(cptr_t table);
/* The cache operations of pages and page directories, by label: bytes [start, end). */
enum syscall_error cache_operation(cptr_t cap, enum invocation_label op, word_t start, word_t end);
paddr_t page_get_address(cptr_t page);
enum syscall_error page_table_map(cptr_t table, cptr_t pd, vaddr_t vaddr, word_t attributes);
enum syscall_error page_map(cptr_t page, cptr_t pd, vaddr_t vaddr, word_t rights,
                            word_t attributes);
enum syscall_error page_unmap(cptr_t page);
enum syscall_error asid_control_make_pool(cptr_t control, cptr_t untyped, cptr_t root, word_t index,
                                          word_t depth);
enum syscall_error asid_pool_assign(cptr_t pool, cptr_t pd);
enum syscall_error asid_pool_assign_with_helpers(cptr_t pool, cptr_t pd); /* kernel-api.md */
enum syscall_error irq_control_get(cptr_t control, word_t irq, cptr_t root, word_t index,
                                   word_t depth);
enum syscall_error irq_handler_ack(cptr_t handler);
enum syscall_error irq_handler_set_notification(cptr_t handler, cptr_t notification);
enum syscall_error irq_handler_clear(cptr_t handler);

/* IPC with up to four words. */
static inline struct ipc_regs ipc_call(cptr_t ep, word_t tag, const word_t mr[4])
{
    return syscall_raw(SYS_CALL, (struct ipc_regs){ep, tag, {mr[0], mr[1], mr[2], mr[3]}});
}

static inline struct ipc_regs ipc_recv(cptr_t ep)
{
    return syscall_raw(SYS_RECV, (struct ipc_regs){.badge = ep});
}

static inline struct ipc_regs ipc_reply_recv(cptr_t ep, word_t tag, const word_t mr[4])
{
    return syscall_raw(SYS_REPLY_RECV, (struct ipc_regs){ep, tag, {mr[0], mr[1], mr[2], mr[3]}});
}

static inline void ipc_send(cptr_t ep, word_t tag, const word_t mr[4])
{
    syscall_raw(SYS_SEND, (struct ipc_regs){ep, tag, {mr[0], mr[1], mr[2], mr[3]}});
}

static inline struct ipc_regs ipc_nbrecv(cptr_t ep)
{
    return syscall_raw(SYS_NBRECV, (struct ipc_regs){.badge = ep});
}

static inline void ipc_nbsend(cptr_t ep, word_t tag, const word_t mr[4])
{
    syscall_raw(SYS_NBSEND, (struct ipc_regs){ep, tag, {mr[0], mr[1], mr[2], mr[3]}});
}

static inline void ipc_reply(word_t tag, const word_t mr[4])
{
    syscall_raw(SYS_REPLY, (struct ipc_regs){0, tag, {mr[0], mr[1], mr[2], mr[3]}});
}

static inline word_t notification_poll(cptr_t notification)
{
    return syscall_raw(SYS_NBRECV, (struct ipc_regs){.badge = notification}).badge;
}

static inline void notification_signal(cptr_t notification)
{
    syscall_raw(SYS_SEND, (struct ipc_regs){.badge = notification});
}

static inline word_t notification_wait(cptr_t notification)
{
    return syscall_raw(SYS_RECV, (struct ipc_regs){.badge = notification}).badge;
}

#endif
