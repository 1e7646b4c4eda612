/* The state as a capDL specification, which the capDL tool accepts (arch arm11). */
#ifndef CAPSCOPE_MONITOR_CAPDL_H
#define CAPSCOPE_MONITOR_CAPDL_H

#include "lib/errors.h"

/* Writes the whole specification to the running output. ERR_STOPPED, ERR_NO_ROOTS, or ERR_CORRUPT
 * when the derivation list breaks: then the text is incomplete and says so in a comment. */
enum error capdl_print(void);

#endif
