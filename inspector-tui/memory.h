/* A picture of memory: one character a piece, by owner and use. */
#ifndef CAPSCOPE_INSPECTOR_TUI_MEMORY_H
#define CAPSCOPE_INSPECTOR_TUI_MEMORY_H

#include "inspector-tui/session.h"

/* What lies at an address: the letter of its owner, upper case where an object (no untyped) lies,
 * lower case for memory the owner could retype; '&' several domains hold it, and nobody but managers owns
 * it; K kernel; '.' free, only managers hold it; '!' handed
 * out and in no object; '_' no capability leads there. */
struct memory_cell {
    char letter;
    enum style style;
};
struct memory_cell memory_at(const struct session *s, const struct sample *of, uint64_t addr);

/* Appends `cells` characters for size bytes from base on. A piece that holds several things shows
 * what an object in it is, if there is one. */
void memory_strip(const struct session *s, const struct sample *of, uint64_t base, uint64_t size,
                  uint32_t cells, struct line *l);

/* What the letters of a strip mean, in the hues of this system. */
void memory_legend(const struct session *s, const struct sample *of, struct line *l);

#endif
