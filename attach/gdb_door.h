/* What the proxy (attach/proxy.h) uses of an open gdb door beyond attach.h: the line to the stub
 * and the walker. */
#ifndef CAPSCOPE_ATTACH_GDB_DOOR_H
#define CAPSCOPE_ATTACH_GDB_DOOR_H

#include "attach/door.h"
#include "attach/gdb_client.h"
#include "objwalk/walker.h"

struct gdb_client *gdb_door_client(struct attach *a);
struct walker *gdb_door_walker(struct attach *a);
/* What was read is forgotten: the machine moved, or its memory was written. */
void gdb_door_forget(struct attach *a);
/* What the stub calls an address of the kernel's. */
uint32_t gdb_door_address(struct attach *a, uint32_t kaddr);
/* Of the standing machine, past what is kept. ERR_READ: there is no memory. */
enum error gdb_door_read(struct attach *a, uint32_t kaddr, void *buf, uint32_t len);

#endif
