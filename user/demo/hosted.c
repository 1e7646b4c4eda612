/* Programs of their own: an ELF file, started in a domain as the kernel starts a root task.
 *
 * All that such a program ever gets lies in untypeds that the root retypes from holders it keeps.
 * To end the program the root revokes the holders; to begin again it builds anew. A program with a
 * resource server gets no capability to memory or to objects: those go to the server (paper 4). */
#include "user/demo/demo.h"

#include "lib/bytes.h"

void *memcpy(void *to, const void *from, size_t bytes);

enum {
    PAGE = 4096,
    SECTION = 1 << 20,
    PAGES_BEHIND = 3, /* IPC buffer, BootInfo, chunk */
    MAX_SEGMENTS = 8,
    PT_LOAD = 1,
    IRQ_OF_FIRST_DEVICE = 1,
};

static word_t guard_data(const struct domain *d)
{
    return (32 - d->desc->hosted->cnode_radix) << 3;
}

void hosted_give(const struct domain *d, word_t slot, cptr_t cap)
{
    user_check(cnode_move(d->cnode, slot, d->desc->hosted->cnode_radix, INIT_CNODE, cap, 32));
}

static void give_badged(const struct domain *d, word_t slot, cptr_t cap, word_t rights,
                        word_t badge)
{
    user_check(cnode_mint(d->cnode, slot, d->desc->hosted->cnode_radix, INIT_CNODE, cap, 32, rights,
                          badge));
}

/* --- once --- */

void hosted_reserve(struct domain *d, word_t index)
{
    const struct hosted_desc *desc = d->desc->hosted;
    struct hosted *h = &d->hosted;
    h->index = index;
    while (h->memories < MAX_HOSTED_MEMORY && desc->memory_bits[h->memories] != 0) {
        h->holder[h->memories] = root_memory(desc->memory_bits[h->memories]);
        h->memories++;
    }
    for (word_t i = 0; i < desc->devices; i++)
        h->page[i] = root_device(desc->device[i].paddr);
}

/* --- the image --- */

struct segment {
    const uint8_t *bytes;
    vaddr_t vaddr;
    word_t file_size, size;
};

static bool elf_segment(const struct hosted_desc *desc, word_t i, struct segment *s)
{
    const uint8_t *e = desc->elf;
    const uint8_t *p = e + get_le32(e + 28) + i * get_le16(e + 42);
    if (i >= get_le16(e + 44) || i >= MAX_SEGMENTS)
        return false;
    *s = (struct segment){e + get_le32(p + 4), get_le32(p + 8), get_le32(p + 16), get_le32(p + 20)};
    if (get_le32(p) != PT_LOAD)
        s->size = s->file_size = 0;
    return true;
}

static void image_span(struct domain *d)
{
    const struct hosted_desc *desc = d->desc->hosted;
    struct segment s;
    if (desc->elf_end - desc->elf < 52 || get_le32(desc->elf) != 0x464c457f)
        user_fail("root: the program of %s is not an ELF file", d->desc->name);
    d->hosted.start = ~(vaddr_t)0;
    d->hosted.end = 0;
    d->hosted.entry = get_le32(desc->elf + 24);
    for (word_t i = 0; elf_segment(desc, i, &s); i++) {
        if (s.size == 0)
            continue;
        if (s.vaddr < d->hosted.start)
            d->hosted.start = s.vaddr & ~(vaddr_t)(PAGE - 1);
        if (s.vaddr + s.size > d->hosted.end)
            d->hosted.end = (s.vaddr + s.size + PAGE - 1) & ~(vaddr_t)(PAGE - 1);
    }
    d->hosted.pages = (d->hosted.end - d->hosted.start) / PAGE;
}

/* What of the segment lies in the page. */
static void fill_from(void *page, vaddr_t vaddr, const struct segment *s)
{
    vaddr_t from = s->vaddr > vaddr ? s->vaddr : vaddr;
    vaddr_t to = s->vaddr + s->file_size < vaddr + PAGE ? s->vaddr + s->file_size : vaddr + PAGE;
    if (from < to)
        memcpy((uint8_t *)page + (from - vaddr), s->bytes + (from - s->vaddr), to - from);
}

