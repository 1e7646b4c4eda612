/* A process is named by its number, when it was started, and the boot of this system. */
#include "capdb/machine.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DESCRIPTORS = 256, STAT_BYTES = 1024, BOOT_BYTES = 64, FIELDS_TO_START = 20 };

static bool read_line(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "r");
    bool read = f && fgets(buf, (int)size, f);
    if (f)
        fclose(f);
    if (read)
        buf[strcspn(buf, "\n")] = '\0';
    return read;
}

/* Field 22 of /proc/PID/stat; the name of the program, in brackets, may hold anything. */
static bool start_of(pid_t pid, char *buf, size_t size)
{
    char path[64];
    char line[STAT_BYTES];
    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (!read_line(path, line, sizeof(line)))
        return false;
    char *at = strrchr(line, ')');
    for (int i = 0; at && i < FIELDS_TO_START; i++)
        at = strchr(at + 1, ' ');
    if (!at)
        return false;
    snprintf(buf, size, "%.*s", (int)strcspn(at + 1, " "), at + 1);
    return true;
}

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

static bool peer_of(const char *path, pid_t *pid)
{
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        struct ucred peer;
        socklen_t length = sizeof(peer);
        if (!leads_to(fd, path) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
            peer.pid <= 0)
            continue;
        *pid = peer.pid;
        return true;
    }
    return false;
}

char *machine_behind(const char *target, char *buf, size_t size)
{
    static const char mark[] = ":unix:";
    const char *at = strstr(target, mark);
    char path[PATH_MAX];
    char start[32];
    char boot[BOOT_BYTES];
    pid_t pid;
    buf[0] = '\0';
    if (at && realpath(at + strlen(mark), path) && peer_of(path, &pid) &&
        start_of(pid, start, sizeof(start)) &&
        read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot)))
        snprintf(buf, size, "process %ld started %s boot %s", (long)pid, start, boot);
    return buf;
}
