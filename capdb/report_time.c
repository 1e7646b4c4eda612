/* The parts of a report that look at the whole recording: memory by owner over time, breaches as
 * intervals, islands that merged, revocations; and untyped memory by domain.
 *
 * Each snapshot is looked at once. Pictures are as wide as the page whatever the number of snapshots:
 * at most COLUMNS of them are drawn, evenly; a breach is never left out. */
#include "capdb/page.h"

#include "capdb/spans.h"
#include "capdb/store.h"
#include "facts/untyped.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_BYTES = 512,
    COLUMNS = 240,
    OWNERS = 12, /* drawn apart; the others are one */
    LEFT = 70,
    RIGHT = 20,
    WIDTH = 900,
    HEIGHT = 220,
    BOTTOM = 40,
    LANE = 18,
    MOST_INTERVALS = 200,
    MOST_REVOKES = 200,
    GRID = 4,
};

struct owner {
    char *name;
    bool trusted;
    uint64_t bytes[COLUMNS];
    uint64_t most;
};

struct history {
    struct options *o;
    struct view *v;
    const struct colours *colours;
    uint32_t begin, snapshots, columns; /* the first of the range, how many */
    struct owner *owners;
    uint32_t owner_count;
    uint32_t column;    /* the next to be filled */
    struct spans spans; /* breaches, doubts, notes, merged islands */
    uint32_t *breaches; /* of spans.list, those that are breaches */
    uint32_t breach_count;
    uint32_t *merges; /* and those that are merged islands */
    uint32_t merge_count;
    uint32_t outcomes[3];
    double first; /* seconds since 1970 */
};

static char *copy(const char *text)
{
    char *out = output_alloc(NULL, strlen(text) + 1);
    return strcpy(out, text);
}

/* --- reading --- */

static struct owner *owner_named(struct history *h, const char *name, bool trusted)
{
    for (uint32_t i = 0; i < h->owner_count; i++)
        if (h->owners[i].trusted == trusted && strcmp(h->owners[i].name, name) == 0)
            return &h->owners[i];
    h->owners = output_alloc(h->owners, (h->owner_count + 1) * sizeof(*h->owners));
    struct owner *o = &h->owners[h->owner_count++];
    memset(o, 0, sizeof(*o));
    o->name = copy(name);
    o->trusted = trusted;
    return o;
}

static bool is_counted(const struct capstate *s, const struct capstate_object *o)
{
    return o->type != RECORD_CAP_UNTYPED && o->type != RECORD_CAP_IRQ_HANDLER && o->bits > 0 &&
           o->bits < 48 && !(o->flags & RECORD_SLOT_DEVICE) && capstate_is_ram(s, o->addr);
}

/* Bytes of objects that are no untyped memory, by owner. */
static void add_memory(struct history *h, uint32_t column)
{
    const struct authority *a = &h->v->authority;
    uint64_t *bytes = output_alloc(NULL, (a->domain_count + 1) * sizeof(*bytes));
    memset(bytes, 0, (a->domain_count + 1) * sizeof(*bytes));
    for (uint32_t i = 0; i < h->v->state.object_count; i++) {
        struct authority_owner w;
        if (!is_counted(&h->v->state, &h->v->state.objects[i]))
            continue;
        authority_owner_of(a, h->v->state.objects[i].addr, &w);
        bytes[w.domain < 0 ? a->domain_count : (uint32_t)w.domain] +=
            1ull << h->v->state.objects[i].bits;
    }
    for (uint32_t d = 0; d <= a->domain_count; d++) {
        if (!bytes[d])
            continue;
        bool nobody = d == a->domain_count;
        struct owner *o = owner_named(h, nobody ? "nobody alone" : a->domains[d].name,
                                      !nobody && a->domains[d].trusted);
        o->bytes[column] += bytes[d];
        o->most = o->bytes[column] > o->most ? o->bytes[column] : o->most;
    }
    free(bytes);
}

static uint32_t snapshot_of(const struct history *h, uint32_t column)
{
    if (h->columns == 1)
        return h->begin + h->snapshots - 1;
    return h->begin + (uint32_t)((uint64_t)column * (h->snapshots - 1) / (h->columns - 1));
}

/* After each snapshot; the view stands on one with the same capabilities. */
static void take_snapshot(void *ctx, const struct authority_verdict *verdict, uint32_t n)
{
    struct history *h = ctx;
    h->outcomes[authority_outcome(verdict)]++;
    if (h->column < h->columns && snapshot_of(h, h->column) == n)
        add_memory(h, h->column++);
}

