/* Keyframes: the rows of a table that hold in some snapshots, so that one snapshot of a long
 * recording is read in the time of a short one (docs/database.md, Keyframes). */
#ifndef CAPSCOPE_CAPDB_KEYFRAME_H
#define CAPSCOPE_CAPDB_KEYFRAME_H

#include "capdb/store.h"

/* The table's column kind: that of the rows, or one of these, which are sparse. */
enum { KEYFRAME_SPARSE_CAPS = ROW_KINDS, KEYFRAME_SPARSE_OBJECTS, KEYFRAME_LISTS };
/* Frames of usual sizes have from so many bits to so many. */
enum { FRAME_BITS_MIN = 12, FRAME_BITS_MAX = 25 };

/* Where rows lie that may hold in a snapshot; those that do not are still among them. */
struct held {
    bool listed;          /* in rows, ascending; else anywhere up to last */
    int64_t last;         /* also of the tail; INT64_MAX: not known */
    struct key_list rows; /* of the file's own table: the tail is not in it */
    size_t room;
};
/* For a kind and snapshot n; sparse: without frames of usual sizes, and of capabilities without those to
 * frames whose address and size are the object's, of which most systems have most. ERR_CORRUPT: a
 * keyframe is none. On success held_free() is due. */
enum error held_rows(struct capdb *db, enum row_kind kind, bool sparse, uint32_t n,
                     struct held *out);
void held_free(struct held *h);

/* The recorder, when everything is merged: keyframes of the newest snapshot for kinds for which they
 * are due; a transaction of its own. */
enum error keyframes_put(struct capdb *db);
/* A file that is continued: up to which rows it has some. */
enum error keyframes_resume(struct capdb *db);
/* A file that was written row by row, inside its transaction: all that a recorder would have put. */
enum error keyframes_make(struct capdb *db);

/* Do they say what the tables say? A sentence for each kind for which they do not. Anything but
 * ERR_OK: that could not be found out. */
enum error keyframes_verify(struct capdb *db, capdb_report report, void *ctx);

#endif
