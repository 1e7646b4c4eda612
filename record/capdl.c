/* The vocabulary of capDL. */
#include "record/capdl.h"

#include "lib/format.h"

static const char *const prefixes[RECORD_CAP_TYPES] = {
    [RECORD_CAP_UNTYPED] = "ut",       [RECORD_CAP_ENDPOINT] = "ep",
    [RECORD_CAP_NOTIFICATION] = "ntf", [RECORD_CAP_CNODE] = "cn",
    [RECORD_CAP_TCB] = "tcb",          [RECORD_CAP_FRAME] = "fr",
    [RECORD_CAP_PAGE_TABLE] = "pt",    [RECORD_CAP_PAGE_DIRECTORY] = "pd",
    [RECORD_CAP_ASID_POOL] = "ap",     [RECORD_CAP_IRQ_HANDLER] = "irq",
    [RECORD_CAP_SCHED_CONTEXT] = "sc", [RECORD_CAP_REPLY_OBJECT] = "rr",
    [RECORD_CAP_VCPU] = "vcpu",        [RECORD_CAP_SMC] = "smc",
    [RECORD_CAP_SGI_SIGNAL] = "sgi",   [RECORD_CAP_IO_PORT] = "io",
};

bool capdl_is_object(uint32_t type)
{
    return type < RECORD_CAP_TYPES && prefixes[type];
}

char *capdl_name(char buf[CAPDL_NAME], uint32_t type, record_word_t object, uint32_t bits)
{
    const char *prefix = capdl_is_object(type) ? prefixes[type] : "tcb";
    if (type == RECORD_CAP_UNTYPED)
        format_string(buf, CAPDL_NAME, "ut_%08lx_%u", (unsigned long)object, bits);
    else if (type == RECORD_CAP_IRQ_HANDLER)
        format_string(buf, CAPDL_NAME, "irq_%lu", (unsigned long)object);
    else
        format_string(buf, CAPDL_NAME, "%s_%08lx", prefix, (unsigned long)object);
    return buf;
}

const char *capdl_global(uint32_t type)
{
    switch (type) {
    case RECORD_CAP_IRQ_CONTROL:
        return "irq_control";
    case RECORD_CAP_ASID_CONTROL:
        return "asid_control";
    case RECORD_CAP_DOMAIN:
        return "domain";
    case RECORD_CAP_SCHED_CONTROL:
        return "sched_control";
    default:
        return NULL;
    }
}

const char *capdl_tcb_slot(uint32_t index)
{
    static const char *const names[RECORD_TCB_SLOTS] = {
        "cspace",          "vspace",        "reply_slot",        "caller_slot",
        "ipc_buffer_slot", "fault_ep_slot", "temp_fault_ep_slot"};
    return index < RECORD_TCB_SLOTS && names[index] ? names[index] : "?";
}

const char *capdl_frame_size(uint32_t bits)
{
    return bits == 12 ? "4k" : bits == 16 ? "64k" : bits == 20 ? "1M" : "16M";
}

static void rights_and_badge(char buf[CAPDL_PARAMETERS], uint32_t rights, record_word_t badge)
{
    char number[32] = "";
    if (rights == 0 && badge == 0)
        return;
    if (badge != 0)
        format_string(number, sizeof(number), "%sbadge: 0x%lx", rights ? ", " : "",
                      (unsigned long)badge);
    format_string(buf, CAPDL_PARAMETERS, " (%s%s%s%s%s)", rights & RECORD_RIGHT_READ ? "R" : "",
                  rights & RECORD_RIGHT_WRITE ? "W" : "", rights & RECORD_RIGHT_GRANT ? "G" : "",
                  rights & RECORD_RIGHT_GRANT_REPLY ? "P" : "", number);
}

char *capdl_parameters(char buf[CAPDL_PARAMETERS], const struct record_slot *r)
{
    buf[0] = '\0';
    switch (r->type) {
    case RECORD_CAP_ENDPOINT:
    case RECORD_CAP_NOTIFICATION:
        rights_and_badge(buf, r->rights, r->data);
        break;
    case RECORD_CAP_FRAME:
        rights_and_badge(buf, r->rights & (RECORD_RIGHT_READ | RECORD_RIGHT_WRITE), 0);
        break;
    case RECORD_CAP_CNODE:
        format_string(buf, CAPDL_PARAMETERS, " (guard: 0x%lx, guard_size: %lu)",
                      (unsigned long)r->data, (unsigned long)r->extra);
        break;
    case RECORD_CAP_SMC:
        rights_and_badge(buf, 0, r->data);
        break;
    case RECORD_CAP_SCHED_CONTROL:
        format_string(buf, CAPDL_PARAMETERS, " (core: %lu)", (unsigned long)r->data);
        break;
    case RECORD_CAP_REPLY:
        format_string(buf, CAPDL_PARAMETERS, " (%sreply)",
                      r->flags & RECORD_SLOT_MASTER ? "master_" : "");
        break;
    case RECORD_CAP_PAGE_TABLE:
    case RECORD_CAP_PAGE_DIRECTORY:
        if (r->extra != 0)
            format_string(buf, CAPDL_PARAMETERS, " (asid: (0x%lx, 0x%lx))",
                          (unsigned long)r->extra >> CAPDL_ASID_LOW_BITS,
                          (unsigned long)r->extra & ((1u << CAPDL_ASID_LOW_BITS) - 1));
        break;
    default:
        break;
    }
    return buf;
}
