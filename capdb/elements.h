/* The arrays of a capstate by the kind of row that is made of their elements. */
#ifndef CAPSCOPE_CAPDB_ELEMENTS_H
#define CAPSCOPE_CAPDB_ELEMENTS_H

#include "capdb/rows.h"
#include "capstate/capstate.h"

/* Element i, first <= i < count, begins at base + i * stride with a record of `size` bytes. None for
 * ROW_CAP and ROW_OBJECT.  What comes before `first` is in the snapshot's own row. */
struct elements {
    const char *base;
    size_t stride, size;
    uint32_t first, count;
};
struct elements elements_of(const struct capstate *s, enum row_kind kind);
/* The record of both, byte for byte? Those that are equal but for what lies between fields differ. */
bool elements_same(const struct elements *a, uint32_t i, const struct elements *b, uint32_t k);

/* The columns of an element's row.  name, domain: ids of a thread's, for ROW_THREAD. */
struct row element_row(const struct capstate *s, enum row_kind kind, uint32_t i, int64_t name,
                       int64_t domain);

#endif
