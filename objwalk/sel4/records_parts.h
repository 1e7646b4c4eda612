/* Records under way. Private to records*.c. */
#ifndef CAPSCOPE_OBJWALK_SEL4_RECORDS_PARTS_H
#define CAPSCOPE_OBJWALK_SEL4_RECORDS_PARTS_H

#include "objwalk/sel4/records.h"

struct sel4_piece {
    uint64_t base;
    uint64_t size;
};

struct sel4_emit {
    const struct sel4_kernel *k;
    const struct sel4_state *s;
    sel4_sink sink;
    void *ctx;
    enum error error; /* of the sink: nothing more goes out */
    struct record record;
    struct record_end end; /* counts */
    struct sel4_piece *ram;
    uint32_t ram_count;
    struct sel4_map roots;  /* physical addresses of roots of address spaces */
    struct sel4_map levels; /* of tables, by physical address */
    struct sel4_map told;   /* objects that have their record, by kind of record */
};

uint64_t sel4_emit_pa(const struct sel4_emit *e, uint64_t va); /* 0 stays 0 */
struct record *sel4_emit_begin(struct sel4_emit *e, enum record_kind kind);
void sel4_emit(struct sel4_emit *e);

bool sel4_emit_prepare(struct sel4_emit *e); /* roots and levels */
void sel4_emit_slots(struct sel4_emit *e);
void sel4_emit_threads(struct sel4_emit *e);
void sel4_emit_objects(struct sel4_emit *e);
void sel4_emit_spaces(struct sel4_emit *e);

/* Is this the first time that an object of this kind is met? */
static inline bool sel4_emit_first(struct sel4_emit *e, enum record_kind kind, uint64_t addr)
{
    bool full = false;
    bool fresh = sel4_map_add(&e->told, kind, addr, 0, &full);
    if (full)
        e->error = ERR_NO_MEMORY;
    return fresh;
}

#endif
