/* Random distributions of capabilities, each with what authority/ says of it, for the definitions
 * that Coq proved its theorems of (tests/tie/judge.ml, which says the format).
 *
 *     distributions --seed N --count N
 *
 * A distribution is a system of two to four domains under a root task: threads, CNodes, page
 * directories and tables, endpoints, frames and nested untyped memory, in a block of memory for
 * each domain, made so that the derivation tree and Retype's invariants hold.  A third of them is
 * dealt without faults; the others have from one fault on: any capability in any domain, any block
 * lent. The root task keeps all originals, or has moved them into the domains. */
#include "authority/authority.h"
#include "tests/unit/state_builder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOMAINS_MAX = 4,
    OBJECTS_MAX = 96,
    SLOTS_MAX = 400,
    CNODE_BITS = 9, /* 32 slots */
    CNODE_SLOTS = 32,
    TCB_SIZE_BITS = 9,
    BLOCK_BITS = 20,
    ROOT = -1, /* as a domain: the root task */
};
#define RAM_BASE   0x82000000u
#define RAM_BITS   24u
#define ROOT_TCB   0x80100000u
#define ROOT_CNODE 0x80110000u
/* What is no memory has addresses of its own, for the judge. */
#define BEYOND ((uint64_t)1 << 40)

/* --- chance --- */

static uint64_t chance_state;

static uint32_t chance(uint32_t n)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (uint32_t)((chance_state >> 11) % n);
}

static bool one_in(uint32_t n)
{
    return chance(n) == 0;
}

/* --- the system --- */

struct thing {
    uint32_t type, addr, bits;
    uint32_t depth; /* of its original in the derivation tree */
    int domain;     /* in whose block it lies */
    uint32_t used;  /* of a CNode: slots; of untyped memory: bytes handed out */
    int within;     /* untyped that it was made of */
};

struct system {
    struct thing thing[OBJECTS_MAX];
    int count;
    int domains;
    bool root_keeps;
    uint32_t faults; /* one in so many capabilities goes anywhere; 0: none */
    uint32_t root_used;
    struct capstate s;
    struct record_slot slot[SLOTS_MAX]; /* in the order of the tree once they are sorted */
    int order[SLOTS_MAX];               /* thing that a slot is to */
    int slot_count;
};

/* Makes an object in untyped thing `from`; -1: no room. */
static int make(struct system *y, int from, uint32_t type, uint32_t bits)
{
    struct thing *u = &y->thing[from];
    uint32_t size = 1u << bits;
    uint32_t at = (u->used + size - 1) & ~(size - 1);
    if (y->count == OBJECTS_MAX || at + size > 1u << u->bits)
        return -1;
    u->used = at + size;
    y->thing[y->count] = (struct thing){.type = type,
                                        .addr = u->addr + at,
                                        .bits = bits,
                                        .depth = u->depth + 1,
                                        .domain = u->domain,
                                        .within = from};
    return y->count++;
}

static int some_of(const struct system *y, uint32_t type, int domain)
{
    int found = -1;
    uint32_t seen = 0;
    for (int i = 0; i < y->count; i++)
        if (y->thing[i].type == type && (domain == ROOT || y->thing[i].domain == domain) &&
            chance(++seen) == 0)
            found = i;
    return found;
}

static int any_domain(const struct system *y)
{
    return (int)chance((uint32_t)y->domains);
}

/* --- where capabilities go --- */

static void put(struct system *y, uint32_t at, int thing, uint32_t depth, uint32_t rights,
                uint32_t type, uint32_t flags)
{
    const struct thing *o = &y->thing[thing];
    if (y->slot_count == SLOTS_MAX)
        return;
    y->order[y->slot_count] = thing;
    y->slot[y->slot_count++] =
        (struct record_slot){.addr = at,
                             .depth = depth,
                             .type = type,
                             .object = o->addr,
                             .bits = o->bits,
                             .rights = rights,
                             .flags = flags | RECORD_SLOT_REVOCABLE,
                             .data = o->type == RECORD_CAP_UNTYPED ? o->used : 0};
}

