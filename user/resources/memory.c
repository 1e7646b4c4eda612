/* Memory of a client: 64 KiB pieces of its untypeds, each for objects of one kind at a time.
 *
 * A piece is cut once and stays an untyped of 64 KiB for ever; when its last object is freed it is
 * revoked, which empties it, and it can serve another kind. */
#include "user/resources/resources.h"

static struct chunk chunks[MAX_CHUNKS]; /* index 0 means none */

static const struct {
    uint8_t type; /* of the kernel's Retype */
    uint8_t bits;
    uint8_t radix;
} kinds[RESOURCE_KINDS] = {
    [RESOURCE_FRAME] = {OBJECT_FRAME_4K, 12, 0},
    [RESOURCE_THREAD] = {OBJECT_TCB, 9, 0},
    [RESOURCE_TABLE] = {OBJECT_PAGE_TABLE, 10, 0},
    [RESOURCE_DIRECTORY] = {OBJECT_PAGE_DIRECTORY, 14, 0},
    [RESOURCE_CSPACE] = {OBJECT_CNODE, USER_CSPACE_RADIX + 4, USER_CSPACE_RADIX},
};

static word_t capacity(enum resource_kind kind)
{
    return (word_t)1 << (CHUNK_BITS - kinds[kind].bits);
}

void memory_start(struct client *c, struct share share)
{
    c->chunk = share;
    for (word_t i = share.first; i < share.end; i++)
        chunks[i] = (struct chunk){0};
}

/* A piece from the client's i-th untyped; false: that, or the client's share of pieces, has no more. */
static bool chunk_cut(struct client *c, word_t i)
{
    word_t k = c->chunk.next;
    if (k == c->chunk.end ||
        untyped_retype(own_slot(c, OWN_UNTYPED + i), OBJECT_UNTYPED, CHUNK_BITS, INIT_CNODE, 0, 0,
                       CHUNKS + k, 1) != SEL4_NO_ERROR)
        return false;
    c->chunk.next++;
    chunks[k].next = (uint16_t)c->chunk.free;
    c->chunk.free = k;
    return true;
}

void memory_cut(struct client *c)
{
    for (word_t i = 0; i < c->given->untyped_count; i++)
        while (chunk_cut(c, i))
            ;
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
    cnode_revoke(INIT_CNODE, CHUNKS + i, 32); /* nothing is there when the client was ended */
    for (word_t h = chunks[i].free, n = 0; h != NONE && n < MAX_HANDLES; n++) {
        word_t next = objects[h].next;
        handles_give(c, h);
        h = next;
    }
    chunks[i].next = (uint16_t)c->chunk.free;
    c->chunk.free = i;
}

/* A piece that was left empty for its kind is free for another one. */
static void chunk_spare(struct client *c)
{
    for (word_t kind = 0; kind < RESOURCE_KINDS; kind++)
        for (word_t i = c->open[kind], n = 0; i != NONE && n < MAX_CHUNKS; n++, i = chunks[i].next)
            if (chunks[i].used == 0) {
                chunk_close(c, i);
                return;
            }
}

static word_t chunk_open(struct client *c, enum resource_kind kind)
{
    if (c->chunk.free == NONE)
        chunk_spare(c);
    word_t i = c->chunk.free;
    if (i == NONE)
        return NONE;
    c->chunk.free = chunks[i].next;
    chunks[i] = (struct chunk){.kind = (uint8_t)kind,
                               .client = (uint8_t)client_number(c),
                               .next = (uint16_t)c->open[kind]};
    c->open[kind] = i;
    return i;
}

static void chunk_uses(struct client *c, word_t i, word_t objects_of_it)
{
    if (chunks[i].used == 0)
        c->chunks++;
    chunks[i].used = (uint16_t)(chunks[i].used + objects_of_it);
}

/* --- threads, tables, directories and their CSpaces --- */

