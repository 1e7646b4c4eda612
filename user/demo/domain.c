/* Building one isolation domain from its own untyped (paper 3.2.3, 4).
 *
 * The address space holds a private copy of the program's image at the addresses the root uses, so
 * a thread can start in any function of it, and for each thread an IPC buffer and a stack. */
#include "user/demo/demo.h"

static word_t image_pages(void)
{
    return ((word_t)image_end - (word_t)image_start) / 4096;
}

static void *memory_copy(void *to, const void *from, word_t bytes)
{
    word_t *t = to;
    const word_t *f = from;
    for (word_t i = 0; i < bytes / sizeof(word_t); i++)
        t[i] = f[i];
    return to;
}

/* Fills a frame through the root's own address space, then maps it where the domain wants it. */
static void fill_and_map(struct domain *d, cptr_t frame, const void *from, vaddr_t vaddr)
{
    const word_t rw = RIGHT_READ | RIGHT_WRITE;
    user_check(page_map(frame, INIT_VSPACE, SCRATCH_VADDR, rw, VM_CACHEABLE));
    memory_copy((void *)SCRATCH_VADDR, from, 4096);
    user_check(page_unmap(frame));
    user_check(page_map(frame, d->vspace, vaddr, rw, VM_CACHEABLE));
}

static void build_image(struct domain *d)
{
    word_t pages = image_pages();
    for (word_t i = 0; i < pages; i++) {
        const char *from = image_start + i * 4096;
        fill_and_map(d, d->frames + i, from, (vaddr_t)from);
    }
}

static void build_thread(struct domain *d, word_t i, cptr_t frames)
{
    const struct thread_desc *t = &d->desc->threads[i];
    vaddr_t buffer = THREAD_AREA + i * THREAD_AREA_SIZE;
    vaddr_t stack = buffer + 0x1000;
    const word_t rw = RIGHT_READ | RIGHT_WRITE;
    user_check(page_map(frames, d->vspace, buffer, rw, VM_CACHEABLE | VM_EXECUTE_NEVER));
    for (word_t p = 0; p < THREAD_STACK_PAGES; p++)
        user_check(page_map(frames + 1 + p, d->vspace, stack + p * 4096, rw,
                            VM_CACHEABLE | VM_EXECUTE_NEVER));
    user_check(tcb_configure(d->tcb[i], 0, d->cnode, DOMAIN_GUARD_DATA, d->vspace, buffer, frames));
    user_check(tcb_set_sched_params(d->tcb[i], INIT_TCB, t->priority, t->priority));
    user_check(tcb_set_tls_base(d->tcb[i], buffer));
    if (user_has_debug_calls())
        debug_name_thread(d->tcb[i], t->name);
    vaddr_t top = stack + THREAD_STACK_PAGES * 4096;
    user_check(tcb_start(d->tcb[i], false, (vaddr_t)t->program, top, (const word_t[4]){0}));
}

static word_t count_threads(const struct domain_desc *desc)
{
    word_t n = 0;
    while (n < MAX_THREADS && desc->threads[n].name)
        n++;
    return n;
}

void domain_build(struct domain *d, const struct domain_desc *desc, cptr_t untyped)
{
    d->desc = desc;
    d->untyped = untyped;
    d->threads = count_threads(desc);
    d->vspace = root_retype(untyped, OBJECT_PAGE_DIRECTORY, 0, 1);
    user_check(asid_pool_assign(INIT_ASID_POOL, d->vspace));
    d->cnode = root_retype(untyped, OBJECT_CNODE, DOMAIN_CNODE_RADIX, 1);
    d->table = root_retype(untyped, OBJECT_PAGE_TABLE, 0, 1);
    user_check(page_table_map(d->table, d->vspace, 0, VM_CACHEABLE));
    cptr_t pool_memory = root_retype(untyped, OBJECT_UNTYPED, 12, 1);
    d->asid_pool = root_slots(1);
    user_check(
        asid_control_make_pool(INIT_ASID_CONTROL, pool_memory, INIT_CNODE, d->asid_pool, 32));
    user_check(cnode_delete(INIT_CNODE, pool_memory, 32));
    d->tick = root_retype(untyped, OBJECT_NOTIFICATION, 0, 1);
    word_t own = d->threads * (1 + THREAD_STACK_PAGES);
    d->frame_count = image_pages() + own;
    d->frames = root_retype(untyped, OBJECT_FRAME_4K, 0, d->frame_count);
    build_image(d);
    for (word_t i = 0; i < d->threads; i++) {
        d->tcb[i] = root_retype(untyped, OBJECT_TCB, 0, 1);
        build_thread(d, i, d->frames + image_pages() + i * (1 + THREAD_STACK_PAGES));
    }
}

void domain_give(struct domain *d, word_t slot, cptr_t cap)
{
    user_check(cnode_move(d->cnode, slot, DOMAIN_CNODE_RADIX, INIT_CNODE, cap, 32));
}

void domain_give_badged(struct domain *d, word_t slot, cptr_t cap, word_t rights, word_t badge)
{
    user_check(cnode_mint(d->cnode, slot, DOMAIN_CNODE_RADIX, INIT_CNODE, cap, 32, rights, badge));
}

void domain_close(struct domain *d)
{
    user_check(tcb_resume(d->tcb[0])); /* it starts the others when it is ready for them */
    domain_give(d, SLOT_TCB, d->tcb[0]);
    for (word_t i = 1; i < d->threads; i++)
        domain_give(d, SLOT_THREADS + i - 1, d->tcb[i]);
    domain_give(d, SLOT_VSPACE, d->vspace);
    domain_give(d, SLOT_ASID_POOL, d->asid_pool);
    domain_give(d, SLOT_TICK, d->tick);
    for (word_t i = 0; i < d->frame_count; i++)
        domain_give(d, SLOT_FRAMES + i, d->frames + i);
    domain_give(d, SLOT_FRAMES + d->frame_count, d->table);
    domain_give(d, SLOT_UNTYPED, d->untyped);
    /* Last, the CNode goes into itself, with the guard that makes addresses 32 bits long. */
    user_check(cnode_mutate(d->cnode, SLOT_CNODE, DOMAIN_CNODE_RADIX, INIT_CNODE, d->cnode, 32,
                            DOMAIN_GUARD_DATA));
}
