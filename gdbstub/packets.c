/* The table of packets. */
#include "gdbstub/packets.h"

#include "gdbstub/breakpoints.h"
#include "gdbstub/memory.h"
#include "gdbstub/registers.h"
#include "gdbstub/reply.h"
#include "gdbstub/step.h"
#include "gdbstub/stub.h"
#include "gdbstub/threads.h"
#include "gdbstub/xml.h"
#include "lib/bytes.h"
#include "monitor/door/door.h"
#include "monitor/monitor.h"
#include "monitor/view.h"
#include "monitor/wire_out.h"

enum {
    MEMORY_MAX = (GDB_PACKET_DATA - 64) / 2, /* bytes in one packet as hex, its words counted */
    COMMAND_MAX = 160,
    IDS_IN_PACKET = 256, /* of nine characters each */
};

static uint32_t general_thread; /* Hg: whose registers and memory are meant */
static uint32_t stepped_thread; /* Hc: the one that `s` steps */
static uint32_t listed;         /* qsThreadInfo goes on here */
static bool silent;             /* no reply to this packet */

static void reply_ok(void)
{
    reply_text("OK");
}

/* 0, or a thread that is gone, means the one that stopped. */
static uint32_t thread_or_stopped(uint32_t id)
{
    return id == 0 || !threads_exists(id) ? stub_stop_thread() : id;
}

static uint32_t thread_meant(void)
{
    return thread_or_stopped(general_thread);
}

/* ---- session ---- */

static void supported(struct gdb_text *t)
{
    bool swbreak = false;
    while (gdb_text_left(t) > 0 && !swbreak) {
        swbreak = gdb_text_take_word(t, "swbreak+");
        t->at += !swbreak;
    }
    stub_begin(swbreak);
    general_thread = stepped_thread = 0;
    reply_text("PacketSize=%x;vContSupported+;swbreak+;", stub_packet_size());
    reply_text("qXfer:features:read+;qXfer:threads:read+;qXfer:memory-map:read+;");
    reply_text("capscope-snapshot+;capscope-roots+;capscope-lease+");
}

/* Understood, but not offered: without acknowledgements gdb no longer looks at checksums, and a
 * serial line is nothing to trust that far. */
static void start_no_ack_mode(struct gdb_text *t)
{
    (void)t;
    stub_stop_acks();
    reply_ok();
}

static void stop_reason(struct gdb_text *t)
{
    (void)t;
    general_thread = stub_stop_thread();
    stub_write_found();
}

static void attached(struct gdb_text *t)
{
    (void)t;
    reply_text("1");
}

static void detach(struct gdb_text *t)
{
    (void)t;
    reply_ok();
    stub_end("detached; the kernel goes on");
}

/* A kernel cannot be killed from outside without being reset, which would take the state along that
 * somebody is looking at. */
static const char killed[] = "killed its session; the kernel goes on";

static void kill(struct gdb_text *t)
{
    (void)t;
    silent = true;
    stub_end(killed);
}

static void kill_answered(struct gdb_text *t)
{
    (void)t;
    reply_ok();
    stub_end(killed);
}

/* ---- going on ---- */

static void go_on(void)
{
    silent = true;
    general_thread = 0;
    stub_continue();
}

/* [start, end): the step goes on in there; empty: one instruction. */
static void go_one_step(uint32_t thread, uint32_t start, uint32_t end)
{
    if (step_begin(thread, start, end)) {
        go_on();
        return;
    }
    stub_say("no step from 0x%08x: no breakpoint can stand where it leads",
             registers_get(thread, REG_PC));
    reply_error(REPLY_NO_MEMORY);
}

/* The address to go on at, if one is given; false: it is none. */
static bool take_address(struct gdb_text *t, uint32_t thread)
{
    uint32_t addr;
    if (gdb_text_left(t) == 0)
        return true;
    if (!gdb_text_number(t, &addr) || gdb_text_left(t) > 0)
        return false;
    registers_set(thread, REG_PC, addr);
    return true;
}

static void continue_at(struct gdb_text *t)
{
    if (take_address(t, thread_meant()))
        go_on();
    else
        reply_error(REPLY_MALFORMED);
}

static void step_at(struct gdb_text *t)
{
    uint32_t thread = thread_or_stopped(stepped_thread);
    if (take_address(t, thread))
        go_one_step(thread, 0, 0);
    else
        reply_error(REPLY_MALFORMED);
}

/* The signal means nothing to a thread here. */
static void step_with_signal(struct gdb_text *t)
{
    uint32_t ignored;
    if (!gdb_text_number(t, &ignored) || (gdb_text_left(t) > 0 && !gdb_text_take(t, ';')))
        reply_error(REPLY_MALFORMED);
    else
        step_at(t);
}

