/* The simulated machine: RAM, and counters instead of caches and TLB.
 *
 * Implements kernel/arch.h; board.c has the interrupt lines.  An address that the kernel may not
 * touch ends the process with a sentence: under test, that is the finding. */
#include "plat/hostsim/hostsim.h"

#include "kernel/roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

uint8_t *hostsim_ram;
uint32_t hostsim_ram_size;
struct kernel *hostsim_kernel;

word_t hostsim_user_cpsr = ARCH_USER_CPSR_DEBUG;
/* The kernel sees it read-only, as the board below. */
extern const word_t arch_user_cpsr __attribute__((alias("hostsim_user_cpsr")));

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
    hostsim_board_ram(ram_bytes);
    memset(&hostsim, 0, sizeof(hostsim));
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
    memset(&hostsim, 0, sizeof(hostsim));
}

void hostsim_bad_address(kaddr_t a)
{
    fprintf(stderr, "hostsim: the kernel used address 0x%08x, which is not RAM\n", a);
    abort();
}

_Static_assert(sizeof(struct kernel) <= HOSTSIM_PD_OFFSET, "the kernel's state has its place");
_Static_assert(HOSTSIM_ROOTS_OFFSET + sizeof(struct kernel_roots) <= HOSTSIM_DEBUG_OFFSET,
               "the roots have their place");

/* The kernel's page directory: the window as supersections, kernel-only, as on the board, and a
 * page table for the last entry, of which the simulation uses nothing. */
static void kernel_pd_fill(void)
{
    word_t *pd = kptr(arch_kernel_pd());
    for (word_t i = 0xf00; i < 0xff0; i++)
        pd[i] = (KERNEL_PHYS_BASE + ((i - 0xf00) & ~0xfu) * 0x100000u) | PDE_SUPERSECTION_BIT |
                1u << PDE_AP_SHIFT | PTE_C | PTE_B | PDE_SECTION;
    pd[PDE_COUNT - 1] = (KERNEL_PHYS_BASE + HOSTSIM_TABLE_OFFSET) | PDE_PAGE_TABLE;
}

static void range_check(kaddr_t start, word_t bytes)
{
    if (bytes == 0)
        return;
    kptr(start);
    kptr(start + bytes - 1);
}

void hostsim_boot(const struct hostsim_config *config)
{
    static const struct hostsim_config defaults;
    if (!config)
        config = &defaults;
    uint32_t ram = config->ram_bytes ? config->ram_bytes : HOSTSIM_RAM_BYTES;
    struct hostsim_hooks hooks = hostsim.hooks;
    if (hostsim_ram && hostsim_ram_size == ram)
        hostsim_reset();
    else
        hostsim_create(ram);
    hostsim.hooks = hooks;
    hostsim_user_cpsr = config->user_cpsr ? config->user_cpsr : (word_t)ARCH_USER_CPSR_DEBUG;

    kernel_pd_fill();
    roots_fill(kptr(hostsim_roots()), KERNEL_PHYS_BASE, KERNEL_PHYS_BASE + HOSTSIM_KERNEL_BYTES);
    hostsim_start(config);
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

/* Nothing executes here. */
word_t arch_helpers_entry(void)
{
    return ((const word_t *)kptr(arch_kernel_pd()))[PDE_COUNT - 1];
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

void hostsim_see_processor(void)
{
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
