/* The executable specification: what every system call does to capabilities, threads and memory.
 *
 * Written from the ABI sheet's prose, for reading: objects are structures, capabilities name them
 * by pointer, and the derivation tree is a tree, in which every slot knows its parent and its
 * children in order.  Operations say who becomes whose child; nothing is computed from addresses,
 * and no field shares a word with another.  An operation is one step: nothing is ever half deleted.
 *
 * Reading order: this header, state.c, cdt.c, capability.c, cnode.c, untyped.c, delete.c, sched.c,
 * tcb.c, endpoint.c, notification.c, ipc.c, fault.c, vspace.c, asid.c, irq.c, syscall.c.
 *
 * Uses no code of the kernel and none of its layouts; numbers of the user ABI come from
 * abi/syscall.h. Section numbers are those of the ABI sheet. */
#ifndef CAPSCOPE_MODEL_MODEL_H
#define CAPSCOPE_MODEL_MODEL_H

#include "abi/syscall.h"

enum model_kind {
    MODEL_NULL = 0,
    MODEL_UNTYPED,
    MODEL_ENDPOINT,
    MODEL_NOTIFICATION,
    MODEL_REPLY,
    MODEL_CNODE,
    MODEL_TCB,
    MODEL_FRAME,
    MODEL_PAGE_TABLE,
    MODEL_PAGE_DIRECTORY,
    MODEL_ASID_POOL,
    MODEL_IRQ_CONTROL,
    MODEL_IRQ_HANDLER,
    MODEL_ASID_CONTROL,
    MODEL_DOMAIN,
    MODEL_DOOMED,    /* within one deletion: the last capability to a container that is emptied */
    MODEL_IRQ_TABLE, /* no capability: home of the 64 handlers' notification slots */
};

/* 3.7, in rising order of what they allow */
enum model_vm_rights {
    MODEL_VM_NONE = 0,
    MODEL_VM_KERNEL_ONLY = 1,
    MODEL_VM_READ_ONLY = 2,
    MODEL_VM_READ_WRITE = 3
};

/* 7.1 */
enum model_state {
    MODEL_INACTIVE = 0,
    MODEL_RUNNING = 1,
    MODEL_RESTART = 2,
    MODEL_RECEIVING = 3,
    MODEL_SENDING = 4,
    MODEL_AWAITS_REPLY = 5,
    MODEL_WAITING = 6,
};

enum {
    MODEL_TCB_SLOTS = 5,
    MODEL_TCB_CSPACE = 0,
    MODEL_TCB_VSPACE = 1,
    MODEL_TCB_REPLY = 2,
    MODEL_TCB_CALLER = 3,
    MODEL_TCB_BUFFER = 4,
    MODEL_IRQS = 64,
    MODEL_POOLS = 128,
    MODEL_POOL_ENTRIES = 1024,
    MODEL_DIRECTORY_ENTRIES = 4096,
    MODEL_TABLE_ENTRIES = 256,
    MODEL_CONTEXT_WORDS = 19, /* 7.2 */
    MODEL_SP = 13,
    MODEL_LR = 14,
    MODEL_PATH = 256,
    MODEL_SVC_BYTES = 4,
};

struct model_object;
struct model_thread;

struct model_cap {
    enum model_kind kind;
    struct model_object *object; /* NULL for null and the controls */
    word_t badge;                /* endpoint, notification */
    word_t rights;               /* endpoint, notification, reply: enum cap_rights;
                                    frame: enum model_vm_rights */
    bool master;                 /* reply: the thread's own, never invoked */
    word_t watermark;            /* untyped: bytes handed out */
    word_t guard;                /* cnode */
    word_t guard_size;
    word_t asid; /* frame, page table: where it is mapped, 0 nowhere; directory, 0 none */
    vaddr_t vaddr;
    word_t irq; /* handler */
};

/* A place for a capability and, when there is one, its node in the derivation tree. */
struct model_slot {
    struct model_object *home; /* container it lies in */
    unsigned index;
    struct model_cap cap;
    bool original; /* copies of it hang below it, not beside it */
    struct model_slot *parent;
    struct model_slot *first_child;
    struct model_slot *last_child;
    struct model_slot *left; /* siblings */
    struct model_slot *right;
};

/* Threads in order: ready, or waiting for an object. */
struct model_queue {
    struct model_thread **thread;
    unsigned count;
    unsigned room;
};

enum model_entry_kind {
    ENTRY_FREE = 0,
    ENTRY_TABLE,
    ENTRY_SMALL,
    ENTRY_LARGE,
    ENTRY_SECTION,
    ENTRY_SUPER
};

