/* diff: what happened to capabilities and translations between two snapshots, by their stable ids.
 *
 * Snapshots show results, not operations: the words below name the operation that gives the result.
 * Rows that begin or end between the two are found without reading the rest. */
#include "capdb/command.h"

#include "capdb/part.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 512, PARTS_WORTH = 8000 };

struct difference {
    struct options *o;
    struct view a, b;
    struct output *out;
    bool forward;            /* a is the earlier */
    const struct row **rows; /* of the changes, from both */
    uint32_t row_count;
    struct part_known known;
    struct part parts[2];
    struct capdb_difference *changes;
};

/* Does a column of cap_row differ? */
static bool differs(const struct row *a, const struct row *b, int column)
{
    return a->v[column] != b->v[column];
}

static const char *added_word(const struct capdb_change *c)
{
    const struct row *p = c->parent;
    if (!p)
        return "created";
    if (p->v[CAP_COL_type] == RECORD_CAP_UNTYPED && c->new_object)
        return "retyped";
    if (c->after->v[CAP_COL_type] == RECORD_CAP_REPLY)
        return "reply";
    bool weaker = differs(c->after, p, CAP_COL_rights) ||
                  (p->v[CAP_COL_type] != RECORD_CAP_FRAME && differs(c->after, p, CAP_COL_data));
    return weaker && p->v[CAP_COL_type] != RECORD_CAP_UNTYPED ? "minted" : "copied";
}

static const char *changed_word(const struct row *e, const struct row *l)
{
    int64_t type = l->v[CAP_COL_type];
    bool mapped = type == RECORD_CAP_FRAME || type == RECORD_CAP_PAGE_TABLE;
    if (differs(e, l, CAP_COL_slot))
        return "moved";
    if (differs(e, l, CAP_COL_rights))
        return "rights";
    if (differs(e, l, CAP_COL_extra) || (mapped && differs(e, l, CAP_COL_data)))
        return type == RECORD_CAP_PAGE_DIRECTORY ? "assigned"
               : !mapped                         ? "guard"
               : l->v[CAP_COL_extra]             ? "mapped"
                                                 : "unmapped";
    if (differs(e, l, CAP_COL_data))
        return type == RECORD_CAP_UNTYPED ? "watermark" : "updated";
    if (differs(e, l, CAP_COL_parent))
        return "reparented";
    if (differs(e, l, CAP_COL_flags))
        return "flags";
    return NULL; /* its place in the list, or its domain's name */
}

static uint64_t slot_of(const struct row *cap)
{
    return (uint64_t)cap->v[CAP_COL_slot];
}

/* Place and wording come from the snapshot that has the capability. */
static void side_cells(struct difference *d, const struct row *side, const struct view *v)
{
    char text[TEXT_BYTES];
    char place[TEXT_BYTES];
    char cell[2 * TEXT_BYTES + sizeof(" ()")];
    int32_t slot = side ? capstate_slot_at(&v->state, slot_of(side)) : -1;
    if (slot < 0) {
        output_text(d->out, "-");
        return;
    }
    char *at = stpcpy(cell, capstate_slot_text(&v->state, slot, text, sizeof(text)));
    at = stpcpy(at, " (");
    at = stpcpy(at, capstate_place_text(&v->state, slot, place, sizeof(place)));
    stpcpy(at, ")");
    output_text(d->out, cell);
}

static const char *change_word(const struct difference *d, const struct capdb_change *c)
{
    if (c->before && c->after)
        return d->forward ? changed_word(c->before, c->after) : changed_word(c->after, c->before);
    if (!d->forward)
        return c->before ? "created" : "deleted";
    return c->before ? "deleted" : added_word(c);
}

static enum error cap_change(void *ctx, const struct capdb_change *c)
{
    struct difference *d = ctx;
    const struct row *in_a = d->forward ? c->before : c->after;
    const struct row *in_b = d->forward ? c->after : c->before;
    const char *word = change_word(d, c);
    if (!word)
        return ERR_OK;
    const struct view *v = in_b ? &d->b : &d->a;
    const struct row *shown = in_b ? in_b : in_a;
    output_text(d->out, word);
    output_int(d->out, shown->v[CAP_COL_id]);
    output_hex(d->out, slot_of(shown));
    output_text(d->out,
                domain_name(v, authority_slot_domain(&v->authority,
                                                     capstate_slot_at(&v->state, slot_of(shown)))));
    side_cells(d, in_a, &d->a);
    side_cells(d, in_b, &d->b);
    output_row(d->out);
    return ERR_OK;
}

/* --- what the words are taken from --- */

