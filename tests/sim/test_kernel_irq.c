/* Interrupts as objects (ABI sheet 3.5, 9.1, 12.1): control, handlers, delivery, the timer. */
#include "tests/sim/sim.h"

#include <string.h>

#include "kernel/irq.h"

enum { LINE = 27, OTHER_LINE = 29 };

#define expect(call, error, ...) expect_at(__LINE__, call, error, SIM_MRS(__VA_ARGS__))

static void expect_at(int line, word_t got, word_t error, struct sim_words words)
{
    if (got != error || sim_reply.length != words.n || sim_reply.badge != 0)
        fail_msg("line %d: tag %05x badge %u, expected error %u with %u words", line, sim_reply.tag,
                 sim_reply.badge, error, words.n);
    for (unsigned i = 0; i < words.n; i++)
        if (sim_reply.mr[i] != words.w[i])
            fail_msg("line %d: word %u is %x, expected %x", line, i, sim_reply.mr[i], words.w[i]);
}

#define ok(call) expect(call, SEL4_NO_ERROR)

static word_t get(word_t irq, cptr_t dest)
{
    return sim_call(INIT_IRQ_CONTROL, INV_IRQ_CONTROL_GET, SIM_CAPS(INIT_CNODE),
                    SIM_MRS(irq, dest, 32));
}

static word_t simple(cptr_t cap, word_t label)
{
    return sim_call(cap, label, SIM_CAPS(), SIM_MRS());
}

static word_t set_notification(cptr_t handler, cptr_t notification)
{
    return sim_call(handler, INV_IRQ_HANDLER_SET_NOTIFICATION, SIM_CAPS(notification), SIM_MRS());
}

static cptr_t new_handler(word_t irq)
{
    cptr_t slot = sim_free_slots(1);
    ok(get(irq, slot));
    return slot;
}

static cptr_t badged(cptr_t notification, word_t badge, word_t rights)
{
    cptr_t slot = sim_free_slots(1);
    ok(sim_mint(slot, notification, rights, badge));
    return slot;
}

static bool is_masked(word_t irq)
{
    return !(hostsim.irq_enabled >> irq & 1);
}

static const struct notification *notification_at(cptr_t slot)
{
    return kptr(cap_object(sim_cap(slot)));
}

static word_t poll(cptr_t notification)
{
    const word_t regs[6] = {notification, 0, 0, 0, 0, 0};
    return sim_syscall((word_t)SYS_NBRECV, regs);
}

/* The line rises, the kernel takes it, the device calms down. */
static void interrupt(word_t irq)
{
    hostsim_raise_irq(irq);
    sim_take_irqs();
    hostsim_lower_irq(irq);
}

/* ---- the control capability ---------------------------------------------------------------------
 */
static void get_checks_in_the_order_of_the_sheet(void **state)
{
    (void)state;
    cptr_t dest = sim_free_slots(1);
    word_t label = INV_IRQ_CONTROL_GET;
    expect(simple(INIT_IRQ_CONTROL, 0), SEL4_ILLEGAL_OPERATION);
    expect(simple(INIT_IRQ_CONTROL, INV_IRQ_HANDLER_ACK), SEL4_ILLEGAL_OPERATION);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_CNODE), SIM_MRS(64, dest)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(), SIM_MRS(64, dest, 32)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_TCB), SIM_MRS(64, dest, 33)),
           SEL4_RANGE_ERROR, 0, 63);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_TCB), SIM_MRS(28, dest, 33)),
           SEL4_REVOKE_FIRST);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_TCB), SIM_MRS(LINE, dest, 33)),
           SEL4_FAILED_LOOKUP, 0, LOOKUP_INVALID_ROOT);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_CNODE), SIM_MRS(LINE, dest, 33)),
           SEL4_RANGE_ERROR, 1, 32);
    expect(get(LINE, INIT_TCB), SEL4_DELETE_FIRST);
    assert_true(is_masked(LINE));
    ok(get(LINE, dest));
    assert_false(is_masked(LINE));
    expect(get(LINE, dest), SEL4_REVOKE_FIRST);
}

