/* The fixture of kernel tests: a booted kernel over simulated memory, system calls as a program
 * makes them, and a check of every invariant.
 *
 *     sim_boot();
 *     cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
 *     assert_int_equal(sim_call(INIT_CNODE, INV_CNODE_DELETE, SIM_CAPS(), SIM_MRS(ep, 32)),
 * SEL4_NO_ERROR); sim_check(); sim_end();
 *
 * Calls are made by whatever thread is current: at first the root task, whose CSpace is the root
 * CNode, so that slot n is capability address n.  When a call blocks, or another thread is chosen,
 * the functions return at once with sim_reply.returned = false, and the new current thread is the
 * one that calls next.  A thread that was preempted in a long operation is run until it is through,
 * unless somebody else becomes current. */
#ifndef CAPSCOPE_TESTS_SIM_H
#define CAPSCOPE_TESTS_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/bootinfo.h"
#include "objwalk/memview.h"
#include "plat/hostsim/hostsim.h"

/* ---- booting ------------------------------------------------------------------------------------
 */
void sim_boot(void); /* a fresh kernel; hooks that are set in `hostsim` stay */
void sim_boot_config(const struct hostsim_config *config);
void sim_end(void); /* checks the invariants a last time, frees the machine */

/* ---- system calls -------------------------------------------------------------------------------
 */
struct sim_words {
    unsigned n;
    word_t w[MSG_MAX_LENGTH];
};
struct sim_caps {
    unsigned n;
    cptr_t c[MSG_MAX_EXTRA_CAPS];
};
/* SIM_MRS(1, 2), SIM_MRS(): message words; SIM_CAPS(slot, slot): extra capabilities. */
#define SIM_COUNT(...) ((unsigned)(sizeof((const word_t[]){0, ##__VA_ARGS__}) / sizeof(word_t) - 1))
#define SIM_MRS(...)   ((struct sim_words){SIM_COUNT(__VA_ARGS__), {__VA_ARGS__}})
#define SIM_CAPS(...)  ((struct sim_caps){SIM_COUNT(__VA_ARGS__), {__VA_ARGS__}})

/* What the last call left in the registers and the IPC buffer of the thread that made it. */
struct sim_reply {
    bool returned; /* the caller is current again and past its svc */
    word_t badge;
    word_t tag;
    word_t label;
    word_t length;
    word_t extra;
    word_t unwrapped;
    word_t mr[MSG_MAX_LENGTH]; /* r2..r5, then the buffer */
    word_t regs[REG_COUNT];
    unsigned restarts; /* how often the svc was executed again */
};
extern struct sim_reply sim_reply;

/* Registers r0..r7 (r7: the number) into the current thread, then svc. Returns r0. */
word_t sim_syscall(word_t number, const word_t regs[6]);
/* Registers and buffer set as for a message, then the system call `number`. */
void sim_message(word_t number, cptr_t cptr, word_t label, struct sim_caps caps,
                 struct sim_words mrs);
/* A Call; returns the label of the answer (for an invocation, enum syscall_error). */
word_t sim_call(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs);
void sim_send(cptr_t cptr, word_t label, struct sim_caps caps, struct sim_words mrs);
word_t sim_recv(cptr_t cptr); /* returns the badge */
void sim_yield(void);
/* The current thread is about to execute an svc again (it was restarted): let it. Fills
 * sim_reply. */
void sim_continue(void);
bool sim_is_at_svc(void); /* is the current thread about to execute an svc again? */
/* Takes pending interrupts, as the hardware would with interrupts enabled. */
void sim_take_irqs(void);
/* One timer tick. */
void sim_tick(void);

/* ---- threads ------------------------------------------------------------------------------------
 */
struct sim_thread {
    cptr_t tcb;
    cptr_t buffer; /* its IPC buffer frame */
    struct tcb *p;
};
/* A TCB with the root task's CSpace and VSpace, an IPC buffer of its own, fault handler `handler`
 * (0: none), named `name`. Not running. */
struct sim_thread sim_thread_new(const char *name, word_t priority, cptr_t handler);
void sim_thread_start(struct sim_thread t); /* TCB_Resume */
/* Makes it the current thread by Yield of whoever runs; it must be runnable and no runnable thread
 * may have a higher priority. */
void sim_become(struct tcb *t);
struct tcb *sim_root(void);        /* the root task's TCB */
word_t *sim_buffer(struct tcb *t); /* its IPC buffer; NULL: none */

/* ---- slots and objects --------------------------------------------------------------------------
 */
struct slot *sim_slot(cptr_t slot); /* of the root CNode */
struct cap sim_cap(cptr_t slot);
cptr_t sim_free_slots(unsigned n); /* first of n empty slots in a row; the cursor only moves up */
const struct bootinfo *sim_bootinfo(void);
cptr_t sim_untyped(void); /* the biggest RAM untyped */
/* Untyped_Retype of `count` objects into root slots from `dest` on; returns the error. */
word_t sim_retype(cptr_t untyped, enum object_type type, word_t size_bits, cptr_t dest,
                  word_t count);
/* One object (or n in a row) in fresh slots, out of sim_untyped() while it lasts; must succeed. */
cptr_t sim_new(enum object_type type, word_t size_bits);
cptr_t sim_new_many(enum object_type type, word_t size_bits, unsigned n);
/* Within the root CNode at depth 32; each returns the error. */
word_t sim_copy(cptr_t dest, cptr_t src, word_t rights);
word_t sim_mint(cptr_t dest, cptr_t src, word_t rights, word_t data);
word_t sim_move(cptr_t dest, cptr_t src);
word_t sim_delete(cptr_t slot);
word_t sim_revoke(cptr_t slot);

/* ---- checks -------------------------------------------------------------------------------------
 */
/* Fails the test unless: the derivation list is a list; each occupied slot of each CNode, TCB,
 * zombie and interrupt stands in it exactly once and nothing else does; what lies inside an untyped
 * stands below it and under its watermark; objects do not overlap; ready queues hold runnable
 * threads, once; the running digest is that of the slots. */
void sim_check(void);
unsigned sim_slot_count(void); /* occupied slots in the derivation list */

/* Simulated memory for objwalk. */
struct memview sim_memview(void);

/* For tables of tests: setup and teardown that boot and end. */
int sim_setup(void **state);
int sim_teardown(void **state);

#endif
