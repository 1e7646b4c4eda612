/* The layout of this kernel (layout/capability.h, layout/objects.h, layout/roots.h) as objwalk
 * reads it.
 *
 * The only file of the walker that changes with the kernel's layout.  Words come from memory that
 * may be damaged: a capability that the kernel cannot have made decodes as INVALID with its words
 * kept, so that decoding loses nothing and encoding is its exact inverse. */
#include "objwalk/capscope/layout.h"

#include "abi/syscall.h"
#include "layout/derivation.h"

enum { RIGHTS_MASK_IPC = RIGHT_ALL, RIGHTS_MASK_SIGNAL = 3 };

/* Where this kernel's numbers are those of records they are passed on as they are. */
#define SAME(a, b)     _Static_assert((int)(a) == (int)(b), "passed on as it is")
#define X(value, NAME) SAME(EVENT_##NAME, RECORD_EVENT_##NAME);
EVENT_LIST(X)
#undef X
SAME(THREAD_INACTIVE, RECORD_THREAD_INACTIVE);
SAME(THREAD_RUNNING, RECORD_THREAD_RUNNING);
SAME(THREAD_RESTART, RECORD_THREAD_RESTART);
SAME(THREAD_BLOCKED_ON_RECEIVE, RECORD_THREAD_BLOCKED_ON_RECEIVE);
SAME(THREAD_BLOCKED_ON_SEND, RECORD_THREAD_BLOCKED_ON_SEND);
SAME(THREAD_BLOCKED_ON_REPLY, RECORD_THREAD_BLOCKED_ON_REPLY);
SAME(THREAD_BLOCKED_ON_NOTIFICATION, RECORD_THREAD_BLOCKED_ON_NOTIFICATION);
SAME(THREAD_IDLE, RECORD_THREAD_IDLE);
#define X(value, NAME, text) SAME(ENDPOINT_##NAME, RECORD_ENDPOINT_##NAME);
RECORD_ENDPOINT_STATE_LIST(X)
#undef X
#define X(value, NAME, text) SAME(NOTIFICATION_##NAME, RECORD_NOTIFICATION_##NAME);
RECORD_NOTIFICATION_STATE_LIST(X)
#undef X
SAME(IRQ_INACTIVE, RECORD_IRQ_INACTIVE);
SAME(IRQ_SIGNAL, RECORD_IRQ_SIGNAL);
SAME(IRQ_TIMER, RECORD_IRQ_TIMER);
#define X(value, NAME, text) SAME(FAULT_##NAME, RECORD_FAULT_##NAME);
FAULT_LIST(X)
#undef X
SAME(TCB_CSPACE, RECORD_TCB_CSPACE);
SAME(TCB_VSPACE, RECORD_TCB_VSPACE);
SAME(TCB_REPLY, RECORD_TCB_REPLY);
SAME(TCB_CALLER, RECORD_TCB_CALLER);
SAME(TCB_BUFFER, RECORD_TCB_BUFFER);
SAME(RIGHT_WRITE, RECORD_RIGHT_WRITE);
SAME(RIGHT_READ, RECORD_RIGHT_READ);
SAME(RIGHT_GRANT, RECORD_RIGHT_GRANT);
SAME(RIGHT_GRANT_REPLY, RECORD_RIGHT_GRANT_REPLY);
SAME(IPC_CAN_GRANT, RECORD_BLOCKED_GRANT);
SAME(IPC_CAN_GRANT_REPLY, RECORD_BLOCKED_GRANT_REPLY);
SAME(IPC_IS_CALL, RECORD_BLOCKED_CALL);
SAME(CDT_REVOCABLE, RECORD_SLOT_REVOCABLE);
SAME(CDT_FIRST_BADGED, RECORD_SLOT_FIRST_BADGED);

/* --- slots --- */

static kaddr_t link_next(const struct slot *s)
{
    return s->next & SLOT_LINK_MASK;
}

static kaddr_t link_prev(const struct slot *s)
{
    return s->prev & SLOT_LINK_MASK;
}

static uint32_t link_flags(const struct slot *s)
{
    return s->next & (CDT_REVOCABLE | CDT_FIRST_BADGED);
}

/* The kernel makes no object of 4 GiB; words from damaged memory may speak of one. */
static bool is_parent(const struct slot *a, const struct slot *b)
{
    return cap_object_bits(b->cap) < 32 && cdt_is_parent(a, b);
}

