/* The mirror: nodes in an array, linked in derivation order, found through a hash table of
 * addresses with linear probing.  One event costs O(1).
 *
 *   nodes   [0 sentinel][1 ...]      table   hash(addr) -> index, 0: free place
 *
 * The table is at most half full and holds no tombstones: a removal moves later entries of the same
 * run back. */
#include "objwalk/replay.h"

#include "lib/array.h"
#include "objwalk/capscope/rebuild.h"

#include <stdlib.h>
#include <string.h>

struct replay_node {
    paddr_t addr;
    uint32_t flags; /* RECORD_SLOT_REVOCABLE, _FIRST_BADGED */
    struct cap cap;
    uint32_t prev; /* indices; node 0 is the sentinel */
    uint32_t next;
};

struct replay_list {
    struct objwalk walk;
    struct replay_node *nodes;
    size_t room;
    uint32_t used, free; /* of nodes; free: head of a list by `next`, 0: none */
    uint32_t *table;     /* node index by address, 0: free place */
    uint32_t table_bits;
};
_Static_assert((int)REPLAY_MAX_DEPTH == (int)OBJWALK_MAX_DEPTH, "as deep as a walk");

enum { FIRST_TABLE_BITS = 10, NODES_MAX = 1 << 24 };

/* --- the table --- */

static uint32_t table_home(const struct replay *r, paddr_t addr)
{
    return (addr >> SLOT_BITS) * 0x9e3779b1u >> (32 - r->list->table_bits);
}

static uint32_t table_mask(const struct replay *r)
{
    return ((uint32_t)1 << r->list->table_bits) - 1;
}

/* The place of this address, or the free one where it would go. */
static uint32_t table_place(const struct replay *r, paddr_t addr)
{
    uint32_t at = table_home(r, addr);
    while (r->list->table[at] != 0 && r->list->nodes[r->list->table[at]].addr != addr)
        at = (at + 1) & table_mask(r);
    return at;
}

/* Node of a slot, 0 when it is empty. */
static uint32_t find(const struct replay *r, paddr_t addr)
{
    return r->list->table[table_place(r, addr)];
}

static void table_remove(struct replay *r, paddr_t addr)
{
    uint32_t mask = table_mask(r);
    uint32_t hole = table_place(r, addr);
    r->list->table[hole] = 0;
    for (uint32_t at = (hole + 1) & mask; r->list->table[at] != 0; at = (at + 1) & mask) {
        uint32_t home = table_home(r, r->list->nodes[r->list->table[at]].addr);
        /* An entry may move back unless its home lies behind the hole. */
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        r->list->table[hole] = r->list->table[at];
        r->list->table[at] = 0;
        hole = at;
    }
}

static bool table_grow(struct replay *r, uint32_t bits)
{
    uint32_t *table = calloc((size_t)1 << bits, sizeof(*table));
    if (!table)
        return false;
    free(r->list->table);
    r->list->table = table;
    r->list->table_bits = bits;
    for (uint32_t n = r->list->nodes[0].next; n != 0; n = r->list->nodes[n].next)
        r->list->table[table_place(r, r->list->nodes[n].addr)] = n;
    return true;
}

/* --- nodes --- */

static bool nodes_reserve(struct replay *r)
{
    struct replay_list *l = r->list;
    if (l->free != 0)
        return true;
    struct replay_node *nodes =
        l->used >= NODES_MAX ? NULL : array_room(l->nodes, l->used, &l->room, sizeof(*nodes));
    if (!nodes)
        return false;
    l->nodes = nodes;
    return true;
}

static uint32_t node_new(struct replay *r)
{
    uint32_t n = r->list->free;
    if (n == 0)
        return r->list->used++;
    r->list->free = r->list->nodes[n].next;
    return n;
}

static void link_after(struct replay *r, uint32_t before, uint32_t n)
{
    uint32_t after = r->list->nodes[before].next;
    r->list->nodes[n].prev = before;
    r->list->nodes[n].next = after;
    r->list->nodes[before].next = n;
    r->list->nodes[after].prev = n;
}

