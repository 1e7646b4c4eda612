/* What a program finds that a resource manager has started in a domain of its own: a BootInfo like
 * a root task's, and behind it one chunk that says what else it holds (ABI sheet 5.3 for the form).
 *
 * Such a program has no control capabilities (IRQ, ASID): what it may use is handed over ready
 * made. Its CSpace is one CNode, capability address = slot; slots 1, 2, 3 and 6 are as a root
 * task's.
 *
 *   slot  16  the manager: endpoint, may be called; faults of the first thread go there too
 *         17  the resource server, when there is one: endpoint, may be called (resource.h)
 *         18  endpoint for faults of threads that the program makes: may be received from
 *         19  notification of its interrupts: device i is badge bit i
 *         20  sign of life: notification of the manager, may be signalled
 *         21  its bell, when it has a second thread: notification, bound to its first thread
 *         22  that thread
 *         23  a resource server's shelf: the CNode where the manager lays what is its clients'
 *         24..  frames of its devices, mapped    28..  their interrupt handlers
 *         32..  free from here up to the frames of the image
 *
 * Interrupts' notification is bound to the first thread, or, when the program wants to hear of them
 * while that thread works, waited for by a second one: of higher priority, in the same spaces,
 * begun at the same entry with r0 = 0 and no stack. It may ring the bell.
 *
 * For the resource server slot 17 is the receiving end, and the chunk lists its clients. This
 * header is read by programs that have no other header of this project: types are C's own. */
#ifndef CAPSCOPE_USER_LIB_HANDOVER_H
#define CAPSCOPE_USER_LIB_HANDOVER_H

enum handover_slot {
    HANDOVER_MANAGER = 16,
    HANDOVER_RESOURCES = 17,
    HANDOVER_FAULTS = 18,
    HANDOVER_EVENTS = 19,
    HANDOVER_ALIVE = 20,
    HANDOVER_BELL = 21,
    HANDOVER_SECOND = 22,
    HANDOVER_SHELF = 23,
    HANDOVER_DEVICE = 24,
    HANDOVER_IRQ = 28,
    HANDOVER_IMAGE = 64, /* first frame of the image */
};

enum handover_limit {
    HANDOVER_ID = 0x0d0a0e57, /* of the chunk */
    HANDOVER_DEVICES = 4,
    HANDOVER_CLIENTS = 4,
    HANDOVER_TEXT = 256,
    HANDOVER_NAME = 16,
    HANDOVER_DEVICES_VADDR = 0x08000000, /* device i is a page at this plus 4096 i */
    HANDOVER_BADGE_BELL = 0x10000,
    HANDOVER_BADGE_FAULT = 0x20000, /* and less than 0x10000 more: of the endpoint for faults, in
                                     * threads' CSpaces */
    HANDOVER_SHELF_RADIX = 14,
    /* What a resource server hears of client i (badge i + 1), in bits of its interrupts'
     * notification: its memory is taken back, with all that was made in it; what is its lies on the
     * shelf. A server that hears both forgets first. */
    HANDOVER_BADGE_ENDED = 0x100,
    HANDOVER_BADGE_BEGUN = 0x1000,
};

struct handover_device {
    unsigned paddr;
    unsigned irq;
};

/* What a resource server is told of a client; slots are of its shelf. */
struct handover_client {
    char name[HANDOVER_NAME]; /* of its domain */
    unsigned badge;           /* of its requests, from 1 */
    unsigned untyped;         /* first of its untypeds */
    unsigned untyped_count;
    unsigned vspace;    /* its page directory */
    unsigned asid_pool; /* for the directories that are made for it */
    unsigned image;     /* first frame of its image, mapped there already */
    unsigned image_count;
    unsigned faults;   /* where its threads' faults go: may be called */
    unsigned priority; /* the most its threads may have */
};

struct handover {
    unsigned id;     /* HANDOVER_ID */
    unsigned length; /* of the chunk in bytes */
    unsigned mediated;
    unsigned priority; /* the most that threads it makes may have */
    unsigned starts;   /* how often the program was started, this time included */
    unsigned devices;
    struct handover_device device[HANDOVER_DEVICES];
    unsigned clients;
    struct handover_client client[HANDOVER_CLIENTS];
    char text[HANDOVER_TEXT]; /* for the program: a command line */
};

/* Calls of the manager: the label; MR0 is the argument. There is no answer to the first two: the
 * program does not run any more. */
enum manager_request {
    MANAGER_POWER_OFF = 0x100, /* MR0: exit status */
    MANAGER_RESTART = 0x101,
};

#endif
