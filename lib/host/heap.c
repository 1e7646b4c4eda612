/* The machine hands memory out where it is first touched, 4 KiB at a time, which is a third of the
 * time of a command that takes 20 MiB for a moment.  So the heap is grown at once, which touches
 * nothing, and said to be one of 2 MiB pages; what is freed stays in it for what comes next. */
#include "lib/host/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, STEP = 1 << 20, APART = 16 << 20, GROWN = 64 << 20 };

void heap_in_large_pages(void)
{
    void *volatile grows; /* else the compiler leaves it out */
    mallopt(M_MMAP_THRESHOLD, APART);
    mallopt(M_TRIM_THRESHOLD, 2 * GROWN);
    mallopt(M_TOP_PAD, GROWN);
    uintptr_t begin = ((uintptr_t)sbrk(0) + PAGE - 1) / PAGE * PAGE;
    grows = malloc(STEP);
    free(grows);
    mallopt(M_TOP_PAD, STEP);
    uintptr_t end = (uintptr_t)sbrk(0);
    if (end > begin)
        madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}
