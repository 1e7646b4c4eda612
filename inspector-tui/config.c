/* The configuration file: $XDG_CONFIG_HOME/capscope/inspector.conf, else
 * ~/.config/capscope/inspector.conf.  Lines:
 *
 *     key KEY ACTION          key F5 goto
 *     color STYLE NUMBER      color domain1 213      (docs/inspector-tui.1 lists both)
 *     background light|dark|auto
 *     mouse on|off            pane on|off            ascii on|off
 *     # a comment */
#include "inspector-tui/app.h"

#include "lib/host/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool *switch_named(struct app *app, const char *name)
{
    return strcmp(name, "mouse") == 0   ? &app->mouse
           : strcmp(name, "pane") == 0  ? &app->show_pane
           : strcmp(name, "ascii") == 0 ? &app->ascii
                                        : NULL;
}

static bool set_switch(struct app *app, const char *name, const char *value)
{
    bool on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "off") != 0)
        return false;
    *switch_named(app, name) = on;
    return true;
}

/* What of a line is wrong: the word, or the line itself, and what it is not. */
struct fault {
    char text[100];
    const char *why; /* NULL: nothing is */
};

static struct fault fault(const char *text, const char *why)
{
    struct fault f = {.why = why};
    snprintf(f.text, sizeof(f.text), "%.99s", text);
    return f;
}

static struct fault take_key(const char *key, const char *action)
{
    if (bindings_set(key, action))
        return fault("", NULL);
    return bindings_has_key(key) ? fault(action, "no action; the help lists them")
                                 : fault(key, "no key");
}

static struct fault take_colour(const char *style, const char *value)
{
    char *end;
    long n = strtol(value, &end, 10);
    if (end == value || *end || n < -1 || n > 255)
        return fault(value, "no color: -1 to 255");
    return fault(style, palette_set(style, (int)n) ? NULL : "no style; the manual page lists them");
}

/* What is wrong with a line whose first word is known, or is not. */
static const char *lacking(struct app *app, const char *word, int words)
{
    if (switch_named(app, word))
        return words == 1 ? "a switch without on or off" : "more than a switch and on or off";
    return strcmp(word, "key") == 0          ? "not key KEY ACTION"
           : strcmp(word, "color") == 0      ? "not color STYLE NUMBER"
           : strcmp(word, "background") == 0 ? "not background and light, dark or auto"
                                             : "no key, color, background or switch";
}

static struct fault take(struct app *app, char *text)
{
    char word[64] = "", a[64] = "", b[64] = "", more[2];
    text[strcspn(text, "\n")] = 0;
    int n = sscanf(text, "%63s %63s %63s %1s", word, a, b, more);
    bool good = n <= 0 || word[0] == '#';
    if (n == 3 && strcmp(word, "key") == 0)
        return take_key(a, b);
    if (n == 3 && strcmp(word, "color") == 0)
        return take_colour(a, b);
    if (n == 2 && strcmp(word, "background") == 0)
        return fault(a, palette_set_background(a) ? NULL : "none of light, dark, auto");
    if (n == 2 && !good && switch_named(app, word))
        return fault(a, set_switch(app, word, a) ? NULL : "neither on nor off");
    return fault(text, good ? NULL : lacking(app, word, n));
}

bool config_read(struct app *app, const char *path, char *message, size_t size)
{
    char text[256];
    const char *why;
    FILE *f = input_text(path, &why);
    if (!f) {
        snprintf(message, size, "%s: %s", path, why);
        return access(path, F_OK) != 0 && errno == ENOENT;
    }
    struct fault wrong = {.why = NULL};
    for (uint32_t line = 1; !wrong.why && fgets(text, sizeof(text), f); line++) {
        wrong = take(app, text);
        if (wrong.why)
            snprintf(message, size, "%s:%u: '%s' is %s", path, line, wrong.text, wrong.why);
    }
    fclose(f);
    return !wrong.why;
}
