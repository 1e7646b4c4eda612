/* The tables of a recording as virtual tables over a running system.
 *
 * A connection with the names of the documented views, below which stands no file: a statement is
 * answered in one sample of the system.  The first is taken at once, so that a system that is not
 * there is named whatever is asked; after running_next() the first table that is read takes one. */
#ifndef CAPSCOPE_CAPDB_RUNNING_H
#define CAPSCOPE_CAPDB_RUNNING_H

#include "capdb/command.h"

#include <sqlite3.h>

struct running;

/* o->run is the target.  STATUS_UNKNOWN: a sentence has said why, or that there is no system. */
enum status running_open(struct options *o, struct running **out);
sqlite3 *running_connection(struct running *r);
/* Before each statement: what it reads is sampled anew. */
void running_next(struct running *r);
/* A sample was not to be had, which was said. */
bool running_failed(const struct running *r);
void running_close(struct running *r);

#endif
