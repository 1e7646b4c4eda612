/* The boot loader: lays out kernel, device tree and root task, maps them, enters the kernel (ABI
 * sheet 6.2, 6.3).
 *
 *   0x80000000  kernel, at the physical addresses its ELF file names
 *               device tree, from the next page, when there is one
 *               root task image, from the next page: its pages at their distances, rest zero
 *   0x84000000  this loader with the files it carries
 *
 * Whatever cannot be booted is told in one sentence on UART1, and the loader stops. */
#include "plat/imx31/loader/elf.h"

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

enum { PAGE = 4096, SECTION = 1 << 20, SECTIONS = 4096 };
#define RAM_START KERNEL_PHYS_BASE
#define VECTORS   0xffff0000u

/* [start, end) in physical memory. */
struct range {
    uint32_t start;
    uint32_t end;
};

/* What the kernel is told, in the order enter_kernel() loads it. */
struct handover {
    uint32_t user_start;
    uint32_t user_end;
    uint32_t pv_offset;
    uint32_t user_entry;
    uint32_t dtb;
    uint32_t dtb_size;
    uint32_t kernel_entry;
};

extern const uint8_t kernel_elf[], kernel_elf_end[], root_elf[], root_elf_end[], dtb[], dtb_end[];
extern const uint8_t loader_start[], loader_end[], loader_vectors[];

_Noreturn void enter_kernel(const struct handover *h, uint32_t directory);
_Noreturn void loader_main(void);

static uint32_t directory[SECTIONS] __attribute__((aligned(SECTIONS * 4)));
static uint32_t vector_table[256] __attribute__((aligned(1024)));

/* --- saying no --- */

static void put(const char *s)
{
    volatile uint32_t *const uart = (volatile uint32_t *)0x43f90000u;
    enum { UTXD = 0x40 / 4, UCR1 = 0x80 / 4, UCR2 = 0x84 / 4, USR1 = 0x94 / 4 };
    uart[UCR1] |= 1;
    uart[UCR2] |= 1u << 14 | 1u << 5 | 1u << 2 | 1;
    for (; *s != 0; s++) {
        while (!(uart[USR1] & 1u << 13))
            ;
        uart[UTXD] = (uint8_t)*s;
    }
}

static _Noreturn void refuse(const char *file, const char *sentence)
{
    put("boot loader: ");
    put(file);
    put(" ");
    put(sentence);
    put(".\r\n");
    for (;;)
        __asm__ volatile("mcr p15, 0, %0, c7, c0, 4" ::"r"(0)); /* wait for interrupt */
}

/* --- RAM --- */

/* RAM of less than 64 MiB answers again where the loader stands, and what is placed would land on
 * it. Only the probe is written; nothing is cached yet. */
static void check_ram(void)
{
    static volatile uint32_t probe;
    for (uint32_t at = (uint32_t)&probe; at >= RAM_START + PAGE; at -= PAGE) {
        const volatile uint32_t *other = (const volatile uint32_t *)(at - PAGE);
        probe = at;
        if (*other != at)
            continue;
        probe = ~at;
        if (*other == ~at)
            refuse("RAM", "is too small: it repeats below the boot loader at 0x84000000");
    }
}

/* --- layout --- */

static uint32_t page_up(uint32_t a)
{
    return (a + PAGE - 1) & ~(uint32_t)(PAGE - 1);
}

static struct elf open_elf(const char *name, const uint8_t *start, const uint8_t *end)
{
    struct elf e;
    const char *wrong = elf_open(&e, start, (uint32_t)(end - start));
    if (wrong)
        refuse(name, wrong);
    return e;
}

/* Span of the segments by virtual or physical address; end 0: there is none. */
static struct range elf_span(const struct elf *e, bool physical)
{
    struct range r = {~0u, 0};
    for (uint32_t i = 0; i < e->headers; i++) {
        struct elf_segment s;
        if (!elf_segment(e, i, &s))
            continue;
        uint32_t start = physical ? s.paddr : s.vaddr;
        if (start < r.start)
            r.start = start;
        if (start + s.mem_size > r.end)
            r.end = start + s.mem_size;
    }
    return r;
}

