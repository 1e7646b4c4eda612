/* Retype of many objects: interrupted between any two pieces it goes on with the rest, whatever
 * others did meanwhile, and leaves nothing of that to be seen (kernel/untyped.c, abi/syscall.h). */
#include "tests/sim/sim.h"

#include <string.h>

#include "kernel/cdt.h"
#include "kernel/syscall.h"
#include "kernel/untyped.h"

enum { POISON = 0xa5, BLOCK_BITS = 20, MANY = 40, BUFFER_WORDS = 1 << (IPC_BUFFER_BITS - 2) };

#define ROOT SIM_CAPS(INIT_CNODE)

/* ---- helpers ------------------------------------------------------------------------------------
 */
static void ok(word_t error)
{
    if (error != SEL4_NO_ERROR)
        fail_msg("error %u, words %u %u", error, sim_reply.mr[0], sim_reply.mr[1]);
}

static word_t piece(void)
{
    return debug_retype_objects(OBJECT_TCB, 256);
}

/* Memory that was used and is not clean. */
static cptr_t used_block(void)
{
    cptr_t u = sim_new(OBJECT_UNTYPED, BLOCK_BITS);

    ok(sim_retype(u, OBJECT_FRAME_1M, 0, sim_free_slots(1), 1));
    memset(kptr(cap_object(sim_cap(u))), POISON, 1u << BLOCK_BITS);
    ok(sim_revoke(u));
    return u;
}

/* What a thread has of a system call that it waits to execute again. */
struct waiting {
    word_t regs[REG_COUNT];
    word_t buffer[BUFFER_WORDS];
};

static struct waiting waiting_of(struct tcb *t)
{
    struct waiting w;

    memcpy(w.regs, t->regs, sizeof(w.regs));
    memcpy(w.buffer, sim_buffer(t), sizeof(w.buffer));
    return w;
}

/* Something else is done on the same processor, then the call waits as before. */
static void waits_again(struct tcb *t, const struct waiting *w)
{
    hostsim_preempt_every(0);
    memcpy(t->regs, w->regs, sizeof(w->regs));
    memcpy(sim_buffer(t), w->buffer, sizeof(w->buffer));
}

/* Executes the system call that stands in the registers once: true if it was preempted. */
static bool enter_once(void)
{
    word_t *r = current_thread()->regs;

    r[REG_PC] = HOSTSIM_SVC + 4;
    kernel_enter_syscall(r[REG_R7]);
    sim_take_irqs();
    return r[REG_PC] == HOSTSIM_SVC;
}

struct request {
    cptr_t untyped;
    enum object_type type;
    word_t size_bits;
    cptr_t to;
    word_t count;
};

static void put_request(word_t number, const struct request *q)
{
    struct tcb *t = current_thread();
    const word_t regs[6] = {
        q->untyped, msginfo_make(INV_UNTYPED_RETYPE, 0, 1, 6), (word_t)q->type, q->size_bits, 0, 0};
    word_t *buffer = sim_buffer(t);

    memcpy(t->regs, regs, sizeof(regs));
    t->regs[REG_R7] = number;
    buffer[IPCBUF_MSG + 4] = q->to;
    buffer[IPCBUF_MSG + 5] = q->count;
    buffer[IPCBUF_CAPS] = INIT_CNODE;
}

/* A Call of it that is interrupted after that many pieces. */
static void interrupt_after(const struct request *q, unsigned pieces)
{
    put_request((word_t)SYS_CALL, q);
    hostsim_preempt_after(1 + pieces);
    assert_true(enter_once());
    hostsim_preempt_after(0);
}

/* How many slots are filled, from the first on: with objects that follow each other, none behind
 * the first that is empty. */
static word_t objects_made(const struct request *q)
{
    word_t n = 0;

    while (n < q->count && cap_type(sim_cap(q->to + n)) != CAP_NULL)
        n++;
    for (word_t i = n; i < q->count; i++)
        assert_int_equal(cap_type(sim_cap(q->to + i)), CAP_NULL);
    for (word_t i = 1; i < n; i++)
        assert_int_equal(cap_object(sim_cap(q->to + i)) - cap_object(sim_cap(q->to + i - 1)),
                         1u << cap_object_bits(sim_cap(q->to)));
    return n;
}

