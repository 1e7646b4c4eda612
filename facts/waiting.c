/* Who waits for whom. */
#include "facts/waiting.h"
#include "lib/array.h"

#include "facts/resolve.h"
#include "facts/why_time.h"

#include <stdlib.h>
#include <string.h>

/* --- which threads use a CNode: those whose CSpace leads there --- */

struct user {
    int32_t object; /* a CNode */
    int32_t thread; /* whose CSpace leads there */
};

struct users {
    struct user *user;
    uint32_t count;
    size_t room;
    bool failed;
};

static void add_user(struct users *u, int32_t object, int32_t thread)
{
    struct user *grown = array_room(u->user, u->count, &u->room, sizeof(*grown));
    u->failed |= !grown;
    if (!grown)
        return;
    u->user = grown;
    u->user[u->count++] = (struct user){object, thread};
}

/* CNodes that hang in a thread's CSpace, each once. */
static void walk_cspace(const struct capstate *s, int32_t thread, int32_t *seen, int32_t *queue,
                        struct users *u)
{
    uint32_t head = 0, tail = 0;
    int32_t root = capstate_thread_cspace(s, thread);
    if (root < 0)
        return;
    queue[tail++] = root;
    seen[root] = thread + 1;
    while (head < tail) {
        int32_t cnode = queue[head++];
        add_user(u, cnode, thread);
        for (int32_t i = capstate_slot_in(s, cnode, 0); i >= 0;
             i = capstate_slot_after(s, cnode, i)) {
            int32_t o = s->slots[i].object;
            if (s->slots[i].rec.type != RECORD_CAP_CNODE || o < 0 || seen[o] == thread + 1)
                continue;
            seen[o] = thread + 1;
            queue[tail++] = o;
        }
    }
}

/* Threads that share a root share all of it: one of them stands for the walk. */
static bool root_was_walked(const struct capstate *s, int32_t thread)
{
    int32_t root = capstate_thread_cspace(s, thread);
    for (int32_t i = 0; i < thread; i++)
        if (capstate_thread_cspace(s, i) == root)
            return true;
    return false;
}

static enum error find_users(const struct capstate *s, struct users *u)
{
    int32_t *seen = calloc(s->object_count + 1, sizeof(*seen));
    int32_t *queue = malloc((s->object_count + 1) * sizeof(*queue));
    u->failed = !seen || !queue;
    for (uint32_t i = 0; i < s->thread_count && !u->failed; i++)
        if (!s->threads[i].rec.idle && !root_was_walked(s, (int32_t)i))
            walk_cspace(s, (int32_t)i, seen, queue, u);
    free(seen);
    free(queue);
    return u->failed ? ERR_NO_MEMORY : ERR_OK;
}

/* --- wakers --- */

struct build {
    const struct capstate *s;
    const struct users *users;
    struct waiting *w;
    size_t room;
    int32_t *last; /* by thread: last thread whose waker it became, against doubles */
    bool failed;
};

static void add_waker(struct build *b, int32_t thread, int32_t waker)
{
    if (waker == thread || b->last[waker] == thread)
        return;
    b->last[waker] = thread;
    int32_t *grown = array_room(b->w->wakers, b->w->count, &b->room, sizeof(*grown));
    b->failed |= !grown;
    if (!grown)
        return;
    b->w->wakers = grown;
    b->w->wakers[b->w->count++] = waker;
}

/* Every thread in whose CSpace the slot lies: those with the same root as the one that was walked.
 */
static void add_users_of(struct build *b, int32_t thread, int32_t cnode)
{
    const struct capstate *s = b->s;
    for (uint32_t i = 0; i < b->users->count; i++) {
        if (b->users->user[i].object != cnode)
            continue;
        int32_t root = capstate_thread_cspace(s, b->users->user[i].thread);
        for (uint32_t t = 0; t < s->thread_count; t++)
            if (!s->threads[t].rec.idle && capstate_thread_cspace(s, (int32_t)t) == root)
                add_waker(b, thread, (int32_t)t);
    }
}

/* Everybody with a capability to the object and one of these rights. */
static void add_holders(struct build *b, int32_t thread, int32_t object, uint32_t rights)
{
    const struct capstate *s = b->s;
    for (int32_t i = object < 0 ? -1 : s->objects[object].first_slot; i >= 0;
         i = s->slots[i].next_same) {
        const struct capstate_slot *slot = &s->slots[i];
        if (!(slot->rec.rights & rights))
            continue;
        if (slot->holder < 0)
            b->w->outside[thread] = true; /* a slot of the kernel's: an interrupt signals it */
        else if (s->objects[slot->holder].type == RECORD_CAP_CNODE)
            add_users_of(b, thread, slot->holder);
    }
}

static void add_bound(struct build *b, int32_t thread)
{
    uint64_t bound = b->s->threads[thread].rec.bound;
    if (bound)
        add_holders(b, thread, capstate_object_at(b->s, bound), RECORD_RIGHT_WRITE);
}

int32_t waiting_replier(const struct capstate *s, int32_t thread, int32_t *slot)
{
    int32_t object = s->threads[thread].object;
    *slot = -1;
    for (int32_t i = object < 0 ? -1 : s->objects[object].first_slot; i >= 0;
         i = s->slots[i].next_same) {
        const struct capstate_slot *c = &s->slots[i];
        if (c->rec.type != RECORD_CAP_REPLY || (c->rec.flags & RECORD_SLOT_MASTER) || c->holder < 0)
            continue;
        *slot = i;
        int32_t holder = capstate_thread_of(s, c->holder);
        for (uint32_t t = 0; holder < 0 && t < s->thread_count; t++)
            if (capstate_thread_cspace(s, (int32_t)t) == c->holder)
                holder = (int32_t)t;
        if (holder >= 0)
            return holder;
    }
    return -1;
}

