/* Lines: sockets are non-blocking and waited for with poll(); serial devices are configured (serial.h)
 * and then used through their descriptor in the same way.  A pseudo-terminal (QEMU's `-serial pty`) is
 * set to raw mode here. */
#include "attach/transport.h"

#include "attach/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted, protected;

void transport_interrupt(void)
{
    interrupted = true;
}

void transport_protect(bool on)
{
    protected = on;
    if (!on)
        interrupted = false;
}

/* Waits until the descriptor is ready for `events`. */
static enum error wait_ready(int fd, short events, deadline_t deadline)
{
    for (;;) {
        if (interrupted && !protected)
            return ERR_STOPPED;
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, deadline_left(deadline));
        if (n > 0)
            return p.revents & POLLNVAL ? ERR_IO : ERR_OK;
        if (n == 0)
            return ERR_TIMEOUT;
        if (errno != EINTR)
            return ERR_IO;
    }
}

static enum error say(enum error e, char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return e;
}

/* Of a unix socket: whoever listens has no room for another who waits, and poll() does not tell when there
 * is.  Those who gave up stand in that queue, too, until they are seen. */
static int connect_when_there_is_room(int fd, const struct sockaddr *addr, socklen_t len,
                                      deadline_t deadline)
{
    enum { LOOK_MS = 50 };
    int left = 1, result;
    while ((result = connect(fd, addr, len)) != 0 && errno == EAGAIN && left > 0) {
        left = interrupted && !protected ? 0 : deadline_left(deadline);
        poll(NULL, 0, left < LOOK_MS ? left : LOOK_MS);
    }
    return result;
}

/* Connects one non-blocking socket. */
static enum error connect_fd(int fd, const struct sockaddr *addr, socklen_t len,
                             deadline_t deadline, char *why, size_t size)
{
    if (connect_when_there_is_room(fd, addr, len, deadline) == 0)
        return ERR_OK;
    if (errno == EAGAIN)
        return say(ERR_TIMEOUT, why, size,
                   "the line is taken, and has no room for another who waits for it");
    if (errno != EINPROGRESS)
        return say(ERR_IO, why, size, strerror(errno));
    if (wait_ready(fd, POLLOUT, deadline) != ERR_OK)
        return say(ERR_TIMEOUT, why, size, "no connection before the deadline");
    int trouble = 0;
    socklen_t n = sizeof(trouble);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &n) < 0)
        trouble = errno;
    return trouble ? say(ERR_IO, why, size, strerror(trouble)) : ERR_OK;
}

static enum error open_unix(struct transport *t, const struct target *target, deadline_t deadline,
                            char *why, size_t size)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(target->path) >= sizeof(addr.sun_path))
        return say(ERR_ARGUMENT, why, size, "the socket's path is too long");
    memcpy(addr.sun_path, target->path, strlen(target->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return say(ERR_IO, why, size, strerror(errno));
    enum error e =
        connect_fd(fd, (const struct sockaddr *)&addr, sizeof(addr), deadline, why, size);
    if (e != ERR_OK) {
        close(fd);
        return e;
    }
    t->fd = fd;
    t->socket = true;
    return ERR_OK;
}

static enum error open_address(struct transport *t, const struct addrinfo *a, deadline_t deadline,
                               char *why, size_t size)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0)
        return say(ERR_IO, why, size, strerror(errno));
    enum error e = connect_fd(fd, a->ai_addr, a->ai_addrlen, deadline, why, size);
    if (e != ERR_OK) {
        close(fd);
        return e;
    }
    int on = 1; /* requests are small and answered one by one */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    t->fd = fd;
    t->socket = true;
    return ERR_OK;
}

static enum error open_tcp(struct transport *t, const struct target *target, deadline_t deadline,
                           char *why, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int trouble = getaddrinfo(target->path, target->port, &hints, &list);
    if (trouble)
        return say(ERR_IO, why, size, gai_strerror(trouble));
    enum error e = say(ERR_IO, why, size, "the host has no address");
    for (const struct addrinfo *a = list; a && e != ERR_OK; a = a->ai_next)
        e = open_address(t, a, deadline, why, size);
    freeaddrinfo(list);
    return e;
}

static enum error open_pseudo_terminal(struct transport *t, const struct target *target, char *why,
                                       size_t size)
{
    struct termios raw;
    int fd = open(target->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return say(ERR_IO, why, size, strerror(errno));
    if (tcgetattr(fd, &raw) < 0) {
        close(fd);
        return say(ERR_IO, why, size, "not a terminal device");
    }
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) < 0) {
        close(fd);
        return say(ERR_IO, why, size, "the terminal cannot be set to raw mode");
    }
    t->fd = fd;
    return ERR_OK;
}

static enum error open_serial(struct transport *t, const struct target *target, char *why,
                              size_t size)
{
    if (!serial_is_device(target->path))
        return open_pseudo_terminal(t, target, why, size);
    return serial_open(target->path, target->baud, &t->port, &t->fd, why, size);
}

enum error transport_open(struct transport *t, const struct target *target, deadline_t deadline,
                          char *why, size_t size)
{
    t->fd = -1;
    t->socket = false;
    t->port = NULL;
    t->head = t->tail = 0;
    switch (target->line) {
    case LINE_UNIX:
        return open_unix(t, target, deadline, why, size);
    case LINE_TCP:
        return open_tcp(t, target, deadline, why, size);
    case LINE_SERIAL:
        return open_serial(t, target, why, size);
    case LINE_NONE:
        break;
    }
    return say(ERR_ARGUMENT, why, size, "the target names no line");
}

void transport_close(struct transport *t)
{
    if (t->port)
        serial_close(t->port);
    else if (t->fd >= 0)
        close(t->fd);
    t->port = NULL;
    t->fd = -1;
}

bool transport_has_ended(const struct transport *t)
{
    struct pollfd p = {.fd = t->fd, .events = POLLRDHUP};
    return t->fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

enum error transport_write(struct transport *t, const void *data, size_t len, deadline_t deadline)
{
    const uint8_t *p = data;
    while (len > 0) {
        ssize_t n = t->socket ? send(t->fd, p, len, MSG_NOSIGNAL) : write(t->fd, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            return ERR_CLOSED;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return ERR_IO;
        } else {
            enum error e = wait_ready(t->fd, POLLOUT, deadline);
            if (e != ERR_OK)
                return e;
        }
    }
    return ERR_OK;
}

/* Waits for more input and takes what there is. */
static enum error fill(struct transport *t, deadline_t deadline)
{
    for (;;) {
        enum error e = wait_ready(t->fd, POLLIN, deadline);
        if (e != ERR_OK)
            return e;
        ssize_t n =
            t->socket ? recv(t->fd, t->in, sizeof(t->in), 0) : read(t->fd, t->in, sizeof(t->in));
        if (n > 0) {
            t->head = 0;
            t->tail = (size_t)n;
            return ERR_OK;
        }
        /* A terminal whose other end is gone reads as EIO. */
        if (n == 0 || errno == ECONNRESET || errno == EIO)
            return ERR_CLOSED;
        if (errno != EAGAIN && errno != EINTR)
            return ERR_IO;
        if (deadline_left(deadline) == 0)
            return ERR_TIMEOUT;
    }
}

enum error transport_get(struct transport *t, uint8_t *byte, deadline_t deadline)
{
    if (t->head == t->tail) {
        enum error e = fill(t, deadline);
        if (e != ERR_OK)
            return e;
    }
    *byte = t->in[t->head++];
    return ERR_OK;
}
