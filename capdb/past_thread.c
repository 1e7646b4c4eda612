/* The past of a thread that does not run: since when it is so, what it did before, who ran
 * meanwhile, who did what to it, and who could have ended its wait once. */
#include "capdb/past_part.h"

#include "facts/waiting.h"
#include "facts/why_time.h"
#include "lib/plural.h"
#include "record/names.h"

#include <inttypes.h>
#include <stdio.h>

enum { SHOWN_RUNNERS = 4, SHOWN_DEEDS = 4 };

/* --- since when a thread is as it is --- */

static bool is_alike(const struct record_thread *t, sqlite3_stmt *st)
{
    uint32_t state = (uint32_t)sqlite3_column_int64(st, 2);
    bool current = sqlite3_column_int(st, 3) != 0;
    struct record_thread was = {.state = state, .current = current};
    if (why_is_runnable(t))
        return current == (t->current != 0) && why_is_runnable(&was);
    return state == t->state && (uint64_t)sqlite3_column_int64(st, 4) == t->blocked_on &&
           (uint32_t)sqlite3_column_int64(st, 5) == t->fault &&
           (uint64_t)sqlite3_column_int64(st, 6) == t->fault_addr;
}

/* First snapshot of the unbroken row of snapshots of this run up to n in which it is as in n. */
uint32_t past_since(struct past *p, const struct record_thread *t)
{
    sqlite3_stmt *st;
    int64_t first = (int64_t)p->n + 1;
    if (!past_prepare(p,
                      "SELECT t0, t1, state, current, blocked_on, fault, fault_addr FROM run_row"
                      " WHERE addr = ?1 AND t0 <= ?2 AND t1 > ?3 ORDER BY t0 DESC",
                      &st))
        return p->n;
    sqlite3_bind_int64(st, 1, (int64_t)t->addr);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, p->run.first);
    while (capdb_step(p->db, st, past_doing, &p->e)) {
        if (sqlite3_column_int64(st, 1) < first || !is_alike(t, st))
            break;
        first = sqlite3_column_int64(st, 0);
    }
    sqlite3_finalize(st);
    if (first < p->run.first)
        return p->run.first;
    return first <= p->n ? (uint32_t)first : p->n;
}

static void say_runner(struct past *p, uint64_t tcb, int64_t snapshots, uint32_t of)
{
    char who[TEXT], priority[32] = "";
    const char *name = NULL;
    for (uint32_t i = 0; i < p->s->thread_count; i++) {
        const struct capstate_thread *t = &p->s->threads[i];
        if (t->rec.addr != tcb)
            continue;
        name = t->rec.idle ? "the idle thread" : t->label;
        if (!t->rec.idle)
            snprintf(priority, sizeof(priority), ", at priority %u", t->rec.priority);
    }
    why_say(p->out, DEPTH + 1, WHY_ABOUT_THREAD, tcb, "%s ran in %lld of %s %u snapshot%s%s",
            past_thread_text(p, tcb, name, who), (long long)snapshots, of == 1 ? "this" : "these",
            of, plural_s(of), priority);
}

#define RUNNERS                                                                                    \
    "SELECT addr, sum(min(t1, ?2 + 1) - max(t0, ?1)) AS times FROM run_row"                        \
    " WHERE current AND t0 <= ?2 AND t1 > ?1"
#define MOST_FIRST " GROUP BY addr ORDER BY times DESC, addr LIMIT ?4"
static const char runners_of_node[] = RUNNERS
    " AND addr IN (SELECT addr FROM thread_row WHERE node = ?3 AND t0 <= ?2 AND t1 > ?1)" MOST_FIRST;
static const char runners_of_format_1[] = RUNNERS MOST_FIRST; /* of one processor */

/* Who ran on its processor from snapshot `first` to n. */
static void say_runners(struct past *p, const struct record_thread *t, uint32_t first)
{
    sqlite3_stmt *st;
    bool nodes = p->db->version != CAPDB_USER_VERSION_1;
    if (!past_prepare(p, nodes ? runners_of_node : runners_of_format_1, &st))
        return;
    sqlite3_bind_int64(st, 1, first);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, t->node);
    sqlite3_bind_int64(st, 4, SHOWN_RUNNERS);
    while (capdb_step(p->db, st, past_doing, &p->e))
        say_runner(p, (uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                   p->n - first + 1);
    sqlite3_finalize(st);
}

static double seconds(struct past *p, uint32_t from, uint32_t to, uint32_t *ticks)
{
    struct capdb_snapshot a, b;
    *ticks = 0;
    if (capdb_snapshot_info(p->db, from, &a) != ERR_OK ||
        capdb_snapshot_info(p->db, to, &b) != ERR_OK)
        return 0;
    *ticks = b.ticks - a.ticks;
    return b.time - a.time;
}

