// SPDX-License-Identifier: GPL-2.0
/*
 * The direct variant: untyped memory is the server's own, and it makes and uses kernel objects by
 * invocations of its own.
 *
 * Frames of Linux's memory are made once.  Each mapping in a user's directory is a copy of a frame's
 * capability, which is kept when it is unmapped: the frame's next mapping is one invocation.
 *
 * A page table that is unmapped takes its mappings along, but the copies still say where they were:
 * the kernel maps them there again, and elsewhere after an Unmap.  An address that a frame returns to
 * must get the copy that names it, for Unmap of that one would take the mapping of another.  One
 * that slips through (an ASID used anew, very many copies) costs a fault, which maps the page again
 * (kernel/shadow.c).
 *
 * Other objects lie in pieces of 64 KiB, each an untyped for objects of one kind; a piece whose last
 * object is freed is revoked, and is free for any kind.
 */
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <asm/sel4.h>

#define CSPACE_BITS	16
#define SLOTS		(1UL << CSPACE_BITS)
#define PIECE_BITS	16
#define PIECES		96
#define PIECE_OBJECTS	128	/* slots kept for each: as many TCBs fit */
#define MAX_UNTYPED	16
#define USER_CNODE_BITS	5
#define USER_GUARD	((32 - USER_CNODE_BITS) << 3)
#define USER_FAULTS	1
#define DIRECTORIES	4	/* in a piece */
#define PLACE_OWN	0xfff
#define COPIES_TRIED	16	/* of a frame: the page of zeroes has hundreds */

static unsigned long image_slot, lowmem_slot, priority, first_object;
static unsigned long untyped[MAX_UNTYPED], untyped_count;

/* --- invocations --- */

static __always_inline int invoke(unsigned long cap, int label, unsigned long words, unsigned long w0, unsigned long w1,
				  unsigned long w2)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	return sel4_label(sel4_trap(SYS_SEL4_CALL, cap, sel4_tag(label, 0, words), w0, w1, w2, 0).tag);
}

static __always_inline int invoke_cap(unsigned long cap, int label, unsigned long extra, unsigned long words,
				      unsigned long w0, unsigned long w1, unsigned long w2)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	sel4_cap_arg(0) = extra;
	return sel4_label(sel4_trap(SYS_SEL4_CALL, cap, sel4_tag(label, 1, words), w0, w1, w2, 0).tag);
}

static int retype(unsigned long from, int type, int bits, unsigned long slot, unsigned long count)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	sel4_cap_arg(0) = SLOT_CNODE;
	sel4_msg(4) = slot;
	sel4_msg(5) = count;
	return sel4_label(sel4_trap(SYS_SEL4_CALL, from, sel4_tag(UNTYPED_RETYPE, 1, 6), type, bits, 0, 0).tag);
}

static int copy(unsigned long to, unsigned long from)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	sel4_cap_arg(0) = SLOT_CNODE;
	sel4_msg(4) = RIGHTS_ALL;
	return sel4_label(sel4_trap(SYS_SEL4_CALL, SLOT_CNODE, sel4_tag(CNODE_COPY, 1, 5), to, 32, from, 32).tag);
}

/* --- slots --- */

static DECLARE_BITMAP(slots_used, SLOTS);
static unsigned long slot_hint;

static unsigned long slots_take(unsigned long count)
{
	unsigned long s = bitmap_find_next_zero_area(slots_used, SLOTS, 1, count, 0);

	if (s >= SLOTS)
		sel4_refuse("the CSpace is too small for this many slots: ", count);
	bitmap_set(slots_used, s, count);
	return s;
}

/* --- mappings: copies of frames' capabilities, the idle ones chained from their frame --- */

static u16 next_idle[SLOTS];
static u32 place[SLOTS];	/* that a copy names, see place_of(); 0: none */
#define MAX_FRAMES	((SEL4_IMAGE_MOST + (2UL << 20) + SEL4_RAM_MOST) >> PAGE_SHIFT)
static u16 idle_of[MAX_FRAMES];	/* by frame, of the image, what lies behind it, and Linux's memory */
static unsigned long frames, idle_copies;

