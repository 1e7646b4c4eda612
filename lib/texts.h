/* Texts of an enumeration that is declared by a list, X(NAME, "word", "sentence", ...), its values
 * in the list's order from 0:
 *
 *     TEXTS_OF(leak_word, enum leak_kind, LEAK_LIST, TEXTS_SECOND, "?")
 *     TEXTS_OF(leak_sentence, enum leak_kind, LEAK_LIST, TEXTS_THIRD, "?")
 *
 * define the functions that leak.h declares.  A value that is none of the list, as a damaged
 * recording may have it, gives the last operand. */
#ifndef CAPSCOPE_LIB_TEXTS_H
#define CAPSCOPE_LIB_TEXTS_H

#include <stddef.h>

#define TEXTS_FIRST_OF(first, ...)      first,
#define TEXTS_SECOND(NAME, second, ...) second,
#define TEXTS_THIRD(NAME, second, ...)  TEXTS_FIRST_OF(__VA_ARGS__, )

#define TEXTS_OF(function, type, LIST, COLUMN, otherwise)                                          \
    const char *function(type value)                                                               \
    {                                                                                              \
        static const char *const texts[] = {LIST(COLUMN)};                                         \
        return (size_t)value < sizeof(texts) / sizeof(*texts) ? texts[value] : (otherwise);        \
    }

#endif
