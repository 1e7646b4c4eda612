/* Snapshots through a memory view, for the doors that read memory (gdb, ram). */
#ifndef CAPSCOPE_ATTACH_WALK_H
#define CAPSCOPE_ATTACH_WALK_H

#include "attach/door.h"
#include "objwalk/capscope/walk.h"

/* Finds and checks kernel_roots through the view, which must outlive *w. Fails with a sentence.
 * `probe`: a view for short reads, tried first; NULL: reading is fast. */
enum error walk_open(struct attach *a, const struct memview *view, const struct memview *probe,
                     struct objwalk *w);

/* Walks into `out`, which it clears first. */
enum error walk_once(struct objwalk *w, bool stopped, struct stream *out);

/* Takes walks until one is whole: complete, without findings, in step with the kernel's running
 * digest, and, when `twice`, with the same capabilities as the walk before it.  Trouble that two
 * walks in a row show alike is the kernel's, not the reader's, and is delivered as it is.
 * `prepare` is called before every walk (NULL: nothing) and says whether the machine stands still
 * at capability level; an error of it ends the tries. Fails with a sentence; ERR_TORN after `tries`
 * walks.  The result is in a->stream. */
typedef enum error (*walk_prepare)(struct attach *a, unsigned attempt, bool *stopped);
enum error walk_settled(struct attach *a, struct objwalk *w, walk_prepare prepare, bool twice,
                        unsigned tries);

/* Is the kernel inside debug_stop(), where capability state is whole? false when it cannot be read.
 */
bool walk_in_debugger(struct objwalk *w);
/* Is the idle thread current? */
bool walk_is_idle(struct objwalk *w);

#endif
