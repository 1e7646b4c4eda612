// SPDX-License-Identifier: GPL-2.0
/*
 * Looks through the initial file system before Linux unpacks it: Linux 6.1's own words about one that is
 * broken are unreadable (panic_show_mem() hands on its arguments wrongly), and a sentence is wanted.
 *
 * The format is cpio's "newc": a header of 110 characters, 6 of magic and 13 fields of 8 hexadecimal
 * digits, then the name and the contents, each up to a multiple of 4.  The configuration has no
 * compression.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/sel4.h>

#define HEADER		110
#define FIELD_SIZE	6	/* of the contents */
#define FIELD_NAME	11	/* size of the name, its final zero included */
#define TRAILER		"TRAILER!!!"

extern char __initramfs_start[];
extern unsigned long __initramfs_size;

static bool __init field(const char *header, unsigned int i, unsigned long *value)
{
	char digits[9] = "";

	memcpy(digits, header + 6 + 8 * i, 8);
	return kstrtoul(digits, 16, value) == 0;
}

/* Where the file's header at `at` says that the next one is; 0: it is none, or says nonsense. */
static unsigned long __init next_file(unsigned long at, bool *last)
{
	const char *header = __initramfs_start + at;
	unsigned long name, size, left = __initramfs_size - at;

	if (left < HEADER || memcmp(header, "070701", 6) || !field(header, FIELD_NAME, &name) ||
	    !field(header, FIELD_SIZE, &size))
		return 0;
	if (name == 0 || name > left - HEADER || size > left - HEADER - name || header[HEADER + name - 1])
		return 0;
	*last = !strcmp(header + HEADER, TRAILER);
	return ALIGN(ALIGN(at + HEADER + name, 4) + size, 4);
}

void __init sel4_check_initramfs(void)
{
	unsigned long at = 0, next;
	bool last = false;

	for (; !last; at = next) {
		next = at < __initramfs_size ? next_file(at, &last) : 0;
		if (!next)
			sel4_refuse("the initial file system is broken, no file begins at its byte ", at);
	}
}
