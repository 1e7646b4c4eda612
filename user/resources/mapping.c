/* Frames in address spaces: each mapping is a copy of the frame's capability, kept when it is
 * unmapped, so that the next mapping of the frame costs one invocation. */
#include "user/resources/resources.h"

enum { PAGE = 4096, TABLE_SPAN = 1 << 20, USER_END = 0xf0000000u };

static void space_count(word_t space, int change)
{
    if (space != RESOURCE_OWN_SPACE)
        objects[space].count = (uint16_t)(objects[space].count + change);
}

/* An idle mapping of the frame, made if there is none. */
static word_t mapping_take(struct client *c, word_t frame, enum resource_result *why)
{
    struct object *f = &objects[frame];
    word_t m = f->next;
    if (m != NONE) {
        f->next = objects[m].next;
        return m;
    }
    m = handles_take(c, 1, why);
    if (m == NONE)
        return NONE;
    if (cnode_copy(INIT_CNODE, handle_slot(m), 32, INIT_CNODE, handle_slot(frame), 32, RIGHT_ALL)) {
        handles_give(c, m);
        *why = RESOURCE_KERNEL;
        return NONE;
    }
    return m;
}

static void mapping_idle(word_t m, word_t frame)
{
    objects[m] = (struct object){.kind = RESOURCE_NOTHING, .next = objects[frame].next};
    objects[frame].next = (uint16_t)m;
}

enum resource_result resource_map(struct request *r)
{
    struct client *c = r->client;
    word_t frame = r->mr[0], space = r->mr[1] >> 16, rights = r->mr[1] & 0xffff;
    vaddr_t vaddr = r->mr[2];
    enum resource_result why = RESOURCE_OK;
    cptr_t vspace;
    if (!handle_of(c, frame, RESOURCE_FRAME) || !handle_space(c, space, &vspace))
        return RESOURCE_HANDLE;
    if (vaddr % PAGE != 0 || vaddr >= USER_END)
        return RESOURCE_ADDRESS;
    word_t m = mapping_take(c, frame, &why);
    if (m == NONE)
        return why;
    rights &= RESOURCE_READ | RESOURCE_WRITE;
    if (invoke(handle_slot(m), INV_PAGE_MAP, 1, vspace, 3, vaddr, rights, VM_CACHEABLE)) {
        mapping_idle(m, frame);
        return RESOURCE_BUSY;
    }
    objects[m] = (struct object){.kind = RESOURCE_MAPPING,
                                 .client = (uint8_t)client_number(c),
                                 .parent = (uint16_t)frame,
                                 .space = (uint16_t)space,
                                 .vaddr = vaddr};
    objects[frame].count++;
    space_count(space, 1);
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
    if (invoke(handle_slot(m), INV_PAGE_UNMAP, 0, 0, 0, 0, 0, 0))
        return RESOURCE_KERNEL;
    space_count(o->space, -1);
    objects[frame].count--;
    mapping_idle(m, frame);
    return RESOURCE_OK;
}

enum resource_result resource_protect(struct request *r)
{
    const struct object *o = handle_of(r->client, r->mr[0], RESOURCE_MAPPING);
    word_t rights = r->mr[1] & (RESOURCE_READ | RESOURCE_WRITE);
    cptr_t vspace;
    if (!o || !handle_space(r->client, o->space, &vspace))
        return RESOURCE_HANDLE;
    if (invoke(handle_slot(r->mr[0]), INV_PAGE_MAP, 1, vspace, 3, o->vaddr, rights, VM_CACHEABLE))
        return RESOURCE_KERNEL;
    return RESOURCE_OK;
}

enum resource_result resource_unify(struct request *r)
{
    if (!handle_of(r->client, r->mr[0], RESOURCE_MAPPING))
        return RESOURCE_HANDLE;
    if (invoke(handle_slot(r->mr[0]), INV_PAGE_UNIFY_INSTRUCTION, 0, 0, 2, r->mr[1], r->mr[2], 0))
        return RESOURCE_ADDRESS;
    return RESOURCE_OK;
}

/* A frame that is freed: the copies of its capability go with it. */
void frame_forget_mappings(struct client *c, struct object *frame)
{
    word_t m = frame->next;
    for (word_t n = 0; m != NONE && n < MAX_HANDLES; n++) {
        word_t next = objects[m].next;
        user_check(cnode_delete(INIT_CNODE, handle_slot(m), 32));
        handles_give(c, m);
        m = next;
    }
    frame->next = NONE;
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

enum resource_result table_take(struct object *table, word_t h)
{
    if (invoke(handle_slot(h), INV_PAGE_TABLE_UNMAP, 0, 0, 0, 0, 0, 0))
        return RESOURCE_KERNEL;
    space_count(table->space, -1);
    return RESOURCE_OK;
}
