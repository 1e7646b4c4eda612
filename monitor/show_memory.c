/* Commands about memory: untypeds, frames, address spaces, bytes. */
#include "monitor/command.h"
#include "monitor/out.h"
#include "monitor/places.h"
#include "monitor/text.h"
#include "monitor/view.h"
#include "record/names.h"
#include "record/codec.h"

enum { MEM_DEFAULT = 64, MEM_MAX = 4096, MEM_ROW = 16, SLOT_SIZE = sizeof(struct slot) };

/* ---- untyped ---- */

struct untyped_use {
    uint32_t children;
    uint32_t bytes; /* in live objects directly below */
};

static uint32_t bytes_of(const struct record_slot *r)
{
    return r->bits == 0 ? 0 : (uint32_t)1 << (r->bits & 31);
}

/* Adds up the objects directly below the untyped at which view_cursor stands. Capabilities to one
 * object stand together, so each object is counted at its first capability. */
static struct untyped_use untyped_measure(struct objwalk *w)
{
    struct untyped_use use = {0, 0};
    struct record_slot r;
    paddr_t last = 0;
    uint32_t last_type = 0;
    view_inner = view_cursor;
    uint32_t depth = view_inner.depth;
    while (objwalk_cdt_next(w, &view_inner, &r) == ERR_OK && view_inner.depth > depth) {
        if (view_inner.depth != depth + 1)
            continue;
        use.children++;
        if (r.object != last || r.type != last_type)
            use.bytes += bytes_of(&r);
        last = r.object;
        last_type = r.type;
        if (out_stopped())
            break;
    }
    return use;
}

static void untyped_line(const struct record_slot *r, struct untyped_use use)
{
    char size[TEXT_SIZE], text[TEXT_SIZE];
    uint32_t bytes = bytes_of(r), mark = r->data;
    out("0x%08x %6s ", r->object, text_size(bytes, size));
    if (use.children == 0) {
        out("%8s %8s %8s %8s", "0", text_size(bytes, text), "0", "0");
    } else {
        out("%8s ", text_size(use.bytes, text));
        out("%8s ", text_size(bytes - mark, text));
        out("%8s ", text_size(mark > use.bytes ? mark - use.bytes : 0, text));
        out("%8s", text_size(mark, text));
    }
    bool device = (r->flags & RECORD_SLOT_DEVICE) != 0;
    out("%s", device ? " device" : "");
    if (use.children == 0)
        out(mark && !device ? " all free, mark %u" : " all free", mark);
    out("\n");
}

enum error command_untyped(const struct args *a)
{
    struct objwalk *w = view_walk();
    struct record_slot r;
    kaddr_t only = 0;
    uint32_t shown = 0, left_out = 0;
    if (!w)
        return ERR_NO_ROOTS;
    bool all = args_is(a, 0, "all");
    enum error e = a->count > 0 && !all ? args_address(a, 0, &only) : ERR_OK;
    if (e != ERR_OK)
        return e;
    out("block        size     live     free     lost  reclaim\n");
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK && !out_stopped()) {
        if (r.type != RECORD_CAP_UNTYPED)
            continue;
        if (only != 0 && paddr_from_kaddr(only) - r.object >= bytes_of(&r))
            continue;
        struct untyped_use use = untyped_measure(w);
        if (a->count == 0 && use.children == 0 && (r.flags & RECORD_SLOT_DEVICE)) {
            left_out++;
            continue;
        }
        untyped_line(&r, use);
        shown++;
    }
    view_complain(w, e);
    if (left_out > 0)
        out("and %u device blocks, all free; `untyped all` shows them\n", left_out);
    if (only != 0 && shown == 0)
        out("no untyped memory covers 0x%08x\n", paddr_from_kaddr(only));
    else
        out("live: in objects right below; free: above the mark, or all without children;\n"
            "lost: below the mark in no object; reclaim: what a revoke makes free again\n");
    return ERR_OK;
}

/* ---- frame ---- */

