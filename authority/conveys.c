/* The table of capability types: see conveys.h. */
#include "authority/conveys.h"

struct row {
    bool known;
    bool exclusive; /* shared by two domains: a breach */
    bool entity;    /* holds capabilities or translations, or acts */
    enum authority_conveys conveys;
};

/* Threads have breaches of their own (foreign-tcb), and so has untyped memory (foreign-cover). */
static const struct row rows[] = {
    [RECORD_CAP_NULL] = {true, false, false, CONVEYS_NOTHING},
    [RECORD_CAP_UNTYPED] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_ENDPOINT] = {true, false, false, CONVEYS_CHANNEL},
    [RECORD_CAP_NOTIFICATION] = {true, false, false, CONVEYS_FLOW},
    [RECORD_CAP_REPLY] = {true, false, false, CONVEYS_REPLY},
    [RECORD_CAP_CNODE] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_TCB] = {true, false, true, CONVEYS_CONTROL},
    [RECORD_CAP_ZOMBIE] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_FRAME] = {true, false, false, CONVEYS_FLOW},
    [RECORD_CAP_PAGE_TABLE] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_PAGE_DIRECTORY] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_ASID_POOL] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_IRQ_CONTROL] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_IRQ_HANDLER] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_ASID_CONTROL] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_DOMAIN] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_INVALID] = {true, false, false, CONVEYS_NOTHING},
    /* time: who has it decides who runs, not who may do what */
    [RECORD_CAP_SCHED_CONTEXT] = {true, false, false, CONVEYS_FLOW},
    [RECORD_CAP_SCHED_CONTROL] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_REPLY_OBJECT] = {true, false, false, CONVEYS_REPLY},
    [RECORD_CAP_VCPU] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_SMC] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_SGI_SIGNAL] = {true, false, false, CONVEYS_FLOW},
    [RECORD_CAP_IO_PORT] = {true, false, false, CONVEYS_FLOW},
    [RECORD_CAP_IO_PORT_CONTROL] = {true, true, true, CONVEYS_CONTROL},
    /* what a device may do to memory is its holder's to say */
    [RECORD_CAP_IO_SPACE] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_IO_TABLE] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_EPT_TABLE] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_EPT_ROOT] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_SID_CONTROL] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_SID] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_CB_CONTROL] = {true, true, true, CONVEYS_CONTROL},
    [RECORD_CAP_CB] = {true, true, true, CONVEYS_CONTROL},
};

static const struct row *row_of(uint32_t type)
{
    static const struct row stranger = {false, true, true, CONVEYS_CONTROL};
    bool known = type < sizeof(rows) / sizeof(*rows) && rows[type].known;
    return known ? &rows[type] : &stranger;
}

enum authority_conveys authority_conveys(uint32_t type)
{
    return row_of(type)->conveys;
}

bool authority_knows_type(uint32_t type)
{
    return row_of(type)->known;
}

bool authority_type_is_exclusive(uint32_t type)
{
    return row_of(type)->exclusive;
}

bool authority_type_is_entity(uint32_t type)
{
    return row_of(type)->entity;
}

bool authority_leads_on(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_UNTYPED:
    case RECORD_CAP_CNODE:
    case RECORD_CAP_TCB:
    case RECORD_CAP_ZOMBIE:
    case RECORD_CAP_REPLY:
    case RECORD_CAP_REPLY_OBJECT:
        return true;
    default:
        return false;
    }
}
