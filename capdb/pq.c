/* Finding libpq at run time. */
#include "capdb/pq.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

struct pq pq;

/* POSIX has functions come as pointers to data. */
static bool find(void *library, const char *name, void *out)
{
    void *at = dlsym(library, name);
    memcpy(out, (const void *)&at, sizeof(at));
    return at;
}

const char *pq_load(void)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return "libpq.so.5 cannot be loaded (Debian: libpq5)";
#define X(name, result, parameters)                                                                \
    if (!find(library, #name, &pq.name))                                                           \
        return "libpq.so.5 has no " #name;
    PQ_LIST(X)
#undef X
    return NULL;
}
