/* Things by the names that capdb gives and takes: "slot:0x82406000", "tcb:82424000", "irq:27",
 * "phys:0xf0000000", "kernel:0xf0000000", "thread:NAME", "domain:NAME". Addresses are hexadecimal, as
 * everywhere on the screen. */
#ifndef CAPSCOPE_INSPECTOR_TUI_NAMED_H
#define CAPSCOPE_INSPECTOR_TUI_NAMED_H

#include "inspector-tui/sample.h"

/* false: the text is no such name. Else *why is NULL and *out the thing, which need not exist; or *why says
 * what is wrong with it. */
bool named_find(const struct sample *s, const char *text, struct ref *out, const char **why);

#endif
