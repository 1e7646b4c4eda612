/* The debugger's own tables, and whether others are what they should be: see rescue.h. */
#include "monitor/door/rescue.h"

#include "kernel/arch.h"
#include "kernel/armv6/guard.h"
#include "kernel/armv6/offsets.h"
#include "kernel/debug.h"
#include "lib/format.h"

#define TTBR_BASE 0xffffc000u

enum {
    FIRST = USER_TOP >> 20,
    WALK_FLAGS = 0x18,
    TABLE_ENTRY = PDE_COUNT - 1,
    PIECE = 16, /* entries that a tick looks at */
    PIECES_BITS = 4,
};
_Static_assert(PIECE << PIECES_BITS == PDE_COUNT - FIRST, "pieces are the kernel's part");

/* rescue.S */
word_t rescue_tables(void);
void rescue_use(word_t ttbr0);

word_t rescue_directory[PDE_COUNT] __attribute__((aligned(1 << PAGE_DIRECTORY_BITS)));
static word_t rescue_table[PTE_COUNT] __attribute__((aligned(1 << PAGE_TABLE_BITS)));
word_t rescue_from; /* TTBR0 before the debugger's, 0: it is in use */
word_t debug_kernel_entries[KERNEL_ENTRIES];

static word_t own(void)
{
    return paddr_from_kaddr(kaddr_of(rescue_directory)) | WALK_FLAGS;
}

void rescue_init(void)
{
    const word_t *kernel = kptr(arch_kernel_pd());
    const word_t *table = kptr(kaddr_from_paddr(kernel[TABLE_ENTRY] & ~(word_t)0x3ff));
    memcpy(&rescue_directory[FIRST], &kernel[FIRST], (PDE_COUNT - FIRST) * sizeof(word_t));
    memcpy(rescue_table, table, sizeof(rescue_table));
    debug_kernel_entries[KERNEL_FIRST] = kernel[FIRST];
    debug_kernel_entries[KERNEL_LAST] = kernel[TABLE_ENTRY];
    debug_kernel_entries[KERNEL_LAST_HELPERS] = arch_helpers_entry();
    rescue_directory[TABLE_ENTRY] = paddr_from_kaddr(kaddr_of(rescue_table)) | PDE_PAGE_TABLE;
    arch_clean_table(kaddr_of(rescue_directory), sizeof(rescue_directory));
    arch_clean_table(kaddr_of(rescue_table), sizeof(rescue_table));
}

/* Users' addresses stay what they are, for a debugger outside that looks through the processor. */
void rescue_enter(void)
{
    word_t now = rescue_tables();
    if (debug_kernel_entries[KERNEL_LAST] == 0 || now == own())
        return;
    arch_guarded_read(kaddr_from_paddr(now & TTBR_BASE), rescue_directory, FIRST * sizeof(word_t));
    arch_clean_table(kaddr_of(rescue_directory), FIRST * sizeof(word_t));
    rescue_from = now;
    rescue_use(own());
}

/* What entry i of a directory must be. */
static word_t entry_of(word_t i)
{
    return i == TABLE_ENTRY ? debug_kernel_entries[KERNEL_LAST] : rescue_directory[i];
}

static bool entry_is_sound(const word_t *entry, word_t i)
{
    return entry[i] == entry_of(i) || (i == TABLE_ENTRY && entry[i] == arch_helpers_entry());
}

/* Are entries [first, end) of the directory what they must be? */
static bool are_sound(word_t ttbr0, word_t first, word_t end, char text[RESCUE_TEXT])
{
    paddr_t pd = ttbr0 & TTBR_BASE;
    const word_t *entry = kptr(kaddr_from_paddr(pd));
    for (word_t i = first; i < end; i++) {
        if (entry_is_sound(entry, i))
            continue;
        format_string(text, RESCUE_TEXT,
                      "page directory 0x%08x is broken: entry 0x%x is 0x%08x, should be 0x%08x", pd,
                      i, entry[i], entry_of(i));
        return false;
    }
    return true;
}

/* Nobody waits for interrupts here: all of it at once. */
bool rescue_leave(char text[RESCUE_TEXT])
{
    if (rescue_from == 0)
        return true;
    if (!are_sound(rescue_from, FIRST, PDE_COUNT, text))
        return false;
    rescue_use(rescue_from);
    rescue_from = 0;
    return true;
}

/* At random: pieces in turn would leave out some of a directory that is in use at every so many-th
 * tick. A directory in use all the time is seen whole after some fifty ticks. */
static word_t piece_of_tick(word_t tick)
{
    word_t h = tick * 0x9e3779b1u;
    return (h ^ h >> 15) * 0x85ebca6bu >> (32 - PIECES_BITS);
}

static void look_at_piece(word_t ttbr0)
{
    static char text[RESCUE_TEXT];
    word_t first = FIRST + piece_of_tick(ks.ticks) * PIECE;
    if (!are_sound(ttbr0, first, first + PIECE, text))
        kernel_panic(__FILE__, __LINE__, text);
}

void rescue_look(void)
{
    word_t ttbr0 = rescue_tables();
    debug_switch(current_thread(), kaddr_from_paddr(ttbr0 & TTBR_BASE));
    if (debug_kernel_entries[KERNEL_LAST] != 0)
        look_at_piece(ttbr0);
}

/* User mode, or system mode for the idle thread, and interrupts on. */
static bool is_thread(const struct tcb *t)
{
    word_t mode = t->regs[REG_CPSR] & 0x9f;
    return mode == 0x10 || (mode == MODE_SYS && t == &ks.idle);
}

/* The two entries without which the next exception would be the last one. */
static bool ends_are_sound(word_t ttbr0, char text[RESCUE_TEXT])
{
    return are_sound(ttbr0, FIRST, FIRST + 1, text) &&
           are_sound(ttbr0, TABLE_ENTRY, TABLE_ENTRY + 1, text);
}

/* debug_switch() asks whatever is not usual: the idle thread's mode, too. Before the tables are
 * copied it cannot tell. */
void debug_switch_refused(const struct tcb *t, kaddr_t directory)
{
    static char text[RESCUE_TEXT];
    if (debug_kernel_entries[KERNEL_LAST] == 0)
        return;
    if (!is_thread(t))
        format_string(text, sizeof(text), "0x%08x is to run and is no thread: cpsr 0x%08x",
                      paddr_from_kaddr(kaddr_of(t)), t->regs[REG_CPSR]);
    else if (ends_are_sound(paddr_from_kaddr(directory), text))
        return;
    kernel_panic("kernel/asid.c", 0, text);
}