static void golden_answers_of_get(void **state)
{
    (void)state;
    word_t *r = sim_root()->regs;
    cptr_t dest = sim_free_slots(1);
    get(28, dest);
    assert_int_equal(r[REG_R0], 0);
    assert_int_equal(r[REG_R1], 0x9000);
    assert_int_equal(r[REG_R2], 28);
    get(64, dest);
    assert_int_equal(r[REG_R1], 0x4002);
    assert_int_equal(r[REG_R2], 0);
    assert_int_equal(r[REG_R2 + 1], 63);
    assert_int_equal(r[REG_R2 + 2], 32);
}

static void this_board_has_no_triggers(void **state)
{
    (void)state;
    word_t label = INV_IRQ_CONTROL_GET_TRIGGER;
    cptr_t dest = sim_free_slots(1);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_CNODE), SIM_MRS(LINE, 0, dest)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(), SIM_MRS(LINE, 0, dest, 32)),
           SEL4_TRUNCATED_MESSAGE);
    expect(sim_call(INIT_IRQ_CONTROL, label, SIM_CAPS(INIT_CNODE), SIM_MRS(LINE, 0, dest, 32)),
           SEL4_ILLEGAL_OPERATION);
}

static void a_handler_is_an_original_below_the_control(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    assert_int_equal(sim_slot(INIT_IRQ_CONTROL)->next & SLOT_LINK_MASK,
                     kaddr_of(sim_slot(handler)));
    assert_int_equal(sim_slot(handler)->next & 3, 3);
    assert_int_equal(control_irq(sim_cap(handler)), LINE);
    expect(sim_copy(sim_free_slots(1), INIT_IRQ_CONTROL, RIGHT_ALL), SEL4_ILLEGAL_OPERATION);
}

/* ---- handlers -----------------------------------------------------------------------------------
 */
static void handlers_refuse_what_is_no_notification(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t endpoint = sim_new(OBJECT_ENDPOINT, 0);
    expect(simple(handler, 0), SEL4_ILLEGAL_OPERATION);
    expect(simple(handler, INV_IRQ_CONTROL_GET), SEL4_ILLEGAL_OPERATION);
    expect(simple(handler, INV_IRQ_HANDLER_SET_NOTIFICATION), SEL4_TRUNCATED_MESSAGE);
    expect(set_notification(handler, endpoint), SEL4_INVALID_CAPABILITY, 0);
    expect(set_notification(handler, badged(notification, 1, RIGHT_READ)), SEL4_INVALID_CAPABILITY,
           0);
    ok(set_notification(handler, notification));
}

static void an_interrupt_signals_the_badge_and_waits_for_ack(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(handler, badged(notification, 0x40, RIGHT_WRITE)));
    interrupt(LINE);
    assert_true(is_masked(LINE));
    assert_int_equal(poll(notification), 0x40);
    interrupt(LINE);
    assert_int_equal(poll(notification), 0);
    ok(simple(handler, INV_IRQ_HANDLER_ACK));
    assert_false(is_masked(LINE));
    interrupt(LINE);
    assert_int_equal(poll(notification), 0x40);
}

/* A level that stays high comes again as soon as it is acknowledged. */
static void a_level_that_stays_high_comes_again(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(handler, badged(notification, 2, RIGHT_WRITE)));
    hostsim_raise_irq(LINE);
    sim_take_irqs();
    assert_int_equal(poll(notification), 2);
    ok(simple(handler, INV_IRQ_HANDLER_ACK));
    assert_int_equal(poll(notification), 2);
    assert_int_equal(poll(notification), 0);
}

static void a_driver_waits_and_is_woken_by_its_device(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    struct sim_thread driver = sim_thread_new("driver", 255, 0);
    ok(set_notification(handler, badged(notification, 0x11, RIGHT_WRITE)));
    sim_thread_start(driver);
    sim_become(driver.p);
    sim_recv(notification);
    assert_false(sim_reply.returned);
    assert_int_equal(driver.p->state, THREAD_BLOCKED_ON_NOTIFICATION);
    interrupt(LINE);
    assert_int_equal(driver.p->state, THREAD_RUNNING);
    assert_int_equal(driver.p->regs[REG_R0], 0x11);
    sim_become(driver.p);
    ok(simple(handler, INV_IRQ_HANDLER_ACK));
}

