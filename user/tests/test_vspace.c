/* Address spaces and ASIDs (ABI sheet 3.7). */
#include "user/tests/tests.h"

enum { WINDOW = 0x60000000, POOLS = 127, POOL_SIZE = 1024, TOUR = 300, TOUR_PAGE = 0x30000000 };

static word_t load(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return *(volatile word_t *)address;
}

static word_t call_tag(word_t cptr, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return ipc_call(cptr, 0, (const word_t[4]){0}).tag;
}

/* A process sees neither the root's capabilities nor the root's other memory. */
static void process(void)
{
    struct thread *t = process_new(200);
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t theirs = thread_copy(t, bell);
    thread_start(t, call_tag, theirs, 0, 0, 0);
    check_equal(thread_join(t), 0);
    thread_start(t, call_tag, theirs + 1, 0, 0, 0);
    check_equal(thread_join(t), msginfo_make(SEL4_INVALID_CAPABILITY, 0, 0, 1));
    thread_start(t, call_tag, (1 << PROCESS_RADIX) + 1, 0, 0, 0);
    check(thread_joined_faulty(t));
    check_equal(msginfo_label(t->fault.tag), FAULT_CAP);
    map_new(OBJECT_FRAME_4K, WINDOW);
    thread_start(t, load, WINDOW, 0, 0, 0);
    check(thread_joined_faulty(t));
    check_equal(msginfo_label(t->fault.tag), FAULT_VM);
}

static void unmap_without_directory(void)
{
    cptr_t pd = object_new(OBJECT_PAGE_DIRECTORY, 0), frame = object_new(OBJECT_FRAME_1M, 0);
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0), small = object_new(OBJECT_FRAME_4K, 0);
    must_succeed(asid_pool_assign(INIT_ASID_POOL, pd));
    must_succeed(page_map(frame, pd, WINDOW, READ_WRITE, 0));
    must_succeed(page_table_map(table, pd, WINDOW + SECTION, 0));
    must_succeed(page_map(small, pd, WINDOW + SECTION, READ_WRITE, 0));
    must_succeed(cap_delete(pd));
    check_equal(page_unmap(frame), SEL4_NO_ERROR);
    check_equal(page_unmap(small), SEL4_NO_ERROR);
    check_equal(page_table_unmap(table), SEL4_NO_ERROR);
    check_equal(page_map(frame, INIT_VSPACE, WINDOW, READ_WRITE, 0), SEL4_NO_ERROR);
    check_equal(page_table_map(table, INIT_VSPACE, WINDOW + SECTION, 0), SEL4_NO_ERROR);
    check_equal(page_map(small, INIT_VSPACE, WINDOW + SECTION, READ_WRITE, 0), SEL4_NO_ERROR);
}

static enum syscall_error make_pool(cptr_t memory, cptr_t to)
{
    return asid_control_make_pool(INIT_ASID_CONTROL, memory, INIT_CNODE, to, DEPTH);
}

static void pools(void)
{
    cptr_t memory = objects_new(OBJECT_UNTYPED, 12, POOLS + 1), to = slots_new(POOLS + 1);
    for (word_t i = 0; i < POOLS; i++)
        check_equal(make_pool(memory + i, to + i), SEL4_NO_ERROR);
    check_equal(make_pool(memory + POOLS, to + POOLS), SEL4_DELETE_FIRST);
    must_succeed(cap_delete(to + 60));
    check_equal(make_pool(memory + POOLS, to + POOLS), SEL4_NO_ERROR);
    check_equal(make_pool(memory + 60, to + 60), SEL4_DELETE_FIRST);
    must_succeed(cap_revoke(memory + 3)); /* the untyped under a pool takes the pool */
    check(slot_empty(to + 3));
    check_equal(make_pool(memory + 60, to + 60), SEL4_NO_ERROR);
}

