/* The user ABI: numbers of system calls, invocations, object types, errors, faults.
 *
 * Facts of seL4 12.0.0 (classic, AArch32 ARMv6, kzm); section numbers are those of the ABI sheet.
 * One X-list each, so that names in traces, monitor and tests come from one place. */
#ifndef CAPSCOPE_ABI_SYSCALL_H
#define CAPSCOPE_ABI_SYSCALL_H

#include "abi/types.h"

/* 1.1: in r7 */
#define SYSCALL_LIST(X)                                                                            \
    X(-1, CALL, "Call")                                                                            \
    X(-2, REPLY_RECV, "ReplyRecv")                                                                 \
    X(-3, SEND, "Send")                                                                            \
    X(-4, NBSEND, "NBSend")                                                                        \
    X(-5, RECV, "Recv")                                                                            \
    X(-6, REPLY, "Reply")                                                                          \
    X(-7, YIELD, "Yield")                                                                          \
    X(-8, NBRECV, "NBRecv")                                                                        \
    X(-9, DEBUG_PUT_CHAR, "DebugPutChar")                                                          \
    X(-10, DEBUG_DUMP_SCHEDULER, "DebugDumpScheduler")                                             \
    X(-11, DEBUG_HALT, "DebugHalt")                                                                \
    X(-12, DEBUG_CAP_IDENTIFY, "DebugCapIdentify")                                                 \
    X(-13, DEBUG_SNAPSHOT, "DebugSnapshot")                                                        \
    X(-14, DEBUG_NAME_THREAD, "DebugNameThread")                                                   \
    X(-29, SET_TLS_BASE, "SetTLSBase")

enum syscall_number {
#define X(value, NAME, text) SYS_##NAME = value,
    SYSCALL_LIST(X)
#undef X
};

/* 1.3: message-info word */
enum {
    MSGINFO_LENGTH_MASK = 0x7f,
    MSGINFO_EXTRA_SHIFT = 7,
    MSGINFO_UNWRAPPED_SHIFT = 9,
    MSGINFO_LABEL_SHIFT = 12,
    MSG_MAX_LENGTH = 120,
    MSG_MAX_EXTRA_CAPS = 3,
    MSG_REGISTERS = 4,
};

static inline word_t msginfo_length(word_t tag)
{
    word_t n = tag & MSGINFO_LENGTH_MASK;
    return n > MSG_MAX_LENGTH ? (word_t)MSG_MAX_LENGTH : n;
}

static inline word_t msginfo_extra(word_t tag)
{
    return (tag >> MSGINFO_EXTRA_SHIFT) & 3;
}

static inline word_t msginfo_label(word_t tag)
{
    return tag >> MSGINFO_LABEL_SHIFT;
}

static inline word_t msginfo_make(word_t label, word_t unwrapped, word_t extra, word_t length)
{
    return (label << MSGINFO_LABEL_SHIFT) | (unwrapped << MSGINFO_UNWRAPPED_SHIFT) |
           (extra << MSGINFO_EXTRA_SHIFT) | length;
}

/* 1.5: word indices in the IPC buffer */
enum {
    IPC_BUFFER_BITS = 9,
    IPCBUF_TAG = 0,
    IPCBUF_MSG = 1,
    IPCBUF_CAPS = 122,
    IPCBUF_RECEIVE_CNODE = 125,
    IPCBUF_RECEIVE_INDEX = 126,
    IPCBUF_RECEIVE_DEPTH = 127,
};

/* 1.8 */
#define SYSCALL_ERROR_LIST(X)                                                                      \
    X(0, NO_ERROR, "no error")                                                                     \
    X(1, INVALID_ARGUMENT, "invalid argument")                                                     \
    X(2, INVALID_CAPABILITY, "invalid capability")                                                 \
    X(3, ILLEGAL_OPERATION, "illegal operation")                                                   \
    X(4, RANGE_ERROR, "out of range")                                                              \
    X(5, ALIGNMENT_ERROR, "misaligned")                                                            \
    X(6, FAILED_LOOKUP, "failed lookup")                                                           \
    X(7, TRUNCATED_MESSAGE, "truncated message")                                                   \
    X(8, DELETE_FIRST, "delete first")                                                             \
    X(9, REVOKE_FIRST, "revoke first")                                                             \
    X(10, NOT_ENOUGH_MEMORY, "not enough memory")

enum syscall_error {
#define X(value, NAME, text) SEL4_##NAME = value,
    SYSCALL_ERROR_LIST(X)
#undef X
};

