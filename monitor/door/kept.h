/* Events that are kept beyond the ring: the first and the last of each revoke that was interrupted.
 *
 * Such a revoke can be longer than the ring, so that its own steps overwrite its beginning before
 * the line has carried it.  Of what was lost these are told all the same, with the gaps around
 * them; shorter ones fit into the ring. */
#ifndef CAPSCOPE_MONITOR_DOOR_KEPT_H
#define CAPSCOPE_MONITOR_DOOR_KEPT_H

#include "layout/events.h"

/* An event of a revoke, as it stands in the ring; others are ignored. */
void kept_note(const struct event *e);

/* Of those that are kept, the first with this number or a later one; NULL: there is none. */
const struct event *kept_from(word_t seq);

#endif
