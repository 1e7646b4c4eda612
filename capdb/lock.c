/* The lock is one of an open file description, so it does not end when this process closes some
 * other descriptor of the file, and looking whether it is held takes nothing. */
#include "capdb/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char lock_tail[] = "-lock";
enum { TRIES = 10, PAUSE_NS = 10000000, LOCK_MODE = 0644 };

const char lock_nameless[] = "a process that calls it by another name, or whose -lock was removed";

static const struct flock whole = {.l_whence = SEEK_SET};
/* A byte of the recording, behind those that SQLite locks (its documentation: 1 GiB and 511 more). */
static const struct flock one_byte = {.l_whence = SEEK_SET, .l_start = 0x40001000, .l_len = 1};

static char *lock_path(const char *path)
{
    char *real = realpath(path, NULL); /* NULL: it is made only now */
    char *out;
    if (asprintf(&out, "%s%s", real ? real : path, lock_tail) < 0)
        out = NULL;
    free(real);
    return out;
}

static enum error try_lock(int fd, struct flock lock)
{
    lock.l_type = F_WRLCK;
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return ERR_OK;
    return errno == EAGAIN || errno == EACCES ? ERR_REFUSED : ERR_IO;
}

static bool is_locked(int fd, struct flock lock)
{
    lock.l_type = F_RDLCK;
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Whoever has just locked it writes the line in the next moment. */
static void read_holder(int fd, char *holder)
{
    ssize_t n = pread(fd, holder, LOCK_HOLDER - 1, 0);
    for (int i = 0; n == 0 && i < TRIES; i++) {
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        n = pread(fd, holder, LOCK_HOLDER - 1, 0);
    }
    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    if (!holder[0])
        snprintf(holder, LOCK_HOLDER, "another recorder");
}

/* Is what we locked still the file of that name? Its last holder may have removed it meanwhile. */
static bool still_there(const char *path, int fd)
{
    struct stat here;
    struct stat there;
    return fstat(fd, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}

/* errno stays what told why. */
static void drop(int *fd)
{
    int why = errno;
    close(*fd);
    *fd = -1;
    errno = why;
}

static enum error take_once(const char *path, int *fd, char *holder)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (*fd < 0)
        return ERR_IO;
    enum error e = try_lock(*fd, whole);
    if (e == ERR_REFUSED)
        read_holder(*fd, holder);
    else if (e == ERR_OK && !still_there(path, *fd))
        e = ERR_TORN;
    if (e != ERR_OK)
        drop(fd);
    return e;
}

enum error lock_take(const char *path, const char *who, int *fd, char *holder)
{
    char *file = lock_path(path);
    enum error e = file ? ERR_TORN : ERR_NO_MEMORY;
    *fd = -1;
    for (int i = 0; e == ERR_TORN && i < TRIES; i++)
        e = take_once(file, fd, holder);
    free(file);
    if (e == ERR_OK && (ftruncate(*fd, 0) != 0 || dprintf(*fd, "%s\n", who) < 0)) {
        int why = errno;
        lock_release(path, *fd);
        *fd = -1;
        errno = why;
        e = ERR_IO;
    }
    return e;
}

void lock_release(const char *path, int fd)
{
    char *file = lock_path(path);
    if (fd < 0) {
        free(file);
        return;
    }
    if (file)
        unlink(file); /* while it is held, so nobody has locked it since */
    free(file);
    close(fd);
}

enum error lock_take_itself(const char *path, int *fd)
{
    *fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    enum error e = *fd < 0 ? ERR_IO : try_lock(*fd, one_byte);
    if (e != ERR_OK && *fd >= 0)
        drop(fd);
    return e;
}

static bool held(const char *path, int flags, struct flock lock, char *holder)
{
    int fd = path ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags) : -1;
    bool is_held = fd >= 0 && is_locked(fd, lock);
    if (is_held && holder)
        read_holder(fd, holder);
    if (fd >= 0)
        close(fd);
    return is_held;
}

bool lock_is_held(const char *path, char *holder)
{
    char *file = lock_path(path);
    bool is_held = held(file, O_NOFOLLOW, whole, holder);
    free(file);
    if (is_held || !held(path, 0, one_byte, NULL))
        return is_held;
    if (holder)
        snprintf(holder, LOCK_HOLDER, "%s", lock_nameless);
    return true;
}
