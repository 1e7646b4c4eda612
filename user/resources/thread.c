/* Threads of a client: in a directory of its own and the small CSpace that belongs to that, at the
 * priority it may give, with the registers it wants. */
#include "user/resources/resources.h"

enum { GUARD = (32 - USER_CSPACE_RADIX) << 3 };

/* --- a directory and its CSpace, which has the endpoint for faults and nothing else --- */

static word_t badge_of(word_t cspace)
{
    return HANDOVER_BADGE_FAULT + cspace;
}

enum resource_result cspace_prepare(struct client *c, word_t h)
{
    enum syscall_error e =
        cnode_mint(handle_slot(h), USER_FAULTS, USER_CSPACE_RADIX, INIT_CNODE,
                   own_slot(c, OWN_FAULTS), 32, RIGHT_WRITE | RIGHT_GRANT_REPLY, badge_of(h));
    return e == SEL4_NO_ERROR ? RESOURCE_OK : RESOURCE_KERNEL;
}

word_t directory_make(struct client *c, enum resource_result *why)
{
    word_t h = memory_object(c, RESOURCE_DIRECTORY, why);
    if (h == NONE)
        return NONE;
    word_t cspace = memory_object(c, RESOURCE_CSPACE, why);
    if (cspace == NONE) {
        memory_free(c, h);
        return NONE;
    }
    objects[h].parent = (uint16_t)cspace;
    return h;
}

enum resource_result directory_take(struct client *c, struct object *directory)
{
    if (directory->count != 0)
        return RESOURCE_BUSY;
    memory_free(c, directory->parent);
    return RESOURCE_OK;
}

word_t directory_badge(word_t h)
{
    return badge_of(objects[h].parent);
}

/* --- threads --- */

enum resource_result thread_prepare(struct client *c, word_t h)
{
    enum syscall_error e = tcb_set_priority(handle_slot(h), INIT_TCB, c->given->priority);
    return e == SEL4_NO_ERROR ? RESOURCE_OK : RESOURCE_KERNEL;
}

enum resource_result resource_thread_space(struct request *r)
{
    cptr_t vspace;
    if (!handle_of(r->client, r->mr[0], RESOURCE_THREAD) ||
        !handle_of(r->client, r->mr[1], RESOURCE_DIRECTORY) ||
        !handle_space(r->client, r->mr[1], &vspace))
        return RESOURCE_HANDLE;
    enum syscall_error e = tcb_set_space(handle_slot(r->mr[0]), USER_FAULTS,
                                         handle_slot(objects[r->mr[1]].parent), GUARD, vspace);
    return e == SEL4_NO_ERROR ? RESOURCE_OK : RESOURCE_KERNEL;
}

/* The registers stand in the message where WriteRegisters wants them. */
enum resource_result resource_thread_write(struct request *r)
{
    word_t resume = r->mr[1] >> 8, count = r->mr[1] & 0xff;
    if (!handle_of(r->client, r->mr[0], RESOURCE_THREAD))
        return RESOURCE_HANDLE;
    if (count > CONTEXT_WORDS || r->words < count + 2)
        return RESOURCE_UNKNOWN;
    struct ipc_regs in = {handle_slot(r->mr[0]),
                          msginfo_make(INV_TCB_WRITE_REGISTERS, 0, 0, count + 2),
                          {resume != 0, count, r->mr[2], r->mr[3]}};
    return msginfo_label(syscall_raw(SYS_CALL, in).tag) == 0 ? RESOURCE_OK : RESOURCE_KERNEL;
}

/* The kernel's answer stands in the buffer and the registers where the client's answer does. */
enum resource_result resource_thread_read(struct request *r)
{
    word_t suspend = r->mr[1] >> 8, count = r->mr[1] & 0xff;
    if (!handle_of(r->client, r->mr[0], RESOURCE_THREAD))
        return RESOURCE_HANDLE;
    if (count == 0 || count > CONTEXT_WORDS)
        return RESOURCE_UNKNOWN;
    struct ipc_regs in = {handle_slot(r->mr[0]),
                          msginfo_make(INV_TCB_READ_REGISTERS, 0, 0, 2),
                          {suspend != 0, count}};
    struct ipc_regs out = syscall_raw(SYS_CALL, in);
    if (msginfo_label(out.tag) != 0)
        return RESOURCE_KERNEL;
    for (word_t i = 0; i < MSG_REGISTERS; i++)
        r->mr[i] = out.mr[i];
    r->answer_words = count;
    return RESOURCE_OK;
}

static enum resource_result simple(struct request *r, word_t label, word_t words, word_t w0)
{
    if (!handle_of(r->client, r->mr[0], RESOURCE_THREAD))
        return RESOURCE_HANDLE;
    return invoke(handle_slot(r->mr[0]), label, 0, 0, words, w0, 0, 0) == SEL4_NO_ERROR
               ? RESOURCE_OK
               : RESOURCE_KERNEL;
}

enum resource_result resource_thread_suspend(struct request *r)
{
    return simple(r, INV_TCB_SUSPEND, 0, 0);
}

enum resource_result resource_thread_resume(struct request *r)
{
    return simple(r, INV_TCB_RESUME, 0, 0);
}

enum resource_result resource_thread_tls(struct request *r)
{
    return simple(r, INV_TCB_SET_TLS_BASE, 1, r->mr[1]);
}

/* What a client calls its threads is shown behind its domain's name, which the manager gave. */
enum resource_result resource_thread_name(struct request *r)
{
    char name[HANDOVER_NAME + 4 * MSG_MAX_LENGTH];
    word_t at = 0;
    if (!handle_of(r->client, r->mr[0], RESOURCE_THREAD))
        return RESOURCE_HANDLE;
    for (const char *d = r->client->given->name; *d != 0 && at < HANDOVER_NAME; d++)
        name[at++] = *d;
    name[at++] = '/';
    for (word_t i = 1; i < r->words; i++) {
        word_t four = i < MSG_REGISTERS ? r->mr[i] : r->buffer[IPCBUF_MSG + i];
        for (word_t k = 0; k < 4; k++)
            name[at++] = (char)(four >> (8 * k));
    }
    name[at < sizeof(name) ? at : sizeof(name) - 1] = 0;
    if (user_has_debug_calls())
        debug_name_thread(handle_slot(r->mr[0]), name);
    return RESOURCE_OK;
}
