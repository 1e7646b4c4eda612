/* Threads: who runs, who waits on what, who has faulted. */
#include "inspector-tui/app.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>

enum { KIND_THREAD_ROW = 32 };

static void build(struct app *app, struct view *v)
{
    const struct capstate *s = &app->state;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        struct row *r = view_add(v, row_key(KIND_THREAD_ROW, s->threads[i].rec.addr, 0), 0, 0);
        if (!r)
            return;
        r->thread = (int32_t)i;
        r->object = s->threads[i].object;
        if (s->threads[i].rec.fault)
            r->flags |= ROW_ALERT;
        if (s->threads[i].rec.idle)
            r->flags |= ROW_DIM;
    }
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    const struct capstate_thread *t = &app->state.threads[r->thread];
    char on[160] = "";
    if (t->rec.blocked_on) {
        int32_t object = capstate_object_at(&app->state, t->rec.blocked_on);
        char what[120] = "?";
        if (object >= 0)
            capstate_object_text(&app->state, object, what, sizeof what);
        snprintf(on, sizeof on, "%s%s", what, t->rec.position == 1 ? "" : " (queued)");
    }
    if (t->rec.fault)
        snprintf(on, sizeof on, "fault %u at 0x%" PRIx64, t->rec.fault, t->rec.fault_addr);
    snprintf(buf, size, "%-24s %-10s %-9s %4u  %08" PRIx64 "  %08" PRIx64 "  %s",
             t->rec.idle ? "(idle)" : t->label,
             r->thread >= 0 ? app_domain_name(app, app->authority.thread_domain[r->thread]) : "-",
             t->rec.current ? "current" : thread_state_name(t->rec.state), t->rec.priority,
             t->rec.addr, t->rec.pc, on);
}

const struct view_ops view_threads = {
    "Threads", "thread                   domain     state     prio  tcb       pc        on", build,
    text, NULL};
