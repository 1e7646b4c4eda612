/* diff: what happened to capabilities and translations between two snapshots, by their stable ids.
 *
 * Snapshots show results, not operations: the words below name the operation that gives the result.
 * Rows that begin or end between the two are found without reading the rest. */
#include "capdb/command.h"

#include "capdb/store.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512 };

struct difference {
    struct options *o;
    struct view a, b;
    struct output *out;
};

static bool null(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL;
}

static bool differs(sqlite3_stmt *st, int early, int late)
{
    return sqlite3_column_int64(st, early) != sqlite3_column_int64(st, late);
}

static const char *added_word(sqlite3_stmt *st)
{
    uint32_t parent = (uint32_t)sqlite3_column_int64(st, DIFF_PARENT_TYPE);
    if (null(st, DIFF_PARENT_TYPE))
        return "created";
    if (parent == RECORD_CAP_UNTYPED && sqlite3_column_int(st, DIFF_NEW_OBJECT))
        return "retyped";
    if (sqlite3_column_int64(st, DIFF_TYPE) == RECORD_CAP_REPLY)
        return "reply";
    bool weaker = differs(st, DIFF_RIGHTS_L, DIFF_PARENT_RIGHTS) ||
                  (parent != RECORD_CAP_UNTYPED && parent != RECORD_CAP_FRAME &&
                   differs(st, DIFF_DATA_L, DIFF_PARENT_DATA));
    return weaker && parent != RECORD_CAP_UNTYPED ? "minted" : "copied";
}

static const char *changed_word(sqlite3_stmt *st)
{
    bool frame = sqlite3_column_int64(st, DIFF_TYPE) == RECORD_CAP_FRAME ||
                 sqlite3_column_int64(st, DIFF_TYPE) == RECORD_CAP_PAGE_TABLE;
    if (differs(st, DIFF_SLOT_E, DIFF_SLOT_L))
        return "moved";
    if (differs(st, DIFF_RIGHTS_E, DIFF_RIGHTS_L))
        return "rights";
    if (differs(st, DIFF_EXTRA_E, DIFF_EXTRA_L) || (frame && differs(st, DIFF_DATA_E, DIFF_DATA_L)))
        return sqlite3_column_int64(st, DIFF_TYPE) == RECORD_CAP_PAGE_DIRECTORY ? "assigned"
               : !frame                                                         ? "guard"
               : sqlite3_column_int64(st, DIFF_EXTRA_L)                         ? "mapped"
                                                                                : "unmapped";
    if (differs(st, DIFF_DATA_E, DIFF_DATA_L))
        return sqlite3_column_int64(st, DIFF_TYPE) == RECORD_CAP_UNTYPED ? "watermark" : "updated";
    if (differs(st, DIFF_PARENT_E, DIFF_PARENT_L))
        return "reparented";
    if (differs(st, DIFF_FLAGS_E, DIFF_FLAGS_L))
        return "flags";
    return NULL; /* its place in the list, or its domain's name */
}

/* Place and wording come from the snapshot that has the capability. */
static void side_cells(struct difference *d, sqlite3_stmt *st, int column, const struct view *v)
{
    char text[TEXT_BYTES];
    char place[TEXT_BYTES];
    int32_t slot = -1;
    if (!null(st, column))
        slot = capstate_slot_at(&v->state, (uint64_t)sqlite3_column_int64(st, column));
    if (slot < 0) {
        output_text(d->out, "-");
        return;
    }
    output_format(d->out, "%s (%s)", capstate_slot_text(&v->state, slot, text, sizeof(text)),
                  capstate_place_text(&v->state, slot, place, sizeof(place)));
}

