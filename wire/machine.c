/* The state of the machine in bytes.
 *
 *   0 version 1   1 flags   2 reason   3 condition   4 armed:2   6 lease:2
 *   8 events:4   12 thread:4   16 event:4   20 slot:4   24 sentence ... */
#include "wire/machine.h"

#include "lib/bytes.h"

enum { VERSION = 1 };

void machine_state_put(const struct machine_state *s, uint8_t *payload)
{
    payload[0] = VERSION;
    payload[1] = (uint8_t)s->flags;
    payload[2] = (uint8_t)s->reason;
    payload[3] = (uint8_t)s->condition;
    put_le16(payload + 4, s->armed);
    put_le16(payload + 6, s->lease);
    put_le32(payload + 8, s->events);
    put_le32(payload + 12, s->thread);
    put_le32(payload + 16, s->event);
    put_le32(payload + 20, s->slot);
}

bool machine_state_get(const uint8_t *payload, uint32_t len, struct machine_state *out)
{
    if (len < MACHINE_STATE_BYTES || payload[0] != VERSION)
        return false;
    *out = (struct machine_state){
        .flags = payload[1],
        .reason = payload[2],
        .condition = payload[3],
        .armed = get_le16(payload + 4),
        .lease = get_le16(payload + 6),
        .events = get_le32(payload + 8),
        .thread = get_le32(payload + 12),
        .event = get_le32(payload + 16),
        .slot = get_le32(payload + 20),
    };
    return true;
}
