/* objwalk over the simulated kernel: what it says about real kernel state is compared with the
 * kernel's own structures, read here by pointers; planted corruption is found, each kind by its
 * rule; garbage never hangs it. */
#include "tests/sim/sim.h"

#include "layout/derivation.h"
#include "record/codec.h"
#include "objwalk/capscope/walk.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_RECORDS = 60000, SLOTS_MAX = 20000, ALL = 15 };

static struct record records[MAX_RECORDS];
static unsigned record_count;
static struct objwalk walk;
static struct memview view;

/* --- collecting --- */

static enum error collect(void *ctx, const struct record *r)
{
    (void)ctx;
    if (record_count == MAX_RECORDS)
        return ERR_NO_MEMORY;
    records[record_count++] = *r;
    return ERR_OK;
}

static void open_walk(void)
{
    kaddr_t roots;
    view = sim_memview();
    assert_int_equal(objwalk_find_roots(&view, KERNEL_PHYS_BASE, &roots), ERR_OK);
    assert_int_equal(roots, hostsim_roots());
    assert_int_equal(objwalk_open(&walk, &view, roots), ERR_OK);
}

static void snapshot(void)
{
    record_count = 0;
    assert_int_equal(objwalk_snapshot(&walk, SNAPSHOT_STOPPED, collect, NULL), ERR_OK);
}

static uint32_t audit(void)
{
    uint32_t findings = 0;
    record_count = 0;
    assert_int_equal(objwalk_audit(&walk, collect, NULL, &findings), ERR_OK);
    assert_int_equal(findings, record_count);
    return findings;
}

/* The i-th record of a kind, NULL when there are fewer. */
static const struct record *nth(enum record_kind kind, unsigned i)
{
    for (unsigned r = 0; r < record_count; r++)
        if (records[r].kind == kind && i-- == 0)
            return &records[r];
    return NULL;
}

static unsigned count_of(enum record_kind kind)
{
    unsigned n = 0;
    for (unsigned r = 0; r < record_count; r++)
        n += records[r].kind == kind;
    return n;
}

static const struct record_finding *finding_of(enum audit_rule rule)
{
    for (unsigned r = 0; r < record_count; r++)
        if (records[r].kind == RECORD_FINDING && records[r].finding.rule == rule)
            return &records[r].finding;
    return NULL;
}

static void print_findings(void)
{
    for (unsigned r = 0; r < record_count && r < 20; r++)
        if (records[r].kind == RECORD_FINDING)
            print_message("# finding rule %u addr %x other %x value %x\n",
                          (unsigned)records[r].finding.rule, (unsigned)records[r].finding.addr,
                          (unsigned)records[r].finding.other, (unsigned)records[r].finding.value);
}

static void assert_clean(void)
{
    if (audit() != 0) {
        print_findings();
        fail_msg("the audit of a sound kernel has findings");
    }
}

static uint32_t phys(const void *p)
{
    return paddr_from_kaddr(kaddr_of(p));
}

/* --- a busy system --- */

static struct {
    cptr_t ep, ntfn, bound, nested;
    struct sim_thread sender[3], receiver, waiter[2], caller, server;
    cptr_t table, small, large, section, super;
} busy;

static word_t map(cptr_t frame, vaddr_t vaddr, word_t rights, word_t attributes)
{
    return sim_call(frame, INV_PAGE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(vaddr, rights, attributes));
}

static void make_mappings(void)
{
    busy.table = sim_new(OBJECT_PAGE_TABLE, 0);
    busy.small = sim_new_many(OBJECT_FRAME_4K, 0, 3);
    busy.large = sim_new(OBJECT_FRAME_64K, 0);
    busy.section = sim_new(OBJECT_FRAME_1M, 0);
    busy.super = sim_new(OBJECT_FRAME_16M, 0);
    assert_int_equal(
        sim_call(busy.table, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x50000000, 3)), 0);
    assert_int_equal(map(busy.small, 0x50001000, RIGHT_READ | RIGHT_WRITE, VM_CACHEABLE), 0);
    assert_int_equal(map(busy.small + 1, 0x50003000, RIGHT_READ, VM_EXECUTE_NEVER), 0);
    assert_int_equal(map(busy.small + 2, 0x50005000, 0, 3), 0);
    assert_int_equal(map(busy.large, 0x50010000, RIGHT_READ | RIGHT_WRITE, VM_EXECUTE_NEVER), 0);
    assert_int_equal(map(busy.section, 0x60000000, RIGHT_READ, VM_CACHEABLE), 0);
    assert_int_equal(map(busy.super, 0x61000000, RIGHT_READ | RIGHT_WRITE, VM_CACHEABLE), 0);
}

/* Runs t (above everybody) until it blocks in `number` on cptr. */
static void block(struct sim_thread t, word_t number, cptr_t cptr)
{
    sim_thread_start(t);
    assert_ptr_equal(current_thread(), t.p);
    sim_message(number, cptr, 0, SIM_CAPS(), SIM_MRS());
    assert_ptr_not_equal(current_thread(), t.p);
}

static void make_threads(void)
{
    static const char *const names[] = {"a/init", "a/worker", "b/\033[31m"};
    cptr_t badged = sim_free_slots(1);
    assert_int_equal(sim_mint(badged, busy.ep, RIGHT_WRITE | RIGHT_GRANT, 0x77), 0);
    for (unsigned i = 0; i < 3; i++) {
        busy.sender[i] = sim_thread_new(names[i], 255, 0);
        block(busy.sender[i], (word_t)(i == 2 ? SYS_CALL : SYS_SEND), i == 1 ? badged : busy.ep);
    }
    for (unsigned i = 0; i < 2; i++) {
        busy.waiter[i] = sim_thread_new("waiter", 255, 0);
        block(busy.waiter[i], (word_t)SYS_RECV, busy.ntfn);
    }
    cptr_t quiet = sim_new(OBJECT_ENDPOINT, 0);
    busy.receiver = sim_thread_new("receiver", 255, 0);
    assert_int_equal(
        sim_call(busy.receiver.tcb, INV_TCB_BIND_NOTIFICATION, SIM_CAPS(busy.bound), SIM_MRS()), 0);
    block(busy.receiver, (word_t)SYS_RECV, quiet);
    /* a caller whose server has the reply capability */
    cptr_t service = sim_new(OBJECT_ENDPOINT, 0);
    busy.server = sim_thread_new("server", 255, 0);
    block(busy.server, (word_t)SYS_RECV, service);
    busy.caller = sim_thread_new("caller", 254, 0);
    sim_thread_start(busy.caller);
    /* the root task shares the priority: let the caller run */
    sim_become(busy.caller.p);
    sim_message((word_t)SYS_CALL, service, 0, SIM_CAPS(), SIM_MRS());
    /* the server suspends itself out of the way */
    assert_ptr_equal(current_thread(), busy.server.p);
    sim_call(busy.server.tcb, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(1));
}

static void make_busy(void)
{
    /* the root task is at 255: others at 255 run only when it lets them */
    assert_int_equal(sim_call(INIT_TCB, INV_TCB_SET_PRIORITY, SIM_CAPS(INIT_TCB), SIM_MRS(254)), 0);
    busy.ep = sim_new(OBJECT_ENDPOINT, 0);
    busy.ntfn = sim_new(OBJECT_NOTIFICATION, 0);
    busy.bound = sim_new(OBJECT_NOTIFICATION, 0);
    make_mappings();
    make_threads();
    busy.nested = sim_new(OBJECT_UNTYPED, 16);
    cptr_t parts = sim_free_slots(8);
    assert_int_equal(sim_retype(busy.nested, OBJECT_UNTYPED, 14, parts, 2), 0);
    assert_int_equal(sim_retype(parts, OBJECT_CNODE, 4, parts + 2, 1), 0);
    assert_int_equal(sim_retype(parts + 1, OBJECT_FRAME_4K, 0, parts + 3, 2), 0);
    assert_int_equal(sim_copy(parts + 5, parts + 2, ALL), 0);
    assert_int_equal(sim_copy(parts + 6, parts + 3, RIGHT_READ), 0);
    cptr_t irq = sim_free_slots(1);
    assert_int_equal(
        sim_call(INIT_IRQ_CONTROL, INV_IRQ_CONTROL_GET, SIM_CAPS(INIT_CNODE), SIM_MRS(45, irq, 32)),
        0);
    assert_int_equal(
        sim_call(irq, INV_IRQ_HANDLER_SET_NOTIFICATION, SIM_CAPS(busy.ntfn), SIM_MRS()), 0);
}

