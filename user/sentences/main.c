/* Gives the debug kernel reason to speak: more refusals than it explains, then faults of threads
 * that nobody takes care of; a wait for somebody else's notification; a frame whose place another
 * one took. Then writes lines as slowly as a busy program does, for ever, so that whoever types
 * meets it in the middle of one. The end-to-end test of the monitor runs it. */
#include "user/lib/user.h"

enum {
    DEPTH = 32,
    STACK_WORDS = 256,
    REFUSALS = 40, /* five times what the kernel explains in a second */
    FAULTERS = 5,
    TOP = 255,
    WINDOW = 0x40000000,
    BETWEEN_LETTERS = 4000, /* rounds of a loop: a tenth of a millisecond */
};

static cptr_t untyped;
static cptr_t next; /* empty slot */
static cptr_t notification;
static word_t stack[FAULTERS][STACK_WORDS] __attribute__((aligned(8)));

static cptr_t make(enum object_type type)
{
    user_check(untyped_retype(untyped, type, 0, INIT_CNODE, 0, 0, next, 1));
    return next++;
}

static void find_memory(const struct bootinfo *info)
{
    word_t best = 0;
    next = info->empty.start;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        if (info->untyped_list[i].is_device || info->untyped_list[i].size_bits <= best)
            continue;
        best = info->untyped_list[i].size_bits;
        untyped = info->untyped.start + i;
    }
}

static void be_refused(void)
{
    for (word_t i = 0; i < REFUSALS; i++)
        cnode_copy(INIT_CNODE, INIT_TCB, DEPTH, INIT_CNODE, INIT_VSPACE, DEPTH, RIGHT_ALL);
}

/* --- threads that fault and have no handler --- */

static void write_nowhere(void)
{
    *(volatile word_t *)0x433060 = 1;
}

static void do_nonsense(void)
{
    __asm__ volatile(".word 0xe7f000f0");
}

static void call_unknown(void)
{
    syscall_raw((enum syscall_number) - 99, (struct ipc_regs){0});
}

static void wait_for_others(void)
{
    ipc_recv(notification);
}

static void yield_for_ever(void)
{
    for (;;)
        user_yield();
}

static cptr_t start(void (*body)(void), const char *name, word_t n)
{
    static const word_t args[4];
    cptr_t tcb = make(OBJECT_TCB);
    debug_name_thread(tcb, name);
    user_check(tcb_configure(tcb, 0, INIT_CNODE, 0, INIT_VSPACE, 0, 0));
    user_check(tcb_set_priority(tcb, INIT_TCB, TOP));
    user_check(tcb_start(tcb, true, (vaddr_t)body, (vaddr_t)&stack[n][STACK_WORDS], args));
    user_yield();
    return tcb;
}

static void fault(void)
{
    notification = make(OBJECT_NOTIFICATION);
    user_check(tcb_bind_notification(INIT_TCB, notification));
    start(write_nowhere, "say/write", 0);
    start(do_nonsense, "say/nonsense", 1);
    start(call_unknown, "say/unknown", 2);
    start(wait_for_others, "say/waiter", 3);
    cptr_t mended = start(write_nowhere, "say/mended", 4);
    static const word_t args[4];
    user_check(
        tcb_start(mended, true, (vaddr_t)yield_for_ever, (vaddr_t)&stack[4][STACK_WORDS], args));
    user_yield();
    user_check(tcb_suspend(mended));
}

/* --- a frame whose place another one takes --- */

static void take_the_place(void)
{
    cptr_t table = make(OBJECT_PAGE_TABLE), first = make(OBJECT_FRAME_4K);
    cptr_t second = make(OBJECT_FRAME_4K);
    user_check(page_table_map(table, INIT_VSPACE, WINDOW, 0));
    user_check(page_map(first, INIT_VSPACE, WINDOW, RIGHT_WRITE | RIGHT_READ, 0));
    user_check(page_map(second, INIT_VSPACE, WINDOW, RIGHT_WRITE | RIGHT_READ, 0));
    user_print("sentences: frame 0x%x lost its place to 0x%x\n", page_get_address(first),
               page_get_address(second));
}

static void write_slowly(const char *text)
{
    for (; *text != '\0'; text++) {
        for (volatile word_t i = 0; i < BETWEEN_LETTERS; i++)
            continue;
        debug_put_char(*text);
    }
}

void user_main(const struct bootinfo *info)
{
    find_memory(info);
    debug_name_thread(INIT_TCB, "say/root");
    be_refused();
    fault();
    take_the_place();
    user_print("sentences: slow lines\n");
    for (;;)
        write_slowly("slow 0123456789 abcdefghijklmnopqrstuvwxyz\n");
}
