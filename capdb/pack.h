/* Numbers in few bytes: seven bits a byte, the lowest first, the eighth says that more follow.
 * Differences are small where neighbours are alike, and are folded so that small negative ones are
 * short, too: 0, -1, 1, -2, 2 ... */
#ifndef CAPSCOPE_CAPDB_PACK_H
#define CAPSCOPE_CAPDB_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Grows; zeroed to begin with. failed: there was no memory, and what was packed is worth nothing. */
struct pack {
    uint8_t *bytes;
    size_t used, room;
    bool failed;
};
void pack_number(struct pack *p, uint64_t v);
void pack_bytes(struct pack *p, const uint8_t *bytes, size_t count);
void pack_difference(struct pack *p, int64_t before, int64_t v);
void pack_free(struct pack *p);

/* Bytes from outside: failed once they end in the middle of a number or make none. */
struct unpack {
    const uint8_t *at, *end;
    bool failed;
};
uint64_t unpack_number(struct unpack *u);
int64_t unpack_difference(struct unpack *u, int64_t before);

#endif
