/* Stopping the machine, and stepping through a revocation; going back in a replay.
 *
 * The target does the stopping (docs/monitor.md); here is what is asked of it, what its answers
 * mean, and which stops were armed from here, so that none is left behind without a word. */
#include "inspector-tui/app.h"

#include "attach/attach.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t monitor(struct app *app, const char *line)
{
    struct ask ask = {.kind = ASK_COMMAND};
    snprintf(ask.text, sizeof(ask.text), "%s", line);
    return source_ask(app->session.source, &ask);
}

/* The slot under the cursor; 0 with a message: there is none. */
static uint64_t slot_here(struct app *app)
{
    struct ref r = app_thing(app);
    const struct sample *now = app->session.now;
    if (r.kind == REF_SLOT || r.kind == REF_REVOKE)
        return r.addr;
    if (r.kind == REF_OBJECT && now) { /* its first capability is the one to revoke */
        int32_t object = sample_object_of(now, &r);
        if (object >= 0 && now->state.objects[object].first_slot >= 0)
            return now->state.slots[now->state.objects[object].first_slot].rec.addr;
    }
    session_say(&app->session, true, "there is no capability under the cursor");
    return 0;
}

void revoking_preview(struct app *app)
{
    uint64_t slot = slot_here(app);
    if (!slot)
        return;
    app->session.revoke_slot = slot;
    view_invalidate(&app->views[VIEW_REVOKE]);
    app_go(app, VIEW_REVOKE);
}

void revoking_arm(struct app *app)
{
    char line[64];
    uint64_t slot = app->current == VIEW_REVOKE && app->session.revoke_slot
                        ? app->session.revoke_slot
                        : slot_here(app);
    if (!slot)
        return;
    app->session.revoke_slot = slot;
    snprintf(line, sizeof(line), "break on revoke slot 0x%" PRIx64, slot);
    app->asked_arm = monitor(app, line);
}

/* The cursor goes along with the next capability that goes. */
static void follow_victim(struct session *s)
{
    s->follow_victim = true;
    s->victim_was = s->now ? s->now->state.revoke.victim : 0;
}

static void step(struct app *app, const char *line)
{
    follow_victim(&app->session);
    app->asked_step = monitor(app, line);
}

/* On the row of a revocation that one is not in: its beginning; else where one is. */
static uint64_t where_steps_begin(struct app *app)
{
    const struct row *row = app_row(app);
    uint64_t at = session_event(&app->session);
    struct ref r = app_ref(app);
    if (app->current != VIEW_REVOKE || !row || !(row->flags & ROW_CAN_FOLD) || r.kind != REF_EVENT)
        return at;
    const struct revocation *k = revocations_at(&app->session.revocations, r.addr);
    return k && at >= k->first && at < k->last ? at : r.addr;
}

/* Of what is past, the steps are in the events. */
static bool step_in_the_past(struct app *app, long steps)
{
    if (!session_is_past(&app->session))
        return false;
    follow_victim(&app->session);
    session_seek_step(&app->session, where_steps_begin(app), steps);
    return true;
}

void revoking_step(struct app *app)
{
    char line[32];
    if (step_in_the_past(app, app->count ? (long)app->count : 1))
        return;
    snprintf(line, sizeof(line), "step %u", app->count ? app->count : 1);
    step(app, line);
}

void revoking_step_back(struct app *app)
{
    follow_victim(&app->session);
    session_seek_step(&app->session, session_event(&app->session),
                      app->count ? -(long)app->count : -1);
}

void revoking_finish(struct app *app)
{
    step(app, "finish");
}

void revoking_continue(struct app *app)
{
    step(app, "continue");
}

void revoking_halt(struct app *app)
{
    enum target_kind kind = app->session.target.kind;
    bool stands = kind == TARGET_STOPPED || kind == TARGET_HELD || kind == TARGET_REPLAY;
    const struct ask ask = {.kind = stands ? ASK_GO : ASK_HALT};
    source_ask(app->session.source, &ask);
}

static void find(struct app *app, enum attach_goal goal)
{
    uint64_t slot = slot_here(app);
    struct ask ask = {.kind = ASK_FIND, .number = goal, .addr = slot};
    if (!slot)
        return;
    session_say(&app->session, false, "searching the replay for slot 0x%" PRIx64 " ...", slot);
    source_ask(app->session.source, &ask);
}

void revoking_killed(struct app *app)
{
    find(app, ATTACH_KILLED);
}

void revoking_made(struct app *app)
{
    find(app, ATTACH_MADE);
}

/* "break 3: on revoke slot …": the number, 0: it was not armed. */
static uint32_t armed_number(const char *text)
{
    const char *p = text + strcspn(text, "0123456789");
    return (uint32_t)strtoul(p, NULL, 10);
}

static void hear_arm(struct app *app, const struct answer *a)
{
    uint32_t n = armed_number(a->text);
    if (a->ok && n && app->armed_count < sizeof(app->armed) / sizeof(*app->armed))
        app->armed[app->armed_count++] = n;
}

void revoking_hear(struct app *app, const struct answer *a)
{
    struct session *s = &app->session;
    if (a->kind == ASK_FIND && a->ok) {
        session_say(s, false, "%s", a->text);
        app->follow = ref_to(REF_SLOT, a->addr);
        source_ask(s->source, &(const struct ask){.kind = ASK_SAMPLE});
    }
    if (a->kind == ASK_HALT || a->kind == ASK_GO)
        session_say(s, !a->ok, "%s", a->text);
    if (a->kind != ASK_COMMAND)
        return;
    const char *rest = a->text;
    if (a->id == app->asked_arm)
        hear_arm(app, a);
    if (a->id == app->asked_arm || a->id == app->asked_step) { /* what is said is in the log */
        rest += strcspn(a->text, "\n");
        session_say(s, !a->ok, "%.*s", (int)(rest - a->text), a->text);
        rest += *rest == '\n';
    }
    session_log(s, rest);
    if (*rest && rest[strlen(rest) - 1] != '\n')
        session_log(s, "\n");
    if (a->id == app->asked_show)
        app_go(app, VIEW_LOG);
}
