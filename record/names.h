/* Names of what records hold, as people and files spell them: "slot", "untyped", "receive"...
 * "?" for values that have none. */
#ifndef CAPSCOPE_RECORD_NAMES_H
#define CAPSCOPE_RECORD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

const char *record_kind_name(uint32_t kind);
const char *record_cap_name(uint32_t type);
const char *record_tcb_slot_name(uint32_t index);
const char *event_kind_name(uint32_t kind);
const char *thread_state_name(uint32_t state);
/* As lists show it: what a processor runs is "current", whatever state it entered that in. */
const char *thread_shown_name(uint32_t state, bool current);
const char *fault_name(uint32_t fault);
const char *audit_rule_sentence(uint32_t rule);

/* Rights of a capability, only those that mean something for its type: "rw", "rwgp", "-". Returns
 * buf. */
char *record_rights_text(uint32_t type, uint32_t rights, char buf[5]);
/* What a translation allows: "rw", "rwx", "-". Returns buf. */
char *record_access_text(uint32_t rights, char buf[4]);

#endif
