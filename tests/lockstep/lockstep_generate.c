/* Chooses the next action from the model's state: mostly sensible operations on objects that exist,
 * addressed as the running thread can address them, and some nonsense.
 *
 * Weights are such that deep trees, badges, nested and cyclic CNodes, saved reply capabilities,
 * threads with CSpaces of their own and deletions of all that happen in every few thousand actions
 * (lockstep_stats_print shows it).
 *
 * A seed means the same actions on every machine and with every compiler: chance is consulted in an
 * order that the language fixes, so never twice among the operands or arguments of one expression.
 */
#include "tests/lockstep/lockstep.h"

#include "plat/hostsim/hostsim.h"

#include <string.h>

enum {
    REACH_MAX = 2048, /* capabilities the running thread can name */
    WINDOW = 320,     /* slots of a big CNode that are used */
    BOOT_SLOTS = 110, /* of the root CNode that are filled at boot, about */
    REACH_DEPTH = 4,  /* CNodes in CNodes when listing what can be named */
    DEVICE_UNTYPED_MIN = 24,
};

struct reach {
    struct model_slot *slot;
    cptr_t cptr;
};

/* A slot as CNode operations name it. */
struct name {
    cptr_t root;
    word_t index;
    word_t depth;
    struct model_slot *slot;
};

static struct reach reach[REACH_MAX];
static unsigned reach_count;
static struct lockstep_random *rng;
static struct lockstep_action *act;
static struct model *model;

/* --- chance --- */

static uint64_t random_next(struct lockstep_random *r)
{
    /* xorshift64* */
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 2685821657736338717ull;
}

word_t lockstep_below(struct lockstep_random *r, word_t n)
{
    return (word_t)((random_next(r) >> 32) % n);
}

static word_t below(word_t n)
{
    return lockstep_below(rng, n);
}

static bool chance(word_t percent)
{
    return below(100) < percent;
}

static word_t any_word(void)
{
    static const word_t words[] = {
        0,          1,          2,          4,          31,         32,         33,
        63,         64,         120,        127,        255,        256,        257,
        0x0fffffff, 0x10000000, 0x7fffffff, 0x80000000, 0xefffffff, 0xf0000000, 0xffffffff};
    if (chance(70))
        return words[below(sizeof(words) / sizeof(words[0]))];
    return (word_t)random_next(rng);
}

/* The thread that lockstep.c makes to resume others. */
static bool is_guardian(const struct model_thread *t)
{
    return t->buffer == LOCKSTEP_GUARDIAN_BUFFER;
}

/* Nobody else can run, or nobody else would resume others: the thread must not stop, or all is
 * over. */
static bool careful(void)
{
    if (model->current && is_guardian(model->current))
        return true;
    for (unsigned p = 0; p < CONFIG_PRIORITIES; p++)
        if (model->ready[p].count != 0)
            return false;
    return true;
}

/* --- what the thread can name --- */

static unsigned window_of(const struct model_object *cnode)
{
    return cnode->slot_count < WINDOW ? cnode->slot_count : WINDOW;
}

static void reach_add(struct model_slot *s, cptr_t cptr)
{
    if (reach_count < REACH_MAX)
        reach[reach_count++] = (struct reach){s, cptr};
}

/* `prefix` is the address so far, `left` the bits that follow. */
static void reach_node(struct model_cap node, cptr_t prefix, unsigned left, unsigned depth)
{
    unsigned radix = node.object->bits - 4;
    if (node.guard_size + radix > left)
        return;
    unsigned rest = left - (unsigned)node.guard_size - radix;
    prefix |= (cptr_t)((uint64_t)node.guard << (left - node.guard_size));
    for (unsigned i = 0; i < window_of(node.object) && reach_count < REACH_MAX; i++) {
        struct model_slot *s = &node.object->slots[i];
        cptr_t at = prefix | (cptr_t)((uint64_t)i << rest);
        if (s->cap.kind == MODEL_NULL && !(i % 8 == 7))
            continue;
        if (s->cap.kind != MODEL_CNODE || rest == 0)
            reach_add(s, at);
        else if (depth < REACH_DEPTH)
            reach_node(s->cap, at, rest, depth + 1);
    }
}

static void reach_all(const struct model_thread *t)
{
    struct model_cap root = t->slots[MODEL_TCB_CSPACE].cap;
    reach_count = 0;
    if (root.kind == MODEL_CNODE)
        reach_node(root, 0, 32, 0);
}

static bool from_boot(const struct model_slot *s)
{
    return s->parent == &model->forest;
}

static const struct reach *reach_pick_any(word_t kinds)
{
    if (reach_count == 0)
        return NULL;
    word_t start = below(reach_count);
    for (unsigned i = 0; i < reach_count; i++) {
        const struct reach *r = &reach[(start + i) % reach_count];
        if (kinds >> r->slot->cap.kind & 1)
            return r;
    }
    return NULL;
}

/* A random capability of one of these kinds (a bit for each), mostly of those that came to be since
 * boot; NULL: none. */
static const struct reach *reach_pick(word_t kinds)
{
    const struct reach *r = reach_pick_any(kinds);
    for (unsigned tries = 0; r && from_boot(r->slot) && tries < 3 && chance(70); tries++)
        r = reach_pick_any(kinds);
    return r;
}