static int setup(void **state)
{
    sim_setup(state);
    open_walk();
    return 0;
}

static int setup_busy(void **state)
{
    setup(state);
    make_busy();
    sim_check();
    return 0;
}

/* For tests that leave the kernel corrupt, which sim_teardown() would notice. */
static int teardown_corrupt(void **state)
{
    (void)state;
    hostsim_destroy();
    return 0;
}

/* --- the kernel's list, read by pointers --- */

static const struct slot *listed[SLOTS_MAX];
static int parent_of[SLOTS_MAX];
static int listed_count;

static void enumerate_list(void)
{
    listed_count = 0;
    const struct slot *head = &ks.cdt_head;
    for (const struct slot *s = kptr(head->next & SLOT_LINK_MASK); s != head;
         s = kptr(s->next & SLOT_LINK_MASK)) {
        assert_true(listed_count < SLOTS_MAX);
        int parent = listed_count - 1;
        while (parent >= 0 && !cdt_is_parent(listed[parent], s))
            parent = parent_of[parent];
        parent_of[listed_count] = parent;
        listed[listed_count++] = s;
    }
}

static uint32_t depth_of(int i)
{
    uint32_t depth = 0;
    for (; parent_of[i] >= 0; i = parent_of[i])
        depth++;
    return depth;
}

/* Type, rights, data and extra as the documents say, from the accessors of layout/capability.h. */
static void expect_cap(const struct cap c, const struct record_slot *r)
{
    uint32_t type = cap_type(c), data = 0, extra = 0, rights = 0;
    switch (cap_type(c)) {
    case CAP_UNTYPED:
        data = untyped_watermark(c);
        break;
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        data = cap_badge(c);
        rights = cap_rights(c);
        break;
    case CAP_REPLY:
        rights = reply_can_grant(c) ? RIGHT_WRITE | RIGHT_GRANT : RIGHT_WRITE;
        break;
    case CAP_CNODE:
        data = cnode_guard(c);
        extra = cnode_guard_size(c);
        break;
    case CAP_ZOMBIE:
        data = zombie_left(c);
        break;
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        type = RECORD_CAP_FRAME;
        data = frame_vaddr(c);
        extra = frame_asid(c);
        rights = frame_rights(c) == VM_READ_WRITE  ? RIGHT_READ | RIGHT_WRITE
                 : frame_rights(c) == VM_READ_ONLY ? RIGHT_READ
                                                   : 0;
        break;
    case CAP_PAGE_TABLE:
        type = RECORD_CAP_PAGE_TABLE;
        data = page_table_vaddr(c);
        extra = paging_asid(c);
        break;
    case CAP_PAGE_DIRECTORY:
        type = RECORD_CAP_PAGE_DIRECTORY;
        extra = paging_asid(c);
        break;
    case CAP_ASID_POOL:
        type = RECORD_CAP_ASID_POOL;
        data = asid_pool_base(c);
        break;
    case CAP_CONTROL:
        type = control_which(c) == CONTROL_IRQ           ? RECORD_CAP_IRQ_CONTROL
               : control_which(c) == CONTROL_IRQ_HANDLER ? RECORD_CAP_IRQ_HANDLER
               : control_which(c) == CONTROL_ASID        ? RECORD_CAP_ASID_CONTROL
                                                         : RECORD_CAP_DOMAIN;
        data = control_which(c) == CONTROL_IRQ_HANDLER ? control_irq(c) : 0;
        break;
    case CAP_TCB:
    case CAP_NULL:
        break;
    }
    assert_int_equal(r->type, type);
    assert_int_equal(r->data, data);
    assert_int_equal(r->extra, extra);
    assert_int_equal(r->rights, rights);
}

static void assert_slots_match(void)
{
    enumerate_list();
    snapshot();
    assert_int_equal(count_of(RECORD_SLOT), listed_count);
    for (int i = 0; i < listed_count; i++) {
        const struct record_slot *r = &records[1 + i].slot;
        const struct cap c = listed[i]->cap;
        assert_int_equal(records[1 + i].kind, RECORD_SLOT);
        assert_int_equal(r->addr, phys(listed[i]));
        assert_int_equal(r->depth, depth_of(i));
        assert_int_equal(r->flags & 3, listed[i]->next & 3);
        expect_cap(c, r);
        if (cap_is_physical(c)) {
            assert_int_equal(r->object, paddr_from_kaddr(cap_object(c)));
            assert_int_equal(r->bits, cap_object_bits(c));
        }
    }
    const struct record_end *end = &nth(RECORD_END, 0)->end;
    assert_int_equal(end->complete, 1);
    assert_int_equal(end->slots, listed_count);
    assert_int_equal(end->records, record_count);
    assert_int_equal(end->threads, count_of(RECORD_THREAD));
    assert_int_equal(end->mappings, count_of(RECORD_MAPPING));
    assert_int_equal(end->digest0, hostsim_digest()->lane[0]);
    assert_int_equal(end->digest1, hostsim_digest()->lane[1]);
}

/* --- tests: sound state --- */

static void a_booted_kernel_is_read_and_sound(void **state)
{
    (void)state;
    assert_slots_match();
    const struct record_snapshot *s = &records[0].snapshot;
    assert_int_equal(records[0].kind, RECORD_SNAPSHOT);
    assert_int_equal(s->format, RECORD_FORMAT);
    assert_int_equal(s->kernel, 1);
    assert_int_equal(s->layout, LAYOUT_HASH);
    assert_int_equal(s->stopped, 1);
    assert_int_equal(s->debug, 1);
    assert_int_equal(s->ram_base, KERNEL_PHYS_BASE);
    assert_int_equal(s->ram_size, hostsim_ram_size);
    assert_int_equal(s->seq, hostsim.count.events);
    assert_true(s->board.length > 0);
    assert_clean();
}

static void a_busy_kernel_is_read_and_sound(void **state)
{
    (void)state;
    assert_slots_match();
    assert_clean();
}

static void records_come_in_the_documented_order(void **state)
{
    (void)state;
    static const int rank[RECORD_KINDS] = {
        [RECORD_SNAPSHOT] = 1,     [RECORD_SLOT] = 2,    [RECORD_THREAD] = 3, [RECORD_ENDPOINT] = 4,
        [RECORD_NOTIFICATION] = 5, [RECORD_MAPPING] = 6, [RECORD_IRQ] = 7,    [RECORD_SCHED] = 8,
        [RECORD_REVOKE] = 9,       [RECORD_END] = 10};
    snapshot();
    for (unsigned i = 1; i < record_count; i++)
        assert_true(rank[records[i].kind] >= rank[records[i - 1].kind]);
    assert_int_equal(count_of(RECORD_END), 1);
    assert_int_equal(count_of(RECORD_SCHED), 1);
    assert_null(nth(RECORD_REVOKE, 0));
}

static const struct record_thread *thread_record(const struct tcb *t)
{
    const struct record *r;
    for (unsigned i = 0; (r = nth(RECORD_THREAD, i)); i++)
        if (r->thread.addr == phys(t))
            return &r->thread;
    fail_msg("no record of a thread");
    return NULL;
}

static void threads_tell_where_they_wait(void **state)
{
    (void)state;
    snapshot();
    uint32_t ep = paddr_from_kaddr(cap_object(sim_cap(busy.ep)));
    uint32_t ntfn = paddr_from_kaddr(cap_object(sim_cap(busy.ntfn)));
    for (unsigned i = 0; i < 3; i++) {
        const struct record_thread *t = thread_record(busy.sender[i].p);
        assert_int_equal(t->state, THREAD_BLOCKED_ON_SEND);
        assert_int_equal(t->blocked_on, ep);
        assert_int_equal(t->position, i + 1);
        assert_int_equal(t->blocked_badge, i == 1 ? 0x77 : 0);
        assert_int_equal((t->blocked_flags & IPC_IS_CALL) != 0, i == 2);
        assert_int_equal(t->pc, HOSTSIM_SVC);
        assert_string_equal(t->name.bytes, busy.sender[i].p->name);
        assert_int_equal(t->ipc_buffer, busy.sender[i].p->ipc_buffer);
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct record_thread *t = thread_record(busy.waiter[i].p);
        assert_int_equal(t->state, THREAD_BLOCKED_ON_NOTIFICATION);
        assert_int_equal(t->blocked_on, ntfn);
        assert_int_equal(t->position, i + 1);
    }
    const struct record_thread *r = thread_record(busy.receiver.p);
    assert_int_equal(r->state, THREAD_BLOCKED_ON_RECEIVE);
    assert_int_equal(r->bound, paddr_from_kaddr(cap_object(sim_cap(busy.bound))));
    const struct record_thread *c = thread_record(busy.caller.p);
    assert_int_equal(c->state, THREAD_BLOCKED_ON_REPLY);
    assert_int_equal(c->blocked_on, 0);
    assert_int_equal(c->position, 0);
}

