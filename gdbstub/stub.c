/* The session with one gdb.
 *
 *              '$'                 packet                 c
 *   running --------> knocking ---------------> stands ------> running, gdb waits
 *      ^                 |                        | ^              |
 *      |   2 s: nothing  |          D, k, (CR)    | +---- stop ----+
 *      +-----------------+------------------------+
 *
 * A client that says so (QCapscope.lease) holds the kernel only as long as it speaks: then it is over
 * with its session, and told so with its next packet.
 *
 * Bytes that come while a stop or its end is due wait in a queue, so a packet is only ever
 * acted on while the kernel stands. Any other byte to the running kernel, but ^C, is noise. */
#include "gdbstub/stub.h"

#include "gdbstub/breakpoints.h"
#include "gdbstub/memory.h"
#include "gdbstub/packets.h"
#include "gdbstub/planted.h"
#include "gdbstub/registers.h"
#include "gdbstub/reply.h"
#include "gdbstub/step.h"
#include "gdbstub/threads.h"
#include "kernel/armv6/offsets.h"
#include "kernel/board.h"
#include "monitor/console.h"
#include "monitor/door/door.h"
#include "monitor/lease.h"
#include "monitor/out.h"
#include "monitor/stop.h"
#include "monitor/wire_out.h"

enum {
    STUB_LINE = 1, /* UART2 */
    AHEAD = 256,
    TEXT_MAX = 256,
    PACKET_SIZE_BAD = 256, /* over a line that damages one byte in 1000, three in four come whole */
    KNOCK_TICKS = 2 * DEBUG_TICKS_A_SECOND, /* for the rest of a packet */
    SIGNAL_INT = 2,
    SIGNAL_TRAP = 5,
    SIGNAL_ABORT = 6,
    MODE_MASK = 0x1f,
};

static struct {
    struct gdb_decoder decoder;
    uint8_t wire[GDB_PACKET_RAW_MAX]; /* the last packet sent, for gdb to ask again */
    uint32_t wire_length;
    uint8_t ahead[AHEAD];
    uint32_t ahead_first;
    uint32_t ahead_used;

    unsigned line; /* where gdb is, or where the next packet is expected */
    bool open;     /* a gdb has spoken and not left */
    bool no_acks;
    bool swbreak;
    bool serving;     /* a packet is being acted on: its answer is due */
    bool waiting;     /* gdb waits for a stop */
    const char *over; /* the session ends with the present packet: why */
    uint32_t bad;     /* damaged packets in this session */
    uint32_t naks;    /* the same, as gdb saw it */
    bool bad_line;    /* there were some in the session before */
    bool two_lines;   /* it has been said that the other line is ignored */

    uint32_t lease; /* seconds for which each stop for gdb's sake is made, 0: for good */
    bool lapsed;    /* the session before ended by silence, and its client has not been told yet */
    bool asked;     /* the stop, or the one that is due, is one for gdb's sake */
    bool knocking;  /* the kernel stands, or will, for a packet that is not complete */
    bool was_waiting;
    word_t knock_time;

    bool passed; /* a breakpoint was met by the debugger itself: plant them again */
    bool at_breakpoint;
    struct trap_frame *trap; /* the kernel's registers if it met a breakpoint */
    uint32_t thread;         /* that the last stop is about */
    uint32_t signal;

    char text[TEXT_MAX];
    uint32_t text_used;
} s;

/* ---- out ---- */

static void packet_send(void)
{
    board_serial_write(s.line, s.wire, s.wire_length);
}

void stub_send(void)
{
    s.wire_length = gdb_packet_encode('$', reply.data, reply.length, s.wire, sizeof(s.wire));
    packet_send();
}

void stub_say(const char *fmt, ...)
{
    va_list args;
    console_message();
    format_to(console_char, NULL, "gdb: ");
    va_start(args, fmt);
    format_vto(console_char, NULL, fmt, args);
    va_end(args);
    console_char(NULL, '\n');
}

void stub_text_end(void)
{
    if (s.text_used == 0)
        return;
    reply_begin();
    reply_char(NULL, 'O');
    reply_hex(s.text, s.text_used);
    s.text_used = 0;
    stub_send();
}

void stub_text(void *ctx, char c)
{
    (void)ctx;
    s.text[s.text_used++] = c;
    if (c == '\n' || s.text_used == TEXT_MAX)
        stub_text_end();
}

/* Console text while the line is gdb's: shown by gdb while it waits, else nobody can be told. */
static void stub_guest_text(char c)
{
    if (s.waiting)
        stub_text(NULL, c);
}

/* ---- the session ---- */

void stub_begin(bool swbreak)
{
    s.no_acks = false;
    s.swbreak = swbreak;
    s.bad_line = s.bad > 0 || s.naks > 0;
    s.bad = s.naks = 0;
    s.two_lines = false;
    breakpoints_unset_all();
}

