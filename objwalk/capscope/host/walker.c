/* This kernel behind objwalk/walker.h: the walk of objwalk/capscope/walk.h, asked by hosts. */
#include "objwalk/walker.h"

#include "abi/syscall.h"
#include "lib/format.h"
#include "objwalk/capscope/layout.h"

#include <stdlib.h>
#include <string.h>

enum { SECTION_BITS = 20, SECTIONS = USER_TOP >> SECTION_BITS };

struct capscope_walker {
    struct walker walker;
    struct objwalk walk;
    /* the iteration under way */
    enum record_kind kind;
    struct record_slot before; /* capabilities to one object stand next to each other */
    bool last;                 /* threads: the idle thread has been told; tables: the root */
    uint32_t section;          /* tables: next to be looked at */
    kaddr_t root;
    uint32_t asid;
};

const struct walker_window walker_capscope_window = {KERNEL_WINDOW, KERNEL_PHYS_BASE, USER_TOP};

static struct objwalk *walk_of(struct walker *w)
{
    struct capscope_walker *c = (struct capscope_walker *)w;
    c->walk.view = w->view;
    return &c->walk;
}

static void capscope_close(struct walker *w)
{
    free(w);
}

/* --- another boot --- */

/* A kernel that begins clears its roots, fills them, and writes `check` last. */
static bool is_same_boot(const struct kernel_roots *was, const struct kernel_roots *now)
{
    bool filled = now->magic[0] && now->magic[1] && now->check;
    return was->boot == now->boot && (was->boot || filled);
}

static enum error capscope_follow(struct walker *w, bool *anew)
{
    struct objwalk *walk = walk_of(w);
    const struct kernel_roots was = walk->roots;
    struct kernel_roots now;
    enum error e = objwalk_read(walk, walk->roots_addr, &now, sizeof(now));
    if (e != ERR_OK || memcmp(&was, &now, sizeof(now)) == 0)
        return e;
    e = objwalk_open(walk, walk->view, walk->roots_addr);
    *anew = e == ERR_OK;
    if (*anew)
        return ERR_OK;
    walk->roots = was;
    return is_same_boot(&was, &now) ? ERR_OK : e;
}

/* --- whole states --- */

static enum error first_only(void *ctx, const struct record *r)
{
    struct record_snapshot *out = ctx;
    *out = r->snapshot;
    return ERR_NOT_FOUND;
}

static enum error capscope_describe(struct walker *w, struct record_snapshot *out)
{
    enum error e = objwalk_snapshot(walk_of(w), SNAPSHOT_MOVING, first_only, out);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum error capscope_snapshot(struct walker *w, bool stopped, record_sink sink, void *ctx)
{
    return objwalk_snapshot(walk_of(w), stopped ? SNAPSHOT_AUDITED : SNAPSHOT_MOVING, sink, ctx);
}

/* --- iteration --- */

/* Reads a slot and its capability again; ERR_CORRUPT where none can lie. */
static enum error raw_slot(struct objwalk *w, uint64_t addr, struct slot *out)
{
    kaddr_t at = objwalk_kaddr(w, (paddr_t)addr);
    if (addr > UINT32_MAX)
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_UNREADABLE, 0);
    return objwalk_read_object(w, at, SLOT_BITS, out, sizeof(*out));
}

/* The ASID that the capability to a page directory names. */
static enum error find_asid(struct objwalk *w, paddr_t directory, uint32_t *asid)
{
    struct record_slot slot;
    enum error e;
    objwalk_cdt_begin(w, &w->cursor);
    while ((e = objwalk_cdt_next(w, &w->cursor, &slot)) == ERR_OK)
        if (slot.type == RECORD_CAP_PAGE_DIRECTORY && slot.object == directory)
            break;
    *asid = e == ERR_OK ? (uint32_t)slot.extra : 0;
    return e;
}

static enum error begin_space(struct capscope_walker *c, uint64_t root)
{
    if (root > UINT32_MAX)
        return ERR_NOT_FOUND;
    enum error e = find_asid(&c->walk, (paddr_t)root, &c->asid);
    if (e != ERR_OK)
        return e;
    c->root = objwalk_kaddr(&c->walk, (paddr_t)root);
    c->section = 0;
    objwalk_mapping_begin(&c->walk.mapping, c->root, c->asid);
    return ERR_OK;
}

