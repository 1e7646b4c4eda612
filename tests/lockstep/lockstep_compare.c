/* The kernel's state against the model's: each slot, each parent, each thread, each queue.
 *
 * Reads the kernel's memory by the layouts of abi/; the tree is what the list means by the rule of
 * layout/derivation.h, kept on a stack of ancestors. */
#include "tests/lockstep/lockstep.h"

#include "objwalk/capscope/audit.h"
#include "objwalk/capscope/walk.h"
#include "tests/sim/sim.h"

#include <string.h>

enum { ANCESTORS = 4096 };

static char sentence[400];
static uint32_t deepest;
static uint32_t slots;

#define DIFFER(...) (snprintf(sentence, sizeof(sentence), __VA_ARGS__), sentence)

/* --- boot --- */

static paddr_t object_in(cptr_t slot)
{
    return paddr_from_kaddr(cap_object(sim_cap(slot)));
}

struct model *lockstep_model_of_boot(void)
{
    static struct model_boot_untyped untyped[BOOTINFO_MAX_UNTYPED];
    const struct bootinfo *bi = sim_bootinfo();
    word_t n = bi->untyped.end - bi->untyped.start;
    for (word_t i = 0; i < n; i++)
        untyped[i] = (struct model_boot_untyped){.paddr = bi->untyped_list[i].paddr,
                                                 .bits = bi->untyped_list[i].size_bits,
                                                 .device = bi->untyped_list[i].is_device};
    vaddr_t end = HOSTSIM_IMAGE_VADDR + HOSTSIM_DEFAULT_IMAGE_PAGES * 0x1000u;
    struct model_boot b = {
        .ram_base = KERNEL_PHYS_BASE,
        .ram_bytes = hostsim_ram_size,
        .tcb = object_in(INIT_TCB),
        .cnode = object_in(INIT_CNODE),
        .directory = object_in(INIT_VSPACE),
        .pool = object_in(INIT_ASID_POOL),
        .ipc_buffer = {object_in(INIT_IPC_BUFFER), end, VM_CACHEABLE | VM_EXECUTE_NEVER},
        .bootinfo = {object_in(INIT_BOOTINFO), end + 0x1000, VM_CACHEABLE | VM_EXECUTE_NEVER},
        .tables = object_in(bi->user_image_paging.start),
        .table_count = bi->user_image_paging.end - bi->user_image_paging.start,
        .first_table = 0,
        .image = object_in(bi->user_image_frames.start),
        .image_pages = HOSTSIM_DEFAULT_IMAGE_PAGES,
        .image_vaddr = HOSTSIM_IMAGE_VADDR,
        .entry = HOSTSIM_IMAGE_VADDR,
        .user_cpsr = arch_user_cpsr,
        .untyped = untyped,
        .untyped_count = n,
    };
    struct model *m = model_create(&b);
    /* what users find in memory at first is the loader's affair and BootInfo's */
    memcpy(m->ram, hostsim_ram, hostsim_ram_size);
    return m;
}

/* --- slots --- */

static kaddr_t address_of(const struct model_slot *s)
{
    if (s->home->kind == MODEL_IRQ_TABLE)
        return kaddr_of(&ks.irq_slots[s->index]);
    return kaddr_from_paddr(s->home->paddr) + s->index * (kaddr_t)sizeof(struct slot);
}

static enum model_kind kind_of(struct cap c)
{
    static const enum model_kind kinds[16] = {
        [CAP_NULL] = MODEL_NULL,
        [CAP_UNTYPED] = MODEL_UNTYPED,
        [CAP_ENDPOINT] = MODEL_ENDPOINT,
        [CAP_NOTIFICATION] = MODEL_NOTIFICATION,
        [CAP_REPLY] = MODEL_REPLY,
        [CAP_CNODE] = MODEL_CNODE,
        [CAP_TCB] = MODEL_TCB,
        [CAP_ZOMBIE] = MODEL_DOOMED,
        [CAP_FRAME_4K] = MODEL_FRAME,
        [CAP_FRAME_64K] = MODEL_FRAME,
        [CAP_FRAME_1M] = MODEL_FRAME,
        [CAP_FRAME_16M] = MODEL_FRAME,
        [CAP_PAGE_TABLE] = MODEL_PAGE_TABLE,
        [CAP_PAGE_DIRECTORY] = MODEL_PAGE_DIRECTORY,
        [CAP_ASID_POOL] = MODEL_ASID_POOL,
    };
    static const enum model_kind controls[4] = {
        [CONTROL_IRQ] = MODEL_IRQ_CONTROL,
        [CONTROL_IRQ_HANDLER] = MODEL_IRQ_HANDLER,
        [CONTROL_ASID] = MODEL_ASID_CONTROL,
        [CONTROL_DOMAIN] = MODEL_DOMAIN,
    };
    return cap_type(c) == CAP_CONTROL ? controls[control_which(c)] : kinds[cap_type(c)];
}

