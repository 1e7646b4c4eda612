/* The root resource manager: builds the table's domains, connects them as the table's roles say,
 * gives each its own memory, and lets go of every capability that would join two domains. */
#include "user/demo/demo.h"

enum {
    EPIT2_PADDR = 0x53f98000,
    EPIT2_IRQ = 27,
    MAX_HALVES = 96,
    HOSTED_REST_BITS = 22,
    OWN_BITS = 12
};

static const struct bootinfo *boot;
static cptr_t next_slot;

cptr_t root_slots(word_t count)
{
    cptr_t first = next_slot;
    next_slot += count;
    if (next_slot > boot->empty.end)
        user_fail("root: out of capability slots");
    return first;
}

cptr_t root_retype(cptr_t untyped, word_t type, word_t size_bits, word_t count)
{
    cptr_t first = root_slots(count);
    user_check(untyped_retype(untyped, type, size_bits, INIT_CNODE, 0, 0, first, count));
    return first;
}

cptr_t root_slots_mark(void)
{
    return next_slot;
}

void root_slots_reset(cptr_t mark)
{
    next_slot = mark;
}

/* Halves of device untypeds that were cut already, so that a second page of one finds its half. */
static struct half {
    cptr_t cap;
    paddr_t paddr;
    word_t bits;
} halves[MAX_HALVES];
static word_t half_count;

static void half_add(cptr_t cap, paddr_t paddr, word_t bits)
{
    if (half_count == MAX_HALVES)
        user_fail("root: too many devices");
    halves[half_count++] = (struct half){cap, paddr, bits};
}

static struct half *half_with(paddr_t paddr)
{
    for (word_t i = 0; i < half_count; i++)
        if (paddr >= halves[i].paddr && (paddr - halves[i].paddr) >> halves[i].bits == 0)
            return &halves[i];
    return NULL;
}

static cptr_t device_page(struct half from, paddr_t paddr)
{
    while (from.bits > 12) {
        cptr_t two = root_retype(from.cap, OBJECT_UNTYPED, from.bits - 1, 2);
        word_t upper = (paddr - from.paddr) >> (from.bits - 1) & 1; /* large ones lie anywhere */
        word_t size = (word_t)1 << (from.bits - 1);
        half_add(two + !upper, from.paddr + (upper ? 0 : size), from.bits - 1);
        from = (struct half){two + upper, from.paddr + (upper ? size : 0), from.bits - 1};
    }
    return from.cap;
}

/* Sizes from small to large, so that a large untyped is cut last. */
cptr_t root_memory(word_t bits)
{
    cptr_t slot = root_slots(1);
    word_t count = boot->untyped.end - boot->untyped.start;
    for (word_t size = bits; size < 30; size++)
        for (word_t i = 0; i < count; i++) {
            const struct untyped_desc *u = &boot->untyped_list[i];
            if (!u->is_device && u->size_bits == size &&
                untyped_retype(boot->untyped.start + i, OBJECT_UNTYPED, bits, INIT_CNODE, 0, 0,
                               slot, 1) == SEL4_NO_ERROR)
                return slot;
        }
    user_fail("root: no %u KiB of memory left", (word_t)1 << (bits - 10));
}

/* Device untypeds are cut by halves down to the page; what is left beside it stays for others. */
cptr_t root_device(paddr_t paddr)
{
    word_t count = boot->untyped.end - boot->untyped.start;
    struct half *known = half_with(paddr);
    for (word_t i = 0; i < count && !known; i++) {
        const struct untyped_desc *u = &boot->untyped_list[i];
        if (u->is_device && paddr >= u->paddr && (paddr - u->paddr) >> u->size_bits == 0) {
            half_add(boot->untyped.start + i, u->paddr, u->size_bits);
            known = &halves[half_count - 1];
        }
    }
    if (known) {
        struct half from = *known;
        *known = halves[--half_count]; /* it is cut up now */
        return device_page(from, paddr);
    }
    user_fail("root: no device at 0x%x", paddr);
}