static word_t make(struct client *c, word_t i, enum resource_result *why)
{
    enum resource_kind kind = chunks[i].kind;
    word_t h = handles_take(c, 1, why);
    if (h == NONE)
        return NONE;
    if (untyped_retype(CHUNKS + i, kinds[kind].type, kinds[kind].radix, INIT_CNODE, 0, 0,
                       handle_slot(h), 1)) {
        handles_give(c, h);
        *why = RESOURCE_KERNEL;
        return NONE;
    }
    chunks[i].made++;
    return h;
}

/* A directory needs an ASID of the client's pool, which may have none left. */
static enum resource_result prepare(struct client *c, enum resource_kind kind, word_t h)
{
    if (kind == RESOURCE_THREAD)
        return thread_prepare(c, h);
    if (kind == RESOURCE_CSPACE)
        return cspace_prepare(c, h);
    if (kind != RESOURCE_DIRECTORY)
        return RESOURCE_OK;
    enum syscall_error e = invoke(own_slot(c, OWN_ASID_POOL), INV_ASID_POOL_ASSIGN, 1,
                                  handle_slot(h), 1, ASSIGN_WITH_USER_HELPERS, 0, 0);
    if (e == SEL4_DELETE_FIRST)
        return RESOURCE_QUOTA;
    return e == SEL4_NO_ERROR ? RESOURCE_OK : RESOURCE_KERNEL;
}

/* Its memory comes back with the piece. */
static void unmake(struct client *c, word_t i, word_t h)
{
    cnode_delete(INIT_CNODE, handle_slot(h), 32);
    handles_give(c, h);
    if (chunks[i].used == 0)
        chunk_close(c, i);
    else if (!chunk_has_room(&chunks[i]))
        chunk_leave(c, i);
}

static word_t make_usable(struct client *c, word_t i, enum resource_result *why)
{
    word_t h = make(c, i, why);
    if (h == NONE)
        return NONE;
    enum resource_result result = prepare(c, chunks[i].kind, h);
    if (result == RESOURCE_OK)
        return h;
    *why = result;
    unmake(c, i, h);
    return NONE;
}

/* One that was freed, or a new one. */
static word_t object_of_chunk(struct client *c, word_t i, enum resource_result *why)
{
    word_t h = chunks[i].free;
    if (h == NONE)
        return make_usable(c, i, why);
    chunks[i].free = objects[h].next;
    return h;
}

word_t memory_object(struct client *c, enum resource_kind kind, enum resource_result *why)
{
    word_t i = c->open[kind];
    if (i == NONE)
        i = chunk_open(c, kind);
    if (i == NONE) {
        *why = RESOURCE_MEMORY;
        return NONE;
    }
    word_t h = object_of_chunk(c, i, why);
    if (h == NONE)
        return NONE;
    chunk_uses(c, i, 1);
    if (!chunk_has_room(&chunks[i]))
        chunk_leave(c, i);
    objects[h] = (struct object){
        .kind = (uint8_t)kind, .client = (uint8_t)client_number(c), .chunk = (uint16_t)i};
    return h;
}

static void put_back(struct chunk *k, word_t h)
{
    objects[h].client = 0;
    objects[h].next = k->free;
    k->free = (uint16_t)h;
}

void memory_free(struct client *c, word_t h)
{
    word_t i = objects[h].chunk;
    struct chunk *k = &chunks[i];
    bool listed = chunk_has_room(k);
    put_back(k, h);
    if (--k->used == 0)
        c->chunks--;
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
    word_t i = chunk_open(c, RESOURCE_FRAME);
    if (i == NONE)
        return RESOURCE_MEMORY;
    word_t n = capacity(RESOURCE_FRAME);
    chunk_leave(c, i);
    if (untyped_retype(CHUNKS + i, OBJECT_FRAME_4K, 0, INIT_CNODE, 0, 0, handle_slot(h), n)) {
        chunk_close(c, i);
        return RESOURCE_KERNEL;
    }
    for (word_t k = 0; k < n; k++)
        objects[h + k] = (struct object){
            .kind = RESOURCE_FRAME, .client = (uint8_t)client_number(c), .chunk = (uint16_t)i};
    chunks[i].made = (uint16_t)n;
    chunk_uses(c, i, n);
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
    return (c->chunk.next - c->chunk.first - c->chunks) << CHUNK_BITS;
}
