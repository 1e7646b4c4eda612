/* Which way the program was started, and how it ends. */
#include "user/client/client.h"

const struct handover *given;
enum { POWER_STATUS = 3 };

void claim(const char *text, bool holds)
{
    user_print("%s: %s - %s\n", given->text, holds ? "ok" : "not ok", text);
}

static void go_wrong(void)
{
    if (given->starts == 1)
        *(volatile word_t *)0xdead0000 = 1;
    while (given->starts == 2)
        ;
    ipc_call(HANDOVER_MANAGER, msginfo_make(MANAGER_POWER_OFF, 0, 0, 1),
             (const word_t[4]){POWER_STATUS});
    user_print("%s: not ok - the manager answered\n", given->text);
}

void user_main(const struct bootinfo *info)
{
    given = (const struct handover *)((vaddr_t)info + 4096);
    if (info->extra_len < sizeof(*given) || given->id != HANDOVER_ID)
        user_fail("client: nothing was handed over");
    notification_signal(HANDOVER_ALIVE);
    if (given->mediated)
        try_served();
    else
        try_alone(info);
    user_print("%s: done\n", given->text);
    /* the second of two clients lives on quietly until the first one's end takes it along */
    if (given->text[0] == 's')
        for (;;)
            notification_wait(HANDOVER_EVENTS);
    go_wrong();
}
