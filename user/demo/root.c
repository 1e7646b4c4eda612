/* The root resource manager: builds the table's domains, connects them as the table's roles say,
 * gives each its own memory, and lets go of every capability that would join two domains. */
#include "user/demo/demo.h"

enum { EPIT2_PADDR = 0x53f98000, EPIT2_IRQ = 27 };

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

/* The largest RAM untyped, or the device untyped that begins at `paddr`. */
static cptr_t find_untyped(bool device, paddr_t paddr)
{
    word_t best = 0, bits = 0;
    word_t count = boot->untyped.end - boot->untyped.start;
    for (word_t i = 0; i < count; i++) {
        const struct untyped_desc *u = &boot->untyped_list[i];
        if (device ? u->is_device && u->paddr == paddr : !u->is_device && u->size_bits > bits) {
            best = boot->untyped.start + i;
            bits = u->size_bits;
        }
    }
    if (best == 0)
        user_fail("root: no untyped for 0x%x", paddr);
    return best;
}

/* Clients may call the driver and are replied to, but cannot grant; the driver can only receive. */
static void connect_clients(struct domain *driver, struct domain *domains, word_t count)
{
    cptr_t endpoint = root_retype(driver->untyped, OBJECT_ENDPOINT, 0, 1);
    word_t badge = 0;
    for (word_t i = 0; i < count; i++) {
        struct domain *d = &domains[i];
        if (d == driver)
            continue;
        domain_give_badged(d, SLOT_SERVICE, endpoint, RIGHT_WRITE | RIGHT_GRANT_REPLY, badge + 1);
        domain_give_badged(driver, SLOT_SIGNAL + badge, d->tick, RIGHT_WRITE, BADGE_TICK);
        badge++;
    }
    domain_give_badged(driver, SLOT_SERVICE, endpoint, RIGHT_READ, 0);
    /* The original could still mint a granting capability: it goes. */
    user_check(cnode_delete(INIT_CNODE, endpoint, 32));
}

/* The timer device and its interrupt belong to the driver. */
static void connect_device(struct domain *driver)
{
    cptr_t device = find_untyped(true, EPIT2_PADDR);
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

static void connect_all(struct domain *driver, struct domain *domains)
{
    connect_clients(driver, domains, DEMO_DOMAINS);
    connect_server(driver);
    connect_device(driver);
}

static void build_all(struct domain *domains, cptr_t memory)
{
    struct domain *driver = NULL;
    for (word_t i = 0; i < DEMO_DOMAINS; i++) {
        const struct domain_desc *desc = &demo_domains[i];
        cptr_t untyped = root_retype(memory, OBJECT_UNTYPED, desc->untyped_bits, 1);
        domain_build(&domains[i], desc, untyped);
        if (desc->role == ROLE_DRIVER)
            driver = &domains[i];
    }
    if (driver)
        connect_all(driver, domains);
    else
        user_fail("root: the table has no driver");
    for (word_t i = 0; i < demo_table.plants; i++)
        plant_fault(&demo_table.plant[i], domains);
}

void user_main(const struct bootinfo *info)
{
    static struct domain domains[DEMO_DOMAINS];
    boot = info;
    next_slot = info->empty.start;
    user_print("root: building %s\n", demo_table.name);
    cptr_t memory = find_untyped(false, 0);
    /* the table for the page through which the root fills frames */
    cptr_t scratch = root_retype(memory, OBJECT_PAGE_TABLE, 0, 1);
    user_check(page_table_map(scratch, INIT_VSPACE, SCRATCH_VADDR, VM_CACHEABLE));
    build_all(domains, memory);
    cptr_t own = root_retype(memory, OBJECT_NOTIFICATION, 0, 1);
    for (word_t i = 0; i < DEMO_DOMAINS; i++)
        domain_close(&domains[i]);
    /* The untyped above all domains could revoke them: it goes, their memory is theirs. */
    user_check(cnode_delete(INIT_CNODE, memory, 32));
    user_print("root: %u domains run\n", (word_t)DEMO_DOMAINS);
    for (;;)
        notification_wait(own);
}