/* A free slot of a CNode of the domain; 0: none. */
static uint32_t free_slot(struct system *y, int domain)
{
    if (domain == ROOT)
        return y->root_used < 4096 ? ROOT_CNODE + 16 * y->root_used++ : 0;
    int node = some_of(y, RECORD_CAP_CNODE, domain);
    if (node < 0 || y->thing[node].used == CNODE_SLOTS)
        return 0;
    return y->thing[node].addr + 16 * y->thing[node].used++;
}

/* Where a capability of this domain goes, if nobody errs. */
static int holder_of(const struct system *y, int domain)
{
    if (y->faults && one_in(y->faults))
        return any_domain(y);
    return domain;
}

static uint32_t random_rights(uint32_t type)
{
    if (type == RECORD_CAP_ENDPOINT)
        return chance(16);
    if (type == RECORD_CAP_FRAME || type == RECORD_CAP_NOTIFICATION)
        return 1 + chance(3);
    return 0;
}

/* Endpoints between domains pass no capabilities when nobody errs. */
static void put_copy(struct system *y, int thing)
{
    const struct thing *o = &y->thing[thing];
    bool carries = o->type == RECORD_CAP_ENDPOINT || o->type == RECORD_CAP_FRAME ||
                   o->type == RECORD_CAP_NOTIFICATION;
    uint32_t rights = random_rights(o->type);
    int to = holder_of(y, o->domain);
    if (carries && one_in(2)) {
        to = any_domain(y);
        if (to != o->domain && !(y->faults && one_in(4)))
            rights &= RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    }
    uint32_t at = free_slot(y, to);
    if (at)
        put(y, at, thing, o->depth + 1, rights, o->type, 0);
}

/* The original: of an endpoint that others share it stays with the root task, which moved the rest
 * away or kept all. */
static void put_original(struct system *y, int thing)
{
    const struct thing *o = &y->thing[thing];
    bool stays = y->root_keeps || o->type == RECORD_CAP_ENDPOINT || o->depth < 2;
    uint32_t at = free_slot(y, stays ? ROOT : holder_of(y, o->domain));
    if (at)
        put(y, at, thing, o->depth,
            RECORD_RIGHT_READ | RECORD_RIGHT_WRITE | (o->type == RECORD_CAP_ENDPOINT ? 12u : 0u),
            o->type, 0);
}

static void put_in_tcb(struct system *y, int tcb, uint32_t slot, int thing, uint32_t rights)
{
    if (thing >= 0)
        put(y, y->thing[tcb].addr + 16 * slot, thing, y->thing[thing].depth + 1, rights,
            y->thing[thing].type, 0);
}

/* --- dealing --- */

static void deal_objects(struct system *y, int block)
{
    static const struct {
        uint32_t type, bits, most;
    } kinds[] = {
        {RECORD_CAP_CNODE, CNODE_BITS, 2},  {RECORD_CAP_TCB, TCB_SIZE_BITS, 2},
        {RECORD_CAP_PAGE_DIRECTORY, 14, 1}, {RECORD_CAP_PAGE_TABLE, 10, 2},
        {RECORD_CAP_ENDPOINT, 4, 2},        {RECORD_CAP_FRAME, 12, 2},
        {RECORD_CAP_NOTIFICATION, 4, 1},    {RECORD_CAP_ASID_POOL, 12, 1},
    };
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
        for (uint32_t n = 1 + chance(kinds[k].most); n > 0; n--)
            if (k < 2 || !one_in(3))
                make(y, block, kinds[k].type, kinds[k].bits);
}

/* A block with objects, and one within it with some more. */
static void deal_domain(struct system *y, int domain)
{
    int block = make(y, 0, RECORD_CAP_UNTYPED, BLOCK_BITS);
    y->thing[block].domain = domain;
    deal_objects(y, block);
    int inner = make(y, block, RECORD_CAP_UNTYPED, BLOCK_BITS - 2);
    if (inner < 0 || one_in(2))
        return;
    make(y, inner, RECORD_CAP_FRAME, 12);
    make(y, inner, one_in(2) ? RECORD_CAP_CNODE : RECORD_CAP_ENDPOINT, CNODE_BITS);
}

