/* A reference: the name of a thing, good in every sample in which the thing exists.
 *
 * Rows, lines of the pane, marks and the way back all speak in references, never in indexes of one
 * sample, so that the cursor stays on its thing through refresh, sort, filter and time. */
#ifndef CAPSCOPE_INSPECTOR_TUI_REF_H
#define CAPSCOPE_INSPECTOR_TUI_REF_H

#include <stdbool.h>
#include <stdint.h>

enum ref_kind {
    REF_NONE,
    REF_DOMAIN,   /* addr: hash of its name (ref_hash) */
    REF_THREAD,   /* addr: of the TCB */
    REF_SLOT,     /* addr: of the slot */
    REF_OBJECT,   /* addr, extra: type << 8 | bits */
    REF_ADDRESS,  /* addr: physical; extra: 0, or the bits of the piece of memory from there on */
    REF_SPACE,    /* addr: of the top table of an address space */
    REF_VIRTUAL,  /* addr: virtual, of: top table */
    REF_EVENT,    /* addr: sequence number */
    REF_SNAPSHOT, /* addr: number on the time line */
    REF_BREACH,   /* addr: of the object, of: of the witness slot, extra: kind */
    REF_REVOKE,   /* addr: of the root slot */
    REF_VIEW,     /* extra: enum view_id */
    REF_TEXT,     /* a line without a thing behind it; addr: its number */
};

struct ref {
    enum ref_kind kind;
    uint32_t extra;
    uint64_t addr;
    uint64_t of;
};

static inline struct ref ref_to(enum ref_kind kind, uint64_t addr)
{
    return (struct ref){.kind = kind, .addr = addr};
}

static inline struct ref ref_object(uint64_t addr, uint32_t type, uint32_t bits)
{
    return (struct ref){.kind = REF_OBJECT, .addr = addr, .extra = type << 8 | (bits & 255)};
}

static inline bool ref_equal(const struct ref *a, const struct ref *b)
{
    return a->kind == b->kind && a->addr == b->addr && a->extra == b->extra && a->of == b->of;
}

/* One number for a reference, never 0; of text (djb2), for names. */
uint64_t ref_key(const struct ref *r);
uint64_t ref_hash(const char *text);

#endif
