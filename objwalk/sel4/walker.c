/* Mainline behind objwalk/walker.h: see walker.h. */
#include "objwalk/sel4/walker.h"

#include "lib/array.h"
#include "objwalk/sel4/records.h"
#include "objwalk/sel4/walk.h"

#include <stdlib.h>
#include <string.h>

enum { WHOLE_EVERY = 16 }; /* walks; between them they refresh */

struct sel4_walker {
    struct walker walker;
    struct sel4_kernel *k;
    struct sel4_state state;
    struct sel4_revoke revoke;
    bool walked;
    unsigned refreshes;
    /* the same as records */
    struct record *record;
    size_t records, room;
    /* the iteration under way */
    size_t at;
    enum record_kind kind;
    uint64_t root;
};

static struct sel4_walker *of(struct walker *w)
{
    return (struct sel4_walker *)w;
}

static void sel4_close(struct walker *w)
{
    sel4_state_fini(&of(w)->state);
    free(of(w)->record);
    free(w);
}

/* --- whole states --- */

static enum error read_state(struct sel4_walker *s)
{
    struct sel4_state now;
    bool whole = !s->walked || s->refreshes++ % WHOLE_EVERY == WHOLE_EVERY - 1;
    sel4_memory_forget(&s->k->memory);
    enum error e = whole ? sel4_walk(s->k, &now) : sel4_walk_again(s->k, &s->state, &now);
    if (e != ERR_OK) {
        sel4_state_fini(&now);
        return e;
    }
    now.revoke = s->revoke;
    sel4_state_fini(&s->state);
    s->state = now;
    s->walked = true;
    return ERR_OK;
}

