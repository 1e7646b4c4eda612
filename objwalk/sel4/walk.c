/* Waves: what is to be read next is gathered, asked for at once, and read. */
#include "objwalk/sel4/walk_parts.h"

#include <stdlib.h>
#include <string.h>

enum { REFRESH_WAVES = 32 }; /* then there is so much new that everything is read */

uint64_t sel4_walk_pa(const struct sel4_walk *w, uint64_t va)
{
    return sel4_memory_physical(w->m, va);
}

void sel4_walk_task(struct sel4_walk *w, const struct sel4_task *t)
{
    if (!sel4_array_add(&w->next, t))
        w->full = true;
}

void sel4_walk_once(struct sel4_walk *w, const struct sel4_task *t)
{
    if (sel4_map_add(&w->seen, t->kind, sel4_walk_pa(w, t->addr), 0, &w->full))
        sel4_walk_task(w, t);
}

void sel4_walk_finding(struct sel4_walk *w, enum audit_rule rule, uint64_t va, uint64_t other,
                       uint64_t value)
{
    sel4_state_finding(w->s, rule, sel4_walk_pa(w, va), other, value);
}

bool sel4_walk_words(struct sel4_walk *w, uint64_t va, uint64_t *words, uint32_t count)
{
    if (sel4_memory_words(w->m, va, words, count) == ERR_OK)
        return true;
    sel4_walk_finding(w, AUDIT_UNREADABLE, va, 0, 0);
    w->s->complete = false;
    return false;
}

void sel4_walk_add(struct sel4_walk *w, struct sel4_array *a, const void *item)
{
    if (a->count >= SEL4_MAX_MAPPINGS)
        w->capped++;
    else if (!sel4_array_add(a, item))
        w->full = true;
}

/* --- waves --- */

static void want_task(struct sel4_walk *w, const struct sel4_task *t)
{
    switch (t->kind) {
    case SEL4_TASK_SLOTS:
    case SEL4_TASK_GROUP:
        sel4_walk_want_slots(w, t);
        return;
    case SEL4_TASK_KNOWN:
        sel4_walk_want_known(w, t);
        return;
    case SEL4_TASK_SLOT:
        sel4_memory_want(w->m, t->addr, 4 * w->l->word);
        return;
    case SEL4_TASK_THREAD:
        sel4_walk_want_thread(w, t->addr);
        return;
    case SEL4_TASK_POOL:
        sel4_memory_want(w->m, t->addr, w->l->word << w->l->asid_low_bits);
        return;
    case SEL4_TASK_TABLE:
        sel4_walk_want_table(w, t);
        return;
    default:
        sel4_walk_want_object(w, t);
        return;
    }
}

static void do_task(struct sel4_walk *w, const struct sel4_task *t)
{
    switch (t->kind) {
    case SEL4_TASK_SLOTS:
    case SEL4_TASK_GROUP:
        sel4_walk_read_slots(w, t);
        return;
    case SEL4_TASK_KNOWN:
        sel4_walk_read_known(w, t);
        return;
    case SEL4_TASK_SLOT:
        sel4_walk_read_slot(w, t);
        return;
    case SEL4_TASK_THREAD:
        sel4_walk_read_thread(w, t->addr);
        return;
    case SEL4_TASK_POOL:
        sel4_walk_read_pool(w, t);
        return;
    case SEL4_TASK_TABLE:
        sel4_walk_read_table(w, t);
        return;
    default:
        sel4_walk_read_object(w, t);
        return;
    }
}

static enum error state_of(const struct sel4_walk *w)
{
    return w->full ? ERR_NO_MEMORY : w->m->error;
}

static enum error one_wave(struct sel4_walk *w)
{
    struct sel4_array now = w->next;
    w->next = w->now;
    w->next.count = 0;
    w->now = now;
    for (uint32_t i = 0; i < now.count; i++)
        want_task(w, SEL4_ITEM(now, struct sel4_task, i));
    enum error e = sel4_memory_fetch(w->m);
    for (uint32_t i = 0; e == ERR_OK && i < now.count; i++) {
        do_task(w, SEL4_ITEM(now, struct sel4_task, i));
        e = state_of(w);
    }
    return e;
}

/* A chain of slots that each only their neighbour names takes a wave each: that many there are
 * not, unless somebody made them. */
static enum error waves(struct sel4_walk *w)
{
    enum error e = state_of(w);
    for (unsigned i = 0; e == ERR_OK && w->next.count > 0; i++) {
        if (i == SEL4_WAVES) {
            w->capped++;
            w->next.count = 0;
            break;
        }
        w->lost = w->lost || (w->last && i == REFRESH_WAVES);
        if (w->lost)
            break;
        e = one_wave(w);
    }
    return e;
}

static void begin(struct sel4_walk *w, struct sel4_kernel *k, struct sel4_state *out)
{
    memset(w, 0, sizeof(*w));
    sel4_state_init(out);
    w->k = k;
    w->l = &k->layout;
    w->m = &k->memory;
    w->s = out;
    w->now.size = sizeof(struct sel4_task);
    w->next.size = sizeof(struct sel4_task);
    w->started = k->layout.paging_known;
}

