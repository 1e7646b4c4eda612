/* The pane below the list: everything about one thing, in lines with links. */
#ifndef CAPSCOPE_INSPECTOR_TUI_PANE_H
#define CAPSCOPE_INSPECTOR_TUI_PANE_H

#include "inspector-tui/words.h"

struct pane {
    struct line *lines;
    uint32_t count;
    size_t room;
    uint32_t top; /* row that is drawn first, of all that its lines take */
    uint32_t
        cursor; /* the link that Enter follows when the pane has the focus and it is in sight */
    struct ref about;
    uint64_t generation;
};

/* A new line, cleared; never NULL (when memory is out the last line is taken again). */
struct line *pane_line(struct pane *p);
void pane_text(struct pane *p, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void pane_clear(struct pane *p);
void pane_fini(struct pane *p);

/* Tells about a thing. */
void pane_about(const struct session *s, const struct sample *of, const struct ref *r,
                struct pane *p);
void pane_slot(const struct session *s, const struct sample *of, int32_t slot, struct pane *p);
/* When a thing that was there at event `since` went, and by whom; nothing where no event tells. */
void pane_end(const struct session *s, const struct ref *r, uint64_t since, struct pane *p);
/* What a revoke of this slot would take. */
void pane_preview(const struct session *s, const struct sample *of, int32_t slot, struct pane *p);

/* Link number n of the pane, counted from the top over all lines; false: there are fewer. */
bool pane_link(const struct pane *p, uint32_t n, struct ref *out, uint32_t *line, uint32_t *span);

#endif