static __always_inline unsigned long frame_index(unsigned long pfn)
{
	return pfn - (PAGE_OFFSET >> PAGE_SHIFT);
}

static unsigned long frame_slot(unsigned long pfn)
{
	unsigned long addr = pfn << PAGE_SHIFT;

	if (addr >= sel4_lowmem)
		return lowmem_slot + ((addr - sel4_lowmem) >> PAGE_SHIFT);
	return image_slot + ((addr - PAGE_OFFSET) >> PAGE_SHIFT);
}

/* No slot is free: all idle copies go, so that theirs are. */
static void copies_drop(void)
{
	unsigned long i, s;

	for (i = 0; i < frames; i++)
		for (; (s = idle_of[i]) != 0; idle_copies--) {
			idle_of[i] = next_idle[s];
			sel4_must(invoke(SLOT_CNODE, CNODE_DELETE, 2, s, 32, 0), "delete a copy");
			place[s] = 0;
			__clear_bit(s, slots_used);
		}
}

static unsigned long slot_alloc(void)
{
	unsigned long s = find_next_zero_bit(slots_used, SLOTS, slot_hint);

	if (s >= SLOTS)
		s = find_next_zero_bit(slots_used, SLOTS, 1);
	if (s >= SLOTS && idle_copies) {
		copies_drop();
		s = find_next_zero_bit(slots_used, SLOTS, 1);
	}
	if (s >= SLOTS)
		return 0;
	__set_bit(s, slots_used);
	slot_hint = s + 1;
	return s;
}

static inline unsigned long space_cap(unsigned long space)
{
	return space == SEL4_OWN_SPACE ? SLOT_VSPACE : space;
}

/* Directories are few to a piece. */
static __always_inline unsigned long directory_index(unsigned long space)
{
	unsigned long object = space - first_object;

	return object / PIECE_OBJECTS * DIRECTORIES + object % PIECE_OBJECTS;
}

/* An address, and in the lower bits whose. */
static __always_inline u32 place_of(unsigned long space, unsigned long addr)
{
	BUILD_BUG_ON(PIECES * DIRECTORIES >= PLACE_OWN);
	if (space == SEL4_OWN_SPACE)
		return addr | PLACE_OWN;
	return addr | (1 + directory_index(space));
}

/* Of a frame's idle copies the one that names the place, or the first of them, or a new one. */
static __always_inline unsigned long copy_take(unsigned long pfn, u32 where)
{
	u16 *first = &idle_of[frame_index(pfn)], *p = first;
	unsigned long s, n;

	for (n = 0; (s = *p) != 0 && n < COPIES_TRIED; n++, p = &next_idle[s])
		if (place[s] == where)
			break;
	if (!s || n == COPIES_TRIED) {
		p = first;
		s = *p;
	}
	if (likely(s)) {
		*p = next_idle[s];
		idle_copies--;
		return s;
	}
	s = slot_alloc();
	if (s)
		sel4_must(copy(s, frame_slot(pfn)), "copy a frame");
	return s;
}

static noinline void unmap_copy(unsigned long s)
{
	sel4_must(invoke(s, PAGE_UNMAP, 0, 0, 0, 0), "unmap a page");
	place[s] = 0;
}

static __always_inline int map_copy(unsigned long s, unsigned long space, unsigned long addr, unsigned long rights)
{
	return invoke_cap(s, PAGE_MAP, space_cap(space), 3, addr, rights, ATTR_CACHED);
}

/* The same with the directory in its place, not counted. */
static __always_inline int map_ready(unsigned long s, unsigned long addr, unsigned long rights)
{
	return sel4_label(sel4_trap(SYS_SEL4_CALL, s, sel4_tag(PAGE_MAP, 1, 3), addr, rights, ATTR_CACHED, 0).tag);
}