static void slot_digest(struct digest *d, kaddr_t addr, const struct slot *s)
{
    digest_add(d, addr, s->cap.w[0], s->cap.w[1], s->next);
}

/* --- capabilities --- */

/* Types whose record type is another number; the rest of decode_typed() is by type. */
static uint32_t control_type(struct cap c)
{
    static const uint8_t types[] = {
        [CONTROL_IRQ] = RECORD_CAP_IRQ_CONTROL,
        [CONTROL_IRQ_HANDLER] = RECORD_CAP_IRQ_HANDLER,
        [CONTROL_ASID] = RECORD_CAP_ASID_CONTROL,
        [CONTROL_DOMAIN] = RECORD_CAP_DOMAIN,
    };
    return types[control_which(c)];
}

static bool decode_untyped(struct cap c, struct objwalk_cap *out)
{
    out->type = RECORD_CAP_UNTYPED;
    out->flags = untyped_is_device(c) ? RECORD_SLOT_DEVICE : 0;
    out->data = untyped_watermark(c);
    return out->bits >= UNTYPED_MIN_BITS && out->bits <= UNTYPED_MAX_BITS &&
           out->data <= (uint32_t)1 << out->bits;
}

static bool decode_ipc(struct cap c, struct objwalk_cap *out)
{
    bool endpoint = cap_type(c) == CAP_ENDPOINT;
    out->type = endpoint ? RECORD_CAP_ENDPOINT : RECORD_CAP_NOTIFICATION;
    out->rights = cap_rights(c);
    out->data = cap_badge(c);
    return endpoint || out->rights <= RIGHTS_MASK_SIGNAL;
}

static bool decode_reply(struct cap c, struct objwalk_cap *out)
{
    out->type = RECORD_CAP_REPLY;
    out->bits = TCB_BITS;
    out->rights = reply_can_grant(c) ? (uint32_t)RIGHT_WRITE | RIGHT_GRANT : (uint32_t)RIGHT_WRITE;
    out->flags = reply_is_master(c) ? RECORD_SLOT_MASTER : 0;
    return (c.w[1] & ~3u) == 0;
}

static bool decode_cnode(struct cap c, struct objwalk_cap *out)
{
    out->type = RECORD_CAP_CNODE;
    out->data = cnode_guard(c);
    out->extra = cnode_guard_size(c);
    return (c.w[1] & 0x3c00) == 0 && out->bits < 32 && (out->data >> out->extra) == 0;
}

static bool decode_zombie(struct cap c, struct objwalk_cap *out)
{
    uint32_t slots = zombie_is_tcb(c) ? (uint32_t)TCB_SLOTS : (uint32_t)1 << zombie_radix(c);
    out->type = RECORD_CAP_ZOMBIE;
    out->flags = zombie_is_tcb(c) ? RECORD_SLOT_TCB_ZOMBIE : 0;
    out->data = zombie_left(c);
    return out->bits < 32 && out->data <= slots && !(zombie_is_tcb(c) && zombie_radix(c) != 0);
}

static bool decode_frame(struct cap c, struct objwalk_cap *out)
{
    static const uint8_t rights[] = {
        [VM_READ_ONLY] = RIGHT_READ, [VM_READ_WRITE] = RIGHT_READ | RIGHT_WRITE};
    out->type = RECORD_CAP_FRAME;
    out->rights = rights[frame_rights(c)];
    out->flags = frame_is_device(c) ? RECORD_SLOT_DEVICE : 0;
    out->data = frame_vaddr(c);
    out->extra = frame_asid(c);
    return frame_rights(c) != VM_NO_ACCESS;
}

static bool decode_paging(struct cap c, struct objwalk_cap *out)
{
    bool table = cap_type(c) == CAP_PAGE_TABLE;
    out->type = table ? RECORD_CAP_PAGE_TABLE : RECORD_CAP_PAGE_DIRECTORY;
    out->data = table ? page_table_vaddr(c) : 0;
    out->extra = paging_asid(c);
    return (out->data | out->extra) == c.w[1];
}

static bool decode_pool(struct cap c, struct objwalk_cap *out)
{
    out->type = RECORD_CAP_ASID_POOL;
    out->data = asid_pool_base(c);
    return out->data == c.w[1];
}