void *hosted_window(cptr_t frame)
{
    user_check(
        page_map(frame, INIT_VSPACE, HANDOVER_VADDR, RIGHT_READ | RIGHT_WRITE, VM_CACHEABLE));
    return (void *)HANDOVER_VADDR;
}

void hosted_window_close(cptr_t frame)
{
    user_check(page_unmap(frame));
}

static void map_page(struct domain *d, cptr_t frame, vaddr_t vaddr)
{
    user_check(page_map(frame, d->vspace, vaddr, RIGHT_READ | RIGHT_WRITE, VM_CACHEABLE));
}

static void build_page(struct domain *d, word_t i)
{
    const struct hosted_desc *desc = d->desc->hosted;
    cptr_t frame = d->frames + i;
    vaddr_t vaddr = d->hosted.start + i * PAGE;
    struct segment s;
    void *page = hosted_window(frame);
    for (word_t k = 0; elf_segment(desc, k, &s); k++)
        fill_from(page, vaddr, &s);
    user_check(cache_operation(frame, INV_PAGE_UNIFY_INSTRUCTION, 0, PAGE));
    hosted_window_close(frame);
    map_page(d, frame, vaddr);
}

/* Frames in Retypes of at most 256. */
static cptr_t make_frames(cptr_t untyped, word_t count)
{
    cptr_t first = root_slots(count);
    for (word_t i = 0; i < count; i += 256)
        user_check(untyped_retype(untyped, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, first + i,
                                  count - i < 256 ? count - i : 256));
    return first;
}

static void build_image(struct domain *d)
{
    struct hosted *h = &d->hosted;
    vaddr_t last = h->end + PAGES_BEHIND * PAGE;
    vaddr_t first = h->start & ~(vaddr_t)(SECTION - 1);
    h->tables = (last - first + SECTION - 1) / SECTION + 1; /* and the devices' */
    h->table = root_retype(d->untyped, OBJECT_PAGE_TABLE, 0, h->tables);
    user_check(page_table_map(h->table, d->vspace, HANDOVER_DEVICES_VADDR, VM_CACHEABLE));
    for (word_t i = 1; i < h->tables; i++)
        user_check(
            page_table_map(h->table + i, d->vspace, first + (i - 1) * SECTION, VM_CACHEABLE));
    d->frame_count = h->pages + PAGES_BEHIND;
    d->frames = make_frames(d->untyped, d->frame_count);
    for (word_t i = 0; i < h->pages; i++)
        build_page(d, i);
    h->bootinfo = d->frames + h->pages + 1;
    h->chunk = h->bootinfo + 1;
}

/* --- objects --- */

static void build_space(struct domain *d)
{
    const struct hosted_desc *desc = d->desc->hosted;
    struct hosted *h = &d->hosted;
    for (word_t i = 0; i < h->memories; i++)
        h->memory[i] = root_retype(h->holder[i], OBJECT_UNTYPED, desc->memory_bits[i], 1);
    d->untyped = h->memory[0];
    d->cnode = root_retype(d->untyped, OBJECT_CNODE, desc->cnode_radix, 1);
    d->vspace = root_retype(d->untyped, OBJECT_PAGE_DIRECTORY, 0, 1);
    user_check(asid_pool_assign(INIT_ASID_POOL, d->vspace));
    cptr_t pool_memory = root_retype(d->untyped, OBJECT_UNTYPED, 12, 1);
    d->asid_pool = root_slots(1);
    user_check(
        asid_control_make_pool(INIT_ASID_CONTROL, pool_memory, INIT_CNODE, d->asid_pool, 32));
    user_check(cnode_delete(INIT_CNODE, pool_memory, 32));
    h->faults = root_retype(d->untyped, OBJECT_ENDPOINT, 0, 1);
    h->events = root_retype(d->untyped, OBJECT_NOTIFICATION, 0, 1);
    h->bell = root_retype(d->untyped, OBJECT_NOTIFICATION, 0, 1);
    if (desc->serves)
        h->service = root_retype(d->untyped, OBJECT_ENDPOINT, 0, 1);
}

