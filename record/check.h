/* Is a stream of records one whole snapshot?  Begins with SNAPSHOT, ends with END, and has as many
 * records between as END says. */
#ifndef CAPSCOPE_RECORD_CHECK_H
#define CAPSCOPE_RECORD_CHECK_H

#include "record/record.h"

struct record_check {
    uint32_t kinds[RECORD_KINDS];
    uint32_t records; /* of all kinds, unknown ones too */
    bool ended;
    struct record_end end;
};

void record_check_begin(struct record_check *c);
/* ERR_FORMAT: a record where none can be; ERR_VERSION: another format than the plain ones. */
enum error record_check_add(struct record_check *c, const struct record *r);
/* A record of a kind that this program does not know. */
void record_check_skip(struct record_check *c);
/* ERR_TRUNCATED when END is missing or counts other records than came. */
enum error record_check_end(const struct record_check *c);

#endif
