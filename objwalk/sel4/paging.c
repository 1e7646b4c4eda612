/* Decodes table entries. */
#include "objwalk/sel4/paging.h"

#include "objwalk/sel4/bits.h"

enum { W = 1, R = 2, X = 4 };

static const struct sel4_paging formats[] = {
    [SEL4_PAGING_AARCH32] = {SEL4_PAGING_AARCH32, 2, 4, {12, 8}, {20, 12}, 4096},
    [SEL4_PAGING_AARCH64] = {SEL4_PAGING_AARCH64, 4, 8, {9, 9, 9, 9}, {39, 30, 21, 12}, 512},
    [SEL4_PAGING_STAGE2_3] = {SEL4_PAGING_STAGE2_3, 3, 8, {10, 9, 9}, {30, 21, 12}, 1024},
    [SEL4_PAGING_STAGE2_4] = {SEL4_PAGING_STAGE2_4, 4, 8, {9, 9, 9, 9}, {39, 30, 21, 12}, 512},
    [SEL4_PAGING_SV39] = {SEL4_PAGING_SV39, 3, 8, {9, 9, 9}, {30, 21, 12}, 256},
    [SEL4_PAGING_X86_64] = {SEL4_PAGING_X86_64, 4, 8, {9, 9, 9, 9}, {39, 30, 21, 12}, 256},
};

void sel4_paging_init(struct sel4_paging *p, enum sel4_paging_format format, uint64_t window)
{
    *p = formats[format];
    if (format == SEL4_PAGING_AARCH32)
        p->user_entries = (uint32_t)(window >> 20) & 0xfff;
    if (format == SEL4_PAGING_AARCH32 && p->user_entries == 0)
        p->user_entries = 4096;
}

static bool bit(uint64_t raw, unsigned n)
{
    return raw >> n & 1;
}

static uint8_t rights(bool write, bool read, bool execute)
{
    return (uint8_t)((write ? W : 0) | (read ? R : 0) | (execute ? X : 0));
}

/* Both stages: what differs is where rights stand. */
static void aarch64(const struct sel4_paging *p, unsigned level, uint64_t raw,
                    struct sel4_entry *out)
{
    bool last = level + 1u == p->levels;
    if (!bit(raw, 0) || ((last || p->shift[level] > 30) && !bit(raw, 1)))
        return;
    out->pa = raw & 0xfffffffff000u;
    out->kind = last || !bit(raw, 1) ? SEL4_ENTRY_LEAF : SEL4_ENTRY_TABLE;
    if (out->kind == SEL4_ENTRY_TABLE)
        return;
    if (p->format == SEL4_PAGING_AARCH64)
        out->rights =
            rights(bit(raw, 6) && !bit(raw, 7), bit(raw, 6), bit(raw, 6) && !bit(raw, 54));
    else
        out->rights = rights(bit(raw, 7), bit(raw, 6), !bit(raw, 54));
}

/* AP[1:0] at `ap`, APX at `apx`: 2 and 3 let user mode read, 3 without APX write. */
static uint8_t short_rights(uint64_t raw, unsigned ap, unsigned apx, unsigned xn)
{
    unsigned access = (unsigned)(raw >> ap) & 3;
    bool read = access >= 2;
    return rights(access == 3 && !bit(raw, apx), read, read && !bit(raw, xn));
}

static void section(uint64_t raw, struct sel4_entry *out)
{
    out->kind = SEL4_ENTRY_LEAF;
    out->repeats = bit(raw, 18);
    out->bits = out->repeats ? 24 : 20;
    out->pa = raw & 0xffffffffu & ~sel4_mask(out->bits);
    out->rights = short_rights(raw, 10, 15, 4);
}

static void aarch32(unsigned level, uint64_t raw, struct sel4_entry *out)
{
    if (level == 0) {
        if ((raw & 3) == 1) {
            out->kind = SEL4_ENTRY_TABLE;
            out->pa = raw & 0xfffffc00u;
        } else if ((raw & 3) != 0) {
            section(raw, out);
        }
        return;
    }
    if ((raw & 3) == 0)
        return;
    out->kind = SEL4_ENTRY_LEAF;
    out->repeats = (raw & 3) == 1;
    out->bits = out->repeats ? 16 : 12;
    out->pa = raw & 0xffffffffu & ~sel4_mask(out->bits);
    out->rights = short_rights(raw, 4, 9, out->repeats ? 15 : 0);
}

static void sv39(uint64_t raw, struct sel4_entry *out)
{
    if (!bit(raw, 0))
        return;
    out->kind = raw & 0xe ? SEL4_ENTRY_LEAF : SEL4_ENTRY_TABLE;
    out->pa = (raw >> 10 & sel4_mask(44)) << 12;
    out->rights = rights(bit(raw, 2), bit(raw, 1), bit(raw, 3));
}

static void x86_64(const struct sel4_paging *p, unsigned level, uint64_t raw,
                   struct sel4_entry *out)
{
    bool last = level + 1u == p->levels;
    if (!bit(raw, 0))
        return;
    out->kind = last || (level > 0 && bit(raw, 7)) ? SEL4_ENTRY_LEAF : SEL4_ENTRY_TABLE;
    out->pa = raw & 0xffffffffff000u;
    bool user = bit(raw, 2);
    out->rights = rights(user && bit(raw, 1), user, user && !bit(raw, 63));
}

void sel4_paging_decode(const struct sel4_paging *p, unsigned level, uint64_t raw,
                        struct sel4_entry *out)
{
    *out = (struct sel4_entry){.kind = SEL4_ENTRY_NONE, .bits = p->shift[level]};
    if (p->format == SEL4_PAGING_AARCH32)
        aarch32(level, raw, out);
    else if (p->format == SEL4_PAGING_SV39)
        sv39(raw, out);
    else if (p->format == SEL4_PAGING_X86_64)
        x86_64(p, level, raw, out);
    else
        aarch64(p, level, raw, out);
    if (out->kind == SEL4_ENTRY_LEAF)
        out->pa &= ~sel4_mask(out->bits);
    if (out->kind == SEL4_ENTRY_LEAF && level + 1u == p->levels && !out->repeats)
        out->bits = p->shift[level];
}
