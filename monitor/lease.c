/* Time is that of the kernel's own timer, since programs have the other ones. */
#include "monitor/lease.h"

#include "monitor/door/door.h"

struct lease lease_of_stop, lease_of_live, lease_of_gdb;

void lease_renew(struct lease *l)
{
    l->since = debug_ticks();
}

void lease_begin(struct lease *l, uint32_t seconds)
{
    l->seconds = seconds;
    lease_renew(l);
}

void lease_end(struct lease *l)
{
    l->seconds = 0;
}

bool lease_is_on(const struct lease *l)
{
    return l->seconds != 0;
}

void lease_renew_all(void)
{
    lease_renew(&lease_of_stop);
    lease_renew(&lease_of_live);
}

bool lease_ran_out(struct lease *l)
{
    if (l->seconds == 0 || debug_ticks() - l->since < l->seconds * DEBUG_TICKS_A_SECOND)
        return false;
    l->seconds = 0;
    return true;
}
