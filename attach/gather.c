/* Frames by their number; 16 bits of it bound the table. */
#include "attach/gather.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

void gather_init(struct gather *g)
{
    *g = (struct gather){0};
}

void gather_clear(struct gather *g)
{
    for (uint32_t i = 0; i < g->room; i++)
        free(g->frame[i].payload);
    free(g->frame);
    gather_init(g);
}

static enum error make_room(struct gather *g, uint32_t number)
{
    size_t before = g->room;
    struct gathered *grown = array_room(g->frame, number, &g->room, sizeof(*grown));
    if (!grown)
        return ERR_NO_MEMORY;
    memset(grown + before, 0, (g->room - before) * sizeof(*grown));
    g->frame = grown;
    return ERR_OK;
}

static bool differs(const struct gathered *old, const struct frame_decoder *frame)
{
    return old->length != frame->payload_len ||
           memcmp(old->payload, frame->payload, frame->payload_len) != 0;
}

enum error gather_put(struct gather *g, const struct frame_decoder *frame)
{
    uint32_t number = frame->sequence;
    enum error e = make_room(g, number);
    if (e != ERR_OK)
        return e;
    struct gathered *f = &g->frame[number];
    bool last = frame->kind == FRAME_SNAPSHOT_END;
    if ((f->payload && differs(f, frame)) || (last && g->total && g->total != number + 1)) {
        gather_clear(g);
        return ERR_CORRUPT;
    }
    if (last)
        g->total = number + 1;
    if (f->payload)
        return ERR_OK;
    f->payload = malloc(FRAME_PAYLOAD);
    if (!f->payload)
        return ERR_NO_MEMORY;
    memcpy(f->payload, frame->payload, frame->payload_len);
    f->length = frame->payload_len;
    g->here++;
    return ERR_OK;
}

bool gather_is_complete(const struct gather *g)
{
    return g->total != 0 && g->here == g->total;
}

enum error gather_deliver(const struct gather *g, struct stream *out)
{
    stream_clear(out);
    for (uint32_t i = 0; i < g->total; i++) {
        enum error e = stream_bytes(out, g->frame[i].payload, g->frame[i].length);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}
