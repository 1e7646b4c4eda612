/* The state that a placed capDL specification describes, as records. */
#include "capdb/capdl.h"

#include "capdb/capdl_arch.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BITS = 12, SPACE_BITS = 32 };

/* What a kernel keeps for interrupts: slots that lie in no object. */
enum { IRQ_SLOTS = 0x10000 };

struct builder {
    const struct capdl_spec *spec;
    struct capstate *state;
    uint32_t records;
    int32_t *first_child, *sibling; /* by capability */
    int32_t *order;                 /* capabilities by place */
    uint64_t *used;                 /* by object: bytes of untyped memory below its last object */
    uint64_t *runs;                 /* by object: the thread that runs on a scheduling context */
    enum error error;
};

static void put(struct builder *b, const struct record *r)
{
    if (b->error != ERR_OK)
        return;
    b->records++;
    b->error = capstate_add(b->state, r);
}

static bool is_wide(const struct builder *b)
{
    return b->spec->arch->word_bits == 64;
}

/* What is memory and what a device is known of one board, and of others where a comment says it. */
static bool is_device(const struct builder *b, const struct capdl_object *o)
{
    if (is_wide(b))
        return o->device;
    return o->addr < CAPDL_RAM_BASE || o->addr >= CAPDL_RAM_BASE + CAPDL_RAM_SIZE;
}

static const struct capdl_object *object_of(const struct builder *b, const struct capdl_cap *c)
{
    return c->object == CAPDL_NONE ? NULL : &b->spec->object[c->object];
}

/* --- the beginning --- */

/* From the first object that is no device to the end of the last. */
static void find_ram(const struct builder *b, struct record_snapshot *s)
{
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    for (uint32_t i = 0; i < b->spec->objects; i++) {
        const struct capdl_object *o = &b->spec->object[i];
        uint64_t end = o->addr + ((uint64_t)1 << o->bits);
        if (o->bits == 0 || o->device)
            continue;
        low = o->addr < low ? o->addr : low;
        high = end > high ? end : high;
    }
    s->ram_base = high ? low : 0;
    s->ram_size = high ? high - low : 0;
}

static void set_board(struct record_snapshot *s)
{
    s->phys_offset = 0x70000000u;
    s->ram_base = CAPDL_RAM_BASE;
    s->ram_size = CAPDL_RAM_SIZE;
}

static void put_snapshot(struct builder *b)
{
    struct record r = {.kind = RECORD_SNAPSHOT};
    const struct capdl_arch *arch = b->spec->arch;
    r.snapshot = (struct record_snapshot){.format = RECORD_FORMAT,
                                          .kernel = arch->kernel,
                                          .architecture = arch->architecture,
                                          .word_bits = arch->word_bits,
                                          .slot_bits = arch->slot_bits,
                                          .options = b->spec->mcs ? RECORD_OPTION_MCS : 0,
                                          .stopped = 1,
                                          .board = {6, "design"},
                                          .build = {5, "capDL"}};
    r.snapshot.kernel_start = capdl_kernel(b->spec);
    r.snapshot.kernel_end = r.snapshot.kernel_start + CAPDL_RAM_TAKEN;
    if (is_wide(b))
        find_ram(b, &r.snapshot);
    else
        set_board(&r.snapshot);
    if (b->spec->root_thread != CAPDL_NONE)
        r.snapshot.root_thread = b->spec->object[b->spec->root_thread].addr;
    put(b, &r);
}

/* --- capabilities --- */

static uint64_t slot_addr(const struct builder *b, const struct capdl_cap *c)
{
    const struct capdl_object *holder = &b->spec->object[c->holder];
    uint32_t bits = b->spec->arch->slot_bits;
    uint64_t base = holder->type == RECORD_CAP_IRQ_HANDLER
                        ? capdl_kernel(b->spec) + IRQ_SLOTS + (holder->addr << bits)
                        : holder->addr;
    return base + ((uint64_t)c->slot << bits);
}

static uint64_t table_asid(const struct builder *b, int32_t table)
{
    return b->spec->object[capdl_table_top(b->spec, table)].asid;
}

/* Where a table begins to translate; 0 of one that hangs in none. */
static uint64_t table_vaddr(const struct builder *b, const struct capdl_object *t)
{
    return t->table_in == CAPDL_NONE ? 0 : capdl_entry_vaddr(b->spec, t->table_in, t->table_at);
}

