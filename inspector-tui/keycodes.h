/* Codes of keys that ncurses has no name for: what a terminal sends for them (ASCII). */
#ifndef CAPSCOPE_INSPECTOR_TUI_KEYCODES_H
#define CAPSCOPE_INSPECTOR_TUI_KEYCODES_H

#include <sys/ttydefaults.h> /* CTRL('A') is 1 */

enum { ESCAPE = 27, RUBOUT = 127 };

#endif
