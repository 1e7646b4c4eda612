/* Which release is it? Nothing in the file says so; what came and went with releases does.
 *
 *   ksDomScheduleLength          up to 14.0         ksDomScheduleStart        from 15.0
 *   ksActiveFPUState             up to 13.0         ksCurFPUOwner             from 14.0
 *   MCS: ksReleaseHead           up to 12.1         ksReleaseQueue            from 13.0
 *   AArch64: cap_vspace_cap      from 13.0          tcbFlags                  from 14.0
 *   MCS without tcbEPNext        from 16.0          AArch64 kernel at -1 GiB  after 16.0
 *
 * A release to come is known by capability types that no release had until now. */
#include "objwalk/sel4/layout_parts.h"

#include <stdio.h>
#include <string.h>

const char *sel4_release_text(enum sel4_release r)
{
    static const char *const text[] = {"12.0", "12.1", "13.0",      "14.0",
                                       "15.0", "16.0", "after 16.0"};
    return r <= SEL4_AFTER_16_0 ? text[r] : "unknown";
}

void sel4_release_from(struct sel4_layout *l, enum sel4_release r)
{
    if (l->earliest < r)
        l->earliest = r;
}

void sel4_release_to(struct sel4_layout *l, enum sel4_release r)
{
    if (l->latest > r)
        l->latest = r;
}

static bool has(const struct sel4_image *m, const char *name)
{
    struct sel4_symbol s;
    return sel4_image_symbol(m, name, &s);
}

static void by_symbols(struct sel4_layout *l, const struct sel4_image *m)
{
    if (has(m, "ksDomScheduleLength"))
        sel4_release_to(l, SEL4_14_0);
    if (has(m, "ksDomScheduleStart"))
        sel4_release_from(l, SEL4_15_0);
    if (has(m, "ksActiveFPUState"))
        sel4_release_to(l, SEL4_13_0);
    if (has(m, "ksCurFPUOwner"))
        sel4_release_from(l, SEL4_14_0);
    if (sel4_has(l, SEL4_SYM_RELEASE_HEAD))
        sel4_release_to(l, SEL4_12_1);
    if (sel4_has(l, SEL4_SYM_RELEASE_QUEUE))
        sel4_release_from(l, SEL4_13_0);
}

static void by_address(struct sel4_layout *l, uint64_t lowest)
{
    if (l->options.arch != SEL4_AARCH64)
        return;
    if (lowest == 0xffffffffc0000000u || lowest == 0xffc0000000u)
        sel4_release_from(l, SEL4_AFTER_16_0);
    else
        sel4_release_to(l, SEL4_16_0);
    if (lowest >> 40 == 0xff)
        sel4_release_to(l, SEL4_12_1);
}

static void by_dwarf(struct sel4_layout *l, struct sel4_dwarf *d)
{
    uint64_t v = 0;
    if (!d || !sel4_dwarf_size(d, "tcb", &v))
        return;
    if (sel4_dwarf_member(d, "tcb", "tcbFlags", &v))
        sel4_release_from(l, SEL4_14_0);
    else
        sel4_release_to(l, SEL4_13_0);
    if (l->options.mcs && !sel4_dwarf_member(d, "tcb", "tcbEPNext", &v))
        sel4_release_from(l, SEL4_16_0);
    if (l->options.mcs && sel4_dwarf_member(d, "tcb", "tcbEPNext", &v))
        sel4_release_to(l, SEL4_15_0);
    if (l->options.arch != SEL4_AARCH64)
        return;
    if (sel4_dwarf_enumerator(d, "cap_vspace_cap", &v))
        sel4_release_from(l, SEL4_13_0);
    if (sel4_dwarf_enumerator(d, "cap_page_upper_directory_cap", &v))
        sel4_release_to(l, SEL4_12_1);
}

void sel4_release_find(struct sel4_layout *l, const struct sel4_image *m, struct sel4_dwarf *d,
                       uint64_t lowest)
{
    l->earliest = SEL4_12_0;
    l->latest = SEL4_AFTER_16_0;
    by_symbols(l, m);
    by_address(l, lowest);
    by_dwarf(l, d);
    l->options.four_tables = l->options.arch == SEL4_AARCH64 && l->latest <= SEL4_12_1;
    l->idle_unaligned = l->earliest <= SEL4_13_0;
    if (l->earliest > l->latest)
        sel4_layout_note(l,
                         "no known release looks like this kernel (from %s by one sign, up to %s "
                         "by another): what is read may be wrong",
                         sel4_release_text(l->earliest), sel4_release_text(l->latest));
}

/* --- capability types, as the kernel's own enumeration has them --- */

enum { TYPES_TEXT = 160 };

struct types {
    struct sel4_layout *l;
    char strange[TYPES_TEXT]; /* types that no release known here has */
    char moved[TYPES_TEXT];   /* that have another number there */
};

static void add_type(char *list, const char *name, size_t length, uint64_t tag)
{
    size_t used = strlen(list);
    (void)snprintf(list + used, TYPES_TEXT - used, "%s%.*s = %u", used ? ", " : "", (int)length,
                   name, (unsigned)tag);
}

static struct sel4_block *block_named(struct sel4_layout *l, const char *name, size_t length)
{
    for (unsigned k = 0; k < SEL4_CAP_UNKNOWN; k++) {
        const char *known = sel4_block_name((enum sel4_block_kind)k);
        if (strlen(known) == length && strncmp(known, name, length) == 0)
            return &l->block[k];
    }
    return NULL;
}

/* cap_NAME_cap. The number is the kernel's word; the fields stay those of the tables. */
static void take_type(void *ctx, const char *name, uint64_t tag)
{
    struct types *t = ctx;
    size_t length = strlen(name);
    if (length < 9 || strncmp(name, "cap_", 4) != 0 || strcmp(name + length - 4, "_cap") != 0 ||
        tag >= SEL4_NO_TAG)
        return;
    struct sel4_block *b = block_named(t->l, name + 4, length - 8);
    if (!b)
        add_type(t->strange, name + 4, length - 8, tag);
    else if (b->tag != tag)
        add_type(t->moved, name + 4, length - 8, tag);
    if (b)
        b->tag = (uint16_t)tag;
}

void sel4_release_types(struct sel4_layout *l, struct sel4_dwarf *d)
{
    struct types t = {.l = l};
    if (!d)
        return;
    sel4_dwarf_enumerators(d, take_type, &t);
    if (t.strange[0])
        sel4_layout_note(
            l,
            "this kernel is newer than any that is known here: it has capability types "
            "of its own (%s), which are shown as unknown with their words",
            t.strange);
    if (t.moved[0])
        sel4_layout_note(l,
                         "this kernel is newer than any that is known here: it numbers capability "
                         "types in another way (%s); what is read of them may be wrong",
                         t.moved);
}
