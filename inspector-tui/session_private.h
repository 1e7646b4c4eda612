/* Inside of the model: what taking samples and going through time share. Private to session*.c. */
#ifndef CAPSCOPE_INSPECTOR_TUI_SESSION_PRIVATE_H
#define CAPSCOPE_INSPECTOR_TUI_SESSION_PRIVATE_H

#include "inspector-tui/session.h"

/* Of systems with more slots no snapshot is read without being asked for. */
enum { LOADED_UNASKED = 200000 };

/* Another sample in this place, which holds it and lets go of the one before. */
void session_hold(struct sample **place, struct sample *with);

/* Shows a sample; change: what is known of how it differs from the one before, taken over. */
void session_show(struct session *s, struct sample *sample, struct compare *change);
void session_compare_anew(struct session *s);

/* What `now` is compared with in the overview. Asks the worker for it once. */
void session_find_minute(struct session *s);

#endif
