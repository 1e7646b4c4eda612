/* The critical domain: static, never allocates.  At each tick it reads the driver's counter and
 * feeds its watchdog. */
#include "user/demo/demo.h"

enum { WATCHDOG_BELL = SLOT_FREE, DELAY_MAGIC = 0x64656c79 };

/* How late it ever was, for whoever looks into memory: in counts of the driver's timer, from the
 * tick to the driver's answer. */
static struct {
    word_t magic[2];
    word_t ticks;
    word_t worst, best;
} delay = {.magic = {DELAY_MAGIC, ~(word_t)DELAY_MAGIC}, .best = ~(word_t)0};

static void delay_note(word_t counts)
{
    delay.ticks++;
    if (counts > delay.worst)
        delay.worst = counts;
    if (counts < delay.best)
        delay.best = counts;
}

/* The bell between the two threads is the only object the domain ever makes. */
void critical_control(void)
{
    user_check(
        untyped_retype(SLOT_UNTYPED, OBJECT_NOTIFICATION, 0, SLOT_CNODE, 0, 0, WATCHDOG_BELL, 1));
    user_check(tcb_resume(SLOT_THREADS));
    user_print("critical/control: running\n");
    for (;;) {
        notification_wait(SLOT_TICK);
        struct ipc_regs r =
            ipc_call(SLOT_SERVICE, msginfo_make(0, 0, 0, 1), (const word_t[4]){DRIVER_READ});
        delay_note(r.mr[1]);
        notification_signal(WATCHDOG_BELL);
    }
}

/* Waits for each stroke of the bell; started by the control thread once the bell is there. */
void critical_watchdog(void)
{
    for (;;)
        notification_wait(WATCHDOG_BELL);
}
