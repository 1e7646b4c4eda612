/* From the loader to the root task (ABI sheet 5, 6.3; paper 3.1).
 *
 * After this the kernel never allocates again: everything not used by the kernel's image or the
 * root task's objects is handed to the root task as untyped memory. Relies on the loader's
 * promises only after boot_check() has verified them, and on RAM being mapped in the kernel window.
 *
 *   physical RAM, low to high
 *   +--------+-----+-------------+-------------------------------+---------------------+-------+
 *   | kernel | DTB | user image  | untypeds                      | root task's objects | rest  |
 *   +--------+-----+-------------+-------------------------------+---------------------+-------+
 *    gaps between kernel, DTB and user image become untypeds too   see struct objects   untypeds
 */
#include "kernel/boot.h"

#include "abi/bootinfo.h"
#include "kernel/arch.h"
#include "kernel/asid.h"
#include "kernel/board.h"
#include "kernel/cdt.h"
#include "kernel/debug.h"
#include "kernel/irq.h"
#include "kernel/sched.h"
#include "kernel/tcb.h"
#include "kernel/vspace.h"

enum {
    PAGE_BITS = 12,
    PAGE_SIZE = 1 << PAGE_BITS,
    SECTION_SIZE = 1 << 20,
    ROOT_ASID = 1,
    ROOT_PRIORITY = 255,
    ROOT_SLOTS = 1 << ROOT_CNODE_RADIX,
    CNODE_BYTES = ROOT_SLOTS << SLOT_BITS,
    EXTRA_MIN_SIZE = 1, /* what the sheet counts for no device tree (5.4) */
};

/* The root task's objects, one block near the top of RAM (5.6); physical addresses. */
struct objects {
    paddr_t start;
    paddr_t end;
    paddr_t extra; /* extra BootInfo, 0: none */
    paddr_t cnode;
    paddr_t pd;
    paddr_t asid_pool;
    paddr_t ipc_buffer;
    paddr_t bootinfo;
    paddr_t tables;
    paddr_t tcb;
};

/* Where things come to lie in the root task's address space (5.4). */
struct layout {
    vaddr_t start;
    vaddr_t ipc_buffer; /* = end of the image */
    vaddr_t bootinfo;
    vaddr_t extra;
    vaddr_t first_table; /* page tables cover whole sections from here */
    word_t tables;
    word_t extra_len;   /* bytes of extra BootInfo, 0: none */
    word_t extra_block; /* power of two that holds it, or EXTRA_MIN_SIZE */
};

struct boot {
    const struct boot_info *info;
    struct layout layout;
    struct objects objects;
    struct bootinfo *bi;
    struct slot *slots;
    word_t next; /* first free slot */
};

static _Noreturn void boot_refuse(const char *sentence)
{
    kernel_panic("boot", 0, sentence);
}

static word_t round_up(word_t value, word_t size)
{
    return (value + size - 1) & ~(size - 1);
}

/* Smallest power of two not below value, for 1 <= value <= 2^31. */
static word_t power_of_two(word_t value)
{
    word_t p = 1;
    while (p < value)
        p <<= 1;
    return p;
}

static paddr_t ram_end(void)
{
    return board.ram_base + board.ram_size;
}

/* --- what the loader promised (6.3) --- */

static void boot_check_device_tree(const struct boot_info *info, paddr_t kernel_end)
{
    if (info->dtb == 0)
        return;
    if (info->dtb < kernel_end || info->dtb >= info->user_start)
        boot_refuse("the device tree must lie between the kernel and the user image");
    if (info->dtb_size == 0 || info->dtb_size > info->user_start - info->dtb)
        boot_refuse("the device tree reaches into the user image");
}

static void boot_check(const struct boot_info *info, paddr_t kernel_end)
{
    if ((info->user_start | info->user_end | info->pv_offset) & (PAGE_SIZE - 1))
        boot_refuse("the user image must be page-aligned");
    if (info->user_start < kernel_end || info->user_end <= info->user_start ||
        info->user_end > ram_end())
        boot_refuse("the user image must lie in RAM above the kernel");
    vaddr_t start = info->user_start - info->pv_offset;
    if (info->entry < start || info->entry - start >= info->user_end - info->user_start)
        boot_refuse("the entry point lies outside the user image");
    boot_check_device_tree(info, kernel_end);
}

/* --- places --- */

