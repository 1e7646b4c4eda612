/* Interrupts as notifications (ABI sheet 3.5), with the general purpose timer's. */
#include "user/tests/tests.h"

enum { PERIOD_US = 500, BADGE = 0x1f2, FREE_IRQ = 40 };

static enum syscall_error get(word_t irq, cptr_t to)
{
    return irq_control_get(INIT_IRQ_CONTROL, irq, INIT_CNODE, to, DEPTH);
}

static void control(void)
{
    cptr_t to = slots_new(3);
    check_equal(get(64, to), SEL4_RANGE_ERROR);
    check_equal(get(0xffffffff, to), SEL4_RANGE_ERROR);
    check_equal(get(TIMER_IRQ, to), SEL4_REVOKE_FIRST);
    check_equal(get(EPIT2_IRQ, to), SEL4_REVOKE_FIRST); /* the watchdog's */
    check_equal(get(FREE_IRQ, INIT_TCB), SEL4_DELETE_FIRST);
    check_equal(irq_control_get(INIT_IRQ_CONTROL, FREE_IRQ, INIT_TCB, to, DEPTH),
                SEL4_FAILED_LOOKUP);
    check_equal(get(FREE_IRQ, to), SEL4_NO_ERROR);
    check_equal(get(FREE_IRQ, to + 1), SEL4_REVOKE_FIRST);
    cptr_t copy = cap_copy(to, RIGHT_ALL);
    must_succeed(cap_delete(to));
    check_equal(get(FREE_IRQ, to + 1), SEL4_REVOKE_FIRST); /* the copy keeps it */
    must_succeed(cap_delete(copy));
    check_equal(get(FREE_IRQ, to + 1), SEL4_NO_ERROR);
    struct invocation v = {
        INIT_IRQ_CONTROL, INV_IRQ_CONTROL_GET, 2, {41, to}, 1, {INIT_CNODE}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
    v = (struct invocation){INIT_IRQ_CONTROL, INV_IRQ_HANDLER_ACK, 0, {0}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_ILLEGAL_OPERATION);
}

static void every_line(void)
{
    cptr_t to = slots_new(64);
    for (word_t irq = 0; irq < 64; irq++) {
        bool taken = irq == TIMER_IRQ || irq == EPIT2_IRQ;
        check_equal(get(irq, to + irq), taken ? SEL4_REVOKE_FIRST : SEL4_NO_ERROR);
    }
    for (word_t irq = 0; irq < 64; irq++)
        must_succeed(cap_delete(to + irq));
    check_equal(get(63, to), SEL4_NO_ERROR);
}

static void handler_arguments(void)
{
    cptr_t handler = slot_new(), bell = object_new(OBJECT_NOTIFICATION, 0);
    must_succeed(get(FREE_IRQ, handler));
    struct invocation v = {handler, INV_IRQ_HANDLER_SET_NOTIFICATION, 0, {0},
                           1,       {object_new(OBJECT_ENDPOINT, 0)}, 0, 0};
    v.mr[0] = 77;
    check_equal(user_invoke(&v), SEL4_INVALID_CAPABILITY);
    check_equal(v.mr[0], 0);
    check_equal(irq_handler_set_notification(handler, cap_copy(bell, RIGHT_READ)),
                SEL4_INVALID_CAPABILITY);
    check_equal(irq_handler_set_notification(handler, cap_copy(bell, RIGHT_WRITE)), SEL4_NO_ERROR);
    v = (struct invocation){handler, INV_IRQ_HANDLER_SET_NOTIFICATION, 0, {0}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_TRUNCATED_MESSAGE);
    check_equal(irq_handler_ack(handler), SEL4_NO_ERROR);
    check_equal(irq_handler_clear(handler), SEL4_NO_ERROR);
    check_equal(irq_handler_clear(handler), SEL4_NO_ERROR);
    v = (struct invocation){handler, INV_IRQ_CONTROL_GET, 0, {0}, 0, {0}, 0, 0};
    check_equal(user_invoke(&v), SEL4_ILLEGAL_OPERATION);
}

/* One signal for each acknowledgement, with the notification capability's badge. */
static void one_signal_an_ack(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, BADGE));
    gpt_periodic(PERIOD_US);
    for (word_t i = 0; i < 5; i++) {
        check_equal(notification_wait(bell), BADGE);
        gpt_acknowledge();
        gpt_await(); /* the device asks again, the line is masked */
        check_equal(notification_poll(bell), 0);
        check_equal(irq_handler_ack(handler), SEL4_NO_ERROR);
    }
    gpt_stop();
}

static void signals_add_up(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, BADGE));
    gpt_periodic(PERIOD_US);
    for (word_t i = 0; i < 3; i++) {
        gpt_await();
        gpt_acknowledge();
        irq_handler_ack(handler);
    }
    gpt_stop();
    check_equal(notification_wait(bell), BADGE);
    check_equal(notification_poll(bell), 0);
}

/* The notification that is set last is signalled; none is after Clear. */
static void replaced_and_cleared(void)
{
    cptr_t first = object_new(OBJECT_NOTIFICATION, 0), second = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(first, RIGHT_ALL, 1));
    must_succeed(irq_handler_set_notification(handler, cap_mint(second, RIGHT_ALL, 2)));
    gpt_periodic(PERIOD_US);
    check_equal(notification_wait(second), 2);
    check_equal(notification_poll(first), 0);
    must_succeed(irq_handler_clear(handler));
    gpt_acknowledge();
    must_succeed(irq_handler_ack(handler));
    gpt_await();
    check_equal(notification_poll(first) | notification_poll(second), 0);
    must_succeed(irq_handler_set_notification(handler, first));
    gpt_acknowledge();
    must_succeed(irq_handler_ack(handler));
    gpt_await();
    check_equal(syscall_raw(SYS_RECV, (struct ipc_regs){.badge = first}).badge, 0);
    gpt_stop();
}

/* Deleting the notification, or the last handler, silences the line. */
static void silenced(void)
{
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    cptr_t handler = gpt_handler(cap_mint(bell, RIGHT_ALL, 1));
    must_succeed(cap_delete(handler));
    gpt_periodic(PERIOD_US);
    gpt_await();
    check_equal(notification_poll(bell), 0);
    handler = gpt_handler(bell);
    must_succeed(cap_revoke(bell));
    must_succeed(cap_delete(bell));
    gpt_await();
    cptr_t fresh = object_new(OBJECT_NOTIFICATION, 0);
    must_succeed(irq_handler_set_notification(handler, cap_mint(fresh, RIGHT_ALL, 5)));
    must_succeed(irq_handler_ack(handler));
    check_equal(notification_wait(fresh), 5);
    gpt_stop();
}

const struct test irq_tests[] = {
    {"IRQ0001 IRQControl hands out each interrupt once, not the kernel's", control},
    {"IRQ0002 all other lines can be had and given back", every_line},
    {"IRQ0003 handlers refuse what cannot be signalled", handler_arguments},
    {"IRQ0004 one signal for each acknowledgement", one_signal_an_ack},
    {"IRQ0005 signals that nobody awaits add up to one", signals_add_up},
    {"IRQ0006 the notification can be replaced and cleared", replaced_and_cleared},
    {"IRQ0007 a line without handler or notification is silent", silenced},
    {0},
};
