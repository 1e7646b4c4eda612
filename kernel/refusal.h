/* Why an invocation is refused: each sets ks.refusal and returns REFUSED (ABI sheet 1.8). The debug
 * build says one sentence for each on the console (debug.h). */
#ifndef CAPSCOPE_KERNEL_REFUSAL_H
#define CAPSCOPE_KERNEL_REFUSAL_H

#include "kernel/kernel.h"

enum outcome refuse_argument(word_t number);
enum outcome refuse_capability(word_t number); /* 0: the invoked one, 1..: extra capabilities */
enum outcome refuse_illegal(void);
enum outcome refuse_range(word_t min, word_t max);
enum outcome refuse_alignment(void);
enum outcome refuse_lookup(bool source); /* ks.lookup says what failed */
enum outcome refuse_truncated(void);
enum outcome refuse_delete_first(void);
enum outcome refuse_revoke_first(void);
enum outcome refuse_memory(word_t bytes_left);

/* Sets ks.lookup; for use before refuse_lookup() or a capability fault. */
void lookup_failed(enum lookup_failure type, word_t a, word_t b, word_t c);

#endif
