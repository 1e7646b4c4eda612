/* What keys do: one table of actions (help and the configuration file are made from it), one of the
 * keys they have at first. */
#include "inspector-tui/app.h"
#include "inspector-tui/keycodes.h"

#include <ctype.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { WHEEL = 3, COUNT_MAX = 9999999 };

static long times(const struct app *app)
{
    return app->count ? (long)app->count : 1;
}

/* --- moving --- */

static void move_by(struct app *app, long delta)
{
    if (app->in_pane)
        screen_pane_step(app, delta);
    else
        view_move(app_view(app), delta, app->list_height);
}

static void page_by(struct app *app, long pages)
{
    long page = app->list_height > 1 ? (long)app->list_height - 1 : 1;
    if (app->in_pane)
        screen_pane_page(app, pages);
    else
        view_move(app_view(app), page * pages, app->list_height);
}

static void do_down(struct app *app)
{
    move_by(app, times(app));
}

static void do_up(struct app *app)
{
    move_by(app, -times(app));
}

static void do_page_down(struct app *app)
{
    page_by(app, times(app));
}

static void do_page_up(struct app *app)
{
    page_by(app, -times(app));
}

/* A number is one of a row of the list. */
static void do_first(struct app *app)
{
    if (app->in_pane && !app->count)
        screen_pane_page(app, -PANE_END);
    else
        view_go(app_view(app), app->count ? app->count - 1 : 0, app->list_height);
}

static void do_last(struct app *app)
{
    if (app->in_pane && !app->count)
        screen_pane_page(app, PANE_END);
    else
        view_go(app_view(app), app->count ? app->count - 1 : UINT32_MAX - 1, app->list_height);
}

/* --- folding --- */

static void do_open(struct app *app)
{
    if (!view_open(&app->session, app_view(app), true))
        view_move(app_view(app), 0, app->list_height);
}

static void do_close(struct app *app)
{
    if (!view_open(&app->session, app_view(app), false))
        view_to_parent(app_view(app));
}

static void do_open_all(struct app *app)
{
    view_open_all(&app->session, app_view(app), true);
}

static void do_close_all(struct app *app)
{
    view_open_all(&app->session, app_view(app), false);
}

/* --- links --- */

static void do_follow(struct app *app)
{
    struct ref r = app_ref(app);
    const struct row *row = app_row(app);
    bool at_home = row && !app->in_pane && (row->flags & ROW_CAN_FOLD);
    if (at_home) {
        view_open(&app->session, app_view(app), !(row->flags & ROW_OPEN));
        return;
    }
    if (r.kind == REF_NONE) {
        session_say(&app->session, false, "this row leads nowhere");
        return;
    }
    enum view_id was = app->current;
    uint32_t cursor = app_view(app)->cursor;
    app_follow(app, &r);
    if (r.kind == REF_EVENT || was != app->current || cursor != app_view(app)->cursor)
        return;
    /* one is there already: what it is made of is in the pane */
    if (app->trail_length)
        app->trail_length--;
    app_fill_pane(app);
    app->in_pane = screen_has_pane(app) && app->pane.count > 0;
}

static void do_back(struct app *app)
{
    if (app->in_pane)
        app->in_pane = false;
    else
        app_back(app);
}

static void do_pane_focus(struct app *app)
{
    app->in_pane = !app->in_pane && screen_has_pane(app);
    if (!app->show_pane)
        session_say(&app->session, true, "the pane is off: %s shows it", bindings_key("pane"));
    else if (!screen_has_pane(app))
        session_say(&app->session, true, "there is no room for the pane: it needs more lines");
}

static void do_chain(struct app *app)
{
    struct ref r = app_ref(app);
    const struct sample *now = app->session.now;
    int32_t thread = now && r.kind == REF_THREAD ? sample_thread_at(now, r.addr) : -1;
    if (thread < 0) {
        session_say(&app->session, true, "there is no thread under the cursor");
        return;
    }
    int32_t partner = words_partner(now, thread);
    if (partner < 0) {
        session_say(&app->session, false, "it waits for nobody that could be named");
        return;
    }
    r = sample_thread_ref(now, partner);
    app_follow(app, &r);
}

static void do_derivation(struct app *app)
{
    struct ref r = app_capability(app);
    if (r.kind != REF_NONE)
        app_follow(app, &r);
}

