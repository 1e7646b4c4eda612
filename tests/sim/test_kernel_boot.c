/* What the root task finds (ABI sheet 5, 12.1): slots, BootInfo byte for byte, address space,
 * untypeds in their order, the thread's registers. */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/capability.h"
#include "kernel/kernel.h"
#include "kernel/sched.h"
#include "plat/hostsim/hostsim.h"

enum {
    IMAGE = HOSTSIM_IMAGE_VADDR,
    IMAGE_END = HOSTSIM_IMAGE_VADDR + 0x4000,
    DEVICE_UNTYPEDS = 79,
    RAM_UNTYPEDS = 20 + 3,
};

/* ---- helpers ------------------------------------------------------------------------------------
 */
static const uint8_t *bootinfo_bytes(void)
{
    return (const uint8_t *)sim_bootinfo();
}

static word_t word_at(unsigned offset)
{
    const uint8_t *p = bootinfo_bytes() + offset;
    return (word_t)p[0] | (word_t)p[1] << 8 | (word_t)p[2] << 16 | (word_t)p[3] << 24;
}

static word_t pde(vaddr_t vaddr)
{
    const word_t *pd = kptr(cap_object(sim_cap(INIT_VSPACE)));
    return pd[vaddr >> 20];
}

static word_t pte(vaddr_t vaddr)
{
    const word_t *table = kptr(kaddr_from_paddr(pde(vaddr) & ~0x3ffu));
    return table[vaddr >> 12 & 0xff];
}

