/* Columns that hold addresses, by their documented names (docs/database.md): where such a column's
 * value is an integer, people see it in hex. */
#ifndef CAPSCOPE_CAPDB_ADDRESS_H
#define CAPSCOPE_CAPDB_ADDRESS_H

#include <stdbool.h>

bool column_is_address(const char *name);

#endif
