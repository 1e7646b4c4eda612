/* What the numbers in records mean: types of capability, states, rights, faults, events, findings.
 *
 * The numbers are the format's own.  A kernel's own numbers are translated where its memory is read
 * (objwalk/); nothing above knows them.  One X-list each, so that the name of a thing is written
 * once: record/names.h gives it, capdb's word table holds it, docs/record-format.md lists it. */
#ifndef CAPSCOPE_RECORD_VOCABULARY_H
#define CAPSCOPE_RECORD_VOCABULARY_H

/* The kernel that was read: X(value, NAME, "name") */
#define RECORD_KERNEL_LIST(X)                                                                      \
    X(1, CAPSCOPE, "capscope")                                                                     \
    X(2, SEL4, "seL4")

enum record_kernel {
#define X(value, NAME, text) RECORD_KERNEL_##NAME = value,
    RECORD_KERNEL_LIST(X)
#undef X
};

#define RECORD_ARCHITECTURE_LIST(X)                                                                \
    X(0, ARM, "arm")                                                                               \
    X(1, AARCH64, "aarch64")                                                                       \
    X(2, RISCV32, "riscv32")                                                                       \
    X(3, RISCV64, "riscv64")                                                                       \
    X(4, IA32, "ia32")                                                                             \
    X(5, X86_64, "x86_64")

enum record_architecture {
#define X(value, NAME, text) RECORD_ARCHITECTURE_##NAME = value,
    RECORD_ARCHITECTURE_LIST(X)
#undef X
};

/* How the kernel was configured, a sum. */
enum record_options {
    RECORD_OPTION_MCS = 1,        /* time is held in scheduling contexts */
    RECORD_OPTION_HYPERVISOR = 2, /* address spaces are those of the second stage */
    RECORD_OPTION_SMP = 4,
};

enum record_range_use {
    RECORD_RANGE_RAM = 1,
    RECORD_RANGE_KERNEL = 2, /* the kernel's own: image, data */
    RECORD_RANGE_WINDOW = 3, /* of the kernel's addresses, where no range above lies in it */
};

/* Types of capability: X(value, NAME, "name").  The list is open: a reader shows types that it does
 * not know, and takes what has bits to be an object in memory. */
#define RECORD_CAP_LIST(X)                                                                         \
    X(0, NULL, "null")                                                                             \
    X(1, UNTYPED, "untyped")                                                                       \
    X(2, ENDPOINT, "endpoint")                                                                     \
    X(3, NOTIFICATION, "notification")                                                             \
    X(4, REPLY, "reply")                                                                           \
    X(5, CNODE, "cnode")                                                                           \
    X(6, TCB, "tcb")                                                                               \
    X(7, ZOMBIE, "zombie")                                                                         \
    X(8, FRAME, "frame")                                                                           \
    X(9, PAGE_TABLE, "pagetable")                                                                  \
    X(10, PAGE_DIRECTORY, "pagedir")                                                               \
    X(11, ASID_POOL, "asidpool")                                                                   \
    X(12, IRQ_CONTROL, "irqcontrol")                                                               \
    X(13, IRQ_HANDLER, "irqhandler")                                                               \
    X(14, ASID_CONTROL, "asidcontrol")                                                             \
    X(15, DOMAIN, "domain")                                                                        \
    X(16, INVALID, "invalid")                                                                      \
    X(17, SCHED_CONTEXT, "schedcontext")                                                           \
    X(18, SCHED_CONTROL, "schedcontrol")                                                           \
    X(19, REPLY_OBJECT, "replyobject")                                                             \
    X(20, VCPU, "vcpu")                                                                            \
    X(21, SMC, "smc")                                                                              \
    X(22, SGI_SIGNAL, "sgisignal")                                                                 \
    X(23, IO_PORT, "ioport")                                                                       \
    X(24, IO_PORT_CONTROL, "ioportcontrol")                                                        \
    X(25, IO_SPACE, "iospace")                                                                     \
    X(26, IO_TABLE, "iotable")                                                                     \
    X(27, EPT_TABLE, "epttable")                                                                   \
    X(28, EPT_ROOT, "eptroot")                                                                     \
    X(29, SID_CONTROL, "sidcontrol")                                                               \
    X(30, SID, "sid")                                                                              \
    X(31, CB_CONTROL, "cbcontrol")                                                                 \
    X(32, CB, "cb")

enum record_cap {
#define X(value, NAME, text) RECORD_CAP_##NAME = value,
    RECORD_CAP_LIST(X)
#undef X
        RECORD_CAP_TYPES = 33
};

enum record_slot_flags {
    RECORD_SLOT_REVOCABLE = 1,    /* an original: what is derived from it hangs below it */
    RECORD_SLOT_FIRST_BADGED = 2, /* begins a badge of its own */
    RECORD_SLOT_DEVICE = 4,       /* untyped or frame of device memory */
    RECORD_SLOT_MASTER = 8,       /* reply master */
    RECORD_SLOT_TCB_ZOMBIE = 16,
    RECORD_SLOT_DEEP = 32, /* deeper than the walker follows: depth is a lower bound */
};