/* The device untyped that begins at `paddr`. */
static cptr_t find_device(paddr_t paddr)
{
    word_t count = boot->untyped.end - boot->untyped.start;
    for (word_t i = 0; i < count; i++)
        if (boot->untyped_list[i].is_device && boot->untyped_list[i].paddr == paddr)
            return boot->untyped.start + i;
    user_fail("root: no untyped for 0x%x", paddr);
}

/* An untyped that is cut from its beginning to its end, so that of its memory nothing is lost when its
 * own capability goes: what lies between two pieces by their alignment becomes pieces, too. */
struct ground {
    cptr_t from;
    word_t at, bits; /* cut so far; of how many */
};
static struct ground ground;

static struct ground largest_memory(void)
{
    struct ground g = {0};
    word_t count = boot->untyped.end - boot->untyped.start;
    for (word_t i = 0; i < count; i++) {
        const struct untyped_desc *u = &boot->untyped_list[i];
        if (!u->is_device && u->size_bits > g.bits)
            g = (struct ground){boot->untyped.start + i, 0, u->size_bits};
    }
    if (g.from == 0)
        user_fail("root: no memory");
    return g;
}

static cptr_t cut_piece(word_t bits)
{
    ground.at += (word_t)1 << bits;
    return root_retype(ground.from, OBJECT_UNTYPED, bits, 1);
}

/* Cuts what lies before the next address that is aligned to so many bits; the table says whether the
 * root keeps it. */
static void cut_up_to(word_t bits)
{
    word_t behind = ((word_t)1 << bits) - 1;
    while (ground.at & behind) {
        cptr_t piece = cut_piece((word_t)__builtin_ctz(ground.at));
        if (demo_table.loses_memory)
            user_check(cnode_delete(INIT_CNODE, piece, 32));
    }
}

static cptr_t cut_ground(word_t bits)
{
    cut_up_to(bits);
    return cut_piece(bits);
}

/* Clients may call the driver and are replied to, but cannot grant; the driver can only receive. */
static void connect_clients(struct domain *driver, struct domain *domains, word_t count)
{
    cptr_t endpoint = root_retype(driver->untyped, OBJECT_ENDPOINT, 0, 1);
    word_t badge = 0;
    for (word_t i = 0; i < count; i++) {
        struct domain *d = &domains[i];
        if (d == driver || d->desc->role == ROLE_HOSTED)
            continue;
        domain_give_badged(d, SLOT_SERVICE, endpoint, RIGHT_WRITE | RIGHT_GRANT_REPLY, badge + 1);
        domain_give_badged(driver, SLOT_SIGNAL + badge, d->tick, RIGHT_WRITE, BADGE_TICK);
        badge++;
    }
    if (supervise_bell() != 0)
        domain_give_badged(driver, SLOT_SIGNAL + badge, supervise_bell(), RIGHT_WRITE, BADGE_TICK);
    domain_give_badged(driver, SLOT_SERVICE, endpoint, RIGHT_READ, 0);
    /* The original could still mint a granting capability: it goes. */
    user_check(cnode_delete(INIT_CNODE, endpoint, 32));
}

/* The timer device and its interrupt belong to the driver. */
static void connect_device(struct domain *driver)
{
    cptr_t device = find_device(EPIT2_PADDR);
    cptr_t frame = root_retype(device, OBJECT_FRAME_4K, 0, 1);
    user_check(
        page_map(frame, driver->vspace, DEVICE_VADDR, RIGHT_READ | RIGHT_WRITE, VM_EXECUTE_NEVER));
    cptr_t handler = root_slots(1);
    user_check(irq_control_get(INIT_IRQ_CONTROL, EPIT2_IRQ, INIT_CNODE, handler, 32));
    cptr_t badged = root_slots(1);
    user_check(cnode_mint(INIT_CNODE, badged, 32, INIT_CNODE, driver->tick, 32, RIGHT_ALL, 1));
    user_check(irq_handler_set_notification(handler, badged));
    user_check(cnode_delete(INIT_CNODE, badged, 32));
    domain_give(driver, SLOT_DEVICE, frame);
    domain_give(driver, SLOT_IRQ, handler);
    user_check(cnode_delete(INIT_CNODE, device, 32));
}

