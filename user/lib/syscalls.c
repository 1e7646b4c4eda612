/* Invocations: puts words and capabilities where the sheet wants them and calls (ABI sheet 1.4, 3).
 */
#include "user/lib/syscalls.h"

void debug_name_thread(cptr_t tcb, const char *name)
{
    char *to = (char *)(user_ipc_buffer() + IPCBUF_MSG);
    word_t i = 0;
    for (; i < USER_NAME_MAX && name[i]; i++)
        to[i] = name[i];
    to[i] = 0;
    syscall_raw(SYS_DEBUG_NAME_THREAD, (struct ipc_regs){.badge = tcb});
}

enum syscall_error user_invoke(struct invocation *v)
{
    word_t *buffer = user_ipc_buffer();
    for (word_t i = MSG_REGISTERS; i < v->words; i++)
        buffer[IPCBUF_MSG + i] = v->mr[i];
    for (word_t i = 0; i < v->caps; i++)
        buffer[IPCBUF_CAPS + i] = v->cap_args[i];
    struct ipc_regs r = {v->cap,
                         msginfo_make(v->label, 0, v->caps, v->words),
                         {v->mr[0], v->mr[1], v->mr[2], v->mr[3]}};
    r = syscall_raw(SYS_CALL, r);
    v->badge = r.badge;
    v->tag = r.tag;
    word_t length = msginfo_length(r.tag);
    for (word_t i = 0; i < MSG_REGISTERS; i++)
        v->mr[i] = r.mr[i];
    for (word_t i = MSG_REGISTERS; i < length && i < INVOKE_WORDS; i++)
        v->mr[i] = buffer[IPCBUF_MSG + i];
    return (enum syscall_error)msginfo_label(r.tag);
}

enum syscall_error untyped_retype(cptr_t untyped, word_t type, word_t size_bits, cptr_t root,
                                  word_t index, word_t depth, word_t offset, word_t count)
{
    return user_invoke(&(struct invocation){untyped,
                                            INV_UNTYPED_RETYPE,
                                            6,
                                            {type, size_bits, index, depth, offset, count},
                                            1,
                                            {root},
                                            0,
                                            0});
}

enum syscall_error cnode_copy(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                              word_t src_index, word_t src_depth, word_t rights)
{
    return user_invoke(&(struct invocation){root,
                                            INV_CNODE_COPY,
                                            5,
                                            {index, depth, src_index, src_depth, rights},
                                            1,
                                            {src_root},
                                            0,
                                            0});
}

enum syscall_error cnode_mint(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                              word_t src_index, word_t src_depth, word_t rights, word_t data)
{
    return user_invoke(&(struct invocation){root,
                                            INV_CNODE_MINT,
                                            6,
                                            {index, depth, src_index, src_depth, rights, data},
                                            1,
                                            {src_root},
                                            0,
                                            0});
}

enum syscall_error cnode_move(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                              word_t src_index, word_t src_depth)
{
    return user_invoke(&(struct invocation){
        root, INV_CNODE_MOVE, 4, {index, depth, src_index, src_depth}, 1, {src_root}, 0, 0});
}

enum syscall_error cnode_mutate(cptr_t root, word_t index, word_t depth, cptr_t src_root,
                                word_t src_index, word_t src_depth, word_t data)
{
    return user_invoke(&(struct invocation){root,
                                            INV_CNODE_MUTATE,
                                            5,
                                            {index, depth, src_index, src_depth, data},
                                            1,
                                            {src_root},
                                            0,
                                            0});
}

enum syscall_error cnode_delete(cptr_t root, word_t index, word_t depth)
{
    return user_invoke(
        &(struct invocation){root, INV_CNODE_DELETE, 2, {index, depth}, 0, {0}, 0, 0});
}

enum syscall_error cnode_revoke(cptr_t root, word_t index, word_t depth)
{
    return user_invoke(
        &(struct invocation){root, INV_CNODE_REVOKE, 2, {index, depth}, 0, {0}, 0, 0});
}

enum syscall_error cnode_save_caller(cptr_t root, word_t index, word_t depth)
{
    return user_invoke(
        &(struct invocation){root, INV_CNODE_SAVE_CALLER, 2, {index, depth}, 0, {0}, 0, 0});
}

