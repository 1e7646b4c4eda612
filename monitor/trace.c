/* Commands about the trace and about whole states: trace, snapshot, audit. */
#include "monitor/capdl.h"
#include "monitor/command.h"
#include "monitor/door/door.h"
#include "monitor/out.h"
#include "monitor/text.h"
#include "monitor/view.h"
#include "monitor/wire_out.h"
#include "record/names.h"

enum { TRACE_LAST = 20 };

static enum error say_serial_only(void)
{
    out("frames go over the serial line only\n");
    return ERR_UNSUPPORTED;
}

static enum error trace_status(void)
{
    out("trace is %s, live line is %s\n", debug_control.trace ? "on" : "off",
        wire_live_is_on() ? "on" : "off");
    out("%u events so far, the last %u are kept\n", debug_trace.ring.head,
        (uint32_t)DEBUG_RING_EVENTS);
    const struct running_digest *d = &debug_trace.digest;
    if (d->kept)
        out("digest %08x%08x\n", d->sum.lane[0], d->sum.lane[1]); /* as capdb writes it */
    else if (debug_control.trace)
        out("no digest: the derivation list cannot be followed, see `audit`\n");
    return ERR_OK;
}

static enum error trace_last(struct objwalk *w, const struct args *a)
{
    uint32_t n = TRACE_LAST;
    if (a->count > 2)
        return ERR_ARGUMENT;
    enum error e = a->count > 1 ? args_number(a, 1, &n) : ERR_OK;
    if (e != ERR_OK)
        return e;
    if (n > DEBUG_RING_EVENTS)
        n = DEBUG_RING_EVENTS;
    if (n > debug_trace.ring.head)
        n = debug_trace.ring.head;
    for (word_t seq = debug_trace.ring.head - n + 1; n > 0 && !out_stopped(); n--, seq++) {
        const struct event *event = debug_ring_entry(seq);
        if (event)
            text_event(w, event);
        else
            out("#%u gap: events went by untraced", seq);
        out("\n");
    }
    return ERR_OK;
}

static enum error trace_live(struct objwalk *w, const struct args *a)
{
    uint32_t seconds = 0;
    if (args_is(a, 1, "off") && a->count == 2)
        return wire_live(w, false, 0);
    if (!args_is(a, 1, "on"))
        return ERR_ARGUMENT;
    enum error e = a->count > 2 ? command_lease(a, 2, &seconds) : ERR_OK;
    if (e != ERR_OK)
        return e;
    return command_on_serial() ? wire_live(w, true, seconds) : say_serial_only();
}

enum error command_trace(const struct args *a)
{
    struct objwalk *w = view_walk();
    if (!w)
        return ERR_NO_ROOTS;
    if (a->count == 0)
        return trace_status();
    bool alone = a->count == 1;
    if (alone && (args_is(a, 0, "on") || args_is(a, 0, "off"))) {
        debug_set_trace(args_is(a, 0, "on"));
        return trace_status();
    }
    if (args_is(a, 0, "last"))
        return trace_last(w, a);
    if (args_is(a, 0, "live"))
        return trace_live(w, a);
    if (alone && args_is(a, 0, "wire"))
        return command_on_serial() ? wire_trace(w) : say_serial_only();
    return ERR_ARGUMENT;
}

/* ---- snapshot ---- */

struct summary {
    uint32_t kinds[RECORD_KINDS];
    uint32_t caps[RECORD_CAP_TYPES];
    struct record_end end;
    uint32_t seq;
};

static enum error summary_put(void *ctx, const struct record *r)
{
    struct summary *s = ctx;
    s->kinds[r->kind]++;
    if (r->kind == RECORD_SNAPSHOT)
        s->seq = r->snapshot.seq;
    if (r->kind == RECORD_SLOT && r->slot.type < RECORD_CAP_TYPES)
        s->caps[r->slot.type]++;
    if (r->kind == RECORD_END)
        s->end = r->end;
    return out_stopped() ? ERR_STOPPED : ERR_OK;
}

static void summary_print(const struct summary *s)
{
    out("%u capabilities:", s->end.slots);
    for (uint32_t t = 1; t < RECORD_CAP_TYPES; t++)
        if (s->caps[t] != 0)
            out_piece("%u %s", s->caps[t], record_cap_name(t));
    out("\n%u threads, %u endpoints, %u notifications, %u mappings, %u irqs\n", s->end.threads,
        s->kinds[RECORD_ENDPOINT], s->kinds[RECORD_NOTIFICATION], s->end.mappings,
        s->kinds[RECORD_IRQ]);
    out("digest %08x%08x, event %u%s\n", s->end.digest0, s->end.digest1, s->seq,
        s->end.complete ? "" : "; INCOMPLETE, see `audit`");
}

static enum error snapshot_wire(struct objwalk *w, const struct args *a)
{
    bool audited = args_is(a, 1, "audit");
    if (a->count > 2 || (a->count == 2 && !audited))
        return ERR_ARGUMENT;
    if (!command_on_serial())
        return say_serial_only();
    return wire_snapshot(w, audited ? SNAPSHOT_AUDITED : SNAPSHOT_STOPPED);
}

enum error command_snapshot(const struct args *a)
{
    static struct summary s;
    struct objwalk *w = view_walk();
    if (!w)
        return ERR_NO_ROOTS;
    if (args_is(a, 0, "wire"))
        return snapshot_wire(w, a);
    if (args_is(a, 0, "capdl") && a->count == 1)
        return capdl_print();
    if (a->count > 0)
        return ERR_ARGUMENT;
    memset(&s, 0, sizeof(s));
    enum error e = objwalk_snapshot(w, SNAPSHOT_STOPPED, summary_put, &s);
    if (e == ERR_OK)
        summary_print(&s);
    view_complain(w, e);
    return e;
}

/* ---- audit ---- */

static enum error finding_put(void *ctx, const struct record *r)
{
    (void)ctx;
    if (out_stopped())
        return ERR_STOPPED;
    if (r->kind != RECORD_FINDING)
        return ERR_OK;
    if (wire_reply_is_open())
        wire_reply_record(r);
    out("0x%08x: %s", r->finding.addr, audit_rule_sentence(r->finding.rule));
    out_piece("(0x%08x, 0x%x)", r->finding.other, r->finding.value);
    out("\n");
    return ERR_OK;
}

enum error command_audit(const struct args *a)
{
    struct objwalk *w = view_walk();
    uint32_t findings = 0;
    (void)a;
    if (!w)
        return ERR_NO_ROOTS;
    enum error e = objwalk_audit(w, finding_put, NULL, &findings);
    view_complain(w, e);
    if (e != ERR_OK)
        return e;
    out("%u finding%s\n", findings, findings == 1 ? "" : "s");
    return findings == 0 ? ERR_OK : ERR_CORRUPT;
}
