/* Untyped memory and retype (paper 3.1, 3.2.1; ABI sheet 3.2, 9.3).
 *
 * A Retype of many objects makes them piece by piece, with a look at the interrupts between the
 * check of all and the first piece and after each piece but the last.  An interrupted one is
 * executed again, and asks for the rest then: the label of the thread's own message says how many
 * objects are made (abi/syscall.h), so that the whole state of a half-done Retype is in the
 * thread's registers, where it goes wherever they go, and in the objects made.  It is taken out of
 * the label when the call is executed again, so that nobody finds it there afterwards.
 *
 *                 checks of all pass, interrupt          n made, interrupt
 *   whole request ----------------------------> rest, 0 made -----------> rest, n made ...
 *
 * The whole request is refused before anything changes.  The rest is checked anew, since others ran
 * meanwhile, but its slots only as far as the next piece goes: so each execution of it makes at
 * least one object or clears at least one chunk before it looks, or ends.
 *
 * The watermark is how far from the base the block has been handed out; an untyped capability
 * without children has nothing handed out, whatever its watermark says.
 *
 * Memory is cleared when it is handed out, from the first byte the block can give to the end of the
 * last object, in pieces with a look at the interrupts between them; the gap that alignment leaves
 * is cleared with it.  So that an interrupted clearing need not begin anew, however short the
 * time between two interrupts, the slot says in the spare bits of its links that there is progress,
 * and the last word of the block, which is nobody's either until the clearing ends, says exactly
 * how far:
 *
 *     progress 1:  every byte from the stored watermark up to the offset in the last word is zero
 *
 * Why a later Retype, with other arguments and by another thread, may rely on that:
 *  - clearing starts at the stored watermark, never at an object's aligned start, so the claim has
 *    no hole in front;
 *  - memory above the watermark belongs to nobody: children lie below it, a block without children
 *    gets its watermark set to 0 and its progress forgotten before clearing begins, and a copy of
 *    the capability marks it full.  So nobody writes there between two attempts;
 *  - whoever changes the watermark (each piece of a Retype, a copy, MakePool) forgets the progress
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
    PIECE = 32,         /* objects between two looks, some 13 instructions each */
    SIZE_BITS_LIMIT = 32,
    WHOLE = 0, /* of a label's part about the rest */
    REST = 1,  /* plus the objects that are made */
    NO_RETYPE = RETYPE_MAX_OBJECTS + REST,
};
_Static_assert(INV_UNTYPED_RETYPE >> RETYPE_REST_SHIFT == 0, "the two parts of a label");

/* Kept apart from the short way of one object. */
#define SELDOM __attribute__((noinline))
#define ALWAYS inline __attribute__((always_inline))

/* A Retype that has passed its checks. */
struct retype {
    enum object_type type;
    unsigned object_bits;
    unsigned size_bits; /* radix of a CNode, size of an untyped block */
    word_t made;        /* objects of the whole request that were made before */
    word_t piece;       /* most objects between two looks at the interrupts */
    bool whole;         /* the slots of all objects are known to be empty */
    word_t count;       /* objects still to make */
    struct slot *slots; /* for them */
    word_t used;        /* bytes from the base that are handed out: the others are nobody's */
    word_t offset;      /* of the next object in the block */
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
static ALWAYS enum outcome clear_up_to(struct slot *slot, word_t used, word_t end)
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

static const uint8_t bits_of_type[OBJECT_TYPES] = {
#define X(value, NAME, text, bits) [OBJECT_##NAME] = (bits),
    OBJECT_TYPE_LIST(X)
#undef X
};

static bool object_is_frame(word_t type)
{
    return type >= OBJECT_FRAME_4K && type <= OBJECT_FRAME_16M;
}

/* The state of a half-done Retype in the label of the thread's message. */
static void rest_write(word_t rest)
{
    const word_t shift = MSGINFO_LABEL_SHIFT + RETYPE_REST_SHIFT;
    word_t *tag = &current_thread()->regs[REG_R1];

    *tag = (*tag & (((word_t)1 << shift) - 1)) | rest << shift;
}

/* What a label asks for: WHOLE, or the rest of a request, which gets its own label back; NO_RETYPE:
 * another operation. */
static SELDOM word_t rest_of_label(word_t label)
{
    word_t rest = label >> RETYPE_REST_SHIFT;

    if (label - (rest << RETYPE_REST_SHIFT) != INV_UNTYPED_RETYPE || rest > RETYPE_MAX_OBJECTS)
        return NO_RETYPE;
    rest_write(WHOLE);
    return rest;
}

/* Type and size: checks 3 to 6 of 3.2. */
static enum outcome decode_object(const struct message *m, struct retype *r)
{
    word_t type = message_word(m, 0);
    word_t size_bits = message_word(m, 1);
    bool sized = type == OBJECT_UNTYPED || type == OBJECT_CNODE;

    if (type >= OBJECT_TYPES)
        return refuse_argument(0);
    if (size_bits >= SIZE_BITS_LIMIT)
        return refuse_range(0, UNTYPED_MAX_BITS);
    r->type = (enum object_type)type;
    r->size_bits = (unsigned)size_bits;
    r->object_bits = bits_of_type[type];
    if (!sized)
        return DONE;
    r->object_bits = r->size_bits + (type == OBJECT_CNODE ? (unsigned)SLOT_BITS : 0);
    if (r->object_bits > UNTYPED_MAX_BITS)
        return refuse_range(0, UNTYPED_MAX_BITS);
    if (size_bits < (type == OBJECT_CNODE ? 1u : (unsigned)UNTYPED_MIN_BITS))
        return refuse_argument(1);
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

/* Where the capabilities go: checks 9 to 12.  A message of six words has a buffer. */
static enum outcome decode_slots(const struct message *m, struct cap node, struct retype *r)
{
    word_t slots = (word_t)1 << cnode_radix(node);
    word_t offset = m->buffer[IPCBUF_MSG + 4] + r->made;
    word_t count = m->buffer[IPCBUF_MSG + 5] - r->made;
    struct slot *first;

