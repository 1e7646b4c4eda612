/* The nearest of several names to one that was mistyped. */
#ifndef CAPSCOPE_CAPDB_NEAREST_H
#define CAPSCOPE_CAPDB_NEAREST_H

#include <stdint.h>

struct nearest {
    const char *wanted;
    const char *best; /* NULL: none is near; must outlive this */
    uint32_t changes; /* letters to change, insert or delete */
};

/* Near is at most a third of the letters wrong, or a name that begins so. */
void nearest_offer(struct nearest *n, const char *name);

#endif