static enum error insert(struct replay *r, uint32_t before, paddr_t addr, struct cap cap,
                         uint32_t flags)
{
    if (!nodes_reserve(r))
        return ERR_NO_MEMORY;
    if ((r->count + 1) * 2 > (uint32_t)1 << r->list->table_bits &&
        !table_grow(r, r->list->table_bits + 1))
        return ERR_NO_MEMORY;
    uint32_t n = node_new(r);
    r->list->nodes[n] = (struct replay_node){
        .addr = addr,
        .flags = flags & (RECORD_SLOT_REVOCABLE | RECORD_SLOT_FIRST_BADGED),
        .cap = cap,
    };
    link_after(r, before, n);
    r->list->table[table_place(r, addr)] = n;
    r->count++;
    return ERR_OK;
}

static void remove_node(struct replay *r, uint32_t n)
{
    struct replay_node *node = &r->list->nodes[n];
    table_remove(r, node->addr);
    r->list->nodes[node->prev].next = node->next;
    r->list->nodes[node->next].prev = node->prev;
    node->next = r->list->free;
    r->list->free = n;
    r->count--;
}

/* --- beginning --- */

void replay_init(struct replay *r)
{
    memset(r, 0, sizeof(*r));
}

void replay_free(struct replay *r)
{
    if (r->list) {
        free(r->list->nodes);
        free(r->list->table);
    }
    free(r->list);
    replay_init(r);
}

static enum error fail(struct replay *r, enum error e, uint64_t trouble, uint64_t lost)
{
    r->state = REPLAY_LOST;
    r->trouble = trouble;
    r->lost = lost;
    return e;
}

static enum error base_begin(struct replay *r, const struct record_snapshot *s)
{
    r->state = REPLAY_LOST;
    if (!r->list)
        r->list = calloc(1, sizeof(*r->list));
    if (!r->list)
        return ERR_NO_MEMORY;
    enum error e = objwalk_for_records(&r->list->walk, s);
    if (e != ERR_OK)
        return e;
    r->list->used = r->list->free = r->count = 0;
    if (!nodes_reserve(r))
        return ERR_NO_MEMORY;
    r->list->used = 1;
    r->list->nodes[0] = (struct replay_node){.addr = 0}; /* told by END */
    if (!table_grow(r, FIRST_TABLE_BITS))
        return ERR_NO_MEMORY;
    r->seq = s->seq;
    r->state = REPLAY_LOADING;
    return ERR_OK;
}

static enum error base_slot(struct replay *r, const struct record_slot *s)
{
    struct objwalk_cap cap;
    struct cap words;
    if (r->state != REPLAY_LOADING)
        return ERR_TORN;
    enum error e = objwalk_cap_of_slot(s, &cap);
    if (e == ERR_OK)
        e = objwalk_encode(&r->list->walk, &cap, &words);
    if (e != ERR_OK || find(r, (paddr_t)s->addr) != 0)
        return fail(r, ERR_CORRUPT, s->addr, 0);
    e = insert(r, r->list->nodes[0].prev, (paddr_t)s->addr, words, s->flags);
    return e == ERR_OK ? e : fail(r, e, s->addr, 0);
}

static enum error compare_digest(struct replay *r, uint32_t lane0, uint32_t lane1)
{
    uint32_t lanes[2];
    replay_digest(r, lanes);
    return lanes[0] == lane0 && lanes[1] == lane1 ? ERR_OK : fail(r, ERR_CHECKSUM, 0, 0);
}

static enum error base_end(struct replay *r, const struct record_end *end)
{
    if (r->state != REPLAY_LOADING)
        return ERR_TORN;
    if (!end->complete)
        return fail(r, ERR_CORRUPT, 0, 0);
    if (end->slots != r->count)
        return fail(r, ERR_TRUNCATED, 0, 0);
    r->list->nodes[0].addr = (paddr_t)end->sentinel;
    r->state = REPLAY_SOUND;
    return compare_digest(r, end->digest0, end->digest1);
}

/* --- events --- */

/* The capability that an event names, in words. */
static bool event_cap(const struct replay *r, const struct record_event *e, struct cap *out)
{
    struct objwalk_cap cap;
    return objwalk_cap_of_event(e, &cap) == ERR_OK &&
           objwalk_encode(&r->list->walk, &cap, out) == ERR_OK;
}