static struct layout boot_layout(const struct boot_info *info)
{
    struct layout l = {.start = info->user_start - info->pv_offset, .extra_block = EXTRA_MIN_SIZE};
    if (info->dtb != 0) {
        l.extra_len = (word_t)sizeof(struct bootinfo_chunk) + round_up(info->dtb_size, PAGE_SIZE);
        l.extra_block = power_of_two(round_up(l.extra_len, PAGE_SIZE));
    }
    l.ipc_buffer = info->user_end - info->pv_offset;
    l.bootinfo = l.ipc_buffer + PAGE_SIZE;
    l.extra = l.bootinfo + PAGE_SIZE;
    word_t room = USER_TOP - l.start;
    word_t need = (info->user_end - info->user_start) + 2 * PAGE_SIZE + l.extra_block;
    if (l.start >= USER_TOP || need > room)
        boot_refuse("the user image reaches into the kernel's part of the address space");
    l.first_table = l.start & ~(vaddr_t)(SECTION_SIZE - 1);
    l.tables = (l.extra + l.extra_block - l.first_table + SECTION_SIZE - 1) / SECTION_SIZE;
    return l;
}

static paddr_t take(paddr_t *at, word_t bytes)
{
    paddr_t here = *at;
    *at += bytes;
    return here;
}

/* Descending by size, so that everything is aligned to its size without gaps. */
static struct objects boot_objects(const struct layout *l, paddr_t lowest)
{
    bool extra = l->extra_len != 0;
    word_t block = extra ? l->extra_block : 0;
    word_t size = CNODE_BYTES + (1u << PAGE_DIRECTORY_BITS) + (1u << ASID_POOL_BITS) +
                  2 * PAGE_SIZE + (l->tables << PAGE_TABLE_BITS) + (1u << TCB_BITS) + block;
    word_t align = block > CNODE_BYTES ? block : (word_t)CNODE_BYTES;
    if (size > board.ram_size || ((ram_end() - size) & ~(align - 1)) < lowest)
        boot_refuse("not enough RAM for the root task's objects");
    struct objects o = {.start = (ram_end() - size) & ~(align - 1)};
    paddr_t at = o.start;
    if (extra && block >= CNODE_BYTES)
        o.extra = take(&at, block);
    o.cnode = take(&at, CNODE_BYTES);
    if (extra && o.extra == 0 && block >= 1u << PAGE_DIRECTORY_BITS)
        o.extra = take(&at, block);
    o.pd = take(&at, 1u << PAGE_DIRECTORY_BITS);
    if (extra && o.extra == 0)
        o.extra = take(&at, block);
    o.asid_pool = take(&at, 1u << ASID_POOL_BITS);
    o.ipc_buffer = take(&at, PAGE_SIZE);
    o.bootinfo = take(&at, PAGE_SIZE);
    o.tables = take(&at, l->tables << PAGE_TABLE_BITS);
    o.tcb = take(&at, 1u << TCB_BITS);
    o.end = at;
    return o;
}

/* --- capabilities --- */

static void boot_put(struct boot *b, word_t slot, struct cap c)
{
    cdt_insert(&b->slots[slot], NULL, c, CDT_REVOCABLE | CDT_FIRST_BADGED, EVENT_BOOT);
}

static void boot_append(struct boot *b, struct cap c)
{
    if (b->next >= ROOT_SLOTS)
        boot_refuse("the user image has more pages than the root CNode has slots");
    boot_put(b, b->next++, c);
}

static struct cap boot_frame_cap(paddr_t frame, vaddr_t vaddr)
{
    struct cap c = frame_make(CAP_FRAME_4K, kaddr_from_paddr(frame), VM_READ_WRITE, false);
    return frame_with_mapping(c, ROOT_ASID, vaddr);
}

static void boot_map(const struct boot *b, paddr_t frame, vaddr_t vaddr, word_t attributes)
{
    vspace_boot_map_frame(kaddr_from_paddr(b->objects.pd), frame, vaddr, VM_READ_WRITE, attributes);
}

/* The fixed slots (5.1). */
static void boot_fixed_caps(struct boot *b)
{
    const struct objects *o = &b->objects;
    boot_put(b, INIT_TCB, cap_make(CAP_TCB, kaddr_from_paddr(o->tcb), 0));
    boot_put(b, INIT_CNODE,
             cnode_make(kaddr_from_paddr(o->cnode), ROOT_CNODE_RADIX, 32 - ROOT_CNODE_RADIX, 0));
    boot_put(b, INIT_VSPACE, page_directory_make(kaddr_from_paddr(o->pd), ROOT_ASID));
    boot_put(b, INIT_IRQ_CONTROL, control_make(CONTROL_IRQ, 0));
    boot_put(b, INIT_ASID_CONTROL, control_make(CONTROL_ASID, 0));
    boot_put(b, INIT_ASID_POOL, asid_pool_make(kaddr_from_paddr(o->asid_pool), 0));
    boot_put(b, INIT_BOOTINFO, boot_frame_cap(o->bootinfo, b->layout.bootinfo));
    boot_put(b, INIT_IPC_BUFFER, boot_frame_cap(o->ipc_buffer, b->layout.ipc_buffer));
    boot_put(b, INIT_DOMAIN, control_make(CONTROL_DOMAIN, 0));
}