static void do_who(struct app *app)
{
    struct ref r = app_thing(app);
    const struct sample *now = app->session.now;
    int32_t slot = now && r.kind == REF_SLOT ? sample_slot_at(now, r.addr) : -1;
    if (slot >= 0)
        r = sample_object_ref(now, now->state.slots[slot].object);
    if (r.kind == REF_THREAD) {
        int32_t tcb = now ? sample_object_at(now, r.addr) : -1;
        r = tcb < 0 ? ref_to(REF_NONE, 0)
                    : ref_object(r.addr, RECORD_CAP_TCB, now->state.objects[tcb].bits);
    }
    if (r.kind == REF_NONE) {
        session_say(&app->session, true, "there is no object under the cursor");
        return;
    }
    app_follow(app, &r);
    view_open(&app->session, app_view(app), true);
}

static void reach(struct app *app)
{
    struct ref r = app_thing(app);
    struct view *v = &app->views[VIEW_REACH];
    const struct sample *now = app->session.now;
    if (now && r.kind == REF_ADDRESS && sample_object_there(now, &r) < 0)
        session_say(&app->session, true, "no one object lies there: go to one first");
    if (app->current != VIEW_REACH)
        app_go(app, VIEW_REACH);
    if (r.kind != REF_NONE && r.kind != REF_VIEW) {
        v->focus = r;
        v->open_by_default = false;
        view_invalidate(v);
        view_refresh(&app->session, v);
        view_open(&app->session, v, true);
    }
}

/* --- finding --- */

static void do_search(struct app *app)
{
    prompt_open(app, PROMPT_SEARCH, "");
}

static void do_filter(struct app *app)
{
    prompt_open(app, PROMPT_FILTER, "");
}

static void do_command(struct app *app)
{
    prompt_open(app, PROMPT_COMMAND, "");
}

static void do_goto(struct app *app)
{
    prompt_open(app, PROMPT_COMMAND, "goto ");
}

static void search_again(struct app *app, int direction)
{
    if (!app->search[0]) {
        session_say(&app->session, true, "nothing was searched for yet");
        return;
    }
    app->searching = true;
    app->search_direction = direction;
    app->search_done = 0;
}

static void do_next(struct app *app)
{
    search_again(app, 1);
}

static void do_previous(struct app *app)
{
    search_again(app, -1);
}

static void do_sort(struct app *app)
{
    struct view *v = app_view(app);
    int32_t columns = 0;
    while (v->ops->columns && v->ops->columns[columns].title)
        columns++;
    if (columns == 0 || !v->ops->columns[0].title[0]) {
        session_say(&app->session, false, "this view has an order of its own");
        return;
    }
    int32_t next = app->count ? (int32_t)app->count - 1 : v->sort + 1;
    view_sort(&app->session, v, next < columns ? next : -1);
    const char *by = v->sort < 0 ? "" : v->ops->columns[v->sort].title;
    session_say(&app->session, false, v->sort < 0 ? "in the order of the view%s" : "sorted by %s",
                by + strspn(by, " "));
}

static void do_reverse(struct app *app)
{
    struct view *v = app_view(app);
    if (v->sort >= 0)
        view_sort(&app->session, v, v->sort);
}

static void do_set_place(struct app *app)
{
    app->waiting_key = 'm';
    session_say(&app->session, false, "a letter names this place; ' and the letter comes back");
}

static void do_go_place(struct app *app)
{
    app->waiting_key = '\'';
}

/* --- time --- */

static void do_earlier(struct app *app)
{
    session_seek_by(&app->session, -times(app));
}

static void do_later(struct app *app)
{
    session_seek_by(&app->session, times(app));
}

static void do_event_back(struct app *app)
{
    app->session.follow_victim = true;
    app->session.victim_was = 0;
    session_seek_event(&app->session, -times(app));
}

static void do_event_on(struct app *app)
{
    app->session.follow_victim = true;
    app->session.victim_was = 0;
    session_seek_event(&app->session, times(app));
}

static void do_newest(struct app *app)
{
    session_seek(&app->session, 0);
}

static void do_mark(struct app *app)
{
    session_set_mark(&app->session);
}

static void do_compare(struct app *app)
{
    session_compare(&app->session);
    if (app->current == VIEW_SQL)
        session_ask_again(&app->session);
}

static void do_pause(struct app *app)
{
    struct session *s = &app->session;
    if (!source_is_live(s->source)) {
        session_say(s, true, "no samples are taken of a recording or an image: nothing to pause");
        return;
    }
    bool runs = s->target.kind == TARGET_RUNNING;
    s->paused = !s->paused;
    source_pause(s->source, s->paused);
    session_say(s, false,
                !s->paused ? "going on"
                : runs     ? "paused: the machine runs on, the screen stands"
                           : "paused: no samples are taken, the screen stands");
}

static void do_refresh(struct app *app)
{
    const struct ask ask = {.kind = ASK_SAMPLE};
    source_ask(app->session.source, &ask);
}

