/* Reads structures.bf.pbf: the kernel's own description of its bit fields, as its build leaves it
 * in kernel/generated/arch/object/.
 *
 *   base W [ "(" C "," S ")" ]        word size, width of pointers (W), whether they are
 * sign-extended block NAME [ "(" ... ")" ] "{"    fields; the first line takes the top bits of the
 * last word padding N                     bits field NAME N field_high NAME N             the top N
 * of C bits: shifted left by C - N, sign-extended if S field_ptr [ "(" A ")" ] NAME N    padding of
 * N - C + A bits, then field_high of C - A
 *   "}"
 *   tagged_union NAME TAG "{" mask BITS VALUE ... tag BLOCK VALUE ... "}"
 *   "--" ends a line; N is a sum of numbers, word_size and canonical_size
 *
 * What the user gives wins over the built-in tables; each difference is told. */
#ifndef CAPSCOPE_OBJWALK_SEL4_DESCRIPTION_H
#define CAPSCOPE_OBJWALK_SEL4_DESCRIPTION_H

#include "lib/errors.h"
#include "objwalk/sel4/blocks.h"

#include <stddef.h>

struct sel4_description {
    unsigned line; /* of the error */
    const char *why;
    unsigned blocks;      /* taken over into the table */
    unsigned differences; /* told */
};

/* A sentence about a difference between the built-in table and the description. */
typedef void (*sel4_tell)(void *ctx, const char *text);

/* Lays a description over the table of an architecture; blocks and fields that the table does not
 * know are passed over. ERR_FORMAT (out->line, out->why), with the table left as it was; ERR_LAYOUT
 * when the word size is another one. */
enum error sel4_description_apply(const char *text, size_t len, enum sel4_arch arch,
                                  struct sel4_block *block, sel4_tell tell, void *ctx,
                                  struct sel4_description *out);

#endif
