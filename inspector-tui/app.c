/* Where one is, how one gets from thing to thing, and the loop. */
#include "inspector-tui/app.h"
#include "inspector-tui/named.h"

#include "attach/clock.h"
#include "inspector-tui/words.h"
#include "record/vocabulary.h"

#include <errno.h>
#include <inttypes.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A live target speaks at every sample: that it does not is told after SILENCE_MS. */
enum { SLICE_ROWS = 1000, KEYS_AT_ONCE = 64, WATCH_MS = 1000, SILENCE_MS = 2500, HOLD_MS = 200 };

static volatile sig_atomic_t interrupted;

void app_interrupt(int signal_number)
{
    interrupted = signal_number;
    attach_interrupt(); /* the worker may wait for a target that does not answer */
}

void app_init(struct app *app, struct source *source)
{
    *app = (struct app){.running = true, .show_pane = true, .mouse = true};
    session_init(&app->session, source);
    for (uint32_t i = 0; i < VIEWS; i++)
        view_init(&app->views[i], i);
    for (uint32_t i = 0; i < 26; i++)
        app->marks[i].view = VIEWS;
    keys_init();
}

void app_fini(struct app *app)
{
    for (uint32_t i = 0; i < VIEWS; i++)
        view_fini(&app->views[i]);
    for (uint32_t i = 0; i < app->input_count; i++)
        free(app->inputs[i]);
    free(app->told);
    pane_fini(&app->pane);
    session_fini(&app->session);
}

/* Its rows are those of what is shown: a row of an older moment would lead anywhere. */
struct view *app_view(struct app *app)
{
    struct view *v = &app->views[app->current];
    view_refresh(&app->session, v);
    return v;
}

const struct row *app_row(struct app *app)
{
    return view_current(app_view(app));
}

struct ref app_ref(struct app *app)
{
    struct ref r = {0};
    const struct row *row = app_row(app);
    if (app->in_pane)
        app_fill_pane(app);
    if (screen_pane_chosen(app, &r))
        return r;
    if (!row || !app->session.now || app_view(app)->ghost)
        return (struct ref){0};
    return view_ref(&app->session, app_view(app), row);
}

struct ref app_thing(struct app *app)
{
    struct ref r = app_ref(app);
    struct record_event e;
    if (r.kind == REF_EVENT && source_events(app->session.source, r.addr, &e, 1) == 1)
        return e.slot ? ref_to(REF_SLOT, e.slot) : ref_to(REF_NONE, 0);
    return r;
}

/* The smallest object that a piece of memory lies in whole, whatever else lies in the piece; -1. */
static int32_t object_around(const struct sample *now, const struct ref *r)
{
    uint64_t size = r->extra ? 1ull << r->extra : 1;
    int32_t object = sample_object_holding(now, r->addr);
    while (object >= 0) {
        const struct capstate_object *o = &now->state.objects[object];
        if (o->bits >= 63 || r->addr - o->addr + size <= 1ull << o->bits)
            return object;
        object = now->authority.enclosing[object];
    }
    return -1;
}

/* -1: it leads to no object. */
static int32_t object_of(const struct sample *now, const struct ref *r)
{
    int32_t thread = r->kind == REF_THREAD ? sample_thread_at(now, r->addr) : -1;
    if (r->kind == REF_OBJECT)
        return sample_object_of(now, r);
    if (r->kind == REF_ADDRESS)
        return object_around(now, r);
    return thread < 0 ? -1 : now->state.threads[thread].object;
}

/* The capability to an object that a revoke would be of: an original where there is one, and none to
 * answer a thread that is the object. -1: there is none. */
static int32_t capability_to(const struct capstate *c, int32_t object)
{
    int32_t found = -1;
    for (int32_t i = c->objects[object].first_slot; i >= 0; i = c->slots[i].next_same) {
        const struct record_slot *r = &c->slots[i].rec;
        bool original = r->flags & RECORD_SLOT_REVOCABLE;
        if (r->type == c->objects[object].type && (found < 0 || original))
            found = i;
        if (found == i && original)
            break;
    }
    return found >= 0 ? found : c->objects[object].first_slot;
}

