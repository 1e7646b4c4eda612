/* The rig: sockets, a door that knows a kernel of two threads, and its snapshot. */
#include "tests/unit/proxy_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DIRECTORY = 0x80200000, SLOTS = 0x80300000 };

static struct proxy_rig *rig_of(struct attach *a)
{
    return a->door;
}

/* --- the snapshot --- */

static enum error put_slot(struct stream *s, uint32_t addr, uint32_t type, uint32_t object,
                           uint32_t bits, uint32_t flags)
{
    struct record r = {.kind = RECORD_SLOT};
    r.slot = (struct record_slot){.addr = addr,
                                  .type = type,
                                  .object = object,
                                  .bits = bits,
                                  .rights = 3,
                                  .flags = flags | RECORD_SLOT_REVOCABLE};
    return stream_record(s, &r);
}

static enum error put_thread(struct stream *s, uint32_t addr, char name, bool runs)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread =
        (struct record_thread){.addr = addr,
                               .name = {.length = 1, .bytes = {name}},
                               .state = runs ? RECORD_THREAD_RUNNING : RECORD_THREAD_INACTIVE,
                               .current = runs,
                               .pc = RIG_PAGE};
    return stream_record(s, &r);
}

static enum error put_mapping(struct stream *s, uint32_t vaddr, uint32_t frame)
{
    struct record r = {.kind = RECORD_MAPPING};
    r.mapping = (struct record_mapping){
        .dir = DIRECTORY, .asid = 1, .vaddr = vaddr, .frame = frame, .bits = 12, .rights = 7};
    return stream_record(s, &r);
}

static enum error put_head(struct stream *s)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    r.snapshot = (struct record_snapshot){.format = RECORD_FORMAT,
                                          .kernel = RECORD_KERNEL_CAPSCOPE,
                                          .stopped = 1,
                                          .phys_offset = 0x70000000,
                                          .ram_base = 0x80000000,
                                          .ram_size = 0x8000000};
    return stream_record(s, &r);
}

static enum error put_all(struct stream *s)
{
    struct record end = {.kind = RECORD_END};
    enum error e = put_head(s);
    e = e ? e : put_slot(s, SLOTS, RECORD_CAP_TCB, RIG_A, 9, 0);
    e = e ? e : put_slot(s, SLOTS + 16, RECORD_CAP_TCB, RIG_B, 9, 0);
    e = e ? e : put_slot(s, RIG_B + 16, RECORD_CAP_PAGE_DIRECTORY, DIRECTORY, 14, 0);
    e = e ? e : put_slot(s, SLOTS + 32, RECORD_CAP_FRAME, RIG_FRAME, 12, 0);
    e = e ? e : put_slot(s, SLOTS + 48, RECORD_CAP_FRAME, RIG_DEVICE, 12, RECORD_SLOT_DEVICE);
    e = e ? e : put_slot(s, SLOTS + 64, RECORD_CAP_UNTYPED, RIG_MODULE, 13, RECORD_SLOT_DEVICE);
    e = e ? e : put_slot(s, SLOTS + 80, RECORD_CAP_FRAME, RIG_MODULE, 12, RECORD_SLOT_DEVICE);
    e = e ? e : put_slot(s, SLOTS + 96, RECORD_CAP_FRAME, RIG_MODULE + 0x2000, 12, 0);
    e = e ? e : put_thread(s, RIG_A, 'A', true);
    e = e ? e : put_thread(s, RIG_B, 'B', false);
    e = e ? e : put_mapping(s, RIG_PAGE, RIG_FRAME);
    e = e ? e : put_mapping(s, RIG_DEVICE_PAGE, RIG_DEVICE);
    e = e ? e : put_mapping(s, RIG_MODULE_PAGE, RIG_MODULE);
    e = e ? e : put_mapping(s, RIG_HIGH_PAGE, RIG_FRAME);
    end.end =
        (struct record_end){.complete = 1, .slots = 8, .threads = 2, .mappings = 4, .records = 16};
    return e ? e : stream_record(s, &end);
}

static enum error rig_snapshot(struct attach *a)
{
    stream_clear(&a->stream);
    return put_all(&a->stream);
}

static enum error rig_nothing(struct attach *a)
{
    (void)a;
    return ERR_OK;
}

static const struct attach_ops ops = {
    .snapshot = rig_snapshot, .halt = rig_nothing, .go = rig_nothing};

/* --- the door --- */

static struct gdb_client *rig_client(struct attach *a)
{
    return &rig_of(a)->stub;
}

static void rig_forget(struct attach *a)
{
    (void)a;
}

static enum error rig_is_user(struct attach *a, uint64_t pc, bool *yes)
{
    (void)pc;
    *yes = rig_of(a)->user;
    return ERR_OK;
}

static enum error rig_current(struct attach *a, uint64_t *tcb)
{
    *tcb = rig_of(a)->current;
    return ERR_OK;
}