typedef bool (*fits)(const struct model_slot *s);

/* One of a kind that also fits; NULL: none. */
static const struct reach *reach_pick_fitting(word_t kinds, fits f)
{
    if (reach_count == 0)
        return NULL;
    word_t start = below(reach_count);
    for (unsigned i = 0; i < reach_count; i++) {
        const struct reach *r = &reach[(start + i) % reach_count];
        if ((kinds >> r->slot->cap.kind & 1) && f(r->slot))
            return r;
    }
    return NULL;
}

static cptr_t any_cptr(void)
{
    if (reach_count == 0 || (careful() ? below(500) == 0 : chance(3)))
        return any_word();
    return reach[below(reach_count)].cptr;
}

/* A capability of these kinds, or now and then any. */
static cptr_t cptr_of_kind(word_t kinds)
{
    const struct reach *r = chance(96) ? reach_pick(kinds) : NULL;
    return r ? r->cptr : any_cptr();
}

#define KIND(k) ((word_t)1 << MODEL_##k)

/* Mostly another thread than the one that runs. */
static cptr_t other_thread(void)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        const struct reach *r = reach_pick(KIND(TCB));
        if (r && r->slot->cap.object->thread != model->current &&
            (!is_guardian(r->slot->cap.object->thread) || below(100) == 0))
            return r->cptr;
    }
    return careful() ? (cptr_t)INIT_CNODE : cptr_of_kind(KIND(TCB));
}

/* Mostly memory that is no device's and not used up. */
static cptr_t some_untyped(void)
{
    for (unsigned tries = 0; tries < 12 && chance(95); tries++) {
        const struct reach *r = reach_pick(KIND(UNTYPED));
        if (r && !r->slot->cap.object->device && model_untyped_free(r->slot) >= 16)
            return r->cptr;
    }
    return cptr_of_kind(KIND(UNTYPED));
}

/* --- naming slots --- */

typedef bool (*wish)(const struct model_slot *s, word_t kinds);

static bool wish_empty(const struct model_slot *s, word_t kinds)
{
    (void)kinds;
    return s->cap.kind == MODEL_NULL;
}

static bool wish_kind(const struct model_slot *s, word_t kinds)
{
    return kinds >> s->cap.kind & 1;
}

static bool wish_parent(const struct model_slot *s, word_t kinds)
{
    return (kinds >> s->cap.kind & 1) && model_cdt_has_children(s);
}

/* The last capability to a container that holds something. */
static bool wish_loaded(const struct model_slot *s, word_t kinds)
{
    unsigned held = 0;
    if (!(kinds >> s->cap.kind & 1) || s->cap.object->caps != 1)
        return false;
    for (unsigned i = 0; i < s->cap.object->slot_count && held < 2; i++)
        held += s->cap.object->slots[i].cap.kind != MODEL_NULL;
    return held == 2;
}

/* And among what it holds is another such. */
static bool wish_nested(const struct model_slot *s, word_t kinds)
{
    if (!wish_loaded(s, kinds))
        return false;
    for (unsigned i = 0; i < s->cap.object->slot_count; i++) {
        const struct model_cap *c = &s->cap.object->slots[i].cap;
        if ((c->kind == MODEL_CNODE || c->kind == MODEL_TCB) && c->object->caps == 1)
            return true;
    }
    return false;
}

static struct model_slot *find_in(struct model_object *cnode, wish w, word_t kinds)
{
    unsigned n = window_of(cnode);
    unsigned boot = cnode->slot_count > WINDOW && chance(85) ? BOOT_SLOTS : 0;
    word_t start = boot + below(n - boot);
    for (unsigned i = 0; i < n; i++) {
        struct model_slot *s = &cnode->slots[(start + i) % n];
        if (w(s, kinds))
            return s;
    }
    return NULL;
}

/* Goes from the node in *c down to one of the CNodes it holds, as far as 32 bits reach. */
static bool descend(struct model_cap *c, struct name *n)
{
    struct model_slot *inner = find_in(c->object, wish_kind, KIND(CNODE));
    if (!inner)
        return false;
    unsigned step = (unsigned)c->guard_size + c->object->bits - 4;
    unsigned more = (unsigned)inner->cap.guard_size + inner->cap.object->bits - 4;
    if (n->depth + step + more > 32)
        return false;
    n->depth += step;
    n->index = (word_t)((uint64_t)n->index << step) |
               (word_t)((uint64_t)c->guard << (c->object->bits - 4)) | inner->index;
    *c = inner->cap;
    return true;
}

static bool name_slot(struct name *n, wish w, word_t kinds)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        const struct reach *r = reach_pick(KIND(CNODE));
        if (!r)
            return false;
        struct model_cap c = r->slot->cap;
        *n = (struct name){.root = r->cptr};
        while (chance(40) && descend(&c, n))
            ;
        struct model_slot *s = find_in(c.object, w, kinds);
        if (!s)
            continue;
        unsigned radix = c.object->bits - 4;
        unsigned step = (unsigned)c.guard_size + radix;
        n->index =
            (word_t)((uint64_t)n->index << step) | (word_t)((uint64_t)c.guard << radix) | s->index;
        n->depth += step;
        n->slot = s;
        return true;
    }
    return false;
}