static void sort_out_spans(struct history *h)
{
    size_t size = (h->spans.count + 1) * sizeof(uint32_t);
    h->breaches = output_alloc(NULL, size);
    h->merges = output_alloc(NULL, size);
    for (uint32_t i = 0; i < h->spans.count; i++)
        if (h->spans.list[i].kind == AUTHORITY_BREACH_KINDS)
            h->merges[h->merge_count++] = i;
        else if (h->spans.list[i].weight == AUTHORITY_BREACH)
            h->breaches[h->breach_count++] = i;
}

/* Of a snapshot; that of the first where it has none. */
static double time_of(const struct history *h, uint32_t n)
{
    struct capdb_snapshot info = {.time = h->first};
    capdb_snapshot_info(h->v->db, n, &info);
    return info.time;
}

static enum status read_all(struct history *h)
{
    enum status s =
        spans_over(h->o, h->v, h->begin, h->begin + h->snapshots - 1, &h->spans, take_snapshot, h);
    h->first = time_of(h, h->begin);
    sort_out_spans(h);
    return s;
}

/* --- axes --- */

static double x_of(const struct history *h, uint32_t n)
{
    double width = WIDTH - LEFT - RIGHT;
    return h->snapshots == 1 ? LEFT + width / 2
                             : LEFT + width * (double)(n - h->begin) / (double)(h->snapshots - 1);
}

/* In the unit that leaves a number people can compare. */
static void put_duration(FILE *f, double seconds)
{
    static const struct {
        double least, unit;
        const char *name;
    } units[] = {{3 * 86400, 86400, "d"}, {3 * 3600, 3600, "h"}, {180, 60, "min"}};
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (seconds >= units[i].least) {
            fprintf(f, "%.1f %s", seconds / units[i].unit, units[i].name);
            return;
        }
    }
    fprintf(f, "%.1f s", seconds);
}

/* The text of the last ends where the picture does: under its number it would be cut off. */
static void put_moment(FILE *f, const struct history *h, uint32_t n, int y)
{
    bool last = n > h->begin && n == h->begin + h->snapshots - 1;
    fprintf(f,
            "<text class=\"ink\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%u</text>"
            "<text class=\"ink\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">+",
            x_of(h, n), y + 14, n, last ? WIDTH : x_of(h, n), y + 28, last ? "end" : "middle");
    put_duration(f, time_of(h, n) - h->first);
    fputs("</text>", f);
}

/* Snapshot numbers, and below them the time since the first. */
static void put_time_axis(FILE *f, const struct history *h, int y)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i <= GRID; i++) {
        uint32_t n = h->begin + (uint32_t)((uint64_t)i * (h->snapshots - 1) / GRID);
        if (n != before)
            put_moment(f, h, n, y);
        before = n;
    }
}

static uint64_t nice_top(uint64_t most)
{
    uint64_t top = 4096;
    while (top < most)
        top *= 2;
    return top;
}

static void put_size(FILE *f, uint64_t bytes)
{
    if (bytes >= 1 << 20)
        fprintf(f, "%.4g MiB", (double)bytes / (1 << 20));
    else
        fprintf(f, "%.4g KiB", (double)bytes / (1 << 10));
}

static double y_of(uint64_t bytes, uint64_t top)
{
    return 10 + (HEIGHT - BOTTOM - 10) * (1 - (double)bytes / (double)top);
}

