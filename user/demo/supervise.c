/* What the root does once everything runs: it hears hosted programs that ask to be off or to begin
 * again, that fault, or that give no sign of life, and starts those anew from memory it takes back.
 *
 * It holds nothing that would join the domains: from each program it hears words without
 * capabilities, and what it keeps are untypeds above that program alone. */
#include "user/demo/demo.h"

enum {
    QUIET_TICKS = 50, /* of the driver's, ten a second: five seconds */
    MAX_STARTS = 8,
};

static cptr_t endpoint, bell;
static cptr_t first_slot; /* of the root's, used by each start anew */
static bool off[MAX_DOMAINS];

void supervise_start(cptr_t memory)
{
    endpoint = root_retype(memory, OBJECT_ENDPOINT, 0, 1);
    bell = root_retype(memory, OBJECT_NOTIFICATION, 0, 1);
    user_check(tcb_bind_notification(INIT_TCB, bell));
}

cptr_t supervise_endpoint(void)
{
    return endpoint;
}

cptr_t supervise_bell(void)
{
    return bell;
}

static bool hosted(const struct domain *d)
{
    return d->desc->role == ROLE_HOSTED;
}

/* --- who goes along: a resource server takes its clients, which have their objects from it --- */

static bool goes_along(const struct domain *domains, word_t i, const struct domain *d)
{
    return &domains[i] == d || (hosted(&domains[i]) && d->desc->hosted->serves &&
                                domains[i].desc->hosted->resources == d->hosted.index);
}

/* Servers are built before their clients and begin after them. */
static void start(struct domain *domains, word_t count, const struct domain *d)
{
    root_slots_reset(first_slot); /* they are empty again once all is handed over */
    for (word_t i = 0; i < count; i++)
        if (goes_along(domains, i, d))
            off[i] = !hosted_build(&domains[i], domains);
    for (word_t i = count; i-- > 0;)
        if (goes_along(domains, i, d) && !off[i])
            hosted_close(&domains[i], domains, count);
}

/* A server first: it need not hear of its clients' ends. */
static void end(struct domain *domains, word_t count, const struct domain *d, bool for_good)
{
    root_slots_reset(first_slot);
    for (word_t i = 0; i < count; i++)
        if (goes_along(domains, i, d)) {
            hosted_end(&domains[i], domains);
            off[i] = for_good;
        }
}

static void begin_again(struct domain *domains, word_t count, struct domain *d)
{
    bool enough = d->hosted.starts >= MAX_STARTS;
    end(domains, count, d, enough);
    if (enough) {
        user_print("root: %s was started %u times, now it stays off\n", d->desc->name,
                   d->hosted.starts);
        return;
    }
    user_print("root: %s is started again\n", d->desc->name);
    start(domains, count, d);
}

/* --- what is heard --- */

static const char *fault_name(word_t label)
{
    switch (label) {
    case FAULT_CAP:
        return "an invalid capability";
    case FAULT_UNKNOWN_SYSCALL:
        return "an unknown system call";
    case FAULT_USER_EXCEPTION:
        return "an undefined instruction";
    case FAULT_VM:
        return "a memory fault";
    default:
        return "a message nobody expects";
    }
}

static void program_off(struct domain *domains, word_t count, struct domain *d, word_t status)
{
    user_print("root: %s is off, status %u\n", d->desc->name, status);
    end(domains, count, d, true);
    if (demo_table.power_off)
        power_off_machine(status);
}

static void heard(struct domain *domains, word_t count, struct domain *d, const struct ipc_regs *m)
{
    word_t label = msginfo_label(m->tag);
    if (label == MANAGER_POWER_OFF) {
        program_off(domains, count, d, m->mr[0]);
        return;
    }
    if (label != MANAGER_RESTART)
        user_print("root: %s: %s at 0x%x, pc 0x%x\n", d->desc->name, fault_name(label), m->mr[1],
                   m->mr[0]);
    begin_again(domains, count, d);
}

/* One domain of those that owe a sign of life may have been quiet for too long. */
static void tick(struct domain *domains, word_t count, word_t badges)
{
    for (word_t i = 0; i < count; i++) {
        struct domain *d = &domains[i];
        if (!hosted(d) || !d->desc->hosted->watched || off[i])
            continue;
        if (badges & BADGE_ALIVE_FIRST << i)
            d->hosted.quiet = 0;
        else if (badges & BADGE_TICK && ++d->hosted.quiet > QUIET_TICKS) {
            user_print("root: %s gives no sign of life\n", d->desc->name);
            begin_again(domains, count, d);
        }
    }
}

_Noreturn void supervise(struct domain *domains, word_t count)
{
    first_slot = root_slots_mark();
    user_check(tcb_set_priority(INIT_TCB, INIT_TCB, ROOT_PRIORITY));
    for (word_t i = 0; i < count; i++)
        if (hosted(&domains[i]) && domains[i].desc->hosted->resources == 0)
            start(domains, count, &domains[i]);
    for (;;) {
        /* a caller that is ended is not replied to */
        struct ipc_regs m = ipc_recv(endpoint);
        if (m.badge & (BADGE_TICK | BADGE_ALIVE))
            tick(domains, count, m.badge);
        else if (m.badge != 0 && m.badge <= count && hosted(&domains[m.badge - 1]))
            heard(domains, count, &domains[m.badge - 1], &m);
    }
}