enum syscall_error tcb_configure(cptr_t tcb, cptr_t fault_ep, cptr_t cspace, word_t cspace_data,
                                 cptr_t vspace, vaddr_t buffer, cptr_t buffer_frame)
{
    return user_invoke(&(struct invocation){tcb,
                                            INV_TCB_CONFIGURE,
                                            4,
                                            {fault_ep, cspace_data, 0, buffer},
                                            3,
                                            {cspace, vspace, buffer_frame},
                                            0,
                                            0});
}

enum syscall_error tcb_set_priority(cptr_t tcb, cptr_t authority, word_t priority)
{
    return user_invoke(
        &(struct invocation){tcb, INV_TCB_SET_PRIORITY, 1, {priority}, 1, {authority}, 0, 0});
}

enum syscall_error tcb_set_sched_params(cptr_t tcb, cptr_t authority, word_t mcp, word_t priority)
{
    return user_invoke(&(struct invocation){
        tcb, INV_TCB_SET_SCHED_PARAMS, 2, {mcp, priority}, 1, {authority}, 0, 0});
}

enum syscall_error tcb_start(cptr_t tcb, bool resume, vaddr_t pc, vaddr_t sp, const word_t args[4])
{
    /* the order of ABI sheet 7.2: pc sp cpsr r0 r1 r8-r12 | r2.., without the last two, so that the
     * TLS base stays */
    return user_invoke(&(struct invocation){
        tcb,
        INV_TCB_WRITE_REGISTERS,
        19,
        {resume, 17, pc, sp, 0, args[0], args[1], 0, 0, 0, 0, 0, args[2], args[3]},
        0,
        {0},
        0,
        0});
}

