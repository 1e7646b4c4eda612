/* Translation tables of the debugger's own, so that it lives when those of the kernel are broken.
 *
 * The kernel runs on the tables of whichever thread it was entered from, whose upper part is a copy
 * of the kernel's. The debugger keeps a further copy that no object and no root names. While the
 * kernel stands it stands there; exceptions in the kernel are handled there too (rescue.S). */
#ifndef CAPSCOPE_MONITOR_DOOR_RESCUE_H
#define CAPSCOPE_MONITOR_DOOR_RESCUE_H

#include "kernel/kernel.h"

enum { RESCUE_TEXT = 128 };

void rescue_init(void); /* the kernel's tables are as they should be */
/* Onto the tables of the debugger. */
void rescue_enter(void);
/* Back onto those that an exception or rescue_enter() left, if any. false: they are broken, `text`
 * says how, and nothing has changed. */
bool rescue_leave(char text[RESCUE_TEXT]);
/* Are the entries of the tables in use sound on which text, stack and vectors hang, and is the
 * current thread one? If not, panics while it still can. */
void rescue_look(void);

#endif