static void vcont_query(struct gdb_text *t)
{
    (void)t;
    reply_text("vCont;c;C;s;S;r");
}

/* What one action of vCont asks for. */
struct action {
    bool steps;
    uint32_t start, end;
    uint32_t thread; /* 0: whichever */
};

static bool take_verb(struct gdb_text *t, struct action *a)
{
    uint32_t ignored;
    if (gdb_text_take(t, 'C'))
        return gdb_text_number(t, &ignored);
    if (gdb_text_take(t, 'c'))
        return true;
    a->steps = true;
    if (gdb_text_take(t, 'S'))
        return gdb_text_number(t, &ignored);
    if (gdb_text_take(t, 'r'))
        return gdb_text_number(t, &a->start) && gdb_text_take(t, ',') &&
               gdb_text_number(t, &a->end);
    return gdb_text_take(t, 's');
}

/* ";c", ";C05", ";s", ";r1000,1010", each for all threads or one. */
static bool take_action(struct gdb_text *t, struct action *a)
{
    *a = (struct action){.steps = false};
    if (!gdb_text_take(t, ';') || !take_verb(t, a))
        return false;
    if (!gdb_text_take(t, ':'))
        return true;
    return gdb_text_take_word(t, "-1") || gdb_text_number(t, &a->thread);
}

/* The machine goes on as a whole; of the actions only the first that steps says anything. */
static void vcont(struct gdb_text *t)
{
    struct action a, step = {.steps = false};
    do {
        if (!take_action(t, &a)) {
            reply_error(REPLY_MALFORMED);
            return;
        }
        step = step.steps ? step : a;
    } while (gdb_text_left(t) > 0);
    if (step.steps)
        go_one_step(thread_or_stopped(step.thread), step.start, step.end);
    else
        go_on();
}

/* ---- registers ---- */

static void read_registers(struct gdb_text *t)
{
    (void)t;
    for (uint32_t i = 0; i < REGISTERS_IN_G; i++)
        reply_word(registers_get(thread_meant(), i));
}

static bool take_word(struct gdb_text *t, word_t *value)
{
    uint8_t bytes[4];
    if (gdb_text_left(t) < 2 * sizeof(bytes) || !gdb_hex_get(t->at, sizeof(bytes), bytes))
        return false;
    t->at += 2 * sizeof(bytes);
    *value = get_le32(bytes);
    return true;
}

static void write_registers(struct gdb_text *t)
{
    word_t value[REGISTERS_IN_G];
    for (uint32_t i = 0; i < REGISTERS_IN_G; i++)
        if (!take_word(t, &value[i])) {
            reply_error(REPLY_MALFORMED);
            return;
        }
    for (uint32_t i = 0; i < REGISTERS_IN_G; i++)
        registers_set(thread_meant(), i, value[i]);
    reply_ok();
}

/* gdb's number to the place in the g packet. */
static bool register_place(uint32_t number, uint32_t *i)
{
    if (number >= REGISTERS_CORE && number != REGISTERS_CPSR)
        return false;
    *i = number < REGISTERS_CORE ? number : (uint32_t)REGISTERS_CORE;
    return true;
}

static void read_register(struct gdb_text *t)
{
    uint32_t number, i;
    if (!gdb_text_number(t, &number))
        reply_error(REPLY_MALFORMED);
    else if (!register_place(number, &i))
        reply_error(REPLY_NO_REGISTER);
    else
        reply_word(registers_get(thread_meant(), i));
}

static void write_register(struct gdb_text *t)
{
    uint32_t number, i;
    word_t value;
    if (!gdb_text_number(t, &number) || !gdb_text_take(t, '=') || !take_word(t, &value)) {
        reply_error(REPLY_MALFORMED);
    } else if (!register_place(number, &i)) {
        reply_error(REPLY_NO_REGISTER);
    } else {
        registers_set(thread_meant(), i, value);
        reply_ok();
    }
}

/* ---- memory ---- */

static uint8_t bytes[GDB_PACKET_DATA] __attribute__((aligned(8)));

static bool take_range(struct gdb_text *t, uint32_t *addr, uint32_t *len)
{
    return gdb_text_number(t, addr) && gdb_text_take(t, ',') && gdb_text_number(t, len);
}

static void read_memory(struct gdb_text *t)
{
    uint32_t addr, len;
    if (!take_range(t, &addr, &len)) {
        reply_error(REPLY_MALFORMED);
        return;
    }
    uint32_t n =
        memory_read(thread_meant(), addr, bytes, len < MEMORY_MAX ? len : (uint32_t)MEMORY_MAX);
    if (n == 0 && len != 0)
        reply_error(REPLY_NO_MEMORY);
    else
        reply_hex(bytes, n);
}

