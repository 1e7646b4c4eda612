// SPDX-License-Identifier: GPL-2.0
/*
 * The direct variant: untyped memory is the server's own, and it makes and uses kernel objects by
 * invocations of its own.
 *
 * Frames of Linux's memory are made once.  Each mapping in a user's directory is a copy of a frame's
 * capability, which is kept when it is unmapped: the frame's next mapping is one invocation.
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
#define USER_CNODE_BITS	4
#define USER_GUARD	((32 - USER_CNODE_BITS) << 3)
#define USER_FAULTS	1

static unsigned long image_slot, lowmem_slot, user_cnode, priority;
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
#define MAX_FRAMES	((SEL4_RAM_MOST + SEL4_IMAGE_MOST) >> PAGE_SHIFT)
static u16 idle_of[MAX_FRAMES];	/* by frame, of the image and of Linux's memory */
static unsigned long frames, idle_copies;

static unsigned long frame_index(unsigned long pfn)
{
	unsigned long addr = pfn << PAGE_SHIFT;

	if (addr >= sel4_lowmem)
		return ((sel4_image_end - PAGE_OFFSET) + (addr - sel4_lowmem)) >> PAGE_SHIFT;
	return (addr - PAGE_OFFSET) >> PAGE_SHIFT;
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

unsigned long direct_page_map(unsigned long space, unsigned long addr, unsigned long pfn, unsigned long rights)
{
	u16 *idle = &idle_of[frame_index(pfn)];
	unsigned long s = *idle;

	if (s) {
		*idle = next_idle[s];
		idle_copies--;
	} else {
		s = slot_alloc();
		if (!s)
			return 0;
		sel4_must(copy(s, frame_slot(pfn)), "copy a frame");
	}
	sel4_must(invoke_cap(s, PAGE_MAP, space_cap(space), 3, addr, rights, ATTR_CACHED), "map a page");
	return s;
}

void direct_page_unmap(unsigned long mapping, unsigned long pfn)
{
	u16 *idle = &idle_of[frame_index(pfn)];

	sel4_must(invoke(mapping, PAGE_UNMAP, 0, 0, 0, 0), "unmap a page");
	next_idle[mapping] = *idle;
	*idle = mapping;
	idle_copies++;
}

int direct_page_protect(unsigned long mapping, unsigned long space, unsigned long addr, unsigned long rights)
{
	return invoke_cap(mapping, PAGE_MAP, space_cap(space), 3, addr, rights, ATTR_CACHED);
}

void direct_page_unify(unsigned long mapping)
{
	sel4_must(invoke(mapping, PAGE_UNIFY_INSTRUCTION, 2, 0, PAGE_SIZE, 0), "unify caches");
}

/* --- objects in pieces of untyped memory --- */

enum kind { KIND_NONE, KIND_THREAD, KIND_TABLE, KIND_SPACE, KINDS };
static const struct { u8 type, bits; } kinds[KINDS] = {
	[KIND_THREAD] = { OBJ_TCB, 9 }, [KIND_TABLE] = { OBJ_PAGE_TABLE, 10 }, [KIND_SPACE] = { OBJ_PAGE_DIRECTORY, 14 },
};
struct piece {
	unsigned long untyped;
	u8 kind, made, used;
	DECLARE_BITMAP(free, PIECE_OBJECTS);	/* made before and not in use */
};
static struct piece pieces[PIECES];
static unsigned long pieces_cut, pieces_open, first_object;

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
		if (retype(p->untyped, kinds[kind].type, 0, first + p->made, 1))
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

unsigned long direct_space_new(void)
{
	bool fresh;
	unsigned long pd = object_new(KIND_SPACE, &fresh);

	if (pd && fresh)
		sel4_must(invoke_cap(SLOT_ASID_POOL, ASID_POOL_ASSIGN, pd, 1, ASSIGN_WITH_USER_HELPERS, 0, 0), "assign an ASID");
	return pd;
}

void direct_space_free(unsigned long space)
{
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
	sel4_must(invoke(thread, TCB_SUSPEND, 0, 0, 0, 0), "suspend");
	object_free(thread);
}

int direct_thread_space(unsigned long thread, unsigned long space)
{
	sel4_counts[COUNT_INVOCATIONS]++;
	sel4_cap_arg(0) = user_cnode;
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
	frames = count + ((sel4_image_end - PAGE_OFFSET) >> PAGE_SHIFT);
}

static void __init make_user_cnode(void)
{
	int error = 10, i;

	user_cnode = slots_take(1);
	for (i = untyped_count - 1; i >= 0 && error; i--)
		error = retype(untyped[i], OBJ_CNODE, USER_CNODE_BITS, user_cnode, 1);
	sel4_must(error, "make the users' CNode");
	sel4_cap_arg(0) = SLOT_CNODE;
	sel4_msg(4) = RIGHTS_CALL;
	sel4_msg(5) = HANDOVER_BADGE_FAULT;
	sel4_must(sel4_label(sel4_trap(SYS_SEL4_CALL, user_cnode, sel4_tag(CNODE_MINT, 1, 6), USER_FAULTS,
				       USER_CNODE_BITS, HANDOVER_FAULTS, 32).tag), "fill the users' CNode");
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
	make_user_cnode();
}
