/* The benchmark's root task: objects it works on, and how it announces what comes next. */
#ifndef CAPSCOPE_USER_BENCH_BENCH_H
#define CAPSCOPE_USER_BENCH_BENCH_H

#include "user/bench/operations.h"
#include "user/lib/user.h"

enum {
    REPEATS = 16,
    DEPTH = 32,
    PRIORITY = 100,     /* of the measuring thread */
    WORK_BITS = 20,     /* untyped that each measurement uses anew */
    MANY = 256,         /* objects of a large Retype or revoke */
    SCRATCH_RADIX = 10, /* slots for them */
};

/* Announces operation `name` (operations.h); costs one instruction. */
#define mark(name) __asm__ volatile("pld [pc, #-%c0]" ::"i"(MARK_##name) : "memory")

struct ipc_message {
    word_t mr[MSG_REGISTERS];
};

/* Capabilities in the root's CNode, made by setup(). */
extern cptr_t work;      /* untyped of 2^WORK_BITS */
extern cptr_t endpoint;  /* unbadged, all rights */
extern cptr_t scratch;   /* CNode of 2^SCRATCH_RADIX empty slots */
extern cptr_t free_slot; /* an empty slot of the root's CNode; also free_slot + 1 and on */

void setup(const struct bootinfo *info);
cptr_t new_object(enum object_type type, word_t size_bits);

/* A thread in an address space of its own that shares image and CNode, started at `function`. */
void start_thread(void (*function)(void), word_t priority, cptr_t fault_endpoint);

void measure_ipc(void);    /* ipc.c */
void measure_memory(void); /* memory.c */

#endif
