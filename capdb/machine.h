/* Which run of which machine is at the other end of a line, as far as this system knows. */
#ifndef CAPSCOPE_CAPDB_MACHINE_H
#define CAPSCOPE_CAPDB_MACHINE_H

#include <stddef.h>

/* For a target through a unix socket that this process has open: the process that answers there, so
 * that two doors of one machine are known to be of one. "" for all others. Returns buf. */
char *machine_behind(const char *target, char *buf, size_t size);

#endif
