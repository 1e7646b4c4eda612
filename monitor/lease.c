/* The time of a lease is measured with board_clock(), which a program may have stopped: then by the
 * number of times that somebody asked. */
#include "monitor/lease.h"

#include "kernel/board.h"

enum { COUNTS_A_SECOND = 1000000, ROUNDS_A_SECOND = 20000000 };

static struct {
    uint32_t seconds; /* 0: there is none */
    word_t since;
    uint32_t rounds; /* questions in this second */
    uint32_t passed; /* seconds since the line last spoke */
} lease;

void lease_begin(uint32_t seconds)
{
    lease.seconds = seconds;
    lease_renew();
}

void lease_end(void)
{
    lease.seconds = 0;
}

bool lease_is_on(void)
{
    return lease.seconds != 0;
}

void lease_renew(void)
{
    lease.since = board_clock();
    lease.rounds = 0;
    lease.passed = 0;
}

bool lease_ran_out(void)
{
    if (lease.seconds == 0)
        return false;
    lease.rounds++;
    if (board_clock() - lease.since < COUNTS_A_SECOND && lease.rounds < ROUNDS_A_SECOND)
        return false;
    lease.since = board_clock();
    lease.rounds = 0;
    if (++lease.passed < lease.seconds)
        return false;
    lease.seconds = 0;
    return true;
}
