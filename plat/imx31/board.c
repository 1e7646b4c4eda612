/* The KZM-ARM11-01 board (i.MX31) as the kernel uses it: interrupt controller, tick, serial lines.
 *
 * Facts from the i.MX31 reference manual; what QEMU does differently is said where it matters. The
 * kernel reaches each device through one page (BOARD_DEVICE_WINDOW).
 *
 *   physical                                interrupt
 *   0x30000000  L2CC (left as found)
 *   0x43f90000  UART1                       45
 *   0x43f94000  UART2                       32
 *   0x53f90000  GPT, free-running clock     (29, users')
 *   0x53f94000  EPIT1, kernel tick          28
 *   0x68000000  AVIC
 *   0x80000000  RAM, 128 MiB or less
 *               RAM again
 *   0xa0000000  end of what selects RAM
 *
 * The SDRAM controller selects RAM with the 256 MiB from 0x80000000 and those from 0x90000000, and
 * hands on only as many address lines as the chips have: in either half RAM that does not fill it
 * answers again right above itself. (So does QEMU's, for any `-m`, once.) A page there is a second
 * name of a page of RAM, the kernel's own among them, so nobody gets any of it, even where a larger
 * RAM would lie: the kernel uses 128 MiB. */
#include "kernel/board.h"

#include "kernel/arch.h"

enum device { DEV_UART1, DEV_UART2, DEV_AVIC, DEV_L2CC, DEV_EPIT1, DEV_GPT, DEVICES };

const paddr_t board_devices[DEVICES] = {
    [DEV_UART1] = 0x43f90000, [DEV_UART2] = 0x43f94000, [DEV_AVIC] = 0x68000000,
    [DEV_L2CC] = 0x30000000,  [DEV_EPIT1] = 0x53f94000, [DEV_GPT] = 0x53f90000,
};
const word_t board_device_count = DEVICES;

/* What users never get (ABI sheet 5.6 without RAM's aliases). The UARTs and the GPT are theirs too.
 */
static const struct board_region board_reserved[] = {
    {0x30000000, 0x30001000},
    {0x53f94000, 0x53f95000},
    {0x68000000, 0x68001000},
    {0x80000000, 0xa0000000},
};

enum { RAM_MOST = 0x08000000 };

/* Filled by board_init(), so that the kernel's file holds nothing that changes. */
static struct board imx31_board;
extern const struct board board __attribute__((alias("imx31_board")));

static volatile word_t *device_register(enum device d, word_t offset)
{
    return (volatile word_t *)(BOARD_DEVICE_WINDOW + ((word_t)d << 12) + offset);
}

static word_t read_register(enum device d, word_t offset)
{
    return *device_register(d, offset);
}

static void write_register(enum device d, word_t offset, word_t value)
{
    *device_register(d, offset) = value;
}

/* --- AVIC --- */

enum {
    AVIC_NIMASK = 0x04,
    AVIC_INTENNUM = 0x08,
    AVIC_INTDISNUM = 0x0c,
    AVIC_INTTYPEH = 0x18,
    AVIC_INTTYPEL = 0x1c,
    AVIC_NIPNDH = 0x58,
    AVIC_NIPNDL = 0x5c,
    AVIC_MASK_NONE = 0x1f
};

static void avic_init(void)
{
    for (word_t irq = 0; irq < IRQ_COUNT; irq++)
        board_irq_mask(irq);
    write_register(DEV_AVIC, AVIC_NIMASK, AVIC_MASK_NONE);
    write_register(DEV_AVIC, AVIC_INTTYPEH, 0); /* none is a fast interrupt */
    write_register(DEV_AVIC, AVIC_INTTYPEL, 0);
}

/* Reads the pending registers, not the vector register, which QEMU clears by reading: looking must
 * not lose what is looked at. The highest number goes first, as the vector register has it. */
word_t board_irq_pending(void)
{
    word_t high = read_register(DEV_AVIC, AVIC_NIPNDH);
    if (high != 0)
        return 63u - (word_t)__builtin_clzl(high);
    word_t low = read_register(DEV_AVIC, AVIC_NIPNDL);
    if (low != 0)
        return 31u - (word_t)__builtin_clzl(low);
    return BOARD_NO_IRQ;
}

void board_irq_mask(word_t irq)
{
    write_register(DEV_AVIC, AVIC_INTDISNUM, irq);
}

void board_irq_unmask(word_t irq)
{
    write_register(DEV_AVIC, AVIC_INTENNUM, irq);
}

/* --- EPIT1: the tick (ABI sheet 6.6) --- */

enum {
    EPIT_CR = 0x00,
    EPIT_SR = 0x04,
    EPIT_LR = 0x08,
    EPIT_CMPR = 0x0c,
    EPIT_CNR = 0x10,
    EPIT_CR_RUN = 0x0302000f, /* 32 kHz, reload, interrupt on compare, from the load value, on */
    EPIT_CR_OFF = 0x0302000e,
    EPIT_LOAD = 64, /* 32 counts a millisecond, 2 ms */
};

static void epit_init(void)
{
    write_register(DEV_EPIT1, EPIT_CR, EPIT_CR_OFF);
    write_register(DEV_EPIT1, EPIT_SR, 1);
    write_register(DEV_EPIT1, EPIT_LR, EPIT_LOAD);
    write_register(DEV_EPIT1, EPIT_CMPR, 0);
    write_register(DEV_EPIT1, EPIT_CR, EPIT_CR_RUN);
}

void board_timer_ack(void)
{
    write_register(DEV_EPIT1, EPIT_SR, 1);
}

