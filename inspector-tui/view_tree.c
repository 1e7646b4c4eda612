/* The derivation tree: every capability below the one it was derived from. */
#include "inspector-tui/app.h"

#include <stdio.h>

enum { KIND_CAP = 16 };

static void build(struct app *app, struct view *v)
{
    const struct capstate *s = &app->state;
    for (int32_t i = 0; i < (int32_t)s->slot_count;) {
        const struct capstate_slot *slot = &s->slots[i];
        bool parent = slot->next > i + 1;
        struct row *r = view_add(v, row_key(KIND_CAP, slot->rec.addr, slot->rec.type),
                                 slot->rec.depth, parent ? ROW_CAN_FOLD : 0);
        if (!r)
            return;
        r->slot = i;
        r->object = slot->object;
        r->value = (uint32_t)(slot->next - i - 1);
        if (app_slot_changed(app, i))
            r->flags |= ROW_CHANGED;
        i = parent && !(r->flags & ROW_OPEN) ? slot->next : i + 1;
    }
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    char cap[200], place[200], below[32] = "";
    capstate_slot_text(&app->state, r->slot, cap, sizeof cap);
    capstate_place_text(&app->state, r->slot, place, sizeof place);
    if (r->value)
        snprintf(below, sizeof below, "  [%u below]", r->value);
    snprintf(buf, size, "%s  in %s%s", cap, place, below);
}

const struct view_ops view_tree = {"Derivation", NULL, build, text, NULL};