static enum error event_insert(struct replay *r, const struct record_event *e, struct cap cap)
{
    uint32_t before = e->src == 0 ? r->list->nodes[0].prev : find(r, (paddr_t)e->src);
    bool known = e->src == 0 || before != 0;
    return known && find(r, (paddr_t)e->slot) == 0
               ? insert(r, before, (paddr_t)e->slot, cap, e->flags)
               : ERR_CORRUPT;
}

/* The node keeps its place and flags and gets another address. */
static enum error event_move(struct replay *r, const struct record_event *e, struct cap cap)
{
    uint32_t n = find(r, (paddr_t)e->src);
    if (n == 0 || find(r, (paddr_t)e->slot) != 0)
        return ERR_CORRUPT;
    table_remove(r, (paddr_t)e->src);
    r->list->nodes[n].addr = (paddr_t)e->slot;
    r->list->nodes[n].cap = cap;
    r->list->table[table_place(r, (paddr_t)e->slot)] = n;
    return ERR_OK;
}

/* Places and flags stay where they are in the list; addresses and capabilities change sides. */
static enum error event_swap(struct replay *r, const struct record_event *e, struct cap cap)
{
    uint32_t a = find(r, (paddr_t)e->slot);
    uint32_t b = find(r, (paddr_t)e->src);
    if (a == 0 || b == 0 || a == b)
        return ERR_CORRUPT;
    struct cap for_src = {{r->list->nodes[a].cap.w[0], (word_t)e->detail}};
    uint32_t place_a = table_place(r, (paddr_t)e->slot);
    uint32_t place_b = table_place(r, (paddr_t)e->src);
    r->list->table[place_a] = b;
    r->list->table[place_b] = a;
    r->list->nodes[a].addr = (paddr_t)e->src;
    r->list->nodes[a].cap = for_src;
    r->list->nodes[b].addr = (paddr_t)e->slot;
    r->list->nodes[b].cap = cap;
    return ERR_OK;
}

static enum error event_update(struct replay *r, const struct record_event *e, struct cap cap)
{
    uint32_t n = find(r, (paddr_t)e->slot);
    if (n == 0)
        return ERR_CORRUPT;
    r->list->nodes[n].cap = cap;
    return ERR_OK;
}

static enum error event_delete(struct replay *r, const struct record_event *e, struct cap cap)
{
    uint32_t n = find(r, (paddr_t)e->slot);
    if (n == 0 || memcmp(&r->list->nodes[n].cap, &cap, sizeof(cap)) != 0)
        return ERR_CORRUPT;
    uint32_t after = r->list->nodes[n].next;
    if (after != 0)
        r->list->nodes[after].flags |= r->list->nodes[n].flags & RECORD_SLOT_FIRST_BADGED;
    remove_node(r, n);
    return ERR_OK;
}

/* Victims must be there when they are announced. */
static enum error event_victim(struct replay *r, const struct record_event *e)
{
    return find(r, (paddr_t)e->slot) != 0 ? ERR_OK : ERR_CORRUPT;
}

static enum error apply(struct replay *r, const struct record_event *e, struct cap cap)
{
    switch (e->kind) {
    case RECORD_EVENT_BOOT:
    case RECORD_EVENT_RETYPE:
    case RECORD_EVENT_COPY:
    case RECORD_EVENT_MINT:
    case RECORD_EVENT_TRANSFER:
    case RECORD_EVENT_INSTALL:
    case RECORD_EVENT_REPLY:
    case RECORD_EVENT_HANDLER:
        return event_insert(r, e, cap);
    case RECORD_EVENT_MOVE:
        return event_move(r, e, cap);
    case RECORD_EVENT_SWAP:
        return event_swap(r, e, cap);
    case RECORD_EVENT_WATERMARK:
    case RECORD_EVENT_MAP:
    case RECORD_EVENT_UNMAP:
    case RECORD_EVENT_ASSIGN:
    case RECORD_EVENT_ZOMBIE:
        return event_update(r, e, cap);
    case RECORD_EVENT_DELETE:
        return event_delete(r, e, cap);
    case RECORD_EVENT_REVOKE_VICTIM:
        return event_victim(r, e);
    default: /* what changes no slot; a kind of a later kernel shows in the digest */
        return ERR_OK;
    }
}

