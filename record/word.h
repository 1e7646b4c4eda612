/* A word or an address of the kernel that is read, as this program computes with it.
 *
 * In a record such a value has up to 64 bits.  A kernel that looks at itself computes with words of
 * its own size, so that a record costs it what it should; a host program, which reads kernels of
 * any size, with 64 bits. */
#ifndef CAPSCOPE_RECORD_WORD_H
#define CAPSCOPE_RECORD_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef __typeof__(__builtin_choose_expr(sizeof(void *) == sizeof(uint32_t), (uint32_t)0,
                                         (uint64_t)0)) record_word_t;

#endif
