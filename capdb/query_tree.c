/* cdt, preview, untyped: the derivation tree and what hangs on it. */
#include "capdb/command.h"
#include "lib/array.h"

#include "facts/toll.h"
#include "facts/untyped.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

/* --- cdt --- */

/* first: the slot of row 0. */
static void cdt_row(struct output *out, const struct view *v, int32_t first, int32_t slot)
{
    char text[TEXT_BYTES];
    const struct record_slot *r = &v->state.slots[slot].rec;
    int32_t parent = v->state.slots[slot].parent;
    output_below(out, parent >= first ? parent - first : -1);
    output_text(out, capstate_slot_text(&v->state, slot, text, sizeof(text)));
    output_int(out, r->depth);
    output_hex(out, r->addr);
    if (parent >= 0)
        output_hex(out, v->state.slots[parent].rec.addr);
    else
        output_text(out, "-");
    output_text(out, domain_name(v, authority_slot_domain(&v->authority, slot)));
    output_text(out, capstate_place_text(&v->state, slot, text, sizeof(text)));
    output_row(out);
}

/* The slot an operand names: slot:0x…, or any object's first capability. */
static bool find_root(struct options *o, const struct view *v, const char *name, int32_t *slot)
{
    struct thing t;
    uint64_t addr;
    if (address_parse(name, &v->state.snapshot, &addr) && capstate_slot_at(&v->state, addr) >= 0) {
        *slot = capstate_slot_at(&v->state, addr);
        return true;
    }
    if (!thing_find(o, v, name, &t))
        return false;
    *slot = t.slot >= 0 ? t.slot : t.object >= 0 ? v->state.objects[t.object].first_slot : -1;
    if (*slot < 0)
        command_complain(o->run, "snapshot %u: no capability at or to %s", v->n, name);
    return *slot >= 0;
}

/* Slots first to end, not included: the whole tree, or what an operand names. */
static enum status open_tree(struct options *o, struct view *v, int32_t *first, int32_t *end)
{
    const char *name = o->operands == 1 ? o->operand[0] : NULL;
    enum status s = name ? dbview_open_about(o, v, name, false) : dbview_open(o, v);
    *first = 0;
    if (s == STATUS_YES && name) {
        s = find_root(o, v, name, first) ? STATUS_YES : STATUS_UNKNOWN;
        uint64_t slot = s == STATUS_YES ? v->state.slots[*first].rec.addr : 0;
        if (s == STATUS_YES)
            s = dbview_load_tree(o, v, slot);
        *first = s == STATUS_YES ? capstate_slot_at(&v->state, slot) : 0;
        if (s != STATUS_YES)
            dbview_close(v);
    }
    if (s == STATUS_YES)
        *end = name ? v->state.slots[*first].next : (int32_t)v->state.slot_count;
    return s;
}

enum status command_cdt(struct options *o)
{
    static const char *const columns[] = {"capability", "#depth", "slot", "parent",
                                          "domain",     "place",  NULL};
    struct view v;
    int32_t first;
    int32_t end;
    enum status s = open_tree(o, &v, &first, &end);
    if (s != STATUS_YES)
        return s;
    struct output *out = output_begin(stdout, output_default, columns);
    for (int32_t i = first; i < end; i++)
        cdt_row(out, &v, first, i);
    dbview_close(&v);
    return command_finish(o, out, STATUS_YES);
}

/* --- preview --- */

struct preview {
    const struct view *v;
    int32_t first, end; /* the victims */
    bool *gone;      /* of each slot: is it emptied? Also of those in CNodes and threads that end */
    int32_t *frames; /* those to frames, sorted */
    uint32_t frame_count;
    struct output *out;
    uint32_t mappings;
};

static void preview_row(struct preview *p, const char *what, uint64_t addr, int32_t domain,
                        const char *text)
{
    output_text(p->out, what);
    output_hex(p->out, addr);
    output_text(p->out, domain_name(p->v, domain));
    output_text(p->out, text);
    output_row(p->out);
}

