/* The critical domain: static, never allocates.  At each tick it reads the driver's counter and
 * feeds its watchdog. */
#include "user/demo/demo.h"

enum { WATCHDOG_BELL = SLOT_FREE };

/* The bell between the two threads is the only object the domain ever makes. */
void critical_control(void)
{
    user_check(
        untyped_retype(SLOT_UNTYPED, OBJECT_NOTIFICATION, 0, SLOT_CNODE, 0, 0, WATCHDOG_BELL, 1));
    user_check(tcb_resume(SLOT_THREADS));
    user_print("critical/control: running\n");
    for (;;) {
        notification_wait(SLOT_TICK);
        ipc_call(SLOT_SERVICE, msginfo_make(0, 0, 0, 1), (const word_t[4]){DRIVER_READ});
        notification_signal(WATCHDOG_BELL);
    }
}

/* Waits for each stroke of the bell; started by the control thread once the bell is there. */
void critical_watchdog(void)
{
    for (;;)
        notification_wait(WATCHDOG_BELL);
}
