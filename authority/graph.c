/* The edges of the authority graph: one pass each over slots, translations, threads, interrupts and
 * nested untyped memory.  An endpoint stands between those who can send capabilities and those who
 * get them, and has GRANT and GRANT_RECV edges only when both sides exist.
 *
 * Edges are in an order that depends on what is there and not on how the snapshot lists it, so that
 * searches find the same witness in one sample as in the next. */
#include "authority/conveys.h"
#include "authority/graph.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

/* --- a growing array of edges --- */

struct edges {
    struct authority_edge *edge;
    uint32_t count;
    size_t room;
    bool failed;
    const struct capstate *leading; /* only edges that reach what leads on in it; NULL: all */
};

static bool leads(const struct capstate *s, const struct authority_edge *edge)
{
    return authority_edge_reaches(edge->kind) && authority_leads_on(s->objects[edge->to].type);
}

static void edge_add(struct edges *e, struct authority_edge edge)
{
    if (e->failed || edge.from < 0 || edge.to < 0 || (e->leading && !leads(e->leading, &edge)))
        return;
    struct authority_edge *grown = array_room(e->edge, e->count, &e->room, sizeof(*grown));
    e->failed |= !grown;
    if (!grown)
        return;
    e->edge = grown;
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

/* What the kernel alone sends through, when the thread faults: whatever its rights, nobody receives
 * there by it. */
static bool is_for_faults(const struct capstate *s, const struct capstate_slot *slot)
{
    return s->objects[slot->holder].type == RECORD_CAP_TCB &&
           (slot->index == RECORD_TCB_FAULT_HANDLER || slot->index == RECORD_TCB_TIMEOUT_HANDLER);
}

static void slot_rights_edges(struct edges *e, const struct capstate *s,
                              const struct capstate_slot *slot, int32_t index)
{
    uint32_t rights = slot->rec.rights;
    if (is_for_faults(s, slot))
        rights &= ~(uint32_t)RECORD_RIGHT_READ;
    if (rights & RECORD_RIGHT_WRITE)
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_WRITE, index);
    if (rights & RECORD_RIGHT_READ)
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_READ, index);
    if (!(rights & (RECORD_RIGHT_WRITE | RECORD_RIGHT_READ)))
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_HOLD, index);
}

static void slot_edges(struct edges *e, const struct capstate *s, const struct capstate_slot *slot,
                       int32_t index)
{
    switch (authority_conveys(slot->rec.type)) {
    case CONVEYS_NOTHING:
        break;
    case CONVEYS_FLOW:
    case CONVEYS_CHANNEL:
        slot_rights_edges(e, s, slot, index);
        break;
    case CONVEYS_REPLY:
        if (!(slot->rec.flags & RECORD_SLOT_MASTER))
            edge_by_slot(e, slot->holder, slot->object,
                         slot->rec.rights & RECORD_RIGHT_GRANT ? AUTHORITY_REPLY_GRANT
                                                               : AUTHORITY_WRITE,
                         index);
        break;
    case CONVEYS_CONTROL:
        edge_by_slot(e, slot->holder, slot->object, AUTHORITY_CONTROL, index);
        break;
    }
}

static void all_slot_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct capstate_slot *slot = &s->slots[i];
        if (slot->holder >= 0 && slot->object >= 0)
            slot_edges(e, s, slot, (int32_t)i);
        if (slot->parent < 0 || slot->holder < 0 || e->leading)
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

/* First node whose address is not below addr. */
static uint32_t nodes_from(const struct capstate *s, uint64_t addr)
{
    return (uint32_t)LOWER_BOUND(s->object_count, i, s->objects[i].addr < addr);
}

/* The node of this type at this address, -1; few objects begin at one address. */
static int32_t node_of_type(const struct capstate *s, uint64_t addr, uint32_t type)
{
    for (uint32_t n = nodes_from(s, addr); n < s->object_count && s->objects[n].addr == addr; n++)
        if (s->objects[n].type == type)
            return (int32_t)n;
    return -1;
}

