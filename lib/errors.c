/* The sentences of lib/errors.h. */
#include "lib/errors.h"

const char *error_sentence(enum error e)
{
    switch ((uint32_t)e) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        ERROR_LIST(X)
#undef X
    default:
        return "?";
    }
}
