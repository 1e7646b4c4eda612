/* Untyped memory becomes objects (3.2, 9.3). */
#include "model/model.h"

enum { MIN_UNTYPED_BITS = 4, MAX_BITS = 29, SIZE_LIMIT = 32 };

struct retype {
    bool whole;  /* the request itself, not the rest of an interrupted one */
    word_t made; /* objects that are left out of a rest */
    word_t type;
    word_t size_bits;
    unsigned bits; /* of one object */
    word_t count;
    word_t start; /* of the first, from the base */
    struct model_object *node;
    word_t offset;
};

static word_t block_bytes(const struct model_slot *s)
{
    return (word_t)1 << s->cap.object->bits;
}

static word_t used_bytes(const struct model_slot *s)
{
    return model_cdt_has_children(s) ? s->cap.watermark : 0;
}

word_t model_untyped_free(const struct model_slot *s)
{
    return block_bytes(s) - used_bytes(s);
}

/* 4.1 */
static word_t object_bits(word_t type, word_t size_bits)
{
    switch (type) {
    case OBJECT_UNTYPED:
        return size_bits;
    case OBJECT_TCB:
        return 9;
    case OBJECT_ENDPOINT:
    case OBJECT_NOTIFICATION:
        return 4;
    case OBJECT_CNODE:
        return size_bits + 4;
    case OBJECT_FRAME_4K:
        return 12;
    case OBJECT_FRAME_64K:
        return 16;
    case OBJECT_FRAME_1M:
        return 20;
    case OBJECT_FRAME_16M:
        return 24;
    case OBJECT_PAGE_TABLE:
        return 10;
    default:
        return 14;
    }
}

static enum model_kind kind_of_type(word_t type)
{
    static const enum model_kind kinds[OBJECT_TYPES] = {
        [OBJECT_UNTYPED] = MODEL_UNTYPED,
        [OBJECT_TCB] = MODEL_TCB,
        [OBJECT_ENDPOINT] = MODEL_ENDPOINT,
        [OBJECT_NOTIFICATION] = MODEL_NOTIFICATION,
        [OBJECT_CNODE] = MODEL_CNODE,
        [OBJECT_FRAME_4K] = MODEL_FRAME,
        [OBJECT_FRAME_64K] = MODEL_FRAME,
        [OBJECT_FRAME_1M] = MODEL_FRAME,
        [OBJECT_FRAME_16M] = MODEL_FRAME,
        [OBJECT_PAGE_TABLE] = MODEL_PAGE_TABLE,
        [OBJECT_PAGE_DIRECTORY] = MODEL_PAGE_DIRECTORY,
    };
    return kinds[type];
}

/* The label of a rest says how many objects are made (abi/syscall.h). */
static bool decode_label(word_t label, struct retype *r)
{
    const word_t part = (word_t)1 << RETYPE_REST_SHIFT;
    r->whole = label == INV_UNTYPED_RETYPE;
    if (r->whole)
        return true;
    if (label % part != INV_UNTYPED_RETYPE || label / part > RETYPE_MAX_OBJECTS)
        return false;
    r->made = label / part - 1;
    return true;
}

/* Whoever asks for a rest finds the label of the whole in its place afterwards. */
static void label_whole(struct model_thread *t)
{
    word_t fields = t->r[1] % ((word_t)1 << MSGINFO_LABEL_SHIFT);
    t->r[1] = fields | msginfo_make(INV_UNTYPED_RETYPE, 0, 0, 0);
}

static enum model_outcome check_type(struct model *m, const struct model_message *g,
                                     struct retype *r)
{
    r->type = g->word[0];
    r->size_bits = g->word[1];
    if (r->type >= OBJECT_TYPES)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 0);
    if (r->size_bits >= SIZE_LIMIT || object_bits(r->type, r->size_bits) > MAX_BITS)
        return model_refuse_range(m, 0, MAX_BITS);
    if (r->type == OBJECT_CNODE && r->size_bits == 0)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 1);
    if (r->type == OBJECT_UNTYPED && r->size_bits < MIN_UNTYPED_BITS)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 1);
    r->bits = (unsigned)object_bits(r->type, r->size_bits);
    return MODEL_DONE;
}