/* Copies every segment to its address plus `offset`; memory between segments is cleared. */
static void elf_place(const struct elf *e, bool physical, uint32_t offset, struct range target)
{
    memset((void *)target.start, 0, target.end - target.start);
    for (uint32_t i = 0; i < e->headers; i++) {
        struct elf_segment s;
        if (elf_segment(e, i, &s))
            memcpy((void *)((physical ? s.paddr : s.vaddr) + offset), e->bytes + s.offset,
                   s.file_size);
    }
}

static void check_room(const char *name, struct range r, uint32_t lowest)
{
    if (r.end <= r.start)
        refuse(name, "has nothing to load");
    if (r.start < lowest)
        refuse(name, "overlaps what is loaded before it, or lies below RAM");
    if (r.end > (uint32_t)loader_start)
        refuse(name, "does not fit below the boot loader at 0x84000000");
}

static struct range place_kernel(uint32_t *entry)
{
    struct elf e = open_elf("the kernel", kernel_elf, kernel_elf_end);
    struct range r = elf_span(&e, true);
    struct range window = elf_span(&e, false);
    check_room("the kernel", r, RAM_START);
    if (window.start - r.start != KERNEL_PHYS_OFFSET || (r.start & (SECTION - 1)) != 0)
        refuse("the kernel", "is not linked for the kernel window at 0xf0000000");
    if (e.entry < window.start || e.entry >= window.end)
        refuse("the kernel", "has its entry point outside its segments");
    elf_place(&e, true, 0, r); /* behind it, in its last page, is what a reset leaves as it was */
    r.end = page_up(r.end);
    *entry = e.entry;
    return r;
}

/* The device tree goes to the next page behind `at`; returns the first page behind it. */
static uint32_t place_device_tree(uint32_t at, struct handover *h)
{
    uint32_t size = (uint32_t)(dtb_end - dtb);
    if (size == 0)
        return at;
    check_room("the device tree", (struct range){at, at + size}, at);
    memset((void *)at, 0, page_up(size));
    memcpy((void *)at, dtb, size);
    h->dtb = at;
    h->dtb_size = size;
    return page_up(at + size);
}

static void place_root(uint32_t at, struct handover *h)
{
    struct elf e = open_elf("the root task", root_elf, root_elf_end);
    struct range image = elf_span(&e, false);
    uint32_t base = image.start & ~(uint32_t)(PAGE - 1);
    if (image.end > USER_TOP || image.end < image.start)
        refuse("the root task", "is linked beyond the user's address space");
    uint32_t size = page_up(image.end) - base;
    if (size > (uint32_t)loader_start - RAM_START)
        refuse("the root task", "does not fit below the boot loader at 0x84000000");
    struct range r = {at, at + size};
    check_room("the root task", r, at);
    if (e.entry < base || e.entry - base >= size)
        refuse("the root task", "has its entry point outside its segments");
    elf_place(&e, false, at - base, r);
    h->user_start = r.start;
    h->user_end = r.end;
    h->pv_offset = at - base;
    h->user_entry = e.entry;
}

/* --- page tables (6.2): kernel only, not cached ---
 *
 * No more than the least that any version of seL4's elfloader maps: this loader where it is, and
 * the kernel's image. */

enum { SECTION_KERNEL = 2 | 1 << 10, TABLE = 1, PAGE_KERNEL = 2 | 1 << 4 };

static void map_sections(uint32_t vaddr, struct range physical)
{
    uint32_t start = physical.start & ~(uint32_t)(SECTION - 1);
    for (uint32_t p = start; p < physical.end; p += SECTION)
        directory[(vaddr + (p - start)) / SECTION] = p | SECTION_KERNEL;
}

static void build_tables(struct range kernel)
{
    map_sections((uint32_t)loader_start,
                 (struct range){(uint32_t)loader_start, (uint32_t)loader_end});
    map_sections(kernel.start + KERNEL_PHYS_OFFSET, kernel);
    directory[SECTIONS - 1] = (uint32_t)vector_table | TABLE;
    vector_table[VECTORS >> 12 & 0xff] = (uint32_t)loader_vectors | PAGE_KERNEL;
}

void loader_main(void)
{
    struct handover h = {0};
    check_ram();
    struct range kernel = place_kernel(&h.kernel_entry);
    place_root(place_device_tree(kernel.end, &h), &h);
    build_tables(kernel);
    enter_kernel(&h, (uint32_t)directory);
}
