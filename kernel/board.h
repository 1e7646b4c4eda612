/* What the kernel asks of a board: console, interrupt controller, timer, memory. A board is a
 * folder under plat/ that implements this. */
#ifndef CAPSCOPE_KERNEL_BOARD_H
#define CAPSCOPE_KERNEL_BOARD_H

#include "kernel/kernel.h"

enum { BOARD_NO_IRQ = 0xff };

/* A physical region users never get: kernel devices, RAM and where RAM may answer again. End is
 * exclusive; 0 stands for 2^32. */
struct board_region {
    paddr_t start;
    paddr_t end;
};

struct board {
    const char *name;
    paddr_t ram_base;
    word_t ram_size;       /* what of it the kernel uses; a board may measure it in board_init() */
    paddr_t ram_alias_end; /* exclusive: from the end of RAM up to here RAM may answer again, from
                            * its beginning; the end of RAM if it never does */
    const struct board_region *reserved; /* ascending, RAM and its aliases among them */
    word_t reserved_count;
};
extern const struct board board;

/* Devices that the kernel uses, 4 KiB each; the processor's side maps entry i at
 * BOARD_DEVICE_WINDOW + i * 4096 before board_init(). At most 32. */
#define BOARD_DEVICE_WINDOW 0xfff00000u
extern const paddr_t board_devices[];
extern const word_t board_device_count;

void board_init(void); /* console, interrupt controller, EPIT1 as tick; called with the MMU on */
word_t board_irq_pending(void); /* number of a pending unmasked interrupt or BOARD_NO_IRQ */
void board_irq_mask(word_t irq);
void board_irq_unmask(word_t irq);
void board_timer_ack(void);
word_t board_timer_count(void); /* falls, from 64 on the board, and begins anew with each tick */

/* Serial lines, polled; line 0 is UART1 (console and monitor), line 1 UART2 (gdb stub). */
void board_serial_put(unsigned line, uint8_t byte);
void board_serial_write(unsigned line, const uint8_t *bytes, uint32_t n);
int board_serial_get(unsigned line);                  /* -1: nothing there */
void board_serial_irq_enable(unsigned line, bool on); /* receive interrupt */
word_t board_serial_irq(unsigned line);
word_t board_clock(void);       /* free-running counter, for event times; microseconds, */
bool board_clock_is_ours(void); /* unless a program drives it */
/* The register it reads, on the board, for the trace, which cannot afford a call. */
#define BOARD_CLOCK_REGISTER (BOARD_DEVICE_WINDOW + 0x5024u)

#endif
