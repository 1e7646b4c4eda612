/* Threads as gdb counts them: 1 is the kernel, every TCB is one more.
 *
 * A TCB's number is its physical address / 512, so it stays the same as long as the thread lives.
 * The table is made by walking the derivation list when it is first needed during a stop. */
#ifndef CAPSCOPE_GDBSTUB_THREADS_H
#define CAPSCOPE_GDBSTUB_THREADS_H

#include "layout/types.h"
#include "lib/format.h"

enum { THREADS_MAX = 2048, THREAD_KERNEL = 1 };

void threads_forget(void);    /* the kernel goes on: what was found is no longer true */
uint32_t threads_count(void); /* with the kernel */
uint32_t threads_at(uint32_t i);
bool threads_exists(uint32_t id);

uint32_t threads_id(kaddr_t tcb);
/* The TCB of an id; THREAD_KERNEL has the current thread's address space and no TCB: 0. */
kaddr_t threads_tcb(uint32_t id);
/* The page directory that user addresses go through for this thread; 0: none. */
kaddr_t threads_directory(uint32_t id);

/* Written to the sink, hostile bytes escaped. The name; its domain, state, what it waits for. */
void threads_name(uint32_t id, format_sink sink, void *ctx);
void threads_describe(uint32_t id, format_sink sink, void *ctx);

#endif
