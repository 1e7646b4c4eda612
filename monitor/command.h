/* The table of commands. */
#ifndef CAPSCOPE_MONITOR_COMMAND_H
#define CAPSCOPE_MONITOR_COMMAND_H

#include "monitor/args.h"

/* When a command may run. While the kernel runs it is held for the length of the command. */
enum command_when {
    WHEN_RUNNING = 1,
    WHEN_STOPPED = 2,
    WHEN_PANICKED = 4,
    WHEN_ANY = 7,
};

struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;
    unsigned most; /* words behind the name; more are refused, not ignored */
    unsigned when; /* bits of enum command_when */
    enum error (*run)(const struct args *a);
};

/* Is the line one that carries frames? */
bool command_on_serial(void);
/* "for SECONDS" from word `at` on: how long something lasts when the line falls silent. */
enum error command_lease(const struct args *a, uint32_t at, uint32_t *seconds);

/* show.c, memory.c, trace.c, stop.c, wire_out.c: each prints, and returns what monitor_execute()
 * returns; ERR_ARGUMENT makes the dispatcher add the usage line. */
enum error command_threads(const struct args *a);
enum error command_objects(const struct args *a);
enum error command_cnode(const struct args *a);
enum error command_slot(const struct args *a);
enum error command_cdt(const struct args *a);
enum error command_untyped(const struct args *a);
enum error command_frame(const struct args *a);
enum error command_who(const struct args *a);
enum error command_vspace(const struct args *a);
enum error command_irqs(const struct args *a);
enum error command_sched(const struct args *a);
enum error command_audit(const struct args *a);
enum error command_snapshot(const struct args *a);
enum error command_trace(const struct args *a);
enum error command_break(const struct args *a);
enum error command_delete(const struct args *a);
enum error command_step(const struct args *a);
enum error command_finish(const struct args *a);
enum error command_where(const struct args *a);
enum error command_continue(const struct args *a);
enum error command_halt(const struct args *a);
enum error command_mem(const struct args *a);
enum error command_refusals(const struct args *a);

#endif
