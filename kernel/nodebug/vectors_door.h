/* What stands in the vectors of the release kernel: the way in and nothing else. For vectors.S. */
#ifndef CAPSCOPE_VECTORS_DOOR_H
#define CAPSCOPE_VECTORS_DOOR_H

#define VECTOR_UNDEFINED ldr pc, = enter_undefined
#define VECTOR_PREFETCH  ldr pc, = enter_prefetch
#define VECTOR_DATA      ldr pc, = enter_data

#endif
