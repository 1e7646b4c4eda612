/* Translations: page directories and page tables of ARMv6 (layout/objects.h; ARM ARM B4.7), read in
 * pieces of 256 bytes, user addresses only.
 *
 * A large page and a supersection stand in the table sixteen times and are one translation: only
 * the first of equal words in an aligned group of sixteen counts, so that copies that differ, which
 * the kernel never makes, still show. */
#include "objwalk/capscope/layout.h"

enum {
    USER_PDES = USER_TOP >> 20,
    GROUP = 16,
    SECTION_BITS = 20,
    SUPERSECTION_BITS = 24,
    LARGE_BITS = 16,
    SMALL_BITS = 12,
    AP_MASK = 3,
    AP_USER_READ = 2,
    AP_USER_WRITE = 3,
    MAPPING_EXECUTABLE = 4,
    MAPPING_CACHEABLE = 1,
};
#define PAGE_TABLE_BASE 0xfffffc00u

/* What user mode may do, by access permission bits (ARM ARM B4.3). */
static uint32_t user_rights(uint32_t ap, bool apx, bool xn)
{
    if (ap < AP_USER_READ)
        return 0;
    uint32_t rights = RIGHT_READ;
    if (ap == AP_USER_WRITE && !apx)
        rights |= RIGHT_WRITE;
    return xn ? rights : rights | MAPPING_EXECUTABLE;
}

static bool is_section(word_t pde)
{
    return (pde & PDE_TYPE_MASK) == PDE_SECTION;
}

static bool is_supersection(word_t pde)
{
    return (pde & PDE_SUPERSECTION_BIT) != 0;
}

static void fill_section(word_t pde, uint32_t index, struct record_mapping *out)
{
    unsigned bits = is_supersection(pde) ? SUPERSECTION_BITS : SECTION_BITS;
    uint32_t base = ~(((uint32_t)1 << bits) - 1);
    out->vaddr = (index << SECTION_BITS) & base;
    out->frame = pde & base;
    out->bits = bits;
    out->rights = user_rights(pde >> PDE_AP_SHIFT & AP_MASK, (pde & PDE_APX) != 0,
                              (pde & PDE_SECTION_XN) != 0);
    out->attributes = (pde & PTE_C) != 0 ? MAPPING_CACHEABLE : 0;
    out->table = 0;
}

static void fill_page(word_t pte, uint32_t first, uint32_t second, paddr_t table,
                      struct record_mapping *out)
{
    bool large = (pte & PTE_TYPE_MASK) == PTE_LARGE;
    unsigned bits = large ? LARGE_BITS : SMALL_BITS;
    uint32_t base = ~(((uint32_t)1 << bits) - 1);
    out->vaddr = (first << SECTION_BITS | second << SMALL_BITS) & base;
    out->frame = pte & base;
    out->bits = bits;
    out->rights = user_rights(pte >> PTE_AP_SHIFT & AP_MASK, (pte & PTE_APX) != 0,
                              (pte & (large ? PTE_LARGE_XN : PTE_SMALL_XN)) != 0);
    out->attributes = (pte & PTE_C) != 0 ? MAPPING_CACHEABLE : 0;
    out->table = table;
}

/* Is entry i, which lies in its piece with the fifteen before it, a further copy? */
static bool is_copy(const word_t *piece, uint32_t i)
{
    i %= OBJWALK_BLOCK_WORDS;
    return i % GROUP != 0 && piece[i] == piece[i - 1];
}

enum { PIECE_BYTES = OBJWALK_BLOCK_WORDS * sizeof(word_t) };

/* Where the piece of a table lies, or lies copied. */
static enum error read_piece(struct objwalk *w, bool direct, kaddr_t at, struct objwalk_piece *p)
{
    p->entry = direct ? memview_window(w->view, at, PIECE_BYTES) : NULL;
    if (p->entry)
        return ERR_OK;
    p->entry = p->copy;
    return objwalk_in_ram(w, at, PIECE_BYTES) ? objwalk_read(w, at, p->copy, PIECE_BYTES)
                                              : objwalk_fail(w, ERR_CORRUPT, AUDIT_UNREADABLE, at);
}

/* Makes the piece that of the entries around number i of the table at `table`. */
static inline enum error load_piece(struct objwalk *w, bool direct, kaddr_t table, uint32_t i,
                                    struct objwalk_piece *p)
{
    kaddr_t at = table + i / OBJWALK_BLOCK_WORDS * PIECE_BYTES;
    if (at == p->at)
        return ERR_OK;
    enum error e = read_piece(w, direct, at, p);
    p->at = e == ERR_OK ? at : 0;
    return e;
}

static bool is_empty(const word_t *piece)
{
    word_t all = 0;
#pragma GCC unroll 8
    for (uint32_t i = 0; i < OBJWALK_BLOCK_WORDS; i++)
        all |= piece[i];
    return all == 0;
}

void objwalk_mapping_begin(struct objwalk_mapping_cursor *c, kaddr_t dir, uint32_t asid)
{
    c->dir = dir;
    c->asid = asid;
    c->first = 0;
    c->second = 0;
    c->direct = false;
    c->pde.at = 0;
    c->pte.at = 0;
}

static void next_entry(struct objwalk_mapping_cursor *c)
{
    c->first++;
    c->second = 0;
}

/* The next translation of the page table that entry c->first refers to; ERR_NOT_FOUND at its
 * end. */
