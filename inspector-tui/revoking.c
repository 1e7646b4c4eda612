/* Stopping the machine, and stepping through a revocation; going back in a replay.
 *
 * The target does the stopping (docs/monitor.md), and says which stops are armed; here is what is asked
 * of it, and what its answers mean. */
#include "inspector-tui/app.h"

#include "attach/attach.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why this target takes no commands that stop or step. */
static void refuse(struct session *s)
{
    if (!source_is_live(s->source))
        session_say(s, true, "a recording stands still: %s and %s step through the events in it",
                    bindings_key("step"), bindings_key("step-back"));
    else if (s->target.kind == TARGET_REPLAY)
        session_say(
            s, true,
            "a replay is moved by capabilities: %s takes the machine on to where the one "
            "under the cursor ends, %s back to where it was made; %s lets it run to the end "
            "of the recording",
            bindings_key("killed"), bindings_key("made"), bindings_key("continue"));
    else if (!source_can_halt(s->source))
        session_say(s, true,
                    "through a memory image nothing can be stopped: attach to the machine's line");
    else
        session_say(s, true,
                    "this GDB stub runs no commands of the kernel, so no stop can be armed here: "
                    "attach to the serial monitor (monitor:) or to the kernel's own stub; %s stops "
                    "the machine where it is",
                    bindings_key("halt"));
}

/* false with a message: it does not. */
static bool can_command(struct session *s)
{
    bool can = source_can_command(s->source);
    if (!can)
        refuse(s);
    return can;
}

/* true with a message: what is shown is past, and keys that move the machine would move what one does
 * not see. */
static bool refuse_past(struct app *app)
{
    bool back = session_is_back(&app->session);
    if (back)
        session_say(&app->session, true, "what is shown is past: %s shows the machine as it is now",
                    bindings_key("newest"));
    return back;
}

/* 0 with a message: the target takes none. */
static uint32_t monitor(struct app *app, const char *line)
{
    struct ask ask = {.kind = ASK_COMMAND};
    if (!can_command(&app->session))
        return 0;
    snprintf(ask.text, sizeof(ask.text), "%s", line);
    return source_ask(app->session.source, &ask);
}

/* The slot under the cursor; 0 with a message: there is none. */
static uint64_t slot_here(struct app *app)
{
    return app_capability(app).addr;
}

void revoking_preview(struct app *app)
{
    uint64_t slot = slot_here(app);
    if (!slot)
        return;
    app->session.revoke_slot = slot;
    app->session.preview_asked = true;
    view_invalidate(&app->views[VIEW_REVOKE]);
    app_go(app, VIEW_REVOKE);
}

/* The cursor goes along with the next capability that goes, of the revocation that is stepped. */
static void follow_victim(struct session *s)
{
    s->preview_asked = false;
    s->stepped = true;
    s->follow_victim = true;
    s->victim_was = s->now ? s->now->state.revoke.victim : 0;
}

void revoking_arm(struct app *app)
{
    struct ask ask = {.kind = ASK_ARM};
    if (!can_command(&app->session) || refuse_past(app))
        return;
    uint64_t slot = app->current == VIEW_REVOKE && app->session.revoke_slot
                        ? app->session.revoke_slot
                        : slot_here(app);
    if (!slot)
        return;
    app->session.revoke_slot = slot;
    ask.addr = slot;
    source_ask(app->session.source, &ask);
    follow_victim(&app->session);
}

void revoking_disarm(struct app *app)
{
    const struct target_state *t = &app->session.target;
    const struct ask ask = {.kind = ASK_DISARM};
    if (!can_command(&app->session))
        return;
    if (t->armed_here)
        source_ask(app->session.source, &ask);
    else if (t->armed)
        session_say(&app->session, true,
                    "the stops that are armed are somebody else's; :delete all takes them away");
    else
        session_say(&app->session, false, "no stop is armed");
}

/* From wherever one is: the one that goes next now is what the step is about. */
static void show_victim(struct app *app)
{
    const struct sample *now = app->session.now;
    struct ref victim = ref_to(REF_SLOT, now ? now->state.revoke.victim : 0), here = app_ref(app);
    if (app->current == VIEW_REVOKE && victim.addr && !ref_equal(&victim, &here))
        view_show(&app->session, app_view(app), &victim);
}

static void step(struct app *app, const char *line)
{
    if (!can_command(&app->session))
        return;
    show_victim(app);
    follow_victim(&app->session);
    app->asked_step = monitor(app, line);
}