/* --- the rest --- */

static void do_help(struct app *app)
{
    app->show_help = true;
    app->help_top = app->help_found = 0;
    app->help_search[0] = 0;
}

static void do_pane(struct app *app)
{
    app->show_pane = !app->show_pane;
    app->in_pane = false;
    session_say(&app->session, false, "%s",
                !app->show_pane ? "the pane is off"
                : !screen_has_pane(app)
                    ? "the pane is on, and comes with more lines"
                    : "the pane is on: what the cursor is on, where there is room");
}

static void do_mouse(struct app *app)
{
    app->mouse = !app->mouse;
    mousemask(app->mouse ? ALL_MOUSE_EVENTS : 0, NULL);
    session_say(&app->session, false, app->mouse ? "mouse on" : "mouse off: the terminal can copy");
}

static void do_redraw(struct app *app)
{
    (void)app;
    clearok(curscr, TRUE);
}

/* What was started together stops together, make and script too: else their shell would wait on.  Of
 * a size that the terminal got meanwhile no signal tells. */
static void do_suspend(struct app *app)
{
    struct sigaction stop = {.sa_handler = SIG_DFL}, before;
    struct winsize size;
    def_prog_mode();
    endwin();
    source_rest(app->session.source, true);
    sigaction(SIGTSTP, &stop, &before);
    kill(0, SIGTSTP); /* raw mode: ^Z comes as a key */
    sigaction(SIGTSTP, &before, NULL);
    source_rest(app->session.source, false);
    reset_prog_mode();
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        resizeterm(size.ws_row, size.ws_col);
    clearok(curscr, TRUE);
    refresh();
}

static void do_next_view(struct app *app)
{
    app_go(app, (enum view_id)((app->current + 1) % VIEWS));
}

static void do_previous_view(struct app *app)
{
    app_go(app, (enum view_id)((app->current + VIEWS - 1) % VIEWS));
}

static void do_sql(struct app *app)
{
    prompt_open(app, PROMPT_SQL, "");
}

static void open_view(struct app *app, enum view_id id)
{
    if (id == VIEW_REACH)
        reach(app);
    else
        app_open(app, id);
    if (id == VIEW_SQL) /* what is typed next is the question */
        do_sql(app);
}