static paddr_t physical(cptr_t slot)
{
    return cap_object(sim_cap(slot)) - 0x70000000u;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* ---- slots --------------------------------------------------------------------------------------
 */
static void fixed_slots_identify_as_on_the_sheet(void **state)
{
    (void)state;
    static const word_t tags[INIT_FIRST_FREE] = {0, 0x0c, 0x0a, 9, 0x0e, 0x0b, 5,
                                                 0, 0,    1,    1, 0x3e, 0,    0};
    for (cptr_t i = 0; i < INIT_FIRST_FREE; i++)
        assert_int_equal(cap_identify(sim_cap(i)), tags[i]);
    struct cap root = sim_cap(INIT_CNODE);
    assert_int_equal(cnode_radix(root), 12);
    assert_int_equal(cnode_guard_size(root), 20);
    assert_int_equal(cnode_guard(root), 0);
    assert_int_equal(paging_asid(sim_cap(INIT_VSPACE)), 1);
    assert_int_equal(asid_pool_base(sim_cap(INIT_ASID_POOL)), 0);
}

static void initial_capabilities_are_originals_without_parent(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    for (cptr_t i = 0; i < bi->untyped.end; i++)
        if (cap_type(sim_cap(i)) != CAP_NULL)
            assert_int_equal(sim_slot(i)->next & 3, 3);
    for (cptr_t i = bi->empty.start; i < bi->empty.end; i++)
        assert_int_equal(cap_type(sim_cap(i)), CAP_NULL);
    /* Revoking untyped memory takes nothing: nothing was made from it. */
    unsigned slots = sim_slot_count();
    for (cptr_t i = bi->untyped.start; i < bi->untyped.end; i++)
        assert_int_equal(sim_revoke(i), SEL4_NO_ERROR);
    assert_int_equal(sim_slot_count(), slots);
}

static void revoking_the_cnode_takes_the_root_tasks_own_binding(void **state)
{
    (void)state;
    struct tcb *root = sim_root();
    assert_int_equal(sim_revoke(INIT_IPC_BUFFER), SEL4_NO_ERROR);
    assert_int_equal(cap_type(root->slots[TCB_BUFFER].cap), CAP_NULL);
    assert_int_equal(sim_revoke(INIT_CNODE), SEL4_NO_ERROR);
    assert_int_equal(cap_type(root->slots[TCB_CSPACE].cap), CAP_NULL);
}

static void slot_numbers_resolve_at_depth_32_only(void **state)
{
    (void)state;
    word_t *r = sim_root()->regs;
    sim_call(INIT_CNODE, INV_CNODE_DELETE, SIM_CAPS(), SIM_MRS(1, 12));
    assert_int_equal(r[REG_R1], 0x6005);
    assert_int_equal(r[REG_R2], 0);
    assert_int_equal(r[REG_R2 + 1], 4);
    assert_int_equal(r[REG_R2 + 2], 12);
    assert_int_equal(r[REG_R2 + 3], 0);
    assert_int_equal(sim_buffer(sim_root())[IPCBUF_MSG + 4], 20);
}

/* ---- BootInfo -----------------------------------------------------------------------------------
 */
static void bootinfo_has_every_field_at_its_offset(void **state)
{
    (void)state;
    word_t untypeds = 19 + DEVICE_UNTYPEDS + RAM_UNTYPEDS;
    static const struct {
        unsigned offset;
        word_t value;
    } fields[] = {
        {0x00, 0}, {0x04, 0},  {0x08, 1},  {0x0c, 0},  {0x10, IMAGE_END}, {0x18, 4096}, {0x1c, 0},
        {0x20, 0}, {0x24, 15}, {0x28, 19}, {0x2c, 14}, {0x30, 15},        {0x34, 0},    {0x38, 0},
        {0x3c, 0}, {0x40, 0},  {0x44, 12}, {0x48, 0},  {0x4c, 19},
    };
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (word_at(fields[i].offset) != fields[i].value)
            fail_msg("BootInfo word at %02x is %x, expected %x", fields[i].offset,
                     word_at(fields[i].offset), fields[i].value);
    assert_int_equal(word_at(0x14), untypeds);
    assert_int_equal(word_at(0x50), untypeds);
    unsigned listed = (DEVICE_UNTYPEDS + RAM_UNTYPEDS) * 8;
    assert_true(all_zero(bootinfo_bytes() + 84 + listed, 4096 - 84 - listed));
}

static void the_list_describes_the_untyped_capabilities(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    for (word_t i = 0; i < bi->untyped.end - bi->untyped.start; i++) {
        const uint8_t *e = bootinfo_bytes() + 84 + 8 * i;
        struct cap c = sim_cap(bi->untyped.start + i);
        assert_int_equal(cap_type(c), CAP_UNTYPED);
        assert_int_equal(word_at(84 + 8 * (unsigned)i), cap_object(c) - 0x70000000u);
        assert_int_equal(e[4], untyped_bits(c));
        assert_int_equal(e[5], untyped_is_device(c));
        assert_int_equal(e[6] | e[7], 0);
    }
}

/* ---- untyped memory -----------------------------------------------------------------------------
 */
struct block {
    paddr_t paddr;
    unsigned bits;
};

/* The list of the sheet, 5.6, without what selects RAM, up to the run of halving blocks at the top.
 */
static const struct block devices[] = {
    {0x00000000, 28}, {0x10000000, 29}, {0x30001000, 12}, {0x30002000, 13}, {0x30004000, 14},
    {0x30008000, 15}, {0x30010000, 16}, {0x30020000, 17}, {0x30040000, 18}, {0x30080000, 19},
    {0x30100000, 20}, {0x30200000, 21}, {0x30400000, 22}, {0x30800000, 23}, {0x31000000, 24},
    {0x32000000, 25}, {0x34000000, 26}, {0x38000000, 27}, {0x40000000, 28}, {0x50000000, 25},
    {0x52000000, 24}, {0x53000000, 23}, {0x53800000, 22}, {0x53c00000, 21}, {0x53e00000, 20},
    {0x53f00000, 19}, {0x53f80000, 16}, {0x53f90000, 14}, {0x53f95000, 12}, {0x53f96000, 13},
    {0x53f98000, 15}, {0x53fa0000, 17}, {0x53fc0000, 18}, {0x54000000, 26}, {0x58000000, 27},
    {0x60000000, 27}, {0x68001000, 12}, {0x68002000, 13}, {0x68004000, 14}, {0x68008000, 15},
    {0x68010000, 16}, {0x68020000, 17}, {0x68040000, 18}, {0x68080000, 19}, {0x68100000, 20},
    {0x68200000, 21}, {0x68400000, 22}, {0x68800000, 23}, {0x69000000, 24}, {0x6a000000, 25},
    {0x6c000000, 26}, {0x70000000, 28}, {0xa0000000, 28}, {0xb0000000, 29}, {0xd0000000, 29},
    {0xf0000000, 27}, {0xf8000000, 26}, {0xfc000000, 25}, {0xfe000000, 24}, {0xff000000, 23},
    {0xff800000, 22},
};

static void expect_block(word_t i, struct block want, bool device)
{
    const struct untyped_desc *u = &sim_bootinfo()->untyped_list[i];
    if (u->paddr != want.paddr || u->size_bits != want.bits || u->is_device != device)
        fail_msg("untyped %u is %08x:%u device %u, expected %08x:%u device %u", i, u->paddr,
                 u->size_bits, u->is_device, want.paddr, want.bits, device);
}

static void device_untypeds_come_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    word_t n = sizeof(devices) / sizeof(devices[0]);
    for (word_t i = 0; i < n; i++)
        expect_block(i, devices[i], true);
    struct block b = {0xffc00000, 21};
    for (; b.bits >= 4; b.paddr += 1u << b.bits, b.bits--)
        expect_block(n++, b, true);
    assert_int_equal(n, DEVICE_UNTYPEDS);
}