/* Threads of its scheduling domain, while another had the time. */
static void say_domain(struct past *p, const struct record_thread *t, uint32_t first)
{
    sqlite3_stmt *st;
    if (!past_prepare(p,
                      "SELECT count(*) FROM run_row r JOIN thread_row t ON t.addr = r.addr AND"
                      " t.t0 <= r.t0 AND t.t1 > r.t0 WHERE r.current AND NOT t.idle AND"
                      " t.sched_domain = ?1 AND r.t0 <= ?3 AND r.t1 > ?2",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, t->domain);
    sqlite3_bind_int64(st, 2, first);
    sqlite3_bind_int64(st, 3, p->n);
    if (capdb_step(p->db, st, past_doing, &p->e) && sqlite3_column_int64(st, 0) == 0)
        why_say(p->out, DEPTH + 1, WHY_ABOUT_NOTHING, 0,
                "no thread of its scheduling domain %u ran in any of them", t->domain);
    sqlite3_finalize(st);
}

/* --- what it did before --- */

static void take_run(sqlite3_stmt *st, struct record_thread *t)
{
    *t = (struct record_thread){
        .state = (uint32_t)sqlite3_column_int64(st, 0),
        .current = (uint32_t)sqlite3_column_int64(st, 1),
        .fault = (uint32_t)sqlite3_column_int64(st, 2),
        .fault_addr = (uint64_t)sqlite3_column_int64(st, 3),
        .blocked_on = (uint64_t)sqlite3_column_int64(st, 4),
    };
}

static void say_was(struct past *p, const struct record_thread *was, uint32_t n)
{
    char when[WHEN], fault[WHY_NAME] = "", on[64] = "", words[WHY_NAME];
    if (was->fault)
        snprintf(fault, sizeof(fault), "had faulted (%.150s) and ", why_fault_words(was, words));
    if (was->blocked_on)
        snprintf(on, sizeof(on), " at 0x%0*" PRIx64, capstate_digits(p->s), was->blocked_on);
    why_say(p->out, DEPTH, WHY_ABOUT_NOTHING, 0, "in snapshot %s it %swas %s%s",
            past_moment(p, n, when), fault, why_doing(was), on);
}

static void say_before_that(struct past *p, const struct record_thread *t, uint32_t first)
{
    sqlite3_stmt *st;
    struct record_thread was;
    if (first <= p->run.first ||
        !past_prepare(p,
                      "SELECT state, current, fault, fault_addr, blocked_on FROM"
                      " run_row WHERE addr = ?1 AND t1 = ?2",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)t->addr);
    sqlite3_bind_int64(st, 2, first);
    if (capdb_step(p->db, st, past_doing, &p->e)) {
        take_run(st, &was);
        say_was(p, &was, first - 1);
    } else if (p->e == ERR_OK) {
        why_say(p->out, DEPTH, WHY_ABOUT_NOTHING, 0, "in the snapshot before it was not there");
    }
    sqlite3_finalize(st);
}

/* --- what was done to it, also between snapshots --- */

static void deed_words(const struct deed *d, char buf[TEXT])
{
    switch (d->kind) {
    case RECORD_EVENT_THREAD_CONFIGURE:
        snprintf(buf, TEXT, "%.150s configured it", d->who);
        break;
    case RECORD_EVENT_THREAD_SUSPEND:
        snprintf(buf, TEXT, "%.150s suspended it", d->who);
        break;
    case RECORD_EVENT_THREAD_RESUME:
        snprintf(buf, TEXT, "%.150s resumed it", d->who);
        break;
    case RECORD_EVENT_THREAD_PRIORITY:
        snprintf(buf, TEXT, "%.150s set its priority to %u", d->who, (unsigned)(d->detail & 0xff));
        break;
    case RECORD_EVENT_BIND:
        snprintf(buf, TEXT, "%.150s %s", d->who,
                 d->detail ? "bound a notification to it" : "took its notification from it");
        break;
    default:
        snprintf(buf, TEXT, "it faulted: %.100s", fault_name((uint32_t)d->detail));
        break;
    }
}

static void say_deed(struct past *p, const struct deed *d)
{
    char text[TEXT], event[EVENT_TEXT];
    deed_words(d, text);
    why_say(p->out, DEPTH + 1, WHY_ABOUT_THREAD, d->thread, "%s (%s)", text,
            past_event_text(p, d, event));
}

/* The newest few from where its present state began, in the order in which they happened. */
static void say_deeds(struct past *p, const struct record_thread *t, uint32_t first)
{
    struct deed d[SHOWN_DEEDS];
    uint32_t count = 0;
    sqlite3_stmt *st;
    if (!past_prepare(p,
                      DEED "WHERE e.n BETWEEN ?1 AND ?2 AND e.object2 = ?3 AND e.kind IN"
                           " (?4, ?5, ?6, ?7, ?8, ?9) ORDER BY e.row DESC LIMIT ?10",
                      &st))
        return;
    const int64_t values[] = {first,
                              p->n,
                              (int64_t)t->addr,
                              RECORD_EVENT_THREAD_CONFIGURE,
                              RECORD_EVENT_THREAD_SUSPEND,
                              RECORD_EVENT_THREAD_RESUME,
                              RECORD_EVENT_THREAD_PRIORITY,
                              RECORD_EVENT_BIND,
                              RECORD_EVENT_FAULT,
                              SHOWN_DEEDS};
    for (int i = 0; i < (int)(sizeof(values) / sizeof(values[0])); i++)
        sqlite3_bind_int64(st, i + 1, values[i]);
    past_bind_run(p, st);
    while (count < SHOWN_DEEDS && capdb_step(p->db, st, past_doing, &p->e))
        past_take_deed(p, st, &d[count++]);
    sqlite3_finalize(st);
    while (count > 0)
        say_deed(p, &d[--count]);
}

/* --- who could have ended its wait --- */

struct missing {
    uint64_t object;
    uint32_t type, rights;
};

/* A capability of this kind is what nobody has; false: it lacks none. */
static bool what_is_missing(const struct record_thread *t, struct missing *m)
{
    switch (t->state) {
    case RECORD_THREAD_BLOCKED_ON_SEND:
        *m = (struct missing){t->blocked_on, RECORD_CAP_ENDPOINT, RECORD_RIGHT_READ};
        return true;
    case RECORD_THREAD_BLOCKED_ON_RECEIVE:
        *m = (struct missing){t->blocked_on, RECORD_CAP_ENDPOINT, RECORD_RIGHT_WRITE};
        return true;
    case RECORD_THREAD_BLOCKED_ON_NOTIFICATION:
        *m = (struct missing){t->blocked_on, RECORD_CAP_NOTIFICATION, RECORD_RIGHT_WRITE};
        return true;
    case RECORD_THREAD_BLOCKED_ON_REPLY:
        *m = t->reply ? (struct missing){t->reply, RECORD_CAP_REPLY_OBJECT, 0}
                      : (struct missing){t->addr, RECORD_CAP_REPLY, 0};
        return true;
    default:
        return false;
    }
}

/* Between snapshots: an event saw it go. */
static void say_seen_going(struct past *p, const struct missing *m, uint32_t first)
{
    const uint64_t v[4] = {first, RECORD_EVENT_DELETE, m->object, m->type};
    struct deed d = past_deed(p,
                              DEED "WHERE e.n >= ?1 AND e.kind = ?2 AND e.object = ?3 AND"
                                   " e.type = ?4 ORDER BY e.row DESC LIMIT 1",
                              v);
    if (d.row == 0 || (m->rights && !(d.cap.rights & m->rights)))
        return;
    why_say(p->out, DEPTH + 1, WHY_ABOUT_SLOT, d.slot,
            "the last one that could was in the slot 0x%0*" PRIx64, capstate_digits(p->s), d.slot);
    past_say_taken(p, &d, DEPTH + 2);
}

static void say_went(struct past *p, uint64_t slot, uint32_t last)
{
    char when[WHEN];
    struct deed d = past_emptied(p, slot, last + 1);
    why_say(p->out, DEPTH + 1, WHY_ABOUT_SLOT, slot,
            "the last one that could was in the slot 0x%0*" PRIx64 " until snapshot %s",
            capstate_digits(p->s), slot, past_moment(p, last, when));
    past_say_taken(p, &d, DEPTH + 2);
}

/* Capabilities live through moves: those that are in no slot any more. */
static void say_last_that_could(struct past *p, const struct missing *m, uint32_t first)
{
    sqlite3_stmt *st;
    if (!past_prepare(
            p,
            "SELECT c.slot, c.t1 - 1 FROM cap_row c JOIN object_row o ON o.id = c.object"
            " WHERE o.addr = ?1 AND c.type = ?2 AND (?3 = 0 OR c.rights & ?3) AND"
            " c.t1 <= ?4 AND c.t1 > ?5 AND NOT EXISTS (SELECT 1 FROM cap_row d WHERE d.id = c.id AND"
            " d.t0 <= ?4 AND d.t1 > ?4) ORDER BY c.t1 DESC LIMIT 1",
            &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)m->object);
    sqlite3_bind_int64(st, 2, m->type);
    sqlite3_bind_int64(st, 3, m->rights);
    sqlite3_bind_int64(st, 4, p->n);
    sqlite3_bind_int64(st, 5, p->run.first);
    if (capdb_step(p->db, st, past_doing, &p->e))
        say_went(p, (uint64_t)sqlite3_column_int64(st, 0), (uint32_t)sqlite3_column_int64(st, 1));
    else if (p->e == ERR_OK)
        say_seen_going(p, m, first);
    sqlite3_finalize(st);
}

static void say_who_could(struct past *p, int32_t thread, uint32_t first)
{
    struct missing m;
    struct waiting w;
    if (!what_is_missing(&p->s->threads[thread].rec, &m))
        return;
    if (waiting_build(p->s, &w) != ERR_OK) {
        p->out->status = WHY_NO_MEMORY;
        return;
    }
    bool nobody = w.first[thread] == w.first[thread + 1] && !w.outside[thread];
    waiting_free(&w);
    if (nobody)
        say_last_that_could(p, &m, first);
}

/* --- its time --- */

static void say_context_was(struct past *p, uint64_t context, uint32_t last)
{
    char when[WHEN], owner[WHY_NAME] = "nobody";
    for (uint32_t i = 0; i < p->s->sched_context_count; i++)
        if (p->s->sched_contexts[i].addr == context && p->s->sched_contexts[i].thread)
            why_name_at(p->s, p->s->sched_contexts[i].thread, owner);
    why_say(p->out, DEPTH + 1, WHY_ABOUT_MEMORY, context,
            "until snapshot %s it had the scheduling context 0x%0*" PRIx64 ", which %s has now",
            past_moment(p, last, when), capstate_digits(p->s), context, owner);
}

/* Which scheduling context it had last. */
static void say_context(struct past *p, int32_t thread)
{
    sqlite3_stmt *st;
    if (why_time(p->s, thread) != WHY_TIME_NO_CONTEXT ||
        !past_prepare(p,
                      "SELECT sched_context, t1 - 1 FROM run_row WHERE addr = ?1 AND t1 <= ?2 AND"
                      " t1 > ?3 AND sched_context <> 0 ORDER BY t1 DESC LIMIT 1",
                      &st))
        return;
    sqlite3_bind_int64(st, 1, (int64_t)p->s->threads[thread].rec.addr);
    sqlite3_bind_int64(st, 2, p->n);
    sqlite3_bind_int64(st, 3, p->run.first);
    if (capdb_step(p->db, st, past_doing, &p->e))
        say_context_was(p, (uint64_t)sqlite3_column_int64(st, 0),
                        (uint32_t)sqlite3_column_int64(st, 1));
    sqlite3_finalize(st);
}

/* --- all of it --- */

static void say_how_long(struct past *p, const struct record_thread *t, uint32_t first)
{
    char when[WHEN], counted[32] = "";
    uint32_t ticks;
    double time = seconds(p, first, p->n, &ticks);
    if (ticks)
        snprintf(counted, sizeof(counted), ", %u tick%s", ticks, plural_s(ticks));
    if (first == p->n)
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr,
                "snapshot %s is the first that shows it so", past_moment(p, first, when));
    else
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr,
                "every snapshot since %s%s shows it so: %.1f s%s", past_moment(p, first, when),
                first > p->run.first ? ""
                : first == 1         ? ", the first,"
                                     : ", the first of this run of the machine,",
                time, counted);
}

