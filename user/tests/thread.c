/* Threads and processes of a test.
 *
 * Thread i has page i of one section: its IPC buffer, and above it its stack.  The word at the base
 * of the globals frame is the address of its IPC buffer, from which it also finds its struct
 * thread.  A process differs in having a CNode and a page directory of its own; image and stacks
 * are mapped there too, so that it can run any function and report through the image's memory. */
#include "user/tests/tests.h"

enum { RUNNER_STACK = 16384, DONE_SLOT = 1, PROCESS_GUARD = (32 - PROCESS_RADIX) << 3 };

static struct thread threads[THREADS_MAX];
static word_t thread_count;
static cptr_t stacks; /* the section */
static cptr_t report; /* endpoint where faults and ends arrive */
static char runner_stack[RUNNER_STACK] __attribute__((aligned(8)));

void threads_open(void)
{
    thread_count = 0;
    stacks = object_new(OBJECT_FRAME_1M, 0);
    must_succeed(page_map(stacks, INIT_VSPACE, THREADS_VADDR, READ_WRITE,
                          VM_CACHEABLE | VM_PARITY | VM_EXECUTE_NEVER));
    report = object_new(OBJECT_ENDPOINT, 0);
}

word_t thread_index(const struct thread *t)
{
    return (word_t)(t - threads);
}

struct thread *thread_self(void)
{
    return &threads[((vaddr_t)user_ipc_buffer() - THREADS_VADDR) / THREAD_PAGE];
}

/* The root's initial thread has nobody to report to. */
_Noreturn static void root_exit(void)
{
    console_print("%s\nBail out! the root task cannot go on\n", check_text());
    for (;;)
        ipc_recv(INIT_NULL);
}

_Noreturn void thread_exit(word_t result)
{
    if ((vaddr_t)user_ipc_buffer() - THREADS_VADDR >= THREADS_MAX * THREAD_PAGE)
        root_exit();
    cptr_t done = thread_self()->done;
    for (;;)
        ipc_call(done, msginfo_make(DONE_LABEL, 0, 0, 1), (const word_t[4]){result});
}

static void thread_main(struct thread *t)
{
    const word_t *a = t->argument;
    thread_exit(t->function(a[0], a[1], a[2], a[3]));
}

static struct thread *thread_claim(word_t priority)
{
    must(thread_count < THREADS_MAX);
    struct thread *t = &threads[thread_count++];
    vaddr_t page = THREADS_VADDR + thread_index(t) * THREAD_PAGE;
    *t = (struct thread){.buffer = (word_t *)page,
                         .stack_top = page + THREAD_PAGE,
                         .tcb = object_new(OBJECT_TCB, 0)};
    must_succeed(tcb_set_sched_params(t->tcb, INIT_TCB, 255, priority));
    must_succeed(tcb_set_tls_base(t->tcb, page));
    return t;
}

static void thread_configure(struct thread *t, word_t guard)
{
    must_succeed(
        tcb_configure(t->tcb, t->done, t->cspace, guard, t->vspace, (vaddr_t)t->buffer, stacks));
}

void thread_set_handler(struct thread *t, cptr_t handler)
{
    word_t guard = t->cspace == INIT_CNODE ? 0 : PROCESS_GUARD;
    must_succeed(tcb_set_space(t->tcb, handler, t->cspace, guard, t->vspace));
}

void thread_let_run(void)
{
    self_priority(50);
    self_priority(TOP);
}

static struct thread *thread_reporting_to(cptr_t endpoint, word_t priority)
{
    struct thread *t = thread_claim(priority);
    t->cspace = INIT_CNODE;
    t->vspace = INIT_VSPACE;
    t->fault_cap = t->done = cap_mint(endpoint, RIGHT_ALL, thread_index(t) + 1);
    thread_configure(t, 0);
    return t;
}

struct thread *thread_new(word_t priority)
{
    return thread_reporting_to(report, priority);
}

struct thread *runner_new(cptr_t supervisor)
{
    struct thread *t = thread_reporting_to(supervisor, TOP);
    t->stack_top = (vaddr_t)runner_stack + RUNNER_STACK;
    return t;
}

cptr_t image_frame(vaddr_t vaddr)
{
    return boot->user_image_frames.start + (vaddr - (vaddr_t)image_start) / 4096;
}

bool process_helpers;