/* Rights of a capability or a mapping, a sum. */
enum record_rights {
    RECORD_RIGHT_WRITE = 1, /* endpoint: send; notification: signal */
    RECORD_RIGHT_READ = 2,  /* endpoint: receive; notification: wait */
    RECORD_RIGHT_GRANT = 4,
    RECORD_RIGHT_GRANT_REPLY = 8,
    RECORD_RIGHT_EXECUTE = 4, /* of a mapping */
};

/* Slots of a TCB by what they are for: X(value, NAME, "name") */
#define RECORD_TCB_SLOT_LIST(X)                                                                    \
    X(0, CSPACE, "cspace")                                                                         \
    X(1, VSPACE, "vspace")                                                                         \
    X(2, REPLY, "reply")                                                                           \
    X(3, CALLER, "caller")                                                                         \
    X(4, BUFFER, "buffer")                                                                         \
    X(5, FAULT_HANDLER, "fault")                                                                   \
    X(6, TIMEOUT_HANDLER, "timeout")                                                               \
    X(7, EPT_ROOT, "eptroot")

enum record_tcb_slot {
#define X(value, NAME, text) RECORD_TCB_##NAME = value,
    RECORD_TCB_SLOT_LIST(X)
#undef X
        RECORD_TCB_SLOTS = 8
};

#define RECORD_THREAD_STATE_LIST(X)                                                                \
    X(0, INACTIVE, "inactive")                                                                     \
    X(1, RUNNING, "running")                                                                       \
    X(2, RESTART, "restart")                                                                       \
    X(3, BLOCKED_ON_RECEIVE, "receive")                                                            \
    X(4, BLOCKED_ON_SEND, "send")                                                                  \
    X(5, BLOCKED_ON_REPLY, "reply")                                                                \
    X(6, BLOCKED_ON_NOTIFICATION, "wait")                                                          \
    X(7, IDLE, "idle")                                                                             \
    X(8, RUNNING_VM, "running vm")

enum record_thread_state {
#define X(value, NAME, text) RECORD_THREAD_##NAME = value,
    RECORD_THREAD_STATE_LIST(X)
#undef X
};

/* Of a blocked thread's transfer, a sum. */
enum record_blocked_flags {
    RECORD_BLOCKED_GRANT = 1,
    RECORD_BLOCKED_GRANT_REPLY = 2,
    RECORD_BLOCKED_CALL = 4,
};

#define RECORD_ENDPOINT_STATE_LIST(X)                                                              \
    X(0, IDLE, "idle")                                                                             \
    X(1, SENDING, "senders wait")                                                                  \
    X(2, RECEIVING, "receivers wait")

enum record_endpoint_state {
#define X(value, NAME, text) RECORD_ENDPOINT_##NAME = value,
    RECORD_ENDPOINT_STATE_LIST(X)
#undef X
};

#define RECORD_NOTIFICATION_STATE_LIST(X)                                                          \
    X(0, IDLE, "idle")                                                                             \
    X(1, WAITING, "waiting")                                                                       \
    X(2, ACTIVE, "active")

enum record_notification_state {
#define X(value, NAME, text) RECORD_NOTIFICATION_##NAME = value,
    RECORD_NOTIFICATION_STATE_LIST(X)
#undef X
};

#define RECORD_IRQ_STATE_LIST(X)                                                                   \
    X(0, INACTIVE, "inactive")                                                                     \
    X(1, SIGNAL, "signal")                                                                         \
    X(2, TIMER, "timer")                                                                           \
    X(3, IPI, "ipi")                                                                               \
    X(4, RESERVED, "reserved")

enum record_irq_state {
#define X(value, NAME, text) RECORD_IRQ_##NAME = value,
    RECORD_IRQ_STATE_LIST(X)
#undef X
};

#define RECORD_FAULT_LIST(X)                                                                       \
    X(0, NONE, "none")                                                                             \
    X(1, CAP, "capability fault")                                                                  \
    X(2, UNKNOWN_SYSCALL, "unknown system call")                                                   \
    X(3, USER_EXCEPTION, "user exception")                                                         \
    X(4, DEBUG_EXCEPTION, "debug exception")                                                       \
    X(5, VM, "memory fault")                                                                       \
    X(6, TIMEOUT, "timeout")                                                                       \
    X(7, VGIC_MAINTENANCE, "vgic maintenance")                                                     \
    X(8, VCPU, "vcpu fault")                                                                       \
    X(9, VPPI, "vppi event")

enum record_fault {
#define X(value, NAME, text) RECORD_FAULT_##NAME = value,
    RECORD_FAULT_LIST(X)
#undef X
};

/* Kinds of event: X(value, NAME, "name", "meaning of detail").  What each does to the list of slots
 * stands in docs/record-format.md. */
