/* Trials in a process of their own (lockstep.h): the copy of memory is the operating system's. */
#include "tests/lockstep/lockstep.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void *lockstep_keep(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static _Noreturn void run_as_child(bool (*run)(const void *arg), const void *arg, unsigned seconds,
                                   bool silent)
{
    int null = silent ? open("/dev/null", O_WRONLY) : -1;
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    alarm(seconds);
    _exit(run(arg) ? 0 : 1);
}

bool lockstep_trial(bool (*run)(const void *arg), const void *arg, unsigned seconds, bool silent)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        run_as_child(run, arg, seconds, silent);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        fprintf(stderr, "lockstep: no child process\n");
        exit(2);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