word_t board_timer_count(void)
{
    return read_register(DEV_EPIT1, EPIT_CNR);
}

/* --- GPT: a clock to read. A user's driver may take it over, it then counts as that wants. --- */

enum {
    GPT_CR = 0x00,
    GPT_PR = 0x04,
    GPT_CNT = 0x24,
    GPT_CR_RUN = 1 << 6 | 1 << 9 | 1 << 1 | 1, /* peripheral clock, free-running, on */
    GPT_PRESCALE = 39 - 1,                     /* about a microsecond a count */
};

static void gpt_init(void)
{
    write_register(DEV_GPT, GPT_PR, GPT_PRESCALE);
    write_register(DEV_GPT, GPT_CR, GPT_CR_RUN);
}

_Static_assert(BOARD_CLOCK_REGISTER == BOARD_DEVICE_WINDOW + (DEV_GPT << 12) + GPT_CNT,
               "the trace reads the same register");

word_t board_clock(void)
{
    return read_register(DEV_GPT, GPT_CNT);
}

bool board_clock_is_ours(void)
{
    return read_register(DEV_GPT, GPT_PR) == GPT_PRESCALE &&
           read_register(DEV_GPT, GPT_CR) == GPT_CR_RUN;
}

/* --- UARTs --- */

enum {
    UART_URXD = 0x00,
    UART_UTXD = 0x40,
    UART_UCR1 = 0x80,
    UART_UCR2 = 0x84,
    UART_USR1 = 0x94,
    UART_UTS = 0xb4,
    UCR1_ENABLE = 1 << 0,
    UCR1_RRDYEN = 1 << 9,
    UCR2_RUN = 1 << 14 | 1 << 5 | 1 << 2 | 1 << 1 | 1 << 0, /* no CTS, 8 bits, TX, RX, no reset */
    USR1_TRDY = 1 << 13,
    UTS_RXEMPTY = 1 << 5,
    UTS_TXEMPTY = 1 << 6,
    UART_FIFO = 32, /* bytes */
    UART_LINES = 2,
};

static enum device serial_device(unsigned line)
{
    return line == 0 ? DEV_UART1 : DEV_UART2;
}

/* Speed and clock stay as the boot loader set them. */
static void serial_init(unsigned line)
{
    enum device d = serial_device(line);
    write_register(d, UART_UCR1, read_register(d, UART_UCR1) | UCR1_ENABLE);
    write_register(d, UART_UCR2, read_register(d, UART_UCR2) | UCR2_RUN);
}

void board_serial_put(unsigned line, uint8_t byte)
{
    enum device d = serial_device(line);
    while (!(read_register(d, UART_USR1) & USR1_TRDY))
        ;
    write_register(d, UART_UTXD, byte);
}

/* Into an empty FIFO no byte has to wait. */
void board_serial_write(unsigned line, const uint8_t *bytes, uint32_t n)
{
    enum device d = serial_device(line);
    while (n != 0) {
        uint32_t piece = n < UART_FIFO ? n : (uint32_t)UART_FIFO;
        while (!(read_register(d, UART_UTS) & UTS_TXEMPTY))
            ;
        n -= piece;
        for (const uint8_t *end = bytes + piece; bytes != end; bytes++)
            write_register(d, UART_UTXD, *bytes);
    }
}

int board_serial_get(unsigned line)
{
    enum device d = serial_device(line);
    if (read_register(d, UART_UTS) & UTS_RXEMPTY)
        return -1;
    return (int)(read_register(d, UART_URXD) & 0xff);
}

void board_serial_irq_enable(unsigned line, bool on)
{
    enum device d = serial_device(line);
    word_t control = read_register(d, UART_UCR1);
    control = on ? control | UCR1_RRDYEN : control & ~(word_t)UCR1_RRDYEN;
    write_register(d, UART_UCR1, control);
}

word_t board_serial_irq(unsigned line)
{
    return line == 0 ? 45 : 32;
}

/* --- RAM --- */

enum { CACHE_LINE = 32, RAM_STEP = 4096 };

/* A line of the cache of its own, since it is cleaned and dropped. */
static volatile word_t ram_probe[CACHE_LINE / sizeof(word_t)] __attribute__((aligned(CACHE_LINE)));

/* Writes the value and tells whether it is seen so far above too: in memory, not in the cache. */
static bool ram_repeats(word_t distance, word_t value)
{
    kaddr_t other = kaddr_of((const void *)ram_probe) + distance;
    ram_probe[0] = value;
    arch_cache(CACHE_CLEAN, kaddr_of((const void *)ram_probe), CACHE_LINE, 0);
    arch_cache(CACHE_INVALIDATE, other, CACHE_LINE, 0);
    return *(const volatile word_t *)kptr(other) == value;
}

/* RAM ends where it first answers again; only the probe is written. Were smaller RAM taken for
 * 128 MiB, its upper part would be a second name of the kernel. */
static word_t ram_measure(void)
{
    for (word_t size = RAM_STEP; size < RAM_MOST; size += RAM_STEP)
        if (ram_repeats(size, size) && ram_repeats(size, ~size))
            return size;
    return RAM_MOST;
}

void board_init(void)
{
    imx31_board = (struct board){
        .name = "kzm",
        .ram_base = 0x80000000,
        .ram_size = RAM_MOST,
        .ram_alias_end = 0xa0000000,
        .reserved = board_reserved,
        .reserved_count = sizeof(board_reserved) / sizeof(board_reserved[0]),
    };
    imx31_board.ram_size = ram_measure();
    avic_init();
    epit_init();
    gpt_init();
    for (unsigned line = 0; line < UART_LINES; line++)
        serial_init(line);
}