/* The untypeds above view_cursor's slot, nearest first: the owner is who holds the nearest. */
static void frame_owner(struct objwalk *w)
{
    uint32_t depth = view_cursor.depth;
    bool first = true;
    for (; depth > 0 && depth <= OBJWALK_MAX_DEPTH; depth--) {
        struct record_slot r;
        kaddr_t slot = view_cursor.chain_addr[depth - 1];
        if (objwalk_slot(w, slot, &r) != ERR_OK || r.type != RECORD_CAP_UNTYPED)
            continue;
        out(first ? "owner    " : "from     ");
        text_cap(&r);
        text_place_piece(w, slot);
        out("\n");
        first = false;
    }
    if (first)
        out("owner    none: given out at boot\n");
}

static void frame_cap(struct objwalk *w, const struct record_slot *r)
{
    out("cap      0x%08x ", r->addr);
    text_cap(r);
    text_place_piece(w, view_cursor.slot);
    out("\n");
}

static void frame_mappings_in(struct objwalk *w, const struct record_slot *dir, paddr_t address)
{
    static struct objwalk_mapping_cursor c;
    struct record_mapping m;
    char rights[4];
    objwalk_mapping_begin(&c, kaddr_from_paddr(dir->object), dir->extra);
    while (objwalk_mapping_next(w, &c, &m) == ERR_OK && !out_stopped()) {
        if (address - m.frame >= (uint32_t)1 << (m.bits & 31))
            continue;
        out("mapped   at 0x%08x %s in pagedir 0x%08x asid %u\n", m.vaddr,
            record_access_text(m.rights, rights), m.dir, m.asid);
    }
}

static void frame_mappings(struct objwalk *w, paddr_t address)
{
    struct record_slot r;
    paddr_t last = 0;
    objwalk_cdt_begin(w, &view_cursor);
    while (objwalk_cdt_next(w, &view_cursor, &r) == ERR_OK && !out_stopped()) {
        if (r.type != RECORD_CAP_PAGE_DIRECTORY || r.object == last)
            continue;
        last = r.object;
        frame_mappings_in(w, &r, address);
    }
}

enum error command_frame(const struct args *a)
{
    struct objwalk *w = view_walk();
    struct record_slot r;
    kaddr_t address;
    uint32_t caps = 0;
    if (!w)
        return ERR_NO_ROOTS;
    enum error e = args_address(a, 0, &address);
    if (e != ERR_OK)
        return e;
    paddr_t p = paddr_from_kaddr(address);
    places_collect(w);
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK && !out_stopped()) {
        if (r.type != RECORD_CAP_FRAME || p - r.object >= bytes_of(&r))
            continue;
        if (caps++ == 0)
            frame_owner(w);
        frame_cap(w, &r);
    }
    view_complain(w, e);
    if (caps == 0)
        out("no capability to a frame covers 0x%08x\n", p);
    frame_mappings(w, p);
    return ERR_OK;
}

/* ---- vspace ---- */

/* A run of translations that follow each other with the same size and rights. */
struct run {
    struct record_mapping first;
    uint32_t pages;
};

static void run_print(const struct run *run)
{
    char size[TEXT_SIZE], rights[4];
    const struct record_mapping *m = &run->first;
    if (run->pages == 0)
        return;
    uint32_t bytes = run->pages << (m->bits & 31);
    out("0x%08x-0x%08x to 0x%08x %4u x %-4s %s%s\n", m->vaddr, m->vaddr + (bytes - 1), m->frame,
        run->pages, text_size((uint32_t)1 << (m->bits & 31), size),
        record_access_text(m->rights, rights), m->attributes & 1 ? "" : " uncached");
}

static bool run_takes(const struct run *run, const struct record_mapping *m)
{
    const struct record_mapping *f = &run->first;
    uint32_t bytes = run->pages << (f->bits & 31);
    return run->pages != 0 && m->bits == f->bits && m->rights == f->rights &&
           m->attributes == f->attributes && m->vaddr == f->vaddr + bytes &&
           m->frame == f->frame + bytes;
}

