/* A GDB server in front of another: gdb and LLDB on one side, the stub of an open gdb door on the
 * other.  What a plain stub lacks is added: each thread of the kernel is a thread to the debugger,
 * with name and reason, registers, and memory by its own page tables; `monitor cap` asks capscope.
 * What is not understood here goes to the stub and its answer back.
 *
 *   gdb  <--- proxy_line.c --- proxy_packets.c ---> gdb_client.h --->  stub
 *                              proxy_features.c registers' meanings, for LLDB
 *                              proxy_threads.c  the list, from one snapshot a stop
 *                              proxy_memory.c   registers and memory of a thread
 *                              proxy_stops.c    breakpoints, going on, why it stands
 *
 * A stub that knows the threads itself (the one in the kernel) is left to speak of registers,
 * memory and stops in its own words: its thread numbers are the same as here.
 *
 * One debugger at a time.  When it goes, detached or not, nothing that it planted stays, and a
 * machine that ran before it came runs. */
#ifndef CAPSCOPE_ATTACH_PROXY_H
#define CAPSCOPE_ATTACH_PROXY_H

#include "attach/attach.h"

/* What stands above this floor, asked from here. */
struct proxy_help {
    void *ctx;
    /* Why a thread is as it is, one printable line. */
    void (*reason)(void *ctx, const struct capstate *s, int32_t thread, char *buf, size_t size);
    /* The answer to `monitor cap LINE`; malloced, NULL: no memory. */
    char *(*answer)(void *ctx, const struct capstate *s, const char *line);
    /* A sentence for whoever started the proxy. */
    void (*say)(void *ctx, const char *sentence);
    bool (*is_over)(void *ctx); /* somebody wants it to end */
};

/* LISTEN: unix:PATH, tcp:PORT (this machine only) or tcp:HOST:PORT.  On failure `message` has a
 * sentence.  A socket file that nobody answers at is replaced, another file is not. */
enum error proxy_listen(const char *where, int *listener, char *message, size_t size);
void proxy_unlisten(const char *where, int listener);

/* Serves one debugger after the other until is_over() or until the stub is gone: then ERR_CLOSED
 * with a sentence in `message`.  a: an open gdb door, else ERR_UNSUPPORTED. */
enum error proxy_serve(struct attach *a, int listener, const struct proxy_help *help, char *message,
                       size_t size);

#endif
