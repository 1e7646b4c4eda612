/* The vocabulary of capDL (arch arm11): names of objects, parameters of capabilities.
 *
 * One spelling for every dump of a kernel, on the target and on the host, so that two dumps can be
 * compared.  Names are made of type and physical address: they begin with a letter, as the grammar
 * demands, and say nothing that a target chose. */
#ifndef CAPSCOPE_RECORD_CAPDL_H
#define CAPSCOPE_RECORD_CAPDL_H

#include "record/record.h"

/* Of arm11: an ASID is split into (high, low), low having so many bits; entries of a page table. */
enum { CAPDL_ASID_LOW_BITS = 10, CAPDL_TABLE_ENTRIES = 256 };
enum { CAPDL_NAME = 24, CAPDL_PARAMETERS = 48 }; /* bytes that every result fits in */

/* Is there an object that capDL has a word for?  `type`: enum record_cap; replies name their TCB.
 */
bool capdl_is_object(uint32_t type);
/* "cn_80101000", "ut_80100000_16", "irq_27" (of an interrupt handler `object` is the number).
 * Writes to buf and returns it. */
char *capdl_name(char buf[CAPDL_NAME], uint32_t type, record_word_t object, uint32_t bits);
/* "irq_control", "asid_control", "domain", "sched_control"; NULL for types that are not global. */
const char *capdl_global(uint32_t type);
/* "cspace" ... "temp_fault_ep_slot"; "?" beyond. */
const char *capdl_tcb_slot(uint32_t index);
/* "4k", "64k", "1M", "16M" */
const char *capdl_frame_size(uint32_t bits);
/* What stands behind the name in a capability, with the space in front: " (RW)",
 * " (W, badge: 0x7)", " (guard: 0x0, guard_size: 28)"; "" if nothing. Returns buf. */
char *capdl_parameters(char buf[CAPDL_PARAMETERS], const struct record_slot *r);

#endif