static void preview_cap(struct preview *p, int32_t slot, const char *more)
{
    char text[TEXT_BYTES];
    const struct capstate *s = &p->v->state;
    capstate_slot_text(s, slot, text, sizeof(text) - strlen(more));
    strcat(text, more);
    preview_row(p, "capability", s->slots[slot].rec.addr,
                authority_slot_domain(&p->v->authority, slot), text);
}

/* The steps, in the kernel's order, and then what lies in CNodes and threads that end by them. */
static void preview_caps(struct preview *p)
{
    for (int32_t i = p->first; i < p->end; i++)
        preview_cap(p, i, "");
    for (uint32_t i = 0; i < p->v->state.slot_count; i++)
        if (p->gone[i] && ((int32_t)i < p->first || (int32_t)i >= p->end))
            preview_cap(p, (int32_t)i, ", with what it lies in");
}

static void preview_objects(struct preview *p)
{
    char text[TEXT_BYTES];
    const struct capstate *s = &p->v->state;
    for (uint32_t i = 0; i < s->object_count; i++) {
        if (!toll_ends(s, p->gone, (int32_t)i))
            continue;
        capstate_object_text(s, (int32_t)i, text, sizeof(text));
        preview_row(p, s->objects[i].type == RECORD_CAP_TCB ? "thread" : "object",
                    s->objects[i].addr, p->v->authority.home[i], text);
    }
}

static int by_frame(const void *pa, const void *pb, void *ctx)
{
    const struct capstate *s = ctx;
    const struct record_slot *a = &s->slots[*(const int32_t *)pa].rec;
    const struct record_slot *b = &s->slots[*(const int32_t *)pb].rec;
    if (a->object != b->object)
        return a->object < b->object ? -1 : 1;
    if (a->data != b->data)
        return a->data < b->data ? -1 : 1;
    return (a->extra > b->extra) - (a->extra < b->extra);
}

/* The victims to frames, by frame, address and ASID. */
static void find_frames(struct preview *p)
{
    const struct capstate *s = &p->v->state;
    p->frames = output_alloc(NULL, ((size_t)s->slot_count + 1) * sizeof(*p->frames));
    p->frame_count = 0;
    for (uint32_t i = 0; i < s->slot_count; i++)
        if (p->gone[i] && s->slots[i].rec.type == RECORD_CAP_FRAME)
            p->frames[p->frame_count++] = (int32_t)i;
    if (p->frame_count)
        qsort_r(p->frames, p->frame_count, sizeof(*p->frames), by_frame, (void *)(uintptr_t)s);
}

static bool goes_before(const struct record_slot *r, const struct record_mapping *m)
{
    return r->object != m->frame ? r->object < m->frame
           : r->data != m->vaddr ? r->data < m->vaddr
                                 : r->extra < m->asid;
}

static bool frame_goes(const struct preview *p, const struct record_mapping *m)
{
    const struct capstate *s = &p->v->state;
    size_t at = LOWER_BOUND(p->frame_count, i, goes_before(&s->slots[p->frames[i]].rec, m));
    if (at == p->frame_count)
        return false;
    const struct record_slot *r = &s->slots[p->frames[at]].rec;
    return r->object == m->frame && r->data == m->vaddr && r->extra == m->asid;
}

static bool table_goes(const struct preview *p, uint64_t addr)
{
    int32_t object = addr ? capstate_object_at(&p->v->state, addr) : -1;
    if (object < 0)
        return false;
    uint32_t type = p->v->state.objects[object].type;
    return (type == RECORD_CAP_PAGE_TABLE || type == RECORD_CAP_PAGE_DIRECTORY) &&
           toll_ends(&p->v->state, p->gone, object);
}

/* A translation goes when its frame's capability that made it goes: with the same ASID and address.
 * One whose directory or table goes ends too. */
static bool mapping_goes(const struct preview *p, const struct record_mapping *m)
{
    return frame_goes(p, m) || table_goes(p, m->table) || table_goes(p, m->dir);
}

