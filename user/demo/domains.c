/* The three domains of the demo: a static one, one that manages its memory without end, and a
 * driver that serves both. */
#include "user/demo/demo.h"

const struct domain_desc demo_domains[DEMO_DOMAINS] = {
    DOMAIN_CRITICAL,
    {.name = "guest",
     .role = ROLE_CLIENT,
     .untyped_bits = 22,
     .threads = {{"guest/init", guest_init, 100}, {"guest/worker", guest_worker, 101}}},
    DOMAIN_DRIVER,
};
