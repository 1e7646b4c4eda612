/* Linux asks a resource server for every kernel object (paper 4, L4::Wombat on Iguana). */
#include "guest/linux/manager/linux.h"

extern const uint8_t resources[], resources_end[];

enum { SERVER = 2 };

static const struct hosted_desc server = {
    .elf = resources,
    .elf_end = resources_end,
    .memory_bits = {22},
    .cnode_radix = 16,
    .priority = 120,
    .serves = true,
};

static const struct hosted_desc mediated = LINUX_DESC(6, SERVER);

static const struct domain_desc domains[] = {
    DOMAIN_CRITICAL,
    DOMAIN_DRIVER,
    DOMAIN_HOSTED("resources", "resources/server", &server),
    DOMAIN_LINUX(&mediated),
};

const struct demo_table demo_table = {
    .name = "Linux and its resource server",
    .domains = sizeof(domains) / sizeof(*domains),
    .domain = domains,
    .power_off = LINUX_POWER_OFF,
};
