/* The resource server: owns the memory of its clients and makes and uses kernel objects for them
 * (protocol: user/lib/resource.h).
 *
 * Reading order: this header, memory.c (64 KiB pieces of a client's untypeds), handles.c (which
 * object a number means, and whose), mapping.c and thread.c (the requests), main.c (who asks what).
 *
 *   slot  OWN + 16 k      client k's directory, endpoint for faults, ASID pool, untypeds
 *         CHUNKS + c      the untyped of 64 KiB piece c
 *         HANDLES + h     the capability behind handle h
 *
 * A client gets back what it paid for: objects are made in pieces of its own untypeds, a piece
 * holds objects of one kind, and when the last of them is freed the piece is revoked and free for
 * any kind. ASIDs are of its own pool.
 *
 * A client has a share of the handles and of the pieces that is its alone. When its handles end, its
 * idle mappings go: they are kept for speed only. The manager ends a
 * client by taking its memory back, at any time: what was made in it is gone from the slots, also
 * in the middle of a request, which the kernel then refuses. Once told, the server forgets. */
#ifndef CAPSCOPE_USER_RESOURCES_RESOURCES_H
#define CAPSCOPE_USER_RESOURCES_RESOURCES_H

#include "user/lib/handover.h"
#include "user/lib/resource.h"
#include "user/lib/user.h"

enum resources_layout {
    CSPACE_RADIX = 16,
    OWN = 0x2000,
    OWN_EACH = 16,
    OWN_VSPACE = 0,
    OWN_FAULTS = 1,
    OWN_ASID_POOL = 2,
    OWN_UNTYPED = 3,
    OWN_UNTYPEDS = OWN_EACH - OWN_UNTYPED,
    CHUNKS = 0x4000,
    MAX_CHUNKS = 2048,
    HANDLES = 0x8000,
    MAX_HANDLES = 0x8000,
    CHUNK_BITS = 16,
    USER_CSPACE_RADIX = 5,
    USER_FAULTS = 1, /* slot of it with the endpoint for faults */
    NONE = 0,        /* no handle, no chunk: index 0 of both is unused */
};

/* A part of a table's indexes. */
struct share {
    word_t first, end;
    word_t next; /* from here on none was ever used */
    word_t free; /* those that were given back, chained */
};

struct client {
    const struct handover_client *given;
    bool present;
    struct share handle; /* the quota is what it holds */
    struct share chunk;
    word_t chunks;               /* with something in them */
    word_t frames;               /* in use, image left out */
    word_t image;                /* handle of its first page */
    word_t clean;                /* handle of the frame whose idle mappings go next */
    word_t open[RESOURCE_KINDS]; /* pieces with room, chained */
};

struct object {
    uint8_t kind;   /* enum resource_kind */
    uint8_t client; /* index + 1; 0: nobody's */
    uint16_t chunk; /* that it lies in; 0: none (mapping, page of the image) */
    /* Nobody's: next: free ones, of the share or of the piece.
     * A frame: next: its idle mappings, count: mappings in use.
     * A mapping: parent: frame, space: table, next and before: in the table's list.
     * An idle mapping, nobody's: next: of its frame's, count: its capability still names the place
     * where it was (space: directory, vaddr).
     * A table: space: directory, next: its mappings.
     * A directory: count: tables, parent: the CSpace of threads that run there. */
    uint16_t next;
    uint16_t before;
    uint16_t parent;
    uint16_t space;
    uint16_t count;
    vaddr_t vaddr;
};

struct chunk {
    uint8_t kind;
    uint8_t client;
    uint16_t next; /* of its client's idle ones, or of those of its kind with room */
    uint16_t free; /* objects that were freed and can be used again */
    uint16_t made; /* objects so far */
    uint16_t used;
};

extern struct object objects[MAX_HANDLES];

static inline cptr_t handle_slot(word_t handle)
{
    return HANDLES + handle;
}

word_t client_number(const struct client *c);

/* A capability of the client's that no handle means. */
static inline cptr_t own_slot(const struct client *c, word_t which)
{
    return OWN + client_number(c) * OWN_EACH + which;
}

/* memory.c */
void memory_start(struct client *c, struct share chunks);
/* Cuts all that its untypeds have left into pieces. */
void memory_cut(struct client *c);
/* A handle of an object of that kind; 0: *why says which limit. */
word_t memory_object(struct client *c, enum resource_kind kind, enum resource_result *why);
void memory_free(struct client *c, word_t handle);
/* `count` frames with consecutive handles. */
word_t memory_frames(struct client *c, word_t count, enum resource_result *why);
/* Frames and bytes that may still be had. */
word_t memory_left(const struct client *c);

/* handles.c */
void handles_start(struct client *c, struct share handles);
/* `count` in a row, all of them free; NONE: *why is RESOURCE_QUOTA. */
word_t handles_take(struct client *c, word_t count, enum resource_result *why);
void handles_give(struct client *c, word_t handle);
/* The object, if it is this client's and of this kind; NULL otherwise. */
struct object *handle_of(const struct client *c, word_t handle, enum resource_kind kind);
/* The page directory of a handle, the client's own for RESOURCE_OWN_SPACE; false: none of its. */
bool handle_space(const struct client *c, word_t handle, cptr_t *vspace);

/* A request: words of the message in, words of the answer out. */
struct request {
    struct client *client;
    word_t words; /* of the message */
    word_t *buffer;
    word_t mr[MSG_REGISTERS];
    word_t answer_words;
};

/* mapping.c */
enum resource_result resource_map(struct request *r);
enum resource_result resource_unmap(struct request *r);
enum resource_result resource_protect(struct request *r);
enum resource_result resource_unify(struct request *r);
enum resource_result table_place(struct client *c, word_t handle, word_t space, vaddr_t vaddr);
/* With what is mapped in it. */
enum resource_result table_take(struct object *table, word_t handle);
/* The idle mappings of a frame go, at most so many of them; returns how many. */
word_t frame_forget_mappings(struct client *c, struct object *frame, word_t most);
/* The same with all frames of a client's; false: there were none. */
bool mappings_drop(struct client *c, word_t most);

/* thread.c */
/* What a fresh thread, or CSpace, needs before its first use. */
enum resource_result thread_prepare(struct client *c, word_t handle);
enum resource_result cspace_prepare(struct client *c, word_t handle);
/* A directory with the CSpace of the threads that will run there; 0: *why says which limit. */
word_t directory_make(struct client *c, enum resource_result *why);
/* The CSpace goes; BUSY: there are tables in it. */
enum resource_result directory_take(struct client *c, struct object *directory);
/* Of the faults of threads that run there. */
word_t directory_badge(word_t handle);
enum resource_result resource_thread_space(struct request *r);
enum resource_result resource_thread_write(struct request *r);
enum resource_result resource_thread_read(struct request *r);
enum resource_result resource_thread_suspend(struct request *r);
enum resource_result resource_thread_resume(struct request *r);
enum resource_result resource_thread_tls(struct request *r);
enum resource_result resource_thread_name(struct request *r);

/* An invocation with at most one capability and three words, all in registers. */
static inline enum syscall_error invoke(cptr_t cap, word_t label, word_t caps, cptr_t extra,
                                        word_t words, word_t w0, word_t w1, word_t w2)
{
    if (caps != 0)
        user_ipc_buffer()[IPCBUF_CAPS] = extra;
    struct ipc_regs in = {cap, msginfo_make(label, 0, caps, words), {w0, w1, w2, 0}};
    return (enum syscall_error)msginfo_label(syscall_raw(SYS_CALL, in).tag);
}

#endif