#define X(ID, ...)                                                                                 \
    static void open_##ID(struct app *app)                                                         \
    {                                                                                              \
        open_view(app, VIEW_##ID);                                                                 \
    }
VIEW_LIST(X)
#undef X

#define MOVING   "Moving"
#define FOLDING  "Folding"
#define LINKS    "From thing to thing"
#define FINDING  "Finding"
#define TIME     "Time"
#define REVOKING "Revoking, stopping"
#define SCREEN   "Screen"

const struct action actions[] = {
    {"ask-sql", "ask a question in SQL", FINDING, do_sql, VIEW_SQL},
    {"down", "down", MOVING, do_down, -1},
    {"up", "up", MOVING, do_up, -1},
    {"page-down", "a page down", MOVING, do_page_down, -1},
    {"page-up", "a page up", MOVING, do_page_up, -1},
    {"first", "the first row; with a number: that row", MOVING, do_first, -1},
    {"last", "the last row", MOVING, do_last, -1},
    {"open", "open the row", FOLDING, do_open, -1},
    {"close", "close it, or go to its parent", FOLDING, do_close, -1},
    {"open-all", "open all", FOLDING, do_open_all, -1},
    {"close-all", "close all", FOLDING, do_close_all, -1},
    {"follow", "go to the thing, open or close a row with others below", LINKS, do_follow, -1},
    {"back", "back to where you came from", LINKS, do_back, -1},
    {"pane-focus", "into the pane below and out again; Enter follows its links", LINKS,
     do_pane_focus, -1},
    {"chain", "to the thread that this one waits for", LINKS, do_chain, -1},
    {"derivation", "this capability in the derivation tree: where it came from", LINKS,
     do_derivation, -1},
    {"who", "its object: who owns it, who holds it, where it is mapped", LINKS, do_who, -1},
    {"set-place", "name this place by a letter", LINKS, do_set_place, -1},
    {"go-place", "go to the place of a letter", LINKS, do_go_place, -1},
    {"search", "search, in closed rows too", FINDING, do_search, -1},
    {"search-next", "the next match", FINDING, do_next, -1},
    {"search-previous", "the match before", FINDING, do_previous, -1},
    {"filter", "show only rows that hold a text (empty: all)", FINDING, do_filter, -1},
    {"goto", "go to an address, slot or name", FINDING, do_goto, -1},
    {"sort", "sort by the next column (2z: by the second)", FINDING, do_sort, -1},
    {"reverse", "the other way round", FINDING, do_reverse, -1},
    {"earlier", "one snapshot back", TIME, do_earlier, -1},
    {"later", "one snapshot on", TIME, do_later, -1},
    {"event-back", "one event back", TIME, do_event_back, -1},
    {"event-on", "one event on", TIME, do_event_on, -1},
    {"newest", "the newest snapshot", TIME, do_newest, -1},
    {"mark", "mark this moment to compare with", TIME, do_mark, -1},
    {"compare", "compare with the mark (without one: a minute ago)", TIME, do_compare, -1},
    {"pause", "stop or go on taking samples", TIME, do_pause, -1},
    {"sample", "take a sample now", TIME, do_refresh, -1},
    {"preview", "what a revoke of this capability would take", REVOKING, revoking_preview, -1},
    {"arm", "stop when this capability is revoked; again: no more", REVOKING, revoking_arm, -1},
    {"disarm", "take away the stops that are armed here", REVOKING, revoking_disarm, -1},
    {"step", "one step; in a revoke: one capability", REVOKING, revoking_step, -1},
    {"step-back", "one step back, through the events kept", REVOKING, revoking_step_back, -1},
    {"finish", "to the end of the revoke", REVOKING, revoking_finish, -1},
    {"continue", "let the machine go on", REVOKING, revoking_continue, -1},
    {"halt", "stop the machine, or let it go on", REVOKING, revoking_halt, -1},
    {"killed", "on a replay: the moment this capability ends", REVOKING, revoking_killed, -1},
    {"made", "on a replay: the moment it came to be", REVOKING, revoking_made, -1},
    {"command", "goto, at, sql, bind, or a command for the monitor", SCREEN, do_command, -1},
    {"help", "this help", SCREEN, do_help, -1},
    {"pane", "the pane on and off", SCREEN, do_pane, -1},
    {"next-view", "the next view", SCREEN, do_next_view, -1},
    {"previous-view", "the view before", SCREEN, do_previous_view, -1},
    {"mouse", "mouse off, so that the terminal can copy", SCREEN, do_mouse, -1},
    {"redraw", "draw anew", SCREEN, do_redraw, -1},
    {"suspend", "to the shell; fg comes back", SCREEN, do_suspend, -1},
    {"quit", "leave; the machine runs on if it ran", SCREEN, app_quit, -1},
#define X(ID, key, action, name, brief, about) {action, about, GROUP_VIEWS, open_##ID, -1},
    VIEW_LIST(X)
#undef X
};
const uint32_t action_count = sizeof(actions) / sizeof(*actions);

static const struct {
    const char *action;
    int keys[4];
} defaults[] = {
    {"ask-sql", {'Q', 'i'}},
    {"down", {'j', KEY_DOWN}},
    {"up", {'k', KEY_UP}},
    {"page-down", {CTRL('F'), KEY_NPAGE}},
    {"page-up", {CTRL('B'), KEY_PPAGE}},
    {"first", {'g', KEY_HOME}},
    {"last", {'G', KEY_END}},
    {"open", {'l', KEY_RIGHT}},
    {"close", {'h', KEY_LEFT}},
    {"open-all", {'o'}},
    {"close-all", {'u'}},
    {"follow", {'\n', '\r', KEY_ENTER}},
    {"back", {KEY_BACKSPACE, RUBOUT, 8, KEY_F(7)}},
    {"pane-focus", {'\t'}},
    {"chain", {'W'}},
    {"derivation", {'d'}},
    {"who", {'w'}},
    {"set-place", {'"'}},
    {"go-place", {'\''}},
    {"search", {'/', KEY_F(3)}},
    {"search-next", {'n'}},
    {"search-previous", {'N'}},
    {"filter", {'&', KEY_F(4)}},
    {"goto", {'@', KEY_F(5)}},
    {"sort", {'z', KEY_F(6)}},
    {"reverse", {'Z'}},
    {"earlier", {'['}},
    {"later", {']'}},
    {"event-back", {'{'}},
    {"event-on", {'}'}},
    {"newest", {'.'}},
    {"mark", {'m'}},
    {"compare", {'=', KEY_F(8)}},
    {"pause", {' '}},
    {"sample", {'r'}},
    {"preview", {'p', KEY_F(9)}},
    {"arm", {'b'}},
    {"disarm", {'x'}},
    {"step", {'s'}},
    {"step-back", {'S'}},
    {"finish", {'f'}},
    {"continue", {'c'}},
    {"halt", {'!'}},
    {"killed", {'K'}},
    {"made", {'I'}},
    {"command", {':'}},
    {"help", {'?', KEY_F(1)}},
    {"pane", {'v', KEY_F(2)}},
    {"next-view", {'>'}},
    {"previous-view", {'<'}},
    {"mouse", {'%'}},
    {"redraw", {CTRL('L')}},
    {"suspend", {CTRL('Z')}},
    {"quit", {'q', KEY_F(10)}},
};

void keys_init(void)
{
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
        for (uint32_t k = 0; k < 4 && defaults[i].keys[k]; k++)
            bindings_begin(defaults[i].keys[k], defaults[i].action);
    for (uint32_t i = 0; i < VIEWS; i++)
        bindings_begin(view_key((enum view_id)i), view_action((enum view_id)i));
}

/* --- the mouse --- */

static const struct hit *hit_at(const struct app *app, int y, int x, bool link)
{
    for (uint32_t i = 0; i < app->hit_count; i++) {
        const struct hit *h = &app->hits[i];
        if (h->y == y && x >= h->from && x < h->to && (h->ref.kind != REF_NONE) == link)
            return h;
    }
    return NULL;
}

static void click(struct app *app, int y, int x, bool again)
{
    struct view *v = app_view(app);
    const struct hit *row = hit_at(app, y, x, false), *link = hit_at(app, y, x, true);
    if (row && row->tab >= 0) {
        app_open(app, (enum view_id)row->tab);
        return;
    }
    if (row && row->key) {
        keys_press(app, row->key);
        return;
    }
    uint32_t at = row && row->row >= 0 ? (uint32_t)row->row : UINT32_MAX;
    bool on_cursor = at == v->cursor;
    if (at != UINT32_MAX) {
        app->in_pane = false;
        view_go(v, at, app->list_height);
        const struct row *r = view_current(v);
        if (r && (r->flags & ROW_CAN_FOLD) && x < r->depth * 2 + 2) {
            view_open(&app->session, v, !(r->flags & ROW_OPEN));
            return;
        }
    }
    if (link && (!row || on_cursor || again)) {
        struct ref r = link->ref;
        app_follow(app, &r);
    }
}

static void mouse(struct app *app)
{
    MEVENT e;
    if (getmouse(&e) != OK)
        return;
    if (e.bstate & (mmask_t)BUTTON4_PRESSED)
        view_move(app_view(app), -WHEEL, app->list_height);
    else if (e.bstate & (mmask_t)BUTTON5_PRESSED)
        view_move(app_view(app), WHEEL, app->list_height);
    else if (e.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED))
        click(app, e.y, e.x, e.bstate & BUTTON1_DOUBLE_CLICKED);
}

