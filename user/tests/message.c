/* Messages whose every word is known from a seed, so that a misplaced word is seen. */
#include "user/tests/tests.h"

word_t message_pattern(word_t seed, word_t i)
{
    return (seed + 1) * 0x9e3779b1u ^ i * 0x01000193u;
}

void message_fill(struct ipc_regs *r, word_t length, word_t seed)
{
    word_t *buffer = user_ipc_buffer();
    for (word_t i = 0; i < length; i++) {
        if (i < MSG_REGISTERS)
            r->mr[i] = message_pattern(seed, i);
        else
            buffer[IPCBUF_MSG + i] = message_pattern(seed, i);
    }
}

word_t message_errors(const struct ipc_regs *r, word_t length, word_t seed)
{
    const word_t *buffer = user_ipc_buffer();
    word_t errors = 0;
    for (word_t i = 0; i < length; i++) {
        word_t got = i < MSG_REGISTERS ? r->mr[i] : buffer[IPCBUF_MSG + i];
        errors += got != message_pattern(seed, i);
    }
    return errors;
}

void message_poison(void)
{
    word_t *buffer = user_ipc_buffer();
    for (word_t i = 0; i < MSG_MAX_LENGTH; i++)
        buffer[IPCBUF_MSG + i] = 0xbad00000 + i;
}

void receive_slot(cptr_t root, word_t index, word_t depth)
{
    word_t *buffer = user_ipc_buffer();
    buffer[IPCBUF_RECEIVE_CNODE] = root;
    buffer[IPCBUF_RECEIVE_INDEX] = index;
    buffer[IPCBUF_RECEIVE_DEPTH] = depth;
}
