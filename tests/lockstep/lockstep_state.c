/* One number for all that the kernel's memory and the processor say, to hold two builds of the
 * kernel against each other (lockstep.h).
 *
 * Words are taken raw, addresses and link tags included; both builds have the kernel's data at the
 * same addresses.  Left out is what only a debugger's door writes (a thread's name and the number
 * of its life), and in page directories the kernel's own entries, which are the board's. */
#include "tests/lockstep/lockstep.h"

#include "plat/hostsim/hostsim.h"

enum { DIRECTORY_USER_ENTRIES = 0xf00 };

static uint64_t state;

static void add(word_t w)
{
    state = ((state << 7 | state >> 57) ^ w) * 0x9e3779b97f4a7c15ull;
}

static void add_words(const void *from, unsigned n)
{
    const word_t *w = from;
    for (unsigned i = 0; i < n; i++)
        add(w[i]);
}

static void add_slots(void)
{
    kaddr_t head = kaddr_of(&ks.cdt_head);
    add(ks.cdt_head.prev);
    for (kaddr_t a = ks.cdt_head.next & SLOT_LINK_MASK; a != head;) {
        const struct slot *s = kptr(a);
        add(a);
        add(s->cap.w[0]);
        add(s->cap.w[1]);
        add(s->prev);
        add(s->next);
        a = s->next & SLOT_LINK_MASK;
    }
}

static void add_thread(const struct tcb *t)
{
    add_words(t->regs, (offsetof(struct tcb, generation) - offsetof(struct tcb, regs)) / 4);
}

static void add_scheduler(void)
{
    add(ks.current);
    add(ks.candidate);
    add(ks.reschedule);
    add(ks.ready_top);
    add_words(ks.ready_bits, CONFIG_PRIORITIES / 32);
    add(ks.ticks);
    add(ks.work_units);
    add(ks.hw_asid_next);
    for (unsigned i = 0; i < IRQ_COUNT; i++)
        add(ks.irq_state[i]);
}

/* Also how often the kernel looked for interrupts, and found its timer's. */
static void add_machine(void)
{
    hostsim_see_processor();
    add(hostsim.vspace_pd);
    add(hostsim.vspace_asid);
    add((word_t)hostsim.irq_enabled);
    add((word_t)(hostsim.irq_enabled >> 32));
    add(hostsim.count.irq_looks);
    add(hostsim.count.timer_ack);
}

static void add_memory(paddr_t at, unsigned words)
{
    add_words(kptr(kaddr_from_paddr(at)), words);
}

static void add_object(const struct model_object *o)
{
    if (o->kind == MODEL_TCB)
        add_thread(kptr(kaddr_from_paddr(o->paddr)));
    else if (o->kind == MODEL_ENDPOINT)
        add_memory(o->paddr, sizeof(struct endpoint) / 4);
    else if (o->kind == MODEL_NOTIFICATION)
        add_memory(o->paddr, sizeof(struct notification) / 4);
}

static void add_contents(const struct model_object *o)
{
    if (o->kind == MODEL_FRAME && !o->device)
        add_memory(o->paddr, (1u << o->bits) / 4);
    else if (o->kind == MODEL_PAGE_TABLE)
        add_memory(o->paddr, PTE_COUNT);
    else if (o->kind == MODEL_PAGE_DIRECTORY)
        add_memory(o->paddr, DIRECTORY_USER_ENTRIES);
    else if (o->kind == MODEL_ASID_POOL)
        add_memory(o->paddr, ASIDS_PER_POOL);
}

uint64_t lockstep_state(const struct model *m, uint64_t before, bool memory)
{
    state = before;
    add_slots();
    add_scheduler();
    add_machine();
    for (const struct model_object *o = m->objects; o; o = o->next)
        add_object(o);
    if (!memory)
        return state;
    for (const struct model_object *o = m->objects; o; o = o->next)
        add_contents(o);
    add_words(ks.asid_table, ASID_POOLS);
    add_words(ks.hw_asid_owner, sizeof(ks.hw_asid_owner) / 4);
    return state;
}
