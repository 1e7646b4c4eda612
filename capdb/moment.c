/* Snapshots named by their time: --at, --from, --to, the operands of diff.
 *
 *     N                        snapshot N
 *     -30s, -5m, -2h           so long before the newest snapshot
 *     11:47, 11:47:27(.5)      that time of day (UTC), the last one within the recording
 *     2026-11-29T11:47:27(Z)   that moment (UTC)
 *
 * --at is written FILE@MOMENT, too. A moment is the newest snapshot that had been taken by then. A moment
 * told in whole seconds is the second, in whole minutes the minute: --from is its beginning, all else its
 * end. */
#include "capdb/command.h"

#include "capdb/store.h"
#include "lib/host/clock_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Somebody may have set the clock back while it recorded: the newest is not the latest then. */
struct moments {
    double first, last; /* the earliest and the latest time of a snapshot */
    double newest;      /* the time of the last snapshot */
};

/* A moment and how long it is. */
struct moment {
    double time, length;
};

static bool number_only(const char *text, uint32_t *n)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *n = (uint32_t)value;
    return *end == '\0' && errno == 0 && value > 0 && value < UINT32_MAX;
}

static bool before_the_end(const char *text, const struct moments *m, struct moment *out)
{
    double ago;
    if (!clock_text_ago(text, &ago))
        return false;
    *out = (struct moment){m->newest - ago, 0};
    return true;
}

/* Without a date: on the last day on which it lies in the recording. */
static bool by_the_clock(const char *text, const struct moments *m, struct moment *out)
{
    const struct clock_frame frame = {m->first, m->last, m->last, true};
    struct clock_moment at;
    if (!clock_text_read(text, &frame, &at))
        return false;
    *out = (struct moment){at.time, at.length};
    return true;
}

static bool moment_parse(const char *text, const struct moments *m, struct moment *out)
{
    return before_the_end(text, m, out) || by_the_clock(text, m, out);
}

/* What a query tells about a time; 0: nothing. */
static uint32_t snapshot_by(struct capdb *db, const char *sql, double time)
{
    sqlite3_stmt *st;
    enum error e;
    int64_t n = 0;
    if (capdb_prepare(db, sql, &st) != ERR_OK)
        return 0;
    e = ERR_OK;
    sqlite3_bind_double(st, 1, time);
    if (capdb_step(db, st, "looking for a snapshot", &e))
        n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return (uint32_t)n;
}

/* From the newest on: most questions are about what was lately. */
static uint32_t newest_by(struct capdb *db, double time)
{
    return snapshot_by(db, "SELECT n FROM snapshot WHERE time <= ? ORDER BY n DESC LIMIT 1", time);
}

/* Where somebody set the clock back, snapshots from before may follow; none from then on is left out. */
static uint32_t first_from(struct capdb *db, double time)
{
    return snapshot_by(db, "SELECT n FROM snapshot WHERE time >= ? ORDER BY n LIMIT 1", time);
}

/* all: not the newest alone, which takes no look at the others. */
static struct moments read_moments(struct view *v, bool all)
{
    struct moments m = {0};
    sqlite3_stmt *st;
    enum error e;
    static const char newest[] = "SELECT time, time, time FROM snapshot ORDER BY n DESC LIMIT 1";
    static const char every[] = "SELECT min(time), max(time), "
                                "(SELECT time FROM snapshot ORDER BY n DESC LIMIT 1) FROM snapshot";
    if (capdb_prepare(v->db, all ? every : newest, &st) != ERR_OK)
        return m;
    e = ERR_OK;
    if (capdb_step(v->db, st, "looking for a snapshot", &e)) {
        m.first = sqlite3_column_double(st, 0);
        m.last = sqlite3_column_double(st, 1);
        m.newest = sqlite3_column_double(st, 2);
    }
    sqlite3_finalize(st);
    return m;
}

static enum status outside(const struct options *o, const char *name, const char *text,
                           const struct moments *m)
{
    char first[32];
    char last[32];
    return command_complain(o->run, "%s%s lies outside the recording, which goes from %s to %s",
                            name, text, when_text(m->first, first, sizeof(first)),
                            when_text(m->last, last, sizeof(last)));
}

/* *within: does it lie in the recording? A time before the newest is looked for from there on. */
static enum status read_text(struct view *v, const char *name, const char *text, struct moment *at,
                             bool *within)
{
    struct moments m = read_moments(v, false);
    if (before_the_end(text, &m, at)) {
        *within = newest_by(v->db, at->time) > 0;
        return STATUS_YES;
    }
    m = read_moments(v, true);
    if (!by_the_clock(text, &m, at))
        return command_complain(NULL,
                                "%s%s: neither a snapshot nor a time (11:47:27, -1m, "
                                "2026-11-29T11:47:27)",
                                name, text);
    *within = at->time + at->length >= m.first && at->time <= m.last;
    return STATUS_YES;
}

