/* Linux as a hosted program (user/demo/demo.h): what both tables say of it.
 *
 * LINUX_MEMORY_BITS: the first untyped holds what it starts with and its objects, the second is its
 * memory.  LINUX_TEXT goes behind its command line.  It drives two devices,
 * in this order: the GPT, for time, and the 16550, its console; both are its alone. */
#ifndef CAPSCOPE_GUEST_LINUX_MANAGER_LINUX_H
#define CAPSCOPE_GUEST_LINUX_MANAGER_LINUX_H

#include "user/demo/demo.h"

extern const uint8_t linux_elf[], linux_elf_end[];

#define LINUX_DESC(RADIX, RESOURCES)                                                               \
    {                                                                                              \
        .elf = linux_elf, .elf_end = linux_elf_end, .memory_bits = {LINUX_MEMORY_BITS},            \
        .cnode_radix = RADIX, .priority = 100, .thread_priority = 90, .devices = 2,                \
        .device = {{0x53f90000, 29}, {0xb4001000, 52}}, .resources = RESOURCES, .watched = true,   \
        .interrupted = true, .text = LINUX_TEXT,                                                   \
    }

#define DOMAIN_LINUX(DESC)                                                                         \
    {                                                                                              \
        .name = "guest", .role = ROLE_HOSTED,                                                      \
        .threads = {{.name = "guest/server"}, {.name = "guest/interrupts"}}, .hosted = DESC        \
    }

#endif
