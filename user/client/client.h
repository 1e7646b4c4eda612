/* A small program for a hosted domain (user/lib/handover.h): tries what it was given, tells what it
 * found as `NAME: ok - claim`, and then goes wrong on purpose: at its first start by a wild
 * pointer, at its second by a loop, of requests when it is served, and at its third it asks to be
 * off. The second of two clients asks for all that there is, and for nonsense, and goes on asking,
 * whatever becomes of the first. */
#ifndef CAPSCOPE_USER_CLIENT_CLIENT_H
#define CAPSCOPE_USER_CLIENT_CLIENT_H

#include "user/lib/handover.h"
#include "user/lib/resource.h"
#include "user/lib/user.h"

extern const struct handover *given;

void claim(const char *text, bool holds);

/* alone.c: with untyped memory of its own */
void try_alone(const struct bootinfo *info);
/* ask.c: requests of a resource server. An object, or its first handle; 0: refused. */
extern word_t answer[MSG_REGISTERS];
enum resource_result ask(enum resource_request what, word_t words, word_t w0, word_t w1, word_t w2);
word_t left(void); /* bytes that may still be had */
word_t frames(word_t count);
word_t object(enum resource_kind kind, word_t space, vaddr_t vaddr);
enum resource_result map(word_t frame, word_t table, word_t rights, vaddr_t vaddr);
enum resource_result give_back(word_t handle);
/* A page is mapped, in the table that lies there, and clear. */
bool reads(word_t frame, word_t table, vaddr_t vaddr);

enum service {
    PAGE = 4096,
    SECTION = 1 << 20,
    SOME_FRAMES = 16,
    ALL_HANDLES = 0x8000,
    RW = RESOURCE_READ | RESOURCE_WRITE,
    ENDS_VADDR = 0x60000000, /* for ends.c and nonsense.c; below, served.c */
};

/* served.c: with a resource server */
void try_served(void);
void be_served(void); /* a round of requests */
_Noreturn void be_served_on(void);
/* ends.c: up to what a client may have; nonsense.c: requests at random */
void try_ends(void);
void try_nonsense(void);

/* thread.c: what threads of it execute, and what they must do then; the same for both */
void thread_program(void);
void try_thread_faults(vaddr_t wild, word_t badge);
enum { THREAD_NUMBER = 0x123, THREAD_ANSWER = 0x55 };

#endif
