/* Names, from the lists of record/vocabulary.h. */
#include "record/names.h"

#include "record/record.h"

#define X(value, NAME, text)                                                                       \
    case value:                                                                                    \
        return text;

const char *record_cap_name(uint32_t type)
{
    switch (type) {
        RECORD_CAP_LIST(X)
    default:
        return "?";
    }
}

const char *record_tcb_slot_name(uint32_t index)
{
    switch (index) {
        RECORD_TCB_SLOT_LIST(X)
    default:
        return "?";
    }
}

const char *thread_state_name(uint32_t state)
{
    switch (state) {
        RECORD_THREAD_STATE_LIST(X)
    default:
        return "?";
    }
}

const char *fault_name(uint32_t fault)
{
    switch (fault) {
        RECORD_FAULT_LIST(X)
    default:
        return "?";
    }
}

const char *audit_rule_sentence(uint32_t rule)
{
    switch (rule) {
        AUDIT_RULE_LIST(X)
    default:
        return "?";
    }
}
#undef X

const char *record_kind_name(uint32_t kind)
{
    switch (kind) {
#define X(value, NAME, name)                                                                       \
    case value:                                                                                    \
        return #name;
        RECORD_LIST(X)
#undef X
    default:
        return "?";
    }
}

const char *event_kind_name(uint32_t kind)
{
    switch (kind) {
#define X(value, NAME, text, detail)                                                               \
    case value:                                                                                    \
        return text;
        RECORD_EVENT_LIST(X)
#undef X
    default:
        return "?";
    }
}
