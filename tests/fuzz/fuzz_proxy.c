/* Any bytes from a debugger and any from the stub behind, through the proxy.  The first two bytes
 * say how many of the input are the stub's.  Whatever comes: no packet outgrows its buffer, what the
 * proxy keeps of breakpoints stays within its tables, and it lets go of everything at the end. */
#include "tests/unit/proxy_rig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct proxy *p)
{
    if (p->planted_count > PROXY_PLANTED_MAX || p->only_count > PROXY_ONLY_MAX ||
        p->sent_length > sizeof(p->sent) || p->decoder.length > GDB_PACKET_DATA)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxy_rig rig;
    if (size < 3)
        return 0;
    size_t stub = (size_t)(data[0] | data[1] << 8) % (size - 2);
    bool open = proxy_rig_open(&rig, data + 3, stub > 0 ? stub - 1 : 0);
    rig.user = data[2] & 1;
    rig.stop = data[2] >> 1 & 1 ? GDB_DOOR_PASSES : GDB_DOOR_NOT_OURS;
    rig.stub.physical = data[2] >> 2 & 1;
    rig.proxy.knows_threads = data[2] >> 3 & 1;
    if (open && size > 2 + stub)
        proxy_rig_say(&rig, data + 2 + stub, size - 2 - stub);
    check(&rig.proxy);
    proxy_release(&rig.proxy);
    check(&rig.proxy);
    proxy_rig_close(&rig);
    return 0;
}
