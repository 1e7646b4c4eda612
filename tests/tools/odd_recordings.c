/* Small recordings of the same two domains, each odd in one way, for the walk of every command over
 * them (tests/e2e/commands.sh):
 *
 *   whole       nothing is wrong
 *   incomplete  the walk of the newest snapshot broke off
 *   invalid     a slot holds words that make no sense
 *   findings    the kernel's own audit found something
 *   hostile     threads call themselves what would steer a terminal, a page or a parser
 *   nameless    threads have no name at all
 *   wide        a machine of 64 bits, whose addresses need them
 *   unclosed    its recorder ended without closing it: the newest pages are in its -wal
 *
 * Each has two snapshots and the events of a revoke between them.
 *
 *     odd_recordings FOLDER */
#include "capdb/capdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DOMAINS = 2, CNODE_BITS = 12, SLOT_BITS = 4, MEMORY_BITS = 20, USED = 0x40000 };

/* Where things lie in a domain's memory. */
enum { AT_CNODE = 0, AT_TCB = 0x1000, AT_ENDPOINT = 0x2000, AT_FRAME = 0x4000 };

struct odd {
    const char *name;
    const char *thread[DOMAINS];
    uint64_t memory;
    uint32_t word_bits;
    bool incomplete, invalid, finding, unclosed;
};

static const struct odd odds[] = {
    {.name = "whole", .thread = {"guest/init", "driver/init"}},
    {.name = "incomplete", .thread = {"guest/init", "driver/init"}, .incomplete = true},
    {.name = "invalid", .thread = {"guest/init", "driver/init"}, .invalid = true},
    {.name = "findings", .thread = {"guest/init", "driver/init"}, .finding = true},
    {.name = "hostile",
     .thread = {"\x1b[2J<b>\"'`\\\n\t/x", "\xff\xc2\x9b=1+1|</script>\xe2\x80\xae/y"}},
    {.name = "nameless", .thread = {"", ""}},
    {.name = "wide",
     .thread = {"guest/init", "driver/init"},
     .memory = 0x123450000000ull,
     .word_bits = 64},
    {.name = "unclosed", .thread = {"guest/init", "driver/init"}, .unclosed = true}, /* the last */
};

static void fail(const char *what)
{
    fprintf(stderr, "odd_recordings: %s\n", what);
    exit(2);
}

static void put(struct capstate *s, const struct record *r)
{
    if (capstate_add(s, r) != ERR_OK)
        fail("a record was refused");
}

static uint64_t base(const struct odd *o, uint32_t domain)
{
    return (o->memory ? o->memory : 0x80100000u) + ((uint64_t)domain << MEMORY_BITS);
}

static void put_slot(struct capstate *s, struct record_slot slot)
{
    struct record r = {.kind = RECORD_SLOT};
    r.slot = slot;
    r.slot.flags |= RECORD_SLOT_REVOCABLE;
    put(s, &r);
}

static void put_held(struct capstate *s, uint64_t cnode, uint32_t index, uint32_t type,
                     uint64_t object, uint32_t bits)
{
    put_slot(s, (struct record_slot){.addr = cnode + ((uint64_t)index << SLOT_BITS),
                                     .depth = type == RECORD_CAP_UNTYPED ? 0 : 1,
                                     .type = type,
                                     .object = object,
                                     .bits = bits,
                                     .rights = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE,
                                     .data = type == RECORD_CAP_UNTYPED ? USED : 0});
}

/* The driver holds a copy of the guest's endpoint, through which it can send. */
static void put_domain(struct capstate *s, const struct odd *o, uint32_t d)
{
    uint64_t at = base(o, d);
    put_held(s, at, 1, RECORD_CAP_UNTYPED, at, MEMORY_BITS);
    put_held(s, at, 2, RECORD_CAP_FRAME, at + AT_FRAME, 12);
    put_held(s, at, 3, RECORD_CAP_ENDPOINT, at + AT_ENDPOINT, 4);
    if (d == 0)
        put_slot(s, (struct record_slot){.addr = base(o, 1) + (4u << SLOT_BITS),
                                         .depth = 2,
                                         .type = RECORD_CAP_ENDPOINT,
                                         .object = at + AT_ENDPOINT,
                                         .bits = 4,
                                         .rights = RECORD_RIGHT_WRITE,
                                         .data = 5});
    put_held(s, at, 5, RECORD_CAP_TCB, at + AT_TCB, 9);
    put_held(s, at, 6, RECORD_CAP_CNODE, at, CNODE_BITS);
    put_slot(s, (struct record_slot){.addr = at + AT_TCB,
                                     .depth = 2,
                                     .type = RECORD_CAP_CNODE,
                                     .object = at,
                                     .bits = CNODE_BITS});
    if (o->invalid)
        put_slot(s, (struct record_slot){.addr = at + (7u << SLOT_BITS),
                                         .type = RECORD_CAP_INVALID,
                                         .data = 0xdeadbeef,
                                         .extra = 0x1f});
}

