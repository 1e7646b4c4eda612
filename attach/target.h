/* The grammar of targets (attach.h):
 *
 *   target = door ":" line | "ram:" FILE
 *   door   = "monitor" | "gdb"
 *   line   = "unix:" PATH | "tcp:" HOST ":" PORT | "tcp:[" HOST "]:" PORT | DEVICE [ "," BAUD ]
 *   DEVICE begins with "/". */
#ifndef CAPSCOPE_ATTACH_TARGET_H
#define CAPSCOPE_ATTACH_TARGET_H

#include "lib/errors.h"

#include <stdint.h>

enum target_door { DOOR_MONITOR, DOOR_GDB, DOOR_RAM };
enum target_line { LINE_NONE, LINE_UNIX, LINE_TCP, LINE_SERIAL };
enum { TARGET_TEXT_MAX = 1024, TARGET_BAUD = 115200 };

struct target {
    enum target_door door;
    enum target_line line;
    char path[TARGET_TEXT_MAX]; /* socket, device or file; host for tcp */
    char port[8];               /* tcp: decimal, 1..65535 */
    uint32_t baud;              /* serial */
};

/* ERR_ARGUMENT: *why is a sentence that says what is wrong. */
enum error target_parse(const char *text, struct target *out, const char **why);

#endif