static void pool_memory(void)
{
    cptr_t to = slots_new(3), page = object_new(OBJECT_UNTYPED, 12);
    check_equal(make_pool(object_new(OBJECT_UNTYPED, 13), to), SEL4_INVALID_CAPABILITY);
    check_equal(make_pool(object_new(OBJECT_UNTYPED, 11), to), SEL4_INVALID_CAPABILITY);
    check_equal(make_pool(object_new(OBJECT_FRAME_4K, 0), to), SEL4_INVALID_CAPABILITY);
    must_succeed(untyped_retype(page, OBJECT_ENDPOINT, 0, INIT_CNODE, 0, 0, to + 1, 1));
    check_equal(make_pool(page, to), SEL4_REVOKE_FIRST);
    must_succeed(cap_delete(to + 1));
    check_equal(make_pool(page, INIT_TCB), SEL4_DELETE_FIRST);
    check_equal(make_pool(page, to), SEL4_NO_ERROR);
    check_equal(untyped_free_bytes(page), 0);
    check_equal(make_pool(page, to + 1), SEL4_REVOKE_FIRST);
    check_equal(asid_control_make_pool(INIT_ASID_POOL, page, INIT_CNODE, to + 2, DEPTH),
                SEL4_ILLEGAL_OPERATION);
}

static void assigned_once(void)
{
    cptr_t pd = object_new(OBJECT_PAGE_DIRECTORY, 0), tcb = object_new(OBJECT_TCB, 0);
    check_equal(asid_pool_assign(INIT_ASID_POOL, tcb), SEL4_INVALID_CAPABILITY);
    check_equal(asid_pool_assign(INIT_ASID_POOL, pd), SEL4_NO_ERROR);
    check_equal(asid_pool_assign(INIT_ASID_POOL, pd), SEL4_INVALID_CAPABILITY);
    check_equal(asid_pool_assign(INIT_ASID_POOL, INIT_VSPACE), SEL4_INVALID_CAPABILITY);
    cptr_t copy = cap_copy(pd, RIGHT_ALL);
    check_equal(asid_pool_assign(INIT_ASID_POOL, copy), SEL4_INVALID_CAPABILITY);
    check_equal(cnode_copy(INIT_CNODE, slot_new(), DEPTH, INIT_CNODE,
                           object_new(OBJECT_PAGE_DIRECTORY, 0), DEPTH, RIGHT_ALL),
                SEL4_ILLEGAL_OPERATION);
}

/* As many as a pool has ASIDs, and when one goes there is room again. */
static void fill_pool(cptr_t pool, word_t size)
{
    cptr_t memory = object_new(OBJECT_UNTYPED, 25), pd = slots_new(size + 1);
    for (word_t i = 0; i <= size; i += 256) {
        word_t n = size + 1 - i < 256 ? size + 1 - i : 256;
        must_succeed(untyped_retype(memory, OBJECT_PAGE_DIRECTORY, 0, INIT_CNODE, 0, 0, pd + i, n));
    }
    for (word_t i = 0; i < size; i++)
        must_succeed(asid_pool_assign(pool, pd + i));
    check_equal(asid_pool_assign(pool, pd + size), SEL4_DELETE_FIRST);
    must_succeed(cap_delete(pd + size / 2));
    check_equal(asid_pool_assign(pool, pd + size), SEL4_NO_ERROR);
}

static void full_pool(void)
{
    cptr_t pool = slot_new();
    must_succeed(make_pool(object_new(OBJECT_UNTYPED, 12), pool));
    fill_pool(pool, POOL_SIZE);
}

static void full_first_pool(void)
{
    fill_pool(INIT_ASID_POOL, POOL_SIZE - 2); /* ASID 0 is none, 1 is the root's */
}

/* ---- a tour through more address spaces than there are hardware ASIDs ---- */

static cptr_t tour_code; /* a section with a copy of the image */

static void copy_image(void)
{
    must(((vaddr_t)image_end <= SECTION));
    tour_code = map_new(OBJECT_FRAME_1M, WINDOW);
    const word_t *from = (const word_t *)image_start;
    volatile word_t *to = (volatile word_t *)(WINDOW + (vaddr_t)image_start);
    for (; from < (const word_t *)image_end; from++)
        *to++ = *from;
    cache_operation(tour_code, INV_PAGE_UNIFY_INSTRUCTION, 0, SECTION);
}