static enum error rig_registers(struct attach *a, const struct record_thread *t,
                                struct walker_registers *out)
{
    (void)a;
    *out = (struct walker_registers){.count = 17, .known = 0x1ffff & ~2u};
    for (uint32_t i = 0; i < out->count; i++)
        out->value[i] = t->addr + i;
    return ERR_OK;
}

static bool rig_is_image(struct attach *a, uint64_t physical)
{
    (void)a;
    return physical - RIG_IMAGE < RIG_IMAGE_BYTES;
}

static uint64_t rig_user_top(struct attach *a)
{
    (void)a;
    return 0xf0000000;
}

static bool rig_physical(struct attach *a, uint64_t kaddr, uint64_t *out)
{
    (void)a;
    *out = kaddr - 0x70000000;
    return true;
}

static enum error rig_judge(struct attach *a, uint64_t pc, enum gdb_door_stop *what, char *sentence,
                            size_t size)
{
    (void)pc;
    *what = rig_of(a)->stop;
    if (*what == GDB_DOOR_STAYS)
        snprintf(sentence, size, "victim 0x1234");
    return ERR_OK;
}

static bool rig_command(struct attach *a, const char *line, struct text *text)
{
    (void)a;
    return strcmp(line, "break on revoke") == 0 && text_put(text, "armed\n", 6) == ERR_OK;
}

static void rig_disarm(struct attach *a)
{
    rig_of(a)->stop = GDB_DOOR_NOT_OURS;
}

static const struct gdb_door_ops door = {
    .client = rig_client,
    .forget = rig_forget,
    .is_user = rig_is_user,
    .current = rig_current,
    .registers = rig_registers,
    .user_top = rig_user_top,
    .is_image = rig_is_image,
    .physical = rig_physical,
    .leave = rig_nothing,
    .judge = rig_judge,
    .command = rig_command,
    .disarm = rig_disarm,
};

/* --- what stands above --- */

static void reason(void *ctx, const struct capstate *s, int32_t thread, char *buf, size_t size)
{
    (void)ctx, (void)s;
    snprintf(buf, size, "<reason & %d>", thread);
}

static char *answer(void *ctx, const struct capstate *s, const char *line)
{
    (void)ctx, (void)s;
    return strdup(line);
}

static void say(void *ctx, const char *sentence)
{
    (void)ctx, (void)sentence;
}

static bool is_over(void *ctx)
{
    (void)ctx;
    return false;
}

static const struct proxy_help help = {
    .reason = reason, .answer = answer, .say = say, .is_over = is_over};

/* --- opening --- */

static bool pair(int fds[2])
{
    int size = RIG_TEXT * 4;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return true;
}

static void open_stub(struct proxy_rig *r, int fd)
{
    r->stub.line.fd = fd;
    r->stub.line.socket = true;
    r->stub.processor = processor_of("");
    r->stub.physical = true;
    r->stub.packet_size = 1024;
    r->stub.piece = 512;
    r->stub.settle_ms = 1;
    gdb_decoder_init(&r->stub.decoder, true);
}

bool proxy_rig_open(struct proxy_rig *r, const void *answers, size_t length)
{
    int machine[2], debugger[2];
    memset(r, 0, sizeof(*r));
    if (!pair(machine) || !pair(debugger))
        return false;
    open_stub(r, machine[0]);
    r->machine = machine[1];
    r->debugger = debugger[1];
    r->current = RIG_A;
    r->attach = (struct attach){.ops = &ops, .door = r, .halted = true};
    r->attach.name = strdup("gdb:rig");
    stream_init(&r->attach.stream);
    r->proxy = (struct proxy){.a = &r->attach, .door = &door, .stub = &r->stub, .help = &help};
    proxy_line_open(&r->proxy, debugger[0]);
    r->proxy.stopped_in = PROXY_PROCESSOR;
    ssize_t n = length ? write(r->machine, answers, length) : 0;
    shutdown(r->machine, SHUT_WR);
    return r->attach.name && n == (ssize_t)length;
}

void proxy_rig_say(struct proxy_rig *r, const void *bytes, size_t length)
{
    ssize_t n = write(r->debugger, bytes, length);
    if (n > 0)
        proxy_line_take(&r->proxy);
}

void proxy_rig_packet(struct proxy_rig *r, const char *packet)
{
    uint8_t line[GDB_PACKET_RAW_MAX];
    proxy_rig_say(r, line,
                  gdb_packet_encode('$', packet, (uint32_t)strlen(packet), line, sizeof(line)));
}

static void take_all(int fd, char text[RIG_TEXT])
{
    ssize_t n = read(fd, text, RIG_TEXT - 1);
    text[n > 0 ? n : 0] = '\0';
}

void proxy_rig_hear(struct proxy_rig *r)
{
    take_all(r->machine, r->asked);
    take_all(r->debugger, r->told);
}

void proxy_rig_close(struct proxy_rig *r)
{
    proxy_forget(&r->proxy);
    proxy_line_close(&r->proxy);
    close(r->stub.line.fd);
    close(r->machine);
    close(r->debugger);
    stream_fini(&r->attach.stream);
    free(r->attach.name);
}
