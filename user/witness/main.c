/* Random distributions of authority, whose witnesses tests/e2e/witness.sh replays: three domains,
 * each with an object of every kind, and some capabilities that lie where they should not.  The
 * test writes `witness_seed`, and from it follows everything.  An odd seed makes a root task that
 * keeps the original of every capability, an even one a root task that moves them all away.
 *
 * Every thread has the same priority and yields for ever; in its CSpace, whose addresses are
 * indices, lies what `enum own_slot` says. */
#include "user/lib/user.h"

#include "abi/syscall.h"

enum {
    DOMAINS = 3,
    CNODE_BITS = 8,
    GUARD_DATA = (32 - CNODE_BITS) << 3, /* ABI sheet 4.3 */
    MEMORY_BITS = 17,
    INNER_BITS = 10,
    CODE_VADDR = 0x10000,
    BUFFER_VADDR = 0x20000,
    WINDOW_VADDR = 0x800000, /* root: where it writes a domain's code */
    PRIORITY = 255,
    PLANTS = 6,
};

enum own_slot {
    OWN_TCB = 1,
    OWN_CNODE,
    OWN_PD,
    OWN_EP,
    OWN_NTFN,
    OWN_FRAME,
    OWN_MEMORY,
    OWN_EXTRA = 16, /* what is another's, and what has no other place */
};

struct domain {
    cptr_t memory, inner, tcb, cnode, pd, pt, ep, ntfn, frame, code, buffer;
    word_t extra;
};

extern const word_t spin_start[], spin_end[];

volatile word_t witness_seed;
void witness_built(void);

static struct domain domains[DOMAINS];
static cptr_t next_slot, memory;
static uint64_t state;
static bool keeps;

static word_t pick(word_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (word_t)(state >> 33) % n;
}

static cptr_t make(cptr_t untyped, enum object_type type, word_t bits)
{
    user_check(untyped_retype(untyped, type, bits, INIT_CNODE, 0, 0, next_slot, 1));
    return next_slot++;
}

static cptr_t largest_untyped(const struct bootinfo *info)
{
    word_t best = 0;
    cptr_t found = 0;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device || u->size_bits <= best)
            continue;
        best = u->size_bits;
        found = info->untyped.start + i;
    }
    return found;
}

/* --- one domain ------------------------------------------------------------------------------- */

static void make_objects(struct domain *d)
{
    d->memory = make(memory, OBJECT_UNTYPED, MEMORY_BITS);
    d->pd = make(d->memory, OBJECT_PAGE_DIRECTORY, 0);
    d->frame = make(d->memory, OBJECT_FRAME_4K, 0);
    d->code = make(d->memory, OBJECT_FRAME_4K, 0);
    d->buffer = make(d->memory, OBJECT_FRAME_4K, 0);
    d->cnode = make(d->memory, OBJECT_CNODE, CNODE_BITS);
    d->inner = pick(3) == 0 ? make(d->memory, OBJECT_UNTYPED, INNER_BITS) : 0;
    d->tcb = make(d->inner ? d->inner : d->memory, OBJECT_TCB, 0);
    d->pt = make(d->memory, OBJECT_PAGE_TABLE, 0);
    d->ep = make(d->memory, OBJECT_ENDPOINT, 0);
    d->ntfn = make(d->memory, OBJECT_NOTIFICATION, 0);
    d->extra = OWN_EXTRA;
}

static void write_code(cptr_t frame)
{
    word_t *to = (word_t *)WINDOW_VADDR;
    user_check(page_map(frame, INIT_VSPACE, WINDOW_VADDR, RIGHT_READ | RIGHT_WRITE, 0));
    for (const word_t *from = spin_start; from < spin_end; from++)
        *to++ = *from;
    user_check(page_unmap(frame));
}

static void start_thread(struct domain *d, word_t number)
{
    char name[] = "d0/t";
    name[1] = (char)('0' + number);
    write_code(d->code);
    user_check(asid_pool_assign(INIT_ASID_POOL, d->pd));
    user_check(page_table_map(d->pt, d->pd, 0, VM_CACHEABLE));
    user_check(page_map(d->code, d->pd, CODE_VADDR, RIGHT_READ, 0));
    user_check(page_map(d->buffer, d->pd, BUFFER_VADDR, RIGHT_READ | RIGHT_WRITE, 0));
    user_check(tcb_configure(d->tcb, 0, d->cnode, GUARD_DATA, d->pd, BUFFER_VADDR, d->buffer));
    user_check(tcb_set_sched_params(d->tcb, INIT_TCB, PRIORITY, PRIORITY));
    debug_name_thread(d->tcb, name);
    user_check(tcb_start(d->tcb, true, CODE_VADDR, 0, (const word_t[4]){0}));
}

