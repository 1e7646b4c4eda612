/* Does anything grow faster than n log n?  Recordings of systems in which one thing at a time grows
 * sixteenfold in two steps, capabilities, domains, mappings or threads, and the processor time of
 * recording them and of every command that reads them, each started anew.
 *
 * For each the times at the three sizes, and how much more the second step took than the first, in
 * parts of what n log n does: what a command takes whatever the size is not in it.  What is above LIMIT
 * is measured again, as others use the machine, and the least times count; if it stays above, it is
 * told, and the exit status is 1.  "-" is too short to tell.
 *
 *     bench_growth [CAPDB [WORD]]      build/host/capdb unless given; only commands with WORD */
#include "capdb/capdb.h"
#include "record/vocabulary.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZES = 3, GROWTH = 4, SNAPSHOTS = 6, SHARE = 100, NOISE_MS = 10, TRIES = 3 };
#define LIMIT 1.6 /* what caches and a busy machine add to what is linear */

/* A domain's memory, 64 MiB: its CNode, its directory, its threads, its frames. */
enum {
    DOMAIN_BITS = 26,
    CNODE_BITS = 20,
    CNODE_AT = 0x1000000,
    TABLE_AT = 0x800000,
    TABLE_BITS = 14,
    THREADS_AT = 0x2000000,
    THREAD_BITS = 12,
    FRAMES_AT = 0x3000000,
    FRAME_BITS = 12,
    SLOT_BITS = 4,
};
enum { SLOT_UNTYPED = 1, SLOT_CNODE, SLOT_TABLE, SLOT_SEND, SLOT_RECEIVE, SLOT_FREE };
#define MEMORY    0x100000000ull
#define ENDPOINTS 0x80000000ull

struct shape {
    uint32_t domains, threads, frames, mappings; /* the last three of a domain */
};

static void die(const char *what)
{
    fprintf(stderr, "bench_growth: %s\n", what);
    exit(2);
}

/* --- a system -------------------------------------------------------------------------------- */

static uint64_t base(uint32_t d)
{
    return MEMORY + ((uint64_t)d << DOMAIN_BITS);
}

static uint64_t slot_at(uint32_t d, uint32_t index)
{
    return base(d) + CNODE_AT + ((uint64_t)index << SLOT_BITS);
}

static uint64_t thread_at(uint32_t d, uint32_t t)
{
    return base(d) + THREADS_AT + ((uint64_t)t << THREAD_BITS);
}

static uint64_t frame_at(uint32_t d, uint32_t f)
{
    return base(d) + FRAMES_AT + ((uint64_t)f << FRAME_BITS);
}

/* Between two snapshots: a loss, and one of each thread. */
static uint32_t events_of(const struct shape *shape)
{
    return shape->domains * shape->threads + 1;
}

static void put(struct capstate *s, const struct record *r)
{
    if (capstate_add(s, r) != ERR_OK)
        die("a record is refused");
}

static struct record slot_record(uint64_t addr, uint32_t depth, uint32_t type, uint64_t object,
                                 uint32_t bits)
{
    struct record r = {.kind = RECORD_SLOT};
    r.slot.addr = addr;
    r.slot.depth = depth;
    r.slot.type = type;
    r.slot.object = object;
    r.slot.bits = bits;
    r.slot.rights = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    r.slot.flags = RECORD_SLOT_REVOCABLE;
    return r;
}

/* What a thread's slot `index` has a copy of. */
static void put_copies(struct capstate *s, uint32_t d, const struct shape *shape,
                       const struct record *of, uint32_t index)
{
    struct record r = *of;
    put(s, &r);
    r.slot.depth++;
    for (uint32_t t = 0; t < shape->threads; t++) {
        r.slot.addr = thread_at(d, t) + ((uint64_t)index << SLOT_BITS);
        put(s, &r);
    }
}

/* A frame says where it is mapped: at its own place. */
static void put_frames(struct capstate *s, uint32_t d, const struct shape *shape, uint32_t n)
{
    for (uint32_t f = 0; f < shape->frames; f++) {
        struct record r = slot_record(slot_at(d, SLOT_FREE + shape->threads + f), 1,
                                      RECORD_CAP_FRAME, frame_at(d, f), FRAME_BITS);
        r.slot.extra = f < shape->mappings ? d + 1 : 0;
        r.slot.data = f < shape->mappings ? 0x10000000 + ((uint64_t)f << FRAME_BITS) : 0;
        r.slot.rights = (d + f) % SHARE == n ? RECORD_RIGHT_READ : r.slot.rights;
        put(s, &r);
    }
}

