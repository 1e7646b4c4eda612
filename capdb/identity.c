/* Stable identity of capabilities from one snapshot to the next.
 *
 * Where recorded events tell all that happened in between, they say which capability is which.
 * Otherwise a capability is the one before if the same slot holds the same kind of capability to
 * the same object below the same parent, or below the nearest ancestor that is still there; or if
 * the very same words left one slot and appeared in one other.  Either way it refers to the same
 * object, rights never grow and
 * badges never change in one life: the kernel has no operation that does that, so it is another
 * capability. One that was deleted and made again in its slot, just as it was, cannot be told apart
 * without events.
 *
 * What did not change keeps what it had, in one pass; only slots that differ are looked at closely.
 *
 * Positions order the derivation list: the kernel puts a derived capability directly behind its
 * source, so new ones take places just before their successor, and the space before that is free
 * for those to come.  When it is used up, their neighbourhood is spread out anew: the smallest one
 * that leaves more space between positions the larger it is, so that it is not soon spread again.
 * Positions of 100,000 capabilities fit into four bytes, so that rows are short. */
#include "capdb/compare.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { POSITION_STEP = 1 << 6, POSITION_GAP = 1 << 13, POSITION_LEAST = 8 };

static int compare_words(const struct record_slot *a, const struct record_slot *b)
{
#define COMPARE(field)                                                                             \
    if (a->field != b->field)                                                                      \
        return a->field < b->field ? -1 : 1;
    COMPARE(type)
    COMPARE(object)
    COMPARE(bits)
    COMPARE(rights)
    COMPARE(extra)
    COMPARE(flags)
    if (a->type != RECORD_CAP_UNTYPED)
        COMPARE(data)
#undef COMPARE
    return 0;
}

static bool has_badge(uint32_t type)
{
    return type == RECORD_CAP_ENDPOINT || type == RECORD_CAP_NOTIFICATION;
}

/* Could `now` be what became of `before`? */
static bool may_be(const struct record_slot *before, const struct record_slot *now)
{
    return before->type == now->type && before->object == now->object &&
           before->bits == now->bits && (now->rights & ~before->rights) == 0 &&
           (!has_badge(now->type) || before->data == now->data);
}

/* Nothing but a move sets a guard, so in its slot it stays. */
static bool same_guard(const struct record_slot *a, const struct record_slot *b)
{
    return a->type != RECORD_CAP_CNODE || (a->data == b->data && a->extra == b->extra);
}

static const struct record_slot *old_record(const struct comparison *c, int32_t p)
{
    return &c->old->slots[p].rec;
}

/* p may be -1. */
static void match(struct comparison *c, uint32_t slot, int32_t p)
{
    c->match[slot] = p;
    if (p >= 0)
        c->mark[p] |= OLD_MATCHED;
}

/* What is in its slot as it was is matched; of the others those that may be it are. */
static void match_in_place(struct comparison *c, bool guards)
{
    for (uint32_t i = 0; i < c->now->slot_count; i++) {
        const struct record_slot *r = &c->now->slots[i].rec;
        int32_t p = c->match[i];
        if (c->open[i] && p >= 0 &&
            !(may_be(old_record(c, p), r) && (!guards || same_guard(old_record(c, p), r))))
            p = -1;
        match(c, i, p);
    }
}

static int32_t old_slot_at(const struct comparison *c, uint64_t addr)
{
    return addr && c->old->slot_count ? capstate_slot_at(c->old, addr) : -1;
}

/* Events say of the slots that they touched where the capability came from: first all of those let go
 * of what they had, then each takes what is its own. */
static void match_by_events(struct comparison *c, const struct origins *origins)
{
    match_in_place(c, false);
    for (uint32_t o = 0; o < origins->count; o++) {
        int32_t i = capstate_slot_at(c->now, origins->list[o].slot);
        if (i >= 0 && c->match[i] >= 0)
            c->mark[c->match[i]] &= (uint8_t)~OLD_MATCHED;
        if (i >= 0)
            c->match[i] = -1;
    }
    for (uint32_t o = 0; o < origins->count; o++) {
        int32_t i = capstate_slot_at(c->now, origins->list[o].slot);
        int32_t p = old_slot_at(c, origins->list[o].from);
        if (i < 0)
            continue;
        c->open[i] = 1;
        if (p >= 0 && !(c->mark[p] & OLD_MATCHED) &&
            may_be(old_record(c, p), &c->now->slots[i].rec))
            match(c, (uint32_t)i, p);
    }
}

/* --- moves --- */

struct stray {
    const struct record_slot *rec;
    uint32_t index;
};

static int stray_compare(const void *pa, const void *pb)
{
    return compare_words(((const struct stray *)pa)->rec, ((const struct stray *)pb)->rec);
}

static bool stray_alone(const struct stray *s, uint32_t count, uint32_t i)
{
    return (i == 0 || compare_words(s[i - 1].rec, s[i].rec) != 0) &&
           (i + 1 == count || compare_words(s[i + 1].rec, s[i].rec) != 0);
}

