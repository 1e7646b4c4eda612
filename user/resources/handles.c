/* Handles: index of the table of objects, and of the slot that holds the capability.
 *
 * The lowest handles are given out in order, so that a request for frames gets consecutive ones;
 * what was given back is used again one by one. */
#include "user/resources/resources.h"

struct object objects[MAX_HANDLES];
static word_t next_handle = 1, free_handle = NONE;

static bool within_quota(struct client *c, word_t count, enum resource_result *why)
{
    if (count <= c->quota_handles - c->handles)
        return true;
    *why = RESOURCE_QUOTA;
    return false;
}

word_t handles_take(struct client *c, word_t count, enum resource_result *why)
{
    word_t h = free_handle;
    if (!within_quota(c, count, why))
        return NONE;
    if (count == 1 && h != NONE) {
        free_handle = objects[h].next;
    } else if (count > MAX_HANDLES - next_handle) {
        *why = RESOURCE_MEMORY;
        return NONE;
    } else {
        h = next_handle;
        next_handle += count;
    }
    c->handles += count;
    return h;
}

void handles_give(struct client *c, word_t h)
{
    objects[h] = (struct object){.next = (uint16_t)free_handle};
    free_handle = h;
    c->handles--;
}

struct object *handle_of(const struct client *c, word_t h, enum resource_kind kind)
{
    if (h == NONE || h >= MAX_HANDLES)
        return NULL;
    struct object *o = &objects[h];
    return o->client == client_number(c) && o->kind == kind ? o : NULL;
}

bool handle_space(const struct client *c, word_t h, cptr_t *vspace)
{
    if (h == RESOURCE_OWN_SPACE) {
        *vspace = c->given->vspace;
        return true;
    }
    *vspace = handle_slot(h);
    return handle_of(c, h, RESOURCE_DIRECTORY);
}
