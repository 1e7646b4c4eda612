/* Linux asks a server that refuses. */
#include "guest/linux/manager/linux.h"

extern const uint8_t refuser[], refuser_end[];

enum { SERVER = 2 };

static const struct hosted_desc server = {
    .elf = refuser,
    .elf_end = refuser_end,
    .memory_bits = {22},
    .cnode_radix = 16,
    .priority = 120,
    .serves = true,
};

static const struct hosted_desc refused = LINUX_DESC(6, SERVER);

static const struct domain_desc domains[] = {
    DOMAIN_CRITICAL,
    DOMAIN_DRIVER,
    DOMAIN_HOSTED("resources", "resources/server", &server),
    DOMAIN_LINUX(&refused),
};

const struct demo_table demo_table = {
    .name = "Linux and a server that refuses",
    .domains = sizeof(domains) / sizeof(*domains),
    .domain = domains,
    .power_off = LINUX_POWER_OFF,
};
