/* What time it is, and deadlines: points on the monotonic clock, in milliseconds. */
#ifndef CAPSCOPE_ATTACH_CLOCK_H
#define CAPSCOPE_ATTACH_CLOCK_H

#include <stdint.h>
#include <time.h>

typedef int64_t deadline_t;

static inline int64_t clock_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Seconds since 1970. */
static inline double clock_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline deadline_t deadline_in(int64_t ms)
{
    return clock_now_ms() + ms;
}

/* Milliseconds left, 0 when it has passed. */
static inline int deadline_left(deadline_t deadline)
{
    int64_t left = deadline - clock_now_ms();
    return left <= 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

#endif
