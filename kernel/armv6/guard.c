/* Guarded reads and writes: the range check and the choice of width; guard_copy.S does the copying.
 */
#include "kernel/armv6/guard.h"

#include "kernel/board.h"

uint32_t guard_copy_words(void *to, const void *from, uint32_t words);
uint32_t guard_copy_bytes(void *to, const void *from, uint32_t bytes);

enum { WINDOW_BYTES = 0x0ff00000 }; /* KERNEL_WINDOW up to the kernel's device pages */

static bool guard_refuses(kaddr_t addr, uint32_t len)
{
    if (len != 0 && addr + (len - 1) < addr)
        return true;
    if (addr + len <= KERNEL_WINDOW + board.ram_size)
        return false;
    return addr < KERNEL_WINDOW + WINDOW_BYTES;
}

static bool guard_copy(void *to, const void *from, uint32_t len)
{
    if ((((uint32_t)to | (uint32_t)from | len) & 3) == 0)
        return guard_copy_words(to, from, len / 4) != 0;
    return guard_copy_bytes(to, from, len) != 0;
}

bool arch_guarded_read(kaddr_t addr, void *buf, uint32_t len)
{
    return !guard_refuses(addr, len) && guard_copy(buf, (const void *)addr, len);
}

bool arch_guarded_write(kaddr_t addr, const void *buf, uint32_t len)
{
    return !guard_refuses(addr, len) && guard_copy((void *)addr, buf, len);
}
