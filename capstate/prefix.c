/* Prefixes of names, by the type that they say. */
#include "capstate/prefix.h"

#include "record/vocabulary.h"

#include <stddef.h>
#include <string.h>

static const struct prefix prefixes[] = {
    {"tcb:", RECORD_CAP_TCB},           {"frame:", RECORD_CAP_FRAME},
    {"ep:", RECORD_CAP_ENDPOINT},       {"endpoint:", RECORD_CAP_ENDPOINT},
    {"ntfn:", RECORD_CAP_NOTIFICATION}, {"notification:", RECORD_CAP_NOTIFICATION},
    {"cnode:", RECORD_CAP_CNODE},       {"untyped:", RECORD_CAP_UNTYPED},
    {"ut:", RECORD_CAP_UNTYPED},        {"pt:", RECORD_CAP_PAGE_TABLE},
    {"pd:", RECORD_CAP_PAGE_DIRECTORY}, {"pool:", RECORD_CAP_ASID_POOL},
    {"irq:", RECORD_CAP_IRQ_HANDLER},
};

const struct prefix *prefix_of(const char *name)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (strncmp(name, prefixes[i].text, strlen(prefixes[i].text)) == 0)
            return &prefixes[i];
    return NULL;
}
