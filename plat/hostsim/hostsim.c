/* The simulated machine: RAM, interrupt lines, and counters instead of caches and TLB.
 *
 * Implements kernel/arch.h, kernel/board.h and the debug door.  An address that the kernel may not
 * touch ends the process with a sentence: under test, that is the finding. */
#include "plat/hostsim/hostsim.h"

#include "kernel/boot.h"
#include "kernel/roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

uint8_t *hostsim_ram;
uint32_t hostsim_ram_size;
struct kernel *hostsim_kernel;
struct hostsim hostsim;

const word_t arch_user_cpsr = ARCH_USER_CPSR_DEBUG;

/* RAM and the kernel's devices of the KZM board (ABI sheet 5.6), so that the root task finds the
 * same untypeds.  The size of RAM is the test's choice. */
static struct board_region regions[] = {
    {0x30000000u, 0x30001000u},                               /* L2 cache controller */
    {0x53f94000u, 0x53f95000u},                               /* EPIT1 */
    {0x68000000u, 0x68001000u},                               /* AVIC */
    {KERNEL_PHYS_BASE, KERNEL_PHYS_BASE + HOSTSIM_RAM_BYTES}, /* RAM */
    {0x8f000000u, 0x8f100000u},
};
enum { REGION_RAM = 3 };

struct board hostsim_board = {
    .name = "hostsim",
    .ram_base = KERNEL_PHYS_BASE,
    .ram_size = HOSTSIM_RAM_BYTES,
    .reserved = regions,
    .reserved_count = sizeof regions / sizeof regions[0],
};
/* The kernel sees it read-only; the simulation sets the size between two boots. */
extern const struct board board __attribute__((alias("hostsim_board")));

/* ---- RAM ----------------------------------------------------------------------------------------
 */
void hostsim_create(uint32_t ram_bytes)
{
    hostsim_destroy();
    void *p = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "hostsim: the host has no %u bytes for simulated RAM\n", ram_bytes);
        abort();
    }
    hostsim_ram = p;
    hostsim_ram_size = ram_bytes;
    hostsim_kernel = p;
    hostsim_board.ram_size = ram_bytes;
    regions[REGION_RAM].end = KERNEL_PHYS_BASE + ram_bytes;
    memset(&hostsim, 0, sizeof hostsim);
}

void hostsim_destroy(void)
{
    if (hostsim_ram)
        munmap(hostsim_ram, hostsim_ram_size);
    hostsim_ram = NULL;
    hostsim_ram_size = 0;
    hostsim_kernel = NULL;
}

void hostsim_reset(void)
{
    if (madvise(hostsim_ram, hostsim_ram_size, MADV_DONTNEED) != 0)
        memset(hostsim_ram, 0, hostsim_ram_size);
    memset(&hostsim, 0, sizeof hostsim);
}

void hostsim_bad_address(kaddr_t a)
{
    fprintf(stderr, "hostsim: the kernel used address 0x%08x, which is not RAM\n", a);
    abort();
}

_Static_assert(sizeof(struct kernel) <= HOSTSIM_PD_OFFSET, "the kernel's state has its place");
_Static_assert(HOSTSIM_ROOTS_OFFSET + sizeof(struct kernel_roots) <= HOSTSIM_DEBUG_OFFSET,
               "the roots have their place");

/* The kernel's page directory: the window as supersections, kernel-only, as on the board. */
static void kernel_pd_fill(void)
{
    word_t *pd = kptr(arch_kernel_pd());
    for (word_t i = 0xf00; i < 0xff0; i++)
        pd[i] = (KERNEL_PHYS_BASE + ((i - 0xf00) & ~0xfu) * 0x100000u) | PDE_SUPERSECTION_BIT |
                1u << PDE_AP_SHIFT | PTE_C | PTE_B | PDE_SECTION;
}

static void range_check(kaddr_t start, word_t bytes)
{
    if (bytes == 0)
        return;
    kptr(start);
    kptr(start + bytes - 1);
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

void hostsim_boot(const struct hostsim_config *config)
{
    static const struct hostsim_config defaults;
    if (config == NULL)
        config = &defaults;
    uint32_t ram = config->ram_bytes ? config->ram_bytes : HOSTSIM_RAM_BYTES;
    uint32_t pages = config->image_pages ? config->image_pages : HOSTSIM_DEFAULT_IMAGE_PAGES;
    struct hostsim_hooks hooks = hostsim.hooks;
    if (hostsim_ram && hostsim_ram_size == ram)
        hostsim_reset();
    else
        hostsim_create(ram);
    hostsim.hooks = hooks;

    paddr_t kernel_end = KERNEL_PHYS_BASE + HOSTSIM_KERNEL_BYTES;
    struct boot_info info = {.dtb = config->dtb ? kernel_end : 0, .dtb_size = config->dtb_bytes};
    if (config->dtb)
        memcpy(kptr(kaddr_from_paddr(kernel_end)), config->dtb, config->dtb_bytes);
    info.user_start = page_up(kernel_end + (config->dtb ? config->dtb_bytes : 0));
    info.user_end = info.user_start + pages * 0x1000u;
    info.pv_offset = info.user_start - HOSTSIM_IMAGE_VADDR;
    info.entry = HOSTSIM_IMAGE_VADDR;
    image_fill(info.user_start, pages);
    kernel_pd_fill();
    roots_fill(kptr(hostsim_roots()), KERNEL_PHYS_BASE, kernel_end);
    kernel_init(&info, kernel_end);
}

kaddr_t hostsim_roots(void)
{
    return KERNEL_WINDOW + HOSTSIM_ROOTS_OFFSET;
}

/* ---- processor ----------------------------------------------------------------------------------
 */
kaddr_t arch_kernel_pd(void)
{
    return KERNEL_WINDOW + HOSTSIM_PD_OFFSET;
}

kaddr_t arch_globals_frame(void)
{
    return KERNEL_WINDOW + HOSTSIM_GLOBALS_OFFSET;
}

void arch_set_vspace(paddr_t pd, word_t hw_asid)
{
    hostsim.count.set_vspace++;
    hostsim.vspace_pd = pd;
    hostsim.vspace_asid = hw_asid;
}

void arch_tlb_flush_all(void)
{
    hostsim.count.tlb_flush_all++;
}

void arch_tlb_flush_asid(word_t hw_asid)
{
    hostsim.count.tlb_flush_asid++;
    hostsim.last_flushed_asid = hw_asid;
}

void arch_tlb_flush_page(vaddr_t vaddr, word_t hw_asid)
{
    hostsim.count.tlb_flush_page++;
    hostsim.last_flushed_asid = hw_asid;
    hostsim.last_flushed_page = vaddr;
}

void arch_clean_table(kaddr_t entry, word_t bytes)
{
    range_check(entry, bytes);
    hostsim.count.clean_table++;
}

void arch_cache(enum arch_cache_op op, kaddr_t start, word_t bytes, vaddr_t vaddr)
{
    hostsim.count.cache[op]++; /* device memory has caches too, so any range will do */
    hostsim.last_cache.op = op;
    hostsim.last_cache.start = start;
    hostsim.last_cache.bytes = bytes;
    hostsim.last_cache.vaddr = vaddr;
}

void arch_clear(kaddr_t from, word_t bytes)
{
    range_check(from, bytes);
    hostsim.count.clear++;
    memset(kptr(from), 0, bytes);
}

/* ---- board --------------------------------------------------------------------------------------
 */
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