static void set_data(const struct builder *b, const struct capdl_cap *c, struct record_slot *r)
{
    const struct capdl_object *o = object_of(b, c);
    switch (c->type) {
    case RECORD_CAP_UNTYPED:
        r->data = b->used[c->object];
        break;
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        r->data = c->badge;
        break;
    case RECORD_CAP_CNODE:
        r->data = c->guard;
        r->extra = c->guard_size;
        break;
    case RECORD_CAP_FRAME:
        r->data =
            c->mapping == CAPDL_NONE ? 0 : capdl_entry_vaddr(b->spec, c->mapping, c->mapping_slot);
        r->extra = c->mapping == CAPDL_NONE ? 0 : table_asid(b, c->mapping);
        break;
    case RECORD_CAP_PAGE_TABLE:
        r->data = c->asid ? table_vaddr(b, o) : 0;
        r->extra = c->asid;
        r->level = o->level;
        break;
    case RECORD_CAP_PAGE_DIRECTORY:
        r->extra = c->asid;
        break;
    case RECORD_CAP_ASID_POOL:
        r->data = o->asid_high << b->spec->arch->asid_low_bits;
        break;
    case RECORD_CAP_IRQ_HANDLER:
        r->data = o->addr;
        break;
    case RECORD_CAP_SMC:
        r->data = c->badge;
        break;
    case RECORD_CAP_SCHED_CONTROL:
        r->data = c->core;
        break;
    case RECORD_CAP_IO_PORT:
    case RECORD_CAP_SGI_SIGNAL:
        r->data = o->data;
        r->extra = o->extra;
        break;
    default:
        break;
    }
}

static uint32_t flags_of(const struct builder *b, const struct capdl_cap *c)
{
    const struct capdl_object *o = object_of(b, c);
    const struct capdl_cap *parent = c->parent == CAPDL_NONE ? NULL : &b->spec->cap[c->parent];
    bool memory = c->type == RECORD_CAP_UNTYPED || c->type == RECORD_CAP_FRAME;
    uint32_t flags = parent && parent->object == c->object && o ? 0 : RECORD_SLOT_REVOCABLE;
    if (memory && is_device(b, o))
        flags |= RECORD_SLOT_DEVICE;
    return flags | (c->master ? (uint32_t)RECORD_SLOT_MASTER : 0u);
}

/* The rights that a kernel gives where the language does not tell any; a reply counts as one that can
 * carry capabilities unless a comment says that it cannot. */
static uint32_t rights_of(const struct capdl_cap *c)
{
    switch (c->type) {
    case RECORD_CAP_REPLY:
        return c->no_grant ? c->rights : (uint32_t)RECORD_RIGHT_GRANT;
    case RECORD_CAP_REPLY_OBJECT:
        return RECORD_RIGHT_WRITE | RECORD_RIGHT_GRANT;
    case RECORD_CAP_SGI_SIGNAL:
        return RECORD_RIGHT_WRITE;
    case RECORD_CAP_IO_PORT:
        return RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    default:
        return c->rights;
    }
}

static void put_slot(struct builder *b, const struct capdl_cap *c, uint32_t depth)
{
    const struct capdl_object *o = object_of(b, c);
    struct record r = {.kind = RECORD_SLOT};
    bool reply = c->type == RECORD_CAP_REPLY;
    r.slot = (struct record_slot){.addr = slot_addr(b, c),
                                  .depth = depth,
                                  .type = c->type,
                                  .object = o && o->bits ? o->addr : 0,
                                  .bits = o && !reply ? o->bits : 0,
                                  .rights = rights_of(c),
                                  .flags = flags_of(b, c)};
    set_data(b, c, &r.slot);
    put(b, &r);
}

static int slot_compare(const void *pa, const void *pb, void *builder)
{
    const struct builder *b = builder;
    uint64_t x = slot_addr(b, &b->spec->cap[*(const int32_t *)pa]);
    uint64_t y = slot_addr(b, &b->spec->cap[*(const int32_t *)pb]);
    return (x > y) - (x < y);
}

