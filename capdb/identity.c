/* Stable identity of capabilities from one snapshot to the next.
 *
 * Where recorded events tell all that happened in between, they say which capability is which.
 * Otherwise a capability is the one before if the same slot holds the same kind of capability to
 * the same object below the same parent, or below the nearest ancestor that is still there; or if
 * the very same words left one slot and appeared in one other.  Either way rights never grow and
 * badges never change in one life: the kernel has no operation that does that, so it is another
 * capability. One that was deleted and made again in its slot, just as it was, cannot be told apart
 * without events.
 *
 * Positions order the derivation list: the kernel puts a derived capability directly behind its
 * source, so new ones take places just before their successor, and the space before that is free
 * for those to come.  When it is used up, everything is spread out anew. */
#include "capdb/recorder.h"

#include <stdlib.h>
#include <string.h>

enum { POSITION_STEP = 1 << 8, POSITION_GAP = 1 << 24 };

struct matching {
    const struct capmem *before;
    uint32_t before_count;
    const struct capstate *state;
    const struct origins *origins; /* NULL: nothing is known */
    int32_t *match;                /* new slot -> index in before, -1 */
    bool *matched;                 /* index in before -> some new slot is it */
    bool *kept;                    /* index in before -> its id lives on */
    struct sort_key *by_slot;      /* indices in before, by slot address */
    struct sort_key *by_id;
};

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

static int32_t find_key(const struct sort_key *keys, uint32_t count, int64_t key)
{
    uint32_t at = keys_lower_bound(keys, count, key);
    return at < count && keys[at].key == key ? (int32_t)keys[at].index : -1;
}

static int32_t find_slot(const struct matching *m, uint64_t addr)
{
    return find_key(m->by_slot, m->before_count, (int64_t)addr);
}

static int32_t find_id(const struct matching *m, int64_t id)
{
    return find_key(m->by_id, m->before_count, id);
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

static void match(struct matching *m, uint32_t slot, int32_t before)
{
    m->match[slot] = before;
    m->matched[before] = true;
}

static void match_by_events(struct matching *m)
{
    for (uint32_t i = 0; i < m->state->slot_count; i++) {
        const struct record_slot *r = &m->state->slots[i].rec;
        uint64_t from = origins_of(m->origins, r->addr);
        int32_t p = from ? find_slot(m, from) : -1;
        m->match[i] = -1;
        if (p >= 0 && !m->matched[p] && may_be(&m->before[p].rec, r))
            match(m, i, p);
    }
}

static void match_in_place(struct matching *m)
{
    for (uint32_t i = 0; i < m->state->slot_count; i++) {
        const struct record_slot *r = &m->state->slots[i].rec;
        int32_t p = find_slot(m, r->addr);
        m->match[i] = -1;
        if (p >= 0 && !m->matched[p] && may_be(&m->before[p].rec, r) &&
            same_guard(&m->before[p].rec, r))
            match(m, i, p);
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
static void match_strays(struct matching *m, struct stray *gone, uint32_t gone_count,
                         struct stray *come, uint32_t come_count)
{
    if (gone_count)
        qsort(gone, gone_count, sizeof(*gone), stray_compare);
    if (come_count)
        qsort(come, come_count, sizeof(*come), stray_compare);
    for (uint32_t g = 0, c = 0; g < gone_count && c < come_count;) {
        int order = compare_words(gone[g].rec, come[c].rec);
        if (order == 0 && stray_alone(gone, gone_count, g) && stray_alone(come, come_count, c))
            match(m, come[c].index, (int32_t)gone[g].index);
        g += order <= 0;
        c += order >= 0;
    }
}

static enum error match_moves(struct matching *m)
{
    uint32_t gone_count = 0;
    uint32_t come_count = 0;
    struct stray *gone = malloc((m->before_count + 1) * sizeof(*gone));
    struct stray *come = malloc((m->state->slot_count + 1) * sizeof(*come));
    enum error e = gone && come ? ERR_OK : ERR_NO_MEMORY;
    for (uint32_t i = 0; e == ERR_OK && i < m->before_count; i++)
        if (!m->matched[i])
            gone[gone_count++] = (struct stray){&m->before[i].rec, i};
    for (uint32_t i = 0; e == ERR_OK && i < m->state->slot_count; i++)
        if (m->match[i] < 0)
            come[come_count++] = (struct stray){&m->state->slots[i].rec, i};
    if (e == ERR_OK)
        match_strays(m, gone, gone_count, come, come_count);
    free(gone);
    free(come);
    return e;
}

/* --- ids --- */

/* The nearest ancestor of before[p] whose id lives on, 0 for none. */
static int64_t surviving_parent(const struct matching *m, int32_t p)
{
    int64_t id = m->before[p].parent;
    /* as many steps as there are capabilities: parents come from a file and might run in a circle
     */
    for (uint32_t steps = 0; id != 0 && steps < m->before_count; steps++) {
        int32_t at = find_id(m, id);
        if (at < 0)
            return 0;
        if (m->kept[at])
            return id;
        id = m->before[at].parent;
    }
    return 0;
}

static bool rec_changed(const struct record_slot *a, const struct record_slot *b)
{
    return a->addr != b->addr || a->rights != b->rights || a->data != b->data ||
           a->extra != b->extra || a->flags != b->flags;
}

/* Pre-order: a slot's parent has its id when the slot gets its own. */
static void give_ids(struct matching *m, int64_t *next_id, struct capmem *out,
                     struct identity_stats *stats)
{
    for (uint32_t i = 0; i < m->state->slot_count; i++) {
        const struct capstate_slot *slot = &m->state->slots[i];
        int32_t p = m->match[i];
        int64_t parent = slot->parent < 0 ? 0 : out[slot->parent].id;
        out[i] = (struct capmem){.rec = slot->rec, .parent = parent};
        bool below = p >= 0 && (m->origins || m->before[p].parent == parent ||
                                surviving_parent(m, p) == parent);
        if (below) {
            m->kept[p] = true;
            out[i].id = m->before[p].id;
            out[i].pos = m->before[p].pos;
            stats->changed += rec_changed(&m->before[p].rec, &slot->rec);
        } else {
            out[i].id = (*next_id)++;
            stats->added++;
        }
    }
    for (uint32_t i = 0; i < m->before_count; i++)
        stats->removed += !m->kept[i];
}

/* --- positions --- */

/* Keeps a longest ascending run of the positions in out and clears the others. */
static enum error keep_ascending(struct capmem *out, uint32_t count)
{
    int64_t last = 0;
    bool sorted = true;
    for (uint32_t i = 0; i < count && sorted; i++) {
        sorted = out[i].pos == 0 || out[i].pos > last;
        last = out[i].pos ? out[i].pos : last;
    }
    if (sorted)
        return ERR_OK;
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
        uint32_t low = 0;
        uint32_t high = length;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (out[end[middle]].pos < out[i].pos)
                low = middle + 1;
            else
                high = middle;
        }
        link[i] = low ? end[low - 1] : -1;
        end[low] = (int32_t)i;
        length += low == length;
    }
    int32_t at = length ? end[length - 1] : -1;
    for (uint32_t i = count; i-- > 0;) {
        if ((int32_t)i == at)
            at = link[i];
        else
            out[i].pos = 0;
    }
    free(end);
    free(link);
    return ERR_OK;
}

static void spread_anew(struct capmem *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        out[i].pos = (int64_t)(i + 1) * POSITION_GAP;
}

/* Fills the run [first, end) between positions of its neighbours; false when there is no room. */
static bool fill_run(struct capmem *out, uint32_t first, uint32_t end, uint32_t count)
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

static enum error give_positions(struct capmem *out, uint32_t count)
{
    enum error e = keep_ascending(out, count);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < count; i++) {
        if (out[i].pos != 0)
            continue;
        uint32_t end = i;
        while (end < count && out[end].pos == 0)
            end++;
        if (!fill_run(out, i, end, count)) {
            spread_anew(out, count);
            return ERR_OK;
        }
        i = end - 1;
    }
    return ERR_OK;
}

