/* The inspector's loop: takes new states from the source, keeps the views, waits for keys. */
#include "inspector-tui/app.h"

#include "lib/format.h"

#include <ncurses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 50, CONSOLE_KEEP = 1 << 18 };

void app_say(struct app *app, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(app->message, sizeof app->message, fmt, args);
    va_end(args);
}

const char *app_domain_name(const struct app *app, int32_t domain)
{
    if (!app->have_authority || domain < 0 || (uint32_t)domain >= app->authority.domain_count)
        return "-";
    return app->authority.domains[domain].name;
}

/* --- what changed since the snapshot before
 * ------------------------------------------------------- */

static uint64_t slot_sum(const struct record_slot *r)
{
    uint64_t x = (uint64_t)r->addr << 32 | r->object;
    x ^= ((uint64_t)r->type << 58) ^ ((uint64_t)r->rights << 50) ^
         (uint64_t)r->data * 0x9e3779b97f4a7c15u;
    return x ^ (uint64_t)r->extra << 20;
}

static int compare_sums(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void remember_slots(struct app *app)
{
    free(app->known);
    app->known_count = app->state.slot_count;
    app->known = malloc((app->known_count + 1) * sizeof *app->known);
    app->have_known = app->known != NULL;
    if (!app->known)
        return;
    for (uint32_t i = 0; i < app->known_count; i++)
        app->known[i] = slot_sum(&app->state.slots[i].rec);
    qsort(app->known, app->known_count, sizeof *app->known, compare_sums);
}

bool app_slot_changed(const struct app *app, int32_t slot)
{
    if (!app->have_known)
        return false;
    uint64_t sum = slot_sum(&app->state.slots[slot].rec);
    return !bsearch(&sum, app->known, app->known_count, sizeof sum, compare_sums);
}

/* --- new states
 * -------------------------------------------------------------------------------------- */

static void refresh_all(struct app *app)
{
    for (uint32_t i = 0; i < VIEWS; i++)
        if (i != VIEW_CONSOLE)
            view_refresh(app, &app->views[i]);
}

static void forget_verdict(struct app *app)
{
    if (!app->have_authority)
        return;
    authority_verdict_free(&app->verdict);
    app->have_verdict = false;
    authority_free(&app->authority);
    app->have_authority = false;
}

/* After a step: the capability that goes next is what one wants to see. */
static void follow_revoke(struct app *app)
{
    if (!app->follow_revoke)
        return;
    app->follow_revoke = false;
    int32_t victim =
        app->state.revoke.root ? capstate_slot_at(&app->state, app->state.revoke.victim) : -1;
    if (victim >= 0)
        app_show_slot(app, victim);
}

static bool take_state(struct app *app)
{
    struct capstate fresh;
    capstate_init(&fresh);
    if (!source_take(app->source, &fresh)) {
        capstate_free(&fresh);
        return false;
    }
    if (app->have_state)
        remember_slots(app);
    forget_verdict(app);
    capstate_free(&app->state);
    app->state = fresh;
    app->have_state = true;
    app->have_authority =
        authority_build(&app->state, source_rules(app->source), &app->authority) == ERR_OK;
    if (!app->have_authority)
        app_say(app, "out of memory: domains are not shown");
    else
        app->have_verdict = authority_check(&app->authority, false, &app->verdict) == ERR_OK;
    refresh_all(app);
    follow_revoke(app);
    moment_follow(app);
    return true;
}

static void take_console(struct app *app)
{
    char *text = source_console(app->source);
    if (text && *text)
        app_console(app, text);
    free(text);
}

/* Hostile bytes are escaped here, line ends kept. */
void app_console(struct app *app, const char *text)
{
    size_t n = strlen(text);
    char *bigger = realloc(app->console, app->console_len + n * 4 + 2);
    if (!bigger)
        return;
    app->console = bigger;
    char *to = bigger + app->console_len;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r')
            continue;
        if (text[i] == '\n')
            *to++ = '\n';
        else
            to += format_escape(to, 5, text + i, 1);
    }
    *to = 0;
    app->console_len = (size_t)(to - bigger);
    if (app->console_len > CONSOLE_KEEP) {
        char *cut = strchr(bigger + app->console_len - CONSOLE_KEEP, '\n');
        cut = cut ? cut + 1 : bigger + app->console_len;
        app->console_len = strlen(cut);
        memmove(bigger, cut, app->console_len + 1);
    }
    struct view *v = &app->views[VIEW_CONSOLE];
    bool at_end = v->count == 0 || v->cursor + 1 >= v->count;
    view_refresh(app, v);
    if (at_end)
        view_go(v, v->count, screen_list_height(app));
}

static void watch_source(struct app *app)
{
    char why[256];
    if (source_status(app->source, why, sizeof why) != ERR_OK) {
        snprintf(app->ending, sizeof app->ending, "%s", why);
        app->exit_status = 2;
        app->running = false;
    } else if (why[0]) {
        app_say(app, "%s", why);
    }
}

void app_init(struct app *app, struct source *source)
{
    static const struct view_ops *const ops[VIEWS] = {
        [VIEW_SPACES] = &view_spaces,   [VIEW_TREE] = &view_tree,
        [VIEW_THREADS] = &view_threads, [VIEW_UNTYPED] = &view_untyped,
        [VIEW_OBJECTS] = &view_objects, [VIEW_VERDICT] = &view_verdict,
        [VIEW_CONSOLE] = &view_console,
    };
    *app = (struct app){.source = source, .running = true, .show_detail = true, .mouse = true};
    capstate_init(&app->state);
    for (uint32_t i = 0; i < VIEWS; i++)
        view_init(&app->views[i], ops[i], false);
}

void app_fini(struct app *app)
{
    forget_verdict(app);
    capstate_free(&app->state);
    for (uint32_t i = 0; i < VIEWS; i++)
        view_fini(&app->views[i]);
    free(app->console);
    free(app->known);
}

int app_run(struct app *app)
{
    bool dirty = true;
    while (app->running) {
        bool fresh = take_state(app);
        take_console(app);
        moment_take(app);
        if (source_is_live(app->source))
            watch_source(app);
        if (dirty || fresh || app->message[0])
            screen_draw(app);
        timeout(TICK_MS);
        int key = getch();
        dirty = key != ERR;
        /* a storm of keys or resizes is taken as a whole before the next paint */
        timeout(0);
        for (int n = 0; key != ERR && n < 64; n++, key = getch()) {
            app->message[0] = 0;
            app_key(app, key);
            if (!app->running)
                break;
        }
    }
    return app->exit_status;
}
