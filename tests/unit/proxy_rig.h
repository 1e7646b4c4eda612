/* A proxy between two sockets: a debugger on one, on the other a stub whose answers are written
 * down beforehand.  The kernel behind it is one snapshot: thread A on the processor, thread B with
 * an address space of its own. */
#ifndef CAPSCOPE_TESTS_HOST_PROXY_RIG_H
#define CAPSCOPE_TESTS_HOST_PROXY_RIG_H

#include "attach/proxy_state.h"

enum {
    RIG_A = 0x80100000, /* TCBs */
    RIG_B = 0x80101000,
    RIG_PAGE = 0x10000, /* of B's, in RAM at */
    RIG_FRAME = 0x80400000,
    RIG_DEVICE_PAGE = 0x20000, /* and one of a device at */
    RIG_DEVICE = 0x40000000,
    RIG_MODULE_PAGE =
        0x30000, /* one that the boot loader filled, between the kernel's image and memory */
    RIG_IMAGE = 0x50000000,
    RIG_IMAGE_BYTES = 0x4000,
    RIG_MODULE = RIG_IMAGE + RIG_IMAGE_BYTES,
    RIG_HIGH_PAGE = 0xf8000000u, /* of B's, where the kernel has addresses of its own */
    RIG_TEXT = 1 << 16,
};

struct proxy_rig {
    struct proxy proxy;
    struct attach attach;
    struct gdb_client stub;
    int debugger, machine; /* the other ends */
    uint64_t current;      /* what the kernel says */
    bool user;
    enum gdb_door_stop stop;
    char asked[RIG_TEXT], told[RIG_TEXT]; /* what the stub, what the debugger was sent */
};

/* answers: bytes of the stub, after which it hangs up. false: no sockets, no memory. */
bool proxy_rig_open(struct proxy_rig *r, const void *answers, size_t length);
/* Bytes from the debugger, and all that follows from them. */
void proxy_rig_say(struct proxy_rig *r, const void *bytes, size_t length);
/* The same of one packet. */
void proxy_rig_packet(struct proxy_rig *r, const char *packet);
/* Reads what was sent into asked and told; both begin anew with each call. */
void proxy_rig_hear(struct proxy_rig *r);
void proxy_rig_close(struct proxy_rig *r);

#endif
