/* Requests of a resource server, as a client makes them. */
#include "user/client/client.h"

word_t answer[MSG_REGISTERS];

enum resource_result ask(enum resource_request what, word_t words, word_t w0, word_t w1, word_t w2)
{
    struct ipc_regs r = ipc_call(HANDOVER_RESOURCES, msginfo_make(what, 0, 0, words),
                                 (const word_t[4]){w0, w1, w2});
    for (word_t i = 0; i < MSG_REGISTERS; i++)
        answer[i] = r.mr[i];
    return (enum resource_result)msginfo_label(r.tag);
}

word_t left(void)
{
    ask(RESOURCE_INFO, 0, 0, 0, 0);
    return answer[1];
}

word_t frames(word_t count)
{
    return ask(RESOURCE_FRAMES, 1, count, 0, 0) == RESOURCE_OK ? answer[0] : 0;
}

word_t object(enum resource_kind kind, word_t space, vaddr_t vaddr)
{
    return ask(RESOURCE_OBJECT, 3, kind, space, vaddr) == RESOURCE_OK ? answer[0] : 0;
}

enum resource_result map(word_t frame, word_t table, word_t rights, vaddr_t vaddr)
{
    return ask(RESOURCE_MAP, 3, frame, table << 16 | rights, vaddr);
}

enum resource_result give_back(word_t handle)
{
    return ask(RESOURCE_FREE, 1, handle, 0, 0);
}

bool reads(word_t frame, word_t table, vaddr_t vaddr)
{
    return map(frame, table, RW, vaddr) == RESOURCE_OK && *(volatile word_t *)vaddr == 0;
}