static void ram_untypeds_are_what_the_boot_left(void **state)
{
    (void)state;
    static const struct block ram[RAM_UNTYPEDS] = {
        {0x80024000, 14}, {0x80028000, 15}, {0x80030000, 16}, {0x80040000, 18}, {0x80080000, 19},
        {0x80100000, 20}, {0x80200000, 21}, {0x80400000, 22}, {0x80800000, 23}, {0x81000000, 24},
        {0x82000000, 25}, {0x84000000, 25}, {0x86000000, 24}, {0x87000000, 23}, {0x87800000, 22},
        {0x87c00000, 21}, {0x87e00000, 20}, {0x87f00000, 19}, {0x87f80000, 18}, {0x87fc0000, 17},
        {0x87ff7600, 9},  {0x87ff7800, 11}, {0x87ff8000, 15},
    };
    for (word_t i = 0; i < RAM_UNTYPEDS; i++)
        expect_block(DEVICE_UNTYPEDS + i, ram[i], false);
    assert_int_equal(physical(INIT_CNODE), 0x87fe0000);
    assert_int_equal(physical(INIT_VSPACE), 0x87ff0000);
    assert_int_equal(physical(INIT_ASID_POOL), 0x87ff4000);
    assert_int_equal(physical(INIT_IPC_BUFFER), 0x87ff5000);
    assert_int_equal(physical(INIT_BOOTINFO), 0x87ff6000);
    assert_int_equal(physical(14), 0x87ff7000);
    assert_int_equal(physical(INIT_TCB), 0x87ff7400);
}

