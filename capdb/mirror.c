/* What the recorder remembers of the newest snapshot, taken from the file when it is continued. */
#include "capdb/recorder.h"

#include <stdlib.h>
#include <string.h>

void mirror_free(struct mirror *m)
{
    for (int k = 0; k < ROW_KINDS; k++)
        rowset_free(&m->sets[k]);
    free(m->caps);
    *m = (struct mirror){0};
}

static enum error take_state(struct capdb *db, struct mirror *m)
{
    struct capstate state;
    enum error e = capdb_load(db, db->count, &state);
    if (e != ERR_OK)
        return e;
    m->shape = capdb_shape(&state);
    m->snapshot = state.snapshot;
    capstate_free(&state);
    return ERR_OK;
}

enum error mirror_load(struct capdb *db, struct mirror *out)
{
    struct loading l = {.db = db, .n = db->count};
    *out = (struct mirror){0};
    if (db->count == 0)
        return ERR_OK;
    enum error e = take_state(db, out);
    if (e == ERR_OK)
        e = loading_rows(&l);
    if (e != ERR_OK) {
        loading_free(&l);
        return e;
    }
    out->caps = l.caps;
    out->cap_count = l.sets[ROW_CAP].count;
    l.caps = NULL;
    for (int k = 0; k < ROW_KINDS; k++) {
        rowset_sort(&l.sets[k]);
        out->sets[k] = l.sets[k];
        l.sets[k] = (struct rowset){0};
    }
    loading_free(&l);
    return ERR_OK;
}
