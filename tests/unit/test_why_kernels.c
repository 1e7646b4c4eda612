/* What `capdb why-…` and `capdb retype` say of mainline kernels that ran: recordings of a root task
 * with a thread for each reason, and random requests that it made behind the last snapshot, with
 * the answers that the kernel gave (tests/fixtures/README.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capdb/past.h"
#include "facts/resolve.h"
#include "facts/retype.h"
#include "facts/why.h"
#include "tests/unit/recordings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the recordings --- */

struct kernel {
    char *path;
    struct capdb *db;
    struct capstate s; /* of the snapshot that was loaded */
    uint32_t n, last;
};

static void kernel_open(struct kernel *k, const char *name)
{
    k->path = temp_path();
    unpack_recording(name, k->path);
    k->db = open_db(k->path);
    k->last = capdb_count(k->db);
    k->n = k->last;
    assert_int_equal(capdb_load(k->db, k->n, &k->s), ERR_OK);
}

static void kernel_seek(struct kernel *k, uint32_t n)
{
    if (n == k->n)
        return;
    capstate_free(&k->s);
    k->n = n;
    assert_int_equal(capdb_load(k->db, n, &k->s), ERR_OK);
}

static void kernel_close(struct kernel *k)
{
    capstate_free(&k->s);
    capdb_close(k->db);
    temp_remove(k->path);
}

/* --- requests with their answers --- */

static int32_t root_slot(const struct kernel *k, uint64_t cptr)
{
    struct resolve r;
    int32_t root = capstate_thread_named(&k->s, "why/root");
    assert_true(root >= 0);
    resolve_cptr(&k->s, root, cptr, 0, &r);
    assert_true(r.end == RESOLVE_SLOT && r.levels && r.level[r.levels - 1].slot >= 0);
    return r.level[r.levels - 1].slot;
}

struct kind {
    uint32_t type;      /* enum record_cap; RECORD_CAP_NULL: the kernel has no such type */
    uint32_t size_bits; /* where the kernel's type says the size, 0 */
};

/* Numbers of types on AArch64, from seL4's manual. */
static struct kind kind_of(const struct capstate *s, uint64_t number)
{
    static const struct kind classic[] = {
        {RECORD_CAP_UNTYPED, 0},        {RECORD_CAP_TCB, 0},    {RECORD_CAP_ENDPOINT, 0},
        {RECORD_CAP_NOTIFICATION, 0},   {RECORD_CAP_CNODE, 0},  {RECORD_CAP_FRAME, 30},
        {RECORD_CAP_PAGE_DIRECTORY, 0}, {RECORD_CAP_FRAME, 12}, {RECORD_CAP_FRAME, 21},
        {RECORD_CAP_PAGE_TABLE, 0},
    };
    enum { BEFORE_MCS = 5, OF_MCS = 2 };
    bool mcs = s->snapshot.options & RECORD_OPTION_MCS;
    if (mcs && number >= BEFORE_MCS && number < BEFORE_MCS + OF_MCS)
        return (struct kind){
            number == BEFORE_MCS ? RECORD_CAP_SCHED_CONTEXT : RECORD_CAP_REPLY_OBJECT, 0};
    if (mcs && number >= BEFORE_MCS + OF_MCS)
        number -= OF_MCS;
    if (number < sizeof(classic) / sizeof(classic[0]))
        return classic[number];
    return (struct kind){RECORD_CAP_NULL, 0};
}

static uint64_t answer_of(enum retype_rule rule)
{
    static const char *const names[] = {"done", "InvalidArgument", "InvalidCapability",
                                        "IllegalOperation", "RangeError"};
    for (uint64_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], retype_rule_answer(rule)) == 0)
            return i;
    return strcmp(retype_rule_answer(rule), "NotEnoughMemory") == 0 ? 10 : UINT64_MAX;
}

enum { EMPTIED_BITS = 22 };

/* The request as it was made: request SLOT TYPE SIZE COUNT ANSWER ADDRESS. */
struct request {
    uint64_t cptr, type, size, count, answer, address;
};

