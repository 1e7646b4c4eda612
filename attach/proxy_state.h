/* What the files of the proxy share (attach/proxy.h has the picture). */
#ifndef CAPSCOPE_ATTACH_PROXY_STATE_H
#define CAPSCOPE_ATTACH_PROXY_STATE_H

#include "attach/gdb_door.h"
#include "attach/proxy.h"

enum {
    PROXY_PROCESSOR = 1, /* the thread that stands for the processor, wherever it is */
    PROXY_THREAD_SHIFT = 9,
    PROXY_PLANTED_MAX = 64,
    PROXY_ONLY_MAX = 32,
    PROXY_CHASED = 2,
    PROXY_WRITE_MS = 5000,
    PROXY_REPLY_MS = 4000,
    PROXY_TEXT = 512,
};

/* A breakpoint or watchpoint of the debugger's: "1,ADDRESS,KIND". */
struct proxy_planted {
    char what[40];
    bool code; /* type 0 or 1 */
    uint64_t address;
};

/* A breakpoint that holds in one thread, or in its address space, alone. */
struct proxy_only {
    uint64_t address;
    uint64_t thread; /* TCB, 0: any of the address space */
    uint64_t space;  /* its root */
    char name[RECORD_STRING_MAX * 4 + 1];
};

struct proxy {
    struct attach *a;
    const struct gdb_door_ops *door; /* what knows the kernel behind the stub */
    struct gdb_client *stub;
    const struct proxy_help *help;
    int listener;
    bool knows_threads; /* the stub does */
    bool dead;          /* the stub is gone */
    bool armed;         /* commands may have planted stops at capability events */
    bool at_event;      /* the machine stands at such a place */

    /* the debugger's line; fd -1: nobody there */
    struct transport line;
    struct gdb_decoder decoder;
    bool acks;
    bool one_space; /* LLDB: takes memory to be the same for all threads */
    bool detached;  /* has nothing to say any more, but closes the line itself */
    bool gone;      /* it closed the line, or could not be written to */
    uint8_t sent[GDB_PACKET_RAW_MAX];
    uint32_t sent_length;

    /* the machine */
    bool ran;              /* before this debugger came */
    bool waits;            /* the debugger waits for a stop */
    uint64_t user;         /* TCB that the processor runs in user mode, 0: it is in the kernel */
    uint64_t pc;           /* of the processor at this stop */
    char stop[PROXY_TEXT]; /* why it stands, as the debugger was told */
    uint64_t selected;     /* thread of Hg, 0: any */
    uint64_t stopped_in;   /* thread of the last stop */

    /* threads, from the snapshot of this stop */
    struct capstate state;
    bool known;               /* `state` is of this stop */
    char unknown[PROXY_TEXT]; /* why not */
    struct text list;         /* qXfer:threads:read */
    uint32_t told;            /* threads already told by qfThreadInfo */

    struct proxy_planted planted[PROXY_PLANTED_MAX];
    uint32_t planted_count;
    struct proxy_only only[PROXY_ONLY_MAX];
    uint32_t only_count;
    /* A step of this thread over what the kernel does meanwhile: it is awaited at these places. */
    uint64_t stepping, step_from;
    bool stepping_processor; /* the step is of the processor, whoever runs */
    bool chasing;
    uint64_t chased[PROXY_CHASED];
};

/* A number of up to 64 bits; gdb_text_number() takes 32. */
bool proxy_number(struct gdb_text *t, uint64_t *value);

/* --- proxy_line.c: packets to and from the debugger --- */
void proxy_line_open(struct proxy *p, int fd);
void proxy_line_close(struct proxy *p);
void proxy_reply(struct proxy *p, const void *data, size_t length);
void proxy_say(struct proxy *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What of the text is asked for by "OFFSET,LENGTH", as qXfer gives it. */
void proxy_reply_part(struct proxy *p, const struct text *of, const char *range);
/* Console text, as packets O: while the debugger waits for a stop, or for a monitor command. */
void proxy_print(struct proxy *p, const char *text, size_t length);
/* Takes what has come, and handles it. */
void proxy_line_take(struct proxy *p);

/* --- proxy_packets.c --- */
void proxy_handle(struct proxy *p);    /* the packet in p->decoder */
void proxy_interrupt(struct proxy *p); /* ^C */
/* The stub failed in a request: notes whether it is gone; returns e. */
enum error proxy_stub_failed(struct proxy *p, enum error e);
/* Hands the packet to the stub and its answer to the debugger. */
void proxy_pass(struct proxy *p, const char *request);

/* --- proxy_threads.c --- */
uint64_t proxy_id_of(uint64_t tcb);
/* Takes the snapshot of this stop, if it is not here yet; false: p->unknown says why not. */
bool proxy_know(struct proxy *p);
void proxy_forget(struct proxy *p);
/* Index of the thread with this number, -1. */
int32_t proxy_thread(struct proxy *p, uint64_t id);
void proxy_thread_name(struct proxy *p, int32_t thread, char *buf, size_t size);
/* Name and reason; id may be PROXY_PROCESSOR. */
void proxy_describe(struct proxy *p, uint64_t id, char *name, char *reason, size_t size);
void proxy_list_numbers(struct proxy *p, bool first);
void proxy_list_xml(struct proxy *p, const char *range);

/* --- proxy_features.c --- */
/* "FILE:OFFSET,LENGTH" of qXfer:features:read; false: the stub's own answer is good. */
bool proxy_features(struct proxy *p, struct gdb_text *t);

/* --- proxy_memory.c --- */
void proxy_read_memory(struct proxy *p, struct gdb_text *t);
void proxy_write_memory(struct proxy *p, struct gdb_text *t);
void proxy_registers(struct proxy *p);
void proxy_register(struct proxy *p, struct gdb_text *t);
/* Of the processor alone: what the kernel saved is its own. */
void proxy_write_registers(struct proxy *p, const char *request);
/* Is the thread that the debugger means the one on the processor? */
bool proxy_means_processor(const struct proxy *p);

/* --- proxy_stops.c --- */
/* Stops the machine for the debugger; true: it stands. */
bool proxy_halt(struct proxy *p);
/* Lets it go on: "c", "s", or, for a stub that knows threads, its own words. */
void proxy_go(struct proxy *p, const char *request);
/* thread: the one to step. */
void proxy_step(struct proxy *p, uint64_t id);
/* It has stopped by itself: the stop reply is in the stub's decoder. */
void proxy_stopped(struct proxy *p);
void proxy_learn(struct proxy *p); /* where it stands */
void proxy_plant(struct proxy *p, const char *request);
void proxy_clear(struct proxy *p); /* takes everything planted away; the machine stands */
/* The machine as it was before the debugger came: nothing planted, and running if it ran. */
void proxy_release(struct proxy *p);
/* `monitor cap only …` */
void proxy_only(struct proxy *p, const char *operands);

#endif
