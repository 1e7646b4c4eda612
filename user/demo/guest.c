/* The guest domain: manages its own memory without end, as a guest system would.  One step a tick:
 * allocate and map frames; mint badged capabilities and hand them out inside the domain; make a
 * thread that uses them; revoke, and begin again with the same memory. */
#include "user/demo/demo.h"

enum {
    HEAP = SLOT_FREE, /* the untyped that is filled and revoked */
    HEAP_BITS = 19,
    TABLE = SLOT_FREE + 1,
    FRAMES = SLOT_FREE + 2,
    FRAME_COUNT = 12,
    ENDPOINT = SLOT_FREE + 20,
    CNODE = SLOT_FREE + 21,
    APP = SLOT_FREE + 22,
    BELL = SLOT_FREE + 23,
    ALIASES = SLOT_FREE + 32,
    CNODE_RADIX = 4,
    MINTS = 6,
    HEAP_VADDR = 0x400000,
    APP_PRIORITY = 90,
};

static void make(cptr_t slot, word_t type, word_t bits, word_t count)
{
    user_check(untyped_retype(HEAP, type, bits, SLOT_CNODE, 0, 0, slot, count));
}

static void allocate_and_map(word_t round)
{
    make(TABLE, OBJECT_PAGE_TABLE, 0, 1);
    user_check(page_table_map(TABLE, SLOT_VSPACE, HEAP_VADDR, VM_CACHEABLE));
    make(FRAMES, OBJECT_FRAME_4K, 0, FRAME_COUNT);
    for (word_t i = 0; i < FRAME_COUNT; i++) {
        volatile word_t *page = (volatile word_t *)(HEAP_VADDR + i * 4096);
        user_check(page_map(FRAMES + i, SLOT_VSPACE, (vaddr_t)page, RIGHT_READ | RIGHT_WRITE,
                            VM_CACHEABLE | VM_EXECUTE_NEVER));
        if (page[0] != 0)
            user_fail("guest/init: frame %u of round %u was not cleared", i, round);
        page[0] = round + 1;
    }
}

static void hand_out(void)
{
    make(ENDPOINT, OBJECT_ENDPOINT, 0, 1);
    make(BELL, OBJECT_NOTIFICATION, 0, 1);
    make(CNODE, OBJECT_CNODE, CNODE_RADIX, 1);
    for (word_t i = 0; i < MINTS; i++)
        user_check(cnode_mint(CNODE, 1 + i, CNODE_RADIX, SLOT_CNODE, ENDPOINT, 32,
                              RIGHT_WRITE | RIGHT_GRANT, 0x40 + i));
    user_check(cnode_copy(CNODE, 8, CNODE_RADIX, SLOT_CNODE, BELL, 32, RIGHT_READ | RIGHT_WRITE));
    for (word_t i = 0; i < 4; i++)
        user_check(cnode_copy(SLOT_CNODE, ALIASES + i, 32, SLOT_CNODE, FRAMES + i, 32, RIGHT_READ));
}

/* The application thread shares the address space; it writes its page and waits for its bell, which
 * it finds in the small CSpace it was given. */
static void app_program(void)
{
    enum { APP_BELL = 8 };
    volatile word_t *page = (volatile word_t *)(HEAP_VADDR + 0x1000);
    for (;;) {
        page[1]++;
        notification_wait(APP_BELL);
    }
}

static void start_app(void)
{
    make(APP, OBJECT_TCB, 0, 1);
    user_check(tcb_configure(APP, 0, CNODE, (32 - CNODE_RADIX) << 3, SLOT_VSPACE, 0, 0));
    user_check(tcb_set_sched_params(APP, SLOT_TCB, APP_PRIORITY, APP_PRIORITY));
    debug_name_thread(APP, "guest/app");
    user_check(
        tcb_start(APP, true, (vaddr_t)app_program, HEAP_VADDR + 0x3000, (const word_t[4]){0}));
}

void guest_init(void)
{
    user_check(untyped_retype(SLOT_UNTYPED, OBJECT_UNTYPED, HEAP_BITS, SLOT_CNODE, 0, 0, HEAP, 1));
    user_check(tcb_resume(SLOT_THREADS));
    user_print("guest/init: running\n");
    for (word_t round = 0;; round++) {
        notification_wait(SLOT_TICK);
        allocate_and_map(round);
        notification_wait(SLOT_TICK);
        hand_out();
        notification_wait(SLOT_TICK);
        start_app();
        notification_wait(SLOT_TICK);
        notification_signal(BELL);
        notification_wait(SLOT_TICK);
        user_check(cnode_revoke(SLOT_CNODE, HEAP, 32));
    }
}

/* Asks the driver to be woken at the next tick, for ever. */
void guest_worker(void)
{
    for (;;)
        ipc_call(SLOT_SERVICE, msginfo_make(0, 0, 0, 1), (const word_t[4]){DRIVER_SLEEP});
}