static void check_request(struct kernel *k, const struct request *q)
{
    struct retype_plan p;
    int32_t slot = root_slot(k, q->cptr);
    struct kind kind = kind_of(&k->s, q->type);
    /* The type of a frame says its size, and the argument is looked at all the same. */
    uint32_t size = kind.size_bits && q->size < 64 ? kind.size_bits : (uint32_t)q->size;
    assert_int_equal(retype_plan(&k->s, slot, kind.type, size, q->count, &p), ERR_OK);
    if (answer_of(p.rule) != q->answer)
        fail_msg("request %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
                 ": foretold %s, the kernel said %" PRIx64,
                 q->cptr, q->type, q->size, q->count, retype_rule_answer(p.rule), q->answer);
    if (q->address && p.start != q->address)
        fail_msg("foretold 0x%" PRIx64 ", the kernel put it at 0x%" PRIx64, p.start, q->address);
    /* What stays made: the next request finds a child, and the watermark behind it.  From one
     * untyped the program took away again what it had made. */
    struct capstate_slot *u = &k->s.slots[slot];
    if (p.rule != RETYPE_ALLOWED || u->rec.bits == EMPTIED_BITS)
        return;
    u->rec.data = (1ull << u->rec.bits) - p.left;
    u->next = u->next > slot + 1 ? u->next : slot + 2;
}

/* lookup ADDRESS 1 REASON: a fault; 2 ERROR: an error of the invocation, 2 if the slot is empty or
 * lacks the right; 3: it led to the endpoint of the fault handler. */
static void check_look_up(struct kernel *k, uint64_t cptr, uint64_t how, uint64_t reason)
{
    static const enum resolve_end ends[] = {RESOLVE_SLOT, RESOLVE_NO_ROOT, RESOLVE_SLOT,
                                            RESOLVE_DEPTH_MISMATCH, RESOLVE_GUARD_MISMATCH};
    struct resolve r;
    int32_t thread = capstate_thread_named(&k->s, "why/subject");
    assert_true(thread >= 0 && reason < sizeof(ends) / sizeof(ends[0]));
    resolve_cptr(&k->s, thread, cptr, 0, &r);
    if (r.end != (how == 1 ? ends[reason] : RESOLVE_SLOT))
        fail_msg("look-up %" PRIx64 ": foretold %d, the kernel said %" PRIu64 " %" PRIu64, cptr,
                 r.end, how, reason);
    if (how == 1)
        return;
    int32_t slot = r.level[r.levels - 1].slot;
    bool invoked = slot >= 0 && (k->s.slots[slot].rec.type != RECORD_CAP_NOTIFICATION ||
                                 k->s.slots[slot].rec.rights & RECORD_RIGHT_WRITE);
    bool was_invoked = how == 3 || reason != 2;
    if (invoked != was_invoked)
        fail_msg("look-up %" PRIx64 ": foretold %s", cptr, invoked ? "invoked" : "refused");
}

static void check_requests(struct kernel *k, const char *name, uint32_t *retypes, uint32_t *looks)
{
    char path[128], line[256];
    struct request q;
    uint64_t cptr, how, reason;
    snprintf(path, sizeof(path), "tests/fixtures/%s.requests", name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in))
        if (sscanf(line,
                   "request %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64,
                   &q.cptr, &q.type, &q.size, &q.count, &q.answer, &q.address) == 6) {
            check_request(k, &q);
            ++*retypes;
        } else if (sscanf(line, "lookup %" SCNx64 " %" SCNx64 " %" SCNx64, &cptr, &how, &reason) ==
                   3) {
            check_look_up(k, cptr, how, reason);
            ++*looks;
        }
    fclose(in);
}

static const char *const names[] = {"why-a64", "why-a64mcs"};

static void mainline_answers_requests_as_foretold(void **state)
{
    uint32_t retypes = 0, looks = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct kernel k;
        kernel_open(&k, names[i]);
        check_requests(&k, names[i], &retypes, &looks);
        kernel_close(&k);
    }
    assert_int_equal(retypes, 800);
    assert_int_equal(looks, 600);
}

/* --- threads that do not run, or that faulted --- */

enum { CLASSIC = 1, MCS = 2, BOTH = 3 };
enum { BEFORE = 4 }; /* a snapshot before anything was taken away; 0: the last one */

struct situation {
    uint32_t kernels;
    bool fault; /* why-fault, else why-not-running */
    uint32_t n; /* snapshot */
    const char *thread;
    const char *says[4]; /* in a line each; with "!" in front: in none */
};

