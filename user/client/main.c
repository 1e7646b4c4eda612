/* Which way the program was started, and how it ends. */
#include "user/client/client.h"

const struct handover *given;
enum { POWER_STATUS = 3 };

/* Trying all of it may take longer than the manager waits for a sign of life. */
void claim(const char *text, bool holds)
{
    notification_signal(HANDOVER_ALIVE);
    user_print("%s: %s - %s\n", given->text, holds ? "ok" : "not ok", text);
}

static void go_wrong(void)
{
    if (given->starts == 1)
        *(volatile word_t *)0xdead0000 = 1;
    while (given->starts == 2)
        if (given->mediated)
            be_served();
    ipc_call(HANDOVER_MANAGER, msginfo_make(MANAGER_POWER_OFF, 0, 0, 1),
             (const word_t[4]){POWER_STATUS});
    user_print("%s: not ok - the manager answered\n", given->text);
}

void user_main(const struct bootinfo *info)
{
    given = (const struct handover *)((vaddr_t)info + 4096);
    if (info->extra_len < sizeof(*given) || given->id != HANDOVER_ID)
        user_fail("client: nothing was handed over");
    bool second = given->text[0] == 's';
    if (given->mediated)
        try_served();
    else
        try_alone(info);
    if (second) {
        try_ends();
        try_nonsense();
    }
    user_print("%s: done\n", given->text);
    if (second)
        be_served_on();
    go_wrong();
}
