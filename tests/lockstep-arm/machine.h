/* Kernel addresses are pointers, as in the kernel's own ARM build; and the names by which tests
 * reach the memory that the kernel manages. */
#ifndef CAPSCOPE_LOCKSTEP_ARM_MACHINE_H
#define CAPSCOPE_LOCKSTEP_ARM_MACHINE_H

#include "kernel/armv6/machine.h"

extern uint8_t *hostsim_ram;
extern uint32_t hostsim_ram_size;

#endif
