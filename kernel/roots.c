/* kernel_roots: the addresses that a reader of this kernel's memory starts from.
 *
 * Relies on struct kernel being at its final place; the debug build adds its own part through
 * debug_roots(). */
#include "kernel/roots.h"

#include "kernel/arch.h"
#include "kernel/board.h"
#include "kernel/debug.h"

_Static_assert(offsetof(struct kernel, ready_bits) ==
                       offsetof(struct kernel, ready_top) + sizeof(word_t) &&
                   sizeof(ks.ready_bits) == (READY_BIT_WORDS - 1) * sizeof(word_t),
               "roots.h has them in a row");

#ifndef CAPSCOPE_BUILD
#define CAPSCOPE_BUILD "unnamed"
#endif

static void roots_text(char *to, size_t size, const char *from)
{
    size_t n = 0;
    for (; n + 1 < size && from[n] != 0; n++)
        to[n] = from[n];
    memset(to + n, 0, size - n);
}

void roots_fill(struct kernel_roots *r, paddr_t start, paddr_t end)
{
    memset(r, 0, sizeof(*r));
    r->version = ROOTS_VERSION;
    r->layout = LAYOUT_HASH;
    r->size = sizeof(*r);
    r->phys_offset = KERNEL_PHYS_OFFSET;
    r->ram_base = board.ram_base;
    r->ram_size = board.ram_size;
    r->alias_start = board.ram_base + board.ram_size;
    r->alias_end = board.ram_alias_end;
    r->kernel_start = start;
    r->kernel_end = end;
    r->cdt_head = kaddr_of(&ks.cdt_head);
    r->ready_queues = kaddr_of(ks.ready);
    r->ready_bits = kaddr_of(&ks.ready_top);
    r->current = kaddr_of(&ks.current);
    r->root_thread = kaddr_of(&ks.root_thread);
    r->idle_thread = kaddr_of(&ks.idle);
    r->asid_table = kaddr_of(ks.asid_table);
    r->irq_state = kaddr_of(ks.irq_state);
    r->irq_slots = kaddr_of(ks.irq_slots);
    r->kernel_pd = arch_kernel_pd();
    r->ticks = kaddr_of(&ks.ticks);
    r->globals_frame = arch_globals_frame();
    roots_text(r->board, sizeof(r->board), board.name);
    roots_text(r->build, sizeof(r->build), CAPSCOPE_BUILD);
    debug_roots(r);
    r->magic[0] = ROOTS_MAGIC_0;
    r->magic[1] = ROOTS_MAGIC_1;
    r->check = 0 - roots_sum(r);
}