uint32_t stub_packet_size(void)
{
    return s.bad_line ? (uint32_t)PACKET_SIZE_BAD : (uint32_t)GDB_PACKET_DATA;
}

void stub_stop_acks(void)
{
    s.no_acks = true;
}

void stub_continue(void)
{
    if (debug_has_panicked()) {
        step_end();
        const char *text = "the kernel has panicked and does not go on\n";
        for (; *text != '\0'; text++)
            stub_text(NULL, *text);
        reply_begin();
        stub_write_stop();
        stub_send();
        return;
    }
    s.waiting = true;
    debug_resume();
}

void stub_end(const char *why)
{
    s.over = why;
}

static void session_close(const char *why)
{
    s.over = NULL;
    s.open = false;
    s.no_acks = false;
    s.waiting = false;
    s.knocking = false;
    breakpoints_unset_all();
    step_end();
    gdb_decoder_init(&s.decoder, false);
    if (debug_line_is_lent())
        debug_line_return();
    s.line = STUB_LINE;
    s.lease = 0;
    lease_end(&lease_of_gdb);
    stub_say("%s", why);
}

/* Later stops of the session are leased from their first moment on: a client may be killed before it
 * could say so again. */
void stub_lease(uint32_t seconds)
{
    if (seconds == 0) {
        lease_end(&lease_of_gdb);
    } else if (seconds <= LEASE_SECONDS_MAX) {
        s.lease = seconds;
        if (s.asked)
            lease_begin(&lease_of_gdb, seconds);
    }
}

uint32_t stub_stop_thread(void)
{
    return s.thread;
}

/* Whoever comes to a machine that others have halted must not take that for the work of its own ^C,
 * and let the machine go on when it leaves. */
void stub_write_found(void)
{
    if (s.signal == SIGNAL_INT && !s.asked)
        s.signal = SIGNAL_TRAP;
    stub_write_stop();
}

void stub_write_stop(void)
{
    reply_text("T%02x", s.signal);
    if (s.at_breakpoint && s.swbreak)
        reply_text("swbreak:;");
    reply_text("thread:%x;", s.thread);
}

/* ---- in ---- */

/* A session that ended without a word left gdb's next one to begin in whatever mode it was. */
static bool introduces_itself(void)
{
    struct gdb_text t = gdb_text_of(&s.decoder);
    return gdb_text_take_word(&t, "qSupported");
}

/* The first packets of those who come. */
static bool comes_anew(void)
{
    struct gdb_text t = gdb_text_of(&s.decoder);
    return introduces_itself() || gdb_text_take(&t, '?');
}

/* Whoever reads on where it read before the silence would take two states for one. */
static void refuse_lapsed(void)
{
    bool for_this = s.asked;
    reply_text("W00");
    stub_send();
    session_close("it comes back after it fell silent, and is told that its session is over");
    if (for_this)
        debug_resume();
}

static void packet(void)
{
    s.knocking = false;
    s.open = true;
    if (!s.no_acks || introduces_itself())
        board_serial_put(s.line, '+');
    reply_begin();
    if (introduces_itself()) { /* another client, perhaps, which did not ask for that */
        s.lease = 0;
        lease_end(&lease_of_gdb);
    }
    s.lapsed = s.lapsed && !comes_anew();
    if (s.lapsed) {
        refuse_lapsed();
        return;
    }
    s.serving = true;
    if (packets_handle(&s.decoder))
        stub_send();
    s.serving = false;
    lease_renew(&lease_of_gdb); /* a long answer is no silence */
    if (!s.over)
        return;
    session_close(s.over);
    debug_resume();
}

/* The first of a session is told, then the second, the fourth, the eighth... */
static void bad_packet(void)
{
    static const char *const faults[] = {
        [GDB_FAULT_NONE] = "it is damaged",
        [GDB_FAULT_CHECKSUM] = "its checksum is wrong",
        [GDB_FAULT_LENGTH] = "it is too long",
        [GDB_FAULT_ESCAPE] = "an escape in it is wrong",
        [GDB_FAULT_CUT] = "another began inside it",
    };
    s.bad++;
    if ((s.bad & (s.bad - 1)) == 0)
        stub_say("a packet was dropped: %s (%u so far)", faults[s.decoder.fault], s.bad);
    if (!s.no_acks)
        board_serial_put(s.line, '-');
}

static void noise(uint8_t byte)
{
    if (byte == '\r' && s.line == MONITOR_LINE)
        session_close("the line is the monitor's again");
}

static bool is_of_a_packet(uint8_t byte)
{
    return byte == '$' || gdb_decoder_is_inside(&s.decoder);
}

/* From here on, and from each byte of the packet on, silence counts. */
static void knock_began(void)
{
    s.knock_time = debug_ticks();
}