static bool decode_control(struct cap c, struct objwalk_cap *out)
{
    bool handler = control_which(c) == CONTROL_IRQ_HANDLER;
    out->type = control_type(c);
    out->data = handler ? c.w[1] : 0;
    return (c.w[0] & ~0x3fu) == 0 && (handler ? c.w[1] < IRQ_COUNT : c.w[1] == 0);
}

/* Fills what depends on the type; false if the kernel cannot have made such words. */
static bool decode_typed(struct cap c, struct objwalk_cap *out)
{
    switch (cap_type(c)) {
    case CAP_NULL:
        out->type = RECORD_CAP_NULL;
        return (c.w[0] | c.w[1]) == 0;
    case CAP_UNTYPED:
        return decode_untyped(c, out);
    case CAP_ENDPOINT:
    case CAP_NOTIFICATION:
        return decode_ipc(c, out);
    case CAP_REPLY:
        return decode_reply(c, out);
    case CAP_CNODE:
        return decode_cnode(c, out);
    case CAP_TCB:
        out->type = RECORD_CAP_TCB;
        return c.w[1] == 0;
    case CAP_ZOMBIE:
        return decode_zombie(c, out);
    case CAP_FRAME_4K:
    case CAP_FRAME_64K:
    case CAP_FRAME_1M:
    case CAP_FRAME_16M:
        return decode_frame(c, out);
    case CAP_PAGE_TABLE:
    case CAP_PAGE_DIRECTORY:
        return decode_paging(c, out);
    case CAP_ASID_POOL:
        return decode_pool(c, out);
    case CAP_CONTROL:
        return decode_control(c, out);
    }
    return false;
}

/* Has a capability of this type an object address? */
static bool has_object(enum cap_type type)
{
    return type != CAP_NULL && type != CAP_CONTROL;
}

static void decode(const struct objwalk *w, struct cap c, struct objwalk_cap *out)
{
    bool object = has_object(cap_type(c));
    *out = (struct objwalk_cap){
        .object = object ? objwalk_paddr(w, cap_object(c)) : 0,
        .bits = cap_object_bits(c),
    };
    bool valid = decode_typed(c, out);
    /* Objects are aligned by their kernel addresses: the largest device blocks are not by their
     * physical ones. */
    if (valid && (!object || (cap_object(c) & (((uint32_t)1 << out->bits) - 1)) == 0))
        return;
    *out = (struct objwalk_cap){
        .type = RECORD_CAP_INVALID,
        .data = c.w[0],
        .extra = c.w[1],
    };
}

static struct cap encode_frame(const struct objwalk_cap *cap, kaddr_t object)
{
    static const uint8_t rights[] = {VM_KERNEL_ONLY, VM_NO_ACCESS, VM_READ_ONLY, VM_READ_WRITE};
    enum cap_type type = cap->bits == 12   ? CAP_FRAME_4K
                         : cap->bits == 16 ? CAP_FRAME_64K
                         : cap->bits == 20 ? CAP_FRAME_1M
                                           : CAP_FRAME_16M;
    struct cap c = frame_make(type, object, (enum vm_rights)rights[cap->rights & 3],
                              (cap->flags & RECORD_SLOT_DEVICE) != 0);
    return frame_with_mapping(c, cap->extra, cap->data);
}

static struct cap encode_zombie(const struct objwalk_cap *cap, kaddr_t object)
{
    bool tcb = (cap->flags & RECORD_SLOT_TCB_ZOMBIE) != 0;
    return zombie_make(object, tcb, tcb ? 0 : cap->bits - SLOT_BITS, cap->data);
}