static bool same_fields(struct cap k, const struct model_cap *c)
{
    switch (c->kind) {
    case MODEL_ENDPOINT:
    case MODEL_NOTIFICATION:
        return cap_badge(k) == c->badge && cap_rights(k) == c->rights;
    case MODEL_REPLY:
        return reply_is_master(k) == c->master &&
               reply_can_grant(k) == ((c->rights & RIGHT_GRANT) != 0);
    case MODEL_CNODE:
        return cnode_guard(k) == c->guard && cnode_guard_size(k) == c->guard_size;
    case MODEL_FRAME:
        return (word_t)frame_rights(k) == c->rights && frame_asid(k) == c->asid &&
               frame_vaddr(k) == c->vaddr && frame_is_device(k) == c->object->device;
    case MODEL_PAGE_TABLE:
        return paging_asid(k) == c->asid && page_table_vaddr(k) == c->vaddr;
    case MODEL_PAGE_DIRECTORY:
        return paging_asid(k) == c->asid;
    case MODEL_ASID_POOL:
        return asid_pool_base(k) == c->asid;
    case MODEL_IRQ_HANDLER:
        return control_irq(k) == c->irq;
    case MODEL_UNTYPED:
        return untyped_is_device(k) == c->object->device;
    default:
        return true;
    }
}

/* The model's objects are such as Retype makes; so the kernel's, which are compared with them, are
 * sane, as the contracts in model/code/ demand. */
static bool is_possible(const struct model_object *o)
{
    return o->bits <= UNTYPED_MAX_BITS && o->paddr + ((uint64_t)1 << o->bits) <= (uint64_t)1 << 32;
}

static bool same_object(struct cap k, const struct model_cap *c)
{
    if (!c->object)
        return cap_object(k) == 0;
    if (!is_possible(c->object))
        return false;
    if (paddr_from_kaddr(cap_object(k)) != c->object->paddr)
        return false;
    return c->kind == MODEL_REPLY || cap_object_bits(k) == c->object->bits;
}

static word_t kernel_free_bytes(const struct slot *s)
{
    const struct slot *next = kptr(s->next & SLOT_LINK_MASK);
    word_t size = (word_t)1 << untyped_bits(s->cap);
    return cdt_is_parent(s, next) ? size - untyped_watermark(s->cap) : size;
}

static const char *compare_slot(const struct slot *k, const struct model_slot *s)
{
    if (kaddr_of(k) != address_of(s))
        return DIFFER("the kernel's list goes on at slot %08x (%08x %08x), the model's tree at "
                      "%08x (kind %d)",
                      kaddr_of(k), k->cap.w[0], k->cap.w[1], address_of(s), s->cap.kind);
    if (kind_of(k->cap) != s->cap.kind || !same_object(k->cap, &s->cap) ||
        !same_fields(k->cap, &s->cap))
        return DIFFER("slot %08x: the kernel has %08x %08x, the model kind %d object %08x badge "
                      "%x rights %x guard %x/%u asid %x vaddr %08x",
                      kaddr_of(k), k->cap.w[0], k->cap.w[1], s->cap.kind,
                      s->cap.object ? s->cap.object->paddr : 0, s->cap.badge, s->cap.rights,
                      s->cap.guard, s->cap.guard_size, s->cap.asid, s->cap.vaddr);
    if (s->cap.kind == MODEL_UNTYPED && kernel_free_bytes(k) != model_untyped_free(s))
        return DIFFER("slot %08x: untyped of %08x has %x bytes free in the kernel, %x in the model",
                      kaddr_of(k), s->cap.object->paddr, kernel_free_bytes(k),
                      model_untyped_free(s));
    return NULL;
}