/* Which snapshot is meant by a moment: the newest by its end; the first not before it, for --from of a
 * range; the newest by its beginning, from which on changes are looked at. */
enum meant { BY_ITS_END, FIRST_FROM, BY_ITS_BEGINNING };

static uint32_t find_meant(struct capdb *db, const struct moment *at, enum meant meant)
{
    const double end = at->time + (at->length > 0 ? at->length - 1e-6 : 0);
    if (meant == FIRST_FROM)
        return first_from(db, at->time);
    const uint32_t n = newest_by(db, meant == BY_ITS_END ? end : at->time);
    return meant == BY_ITS_BEGINNING && n == 0 ? 1 : n; /* the recording begins within it */
}

/* *n stays where text is NULL. name: what stands before the text in a sentence. */
static enum status resolve(const struct options *o, struct view *v, const char *name,
                           const char *text, enum meant meant, uint32_t *n)
{
    struct moment at = {0};
    bool within = false;
    if (!text)
        return STATUS_YES;
    const uint32_t count = capdb_count(v->db);
    if (count == 0)
        return command_complain(o->run, "has no snapshot");
    if (number_only(text, n))
        return *n <= count
                   ? STATUS_YES
                   : command_complain(o->run, "snapshot %u not found (it has 1 to %u)", *n, count);
    if (read_text(v, name, text, &at, &within) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (meant == FIRST_FROM && !within && *text == '-')
        within = true; /* a time before the beginning: all since then */
    *n = within ? find_meant(v->db, &at, meant) : 0;
    if (*n)
        return STATUS_YES;
    const struct moments m = read_moments(v, true);
    return outside(o, name, text, &m);
}

enum status moment_resolve(const struct options *o, struct view *v, const char *name,
                           const char *text, bool beginning, uint32_t *n)
{
    return resolve(o, v, name, text, beginning ? BY_ITS_BEGINNING : BY_ITS_END, n);
}

/* Of times only; two in one second are not. */
static bool is_reversed(const struct moments *m, const char *from, const char *to)
{
    struct moment a, b;
    return moment_parse(from, m, &a) && moment_parse(to, m, &b) && a.time > b.time &&
           a.time >= b.time + b.length;
}

enum status moments_ascend(const struct options *o, struct view *v, const char *from,
                           const char *to)
{
    struct moments m;
    uint32_t n;
    if (!from || !to || number_only(from, &n) || number_only(to, &n))
        return STATUS_YES;
    m = read_moments(v, true);
    return is_reversed(&m, from, to)
               ? command_complain(o->run, "the range ends before it begins: from %s to %s", from,
                                  to)
               : STATUS_YES;
}

/* The first snapshot not before the beginning lies behind the last one by the end. */
static enum status nothing_between(const struct options *o, uint32_t to)
{
    uint32_t n;
    bool from_number = !o->from_text || number_only(o->from_text, &n);
    bool to_number = !o->to_text || number_only(o->to_text, &n);
    if (!from_number && !to_number)
        return command_complain(o->run,
                                "no snapshot was taken from %s to %s: snapshot %u was before, "
                                "snapshot %u after that",
                                o->from_text, o->to_text, to, o->from);
    return command_complain(o->run, "the range ends before it begins: from %s%s to %s%s",
                            from_number ? "snapshot " : "", o->from_text,
                            to_number && !from_number ? "snapshot " : "", o->to_text);
}

enum status moments_resolve(struct options *o, struct view *v)
{
    if (resolve(o, v, o->at_of_file ? "@" : "--at ", o->at_text, BY_ITS_END, &o->at) !=
            STATUS_YES ||
        resolve(o, v, "--from ", o->from_text, FIRST_FROM, &o->from) != STATUS_YES ||
        resolve(o, v, "--to ", o->to_text, BY_ITS_END, &o->to) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (o->from_text && o->to_text && moments_ascend(o, v, o->from_text, o->to_text) != STATUS_YES)
        return STATUS_UNKNOWN;
    uint32_t to = o->to ? o->to : capdb_count(v->db);
    return o->from > to ? nothing_between(o, to) : STATUS_YES;
}

uint32_t range_first(const struct options *o)
{
    return o->from ? o->from : 1;
}

uint32_t range_last(const struct options *o, const struct view *v)
{
    return o->to ? o->to : capdb_count(v->db);
}
