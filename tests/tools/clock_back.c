/* For LD_PRELOAD: the clock of the wall goes an hour after the true one as soon as the file that
 * CLOCK_BACK names is there. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { HOUR = 3600 };

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *mark = getenv("CLOCK_BACK");
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, t);
    if (clock == CLOCK_REALTIME && mark && access(mark, F_OK) == 0)
        t->tv_sec -= HOUR;
    return result;
}