static bool is_table(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_IO_TABLE:
    case RECORD_CAP_EPT_TABLE:
    case RECORD_CAP_EPT_ROOT:
        return true;
    default:
        return false;
    }
}

/* The translation table at this address, of whatever level. */
static int32_t table_node(const struct capstate *s, uint64_t addr)
{
    for (uint32_t n = nodes_from(s, addr); n < s->object_count && s->objects[n].addr == addr; n++)
        if (is_table(s->objects[n].type))
            return (int32_t)n;
    return -1;
}

/* Whoever controls a table controls those that hang in it. */
static void table_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->tables_told; i++) {
        const struct record_table *t = &s->tables[i];
        if (t->parent == 0)
            continue;
        struct authority_edge edge =
            edge_make(table_node(s, t->parent), table_node(s, t->addr), AUTHORITY_TABLE);
        edge.other = (int32_t)i;
        edge_add(e, edge);
    }
}

/* Where no records tell of tables there are two levels, and mappings show who uses which. */
static void table_edge_by_mapping(struct edges *e, const struct capstate *s, uint32_t i)
{
    const struct record_mapping *m = &s->mappings[i];
    if (s->tables_told || !m->table || (i > 0 && m[-1].table == m->table && m[-1].dir == m->dir))
        return;
    struct authority_edge edge =
        edge_make(table_node(s, m->dir), table_node(s, m->table), AUTHORITY_TABLE);
    edge.mapping = (int32_t)i;
    edge_add(e, edge);
}

static void mapping_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        const struct record_mapping *m = &s->mappings[i];
        int32_t table = m->table ? table_node(s, m->table) : -1;
        int32_t from = table >= 0 ? table : table_node(s, m->dir);
        table_edge_by_mapping(e, s, i);
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

/* --- ASID pools --- */

/* The ASIDs of a pool: as many as its memory has room for words. */
struct pool {
    uint64_t first, count;
    int32_t node;
};

static int pool_compare(const void *pa, const void *pb)
{
    const struct pool *a = pa;
    const struct pool *b = pb;
    return (a->first > b->first) - (a->first < b->first);
}

static uint32_t find_pools(const struct capstate *s, struct pool *pools)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < s->object_count; n++)
        if (s->objects[n].type == RECORD_CAP_ASID_POOL)
            pools[count++] = (struct pool){s->slots[s->objects[n].first_slot].rec.data,
                                           ((uint64_t)1 << s->objects[n].bits) /
                                               (record_word_bits(&s->snapshot) / 8),
                                           (int32_t)n};
    if (count)
        qsort(pools, count, sizeof(*pools), pool_compare);
    return count;
}

static int32_t pool_of(const struct pool *pools, uint32_t count, uint64_t asid)
{
    size_t above = LOWER_BOUND(count, i, pools[i].first <= asid);
    if (above == 0)
        return -1;
    const struct pool *p = &pools[above - 1];
    return asid - p->first < p->count ? p->node : -1;
}

/* An ASID pool decides whether the directories in it can be used. */
static bool pool_edges(struct edges *e, const struct capstate *s, const int32_t *witness)
{
    struct pool *pools = malloc((s->object_count + 1) * sizeof(*pools));
    if (!pools)
        return false;
    uint32_t count = find_pools(s, pools);
    for (uint32_t d = 0; d < s->object_count; d++) {
        int32_t slot = witness[d];
        if (s->objects[d].type == RECORD_CAP_PAGE_DIRECTORY && slot >= 0 &&
            s->slots[slot].rec.extra != 0)
            edge_by_slot(e, pool_of(pools, count, s->slots[slot].rec.extra), (int32_t)d,
                         AUTHORITY_CONTROL, slot);
    }
    free(pools);
    return true;
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

/* A reply object leads to the thread that waits for the answer. */
static void reply_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->reply_count; i++)
        if (s->replies[i].thread)
            edge_add(e, edge_make(node_of_type(s, s->replies[i].addr, RECORD_CAP_REPLY_OBJECT),
                                  node_of_type(s, s->replies[i].thread, RECORD_CAP_TCB),
                                  AUTHORITY_REPLY_GRANT));
}

