/* The object walker over this kernel's own memory, read with guarded loads: looking at garbage
 * gives an error, never an abort. */
#ifndef CAPSCOPE_MONITOR_VIEW_H
#define CAPSCOPE_MONITOR_VIEW_H

#include "objwalk/capscope/walk.h"

/* The walker, opened at first use. NULL, with a sentence printed, if the kernel has published no
 * usable roots (it stopped before it had them). */
struct objwalk *view_walk(void);
/* As view_walk() without words. */
struct objwalk *view_walk_quiet(void);
/* Is it an address of RAM in the kernel's window? */
bool view_is_ram(kaddr_t addr);
/* ERR_OK or ERR_READ. */
enum error view_read(kaddr_t addr, void *buf, uint32_t len);
/* Prints where and why a walk ended, unless it just came to the end of the list. */
void view_complain(const struct objwalk *w, enum error e);
/* Cursors are large and the kernel's stack is not: two are shared by all commands. */
extern struct objwalk_cursor view_cursor;
extern struct objwalk_cursor view_inner;

#endif
