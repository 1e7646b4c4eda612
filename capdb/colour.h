/* Colours of pictures.  A domain has the same in every picture of a recording: the first domains
 * that were recorded have one of the palette each, others one that follows from the name.  None is
 * near the red of breaches; trusted managers are grey. */
#ifndef CAPSCOPE_CAPDB_COLOUR_H
#define CAPSCOPE_CAPDB_COLOUR_H

#include "capdb/capdb.h"

enum { COLOUR_PALETTE = 12, COLOUR_BYTES = 8 };

#define COLOUR_BREACH  "#c8102e"
#define COLOUR_MANAGER "#9aa0a6"
#define COLOUR_KERNEL  "#3c4043"
#define COLOUR_NOBODY  "#e0e0e0"

struct colours {
    char *name[COLOUR_PALETTE]; /* the domains with a colour of the palette, in its order */
    uint32_t count;
};

enum error colours_read(struct capdb *db, struct colours *out);
void colours_free(struct colours *c);
/* "#rrggbb". Returns buf or a constant. */
const char *colour_of(const struct colours *c, const char *domain, bool trusted,
                      char buf[COLOUR_BYTES]);
/* Of text that can be read on it. */
const char *colour_of_text(const char *background);

#endif