/* The server hears ticks through the notification bound to it. */
static void connect_server(struct domain *driver)
{
    cptr_t bell = root_retype(driver->untyped, OBJECT_NOTIFICATION, 0, 1);
    user_check(tcb_bind_notification(driver->tcb[1], bell));
    domain_give_badged(driver, SLOT_PLANTED - 1, bell, RIGHT_WRITE, BADGE_TICK);
    user_check(cnode_delete(INIT_CNODE, bell, 32));
}

static void connect_all(struct domain *driver, struct domain *domains, word_t count)
{
    connect_clients(driver, domains, count);
    connect_server(driver);
    connect_device(driver);
}

static bool is_hosted(const struct domain *d)
{
    return d->desc->role == ROLE_HOSTED;
}

static void build_all(struct domain *domains, word_t count)
{
    struct domain *driver = NULL;
    for (word_t i = 0; i < count; i++) {
        const struct domain_desc *desc = domains[i].desc;
        if (is_hosted(&domains[i]))
            continue;
        domain_build(&domains[i], desc, cut_ground(desc->untyped_bits));
        if (desc->role == ROLE_DRIVER)
            driver = &domains[i];
    }
    if (driver)
        connect_all(driver, domains, count);
    else
        user_fail("root: the table has no driver");
    for (word_t i = 0; i < demo_table.plants; i++)
        plant_fault(&demo_table.plant[i], domains);
}

/* The table for the pages through which the root fills frames. */
static void open_windows(cptr_t memory)
{
    cptr_t scratch = root_retype(memory, OBJECT_PAGE_TABLE, 0, 1);
    user_check(page_table_map(scratch, INIT_VSPACE, SCRATCH_VADDR, VM_CACHEABLE));
}

static void reserve_all(struct domain *domains, word_t count)
{
    for (word_t i = 0; i < count; i++)
        if (is_hosted(&domains[i]))
            hosted_reserve(&domains[i], i);
}

static void close_all(struct domain *domains, word_t count)
{
    for (word_t i = 0; i < count; i++)
        if (!is_hosted(&domains[i]))
            domain_close(&domains[i]);
}

/* The untypeds above all domains could revoke them: they go, their memory is theirs. Of a hosted
 * program's the root keeps what it needs to begin again. */
static void let_go_of_memory(void)
{
    word_t count = boot->untyped.end - boot->untyped.start;
    for (word_t i = 0; i < count; i++)
        if (!boot->untyped_list[i].is_device)
            user_check(cnode_delete(INIT_CNODE, boot->untyped.start + i, 32));
}

/* Where the domains that are not hosted get their memory: hosted ones need the large untypeds. */
static void take_ground(bool hosted)
{
    if (hosted)
        ground = (struct ground){root_memory(HOSTED_REST_BITS), 0, HOSTED_REST_BITS};
    else
        ground = largest_memory();
}

static bool any_hosted(const struct domain *domains, word_t count)
{
    for (word_t i = 0; i < count; i++)
        if (is_hosted(&domains[i]))
            return true;
    return false;
}

static void run_hosted(struct domain *domains, word_t count)
{
    console_open();
    power_prepare();
    reserve_all(domains, count);
    let_go_of_memory();
    supervise(domains, count);
}

void user_main(const struct bootinfo *info)
{
    static struct domain domains[MAX_DOMAINS];
    const struct domain_desc *desc = demo_table.domain ? demo_table.domain : demo_domains;
    word_t count = demo_table.domain ? demo_table.domains : (word_t)DEMO_DOMAINS;
    boot = info;
    next_slot = info->empty.start;
    for (word_t i = 0; i < count; i++)
        domains[i].desc = &desc[i];
    user_print("root: building %s\n", demo_table.name);
    bool hosted = any_hosted(domains, count);
    take_ground(hosted);
    cptr_t own_memory = cut_ground(OWN_BITS);
    open_windows(own_memory);
    if (hosted)
        supervise_start(own_memory);
    build_all(domains, count);
    cptr_t own = root_retype(own_memory, OBJECT_NOTIFICATION, 0, 1);
    close_all(domains, count);
    cut_up_to(ground.bits);
    user_check(cnode_delete(INIT_CNODE, ground.from, 32));
    user_print("root: %u domains run\n", count);
    if (hosted)
        run_hosted(domains, count);
    for (;;)
        notification_wait(own);
}
