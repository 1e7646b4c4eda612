/* Frames in address spaces: each mapping is a copy of the frame's capability, kept when it is
 * unmapped, so that the next mapping of the frame costs one invocation. A table that is freed takes
 * its mappings along; their capabilities then still name the places where they were, and the kernel
 * maps them there again, or elsewhere after an Unmap. */
#include "user/resources/resources.h"

enum { PAGE = 4096, TABLE_SPAN = 1 << 20, USER_END = 0xf0000000u, MAPPINGS_TRIED = 16 };

static void space_count(word_t space, int change)
{
    if (space != RESOURCE_OWN_SPACE)
        objects[space].count = (uint16_t)(objects[space].count + change);
}

/* --- idle mappings, chained from their frame --- */

static bool names(const struct object *m, word_t space, vaddr_t vaddr)
{
    return m->count != 0 && m->vaddr == vaddr && m->space == space;
}

/* The idle mapping that names the place, or the first one. Unmap of another one that names it would
 * take the mapping of this one; past the bound that costs the client a fault. */
static uint16_t *mapping_best(struct object *frame, word_t space, vaddr_t vaddr)
{
    uint16_t *p = &frame->next;
    for (word_t n = 0; *p != NONE && n < MAPPINGS_TRIED; n++, p = &objects[*p].next)
        if (names(&objects[*p], space, vaddr))
            return p;
    return &frame->next;
}

static word_t mapping_make(struct client *c, word_t frame, enum resource_result *why)
{
    word_t m = handles_take(c, 1, why);
    if (m == NONE)
        return NONE;
    if (cnode_copy(INIT_CNODE, handle_slot(m), 32, INIT_CNODE, handle_slot(frame), 32, RIGHT_ALL)) {
        handles_give(c, m);
        *why = RESOURCE_KERNEL;
        return NONE;
    }
    return m;
}

static word_t mapping_take(struct client *c, word_t frame, word_t space, vaddr_t vaddr,
                           enum resource_result *why)
{
    uint16_t *p = mapping_best(&objects[frame], space, vaddr);
    word_t m = *p;
    if (m == NONE)
        return mapping_make(c, frame, why);
    *p = objects[m].next;
    return m;
}

/* `where`: the directory that its capability still names a place in. */
static void mapping_idle(word_t m, word_t frame, bool named, word_t where)
{
    objects[m] = (struct object){.kind = RESOURCE_MAPPING,
                                 .next = objects[frame].next,
                                 .count = named,
                                 .space = (uint16_t)where,
                                 .vaddr = objects[m].vaddr};
    objects[frame].next = (uint16_t)m;
}

static bool unmap(word_t m)
{
    return invoke(handle_slot(m), INV_PAGE_UNMAP, 0, 0, 0, 0, 0, 0) == SEL4_NO_ERROR;
}

static bool map(word_t m, cptr_t vspace, vaddr_t vaddr, word_t rights)
{
    return invoke(handle_slot(m), INV_PAGE_MAP, 1, vspace, 3, vaddr, rights, VM_CACHEABLE) ==
           SEL4_NO_ERROR;
}

/* A capability that names another place, or this one in a directory that is gone, is unmapped first. */
static bool map_again(word_t m, word_t space, cptr_t vspace, vaddr_t vaddr, word_t rights)
{
    bool named = objects[m].count != 0;
    if (named && !names(&objects[m], space, vaddr) && !unmap(m))
        return false;
    return map(m, vspace, vaddr, rights) || (named && unmap(m) && map(m, vspace, vaddr, rights));
}

/* --- those in use, in a list of their table's --- */

static void list_enter(word_t table, word_t m)
{
    word_t next = objects[table].next;
    objects[m].next = (uint16_t)next;
    if (next != NONE)
        objects[next].before = (uint16_t)m;
    objects[table].next = (uint16_t)m;
}

static void list_leave(word_t table, const struct object *m)
{
    if (m->next != NONE)
        objects[m->next].before = m->before;
    if (m->before != NONE)
        objects[m->before].next = m->next;
    else
        objects[table].next = m->next;
}

static enum resource_result map_place(const struct client *c, word_t table, vaddr_t vaddr)
{
    const struct object *t = handle_of(c, table, RESOURCE_TABLE);
    if (!t)
        return RESOURCE_HANDLE;
    return vaddr % PAGE != 0 || vaddr - t->vaddr >= TABLE_SPAN ? RESOURCE_ADDRESS : RESOURCE_OK;
}