static enum error take_event(struct replay *r, const struct record_event *e)
{
    struct cap cap;
    if (r->state != REPLAY_SOUND)
        return ERR_TORN;
    if (e->seq != r->seq + 1)
        return fail(r, ERR_SEQUENCE, r->seq + 1, e->seq - r->seq - 1);
    if (!event_cap(r, e, &cap))
        return fail(r, ERR_CORRUPT, e->slot, 0);
    enum error result = apply(r, e, cap);
    if (result != ERR_OK)
        return fail(r, result, e->slot, 0);
    r->seq = e->seq;
    return ERR_OK;
}

static enum error take_gap(struct replay *r, const struct record_gap *g)
{
    return r->state == REPLAY_SOUND ? fail(r, ERR_SEQUENCE, g->first, g->count) : ERR_TORN;
}

static enum error take_digest(struct replay *r, const struct record_digest *d)
{
    if (r->state != REPLAY_SOUND)
        return ERR_TORN;
    if (d->seq != r->seq)
        return fail(r, ERR_SEQUENCE, r->seq + 1, d->seq - r->seq);
    return compare_digest(r, d->digest0, d->digest1);
}

enum error replay_record(struct replay *r, const struct record *record)
{
    switch (record->kind) {
    case RECORD_SNAPSHOT:
        return base_begin(r, &record->snapshot);
    case RECORD_SLOT:
        return base_slot(r, &record->slot);
    case RECORD_END:
        return base_end(r, &record->end);
    case RECORD_EVENT:
        return take_event(r, &record->event);
    case RECORD_GAP:
        return take_gap(r, &record->gap);
    case RECORD_DIGEST:
        return take_digest(r, &record->digest);
    default:
        return ERR_OK;
    }
}

/* --- reading --- */

static struct slot slot_of(const struct replay *r, uint32_t n)
{
    const struct replay_node *node = &r->list->nodes[n];
    return objwalk_make_slot(&r->list->walk, node->cap, r->list->nodes[node->next].addr,
                             node->flags);
}

void replay_digest(const struct replay *r, uint32_t digest[2])
{
    struct digest sum = {{0, 0}};
    for (uint32_t n = r->count ? r->list->nodes[0].next : 0; n != 0; n = r->list->nodes[n].next) {
        struct slot s = slot_of(r, n);
        objwalk_add_to_digest(&r->list->walk, r->list->nodes[n].addr, &s, &sum);
    }
    digest[0] = sum.lane[0];
    digest[1] = sum.lane[1];
}

void replay_begin(struct replay_cursor *c)
{
    c->node = 0;
    c->depth = 0;
}

static void fill(const struct replay *r, const struct replay_cursor *c, struct record_slot *out)
{
    const struct replay_node *node = &r->list->nodes[c->node];
    struct objwalk_cap cap;
    objwalk_decode(&r->list->walk, node->cap, &cap);
    *out = (struct record_slot){
        .addr = node->addr,
        .depth = c->depth,
        .type = cap.type,
        .object = cap.object,
        .bits = cap.bits,
        .rights = cap.rights,
        .flags = cap.flags | node->flags,
        .data = cap.data,
        .extra = cap.extra,
    };
    if (c->depth == OBJWALK_MAX_DEPTH)
        out->flags |= RECORD_SLOT_DEEP;
}

static bool is_parent(const struct replay *r, uint32_t above, uint32_t below)
{
    struct slot a = slot_of(r, above), b = slot_of(r, below);
    return objwalk_is_parent(&r->list->walk, &a, &b);
}

bool replay_next(const struct replay *r, struct replay_cursor *c, struct record_slot *out)
{
    uint32_t n = r->count == 0 ? 0 : r->list->nodes[c->node].next;
    if (n == 0)
        return false;
    /* Only originals have children. */
    bool original = c->node != 0 && (r->list->nodes[c->node].flags & RECORD_SLOT_REVOCABLE) != 0;
    if (original && c->depth < OBJWALK_MAX_DEPTH)
        c->chain[c->depth++] = c->node;
    while (c->depth > 0 && !is_parent(r, c->chain[c->depth - 1], n))
        c->depth--;
    c->node = n;
    fill(r, c, out);
    return true;
}
