/* A walked mainline state as records: what every tool above understands.
 *
 * Addresses become physical, types, states and faults the record format's own, and derived facts
 * that the kernel's words do not hold are put in: which capability is an address space's root,
 * which watermark counts. */
#ifndef CAPSCOPE_OBJWALK_SEL4_RECORDS_H
#define CAPSCOPE_OBJWALK_SEL4_RECORDS_H

#include "objwalk/sel4/kernel.h"
#include "objwalk/sel4/state.h"
#include "record/record.h"

typedef enum error (*sel4_sink)(void *ctx, const struct record *record);

/* SNAPSHOT to END. `stopped`: the state was whole. An error is the sink's, or ERR_NO_MEMORY. */
enum error sel4_records(const struct sel4_kernel *k, const struct sel4_state *s, bool stopped,
                        sel4_sink sink, void *ctx);

/* One capability as SLOT says it, without its place and depth; `root`: it names the root of an
 * address space, `used`: something derives from it. */
void sel4_record_cap(const struct sel4_kernel *k, const struct sel4_slot *slot, bool root,
                     bool used, struct record_slot *out);

/* Number of a layout, for SNAPSHOT: the same for kernels that pack their words alike. */
uint32_t sel4_layout_number(const struct sel4_layout *l);

#endif
