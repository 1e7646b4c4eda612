/* The kernel's window: all of RAM at one offset, found without constants.
 *
 * Any pointer inside a kernel object is an address of the window; the kernel's page table says what
 * it translates to.  A loader that put the kernel elsewhere shows here: the tables are not where
 * the file says they are. */
#include "objwalk/sel4/window.h"

#include <stdio.h>

enum error sel4_window_translate(struct sel4_kernel *k, uint64_t va, uint64_t *pa)
{
    const struct sel4_paging *p = &k->layout.kernel_paging;
    uint64_t table = sel4_memory_physical(&k->memory, k->layout.symbol[SEL4_SYM_KERNEL_TABLE].addr);
    for (unsigned level = 0; level < p->levels; level++) {
        uint8_t bytes[8];
        struct sel4_entry entry;
        uint64_t at = table + (uint64_t)sel4_paging_index(p, level, va) * p->entry_bytes;
        enum error e = sel4_memory_read_physical(&k->memory, at, bytes, p->entry_bytes);
        if (e != ERR_OK)
            return e;
        sel4_paging_decode(p, level, sel4_word(bytes, p->entry_bytes), &entry);
        if (entry.kind == SEL4_ENTRY_NONE)
            return ERR_NOT_FOUND;
        if (entry.kind == SEL4_ENTRY_LEAF) {
            *pa = entry.pa + (va & sel4_mask(entry.bits));
            return ERR_OK;
        }
        table = entry.pa;
    }
    return ERR_NOT_FOUND;
}

enum { POINTERS = 8 + SEL4_PRIORITIES };

/* Pointers of kernel data that may lie in the window: not those into the kernel's own image. */
static void add_pointers(struct sel4_kernel *k, enum sel4_symbol_name s, uint32_t words,
                         uint64_t *out, uint32_t *count)
{
    uint64_t w[SEL4_PRIORITIES];
    uint32_t there = (uint32_t)(k->layout.symbol[s].size / k->layout.word);
    words = words < there ? words : there;
    if (words == 0 || sel4_memory_words(&k->memory, k->layout.symbol[s].addr, w, words) != ERR_OK)
        return;
    for (uint32_t i = 0; i < words && *count < POINTERS; i++) {
        if (w[i] > 1 && w[i] != k->memory.mask)
            out[(*count)++] = w[i];
    }
}

/* Up to 16.0 AArch64, and AArch32 always, have the kernel inside the window: its own pointers do
 * too. Where they are apart, an address of the image is left for last. */
static uint32_t gather(struct sel4_kernel *k, uint64_t *out)
{
    uint32_t count = 0;
    add_pointers(k, SEL4_SYM_CUR_THREAD, 1, out, &count);
    add_pointers(k, SEL4_SYM_ASID_TABLE, SEL4_PRIORITIES, out, &count);
    add_pointers(k, SEL4_SYM_IDLE_THREAD, 1, out, &count);
    for (unsigned n = 0; n < k->layout.nodes && k->layout.options.smp && count < POINTERS; n++) {
        uint64_t at = k->layout.symbol[SEL4_SYM_SMP].addr + k->smp_idle[n] - k->layout.word;
        if (sel4_memory_words(&k->memory, at, &out[count], 1) == ERR_OK)
            count++;
    }
    return count;
}

static bool in_image(const struct sel4_kernel *k, uint64_t va)
{
    return sel4_memory_in_kernel(&k->memory, va);
}

static bool try_pointers(struct sel4_kernel *k, const uint64_t *pointer, uint32_t count, bool image)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t pa = 0;
        if (in_image(k, pointer[i]) != image || sel4_window_translate(k, pointer[i], &pa) != ERR_OK)
            continue;
        k->memory.offset = (pointer[i] - pa) & k->memory.mask;
        return true;
    }
    return false;
}

enum error sel4_window_find(struct sel4_kernel *k, char *why)
{
    uint64_t pointer[POINTERS];
    uint32_t count = gather(k, pointer);
    if (try_pointers(k, pointer, count, false) || try_pointers(k, pointer, count, true))
        return ERR_OK;
    if (k->memory.error != ERR_OK)
        return k->memory.error;
    (void)snprintf(why, SEL4_WHY,
                   "its page table does not say where it sees RAM: it has not booted yet, or was "
                   "loaded elsewhere than its program headers say");
    return ERR_NO_ROOTS;
}
