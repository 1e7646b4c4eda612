/* The kernel's own tables, and its part of every page directory.
 *
 * The upper part of a directory is a copy of the kernel's, so two comparisons suffice: the kernel's
 * with what it must be (RAM where the window has it, for the kernel alone; behind the last entry a
 * page table of the kernel's image, in which users see the globals frame and nothing else), and
 * each directory's with the kernel's.  A directory may have another page table behind its last
 * entry: the same, but that users may read the vectors' page, in which their helpers lie. */
#include "objwalk/capscope/audit_state.h"

enum {
    FIRST = USER_TOP >> 20,
    SECTION_BITS = 20,
    AP_MASK = 3,
    AP_KERNEL = 1, /* below: nobody; above: users too */
    AP_USER_READ = 2,
    ENTRY_BYTES = sizeof(word_t),
    VECTORS_PAGE = 0xf0, /* of the last page table */
};

static void report_entry(struct audit *a, enum audit_rule rule, kaddr_t table, uint32_t shows,
                         word_t entry)
{
    audit_report(a, rule, objwalk_paddr(a->w, table), shows, entry);
}

/* --- one entry of the window --- */

static bool is_section(word_t pde)
{
    return (pde & PDE_TYPE_MASK) == PDE_SECTION;
}

static bool is_open(word_t pde)
{
    return is_section(pde) && (pde >> PDE_AP_SHIFT & AP_MASK) > AP_KERNEL;
}

/* Does entry i, a section or supersection, show the memory that the window has there? */
static bool shows_window(const struct audit *a, uint32_t i, word_t pde)
{
    uint32_t bits = (pde & PDE_SUPERSECTION_BIT) != 0 ? 24 : SECTION_BITS;
    paddr_t want = objwalk_paddr(a->w, i << SECTION_BITS);
    return is_section(pde) && (pde ^ want) >> bits == 0 &&
           (pde >> PDE_AP_SHIFT & AP_MASK) == AP_KERNEL;
}

/* --- entries, a piece at a time --- */

typedef void (*entry_fn)(struct audit *a, kaddr_t table, uint32_t i, word_t entry);

static void for_each_entry(struct audit *a, kaddr_t table, uint32_t first, uint32_t end,
                           entry_fn fn)
{
    word_t piece[OBJWALK_BLOCK_WORDS];
    for (uint32_t i = first; i < end && a->error == ERR_OK; i++) {
        uint32_t in_piece = i % OBJWALK_BLOCK_WORDS;
        if (in_piece == 0 && !audit_ok(a, objwalk_read_object(a->w, table + i * ENTRY_BYTES, 8,
                                                              piece, sizeof(piece))))
            return;
        fn(a, table, i, piece[in_piece]);
    }
}

/* --- the kernel's own --- */

/* Beyond RAM the window may show what follows it, or have a hole. */
static void check_window_entry(struct audit *a, kaddr_t table, uint32_t i, word_t pde)
{
    bool needed = objwalk_in_ram(a->w, i << SECTION_BITS, 1);
    if (is_open(pde))
        report_entry(a, AUDIT_KERNEL_OPEN, table, i << SECTION_BITS, pde);
    else if (!shows_window(a, i, pde) && (needed || pde != 0))
        report_entry(a, AUDIT_KERNEL_PART, table, i << SECTION_BITS, pde);
}

static void check_kernel_page(struct audit *a, kaddr_t table, uint32_t i, word_t pte)
{
    bool globals =
        (pte & ~0xfffu) == objwalk_paddr(a->w, a->w->roots.globals_frame) && (pte & PTE_APX) == 0;
    word_t most = globals ? AP_KERNEL + 1 : AP_KERNEL;
    if ((pte & PTE_TYPE_MASK) != 0 && (pte >> PTE_AP_SHIFT & AP_MASK) > most)
        report_entry(a, AUDIT_KERNEL_OPEN, table,
                     (uint32_t)(PDE_COUNT - 1) << SECTION_BITS | i << 12, pte);
}

