/* The words for a verdict: theorems of model/proof/ by their names, premises by what was looked at.
 *
 * scripts/prove checks that each theorem that stands here is one of its files. */
#include "authority/explain.h"

#include "authority/conveys.h"
#include "lib/plural.h"

#include <inttypes.h>
#include <stdio.h>

enum { SENTENCE_BYTES = 1024, NAMES_BYTES = 512 };

static const struct authority_premise premises[AUTHORITY_BREACH_KINDS] = {
    [AUTHORITY_BREACH_APPLICATION] = {"shared_storage", "Necessity.v shared_storage_is_needed",
                                      "no thread's CSpace or address space is another domain's"},
    [AUTHORITY_BREACH_SHARED_CNODE] = {"shared_storage", "Necessity.v shared_storage_is_needed",
                                       "each CNode is held in one domain"},
    [AUTHORITY_BREACH_SHARED_TABLE] = {"shared_storage", "Necessity.v shared_storage_is_needed",
                                       "each page table, directory and pool is held in one domain"},
    [AUTHORITY_BREACH_GRANT_CHANNEL] = {"grant_channel, call_channel",
                                        "Necessity.v grant_channel_is_needed",
                                        "no endpoint passes capabilities between domains"},
    [AUTHORITY_BREACH_REPLY_CHANNEL] = {"foreign_tcb", "Necessity.v call_channel_is_needed",
                                        "no reply passes capabilities between domains"},
    [AUTHORITY_BREACH_FOREIGN_TCB] = {"foreign_tcb", "Necessity.v foreign_tcb_is_needed",
                                      "each thread is held in its own domain"},
    [AUTHORITY_BREACH_MANAGER] = {"foreign_tcb", "Necessity.v managers_must_not_act",
                                  "no domain has authority over a trusted manager"},
    [AUTHORITY_BREACH_FOREIGN_COVER] = {"foreign_cover", "Necessity.v foreign_cover_is_needed",
                                        "untyped memory covers memory of its holder's domain"},
    [AUTHORITY_BREACH_SHARED_CONTROL] = {"foreign_cover", "Necessity.v foreign_cover_is_needed",
                                         "untyped memory, interrupts and controls are held in one "
                                         "domain"},
    [AUTHORITY_BREACH_CHILD_OUTSIDE] = {"wf_inside", "Derivation.v children_lie_inside",
                                        "children lie inside the untyped memory they derive from"},
    [AUTHORITY_BREACH_OVERLAP] = {"wf_overlap", "Derivation.v objects_do_not_overlap",
                                  "objects do not overlap"},
    [AUTHORITY_BREACH_ORPHAN] = {"wf_overlap", "Derivation.v tree_gives_retypes_premise",
                                 "what lies in untyped memory derives from it"},
    [AUTHORITY_BREACH_WATERMARK] = {"wf_used", "Derivation.v tree_gives_retypes_premise",
                                    "children lie in what is handed out"},
    [AUTHORITY_BREACH_TREE] = {"wf_copies", "Derivation.v well_formed_is_kept",
                               "children of objects are copies of them"},
};

const struct authority_premise *authority_premise_of(enum authority_breach_kind kind)
{
    return &premises[kind];
}

/* What is assumed, whatever the snapshot. */
static const char *const assumed[] = {
    "authority/ computes what Decide.v defines (tested: prove-tie, both on random distributions)",
    "a system call does what its command in Isolation.v says, or less (tested: kernel and model in "
    "lockstep, every state of a small scope)",
    "whatever the kernel does besides Retype, the slots still know every capability: mappings, "
    "blocked "
    "threads and replies go with the last capability to their object (Machine.v "
    "machine_other_leaves_all_known; tested: audit, lockstep)",
    "the list operations of kernel/cdt.c are those of Links.v (proved over the named slots and "
    "their "
    "neighbours as far as make proof-code says, else tested)",
    "the processor, its caches and the compiler do what their manuals say; devices reach no memory "
    "by "
    "themselves; nothing is said about information that flows by reading, writing or timing",
};

static uint32_t found(const struct authority_verdict *v, enum authority_breach_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->count; i++)
        n += v->breach[i].kind == kind;
    return n;
}

/* Is it a breach of a restriction? Untyped memory over what another domain merely uses is none, nor
 * is an island that it makes. */
static bool breaks_restriction(const struct authority *a, const struct authority_breach *b)
{
    if (b->kind == AUTHORITY_BREACH_FOREIGN_COVER)
        return b->object_b >= 0 && authority_type_is_entity(a->state->objects[b->object_b].type);
    return b->kind < AUTHORITY_BREACH_MERGED;
}

static bool breaks_derivation(const struct authority_breach *b)
{
    return b->kind >= AUTHORITY_BREACH_CHILD_OUTSIDE && b->kind <= AUTHORITY_BREACH_TREE;
}

