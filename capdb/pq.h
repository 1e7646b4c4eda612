/* The functions of libpq that publish calls, loaded when it does: the library brings two dozen
 * others along, which no other command should wait for. */
#ifndef CAPSCOPE_CAPDB_PQ_H
#define CAPSCOPE_CAPDB_PQ_H

#include <postgresql/libpq-fe.h>
#include <stdbool.h>

#define PQ_LIST(X)                                                                                 \
    X(PQconnectdb)                                                                                 \
    X(PQstatus)                                                                                    \
    X(PQerrorMessage)                                                                              \
    X(PQfinish)                                                                                    \
    X(PQexec)                                                                                      \
    X(PQexecParams)                                                                                \
    X(PQresultStatus)                                                                              \
    X(PQgetvalue)                                                                                  \
    X(PQclear)                                                                                     \
    X(PQputCopyData)                                                                               \
    X(PQputCopyEnd)                                                                                \
    X(PQgetResult)

struct pq {
#define X(name) __typeof__(&name) name;
    PQ_LIST(X)
#undef X
};
extern struct pq pq;

/* NULL, or why the library cannot be used. */
const char *pq_load(void);

#endif