static enum error list_change(void *ctx, const struct capdb_change *c)
{
    struct difference *d = ctx;
    if (d->row_count + 2 > 2 * PARTS_WORTH)
        return ERR_BOUND;
    if (c->before)
        d->rows[d->row_count++] = c->before;
    if (c->after)
        d->rows[d->row_count++] = c->after;
    return ERR_OK;
}

static enum error know_both(struct difference *d, const uint32_t n[2])
{
    d->rows = output_alloc(NULL, 2 * (size_t)PARTS_WORTH * sizeof(*d->rows));
    d->row_count = 0;
    enum error e = capdb_difference_tell(d->changes, list_change, d);
    if (e == ERR_OK)
        e = part_know(d->a.db, n, d->rows, d->row_count, &d->known);
    free(d->rows);
    return e;
}

static enum error want_change(void *ctx, const struct capdb_change *c)
{
    struct difference *d = ctx;
    const struct row *in[2] = {d->forward ? c->before : c->after,
                               d->forward ? c->after : c->before};
    enum error e = ERR_OK;
    for (int i = 0; e == ERR_OK && i < 2; i++)
        if (in[i])
            e = part_add_row(&d->parts[i], in[i]);
    return e;
}

static bool load_parts(struct difference *d, const uint32_t n[2])
{
    struct capdb *db = d->a.db;
    enum error e = know_both(d, n);
    if (e == ERR_OK)
        e = part_begin_known(db, n[0], &d->known, &d->parts[0]);
    if (e == ERR_OK)
        e = part_begin_known(db, n[1], &d->known, &d->parts[1]);
    if (e == ERR_OK)
        e = capdb_difference_tell(d->changes, want_change, d);
    if (e == ERR_OK)
        e = part_finish(&d->parts[0], &d->a.state, &d->a.authority);
    if (e == ERR_OK)
        e = part_finish(&d->parts[1], &d->b.state, &d->b.authority);
    part_free(&d->parts[0]);
    part_free(&d->parts[1]);
    part_known_free(&d->known);
    if (e != ERR_OK) {
        dbview_unload(&d->a);
        dbview_unload(&d->b);
    }
    return e == ERR_OK;
}

