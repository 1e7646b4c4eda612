/* The driver domain: owns a timer and its interrupt, serves the others through an endpoint that
 * carries no capabilities. */
#include "user/demo/demo.h"

enum {
    EPIT_CR = 0,
    EPIT_SR = 1,
    EPIT_LR = 2,
    EPIT_CMPR = 3,
    EPIT_CNR = 4,
    EPIT_CR_RUN = 0x0102000f, /* bus clock, reload, compare interrupt (i.MX31 manual 34.3) */
    EPIT_COUNTS = 3899904,    /* ten ticks a second */
    BELL = SLOT_PLANTED - 1,  /* bound to the server */
    SAVED = SLOT_FREE,        /* reply capabilities of sleeping callers */
    MAX_SAVED = 8,
};

void driver_timer(void)
{
    volatile word_t *epit = (volatile word_t *)DEVICE_VADDR;
    epit[EPIT_CR] = 0;
    epit[EPIT_LR] = EPIT_COUNTS;
    epit[EPIT_CMPR] = 0;
    epit[EPIT_SR] = 1;
    epit[EPIT_CR] = EPIT_CR_RUN;
    user_check(irq_handler_ack(SLOT_IRQ));
    user_check(tcb_resume(SLOT_THREADS));
    user_print("driver/timer: running\n");
    for (;;) {
        notification_wait(SLOT_TICK);
        epit[EPIT_SR] = 1;
        user_check(irq_handler_ack(SLOT_IRQ));
        notification_signal(SLOT_SIGNAL);
        notification_signal(SLOT_SIGNAL + 1);
        notification_signal(BELL);
    }
}

/* Keeps the caller's reply capability; it is used at the next tick. */
static bool save_caller(word_t *saved)
{
    if (*saved == MAX_SAVED)
        return false;
    user_check(cnode_save_caller(SLOT_CNODE, SAVED + *saved, 32));
    (*saved)++;
    return true;
}

static void wake_sleepers(word_t *saved, word_t ticks)
{
    for (; *saved > 0; (*saved)--)
        ipc_send(SAVED + *saved - 1, msginfo_make(0, 0, 0, 1), (const word_t[4]){ticks});
}

/* Counts of the timer since the last tick. */
static word_t since_tick(void)
{
    return EPIT_COUNTS - ((volatile word_t *)DEVICE_VADDR)[EPIT_CNR];
}

void driver_server(void)
{
    word_t ticks = 0, saved = 0;
    struct ipc_regs r = ipc_recv(SLOT_SERVICE);
    for (;;) {
        if (r.badge == BADGE_TICK) {
            ticks++;
            wake_sleepers(&saved, ticks);
            r = ipc_recv(SLOT_SERVICE);
        } else if (r.mr[0] == DRIVER_SLEEP && save_caller(&saved)) {
            r = ipc_recv(SLOT_SERVICE);
        } else {
            r = ipc_reply_recv(SLOT_SERVICE, msginfo_make(0, 0, 0, 2),
                               (const word_t[4]){ticks, since_tick()});
        }
    }
}