/* Pairs what left one slot with what appeared in one other, where both are the only such words. */
static void match_strays(struct comparison *c, struct stray *gone, uint32_t gone_count,
                         struct stray *come, uint32_t come_count)
{
    if (gone_count)
        qsort(gone, gone_count, sizeof(*gone), stray_compare);
    if (come_count)
        qsort(come, come_count, sizeof(*come), stray_compare);
    for (uint32_t g = 0, k = 0; g < gone_count && k < come_count;) {
        int order = compare_words(gone[g].rec, come[k].rec);
        if (order == 0 && stray_alone(gone, gone_count, g) && stray_alone(come, come_count, k))
            match(c, come[k].index, (int32_t)gone[g].index);
        g += order <= 0;
        k += order >= 0;
    }
}

static uint32_t gather_gone(const struct comparison *c, struct stray *out)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < c->old->slot_count; p++)
        if (!(c->mark[p] & OLD_MATCHED)) {
            if (out)
                out[count] = (struct stray){old_record(c, (int32_t)p), p};
            count++;
        }
    return count;
}

static uint32_t gather_come(const struct comparison *c, struct stray *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->now->slot_count; i++)
        if (c->match[i] < 0) {
            if (out)
                out[count] = (struct stray){&c->now->slots[i].rec, i};
            count++;
        }
    return count;
}

static enum error match_moves(struct comparison *c)
{
    uint32_t gone_count = gather_gone(c, NULL);
    uint32_t come_count = gone_count ? gather_come(c, NULL) : 0;
    if (gone_count == 0 || come_count == 0)
        return ERR_OK;
    struct stray *gone = malloc(gone_count * sizeof(*gone));
    struct stray *come = malloc(come_count * sizeof(*come));
    enum error e = gone && come ? ERR_OK : ERR_NO_MEMORY;
    if (e == ERR_OK)
        match_strays(c, gone, gather_gone(c, gone), come, gather_come(c, come));
    free(gone);
    free(come);
    return e;
}

/* --- ids --- */

static int64_t old_id(const struct comparison *c, int32_t p)
{
    return p < 0 ? 0 : c->before->caps[p].id;
}

static int64_t old_parent(const struct comparison *c, int32_t p)
{
    return old_id(c, c->old->slots[p].parent);
}

/* The nearest ancestor of p whose id lives on, 0 for none. */
static int64_t surviving_parent(const struct comparison *c, int32_t p)
{
    int32_t at = c->old->slots[p].parent;
    while (at >= 0 && !(c->mark[at] & OLD_KEPT))
        at = c->old->slots[at].parent;
    return old_id(c, at);
}

static bool rec_changed(const struct record_slot *a, const struct record_slot *b)
{
    return a->addr != b->addr || a->rights != b->rights || a->data != b->data ||
           a->extra != b->extra || a->flags != b->flags;
}

/* Does it refer to the same object? */
static bool same_object(const struct comparison *c, int32_t p, uint32_t i)
{
    const int32_t before = c->old->slots[p].object;
    const int32_t now = c->now->slots[i].object;
    if (before < 0 || now < 0)
        return before == now;
    return capstate_object_compare(&c->old->objects[before], &c->now->objects[now]) == 0;
}

/* One to answer a thread is the same record when the thread is being emptied, and refers to what is left
 * of it. */
static bool refers_elsewhere(const struct comparison *c, int32_t p, uint32_t i)
{
    return c->now->slots[i].rec.type == RECORD_CAP_REPLY && !same_object(c, p, i);
}

/* A slot that differs, or whose parent does, or its object. */
static void give_id(struct comparison *c, uint32_t i, int64_t parent, bool events, int64_t *next_id)
{
    int32_t p = c->match[i];
    struct kept_cap *k = &c->next->caps[i];
    bool below = p >= 0 && same_object(c, p, i) &&
                 (events || old_parent(c, p) == parent || surviving_parent(c, p) == parent);
    c->open[i] = 1;
    if (below) {
        *k = c->before->caps[p];
        c->mark[p] |= OLD_KEPT;
        c->stats.changed += rec_changed(old_record(c, p), &c->now->slots[i].rec);
    } else {
        *k = (struct kept_cap){.id = (*next_id)++};
        c->match[i] = -1;
        c->stats.added++;
    }
    k->row = 0;
}

/* Pre-order: a slot's parent has its id when the slot gets its own. Are the positions that go on
 * ascending? */
static bool give_ids(struct comparison *c, bool events, int64_t *next_id)
{
    struct kept_cap *out = c->next->caps;
    bool ascending = true;
    int64_t last = 0;
    for (uint32_t i = 0; i < c->now->slot_count; i++) {
        int32_t p = c->match[i];
        int64_t parent = c->parent[i] < 0 ? 0 : out[c->parent[i]].id;
        if (p < 0 || c->open[i] || old_id(c, c->old_parent[i]) != parent ||
            refers_elsewhere(c, p, i)) {
            give_id(c, i, parent, events, next_id);
        } else {
            out[i] = c->before->caps[p];
            c->mark[p] |= OLD_KEPT | OLD_ROW;
        }
        ascending &= out[i].pos == 0 || out[i].pos > last;
        last = out[i].pos ? out[i].pos : last;
    }
    for (uint32_t p = 0; p < c->old->slot_count; p++)
        c->stats.removed += !(c->mark[p] & OLD_KEPT);
    return ascending;
}

