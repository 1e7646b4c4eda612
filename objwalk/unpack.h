/* From the packed form of a snapshot (docs/record-format.md) to the plain one, record by record.
 * What is packed is a layout's business, so it is unpacked by the layout that SNAPSHOT names. */
#ifndef CAPSCOPE_OBJWALK_UNPACK_H
#define CAPSCOPE_OBJWALK_UNPACK_H

#include "lib/errors.h"
#include "record/record.h"

struct unpacker;

struct unpacker *unpacker_new(void); /* NULL: no memory */
void unpacker_free(struct unpacker *u);

/* Gives the plain records that stand for this one to the sink; what is plain already passes as it
 * is. ERR_FORMAT for records that cannot be a packed snapshot, ERR_LAYOUT or ERR_UNSUPPORTED for a
 * kernel whose slots this program cannot decode, ERR_NO_MEMORY, or what the sink returned. */
enum error unpacker_record(struct unpacker *u, const struct record *record, record_sink sink,
                           void *ctx);

/* Was the SNAPSHOT record that came packed? */
bool unpacker_is_packed(const struct unpacker *u);

#endif
