/* What stands in the vectors of the debug kernel: rescue.S looks first at exceptions that the
 * kernel's own broken data may have caused. For vectors.S. */
#ifndef CAPSCOPE_VECTORS_DOOR_H
#define CAPSCOPE_VECTORS_DOOR_H

#define VECTOR_UNDEFINED b rescue_undefined
#define VECTOR_PREFETCH  b rescue_prefetch
#define VECTOR_DATA      b rescue_data

#endif
