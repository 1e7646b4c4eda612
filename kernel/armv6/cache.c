/* Cache maintenance for users: chooses between lines and the whole cache.
 *
 * A range of a whole cache's size or more is done by cleaning and invalidating the whole cache,
 * which is faster and bounds the time; so is a range outside RAM, which the kernel does not map.
 * Lines that an invalidation would drop may then be written back first: the processor might have
 * evicted them at any time before. */
#include "kernel/arch.h"
#include "kernel/board.h"

void cache_lines_clean(kaddr_t start, kaddr_t end);
void cache_lines_invalidate(kaddr_t start, kaddr_t end);
void cache_lines_clean_invalidate(kaddr_t start, kaddr_t end);
void cache_lines_unify(kaddr_t start, kaddr_t end);
void cache_all_clean_invalidate(void);
void cache_instructions_invalidate(void);

enum { CACHE_SIZE = 16384 };

static bool cache_range_by_line(kaddr_t start, word_t bytes)
{
    kaddr_t offset = start - KERNEL_WINDOW;
    return bytes < CACHE_SIZE && offset < board.ram_size && bytes <= board.ram_size - offset;
}

void arch_cache(enum arch_cache_op op, kaddr_t start, word_t bytes, vaddr_t vaddr)
{
    (void)vaddr; /* physically tagged: the kernel's address of the line will do */
    if (bytes == 0)
        return;
    if (!cache_range_by_line(start, bytes)) {
        cache_all_clean_invalidate();
        if (op == CACHE_UNIFY)
            cache_instructions_invalidate();
        return;
    }
    switch (op) {
    case CACHE_CLEAN:
        cache_lines_clean(start, start + bytes);
        return;
    case CACHE_INVALIDATE:
        cache_lines_invalidate(start, start + bytes);
        return;
    case CACHE_CLEAN_INVALIDATE:
        cache_lines_clean_invalidate(start, start + bytes);
        return;
    case CACHE_UNIFY:
        cache_lines_unify(start, start + bytes);
        return;
    }
}
