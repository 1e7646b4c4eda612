/* The client's side of GDB's remote protocol: request and answer, stop, resume, registers, memory.
 *
 * The stub on the other side may be QEMU's, OpenOCD's or the one in the kernel; all it says is
 * untrusted.  Nothing but ^C, and acknowledgements of what came, is sent to a running target: QEMU
 * takes any other byte as a stop.
 *
 * The line may lose, double and flip bytes.  Acknowledgements stay on; what is lost is asked for
 * again after a silence.  A sum of eight bits cannot tell all damage: two errors in one packet
 * often cancel.  So from the first trouble on memory is read in small pieces, and each twice, cut
 * differently, until two readings agree. */
#ifndef CAPSCOPE_ATTACH_GDB_CLIENT_H
#define CAPSCOPE_ATTACH_GDB_CLIENT_H

#include "attach/processor.h"
#include "attach/transport.h"
#include "wire/gdb_packet.h"

struct gdb_client {
    struct transport line;
    struct gdb_decoder decoder;
    uint32_t packet_size;  /* of the stub, 0: it did not say */
    uint32_t piece;        /* bytes of memory to ask for at once */
    uint32_t good_pieces;  /* that came in a row */
    uint32_t troubles;     /* times that something was sent again, or asked for again */
    uint32_t answers_lost; /* of these: packets of the stub */
    uint32_t settle_ms;    /* silence after which nothing is taken to be under way */
    uint32_t fence;        /* the last one's number: bytes that were asked for (gdb_fence()) */
    bool fences;           /* the stub answers them */
    bool running;
    bool halting;     /* it runs as far as we know, but was told to stop, or to make one step */
    bool asked_again; /* so that an answer may come twice, or late */
    bool late;        /* answers take longer than the usual patience */
    bool mute;        /* no sign is sent for what comes: what we left must not be disturbed */
    const struct processor *processor;
    uint32_t process; /* QEMU speaks of processes, since a client before us did: this one; 0: no */
    bool met;         /* it has told all that it offers */
    bool physical;    /* memory reads take physical addresses (QEMU) */
    bool stood;       /* the target stood still before we came, and has not been resumed */
    /* Only in passing, for moments and with nobody who looks: a stop of QEMU that is told after the
     * greeting is of our making then, behind somebody's request to go on. */
    bool passing;
    unsigned interrupts; /* replies that tell of a stop by SIGINT: QEMU answers `?` with another */
    unsigned stop_replies; /* that came, and how many of them are answers to `?` */
    unsigned stops_asked;
    /* Hears what a running target says: text, as packets O. NULL: nobody does. */
    void (*hears)(void *ctx, const uint8_t *packet, uint32_t length);
    void *hears_ctx;
    char stop[32];                      /* the last stop reply, its beginning */
    char features[GDB_PACKET_DATA + 1]; /* answer to qSupported */
    char trouble[160];                  /* what the last failure was */
};

enum { GDB_REPLY_MS = 2000, GDB_STOP_MS = 2000, GDB_RESUME_MS = 2000 };

/* Of one all of zeroes, before its line is open. */
void gdb_client_init(struct gdb_client *c);
/* Speaks to a stub on an open line: stops the target, learns what the stub can do. */
enum error gdb_client_begin(struct gdb_client *c, deadline_t deadline);
/* Closes the line; before that detaches, so that the target runs on, unless it stood before we
 * came. hurried: it has not answered lately, and is not waited for long.  False: it did not confirm. */
bool gdb_client_end(struct gdb_client *c, bool hurried);
/* Does the target stand because of us, as far as we know?  QEMU stops as soon as somebody comes. */
bool gdb_client_holds(const struct gdb_client *c);

/* Sends one packet and waits for its answer, which is in c->decoder until the next call.  Damaged
 * and lost packets are asked for again, unsolicited stop replies and notifications skipped. */
enum error gdb_client_ask(struct gdb_client *c, const char *request, deadline_t deadline);

enum error gdb_client_stop(struct gdb_client *c, deadline_t deadline);
enum error gdb_client_resume(struct gdb_client *c, deadline_t deadline);
/* The same by another request than "c": "s", "vCont;...". */
enum error gdb_client_resume_by(struct gdb_client *c, const char *request, deadline_t deadline);
/* While the target runs: has it stopped by itself? Takes in what waits on the line, for at most the
 * given time. */
enum error gdb_client_listen(struct gdb_client *c, deadline_t deadline);

/* Plants or takes away a breakpoint or watchpoint: "Z2,ADDRESS,LENGTH". */
enum error gdb_client_plant(struct gdb_client *c, const char *request, deadline_t deadline);
/* Lets the target run and waits until it stops by itself: "c", "s", and, where the stub offers it,
 * "bc", "bs".  The stop reply is then in c->decoder. */
enum error gdb_client_move(struct gdb_client *c, const char *how, deadline_t deadline);

/* Reads memory of the stopped target. ERR_READ when the stub answers with an error; ERR_TORN when
 * over a bad line no two readings agree: the line is too bad, or the bytes do change, as the stub's
 * own buffers do. */
enum error gdb_client_read(struct gdb_client *c, uint64_t addr, uint8_t *buf, uint32_t len);
/* ERR_UNSUPPORTED where the stub or the processor does not have it. */
enum error gdb_client_register(struct gdb_client *c, struct processor_register r, uint64_t *out);
/* The register that tells user mode from the kernel's. */
enum error gdb_client_mode(struct gdb_client *c, uint64_t *mode);

/* Runs a `monitor` command of the stub; its text goes to `put`. */
enum error gdb_client_command(struct gdb_client *c, const char *line,
                              enum error (*put)(void *ctx, const char *bytes, size_t len),
                              void *ctx, deadline_t deadline);

/* A request that is answered by packets 'm' and data, an 'l' at the end: the data goes to `put`. Of
 * packets that were lost or damaged nobody hears. */
enum error gdb_client_collect(struct gdb_client *c, const char *request,
                              enum error (*put)(void *ctx, const uint8_t *bytes, size_t len),
                              void *ctx, deadline_t deadline);

/* Does the answer to qSupported hold this word ("QStartNoAckMode+")? */
bool gdb_client_offers(const struct gdb_client *c, const char *feature);

#endif
