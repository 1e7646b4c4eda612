/* From the packed form of a snapshot (objwalk/capscope/packed.c) to the plain one.
 *
 * SLOTS become SLOT records, decoded and placed in the tree as a walk does it. Endpoints and
 * notifications that were left out are idle: they are told where a walk would tell them, in front
 * of the next one of their kind that was sent.  MAPPINGS become as many MAPPING records. */
#include "objwalk/unpack.h"
#include "lib/array.h"

#include "objwalk/capscope/rebuild.h"
#include "objwalk/capscope/slot_codec.h"

#include <stdlib.h>

/* Objects of one kind, in the order of the first capability to each. */
struct objects {
    paddr_t *addr;
    size_t count;
    size_t room;
    size_t told;
};

struct unpacker {
    struct objwalk walk;
    record_sink sink; /* of the record at hand */
    void *ctx;
    struct slot_base base;
    struct record slot;
    bool packed;
    struct objects endpoints;
    struct objects notifications;
};

static enum error objects_add(struct objects *o, paddr_t addr)
{
    paddr_t *grown = array_room(o->addr, o->count, &o->room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    o->addr = grown;
    o->addr[o->count++] = addr;
    return ERR_OK;
}

/* Capabilities to one object stand next to each other. */
static enum error note_object(struct unpacker *u, const struct record_slot *before)
{
    const struct record_slot *r = &u->slot.slot;
    if (r->type == before->type && r->object == before->object)
        return ERR_OK;
    if (r->type == RECORD_CAP_ENDPOINT)
        return objects_add(&u->endpoints, (paddr_t)r->object);
    if (r->type == RECORD_CAP_NOTIFICATION)
        return objects_add(&u->notifications, (paddr_t)r->object);
    return ERR_OK;
}

static enum error put_slot(struct unpacker *u, word_t flags)
{
    struct record_slot before = u->slot.slot;
    struct slot raw = {.cap = {{u->base.w0, u->base.w1}}, .next = flags};
    objwalk_cdt_put(&u->walk, &u->walk.cursor, u->base.addr, &raw, &u->slot.slot);
    if (u->slot.slot.type == RECORD_CAP_INVALID || u->slot.slot.type == RECORD_CAP_NULL)
        return ERR_FORMAT; /* a kernel with such a slot sends the plain form */
    enum error e = note_object(u, &before);
    return e == ERR_OK ? u->sink(u->ctx, &u->slot) : e;
}

static enum error put_slots(struct unpacker *u, const struct record_bytes *packed)
{
    for (uint32_t at = 0; at < packed->length;) {
        word_t flags;
        uint32_t n = slot_unpack(&u->base, packed->bytes + at, packed->length - at, &flags);
        enum error e = n == 0 ? ERR_FORMAT : put_slot(u, flags);
        if (e != ERR_OK)
            return e;
        at += n;
    }
    return ERR_OK;
}

/* All idle objects up to the one at `addr`, which follows itself. */
static enum error put_idle(struct unpacker *u, enum record_kind kind, struct objects *o,
                           record_word_t addr)
{
    struct record r = {.kind = kind};
    for (; o->told < o->count && o->addr[o->told] != addr; o->told++) {
        if (kind == RECORD_ENDPOINT)
            r.endpoint.addr = o->addr[o->told];
        else
            r.notification.addr = o->addr[o->told];
        enum error e = u->sink(u->ctx, &r);
        if (e != ERR_OK)
            return e;
    }
    return o->told++ < o->count ? ERR_OK : ERR_FORMAT;
}

/* A page directory has so many entries, a page table fewer: a row of pages is in one of them. */
enum { ENTRIES = 4096 };

static enum error put_mappings(struct unpacker *u, const struct record_mappings *row)
{
    struct record r = {.kind = RECORD_MAPPING,
                       .mapping = {.dir = row->dir,
                                   .asid = row->asid,
                                   .vaddr = row->vaddr,
                                   .frame = row->frame,
                                   .bits = row->bits,
                                   .rights = row->rights,
                                   .attributes = row->attributes,
                                   .table = row->table}};
    if (row->more >= ENTRIES || (row->more != 0 && row->bits >= 32))
        return ERR_FORMAT;
    for (uint32_t i = 0; i <= row->more; i++) {
        enum error e = u->sink(u->ctx, &r);
        if (e != ERR_OK)
            return e;
        r.mapping.vaddr = (uint32_t)(r.mapping.vaddr + (UINT64_C(1) << (row->bits & 31)));
        r.mapping.frame = (uint32_t)(r.mapping.frame + (UINT64_C(1) << (row->bits & 31)));
    }
    return ERR_OK;
}

static enum error begin(struct unpacker *u, struct record *r)
{
    if (!record_format_is_packed(r->snapshot.format))
        return ERR_OK;
    u->packed = true;
    r->snapshot.format = RECORD_FORMAT;
    objwalk_cdt_begin(&u->walk, &u->walk.cursor);
    return objwalk_for_records(&u->walk, &r->snapshot);
}

struct unpacker *unpacker_new(void)
{
    struct unpacker *u = calloc(1, sizeof(*u));
    if (u)
        u->slot.kind = RECORD_SLOT;
    return u;
}

void unpacker_free(struct unpacker *u)
{
    if (!u)
        return;
    free(u->endpoints.addr);
    free(u->notifications.addr);
    free(u);
}

bool unpacker_is_packed(const struct unpacker *u)
{
    return u->packed;
}

enum error unpacker_record(struct unpacker *u, const struct record *record, record_sink sink,
                           void *ctx)
{
    struct record r = *record;
    enum error e = ERR_OK;
    u->sink = sink;
    u->ctx = ctx;
    if (r.kind == RECORD_SNAPSHOT)
        e = begin(u, &r);
    else if (u->packed && r.kind == RECORD_SLOTS)
        return put_slots(u, &r.slots.packed);
    else if (u->packed && r.kind == RECORD_MAPPINGS)
        return put_mappings(u, &r.mappings);
    else if (u->packed && r.kind == RECORD_ENDPOINT)
        e = put_idle(u, RECORD_ENDPOINT, &u->endpoints, r.endpoint.addr);
    else if (u->packed && r.kind == RECORD_NOTIFICATION)
        e = put_idle(u, RECORD_NOTIFICATION, &u->notifications, r.notification.addr);
    return e == ERR_OK ? sink(ctx, &r) : e;
}
