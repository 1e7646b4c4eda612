/* The console on UART1.
 *
 * Three writers share the line: programs (DebugPutChar), the monitor, and frames. Text is kept
 * apart by lines: whoever begins to write while a prompt or half a line of another stands there
 * starts a new line. What is typed while a program is in the middle of a line waits until the line
 * has ended or its writer has paused, so that the echo does not tear it. The prompt is shown once
 * somebody types, and again at the next key after it was disturbed, so a machine that nobody talks
 * to prints only what its programs print.
 *
 * While a command runs its output asks for ^C now and then; other bytes that come meanwhile wait
 * in a small queue. Text that programs print without end listens to the line as well: its input
 * has room for one byte or a few. Programs at the other end speak in frames (machine.c). */
#include "monitor/console.h"

#include "kernel/board.h"
#include "monitor/door/door.h"
#include "monitor/editor.h"
#include "monitor/lease.h"
#include "monitor/machine.h"
#include "monitor/monitor.h"
#include "monitor/out.h"
#include "monitor/stop.h"
#include "monitor/view.h"
#include "monitor/wire_out.h"

enum {
    TYPED_AHEAD = 256,
    CTRL_C = 3,
    LISTEN_EVERY = 32, /* characters of text */
    LISTEN_BYTES = 64,
    PAUSE_TICKS = 50, /* 100 ms without a character: the program waits for something */
    WAIT_TICKS = 150, /* 300 ms: nobody waits longer for a line that does not end */
};

static struct {
    struct editor editor;
    bool middle;    /* the cursor is not at the beginning of a line */
    bool prompted;  /* prompt and half-typed line are the last thing on the line */
    bool lost;      /* bytes came that the queue could not take */
    bool open;      /* a program is in the middle of a line, */
    word_t wrote;   /* and wrote last at this tick */
    word_t waits;   /* the first byte in the queue came at this tick */
    bool executing; /* a command: ^C ends its output */
    bool cancelled;
    uint32_t unheard; /* characters of text since the line was listened to */
    uint8_t ahead[TYPED_AHEAD];
    uint32_t ahead_first;
    uint32_t ahead_used;
} con;

static void listen(void);

void console_char(void *ctx, char c)
{
    (void)ctx;
    if (debug_line_is_lent()) {
        gdbstub_port.guest_text(c);
        return;
    }
    wire_finish_frame();
    con.middle = c != '\n';
    if (c == '\n')
        board_serial_put(MONITOR_LINE, '\r');
    if (c == '\0') {
        board_serial_put(MONITOR_LINE, '^');
        c = '@';
    }
    board_serial_put(MONITOR_LINE, (uint8_t)c);
    if (++con.unheard >= LISTEN_EVERY)
        listen();
}

static void text(const char *s)
{
    for (; *s != '\0'; s++)
        console_char(NULL, *s);
}

static void fresh_line(void)
{
    con.open = false;
    if (con.middle)
        console_char(NULL, '\n');
}

void console_message(void)
{
    fresh_line();
    con.prompted = false;
}

/* A program's character (ABI sheet, section 2). */
void debug_console(char c)
{
    if (con.prompted)
        console_message();
    console_char(NULL, c);
    con.open = c != '\n';
    con.wrote = ks.ticks;
}

/* While the kernel stands no program goes on. */
static bool line_is_programs(void)
{
    return con.open && !debug_is_stopped() && !debug_line_is_lent() &&
           ks.ticks - con.wrote < PAUSE_TICKS && ks.ticks - con.waits < WAIT_TICKS;
}

static void show_prompt(void)
{
    if (debug_line_is_lent())
        return;
    fresh_line();
    text(debug_is_stopped() ? "stopped> " : "capscope> ");
    text(con.editor.line);
    con.prompted = true;
}

/* ---- input while a command runs ---- */

static void ahead_put(uint8_t byte)
{
    if (con.ahead_used == TYPED_AHEAD) {
        con.lost = true;
        return;
    }
    if (con.ahead_used == 0)
        con.waits = ks.ticks;
    con.ahead[(con.ahead_first + con.ahead_used++) % TYPED_AHEAD] = byte;
}

static uint8_t ahead_get(void)
{
    uint8_t byte = con.ahead[con.ahead_first];
    con.ahead_first = (con.ahead_first + 1) % TYPED_AHEAD;
    con.ahead_used--;
    return byte;
}

/* ^C takes back what was typed before it too. */
static void hear(uint8_t byte)
{
    lease_renew_all();
    if (!debug_line_is_lent() && machine_hear(byte))
        return;
    if (byte != CTRL_C || !con.executing) {
        ahead_put(byte);
        return;
    }
    con.ahead_used = 0;
    con.cancelled = true;
}

static void listen(void)
{
    con.unheard = 0;
    for (int n = 0; n < LISTEN_BYTES; n++) {
        int byte = board_serial_get(MONITOR_LINE);
        if (byte < 0)
            return;
        hear((uint8_t)byte);
    }
}

/* Has whoever reads the output had enough of it? */
static bool interrupted(void)
{
    listen();
    return machine_cancelled() || con.cancelled;
}

/* ---- lines ---- */

