/* Frames of all sizes over all memory: zeroed, mapped, protected, and gone with their capability.
 */
#include "user/tests/tests.h"

enum { WINDOW = 0x40000000, SIZES = 4, MARK = 0x00c0ffee, AT_0X42 = 0x42 };
static const enum object_type type_of[SIZES] = {OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_FRAME_1M,
                                                OBJECT_FRAME_16M};
static const word_t bits_of[SIZES] = {12, 16, 20, 24};
static const word_t attributes = VM_CACHEABLE | VM_PARITY;

struct eight {
    word_t w[8];
};

static word_t any_set(vaddr_t from, word_t bits)
{
    const struct eight *e = (const struct eight *)from, *end = e + ((word_t)1 << bits) / 32;
    word_t sum = 0;
    for (; e < end; e++)
        for (word_t i = 0; i < 8; i++)
            sum |= e->w[i];
    return sum;
}

static void fill(vaddr_t from, word_t bits, word_t value)
{
    struct eight *e = (struct eight *)from, *end = e + ((word_t)1 << bits) / 32;
    for (; e < end; e++)
        for (word_t i = 0; i < 8; i++)
            e->w[i] = value;
}

/* Maps, sees that it is all zero, remaps, leaves garbage behind, unmaps. */
static void use_frame(cptr_t frame, word_t bits)
{
    must_succeed(page_map(frame, INIT_VSPACE, WINDOW, READ_WRITE, attributes));
    if (any_set(WINDOW, bits))
        check_note("a fresh frame of 2^%u bytes at 0x%x holds something", bits,
                   page_get_address(frame));
    check_equal(page_map(frame, INIT_VSPACE, WINDOW, READ_WRITE, attributes), SEL4_NO_ERROR);
    fill(WINDOW, bits, MARK + bits);
    check_equal(page_unmap(frame), SEL4_NO_ERROR);
}

/* Every byte that can be had, in the largest frames that fit. */
static void all_memory(void)
{
    cptr_t table = object_new(OBJECT_PAGE_TABLE, 0);
    word_t before = ram_free_bytes(), used = 0;
    for (word_t s = SIZES; s-- > 0;) {
        if (s == 1)
            must_succeed(page_table_map(table, INIT_VSPACE, WINDOW, attributes));
        for (cptr_t f = object_try(type_of[s], 0); f != 0; f = object_try(type_of[s], 0)) {
            use_frame(f, bits_of[s]);
            used += (word_t)1 << bits_of[s];
        }
    }
    check(before - used < 16 * 4096);
}

/* Sixteen megabytes in frames of each size, all mapped at once. */
static void every_size(void)
{
    cptr_t memory = object_new(OBJECT_UNTYPED, 24), frames = object_new(OBJECT_CNODE, 12);
    for (vaddr_t v = WINDOW; v < WINDOW + 16 * SECTION; v += SECTION)
        map_table(INIT_VSPACE, v);
    cptr_t frame = slot_new();
    for (word_t s = 0; s < 2; s++) { /* sizes that need page tables */
        word_t count = (word_t)1 << (24 - bits_of[s]);
        for (word_t i = 0; i < count; i += 256)
            must_succeed(untyped_retype(memory, type_of[s], 0, INIT_CNODE, frames, DEPTH, i, 256));
        for (word_t i = 0; i < count; i++) {
            must_succeed(cnode_move(INIT_CNODE, frame, DEPTH, frames, i, 12));
            must_succeed(
                page_map(frame, INIT_VSPACE, WINDOW + (i << bits_of[s]), READ_WRITE, attributes));
            must_succeed(cnode_move(frames, i, 12, INIT_CNODE, frame, DEPTH));
        }
        check_equal(any_set(WINDOW, 24), 0);
        for (word_t i = 0; i < 1 << 22; i += 1024)
            ((volatile word_t *)WINDOW)[i] = i + s;
        for (word_t i = 0; i < 1 << 22; i += 1024)
            check_equal(((volatile word_t *)WINDOW)[i], i + s);
        must_succeed(cap_revoke(memory));
    }
}

/* ---- execute never ---- */

