/* A small program for a hosted domain (user/lib/handover.h): tries what it was given, tells what it
 * found as `NAME: ok - claim`, and then goes wrong on purpose: at its first start by a wild
 * pointer, at its second by a loop, and at its third it asks to be off. */
#ifndef CAPSCOPE_USER_CLIENT_CLIENT_H
#define CAPSCOPE_USER_CLIENT_CLIENT_H

#include "user/lib/handover.h"
#include "user/lib/resource.h"
#include "user/lib/user.h"

extern const struct handover *given;

void claim(const char *text, bool holds);

/* alone.c: with untyped memory of its own */
void try_alone(const struct bootinfo *info);
/* served.c: with a resource server */
void try_served(void);

/* thread.c: what threads of it execute, and what they must do then; the same for both */
void thread_program(void);
void try_thread_faults(vaddr_t wild);
enum { THREAD_NUMBER = 0x123, THREAD_ANSWER = 0x55 };

#endif