static enum error capscope_begin(struct walker *w, enum record_kind kind, uint64_t root)
{
    struct capscope_walker *c = (struct capscope_walker *)w;
    walk_of(w);
    c->kind = kind;
    c->before = (struct record_slot){.type = RECORD_CAP_NULL};
    c->last = false;
    objwalk_cdt_begin(&c->walk, &c->walk.cursor);
    switch (kind) {
    case RECORD_SLOT:
    case RECORD_THREAD:
    case RECORD_ENDPOINT:
    case RECORD_NOTIFICATION:
        return ERR_OK;
    case RECORD_MAPPING:
    case RECORD_TABLE:
        return begin_space(c, root);
    default:
        return ERR_UNSUPPORTED;
    }
}

static enum error read_object(struct objwalk *w, enum record_kind kind, kaddr_t at,
                              struct record *out)
{
    out->kind = kind;
    switch (kind) {
    case RECORD_SLOT:
        return objwalk_slot(w, at, &out->slot);
    case RECORD_THREAD:
        return objwalk_thread(w, at, &out->thread);
    case RECORD_ENDPOINT:
        return objwalk_endpoint(w, at, &out->endpoint);
    case RECORD_NOTIFICATION:
        return objwalk_notification(w, at, &out->notification);
    default:
        return ERR_UNSUPPORTED;
    }
}

static uint32_t cap_of_kind(enum record_kind kind)
{
    return kind == RECORD_THREAD     ? RECORD_CAP_TCB
           : kind == RECORD_ENDPOINT ? RECORD_CAP_ENDPOINT
                                     : RECORD_CAP_NOTIFICATION;
}

static enum error next_object(struct capscope_walker *c, struct record *out)
{
    struct objwalk *w = &c->walk;
    struct record_slot slot;
    enum error e;
    while ((e = objwalk_cdt_next(w, &w->cursor, &slot)) == ERR_OK) {
        bool same = slot.type == c->before.type && slot.object == c->before.object;
        c->before = slot;
        if (!same && slot.type == cap_of_kind(c->kind))
            return read_object(w, c->kind, objwalk_kaddr(w, (paddr_t)slot.object), out);
    }
    if (e != ERR_NOT_FOUND || c->kind != RECORD_THREAD || c->last)
        return e;
    c->last = true;
    return read_object(w, c->kind, w->roots.idle_thread, out);
}

/* The directory itself, then each table that one of its entries names. */
static enum error next_table(struct capscope_walker *c, struct record *out)
{
    struct objwalk *w = &c->walk;
    *out = (struct record){.kind = RECORD_TABLE};
    if (!c->last) {
        c->last = true;
        out->table = (struct record_table){
            .addr = objwalk_paddr(w, c->root), .level = 1, .bits = 32, .asid = c->asid};
        return ERR_OK;
    }
    for (; c->section < SECTIONS; c->section++) {
        paddr_t table;
        vaddr_t vaddr = (vaddr_t)c->section << SECTION_BITS;
        enum error e = objwalk_table(w, c->root, vaddr, &table);
        if (e == ERR_NOT_FOUND)
            continue;
        c->section++;
        out->table = (struct record_table){.addr = table,
                                           .parent = objwalk_paddr(w, c->root),
                                           .vaddr = vaddr,
                                           .bits = SECTION_BITS};
        return e;
    }
    return ERR_NOT_FOUND;
}

static enum error capscope_next(struct walker *w, struct record *out)
{
    struct capscope_walker *c = (struct capscope_walker *)w;
    struct objwalk *walk = walk_of(w);
    out->kind = c->kind;
    switch (c->kind) {
    case RECORD_SLOT:
        return objwalk_cdt_next(walk, &walk->cursor, &out->slot);
    case RECORD_MAPPING:
        return objwalk_mapping_next(walk, &walk->mapping, &out->mapping);
    case RECORD_TABLE:
        return next_table(c, out);
    default:
        return next_object(c, out);
    }
}

/* --- single things --- */

static enum error capscope_at(struct walker *w, enum record_kind kind, uint64_t addr,
                              struct record *out)
{
    struct objwalk *walk = walk_of(w);
    return addr > UINT32_MAX ? ERR_CORRUPT
                             : read_object(walk, kind, objwalk_kaddr(walk, (paddr_t)addr), out);
}

