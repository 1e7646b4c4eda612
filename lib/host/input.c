/* Opens without waiting, looks at what it is, and then lets reads wait for a writer that is there. */
#include "lib/host/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int refuse(int fd, const char **why, const char *sentence)
{
    *why = sentence ? sentence : strerror(errno);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int open_any(const char *path, struct stat *st, const char **why)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st) != 0)
        return refuse(fd, why, NULL);
    return S_ISDIR(st->st_mode) ? refuse(fd, why, strerror(EISDIR)) : fd;
}

static bool is_device_for_text(int fd, const struct stat *st)
{
    const dev_t null = makedev(1, 3);
    return S_ISCHR(st->st_mode) && (st->st_rdev == null || isatty(fd));
}

static int open_kind(const char *path, bool pipes, struct stat *st, const char **why)
{
    int fd = open_any(path, st, why);
    bool text = fd >= 0 && pipes && (S_ISFIFO(st->st_mode) || is_device_for_text(fd, st));
    return fd < 0 || text || S_ISREG(st->st_mode) ? fd : refuse(fd, why, "is not a regular file");
}

/* As long as nobody has a named pipe open for writing, poll() says nothing of it and read() tells
 * its end. What read() may take meanwhile is put back. */
static bool has_writer(int fd, int *first)
{
    unsigned char byte;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    poll(&p, 1, INPUT_WRITER_MS);
    ssize_t n = read(fd, &byte, 1);
    *first = n == 1 ? byte : EOF;
    return n == 1 || (n < 0 && errno == EAGAIN);
}

static FILE *stream_of(int fd, int first, const char **why)
{
    FILE *f = fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "r") : NULL;
    if (!f)
        refuse(fd, why, NULL);
    else if (first != EOF)
        ungetc(first, f);
    return f;
}

FILE *input_text(const char *path, const char **why)
{
    struct stat st;
    int first = EOF;
    int fd = open_kind(path, true, &st, why);
    if (fd >= 0 && S_ISFIFO(st.st_mode) && !has_writer(fd, &first))
        fd = refuse(fd, why, "is a pipe into which nobody writes");
    return fd < 0 ? NULL : stream_of(fd, first, why);
}

int input_file(const char *path, const char **why)
{
    struct stat st;
    int fd = open_kind(path, false, &st, why);
    if (fd >= 0 && fcntl(fd, F_SETFL, 0) != 0)
        return refuse(fd, why, NULL);
    return fd;
}
