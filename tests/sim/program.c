/* Running another built program from a test (program.h). */
#include "tests/sim/program.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

const char *program_folder(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n <= 0)
        return ".";
    path[n] = 0;
    char *slash = strrchr(path, '/');
    *slash = 0;
    return path;
}

int program_run(const char *const *argument)
{
    char path[PATH_MAX + 64];
    int status = 0;
    snprintf(path, sizeof(path), "%s/%s", program_folder(), argument[0]);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execv(path, (char *const *)argument);
        perror(path);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
