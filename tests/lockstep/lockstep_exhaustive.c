/* Every state that a few slots and a little memory can reach, by breadth-first search over the real
 * derivation list and untyped code, against explicit parents.
 *
 * Scope: one untyped block of 8 granules of 16 bytes and a number of slots of the root CNode, at
 * first one with the block.  Steps: retype into blocks of 2 and 4 granules and into endpoints,
 * copy, mint, move, delete, and one victim of a revoke, so that every point at which a revoke can
 * be interrupted is a state that everything else is tried in.  Each step is a system call of the
 * root task from a state written back into the kernel's memory.
 *
 * A state is what stands in the slots in list order.  Which slot holds it does not matter to the
 * kernel; `renamed` makes use of that and puts states that differ in nothing else in one (then
 * destinations are the first empty slot), without it every slot is tried.  `kept` leaves out the
 * deletion of the block's own capability, after which what was made of it has no parent. */
#include "tests/lockstep/lockstep.h"

#include "kernel/syscall.h"
#include "plat/hostsim/hostsim.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLOTS_MAX = 8,
    GRANULE_BITS = 4,
    BLOCK_BITS = 7,
    NO_PARENT = 255,
    BADGE = 1,
    TABLE_BITS = 24,
};

/* What stands in a slot, as the rules of the sheet have it (9.2, 9.3); in units of granules. */
struct node {
    uint8_t used; /* 0: the slot is empty */
    uint8_t endpoint;
    uint8_t base;
    uint8_t size;
    uint8_t badge;
    uint8_t mark;     /* handed out so far */
    uint8_t original; /* copies hang below it */
    uint8_t parent;   /* slot, or NO_PARENT */
};

struct state {
    struct node node[SLOTS_MAX];
    uint8_t order[SLOTS_MAX]; /* slots in list order */
    uint8_t flags[SLOTS_MAX]; /* the kernel's two bits, by slot */
    uint8_t count;
};

enum step_kind {
    STEP_RETYPE_2 = 0,
    STEP_RETYPE_4,
    STEP_RETYPE_ENDPOINT,
    STEP_COPY,
    STEP_MINT,
    STEP_MOVE,
    STEP_DELETE,
    STEP_REVOKE,
    STEP_KINDS,
};

static const char *const step_names[STEP_KINDS] = {
    "retype 2", "retype 4", "retype endpoint", "copy", "mint", "move", "delete", "revoke one"};

static unsigned slots;
static bool renamed;
static bool kept;
static cptr_t first_slot;
static kaddr_t block;
static kaddr_t before; /* the list around the slots: their block's parent */
static kaddr_t after;
static struct state *states;
static size_t state_count;
static size_t state_room;
static uint32_t *table; /* state number + 1 by hash */
static FILE *report;

/* --- the explicit model --- */

static bool has_child(const struct state *s, unsigned a)
{
    for (unsigned i = 0; i < slots; i++)
        if (s->node[i].used && s->node[i].parent == a)
            return true;
    return false;
}

static bool is_below(const struct state *s, unsigned b, unsigned a)
{
    for (unsigned p = s->node[b].parent; p != NO_PARENT; p = s->node[p].parent)
        if (p == a)
            return true;
    return false;
}

static bool model_retype(struct state *s, unsigned a, unsigned to, unsigned size, bool endpoint)
{
    struct node *u = &s->node[a];
    unsigned used = has_child(s, a) ? u->mark : 0;
    unsigned start = (used + size - 1) / size * size;
    if (u->endpoint || u->size - used < size)
        return false;
    s->node[to] = (struct node){.used = 1,
                                .endpoint = endpoint,
                                .base = (uint8_t)(u->base + start),
                                .size = (uint8_t)size,
                                .original = 1,
                                .parent = (uint8_t)a};
    u->mark = (uint8_t)(start + size);
    return true;
}