static void put_size_axis(FILE *f, uint64_t top)
{
    for (uint32_t i = 0; i <= GRID; i++) {
        double y = y_of(top / GRID * i, top);
        fprintf(f,
                "<line class=\"rule\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text class=\"ink\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4);
        put_size(f, top / GRID * i);
        fputs("</text>", f);
    }
}

/* --- memory by owner --- */

static int most_memory_first(const void *x, const void *y)
{
    const struct owner *a = x;
    const struct owner *b = y;
    return a->most > b->most ? -1 : a->most < b->most;
}

static void fold_owners(struct history *h)
{
    if (h->owner_count)
        qsort(h->owners, h->owner_count, sizeof(*h->owners), most_memory_first);
    if (h->owner_count <= OWNERS)
        return;
    char name[64];
    struct owner *rest = &h->owners[OWNERS - 1];
    snprintf(name, sizeof(name), "%u others", h->owner_count - OWNERS + 1);
    for (uint32_t i = OWNERS; i < h->owner_count; i++) {
        for (uint32_t c = 0; c < h->columns; c++)
            rest->bytes[c] += h->owners[i].bytes[c];
        free(h->owners[i].name);
    }
    free(rest->name);
    rest->name = copy(name);
    h->owner_count = OWNERS;
}

static const char *owner_colour(const struct history *h, const struct owner *o,
                                char buf[COLOUR_BYTES])
{
    bool nobody = strcmp(o->name, "nobody alone") == 0;
    return nobody ? COLOUR_NOBODY : colour_of(h->colours, o->name, o->trusted, buf);
}

/* Between what lies below it and itself on top. */
static void put_area(FILE *f, const struct history *h, const struct owner *o, uint64_t *below,
                     uint64_t top)
{
    char buf[COLOUR_BYTES];
    fprintf(f, "<polygon fill=\"%s\" points=\"", owner_colour(h, o, buf));
    for (uint32_t c = 0; c < h->columns; c++)
        fprintf(f, "%.1f,%.1f ", x_of(h, snapshot_of(h, c)) - (h->columns == 1 ? 40 : 0),
                y_of(below[c] + o->bytes[c], top));
    for (uint32_t c = h->columns; c-- > 0;) {
        fprintf(f, "%.1f,%.1f ", x_of(h, snapshot_of(h, c)) + (h->columns == 1 ? 40 : 0),
                y_of(below[c], top));
        below[c] += o->bytes[c];
    }
    fputs("\"><title>", f);
    html_text(f, o->name);
    fputs("</title></polygon>", f);
}

static void put_memory(FILE *f, struct history *h)
{
    uint64_t below[COLUMNS] = {0};
    uint64_t most = 0;
    char buf[COLOUR_BYTES];
    fold_owners(h);
    for (uint32_t c = 0; c < h->columns; c++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < h->owner_count; i++)
            sum += h->owners[i].bytes[c];
        most = sum > most ? sum : most;
    }
    fprintf(f,
            "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Memory by owner over "
            "time\">",
            WIDTH, HEIGHT);
    for (uint32_t i = 0; i < h->owner_count; i++)
        put_area(f, h, &h->owners[i], below, nice_top(most));
    put_size_axis(f, nice_top(most));
    put_time_axis(f, h, HEIGHT - BOTTOM);
    fputs(
        "</svg><figcaption>Objects in RAM by owner, over snapshots and the time since the first: ",
        f);
    for (uint32_t i = 0; i < h->owner_count; i++)
        html_key(f, owner_colour(h, &h->owners[i], buf), h->owners[i].name);
    fputs("</figcaption></figure>\n", f);
}

/* --- breaches --- */

static uint32_t at_most(uint32_t count)
{
    return count < MOST_INTERVALS ? count : MOST_INTERVALS;
}

static void put_lane(FILE *f, const struct history *h, const struct span *s, uint32_t lane)
{
    double x = x_of(h, s->first);
    double width = x_of(h, s->last) - x;
    fprintf(f,
            "<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" fill=\"%s\"><title>snapshots "
            "%u to %u</title></rect><text class=\"ink\" x=\"%d\" y=\"%u\" "
            "text-anchor=\"end\">%u</text>",
            width < 4 ? x - 2 : x, lane * LANE + 4, width < 4 ? 4 : width, LANE - 6, COLOUR_BREACH,
            s->first, s->last, LEFT - 6, lane * LANE + LANE - 5, lane + 1);
}

static void put_lanes(FILE *f, const struct history *h, uint32_t count)
{
    fprintf(f, "<figure><svg viewBox=\"0 0 %d %u\" role=\"img\" aria-label=\"Breaches over time\">",
            WIDTH, count * LANE + BOTTOM);
    for (uint32_t i = 0; i < count; i++)
        put_lane(f, h, &h->spans.list[h->breaches[i]], i);
    put_time_axis(f, h, (int)(count * LANE));
    fputs("</svg><figcaption>Each breach of the table from its first snapshot to its last."
          "</figcaption></figure>\n",
          f);
}

static void put_code_cell(FILE *f, const char *text)
{
    fputs("<td><code>", f);
    html_text(f, text);
    fputs("</code></td>", f);
}

static void put_interval_row(FILE *f, const struct history *h, const struct span *s,
                             uint32_t number)
{
    fprintf(f, "<tr><td class=\"n\">%u</td>", number);
    cell_text(f, s->name);
    cell_text(f, s->text[SPAN_DOMAIN_A]);
    cell_text(f, s->text[SPAN_DOMAIN_B]);
    fprintf(f, "<td class=\"n\">%u to %u</td><td class=\"n\">", s->first, s->last);
    put_duration(f, time_of(h, s->last) - time_of(h, s->first));
    fputs("</td>", f);
    cell_text(f, s->meaning);
    put_code_cell(f, s->text[SPAN_WITNESS_A]);
    fputs("</tr>\n", f);
}