static void boot_page_tables(struct boot *b)
{
    const struct objects *o = &b->objects;
    page_directory_init(kaddr_from_paddr(o->pd), false);
    asid_boot(kaddr_from_paddr(o->asid_pool), kaddr_from_paddr(o->pd));
    b->bi->user_image_paging.start = b->next;
    for (word_t i = 0; i < b->layout.tables; i++) {
        kaddr_t table = kaddr_from_paddr(o->tables + (i << PAGE_TABLE_BITS));
        vaddr_t vaddr = b->layout.first_table + i * SECTION_SIZE;
        vspace_boot_map_table(kaddr_from_paddr(o->pd), table, vaddr);
        boot_append(b, page_table_make(table, ROOT_ASID, vaddr));
    }
    b->bi->user_image_paging.end = b->next;
}

/* Extra BootInfo: one chunk with the device tree and what follows it up to its page end (5.3). */
static void boot_extra(struct boot *b)
{
    const struct layout *l = &b->layout;
    b->bi->extra_len = l->extra_len;
    b->bi->extra_bi_pages.start = b->bi->extra_bi_pages.end = 0;
    if (l->extra_len == 0)
        return;
    word_t payload = l->extra_len - (word_t)sizeof(struct bootinfo_chunk);
    word_t there = b->info->user_start - b->info->dtb;
    struct bootinfo_chunk *chunk = kptr(kaddr_from_paddr(b->objects.extra));
    chunk->id = BOOTINFO_ID_FDT;
    chunk->length = l->extra_len;
    memcpy(chunk + 1, kptr(kaddr_from_paddr(b->info->dtb)), payload < there ? payload : there);
    b->bi->extra_bi_pages.start = b->next;
    for (word_t at = 0; at < l->extra_len; at += PAGE_SIZE) {
        boot_map(b, b->objects.extra + at, l->extra + at, VM_CACHEABLE);
        boot_append(b, boot_frame_cap(b->objects.extra + at, l->extra + at));
    }
    b->bi->extra_bi_pages.end = b->next;
}

static void boot_image(struct boot *b)
{
    b->bi->user_image_frames.start = b->next;
    for (paddr_t p = b->info->user_start; p < b->info->user_end; p += PAGE_SIZE) {
        vaddr_t vaddr = p - b->info->pv_offset;
        boot_map(b, p, vaddr, VM_CACHEABLE);
        boot_append(b, boot_frame_cap(p, vaddr));
    }
    b->bi->user_image_frames.end = b->next;
    boot_map(b, b->objects.ipc_buffer, b->layout.ipc_buffer, VM_CACHEABLE | VM_EXECUTE_NEVER);
    boot_map(b, b->objects.bootinfo, b->layout.bootinfo, VM_CACHEABLE | VM_EXECUTE_NEVER);
}

/* --- untyped memory (5.6) --- */

/* log2 of the largest block that may stand at the start of a region of `bytes` bytes: a block is
 * aligned to its size by its kernel address, which is what capabilities hold. */
static unsigned block_bits(paddr_t start, word_t bytes)
{
    kaddr_t at = kaddr_from_paddr(start);
    unsigned bits = 31u - (unsigned)__builtin_clzl(bytes) % 32u;
    unsigned alignment = at == 0 ? 31u : (unsigned)__builtin_ctzl(at);
    if (bits > alignment)
        bits = alignment;
    return bits > UNTYPED_MAX_BITS ? (unsigned)UNTYPED_MAX_BITS : bits;
}

static void boot_untyped(struct boot *b, paddr_t start, unsigned bits, bool device)
{
    word_t index = b->next - b->bi->untyped.start;
    if (index >= BOOTINFO_MAX_UNTYPED || b->next >= ROOT_SLOTS)
        return; /* more regions than BootInfo can tell: the rest stays unused (5.2) */
    b->bi->untyped_list[index] = (struct untyped_desc){
        .paddr = start, .size_bits = (uint8_t)bits, .is_device = (uint8_t)device};
    boot_append(b, untyped_make(kaddr_from_paddr(start), bits, device, 0));
}