/* --- positions --- */

/* The length of the longest ascending run so far that a position can continue. Most continue the
 * longest. */
static size_t run_before(const struct kept_cap *out, const int32_t *end, uint32_t length,
                         int64_t pos)
{
    if (length && out[end[length - 1]].pos < pos)
        return length;
    return LOWER_BOUND(length, run, out[end[run]].pos < pos);
}

/* Keeps a longest ascending run of the positions, clears the others and opens their slots. */
static enum error keep_ascending(struct comparison *c)
{
    struct kept_cap *out = c->next->caps;
    uint32_t count = c->now->slot_count;
    uint32_t length = 0;
    int32_t *end = malloc((count + 1) * sizeof(*end)); /* by length of run: index that ends it */
    int32_t *link = malloc((count + 1) * sizeof(*link));
    if (!end || !link) {
        free(end);
        free(link);
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (out[i].pos == 0)
            continue;
        size_t low = run_before(out, end, length, out[i].pos);
        link[i] = low ? end[low - 1] : -1;
        end[low] = (int32_t)i;
        length += low == length;
    }
    int32_t at = length ? end[length - 1] : -1;
    for (uint32_t i = count; i-- > 0;) {
        if ((int32_t)i == at) {
            at = link[i];
        } else if (out[i].pos != 0) {
            out[i].pos = 0;
            c->open[i] = 1;
        }
    }
    free(end);
    free(link);
    return ERR_OK;
}

/* Fills the run [first, end) between positions of its neighbours; false when there is no room. */
static bool fill_run(struct kept_cap *out, uint32_t first, uint32_t end, uint32_t count)
{
    int64_t run = end - first;
    int64_t left = first ? out[first - 1].pos : 0;
    if (end == count) {
        for (uint32_t i = first; i < end; i++)
            out[i].pos = left + (int64_t)(i - first + 1) * POSITION_GAP;
        return true;
    }
    int64_t right = out[end].pos;
    int64_t step = (right - left) / (run + 1);
    if (step > POSITION_STEP)
        step = POSITION_STEP;
    for (uint32_t i = first; i < end; i++)
        out[i].pos = right - (int64_t)(end - i) * step;
    return step > 0;
}

/* Slots [first, end) at one step from each other between the neighbours of the window. */
static bool spread(struct comparison *c, uint32_t first, uint32_t end, int64_t least)
{
    struct kept_cap *out = c->next->caps;
    int64_t left = first ? out[first - 1].pos : 0;
    int64_t step = end == c->now->slot_count ? POSITION_GAP
                                             : (out[end].pos - left) / ((int64_t)(end - first) + 1);
    if (step < least)
        return false;
    for (uint32_t i = first; i < end; i++) {
        out[i].pos = left + (int64_t)(i - first + 1) * step;
        c->open[i] = 1;
    }
    return true;
}

/* Widens the run until there is room. One that reaches the end of the list has it: there positions
 * have no bound. Returns the end of what was spread. */
static uint32_t make_room(struct comparison *c, uint32_t first, uint32_t end)
{
    const struct kept_cap *out = c->next->caps;
    const uint32_t count = c->now->slot_count;
    for (unsigned level = 0;; level++) {
        uint32_t more = (uint32_t)1 << level;
        first -= first < more ? first : more;
        end = count - end < more ? count : end + more;
        while (end < count && out[end].pos == 0)
            end++;
        if (spread(c, first, end, (int64_t)POSITION_LEAST << level / 2))
            return end;
    }
}

/* Only slots that are open may have none. */
static void fill_positions(struct comparison *c)
{
    struct kept_cap *out = c->next->caps;
    uint32_t count = c->now->slot_count;
    for (uint32_t i = 0; i < count; i++) {
        if (!c->open[i] || out[i].pos != 0)
            continue;
        uint32_t end = i;
        while (end < count && out[end].pos == 0)
            end++;
        i = (fill_run(out, i, end, count) ? end : make_room(c, i, end)) - 1;
    }
}

static enum error give_positions(struct comparison *c, bool ascending)
{
    enum error e = ascending ? ERR_OK : keep_ascending(c);
    if (e == ERR_OK)
        fill_positions(c);
    return e;
}

/* --- all of it --- */

enum error identity_assign(struct comparison *c, const struct origins *origins, int64_t *next_id)
{
    enum error e = ERR_OK;
    if (origins) {
        match_by_events(c, origins);
    } else {
        match_in_place(c, true);
        e = match_moves(c);
    }
    return e == ERR_OK ? give_positions(c, give_ids(c, origins, next_id)) : e;
}