static bool name_empty(struct name *n)
{
    return name_slot(n, wish_empty, 0);
}

static const word_t all_kinds = ~KIND(NULL);

/* Capabilities of boot time are what everything else is made from: mostly left in place. */
static bool is_precious(const struct model_slot *s)
{
    return from_boot(s) || (s->cap.kind == MODEL_TCB && is_guardian(s->cap.object->thread));
}

/* Is the guardian made of it? */
static bool is_ground(const struct model_slot *s)
{
    for (const struct model_slot *c = s->first_child; c; c = c->right)
        if (c->cap.kind == MODEL_TCB && is_guardian(c->cap.object->thread))
            return true;
    return false;
}

static bool name_wished(struct name *n, wish w, word_t kinds, bool spare_precious)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        if (!name_slot(n, w, kinds))
            return false;
        bool spare = is_ground(n->slot) || (spare_precious && is_precious(n->slot));
        if (!spare || below(1000) == 0)
            return true;
    }
    return false;
}

static bool name_occupied(struct name *n, word_t kinds, bool spare_precious)
{
    return name_wished(n, wish_kind, kinds, spare_precious);
}

/* --- filling in --- */

static void message(word_t number, cptr_t cptr, word_t label, word_t length, word_t extra)
{
    act->r[0] = cptr;
    act->r[1] = msginfo_make(label, 0, extra, length);
    act->r[7] = number;
}

static void put(word_t i, word_t value)
{
    if (i < MSG_REGISTERS)
        act->r[2 + i] = value;
    else if (i - MSG_REGISTERS < LOCKSTEP_BUFFER_WORDS)
        act->message[i - MSG_REGISTERS] = value;
}

static word_t call_or_send(void)
{
    return (word_t)(chance(92) ? SYS_CALL : chance(50) ? SYS_SEND : SYS_NBSEND);
}

static void invocation(cptr_t cptr, word_t label, word_t length, word_t extra)
{
    message(call_or_send(), cptr, label, length, extra);
}

/* --- operations --- */

/* How many slots from this one on are empty, at most n. */
static word_t run_of_empty(const struct model_slot *s, word_t n)
{
    word_t run = 1;
    while (run < n && s->index + run < s->home->slot_count && s[run].cap.kind == MODEL_NULL)
        run++;
    return run;
}

/* Now and then the label of a rest, as an interrupted Retype has it; returns how many are made. */
static word_t retype_rest(void)
{
    if (!chance(8))
        return 0;
    word_t made = chance(80) ? below(4) : 150 + below(106); /* the latter also beyond the most */
    act->r[1] += (1 + made) << (MSGINFO_LABEL_SHIFT + RETYPE_REST_SHIFT);
    return made;
}

static void make_retype(void)
{
    static const uint8_t types[] = {
        OBJECT_UNTYPED,      OBJECT_UNTYPED,    OBJECT_UNTYPED,        OBJECT_TCB,
        OBJECT_TCB,          OBJECT_ENDPOINT,   OBJECT_ENDPOINT,       OBJECT_NOTIFICATION,
        OBJECT_NOTIFICATION, OBJECT_CNODE,      OBJECT_CNODE,          OBJECT_CNODE,
        OBJECT_FRAME_4K,     OBJECT_FRAME_4K,   OBJECT_FRAME_64K,      OBJECT_FRAME_1M,
        OBJECT_FRAME_16M,    OBJECT_PAGE_TABLE, OBJECT_PAGE_DIRECTORY,
    };
    static const uint8_t radixes[] = {1, 2, 2, 3, 3, 4, 4, 5, 6, 7};
    word_t type = types[below(sizeof(types))];
    word_t bits = type == OBJECT_UNTYPED ? (chance(15) ? 12 : 4 + below(12))
                  : type == OBJECT_CNODE ? radixes[below(sizeof(radixes))]
                                         : 0;
    word_t count = chance(70) ? 1 : chance(80) ? 1 + below(5) : 1 + below(70);
    struct model_slot *s;
    struct name n;
    invocation(some_untyped(), INV_UNTYPED_RETYPE, 6, 1);
    put(0, type);
    put(1, bits);
    if (chance(70) || !name_occupied(&n, KIND(CNODE), false)) {
        const struct reach *node = reach_pick(KIND(CNODE));
        s = node ? find_in(node->slot->cap.object, wish_empty, 0) : NULL;
        act->caps[0] = node ? node->cptr : any_cptr();
    } else {
        s = find_in(n.slot->cap.object, wish_empty, 0);
        act->caps[0] = n.root;
        put(2, n.index);
        put(3, n.depth);
    }
    word_t made = retype_rest();
    put(4, (s ? s->index : 0) - made);
    put(5, (s && chance(93) ? run_of_empty(s, count) : count) + made);
}

static word_t some_rights(void)
{
    return chance(70) ? (word_t)RIGHT_ALL : below(16);
}

