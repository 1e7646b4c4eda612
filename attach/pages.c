/* An open-addressing table from block number to bytes, at most half full. */
#include "attach/pages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

enum { CAPACITY_FIRST = 256 };

void pages_init(struct pages *p, uint32_t block)
{
    *p = (struct pages){.block = block};
}

void pages_drop(struct pages *p)
{
    for (uint32_t i = 0; i < p->capacity; i++)
        free(p->data[i]);
    free(p->data);
    free(p->tags);
    pages_init(p, p->block);
}

static uint32_t home(uint64_t tag, uint32_t capacity)
{
    return (uint32_t)(tag * 0x9e3779b97f4a7c15u >> 32) & (capacity - 1);
}

static uint64_t tag_of(const struct pages *p, uint64_t addr)
{
    return addr / p->block + 1;
}

/* Where the tag stands or would stand; the table has an empty place. */
static uint32_t place(const uint64_t *tags, uint32_t capacity, uint64_t tag)
{
    uint32_t i = home(tag, capacity);
    while (tags[i] != 0 && tags[i] != tag)
        i = (i + 1) & (capacity - 1);
    return i;
}

uint8_t *pages_find(const struct pages *p, uint64_t addr)
{
    if (p->capacity == 0)
        return NULL;
    return p->data[place(p->tags, p->capacity, tag_of(p, addr))];
}

static bool grow(struct pages *p)
{
    uint32_t capacity = p->capacity ? p->capacity * 2 : CAPACITY_FIRST;
    uint64_t *tags = calloc(capacity, sizeof(*tags));
    uint8_t **data = calloc(capacity, sizeof(*data));
    if (!tags || !data) {
        free(tags);
        free(data);
        return false;
    }
    for (uint32_t i = 0; i < p->capacity; i++) {
        if (p->tags[i] == 0)
            continue;
        uint32_t to = place(tags, capacity, p->tags[i]);
        tags[to] = p->tags[i];
        data[to] = p->data[i];
    }
    free(p->tags);
    free(p->data);
    p->tags = tags;
    p->data = data;
    p->capacity = capacity;
    return true;
}

uint8_t *pages_add(struct pages *p, uint64_t addr)
{
    if (p->count * 2 >= p->capacity && !grow(p))
        return NULL;
    uint8_t *block = malloc(p->block);
    if (!block)
        return NULL;
    uint32_t at = place(p->tags, p->capacity, tag_of(p, addr));
    p->tags[at] = tag_of(p, addr);
    p->data[at] = block;
    p->count++;
    return block;
}
