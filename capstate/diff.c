/* Difference of two snapshots: a merge of both lists of slots by address finds what changed in
 * place; an equal capability that left one slot and appeared in another is a move, matched in order
 * of address. */
#include "capstate/capstate.h"
#include "capstate/index.h"

#include <stdlib.h>

struct change {
    enum capstate_change kind;
    const struct capstate_slot *before;
    const struct capstate_slot *after;
};

struct changes {
    struct change *at; /* everything but additions */
    uint32_t count;
    const struct capstate_slot **removed; /* candidates for a move */
    uint32_t removed_count;
    const struct capstate_slot **added;
    uint32_t added_count;
};

static int compare_words(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Orders by capability: equal means that one could be the other after a move.  REVOCABLE and
 * FIRST_BADGED travel with a capability, so flags count. */
static int capability_compare(const struct record_slot *a, const struct record_slot *b)
{
    const uint64_t wa[] = {a->object, a->type, a->bits,  a->rights,
                           a->flags,  a->data, a->extra, a->level};
    const uint64_t wb[] = {b->object, b->type, b->bits,  b->rights,
                           b->flags,  b->data, b->extra, b->level};
    for (size_t i = 0; i < sizeof(wa) / sizeof(*wa); i++)
        if (wa[i] != wb[i])
            return compare_words(wa[i], wb[i]);
    return 0;
}

static int slot_compare(const void *pa, const void *pb)
{
    const struct capstate_slot *a = *(const struct capstate_slot *const *)pa;
    const struct capstate_slot *b = *(const struct capstate_slot *const *)pb;
    int order = capability_compare(&a->rec, &b->rec);
    return order ? order : compare_words(a->rec.addr, b->rec.addr);
}

static uint64_t change_addr(const struct change *c)
{
    return c->after ? c->after->rec.addr : c->before->rec.addr;
}

static int change_compare(const void *pa, const void *pb)
{
    const struct change *a = pa;
    const struct change *b = pb;
    int order = compare_words(change_addr(a), change_addr(b));
    return order ? order : (a->kind > b->kind) - (a->kind < b->kind);
}

static void note(struct changes *c, enum capstate_change kind, const struct capstate_slot *before,
                 const struct capstate_slot *after)
{
    c->at[c->count++] = (struct change){kind, before, after};
}

static void note_same_place(struct changes *c, const struct capstate_slot *before,
                            const struct capstate_slot *after)
{
    const struct record_slot *a = &before->rec;
    const struct record_slot *b = &after->rec;
    if (a->object != b->object || a->type != b->type || a->bits != b->bits)
        note(c, CHANGE_REPLACED, before, after);
    else if (a->type == RECORD_CAP_IRQ_HANDLER && a->data != b->data)
        note(c, CHANGE_REPLACED, before, after);
    else if (a->rights != b->rights)
        note(c, CHANGE_RIGHTS, before, after);
    else if (capability_compare(a, b) != 0)
        note(c, CHANGE_UPDATED, before, after);
}

static void merge(const struct capstate *a, const struct capstate *b, struct changes *c)
{
    const struct capstate_key *ka = a->index->slots;
    const struct capstate_key *kb = b->index->slots;
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < a->slot_count || j < b->slot_count) {
        bool only_a = j == b->slot_count || (i < a->slot_count && ka[i].key < kb[j].key);
        bool only_b = i == a->slot_count || (j < b->slot_count && kb[j].key < ka[i].key);
        if (only_a)
            c->removed[c->removed_count++] = &a->slots[ka[i++].value];
        else if (only_b)
            c->added[c->added_count++] = &b->slots[kb[j++].value];
        else
            note_same_place(c, &a->slots[ka[i++].value], &b->slots[kb[j++].value]);
    }
}

static void match_moves(struct changes *c)
{
    if (c->removed_count)
        qsort(c->removed, c->removed_count, sizeof(struct capstate_slot *), slot_compare);
    if (c->added_count)
        qsort(c->added, c->added_count, sizeof(struct capstate_slot *), slot_compare);
    uint32_t i = 0;
    uint32_t j = 0;
    while (i < c->removed_count || j < c->added_count) {
        int order = 0;
        if (i == c->removed_count)
            order = 1;
        else if (j == c->added_count)
            order = -1;
        else
            order = capability_compare(&c->removed[i]->rec, &c->added[j]->rec);
        if (order < 0)
            note(c, CHANGE_REMOVED, c->removed[i++], NULL);
        else if (order > 0)
            note(c, CHANGE_ADDED, NULL, c->added[j++]);
        else {
            note(c, CHANGE_MOVED, c->removed[i++], c->added[j++]);
        }
    }
}

enum error capstate_diff(const struct capstate *a, const struct capstate *b, capstate_diff_fn fn,
                         void *ctx)
{
    struct changes c = {
        .at = capstate_array((size_t)a->slot_count + b->slot_count, sizeof(struct change)),
        .removed = capstate_array(a->slot_count, sizeof(struct capstate_slot *)),
        .added = capstate_array(b->slot_count, sizeof(struct capstate_slot *)),
    };
    enum error e = c.at && c.removed && c.added ? ERR_OK : ERR_NO_MEMORY;
    if (e == ERR_OK) {
        merge(a, b, &c);
        match_moves(&c);
        qsort(c.at, c.count, sizeof(*c.at), change_compare);
        for (uint32_t i = 0; i < c.count; i++)
            fn(ctx, c.at[i].kind, c.at[i].before, c.at[i].after);
    }
    free(c.at);
    free(c.removed);
    free(c.added);
    return e;
}