/* Words for a capability whose fields may be nonsense: encode() looks at what comes out. */
static struct cap encode_typed(const struct objwalk_cap *cap, kaddr_t object)
{
    switch (cap->type) {
    case RECORD_CAP_UNTYPED:
        return untyped_make(object, cap->bits, (cap->flags & RECORD_SLOT_DEVICE) != 0, cap->data);
    case RECORD_CAP_ENDPOINT:
        return ipc_cap_make(CAP_ENDPOINT, object, cap->data, cap->rights);
    case RECORD_CAP_NOTIFICATION:
        return ipc_cap_make(CAP_NOTIFICATION, object, cap->data, cap->rights);
    case RECORD_CAP_REPLY:
        return reply_make(object, (cap->flags & RECORD_SLOT_MASTER) != 0,
                          (cap->rights & RIGHT_GRANT) != 0);
    case RECORD_CAP_CNODE:
        return cnode_make(object, cap->bits - SLOT_BITS, cap->extra, cap->data);
    case RECORD_CAP_TCB:
        return cap_make(CAP_TCB, object, 0);
    case RECORD_CAP_ZOMBIE:
        return encode_zombie(cap, object);
    case RECORD_CAP_FRAME:
        return encode_frame(cap, object);
    case RECORD_CAP_PAGE_TABLE:
        return page_table_make(object, cap->extra, cap->data);
    case RECORD_CAP_PAGE_DIRECTORY:
        return page_directory_make(object, cap->extra);
    case RECORD_CAP_ASID_POOL:
        return cap_make(CAP_ASID_POOL, object, cap->data);
    case RECORD_CAP_IRQ_CONTROL:
        return control_make(CONTROL_IRQ, 0);
    case RECORD_CAP_IRQ_HANDLER:
        return control_make(CONTROL_IRQ_HANDLER, cap->data);
    case RECORD_CAP_ASID_CONTROL:
        return control_make(CONTROL_ASID, 0);
    case RECORD_CAP_DOMAIN:
        return control_make(CONTROL_DOMAIN, 0);
    case RECORD_CAP_INVALID:
        return (struct cap){{cap->data, cap->extra}};
    default:
        return cap_null();
    }
}

static bool same_cap(const struct objwalk_cap *a, const struct objwalk_cap *b)
{
    return a->type == b->type && a->object == b->object && a->bits == b->bits &&
           a->rights == b->rights && a->flags == b->flags && a->data == b->data &&
           a->extra == b->extra;
}

static enum error encode(const struct objwalk *w, const struct objwalk_cap *cap, struct cap *out)
{
    struct cap words = encode_typed(cap, objwalk_kaddr(w, cap->object));
    struct objwalk_cap back;
    decode(w, words, &back);
    if (!same_cap(cap, &back))
        return ERR_FORMAT;
    *out = words;
    return ERR_OK;
}

/* --- objects --- */

enum {
    TCB_PART = offsetof(struct tcb, state),
    TCB_PART_BYTES = offsetof(struct tcb, ipc_buffer) - TCB_PART,
};

static enum error read_tcb(struct objwalk *w, kaddr_t addr, struct objwalk_tcb *out)
{
    word_t part[TCB_PART_BYTES / sizeof(word_t)];
    enum error e = objwalk_read_object(w, addr, TCB_BITS, NULL, 1 << TCB_BITS);
    if (e == ERR_OK)
        e = objwalk_read(w, addr + TCB_PART, part, sizeof(part));
    if (e != ERR_OK)
        return e;
#define FIELD(name) part[(offsetof(struct tcb, name) - TCB_PART) / sizeof(word_t)]
    *out = (struct objwalk_tcb){
        .state = FIELD(state),
        .priority = FIELD(priority),
        .queued = FIELD(queued),
        .ready_next = FIELD(sched_next),
        .ready_prev = FIELD(sched_prev),
        .blocked_on = FIELD(blocked_on),
        .queue_next = FIELD(queue_next),
        .queue_prev = FIELD(queue_prev),
        .bound = FIELD(bound_notification),
    };
#undef FIELD
    return ERR_OK;
}

static void take_string(struct record_string *out, const char *text, uint32_t size)
{
    uint8_t n = 0;
    for (; n < size && n < RECORD_STRING_MAX && text[n] != '\0'; n++)
        out->bytes[n] = text[n];
    out->bytes[n] = '\0';
    out->length = n;
}

/* The fault that is being handled, or the one that stopped the thread because nobody handles it. */
static void fill_fault(const struct tcb *t, struct record_thread *out)
{
    bool unhandled = t->fault_type == FAULT_NONE && t->state == THREAD_INACTIVE;
    out->fault = unhandled ? t->unhandled_type : t->fault_type;
    out->fault_addr = unhandled ? t->unhandled_word0 : t->fault_word0;
    out->fault_detail = unhandled ? t->unhandled_word1 : t->fault_word1;
    if (out->fault == FAULT_NONE)
        out->fault_addr = out->fault_detail = 0;
}

/* Where the thread goes on: one that is stopped or blocked restarts its system call. */
static uint32_t thread_pc(const struct tcb *t)
{
    bool runs = t->state == THREAD_RUNNING || t->state == THREAD_IDLE;
    return t->regs[runs ? REG_PC : REG_FAULT_IP];
}

