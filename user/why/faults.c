/* Threads that fault, each for one reason: capability addresses that end at every kind of place, and
 * virtual addresses behind which there is a frame, a device or nothing. */
#include "user/why/why.h"

enum {
    THING = 2, /* slots of a thread's CSpace */
    MIDDLE = 100,
    DEVICE_BITS = 12,
    TABLE = 0x60000000, /* under one page table */
    READ_ONLY = TABLE + 0x1000,
    DEVICE = TABLE + 0x2000,
    SHARED = TABLE + 0x3000,
    HOLE = TABLE + 0x10000,
    NO_TABLE = 0x50000000,
    OF_KERNEL = 0xf0001000,
    ELSEWHERE = 0x20000000, /* in the other address space */
};

/* --- what they do --- */

static void receive(void)
{
    ipc_recv(THING);
}

static void receive_behind_guard(void)
{
    ipc_recv(0x80000000 | THING);
}

static void send_deep(void)
{
    static const word_t nothing[4];
    ipc_send(7u << (WHY_DEPTH - WHY_RADIX), 0, nothing);
}

static void call_nothing(void)
{
    syscall_raw((enum syscall_number)77, (struct ipc_regs){0});
}

static void write_to(vaddr_t at)
{
    *(volatile word_t *)at = 1;
}

static void read_from(vaddr_t at)
{
    (void)*(volatile word_t *)at;
}

static void write_read_only(void)
{
    write_to(READ_ONLY);
}

static void write_device(void)
{
    write_to(DEVICE);
}

static void write_shared(void)
{
    write_to(SHARED);
}

static void read_hole(void)
{
    read_from(HOLE);
}

static void read_without_table(void)
{
    read_from(NO_TABLE);
}

static void read_kernel(void)
{
    read_from(OF_KERNEL);
}

/* --- capability addresses --- */

static void with(const char *name, cptr_t thing, word_t rights, void (*body)(void))
{
    struct why_thread t = why_thread(name, MIDDLE, 0);
    if (thing)
        why_hand(&t, THING, thing, rights);
    why_start(&t, body);
}

/* A root of 4 bits without guard; its slot 7 leads to a CNode that wants 29 bits of 28. */
static void make_too_deep(void)
{
    struct why_thread t = why_thread("why/depth", MIDDLE, 0);
    cptr_t inner = why_new(OBJECT_CNODE, WHY_RADIX);
    user_check(cnode_mint(t.cnode, 7, WHY_RADIX, INIT_CNODE, inner, WHY_DEPTH, RIGHT_ALL, 25 << 3));
    user_check(tcb_set_space(t.tcb, 0, t.cnode, 0, INIT_VSPACE));
    why_start(&t, send_deep);
}

/* Its CSpace is deleted before it begins. */
static void make_homeless(void)
{
    struct why_thread t = why_thread("why/no-space", MIDDLE, 0);
    user_check(cnode_revoke(INIT_CNODE, t.cnode, WHY_DEPTH));
    why_let_go(t.cnode);
    why_start(&t, receive);
}

static void fault_at_capabilities(void)
{
    cptr_t ep = why_new(OBJECT_ENDPOINT, 0);
    with("why/no-read", ep, RIGHT_WRITE, receive);
    with("why/no-endpoint", why_new(OBJECT_UNTYPED, 12), RIGHT_ALL, receive);
    with("why/guard", ep, RIGHT_ALL, receive_behind_guard);
    with("why/no-syscall", ep, RIGHT_ALL, call_nothing);
    make_too_deep();
    make_homeless();
}

/* --- virtual addresses --- */

static cptr_t device_frame(const struct bootinfo *info)
{
    cptr_t slot = why_slots(1);
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (!u->is_device || u->size_bits != DEVICE_BITS)
            continue;
        user_check(
            untyped_retype(info->untyped.start + i, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, slot, 1));
        return slot;
    }
    user_fail("why: no page of a device\n");
}

/* Another address space, with a thread that never begins, maps the frame as well. */
static void share(cptr_t frame)
{
    struct why_thread t = why_thread("why/sharer", MIDDLE, 0);
    cptr_t space = why_new(OBJECT_PAGE_DIRECTORY, 0), table = why_new(OBJECT_PAGE_TABLE, 0);
    cptr_t copy = why_slots(1);
    user_check(asid_pool_assign(INIT_ASID_POOL, space));
    user_check(cnode_copy(INIT_CNODE, copy, WHY_DEPTH, INIT_CNODE, frame, WHY_DEPTH, RIGHT_ALL));
    user_check(page_table_map(table, space, ELSEWHERE, 0));
    user_check(page_map(copy, space, ELSEWHERE, RIGHT_ALL, 0));
    user_check(tcb_set_space(t.tcb, 0, t.cnode, (WHY_DEPTH - WHY_RADIX) << 3, space));
}

static void map_pages(const struct bootinfo *info)
{
    cptr_t table = why_new(OBJECT_PAGE_TABLE, 0), shared = why_new(OBJECT_FRAME_4K, 0);
    user_check(page_table_map(table, INIT_VSPACE, TABLE, 0));
    user_check(page_map(why_new(OBJECT_FRAME_4K, 0), INIT_VSPACE, READ_ONLY, RIGHT_READ, 0));
    user_check(page_map(device_frame(info), INIT_VSPACE, DEVICE, RIGHT_READ, 0));
    user_check(page_map(shared, INIT_VSPACE, SHARED, RIGHT_READ, 0));
    share(shared);
}

void why_faults(const struct bootinfo *info)
{
    fault_at_capabilities();
    map_pages(info);
    with("why/read-only", 0, 0, write_read_only);
    with("why/device", 0, 0, write_device);
    with("why/shared", 0, 0, write_shared);
    with("why/hole", 0, 0, read_hole);
    with("why/no-table", 0, 0, read_without_table);
    with("why/kernel", 0, 0, read_kernel);
}
