// SPDX-License-Identifier: GPL-2.0
/* The programs that are not measured, in one file: each alone is half a megabyte of C library, and
 * every page of Linux's image takes two of the 4,096 slots that the manager has.  Built with the
 * main() of each called NAME_main (guest/linux/build); argv[0] says which is meant. */
#include <stdio.h>
#include <string.h>

int first_main(int argc, char **argv);
int misbehave_main(int argc, char **argv);
int stress_main(int argc, char **argv);

static const struct program {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
	{ "init", first_main },
	{ "misbehave", misbehave_main },
	{ "stress", stress_main },
};

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "";
	unsigned i;

	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (strcmp(programs[i].name, name) == 0)
			return programs[i].main(argc, argv);
	fprintf(stderr, "%s: no program of that name\n", name);
	return 127;
}