static void deal_thread(struct system *y, int tcb)
{
    int domain = y->thing[tcb].domain;
    put_in_tcb(y, tcb, RECORD_TCB_CSPACE, some_of(y, RECORD_CAP_CNODE, holder_of(y, domain)), 0);
    put_in_tcb(y, tcb, RECORD_TCB_VSPACE,
               some_of(y, RECORD_CAP_PAGE_DIRECTORY, holder_of(y, domain)), 0);
    if (one_in(3)) {
        int caller = some_of(y, RECORD_CAP_TCB, y->faults && one_in(2) ? any_domain(y) : domain);
        put(y, y->thing[tcb].addr + 16 * RECORD_TCB_CALLER, caller, 1,
            one_in(2) ? RECORD_RIGHT_GRANT : 0, RECORD_CAP_REPLY, 0);
    }
}

static void deal_slots(struct system *y)
{
    for (int i = 1; i < y->count; i++) {
        put_original(y, i);
        for (uint32_t n = chance(3); n > 0; n--)
            put_copy(y, i);
        if (y->thing[i].type == RECORD_CAP_TCB)
            deal_thread(y, i);
    }
}

/* Slots in the order of a walk of the tree: things in the order of their making are one, so that
 * what lies in an inner block comes behind it. */
static bool slot_before(const struct system *y, int a, int b)
{
    const struct thing *x = &y->thing[y->order[a]];
    const struct thing *z = &y->thing[y->order[b]];
    if (y->order[a] == y->order[b])
        return y->slot[a].depth != y->slot[b].depth ? y->slot[a].depth < y->slot[b].depth : a < b;
    if (x->addr != z->addr)
        return x->addr < z->addr;
    return x->bits > z->bits;
}

/* Where an original found no room its copies are a level higher. */
static void add_slots(struct system *y)
{
    bool done[SLOTS_MAX] = {false};
    uint32_t level = 0; /* of the next slot, at most */
    for (int n = 0; n < y->slot_count; n++) {
        int best = -1;
        for (int i = 0; i < y->slot_count; i++)
            if (!done[i] && y->slot[i].type != RECORD_CAP_REPLY &&
                (best < 0 || slot_before(y, i, best)))
                best = i;
        if (best < 0)
            break;
        done[best] = true;
        if (y->slot[best].depth > level)
            y->slot[best].depth = level;
        level = y->slot[best].depth + 1;
        state_slot(&y->s, y->slot[best]);
    }
    for (int i = 0; i < y->slot_count; i++)
        if (y->slot[i].type == RECORD_CAP_REPLY) {
            y->slot[i].depth = 0;
            state_slot(&y->s, y->slot[i]);
        }
}

static void add_thread(struct system *y, uint32_t addr, const char *name, bool waits)
{
    struct record r = {.kind = RECORD_THREAD};
    r.thread.addr = addr;
    r.thread.name.length = (uint8_t)strlen(name);
    memcpy(r.thread.name.bytes, name, r.thread.name.length);
    int endpoint = waits ? some_of(y, RECORD_CAP_ENDPOINT, any_domain(y)) : -1;
    if (endpoint >= 0) {
        bool grants = y->faults && one_in(3);
        r.thread.blocked_on = y->thing[endpoint].addr;
        r.thread.state =
            one_in(2) ? RECORD_THREAD_BLOCKED_ON_SEND : RECORD_THREAD_BLOCKED_ON_RECEIVE;
        r.thread.blocked_flags = grants ? chance(16) : 0;
    }
    state_add(&y->s, &r);
}

static void add_threads(struct system *y)
{
    char name[32];
    add_thread(y, ROOT_TCB, "rootserver", false);
    for (int i = 0; i < y->count; i++)
        if (y->thing[i].type == RECORD_CAP_TCB) {
            snprintf(name, sizeof(name), "d%d/t%d", y->thing[i].domain, i);
            add_thread(y, y->thing[i].addr, name, one_in(4));
        }
}