static enum error capscope_slot(struct walker *w, uint64_t addr, struct walker_slot *out)
{
    struct objwalk *walk = walk_of(w);
    struct slot raw;
    enum error e = raw_slot(walk, addr, &raw);
    if (e != ERR_OK)
        return e == ERR_CORRUPT ? ERR_ARGUMENT : e;
    struct objwalk_cap cap;
    objwalk_decode(walk, raw.cap, &cap);
    *out = (struct walker_slot){
        .slot = {.addr = addr,
                 .type = cap.type,
                 .object = cap.object,
                 .bits = cap.bits,
                 .rights = cap.rights,
                 .flags = cap.flags,
                 .data = cap.data,
                 .extra = cap.extra},
        .filled = raw.cap.w[0] != 0,
        .listed = walk->ops->link_prev(&raw) >= KERNEL_WINDOW &&
                  walk->ops->link_next(&raw) >= KERNEL_WINDOW,
        .address = objwalk_kaddr(walk, (paddr_t)addr),
    };
    return ERR_OK;
}

static enum error capscope_is_parent(struct walker *w, uint64_t above, uint64_t below, bool *yes)
{
    struct objwalk *walk = walk_of(w);
    struct slot a, b;
    enum error e = raw_slot(walk, above, &a);
    if (e == ERR_OK)
        e = raw_slot(walk, below, &b);
    if (e == ERR_OK)
        *yes = walk->ops->is_parent(&a, &b);
    return e;
}

static enum error capscope_translate(struct walker *w, uint64_t root, uint64_t vaddr,
                                     struct record_mapping *out)
{
    struct objwalk *walk = walk_of(w);
    if (root > UINT32_MAX || vaddr >= USER_TOP)
        return ERR_NOT_FOUND;
    return objwalk_translate(walk, objwalk_kaddr(walk, (paddr_t)root), (vaddr_t)vaddr, out);
}

/* --- the machine --- */

/* What a release kernel has not got reads as 0. */
static enum error read_control(struct objwalk *w, struct debug_control *out)
{
    memset(out, 0, sizeof(*out));
    return w->roots.debug_control == 0 ? ERR_OK
                                       : objwalk_read(w, w->roots.debug_control, out, sizeof(*out));
}

static enum error capscope_moment(struct walker *w, struct walker_moment *out)
{
    struct objwalk *walk = walk_of(w);
    struct debug_control c;
    kaddr_t current = 0;
    word_t ticks = 0;
    enum error e = read_control(walk, &c);
    if (e == ERR_OK)
        e = walk->ops->current(walk, &current);
    if (e == ERR_OK)
        e = objwalk_read(walk, walk->roots.ticks, &ticks, sizeof(ticks));
    if (e != ERR_OK)
        return e;
    *out = (struct walker_moment){
        .debugger = walk->roots.debug_control != 0,
        .in_debugger = c.stopped != 0,
        .idle = current == walk->roots.idle_thread,
        .ticks = ticks,
        .thread = objwalk_reference(walk, current),
    };
    if (c.stopped != 0 && c.current.seq != 0)
        objwalk_event(walk, &c.current, &out->event);
    if (c.stopped != 0 && c.stop_condition < BREAK_CONDITIONS)
        out->condition = c.stop_condition + 1;
    for (uint32_t i = 0; i < BREAK_CONDITIONS; i++)
        out->armed |= (uint32_t)(c.condition[i].enabled != 0) << i;
    return ERR_OK;
}

static const char *syscall_name(int32_t number)
{
    switch (number) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        SYSCALL_LIST(X)
#undef X
    default:
        return NULL;
    }
}

static const char *invocation_name(word_t label)
{
    switch (label) {
#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;
        INVOCATION_LIST(X)
#undef X
    default:
        return NULL;
    }
}

static enum error capscope_request(struct walker *w, struct walker_request *out)
{
    struct objwalk *walk = walk_of(w);
    struct tcb tcb;
    kaddr_t at = 0;
    *out = (struct walker_request){.thread = 0};
    enum error e = walk->ops->current(walk, &at);
    if (e == ERR_OK && at != 0)
        e = objwalk_read_object(walk, at, TCB_BITS, &tcb, sizeof(tcb));
    if (e != ERR_OK || at == 0)
        return e;
    int32_t number = (int32_t)tcb.regs[REG_R7];
    bool invokes = number == SYS_CALL || number == SYS_SEND || number == SYS_NBSEND;
    out->thread = objwalk_paddr(walk, at);
    memcpy(out->name, tcb.name, sizeof(out->name) - 1);
    out->syscall = syscall_name(number);
    out->invocation = invokes ? invocation_name(msginfo_label(tcb.regs[REG_R1])) : NULL;
    out->pc = tcb.regs[REG_FAULT_IP];
    return ERR_OK;
}

