/* Moments as people type them, by a clock that shows a day at a time:
 *
 *     11:47, 11:47:27(.5)      that time of day
 *     2026-11-29T11:47:27      that moment; a blank in place of the T will do
 *
 * With Z behind it: UTC. A moment told in whole seconds is the second, in whole minutes the minute.
 * A time of day has many days, and in the night in which clocks are put back two hours of one: what is
 * meant lies in what was recorded if that has it; on the day at hand rather than on another, before
 * what is at hand rather than behind it, and as near to it as can be. */
#ifndef CAPSCOPE_LIB_HOST_CLOCK_TEXT_H
#define CAPSCOPE_LIB_HOST_CLOCK_TEXT_H

#include <stdbool.h>

/* Seconds since 1970. */
struct clock_frame {
    double first, last; /* of what was recorded: the earliest and the latest */
    double near;        /* what is at hand */
    bool utc;           /* what has no Z is UTC, too, and not this computer's clock */
};
struct clock_moment {
    double time, length;
};

/* False: it is no such text. */
bool clock_text_read(const char *text, const struct clock_frame *f, struct clock_moment *out);

/* -30s, -5m, -2h, -1d: so many seconds before what the reader knows. False: it is no such text. */
bool clock_text_ago(const char *text, double *seconds);

/* FILE@MOMENT, where no file has that whole name and FILE is one: the path ends before the @ then.
 * Returns the moment, a number or a time, which may be none yet; NULL: there is none. */
const char *clock_text_of_file(char *path);

#endif