static void preview_mappings(struct preview *p)
{
    char text[TEXT_BYTES];
    const struct capstate *s = &p->v->state;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        if (!mapping_goes(p, m))
            continue;
        int32_t dir = capstate_object_at(s, m->dir);
        snprintf(text, sizeof(text), "0x%" PRIx64 " at 0x%" PRIx64 " in directory 0x%" PRIx64,
                 m->frame, m->vaddr, m->dir);
        preview_row(p, "mapping", m->vaddr, dir < 0 ? -1 : p->v->authority.home[dir], text);
        p->mappings++;
    }
}

/* The caller frees *gone. */
static enum status find_gone(struct options *o, const struct view *v, int32_t root, bool **gone,
                             struct toll *toll)
{
    *gone = output_alloc(NULL, (size_t)v->state.slot_count + 1);
    bool found = toll_of(&v->state, root, *gone, toll) == ERR_OK;
    return found ? STATUS_YES : command_complain(o->run, "out of memory");
}

/* The same root, now with all frames that go. */
static enum status load_revoked(struct options *o, struct view *v, int32_t *root)
{
    struct toll toll;
    bool *gone;
    uint64_t slot = v->state.slots[*root].rec.addr;
    enum status s = find_gone(o, v, *root, &gone, &toll);
    if (s == STATUS_YES)
        s = dbview_load_revoked(o, v, *root, gone);
    free(gone);
    if (s == STATUS_YES)
        *root = capstate_slot_at(&v->state, slot);
    return s;
}

/* What ends is known without frames; then those come that go with it. */
static enum status open_preview(struct options *o, struct view *v, int32_t *root)
{
    enum status s = dbview_open_skeleton(o, v, o->operand[0]);
    if (s != STATUS_YES)
        return s;
    s = find_root(o, v, o->operand[0], root) ? STATUS_YES : STATUS_UNKNOWN;
    if (s == STATUS_YES && v->state.part)
        s = load_revoked(o, v, root);
    if (s != STATUS_YES)
        dbview_close(v);
    return s;
}

enum status command_preview(struct options *o)
{
    static const char *const columns[] = {"goes", "address", "domain", "what", NULL};
    struct view v;
    int32_t root;
    char text[TEXT_BYTES];
    struct preview p = {.v = &v};
    struct toll toll;
    if (open_preview(o, &v, &root) != STATUS_YES)
        return STATUS_UNKNOWN;
    p.first = root + 1;
    p.end = v.state.slots[root].next;
    if (find_gone(o, &v, root, &p.gone, &toll) != STATUS_YES)
        return STATUS_UNKNOWN;
    p.out = output_begin(stdout, output_default, columns);
    preview_caps(&p);
    preview_objects(&p);
    find_frames(&p);
    preview_mappings(&p);
    free(p.frames);
    free(p.gone);
    char taken[TOLL_TEXT];
    snprintf(text, sizeof(text), "revoke takes %s; %u translation%s", toll_text(&toll, taken),
             p.mappings, p.mappings == 1 ? " ends" : "s end");
    preview_row(&p, "total", v.state.slots[root].rec.addr,
                authority_slot_domain(&v.authority, root), text);
    dbview_close(&v);
    return command_finish(o, p.out, STATUS_YES);
}

/* --- untyped --- */

/* Which are told: those of one domain, those to one object, all. */
struct untyped_choice {
    int32_t domain, object; /* -1: not chosen by it */
};

static bool is_chosen(const struct view *v, const struct untyped_choice *c, int32_t slot)
{
    const struct capstate_slot *s = &v->state.slots[slot];
    if (s->rec.type != RECORD_CAP_UNTYPED || s->object < 0)
        return false;
    return c->object >= 0   ? s->object == c->object
           : c->domain >= 0 ? authority_slot_domain(&v->authority, slot) == c->domain
                            : true;
}

