/* A hosted program whose image has more pages than its resource manager has slots: it tells whether
 * all of them are there, clear and its own, and asks to be off. */
#include "user/lib/handover.h"
#include "user/lib/user.h"

enum { PAGES = 5000, WORDS = 1024, DEPTH = 32 };

static volatile word_t heap[PAGES * WORDS];

static word_t clear_pages(void)
{
    word_t clear = 0;
    for (word_t i = 0; i < PAGES; i++) {
        clear += heap[i * WORDS] == 0;
        heap[i * WORDS] = i + 1;
    }
    return clear;
}

static word_t own_pages(void)
{
    word_t own = 0;
    for (word_t i = 0; i < PAGES; i++)
        own += heap[i * WORDS] == i + 1;
    return own;
}

/* Capabilities to frames lie where BootInfo says: each can be copied. */
static word_t frames(const struct bootinfo *info)
{
    word_t count = 0;
    for (cptr_t c = info->user_image_frames.start; c < info->user_image_frames.end; c++) {
        count += cnode_copy(INIT_CNODE, info->empty.start, DEPTH, INIT_CNODE, c, DEPTH,
                            RIGHT_READ) == SEL4_NO_ERROR;
        user_check(cnode_delete(INIT_CNODE, info->empty.start, DEPTH));
    }
    return count;
}

void user_main(const struct bootinfo *info)
{
    const struct handover *given = (const struct handover *)((vaddr_t)info + 4096);
    if (info->extra_len < sizeof(*given) || given->id != HANDOVER_ID)
        user_fail("large: nothing was handed over");
    word_t clear = clear_pages();
    word_t image = ((word_t)image_end - (word_t)image_start) >> 12;
    user_print("large: %u pages were clear, %u are its own, it holds %s of its image\n", clear,
               own_pages(), frames(info) == image ? "each" : "not each");
    ipc_call(HANDOVER_MANAGER, msginfo_make(MANAGER_POWER_OFF, 0, 0, 1), (const word_t[4]){0});
}
