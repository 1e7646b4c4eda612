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

const char *thread_shown_name(uint32_t state, bool current)
{
    return current ? "current" : thread_state_name(state);
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

/* The letters whose bits are set, "-" for none. */
static char *letters(const char *all, uint32_t bits, char *buf)
{
    char *at = buf;
    for (uint32_t i = 0; all[i] != '\0'; i++)
        if (bits & (1u << i))
            *at++ = all[i];
    if (at == buf)
        *at++ = '-';
    *at = '\0';
    return buf;
}

/* Reading stands first, as people write it; its bit is the second. */
static uint32_t read_first(uint32_t rights)
{
    return (rights & ~3u) | (rights & RECORD_RIGHT_READ ? 1 : 0) |
           (rights & RECORD_RIGHT_WRITE ? 2 : 0);
}

char *record_rights_text(uint32_t type, uint32_t rights, char buf[5])
{
    bool channel = type == RECORD_CAP_ENDPOINT;
    bool grants = channel || type == RECORD_CAP_REPLY || type == RECORD_CAP_REPLY_OBJECT;
    uint32_t shown = RECORD_RIGHT_READ | RECORD_RIGHT_WRITE |
                     (grants ? (uint32_t)RECORD_RIGHT_GRANT : 0) |
                     (channel ? (uint32_t)RECORD_RIGHT_GRANT_REPLY : 0);
    return letters("rwgp", read_first(rights & shown), buf);
}

char *record_access_text(uint32_t rights, char buf[4])
{
    return letters("rwx", read_first(rights), buf);
}