/* Fields of a past wait stay in the TCB; only those that count now are shown. */
static void fill_blocked(const struct objwalk *w, const struct tcb *t, struct record_thread *out)
{
    bool sends = t->state == THREAD_BLOCKED_ON_SEND;
    bool receives = t->state == THREAD_BLOCKED_ON_RECEIVE;
    bool queued = objwalk_state_is_queued(t->state);
    out->blocked_on = queued ? objwalk_reference(w, t->blocked_on) : 0;
    out->blocked_badge = sends ? t->blocked_badge : 0;
    out->blocked_flags = sends || receives ? t->blocked_flags : 0;
}

static enum error read_thread(struct objwalk *w, kaddr_t addr, struct record_thread *out)
{
    struct tcb t;
    kaddr_t current;
    enum error e = objwalk_read_object(w, addr, TCB_BITS, &t, sizeof(t));
    if (e == ERR_OK)
        e = w->ops->current(w, &current);
    if (e != ERR_OK)
        return e;
    out->addr = objwalk_paddr(w, addr);
    take_string(&out->name, t.name, sizeof(t.name));
    out->state = t.state;
    out->priority = t.priority;
    out->mcp = t.mcp;
    out->domain = t.domain;
    out->time_slice = t.time_slice;
    out->current = addr == current;
    out->idle = addr == w->roots.idle_thread;
    out->pc = thread_pc(&t);
    out->sp = t.regs[REG_SP];
    out->cpsr = t.regs[REG_CPSR];
    out->fault_handler = t.fault_handler;
    out->ipc_buffer = t.ipc_buffer;
    fill_blocked(w, &t, out);
    out->position = 0;
    out->bound = objwalk_reference(w, t.bound_notification);
    fill_fault(&t, out);
    out->node = 0;
    out->sched_context = out->reply = out->yield_to = 0; /* time is the thread's own */
    out->release = 0;
    return ERR_OK;
}

static enum error read_endpoint(struct objwalk *w, kaddr_t addr, struct objwalk_queue *out)
{
    struct endpoint ep;
    enum error e = objwalk_read_object(w, addr, ENDPOINT_BITS, &ep, sizeof(ep));
    if (e == ERR_OK)
        *out = (struct objwalk_queue){.state = ep.state, .head = ep.head, .tail = ep.tail};
    return e;
}

static enum error read_notification(struct objwalk *w, kaddr_t addr, struct objwalk_queue *out)
{
    struct notification n;
    enum error e = objwalk_read_object(w, addr, NOTIFICATION_BITS, &n, sizeof(n));
    if (e != ERR_OK)
        return e;
    *out = (struct objwalk_queue){
        .state = n.head_state & NOTIFICATION_STATE_MASK,
        .head = n.head_state & ~(word_t)NOTIFICATION_STATE_MASK,
        .tail = n.tail,
        .word = n.word,
        .bound = n.bound,
    };
    return ERR_OK;
}

/* --- the kernel's own data --- */

static enum error read_ready_queue(struct objwalk *w, uint32_t priority, kaddr_t *head,
                                   kaddr_t *tail)
{
    struct ready_queue q;
    enum error e =
        objwalk_read(w, w->roots.ready_queues + priority * (uint32_t)sizeof(q), &q, sizeof(q));
    if (e != ERR_OK)
        return e;
    *head = q.head;
    *tail = q.tail;
    return ERR_OK;
}

_Static_assert((int)READY_BIT_WORDS == 1 + (int)OBJWALK_READY_WORDS, "read_ready_bits()");

static enum error read_ready_bits(struct objwalk *w, word_t *words, bool *agree)
{
    word_t bits[READY_BIT_WORDS], top = 0;
    enum error e = objwalk_read(w, w->roots.ready_bits, bits, sizeof(bits));
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < OBJWALK_READY_WORDS; i++) {
        words[i] = bits[1 + i];
        top |= (word_t)(words[i] != 0) << i;
    }
    *agree = top == bits[0];
    return ERR_OK;
}

static enum error read_current(struct objwalk *w, kaddr_t *tcb)
{
    return objwalk_read(w, w->roots.current, tcb, sizeof(*tcb));
}

static enum error read_root_thread(struct objwalk *w, paddr_t *tcb)
{
    kaddr_t at = 0;
    enum error e = objwalk_read(w, w->roots.root_thread, &at, sizeof(at));
    *tcb = objwalk_reference(w, at);
    return e;
}

