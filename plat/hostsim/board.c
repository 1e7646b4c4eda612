/* The simulation's board: regions, interrupt lines that a test raises, and the first state of RAM.
 *
 * Nothing here depends on where simulated memory lies, so that the same file stands in for a real
 * board when the kernel's ARM objects are tested (tests/lockstep-arm/). */
#include "kernel/boot.h"
#include "plat/hostsim/hostsim.h"

#include <string.h>

struct hostsim hostsim;

#define RAM_ALIAS_END 0xa0000000u

/* RAM and the kernel's devices of the KZM board (plat/imx31/board.c), so that the root task finds
 * the same untypeds.  The size of RAM is the test's choice. */
static struct board_region regions[] = {
    {0x30000000u, 0x30001000u},        /* L2 cache controller */
    {0x53f94000u, 0x53f95000u},        /* EPIT1 */
    {0x68000000u, 0x68001000u},        /* AVIC */
    {KERNEL_PHYS_BASE, RAM_ALIAS_END}, /* RAM, and where it answers again */
};

struct board hostsim_board = {
    .name = "hostsim",
    .ram_base = KERNEL_PHYS_BASE,
    .ram_size = HOSTSIM_RAM_BYTES,
    .ram_alias_end = RAM_ALIAS_END,
    .reserved = regions,
    .reserved_count = sizeof(regions) / sizeof(regions[0]),
};
/* The kernel sees it read-only; the simulation sets the size between two boots. */
extern const struct board board __attribute__((alias("hostsim_board")));

void hostsim_board_ram(uint32_t ram_bytes)
{
    hostsim_board.ram_size = ram_bytes;
}

static paddr_t page_up(paddr_t p)
{
    return (p + 0xfffu) & ~0xfffu;
}

/* Marks each page of the root task's image, so that a test can tell them apart. */
static void image_fill(paddr_t start, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint32_t *page = kptr(kaddr_from_paddr(start + i * 0x1000u));
        page[0] = 0x1a6e0000u + i;
    }
}

void hostsim_start(const struct hostsim_config *config)
{
    uint32_t pages = config->image_pages ? config->image_pages : HOSTSIM_DEFAULT_IMAGE_PAGES;
    paddr_t kernel_end = KERNEL_PHYS_BASE + HOSTSIM_KERNEL_BYTES;
    struct boot_info info = {.dtb = config->dtb ? kernel_end : 0, .dtb_size = config->dtb_bytes};
    if (config->dtb)
        memcpy(kptr(kaddr_from_paddr(kernel_end)), config->dtb, config->dtb_bytes);
    info.user_start = page_up(kernel_end + (config->dtb ? config->dtb_bytes : 0));
    info.user_end = info.user_start + pages * 0x1000u;
    info.pv_offset = info.user_start - HOSTSIM_IMAGE_VADDR;
    info.entry = HOSTSIM_IMAGE_VADDR;
    image_fill(info.user_start, pages);
    kernel_init(&info, kernel_end);
}

const paddr_t board_devices[] = {0};
const word_t board_device_count = 0;

void board_init(void)
{
}

static word_t first_waiting(void)
{
    uint64_t lines = hostsim.irq_raised & hostsim.irq_enabled;
    return lines ? (word_t)__builtin_ctzll(lines) : (word_t)BOARD_NO_IRQ;
}

word_t board_irq_pending(void)
{
    hostsim.count.irq_looks++;
    if (hostsim.preempt_in && --hostsim.preempt_in == 0) {
        hostsim.irq_raised |= 1ull << TIMER_IRQ;
        hostsim.preempt_in = hostsim.preempt_every;
    }
    return first_waiting();
}

void board_irq_mask(word_t irq)
{
    hostsim.irq_enabled &= ~(1ull << irq);
}

void board_irq_unmask(word_t irq)
{
    hostsim.irq_enabled |= 1ull << irq;
}

void board_timer_ack(void)
{
    hostsim.count.timer_ack++;
    hostsim.irq_raised &= ~(1ull << TIMER_IRQ);
}

void board_serial_put(unsigned line, uint8_t byte)
{
    (void)line;
    (void)byte;
}

void board_serial_write(unsigned line, const uint8_t *bytes, uint32_t n)
{
    (void)line;
    (void)bytes;
    (void)n;
}

int board_serial_get(unsigned line)
{
    (void)line;
    return -1;
}

void board_serial_irq_enable(unsigned line, bool on)
{
    (void)line;
    (void)on;
}

word_t board_serial_irq(unsigned line)
{
    return line == 0 ? 45 : 32;
}

word_t board_clock(void)
{
    return hostsim.count.events;
}

void hostsim_raise_irq(word_t irq)
{
    hostsim.irq_raised |= 1ull << irq;
}

void hostsim_lower_irq(word_t irq)
{
    hostsim.irq_raised &= ~(1ull << irq);
}

void hostsim_preempt_after(unsigned looks)
{
    hostsim.preempt_in = looks;
    hostsim.preempt_every = 0;
}

void hostsim_preempt_every(unsigned looks)
{
    hostsim.preempt_in = looks;
    hostsim.preempt_every = looks;
}

bool hostsim_irq_waiting(void)
{
    return first_waiting() != BOARD_NO_IRQ;
}