cptr_t vspace_new(void)
{
    cptr_t vspace = object_new(OBJECT_PAGE_DIRECTORY, 0);
    must_succeed(process_helpers ? asid_pool_assign_with_helpers(INIT_ASID_POOL, vspace)
                                 : asid_pool_assign(INIT_ASID_POOL, vspace));
    vaddr_t first = (vaddr_t)image_start, end = (vaddr_t)image_end;
    for (vaddr_t v = first & ~(vaddr_t)(SECTION - 1); v < end; v += SECTION)
        map_table(vspace, v);
    for (vaddr_t v = first; v < end; v += 4096)
        must_succeed(page_map(cap_copy(image_frame(v), RIGHT_ALL), vspace, v, READ_WRITE,
                              VM_CACHEABLE | VM_PARITY));
    must_succeed(page_map(cap_copy(stacks, RIGHT_ALL), vspace, THREADS_VADDR, READ_WRITE,
                          VM_CACHEABLE | VM_PARITY | VM_EXECUTE_NEVER));
    return vspace;
}

struct thread *process_new(word_t priority)
{
    struct thread *t = thread_claim(priority);
    t->cspace = object_new(OBJECT_CNODE, PROCESS_RADIX);
    t->vspace = vspace_new();
    t->fault_cap = cap_mint(report, RIGHT_ALL, thread_index(t) + 1);
    t->next_slot = DONE_SLOT;
    t->done = thread_copy(t, t->fault_cap);
    thread_configure(t, PROCESS_GUARD);
    return t;
}

struct thread *thread_of_kind(bool process, word_t priority)
{
    return process ? process_new(priority) : thread_new(priority);
}

cptr_t thread_give(struct thread *t, cptr_t cap, word_t rights, word_t badge)
{
    bool local = t->cspace == INIT_CNODE;
    word_t slot = local ? slot_new() : t->next_slot++;
    word_t depth = local ? DEPTH : PROCESS_RADIX;
    enum syscall_error e =
        badge ? cnode_mint(t->cspace, slot, depth, INIT_CNODE, cap, DEPTH, rights, badge)
              : cnode_copy(t->cspace, slot, depth, INIT_CNODE, cap, DEPTH, rights);
    must_succeed(e);
    return slot;
}

cptr_t thread_copy(struct thread *t, cptr_t cap)
{
    return thread_give(t, cap, RIGHT_ALL, 0);
}

void thread_start(struct thread *t, thread_function f, word_t a, word_t b, word_t c, word_t d)
{
    t->function = f;
    t->argument[0] = a;
    t->argument[1] = b;
    t->argument[2] = c;
    t->argument[3] = d;
    t->finished = t->faulted = false;
    must_succeed(
        tcb_start(t->tcb, true, (vaddr_t)thread_main, t->stack_top, (const word_t[4]){(word_t)t}));
}

struct thread *thread_run(word_t priority, thread_function f, word_t a, word_t b)
{
    struct thread *t = thread_new(priority);
    thread_start(t, f, a, b, 0, 0);
    return t;
}

/* Takes one report: somebody ended or faulted. */
static void take_report(void)
{
    struct ipc_regs r = ipc_recv(report);
    word_t i = r.badge - 1;
    if (i >= thread_count) {
        check_note("report with badge 0x%x tag 0x%x", r.badge, r.tag);
        thread_exit(0);
    }
    struct thread *t = &threads[i];
    t->faulted = msginfo_label(r.tag) != DONE_LABEL;
    t->result = r.mr[0];
    t->fault = r;
    t->finished = true;
}

void thread_wait(struct thread *t)
{
    while (!t->finished)
        take_report();
}

word_t thread_join(struct thread *t)
{
    thread_wait(t);
    if (t->faulted)
        check_note("thread %u faulted: tag 0x%x, 0x%x 0x%x 0x%x 0x%x", thread_index(t),
                   t->fault.tag, t->fault.mr[0], t->fault.mr[1], t->fault.mr[2], t->fault.mr[3]);
    return t->result;
}

bool thread_joined_faulty(struct thread *t)
{
    thread_wait(t);
    if (!t->faulted)
        check_note("thread %u ended with 0x%x instead of a fault", thread_index(t), t->result);
    return t->faulted;
}

void self_priority(word_t priority)
{
    check_equal(tcb_set_priority(thread_self()->tcb, INIT_TCB, priority), SEL4_NO_ERROR);
}

void map_table(cptr_t vspace, vaddr_t vaddr)
{
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0);
    must_succeed(page_table_map(table, vspace, vaddr, VM_CACHEABLE | VM_PARITY));
}

cptr_t map_new(enum object_type type, vaddr_t vaddr)
{
    const word_t attributes = VM_CACHEABLE | VM_PARITY;
    cptr_t frame = object_new(type, 0);
    enum syscall_error e = page_map(frame, INIT_VSPACE, vaddr, READ_WRITE, attributes);
    if (e == SEL4_FAILED_LOOKUP) {
        map_table(INIT_VSPACE, vaddr);
        e = page_map(frame, INIT_VSPACE, vaddr, READ_WRITE, attributes);
    }
    must_succeed(e);
    return frame;
}
