/* Are two records equal, field by field?  What lies between the fields of a structure does not
 * count, so memory cannot be compared instead. */
#ifndef CAPSCOPE_RECORD_SAME_H
#define CAPSCOPE_RECORD_SAME_H

#include "record/record.h"

/* record_same_slot(a, b) ...: one for each kind. */
#define X(value, NAME, name)                                                                       \
    bool record_same_##name(const struct record_##name *a, const struct record_##name *b);
RECORD_LIST(X)
#undef X

#endif