struct ref app_capability(struct app *app)
{
    struct ref r = app_thing(app);
    const struct sample *now = app->session.now;
    int32_t object = now ? object_of(now, &r) : -1;
    if (r.kind == REF_SLOT || r.kind == REF_REVOKE)
        return ref_to(REF_SLOT, r.addr);
    int32_t slot = object < 0 ? -1 : capability_to(&now->state, object);
    if (slot >= 0)
        return sample_slot_ref(now, slot);
    session_say(&app->session, true, "there is no capability under the cursor");
    return ref_to(REF_NONE, 0);
}

/* A stop that was armed from here is not left behind without a word. */
void app_quit(struct app *app)
{
    if (app->session.target.armed_here)
        prompt_open(app, PROMPT_LEAVE, "");
    else
        app->running = false;
}

/* --- from place to place --- */

static struct place here(struct app *app)
{
    struct place p = {.view = app->current, .focus = app_view(app)->focus};
    const struct row *r = app_row(app);
    if (r && app->session.now && !app_view(app)->ghost)
        p.ref = view_ref(&app->session, app_view(app), r);
    return p;
}

static void push(struct app *app)
{
    if (app->trail_length == TRAIL) {
        memmove(app->trail, app->trail + 1, (TRAIL - 1) * sizeof(*app->trail));
        app->trail_length--;
    }
    app->trail[app->trail_length++] = here(app);
}

static void enter(struct app *app, enum view_id view)
{
    if (view == VIEW_SQL)
        session_ask_again(&app->session);
    app->current = view;
    app->in_pane = false;
    app->searching = false;
    app->pane.about = (struct ref){0};
    app->pane.generation = 0;
    app_view(app);
}

void app_go(struct app *app, enum view_id view)
{
    if (view == app->current)
        return;
    push(app);
    enter(app, view);
}

/* The event that is under the cursor, else the one that is shown; 0: neither. */
static uint64_t event_here(struct app *app)
{
    struct ref r = app_ref(app);
    const struct sample *now = app->session.now;
    return r.kind == REF_EVENT ? r.addr : now ? now->event : 0;
}

void app_open(struct app *app, enum view_id view)
{
    if (view == VIEW_REVOKE && app->session.preview_asked) { /* its key shows what is under way */
        app->session.preview_asked = false;
        view_invalidate(&app->views[view]);
    }
    uint64_t seq = event_here(app);
    if (seq == 0 && view == VIEW_EVENTS && session_is_past(&app->session) &&
        session_has_events(&app->session))
        seq = session_event(&app->session);
    const struct revocation *k = revocations_at(&app->session.revocations, seq);
    bool moved = view != app->current;
    app_go(app, view);
    if (seq == 0 || !moved)
        return;
    struct ref r = ref_to(REF_EVENT, view == VIEW_REVOKE && k ? k->first : seq);
    if (view == VIEW_EVENTS || (view == VIEW_REVOKE && k && seq <= k->last))
        view_show(&app->session, app_view(app), &r);
    app->listed_event = session_event(&app->session);
}

static void return_to(struct app *app, const struct place *p)
{
    enter(app, p->view);
    struct view *v = app_view(app);
    if (!ref_equal(&v->focus, &p->focus)) {
        v->focus = p->focus;
        view_invalidate(v);
    }
    if (p->ref.kind != REF_NONE)
        view_show(&app->session, v, &p->ref);
    app->listed_event = session_event(&app->session);
}

void app_back(struct app *app)
{
    if (app->trail_length == 0) {
        session_say(&app->session, false, "this is where you began");
        return;
    }
    struct place p = app->trail[--app->trail_length];
    return_to(app, &p);
}

