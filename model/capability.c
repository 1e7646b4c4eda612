/* Slots and capabilities: filling, moving, copying, and what masking, badging and deriving make of
 * a capability (3.3, 9.1, 9.2, 9.4). */
#include "model/model.h"

enum { BADGE = 0x0fffffff, GUARD = 0x3ffff, ADDRESS_BITS = 32 };

static bool counts(struct model_cap c)
{
    return c.object && c.kind != MODEL_REPLY;
}

bool model_slot_empty(const struct model_slot *s)
{
    return s->cap.kind == MODEL_NULL;
}

/* The caller gives it its place in the tree. */
void model_slot_fill(struct model *m, struct model_slot *s, struct model_cap c, bool original)
{
    s->cap = c;
    s->original = original;
    if (counts(c))
        c.object->caps++;
    if (c.kind == MODEL_IRQ_HANDLER)
        m->irq_handlers[c.irq]++;
}

static void path_check(struct model *m, const struct model_slot *s)
{
    for (unsigned i = 0; i < m->path_length; i++)
        if (m->path[i] == s)
            m->report.path_lost = true;
}

/* Takes the capability out of slot and tree. The object goes with its last capability. */
void model_slot_clear(struct model *m, struct model_slot *s)
{
    struct model_cap c = s->cap;
    path_check(m, s);
    model_cdt_remove(s);
    s->cap = (struct model_cap){0};
    s->original = false;
    if (c.kind == MODEL_IRQ_HANDLER)
        m->irq_handlers[c.irq]--;
    if (counts(c) && --c.object->caps == 0)
        model_object_bury(m, c.object);
}

/* The capability becomes c on the way; `to` is empty. */
void model_slot_move(struct model *m, struct model_slot *to, struct model_slot *from,
                     struct model_cap c)
{
    path_check(m, from);
    model_cdt_move(to, from);
    to->cap = c;
    to->original = from->original;
    from->cap = (struct model_cap){0};
    from->original = false;
}

void model_slot_swap(struct model *m, struct model_slot *a, struct model_cap for_a,
                     struct model_slot *b, struct model_cap for_b)
{
    struct model_slot hand = {0};
    model_slot_move(m, &hand, a, for_b);
    model_slot_move(m, a, b, for_a);
    model_slot_move(m, b, &hand, for_b);
}

/* Does this capability, made from that one, have copies of its own below it (9.2)? */
static bool copy_is_original(struct model_cap copy, struct model_cap source)
{
    if (copy.kind == MODEL_ENDPOINT || copy.kind == MODEL_NOTIFICATION)
        return copy.badge != source.badge;
    return copy.kind == MODEL_UNTYPED;
}

void model_slot_copy(struct model *m, struct model_slot *to, struct model_slot *from,
                     struct model_cap c)
{
    model_slot_fill(m, to, c, copy_is_original(c, from->cap));
    if (from->original)
        model_cdt_child(from, to);
    else
        model_cdt_after(from, to);
    if (c.kind == MODEL_UNTYPED) {
        from->cap.watermark = (word_t)1 << c.object->bits;
        to->cap.watermark = 0;
    }
}

/* Is it the last capability to what it names? */
bool model_slot_final(const struct model *m, const struct model_slot *s)
{
    if (s->cap.kind == MODEL_IRQ_HANDLER)
        return m->irq_handlers[s->cap.irq] == 1;
    return counts(s->cap) && s->cap.object->caps == 1;
}

word_t model_vm_mask(word_t have, word_t rights)
{
    bool read = (rights & RIGHT_READ) != 0;
    bool write = (rights & RIGHT_WRITE) != 0;
    if (have == MODEL_VM_READ_WRITE && read && write)
        return MODEL_VM_READ_WRITE;
    if (have >= MODEL_VM_READ_ONLY && read)
        return MODEL_VM_READ_ONLY;
    return have == MODEL_VM_NONE ? MODEL_VM_NONE : MODEL_VM_KERNEL_ONLY;
}

struct model_cap model_cap_mask(struct model_cap c, word_t rights)
{
    if (c.kind == MODEL_ENDPOINT || c.kind == MODEL_NOTIFICATION || c.kind == MODEL_REPLY)
        c.rights &= rights;
    if (c.kind == MODEL_FRAME)
        c.rights = model_vm_mask(c.rights, rights);
    return c;
}

/* Badge or guard from a word (3.3, setData); null when that is not allowed. */
struct model_cap model_cap_data(struct model_cap c, word_t data, bool preserve)
{
    const struct model_cap null = {0};
    if (c.kind == MODEL_ENDPOINT || c.kind == MODEL_NOTIFICATION) {
        if (preserve || c.badge != 0)
            return null;
        c.badge = data & BADGE;
    }
    if (c.kind == MODEL_CNODE) {
        word_t size = data / 8 % 32;
        word_t guard = data / 256 & GUARD;
        if (size + c.object->bits - 4 > ADDRESS_BITS)
            return null;
        c.guard_size = size;
        c.guard = guard & (word_t)(((uint64_t)1 << size) - 1);
    }
    return c;
}

/* 9.4. c is what becomes of the capability in `source`. */
enum model_outcome model_cap_derive(struct model *m, const struct model_slot *source,
                                    struct model_cap c, struct model_cap *out)
{
    switch (c.kind) {
    case MODEL_UNTYPED:
        if (model_cdt_has_children(source))
            return model_refuse(m, SEL4_REVOKE_FIRST);
        break;
    case MODEL_REPLY:
    case MODEL_IRQ_CONTROL:
        c = (struct model_cap){0};
        break;
    case MODEL_FRAME:
        c.asid = 0;
        c.vaddr = 0;
        break;
    case MODEL_PAGE_TABLE:
    case MODEL_PAGE_DIRECTORY:
        if (c.asid == 0)
            return model_refuse(m, SEL4_ILLEGAL_OPERATION);
        break;
    default:
        break;
    }
    *out = c;
    return MODEL_DONE;
}
