/* A walker: looks at the objects of one kernel through a memory view, whichever kernel it is.
 *
 *   objwalk/capscope/   this project's kernel
 *   objwalk/sel4/       mainline seL4
 *
 * Each of these knows how its kernel lies in memory and answers in records (record/record.h), with
 * physical addresses; nothing above may know more.  This is for hosts: the kernel's own debugger
 * uses objwalk/capscope/ directly, since it can only ever look at that kernel.
 *
 * Memory is read when something is asked; what the view keeps meanwhile is its own business.
 * ERR_READ is memory that could not be read, ERR_CORRUPT what makes no sense there, ERR_UNSUPPORTED
 * what this kernel does not have; other errors are the view's. */
#ifndef CAPSCOPE_OBJWALK_WALKER_H
#define CAPSCOPE_OBJWALK_WALKER_H

#include "lib/errors.h"
#include "objwalk/memview.h"
#include "record/record.h"

struct walker;

/* How the machine stands, as the kernel's own memory tells. */
struct walker_moment {
    bool debugger;    /* the kernel has one */
    bool in_debugger; /* inside the kernel's debugger: capability state is whole */
    bool idle;        /* the idle thread is current: whole too */
    uint64_t ticks;
    uint64_t thread;           /* current TCB, 0: none yet */
    struct record_event event; /* at which the debugger stands, seq 0: none */
    uint32_t condition;        /* that matched, from 1; 0: none */
    uint32_t armed;            /* conditions that are set, a bit each from bit 0 */
};

/* What the current thread asks of the kernel: names as its ABI spells them, NULL: has none. */
struct walker_request {
    uint64_t thread; /* 0: none */
    char name[RECORD_STRING_MAX + 1];
    const char *syscall;
    const char
        *invocation; /* of a call that carries one; only the capability could tell for sure */
    uint64_t pc;
};

/* A place where a machine can be stopped at a change of capability state. */
struct walker_stop {
    const char *name; /* for people */
    uint64_t address; /* of code, in the kernel's addresses */
    uint32_t kinds;   /* events that pass here: bits of 1 << enum record_event_kind; 0: all */
    bool whole;       /* every list is whole there */
};

/* One slot, read now. */
struct walker_slot {
    struct record_slot slot; /* type RECORD_CAP_NULL when it is empty */
    bool filled;             /* its first word is not 0 */
    bool listed;             /* it has neighbours in the derivation list */
    uint64_t address;        /* where the kernel sees its first word */
};

/* What a thread that does not run goes on with: registers in the numbering of GDB's core feature of
 * the architecture, but the status word last (ARM: r0..r15, cpsr). */
enum { WALKER_REGISTERS = 34 };
struct walker_registers {
    uint32_t count; /* 0: this kernel keeps none that are known */
    uint64_t known; /* bit i: value[i] */
    uint64_t value[WALKER_REGISTERS];
};

struct walker_ops {
    void (*close)(struct walker *w);
    enum error (*describe)(struct walker *w, struct record_snapshot *out);
    enum error (*snapshot)(struct walker *w, bool stopped, record_sink sink, void *ctx);
    enum error (*begin)(struct walker *w, enum record_kind kind, uint64_t root);
    enum error (*next)(struct walker *w, struct record *out);
    enum error (*at)(struct walker *w, enum record_kind kind, uint64_t addr, struct record *out);
    enum error (*slot)(struct walker *w, uint64_t addr, struct walker_slot *out);
    enum error (*is_parent)(struct walker *w, uint64_t above, uint64_t below, bool *yes);
    enum error (*translate)(struct walker *w, uint64_t root, uint64_t vaddr,
                            struct record_mapping *out);
    enum error (*moment)(struct walker *w, struct walker_moment *out);
    enum error (*request)(struct walker *w, struct walker_request *out);
    bool (*agrees)(struct walker *w, const struct record_end *end);
    enum error (*stop)(struct walker *w, uint32_t i, struct walker_stop *out);
    enum error (*registers)(struct walker *w, uint64_t thread, struct walker_registers *out);
    enum error (*follow)(struct walker *w, bool *anew);
};

struct walker {
    const struct walker_ops *ops;
    const struct memview *view; /* may be exchanged for another of the same memory */
};

static inline void walker_close(struct walker *w)
{
    if (w)
        w->ops->close(w);
}

/* What SNAPSHOT would say: which kernel, where its memory lies. */
static inline enum error walker_describe(struct walker *w, struct record_snapshot *out)
{
    return w->ops->describe(w, out);
}

/* Where the kernel begins is read again: another boot may say something else.  *anew: it does, and what
 * follows is of that boot.  ERR_NO_ROOTS, ERR_VERSION, ERR_LAYOUT, ERR_CORRUPT: no kernel of this
 * project has begun there, or not yet; the walker is what it was.  Roots into which somebody wrote in
 * one boot are no others: an audit tells of them. */
static inline enum error walker_follow(struct walker *w, bool *anew)
{
    *anew = false;
    return w->ops->follow ? w->ops->follow(w, anew) : ERR_OK;
}

/* The whole state, SNAPSHOT to END; of a machine that is stopped with what an audit finds.  What cannot be read does not stop it: FINDING records name the
 * trouble and END says complete = 0.  An error is the sink's, or the view's other than ERR_READ. */
