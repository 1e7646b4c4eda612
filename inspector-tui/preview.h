/* What a revoke of a slot would take, foretold from a sample and remembered until another is asked
 * for: painting asks again and again. */
#ifndef CAPSCOPE_INSPECTOR_TUI_PREVIEW_H
#define CAPSCOPE_INSPECTOR_TUI_PREVIEW_H

#include "facts/toll.h"
#include "inspector-tui/session.h"

struct preview {
    struct toll toll;
    bool *gone; /* by slot: it is emptied */
};

/* NULL: no memory. Good until the next call. */
const struct preview *preview_of(const struct session *s, const struct sample *of, int32_t slot);

#endif
