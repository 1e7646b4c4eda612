/* plat/hostsim/hostsim.h where memory and processor are real: QEMU's.
 *
 * The kernel manages the first megabyte of RAM and its data lie there where the simulation has
 * them (lockstep.lds), so that both have the same addresses for everything.  Page directories are
 * those the MMU uses while all this runs: what stands in them above KERNEL_WINDOW must be right. */
#include "plat/hostsim/hostsim.h"

#include "kernel/roots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *hostsim_ram = (uint8_t *)KERNEL_WINDOW;
uint32_t hostsim_ram_size;
bool hostsim_unwatched = true; /* a release kernel always is */

extern struct kernel_roots kernel_roots;

/* Once after power on: kernel/armv6/head.S has filled the page directory, all else is zero. */
void hostsim_boot(const struct hostsim_config *config)
{
    if (hostsim_ram_size != 0) {
        fprintf(stderr, "lockstep: this machine boots once\n");
        exit(2);
    }
    hostsim_ram_size = config->ram_bytes;
    hostsim_board_ram(config->ram_bytes);
    roots_fill(&kernel_roots, KERNEL_PHYS_BASE, KERNEL_PHYS_BASE + HOSTSIM_KERNEL_BYTES);
    hostsim_start(config);
}

void hostsim_destroy(void)
{
}

kaddr_t hostsim_roots(void)
{
    return kaddr_of(&kernel_roots);
}

/* A release kernel keeps none; the checks fill it in. */
struct digest *hostsim_digest(void)
{
    static struct digest digest;
    return &digest;
}

enum { TTBR_ATTRIBUTES = 0x3fff };

/* TTBR0 and CONTEXTIDR (ARM1136 TRM 3.2.13, 3.2.25). */
void hostsim_see_processor(void)
{
    word_t table;
    word_t context;
    __asm__ volatile("mrc p15, 0, %0, c2, c0, 0" : "=r"(table));
    __asm__ volatile("mrc p15, 0, %0, c13, c0, 1" : "=r"(context));
    hostsim.vspace_pd = table & ~(word_t)TTBR_ATTRIBUTES;
    hostsim.vspace_asid = context & 0xff;
}
