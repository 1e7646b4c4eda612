/* Frames from a program.  Those that come while a command runs wait in a small queue, each with its
 * number, so that none is mistaken for another; what finds no room is lost, and its program hears
 * nothing of it before its deadline. */
#include "monitor/machine.h"

#include "lib/bytes.h"
#include "monitor/console.h"
#include "monitor/door/door.h"
#include "monitor/lease.h"
#include "monitor/monitor.h"
#include "monitor/out.h"
#include "monitor/stop.h"
#include "monitor/wire_out.h"
#include "wire/machine.h"

enum { WAITING_MAX = 4 };

struct waiting {
    uint32_t id;
    char line[MACHINE_LINE_MAX + 1];
};

static struct {
    struct frame_decoder decoder;
    struct waiting waiting[WAITING_MAX];
    uint32_t first;
    uint32_t used;
    uint32_t running; /* number of the command that is executed, 0: none */
    bool cancelled;
    bool there;
} m;

void machine_init(void)
{
    frame_decoder_init(&m.decoder);
    m.decoder.kinds = 1u << FRAME_COMMAND | 1u << FRAME_CANCEL;
}

bool machine_is_there(void)
{
    return m.there;
}

void machine_leaves(void)
{
    m.there = false;
}

/* ---- in ---- */

static struct waiting *waiting_at(uint32_t i)
{
    return &m.waiting[(m.first + i) % WAITING_MAX];
}

static void take_command(void)
{
    uint32_t len = m.decoder.payload_len - MACHINE_ID_BYTES;
    if (m.used == WAITING_MAX || len > MACHINE_LINE_MAX)
        return;
    struct waiting *w = waiting_at(m.used++);
    w->id = get_le32(m.decoder.payload);
    memcpy(w->line, m.decoder.payload + MACHINE_ID_BYTES, len);
    w->line[len] = '\0';
}

/* Of one that waits nothing is left but its number: it is answered as one that failed. */
static void cancel(uint32_t id)
{
    m.cancelled |= id != 0 && id == m.running;
    for (uint32_t i = 0; i < m.used; i++)
        if (waiting_at(i)->id == id)
            memcpy(waiting_at(i)->line, "?", sizeof("?"));
}

static void take_frame(void)
{
    if (m.decoder.payload_len < MACHINE_ID_BYTES)
        return;
    m.there = true;
    if (m.decoder.kind == FRAME_COMMAND)
        take_command();
    else
        cancel(get_le32(m.decoder.payload));
}

bool machine_hear(uint8_t byte)
{
    enum frame_event event = frame_decoder_put(&m.decoder, byte);
    if (event == FRAME_READY)
        take_frame();
    return event != FRAME_TEXT;
}

bool machine_cancelled(void)
{
    bool cancelled = m.cancelled;
    m.cancelled = false;
    return cancelled;
}

/* ---- the state ---- */

static struct {
    uint8_t bytes[MACHINE_STATE_BYTES + MACHINE_SENTENCE_MAX];
    uint32_t used;
} state;

static void sentence_put(void *ctx, char c)
{
    (void)ctx;
    if (state.used < sizeof(state.bytes))
        state.bytes[state.used++] = (uint8_t)c;
}

static uint32_t armed(void)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < BREAK_CONDITIONS; i++)
        mask |= (uint32_t)(debug_control.condition[i].enabled != 0) << i;
    return mask;
}

/* Of the stop, on whichever line somebody looks; 0: it lasts. */
static uint32_t lease(void)
{
    return lease_is_on(&lease_of_stop) ? lease_of_stop.seconds : lease_of_gdb.seconds;
}

static uint32_t flags(void)
{
    return (debug_is_stopped() ? (uint32_t)MACHINE_STOPPED : 0) |
           (debug_has_panicked() ? (uint32_t)MACHINE_PANICKED : 0) |
           (debug_is_stopped() && lease() ? (uint32_t)MACHINE_LEASED : 0) |
           (debug_control.trace ? (uint32_t)MACHINE_TRACE : 0) |
           (wire_live_is_on() ? (uint32_t)MACHINE_LIVE : 0);
}

static uint32_t reason(void)
{
    static const uint8_t reasons[] = {
        [STOP_CONDITION] = MACHINE_CONDITION,   [STOP_STEP] = MACHINE_STEP,
        [STOP_FINISH] = MACHINE_FINISH,         [STOP_HALT] = MACHINE_HALT,
        [STOP_PROGRAM] = MACHINE_PROGRAM,       [STOP_PANIC] = MACHINE_PANIC,
        [STOP_BREAKPOINT] = MACHINE_BREAKPOINT,
    };
    return debug_is_stopped() ? reasons[debug_stop_reason()] : (uint32_t)MACHINE_RUNS;
}

static struct machine_state state_now(void)
{
    bool at_event = debug_is_stopped() && debug_control.current.seq != 0;
    bool at_condition = debug_is_stopped() && debug_control.stop_condition < BREAK_CONDITIONS;
    return (struct machine_state){
        .flags = flags(),
        .reason = reason(),
        .condition = at_condition ? debug_control.stop_condition + 1 : 0,
        .armed = armed(),
        .lease = lease(),
        .events = debug_trace.ring.head,
        .thread = ks.current != 0 ? paddr_from_kaddr(ks.current) : 0,
        .event = at_event ? debug_control.current.seq : 0,
        .slot = at_event && debug_control.current.slot != 0
                    ? paddr_from_kaddr(debug_control.current.slot)
                    : 0,
    };
}

void machine_tell_state(void)
{
    struct machine_state s = state_now();
    machine_state_put(&s, state.bytes);
    state.used = MACHINE_STATE_BYTES;
    if (debug_is_stopped()) {
        out_begin(sentence_put, NULL, NULL);
        stop_describe(debug_stop_reason(), debug_stop_sentence());
        out_end();
    }
    wire_send(FRAME_STATE, state.bytes, state.used);
}

/* ---- out ---- */

void machine_ends(enum error result)
{
    if (m.running != 0)
        machine_tell_state();
    wire_reply_end(result);
    m.running = 0;
    lease_renew_all(); /* a long answer is no silence */
}

static void execute(const struct waiting *w, bool (*interrupted)(void))
{
    m.running = w->id;
    m.cancelled = false;
    wire_answer_begin(w->id);
    machine_ends(monitor_execute_serial(w->line, wire_reply_char, NULL, interrupted));
}

void machine_serve(bool (*interrupted)(void))
{
    static struct waiting now;
    while (m.used > 0 && !debug_will_change()) {
        now = m.waiting[m.first];
        m.first = (m.first + 1) % WAITING_MAX;
        m.used--;
        execute(&now, interrupted);
    }
}