/* The model's parent is the nearest slot on the stack that the kernel's rule makes a parent. */
static const char *compare_tree(const struct model *m)
{
    static const struct slot *ancestor[ANCESTORS];
    static const struct model_slot *ancestor_model[ANCESTORS];
    unsigned depth = 0;
    const struct model_slot *s = &m->forest;
    kaddr_t head = kaddr_of(&ks.cdt_head);
    slots = 0;
    deepest = 0;
    for (kaddr_t a = ks.cdt_head.next & SLOT_LINK_MASK; a != head; slots++) {
        const struct slot *k = kptr(a);
        s = model_cdt_next(m, s);
        if (!s)
            return DIFFER("the kernel's list has slot %08x (%08x %08x) more than the model", a,
                          k->cap.w[0], k->cap.w[1]);
        if (compare_slot(k, s))
            return sentence;
        while (depth != 0 && !cdt_is_parent(ancestor[depth - 1], k))
            depth--;
        if (s->parent != (depth ? ancestor_model[depth - 1] : &m->forest))
            return DIFFER("slot %08x (%08x %08x): the kernel's parent is %08x, the model's %08x", a,
                          k->cap.w[0], k->cap.w[1], depth ? kaddr_of(ancestor[depth - 1]) : 0,
                          s->parent == &m->forest ? 0 : address_of(s->parent));
        if (depth == ANCESTORS)
            return DIFFER("the tree is deeper than %u", depth);
        ancestor[depth] = k;
        ancestor_model[depth++] = s;
        if (depth > deepest)
            deepest = depth;
        a = k->next & SLOT_LINK_MASK;
    }
    s = model_cdt_next(m, s);
    return s ? DIFFER("the model has slot %08x (kind %d), the kernel does not", address_of(s),
                      s->cap.kind)
             : NULL;
}

/* --- threads --- */

static kaddr_t thread_address(const struct model_thread *t)
{
    return t ? kaddr_from_paddr(t->object->paddr) : 0;
}

static const char *compare_registers(const struct tcb *k, const struct model_thread *t)
{
    const struct {
        unsigned reg;
        word_t value;
    } others[] = {{REG_PC, t->pc},
                  {REG_FAULT_IP, t->restart},
                  {REG_CPSR, t->cpsr},
                  {REG_TPIDRURW, t->tls},
                  {REG_TPIDRURO, t->tls_read_only}};
    for (unsigned i = 0; i < 15; i++)
        if (k->regs[i] != t->r[i])
            return DIFFER("thread %08x: r%u is %08x in the kernel, %08x in the model", kaddr_of(k),
                          i, k->regs[i], t->r[i]);
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (k->regs[others[i].reg] != others[i].value)
            return DIFFER("thread %08x: register %u is %08x in the kernel, %08x in the model",
                          kaddr_of(k), others[i].reg, k->regs[others[i].reg], others[i].value);
    return NULL;
}

static const char *compare_fault(const struct tcb *k, const struct model_thread *t)
{
    const struct model_fault *f = &t->fault;
    if (k->fault_type != (word_t)f->type)
        return DIFFER("thread %08x: fault %u in the kernel, %d in the model", kaddr_of(k),
                      k->fault_type, f->type);
    if (f->type != FAULT_NONE && k->fault_word0 != f->word[0])
        return DIFFER("thread %08x: fault word %08x in the kernel, %08x in the model", kaddr_of(k),
                      k->fault_word0, f->word[0]);
    if (f->type == FAULT_CAP && k->lookup_type != f->lookup_type)
        return DIFFER("thread %08x: lookup failure %u in the kernel, %u in the model", kaddr_of(k),
                      k->lookup_type, f->lookup_type);
    return NULL;
}

static word_t send_flags(const struct model_thread *t)
{
    return (t->send_grant ? (word_t)IPC_CAN_GRANT : 0) |
           (t->send_grant_reply ? (word_t)IPC_CAN_GRANT_REPLY : 0) |
           (t->send_call ? (word_t)IPC_IS_CALL : 0);
}

