/* Ways in: one interface over the serial monitor, the GDB remote protocol, a RAM file.
 *
 *   monitor:unix:PATH  monitor:tcp:HOST:PORT  monitor:/dev/ttyX[,BAUD]
 *   gdb:unix:PATH      gdb:tcp:HOST:PORT      gdb:/dev/ttyX[,BAUD]
 *   ram:FILE
 *
 * Every wait has a deadline; every failure leaves one sentence in attach_error() that names the
 * target and what went wrong. All doors give the same records for the same stopped state. */
#ifndef CAPSCOPE_ATTACH_ATTACH_H
#define CAPSCOPE_ATTACH_ATTACH_H

#include "record/record.h"
#include "capstate/capstate.h"

struct attach;

enum { ATTACH_DEADLINE_MS = 5000 };

/* Opens a target: connects, finds kernel_roots, checks version and layout. On failure *out is NULL
 * and the sentence is in `message` (size bytes). */
enum error attach_open(const char *target, struct attach **out, char *message, size_t size);
/* Lets a machine that we stopped run again, and takes away the stops that were armed here.  Where it
 * could not be reached, or did not confirm that: one sentence with the target's name that says so, else
 * "". Valid until the next call. */
const char *attach_close(struct attach *a);
/* For a signal handler: whatever waits for a target ends with ERR_STOPPED, and so does all that
 * would wait, up to the next attach_close(), which leaves the machine as it does else. */
void attach_interrupt(void);
const char *attach_error(const struct attach *a);
const char *attach_target(const struct attach *a);

/* Takes a snapshot: stops the machine if the door needs it, reads, lets it run again (unless it was
 * halted by attach_halt). Records go to `sink` in order, END last. Retries what noise destroyed; at
 * the end of patience ERR_TIMEOUT, ERR_CLOSED, ERR_TORN... and nothing half is delivered: the sink
 * of a failed try has been told by a SNAPSHOT record of the next try, or by the error. */
typedef enum error (*attach_sink)(void *ctx, const struct record *record);
enum error attach_records(struct attach *a, attach_sink sink, void *ctx);
/* Was the snapshot of that head read of a kernel at work that stood still meanwhile, so that what it was
 * changing may be half changed? */
bool attach_was_at_work(const struct attach *a, const struct record_snapshot *head);
/* The same into a finished capstate (which the caller frees); nothing partial on failure. */
enum error attach_snapshot(struct attach *a, struct capstate *out);

/* How the machine is, as it says itself, not as we last asked for. */
enum attach_being {
    ATTACH_RUNS,
    ATTACH_STANDS,      /* at a stop that lasts until somebody ends it */
    ATTACH_HELD,        /* at one that ends by itself, or with whoever made it: a program looks */
    ATTACH_REPLAYS,     /* a recorded run, which stands at an instruction */
    ATTACH_UNREACHABLE, /* the line is there, nobody answers */
    ATTACH_GONE,        /* the line is closed, or the machine's memory does not change any more */
};

/* Why it stands. */
enum attach_reason {
    ATTACH_NO_REASON,
    ATTACH_AT_CONDITION,
    ATTACH_AT_STEP,
    ATTACH_AT_FINISH,
    ATTACH_AT_HALT,
    ATTACH_AT_PROGRAM,
    ATTACH_AT_PANIC,
    ATTACH_AT_BREAKPOINT,
};

struct attach_state {
    enum attach_being being;
    enum attach_reason reason;
    bool ours;            /* we stopped it: it goes on when we leave */
    uint32_t condition;   /* that matched, from 1; 0: none */
    uint32_t armed;       /* bit n - 1: condition n is armed */
    uint32_t armed_here;  /* of those: armed through this door */
    uint64_t events;      /* number of the last event so far */
    uint64_t thread;      /* current TCB, 0: not told */
    uint64_t event;       /* number of the event at which it stands, 0: none */
    uint64_t slot;        /* that event's */
    uint64_t instruction; /* of a replay */
    int64_t since_ms;     /* clock_now_ms() when it was first seen so */
    char sentence[512];   /* where, by whom, before what; why it cannot be reached */
};

