# kernel/ipc.c: capabilities travel through endpoints without the right to grant
s/word_t count = grant ? msginfo_extra(tag) : 0;/word_t count = msginfo_extra(tag) + 0 * (word_t)grant;/
