/* The index of CNodes and TCBs: a sorted table of fixed size. */
#include "monitor/places.h"

#include "monitor/view.h"

static struct place places[PLACES_MAX];
static uint32_t used;
static uint32_t left_out;

uint32_t places_count(void)
{
    return used;
}

uint32_t places_left_out(void)
{
    return left_out;
}

const struct place *places_at(uint32_t i)
{
    return &places[i];
}

static void add(kaddr_t base, enum place_kind kind, uint32_t bits, bool dying)
{
    if (used == PLACES_MAX) {
        left_out++;
        return;
    }
    places[used++] = (struct place){base, (uint16_t)kind, (uint8_t)bits, dying, -1};
}

static void add_object_of(const struct record_slot *r)
{
    kaddr_t base = kaddr_from_paddr(r->object);
    switch (r->type) {
    case RECORD_CAP_CNODE:
        add(base, PLACE_CNODE, r->bits, false);
        break;
    case RECORD_CAP_TCB:
        add(base, PLACE_TCB, TCB_BITS, false);
        break;
    case RECORD_CAP_ZOMBIE:
        add(base, r->flags & RECORD_SLOT_TCB_ZOMBIE ? PLACE_TCB : PLACE_CNODE, r->bits, true);
        break;
    default:
        break;
    }
}

/* Shell sort: no recursion, no memory, 4096 entries at most. */
static void sort(void)
{
    for (uint32_t gap = PLACES_MAX / 3; gap > 0; gap /= 3) {
        for (uint32_t i = gap; i < used; i++) {
            struct place p = places[i];
            uint32_t j = i;
            for (; j >= gap && places[j - gap].base > p.base; j -= gap)
                places[j] = places[j - gap];
            places[j] = p;
        }
    }
}

static void drop_doubles(void)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < used; i++)
        if (kept == 0 || places[kept - 1].base != places[i].base)
            places[kept++] = places[i];
    used = kept;
}

static int32_t find_base(kaddr_t base)
{
    uint32_t low = 0, high = used;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (places[middle].base <= base)
            low = middle + 1;
        else
            high = middle;
    }
    return (int32_t)low - 1; /* the last place that begins at or before `base` */
}

/* Every thread names the CNode at the root of its CSpace; the first one found does. */
static void name_cnodes(struct objwalk *w)
{
    for (uint32_t i = 0; i < used; i++) {
        struct record_slot root;
        if (places[i].kind != PLACE_TCB ||
            objwalk_slot(w, places[i].base + TCB_CSPACE * sizeof(struct slot), &root) != ERR_OK ||
            root.type != RECORD_CAP_CNODE)
            continue;
        int32_t at = find_base(kaddr_from_paddr(root.object));
        if (at >= 0 && places[at].base == kaddr_from_paddr(root.object) && places[at].user < 0)
            places[at].user = (int16_t)i;
    }
}

bool places_collect(struct objwalk *w)
{
    struct record_slot r, last = {.type = RECORD_CAP_NULL};
    enum error e;
    used = 0;
    left_out = 0;
    objwalk_cdt_begin(w, &view_inner);
    while ((e = objwalk_cdt_next(w, &view_inner, &r)) == ERR_OK) {
        if (r.type == last.type && r.object == last.object)
            continue; /* capabilities to one object stand together; an untyped has its first
                       * object's address */
        last = r;
        add_object_of(&r);
    }
    add(w->roots.idle_thread, PLACE_TCB, TCB_BITS, false);
    sort();
    drop_doubles();
    name_cnodes(w);
    return e == ERR_NOT_FOUND;
}

const struct place *places_find(kaddr_t slot, uint32_t *index)
{
    int32_t at = find_base(slot);
    if (at < 0)
        return NULL;
    const struct place *p = &places[at];
    uint32_t offset = slot - p->base;
    uint32_t bytes =
        p->kind == PLACE_TCB ? (uint32_t)(TCB_SLOTS * sizeof(struct slot)) : (uint32_t)1 << p->bits;
    if (offset >= bytes)
        return NULL;
    *index = offset / sizeof(struct slot);
    return p;
}

static bool same_name(const struct record_string *a, const char *b)
{
    uint32_t i = 0;
    while (i < a->length && b[i] != '\0' && a->bytes[i] == b[i])
        i++;
    return i == a->length && b[i] == '\0';
}

kaddr_t places_thread_named(const char *name)
{
    struct objwalk *w = view_walk_quiet();
    static struct record_thread t;
    for (uint32_t i = 0; w && i < used; i++)
        if (places[i].kind == PLACE_TCB && objwalk_thread(w, places[i].base, &t) == ERR_OK &&
            t.name.length != 0 && same_name(&t.name, name))
            return places[i].base;
    return 0;
}