static cptr_t build_thread(struct domain *d, const char *name, word_t priority, word_t r0)
{
    struct hosted *h = &d->hosted;
    cptr_t tcb = root_retype(d->untyped, OBJECT_TCB, 0, 1);
    user_check(tcb_set_space(tcb, HANDOVER_MANAGER, d->cnode, guard_data(d), d->vspace));
    user_check(tcb_set_sched_params(tcb, INIT_TCB, priority, priority));
    if (user_has_debug_calls())
        debug_name_thread(tcb, name);
    user_check(tcb_start(tcb, false, h->entry, 0, (const word_t[4]){r0}));
    return tcb;
}

static void build_threads(struct domain *d)
{
    const struct hosted_desc *desc = d->desc->hosted;
    struct hosted *h = &d->hosted;
    const struct thread_desc *t = d->desc->threads;
    d->threads = desc->interrupted ? 2 : 1;
    d->tcb[0] = build_thread(d, t[0].name, desc->priority, h->end + PAGE);
    map_page(d, d->frames + h->pages, h->end);
    user_check(tcb_set_ipc_buffer(d->tcb[0], h->end, d->frames + h->pages));
    if (desc->interrupted)
        d->tcb[1] = build_thread(d, t[1].name, desc->priority + 1, 0);
    user_check(tcb_bind_notification(d->tcb[0], desc->interrupted ? h->bell : h->events));
}

static void build_device(struct domain *d, word_t i)
{
    struct hosted *h = &d->hosted;
    cptr_t badged = root_slots(1);
    h->device[i] = root_retype(h->page[i], OBJECT_FRAME_4K, 0, 1);
    h->irq[i] = root_slots(1);
    user_check(irq_control_get(INIT_IRQ_CONTROL, d->desc->hosted->device[i].irq, INIT_CNODE,
                               h->irq[i], 32));
    user_check(cnode_mint(INIT_CNODE, badged, 32, INIT_CNODE, h->events, 32, RIGHT_WRITE,
                          (word_t)IRQ_OF_FIRST_DEVICE << i));
    user_check(irq_handler_set_notification(h->irq[i], badged));
    user_check(cnode_delete(INIT_CNODE, badged, 32));
    user_check(page_map(h->device[i], d->vspace, HANDOVER_DEVICES_VADDR + i * PAGE,
                        RIGHT_READ | RIGHT_WRITE, VM_EXECUTE_NEVER));
}

void hosted_build(struct domain *d)
{
    image_span(d);
    build_space(d);
    build_image(d);
    build_threads(d);
    for (word_t i = 0; i < d->desc->hosted->devices; i++)
        build_device(d, i);
    d->hosted.starts++;
    d->hosted.quiet = 0;
}

/* --- handing over --- */

static struct domain *server_of(const struct domain *d, struct domain *domains)
{
    return d->desc->hosted->resources ? &domains[d->desc->hosted->resources] : NULL;
}

static void give_channels(struct domain *d, const struct domain *server)
{
    struct hosted *h = &d->hosted;
    const struct hosted_desc *desc = d->desc->hosted;
    give_badged(d, HANDOVER_MANAGER, supervise_endpoint(), RIGHT_WRITE | RIGHT_GRANT_REPLY,
                h->index + 1);
    give_badged(d, HANDOVER_ALIVE, supervise_bell(), RIGHT_WRITE,
                (word_t)BADGE_ALIVE_FIRST << h->index);
    give_badged(d, HANDOVER_EVENTS, h->events, RIGHT_READ, 0);
    user_check(cnode_delete(INIT_CNODE, h->events, 32));
    give_badged(d, HANDOVER_BELL, h->bell, RIGHT_READ | RIGHT_WRITE, HANDOVER_BADGE_BELL);
    user_check(cnode_delete(INIT_CNODE, h->bell, 32));
    for (word_t i = 0; i < desc->devices; i++) {
        hosted_give(d, HANDOVER_DEVICE + i, h->device[i]);
        hosted_give(d, HANDOVER_IRQ + i, h->irq[i]);
    }
    if (server)
        give_badged(d, HANDOVER_RESOURCES, server->hosted.service, RIGHT_WRITE | RIGHT_GRANT_REPLY,
                    h->index - server->hosted.index);
    if (desc->serves) { /* its clients have theirs; the original, which could grant, goes */
        give_badged(d, HANDOVER_RESOURCES, h->service, RIGHT_READ, 0);
        user_check(cnode_delete(INIT_CNODE, h->service, 32));
    }
}