static void every_thread_has_one_record_and_idle_comes_last(void **state)
{
    (void)state;
    unsigned tcbs = 0, n = 0, current = 0, ready = 0;
    enumerate_list();
    for (int i = 0; i < listed_count; i++)
        tcbs += cap_type(listed[i]->cap) == CAP_TCB &&
                (i == 0 || cap_object(listed[i - 1]->cap) != cap_object(listed[i]->cap) ||
                 cap_type(listed[i - 1]->cap) != CAP_TCB);
    snapshot();
    assert_int_equal(count_of(RECORD_THREAD), tcbs + 1);
    for (const struct record *r; (r = nth(RECORD_THREAD, n)); n++) {
        const struct tcb *t = kptr(kaddr_from_paddr((paddr_t)r->thread.addr));
        assert_int_equal(r->thread.idle, n == tcbs);
        assert_int_equal(r->thread.priority, t->priority);
        assert_int_equal(r->thread.mcp, t->mcp);
        assert_int_equal(r->thread.time_slice, t->time_slice);
        assert_int_equal(r->thread.sp, t->regs[REG_SP]);
        assert_int_equal(r->thread.cpsr, t->regs[REG_CPSR]);
        assert_int_equal(r->thread.state, t->state);
        current += r->thread.current;
        ready += t->queued;
    }
    assert_int_equal(current, 1);
    const struct record_sched *s = &nth(RECORD_SCHED, 0)->sched;
    assert_int_equal(s->current, paddr_from_kaddr(ks.current));
    assert_int_equal(s->ready, ready);
}

static void queues_count_their_waiters(void **state)
{
    (void)state;
    unsigned seen = 0;
    snapshot();
    for (unsigned i = 0; nth(RECORD_ENDPOINT, i); i++) {
        const struct record_endpoint *e = &nth(RECORD_ENDPOINT, i)->endpoint;
        if (e->addr != paddr_from_kaddr(cap_object(sim_cap(busy.ep))))
            continue;
        assert_int_equal(e->state, ENDPOINT_SENDING);
        assert_int_equal(e->waiters, 3);
        seen++;
    }
    for (unsigned i = 0; nth(RECORD_NOTIFICATION, i); i++) {
        const struct record_notification *e = &nth(RECORD_NOTIFICATION, i)->notification;
        bool bound = e->addr == paddr_from_kaddr(cap_object(sim_cap(busy.bound)));
        assert_int_equal(e->state, bound ? NOTIFICATION_IDLE : NOTIFICATION_WAITING);
        assert_int_equal(e->waiters, bound ? 0 : 2);
        assert_int_equal(e->bound, bound ? phys(busy.receiver.p) : 0);
        seen++;
    }
    assert_int_equal(seen, 3);
    const struct record_irq *irq = NULL;
    for (unsigned i = 0; nth(RECORD_IRQ, i); i++)
        if (nth(RECORD_IRQ, i)->irq.irq == 45)
            irq = &nth(RECORD_IRQ, i)->irq;
    assert_non_null(irq);
    assert_int_equal(irq->state, IRQ_SIGNAL);
    assert_int_equal(irq->slot, phys(&ks.irq_slots[45]));
}

static const struct record_mapping *mapping_at(vaddr_t vaddr)
{
    const struct record *r;
    for (unsigned i = 0; (r = nth(RECORD_MAPPING, i)); i++)
        if (r->mapping.vaddr == vaddr)
            return &r->mapping;
    fail_msg("nothing is mapped at %x", (unsigned)vaddr);
    return NULL;
}

static void expect_mapping(vaddr_t vaddr, cptr_t frame, uint32_t bits, uint32_t rights,
                           uint32_t attributes)
{
    const struct record_mapping *m = mapping_at(vaddr);
    assert_int_equal(m->frame, paddr_from_kaddr(cap_object(sim_cap(frame))));
    assert_int_equal(m->bits, bits);
    assert_int_equal(m->rights, rights);
    assert_int_equal(m->attributes, attributes);
    assert_int_equal(m->asid, 1);
    assert_int_equal(m->dir, paddr_from_kaddr(cap_object(sim_cap(INIT_VSPACE))));
    assert_int_equal(m->table, bits > 16 ? 0 : paddr_from_kaddr(cap_object(sim_cap(busy.table))));
}

static void mappings_of_every_size_are_told_once(void **state)
{
    (void)state;
    snapshot();
    expect_mapping(0x50001000, busy.small, 12, RIGHT_READ | RIGHT_WRITE | 4, 1);
    expect_mapping(0x50003000, busy.small + 1, 12, RIGHT_READ, 0);
    expect_mapping(0x50005000, busy.small + 2, 12, 0, 1);
    expect_mapping(0x50010000, busy.large, 16, RIGHT_READ | RIGHT_WRITE, 0);
    expect_mapping(0x60000000, busy.section, 20, RIGHT_READ | 4, 1);
    expect_mapping(0x61000000, busy.super, 24, RIGHT_READ | RIGHT_WRITE | 4, 1);
    const struct record *before = NULL;
    for (unsigned i = 0; nth(RECORD_MAPPING, i); i++) {
        const struct record *r = nth(RECORD_MAPPING, i);
        assert_true(r->mapping.vaddr < USER_TOP);
        if (before && before->mapping.dir == r->mapping.dir)
            assert_true(before->mapping.vaddr < r->mapping.vaddr);
        before = r;
    }
    /* user image, buffers of root and threads, BootInfo and these six: no page twice. The
     * root task's buffer has two capabilities, next to each other, that say the same. */
    unsigned frames = 0;
    enumerate_list();
    for (int i = 0; i < listed_count; i++)
        frames += cap_is_frame(listed[i]->cap) && frame_asid(listed[i]->cap) != 0 &&
                  memcmp(&listed[i]->cap, &listed[i - 1]->cap, sizeof(struct cap)) != 0;
    assert_int_equal(count_of(RECORD_MAPPING), frames);
}

/* --- tests: random operations --- */

enum { WINDOW = 64 };

/* An invocation of anything else could be a message, and block the root task. */
static bool is_memory(cptr_t slot)
{
    struct cap c = sim_cap(slot);
    return cap_type(c) == CAP_UNTYPED || cap_type(c) == CAP_PAGE_TABLE || cap_is_frame(c);
}

static void random_operation(cptr_t base)
{
    cptr_t a = base + (cptr_t)rand() % WINDOW, b = base + (cptr_t)rand() % WINDOW;
    static const enum object_type types[] = {
        OBJECT_UNTYPED,  OBJECT_TCB,       OBJECT_ENDPOINT,   OBJECT_NOTIFICATION,  OBJECT_CNODE,
        OBJECT_FRAME_4K, OBJECT_FRAME_64K, OBJECT_PAGE_TABLE, OBJECT_PAGE_DIRECTORY};
    switch (rand() % 10) {
    case 0:
    case 1:
    case 2: {
        enum object_type type = types[(size_t)rand() % (sizeof(types) / sizeof(types[0]))];
        word_t size = type == OBJECT_UNTYPED ? 8 + (word_t)rand() % 10 : 1 + (word_t)rand() % 4;
        sim_retype(is_memory(a) && rand() % 3 ? a : sim_untyped(), type, size, b,
                   1 + (word_t)rand() % 3);
        break;
    }
    case 3:
        sim_copy(b, a, (word_t)rand() % 16);
        break;
    case 4:
    case 5:
        sim_mint(b, a, (word_t)rand() % 16, (word_t)rand() % 8);
        break;
    case 6:
        sim_move(b, a);
        break;
    case 7:
        sim_delete(a);
        break;
    case 8:
        if (rand() % 4 == 0)
            sim_revoke(a);
        break;
    default:
        if (!is_memory(a))
            break;
        if (rand() % 2)
            map(a, 0x50000000u + ((word_t)rand() % 16 << 12), (word_t)rand() % 4, 3);
        else
            sim_call(a, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x50000000, 3));
    }
}

