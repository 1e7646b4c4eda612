/* Random distributions of authority (plan.h), whose witnesses tests/e2e/witness.sh replays.  The test
 * writes `witness_seed`, and from it follows everything.  An odd seed makes a root task that keeps the
 * original of every capability, an even one a root task that moves them all away.
 *
 * Every thread has the same priority and yields for ever; addresses in its CSpace are indices. */
#include "user/witness/plan.h"

#include "user/lib/user.h"

#include "abi/syscall.h"

enum {
    CNODE_BITS = 8,
    GUARD_DATA = (32 - CNODE_BITS) << 3, /* ABI sheet 4.3 */
    MEMORY_BITS = 17,
    INNER_BITS = 10,
    CODE_VADDR = 0x10000,
    BUFFER_VADDR = 0x20000,
    WINDOW_VADDR = 0x800000, /* root: where it writes a domain's code */
    PRIORITY = 255,
};

struct domain {
    cptr_t own[OWN_OBJECTS]; /* of the root task, by enum own_slot */
    cptr_t pt, code, buffer;
};

extern const word_t spin_start[], spin_end[];

volatile word_t witness_seed;
void witness_built(void);

static struct domain domains[PLAN_DOMAINS];
static struct plan plan;
static cptr_t next_slot, memory;

static cptr_t make(cptr_t untyped, enum object_type type, word_t bits)
{
    user_check(untyped_retype(untyped, type, bits, INIT_CNODE, 0, 0, next_slot, 1));
    return next_slot++;
}

/* --- one domain ------------------------------------------------------------------------------- */

static void make_objects(struct domain *d, bool split)
{
    cptr_t *own = d->own;
    cptr_t from = own[OWN_MEMORY] = make(memory, OBJECT_UNTYPED, MEMORY_BITS);
    own[OWN_PD] = make(from, OBJECT_PAGE_DIRECTORY, 0);
    own[OWN_FRAME] = make(from, OBJECT_FRAME_4K, 0);
    d->code = make(from, OBJECT_FRAME_4K, 0);
    d->buffer = make(from, OBJECT_FRAME_4K, 0);
    own[OWN_CNODE] = make(from, OBJECT_CNODE, CNODE_BITS);
    own[OWN_INNER] = split ? make(from, OBJECT_UNTYPED, INNER_BITS) : 0;
    own[OWN_TCB] = make(split ? own[OWN_INNER] : from, OBJECT_TCB, 0);
    d->pt = make(from, OBJECT_PAGE_TABLE, 0);
    own[OWN_EP] = make(from, OBJECT_ENDPOINT, 0);
    own[OWN_NTFN] = make(from, OBJECT_NOTIFICATION, 0);
}

static void write_code(cptr_t frame)
{
    word_t *to = (word_t *)WINDOW_VADDR;
    user_check(page_map(frame, INIT_VSPACE, WINDOW_VADDR, RIGHT_READ | RIGHT_WRITE, 0));
    for (const word_t *from = spin_start; from < spin_end; from++)
        *to++ = *from;
    user_check(page_unmap(frame));
}

static void start_thread(const struct domain *d, word_t number)
{
    char name[] = "d0/t";
    cptr_t pd = d->own[OWN_PD], tcb = d->own[OWN_TCB];
    name[1] = (char)('0' + number);
    write_code(d->code);
    user_check(asid_pool_assign(INIT_ASID_POOL, pd));
    user_check(page_table_map(d->pt, pd, 0, VM_CACHEABLE));
    user_check(page_map(d->code, pd, CODE_VADDR, RIGHT_READ, 0));
    user_check(page_map(d->buffer, pd, BUFFER_VADDR, RIGHT_READ | RIGHT_WRITE, 0));
    user_check(tcb_configure(tcb, 0, d->own[OWN_CNODE], GUARD_DATA, pd, BUFFER_VADDR, d->buffer));
    user_check(tcb_set_sched_params(tcb, INIT_TCB, PRIORITY, PRIORITY));
    debug_name_thread(tcb, name);
    user_check(tcb_start(tcb, true, CODE_VADDR, 0, (const word_t[4]){0}));
}

/* --- who gets what ---------------------------------------------------------------------------- */

static word_t carry_out(const struct plan_step *s)
{
    cptr_t to = domains[s->to].own[OWN_CNODE], cap = domains[s->of].own[s->object];
    switch (s->op) {
    case PLAN_COPY:
        return cnode_copy(to, s->slot, CNODE_BITS, INIT_CNODE, cap, 32, s->rights);
    case PLAN_MOVE:
        return cnode_move(to, s->slot, CNODE_BITS, INIT_CNODE, cap, 32);
    case PLAN_MINT_GUARD:
        return cnode_mint(to, s->slot, CNODE_BITS, INIT_CNODE, cap, 32, s->rights, GUARD_DATA);
    default:
        return cnode_mutate(to, s->slot, CNODE_BITS, INIT_CNODE, cap, 32, GUARD_DATA);
    }
}

static void build(void)
{
    for (word_t i = 0; i < PLAN_DOMAINS; i++)
        make_objects(&domains[i], plan.split[i]);
    for (word_t i = 0; i < PLAN_DOMAINS; i++)
        start_thread(&domains[i], i);
    for (word_t i = 0; i < plan.steps; i++)
        user_check(carry_out(&plan.step[i]));
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
    memory = user_largest_untyped(info);
    user_print("witness: waiting for a seed\n");
    while (!witness_seed)
        user_yield();
    plan_make(&plan, witness_seed, witness_seed % 2);
    open_window();
    build();
    cptr_t wait = make(memory, OBJECT_NOTIFICATION, 0);
    if (!plan.keeps)
        user_check(cnode_delete(INIT_CNODE, memory, 32));
    witness_built();
    for (;;)
        notification_wait(wait);
}
