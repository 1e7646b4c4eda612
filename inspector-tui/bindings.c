/* The keys that actions have, and their names. */
#include "inspector-tui/bindings.h"

#include "inspector-tui/app.h"
#include "inspector-tui/keycodes.h"

#include <ctype.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINDINGS = 256, FUNCTION_KEYS = 12 };

static struct binding {
    int key;
    const struct action *action;
    char name[KEY_NAME];
} bindings[BINDINGS];
static uint32_t binding_count;

/* --- names of keys --- */

static const struct {
    const char *name;
    int key;
} named[] = {
    {"Enter", '\n'},     {"Tab", '\t'},       {"Space", ' '},     {"Backspace", KEY_BACKSPACE},
    {"Up", KEY_UP},      {"Down", KEY_DOWN},  {"Left", KEY_LEFT}, {"Right", KEY_RIGHT},
    {"PgUp", KEY_PPAGE}, {"PgDn", KEY_NPAGE}, {"Home", KEY_HOME}, {"End", KEY_END},
    {"Del", KEY_DC},     {"Ins", KEY_IC},
};
enum { NAMED = sizeof(named) / sizeof(*named) };

char *bindings_key_name(int key, char buf[KEY_NAME])
{
    for (uint32_t i = 0; i < NAMED; i++)
        if (named[i].key == key) {
            snprintf(buf, KEY_NAME, "%s", named[i].name);
            return buf;
        }
    if (key >= KEY_F(1) && key <= KEY_F(FUNCTION_KEYS))
        snprintf(buf, KEY_NAME, "F%d", key - KEY_F(0));
    else if (key == '\r' || key == KEY_ENTER || key == RUBOUT || key == CTRL('H') || key > 255)
        buf[0] = 0; /* another code of a key that has its name above */
    else if (key < ' ')
        snprintf(buf, KEY_NAME, "^%c", key + '@');
    else
        snprintf(buf, KEY_NAME, "%c", key);
    return buf;
}

static int function_key(const char *digits)
{
    char *end;
    long n = strtol(digits, &end, 10);
    return *end || n < 1 || n > FUNCTION_KEYS ? -1 : KEY_F((int)n);
}

static int key_called(const char *name)
{
    for (uint32_t i = 0; i < NAMED; i++)
        if (strcasecmp(named[i].name, name) == 0)
            return named[i].key;
    if ((name[0] == 'F' || name[0] == 'f') && isdigit((unsigned char)name[1]))
        return function_key(name + 1);
    if (name[0] == '^' && name[1] && !name[2])
        return toupper((unsigned char)name[1]) - '@';
    return name[0] && !name[1] ? (unsigned char)name[0] : -1;
}

/* --- binding --- */

static const struct action *action_called(const char *name)
{
    for (uint32_t i = 0; i < action_count; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static void bind_key(int key, const struct action *a)
{
    uint32_t i = 0;
    while (i < binding_count && (bindings[i].key != key || bindings[i].action->view != a->view))
        i++;
    if (i == BINDINGS)
        return;
    binding_count += i == binding_count;
    bindings[i] = (struct binding){.key = key, .action = a};
    bindings_key_name(key, bindings[i].name);
}

void bindings_begin(int key, const char *action)
{
    bind_key(key, action_called(action));
}

bool bindings_set(const char *key, const char *action)
{
    const struct action *a = action_called(action);
    int code = key_called(key);
    if (!a || code < 0)
        return false;
    bind_key(code, a);
    return true;
}

bool bindings_has_key(const char *key)
{
    return key_called(key) >= 0;
}

/* One of the view one is in comes first. */
const struct action *bindings_action(int key, int view)
{
    const struct action *found = NULL;
    for (uint32_t i = 0; i < binding_count; i++) {
        const struct action *a = bindings[i].action;
        if (bindings[i].key != key)
            continue;
        if (a->view == view)
            return a;
        if (a->view < 0)
            found = a;
    }
    return found;
}

/* --- what the screen says of them --- */

const char *bindings_key_or(const char *action, const char *none)
{
    for (uint32_t i = 0; i < binding_count; i++)
        if (strcmp(bindings[i].action->name, action) == 0 && bindings[i].name[0])
            return bindings[i].name;
    return none;
}

const char *bindings_key(const char *action)
{
    return bindings_key_or(action, "(no key)");
}

void bindings_keys(const struct action *a, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < binding_count && n + 1 < size; i++)
        if (bindings[i].action == a && bindings[i].name[0])
            n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", bindings[i].name);
}

void bindings_hints(struct line *l, const struct hint *hints)
{
    for (; hints->action; hints++) {
        if (hints->action[0])
            line_put(l, STYLE_KEY, "%s", bindings_key(hints->action));
        line_put(l, STYLE_DIM, "%s", hints->words);
    }
}