static void expect_refused(word_t error, word_t length, word_t word0)
{
    assert_true(sim_reply.returned);
    assert_int_equal(sim_reply.tag, msginfo_make(error, 0, 0, length));
    if (length > 0)
        assert_int_equal(sim_reply.mr[0], word0);
}

/* ---- going on -----------------------------------------------------------------------------------
 */
static void goes_on_to_the_end(const struct request *q)
{
    kaddr_t base = cap_object(sim_cap(q->untyped));
    word_t before = 0;
    unsigned preempted = 0;

    put_request((word_t)SYS_CALL, q);
    hostsim_preempt_every(1);
    for (; enter_once(); preempted++) {
        word_t made = objects_made(q);

        assert_in_range(made, before, before + piece());
        assert_int_equal(made > 0, cdt_has_children(sim_slot(q->untyped)));
        before = made;
        sim_check();
    }
    hostsim_preempt_every(0);
    assert_in_range(preempted, q->count / piece(), 4 * q->count);
    assert_int_equal(current_thread()->regs[REG_R1], msginfo_make(SEL4_NO_ERROR, 0, 0, 0));
    assert_int_equal(objects_made(q), q->count);
    assert_int_equal(cap_object(sim_cap(q->to)), base);
    assert_int_equal(untyped_watermark(sim_cap(q->untyped)),
                     q->count << cap_object_bits(sim_cap(q->to)));
    sim_check();
}

static void a_retype_of_every_kind_goes_on_however_often_it_is_interrupted(void **state)
{
    static const struct {
        enum object_type type;
        word_t size_bits;
    } kinds[] = {{OBJECT_TCB, 0},           {OBJECT_ENDPOINT, 0}, {OBJECT_NOTIFICATION, 0},
                 {OBJECT_CNODE, 1},         {OBJECT_CNODE, 9},    {OBJECT_FRAME_4K, 0},
                 {OBJECT_PAGE_TABLE, 0},    {OBJECT_UNTYPED, 4},  {OBJECT_UNTYPED, 13},
                 {OBJECT_PAGE_DIRECTORY, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct request q = {used_block(), kinds[i].type, kinds[i].size_bits, sim_free_slots(MANY),
                            MANY};

        goes_on_to_the_end(&q);
        ok(sim_revoke(q.untyped));
    }
}

static cptr_t device_block(unsigned least_bits)
{
    const struct bootinfo *bi = sim_bootinfo();

    for (word_t i = 0; i < bi->untyped.end - bi->untyped.start; i++)
        if (bi->untyped_list[i].is_device && bi->untyped_list[i].size_bits >= least_bits)
            return bi->untyped.start + i;
    fail_msg("no device memory");
    return 0;
}

static void so_does_one_of_device_memory(void **state)
{
    struct request q = {device_block(26), OBJECT_FRAME_1M, 0, sim_free_slots(MANY), MANY};

    (void)state;
    goes_on_to_the_end(&q);
    assert_true(frame_is_device(sim_cap(q.to + MANY - 1)));
}

/* Threads are named and numbered, everything else is zero, as in one that is not interrupted. */
static void interrupted_256_threads_are_all_new_and_distinct(void **state)
{
    struct request q = {used_block(), OBJECT_TCB, 0, sim_free_slots(256), 256};
    struct tcb *first;

    (void)state;
    goes_on_to_the_end(&q);
    first = kptr(cap_object(sim_cap(q.to)));
    for (word_t i = 0; i < 256; i++) {
        struct tcb *t = kptr(cap_object(sim_cap(q.to + i)));

        assert_int_equal(t->generation, first->generation + i);
        t->generation = first->generation;
        assert_memory_equal(t, first, sizeof(*t));
    }
    assert_int_equal(first->time_slice, CONFIG_TICKS_PER_SLICE);
    assert_int_equal(first->state, THREAD_INACTIVE);
}

/* The same slots and memory as without an interrupt, whichever look finds it. */
static void the_end_is_the_same_at_whichever_look_it_is_interrupted(void **state)
{
    struct digest want = {{0, 0}};
    unsigned looks = 1;

    (void)state;
    for (unsigned look = 0; look <= looks; look++) {
        sim_boot();
        struct request q = {used_block(), OBJECT_CNODE, 6, sim_free_slots(MANY), MANY};
        unsigned before = hostsim.count.irq_looks;

        hostsim_preempt_after(look);
        ok(sim_retype(q.untyped, q.type, q.size_bits, q.to, q.count));
        assert_int_equal(sim_reply.restarts, look != 0);
        if (look == 0) {
            want = *hostsim_digest();
            looks = hostsim.count.irq_looks - before;
        }
        assert_memory_equal(hostsim_digest(), &want, sizeof(want));
    }
    assert_true(looks > MANY / 4);
}

/* ---- nothing of it is seen ----------------------------------------------------------------------
 */
static void the_message_is_as_it_was_after_an_interrupted_send(void **state)
{
    static const word_t numbers[] = {(word_t)SYS_SEND, (word_t)SYS_NBSEND};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(MANY), MANY};

        put_request(numbers[i], &q);
        struct waiting before = waiting_of(current_thread());
        hostsim_preempt_every(1);
        while (enter_once())
            assert_memory_equal(sim_buffer(current_thread()), before.buffer, sizeof(before.buffer));
        hostsim_preempt_every(0);
        assert_int_equal(objects_made(&q), MANY);
        struct waiting after = waiting_of(current_thread());
        assert_memory_equal(after.regs, before.regs, REG_SP * sizeof(word_t));
        assert_memory_equal(after.buffer, before.buffer, sizeof(before.buffer));
    }
}

