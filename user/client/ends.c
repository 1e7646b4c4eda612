/* With a resource server, to the end of what a client may have: handles and ASIDs (memory: served.c).
 * Its neighbours must not notice. */
#include "user/client/client.h"

enum {
    PAGES_OF_TABLE = 256,
    MAX_TABLES = 128,
    MAX_DIRECTORIES = 1100,
    ASIDS_OF_POOL = 1024,
    MANY = 600, /* mappings that need handles which idle ones hold */
    LARGE_RUN = 256,
    SECRET = 0x5ec7e7,
};

static word_t tables[MAX_TABLES], table_count;

static vaddr_t place(word_t i)
{
    return ENDS_VADDR + i * PAGE;
}

/* Maps the frame at the i-th place, in a table that is made when it is missing. */
static enum resource_result map_at(word_t frame, word_t i)
{
    word_t t = i / PAGES_OF_TABLE;
    if (t == table_count) {
        enum resource_result r =
            ask(RESOURCE_OBJECT, 3, RESOURCE_TABLE, RESOURCE_OWN_SPACE, place(i));
        if (r != RESOURCE_OK)
            return r;
        tables[table_count++] = answer[0];
    }
    return map(frame, tables[t], RW, place(i));
}

static bool tables_go(void)
{
    bool gone = true;
    while (table_count > 0)
        gone &= give_back(tables[--table_count]) == RESOURCE_OK;
    return gone;
}

/* One frame in so many places that no handle is left, and out of all of them again: the server keeps
 * what it made for the frame's next mapping. */
static void use_up_handles(word_t frame)
{
    enum resource_result r = RESOURCE_OK;
    word_t n = 0;
    while (n < MAX_TABLES * PAGES_OF_TABLE && (r = map_at(frame, n)) == RESOURCE_OK)
        n++;
    claim("handles end with a refusal", r == RESOURCE_QUOTA && n > ALL_HANDLES / 4);
    claim("the last of so many mappings is one", *(volatile word_t *)place(n - 1) == 0);
    claim("all of them end with their tables", tables_go());
}

static bool map_many(word_t frame)
{
    bool mapped = true;
    for (word_t i = 0; i < MANY; i++)
        mapped &= map_at(frame, i) == RESOURCE_OK;
    return mapped;
}

static void try_handles(void)
{
    word_t frame = frames(SOME_FRAMES), other = frame + 1;
    use_up_handles(frame);
    claim("another frame can be mapped then as often as it likes", map_many(other));
    *(volatile word_t *)place(0) = SECRET;
    claim("everywhere it is that frame", *(volatile word_t *)place(MANY - 1) == SECRET);
    tables_go();
    use_up_handles(frame);
    claim("and a large run of frames can be had", frames(LARGE_RUN) != 0);
    claim("no mapping names another page",
          map_at(other, 0) == RESOURCE_OK && map_at(frame, 1) == RESOURCE_OK &&
              *(volatile word_t *)place(0) == SECRET && *(volatile word_t *)place(1) == 0);
    tables_go();
}

/* One has been in use since a thread ran there. They stay: another client must have ASIDs of its own. */
static void try_asids(void)
{
    static word_t directory[MAX_DIRECTORIES];
    word_t n = 0;
    while (n < MAX_DIRECTORIES && (directory[n] = object(RESOURCE_DIRECTORY, 0, 0)) != 0)
        n++;
    claim("directories end with the ASIDs of its pool", n == ASIDS_OF_POOL - 1);
    claim("and go on ending there",
          ask(RESOURCE_OBJECT, 3, RESOURCE_DIRECTORY, 0, 0) == RESOURCE_QUOTA &&
              ask(RESOURCE_OBJECT, 3, RESOURCE_DIRECTORY, 0, 0) == RESOURCE_QUOTA);
    claim("one that is given back can be had again, and works",
          give_back(directory[7]) == RESOURCE_OK &&
              (directory[7] = object(RESOURCE_DIRECTORY, 0, 0)) != 0 &&
              object(RESOURCE_TABLE, directory[7], ENDS_VADDR) != 0);
}

void try_ends(void)
{
    try_handles();
    try_asids();
}
