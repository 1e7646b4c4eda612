/* Struct members, sizes and enumerations out of a kernel's DWARF; by libdw.
 *
 * Debug kernels carry DWARF in one compilation unit. Structures of the kernel are found by their
 * name, or by that of a typedef to them. Bit fields are not in there: they are words. */
#ifndef CAPSCOPE_OBJWALK_SEL4_DWARF_H
#define CAPSCOPE_OBJWALK_SEL4_DWARF_H

#include "objwalk/sel4/image.h"

struct sel4_dwarf;

/* NULL: the image has no DWARF that could be read, or no memory. The image must stay open. */
struct sel4_dwarf *sel4_dwarf_open(const struct sel4_image *m);
void sel4_dwarf_close(struct sel4_dwarf *d);

/* false: no such structure, member, enumerator. */
bool sel4_dwarf_size(struct sel4_dwarf *d, const char *structure, uint64_t *bytes);
bool sel4_dwarf_member(struct sel4_dwarf *d, const char *structure, const char *member,
                       uint64_t *offset);
bool sel4_dwarf_enumerator(struct sel4_dwarf *d, const char *name, uint64_t *value);
/* Every enumerator of the kernel, of whatever enumeration. */
typedef void sel4_dwarf_visit(void *ctx, const char *name, uint64_t value);
void sel4_dwarf_enumerators(struct sel4_dwarf *d, sel4_dwarf_visit *visit, void *ctx);

/* Where code of an inlined copy of a function begins; fills at most `room`, returns how many there
 * are. */
uint32_t sel4_dwarf_inlined(struct sel4_dwarf *d, const char *function, uint64_t *pc,
                            uint32_t room);

#endif
