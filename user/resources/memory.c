/* Memory of a client: 64 KiB pieces of its untypeds, each for objects of one kind at a time.
 *
 * A piece is cut once and stays an untyped of 64 KiB for ever; when its last object is freed it is
 * revoked, which empties it, and it can serve another kind. */
#include "user/resources/resources.h"

static struct chunk chunks[MAX_CHUNKS];
static word_t chunks_made = 1; /* index 0 means none */

static const struct {
    uint8_t type; /* of the kernel's Retype */
    uint8_t bits;
} kinds[RESOURCE_KINDS] = {
    [RESOURCE_FRAME] = {OBJECT_FRAME_4K, 12},
    [RESOURCE_THREAD] = {OBJECT_TCB, 9},
    [RESOURCE_TABLE] = {OBJECT_PAGE_TABLE, 10},
    [RESOURCE_DIRECTORY] = {OBJECT_PAGE_DIRECTORY, 14},
};

static word_t capacity(enum resource_kind kind)
{
    return (word_t)1 << (CHUNK_BITS - kinds[kind].bits);
}

void memory_start(struct client *c)
{
    c->next_source = 0;
    c->idle_chunk = NONE;
}

/* Cuts one more piece from the client's untypeds, in their order. */
static word_t chunk_cut(struct client *c)
{
    if (chunks_made == MAX_CHUNKS)
        return NONE;
    for (; c->next_source < c->given->untyped_count; c->next_source++)
        if (untyped_retype(c->given->untyped + c->next_source, OBJECT_UNTYPED, CHUNK_BITS,
                           INIT_CNODE, 0, 0, CHUNKS + chunks_made, 1) == SEL4_NO_ERROR)
            return chunks_made++;
    return NONE;
}

static word_t chunk_open(struct client *c, enum resource_kind kind, enum resource_result *why)
{
    word_t i = c->idle_chunk;
    if (c->chunks == c->quota_chunks) {
        *why = RESOURCE_QUOTA;
        return NONE;
    }
    if (i != NONE)
        c->idle_chunk = chunks[i].next;
    else
        i = chunk_cut(c);
    if (i == NONE) {
        *why = RESOURCE_MEMORY;
        return NONE;
    }
    c->chunks++;
    chunks[i] = (struct chunk){.kind = (uint8_t)kind,
                               .client = (uint8_t)client_number(c),
                               .next = (uint16_t)c->open[kind]};
    c->open[kind] = i;
    return i;
}

static bool chunk_has_room(const struct chunk *k)
{
    return k->free != NONE || k->made < capacity(k->kind);
}

/* Takes piece i out of the list of those with room. */
static void chunk_leave(struct client *c, word_t i)
{
    word_t at = c->open[chunks[i].kind];
    if (at == i) {
        c->open[chunks[i].kind] = chunks[i].next;
        return;
    }
    for (word_t n = 0; n < MAX_CHUNKS && at != NONE; n++, at = chunks[at].next)
        if (chunks[at].next == i) {
            chunks[at].next = chunks[i].next;
            return;
        }
}

/* The piece is empty: everything in it goes at once. */
static void chunk_close(struct client *c, word_t i)
{
    chunk_leave(c, i);
    user_check(cnode_revoke(INIT_CNODE, CHUNKS + i, 32));
    for (word_t h = chunks[i].free, n = 0; h != NONE && n < MAX_HANDLES; n++) {
        word_t next = objects[h].next;
        handles_give(c, h);
        h = next;
    }
    chunks[i].next = (uint16_t)c->idle_chunk;
    c->idle_chunk = i;
    c->chunks--;
}

static word_t make(struct client *c, word_t i, enum resource_result *why)
{
    enum resource_kind kind = chunks[i].kind;
    word_t h = handles_take(c, 1, why);
    if (h == NONE)
        return NONE;
    if (untyped_retype(CHUNKS + i, kinds[kind].type, 0, INIT_CNODE, 0, 0, handle_slot(h), 1)) {
        handles_give(c, h);
        *why = RESOURCE_KERNEL;
        return NONE;
    }
    chunks[i].made++;
    objects[h].chunk = (uint16_t)i;
    return h;
}

