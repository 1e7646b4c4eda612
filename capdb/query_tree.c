/* cdt, preview, untyped: the derivation tree and what hangs on it. */
#include "capdb/command.h"
#include "lib/array.h"

#include "facts/toll.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512, INDENT_MAX = 60 };

static enum status finish(struct options *o, struct output *out, enum status s)
{
    if (!output_end(out))
        return command_complain(o->run, "output could not be written");
    return s;
}

/* --- cdt --- */

static void cdt_row(struct output *out, const struct view *v, int32_t slot)
{
    char text[TEXT_BYTES];
    const struct record_slot *r = &v->state.slots[slot].rec;
    int indent =
        output_is_table(out) ? (int)(r->depth * 2 > INDENT_MAX ? INDENT_MAX : r->depth * 2) : 0;
    capstate_slot_text(&v->state, slot, text, sizeof(text));
    output_format(out, "%*s%s", indent, "", text);
    output_int(out, r->depth);
    output_hex(out, r->addr);
    if (v->state.slots[slot].parent >= 0)
        output_hex(out, v->state.slots[v->state.slots[slot].parent].rec.addr);
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

enum status command_cdt(struct options *o)
{
    static const char *const columns[] = {"capability", "#depth", "slot", "parent",
                                          "domain",     "place",  NULL};
    struct view v;
    int32_t first = 0;
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    int32_t end = (int32_t)v.state.slot_count;
    if (o->operands == 1) {
        if (!find_root(o, &v, o->operand[0], &first)) {
            dbview_close(&v);
            return STATUS_UNKNOWN;
        }
        end = v.state.slots[first].next;
    }
    struct output *out = output_begin(stdout, output_default, columns);
    for (int32_t i = first; i < end; i++)
        cdt_row(out, &v, i);
    dbview_close(&v);
    return finish(o, out, STATUS_YES);
}

/* --- preview --- */

struct preview {
    const struct view *v;
    int32_t first, end; /* the victims */
    int32_t *frames;    /* those to frames, sorted */
    uint32_t frame_count;
    struct output *out;
    uint32_t mappings;
};

/* An object goes when all capabilities to it are among the victims (reply capabilities do not keep
 * it alive). */
static bool object_goes(const struct preview *p, int32_t object)
{
    bool any = false;
    for (int32_t slot = p->v->state.objects[object].first_slot; slot >= 0;
         slot = p->v->state.slots[slot].next_same) {
        if (p->v->state.slots[slot].rec.type == RECORD_CAP_REPLY)
            continue;
        if (slot < p->first || slot >= p->end)
            return false;
        any = true;
    }
    return any;
}

static void preview_row(struct preview *p, const char *what, uint64_t addr, int32_t domain,
                        const char *text)
{
    output_text(p->out, what);
    output_hex(p->out, addr);
    output_text(p->out, domain_name(p->v, domain));
    output_text(p->out, text);
    output_row(p->out);
}

static void preview_caps(struct preview *p)
{
    char text[TEXT_BYTES];
    for (int32_t i = p->first; i < p->end; i++) {
        capstate_slot_text(&p->v->state, i, text, sizeof(text));
        preview_row(p, "capability", p->v->state.slots[i].rec.addr,
                    authority_slot_domain(&p->v->authority, i), text);
    }
}

static void preview_objects(struct preview *p)
{
    char text[TEXT_BYTES];
    const struct capstate *s = &p->v->state;
    for (uint32_t i = 0; i < s->object_count; i++) {
        if (!object_goes(p, (int32_t)i))
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
    p->frames = output_alloc(NULL, ((size_t)(p->end - p->first) + 1) * sizeof(*p->frames));
    p->frame_count = 0;
    for (int32_t i = p->first; i < p->end; i++)
        if (s->slots[i].rec.type == RECORD_CAP_FRAME)
            p->frames[p->frame_count++] = i;
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
           object_goes(p, object);
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

enum status command_preview(struct options *o)
{
    static const char *const columns[] = {"goes", "address", "domain", "what", NULL};
    struct view v;
    int32_t root;
    char text[TEXT_BYTES];
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!find_root(o, &v, o->operand[0], &root)) {
        dbview_close(&v);
        return STATUS_UNKNOWN;
    }
    struct preview p = {.v = &v, .first = root + 1, .end = v.state.slots[root].next};
    p.out = output_begin(stdout, output_default, columns);
    preview_caps(&p);
    preview_objects(&p);
    find_frames(&p);
    preview_mappings(&p);
    free(p.frames);
    struct toll toll; /* what lies in CNodes and threads that end is in it, and not in the rows */
    char taken[TOLL_TEXT];
    if (toll_of(&v.state, root, NULL, &toll) != ERR_OK)
        return STATUS_UNKNOWN;
    snprintf(text, sizeof(text), "revoke takes %s; %u translations end", toll_text(&toll, taken),
             p.mappings);
    preview_row(&p, "total", v.state.slots[root].rec.addr,
                authority_slot_domain(&v.authority, root), text);
    dbview_close(&v);
    return finish(o, p.out, STATUS_YES);
}

/* --- untyped --- */

struct usage {
    uint64_t used; /* below the watermark */
    uint64_t live; /* in objects directly inside */
    uint64_t lost; /* below the watermark, in no object: alignment, or freed without a revoke */
    uint64_t free;
};

static struct usage usage_of(const struct view *v, const uint64_t *inside, int32_t slot)
{
    const struct record_slot *r = &v->state.slots[slot].rec;
    uint64_t size = (uint64_t)1 << r->bits;
    bool children = v->state.slots[slot].next > slot + 1;
    struct usage u = {.used = r->data > size ? size : r->data};
    u.live = inside[v->state.slots[slot].object];
    u.lost = u.used > u.live ? u.used - u.live : 0;
    /* without children the watermark is reset at the next retype: all of it is free */
    u.free = children ? size - u.used : size;
    return u;
}

/* Bytes of the objects directly inside each untyped. */
static uint64_t *bytes_inside(const struct view *v)
{
    size_t size = (v->state.object_count + 1) * sizeof(uint64_t);
    uint64_t *inside = output_alloc(NULL, size);
    memset(inside, 0, size);
    for (uint32_t i = 0; i < v->state.object_count; i++)
        if (v->authority.enclosing[i] >= 0)
            inside[v->authority.enclosing[i]] += (uint64_t)1 << v->state.objects[i].bits;
    return inside;
}

enum status command_untyped(struct options *o)
{
    static const char *const columns[] = {"untyped", "#bits", "device", "domain", "#size",
                                          "#used",   "#live", "#lost",  "#free",  "#reclaimable",
                                          "slot",    "place", NULL};
    struct view v;
    char text[TEXT_BYTES];
    if (dbview_open(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    uint64_t *inside = bytes_inside(&v);
    struct output *out = output_begin(stdout, output_default, columns);
    for (int32_t i = 0; i < (int32_t)v.state.slot_count; i++) {
        const struct record_slot *r = &v.state.slots[i].rec;
        if (r->type != RECORD_CAP_UNTYPED || v.state.slots[i].object < 0)
            continue;
        struct usage u = usage_of(&v, inside, i);
        output_hex(out, r->object);
        output_int(out, r->bits);
        output_text(out, r->flags & RECORD_SLOT_DEVICE ? "device" : "-");
        output_text(out, domain_name(&v, authority_slot_domain(&v.authority, i)));
        output_int(out, (int64_t)1 << r->bits);
        output_int(out, (int64_t)u.used);
        output_int(out, (int64_t)u.live);
        output_int(out, (int64_t)u.lost);
        output_int(out, (int64_t)u.free);
        output_int(out, ((int64_t)1 << r->bits) - (int64_t)u.free);
        output_hex(out, r->addr);
        output_text(out, capstate_place_text(&v.state, i, text, sizeof(text)));
        output_row(out);
    }
    free(inside);
    dbview_close(&v);
    return finish(o, out, STATUS_YES);
}