/* What one entry of a page directory or page table says. */
struct model_entry {
    enum model_entry_kind kind;
    paddr_t paddr;
    word_t rights;
    word_t attributes;
    struct model_object *table;
};

struct model_fault {
    enum fault_type type;
    word_t word[2];     /* address and FSR; cptr and receive phase; number */
    bool prefetch;      /* of a memory fault */
    word_t lookup_type; /* of a capability fault */
    word_t lookup_word[3];
};

struct model_thread {
    struct model_object *object;
    struct model_slot *slots;
    word_t r[15]; /* r0 to r12, sp, lr */
    word_t pc;
    word_t restart; /* where it goes on after being stopped */
    word_t cpsr;
    word_t tls;
    word_t tls_read_only;
    enum model_state state;
    word_t priority;
    word_t mcp;
    word_t domain;
    word_t slice;
    bool ready;                 /* stands in a ready queue */
    struct model_object *waits; /* endpoint or notification it is queued at */
    word_t send_badge;          /* as sender: of the capability it used */
    bool send_grant;
    bool send_grant_reply;
    bool send_call;
    bool receive_grant; /* as receiver: of the capability it used */
    struct model_object *bound;
    vaddr_t buffer;
    cptr_t handler;
    struct model_fault fault;
};

struct model_object {
    enum model_kind kind;
    paddr_t paddr;
    unsigned bits;
    bool device;
    unsigned caps; /* capabilities to it; the last one gone, it is gone */
    struct model_object *next;
    struct model_object *previous;
    /* containers */
    struct model_slot *slots;
    unsigned slot_count;
    /* tcb */
    struct model_thread *thread;
    /* endpoint, notification */
    struct model_queue queue;
    bool receivers; /* endpoint: those queued want to receive */
    bool active;    /* notification: word counts */
    word_t word;
    struct model_thread *bound;
    /* page directory, page table; NULL while nothing was ever mapped */
    struct model_entry *entries;
    /* ASID pool; NULL while nothing was ever assigned */
    struct model_object **directories;
};

struct model_lookup {
    struct model_slot *slot;
    unsigned left;
    word_t failure; /* enum lookup_failure */
    word_t word[3];
};

struct model_message {
    word_t label;
    word_t length;
    word_t word[MSG_MAX_LENGTH];
    struct model_slot *extra[MSG_MAX_EXTRA_CAPS];
    bool call;
    bool answered;
};

enum model_outcome { MODEL_DONE = 0, MODEL_REFUSED, MODEL_FAULTED };

/* What a test that runs a preemptible kernel beside the model must know of the last operation. */
struct model_report {
    bool caller_stopped; /* the caller cannot run any more */
    bool path_lost;      /* it took a capability through which its own arguments were found */
    bool woke_higher;    /* somebody of higher priority than the caller can run now */
    bool nested;         /* a container went within a container */
    unsigned restarted;  /* threads whose system call begins anew */
};

struct model {
    struct model_slot forest; /* parent of all that have none */
    struct model_object *objects;
    struct model_object *graveyard;
    struct model_object *irq_table;
    struct model_object *asid_table[MODEL_POOLS];
    bool irq_active[MODEL_IRQS];
    bool irq_open[MODEL_IRQS]; /* not masked */
    unsigned irq_handlers[MODEL_IRQS];
    struct model_queue ready[CONFIG_PRIORITIES];
    struct model_thread *current;   /* NULL: idle */
    struct model_thread *candidate; /* 8.1 */
    bool choose;
    struct model_object *space; /* directory the processor uses; NULL: none of a user's */
    word_t domain;
    word_t user_cpsr;
    /* why the last operation was refused (1.8) */
    word_t error;
    word_t answer[5];
    word_t answer_length;
    struct model_lookup lookup; /* the last failed one */
    cptr_t fault_cptr;
    /* memory as users see it, for IPC buffers */
    word_t *ram;
    paddr_t ram_base;
    word_t ram_bytes;
    /* slots through whose capabilities the running operation found its arguments */
    struct model_slot *path[MODEL_PATH];
    unsigned path_length;
    word_t caller_priority;
    unsigned deletion_depth;
    struct model_report report;
};

/* --- state.c: making and ending --- */
struct model_boot_frame {
    paddr_t paddr;
    vaddr_t vaddr;
    word_t attributes;
};
/* What the sheet leaves open of the first state: addresses. Section 5 says the rest. */
struct model_boot {
    paddr_t ram_base;
    word_t ram_bytes;
    paddr_t tcb;
    paddr_t cnode;
    paddr_t directory;
    paddr_t pool;
    struct model_boot_frame ipc_buffer;
    struct model_boot_frame bootinfo;
    paddr_t tables; /* the first; they follow each other */
    unsigned table_count;
    vaddr_t first_table;
    paddr_t image;
    unsigned image_pages;
    vaddr_t image_vaddr;
    vaddr_t entry;
    word_t user_cpsr;
    const struct model_boot_untyped {
        paddr_t paddr;
        unsigned bits;
        bool device;
    } * untyped;
    unsigned untyped_count;
};
struct model *model_create(const struct model_boot *boot);
void model_destroy(struct model *m);
struct model_object *model_object_new(struct model *m, enum model_kind kind, paddr_t paddr,
                                      unsigned bits, bool device);
