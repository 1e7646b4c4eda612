/* Linux manages its untyped memory itself (paper 4, seL4::Wombat). */
#include "guest/linux/manager/linux.h"

static const struct hosted_desc direct = LINUX_DESC(16, 0);

static const struct domain_desc domains[] = {
    DOMAIN_CRITICAL,
    DOMAIN_DRIVER,
    DOMAIN_LINUX(&direct),
};

const struct demo_table demo_table = {
    .name = "Linux with memory of its own",
    .domains = sizeof(domains) / sizeof(*domains),
    .domain = domains,
    .power_off = LINUX_POWER_OFF,
};
