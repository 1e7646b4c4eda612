/* What capDL calls things on each architecture that seL4 runs on: the word behind `arch`, translation
 * tables by how far they stand above pages, how an ASID is split, sizes of objects. */
#ifndef CAPSCOPE_CAPDB_CAPDL_ARCH_H
#define CAPSCOPE_CAPDB_CAPDL_ARCH_H

#include "capstate/capstate.h"
#include "record/capdl.h"

#include <stdio.h>

enum { CAPDL_LEVELS = 4 };

struct capdl_arch {
    const char *word;
    const char *table[CAPDL_LEVELS]; /* of an object by levels below it; NULL: there is none */
    uint32_t index_bits;             /* of a table that is not a root: log2 of its entries */
    uint32_t asid_low_bits;
    uint32_t root_level; /* where no record of the root tells another */
    /* of a specification that is read */
    uint32_t architecture, kernel; /* enum record_architecture, enum record_kernel */
    uint32_t word_bits, slot_bits, address_bits;
    uint32_t tcb_bits, notification_bits, reply_bits;
    uint64_t frames; /* sizes, a sum */
};

/* Never NULL. capDL knows AArch32 as arm11. */
const struct capdl_arch *capdl_arch_of(const struct capstate *s);
/* By the word behind `arch`; NULL: it is read of none such. */
const struct capdl_arch *capdl_arch_named(const char *word);

/* Of a translation table: levels below it, and the entry of it that translates an address. */
uint32_t capdl_level(const struct capstate *s, const struct capstate_object *table);
uint32_t capdl_entry_of(const struct capstate *s, const struct capstate_object *table,
                        uint64_t vaddr);
/* "pt", "pgd"; NULL for a level that the architecture has not. */
const char *capdl_table_word(const struct capstate *s, const struct capstate_object *table);
bool capdl_is_table(uint32_t type);

/* The name of any object, buf returned. */
const char *capdl_object_name(const struct capstate *s, const struct capstate_object *o,
                              char buf[CAPDL_NAME]);

/* "4k", "2M" */
void capdl_put_frame_size(FILE *f, uint32_t bits);
/* What stands behind the name in a capability; see capdl_parameters(). */
void capdl_cap_parameters(const struct capstate *s, const struct record_slot *r,
                          char buf[CAPDL_PARAMETERS]);

/* May this slot of a TCB hold a capability of this type? */
bool capdl_tcb_slot_takes(uint32_t index, uint32_t type);

#endif