/* 1.9 */
#define LOOKUP_FAILURE_LIST(X)                                                                     \
    X(0, NONE, "none")                                                                             \
    X(1, INVALID_ROOT, "invalid root")                                                             \
    X(2, MISSING_CAPABILITY, "missing capability")                                                 \
    X(3, DEPTH_MISMATCH, "depth mismatch")                                                         \
    X(4, GUARD_MISMATCH, "guard mismatch")

enum lookup_failure {
#define X(value, NAME, text) LOOKUP_##NAME = value,
    LOOKUP_FAILURE_LIST(X)
#undef X
};

/* 3.1 */
#define INVOCATION_LIST(X)                                                                         \
    X(1, UNTYPED_RETYPE, "Untyped_Retype")                                                         \
    X(2, TCB_READ_REGISTERS, "TCB_ReadRegisters")                                                  \
    X(3, TCB_WRITE_REGISTERS, "TCB_WriteRegisters")                                                \
    X(4, TCB_COPY_REGISTERS, "TCB_CopyRegisters")                                                  \
    X(5, TCB_CONFIGURE, "TCB_Configure")                                                           \
    X(6, TCB_SET_PRIORITY, "TCB_SetPriority")                                                      \
    X(7, TCB_SET_MCPRIORITY, "TCB_SetMCPriority")                                                  \
    X(8, TCB_SET_SCHED_PARAMS, "TCB_SetSchedParams")                                               \
    X(9, TCB_SET_IPC_BUFFER, "TCB_SetIPCBuffer")                                                   \
    X(10, TCB_SET_SPACE, "TCB_SetSpace")                                                           \
    X(11, TCB_SUSPEND, "TCB_Suspend")                                                              \
    X(12, TCB_RESUME, "TCB_Resume")                                                                \
    X(13, TCB_BIND_NOTIFICATION, "TCB_BindNotification")                                           \
    X(14, TCB_UNBIND_NOTIFICATION, "TCB_UnbindNotification")                                       \
    X(15, TCB_SET_TLS_BASE, "TCB_SetTLSBase")                                                      \
    X(16, CNODE_REVOKE, "CNode_Revoke")                                                            \
    X(17, CNODE_DELETE, "CNode_Delete")                                                            \
    X(18, CNODE_CANCEL_BADGED_SENDS, "CNode_CancelBadgedSends")                                    \
    X(19, CNODE_COPY, "CNode_Copy")                                                                \
    X(20, CNODE_MINT, "CNode_Mint")                                                                \
    X(21, CNODE_MOVE, "CNode_Move")                                                                \
    X(22, CNODE_MUTATE, "CNode_Mutate")                                                            \
    X(23, CNODE_ROTATE, "CNode_Rotate")                                                            \
    X(24, CNODE_SAVE_CALLER, "CNode_SaveCaller")                                                   \
    X(25, IRQ_CONTROL_GET, "IRQControl_Get")                                                       \
    X(26, IRQ_HANDLER_ACK, "IRQHandler_Ack")                                                       \
    X(27, IRQ_HANDLER_SET_NOTIFICATION, "IRQHandler_SetNotification")                              \
    X(28, IRQ_HANDLER_CLEAR, "IRQHandler_Clear")                                                   \
    X(29, DOMAIN_SET_SET, "DomainSet_Set")                                                         \
    X(30, PD_CLEAN_DATA, "ARM_PageDirectory_Clean_Data")                                           \
    X(31, PD_INVALIDATE_DATA, "ARM_PageDirectory_Invalidate_Data")                                 \
    X(32, PD_CLEAN_INVALIDATE_DATA, "ARM_PageDirectory_CleanInvalidate_Data")                      \
    X(33, PD_UNIFY_INSTRUCTION, "ARM_PageDirectory_Unify_Instruction")                             \
    X(34, PAGE_TABLE_MAP, "ARM_PageTable_Map")                                                     \
    X(35, PAGE_TABLE_UNMAP, "ARM_PageTable_Unmap")                                                 \
    X(36, PAGE_MAP, "ARM_Page_Map")                                                                \
    X(37, PAGE_UNMAP, "ARM_Page_Unmap")                                                            \
    X(38, PAGE_CLEAN_DATA, "ARM_Page_Clean_Data")                                                  \
    X(39, PAGE_INVALIDATE_DATA, "ARM_Page_Invalidate_Data")                                        \
    X(40, PAGE_CLEAN_INVALIDATE_DATA, "ARM_Page_CleanInvalidate_Data")                             \
    X(41, PAGE_UNIFY_INSTRUCTION, "ARM_Page_Unify_Instruction")                                    \
    X(42, PAGE_GET_ADDRESS, "ARM_Page_GetAddress")                                                 \
    X(43, ASID_CONTROL_MAKE_POOL, "ARM_ASIDControl_MakePool")                                      \
    X(44, ASID_POOL_ASSIGN, "ARM_ASIDPool_Assign")                                                 \
    X(45, IRQ_CONTROL_GET_TRIGGER, "IRQControl_GetTrigger")