/* --- a key --- */

static void place_key(struct app *app, int key)
{
    int waiting = app->waiting_key;
    app->waiting_key = 0;
    if (key < 'a' || key > 'z')
        return;
    struct place *p = &app->marks[key - 'a'];
    if (waiting == 'm') {
        *p = (struct place){
            .view = app->current, .ref = app_ref(app), .focus = app_view(app)->focus};
        session_say(&app->session, false, "'%c comes back here", key);
    } else if (p->view == VIEWS) {
        session_say(&app->session, true, "no place is called %c", key);
    } else {
        app_go(app, p->view);
        app_view(app)->focus = p->focus;
        view_show(&app->session, app_view(app), &p->ref);
    }
}

static bool digit(struct app *app, int key)
{
    if (!isdigit(key) || (key == '0' && !app->count))
        return false;
    if (app->count < COUNT_MAX / 10)
        app->count = app->count * 10 + (uint32_t)(key - '0');
    return true;
}

/* Out of the pane; else a question that is under way is given up. */
static void escape(struct app *app)
{
    if (!app->in_pane && session_give_up(&app->session))
        view_invalidate(&app->views[VIEW_SQL]);
    app->in_pane = false;
}

static void press(struct app *app, int key)
{
    const struct action *a = bindings_action(key, (int)app->current);
    app->searching = false; /* any key ends a search that is under way */
    if (a)
        a->run(app);
    else if (key == ESCAPE || key == CTRL('C'))
        escape(app);
}

void keys_press(struct app *app, int key)
{
    if (app->show_help) {
        help_key(app, key);
    } else if (app->prompt) {
        prompt_key(app, key);
    } else if (key == KEY_RESIZE) {
        return;
    } else if (app->waiting_key) {
        place_key(app, key);
    } else if (key == KEY_MOUSE) {
        mouse(app);
    } else if (key < 256 && digit(app, key)) {
        return;
    } else {
        session_say(&app->session, false, "%s", "");
        press(app, key);
        app->count = 0;
    }
}
