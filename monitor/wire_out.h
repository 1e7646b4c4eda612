/* Frames on the serial line: snapshots, the live line, answers to commands that begin with @.
 *
 *   stream   SNAPSHOT_BEGIN seq 0, RECORDS 1, 2 ..., SNAPSHOT_END n, EVENTS n+1 ...
 *   answer   REPLY seq 0, 1 ...; an END record closes it: complete = 1 if the command succeeded,
 *            records = how many came, END counted
 *
 * A command that came in a frame is answered by ANSWER frames instead (wire/machine.h).
 *
 * One record codec serves the stream; both ends reset it at a SNAPSHOT record, and `trace wire`
 * begins with one. Answers hold no difference fields, so they leave it alone. */
#ifndef CAPSCOPE_MONITOR_WIRE_OUT_H
#define CAPSCOPE_MONITOR_WIRE_OUT_H

#include "objwalk/capscope/walk.h"

enum { MONITOR_LINE = 0 }; /* UART1 */

/* The whole state; the live line first tells every event up to there and goes on behind it.
 * ERR_STOPPED if the reader interrupted. */
enum error wire_snapshot(struct objwalk *w, enum snapshot_how how);
/* The same, audited, for another line: each frame goes to `carry`, whole, and the live line takes no notice.
 */
enum error wire_snapshot_to(struct objwalk *w, void (*carry)(const uint8_t *frame, uint32_t len));
void wire_abandon(void); /* what was being sent ended in the middle */
/* What the ring holds: a SNAPSHOT record, then EVENT and GAP records, then END, in a stream of the
 * same shape as a snapshot's. Switches the live line off. */
enum error wire_trace(struct objwalk *w);

/* on: trace on, a base snapshot, then events as they happen, with the digest of all slots each time
 * when nothing more is to be told, and once a second.  Lasts until it is switched off, or, with
 * `seconds`, until the line is silent so long: then the trace goes as well, if it was off before.
 */
enum error wire_live(struct objwalk *w, bool on, uint32_t seconds);
bool wire_live_is_on(void);
/* Sends a bounded amount of what is waiting; called at ticks and while stopped. */
void wire_live_idle(void);
/* Whoever writes other bytes to the line first lets a begun frame end. */
void wire_finish_frame(void);

/* A frame of a kind without records. */
void wire_send(uint8_t kind, const uint8_t *payload, uint32_t len);

void wire_reply_begin(void);
/* The same in ANSWER frames with a number, the first of them at once. */
void wire_answer_begin(uint32_t id);
void wire_reply_char(void *ctx, char c); /* a format_sink; one TEXT record a line */
bool wire_reply_is_open(void);
void wire_reply_record(const struct record *r);
void wire_reply_end(enum error result);

#endif