static const struct situation situations[] = {
    {BOTH,
     false,
     0,
     "why/nobody-sends",
     {"waits to receive from endpoint", "holds the right to send there"}},
    {BOTH,
     false,
     0,
     "why/nobody-receives",
     {"waits to send through endpoint", "holds the right to receive there"}},
    {BOTH,
     false,
     0,
     "why/nobody-signals",
     {"waits for a signal of notification", "right to signal it: it waits for ever"}},
    {BOTH,
     false,
     0,
     "why/circle-a",
     {"deadlock: why/circle-a waits for why/circle-b waits for why/circle-a"}},
    {BOTH,
     false,
     0,
     "why/circle-b",
     {"deadlock: why/circle-b waits for why/circle-a waits for why/circle-b"}},
    {CLASSIC,
     false,
     0,
     "why/no-reply",
     {"waits for an answer", "the reply capability is gone: no answer can come"}},
    {CLASSIC,
     false,
     0,
     "why/forgetful",
     {"waits to receive from", "why/no-reply waits for an answer"}},
    {MCS, false, 0, "why/no-reply", {"it was suspended, or it faulted"}},
    {BOTH,
     false,
     0,
     "why/unanswered",
     {"has faulted (memory fault at 0x20000000) and waits for an answer", "why/lazy is stopped"}},
    {BOTH,
     false,
     0,
     "why/suspended",
     {"why/suspended is stopped: it was suspended, or it faulted", "it has no fault handler",
      "keeps nothing of a fault"}},
    {BOTH, false, 0, "why/later", {"why/later is stopped", "every snapshot since", "in snapshot"}},
    {BOTH, false, 0, "why/unborn", {"why/unborn was never started"}},
    {BOTH, false, BEFORE, "why/low", {"is ready at priority 10, but", "has priority 100"}},
    {BOTH, false, 0, "why/low", {"is ready at priority 10", "ran in", "at priority 100"}},
    {BOTH,
     false,
     0,
     "why/domain",
     {"scheduling domain 1 does not run now: domain 0 does",
      "no thread of its scheduling domain 1 ran in any of them"}},
    {CLASSIC,
     false,
     0,
     "why/bad-handler",
     {"why/bad-handler is stopped", "its fault handler 0x1 is no endpoint"}},
    {CLASSIC,
     false,
     0,
     "why/waits",
     {"waits for an answer", "why/busy waits for a signal", "it waits for ever"}},
    {BOTH,
     false,
     0,
     "why/unkept",
     {"its pc 0x10410000 is nothing that it could execute: it faulted there",
      "its entry is empty"}},
    {BOTH,
     false,
     0,
     "why/read-only",
     {"has faulted (memory fault at 0x10401000) and waits to send through",
      "why/root can end that"}},
    {BOTH,
     false,
     0,
     "why/depth",
     {"has faulted (capability fault at 0x7000000000000000)", ", place "}},
    {MCS,
     false,
     0,
     "why/passive",
     {"is runnable but has no scheduling context: it stays so for ever",
      "sent to a passive server instead of calling it"}},
    {MCS,
     false,
     0,
     "why/no-context",
     {"is runnable but has no scheduling context", "it was resumed without one"}},
    {MCS, false, 0, "why/no-budget", {"was never given a budget"}},
    {MCS,
     false,
     0,
     "why/used-up",
     {"has used up its budget of 62500 ticks", "in the release queue, place ", "until tick ",
      "ticks from now"}},
    {MCS, false, 0, "why/used-up-too", {"has used up its budget", "in the release queue, place "}},
    {MCS,
     false,
     0,
     "why/timeout",
     {"has used up its budget, has told its timeout handler so, and waits to send"}},
    {MCS,
     false,
     0,
     "why/lends",
     {"waits for an answer", "went with the call: why/serves has it now",
      "why/serves waits for a signal", "it waits for ever"}},
    {MCS,
     false,
     0,
     "why/loses-context",
     {"has no scheduling context", "it had the scheduling context",
      "which why/has-context has now"}},
    {MCS, false, BEFORE, "why/loses-context", {"!scheduling context"}},
    {BOTH,
     true,
     0,
     "why/unanswered",
     {"wanted to read at the address 0x20000000", "its fault handler is endpoint",
      "it had faulted when the recording began"}},
    {MCS,
     true,
     0,
     "why/timeout",
     {"why/timeout: timeout, pc 0x", "it used up the budget", "its timeout handler is endpoint"}},
    {BOTH,
     true,
     0,
     "why/unkept",
     {"may have faulted", "keeps nothing of a fault", "it has no fault handler"}},
    {BOTH,
     true,
     0,
     "why/read-only",
     {"wanted to write at the address 0x10401000", "frame", "does not allow to write: it is r"}},
    {BOTH, true, 0, "why/device", {"4K device)", "does not allow to write"}},
    {BOTH, true, 0, "why/shared", {"why/sharer maps that frame, too, at 0x30000000"}},
    {BOTH,
     true,
     0,
     "why/hole",
     {"nothing is mapped at 0x10410000: the page table is there, its entry is empty",
      "to read there it needs a frame"}},
    {BOTH,
     true,
     0,
     "why/level1",
     {"nothing is mapped at 0x20000000: the look-up ends at the table", "of level 1, below which"}},
    {BOTH,
     true,
     0,
     "why/level2",
     {"nothing is mapped at 0x4000000000: the look-up ends at the table",
      "of level 2, below which"}},
    {BOTH,
     true,
     0,
     "why/level3",
     {"wanted to write at the address 0x10000000000", "ends at the root of the address space"}},
    {BOTH, true, 0, "why/kernel", {"0xffffff8040000000 is no address of users", "!needs a frame"}},
    {BOTH, true, 0, "why/beyond", {"0x8000000000000000 is no address of users"}},
    {BOTH,
     true,
     0,
     "why/executes",
     {"wanted to execute at the address 0x10410000", "to execute there it needs a frame"}},
    {BOTH,
     true,
     0,
     "why/nonsense",
     {"why/nonsense: user exception, pc 0x", "the processor refused the instruction"}},
    {BOTH,
     true,
     0,
     "why/empty-slot",
     {"to receive; now it leads to an empty slot: a capability fault", "index 3 (4 bits)",
      "it is empty in all"}},
    {BOTH,
     true,
     0,
     "why/guard",
     {"GuardMismatch", "wants the guard 0x0 (60 bits), the address has 0x800000000000000 there"}},
    {BOTH,
     true,
     0,
     "why/depth",
     {"DepthMismatch", "guard of 0 bits fits, index 7",
      "takes 63 bits (guard 57, index 6), but 60 are left"}},
    {MCS, true, 0, "why/no-space", {"the thread has no CSpace root: InvalidRoot"}},
    {BOTH,
     true,
     BEFORE,
     "why/no-read",
     {"the capability lacks the right to read", "there is endpoint"}},
    {BOTH, true, 0, "why/no-endpoint", {"nothing can be received from that", "there is tcb"}},
    {BOTH,
     true,
     0,
     "why/lost-slot",
     {"it faulted before snapshot", "it held endpoint", "why/root deleted it (event "}},
    {BOTH,
     true,
     0,
     "why/revoked",
     {"it held endpoint", "in a revoke", "the revoke of what is in the slot"}},
    {BOTH,
     true,
     0,
     "why/lost-page",
     {"was mapped at 0x10400000", "no event in the recording tells who did it"}},
    {BOTH, true, 0, "why/lost-table", {"the page table 0x", "of level 0 was there for it"}},
    {BOTH, true, 0, "why/later", {"may have faulted"}},
    {BOTH, true, BEFORE, "why/later", {"why/later has not faulted"}},
};

