/* Objects and threads of the benchmark.
 *
 * Each thread gets its own page directory, so that a switch to it is a switch of address space, as
 * between real programs; the image is mapped alike in all of them. */
#include "user/bench/bench.h"

enum { THREADS = 4, STACK_BYTES = 4096, SECTION = 1 << 20, PAGE = 4096 };

struct context {
    char buffer[PAGE];
    char stack[STACK_BYTES];
};

cptr_t work, endpoint, scratch, free_slot;
static cptr_t large; /* untyped from which everything is made */
static const struct bootinfo *boot;
static struct context contexts[THREADS] __attribute__((aligned(PAGE)));
static word_t threads;

cptr_t new_object(enum object_type type, word_t size_bits)
{
    user_check(untyped_retype(large, type, size_bits, INIT_CNODE, 0, 0, free_slot, 1));
    return free_slot++;
}

void setup(const struct bootinfo *info)
{
    boot = info;
    free_slot = info->empty.start;
    large = user_largest_untyped(info);
    work = new_object(OBJECT_UNTYPED, WORK_BITS);
    endpoint = new_object(OBJECT_ENDPOINT, 0);
    scratch = new_object(OBJECT_CNODE, SCRATCH_RADIX);
    user_check(tcb_set_priority(INIT_TCB, INIT_TCB, PRIORITY));
}

static cptr_t image_frame(vaddr_t vaddr)
{
    return boot->user_image_frames.start + (vaddr - (vaddr_t)image_start) / PAGE;
}

static cptr_t frame_copy(vaddr_t vaddr)
{
    user_check(
        cnode_copy(INIT_CNODE, free_slot, DEPTH, INIT_CNODE, image_frame(vaddr), DEPTH, RIGHT_ALL));
    return free_slot++;
}

static cptr_t new_space(void)
{
    cptr_t space = new_object(OBJECT_PAGE_DIRECTORY, 0);
    user_check(asid_pool_assign(INIT_ASID_POOL, space));
    vaddr_t first = (vaddr_t)image_start, end = (vaddr_t)image_end;
    for (vaddr_t v = first & ~(vaddr_t)(SECTION - 1); v < end; v += SECTION)
        user_check(page_table_map(new_object(OBJECT_PAGE_TABLE, 0), space, v, VM_CACHEABLE));
    for (vaddr_t v = first; v < end; v += PAGE)
        user_check(page_map(frame_copy(v), space, v, RIGHT_READ | RIGHT_WRITE, VM_CACHEABLE));
    return space;
}

void start_thread(void (*function)(void), word_t priority, cptr_t fault_endpoint)
{
    struct context *c = &contexts[threads++];
    cptr_t tcb = new_object(OBJECT_TCB, 0);
    user_check(tcb_configure(tcb, fault_endpoint, INIT_CNODE, 0, new_space(), (vaddr_t)c->buffer,
                             frame_copy((vaddr_t)c->buffer)));
    user_check(tcb_set_priority(tcb, INIT_TCB, priority));
    user_check(tcb_set_tls_base(tcb, (word_t)c->buffer));
    user_check(tcb_start(tcb, true, (vaddr_t)function, (vaddr_t)(c->stack + STACK_BYTES),
                         (const word_t[4]){0}));
}
