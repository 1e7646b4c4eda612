/* The monitor's commands, for the serial line and for `monitor ...` in gdb: one table. */
#ifndef CAPSCOPE_MONITOR_MONITOR_H
#define CAPSCOPE_MONITOR_MONITOR_H

#include "lib/errors.h"
#include "lib/format.h"

/* Executes one command line with the kernel standing still; text goes to the sink with '\n' at line
 * ends. ERR_OK, or what the text has explained: ERR_ARGUMENT, ERR_NOT_FOUND, ERR_REFUSED (not now),
 * ERR_UNSUPPORTED (not on this line)... Returns before a `continue`, `step` or `halt` takes effect.
 * Must not be called from inside a command. */
enum error monitor_execute(const char *line, format_sink sink, void *ctx);

/* The same for the serial line, whose reader may interrupt and which carries frames. */
enum error monitor_execute_serial(const char *line, format_sink sink, void *ctx,
                                  bool (*interrupted)(void));

#endif
