/* capdb/machine.c: which emulator answers a unix socket, a TCP connection, or has a file of RAM mapped.  Its
 * part is played by a child that calls itself as one does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capdb/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RAM_BYTES = 8192 };

struct player {
    pid_t pid;
    char folder[64], socket[96], ram[96];
    int unix_listener, tcp_listener;
    unsigned port;
};

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

static int listen_tcp(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void play(const struct player *p, const char *name, int ready)
{
    char byte = 'r';
    int ram = open(p->ram, O_RDWR);
    prctl(PR_SET_NAME, name);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mmap(NULL, RAM_BYTES, PROT_READ, MAP_SHARED, ram, 0) == MAP_FAILED)
        _exit(1);
    int tcp = write(ready, &byte, 1) == 1 ? accept(p->tcp_listener, NULL, NULL) : -1;
    while (tcp >= 0)
        pause();
    _exit(1);
}

/* The sockets listen in the child, too: of a unix socket the system tells who began to. */
static void begin(struct player *p, const char *name)
{
    int ready[2];
    char byte;
    strcpy(p->folder, "/tmp/capscope-machine-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->socket, sizeof(p->socket), "%s/line", p->folder);
    snprintf(p->ram, sizeof(p->ram), "%s/a ram", p->folder);
    int ram = open(p->ram, O_RDWR | O_CREAT, 0600);
    assert_int_equal(ftruncate(ram, RAM_BYTES), 0);
    close(ram);
    p->tcp_listener = listen_tcp(&p->port);
    assert_int_equal(pipe(ready), 0);
    p->pid = fork();
    if (p->pid == 0) {
        p->unix_listener = listen_unix(p->socket);
        play(p, name, ready[1]);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(p->tcp_listener);
}

static void end(struct player *p)
{
    kill(p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    unlink(p->socket);
    unlink(p->ram);
    rmdir(p->folder);
}

static int connect_unix(const struct player *p)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", p->socket);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int connect_tcp(const struct player *p)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)p->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* The other end takes the connection when it likes. */
static void assert_behind(const char *target, pid_t pid)
{
    char wanted[64] = "", machine[256] = "";
    if (pid)
        snprintf(wanted, sizeof(wanted), "process %ld started ", (long)pid);
    for (int i = 0; i < 2000; i++) {
        machine_behind(target, machine, sizeof(machine));
        if (pid == 0 || machine[0])
            break;
        usleep(5000);
    }
    if (pid == 0)
        assert_string_equal(machine, "");
    else if (strncmp(machine, wanted, strlen(wanted)) != 0)
        fail_msg("%s: \"%s\"", target, machine);
}

static void assert_all_behind(const struct player *p, pid_t pid)
{
    char target[200];
    int line = connect_unix(p), tcp = connect_tcp(p);
    snprintf(target, sizeof(target), "monitor:unix:%s", p->socket);
    assert_behind(target, pid);
    snprintf(target, sizeof(target), "gdb:tcp:localhost:%u", p->port);
    assert_behind(target, pid);
    snprintf(target, sizeof(target), "ram:%s", p->ram);
    assert_behind(target, pid);
    close(line);
    close(tcp);
}

static void an_emulator_is_known_behind_every_door(void **state)
{
    struct player p, q;
    (void)state;
    begin(&p, "qemu-system-arm");
    begin(&q, "qemu-system-arm");
    assert_all_behind(&p, p.pid);
    assert_all_behind(&q, q.pid);
    end(&p);
    end(&q);
}

/* It may be started anew while the machine runs on, and may lead to two machines. */
static void what_only_carries_bytes_is_no_machine(void **state)
{
    struct player p;
    (void)state;
    begin(&p, "socat");
    assert_all_behind(&p, 0);
    end(&p);
}

static void what_is_not_open_has_nobody_behind_it(void **state)
{
    static const char *const targets[] = {"monitor:unix:/nowhere",
                                          "gdb:tcp:localhost:1",
                                          "gdb:tcp:localhost:",
                                          "ram:/nowhere",
                                          "ram:/dev/null",
                                          "monitor:/dev/ttyS99",
                                          ""};
    (void)state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++)
        assert_behind(targets[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_emulator_is_known_behind_every_door),
        cmocka_unit_test(what_only_carries_bytes_is_no_machine),
        cmocka_unit_test(what_is_not_open_has_nobody_behind_it),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