static void an_interrupt_without_notification_is_masked(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    interrupt(LINE);
    assert_true(is_masked(LINE));
    ok(simple(handler, INV_IRQ_HANDLER_ACK));
    assert_false(is_masked(LINE));
}

static void a_line_nobody_asked_for_is_masked(void **state)
{
    (void)state;
    board_irq_unmask(LINE);
    interrupt(LINE);
    assert_true(is_masked(LINE));
}

static void nothing_pending_is_no_interrupt(void **state)
{
    (void)state;
    struct kernel before = ks;
    irq_handle();
    assert_memory_equal(&before, &ks, sizeof(before));
}

static void a_new_notification_replaces_the_old(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t first = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t second = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(handler, badged(first, 1, RIGHT_WRITE)));
    unsigned slots = sim_slot_count();
    ok(set_notification(handler, badged(second, 2, RIGHT_WRITE)));
    assert_int_equal(sim_slot_count(), slots + 1); /* the badged one; the copy was replaced */
    interrupt(LINE);
    assert_int_equal(poll(first), 0);
    assert_int_equal(poll(second), 2);
    ok(simple(handler, INV_IRQ_HANDLER_CLEAR));
    assert_int_equal(cap_type(ks.irq_slots[LINE].cap), CAP_NULL);
    ok(simple(handler, INV_IRQ_HANDLER_ACK));
    interrupt(LINE);
    assert_int_equal(poll(second), 0);
    ok(simple(handler, INV_IRQ_HANDLER_CLEAR));
}

static void the_handlers_copy_keeps_the_notification_alive(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    const struct notification *n = notification_at(notification);
    struct sim_thread waiter = sim_thread_new("waiter", 255, 0);
    ok(set_notification(handler, notification));
    sim_thread_start(waiter);
    sim_become(waiter.p);
    sim_recv(notification);
    ok(sim_delete(notification));
    assert_int_equal(waiter.p->state, THREAD_BLOCKED_ON_NOTIFICATION);
    assert_int_equal(n->head_state & NOTIFICATION_STATE_MASK, NOTIFICATION_WAITING);
    ok(simple(handler, INV_IRQ_HANDLER_CLEAR));
    /* It was the last: the waiter's svc is executed again, and its capability is gone. */
    assert_int_not_equal(waiter.p->state, THREAD_BLOCKED_ON_NOTIFICATION);
}

static void revoking_the_notification_silences_the_line(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(handler, badged(notification, 1, RIGHT_WRITE)));
    ok(sim_revoke(notification));
    assert_int_equal(cap_type(ks.irq_slots[LINE].cap), CAP_NULL);
    interrupt(LINE);
    assert_int_equal(poll(notification), 0);
}

/* ---- many waiters -------------------------------------------------------------------------------
 */
enum { CROWD = 40 };

/* A handler that holds the last capability to what so many threads wait for. */
static cptr_t crowded_handler(struct sim_thread *crowd)
{
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(handler, notification));
    for (unsigned i = 0; i < CROWD; i++) {
        crowd[i] = sim_thread_new("waiter", 255, 0);
        sim_thread_start(crowd[i]);
        sim_become(crowd[i].p);
        sim_recv(notification);
        sim_become(sim_root());
    }
    ok(sim_delete(notification));
    hostsim_preempt_every(1);
    return handler;
}

static void expect_crowd_restarted(const struct sim_thread *crowd)
{
    hostsim_preempt_every(0);
    assert_true(sim_reply.restarts >= CROWD / PREEMPT_UNITS - 1);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(crowd[i].p->state, THREAD_RESTART);
    sim_check();
}

static void taking_a_crowded_notification_from_a_handler_is_preemptible(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t handler = crowded_handler(crowd);
    ok(simple(handler, INV_IRQ_HANDLER_CLEAR));
    expect_crowd_restarted(crowd);
    assert_int_equal(cap_type(ks.irq_slots[LINE].cap), CAP_NULL);
}

static void replacing_a_crowded_notification_is_preemptible(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t other = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = crowded_handler(crowd);
    ok(set_notification(handler, other));
    expect_crowd_restarted(crowd);
    interrupt(LINE);
    assert_int_equal(notification_at(other)->head_state & NOTIFICATION_STATE_MASK,
                     NOTIFICATION_ACTIVE);
}

