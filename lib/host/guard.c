/* The handler of SIGBUS puts a page of zeros where the file ends.  It runs in the thread that asked, at
 * that instruction, and calls nothing but mmap(). */
#include "lib/host/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARDED_MAX = 256 };

/* `bytes` is written last when a region is added and first when it goes: 0 is a free place. */
static struct region {
    uintptr_t at;
    size_t bytes;
    volatile bool *cut;
} regions[GUARDED_MAX];

static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static uintptr_t page;

static size_t bytes_of(const struct region *r)
{
    return __atomic_load_n(&r->bytes, __ATOMIC_ACQUIRE);
}

static const struct region *region_of(uintptr_t at)
{
    for (const struct region *r = regions; r < regions + GUARDED_MAX; r++)
        if (bytes_of(r) > 0 && at >= r->at && at - r->at < bytes_of(r))
            return r;
    return NULL;
}

static bool put_zeros(uintptr_t at)
{
    uintptr_t first = at - at % page;
    uintptr_t put = (uintptr_t)mmap((void *)first, page, PROT_READ | PROT_WRITE,
                                    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return put == first;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    int kept = errno;
    const struct region *r = region_of((uintptr_t)info->si_addr);
    (void)context;
    if (r && put_zeros((uintptr_t)info->si_addr))
        *r->cut = true;
    else
        signal(number, SIG_DFL); /* it happens again, and ends the program */
    errno = kept;
}

/* Each time: somebody else may have taken the signal since. */
static void begin(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    page = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGBUS, &action, NULL);
}

bool guard_add(const void *at, size_t bytes, volatile bool *cut)
{
    bool added = false;
    pthread_mutex_lock(&adding);
    begin();
    for (struct region *r = regions; r < regions + GUARDED_MAX && !added; r++) {
        if (bytes_of(r) > 0)
            continue;
        r->at = (uintptr_t)at;
        r->cut = cut;
        __atomic_store_n(&r->bytes, bytes, __ATOMIC_RELEASE);
        added = true;
    }
    pthread_mutex_unlock(&adding);
    return added;
}

void guard_remove(const void *at)
{
    pthread_mutex_lock(&adding);
    for (struct region *r = regions; r < regions + GUARDED_MAX; r++)
        if (r->at == (uintptr_t)at)
            __atomic_store_n(&r->bytes, (size_t)0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&adding);
}