static void execute(const char *line)
{
    while (*line == ' ')
        line++;
    con.executing = true;
    con.cancelled = false;
    if (*line == '@') {
        wire_reply_begin();
        wire_reply_end(monitor_execute_serial(line + 1, wire_reply_char, NULL, interrupted));
    } else {
        monitor_execute_serial(line, console_char, NULL, interrupted);
    }
    con.executing = false;
}

static void line_done(void)
{
    static char line[EDITOR_LINE + 1];
    memcpy(line, con.editor.line, sizeof(line));
    editor_clear(&con.editor);
    con.prompted = false;
    execute(line);
    lease_renew_all(); /* a long answer is no silence */
}

/* Has nothing been typed on this line but gdb's acknowledgements? */
static bool line_is_blank(void)
{
    const char *p = con.editor.line;
    while (*p == '+')
        p++;
    return *p == '\0';
}

/* A gdb packet begins where a command would: the line is gdb's until the stub gives it back. */
static bool packet_begins(uint8_t byte)
{
    if (byte != '$' || !line_is_blank() || !debug_line_lend())
        return false;
    editor_clear(&con.editor);
    con.prompted = false;
    con.middle = true;
    wire_live(NULL, false, 0);
    return true;
}

static void take(uint8_t byte)
{
    if (debug_line_is_lent() || packet_begins(byte)) {
        gdbstub_port.guest_input(byte);
        return;
    }
    if (editor_is_second_byte(&con.editor, byte)) {
        editor_put(&con.editor, byte);
        return;
    }
    machine_leaves();
    if (!con.prompted)
        show_prompt();
    switch (editor_put(&con.editor, byte)) {
    case EDITOR_MORE:
        return;
    case EDITOR_DONE:
        line_done();
        break;
    case EDITOR_TOO_LONG:
        format_to(console_char, NULL, "line too long: more than %u characters; ignored\n",
                  (uint32_t)EDITOR_LINE);
        break;
    case EDITOR_CANCEL:
    case EDITOR_REDRAW:
        break;
    }
    if (!debug_will_change())
        show_prompt();
}

static void serve(void)
{
    machine_serve(interrupted);
    while (con.ahead_used > 0 && !debug_will_change() && !line_is_programs())
        take(ahead_get());
}

static void console_input(uint8_t byte)
{
    hear(byte);
    serve();
    if (con.lost) {
        con.lost = false;
        console_message();
        text("input was lost: wait for the prompt before sending more\n");
    }
}

/* ---- the port ---- */

static void console_init(void)
{
    const struct objwalk *w = view_walk_quiet();
    machine_init();
    editor_init(&con.editor, console_char, NULL);
    format_to(console_char, NULL, "capscope %s, debug build; type help\n", w ? w->roots.build : "");
}

static void console_idle(void)
{
    serve();
    wire_live_idle();
    if (!debug_is_stopped() || debug_will_change() || !lease_ran_out(&lease_of_stop))
        return;
    machine_leaves();
    console_message();
    text("this line has been silent for as long as the kernel was to stand; it goes on\n");
    debug_resume();
}

/* gdb tells its user of its own breakpoints; a console that repeats each would drown in steps. */
static bool is_gdbs_own(enum debug_reason reason)
{
    if (reason != STOP_BREAKPOINT && !debug_line_is_lent())
        return false;
    if (con.prompted)
        console_message();
    return true;
}

static void console_stopped(enum debug_reason reason, const char *sentence)
{
    if (machine_is_there()) {
        machine_tell_state();
        return;
    }
    if (is_gdbs_own(reason))
        return;
    console_message();
    out_begin(console_char, NULL, NULL);
    stop_describe(reason, sentence);
    out_end();
    show_prompt();
}

/* A step comes to its stop at once and shows the prompt there. */
static void console_resumed(void)
{
    lease_end(&lease_of_stop);
    if (machine_is_there()) {
        machine_tell_state();
        return;
    }
    if (is_gdbs_own(debug_stop_reason()))
        return;
    console_message();
    if (debug_control.step == 0 && !debug_control.finish)
        show_prompt();
}

static void say_failure(const char *what)
{
    out("the debugger met an exception of its own and gave this up:\n%s\n", what);
    out("the kernel is as it was; `audit` tells what of its data is broken\n");
    out_end();
}

/* A command was cut short; who waits for its answer gets one. */
static void console_failed(const char *what)
{
    wire_abandon();
    wire_live(NULL, false, 0);
    editor_clear(&con.editor);
    con.prompted = false;
    con.executing = false;
    if (wire_reply_is_open()) {
        out_begin(wire_reply_char, NULL, NULL);
        say_failure(what);
        machine_ends(ERR_CORRUPT);
    } else {
        console_message();
        out_begin(console_char, NULL, NULL);
        say_failure(what);
    }
    lease_renew_all();
    if (!machine_is_there())
        show_prompt();
}

const struct debug_port monitor_port = {
    .line = MONITOR_LINE,
    .init = console_init,
    .input = console_input,
    .idle = console_idle,
    .stopped = console_stopped,
    .resumed = console_resumed,
    .failed = console_failed,
};
