/* Which frames an answer about authority needs, of a view that was opened without (dbview_open_edges());
 * where the whole is there, all are.
 *
 * Each sets *again where frames came along: objects and edges have other numbers then, and what was
 * found or marked is found and marked again.  Statuses as those of dbview_add_frames(). */
#ifndef CAPSCOPE_CAPDB_FRAMES_H
#define CAPSCOPE_CAPDB_FRAMES_H

#include "capdb/command.h"

/* All that might be a domain's own (authority_mark_own()); and unless NULL what frames_of_islands() adds, in
 * one go: frames are in no island, so that none is another with them. */
enum status frames_of_domain(struct options *o, struct view *v, int32_t domain,
                             const bool *islands_of, bool strict, bool *again);
/* At which the islands of marked objects may meet others, under that reading. */
enum status frames_of_islands(struct options *o, struct view *v, const bool *mark, bool strict,
                              bool *again);
/* To which marked objects lead (reach_from()). */
enum status frames_reached(struct options *o, struct view *v, const bool *mark, bool *again);

#endif
