/* Kernel addresses are offsets into simulated RAM: the host build of the kernel.
 *
 * hostsim.h makes and resets the memory; struct kernel itself lies in it. */
#ifndef CAPSCOPE_MACHINE_H
#define CAPSCOPE_MACHINE_H

extern uint8_t *hostsim_ram;      /* what KERNEL_WINDOW maps */
extern uint32_t hostsim_ram_size; /* bytes */
extern struct kernel *hostsim_kernel;
#define ks (*hostsim_kernel)

_Noreturn void hostsim_bad_address(kaddr_t a);

/* 0 stands for no object and gives a null pointer. */
static inline void *kptr(kaddr_t a)
{
    if (a == 0)
        return NULL;
    if (a - KERNEL_WINDOW >= hostsim_ram_size)
        hostsim_bad_address(a);
    return hostsim_ram + (a - KERNEL_WINDOW);
}

static inline kaddr_t kaddr_of(const void *p)
{
    return p ? KERNEL_WINDOW + (kaddr_t)((const uint8_t *)p - hostsim_ram) : 0;
}

#endif