static void take(uint8_t byte)
{
    if (is_of_a_packet(byte))
        knock_began();
    switch (gdb_decoder_put(&s.decoder, byte)) {
    case GDB_PACKET:
        packet();
        return;
    case GDB_BAD:
        bad_packet();
        return;
    case GDB_NAK:
        s.naks++;
        packet_send();
        return;
    case GDB_INTERRUPT:
        if (s.lapsed) /* it would be stopped for nobody */
            return;
        s.asked |= !debug_is_stopped();
        if (!debug_is_stopped())
            debug_request_halt();
        return;
    case GDB_NOISE:
        noise(byte);
        return;
    default:
        return;
    }
}

static void knock(void)
{
    s.knocking = true;
    s.asked = true;
    s.was_waiting = s.waiting;
    s.waiting = false;
    debug_request_halt();
}

static void drain(void)
{
    while (s.ahead_used > 0 && !debug_will_change()) {
        uint8_t byte = s.ahead[s.ahead_first];
        if (!debug_is_stopped() && is_of_a_packet(byte)) {
            knock();
            return;
        }
        s.ahead_first = (s.ahead_first + 1) % AHEAD;
        s.ahead_used--;
        take(byte);
    }
}

/* What finds no room is missing from a packet, whose checksum will tell. */
static void input(uint8_t byte)
{
    lease_renew(&lease_of_gdb);
    if (s.ahead_used < AHEAD)
        s.ahead[(s.ahead_first + s.ahead_used++) % AHEAD] = byte;
    drain();
}

static void stub_input(uint8_t byte)
{
    if (s.line == STUB_LINE) {
        input(byte);
        return;
    }
    if (!s.two_lines && byte == '$') {
        s.two_lines = true;
        stub_say("attached through UART1; what comes on UART2 is ignored until it detaches");
    }
}

/* The monitor has seen the beginning of a packet on its line. */
static void stub_guest_input(uint8_t byte)
{
    if (s.line != MONITOR_LINE && (s.open || s.knocking)) {
        debug_line_return();
        stub_say("attached through UART2; this line stays the monitor's until it detaches");
        return;
    }
    s.line = MONITOR_LINE;
    input(byte);
}

/* ---- stops ---- */

static bool knock_is_over(void)
{
    return debug_ticks() - s.knock_time >= KNOCK_TICKS;
}

/* The kernel stands for something else, so it goes on standing; but a '$' that somebody typed would
 * have the monitor's line for ever, and with it the stub. On its own line the next packet ends what
 * is left of one, however long that takes. */
static void half_check(void)
{
    if (s.line != MONITOR_LINE || s.open || !gdb_decoder_is_inside(&s.decoder) || !knock_is_over())
        return;
    session_close("half a packet came and nothing more; the line is the monitor's");
}

/* Half a packet and then silence: a gdb that died, or noise. The kernel need not wait for it. */
static void knock_check(void)
{
    if (!knock_is_over())
        return;
    s.knocking = false;
    gdb_decoder_init(&s.decoder, false);
    if (s.line == MONITOR_LINE && !s.open) {
        session_close("half a packet came and nothing more; the kernel goes on");
    } else {
        stub_say("half a packet came and nothing more; the kernel goes on");
        s.waiting = s.was_waiting;
    }
    debug_resume();
}

/* It was killed, most likely: what it stopped to look at is looked at by nobody. */
static void lease_check(void)
{
    if (!lease_ran_out(&lease_of_gdb))
        return;
    session_close(
        "it has been silent for as long as the kernel was to stand for it; the kernel goes on");
    s.lapsed = true;
    debug_resume();
}

/* Where the stop found the thread that it is about. */
static uint32_t stopped_at(void)
{
    return s.trap ? s.trap->r[REG_PC] : registers_get(s.thread, REG_PC);
}

static void note_stop(enum debug_reason reason)
{
    s.signal = reason == STOP_HALT ? SIGNAL_INT : reason == STOP_PANIC ? SIGNAL_ABORT : SIGNAL_TRAP;
    bool kernel = s.trap || reason == STOP_PANIC || ks.current == 0;
    s.thread = kernel ? (uint32_t)THREAD_KERNEL : threads_id(ks.current);
    s.at_breakpoint = reason == STOP_BREAKPOINT && breakpoints_at(stopped_at());
    if (reason == STOP_PANIC && trap_frame.r[REG_PC] != 0)
        registers_kernel_at(&trap_frame);
    else
        registers_kernel_at(s.trap ? s.trap : &debug_context);
}

/* What gdb does not know by itself. */
static void describe(enum debug_reason reason, const char *sentence)
{
    if (reason == STOP_HALT || reason == STOP_BREAKPOINT)
        return;
    out_begin(stub_text, NULL, NULL);
    stop_describe(reason, sentence);
    out_end();
    stub_text_end();
}