static word_t some_guard(const struct model_slot *s)
{
    word_t radix = s && s->cap.kind == MODEL_CNODE ? s->cap.object->bits - 4 : 4;
    word_t size = chance(60) ? (32 - radix) % 32 : below(20);
    return (chance(80) ? 0 : below(1 << 18) << 8) | size << 3;
}

static word_t some_data(const struct model_slot *s)
{
    if (s && s->cap.kind == MODEL_CNODE)
        return chance(90) ? some_guard(s) : any_word();
    return chance(90) ? below(3) : any_word();
}

static void make_copy(bool mint)
{
    struct name to;
    struct name from;
    if (!name_empty(&to) || !name_occupied(&from, all_kinds, false))
        return;
    invocation(to.root, mint ? INV_CNODE_MINT : INV_CNODE_COPY, mint ? 6 : 5, 1);
    act->caps[0] = from.root;
    put(0, to.index);
    put(1, to.depth);
    put(2, from.index);
    put(3, from.depth);
    put(4, some_rights());
    put(5, some_data(from.slot));
}

static void make_move(bool mutate)
{
    struct name to;
    struct name from;
    word_t kinds = mutate && chance(80) ? KIND(CNODE) | KIND(FRAME) | KIND(TCB) : all_kinds;
    if (!name_empty(&to))
        return;
    /* last capabilities to containers, into containers: chains and cycles */
    bool loaded = chance(45) && name_wished(&from, wish_loaded, KIND(CNODE) | KIND(TCB), true);
    if (!loaded && !name_occupied(&from, kinds, true))
        return;
    invocation(to.root, mutate ? INV_CNODE_MUTATE : INV_CNODE_MOVE, mutate ? 5 : 4, 1);
    act->caps[0] = from.root;
    put(0, to.index);
    put(1, to.depth);
    put(2, from.index);
    put(3, from.depth);
    put(4, some_data(from.slot));
}

static void make_rotate(void)
{
    struct name to;
    struct name pivot;
    struct name from;
    word_t kinds = chance(80) ? all_kinds & ~(KIND(ENDPOINT) | KIND(NOTIFICATION)) : all_kinds;
    if (!name_occupied(&pivot, kinds, true) || !name_occupied(&from, kinds, true))
        return;
    if (chance(50) || !name_empty(&to))
        to = from;
    invocation(to.root, INV_CNODE_ROTATE, 8, 2);
    act->caps[0] = pivot.root;
    act->caps[1] = from.root;
    put(0, to.index);
    put(1, to.depth);
    put(2, some_data(pivot.slot));
    put(3, pivot.index);
    put(4, pivot.depth);
    put(5, some_data(from.slot));
    put(6, from.index);
    put(7, from.depth);
}

static void make_slot_operation(word_t label, wish w, word_t kinds, bool spare)
{
    struct name n;
    if (!name_wished(&n, w, kinds, spare))
        return;
    invocation(n.root, label, 2, 0);
    put(0, n.index);
    put(1, n.depth);
}

static void make_delete(void)
{
    static const word_t wishes[] = {KIND(CNODE), KIND(CNODE) | KIND(TCB),
                                    KIND(ENDPOINT) | KIND(NOTIFICATION),
                                    KIND(REPLY) | KIND(IRQ_HANDLER), KIND(UNTYPED)};
    word_t kinds = chance(40) ? wishes[below(5)] : all_kinds;
    if (chance(25))
        make_slot_operation(INV_CNODE_DELETE, wish_nested, KIND(CNODE) | KIND(TCB), true);
    else if (chance(20))
        make_slot_operation(INV_CNODE_DELETE, wish_loaded, KIND(CNODE) | KIND(TCB), true);
    else
        make_slot_operation(INV_CNODE_DELETE, wish_kind, kinds, true);
}

static void make_revoke(void)
{
    static const word_t wishes[] = {KIND(ENDPOINT), KIND(CNODE), KIND(TCB),
                                    KIND(NOTIFICATION) | KIND(FRAME)};
    /* Untyped memory comes back only by revoking what is made of it. */
    if (chance(40)) { /* of one badge, beside others of the same */
        make_slot_operation(INV_CNODE_REVOKE, wish_kind, KIND(ENDPOINT) | KIND(NOTIFICATION),
                            false);
        return;
    }
    word_t kinds = chance(45) ? KIND(UNTYPED) : chance(60) ? wishes[below(4)] : all_kinds;
    make_slot_operation(INV_CNODE_REVOKE, chance(85) ? wish_parent : wish_kind, kinds,
                        kinds != KIND(UNTYPED));
}

static void make_save_caller(void)
{
    struct name n;
    if (!name_empty(&n))
        return;
    invocation(n.root, INV_CNODE_SAVE_CALLER, 2, 0);
    put(0, n.index);
    put(1, n.depth);
}

/* --- threads --- */

static word_t some_priority(void)
{
    static const word_t priorities[] = {255, 255, 254, 254, 200, 100, 1};
    return chance(95) ? priorities[below(7)] : any_word();
}