/* Page tables stand in directories, and frames in tables. */
static void add_mappings(struct system *y)
{
    for (int i = 0; i < y->count; i++) {
        if (y->thing[i].type != RECORD_CAP_PAGE_TABLE || one_in(3))
            continue;
        int dir = some_of(y, RECORD_CAP_PAGE_DIRECTORY, holder_of(y, y->thing[i].domain));
        int frame = some_of(y, RECORD_CAP_FRAME, any_domain(y));
        if (dir < 0 || frame < 0)
            continue;
        state_mapping(&y->s, (struct record_mapping){.dir = y->thing[dir].addr,
                                                     .table = y->thing[i].addr,
                                                     .vaddr = 0x10000 + (uint32_t)i * 0x100000,
                                                     .frame = y->thing[frame].addr,
                                                     .bits = 12,
                                                     .rights = 1 + chance(3)});
    }
}

static void put_root_task(struct system *y)
{
    state_slot(&y->s, (struct record_slot){.addr = ROOT_CNODE + 16 * y->root_used++,
                                           .type = RECORD_CAP_CNODE,
                                           .object = ROOT_CNODE,
                                           .bits = 16,
                                           .flags = RECORD_SLOT_REVOCABLE});
    state_slot(&y->s, (struct record_slot){.addr = ROOT_TCB,
                                           .depth = 1,
                                           .type = RECORD_CAP_CNODE,
                                           .object = ROOT_CNODE,
                                           .bits = 16});
    if (y->faults && one_in(12)) {
        uint32_t at = free_slot(y, any_domain(y));
        if (at)
            state_slot(&y->s, (struct record_slot){.addr = at,
                                                   .depth = 1,
                                                   .type = RECORD_CAP_CNODE,
                                                   .object = ROOT_CNODE,
                                                   .bits = 16});
    }
    state_slot(&y->s, (struct record_slot){.addr = ROOT_CNODE + 16 * y->root_used++,
                                           .type = RECORD_CAP_TCB,
                                           .object = ROOT_TCB,
                                           .bits = TCB_SIZE_BITS,
                                           .flags = RECORD_SLOT_REVOCABLE});
}

static void deal(struct system *y)
{
    static const uint32_t faults[] = {0, 0, 0, 60, 25, 12, 6};
    *y = (struct system){.domains = 2 + (int)chance(DOMAINS_MAX - 1),
                         .root_keeps = one_in(2),
                         .faults = faults[chance(sizeof(faults) / sizeof(*faults))],
                         .count = 1};
    y->thing[0] = (struct thing){.type = RECORD_CAP_UNTYPED,
                                 .addr = RAM_BASE,
                                 .bits = RAM_BITS,
                                 .domain = ROOT,
                                 .within = -1};
    for (int d = 0; d < y->domains; d++)
        deal_domain(y, d);
    state_begin(&y->s);
    deal_slots(y);
    put(y, free_slot(y, ROOT), 0, 0, 0, RECORD_CAP_UNTYPED, 0);
    put_root_task(y);
    add_slots(y);
    add_threads(y);
    add_mappings(y);
    state_end(&y->s);
}

/* --- telling it --- */

static bool is_memory(uint32_t type)
{
    return type != RECORD_CAP_IRQ_CONTROL && type != RECORD_CAP_IRQ_HANDLER &&
           type != RECORD_CAP_ASID_CONTROL && type != RECORD_CAP_DOMAIN;
}

static uint64_t address_of(const struct capstate_object *o)
{
    return is_memory(o->type) ? (uint64_t)o->addr : BEYOND + ((uint64_t)o->type << 34) + o->addr;
}

static uint64_t size_of(const struct capstate_object *o)
{
    return is_memory(o->type) ? (uint64_t)1 << o->bits : 1;
}

static void tell_holding(const struct capstate *s, int32_t holder, int32_t object,
                         const char *rights)
{
    const struct capstate_object *o = &s->objects[object];
    printf("H %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", address_of(&s->objects[holder]),
           address_of(o), size_of(o), rights[0] ? rights : "-");
}