static void after_random_operations_records_match_and_the_audit_is_silent(void **state)
{
    (void)state;
    srand(4711);
    cptr_t base = sim_free_slots(WINDOW + 4);
    for (int i = 0; i < 6000; i++) {
        random_operation(base);
        if (i % 100 == 0) {
            assert_slots_match();
            assert_clean();
        }
    }
    assert_slots_match();
    assert_clean();
}

static void deeper_than_the_chain_is_flagged(void **state)
{
    (void)state;
    enum { COPIES = OBJWALK_MAX_DEPTH + 6 };
    cptr_t first = sim_new(OBJECT_UNTYPED, 12), slots = sim_free_slots(COPIES);
    cptr_t from = first;
    for (unsigned i = 0; i < COPIES; from = slots + i, i++)
        assert_int_equal(sim_copy(slots + i, from, ALL), 0);
    enumerate_list();
    snapshot();
    unsigned deep = 0;
    for (int i = 0; i < listed_count; i++) {
        const struct record_slot *r = &records[1 + i].slot;
        uint32_t depth = depth_of(i);
        bool is_deep = depth >= OBJWALK_MAX_DEPTH;
        assert_int_equal(r->depth, is_deep ? OBJWALK_MAX_DEPTH : depth);
        assert_int_equal((r->flags & RECORD_SLOT_DEEP) != 0, is_deep);
        deep += is_deep;
    }
    assert_true(deep >= 5);
    /* and the walk comes up again behind it */
    assert_int_equal(nth(RECORD_END, 0)->end.complete, 1);
    assert_clean();
}

static uint32_t stop_findings;
static struct record_revoke stop_revoke;

/* Looks at the kernel in the middle of a revoke, as the debugger does. */
static void look_at_victim(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                           struct cap cap, kaddr_t object, word_t detail)
{
    (void)ctx;
    (void)cap;
    (void)object;
    if (kind != EVENT_REVOKE_VICTIM || detail != 3)
        return;
    struct debug_control *control = kptr(walk.roots.debug_control);
    control->revoke.root = kaddr_of(src);
    control->revoke.done = detail;
    snapshot();
    stop_revoke = nth(RECORD_REVOKE, 0)->revoke;
    assert_int_equal(stop_revoke.victim, phys(slot));
    control->current.seq = 1;
    stop_findings = audit();
    control->revoke.root = 0;
    control->current.seq = 0;
}

static void a_revoke_under_way_has_its_record(void **state)
{
    (void)state;
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0), copies = sim_free_slots(10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(sim_mint(copies + i, ep, ALL, i), 0);
    stop_findings = 99;
    hostsim.hooks.event = look_at_victim;
    assert_int_equal(sim_revoke(ep), 0);
    hostsim.hooks.event = NULL;
    assert_int_equal(stop_revoke.root, phys(sim_slot(ep)));
    assert_int_equal(stop_revoke.done, 3);
    assert_int_equal(stop_revoke.left, 7);
    assert_int_equal(stop_findings, 0);
}

/* --- tests: single things --- */

/* As they travel: what lies between the fields of a structure does not count. */
static void assert_same(const struct record *a, const struct record *b)
{
    struct record_codec codec;
    uint8_t x[RECORD_MAX_BYTES], y[RECORD_MAX_BYTES];
    record_codec_init(&codec);
    uint32_t n = record_encode(&codec, a, x);
    record_codec_init(&codec);
    assert_int_equal(record_encode(&codec, b, y), n);
    assert_memory_equal(x, y, n);
}

static void single_slots_and_objects_are_those_of_the_snapshot(void **state)
{
    (void)state;
    snapshot();
    for (unsigned i = 0; i < record_count; i++) {
        struct record got = {.kind = records[i].kind}, want = records[i];
        kaddr_t addr;
        switch (records[i].kind) {
        case RECORD_SLOT:
            addr = kaddr_from_paddr((paddr_t)want.slot.addr);
            want.slot.depth = 0;
            assert_int_equal(objwalk_slot(&walk, addr, &got.slot), ERR_OK);
            assert_same(&got, &want);
            break;
        case RECORD_THREAD:
            addr = kaddr_from_paddr((paddr_t)want.thread.addr);
            assert_int_equal(objwalk_thread(&walk, addr, &got.thread), ERR_OK);
            assert_string_equal(got.thread.name.bytes, want.thread.name.bytes);
            assert_int_equal(got.thread.position, want.thread.position);
            assert_int_equal(got.thread.blocked_on, want.thread.blocked_on);
            break;
        case RECORD_ENDPOINT:
            addr = kaddr_from_paddr((paddr_t)want.endpoint.addr);
            assert_int_equal(objwalk_endpoint(&walk, addr, &got.endpoint), ERR_OK);
            assert_same(&got, &want);
            break;
        case RECORD_NOTIFICATION:
            addr = kaddr_from_paddr((paddr_t)want.notification.addr);
            assert_int_equal(objwalk_notification(&walk, addr, &got.notification), ERR_OK);
            assert_same(&got, &want);
            break;
        default:
            break;
        }
    }
}

static void addresses_that_cannot_be_objects_are_refused(void **state)
{
    (void)state;
    struct record_slot slot;
    struct record_thread thread;
    struct record_endpoint ep;
    struct record_notification n;
    static const kaddr_t bad[] = {0, 4, 0xf0000008, 0xf8000000, 0xfffffff0, 0x10000000, 0xefffffff};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(objwalk_slot(&walk, bad[i], &slot), ERR_CORRUPT);
        assert_int_equal(objwalk_thread(&walk, bad[i], &thread), ERR_CORRUPT);
        assert_int_equal(objwalk_endpoint(&walk, bad[i], &ep), ERR_CORRUPT);
        assert_int_equal(objwalk_notification(&walk, bad[i], &n), ERR_CORRUPT);
    }
}

/* --- tests: capability words --- */

/* What the contracts of the kernel's functions demand of each capability (model/code/, `sane`): no
 * shift beyond 31, no object past the end of the address space. */
static bool is_sane(struct cap c)
{
    return cap_object_bits(c) < 32 &&
           cap_object(c) + ((uint64_t)1 << cap_object_bits(c)) <= (uint64_t)1 << 32;
}

/* So the audit, which names words that decode as invalid, lets none but sane ones pass. */
static void what_decodes_is_sane(void **state)
{
    (void)state;
    srand(4);
    unsigned insane = 0;
    for (int i = 0; i < 2000000; i++) {
        struct cap c = {{(word_t)rand() * 2654435761u, (word_t)rand() * 2246822519u}};
        struct objwalk_cap cap;
        if (i % 2) { /* any size at an address that any could have */
            c.w[0] &= 0xff00000f;
            c.w[1] &= 0x3f;
        }
        objwalk_decode(&walk, c, &cap);
        insane += !is_sane(c);
        if (cap.type != RECORD_CAP_INVALID && !is_sane(c))
            fail_msg("%08x %08x decodes as type %u and is not sane", c.w[0], c.w[1], cap.type);
    }
    assert_true(insane > 1000);
}

static void decoding_loses_nothing(void **state)
{
    (void)state;
    srand(3);
    unsigned valid[RECORD_CAP_INVALID + 1] = {0};
    for (int i = 0; i < 2000000; i++) {
        struct cap c = {{(word_t)rand() * 2654435761u, (word_t)rand() * 2246822519u}}, back;
        struct objwalk_cap cap;
        if (i % 2) { /* few bits set: mostly valid */
            c.w[0] &= (word_t)rand() & 0xfffff00f;
            c.w[1] &= (word_t)rand() & (word_t)rand() & 0xf1ffffff;
        }
        if (i % 4 == 1)
            c.w[0] &= 0xfff0000fu;
        if (i % 16 == 5)
            c = (struct cap){{c.w[0] & 0xffc0000f, 0}};
        if (i % 8 == 3) {
            c.w[0] = (word_t)rand() & 0x3f;
            c.w[1] = (word_t)rand() & 0x3f;
        }
        objwalk_decode(&walk, c, &cap);
        assert_true(cap.type <= RECORD_CAP_INVALID);
        valid[cap.type]++;
        assert_int_equal(objwalk_encode(&walk, &cap, &back), ERR_OK);
        assert_int_equal(back.w[0], c.w[0]);
        assert_int_equal(back.w[1], c.w[1]);
    }
    for (unsigned t = 0; t <= RECORD_CAP_INVALID; t++)
        if (valid[t] == 0)
            fail_msg("no words of type %u came up", t);
}