static word_t enter(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    ((void (*)(void))address)();
    return 0;
}

static void execute_never(word_t s)
{
    static const word_t code[] = {0xe3a00042, 0xe5d00000, 0xe12fff1e}; /* ldrb from 0x42 */
    const vaddr_t at = WINDOW + 16 * SECTION;
    cptr_t frame = map_new(type_of[s], at);
    volatile word_t *to = (volatile word_t *)at;
    for (word_t i = 0; i < 3; i++)
        to[i] = code[i];
    cache_operation(frame, INV_PAGE_UNIFY_INSTRUCTION, 0, 4096);
    for (word_t never = 0; never < 2; never++) {
        must_succeed(page_map(frame, INIT_VSPACE, at, READ_WRITE,
                              attributes | (never ? VM_EXECUTE_NEVER : 0)));
        struct thread *t = thread_run(200, enter, (word_t)to, 0);
        if (!check(thread_joined_faulty(t)))
            return;
        check_equal(msginfo_label(t->fault.tag), FAULT_VM);
        check_equal(t->fault.mr[0], never ? (word_t)to : (word_t)to + 4);
        check_equal(t->fault.mr[1], never ? (word_t)to : (word_t)AT_0X42);
        check_equal(t->fault.mr[2], never);
    }
    must_succeed(cap_delete(frame));
}

static void execute_never_4k(void)
{
    execute_never(0);
}

static void execute_never_64k(void)
{
    execute_never(1);
}

static void execute_never_sections(void)
{
    execute_never(2);
    execute_never(3);
}

/* ---- rights ---- */

static word_t load(word_t address, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    return *(volatile word_t *)address;
}

static word_t store(word_t address, word_t value, word_t c, word_t d)
{
    (void)c, (void)d;
    *(volatile word_t *)address = value;
    return value;
}

static bool faults(thread_function f, word_t address)
{
    struct thread *t = thread_run(200, f, address, 5);
    thread_wait(t);
    return t->faulted;
}

/* The capability's rights and those asked for both limit the mapping. */
static void rights(void)
{
    for (word_t s = 0; s < SIZES; s++) {
        const vaddr_t at = WINDOW + (s + 1) * 16 * SECTION;
        if (s < 2)
            map_table(INIT_VSPACE, at);
        cptr_t original = object_new(type_of[s], 0);
        for (word_t mask = 0; mask < 4; mask++) {
            for (word_t ask = 0; ask < 4; ask++) {
                cptr_t frame = cap_copy(original, mask);
                must_succeed(page_map(frame, INIT_VSPACE, at, ask, attributes));
                word_t both = mask & ask;
                check_equal(faults(load, at + 8), !(both & RIGHT_READ));
                check_equal(faults(store, at + 8), both != READ_WRITE);
                must_succeed(cap_delete(frame));
            }
        }
    }
}

/* ---- device frames as IPC buffers, deletion ---- */

static word_t echo_length(word_t ep, word_t b, word_t c, word_t d)
{
    (void)b, (void)c, (void)d;
    struct ipc_regs r = ipc_recv(ep);
    return msginfo_length(r.tag) << 8 | message_errors(&r, msginfo_length(r.tag), 3);
}

static void device_buffer(bool configure)
{
    cptr_t device = slot_new(), ep = object_new(OBJECT_ENDPOINT, 0);
    must_succeed(
        untyped_retype(device_untyped(0), OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, device, 1));
    struct thread *t = thread_new(200);
    vaddr_t buffer = (vaddr_t)t->buffer;
    check_equal(configure
                    ? tcb_configure(t->tcb, t->done, INIT_CNODE, 0, INIT_VSPACE, buffer, device)
                    : tcb_set_ipc_buffer(t->tcb, buffer, device),
                SEL4_ILLEGAL_OPERATION);
    thread_start(t, echo_length, ep, 0, 0, 0);
    thread_let_run();
    struct ipc_regs r = {0};
    message_fill(&r, 60, 3);
    ipc_send(ep, msginfo_make(0, 0, 0, 60), r.mr);
    check_equal(thread_join(t), 60 << 8);
}

static void device_buffer_configure(void)
{
    device_buffer(true);
}

