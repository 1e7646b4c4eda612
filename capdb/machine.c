/* A process is named by its number, when it was started, and the boot of this system.  Which one
 * answers a unix socket the kernel tells; of a TCP connection that stays on this computer the other
 * end is looked for among the sockets of all processes, of a RAM file who has it mapped.
 *
 * Only an emulator is the machine.  A process that carries bytes to and fro (ssh, socat) may be
 * started anew while the machine runs on, and may lead to two of them. */
#include "capdb/machine.h"

#include <dirent.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { DESCRIPTORS = 256, LINE_BYTES = 4352, BOOT_BYTES = 64, FIELDS_TO_START = 20 };

static const char emulator[] = "qemu-system";

static FILE *open_of(pid_t pid, const char *what)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, what);
    return fopen(path, "r");
}

static bool read_line(FILE *f, char *buf, size_t size)
{
    bool read = f && fgets(buf, (int)size, f);
    if (f)
        fclose(f);
    if (read)
        buf[strcspn(buf, "\n")] = '\0';
    return read;
}

static bool is_emulator(pid_t pid)
{
    char name[64];
    return read_line(open_of(pid, "comm"), name, sizeof(name)) &&
           strncmp(name, emulator, sizeof(emulator) - 1) == 0;
}

/* Field 22 of /proc/PID/stat; the name of the program, in brackets, may hold anything. */
static bool start_of(pid_t pid, char *buf, size_t size)
{
    char line[LINE_BYTES];
    if (!read_line(open_of(pid, "stat"), line, sizeof(line)))
        return false;
    char *at = strrchr(line, ')');
    for (int i = 0; at && i < FIELDS_TO_START; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return false;
    snprintf(buf, size, "%.*s", (int)strcspn(at + 1, " "), at + 1);
    return true;
}

/* Is there a name in a folder for which `is` holds? */
static bool some_in(const char *folder, bool (*is)(const char *name, void *ctx), void *ctx)
{
    struct dirent **entry;
    int count = scandir(folder, &entry, NULL, alphasort);
    bool found = false;
    for (int i = 0; i < count; i++) {
        found = found || is(entry[i]->d_name, ctx);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    return found;
}

struct wanted {
    bool (*is)(pid_t pid, const void *what);
    const void *what;
    pid_t *pid;
};

static bool is_wanted(const char *name, void *ctx)
{
    const struct wanted *w = ctx;
    *w->pid = (pid_t)strtol(name, NULL, 10);
    return *w->pid > 0 && is_emulator(*w->pid) && w->is(*w->pid, w->what);
}

/* The emulator among all processes of which `is` holds. */
static bool find_process(bool (*is)(pid_t pid, const void *what), const void *what, pid_t *pid)
{
    struct wanted w = {is, what, pid};
    return some_in("/proc", is_wanted, &w);
}

/* --- unix sockets --- */

static bool leads_to(int fd, const char *path)
{
    struct sockaddr_un address = {0};
    socklen_t length = sizeof(address) - 1;
    char real[PATH_MAX];
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0 ||
        address.sun_family != AF_UNIX || !address.sun_path[0])
        return false;
    return realpath(address.sun_path, real) && strcmp(real, path) == 0;
}

static bool behind_unix(const char *name, pid_t *pid)
{
    char path[PATH_MAX];
    bool there = realpath(name, path);
    for (int fd = 0; there && fd < DESCRIPTORS; fd++) {
        struct ucred peer;
        socklen_t length = sizeof(peer);
        if (!leads_to(fd, path) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
            peer.pid <= 0)
            continue;
        *pid = peer.pid;
        return is_emulator(peer.pid);
    }
    return false;
}

/* --- TCP on this computer --- */

struct ports {
    unsigned mine, theirs;
};

static unsigned port_of(const struct sockaddr_storage *s)
{
    return ntohs(s->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)s)->sin6_port
                                          : ((const struct sockaddr_in *)s)->sin_port);
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return a->ss_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Both ends of a connection that stays on this computer have the same address. */
static bool ports_of(int fd, unsigned port, struct ports *p)
{
    struct sockaddr_storage mine = {0}, theirs = {0};
    socklen_t length = sizeof(mine), other = sizeof(theirs);
    if (getsockname(fd, (struct sockaddr *)&mine, &length) != 0 ||
        getpeername(fd, (struct sockaddr *)&theirs, &other) != 0 || !same_address(&mine, &theirs))
        return false;
    *p = (struct ports){port_of(&mine), port_of(&theirs)};
    return p->theirs == port;
}

