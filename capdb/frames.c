/* Frames that an answer needs: see frames.h.  More may come along; that changes no answer. */
#include "capdb/frames.h"

#include "facts/reach.h"

#include <stdlib.h>
#include <string.h>

static bool *new_marks(const struct view *v)
{
    size_t size = v->state.object_count + (size_t)1;
    bool *marks = output_alloc(NULL, size);
    memset(marks, 0, size);
    return marks;
}

static bool has_capability(const struct view *v, int32_t domain, uint32_t object)
{
    const struct capstate *s = &v->state;
    for (int32_t i = s->objects[object].first_slot; i >= 0; i = s->slots[i].next_same)
        if (authority_slot_domain(&v->authority, i) == domain)
            return true;
    return false;
}

/* What is its own it holds or maps, or it has the memory around it. */
static void mark_domain(const struct view *v, int32_t domain, bool *holders, bool *memory)
{
    for (uint32_t i = 0; i < v->state.object_count; i++) {
        holders[i] |= v->authority.home[i] == domain;
        memory[i] = has_capability(v, domain, i);
    }
}

/* An island meets another at a frame that it holds or maps. */
static void mark_islands(const struct view *v, const bool *mark, bool strict, bool *holders)
{
    const struct authority *a = &v->authority;
    bool *islands = new_marks(v); /* by island, of which there are at most as many */
    for (uint32_t i = 0; i < a->node_count; i++)
        if (mark[i] && authority_island(a, (int32_t)i, strict) >= 0)
            islands[authority_island(a, (int32_t)i, strict)] = true;
    for (uint32_t i = 0; i < a->node_count; i++)
        holders[i] |= authority_island(a, (int32_t)i, strict) >= 0 &&
                      islands[authority_island(a, (int32_t)i, strict)];
    free(islands);
}

enum status frames_of_domain(struct options *o, struct view *v, int32_t domain,
                             const bool *islands_of, bool strict, bool *again)
{
    bool *holders = new_marks(v);
    bool *memory = new_marks(v);
    mark_domain(v, domain, holders, memory);
    if (islands_of)
        mark_islands(v, islands_of, strict, holders);
    enum status s = dbview_add_frames(o, v, holders, memory, again);
    free(holders);
    free(memory);
    return s;
}

enum status frames_of_islands(struct options *o, struct view *v, const bool *mark, bool strict,
                              bool *again)
{
    bool *holders = new_marks(v);
    mark_islands(v, mark, strict, holders);
    enum status s = dbview_add_frames(o, v, holders, NULL, again);
    free(holders);
    return s;
}

/* By capabilities and translations of what is reached, and by untyped memory around them. */
enum status frames_reached(struct options *o, struct view *v, const bool *mark, bool *again)
{
    struct reach reach;
    *again = false;
    if (reach_from(&v->authority, mark, o->strict, &reach) != ERR_OK)
        return command_complain(o->run, "%s", error_sentence(ERR_NO_MEMORY));
    bool *reached = new_marks(v);
    for (uint32_t i = 0; i < v->state.object_count; i++)
        reached[i] = reach.steps[i] >= 0;
    enum status s = dbview_add_frames(o, v, reached, reached, again);
    reach_free(&reach);
    free(reached);
    return s;
}
