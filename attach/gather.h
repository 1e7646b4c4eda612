/* The frames of one stream, gathered from several sendings of it: what noise destroyed in one is
 * taken from another.  Only for streams that are the same byte for byte each time, those of a
 * kernel that stands still. */
#ifndef CAPSCOPE_ATTACH_GATHER_H
#define CAPSCOPE_ATTACH_GATHER_H

#include "attach/stream.h"
#include "wire/frame.h"

struct gather {
    struct gathered {
        uint8_t *payload; /* NULL: not here yet */
        uint32_t length;
    } * frame;
    size_t room;
    uint32_t here;
    uint32_t total; /* 0 until the last frame came */
};

void gather_init(struct gather *g);
void gather_clear(struct gather *g); /* forgets and frees everything */

/* Takes the frame that a decoder holds. ERR_CORRUPT when it differs from what came under its number
 * before: the stream is another one now, and all is forgotten. ERR_NO_MEMORY. */
enum error gather_put(struct gather *g, const struct frame_decoder *frame);
bool gather_is_complete(const struct gather *g);
/* The records of a complete stream. */
enum error gather_deliver(const struct gather *g, struct stream *out);

#endif