static void put_thread(struct capstate *s, const struct odd *o, uint32_t d)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread.addr = base(o, d) + AT_TCB;
    r.thread.state = d ? RECORD_THREAD_BLOCKED_ON_SEND : RECORD_THREAD_RUNNING;
    r.thread.blocked_on = d ? base(o, 0) + AT_ENDPOINT : 0;
    r.thread.pc = base(o, d) + 0x100;
    r.thread.name.length = (uint8_t)strlen(o->thread[d]);
    memcpy(r.thread.name.bytes, o->thread[d], r.thread.name.length);
    put(s, &r);
}

static void put_end(struct capstate *s, bool complete)
{
    struct record r = {.kind = RECORD_SCHED};
    put(s, &r);
    r = (struct record){.kind = RECORD_END};
    r.end.complete = complete;
    r.end.slots = s->slot_count;
    r.end.threads = s->thread_count;
    r.end.records = 3 + s->slot_count + s->thread_count + s->finding_count;
    put(s, &r);
    if (capstate_finish(s) != ERR_OK)
        fail("a state was refused");
}

static void put_finding(struct capstate *s, const struct odd *o)
{
    struct record r = {.kind = RECORD_FINDING};
    r.finding = (struct record_finding){.rule = 1, .addr = base(o, 0)};
    if (o->finding)
        put(s, &r);
}

static void make(struct capstate *s, const struct odd *o, uint32_t number)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    uint64_t root = o->memory ? o->memory - 0x100000 : 0x80080000u;
    capstate_init(s);
    r.snapshot = (struct record_snapshot){.format = RECORD_FORMAT,
                                          .kernel = 1,
                                          .stopped = 1,
                                          .ticks = number,
                                          .seq = 10 * (uint64_t)number,
                                          .word_bits = o->word_bits,
                                          .ram_base = o->memory ? o->memory : 0x80000000u,
                                          .ram_size = 0x8000000,
                                          .root_thread = root};
    put(s, &r);
    for (uint32_t d = 0; d < DOMAINS; d++)
        put_domain(s, o, d);
    for (uint32_t d = 0; d < DOMAINS; d++)
        put_thread(s, o, d);
    put_finding(s, o);
    put_end(s, number == 1 || !o->incomplete);
}

static void put_events(struct capdb *db, const struct odd *o)
{
    static const uint32_t kinds[] = {RECORD_EVENT_REVOKE_BEGIN, RECORD_EVENT_REVOKE_VICTIM,
                                     RECORD_EVENT_REVOKE_END};
    struct record events[3];
    for (uint32_t i = 0; i < 3; i++) {
        events[i] = (struct record){.kind = RECORD_EVENT};
        events[i].event = (struct record_event){.seq = 11 + i,
                                                .kind = kinds[i],
                                                .thread = base(o, 0) + AT_TCB,
                                                .slot = base(o, 0) + (3u << SLOT_BITS)};
    }
    if (capdb_put_events(db, events, 3) != ERR_OK)
        fail(capdb_error(db));
}

static void append(struct capdb *db, const struct odd *o, uint32_t number)
{
    struct capstate s;
    uint32_t n;
    make(&s, o, number);
    if (capdb_append(db, &s, 1700000000.0 + number, &n) != ERR_OK)
        fail(capdb_error(db));
    capstate_free(&s);
}

static void record(const char *folder, const struct odd *o)
{
    char path[4096];
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    snprintf(path, sizeof(path), "%s/%s.capdb", folder, o->name);
    if (capdb_create(path, "test", &db, message) != ERR_OK)
        fail(message);
    append(db, o, 1);
    put_events(db, o);
    append(db, o, 2);
    if (!o->unclosed)
        capdb_close(db);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        fail("usage: odd_recordings FOLDER");
    for (size_t i = 0; i < sizeof(odds) / sizeof(*odds); i++)
        record(argv[1], &odds[i]);
    _exit(0); /* as if it had been killed */
}
