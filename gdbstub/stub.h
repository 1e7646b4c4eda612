/* GDB's remote stub in the debug kernel: the session with one gdb.
 *
 *   UART2, or UART1 while the monitor lends it
 *      |  bytes
 *   stub.c      packets in and out, acknowledgements, stops, the session
 *   packets.c   the table of packets
 *      +-- registers.c  memory.c  breakpoints.c  xml.c
 *      +-- threads.c    what a thread is
 *   planted.c   BKPT instructions and the exception that they give
 *
 * The first byte of a packet stops the kernel, and it stands until gdb lets it go on; the monitor
 * answers meanwhile. docs/gdb.md tells users. */
#ifndef CAPSCOPE_GDBSTUB_STUB_H
#define CAPSCOPE_GDBSTUB_STUB_H

#include "kernel/armv6/trap.h"

/* A gdb introduces itself: whatever was before is over. swbreak: it wants to be told what a stop at
 * a breakpoint is. */
void stub_begin(bool swbreak);
/* Bytes of a packet that this session should not exceed: few after damage in the one before. */
uint32_t stub_packet_size(void);
void stub_stop_acks(void);
/* The kernel goes on once this packet is done with; the answer is the next stop. */
void stub_continue(void);
/* The session ends with this packet and the kernel goes on. `why` is said on the console. */
void stub_end(const char *why);

/* Stops that are made for gdb's sake, the present one and later ones of its session, end when its line
 * is silent for so long. 0: the present one lasts. */
void stub_lease(uint32_t seconds);

uint32_t stub_stop_thread(void);
void stub_write_stop(void);  /* the stop reply, into `reply` */
void stub_write_found(void); /* the same for who asks how the machine is found */
void stub_send(void);        /* sends `reply` */
/* Text to gdb, whole lines, while it waits for an answer or a stop. A format_sink; the rest of a
 * line goes out with stub_text_end(). */
void stub_text(void *ctx, char c);
void stub_text_end(void);
/* A line on the monitor's console. */
void stub_say(const char *fmt, ...);

/* The kernel met a planted breakpoint, its registers are in trap_frame, all are lifted. Returns
 * those to go on with. */
const struct trap_frame *stub_kernel_breakpoint(void);

#endif
