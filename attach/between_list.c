/* Events applied to records of slots. */
#include "attach/between_list.h"

#include <search.h>
#include <stdlib.h>

/* --- the list, and the tree by address --- */

static int by_addr(const void *a, const void *b)
{
    const struct between_slot *x = a, *y = b;
    return (x->rec.addr > y->rec.addr) - (x->rec.addr < y->rec.addr);
}

static struct between_slot *at(const struct between_list *l, uint64_t addr)
{
    const struct between_slot wanted = {.rec = {.addr = addr}};
    struct between_slot *const *found = tfind(&wanted, &l->by_addr, by_addr);
    return found ? *found : NULL;
}

static void link_behind(struct between_list *l, struct between_slot *s, struct between_slot *before)
{
    s->prev = before;
    s->next = before ? before->next : l->first;
    *(s->next ? &s->next->prev : &l->last) = s;
    *(before ? &before->next : &l->first) = s;
}

/* before NULL: at the beginning.  Nothing has its address yet. */
static enum error add(struct between_list *l, struct record_slot rec, struct between_slot *before)
{
    struct between_slot *s = malloc(sizeof(*s));
    if (!s)
        return ERR_NO_MEMORY;
    s->rec = rec;
    if (!tsearch(s, &l->by_addr, by_addr)) {
        free(s);
        return ERR_NO_MEMORY;
    }
    link_behind(l, s, before);
    return ERR_OK;
}

static void drop(struct between_list *l, struct between_slot *s)
{
    *(s->next ? &s->next->prev : &l->last) = s->prev;
    *(s->prev ? &s->prev->next : &l->first) = s->next;
    (void)tdelete(s, &l->by_addr, by_addr);
    free(s);
}

static void stay(void *slot)
{
    (void)slot; /* the list frees it */
}

void between_list_free(struct between_list *l)
{
    tdestroy(l->by_addr, stay);
    for (struct between_slot *s = l->first, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    *l = (struct between_list){0};
}

enum error between_list_init(struct between_list *l, const struct capstate *base)
{
    enum error e = ERR_OK;
    *l = (struct between_list){0};
    for (uint32_t i = 0; e == ERR_OK && i < base->slot_count; i++)
        e = add(l, base->slots[i].rec, l->last);
    if (e != ERR_OK)
        between_list_free(l);
    return e;
}

/* --- events --- */

/* Right behind its source; below it, where the source is an original or untyped memory. */
static enum error insert(struct between_list *l, const struct record_event *e)
{
    struct between_slot *src = at(l, e->src);
    struct record_slot made = record_slot_of_event(e);
    if (at(l, e->slot))
        return ERR_OK;
    if (src) {
        bool below = e->kind == RECORD_EVENT_RETYPE || src->rec.flags & RECORD_SLOT_REVOCABLE;
        made.depth = src->rec.depth + below;
    }
    return add(l, made, src ? src : l->last);
}

/* What was derived from it hangs below its parent then. */
static void take_away(struct between_list *l, const struct record_event *e)
{
    struct between_slot *gone = at(l, e->slot);
    if (!gone)
        return;
    for (struct between_slot *s = gone->next; s && s->rec.depth > gone->rec.depth; s = s->next)
        s->rec.depth--;
    drop(l, gone);
}

/* Nothing has the address. */
static enum error move_to(struct between_list *l, struct between_slot *s, uint64_t addr)
{
    (void)tdelete(s, &l->by_addr, by_addr);
    s->rec.addr = addr;
    if (tsearch(s, &l->by_addr, by_addr))
        return ERR_OK;
    return ERR_NO_MEMORY;
}

static enum error move(struct between_list *l, const struct record_event *e)
{
    struct between_slot *from = at(l, e->src);
    return from && !at(l, e->slot) ? move_to(l, from, e->slot) : ERR_OK;
}

/* Each takes the other's address and place in the tree; their places in the list stay. */
static void swap(struct between_list *l, const struct record_event *e)
{
    const struct between_slot a = {.rec = {.addr = e->slot}}, b = {.rec = {.addr = e->src}};
    struct between_slot **at_a = tfind(&a, &l->by_addr, by_addr);
    struct between_slot **at_b = tfind(&b, &l->by_addr, by_addr);
    if (!at_a || !at_b)
        return;
    struct between_slot *was_a = *at_a;
    *at_a = *at_b;
    *at_b = was_a;
    (*at_a)->rec.addr = e->slot;
    (*at_b)->rec.addr = e->src;
}

enum error between_list_apply(struct between_list *l, const struct record_event *e)
{
    switch (e->kind) {
    case RECORD_EVENT_RETYPE:
    case RECORD_EVENT_COPY:
    case RECORD_EVENT_MINT:
    case RECORD_EVENT_TRANSFER:
    case RECORD_EVENT_INSTALL:
    case RECORD_EVENT_REPLY:
    case RECORD_EVENT_HANDLER:
        return insert(l, e);
    case RECORD_EVENT_DELETE:
        take_away(l, e);
        return ERR_OK;
    case RECORD_EVENT_MOVE:
        return move(l, e);
    case RECORD_EVENT_SWAP:
        swap(l, e);
        return ERR_OK;
    default: /* it changes no slot */
        return ERR_OK;
    }
}
