/* Memory as gdb asks for it: from 0xf0000000 on the kernel's own addresses, below that a thread's,
 * translated through its page directory. Nothing here aborts. */
#ifndef CAPSCOPE_GDBSTUB_MEMORY_H
#define CAPSCOPE_GDBSTUB_MEMORY_H

#include "layout/types.h"

/* Returns how many bytes from `addr` on could be read, 0: none. */
uint32_t memory_read(uint32_t thread, uint32_t addr, void *buf, uint32_t len);
/* The checksum that gdb compares a file's sections by: CRC-32, most significant bit first, begun
 * with all ones (GDB manual, "qCRC").  gdb asks at the addresses where the file is loaded, which
 * for the kernel's own are physical: so a range in the kernel's image is the kernel's, unless
 * `thread` maps it.  False: not all of it can be read. */
bool memory_crc(uint32_t thread, uint32_t addr, uint32_t len, uint32_t *crc);
/* RAM only, and all of it or nothing; code among it is fetched anew. */
bool memory_write(uint32_t thread, uint32_t addr, const void *buf, uint32_t len);

/* Where a user address of a page directory lies in the kernel window: false if it is not mapped or
 * not RAM. */
bool memory_translate(kaddr_t directory, vaddr_t addr, kaddr_t *at);

#endif
