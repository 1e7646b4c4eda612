/* Equality of records, from the field lists of record/record.h. */
#include "record/same.h"

static bool same_string(const struct record_string *a, const struct record_string *b)
{
    return a->length == b->length && __builtin_memcmp(a->bytes, b->bytes, a->length) == 0;
}

static bool same_bytes(const struct record_bytes *a, const struct record_bytes *b)
{
    return a->length == b->length && __builtin_memcmp(a->bytes, b->bytes, a->length) == 0;
}

#define SAME_U(name)     &&a->name == b->name
#define SAME_W(name)     &&a->name == b->name
#define SAME_D(name)     &&a->name == b->name
#define SAME_T(name)     SAME_U(name)
#define SAME_S(name)     &&same_string(&a->name, &b->name)
#define SAME_B(name)     &&same_bytes(&a->name, &b->name)
#define SAME(mode, name) SAME_##mode(name)

#define X(value, NAME, name)                                                                       \
    bool record_same_##name(const struct record_##name *a, const struct record_##name *b)          \
    {                                                                                              \
        return true RECORD_FIELDS_##NAME(SAME);                                                    \
    }
RECORD_LIST(X)
#undef X
