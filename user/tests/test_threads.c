/* Configuring threads: what Configure, SetSpace and SetIPCBuffer refuse (ABI sheet 3.4 C, D). */
#include "user/tests/tests.h"

static cptr_t tcb;

static enum syscall_error space(cptr_t cspace, word_t data, cptr_t vspace)
{
    return tcb_set_space(tcb, 0, cspace, data, vspace);
}

static enum syscall_error configure(cptr_t cspace, cptr_t vspace, vaddr_t buffer, cptr_t frame)
{
    return tcb_configure(tcb, 0, cspace, 0, vspace, buffer, frame);
}

static void null_cspace(void)
{
    tcb = object_new(OBJECT_TCB, 0);
    check_equal(configure(INIT_NULL, INIT_VSPACE, 0, INIT_NULL), SEL4_ILLEGAL_OPERATION);
    check_equal(configure(INIT_CNODE, INIT_VSPACE, 0, INIT_NULL), SEL4_NO_ERROR);
    check_equal(configure(INIT_NULL, INIT_VSPACE, 0, INIT_NULL), SEL4_ILLEGAL_OPERATION);
}

static void null_space(void)
{
    tcb = object_new(OBJECT_TCB, 0);
    check_equal(space(INIT_NULL, 0, INIT_VSPACE), SEL4_ILLEGAL_OPERATION);
    check_equal(space(INIT_CNODE, 0, INIT_NULL), SEL4_ILLEGAL_OPERATION);
    check_equal(space(INIT_CNODE, 0, INIT_VSPACE), SEL4_NO_ERROR);
    check_equal(space(INIT_NULL, 0, INIT_VSPACE), SEL4_ILLEGAL_OPERATION);
}