static bool fresh_is_usable(struct client *c, enum resource_kind kind, word_t h)
{
    if (kind == RESOURCE_DIRECTORY)
        return invoke(INIT_ASID_POOL, INV_ASID_POOL_ASSIGN, 1, handle_slot(h), 1,
                      ASSIGN_WITH_USER_HELPERS, 0, 0) == SEL4_NO_ERROR;
    return kind != RESOURCE_THREAD || thread_prepare(c, h) == RESOURCE_OK;
}

static void put_back(struct chunk *k, word_t h)
{
    objects[h].client = 0;
    objects[h].next = k->free;
    k->free = (uint16_t)h;
}

word_t memory_object(struct client *c, enum resource_kind kind, enum resource_result *why)
{
    word_t i = c->open[kind];
    if (i == NONE)
        i = chunk_open(c, kind, why);
    if (i == NONE)
        return NONE;
    struct chunk *k = &chunks[i];
    word_t h = k->free;
    if (h != NONE) {
        k->free = objects[h].next;
    } else {
        h = make(c, i, why);
        if (h == NONE)
            return NONE;
        if (!fresh_is_usable(c, kind, h)) {
            put_back(k, h);
            *why = RESOURCE_KERNEL;
            return NONE;
        }
    }
    k->used++;
    if (!chunk_has_room(k))
        chunk_leave(c, i);
    objects[h] = (struct object){
        .kind = (uint8_t)kind, .client = (uint8_t)client_number(c), .chunk = (uint16_t)i};
    return h;
}

void memory_free(struct client *c, word_t h)
{
    word_t i = objects[h].chunk;
    struct chunk *k = &chunks[i];
    bool listed = chunk_has_room(k);
    put_back(k, h);
    k->used--;
    if (!listed) {
        k->next = (uint16_t)c->open[k->kind];
        c->open[k->kind] = i;
    }
    /* one empty piece of a kind stays, so that a lone object coming and going costs no Revoke;
     * frames come by the piece */
    if (k->used == 0 && (k->kind == RESOURCE_FRAME || c->open[k->kind] != i || k->next != NONE))
        chunk_close(c, i);
}

/* A piece full of frames; their handles begin at h. */
static enum resource_result frames_of_chunk(struct client *c, word_t h)
{
    enum resource_result why = RESOURCE_OK;
    word_t i = chunk_open(c, RESOURCE_FRAME, &why);
    if (i == NONE)
        return why;
    word_t n = capacity(RESOURCE_FRAME);
    chunk_leave(c, i);
    if (untyped_retype(CHUNKS + i, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, handle_slot(h), n)) {
        chunk_close(c, i);
        return RESOURCE_KERNEL;
    }
    for (word_t k = 0; k < n; k++)
        objects[h + k] = (struct object){
            .kind = RESOURCE_FRAME, .client = (uint8_t)client_number(c), .chunk = (uint16_t)i};
    chunks[i].made = chunks[i].used = (uint16_t)n;
    return RESOURCE_OK;
}

static void frames_undo(struct client *c, word_t first, word_t made, word_t count)
{
    for (word_t k = 0; k < made; k++)
        memory_free(c, first + k);
    for (word_t k = made; k < count; k++)
        handles_give(c, first + k);
}

word_t memory_frames(struct client *c, word_t count, enum resource_result *why)
{
    word_t piece = capacity(RESOURCE_FRAME);
    word_t first = handles_take(c, count, why);
    if (first == NONE)
        return NONE;
    for (word_t k = 0; k < count; k += piece) {
        *why = frames_of_chunk(c, first + k);
        if (*why != RESOURCE_OK) {
            frames_undo(c, first, k, count);
            return NONE;
        }
    }
    c->frames += count;
    return first;
}

word_t memory_left(const struct client *c)
{
    return (c->quota_chunks - c->chunks) << CHUNK_BITS;
}
