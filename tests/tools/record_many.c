/* A recording of a large system, for tests of what must stay readable and quick at any size.
 *
 * Each domain has a thread, a CNode and frames below untyped memory of its own, and shares an
 * endpoint with the domain behind it; every hundredth holds the CNode of the one behind it, which
 * is a breach. The first domains are called what would hurt a page, a picture or a table that took
 * names for its own text. The second snapshot lacks one frame of each domain.
 *
 *     record_many RUN DOMAINS FRAMES */
#include "capdb/capdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CNODE_BITS = 12, SLOT_BITS = 4, FRAME_BITS = 12, BREACH_EVERY = 100, MOST_FRAMES = 4000 };

/* Memory of a domain: a quarter for CNode and thread, the rest for frames. */
static uint32_t domain_bits = 20;

#define MEMORY    0x80000000ull
#define ROOT      0x70000000ull
#define ENDPOINTS 0x60000000ull

static const char *const hostile[] = {"<script>alert(1)</script>", "a\"];x->y[label=\"", "=1+1\t|",
                                      "</title><b>"};
enum { HOSTILE = sizeof(hostile) / sizeof(*hostile) };

static void fail(const char *what)
{
    fprintf(stderr, "record_many: %s\n", what);
    exit(2);
}

static void put(struct capstate *s, const struct record *r)
{
    if (capstate_add(s, r) != ERR_OK)
        fail("a record was refused");
}

static uint64_t base(uint32_t domain)
{
    return MEMORY + ((uint64_t)domain << domain_bits);
}

static uint64_t slot_of(uint32_t domain, uint32_t index)
{
    return base(domain) + ((uint64_t)index << SLOT_BITS);
}

static void put_slot(struct capstate *s, uint64_t addr, uint32_t depth, uint32_t type,
                     uint64_t object, uint32_t bits)
{
    struct record r = {.kind = RECORD_SLOT};
    r.slot.addr = addr;
    r.slot.depth = depth;
    r.slot.type = type;
    r.slot.object = object;
    r.slot.bits = bits;
    r.slot.rights = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    r.slot.data = type == RECORD_CAP_UNTYPED ? 1ull << (bits - 1) : 0;
    r.slot.flags = RECORD_SLOT_REVOCABLE;
    put(s, &r);
}

/* The memory: CNode, thread, then frames from the middle on. */
static void put_domain(struct capstate *s, uint32_t d, uint32_t frames)
{
    uint64_t thread = base(d) + (1u << (CNODE_BITS + SLOT_BITS));
    uint64_t first = base(d) + (1ull << (domain_bits - 2));
    put_slot(s, slot_of(d, 1), 0, RECORD_CAP_UNTYPED, base(d), domain_bits);
    put_slot(s, slot_of(d, 2), 1, RECORD_CAP_CNODE, base(d), CNODE_BITS + SLOT_BITS);
    put_slot(s, thread, 2, RECORD_CAP_CNODE, base(d), CNODE_BITS + SLOT_BITS);
    if (d % BREACH_EVERY == 1)
        put_slot(s, slot_of(d - 1, 3), 2, RECORD_CAP_CNODE, base(d), CNODE_BITS + SLOT_BITS);
    put_slot(s, slot_of(d, 4), 1, RECORD_CAP_TCB, thread, 9);
    for (uint32_t i = 0; i < frames; i++)
        put_slot(s, slot_of(d, 16 + i), 1, RECORD_CAP_FRAME, first + ((uint64_t)i << FRAME_BITS),
                 FRAME_BITS);
}

static void put_endpoint(struct capstate *s, uint32_t d)
{
    put_slot(s, slot_of(d, 8), 0, RECORD_CAP_ENDPOINT, ENDPOINTS + d * 16, 4);
    put_slot(s, slot_of(d + 1, 9), 1, RECORD_CAP_ENDPOINT, ENDPOINTS + d * 16, 4);
}

static void put_thread(struct capstate *s, uint32_t d)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread.addr = base(d) + (1u << (CNODE_BITS + SLOT_BITS));
    if (d < HOSTILE)
        snprintf(r.thread.name.bytes, RECORD_STRING_MAX, "%.24s", hostile[d]);
    else
        snprintf(r.thread.name.bytes, RECORD_STRING_MAX, "d%u/t", d);
    r.thread.name.length = (uint8_t)strlen(r.thread.name.bytes);
    put(s, &r);
}

static void put_end(struct capstate *s)
{
    struct record r = {.kind = RECORD_SCHED};
    put(s, &r);
    r = (struct record){.kind = RECORD_END};
    r.end.complete = 1;
    r.end.slots = s->slot_count;
    r.end.threads = s->thread_count;
    r.end.records = 3 + s->slot_count + s->thread_count;
    put(s, &r);
    if (capstate_finish(s) != ERR_OK)
        fail("a state was refused");
}

static void make(struct capstate *s, uint32_t domains, uint32_t frames, uint32_t ticks)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    capstate_init(s);
    r.snapshot.format = RECORD_FORMAT;
    r.snapshot.kernel = 1;
    r.snapshot.word_bits = 64;
    r.snapshot.ram_base = MEMORY;
    r.snapshot.ram_size = (uint64_t)domains << domain_bits;
    r.snapshot.ticks = ticks;
    r.snapshot.root_thread = ROOT;
    put(s, &r);
    for (uint32_t d = 0; d < domains; d++)
        put_domain(s, d, frames);
    for (uint32_t d = 0; d + 1 < domains; d++)
        put_endpoint(s, d);
    for (uint32_t d = 0; d < domains; d++)
        put_thread(s, d);
    put_end(s);
}

static void append(struct capdb *db, uint32_t domains, uint32_t frames, uint32_t ticks)
{
    struct capstate s;
    uint32_t n;
    make(&s, domains, frames, ticks);
    if (capdb_append(db, &s, 1700000000.0 + ticks, &n) != ERR_OK)
        fail(capdb_error(db));
    capstate_free(&s);
}

int main(int argc, char **argv)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    uint32_t domains = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    uint32_t frames = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    if (domains < 2 || domains > 4000 || frames < 1 || frames > MOST_FRAMES)
        fail("usage: record_many RUN DOMAINS FRAMES");
    while ((uint64_t)frames << FRAME_BITS > 3ull << (domain_bits - 2))
        domain_bits++;
    if (capdb_create(argv[1], "test:many", &db, message) != ERR_OK)
        fail(message);
    append(db, domains, frames, 0);
    append(db, domains, frames - 1, 10);
    capdb_close(db);
    return 0;
}
