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
    PAGES_AT_ONCE = 256,      /* in the root's CSpace; as many as one Retype makes */
    SMALL_OBJECTS = 64 << 10, /* directory, ASID pool, threads, endpoints, with their alignment */
};

static struct domain *server_of(const struct domain *d, struct domain *domains)
{
    return d->desc->hosted->resources ? &domains[d->desc->hosted->resources] : NULL;
}

static word_t client_index(const struct domain *d, const struct domain *server)
{
    return d->hosted.index - server->hosted.index - 1;
}

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
    if (desc->serves)
        h->kept = root_slots(KEPT_SLOTS);
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
    d->frame_count = d->hosted.pages + PAGES_BEHIND;
    vaddr_t first = d->hosted.start & ~(vaddr_t)(SECTION - 1);
    vaddr_t last = d->hosted.end + PAGES_BEHIND * PAGE;
    d->hosted.tables = (last - first + SECTION - 1) / SECTION + 1; /* and the devices' */
}

/* Slots for its frames and tables where those go, and bytes of its first untyped. */
static bool has_room(const struct domain *d, const struct domain *server)
{
    const struct hosted_desc *desc = d->desc->hosted;
    word_t slots = d->frame_count + d->hosted.tables;
    word_t room = server ? (word_t)CLIENT_SLOTS_EACH - CLIENT_FRAMES
                         : ((word_t)1 << desc->cnode_radix) - HANDOVER_IMAGE - d->hosted.memories;
    word_t bytes = SMALL_OBJECTS + (d->frame_count << 12) + (d->hosted.tables << 10) +
                   ((word_t)16 << desc->cnode_radix) +
                   (desc->serves ? (word_t)16 << HANDOVER_SHELF_RADIX : 0);
    if (slots > room)
        user_print("root: %s is left out: its image needs %u slots, there is room for %u\n",
                   d->desc->name, slots, room);
    else if (bytes >> desc->memory_bits[0] != 0)
        user_print("root: %s is left out: it begins with %u KiB, its first untyped has %u\n",
                   d->desc->name, bytes >> 10, (word_t)1 << (desc->memory_bits[0] - 10));
    return slots <= room && bytes >> desc->memory_bits[0] == 0;
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

static void build_page(struct domain *d, word_t i, cptr_t frame)
{
    const struct hosted_desc *desc = d->desc->hosted;
    vaddr_t vaddr = d->hosted.start + i * PAGE;
    struct segment s;
    void *page = hosted_window(frame);
    for (word_t k = 0; elf_segment(desc, k, &s); k++)
        fill_from(page, vaddr, &s);
    user_check(cache_operation(frame, INV_PAGE_UNIFY_INSTRUCTION, 0, PAGE));
    hosted_window_close(frame);
    map_page(d, frame, vaddr);
}

static void lay(const struct domain *server, word_t slot, cptr_t cap)
{
    user_check(cnode_move(server->hosted.kept + KEPT_SHELF, slot, HANDOVER_SHELF_RADIX, INIT_CNODE,
                          cap, 32));
}

/* Frame i of the image goes to the program itself, or to its resource server. */
static void give_frame(const struct domain *d, const struct domain *server, word_t i, cptr_t frame)
{
    if (server)
        lay(server, client_index(d, server) * CLIENT_SLOTS_EACH + CLIENT_FRAMES + i, frame);
    else
        hosted_give(d, HANDOVER_IMAGE + i, frame);
}

/* An image may have more pages than the root has slots: each is handed over as soon as it is
 * filled. */
static void build_pages(struct domain *d, const struct domain *server)
{
    cptr_t first = root_slots(PAGES_AT_ONCE);
    for (word_t i = 0; i < d->hosted.pages; i += PAGES_AT_ONCE) {
        word_t left = d->hosted.pages - i;
        word_t count = left < PAGES_AT_ONCE ? left : PAGES_AT_ONCE;
        user_check(untyped_retype(d->untyped, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, first, count));
        for (word_t k = 0; k < count; k++) {
            build_page(d, i + k, first + k);
            give_frame(d, server, i + k, first + k);
        }
    }
    root_slots_reset(first);
}

static void build_image(struct domain *d, const struct domain *server)
{
    struct hosted *h = &d->hosted;
    vaddr_t first = h->start & ~(vaddr_t)(SECTION - 1);
    h->table = root_retype(d->untyped, OBJECT_PAGE_TABLE, 0, h->tables);
    user_check(page_table_map(h->table, d->vspace, HANDOVER_DEVICES_VADDR, VM_CACHEABLE));
    for (word_t i = 1; i < h->tables; i++)
        user_check(
            page_table_map(h->table + i, d->vspace, first + (i - 1) * SECTION, VM_CACHEABLE));
    build_pages(d, server);
    h->buffer = root_retype(d->untyped, OBJECT_FRAME_4K, 0, PAGES_BEHIND);
    h->bootinfo = h->buffer + 1;
    h->chunk = h->buffer + 2;
}

/* --- objects --- */

static void keep(const struct hosted *h, enum kept_slot slot, cptr_t cap, word_t rights)
{
    user_check(cnode_mint(INIT_CNODE, h->kept + slot, 32, INIT_CNODE, cap, 32, rights, 0));
}

/* A server's endpoint, and what the root keeps of it: it may lay things on the shelf, signal, and
 * make capabilities to call. */
static void build_service(struct domain *d)
{
    struct hosted *h = &d->hosted;
    h->service = root_retype(d->untyped, OBJECT_ENDPOINT, 0, 1);
    h->shelf = root_retype(d->untyped, OBJECT_CNODE, HANDOVER_SHELF_RADIX, 1);
    keep(h, KEPT_SHELF, h->shelf, RIGHT_ALL);
    keep(h, KEPT_EVENTS, h->events, RIGHT_WRITE);
    keep(h, KEPT_SERVICE, h->service, RIGHT_WRITE | RIGHT_GRANT_REPLY);
}

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
        build_service(d);
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
    map_page(d, h->buffer, h->end);
    user_check(tcb_set_ipc_buffer(d->tcb[0], h->end, h->buffer));
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
    /* one that a device of the last start still holds up came before there was anybody to tell */
    user_check(irq_handler_ack(h->irq[i]));
    user_check(cnode_delete(INIT_CNODE, badged, 32));
    user_check(page_map(h->device[i], d->vspace, HANDOVER_DEVICES_VADDR + i * PAGE,
                        RIGHT_READ | RIGHT_WRITE, VM_EXECUTE_NEVER));
}

