/* Who can gain what: the authority graph of one snapshot, its domains, islands and breaches.
 *
 * Nodes are the objects of a capstate (node index = object index).  An edge says what the holder of
 * a capability can do to its target; the slot (or mapping, or thread state) is its witness.  The
 * model is the take-grant variant behind the paper's isolation theorem (paper 3.2.3): what can
 * gain from each other forms an island; the four restrictions make domains and islands agree.
 *
 * Trusted are the thread that the kernel started, which the snapshot names by its object, and what
 * a rule of the user calls trusted; nobody else, whatever a thread calls itself.  Trusted managers
 * made everything and may keep the ancestors of everything, so verdicts leave them out unless asked
 * to be strict, and name them.  Left out means: a manager does nothing by itself.  What other
 * threads control counts all the same, and if that is a manager, so does all that it holds.
 *
 * A thread `guest/init` belongs to domain `guest` because it says so, which proves nothing: where
 * the threads of a domain share no authority the verdict says so.  A thread without such a name
 * belongs to its island.
 *
 * One predicate, authority_edge_counts(), decides what an edge is worth: islands, paths, `can` and
 * the verdict all follow it, so that they cannot disagree.
 *
 * Everything here is computed once by authority_build() and then read-only; the capstate must
 * outlive it.  Memory is linear in slots + mappings, time n log n (docs/bench.md). */
#ifndef CAPSCOPE_AUTHORITY_AUTHORITY_H
#define CAPSCOPE_AUTHORITY_AUTHORITY_H

#include "capstate/capstate.h"

/* --- which thread belongs to which domain ----------------------------------------------------- */

/* Rules in order, first match wins; without a match the convention above holds. */
struct authority_rule {
    char *pattern; /* as fnmatch(3), against the thread's escaped name */
    char *domain;  /* "*": as the thread is called */
    bool trusted;
};

static inline bool authority_rule_takes_names(const struct authority_rule *rule)
{
    return rule->domain[0] == '*' && rule->domain[1] == '\0';
}

/* "-" and "(shared)" stand where there is no domain, so none is called "-" or begins with "(". */
bool authority_means_no_domain(const char *name, size_t length);

struct authority_rules {
    struct authority_rule *rules;
    uint32_t count;
    size_t room;
};

/* Where a file of rules is wrong, and why. Counted from 1; column in bytes. */
struct authority_rules_fault {
    uint32_t line;
    uint32_t column;
    char sentence[128];
};

/* A file of lines `PATTERN DOMAIN [trusted]`; '#' at the beginning of a word begins a comment. A
 * pattern with blanks stands in double quotes, in which \" and \\ stand for themselves. ERR_IO,
 * ERR_FORMAT: *fault says what is wrong, the latter with the line; ERR_NO_MEMORY. */
enum error authority_rules_read(const char *path, struct authority_rules *out,
                                struct authority_rules_fault *fault);
enum error authority_rules_add(struct authority_rules *rules, const char *pattern,
                               const char *domain, bool trusted);
enum error authority_rules_copy(const struct authority_rules *from, struct authority_rules *to);
bool authority_rules_equal(const struct authority_rules *a, const struct authority_rules *b);
void authority_rules_free(struct authority_rules *rules);

/* --- the graph -------------------------------------------------------------------------------- */

/* X(NAME, "name", "sentence about holder and target") */
#define AUTHORITY_EDGE_LIST(X)                                                                     \
    X(CONTROL, "control", "has full authority over")                                               \
    X(COVER, "cover", "is untyped memory that holds")                                              \
    X(TABLE, "table", "is translated through")                                                     \
    X(REPLY_GRANT, "reply-grant", "may reply with capabilities to")                                \
    X(GRANT, "grant", "can send capabilities through")                                             \
    X(GRANT_RECV, "receive-grant", "delivers capabilities to")                                     \
    X(WRITE, "write", "can write to")                                                              \
    X(READ, "read", "can read from")                                                               \
    X(HOLD, "hold", "holds, without rights that matter, a capability to")                          \
    X(DESTROY, "destroy", "can revoke a capability in")

enum authority_edge_kind {
#define X(NAME, name, sentence) AUTHORITY_##NAME,
    AUTHORITY_EDGE_LIST(X)
#undef X
        AUTHORITY_EDGE_KINDS
};

/* Who an edge at an endpoint makes of its holder. */
enum authority_role {
    ROLE_SEND_GRANT = 1, /* may send capabilities */
    ROLE_CALL_REPLY = 2, /* calls with grant-reply: takes what a granting receiver answers */
    ROLE_RECEIVE = 4,
    ROLE_RECEIVE_GRANT = 8,
};

