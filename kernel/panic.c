/* Where the kernel's own bugs end: the debug build says so and stays reachable by its debugger, the
 * release build stops. Nothing a user does leads here. */
#include "kernel/debug.h"

void kernel_panic(const char *file, int line, const char *what)
{
    debug_panic(file, line, what);
}