static enum error keep(void *ctx, const struct record *r)
{
    struct sel4_walker *s = ctx;
    struct record *grown = array_room(s->record, s->records, &s->room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    s->record = grown;
    s->record[s->records++] = *r;
    return ERR_OK;
}

static enum error sel4_snapshot(struct walker *w, bool stopped, record_sink sink, void *ctx)
{
    struct sel4_walker *s = of(w);
    enum error e = read_state(s);
    s->records = 0;
    if (e == ERR_OK)
        e = sel4_records(s->k, &s->state, stopped, keep, s);
    for (size_t i = 0; e == ERR_OK && sink && i < s->records; i++)
        e = sink(ctx, &s->record[i]);
    return e;
}

static enum error need_state(struct walker *w)
{
    return of(w)->records > 0 ? ERR_OK : sel4_snapshot(w, false, NULL, NULL);
}

static enum error sel4_describe(struct walker *w, struct record_snapshot *out)
{
    enum error e = need_state(w);
    if (e == ERR_OK)
        *out = of(w)->record[0].snapshot;
    return e;
}

/* --- iteration --- */

static enum error sel4_begin(struct walker *w, enum record_kind kind, uint64_t root)
{
    struct sel4_walker *s = of(w);
    s->at = 0;
    s->kind = kind;
    s->root = root;
    return need_state(w);
}

/* Tables stand behind the root that they belong to. */
static bool belongs(const struct sel4_walker *s, const struct record *r, uint64_t *root)
{
    if (r->kind == RECORD_TABLE && r->table.parent == 0)
        *root = r->table.addr;
    if (r->kind == RECORD_MAPPING)
        return r->mapping.dir == s->root;
    return r->kind != RECORD_TABLE || *root == s->root;
}

static enum error sel4_next(struct walker *w, struct record *out)
{
    struct sel4_walker *s = of(w);
    uint64_t root = s->at > 0 ? s->root : 0;
    while (s->at < s->records) {
        const struct record *r = &s->record[s->at++];
        if (!belongs(s, r, &root) || r->kind != s->kind)
            continue;
        *out = *r;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

/* The address that a record of an object begins with. */
static uint64_t address_of(const struct record *r)
{
    switch (r->kind) {
    case RECORD_SLOT:
        return r->slot.addr;
    case RECORD_THREAD:
        return r->thread.addr;
    case RECORD_ENDPOINT:
        return r->endpoint.addr;
    case RECORD_NOTIFICATION:
        return r->notification.addr;
    case RECORD_SCHED_CONTEXT:
        return r->sched_context.addr;
    case RECORD_REPLY:
        return r->reply.addr;
    case RECORD_TABLE:
        return r->table.addr;
    default:
        return ~(uint64_t)0;
    }
}

static enum error sel4_at(struct walker *w, enum record_kind kind, uint64_t addr,
                          struct record *out)
{
    enum error e = need_state(w);
    for (size_t i = 0; e == ERR_OK && i < of(w)->records; i++) {
        if (of(w)->record[i].kind != kind || address_of(&of(w)->record[i]) != addr)
            continue;
        *out = of(w)->record[i];
        return ERR_OK;
    }
    return e == ERR_OK ? ERR_NOT_FOUND : e;
}

/* --- single things --- */

static const struct sel4_slot *known_slot(const struct sel4_walker *s, uint64_t physical)
{
    for (uint32_t i = 0; i < s->state.slots.count; i++) {
        const struct sel4_slot *slot = sel4_state_slot(&s->state, i);
        if (sel4_memory_physical(&s->k->memory, slot->addr) == physical)
            return slot;
    }
    return NULL;
}

/* Where the kernel sees it: interrupts' slots lie in its image, all others in the window. */
static uint64_t kernel_address(const struct sel4_walker *s, uint64_t physical)
{
    const struct sel4_memory *m = &s->k->memory;
    for (uint32_t i = 0; i < m->segments; i++)
        if (physical - m->segment[i].pa < m->segment[i].bytes)
            return physical - m->segment[i].pa + m->segment[i].va;
    return (physical + m->offset) & m->mask;
}

static enum error sel4_slot_now(struct walker *w, uint64_t addr, struct walker_slot *out)
{
    struct sel4_walker *s = of(w);
    struct sel4_slot slot;
    uint64_t words[4];
    uint64_t at = kernel_address(s, addr);
    if ((addr & (((uint64_t)1 << s->k->layout.slot_bits) - 1)) != 0)
        return ERR_ARGUMENT;
    sel4_memory_forget(&s->k->memory);
    enum error e = sel4_memory_words(&s->k->memory, at, words, 4);
    if (e != ERR_OK)
        return e;
    sel4_slot_decode(&s->k->layout, at, words, &slot);
    *out = (struct walker_slot){
        .filled = words[0] != 0, .listed = (slot.prev | slot.next) != 0, .address = at};
    sel4_record_cap(s->k, &slot, sel4_cap_is_vspace(&s->k->layout, &slot.cap), true, &out->slot);
    return ERR_OK;
}

static enum error sel4_parent(struct walker *w, uint64_t above, uint64_t below, bool *yes)
{
    enum error e = need_state(w);
    const struct sel4_slot *a = e == ERR_OK ? known_slot(of(w), above) : NULL;
    const struct sel4_slot *b = e == ERR_OK ? known_slot(of(w), below) : NULL;
    if (!a || !b)
        return e == ERR_OK ? ERR_NOT_FOUND : e;
    *yes = sel4_is_parent(&of(w)->k->layout, a, b);
    return ERR_OK;
}

static enum error sel4_translate(struct walker *w, uint64_t root, uint64_t vaddr,
                                 struct record_mapping *out)
{
    enum error e = need_state(w);
    for (size_t i = 0; e == ERR_OK && i < of(w)->records; i++) {
        const struct record_mapping *m = &of(w)->record[i].mapping;
        if (of(w)->record[i].kind != RECORD_MAPPING || m->dir != root || m->bits > 63 ||
            (vaddr - m->vaddr) >> m->bits != 0)
            continue;
        *out = *m;
        return ERR_OK;
    }
    return e == ERR_OK ? ERR_NOT_FOUND : e;
}

/* --- how the machine stands --- */

/* The kernel has no debugger; which thread runs is its scheduler's to say. */
static enum error sel4_moment(struct walker *w, struct walker_moment *out)
{
    struct sel4_walker *s = of(w);
    enum error e = need_state(w);
    if (e != ERR_OK)
        return e;
    const struct sel4_node *n = &s->state.node[0];
    *out = (struct walker_moment){.idle = n->current == n->idle};
    if (n->current != 0)
        out->thread = sel4_memory_physical(&s->k->memory, sel4_tcb_base(&s->k->layout, n->current));
    return ERR_OK;
}

static enum error sel4_request(struct walker *w, struct walker_request *out)
{
    (void)w;
    (void)out;
    return ERR_UNSUPPORTED;
}

static bool sel4_agrees(struct walker *w, const struct record_end *end)
{
    (void)w;
    (void)end;
    return true;
}

/* At the first instruction of each the lists are whole. */
static enum error sel4_stop(struct walker *w, uint32_t i, struct walker_stop *out)
{
    static const struct {
        const char *name;
        uint32_t kinds;
    } places[] = {
        {"createNewObjects", 1u << RECORD_EVENT_RETYPE},
        {"cteInsert", 1u << RECORD_EVENT_COPY | 1u << RECORD_EVENT_MINT |
                          1u << RECORD_EVENT_INSTALL | 1u << RECORD_EVENT_HANDLER |
                          1u << RECORD_EVENT_REPLY},
        {"cteMove", 1u << RECORD_EVENT_MOVE},
        {"cteSwap", 1u << RECORD_EVENT_SWAP},
        {"emptySlot", 1u << RECORD_EVENT_DELETE | 1u << RECORD_EVENT_REVOKE_VICTIM},
        {"cteRevoke", 1u << RECORD_EVENT_REVOKE_BEGIN},
    };
    struct sel4_symbol symbol;
    if (i >= sizeof(places) / sizeof(*places))
        return ERR_NOT_FOUND;
    bool there = sel4_image_symbol(&of(w)->k->image, places[i].name, &symbol);
    *out = (struct walker_stop){.name = places[i].name,
                                .address = there ? symbol.addr : 0,
                                .kinds = places[i].kinds,
                                .whole = true};
    return there ? ERR_OK : ERR_UNSUPPORTED;
}

/* --- opening --- */

static const struct walker_ops sel4_ops = {
    .close = sel4_close,
    .describe = sel4_describe,
    .snapshot = sel4_snapshot,
    .begin = sel4_begin,
    .next = sel4_next,
    .at = sel4_at,
    .slot = sel4_slot_now,
    .is_parent = sel4_parent,
    .translate = sel4_translate,
    .moment = sel4_moment,
    .request = sel4_request,
    .agrees = sel4_agrees,
    .stop = sel4_stop,
};

struct walker *sel4_walker_open(struct sel4_kernel *k)
{
    struct sel4_walker *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->walker.ops = &sel4_ops;
    s->k = k;
    sel4_state_init(&s->state);
    return &s->walker;
}

const struct sel4_state *sel4_walker_state(const struct walker *w)
{
    return &((const struct sel4_walker *)w)->state;
}

bool sel4_walker_has_walked(const struct walker *w)
{
    return ((const struct sel4_walker *)w)->walked;
}

void sel4_walker_set_revoke(struct walker *w, const struct sel4_revoke *r)
{
    of(w)->revoke = *r;
}
