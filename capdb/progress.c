/* How far a long command is, for those who wait at a terminal. */
#include "capdb/command.h"
#include "capdb/store.h"

#include <stdio.h>
#include <unistd.h>

static const double patience = 1.0; /* seconds without a word */
static const double between = 0.1;  /* two words */

static double began, said, counted; /* counted: the newest of known how much */
static bool shown;

enum { STEPS = 100000 }; /* of SQLite between two calls */

/* Long enough without a word, to somebody who looks? */
static bool is_due(double now)
{
    if (began == 0)
        began = now;
    return now - began >= patience && now - said >= between && isatty(STDERR_FILENO);
}

void progress_wait(void)
{
    const double now = capdb_now();
    if (!is_due(now) || now - counted < patience)
        return;
    fprintf(stderr, "\r%.0f s; ^C gives up\033[K", now - began);
    shown = true;
    said = now;
}

void progress_show(void *ctx, uint32_t done, uint32_t of)
{
    double now = capdb_now();
    (void)ctx;
    counted = now;
    if (done >= of && shown) {
        fputs("\r\033[K", stderr);
        shown = false;
    }
    if (!is_due(now) || done >= of)
        return;
    fprintf(stderr, "\r%u of %u snapshots\033[K", done, of);
    shown = true;
    said = now;
}

static int keep_waiting(void *ctx)
{
    (void)ctx;
    progress_wait();
    return 0;
}

void progress_while(const struct options *o, struct capdb *db, bool streams)
{
    if (!o->given && !o->quiet && !(streams && isatty(STDOUT_FILENO)))
        sqlite3_progress_handler(db->sql, STEPS, keep_waiting, NULL);
}
