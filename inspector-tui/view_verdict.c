/* The verdict: is the system isolated (paper 3.2.3), and if not, every breach with its witnesses.
 */
#include "inspector-tui/app.h"

#include <stdio.h>

enum { KIND_VERDICT = 96, KIND_BREACH, KIND_STEP };

/* A breach keeps its row as long as it is the same breach between the same things. */
static uint64_t breach_key(const struct app *app, const struct authority_breach *b)
{
    const struct capstate *s = &app->state;
    uint64_t object = b->object >= 0 ? s->objects[b->object].addr : (uint32_t)b->domain_a;
    uint64_t slot = b->slot_a >= 0 ? s->slots[b->slot_a].rec.addr : (uint32_t)b->domain_b;
    return row_key(KIND_BREACH + (uint32_t)b->kind, object, (uint32_t)(slot ^ slot >> 32));
}

static void build(struct app *app, struct view *v)
{
    if (!app->have_verdict)
        return;
    struct row *r = view_add(v, row_key(KIND_VERDICT, 0, 0), 0, 0);
    if (!r)
        return;
    r->value = UINT32_MAX;
    if (authority_outcome(&app->verdict) != AUTHORITY_ISOLATED)
        r->flags |= ROW_ALERT;
    for (uint32_t i = 0; i < app->verdict.count; i++) {
        const struct authority_breach *b = &app->verdict.breach[i];
        r = view_add(v, breach_key(app, b), 1, 0);
        if (!r)
            return;
        if (b->weight != AUTHORITY_NOTE)
            r->flags |= ROW_ALERT;
        r->value = i;
        r->slot = b->slot_a >= 0 ? b->slot_a : b->slot_b;
        r->object = b->object;
    }
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    char managers[160], verdict[200];
    if (r->value == UINT32_MAX) {
        snprintf(buf, size, "%s  (trusted managers left out: %s)",
                 authority_verdict_text(&app->verdict, verdict, sizeof verdict),
                 authority_managers_text(&app->authority, managers, sizeof managers));
        return;
    }
    const struct authority_breach *b = &app->verdict.breach[r->value];
    snprintf(buf, size, "%-14s %s, %s: %s", authority_breach_name(b->kind),
             app_domain_name(app, b->domain_a), app_domain_name(app, b->domain_b),
             authority_breach_sentence(b->kind));
}

static void detail_slot_line(struct app *app, const char *what, int32_t slot)
{
    char cap[200], place[200];
    if (slot >= 0)
        app_detail(app, "%s %s: %s", what,
                   capstate_place_text(&app->state, slot, place, sizeof place),
                   capstate_slot_text(&app->state, slot, cap, sizeof cap));
}

static void detail_verdict(struct app *app)
{
    app_detail(app, "The restrictions of the paper (3.2.3), untyped memory that covers another "
                    "domain's objects,");
    app_detail(app, "and the invariants of retype and of the derivation tree.");
    if (app->authority.root == AUTHORITY_ROOT_UNKNOWN)
        app_detail(app,
                   "The root task is not known here: trusted is who a rule says, nobody else.");
    if (app->authority.root == AUTHORITY_ROOT_BY_PLACE)
        app_detail(app, "The root task is the only thread that lies in no untyped memory; the "
                        "snapshot does not name it.");
}

static void detail(struct app *app, const struct row *r)
{
    if (r->value == UINT32_MAX) {
        detail_verdict(app);
        return;
    }
    const struct authority_breach *b = &app->verdict.breach[r->value];
    app_detail(app, "%s", authority_breach_sentence(b->kind));
    if (b->further)
        app_detail(app, "and %u more domains", b->further);
    detail_slot_line(app, "witness", b->slot_a);
    detail_slot_line(app, "witness", b->slot_b);
    for (uint32_t i = 0; i < b->path_count; i++) {
        char edge[250];
        app_detail(app, "%s %s", b->path[i].backwards ? "  <-" : "  ->",
                   authority_edge_text(&app->authority, b->path[i].edge, edge, sizeof edge));
    }
}

const struct view_ops view_verdict = {"Verdict", NULL, build, text, detail};