static void put_domain(struct capstate *s, uint32_t d, const struct shape *shape, uint32_t n)
{
    struct record r =
        slot_record(slot_at(d, SLOT_UNTYPED), 0, RECORD_CAP_UNTYPED, base(d), DOMAIN_BITS);
    r.slot.data = 1ull << DOMAIN_BITS;
    put(s, &r);
    r = slot_record(slot_at(d, SLOT_CNODE), 1, RECORD_CAP_CNODE, base(d) + CNODE_AT, CNODE_BITS);
    r.slot.level = 1;
    put_copies(s, d, shape, &r, 0);
    r = slot_record(slot_at(d, SLOT_TABLE), 1, RECORD_CAP_PAGE_DIRECTORY, base(d) + TABLE_AT,
                    TABLE_BITS);
    r.slot.extra = d + 1;
    put_copies(s, d, shape, &r, 1);
    for (uint32_t t = 0; t < shape->threads; t++) {
        r = slot_record(slot_at(d, SLOT_FREE + t), 1, RECORD_CAP_TCB, thread_at(d, t), THREAD_BITS);
        put(s, &r);
    }
    put_frames(s, d, shape, n);
}

/* Through which a domain sends to the one behind it. */
static void put_endpoint(struct capstate *s, uint32_t d)
{
    struct record r = slot_record(slot_at(d, SLOT_SEND), 0, RECORD_CAP_ENDPOINT,
                                  ENDPOINTS + ((uint64_t)d << SLOT_BITS), SLOT_BITS);
    r.slot.rights = RECORD_RIGHT_WRITE;
    put(s, &r);
    r.slot.addr = slot_at(d + 1, SLOT_RECEIVE);
    r.slot.depth = 1;
    r.slot.rights = RECORD_RIGHT_READ;
    put(s, &r);
}

static void put_threads(struct capstate *s, uint32_t d, const struct shape *shape)
{
    for (uint32_t t = 0; t < shape->threads; t++) {
        struct record r = {.kind = RECORD_THREAD};
        r.thread.addr = thread_at(d, t);
        r.thread.name.length =
            (uint8_t)snprintf(r.thread.name.bytes, RECORD_STRING_MAX, "d%u/t%u", d, t);
        put(s, &r);
    }
}

static void put_mappings(struct capstate *s, uint32_t d, const struct shape *shape, uint32_t n)
{
    for (uint32_t i = 0; i < shape->mappings; i++) {
        struct record r = {.kind = RECORD_MAPPING};
        r.mapping.dir = base(d) + TABLE_AT;
        r.mapping.asid = d + 1;
        r.mapping.vaddr = 0x10000000 + ((uint64_t)i << FRAME_BITS);
        r.mapping.frame = frame_at(d, i % shape->frames);
        r.mapping.bits = FRAME_BITS;
        r.mapping.rights =
            (d + i) % SHARE == n ? RECORD_RIGHT_READ : RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
        put(s, &r);
    }
}

static void make(struct capstate *s, const struct shape *shape, uint32_t n)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    capstate_init(s);
    r.snapshot = (struct record_snapshot){.format = RECORD_FORMAT,
                                          .kernel = 1,
                                          .word_bits = 64,
                                          .architecture = RECORD_ARCHITECTURE_AARCH64,
                                          .slot_bits = SLOT_BITS,
                                          .nodes = 1,
                                          .ram_base = MEMORY,
                                          .ram_size = (uint64_t)shape->domains << DOMAIN_BITS,
                                          .root_thread = 0x70000000,
                                          .ticks = n,
                                          .seq = (uint64_t)n * events_of(shape)};
    put(s, &r);
    for (uint32_t d = 0; d < shape->domains; d++)
        put_domain(s, d, shape, n);
    for (uint32_t d = 0; d + 1 < shape->domains; d++)
        put_endpoint(s, d);
    for (uint32_t d = 0; d < shape->domains; d++)
        put_threads(s, d, shape);
    for (uint32_t d = 0; d < shape->domains; d++)
        put_mappings(s, d, shape, n);
    r = (struct record){.kind = RECORD_SCHED};
    put(s, &r);
    r = (struct record){.kind = RECORD_END};
    r.end.complete = 1;
    r.end.slots = s->slot_count;
    r.end.threads = s->thread_count;
    r.end.mappings = s->mapping_count;
    r.end.records = 3 + s->slot_count + s->thread_count + s->mapping_count;
    put(s, &r);
    if (capstate_finish(s) != ERR_OK)
        die("a state is refused");
}

/* --- times, in milliseconds of the processor ---------------------------------------------------- */