static void write_bytes(uint32_t addr, uint32_t len)
{
    if (memory_write(thread_meant(), addr, bytes, len))
        reply_ok();
    else
        reply_error(REPLY_NO_MEMORY);
}

static void write_memory(struct gdb_text *t)
{
    uint32_t addr, len;
    if (!take_range(t, &addr, &len) || !gdb_text_take(t, ':') || len > sizeof(bytes) ||
        gdb_text_left(t) != 2 * len || !gdb_hex_get(t->at, len, bytes))
        reply_error(REPLY_MALFORMED);
    else
        write_bytes(addr, len);
}

static void write_binary(struct gdb_text *t)
{
    uint32_t addr, len;
    if (!take_range(t, &addr, &len) || !gdb_text_take(t, ':') || gdb_text_left(t) != len) {
        reply_error(REPLY_MALFORMED);
        return;
    }
    memcpy(bytes, t->at, len);
    write_bytes(addr, len);
}

static void checksum(struct gdb_text *t)
{
    uint32_t addr, len, crc;
    if (!take_range(t, &addr, &len))
        reply_error(REPLY_MALFORMED);
    else if (!memory_crc(thread_meant(), addr, len, &crc))
        reply_error(REPLY_NO_MEMORY);
    else
        reply_text("C%x", crc);
}

/* ---- the whole state ---- */

static void send_frame(const uint8_t *frame, uint32_t len)
{
    reply_begin();
    reply_char(NULL, 'm');
    for (uint32_t i = 0; i < len; i++)
        reply_char(NULL, (char)frame[i]);
    stub_send();
}

/* Of capscope's own: all records, packed, in the frames of a serial line (wire/frame.h), one in
 * each packet behind an 'm', and an 'l' at the end.  To read the memory of a state by `m` takes a
 * hundred times as many bytes. */
static void snapshot(struct gdb_text *t)
{
    struct objwalk *w = view_walk_quiet();
    (void)t;
    enum error e = w ? wire_snapshot_to(w, send_frame) : ERR_NO_ROOTS;
    reply_begin();
    if (e == ERR_OK)
        reply_text("l");
    else
        reply_error(REPLY_NO_MEMORY);
}

/* Of capscope's own: who stops the kernel for a look, and may be killed, says for how long. */
static void lease(struct gdb_text *t)
{
    uint32_t seconds;
    if (!gdb_text_number(t, &seconds)) {
        reply_error(REPLY_MALFORMED);
        return;
    }
    stub_lease(seconds);
    reply_ok();
}

/* Where kernel_roots lies, whatever somebody wrote there: a search takes thousands of packets. */
static void roots(struct gdb_text *t)
{
    (void)t;
    if (debug_roots_at == 0)
        reply_error(REPLY_NO_MEMORY);
    else
        reply_text("m%x", debug_roots_at);
}

/* ---- breakpoints ---- */

static void set_breakpoint(struct gdb_text *t)
{
    uint32_t addr, size;
    if (!take_range(t, &addr, &size)) {
        reply_error(REPLY_MALFORMED);
        return;
    }
    switch (breakpoints_set(addr, size)) {
    case BREAKPOINTS_OK:
        reply_ok();
        return;
    case BREAKPOINTS_NOWHERE:
        reply_error(REPLY_NO_MEMORY);
        return;
    case BREAKPOINTS_REFUSED:
        stub_say("no breakpoint at 0x%08x: not kernel code, or code that the stub depends on",
                 addr);
        reply_error(REPLY_NO_MEMORY);
        return;
    case BREAKPOINTS_FULL:
        stub_say("no room for more than %u breakpoints", (uint32_t)BREAKPOINTS_MAX);
        reply_error(REPLY_NO_ROOM);
        return;
    }
}

static void unset_breakpoint(struct gdb_text *t)
{
    uint32_t addr, size;
    if (!take_range(t, &addr, &size)) {
        reply_error(REPLY_MALFORMED);
        return;
    }
    breakpoints_unset(addr);
    reply_ok();
}

/* ---- threads ---- */

static void set_general_thread(struct gdb_text *t)
{
    uint32_t id = 0;
    if (!gdb_text_take_word(t, "-1") && !gdb_text_number(t, &id)) {
        reply_error(REPLY_MALFORMED);
    } else if (id != 0 && !threads_exists(id)) {
        reply_error(REPLY_NO_THREAD);
    } else {
        general_thread = id;
        reply_ok();
    }
}