static void what_cannot_be_expressed_is_not_encoded(void **state)
{
    (void)state;
    srand(5);
    unsigned refused = 0, encoded = 0;
    for (int i = 0; i < 500000; i++) {
        struct objwalk_cap cap = {
            .type = (uint32_t)rand() % (RECORD_CAP_INVALID + 3),
            .object = ((uint32_t)rand() * 2u) & (rand() % 2 ? 0xfff00000u : 0xffffffffu),
            .bits = rand() % 2 ? 12 : (uint32_t)rand() % 40,
            .rights = rand() % 2 ? 0 : (uint32_t)rand() % 20,
            .flags = rand() % 2 ? 0 : (uint32_t)rand() % 64,
            .data = rand() % 2 ? 0 : (uint32_t)rand(),
            .extra = rand() % 2 ? 0 : (uint32_t)rand() % 0x20000,
        };
        struct objwalk_cap back;
        struct cap words;
        enum error e = objwalk_encode(&walk, &cap, &words);
        if (e != ERR_OK) {
            assert_int_equal(e, ERR_FORMAT);
            refused++;
            continue;
        }
        objwalk_decode(&walk, words, &back);
        assert_memory_equal(&cap, &back, sizeof(cap));
        encoded++;
    }
    assert_true(refused > 0 && encoded > 1000);
}

static unsigned event_seen;

static void compare_event(void *ctx, enum event_kind kind, struct slot *slot, struct slot *src,
                          struct cap cap, kaddr_t object, word_t detail)
{
    (void)ctx;
    struct event_ring *ring = kptr(walk.roots.event_ring);
    const struct event *e = (struct event *)kptr(ring->base) + (ring->head & (ring->capacity - 1));
    struct record_event r;
    struct objwalk_cap want;
    objwalk_event(&walk, e, &r);
    objwalk_decode(&walk, cap, &want);
    assert_int_equal(r.seq, ring->head);
    assert_int_equal(r.kind, kind);
    assert_int_equal(r.slot, slot ? phys(slot) : 0);
    assert_int_equal(r.src, src ? phys(src) : 0);
    assert_int_equal(r.type, want.type);
    assert_int_equal(r.object, want.object);
    assert_int_equal(r.bits, want.bits);
    assert_int_equal(r.rights, want.rights);
    assert_int_equal(r.data, want.data);
    assert_int_equal(r.extra, want.extra);
    assert_int_equal(r.object2, object ? paddr_from_kaddr(object) : 0);
    if (kind == EVENT_MINT)
        assert_int_equal(r.flags, detail);
    if (kind == EVENT_BIND)
        assert_int_equal(r.detail, detail ? paddr_from_kaddr(detail) : 0);
    event_seen |= 1u << (kind & 31);
}

static void events_become_records(void **state)
{
    (void)state;
    hostsim.hooks.event = compare_event;
    event_seen = 0;
    make_busy();
    hostsim.hooks.event = NULL;
    assert_true(event_seen & 1u << EVENT_RETYPE);
    assert_true(event_seen & 1u << EVENT_MINT);
    assert_true(event_seen & 1u << EVENT_MAP);
    assert_true(event_seen & 1u << EVENT_BIND);
}

/* --- tests: opening --- */

static void another_version_or_layout_is_refused(void **state)
{
    (void)state;
    struct objwalk w;
    kaddr_t at = hostsim_roots();
    struct kernel_roots *roots = kptr(at), saved = *roots;
    roots->version++;
    assert_int_equal(objwalk_open(&w, &view, at), ERR_VERSION);
    assert_int_equal(w.roots.version, saved.version + 1);
    *roots = saved;
    roots->layout ^= 1;
    assert_int_equal(objwalk_open(&w, &view, at), ERR_LAYOUT);
    assert_int_equal(w.roots.layout, saved.layout ^ 1);
    *roots = saved;
    roots->size -= 4;
    assert_int_equal(objwalk_open(&w, &view, at), ERR_LAYOUT);
    *roots = saved;
    assert_int_equal(objwalk_open(&w, &view, at + 64), ERR_NO_ROOTS);
    assert_int_equal(objwalk_open(&w, &view, 0x1000), ERR_READ);
    roots->current += 4;
    assert_int_equal(objwalk_open(&w, &view, at), ERR_CORRUPT);
    *roots = saved;
    roots->magic[1] = 0;
    kaddr_t found;
    assert_int_equal(objwalk_find_roots(&view, KERNEL_PHYS_BASE, &found), ERR_NO_ROOTS);
    *roots = saved;
    assert_int_equal(objwalk_find_roots(&view, 0x10000000, &found), ERR_READ);
}

/* The kernel's own code compares with the magic, so it may hold it as a constant, in any place. */
static void the_magic_in_code_is_passed_over(void **state)
{
    (void)state;
    word_t *code = kptr(KERNEL_WINDOW + HOSTSIM_GLOBALS_OFFSET);
    word_t saved[5];
    kaddr_t found;
    memcpy(saved, code, sizeof(saved));
    code[0] = ROOTS_MAGIC_0;
    code[1] = ROOTS_MAGIC_1;
    code[2] = 0xe58f0000u;
    code[4] = 0xe12fff1eu;
    assert_int_equal(objwalk_find_roots(&view, KERNEL_PHYS_BASE, &found), ERR_OK);
    assert_int_equal(found, hostsim_roots());
    memcpy(code, saved, sizeof(saved));
}

/* --- tests: views that fail --- */

static struct {
    kaddr_t first, last;
    enum error error;
    struct memview below;
} holes;

static enum error read_with_hole(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    (void)ctx;
    if (addr <= holes.last && addr + len - 1 >= holes.first)
        return holes.error;
    return holes.below.read(holes.below.ctx, addr, buf, len);
}

static void punch(kaddr_t first, uint32_t len, enum error e)
{
    holes.first = first;
    holes.last = first + len - 1;
    holes.error = e;
    holes.below = sim_memview();
    view = (struct memview){.read = read_with_hole};
}

static void an_unreadable_object_costs_a_finding(void **state)
{
    (void)state;
    snapshot();
    unsigned slots = count_of(RECORD_SLOT), threads = count_of(RECORD_THREAD);
    punch(kaddr_of(busy.sender[1].p) + 0x50, 0x100, ERR_READ);
    snapshot();
    assert_int_equal(count_of(RECORD_SLOT), slots);
    assert_int_equal(count_of(RECORD_THREAD), threads - 1);
    assert_non_null(finding_of(AUDIT_UNREADABLE));
    assert_int_equal(nth(RECORD_END, 0)->end.complete, 0);
    assert_int_equal(nth(RECORD_END, 0)->end.records, record_count);
    assert_true(audit() > 0);
    assert_non_null(finding_of(AUDIT_UNREADABLE));
}

static void an_unreadable_list_still_ends_with_end(void **state)
{
    (void)state;
    enumerate_list();
    punch(kaddr_of(listed[listed_count / 2]), 4, ERR_READ);
    snapshot();
    assert_int_equal(count_of(RECORD_SLOT), listed_count / 2);
    assert_int_equal(nth(RECORD_END, 0)->end.complete, 0);
    assert_int_equal(finding_of(AUDIT_UNREADABLE)->addr, phys(listed[listed_count / 2]));
}

static void a_closed_connection_ends_the_walk(void **state)
{
    (void)state;
    uint32_t findings;
    punch(kaddr_of(busy.sender[1].p) + 0x50, 0x100, ERR_CLOSED);
    record_count = 0;
    assert_int_equal(objwalk_snapshot(&walk, SNAPSHOT_STOPPED, collect, NULL), ERR_CLOSED);
    assert_int_equal(count_of(RECORD_END), 0);
    record_count = 0;
    assert_int_equal(objwalk_audit(&walk, collect, NULL, &findings), ERR_CLOSED);
}

static unsigned patience;

static enum error impatient(void *ctx, const struct record *r)
{
    (void)ctx;
    (void)r;
    return patience-- == 0 ? ERR_STOPPED : ERR_OK;
}