static void put_rest(FILE *f, uint32_t count)
{
    if (count > MOST_INTERVALS)
        fprintf(f, "<p>and %u more: capdb check --all lists them.</p>", count - MOST_INTERVALS);
}

static void put_intervals(FILE *f, const struct history *h)
{
    uint32_t count = at_most(h->breach_count);
    fprintf(f, "<p>%u snapshot%s: %u isolated, %u breached, %u could not be told.</p>",
            h->snapshots, plural_s(h->snapshots), h->outcomes[AUTHORITY_ISOLATED],
            h->outcomes[AUTHORITY_BREACHED], h->outcomes[AUTHORITY_UNKNOWN]);
    if (!count)
        return;
    put_lanes(f, h, count);
    fputs("<table><tr><th></th><th>breach</th><th>of</th><th>with</th><th>snapshots</th>"
          "<th>seen for</th><th>meaning</th><th>first witness</th></tr>\n",
          f);
    for (uint32_t i = 0; i < count; i++)
        put_interval_row(f, h, &h->spans.list[h->breaches[i]], i + 1);
    fputs("</table>", f);
    put_rest(f, h->breach_count);
}

/* --- islands --- */

static void put_merge_row(FILE *f, const struct history *h, const struct span *s)
{
    fprintf(f, "<tr><td class=\"n\">%u</td><td class=\"n\">+", s->first);
    put_duration(f, time_of(h, s->first) - h->first);
    fputs("</td>", f);
    cell_text(f, s->text[SPAN_DOMAIN_A]);
    cell_text(f, s->text[SPAN_DOMAIN_B]);
    cell_text(f, s->text[SPAN_OBJECT]);
    put_code_cell(f, s->text[SPAN_PATH]);
    fputs("</tr>\n", f);
}

static void put_merges(FILE *f, const struct history *h)
{
    uint32_t count = at_most(h->merge_count);
    if (!count) {
        fputs("<p>No two islands of threads became one.</p>", f);
        return;
    }
    fputs(
        "<p>Islands of threads that became one: a manager joined them, or something happened that "
        "no operation does.</p><table><tr><th>snapshot</th><th>at</th><th>of</th><th>with</th>"
        "<th>threads</th><th>how they reach each other since</th></tr>\n",
        f);
    for (uint32_t i = 0; i < count; i++)
        put_merge_row(f, h, &h->spans.list[h->merges[i]]);
    fputs("</table>", f);
    put_rest(f, h->merge_count);
}

static void history_free(struct history *h)
{
    for (uint32_t i = 0; i < h->owner_count; i++)
        free(h->owners[i].name);
    free(h->owners);
    free(h->breaches);
    free(h->merges);
    spans_free(&h->spans);
}

enum status report_over_time(FILE *f, struct options *o, struct view *v,
                             const struct colours *colours)
{
    struct history h = {.o = o, .v = v, .colours = colours, .begin = range_first(o)};
    h.snapshots = range_last(o, v) - h.begin + 1;
    h.columns = h.snapshots < COLUMNS ? h.snapshots : COLUMNS;
    enum status s = read_all(&h);
    if (s == STATUS_YES) {
        fputs("<h2>Breaches over time</h2>", f);
        put_intervals(f, &h);
        fputs("<h2>Islands over time</h2>", f);
        put_merges(f, &h);
        fputs("<h2>Memory by owner over time</h2>", f);
        put_memory(f, &h);
    }
    history_free(&h);
    return s;
}

/* --- untyped memory --- */

struct untyped_sum {
    uint64_t bytes, used;
};

/* Untyped memory that lies in none of the same domain's. */
static bool is_outermost(const struct view *v, int32_t slot)
{
    int32_t domain = authority_slot_domain(&v->authority, slot);
    for (int32_t p = v->state.slots[slot].parent; p >= 0; p = v->state.slots[p].parent)
        if (v->state.slots[p].rec.type == RECORD_CAP_UNTYPED &&
            authority_slot_domain(&v->authority, p) == domain)
            return false;
    return true;
}

static struct untyped_sum *sum_untyped(const struct view *v)
{
    size_t size = (v->authority.domain_count + 1) * sizeof(struct untyped_sum);
    struct untyped_sum *sums = output_alloc(NULL, size);
    memset(sums, 0, size);
    for (uint32_t i = 0; i < v->state.slot_count; i++) {
        const struct record_slot *r = &v->state.slots[i].rec;
        int32_t domain = authority_slot_domain(&v->authority, (int32_t)i);
        int32_t object = v->state.slots[i].object;
        if (r->type != RECORD_CAP_UNTYPED || (r->flags & RECORD_SLOT_DEVICE) || domain < 0 ||
            object < 0 || r->bits >= 48 || !is_outermost(v, (int32_t)i))
            continue;
        sums[domain].bytes += 1ull << r->bits;
        sums[domain].used += untyped_used(&v->state, object);
    }
    return sums;
}

