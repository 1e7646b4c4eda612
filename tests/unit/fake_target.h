/* The other side of a line for tests of attach/: a thread that plays a GDB stub or a monitor over
 * the simulated kernel's memory, well or badly as its faults say. */
#ifndef CAPSCOPE_TESTS_FAKE_TARGET_H
#define CAPSCOPE_TESTS_FAKE_TARGET_H

#include "objwalk/memview.h"

#include <pthread.h>

enum fake_line { FAKE_UNIX, FAKE_TCP, FAKE_PTY };

/* All zero: behaves. "every n": the n-th, 2n-th ... */
struct fake_faults {
    /* both */
    bool silent;          /* takes everything, says nothing */
    const char *flood;    /* says this without end from the first byte on */
    unsigned close_after; /* answers */
    unsigned deaf;        /* ignores the first so many requests */
    /* gdb */
    unsigned checksum_every; /* answer with a wrong checksum, right when asked again */
    unsigned stop_every;     /* an unsolicited stop reply before the answer */
    unsigned notify_every;   /* a notification before it */
    unsigned nak_every;      /* request asked for again */
    unsigned miss_every;     /* request not heard */
    unsigned lose_every;     /* answer that does not come, but when asked for again */
    unsigned forge_every;    /* answer to `m` with two bytes changed and the sum still right */
    unsigned noise_every;    /* bytes between packets */
    bool short_reads;        /* half of what was asked for */
    const char *memory;      /* every answer to `m` */
    const char *features;    /* answer to qSupported */
    const char *status;      /* answer to `?` */
    bool talks;              /* sends text when told to go on, which wants its '+' */
    bool runs_at_first;      /* needs ^C to stop, as the stub in the kernel does */
    bool stands;             /* stood before the client came */
    bool mute_detach;        /* no answer to D */
    bool processes;          /* a client before spoke of processes */
    bool legacy_registers;   /* no `p`, a `g` of 168 bytes */
    bool no_registers;
    uint32_t patch_at; /* kernel address of a word that reads as patch_value */
    uint32_t patch_value;
    bool patch_moves;    /* the value differs from stop to stop */
    unsigned torn_stops; /* the first so many stops are in kernel mode */
    /* monitor */
    unsigned drop;      /* frame of the first snapshot that is lost, from 1 */
    unsigned flip;      /* frame of the first snapshot with a bit wrong */
    unsigned repeat;    /* frame of the first snapshot that comes twice */
    bool always;        /* of every snapshot */
    bool holes;         /* two frames of three are lost, others in each snapshot */
    unsigned miscount;  /* END counts so many slots more */
    uint32_t format;    /* record format, 0: right */
    const char *chatty; /* a program prints this between frames */
    unsigned lines;     /* of the answer to `cdt` */
    unsigned late;      /* command, counted from 0, that is answered when the next one comes */
    bool refuses;       /* snapshot wire audit fails with text */
};

struct fake {
    const struct memview *view;
    struct fake_faults faults;
    char target[160]; /* what to attach to behind "gdb:" or "monitor:" */
    /* what happened */
    unsigned violations; /* bytes other than ^C that came while the machine ran */
    unsigned answers;
    unsigned snapshots;
    unsigned resumes;
    unsigned commands;
    unsigned detaches; /* requests */
    uint32_t armed;
    bool detached;
    bool left_running; /* when the line was closed */
    bool halted;
    /* private */
    void (*serve)(struct fake *f, int fd);
    pthread_t thread;
    int listener;
    char path[100];
};

void fake_gdb(struct fake *f, int fd);
void fake_monitor(struct fake *f, int fd);

/* Starts the thread; it serves one client and ends with it. */
void fake_start(struct fake *f, enum fake_line line, void (*serve)(struct fake *f, int fd),
                const struct memview *view, const struct fake_faults *faults);
void fake_join(struct fake *f); /* after the client has closed */

#endif