static void end(struct sel4_walk *w)
{
    free(w->now.items);
    free(w->next.items);
    sel4_map_fini(&w->seen);
    sel4_map_fini(&w->slots);
    free(w->known);
}

static enum error finish(struct sel4_walk *w)
{
    sel4_walk_place_slots(w);
    sel4_walk_order(w);
    sel4_walk_judge_queues(w);
    sel4_walk_judge_mappings(w);
    if (w->capped > 0) {
        w->s->complete = false;
        sel4_state_finding(w->s, AUDIT_UNREADABLE, 0, 0, w->capped);
    }
    return w->full ? ERR_NO_MEMORY : sel4_walk_judge_layout(w);
}

/* `last`: NULL, or what is refreshed. What went wrong with the layout or the refresh is in w. */
static enum error walk(struct sel4_walk *w, struct sel4_kernel *k, const struct sel4_state *last,
                       struct sel4_state *out)
{
    begin(w, k, out);
    if (last && !sel4_walk_remember(w, last))
        return ERR_NO_MEMORY;
    sel4_walk_roots(w);
    enum error e = waves(w);
    if (e == ERR_OK && !w->started && !w->lost) {
        sel4_walk_start_spaces(w);
        e = waves(w);
    }
    if (e == ERR_OK)
        sel4_walk_judge_refresh(w);
    return e == ERR_OK && !w->lost ? finish(w) : e;
}

enum error sel4_walk(struct sel4_kernel *k, struct sel4_state *out)
{
    struct sel4_walk w;
    enum error e = walk(&w, k, NULL, out);
    end(&w);
    if (w.again) {
        sel4_state_fini(out);
        e = walk(&w, k, NULL, out);
        end(&w);
    }
    return e;
}

/* --- the next walk --- */

static void expect_tables(struct sel4_walk *w, const struct sel4_state *last)
{
    for (uint32_t i = 0; i < last->tables.count; i++) {
        const struct sel4_table *t = SEL4_ITEM(last->tables, struct sel4_table, i);
        struct sel4_task task = {
            .kind = SEL4_TASK_TABLE, .addr = t->pa, .level = w->l->paging.levels - 1u - t->level};
        sel4_walk_want_table(w, &task);
    }
}

static void expect_objects(struct sel4_walk *w, const struct sel4_array *a,
                           enum sel4_task_kind kind, uint64_t arg)
{
    for (uint32_t i = 0; i < a->count; i++) {
        struct sel4_task t = {.kind = kind, .arg = arg};
        memcpy(&t.addr, (const uint8_t *)a->items + (size_t)i * a->size, sizeof(t.addr));
        sel4_walk_want_object(w, &t); /* all of them begin with their address */
    }
}

static void expect_pools(struct sel4_walk *w, const struct sel4_state *last)
{
    for (uint32_t i = 0; i < last->pools.count; i++)
        sel4_memory_want(w->m, *SEL4_ITEM(last->pools, uint64_t, i),
                         w->l->word << w->l->asid_low_bits);
}

static void expect_container(struct sel4_walk *w, const struct sel4_container *c)
{
    struct sel4_task t = {.kind = SEL4_TASK_SLOTS, .addr = c->base, .arg = c->slots};
    if (sel4_walk_refreshes(w, c))
        sel4_walk_want_known(w, &t);
    else
        sel4_walk_want_slots(w, &t);
}

/* Asks ahead for all that the last walk read, so that this one finds most of it in one batch. */
static void expect(struct sel4_walk *w, const struct sel4_state *last)
{
    sel4_walk_want_roots(w);
    for (uint32_t i = 0; i < last->containers.count; i++)
        expect_container(w, sel4_state_container(last, i));
    for (uint32_t i = 0; i < last->threads.count; i++)
        sel4_walk_want_thread(w, sel4_state_thread(last, i)->tcb);
    expect_objects(w, &last->endpoints, SEL4_TASK_ENDPOINT, 0);
    expect_objects(w, &last->notifications, SEL4_TASK_NOTIFICATION, 0);
    expect_objects(w, &last->replies, SEL4_TASK_REPLY, 0);
    expect_objects(w, &last->contexts, SEL4_TASK_CONTEXT, 0);
    expect_pools(w, last);
    expect_tables(w, last);
}

/* What was left out may be what explains a finding. */
enum error sel4_walk_again(struct sel4_kernel *k, const struct sel4_state *last,
                           struct sel4_state *out)
{
    struct sel4_walk w;
    struct sel4_state scratch;
    begin(&w, k, &scratch);
    if (sel4_walk_remember(&w, last))
        expect(&w, last);
    end(&w);
    sel4_state_fini(&scratch);
    enum error e = walk(&w, k, last, out);
    end(&w);
    bool whole = w.lost || w.again || out->findings.count > 0 || !out->complete;
    if (!whole || (e != ERR_OK && e != ERR_LAYOUT))
        return e;
    sel4_state_fini(out);
    return sel4_walk(k, out);
}
