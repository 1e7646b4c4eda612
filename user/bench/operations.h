/* What is measured: shared by the benchmark's root task, which announces each operation, and by the
 * counter (tests/tools/count_instructions.c), which watches it from outside.
 *
 * A mark is the instruction `pld [pc, #-N]`: a hint without effect that no compiler makes, so that
 * the counter finds it by its code, on a kernel that knows nothing of it.
 *
 * X(NAME, "text", entry, units, wanted, mainline): how the kernel is entered, how many things one
 * measurement does, and kernel instructions for each of them: what this kernel wants to reach, and
 * what mainline seL4 12.0.0 takes on the same board (release, fast path on; 0: not known). */
#ifndef CAPSCOPE_USER_BENCH_OPERATIONS_H
#define CAPSCOPE_USER_BENCH_OPERATIONS_H

enum bench_entry {
    ENTRY_SVC,   /* the next system call, from vector to return */
    ENTRY_ABORT, /* the next data abort */
    ENTRY_IRQ,   /* the next interrupt */
    ENTRY_ALL,   /* all system calls up to MARK_DONE: a long operation is preempted and restarts */
    ENTRIES
};

#define OPERATION_LIST(X)                                                                          \
    X(CALL_0, "Call, 0 words, one way", ENTRY_SVC, 1, 130, 144)                                    \
    X(REPLY_RECV_0, "ReplyRecv, 0 words", ENTRY_SVC, 1, 155, 171)                                  \
    X(CALL_4, "Call, 4 words", ENTRY_SVC, 1, 150, 163)                                             \
    X(REPLY_RECV_4, "ReplyRecv, 4 words", ENTRY_SVC, 1, 175, 190)                                  \
    X(CALL_5, "Call, 5 words", ENTRY_SVC, 1, 515, 746)                                             \
    X(REPLY_RECV_5, "ReplyRecv, 5 words", ENTRY_SVC, 1, 515, 729)                                  \
    X(CALL_20, "Call, 20 words", ENTRY_SVC, 1, 560, 806)                                           \
    X(REPLY_RECV_20, "ReplyRecv, 20 words", ENTRY_SVC, 1, 560, 789)                                \
    X(CALL_120, "Call, 120 words", ENTRY_SVC, 1, 860, 1206)                                        \
    X(REPLY_RECV_120, "ReplyRecv, 120 words", ENTRY_SVC, 1, 860, 1189)                             \
    X(SEND, "Send to a waiting receiver", ENTRY_SVC, 1, 0, 721)                                    \
    X(FAULT, "memory fault to its handler", ENTRY_ABORT, 1, 350, 486)                              \
    X(FAULT_REPLY, "the handler's ReplyRecv", ENTRY_SVC, 1, 400, 598)                              \
    X(NBSEND_NULL, "NBSend to a null capability", ENTRY_SVC, 1, 0, 255)                            \
    X(POLL, "Poll, nothing there", ENTRY_SVC, 1, 0, 168)                                           \
    X(NBRECV, "NBRecv, nobody sends", ENTRY_SVC, 1, 0, 182)                                        \
    X(YIELD, "Yield, alone", ENTRY_SVC, 1, 200, 253)                                               \
    X(SIGNAL, "Signal, nobody waits", ENTRY_SVC, 1, 200, 320)                                      \
    X(SIGNAL_WAITER, "Signal to a waiter", ENTRY_SVC, 1, 0, 540)                                   \
    X(TICK, "timer tick in user mode", ENTRY_IRQ, 1, 80, 88)                                       \
    X(TABLE_MAP, "PageTable Map", ENTRY_SVC, 1, 0, 481)                                            \
    X(PAGE_MAP, "Page Map", ENTRY_SVC, 1, 350, 568)                                                \
    X(PAGE_UNMAP, "Page Unmap", ENTRY_SVC, 1, 350, 493)                                            \
    X(RETYPE_1, "Retype of one endpoint", ENTRY_ALL, 1, 400, 745)                                  \
    X(RETYPE_16, "Retype of 16 endpoints, each", ENTRY_ALL, 16, 0, 101)                            \
    X(RETYPE_256, "Retype of 256 endpoints, each", ENTRY_ALL, 256, 30, 61)                         \
    X(RETYPE_FRAME, "Retype of a 4K frame, clearing it", ENTRY_ALL, 1, 0, 760)                     \
    X(RETYPE_TCB, "Retype of a TCB, clearing it", ENTRY_ALL, 1, 0, 767)                            \
    X(RETYPE_CNODE, "Retype of a 64K CNode, clearing it", ENTRY_ALL, 1, 0, 743)                    \
    X(RETYPE_DIRECTORY, "Retype of a page directory", ENTRY_ALL, 1, 0, 5736)                       \
    X(COPY, "CNode Copy", ENTRY_SVC, 1, 400, 769)                                                  \
    X(MINT, "CNode Mint", ENTRY_SVC, 1, 400, 805)                                                  \
    X(MOVE, "CNode Move", ENTRY_SVC, 1, 400, 666)                                                  \
    X(DELETE, "CNode Delete of a copy", ENTRY_SVC, 1, 400, 644)                                    \
    X(DELETE_CNODE, "Delete of an empty CNode, a slot", ENTRY_ALL, 4096, 10, 260)                  \
    X(REVOKE_COPIES, "Revoke of endpoint copies, each", ENTRY_ALL, 256, 120, 246)                  \
    X(REVOKE_ENDPOINTS, "Revoke of endpoints in an untyped, each", ENTRY_ALL, 256, 0, 308)         \
    X(REVOKE_FRAMES, "Revoke of frames in an untyped, each", ENTRY_ALL, 64, 0, 330)                \
    X(REVOKE_TCBS, "Revoke of TCBs in an untyped, each", ENTRY_ALL, 64, 0, 1658)                   \
    X(REVOKE_NONE, "Revoke with no child", ENTRY_SVC, 1, 0, 531)

enum bench_mark {
    MARK_NONE,
#define X(NAME, text, entry, units, wanted, mainline) MARK_##NAME,
    OPERATION_LIST(X)
#undef X
        MARK_OPERATIONS,         /* first number that is no operation */
    MARK_DONE = MARK_OPERATIONS, /* ends an ENTRY_ALL measurement */
    MARK_FINISHED                /* all is measured */
};

#define MARK_CODE      0xf55ff000u
#define MARK_CODE_MASK 0xfffff000u

#endif