/* An address space with the copied image and one page that holds `number`. */
static cptr_t tour_space(cptr_t pool, word_t number)
{
    cptr_t pd = object_new(OBJECT_PAGE_DIRECTORY, 0), page = map_new(OBJECT_FRAME_4K, AREA);
    *(volatile word_t *)AREA = number;
    must_succeed(page_unmap(page));
    must_succeed(asid_pool_assign(pool, pd));
    must_succeed(page_map(cap_copy(tour_code, RIGHT_ALL), pd, 0, READ_WRITE, VM_CACHEABLE));
    map_table(pd, TOUR_PAGE);
    must_succeed(page_map(page, pd, TOUR_PAGE, READ_WRITE, VM_CACHEABLE));
    return pd;
}

/* Runs there, on a stack in the image's copy: reads its page and sends what it found. */
static cptr_t tour_report;

static void tourist(word_t ep)
{
    ipc_send(ep, msginfo_make(0, 0, 0, 1), (const word_t[4]){*(volatile word_t *)TOUR_PAGE});
    for (;;)
        ipc_recv(INIT_NULL);
}

static word_t visit(cptr_t tcb, cptr_t pd)
{
    static word_t stack[256];
    must_succeed(tcb_set_space(tcb, 0, INIT_CNODE, 0, pd));
    must_succeed(tcb_start(tcb, true, (vaddr_t)tourist, (vaddr_t)(stack + 256),
                           (const word_t[4]){tour_report}));
    word_t seen = ipc_recv(tour_report).mr[0];
    must_succeed(tcb_suspend(tcb));
    return seen;
}

static void tour(void)
{
    cptr_t memory = objects_new(OBJECT_UNTYPED, 12, POOLS), pool = slots_new(POOLS);
    static cptr_t pd[TOUR];
    for (word_t i = 0; i < POOLS; i++)
        must_succeed(make_pool(memory + i, pool + i));
    copy_image();
    tour_report = object_new(OBJECT_ENDPOINT, 0);
    cptr_t tcb = object_new(OBJECT_TCB, 0);
    must_succeed(tcb_set_sched_params(tcb, INIT_TCB, 200, 200));
    for (word_t i = 0; i < TOUR; i++)
        pd[i] = tour_space(pool + i % POOLS, 0x70000 + i);
    for (word_t round = 0; round < 2; round++)
        for (word_t i = 0; i < TOUR; i++)
            check_equal(visit(tcb, pd[i]), 0x70000 + i);
    for (word_t i = 0; i < TOUR; i++) /* back and forth between near and far */
        check_equal(visit(tcb, pd[i * 131 % TOUR]), 0x70000 + i * 131 % TOUR);
}

/* ---- what goes while somebody runs there ---- */

static volatile word_t beats;

static word_t beat(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    while (true) {
        beats++;
        user_yield();
    }
    return 0;
}

static void running_directory_goes(void)
{
    struct thread *t = process_new(200);
    beats = 0;
    thread_start(t, beat, 0, 0, 0, 0);
    self_priority(200);
    user_yield();
    check(beats > 0);
    must_succeed(cap_revoke(t->vspace)); /* takes the copy in the thread */
    must_succeed(cap_delete(t->vspace));
    word_t seen = beats;
    self_priority(TOP);
    check(thread_joined_faulty(t));
    check_equal(msginfo_label(t->fault.tag), FAULT_VM);
    check_equal(beats, seen);
}

/* The pool of a running thread's address space goes: it faults; its directory can be mapped into no
 * more. */