enum invocation_label {
#define X(value, NAME, text) INV_##NAME = value,
    INVOCATION_LIST(X)
#undef X
};

/* 4.1: object types of Retype: X(value, NAME, "name", log2 of size, 0 where size_bits decides) */
#define OBJECT_TYPE_LIST(X)                                                                        \
    X(0, UNTYPED, "untyped", 0)                                                                    \
    X(1, TCB, "tcb", 9)                                                                            \
    X(2, ENDPOINT, "endpoint", 4)                                                                  \
    X(3, NOTIFICATION, "notification", 4)                                                          \
    X(4, CNODE, "cnode", 0)                                                                        \
    X(5, FRAME_4K, "frame", 12)                                                                    \
    X(6, FRAME_64K, "frame64k", 16)                                                                \
    X(7, FRAME_1M, "frame1m", 20)                                                                  \
    X(8, FRAME_16M, "frame16m", 24)                                                                \
    X(9, PAGE_TABLE, "pagetable", 10)                                                              \
    X(10, PAGE_DIRECTORY, "pagedir", 14)

enum object_type {
#define X(value, NAME, text, bits) OBJECT_##NAME = value,
    OBJECT_TYPE_LIST(X)
#undef X
        OBJECT_TYPES = 11
};
enum { RETYPE_MAX_OBJECTS = 256 };

/* A Retype that was interrupted goes on as one with another label, in place of its own while it
 * waits to be executed again:
 *
 *   19                      8 7                 0
 *   +------------------------+-------------------+
 *   | 1 + n, n objects made  | UNTYPED_RETYPE    |   n <= RETYPE_MAX_OBJECTS - 1
 *   +------------------------+-------------------+
 *
 * It stands for the request without its first n objects and slots. */
enum { RETYPE_REST_SHIFT = 8 };

/* 7.5 */
#define FAULT_LIST(X)                                                                              \
    X(0, NONE, "none")                                                                             \
    X(1, CAP, "capability fault")                                                                  \
    X(2, UNKNOWN_SYSCALL, "unknown system call")                                                   \
    X(3, USER_EXCEPTION, "user exception")                                                         \
    X(5, VM, "memory fault")

enum fault_type {
#define X(value, NAME, text) FAULT_##NAME = value,
    FAULT_LIST(X)
#undef X
};

/* 3.7 */
enum vm_attributes { VM_CACHEABLE = 1, VM_PARITY = 2, VM_EXECUTE_NEVER = 4 };

/* 4.3: rights of endpoint and notification capabilities; the seL4_CapRights_t bits. */
enum cap_rights {
    RIGHT_WRITE = 1,
    RIGHT_READ = 2,
    RIGHT_GRANT = 4,
    RIGHT_GRANT_REPLY = 8,
    RIGHT_ALL = 15,
};

/* 5.1: fixed slots of the root CNode */
enum initial_slot {
    INIT_NULL = 0,
    INIT_TCB = 1,
    INIT_CNODE = 2,
    INIT_VSPACE = 3,
    INIT_IRQ_CONTROL = 4,
    INIT_ASID_CONTROL = 5,
    INIT_ASID_POOL = 6,
    INIT_BOOTINFO = 9,
    INIT_IPC_BUFFER = 10,
    INIT_DOMAIN = 11,
    INIT_FIRST_FREE = 14,
    ROOT_CNODE_RADIX = 12,
};

enum { CONFIG_TICKS_PER_SLICE = 5, CONFIG_PRIORITIES = 256, CONFIG_DOMAINS = 1, TIMER_IRQ = 28 };

/* This kernel's own: the one word of an ASIDPool_Assign whose directory shall show its users the
 * user helpers, code at the end of the vectors' page (docs/kernel-api.md). */
enum { ASSIGN_WITH_USER_HELPERS = 0x68656c70 };

#endif
