/* Writers of foreign formats that need a file of their own. */
#ifndef CAPSCOPE_CAPDB_EXPORT_H
#define CAPSCOPE_CAPDB_EXPORT_H

#include "capdb/command.h"

#include <stdio.h>

/* capDL as capDL-tool's parser takes it: objects, caps, irq maps, cdt. What the language cannot say
 * (zombies, names of threads, the root task) stands in comments; capdl.h reads it back.
 * ERR_NO_MEMORY. */
enum error export_capdl(FILE *f, const struct capstate *s);

/* Domains and what crosses between them, or --around a thing the objects themselves. */
enum status export_dot(FILE *f, struct options *o, const struct view *v);

/* Trace-event JSON for Perfetto and chrome://tracing: events, revocations, counters. */
enum status export_perfetto(FILE *f, struct options *o, struct view *v);

/* Recorded events, those before snapshot --at or all, as a table, tab-separated or JSON. */
enum status export_events(FILE *f, struct options *o, struct view *v);

#endif
