/* Back in time: K and M on a capability, `:killed SLOT` and `:made SLOT` for any slot. */
#include "inspector-tui/app.h"
#include "layout/types.h"

#include <stdlib.h>
#include <string.h>

static void begin(struct app *app, enum attach_goal goal, uint64_t slot)
{
    char why[200];
    source_find(app->source, goal, slot, why, sizeof why);
    app_say(app, "%s", why);
}

void moment_key(struct app *app, int key)
{
    const struct row *r = view_current(&app->views[app->current]);
    if (!r || r->slot < 0)
        app_say(app, "there is no capability under the cursor; :killed 0x... takes any slot");
    else
        begin(app, key == 'K' ? ATTACH_KILLED : ATTACH_MADE, app->state.slots[r->slot].rec.addr);
}

bool moment_command(struct app *app, const char *line)
{
    static const struct {
        const char *word;
        enum attach_goal goal;
    } goals[] = {{"killed ", ATTACH_KILLED}, {"made ", ATTACH_MADE}};
    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) {
        size_t n = strlen(goals[i].word);
        char *end;
        if (strncmp(line, goals[i].word, n) != 0)
            continue;
        unsigned long slot = strtoul(line + n, &end, 16);
        if (end == line + n || *end || slot > UINT32_MAX)
            app_say(app, "'%s' is not a hexadecimal address", line + n);
        else
            begin(app, goals[i].goal, (uint32_t)slot);
        return true;
    }
    return false;
}

void moment_take(struct app *app)
{
    char text[512];
    uint64_t slot;
    if (!source_found(app->source, text, sizeof text, &slot))
        return;
    app_say(app, "%s", text);
    app_console(app, text);
    app_console(app, "\n");
    app->follow_slot = slot < KERNEL_WINDOW ? slot : paddr_from_kaddr((kaddr_t)slot);
}

/* The state is that of the moment found: the cursor goes to the capability. */
void moment_follow(struct app *app)
{
    int32_t slot = app->follow_slot ? capstate_slot_at(&app->state, app->follow_slot) : -1;
    app->follow_slot = 0;
    if (slot >= 0)
        app_show_slot(app, slot);
}
