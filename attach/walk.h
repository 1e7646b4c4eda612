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

/* What debug_control says. */
struct walk_stop {
    bool stopped;
    uint32_t condition; /* that matched, from 1; 0: none */
    uint32_t armed;     /* bit n - 1: condition n is armed */
    uint32_t event;     /* number of the event at which it stands, 0: none */
    uint32_t kind;
    uint64_t slot; /* physical, as thread */
    uint64_t thread;
};
/* False: there is no debugger in this kernel, or it cannot be read. */
bool walk_stop_read(struct objwalk *w, struct walk_stop *out);
/* Into a->state, and a->halted: how the machine is, as the kernel's own debugger sees it; `stands`:
 * it stands whatever that says, for the reason `why`. */
void walk_note_state(struct attach *a, struct objwalk *w, bool stands, const char *why);
/* The kernel's count of its ticks; false: it cannot be read. */
bool walk_ticks(struct objwalk *w, uint32_t *out);

/* Is the kernel inside debug_stop(), where capability state is whole? false when it cannot be read.
 */
bool walk_in_debugger(struct objwalk *w);
/* Is the idle thread current? */
bool walk_is_idle(struct objwalk *w);

#endif