static bool model_copy_to(struct state *s, unsigned a, unsigned to, unsigned badge)
{
    struct node *from = &s->node[a];
    struct node copy = *from;
    if (!from->endpoint && has_child(s, a))
        return false;
    if (from->endpoint && badge != 0 && from->badge != 0)
        return false;
    if (from->endpoint && badge != 0)
        copy.badge = (uint8_t)badge;
    copy.original = !from->endpoint || copy.badge != from->badge;
    copy.parent = from->original ? (uint8_t)a : from->parent;
    copy.mark = 0;
    if (!from->endpoint)
        from->mark = from->size;
    s->node[to] = copy;
    return true;
}

static void model_move_to(struct state *s, unsigned a, unsigned to)
{
    s->node[to] = s->node[a];
    s->node[a].used = 0;
    for (unsigned i = 0; i < slots; i++)
        if (s->node[i].used && s->node[i].parent == a)
            s->node[i].parent = (uint8_t)to;
}

static void model_take(struct state *s, unsigned a)
{
    for (unsigned i = 0; i < slots; i++)
        if (s->node[i].used && s->node[i].parent == a)
            s->node[i].parent = s->node[a].parent;
    s->node[a].used = 0;
}

/* True when the step is allowed; a revoke's victim is found out from the kernel. */
static bool model_step(struct state *s, enum step_kind kind, unsigned a, unsigned to)
{
    switch (kind) {
    case STEP_RETYPE_2:
        return model_retype(s, a, to, 2, false);
    case STEP_RETYPE_4:
        return model_retype(s, a, to, 4, false);
    case STEP_RETYPE_ENDPOINT:
        return model_retype(s, a, to, 1, true);
    case STEP_COPY:
        return model_copy_to(s, a, to, 0);
    case STEP_MINT:
        return model_copy_to(s, a, to, BADGE);
    case STEP_MOVE:
        model_move_to(s, a, to);
        return true;
    case STEP_DELETE:
        model_take(s, a);
        return true;
    default:
        return true;
    }
}

/* --- states in the kernel's memory --- */

static struct slot *slot_at(unsigned i)
{
    return sim_slot(first_slot) + i;
}

static struct cap cap_of(const struct node *n)
{
    kaddr_t object = block + ((kaddr_t)n->base << GRANULE_BITS);
    if (n->endpoint)
        return ipc_cap_make(CAP_ENDPOINT, object, n->badge, RIGHT_ALL);
    unsigned bits = GRANULE_BITS + (unsigned)__builtin_ctz(n->size);
    return untyped_make(object, bits, false, (word_t)n->mark << GRANULE_BITS);
}

static void link_slots(kaddr_t a, kaddr_t b)
{
    struct slot *left = kptr(a);
    struct slot *right = kptr(b);
    left->next = (left->next & ~SLOT_LINK_MASK) | b;
    right->prev = (right->prev & ~SLOT_LINK_MASK) | a;
}

static void state_write(const struct state *s, struct slot *first)
{
    kaddr_t at = before;
    memset(first, 0, slots * sizeof(*first));
    for (unsigned i = 0; i < s->count; i++) {
        unsigned n = s->order[i];
        first[n].cap = cap_of(&s->node[n]);
        first[n].next = s->flags[n];
        link_slots(at, kaddr_of(&first[n]));
        at = kaddr_of(&first[n]);
    }
    link_slots(at, after);
}

/* Order and flags from the kernel; false when a slot in the list is not one of ours. */
static bool state_read(struct state *s, const struct slot *first)
{
    kaddr_t at = ((const struct slot *)kptr(before))->next & SLOT_LINK_MASK;
    s->count = 0;
    for (; at != after; at = ((const struct slot *)kptr(at))->next & SLOT_LINK_MASK) {
        unsigned n = (at - kaddr_of(first)) / (unsigned)sizeof(*first);
        if (at < kaddr_of(first) || n >= slots || s->count == slots)
            return false;
        s->order[s->count++] = (uint8_t)n;
        s->flags[n] = first[n].next & 3;
    }
    return true;
}

/* --- steps in the kernel --- */

