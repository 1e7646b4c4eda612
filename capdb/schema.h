/* The database schema: schema.sql as it stands in the source, and the tables of formats before.
 *
 * What a file calls its tables is held against this text before anything is read from them, and
 * answers come from these views, never from those that stand in the file. */
#ifndef CAPSCOPE_CAPDB_SCHEMA_H
#define CAPSCOPE_CAPDB_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

enum {
    CAPDB_APPLICATION_ID = 0x43504442, /* "CPDB" */
    CAPDB_USER_VERSION = 5,
    CAPDB_USER_VERSION_4 = 4, /* one wide row a version; is continued as it is */
    CAPDB_USER_VERSION_3 = 3, /* and without tables that only save time; so is this */
    CAPDB_USER_VERSION_1 = 1, /* these are read, not written */
    CAPDB_USER_VERSION_2 = 2,
    CAPDB_STILL = 0x7fffffff, /* t1 of what still holds */
    SCHEMA_NAME = 32,
};

extern const char capdb_schema_sql[];   /* format 5 */
extern const char capdb_schema_4_sql[]; /* formats 4 and 3, without views */
extern const char capdb_schema_2_sql[]; /* format 2, without views */
extern const char capdb_schema_1_sql[]; /* format 1 */
extern const char capdb_publish_sql[];  /* for PostgreSQL: before its tables, and their views */

enum schema_kind { SCHEMA_TABLE, SCHEMA_INDEX, SCHEMA_VIEW };

/* One CREATE statement, without its semicolon; text points into the schema. */
struct schema_statement {
    enum schema_kind kind;
    char name[SCHEMA_NAME];
    const char *text;
    size_t length;
    size_t body; /* offset of what follows CREATE and its kind */
};

/* The next statement from *at on, which moves behind it; false at the end. */
bool schema_next(const char **at, struct schema_statement *out);

/* Is it a table that recordings of format 3 lack? It only saves time. */
bool schema_may_lack(const char *name);

/* Is it a view that formats before 5 have as a table, or do without? */
bool schema_is_rows(const char *name);

/* Do the texts say the same, but for blanks, comments and double quotes? */
bool schema_same(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