/* The buffer may be one that the thread must not write. */
static void a_thread_with_a_read_only_buffer_goes_on_too(void **state)
{
    struct tcb *t = sim_root();
    struct slot *buffer = &t->slots[TCB_BUFFER];
    struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(MANY), MANY};
    struct cap writable = buffer->cap;

    (void)state;
    cdt_update(buffer, frame_with_rights(writable, VM_READ_ONLY), EVENT_INSTALL, 0, 0);
    goes_on_to_the_end(&q);
    cdt_update(buffer, writable, EVENT_INSTALL, 0, 0);
}

/* ---- refusals -----------------------------------------------------------------------------------
 */
static void a_whole_request_is_refused_before_anything_changes(void **state)
{
    struct request q = {used_block(), OBJECT_TCB, 0, sim_free_slots(256), 256};
    struct cap before = sim_cap(q.untyped);

    (void)state;
    ok(sim_copy(q.to + 255, INIT_CNODE, RIGHT_ALL));
    hostsim_preempt_every(1);
    assert_int_equal(sim_retype(q.untyped, q.type, 0, q.to, 256), SEL4_DELETE_FIRST);
    hostsim_preempt_every(0);
    q.count = 255;
    assert_int_equal(objects_made(&q), 0);
    assert_memory_equal(before.w, sim_cap(q.untyped).w, sizeof(before.w));
}

static void the_rest_is_refused_when_a_slot_was_filled_meanwhile(void **state)
{
    struct tcb *t = current_thread();

    (void)state;
    for (unsigned pieces = 0; pieces < 4; pieces++) {
        struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(MANY), MANY};
        word_t full = 3 * piece() + 1;

        interrupt_after(&q, pieces);
        struct waiting w = waiting_of(t);
        ok(sim_copy(q.to + full, INIT_CNODE, RIGHT_ALL));
        waits_again(t, &w);
        sim_continue();
        expect_refused(SEL4_DELETE_FIRST, 0, 0);
        q.count = full;
        assert_int_equal(objects_made(&q), full); /* the others stay */
        q.count = MANY - full - 1;
        q.to += full + 1;
        assert_int_equal(objects_made(&q), 0);
        sim_check();
    }
}

static void the_rest_is_refused_when_the_memory_was_taken_meanwhile(void **state)
{
    struct tcb *t = current_thread();
    struct request q = {used_block(), OBJECT_FRAME_4K, 0, sim_free_slots(200), 200};

    (void)state;
    put_request((word_t)SYS_CALL, &q);
    hostsim_preempt_every(1);
    while (objects_made(&q) == 0)
        assert_true(enter_once());
    hostsim_preempt_every(0);
    struct waiting w = waiting_of(t);
    ok(sim_retype(q.untyped, OBJECT_UNTYPED, BLOCK_BITS - 1, sim_free_slots(1), 1));
    waits_again(t, &w);
    sim_continue();
    expect_refused(SEL4_NOT_ENOUGH_MEMORY, 1, 0);
    assert_int_equal(objects_made(&q), piece());
    sim_check();
}

