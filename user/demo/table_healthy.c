/* The healthy system: three domains that share nothing but the driver's endpoint and notifications.
 */
#include "user/demo/demo.h"

const struct demo_table demo_table = {
    .name = "the healthy demo",
    .domains = 3,
    .domain =
        {
            {"critical",
             ROLE_CLIENT,
             20,
             {{"critical/control", critical_control, 200},
              {"critical/watchdog", critical_watchdog, 201}}},
            {"guest",
             ROLE_CLIENT,
             22,
             {{"guest/init", guest_init, 100}, {"guest/worker", guest_worker, 101}}},
            {"driver",
             ROLE_DRIVER,
             20,
             {{"driver/timer", driver_timer, 220}, {"driver/server", driver_server, 210}}},
        },
};
