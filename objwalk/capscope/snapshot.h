/* The parts of a snapshot that its plain and its packed form share. Private to objwalk/. */
#ifndef CAPSCOPE_OBJWALK_CAPSCOPE_SNAPSHOT_H
#define CAPSCOPE_OBJWALK_CAPSCOPE_SNAPSHOT_H

#include "objwalk/capscope/layout.h"

/* Kinds of object with records of their own, in record order. */
enum span_kind { SPAN_THREAD, SPAN_ENDPOINT, SPAN_NOTIFICATION, SPAN_DIRECTORY, SPANS };

struct span {
    kaddr_t first; /* slot of the first capability to the first such object */
    uint32_t objects;
};

/* A snapshot under way. */
struct snapshot {
    struct objwalk *w;
    objwalk_sink sink;
    void *ctx;
    enum snapshot_how how;
    struct record_end end; /* counts what has been told */
    struct digest digest;
    struct span span[SPANS];
    uint32_t ready; /* threads in ready queues */
    uint32_t highest;
    uint32_t audited; /* findings of the audit, all but those of the walk */
    bool direct;      /* the walk has shown that RAM can be read where it lies */
};

/* The SNAPSHOT record. */
enum error snapshot_begin(struct snapshot *s, uint32_t format);

/* What cannot be read is a FINDING, and the snapshot incomplete; any other error is returned. */
enum error snapshot_tolerate(struct snapshot *s, enum error e);

/* Tells one object (of a directory: its mappings); trouble with its memory becomes a FINDING. */
typedef enum error (*snapshot_emit_object)(struct snapshot *s, kaddr_t addr,
                                           const struct objwalk_cap *cap);
extern const snapshot_emit_object snapshot_emit[SPANS];

/* Has `each` tell all objects of each kind, and tells the idle thread in its place. */
typedef enum error (*snapshot_each)(struct snapshot *s, enum span_kind kind);
enum error snapshot_objects(struct snapshot *s, snapshot_each each);

/* Interrupts, scheduler, revoke, what an audit finds, and END. */
enum error snapshot_finish(struct snapshot *s);

#endif
