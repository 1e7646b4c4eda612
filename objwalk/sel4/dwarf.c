/* Looks names up in the top level of each compilation unit. */
#include "objwalk/sel4/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

enum { UNITS_MAX = 4096, DIES_MAX = 1 << 20, TYPE_STEPS = 16 };

struct sel4_dwarf {
    Dwarf *dwarf;
};

struct sel4_dwarf *sel4_dwarf_open(const struct sel4_image *m)
{
    if (!m->has_dwarf)
        return NULL;
    struct sel4_dwarf *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->dwarf = dwarf_begin_elf(m->elf, DWARF_C_READ, NULL);
    if (!d->dwarf) {
        free(d);
        return NULL;
    }
    return d;
}

void sel4_dwarf_close(struct sel4_dwarf *d)
{
    if (!d)
        return;
    (void)dwarf_end(d->dwarf);
    free(d);
}

static bool is_named(Dwarf_Die *die, const char *name)
{
    const char *found = dwarf_diename(die);
    return found && strcmp(found, name) == 0;
}

/* --- iteration over the top level of all units --- */

struct top {
    Dwarf *dwarf;
    Dwarf_Off next;
    Dwarf_Die die;
    bool inside; /* a unit; die is valid */
    unsigned units;
    unsigned dies;
};

static bool top_unit(struct top *t)
{
    Dwarf_Off at = t->next;
    size_t header = 0;
    Dwarf_Die unit;
    if (t->units++ >= UNITS_MAX ||
        dwarf_nextcu(t->dwarf, at, &t->next, &header, NULL, NULL, NULL) != 0)
        return false;
    t->inside = dwarf_offdie(t->dwarf, at + header, &unit) && dwarf_child(&unit, &t->die) == 0;
    return true;
}

static bool top_next(struct top *t)
{
    if (t->dies++ >= DIES_MAX)
        return false;
    if (t->inside) {
        t->inside = dwarf_siblingof(&t->die, &t->die) == 0;
        if (t->inside)
            return true;
    }
    while (!t->inside) {
        if (!top_unit(t))
            return false;
    }
    return true;
}

/* --- structures --- */

/* Through typedefs and qualifiers to a structure or union; false: it is none. */
static bool peel(Dwarf_Die *die)
{
    for (unsigned i = 0; i < TYPE_STEPS; i++) {
        int tag = dwarf_tag(die);
        if (tag == DW_TAG_structure_type || tag == DW_TAG_union_type)
            return true;
        Dwarf_Attribute a;
        if ((tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type) ||
            !dwarf_attr(die, DW_AT_type, &a) || !dwarf_formref_die(&a, die))
            return false;
    }
    return false;
}

static bool find_structure(struct sel4_dwarf *d, const char *name, Dwarf_Die *out)
{
    for (struct top t = {.dwarf = d->dwarf}; top_next(&t);) {
        Dwarf_Die die = t.die;
        if (!is_named(&die, name) || dwarf_hasattr(&die, DW_AT_declaration) || !peel(&die))
            continue;
        *out = die;
        return true;
    }
    return false;
}

bool sel4_dwarf_size(struct sel4_dwarf *d, const char *structure, uint64_t *bytes)
{
    Dwarf_Die die;
    if (!find_structure(d, structure, &die))
        return false;
    int size = dwarf_bytesize(&die);
    if (size <= 0)
        return false;
    *bytes = (uint64_t)size;
    return true;
}

bool sel4_dwarf_member(struct sel4_dwarf *d, const char *structure, const char *member,
                       uint64_t *offset)
{
    Dwarf_Die die;
    if (!find_structure(d, structure, &die) || dwarf_child(&die, &die) != 0)
        return false;
    for (unsigned i = 0; i < DIES_MAX; i++) {
        Dwarf_Attribute a;
        Dwarf_Word at = 0;
        if (is_named(&die, member) && dwarf_tag(&die) == DW_TAG_member) {
            if (dwarf_attr(&die, DW_AT_data_member_location, &a) && dwarf_formudata(&a, &at) != 0)
                return false;
            *offset = at;
            return true;
        }
        if (dwarf_siblingof(&die, &die) != 0)
            return false;
    }
    return false;
}

/* --- enumerations --- */

static bool value_of(Dwarf_Die *enumerator, uint64_t *value)
{
    Dwarf_Attribute a;
    Dwarf_Word v = 0;
    bool found = dwarf_attr(enumerator, DW_AT_const_value, &a) && dwarf_formudata(&a, &v) == 0;
    *value = v;
    return found;
}

static void visit_enumeration(Dwarf_Die *enumeration, sel4_dwarf_visit *visit, void *ctx)
{
    Dwarf_Die die;
    if (dwarf_child(enumeration, &die) != 0)
        return;
    for (unsigned i = 0; i < DIES_MAX; i++) {
        uint64_t value = 0;
        const char *name = dwarf_diename(&die);
        if (name && value_of(&die, &value))
            visit(ctx, name, value);
        if (dwarf_siblingof(&die, &die) != 0)
            return;
    }
}

void sel4_dwarf_enumerators(struct sel4_dwarf *d, sel4_dwarf_visit *visit, void *ctx)
{
    for (struct top t = {.dwarf = d->dwarf}; top_next(&t);) {
        Dwarf_Die die = t.die;
        if (dwarf_tag(&die) == DW_TAG_enumeration_type)
            visit_enumeration(&die, visit, ctx);
    }
}

struct wanted {
    const char *name;
    uint64_t *value;
    bool found;
};

static void take_wanted(void *ctx, const char *name, uint64_t value)
{
    struct wanted *w = ctx;
    if (w->found || strcmp(name, w->name) != 0)
        return;
    *w->value = value;
    w->found = true;
}

bool sel4_dwarf_enumerator(struct sel4_dwarf *d, const char *name, uint64_t *value)
{
    struct wanted w = {name, value, false};
    sel4_dwarf_enumerators(d, take_wanted, &w);
    return w.found;
}

/* --- inlined functions --- */

struct inlined {
    const char *function;
    uint64_t *pc;
    uint32_t room;
    uint32_t count;
};

static int note_instance(Dwarf_Die *instance, void *arg)
{
    struct inlined *in = arg;
    Dwarf_Addr pc = 0;
    if (dwarf_entrypc(instance, &pc) != 0)
        return DWARF_CB_OK;
    if (in->count < in->room)
        in->pc[in->count] = pc;
    in->count++;
    return DWARF_CB_OK;
}

uint32_t sel4_dwarf_inlined(struct sel4_dwarf *d, const char *function, uint64_t *pc, uint32_t room)
{
    struct inlined in = {.function = function, .pc = pc, .room = room};
    for (struct top t = {.dwarf = d->dwarf}; top_next(&t);) {
        Dwarf_Die die = t.die;
        if (dwarf_tag(&die) == DW_TAG_subprogram && is_named(&die, function) &&
            dwarf_func_inline(&die) != 0)
            (void)dwarf_func_inline_instances(&die, note_instance, &in);
    }
    return in.count;
}