/* CSpace for a thread: the running thread's own, or a CNode with the guard that fills 32 bits. */
static void put_cspace(word_t word, unsigned cap)
{
    const struct reach *r = reach_pick(KIND(CNODE));
    if (chance(65) || !r) {
        act->caps[cap] = INIT_CNODE;
        put(word, chance(95) ? 0 : some_guard(NULL));
    } else {
        act->caps[cap] = r->cptr;
        put(word, chance(15) ? 0 : some_guard(r->slot));
    }
}

static cptr_t some_handler(void)
{
    return chance(75) ? cptr_of_kind(KIND(ENDPOINT)) : chance(50) ? 0 : below(8);
}

static vaddr_t some_buffer(void)
{
    return chance(95) ? 0x40000000 + below(64) * 512 : chance(50) ? 0 : any_word();
}

static void make_configure(void)
{
    invocation(other_thread(), INV_TCB_CONFIGURE, 4, 3);
    put(0, some_handler());
    put_cspace(1, 0);
    act->caps[1] = chance(80) ? (cptr_t)INIT_VSPACE : cptr_of_kind(KIND(PAGE_DIRECTORY));
    put(2, 0);
    act->caps[2] = cptr_of_kind(KIND(FRAME));
    put(3, some_buffer());
}

static void make_set_space(void)
{
    invocation(other_thread(), INV_TCB_SET_SPACE, 3, 2);
    put(0, some_handler());
    put_cspace(1, 0);
    act->caps[1] = cptr_of_kind(KIND(PAGE_DIRECTORY));
    put(2, 0);
}

static void make_registers(void)
{
    switch (below(3)) {
    case 0:
        invocation(other_thread(), INV_TCB_READ_REGISTERS, 2, 0);
        put(0, chance(20));
        put(1, 1 + below(19));
        break;
    case 1:
        invocation(other_thread(), INV_TCB_WRITE_REGISTERS, 21, 0);
        put(0, chance(60));
        put(1, chance(50) ? 19 : below(20));
        for (word_t i = 2; i < 21; i++)
            put(i, any_word());
        break;
    default:
        invocation(other_thread(), INV_TCB_COPY_REGISTERS, 1, 1);
        put(0, chance(70) ? below(16) & ~(word_t)1 : below(16));
        act->caps[0] = cptr_of_kind(KIND(TCB));
        break;
    }
}

static void make_priority(void)
{
    static const word_t labels[] = {INV_TCB_SET_PRIORITY, INV_TCB_SET_MCPRIORITY,
                                    INV_TCB_SET_SCHED_PARAMS, INV_TCB_SET_SCHED_PARAMS};
    word_t label = labels[below(4)];
    bool both = label == INV_TCB_SET_SCHED_PARAMS;
    invocation(other_thread(), label, both ? 2 : 1, 1);
    if (both || label == INV_TCB_SET_MCPRIORITY)
        put(0, chance(50) ? 255 : 255 - below(200));
    else
        put(0, some_priority());
    put(1, some_priority());
    act->caps[0] = chance(80) ? (cptr_t)INIT_TCB : cptr_of_kind(KIND(TCB));
}

static bool is_unconfigured(const struct model_slot *s)
{
    const struct model_thread *t = s->cap.object->thread;
    return t->slots[MODEL_TCB_CSPACE].cap.kind == MODEL_NULL && t != model->current;
}

static bool is_at_rest(const struct model_slot *s)
{
    const struct model_thread *t = s->cap.object->thread;
    return t->slots[MODEL_TCB_CSPACE].cap.kind != MODEL_NULL && t != model->current &&
           !model_runnable(t);
}

/* What a thread needs next before it can do something. */
static bool make_thread_ready(void)
{
    const struct reach *r = reach_pick_fitting(KIND(TCB), is_unconfigured);
    if (r && chance(60)) {
        make_configure();
        act->r[0] = r->cptr;
        return true;
    }
    r = reach_pick_fitting(KIND(TCB), is_at_rest);
    if (!r)
        return false;
    if (r->slot->cap.object->thread->priority == 0 && chance(80))
        make_priority();
    else
        invocation(r->cptr, INV_TCB_RESUME, 0, 0);
    act->r[0] = r->cptr;
    return true;
}

static void make_thread_operation(void)
{
    word_t dice = below(100);
    if (chance(45) && make_thread_ready())
        return;
    if (dice < 18) {
        invocation(other_thread(), INV_TCB_RESUME, 0, 0);
    } else if (dice < 36) {
        invocation(other_thread(), INV_TCB_SUSPEND, 0, 0);
    } else if (dice < 52) {
        make_priority();
    } else if (dice < 68) {
        make_registers();
    } else if (dice < 76) {
        make_set_space();
    } else if (dice < 82) {
        invocation(other_thread(), INV_TCB_SET_IPC_BUFFER, 1, 1);
        put(0, some_buffer());
        act->caps[0] = cptr_of_kind(KIND(FRAME));
    } else if (dice < 91) {
        invocation(other_thread(), INV_TCB_BIND_NOTIFICATION, 0, 1);
        act->caps[0] = cptr_of_kind(KIND(NOTIFICATION));
    } else if (dice < 95) {
        invocation(other_thread(), INV_TCB_UNBIND_NOTIFICATION, 0, 0);
    } else if (dice < 98) {
        invocation(other_thread(), INV_TCB_SET_TLS_BASE, 1, 0);
        put(0, any_word());
    } else {
        invocation(cptr_of_kind(KIND(DOMAIN)), INV_DOMAIN_SET_SET, 1, 1);
        put(0, chance(80) ? 0 : any_word());
        act->caps[0] = cptr_of_kind(KIND(TCB));
    }
}