static void wrong_spaces(void)
{
    tcb = object_new(OBJECT_TCB, 0);
    cptr_t cnode = object_new(OBJECT_CNODE, 4), pd = object_new(OBJECT_PAGE_DIRECTORY, 0);
    check_equal(space(INIT_VSPACE, 0, INIT_VSPACE), SEL4_ILLEGAL_OPERATION);
    check_equal(space(INIT_CNODE, 0, INIT_CNODE), SEL4_ILLEGAL_OPERATION);
    check_equal(space(cnode, 0, pd), SEL4_ILLEGAL_OPERATION); /* no ASID */
    must_succeed(asid_pool_assign(INIT_ASID_POOL, pd));
    check_equal(space(cnode, 29 << 3, pd), SEL4_ILLEGAL_OPERATION); /* 29 + 4 bits */
    check_equal(space(cnode, 28 << 3, pd), SEL4_NO_ERROR);
    check_equal(space(cnode, 0, pd), SEL4_NO_ERROR);
    struct invocation v = {tcb, INV_TCB_SET_SPACE, 3, {0}, 1, {cnode}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
    v = (struct invocation){tcb, INV_TCB_SET_SPACE, 2, {0}, 2, {cnode, pd}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
    v = (struct invocation){tcb, INV_TCB_CONFIGURE, 4, {0}, 2, {cnode, pd}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
}

static void wrong_buffers(void)
{
    tcb = object_new(OBJECT_TCB, 0);
    cptr_t frame = object_new(OBJECT_FRAME_4K, 0);
    check_equal(tcb_set_ipc_buffer(tcb, AREA + 4, frame), SEL4_ALIGNMENT_ERROR);
    check_equal(tcb_set_ipc_buffer(tcb, AREA + 256, frame), SEL4_ALIGNMENT_ERROR);
    check_equal(tcb_set_ipc_buffer(tcb, AREA, INIT_TCB), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_set_ipc_buffer(tcb, AREA, INIT_NULL), SEL4_ILLEGAL_OPERATION);
    check_equal(tcb_set_ipc_buffer(tcb, AREA + 512, frame), SEL4_NO_ERROR);
    check_equal(tcb_set_ipc_buffer(tcb, 0, INIT_NULL), SEL4_NO_ERROR);
    check_equal(configure(INIT_CNODE, INIT_VSPACE, AREA + 4, frame), SEL4_ALIGNMENT_ERROR);
    check_equal(configure(INIT_CNODE, INIT_VSPACE, AREA, INIT_CNODE), SEL4_ILLEGAL_OPERATION);
    check_equal(configure(INIT_CNODE, INIT_VSPACE, AREA, frame), SEL4_NO_ERROR);
    struct invocation v = {tcb, INV_TCB_SET_IPC_BUFFER, 1, {0}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
}

/* While the thread holds the last capability to its CSpace, that cannot be replaced: deleting it
 * might take long. */
static void last_root(void)
{
    tcb = object_new(OBJECT_TCB, 0);
    cptr_t cnode = object_new(OBJECT_CNODE, 4), copy = cap_copy(cnode, RIGHT_ALL);
    must_succeed(space(cnode, 0, INIT_VSPACE));
    must_succeed(cap_delete(cnode));
    check_equal(space(INIT_CNODE, 0, INIT_VSPACE), SEL4_NO_ERROR);
    must_succeed(space(copy, 0, INIT_VSPACE));
    must_succeed(cap_delete(copy));
    check_equal(space(INIT_CNODE, 0, INIT_VSPACE), SEL4_ILLEGAL_OPERATION);
    check_equal(configure(INIT_CNODE, INIT_VSPACE, 0, INIT_NULL), SEL4_ILLEGAL_OPERATION);
    check_equal(cap_delete(tcb), SEL4_NO_ERROR);
}

/* Revoking what a thread was given takes it out of the thread, too. */
static word_t twice(word_t a, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return 2 * a;
}

static void revoked_spaces(void)
{
    struct thread *t = process_new(200);
    thread_start(t, twice, 4, 0, 0, 0);
    check_equal(thread_join(t), 8);
    must_succeed(cap_revoke(t->cspace)); /* takes the copy in the thread */
    thread_start(t, twice, 4, 0, 0, 0);
    thread_let_run();
    check(!t->finished); /* its end cannot be reported, nor its fault: it has no capabilities */
    t->finished = false;
    check_equal(tcb_set_space(t->tcb, t->done, t->cspace, (32 - PROCESS_RADIX) << 3, t->vspace),
                SEL4_NO_ERROR);
    thread_start(t, twice, 5, 0, 0, 0);
    check_equal(thread_join(t), 10);
}

static void unknown_labels(void)
{
    tcb = object_new(OBJECT_TCB, 0);
    for (word_t label = 0; label < 60; label++) {
        bool own = label >= INV_TCB_READ_REGISTERS && label <= INV_TCB_SET_TLS_BASE;
        struct invocation v = {tcb, label, 0, {0}, 0, {0}, 0, 0};
        enum syscall_error e = user_invoke(&v);
        bool plain = label == INV_TCB_SUSPEND || label == INV_TCB_RESUME;
        bool unbound = label == INV_TCB_UNBIND_NOTIFICATION;
        check_equal(e, !own || unbound ? SEL4_ILLEGAL_OPERATION
                       : plain         ? SEL4_NO_ERROR
                                       : SEL4_TRUNCATED_MESSAGE);
    }
}

/* A thread without an address space may be resumed: it faults on its first instruction. */
static void no_vspace(void)
{
    cptr_t bare = object_new(OBJECT_TCB, 0);
    check_equal(tcb_resume(bare), SEL4_NO_ERROR);
    must_succeed(tcb_set_sched_params(bare, INIT_TCB, 200, 200));
    thread_let_run();
    word_t c[CONTEXT_WORDS] = {1, 1, 1};
    check_equal(tcb_read_registers(bare, false, CONTEXT_WORDS, c), SEL4_NO_ERROR);
    check_equal(c[CONTEXT_PC], 0);
    check_equal(c[CONTEXT_SP], 0);
}

const struct test threads_tests[] = {
    {"THREADS0004 Configure refuses a null CSpace", null_cspace},
    {"THREADS0005 SetSpace refuses null spaces", null_space},
    {"THREADS0006 SetSpace refuses what is no CNode or has no ASID", wrong_spaces},
    {"THREADS0007 IPC buffers must be aligned frames", wrong_buffers},
    {"THREADS0008 the last capability to a CSpace is not replaced", last_root},
    {"THREADS0009 revoking a CSpace takes it out of the thread", revoked_spaces},
    {"THREADS0010 operations without arguments are truncated, foreign ones illegal",
     unknown_labels},
    {"THREADS0011 a thread without address space stops at its first instruction", no_vspace},
    {0},
};