static const char *letters(uint32_t rights)
{
    static char text[8];
    int n = 0;
    if (rights & RECORD_RIGHT_READ)
        text[n++] = 'r';
    if (rights & RECORD_RIGHT_WRITE)
        text[n++] = 'w';
    if (rights & RECORD_RIGHT_GRANT)
        text[n++] = 'g';
    if (rights & RECORD_RIGHT_GRANT_REPLY)
        text[n++] = 'p';
    text[n] = '\0';
    return text;
}

/* The rights of Isolation.v. */
static const char *rights_of(const struct record_slot *r)
{
    switch (r->type) {
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
    case RECORD_CAP_FRAME:
        return letters(r->rights);
    case RECORD_CAP_UNTYPED:
        return "u";
    case RECORD_CAP_CNODE:
    case RECORD_CAP_ZOMBIE:
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
    case RECORD_CAP_ASID_POOL:
        return "s";
    case RECORD_CAP_REPLY: /* the right to answer; it acts on the thread if capabilities may go
                              along */
        return r->rights & RECORD_RIGHT_GRANT ? "c" : "";
    default:
        return "c";
    }
}

static void tell_slots(const struct capstate *s)
{
    for (uint32_t i = 0; i < s->slot_count; i++) {
        const struct capstate_slot *slot = &s->slots[i];
        bool master = slot->rec.type == RECORD_CAP_REPLY && (slot->rec.flags & RECORD_SLOT_MASTER);
        if (slot->holder >= 0 && slot->object >= 0 && !master)
            tell_holding(s, slot->holder, slot->object, rights_of(&slot->rec));
    }
}

/* A directory holds its tables, a table its frames. */
static void tell_mappings(const struct capstate *s)
{
    for (uint32_t i = 0; i < s->mapping_count; i++) {
        int32_t dir = capstate_object_at(s, s->mappings[i].dir);
        int32_t table = capstate_object_at(s, s->mappings[i].table);
        int32_t frame = capstate_object_at(s, s->mappings[i].frame);
        if (dir >= 0 && table >= 0)
            tell_holding(s, dir, table, "s");
        if (table >= 0 && frame >= 0)
            tell_holding(s, table, frame, letters(s->mappings[i].rights & 3));
    }
}

/* A blocked thread keeps what its capability gave it. */
static void tell_blocked(const struct capstate *s)
{
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct record_thread *t = &s->threads[i].rec;
        if (!t->blocked_on || s->threads[i].object < 0)
            continue;
        bool calls = t->blocked_flags & RECORD_BLOCKED_CALL;
        uint32_t rights = t->state == RECORD_THREAD_BLOCKED_ON_SEND ? (uint32_t)RECORD_RIGHT_WRITE
                                                                    : (uint32_t)RECORD_RIGHT_READ;
        if (t->blocked_flags & RECORD_BLOCKED_GRANT)
            rights |= RECORD_RIGHT_GRANT;
        if (calls && (t->blocked_flags & RECORD_BLOCKED_GRANT_REPLY))
            rights |= RECORD_RIGHT_GRANT_REPLY;
        tell_holding(s, s->threads[i].object, capstate_object_at(s, t->blocked_on),
                     letters(rights));
    }
}

static void tell_domains(const struct authority *a)
{
    const struct capstate *s = a->state;
    for (uint32_t d = 0; d < a->domain_count; d++)
        if (a->domains[d].trusted)
            printf("M %" PRIu32 "\n", d);
    for (uint32_t i = 0; i < s->thread_count; i++) {
        const struct capstate_object *o = &s->objects[s->threads[i].object];
        printf("T %" PRIu64 " %" PRId32 "\n", address_of(o), a->thread_domain[i]);
        printf("R %" PRIu64 " %" PRIu64 " %" PRId32 "\n", address_of(o), size_of(o),
               a->thread_domain[i]);
    }
}

/* Whose memory it is, smaller objects first. */
static void tell_regions(const struct authority *a)
{
    const struct capstate *s = a->state;
    for (uint32_t bits = 0; bits < 32; bits++)
        for (uint32_t n = 0; n < s->object_count; n++)
            if (s->objects[n].bits == bits && a->home[n] >= 0 &&
                s->objects[n].type != RECORD_CAP_TCB)
                printf("R %" PRIu64 " %" PRIu64 " %" PRId32 "\n", address_of(&s->objects[n]),
                       size_of(&s->objects[n]), a->home[n]);
}

