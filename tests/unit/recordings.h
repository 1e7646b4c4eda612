/* Recordings for tests: a system that changes at random, the same again from its seed, and files
 * that go away with the test. */
#ifndef CAPSCOPE_TESTS_HOST_RECORDINGS_H
#define CAPSCOPE_TESTS_HOST_RECORDINGS_H

#include "capdb/capdb.h"
#include "tests/unit/state_builder.h"

enum { MODEL_SLOTS = 120, CNODE_BASE = 0x1000000, CNODE_BITS = 12, THREADS = 3 };

struct changing {
    uint32_t seed;
    uint32_t count;
    struct record_slot slots[MODEL_SLOTS]; /* derivation order */
    struct record_thread threads[THREADS];
    uint32_t mapped;
    uint32_t finding;
};

uint32_t pick(struct changing *m, uint32_t n);
void changing_init(struct changing *m, uint32_t seed);
void changing_derive(struct changing *m, uint32_t i); /* a child of slot i */
void changing_delete(struct changing *m, uint32_t i);
void changing_step(struct changing *m);
void changing_state(const struct changing *m, struct capstate *s);

/* run.capdb in a new folder; temp_remove() takes both away, and what stands beside. */
char *temp_path(void);
void temp_remove(char *path);
void write_file(const char *path, const void *bytes, size_t size);
/* The caller frees the bytes. */
char *read_file(const char *path, size_t *size);

/* tests/fixtures/NAME.capdb.gz */
void unpack_recording(const char *name, const char *to);

/* The test fails when they do. */
struct capdb *create(const char *path);
struct capdb *open_db(const char *path);
struct capdb *resume_db(const char *path);

/* Appends `count` states, each a step on. */
void record_changing(struct capdb *db, struct changing *m, uint32_t count);
/* Compares snapshots 1..count with the model run again from its seed. */
void assert_recorded(struct capdb *db, uint32_t seed, uint32_t count);

void report_failure(void *ctx, const char *sentence);

#endif