static void untyped_row(struct output *out, const struct view *v, int32_t slot,
                        const uint64_t *live)
{
    char text[TEXT_BYTES];
    const struct record_slot *r = &v->state.slots[slot].rec;
    struct untyped_use u = untyped_use(&v->state, v->state.slots[slot].object, live);
    output_hex(out, r->object);
    output_int(out, r->bits);
    output_text(out, r->flags & RECORD_SLOT_DEVICE ? "device" : "-");
    output_text(out, domain_name(v, authority_slot_domain(&v->authority, slot)));
    output_word(out, u.size);
    output_word(out, u.used);
    output_word(out, u.live);
    output_word(out, u.lost);
    output_word(out, u.free);
    output_word(out, u.used); /* a revoke gives back all of it */
    output_hex(out, r->addr);
    output_text(out, capstate_place_text(&v->state, slot, text, sizeof(text)));
    output_row(out);
}

/* The untyped memory that a name means, or that what it means lies in. */
static int32_t find_untyped(struct options *o, const struct view *v, const struct thing *t)
{
    int32_t object = t->object;
    while (object >= 0 && v->state.objects[object].type != RECORD_CAP_UNTYPED)
        object = v->authority.enclosing[object];
    if (object < 0)
        command_complain(o->run, "snapshot %u: %s is no untyped memory and lies in none", v->n,
                         o->operand[0]);
    return object;
}

/* Do all capabilities to the object descend from the first, so that its subtree has all that is made
 * of it? */
static bool in_one_tree(const struct capstate *s, int32_t object)
{
    int32_t first = s->objects[object].first_slot;
    for (int32_t i = first; i >= 0; i = s->slots[i].next_same)
        if (i >= s->slots[first].next)
            return false;
    return true;
}

/* With all that is made of the memory: then its account is what it is in the whole. */
static enum status load_untyped(struct options *o, struct view *v, struct untyped_choice *c)
{
    const struct capstate *s = &v->state;
    uint64_t slot = s->slots[s->objects[c->object].first_slot].rec.addr;
    if (!s->part)
        return STATUS_YES;
    bool whole = !in_one_tree(s, c->object);
    enum status done = whole ? dbview_load_all(o, v) : dbview_load_tree(o, v, slot);
    if (done == STATUS_YES)
        c->object = s->slots[capstate_slot_at(s, slot)].object;
    return done;
}

/* No index leads from a domain to what it holds. Domains of a part are numbered in another order. */
static enum status choose_domain(struct options *o, struct view *v, struct untyped_choice *c)
{
    struct thing t;
    if (v->state.part && dbview_load_all(o, v) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!thing_find(o, v, o->operand[0], &t))
        return STATUS_UNKNOWN;
    c->domain = t.domain;
    return STATUS_YES;
}

static enum status choose_untyped(struct options *o, struct view *v, struct untyped_choice *c)
{
    struct thing t;
    if (!thing_find(o, v, o->operand[0], &t))
        return STATUS_UNKNOWN;
    if (t.kind == THING_DOMAIN)
        return choose_domain(o, v, c);
    c->object = find_untyped(o, v, &t);
    return c->object < 0 ? STATUS_UNKNOWN : load_untyped(o, v, c);
}

static enum status open_untyped(struct options *o, struct view *v, struct untyped_choice *c)
{
    enum status s = o->operands ? dbview_open_about(o, v, o->operand[0], false) : dbview_open(o, v);
    *c = (struct untyped_choice){-1, -1};
    if (s != STATUS_YES || !o->operands)
        return s;
    s = choose_untyped(o, v, c);
    if (s != STATUS_YES)
        dbview_close(v);
    return s;
}

enum status command_untyped(struct options *o)
{
    static const char *const columns[] = {"untyped", "#bits", "device", "domain", "#size",
                                          "#used",   "#live", "#lost",  "#free",  "#reclaimable",
                                          "slot",    "place", NULL};
    struct view v;
    struct untyped_choice choice;
    enum status s = open_untyped(o, &v, &choice);
    if (s != STATUS_YES)
        return s;
    uint64_t *live = untyped_live(&v.authority);
    struct output *out = output_begin(stdout, output_default, columns);
    for (int32_t i = 0; live && i < (int32_t)v.state.slot_count; i++)
        if (is_chosen(&v, &choice, i))
            untyped_row(out, &v, i, live);
    s = live ? STATUS_YES : command_complain(o->run, "out of memory");
    free(live);
    dbview_close(&v);
    return command_finish(o, out, s);
}
