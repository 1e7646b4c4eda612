/* A cache of target memory in blocks, dropped whole when the target runs. */
#ifndef CAPSCOPE_ATTACH_PAGES_H
#define CAPSCOPE_ATTACH_PAGES_H

#include <stdint.h>

struct pages {
    uint32_t block; /* bytes of one, a power of two */
    uint32_t count;
    uint32_t capacity; /* of the table, a power of two; 0: none yet */
    uint64_t *tags;    /* block number + 1, 0: empty */
    uint8_t **data;
};

void pages_init(struct pages *p, uint32_t block);
void pages_drop(struct pages *p); /* forgets and frees everything */
/* The block that holds addr, or NULL. */
uint8_t *pages_find(const struct pages *p, uint64_t addr);
/* Room for the block that holds addr, which is not in the cache; NULL: no memory. */
uint8_t *pages_add(struct pages *p, uint64_t addr);

#endif
