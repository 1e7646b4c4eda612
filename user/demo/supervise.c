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

/* --- a group: programs without a resource server, or a server and its clients --- */

/* The index of a server, or of a program that manages alone: groups begin and end together. */
static word_t group_of(const struct domain *d)
{
    word_t resources = d->desc->hosted->resources;
    return resources ? resources : d->hosted.index;
}

static bool in_group(const struct domain *d, word_t group)
{
    return hosted(d) && group_of(d) == group;
}

static void group_start(struct domain *domains, word_t count, word_t group)
{
    root_slots_reset(first_slot); /* they are empty again once all is handed over */
    for (word_t i = 0; i < count; i++)
        if (in_group(&domains[i], group))
            hosted_build(&domains[i]);
    for (word_t i = count; i-- > 0;)
        if (in_group(&domains[i], group))
            hosted_close(&domains[i], domains, count);
}

static void group_end(struct domain *domains, word_t count, word_t group)
{
    for (word_t i = 0; i < count; i++)
        if (in_group(&domains[i], group))
            hosted_end(&domains[i]);
}

static void group_off(const struct domain *domains, word_t count, word_t group)
{
    for (word_t i = 0; i < count; i++)
        if (in_group(&domains[i], group))
            off[i] = true;
}

static void begin_again(struct domain *domains, word_t count, struct domain *d)
{
    word_t group = group_of(d);
    group_end(domains, count, group);
    if (d->hosted.starts >= MAX_STARTS) {
        user_print("root: %s was started %u times, now it stays off\n", d->desc->name,
                   d->hosted.starts);
        group_off(domains, count, group);
        return;
    }
    user_print("root: %s is started again\n", d->desc->name);
    group_start(domains, count, group);
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
    group_end(domains, count, group_of(d));
    group_off(domains, count, group_of(d));
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
    for (word_t i = 0; i < count; i++)
        if (hosted(&domains[i]) && group_of(&domains[i]) == i)
            group_start(domains, count, i);
    for (;;) {
        /* a caller that is ended is not replied to */
        struct ipc_regs m = ipc_recv(endpoint);
        if (m.badge & (BADGE_TICK | BADGE_ALIVE))
            tick(domains, count, m.badge);
        else if (m.badge != 0 && m.badge <= count && hosted(&domains[m.badge - 1]))
            heard(domains, count, &domains[m.badge - 1], &m);
    }
}