#define RECORD_EVENT_LIST(X)                                                                       \
    X(1, BOOT, "boot", "flags")            /* insert: an initial capability */                     \
    X(2, RETYPE, "retype", "flags")        /* insert: a new object below untyped src */            \
    X(3, COPY, "copy", "flags")            /* insert: Copy */                                      \
    X(4, MINT, "mint", "flags")            /* insert: Mint */                                      \
    X(5, TRANSFER, "transfer", "flags")    /* insert: capability sent in a message */              \
    X(6, INSTALL, "install", "flags")      /* insert: into a TCB or interrupt slot */              \
    X(7, REPLY, "reply", "flags")          /* insert: reply capability into a caller slot */       \
    X(8, HANDLER, "handler", "flags")      /* insert: interrupt handler, ASID pool */              \
    X(9, MOVE, "move", "0")                /* slot takes capability and place of src */            \
    X(10, SWAP, "swap", "word 1 for src")  /* slot and src exchange them */                        \
    X(11, DELETE, "delete", "1 if final")  /* the slot is emptied */                               \
    X(12, WATERMARK, "watermark", "bytes") /* update: untyped handed memory out, or was filled */  \
    X(13, MAP, "map", "vaddr")            /* update: frame or page table mapped; object2 = root */ \
    X(14, UNMAP, "unmap", "vaddr")        /* update */                                             \
    X(15, ASSIGN, "assign", "asid")       /* update: an address space got an ASID */               \
    X(16, ZOMBIE, "zombie", "slots left") /* update: final CNode or TCB is being emptied */        \
    X(17, DESTROY, "destroy", "0")        /* object deactivated: its last capability went */       \
    X(18, REVOKE_BEGIN, "revoke", "0")    /* slot = root */                                        \
    X(19, REVOKE_VICTIM, "victim", "deleted so far") /* before: slot = next victim, src = root */  \
    X(20, REVOKE_PREEMPTED, "preempted", "deleted so far")                                         \
    X(21, REVOKE_RESUMED, "resumed", "deleted so far")                                             \
    X(22, REVOKE_END, "revoked", "deleted")                                                        \
    X(23, THREAD_CONFIGURE, "configure", "fault handler cptr")                                     \
    X(24, THREAD_NAME, "name", "0")                                                                \
    X(25, THREAD_SUSPEND, "suspend", "old state")                                                  \
    X(26, THREAD_RESUME, "resume", "0")                                                            \
    X(27, THREAD_PRIORITY, "priority", "priority | mcp << 8")                                      \
    X(28, BIND, "bind", "notification, 0: unbound")                                                \
    X(29, IRQ_SET, "irqset", "irq")                                                                \
    X(30, FAULT, "fault", "fault type") /* object2 = TCB; src = slot where the lookup ended */

enum record_event_kind {
#define X(value, NAME, text, detail) RECORD_EVENT_##NAME = value,
    RECORD_EVENT_LIST(X)
#undef X
        RECORD_EVENT_KINDS = 31
};

/* Rules of an audit: X(value, NAME, "sentence") */
#define AUDIT_RULE_LIST(X)                                                                         \
    X(1, LINK, "next and previous links of neighbours in the derivation list disagree")            \
    X(2, LINK_RANGE, "a derivation link points outside kernel memory or is misaligned")            \
    X(3, LINK_LOOP, "the derivation list does not end")                                            \
    X(4, LIST_NULL, "an empty slot stands in the derivation list")                                 \
    X(5, UNLISTED, "an occupied slot is missing from the derivation list")                         \
    X(6, CAP_INVALID, "a capability's words make no sense")                                        \
    X(7, CHILD_OUTSIDE, "an object lies inside an untyped that is not its ancestor")               \
    X(8, OVERLAP, "two objects overlap though neither derives from the other")                     \
    X(9, WATERMARK, "a child lies above its untyped's watermark")                                  \
    X(10, MAPPING_NO_FRAME, "a user mapping refers to no frame object")                            \
    X(11, MAPPING_RIGHTS, "a mapping allows more than any frame capability that holds it")         \
    X(12, TABLE_FOREIGN, "a page directory refers to a page table that no capability names")       \
    X(13, QUEUE, "a queue's links or a queued thread's state are inconsistent")                    \
    X(14, THREAD_STATE, "a thread's state does not fit where it is queued")                        \
    X(15, CAP_KERNEL, "a capability to memory refers to the kernel's own image")                   \
    X(16, BINDING, "a notification and the thread bound to it disagree")                           \
    X(17, ASID, "an ASID table entry and the capabilities disagree")                               \
    X(18, DIGEST, "the running digest differs from that of the slots")                             \
    X(19, REPLY, "a pending reply capability and its caller's state disagree")                     \
    X(20, UNREADABLE, "memory that should hold an object could not be read")                       \
    X(21, ALIAS, "a capability refers to addresses under which RAM may answer again")              \
    X(22, KERNEL_PART, "a page directory's kernel part is not the kernel's own")                   \
    X(23, KERNEL_OPEN, "kernel memory is open to users in a page directory")                       \
    X(24, CURRENT, "the current thread or the head of a ready queue is no thread")                 \
    X(25, READY_BITS, "the bits that tell which ready queues have threads lie")                    \
    X(26, ROOTS, "kernel_roots is not what the kernel published")                                  \
    X(27, MORE, "there are more findings than a snapshot tells")

enum audit_rule {
#define X(value, NAME, text) AUDIT_##NAME = value,
    AUDIT_RULE_LIST(X)
#undef X
};

#endif
