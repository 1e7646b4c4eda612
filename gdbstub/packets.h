/* What each packet asks for (GDB manual, appendix "Remote Protocol", section "Packets"). */
#ifndef CAPSCOPE_GDBSTUB_PACKETS_H
#define CAPSCOPE_GDBSTUB_PACKETS_H

#include "wire/gdb_packet.h"

/* Acts on a packet while the kernel stands; true: `reply` is to be sent. What is unknown gets the
 * empty reply. */
bool packets_handle(const struct gdb_decoder *d);

#endif
