/* Objects by address: what lies where, who owns it, how many capabilities lead there. */
#include "inspector-tui/app.h"

#include <stdio.h>

enum { KIND_OBJECT = 64, KIND_HOLDER };

static void add_holders(struct app *app, struct view *v, int32_t object)
{
    const struct capstate *s = &app->state;
    for (int32_t i = s->objects[object].first_slot; i >= 0; i = s->slots[i].next_same) {
        struct row *r = view_add(v, row_key(KIND_HOLDER, s->slots[i].rec.addr, 0), 1, 0);
        if (!r)
            return;
        r->slot = i;
        r->object = object;
        r->value = KIND_HOLDER;
    }
}

static void build(struct app *app, struct view *v)
{
    const struct capstate *s = &app->state;
    for (uint32_t i = 0; i < s->object_count; i++) {
        const struct capstate_object *o = &s->objects[i];
        if (o->type == RECORD_CAP_UNTYPED && (o->flags & RECORD_SLOT_DEVICE))
            continue;
        struct row *r = view_add(v, row_key(KIND_OBJECT + o->type, o->addr, o->bits), 0,
                                 o->first_slot >= 0 ? ROW_CAN_FOLD : 0);
        if (!r)
            return;
        r->object = (int32_t)i;
        r->value = KIND_OBJECT;
        if (r->flags & ROW_OPEN)
            add_holders(app, v, (int32_t)i);
    }
}

static void text(struct app *app, const struct row *r, char *buf, size_t size)
{
    const struct capstate *s = &app->state;
    char what[200], place[200];
    if (r->value == KIND_HOLDER) {
        capstate_slot_text(s, r->slot, what, sizeof what);
        capstate_place_text(s, r->slot, place, sizeof place);
        snprintf(buf, size, "%s: %s", place, what);
        return;
    }
    capstate_object_text(s, r->object, what, sizeof what);
    struct authority_owner owner;
    authority_owner_of(&app->authority, s->objects[r->object].addr, &owner);
    snprintf(buf, size, "%-44s %-10s %u cap%s", what, app_domain_name(app, owner.domain),
             s->objects[r->object].caps, s->objects[r->object].caps == 1 ? "" : "s");
}

const struct view_ops view_objects = {"Objects", NULL, build, text, NULL};
