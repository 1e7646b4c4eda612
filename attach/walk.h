/* Snapshots through a memory view, for the doors that read memory (gdb, ram). */
#ifndef CAPSCOPE_ATTACH_WALK_H
#define CAPSCOPE_ATTACH_WALK_H

#include "attach/door.h"
#include "objwalk/walker.h"

enum {
    WALK_PATIENCE_MS = 3000, /* for a kernel that begins */
    WALK_PAUSE_MS = 50,
};

/* Finds the kernel through the view, which must outlive *w; if there is none, a sentence, and *w stays.
 * `probe`: a view for short reads, tried first; NULL: reading is fast. */
enum error walk_open(struct attach *a, const struct memview *view, const struct memview *probe,
                     struct walker **w);
/* The same where the kernel has said that its roots lie at `at`. */
enum error walk_open_at(struct attach *a, const struct memview *view, uint64_t at,
                        struct walker **w);

/* Of walker_follow() and of opening: no kernel is there, or it begins just now. */
bool walk_begins(enum error e);

/* Walks into `out`, which it clears first. */
enum error walk_once(struct walker *w, bool stopped, struct stream *out);

/* Takes walks until one is whole: complete, without findings, in step with the kernel's running
 * digest, and, when `twice`, with the same capabilities as the walk before it.  Trouble that two
 * walks in a row show alike is the kernel's, not the reader's, and is delivered as it is.
 * `prepare` is called before every walk (NULL: nothing) and says whether the machine stands still
 * at capability level; an error of it ends the tries. Fails with a sentence; ERR_TORN after `tries`
 * walks.  A walk across which another boot has begun counts for nothing; `prepare` takes up that boot,
 * also with another *w.  The result is in a->stream. */
typedef enum error (*walk_prepare)(struct attach *a, unsigned attempt, bool *stopped);
enum error walk_settled(struct attach *a, struct walker **w, walk_prepare prepare, bool twice,
                        unsigned tries);

/* Into a->state, and a->halted: how the machine is, as the kernel's own debugger sees it; `stands`:
 * it stands whatever that says, for the reason `why`. */
void walk_note_state(struct attach *a, struct walker *w, bool stands, const char *why);
/* The kernel's count of its ticks; false: it cannot be read. */
bool walk_ticks(struct walker *w, uint64_t *out);

/* Does the machine stand where capability state is whole: inside the kernel's debugger, or, if that
 * will do, idle?  False when it cannot be read. */
bool walk_in_debugger(struct walker *w);
bool walk_is_whole(struct walker *w);

#endif
