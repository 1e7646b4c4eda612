/* Frames, page tables, page directories (3.7). */
#include "model/model.h"

#include <stdlib.h>

enum { SECTION_BITS = 20, PAGE_BITS = 12, LARGE = 16, MISSING_BITS = 20 };

/* --- entries --- */

static struct model_entry *entries_of(struct model_object *o)
{
    size_t n = o->kind == MODEL_PAGE_TABLE ? MODEL_TABLE_ENTRIES : MODEL_DIRECTORY_ENTRIES;
    if (!o->entries)
        o->entries = calloc(n, sizeof(*o->entries));
    if (!o->entries)
        abort();
    return o->entries;
}

static struct model_entry *directory_entry(struct model_object *directory, vaddr_t vaddr)
{
    return &entries_of(directory)[vaddr >> SECTION_BITS];
}

static enum model_entry_kind entry_kind(unsigned frame_bits)
{
    return frame_bits == 12   ? ENTRY_SMALL
           : frame_bits == 16 ? ENTRY_LARGE
           : frame_bits == 20 ? ENTRY_SECTION
                              : ENTRY_SUPER;
}

static unsigned entry_count(enum model_entry_kind kind)
{
    return kind == ENTRY_LARGE || kind == ENTRY_SUPER ? LARGE : 1;
}

/* The first entry for a page of this kind; NULL when there is no page table. */
static struct model_entry *page_entry(struct model_object *directory, enum model_entry_kind kind,
                                      vaddr_t vaddr)
{
    struct model_entry *e = directory_entry(directory, vaddr);
    if (kind == ENTRY_SECTION || kind == ENTRY_SUPER)
        return e;
    if (e->kind != ENTRY_TABLE)
        return NULL;
    return &entries_of(e->table)[vaddr >> PAGE_BITS & (MODEL_TABLE_ENTRIES - 1)];
}

void model_entry_map_table(struct model_object *directory, vaddr_t vaddr,
                           struct model_object *table, word_t attributes)
{
    *directory_entry(directory, vaddr) = (struct model_entry){.kind = ENTRY_TABLE,
                                                              .paddr = table->paddr,
                                                              .attributes = attributes & VM_PARITY,
                                                              .table = table};
}

void model_entry_map_frame(struct model_object *directory, vaddr_t vaddr,
                           const struct model_object *frame, word_t rights, word_t attributes)
{
    enum model_entry_kind kind = entry_kind(frame->bits);
    struct model_entry *e = page_entry(directory, kind, vaddr);
    for (unsigned i = 0; i < entry_count(kind); i++)
        e[i] = (struct model_entry){
            .kind = kind, .paddr = frame->paddr, .rights = rights, .attributes = attributes};
}

/* --- frames --- */

struct mapping {
    struct model_object *directory;
    word_t asid;
    vaddr_t vaddr;
};

/* The directory that a capability names must be the one its ASID stands for. */
static enum model_outcome check_directory(struct model *m, struct model_cap c, word_t number)
{
    const struct model_object *d = model_directory_of(m, c.asid);
    if (!d) {
        struct model_lookup l = {.failure = LOOKUP_INVALID_ROOT};
        return model_refuse_lookup(m, false, &l);
    }
    if (d != c.object)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, number);
    return MODEL_DONE;
}

static bool is_assigned_directory(struct model_cap c)
{
    return c.kind == MODEL_PAGE_DIRECTORY && c.asid != 0;
}

static enum model_outcome check_frame_vaddr(struct model *m, struct model_cap c,
                                            const struct mapping *p)
{
    if (c.asid == 0) {
        word_t last = ((word_t)1 << c.object->bits) - 1;
        if (p->vaddr + last >= USER_TOP)
            return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 0);
        return MODEL_DONE;
    }
    if (c.asid != p->asid)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    if (c.vaddr != p->vaddr)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 0);
    return MODEL_DONE;
}

static enum model_outcome check_frame_place(struct model *m, struct model_cap c,
                                            const struct mapping *p)
{
    enum model_entry_kind kind = entry_kind(c.object->bits);
    if (p->vaddr % ((word_t)1 << c.object->bits) != 0)
        return model_refuse(m, SEL4_ALIGNMENT_ERROR);
    const struct model_entry *e = page_entry(p->directory, kind, p->vaddr);
    if (!e)
        return model_refuse_missing(m, false, MISSING_BITS);
    for (unsigned i = 0; i < entry_count(kind); i++)
        if (e[i].kind != ENTRY_FREE && e[i].kind != kind)
            return model_refuse(m, SEL4_DELETE_FIRST);
    return MODEL_DONE;
}

static enum model_outcome frame_map(struct model *m, struct model_slot *s,
                                    const struct model_message *g)
{
    if (g->length < 3 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    struct model_cap d = g->extra[0]->cap;
    if (!is_assigned_directory(d))
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    struct mapping p = {.directory = d.object, .asid = d.asid, .vaddr = g->word[0]};
    if (check_frame_vaddr(m, s->cap, &p) || check_directory(m, d, 1) ||
        check_frame_place(m, s->cap, &p))
        return MODEL_REFUSED;
    model_entry_map_frame(p.directory, p.vaddr, s->cap.object,
                          model_vm_mask(s->cap.rights, g->word[1]), g->word[2]);
    s->cap.asid = p.asid;
    s->cap.vaddr = p.vaddr;
    return MODEL_DONE;
}

/* Takes the mapping away if it is still this frame's. */
void model_frame_unmap(struct model *m, struct model_cap c)
{
    struct model_object *d = c.asid ? model_directory_of(m, c.asid) : NULL;
    enum model_entry_kind kind = entry_kind(c.object->bits);
    struct model_entry *e = d ? page_entry(d, kind, c.vaddr) : NULL;
    if (!e || e->kind != kind || e->paddr != c.object->paddr)
        return;
    for (unsigned i = 0; i < entry_count(kind); i++)
        e[i] = (struct model_entry){0};
}

static enum model_outcome frame_cache(struct model *m, struct model_cap c,
                                      const struct model_message *g)
{
    word_t size = (word_t)1 << c.object->bits;
    if (g->length < 2)
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (c.asid == 0)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (!model_directory_of(m, c.asid)) {
        struct model_lookup l = {.failure = LOOKUP_INVALID_ROOT};
        return model_refuse_lookup(m, false, &l);
    }
    if (g->word[1] <= g->word[0])
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 1);
    if (g->word[0] >= size || g->word[1] > size)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 0);
    return MODEL_DONE;
}

