/* Rows of cap_short: versions of capabilities with numbers in place of what cap_place and cap_word say. */
#ifndef CAPSCOPE_CAPDB_SHORT_H
#define CAPSCOPE_CAPDB_SHORT_H

#include "capdb/store.h"

enum { SHORT_PLACE = 5, SHORT_WORD, SHORT_COLUMNS };
extern const char *const short_columns[SHORT_COLUMNS];

/* Rows from `first` on have the columns of cap_short, and get those of cap_row.  What was looked up is kept.
 * ERR_CORRUPT: one refers to nothing. */
enum error short_fill(struct capdb *db, struct rowset *rows, uint32_t first);
/* When the file may have changed. */
void short_forget(struct capdb *db);

#endif
