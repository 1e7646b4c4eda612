/* upgrade: a recording of an older capdb told again, snapshot by snapshot and event by event, to a
 * new file of the format of today.  The old file stays as it is. */
#include "capdb/command.h"

#include "capdb/store.h"

#include <stdlib.h>

enum { EVENTS_AT_ONCE = 512 };

struct upgrade {
    struct options *o;
    struct capdb *from, *to;
    const char *out;
};

/* What SNAPSHOT of the first format leaves to its reader is said. */
static void say_all(struct capstate *s)
{
    s->snapshot.format = RECORD_FORMAT;
    s->snapshot.word_bits = record_word_bits(&s->snapshot);
    s->snapshot.slot_bits = record_slot_bits(&s->snapshot);
    s->snapshot.nodes = s->snapshot.nodes ? s->snapshot.nodes : 1;
}

static enum status failed(const struct upgrade *u, const struct capdb *db)
{
    return command_complain(db == u->to ? u->out : u->o->run, "%s", capdb_error(db));
}

static void take_event(sqlite3_stmt *st, struct record *out)
{
    struct record_event e;
    capdb_fetch_event(st, 2, &e);
    if (e.kind == CAPDB_EVENT_GAP)
        *out = (struct record){.kind = RECORD_GAP, .gap = {.first = e.seq, .count = e.detail}};
    else
        *out = (struct record){.kind = RECORD_EVENT, .event = e};
}

/* The events that snapshot n shows first, before it is appended itself. */
static enum status copy_events(struct upgrade *u, uint32_t n)
{
    sqlite3_stmt *st;
    struct record *events = malloc(EVENTS_AT_ONCE * sizeof(*events));
    if (!events)
        return command_complain(NULL, "out of memory");
    if (capdb_prepare(u->from, "SELECT * FROM event WHERE n = ? ORDER BY row", &st) != ERR_OK) {
        free(events);
        return failed(u, u->from);
    }
    sqlite3_bind_int64(st, 1, n);
    enum error e = ERR_OK;
    uint32_t count = EVENTS_AT_ONCE;
    while (e == ERR_OK && count == EVENTS_AT_ONCE) {
        for (count = 0; count < EVENTS_AT_ONCE && sqlite3_step(st) == SQLITE_ROW; count++)
            take_event(st, &events[count]);
        e = capdb_put_events(u->to, events, count);
    }
    sqlite3_finalize(st);
    free(events);
    return e == ERR_OK ? STATUS_YES : failed(u, u->to);
}

static enum status copy_snapshot(struct upgrade *u, uint32_t n)
{
    struct capdb_snapshot info;
    struct capstate state;
    uint32_t number;
    if (capdb_snapshot_info(u->from, n, &info) != ERR_OK ||
        capdb_load(u->from, n, &state) != ERR_OK)
        return failed(u, u->from);
    say_all(&state);
    enum error e = capdb_append(u->to, &state, info.time, &number);
    capstate_free(&state);
    return e == ERR_OK ? STATUS_YES : failed(u, u->to);
}

static enum status copy_rules(struct upgrade *u)
{
    struct authority_rules rules;
    if (capdb_get_rules(u->from, &rules) != ERR_OK)
        return failed(u, u->from);
    enum error e = capdb_set_rules(u->to, &rules);
    authority_rules_free(&rules);
    return e == ERR_OK ? STATUS_YES : failed(u, u->to);
}

static enum status copy_all(struct upgrade *u)
{
    uint32_t count = capdb_count(u->from);
    enum status s = copy_rules(u);
    for (uint32_t n = 1; s == STATUS_YES && n <= count; n++) {
        s = copy_events(u, n);
        if (s == STATUS_YES)
            s = copy_snapshot(u, n);
    }
    return s == STATUS_YES ? copy_events(u, count + 1) : s;
}

static enum status create(struct upgrade *u)
{
    char message[CAPDB_MESSAGE];
    struct capdb_snapshot info = {.target = ""};
    if (capdb_count(u->from) > 0 && capdb_snapshot_info(u->from, 1, &info) != ERR_OK)
        return failed(u, u->from);
    if (capdb_create(u->out, info.target, &u->to, message) != ERR_OK)
        return command_complain(u->out, "%s", message);
    return STATUS_YES;
}

enum status command_upgrade(struct options *o)
{
    char message[CAPDB_MESSAGE];
    struct upgrade u = {.o = o, .out = o->operand[0]};
    if (capdb_open(o->run, &u.from, message) != ERR_OK)
        return command_complain(o->run, "%s", message);
    enum status s = create(&u);
    if (s == STATUS_YES)
        s = copy_all(&u);
    if (s == STATUS_YES)
        fprintf(stderr, "%s: %u snapshots\n", u.out, capdb_count(u.to));
    capdb_close(u.to);
    capdb_close(u.from);
    return s;
}
