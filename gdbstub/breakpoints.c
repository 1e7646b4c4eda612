/* Breakpoints: what gdb asked for, and the places in memory that follow from it. */
#include "gdbstub/breakpoints.h"

#include "gdbstub/memory.h"
#include "gdbstub/planted.h"
#include "gdbstub/step.h"
#include "gdbstub/threads.h"

static struct {
    uint32_t addr;
    uint32_t size;
} set[BREAKPOINTS_MAX];
static uint32_t used;

static uint32_t find(uint32_t addr)
{
    uint32_t i = 0;
    while (i < used && set[i].addr != addr)
        i++;
    return i;
}

/* Notes the places of one breakpoint in every address space; counts in `missed` those that found no
 * room. */
static void add_user_places(uint32_t addr, uint32_t size, uint32_t *missed)
{
    kaddr_t last = 0, at;
    for (uint32_t i = 0; i < threads_count(); i++) {
        kaddr_t directory = threads_directory(threads_at(i));
        if (directory == last || !memory_translate(directory, addr, &at))
            continue;
        last = directory;
        if (!planted_add(at, size))
            (*missed)++;
    }
}

static bool is_mapped(uint32_t addr)
{
    kaddr_t at;
    for (uint32_t i = 0; i < threads_count(); i++)
        if (memory_translate(threads_directory(threads_at(i)), addr, &at))
            return true;
    return false;
}

static bool size_is_right(uint32_t addr, uint32_t size)
{
    return (size == PLANTED_ARM || (size == PLANTED_THUMB && addr < USER_TOP)) &&
           (addr & (size - 1)) == 0;
}

enum breakpoints_result breakpoints_set(uint32_t addr, uint32_t size)
{
    if (find(addr) < used)
        return BREAKPOINTS_OK;
    if (!size_is_right(addr, size))
        return BREAKPOINTS_NOWHERE;
    if (addr >= USER_TOP && !planted_allowed(addr))
        return BREAKPOINTS_REFUSED;
    if (addr < USER_TOP && !is_mapped(addr))
        return BREAKPOINTS_NOWHERE;
    if (used == BREAKPOINTS_MAX)
        return BREAKPOINTS_FULL;
    set[used].addr = addr;
    set[used].size = size;
    used++;
    return BREAKPOINTS_OK;
}

void breakpoints_unset(uint32_t addr)
{
    uint32_t i = find(addr);
    if (i < used)
        set[i] = set[--used];
}

void breakpoints_unset_all(void)
{
    used = 0;
}

bool breakpoints_at(uint32_t addr)
{
    return find(addr) < used;
}

uint32_t breakpoints_plant(void)
{
    uint32_t missed = 0;
    planted_lift();
    planted_clear();
    for (uint32_t i = 0; i < used; i++) {
        if (step_is_on() && set[i].addr == step_from())
            continue;
        if (set[i].addr < USER_TOP)
            add_user_places(set[i].addr, set[i].size, &missed);
        else if (!planted_add(set[i].addr, set[i].size))
            missed++;
    }
    missed += !step_plant();
    planted_plant();
    return missed;
}
