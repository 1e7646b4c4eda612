/* A program with more pages than the root has slots, and the same where its CSpace or its memory is
 * too small for it: these are left out, the others run. */
#include "user/demo/demo.h"

extern const uint8_t large[], large_end[];

#define LARGE_DESC(BITS, RADIX)                                                                    \
    {                                                                                              \
        .elf = large, .elf_end = large_end, .memory_bits = {BITS}, .cnode_radix = RADIX,           \
        .priority = 100,                                                                           \
    }

static const struct hosted_desc guest = LARGE_DESC(25, 13);
static const struct hosted_desc few_slots = LARGE_DESC(21, 12);
static const struct hosted_desc little_memory = LARGE_DESC(20, 13);

static const struct domain_desc domains[] = {
    DOMAIN_CRITICAL,
    DOMAIN_DRIVER,
    DOMAIN_HOSTED("guest", "guest/server", &guest),
    DOMAIN_HOSTED("crowded", "crowded/server", &few_slots),
    DOMAIN_HOSTED("poor", "poor/server", &little_memory),
};

const struct demo_table demo_table = {
    .name = "a program larger than the root's CSpace",
    .domains = sizeof(domains) / sizeof(*domains),
    .domain = domains,
};
