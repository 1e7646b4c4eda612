/* A memory view: read so many bytes at this address of the kernel's.  The one seam between whoever
 * reads kernel objects and the world: in the kernel a guarded load, on the host GDB packets, a RAM
 * file, an array in a test (drgn's idea). */
#ifndef CAPSCOPE_OBJWALK_MEMVIEW_H
#define CAPSCOPE_OBJWALK_MEMVIEW_H

#include "lib/errors.h"
#include "record/word.h"

struct memview {
    /* Copies `len` bytes at `addr`, as the kernel sees it, to `buf`. ERR_OK, or ERR_READ (and other
     * transport errors) with `buf` unspecified. Must not change what it reads. */
    enum error (*read)(void *ctx, record_word_t addr, void *buf, uint32_t len);
    void *ctx;
    /* For a view of memory that lies here: where the `len` bytes at `addr` can be read directly,
     * all of them without a fault; else the function gives NULL, or is NULL. They stay what they
     * are while a walk goes on. */
    const void *(*window)(void *ctx, record_word_t addr, uint32_t len);
};

static inline enum error memview_read(const struct memview *view, record_word_t addr, void *buf,
                                      uint32_t len)
{
    return view->read(view->ctx, addr, buf, len);
}

static inline const void *memview_window(const struct memview *view, record_word_t addr,
                                         uint32_t len)
{
    return view->window ? view->window(view->ctx, addr, len) : NULL;
}

#endif