static const char *compare_blocked(const struct tcb *k, const struct model_thread *t)
{
    kaddr_t waits = t->waits ? kaddr_from_paddr(t->waits->paddr) : 0;
    kaddr_t bound = t->bound ? kaddr_from_paddr(t->bound->paddr) : 0;
    if (k->blocked_on != waits || k->bound_notification != bound)
        return DIFFER("thread %08x waits for %08x, bound to %08x; in the model %08x, %08x",
                      kaddr_of(k), k->blocked_on, k->bound_notification, waits, bound);
    if (t->state == MODEL_SENDING &&
        (k->blocked_badge != t->send_badge || k->blocked_flags != send_flags(t)))
        return DIFFER("sender %08x: badge %x flags %x in the kernel, %x %x in the model",
                      kaddr_of(k), k->blocked_badge, k->blocked_flags, t->send_badge,
                      send_flags(t));
    if (t->state == MODEL_RECEIVING &&
        ((k->blocked_flags & IPC_CAN_GRANT) != 0) != t->receive_grant)
        return DIFFER("receiver %08x: the right to grant differs", kaddr_of(k));
    return NULL;
}

static bool can_run(word_t state)
{
    return state == THREAD_RUNNING || state == THREAD_RESTART;
}

static const char *compare_thread(const struct model_thread *t, bool loose)
{
    const struct tcb *k = kptr(thread_address(t));
    bool same_state =
        k->state == (word_t)t->state || (loose && can_run(k->state) && can_run((word_t)t->state));
    if (!same_state || k->priority != t->priority || k->mcp != t->mcp || k->domain != t->domain ||
        k->time_slice != t->slice)
        return DIFFER("thread %08x: state %u priority %u mcp %u domain %u slice %u in the kernel, "
                      "%d %u %u %u %u in the model",
                      kaddr_of(k), k->state, k->priority, k->mcp, k->domain, k->time_slice,
                      t->state, t->priority, t->mcp, t->domain, t->slice);
    if (k->ipc_buffer != t->buffer || k->fault_handler != t->handler)
        return DIFFER("thread %08x: buffer %08x handler %08x in the kernel, %08x %08x in the model",
                      kaddr_of(k), k->ipc_buffer, k->fault_handler, t->buffer, t->handler);
    if (compare_blocked(k, t) || compare_fault(k, t))
        return sentence;
    return loose && can_run(k->state) ? NULL : compare_registers(k, t);
}

static const char *compare_queue(kaddr_t head, const struct model_queue *q, bool scheduling,
                                 const char *what, word_t which)
{
    kaddr_t at = head;
    for (unsigned i = 0; i < q->count; i++) {
        const struct tcb *k = kptr(at);
        if (at != thread_address(q->thread[i]))
            return DIFFER("%s %x: place %u is thread %08x in the kernel, %08x in the model", what,
                          which, i, at, thread_address(q->thread[i]));
        at = scheduling ? k->sched_next : k->queue_next;
    }
    return at == 0 ? NULL
                   : DIFFER("%s %x: thread %08x stands in it in the kernel alone", what, which, at);
}

static const char *compare_ready(const struct model *m)
{
    for (word_t p = 0; p < CONFIG_PRIORITIES; p++) {
        if (ks.ready[p].head == 0 && m->ready[p].count == 0)
            continue;
        if (compare_queue(ks.ready[p].head, &m->ready[p], true, "ready queue", p))
            return sentence;
    }
    kaddr_t current = m->current ? thread_address(m->current) : kaddr_of(&ks.idle);
    if (ks.current != current)
        return DIFFER("thread %08x runs in the kernel, %08x in the model", ks.current, current);
    return NULL;
}

/* --- objects --- */

static const char *compare_endpoint(const struct model_object *o)
{
    const struct endpoint *k = kptr(kaddr_from_paddr(o->paddr));
    word_t state = o->queue.count == 0 ? (word_t)ENDPOINT_IDLE
                   : o->receivers      ? (word_t)ENDPOINT_RECEIVING
                                       : (word_t)ENDPOINT_SENDING;
    if (k->state != state)
        return DIFFER("endpoint %08x: state %u in the kernel, %u in the model", o->paddr, k->state,
                      state);
    return compare_queue(k->head, &o->queue, false, "endpoint", o->paddr);
}

