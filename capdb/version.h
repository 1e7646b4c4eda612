/* Writing versions of capabilities and objects, as rows of the tables of format 5 (schema.sql). */
#ifndef CAPSCOPE_CAPDB_VERSION_H
#define CAPSCOPE_CAPDB_VERSION_H

#include "capdb/store.h"

enum {
    VERSION_WORDS = 256,
    VERSION_WORD_COLUMNS = 7,
    VERSION_WORD_NUMBERS = 5 /* the rest may be NULL */
};

/* Inside a transaction: version_begin(), version_put() for each, version_end(). */
struct version_writer {
    struct capdb *db;
    enum row_kind kind;
    sqlite3_stmt *put, *get_first, *get_place, *put_place, *get_word, *put_word;
    struct version_word {
        int64_t v[VERSION_WORD_COLUMNS];
        int64_t id;         /* 0: none */
    } words[VERSION_WORDS]; /* those that were asked for last */
};

/* kind: ROW_CAP or ROW_OBJECT. */
enum error version_begin(struct version_writer *w, struct capdb *db, enum row_kind kind);
/* row: with its number, as row_descs has the columns; the first version of its capability is there, or it
 * is that.  ERR_CORRUPT: it is not, or an object's number is not its id. */
enum error version_put(struct version_writer *w, const struct row *row, int64_t t0, int64_t t1);
void version_end(struct version_writer *w);

#endif