/* The view that shows a kind of thing best. */
static enum view_id home_of(const struct ref *r)
{
    switch (r->kind) {
    case REF_DOMAIN:
        return VIEW_DOMAINS;
    case REF_THREAD:
        return VIEW_THREADS;
    case REF_SLOT:
        return VIEW_DERIVATION;
    case REF_OBJECT:
        return VIEW_OBJECTS;
    case REF_ADDRESS:
        return VIEW_MEMORY;
    case REF_SPACE:
    case REF_VIRTUAL:
        return VIEW_VSPACE;
    case REF_BREACH:
        return VIEW_VERDICT;
    case REF_REVOKE:
        return VIEW_REVOKE;
    case REF_VIEW:
        return (enum view_id)r->extra;
    default:
        return VIEWS;
    }
}

static bool in_ram(const struct app *app, uint64_t addr)
{
    return capstate_is_ram(&app->session.now->state, addr);
}

/* A device's address has no picture: its object is shown. */
static struct ref to_object(struct app *app, const struct ref *r)
{
    const struct sample *now = app->session.now;
    if (r->kind == REF_ADDRESS && !in_ram(app, r->addr)) {
        int32_t object = sample_object_holding(now, r->addr);
        if (object >= 0)
            return sample_object_ref(now, object);
    }
    return *r;
}

static bool show_breach(struct app *app, uint64_t number)
{
    struct view *v = app_view(app);
    view_refresh(&app->session, v);
    view_go_to(v, (uint32_t)number + 1);
    return number + 1 < v->count;
}

void app_follow(struct app *app, const struct ref *wanted)
{
    if (!app->session.now)
        return;
    struct ref r = to_object(app, wanted);
    enum view_id home = home_of(&r);
    if (r.kind == REF_EVENT) { /* a moment, not a place: the view stays */
        session_to_event(&app->session, r.addr);
        app->session.follow_victim = true;
        app->session.victim_was = 0;
        return;
    }
    if (r.kind == REF_ADDRESS && !in_ram(app, r.addr)) {
        session_say(&app->session, true,
                    "no capability refers to memory at 0x%" PRIx64 ", and it is not in RAM",
                    r.addr);
        return;
    }
    if (home == VIEWS) {
        session_say(&app->session, false, "nothing more is known of that");
        return;
    }
    if (app->current != home)
        app_go(app, home);
    else
        push(app);
    bool shown = r.kind == REF_VIEW     ? true
                 : r.kind == REF_BREACH ? show_breach(app, r.addr)
                                        : view_show(&app->session, app_view(app), &r);
    if (!shown)
        session_say(&app->session, true,
                    sample_has(app->session.now, &r) ? "it has no row in this view"
                                                     : "it is not there at this moment");
}

/* --- :goto --- */

/* The first thread that is called so, or has that in its name, and how many others there are. */
static bool goto_thread(struct app *app, const char *text, bool exact)
{
    const struct sample *now = app->session.now;
    uint32_t fits = 0, first = 0;
    char hex[24];
    for (uint32_t i = now->state.thread_count; i-- > 0;) {
        const char *label = now->state.threads[i].label;
        if (exact ? strcmp(label, text) == 0 : !!strstr(label, text)) {
            first = i;
            fits++;
        }
    }
    if (fits == 0)
        return false;
    struct ref r = sample_thread_ref(now, (int32_t)first);
    app_follow(app, &r);
    if (fits > 1)
        session_say(&app->session, false,
                    "%u threads fit '%.60s': this is tcb 0x%s; tcb:ADDRESS goes to another", fits,
                    text, sample_hex(now, now->state.threads[first].rec.addr, hex));
    return true;
}

static bool goto_name(struct app *app, const char *text)
{
    const struct sample *now = app->session.now;
    for (uint32_t i = 0; i < sample_domains(now); i++)
        if (strcmp(sample_domain_name(now, (int32_t)i), text) == 0) {
            struct ref r = sample_domain_ref(now, (int32_t)i);
            app_follow(app, &r);
            return true;
        }
    return goto_thread(app, text, true) || goto_thread(app, text, false);
}

static bool goto_address(struct app *app, uint64_t addr)
{
    const struct sample *now = app->session.now;
    struct ref r = sample_ref_at(now, sample_physical(now, addr));
    app_follow(app, &r);
    return true;
}