static const char *compare_notification(const struct model_object *o)
{
    const struct notification *k = kptr(kaddr_from_paddr(o->paddr));
    word_t state = o->active        ? (word_t)NOTIFICATION_ACTIVE
                   : o->queue.count ? (word_t)NOTIFICATION_WAITING
                                    : (word_t)NOTIFICATION_IDLE;
    if ((k->head_state & NOTIFICATION_STATE_MASK) != state || (o->active && k->word != o->word) ||
        k->bound != thread_address(o->bound))
        return DIFFER("notification %08x: state %u word %x bound %08x in the kernel, %u %x %08x "
                      "in the model",
                      o->paddr, k->head_state & NOTIFICATION_STATE_MASK, k->word, k->bound, state,
                      o->word, thread_address(o->bound));
    return compare_queue(k->head_state & ~(word_t)NOTIFICATION_STATE_MASK, &o->queue, false,
                         "notification", o->paddr);
}

static const char *compare_objects(const struct model *m, bool loose)
{
    for (const struct model_object *o = m->objects; o; o = o->next) {
        const char *difference = NULL;
        if (o->kind == MODEL_TCB)
            difference = compare_thread(o->thread, loose);
        else if (o->kind == MODEL_ENDPOINT)
            difference = compare_endpoint(o);
        else if (o->kind == MODEL_NOTIFICATION)
            difference = compare_notification(o);
        if (difference)
            return difference;
    }
    return NULL;
}

/* --- interrupts, ASIDs, the machine --- */

static const char *compare_irqs(const struct model *m)
{
    for (word_t i = 0; i < IRQ_COUNT; i++) {
        bool open = (hostsim.irq_enabled >> i) & 1;
        if ((ks.irq_state[i] != IRQ_INACTIVE) != m->irq_active[i] || open != m->irq_open[i])
            return DIFFER("interrupt %u: in use %u, unmasked %d in the kernel; %d, %d in the model",
                          i, ks.irq_state[i], open, m->irq_active[i], m->irq_open[i]);
    }
    return NULL;
}

static const char *compare_vspace(const struct model *m)
{
    paddr_t expected = m->space ? m->space->paddr : paddr_from_kaddr(arch_kernel_pd());
    hostsim_see_processor();
    if (hostsim.vspace_pd != expected)
        return DIFFER("the processor uses page directory %08x, the model %08x", hostsim.vspace_pd,
                      expected);
    return NULL;
}

const char *lockstep_compare(struct model *m, bool loose)
{
    if (compare_tree(m) || compare_objects(m, loose) || compare_irqs(m))
        return sentence;
    if (loose)
        return NULL;
    return compare_ready(m) || compare_vspace(m) ? sentence : NULL;
}

/* --- memory --- */

struct seen {
    enum model_entry_kind kind;
    paddr_t paddr;
    word_t rights;
    word_t attributes;
};

static word_t rights_of_ap(word_t ap)
{
    return ap == 3   ? (word_t)MODEL_VM_READ_WRITE
           : ap == 2 ? (word_t)MODEL_VM_READ_ONLY
                     : (word_t)MODEL_VM_KERNEL_ONLY;
}

static struct seen directory_word(word_t e)
{
    struct seen s = {.kind = ENTRY_FREE};
    if ((e & PDE_TYPE_MASK) == PDE_PAGE_TABLE) {
        s = (struct seen){.kind = ENTRY_TABLE, .paddr = e & 0xfffffc00u};
        s.attributes = e & (1u << 9) ? (word_t)VM_PARITY : 0;
    } else if ((e & PDE_TYPE_MASK) == PDE_SECTION) {
        bool super = (e & PDE_SUPERSECTION_BIT) != 0;
        s = (struct seen){.kind = super ? ENTRY_SUPER : ENTRY_SECTION,
                          .paddr = e & (super ? 0xff000000u : 0xfff00000u),
                          .rights = rights_of_ap((e >> PDE_AP_SHIFT) & 3)};
        s.attributes = (e & PTE_C ? (word_t)VM_CACHEABLE : 0) |
                       (e & (1u << 9) ? (word_t)VM_PARITY : 0) |
                       (e & PDE_SECTION_XN ? (word_t)VM_EXECUTE_NEVER : 0);
    }
    return s;
}