static void running_pool_goes(void)
{
    cptr_t memory = object_new(OBJECT_UNTYPED, 12), pool = slot_new();
    must_succeed(make_pool(memory, pool));
    copy_image();
    cptr_t pd = tour_space(pool, 9), tcb = object_new(OBJECT_TCB, 0);
    tour_report = object_new(OBJECT_ENDPOINT, 0);
    must_succeed(tcb_set_sched_params(tcb, INIT_TCB, 200, 200));
    check_equal(visit(tcb, pd), 9);
    must_succeed(tcb_set_space(tcb, tour_report, INIT_CNODE, 0, pd));
    must_succeed(cap_revoke(memory));
    must_succeed(tcb_start(tcb, true, (vaddr_t)tourist, SECTION, (const word_t[4]){tour_report}));
    struct ipc_regs r = ipc_recv(tour_report);
    check_equal(msginfo_label(r.tag), FAULT_VM);
    check_equal(r.mr[0], (vaddr_t)tourist);
    check_equal(r.mr[2], 1);
    cptr_t frame = object_new(OBJECT_FRAME_1M, 0);
    struct invocation v = {frame, INV_PAGE_MAP, 3, {WINDOW, 3, 3}, 1, {pd}, 0, 0};
    check_equal(user_invoke(&v), SEL4_FAILED_LOOKUP);
    check_equal(v.mr[1], LOOKUP_INVALID_ROOT);
    check_equal(tcb_set_space(tcb, 0, INIT_CNODE, 0, INIT_VSPACE), SEL4_NO_ERROR);
    check_equal(cap_delete(pd), SEL4_NO_ERROR);
}

/* In its own address space, which it destroys: there is no instruction after Delete. */
static void destroyer(word_t ep, word_t slot)
{
    cap_revoke(slot); /* of a directory: the capability in the thread itself */
    cap_delete(slot);
    ipc_send(ep, msginfo_make(0x41, 0, 0, 0), (const word_t[4]){0});
    for (;;)
        ipc_recv(INIT_NULL);
}

static void destroy_own(bool pool_goes)
{
    static word_t stack[256];
    cptr_t pool = slot_new(), tcb = object_new(OBJECT_TCB, 0);
    must_succeed(make_pool(object_new(OBJECT_UNTYPED, 12), pool));
    copy_image();
    cptr_t pd = tour_space(pool, 9);
    tour_report = object_new(OBJECT_ENDPOINT, 0);
    must_succeed(tcb_set_sched_params(tcb, INIT_TCB, 200, 200));
    must_succeed(tcb_set_space(tcb, tour_report, INIT_CNODE, 0, pd));
    cptr_t victim = pool_goes ? pool : pd;
    must_succeed(tcb_start(tcb, true, (vaddr_t)destroyer, (vaddr_t)(stack + 256),
                           (const word_t[4]){tour_report, victim}));
    struct ipc_regs r = ipc_recv(tour_report);
    check_equal(msginfo_label(r.tag), FAULT_VM);
    check_equal(r.mr[2], 1);
    check_equal(r.mr[0], r.mr[1]);
    check(slot_empty(victim));
}

static void own_pool_goes(void)
{
    destroy_own(true);
}

static void own_directory_goes(void)
{
    destroy_own(false);
}

const struct test vspace_tests[] = {
    {"VSPACE0000 a process has its own capabilities and memory", process},
    {"VSPACE0001 frames and tables can be unmapped after their directory went",
     unmap_without_directory},
    {"VSPACE0002 a directory gets one ASID, once", assigned_once},
    {"VSPACE0003 127 more pools can be made and no more", pools},
    {"VSPACE0004 a pool needs a fresh untyped page", pool_memory},
    {"VSPACE0005 a pool has 1024 ASIDs", full_pool},
    {"VSPACE0006 threads run in 300 address spaces of 127 pools and see their own memory", tour},
    {"VSPACE0007 the first pool has 1022 ASIDs left", full_first_pool},
    {"VSPACE0008 a thread whose directory goes faults", running_directory_goes},
    {"VSPACE0009 a thread whose ASID pool goes faults", running_pool_goes},
    {"VSPACE0010 a thread that deletes its own ASID pool faults at once", own_pool_goes},
    {"VSPACE0011 a thread that deletes its own page directory faults at once", own_directory_goes},
    {0},
};
