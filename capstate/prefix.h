/* How one names an object of a type on a command line: "tcb:0x82424000", "irq:27". */
#ifndef CAPSCOPE_CAPSTATE_PREFIX_H
#define CAPSCOPE_CAPSTATE_PREFIX_H

#include <stdint.h>

struct prefix {
    const char *text; /* with its colon; behind it stands the address, of an interrupt its number */
    uint32_t type;    /* RECORD_CAP_* */
};

/* The prefix that the name begins with; NULL: none. */
const struct prefix *prefix_of(const char *name);

#endif
