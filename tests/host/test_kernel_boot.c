/* What the root task is given at boot, over simulated memory (ABI sheet 5): capabilities, BootInfo,
 * address space, untypeds; and what the kernel refuses to boot. */
#include "tests/host/sim.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/boot.h"

enum { PAGE = 4096, KERNEL_END = KERNEL_PHYS_BASE + HOSTSIM_KERNEL_BYTES };

static void boot_pages(uint32_t pages)
{
    struct hostsim_config config = {.image_pages = pages};
    sim_boot_config(&config);
}

static word_t region_size(struct slot_region r)
{
    return r.end - r.start;
}

/* ---- capabilities -------------------------------------------------------------------------------
 */
static void fixed_slots_hold_what_the_sheet_says(void **state)
{
    static const enum cap_type types[INIT_FIRST_FREE] = {
        [INIT_TCB] = CAP_TCB,
        [INIT_CNODE] = CAP_CNODE,
        [INIT_VSPACE] = CAP_PAGE_DIRECTORY,
        [INIT_IRQ_CONTROL] = CAP_CONTROL,
        [INIT_ASID_CONTROL] = CAP_CONTROL,
        [INIT_ASID_POOL] = CAP_ASID_POOL,
        [INIT_BOOTINFO] = CAP_FRAME_4K,
        [INIT_IPC_BUFFER] = CAP_FRAME_4K,
        [INIT_DOMAIN] = CAP_CONTROL,
    };
    (void)state;
    for (cptr_t i = 0; i < INIT_FIRST_FREE; i++)
        assert_int_equal(cap_type(sim_cap(i)), types[i]);
    assert_int_equal(control_which(sim_cap(INIT_IRQ_CONTROL)), CONTROL_IRQ);
    assert_int_equal(control_which(sim_cap(INIT_ASID_CONTROL)), CONTROL_ASID);
    assert_int_equal(control_which(sim_cap(INIT_DOMAIN)), CONTROL_DOMAIN);
    assert_int_equal(cnode_radix(sim_cap(INIT_CNODE)), 12);
    assert_int_equal(cnode_guard_size(sim_cap(INIT_CNODE)), 20);
    assert_int_equal(cnode_guard(sim_cap(INIT_CNODE)), 0);
    assert_int_equal(paging_asid(sim_cap(INIT_VSPACE)), 1);
    assert_int_equal(asid_pool_base(sim_cap(INIT_ASID_POOL)), 0);
}

static void initial_caps_are_originals(void **state)
{
    (void)state;
    for (cptr_t i = 1; i < sim_bootinfo()->empty.start; i++)
        if (cap_type(sim_cap(i)) != CAP_NULL)
            assert_int_equal(sim_slot(i)->next & 3, CDT_REVOCABLE | CDT_FIRST_BADGED);
}

static void copies_in_the_tcb_are_children_of_slots_2_3_and_10(void **state)
{
    (void)state;
    const struct tcb *root = sim_root();
    const struct slot *const pairs[][2] = {
        {sim_slot(INIT_CNODE), &root->slots[TCB_CSPACE]},
        {sim_slot(INIT_VSPACE), &root->slots[TCB_VSPACE]},
        {sim_slot(INIT_IPC_BUFFER), &root->slots[TCB_BUFFER]},
    };
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pairs[i][0]->next & SLOT_LINK_MASK, kaddr_of(pairs[i][1]));
        assert_true(cdt_is_parent(pairs[i][0], pairs[i][1]));
    }
    assert_int_equal(sim_revoke(INIT_IPC_BUFFER), SEL4_NO_ERROR);
    assert_int_equal(cap_type(root->slots[TCB_BUFFER].cap), CAP_NULL);
}

static void slots_are_used_without_gaps(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    assert_int_equal(bi->user_image_paging.start, INIT_FIRST_FREE);
    assert_int_equal(bi->user_image_frames.start, bi->user_image_paging.end);
    assert_int_equal(bi->untyped.start, bi->user_image_frames.end);
    assert_int_equal(bi->empty.start, bi->untyped.end);
    assert_int_equal(bi->empty.end, 4096);
    for (cptr_t i = INIT_FIRST_FREE; i < bi->empty.start; i++)
        assert_int_not_equal(cap_type(sim_cap(i)), CAP_NULL);
    for (cptr_t i = bi->empty.start; i < bi->empty.end; i++)
        assert_int_equal(cap_type(sim_cap(i)), CAP_NULL);
}

/* ---- untypeds -----------------------------------------------------------------------------------
 */
static void untyped_list_describes_the_slots(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    for (word_t i = 0; i < region_size(bi->untyped); i++) {
        struct cap c = sim_cap(bi->untyped.start + i);
        const struct untyped_desc *u = &bi->untyped_list[i];
        assert_int_equal(cap_type(c), CAP_UNTYPED);
        assert_int_equal(paddr_from_kaddr(cap_object(c)), u->paddr);
        assert_int_equal(untyped_bits(c), u->size_bits);
        assert_int_equal(untyped_is_device(c), u->is_device);
        assert_int_equal(untyped_watermark(c), 0);
    }
}

