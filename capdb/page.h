/* Pieces of an HTML page: text of a target as text, whatever it holds. */
#ifndef CAPSCOPE_CAPDB_PAGE_H
#define CAPSCOPE_CAPDB_PAGE_H

#include "capdb/colour.h"
#include "capdb/command.h"

#include <stdio.h>

extern const char page_head[]; /* up to the title */

void html_text(FILE *f, const char *text);
void cell_text(FILE *f, const char *text);
/* A coloured square and the name. */
void html_key(FILE *f, const char *colour, const char *name);

/* report_time.c: what the whole recording shows. Evaluates each snapshot once; the view stands on
 * the last one afterwards. */
enum status report_over_time(FILE *f, struct options *o, struct view *v,
                             const struct colours *colours);
void report_revocations(FILE *f, struct view *v);
void report_untyped(FILE *f, const struct view *v, const struct colours *colours);

#endif
