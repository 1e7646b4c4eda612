/* Things of a sample as pieces of a line: each piece is a link to its thing. */
#ifndef CAPSCOPE_INSPECTOR_TUI_WORDS_H
#define CAPSCOPE_INSPECTOR_TUI_WORDS_H

#include "inspector-tui/session.h"

/* "frame 0x80123000 4K rw", a link to the object (or the slot, where there is no object). */
void words_slot(struct line *l, const struct sample *s, int32_t slot);
/* "guest/init cnode[14]", a link to the slot. */
void words_place(struct line *l, const struct sample *s, int32_t slot);
void words_object(struct line *l, const struct sample *s, int32_t object);
void words_thread(struct line *l, const struct sample *s, int32_t thread);
/* Its letter and name in its hue. */
void words_domain(struct line *l, const struct session *session, const struct sample *s,
                  int32_t domain);
/* Letters of the domains whose objects its capabilities refer to, "!" behind those where that is a
 * breach; "-" for none. */
void words_reaches(struct line *l, const struct session *session, const struct sample *s,
                   int32_t domain);
/* "G guest" for whoever owns the memory at addr; "kernel", "nobody". */
void words_owner(struct line *l, const struct session *session, const struct sample *s,
                 uint64_t addr);
void words_owner_of_object(struct line *l, const struct session *session, const struct sample *s,
                           int32_t object);
void words_address(struct line *l, const struct sample *s, uint64_t addr);
/* "running", "waits", ... of a thread. */
const char *words_thread_state(const struct record_thread *t);
const char *words_fault(const struct record_thread *t, char *buf, size_t size);
/* The thread at whose end of an endpoint or reply `thread` waits, -1: nobody can tell. */
int32_t words_partner(const struct sample *s, int32_t thread);
/* "waits to send on endpoint 0x…, 2nd in the queue", with links. */
void words_waits(struct line *l, const struct sample *s, int32_t thread);
/* The thing at the first address in a text (0x...) that leads anywhere; REF_NONE: there is none. */
struct ref words_first_ref(const struct sample *s, const char *text, size_t length);
/* A style for the sign of a change. */
enum style words_sign(enum sign sign);

/* A thing in a few letters: an address, a name, "" where it has none. Returns buf. */
char *ref_text(const struct session *session, const struct ref *r, char *buf, size_t size);

#endif