static word_t give_many(const struct domain *to, word_t slot, cptr_t first, word_t count)
{
    for (word_t i = 0; i < count; i++)
        hosted_give(to, slot + i, first + i);
    return slot + count;
}

/* Everything else, to the program itself; at last the CNode goes into itself. */
static void give_objects(struct domain *d)
{
    struct hosted *h = &d->hosted;
    hosted_give(d, HANDOVER_FAULTS, h->faults);
    hosted_give(d, INIT_TCB, d->tcb[0]);
    if (d->threads > 1)
        hosted_give(d, HANDOVER_SECOND, d->tcb[1]);
    hosted_give(d, INIT_VSPACE, d->vspace);
    hosted_give(d, INIT_ASID_POOL, d->asid_pool);
    word_t slot = give_many(d, HANDOVER_IMAGE, d->frames, d->frame_count);
    slot = give_many(d, slot, h->table, h->tables);
    give_many(d, slot, h->memory[0], 1);
    for (word_t i = 1; i < h->memories; i++)
        hosted_give(d, slot + i, h->memory[i]);
    user_check(cnode_mutate(d->cnode, INIT_CNODE, d->desc->hosted->cnode_radix, INIT_CNODE,
                            d->cnode, 32, guard_data(d)));
}

/* Or to its resource server: the program is left with what it may call, wait for and drive. */
static void give_objects_to(struct domain *d, struct domain *server)
{
    struct hosted *h = &d->hosted;
    word_t slot = CLIENT_SLOTS + (h->index - server->hosted.index - 1) * CLIENT_SLOTS_EACH;
    give_badged(d, HANDOVER_FAULTS, h->faults, RIGHT_READ, 0);
    hosted_give(server, slot + CLIENT_VSPACE, d->vspace);
    hosted_give(server, slot + CLIENT_FAULTS, h->faults);
    for (word_t i = 0; i < d->threads; i++)
        hosted_give(server, slot + CLIENT_TCB + i, d->tcb[i]);
    hosted_give(server, slot + CLIENT_CNODE, d->cnode);
    hosted_give(server, slot + CLIENT_ASID_POOL, d->asid_pool);
    for (word_t i = 0; i < h->memories; i++)
        hosted_give(server, slot + CLIENT_MEMORY + i, h->memory[i]);
    word_t next = give_many(server, slot + CLIENT_FRAMES, d->frames, d->frame_count);
    give_many(server, next, h->table, h->tables);
}

void hosted_close(struct domain *d, struct domain *domains, word_t count)
{
    struct domain *server = server_of(d, domains);
    hand_over(d, domains, count);
    map_page(d, d->hosted.bootinfo, d->hosted.end + PAGE);
    map_page(d, d->hosted.chunk, d->hosted.end + 2 * PAGE);
    give_channels(d, server);
    for (word_t i = 0; i < d->threads; i++)
        user_check(tcb_resume(d->tcb[i])); /* they run when the root waits */
    if (server)
        give_objects_to(d, server);
    else
        give_objects(d);
}

void hosted_end(struct domain *d)
{
    struct hosted *h = &d->hosted;
    for (word_t i = 0; i < h->memories; i++)
        user_check(cnode_revoke(INIT_CNODE, h->holder[i], 32));
    for (word_t i = 0; i < d->desc->hosted->devices; i++)
        user_check(cnode_revoke(INIT_CNODE, h->page[i], 32));
}
