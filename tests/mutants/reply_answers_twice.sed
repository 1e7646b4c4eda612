# kernel/endpoint.c: a reply capability stays after the reply
/^void reply_deliver/,/^}/s/^    slot_delete_now(slot);$/    (void)slot;/
