/* Who can gain what: the authority graph of one snapshot, its domains, islands and breaches.
 *
 * Nodes are the objects of a capstate (node index = object index).  An edge says what the holder of
 * a capability can do to its target; the slot (or mapping, or thread state) is its witness.  The
 * model is the take-grant variant behind the paper's isolation theorem (paper 3.2.3): what can
 * gain from each other forms an island; the four restrictions make domains and islands agree.
 *
 * Domains are named by convention: thread `guest/init` belongs to `guest`.  A thread with a name
 * but no '/' (the root task, "rootserver") is a trusted manager: it created everything and keeps
 * the ancestors of everything, so verdicts leave it out unless asked to be strict, and name it.
 *
 * Everything here is computed once by authority_build() and then read-only; the capstate must
 * outlive it.  Needs memory linear in slots + mappings. */
#ifndef CAPSCOPE_AUTHORITY_AUTHORITY_H
#define CAPSCOPE_AUTHORITY_AUTHORITY_H

#include "capstate/capstate.h"

/* --- which thread belongs to which domain ----------------------------------------------------- */

/* Rules in order, first match wins; without a match the convention above holds. */
struct authority_rule {
    char *pattern; /* as fnmatch(3), against the thread's escaped name */
    char *domain;
    bool trusted;
};

struct authority_rules {
    struct authority_rule *rules;
    uint32_t count;
};

/* A file of lines `PATTERN DOMAIN [trusted]`; '#' begins a comment. ERR_IO, ERR_FORMAT (*line says
 * where), ERR_NO_MEMORY. */
enum error authority_rules_read(const char *path, struct authority_rules *out, uint32_t *line);
enum error authority_rules_add(struct authority_rules *rules, const char *pattern,
                               const char *domain, bool trusted);
void authority_rules_free(struct authority_rules *rules);

/* --- the graph -------------------------------------------------------------------------------- */

/* X(NAME, "name", "sentence about holder and target") */
#define AUTHORITY_EDGE_LIST(X)                                                                     \
    X(CONTROL, "control", "has full authority over")                                               \
    X(COVER, "cover", "is untyped memory that holds")                                              \
    X(TABLE, "table", "is translated by page table")                                               \
    X(REPLY_GRANT, "reply-grant", "may reply with capabilities to")                                \
    X(GRANT, "grant", "can send capabilities through")                                             \
    X(GRANT_RECV, "receive-grant", "delivers capabilities to")                                     \
    X(WRITE, "write", "can write to")                                                              \
    X(READ, "read", "can read from")                                                               \
    X(HOLD, "hold", "holds, without rights that matter, a capability to")                          \
    X(DESTROY, "destroy", "can revoke what gives access to")

enum authority_edge_kind {
#define X(NAME, name, sentence) AUTHORITY_##NAME,
    AUTHORITY_EDGE_LIST(X)
#undef X
        AUTHORITY_EDGE_KINDS
};

struct authority_edge {
    int32_t from;    /* node */
    int32_t to;      /* node */
    int32_t slot;    /* the capability that gives it; -1: see mapping, thread */
    int32_t other;   /* second slot: the receiver's for GRANT_RECV, the child for DESTROY; -1 */
    int32_t thread;  /* a thread's state gives it (blocked sender, bound notification); -1 */
    int32_t mapping; /* a translation gives it; -1 */
    enum authority_edge_kind kind;
};

struct authority_domain {
    char *name;
    bool trusted; /* a manager, left out of verdicts that are not strict */
    bool named;   /* by convention or rule; false: named after its island */
    uint32_t threads;
};

enum { AUTHORITY_NO_DOMAIN = -1 };

struct authority {
    const struct capstate *state;
    struct authority_edge *edges; /* sorted by from */
    uint32_t *first_edge;         /* node -> index of its first edge; node_count + 1 entries */
    uint32_t edge_count;
    uint32_t node_count;
    struct authority_domain *domains;
    uint32_t domain_count;
    int32_t *thread_domain; /* by thread index */
    int32_t *home;          /* by node: domain nearest by control, -1 none; for CNodes and TCBs the
                               domain whose capabilities lie in it */
    int32_t *enclosing;     /* by node: smallest untyped that covers it, -1 */
    int32_t *island;        /* by node, managers left out; -1: only managers reach it */
    int32_t *island_strict; /* by node, everybody included */
    uint32_t island_count, island_strict_count;
    struct authority_private *priv;
};

/* Builds all of the above. rules may be NULL. ERR_NO_MEMORY. */
enum error authority_build(const struct capstate *state, const struct authority_rules *rules,
                           struct authority *out);
void authority_free(struct authority *a);

const char *authority_edge_name(enum authority_edge_kind kind);
const char *authority_edge_sentence(enum authority_edge_kind kind);
/* Does an edge of this kind let its holder gain (take or give) capabilities? */
bool authority_edge_gains(enum authority_edge_kind kind);

int32_t authority_domain_named(const struct authority *a, const char *name);
/* The domain whose capabilities lie in the holder of this slot; -1: none or the kernel. */
int32_t authority_slot_domain(const struct authority *a, int32_t slot);
/* Do the domain's capabilities, other than through untyped memory, refer to this object? */
bool authority_domain_holds(const struct authority *a, int32_t domain, int32_t object);
/* Names of trusted managers, comma separated, "none" if there is none. Returns buf. */
char *authority_managers_text(const struct authority *a, char *buf, size_t size);