struct authority_edge {
    int32_t from;    /* node */
    int32_t to;      /* node */
    int32_t slot;    /* the capability that gives it; -1: see mapping, thread */
    int32_t other;   /* DESTROY: the child; TABLE: index in state->tables; -1 */
    int32_t thread;  /* a thread's state gives it (blocked sender, bound notification); -1 */
    int32_t mapping; /* a translation gives it; -1 */
    enum authority_edge_kind kind;
    bool live;    /* counts though managers are left out */
    uint8_t role; /* at an endpoint: enum authority_role */
};

/* How a domain came by its name. */
enum authority_origin {
    AUTHORITY_BY_NAME,   /* its threads call themselves so */
    AUTHORITY_BY_RULE,   /* the user says so */
    AUTHORITY_BY_ISLAND, /* nobody named it: the island of its threads */
    AUTHORITY_BY_KERNEL, /* the thread that the kernel started */
};

struct authority_domain {
    char *name;
    bool trusted; /* a manager, left out of verdicts that are not strict */
    enum authority_origin origin;
    uint32_t threads;
};

enum { AUTHORITY_NO_DOMAIN = -1 };

/* How the root task was found. */
enum authority_root {
    AUTHORITY_ROOT_UNKNOWN, /* nobody but those a rule names is trusted */
    AUTHORITY_ROOT_TOLD,    /* the snapshot names its TCB */
    AUTHORITY_ROOT_BY_PLACE /* an older snapshot, in which one TCB alone lies in no untyped memory
                             */
};

struct authority {
    const struct capstate *state;
    struct authority_edge *edges; /* by from, to, kind, address of the slot */
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
    int32_t root_thread; /* thread index of the root task; -1: gone or not known */
    enum authority_root root;
    bool by_islands; /* some thread has its domain from its island */
    struct authority_private *priv;
};

/* Builds all of the above. rules may be NULL. ERR_NO_MEMORY. */
enum error authority_build(const struct capstate *state, const struct authority_rules *rules,
                           struct authority *out);
void authority_free(struct authority *a);

/* The part of it that says whose things are, in a fraction of the time: domains, thread_domain,
 * enclosing, and home of objects that hold capabilities; that of others, islands and most edges are
 * not there.  Where a thread belongs to its island, all is built. */
enum error authority_build_homes(const struct capstate *state, const struct authority_rules *rules,
                                 struct authority *out);

/* The same of a part of a snapshot, from what was worked out of the whole: its domains, and whose
 * each thread and each object is.  Holders, owners and names of domains are then those of the part;
 * islands are not there (-1), so it has no paths and no verdict.  Nothing of `told` is kept. */
struct authority_told {
    const struct authority_domain *domains; /* name and trusted */
    uint32_t domain_count;
    const int32_t *thread_domain; /* by thread index */
    const int32_t *home;          /* by object index */
};
enum error authority_build_part(const struct capstate *part, const struct authority_told *told,
                                struct authority *out);

const char *authority_edge_name(enum authority_edge_kind kind);
const char *authority_edge_sentence(enum authority_edge_kind kind);
/* Does an edge of this kind let its holder gain (take or give) capabilities? */
bool authority_edge_gains(enum authority_edge_kind kind);
/* Is this edge worth anything?  Managers left out: only if a thread that is none gets at its holder
 * and, where capabilities pass through an endpoint, also somebody at the other end does. */
static inline bool authority_edge_counts(const struct authority_edge *e, bool strict)
{
    return strict || e->live;
}
/* The island of a node under that reading, -1: none. */
static inline int32_t authority_island(const struct authority *a, int32_t node, bool strict)
{
    return strict ? a->island_strict[node] : a->island[node];
}
/* Edges that lead to a node: indices, ascending by (from, kind, slot). */
const uint32_t *authority_edges_to(const struct authority *a, int32_t node, uint32_t *count);

int32_t authority_domain_named(const struct authority *a, const char *name);
/* The domain whose capabilities lie in the holder of this slot; -1: none or the kernel. */
int32_t authority_slot_domain(const struct authority *a, int32_t slot);
/* Do the domain's capabilities, other than through untyped memory, refer to this object? */
bool authority_domain_holds(const struct authority *a, int32_t domain, int32_t object);
/* The distinct domains that hold it so, ascending, at most `max`; returns how many there are. */
uint32_t authority_holders(const struct authority *a, int32_t object, int32_t *domains,
                           uint32_t max);
/* Names of trusted managers, comma separated, "none" if there is none. Returns buf. */
char *authority_managers_text(const struct authority *a, char *buf, size_t size);
/* Is this node a trusted manager's: its TCB, or what nobody else reaches? */
bool authority_is_managers(const struct authority *a, int32_t node);

/* --- questions -------------------------------------------------------------------------------- */

/* Owner of memory: the domain that holds the smallest untyped over it and so decides about its
 * life; where only managers do, the domain that alone holds or maps it.  shared: several do and nobody
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
/* The same of one object, also where a smaller one begins at its address: of untyped memory who decides
 * about what is made of it. */
