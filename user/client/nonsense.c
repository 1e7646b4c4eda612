/* Requests at random: numbers that were never given, that were given for something else, or that were
 * given back. Whatever the server makes of them, in the end everything can be given back, and then
 * all is there that was there before: nothing was lost, nothing was counted twice. */
#include "user/client/client.h"

enum {
    REQUESTS = 12000,
    SPACES_VADDR = 0x70000000,
    KNOWN = 64, /* handles that it plays with */
};

static word_t seed = 0x13579bdf;
static word_t known[KNOWN];

static word_t any(word_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

/* Mostly one that was given at some time. */
static word_t any_handle(void)
{
    switch (any(12)) {
    case 0:
        return any(ALL_HANDLES);
    case 1:
        return any(2) ? 0 : ~any(4);
    default:
        return known[any(KNOWN)];
    }
}

static vaddr_t any_place(void)
{
    vaddr_t place = SPACES_VADDR + any(4) * SECTION + any(4) * PAGE;
    return any(16) == 0 ? place + any(PAGE) : place;
}

static word_t any_word(void)
{
    switch (any(4)) {
    case 0:
        return any_place();
    case 1:
        return any_handle() << 16 | any(8);
    case 2:
        return any(32);
    default:
        return any_handle();
    }
}

/* Threads of nonsense must not run: they would take the processor. */
static bool is_harmless(word_t what)
{
    return what != RESOURCE_THREAD_RESUME && what != RESOURCE_THREAD_WRITE;
}

static void ask_nonsense(void)
{
    word_t what = any(18), words = any(8) == 0 ? any(4) : 3;
    word_t w0 = any_handle(), w1 = any_word(), w2 = any_word();
    if (what == RESOURCE_FRAMES)
        w0 = any(4) == 0 ? any_word() : 16;
    if (what == RESOURCE_OBJECT) {
        w0 = any(RESOURCE_KINDS + 1);
        w1 = any(2) ? RESOURCE_OWN_SPACE : any_handle();
        w2 &= ~(word_t)(SECTION - 1) | any(2) << 13;
    }
    if (is_harmless(what) && ask((enum resource_request)what, words, w0, w1, w2) == RESOURCE_OK &&
        (what == RESOURCE_FRAMES || what == RESOURCE_OBJECT || what == RESOURCE_MAP))
        known[any(KNOWN)] = answer[0];
}

/* Whatever it holds; what others need goes only after them, so it takes two times. */
static void give_all_back(void)
{
    for (word_t time = 0; time < 2; time++)
        for (word_t h = 1; h < ALL_HANDLES; h++)
            if (give_back(h) == RESOURCE_BUSY)
                ask(RESOURCE_UNMAP, 1, h, 0, 0);
}

/* Mappings first: a frame in use is not taken back. */
static void unmap_all(void)
{
    for (word_t h = 1; h < ALL_HANDLES; h++)
        ask(RESOURCE_UNMAP, 1, h, 0, 0);
}

static word_t frames_in_use(void)
{
    ask(RESOURCE_INFO, 0, 0, 0, 0);
    return answer[2];
}

void try_nonsense(void)
{
    unmap_all();
    give_all_back();
    word_t before = left();
    claim("everything can be given back", frames_in_use() == 0);
    for (word_t i = 0; i < REQUESTS; i++)
        ask_nonsense();
    claim("requests at random get it something", left() < before);
    unmap_all();
    give_all_back();
    claim("and all of it can be given back, no more and no less",
          frames_in_use() == 0 && left() == before);
}