static enum error vspace_print(struct objwalk *w, kaddr_t dir, uint32_t asid)
{
    static struct objwalk_mapping_cursor c;
    struct run run = {.pages = 0};
    struct record_mapping m;
    enum error e;
    uint32_t pages = 0;
    out("pagedir 0x%08x asid %u\n", paddr_from_kaddr(dir), asid);
    objwalk_mapping_begin(&c, dir, asid);
    while ((e = objwalk_mapping_next(w, &c, &m)) == ERR_OK && !out_stopped()) {
        pages++;
        if (run_takes(&run, &m)) {
            run.pages++;
            continue;
        }
        run_print(&run);
        run = (struct run){m, 1};
    }
    run_print(&run);
    view_complain(w, e);
    out("%u translations\n", pages);
    return ERR_OK;
}

static enum error vspace_of_directory(struct objwalk *w, kaddr_t dir)
{
    struct record_slot r;
    enum error e;
    objwalk_cdt_begin(w, &view_cursor);
    while ((e = objwalk_cdt_next(w, &view_cursor, &r)) == ERR_OK)
        if (r.type == RECORD_CAP_PAGE_DIRECTORY && r.object == paddr_from_kaddr(dir))
            return vspace_print(w, dir, r.extra);
    view_complain(w, e);
    out("there is no page directory at 0x%08x\n", paddr_from_kaddr(dir));
    return ERR_NOT_FOUND;
}

static enum error vspace_of_thread(struct objwalk *w, kaddr_t tcb)
{
    struct record_slot r;
    if (objwalk_slot(w, tcb + TCB_VSPACE * SLOT_SIZE, &r) != ERR_OK ||
        r.type != RECORD_CAP_PAGE_DIRECTORY) {
        out("the thread has no address space\n");
        return ERR_NOT_FOUND;
    }
    return vspace_print(w, kaddr_from_paddr(r.object), r.extra);
}

enum error command_vspace(const struct args *a)
{
    struct objwalk *w = view_walk();
    kaddr_t address;
    if (!w)
        return ERR_NO_ROOTS;
    places_collect(w);
    kaddr_t tcb = a->count > 0 ? places_thread_named(a->word[0]) : 0;
    if (tcb != 0)
        return vspace_of_thread(w, tcb);
    enum error e = args_address(a, 0, &address);
    if (e != ERR_OK)
        return e;
    for (uint32_t i = 0; i < places_count(); i++)
        if (places_at(i)->kind == PLACE_TCB && places_at(i)->base == address)
            return vspace_of_thread(w, address);
    return vspace_of_directory(w, address);
}

/* ---- mem ---- */

static void mem_row(uint32_t name, const uint8_t *p, uint32_t len)
{
    out("0x%08x ", name);
    for (uint32_t i = 0; i < MEM_ROW; i++) {
        if (i < len)
            out(" %02x", p[i]);
        else
            out("   ");
    }
    out("  ");
    for (uint32_t i = 0; i < len; i++)
        out("%c", p[i] >= 0x20 && p[i] <= 0x7e ? p[i] : '.');
    out("\n");
}

enum error command_mem(const struct args *a)
{
    uint8_t row[MEM_ROW] __attribute__((aligned(4)));
    uint32_t len = MEM_DEFAULT;
    kaddr_t at;
    enum error e = args_address(a, 0, &at);
    if (e == ERR_OK && a->count > 1)
        e = args_number(a, 1, &len);
    if (e != ERR_OK)
        return e;
    if (len > MEM_MAX)
        len = MEM_MAX;
    uint32_t name = paddr_from_kaddr(at);
    bool is_there = view_is_ram(at) || name >= KERNEL_WINDOW;
    if (!view_is_ram(at)) /* the kernel's stack and device pages lie behind RAM in its window */
        at = name;
    while (len > 0 && !out_stopped()) {
        uint32_t n = len < MEM_ROW ? len : (uint32_t)MEM_ROW;
        while (is_there && n > 0 && view_read(at, row, n) != ERR_OK)
            n--; /* the last bytes before a hole */
        if (!is_there || n == 0) {
            out("0x%08x cannot be read\n", name);
            return ERR_READ;
        }
        mem_row(name, row, n);
        at += n;
        name += n;
        len -= n;
    }
    return ERR_OK;
}
