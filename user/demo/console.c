/* The root's console on the release kernel: UART1, polled (i.MX31 manual 31). The debug kernel has
 * one of its own, and there the line is the monitor's. */
#include "user/demo/demo.h"

enum {
    UART1_PADDR = 0x43f90000,
    UART_VADDR = 0x820000,
    UTXD = 0x40 / 4,
    UCR1 = 0x80 / 4,
    UCR2 = 0x84 / 4,
    USR1 = 0x94 / 4,
    UCR1_ENABLE = 1,
    UCR2_RUN = 1 << 14 | 1 << 5 | 1 << 2 | 1, /* ignore RTS, 8 bits, transmitter, no reset */
    USR1_TRDY = 1 << 13,
};

static volatile word_t *const uart = (volatile word_t *)UART_VADDR;

static void uart_put_raw(char c)
{
    while (!(uart[USR1] & USR1_TRDY))
        ;
    uart[UTXD] = (uint8_t)c;
}

static void uart_put(char c)
{
    if (c == '\n')
        uart_put_raw('\r');
    uart_put_raw(c);
}

/* After the domains of this image are built: they got a copy of its data. */
void console_open(void)
{
    if (user_has_debug_calls())
        return;
    cptr_t frame = root_retype(root_device(UART1_PADDR), OBJECT_FRAME_4K, 0, 1);
    user_check(
        page_map(frame, INIT_VSPACE, UART_VADDR, RIGHT_READ | RIGHT_WRITE, VM_EXECUTE_NEVER));
    uart[UCR1] |= UCR1_ENABLE;
    uart[UCR2] |= UCR2_RUN;
    user_console = uart_put;
}
