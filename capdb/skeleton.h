/* A snapshot without frames: all that holds capabilities, or that leads to what does.
 *
 * Most capabilities of a system are to frames, and frames lead nowhere: no island, no domain and
 * nobody's home depends on one, and nothing but a frame derives from one.  So islands and homes of
 * the skeleton are those of the snapshot; who reads and writes what is not in it.  Frames that a
 * question is about are added.
 *
 * Whoever asks who gets at what begins with skeleton_begin_edges(): then each edge of the graph of
 * authority between objects that are there is there, as in the whole, and in the same order, but for the
 * power to revoke frames.  No edge leads out of a frame, so that a way goes through one only where
 * information is followed, against a reader's edge; that is not answered from here.
 *
 * skeleton_begin(), skeleton_add_...(), skeleton_state(), any number of times; skeleton_free().
 * ERR_UNSUPPORTED: a frame is of an odd size or lies across other objects, so that without it they
 * would look nested in another way; or there is so much to add that the whole is read as quickly. */
#ifndef CAPSCOPE_CAPDB_SKELETON_H
#define CAPSCOPE_CAPDB_SKELETON_H

#include "capdb/part.h"

struct skeleton {
    struct capdb *db;
    uint32_t n;
    bool mapped; /* all translations are there; else those that show which tables there are */
    bool edges;
    struct record heads[LOADING_HEADS];
    struct loading l;
    struct part_map caps;   /* by number: those that are there, once frames are added */
    struct part_map frames; /* by life: all capabilities to it are there */
    struct key_list bases;  /* edges, if there are translations: of all frames address | bits */
};

enum error skeleton_begin(struct capdb *db, uint32_t n, bool mapped, struct skeleton *out);
/* The same with all translations; those to frames that are not there allow nothing. */
enum error skeleton_begin_edges(struct capdb *db, uint32_t n, struct skeleton *out);
/* Frames over an address, and the one to which the slot there refers. */
enum error skeleton_add_at(struct skeleton *k, uint64_t addr);
/* Frames that go when the root is revoked: those below it, and those in what ends by it. state: as
 * skeleton_state() gave it last; gone: what goes of it (facts/toll.h). */
enum error skeleton_add_revoked(struct skeleton *k, const struct capstate *state, int32_t root,
                                const bool *gone);
/* Frames to which marked objects hold capabilities, or which marked tables map; more may come along.
 * state: as skeleton_state() gave it last; mark: by object. */
enum error skeleton_add_held(struct skeleton *k, const struct capstate *state, const bool *mark);
/* Frames in marked untyped memory. */
enum error skeleton_add_inside(struct skeleton *k, const struct capstate *state, const bool *mark);
enum error skeleton_state(struct skeleton *k, struct capstate *out);
void skeleton_free(struct skeleton *k);

#endif
