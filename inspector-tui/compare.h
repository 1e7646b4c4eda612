/* What differs between two samples, by thing: born, died, moved, changed.
 *
 * The screen shows one sample against another (the one before, or a mark).  A slot of the shown
 * sample has a sign; what died is listed, and stays as a ghost until one moves on. */
#ifndef CAPSCOPE_INSPECTOR_TUI_COMPARE_H
#define CAPSCOPE_INSPECTOR_TUI_COMPARE_H

#include "inspector-tui/dead.h"
#include "inspector-tui/sample.h"

enum sign { SIGN_SAME, SIGN_BORN, SIGN_MOVED, SIGN_CHANGED, SIGN_DIED };

struct change {
    enum capstate_change kind;
    int32_t before; /* slot in the sample before, -1 */
    int32_t after;  /* slot in the sample after, -1 */
};

/* What events tell of capabilities that were made anew in their slots, see session_remade(). */
enum remade { REMADE_UNASKED, REMADE_KNOWN, REMADE_UNKNOWN };

struct compare {
    struct sample *before, *after; /* held */
    uint8_t *sign;                 /* by slot of `after` */
    struct change *changes;        /* as capstate_diff() gives them */
    uint32_t count;
    size_t room;
    uint32_t counts[SIGN_DIED + 1];
    struct dead_list dead; /* where what died stood */
    enum remade remade;
    uint32_t remade_count;
    int32_t
        *remade_slots; /* of `after`: those of them that are in no change, ascending by address */
    uint32_t remade_listed;
    bool failed; /* no memory: nothing is known */
};

/* NULL `before`: nothing differs. NULL: no memory. */
struct compare *compare_make(struct sample *before, struct sample *after);
void compare_free(struct compare *c);
/* A newer sample with the same rows in place of `after`. */
void compare_move_on(struct compare *c, struct sample *after);

enum sign compare_slot(const struct compare *c, int32_t slot); /* c may be NULL */
enum sign compare_thread(const struct compare *c, int32_t thread);
enum sign compare_domain(const struct compare *c, int32_t domain);
/* '+', '-', '~', '*' or a blank. */
char sign_char(enum sign s);

#endif
