/* CancelBadgedSends: callers with one badge leave the queue, all others stay (ABI sheet 3.3, 8.3).
 */
#include "user/tests/tests.h"

enum { CALLERS = 48, BADGES = 4 };

static struct thread *callers[CALLERS];
static cptr_t badged[CALLERS];
static word_t log[CALLERS * 2];

static word_t caller(word_t cap, word_t i, word_t c, word_t d)
{
    (void)c, (void)d;
    struct ipc_regs r = ipc_call(cap, msginfo_make(0, 0, 0, 1), (const word_t[4]){i});
    return msginfo_label(r.tag) << 16 | r.mr[0];
}

static void queue_callers(cptr_t ep)
{
    for (word_t i = 0; i < CALLERS; i++) {
        badged[i] = cap_mint(ep, RIGHT_ALL, 1 + i % BADGES);
        callers[i] = thread_run(200, caller, badged[i], i);
        self_priority(100); /* it calls, before the next one does */
        self_priority(TOP);
    }
}

/* Answers all that are queued; logs who called in which order. */
static word_t serve(cptr_t ep)
{
    word_t n = 0;
    for (struct ipc_regs r = ipc_nbrecv(ep); r.badge != 0 && n < CALLERS * 2; r = ipc_nbrecv(ep)) {
        log[n++] = r.mr[0];
        ipc_reply(msginfo_make(0, 0, 0, 1), (const word_t[4]){0x100 + r.mr[0]});
    }
    return n;
}

static void one_badge(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    queue_callers(ep);
    /* one capability with badge 2 cancels all sends with badge 2; those capabilities that still
     * stand let their callers call again */
    for (word_t i = 1; i < CALLERS; i += 2 * BADGES)
        must_succeed(i == 1 ? SEL4_NO_ERROR : cap_delete(badged[i]));
    check_equal(cnode_cancel_badged_sends(INIT_CNODE, badged[1], DEPTH), SEL4_NO_ERROR);
    self_priority(100);
    self_priority(TOP);
    word_t deleted = CALLERS / (2 * BADGES) - 1;
    check_equal(serve(ep), CALLERS - deleted);
    for (word_t i = 0; i < CALLERS; i++) {
        bool gone = i % (2 * BADGES) == 1 && i != 1;
        word_t got = thread_join(callers[i]);
        check_equal(got, gone ? (word_t)SEL4_INVALID_CAPABILITY << 16 : 0x100 + i);
    }
    for (word_t i = 0; i + 1 < CALLERS * 3 / 4; i++) /* the others kept their places */
        check(log[i] < log[i + 1] && log[i] % BADGES != 1);
}

static void badge_by_badge(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    queue_callers(ep);
    for (word_t badge = 0; badge < BADGES; badge++) {
        cptr_t original = badged[badge];
        for (word_t i = badge + BADGES; i < CALLERS; i += BADGES)
            must_succeed(cap_delete(badged[i]));
        cptr_t kept = cap_copy(original, RIGHT_ALL);
        must_succeed(cap_delete(original));
        check_equal(cnode_cancel_badged_sends(INIT_CNODE, kept, DEPTH), SEL4_NO_ERROR);
        for (word_t i = badge; i < CALLERS; i += BADGES)
            check_equal(thread_join(callers[i]), (word_t)SEL4_INVALID_CAPABILITY << 16);
        for (word_t i = badge + 1; i < CALLERS; i++)
            if (i % BADGES > badge)
                check(!callers[i]->finished);
    }
    check_equal(serve(ep), 0);
}

/* The unbadged capability cancels nothing. */
static void badge_zero(void)
{
    cptr_t ep = object_new(OBJECT_ENDPOINT, 0);
    queue_callers(ep);
    check_equal(cnode_cancel_badged_sends(INIT_CNODE, ep, DEPTH), SEL4_NO_ERROR);
    check_equal(serve(ep), CALLERS);
    for (word_t i = 0; i < CALLERS; i++) {
        check_equal(thread_join(callers[i]), 0x100 + i);
        check_equal(log[i], i);
    }
}

const struct test cancel_tests[] = {
    {"CANCEL_BADGED_SENDS0001 cancels one badge, the others keep their places", one_badge},
    {"CANCEL_BADGED_SENDS0002 a cancelled caller finds its deleted capability", badge_by_badge},
    {"CANCEL_BADGED_SENDS0003 badge 0 cancels nothing", badge_zero},
    {0},
};
