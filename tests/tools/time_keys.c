/* Preloaded into the inspector: tells how much processor time its screen thread takes from a key to
 * the paint that answers it, and how often it wakes.
 *
 * The screen's loop waits in poll() for two things, keys and news (inspector-tui/app.c); ncurses waits
 * for one.  A line is written to file descriptor KEY_TIMES_FD at each such wait:
 *
 *     k NANOSECONDS    since the first byte of a key was read: the key was answered
 *     w NANOSECONDS    it woke without a key, and took so long: a key would have waited */
#include <dlfcn.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOP_WAITS_FOR = 2 };

static int out = -1;
static int64_t pressed = -1, woke;

static int64_t thread_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((constructor)) static void find_out(void)
{
    const char *fd = getenv("KEY_TIMES_FD");
    out = fd ? atoi(fd) : -1;
}

ssize_t read(int fd, void *buf, size_t size)
{
    static ssize_t (*next)(int, void *, size_t);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "read");
    ssize_t n = next(fd, buf, size);
    if (fd == STDIN_FILENO && n > 0 && pressed < 0)
        pressed = thread_time();
    return n;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    static int (*next)(struct pollfd *, nfds_t, int);
    char text[40];
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "poll");
    if (out >= 0 && count == LOOP_WAITS_FOR && fds[0].fd == STDIN_FILENO) {
        int n = snprintf(text, sizeof(text), "%c %lld\n", pressed < 0 ? 'w' : 'k',
                         (long long)(thread_time() - (pressed < 0 ? woke : pressed)));
        pressed = -1;
        if (write(out, text, (size_t)n) < 0)
            out = -1;
    }
    int ready = next(fds, count, timeout);
    woke = thread_time();
    return ready;
}
