/* Parts of making a layout. Private to layout.c, release.c and tcb.c. */
#ifndef CAPSCOPE_OBJWALK_SEL4_LAYOUT_PARTS_H
#define CAPSCOPE_OBJWALK_SEL4_LAYOUT_PARTS_H

#include "objwalk/sel4/layout.h"

/* release.c: narrows the release by what exists in it; d may be NULL. */
void sel4_release_find(struct sel4_layout *l, const struct sel4_image *m, struct sel4_dwarf *d,
                       uint64_t lowest);
/* Holds the kernel's own numbers of capability types against the tables, and takes them; d may be
 * NULL. */
void sel4_release_types(struct sel4_layout *l, struct sel4_dwarf *d);
/* A fact that holds from a release on, or up to one. */
void sel4_release_from(struct sel4_layout *l, enum sel4_release r);
void sel4_release_to(struct sel4_layout *l, enum sel4_release r);

/* tcb.c */
void sel4_tcb_begin(struct sel4_layout *l, struct sel4_dwarf *d); /* nothing known yet */
enum error sel4_tcb_from_dwarf(struct sel4_layout *l, struct sel4_dwarf *d, char *why);

#endif