static int by_start(const void *a, const void *b)
{
    const struct block *x = a;
    const struct block *y = b;
    return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

/* Every byte of RAM is the kernel's, the root task's or in exactly one untyped; nothing is handed
 * out that anybody uses. */
static void no_byte_of_ram_is_lost_or_given_twice(void **state)
{
    (void)state;
    static struct block all[BOOTINFO_MAX_UNTYPED + 3];
    const struct bootinfo *bi = sim_bootinfo();
    word_t n = 0;
    for (word_t i = 0; i < bi->untyped.end - bi->untyped.start; i++)
        if (!bi->untyped_list[i].is_device)
            all[n++] = (struct block){bi->untyped_list[i].paddr, bi->untyped_list[i].size_bits};
    qsort(all, n, sizeof(all[0]), by_start);
    paddr_t at = 0x80024000;
    for (word_t i = 0; i < n; i++) {
        if (at == 0x87fe0000)
            at = 0x87ff7600; /* the root task's objects */
        assert_int_equal(all[i].paddr, at);
        at += 1u << all[i].bits;
    }
    assert_int_equal(at, 0x88000000);
}

static void untyped_memory_is_handed_out_cleared(void **state)
{
    (void)state;
    cptr_t untyped = sim_untyped();
    kaddr_t base = cap_object(sim_cap(untyped));
    memset(kptr(base), 0xa5, 0x10000);
    cptr_t frame = sim_new(OBJECT_FRAME_64K, 0);
    assert_int_equal(cap_object(sim_cap(frame)), base);
    assert_true(all_zero(kptr(base), 0x10000));
}

/* ---- address space ------------------------------------------------------------------------------
 */
static void the_image_is_mapped_executable_and_writable(void **state)
{
    (void)state;
    for (word_t i = 0; i < 4; i++) {
        struct cap c = sim_cap(15 + i);
        assert_int_equal(cap_type(c), CAP_FRAME_4K);
        assert_int_equal(cap_object(c), KERNEL_WINDOW + HOSTSIM_KERNEL_BYTES + i * 0x1000);
        assert_int_equal(frame_asid(c), 1);
        assert_int_equal(frame_vaddr(c), IMAGE + i * 0x1000);
        assert_int_equal(frame_rights(c), VM_READ_WRITE);
        assert_int_equal(pte(IMAGE + i * 0x1000), (0x80020000u + i * 0x1000) | 0x83e);
    }
    assert_int_equal(*(const word_t *)kptr(cap_object(sim_cap(17))), 0x1a6e0002);
    assert_int_equal(pte(IMAGE - 0x1000), 0);
    assert_int_equal(pde(IMAGE), (physical(14) | 1) | (pde(IMAGE) & 0x200));
    assert_int_equal(page_table_vaddr(sim_cap(14)), 0);
    assert_int_equal(paging_asid(sim_cap(14)), 1);
}

static void buffer_and_bootinfo_follow_and_cannot_be_executed(void **state)
{
    (void)state;
    assert_int_equal(pte(IMAGE_END), physical(INIT_IPC_BUFFER) | 0x83f);
    assert_int_equal(pte(IMAGE_END + 0x1000), physical(INIT_BOOTINFO) | 0x83f);
    assert_int_equal(pte(IMAGE_END + 0x2000), 0);
    assert_int_equal(frame_vaddr(sim_cap(INIT_IPC_BUFFER)), IMAGE_END);
    assert_int_equal(frame_vaddr(sim_cap(INIT_BOOTINFO)), IMAGE_END + 0x1000);
    for (vaddr_t v = 0x100000; v < 0xf0000000u; v += 0x100000)
        assert_int_equal(pde(v), 0);
    assert_int_equal(pde(0xf0000000u), ((const word_t *)kptr(arch_kernel_pd()))[0xf00]);
    assert_int_equal(hostsim.vspace_pd, physical(INIT_VSPACE));
}

/* A BootInfo page that ends on a 1 MiB boundary still costs one page table more (5.4). */
static void page_tables_cover_what_the_sheet_counts(void **state)
{
    (void)state;
    struct hostsim_config config = {.image_pages = 0xed};
    sim_boot_config(&config);
    assert_int_equal(sim_bootinfo()->ipc_buffer, 0xfd000);
    assert_int_equal(sim_bootinfo()->user_image_paging.end, 15);
    config.image_pages = 0xee;
    sim_boot_config(&config);
    assert_int_equal(sim_bootinfo()->ipc_buffer, 0xfe000);
    assert_int_equal(sim_bootinfo()->user_image_paging.end, 16);
    assert_int_equal(sim_bootinfo()->user_image_frames.start, 16);
    assert_int_equal(page_table_vaddr(sim_cap(15)), 0x100000);
    assert_int_equal(pde(0x100000) & 3, 1);
    sim_check();
}

/* ---- device tree --------------------------------------------------------------------------------
 */
static void expect_device_tree(uint32_t bytes, word_t extra_len, word_t pages)
{
    static uint8_t dtb[8192];
    for (uint32_t i = 0; i < bytes; i++)
        dtb[i] = (uint8_t)(i * 7 + 1);
    struct hostsim_config config = {.dtb = dtb, .dtb_bytes = bytes};
    sim_boot_config(&config);
    const struct bootinfo *bi = sim_bootinfo();
    assert_int_equal(bi->extra_len, extra_len);
    assert_int_equal(bi->extra_bi_pages.start, 15);
    assert_int_equal(bi->extra_bi_pages.end, 15 + pages);
    assert_int_equal(bi->user_image_frames.start, 15 + pages);
    vaddr_t extra = bi->ipc_buffer + 0x2000;
    const word_t *chunk = kptr(cap_object(sim_cap(15)));
    assert_int_equal(chunk[0], BOOTINFO_ID_FDT);
    assert_int_equal(chunk[1], extra_len);
    assert_memory_equal(chunk + 2, dtb, bytes);
    for (word_t i = 0; i < pages; i++) {
        assert_int_equal(frame_vaddr(sim_cap(15 + i)), extra + i * 0x1000);
        assert_int_equal(pte(extra + i * 0x1000), physical(15 + i) | 0x83e);
        assert_int_equal(physical(15 + i), physical(15) + i * 0x1000);
    }
    assert_int_equal(pte(extra + pages * 0x1000), 0);
    sim_check();
}

static void a_device_tree_comes_as_extra_bootinfo(void **state)
{
    (void)state;
    expect_device_tree(1000, 0x1008, 2);
    expect_device_tree(5000, 0x2008, 3);
    expect_device_tree(7757, 0x2008, 3);
}

static void the_machine_may_have_less_ram(void **state)
{
    (void)state;
    struct hostsim_config config = {.ram_bytes = 4 << 20};
    sim_boot_config(&config);
    assert_int_equal(physical(INIT_CNODE), 0x803e0000);
    assert_int_equal(cap_type(sim_cap(sim_new(OBJECT_TCB, 0))), CAP_TCB);
    sim_check();
}

/* ---- the thread ---------------------------------------------------------------------------------
 */
static void the_thread_starts_as_on_the_sheet(void **state)
{
    (void)state;
    struct tcb *t = sim_root();
    assert_ptr_equal(current_thread(), t);
    for (unsigned i = 0; i < REG_COUNT; i++) {
        word_t want = i == REG_R0                        ? (word_t)IMAGE_END + 0x1000
                      : i == REG_PC || i == REG_FAULT_IP ? (word_t)IMAGE
                      : i == REG_CPSR                    ? 0x50u
                                                         : 0u;
        if (t->regs[i] != want)
            fail_msg("register %u is %x, expected %x", i, t->regs[i], want);
    }
    assert_int_equal(t->state, THREAD_RUNNING);
    assert_int_equal(t->priority, 255);
    assert_int_equal(t->mcp, 255);
    assert_int_equal(t->domain, 0);
    assert_int_equal(t->time_slice, 5);
    assert_int_equal(t->fault_handler, 0);
    assert_int_equal(t->ipc_buffer, IMAGE_END);
    assert_int_equal(t->bound_notification, 0);
    assert_string_equal(t->name, "rootserver");
}

static void its_spaces_are_copies_of_the_slots(void **state)
{
    (void)state;
    struct tcb *t = sim_root();
    static const struct {
        enum tcb_slot in;
        cptr_t from;
    } pairs[] = {{TCB_CSPACE, 2}, {TCB_VSPACE, 3}, {TCB_BUFFER, 10}};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sim_slot(pairs[i].from)->next & SLOT_LINK_MASK,
                         kaddr_of(&t->slots[pairs[i].in]));
        assert_int_equal(cap_object(t->slots[pairs[i].in].cap), cap_object(sim_cap(pairs[i].from)));
    }
    assert_int_equal(cap_type(t->slots[TCB_CALLER].cap), CAP_NULL);
    assert_true(cap_type(t->slots[TCB_REPLY].cap) == CAP_REPLY &&
                reply_is_master(t->slots[TCB_REPLY].cap));
}