/* ADDRESS in NAME: a virtual address of a thread or a domain, thread: or domain: before it or not. */
static bool goto_virtual(struct app *app, uint64_t addr, const char *name)
{
    const struct sample *now = app->session.now;
    bool thread = strncmp(name, "thread:", 7) == 0, domain_only = strncmp(name, "domain:", 7) == 0;
    name += thread || domain_only ? 7 : 0;
    bool known = false, space = false;
    for (uint32_t i = 0; i < now->state.thread_count; i++) {
        const char *domain = sample_domain_name(now, sample_thread_domain(now, (int32_t)i));
        int32_t dir = capstate_thread_vspace(&now->state, (int32_t)i);
        if ((domain_only || strcmp(now->state.threads[i].label, name) != 0) &&
            (thread || strcmp(domain, name) != 0))
            continue;
        known = true;
        space |= dir >= 0;
        if (dir < 0)
            continue;
        for (uint32_t k = 0; k < now->state.mapping_count; k++) {
            const struct record_mapping *m = &now->state.mappings[k];
            if (m->dir != now->state.objects[dir].addr || addr < m->vaddr ||
                (m->bits < 63 && addr - m->vaddr >= 1ull << m->bits))
                continue;
            struct ref r = {.kind = REF_VIRTUAL, .addr = m->vaddr, .of = m->dir};
            app_follow(app, &r);
            session_say(&app->session, false, "0x%" PRIx64 " is physical 0x%" PRIx64, addr,
                        (uint64_t)(m->frame + (addr - m->vaddr)));
            return true;
        }
    }
    if (space)
        session_say(&app->session, true, "0x%" PRIx64 " is not mapped in %.100s", addr, name);
    else
        session_say(&app->session, true,
                    known ? "%.100s has no address space at this moment"
                          : "no thread or domain is called '%.100s' at this moment",
                    name);
    return false;
}

bool app_goto(struct app *app, const char *text)
{
    char *end;
    const char *why;
    struct ref r;
    if (!app->session.now)
        return false;
    while (*text == ' ')
        text++;
    if (named_find(app->session.now, text, &r, &why)) {
        if (why)
            session_say(&app->session, true, "'%.100s' %s", text, why);
        else
            app_follow(app, &r);
        return !why;
    }
    errno = 0;
    uint64_t addr = strtoull(text, &end, 16);
    if (end > text && errno == 0 && (*end == 0 || *end == ' ')) {
        if (strncmp(end, " in ", 4) == 0)
            return goto_virtual(app, addr, end + 4);
        if (*end == 0)
            return goto_address(app, addr);
    }
    if (*text && goto_name(app, text))
        return true;
    session_say(&app->session, true,
                "'%.100s' is no address, TYPE:ADDRESS, domain or thread of this moment", text);
    return false;
}

/* --- the pane --- */

/* What the cursor is on, for the pane; a row without a thing is known by its id. */
static struct ref about_row(struct app *app)
{
    struct view *v = app_view(app);
    const struct row *r = app_row(app);
    struct ref about =
        r && app->session.now && !v->ghost ? view_ref(&app->session, v, r) : ref_to(REF_NONE, 0);
    if (about.kind == REF_NONE && r)
        about = (struct ref){.kind = REF_TEXT, .addr = r->id};
    return about;
}

void app_tell(struct app *app, uint64_t thread, const char *text)
{
    struct ref about = about_row(app);
    session_log(&app->session, text);
    if (about.kind != REF_THREAD || about.addr != thread)
        return; /* the cursor went on meanwhile: it is in the log */
    free(app->told);
    app->told = strdup(text);
    app->told_about = about;
    app->show_pane = true;
    app->pane.generation = 0;
    app->pane.top = app->pane.cursor = 0;
}

