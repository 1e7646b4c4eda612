/* Where a walk begins.
 *
 *   threads     current, idle, the one chosen to run, ready queues, release queue; of each node
 *   ksDebugTCBs all threads, in debug kernels
 *   interrupts  their slots are the kernel's; their neighbours lead on
 *   ASIDs       address spaces
 *   rootserver  what the boot made for the first thread: only while it still makes sense, since
 *               RISC-V and x86-64 give its memory away */
#include "objwalk/sel4/walk_parts.h"

enum {
    QUEUE_WORDS = 2 * SEL4_PRIORITIES,
    ROOTSERVER_TCB = 6, /* words of it */
    POOLS_MAX = 1024,
};

static void want_symbol(struct sel4_walk *w, enum sel4_symbol_name s)
{
    const struct sel4_symbol *y = &w->l->symbol[s];
    if (y->size > 0 && y->size <= SEL4_READ_MAX)
        sel4_memory_want(w->m, y->addr, (uint32_t)y->size);
}

/* A word of kernel data; 0 when there is no such symbol or it cannot be read. */
static uint64_t symbol_word(struct sel4_walk *w, enum sel4_symbol_name s)
{
    uint64_t v = 0;
    if (!sel4_has(w->l, s) || !sel4_walk_words(w, w->l->symbol[s].addr, &v, 1))
        return 0;
    return v;
}

/* --- threads --- */

/* All ones: the scheduler chooses anew. */
static uint64_t action_thread(const struct sel4_walk *w, uint64_t action)
{
    return action == w->m->mask || action < 16 ? 0 : action;
}

static void note_node(struct sel4_walk *w, unsigned n, uint64_t current, uint64_t idle,
                      uint64_t action)
{
    struct sel4_node *node = &w->s->node[n];
    node->current = current;
    node->idle = idle;
    node->action = action_thread(w, action);
    sel4_walk_thread(w, current);
    sel4_walk_thread(w, idle);
    sel4_walk_thread(w, node->action);
}

static void queue_heads(struct sel4_walk *w, uint64_t at, uint32_t queues)
{
    uint64_t word[QUEUE_WORDS];
    if (!sel4_walk_words(w, at, word, 2 * queues))
        return;
    for (uint32_t i = 0; i < 2 * queues; i++)
        sel4_walk_thread(w, word[i]);
}

/* Whether a refresh finds all threads without them: then they need not be read. */
static bool reads_queues(const struct sel4_walk *w)
{
    return !w->last || !w->l->debug;
}

static void ready_queues(struct sel4_walk *w, uint64_t at)
{
    for (unsigned d = 0; d < w->l->domains && d < SEL4_PRIORITIES; d++)
        queue_heads(w, at + (uint64_t)d * QUEUE_WORDS * w->l->word, SEL4_PRIORITIES);
}

/* Where the threads wait that have used up their time, and what the current one runs on. */
static void note_time(struct sel4_walk *w, unsigned n, uint64_t released, uint64_t context)
{
    w->s->node[n].release_head = released;
    w->s->node[n].context = context;
    sel4_walk_thread(w, released);
}

/* --- several nodes --- */

static uint64_t node_place(const struct sel4_walk *w, unsigned n, enum sel4_node_member m)
{
    return w->l->symbol[SEL4_SYM_SMP].addr + w->k->smp_idle[n] + (uint64_t)(int64_t)w->l->node[m];
}

static bool node_has(const struct sel4_walk *w, enum sel4_node_member m)
{
    return w->l->node[m] != SEL4_NODE_NONE;
}

static uint64_t word_at(struct sel4_walk *w, uint64_t at)
{
    uint64_t v = 0;
    return sel4_walk_words(w, at, &v, 1) ? v : 0;
}

static uint64_t node_word(struct sel4_walk *w, unsigned n, enum sel4_node_member m)
{
    return node_has(w, m) ? word_at(w, node_place(w, n, m)) : 0;
}

static void one_node(struct sel4_walk *w, unsigned n)
{
    uint64_t idle = word_at(w, w->l->symbol[SEL4_SYM_SMP].addr + w->k->smp_idle[n]);
    note_node(w, n, node_word(w, n, SEL4_NODE_CURRENT), idle, node_word(w, n, SEL4_NODE_ACTION));
    sel4_walk_thread(w, node_word(w, n, SEL4_NODE_DEBUG));
    if (node_has(w, SEL4_NODE_READY) && reads_queues(w))
        ready_queues(w, node_place(w, n, SEL4_NODE_READY));
    note_time(w, n, node_word(w, n, SEL4_NODE_RELEASE), node_word(w, n, SEL4_NODE_CONTEXT));
}

static void one_processor(struct sel4_walk *w)
{
    bool old = sel4_has(w->l, SEL4_SYM_RELEASE_HEAD);
    note_node(w, 0, symbol_word(w, SEL4_SYM_CUR_THREAD), symbol_word(w, SEL4_SYM_IDLE_THREAD),
              symbol_word(w, SEL4_SYM_SCHEDULER_ACTION));
    sel4_walk_thread(w, symbol_word(w, SEL4_SYM_DEBUG_TCBS));
    if (reads_queues(w))
        ready_queues(w, w->l->symbol[SEL4_SYM_READY_QUEUES].addr);
    note_time(w, 0, symbol_word(w, old ? SEL4_SYM_RELEASE_HEAD : SEL4_SYM_RELEASE_QUEUE),
              symbol_word(w, SEL4_SYM_CUR_SC));
}

