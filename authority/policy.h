/* Policy as code: what may pass between the domains of a system, as a text file that people review.
 *
 * A crossing is one kind of authority from one domain over one other: who may signal, send to,
 * call, give capabilities to, write what is read by, control or cover whom, over how many objects
 * of which type.  Addresses stand in no line, so that a file outlives builds that move things; what
 * grows shows by the amount.  Trusted managers are left out as in a verdict, unless the file says
 * `strict`; what a domain could do to a manager is never left out.
 *
 *   policy 1
 *   manager rootserver
 *   domain driver
 *   domain guest
 *   allow guest call driver 1 endpoint
 *   allow driver write guest 8K frame
 *
 * '#' at the beginning of a word begins a comment; a name with blanks stands in double quotes. */
#ifndef CAPSCOPE_AUTHORITY_POLICY_H
#define CAPSCOPE_AUTHORITY_POLICY_H

#include "authority/authority.h"

#include <stdio.h>

/* X(NAME, "word in the file", "sentence between the two domains") */
#define POLICY_VERB_LIST(X)                                                                        \
    X(SIGNAL, "signal", "may signal")                                                              \
    X(SEND, "send", "may send to")                                                                 \
    X(CALL, "call", "may call, or is answered by,")                                                \
    X(GRANT, "grant", "may give capabilities to")                                                  \
    X(WRITE, "write", "may write what is read by")                                                 \
    X(CONTROL, "control", "controls what belongs to")                                              \
    X(SHARE, "share", "holds the same as")                                                         \
    X(COVER, "cover", "holds untyped memory over what belongs to")                                 \
    X(JOIN, "join", "is one island with")

enum policy_verb {
#define X(NAME, word, sentence) POLICY_##NAME,
    POLICY_VERB_LIST(X)
#undef X
        POLICY_VERBS
};

const char *policy_verb_word(enum policy_verb verb);
const char *policy_verb_sentence(enum policy_verb verb);

/* --- what is there ---------------------------------------------------------------------------- */

/* edge_a and edge_b are witnesses, those of the first object; -1: none. */
struct policy_crossing {
    const char *from, *to; /* names of domains, owned by whoever owns the crossing */
    enum policy_verb verb;
    uint32_t type;   /* enum record_cap of the objects; JOIN: RECORD_CAP_NULL */
    uint64_t amount; /* objects, of frames bytes, of JOIN further domains */
    int32_t object;  /* the first in order of addresses, -1 */
    int32_t edge_a, edge_b;
};

struct policy_crossings {
    struct policy_crossing *crossing; /* by from, verb, to, type; each at most once */
    uint32_t count;
};

/* Names are those of `a`, which must outlive the result. ERR_NO_MEMORY. */
enum error policy_crossings(const struct authority *a, bool strict, struct policy_crossings *out);
void policy_crossings_free(struct policy_crossings *c);

/* --- a file ----------------------------------------------------------------------------------- */

enum policy_statement { POLICY_MANAGER, POLICY_DOMAIN, POLICY_ALLOW };

struct policy_line {
    enum policy_statement statement;
    char *from, *to; /* MANAGER, DOMAIN: `from` is the name, `to` NULL */
    enum policy_verb verb;
    uint32_t type;
    uint64_t amount;
    uint32_t number; /* in the file, from 1; 0: in no file */
    uint32_t from_column, to_column;
    uint64_t used; /* the most that any state judged by it needed of it */
};

struct policy {
    struct policy_line *line; /* in order of the file; policy_add() keeps them sorted */
    uint32_t count;
    size_t room;
    bool strict;
};

/* ERR_IO, ERR_FORMAT: *fault says what is wrong, and where; ERR_NO_MEMORY. */
enum error policy_read(const char *path, struct policy *out, struct authority_rules_fault *fault);
/* Adds what is there in a state, keeping the larger amount where it is allowed already: what is
 * added first to an empty policy is exactly what `a` needs. ERR_NO_MEMORY. */
enum error policy_add(struct policy *p, const struct authority *a);
/* The file. false: writing failed. */
bool policy_write(FILE *f, const struct policy *p);
/* One line as it stands in the file, without its end. Returns buf, cut if need be. */
char *policy_line_text(const struct policy_line *line, char *buf, size_t size);
void policy_free(struct policy *p);

/* --- judging ---------------------------------------------------------------------------------- */

/* What no line allows: a crossing, or a domain that the file does not name. */
struct policy_outside {
    struct policy_crossing crossing; /* verb POLICY_VERBS: `from` itself is not named */
    const struct policy_line *line;  /* that allows less, NULL: none is about it */
    struct policy_line wanted;       /* that would allow it; its names are those of the crossing */
};

struct policy_judgement {
    struct policy_outside *outside;
    uint32_t count;
};

/* Notes in the lines what was used. The policy and the authority must outlive the result.
 * ERR_NO_MEMORY. */
enum error policy_judge(struct policy *p, const struct authority *a, bool strict,
                        struct policy_judgement *out);
void policy_judgement_free(struct policy_judgement *j);

#endif
