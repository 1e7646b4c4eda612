/* The edges of the authority graph: one pass each over slots, translations, threads, interrupts and
 * nested untyped memory.  An endpoint stands between those who can send capabilities and those who
 * get them, and has GRANT and GRANT_RECV edges only when both sides exist. */
#include "authority/graph.h"

#include <stdlib.h>
#include <string.h>

/* --- a growing array of edges --- */

struct edges {
    struct authority_edge *edge;
    uint32_t count, capacity;
    bool failed;
};

static void edge_add(struct edges *e, struct authority_edge edge)
{
    if (e->failed || edge.from < 0 || edge.to < 0)
        return;
    if (e->count == e->capacity) {
        uint32_t wanted = e->capacity ? e->capacity * 2 : 256;
        struct authority_edge *grown = realloc(e->edge, wanted * sizeof(*grown));
        if (!grown) {
            e->failed = true;
            return;
        }
        e->edge = grown;
        e->capacity = wanted;
    }
    e->edge[e->count++] = edge;
}

static struct authority_edge edge_make(int32_t from, int32_t to, enum authority_edge_kind kind)
{
    return (struct authority_edge){
        .from = from, .to = to, .slot = -1, .other = -1, .thread = -1, .mapping = -1, .kind = kind};
}

static void edge_by_slot(struct edges *e, int32_t from, int32_t to, enum authority_edge_kind kind,
                         int32_t slot)
{
    struct authority_edge edge = edge_make(from, to, kind);
    edge.slot = slot;
    edge_add(e, edge);
}

static void edge_by_thread(struct edges *e, int32_t from, int32_t to, enum authority_edge_kind kind,
                           int32_t thread)
{
    struct authority_edge edge = edge_make(from, to, kind);
    edge.thread = thread;
    edge_add(e, edge);
}

/* --- slots --- */

static void slot_rights_edges(struct edges *e, const struct capstate_slot *slot, int32_t index)
{
    uint32_t rights = slot->rec.rights;
    if (rights & RECORD_RIGHT_WRITE)
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_WRITE, index);
    if (rights & RECORD_RIGHT_READ)
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_READ, index);
    if (!(rights & (RECORD_RIGHT_WRITE | RECORD_RIGHT_READ)))
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_HOLD, index);
}

static void slot_edges(struct edges *e, const struct capstate_slot *slot, int32_t index)
{
    switch (slot->rec.type) {
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
    case RECORD_CAP_FRAME:
        slot_rights_edges(e, slot, index);
        break;
    case RECORD_CAP_REPLY:
        if (!(slot->rec.flags & RECORD_SLOT_MASTER))
            edge_by_slot(e, slot->holder, slot->object,
                         slot->rec.rights & RECORD_RIGHT_GRANT ? AUTHORITY_REPLY_GRANT
                                                               : AUTHORITY_WRITE,
                         index);
        break;
    default:
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_CONTROL, index);
    }
}

static void all_slot_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct capstate_slot *slot = &s->slots[i];
        if (slot->holder >= 0 && slot->object >= 0)
            slot_edges(e, slot, (int32_t)i);
        if (slot->parent < 0 || slot->holder < 0)
            continue;
        int32_t above = s->slots[slot->parent].holder;
        if (above < 0 || above == slot->holder)
            continue;
        struct authority_edge edge = edge_make(above, slot->holder, AUTHORITY_DESTROY);
        edge.slot = slot->parent;
        edge.other = (int32_t)i;
        edge_add(e, edge);
    }
}

/* --- translations --- */

static int32_t node_of_type(const struct capstate *s, uint64_t addr, uint32_t type)
{
    int32_t node = capstate_object_at(s, addr);
    return node >= 0 && s->objects[node].type == type ? node : -1;
}

static void mapping_edges(struct edges *e, const struct capstate *s)
{
    uint64_t last_dir = 0;
    uint64_t last_table = 0;
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        int32_t from = node_of_type(s, m->dir, RECORD_CAP_PAGE_DIRECTORY);
        int32_t table = m->table ? node_of_type(s, m->table, RECORD_CAP_PAGE_TABLE) : -1;
        if (table >= 0 && (m->table != last_table || m->dir != last_dir)) {
            struct authority_edge edge = edge_make(from, table, AUTHORITY_TABLE);
            edge.mapping = (int32_t)i;
            edge_add(e, edge);
        }
        last_dir = m->dir;
        last_table = m->table;
        from = table >= 0 ? table : from;
        int32_t frame = node_of_type(s, m->frame, RECORD_CAP_FRAME);
        if (frame < 0)
            frame = capstate_object_holding(s, m->frame);
        struct authority_edge edge = edge_make(from, frame, AUTHORITY_READ);
        edge.mapping = (int32_t)i;
        if (m->rights & RECORD_RIGHT_READ)
            edge_add(e, edge);
        edge.kind = AUTHORITY_WRITE;
        if (m->rights & RECORD_RIGHT_WRITE)
            edge_add(e, edge);
    }
}

