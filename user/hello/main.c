/* The smallest root task: says who it is and prints its BootInfo, for bringing up a kernel. */
#include "user/lib/user.h"

static void print_region(const char *name, struct slot_region r)
{
    user_print("hello: %s %u..%u\n", name, r.start, r.end);
}

void user_main(const struct bootinfo *info)
{
    user_print("hello: bootinfo 0x%x ipc buffer 0x%x\n", (word_t)info, info->ipc_buffer);
    print_region("empty", info->empty);
    print_region("user_image_frames", info->user_image_frames);
    print_region("user_image_paging", info->user_image_paging);
    print_region("extra_bi_pages", info->extra_bi_pages);
    print_region("untyped", info->untyped);
    for (word_t i = 0; i < info->untyped.end - info->untyped.start; i++)
        user_print("hello: untyped %08x:%u%s\n", info->untyped_list[i].paddr,
                   info->untyped_list[i].size_bits,
                   info->untyped_list[i].is_device ? " device" : "");
    user_print("hello: done\n");
}
