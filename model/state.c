/* The model's state: made as section 5 says the first state is, objects, queues, memory. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, SECTION = 1 << 20, ROOT_ASID = 1, ROOT_PRIORITY = 255, SLOT_BYTES_BITS = 4 };

static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

/* --- queues --- */

static void queue_grow(struct model_queue *q)
{
    if (q->count < q->room)
        return;
    q->room = q->room ? q->room * 2 : 8;
    q->thread = need(realloc(q->thread, q->room * sizeof(*q->thread)));
}

void model_queue_front(struct model_queue *q, struct model_thread *t)
{
    queue_grow(q);
    memmove(q->thread + 1, q->thread, q->count * sizeof(*q->thread));
    q->thread[0] = t;
    q->count++;
}

void model_queue_back(struct model_queue *q, struct model_thread *t)
{
    queue_grow(q);
    q->thread[q->count++] = t;
}

void model_queue_remove(struct model_queue *q, const struct model_thread *t)
{
    unsigned i = 0;
    while (i < q->count && q->thread[i] != t)
        i++;
    if (i == q->count)
        return;
    q->count--;
    memmove(q->thread + i, q->thread + i + 1, (q->count - i) * sizeof(*q->thread));
}

/* --- objects --- */

static void container_new(struct model_object *o, unsigned slots)
{
    o->slots = need(calloc(slots, sizeof(*o->slots)));
    o->slot_count = slots;
    for (unsigned i = 0; i < slots; i++) {
        o->slots[i].home = o;
        o->slots[i].index = i;
    }
}

struct model_object *model_object_new(struct model *m, enum model_kind kind, paddr_t paddr,
                                      unsigned bits, bool device)
{
    struct model_object *o = need(calloc(1, sizeof(*o)));
    o->kind = kind;
    o->paddr = paddr;
    o->bits = bits;
    o->device = device;
    if (kind == MODEL_CNODE)
        container_new(o, 1u << (bits - SLOT_BYTES_BITS));
    if (kind == MODEL_IRQ_TABLE)
        container_new(o, MODEL_IRQS);
    if (kind == MODEL_TCB) {
        container_new(o, MODEL_TCB_SLOTS);
        model_thread_init(m, o);
    }
    o->next = m->objects;
    if (o->next)
        o->next->previous = o;
    m->objects = o;
    return o;
}

static void object_free(struct model_object *o)
{
    free(o->slots);
    free(o->thread);
    free(o->queue.thread);
    free(o->entries);
    free(o->directories);
    free(o);
}

/* It may still be named on somebody's stack until the operation ends. */
void model_object_bury(struct model *m, struct model_object *o)
{
    if (o->previous)
        o->previous->next = o->next;
    else
        m->objects = o->next;
    if (o->next)
        o->next->previous = o->previous;
    o->previous = NULL;
    o->next = m->graveyard;
    m->graveyard = o;
}

static void objects_free(struct model_object *o)
{
    while (o) {
        struct model_object *next = o->next;
        object_free(o);
        o = next;
    }
}

void model_begin(struct model *m)
{
    m->path_length = 0;
    m->report = (struct model_report){0};
    m->caller_priority = m->current ? m->current->priority : 0;
}

void model_end(struct model *m)
{
    objects_free(m->graveyard);
    m->graveyard = NULL;
}

/* --- memory --- */

word_t *model_memory(struct model *m, paddr_t paddr)
{
    word_t offset = paddr - m->ram_base;
    return offset < m->ram_bytes ? m->ram + offset / sizeof(word_t) : NULL;
}

void model_memory_clear(struct model *m, paddr_t paddr, word_t bytes)
{
    if (bytes != 0 && model_memory(m, paddr) && model_memory(m, paddr + (bytes - 1)))
        memset(model_memory(m, paddr), 0, bytes);
}

/* --- the first state (5) --- */

static struct model_slot *boot_root(struct model *m, struct model_object *cnode, unsigned index,
                                    struct model_cap c)
{
    struct model_slot *s = &cnode->slots[index];
    model_slot_fill(m, s, c, true);
    model_cdt_root(m, s);
    return s;
}

static struct model_cap boot_frame(struct model *m, const struct model_boot_frame *f)
{
    struct model_object *o = model_object_new(m, MODEL_FRAME, f->paddr, 12, false);
    return (struct model_cap){.kind = MODEL_FRAME,
                              .object = o,
                              .rights = MODEL_VM_READ_WRITE,
                              .asid = ROOT_ASID,
                              .vaddr = f->vaddr};
}

static void boot_map(struct model_object *directory, struct model_cap frame, word_t attributes)
{
    model_entry_map_frame(directory, frame.vaddr, frame.object, MODEL_VM_READ_WRITE, attributes);
}

