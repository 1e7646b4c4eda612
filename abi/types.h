/* Kinds of word of a program that runs on this kernel: 32 bits each, on every build of the kernel.
 */
#ifndef CAPSCOPE_ABI_TYPES_H
#define CAPSCOPE_ABI_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t word_t;
typedef uint32_t paddr_t; /* physical address */
typedef uint32_t cptr_t;  /* capability address, an allegation until looked up */
typedef uint32_t vaddr_t; /* user virtual address, an allegation until checked */

#define USER_TOP      0xf0000000u /* user addresses lie below */
#define GLOBALS_FRAME 0xffffc000u

#endif