static enum error read_progress(struct objwalk *w, uint32_t *seq, uint32_t *ticks)
{
    struct event_ring ring = {.head = 0};
    enum error e = objwalk_read(w, w->roots.ticks, ticks, sizeof(*ticks));
    if (e == ERR_OK && w->roots.event_ring != 0)
        e = objwalk_read(w, w->roots.event_ring, &ring, sizeof(ring));
    if (e == ERR_OK)
        *seq = ring.head;
    return e;
}

static enum error read_irq(struct objwalk *w, uint32_t irq, uint32_t *state, kaddr_t *slot)
{
    uint8_t byte;
    enum error e = objwalk_read(w, w->roots.irq_state + irq, &byte, 1);
    if (e != ERR_OK)
        return e;
    *state = byte;
    *slot = w->roots.irq_slots + irq * (uint32_t)sizeof(struct slot);
    return ERR_OK;
}

enum { CONTROL_REVOKE = offsetof(struct debug_control, revoke) };

/* The revoke that the debugger keeps account of; a release kernel has none. */
static enum error read_revoke(struct objwalk *w, struct record_revoke *out, kaddr_t *root)
{
    word_t revoke[3] = {0, 0, 0};
    enum error e = ERR_OK;
    if (w->roots.debug_control != 0)
        e = objwalk_read(w, w->roots.debug_control + CONTROL_REVOKE, revoke, sizeof(revoke));
    if (e != ERR_OK)
        return e;
    *root = revoke[0];
    *out = (struct record_revoke){
        .root = objwalk_reference(w, revoke[0]),
        .done = revoke[1],
        .preempted = revoke[2],
    };
    return ERR_OK;
}

static enum error read_mid_operation(struct objwalk *w, bool *mid)
{
    word_t seq = 0;
    enum error e = ERR_OK;
    kaddr_t at = w->roots.debug_control + (kaddr_t)offsetof(struct debug_control, current.seq);
    if (w->roots.debug_control != 0)
        e = objwalk_read(w, at, &seq, sizeof(seq));
    if (e == ERR_OK)
        *mid = seq != 0;
    return e;
}

static enum error read_running_digest(struct objwalk *w, struct digest *out)
{
    struct running_digest running;
    if (w->roots.digest == 0)
        return ERR_NOT_FOUND;
    enum error e = objwalk_read(w, w->roots.digest, &running, sizeof(running));
    if (e != ERR_OK)
        return e;
    *out = running.sum;
    return running.kept ? ERR_OK : ERR_NOT_FOUND;
}

static enum error read_asid_pool(struct objwalk *w, uint32_t index, kaddr_t *pool)
{
    return objwalk_read(w, w->roots.asid_table + index * (uint32_t)sizeof(word_t), pool,
                        sizeof(*pool));
}

static enum error read_asid_entry(struct objwalk *w, kaddr_t pool, uint32_t i, kaddr_t *pd)
{
    word_t entry;
    enum error e = objwalk_read_object(w, pool, ASID_POOL_BITS, NULL, 1 << ASID_POOL_BITS);
    if (e == ERR_OK)
        e = objwalk_read(w, pool + i * (uint32_t)sizeof(entry), &entry, sizeof(entry));
    if (e == ERR_OK)
        *pd = entry & ASID_ENTRY_PD_MASK;
    return e;
}

const struct objwalk_ops objwalk_capscope = {
    .kernel = RECORD_KERNEL_CAPSCOPE,
    .tcb_bits = TCB_BITS,
    .tcb_slots = TCB_SLOTS,
    .irqs = IRQ_COUNT,
    .priorities = CONFIG_PRIORITIES,
    .link_next = link_next,
    .link_prev = link_prev,
    .link_flags = link_flags,
    .is_parent = is_parent,
    .digest = slot_digest,
    .decode = decode,
    .encode = encode,
    .tcb = read_tcb,
    .thread = read_thread,
    .endpoint = read_endpoint,
    .notification = read_notification,
    .ready_queue = read_ready_queue,
    .ready_bits = read_ready_bits,
    .current = read_current,
    .progress = read_progress,
    .root_thread = read_root_thread,
    .irq = read_irq,
    .revoke = read_revoke,
    .is_mid_operation = read_mid_operation,
    .running_digest = read_running_digest,
    .asid_pool = read_asid_pool,
    .asid_entry = read_asid_entry,
};
