/* A snapshot and the events after it. */
#include "attach/between.h"

#include "attach/between_list.h"

enum error between_base(struct replay *m, const struct capstate *s)
{
    struct record r = {.kind = RECORD_SNAPSHOT, .snapshot = s->snapshot};
    enum error e = replay_record(m, &r);
    for (uint32_t i = 0; e == ERR_OK && i < s->slot_count; i++) {
        r = (struct record){.kind = RECORD_SLOT, .slot = s->slots[i].rec};
        e = replay_record(m, &r);
    }
    r = (struct record){.kind = RECORD_END, .end = s->end};
    return e == ERR_OK ? replay_record(m, &r) : e;
}

/* --- the revoke that is under way --- */

/* A snapshot in the midst of a revoke has its root; who revokes, the first event of it tells. */
static bool is_of_revoke(const struct record_revoke *v, uint64_t *thread,
                         const struct record_event *e)
{
    bool names_root = e->kind >= RECORD_EVENT_REVOKE_VICTIM && e->kind <= RECORD_EVENT_REVOKE_END &&
                      (e->kind == RECORD_EVENT_REVOKE_VICTIM ? e->src : e->slot) == v->root;
    if (v->root && !*thread && names_root)
        *thread = e->thread;
    return v->root && e->thread == *thread;
}

static void follow_revoke(struct record_revoke *v, uint64_t *thread, const struct record_event *e)
{
    bool own = is_of_revoke(v, thread, e);
    if (e->kind == RECORD_EVENT_REVOKE_BEGIN) {
        *v = (struct record_revoke){.root = e->slot};
        *thread = e->thread;
    } else if (!own) {
        return;
    } else if (e->kind == RECORD_EVENT_REVOKE_VICTIM) {
        v->victim = e->slot;
        v->done = (uint32_t)e->detail;
    } else if (e->kind == RECORD_EVENT_REVOKE_PREEMPTED) {
        v->preempted++;
    } else if (e->kind == RECORD_EVENT_REVOKE_END) {
        *v = (struct record_revoke){0};
    }
}

/* --- the records of the new state --- */

/* The state after the last event: the slots of the mirror, or, of a kernel that it cannot hold, of the
 * list. */
struct after {
    const struct replay *mirror; /* NULL: the list */
    const struct between_list *list;
    uint64_t seq;
    struct record_revoke revoke;
};

static enum error add_mirrored(const struct replay *m, struct capstate *out)
{
    struct replay_cursor c;
    struct record r = {.kind = RECORD_SLOT};
    enum error e = ERR_OK;
    replay_begin(&c);
    while (e == ERR_OK && replay_next(m, &c, &r.slot))
        e = capstate_add(out, &r);
    return e;
}

static enum error add_slots(const struct after *a, struct capstate *out)
{
    enum error e = ERR_OK;
    if (a->mirror)
        return add_mirrored(a->mirror, out);
    for (const struct between_slot *s = a->list->first; e == ERR_OK && s; s = s->next) {
        const struct record r = {.kind = RECORD_SLOT, .slot = s->rec};
        e = capstate_add(out, &r);
    }
    return e;
}

#define ADD_ALL(KIND, member, array, number)                                                       \
    for (uint32_t i = 0; e == ERR_OK && i < base->number; i++) {                                   \
        const struct record r = {.kind = RECORD_##KIND, .member = base->array[i]};                 \
        e = capstate_add(out, &r);                                                                 \
    }

static enum error add_rest(const struct capstate *base, struct capstate *out)
{
    enum error e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < base->thread_count; i++) {
        const struct record r = {.kind = RECORD_THREAD, .thread = base->threads[i].rec};
        e = capstate_add(out, &r);
    }
    ADD_ALL(ENDPOINT, endpoint, endpoints, endpoint_count)
    ADD_ALL(NOTIFICATION, notification, notifications, notification_count)
    ADD_ALL(SCHED_CONTEXT, sched_context, sched_contexts, sched_context_count)
    ADD_ALL(REPLY, reply, replies, reply_count)
    ADD_ALL(MAPPING, mapping, mappings, mapping_count)
    ADD_ALL(IRQ, irq, irqs, irq_count)
    ADD_ALL(SCHED, sched, scheds, sched_count)
    return e;
}

