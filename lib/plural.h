/* Endings of what is counted: 1 slot, 2 slots; 1 capability, 2 capabilities; 1 breach, 2 breaches. */
#ifndef CAPSCOPE_LIB_PLURAL_H
#define CAPSCOPE_LIB_PLURAL_H

#include <stdint.h>

static inline const char *plural_s(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static inline const char *plural_y(uint64_t count)
{
    return count == 1 ? "y" : "ies";
}

static inline const char *plural_es(uint64_t count)
{
    return count == 1 ? "" : "es";
}

#endif
