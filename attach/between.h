/* The state between two snapshots: the capabilities of one, with events after it applied.
 *
 * What events do not tell (threads, queues, translations) is that of the snapshot, but for what ended
 * with its last capability.  A revoke that an event found under way stands in it as a snapshot would
 * have it, the slot that goes next included. */
#ifndef CAPSCOPE_ATTACH_BETWEEN_H
#define CAPSCOPE_ATTACH_BETWEEN_H

#include "capstate/capstate.h"

/* events: ascending by number, those of the snapshot or before are passed over, those after the last
 * wanted are not given.  The numbers must go on from the snapshot's without a hole: ERR_SEQUENCE.
 * ERR_CORRUPT: an event does not fit; ERR_UNSUPPORTED: the kernel tells no events; ERR_NO_MEMORY.
 * *out is the caller's on success only. */
enum error between_state(const struct capstate *base, const struct record_event *events,
                         uint32_t count, struct capstate *out);

#endif
