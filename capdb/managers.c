/* A handful of names: they are looked for one after the other. */
#include "capdb/managers.h"

#include "capdb/output.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct manager *manager_called(struct managers *m, const char *name)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (strcmp(m->list[i].name, name) == 0)
            return &m->list[i];
    m->list = array_room_by(output_alloc, m->list, m->count, &m->room, sizeof(*m->list));
    char *copy = output_alloc(NULL, strlen(name) + 1);
    strcpy(copy, name);
    m->list[m->count] = (struct manager){.name = copy};
    return &m->list[m->count++];
}

void managers_add(struct managers *m, const struct authority *a)
{
    m->snapshots++;
    for (uint32_t i = 0; i < a->domain_count; i++)
        if (a->domains[i].trusted)
            manager_called(m, a->domains[i].name)->snapshots++;
}

char *managers_share(uint32_t some, uint32_t all, char *buf, size_t size)
{
    buf[0] = '\0';
    if (some < all)
        snprintf(buf, size, " (%u of %u snapshots)", some, all);
    return buf;
}

char *managers_text(const struct managers *m, bool strict, char *buf, size_t size)
{
    char share[48];
    if (strict) {
        snprintf(buf, size, "strict: nobody is trusted");
        return buf;
    }
    snprintf(buf, size, "trusted managers left out: %s", m->count ? "" : "none");
    for (uint32_t i = 0; i < m->count; i++) {
        size_t used = strlen(buf);
        snprintf(buf + used, size - used, "%s%s%s", i ? ", " : "", m->list[i].name,
                 managers_share(m->list[i].snapshots, m->snapshots, share, sizeof(share)));
    }
    return buf;
}

void managers_free(struct managers *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        free(m->list[i].name);
    free(m->list);
    *m = (struct managers){0};
}