/* An ASID pool decides which directories its ASIDs name. */
static void pool_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t p = 0; p < s->object_count; p++) {
        if (s->objects[p].type != RECORD_CAP_ASID_POOL)
            continue;
        uint64_t first = s->slots[s->objects[p].first_slot].rec.data;
        uint64_t asids = ((uint64_t)1 << s->objects[p].bits) / (record_word_bits(&s->snapshot) / 8);
        for (uint32_t d = 0; d < s->object_count; d++) {
            if (s->objects[d].type != RECORD_CAP_PAGE_DIRECTORY)
                continue;
            int32_t slot = s->objects[d].first_slot;
            uint64_t asid = s->slots[slot].rec.extra;
            if (asid != 0 && asid - first < asids)
                edge_by_slot(e, (int32_t)p, (int32_t)d, AUTHORITY_CONTROL, slot);
        }
    }
}

/* --- threads, interrupts, untyped memory --- */

static void thread_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        int32_t from = s->threads[i].object;
        if (t->bound)
            edge_by_thread(e, from, node_of_type(s, t->bound, RECORD_CAP_NOTIFICATION),
                           AUTHORITY_READ, (int32_t)i);
        if (!t->blocked_on)
            continue;
        int32_t to = capstate_object_at(s, t->blocked_on);
        if (t->state == RECORD_THREAD_BLOCKED_ON_SEND)
            edge_by_thread(e, from, to, AUTHORITY_WRITE, (int32_t)i);
        else if (t->state == RECORD_THREAD_BLOCKED_ON_RECEIVE ||
                 t->state == RECORD_THREAD_BLOCKED_ON_NOTIFICATION)
            edge_by_thread(e, from, to, AUTHORITY_READ, (int32_t)i);
    }
}

static int32_t handler_node(const struct capstate *s, uint32_t irq)
{
    for (uint32_t i = 0; i < s->object_count; i++)
        if (s->objects[i].type == RECORD_CAP_IRQ_HANDLER && s->objects[i].addr == irq)
            return (int32_t)i;
    return -1;
}

static void irq_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->irq_count; i++) {
        int32_t slot = capstate_slot_at(s, s->irqs[i].slot);
        if (slot >= 0)
            edge_by_slot(e, handler_node(s, s->irqs[i].irq), s->slots[slot].object, AUTHORITY_WRITE,
                         slot);
    }
}

static bool object_inside(const struct capstate_object *inner, const struct capstate_object *outer)
{
    return inner->addr >= outer->addr && (uint64_t)inner->addr + ((uint64_t)1 << inner->bits) <=
                                             (uint64_t)outer->addr + ((uint64_t)1 << outer->bits);
}

/* Objects stand in pre-order of their nesting; the links already made are the stack. */
static void cover_edges(struct authority *a, struct edges *e)
{
    const struct capstate *s = a->state;
    int32_t last = -1;
    for (uint32_t i = 0; i < s->object_count; i++) {
        a->enclosing[i] = -1;
        if (s->objects[i].bits == 0)
            continue;
        while (last >= 0 && !object_inside(&s->objects[i], &s->objects[last]))
            last = a->enclosing[last];
        a->enclosing[i] = last;
        edge_by_slot(e, last, (int32_t)i, AUTHORITY_COVER,
                     last >= 0 ? s->objects[last].first_slot : -1);
        if (s->objects[i].type == RECORD_CAP_UNTYPED)
            last = (int32_t)i;
    }
}

/* --- channels --- */

uint32_t authority_edge_role(const struct authority *a, const struct authority_edge *edge)
{
    bool grant, reply;
    if (edge->slot >= 0) {
        const struct record_slot *r = &a->state->slots[edge->slot].rec;
        if (r->type != RECORD_CAP_ENDPOINT)
            return 0;
        grant = r->rights & RECORD_RIGHT_GRANT;
        reply = r->rights & RECORD_RIGHT_GRANT_REPLY;
    } else if (edge->thread >= 0) {
        uint32_t flags = a->state->threads[edge->thread].rec.blocked_flags;
        grant = flags & RECORD_BLOCKED_GRANT;
        reply = (flags & RECORD_BLOCKED_GRANT_REPLY) && (flags & RECORD_BLOCKED_CALL);
    } else {
        return 0;
    }
    if (edge->kind == AUTHORITY_WRITE)
        return (grant ? ROLE_SEND_GRANT : 0u) | (grant || reply ? ROLE_CALL_REPLY : 0u);
    if (edge->kind == AUTHORITY_READ)
        return ROLE_RECEIVE | (grant ? ROLE_RECEIVE_GRANT : 0u);
    return 0;
}