static void deleting_a_handler_with_a_crowded_notification_is_preemptible(void **state)
{
    (void)state;
    struct sim_thread crowd[CROWD];
    cptr_t handler = crowded_handler(crowd);
    ok(sim_delete(handler));
    expect_crowd_restarted(crowd);
    assert_true(is_masked(LINE));
    assert_int_equal(ks.irq_state[LINE], IRQ_INACTIVE);
    assert_int_equal(cap_type(ks.irq_slots[LINE].cap), CAP_NULL);
}

/* ---- deleting -----------------------------------------------------------------------------------
 */
static void the_last_handler_capability_frees_the_line(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t copy = sim_free_slots(1);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(handler, notification));
    ok(sim_copy(copy, handler, RIGHT_ALL));
    ok(sim_delete(handler));
    assert_false(is_masked(LINE));
    assert_int_equal(ks.irq_state[LINE], IRQ_SIGNAL);
    expect(get(LINE, handler), SEL4_REVOKE_FIRST);
    ok(sim_delete(copy));
    assert_true(is_masked(LINE));
    assert_int_equal(ks.irq_state[LINE], IRQ_INACTIVE);
    assert_int_equal(cap_type(ks.irq_slots[LINE].cap), CAP_NULL);
    ok(get(LINE, handler));
}

static void revoking_the_control_deletes_all_handlers(void **state)
{
    (void)state;
    cptr_t first = new_handler(LINE);
    cptr_t second = new_handler(OTHER_LINE);
    cptr_t copy = sim_free_slots(1);
    ok(sim_copy(copy, second, RIGHT_ALL));
    ok(set_notification(first, sim_new(OBJECT_NOTIFICATION, 0)));
    ok(sim_revoke(INIT_IRQ_CONTROL));
    assert_int_equal(cap_type(sim_cap(first)), CAP_NULL);
    assert_int_equal(cap_type(sim_cap(second)), CAP_NULL);
    assert_int_equal(cap_type(sim_cap(copy)), CAP_NULL);
    assert_true(is_masked(LINE) && is_masked(OTHER_LINE));
    assert_int_equal(ks.irq_state[TIMER_IRQ], IRQ_TIMER);
    assert_false(is_masked(TIMER_IRQ));
    ok(get(OTHER_LINE, second));
}

static void revoking_a_handler_deletes_its_copies_only(void **state)
{
    (void)state;
    cptr_t first = new_handler(LINE);
    cptr_t second = new_handler(OTHER_LINE);
    cptr_t copy = sim_free_slots(1);
    ok(sim_copy(copy, first, RIGHT_ALL));
    ok(sim_revoke(first));
    assert_int_equal(cap_type(sim_cap(copy)), CAP_NULL);
    assert_int_equal(cap_type(sim_cap(first)), CAP_CONTROL);
    assert_int_equal(cap_type(sim_cap(second)), CAP_CONTROL);
}

/* ---- the timer, the debugger --------------------------------------------------------------------
 */
static void at_boot_all_lines_but_the_timers_are_masked(void **state)
{
    (void)state;
    assert_true(hostsim.irq_enabled == 1ull << 28);
    for (word_t i = 0; i < IRQ_COUNT; i++)
        assert_int_equal(ks.irq_state[i], i == 28 ? IRQ_TIMER : IRQ_INACTIVE);
}

static void equal_threads_alternate_every_five_ticks(void **state)
{
    (void)state;
    struct sim_thread t = sim_thread_new("spinner", 255, 0);
    sim_thread_start(t);
    assert_ptr_equal(current_thread(), sim_root());
    word_t ticks = ks.ticks;
    struct tcb *turns[] = {sim_root(), t.p, sim_root(), t.p};
    for (unsigned i = 0; i < 4; i++)
        for (unsigned tick = 0; tick < 5; tick++) {
            assert_ptr_equal(current_thread(), turns[i]);
            sim_tick();
        }
    assert_int_equal(ks.ticks - ticks, 20);
    assert_int_equal(hostsim.count.timer_ack, 20);
}

static unsigned ticks_told;