/* --- IPC --- */

static void put_message(void)
{
    word_t length = chance(60) ? below(5) : chance(80) ? below(20) : below(128);
    word_t extra = chance(35) ? 0 : below(4);
    word_t unwrapped = below(8);
    word_t label = chance(80) ? below(3) : below(1 << 20);
    act->r[1] = msginfo_make(label, unwrapped, extra, length);
    for (word_t i = 0; i < 4 + LOCKSTEP_BUFFER_WORDS; i++)
        put(i, (word_t)random_next(rng));
    for (unsigned i = 0; i < 3; i++)
        act->caps[i] = chance(25) ? cptr_of_kind(KIND(ENDPOINT)) : any_cptr();
}

/* The last thread that runs does not block, but seldom. */
static word_t if_others(enum syscall_number blocking, enum syscall_number other)
{
    return (word_t)(!careful() || below(500) == 0 ? blocking : other);
}

static bool has_receivers(const struct model_slot *s)
{
    const struct model_object *o = s->cap.object;
    return o->queue.count != 0 && o->receivers && (s->cap.rights & RIGHT_WRITE);
}

static bool has_senders(const struct model_slot *s)
{
    const struct model_object *o = s->cap.object;
    return o->queue.count != 0 && !o->receivers && (s->cap.rights & RIGHT_READ);
}

static bool has_waiters(const struct model_slot *s)
{
    return s->cap.object->queue.count != 0 && (s->cap.rights & RIGHT_WRITE);
}

/* Mostly where somebody waits for it. */
static cptr_t partner(word_t kind, fits f)
{
    const struct reach *r = chance(60) ? reach_pick_fitting(kind, f) : NULL;
    return r ? r->cptr : cptr_of_kind(kind);
}

static void make_ipc_send(void)
{
    act->r[0] = partner(KIND(ENDPOINT), has_receivers);
    act->r[7] = chance(60)   ? if_others(SYS_CALL, SYS_NBSEND)
                : chance(60) ? if_others(SYS_SEND, SYS_NBSEND)
                             : (word_t)SYS_NBSEND;
    put_message();
}

static void make_ipc_receive(void)
{
    word_t dice = below(100);
    if (careful() && chance(95))
        return;
    act->r[0] =
        chance(80) ? partner(KIND(ENDPOINT), has_senders) : cptr_of_kind(KIND(NOTIFICATION));
    act->r[7] = dice < 45   ? if_others(SYS_RECV, SYS_NBRECV)
                : dice < 65 ? (word_t)SYS_NBRECV
                            : if_others(SYS_REPLY_RECV, SYS_REPLY);
    put_message();
}

static void make_reply(void)
{
    const struct reach *saved = reach_pick(KIND(REPLY));
    if (saved && chance(60)) {
        act->r[0] = saved->cptr;
        act->r[7] = (word_t)(chance(60) ? SYS_SEND : SYS_CALL);
    } else {
        act->r[7] = (word_t)SYS_REPLY;
    }
    put_message();
}

static void make_signal(void)
{
    act->r[0] = partner(KIND(NOTIFICATION), has_waiters);
    act->r[1] = 0;
    act->r[7] = chance(60)   ? call_or_send()
                : chance(50) ? (word_t)SYS_NBRECV
                             : if_others(SYS_RECV, SYS_NBRECV);
}

/* Somebody who waits gets on, and the thread that runs does not block. */
static bool make_wake(void)
{
    const struct reach *r;
    put_message();
    if (chance(40) && (r = reach_pick_fitting(KIND(ENDPOINT), has_receivers))) {
        act->r[7] = (word_t)(chance(60) ? SYS_CALL : SYS_NBSEND);
    } else if (chance(50) && (r = reach_pick_fitting(KIND(ENDPOINT), has_senders))) {
        act->r[7] = (word_t)SYS_NBRECV;
    } else if (chance(50) && (r = reach_pick_fitting(KIND(NOTIFICATION), has_waiters))) {
        act->r[7] = (word_t)SYS_SEND;
    } else if ((r = reach_pick_fitting(KIND(TCB), is_at_rest))) {
        invocation(r->cptr, INV_TCB_RESUME, 0, 0);
    } else {
        return false;
    }
    act->r[0] = r->cptr;
    return true;
}

/* --- interrupts and memory --- */

static void make_irq(void)
{
    struct name n;
    switch (below(4)) {
    case 0:
        if (!name_empty(&n))
            return;
        invocation(INIT_IRQ_CONTROL, INV_IRQ_CONTROL_GET, 3, 1);
        act->caps[0] = n.root;
        put(0, chance(90) ? below(10) : any_word());
        put(1, n.index);
        put(2, n.depth);
        break;
    case 1:
        invocation(cptr_of_kind(KIND(IRQ_HANDLER)), INV_IRQ_HANDLER_ACK, 0, 0);
        break;
    case 2:
        invocation(cptr_of_kind(KIND(IRQ_HANDLER)), INV_IRQ_HANDLER_SET_NOTIFICATION, 0, 1);
        act->caps[0] = cptr_of_kind(KIND(NOTIFICATION));
        break;
    default:
        invocation(cptr_of_kind(KIND(IRQ_HANDLER)), INV_IRQ_HANDLER_CLEAR, 0, 0);
        break;
    }
}