static void put_untyped(FILE *f, const struct view *v, const struct colours *colours, uint32_t d,
                        const struct untyped_sum *sum)
{
    char buf[COLOUR_BYTES];
    const struct authority_domain *domain = &v->authority.domains[d];
    double share = (double)sum->used * 100 / (double)sum->bytes;
    fputs("<tr><td>", f);
    html_key(f, colour_of(colours, domain->name, domain->trusted, buf), domain->name);
    fputs("</td><td class=\"n\">", f);
    put_size(f, sum->bytes);
    fputs("</td><td class=\"n\">", f);
    put_size(f, sum->used);
    fprintf(f,
            "</td><td class=\"n\">%.1f %%</td><td><svg width=\"200\" height=\"12\" role=\"img\" "
            "aria-label=\"%.1f %% used\"><rect width=\"200\" height=\"12\" fill=\"%s\"/><rect "
            "width=\"%.1f\" height=\"12\" fill=\"%s\"/></svg></td></tr>\n",
            share, share, COLOUR_NOBODY, share * 2,
            colour_of(colours, domain->name, domain->trusted, buf));
}

void report_untyped(FILE *f, const struct view *v, const struct colours *colours)
{
    struct untyped_sum *sums = sum_untyped(v);
    uint32_t rows = 0;
    fputs("<table><tr><th>domain</th><th>untyped memory</th><th>handed out</th><th></th><th></th>"
          "</tr>\n",
          f);
    for (uint32_t d = 0; d < v->authority.domain_count && rows < MOST_REVOKES; d++)
        if (sums[d].bytes) {
            put_untyped(f, v, colours, d, &sums[d]);
            rows++;
        }
    fputs("</table><p>Without device memory, and without what lies in untyped memory of the same "
          "domain. Handed out is what lies below the watermark of memory that has children.</p>",
          f);
    if (rows == MOST_REVOKES)
        fprintf(f, "<p>The first %u domains are listed.</p>", rows);
    free(sums);
}

/* --- revocations --- */

static void put_revoke(FILE *f, sqlite3_stmt *st)
{
    fputs("<tr>", f);
    for (int c = 0; c < 6; c++)
        fprintf(f, "<td class=\"n\">%s</td>", capdb_column_text(st, c));
    fprintf(f, "<td><code>0x%08" PRIx64 "</code></td>", (uint64_t)sqlite3_column_int64(st, 6));
    cell_text(f, capdb_column_text(st, 7));
    cell_text(f, capdb_column_text(st, 8));
    fputs("</tr>\n", f);
}

void report_revocations(FILE *f, struct view *v)
{
    sqlite3_stmt *st;
    enum error e = ERR_OK;
    int64_t count = capdb_int(v->db, "SELECT count(*) FROM revoke_span", 0);
    if (!capdb_has_events(v->db)) {
        fputs("<p>The recording holds no events, so revocations are not told step by step.</p>", f);
        return;
    }
    fprintf(f, "<p>%lld in the recording.</p>", (long long)count);
    if (count == 0 ||
        capdb_prepare(v->db,
                      "SELECT r.revoke, r.first, r.last, r.deleted, r.steps, r.preempted, r.slot,"
                      " coalesce((SELECT m.text FROM thread_row t JOIN name m ON m.id = t.name"
                      "  WHERE t.addr = r.tcb ORDER BY t.t0 DESC LIMIT 1), ''),"
                      " iif(r.ends IS NOT NULL, '', iif(r.lost, 'its end is lost', 'unfinished'))"
                      " FROM revokes r ORDER BY r.deleted"
                      " DESC, r.revoke LIMIT 200",
                      &st) != ERR_OK)
        return;
    fputs("<table><tr><th></th><th>first</th><th>last</th><th>deleted</th><th>steps</th>"
          "<th>preempted</th><th>root</th><th>thread</th><th></th></tr>\n",
          f);
    while (capdb_step(v->db, st, "reading events", &e))
        put_revoke(f, st);
    fputs("</table>", f);
    if (count > MOST_REVOKES)
        fprintf(f, "<p>The %d that deleted most are listed.</p>", MOST_REVOKES);
    sqlite3_finalize(st);
}
