/* A root task that gives the questions of `capdb why-…` and `capdb retype` their subjects: threads
 * that cannot go on, each for another reason, and requests that a host foretells before the kernel
 * answers them.  It speaks in lines "why: ..." and stops in the debugger wherever the host has
 * something to ask; the end-to-end test lets it go on. */
#ifndef CAPSCOPE_USER_WHY_WHY_H
#define CAPSCOPE_USER_WHY_WHY_H

#include "user/lib/user.h"

enum { WHY_DEPTH = 32 };

/* --- main.c: memory and threads --- */
cptr_t why_slots(word_t count); /* empty ones, in a row */
cptr_t why_new(enum object_type type, word_t size_bits);
word_t why_random(word_t below);
/* The host may look now; goes on when it says so. */
void why_pause(void);

/* A thread in the root task's address space with a CSpace of its own: slot n is the address n. */
enum { WHY_RADIX = 4 };
struct why_thread {
    cptr_t tcb, cnode;
    vaddr_t stack;
};
struct why_thread why_thread(const char *name, word_t priority, cptr_t handler);
void why_start(const struct why_thread *t, void (*body)(void));
void why_hand(const struct why_thread *t, word_t slot, cptr_t cap, word_t rights);
/* The root task keeps nothing of it: whoever is in the way of a thread, it is not the root task. */
void why_let_go(cptr_t cap);

/* --- situations.c: all of them --- */
void why_situations(const struct bootinfo *info);

/* --- faults.c: what is not there, or not allowed --- */
void why_faults(const struct bootinfo *info);

/* --- losses.c: what is there at a first pause and gone at a second one --- */
void why_losses(void);

/* --- requests.c --- */
void why_retypes(const struct bootinfo *info, word_t count);
void why_look_ups(word_t count);

#endif
