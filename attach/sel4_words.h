/* Commands that stop and step a mainline kernel, in the words of the serial monitor
 * (docs/monitor.md). What each asks of the machine is left to the door. */
#ifndef CAPSCOPE_ATTACH_SEL4_WORDS_H
#define CAPSCOPE_ATTACH_SEL4_WORDS_H

#include "attach/sel4_stop.h"

/* What is to follow a command. */
enum sel4_motion {
    SEL4_STAY,   /* nothing: the answer is complete */
    SEL4_GO,     /* let the machine run */
    SEL4_FOLLOW, /* let it run until it stops for us, then say where */
    SEL4_HALT,   /* stop it, then say where */
    SEL4_LOOK,   /* say where */
};

/* Does what the line asks of `s`. A command that makes no sense says why in the answer; ERR_OK then
 * too. `halted`: the machine stands. */
enum error sel4_words_command(struct sel4_stops *s, const char *line, bool halted, struct text *out,
                              enum sel4_motion *then);
/* Where the machine stands, and of a revoke under way what is left, by the last walk. `running`: it
 * does not stand. */
enum error sel4_words_where(const struct sel4_stops *s, bool running, struct text *out);
/* "condition 1: victim 0x… endpoint 0x…": one line without its end. */
enum error sel4_words_stop(const struct sel4_stops *s, struct text *out);

#endif
