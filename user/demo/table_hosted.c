/* The guest is a program of its own that manages its untyped memory alone (paper 4). */
#include "user/demo/demo.h"

extern const uint8_t client[], client_end[];

static const struct hosted_desc guest = {
    .elf = client,
    .elf_end = client_end,
    .memory_bits = {20, 21},
    .cnode_radix = 12,
    .priority = 100,
    .thread_priority = 90,
    .devices = 1,
    .device = {{0x53f90000, 29}}, /* GPT */
    .watched = true,
    .text = "direct",
};

static const struct domain_desc domains[] = {
    DOMAIN_CRITICAL,
    DOMAIN_DRIVER,
    DOMAIN_HOSTED("guest", "guest/server", &guest),
};

const struct demo_table demo_table = {
    .name = "a program of its own in the guest's domain",
    .domains = sizeof(domains) / sizeof(*domains),
    .domain = domains,
};
