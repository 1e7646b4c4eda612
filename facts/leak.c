/* Looking for memory that nobody can use. */
#include "facts/leak.h"

#include <stdlib.h>
#include <string.h>

const char *leak_word(enum leak_kind kind)
{
    static const char *const words[] = {
#define X(NAME, word, sentence) word,
        LEAK_LIST(X)
#undef X
    };
    return words[kind];
}

const char *leak_sentence(enum leak_kind kind)
{
    static const char *const sentences[] = {
#define X(NAME, word, sentence) sentence,
        LEAK_LIST(X)
#undef X
    };
    return sentences[kind];
}

/* Marks the CNodes and TCBs in which a capability can be used: CSpaces of threads, and TCBs. */
static void mark_reachable(const struct capstate *s, bool *reached, int32_t *queue)
{
    uint32_t head = 0, tail = 0;
    for (uint32_t i = 0; i < s->thread_count; i++) {
        int32_t root = capstate_thread_cspace(s, (int32_t)i);
        if (s->threads[i].object >= 0)
            reached[s->threads[i].object] = true;
        if (root >= 0 && !reached[root]) {
            reached[root] = true;
            queue[tail++] = root;
        }
    }
    while (head < tail) {
        int32_t cnode = queue[head++];
        for (int32_t i = capstate_slot_in(s, cnode, 0); i >= 0;
             i = capstate_slot_after(s, cnode, i)) {
            int32_t o = s->slots[i].object;
            if (s->slots[i].rec.type != RECORD_CAP_CNODE || o < 0 || reached[o])
                continue;
            reached[o] = true;
            queue[tail++] = o;
        }
    }
}

static bool held_where_reached(const struct capstate *s, int32_t object, const bool *reached)
{
    for (int32_t i = s->objects[object].first_slot; i >= 0; i = s->slots[i].next_same)
        if (s->slots[i].holder < 0 || reached[s->slots[i].holder])
            return true;
    return false;
}

/* RAM, without children, and only managers hold it. */
static bool is_idle_untyped(const struct authority *a, int32_t object)
{
    const struct capstate *s = a->state;
    const struct capstate_object *o = &s->objects[object];
    if (o->type != RECORD_CAP_UNTYPED || (o->flags & RECORD_SLOT_DEVICE))
        return false;
    for (int32_t i = o->first_slot; i >= 0; i = s->slots[i].next_same) {
        int32_t d = authority_slot_domain(a, i);
        if (s->slots[i].next > i + 1 || (d >= 0 && !a->domains[d].trusted))
            return false;
    }
    return true;
}

static int larger_first(const void *a, const void *b)
{
    const struct leak *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->object < y->object ? -1 : x->object > y->object;
}

static void judge(const struct authority *a, int32_t object, const bool *reached,
                  struct leak *leaks, uint32_t *count)
{
    const struct capstate_object *o = &a->state->objects[object];
    if (o->bits == 0 || o->bits > 63 || o->first_slot < 0)
        return;
    bool unreachable = !held_where_reached(a->state, object, reached);
    if (!unreachable && !is_idle_untyped(a, object))
        return;
    leaks[(*count)++] = (struct leak){unreachable ? LEAK_CNODE_UNUSED : LEAK_NOBODYS, object,
                                      o->first_slot, 1ull << o->bits};
}

enum error leak_find(const struct authority *a, struct leak **leaks, uint32_t *count)
{
    const struct capstate *s = a->state;
    bool *reached = calloc(s->object_count + 1, sizeof(*reached));
    int32_t *queue = malloc((s->object_count + 1) * sizeof(*queue));
    *leaks = calloc(s->object_count + 1, sizeof(**leaks));
    *count = 0;
    bool ok = reached && queue && *leaks;
    if (ok) {
        mark_reachable(s, reached, queue);
        for (uint32_t i = 0; i < s->object_count; i++)
            judge(a, (int32_t)i, reached, *leaks, count);
        qsort(*leaks, *count, sizeof(**leaks), larger_first);
    }
    free(reached);
    free(queue);
    if (!ok)
        free(*leaks);
    return ok ? ERR_OK : ERR_NO_MEMORY;
}