/* Its place was another's of the same name: it is unmapped first. */
static noinline int map_again(unsigned long s, unsigned long space, unsigned long addr, unsigned long rights)
{
	if (!map_copy(s, space, addr, rights))
		return 0;
	unmap_copy(s);
	return map_copy(s, space, addr, rights);
}

static __always_inline unsigned long map_at(u32 where, unsigned long space, unsigned long addr, unsigned long pfn,
					    unsigned long rights)
{
	unsigned long s = copy_take(pfn, where);

	if (unlikely(!s))
		return 0;
	if (unlikely(place[s] != where)) {
		if (place[s])
			unmap_copy(s);
		place[s] = where;
	}
	if (unlikely(map_copy(s, space, addr, rights))) {
		sel4_must(map_again(s, space, addr, rights), "map a page");
		place[s] = where;
	}
	return s;
}

static noinline unsigned long map_slowly(u32 where, unsigned long space, unsigned long pfn, unsigned long rights)
{
	return map_at(where, space, where & PAGE_MASK, pfn, rights);
}

unsigned long direct_page_map(unsigned long space, unsigned long table, unsigned long addr, unsigned long pfn,
			      unsigned long rights)
{
	return map_at(place_of(space, addr), space, addr, pfn, rights);
}

/* Maps pages around a fault; their number and what each takes here are what a page fault costs.  The first
 * idle copy of most names the place; the others take the long way. */
unsigned int direct_pages_map(unsigned long space, unsigned long table, unsigned long addr, const pte_t *ptes,
			      u16 *mapping, u32 *entry, unsigned int count)
{
	const unsigned long cap = space_cap(space), most = frames;
	unsigned int i, n = 0, quick = 0;
	u32 where = addr | place_of(space, 0);

	sel4_cap_arg(0) = cap;
	for (i = 0; i < count; i++, where += PAGE_SIZE) {
		unsigned long pte = pte_val(ptes[i]), pfn = pte >> PAGE_SHIFT, at = frame_index(pfn), s;

		if ((pte & (_PAGE_PRESENT | _PAGE_NONE)) != _PAGE_PRESENT || mapping[i])
			continue;
		if (likely(at < most && (s = idle_of[at]) != 0 && place[s] == where)) {
			idle_of[at] = next_idle[s];
			quick++;
			if (likely(!map_ready(s, where & PAGE_MASK, RIGHTS_R))) {
				entry[i] = pfn;
				mapping[i] = s;
				continue;
			}
			sel4_must(map_again(s, space, where & PAGE_MASK, RIGHTS_R), "map a page");
			place[s] = where;
		} else if (pfn_valid(pfn)) {
			s = map_slowly(where, space, pfn, RIGHTS_R);
			n += s != 0;
		} else {
			continue;
		}
		entry[i] = pfn;
		mapping[i] = s;
		sel4_cap_arg(0) = cap;
	}
	idle_copies -= quick;
	sel4_counts[COUNT_INVOCATIONS] += quick;
	return n + quick;
}

static __always_inline void make_idle(unsigned long s, unsigned long pfn)
{
	u16 *first = &idle_of[frame_index(pfn)];

	next_idle[s] = *first;
	*first = s;
}

void direct_page_unmap(unsigned long mapping, unsigned long pfn)
{
	unmap_copy(mapping);
	make_idle(mapping, pfn);
	idle_copies++;
}

void direct_pages_gone(u16 *mapping, const u32 *entry, unsigned int count)
{
	unsigned int i, n = 0;

	for (i = 0; i < 256 && n < count; i++)
		if (mapping[i]) {
			make_idle(mapping[i], entry[i] & SEL4_ENTRY_PFN);
			n++;
		}
	idle_copies += n;
}

int direct_page_protect(unsigned long mapping, unsigned long space, unsigned long addr, unsigned long rights)
{
	int error = map_again(mapping, space, addr, rights);

	place[mapping] = place_of(space, addr);
	return error;
}

void direct_page_unify(unsigned long mapping)
{
	sel4_must(invoke(mapping, PAGE_UNIFY_INSTRUCTION, 2, 0, PAGE_SIZE, 0), "unify caches");
}