/* Somebody takes memory of the same block: the rest comes behind it, and is clean. */
static void the_rest_comes_behind_what_was_taken_meanwhile(void **state)
{
    struct tcb *t = current_thread();
    struct request q = {used_block(), OBJECT_CNODE, 2, sim_free_slots(MANY), MANY};
    cptr_t other = sim_free_slots(1);
    kaddr_t base = cap_object(sim_cap(q.untyped));

    (void)state;
    interrupt_after(&q, 2);
    struct waiting w = waiting_of(t);
    ok(sim_retype(q.untyped, OBJECT_FRAME_4K, 0, other, 1));
    waits_again(t, &w);
    sim_continue();
    ok(sim_reply.label);
    assert_int_equal(cap_object(sim_cap(q.to + 2 * piece() - 1)), base + (2 * piece() - 1) * 64);
    assert_int_equal(cap_object(sim_cap(other)), base + 4096);
    assert_int_equal(cap_object(sim_cap(q.to + 2 * piece())), base + 8192);
    assert_int_equal(cap_object(sim_cap(q.to + MANY - 1)),
                     base + 8192 + (MANY - 1 - 2 * piece()) * 64);
    sim_check();
}

/* The objects made so far are revoked meanwhile: the rest begins where the block begins. */
static void the_rest_uses_what_was_revoked_meanwhile(void **state)
{
    struct tcb *t = current_thread();
    struct request q = {used_block(), OBJECT_CNODE, 2, sim_free_slots(MANY), MANY};
    kaddr_t base = cap_object(sim_cap(q.untyped));

    (void)state;
    interrupt_after(&q, 3);
    struct waiting w = waiting_of(t);
    ok(sim_revoke(q.untyped));
    memset(kptr(base), POISON, 1u << BLOCK_BITS);
    waits_again(t, &w);
    sim_continue();
    ok(sim_reply.label);
    q.to += 3 * piece();
    q.count -= 3 * piece();
    assert_int_equal(objects_made(&q), q.count);
    assert_int_equal(cap_object(sim_cap(q.to)), base);
    sim_check();
}

static void the_rest_is_refused_when_the_buffer_went_meanwhile(void **state)
{
    struct tcb *t = current_thread();
    struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(MANY), MANY};

    (void)state;
    interrupt_after(&q, 2);
    struct waiting w = waiting_of(t);
    struct cap buffer = t->slots[TCB_BUFFER].cap;
    cdt_update(&t->slots[TCB_BUFFER], frame_with_rights(buffer, VM_KERNEL_ONLY), EVENT_INSTALL, 0,
               0);
    memcpy(t->regs, w.regs, sizeof(w.regs));
    sim_continue();
    expect_refused(SEL4_TRUNCATED_MESSAGE, 0, 0);
    cdt_update(&t->slots[TCB_BUFFER], buffer, EVENT_INSTALL, 0, 0);
    assert_int_equal(objects_made(&q), 2 * piece());
}

static void the_rest_is_refused_when_the_untyped_went_meanwhile(void **state)
{
    struct tcb *t = current_thread();
    struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(MANY), MANY};

    (void)state;
    interrupt_after(&q, 2);
    struct waiting w = waiting_of(t);
    ok(sim_delete(q.untyped));
    waits_again(t, &w);
    sim_continue();
    expect_refused(SEL4_INVALID_CAPABILITY, 1, 0);
    assert_int_equal(objects_made(&q), 2 * piece());
}

/* ---- the label ----------------------------------------------------------------------------------
 */
static word_t call_with_label(const struct request *q, word_t label)
{
    return sim_call(q->untyped, label, ROOT,
                    SIM_MRS((word_t)q->type, q->size_bits, 0, 0, q->to, q->count));
}

static word_t label_of_rest(word_t made)
{
    return INV_UNTYPED_RETYPE | (1 + made) << RETYPE_REST_SHIFT;
}

