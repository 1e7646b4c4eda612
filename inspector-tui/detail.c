/* The detail pane: everything about the thing under the cursor. */
#include "inspector-tui/app.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void app_detail(struct app *app, const char *fmt, ...)
{
    if (app->detail_count >= DETAIL_LINES)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(app->detail[app->detail_count++], DETAIL_WIDTH, fmt, args);
    va_end(args);
}

enum { SHOWN_HOLDERS = 12, SHOWN_ANCESTORS = 16, SHOWN_MAPPINGS = 8 };

static void detail_slot(struct app *app, int32_t slot)
{
    const struct capstate *s = &app->state;
    const struct capstate_slot *c = &s->slots[slot];
    char text[200], place[200];
    app_detail(app, "%s", capstate_slot_text(s, slot, text, sizeof text));
    app_detail(app, "in %s  slot 0x%08" PRIx64 "  depth %u%s%s",
               capstate_place_text(s, slot, place, sizeof place), c->rec.addr, c->rec.depth,
               c->rec.flags & RECORD_SLOT_REVOCABLE ? "  original" : "  copy",
               c->rec.flags & RECORD_SLOT_FIRST_BADGED ? "  first of its badge" : "");
    app_detail(app, "a revoke here takes %u capabilities", (uint32_t)(c->next - slot - 1));
    int shown = 0;
    for (int32_t p = c->parent; p >= 0 && shown < SHOWN_ANCESTORS; p = s->slots[p].parent, shown++)
        app_detail(app, "%s %s  in %s", shown ? "        from" : "derived from",
                   capstate_slot_text(s, p, text, sizeof text),
                   capstate_place_text(s, p, place, sizeof place));
}

static void detail_mappings(struct app *app, const struct capstate_object *o)
{
    const struct capstate *s = &app->state;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (m->frame < o->addr || m->frame - o->addr >= 1ull << o->bits)
            continue;
        if (shown++ < SHOWN_MAPPINGS)
            app_detail(app,
                       "mapped at 0x%08" PRIx64 " in directory 0x%08" PRIx64 " (asid %u) %s%s%s",
                       m->vaddr, m->dir, m->asid, m->rights & 2 ? "r" : "-",
                       m->rights & 1 ? "w" : "-", m->rights & 4 ? "x" : "-");
    }
    if (shown > SHOWN_MAPPINGS)
        app_detail(app, "and %u more mappings", shown - SHOWN_MAPPINGS);
}

static void detail_object(struct app *app, int32_t object)
{
    const struct capstate *s = &app->state;
    const struct capstate_object *o = &s->objects[object];
    char text[200], place[200];
    struct authority_owner owner;
    authority_owner_of(&app->authority, o->addr, &owner);
    app_detail(app, "%s", capstate_object_text(s, object, text, sizeof text));
    app_detail(app, "owner: %s%s", app_domain_name(app, owner.domain),
               owner.by_untyped ? " (holds the untyped over it)" : "");
    uint32_t shown = 0;
    for (int32_t i = o->first_slot; i >= 0; i = s->slots[i].next_same)
        if (shown++ < SHOWN_HOLDERS)
            app_detail(app, "held in %s: %s", capstate_place_text(s, i, place, sizeof place),
                       capstate_slot_text(s, i, text, sizeof text));
    if (shown > SHOWN_HOLDERS)
        app_detail(app, "and %u more capabilities", shown - SHOWN_HOLDERS);
    if (o->type == RECORD_CAP_FRAME || o->type == RECORD_CAP_UNTYPED)
        detail_mappings(app, o);
}

static void detail_thread(struct app *app, int32_t thread)
{
    const struct record_thread *t = &app->state.threads[thread].rec;
    app_detail(app, "%s  tcb 0x%08" PRIx64 "  domain %s", app->state.threads[thread].label, t->addr,
               app_domain_name(app, app->authority.thread_domain[thread]));
    app_detail(app,
               "pc 0x%08" PRIx64 "  sp 0x%08" PRIx64 "  cpsr 0x%08" PRIx64
               "  prio %u  mcp %u  slice %u",
               t->pc, t->sp, t->cpsr, t->priority, t->mcp, t->time_slice);
    app_detail(app,
               "ipc buffer 0x%08" PRIx64 "  fault handler 0x%" PRIx64
               "  bound notification 0x%08" PRIx64,
               t->ipc_buffer, t->fault_handler, t->bound);
    if (t->blocked_on)
        app_detail(app, "waits on 0x%08" PRIx64 "  badge 0x%" PRIx64 "  place %u in the queue",
                   t->blocked_on, t->blocked_badge, t->position);
    if (t->fault)
        app_detail(app, "fault %u  address 0x%08" PRIx64 "  detail 0x%" PRIx64, t->fault,
                   t->fault_addr, t->fault_detail);
}

void detail_row(struct app *app, const struct row *r)
{
    if (r->thread >= 0)
        detail_thread(app, r->thread);
    if (r->slot >= 0)
        detail_slot(app, r->slot);
    if (r->object >= 0)
        detail_object(app, r->object);
    if (r->domain >= 0)
        app_detail(app, "domain %s", app_domain_name(app, r->domain));
}
