/* With a resource server: the program has no memory, it asks, and must not get what is not its. */
#include "user/client/client.h"

enum {
    PAGE = 4096,
    FREE_SLOT = 40,
    MAP_VADDR = 0x40000000,
    WILD = 0x40080000,
    STACK_VADDR = 0x50000000,
    SOME_FRAMES = 16,
    HANDLES_TRIED = 4096,
    MAX_RUNS = 64,
    RW = RESOURCE_READ | RESOURCE_WRITE,
};

static word_t answer[MSG_REGISTERS];

static enum resource_result ask(enum resource_request what, word_t words, word_t w0, word_t w1,
                                word_t w2)
{
    struct ipc_regs r = ipc_call(HANDOVER_RESOURCES, msginfo_make(what, 0, 0, words),
                                 (const word_t[4]){w0, w1, w2});
    for (word_t i = 0; i < MSG_REGISTERS; i++)
        answer[i] = r.mr[i];
    return (enum resource_result)msginfo_label(r.tag);
}

static word_t left(void)
{
    ask(RESOURCE_INFO, 0, 0, 0, 0);
    return answer[1];
}

static word_t frames(word_t count)
{
    return ask(RESOURCE_FRAMES, 1, count, 0, 0) == RESOURCE_OK ? answer[0] : 0;
}

static word_t object(enum resource_kind kind, word_t space, vaddr_t vaddr)
{
    return ask(RESOURCE_OBJECT, 3, kind, space, vaddr) == RESOURCE_OK ? answer[0] : 0;
}

static enum resource_result map(word_t frame, word_t space, word_t rights, vaddr_t vaddr)
{
    return ask(RESOURCE_MAP, 3, frame, space << 16 | rights, vaddr);
}

static enum resource_result give_back(word_t handle)
{
    return ask(RESOURCE_FREE, 1, handle, 0, 0);
}

static void try_mapping(word_t frame)
{
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    bool mapped = map(frame, RESOURCE_OWN_SPACE, RW, MAP_VADDR) == RESOURCE_OK;
    word_t mapping = answer[0];
    claim("a frame it asked for is mapped and clear",
          table && mapped && *(volatile word_t *)MAP_VADDR == 0);
    claim("a frame in use is not taken back", give_back(frame) == RESOURCE_BUSY);
    claim("a mapping can be made read-only",
          ask(RESOURCE_PROTECT, 2, mapping, RESOURCE_READ, 0) == RESOURCE_OK);
    claim("and taken back once", ask(RESOURCE_UNMAP, 1, mapping, 0, 0) == RESOURCE_OK &&
                                     ask(RESOURCE_UNMAP, 1, mapping, 0, 0) == RESOURCE_HANDLE);
    claim("a table goes back", give_back(table) == RESOURCE_OK);
}

static void try_refusals(word_t frame)
{
    claim("a misaligned address is refused",
          map(frame, RESOURCE_OWN_SPACE, RW, MAP_VADDR + 4) == RESOURCE_ADDRESS);
    claim("an address of the kernel's is refused",
          map(frame, RESOURCE_OWN_SPACE, RW, 0xf0000000u) == RESOURCE_ADDRESS);
    claim("a frame is no directory", map(frame, frame, RW, MAP_VADDR) == RESOURCE_HANDLE);
    claim("a frame is no thread", ask(RESOURCE_THREAD_RESUME, 1, frame, 0, 0) == RESOURCE_HANDLE);
    claim("a request nobody knows is refused", ask(99, 4, 1, 2, 3) == RESOURCE_UNKNOWN);
    claim("a request that is too short is refused",
          ask(RESOURCE_MAP, 2, frame, RW, MAP_VADDR) == RESOURCE_UNKNOWN);
    claim("an impossible handle is refused", give_back(0xffffffffu) == RESOURCE_HANDLE);
}

/* Of all handles, those that can be freed as in use or mapped are this program's: its image's, and
 * the frames it asked for. */
