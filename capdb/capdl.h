/* capDL, read: a specification as the snapshot of a system that never ran.
 *
 * Reading has two steps: a specification with its names and places in the file (capdl_read.c,
 * capdl_words.c), which says all that the language says and refuses what the language refuses; then
 * a state (capdl_place.c, capdl_state.c), in which every object has an address.  An object has that
 * of `paddr`, that in its name where it is called as export_capdl() calls it, or one that is free:
 * in the untyped memory it is a member of, else in RAM.
 *
 * Some comments mean something, for what the language has no word for: behind a `tcb` the thread's
 * name, without which a thread is called as its object is; behind a reply `-- no grant`; behind an `sc`
 * its budget and period; behind memory of machines of 64 bits `-- device`; and a line
 * `-- root_thread NAME`. */
#ifndef CAPSCOPE_CAPDB_CAPDL_H
#define CAPSCOPE_CAPDB_CAPDL_H

#include "capstate/capstate.h"

struct capdl_where {
    uint32_t line, column; /* from 1 */
};

/* Where a specification is wrong, and why. */
struct capdl_fault {
    struct capdl_where where;
    char sentence[256];
};

enum { CAPDL_NONE = -1 };

struct capdl_arch; /* capdl_arch.h */

struct capdl_object {
    struct capdl_where where;
    char *name;
    uint32_t type; /* enum record_cap */
    uint32_t bits; /* log2 of its bytes; 0: it has no memory */
    bool placed;   /* addr is known */
    uint64_t addr; /* of an irq object its number, of an ASID pool also asid_high */
    uint64_t asid_high;
    int32_t inside; /* the untyped that lists it */
    struct record_thread thread;
    bool named;              /* thread.name came with a comment */
    bool device;             /* a comment says so */
    uint64_t data, extra;    /* of what is no memory: as in a slot's record */
    uint64_t budget, period; /* of a scheduling context, in ticks, as a comment says */
    /* of tables, as the caps section says */
    uint32_t level;   /* levels below it */
    bool root;        /* of an address space */
    int32_t table_in; /* the table it hangs in */
    uint32_t table_at;
    uint64_t asid; /* of a root in a pool; 0: none */
};

/* A capability, or an entry of a table. */
struct capdl_cap {
    struct capdl_where where;
    int32_t holder; /* object */
    uint32_t slot;
    uint32_t type;  /* enum record_cap */
    int32_t object; /* CAPDL_NONE for global ones */
    uint32_t rights;
    uint64_t badge, guard, guard_size, asid, core;
    bool uncached, master;
    bool no_grant;   /* of a reply: a comment says so */
    int32_t mapping; /* table in which this capability is mapped */
    uint32_t mapping_slot;
    bool mapped;    /* of an entry of a table: a capability says that it is this mapping */
    int32_t parent; /* capability */
    uint32_t order; /* in the cdt, from 1; 0: it is nobody's child */
};

struct capdl_spec {
    struct capdl_object *object;
    struct capdl_cap *cap; /* by holder and slot, once read */
    uint32_t objects, caps;
    int32_t root_thread; /* object */
    const struct capdl_arch *arch;
    bool mcs; /* it has objects that hold time */
};

/* ERR_IO (*fault has the sentence, and no line), ERR_FORMAT (*fault), ERR_NO_MEMORY. */
enum error capdl_read(const char *path, struct capdl_spec *out, struct capdl_fault *fault);
void capdl_free(struct capdl_spec *spec);
/* What is in a slot, CAPDL_NONE. */
int32_t capdl_find_cap(const struct capdl_spec *s, int32_t holder, uint32_t slot);
/* Gives every object an address. ERR_FORMAT: two overlap, or one does not fit. */
enum error capdl_place(struct capdl_spec *spec, struct capdl_fault *fault);
/* Gives each object of a placed specification that no capability refers to one that nobody holds; *kept:
 * how many there are, the last of spec->cap. ERR_FORMAT: there are too many; ERR_NO_MEMORY. */
enum error capdl_keep(struct capdl_spec *spec, uint32_t *kept, struct capdl_fault *fault);
/* The state of a placed specification; the caller frees it. ERR_NO_MEMORY. */
enum error capdl_state(const struct capdl_spec *spec, struct capstate *out);

enum error capdl_refuse(struct capdl_fault *fault, struct capdl_where where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Slots that are none of the kernel's: what a tcb is bound to, and the time it runs on. */
enum { CAPDL_TCB_BOUND = 100, CAPDL_TCB_CONTEXT };

/* The board's memory, at whose beginning lies what is the kernel's own.  Of the boards of other
 * architectures nothing is known: objects without an address are put there, too. */
#define CAPDL_RAM_BASE  UINT64_C(0x80000000)
#define CAPDL_RAM_SIZE  UINT64_C(0x8000000)
#define CAPDL_RAM_TAKEN UINT64_C(0x100000)

/* Where the memory of a kernel begins that the language does not know: on machines of 64 bits, of
 * which no board is known, beyond what an object may have. */
uint64_t capdl_kernel(const struct capdl_spec *s);

/* Where an entry of a table translates to, and the table that its tables hang in, itself if it
 * hangs in none. */
uint64_t capdl_entry_vaddr(const struct capdl_spec *s, int32_t table, uint64_t slot);
int32_t capdl_table_top(const struct capdl_spec *s, int32_t table);
/* Does this capability lie in a slot, or is it an entry of a table? */
bool capdl_is_slot(const struct capdl_spec *s, const struct capdl_cap *c);

/* For qsort_r() with the objects: indices of objects by address, the larger first, untyped memory before
 * what fills it. */
int capdl_by_place(const void *a, const void *b, void *objects);

#endif
