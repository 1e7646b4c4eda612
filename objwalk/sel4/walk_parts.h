/* A walk under way. Private to walk*.c and lists.c. */
#ifndef CAPSCOPE_OBJWALK_SEL4_WALK_PARTS_H
#define CAPSCOPE_OBJWALK_SEL4_WALK_PARTS_H

#include "objwalk/sel4/walk.h"
#include "record/vocabulary.h"

/* Something to be read in the next wave. */
enum sel4_task_kind {
    SEL4_TASK_NONE,
    SEL4_TASK_SLOTS,  /* addr: first slot; arg: how many; vaddr: how many come behind them */
    SEL4_TASK_SLOT,   /* addr: a neighbour whose container is not known yet */
    SEL4_TASK_KNOWN,  /* addr, arg: of a container; its slots that were filled last time */
    SEL4_TASK_GROUP,  /* as SLOTS: a part of such a container where something is new */
    SEL4_TASK_THREAD, /* addr: tcb_t */
    SEL4_TASK_ENDPOINT,
    SEL4_TASK_NOTIFICATION,
    SEL4_TASK_REPLY,
    SEL4_TASK_CONTEXT, /* arg: size bits */
    SEL4_TASK_POOL,    /* arg: first ASID */
    SEL4_TASK_TABLE,   /* addr: physical; arg: index in walk.spaces */
};

struct sel4_task {
    enum sel4_task_kind kind;
    uint64_t addr;
    uint64_t arg;
    uint64_t vaddr; /* of a table: what its first entry translates */
    uint32_t level;
    uint64_t parent; /* of a table: the one it hangs in */
};

struct sel4_walk {
    struct sel4_kernel *k;
    const struct sel4_layout *l;
    struct sel4_memory *m;
    struct sel4_state *s;
    struct sel4_array now;  /* tasks of this wave */
    struct sel4_array next; /* and of the one after it */
    struct sel4_map seen;   /* by enum sel4_task_kind and physical address */
    struct sel4_map slots;  /* physical address of a slot -> index; kind 1 */
    uint32_t read_slots;
    uint32_t tables;
    bool started; /* spaces are walked as soon as they are met */
    bool again;   /* the layout was put right: begin anew */
    bool full;    /* out of memory */
    /* a walk that refreshes another */
    const struct sel4_state *last; /* NULL: everything is read */
    uint32_t *known;               /* its slots, by address */
    bool lost;                     /* not all may have been found: begin anew, whole */
    uint32_t capped;               /* things left out because there are too many */
};

/* --- walk.c --- */
void sel4_walk_task(struct sel4_walk *w, const struct sel4_task *t);
/* The same, once for each (kind, physical address). */
void sel4_walk_once(struct sel4_walk *w, const struct sel4_task *t);
uint64_t sel4_walk_pa(const struct sel4_walk *w, uint64_t va);
void sel4_walk_finding(struct sel4_walk *w, enum audit_rule rule, uint64_t va, uint64_t other,
                       uint64_t value);
/* Reads words; what cannot be read becomes a finding. */
bool sel4_walk_words(struct sel4_walk *w, uint64_t va, uint64_t *words, uint32_t count);
void sel4_walk_add(struct sel4_walk *w, struct sel4_array *a, const void *item);

/* --- walk_slots.c --- */
void sel4_walk_container(struct sel4_walk *w, enum sel4_container_kind kind, uint64_t base,
                         uint64_t slots);
void sel4_walk_want_slots(struct sel4_walk *w, const struct sel4_task *t);
void sel4_walk_read_slots(struct sel4_walk *w, const struct sel4_task *t);
void sel4_walk_take_slot(struct sel4_walk *w, uint64_t addr, const uint64_t words[4]);
/* -1: this slot was not met. */
int64_t sel4_walk_slot_index(const struct sel4_walk *w, uint64_t addr);
void sel4_walk_neighbour(struct sel4_walk *w, uint64_t slot);
void sel4_walk_read_slot(struct sel4_walk *w, const struct sel4_task *t);
/* Gives each slot the container that it lies in. */
void sel4_walk_place_slots(struct sel4_walk *w);

/* --- refresh.c --- */
bool sel4_walk_remember(struct sel4_walk *w, const struct sel4_state *last);
/* Is this a container of which only the filled slots are read? */
bool sel4_walk_refreshes(const struct sel4_walk *w, const struct sel4_container *c);
void sel4_walk_want_known(struct sel4_walk *w, const struct sel4_task *t);
void sel4_walk_read_known(struct sel4_walk *w, const struct sel4_task *t);
/* A neighbour that was not met: true when it lies in such a container, and will be read. */
bool sel4_walk_new_slot(struct sel4_walk *w, uint64_t slot);
/* At the end: may anything have been missed? */
void sel4_walk_judge_refresh(struct sel4_walk *w);

/* --- walk_roots.c --- */
void sel4_walk_want_roots(struct sel4_walk *w);
void sel4_walk_roots(struct sel4_walk *w);

/* --- walk_threads.c --- */
void sel4_walk_thread(struct sel4_walk *w, uint64_t tcb);
void sel4_walk_want_thread(struct sel4_walk *w, uint64_t tcb);
void sel4_walk_read_thread(struct sel4_walk *w, uint64_t tcb);

/* --- walk_objects.c: endpoints, notifications, reply objects, scheduling contexts --- */
void sel4_walk_want_object(struct sel4_walk *w, const struct sel4_task *t);
void sel4_walk_read_object(struct sel4_walk *w, const struct sel4_task *t);

/* --- walk_spaces.c: ASID pools, translation tables --- */
void sel4_walk_read_pool(struct sel4_walk *w, const struct sel4_task *t);
void sel4_walk_want_table(struct sel4_walk *w, const struct sel4_task *t);
void sel4_walk_read_table(struct sel4_walk *w, const struct sel4_task *t);
/* Address spaces that waited until their format is known: finds it, and begins them. */
void sel4_walk_start_spaces(struct sel4_walk *w);

/* --- lists.c: derivation lists, depth, parents --- */
void sel4_walk_order(struct sel4_walk *w);

/* --- judge.c: what must agree --- */
void sel4_walk_judge_queues(struct sel4_walk *w);
void sel4_walk_judge_mappings(struct sel4_walk *w);
/* ERR_LAYOUT when hardly anything agrees. */
enum error sel4_walk_judge_layout(struct sel4_walk *w);

#endif