void authority_owner_of_object(const struct authority *a, int32_t object,
                               struct authority_owner *out);

enum authority_path_kind {
    AUTHORITY_PATH_AUTHORITY, /* gains, forwards; the last edge may be read, write or hold */
    AUTHORITY_PATH_FLOW,      /* where information can go: within islands, along writes, against
                                 reads */
    AUTHORITY_PATH_ISLAND,    /* gains, in both directions: what could ever be passed on */
    AUTHORITY_PATH_DESTROY,   /* authority, and the power to revoke */
};

struct authority_step {
    int32_t edge;
    bool backwards; /* walked from `to` to `from` */
};

/* Shortest path from any node with from[i] to any with to[i] (arrays of node_count), over edges
 * that count; among equally short ones always the same, whatever order the snapshot came in. *steps
 * is malloced; *count 0 when from and to meet. ERR_NOT_FOUND, ERR_NO_MEMORY. */
enum error authority_path(const struct authority *a, const bool *from, const bool *to,
                          enum authority_path_kind kind, bool strict, struct authority_step **steps,
                          uint32_t *count);
/* Marks the nodes of a domain: its threads. Returns how many. */
uint32_t authority_mark_domain(const struct authority *a, int32_t domain, bool *mark);
/* Its threads and all that is its own: of what holds capabilities or translations that which is at home
 * there; of the rest what it owns, and what it holds with others while nobody owns it. */
void authority_mark_own(const struct authority *a, int32_t domain, bool *mark);
/* A question about a manager itself cannot leave it out: is one of the marked nodes a manager's? */
bool authority_asks_about_manager(const struct authority *a, const bool *mark);

/* What a domain does with an object that carries information: one use a domain and object,
 * ascending by object. Information goes from each domain that writes to each other that reads. */
struct authority_use {
    int32_t object;
    int32_t domain;
    int32_t writer; /* edge by which it writes, -1 */
    int32_t reader; /* edge by which it reads, -1 */
};
/* Only objects that at least two domains use, one of them writing; managers are left out. */
enum error authority_uses(const struct authority *a, struct authority_use **out, uint32_t *count);
/* Marks the domains to which information can go from `domain` in one step. */
void authority_flow_targets(const struct authority_use *uses, uint32_t count, int32_t domain,
                            bool *to);

/* --- could it ever ---------------------------------------------------------------------------- */

enum authority_right {
    AUTHORITY_RIGHT_READ,
    AUTHORITY_RIGHT_WRITE,
    AUTHORITY_RIGHT_GRANT,
    AUTHORITY_RIGHT_CONTROL,
};

/* Why a subject never gains it: one fact at the border of its island. */
enum authority_cut_kind {
    AUTHORITY_CUT_HELD,    /* the right is held, but in another island */
    AUTHORITY_CUT_MANAGER, /* the right is held where only trusted managers get */
    AUTHORITY_CUT_BORDER,  /* the island touches an object of others; nothing passes there */
    AUTHORITY_CUT_LEFT_OUT /* a trusted manager's capability joins the two, and is left out */
};

struct authority_cut {
    enum authority_cut_kind kind;
    int32_t edge;  /* of the others: who holds it, or who meets the island at the object */
    int32_t inner; /* BORDER: the island's own edge to the object; -1 */
};

/* Could the subject (marked nodes) ever have this right over the object (marked nodes), by any
 * sequence of operations?  Yes exactly if a capability that gives it is held in an island of the
 * subject, or, for control, if the object acts there.  Rights over memory come also from untyped
 * memory that covers it. */
struct authority_answer {
    bool yes;
    bool strict;                  /* asked, or the question is about a manager itself */
    struct authority_step *steps; /* yes: from the subject to the holder */
    uint32_t step_count;
    int32_t giving;            /* yes: the edge that gives it; -1: the object itself is reached */
    struct authority_cut *cut; /* no */
    uint32_t cut_count;
};
enum error authority_can(const struct authority *a, const bool *subject, enum authority_right right,
                         const bool *object, bool strict, struct authority_answer *out);
void authority_answer_free(struct authority_answer *answer);
const char *authority_cut_sentence(enum authority_cut_kind kind);
/* Does this edge give the right over its target? */
bool authority_edge_gives(const struct authority *a, const struct authority_edge *e,
                          enum authority_right right);

/* --- verdict ---------------------------------------------------------------------------------- */

