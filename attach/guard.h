/* A process that waits for the end of ours, however it comes, to put right what we leave behind.
 *
 * QEMU and OpenOCD leave a machine standing when the line to them ends.  Who is killed, or crashes,
 * while the machine stands for a look or at a breakpoint of ours cannot let it go any more.  The
 * guard can: the line between us tells it of our end, and it speaks to the stub over another. */
#ifndef CAPSCOPE_ATTACH_GUARD_H
#define CAPSCOPE_ATTACH_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct guard {
    int fd; /* our end of that line; -1: nobody stands guard */
};

/* Zeroed memory that the guard sees as it is when we end; NULL: there is none.  What pointers in it
 * lead to, the guard sees as it was when it was posted. */
void *guard_share(size_t bytes);
void guard_unshare(void *memory, size_t bytes);

/* after(ctx) runs in another process when this one has ended, unless guard_dismiss() came first.
 * Where the system has no room for a process nobody stands guard. */
void guard_post(struct guard *g, void (*after)(void *ctx), void *ctx);
void guard_dismiss(struct guard *g);
/* after(ctx) runs now, while this process goes on. False: nobody stood guard. */
bool guard_take_over(struct guard *g);

#endif