bool hosted_build(struct domain *d, struct domain *domains)
{
    struct domain *server = server_of(d, domains);
    image_span(d);
    d->hosted.runs = has_room(d, server) && (!server || server->hosted.runs);
    if (!d->hosted.runs)
        return false;
    build_space(d);
    build_image(d, server);
    build_threads(d);
    for (word_t i = 0; i < d->desc->hosted->devices; i++)
        build_device(d, i);
    d->hosted.starts++;
    d->hosted.quiet = 0;
    return true;
}

/* --- handing over --- */

/* A server hears that a client has begun or ended. */
static void tell_server(const struct domain *server, word_t badge)
{
    cptr_t badged = root_slots(1);
    user_check(cnode_mint(INIT_CNODE, badged, 32, INIT_CNODE, server->hosted.kept + KEPT_EVENTS, 32,
                          RIGHT_WRITE, badge));
    notification_signal(badged);
    user_check(cnode_delete(INIT_CNODE, badged, 32));
    root_slots_reset(badged);
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
        give_badged(d, HANDOVER_RESOURCES, server->hosted.kept + KEPT_SERVICE,
                    RIGHT_WRITE | RIGHT_GRANT_REPLY, client_index(d, server) + 1);
    if (desc->serves) { /* the original, which could grant, goes */
        give_badged(d, HANDOVER_RESOURCES, h->service, RIGHT_READ, 0);
        user_check(cnode_delete(INIT_CNODE, h->service, 32));
        hosted_give(d, HANDOVER_SHELF, h->shelf);
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
    word_t slot = give_many(d, HANDOVER_IMAGE + h->pages, h->buffer, PAGES_BEHIND);
    slot = give_many(d, slot, h->table, h->tables);
    give_many(d, slot, h->memory[0], 1);
    for (word_t i = 1; i < h->memories; i++)
        hosted_give(d, slot + i, h->memory[i]);
    user_check(cnode_mutate(d->cnode, INIT_CNODE, d->desc->hosted->cnode_radix, INIT_CNODE,
                            d->cnode, 32, guard_data(d)));
}

static word_t lay_many(const struct domain *server, word_t slot, cptr_t first, word_t count)
{
    for (word_t i = 0; i < count; i++)
        lay(server, slot + i, first + i);
    return slot + count;
}

/* Or to its resource server: the program is left with what it may call, wait for and drive. */
static void give_objects_to(struct domain *d, const struct domain *server)
{
    struct hosted *h = &d->hosted;
    word_t slot = client_index(d, server) * CLIENT_SLOTS_EACH;
    give_badged(d, HANDOVER_FAULTS, h->faults, RIGHT_READ, 0);
    lay(server, slot + CLIENT_VSPACE, d->vspace);
    lay(server, slot + CLIENT_FAULTS, h->faults);
    lay(server, slot + CLIENT_TCB, d->tcb[0]);
    if (d->threads > 1)
        lay(server, slot + CLIENT_TCB + 1, d->tcb[1]);
    lay(server, slot + CLIENT_CNODE, d->cnode);
    lay(server, slot + CLIENT_ASID_POOL, d->asid_pool);
    for (word_t i = 0; i < h->memories; i++)
        lay(server, slot + CLIENT_MEMORY + i, h->memory[i]);
    word_t next = lay_many(server, slot + CLIENT_FRAMES + h->pages, h->buffer, PAGES_BEHIND);
    lay_many(server, next, h->table, h->tables);
    tell_server(server, (word_t)HANDOVER_BADGE_BEGUN << client_index(d, server));
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

void hosted_end(struct domain *d, struct domain *domains)
{
    struct hosted *h = &d->hosted;
    struct domain *server = server_of(d, domains);
    for (word_t i = 0; i < h->memories; i++)
        user_check(cnode_revoke(INIT_CNODE, h->holder[i], 32));
    for (word_t i = 0; i < d->desc->hosted->devices; i++)
        user_check(cnode_revoke(INIT_CNODE, h->page[i], 32));
    if (server && server->hosted.runs)
        tell_server(server, (word_t)HANDOVER_BADGE_ENDED << client_index(d, server));
    h->runs = false;
}