static void explain_isolated(authority_explain_fn fn, void *ctx)
{
    fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
       "Decide.v can_be_isolated_is_isolation: there are domains of memory that agree with the "
       "threads' "
       "and in which this distribution is isolated");
    fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
       "Machine.v links_keep_isolation: from it every state that system calls reach is isolated, "
       "down "
       "to the doubly linked list of capabilities");
    fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
       "Isolation.v absent_right_stays_absent: what a domain has no right to, and no untyped "
       "memory "
       "over, it never gets");
}

static void explain_breached(const struct authority *a, const struct authority_verdict *v,
                             authority_explain_fn fn, void *ctx)
{
    bool restriction = false;
    bool derivation = false;
    for (uint32_t i = 0; i < v->count; i++) {
        restriction |= breaks_restriction(a, &v->breach[i]);
        derivation |= breaks_derivation(&v->breach[i]);
    }
    if (restriction) {
        fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
           "Decide.v not_isolated_is_no_isolation: in no domains of memory that agree with the "
           "threads' "
           "is this distribution isolated");
        fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
           "Necessity.v every_restriction_is_needed: without any one restriction a run exists in "
           "which a "
           "capability crosses");
    }
    if (derivation)
        fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
           "Derivation.v well_formed_is_kept: does not apply, the tree is not well formed; so "
           "Retype's "
           "premise need not hold");
    if (!restriction && !derivation)
        fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
           "Isolation.v absent_right_stays_absent: does not apply where untyped memory of a domain "
           "covers "
           "what another uses: it can take that memory away and use it; no restriction is "
           "breached");
}

static void explain_theorems(const struct authority *a, const struct authority_verdict *v,
                             authority_explain_fn fn, void *ctx)
{
    switch (authority_outcome(v)) {
    case AUTHORITY_ISOLATED:
        explain_isolated(fn, ctx);
        break;
    case AUTHORITY_BREACHED:
        explain_breached(a, v, fn, ctx);
        break;
    case AUTHORITY_UNKNOWN:
        fn(ctx, AUTHORITY_EXPLAIN_THEOREM,
           "none: whether the premises hold cannot be told from this snapshot");
        break;
    }
}

static void explain_evaluated(const struct authority *a, const struct authority_verdict *v,
                              authority_explain_fn fn, void *ctx)
{
    char text[SENTENCE_BYTES];
    snprintf(text, sizeof(text),
             "looked at: %" PRIu32 " capabilit%s to %" PRIu32 " object%s, %" PRIu32
             " translation%s, %" PRIu32 " thread%s in %" PRIu32 " domain%s",
             a->state->slot_count, plural_y(a->state->slot_count), a->state->object_count,
             plural_s(a->state->object_count), a->state->mapping_count,
             plural_s(a->state->mapping_count), v->threads, plural_s(v->threads), v->domains,
             plural_s(v->domains));
    fn(ctx, AUTHORITY_EXPLAIN_EVALUATED, text);
    for (int kind = 0; kind < AUTHORITY_BREACH_KINDS; kind++) {
        const struct authority_premise *p = &premises[kind];
        uint32_t n = found(v, (enum authority_breach_kind)kind);
        if (!p->name)
            continue;
        if (n == 0)
            snprintf(text, sizeof(text), "%s: holds: %s", p->name, p->sentence);
        else
            snprintf(text, sizeof(text), "%s: fails %" PRIu32 " time%s (%s): %s; %s", p->name, n,
                     plural_s(n), authority_breach_name((enum authority_breach_kind)kind),
                     p->sentence, p->theorem);
        fn(ctx, AUTHORITY_EXPLAIN_EVALUATED, text);
    }
}

static void explain_assumed(const struct authority *a, bool strict, authority_explain_fn fn,
                            void *ctx)
{
    char text[SENTENCE_BYTES];
    char names[NAMES_BYTES];
    if (!strict) {
        snprintf(text, sizeof(text),
                 "trusted managers (%s) only delete and revoke from here on (Necessity.v "
                 "managers_must_not_act: else it does not follow)",
                 authority_managers_text(a, names, sizeof(names)));
        fn(ctx, AUTHORITY_EXPLAIN_ASSUMED, text);
    }
    for (size_t i = 0; i < sizeof(assumed) / sizeof(*assumed); i++)
        fn(ctx, AUTHORITY_EXPLAIN_ASSUMED, assumed[i]);
}

void authority_explain(const struct authority *a, const struct authority_verdict *v, bool strict,
                       authority_explain_fn fn, void *ctx)
{
    explain_theorems(a, v, fn, ctx);
    explain_evaluated(a, v, fn, ctx);
    explain_assumed(a, strict, fn, ctx);
}
