/* With untyped memory: it is all the program has, and the program does with it what it likes. */
#include "user/client/client.h"

enum {
    TABLE_VADDR = 0x40000000,
    WILD = 0x40100000,
    THREAD_SPACE_RADIX = 4,
    GPT_CR = 0, /* its device: a timer (i.MX31 manual 33.3), registers by word */
    GPT_PR = 1,
    GPT_SR = 2,
    GPT_IR = 3,
    GPT_OCR1 = 4,
    GPT_CNT = 9,
    GPT_CR_RUN = 0x243, /* bus clock, runs freely */
    GPT_OF1 = 1,
    GPT_COUNTS = 38999, /* a millisecond */
    POLLS = 1 << 22,
};

static cptr_t next;

static cptr_t make(cptr_t untyped, word_t type, word_t bits)
{
    cptr_t slot = next++;
    return untyped_retype(untyped, type, bits, INIT_CNODE, 0, 0, slot, 1) == SEL4_NO_ERROR ? slot
                                                                                           : 0;
}

static void try_memory(cptr_t untyped)
{
    cptr_t table = make(untyped, OBJECT_PAGE_TABLE, 0), frame = make(untyped, OBJECT_FRAME_4K, 0);
    bool mapped =
        page_table_map(table, INIT_VSPACE, TABLE_VADDR, VM_CACHEABLE) == 0 &&
        page_map(frame, INIT_VSPACE, TABLE_VADDR, RIGHT_READ | RIGHT_WRITE, VM_CACHEABLE) == 0;
    claim("it maps a page of its own memory", mapped && *(volatile word_t *)TABLE_VADDR == 0);
}

static void try_limits(const struct bootinfo *info)
{
    cptr_t slot = next;
    bool control = irq_control_get(INIT_IRQ_CONTROL, 5, INIT_CNODE, slot, 32) == SEL4_NO_ERROR;
    bool pool = asid_control_make_pool(INIT_ASID_CONTROL, info->untyped.start, INIT_CNODE, slot,
                                       32) == SEL4_NO_ERROR;
    claim("it has no control capabilities", !control && !pool);
    word_t bytes = 0;
    for (word_t i = info->untyped.start; i < info->untyped.end; i++)
        while (make(i, OBJECT_UNTYPED, 16))
            bytes += 1 << 16;
    claim("its memory ends", bytes > 0 && bytes < 3 << 20);
}

/* A thread in the program's own address space, in a CSpace with the endpoint for faults alone. */
static void try_thread(cptr_t untyped)
{
    cptr_t cnode = make(untyped, OBJECT_CNODE, THREAD_SPACE_RADIX);
    cptr_t tcb = make(untyped, OBJECT_TCB, 0);
    user_check(cnode_mint(cnode, 1, THREAD_SPACE_RADIX, INIT_CNODE, HANDOVER_FAULTS, 32,
                          RIGHT_WRITE | RIGHT_GRANT_REPLY, HANDOVER_BADGE_FAULT));
    user_check(tcb_configure(tcb, 1, cnode, (32 - THREAD_SPACE_RADIX) << 3, INIT_VSPACE, 0, 0));
    user_check(tcb_set_priority(tcb, INIT_TCB, given->priority));
    if (user_has_debug_calls())
        debug_name_thread(tcb, "guest/thread");
    user_check(
        tcb_start(tcb, true, (vaddr_t)thread_program, TABLE_VADDR + PAGE, (const word_t[4]){0}));
    try_thread_faults(WILD, HANDOVER_BADGE_FAULT);
    user_check(tcb_suspend(tcb));
}

static bool hears_device(void)
{
    for (word_t i = 0; i < POLLS; i++)
        if (notification_poll(HANDOVER_EVENTS) != 0)
            return true;
    return false;
}

/* The interrupt is left as it came, neither acknowledged nor ended at the device: so it is held up
 * when the program is started again, and then it is the first that comes. */
static void try_device(void)
{
    volatile word_t *gpt = (volatile word_t *)HANDOVER_DEVICES_VADDR;
    bool heard = given->starts == 1 || hears_device();
    gpt[GPT_CR] = 0;
    gpt[GPT_PR] = 0;
    gpt[GPT_CR] = GPT_CR_RUN;
    gpt[GPT_OCR1] = gpt[GPT_CNT] + GPT_COUNTS;
    gpt[GPT_SR] = GPT_OF1;
    gpt[GPT_IR] = GPT_OF1;
    heard &= irq_handler_ack(HANDOVER_IRQ) == SEL4_NO_ERROR && hears_device();
    claim("its device's interrupt comes, first the one that its last start left", heard);
}

void try_alone(const struct bootinfo *info)
{
    try_device(); /* whose interrupts would come where faults are waited for */
    next = info->empty.start;
    claim("it has untyped memory", info->untyped.end > info->untyped.start);
    try_memory(info->untyped.end - 1);
    try_thread(info->untyped.end - 1);
    try_limits(info);
}
