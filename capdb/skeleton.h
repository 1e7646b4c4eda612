/* A snapshot without frames: all that holds capabilities, or that leads to what does.
 *
 * Most capabilities of a system are to frames, and frames lead nowhere: no island, no domain and
 * nobody's home depends on one, and nothing but a frame derives from one.  So islands and homes of
 * the skeleton are those of the snapshot; who reads and writes what is not in it.  Frames that a
 * question is about are added.
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
    struct record heads[LOADING_HEADS];
    struct loading l;
    struct part_map caps;   /* by number: those that are there, once frames are added */
    struct part_map frames; /* by life: all capabilities to it are there */
};

enum error skeleton_begin(struct capdb *db, uint32_t n, bool mapped, struct skeleton *out);
/* Frames over an address, and the one to which the slot there refers. */
enum error skeleton_add_at(struct skeleton *k, uint64_t addr);
/* Frames that go when the root is revoked: those below it, and those in what ends by it. state: as
 * skeleton_state() gave it last; gone: what goes of it (facts/toll.h). */
enum error skeleton_add_revoked(struct skeleton *k, const struct capstate *state, int32_t root,
                                const bool *gone);
enum error skeleton_state(struct skeleton *k, struct capstate *out);
void skeleton_free(struct skeleton *k);

#endif
