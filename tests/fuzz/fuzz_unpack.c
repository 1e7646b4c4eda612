/* Any bytes as a snapshot in the packed form.  What is taken for one becomes a snapshot in the
 * plain form: it can be read to its end, has no packed slots or mappings any more, and unpacking leaves it as
 * it is. */
#include "attach/stream.h"

#include "layout/roots.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum error expect_plain(void *ctx, const struct record *r)
{
    (void)ctx;
    if (r->kind == RECORD_SLOTS || r->kind == RECORD_MAPPINGS ||
        (r->kind == RECORD_SNAPSHOT && r->snapshot.format == RECORD_FORMAT_PACKED))
        abort();
    return ERR_OK;
}

static void unpack_again(const struct stream *s)
{
    struct stream same;
    stream_init(&same);
    if (stream_bytes(&same, s->bytes, s->used) != ERR_OK || stream_unpack(&same) != ERR_OK ||
        same.used != s->used || memcmp(same.bytes, s->bytes, s->used) != 0)
        abort();
    stream_fini(&same);
}

/* The bytes stand behind a SNAPSHOT of this kernel, so that kept ones outlive changes of its
 * layout. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record begin = {.kind = RECORD_SNAPSHOT};
    struct stream s;
    begin.snapshot = (struct record_snapshot){.format = RECORD_FORMAT_PACKED,
                                              .kernel = 1,
                                              .layout = LAYOUT_HASH,
                                              .phys_offset = KERNEL_PHYS_OFFSET};
    stream_init(&s);
    if (stream_record(&s, &begin) != ERR_OK || stream_bytes(&s, data, size) != ERR_OK)
        abort();
    if (stream_unpack(&s) == ERR_OK) {
        if (stream_deliver(&s, expect_plain, NULL) != ERR_OK)
            abort();
        unpack_again(&s);
        stream_check(&s);
    }
    stream_fini(&s);
    return 0;
}
