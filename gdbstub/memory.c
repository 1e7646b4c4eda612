/* Memory in pieces that do not cross a page: each is found, then read or written with guarded
 * loads and stores. */
#include "gdbstub/memory.h"

#include "gdbstub/threads.h"
#include "kernel/arch.h"
#include "kernel/armv6/guard.h"
#include "kernel/armv6/offsets.h"
#include "kernel/board.h"
#include "monitor/view.h"

enum { PAGE = 4096, CRC_PIECE = 256 };
#define CRC_POLYNOMIAL 0x04c11db7u

static uint32_t piece_length(uint32_t addr, uint32_t len)
{
    uint32_t left = PAGE - (addr & (PAGE - 1));
    return len < left ? len : left;
}

/* The window shows only RAM to users' addresses: device memory has no place there. */
bool memory_translate(kaddr_t directory, vaddr_t addr, kaddr_t *at)
{
    struct record_mapping m;
    struct objwalk *w = view_walk_quiet();
    if (!w || directory == 0 || objwalk_translate(w, directory, addr, &m) != ERR_OK)
        return false;
    paddr_t p = m.frame + (addr - m.vaddr);
    if (p - board.ram_base >= board.ram_size)
        return false;
    *at = kaddr_from_paddr(p);
    return true;
}

static bool find(kaddr_t directory, uint32_t addr, kaddr_t *at)
{
    if (addr < USER_TOP)
        return memory_translate(directory, addr, at);
    *at = addr;
    return true;
}

uint32_t memory_read(uint32_t thread, uint32_t addr, void *buf, uint32_t len)
{
    uint8_t *to = buf;
    uint32_t done = 0;
    kaddr_t directory = threads_directory(thread), at;
    while (done < len) {
        uint32_t n = piece_length(addr + done, len - done);
        if (addr + done < addr || !find(directory, addr + done, &at) ||
            !arch_guarded_read(at, to + done, n))
            break;
        done += n;
    }
    return done;
}

/* ---- checksums ---- */

static uint32_t crc_put(uint32_t crc, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        for (unsigned n = 0; n < 8; n++)
            crc = crc << 1 ^ (crc >> 31 != 0 ? CRC_POLYNOMIAL : 0);
    }
    return crc;
}

/* Where the file says that the kernel is loaded. */
static bool is_in_kernel_image(uint32_t addr, uint32_t len)
{
    const struct objwalk *w = view_walk_quiet();
    return w && addr >= w->roots.kernel_start && addr < w->roots.kernel_end &&
           len <= w->roots.kernel_end - addr;
}

static uint32_t load_address(uint32_t thread, uint32_t addr, uint32_t len)
{
    uint8_t byte;
    bool mapped = thread != THREAD_KERNEL && memory_read(thread, addr, &byte, 1) == 1;
    return is_in_kernel_image(addr, len) && !mapped ? kaddr_from_paddr(addr) : addr;
}

bool memory_crc(uint32_t thread, uint32_t addr, uint32_t len, uint32_t *crc)
{
    uint8_t piece[CRC_PIECE];
    uint32_t value = ~(uint32_t)0;
    if (len > board.ram_size)
        return false;
    addr = load_address(thread, addr, len);
    for (uint32_t done = 0, n; done < len; done += n) {
        n = len - done < CRC_PIECE ? len - done : (uint32_t)CRC_PIECE;
        if (memory_read(thread, addr + done, piece, n) != n)
            return false;
        value = crc_put(value, piece, n);
    }
    *crc = value;
    return true;
}

/* ---- writing ---- */

static bool is_ram(kaddr_t at)
{
    return at - KERNEL_WINDOW < board.ram_size || at - KERNEL_STACK_BASE < KERNEL_STACK_SIZE;
}

bool memory_write(uint32_t thread, uint32_t addr, const void *buf, uint32_t len)
{
    const uint8_t *from = buf;
    kaddr_t directory = threads_directory(thread), at;
    if (len != 0 && addr + (len - 1) < addr)
        return false;
    for (uint32_t done = 0; done < len; done += piece_length(addr + done, len - done))
        if (!find(directory, addr + done, &at) || !is_ram(at))
            return false;
    for (uint32_t done = 0; done < len;) {
        uint32_t n = piece_length(addr + done, len - done);
        if (!find(directory, addr + done, &at) || !arch_guarded_write(at, from + done, n))
            return false;
        arch_cache(CACHE_UNIFY, at, n, addr + done);
        done += n;
    }
    return true;
}