static void stub_stopped(enum debug_reason reason, const char *sentence)
{
    planted_lift();
    threads_forget();
    note_stop(reason);
    step_end();
    knock_began();
    if (s.asked && s.lease != 0)
        lease_begin(&lease_of_gdb, s.lease);
    if (!s.waiting)
        return;
    stub_text_end();
    describe(reason, sentence);
    s.waiting = false;
    reply_begin();
    stub_write_stop();
    stub_send();
}

static void plant(void)
{
    s.passed = false;
    threads_forget();
    uint32_t missed = breakpoints_plant();
    if (missed != 0)
        stub_say("%u places of breakpoints are not set: no room for more", missed);
}

static void stub_resumed(void)
{
    s.trap = NULL;
    s.asked = false;
    lease_end(&lease_of_gdb);
    plant();
}

static void stub_idle(void)
{
    drain();
    if (debug_is_stopped() && !debug_will_change() && s.knocking)
        knock_check();
    else if (debug_is_stopped() && !debug_will_change()) {
        half_check();
        lease_check();
    }
    if (debug_is_stopped() || debug_will_change() || !(s.passed || step_goes_round()))
        return;
    step_goes_straight();
    plant();
}

/* If a packet was cut short, gdb, which waits for its answer, gets an error; if not, gdb would take
 * the error for the answer to its next packet. */
static void stub_failed(const char *what)
{
    bool asked = s.serving && !s.waiting;
    s.serving = false;
    gdb_decoder_init(&s.decoder, false);
    step_end();
    wire_abandon();
    s.text_used = 0;
    out_begin(NULL, NULL, NULL);
    out_end();
    stub_say("the stub met an exception and gave this up: %s", what);
    if (!asked)
        return;
    reply_error(REPLY_BROKEN);
    stub_send();
}

static void stub_init(void)
{
    s.line = STUB_LINE;
    gdb_decoder_init(&s.decoder, false);
}

const struct debug_port gdbstub_port = {
    .line = STUB_LINE,
    .init = stub_init,
    .input = stub_input,
    .idle = stub_idle,
    .stopped = stub_stopped,
    .resumed = stub_resumed,
    .failed = stub_failed,
    .guest_input = stub_guest_input,
    .guest_text = stub_guest_text,
};

/* ---- breakpoints that were met ---- */

/* Registers to go on with, where the exception's return finds them. Breakpoints stand again by now,
 * so this copies by itself. */
static const struct trap_frame *go_on_with(const struct trap_frame *frame)
{
    static struct trap_frame next;
    volatile word_t *to = (volatile word_t *)&next;
    const word_t *from = (const word_t *)frame;
    for (uint32_t i = 0; i < sizeof(next) / sizeof(word_t); i++)
        to[i] = from[i];
    return &next;
}

/* A place of a step that is not over: on it goes. */
static bool is_passed(uint32_t thread, kaddr_t at, uint32_t pc)
{
    enum step_event event = step_met(thread, at, pc);
    if (event == STEP_GOES_ON)
        plant();
    return event == STEP_GOES_ON;
}

/* The debugger's own code is passed through: a stop inside it would have nobody to serve it. gdb
 * may call kernel functions during a stop and meet breakpoints there, so each stop has its own
 * frame. */
const struct trap_frame *stub_kernel_breakpoint(void)
{
    struct trap_frame interrupted = trap_frame;
    trap_frame.r[REG_PC] = 0; /* it is no panic's */
    if (debug_is_busy() || out_is_open()) {
        s.passed = true;
        return go_on_with(&interrupted);
    }
    bool idle = (interrupted.cpsr & MODE_MASK) == MODE_SYS;
    if (idle)
        registers_keep_idle(&interrupted);
    else
        registers_kernel_at(&interrupted);
    if (!is_passed(idle ? threads_id(ks.current) : (uint32_t)THREAD_KERNEL, interrupted.r[REG_PC],
                   interrupted.r[REG_PC])) {
        s.trap = idle ? NULL : &interrupted;
        debug_stop(STOP_BREAKPOINT, NULL);
    }
    return go_on_with(&interrupted);
}

/* A BKPT of the program's own is a fault like any other. */
bool debug_breakpoint(vaddr_t pc, word_t fsr)
{
    kaddr_t at;
    if (!planted_is_in() || !planted_is_debug_event(fsr))
        return false;
    uint32_t thread = threads_id(ks.current);
    planted_lift();
    if (!memory_translate(threads_directory(thread), pc, &at) || !planted_at(at)) {
        planted_plant();
        return false;
    }
    if (!is_passed(thread, at, pc))
        debug_stop(STOP_BREAKPOINT, NULL);
    return true;
}