static void a_sink_that_stops_ends_the_walk(void **state)
{
    (void)state;
    uint32_t findings;
    snapshot();
    for (unsigned n = 0; n < record_count; n += 1 + n / 8) {
        patience = n;
        assert_int_equal(objwalk_snapshot(&walk, SNAPSHOT_STOPPED, impatient, NULL), ERR_STOPPED);
    }
    sim_slot(busy.ep)->cap.w[0] |= 0xf; /* something to tell */
    patience = 0;
    assert_int_equal(objwalk_audit(&walk, impatient, NULL, &findings), ERR_STOPPED);
}

/* --- tests: planted corruption --- */

/* Every plant gives the rule that must find it, and the snapshot must still end. */
static void expect_rule(enum audit_rule rule)
{
    audit();
    if (!finding_of(rule)) {
        print_findings();
        fail_msg("rule %d did not fire", rule);
    }
    snapshot();
    assert_int_equal(count_of(RECORD_END), 1);
}

static struct slot *neighbour(cptr_t slot)
{
    return kptr(sim_slot(slot)->next & SLOT_LINK_MASK);
}

static void plant_wrong_prev(void)
{
    struct slot *s = sim_slot(busy.ep);
    s->prev = (s->prev & 0xf) | kaddr_of(neighbour(busy.ep));
}

static void plant_range(void)
{
    sim_slot(busy.ep)->next = 0x12345670;
}

static void plant_loop(void)
{
    struct slot *s = sim_slot(busy.ep);
    struct slot *back =
        kptr(((struct slot *)kptr(s->prev & SLOT_LINK_MASK))->prev & SLOT_LINK_MASK);
    s->next = (s->next & 3) | kaddr_of(back);
}

static void plant_matching_loop(void)
{
    /* a loop whose entry links back into the loop: only its first entry disagrees */
    struct slot *s = sim_slot(busy.ep);
    struct slot *entry =
        kptr(((struct slot *)kptr(s->prev & SLOT_LINK_MASK))->prev & SLOT_LINK_MASK);
    s->next = (s->next & 3) | kaddr_of(entry);
    entry->prev = (entry->prev & 0xf) | kaddr_of(s);
}

static void plant_null(void)
{
    sim_slot(busy.ep)->cap = cap_null();
}

static void plant_unlisted(void)
{
    cptr_t empty = sim_free_slots(1);
    *sim_slot(empty) = *sim_slot(busy.ep);
}

static void plant_unlisted_ring(void)
{
    /* two slots that link each other: only the count tells */
    cptr_t empty = sim_free_slots(2);
    struct slot *a = sim_slot(empty), *b = sim_slot(empty + 1);
    a->cap = b->cap = sim_cap(busy.ep);
    a->next = a->prev = kaddr_of(b);
    b->next = b->prev = kaddr_of(a);
}

static void plant_invalid(void)
{
    sim_slot(INIT_DOMAIN)->cap.w[1] = 0x55;
}

/* Below an untyped, so that what it covers is asked. */
static void plant_endless_cnode(void)
{
    struct slot *s = sim_slot(busy.small);
    s->cap = cnode_make(cap_object(s->cap), 31, 0, 0);
}

static void plant_child_outside(void)
{
    /* the flag that makes it the parent goes, so that its children stand beside it */
    sim_slot(busy.nested)->next &= ~(word_t)CDT_REVOCABLE;
}

static void plant_overlap(void)
{
    struct slot *s = sim_slot(busy.small + 2); /* the youngest of three: first in the list */
    s->cap = frame_with_mapping(sim_cap(busy.small), 0, 0);
}

static void plant_overlap_far_away(void)
{
    /* not neighbours in the list */
    struct slot *s = sim_slot(busy.small);
    struct cap c = sim_cap(busy.super);
    s->cap = frame_make(CAP_FRAME_4K, cap_object(c) + 0x5000, VM_READ_ONLY, false);
}

static void plant_watermark(void)
{
    struct slot *s = sim_slot(busy.nested);
    s->cap = untyped_with_watermark(s->cap, 0x1000);
}

static word_t *pte_of(vaddr_t vaddr)
{
    const word_t *pd = kptr(cap_object(sim_cap(INIT_VSPACE)));
    word_t *pt = kptr(kaddr_from_paddr(pd[vaddr >> 20] & 0xfffffc00));
    return &pt[vaddr >> 12 & 0xff];
}

static void plant_mapping_no_frame(void)
{
    *pte_of(0x50001000) = (*pte_of(0x50001000) & 0xfff) | (KERNEL_PHYS_BASE + 0x3000);
}

static void plant_mapping_rights(void)
{
    *pte_of(0x50001000) |= PTE_APX; /* less is allowed: no finding from this alone */
    struct slot *s = sim_slot(busy.large);
    s->cap = frame_with_rights(s->cap, VM_READ_ONLY);
}

static void plant_mapping_not_held(void)
{
    *pte_of(0x50009000) = *pte_of(0x50001000);
}

static void plant_foreign_table(void)
{
    word_t *pd = kptr(cap_object(sim_cap(INIT_VSPACE)));
    pd[0x510] = pd[0x500];
}

static void plant_queue_link(void)
{
    busy.sender[1].p->queue_prev = kaddr_of(busy.sender[2].p);
}

static void plant_queue_loop(void)
{
    busy.sender[2].p->queue_next = kaddr_of(busy.sender[0].p);
    busy.sender[0].p->queue_prev = kaddr_of(busy.sender[2].p);
}

static void plant_thread_state(void)
{
    busy.waiter[0].p->state = THREAD_INACTIVE;
}

static void plant_lost_thread(void)
{
    struct sim_thread t = sim_thread_new("lost", 10, 0);
    t.p->state = THREAD_RUNNING;
}

static void plant_blocked_nowhere(void)
{
    struct sim_thread t = sim_thread_new("nowhere", 10, 0);
    t.p->state = THREAD_BLOCKED_ON_SEND;
    t.p->blocked_on = cap_object(sim_cap(busy.ep));
}

static void plant_ready_queue(void)
{
    struct sim_thread t = sim_thread_new("ready", 10, 0);
    sim_thread_start(t);
    ks.ready[10].tail = kaddr_of(sim_root());
}

static void plant_kernel_cap(void)
{
    struct slot *s = sim_slot(busy.small + 2);
    s->cap = frame_make(CAP_FRAME_4K, KERNEL_WINDOW + 0x1000, VM_READ_WRITE, false);
}

static void plant_binding(void)
{
    busy.receiver.p->bound_notification = cap_object(sim_cap(busy.ntfn));
}

static void plant_unbound(void)
{
    struct notification *n = kptr(cap_object(sim_cap(busy.ntfn)));
    n->bound = kaddr_of(busy.caller.p);
}

static void plant_asid_entry(void)
{
    word_t *pool = kptr(cap_object(sim_cap(INIT_ASID_POOL)));
    pool[77] = pool[1];
}

static void plant_asid_pool(void)
{
    ks.asid_table[5] = cap_object(sim_cap(busy.small));
}

static void plant_digest(void)
{
    hostsim_digest()->lane[0] ^= 0x100;
}

static void plant_digest_of_words(void)
{
    sim_slot(busy.small)->cap.w[0] ^= 0x10; /* a right changes behind the kernel's back */
}

static void plant_reply(void)
{
    busy.caller.p->state = THREAD_INACTIVE;
}

/* --- what the scheduler and the tables of the kernel refer to --- */

static void plant_alias(void)
{
    struct slot *s = sim_slot(busy.small + 2);
    s->cap =
        frame_make(CAP_FRAME_4K, KERNEL_WINDOW + hostsim_ram_size + 0x5000, VM_READ_WRITE, true);
}

/* Begins below RAM and ends behind it. */
static void plant_alias_by_its_end(void)
{
    struct slot *s = sim_slot(busy.small + 2);
    s->cap = untyped_make(0xe0000000, 29, true, 0);
}

static word_t *kernel_entry_of_root(word_t i)
{
    return (word_t *)kptr(cap_object(sim_cap(INIT_VSPACE))) + i;
}

static void plant_kernel_part(void)
{
    *kernel_entry_of_root(0xfff) ^= 0x20; /* another domain */
}

static void plant_kernel_hole(void)
{
    *kernel_entry_of_root(0xf00) = 0;
}

