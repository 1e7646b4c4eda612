/* The server's thread: who asks what, one request after the other. */
#include "user/resources/resources.h"

static struct client clients[HANDOVER_CLIENTS];
static word_t client_count;

word_t client_number(const struct client *c)
{
    return (word_t)(c - clients) + 1;
}

/* --- requests that are about memory alone --- */

static enum resource_result info(struct request *r)
{
    const struct client *c = r->client;
    word_t left = memory_left(c);
    r->mr[0] = left >> 12;
    r->mr[1] = left;
    r->mr[2] = c->frames;
    r->mr[3] = c->image;
    r->answer_words = 4;
    return RESOURCE_OK;
}

static enum resource_result answer_handle(struct request *r, word_t h, enum resource_result why)
{
    r->mr[0] = h;
    r->answer_words = 1;
    return h == NONE ? why : RESOURCE_OK;
}

static enum resource_result frames(struct request *r)
{
    enum resource_result why = RESOURCE_UNKNOWN;
    word_t count = r->mr[0];
    if (count == 0 || count > RESOURCE_FRAMES_AT_ONCE || count % 16 != 0)
        return RESOURCE_UNKNOWN;
    return answer_handle(r, memory_frames(r->client, count, &why), why);
}

static enum resource_result directory(struct request *r)
{
    enum resource_result why = RESOURCE_UNKNOWN;
    word_t h = directory_make(r->client, &why);
    if (h == NONE)
        return why;
    r->mr[0] = h;
    r->mr[1] = directory_badge(h);
    r->answer_words = 2;
    return RESOURCE_OK;
}

static enum resource_result object(struct request *r)
{
    enum resource_result why = RESOURCE_UNKNOWN;
    enum resource_kind kind = (enum resource_kind)r->mr[0];
    if (kind != RESOURCE_THREAD && kind != RESOURCE_TABLE && kind != RESOURCE_DIRECTORY)
        return RESOURCE_UNKNOWN;
    if (kind == RESOURCE_DIRECTORY)
        return directory(r);
    word_t h = memory_object(r->client, kind, &why);
    if (h == NONE || kind != RESOURCE_TABLE)
        return answer_handle(r, h, why);
    why = table_place(r->client, h, r->mr[1], r->mr[2]);
    if (why == RESOURCE_OK)
        return answer_handle(r, h, why);
    memory_free(r->client, h);
    return why;
}

static enum resource_result stop_using(struct client *c, word_t h, struct object *o)
{
    switch (o->kind) {
    case RESOURCE_FRAME:
        if (o->count != 0 || o->chunk == NONE)
            return RESOURCE_BUSY;
        frame_forget_mappings(c, o, MAX_HANDLES);
        c->frames--;
        return RESOURCE_OK;
    case RESOURCE_THREAD:
        return invoke(handle_slot(h), INV_TCB_SUSPEND, 0, 0, 0, 0, 0, 0) ? RESOURCE_KERNEL
                                                                         : RESOURCE_OK;
    case RESOURCE_TABLE:
        return table_take(o, h);
    case RESOURCE_DIRECTORY:
        return directory_take(c, o);
    default:
        return RESOURCE_HANDLE;
    }
}

static enum resource_result free_object(struct request *r)
{
    word_t h = r->mr[0];
    if (h == NONE || h >= MAX_HANDLES || objects[h].client != client_number(r->client))
        return RESOURCE_HANDLE;
    enum resource_result result = stop_using(r->client, h, &objects[h]);
    if (result == RESOURCE_OK)
        memory_free(r->client, h);
    return result;
}

/* --- who asks what --- */

static const struct {
    enum resource_result (*serve)(struct request *r);
    word_t words; /* of the message at least */
} requests[] = {
    [RESOURCE_INFO] = {info, 0},
    [RESOURCE_FRAMES] = {frames, 1},
    [RESOURCE_OBJECT] = {object, 3},
    [RESOURCE_FREE] = {free_object, 1},
    [RESOURCE_MAP] = {resource_map, 3},
    [RESOURCE_UNMAP] = {resource_unmap, 1},
    [RESOURCE_PROTECT] = {resource_protect, 2},
    [RESOURCE_THREAD_SPACE] = {resource_thread_space, 2},
    [RESOURCE_THREAD_WRITE] = {resource_thread_write, 2},
    [RESOURCE_THREAD_READ] = {resource_thread_read, 2},
    [RESOURCE_THREAD_SUSPEND] = {resource_thread_suspend, 1},
    [RESOURCE_THREAD_RESUME] = {resource_thread_resume, 1},
    [RESOURCE_THREAD_TLS] = {resource_thread_tls, 2},
    [RESOURCE_THREAD_NAME] = {resource_thread_name, 2},
    [RESOURCE_UNIFY] = {resource_unify, 3},
};

