/* The file lies in the folder of the one that it becomes, since only then a rename puts it there at
 * once. Whatever has its name when we begin is somebody's leftover. */
#include "capdb/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 2, FILE_MODE = 0666, PERMISSIONS = 07777, READER_PAUSE_MS = 20, MS_NS = 1000000 };

static const char *const tails[] = {"-partial", "-partial-journal", "-partial-wal", "-partial-shm",
                                    "-partial-lock"};
enum { TAILS = sizeof(tails) / sizeof(*tails), WAL = 2 };

struct partial {
    char *becomes;
    char *name[TAILS];
};

/* --- signals --- */

static struct partial *volatile pending[AT_ONCE];
static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
enum { ENDINGS = sizeof(endings) / sizeof(*endings) };

static void remove_all(const struct partial *p)
{
    for (int i = 0; i < TAILS; i++)
        unlink(p->name[i]);
}

/* Only calls that a handler may make. */
static void end_by_signal(int number)
{
    for (int i = 0; i < AT_ONCE; i++)
        if (pending[i])
            remove_all(pending[i]);
    signal(number, SIG_DFL);
    raise(number);
}

/* Those that somebody handles or ignores are theirs. */
static void exchange_handlers(void (*from)(int), void (*to)(int))
{
    struct sigaction now, next = {.sa_handler = to, .sa_flags = SA_NODEFER};
    for (int i = 0; i < ENDINGS; i++)
        if (sigaction(endings[i], NULL, &now) == 0 && now.sa_handler == from)
            sigaction(endings[i], &next, NULL);
}

static void remember(struct partial *p)
{
    for (int i = 0; i < AT_ONCE; i++)
        if (!pending[i]) {
            pending[i] = p;
            break;
        }
    exchange_handlers(SIG_DFL, end_by_signal);
}

static void forget(const struct partial *p)
{
    bool any = false;
    for (int i = 0; i < AT_ONCE; i++) {
        if (pending[i] == p)
            pending[i] = NULL;
        any = any || pending[i];
    }
    if (!any)
        exchange_handlers(end_by_signal, SIG_DFL);
}

/* --- partial files --- */

static void release(struct partial *p)
{
    for (int i = 0; i < TAILS; i++)
        free(p->name[i]);
    free(p->becomes);
    free(p);
}

static bool fill(struct partial *p, const char *path)
{
    p->becomes = realpath(path, NULL); /* a link goes on pointing where it did */
    if (!p->becomes)
        p->becomes = strdup(path);
    for (int i = 0; p->becomes && i < TAILS; i++)
        if (asprintf(&p->name[i], "%s%s", p->becomes, tails[i]) < 0) {
            p->name[i] = NULL;
            return false;
        }
    return p->becomes;
}

struct partial *partial_begin(const char *path)
{
    struct partial *p = calloc(1, sizeof(*p));
    if (!p || !fill(p, path)) {
        if (p)
            release(p);
        errno = ENOMEM;
        return NULL;
    }
    remove_all(p);
    remember(p);
    return p;
}

const char *partial_name(const struct partial *p)
{
    return p->name[0];
}

bool outfile_sync(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Where the file system knows no exclusive rename, a link is one. */
static bool rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    return errno == EINVAL && link(from, to) == 0 && unlink(from) == 0;
}

static bool put_in_place(const struct partial *p, bool new)
{
    struct stat st;
    if (stat(p->name[WAL], &st) == 0) { /* part of it would stay behind */
        errno = EBUSY;
        return false;
    }
    if (!new &&stat(p->becomes, &st) == 0 && chmod(p->name[0], st.st_mode & PERMISSIONS) != 0)
        return false;
    return outfile_sync(p->name[0], O_RDONLY) &&
           (new ? rename_new(p->name[0], p->becomes) : rename(p->name[0], p->becomes) == 0);
}

bool partial_keep(struct partial *p, bool new)
{
    bool done = put_in_place(p, new);
    int why = errno;
    if (done)
        outfile_sync(dirname(p->becomes), O_RDONLY | O_DIRECTORY);
    partial_drop(p);
    errno = why;
    return done;
}