static bool is_said(const struct why *w, const char *needle)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (strstr(w->lines[i].text, needle))
            return true;
    return false;
}

static void ask(struct kernel *k, const struct situation *q, struct why *w)
{
    int32_t thread = capstate_thread_named(&k->s, q->thread);
    if (thread < 0)
        fail_msg("%s is not there", q->thread);
    why_init(w);
    (q->fault ? why_fault : why_not_running)(&k->s, thread, w);
    enum error e =
        (q->fault ? capdb_past_fault : capdb_past_running)(k->db, k->n, &k->s, thread, w);
    assert_int_equal(e, ERR_OK);
}

static void check_situation(struct kernel *k, const char *name, const struct situation *q)
{
    struct why w;
    kernel_seek(k, q->n ? q->n : k->last);
    ask(k, q, &w);
    for (size_t i = 0; i < 4 && q->says[i]; i++) {
        bool none = q->says[i][0] == '!';
        if (is_said(&w, q->says[i] + none) != none)
            continue;
        for (uint32_t l = 0; l < w.count; l++)
            print_message("# %s\n", w.lines[l].text);
        fail_msg("%s, snapshot %u, %s: '%s'", name, k->n, q->thread, q->says[i]);
    }
    why_free(&w);
}

static void threads_of_mainline_get_their_sentences(void **state)
{
    uint32_t checked = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct kernel k;
        kernel_open(&k, names[i]);
        uint32_t mine = k.s.snapshot.options & RECORD_OPTION_MCS ? MCS : CLASSIC;
        for (size_t q = 0; q < sizeof(situations) / sizeof(situations[0]); q++)
            if (situations[q].kernels & mine) {
                check_situation(&k, names[i], &situations[q]);
                checked++;
            }
        kernel_close(&k);
    }
    assert_in_range(checked, 80, 200);
}

