/* CRC-32 as zlib computes it (reflected 0xedb88320, initial and final complement). */
#ifndef CAPSCOPE_LIB_CRC32_H
#define CAPSCOPE_LIB_CRC32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* crc: 0 to begin, the last result to go on. */
uint32_t crc32_update(uint32_t crc, const void *data, uint32_t len);

#endif
