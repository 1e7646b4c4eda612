/* Kernel addresses are pointers: the ARM build (the host simulation has its own machine.h). */
#ifndef CAPSCOPE_MACHINE_H
#define CAPSCOPE_MACHINE_H

extern struct kernel ks;

static inline void *kptr(kaddr_t a)
{
    return (void *)a;
}

static inline kaddr_t kaddr_of(const void *p)
{
    return (kaddr_t)p;
}

#endif