void model_object_bury(struct model *m, struct model_object *o);
void model_begin(struct model *m); /* of an operation */
void model_end(struct model *m);   /* what died in it is freed */
/* A word of memory, NULL outside RAM. */
word_t *model_memory(struct model *m, paddr_t paddr);
void model_memory_clear(struct model *m, paddr_t paddr, word_t bytes);

void model_queue_front(struct model_queue *q, struct model_thread *t);
void model_queue_back(struct model_queue *q, struct model_thread *t);
void model_queue_remove(struct model_queue *q, const struct model_thread *t);

/* --- cdt.c: the tree --- */
void model_cdt_root(struct model *m, struct model_slot *s); /* after all other roots */
void model_cdt_child(struct model_slot *parent,
                     struct model_slot *s); /* before all other children */
void model_cdt_after(struct model_slot *sibling, struct model_slot *s);
void model_cdt_remove(struct model_slot *s); /* its children take its place */
void model_cdt_move(struct model_slot *to, struct model_slot *from);
bool model_cdt_has_children(const struct model_slot *s);
/* Parents before children, in order; from the forest to NULL. */
struct model_slot *model_cdt_next(const struct model *m, const struct model_slot *s);

/* --- capability.c --- */
bool model_slot_empty(const struct model_slot *s);
void model_slot_fill(struct model *m, struct model_slot *s, struct model_cap c, bool original);
void model_slot_clear(struct model *m, struct model_slot *s);
void model_slot_move(struct model *m, struct model_slot *to, struct model_slot *from,
                     struct model_cap c);
void model_slot_swap(struct model *m, struct model_slot *a, struct model_cap for_a,
                     struct model_slot *b, struct model_cap for_b);
/* c, made from what `from` holds, comes into `to` (9.2). */
void model_slot_copy(struct model *m, struct model_slot *to, struct model_slot *from,
                     struct model_cap c);
bool model_slot_final(const struct model *m, const struct model_slot *s);
word_t model_vm_mask(word_t have, word_t rights);
struct model_cap model_cap_mask(struct model_cap c, word_t rights);
struct model_cap model_cap_data(struct model_cap c, word_t data, bool preserve);
enum model_outcome model_cap_derive(struct model *m, const struct model_slot *source,
                                    struct model_cap c, struct model_cap *out);

/* --- cnode.c --- */
bool model_resolve(struct model *m, struct model_cap root, cptr_t cptr, unsigned bits,
                   struct model_lookup *out);
bool model_lookup_thread(struct model *m, struct model_thread *t, cptr_t cptr,
                         struct model_slot **out);
enum model_outcome model_lookup_target(struct model *m, struct model_cap root, cptr_t index,
                                       word_t depth, bool source, struct model_slot **out);
struct model_slot *model_receive_slot(struct model *m, struct model_thread *t);
enum model_outcome model_cnode_operation(struct model *m, struct model_slot *s,
                                         struct model_message *g);

/* --- untyped.c --- */
word_t model_untyped_free(const struct model_slot *s);
enum model_outcome model_untyped_operation(struct model *m, struct model_slot *s,
                                           struct model_message *g);

/* --- delete.c --- */
void model_delete(struct model *m, struct model_slot *s);
void model_revoke(struct model *m, struct model_slot *s);

/* --- sched.c --- */
bool model_runnable(const struct model_thread *t);
void model_set_state(struct model *m, struct model_thread *t, enum model_state state);
void model_ready_front(struct model *m, struct model_thread *t);
void model_ready_back(struct model *m, struct model_thread *t);
void model_ready_remove(struct model *m, struct model_thread *t);
void model_choose_anew(struct model *m);
void model_woken(struct model *m, struct model_thread *t);
void model_yield(struct model *m);
void model_tick(struct model *m);
void model_schedule(struct model *m);
/* The processor goes over to the address space that the running thread has now. */
void model_space_follow(struct model *m);

