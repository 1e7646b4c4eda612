/* The three domains of the demo: a static one, one that manages its memory without end, and a
 * driver that serves both. */
#include "user/demo/demo.h"

const struct domain_desc demo_domains[DEMO_DOMAINS] = {
    {"critical",
     ROLE_CLIENT,
     20,
     {{"critical/control", critical_control, 200}, {"critical/watchdog", critical_watchdog, 201}}},
    {"guest",
     ROLE_CLIENT,
     22,
     {{"guest/init", guest_init, 100}, {"guest/worker", guest_worker, 101}}},
    {"driver",
     ROLE_DRIVER,
     20,
     {{"driver/timer", driver_timer, 220}, {"driver/server", driver_server, 210}}},
};
