/* The registers that a mainline kernel has saved of a thread. */
#ifndef CAPSCOPE_ATTACH_SEL4_REGISTERS_H
#define CAPSCOPE_ATTACH_SEL4_REGISTERS_H

#include "attach/sel4_door.h"
#include "objwalk/walker.h"

/* t: a thread of the last walk. ERR_READ. */
enum error sel4_registers(struct sel4_side *s, const struct record_thread *t,
                          struct walker_registers *out);

#endif
