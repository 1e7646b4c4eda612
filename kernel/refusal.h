/* Why an invocation is refused: each sets ks.refusal and returns REFUSED (ABI sheet 1.8). The debug
 * build says one sentence for each on the console (debug.h).
 *
 * Inline, so that a compiler sees that a refusal is never DONE. */
#ifndef CAPSCOPE_KERNEL_REFUSAL_H
#define CAPSCOPE_KERNEL_REFUSAL_H

#include "kernel/kernel.h"

/* Sets ks.refusal and tells the debug door. */
void refusal_set(enum syscall_error error, word_t arg0, word_t arg1);

static inline enum outcome refuse_argument(word_t number)
{
    refusal_set(SEL4_INVALID_ARGUMENT, number, 0);
    return REFUSED;
}

/* number 0: the invoked capability, 1..: extra capabilities */
static inline enum outcome refuse_capability(word_t number)
{
    refusal_set(SEL4_INVALID_CAPABILITY, number, 0);
    return REFUSED;
}

static inline enum outcome refuse_illegal(void)
{
    refusal_set(SEL4_ILLEGAL_OPERATION, 0, 0);
    return REFUSED;
}

static inline enum outcome refuse_range(word_t min, word_t max)
{
    refusal_set(SEL4_RANGE_ERROR, min, max);
    return REFUSED;
}

static inline enum outcome refuse_alignment(void)
{
    refusal_set(SEL4_ALIGNMENT_ERROR, 0, 0);
    return REFUSED;
}

/* ks.lookup says what failed. */
static inline enum outcome refuse_lookup(bool source)
{
    refusal_set(SEL4_FAILED_LOOKUP, source, 0);
    return REFUSED;
}

static inline enum outcome refuse_truncated(void)
{
    refusal_set(SEL4_TRUNCATED_MESSAGE, 0, 0);
    return REFUSED;
}

static inline enum outcome refuse_delete_first(void)
{
    refusal_set(SEL4_DELETE_FIRST, 0, 0);
    return REFUSED;
}

static inline enum outcome refuse_revoke_first(void)
{
    refusal_set(SEL4_REVOKE_FIRST, 0, 0);
    return REFUSED;
}

static inline enum outcome refuse_memory(word_t bytes_left)
{
    refusal_set(SEL4_NOT_ENOUGH_MEMORY, bytes_left, 0);
    return REFUSED;
}

/* Sets ks.lookup; for use before refuse_lookup() or a capability fault. */
void lookup_failed(enum lookup_failure type, word_t a, word_t b, word_t c);

#endif