static void threads(struct sel4_walk *w)
{
    for (unsigned n = 0; w->l->options.smp && n < w->l->nodes && n < SEL4_NODES; n++)
        one_node(w, n);
    if (!w->l->options.smp)
        one_processor(w);
    w->s->domain = symbol_word(w, SEL4_SYM_CUR_DOMAIN);
}

/* --- interrupts, ASIDs --- */

/* The table of states may have fewer entries than the node has slots. */
static void interrupts(struct sel4_walk *w)
{
    const struct sel4_symbol *table = &w->l->symbol[SEL4_SYM_IRQ_TABLE];
    const struct sel4_symbol *node = &w->l->symbol[SEL4_SYM_IRQ_NODE];
    uint64_t count = table->size / w->l->word;
    sel4_walk_container(w, SEL4_IN_IRQ_NODE, node->addr, w->l->irqs);
    for (uint64_t i = 0; i < count && i < SEL4_MAX_SLOTS; i++) {
        uint64_t state = 0;
        struct sel4_irq irq = {.irq = (uint32_t)i};
        if (!sel4_walk_words(w, table->addr + i * w->l->word, &state, 1))
            return;
        irq.state = (uint32_t)state;
        irq.slot = i < w->l->irqs ? node->addr + (i << w->l->slot_bits) : 0;
        if (state != 0)
            sel4_walk_add(w, &w->s->irqs, &irq);
    }
}

static void asids(struct sel4_walk *w)
{
    const struct sel4_symbol *table = &w->l->symbol[SEL4_SYM_ASID_TABLE];
    uint64_t count = table->size / w->l->word;
    for (uint64_t i = 0; i < count && i < POOLS_MAX; i++) {
        uint64_t pool = 0;
        if (!sel4_walk_words(w, table->addr + i * w->l->word, &pool, 1))
            return;
        struct sel4_task t = {
            .kind = SEL4_TASK_POOL, .addr = pool, .arg = i << w->l->asid_low_bits};
        if (pool != 0)
            sel4_walk_once(w, &t);
    }
}

/* --- rootserver --- */

static bool is_own_cnode(const struct sel4_walk *w, uint64_t cnode, const uint64_t words[4])
{
    struct sel4_cap c;
    sel4_cap_decode(w->l, words, &c);
    return c.kind == SEL4_CAP_CNODE && c.value[SEL4_PTR] == cnode;
}

static bool is_own_thread(const struct sel4_walk *w, uint64_t tcb, const uint64_t words[4])
{
    struct sel4_cap c;
    sel4_cap_decode(w->l, words, &c);
    return c.kind == SEL4_CAP_THREAD && sel4_tcb_base(w->l, c.value[SEL4_PTR]) == tcb;
}

/* Quietly: it may point anywhere by now. */
static void rootserver(struct sel4_walk *w)
{
    uint64_t word[ROOTSERVER_TCB + 1];
    uint64_t slot[8];
    const struct sel4_symbol *s = &w->l->symbol[SEL4_SYM_ROOTSERVER];
    if (s->size < sizeof(word) / 8 * w->l->word ||
        sel4_memory_words(w->m, s->addr, word, ROOTSERVER_TCB + 1) != ERR_OK)
        return;
    uint64_t cnode = word[0];
    uint64_t first = cnode + ((uint64_t)1 << w->l->slot_bits);
    if (cnode == 0 || (cnode & 0xff) != 0 || sel4_memory_words(w->m, first, slot, 8) != ERR_OK)
        return;
    if (!is_own_thread(w, word[ROOTSERVER_TCB], slot) || !is_own_cnode(w, cnode, slot + 4))
        return;
    w->s->root_tcb = word[ROOTSERVER_TCB];
    sel4_walk_neighbour(w, first + ((uint64_t)1 << w->l->slot_bits));
}

static bool is_read(const struct sel4_walk *w, enum sel4_symbol_name s)
{
    switch (s) {
    case SEL4_SYM_IDLE_TCB:
    case SEL4_SYM_KERNEL_TABLE:
    case SEL4_SYM_IDLE_SC:
    case SEL4_SYM_IRQ_NODE: /* a container like others */
        return false;
    case SEL4_SYM_READY_QUEUES:
        return reads_queues(w);
    default:
        return true;
    }
}

void sel4_walk_want_roots(struct sel4_walk *w)
{
    for (unsigned s = 0; s < SEL4_SYMBOLS; s++) {
        if (is_read(w, (enum sel4_symbol_name)s))
            want_symbol(w, (enum sel4_symbol_name)s);
    }
}

void sel4_walk_roots(struct sel4_walk *w)
{
    sel4_walk_want_roots(w);
    if (sel4_memory_fetch(w->m) != ERR_OK)
        return;
    threads(w);
    interrupts(w);
    asids(w);
    rootserver(w);
}
