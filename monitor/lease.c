/* The time of a lease is measured with board_clock(), which a program may have stopped: then by the
 * number of times that somebody asked. */
#include "monitor/lease.h"

#include "kernel/board.h"

enum { COUNTS_A_SECOND = 1000000 };

struct lease lease_of_stop, lease_of_live, lease_of_gdb;

void lease_renew(struct lease *l)
{
    l->since = board_clock();
    l->rounds = 0;
    l->passed = 0;
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

static bool second_passed(struct lease *l)
{
    l->since = board_clock();
    l->rounds = 0;
    if (++l->passed < l->seconds)
        return false;
    l->seconds = 0;
    return true;
}

bool lease_ran_out(struct lease *l, uint32_t a_second)
{
    if (l->seconds == 0)
        return false;
    l->rounds++;
    if (board_clock() - l->since < COUNTS_A_SECOND && l->rounds < a_second)
        return false;
    return second_passed(l);
}

bool lease_ran_out_by_turns(struct lease *l, uint32_t a_second)
{
    return l->seconds != 0 && ++l->rounds >= a_second && second_passed(l);
}
