/* Which columns are addresses. */
#include "capdb/address.h"

#include <stddef.h>
#include <string.h>

bool column_is_address(const char *name)
{
    static const char *const names[] = {
        "addr",       "address",    "slot",       "object", "holder",      "frame", "dir",
        "vaddr",      "table",      "pc",         "sp",     "bound",       "src",   "about",
        "blocked_on", "ipc_buffer", "fault_addr", "tcb",    "parent_slot", NULL};
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}