static void kernel_call(const word_t regs[6], cptr_t extra)
{
    struct tcb *t = current_thread();
    word_t *buffer = sim_buffer(t);
    memcpy(t->regs, regs, 6 * sizeof(*regs));
    t->regs[REG_R7] = (word_t)SYS_CALL;
    t->regs[REG_PC] = HOSTSIM_SVC + MODEL_SVC_BYTES;
    buffer[IPCBUF_CAPS] = extra;
    kernel_enter_syscall((word_t)SYS_CALL);
}

static void kernel_retype(unsigned a, unsigned to, word_t type, word_t bits)
{
    word_t *buffer = sim_buffer(current_thread());
    word_t regs[6] = {first_slot + a, msginfo_make(INV_UNTYPED_RETYPE, 0, 1, 6), type, bits, 0, 0};
    buffer[IPCBUF_MSG + 4] = first_slot + to;
    buffer[IPCBUF_MSG + 5] = 1;
    kernel_call(regs, INIT_CNODE);
}

static void kernel_slot_call(word_t label, word_t length, unsigned target, unsigned source)
{
    word_t *buffer = sim_buffer(current_thread());
    word_t regs[6] = {INIT_CNODE,          msginfo_make(label, 0, 1, length),
                      first_slot + target, 32,
                      first_slot + source, 32};
    buffer[IPCBUF_MSG + 4] = RIGHT_ALL;
    buffer[IPCBUF_MSG + 5] = BADGE;
    kernel_call(regs, INIT_CNODE);
}

/* Interrupted after its first victim. */
static void kernel_revoke_one(unsigned a)
{
    ks.work_units = PREEMPT_UNITS - 1;
    hostsim_preempt_after(1);
    kernel_slot_call(INV_CNODE_REVOKE, 2, a, 0);
    hostsim_preempt_after(0);
}

/* True when the kernel allowed it. */
static bool kernel_step(enum step_kind kind, unsigned a, unsigned to)
{
    static const word_t bits[] = {5, 6};
    switch (kind) {
    case STEP_RETYPE_2:
    case STEP_RETYPE_4:
        kernel_retype(a, to, OBJECT_UNTYPED, bits[kind]);
        break;
    case STEP_RETYPE_ENDPOINT:
        kernel_retype(a, to, OBJECT_ENDPOINT, 0);
        break;
    case STEP_COPY:
        kernel_slot_call(INV_CNODE_COPY, 5, to, a);
        break;
    case STEP_MINT:
        kernel_slot_call(INV_CNODE_MINT, 6, to, a);
        break;
    case STEP_MOVE:
        kernel_slot_call(INV_CNODE_MOVE, 4, to, a);
        break;
    case STEP_DELETE:
        kernel_slot_call(INV_CNODE_DELETE, 2, a, 0);
        break;
    default:
        kernel_revoke_one(a);
        return true;
    }
    return msginfo_label(current_thread()->regs[REG_R1]) == SEL4_NO_ERROR;
}

/* --- comparison --- */

static bool differ(const struct state *s, const char *what, unsigned a)
{
    fprintf(report, "# exhaustive: %s, slot %u\n", what, a);
    for (unsigned i = 0; i < slots; i++)
        if (s->node[i].used)
            fprintf(report, "#   slot %u: %s %u+%u badge %u mark %u parent %d\n", i,
                    s->node[i].endpoint ? "endpoint" : "untyped", s->node[i].base, s->node[i].size,
                    s->node[i].badge, s->node[i].mark,
                    s->node[i].parent == NO_PARENT ? -1 : s->node[i].parent);
    return false;
}

/* What an untyped capability without children says of memory handed out matters to nobody. So that
 * the kernel is seen to go on from such a mark too, it is kept: as none, or as all. */
static bool same_slots(struct state *s, const struct slot *first)
{
    for (unsigned i = 0; i < slots; i++) {
        if (s->node[i].used && !s->node[i].endpoint && !has_child(s, i))
            s->node[i].mark = untyped_watermark(first[i].cap) ? s->node[i].size : 0;
        struct cap c = s->node[i].used ? cap_of(&s->node[i]) : cap_null();
        bool mark_counts = s->node[i].used && (s->node[i].endpoint || has_child(s, i));
        word_t mask = mark_counts ? 0xffffffffu : 0x3f;
        if (first[i].cap.w[0] != c.w[0] || (first[i].cap.w[1] ^ c.w[1]) & mask)
            return differ(s, "the kernel holds another capability", i);
    }
    return true;
}