static vaddr_t some_vaddr(unsigned align_bits)
{
    vaddr_t v = below(3) * 0x100000;
    v += below(20) * 0x1000;
    v += below(2) * 0x10000;
    v += below(2) * 0x40000000;
    if (chance(5))
        v = any_word();
    return chance(93) ? v >> align_bits << align_bits : v;
}

static cptr_t some_directory(void)
{
    return chance(50) ? (cptr_t)INIT_VSPACE : cptr_of_kind(KIND(PAGE_DIRECTORY));
}

static void make_page_map(void)
{
    const struct reach *frame = reach_pick(KIND(FRAME));
    if (!frame)
        return;
    invocation(frame->cptr, INV_PAGE_MAP, 3, 1);
    struct model_cap c = frame->slot->cap;
    put(0, c.asid && chance(80) ? c.vaddr : some_vaddr(c.object->bits));
    put(1, some_rights());
    put(2, below(8));
    act->caps[0] = some_directory();
}

static void make_table_map(void)
{
    word_t label = chance(75) ? INV_PAGE_TABLE_MAP : INV_PAGE_TABLE_UNMAP;
    invocation(cptr_of_kind(KIND(PAGE_TABLE)), label, 2, 1);
    put(0, some_vaddr(20));
    put(1, below(8));
    act->caps[0] = some_directory();
}

static void make_pool(void)
{
    struct name n;
    if (!name_empty(&n))
        return;
    invocation(INIT_ASID_CONTROL, INV_ASID_CONTROL_MAKE_POOL, 2, 2);
    act->caps[0] = cptr_of_kind(KIND(UNTYPED));
    for (unsigned i = 0; i < 10; i++) {
        const struct reach *r = reach_pick(KIND(UNTYPED));
        if (r && r->slot->cap.object->bits == 12 && !r->slot->cap.object->device)
            act->caps[0] = r->cptr;
    }
    act->caps[1] = n.root;
    put(0, n.index);
    put(1, n.depth);
}

static void make_memory(void)
{
    word_t dice = below(100);
    if (dice < 35) {
        make_page_map();
    } else if (dice < 45) {
        invocation(cptr_of_kind(KIND(FRAME)), INV_PAGE_UNMAP, 0, 0);
    } else if (dice < 65) {
        make_table_map();
    } else if (dice < 80) {
        invocation(chance(70) ? (cptr_t)INIT_ASID_POOL : cptr_of_kind(KIND(ASID_POOL)),
                   INV_ASID_POOL_ASSIGN, 0, 1);
        act->caps[0] = cptr_of_kind(KIND(PAGE_DIRECTORY));
    } else if (dice < 86) {
        make_pool();
    } else if (dice < 92) {
        word_t label = INV_PAGE_CLEAN_DATA + (chance(70) ? 4 : below(4));
        invocation(cptr_of_kind(KIND(FRAME)), label, 2, 0);
        put(0, below(0x1100));
        put(1, below(0x1100));
    } else {
        word_t label = INV_PD_CLEAN_DATA + below(4);
        invocation(some_directory(), label, 2, 0);
        put(0, some_vaddr(0));
        put(1, act->r[2] + below(0x1400));
    }
}

/* --- nonsense --- */

static void make_nonsense(void)
{
    if (careful() && chance(95))
        return;
    act->r[0] = any_cptr();
    act->r[7] = chance(80)                ? (word_t) - (int)(1 + below(8))
                : careful() || chance(50) ? (word_t)SYS_SET_TLS_BASE
                                          : any_word();
    if (act->r[7] == (word_t)SYS_RECV || act->r[7] == (word_t)SYS_REPLY_RECV)
        act->r[7] = if_others((enum syscall_number)(int)act->r[7], SYS_NBRECV);
    word_t length = below(9);
    word_t extra = below(4);
    act->r[1] = msginfo_make(below(48), 0, extra, length);
    for (word_t i = 0; i < 4 + LOCKSTEP_BUFFER_WORDS; i++)
        put(i, chance(50) ? below(64) : any_word());
    for (unsigned i = 0; i < 3; i++)
        act->caps[i] = any_cptr();
}

/* One wrong thing in an otherwise sensible operation. */
static void spoil(void)
{
    word_t place;
    switch (below(5)) {
    case 0:
        act->r[1] = (act->r[1] & ~0x7fu) | below(8);
        break;
    case 1:
        place = below(8);
        put(place, any_word());
        break;
    case 2:
        place = below(3);
        act->caps[place] = any_cptr();
        break;
    case 3:
        act->r[0] = any_cptr();
        break;
    default:
        act->r[1] = (act->r[1] & ~0x180u) | below(4) << 7;
        break;
    }
}

