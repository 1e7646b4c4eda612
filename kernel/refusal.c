/* Why an invocation is refused (ABI sheet 1.8, 1.9).
 *
 * The words stay in ks until the reply to a Call is made from them; a Send forgets them. */
#include "kernel/refusal.h"
#include "kernel/debug.h"

static enum outcome refuse(enum syscall_error error, word_t arg0, word_t arg1)
{
    ks.refusal = (struct refusal){.error = error, .arg0 = arg0, .arg1 = arg1};
    debug_refusal();
    return REFUSED;
}

enum outcome refuse_argument(word_t number)
{
    return refuse(SEL4_INVALID_ARGUMENT, number, 0);
}

enum outcome refuse_capability(word_t number)
{
    return refuse(SEL4_INVALID_CAPABILITY, number, 0);
}

enum outcome refuse_illegal(void)
{
    return refuse(SEL4_ILLEGAL_OPERATION, 0, 0);
}

enum outcome refuse_range(word_t min, word_t max)
{
    return refuse(SEL4_RANGE_ERROR, min, max);
}

enum outcome refuse_alignment(void)
{
    return refuse(SEL4_ALIGNMENT_ERROR, 0, 0);
}

enum outcome refuse_lookup(bool source)
{
    return refuse(SEL4_FAILED_LOOKUP, source, 0);
}

enum outcome refuse_truncated(void)
{
    return refuse(SEL4_TRUNCATED_MESSAGE, 0, 0);
}

enum outcome refuse_delete_first(void)
{
    return refuse(SEL4_DELETE_FIRST, 0, 0);
}

enum outcome refuse_revoke_first(void)
{
    return refuse(SEL4_REVOKE_FIRST, 0, 0);
}

enum outcome refuse_memory(word_t bytes_left)
{
    return refuse(SEL4_NOT_ENOUGH_MEMORY, bytes_left, 0);
}

void lookup_failed(enum lookup_failure type, word_t a, word_t b, word_t c)
{
    ks.lookup = (struct lookup_fault){.type = type, .word = {a, b, c}};
}