static enum error add_end(const struct capstate *base, const struct after *a, struct capstate *out)
{
    const struct record under_way = {.kind = RECORD_REVOKE, .revoke = a->revoke};
    struct record r = {.kind = RECORD_END, .end = base->end};
    enum error e = a->revoke.root ? capstate_add(out, &under_way) : ERR_OK;
    uint32_t digest[2] = {0};
    if (a->mirror)
        replay_digest(a->mirror, digest);
    r.end.slots = out->slot_count;
    r.end.threads = out->thread_count;
    r.end.mappings = out->mapping_count;
    r.end.records = UINT32_MAX; /* at most: none are counted here */
    r.end.digest0 = digest[0];
    r.end.digest1 = digest[1];
    return e == ERR_OK ? capstate_add(out, &r) : e;
}

static enum error make_state(const struct capstate *base, const struct after *a,
                             struct capstate *out)
{
    struct record r = {.kind = RECORD_SNAPSHOT, .snapshot = base->snapshot};
    r.snapshot.seq = a->seq;
    capstate_init(out);
    enum error e = capstate_add(out, &r);
    if (e == ERR_OK)
        e = add_slots(a, out);
    if (e == ERR_OK)
        e = add_rest(base, out);
    if (e == ERR_OK)
        e = add_end(base, a, out);
    if (e == ERR_OK)
        e = capstate_finish(out);
    if (e == ERR_OK && out->revoke.root) { /* how much is left only the whole tree tells */
        int32_t root = capstate_slot_at(out, out->revoke.root);
        out->revoke.left = root < 0 ? 0 : (uint32_t)(out->slots[root].next - root - 1);
    }
    if (e != ERR_OK)
        capstate_free(out);
    return e;
}

static enum error by_mirror(const struct capstate *base, const struct record_event *events,
                            uint32_t count, struct capstate *out)
{
    struct replay m;
    struct after after = {.mirror = &m, .revoke = base->revoke};
    uint64_t thread = 0;
    replay_init(&m);
    enum error e = between_base(&m, base);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        const struct record r = {.kind = RECORD_EVENT, .event = events[i]};
        if (events[i].seq > base->snapshot.seq)
            e = replay_record(&m, &r);
        follow_revoke(&after.revoke, &thread, &events[i]);
    }
    after.seq = m.seq;
    if (e == ERR_OK)
        e = make_state(base, &after, out);
    replay_free(&m);
    return e;
}

static enum error by_list(const struct capstate *base, const struct record_event *events,
                          uint32_t count, struct capstate *out)
{
    struct between_list list;
    struct after after = {.list = &list, .seq = base->snapshot.seq, .revoke = base->revoke};
    uint64_t thread = 0;
    enum error e = between_list_init(&list, base);
    for (uint32_t i = 0; e == ERR_OK && i < count; i++) {
        follow_revoke(&after.revoke, &thread, &events[i]);
        if (events[i].seq <= after.seq)
            continue;
        e = events[i].seq == after.seq + 1 ? between_list_apply(&list, &events[i]) : ERR_SEQUENCE;
        after.seq = events[i].seq;
    }
    if (e == ERR_OK)
        e = make_state(base, &after, out);
    between_list_free(&list);
    return e;
}

enum error between_state(const struct capstate *base, const struct record_event *events,
                         uint32_t count, struct capstate *out)
{
    bool ours = base->snapshot.kernel == RECORD_KERNEL_CAPSCOPE;
    return (ours ? by_mirror : by_list)(base, events, count, out);
}
