/* What commands print about a recording. */
#ifndef CAPSCOPE_TESTS_UNIT_ASKING_H
#define CAPSCOPE_TESTS_UNIT_ASKING_H

#include "capdb/command.h"

typedef enum status (*command_fn)(struct options *o);

/* Standard output and error of a command in one text, which the caller frees. */
char *ask_with(struct options o, command_fn command);
extern struct options last; /* as the last command left them */
extern enum status status;  /* what it returned */

/* Is the answer from a part of a snapshot that from all of it? */
void assert_same_as_whole(struct options o, command_fn command);

#endif
