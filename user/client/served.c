/* With a resource server: the program has no memory, it asks, and must not get what is not its. */
#include "user/client/client.h"

enum {
    FREE_SLOT = 40,
    MAP_VADDR = 0x40000000,
    WILD = 0x40080000,
    STACK_VADDR = 0x50000000,
    HANDLES_TRIED = 2048,
    STRIDE = 7,
    MAX_RUNS = 1024,
    ROUNDS_A_LINE = 1024,
};

static void try_mapping(word_t frame)
{
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    claim("a frame it asked for is mapped and clear", table && reads(frame, table, MAP_VADDR));
    word_t mapping = answer[0];
    claim("a frame in use is not taken back", give_back(frame) == RESOURCE_BUSY);
    claim("a mapping can be made read-only",
          ask(RESOURCE_PROTECT, 2, mapping, RESOURCE_READ, 0) == RESOURCE_OK);
    claim("and taken back once", ask(RESOURCE_UNMAP, 1, mapping, 0, 0) == RESOURCE_OK &&
                                     ask(RESOURCE_UNMAP, 1, mapping, 0, 0) == RESOURCE_HANDLE);
    claim("a table goes back", give_back(table) == RESOURCE_OK);
}

/* Mappings end with their table; the frame can be mapped where it was and elsewhere. */
static void try_table(word_t frame)
{
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    bool mapped = reads(frame, table, MAP_VADDR);
    word_t mapping = answer[0];
    mapped = mapped && reads(frame + 1, table, MAP_VADDR + PAGE);
    claim("a table takes its mappings along",
          mapped && give_back(table) == RESOURCE_OK &&
              ask(RESOURCE_UNMAP, 1, mapping, 0, 0) == RESOURCE_HANDLE);
    table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    claim("the pages are mapped again, in their places and in each other's",
          reads(frame, table, MAP_VADDR) && reads(frame + 1, table, MAP_VADDR + 2 * PAGE) &&
              reads(frame, table, MAP_VADDR + PAGE));
    claim("and are free when the table is gone", give_back(table) == RESOURCE_OK);
}

static void try_refusals(word_t frame)
{
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    claim("a misaligned address is refused",
          map(frame, table, RW, MAP_VADDR + 4) == RESOURCE_ADDRESS);
    claim("an address of another table's is refused",
          map(frame, table, RW, MAP_VADDR - PAGE) == RESOURCE_ADDRESS &&
              map(frame, table, RW, 0xf0000000u) == RESOURCE_ADDRESS);
    claim("a table of the kernel's addresses is refused",
          ask(RESOURCE_OBJECT, 3, RESOURCE_TABLE, RESOURCE_OWN_SPACE, 0xf0000000u) ==
              RESOURCE_ADDRESS);
    claim("a frame is no table", map(frame, frame, RW, MAP_VADDR) == RESOURCE_HANDLE);
    claim("a frame is no thread", ask(RESOURCE_THREAD_RESUME, 1, frame, 0, 0) == RESOURCE_HANDLE);
    claim("a request nobody knows is refused", ask(99, 4, 1, 2, 3) == RESOURCE_UNKNOWN);
    claim("a request that is too short is refused",
          ask(RESOURCE_MAP, 2, frame, RW, MAP_VADDR) == RESOURCE_UNKNOWN);
    claim("an impossible handle is refused", give_back(0xffffffffu) == RESOURCE_HANDLE);
    give_back(table);
}

/* Of all handles, those that can be freed as in use or mapped are this program's: its image's, and
 * the frames it asked for. */