/* --- objects in pieces of untyped memory --- */

enum kind { KIND_NONE, KIND_THREAD, KIND_TABLE, KIND_SPACE, KIND_CNODE, KINDS };
static const struct { u8 type, bits, radix; } kinds[KINDS] = {
	[KIND_THREAD] = { OBJ_TCB, 9 }, [KIND_TABLE] = { OBJ_PAGE_TABLE, 10 }, [KIND_SPACE] = { OBJ_PAGE_DIRECTORY, 14 },
	[KIND_CNODE] = { OBJ_CNODE, USER_CNODE_BITS + 4, USER_CNODE_BITS },
};
struct piece {
	unsigned long untyped;
	u8 kind, made, used;
	DECLARE_BITMAP(free, PIECE_OBJECTS);	/* made before and not in use */
};
static struct piece pieces[PIECES];
static unsigned long pieces_cut, pieces_open;

static unsigned int piece_capacity(enum kind kind)
{
	return 1U << (PIECE_BITS - kinds[kind].bits);
}

static struct piece *piece_of(unsigned long object)
{
	return &pieces[(object - first_object) / PIECE_OBJECTS];
}

static struct piece *piece_with_room(enum kind kind)
{
	unsigned long i;

	for (i = 0; i < pieces_cut; i++)
		if (pieces[i].kind == kind && pieces[i].used < piece_capacity(kind))
			return &pieces[i];
	return NULL;
}

static struct piece *piece_empty(void)
{
	unsigned long i, s;

	for (i = 0; i < pieces_cut; i++)
		if (pieces[i].kind == KIND_NONE)
			return &pieces[i];
	if (pieces_cut == PIECES)
		return NULL;
	s = slot_alloc();
	for (i = 0; s && i < untyped_count; i++)
		if (!retype(untyped[i], OBJ_UNTYPED, PIECE_BITS, s, 1)) {
			pieces[pieces_cut].untyped = s;
			return &pieces[pieces_cut++];
		}
	if (s)
		__clear_bit(s, slots_used);
	return NULL;
}

/* A new object is made, or one that was freed used again: *fresh says which. 0: no memory. */
static unsigned long object_new(enum kind kind, bool *fresh)
{
	struct piece *p = piece_with_room(kind);
	unsigned long first, i;

	if (!p) {
		p = piece_empty();
		if (!p)
			return 0;
		p->kind = kind;
		p->made = p->used = 0;
		bitmap_zero(p->free, PIECE_OBJECTS);
		pieces_open++;
	}
	first = first_object + (p - pieces) * PIECE_OBJECTS;
	i = find_first_bit(p->free, p->made);
	*fresh = i >= p->made;
	if (*fresh) {
		if (retype(p->untyped, kinds[kind].type, kinds[kind].radix, first + p->made, 1))
			return 0;
		i = p->made++;
	} else {
		__clear_bit(i, p->free);
	}
	p->used++;
	return first + i;
}

static bool another_has_room(struct piece *p)
{
	unsigned long i;

	for (i = 0; i < pieces_cut; i++)
		if (&pieces[i] != p && pieces[i].kind == p->kind && pieces[i].used < piece_capacity(p->kind))
			return true;
	return false;
}

static void object_free(unsigned long object)
{
	struct piece *p = piece_of(object);

	__set_bit((object - first_object) % PIECE_OBJECTS, p->free);
	if (--p->used || !another_has_room(p))
		return;
	sel4_must(invoke(SLOT_CNODE, CNODE_REVOKE, 2, p->untyped, 32, 0), "take memory back");
	p->kind = KIND_NONE;
	pieces_open--;
}

/* A directory has a CNode for the threads in it: the endpoint for faults, with a badge that is its alone,
 * since they can send there what they like.  A CNode that was freed keeps what is in it. */
static u16 cnode_of[PIECES * DIRECTORIES];	/* its object */

