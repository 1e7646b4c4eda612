/* Arrays on the host: one way to grow, one way to find a place.  The kernel has neither: it allocates
 * nothing and searches in its own orders. */
#ifndef CAPSCOPE_LIB_ARRAY_H
#define CAPSCOPE_LIB_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* As array_room(), with another realloc(). */
static inline void *array_room_by(void *(*reallocate)(void *, size_t), void *array, size_t last,
                                  size_t *room, size_t size)
{
    enum { FIRST_BYTES = 1024 };
    if (last < *room)
        return array;
    size_t wanted = *room ? *room : 1 + FIRST_BYTES / size;
    while (wanted <= last && wanted <= SIZE_MAX / 2 / size)
        wanted *= 2;
    void *grown = wanted > last ? reallocate(array, wanted * size) : NULL;
    if (grown)
        *room = wanted;
    return grown;
}

/* The array with room for element number `last` (0: the first) of `size` bytes, doubled where it was
 * too small; *room counts elements, 0 for a NULL array.  New elements are not cleared.  NULL when
 * memory is out or the bytes have no size_t: array and room then stay as they were. */
static inline void *array_room(void *array, size_t last, size_t *room, size_t size)
{
    return array_room_by(realloc, array, last, room, size);
}

/* The first i below `count` of which `before`, an expression in i, does not hold, else `count`.  The
 * elements of which it holds stand first. */
#define LOWER_BOUND(count, i, before)                                                              \
    ({                                                                                             \
        size_t low_ = 0, high_ = (count);                                                          \
        while (low_ < high_) {                                                                     \
            const size_t i = low_ + (high_ - low_) / 2;                                            \
            if (before)                                                                            \
                low_ = i + 1;                                                                      \
            else                                                                                   \
                high_ = i;                                                                         \
        }                                                                                          \
        low_;                                                                                      \
    })

#endif
