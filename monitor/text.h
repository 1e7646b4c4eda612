/* Words for capabilities, places, threads and events, written to the command's output. Addresses
 * are physical, as in records. */
#ifndef CAPSCOPE_MONITOR_TEXT_H
#define CAPSCOPE_MONITOR_TEXT_H

#include "objwalk/capscope/walk.h"

enum { TEXT_NAME = 24 }; /* columns of a thread's name in tables */

/* "4K", "16": a size in bytes, exact. Returns buf. */
enum { TEXT_SIZE = 12 };
char *text_size(uint32_t bytes, char buf[TEXT_SIZE]);

/* "endpoint 0x80200010 badge 0x7 rw"; type, object, what is particular, rights, flags. */
void text_cap(const struct record_slot *r);
/* Name of the thread, escaped; "tcb 0x80123400" if it has none; "kernel" for 0, "idle"
 * for the idle thread. `max` columns. */
void text_thread(kaddr_t tcb, uint32_t max);
/* Where a slot lies: "guest/init cnode[4]", "cnode 0x80101000[4]", "tcb guest/init caller",
 * "irq 29"; "a slot outside all CNodes". places_collect() must have run. */
void text_place(const struct objwalk *w, kaddr_t slot);
/* " in guest/init cnode[4]", on a line of its own if this one is full. */
void text_place_piece(const struct objwalk *w, kaddr_t slot);
/* One event in one line without its end: "#12 guest/init delete 0x80123450 endpoint ...". */
void text_event(const struct objwalk *w, const struct event *e);
const char *text_tcb_slot(uint32_t index);

#endif
