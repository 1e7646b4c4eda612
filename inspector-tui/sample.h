/* One moment of a target: its capabilities, what the analysis says of them, and how the target
 * stood.
 *
 * Made whole by the worker, then read-only and shared: the screen, the history and the comparison
 * each hold a reference.  Indexes (int32_t, -1 for none) are good in this sample only. */
#ifndef CAPSCOPE_INSPECTOR_TUI_SAMPLE_H
#define CAPSCOPE_INSPECTOR_TUI_SAMPLE_H

#include "authority/authority.h"
#include "capstate/capstate.h"
#include "facts/waiting.h"
#include "facts/why.h"
#include "inspector-tui/ref.h"

#include <stdatomic.h>

/* How the target stands, as it said itself the last time it was asked. */
enum target_kind {
    TARGET_OPENING, /* nothing was read yet */
    TARGET_RUNNING,
    TARGET_STOPPED,     /* at a condition, a breakpoint or before we came */
    TARGET_HELD,        /* stopped by us */
    TARGET_UNREACHABLE, /* asked and did not answer; trying again */
    TARGET_GONE,        /* its end of the line is closed; trying again */
    TARGET_REPLAY,      /* a replayed run that stands at an instruction */
    TARGET_RECORDING,   /* snapshots of a file */
    TARGET_IMAGE,       /* memory of a machine that does not run */
};

struct target_state {
    enum target_kind kind;
    double since;               /* seconds after 1970 */
    char where[200];            /* by whom, before what; why it cannot be read; "" */
    uint32_t armed, armed_here; /* stops, a bit each; of those: through this inspector */
};

enum verdict { VERDICT_UNKNOWN, VERDICT_ISOLATED, VERDICT_BREACHED };

/* Bytes of RAM that a domain decides about. */
struct domain_memory {
    uint64_t used; /* in typed objects */
    uint64_t lost; /* handed out, and in no object: alignment, or freed without a revoke */
    uint64_t free; /* that it could retype */
};

enum { SAMPLE_REACHES = 64 };

struct sample {
    atomic_uint holders;
    uint32_t number;   /* on the time line, from 1 */
    uint32_t recorded; /* number in the recording that is written, 0: none */
    uint64_t event; /* made from snapshot `number` and the events up to this one; 0: a snapshot */
    double time;    /* when it was taken, seconds after 1970 */
    uint32_t run;   /* of the machine, as far as one can tell; grows with each restart */
    uint64_t sum;   /* of all slots and threads: equal sums show the same rows */
    size_t bytes;   /* of memory, about */
    struct target_state target;

    struct capstate state;
    struct authority authority;
    bool have_authority;
    enum verdict verdict;
    char verdict_text[300]; /* what it rests on, or why there is none */
    struct authority_verdict judged;
    const struct authority_breach *breaches; /* its rows: breaches, doubts and notes */
    uint32_t breach_count;
    uint32_t *domain_caps;               /* by domain: capabilities in its CSpaces */
    struct domain_memory *domain_memory; /* by domain */
    uint64_t
        *watermark; /* by object: of untyped memory with something made of it, up to where it was
                            handed out; else 0 */
    struct waiting waiting; /* who waits for whom */
    uint64_t
        *domain_reaches; /* by domain: a bit for each of the first SAMPLE_REACHES whose objects it
                               * refers to */
    bool *stuck;         /* by thread: faulted, or it waits for what can never come */
};

/* Takes over *state. NULL: no memory (the state is freed then too). */
struct sample *sample_make(struct capstate *state, const struct authority_rules *rules);
struct sample *sample_hold(struct sample *s);
void sample_drop(struct sample *s); /* NULL is fine */

/* --- things by reference or address; -1 when this sample has no such thing --- */
int32_t sample_slot_at(const struct sample *s, uint64_t addr);
int32_t sample_object_at(const struct sample *s, uint64_t addr);
int32_t sample_object_holding(const struct sample *s, uint64_t addr);
int32_t sample_object_of(const struct sample *s, const struct ref *r);
int32_t sample_thread_at(const struct sample *s, uint64_t addr);
int32_t sample_domain_of(const struct sample *s, const struct ref *r); /* by hash */

struct ref sample_slot_ref(const struct sample *s, int32_t slot);
struct ref sample_object_ref(const struct sample *s, int32_t object);
struct ref sample_thread_ref(const struct sample *s, int32_t thread);
struct ref sample_domain_ref(const struct sample *s, int32_t domain);
/* Physical, of an address in the kernel's window: of the thing behind it. Others are as they are. */
uint64_t sample_physical(const struct sample *s, uint64_t addr);
/* The smallest thing at an address: a slot, an object that begins there, else memory. */
struct ref sample_ref_at(const struct sample *s, uint64_t addr);
/* Does the thing exist here? Text and views always do. */
bool sample_has(const struct sample *s, const struct ref *r);

/* --- domains --- */
uint32_t sample_domains(const struct sample *s);
const char *sample_domain_name(const struct sample *s, int32_t domain); /* "-" for none */
int32_t sample_thread_domain(const struct sample *s, int32_t thread);
int32_t sample_slot_domain(const struct sample *s, int32_t slot);
/* What of a thread should be looked at. A manager may wait for ever on purpose: of it a fault alone. */
enum why_mark sample_trouble(const struct sample *s, int32_t thread);
int32_t sample_owner(const struct sample *s, uint64_t addr, struct authority_owner *owner);
int32_t sample_owner_of_object(const struct sample *s, int32_t object,
                               struct authority_owner *owner);

/* From the first page of RAM to the end of the last one, all its ranges. */
struct sample_ram {
    uint64_t base, size;
};
struct sample_ram sample_ram(const struct sample *s);
/* The object that all of [base, base + size) lies in, where no other begins behind base; else -1. */
int32_t sample_object_filling(const struct sample *s, uint64_t base, uint64_t size);
/* The object that a reference to an address stands for: that which lies there; of a piece of memory
 * that which fills it. */
int32_t sample_object_there(const struct sample *s, const struct ref *address);
/* The first object that begins at addr or behind it; object_count: none. */
uint32_t sample_object_from(const struct sample *s, uint64_t addr);

/* Bytes of RAM that the domain owns, whatever their use. */
uint64_t sample_domain_own(const struct sample *s, int32_t domain);
/* Is the address in untyped memory that was handed out, and in no object? */
bool sample_is_lost(const struct sample *s, const struct authority_owner *owner, uint64_t addr);

/* The number that snapshots have for the user. */
uint32_t sample_number(const struct sample *s);

/* An address with as many digits as the target's words have; returns buf. */
char *sample_hex(const struct sample *s, uint64_t addr, char buf[24]);

#endif