static void count_tick(void *ctx)
{
    (void)ctx;
    ticks_told++;
}

static bool own_line(void *ctx, word_t irq)
{
    unsigned *taken = ctx;
    if (irq != LINE)
        return false;
    ++*taken;
    hostsim_lower_irq(irq);
    return true;
}

static void the_debugger_sees_its_lines_first_and_every_tick(void **state)
{
    (void)state;
    unsigned taken = 0;
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    ok(set_notification(new_handler(LINE), badged(notification, 1, RIGHT_WRITE)));
    ok(set_notification(new_handler(OTHER_LINE), badged(notification, 2, RIGHT_WRITE)));
    ticks_told = 0;
    hostsim.hooks.irq = own_line;
    hostsim.hooks.tick = count_tick;
    hostsim.hooks.ctx = &taken;
    interrupt(LINE);
    interrupt(OTHER_LINE);
    sim_tick();
    hostsim.hooks.irq = NULL;
    hostsim.hooks.tick = NULL;
    assert_int_equal(taken, 1);
    assert_int_equal(ticks_told, 1);
    assert_false(is_masked(LINE));
    assert_int_equal(poll(notification), 2);
}

static void an_interrupt_ends_a_long_operation_and_is_served_first(void **state)
{
    (void)state;
    cptr_t handler = new_handler(LINE);
    cptr_t notification = sim_new(OBJECT_NOTIFICATION, 0);
    cptr_t memory = sim_new(OBJECT_UNTYPED, 16);
    cptr_t dest = sim_free_slots(256);
    struct sim_thread driver = sim_thread_new("driver", 255, 0);
    ok(sim_call(driver.tcb, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(255)));
    ok(sim_call(INIT_TCB, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(100)));
    ok(set_notification(handler, badged(notification, 9, RIGHT_WRITE)));
    ok(sim_retype(memory, OBJECT_ENDPOINT, 0, dest, 256));
    sim_thread_start(driver);
    assert_ptr_equal(current_thread(), driver.p);
    sim_recv(notification);
    assert_ptr_equal(current_thread(), sim_root());
    hostsim_raise_irq(LINE);
    hostsim.irq_enabled &= ~(1ull << TIMER_IRQ);
    sim_revoke(memory);
    assert_ptr_equal(current_thread(), driver.p);
    assert_false(sim_reply.returned);
    assert_int_equal(driver.p->regs[REG_R0], 9);
    assert_int_not_equal(cap_type(sim_cap(dest)), CAP_NULL);
    hostsim_lower_irq(LINE);
    sim_recv(notification);
    assert_ptr_equal(current_thread(), sim_root());
    assert_true(sim_is_at_svc());
    sim_continue();
    assert_true(sim_reply.returned);
    assert_int_equal(cap_type(sim_cap(dest)), CAP_NULL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, sim_setup, sim_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(get_checks_in_the_order_of_the_sheet),
        T(golden_answers_of_get),
        T(this_board_has_no_triggers),
        T(a_handler_is_an_original_below_the_control),
        T(handlers_refuse_what_is_no_notification),
        T(an_interrupt_signals_the_badge_and_waits_for_ack),
        T(a_level_that_stays_high_comes_again),
        T(a_driver_waits_and_is_woken_by_its_device),
        T(an_interrupt_without_notification_is_masked),
        T(a_line_nobody_asked_for_is_masked),
        T(nothing_pending_is_no_interrupt),
        T(a_new_notification_replaces_the_old),
        T(the_handlers_copy_keeps_the_notification_alive),
        T(revoking_the_notification_silences_the_line),
        T(taking_a_crowded_notification_from_a_handler_is_preemptible),
        T(replacing_a_crowded_notification_is_preemptible),
        T(deleting_a_handler_with_a_crowded_notification_is_preemptible),
        T(the_last_handler_capability_frees_the_line),
        T(revoking_the_control_deletes_all_handlers),
        T(revoking_a_handler_deletes_its_copies_only),
        T(at_boot_all_lines_but_the_timers_are_masked),
        T(equal_threads_alternate_every_five_ticks),
        T(the_debugger_sees_its_lines_first_and_every_tick),
        T(an_interrupt_ends_a_long_operation_and_is_served_first),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
