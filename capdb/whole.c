/* Recordings that are made in one go: see capdb_begin_new(). */
#include "capdb/store.h"

#include "capdb/lock.h"
#include "capdb/outfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum error refuse(enum error e, char *message, const char *what, const char *who)
{
    snprintf(message, CAPDB_MESSAGE, "%s%.200s", what, who);
    return e;
}

/* Nobody's file is overwritten: neither one that is whole, nor one that somebody makes just now. */
static enum error check_name(const char *path, char *message)
{
    char holder[LOCK_HOLDER];
    char *name;
    if (access(path, F_OK) == 0)
        return refuse(ERR_REFUSED, message, "exists already", "");
    if (asprintf(&name, "%s-partial", path) < 0)
        return refuse(ERR_NO_MEMORY, message, "out of memory", "");
    bool held = lock_is_held(name, holder);
    free(name);
    return held ? refuse(ERR_REFUSED, message, "is being made by ", holder) : ERR_OK;
}

enum error capdb_begin_new(const char *path, const struct capdb_source *source,
                           struct capdb_new *out, char *message)
{
    enum error e = check_name(path, message);
    *out = (struct capdb_new){0};
    if (e != ERR_OK)
        return e;
    out->partial = partial_begin(path);
    if (!out->partial)
        return refuse(ERR_NO_MEMORY, message, "out of memory", "");
    e = capdb_create_from(partial_name(out->partial), source, &out->db, message);
    if (e != ERR_OK)
        capdb_end_new(out, e, message);
    else
        out->db->in_one = true;
    return e;
}

enum error capdb_end_new(struct capdb_new *new, enum error e, char *message)
{
    capdb_close(new->db);
    if (e != ERR_OK)
        partial_drop(new->partial);
    else if (!partial_keep(new->partial, true))
        e = refuse(ERR_IO, message, "cannot be put in its place: ", strerror(errno));
    *new = (struct capdb_new){0};
    return e;
}