/* --- tcb.c --- */
void model_thread_init(struct model *m, struct model_object *tcb);
void model_thread_reply_master(struct model *m, struct model_thread *t);
void model_thread_cancel(struct model *m, struct model_thread *t);
void model_thread_suspend(struct model *m, struct model_thread *t);
void model_thread_resume(struct model *m, struct model_thread *t);
word_t model_sanitise(const struct model *m, word_t cpsr);
/* Physical address of the usable IPC buffer, 0: none. */
paddr_t model_buffer(const struct model_thread *t, bool writable);
word_t *model_context_word(struct model_thread *t, unsigned i);
enum model_outcome model_tcb_operation(struct model *m, struct model_slot *s,
                                       struct model_message *g);
enum model_outcome model_domain_operation(struct model *m, struct model_slot *s,
                                          struct model_message *g);

/* --- endpoint.c, notification.c --- */
void model_endpoint_send(struct model *m, struct model_thread *t, struct model_cap c, bool blocking,
                         bool call);
void model_endpoint_receive(struct model *m, struct model_thread *t, struct model_cap c,
                            bool blocking);
void model_endpoint_cancel(struct model *m, struct model_thread *t);
void model_endpoint_cancel_all(struct model *m, struct model_object *ep);
void model_endpoint_cancel_badged(struct model *m, struct model_object *ep, word_t badge);
void model_reply(struct model *m, struct model_thread *t, struct model_slot *reply);
void model_restart(struct model *m, struct model_thread *t);
void model_signal(struct model *m, struct model_object *n, word_t badge);
void model_wait(struct model *m, struct model_thread *t, struct model_object *n, bool blocking);
bool model_take_bound(struct model_thread *t);
void model_notification_cancel(struct model *m, struct model_thread *t);
void model_notification_cancel_all(struct model *m, struct model_object *n);
void model_unbind(struct model_thread *t);

/* --- ipc.c, fault.c --- */
/* ep NULL: a reply. */
void model_transfer(struct model *m, struct model_thread *from, const struct model_object *ep,
                    word_t badge, bool grant, struct model_thread *to);
/* Returns the length the receiver sees so far. */
word_t model_message_put(struct model *m, struct model_thread *t, word_t i, word_t value);
word_t model_fault_message(struct model *m, struct model_thread *from, struct model_thread *to);
bool model_fault_reply(struct model *m, struct model_thread *from, struct model_thread *faulter);
void model_fault_raise(struct model *m, struct model_fault fault);
void model_fault_capability(struct model *m, cptr_t cptr, bool receive);

/* --- vspace.c, asid.c, irq.c --- */
struct model_object *model_directory_of(const struct model *m, word_t asid);
void model_asid_release(struct model *m, word_t asid, const struct model_object *directory);
void model_pool_destroy(struct model *m, struct model_object *pool);
void model_asid_put(struct model *m, struct model_object *pool, unsigned index,
                    struct model_object *directory);
enum model_outcome model_asid_control_operation(struct model *m, struct model_slot *s,
                                                struct model_message *g);
enum model_outcome model_asid_pool_operation(struct model *m, struct model_slot *s,
                                             struct model_message *g);
void model_frame_unmap(struct model *m, struct model_cap c);
void model_table_unmap(struct model *m, struct model_cap c);
void model_entry_map_table(struct model_object *directory, vaddr_t vaddr,
                           struct model_object *table, word_t attributes);
void model_entry_map_frame(struct model_object *directory, vaddr_t vaddr,
                           const struct model_object *frame, word_t rights, word_t attributes);
enum model_outcome model_frame_operation(struct model *m, struct model_slot *s,
                                         struct model_message *g);
enum model_outcome model_table_operation(struct model *m, struct model_slot *s,
                                         struct model_message *g);
enum model_outcome model_directory_operation(struct model *m, struct model_slot *s,
                                             struct model_message *g);
enum model_outcome model_irq_control_operation(struct model *m, struct model_slot *s,
                                               struct model_message *g);
enum model_outcome model_irq_handler_operation(struct model *m, struct model_slot *s,
                                               struct model_message *g);
void model_irq_handler_destroy(struct model *m, word_t irq);

/* --- syscall.c: refusals, and the ways into the kernel --- */
enum model_outcome model_refuse(struct model *m, enum syscall_error error);
enum model_outcome model_refuse_with(struct model *m, enum syscall_error error, word_t word);
enum model_outcome model_refuse_range(struct model *m, word_t min, word_t max);
enum model_outcome model_refuse_lookup(struct model *m, bool source,
                                       const struct model_lookup *failed);
enum model_outcome model_refuse_missing(struct model *m, bool source, word_t bits_left);
/* The current thread, whose registers are set and whose pc is behind the svc, makes a system call.
 */
void model_syscall(struct model *m, word_t number);
void model_interrupt(struct model *m, word_t irq);
void model_undefined(struct model *m);
void model_abort(struct model *m, vaddr_t addr, word_t fsr, bool prefetch);

#endif
