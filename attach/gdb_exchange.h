/* What the parts of the GDB client share: packets over a line that may lose and damage them.
 * Private to gdb_client.c, gdb_exchange.c and gdb_memory.c. */
#ifndef CAPSCOPE_ATTACH_GDB_EXCHANGE_H
#define CAPSCOPE_ATTACH_GDB_EXCHANGE_H

#include "attach/gdb_client.h"

enum {
    GDB_SEND_TRIES = 8,
    GDB_SETTLE_MS = 20,        /* for a packet that comes twice because it was asked for twice */
    GDB_SETTLE_MOST_MS = 1500, /* on a line where answers come late */
    GDB_SILENCE_MS = 700,      /* in an answer: then something was lost */
    GDB_SILENCE_BAD_MS = 250,  /* on a line that has lost something before */
    GDB_FENCE_LEAST = 16,      /* bytes of target.xml: no answer of another kind is so short */
    GDB_FENCE_MOST = 80,
    GDB_FENCE_TEXT = 48,
};

/* How long to wait for a packet, and how often for one that does not come or is damaged. */
struct gdb_patience {
    unsigned tries;
    int64_t silence_ms;
    deadline_t deadline;
    unsigned silences; /* so many in the wait for one packet are the end; 0: any number */
};

/* Sets c->trouble; returns e. */
enum error gdb_fail(struct gdb_client *c, enum error e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum error gdb_line_failed(struct gdb_client *c, enum error e);

enum error gdb_send_bytes(struct gdb_client *c, const void *bytes, size_t len, deadline_t deadline);
/* ERR_ARGUMENT for a request that is longer than a packet. */
enum error gdb_send_packet(struct gdb_client *c, const char *request, deadline_t deadline);
enum error gdb_send_sign(struct gdb_client *c, char sign, deadline_t deadline); /* '+' or '-' */

/* Something was lost or damaged, in either direction. */
void gdb_note_trouble(struct gdb_client *c);
int64_t gdb_silence(const struct gdb_client *c); /* milliseconds; longer means a loss */
/* Bytes that keep coming never let the wait for one of them run out: so the deadline counts as soon
 * as all that was received is used up. */
bool gdb_out_of_time(const struct gdb_client *c, deadline_t deadline);

/* The next event that means something on the line; ERR_TIMEOUT at the deadline, or when nothing
 * comes for so long. */
enum error gdb_next_event(struct gdb_client *c, enum gdb_event *event, int64_t silence_ms,
                          deadline_t deadline);
/* Waits for a packet. `request` (NULL: none) is sent again when the stub asks for that, or when
 * nothing comes, which is asked ever later, since the other side may be slow. */
enum error gdb_next_packet(struct gdb_client *c, const char *request, struct gdb_patience p);
/* A packet that was asked for again may come once more, one that was given up may come late, and
 * neither must be the answer to the next request: takes them off the line, by a fence where the stub
 * has one, else by listening until the line is silent. */
enum error gdb_settle(struct gdb_client *c, deadline_t deadline);
/* A question whose answer cannot be mistaken: for a piece of target.xml, each time of another
 * length.  Stubs answer in order, so what comes before that answer belongs to older requests, and
 * nothing older comes behind it.  Where it does not come, another one is asked. */
enum error gdb_fence(struct gdb_client *c, deadline_t deadline);
const char *gdb_next_fence(struct gdb_client *c, char request[GDB_FENCE_TEXT]);
/* Is what has come the answer to the newest one? */
bool gdb_is_fence(const struct gdb_client *c);
/* A request and its answer; gdb_client_ask() with a patience of its own. */
enum error gdb_ask(struct gdb_client *c, const char *request, struct gdb_patience p);
struct gdb_patience gdb_patient(const struct gdb_client *c, deadline_t deadline);

/* What the packet in c->decoder is. */
bool gdb_answer_is(const struct gdb_client *c, const char *text);
bool gdb_is_error_reply(const struct gdb_decoder *d);
bool gdb_is_stop_reply(const struct gdb_decoder *d);
bool gdb_is_exit_reply(const struct gdb_decoder *d);
/* A stop reply, which is then counted? */
bool gdb_take_stop_reply(struct gdb_client *c);

/* Bytes of memory that the stub can give in one packet (gdb_memory.c). */
uint32_t gdb_read_bytes_max(const struct gdb_client *c);

#endif