/* The fixed slots (5.1). */
static void boot_fixed(struct model *m, const struct model_boot *b, struct model_object *cnode,
                       struct model_object *directory)
{
    struct model_object *tcb = model_object_new(m, MODEL_TCB, b->tcb, 9, false);
    struct model_object *pool = model_object_new(m, MODEL_ASID_POOL, b->pool, 12, false);
    boot_root(m, cnode, INIT_TCB, (struct model_cap){.kind = MODEL_TCB, .object = tcb});
    boot_root(m, cnode, INIT_CNODE,
              (struct model_cap){
                  .kind = MODEL_CNODE, .object = cnode, .guard_size = 32 - ROOT_CNODE_RADIX});
    boot_root(
        m, cnode, INIT_VSPACE,
        (struct model_cap){.kind = MODEL_PAGE_DIRECTORY, .object = directory, .asid = ROOT_ASID});
    boot_root(m, cnode, INIT_IRQ_CONTROL, (struct model_cap){.kind = MODEL_IRQ_CONTROL});
    boot_root(m, cnode, INIT_ASID_CONTROL, (struct model_cap){.kind = MODEL_ASID_CONTROL});
    boot_root(m, cnode, INIT_ASID_POOL,
              (struct model_cap){.kind = MODEL_ASID_POOL, .object = pool});
    boot_root(m, cnode, INIT_BOOTINFO, boot_frame(m, &b->bootinfo));
    boot_root(m, cnode, INIT_IPC_BUFFER, boot_frame(m, &b->ipc_buffer));
    boot_root(m, cnode, INIT_DOMAIN, (struct model_cap){.kind = MODEL_DOMAIN});
    m->asid_table[0] = pool;
    model_asid_put(m, pool, ROOT_ASID, directory);
}

static unsigned boot_tables(struct model *m, const struct model_boot *b, struct model_object *cnode,
                            struct model_object *directory)
{
    unsigned next = INIT_FIRST_FREE;
    for (unsigned i = 0; i < b->table_count; i++) {
        struct model_object *o =
            model_object_new(m, MODEL_PAGE_TABLE, b->tables + i * 1024u, 10, false);
        vaddr_t vaddr = b->first_table + i * (vaddr_t)SECTION;
        model_entry_map_table(directory, vaddr, o, VM_PARITY);
        boot_root(m, cnode, next++,
                  (struct model_cap){
                      .kind = MODEL_PAGE_TABLE, .object = o, .asid = ROOT_ASID, .vaddr = vaddr});
    }
    return next;
}

static unsigned boot_image(struct model *m, const struct model_boot *b, struct model_object *cnode,
                           struct model_object *directory, unsigned next)
{
    for (unsigned i = 0; i < b->image_pages; i++) {
        struct model_boot_frame f = {.paddr = b->image + i * (paddr_t)PAGE,
                                     .vaddr = b->image_vaddr + i * (vaddr_t)PAGE};
        struct model_cap c = boot_frame(m, &f);
        boot_map(directory, c, VM_CACHEABLE);
        boot_root(m, cnode, next++, c);
    }
    boot_map(directory, cnode->slots[INIT_IPC_BUFFER].cap, b->ipc_buffer.attributes);
    boot_map(directory, cnode->slots[INIT_BOOTINFO].cap, b->bootinfo.attributes);
    return next;
}

static void boot_untyped(struct model *m, const struct model_boot *b, struct model_object *cnode,
                         unsigned next)
{
    for (unsigned i = 0; i < b->untyped_count; i++) {
        const struct model_boot_untyped *u = &b->untyped[i];
        struct model_object *o = model_object_new(m, MODEL_UNTYPED, u->paddr, u->bits, u->device);
        boot_root(m, cnode, next++, (struct model_cap){.kind = MODEL_UNTYPED, .object = o});
    }
}

/* The initial thread (5.5); what it holds are copies of slots 2, 3 and 10. */
static void boot_thread(struct model *m, const struct model_boot *b, struct model_object *cnode)
{
    struct model_thread *t = cnode->slots[INIT_TCB].cap.object->thread;
    struct model_cap buffer = cnode->slots[INIT_IPC_BUFFER].cap;
    model_slot_copy(m, &t->slots[MODEL_TCB_CSPACE], &cnode->slots[INIT_CNODE],
                    cnode->slots[INIT_CNODE].cap);
    model_slot_copy(m, &t->slots[MODEL_TCB_VSPACE], &cnode->slots[INIT_VSPACE],
                    cnode->slots[INIT_VSPACE].cap);
    model_slot_copy(m, &t->slots[MODEL_TCB_BUFFER], &cnode->slots[INIT_IPC_BUFFER], buffer);
    model_thread_reply_master(m, t);
    t->buffer = b->ipc_buffer.vaddr;
    t->priority = ROOT_PRIORITY;
    t->mcp = ROOT_PRIORITY;
    t->r[0] = b->bootinfo.vaddr;
    t->pc = b->entry;
    t->restart = b->entry;
    t->state = MODEL_RUNNING;
    m->current = t;
    model_space_follow(m);
}

struct model *model_create(const struct model_boot *b)
{
    struct model *m = need(calloc(1, sizeof(*m)));
    m->ram = need(calloc(1, b->ram_bytes));
    m->ram_base = b->ram_base;
    m->ram_bytes = b->ram_bytes;
    m->user_cpsr = b->user_cpsr;
    m->irq_active[TIMER_IRQ] = true;
    m->irq_open[TIMER_IRQ] = true;
    m->irq_table = model_object_new(m, MODEL_IRQ_TABLE, 0, 0, false);
    struct model_object *cnode =
        model_object_new(m, MODEL_CNODE, b->cnode, ROOT_CNODE_RADIX + SLOT_BYTES_BITS, false);
    struct model_object *directory =
        model_object_new(m, MODEL_PAGE_DIRECTORY, b->directory, 14, false);
    boot_fixed(m, b, cnode, directory);
    unsigned next = boot_tables(m, b, cnode, directory);
    next = boot_image(m, b, cnode, directory, next);
    boot_untyped(m, b, cnode, next);
    boot_thread(m, b, cnode);
    return m;
}

void model_destroy(struct model *m)
{
    if (!m)
        return;
    objects_free(m->objects);
    objects_free(m->graveyard);
    for (unsigned i = 0; i < CONFIG_PRIORITIES; i++)
        free(m->ready[i].thread);
    free(m->ram);
    free(m);
}