/* Parents from the list, by the kernel's rule. */
static bool same_parents(const struct state *s, const struct slot *first)
{
    unsigned stack[SLOTS_MAX];
    unsigned depth = 0;
    for (unsigned i = 0; i < s->count; i++) {
        unsigned n = s->order[i];
        while (depth != 0 && !cdt_is_parent(&first[stack[depth - 1]], &first[n]))
            depth--;
        if (s->node[n].parent != (depth ? stack[depth - 1] : (unsigned)NO_PARENT))
            return differ(s, "the kernel's list says another parent", n);
        stack[depth++] = n;
    }
    return true;
}

/* Objects overlap only with their ancestors or other capabilities to them. */
static bool memory_is_exclusive(const struct state *s)
{
    for (unsigned a = 0; a < slots; a++) {
        for (unsigned b = a + 1; b < slots; b++) {
            const struct node *x = &s->node[a];
            const struct node *y = &s->node[b];
            bool apart = x->base + x->size <= y->base || y->base + y->size <= x->base;
            bool same = x->endpoint && y->endpoint && x->base == y->base;
            if (x->used && y->used && !apart && !same && !is_below(s, a, b) && !is_below(s, b, a))
                return differ(s, "memory is handed out twice", a);
        }
    }
    return true;
}

/* Which slot the kernel emptied; `slots`: none. */
static unsigned emptied(const struct state *s, const struct slot *first)
{
    for (unsigned i = 0; i < slots; i++)
        if (s->node[i].used && first[i].cap.w[0] == 0)
            return i;
    return slots;
}

static bool follow_revoke(struct state *s, unsigned a, const struct slot *first)
{
    unsigned victim = emptied(s, first);
    if ((victim != slots) != has_child(s, a))
        return differ(s, "revoke takes something of nothing, or nothing of something", a);
    if (victim == slots)
        return true;
    if (!is_below(s, victim, a))
        return differ(s, "revoke takes what is not below", victim);
    model_take(s, victim);
    return true;
}

/* --- the search --- */

/* Slots named by their place in the list. */
static void rename_slots(struct state *s)
{
    struct state r = {.count = s->count};
    uint8_t name[SLOTS_MAX] = {0};
    for (unsigned i = 0; i < s->count; i++)
        name[s->order[i]] = (uint8_t)i;
    for (unsigned i = 0; i < s->count; i++) {
        unsigned n = s->order[i];
        r.node[i] = s->node[n];
        if (r.node[i].parent != NO_PARENT)
            r.node[i].parent = name[s->node[n].parent];
        r.flags[i] = s->flags[n];
        r.order[i] = (uint8_t)i;
    }
    *s = r;
}

/* Nothing that does not count may tell two states apart. */
static void tidy(struct state *s)
{
    for (unsigned i = 0; i < SLOTS_MAX; i++) {
        if (i >= slots || !s->node[i].used) {
            s->node[i] = (struct node){0};
            s->flags[i] = 0;
        }
        if (i >= s->count)
            s->order[i] = 0;
    }
    if (renamed)
        rename_slots(s);
}

static uint64_t state_hash(const struct state *s)
{
    const uint8_t *p = (const uint8_t *)s;
    uint64_t h = 14695981039346656037ull;
    for (size_t i = 0; i < sizeof(*s); i++)
        h = (h ^ p[i]) * 1099511628211ull;
    return h ^ h >> 29;
}

/* Adds it if it is new; false when there is no room. */
static bool state_add(const struct state *s)
{
    size_t at = state_hash(s) & ((1u << TABLE_BITS) - 1);
    for (; table[at] != 0; at = (at + 1) & ((1u << TABLE_BITS) - 1))
        if (memcmp(&states[table[at] - 1], s, sizeof(*s)) == 0)
            return true;
    if (state_count == 1u << (TABLE_BITS - 1))
        return false;
    if (state_count == state_room) {
        state_room = state_room ? state_room * 2 : 4096;
        states = realloc(states, state_room * sizeof(*states));
        if (!states)
            return false;
    }
    states[state_count++] = *s;
    table[at] = (uint32_t)state_count;
    return true;
}