/* Where little changed, the parts that did; where much did, all is read as quickly. */
static enum status load_both(struct difference *d, const uint32_t n[2])
{
    if (!d->o->domains && !dbview_whole && load_parts(d, n)) {
        dbview_loaded(d->o, &d->a, n[0]);
        dbview_loaded(d->o, &d->b, n[1]);
        return STATUS_YES;
    }
    enum status s = dbview_load(d->o, &d->a, n[0]);
    return s == STATUS_YES ? dbview_load(d->o, &d->b, n[1]) : s;
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

/* Threads by address. */
static struct sort_key *threads_of(const struct view *v)
{
    struct sort_key *keys = output_alloc(NULL, (v->state.thread_count + 1) * sizeof(*keys));
    for (uint32_t i = 0; i < v->state.thread_count; i++)
        keys[i] = (struct sort_key){(int64_t)v->state.threads[i].rec.addr, i};
    keys_sort(keys, v->state.thread_count);
    return keys;
}

static int32_t thread_at(const struct sort_key *keys, const struct view *v, uint64_t addr)
{
    uint32_t at = keys_lower_bound(keys, v->state.thread_count, (int64_t)addr);
    return at < v->state.thread_count && keys[at].key == (int64_t)addr ? (int32_t)keys[at].index
                                                                       : -1;
}

static void diff_threads(struct difference *d)
{
    struct sort_key *in_a = threads_of(&d->a);
    struct sort_key *in_b = threads_of(&d->b);
    for (uint32_t i = 0; i < d->a.state.thread_count; i++)
        if (thread_at(in_b, &d->b, d->a.state.threads[i].rec.addr) < 0)
            thread_change(d, "thread gone", &d->a, i, d->a.state.threads[i].label, "-");
    for (uint32_t i = 0; i < d->b.state.thread_count; i++) {
        const struct capstate_thread *t = &d->b.state.threads[i];
        int32_t before = thread_at(in_a, &d->a, t->rec.addr);
        if (before < 0)
            thread_change(d, "thread new", &d->b, i, "-", t->label);
        else if (strcmp(d->a.state.threads[before].label, t->label) != 0)
            thread_change(d, "thread named", &d->b, i, d->a.state.threads[before].label, t->label);
    }
    free(in_a);
    free(in_b);
}

/* The two by number or time: operands, or --from and --to, of which the one not given is the
 * snapshot before the other, or the newest. */
static enum status find_snapshots(struct difference *d, const char *const text[2],
                                  const char *const name[2], uint32_t n[2])
{
    n[0] = 0;
    n[1] = capdb_count(d->a.db);
    enum status s = moment_resolve(d->o, &d->a, name[1], text[1], false, &n[1]);
    if (s == STATUS_YES)
        s = moment_resolve(d->o, &d->a, name[0], text[0], !d->o->operands, &n[0]);
    if (s != STATUS_YES)
        return s;
    if (!d->o->operands && moments_ascend(d->o, &d->a, text[0], text[1]) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (!text[0] && n[1] < 2)
        return command_complain(d->o->run, "has no snapshot before that to compare with");
    n[0] = text[0] ? n[0] : n[1] - 1;
    if (!d->o->operands && n[0] > n[1])
        return command_complain(
            d->o->run, "the range ends before it begins: from snapshot %u to %u", n[0], n[1]);
    if (n[0] == n[1] && (!d->o->operands || strcmp(text[0], text[1]) != 0))
        fprintf(stderr, "capdb: %s: both are snapshot %u: none was taken in between\n", d->o->run,
                n[0]);
    return STATUS_YES;
}

static enum status open_both(struct difference *d, uint32_t n[2])
{
    struct options *o = d->o;
    bool two = o->operands == 2;
    const char *const text[2] = {two ? o->operand[0] : o->from_text,
                                 two ? o->operand[1] : o->to_text};
    const char *const name[2] = {two ? "" : "--from ", two ? "" : "--to "};
    if (o->operands == 1 || (two && (o->from_text || o->to_text)))
        return command_complain(NULL, "diff takes two snapshots, or --from and --to");
    o->from_text = o->to_text = NULL; /* states are compared, no range is looked through */
    enum status s = dbview_open_file(o, &d->a);
    if (s != STATUS_YES)
        return s;
    s = find_snapshots(d, text, name, n);
    if (s == STATUS_YES)
        s = dbview_open_second(o, &d->a, &d->b); /* one file, two snapshots */
    if (s != STATUS_YES)
        dbview_close(&d->a);
    return s;
}

/* Over a restart all that was there went, and all that is there came; nobody did that. */
static enum status tell_restart(struct difference *d, const uint32_t n[2])
{
    uint32_t later = n[0] > n[1] ? n[0] : n[1], earlier = n[0] > n[1] ? n[1] : n[0];
    struct capdb_run run;
    if (capdb_goes_on(d->a.db, earlier, later))
        return STATUS_YES;
    if (capdb_run_at(d->a.db, later, &run) != ERR_OK)
        return command_complain(d->o->run, "%s", capdb_error(d->a.db));
    if (earlier < run.first)
        fprintf(stderr,
                "capdb: %s: the machine was restarted before snapshot %u: nothing of before lives "
                "on\n",
                d->o->run, run.first);
    return STATUS_YES;
}

/* Between the two a recorder was given other rules: what is said of domains may differ for that alone. */
static enum status tell_rules(struct difference *d, const uint32_t n[2])
{
    struct authority_rules a = {0}, b = {0};
    if (d->o->domains)
        return STATUS_YES;
    enum error e = capdb_get_rules(d->a.db, n[0], &a);
    if (e == ERR_OK)
        e = capdb_get_rules(d->a.db, n[1], &b);
    enum status s = STATUS_YES;
    if (e != ERR_OK)
        s = command_complain(d->o->run, "%s", capdb_error(d->a.db));
    else if (!authority_rules_equal(&a, &b))
        fprintf(stderr,
                "capdb: %s: snapshots %u and %u were recorded with different rules for domains; "
                "--domains FILE takes the same for both\n",
                d->o->run, n[0], n[1]);
    authority_rules_free(&a);
    authority_rules_free(&b);
    return s;
}

enum status command_diff(struct options *o)
{
    static const char *const columns[] = {"change", "#cap",  "slot", "domain",
                                          "before", "after", NULL};
    struct difference d = {.o = o};
    uint32_t n[2];
    enum status s = open_both(&d, n);
    if (s != STATUS_YES)
        return s;
    d.forward = n[0] <= n[1];
    if (capdb_difference_of(d.a.db, n[0], n[1], &d.changes) != ERR_OK)
        s = command_complain(o->run, "%s", capdb_error(d.a.db));
    if (s == STATUS_YES)
        s = load_both(&d, n);
    if (s == STATUS_YES)
        s = tell_restart(&d, n);
    if (s == STATUS_YES)
        s = tell_rules(&d, n);
    if (s == STATUS_YES) {
        d.out = output_begin(stdout, output_default, columns);
        capdb_difference_tell(d.changes, cap_change, &d);
        diff_threads(&d);
        if (!output_end(d.out))
            s = command_unwritten(o);
    }
    capdb_difference_free(d.changes);
    dbview_close(&d.b);
    dbview_close(&d.a);
    return s;
}
