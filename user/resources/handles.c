/* Handles: index of the table of objects, and of the slot that holds the capability.
 *
 * A client's share is given out in order, so that a request for frames gets consecutive ones; what
 * was given back is used again one by one, and for a run of them once all were used. */
#include "user/resources/resources.h"

enum { DROPPED_AT_ONCE = 64 }; /* so that other clients need not wait long */

struct object objects[MAX_HANDLES];

void handles_start(struct client *c, struct share handles)
{
    c->handle = handles;
    for (word_t h = handles.first; h < handles.end; h++)
        objects[h] = (struct object){0};
}

static bool is_free(word_t h)
{
    return objects[h].kind == RESOURCE_NOTHING && objects[h].client == 0;
}

/* The free ones are chained anew, without those of the run. */
static void leave_out(struct share *s, word_t run, word_t count)
{
    s->free = NONE;
    for (word_t h = s->next; h-- > s->first;)
        if (is_free(h) && (h < run || h >= run + count)) {
            objects[h].next = (uint16_t)s->free;
            s->free = h;
        }
}

static word_t run_given_back(struct share *s, word_t count)
{
    word_t n = 0;
    for (word_t h = s->first; h < s->next; h++) {
        n = is_free(h) ? n + 1 : 0;
        if (n == count) {
            leave_out(s, h + 1 - count, count);
            return h + 1 - count;
        }
    }
    return NONE;
}

static word_t find(struct share *s, word_t count)
{
    word_t h = s->free;
    if (count == 1 && h != NONE) {
        s->free = objects[h].next;
    } else if (count <= s->end - s->next) {
        h = s->next;
        s->next += count;
    } else {
        h = run_given_back(s, count);
    }
    return h;
}

/* For a run all idle mappings go, since any may lie between those that are free. */
word_t handles_take(struct client *c, word_t count, enum resource_result *why)
{
    word_t h = find(&c->handle, count);
    if (h == NONE && mappings_drop(c, count == 1 ? DROPPED_AT_ONCE : MAX_HANDLES))
        h = find(&c->handle, count);
    if (h == NONE)
        *why = RESOURCE_QUOTA;
    return h;
}

void handles_give(struct client *c, word_t h)
{
    objects[h] = (struct object){.next = (uint16_t)c->handle.free};
    c->handle.free = h;
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
        *vspace = own_slot(c, OWN_VSPACE);
        return true;
    }
    *vspace = handle_slot(h);
    return handle_of(c, h, RESOURCE_DIRECTORY);
}
