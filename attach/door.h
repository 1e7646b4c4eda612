/* What stands behind attach.h: one set of operations a door, and what all doors share. */
#ifndef CAPSCOPE_ATTACH_DOOR_H
#define CAPSCOPE_ATTACH_DOOR_H

#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/guard.h"
#include "attach/stream.h"
#include "attach/target.h"
#include "attach/text.h"

enum { ATTACH_ERROR_MAX = 512 };

/* Who hears the live line. */
struct attach_live {
    void *ctx;
    /* EVENT, GAP and DIGEST records in order. */
    void (*record)(void *ctx, const struct record *r);
    /* Frames were lost, or, with ERR_TIMEOUT, an answer did not come: nothing more comes before the
     * next base. */
    void (*lost)(void *ctx, enum error why);
};

/* Who hears of events that a door sees by stopping the machine at each. */
struct attach_watch {
    void *ctx;
    void (*hears)(void *ctx, const struct record *r); /* EVENT, GAP, END; NULL: nobody */
};

/* NULL for what a door cannot do. Each fails through attach_fail(). After drop(), and after
 * close(), a->door is NULL, and only open() may come. */
struct attach_ops {
    enum error (*open)(struct attach *a);
    void (*close)(struct attach *a); /* also after a failed open */
    void (*drop)(struct attach *a);  /* the same without a word to the other side */
    /* Leaves a whole, checked snapshot in a->stream. */
    enum error (*snapshot)(struct attach *a);
    /* Asks the machine how it is: leaves a->state and a->halted as it says. */
    enum error (*state)(struct attach *a);
    enum error (*halt)(struct attach *a);
    enum error (*go)(struct attach *a);
    enum error (*command)(struct attach *a, const char *line, char **text);
    /* Does what is behind the line run them? NULL: wherever there is command(). */
    bool (*can_command)(const struct attach *a);
    void (*console)(struct attach *a); /* takes in what waits on the line */
    enum error (*find)(struct attach *a, enum attach_goal goal, uint64_t slot,
                       struct attach_moment *out);
    /* Live line on, or taken up anew: leaves a whole, checked snapshot in a->stream, and from there
     * on `hears` is told what comes, whenever the door reads its line. NULL: off. */
    enum error (*live)(struct attach *a, const struct attach_live *hears);
    /* Reads the line until some frame has come or ms have passed; with a watch, until they have. */
    enum error (*listen)(struct attach *a, int ms);
    /* a->watch was set or taken away. */
    enum error (*watch)(struct attach *a);
};

/* Is shared with the guard (guard.h): what we leave behind it sees as it is when we end. */
struct attach {
    const struct attach_ops *ops;
    char *name; /* of the target, as given */
    struct target target;
    void *door; /* of the open door */
    bool halted;
    bool dead; /* what is read is a core: it does not go on */
    struct attach_watch watch;
    bool keeps_stops; /* what was armed here outlives us */
    /* Was sent, and no answer has come: what it did is ours. */
    bool halting;          /* halt() */
    bool commanding;       /* a command, */
    uint32_t armed_before; /* and what was armed before it */
    struct guard guard;    /* of doors that keep what is ours here and in the state */
    unsigned silences;     /* questions of attach_recover() in a row without an answer */
    struct attach_state state;
    struct stream stream;
    struct text console; /* came in since the last attach_console() */
    char *console_given; /* what that returned */
    char error[ATTACH_ERROR_MAX];
    char parting[ATTACH_ERROR_MAX]; /* by close(): what it could not put right */
};

extern const struct attach_ops attach_gdb_ops;
extern const struct attach_ops attach_monitor_ops;
extern const struct attach_ops attach_ram_ops;

/* Leaves "TARGET: sentence" for attach_error() and returns e. */
enum error attach_fail(struct attach *a, enum error e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A failure of the line is a state as well; returns e. */
enum error attach_judge(struct attach *a, enum error e);
/* What the machine has just said of itself; `sentence` may be NULL, `since` is kept while nothing
 * changes. */
void attach_note(struct attach *a, enum attach_being being, const char *sentence);
/* Stops that are armed now, bit n - 1 for condition n. `before`: what was armed before a command of
 * ours, which armed the rest. */
void attach_note_armed(struct attach *a, uint32_t armed);
void attach_note_command(struct attach *a, uint32_t before);
/* What is armed of what was armed here, also by a command without an answer, and is to go with us. */
uint32_t attach_armed_by_us(const struct attach *a);
/* Can what was told now be of the run of the machine that was told of then? */
bool attach_same_run(const struct attach_state *then, const struct attach_state *now);

/* Hands the records of a->stream on. */
enum error attach_deliver(struct attach *a, attach_sink sink, void *ctx);
/* A finished capstate out of a->stream. */
enum error attach_take_state(struct attach *a, struct capstate *out);

#endif