/* --- all of it --- */

static bool matching_init(struct matching *m)
{
    size_t before = m->before_count + 1;
    m->match = malloc((m->state->slot_count + 1) * sizeof(*m->match));
    m->matched = calloc(before, sizeof(*m->matched));
    m->kept = calloc(before, sizeof(*m->kept));
    m->by_slot = malloc(before * sizeof(*m->by_slot));
    m->by_id = malloc(before * sizeof(*m->by_id));
    if (!m->match || !m->matched || !m->kept || !m->by_slot || !m->by_id)
        return false;
    for (uint32_t i = 0; i < m->before_count; i++) {
        m->by_slot[i] = (struct sort_key){(int64_t)m->before[i].rec.addr, i};
        m->by_id[i] = (struct sort_key){m->before[i].id, i};
    }
    keys_sort(m->by_slot, m->before_count);
    keys_sort(m->by_id, m->before_count);
    return true;
}

static void matching_fini(struct matching *m)
{
    free(m->match);
    free(m->matched);
    free(m->kept);
    free(m->by_slot);
    free(m->by_id);
}

enum error identity_assign(const struct capmem *before, uint32_t before_count,
                           const struct capstate *state, const struct origins *origins,
                           int64_t *next_id, struct capmem *out, struct identity_stats *stats)
{
    struct matching m = {
        .before = before, .before_count = before_count, .state = state, .origins = origins};
    enum error e = matching_init(&m) ? ERR_OK : ERR_NO_MEMORY;
    *stats = (struct identity_stats){0};
    if (e == ERR_OK && origins) {
        match_by_events(&m);
    } else if (e == ERR_OK) {
        match_in_place(&m);
        e = match_moves(&m);
    }
    if (e == ERR_OK) {
        give_ids(&m, next_id, out, stats);
        e = give_positions(out, state->slot_count);
    }
    matching_fini(&m);
    return e;
}