/* The answer to a question about what the cursor is on stands there until it moves. */
static bool fill_told(struct app *app, const struct ref *about)
{
    const char *p = app->told;
    if (!p || !ref_equal(about, &app->told_about))
        return false;
    while (*p) {
        size_t n = strcspn(p, "\n");
        line_link(pane_line(&app->pane), STYLE_STRONG, words_first_ref(app->session.now, p, n),
                  "%.*s", (int)n, p);
        p += n + (p[n] == '\n');
    }
    return true;
}

static void forget_told(struct app *app)
{
    free(app->told);
    app->told = NULL;
}

static void fill_ghost(struct app *app, const struct view *v)
{
    const struct sample *now = app->session.now;
    struct line *l = pane_line(&app->pane);
    if (v->id == VIEW_CHANGES) { /* what it told of may be there still */
        line_put(l, STYLE_DIM, "%s: no difference any more", view_ghost_text(v));
        return;
    }
    line_put(l, STYLE_DIED, "%s: not there any more", view_ghost_text(v));
    if (!now->event && v->ghost_snapshot + 1 == now->number)
        line_put(l, STYLE_DIED, "; %s goes back to it", bindings_key("earlier"));
    else if (!v->ghost_event && v->ghost_snapshot != now->number)
        line_put(l, STYLE_DIED, "; :at %u goes back to it", v->ghost_shown);
    pane_end(&app->session, &v->ghost_ref, v->ghost_seq, &app->pane);
}

static void fill_about(struct app *app, const struct ref *about)
{
    struct session *s = &app->session;
    struct view *v = app_view(app);
    const struct row *r = app_row(app);
    char clock[16];
    if (!r || !s->now || fill_told(app, about))
        return;
    if ((r->flags & ROW_DEAD) && !v->ghost) {
        pane_end(s, about, view_sample(s, r)->state.snapshot.seq, &app->pane);
        pane_text(&app->pane, STYLE_DIED,
                  "as it was at %s:", session_clock(view_sample(s, r)->time, clock));
    }
    if (v->ghost)
        fill_ghost(app, v);
    else if (v->ops->pane)
        v->ops->pane(s, v, r, &app->pane);
    else if (about->kind != REF_TEXT)
        pane_about(s, view_sample(s, r), about, &app->pane);
}

/* Of a thread in trouble a recording is asked what was before, one question at a time. */
static void ask_past(struct app *app, const struct ref *about)
{
    struct session *s = &app->session;
    const struct sample *now = s->now;
    struct ask ask = {.kind = ASK_PAST, .addr = about->addr};
    if (about->kind != REF_THREAD || !now || now->event || source_is_live(s->source) ||
        source_waiting(s->source))
        return;
    int32_t thread = sample_thread_at(now, about->addr);
    ask.number = now->number;
    if (thread < 0 || (s->past.thread == ask.addr && s->past.number == ask.number) ||
        sample_trouble(now, thread) == WHY_MARK_NONE)
        return;
    free(s->past.text);
    s->past.text = NULL;
    s->past.thread = ask.addr;
    s->past.number = ask.number;
    source_ask(s->source, &ask);
}

/* What was chosen may have another number by now, and stand elsewhere. */
static bool choose_again(struct pane *p, const struct ref *chosen)
{
    struct ref r;
    uint32_t line, span;
    for (uint32_t n = 0; pane_link(p, n, &r, &line, &span); n++)
        if (ref_equal(&r, chosen)) {
            p->cursor = n;
            return true;
        }
    return false;
}

void app_fill_pane(struct app *app)
{
    struct ref about = about_row(app), chosen = {0};
    struct pane *p = &app->pane;
    ask_past(app, &about);
    bool same = ref_equal(&about, &p->about);
    if (same && p->generation == app->session.generation + 1)
        return;
    bool keeps = same && screen_pane_chosen(app, &chosen);
    if (!same)
        forget_told(app);
    p->about = about;
    p->generation = app->session.generation + 1;
    pane_clear(p);
    if (!same)
        p->top = p->cursor = 0;
    fill_about(app, &about);
    if (keeps && choose_again(p, &chosen))
        screen_pane_show_chosen(app);
}

/* --- the loop --- */