    if (offset > slots - 1)
        return refuse_range(0, slots - 1);
    if (count < 1 || count > RETYPE_MAX_OBJECTS)
        return refuse_range(1, RETYPE_MAX_OBJECTS);
    if (count + r->made > RETYPE_MAX_OBJECTS) /* a label that somebody made up */
        return refuse_range(1, RETYPE_MAX_OBJECTS);
    if (count > slots - offset)
        return refuse_range(1, slots - offset);
    first = (struct slot *)kptr(cap_object_of(node, CAP_CNODE)) + offset;
    if (r->whole && !slots_are_empty(first, count))
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
    word_t offset = (used + align) & ~align;

    if (free_bytes >> r->object_bits < r->count)
        return refuse_memory(free_bytes);
    if (untyped_is_device(slot->cap) && r->type != OBJECT_UNTYPED && !object_is_frame(r->type))
        return refuse_argument(1);
    r->used = used;
    r->offset = offset;
    return DONE;
}

/* The capability to a new object (3.2, last paragraph). */
static ALWAYS struct cap object_cap(const struct retype *r, kaddr_t object, bool device)
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
static void threads_init(kaddr_t first, word_t count)
{
    for (word_t i = 0; i < count; i++)
        tcb_init(kptr(first + (i << TCB_BITS)));
}

/* Makes the next n objects, whose slots are empty. DONE, or PREEMPTED in clearing: nothing is made.
 */
static ALWAYS enum outcome objects_make(struct slot *slot, const struct retype *r, word_t n)
{
    kaddr_t first = cap_object_of(slot->cap, CAP_UNTYPED) + r->offset;
    word_t end = r->offset + (n << r->object_bits);
    bool device = untyped_is_device(slot->cap);

    /* What an untyped child covers is cleared when that child hands it out. */
    if (!device && r->type != OBJECT_UNTYPED && clear_up_to(slot, r->used, end) != DONE)
        return PREEMPTED;
    if (r->type == OBJECT_TCB)
        threads_init(first, n);
    watermark_set(slot, end);
    cdt_insert_objects(slot, r->slots, n, object_cap(r, first, device),
                       (word_t)1 << r->object_bits);
    return DONE;
}

/* How many slots from the first on are empty, of n. */
static word_t slots_empty(const struct slot *s, word_t n)
{
    word_t i = 0;

    while (i < n && slot_is_empty(&s[i]))
        i++;
    return i;
}

/* The next n objects are made: what is left begins behind them. */
static void retype_advance(struct retype *r, word_t n)
{
    r->made += n;
    r->count -= n;
    r->slots += n;
    r->offset += n << r->object_bits;
    r->used = r->offset;
}

static enum outcome retype_interrupted(const struct retype *r)
{
    rest_write(REST + r->made);
    return PREEMPTED;
}

/* Of a whole request the slots are empty; those of a rest are looked at with each piece. */
static SELDOM enum outcome invoke_in_pieces(struct slot *slot, struct retype *r)
{
    if (r->whole && preempt_point(PREEMPT_UNITS))
        return retype_interrupted(r);
    for (;;) {
        word_t n = r->count < r->piece ? r->count : r->piece;

        if (!r->whole)
            n = slots_empty(r->slots, n);
        if (n == 0)
            return refuse_delete_first();
        if (objects_make(slot, r, n) != DONE)
            return retype_interrupted(r);
        if (n == r->count)
            return DONE;
        retype_advance(r, n);
        if (preempt_point(PREEMPT_UNITS))
            return retype_interrupted(r);
    }
}

static inline enum outcome invoke_retype(struct slot *slot, const struct retype *r)
{
    if (r->count > (r->whole ? r->piece : 0)) {
        struct retype many;

        many = *r;
        return invoke_in_pieces(slot, &many);
    }
    return objects_make(slot, r, r->count);
}

/* Whether it is a Retype, or the rest of one, and all its words are there. */
static ALWAYS enum outcome decode_form(const struct message *m, struct retype *r)
{
    r->made = 0;
    r->whole = true;
    if (m->label != INV_UNTYPED_RETYPE) {
        word_t rest = rest_of_label(m->label);

        if (rest == NO_RETYPE)
            return refuse_illegal();
        r->made = rest - REST;
        r->whole = false;
    }
    if (m->length < 6 || !m->extra[0])
        return refuse_truncated();
    return DONE;
}

/* The CNode, and the slots in it that the objects go to. */
static ALWAYS enum outcome decode_destination(const struct message *m, struct retype *r)
{
    struct cap node;
    enum outcome outcome = decode_node(m, &node);

    if (outcome != DONE)
        return outcome;
    return decode_slots(m, node, r);
}

/* What is asked for, and where it goes: so far nothing is changed. */
static ALWAYS enum outcome decode_request(const struct slot *slot, const struct message *m,
                                          struct retype *r)
{
    enum outcome outcome = decode_form(m, r);

    if (outcome != DONE)
        return outcome;
    outcome = decode_object(m, r);
    if (outcome != DONE)
        return outcome;
    r->piece = debug_retype_objects(r->type, PIECE);
    outcome = decode_destination(m, r);
    if (outcome != DONE)
        return outcome;
    outcome = decode_memory(slot, r);
    return outcome;
}

enum outcome untyped_operation(struct slot *slot, struct message *m)
{
    struct retype r;
    enum outcome outcome = decode_request(slot, m, &r);

    if (outcome != DONE)
        return outcome;
    return invoke_retype(slot, &r);
}
