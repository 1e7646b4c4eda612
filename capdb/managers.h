/* Who was left out as a manager, over one snapshot or several: in a recording whose rules change, that
 * differs from snapshot to snapshot. */
#ifndef CAPSCOPE_CAPDB_MANAGERS_H
#define CAPSCOPE_CAPDB_MANAGERS_H

#include "authority/authority.h"

struct manager {
    char *name;
    uint32_t snapshots; /* in which it was one */
};

struct managers {
    struct manager *list; /* in the order in which they were met */
    uint32_t count;
    size_t room;
    uint32_t snapshots; /* that were added */
};

/* One more snapshot. */
void managers_add(struct managers *m, const struct authority *a);
/* "trusted managers left out: …", "strict: …"; one that was no manager in some snapshots comes with their
 * number. Returns buf. */
char *managers_text(const struct managers *m, bool strict, char *buf, size_t size);
/* " (2 of 8 snapshots)", "" for all of them. Returns buf. */
char *managers_share(uint32_t some, uint32_t all, char *buf, size_t size);
void managers_free(struct managers *m);

#endif
