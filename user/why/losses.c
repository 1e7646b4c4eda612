/* What is there at a first pause and gone at a second one: a slot deleted and one revoked, a page and
 * a page table unmapped, the right to signal, a reply, a thread. */
#include "user/why/why.h"

enum {
    THING = 2, /* slots of a thread's CSpace */
    DEEP = 5,
    MIDDLE = 100,
    WINDOW = 0x40000000,
    OTHER_WINDOW = 0x70000000, /* under another page table */
};

static const word_t nothing[4];

static void receive(void)
{
    ipc_recv(THING);
}

static void receive_deep(void)
{
    ipc_recv(DEEP);
}

static void receive_and_stay(void)
{
    ipc_recv(THING);
    for (;;)
        user_yield();
}

static void call(void)
{
    ipc_call(THING, 0, nothing);
}

static void yield_for_ever(void)
{
    for (;;)
        user_yield();
}

static void read_window(void)
{
    (void)*(volatile word_t *)WINDOW;
}

static void read_other_window(void)
{
    (void)*(volatile word_t *)OTHER_WINDOW;
}

static struct losses {
    struct why_thread slot, revoked, page, table, signaller, server, later, dies;
    cptr_t parent, frame, page_table;
} lost;

static void map_windows(void)
{
    lost.frame = why_new(OBJECT_FRAME_4K, 0);
    lost.page_table = why_new(OBJECT_PAGE_TABLE, 0);
    user_check(page_table_map(why_new(OBJECT_PAGE_TABLE, 0), INIT_VSPACE, WINDOW, 0));
    user_check(page_map(lost.frame, INIT_VSPACE, WINDOW, RIGHT_ALL, 0));
    user_check(page_table_map(lost.page_table, INIT_VSPACE, OTHER_WINDOW, 0));
}

/* Who waits for what others hold, and the root task does not. */
static void make_waiters(void)
{
    struct why_thread waits = why_thread("why/lost-signal", MIDDLE, 0);
    struct why_thread client = why_thread("why/lost-reply", MIDDLE, 0);
    cptr_t bell = why_new(OBJECT_NOTIFICATION, 0), ep = why_new(OBJECT_ENDPOINT, 0);
    lost.signaller = why_thread("why/signaller", MIDDLE, 0);
    lost.server = why_thread("why/server", MIDDLE, 0);
    why_hand(&waits, THING, bell, RIGHT_READ);
    why_hand(&lost.signaller, THING, bell, RIGHT_WRITE);
    why_let_go(bell);
    why_hand(&lost.server, THING, ep, RIGHT_READ);
    why_hand(&client, THING, ep, RIGHT_ALL);
    why_start(&waits, receive);
    why_start(&lost.server, receive_and_stay);
    why_start(&client, call);
}

static void make(void)
{
    lost.slot = why_thread("why/lost-slot", MIDDLE, 0);
    lost.revoked = why_thread("why/revoked", MIDDLE, 0);
    lost.page = why_thread("why/lost-page", MIDDLE, 0);
    lost.table = why_thread("why/lost-table", MIDDLE, 0);
    lost.later = why_thread("why/later", MIDDLE, 0);
    lost.dies = why_thread("why/dies", MIDDLE, 0);
    lost.parent = why_new(OBJECT_ENDPOINT, 0);
    why_hand(&lost.slot, DEEP, why_new(OBJECT_ENDPOINT, 0), RIGHT_ALL);
    why_hand(&lost.revoked, DEEP, lost.parent, RIGHT_ALL);
    map_windows();
    make_waiters();
    why_start(&lost.later, yield_for_ever);
}

static void take_away(void)
{
    user_check(cnode_delete(lost.slot.cnode, DEEP, WHY_RADIX));
    user_check(cnode_revoke(INIT_CNODE, lost.parent, WHY_DEPTH));
    user_check(page_unmap(lost.frame));
    user_check(page_table_unmap(lost.page_table));
    user_check(cnode_delete(lost.signaller.cnode, THING, WHY_RADIX));
    why_let_go(lost.server.tcb);
    why_let_go(lost.dies.tcb);
    user_check(tcb_suspend(lost.later.tcb));
    user_check(tcb_resume(lost.later.tcb));
    user_check(tcb_suspend(lost.later.tcb));
    why_start(&lost.revoked, receive_deep);
    why_start(&lost.table, read_other_window);
    why_start(&lost.slot, receive_deep);
    why_start(&lost.page, read_window);
}

void why_losses(void)
{
    make();
    user_print("why: before\n");
    why_pause();
    take_away();
    user_print("why: after\n");
    why_pause();
}
