/* Untyped memory and retype (paper 3.1, 3.2.1; ABI sheet 3.2, 9.3).
 *
 * The watermark is how far from the base the block has been handed out; an untyped capability
 * without children has nothing handed out, whatever its watermark says.
 *
 * Memory is cleared when it is handed out, from the first byte the block can give to the end of the
 * last object, in pieces with a look at the interrupts between them; the gap that alignment leaves
 * is cleared with it.  An interrupted Retype changes nothing else and is executed again from
 * its checks.  So that it need not begin anew, however short the time between two interrupts, the
 * slot says in the spare bits of its links that there is progress, and the last word of the block,
 * which is nobody's either until the clearing ends, says exactly how far:
 *
 *     progress 1:  every byte from the stored watermark up to the offset in the last word is zero
 *
 * Why a later Retype, with other arguments and by another thread, may rely on that:
 *  - clearing starts at the stored watermark, never at an object's aligned start, so the claim has
 *    no hole in front;
 *  - memory above the watermark belongs to nobody: children lie below it, a block without children
 *    gets its watermark set to 0 and its progress forgotten before clearing begins, and a copy of
 *    the capability marks it full.  So nobody writes there between two attempts;
 *  - whoever changes the watermark (Retype when it succeeds, a copy, MakePool) forgets the progress
 *    in the same step; a new slot starts without any, and a moved one takes it along;
 *  - the last word is written only while clearing has not reached it: what is left is at least one
 *    object, and it is cleared with the rest when its turn comes. */
#include "kernel/untyped.h"
#include "kernel/arch.h"
#include "kernel/cdt.h"
#include "kernel/cnode.h"
#include "kernel/debug.h"
#include "kernel/refusal.h"
#include "kernel/tcb.h"

enum {
    CLEAR_CHUNK = 4096, /* bytes between two looks, some 460 instructions */
    PROGRESS = 4,       /* flag in the next link: there is progress */
    SIZE_BITS_LIMIT = 32,
};

/* A Retype that has passed its checks. */
struct retype {
    enum object_type type;
    unsigned object_bits;
    unsigned size_bits; /* radix of a CNode, size of an untyped block */
    word_t count;
    word_t used;   /* bytes from the base that are handed out: the rest is nobody's */
    word_t offset; /* of the first object in the block */
    struct slot *slots;
};

/* --- watermark and progress --- */

static inline word_t untyped_size(struct cap c)
{
    return (word_t)1 << untyped_bits(c);
}

/* Bytes from the base that are handed out. */
static word_t untyped_used(const struct slot *slot)
{
    return cdt_has_children(slot) ? untyped_watermark(slot->cap) : 0;
}

word_t untyped_free_bytes(const struct slot *slot)
{
    return untyped_size(slot->cap) - untyped_used(slot);
}

static word_t *progress_record(const struct slot *slot)
{
    return kptr(cap_object_of(slot->cap, CAP_UNTYPED) + untyped_size(slot->cap) -
                (word_t)sizeof(word_t));
}

static void progress_save(struct slot *slot, word_t bytes)
{
    *progress_record(slot) = bytes;
    slot->next |= PROGRESS;
}

/* The watermark changes: what was known to be clear above the old one is forgotten. */
static void watermark_set(struct slot *slot, word_t bytes)
{
    struct cap c = untyped_with_watermark(slot->cap, bytes);

    slot->next &= ~(word_t)PROGRESS;
    cdt_update(slot, c, EVENT_WATERMARK, cap_object_of(c, CAP_UNTYPED), bytes);
}

void untyped_fill(struct slot *slot)
{
    watermark_set(slot, untyped_size(slot->cap));
}

/* --- clearing --- */

/* Where clearing goes on, at most at `end`. What is said about a watermark that counts no more,
 * because all children are gone, counts no more either. */
static word_t clear_begin(const struct slot *slot, word_t used, word_t end)
{
    word_t at;

    if (!(slot->next & PROGRESS) || used != untyped_watermark(slot->cap))
        return used;
    at = *progress_record(slot);
    return at < end ? at : end;
}

static enum outcome clear_interrupted(struct slot *slot, word_t used, word_t at)
{
    if (used != untyped_watermark(slot->cap))
        watermark_set(slot, used);
    progress_save(slot, at);
    return PREEMPTED;
}

