/* Names and sentences of edges, breaches and cuts. */
#include "authority/authority.h"

#include "lib/plural.h"
#include "lib/texts.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_BYTES = 512 };

TEXTS_OF(authority_edge_name, enum authority_edge_kind, AUTHORITY_EDGE_LIST, TEXTS_SECOND, "?")
TEXTS_OF(authority_edge_sentence, enum authority_edge_kind, AUTHORITY_EDGE_LIST, TEXTS_THIRD, "?")

bool authority_edge_gains(enum authority_edge_kind kind)
{
    switch (kind) {
    case AUTHORITY_CONTROL:
    case AUTHORITY_COVER:
    case AUTHORITY_TABLE:
    case AUTHORITY_REPLY_GRANT:
    case AUTHORITY_GRANT:
    case AUTHORITY_GRANT_RECV:
        return true;
    default:
        return false;
    }
}

TEXTS_OF(authority_breach_name, enum authority_breach_kind, AUTHORITY_BREACH_LIST, TEXTS_SECOND,
         "?")
TEXTS_OF(authority_breach_sentence, enum authority_breach_kind, AUTHORITY_BREACH_LIST, TEXTS_THIRD,
         "?")

const char *authority_cut_sentence(enum authority_cut_kind kind)
{
    switch (kind) {
    case AUTHORITY_CUT_HELD:
        return "the right is held in another island";
    case AUTHORITY_CUT_MANAGER:
        return "the right is held by a trusted manager, left out";
    case AUTHORITY_CUT_BORDER:
        return "both sides hold it, and no capability can pass there";
    case AUTHORITY_CUT_LEFT_OUT:
        return "a trusted manager could join them, and is left out";
    }
    return "?";
}

char *authority_witness_text(const struct authority *a, const struct authority_edge *e, char *buf,
                             size_t size)
{
    char place[TEXT_BYTES / 2];
    if (e->slot >= 0)
        snprintf(buf, size, "slot 0x%" PRIx64 ": %s", (uint64_t)a->state->slots[e->slot].rec.addr,
                 capstate_place_text(a->state, e->slot, place, sizeof(place)));
    else if (e->mapping >= 0)
        snprintf(buf, size, "mapped at 0x%" PRIx64, (uint64_t)a->state->mappings[e->mapping].vaddr);
    else if (e->kind == AUTHORITY_TABLE && e->other >= 0)
        snprintf(buf, size, "for 0x%" PRIx64, (uint64_t)a->state->tables[e->other].vaddr);
    else if (e->thread >= 0)
        snprintf(buf, size, "by the thread's state");
    else
        snprintf(buf, size, "by where it lies");
    return buf;
}

char *authority_edge_text(const struct authority *a, int32_t edge, char *buf, size_t size)
{
    char from[TEXT_BYTES / 2];
    char to[TEXT_BYTES / 2];
    char by[TEXT_BYTES];
    const struct authority_edge *e = &a->edges[edge];
    capstate_object_text(a->state, e->from, from, sizeof(from));
    capstate_object_text(a->state, e->to, to, sizeof(to));
    snprintf(buf, size, "%s %s %s [%s]", from, authority_edge_sentence(e->kind), to,
             authority_witness_text(a, e, by, sizeof(by)));
    return buf;
}

/* --- the verdict --- */

enum authority_outcome authority_outcome(const struct authority_verdict *v)
{
    if (v->doubts)
        return AUTHORITY_UNKNOWN;
    if (v->breaches)
        return AUTHORITY_BREACHED;
    return v->domains < 2 ? AUTHORITY_UNKNOWN : AUTHORITY_ISOLATED;
}

char *authority_verdict_text(const struct authority_verdict *v, char *buf, size_t size)
{
    const char *outcome = v->breaches ? "BREACHED" : v->doubts ? "could not tell" : "isolated";
    int n;
    if (v->breaches == 0 && v->domains < 2)
        outcome = "nothing to compare";
    n = snprintf(buf, size,
                 "%s: %" PRIu32 " breach%s among %" PRIu32 " domain%s, %" PRIu32 " thread%s",
                 outcome, v->breaches, plural_es(v->breaches), v->domains, plural_s(v->domains),
                 v->threads, plural_s(v->threads));
    if (v->doubts && n > 0 && (size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n, ", %" PRIu32 " doubt%s about what was read",
                      v->doubts, plural_s(v->doubts));
    if (v->notes && n > 0 && (size_t)n < size)
        snprintf(buf + n, size - (size_t)n, ", %" PRIu32 " note%s", v->notes, plural_s(v->notes));
    return buf;
}