static enum model_outcome check_node(struct model *m, const struct model_message *g,
                                     struct retype *r)
{
    struct model_slot *node = g->extra[0];
    word_t depth = g->word[3];
    if (depth != 0 &&
        model_lookup_target(m, g->extra[0]->cap, g->word[2], depth, false, &node) != MODEL_DONE)
        return MODEL_REFUSED;
    if (node->cap.kind != MODEL_CNODE)
        return model_refuse_missing(m, false, depth);
    r->node = node->cap.object;
    return MODEL_DONE;
}

static enum model_outcome check_slots(struct model *m, const struct model_message *g,
                                      struct retype *r)
{
    word_t slots = r->node->slot_count;
    r->offset = g->word[4] + r->made;
    r->count = g->word[5] - r->made;
    if (r->offset > slots - 1)
        return model_refuse_range(m, 0, slots - 1);
    if (r->count < 1 || r->count > RETYPE_MAX_OBJECTS)
        return model_refuse_range(m, 1, RETYPE_MAX_OBJECTS);
    if (g->word[5] > RETYPE_MAX_OBJECTS)
        return model_refuse_range(m, 1, RETYPE_MAX_OBJECTS);
    if (r->count > slots - r->offset)
        return model_refuse_range(m, 1, slots - r->offset);
    for (word_t i = 0; r->whole && i < r->count; i++)
        if (!model_slot_empty(&r->node->slots[r->offset + i]))
            return model_refuse(m, SEL4_DELETE_FIRST);
    return MODEL_DONE;
}

static enum model_outcome check_memory(struct model *m, const struct model_slot *s,
                                       struct retype *r)
{
    word_t used = used_bytes(s);
    word_t size = (word_t)1 << r->bits;
    if (model_untyped_free(s) / size < r->count)
        return model_refuse_with(m, SEL4_NOT_ENOUGH_MEMORY, model_untyped_free(s));
    if (s->cap.object->device && kind_of_type(r->type) != MODEL_FRAME && r->type != OBJECT_UNTYPED)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 1);
    r->start = (used + size - 1) / size * size;
    return MODEL_DONE;
}

static word_t first_rights(enum model_kind kind)
{
    return kind == MODEL_ENDPOINT       ? (word_t)RIGHT_ALL
           : kind == MODEL_NOTIFICATION ? (word_t)(RIGHT_READ | RIGHT_WRITE)
           : kind == MODEL_FRAME        ? (word_t)MODEL_VM_READ_WRITE
                                        : 0;
}

/* Up to the first slot that is not empty: of a whole request there is none. */
static enum model_outcome make_objects(struct model *m, struct model_slot *s,
                                       const struct retype *r)
{
    enum model_kind kind = kind_of_type(r->type);
    word_t size = (word_t)1 << r->bits;
    bool device = s->cap.object->device;
    paddr_t at = s->cap.object->paddr + r->start;
    for (word_t i = 0; i < r->count; i++, at += size) {
        struct model_slot *to = &r->node->slots[r->offset + i];
        if (!model_slot_empty(to))
            return model_refuse(m, SEL4_DELETE_FIRST);
        if (!device && kind != MODEL_UNTYPED)
            model_memory_clear(m, at, size);
        struct model_object *o = model_object_new(m, kind, at, r->bits, device);
        model_slot_fill(m, to,
                        (struct model_cap){.kind = kind, .object = o, .rights = first_rights(kind)},
                        true);
        model_cdt_child(s, to);
        s->cap.watermark = r->start + (i + 1) * size;
    }
    return MODEL_DONE;
}

enum model_outcome model_untyped_operation(struct model *m, struct model_slot *s,
                                           struct model_message *g)
{
    struct retype r = {0};
    if (!decode_label(g->label, &r))
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    label_whole(m->current);
    if (g->length < 6 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (check_type(m, g, &r) || check_node(m, g, &r) || check_slots(m, g, &r) ||
        check_memory(m, s, &r))
        return MODEL_REFUSED;
    return make_objects(m, s, &r);
}