static inline enum error walker_snapshot(struct walker *w, bool stopped, record_sink sink,
                                         void *ctx)
{
    return w->ops->snapshot(w, stopped, sink, ctx);
}

/* Iteration over all slots (RECORD_SLOT, in derivation order), threads, endpoints, notifications,
 * scheduling contexts, reply objects (in the order of the first capability to each), or over the
 * translations and tables of the address space at `root` (RECORD_MAPPING, RECORD_TABLE). One at a
 * time. next: ERR_NOT_FOUND at the end; ERR_READ or ERR_CORRUPT for one thing that cannot be read:
 * of translations the next call goes on behind it, other iterations end. */
static inline enum error walker_begin(struct walker *w, enum record_kind kind, uint64_t root)
{
    return w->ops->begin(w, kind, root);
}

static inline enum error walker_next(struct walker *w, struct record *out)
{
    return w->ops->next(w, out);
}

/* The thread, endpoint, ... at an address. */
static inline enum error walker_at(struct walker *w, enum record_kind kind, uint64_t addr,
                                   struct record *out)
{
    return w->ops->at(w, kind, addr, out);
}

/* ERR_ARGUMENT: no slot can be there. */
static inline enum error walker_slot(struct walker *w, uint64_t addr, struct walker_slot *out)
{
    return w->ops->slot(w, addr, out);
}

/* For a slot below behind `above` in the derivation order, with nothing but descendants of it
 * between: is it one too? */
static inline enum error walker_is_parent(struct walker *w, uint64_t above, uint64_t below,
                                          bool *yes)
{
    return w->ops->is_parent(w, above, below, yes);
}

/* ERR_NOT_FOUND: nothing is mapped there. */
static inline enum error walker_translate(struct walker *w, uint64_t root, uint64_t vaddr,
                                          struct record_mapping *out)
{
    return w->ops->translate(w, root, vaddr, out);
}

static inline enum error walker_moment(struct walker *w, struct walker_moment *out)
{
    return w->ops->moment(w, out);
}

static inline enum error walker_request(struct walker *w, struct walker_request *out)
{
    return w->ops->request(w, out);
}

/* Does the digest that the kernel keeps agree with that of a walk?  True where it keeps none. */
static inline bool walker_agrees(struct walker *w, const struct record_end *end)
{
    return w->ops->agrees(w, end);
}

/* Places to stop at, i from 0; ERR_NOT_FOUND behind the last. */
static inline enum error walker_stop(struct walker *w, uint32_t i, struct walker_stop *out)
{
    return w->ops->stop(w, i, out);
}

/* Of the thread at an address: as the kernel saved them when it was entered last. */
static inline enum error walker_registers(struct walker *w, uint64_t thread,
                                          struct walker_registers *out)
{
    out->count = 0;
    return w->ops->registers ? w->ops->registers(w, thread, out) : ERR_UNSUPPORTED;
}

/* --- finding a kernel --- */

/* A kernel of this project: finds and checks its roots through the view, which must outlive the
 * walker.  `probe`: a view for short reads, tried first; NULL: reading is fast.  ERR_NO_ROOTS,
 * ERR_VERSION, ERR_LAYOUT, ERR_READ, ERR_NO_MEMORY, or the view's: then *out is NULL and `message`
 * has a sentence. */
enum { WALKER_MESSAGE = 160 };
enum error walker_open_capscope(const struct memview *view, const struct memview *probe,
                                struct walker **out, char message[WALKER_MESSAGE]);

/* The same where the roots are known to lie at `at`, in the kernel's addresses: no search.
 * ERR_CORRUPT: there are none there. */
enum error walker_open_capscope_at(const struct memview *view, uint64_t at, struct walker **out,
                                   char message[WALKER_MESSAGE]);

/* Where such a kernel sees RAM, known before anything is read. */
struct walker_window {
    uint64_t address; /* in the kernel's addresses */
    uint64_t physical;
    uint64_t user_top; /* user addresses lie below */
};
extern const struct walker_window walker_capscope_window;

/* The physical address of `len` bytes at an address of such a kernel's: its words have 32 bits, and the
 * two kinds of address differ by a constant modulo 2^32.  False: a word cannot name all of them. */
static inline bool walker_window_physical(const struct walker_window *w, uint64_t addr,
                                          uint32_t len, uint64_t *physical)
{
    const uint64_t end = (uint64_t)1 << 32;
    *physical = (addr - w->address + w->physical) & (end - 1);
    return addr < end && len <= end - addr;
}

/* --- addresses --- */

/* Where the kernel sees a physical address, by what SNAPSHOT says of it, and back. */
static inline uint64_t walker_kernel_address(const struct record_snapshot *s, uint64_t physical)
{
    uint64_t sum = physical + s->phys_offset;
    return record_word_bits(s) == 32 ? sum & UINT32_MAX : sum;
}

static inline uint64_t walker_physical(const struct record_snapshot *s, uint64_t address)
{
    uint64_t difference = address - s->phys_offset;
    return record_word_bits(s) == 32 ? difference & UINT32_MAX : difference;
}

#endif