static void try_strangers(word_t frame)
{
    ask(RESOURCE_INFO, 0, 0, 0, 0);
    word_t image = answer[3], stolen = 0;
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    for (word_t h = 1; h < ALL_HANDLES; h += h < HANDLES_TRIED ? 1 : STRIDE) {
        bool own = (h >= frame && h < frame + SOME_FRAMES) || (h >= image && h < image + 64);
        if (own || h == table)
            continue;
        if (map(h, table, RW, MAP_VADDR) != RESOURCE_HANDLE || give_back(h) != RESOURCE_HANDLE)
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
    word_t program = object(RESOURCE_TABLE, space, 0);
    word_t high = object(RESOURCE_TABLE, space, STACK_VADDR);
    for (word_t i = 0; i < pages; i++)
        map(image + i, program, RESOURCE_READ, (vaddr_t)image_start + i * PAGE);
    map(stack, high, RW, STACK_VADDR);
}

static enum resource_result start(word_t thread, vaddr_t pc, vaddr_t sp)
{
    struct ipc_regs r = ipc_call(HANDOVER_RESOURCES, msginfo_make(RESOURCE_THREAD_WRITE, 0, 0, 4),
                                 (const word_t[4]){thread, 1 << 8 | 2, pc, sp});
    return (enum resource_result)msginfo_label(r.tag);
}

static void try_thread(word_t stack)
{
    word_t space = object(RESOURCE_DIRECTORY, 0, 0), badge = answer[1];
    word_t thread = object(RESOURCE_THREAD, 0, 0);
    map_program(space, stack);
    claim("a thread gets a directory of the program's own only",
          ask(RESOURCE_THREAD_SPACE, 2, thread, stack, 0) == RESOURCE_HANDLE &&
              ask(RESOURCE_THREAD_SPACE, 2, thread, space, 0) == RESOURCE_OK);
    claim("it starts", start(thread, (vaddr_t)thread_program, STACK_VADDR + PAGE) == RESOURCE_OK);
    try_thread_faults(WILD, badge);
    claim("its registers can be read",
          ask(RESOURCE_THREAD_READ, 2, thread, 1 << 8 | 4, 0) == RESOURCE_OK &&
              answer[1] > STACK_VADDR && answer[1] <= STACK_VADDR + PAGE);
    word_t other = object(RESOURCE_DIRECTORY, 0, 0);
    claim("another directory's threads have another badge",
          badge > HANDOVER_BADGE_FAULT && answer[1] > HANDOVER_BADGE_FAULT && answer[1] != badge &&
              give_back(other) == RESOURCE_OK);
    claim("a directory in use is not taken back", give_back(space) == RESOURCE_BUSY);
    claim("the thread is", give_back(thread) == RESOURCE_OK);
}

/* All there is, and back again; what other kinds of objects had is there for frames. */
static void try_quota(void)
{
    static word_t runs[MAX_RUNS];
    word_t before = left(), n = 0;
    while (n < MAX_RUNS && (runs[n] = frames(SOME_FRAMES)) != 0)
        n++;
    claim("its memory ends with a refusal, and not before the server said",
          n * SOME_FRAMES * PAGE == before &&
              ask(RESOURCE_FRAMES, 1, SOME_FRAMES, 0, 0) == RESOURCE_MEMORY && left() == 0);
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
    try_table(frame);
    try_refusals(frame);
    try_strangers(frame);
    try_thread(frame + 1);
    try_quota();
}

void be_served(void)
{
    word_t run = frames(SOME_FRAMES);
    for (word_t k = 0; k < SOME_FRAMES; k++)
        give_back(run + k);
}

/* Some frames come and go, and a page that it kept is still its. */
static bool round_of_requests(word_t before, word_t number)
{
    volatile word_t *kept = (volatile word_t *)MAP_VADDR;
    word_t run = frames(SOME_FRAMES);
    bool held = run != 0 && *kept == number;
    for (word_t k = 0; k < SOME_FRAMES; k++)
        held &= give_back(run + k) == RESOURCE_OK;
    *kept = number + 1;
    return held && left() == before;
}

_Noreturn void be_served_on(void)
{
    word_t table = object(RESOURCE_TABLE, RESOURCE_OWN_SPACE, MAP_VADDR);
    word_t frame = frames(SOME_FRAMES), before = left(), number = 0;
    claim("it keeps a page", reads(frame, table, MAP_VADDR));
    for (;; number++) {
        if (!round_of_requests(before, number))
            claim("it is served on", false);
        if (number % ROUNDS_A_LINE == 0)
            user_print("%s: served on\n", given->text);
    }
}
