/* Random requests: each is told before it is made, and what the kernel answered afterwards. */
#include "user/why/why.h"

enum {
    POOL_BITS = 22,
    POOL = 4, /* untypeds that requests go to */
    DEVICE_BITS = 16,
    SLOTS = 600,
    FULL = 256, /* of them; a request makes that many at most */
    ROOT_RADIX = 4,
    INNER = 4, /* CNodes below the root of a CSpace */
    MINTS = 30,
    MOST = 64,
    FAULT_SLOT = 15, /* of the root CNode: leads to the endpoint of faults */
    ANSWER = 77,     /* label of the subject's report */
    SUBJECT_PRIORITY = 255,
};

/* --- retype --- */

struct pool {
    cptr_t untyped[POOL];
};

/* The last there is, near the end of the address space. */
static cptr_t device_memory(const struct bootinfo *info)
{
    word_t found = info->untyped.end;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device && u->size_bits >= DEVICE_BITS &&
            (found == info->untyped.end || u->paddr > info->untyped_list[found].paddr))
            found = i;
    }
    if (found == info->untyped.end)
        user_fail("why: no device memory\n");
    return info->untyped.start + found;
}

static struct pool make_pool(const struct bootinfo *info)
{
    struct pool p;
    p.untyped[0] = why_new(OBJECT_UNTYPED, POOL_BITS);
    p.untyped[1] = why_slots(2);
    p.untyped[2] = p.untyped[1] + 1;
    p.untyped[3] = device_memory(info);
    for (word_t i = 1; i < 3; i++)
        user_check(untyped_retype(p.untyped[0], OBJECT_UNTYPED, 12 + 4 * i, INIT_CNODE, 0, 0,
                                  p.untyped[i], 1));
    return p;
}

static void retype_once(const struct pool *p, cptr_t slots)
{
    static const uint8_t types[] = {OBJECT_UNTYPED,      OBJECT_TCB,        OBJECT_ENDPOINT,
                                    OBJECT_NOTIFICATION, OBJECT_CNODE,      OBJECT_FRAME_4K,
                                    OBJECT_FRAME_64K,    OBJECT_PAGE_TABLE, OBJECT_PAGE_DIRECTORY};
    word_t type = types[why_random(sizeof(types))], size = why_random(20);
    word_t count = why_random(12) ? 1 + why_random(5) : why_random(300);
    cptr_t untyped = p->untyped[why_random(POOL)];
    bool frame = type == OBJECT_FRAME_4K || type == OBJECT_FRAME_64K;
    if (!frame && why_random(8) == 0) /* the type of a frame says its size */
        size = why_random(40);
    user_print("why: retype %u %u %u %u into %u\n", untyped, type, size, count, slots);
    why_pause();
    enum syscall_error e = untyped_retype(untyped, type, size, INIT_CNODE, 0, 0, slots, count);
    user_print("why: answer %u\n", e);
}

/* The slots are emptied only when they are filled: what was made stays, and memory runs out. */
void why_retypes(const struct bootinfo *info, word_t count)
{
    struct pool p = make_pool(info);
    static cptr_t first;
    word_t filled = 0;
    first = first ? first : why_slots(SLOTS);
    for (word_t i = 0; i < count; i++) {
        retype_once(&p, first + filled);
        while (filled < SLOTS && debug_cap_identify(first + filled))
            filled++;
        if (filled < FULL)
            continue;
        for (word_t k = 0; k < filled; k++)
            user_check(cnode_delete(INIT_CNODE, first + k, WHY_DEPTH));
        filled = 0;
    }
    user_check(cnode_revoke(INIT_CNODE, p.untyped[0], WHY_DEPTH));
    user_check(cnode_revoke(INIT_CNODE, p.untyped[3], WHY_DEPTH));
}

/* --- look-ups --- */

static cptr_t handler_address; /* in the subject's CSpace, whatever it is made of */

/* Not a step further: a fault here would be the next message. */
static _Noreturn void stay(void)
{
    for (;;)
        ipc_recv(handler_address);
}

/* Asks whatever is at the address for an operation that no object has. */
static void ask(word_t cptr)
{
    static const word_t none[4];
    word_t label = msginfo_label(ipc_call(cptr, 0, none).tag);
    ipc_send(handler_address, msginfo_make(ANSWER, 0, 0, 1), (const word_t[4]){label});
    stay();
}

struct space {
    cptr_t root;
    word_t guard, guard_bits;
};

