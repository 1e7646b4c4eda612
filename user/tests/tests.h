/* The on-target tests: a root task that tests the kernel through system calls only.
 *
 * Every test runs in a thread of its own, the runner, at priority 254; the root's initial thread,
 * at 255, supervises: it hears of the runner's end or fault, and a watchdog (EPIT2) ends a runner
 * that hangs.  All objects of a test come from RAM untypeds that are revoked when it ends, so each
 * test also tests revocation: afterwards every untyped must be whole again.
 *
 * A check that fails is recorded and printed with the result; the test goes on.  What later steps
 * cannot do without is a must_ check, which ends the calling thread.
 *
 *   address space of the root and of every process
 *   0x00010000  image: code, data and bss, shared by all      0x10000000  one page for each thread:
 *   0x0f000000  devices (root only)                                       IPC buffer, then stack
 *   0x20000000  free for tests (AREA), up to 0xf0000000 */
#ifndef CAPSCOPE_USER_TESTS_TESTS_H
#define CAPSCOPE_USER_TESTS_TESTS_H

#include "user/lib/user.h"

struct test {
    const char *name; /* NAME0000 and the claim */
    void (*run)(void);
};
/* Each test file offers one table, ended by a null name; main.c lists them. */
#define TEST_FILES(X)                                                                              \
    X(trivial)                                                                                     \
    X(syscall)                                                                                     \
    X(golden)                                                                                      \
    X(bind)                                                                                        \
    X(cnodeop)                                                                                     \
    X(cspace)                                                                                      \
    X(domains)                                                                                     \
    X(cancel)                                                                                      \
    X(pagefault)                                                                                   \
    X(frames)                                                                                      \
    X(retype)                                                                                      \
    X(ipc)                                                                                         \
    X(ipcrights)                                                                                   \
    X(nbwait)                                                                                      \
    X(preempt)                                                                                     \
    X(pt)                                                                                          \
    X(regressions) X(sched) X(sync) X(threads) X(tls) X(helpers) X(vspace) X(cache) X(irq) X(timer)
#define X(name) extern const struct test name##_tests[];
TEST_FILES(X)
#undef X