/* By its meaning: where it lies in a TCB differs between kernels. */
static int32_t slot_of_tcb(const struct capstate *s, int32_t object, uint32_t which)
{
    for (int32_t i = object < 0 ? -1 : capstate_slot_in(s, object, 0); i >= 0;
         i = capstate_slot_after(s, object, i))
        if (s->slots[i].holder == object && s->slots[i].index == which)
            return i;
    return -1;
}

static int32_t endpoint_in(const struct capstate *s, int32_t slot)
{
    bool endpoint = slot >= 0 && s->slots[slot].rec.type == RECORD_CAP_ENDPOINT;
    return endpoint ? s->slots[slot].object : -1;
}

int32_t waiting_timeout_handler(const struct capstate *s, int32_t thread, int32_t *slot)
{
    *slot = slot_of_tcb(s, s->threads[thread].object, RECORD_TCB_TIMEOUT_HANDLER);
    return endpoint_in(s, *slot);
}

int32_t waiting_handler(const struct capstate *s, int32_t thread, int32_t *slot)
{
    struct resolve r;
    int32_t object = s->threads[thread].object;
    *slot = -1;
    if (s->snapshot.options & RECORD_OPTION_MCS) { /* the capability lies in the TCB */
        *slot = slot_of_tcb(s, object, RECORD_TCB_FAULT_HANDLER);
    } else if (s->threads[thread].rec.fault_handler) {
        resolve_cptr(s, thread, s->threads[thread].rec.fault_handler, 0, &r);
        *slot = r.end == RESOLVE_SLOT && r.levels ? r.level[r.levels - 1].slot : -1;
    }
    return endpoint_in(s, *slot);
}

/* A reply object: whoever holds a capability to it may answer. */
static void add_repliers(struct build *b, int32_t thread)
{
    const struct capstate *s = b->s;
    int32_t slot, replier = waiting_replier(s, thread, &slot);
    if (replier >= 0)
        add_waker(b, thread, replier);
    else if (slot >= 0)
        add_users_of(b, thread, s->slots[slot].holder);
    if (s->threads[thread].rec.reply)
        add_holders(b, thread, capstate_object_at(s, s->threads[thread].rec.reply), UINT32_MAX);
    for (uint32_t i = 0; i < s->reply_count; i++)
        if (s->replies[i].thread == s->threads[thread].rec.addr) {
            int32_t o = capstate_object_at(s, s->replies[i].addr);
            for (int32_t k = o < 0 ? -1 : s->objects[o].first_slot; k >= 0;
                 k = s->slots[k].next_same)
                if (s->slots[k].holder >= 0)
                    add_users_of(b, thread, s->slots[k].holder);
        }
}

static void add_wakers(struct build *b, int32_t thread)
{
    const struct record_thread *t = &b->s->threads[thread].rec;
    int32_t on = t->blocked_on ? capstate_object_at(b->s, t->blocked_on) : -1;
    switch (t->state) {
    case RECORD_THREAD_BLOCKED_ON_RECEIVE:
        add_holders(b, thread, on, RECORD_RIGHT_WRITE);
        add_bound(b, thread);
        break;
    case RECORD_THREAD_BLOCKED_ON_SEND:
        add_holders(b, thread, on, RECORD_RIGHT_READ);
        break;
    case RECORD_THREAD_BLOCKED_ON_NOTIFICATION:
        add_holders(b, thread, on, RECORD_RIGHT_WRITE);
        break;
    case RECORD_THREAD_BLOCKED_ON_REPLY:
        add_repliers(b, thread);
        break;
    default:
        break;
    }
}

static bool is_ready(const struct capstate *s, int32_t thread)
{
    const struct record_thread *t = &s->threads[thread].rec;
    return t->idle || t->current || (why_is_runnable(t) && why_time_comes(why_time(s, thread)));
}

static void spread(const struct capstate *s, struct waiting *w)
{
    bool more = true;
    for (uint32_t i = 0; i < s->thread_count; i++)
        w->can_go_on[i] = w->outside[i] || is_ready(s, (int32_t)i);
    while (more) {
        more = false;
        for (uint32_t i = 0; i < s->thread_count; i++)
            for (uint32_t k = w->first[i]; k < w->first[i + 1] && !w->can_go_on[i]; k++)
                if (w->can_go_on[w->wakers[k]])
                    more = w->can_go_on[i] = true;
    }
}

enum error waiting_build(const struct capstate *s, struct waiting *out)
{
    struct users users = {0};
    *out = (struct waiting){0};
    out->first = calloc(s->thread_count + 1, sizeof(*out->first));
    out->outside = calloc(s->thread_count + 1, sizeof(*out->outside));
    out->can_go_on = calloc(s->thread_count + 1, sizeof(*out->can_go_on));
    struct build b = {.s = s, .users = &users, .w = out};
    b.last = malloc((s->thread_count + 1) * sizeof(*b.last));
    b.failed = !out->first || !out->outside || !out->can_go_on || !b.last ||
               find_users(s, &users) != ERR_OK;
    for (uint32_t i = 0; i < s->thread_count && !b.failed; i++)
        b.last[i] = -1;
    for (uint32_t i = 0; i < s->thread_count && !b.failed; i++) {
        out->first[i] = out->count;
        add_wakers(&b, (int32_t)i);
        out->first[i + 1] = out->count;
    }
    if (!b.failed)
        spread(s, out);
    free(b.last);
    free(users.user);
    if (b.failed)
        waiting_free(out);
    return b.failed ? ERR_NO_MEMORY : ERR_OK;
}

void waiting_free(struct waiting *w)
{
    free(w->wakers);
    free(w->first);
    free(w->outside);
    free(w->can_go_on);
    *w = (struct waiting){0};
}