/* --- what authority/ says --- */

enum {
    SHARED_STORAGE = 1,
    CHANNEL = 2,
    FOREIGN_TCB = 4,
    FOREIGN_COVER = 8,
    MERGED = 16,
    USED_COVER = 32,
};

static bool holds_or_acts(const struct capstate *s, int32_t object)
{
    uint32_t type = s->objects[object].type;
    return type != RECORD_CAP_ENDPOINT && type != RECORD_CAP_NOTIFICATION &&
           type != RECORD_CAP_FRAME;
}

/* The restriction of Isolation.v that a breach is one of, or what it is besides: untyped memory over
 * what another domain only uses is no breach of isolation; 0: nothing that isolation is about. */
static unsigned restriction_of(const struct capstate *s, const struct authority_breach *b)
{
    switch (b->kind) {
    case AUTHORITY_BREACH_APPLICATION:
    case AUTHORITY_BREACH_SHARED_CNODE:
    case AUTHORITY_BREACH_SHARED_TABLE:
        return SHARED_STORAGE;
    case AUTHORITY_BREACH_GRANT_CHANNEL:
        return CHANNEL;
    case AUTHORITY_BREACH_FOREIGN_TCB:
    case AUTHORITY_BREACH_REPLY_CHANNEL:
        return FOREIGN_TCB;
    case AUTHORITY_BREACH_MANAGER:
        return s->objects[b->object].type == RECORD_CAP_TCB ? FOREIGN_TCB : SHARED_STORAGE;
    case AUTHORITY_BREACH_SHARED_CONTROL:
        return s->objects[b->object].type == RECORD_CAP_UNTYPED ? FOREIGN_COVER : FOREIGN_TCB;
    case AUTHORITY_BREACH_FOREIGN_COVER:
        return holds_or_acts(s, b->object_b) ? FOREIGN_COVER : USED_COVER;
    case AUTHORITY_BREACH_MERGED:
        return MERGED;
    default:
        return 0;
    }
}

static bool tell_verdict(const struct authority *a, bool strict)
{
    struct authority_verdict v;
    unsigned bits = 0;
    if (authority_check(a, strict, &v) != ERR_OK)
        return false;
    for (uint32_t i = 0; i < v.count; i++) {
        const struct authority_breach *b = &v.breach[i];
        bits |= restriction_of(a->state, b);
        printf("# %d %s: domains %" PRId32 " and %" PRId32, strict, authority_breach_name(b->kind),
               b->domain_a, b->domain_b);
        if (b->object >= 0)
            printf(" at %" PRIu64, address_of(&a->state->objects[b->object]));
        if (b->object_b >= 0)
            printf(" over %" PRIu64, address_of(&a->state->objects[b->object_b]));
        putchar('\n');
    }
    authority_verdict_free(&v);
    printf("V %d %u\n", strict, bits);
    return true;
}

static bool tell(const struct system *y)
{
    struct authority a;
    if (authority_build(&y->s, NULL, &a) != ERR_OK)
        return false;
    tell_domains(&a);
    tell_regions(&a);
    tell_slots(&y->s);
    tell_mappings(&y->s);
    tell_blocked(&y->s);
    bool told = tell_verdict(&a, false) && tell_verdict(&a, true);
    authority_free(&a);
    return told;
}

int main(int argc, char **argv)
{
    static struct system y;
    uint64_t seed = 1;
    uint32_t count = 1000;
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--count") == 0)
            count = (uint32_t)strtoul(argv[i + 1], NULL, 0);
    for (uint32_t n = 0; n < count; n++) {
        chance_state = (seed << 32) + n + 1;
        chance_state *= 0x9e3779b97f4a7c15u;
        chance(1);
        printf("D %" PRIu32 "\n", n);
        deal(&y);
        if (!tell(&y)) {
            fprintf(stderr, "distributions: no memory\n");
            return 1;
        }
        capstate_free(&y.s);
        printf("E\n");
    }
    return 0;
}
