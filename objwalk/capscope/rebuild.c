/* The side of a layout that needs no memory: see rebuild.h. */
#include "objwalk/capscope/rebuild.h"

#include "objwalk/capscope/layout.h"

/* Kernels of these layouts differ in the digest alone, or in nothing that was recorded, so what was
 * recorded of them can be proved. */
#define LAYOUT_TWO_LANES 0x20261123u
static const uint32_t layouts[] = {
    LAYOUT_TWO_LANES, 0x20261124u, /* without alias */
    0x20261129u,                   /* without root thread */
    0x2026112bu,                   /* without boot */
    LAYOUT_HASH,
};

static bool is_known(uint32_t layout)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
        if (layouts[i] == layout)
            return true;
    return false;
}

static void add_two_lanes(struct digest *d, kaddr_t addr, const struct slot *s)
{
    word_t a = (addr ^ s->cap.w[0]) * 0x9e3779b1u;
    word_t b = (s->cap.w[1] + (s->next & ~0xcu)) * 0x85ebca6bu;
    a ^= a >> 15;
    b ^= b >> 13;
    d->lane[0] += (a + b) * 0xc2b2ae35u;
    d->lane[1] += (a ^ b ^ addr) * 0x27d4eb2fu;
}

/* Records from outside may hold more than a word of this kernel. */
static bool is_word(record_word_t v)
{
    return (word_t)v == v;
}

enum error objwalk_for_records(struct objwalk *w, const struct record_snapshot *s)
{
    if (!record_format_is_plain(s->format))
        return ERR_VERSION;
    if (s->kernel != objwalk_capscope.kernel)
        return ERR_UNSUPPORTED;
    if (!is_known(s->layout))
        return ERR_LAYOUT;
    if (!is_word(s->phys_offset) || !is_word(s->ram_base) || !is_word(s->ram_size))
        return ERR_FORMAT;
    w->view = NULL;
    w->ops = &objwalk_capscope;
    w->roots_addr = 0;
    w->roots = (struct kernel_roots){
        .layout = s->layout,
        .phys_offset = (word_t)s->phys_offset,
        .ram_base = (paddr_t)s->ram_base,
        .ram_size = (word_t)s->ram_size,
    };
    return ERR_OK;
}

enum { CAP_FLAGS = RECORD_SLOT_DEVICE | RECORD_SLOT_MASTER | RECORD_SLOT_TCB_ZOMBIE };

enum error objwalk_cap_of_slot(const struct record_slot *r, struct objwalk_cap *out)
{
    if (!is_word(r->addr) || !is_word(r->object) || !is_word(r->data) || !is_word(r->extra))
        return ERR_FORMAT;
    *out = (struct objwalk_cap){
        .type = r->type,
        .object = (paddr_t)r->object,
        .bits = r->bits,
        .rights = r->rights,
        .flags = r->flags & CAP_FLAGS,
        .data = (word_t)r->data,
        .extra = (word_t)r->extra,
    };
    return ERR_OK;
}

enum error objwalk_cap_of_event(const struct record_event *e, struct objwalk_cap *out)
{
    struct record_slot slot = record_slot_of_event(e);
    slot.addr = e->slot | e->src | e->detail; /* all have to be words */
    return objwalk_cap_of_slot(&slot, out);
}

struct slot objwalk_make_slot(const struct objwalk *w, struct cap cap, paddr_t next, uint32_t flags)
{
    uint32_t kept = flags & (RECORD_SLOT_REVOCABLE | RECORD_SLOT_FIRST_BADGED);
    return (struct slot){.cap = cap, .next = objwalk_kaddr(w, next) | kept};
}
_Static_assert((int)CDT_REVOCABLE == (int)RECORD_SLOT_REVOCABLE &&
                   (int)CDT_FIRST_BADGED == (int)RECORD_SLOT_FIRST_BADGED,
               "flags of records are those of links");

void objwalk_add_to_digest(const struct objwalk *w, paddr_t addr, const struct slot *s,
                           struct digest *d)
{
    if (w->roots.layout == LAYOUT_TWO_LANES)
        add_two_lanes(d, objwalk_kaddr(w, addr), s);
    else
        w->ops->digest(d, objwalk_kaddr(w, addr), s);
}

bool objwalk_is_parent(const struct objwalk *w, const struct slot *a, const struct slot *b)
{
    return w->ops->is_parent(a, b);
}
