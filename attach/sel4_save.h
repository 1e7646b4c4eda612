/* Large pieces of physical memory through a file: QEMU's monitor writes one (`pmemsave`), which is
 * many times faster than packets where QEMU and we share a file system.  Private to sel4_gdb.c.
 *
 * Whether we do is tried: the target must be a unix socket or the loopback, the file must be there
 * afterwards, as long as asked for, and say of one piece what the stub says of it. */
#ifndef CAPSCOPE_ATTACH_SEL4_SAVE_H
#define CAPSCOPE_ATTACH_SEL4_SAVE_H

#include "attach/gdb_client.h"
#include "attach/target.h"
#include "objwalk/sel4/memory.h"

enum { SEL4_SAVE_LEAST = 128 << 10 }; /* bytes for which a file is worth it */

struct sel4_saver {
    bool refused; /* it does not work here: not tried again */
    unsigned files;
    uint64_t bytes; /* that came so */
};

/* Only where the target may be on this machine. */
void sel4_saver_init(struct sel4_saver *s, const struct target *t);

/* How many spans come before a run of them, one behind the other, that is worth a file; `run`: how
 * many that has. `count` and 0 where there is none. */
size_t sel4_saver_before(const struct sel4_saver *s, const struct sel4_span *spans, size_t count,
                         size_t *run);

/* Fills such a run. false: it did not work, and will not. An error of the line is in *e. */
bool sel4_saver_read(struct sel4_saver *s, struct gdb_client *c, struct sel4_span *spans,
                     size_t run, enum error *e);

#endif
