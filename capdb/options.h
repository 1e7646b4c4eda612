/* The options of the command line.  One table; they may stand anywhere. */
#ifndef CAPSCOPE_CAPDB_OPTIONS_H
#define CAPSCOPE_CAPDB_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "capdb/command.h"

enum { OPTIONS_MAX = 64 };

/* Which options were given, for the command to be asked whether they mean anything to it. */
struct options_given {
    const char *name[OPTIONS_MAX]; /* long names, "output" for -o */
    uint32_t count;
    bool help;
};

/* Moves the operands to the end of argv (optind is the first).  False, with a sentence on stderr, for
 * an option that is none or a value that is wrong. */
bool options_read(int argc, char **argv, struct options *o, struct options_given *given);
bool options_were_given(const struct options_given *given, const char *name);

#endif