/* --- what a first screen marks them with --- */

static const struct {
    uint32_t kernels;
    const char *thread;
    enum why_mark mark;
} marks[] = {
    {BOTH, "why/read-only", WHY_MARK_FAULT},      {BOTH, "why/lost-slot", WHY_MARK_FAULT},
    {BOTH, "why/unanswered", WHY_MARK_FAULT},     {MCS, "why/timeout", WHY_MARK_FAULT},
    {BOTH, "why/nobody-sends", WHY_MARK_STUCK},   {BOTH, "why/nobody-receives", WHY_MARK_STUCK},
    {BOTH, "why/nobody-signals", WHY_MARK_STUCK}, {BOTH, "why/circle-a", WHY_MARK_STUCK},
    {CLASSIC, "why/no-reply", WHY_MARK_STUCK},    {CLASSIC, "why/waits", WHY_MARK_STUCK},
    {MCS, "why/lends", WHY_MARK_STUCK},           {MCS, "why/passive", WHY_MARK_STUCK},
    {MCS, "why/no-context", WHY_MARK_STUCK},      {MCS, "why/no-budget", WHY_MARK_STUCK},
    {MCS, "why/loses-context", WHY_MARK_STUCK},   {MCS, "why/used-up", WHY_MARK_NO_TIME},
    {BOTH, "why/suspended", WHY_MARK_STOPPED},    {BOTH, "why/unborn", WHY_MARK_STOPPED},
    {BOTH, "why/unkept", WHY_MARK_STOPPED},       {BOTH, "why/low", WHY_MARK_NONE},
    {BOTH, "why/domain", WHY_MARK_NONE},          {BOTH, "why/root", WHY_MARK_NONE},
};

static void check_marks(const struct kernel *k, uint32_t mine)
{
    struct waiting w;
    assert_int_equal(waiting_build(&k->s, &w), ERR_OK);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        int32_t thread = capstate_thread_named(&k->s, marks[i].thread);
        if (!(marks[i].kernels & mine))
            continue;
        assert_true(thread >= 0);
        enum why_mark mark = why_mark(&k->s, &w, thread);
        if (mark != marks[i].mark)
            fail_msg("%s is marked '%s'", marks[i].thread, why_mark_word(mark));
    }
    waiting_free(&w);
}

static void threads_in_trouble_are_marked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct kernel k;
        kernel_open(&k, names[i]);
        check_marks(&k, k.s.snapshot.options & RECORD_OPTION_MCS ? MCS : CLASSIC);
        kernel_close(&k);
    }
}

/* The root task's own page directory also lies in TCBs of another domain: who holds no untyped
 * memory over it cannot take it away. */
static void who_has_no_memory_takes_nothing_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum { ROOTS_DIRECTORY = 3 };
        struct kernel k;
        struct authority a;
        struct why w;
        kernel_open(&k, names[i]);
        assert_int_equal(authority_build(&k.s, &(struct authority_rules){0}, &a), ERR_OK);
        why_init(&w);
        why_denied(&a, capstate_thread_named(&k.s, "why/root"), ROOTS_DIRECTORY, &w);
        assert_true(w.count >= 3);
        assert_non_null(strstr(w.lines[2].text, "pagedir"));
        for (uint32_t n = 0; n < w.count; n++)
            if (strstr(w.lines[n].text, "who can take it away"))
                fail_msg("%s: %s", names[i], w.lines[n].text);
        why_free(&w);
        authority_free(&a);
        kernel_close(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_no_memory_takes_nothing_away),
        cmocka_unit_test(threads_of_mainline_get_their_sentences),
        cmocka_unit_test(threads_in_trouble_are_marked),
        cmocka_unit_test(mainline_answers_requests_as_foretold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