static void plant_kernel_open(void)
{
    *kernel_entry_of_root(0xf03) |= 3u << PDE_AP_SHIFT;
}

/* In the tables that all others are copied from; a directory that agrees with them is no less open.
 */
static void plant_kernel_open_at_the_source(void)
{
    word_t *pd = kptr(arch_kernel_pd());
    pd[0xf03] |= 2u << PDE_AP_SHIFT;
    *kernel_entry_of_root(0xf03) = pd[0xf03];
}

static void plant_kernel_page_open(void)
{
    word_t *table = kptr(KERNEL_WINDOW + HOSTSIM_TABLE_OFFSET);
    table[5] = (KERNEL_PHYS_BASE + 0x2000) | PTE_SMALL | 3u << PTE_AP_SHIFT;
}

static void plant_kernel_elsewhere(void)
{
    word_t *pd = kptr(arch_kernel_pd());
    pd[0xf00] += 16u << 20;
}

/* Another table behind the last entry, in which users may read the vectors' page: no fault. */
static word_t *helpers_table(void)
{
    word_t *own = kptr(KERNEL_WINDOW + HOSTSIM_TABLE_OFFSET);
    word_t *table = kptr(KERNEL_WINDOW + HOSTSIM_TABLE_OFFSET - 0x400);
    own[0xf0] = (KERNEL_PHYS_BASE + 0x3000) | PTE_SMALL | PTE_APX | 1u << PTE_AP_SHIFT;
    memcpy(table, own, PTE_COUNT * sizeof(word_t));
    table[0xf0] ^= 3u << PTE_AP_SHIFT;
    *kernel_entry_of_root(0xfff) -= 0x400;
    return table;
}

static void plant_helpers_writable(void)
{
    helpers_table()[0xf0] &= ~(word_t)PTE_APX;
}

static void plant_helpers_with_more(void)
{
    helpers_table()[0xf1] = (KERNEL_PHYS_BASE + 0x3000) | PTE_SMALL | 2u << PTE_AP_SHIFT;
}

static void plant_pool_without_entry(void)
{
    ks.asid_table[0] = 0;
}

static void plant_current_is_no_thread(void)
{
    ks.current = cap_object(sim_cap(busy.nested)) + 0x400;
}

static void plant_no_current(void)
{
    ks.current = 0;
}

/* Looks like a thread that is ready in every word. */
static void plant_ready_head_is_no_thread(void)
{
    struct tcb *t = kptr(cap_object(sim_cap(busy.nested)) + 0x400);
    *t = (struct tcb){.state = THREAD_RUNNING, .priority = 3, .queued = 1};
    ks.ready[3].head = ks.ready[3].tail = kaddr_of(t);
    ks.ready_bits[0] |= 1u << 3;
    ks.ready_top |= 1;
}

/* The same behind a thread that is one. */
static void plant_ready_follower_is_no_thread(void)
{
    struct sim_thread first = sim_thread_new("first", 3, 0);
    struct tcb *t = kptr(cap_object(sim_cap(busy.nested)) + 0x400);
    sim_thread_start(first);
    *t = (struct tcb){.state = THREAD_RUNNING, .priority = 3, .queued = 1};
    t->sched_prev = kaddr_of(first.p);
    first.p->sched_next = ks.ready[3].tail = kaddr_of(t);
}

static void plant_ready_bit(void)
{
    ks.ready_bits[1] ^= 1u << 9;
    ks.ready_top |= 2;
}

static void plant_ready_bit_missing(void)
{
    sim_thread_start(sim_thread_new("starved", 3, 0));
    ks.ready_bits[0] &= ~(1u << 3);
    if (ks.ready_bits[0] == 0)
        ks.ready_top &= ~(word_t)1;
}

static void plant_ready_top(void)
{
    ks.ready_top ^= 1u << 6;
}

static void plant_root(void)
{
    ((struct kernel_roots *)kptr(walk.roots_addr))->current += 4;
}

static const struct plant {
    const char *name;
    void (*plant)(void);
    enum audit_rule rule;
} plants[] = {
    {"a wrong previous link", plant_wrong_prev, AUDIT_LINK},
    {"a link out of RAM", plant_range, AUDIT_LINK_RANGE},
    {"a loop", plant_loop, AUDIT_LINK_LOOP},
    {"a loop that links back", plant_matching_loop, AUDIT_LINK_LOOP},
    {"an empty slot in the list", plant_null, AUDIT_LIST_NULL},
    {"an unlisted slot", plant_unlisted, AUDIT_UNLISTED},
    {"a ring beside the list", plant_unlisted_ring, AUDIT_UNLISTED},
    {"senseless words", plant_invalid, AUDIT_CAP_INVALID},
    {"a CNode of more than there is", plant_endless_cnode, AUDIT_CAP_INVALID},
    {"children beside their untyped", plant_child_outside, AUDIT_CHILD_OUTSIDE},
    {"one frame twice", plant_overlap, AUDIT_OVERLAP},
    {"a page inside another's frame", plant_overlap_far_away, AUDIT_OVERLAP},
    {"a watermark too low", plant_watermark, AUDIT_WATERMARK},
    {"a mapping of the kernel", plant_mapping_no_frame, AUDIT_MAPPING_NO_FRAME},
    {"a mapping with more rights", plant_mapping_rights, AUDIT_MAPPING_RIGHTS},
    {"a mapping nobody holds", plant_mapping_not_held, AUDIT_MAPPING_RIGHTS},
    {"a table in two places", plant_foreign_table, AUDIT_TABLE_FOREIGN},
    {"a queue link", plant_queue_link, AUDIT_QUEUE},
    {"a queue without end", plant_queue_loop, AUDIT_QUEUE},
    {"a queued thread that is not blocked", plant_thread_state, AUDIT_QUEUE},
    {"a runnable thread nobody will run", plant_lost_thread, AUDIT_THREAD_STATE},
    {"a blocked thread in no queue", plant_blocked_nowhere, AUDIT_THREAD_STATE},
    {"a ready queue's tail", plant_ready_queue, AUDIT_QUEUE},
    {"a capability to the kernel", plant_kernel_cap, AUDIT_CAP_KERNEL},
    {"a binding on one side", plant_binding, AUDIT_BINDING},
    {"a binding on the other side", plant_unbound, AUDIT_BINDING},
    {"a directory with two ASIDs", plant_asid_entry, AUDIT_ASID},
    {"a pool nobody has", plant_asid_pool, AUDIT_ASID},
    {"a wrong digest", plant_digest, AUDIT_DIGEST},
    {"a word changed unseen", plant_digest_of_words, AUDIT_DIGEST},
    {"a reply nobody waits for", plant_reply, AUDIT_REPLY},
    {"a frame where RAM answers again", plant_alias, AUDIT_ALIAS},
    {"a block that reaches there", plant_alias_by_its_end, AUDIT_ALIAS},
    {"a kernel entry changed", plant_kernel_part, AUDIT_KERNEL_PART},
    {"a kernel entry gone", plant_kernel_hole, AUDIT_KERNEL_PART},
    {"the kernel's own window elsewhere", plant_kernel_elsewhere, AUDIT_KERNEL_PART},
    {"a kernel section open to users", plant_kernel_open, AUDIT_KERNEL_OPEN},
    {"the same in all directories", plant_kernel_open_at_the_source, AUDIT_KERNEL_OPEN},
    {"a kernel page open to users", plant_kernel_page_open, AUDIT_KERNEL_OPEN},
    {"helpers that users may write", plant_helpers_writable, AUDIT_KERNEL_PART},
    {"more than helpers", plant_helpers_with_more, AUDIT_KERNEL_PART},
    {"a pool that the table does not name", plant_pool_without_entry, AUDIT_ASID},
    {"a current thread that is none", plant_current_is_no_thread, AUDIT_CURRENT},
    {"no current thread", plant_no_current, AUDIT_CURRENT},
    {"a ready queue that begins with no thread", plant_ready_head_is_no_thread, AUDIT_CURRENT},
    {"a ready queue that goes on with none", plant_ready_follower_is_no_thread, AUDIT_QUEUE},
    {"a bit for an empty queue", plant_ready_bit, AUDIT_READY_BITS},
    {"a queue without its bit", plant_ready_bit_missing, AUDIT_READY_BITS},
    {"a bit over the bits", plant_ready_top, AUDIT_READY_BITS},
    {"a root moved", plant_root, AUDIT_ROOTS},
};

