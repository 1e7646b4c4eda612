/* The state between two snapshots: the capabilities of one, with events after it applied.
 *
 * What events do not tell (threads, queues, translations) is that of the snapshot, but for what ended
 * with its last capability.  A revoke that an event found under way stands in it as a snapshot would
 * have it, the slot that goes next included.  Of another kernel the capabilities are as far right as its
 * events tell (between_list.h), and there is no digest. */
#ifndef CAPSCOPE_ATTACH_BETWEEN_H
#define CAPSCOPE_ATTACH_BETWEEN_H

#include "capstate/capstate.h"
#include "objwalk/replay.h"

/* The slots of a snapshot as the base of a mirror, by replay_record(), whose errors it gives. */
enum error between_base(struct replay *m, const struct capstate *s);

/* events: ascending by number, those of the snapshot or before are passed over, those after the last
 * wanted are not given.  The numbers must go on from the snapshot's without a hole: ERR_SEQUENCE.
 * ERR_CORRUPT: an event does not fit; ERR_NO_MEMORY.
 * *out is the caller's on success only. */
enum error between_state(const struct capstate *base, const struct record_event *events,
                         uint32_t count, struct capstate *out);

#endif
