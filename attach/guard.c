/* The guard: a child that is nobody's child, holds nothing of ours but one end of a line, and
 * outlives whatever is done to our terminal and our process group. */
#include "attach/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEPT_FD = STDERR_FILENO + 1 };

void *guard_share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    return memory;
}

void guard_unshare(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}

/* Neither a terminal nor who ends all programs of our name means the guard. */
static void detach_from_all(void)
{
    static const int deaf_to[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2};
    setsid();
    prctl(PR_SET_NAME, "capscope-guard");
    for (size_t i = 0; i < sizeof(deaf_to) / sizeof(*deaf_to); i++)
        signal(deaf_to[i], SIG_IGN);
}

/* Lines and files that stay open here would not end with us. */
static bool keep_only(int fd)
{
    int nothing = open("/dev/null", O_RDWR);
    bool kept = nothing >= 0 && dup2(fd, KEPT_FD) == KEPT_FD;
    for (int i = 0; kept && i < KEPT_FD; i++)
        kept = dup2(nothing, i) == i;
    return kept && close_range(KEPT_FD + 1, ~0u, 0) == 0;
}

__attribute__((noreturn)) static void stand_guard(int fd, void (*after)(void *ctx), void *ctx)
{
    char byte;
    ssize_t n = -1;
    detach_from_all();
    if (!keep_only(fd) || send(KEPT_FD, "", 1, MSG_NOSIGNAL) != 1)
        _exit(1);
    do
        n = read(KEPT_FD, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        after(ctx);
    _exit(0);
}

/* What is done to all of our process group before the guard has left it would end it too. */
static void wait_until_it_stands(int fd)
{
    char byte;
    while (read(fd, &byte, 1) < 0 && errno == EINTR)
        ;
}

void guard_post(struct guard *g, void (*after)(void *ctx), void *ctx)
{
    int ends[2];
    g->fd = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0 && fork() == 0)
        stand_guard(ends[0], after, ctx);
    if (pid == 0)
        _exit(0);
    close(ends[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    wait_until_it_stands(ends[1]);
    g->fd = ends[1];
}

void guard_dismiss(struct guard *g)
{
    if (g->fd < 0)
        return;
    (void)send(g->fd, "", 1, MSG_NOSIGNAL);
    close(g->fd);
    g->fd = -1;
}

bool guard_take_over(struct guard *g)
{
    bool stands = g->fd >= 0;
    if (stands)
        close(g->fd);
    g->fd = -1;
    return stands;
}
