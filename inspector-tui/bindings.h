/* Which key runs which action.
 *
 * One keyboard, so one table: it begins as keys.c says, and the configuration file and `:bind` change
 * it.  Whatever tells the user of a key takes its name from here, so that it is true of the keys one
 * has. */
#ifndef CAPSCOPE_INSPECTOR_TUI_BINDINGS_H
#define CAPSCOPE_INSPECTOR_TUI_BINDINGS_H

#include "inspector-tui/line.h"

#include <stdbool.h>

enum { KEY_NAME = 16 };

struct app;
struct action {
    const char *name; /* as in the configuration file */
    const char *help;
    const char *group;
    void (*run)(struct app *app);
    int view; /* enum view_id where it means this, -1: everywhere */
};

/* Makes a key, as it is written ("F5", "^F", "Enter", "x"), run an action; what the key did before it
 * does no more. false: there is no such key or action. */
bool bindings_set(const char *key, const char *action);
/* The same by the key's number, for an action that is there. */
void bindings_begin(int key, const char *action);
bool bindings_has_key(const char *key);
/* The action of a key in a view; NULL: none. */
const struct action *bindings_action(int key, int view);

/* How a key is written; "": it is another code of one that has a name. Returns buf. */
char *bindings_key_name(int key, char buf[KEY_NAME]);
/* The first key of an action as it is written, valid until the next bindings_set(); if it has none,
 * "(no key)", or `none`. */
const char *bindings_key(const char *action);
const char *bindings_key_or(const char *action, const char *none);
/* All its keys with a blank between them. */
void bindings_keys(const struct action *a, char *buf, size_t size);

/* The group of the actions that open a view, which help lists apart. */
#define GROUP_VIEWS "Views"

struct hint {
    const char *action; /* NULL ends a row of hints; "": words alone */
    const char *words;
};
/* "b stop at it  s step  f to its end": keys with what they do. */
void bindings_hints(struct line *l, const struct hint *hints);

#endif