static int child_compare(const void *pa, const void *pb, void *builder)
{
    const struct builder *b = builder;
    int32_t x = *(const int32_t *)pa;
    int32_t y = *(const int32_t *)pb;
    uint32_t x_order = b->spec->cap[x].order;
    uint32_t y_order = b->spec->cap[y].order;
    if (x_order != y_order)
        return x_order < y_order ? -1 : 1;
    return (x > y) - (x < y);
}

/* Children in the order of the file; backwards, each in front of those before it. */
static void link_children(struct builder *b, uint32_t count)
{
    memset(b->first_child, 0xff, (b->spec->caps + 1) * sizeof(*b->first_child));
    memset(b->sibling, 0xff, (b->spec->caps + 1) * sizeof(*b->sibling));
    if (count)
        qsort_r(b->order, count, sizeof(*b->order), child_compare, b);
    for (uint32_t i = count; i-- > 0;) {
        int32_t at = b->order[i];
        int32_t parent = b->spec->cap[at].parent;
        if (parent == CAPDL_NONE)
            continue;
        b->sibling[at] = b->first_child[parent];
        b->first_child[parent] = at;
    }
}

/* The tree of one root, a parent before its children. */
static void put_tree(struct builder *b, int32_t root)
{
    uint32_t depth = 0;
    int32_t at = root;
    while (at != CAPDL_NONE) {
        put_slot(b, &b->spec->cap[at], depth);
        if (b->first_child[at] != CAPDL_NONE) {
            at = b->first_child[at];
            depth++;
            continue;
        }
        while (at != root && b->sibling[at] == CAPDL_NONE) {
            at = b->spec->cap[at].parent;
            depth--;
        }
        at = at == root ? CAPDL_NONE : b->sibling[at];
    }
}

static void put_slots(struct builder *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->spec->caps; i++)
        if (capdl_is_slot(b->spec, &b->spec->cap[i]))
            b->order[count++] = (int32_t)i;
    link_children(b, count);
    if (count)
        qsort_r(b->order, count, sizeof(*b->order), slot_compare, b);
    for (uint32_t i = 0; i < count; i++)
        if (b->spec->cap[b->order[i]].parent == CAPDL_NONE)
            put_tree(b, b->order[i]);
}

/* --- threads --- */

/* An object that is called as an export calls it has no name of its own. */
static bool has_own_name(const struct capdl_object *o)
{
    char name[CAPDL_NAME];
    return strcmp(o->name, capdl_name(name, o->type, o->addr, o->bits)) != 0;
}

/* Address of what a tcb has there, 0. */
static uint64_t bound_to(const struct builder *b, int32_t tcb, uint32_t slot)
{
    int32_t bound = capdl_find_cap(b->spec, tcb, slot);
    return bound == CAPDL_NONE ? 0 : b->spec->object[b->spec->cap[bound].object].addr;
}

static void put_thread(struct builder *b, int32_t object)
{
    const struct capdl_object *o = &b->spec->object[object];
    struct record r = {.kind = RECORD_THREAD};
    r.thread = o->thread;
    r.thread.addr = o->addr;
    if (!o->named && has_own_name(o)) {
        r.thread.name.length = (uint8_t)strlen(o->name);
        memcpy(r.thread.name.bytes, o->name, r.thread.name.length + 1u);
    }
    r.thread.bound = bound_to(b, object, CAPDL_TCB_BOUND);
    r.thread.sched_context = bound_to(b, object, CAPDL_TCB_CONTEXT);
    put(b, &r);
}

static void put_threads(struct builder *b)
{
    for (uint32_t i = 0; i < b->spec->objects; i++)
        if (b->spec->object[i].type == RECORD_CAP_TCB)
            put_thread(b, (int32_t)i);
}

static void put_notifications(struct builder *b)
{
    for (uint32_t i = 0; i < b->spec->caps; i++) {
        const struct capdl_cap *c = &b->spec->cap[i];
        struct record r = {.kind = RECORD_NOTIFICATION};
        if (c->slot != CAPDL_TCB_BOUND || b->spec->object[c->holder].type != RECORD_CAP_TCB)
            continue;
        r.notification.addr = b->spec->object[c->object].addr;
        r.notification.bound = b->spec->object[c->holder].addr;
        put(b, &r);
    }
}