/* --- who gets what ---------------------------------------------------------------------------- */

static void give_copy(struct domain *d, word_t slot, cptr_t cap, word_t rights)
{
    user_check(cnode_copy(d->cnode, slot, CNODE_BITS, INIT_CNODE, cap, 32, rights));
}

static void move(struct domain *d, word_t slot, cptr_t cap)
{
    user_check(cnode_move(d->cnode, slot, CNODE_BITS, INIT_CNODE, cap, 32));
}

static void give(struct domain *d, word_t slot, cptr_t cap)
{
    if (keeps)
        give_copy(d, slot, cap, RIGHT_ALL);
    else
        move(d, slot, cap);
}

/* What one domain has too much. */
static void plant(struct domain *holder, const struct domain *target)
{
    word_t slot = holder->extra++;
    switch (pick(8)) {
    case 0:
        give_copy(holder, slot, target->tcb, RIGHT_ALL);
        break;
    case 1:
        give_copy(holder, slot, target->cnode, RIGHT_ALL);
        break;
    case 2:
        give_copy(holder, slot, target->pd, RIGHT_ALL);
        break;
    case 3:
        give_copy(holder, slot, target->ntfn, 1 + pick(3));
        break;
    case 4:
        give_copy(holder, slot, target->frame, 1 + pick(3));
        break;
    default:
        give_copy(holder, slot, target->ep, 1 + pick(15));
        break;
    }
}

static void hand_over(struct domain *d, struct domain *memory_to)
{
    give(d, OWN_PD, d->pd);
    give(d, OWN_EP, d->ep);
    give(d, OWN_NTFN, d->ntfn);
    give(d, OWN_FRAME, d->frame);
    if (d->inner)
        move(memory_to, memory_to->extra++, d->inner);
    if (!keeps)
        move(d, OWN_MEMORY, d->memory);
}

/* In the end the CNode goes into itself, with the guard that makes addresses 32 bits long. */
static void hand_over_rest(struct domain *d)
{
    give(d, OWN_TCB, d->tcb);
    if (keeps)
        user_check(cnode_mint(d->cnode, OWN_CNODE, CNODE_BITS, INIT_CNODE, d->cnode, 32, RIGHT_ALL,
                              GUARD_DATA));
    else
        user_check(
            cnode_mutate(d->cnode, OWN_CNODE, CNODE_BITS, INIT_CNODE, d->cnode, 32, GUARD_DATA));
}

static void build(void)
{
    for (word_t i = 0; i < DOMAINS; i++)
        make_objects(&domains[i]);
    for (word_t i = 0; i < DOMAINS; i++)
        start_thread(&domains[i], i);
    for (word_t n = 1 + pick(PLANTS); n > 0; n--)
        plant(&domains[pick(DOMAINS)], &domains[pick(DOMAINS)]);
    for (word_t i = 0; i < DOMAINS; i++)
        hand_over(&domains[i], &domains[pick(DOMAINS)]);
    for (word_t i = 0; i < DOMAINS; i++)
        hand_over_rest(&domains[i]);
}

static void open_window(void)
{
    cptr_t table = make(memory, OBJECT_PAGE_TABLE, 0);
    user_check(page_table_map(table, INIT_VSPACE, WINDOW_VADDR, VM_CACHEABLE));
}

/* Where the test takes over. */
__attribute__((noinline)) void witness_built(void)
{
    user_print("witness: ready\n");
}

void user_main(const struct bootinfo *info)
{
    next_slot = info->empty.start;
    memory = largest_untyped(info);
    user_print("witness: waiting for a seed\n");
    while (!witness_seed)
        user_yield();
    state = witness_seed;
    keeps = witness_seed % 2;
    open_window();
    build();
    cptr_t wait = make(memory, OBJECT_NOTIFICATION, 0);
    if (!keeps)
        user_check(cnode_delete(INIT_CNODE, memory, 32));
    witness_built();
    for (;;)
        notification_wait(wait);
}