/* A program may ask for a rest itself: it gets no more than by asking for less. */
static void a_label_of_a_rest_leaves_out_what_it_says_is_made(void **state)
{
    struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(8), 8};

    (void)state;
    ok(call_with_label(&q, label_of_rest(5)));
    for (word_t i = 0; i < 8; i++)
        assert_int_equal(cap_type(sim_cap(q.to + i)), i < 5 ? CAP_NULL : CAP_ENDPOINT);
    assert_int_equal(cap_object(sim_cap(q.to + 5)), cap_object(sim_cap(q.untyped)));
}

static void labels_out_of_range_are_refused(void **state)
{
    struct request q = {used_block(), OBJECT_ENDPOINT, 0, sim_free_slots(8), 8};

    (void)state;
    assert_int_equal(call_with_label(&q, label_of_rest(8)), SEL4_RANGE_ERROR);
    expect_refused(SEL4_RANGE_ERROR, 2, 1);
    assert_int_equal(call_with_label(&q, label_of_rest(255)), SEL4_RANGE_ERROR);
    assert_int_equal(call_with_label(&q, label_of_rest(256)), SEL4_ILLEGAL_OPERATION);
    assert_int_equal(call_with_label(&q, label_of_rest(4094)), SEL4_ILLEGAL_OPERATION);
    assert_int_equal(call_with_label(&q, label_of_rest(0) + 1), SEL4_ILLEGAL_OPERATION);
    assert_int_equal(call_with_label(&q, label_of_rest(0) - 1), SEL4_ILLEGAL_OPERATION);
    assert_int_equal(objects_made(&q), 0);
    ok(call_with_label(&q, label_of_rest(0)));
    assert_int_equal(objects_made(&q), 8);
}

/* Together with what is said to be made, too: no execution of it can then ask for a label that the
 * next one refuses. */
static void a_label_that_somebody_made_up_gets_no_more_than_256_in_all(void **state)
{
    word_t to = sim_free_slots(256);
    struct request q = {used_block(), OBJECT_ENDPOINT, 0, to - 200, 257};

    (void)state;
    assert_int_equal(call_with_label(&q, label_of_rest(200)), SEL4_RANGE_ERROR);
    expect_refused(SEL4_RANGE_ERROR, 2, 1);
    q.count = 511;
    q.to = to - 255;
    assert_int_equal(call_with_label(&q, label_of_rest(255)), SEL4_RANGE_ERROR);
    expect_refused(SEL4_RANGE_ERROR, 2, 1);
    for (word_t i = 0; i < 256; i++)
        assert_int_equal(cap_type(sim_cap(to + i)), CAP_NULL);
    q.count = 256;
    q.to = to - 200;
    ok(call_with_label(&q, label_of_rest(200)));
    for (word_t i = 0; i < 256; i++)
        assert_int_equal(cap_type(sim_cap(to + i)), i < 56 ? CAP_ENDPOINT : CAP_NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, sim_setup, sim_teardown)
    const struct CMUnitTest tests[] = {
        T(a_retype_of_every_kind_goes_on_however_often_it_is_interrupted),
        T(so_does_one_of_device_memory),
        T(interrupted_256_threads_are_all_new_and_distinct),
        T(the_end_is_the_same_at_whichever_look_it_is_interrupted),
        T(the_message_is_as_it_was_after_an_interrupted_send),
        T(a_thread_with_a_read_only_buffer_goes_on_too),
        T(a_whole_request_is_refused_before_anything_changes),
        T(the_rest_is_refused_when_a_slot_was_filled_meanwhile),
        T(the_rest_is_refused_when_the_memory_was_taken_meanwhile),
        T(the_rest_comes_behind_what_was_taken_meanwhile),
        T(the_rest_uses_what_was_revoked_meanwhile),
        T(the_rest_is_refused_when_the_buffer_went_meanwhile),
        T(the_rest_is_refused_when_the_untyped_went_meanwhile),
        T(a_label_of_a_rest_leaves_out_what_it_says_is_made),
        T(labels_out_of_range_are_refused),
        T(a_label_that_somebody_made_up_gets_no_more_than_256_in_all),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
