/* A mainline kernel that runs: its file, its layout, and its memory through a port.
 *
 *   sel4_kernel_open()     the file alone, before anything is asked of the target
 *   sel4_kernel_attach()   is it this kernel, has it booted, where does it see RAM?
 *   sel4_walk()            walk.h, as often as wanted */
#ifndef CAPSCOPE_OBJWALK_SEL4_KERNEL_H
#define CAPSCOPE_OBJWALK_SEL4_KERNEL_H

#include "objwalk/sel4/layout.h"
#include "objwalk/sel4/memory.h"

struct sel4_kernel {
    struct sel4_image image;
    struct sel4_layout layout;
    struct sel4_memory memory;
    uint32_t smp_idle[SEL4_NODES]; /* of each node, where ksSMP names its idle thread */
};

/* `description` (NULL: none): text of structures.bf.pbf. On failure `why` (SEL4_WHY bytes) is one
 * clause about the file. */
enum error sel4_kernel_open(struct sel4_kernel *k, const char *path, const char *description,
                            size_t description_bytes, char *why);
/* The same with an image that is open already; it belongs to the kernel, also on failure. */
enum error sel4_kernel_take(struct sel4_kernel *k, struct sel4_image image, const char *description,
                            size_t description_bytes, char *why);
void sel4_kernel_close(struct sel4_kernel *k);

/* Compares code, finds the window, waits for nothing. The port must outlive the kernel.
 * ERR_REFUSED: another kernel runs; ERR_NO_ROOTS: it has not booted; ERR_READ; with one sentence in
 * `why`. May be called again. */
enum error sel4_kernel_attach(struct sel4_kernel *k, const struct sel4_port *port, char *why);

/* Is code at this address where capability state is whole: in user mode, at the beginning of an
 * exception vector, or in the idle thread? */
bool sel4_kernel_is_quiet(const struct sel4_kernel *k, uint64_t pc);
/* Is it where the kernel, done with everything, goes back to user mode? */
bool sel4_kernel_leaves(const struct sel4_kernel *k, uint64_t pc);
/* Is this an address of user mode? */
bool sel4_kernel_is_user(const struct sel4_kernel *k, uint64_t pc);

#endif