static void hear(void *ctx, const struct answer *a)
{
    struct app *app = ctx;
    if (a->kind == ASK_SQL && a->ok) {
        free(app->session.table);
        app->session.table = strdup(a->text);
        app->session.table_compared = a->addr != 0;
        if (a->addr && !source_is_live(app->session.source) && !strstr(app->session.question, ":n"))
            session_say(&app->session, false,
                        "the question names no snapshot by :n: it has one answer at both moments");
        if (source_is_live(app->session.source) && strstr(app->session.question, "snapshots"))
            session_say(
                &app->session, false,
                "asked of this moment alone, which is snapshot 1 there; the recording has all");
        view_invalidate(&app->views[VIEW_SQL]);
        return;
    }
    if (a->kind == ASK_SQL) { /* the answer before was to another question */
        free(app->session.table);
        app->session.table = NULL;
        view_invalidate(&app->views[VIEW_SQL]);
    }
    if (a->kind == ASK_SAMPLE)
        session_grown(&app->session);
    if (a->kind == ASK_WHY && a->ok) {
        app_tell(app, a->addr, a->text);
        return;
    }
    if (a->kind == ASK_PAST && a->ok) {
        if (app->session.past.thread == a->addr) {
            free(app->session.past.text);
            app->session.past.text = strdup(a->text);
        }
        app->pane.generation = 0;
        return;
    }
    if (!a->ok && !session_not_there(&app->session, a))
        session_say(&app->session, true, "%s", a->text);
    revoking_hear(app, a);
}

/* In the list of events the cursor goes along when another moment is gone to; at the newest one of a
 * running machine the list goes on by itself. */
static void follow_moment(struct app *app)
{
    struct session *s = &app->session;
    if (app->current == VIEW_SQL)
        session_ask_again(s);
    uint64_t seq = session_event(s), was = app->listed_event;
    bool past = session_is_past(s), was_past = app->listed_past;
    struct ref r = ref_to(REF_EVENT, seq);
    if (app->current != VIEW_EVENTS || !s->now || !session_has_events(s))
        return;
    app->listed_event = seq;
    app->listed_past = past;
    if (app_view(app)->filter[0])
        return; /* it would have to go */
    if (past && seq != was)
        view_show(s, app_view(app), &r);
    else if (!past && was_past)
        view_go(app_view(app), UINT32_MAX - 1, app->list_height);
}

static void follow_victim(struct app *app)
{
    struct session *s = &app->session;
    if (!s->follow_victim || !s->now)
        return;
    if (!s->now->state.revoke.root || s->now->state.revoke.victim == s->victim_was)
        return;
    struct ref r = ref_to(REF_SLOT, s->now->state.revoke.victim);
    s->follow_victim = false;
    if (app->current == VIEW_REVOKE || app->current == VIEW_DERIVATION)
        view_show(s, app_view(app), &r);
}

/* In the revocation that one looks at, if it is a row of that; else where it shows best. */
static void show_found(struct app *app, const struct ref *r)
{
    if (app->current != VIEW_REVOKE || !view_show(&app->session, app_view(app), r))
        app_follow(app, r);
}

/* A search through a replay has found its moment: the capability it was about is shown. */
static void follow_found(struct app *app)
{
    char said[SESSION_MESSAGE];
    if (app->follow.kind == REF_NONE || !app->session.now ||
        !sample_has(app->session.now, &app->follow))
        return;
    memcpy(said, app->session.message, sizeof(said));
    struct ref r = app->follow;
    app->follow = ref_to(REF_NONE, 0);
    show_found(app, &r);
    memcpy(app->session.message, said, sizeof(said));
}

/* A list that grows at its end: who stands there stays there.  A list that is not shown has no height
 * yet, and begins to scroll when it is drawn. */
static void follow_newest(struct app *app, enum view_id id)
{
    struct view *v = &app->views[id];
    bool at_end = v->count <= 1 || v->cursor + 1 >= v->count;
    view_invalidate(v);
    view_refresh(&app->session, v);
    if (at_end && !v->filter[0])
        view_go(v, v->count, id == app->current ? app->list_height : 0);
}