static void irq_edges(struct edges *e, const struct capstate *s)
{
    for (uint32_t i = 0; i < s->irq_count; i++) {
        int32_t slot = capstate_slot_at(s, s->irqs[i].slot);
        if (slot >= 0)
            edge_by_slot(e, node_of_type(s, s->irqs[i].irq, RECORD_CAP_IRQ_HANDLER),
                         s->slots[slot].object, AUTHORITY_WRITE, slot);
    }
}

static bool object_inside(const struct capstate_object *inner, const struct capstate_object *outer)
{
    return inner->addr >= outer->addr && (uint64_t)inner->addr + ((uint64_t)1 << inner->bits) <=
                                             (uint64_t)outer->addr + ((uint64_t)1 << outer->bits);
}

/* Objects stand in pre-order of their nesting; the links already made are the stack. witness NULL:
 * nobody asks for it. */
static void cover_edges(struct authority *a, struct edges *e, const int32_t *witness)
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
                     last >= 0 && witness ? witness[last] : -1);
        if (s->objects[i].type == RECORD_CAP_UNTYPED)
            last = (int32_t)i;
    }
}

/* --- channels --- */

static uint32_t role_of(const struct authority *a, const struct authority_edge *edge)
{
    bool grant, reply;
    if (edge->slot >= 0) {
        const struct record_slot *r = &a->state->slots[edge->slot].rec;
        if (authority_conveys(r->type) != CONVEYS_CHANNEL)
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

/* Capabilities pass from senders that may grant to receivers, and with the reply from receivers
 * that may grant to callers. */
enum {
    MESSAGE = ROLE_SEND_GRANT | ROLE_RECEIVE,
    ANSWER = ROLE_CALL_REPLY | ROLE_RECEIVE_GRANT,
    GIVERS = ROLE_SEND_GRANT | ROLE_RECEIVE_GRANT,
    TAKERS = ROLE_RECEIVE | ROLE_CALL_REPLY,
};

uint32_t authority_roles_joined(uint32_t here)
{
    uint32_t message = (here & MESSAGE) == MESSAGE ? (uint32_t)MESSAGE : 0u;
    uint32_t answer = (here & ANSWER) == ANSWER ? (uint32_t)ANSWER : 0u;
    return message | answer;
}

static bool is_channel(const struct authority *a, int32_t node)
{
    return authority_conveys(a->state->objects[node].type) == CONVEYS_CHANNEL;
}

/* Adds the edges through which capabilities pass, once all plain edges are there. roles: per node,
 * what somebody does at this endpoint. */
static void channel_edges(struct edges *e, const uint8_t *roles)
{
    uint32_t plain = e->count;
    for (uint32_t i = 0; i < plain; i++) {
        struct authority_edge edge = e->edge[i];
        uint32_t passes = edge.role & authority_roles_joined(roles[edge.to]);
        int32_t endpoint = edge.to;
        if (passes & GIVERS) {
            edge.kind = AUTHORITY_GRANT;
            edge_add(e, edge);
        }
        if (passes & TAKERS) {
            edge.kind = AUTHORITY_GRANT_RECV;
            edge.to = edge.from;
            edge.from = endpoint;
            edge_add(e, edge);
        }
    }
}

static enum error add_channels(const struct authority *a, struct edges *e)
{
    uint8_t *roles = calloc(a->node_count + 1, 1);
    if (!roles)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < e->count; i++) {
        struct authority_edge *edge = &e->edge[i];
        edge->role = is_channel(a, edge->to) ? (uint8_t)role_of(a, edge) : 0;
        roles[edge->to] |= edge->role;
    }
    channel_edges(e, roles);
    free(roles);
    return ERR_OK;
}

/* --- order --- */

static uint64_t edge_place(const struct capstate *s, const struct authority_edge *e)
{
    return e->slot >= 0      ? s->slots[e->slot].rec.addr
           : e->mapping >= 0 ? s->mappings[e->mapping].vaddr
                             : 0;
}

static int order_of_place(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int order_of(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int edge_compare(const void *pa, const void *pb, void *state)
{
    const struct capstate *s = state;
    const struct authority_edge *a = pa;
    const struct authority_edge *b = pb;
    int order = order_of(a->from, b->from);
    if (order == 0)
        order = order_of(a->to, b->to);
    if (order == 0)
        order = order_of(a->kind, b->kind);
    if (order == 0)
        order = order_of_place(edge_place(s, a), edge_place(s, b));
    return order ? order : order_of(a->thread, b->thread);
}

static int32_t end_of(const struct authority_edge *e, bool from)
{
    return from ? e->from : e->to;
}

/* The order `in` sorted by one end of the edges, equal ones as they stood. start: node_count + 1
 * zeros. */
static void count_sort(const struct authority *a, bool from, const uint32_t *in, uint32_t *out,
                       uint32_t *start)
{
    for (uint32_t i = 0; i < a->edge_count; i++)
        start[end_of(&a->edges[i], from) + 1]++;
    for (uint32_t n = 0; n < a->node_count; n++)
        start[n + 1] += start[n];
    for (uint32_t i = 0; i < a->edge_count; i++) {
        uint32_t edge = in ? in[i] : i;
        out[start[end_of(&a->edges[edge], from)]++] = edge;
    }
}

/* Between two nodes there are few. qsort_r() of the C library merges, so that this takes n log n
 * however the edges lie. */
static void sort_between(struct authority *a)
{
    for (uint32_t i = 0; i < a->edge_count;) {
        const struct authority_edge *first = &a->edges[i];
        uint32_t end = i + 1;
        while (end < a->edge_count && a->edges[end].from == first->from &&
               a->edges[end].to == first->to)
            end++;
        if (end > i + 1)
            qsort_r(&a->edges[i], end - i, sizeof(*a->edges), edge_compare,
                    (void *)(uintptr_t)a->state);
        i = end;
    }
}

static bool edges_sort(struct authority *a)
{
    uint32_t *by_to = malloc((a->edge_count + 1) * sizeof(*by_to));
    uint32_t *order = malloc((a->edge_count + 1) * sizeof(*order));
    uint32_t *start = calloc(a->node_count + 2, 2 * sizeof(*start));
    struct authority_edge *sorted = malloc((a->edge_count + 1) * sizeof(*sorted));
    bool ready = by_to && order && start && sorted;
    if (ready) {
        count_sort(a, false, NULL, by_to, start);
        count_sort(a, true, by_to, order, start + a->node_count + 2);
        for (uint32_t i = 0; i < a->edge_count; i++)
            sorted[i] = a->edges[order[i]];
        free(a->edges);
        a->edges = sorted;
        sort_between(a);
    } else {
        free(sorted);
    }
    free(by_to);
    free(order);
    free(start);
    return ready;
}

static void forward_index(struct authority *a)
{
    for (uint32_t i = 0; i < a->edge_count; i++)
        a->first_edge[a->edges[i].from + 1]++;
    for (uint32_t n = 0; n < a->node_count; n++)
        a->first_edge[n + 1] += a->first_edge[n];
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

/* Takes the array over. */
static enum error edges_settle(struct authority *a, struct edges *e)
{
    a->edges = e->edge;
    a->edge_count = e->count;
    e->edge = NULL;
    a->first_edge = calloc(a->node_count + 1, sizeof(*a->first_edge));
    a->priv->first_reverse = calloc(a->node_count + 1, sizeof(*a->priv->first_reverse));
    a->priv->reverse = calloc(a->edge_count + 1, sizeof(*a->priv->reverse));
    if (!a->first_edge || !a->priv->first_reverse || !a->priv->reverse)
        return ERR_NO_MEMORY;
    if (!edges_sort(a))
        return ERR_NO_MEMORY;
    forward_index(a);
    reverse_index(a);
    return ERR_OK;
}

/* Of the capabilities to each object the one in the lowest slot: where any would do as a witness,
 * every sample shows the same. NULL: no memory. */
static int32_t *lowest_slots(const struct capstate *s)
{
    int32_t *lowest = malloc((s->object_count + 1) * sizeof(*lowest));
    for (uint32_t n = 0; lowest && n < s->object_count; n++)
        lowest[n] = -1;
    for (uint32_t i = 0; lowest && i < s->slot_count; i++) {
        int32_t n = s->slots[i].object;
        if (n >= 0 && (lowest[n] < 0 || s->slots[i].rec.addr < s->slots[lowest[n]].rec.addr))
            lowest[n] = (int32_t)i;
    }
    return lowest;
}

enum error authority_make_edges(struct authority *a)
{
    struct edges e = {0};
    int32_t *witness = lowest_slots(a->state);
    a->enclosing = calloc(a->node_count + 1, sizeof(*a->enclosing));
    if (!a->enclosing || !witness) {
        free(witness);
        return ERR_NO_MEMORY;
    }
    all_slot_edges(&e, a->state);
    table_edges(&e, a->state);
    mapping_edges(&e, a->state);
    e.failed |= !pool_edges(&e, a->state, witness);
    reply_edges(&e, a->state);
    thread_edges(&e, a->state);
    irq_edges(&e, a->state);
    cover_edges(a, &e, witness);
    free(witness);
    enum error error = e.failed ? ERR_NO_MEMORY : add_channels(a, &e);
    if (error == ERR_OK)
        error = e.failed ? ERR_NO_MEMORY : edges_settle(a, &e);
    free(e.edge);
    return error;
}

enum error authority_make_leading_edges(struct authority *a)
{
    struct edges e = {.leading = a->state};
    a->enclosing = calloc(a->node_count + 1, sizeof(*a->enclosing));
    if (!a->enclosing)
        return ERR_NO_MEMORY;
    all_slot_edges(&e, a->state);
    reply_edges(&e, a->state);
    cover_edges(a, &e, NULL);
    enum error error = e.failed ? ERR_NO_MEMORY : edges_settle(a, &e);
    free(e.edge);
    return error;
}

const uint32_t *authority_edges_to(const struct authority *a, int32_t node, uint32_t *count)
{
    const struct authority_private *p = a->priv;
    *count = p->first_reverse[node + 1] - p->first_reverse[node];
    return p->reverse + p->first_reverse[node];
}

/* --- which edges count though managers are left out --- */

static bool passes_capabilities(const struct authority_edge *e)
{
    return e->kind == AUTHORITY_GRANT || e->kind == AUTHORITY_GRANT_RECV;
}

enum error authority_mark_live(struct authority *a)
{
    uint8_t *roles = calloc(a->node_count + 1, 1);
    if (!roles)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < a->edge_count; i++) {
        struct authority_edge *e = &a->edges[i];
        e->live = a->priv->active[e->kind == AUTHORITY_GRANT_RECV ? e->to : e->from];
        if (e->live && !passes_capabilities(e))
            roles[e->to] |= e->role;
    }
    for (uint32_t i = 0; i < a->edge_count; i++) {
        struct authority_edge *e = &a->edges[i];
        bool gives = e->kind == AUTHORITY_GRANT;
        uint32_t meant = e->role & (gives ? GIVERS : TAKERS);
        if (passes_capabilities(e))
            e->live &= (authority_roles_joined(roles[gives ? e->to : e->from]) & meant) != 0;
    }
    free(roles);
    return ERR_OK;
}
