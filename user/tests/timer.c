/* EPIT2 as watchdog over each test, GPT for the tests themselves (i.MX31 reference manual). */
#include "user/tests/tests.h"

enum {
    EPIT2 = 0x53f98000,
    EPIT_CR = 0,
    EPIT_SR = 1,
    EPIT_LR = 2,
    EPIT_CMPR = 3,
    EPIT_CNR = 4,
    /* 32 kHz clock, write load register to counter at once, reload, interrupt, start */
    EPIT_ON = 3 << 24 | 1 << 17 | 1 << 3 | 1 << 2 | 1 << 1 | 1,
    EPIT_HZ = 32768,
    GPT = 0x53f90000,
    GPT_CR = 0,
    GPT_PR = 1,
    GPT_SR = 2,
    GPT_IR = 3,
    GPT_OCR1 = 4,
    GPT_CNT = 9,
    GPT_PRESCALE = 39 - 1,                   /* 38.999 MHz: one count a microsecond */
    GPT_FREE = 1 << 9 | 1 << 6 | 1 << 1 | 1, /* IPG clock, free running */
    GPT_RESTART = 1 << 6 | 1 << 1 | 1,       /* the same, restarting at the compare value */
};

static volatile word_t *epit, *gpt;
static cptr_t watchdog_handler;

void timer_init(void)
{
    epit = device_map(EPIT2);
    gpt = device_map(GPT);
    must(epit && gpt);
    watchdog_handler = slot_new();
    must_succeed(irq_control_get(INIT_IRQ_CONTROL, EPIT2_IRQ, INIT_CNODE, watchdog_handler, DEPTH));
    cptr_t bell = object_new(OBJECT_NOTIFICATION, 0);
    must_succeed(
        irq_handler_set_notification(watchdog_handler, cap_mint(bell, RIGHT_ALL, WATCHDOG_BADGE)));
    must_succeed(tcb_bind_notification(INIT_TCB, bell));
}

void watchdog_start(word_t seconds)
{
    epit[EPIT_CR] = 0;
    epit[EPIT_SR] = 1;
    epit[EPIT_CMPR] = 0;
    epit[EPIT_LR] = seconds * EPIT_HZ;
    epit[EPIT_CR] = EPIT_ON;
}

word_t watchdog_left(void)
{
    return epit[EPIT_CNR];
}

void watchdog_acknowledge(void)
{
    epit[EPIT_SR] = 1;
    irq_handler_ack(watchdog_handler);
}

word_t gpt_now(void)
{
    if (gpt[GPT_CR] != GPT_FREE) {
        gpt[GPT_CR] = 0;
        gpt[GPT_PR] = GPT_PRESCALE;
        gpt[GPT_CR] = GPT_FREE;
    }
    return gpt[GPT_CNT];
}

void gpt_periodic(word_t microseconds)
{
    gpt[GPT_CR] = 0;
    gpt[GPT_SR] = 0x3f;
    gpt[GPT_PR] = GPT_PRESCALE;
    gpt[GPT_OCR1] = microseconds;
    gpt[GPT_IR] = 1;
    gpt[GPT_CR] = GPT_RESTART;
}

void gpt_acknowledge(void)
{
    gpt[GPT_SR] = 0x3f;
}

void gpt_await(void)
{
    while (!(gpt[GPT_SR] & 1))
        ;
}

void gpt_stop(void)
{
    gpt[GPT_IR] = 0;
    gpt[GPT_CR] = 0;
    gpt[GPT_SR] = 0x3f;
}

cptr_t gpt_handler(cptr_t notification)
{
    cptr_t handler = slot_new();
    must_succeed(irq_control_get(INIT_IRQ_CONTROL, GPT_IRQ, INIT_CNODE, handler, DEPTH));
    must_succeed(irq_handler_set_notification(handler, notification));
    return handler;
}