enum syscall_error tcb_suspend(cptr_t tcb)
{
    return user_invoke(&(struct invocation){tcb, INV_TCB_SUSPEND, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error tcb_resume(cptr_t tcb)
{
    return user_invoke(&(struct invocation){tcb, INV_TCB_RESUME, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error tcb_set_tls_base(cptr_t tcb, word_t base)
{
    return user_invoke(&(struct invocation){tcb, INV_TCB_SET_TLS_BASE, 1, {base}, 0, {0}, 0, 0});
}

enum syscall_error tcb_bind_notification(cptr_t tcb, cptr_t notification)
{
    return user_invoke(
        &(struct invocation){tcb, INV_TCB_BIND_NOTIFICATION, 0, {0}, 1, {notification}, 0, 0});
}

enum syscall_error page_table_map(cptr_t table, cptr_t pd, vaddr_t vaddr, word_t attributes)
{
    return user_invoke(
        &(struct invocation){table, INV_PAGE_TABLE_MAP, 2, {vaddr, attributes}, 1, {pd}, 0, 0});
}

enum syscall_error page_map(cptr_t page, cptr_t pd, vaddr_t vaddr, word_t rights, word_t attributes)
{
    return user_invoke(
        &(struct invocation){page, INV_PAGE_MAP, 3, {vaddr, rights, attributes}, 1, {pd}, 0, 0});
}

enum syscall_error page_unmap(cptr_t page)
{
    return user_invoke(&(struct invocation){page, INV_PAGE_UNMAP, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error asid_control_make_pool(cptr_t control, cptr_t untyped, cptr_t root, word_t index,
                                          word_t depth)
{
    return user_invoke(&(struct invocation){
        control, INV_ASID_CONTROL_MAKE_POOL, 2, {index, depth}, 2, {untyped, root}, 0, 0});
}

enum syscall_error asid_pool_assign(cptr_t pool, cptr_t pd)
{
    return user_invoke(&(struct invocation){pool, INV_ASID_POOL_ASSIGN, 0, {0}, 1, {pd}, 0, 0});
}

enum syscall_error asid_pool_assign_with_helpers(cptr_t pool, cptr_t pd)
{
    return user_invoke(&(struct invocation){
        pool, INV_ASID_POOL_ASSIGN, 1, {ASSIGN_WITH_USER_HELPERS}, 1, {pd}, 0, 0});
}

enum syscall_error irq_control_get(cptr_t control, word_t irq, cptr_t root, word_t index,
                                   word_t depth)
{
    return user_invoke(&(struct invocation){
        control, INV_IRQ_CONTROL_GET, 3, {irq, index, depth}, 1, {root}, 0, 0});
}

enum syscall_error irq_handler_ack(cptr_t handler)
{
    return user_invoke(&(struct invocation){handler, INV_IRQ_HANDLER_ACK, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error irq_handler_set_notification(cptr_t handler, cptr_t notification)
{
    return user_invoke(&(struct invocation){
        handler, INV_IRQ_HANDLER_SET_NOTIFICATION, 0, {0}, 1, {notification}, 0, 0});
}

enum syscall_error irq_handler_clear(cptr_t handler)
{
    return user_invoke(&(struct invocation){handler, INV_IRQ_HANDLER_CLEAR, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error cnode_rotate(cptr_t root, const struct rotation *r)
{
    return user_invoke(
        &(struct invocation){root,
                             INV_CNODE_ROTATE,
                             8,
                             {r->index, r->depth, r->pivot_data, r->pivot_index, r->pivot_depth,
                              r->src_data, r->src_index, r->src_depth},
                             2,
                             {r->pivot_root, r->src_root},
                             0,
                             0});
}

enum syscall_error cnode_cancel_badged_sends(cptr_t root, word_t index, word_t depth)
{
    return user_invoke(
        &(struct invocation){root, INV_CNODE_CANCEL_BADGED_SENDS, 2, {index, depth}, 0, {0}, 0, 0});
}

enum syscall_error tcb_set_space(cptr_t tcb, cptr_t fault_ep, cptr_t cspace, word_t cspace_data,
                                 cptr_t vspace)
{
    return user_invoke(&(struct invocation){
        tcb, INV_TCB_SET_SPACE, 3, {fault_ep, cspace_data, 0}, 2, {cspace, vspace}, 0, 0});
}

enum syscall_error tcb_set_ipc_buffer(cptr_t tcb, vaddr_t buffer, cptr_t frame)
{
    return user_invoke(
        &(struct invocation){tcb, INV_TCB_SET_IPC_BUFFER, 1, {buffer}, 1, {frame}, 0, 0});
}

enum syscall_error tcb_set_mcpriority(cptr_t tcb, cptr_t authority, word_t mcp)
{
    return user_invoke(
        &(struct invocation){tcb, INV_TCB_SET_MCPRIORITY, 1, {mcp}, 1, {authority}, 0, 0});
}

enum syscall_error tcb_read_registers(cptr_t tcb, bool suspend, word_t count, word_t *regs)
{
    struct invocation v = {tcb, INV_TCB_READ_REGISTERS, 2, {suspend, count}, 0, {0}, 0, 0};
    enum syscall_error e = user_invoke(&v);
    for (word_t i = 0; e == SEL4_NO_ERROR && i < count && i < CONTEXT_WORDS; i++)
        regs[i] = v.mr[i];
    return e;
}

enum syscall_error tcb_write_registers(cptr_t tcb, bool resume, word_t count, const word_t *regs)
{
    struct invocation v = {tcb, INV_TCB_WRITE_REGISTERS, 21, {resume, count}, 0, {0}, 0, 0};
    for (word_t i = 0; i < count && i < CONTEXT_WORDS; i++)
        v.mr[2 + i] = regs[i];
    return user_invoke(&v);
}

enum syscall_error tcb_copy_registers(cptr_t tcb, cptr_t source, word_t flags)
{
    return user_invoke(
        &(struct invocation){tcb, INV_TCB_COPY_REGISTERS, 1, {flags}, 1, {source}, 0, 0});
}

enum syscall_error tcb_unbind_notification(cptr_t tcb)
{
    return user_invoke(
        &(struct invocation){tcb, INV_TCB_UNBIND_NOTIFICATION, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error domain_set(cptr_t control, word_t domain, cptr_t tcb)
{
    return user_invoke(
        &(struct invocation){control, INV_DOMAIN_SET_SET, 1, {domain}, 1, {tcb}, 0, 0});
}

enum syscall_error page_table_unmap(cptr_t table)
{
    return user_invoke(&(struct invocation){table, INV_PAGE_TABLE_UNMAP, 0, {0}, 0, {0}, 0, 0});
}

enum syscall_error cache_operation(cptr_t cap, enum invocation_label op, word_t start, word_t end)
{
    return user_invoke(&(struct invocation){cap, op, 2, {start, end}, 0, {0}, 0, 0});
}

paddr_t page_get_address(cptr_t page)
{
    struct invocation v = {page, INV_PAGE_GET_ADDRESS, 0, {0}, 0, {0}, 0, 0};
    user_invoke(&v);
    return v.mr[0];
}