static enum error table_next(struct objwalk *w, struct objwalk_mapping_cursor *c, word_t pde,
                             struct record_mapping *out)
{
    paddr_t base = pde & PAGE_TABLE_BASE;
    kaddr_t table = objwalk_kaddr(w, base);
    if (!objwalk_in_ram(w, table, 1 << PAGE_TABLE_BITS))
        return objwalk_fail(w, ERR_CORRUPT, AUDIT_TABLE_FOREIGN, c->dir + c->first * 4);
    while (c->second < PTE_COUNT) {
        enum error e = load_piece(w, c->direct, table, c->second, &c->pte);
        if (e != ERR_OK)
            return e;
        uint32_t i = c->second++;
        word_t pte = c->pte.entry[i % OBJWALK_BLOCK_WORDS];
        if ((pte & PTE_TYPE_MASK) == 0)
            continue;
        if ((pte & PTE_TYPE_MASK) == PTE_LARGE && is_copy(c->pte.entry, i))
            continue;
        fill_page(pte, c->first, i, base, out);
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

enum error objwalk_mapping_next(struct objwalk *w, struct objwalk_mapping_cursor *c,
                                struct record_mapping *out)
{
    out->dir = objwalk_paddr(w, c->dir);
    out->asid = c->asid;
    for (; c->first < USER_PDES; next_entry(c)) {
        enum error e = load_piece(w, c->direct, c->dir, c->first, &c->pde);
        if (e != ERR_OK) {
            c->first = (c->first / OBJWALK_BLOCK_WORDS + 1) * OBJWALK_BLOCK_WORDS;
            return e;
        }
        if (c->first % OBJWALK_BLOCK_WORDS == 0 && is_empty(c->pde.entry)) {
            c->first += OBJWALK_BLOCK_WORDS - 1;
            continue;
        }
        word_t pde = c->pde.entry[c->first % OBJWALK_BLOCK_WORDS];
        if (is_section(pde) && !(is_supersection(pde) && is_copy(c->pde.entry, c->first))) {
            fill_section(pde, c->first, out);
            next_entry(c);
            return ERR_OK;
        }
        if ((pde & PDE_TYPE_MASK) != PDE_PAGE_TABLE)
            continue;
        e = table_next(w, c, pde, out);
        if (e != ERR_NOT_FOUND && e != ERR_OK)
            next_entry(c);
        if (e != ERR_NOT_FOUND)
            return e;
    }
    return ERR_NOT_FOUND;
}

enum error objwalk_translate(struct objwalk *w, kaddr_t dir, vaddr_t vaddr,
                             struct record_mapping *out)
{
    word_t pde, pte;
    uint32_t first = vaddr >> SECTION_BITS, second = vaddr >> SMALL_BITS & (PTE_COUNT - 1);
    if (vaddr >= USER_TOP)
        return ERR_NOT_FOUND;
    enum error e = objwalk_read(w, dir + first * 4, &pde, sizeof(pde));
    if (e != ERR_OK)
        return e;
    out->dir = objwalk_paddr(w, dir);
    if (is_section(pde)) {
        fill_section(pde, first, out);
        return ERR_OK;
    }
    kaddr_t table = objwalk_kaddr(w, pde & PAGE_TABLE_BASE);
    if ((pde & PDE_TYPE_MASK) != PDE_PAGE_TABLE)
        return ERR_NOT_FOUND;
    e = objwalk_read_object(w, table, PAGE_TABLE_BITS, NULL, 1 << PAGE_TABLE_BITS);
    if (e == ERR_OK)
        e = objwalk_read(w, table + second * 4, &pte, sizeof(pte));
    if (e != ERR_OK)
        return e;
    if ((pte & PTE_TYPE_MASK) == 0)
        return ERR_NOT_FOUND;
    fill_page(pte, first, second, pde & PAGE_TABLE_BASE, out);
    return ERR_OK;
}

enum error objwalk_directory(struct objwalk *w, uint32_t asid, kaddr_t *dir)
{
    kaddr_t pool, found;
    uint32_t index = asid >> ASID_POOL_INDEX_BITS;
    if (index >= ASID_POOLS)
        return ERR_NOT_FOUND;
    enum error e = w->ops->asid_pool(w, index, &pool);
    if (e != ERR_OK || pool == 0)
        return e != ERR_OK ? e : ERR_NOT_FOUND;
    e = w->ops->asid_entry(w, pool, asid & (ASIDS_PER_POOL - 1), &found);
    if (e != ERR_OK || found == 0)
        return e != ERR_OK ? e : ERR_NOT_FOUND;
    *dir = found;
    return ERR_OK;
}

enum error objwalk_table(struct objwalk *w, kaddr_t dir, vaddr_t vaddr, paddr_t *table)
{
    word_t pde;
    if (vaddr >= USER_TOP)
        return ERR_NOT_FOUND;
    enum error e = objwalk_read(w, dir + (vaddr >> SECTION_BITS) * 4, &pde, sizeof(pde));
    if (e != ERR_OK)
        return e;
    if ((pde & PDE_TYPE_MASK) != PDE_PAGE_TABLE)
        return ERR_NOT_FOUND;
    *table = pde & PAGE_TABLE_BASE;
    return ERR_OK;
}

bool objwalk_is_stale(struct objwalk *w, const struct record_slot *slot)
{
    struct record_mapping m;
    kaddr_t dir;
    paddr_t table;
    vaddr_t vaddr = (vaddr_t)slot->data;
    bool frame = slot->type == RECORD_CAP_FRAME;
    if ((!frame && slot->type != RECORD_CAP_PAGE_TABLE) || slot->extra == 0)
        return false;
    if (objwalk_directory(w, (uint32_t)slot->extra, &dir) != ERR_OK)
        return true;
    if (!frame)
        return objwalk_table(w, dir, vaddr, &table) != ERR_OK || table != slot->object;
    return objwalk_translate(w, dir, vaddr, &m) != ERR_OK || m.frame != slot->object ||
           m.bits != slot->bits || m.vaddr != slot->data;
}