static void put_contexts(struct builder *b)
{
    for (uint32_t i = 0; i < b->spec->caps; i++) {
        const struct capdl_cap *c = &b->spec->cap[i];
        if (c->type == RECORD_CAP_SCHED_CONTEXT && !capdl_is_slot(b->spec, c))
            b->runs[c->object] = b->spec->object[c->holder].addr;
    }
    for (uint32_t i = 0; i < b->spec->objects; i++) {
        const struct capdl_object *o = &b->spec->object[i];
        struct record r = {.kind = RECORD_SCHED_CONTEXT};
        if (o->type != RECORD_CAP_SCHED_CONTEXT)
            continue;
        r.sched_context = (struct record_sched_context){.addr = o->addr,
                                                        .bits = o->bits,
                                                        .period = o->period,
                                                        .budget = o->budget,
                                                        .thread = b->runs[i]};
        put(b, &r);
    }
}

/* --- address spaces --- */

static uint32_t table_bits(const struct builder *b, const struct capdl_object *o)
{
    uint32_t index = b->spec->arch->index_bits;
    return o->root && !is_wide(b) ? (uint32_t)SPACE_BITS : PAGE_BITS + index * (o->level + 1);
}

static void put_table(struct builder *b, const struct capdl_object *o)
{
    struct record r = {.kind = RECORD_TABLE};
    r.table.addr = o->addr;
    r.table.level = o->level;
    r.table.bits = table_bits(b, o);
    r.table.asid = (uint32_t)o->asid;
    r.table.parent = o->root ? 0 : b->spec->object[o->table_in].addr;
    r.table.vaddr = table_vaddr(b, o);
    put(b, &r);
}

/* A table stands behind the one it hangs in. */
static void put_tables(struct builder *b)
{
    for (uint32_t level = CAPDL_LEVELS; level-- > 0;)
        for (uint32_t i = 0; i < b->spec->objects; i++) {
            const struct capdl_object *o = &b->spec->object[i];
            if (capdl_is_table(o->type) && o->level == level &&
                (o->root || o->table_in != CAPDL_NONE))
                put_table(b, o);
        }
}

/* A table that hangs in no directory is an address space of its own, of what it would translate. */
static void put_mapping(struct builder *b, const struct capdl_cap *c)
{
    const struct capdl_object *t = &b->spec->object[c->holder];
    int32_t dir = capdl_table_top(b->spec, c->holder);
    struct record r = {.kind = RECORD_MAPPING};
    r.mapping = (struct record_mapping){.dir = b->spec->object[dir].addr,
                                        .asid = (uint32_t)table_asid(b, c->holder),
                                        .vaddr = capdl_entry_vaddr(b->spec, c->holder, c->slot),
                                        .frame = b->spec->object[c->object].addr,
                                        .bits = b->spec->object[c->object].bits,
                                        .rights = c->rights,
                                        .attributes = !c->uncached,
                                        .table = t->root ? 0 : t->addr};
    put(b, &r);
}

static int entry_compare(const void *pa, const void *pb, void *builder)
{
    const struct builder *b = builder;
    const struct capdl_cap *x = &b->spec->cap[*(const int32_t *)pa];
    const struct capdl_cap *y = &b->spec->cap[*(const int32_t *)pb];
    int32_t dir[2];
    uint64_t at[2];
    for (int i = 0; i < 2; i++) {
        const struct capdl_cap *c = i ? y : x;
        dir[i] = capdl_table_top(b->spec, c->holder);
        at[i] = capdl_entry_vaddr(b->spec, c->holder, c->slot);
    }
    if (dir[0] != dir[1])
        return dir[0] < dir[1] ? -1 : 1;
    return (at[0] > at[1]) - (at[0] < at[1]);
}

/* By address space, ascending. */
static void put_mappings(struct builder *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->spec->caps; i++) {
        const struct capdl_cap *c = &b->spec->cap[i];
        uint32_t holder = b->spec->object[c->holder].type;
        if (c->type == RECORD_CAP_FRAME && capdl_is_table(holder))
            b->order[count++] = (int32_t)i;
    }
    if (count)
        qsort_r(b->order, count, sizeof(*b->order), entry_compare, b);
    for (uint32_t i = 0; i < count; i++)
        put_mapping(b, &b->spec->cap[b->order[i]]);
}

