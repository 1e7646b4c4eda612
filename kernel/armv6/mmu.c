/* The kernel's page directory (ARM ARM B4.7, XP=1), and switching to a thread's.
 *
 * The tables lie in the kernel image. Walks do not look into the level one data cache on this
 * processor, so whatever is written to a table is cleaned to memory (ARM1136 TRM 6.11). */
#include "kernel/armv6/mmu.h"

#include "kernel/arch.h"
#include "kernel/armv6/offsets.h"
#include "kernel/board.h"

enum {
    SECTION = 1 << 20,
    SUPERSECTION_ENTRIES = 16,
    WINDOW_FIRST = 0xf00,
    WINDOW_HOLE = 0xff0,
    WINDOW_LAST = 0xffe,
    KERNEL_TABLE_ENTRY = 0xfff,
    AP_KERNEL = 1,    /* kernel read and write, users nothing */
    AP_USER_READ = 2, /* kernel read and write, users read */
    PTE_NOT_GLOBAL = 1 << 11,
    TEX_WRITE_ALLOCATE = 1,
    PDE_TEX_SHIFT = 12,
    PTE_TEX_SHIFT = 6,
    SMALL_PAGES_IN_TABLE = 0x100000 >> 12,
};

/* Normal memory, write-back write-allocate: as users' cacheable pages, so that aliases agree. */
enum {
    PDE_NORMAL = TEX_WRITE_ALLOCATE << PDE_TEX_SHIFT | PTE_C | PTE_B,
    PTE_NORMAL = TEX_WRITE_ALLOCATE << PTE_TEX_SHIFT | PTE_C | PTE_B,
    PTE_DEVICE = PTE_B, /* shared device */
};

static word_t mmu_directory[PDE_COUNT] __attribute__((aligned(1 << PAGE_DIRECTORY_BITS)));
static word_t mmu_table[PTE_COUNT] __attribute__((aligned(1 << PAGE_TABLE_BITS)));
/* The same but for the vectors' page, which users may read and execute: for spaces that asked. */
static word_t mmu_helpers[PTE_COUNT] __attribute__((aligned(1 << PAGE_TABLE_BITS)));
static word_t mmu_globals[1024] __attribute__((aligned(4096)));
static uint8_t mmu_stack[KERNEL_STACK_SIZE] __attribute__((aligned(4096)));
extern const uint8_t armv6_vectors[];

kaddr_t arch_kernel_pd(void)
{
    return kaddr_of(mmu_directory);
}

kaddr_t arch_globals_frame(void)
{
    return kaddr_of(mmu_globals);
}

word_t arch_helpers_entry(void)
{
    return paddr_from_kaddr(kaddr_of(mmu_helpers)) | PDE_PAGE_TABLE;
}

static void mmu_page(vaddr_t vaddr, paddr_t page, word_t attributes)
{
    mmu_table[vaddr >> 12 & (SMALL_PAGES_IN_TABLE - 1)] = page | PTE_SMALL | attributes;
}

static void mmu_fill_window(void)
{
    for (word_t i = WINDOW_FIRST; i <= WINDOW_LAST; i++) {
        paddr_t p = KERNEL_PHYS_BASE + (i - WINDOW_FIRST) * SECTION;
        word_t entry = PDE_SECTION | PDE_NORMAL | AP_KERNEL << PDE_AP_SHIFT;
        if (i < WINDOW_HOLE) /* each of the 16 copies holds the supersection's base */
            entry |= PDE_SUPERSECTION_BIT | (p & ~(paddr_t)(SUPERSECTION_ENTRIES * SECTION - 1));
        else
            entry |= p;
        mmu_directory[i] = entry;
    }
    mmu_directory[WINDOW_HOLE] = 0;
}

static void mmu_fill_table(void)
{
    for (word_t i = 0; i < board_device_count; i++)
        mmu_page(BOARD_DEVICE_WINDOW + (i << 12), board_devices[i],
                 PTE_DEVICE | AP_KERNEL << PTE_AP_SHIFT | PTE_SMALL_XN);
    for (word_t at = 0; at < KERNEL_STACK_SIZE; at += 4096)
        mmu_page(KERNEL_STACK_BASE + at, paddr_from_kaddr(kaddr_of(mmu_stack) + at),
                 PTE_NORMAL | AP_KERNEL << PTE_AP_SHIFT | PTE_SMALL_XN);
    mmu_page(GLOBALS_PAGE, paddr_from_kaddr(kaddr_of(mmu_globals)),
             PTE_NORMAL | AP_USER_READ << PTE_AP_SHIFT);
    mmu_page(VECTORS_PAGE, paddr_from_kaddr(kaddr_of(armv6_vectors)),
             PTE_NORMAL | AP_KERNEL << PTE_AP_SHIFT | PTE_APX | PTE_NOT_GLOBAL);
    const word_t vectors = VECTORS_PAGE >> 12 & (SMALL_PAGES_IN_TABLE - 1);
    for (word_t i = 0; i < PTE_COUNT; i++)
        mmu_helpers[i] = mmu_table[i];
    mmu_helpers[vectors] ^= (AP_KERNEL ^ AP_USER_READ) << PTE_AP_SHIFT;
    mmu_directory[KERNEL_TABLE_ENTRY] = paddr_from_kaddr(kaddr_of(mmu_table)) | PDE_PAGE_TABLE;
}

void mmu_init(void)
{
    mmu_fill_window();
    mmu_fill_table();
    arch_clean_table(kaddr_of(mmu_directory), sizeof(mmu_directory));
    arch_clean_table(kaddr_of(mmu_table), sizeof(mmu_table));
    arch_clean_table(kaddr_of(mmu_helpers), sizeof(mmu_helpers));
}
