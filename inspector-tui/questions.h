/* Questions about the memory of the whole system: their answers are lines of the log. */
#ifndef CAPSCOPE_INSPECTOR_TUI_QUESTIONS_H
#define CAPSCOPE_INSPECTOR_TUI_QUESTIONS_H

#include "inspector-tui/app.h"

/* `:leak`: as `capdb leak`, of this moment alone. */
void questions_leak(struct app *app, const char *text);
/* `:fit SIZE`: as `capdb fit`. */
void questions_fit(struct app *app, const char *text);

#endif