/* Clears what lies between the bytes that are handed out and `end`, both from the base, and takes
 * it out of the cache, since users and the table walker may see this memory past it. */
static enum outcome clear_up_to(struct slot *slot, word_t used, word_t end)
{
    kaddr_t base = cap_object_of(slot->cap, CAP_UNTYPED);
    word_t at = clear_begin(slot, used, end);

    for (; end - at > CLEAR_CHUNK; at += CLEAR_CHUNK) {
        arch_clear(base + at, CLEAR_CHUNK);
        if (preempt_point(PREEMPT_UNITS))
            return clear_interrupted(slot, used, at + CLEAR_CHUNK);
    }
    arch_clear(base + at, end - at);
    return DONE;
}

/* --- retype --- */

static unsigned object_bits_of(word_t type, word_t size_bits)
{
    static const uint8_t fixed[OBJECT_TYPES] = {
#define X(value, NAME, text, bits) [OBJECT_##NAME] = (bits),
        OBJECT_TYPE_LIST(X)
#undef X
    };

    if (type == OBJECT_UNTYPED)
        return (unsigned)size_bits;
    if (type == OBJECT_CNODE)
        return (unsigned)size_bits + SLOT_BITS;
    return fixed[type];
}

static bool object_is_frame(word_t type)
{
    return type >= OBJECT_FRAME_4K && type <= OBJECT_FRAME_16M;
}

/* Type and size: checks 3 to 6 of 3.2. */
static enum outcome decode_object(const struct message *m, struct retype *r)
{
    word_t type = message_word(m, 0);
    word_t size_bits = message_word(m, 1);
    unsigned object_bits;

    if (type >= OBJECT_TYPES)
        return refuse_argument(0);
    if (size_bits >= SIZE_BITS_LIMIT)
        return refuse_range(0, UNTYPED_MAX_BITS);
    object_bits = object_bits_of(type, size_bits);
    if (object_bits > UNTYPED_MAX_BITS)
        return refuse_range(0, UNTYPED_MAX_BITS);
    if (type == OBJECT_CNODE && size_bits == 0)
        return refuse_argument(1);
    if (type == OBJECT_UNTYPED && size_bits < UNTYPED_MIN_BITS)
        return refuse_argument(1);
    r->type = (enum object_type)type;
    r->object_bits = object_bits;
    r->size_bits = (unsigned)size_bits;
    return DONE;
}

/* The CNode that takes the new capabilities: checks 7 and 8. */
static enum outcome decode_node(const struct message *m, struct cap *node)
{
    word_t depth = message_word(m, 3);
    struct cap c = m->extra[0]->cap;

    if (depth != 0) {
        struct slot *slot;
        enum outcome outcome = cnode_lookup_target(c, message_word(m, 2), depth, false, &slot);

        if (outcome != DONE)
            return outcome;
        c = slot->cap;
    }
    if (cap_type(c) != CAP_CNODE) {
        lookup_failed(LOOKUP_MISSING_CAPABILITY, depth, 0, 0);
        return refuse_lookup(false);
    }
    *node = c;
    return DONE;
}

/* Word 0 of an empty slot is 0. */
static bool slots_are_empty(const struct slot *s, word_t count)
{
    word_t occupied = 0;
#pragma GCC unroll 8
    for (word_t i = 0; i < count; i++)
        occupied |= s[i].cap.w[0];
    return occupied == 0;
}

/* Where the capabilities go: checks 9 to 12. */
static enum outcome decode_slots(const struct message *m, struct cap node, struct retype *r)
{
    word_t slots = (word_t)1 << cnode_radix(node);
    word_t offset = message_word(m, 4);
    word_t count = message_word(m, 5);
    struct slot *first;

    if (offset > slots - 1)
        return refuse_range(0, slots - 1);
    if (count < 1 || count > RETYPE_MAX_OBJECTS)
        return refuse_range(1, RETYPE_MAX_OBJECTS);
    if (count > slots - offset)
        return refuse_range(1, slots - offset);
    first = (struct slot *)kptr(cap_object_of(node, CAP_CNODE)) + offset;
    if (!slots_are_empty(first, count))
        return refuse_delete_first();
    r->slots = first;
    r->count = count;
    return DONE;
}