/* Splits [start, end) into blocks; what is smaller than the smallest untyped is lost. At most 57
 * rounds: sizes go up to the largest block and then down again. */
static void boot_region(struct boot *b, paddr_t start, paddr_t end, bool device)
{
    while (start < end) {
        unsigned bits = block_bits(start, end - start);
        if (bits >= UNTYPED_MIN_BITS)
            boot_untyped(b, start, bits, device);
        start += (word_t)1 << bits;
    }
}

static void boot_device_untypeds(struct boot *b)
{
    paddr_t at = 0;
    for (word_t i = 0; i < board.reserved_count; i++) {
        boot_region(b, at, board.reserved[i].start, true);
        at = board.reserved[i].end;
        if (at == 0)
            return;
    }
    boot_region(b, at, ~(paddr_t)0, true);
}

static void boot_ram_untypeds(struct boot *b, paddr_t kernel_end)
{
    const struct boot_info *info = b->info;
    if (info->dtb == 0) {
        boot_region(b, kernel_end, info->user_start, false);
    } else {
        boot_region(b, kernel_end, info->dtb & ~(paddr_t)(PAGE_SIZE - 1), false);
        boot_region(b, round_up(info->dtb + info->dtb_size, PAGE_SIZE), info->user_start, false);
    }
    boot_region(b, info->user_end, b->objects.start, false);
    boot_region(b, b->objects.end, ram_end(), false);
}

static void boot_untypeds(struct boot *b, paddr_t kernel_end)
{
    b->bi->untyped.start = b->next;
    boot_device_untypeds(b);
    boot_ram_untypeds(b, kernel_end);
    b->bi->untyped.end = b->next;
    b->bi->empty.start = b->next;
    b->bi->empty.end = ROOT_SLOTS;
}

/* --- the thread (5.5) --- */

static void boot_install(struct boot *b, struct tcb *t, enum tcb_slot to, enum initial_slot from)
{
    cdt_insert_copy(tcb_slot(t, to), &b->slots[from], b->slots[from].cap, EVENT_INSTALL);
}

static struct tcb *boot_thread(struct boot *b)
{
    struct tcb *t = kptr(kaddr_from_paddr(b->objects.tcb));
    tcb_init(t);
    memset(t->name, 0, sizeof(t->name));
    memcpy(t->name, "rootserver", sizeof("rootserver"));
    boot_install(b, t, TCB_CSPACE, INIT_CNODE);
    boot_install(b, t, TCB_VSPACE, INIT_VSPACE);
    boot_install(b, t, TCB_BUFFER, INIT_IPC_BUFFER);
    tcb_setup_reply_master(t);
    t->ipc_buffer = b->layout.ipc_buffer;
    t->priority = ROOT_PRIORITY;
    t->mcp = ROOT_PRIORITY;
    t->domain = 0;
    t->regs[REG_R0] = b->layout.bootinfo;
    t->regs[REG_PC] = b->info->entry & ~(vaddr_t)3;
    t->regs[REG_FAULT_IP] = t->regs[REG_PC];
    return t;
}

void boot_root_task(const struct boot_info *info, paddr_t kernel_end)
{
    boot_check(info, kernel_end);
    struct boot b = {.info = info, .layout = boot_layout(info), .next = INIT_FIRST_FREE};
    b.objects = boot_objects(&b.layout, info->user_end);
    arch_clear(kaddr_from_paddr(b.objects.start), b.objects.end - b.objects.start);
    b.slots = kptr(kaddr_from_paddr(b.objects.cnode));
    b.bi = kptr(kaddr_from_paddr(b.objects.bootinfo));
    b.bi->num_nodes = 1;
    b.bi->ipc_buffer = b.layout.ipc_buffer;
    b.bi->cnode_size_bits = ROOT_CNODE_RADIX;
    boot_fixed_caps(&b);
    boot_page_tables(&b);
    boot_extra(&b);
    boot_image(&b);
    boot_untypeds(&b, kernel_end);
    struct tcb *root = boot_thread(&b);
    ks.root_thread = kaddr_of(root);
    tcb_set_state(root, THREAD_RUNNING);
    sched_possible_switch(root);
}

void kernel_init(const struct boot_info *info, paddr_t kernel_end)
{
    sched_init();
    cdt_init();
    irq_init();
    boot_root_task(info, kernel_end);
    debug_boot();
    sched_schedule();
}