static int by_address(const void *a, const void *b)
{
    const struct untyped_desc *x = a, *y = b;
    return x->paddr < y->paddr ? -1 : x->paddr > y->paddr;
}

/* RAM behind the kernel is the image, untypeds, and what the root task's own objects take. */
static void ram_is_handed_out_once_and_whole(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    struct untyped_desc ram[BOOTINFO_MAX_UNTYPED];
    unsigned n = 0;
    for (word_t i = 0; i < region_size(bi->untyped); i++)
        if (!bi->untyped_list[i].is_device)
            ram[n++] = bi->untyped_list[i];
    qsort(ram, n, sizeof ram[0], by_address);
    paddr_t at = KERNEL_END + HOSTSIM_DEFAULT_IMAGE_PAGES * PAGE;
    unsigned gaps = 0;
    for (unsigned i = 0; i < n; i++) {
        if (ram[i].paddr != at) {
            assert_true(ram[i].paddr > at);
            assert_int_equal(ram[i].paddr - at, 0x17600); /* sheet 5.6, one page table */
            gaps++;
        }
        at = ram[i].paddr + (1u << ram[i].size_bits);
    }
    assert_int_equal(gaps, 1);
    assert_int_equal(at, KERNEL_PHYS_BASE + HOSTSIM_RAM_BYTES);
}

static void root_objects_are_covered_by_no_untyped(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    for (cptr_t u = bi->untyped.start; u < bi->untyped.end; u++)
        for (cptr_t i = 1; i < bi->untyped.start; i++)
            assert_false(cap_same_region(sim_cap(u), sim_cap(i)));
}

/* ---- address space ------------------------------------------------------------------------------
 */
/* The small page descriptor for vaddr in the root task's directory, 0: none. */
static word_t descriptor(vaddr_t vaddr)
{
    const word_t *pd = kptr(cap_object(sim_cap(INIT_VSPACE)));
    if ((pd[vaddr >> 20] & PDE_TYPE_MASK) != PDE_PAGE_TABLE)
        return 0;
    const word_t *table = kptr(kaddr_from_paddr(pd[vaddr >> 20] & 0xfffffc00u));
    return table[vaddr >> 12 & 0xff];
}

static void every_image_page_is_mapped_and_has_a_cap(void **state)
{
    (void)state;
    const struct bootinfo *bi = sim_bootinfo();
    assert_int_equal(region_size(bi->user_image_frames), HOSTSIM_DEFAULT_IMAGE_PAGES);
    for (word_t i = 0; i < HOSTSIM_DEFAULT_IMAGE_PAGES; i++) {
        struct cap c = sim_cap(bi->user_image_frames.start + i);
        vaddr_t vaddr = HOSTSIM_IMAGE_VADDR + i * PAGE;
        const word_t *page = kptr(cap_object(c));
        assert_int_equal(page[0], 0x1a6e0000u + i);
        assert_int_equal(frame_vaddr(c), vaddr);
        assert_int_equal(frame_asid(c), 1);
        assert_int_equal(frame_rights(c), VM_READ_WRITE);
        assert_int_equal(descriptor(vaddr) & 0xfffff000u, paddr_from_kaddr(cap_object(c)));
        assert_int_equal(descriptor(vaddr) & PTE_SMALL_XN, 0);
    }
}

static void buffer_and_bootinfo_follow_the_image_and_are_not_executable(void **state)
{
    (void)state;
    vaddr_t end = HOSTSIM_IMAGE_VADDR + HOSTSIM_DEFAULT_IMAGE_PAGES * PAGE;
    assert_int_equal(sim_bootinfo()->ipc_buffer, end);
    assert_int_equal(sim_root()->ipc_buffer, end);
    assert_int_equal(frame_vaddr(sim_cap(INIT_IPC_BUFFER)), end);
    assert_int_equal(frame_vaddr(sim_cap(INIT_BOOTINFO)), end + PAGE);
    assert_int_equal(sim_root()->regs[REG_R0], end + PAGE);
    assert_true(descriptor(end) & PTE_SMALL_XN);
    assert_true(descriptor(end + PAGE) & PTE_SMALL_XN);
    assert_int_equal(descriptor(end + 2 * PAGE), 0);
}

static void bootinfo_that_ends_on_a_section_boundary_costs_a_table(void **state)
{
    (void)state;
    uint32_t full = (0x100000 - HOSTSIM_IMAGE_VADDR) / PAGE - 2;
    boot_pages(full - 1);
    assert_int_equal(region_size(sim_bootinfo()->user_image_paging), 1);
    boot_pages(full);
    assert_int_equal(region_size(sim_bootinfo()->user_image_paging), 2);
    assert_int_equal(page_table_vaddr(sim_cap(INIT_FIRST_FREE + 1)), 0x100000);
}

/* ---- device tree --------------------------------------------------------------------------------
 */