/* X(NAME, "name", "sentence", weight) */
#define AUTHORITY_BREACH_LIST(X)                                                                   \
    X(APPLICATION, "application", "threads of two domains share one CSpace or address space",      \
      BREACH)                                                                                      \
    X(SHARED_CNODE, "shared-cnode", "two domains hold the same CNode", BREACH)                     \
    X(SHARED_TABLE, "shared-table", "two domains hold the same page table, directory or pool",     \
      BREACH)                                                                                      \
    X(GRANT_CHANNEL, "grant-channel", "capabilities can pass through an endpoint between domains", \
      BREACH)                                                                                      \
    X(REPLY_CHANNEL, "reply-channel", "capabilities can pass in a reply between domains", BREACH)  \
    X(FOREIGN_TCB, "foreign-tcb", "a domain holds the thread of another", BREACH)                  \
    X(FOREIGN_COVER, "foreign-cover", "untyped memory of a domain covers an object of another",    \
      BREACH)                                                                                      \
    X(MANAGER, "manager", "a domain has authority over a trusted manager", BREACH)                 \
    X(SHARED_CONTROL, "shared-control",                                                            \
      "two domains hold the same untyped memory, interrupt or control", BREACH)                    \
    X(MERGED, "merged", "domains are one island: each can gain what the other has", BREACH)        \
    X(CHILD_OUTSIDE, "child-outside", "a child lies outside the untyped it derives from", BREACH)  \
    X(OVERLAP, "overlap", "two objects overlap though neither contains the other", BREACH)         \
    X(ORPHAN, "orphan", "an object lies in untyped memory it does not derive from", BREACH)        \
    X(WATERMARK, "watermark", "an object lies in memory that its untyped counts as free", BREACH)  \
    X(TREE, "tree", "a capability's parent does not give what the child has", BREACH)              \
    X(FINDING, "finding", "the kernel's own data is inconsistent", DOUBT)                          \
    X(INVALID, "invalid", "a slot holds a capability whose words make no sense", DOUBT)            \
    X(STRANGE, "strange", "a capability of a type this program does not know counts as control",   \
      DOUBT)                                                                                       \
    X(INCOMPLETE, "incomplete", "the snapshot is incomplete: the walk broke off", DOUBT)           \
    X(SPLIT, "split", "threads share a domain's name and no authority: the name alone joins them", \
      NOTE)

enum authority_breach_kind {
#define X(NAME, name, sentence, weight) AUTHORITY_BREACH_##NAME,
    AUTHORITY_BREACH_LIST(X)
#undef X
        AUTHORITY_BREACH_KINDS
};

enum authority_weight {
    AUTHORITY_BREACH, /* isolation does not hold */
    AUTHORITY_DOUBT,  /* whether it holds cannot be told */
    AUTHORITY_NOTE,   /* worth knowing: what follows from a breach, what only a name says */
};

struct authority_breach {
    enum authority_breach_kind kind;
    enum authority_weight weight;
    int32_t domain_a, domain_b;  /* -1 where the breach is not about domains */
    uint32_t further;            /* so many more domains are in the place of domain_b */
    int32_t object, object_b;    /* nodes, -1 */
    int32_t slot_a, slot_b;      /* witnesses, -1 */
    int32_t finding;             /* index in state->findings, -1 */
    struct authority_step *path; /* from a domain_a thread to the object, or domain_b for MERGED */
    uint32_t path_count;
};

/* What was looked at, and what came of it. */
struct authority_verdict {
    struct authority_breach *breach; /* findings and notes stand last */
    uint32_t count;
    uint32_t breaches, doubts, notes; /* by weight */
    uint32_t domains, threads;        /* compared */
    uint32_t managers;                /* threads left out */
};

enum authority_outcome {
    AUTHORITY_ISOLATED,
    AUTHORITY_BREACHED,
    AUTHORITY_UNKNOWN, /* doubts, or nothing to compare: fewer than two domains and no breach */
};

/* Checks restrictions, untyped cover and retype invariants; managers are left out unless strict.
 * One fact is one breach: what follows from it is a note, and where many domains are concerned each
 * of them stands in at least one breach, with one partner. */
enum error authority_check(const struct authority *a, bool strict, struct authority_verdict *out);
void authority_verdict_free(struct authority_verdict *v);
/* Why no answer about this snapshot is certain, as a sentence; NULL: there is no doubt. */
const char *authority_doubt(const struct authority *a);
enum authority_outcome authority_outcome(const struct authority_verdict *v);
/* "isolated: 0 breaches among 3 domains, 6 threads", or what else is so. Returns buf. */
char *authority_verdict_text(const struct authority_verdict *v, char *buf, size_t size);
const char *authority_breach_name(enum authority_breach_kind kind);
const char *authority_breach_sentence(enum authority_breach_kind kind);

/* Edge as a line for people: "guest/init cnode[14] controls tcb critical/init". Returns buf. */
char *authority_edge_text(const struct authority *a, int32_t edge, char *buf, size_t size);
/* By what an edge is: "slot 0x80123450: cnode[3]", "mapped at 0x1000", "by the thread's state". */
char *authority_witness_text(const struct authority *a, const struct authority_edge *e, char *buf,
                             size_t size);

#endif