/* Adds the edges through which capabilities pass, once all plain edges are there. roles: per node,
 * what somebody does at this endpoint. */
static void channel_edges(const struct authority *a, struct edges *e, const uint8_t *roles)
{
    uint32_t plain = e->count;
    for (uint32_t i = 0; i < plain; i++) {
        struct authority_edge edge = e->edge[i];
        if (a->state->objects[edge.to].type != RECORD_CAP_ENDPOINT)
            continue;
        uint32_t here = roles[edge.to];
        uint32_t role = authority_edge_role(a, &edge);
        bool sends = (here & ROLE_SEND_GRANT) && (here & ROLE_RECEIVE);
        bool replies = (here & ROLE_CALL_REPLY) && (here & ROLE_RECEIVE_GRANT);
        int32_t endpoint = edge.to;
        int32_t holder = edge.from;
        if ((sends && (role & ROLE_SEND_GRANT)) || (replies && (role & ROLE_RECEIVE_GRANT))) {
            edge.kind = AUTHORITY_GRANT;
            edge_add(e, edge);
        }
        if ((sends && (role & ROLE_RECEIVE)) || (replies && (role & ROLE_CALL_REPLY))) {
            edge.kind = AUTHORITY_GRANT_RECV;
            edge.from = endpoint;
            edge.to = holder;
            edge_add(e, edge);
        }
    }
}

static enum error add_channels(const struct authority *a, struct edges *e)
{
    uint8_t *roles = calloc(a->node_count + 1, 1);
    if (!roles)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < e->count; i++)
        if (a->state->objects[e->edge[i].to].type == RECORD_CAP_ENDPOINT)
            roles[e->edge[i].to] |= (uint8_t)authority_edge_role(a, &e->edge[i]);
    channel_edges(a, e, roles);
    free(roles);
    return ERR_OK;
}

/* --- order --- */

/* Counting sort by `from`; stable, so a node's edges stay in slot order. */
static struct authority_edge *edges_sorted(const struct edges *e, uint32_t nodes, uint32_t *first)
{
    struct authority_edge *sorted = malloc((e->count + 1) * sizeof(*sorted));
    if (!sorted)
        return NULL;
    memset(first, 0, (nodes + 1) * sizeof(*first));
    for (uint32_t i = 0; i < e->count; i++)
        first[e->edge[i].from + 1]++;
    for (uint32_t n = 0; n < nodes; n++)
        first[n + 1] += first[n];
    for (uint32_t i = 0; i < e->count; i++)
        sorted[first[e->edge[i].from]++] = e->edge[i];
    for (uint32_t n = nodes; n > 0; n--)
        first[n] = first[n - 1];
    first[0] = 0;
    return sorted;
}

static void reverse_index(struct authority *a)
{
    uint32_t *first = a->priv->first_reverse;
    memset(first, 0, (a->node_count + 1) * sizeof(*first));
    for (uint32_t i = 0; i < a->edge_count; i++)
        first[a->edges[i].to + 1]++;
    for (uint32_t n = 0; n < a->node_count; n++)
        first[n + 1] += first[n];
    for (uint32_t i = 0; i < a->edge_count; i++)
        a->priv->reverse[first[a->edges[i].to]++] = i;
    for (uint32_t n = a->node_count; n > 0; n--)
        first[n] = first[n - 1];
    first[0] = 0;
}

static enum error edges_settle(struct authority *a, const struct edges *e)
{
    a->first_edge = calloc(a->node_count + 1, sizeof(*a->first_edge));
    a->priv->first_reverse = calloc(a->node_count + 1, sizeof(*a->priv->first_reverse));
    a->priv->reverse = calloc(e->count + 1, sizeof(*a->priv->reverse));
    if (!a->first_edge || !a->priv->first_reverse || !a->priv->reverse)
        return ERR_NO_MEMORY;
    a->edges = edges_sorted(e, a->node_count, a->first_edge);
    if (!a->edges)
        return ERR_NO_MEMORY;
    a->edge_count = e->count;
    reverse_index(a);
    return ERR_OK;
}

enum error authority_make_edges(struct authority *a)
{
    struct edges e = {0};
    a->enclosing = calloc(a->node_count + 1, sizeof(*a->enclosing));
    if (!a->enclosing)
        return ERR_NO_MEMORY;
    all_slot_edges(&e, a->state);
    mapping_edges(&e, a->state);
    pool_edges(&e, a->state);
    thread_edges(&e, a->state);
    irq_edges(&e, a->state);
    cover_edges(a, &e);
    enum error error = e.failed ? ERR_NO_MEMORY : add_channels(a, &e);
    if (error == ERR_OK)
        error = e.failed ? ERR_NO_MEMORY : edges_settle(a, &e);
    free(e.edge);
    return error;
}
