/* Comparing two samples; capstate_diff() does the work. */
#include "inspector-tui/compare.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

static enum sign sign_of(enum capstate_change change)
{
    switch (change) {
    case CHANGE_ADDED:
        return SIGN_BORN;
    case CHANGE_REMOVED:
        return SIGN_DIED;
    case CHANGE_MOVED:
        return SIGN_MOVED;
    default:
        return SIGN_CHANGED;
    }
}

static void take_change(void *ctx, enum capstate_change kind, const struct capstate_slot *before,
                        const struct capstate_slot *after)
{
    struct compare *c = ctx;
    struct change *grown = array_room(c->changes, c->count, &c->room, sizeof(*grown));
    c->failed |= !grown;
    if (!grown)
        return;
    c->changes = grown;
    c->changes[c->count++] = (struct change){
        .kind = kind,
        .before = before ? (int32_t)(before - c->before->state.slots) : -1,
        .after = after ? (int32_t)(after - c->after->state.slots) : -1,
    };
    c->counts[sign_of(kind)]++;
    if (after)
        c->sign[after - c->after->state.slots] = (uint8_t)sign_of(kind);
}

struct compare *compare_make(struct sample *before, struct sample *after)
{
    struct compare *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->before = sample_hold(before);
    c->after = sample_hold(after);
    c->sign = calloc(after->state.slot_count + 1, 1);
    c->failed = !c->sign;
    if (!c->failed && before && before->sum != after->sum)
        c->failed = capstate_diff(&before->state, &after->state, take_change, c) != ERR_OK ||
                    c->failed || !dead_find(c);
    return c;
}

void compare_move_on(struct compare *c, struct sample *after)
{
    struct sample *old = c->after;
    c->after = sample_hold(after);
    c->remade = REMADE_UNASKED;
    sample_drop(old);
}

void compare_free(struct compare *c)
{
    if (!c)
        return;
    sample_drop(c->before);
    sample_drop(c->after);
    dead_free(&c->dead);
    free(c->sign);
    free(c->changes);
    free(c->remade_slots);
    free(c);
}

enum sign compare_slot(const struct compare *c, int32_t slot)
{
    return c && !c->failed && slot >= 0 ? (enum sign)c->sign[slot] : SIGN_SAME;
}

enum sign compare_thread(const struct compare *c, int32_t thread)
{
    if (!c || !c->before || c->failed || c->before->sum == c->after->sum)
        return SIGN_SAME;
    const struct record_thread *now = &c->after->state.threads[thread].rec;
    int32_t old = sample_thread_at(c->before, now->addr);
    if (old < 0)
        return SIGN_BORN;
    const struct record_thread *then = &c->before->state.threads[old].rec;
    bool same = then->state == now->state && then->blocked_on == now->blocked_on &&
                then->fault == now->fault && then->priority == now->priority &&
                then->name.length == now->name.length &&
                memcmp(then->name.bytes, now->name.bytes, now->name.length) == 0;
    return same ? SIGN_SAME : SIGN_CHANGED;
}

enum sign compare_domain(const struct compare *c, int32_t domain)
{
    if (!c || !c->before || c->failed)
        return SIGN_SAME;
    struct ref r = sample_domain_ref(c->after, domain);
    int32_t old = sample_domain_of(c->before, &r);
    if (old < 0)
        return SIGN_BORN;
    bool same = c->before->domain_caps[old] == c->after->domain_caps[domain] &&
                sample_domain_own(c->before, old) == sample_domain_own(c->after, domain);
    return same ? SIGN_SAME : SIGN_CHANGED;
}

char sign_char(enum sign s)
{
    return " +~*-"[s];
}
