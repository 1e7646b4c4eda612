/* kernel_roots: where everything begins, published by the kernel for whoever reads its memory.
 *
 * Found by the symbol `kernel_roots`, or by scanning the first 4 MiB of RAM for the magic on a
 * 64-byte boundary; first on page boundaries, where this kernel puts it, which takes few and short
 * reads over a slow line.  A reader checks magic, version and layout hash, and refuses with a
 * sentence that names both when they differ; it needs no other symbol of any build. */
#ifndef CAPSCOPE_LAYOUT_ROOTS_H
#define CAPSCOPE_LAYOUT_ROOTS_H

#include "layout/events.h"
#include "layout/objects.h"

#define ROOTS_MAGIC_0 0x43504143u /* "CAPC" */
#define ROOTS_MAGIC_1 0x50534f52u /* "ROSP" */
enum { ROOTS_VERSION = 1, ROOTS_ALIGN = 64, ROOTS_PAGE = 4096, ROOTS_SCAN_BYTES = 4 << 20 };

/* Any change of capability.h, objects.h, events.h or this file changes this number. */
#define LAYOUT_HASH 0x20261130u

/* Ready queues: one an priority, doubly linked through sched_next / sched_prev. */
struct ready_queue {
    kaddr_t head;
    kaddr_t tail;
};

enum { READY_BIT_WORDS = 1 + CONFIG_PRIORITIES / 32 };

/* Conditions armed by a debugger: stop when an event matches all that is set.  Written by any door
 * while the kernel is stopped, read by debug_event(). */
enum { BREAK_CONDITIONS = 8 };

struct break_condition {
    word_t enabled;
    word_t kinds;         /* bit set of 1 << (kind & 31) over enum event_kind; 0: any kind */
    kaddr_t slot;         /* 0: any; matches slot or src */
    kaddr_t object_first; /* inclusive range over the object of cap, or `object` */
    kaddr_t object_last;  /* 0: any */
    kaddr_t thread;       /* 0: any */
    word_t hits;
    word_t reserved;
};

struct debug_control {
    word_t trace;          /* 1: append events to the ring and keep the digest */
    word_t armed;          /* 1: compare events with the conditions */
    word_t step;           /* stop after so many events that count as a step; 0: off */
    word_t finish;         /* 1: run until EVENT_REVOKE_END (or the end of the delete) */
    word_t stopped;        /* the kernel is inside debug_stop() */
    word_t stop_condition; /* index of the condition that matched, ~0: step, halt, panic */
    kaddr_t break_address; /* code address that executes once for each stop: a breakpoint here
                              stops the machine at the event in `current` */
    word_t release;        /* written by an outside debugger: 1 go on */
    struct event current;  /* the event at which the kernel stands, seq 0: none */
    struct {
        kaddr_t root; /* slot being revoked, 0: none */
        word_t done;
        word_t preempted; /* times */
        word_t reserved;
    } revoke;
    struct break_condition condition[BREAK_CONDITIONS];
};

/* Event ring: `capacity` entries of struct event; entry of sequence number s lies at index
 * s % capacity; valid numbers are (head - capacity, head]. */
struct event_ring {
    kaddr_t base;
    word_t capacity; /* a power of two */
    word_t head;     /* last sequence number written, 0: none */
    word_t taken;    /* last sequence number that the live line sent */
};

