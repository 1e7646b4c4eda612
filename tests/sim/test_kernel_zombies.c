/* Interrupted deletions of CNodes within CNodes: whoever executes them again finds all of it.
 *
 * Every deletion is interrupted at each look at interrupts; afterwards no zombie may be left
 * anywhere, and memory that was in use is free again.  From look to look there must be less to do:
 * that is why deletions end, which the contracts of kernel/delete.c assume of each step
 * (model/code/endings.acsl). */
#include "kernel/syscall.h"
#include "tests/sim/sim.h"

enum { NODE_RADIX = 4, CHAIN = 5, BLOCK_BITS = 13 };

/* Blocks of memory that no other derives from, and a CNode in each. */
static cptr_t blocks;
static cptr_t nodes;

static void make_nodes(unsigned n)
{
    blocks = sim_free_slots(n);
    assert_int_equal(sim_retype(sim_untyped(), OBJECT_UNTYPED, BLOCK_BITS, blocks, n), 0);
    nodes = sim_free_slots(n);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(sim_retype(blocks + i, OBJECT_CNODE, NODE_RADIX, nodes + i, 1), 0);
}

/* Moves a capability of the root CNode into a node. */
static void put_into(cptr_t node, word_t index, cptr_t from)
{
    assert_int_equal(
        sim_call(node, INV_CNODE_MOVE, SIM_CAPS(INIT_CNODE), SIM_MRS(index, NODE_RADIX, from, 32)),
        0);
}

static void fill_node(cptr_t node, word_t first, word_t end)
{
    for (word_t i = first; i < end; i++)
        assert_int_equal(sim_call(node, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                                  SIM_MRS(i, NODE_RADIX, INIT_DOMAIN, 32, RIGHT_ALL)),
                         0);
}

/* The nodes one in the other: nodes + 0 stays in the root CNode. Slot `at` of each holds the next.
 */
static void make_chain(unsigned n, word_t at)
{
    make_nodes(n);
    for (unsigned i = 0; i < n; i++) {
        fill_node(nodes + i, 0, at);
        fill_node(nodes + i, at + 1, (1u << NODE_RADIX));
    }
    for (unsigned i = n - 1; i > 0; i--)
        put_into(nodes + i - 1, at, nodes + i);
}

static unsigned zombies(void)
{
    unsigned n = 0;
    for (kaddr_t a = ks.cdt_head.next & SLOT_LINK_MASK; a != kaddr_of(&ks.cdt_head);) {
        const struct slot *s = kptr(a);
        n += cap_type(s->cap) == CAP_ZOMBIE;
        a = s->next & SLOT_LINK_MASK;
    }
    return n;
}

/* --- what is left to do, the weightiest first --- */

enum {
    CAPS,    /* capabilities */
    FRESH,   /* those to CNodes and threads, which are no zombies yet */
    STRAYS,  /* zombies elsewhere than in their own first slot */
    LEFT,    /* slots to empty; the last two go together */
    FIRSTS,  /* zombies whose first slot holds what is long to delete */
    WALKING, /* zombies that do not wait in another's last slot */
    PARTS
};

struct work {
    word_t part[PARTS];
};

static struct slot *first_of(const struct slot *zombie)
{
    return kptr(cap_object(zombie->cap));
}

static struct slot *last_of(const struct slot *zombie)
{
    word_t slots =
        zombie_is_tcb(zombie->cap) ? (word_t)TCB_SLOTS : (word_t)1 << zombie_radix(zombie->cap);
    return first_of(zombie) + slots - 1;
}

static struct slot *following(const struct slot *s)
{
    return kptr(s->next & SLOT_LINK_MASK);
}

/* Does the zombie stand in the last slot of another? */
static bool zombie_waits(const struct slot *zombie)
{
    for (struct slot *s = following(&ks.cdt_head); s != &ks.cdt_head; s = following(s))
        if (cap_type(s->cap) == CAP_ZOMBIE && s != zombie && last_of(s) == zombie)
            return true;
    return false;
}

static bool is_fresh(struct cap c)
{
    return cap_type(c) == CAP_CNODE || cap_type(c) == CAP_TCB;
}