static struct seen table_word(word_t e)
{
    struct seen s = {.kind = ENTRY_FREE};
    if (e & PTE_SMALL) {
        s = (struct seen){.kind = ENTRY_SMALL,
                          .paddr = e & 0xfffff000u,
                          .rights = rights_of_ap((e >> PTE_AP_SHIFT) & 3)};
        s.attributes = e & PTE_SMALL_XN ? (word_t)VM_EXECUTE_NEVER : 0;
    } else if (e & PTE_LARGE) {
        s = (struct seen){.kind = ENTRY_LARGE,
                          .paddr = e & 0xffff0000u,
                          .rights = rights_of_ap((e >> PTE_AP_SHIFT) & 3)};
        s.attributes = e & PTE_LARGE_XN ? (word_t)VM_EXECUTE_NEVER : 0;
    }
    if (s.kind != ENTRY_FREE)
        s.attributes |= e & PTE_C ? (word_t)VM_CACHEABLE : 0;
    return s;
}

/* Parity matters for page tables and what directories map; other bits never do. */
static struct seen model_entry_seen(const struct model_entry *e)
{
    struct seen s = {e->kind, e->paddr, e->rights, e->attributes & 7};
    if (e->kind == ENTRY_SMALL || e->kind == ENTRY_LARGE)
        s.attributes &= ~(word_t)VM_PARITY;
    if (e->kind == ENTRY_TABLE)
        s.attributes &= (word_t)VM_PARITY;
    return s;
}

static const char *compare_entry(struct seen k, const struct model_entry *e, paddr_t table,
                                 unsigned i)
{
    struct seen s = e ? model_entry_seen(e) : (struct seen){.kind = ENTRY_FREE};
    if (k.kind == s.kind && k.paddr == s.paddr && k.rights == s.rights &&
        k.attributes == s.attributes)
        return NULL;
    return DIFFER("table %08x entry %u: kind %d %08x rights %u attributes %u in the kernel, %d "
                  "%08x %u %u in the model",
                  table, i, k.kind, k.paddr, k.rights, k.attributes, s.kind, s.paddr, s.rights,
                  s.attributes);
}

static const char *compare_table(const struct model_object *o)
{
    const word_t *k = kptr(kaddr_from_paddr(o->paddr));
    for (unsigned i = 0; i < PTE_COUNT; i++)
        if (compare_entry(table_word(k[i]), o->entries ? &o->entries[i] : NULL, o->paddr, i))
            return sentence;
    return NULL;
}

/* A directory whose ASID is gone can never be used again; what it says is nobody's business. */
static bool directory_is_live(const struct model *m, const struct model_object *o)
{
    for (unsigned p = 0; p < MODEL_POOLS; p++) {
        const struct model_object *pool = m->asid_table[p];
        for (unsigned i = 0; pool && pool->directories && i < MODEL_POOL_ENTRIES; i++)
            if (pool->directories[i] == o)
                return true;
    }
    return false;
}

static const char *compare_directory(const struct model_object *o)
{
    const word_t *k = kptr(kaddr_from_paddr(o->paddr));
    const word_t *kernel = kptr(arch_kernel_pd());
    for (unsigned i = 0; i < 0xf00; i++) {
        const struct model_entry *e = o->entries ? &o->entries[i] : NULL;
        if (compare_entry(directory_word(k[i]), e, o->paddr, i))
            return sentence;
        if (e && e->kind == ENTRY_TABLE && compare_table(e->table))
            return sentence;
    }
    for (unsigned i = 0xf00; i < PDE_COUNT; i++)
        if (k[i] != kernel[i])
            return DIFFER("directory %08x: kernel entry %u is %08x", o->paddr, i, k[i]);
    return NULL;
}

