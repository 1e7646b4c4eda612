/* Rows of the built-in tables. Private to blocks.c and block_tables.c. */
#ifndef CAPSCOPE_OBJWALK_SEL4_BLOCK_ROWS_H
#define CAPSCOPE_OBJWALK_SEL4_BLOCK_ROWS_H

#include "objwalk/sel4/blocks.h"

#include <stddef.h>

/* Stand in `sign` of a row and are replaced when it is taken into a table. */
enum {
    SEL4_ADAPT = 0xf0,
    SEL4_ADAPT_POINTER = SEL4_ADAPT,
    SEL4_ADAPT_UPPER,
    SEL4_ADAPT_UPPER_POINTER
};

struct sel4_row {
    uint8_t kind; /* enum sel4_block_kind */
    uint16_t tag;
    struct sel4_field field[SEL4_BLOCK_FIELDS];
};

struct sel4_rows {
    const struct sel4_row *row;
    size_t count;
};

extern const struct sel4_rows sel4_rows_common_64;
extern const struct sel4_rows sel4_rows_mcs_64;
extern const struct sel4_rows sel4_rows_aarch64;
extern const struct sel4_rows sel4_rows_aarch64_four_tables;
extern const struct sel4_rows sel4_rows_riscv64;
extern const struct sel4_rows sel4_rows_x86_64;
extern const struct sel4_rows sel4_rows_aarch32;
extern const struct sel4_rows sel4_rows_mcs_32;

#endif
