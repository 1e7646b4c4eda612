/* Stands where a resource server should (user/lib/resource.h) and refuses every request: what becomes
 * of its client then? */
#include "user/lib/handover.h"
#include "user/lib/resource.h"
#include "user/lib/user.h"

void user_main(const struct bootinfo *info)
{
    (void)info;
    struct ipc_regs m = ipc_recv(HANDOVER_RESOURCES);
    for (;;)
        if (m.badge >= HANDOVER_BADGE_ENDED) /* the manager's news */
            m = ipc_recv(HANDOVER_RESOURCES);
        else
            m = ipc_reply_recv(HANDOVER_RESOURCES, msginfo_make(RESOURCE_KERNEL, 0, 0, 0), m.mr);
}