struct kernel_roots {
    word_t magic[2];
    word_t version;
    word_t layout;
    word_t size; /* bytes of this structure */
    word_t phys_offset;
    paddr_t ram_base;
    word_t ram_size;
    paddr_t kernel_start;
    paddr_t kernel_end;   /* exclusive; user memory begins above */
    kaddr_t cdt_head;     /* sentinel slot */
    kaddr_t ready_queues; /* CONFIG_PRIORITIES entries */
    kaddr_t ready_bits; /* READY_BIT_WORDS words: bit i of the first: word i + 1 is not 0; there bit
                         * j of word i + 1: queue 32 i + j is not empty */
    kaddr_t current;    /* address of the word that holds the current TCB */
    kaddr_t idle_thread; /* TCB */
    kaddr_t asid_table;  /* ASID_POOLS words, kernel address of each pool, 0: none */
    kaddr_t irq_state;   /* IRQ_COUNT bytes, enum irq_state */
    kaddr_t irq_slots;   /* IRQ_COUNT slots with the handlers' notification capabilities */
    kaddr_t kernel_pd;   /* page directory of threads without one */
    kaddr_t ticks;       /* address of the word that counts timer ticks */
    kaddr_t globals_frame;
    kaddr_t debug_control; /* struct debug_control, 0 in a release kernel */
    kaddr_t event_ring;    /* struct event_ring, 0 in a release kernel */
    kaddr_t digest;        /* struct running_digest, 0 in a release kernel */
    word_t debug;          /* 1: debug build */
    kaddr_t root_thread;   /* address of the word that holds the TCB the kernel started; its memory
                              is never untyped, so that no other object ever has this address */
    paddr_t alias_start; /* [alias_start, alias_end): addresses under which RAM may answer again, */
    paddr_t alias_end;   /* alias_start as ram_base; equal: none. No capability names one. */
    word_t
        boot; /* of this run of the machine, another one after each reset; 0 in a release kernel */
    char board[16];
    char build[32]; /* version string */
    word_t check;   /* makes the sum of all words 0: nothing in here changes after boot */
};

static inline word_t roots_sum(const struct kernel_roots *r)
{
    const word_t *word = (const word_t *)r;
    word_t sum = 0;
    for (unsigned i = 0; i < sizeof(*r) / sizeof(word_t); i++)
        sum += word[i];
    return sum;
}

/* Digest of all occupied slots: the sum, modulo 2^64, of digest_slot() over every slot in the list,
 * low half in lane 0, so that order does not matter and one slot's change is an addition.  Words
 * are multiplied as signed numbers, which costs ARM one instruction each, sum included.
 *
 *   key  = both halves, xored, of the square of (slot xor 0x2159ab2d)
 *   sum += (w0 + key) * (w1 + key rotated right by 13) + next * key
 *
 * Each slot has factors of its own, another one for each of its words, so a changed word, an
 * exchange of words or links between slots and a move all show.  Slots, objects and badges stand in
 * regular distances: with a key linear in the address, or nearly so, two exchanges can cancel out.
 * That is what the square is for, and constant and rotation were chosen by it
 * (tests/sim/test_digest.c). The previous link is left out: it says nothing that the next links do
 * not. */
struct digest {
    word_t lane[2];
};

/* The kernel keeps it up to date while `kept`; a list that cannot be followed has no digest. */
struct running_digest {
    struct digest sum;
    word_t kept;
};

static inline word_t digest_key(kaddr_t slot)
{
    word_t mixed = slot ^ 0x2159ab2du;
    uint64_t square = (uint64_t)mixed * mixed;
    return (word_t)square ^ (word_t)(square >> 32);
}

static inline uint64_t digest_product(word_t a, word_t b)
{
    return (uint64_t)((int64_t)(int32_t)a * (int32_t)b);
}

static inline uint64_t digest_slot(kaddr_t slot, word_t w0, word_t w1, word_t next)
{
    word_t key = digest_key(slot);
    return digest_product(w0 + key, w1 + (key >> 13 | key << 19)) +
           digest_product(next & ~0xcu, key);
}

/* What is added when an occupied slot's next link alone changes.  Either link is an address in the
 * kernel's window or next to it, so that their difference is a signed word. */
static inline uint64_t digest_link(kaddr_t slot, kaddr_t old, kaddr_t now)
{
    return digest_product(now - old, digest_key(slot));
}

static inline void digest_change(struct digest *d, uint64_t change)
{
    uint64_t sum = ((uint64_t)d->lane[1] << 32 | d->lane[0]) + change;
    d->lane[0] = (word_t)sum;
    d->lane[1] = (word_t)(sum >> 32);
}

static inline void digest_add(struct digest *d, kaddr_t slot, word_t w0, word_t w1, word_t next)
{
    digest_change(d, digest_slot(slot, w0, w1, next));
}

#endif
