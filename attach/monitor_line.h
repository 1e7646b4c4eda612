/* The line to a monitor: frames in and out, commands with their numbers, the live line.
 * Private to monitor.c and monitor_line.c.
 *
 * A command goes out in a frame with a number, and its answer names it (wire/machine.h).  An answer
 * to another one, which somebody stopped waiting for, is dropped, and so is a snapshot that belongs
 * to it.  What comes between frames is what programs print. */
#ifndef CAPSCOPE_ATTACH_MONITOR_LINE_H
#define CAPSCOPE_ATTACH_MONITOR_LINE_H

#include "attach/door.h"
#include "attach/gather.h"
#include "attach/transport.h"
#include "record/codec.h"
#include "wire/machine.h"

enum {
    MONITOR_PROGRESS_MS = 3000, /* longest pause inside an answer */
    MONITOR_SYNC_MS = 700,      /* for the first answer of a line that may be in any state */
    MONITOR_QUIET_MS = 50,
};

struct monitor_door {
    struct transport line;
    struct frame_decoder frames;
    bool told;          /* a STATE has come since it was last waited for */
    bool flagged_trace; /* the machine's trace is on, as it said last */
    /* the answer being received */
    uint32_t id;               /* of the last command */
    struct text reply;         /* text of the answer */
    enum error reply_trouble;  /* why it is not whole: ERR_BOUND, ERR_NO_MEMORY */
    struct record_codec codec; /* of ANSWER frames */
    uint16_t reply_next;       /* sequence numbers to come */
    uint16_t stream_next;
    bool begun;     /* the answer: what comes now belongs to it */
    bool in_stream; /* a snapshot */
    bool stream_done;
    bool replied;
    bool succeeded;
    bool damaged;
    struct gather *gather; /* takes the frames of the stream, NULL: they must come in order */
    /* the live line */
    const struct attach_live *hears; /* NULL: nobody */
    int64_t spoken, heard;           /* clock_now_ms() of the last byte sent, and of what came */
    struct record_codec events;
    bool events_broken; /* until the next base */
    bool holding;       /* events that come belong behind a base that is not delivered yet */
    bool held_lost;     /* and some of them did not come */
    struct text held;   /* their payloads, each behind its length in two bytes */
};

/* Sends the command and receives until its answer is closed, or until nothing comes for so long.
 * ERR_SEQUENCE: the answer has come with holes. ERR_BOUND: it is too long to be kept whole. */
enum error monitor_run(struct attach *a, const char *line, int64_t first_ms);
/* Ends the command that was sent last, if it is still under way. */
enum error monitor_cancel(struct attach *a);
/* A word to a machine that would else take the silence for our end. */
enum error monitor_renew(struct attach *a);
/* Takes in what comes until the line has been silent for so long, at most three times that. */
enum error monitor_drain(struct attach *a, int64_t silence_ms);
/* Takes in what comes until a frame has come or the deadline has passed. */
enum error monitor_hear(struct attach *a, deadline_t deadline);

/* The live line: hands over what waited for a base; nobody knows any more what comes next. */
void monitor_release_events(struct monitor_door *d);
void monitor_events_lost(struct monitor_door *d, enum error why);

/* Leaves the sentence for a failure of the line; returns e. */
enum error monitor_line_failed(struct attach *a, enum error e);

#endif