static void mint_at_random(const cptr_t *cnodes, const word_t *radix, const cptr_t *leaves)
{
    word_t into = why_random(1 + INNER), guard_bits = why_random(6);
    word_t index = why_random(1u << radix[into]), data = why_random(1u << guard_bits);
    bool leaf = why_random(3) == 0;
    cptr_t src = leaf ? leaves[why_random(4)] : cnodes[why_random(1 + INNER)];
    if (into == 0 && index == FAULT_SLOT)
        return;
    (void)cnode_mint(cnodes[into], index, radix[into], INIT_CNODE, src, WHY_DEPTH,
                     why_random(2) ? RIGHT_ALL : RIGHT_READ,
                     leaf ? 0 : guard_bits << 3 | data << 8);
}

static struct space make_space(cptr_t faults)
{
    cptr_t cnodes[1 + INNER], leaves[4];
    word_t radix[1 + INNER] = {ROOT_RADIX};
    for (word_t i = 1; i <= INNER; i++)
        radix[i] = 1 + why_random(5);
    for (word_t i = 0; i <= INNER; i++)
        cnodes[i] = why_new(OBJECT_CNODE, radix[i]);
    leaves[0] = why_new(OBJECT_NOTIFICATION, 0);
    leaves[1] = why_new(OBJECT_TCB, 0);
    leaves[2] = why_new(OBJECT_UNTYPED, 12);
    leaves[3] = leaves[0];
    for (word_t i = 0; i < MINTS; i++)
        mint_at_random(cnodes, radix, leaves);
    user_check(
        cnode_copy(cnodes[0], FAULT_SLOT, ROOT_RADIX, INIT_CNODE, faults, WHY_DEPTH, RIGHT_ALL));
    struct space s = {cnodes[0], 0, why_random(6)};
    s.guard = why_random(1u << s.guard_bits);
    return s;
}

static cptr_t subject_in(const struct space *s, cptr_t faults)
{
    cptr_t tcb = why_new(OBJECT_TCB, 0);
    word_t shift = WHY_DEPTH - s->guard_bits;
    (void)faults;
    handler_address = (s->guard_bits ? s->guard << shift : 0) | (word_t)FAULT_SLOT
                                                                    << (shift - ROOT_RADIX);
    debug_name_thread(tcb, "why/subject");
    user_check(tcb_configure(tcb, handler_address, s->root, s->guard_bits << 3 | s->guard << 8,
                             INIT_VSPACE, 0, 0));
    user_check(tcb_set_priority(tcb, INIT_TCB, SUBJECT_PRIORITY));
    return tcb;
}

/* Half of them fit the root's guard, so that some get further than that. */
static word_t random_address(const struct space *s)
{
    word_t any = why_random(1u << 16) << 16 | why_random(1u << 16);
    if (s->guard_bits == 0 || why_random(4) == 0)
        return any;
    word_t shift = WHY_DEPTH - s->guard_bits;
    return (any & ((1u << shift) - 1)) | s->guard << shift;
}

static void look_up(cptr_t tcb, cptr_t faults, word_t cptr)
{
    static word_t stack[256] __attribute__((aligned(8)));
    user_check(tcb_start(tcb, true, (vaddr_t)ask, (vaddr_t)&stack[256], (const word_t[4]){cptr}));
    struct ipc_regs m = ipc_recv(faults);
    if (msginfo_label(m.tag) == ANSWER)
        user_print("why: found %x label %u\n", cptr, m.mr[0]);
    else if (msginfo_label(m.tag) == 0) /* the call itself: it led to the endpoint of faults */
        user_print("why: found %x label 0\n", cptr);
    else
        user_print("why: fault %x reason %u\n", m.mr[1], m.mr[3]);
    user_check(tcb_suspend(tcb));
}

void why_look_ups(word_t count)
{
    static word_t address[MOST];
    cptr_t faults = why_new(OBJECT_ENDPOINT, 0);
    struct space s = make_space(faults);
    cptr_t tcb = subject_in(&s, faults);
    count = count < MOST ? count : (word_t)MOST;
    for (word_t i = 0; i < count; i++) {
        address[i] = random_address(&s);
        user_print("why: address %x\n", address[i]);
    }
    user_print("why: look-ups\n");
    why_pause();
    for (word_t i = 0; i < count; i++)
        look_up(tcb, faults, address[i]);
    debug_name_thread(tcb, "why/past");
}
