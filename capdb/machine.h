/* Which run of which machine is at the other end of a line, as far as this system knows. */
#ifndef CAPSCOPE_CAPDB_MACHINE_H
#define CAPSCOPE_CAPDB_MACHINE_H

#include <stddef.h>

/* The QEMU behind a target, so that two doors of one machine are known to be of one, and a machine that
 * was started anew to be another: of a unix socket or a TCP connection that this process has open, of a
 * RAM file. "" where there is none on this computer, or it belongs to somebody else. Returns buf. */
char *machine_behind(const char *target, char *buf, size_t size);

#endif