static bool try_step(const struct state *from, enum step_kind kind, unsigned a, unsigned to,
                     struct slot *first)
{
    struct state s = *from;
    state_write(from, first);
    bool expected = model_step(&s, kind, a, to);
    bool got = kernel_step(kind, a, to);
    if (!expected)
        s = *from;
    if (expected != got)
        return differ(from, expected ? "the kernel refuses" : "the kernel allows", a);
    if (kind == STEP_REVOKE && !follow_revoke(&s, a, first))
        return false;
    if (!state_read(&s, first))
        return differ(&s, "the list leads elsewhere", a);
    if (!same_slots(&s, first) || !same_parents(&s, first) || !memory_is_exclusive(&s))
        return false;
    tidy(&s);
    return state_add(&s) || differ(&s, "no room for more states", a);
}

static bool try_slot(const struct state *from, unsigned a, struct slot *first, uint64_t *steps)
{
    for (unsigned kind = 0; kind < STEP_KINDS; kind++) {
        bool needs_slot = kind != STEP_DELETE && kind != STEP_REVOKE;
        if (kind <= STEP_RETYPE_ENDPOINT && from->node[a].endpoint)
            continue; /* a call through an endpoint is a message */
        if (kept && kind == STEP_DELETE && from->node[a].parent == NO_PARENT)
            continue;
        for (unsigned to = 0; to < slots; to++) {
            if (needs_slot && from->node[to].used)
                continue;
            ++*steps;
            if (!try_step(from, (enum step_kind)kind, a, to, first)) {
                fprintf(report, "# step: %s, slot %u to %u\n", step_names[kind], a, to);
                return false;
            }
            if (renamed || !needs_slot)
                break;
        }
    }
    return true;
}

static bool search(struct slot *first, uint64_t *steps)
{
    for (size_t i = 0; i < state_count; i++) {
        struct state from = states[i];
        for (unsigned a = 0; a < slots; a++)
            if (from.node[a].used && !try_slot(&from, a, first, steps))
                return false;
    }
    return true;
}

static void prepare(void)
{
    static const struct hostsim_config config = {.ram_bytes = LOCKSTEP_RAM};
    struct state s = {.count = 1};
    sim_boot_config(&config);
    first_slot = sim_free_slots(slots);
    if (sim_retype(sim_untyped(), OBJECT_UNTYPED, BLOCK_BITS, first_slot, 1) != SEL4_NO_ERROR)
        abort();
    struct slot *u = slot_at(0);
    block = cap_object(u->cap);
    before = u->prev & SLOT_LINK_MASK;
    after = u->next & SLOT_LINK_MASK;
    s.node[0] = (struct node){
        .used = 1, .size = 1u << (BLOCK_BITS - GRANULE_BITS), .original = 1, .parent = NO_PARENT};
    s.flags[0] = u->next & 3;
    state_count = 0;
    tidy(&s);
    state_add(&s);
}

int lockstep_exhaustive(unsigned slot_count, bool rename, bool keep, FILE *out)
{
    uint64_t steps = 0;
    slots = slot_count < SLOTS_MAX ? slot_count : SLOTS_MAX;
    renamed = rename;
    kept = keep;
    report = out;
    table = calloc(1u << TABLE_BITS, sizeof(*table));
    if (!table)
        return 2;
    prepare();
    bool all_well = search(slot_at(0), &steps);
    fprintf(out, "# %u slots, 8 granules%s%s: %zu states, %llu steps\n", slots,
            renamed ? ", slots renamed" : "", kept ? ", the block kept" : "", state_count,
            (unsigned long long)steps);
    free(table);
    free(states);
    states = NULL;
    state_room = 0;
    hostsim_destroy();
    return all_well ? 0 : 1;
}
