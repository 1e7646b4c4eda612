/* The commands by name, their help, and what each may be given. */
#ifndef CAPSCOPE_CAPDB_COMMANDS_H
#define CAPSCOPE_CAPDB_COMMANDS_H

#include <stdbool.h>
#include <stdio.h>

#include "capdb/command.h"

/* NULL: there is none of that name. */
const struct command *commands_find(const char *name);
/* Says that there is none, and which name is near; inside: of those that a debugger may ask. */
enum status commands_none(const char *name, bool inside);
void commands_help(FILE *f);
void commands_help_one(const struct command *c);
/* The same for questions from inside a debugger; one: of this command alone, NULL of all. */
void commands_help_inside(FILE *f, const struct command *one);

/* An option by its long name, "output" for -o. */
bool command_takes(const struct command *c, const char *option);
/* Answers from all snapshots of a recording, so that each incomplete one is in what it says. */
bool command_takes_all(const struct command *c);
/* Answers from one snapshot and reads nothing else, so that a debugger can ask it. */
bool command_takes_one(const struct command *c);

#endif