/* Is there room, and may this memory become such objects: checks 13 and 14. */
static enum outcome decode_memory(const struct slot *slot, struct retype *r)
{
    word_t used = untyped_used(slot);
    word_t free_bytes = untyped_size(slot->cap) - used;
    word_t align = ((word_t)1 << r->object_bits) - 1;

    if (free_bytes >> r->object_bits < r->count)
        return refuse_memory(free_bytes);
    if (untyped_is_device(slot->cap) && r->type != OBJECT_UNTYPED && !object_is_frame(r->type))
        return refuse_argument(1);
    r->used = used;
    r->offset = (used + align) & ~align;
    return DONE;
}

/* The capability to a new object (3.2, last paragraph). */
static struct cap object_cap(const struct retype *r, kaddr_t object, bool device)
{
    switch (r->type) {
    case OBJECT_UNTYPED:
        return untyped_make(object, r->size_bits, device, 0);
    case OBJECT_TCB:
        return cap_make(CAP_TCB, object, 0);
    case OBJECT_ENDPOINT:
        return ipc_cap_make(CAP_ENDPOINT, object, 0, RIGHT_ALL);
    case OBJECT_NOTIFICATION:
        return ipc_cap_make(CAP_NOTIFICATION, object, 0, RIGHT_READ | RIGHT_WRITE);
    case OBJECT_CNODE:
        return cnode_make(object, r->size_bits, 0, 0);
    case OBJECT_FRAME_4K:
        return frame_make(CAP_FRAME_4K, object, VM_READ_WRITE, device);
    case OBJECT_FRAME_64K:
        return frame_make(CAP_FRAME_64K, object, VM_READ_WRITE, device);
    case OBJECT_FRAME_1M:
        return frame_make(CAP_FRAME_1M, object, VM_READ_WRITE, device);
    case OBJECT_FRAME_16M:
        return frame_make(CAP_FRAME_16M, object, VM_READ_WRITE, device);
    case OBJECT_PAGE_TABLE:
        return page_table_make(object, 0, 0);
    case OBJECT_PAGE_DIRECTORY:
        return page_directory_make(object, 0);
    default:
        return cap_null();
    }
}

/* Cleared memory becomes threads; everything else begins as zeros (a page directory gets the
 * kernel's mappings with its ASID). */
static void threads_init(const struct retype *r, kaddr_t first)
{
    for (word_t i = 0; i < r->count; i++)
        tcb_init(kptr(first + (i << TCB_BITS)));
}

static enum outcome invoke_retype(struct slot *slot, const struct retype *r)
{
    kaddr_t first = cap_object_of(slot->cap, CAP_UNTYPED) + r->offset;
    word_t bytes = r->count << r->object_bits;
    bool device = untyped_is_device(slot->cap);

    /* What an untyped child covers is cleared when that child hands it out. */
    if (!device && r->type != OBJECT_UNTYPED) {
        enum outcome outcome = clear_up_to(slot, r->used, r->offset + bytes);

        if (outcome != DONE)
            return outcome;
    }
    if (r->type == OBJECT_TCB)
        threads_init(r, first);
    watermark_set(slot, r->offset + bytes);
    cdt_insert_objects(slot, r->slots, r->count, object_cap(r, first, device),
                       (word_t)1 << r->object_bits);
    return DONE;
}

enum outcome untyped_operation(struct slot *slot, struct message *m)
{
    struct retype r;
    struct cap node;
    enum outcome outcome;

    if (m->label != INV_UNTYPED_RETYPE)
        return refuse_illegal();
    if (m->length < 6 || m->extra[0] == NULL)
        return refuse_truncated();
    outcome = decode_object(m, &r);
    if (outcome != DONE)
        return outcome;
    outcome = decode_node(m, &node);
    if (outcome != DONE)
        return outcome;
    outcome = decode_slots(m, node, &r);
    if (outcome != DONE)
        return outcome;
    outcome = decode_memory(slot, &r);
    if (outcome != DONE)
        return outcome;
    return invoke_retype(slot, &r);
}