/* A target that was waited for cannot be opened: there is nothing to show. */
static void leave_in_trouble(struct app *app)
{
    char message[SESSION_MESSAGE];
    if (!source_trouble(app->session.source, message, sizeof(message)))
        return;
    app->running = false;
    app->exit_status = 2;
}

static void take_news(struct app *app)
{
    leave_in_trouble(app);
    uint64_t log = app->session.log_generation, events = app->session.generation_of_events;
    source_drain(app->session.source);
    session_take(&app->session);
    session_answers(&app->session, hear, app);
    follow_victim(app);
    follow_found(app);
    if (events != app->session.generation_of_events)
        view_invalidate(&app->views[VIEW_REVOKE]);
    if (log != app->session.log_generation)
        follow_newest(app, VIEW_LOG);
    uint64_t first, last, lost;
    uint32_t replaced = source_event_window(app->session.source).replaced;
    if (replaced != app->events_replaced) {
        app->events_replaced = replaced;
        app->listed_event = 0;
        app->last_event = source_event_range(app->session.source, &first, &last, &lost) ? last : 0;
        view_invalidate(&app->views[VIEW_EVENTS]);
    } else if (app->session.now && source_event_range(app->session.source, &first, &last, &lost) &&
               last != app->last_event) { /* a list has no rows before the first sample */
        app->last_event = last;
        follow_newest(app, VIEW_EVENTS);
    }
}

/* One slice of whatever takes longer than a key may wait; false: nothing is under way. */
static bool work(struct app *app)
{
    struct view *v = app_view(app);
    if (!app->session.now)
        return false; /* what is searched for waits for the first sample */
    if (app->searching) {
        int found = view_search(&app->session, v, app->search, app->search_direction,
                                &app->search_done, SLICE_ROWS);
        app->searching = found == 0;
        if (found < 0)
            session_say(&app->session, true, "not found: %.100s", app->search);
        return true;
    }
    return view_work(&app->session, v);
}

static void take_keys(struct app *app)
{
    for (int n = 0; n < KEYS_AT_ONCE && app->running; n++) {
        int key = getch();
        if (key == ERR)
            return;
        keys_press(app, key);
        follow_moment(app);
        screen_settle(app);
        if (key == KEY_MOUSE)
            return; /* where the next click goes is known when this one is drawn */
    }
}

/* What is typed before there is anything to type at waits for it, for a moment. */
static bool holds_keys(const struct app *app)
{
    enum { HOLD_SECONDS = 2 };
    return !app->session.now && clock_wall() - app->began < HOLD_SECONDS;
}

/* How long to sleep when nothing comes; -1: for ever. */
static int patience(struct app *app)
{
    struct session *s = &app->session;
    if (holds_keys(app))
        return HOLD_MS;
    if (s->target.kind == TARGET_OPENING || source_waiting(s->source) ||
        source_silence(s->source) > 1)
        return WATCH_MS; /* the seconds are counted on the screen */
    return source_is_live(s->source) && !s->paused ? SILENCE_MS : -1;
}

/* The terminal went away: nobody can be asked any more. */
static bool terminal_is_gone(const struct pollfd *keys)
{
    return keys->revents & (POLLHUP | POLLERR | POLLNVAL);
}

int app_run(struct app *app)
{
    timeout(0);
    app->began = clock_wall();
    take_news(app);
    bool busy = false;
    while (app->running && !interrupted) {
        follow_moment(app);
        screen_draw(app);
        bool hold = holds_keys(app);
        struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = hold ? 0 : POLLIN},
                              {.fd = source_fd(app->session.source), .events = POLLIN}};
        int n = poll(p, 2, busy ? 0 : patience(app));
        if (n > 0 && terminal_is_gone(&p[0]))
            break;
        if (!hold && (n < 0 || p[0].revents)) /* a signal may be a resize */
            take_keys(app);
        if (n > 0 && p[1].revents)
            take_news(app);
        busy = work(app);
    }
    return interrupted ? 128 + interrupted : app->exit_status;
}