static enum resource_result serve(struct request *r, word_t badge, word_t label)
{
    if (badge == 0 || badge > client_count || label >= sizeof(requests) / sizeof(*requests) ||
        !requests[label].serve || r->words < requests[label].words)
        return RESOURCE_UNKNOWN;
    r->client = &clients[badge - 1];
    return r->client->present ? requests[label].serve(r) : RESOURCE_KERNEL;
}

/* --- clients that begin and end --- */

static bool take(cptr_t slot, word_t shelf)
{
    return cnode_move(INIT_CNODE, slot, 32, HANDOVER_SHELF, shelf, HANDOVER_SHELF_RADIX) ==
           SEL4_NO_ERROR;
}

/* The pages of its image are the client's to map again, under handles of their own. */
static bool take_image(struct client *c)
{
    enum resource_result why;
    c->image = handles_take(c, c->given->image_count, &why);
    for (word_t i = 0; c->image != NONE && i < c->given->image_count; i++) {
        if (!take(handle_slot(c->image + i), c->given->image + i))
            return false;
        objects[c->image + i] =
            (struct object){.kind = RESOURCE_FRAME, .client = (uint8_t)client_number(c)};
    }
    return c->image != NONE;
}

static bool take_objects(struct client *c)
{
    const struct handover_client *g = c->given;
    bool taken = take(own_slot(c, OWN_VSPACE), g->vspace) &&
                 take(own_slot(c, OWN_FAULTS), g->faults) &&
                 take(own_slot(c, OWN_ASID_POOL), g->asid_pool) && g->untyped_count <= OWN_UNTYPEDS;
    for (word_t i = 0; taken && i < g->untyped_count; i++)
        taken = take(own_slot(c, OWN_UNTYPED + i), g->untyped + i);
    return taken;
}

static struct share share_of(word_t total, word_t k)
{
    word_t each = (total - 1) / client_count;
    return (struct share){1 + k * each, 1 + (k + 1) * each, 1 + k * each, NONE};
}

/* Nothing of what was made for it is in the slots any more: the manager took its memory back. */
static void client_forget(word_t k)
{
    struct client *c = &clients[k];
    *c = (struct client){.given = c->given};
    handles_start(c, share_of(MAX_HANDLES, k));
    memory_start(c, share_of(MAX_CHUNKS, k));
}

static void client_begin(word_t k)
{
    struct client *c = &clients[k];
    client_forget(k);
    c->present = take_objects(c) && take_image(c);
    if (c->present)
        memory_cut(c);
    else
        user_print("resources/server: what %s needs is not there\n", c->given->name);
}

/* The manager's news, and no request. */
static void hear(word_t badges)
{
    for (word_t k = 0; k < client_count; k++) {
        if (badges & (word_t)HANDOVER_BADGE_ENDED << k)
            client_forget(k);
        if (badges & (word_t)HANDOVER_BADGE_BEGUN << k)
            client_begin(k);
    }
}

/* --- one request after the other --- */

static void answer(struct request *r, struct ipc_regs *m)
{
    r->words = msginfo_length(m->tag);
    r->answer_words = 0;
    for (word_t i = 0; i < MSG_REGISTERS; i++)
        r->mr[i] = m->mr[i];
    enum resource_result result = serve(r, m->badge, msginfo_label(m->tag));
    word_t words = result == RESOURCE_OK ? r->answer_words : 0;
    *m = ipc_reply_recv(HANDOVER_RESOURCES, msginfo_make(result, 0, 0, words), r->mr);
}

static _Noreturn void serve_for_ever(void)
{
    struct request r = {.buffer = user_ipc_buffer()};
    struct ipc_regs m = ipc_recv(HANDOVER_RESOURCES);
    for (;;) {
        while (m.badge >= HANDOVER_BADGE_ENDED) {
            hear(m.badge);
            m = ipc_recv(HANDOVER_RESOURCES);
        }
        answer(&r, &m);
    }
}

void user_main(const struct bootinfo *info)
{
    const struct handover *h = (const struct handover *)((vaddr_t)info + 4096);
    if (info->extra_len < sizeof(*h) || h->id != HANDOVER_ID)
        user_fail("resources: nothing was handed over");
    client_count = h->clients < HANDOVER_CLIENTS ? h->clients : HANDOVER_CLIENTS;
    for (word_t i = 0; i < client_count; i++)
        clients[i].given = &h->client[i];
    user_print("resources/server: %u clients\n", client_count);
    serve_for_ever();
}