static void try_strangers(word_t frame)
{
    ask(RESOURCE_INFO, 0, 0, 0, 0);
    word_t image = answer[3], stolen = 0;
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    for (word_t h = 1; h < HANDLES_TRIED; h++) {
        bool own = (h >= frame && h < frame + SOME_FRAMES) || (h >= image && h < image + 64);
        if (own || h == table)
            continue;
        if (map(h, RESOURCE_OWN_SPACE, RW, MAP_VADDR) != RESOURCE_HANDLE ||
            give_back(h) != RESOURCE_HANDLE)
            stolen++;
    }
    claim("no handle but its own is taken from it", stolen == 0);
    give_back(table);
}

/* The program's pages, the stack and the thread in a directory of their own. */
static void map_program(word_t space, word_t stack)
{
    word_t pages = ((word_t)image_end - (word_t)image_start) / PAGE;
    ask(RESOURCE_INFO, 0, 0, 0, 0);
    word_t image = answer[3];
    object(RESOURCE_TABLE, space, 0);
    object(RESOURCE_TABLE, space, STACK_VADDR);
    for (word_t i = 0; i < pages; i++)
        map(image + i, space, RESOURCE_READ, (vaddr_t)image_start + i * PAGE);
    map(stack, space, RW, STACK_VADDR);
}

static enum resource_result start(word_t thread, vaddr_t pc, vaddr_t sp)
{
    struct ipc_regs r = ipc_call(HANDOVER_RESOURCES, msginfo_make(RESOURCE_THREAD_WRITE, 0, 0, 4),
                                 (const word_t[4]){thread, 1 << 8 | 2, pc, sp});
    return (enum resource_result)msginfo_label(r.tag);
}

static void try_thread(word_t stack)
{
    word_t space = object(RESOURCE_DIRECTORY, 0, 0), thread = object(RESOURCE_THREAD, 0, 0);
    map_program(space, stack);
    claim("a thread gets a directory of the program's own only",
          ask(RESOURCE_THREAD_SPACE, 2, thread, stack, 0) == RESOURCE_HANDLE &&
              ask(RESOURCE_THREAD_SPACE, 2, thread, space, 0) == RESOURCE_OK);
    claim("it starts", start(thread, (vaddr_t)thread_program, STACK_VADDR + PAGE) == RESOURCE_OK);
    try_thread_faults(WILD);
    claim("its registers can be read",
          ask(RESOURCE_THREAD_READ, 2, thread, 1 << 8 | 4, 0) == RESOURCE_OK &&
              answer[1] > STACK_VADDR && answer[1] <= STACK_VADDR + PAGE);
    claim("a directory in use is not taken back", give_back(space) == RESOURCE_BUSY);
    claim("the thread is", give_back(thread) == RESOURCE_OK);
}

/* All there is, and back again. */
static void try_quota(void)
{
    word_t before = left(), runs[MAX_RUNS], n = 0;
    while (n < MAX_RUNS && (runs[n] = frames(SOME_FRAMES)) != 0)
        n++;
    enum resource_result end = ask(RESOURCE_FRAMES, 1, SOME_FRAMES, 0, 0);
    claim("its memory ends with a refusal",
          n > 0 && n < MAX_RUNS && (end == RESOURCE_MEMORY || end == RESOURCE_QUOTA));
    for (word_t i = 0; i < n; i++)
        for (word_t k = 0; k < SOME_FRAMES; k++)
            give_back(runs[i] + k);
    claim("what it gives back it has again", left() == before && frames(SOME_FRAMES) != 0);
}

void try_served(void)
{
    claim("it holds no memory and no way to objects",
          untyped_retype(FREE_SLOT, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, FREE_SLOT, 1) != 0 &&
              tcb_suspend(INIT_TCB) != SEL4_NO_ERROR);
    word_t frame = frames(SOME_FRAMES);
    claim("it is given frames", frame != 0);
    try_mapping(frame);
    try_refusals(frame);
    try_strangers(frame);
    try_thread(frame + 1);
    try_quota();
}
