/* The functions of libpq that publish calls, loaded when it does: the library brings two dozen
 * others along, which no other command should wait for.  They are declared here, as libpq 5 has them, so
 * that making the program needs no header of it (a test compares the two). */
#ifndef CAPSCOPE_CAPDB_PQ_H
#define CAPSCOPE_CAPDB_PQ_H

struct pg_conn;
struct pg_result;

/* Of PQstatus, and of PQresultStatus. */
enum { PQ_CONNECTION_OK = 0 };
enum { PQ_COMMAND_OK = 1, PQ_TUPLES_OK = 2, PQ_COPY_IN = 4 };

#define PQ_LIST(X)                                                                                 \
    X(PQconnectdb, struct pg_conn *, (const char *))                                               \
    X(PQstatus, int, (const struct pg_conn *))                                                     \
    X(PQerrorMessage, char *, (const struct pg_conn *))                                            \
    X(PQfinish, void, (struct pg_conn *))                                                          \
    X(PQexec, struct pg_result *, (struct pg_conn *, const char *))                                \
    X(PQexecParams, struct pg_result *,                                                            \
      (struct pg_conn *, const char *, int, const unsigned *, const char *const *, const int *,    \
       const int *, int))                                                                          \
    X(PQresultStatus, int, (const struct pg_result *))                                             \
    X(PQgetvalue, char *, (const struct pg_result *, int, int))                                    \
    X(PQclear, void, (struct pg_result *))                                                         \
    X(PQputCopyData, int, (struct pg_conn *, const char *, int))                                   \
    X(PQputCopyEnd, int, (struct pg_conn *, const char *))                                         \
    X(PQgetResult, struct pg_result *, (struct pg_conn *))

struct pq {
#define X(name, result, parameters) result(*name) parameters;
    PQ_LIST(X)
#undef X
};
extern struct pq pq;

/* NULL, or why the library cannot be used. */
const char *pq_load(void);

#endif
