/* Slots made again from records, for a mirror that follows a kernel without reading its memory.
 *
 * A mirror keeps capability words, link flags and order; what these mean (which of two neighbours
 * is the parent, what a slot adds to the digest) is the layout's business and is asked here. */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_REBUILD_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_REBUILD_H

#include "objwalk/capscope/walk.h"

/* Readies `w` to encode and decode for the kernel that sent this SNAPSHOT record; it has no memory
 * view, so nothing that reads may be called. ERR_VERSION for another record format, ERR_UNSUPPORTED
 * for a kernel without this list, ERR_LAYOUT for one of another layout. Records outlive layouts:
 * the one before, with another digest, is taken too. */
enum error objwalk_for_records(struct objwalk *w, const struct record_snapshot *s);

/* What a record says of a capability, in words of this kernel. ERR_FORMAT: one of its values, its
 * slots' addresses included, is none. */
enum error objwalk_cap_of_slot(const struct record_slot *r, struct objwalk_cap *out);
enum error objwalk_cap_of_event(const struct record_event *e, struct objwalk_cap *out);

/* The slot as the kernel stores it, but for its previous link. next: physical address of the slot
 * after it, END.sentinel for the last. flags: RECORD_SLOT_REVOCABLE and
 * _FIRST_BADGED, others are ignored. */
struct slot objwalk_make_slot(const struct objwalk *w, struct cap cap, paddr_t next,
                              uint32_t flags);

/* As objwalk_cdt_next(), with the slot behind the cursor's given instead of read. `slot` is a
 * kernel-window address; links of `raw` do not count, but for the flags. */
void objwalk_cdt_put(struct objwalk *w, struct objwalk_cursor *c, kaddr_t slot,
                     const struct slot *raw, struct record_slot *out);

/* Adds the slot at physical address `addr` to a digest of all slots, as the kernel that sent the
 * records computes it. */
void objwalk_add_to_digest(const struct objwalk *w, paddr_t addr, const struct slot *s,
                           struct digest *d);

/* For b behind a in the list with nothing but descendants of a between: is b below a? */
bool objwalk_is_parent(const struct objwalk *w, const struct slot *a, const struct slot *b);

#endif
