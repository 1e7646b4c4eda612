/* The side of a layout that needs no memory: see rebuild.h. */
#include "objwalk/rebuild.h"

#include "objwalk/layout.h"

enum error objwalk_for_records(struct objwalk *w, const struct record_snapshot *s)
{
    if (s->format != RECORD_FORMAT)
        return ERR_VERSION;
    if (s->kernel != objwalk_capscope.kernel)
        return ERR_UNSUPPORTED;
    if (s->layout != LAYOUT_HASH)
        return ERR_LAYOUT;
    w->view = NULL;
    w->ops = &objwalk_capscope;
    w->roots_addr = 0;
    w->roots = (struct kernel_roots){
        .layout = s->layout,
        .phys_offset = s->phys_offset,
        .ram_base = s->ram_base,
        .ram_size = s->ram_size,
    };
    return ERR_OK;
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
    w->ops->digest(d, objwalk_kaddr(w, addr), s);
}

bool objwalk_is_parent(const struct objwalk *w, const struct slot *a, const struct slot *b)
{
    return w->ops->is_parent(a, b);
}