static void cap_change(struct difference *d, sqlite3_stmt *st, bool forward)
{
    int in_a = forward ? DIFF_SLOT_E : DIFF_SLOT_L;
    int in_b = forward ? DIFF_SLOT_L : DIFF_SLOT_E;
    const char *word = null(st, in_a)   ? (forward ? added_word(st) : "created")
                       : null(st, in_b) ? "deleted"
                                        : changed_word(st);
    if (!word)
        return;
    const struct view *v = null(st, in_b) ? &d->a : &d->b;
    int column = null(st, in_b) ? in_a : in_b;
    uint64_t addr = (uint64_t)sqlite3_column_int64(st, column);
    output_text(d->out, word);
    output_int(d->out, sqlite3_column_int64(st, DIFF_ID));
    output_hex(d->out, addr);
    output_text(d->out, domain_name(v, authority_slot_domain(&v->authority,
                                                             capstate_slot_at(&v->state, addr))));
    side_cells(d, st, in_a, &d->a);
    side_cells(d, st, in_b, &d->b);
    output_row(d->out);
}

static enum error diff_capabilities(struct difference *d)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare_diff(d->a.db, d->a.n, d->b.n, &st);
    if (e != ERR_OK)
        return e;
    while (capdb_step(d->a.db, st, "comparing", &e))
        cap_change(d, st, d->a.n <= d->b.n);
    sqlite3_finalize(st);
    return e;
}

/* Threads by address: come, gone, renamed. */
static void thread_change(struct difference *d, const char *word, const struct view *v, uint32_t i,
                          const char *before, const char *after)
{
    output_text(d->out, word);
    output_null(d->out);
    output_hex(d->out, v->state.threads[i].rec.addr);
    output_text(d->out, domain_name(v, v->authority.thread_domain[i]));
    output_text(d->out, before);
    output_text(d->out, after);
    output_row(d->out);
}

static int32_t thread_at(const struct view *v, uint64_t addr)
{
    for (uint32_t i = 0; i < v->state.thread_count; i++)
        if (v->state.threads[i].rec.addr == addr)
            return (int32_t)i;
    return -1;
}

static void diff_threads(struct difference *d)
{
    for (uint32_t i = 0; i < d->a.state.thread_count; i++)
        if (thread_at(&d->b, d->a.state.threads[i].rec.addr) < 0)
            thread_change(d, "thread gone", &d->a, i, d->a.state.threads[i].label, "-");
    for (uint32_t i = 0; i < d->b.state.thread_count; i++) {
        const struct capstate_thread *t = &d->b.state.threads[i];
        int32_t before = thread_at(&d->a, t->rec.addr);
        if (before < 0)
            thread_change(d, "thread new", &d->b, i, "-", t->label);
        else if (strcmp(d->a.state.threads[before].label, t->label) != 0)
            thread_change(d, "thread named", &d->b, i, d->a.state.threads[before].label, t->label);
    }
}

static bool parse_snapshot(struct options *o, const char *text, uint32_t *n)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *n = (uint32_t)value;
    if (*text >= '0' && *text <= '9' && *end == '\0' && value > 0 && value < UINT32_MAX)
        return true;
    command_complain(o->run, "%s is no snapshot number", text);
    return false;
}

enum status command_diff(struct options *o)
{
    static const char *const columns[] = {"change", "#cap",  "slot", "domain",
                                          "before", "after", NULL};
    struct difference d = {.o = o};
    uint32_t n[2];
    if (!parse_snapshot(o, o->operand[0], &n[0]) || !parse_snapshot(o, o->operand[1], &n[1]) ||
        dbview_open_file(o, &d.a) != STATUS_YES)
        return STATUS_UNKNOWN;
    enum status s = dbview_open_second(o, &d.a, &d.b); /* one file, two snapshots */
    if (s == STATUS_YES)
        s = dbview_load(o, &d.a, n[0]);
    if (s == STATUS_YES)
        s = dbview_load(o, &d.b, n[1]);
    if (s == STATUS_YES) {
        d.out = output_begin(stdout, output_default, columns);
        if (diff_capabilities(&d) != ERR_OK)
            s = command_complain(o->run, "%s", capdb_error(d.a.db));
        diff_threads(&d);
        if (!output_end(d.out))
            s = command_complain(o->run, "output could not be written");
    }
    dbview_close(&d.b);
    dbview_close(&d.a);
    return s;
}