static void make_syscall(void)
{
    word_t dice = below(100);
    if (careful() && chance(30) && make_wake())
        return;
    if (dice < 16)
        make_retype();
    else if (dice < 24)
        make_copy(false);
    else if (dice < 32)
        make_copy(true);
    else if (dice < 38)
        make_move(false);
    else if (dice < 41)
        make_move(true);
    else if (dice < 43)
        make_rotate();
    else if (dice < 47)
        make_delete();
    else if (dice < 50)
        make_revoke();
    else if (dice < 52)
        make_save_caller();
    else if (dice < 53)
        make_slot_operation(INV_CNODE_CANCEL_BADGED_SENDS, wish_kind, KIND(ENDPOINT), false);
    else if (dice < 58)
        make_configure();
    else if (dice < 68)
        make_thread_operation();
    else if (dice < 76)
        make_ipc_send();
    else if (dice < 83)
        make_ipc_receive();
    else if (dice < 86)
        make_reply();
    else if (dice < 89)
        make_signal();
    else if (dice < 91)
        make_irq();
    else if (dice < 97)
        make_memory();
    else if (dice < 98)
        act->r[7] = (word_t)SYS_YIELD;
    else
        make_nonsense();
}

static void put_receive_slot(void)
{
    struct name n;
    if (chance(80) && name_empty(&n)) {
        act->receive[0] = n.root;
        act->receive[1] = n.index;
        act->receive[2] = n.depth;
    } else {
        act->receive[0] = any_cptr();
        act->receive[1] = below(16);
        act->receive[2] = below(34);
    }
}

bool lockstep_at_svc(const struct model_thread *t)
{
    word_t at = t->pc - HOSTSIM_SVC;
    return at < 8 * LOCKSTEP_SVC_PLACES && at % 8 == 0;
}

static void make_interrupt_or_fault(void)
{
    word_t dice = below(100);
    if (dice < 45 || !model->current) {
        act->kind = dice < 25 ? ACTION_TICK : ACTION_IRQ;
        act->irq = below(10);
    } else if (dice < 60 || ((careful() || model->current->handler == 0) && below(50) != 0)) {
        act->kind = ACTION_TICK;
    } else {
        act->kind = (uint8_t)(ACTION_UNDEFINED + below(3));
        act->irq = any_word();
    }
}

void lockstep_generate(struct model *m, struct lockstep_random *r, struct lockstep_action *out)
{
    rng = r;
    act = out;
    model = m;
    memset(out, 0, sizeof(*out));
    out->work = (uint8_t)below(8);
    if (chance(40)) {
        out->preempt = (uint8_t)(1 + below(chance(80) ? 4 : 20));
        out->again = (uint8_t)(chance(40) ? 1 + below(4) : 0);
    }
    if (!m->current || chance(5)) {
        make_interrupt_or_fault();
        return;
    }
    if (lockstep_at_svc(m->current) && !careful() && chance(60)) {
        out->kind = ACTION_CONTINUE;
        return;
    }
    out->kind = ACTION_SYSCALL;
    out->svc = (uint8_t)below(LOCKSTEP_SVC_PLACES);
    out->has_buffer = 1;
    reach_all(m->current);
    out->r[7] = (word_t)SYS_YIELD;
    for (unsigned tries = 0; tries < 4 && out->r[7] == (word_t)SYS_YIELD; tries++)
        make_syscall();
    put_receive_slot();
    if (careful() ? below(400) == 0 : chance(8))
        spoil();
}

/* --- printing --- */

static const char *label_name(word_t label)
{
    switch (label) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        INVOCATION_LIST(X)
#undef X
    default:
        return "?";
    }
}

static const char *syscall_name(word_t number)
{
    switch ((int32_t)number) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        SYSCALL_LIST(X)
#undef X
    default:
        return "unknown system call";
    }
}

static void syscall_print(const struct lockstep_action *a, FILE *out)
{
    word_t label = msginfo_label(a->r[1]);
    fprintf(out, "%s r0=%x tag=%x (label %u %s, length %u, caps %u) r2-r5=%x %x %x %x",
            syscall_name(a->r[7]), a->r[0], a->r[1], label, label_name(label),
            msginfo_length(a->r[1]), msginfo_extra(a->r[1]), a->r[2], a->r[3], a->r[4], a->r[5]);
    fprintf(out, " msg4-=%x %x %x %x caps=%x %x %x receive=%x %x %x svc=%u", a->message[0],
            a->message[1], a->message[2], a->message[3], a->caps[0], a->caps[1], a->caps[2],
            a->receive[0], a->receive[1], a->receive[2], a->svc);
}

void lockstep_action_print(const struct lockstep_action *a, FILE *out)
{
    static const char *const names[] = {"system call",   "the same svc again",    "tick",
                                        "interrupt",     "undefined instruction", "data abort",
                                        "prefetch abort"};
    if (a->kind == ACTION_SYSCALL)
        syscall_print(a, out);
    else
        fprintf(out, "%s %x", names[a->kind], a->irq);
    if (a->preempt)
        fprintf(out, " [work %u, interrupt at look %u%s]", a->work, a->preempt,
                a->again ? " and on" : "");
    fputc('\n', out);
}
