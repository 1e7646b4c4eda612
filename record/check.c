/* Counting what END counts. */
#include "record/check.h"

void record_check_begin(struct record_check *c)
{
    *c = (struct record_check){.records = 0};
}

enum error record_check_add(struct record_check *c, const struct record *r)
{
    bool first = c->records == 0;
    if (first != (r->kind == RECORD_SNAPSHOT) || c->ended)
        return ERR_FORMAT;
    if (first && !record_format_is_plain(r->snapshot.format))
        return ERR_VERSION;
    c->records++;
    c->kinds[r->kind]++;
    if (r->kind == RECORD_END) {
        c->end = r->end;
        c->ended = true;
    }
    return ERR_OK;
}

void record_check_skip(struct record_check *c)
{
    c->records++;
}

enum error record_check_end(const struct record_check *c)
{
    bool agree = c->ended && c->end.slots == c->kinds[RECORD_SLOT] &&
                 c->end.threads == c->kinds[RECORD_THREAD] &&
                 c->end.mappings == c->kinds[RECORD_MAPPING] && c->end.records == c->records;
    return agree ? ERR_OK : ERR_TRUNCATED;
}