static bool capscope_agrees(struct walker *w, const struct record_end *end)
{
    struct objwalk *walk = walk_of(w);
    struct digest kept;
    if (walk->ops->running_digest(walk, &kept) != ERR_OK)
        return true;
    return kept.lane[0] == end->digest0 && kept.lane[1] == end->digest1;
}

/* The debug kernel has one place, at which it compares with the conditions first. */
static enum error capscope_stop(struct walker *w, uint32_t i, struct walker_stop *out)
{
    struct debug_control c;
    enum error e = read_control(walk_of(w), &c);
    if (e != ERR_OK || i > 0 || c.break_address == 0)
        return e != ERR_OK ? e : ERR_NOT_FOUND;
    *out = (struct walker_stop){
        .name = "an armed event", .address = c.break_address, .kinds = 0, .whole = true};
    return ERR_OK;
}

/* A thread that is stopped or blocked restarts its system call. */
static enum error capscope_registers(struct walker *w, uint64_t thread,
                                     struct walker_registers *out)
{
    struct objwalk *walk = walk_of(w);
    struct tcb tcb;
    if (thread > UINT32_MAX)
        return ERR_ARGUMENT;
    enum error e = objwalk_read_object(walk, objwalk_kaddr(walk, (paddr_t)thread), TCB_BITS, &tcb,
                                       sizeof(tcb));
    if (e != ERR_OK)
        return e;
    bool runs = tcb.state == THREAD_RUNNING || tcb.state == THREAD_IDLE;
    out->count = REG_CPSR + 1;
    out->known = ((uint64_t)1 << out->count) - 1;
    for (uint32_t i = 0; i < out->count; i++)
        out->value[i] = tcb.regs[i];
    out->value[REG_PC] = tcb.regs[runs ? REG_PC : REG_FAULT_IP];
    return ERR_OK;
}

/* --- opening --- */

static const struct walker_ops capscope_ops = {
    .close = capscope_close,
    .describe = capscope_describe,
    .snapshot = capscope_snapshot,
    .begin = capscope_begin,
    .next = capscope_next,
    .at = capscope_at,
    .slot = capscope_slot,
    .is_parent = capscope_is_parent,
    .translate = capscope_translate,
    .moment = capscope_moment,
    .request = capscope_request,
    .agrees = capscope_agrees,
    .stop = capscope_stop,
    .registers = capscope_registers,
    .follow = capscope_follow,
};

static void say_failure(char message[WALKER_MESSAGE], enum error e, const struct objwalk *w)
{
    if (e == ERR_VERSION)
        format_string(message, WALKER_MESSAGE,
                      "kernel_roots has version %u, this program understands %u", w->roots.version,
                      (unsigned)ROOTS_VERSION);
    else if (e == ERR_LAYOUT)
        format_string(message, WALKER_MESSAGE,
                      "the kernel's layout is 0x%08x, this program understands 0x%08x",
                      w->roots.layout, LAYOUT_HASH);
    else if (e == ERR_CORRUPT)
        format_string(message, WALKER_MESSAGE,
                      "kernel_roots is not what the kernel published: somebody wrote to it");
    else
        format_string(message, WALKER_MESSAGE, "%s", error_sentence(e));
}

enum error walker_open_capscope(const struct memview *view, const struct memview *probe,
                                struct walker **out, char message[WALKER_MESSAGE])
{
    kaddr_t at = 0;
    *out = NULL;
    enum error e = probe ? objwalk_probe_roots(probe, KERNEL_PHYS_BASE, &at) : ERR_NO_ROOTS;
    if (e == ERR_NO_ROOTS || e == ERR_READ)
        e = objwalk_find_roots(view, KERNEL_PHYS_BASE, &at);
    if (e == ERR_OK)
        return walker_open_capscope_at(view, at, out, message);
    format_string(message, WALKER_MESSAGE, "%s", error_sentence(e));
    return e;
}

enum error walker_open_capscope_at(const struct memview *view, uint64_t at, struct walker **out,
                                   char message[WALKER_MESSAGE])
{
    struct capscope_walker *c = calloc(1, sizeof(*c));
    *out = NULL;
    if (!c) {
        say_failure(message, ERR_NO_MEMORY, NULL);
        return ERR_NO_MEMORY;
    }
    enum error e = objwalk_open(&c->walk, view, (kaddr_t)at);
    e = e == ERR_NO_ROOTS ? ERR_CORRUPT : e;
    if (e != ERR_OK) {
        say_failure(message, e, &c->walk);
        free(c);
        return e;
    }
    c->walker = (struct walker){&capscope_ops, view};
    *out = &c->walker;
    return ERR_OK;
}
