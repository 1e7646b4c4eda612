/* What a finished capstate knows besides its arrays: sorted orders and links between them.
 * Private to capstate/. */
#ifndef CAPSCOPE_CAPSTATE_INDEX_H
#define CAPSCOPE_CAPSTATE_INDEX_H

#include "capstate/capstate.h"

/* Sorted by key, then value. */
struct capstate_key {
    uint64_t key;
    int32_t value;
};

/* Mappings of one address space that stand together. */
struct capstate_run {
    uint64_t asid;
    uint32_t first, count; /* in s->mappings, addresses ascending */
};

enum capstate_array {
    ARRAY_SLOTS,
    ARRAY_THREADS,
    ARRAY_ENDPOINTS,
    ARRAY_NOTIFICATIONS,
    ARRAY_SCHED_CONTEXTS,
    ARRAY_REPLIES,
    ARRAY_TABLES,
    ARRAY_MAPPINGS,
    ARRAY_IRQS,
    ARRAY_SCHEDS,
    ARRAY_RANGES,
    ARRAY_FINDINGS,
    ARRAY_COUNT,
};

struct capstate_index {
    /* while building */
    size_t room[ARRAY_COUNT];
    uint32_t records; /* added since SNAPSHOT, END included */
    bool begun;
    bool ended;
    /* made by capstate_finish */
    struct capstate_key *slots;   /* by address */
    struct capstate_key *threads; /* by address */
    struct capstate_key *tables;  /* by address */
    struct capstate_run *runs;    /* of mappings, by address space (spaces.c) */
    uint32_t run_count;
    int32_t *labels;    /* threads by label */
    int32_t *enclosing; /* for each object the smallest one that holds all of it, -1: none */
    int32_t *user;      /* for each object the first thread whose CSpace root it is, -1: none */
};

/* All memory of this floor comes from here, so that a test can make it fail. */
extern void *(*capstate_realloc)(void *old, size_t size);
/* `count` zeroed elements, at least one; NULL when there is no memory. */
void *capstate_array(size_t count, size_t size);

void capstate_keys_sort(struct capstate_key *keys, uint32_t count);
/* First value with this key, -1. */
int32_t capstate_keys_find(const struct capstate_key *keys, uint32_t count, uint64_t key);

enum error capstate_spaces_sort(struct capstate *s);

/* The object with exactly these, -1. */
int32_t capstate_object_exact(const struct capstate *s, uint64_t addr, uint32_t bits,
                              uint32_t type);
bool capstate_object_covers(const struct capstate_object *o, uint64_t addr);
/* The innermost CNode, TCB or zombie that holds the address, -1. */
int32_t capstate_slot_holder(const struct capstate *s, uint64_t addr);

#endif
