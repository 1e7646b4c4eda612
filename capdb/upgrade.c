/* upgrade: a recording of today's format of one of an older format, snapshot by snapshot, with the
 * events between them.  Capabilities are numbered anew. */
#include "capdb/command.h"

#include "capdb/recorder.h"
#include "capdb/runs.h"
#include "capdb/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_AT_ONCE = 256 };

static enum error copy_events(struct capdb *from, struct capdb *to, uint32_t n)
{
    struct record events[EVENTS_AT_ONCE];
    uint32_t count = 0;
    sqlite3_stmt *st;
    enum error e = capdb_prepare(from, "SELECT * FROM event WHERE n = ? ORDER BY row", &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    while (e == ERR_OK && capdb_step(from, st, "reading events", &e)) {
        struct record *r = &events[count++];
        *r = (struct record){.kind = RECORD_EVENT};
        capdb_fetch_event(st, 2, &r->event);
        if (r->event.kind == CAPDB_EVENT_GAP) {
            const struct record_event gap = r->event;
            *r = (struct record){.kind = RECORD_GAP, .gap = {gap.seq, gap.detail}};
        }
        if (count == EVENTS_AT_ONCE) {
            e = capdb_put_events(to, events, count);
            count = 0;
        }
    }
    sqlite3_finalize(st);
    return e == ERR_OK ? capdb_put_events(to, events, count) : e;
}

/* The first stands in `to` since it was made. */
static enum error copy_sources(struct capdb *from, struct capdb *to, uint32_t n)
{
    sqlite3_stmt *st;
    enum error e = capdb_prepare(from,
                                 "SELECT target, machine FROM source WHERE first = ? AND"
                                 " id > (SELECT min(id) FROM source) ORDER BY id",
                                 &st);
    if (e != ERR_OK)
        return e;
    sqlite3_bind_int64(st, 1, n);
    while (e == ERR_OK && capdb_step(from, st, "reading the target", &e))
        e = recorder_put_source(to, capdb_column_text(st, 0), capdb_column_text(st, 1));
    sqlite3_finalize(st);
    return e;
}

/* What SNAPSHOT of an older format leaves to its reader is said. */
static void say_all(struct record_snapshot *s)
{
    s->format = RECORD_FORMAT;
    s->word_bits = record_word_bits(s);
    s->slot_bits = record_slot_bits(s);
    s->nodes = s->nodes ? s->nodes : 1;
}

/* ruled NULL: those that were in force. */
static enum error copy_snapshot(struct capdb *from, struct stream *stream, struct capdb *to,
                                const struct authority_rules *ruled, uint32_t n)
{
    struct capstate state;
    struct capdb_snapshot info;
    struct authority_rules rules;
    uint32_t number;
    enum error e = copy_sources(from, to, n);
    if (e == ERR_OK)
        e = copy_events(from, to, n);
    if (e == ERR_OK)
        e = capdb_get_rules(from, n, &rules);
    if (e != ERR_OK)
        return e;
    e = capdb_set_rules(to, ruled ? ruled : &rules);
    authority_rules_free(&rules);
    if (e == ERR_OK)
        e = capdb_snapshot_info(from, n, &info);
    if (e == ERR_OK)
        e = stream_to(stream, n);
    if (e == ERR_OK)
        e = stream_state(stream, &state);
    if (e != ERR_OK)
        return e;
    say_all(&state.snapshot);
    to->recorder->restarted =
        from->version != CAPDB_USER_VERSION_1 && capdb_source_restarts(from, n);
    e = capdb_append_taking(to, &state, info.time, &number);
    capstate_free(&state);
    return e;
}

enum error capdb_beginning(struct capdb *db, struct capdb_beginning *out)
{
    static const char sql[] = "SELECT target, machine, (SELECT value FROM meta WHERE key = 'cut')"
                              " FROM source ORDER BY id LIMIT 1";
    sqlite3_stmt *st;
    *out = (struct capdb_beginning){.source = {0}};
    enum error e = capdb_prepare(db, sql, &st);
    if (e == ERR_OK && capdb_step(db, st, "reading the target", &e))
        for (int c = 0; c < 3; c++)
            if (sqlite3_column_type(st, c) != SQLITE_NULL)
                out->text[c] = strdup(capdb_column_text(st, c));
    sqlite3_finalize(st);
    if (e == ERR_OK && !out->text[0])
        e = capdb_fail(db, ERR_CORRUPT, "is damaged: it has no target");
    out->source =
        (struct capdb_source){.target = out->text[0], .machine = out->text[1], .cut = out->text[2]};
    return e;
}

void capdb_beginning_free(struct capdb_beginning *b)
{
    for (int c = 0; c < 3; c++)
        free(b->text[c]);
}

enum error capdb_tell_anew(struct capdb *from, struct capdb *to,
                           const struct authority_rules *rules)
{
    struct stream *stream;
    uint32_t count = capdb_count(from);
    enum error e = stream_open(from, 1, &stream);
    for (uint32_t n = 1; e == ERR_OK && n <= count; n++) {
        e = copy_snapshot(from, stream, to, rules, n);
        progress_show(NULL, n, count);
    }
    stream_close(stream);
    if (e == ERR_OK)
        e = copy_events(from, to, count + 1); /* those behind the last */
    return e == ERR_OK ? capdb_flush(to) : e;
}

static enum status copy_all(struct options *o, struct capdb *from, struct capdb *to)
{
    if (capdb_tell_anew(from, to, NULL) == ERR_OK)
        return STATUS_YES;
    const char *said = capdb_error(from)[0] ? capdb_error(from) : capdb_error(to);
    return command_complain(o->run, "%s; %s is not made", said, o->operand[0]);
}

static enum status upgrade_to(struct options *o, struct capdb *from,
                              const struct capdb_source *source)
{
    char message[CAPDB_MESSAGE];
    struct capdb_new new;
    if (capdb_begin_new(o->operand[0], source, &new, message) != ERR_OK)
        return command_complain(o->operand[0], "%s", message);
    enum status s = copy_all(o, from, new.db);
    enum error e = capdb_end_new(&new, s == STATUS_YES ? ERR_OK : ERR_IO, message);
    if (s == STATUS_YES && e != ERR_OK)
        return command_complain(o->operand[0], "%s", message);
    if (s == STATUS_YES && from->version == CAPDB_USER_VERSION)
        fprintf(stderr, "capdb: %s has today's format already; %s says the same\n", o->run,
                o->operand[0]);
    return s;
}

static void ignore(void *ctx, const char *sentence)
{
    (void)ctx;
    (void)sentence;
}

/* What is told anew has a chain of its own, which would hide that this one is broken. */
enum status command_upgrade(struct options *o)
{
    struct capdb_beginning beginning;
    struct view v;
    enum status s;
    if (dbview_open_file(o, &v) != STATUS_YES)
        return STATUS_UNKNOWN;
    if (capdb_verify_chain(v.db, ignore, NULL) != ERR_OK) {
        s = command_complain(o->run, "%s; %s is not made", capdb_error(v.db), o->operand[0]);
        dbview_close(&v);
        return s;
    }
    if (capdb_beginning(v.db, &beginning) != ERR_OK)
        s = command_complain(o->run, "%s", capdb_error(v.db));
    else if (capdb_count(v.db) == 0)
        s = command_complain(o->run, "has no snapshot");
    else
        s = upgrade_to(o, v.db, &beginning.source);
    capdb_beginning_free(&beginning);
    dbview_close(&v);
    return s;
}
