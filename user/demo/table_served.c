/* Two guests that hold no memory: a resource server has it all, and is asked (paper 4, where Iguana
 * stands). */
#include "user/demo/demo.h"

extern const uint8_t client[], client_end[], resources[], resources_end[];

/* Both clients take turns, so that each asks while the other ends and begins. */
enum { SERVER = 2, SERVER_PRIORITY = 120, PRIORITY = 100 };

static const struct hosted_desc server = {
    .elf = resources,
    .elf_end = resources_end,
    .memory_bits = {22},
    .cnode_radix = 16,
    .priority = SERVER_PRIORITY,
    .serves = true,
};

static const struct hosted_desc first = {
    .elf = client,
    .elf_end = client_end,
    .memory_bits = {18, 20},
    .cnode_radix = 6,
    .priority = PRIORITY,
    .thread_priority = PRIORITY,
    .resources = SERVER,
    .watched = true,
    .text = "first",
};

static const struct hosted_desc second = {
    .elf = client,
    .elf_end = client_end,
    .memory_bits = {18, 25}, /* more than ASIDs */
    .cnode_radix = 6,
    .priority = PRIORITY,
    .thread_priority = PRIORITY,
    .resources = SERVER,
    .text = "second",
};

static const struct domain_desc domains[] = {
    DOMAIN_CRITICAL,
    DOMAIN_DRIVER,
    DOMAIN_HOSTED("resources", "resources/server", &server),
    DOMAIN_HOSTED("first", "first/server", &first),
    DOMAIN_HOSTED("second", "second/server", &second),
};

const struct demo_table demo_table = {
    .name = "two programs and their resource server",
    .domains = sizeof(domains) / sizeof(*domains),
    .domain = domains,
};