/* On the row of a revocation that one is not in: its beginning; else where one is. */
static uint64_t where_steps_begin(struct app *app)
{
    const struct row *row = app_row(app);
    uint64_t at = session_event_ahead(&app->session);
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

/* Where a revoke begins nothing has gone yet, and the next stop is before its first victim: a step from
 * here that ended there would take nothing. */
static bool is_at_begin(const struct session *s)
{
    const struct record_revoke *r = &s->now->state.revoke;
    return r->root && r->victim && r->done == 0 && strstr(s->target.where, " revoke ") &&
           !strstr(s->target.where, " victim ");
}

/* What is shown may still be the beginning when the key comes again: that step leads on from the one
 * that was asked for there. */
static bool leaves_begin(struct app *app)
{
    const struct session *s = &app->session;
    if (!s->now || !is_at_begin(s)) {
        memset(app->begin_left, 0, sizeof(app->begin_left)); /* a replay may come back to it */
        return false;
    }
    const uint64_t here[2] = {s->now->state.snapshot.seq, s->now->run};
    bool left = memcmp(app->begin_left, here, sizeof(here)) == 0;
    memcpy(app->begin_left, here, sizeof(here));
    return !left;
}

void revoking_step(struct app *app)
{
    char line[32];
    uint32_t n = app->count ? app->count : 1;
    if (step_in_the_past(app, (long)n))
        return;
    n += leaves_begin(app);
    snprintf(line, sizeof(line), "step %u", n);
    step(app, line);
}

void revoking_step_back(struct app *app)
{
    if (app->session.target.kind == TARGET_REPLAY && !session_is_past(&app->session)) {
        can_command(&app->session); /* says how it goes back */
        return;
    }
    follow_victim(&app->session);
    session_seek_step(&app->session, session_event_ahead(&app->session),
                      app->count ? -(long)app->count : -1);
}

/* The end of the revocation that one is in, or whose row one is on. */
static void finish_in_the_past(struct app *app)
{
    struct session *s = &app->session;
    uint64_t at = where_steps_begin(app);
    const struct revocation *k = revocations_at(&s->revocations, at);
    s->preview_asked = false;
    s->stepped = true;
    view_invalidate(&app->views[VIEW_REVOKE]);
    if (k && k->ended && at < k->last)
        session_to_event(s, k->last);
    else if (k && !k->ended)
        session_say(s, false, "the end of this revocation is not among the events");
    else
        session_say(s, false, "no revocation is under way here");
}

void revoking_finish(struct app *app)
{
    if (session_is_past(&app->session))
        finish_in_the_past(app);
    else
        step(app, "finish");
}

void revoking_continue(struct app *app)
{
    if (refuse_past(app))
        return;
    const struct ask go = {.kind = ASK_GO};
    if (!source_can_command(app->session.source) && source_can_halt(app->session.source))
        source_ask(app->session.source, &go);
    else
        step(app, "continue");
}

/* Stopping it is never wrong, whatever is shown. */
void revoking_halt(struct app *app)
{
    enum target_kind kind = app->session.target.kind;
    bool stands = kind == TARGET_STOPPED || kind == TARGET_HELD || kind == TARGET_REPLAY;
    const struct ask ask = {.kind = stands ? ASK_GO : ASK_HALT};
    if (!stands || !refuse_past(app))
        source_ask(app->session.source, &ask);
}

static void find(struct app *app, enum attach_goal goal)
{
    uint64_t slot = slot_here(app);
    struct ask ask = {.kind = ASK_FIND, .number = goal, .addr = slot};
    if (!slot || refuse_past(app))
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

/* "1: on revoke slot 0x82406000, 0 hits": what else a target says of it is in the log. */
static void hear_arm(struct app *app, const struct answer *a)
{
    unsigned n;
    char text[SESSION_MESSAGE];
    bool armed = sscanf(a->text, "%u: on ", &n) == 1;
    bool full = !armed && strstr(a->text, "in use");
    const char *rest = a->text + strcspn(a->text, "\n");
    if (armed)
        snprintf(text, sizeof(text),
                 "stop %u: when slot 0x%" PRIx64 " is revoked; %s there takes it away again", n,
                 a->addr, bindings_key("arm"));
    else if (full)
        snprintf(text, sizeof(text),
                 "all stops that the target knows are in use: %s takes away those that are armed "
                 "here, :delete N any; :break lists them",
                 bindings_key("disarm"));
    else
        snprintf(text, sizeof(text), "%.*s", (int)(rest - a->text), a->text);
    session_say_of_machine(&app->session, !a->ok || full, text);
    if (*rest)
        session_log(&app->session, rest + 1);
}

/* The answer of a monitor, or of the door to a mainline kernel, to what is no command of theirs. */
static bool is_unknown(const struct answer *a)
{
    static const char *const answers[] = {"there is no command '",
                                          "a mainline kernel has no monitor"};
    return strncmp(a->text, answers[0], strlen(answers[0])) == 0 ||
           strncmp(a->text, answers[1], strlen(answers[1])) == 0;
}

/* A target that runs tells what to type; here it is keys that one presses. */
static bool hear_runs(struct session *s, const char *text)
{
    char keys[SESSION_MESSAGE];
    bool go = strncmp(text, "continue", strlen("continue")) == 0;
    if (!strstr(text, "halt first") && !strstr(text, "`halt` first"))
        return false;
    snprintf(
        keys, sizeof(keys),
        "the machine runs: %s stops it here, %s when the capability under the cursor is revoked",
        bindings_key("halt"), bindings_key("arm"));
    session_say_of_machine(s, true, go ? "the machine runs already" : keys);
    return true;
}

/* The first line of the answer to a key that moves the machine. */
static void hear_step(struct session *s, const struct answer *a, int length)
{
    char first[SESSION_MESSAGE];
    snprintf(first, sizeof(first), "%.*s", length, a->text);
    if (!hear_runs(s, first))
        session_say_of_machine(s, !a->ok, first);
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
        session_say_of_machine(s, !a->ok, a->text);
    if (a->kind == ASK_ARM)
        hear_arm(app, a);
    if (a->kind == ASK_DISARM)
        session_say(s, !a->ok, "%s", a->text);
    if (a->kind != ASK_COMMAND)
        return;
    const char *rest = a->text;
    if (a->id == app->asked_step) { /* what is said is in the log */
        rest += strcspn(a->text, "\n");
        if (!a->ok)
            memset(app->begin_left, 0, sizeof(app->begin_left));
        hear_step(s, a, (int)(rest - a->text));
        rest += *rest == '\n';
    }
    session_log(s, rest);
    if (*rest && rest[strlen(rest) - 1] != '\n')
        session_log(s, "\n");
    if (a->id != app->asked_show)
        return;
    if (is_unknown(a))
        command_unknown(app, app->sent);
    else if (a->ok && !a->text[0])
        session_say(s, false, "%s: done", app->sent);
    else
        app_go(app, VIEW_LOG);
}