/* In the table of connections (proc(5)): the socket of the other end. */
static bool find_socket(const char *table, const struct ports *p, char *buf, size_t size)
{
    FILE *f = fopen(table, "r");
    char line[LINE_BYTES];
    bool found = false;
    while (f && !found && fgets(line, sizeof(line), f)) {
        unsigned local = 0, remote = 0;
        unsigned long inode = 0;
        found = sscanf(line, " %*d: %*[^:]:%x %*[^:]:%x %*x %*s %*s %*x %*u %*u %lu", &local,
                       &remote, &inode) == 3 &&
                local == p->theirs && remote == p->mine && inode != 0;
        snprintf(buf, size, "socket:[%lu]", inode);
    }
    if (f)
        fclose(f);
    return found;
}

struct descriptor {
    const char *folder, *leads_to;
};

static bool leads_there(const char *name, void *ctx)
{
    const struct descriptor *d = ctx;
    char path[128], link[64];
    snprintf(path, sizeof(path), "%s/%.20s", d->folder, name);
    ssize_t n = readlink(path, link, sizeof(link) - 1);
    link[n > 0 ? n : 0] = '\0';
    return strcmp(link, d->leads_to) == 0;
}

static bool has_open(pid_t pid, const void *name)
{
    char folder[64];
    struct descriptor d = {folder, name};
    snprintf(folder, sizeof(folder), "/proc/%ld/fd", (long)pid);
    return some_in(folder, leads_there, &d);
}

static bool behind_tcp(const char *place, pid_t *pid)
{
    const char *colon = strrchr(place, ':');
    unsigned port = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    for (int fd = 0; port && fd < DESCRIPTORS; fd++) {
        struct ports p;
        char name[64];
        if (ports_of(fd, port, &p))
            return (find_socket("/proc/net/tcp", &p, name, sizeof(name)) ||
                    find_socket("/proc/net/tcp6", &p, name, sizeof(name))) &&
                   find_process(has_open, name, pid);
    }
    return false;
}

/* --- RAM files --- */

struct ram_file {
    char path[PATH_MAX];
    unsigned long inode;
};

/* Not a file that had the name before: that is what the number tells. */
static bool has_mapped(pid_t pid, const void *what)
{
    const struct ram_file *ram = what;
    FILE *f = open_of(pid, "maps");
    char line[LINE_BYTES];
    bool found = false;
    while (f && !found && fgets(line, sizeof(line), f)) {
        unsigned long inode = 0;
        int path = 0;
        line[strcspn(line, "\n")] = '\0';
        found = sscanf(line, "%*s %*s %*s %*s %lu %n", &inode, &path) == 1 && inode == ram->inode &&
                strcmp(line + path, ram->path) == 0;
    }
    if (f)
        fclose(f);
    return found;
}

static bool behind_file(const char *name, pid_t *pid)
{
    struct ram_file ram;
    struct stat st;
    bool there = realpath(name, ram.path) && stat(name, &st) == 0;
    ram.inode = there ? st.st_ino : 0;
    return there && find_process(has_mapped, &ram, pid);
}

/* --- */

static bool behind(const char *target, pid_t *pid)
{
    static const struct {
        const char *mark;
        bool first; /* stands at the beginning */
        bool (*find)(const char *place, pid_t *pid);
    } ways[] = {
        {"ram:", true, behind_file}, {":unix:", false, behind_unix}, {":tcp:", false, behind_tcp}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        const char *at = strstr(target, ways[i].mark);
        if (at && (!ways[i].first || at == target))
            return ways[i].find(at + strlen(ways[i].mark), pid);
    }
    return false;
}

char *machine_behind(const char *target, char *buf, size_t size)
{
    char start[32], boot[BOOT_BYTES];
    pid_t pid = 0;
    buf[0] = '\0';
    if (behind(target, &pid) && start_of(pid, start, sizeof(start)) &&
        read_line(fopen("/proc/sys/kernel/random/boot_id", "r"), boot, sizeof(boot)))
        snprintf(buf, size, "process %ld started %s boot %s", (long)pid, start, boot);
    return buf;
}
