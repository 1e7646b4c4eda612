/* ASIDs: which directory a number stands for (3.7, 4.3, 9.1). */
#include "model/model.h"

#include <stdlib.h>

static struct model_object **pool_entries(struct model_object *pool)
{
    if (!pool->directories)
        pool->directories = calloc(MODEL_POOL_ENTRIES, sizeof(*pool->directories));
    if (!pool->directories)
        abort();
    return pool->directories;
}

struct model_object *model_directory_of(const struct model *m, word_t asid)
{
    struct model_object *pool = m->asid_table[asid / MODEL_POOL_ENTRIES];
    return pool ? pool_entries(pool)[asid % MODEL_POOL_ENTRIES] : NULL;
}

void model_asid_put(struct model *m, struct model_object *pool, unsigned index,
                    struct model_object *directory)
{
    (void)m;
    pool_entries(pool)[index] = directory;
}

/* The directory goes: its number is free, unless another directory has it by now. */
void model_asid_release(struct model *m, word_t asid, const struct model_object *directory)
{
    if (asid == 0 || model_directory_of(m, asid) != directory)
        return;
    pool_entries(m->asid_table[asid / MODEL_POOL_ENTRIES])[asid % MODEL_POOL_ENTRIES] = NULL;
    model_space_follow(m);
}

void model_pool_destroy(struct model *m, struct model_object *pool)
{
    for (unsigned i = 0; i < MODEL_POOLS; i++)
        if (m->asid_table[i] == pool)
            m->asid_table[i] = NULL;
    model_space_follow(m);
}

static unsigned free_pool(const struct model *m)
{
    unsigned i = 0;
    while (i < MODEL_POOLS && m->asid_table[i])
        i++;
    return i;
}

static enum model_outcome check_make_pool(struct model *m, const struct model_message *g,
                                          struct model_slot **to)
{
    if (g->length < 2 || !g->extra[0] || !g->extra[1])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (free_pool(m) == MODEL_POOLS)
        return model_refuse(m, SEL4_DELETE_FIRST);
    struct model_cap u = g->extra[0]->cap;
    if (u.kind != MODEL_UNTYPED || u.object->bits != 12 || u.object->device)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    if (model_cdt_has_children(g->extra[0]))
        return model_refuse(m, SEL4_REVOKE_FIRST);
    if (model_lookup_target(m, g->extra[1]->cap, g->word[0], g->word[1], false, to) != MODEL_DONE)
        return MODEL_REFUSED;
    if (!model_slot_empty(*to))
        return model_refuse(m, SEL4_DELETE_FIRST);
    return MODEL_DONE;
}

enum model_outcome model_asid_control_operation(struct model *m, struct model_slot *s,
                                                struct model_message *g)
{
    struct model_slot *to;
    (void)s;
    if (g->label != INV_ASID_CONTROL_MAKE_POOL)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (check_make_pool(m, g, &to) != MODEL_DONE)
        return MODEL_REFUSED;
    struct model_slot *untyped = g->extra[0];
    unsigned index = free_pool(m);
    struct model_object *pool =
        model_object_new(m, MODEL_ASID_POOL, untyped->cap.object->paddr, 12, false);
    model_memory_clear(m, pool->paddr, (word_t)1 << pool->bits);
    untyped->cap.watermark = (word_t)1 << untyped->cap.object->bits;
    model_slot_fill(m, to,
                    (struct model_cap){.kind = MODEL_ASID_POOL,
                                       .object = pool,
                                       .asid = index * MODEL_POOL_ENTRIES},
                    false);
    model_cdt_child(untyped, to);
    m->asid_table[index] = pool;
    return MODEL_DONE;
}

enum model_outcome model_asid_pool_operation(struct model *m, struct model_slot *s,
                                             struct model_message *g)
{
    word_t base = s->cap.asid;
    if (g->label != INV_ASID_POOL_ASSIGN)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (!g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    struct model_cap d = g->extra[0]->cap;
    if (d.kind != MODEL_PAGE_DIRECTORY || d.asid != 0)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    struct model_object *pool = m->asid_table[base / MODEL_POOL_ENTRIES];
    if (!pool) {
        struct model_lookup l = {.failure = LOOKUP_INVALID_ROOT};
        return model_refuse_lookup(m, false, &l);
    }
    if (pool != s->cap.object)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 0);
    for (unsigned i = base == 0 ? 1 : 0; i < MODEL_POOL_ENTRIES; i++) {
        if (pool_entries(pool)[i])
            continue;
        pool_entries(pool)[i] = d.object;
        g->extra[0]->cap.asid = base + i;
        return MODEL_DONE;
    }
    return model_refuse(m, SEL4_DELETE_FIRST);
}
