/* The console: DebugPutChar where the kernel has it, else a driver for UART1 at user level.
 *
 * Which one is found by trying: a thread makes the call; on a release kernel it is an unknown
 * system call and the thread faults instead of ending. */
#include "user/tests/tests.h"

#include "lib/format.h"

enum { UART1 = 0x43f90000, UART_UTXD = 0x40 / 4, UART_USR1 = 0x94 / 4, USR1_TRDY = 1 << 13 };

static volatile word_t *uart;
static bool debug;

static word_t probe(word_t a, word_t b, word_t c, word_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    debug_put_char('\n');
    return 0;
}

bool console_is_debug(void)
{
    return debug;
}

void console_init(void)
{
    uart = device_map(UART1);
}

void console_pick(void)
{
    threads_open();
    struct thread *t = thread_run(TOP, probe, 0, 0);
    debug = msginfo_label(ipc_recv(t->fault_cap).tag) == DONE_LABEL;
}

static void put(void *ctx, char c)
{
    (void)ctx;
    if (debug) {
        debug_put_char(c);
        return;
    }
    if (c == '\n')
        put(NULL, '\r');
    while (!(uart[UART_USR1] & USR1_TRDY))
        ;
    uart[UART_UTXD] = (uint8_t)c;
}

void console_print(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_vto(put, NULL, fmt, args);
    va_end(args);
}