/* --- questions ---------------------------------------------------------------------------------
 */

/* Owner of memory: the domain that holds the smallest untyped over it and so decides about its
 * life; where only managers do, the domain that alone holds it.  shared: several hold it and nobody
 * but a manager owns it. */
struct authority_owner {
    int32_t object;  /* smallest object over the address, -1 */
    int32_t untyped; /* smallest untyped over the address, -1 */
    int32_t domain;  /* -1: nobody */
    bool by_untyped; /* the rule that decided */
    bool shared;
    bool kernel; /* the address lies in the kernel's image */
};
void authority_owner_of(const struct authority *a, uint64_t addr, struct authority_owner *out);

enum authority_path_kind {
    AUTHORITY_PATH_AUTHORITY, /* gains, forwards; the last edge may be read, write or hold */
    AUTHORITY_PATH_FLOW,      /* where information can go: also along writes and against reads */
    AUTHORITY_PATH_ISLAND,    /* gains, in both directions: what could ever be passed on */
    AUTHORITY_PATH_DESTROY,   /* authority, and the power to revoke */
};

struct authority_step {
    int32_t edge;
    bool backwards; /* walked from `to` to `from` */
};

/* Shortest path from any node with from[i] to any with to[i] (arrays of node_count).  Managers
 * are not walked through unless strict or unless it begins at one; it may end at one.
 * *steps is malloced; *count 0 when from and to meet. ERR_NOT_FOUND, ERR_NO_MEMORY. */
enum error authority_path(const struct authority *a, const bool *from, const bool *to,
                          enum authority_path_kind kind, bool strict, struct authority_step **steps,
                          uint32_t *count);
/* Marks the nodes of a domain: its threads. Returns how many. */
uint32_t authority_mark_domain(const struct authority *a, int32_t domain, bool *mark);

/* Information that can go from one domain to another in one step, by one object. */
struct authority_flow {
    int32_t from_domain, to_domain;
    int32_t object;
    int32_t writer, reader; /* edges */
};
enum error authority_flows(const struct authority *a, struct authority_flow **out, uint32_t *count);

/* --- verdict ------------------------------------------------------------------------------------
 */

/* X(NAME, "name", "sentence") */
#define AUTHORITY_BREACH_LIST(X)                                                                   \
    X(APPLICATION, "application", "threads of two domains share one CSpace or address space")      \
    X(SHARED_CNODE, "shared-cnode", "two domains hold the same CNode")                             \
    X(SHARED_TABLE, "shared-table", "two domains hold the same page table, directory or pool")     \
    X(GRANT_CHANNEL, "grant-channel", "capabilities can pass through an endpoint between domains") \
    X(REPLY_CHANNEL, "reply-channel", "capabilities can pass in a reply between domains")          \
    X(FOREIGN_TCB, "foreign-tcb", "a domain holds the thread of another")                          \
    X(FOREIGN_COVER, "foreign-cover", "untyped memory of a domain covers an object of another")    \
    X(MANAGER, "manager", "a domain has authority over a trusted manager")                         \
    X(SHARED_CONTROL, "shared-control", "two domains hold the same interrupt or control")          \
    X(MERGED, "merged", "two domains are one island: each can gain what the other has")            \
    X(CHILD_OUTSIDE, "child-outside", "a child lies outside the untyped it derives from")          \
    X(OVERLAP, "overlap", "two objects overlap though neither contains the other")                 \
    X(ORPHAN, "orphan", "an object lies in untyped memory it does not derive from")                \
    X(WATERMARK, "watermark", "an object lies in memory that its untyped counts as free")          \
    X(TREE, "tree", "a capability's parent does not give what the child has")                      \
    X(FINDING, "finding", "the kernel's own data is inconsistent")

enum authority_breach_kind {
#define X(NAME, name, sentence) AUTHORITY_BREACH_##NAME,
    AUTHORITY_BREACH_LIST(X)
#undef X
        AUTHORITY_BREACH_KINDS
};

struct authority_breach {
    enum authority_breach_kind kind;
    int32_t domain_a, domain_b;  /* -1 where the breach is not about domains */
    int32_t object, object_b;    /* nodes, -1 */
    int32_t slot_a, slot_b;      /* witnesses, -1 */
    int32_t finding;             /* index in state->findings, -1 */
    struct authority_step *path; /* from a domain_a thread to the object, or domain_b for MERGED */
    uint32_t path_count;
};

/* Checks restrictions, untyped cover and retype invariants; managers are left out unless strict. */
enum error authority_check(const struct authority *a, bool strict, struct authority_breach **out,
                           uint32_t *count);
void authority_breaches_free(struct authority_breach *b, uint32_t count);
const char *authority_breach_name(enum authority_breach_kind kind);
const char *authority_breach_sentence(enum authority_breach_kind kind);

/* Edge as a line for people: "guest/init cnode[14] controls tcb critical/init". Returns buf. */
char *authority_edge_text(const struct authority *a, int32_t edge, char *buf, size_t size);

#endif
