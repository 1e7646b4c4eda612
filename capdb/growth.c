/* Counts over a recording, as sums over the stretches in which they do not change. */
#include "capdb/growth.h"

#include "capdb/store.h"

#include <stdio.h>
#include <string.h>

/* One count, from the first snapshot of a run of the machine up to `at`, which is not counted yet;
 * there are n. */
struct course {
    char name[GROWTH_NAME];
    int64_t count, at, first;
    uint32_t n;
    double sum, weighted; /* of the counts; of count times place in the run */
    struct growth g;
};

static const char doing[] = "counting what grows";

static const char by_type[] =
    "WITH step(t, type, d) AS (SELECT t0, type, 1 FROM object_row UNION ALL"
    " SELECT t1, type, -1 FROM object_row)"
    " SELECT type, t, sum(d), (SELECT text FROM word WHERE kind = 'cap' AND value = type) ||"
    "  ' objects' FROM step WHERE t <= ?1 GROUP BY type, t ORDER BY type, t";
static const char by_domain[] =
    "WITH step(t, domain, d) AS (SELECT t0, domain, 1 FROM cap_row UNION ALL"
    " SELECT t1, domain, -1 FROM cap_row)"
    " SELECT domain, t, sum(d), 'capabilities of ' || coalesce((SELECT name FROM domain WHERE"
    "  id = domain), 'no domain') FROM step WHERE t <= ?1 GROUP BY domain, t ORDER BY domain, t";

/* --- one course --- */

/* The part to which a snapshot belongs: parts differ by a snapshot at most. */
static uint32_t part_of(const struct course *c, int64_t snapshot)
{
    return (uint32_t)((uint64_t)(snapshot - c->first) * c->g.parts / c->n);
}

static void begin(struct course *c, uint32_t first, uint32_t n, const char *name)
{
    *c = (struct course){.n = n, .at = first, .first = first};
    c->g.parts = n < GROWTH_PARTS ? n : (uint32_t)GROWTH_PARTS;
    memset(c->g.fewest, 0xff, sizeof(c->g.fewest));
    snprintf(c->name, sizeof(c->name), "%s", name ? name : "?");
}

/* The count holds for snapshots at..end - 1. */
static void hold(struct course *c, int64_t end)
{
    if (end <= c->at)
        return;
    double times = (double)(end - c->at), middle = (double)(c->at + end - 1) / 2;
    middle -= (double)(c->first - 1);
    uint64_t count = c->count > 0 ? (uint64_t)c->count : 0;
    c->sum += times * (double)count;
    c->weighted += times * middle * (double)count;
    for (uint32_t p = part_of(c, c->at); p <= part_of(c, end - 1); p++)
        if (count < c->g.fewest[p])
            c->g.fewest[p] = count;
    if (c->at == c->first)
        c->g.first = count;
    c->g.last = count;
    c->at = end;
}

static bool rises(const struct growth *g)
{
    for (uint32_t p = 1; p < g->parts; p++)
        if (g->fewest[p] <= g->fewest[p - 1])
            return false;
    return g->parts >= GROWTH_LEAST && g->last > g->first;
}

/* Least squares over places 1..n: their sum is n(n+1)/2, that of their squares n(n+1)(2n+1)/6. */
static double slope(const struct course *c)
{
    double n = c->n, x = n * (n + 1) / 2, xx = n * (n + 1) * (2 * n + 1) / 6;
    return (n * c->weighted - x * c->sum) / (n * xx - x * x);
}

static double minutes(struct capdb *db, uint32_t begin, uint32_t n)
{
    struct capdb_snapshot first, last;
    if (capdb_snapshot_info(db, begin, &first) != ERR_OK ||
        capdb_snapshot_info(db, n, &last) != ERR_OK)
        return 0;
    return (last.time - first.time) / 60;
}

static void end(struct course *c, double length, growth_hear hear, void *ctx)
{
    if (c->n == 0)
        return;
    hold(c, c->first + c->n);
    if (!rises(&c->g))
        return;
    memcpy(c->g.what, c->name, sizeof(c->g.what));
    c->g.per_snapshot = slope(c);
    c->g.per_minute = length > 0 ? c->g.per_snapshot * (c->n - 1) / length : 0;
    hear(ctx, &c->g);
}

/* --- all of them --- */

static enum error follow(struct capdb *db, uint32_t first, uint32_t n, const char *sql,
                         growth_hear hear, void *ctx)
{
    sqlite3_stmt *st;
    struct course c = {0};
    int64_t key = 0;
    double length = minutes(db, first, n);
    enum error e = capdb_prepare(db, sql, &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    while (capdb_step(db, st, doing, &e)) {
        if (c.n == 0 || sqlite3_column_int64(st, 0) != key) {
            end(&c, length, hear, ctx);
            begin(&c, first, n - first + 1, (const char *)sqlite3_column_text(st, 3));
            key = sqlite3_column_int64(st, 0);
        }
        hold(&c, sqlite3_column_int64(st, 1));
        c.count += sqlite3_column_int64(st, 2);
    }
    if (e == ERR_OK)
        end(&c, length, hear, ctx);
    sqlite3_finalize(st);
    return e;
}

enum error growth_find(struct capdb *db, uint32_t n, growth_hear hear, void *ctx)
{
    struct capdb_run run;
    enum error e = capdb_run_at(db, n, &run);
    if (e != ERR_OK || n < run.first + GROWTH_LEAST - 1)
        return e;
    e = follow(db, run.first, n, by_type, hear, ctx);
    return e == ERR_OK ? follow(db, run.first, n, by_domain, hear, ctx) : e;
}
