/* How far a long command is, for those who wait at a terminal. */
#include "capdb/command.h"
#include "capdb/store.h"

#include <stdio.h>
#include <unistd.h>

static const double patience = 1.0; /* seconds without a word */
static const double between = 0.1;  /* two words */

void progress_show(void *ctx, uint32_t done, uint32_t of)
{
    static double began, said;
    static bool shown;
    double now = capdb_now();
    (void)ctx;
    if (began == 0)
        began = now;
    if (done >= of && shown)
        fputs("\r\033[K", stderr);
    if (done >= of || now - began < patience || now - said < between || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%u of %u snapshots\033[K", done, of);
    shown = true;
    said = now;
}