static void add_work(struct work *work, const struct slot *s)
{
    const struct slot *first;
    word_t left;

    work->part[CAPS]++;
    work->part[FRESH] += is_fresh(s->cap);
    if (cap_type(s->cap) != CAP_ZOMBIE)
        return;
    first = first_of(s);
    left = zombie_left(s->cap);
    work->part[STRAYS] += first != s;
    work->part[LEFT] += left == 1 ? 2 : left;
    work->part[FIRSTS] += is_fresh(first->cap) || cap_type(first->cap) == CAP_ZOMBIE;
    work->part[WALKING] += !zombie_waits(s);
}

static struct work work_left(void)
{
    struct work work = {{0}};
    for (struct slot *s = following(&ks.cdt_head); s != &ks.cdt_head; s = following(s))
        add_work(&work, s);
    return work;
}

static bool is_less(const struct work *a, const struct work *b)
{
    for (unsigned i = 0; i < PARTS; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i];
    return false;
}

static struct work work_before;
static unsigned looks;

static void look(void *ctx)
{
    struct work work = work_left();
    (void)ctx;
    if (looks++ > 0 && !is_less(&work, &work_before)) {
        for (unsigned i = 0; i < PARTS; i++)
            print_error("part %u: %u, was %u\n", i, work.part[i], work_before.part[i]);
        fail_msg("a step left as much to do");
    }
    work_before = work;
}

/* From now on each look finds an interrupt; `work` shifts where the first look comes. */
static void interrupt_always(unsigned work)
{
    ks.work_units = work;
    looks = 0;
    hostsim.hooks.tick = look;
    hostsim_preempt_every(1);
}

static void interrupt_never(void)
{
    hostsim_preempt_every(0);
    hostsim.hooks.tick = NULL;
}

static void expect_all_gone(unsigned n)
{
    interrupt_never();
    assert_true(looks > 0);
    assert_true(sim_reply.returned);
    assert_int_equal(sim_reply.label, SEL4_NO_ERROR);
    assert_int_equal(zombies(), 0);
    sim_check();
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(sim_retype(blocks + i, OBJECT_FRAME_4K, 0, sim_free_slots(2), 2), 0);
}

static void an_interrupted_revoke_finishes_nodes_of_other_memory(void **state)
{
    static const word_t places[] = {0, 1, 7, 15};
    (void)state;
    for (unsigned work = 0; work < 8; work++) {
        for (unsigned p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            sim_boot();
            make_chain(CHAIN, places[p]);
            interrupt_always(work);
            sim_revoke(blocks);
            assert_true(sim_reply.restarts > 0);
            expect_all_gone(CHAIN);
        }
    }
}

static void an_interrupted_delete_finishes_a_chain(void **state)
{
    (void)state;
    for (unsigned work = 0; work < 8; work++) {
        sim_boot();
        make_chain(CHAIN, work);
        interrupt_always(work);
        sim_delete(nodes);
        assert_true(sim_reply.restarts > 0);
        expect_all_gone(CHAIN);
    }
}

/* Nodes 0 and 1 hold each other's last capability, in these slots. */
static void check_cycle(word_t in_0, word_t in_1, unsigned work, unsigned which)
{
    sim_boot();
    make_nodes(2);
    fill_node(nodes, in_0 == 0 ? 1 : 0, in_0 == 0 ? 9 : in_0);
    fill_node(nodes + 1, in_1 + 1, 1u << NODE_RADIX);
    cptr_t way = sim_free_slots(1);
    assert_int_equal(sim_copy(way, nodes, RIGHT_ALL), 0);
    put_into(way, in_0, nodes + 1);
    assert_int_equal(
        sim_call(way, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                 SIM_MRS(in_0 << NODE_RADIX | in_1, 2 * NODE_RADIX, nodes, 32, RIGHT_ALL)),
        0);
    assert_int_equal(sim_delete(way), 0);
    assert_int_equal(sim_delete(nodes), 0);
    interrupt_always(work);
    sim_revoke(blocks + which);
    expect_all_gone(2);
}

static void interrupted_revokes_finish_cycles(void **state)
{
    static const word_t places[] = {0, 1, 8, 15};
    (void)state;
    for (unsigned work = 0; work < 8; work++)
        for (unsigned i = 0; i < 16; i++)
            check_cycle(places[i % 4], places[i / 4], work, (i ^ work) & 1);
}

/* The revoke's victim is a node in the middle of a chain whose deletion another thread has begun
 * and does not go on with. */
