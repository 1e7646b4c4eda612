/* Programs that keep no convention of names: two threads that nobody named share an endpoint
 * through which they can pass capabilities; a third calls itself like the root task, and a fourth
 * as if it were of a domain of that name.  Who is trusted must not depend on any of it.
 *
 * None of the threads runs: what they hold is what counts. */
#include "user/lib/user.h"

#include "abi/syscall.h"

enum { CNODE_BITS = 4, SLOT_SELF = 1, SLOT_ENDPOINT = 2 };

static cptr_t next_slot;
static cptr_t memory;

static cptr_t make(enum object_type type, word_t bits)
{
    user_check(untyped_retype(memory, type, bits, INIT_CNODE, 0, 0, next_slot, 1));
    return next_slot++;
}

static void find_memory(const struct bootinfo *info)
{
    word_t best = 0;
    next_slot = info->empty.start;
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++) {
        const struct untyped_desc *u = &info->untyped_list[i];
        if (u->is_device || u->size_bits <= best)
            continue;
        best = u->size_bits;
        memory = info->untyped.start + i;
    }
}

/* A CSpace and an address space of its own, its own TCB, and the endpoint if there is one. */
static void make_program(const char *name, cptr_t endpoint)
{
    cptr_t tcb = make(OBJECT_TCB, 0);
    cptr_t cnode = make(OBJECT_CNODE, CNODE_BITS);
    cptr_t directory = make(OBJECT_PAGE_DIRECTORY, 0);
    user_check(asid_pool_assign(INIT_ASID_POOL, directory));
    user_check(cnode_copy(cnode, SLOT_SELF, CNODE_BITS, INIT_CNODE, tcb, 32, RIGHT_ALL));
    if (endpoint)
        user_check(
            cnode_copy(cnode, SLOT_ENDPOINT, CNODE_BITS, INIT_CNODE, endpoint, 32, RIGHT_ALL));
    user_check(tcb_configure(tcb, 0, cnode, (32 - CNODE_BITS) << 3, directory, 0, 0));
    if (name)
        debug_name_thread(tcb, name);
}

void user_main(const struct bootinfo *info)
{
    find_memory(info);
    debug_name_thread(INIT_TCB, "nobody");
    cptr_t endpoint = make(OBJECT_ENDPOINT, 0);
    make_program(NULL, endpoint);
    make_program(NULL, endpoint);
    make_program("rootserver", 0);
    make_program("nobody/helper", 0);
    user_print("nameless: ready\n");
    cptr_t wait = make(OBJECT_NOTIFICATION, 0);
    for (;;)
        notification_wait(wait);
}
