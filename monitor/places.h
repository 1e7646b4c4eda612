/* Where slots lie: an index over all CNodes and TCBs, made anew by each command that needs it. */
#ifndef CAPSCOPE_MONITOR_PLACES_H
#define CAPSCOPE_MONITOR_PLACES_H

#include "objwalk/capscope/walk.h"

enum { PLACES_MAX = 4096 };
enum place_kind { PLACE_CNODE, PLACE_TCB };

struct place {
    kaddr_t base;
    uint16_t kind; /* enum place_kind */
    uint8_t bits;  /* log2 of the bytes that hold slots, TCB: of the whole TCB */
    uint8_t dying; /* known only from a zombie */
    int16_t user;  /* CNode: index of a TCB place whose CSpace root it is, -1 none */
};

/* Walks the derivation list. false when the list breaks: what was found until then is there. More
 * places than fit are counted in places_left_out(). */
bool places_collect(struct objwalk *w);
uint32_t places_count(void);
uint32_t places_left_out(void);
const struct place *places_at(uint32_t i); /* ascending by address */

/* The place that holds this slot address and the slot's index in it; NULL: none known. */
const struct place *places_find(kaddr_t slot, uint32_t *index);
/* The TCB with this name; 0: none. Names are compared byte by byte. */
kaddr_t places_thread_named(const char *name);

#endif