static void a_revoke_finishes_what_another_deletion_began(void **state)
{
    (void)state;
    for (unsigned middle = 1; middle < CHAIN; middle++) {
        sim_boot();
        make_chain(CHAIN, 3);
        struct sim_thread t = sim_thread_new("deleter", 255, 0);
        sim_thread_start(t);
        sim_become(t.p);
        for (unsigned i = 0; i < 3 * middle; i++) {
            /* One piece of the deletion, then somebody else's turn. */
            word_t *r = current_thread()->regs;
            r[REG_R0] = INIT_CNODE;
            r[REG_R1] = msginfo_make(INV_CNODE_DELETE, 0, 0, 2);
            r[REG_R2] = nodes;
            r[REG_R2 + 1] = 32;
            r[REG_PC] = HOSTSIM_SVC + 4;
            hostsim_preempt_every(1);
            kernel_enter_syscall((word_t)SYS_CALL);
            interrupt_never();
        }
        assert_true(zombies() > 0);
        sim_check();
        t.p->regs[REG_PC] = 0;
        sim_become(sim_root());
        interrupt_always(middle);
        sim_revoke(blocks + middle);
        interrupt_never();
        assert_int_equal(sim_reply.label, SEL4_NO_ERROR);
        assert_int_equal(sim_retype(blocks + middle, OBJECT_FRAME_4K, 0, sim_free_slots(2), 2), 0);
        sim_check();
        interrupt_always(0);
        sim_delete(nodes);
        expect_all_gone(0);
    }
}

/* The last capability to the thread goes by its own hand, with an interrupt at each look. */
static void delete_itself(struct sim_thread t)
{
    sim_thread_start(t);
    sim_become(t.p);
    interrupt_always(PREEMPT_UNITS - 1);
    sim_delete(t.tcb);
    interrupt_never();
    assert_false(sim_reply.returned);
    assert_true(current_thread() == sim_root());
    sim_check();
}

/* It could not execute the call again. */
static void a_thread_that_deletes_itself_leaves_no_zombie(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("itself", 255, 0);
    delete_itself(t);
    assert_int_equal(cap_type(sim_cap(t.tcb)), CAP_NULL);
    assert_int_equal(zombies(), 0);
}

/* With the last capability to its CSpace: that is long, and others finish it. */
static void what_a_thread_with_its_own_cspace_leaves_can_be_deleted(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("itself", 255, 0);
    cptr_t node = sim_new(OBJECT_CNODE, ROOT_CNODE_RADIX);
    cptr_t guarded = sim_free_slots(1);
    const word_t guard = (32 - ROOT_CNODE_RADIX) << 3;
    assert_int_equal(sim_mint(guarded, node, RIGHT_ALL, guard), 0);
    for (word_t i = INIT_TCB; i <= INIT_CNODE; i++)
        assert_int_equal(sim_call(node, INV_CNODE_COPY, SIM_CAPS(INIT_CNODE),
                                  SIM_MRS(i, ROOT_CNODE_RADIX, i, 32, RIGHT_ALL)),
                         0);
    assert_int_equal(
        sim_call(t.tcb, INV_TCB_SET_SPACE, SIM_CAPS(guarded, INIT_VSPACE), SIM_MRS(0, 0, 0)), 0);
    assert_int_equal(sim_delete(node), 0);
    assert_int_equal(sim_delete(guarded), 0);
    delete_itself(t);
    assert_int_equal(cap_type(sim_cap(t.tcb)), CAP_ZOMBIE);
    interrupt_always(0);
    assert_int_equal(sim_delete(t.tcb), 0);
    interrupt_never();
    assert_int_equal(cap_type(sim_cap(t.tcb)), CAP_NULL);
    assert_int_equal(zombies(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_interrupted_revoke_finishes_nodes_of_other_memory,
                                        sim_setup, sim_teardown),
        cmocka_unit_test_setup_teardown(an_interrupted_delete_finishes_a_chain, sim_setup,
                                        sim_teardown),
        cmocka_unit_test_setup_teardown(interrupted_revokes_finish_cycles, sim_setup, sim_teardown),
        cmocka_unit_test_setup_teardown(a_revoke_finishes_what_another_deletion_began, sim_setup,
                                        sim_teardown),
        cmocka_unit_test_setup_teardown(a_thread_that_deletes_itself_leaves_no_zombie, sim_setup,
                                        sim_teardown),
        cmocka_unit_test_setup_teardown(what_a_thread_with_its_own_cspace_leaves_can_be_deleted,
                                        sim_setup, sim_teardown),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