/* --- interrupts --- */

static int irq_compare(const void *pa, const void *pb, void *builder)
{
    const struct builder *b = builder;
    uint64_t x = b->spec->object[b->spec->cap[*(const int32_t *)pa].holder].addr;
    uint64_t y = b->spec->object[b->spec->cap[*(const int32_t *)pb].holder].addr;
    return (x > y) - (x < y);
}

static void put_irqs(struct builder *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->spec->caps; i++)
        if (b->spec->object[b->spec->cap[i].holder].type == RECORD_CAP_IRQ_HANDLER)
            b->order[count++] = (int32_t)i;
    if (count)
        qsort_r(b->order, count, sizeof(*b->order), irq_compare, b);
    for (uint32_t i = 0; i < count; i++) {
        const struct capdl_cap *c = &b->spec->cap[b->order[i]];
        struct record r = {.kind = RECORD_IRQ};
        r.irq.irq = (uint32_t)b->spec->object[c->holder].addr;
        r.irq.state = RECORD_IRQ_SIGNAL;
        r.irq.slot = slot_addr(b, c);
        put(b, &r);
    }
}

/* --- untyped memory: handed out up to the last object in it --- */

static void find_used(struct builder *b, int32_t *sorted, int32_t *open)
{
    const struct capdl_object *o = b->spec->object;
    uint32_t count = 0;
    uint32_t depth = 0;
    for (uint32_t i = 0; i < b->spec->objects; i++)
        if (o[i].bits != 0)
            sorted[count++] = (int32_t)i;
    if (count)
        qsort_r(sorted, count, sizeof(*sorted), capdl_by_place, b->spec->object);
    for (uint32_t i = 0; i < count; i++) {
        const struct capdl_object *x = &o[sorted[i]];
        uint64_t end = x->addr + ((uint64_t)1 << x->bits);
        while (depth > 0 &&
               o[open[depth - 1]].addr + ((uint64_t)1 << o[open[depth - 1]].bits) < end)
            depth--;
        for (uint32_t k = 0; k < depth; k++)
            if (b->used[open[k]] < end - o[open[k]].addr)
                b->used[open[k]] = end - o[open[k]].addr;
        if (x->type == RECORD_CAP_UNTYPED)
            open[depth++] = sorted[i];
    }
}

/* --- */

static void put_end(struct builder *b)
{
    struct record r = {.kind = RECORD_SCHED};
    put(b, &r);
    r = (struct record){.kind = RECORD_END};
    r.end = (struct record_end){.complete = 1,
                                .slots = b->state->slot_count,
                                .threads = b->state->thread_count,
                                .mappings = b->state->mapping_count,
                                .records = b->records + 1};
    put(b, &r);
}

static void build(struct builder *b)
{
    capstate_init(b->state);
    put_snapshot(b);
    put_slots(b);
    put_threads(b);
    put_notifications(b);
    put_contexts(b);
    put_tables(b);
    put_mappings(b);
    put_irqs(b);
    put_end(b);
    if (b->error == ERR_OK)
        b->error = capstate_finish(b->state);
}

enum error capdl_state(const struct capdl_spec *spec, struct capstate *out)
{
    size_t caps = spec->caps + 1u;
    size_t objects = spec->objects + 1u;
    struct builder b = {.spec = spec, .state = out};
    int32_t *sorted = malloc(objects * sizeof(*sorted));
    int32_t *open = malloc(objects * sizeof(*open));
    b.first_child = malloc(caps * sizeof(*b.first_child));
    b.sibling = malloc(caps * sizeof(*b.sibling));
    b.order = malloc(caps * sizeof(*b.order));
    b.used = calloc(objects, sizeof(*b.used));
    b.runs = calloc(objects, sizeof(*b.runs));
    capstate_init(out);
    if (sorted && open && b.first_child && b.sibling && b.order && b.used && b.runs) {
        find_used(&b, sorted, open);
        build(&b);
    } else {
        b.error = ERR_NO_MEMORY;
    }
    free(sorted);
    free(open);
    free(b.first_child);
    free(b.sibling);
    free(b.order);
    free(b.used);
    free(b.runs);
    if (b.error != ERR_OK)
        capstate_free(out);
    return b.error;
}
