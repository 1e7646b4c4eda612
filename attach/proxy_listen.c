/* Where a debugger can come in: a unix socket or TCP, on this machine unless a host is named. */
#include "attach/proxy.h"

#include "attach/target.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static enum error say(char *message, size_t size, enum error e, const char *where, const char *what)
{
    snprintf(message, size, "%s: %s", where, what);
    return e;
}

/* A socket file whose server is gone only stands in the way. */
static void remove_stale(const struct sockaddr_un *addr)
{
    struct stat s;
    if (lstat(addr->sun_path, &s) != 0 || !S_ISSOCK(s.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 && errno == ECONNREFUSED)
        unlink(addr->sun_path);
    close(fd);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path) + 1);
    remove_stale(&addr);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 &&
        listen(fd, 1) == 0)
        return fd;
    int kept = errno;
    if (fd >= 0)
        close(fd);
    errno = kept;
    return -1;
}

static int listen_address(const struct addrinfo *a)
{
    int on = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1) == 0)
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

static int listen_tcp(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = listen_address(a);
    freeaddrinfo(list);
    return fd;
}

/* HOST:PORT, [HOST]:PORT, or a port of this machine alone. */
static int listen_named(const char *name)
{
    char host[256] = "127.0.0.1";
    const char *colon = strrchr(name, ':');
    if (!colon)
        return listen_tcp(host, name);
    size_t n = (size_t)(colon - name);
    bool bracketed = n > 1 && name[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? n - 2 : n), name + bracketed);
    return listen_tcp(host[0] ? host : "127.0.0.1", colon + 1);
}

enum error proxy_listen(const char *where, int *listener, char *message, size_t size)
{
    if (strncmp(where, "unix:", 5) == 0)
        *listener = listen_unix(where + 5);
    else if (strncmp(where, "tcp:", 4) == 0)
        *listener = listen_named(where + 4);
    else
        return say(message, size, ERR_ARGUMENT, where,
                   "no place to listen at (unix:PATH, tcp:PORT, tcp:HOST:PORT)");
    return *listener >= 0 ? ERR_OK : say(message, size, ERR_IO, where, strerror(errno));
}

void proxy_unlisten(const char *where, int listener)
{
    close(listener);
    if (strncmp(where, "unix:", 5) == 0)
        unlink(where + 5);
}
