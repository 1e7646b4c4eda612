/* The proxy's loop: one debugger after the other, and a machine that may stop by itself. */
#include "attach/proxy_state.h"

#include "attach/gdb_exchange.h"
#include "attach/sel4.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_MS = 500 }; /* between two looks at whether it is over */

static void say(struct proxy *p, const char *sentence)
{
    p->help->say(p->help->ctx, sentence);
}

/* Text of the running machine. */
static void hear(void *ctx, const uint8_t *packet, uint32_t length)
{
    struct proxy *p = ctx;
    if (p->waits && length > 1 && packet[0] == 'O' && packet[1] != 'K')
        proxy_reply(p, packet, length);
}

/* --- a debugger comes and goes --- */

static void begin(struct proxy *p, int fd)
{
    proxy_line_open(p, fd);
    p->ran = !attach_is_halted(p->a);
    p->waits = false;
    if (!p->ran) { /* it stood already */
        proxy_learn(p);
        snprintf(p->stop, sizeof(p->stop), "T05thread:%x;", (unsigned)p->stopped_in);
    } else if (!proxy_halt(p) && !p->dead) {
        say(p, attach_error(p->a));
        proxy_line_close(p);
    }
}

/* One who has detached and stays on the line makes room. */
static void take_caller(struct proxy *p)
{
    int on = 1;
    int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    proxy_line_close(p);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* means nothing to a unix socket */
    begin(p, fd);
}

/* A gdb that has to wait gives up its first question, asks again, and is answered twice.  One that
 * has just hung up makes room: its caller is taken then. */
static void turn_away(struct proxy *p)
{
    int fd = transport_has_ended(&p->line) ? -1 : accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    close(fd);
    say(p, "another debugger was turned away: there is one already");
}

static void leave(struct proxy *p)
{
    if (!p->detached)
        proxy_release(p);
    proxy_line_close(p);
}

/* --- waiting --- */

/* A standing machine says nothing; what comes all the same is noise, or the end of the line. */
static void hear_standing(struct proxy *p)
{
    char byte;
    ssize_t n = recv(p->stub->line.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    bool ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTSOCK);
    p->stub->asked_again = true;
    enum error e = ended ? gdb_line_failed(p->stub, ERR_CLOSED)
                         : gdb_settle(p->stub, deadline_in(GDB_REPLY_MS));
    (void)proxy_stub_failed(p, e);
}

static void hear_stub(struct proxy *p)
{
    if (attach_is_halted(p->a)) {
        hear_standing(p);
        return;
    }
    enum error e = gdb_client_listen(p->stub, deadline_in(1));
    if (proxy_stub_failed(p, e) == ERR_OK && !p->stub->running)
        proxy_stopped(p);
}

static void hear_debuggers(struct proxy *p, bool caller, bool line)
{
    if (!p->dead && line && p->line.fd >= 0)
        proxy_line_take(p);
    if (p->line.fd >= 0 && p->gone)
        leave(p);
    if (!p->dead && caller && (p->line.fd < 0 || p->detached))
        take_caller(p);
    else if (caller)
        turn_away(p);
}

static void wait(struct proxy *p)
{
    struct pollfd fds[] = {{.fd = p->stub->line.fd, .events = POLLIN},
                           {.fd = p->line.fd, .events = POLLIN},
                           {.fd = p->listener, .events = POLLIN}};
    bool unread = p->stub->line.head != p->stub->line.tail;
    if (poll(fds, 3, unread ? 0 : LOOK_MS) < 0)
        return;
    if (fds[0].revents || unread)
        hear_stub(p);
    hear_debuggers(p, fds[2].revents != 0, fds[1].revents != 0);
}

static void serve(struct proxy *p)
{
    while (!p->dead && !p->help->is_over(p->help->ctx))
        wait(p);
}

/* To whoever still listens: gdb shows text while it waits, and then the end of the connection. */
static void say_dead(struct proxy *p, char *message, size_t size)
{
    char sentence[PROXY_TEXT];
    snprintf(message, size, "%s: %s", attach_target(p->a), p->stub->trouble);
    snprintf(sentence, sizeof(sentence), "capdb: %s\n", message);
    if (p->line.fd >= 0 && p->waits)
        proxy_print(p, sentence, strlen(sentence));
}

static const struct gdb_door_ops *door_of(const struct attach *a)
{
    if (a->ops == &attach_gdb_ops)
        return &gdb_door_capscope;
    return a->ops == &attach_sel4_gdb_ops ? &gdb_door_sel4 : NULL;
}

enum error proxy_serve(struct attach *a, int listener, const struct proxy_help *help, char *message,
                       size_t size)
{
    const struct gdb_door_ops *door = door_of(a);
    struct proxy *p = door ? calloc(1, sizeof(*p)) : NULL;
    message[0] = '\0';
    if (!p) {
        snprintf(message, size, "%s: a proxy needs a stub behind it (gdb:…)", attach_target(a));
        return ERR_UNSUPPORTED;
    }
    *p = (struct proxy){
        .a = a, .door = door, .help = help, .listener = listener, .line = {.fd = -1}};
    p->stub = door->client(a);
    p->knows_threads = gdb_client_offers(p->stub, "capscope-snapshot+");
    p->stub->hears = hear;
    p->stub->hears_ctx = p;
    serve(p);
    bool dead = p->dead;
    if (dead)
        say_dead(p, message, size);
    leave(p);
    p->stub->hears = NULL;
    free(p);
    return dead ? ERR_CLOSED : ERR_OK;
}