/* ---- check.c: checks ---- */
#define check(condition) check_true_at(__FILE__, __LINE__, #condition, (condition))
#define check_equal(got, wanted)                                                                   \
    check_equal_at(__FILE__, __LINE__, #got, (word_t)(got), (word_t)(wanted))
#define must(condition)         must_at(check(condition))
#define must_equal(got, wanted) must_at(check_equal(got, wanted))
#define must_succeed(call)      must_at(check_equal((call), SEL4_NO_ERROR))
bool check_true_at(const char *file, int line, const char *what, bool holds);
bool check_equal_at(const char *file, int line, const char *what, word_t got, word_t wanted);
void must_at(bool holds);
void check_note(const char *fmt, ...); /* records a failure in words */
void check_reset(void);
bool check_failed(void);
const char *check_text(void); /* what failed, lines without newline at the end */

/* ---- object.c: capability slots and objects of the running test ---- */
enum { DEPTH = 32, READ_WRITE = RIGHT_READ | RIGHT_WRITE, RAM_UNTYPEDS_MAX = 32 };
void objects_init(const struct bootinfo *info);
void objects_keep(void);    /* what there is now stays for ever */
void objects_release(void); /* revokes and deletes what came since; checks that all came back */
extern const struct bootinfo *boot;
cptr_t slots_new(word_t count);
cptr_t slot_new(void);
/* Consecutive slots with fresh objects; ends the thread when there is no memory. */
cptr_t objects_new(enum object_type type, word_t size_bits, word_t count);
cptr_t object_new(enum object_type type, word_t size_bits);
/* 0 when no untyped has room */
cptr_t object_try(enum object_type type, word_t size_bits);
cptr_t cap_copy(cptr_t cap, word_t rights);
cptr_t cap_mint(cptr_t cap, word_t rights, word_t badge);
enum syscall_error cap_delete(cptr_t cap);
enum syscall_error cap_revoke(cptr_t cap);
bool slot_empty(cptr_t slot);               /* by moving it onto itself */
word_t untyped_free_bytes(cptr_t untyped);  /* by asking for more than there is */
word_t ram_untypeds(const cptr_t **caps);   /* those the tests may use, smallest first */
word_t ram_free_bytes(void);                /* over all of them */
cptr_t device_untyped(paddr_t paddr);       /* the one that begins there, or 0 */
volatile word_t *device_map(paddr_t paddr); /* for ever; NULL when the kernel refuses */

/* ---- thread.c: threads and processes ---- */
enum {
    THREADS_VADDR = 0x10000000,
    THREAD_PAGE = 4096,
    THREADS_MAX = 256,
    TOP = 254, /* the runner's priority */
    AREA = 0x20000000,
    SECTION = 0x100000,
    PROCESS_RADIX = 8,
    DONE_LABEL = 0x7d0e,
};
typedef word_t (*thread_function)(word_t, word_t, word_t, word_t);
struct thread {
    cptr_t tcb;       /* in the root's CSpace, as the following three */
    cptr_t cspace;    /* a CNode of its own, or the root's */
    cptr_t vspace;    /* a page directory of its own, or the root's */
    cptr_t fault_cap; /* endpoint for faults and for the end */
    cptr_t done;      /* the same in its own CSpace */
    word_t next_slot; /* in its own CNode */
    word_t *buffer;
    vaddr_t stack_top;
    thread_function function;
    word_t argument[4];
    volatile bool finished;
    bool faulted;
    word_t result;
    struct ipc_regs fault; /* when it faulted */
};
void threads_open(void);                     /* before the first thread of a test */
struct thread *thread_new(word_t priority);  /* shares CSpace and address space with the root */
struct thread *process_new(word_t priority); /* has its own */
extern bool process_helpers;                 /* its address space shows the user helpers */
struct thread *thread_of_kind(bool process, word_t priority);
struct thread *runner_new(cptr_t supervisor);
word_t thread_index(const struct thread *t);
/* Gives a capability, minted when badge is not 0; its address in the thread's own CSpace. */
cptr_t thread_give(struct thread *t, cptr_t cap, word_t rights, word_t badge);
cptr_t thread_copy(struct thread *t, cptr_t cap);
/* Faults go to this address in the thread's own CSpace instead of being reported. */
void thread_set_handler(struct thread *t, cptr_t handler);
/* Lets all threads above priority 50 run until they block. */
void thread_let_run(void);
/* From the start of the function, whatever the thread was doing. */
void thread_start(struct thread *t, thread_function f, word_t a, word_t b, word_t c, word_t d);
struct thread *thread_run(word_t priority, thread_function f, word_t a, word_t b);
void thread_wait(struct thread *t); /* for its end or fault */
/* Waits for the end; a fault is a failure.  Returns what the function returned. */
word_t thread_join(struct thread *t);
bool thread_joined_faulty(struct thread *t); /* waits for its fault, which is in t->fault */
_Noreturn void thread_exit(word_t result);   /* of the calling thread */
struct thread *thread_self(void);
void self_priority(word_t priority); /* of the calling thread */
/* A process's page directory with image and stacks mapped, nothing else. */
cptr_t vspace_new(void);
cptr_t image_frame(vaddr_t vaddr); /* the root's capability to the image's page there */

/* Maps a fresh frame at vaddr in the root's address space, with a page table where one lacks. */
cptr_t map_new(enum object_type type, vaddr_t vaddr);
void map_table(cptr_t vspace, vaddr_t vaddr); /* a page table there, if none is yet */

/* ---- message.c: messages with known contents ---- */
void message_fill(struct ipc_regs *r, word_t length, word_t seed);
word_t message_errors(const struct ipc_regs *r, word_t length, word_t seed);
word_t message_pattern(word_t seed, word_t i);
void message_poison(void); /* of the caller's buffer */
void receive_slot(cptr_t root, word_t index, word_t depth);

/* ---- timer.c: the board's timers ---- */
enum { GPT_IRQ = 29, EPIT2_IRQ = 27, WATCHDOG_BADGE = 0x0dead00 };
void timer_init(void);
void watchdog_start(word_t seconds);
void watchdog_acknowledge(void);
word_t watchdog_left(void);             /* ticks of 32768 Hz until it rings */
word_t gpt_now(void);                   /* microseconds */
void gpt_periodic(word_t microseconds); /* interrupts until gpt_stop() */
void gpt_acknowledge(void);
void gpt_await(void); /* spins until the period ends */
void gpt_stop(void);
cptr_t gpt_handler(cptr_t notification); /* its interrupt, sent to the notification */

/* ---- console.c ---- */
void console_init(void);
void console_pick(void); /* DebugPutChar where the kernel has it, else a driver for UART1 */
bool console_is_debug(void);
void console_print(const char *fmt, ...);

/* ---- registers.S: all registers around one instruction ---- */
struct registers {
    word_t r[13];
    word_t lr;
    word_t cpsr; /* in: flags only */
    word_t sp;   /* out: as after the instruction, and before it */
    word_t sp_before;
};
void registers_svc(struct registers *r);
void registers_load(struct registers *r);      /* ldr r0, [r0] */
void registers_store(struct registers *r);     /* str r1, [r0] */
void registers_call(struct registers *r);      /* blx r0; lr differs */
void registers_undefined(struct registers *r); /* 0xe7f000f0 */
void registers_svc_c1(struct registers *r);    /* svc 0xc1 */
extern char registers_svc_at[], registers_load_at[], registers_store_at[], registers_undefined_at[],
    registers_svc_c1_at[];
/* Stores all registers as it finds them and ends the thread: a place to start threads at. */
void registers_dump(void);
extern word_t registers_dumped[16]; /* r0..r12, lr, cpsr, sp */
/* ldrex, Yield, strex: 0 when the store took place */
word_t exclusive_across_yield(volatile word_t *word);
word_t exclusive_add(volatile word_t *word, word_t n);

#endif
