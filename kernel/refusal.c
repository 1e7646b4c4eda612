/* Why an invocation is refused (ABI sheet 1.8, 1.9).
 *
 * The words stay in ks until the reply to a Call is made from them; a Send forgets them. */
#include "kernel/refusal.h"
#include "kernel/debug.h"

void refusal_set(enum syscall_error error, word_t arg0, word_t arg1)
{
    ks.refusal = (struct refusal){.error = error, .arg0 = arg0, .arg1 = arg1};
    debug_refusal();
}

void lookup_failed(enum lookup_failure type, word_t a, word_t b, word_t c)
{
    ks.lookup = (struct lookup_fault){.type = type, .word = {a, b, c}};
}