/* Asks. On failure the state is UNREACHABLE or GONE, with the sentence. */
enum error attach_state(struct attach *a, struct attach_state *out);
/* What was last heard, without asking: every answer of a machine says how it is, every failure too.
 */
const struct attach_state *attach_last_state(const struct attach *a);

/* After ERR_TIMEOUT, ERR_CLOSED or ERR_IO: asks again, over a new line if the old one is gone or
 * stays silent. ERR_OK: the machine answers; whether it is the same one only its state can tell. */
enum error attach_recover(struct attach *a);

/* attach_close() takes away the stops that were armed here, unless they are to stay. */
void attach_keep_stops(struct attach *a, bool keep);

/* Stop, go on. ERR_UNSUPPORTED for a RAM file.  A machine that stops by itself, at a condition that
 * somebody armed, counts as halted as soon as a door notices.  One that stood before attach_open()
 * counts as halted from the start and is left standing. */
enum error attach_halt(struct attach *a);
enum error attach_continue(struct attach *a);
bool attach_is_halted(const struct attach *a);

/* Can it be stopped through this door? Does it run monitor commands? */
bool attach_can_halt(const struct attach *a);
bool attach_can_command(const struct attach *a);

/* Runs one monitor command line and collects its text, all of it or ERR_BOUND (monitor doors, and
 * gdb doors of the kernel's own stub). A command that fails says why in its text; ERR_OK then too.
 * Caller frees *text. ERR_UNSUPPORTED otherwise. */
enum error attach_command(struct attach *a, const char *line, char **text);

/* Text that programs printed since the last call (monitor door), "" if none; bytes as they came, so
 * escape them before they reach a terminal. Valid until the next call. */
const char *attach_console(struct attach *a);

/* Where a capability came from and where it went, on a recorded run that QEMU replays (gdb doors
 * that offer reverse execution; docs/reverse.md). */
enum attach_goal { ATTACH_KILLED, ATTACH_MADE };

struct attach_moment {
    enum attach_goal goal;
    uint64_t slot;   /* physical, as all addresses of records */
    uint32_t type;   /* enum record_cap of the capability that went or came */
    uint64_t object; /* and its object */
    uint32_t ticks;
    bool forward;    /* the moment lies after the one at which it was asked for */
    uint64_t thread; /* current TCB, 0: none yet */
    char thread_name[RECORD_STRING_MAX + 1];
    /* What that thread asks: names, NULL without one. Whether a label names an invocation only the
     * capability invoked could tell; on an endpoint it is the sender's own. */
    const char *syscall;
    const char *invocation;
    uint64_t user_pc;
    uint64_t pc; /* in the kernel */
};

/* Finds what emptied a slot (`slot`: physical or in the kernel's window), or what filled it, and
 * leaves the machine halted at that moment: KILLED before the operation, MADE after it.  An empty
 * slot is followed back, a capability that lives is followed forward to its end.  ERR_NOT_FOUND,
 * ERR_UNSUPPORTED where time goes only forward. */
enum error attach_find(struct attach *a, enum attach_goal goal, uint64_t slot,
                       struct attach_moment *out);
/* One sentence; nothing in it can steer a terminal. Returns buf. */
char *attach_moment_text(const struct attach_moment *m, char *buf, size_t size);

/* Everything that the kernel does with capabilities from now on, as EVENT records whose numbers go on
 * by one, and a GAP where some were missed: by stopping the machine at each (gdb doors to mainline
 * kernels; docs/sel4.md says what cannot be seen so).  They are told while attach_listen(), a
 * snapshot or another call looks at the machine, which stands at its next event in between.
 * The END record of a snapshot stands among them where it was taken. NULL: no more.
 * ERR_UNSUPPORTED through other doors; a serial monitor has live.h. */
enum error attach_watch(struct attach *a, void (*hears)(void *ctx, const struct record *r),
                        void *ctx);
/* Lets the machine run for so long. */
enum error attach_listen(struct attach *a, int ms);

#endif