static void leave(struct partial *p)
{
    forget(p);
    release(p);
}

void partial_drop(struct partial *p)
{
    if (!p)
        return;
    remove_all(p);
    leave(p);
}

/* --- what is read --- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* Where a file of that name is or would be made; the caller frees it. */
static char *place_of(const char *path)
{
    char *there = realpath(path, NULL);
    const char *name = strrchr(path, '/');
    if (there)
        return there;
    char *folder = name ? strndup(path, (size_t)(name + 1 - path)) : strdup(".");
    char *real = folder ? realpath(folder, NULL) : NULL;
    if (!real || asprintf(&there, "%s/%s", real, name ? name + 1 : path) < 0)
        there = NULL;
    free(folder);
    free(real);
    return there;
}

static bool is_beside(const char *place, const char *path, const char *read)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal", "-lock"};
    size_t length = strlen(read);
    char *name = malloc(length + sizeof("-journal"));
    bool is = !name;
    for (size_t i = 0; !is && i < sizeof(beside) / sizeof(*beside); i++) {
        strcpy(stpcpy(name, read), beside[i]);
        is = strcmp(place, name) == 0 || is_same_file(path, name);
    }
    free(name);
    return is;
}

bool outfile_spoils(const char *path, const char *read)
{
    if (is_same_file(path, read))
        return true;
    char *place = place_of(path), *source = realpath(read, NULL);
    bool is = place && source && is_beside(place, path, source);
    free(place);
    free(source);
    return is;
}

/* --- text --- */

/* What has no half: /dev/stdout may lead to a file that holds more than this. */
static bool is_written_as_it_comes(const char *path)
{
    struct stat st;
    return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0 ||
           (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
}

static int open_existing(const char *path)
{
    const struct timespec pause = {.tv_nsec = (long)READER_PAUSE_MS * MS_NS};
    int fd = -1;
    for (int ms = 0; fd < 0 && ms < OUTFILE_READER_MS; ms += READER_PAUSE_MS) {
        fd = open(path, O_WRONLY | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0 || errno != ENXIO)
            break;
        nanosleep(&pause, NULL);
    }
    if (fd >= 0)
        fcntl(fd, F_SETFL, 0);
    return fd;
}

static int open_partial(struct outfile *f)
{
    f->partial = partial_begin(f->path);
    return f->partial
               ? open(partial_name(f->partial), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE)
               : -1;
}

static void give_up(struct outfile *f, int fd)
{
    int why = errno;
    if (fd >= 0)
        close(fd);
    partial_drop(f->partial);
    f->partial = NULL;
    errno = why;
}

bool outfile_open(struct outfile *f, const char *path)
{
    *f = (struct outfile){.file = stdout, .path = path};
    if (!path)
        return true;
    int fd = is_written_as_it_comes(path) ? open_existing(path) : open_partial(f);
    f->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f->file)
        give_up(f, fd);
    return f->file;
}

/* Is it still ours? A run that began later takes the other name for a leftover. */
static bool is_ours(const struct outfile *f)
{
    struct stat here, there;
    return fstat(fileno(f->file), &here) == 0 && stat(partial_name(f->partial), &there) == 0 &&
           here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* The reason of an earlier failure is forgotten; what has no room for the text has none for a byte. */
static int failed_why(FILE *f)
{
    errno = 0;
    if (ferror(f) && fflush(f) == 0 && fputc('\n', f) != EOF)
        fflush(f);
    return errno ? errno : EIO;
}

bool outfile_close(struct outfile *f, bool whole)
{
    bool good = fflush(f->file) == 0 && !ferror(f->file);
    int why = good ? EBUSY : failed_why(f->file);
    bool ours = !f->partial || is_ours(f);
    if (f->file != stdout && fclose(f->file) != 0)
        good = false;
    f->file = NULL;
    if (good && ours && whole && f->partial)
        return partial_keep(f->partial, false);
    if (ours)
        partial_drop(f->partial);
    else
        leave(f->partial);
    errno = why;
    return good && ours;
}