static unsigned long badge_of(unsigned long cnode)
{
	BUILD_BUG_ON(PIECES * PIECE_OBJECTS > 0x10000);
	return HANDOVER_BADGE_FAULT + (cnode - first_object);
}

static void cnode_fill(unsigned long cnode)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	sel4_cap_arg(0) = SLOT_CNODE;
	sel4_msg(4) = RIGHTS_CALL;
	sel4_msg(5) = badge_of(cnode);
	sel4_must(sel4_label(sel4_trap(SYS_SEL4_CALL, cnode, sel4_tag(CNODE_MINT, 1, 6), USER_FAULTS, USER_CNODE_BITS,
				       HANDOVER_FAULTS, 32).tag), "fill a CNode");
}

unsigned long direct_space_new(unsigned long *badge)
{
	bool fresh;
	unsigned long cnode, pd = object_new(KIND_SPACE, &fresh);

	if (!pd)
		return 0;
	if (fresh)
		sel4_must(invoke_cap(SLOT_ASID_POOL, ASID_POOL_ASSIGN, pd, 1, ASSIGN_WITH_USER_HELPERS, 0, 0), "assign an ASID");
	cnode = object_new(KIND_CNODE, &fresh);
	if (!cnode) {
		object_free(pd);
		return 0;
	}
	if (fresh)
		cnode_fill(cnode);
	cnode_of[directory_index(pd)] = cnode - first_object;
	*badge = badge_of(cnode);
	return pd;
}

static unsigned long space_cnode(unsigned long space)
{
	return first_object + cnode_of[directory_index(space)];
}

void direct_space_free(unsigned long space)
{
	object_free(space_cnode(space));
	object_free(space);
}

unsigned long direct_table_new(unsigned long space, unsigned long addr)
{
	bool fresh;
	unsigned long t = object_new(KIND_TABLE, &fresh);

	if (t)
		sel4_must(invoke_cap(t, PAGE_TABLE_MAP, space_cap(space), 2, addr, ATTR_CACHED, 0), "map a table");
	return t;
}

void direct_table_free(unsigned long table)
{
	sel4_must(invoke(table, PAGE_TABLE_UNMAP, 0, 0, 0, 0), "unmap a table");
	object_free(table);
}

/* --- threads --- */

unsigned long direct_thread_new(void)
{
	bool fresh;
	unsigned long t = object_new(KIND_THREAD, &fresh);

	if (t && fresh)
		sel4_must(invoke_cap(t, TCB_SET_PRIORITY, SLOT_TCB, 1, priority, 0, 0), "set a priority");
	return t;
}

void direct_thread_free(unsigned long thread)
{
	object_free(thread);
}

int direct_thread_space(unsigned long thread, unsigned long space)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	sel4_cap_arg(0) = space_cnode(space);
	sel4_cap_arg(1) = space;
	return sel4_label(sel4_trap(SYS_SEL4_CALL, thread, sel4_tag(TCB_SET_SPACE, 2, 3), USER_FAULTS, USER_GUARD, 0, 0).tag);
}

int direct_thread_write(unsigned long thread, unsigned long count, const unsigned long *regs)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	if (count > 2)
		memcpy(&sel4_msg(4), regs + 2, (count - 2) * sizeof(long));
	return sel4_label(sel4_trap(SYS_SEL4_CALL, thread, sel4_tag(TCB_WRITE_REGISTERS, 0, 2 + count), 1, count, regs[0],
				    regs[1]).tag);
}

int direct_thread_read(unsigned long thread, unsigned long count, unsigned long *regs)
{
	struct sel4_regs r;

	sel4_counts[COUNT_INVOCATIONS]++;
	r = sel4_trap(SYS_SEL4_CALL, thread, sel4_tag(TCB_READ_REGISTERS, 0, 2), 1, count, 0, 0);
	memcpy(regs, r.mr, sizeof(r.mr));
	memcpy(regs + 4, &sel4_msg(4), (count - 4) * sizeof(long));
	return sel4_label(r.tag);
}

int direct_thread_suspend(unsigned long thread)
{
	return invoke(thread, TCB_SUSPEND, 0, 0, 0, 0);
}