/* ---- refusals -----------------------------------------------------------------------------------
 */
static void an_image_that_does_not_fit_is_refused_with_a_sentence(void **state)
{
    (void)state;
    jmp_buf end;
    struct hostsim_config config = {.ram_bytes = 1 << 20, .image_pages = 0xd8};
    hostsim_create(config.ram_bytes);
    if (setjmp(end) == 0) {
        hostsim_panic_to(&end);
        hostsim_boot(&config);
        fail_msg("booted");
    }
    hostsim_panic_to(NULL);
    assert_non_null(strstr(hostsim.panic_text, "not enough RAM"));
    hostsim_destroy();
    sim_boot();
}

/* ---- what readers find --------------------------------------------------------------------------
 */
static void the_roots_are_found_and_true(void **state)
{
    (void)state;
    const struct kernel_roots *r = kptr(hostsim_roots());
    assert_int_equal(r->magic[0], ROOTS_MAGIC_0);
    assert_int_equal(r->magic[1], ROOTS_MAGIC_1);
    assert_int_equal(r->layout, LAYOUT_HASH);
    assert_int_equal(hostsim_roots() % ROOTS_ALIGN, 0);
    assert_int_equal(r->ram_size, HOSTSIM_RAM_BYTES);
    assert_int_equal(r->cdt_head, kaddr_of(&ks.cdt_head));
    assert_int_equal(*(const word_t *)kptr(r->current), kaddr_of(sim_root()));
    assert_int_equal(r->kernel_pd, arch_kernel_pd());
    assert_ptr_equal(kptr(r->digest), hostsim_digest());
    const struct event_ring *ring = kptr(r->event_ring);
    const struct event *first = (const struct event *)kptr(ring->base) + 1;
    assert_int_equal(ring->head, hostsim.count.events);
    assert_int_equal(first->seq, 1);
    assert_int_equal(first->kind, EVENT_BOOT);
    assert_int_equal(first->thread, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, sim_setup, sim_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fixed_slots_identify_as_on_the_sheet),
        T(initial_capabilities_are_originals_without_parent),
        T(revoking_the_cnode_takes_the_root_tasks_own_binding),
        T(slot_numbers_resolve_at_depth_32_only),
        T(bootinfo_has_every_field_at_its_offset),
        T(the_list_describes_the_untyped_capabilities),
        T(device_untypeds_come_in_the_order_of_the_sheet),
        T(ram_untypeds_are_what_the_boot_left),
        T(no_byte_of_ram_is_lost_or_given_twice),
        T(untyped_memory_is_handed_out_cleared),
        T(the_image_is_mapped_executable_and_writable),
        T(buffer_and_bootinfo_follow_and_cannot_be_executed),
        T(page_tables_cover_what_the_sheet_counts),
        T(a_device_tree_comes_as_extra_bootinfo),
        T(the_machine_may_have_less_ram),
        T(the_thread_starts_as_on_the_sheet),
        T(its_spaces_are_copies_of_the_slots),
        T(an_image_that_does_not_fit_is_refused_with_a_sentence),
        T(the_roots_are_found_and_true),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
