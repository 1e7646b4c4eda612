/* A root task that needs no debug system calls: it carves the page of UART1 out of a device
 * untyped, maps it and prints through it, on a release kernel as on a debug one.
 *
 * A page deep inside a device untyped is reached by handing out what lies before it: the blocks of
 * its offset's binary digits, largest first, each aligned where the last one ended. */
#include "user/lib/user.h"

#include "lib/format.h"

enum {
    UART1 = 0x43f90000,
    UART_UTXD = 0x40 / 4,
    UART_USR1 = 0x94 / 4,
    USR1_TRDY = 1 << 13,
    DEPTH = 32,
    PAGE_BITS = 12,
    READ_WRITE = 3,
    UART_VADDR = 0x80000, /* below 1 MiB, where the image's page table serves */
};

static volatile word_t *uart;

static void put(void *ctx, char c)
{
    (void)ctx;
    while (!(uart[UART_USR1] & USR1_TRDY))
        ;
    uart[UART_UTXD] = (uint8_t)c;
}

static void print(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
}

/* Index in untyped_list of the device untyped that holds paddr, or the list's length. */
static word_t find_untyped(const struct bootinfo *info, paddr_t paddr)
{
    word_t n = info->untyped.end - info->untyped.start;
    for (word_t i = 0; i < n; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device && paddr - u->paddr < (word_t)1 << u->size_bits)
            return i;
    }
    return n;
}

/* Puts a frame capability for the page at paddr into slot *next; false when the kernel refuses. */
static bool carve_page(const struct bootinfo *info, paddr_t paddr, word_t *next)
{
    word_t i = find_untyped(info, paddr);
    cptr_t untyped = info->untyped.start + i;
    if (untyped == info->untyped.end)
        return false;
    word_t offset = paddr - info->untyped_list[i].paddr;
    for (word_t bits = 29; bits >= PAGE_BITS; bits--) {
        if (offset >> bits & 1 && untyped_retype(untyped, OBJECT_UNTYPED, bits, INIT_CNODE, 0, 0,
                                                 (*next)++, 1) != SEL4_NO_ERROR)
            return false;
    }
    return untyped_retype(untyped, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, *next, 1) == SEL4_NO_ERROR;
}

void user_main(const struct bootinfo *info)
{
    word_t next = info->empty.start;
    if (!carve_page(info, UART1, &next) ||
        page_map(next, INIT_VSPACE, UART_VADDR, READ_WRITE, VM_EXECUTE_NEVER) != SEL4_NO_ERROR)
        return; /* no way to tell anybody */
    uart = (volatile word_t *)UART_VADDR;
    print("uart: UART1 is slot %u\nuart: done\n", next);
}