enum resource_result resource_map(struct request *r)
{
    struct client *c = r->client;
    word_t frame = r->mr[0], table = r->mr[1] >> 16;
    word_t rights = r->mr[1] & (RESOURCE_READ | RESOURCE_WRITE);
    vaddr_t vaddr = r->mr[2];
    enum resource_result why = map_place(c, table, vaddr);
    cptr_t vspace;
    if (why != RESOURCE_OK)
        return why;
    word_t space = objects[table].space;
    if (!handle_of(c, frame, RESOURCE_FRAME) || !handle_space(c, space, &vspace))
        return RESOURCE_HANDLE;
    word_t m = mapping_take(c, frame, space, vaddr, &why);
    if (m == NONE)
        return why;
    if (!map_again(m, space, vspace, vaddr, rights)) {
        mapping_idle(m, frame, true, RESOURCE_OWN_SPACE); /* Unmap is tried before the next use */
        return RESOURCE_BUSY;
    }
    objects[m] = (struct object){.kind = RESOURCE_MAPPING,
                                 .client = (uint8_t)client_number(c),
                                 .parent = (uint16_t)frame,
                                 .space = (uint16_t)table,
                                 .vaddr = vaddr};
    list_enter(table, m);
    objects[frame].count++;
    r->mr[0] = m;
    r->answer_words = 1;
    return RESOURCE_OK;
}

enum resource_result resource_unmap(struct request *r)
{
    word_t m = r->mr[0];
    const struct object *o = handle_of(r->client, m, RESOURCE_MAPPING);
    if (!o)
        return RESOURCE_HANDLE;
    word_t frame = o->parent;
    if (!unmap(m))
        return RESOURCE_KERNEL;
    list_leave(o->space, o);
    objects[frame].count--;
    mapping_idle(m, frame, false, 0);
    return RESOURCE_OK;
}

enum resource_result resource_protect(struct request *r)
{
    const struct object *o = handle_of(r->client, r->mr[0], RESOURCE_MAPPING);
    cptr_t vspace;
    if (!o || !handle_space(r->client, objects[o->space].space, &vspace))
        return RESOURCE_HANDLE;
    return map(r->mr[0], vspace, o->vaddr, r->mr[1] & (RESOURCE_READ | RESOURCE_WRITE))
               ? RESOURCE_OK
               : RESOURCE_KERNEL;
}

enum resource_result resource_unify(struct request *r)
{
    if (!handle_of(r->client, r->mr[0], RESOURCE_MAPPING))
        return RESOURCE_HANDLE;
    if (invoke(handle_slot(r->mr[0]), INV_PAGE_UNIFY_INSTRUCTION, 0, 0, 2, r->mr[1], r->mr[2], 0))
        return RESOURCE_ADDRESS;
    return RESOURCE_OK;
}

/* --- copies that nobody waits for --- */

word_t frame_forget_mappings(struct client *c, struct object *frame, word_t most)
{
    word_t n = 0;
    for (; n < most && frame->next != NONE; n++) {
        word_t m = frame->next;
        frame->next = objects[m].next;
        cnode_delete(INIT_CNODE, handle_slot(m), 32);
        handles_give(c, m);
    }
    return n;
}

/* Frame by frame, from the one where the last search ended. */
bool mappings_drop(struct client *c, word_t most)
{
    const struct share *s = &c->handle;
    word_t dropped = 0;
    for (word_t n = s->first; n < s->end && dropped < most; n++) {
        c->clean = c->clean + 1 < s->end && c->clean >= s->first ? c->clean + 1 : s->first;
        struct object *frame = handle_of(c, c->clean, RESOURCE_FRAME);
        if (frame)
            dropped += frame_forget_mappings(c, frame, most - dropped);
    }
    return dropped != 0;
}

/* --- page tables --- */

enum resource_result table_place(struct client *c, word_t h, word_t space, vaddr_t vaddr)
{
    cptr_t vspace;
    if (!handle_space(c, space, &vspace))
        return RESOURCE_HANDLE;
    if (vaddr % TABLE_SPAN != 0 || vaddr >= USER_END)
        return RESOURCE_ADDRESS;
    if (invoke(handle_slot(h), INV_PAGE_TABLE_MAP, 1, vspace, 2, vaddr, VM_CACHEABLE, 0))
        return RESOURCE_BUSY;
    objects[h].space = (uint16_t)space;
    objects[h].vaddr = vaddr;
    space_count(space, 1);
    return RESOURCE_OK;
}

/* The kernel unmaps what is in the table with it; those capabilities go on naming their places. */
enum resource_result table_take(struct object *table, word_t h)
{
    word_t m = table->next;
    if (invoke(handle_slot(h), INV_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0, 0))
        return RESOURCE_KERNEL;
    for (word_t n = 0; m != NONE && n < MAX_HANDLES; n++) {
        word_t next = objects[m].next, frame = objects[m].parent;
        objects[frame].count--;
        mapping_idle(m, frame, true, table->space);
        m = next;
    }
    space_count(table->space, -1);
    return RESOURCE_OK;
}
