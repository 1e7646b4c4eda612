/* Memory, threads, and the order of what is shown. */
#include "user/why/why.h"

enum { THREADS = 56, STACK_WORDS = 256, ROUNDS = 4, RETYPES = 60, LOOK_UPS = 60 };

static cptr_t memory, next;
static word_t stacks[THREADS][STACK_WORDS] __attribute__((aligned(8)));
static word_t threads;
static word_t dice = 20080401;

cptr_t why_slots(word_t count)
{
    cptr_t first = next;
    next += count;
    return first;
}

cptr_t why_new(enum object_type type, word_t size_bits)
{
    cptr_t slot = why_slots(1);
    user_check(untyped_retype(memory, type, size_bits, INIT_CNODE, 0, 0, slot, 1));
    return slot;
}

word_t why_random(word_t below)
{
    dice = dice * 1664525u + 1013904223u;
    return (word_t)((uint64_t)(dice >> 8) * below >> 24);
}

void why_pause(void)
{
    syscall_raw(SYS_DEBUG_HALT, (struct ipc_regs){0});
}

/* --- threads --- */

struct why_thread why_thread(const char *name, word_t priority, cptr_t handler)
{
    struct why_thread t = {.tcb = why_new(OBJECT_TCB, 0),
                           .cnode = why_new(OBJECT_CNODE, WHY_RADIX)};
    if (threads == THREADS)
        user_fail("why: too many threads\n");
    t.stack = (vaddr_t)&stacks[threads++][STACK_WORDS];
    debug_name_thread(t.tcb, name);
    user_check(
        tcb_configure(t.tcb, handler, t.cnode, (WHY_DEPTH - WHY_RADIX) << 3, INIT_VSPACE, 0, 0));
    user_check(tcb_set_priority(t.tcb, INIT_TCB, priority));
    return t;
}

void why_start(const struct why_thread *t, void (*body)(void))
{
    static const word_t args[4];
    user_check(tcb_start(t->tcb, true, (vaddr_t)body, t->stack, args));
    user_yield();
}

void why_hand(const struct why_thread *t, word_t slot, cptr_t cap, word_t rights)
{
    user_check(cnode_copy(t->cnode, slot, WHY_RADIX, INIT_CNODE, cap, WHY_DEPTH, rights));
}

void why_let_go(cptr_t cap)
{
    user_check(cnode_delete(INIT_CNODE, cap, WHY_DEPTH));
}

static void find_memory(const struct bootinfo *info)
{
    word_t best = 0;
    next = info->empty.start;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device || u->size_bits <= best)
            continue;
        best = u->size_bits;
        memory = info->untyped.start + i;
    }
}

/* The smallest untyped of RAM that is not needed: nobody has it any more. */
static void lose_memory(const struct bootinfo *info)
{
    cptr_t found = 0;
    word_t least = 32;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device || u->size_bits >= least || info->untyped.start + i == memory)
            continue;
        least = u->size_bits;
        found = info->untyped.start + i;
    }
    user_print("why: lost %u bits\n", least);
    why_let_go(found);
}

void user_main(const struct bootinfo *info)
{
    find_memory(info);
    debug_name_thread(INIT_TCB, "why/root");
    lose_memory(info);
    why_situations(info);
    for (word_t i = 0; i < ROUNDS; i++)
        why_look_ups(LOOK_UPS);
    for (word_t i = 0; i < ROUNDS; i++)
        why_retypes(info, RETYPES);
    user_print("why: done\n");
    why_pause();
    tcb_suspend(INIT_TCB);
}