int direct_thread_resume(unsigned long thread)
{
	return invoke(thread, TCB_RESUME, 0, 0, 0, 0);
}

int direct_thread_tls(unsigned long thread, unsigned long base)
{
	return invoke(thread, TCB_SET_TLS_BASE, 1, base, 0, 0);
}

void direct_thread_name(unsigned long thread, const char *text)
{
	snprintf((char *)&sel4_msg(0), 168, "guest/%s", text);
	sel4_trap(SYS_SEL4_DEBUG_NAME_THREAD, thread, 0, 0, 0, 0, 0);
}

void direct_show(struct seq_file *m)
{
	seq_printf(m, "variant direct\npieces %lu of %lu\nslots %u of %lu\nidle_copies %lu\n", pieces_open, pieces_cut,
		   bitmap_weight(slots_used, SLOTS), SLOTS, idle_copies);
}

/* --- start --- */

static unsigned long __init bits_of(const struct boot_info *bi, unsigned long i)
{
	return bi->list[i - bi->untyped[0]].bits;
}

/* Untypeds by size, largest first: Linux's memory comes from the largest, objects from the smallest. */
static void __init find_untyped(const struct boot_info *bi)
{
	unsigned long i, k;

	for (i = bi->untyped[0]; i < bi->untyped[1] && untyped_count < MAX_UNTYPED; i++) {
		for (k = untyped_count++; k > 0 && bits_of(bi, untyped[k - 1]) < bits_of(bi, i); k--)
			untyped[k] = untyped[k - 1];
		untyped[k] = i;
	}
}

static void __init map_tables(unsigned long start, unsigned long end)
{
	for (start &= ~0xfffffUL; start < end; start += 1 << 20) {
		unsigned long s = slots_take(1);
		int error = 10, i;

		for (i = untyped_count - 1; i >= 0 && error; i--)
			error = retype(untyped[i], OBJ_PAGE_TABLE, 0, s, 1);
		sel4_must(error, "make a table");
		error = invoke_cap(s, PAGE_TABLE_MAP, SLOT_VSPACE, 2, start, ATTR_CACHED, 0);
		if (error != 8)	/* DeleteFirst: there is one */
			sel4_must(error, "map a table");
	}
}

/* Frames until the largest untyped has no more, or it is enough. */
static unsigned long __init make_frames(unsigned long from, unsigned long bits)
{
	unsigned long want = min(1UL << bits, SEL4_RAM_MOST) >> PAGE_SHIFT, got = 0;

	lowmem_slot = slots_take(want);
	while (got < want && !retype(from, OBJ_PAGE, 0, lowmem_slot + got, 16))
		got += 16;
	return got;
}

static void __init map_frames(unsigned long count)
{
	unsigned long i;

	map_tables(sel4_lowmem, sel4_lowmem + (count << PAGE_SHIFT));
	for (i = 0; i < count; i++)
		sel4_must(invoke_cap(lowmem_slot + i, PAGE_MAP, SLOT_VSPACE, 3, sel4_lowmem + (i << PAGE_SHIFT), RIGHTS_RW,
				     ATTR_CACHED), "map Linux's memory");
	sel4_lowmem_end = sel4_lowmem + (count << PAGE_SHIFT);
	frames = (sel4_lowmem_end - PAGE_OFFSET) >> PAGE_SHIFT;
}

void __init direct_start(const struct boot_info *bi)
{
	unsigned long got;

	bitmap_set(slots_used, 0, bi->empty[0]);
	image_slot = bi->image_frames[0];
	priority = sel4_given->priority;
	find_untyped(bi);
	first_object = slots_take(PIECES * PIECE_OBJECTS);
	got = make_frames(untyped[0], bits_of(bi, untyped[0])) << PAGE_SHIFT;
	if (got < SEL4_RAM_LEAST)
		sel4_refuse("too little memory for Linux, MiB to be had: ", got >> 20);
	map_frames(got >> PAGE_SHIFT);
}