/* Snapshots show moments: where events tell that it acted between them, it was otherwise in between. */
static void say_acted(struct past *p, const struct record_thread *t, uint32_t first)
{
    char text[EVENT_TEXT];
    const uint64_t v[4] = {t->addr, first, p->n};
    struct deed d = past_deed(
        p, DEED "WHERE e.thread = ?1 AND e.n > ?2 AND e.n <= ?3 ORDER BY e.row DESC LIMIT 1", v);
    if (d.row)
        why_say(p->out, DEPTH, WHY_ABOUT_THREAD, t->addr,
                "but it ran between them: what it did last is %s (%s)",
                past_event_text(p, &d, text), event_kind_name(d.kind));
}

enum error capdb_past_running(struct capdb *db, uint32_t n, const struct capstate *s,
                              int32_t thread, struct why *out)
{
    struct past p = past_begin(db, n, s, out);
    const struct record_thread *t = &s->threads[thread].rec;
    if (n < 2 || t->idle)
        return p.e;
    uint32_t first = past_since(&p, t);
    say_how_long(&p, t, first);
    say_acted(&p, t, first);
    say_deeds(&p, t, first);
    say_who_could(&p, thread, first);
    if (why_is_runnable(t) && !t->current) {
        say_context(&p, thread);
        if (first < n)
            say_runners(&p, t, first);
        if (first < n && t->domain != s->sched.domain)
            say_domain(&p, t, first);
    }
    say_before_that(&p, t, first);
    return p.e;
}