static void device_buffer_set(void)
{
    device_buffer(false);
}

static void deletion_unmaps(void)
{
    for (word_t s = 0; s < SIZES; s++) {
        const vaddr_t at = WINDOW + (s + 1) * 16 * SECTION;
        cptr_t frame = map_new(type_of[s], at), second = cap_copy(frame, RIGHT_ALL);
        check(!faults(store, at));
        check_equal(cap_delete(frame), SEL4_NO_ERROR); /* a copy is left, the mapping goes */
        check(faults(load, at));
        must_succeed(page_map(second, INIT_VSPACE, at, READ_WRITE, attributes));
        check_equal(*(volatile word_t *)at, 5);
        check_equal(page_unmap(second), SEL4_NO_ERROR);
        check(faults(load, at));
        check_equal(page_unmap(second), SEL4_NO_ERROR);
    }
}

/* Memory that held kernel objects comes back as zeroed frames. */
static void kernel_data_never_shows(void)
{
    enum { BITS = 20 };
    cptr_t memory = object_new(OBJECT_UNTYPED, BITS), to = slots_new(256);
    static const struct {
        enum object_type type;
        word_t size, count;
    } fill_with[] = {{OBJECT_TCB, 0, 256},           {OBJECT_CNODE, 10, 8},
                     {OBJECT_ENDPOINT, 0, 256},      {OBJECT_PAGE_TABLE, 0, 64},
                     {OBJECT_PAGE_DIRECTORY, 0, 16}, {OBJECT_UNTYPED, 12, 20},
                     {OBJECT_NOTIFICATION, 0, 256}};
    for (word_t i = 0; i < sizeof(fill_with) / sizeof(*fill_with); i++) {
        enum object_type type = fill_with[i].type;
        must_succeed(untyped_retype(memory, type, fill_with[i].size, INIT_CNODE, 0, 0, to,
                                    fill_with[i].count));
        for (word_t c = 0; c < fill_with[i].count; c++) {
            if (type == OBJECT_CNODE)
                must_succeed(cnode_copy(to + c, 5, 10, INIT_CNODE, INIT_TCB, DEPTH, RIGHT_ALL));
            if (type == OBJECT_PAGE_DIRECTORY)
                must_succeed(asid_pool_assign(INIT_ASID_POOL, to + c));
        }
        must_succeed(cap_revoke(memory));
        must_succeed(untyped_retype(memory, OBJECT_FRAME_1M, 0, INIT_CNODE, 0, 0, to, 1));
        must_succeed(page_map(to, INIT_VSPACE, WINDOW, READ_WRITE, attributes));
        check_equal(any_set(WINDOW, BITS), 0);
        must_succeed(cap_revoke(memory));
    }
    const volatile word_t *globals = (const volatile word_t *)GLOBALS_FRAME;
    for (word_t i = 1; i < 1024; i++)
        check_equal(globals[i], 0);
}

const struct test frames_tests[] = {
    {"FRAMEEXPORTS0001 all memory can be had as frames, mapped, remapped and unmapped", all_memory},
    {"FRAMEEXPORTS0002 what a revoked frame held is never seen again", all_memory},
    {"FRAMEEXPORTS0003 sixteen megabytes of small and large pages, all mapped at once", every_size},
    {"FRAMEEXPORTS0004 memory of revoked kernel objects comes back zeroed",
     kernel_data_never_shows},
    {"FRAMEXN0001 ExecuteNever stops at the first instruction of a small page", execute_never_4k},
    {"FRAMEXN0002 ExecuteNever stops at the first instruction of a large page", execute_never_64k},
    {"FRAMEXN0003 ExecuteNever on sections and supersections", execute_never_sections},
    {"FRAMERIGHTS0001 a mapping has the rights of capability and request together", rights},
    {"FRAMEDIPC0001 Configure refuses a device frame as IPC buffer", device_buffer_configure},
    {"FRAMEDIPC0002 SetIPCBuffer refuses a device frame", device_buffer_set},
    {"FRAMEDIPC0003 deleting a frame capability unmaps it", deletion_unmaps},
    {0},
};