/* An audited snapshot, and nothing in it twice. */
static void snapshot_audited(void)
{
    record_count = 0;
    assert_int_equal(objwalk_snapshot(&walk, SNAPSHOT_AUDITED, collect, NULL), ERR_OK);
    assert_int_equal(nth(RECORD_END, 0)->end.records, record_count);
}

static bool same_finding(const struct record_finding *x, const struct record_finding *y)
{
    return x->rule == y->rule && x->addr == y->addr && x->other == y->other;
}

/* What the audit just found is in the snapshot, each finding once. */
static void expect_findings_in_snapshot(const char *name)
{
    enum { MOST = 256 };
    static struct record_finding found[MOST];
    unsigned n = 0;
    for (; n < record_count && n < MOST; n++)
        found[n] = records[n].finding;
    snapshot_audited();
    for (unsigned i = 0; i < n; i++) {
        unsigned times = 0;
        for (unsigned k = 0; k < record_count; k++)
            times +=
                records[k].kind == RECORD_FINDING && same_finding(&records[k].finding, &found[i]);
        if (times != 1)
            fail_msg("%s: finding of rule %u at 0x%08x is %u times in the snapshot", name,
                     found[i].rule, (unsigned)found[i].addr, times);
    }
}

static void each_planted_corruption_is_found_by_its_rule(void **state)
{
    (void)state;
    bool covered[AUDIT_ROOTS + 1] = {false};
    for (size_t i = 0; i < sizeof(plants) / sizeof(plants[0]); i++) {
        setup_busy(NULL);
        assert_clean();
        plants[i].plant();
        audit();
        if (!finding_of(plants[i].rule)) {
            print_findings();
            fail_msg("%s: rule %d does not find it", plants[i].name, plants[i].rule);
        }
        expect_findings_in_snapshot(plants[i].name);
        snapshot();
        assert_int_equal(count_of(RECORD_END), 1);
        covered[plants[i].rule] = true;
        hostsim_destroy();
    }
    for (unsigned rule = 1; rule <= AUDIT_ROOTS; rule++)
        if (!covered[rule] && rule != AUDIT_UNREADABLE)
            fail_msg("no plant for rule %u", rule);
}

static void user_helpers_are_no_fault(void **state)
{
    (void)state;
    helpers_table();
    assert_clean();
}

/* Slots beside the list by the hundred: a snapshot stays one. */
static void findings_of_a_snapshot_are_bounded(void **state)
{
    (void)state;
    unsigned planted = 0;
    for (word_t i = 0; i < 4096 && planted < 300; i++) {
        struct slot *s = sim_slot(i);
        if ((s->cap.w[0] | s->cap.w[1]) != 0)
            continue;
        s->cap = sim_slot(busy.small)->cap;
        planted++;
    }
    assert_int_equal(planted, 300);
    uint32_t all = audit();
    snapshot_audited();
    assert_int_equal(count_of(RECORD_FINDING), SNAPSHOT_FINDINGS + 1);
    const struct record_finding *more = finding_of(AUDIT_MORE);
    assert_non_null(more);
    assert_int_equal(more->value, all - SNAPSHOT_FINDINGS);
}

/* A recording has no memory to audit, so the state itself says it. */
static void a_snapshot_names_a_capability_where_ram_answers_again(void **state)
{
    (void)state;
    plant_alias();
    snapshot();
    const struct record_finding *f = finding_of(AUDIT_ALIAS);
    assert_non_null(f);
    assert_int_equal(f->addr, paddr_from_kaddr(kaddr_of(sim_slot(busy.small + 2))));
    assert_int_equal(f->other, KERNEL_PHYS_BASE + 0x5000);
    assert_int_equal(nth(RECORD_END, 0)->end.complete, 1);
}

static void a_wrong_previous_link_does_not_hide_the_rest(void **state)
{
    (void)state;
    enumerate_list();
    int expected = listed_count;
    plant_wrong_prev();
    snapshot();
    assert_int_equal(count_of(RECORD_SLOT), expected);
    assert_int_equal(nth(RECORD_END, 0)->end.complete, 0);
    assert_non_null(finding_of(AUDIT_LINK));
}

static void a_loop_costs_bounded_records(void **state)
{
    (void)state;
    enumerate_list();
    int expected = listed_count;
    plant_matching_loop();
    snapshot();
    assert_true(count_of(RECORD_SLOT) < (unsigned)expected * 3);
    expect_rule(AUDIT_LINK_LOOP);
}

static void random_damage_never_hangs_or_crashes(void **state)
{
    (void)state;
    srand(99);
    enumerate_list();
    uint8_t *saved = malloc(hostsim_ram_size);
    uint32_t used = 4 << 20;
    memcpy(saved, hostsim_ram, used);
    uint8_t *top = malloc(used);
    memcpy(top, hostsim_ram + hostsim_ram_size - used, used);
    for (int round = 0; round < 150; round++) {
        uint32_t findings;
        for (int hits = 1 + rand() % 20; hits > 0; hits--) {
            struct slot *s = (struct slot *)listed[rand() % listed_count];
            word_t *w = (word_t *)s + rand() % 4;
            *w = rand() % 2 ? *w ^ (word_t)1 << rand() % 32
                            : KERNEL_WINDOW + ((word_t)rand() % hostsim_ram_size & ~0xfu);
        }
        for (int hits = rand() % 200; hits > 0; hits--)
            hostsim_ram[(uint32_t)rand() % HOSTSIM_ROOTS_OFFSET] = (uint8_t)rand();
        for (int hits = rand() % 200; hits > 0; hits--)
            hostsim_ram[hostsim_ram_size - 1 - (uint32_t)rand() % used] = (uint8_t)rand();
        record_count = 0;
        enum error e = objwalk_snapshot(&walk, SNAPSHOT_STOPPED, collect, NULL);
        assert_true(e == ERR_OK || e == ERR_NO_MEMORY);
        record_count = 0;
        e = objwalk_audit(&walk, collect, NULL, &findings);
        assert_true(e == ERR_OK || e == ERR_NO_MEMORY);
        memcpy(hostsim_ram, saved, used);
        memcpy(hostsim_ram + hostsim_ram_size - used, top, used);
    }
    free(saved);
    free(top);
    assert_clean();
}

#define sound(f, s) cmocka_unit_test_setup_teardown(f, s, sim_teardown)
#define corrupt(f)  cmocka_unit_test_setup_teardown(f, setup_busy, teardown_corrupt)

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        sound(a_booted_kernel_is_read_and_sound, setup),
        sound(a_busy_kernel_is_read_and_sound, setup_busy),
        sound(records_come_in_the_documented_order, setup_busy),
        sound(threads_tell_where_they_wait, setup_busy),
        sound(every_thread_has_one_record_and_idle_comes_last, setup_busy),
        sound(queues_count_their_waiters, setup_busy),
        sound(mappings_of_every_size_are_told_once, setup_busy),
        sound(after_random_operations_records_match_and_the_audit_is_silent, setup),
        sound(deeper_than_the_chain_is_flagged, setup),
        sound(a_revoke_under_way_has_its_record, setup),
        sound(single_slots_and_objects_are_those_of_the_snapshot, setup_busy),
        sound(addresses_that_cannot_be_objects_are_refused, setup),
        sound(decoding_loses_nothing, setup),
        sound(what_decodes_is_sane, setup),
        sound(what_cannot_be_expressed_is_not_encoded, setup),
        sound(events_become_records, setup),
        sound(another_version_or_layout_is_refused, setup),
        sound(the_magic_in_code_is_passed_over, setup),
        sound(an_unreadable_object_costs_a_finding, setup_busy),
        sound(an_unreadable_list_still_ends_with_end, setup_busy),
        sound(a_closed_connection_ends_the_walk, setup_busy),
        corrupt(a_sink_that_stops_ends_the_walk),
        cmocka_unit_test_teardown(each_planted_corruption_is_found_by_its_rule, teardown_corrupt),
        corrupt(user_helpers_are_no_fault),
        corrupt(a_snapshot_names_a_capability_where_ram_answers_again),
        corrupt(findings_of_a_snapshot_are_bounded),
        corrupt(a_wrong_previous_link_does_not_hide_the_rest),
        corrupt(a_loop_costs_bounded_records),
        sound(random_damage_never_hangs_or_crashes, setup_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