static void check_device_tree(uint32_t size, word_t extra_len, word_t pages, unsigned block_bits)
{
    uint8_t *tree = malloc(size);
    for (uint32_t i = 0; i < size; i++)
        tree[i] = (uint8_t)(i * 7 + (i >> 8));
    struct hostsim_config config = {.dtb = tree, .dtb_bytes = size};
    sim_boot_config(&config);
    const struct bootinfo *bi = sim_bootinfo();
    assert_int_equal(bi->extra_len, extra_len);
    assert_int_equal(region_size(bi->extra_bi_pages), pages);
    assert_int_equal(bi->extra_bi_pages.start, bi->user_image_paging.end);
    assert_int_equal(bi->user_image_frames.start, bi->extra_bi_pages.end);
    kaddr_t at = cap_object(sim_cap(bi->extra_bi_pages.start));
    const struct bootinfo_chunk *chunk = kptr(at);
    assert_int_equal(chunk->id, BOOTINFO_ID_FDT);
    assert_int_equal(chunk->length, extra_len);
    assert_memory_equal(chunk + 1, tree, size);
    assert_int_equal(at & ((1u << block_bits) - 1), 0);
    for (word_t i = 0; i < pages; i++) {
        vaddr_t vaddr = frame_vaddr(sim_cap(INIT_BOOTINFO)) + PAGE + i * PAGE;
        assert_int_equal(frame_vaddr(sim_cap(bi->extra_bi_pages.start + i)), vaddr);
        assert_int_equal(descriptor(vaddr) & 0xfffff000u, paddr_from_kaddr(at) + i * PAGE);
    }
    free(tree);
}

static void device_tree_arrives_in_extra_bootinfo(void **state)
{
    (void)state;
    check_device_tree(1000, 0x1008, 2, 13);
    check_device_tree(5000, 0x2008, 3, 14);
    check_device_tree(0x2000, 0x2008, 3, 14);
    check_device_tree(60000, 0xf008, 16, 16);
    check_device_tree(300000, 0x4a008, 75, 19);
}

/* ---- refusals -----------------------------------------------------------------------------------
 */
static const struct boot_info good = {
    .user_start = KERNEL_END,
    .user_end = KERNEL_END + 4 * PAGE,
    .pv_offset = KERNEL_END - 0x10000u,
    .entry = 0x10000,
};

static void assert_refused(struct boot_info info, const char *sentence)
{
    jmp_buf back;
    hostsim_reset();
    hostsim.panic = &back;
    if (setjmp(back) == 0) {
        kernel_init(&info, KERNEL_END);
        fail_msg("booted what should be refused: %s", sentence);
    }
    hostsim.panic = NULL;
    if (strstr(hostsim.panic_text, sentence) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", hostsim.panic_text, sentence);
}

static void what_cannot_be_booted_is_refused(void **state)
{
    (void)state;
    struct boot_info i = good;
    i.user_end += 8;
    assert_refused(i, "page-aligned");
    i = good;
    i.user_start = KERNEL_END - PAGE;
    assert_refused(i, "above the kernel");
    i = good;
    i.user_end = i.user_start;
    assert_refused(i, "in RAM above the kernel");
    i = good;
    i.user_end = KERNEL_PHYS_BASE + HOSTSIM_RAM_BYTES + PAGE;
    assert_refused(i, "in RAM above the kernel");
    i = good;
    i.entry = 0x10000 + 4 * PAGE;
    assert_refused(i, "entry point");
    i = good;
    i.user_end = KERNEL_PHYS_BASE + HOSTSIM_RAM_BYTES - 16 * PAGE;
    assert_refused(i, "not enough RAM");
    i = good;
    i.user_end = i.user_start + 4096 * PAGE;
    assert_refused(i, "more pages than the root CNode has slots");
    i = good;
    i.pv_offset = KERNEL_END - 0xefffb000u;
    i.entry = 0xefffb000;
    assert_refused(i, "kernel's part");
    i = good;
    i.dtb = i.user_start;
    i.dtb_size = 100;
    assert_refused(i, "between the kernel and the user image");
    i = good;
    i.user_start += PAGE;
    i.pv_offset += PAGE;
    i.dtb = KERNEL_END;
    i.dtb_size = PAGE + 1;
    assert_refused(i, "reaches into the user image");
    hostsim_boot(NULL);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
#define TEST(f) cmocka_unit_test_setup_teardown(f, sim_setup, sim_teardown)
    const struct CMUnitTest tests[] = {
        TEST(fixed_slots_hold_what_the_sheet_says),
        TEST(initial_caps_are_originals),
        TEST(copies_in_the_tcb_are_children_of_slots_2_3_and_10),
        TEST(slots_are_used_without_gaps),
        TEST(untyped_list_describes_the_slots),
        TEST(ram_is_handed_out_once_and_whole),
        TEST(root_objects_are_covered_by_no_untyped),
        TEST(every_image_page_is_mapped_and_has_a_cap),
        TEST(buffer_and_bootinfo_follow_the_image_and_are_not_executable),
        TEST(bootinfo_that_ends_on_a_section_boundary_costs_a_table),
        TEST(device_tree_arrives_in_extra_bootinfo),
        TEST(what_cannot_be_booted_is_refused),
    };
    return cmocka_run_group_tests_name("kernel boot", tests, NULL, NULL);
}