/* By Call the tag says length 0 though the word is there; by Send the tag is written. */
static void frame_address(struct model *m, struct model_cap c, const struct model_message *g)
{
    m->current->r[2] = c.object->paddr;
    if (!g->call)
        m->current->r[1] = msginfo_make(0, 0, 0, 1);
}

enum model_outcome model_frame_operation(struct model *m, struct model_slot *s,
                                         struct model_message *g)
{
    switch (g->label) {
    case INV_PAGE_MAP:
        return frame_map(m, s, g);
    case INV_PAGE_UNMAP:
        model_frame_unmap(m, s->cap);
        s->cap.asid = 0;
        s->cap.vaddr = 0;
        return MODEL_DONE;
    case INV_PAGE_CLEAN_DATA:
    case INV_PAGE_INVALIDATE_DATA:
    case INV_PAGE_CLEAN_INVALIDATE_DATA:
    case INV_PAGE_UNIFY_INSTRUCTION:
        return frame_cache(m, s->cap, g);
    case INV_PAGE_GET_ADDRESS:
        frame_address(m, s->cap, g);
        return MODEL_DONE;
    default:
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    }
}

/* --- page tables --- */

static enum model_outcome table_map(struct model *m, struct model_slot *s,
                                    const struct model_message *g)
{
    if (g->length < 2 || !g->extra[0])
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    if (s->cap.asid != 0)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 0);
    struct model_cap d = g->extra[0]->cap;
    if (!is_assigned_directory(d))
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 1);
    if (g->word[0] >= USER_TOP)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 0);
    if (check_directory(m, d, 1) != MODEL_DONE)
        return MODEL_REFUSED;
    vaddr_t vaddr = g->word[0] >> SECTION_BITS << SECTION_BITS;
    if (directory_entry(d.object, vaddr)->kind != ENTRY_FREE)
        return model_refuse(m, SEL4_DELETE_FIRST);
    model_entry_map_table(d.object, vaddr, s->cap.object, g->word[1]);
    s->cap.asid = d.asid;
    s->cap.vaddr = vaddr;
    return MODEL_DONE;
}

void model_table_unmap(struct model *m, struct model_cap c)
{
    struct model_object *d = c.asid ? model_directory_of(m, c.asid) : NULL;
    if (!d)
        return;
    struct model_entry *e = directory_entry(d, c.vaddr);
    if (e->kind == ENTRY_TABLE && e->table == c.object)
        *e = (struct model_entry){0};
}

enum model_outcome model_table_operation(struct model *m, struct model_slot *s,
                                         struct model_message *g)
{
    if (g->label == INV_PAGE_TABLE_MAP)
        return table_map(m, s, g);
    if (g->label != INV_PAGE_TABLE_UNMAP)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (!model_slot_final(m, s))
        return model_refuse(m, SEL4_REVOKE_FIRST);
    if (s->cap.asid != 0) {
        model_table_unmap(m, s->cap);
        free(s->cap.object->entries);
        s->cap.object->entries = NULL;
        s->cap.asid = 0;
        s->cap.vaddr = 0;
    }
    return MODEL_DONE;
}

/* --- page directories --- */

/* log2 of the page that vaddr lies in, 0 when nothing is mapped there. */
static unsigned page_bits(struct model_object *directory, vaddr_t vaddr)
{
    static const struct {
        enum model_entry_kind kind;
        unsigned bits;
    } sizes[] = {{ENTRY_SMALL, 12}, {ENTRY_LARGE, 16}, {ENTRY_SECTION, 20}, {ENTRY_SUPER, 24}};
    for (unsigned i = 0; i < 4; i++) {
        const struct model_entry *e = page_entry(directory, sizes[i].kind, vaddr);
        if (e && e->kind == sizes[i].kind)
            return sizes[i].bits;
    }
    return 0;
}

enum model_outcome model_directory_operation(struct model *m, struct model_slot *s,
                                             struct model_message *g)
{
    if (g->label < INV_PD_CLEAN_DATA || g->label > INV_PD_UNIFY_INSTRUCTION)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (g->length < 2)
        return model_refuse(m, SEL4_TRUNCATED_MESSAGE);
    vaddr_t start = g->word[0];
    vaddr_t end = g->word[1];
    if (end <= start)
        return model_refuse_with(m, SEL4_INVALID_ARGUMENT, 1);
    if (start >= USER_TOP || end > USER_TOP)
        return model_refuse(m, SEL4_ILLEGAL_OPERATION);
    if (s->cap.asid == 0)
        return model_refuse_with(m, SEL4_INVALID_CAPABILITY, 0);
    if (check_directory(m, s->cap, 0) != MODEL_DONE)
        return MODEL_REFUSED;
    unsigned bits = page_bits(s->cap.object, start);
    if (bits != 0 && start >> bits != (end - 1) >> bits) {
        vaddr_t last = (start >> bits << bits) + (((word_t)1 << bits) - 1);
        return model_refuse_range(m, start, last);
    }
    return MODEL_DONE;
}
