/* What stands behind attach.h: one set of operations a door, and what all doors share. */
#ifndef CAPSCOPE_ATTACH_DOOR_H
#define CAPSCOPE_ATTACH_DOOR_H

#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/stream.h"
#include "attach/target.h"

enum { ATTACH_ERROR_MAX = 512, CONSOLE_MAX = 1 << 20 };

/* Who hears the live line. */
struct attach_live {
    void *ctx;
    /* EVENT, GAP and DIGEST records in order. */
    void (*record)(void *ctx, const struct record *r);
    /* Frames were lost: nothing more comes before the next base. */
    void (*lost)(void *ctx);
};

/* NULL for what a door cannot do. Each fails through attach_fail(). */
struct attach_ops {
    enum error (*open)(struct attach *a);
    void (*close)(struct attach *a); /* also after a failed open */
    /* Leaves a whole, checked snapshot in a->stream. */
    enum error (*snapshot)(struct attach *a);
    enum error (*halt)(struct attach *a);
    enum error (*go)(struct attach *a);
    enum error (*command)(struct attach *a, const char *line, char **text);
    void (*console)(struct attach *a); /* takes in what waits on the line */
    enum error (*read)(struct attach *a, uint32_t kaddr, void *buf, uint32_t len);
    enum error (*find)(struct attach *a, enum attach_goal goal, uint32_t kaddr,
                       struct attach_moment *out);
    /* Live line on, or taken up anew: leaves a whole, checked snapshot in a->stream, and from there
     * on `hears` is told what comes, whenever the door reads its line. NULL: off. */
    enum error (*live)(struct attach *a, const struct attach_live *hears);
    /* Reads the line until some frame has come or ms have passed. */
    enum error (*listen)(struct attach *a, int ms);
};

/* Text that grows; bytes beyond CONSOLE_MAX push out the oldest half. */
struct text {
    char *bytes;
    size_t used;
    size_t capacity;
};

struct attach {
    const struct attach_ops *ops;
    char *name; /* of the target, as given */
    struct target target;
    void *door; /* of the open door */
    bool halted;
    struct stream stream;
    struct text console; /* came in since the last attach_console() */
    char *console_given; /* what that returned */
    char error[ATTACH_ERROR_MAX];
};

extern const struct attach_ops attach_gdb_ops;
extern const struct attach_ops attach_monitor_ops;
extern const struct attach_ops attach_ram_ops;

/* Leaves "TARGET: sentence" for attach_error() and returns e. */
enum error attach_fail(struct attach *a, enum error e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A finished capstate out of a->stream. */
enum error attach_take_state(struct attach *a, struct capstate *out);

/* ERR_NO_MEMORY only. */
enum error text_put(struct text *t, const char *bytes, size_t len);
char *text_take(struct text *t); /* NUL-terminated, caller frees; NULL: no memory */
void text_fini(struct text *t);

#endif