static const char *compare_asids(const struct model *m)
{
    for (unsigned p = 0; p < ASID_POOLS; p++) {
        const struct model_object *pool = m->asid_table[p];
        kaddr_t expected = pool ? kaddr_from_paddr(pool->paddr) : 0;
        if (ks.asid_table[p] != expected)
            return DIFFER("ASID pool %u is %08x in the kernel, %08x in the model", p,
                          ks.asid_table[p], expected);
        for (unsigned i = 0; pool && i < ASIDS_PER_POOL; i++) {
            const struct model_object *d = pool->directories ? pool->directories[i] : NULL;
            kaddr_t at = ((const word_t *)kptr(expected))[i] & ASID_ENTRY_PD_MASK;
            if (at != (d ? kaddr_from_paddr(d->paddr) : 0))
                return DIFFER("ASID %x is directory %08x in the kernel, %08x in the model",
                              p * ASIDS_PER_POOL + i, at, d ? kaddr_from_paddr(d->paddr) : 0);
        }
    }
    return NULL;
}

static const char *compare_frame(struct model *m, const struct model_object *o)
{
    word_t bytes = (word_t)1 << o->bits;
    const word_t *mine = model_memory(m, o->paddr);
    if (o->device || !mine)
        return NULL;
    const word_t *k = kptr(kaddr_from_paddr(o->paddr));
    if (memcmp(k, mine, bytes) == 0)
        return NULL;
    word_t i = 0;
    while (k[i] == mine[i])
        i++;
    return DIFFER("frame %08x: word %x is %08x in the kernel, %08x in the model", o->paddr, i, k[i],
                  mine[i]);
}

/* Slots that the tree does not name are empty and unlinked. */
static const char *compare_empty(const struct model_object *o)
{
    const struct slot *k =
        o->kind == MODEL_IRQ_TABLE ? ks.irq_slots : kptr(kaddr_from_paddr(o->paddr));
    for (unsigned i = 0; i < o->slot_count; i++) {
        if (o->slots[i].cap.kind != MODEL_NULL)
            continue;
        if (k[i].cap.w[0] || k[i].cap.w[1] || k[i].prev || k[i].next)
            return DIFFER("slot %08x holds %08x %08x %08x %08x in the kernel, nothing in the model",
                          kaddr_of(&k[i]), k[i].cap.w[0], k[i].cap.w[1], k[i].prev, k[i].next);
    }
    return NULL;
}

static const char *compare_one_memory(struct model *m, const struct model_object *o)
{
    if (o->slot_count && compare_empty(o))
        return sentence;
    if (o->kind == MODEL_FRAME)
        return compare_frame(m, o);
    if (o->kind == MODEL_PAGE_DIRECTORY && directory_is_live(m, o))
        return compare_directory(o);
    return NULL;
}

const char *lockstep_compare_memory(struct model *m)
{
    for (const struct model_object *o = m->objects; o; o = o->next)
        if (compare_one_memory(m, o))
            return sentence;
    return compare_asids(m);
}

uint32_t lockstep_deepest(void)
{
    return deepest;
}

uint32_t lockstep_slots(void)
{
    return slots;
}

/* --- audit --- */

/* On ARM the kernel's objects are part of this program, and so is the page table behind the last
 * entry of its directory: it lies outside the simulated RAM, where the audit does not expect it. */
static bool is_of_this_program(const struct objwalk *w, const struct record_finding *f)
{
    return f->rule == AUDIT_KERNEL_PART && (f->other >> 20) == 0xfff &&
           f->value - w->roots.ram_base >= w->roots.ram_size;
}

struct noting {
    struct objwalk w;
    bool found;
};

static enum error note_finding(void *ctx, const struct record *r)
{
    struct noting *n = ctx;
    if (r->kind != RECORD_FINDING || n->found || is_of_this_program(&n->w, &r->finding))
        return ERR_OK;
    n->found = true;
    snprintf(sentence, sizeof(sentence), "audit: rule %u at %08lx, other %08lx, value %08lx",
             (unsigned)r->finding.rule, (unsigned long)r->finding.addr,
             (unsigned long)r->finding.other, (unsigned long)r->finding.value);
    return ERR_OK;
}

const char *lockstep_audit(void)
{
    static struct noting n;
    struct memview view = sim_memview();
    uint32_t findings = 0;
    n.found = false;
    enum error e = objwalk_open(&n.w, &view, hostsim_roots());
    if (e == ERR_OK)
        e = objwalk_audit(&n.w, note_finding, &n, &findings);
    if (e != ERR_OK)
        return DIFFER("audit: error %d", e);
    return n.found ? sentence : NULL;
}