static bool in_kernel_image(const struct audit *a, paddr_t p)
{
    return p >= a->w->roots.kernel_start && p < a->w->roots.kernel_end;
}

static void check_last_entry(struct audit *a, kaddr_t directory, uint32_t i, word_t pde)
{
    paddr_t table = pde & ~((1u << PAGE_TABLE_BITS) - 1);
    if ((pde & PDE_TYPE_MASK) != PDE_PAGE_TABLE || !in_kernel_image(a, table))
        report_entry(a, AUDIT_KERNEL_PART, directory, i << SECTION_BITS, pde);
    else
        for_each_entry(a, objwalk_kaddr(a->w, table), 0, PTE_COUNT, check_kernel_page);
}

static void check_kernel_entry(struct audit *a, kaddr_t directory, uint32_t i, word_t pde)
{
    if (i == PDE_COUNT - 1)
        check_last_entry(a, directory, i, pde);
    else
        check_window_entry(a, directory, i, pde);
}

void audit_kernel_tables(struct audit *a)
{
    for_each_entry(a, a->w->roots.kernel_pd, FIRST, PDE_COUNT, check_kernel_entry);
}

/* --- a directory's copy --- */

static kaddr_t table_of(const struct audit *a, word_t pde)
{
    return objwalk_kaddr(a->w, pde & ~((1u << PAGE_TABLE_BITS) - 1));
}

/* Is entry i of a page table what the kernel's own has there, or the vectors' page with the
 * helpers? */
static bool same_page(uint32_t i, word_t own, word_t pte)
{
    word_t helpers = (word_t)(AP_KERNEL ^ AP_USER_READ) << PTE_AP_SHIFT;
    return pte == own || (i == VECTORS_PAGE && (own & PTE_APX) != 0 && pte == (own ^ helpers));
}

static bool same_pages(struct audit *a, kaddr_t own, kaddr_t table)
{
    word_t x[OBJWALK_BLOCK_WORDS], y[OBJWALK_BLOCK_WORDS];
    for (uint32_t i = 0; i < PTE_COUNT; i++) {
        uint32_t in_piece = i % OBJWALK_BLOCK_WORDS, at = i * ENTRY_BYTES;
        if (in_piece == 0 && (!audit_ok(a, objwalk_read_object(a->w, own + at, 8, x, sizeof(x))) ||
                              !audit_ok(a, objwalk_read_object(a->w, table + at, 8, y, sizeof(y)))))
            return false;
        if (!same_page(i, x[in_piece], y[in_piece]))
            return false;
    }
    return true;
}

static bool is_helpers_table(struct audit *a, word_t own, word_t pde)
{
    const word_t flags = (1u << PAGE_TABLE_BITS) - 1;
    return (own & PDE_TYPE_MASK) == PDE_PAGE_TABLE && (pde & flags) == (own & flags) &&
           in_kernel_image(a, pde & ~flags) && same_pages(a, table_of(a, own), table_of(a, pde));
}

void audit_kernel_part(struct audit *a, kaddr_t dir)
{
    struct objwalk *w = a->w;
    word_t own[OBJWALK_BLOCK_WORDS], copy[OBJWALK_BLOCK_WORDS];
    for (uint32_t i = FIRST; i < PDE_COUNT && a->error == ERR_OK; i++) {
        uint32_t in_piece = i % OBJWALK_BLOCK_WORDS, at = i * ENTRY_BYTES;
        if (in_piece == 0 &&
            (!audit_ok(a, objwalk_read_object(w, w->roots.kernel_pd + at, 8, own, sizeof(own))) ||
             !audit_ok(a, objwalk_read_object(w, dir + at, 8, copy, sizeof(copy)))))
            return;
        word_t is = copy[in_piece], must = own[in_piece];
        if (is == must || (i == PDE_COUNT - 1 && is_helpers_table(a, must, is)))
            continue;
        report_entry(a, is_open(is) ? AUDIT_KERNEL_OPEN : AUDIT_KERNEL_PART, dir, i << SECTION_BITS,
                     is);
    }
}