/* Which thread `s` steps; go on all do. */
static void set_continue_thread(struct gdb_text *t)
{
    uint32_t id = 0;
    if (!gdb_text_take_word(t, "-1") && !gdb_text_number(t, &id)) {
        reply_error(REPLY_MALFORMED);
        return;
    }
    stepped_thread = id;
    reply_ok();
}

static void thread_alive(struct gdb_text *t)
{
    uint32_t id;
    if (gdb_text_number(t, &id) && threads_exists(id))
        reply_ok();
    else
        reply_error(REPLY_NO_THREAD);
}

static void current_thread_id(struct gdb_text *t)
{
    (void)t;
    reply_text("QC%x", stub_stop_thread());
}

static void next_threads(struct gdb_text *t)
{
    (void)t;
    uint32_t count = threads_count(), n = 0;
    if (listed >= count) {
        reply_text("l");
        return;
    }
    for (; listed < count && n < IDS_IN_PACKET; listed++, n++)
        reply_text("%s%x", n == 0 ? "m" : ",", threads_at(listed));
}

static void first_threads(struct gdb_text *t)
{
    listed = 0;
    next_threads(t);
}

static void put_hex_char(void *ctx, char c)
{
    (void)ctx;
    reply_hex(&c, 1);
}

static void thread_extra_info(struct gdb_text *t)
{
    uint32_t id;
    if (!gdb_text_number(t, &id) || !threads_exists(id)) {
        reply_error(REPLY_NO_THREAD);
        return;
    }
    threads_name(id, put_hex_char, NULL);
    format_to(put_hex_char, NULL, ": ");
    threads_describe(id, put_hex_char, NULL);
}

/* ---- monitor ---- */

static void say_to_gdb(const char *text)
{
    for (; *text != '\0'; text++)
        stub_text(NULL, *text);
    stub_text_end();
}

/* `step`, `finish` and `continue` mean to leave this stop, which is gdb's to end. */
static void command(struct gdb_text *t)
{
    static char line[COMMAND_MAX + 1];
    uint32_t len = gdb_text_left(t) / 2;
    if (len > COMMAND_MAX || gdb_text_left(t) != 2 * len ||
        !gdb_hex_get(t->at, len, (uint8_t *)line)) {
        say_to_gdb("this command is too long or not hexadecimal\n");
        reply_begin();
        reply_ok();
        return;
    }
    line[len] = '\0';
    monitor_execute(line, stub_text, NULL);
    stub_text_end();
    if (debug_will_change()) {
        debug_stay();
        say_to_gdb("now let gdb continue\n");
    }
    reply_begin();
    reply_ok();
}

/* ---- the table ---- */

static void nothing(struct gdb_text *t)
{
    (void)t;
}

static const struct packet {
    const char *word;
    bool whole; /* nothing may follow */
    void (*run)(struct gdb_text *t);
} packets[] = {
    {"?", true, stop_reason},
    {"g", true, read_registers},
    {"G", false, write_registers},
    {"p", false, read_register},
    {"P", false, write_register},
    {"m", false, read_memory},
    {"M", false, write_memory},
    {"X", false, write_binary},
    {"Z0,", false, set_breakpoint},
    {"z0,", false, unset_breakpoint},
    {"c", false, continue_at},
    {"s", false, step_at},
    {"S", false, step_with_signal},
    {"Hg", false, set_general_thread},
    {"Hc", false, set_continue_thread},
    {"T", false, thread_alive},
    {"D", false, detach},
    {"k", true, kill},
    {"vKill;", false, kill_answered},
    {"vCont?", true, vcont_query},
    {"vCont", false, vcont},
    {"vMustReplyEmpty", true, nothing},
    {"qSupported", false, supported},
    {"QStartNoAckMode", true, start_no_ack_mode},
    {"qXfer:", false, xml_answer},
    {"qAttached", false, attached},
    {"qCRC:", false, checksum},
    {"qC", true, current_thread_id},
    {"qfThreadInfo", true, first_threads},
    {"qsThreadInfo", true, next_threads},
    {"qThreadExtraInfo,", false, thread_extra_info},
    {"qRcmd,", false, command},
    {"qCapscope.snapshot", true, snapshot},
    {"qCapscope.roots", true, roots},
    {"QCapscope.lease:", false, lease},
};
enum { PACKETS = sizeof(packets) / sizeof(packets[0]) };

bool packets_handle(const struct gdb_decoder *d)
{
    silent = false;
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct gdb_text t = gdb_text_of(d);
        if (!gdb_text_take_word(&t, packets[i].word) || (packets[i].whole && gdb_text_left(&t) > 0))
            continue;
        packets[i].run(&t);
        return !silent;
    }
    return true;
}
