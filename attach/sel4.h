/* Mainline seL4 behind the gdb and ram doors: chosen by naming the kernel's ELF file.
 *
 * The choice holds for all targets that the program opens from then on: a program looks at one kind
 * of kernel.  Targets that are no memory (monitor doors) are refused then. */
#ifndef CAPSCOPE_ATTACH_SEL4_H
#define CAPSCOPE_ATTACH_SEL4_H

#include <stdbool.h>

struct attach_ops;

/* `kernel`: path of kernel.elf, NULL: capscope's kernel, as without this call. `layout`: path of
 * the build's structures.bf.pbf, NULL: none. The strings must stay. */
void attach_use_kernel(const char *kernel, const char *layout);
bool attach_uses_kernel(void);
/* What there is to say of the layout of the kernel that was opened last, in sentences: where a
 * description differs from the built-in tables. NULL: no more. */
const char *attach_kernel_note(unsigned i);

extern const struct attach_ops attach_sel4_gdb_ops;
extern const struct attach_ops attach_sel4_ram_ops;
extern const struct attach_ops attach_sel4_refuse_ops; /* for doors that show no memory */

#endif
