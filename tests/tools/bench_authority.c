/* What the authority analysis costs as systems grow: three sizes, four times as large each.
 *
 * The system is the worst that was known: every domain holds untyped memory, its own objects and
 * one endpoint that all of them share, with the right to grant, so that everybody can gain from
 * everybody; one derivation chain as long as there are domains; mappings and threads in proportion.
 * For each size and step the processor time, and that over n log2 n of the capabilities, in
 * nanoseconds: a number that stays says that nothing grows faster.
 *
 *     bench_authority [DOMAINS]      the smallest size, 1,000 unless given */
#include "authority/authority.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZES = 3, GROWTH = 4, DOMAIN_BYTES = 0x4000, SMALLEST = 1000 };

#define MEMORY   0x10000000u
#define ENDPOINT 0x0f000000u
#define ROOT     0x0e000000u

static void put(struct capstate *s, const struct record *r)
{
    if (capstate_add(s, r) != ERR_OK) {
        fputs("bench_authority: out of memory\n", stderr);
        exit(2);
    }
}

static void put_slot(struct capstate *s, uint32_t addr, uint32_t depth, uint32_t type,
                     uint32_t object, uint32_t bits, uint32_t rights)
{
    struct record r = {.kind = RECORD_SLOT};
    r.slot.addr = addr;
    r.slot.depth = depth;
    r.slot.type = type;
    r.slot.object = object;
    r.slot.bits = bits;
    r.slot.rights = rights;
    r.slot.flags = RECORD_SLOT_REVOCABLE;
    r.slot.data = type == RECORD_CAP_UNTYPED ? 1u << bits : 0;
    put(s, &r);
}

enum { OFF_CNODE = 0x400, OFF_TABLE = 0x800, OFF_FRAME = 0x1000, OFF_DIRECTORY = 0x2000 };

static uint32_t base(uint32_t domain)
{
    return MEMORY + domain * DOMAIN_BYTES;
}

/* A domain's untyped memory and below it what it consists of. */
static void put_domain(struct capstate *s, uint32_t d)
{
    uint32_t b = base(d);
    uint32_t slots = b + OFF_CNODE;
    put_slot(s, slots + 16, 0, RECORD_CAP_UNTYPED, b, 14, 0);
    put_slot(s, slots + 32, 1, RECORD_CAP_TCB, b, 9, 0);
    put_slot(s, slots + 48, 1, RECORD_CAP_CNODE, b + OFF_CNODE, 9, 0);
    put_slot(s, b, 2, RECORD_CAP_CNODE, b + OFF_CNODE, 9, 0);
    put_slot(s, slots + 64, 1, RECORD_CAP_PAGE_TABLE, b + OFF_TABLE, 10, 0);
    put_slot(s, slots + 80, 1, RECORD_CAP_FRAME, b + OFF_FRAME, 12, 3);
    put_slot(s, slots + 96, 1, RECORD_CAP_PAGE_DIRECTORY, b + OFF_DIRECTORY, 13, 0);
    put_slot(s, b + 16, 2, RECORD_CAP_PAGE_DIRECTORY, b + OFF_DIRECTORY, 13, 0);
}

static void put_thread(struct capstate *s, uint32_t d)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread.addr = base(d);
    r.thread.name.length = (uint8_t)snprintf(r.thread.name.bytes, RECORD_STRING_MAX, "d%u/t", d);
    put(s, &r);
}

static void put_mapping(struct capstate *s, uint32_t d)
{
    struct record r = {.kind = RECORD_MAPPING};
    r.mapping.dir = base(d) + OFF_DIRECTORY;
    r.mapping.table = base(d) + OFF_TABLE;
    r.mapping.frame = base(d) + OFF_FRAME;
    r.mapping.vaddr = 0x10000;
    r.mapping.bits = 12;
    r.mapping.rights = 3;
    put(s, &r);
}

static void make(struct capstate *s, uint32_t domains)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    capstate_init(s);
    r.snapshot.format = RECORD_FORMAT;
    r.snapshot.kernel = 1;
    put(s, &r);
    for (uint32_t d = 0; d < domains; d++)
        put_domain(s, d);
    for (uint32_t d = 0; d < domains; d++) /* each copy made from the one before */
        put_slot(s, base(d) + OFF_CNODE + 112, d, RECORD_CAP_ENDPOINT, ENDPOINT, 4, 15);
    for (uint32_t d = 0; d < domains; d++)
        put_thread(s, d);
    for (uint32_t d = 0; d < domains; d++)
        put_mapping(s, d);
    r = (struct record){.kind = RECORD_SCHED};
    r.snapshot.root_thread = ROOT;
    put(s, &r);
    r = (struct record){.kind = RECORD_END};
    r.end.complete = 1;
    r.end.slots = s->slot_count;
    r.end.threads = s->thread_count;
    r.end.mappings = s->mapping_count;
    r.end.records = 3 + s->slot_count + s->thread_count + s->mapping_count;
    put(s, &r);
    if (capstate_finish(s) != ERR_OK) {
        fputs("bench_authority: a state was refused\n", stderr);
        exit(2);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void row(const char *what, uint32_t domains, uint32_t caps, double ms)
{
    printf("| %s | %u | %u | %.1f | %.2f |\n", what, domains, caps, ms,
           ms * 1e6 / (caps * log2(caps)));
}

static void expect(enum error e)
{
    if (e == ERR_OK)
        return;
    fputs("bench_authority: out of memory\n", stderr);
    exit(2);
}

static void bench(uint32_t domains)
{
    struct capstate s;
    struct authority a;
    struct authority_verdict v;
    struct authority_use *uses;
    struct authority_answer answer;
    uint32_t count;
    make(&s, domains);
    double t[5] = {now()};
    expect(authority_build(&s, NULL, &a));
    t[1] = now();
    expect(authority_check(&a, false, &v));
    t[2] = now();
    expect(authority_uses(&a, &uses, &count));
    t[3] = now();
    bool *from = calloc(a.node_count, sizeof(*from));
    bool *to = calloc(a.node_count, sizeof(*to));
    authority_mark_domain(&a, 0, from);
    authority_mark_domain(&a, (int32_t)domains - 1, to);
    expect(authority_can(&a, from, AUTHORITY_RIGHT_CONTROL, to, false, &answer));
    t[4] = now();
    static const char *const names[] = {"build", "check", "flows", "can"};
    for (int i = 0; i < 4; i++)
        row(names[i], domains, s.slot_count, t[i + 1] - t[i]);
    if (!answer.yes || v.breaches < domains / 2)
        fputs("bench_authority: the analysis saw no channel\n", stderr);
    free(from);
    free(to);
    free(uses);
    authority_answer_free(&answer);
    authority_verdict_free(&v);
    authority_free(&a);
    capstate_free(&s);
}

int main(int argc, char **argv)
{
    uint32_t domains = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : (uint32_t)SMALLEST;
    puts("| step | domains | capabilities | ms | ns / (n log2 n) |");
    puts("|---|---:|---:|---:|---:|");
    for (int i = 0; i < SIZES; i++, domains *= GROWTH)
        bench(domains);
    return 0;
}