static double used(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

/* What leads to snapshot n: something was lost, so that nothing has to lead there, and each thread was
 * given a priority. */
static void put_events(struct capdb *db, const struct shape *shape, uint32_t n)
{
    uint32_t count = events_of(shape);
    uint64_t first = (uint64_t)(n - 1) * count + 1;
    struct record *events = calloc(count, sizeof(*events));
    if (!events)
        die("out of memory");
    events[0] = (struct record){.kind = RECORD_GAP, .gap = {first, 1}};
    for (uint32_t i = 1; i < count; i++) {
        events[i].kind = RECORD_EVENT;
        events[i].event = (struct record_event){
            .seq = first + i,
            .kind = RECORD_EVENT_THREAD_PRIORITY,
            .thread = thread_at((i - 1) / shape->threads, (i - 1) % shape->threads)};
    }
    if (capdb_put_events(db, events, count) != ERR_OK)
        die(capdb_error(db));
    free(events);
}

static double record(const char *path, const struct shape *shape)
{
    char message[CAPDB_MESSAGE];
    struct capdb *db;
    double sum = 0;
    unlink(path);
    if (capdb_create(path, "bench", &db, message) != ERR_OK)
        die(message);
    for (uint32_t n = 0; n < SNAPSHOTS; n++) {
        struct capstate s;
        uint32_t number;
        make(&s, shape, n);
        double start = used(RUSAGE_SELF);
        if (n > 0)
            put_events(db, shape, n);
        if (capdb_append_taking(db, &s, 1700000000.0 + n, &number) != ERR_OK)
            die(capdb_error(db));
        capdb_flush(db);
        sum += used(RUSAGE_SELF) - start;
        capstate_free(&s);
    }
    capdb_close(db);
    return sum;
}

/* In a shell, $1 is the program, $2 the recording. Exit 1 is an answer. */
static double command(const char *capdb, const char *text, const char *path)
{
    double start = used(RUSAGE_CHILDREN);
    pid_t child = fork();
    if (child == 0) {
        execlp("sh", "sh", "-c", text, "sh", capdb, path, NULL);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
        fprintf(stderr, "bench_growth: failed, and what it read is kept: %s %s\n", text, path);
        exit(2);
    }
    return used(RUSAGE_CHILDREN) - start;
}

/* --- what is measured ---------------------------------------------------------------------------- */

static const struct shape least = {.domains = 50, .threads = 2, .frames = 100, .mappings = 50};

/* "record" is done by this program. */
static const char *const things[] = {
    "record",
    "snapshots \"$2\"",
    "info \"$2\"",
    "threads \"$2\"",
    "domains \"$2\"",
    "owner \"$2\" 0x103001000",
    "who \"$2\" frame:0x103001000",
    "history \"$2\" 0x103001000",
    "cdt \"$2\"",
    "cdt \"$2\" untyped:0x100000000",
    "preview \"$2\" untyped:0x100000000",
    "untyped \"$2\"",
    "untyped \"$2\" untyped:0x100000000",
    "diff \"$2\" 1 2",
    "path \"$2\" d0 d7 --flow",
    "can \"$2\" d0 write d7",
    "who-can-reach \"$2\" frame:0x103001000",
    "what-can-it-reach \"$2\" d0",
    "check \"$2\" --all",
    "check \"$2\" --explain",
    "policy \"$2\" --all",
    "export \"$2\" --format capdl",
    "export \"$2\" --format dot",
    "export \"$2\" --format dot --around d3",
    "export \"$2\" --format json",
    "export \"$2\" --format csv",
    "export \"$2\" --format trace",
    "report \"$2\" -o \"$2.html\"",
    "compare \"$2\" \"$2\"",
    "verify \"$2\"",
    "sql \"$2\" 'SELECT count(*) FROM caps WHERE n = 3'",
    "sql \"$2\" 'SELECT count(domain) FROM owners WHERE n = 3'",
    "sql \"$2\" 'SELECT count(*) FROM crossings WHERE n = 3'",
    "sql \"$2\" 'SELECT count(*) FROM derivations WHERE n = 3'",
    "sql \"$2\" 'SELECT count(*) FROM memory_by_domain WHERE n = 3'",
    "sql \"$2\" 'SELECT count(what) FROM cap_history'",
    "sql \"$2\" 'SELECT count(name) FROM threads WHERE n = 3'",
    "sql \"$2\" 'SELECT count(*) FROM domains WHERE n = 3'",
    "sql \"$2\" 'SELECT count(rights) FROM mappings WHERE n = 3'",
    "sql \"$2\" 'SELECT count(thread) FROM events'",
    "why-not-running \"$2\" d0/t0",
    "leak \"$2\"",
    "fit \"$2\" 64K",
    "retype \"$2\" untyped:0x100000000 frame 4K",
    "why-denied \"$2\" d0/t0 4",
    "revokes \"$2\"",
    "export \"$2\" --format events",
    "cut \"$2\" \"$2.new\" --from 2",
    "upgrade \"$2\" \"$2.new\"",
    "compact \"$2\"",
};
enum { THINGS = sizeof(things) / sizeof(*things) };

static double measure(const char *capdb, const char *thing, const char *path,
                      const struct shape *shape)
{
    char text[512];
    if (strcmp(thing, "record") == 0)
        return record(path, shape);
    if (strstr(thing, "$2.new"))
        command(capdb, "rm -f \"$2.new\"*", path);
    snprintf(text, sizeof(text), "exec \"$1\" %s >/dev/null 2>&1", thing);
    return command(capdb, text, path);
}

static const struct dimension {
    const char *name;
    size_t field;
} dimensions[] = {
    {"capabilities", offsetof(struct shape, frames)},
    {"domains", offsetof(struct shape, domains)},
    {"mappings", offsetof(struct shape, mappings)},
    {"threads", offsetof(struct shape, threads)},
};
enum { DIMENSIONS = sizeof(dimensions) / sizeof(*dimensions) };

static struct shape grown(const struct dimension *dim, int size)
{
    struct shape s = least;
    uint32_t *field = (uint32_t *)(void *)((char *)&s + dim->field);
    for (int i = 0; i < size; i++)
        *field *= GROWTH;
    return s;
}

/* How many there are of what grows, in all. */
static double amount(const struct dimension *dim, int size)
{
    struct shape s = grown(dim, size);
    uint32_t field = *(uint32_t *)(void *)((char *)&s + dim->field);
    return dim->field == offsetof(struct shape, domains) ? field : (double)field * s.domains;
}

static double n_log_n(const struct dimension *dim, int size)
{
    double n = amount(dim, size);
    return n * log2(n);
}

/* The second step by the first, in parts of n log n; 0: the first is too short. */
static double growth(const struct dimension *dim, const double ms[SIZES])
{
    double wanted = (n_log_n(dim, 2) - n_log_n(dim, 1)) / (n_log_n(dim, 1) - n_log_n(dim, 0));
    double first = ms[1] - ms[0] > NOISE_MS ? ms[1] - ms[0] : NOISE_MS;
    return ms[2] - ms[1] < NOISE_MS ? 0 : (ms[2] - ms[1]) / first / wanted;
}

static bool tell(const struct dimension *dim, const char *thing, const double ms[SIZES])
{
    char text[16] = "-";
    double g = growth(dim, ms);
    if (g > 0)
        snprintf(text, sizeof(text), "%.2f", g);
    printf("| %s | `%.60s` | %.0f | %.0f | %.0f | %s |%s\n", dim->name, thing, ms[0], ms[1], ms[2],
           text, g > LIMIT ? " grows faster than n log n" : "");
    fflush(stdout);
    return g <= LIMIT;
}

static void measure_all(const char *capdb, const char *thing, const struct dimension *dim,
                        char path[SIZES][64], double ms[SIZES])
{
    for (int tries = 0; tries == 0 || (tries < TRIES && growth(dim, ms) > LIMIT); tries++)
        for (int i = 0; i < SIZES; i++) {
            struct shape shape = grown(dim, i);
            double took = measure(capdb, thing, path[i], &shape);
            ms[i] = tries == 0 || took < ms[i] ? took : ms[i];
        }
}

static bool bench(const char *capdb, const char *folder, const struct dimension *dim,
                  const char *only)
{
    char path[SIZES][64];
    bool good = true;
    for (int i = 0; i < SIZES; i++)
        snprintf(path[i], sizeof(path[i]), "%.40s/%s%d", folder, dim->name, i);
    for (int t = 0; t < THINGS; t++) {
        double ms[SIZES];
        if (t && only && !strstr(things[t], only))
            continue;
        measure_all(capdb, things[t], dim, path, ms);
        good &= tell(dim, things[t], ms);
    }
    return good;
}

int main(int argc, char **argv)
{
    const char *capdb = argc > 1 ? argv[1] : "build/host/capdb";
    char folder[] = "/tmp/bench-growth-XXXXXX";
    char remove[64];
    bool good = true;
    if (access(capdb, X_OK) != 0 || !mkdtemp(folder))
        die("no capdb, or no temporary folder");
    puts("| what grows, 1 : 4 : 16 | command | ms | ms | ms | in parts of n log n |");
    puts("|---|---|---:|---:|---:|---:|");
    for (int d = 0; d < DIMENSIONS; d++)
        good &= bench(capdb, folder, &dimensions[d], argc > 2 ? argv[2] : NULL);
    snprintf(remove, sizeof(remove), "rm -rf %s", folder);
    return system(remove) == 0 && good ? 0 : 1;
}
