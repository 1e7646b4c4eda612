/* Sets of rows and their order.  Snapshots have a hundred thousand rows that mostly differ in their
 * first column, so that one is sorted by radix, and only runs of equal ones are compared. */
#include "capdb/rows.h"
#include "lib/array.h"

#include <stdlib.h>
#include <string.h>

enum { RADIX_WORTH = 512, RADIX_MANY = 1 << 15, FEW_BITS = 8, MANY_BITS = 16 };

#define COLUMN_NAME(name) #name,
#define X(NAME, table_name, first)                                                                 \
    [ROW_##NAME] = {                                                                               \
        .table = #table_name,                                                                      \
        .first_columns = first,                                                                    \
        .columns =                                                                                 \
            (int)(sizeof((const char *[]){ROW_##NAME##_COLUMNS(COLUMN_NAME)}) / sizeof(char *)),   \
        .column = {ROW_##NAME##_COLUMNS(COLUMN_NAME)},                                             \
    },
const struct row_desc row_descs[ROW_KINDS] = {ROW_KIND_LIST(X)};
#undef X

bool row_may_be_null(int kind, int column)
{
    return kind == ROW_CAP && (column == CAP_COL_addr || column == CAP_COL_bits);
}

bool rowset_reserve(struct rowset *set, uint32_t capacity)
{
    struct row *grown =
        capacity ? array_room(set->rows, capacity - 1, &set->room, sizeof(*grown)) : set->rows;
    if (!grown)
        return capacity == 0;
    set->rows = grown;
    return true;
}

bool rowset_add(struct rowset *set, const struct row *row)
{
    if (set->count == set->room && !rowset_reserve(set, set->count + 1))
        return false;
    set->rows[set->count++] = *row;
    return true;
}

const struct row *rowset_find(const struct rowset *set, int64_t key)
{
    size_t at = LOWER_BOUND(set->count, i, set->rows[i].v[0] < key);
    return at < set->count && set->rows[at].v[0] == key ? &set->rows[at] : NULL;
}

void rowset_free(struct rowset *set)
{
    free(set->rows);
    *set = (struct rowset){0};
}

int row_compare(const void *pa, const void *pb)
{
    const struct row *a = pa;
    const struct row *b = pb;
    for (int c = 0; c < ROW_MAX_COLUMNS; c++)
        if (a->v[c] != b->v[c])
            return a->v[c] < b->v[c] ? -1 : 1;
    return 0;
}

/* --- keys --- */

static int key_compare(const void *pa, const void *pb)
{
    const struct sort_key *a = pa;
    const struct sort_key *b = pb;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static bool keys_sorted(const struct sort_key *keys, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (keys[i].key < keys[i - 1].key)
            return false;
    return true;
}

/* One stable pass by the digit of so many bits at `shift`; false: all have the same. */
static bool radix_pass(const struct sort_key *from, struct sort_key *to, uint32_t count,
                       unsigned shift, unsigned bits, uint32_t *start)
{
    const uint32_t size = (uint32_t)1 << bits;
    uint32_t sum = 0;
    memset(start, 0, size * sizeof(*start));
    for (uint32_t i = 0; i < count; i++)
        start[(uint64_t)from[i].key >> shift & (size - 1)]++;
    if (start[(uint64_t)from[0].key >> shift & (size - 1)] == count)
        return false;
    for (uint32_t d = 0; d < size; d++) {
        uint32_t here = start[d];
        start[d] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < count; i++)
        to[start[(uint64_t)from[i].key >> shift & (size - 1)]++] = from[i];
    return true;
}

/* False when there is no memory or a key is negative: then the caller compares. */
static bool radix_sort(struct sort_key *keys, uint32_t count)
{
    const unsigned bits = count < RADIX_MANY ? FEW_BITS : MANY_BITS;
    uint64_t top = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i].key < 0)
            return false;
        top |= (uint64_t)keys[i].key;
    }
    struct sort_key *other = malloc(count * sizeof(*other));
    uint32_t *start = malloc(((size_t)1 << bits) * sizeof(*start));
    struct sort_key *from = keys;
    struct sort_key *to = other;
    bool ready = other && start;
    for (unsigned shift = 0; ready && shift < 64 && top >> shift; shift += bits)
        if (radix_pass(from, to, count, shift, bits, start)) {
            struct sort_key *swap = from;
            from = to;
            to = swap;
        }
    if (ready && from != keys)
        memcpy(keys, from, count * sizeof(*keys));
    free(other);
    free(start);
    return ready;
}

void keys_sort(struct sort_key *keys, uint32_t count)
{
    if (keys_sorted(keys, count))
        return;
    if (count < RADIX_WORTH || !radix_sort(keys, count))
        qsort(keys, count, sizeof(*keys), key_compare);
}

uint32_t keys_lower_bound(const struct sort_key *keys, uint32_t count, int64_t key)
{
    return (uint32_t)LOWER_BOUND(count, i, keys[i].key < key);
}

/* --- numbers to ask for --- */

bool key_list_begin(struct key_list *list, size_t room)
{
    *list = (struct key_list){malloc((room + 1) * sizeof(*list->keys)), 0};
    return list->keys;
}

bool key_list_sort(struct key_list *list)
{
    struct sort_key *sorted = malloc((list->count + (size_t)1) * sizeof(*sorted));
    uint32_t count = list->count;
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = (struct sort_key){list->keys[i], i};
    keys_sort(sorted, count);
    list->count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || sorted[i].key != sorted[i - 1].key)
            list->keys[list->count++] = sorted[i].key;
    free(sorted);
    return true;
}

void key_list_free(struct key_list *list)
{
    free(list->keys);
    *list = (struct key_list){0};
}

/* --- rows --- */

static bool rows_sorted(const struct rowset *set)
{
    for (uint32_t i = 1; i < set->count; i++)
        if (row_compare(&set->rows[i - 1], &set->rows[i]) > 0)
            return false;
    return true;
}

/* Rows in the order of their keys, in new memory; false when there is none. */
static bool gather(struct rowset *set, const struct sort_key *keys)
{
    struct row *rows = malloc(set->count * sizeof(*rows));
    if (!rows)
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        rows[i] = set->rows[keys[i].index];
    free(set->rows);
    set->rows = rows;
    set->room = set->count;
    return true;
}

static void sort_equal_runs(struct rowset *set)
{
    for (uint32_t i = 0; i < set->count;) {
        uint32_t end = i + 1;
        while (end < set->count && set->rows[end].v[0] == set->rows[i].v[0])
            end++;
        if (end > i + 1)
            qsort(&set->rows[i], end - i, sizeof(*set->rows), row_compare);
        i = end;
    }
}

bool rowset_order(struct rowset *set, row_key_fn key, const void *ctx)
{
    struct sort_key *keys = malloc((set->count + (size_t)1) * sizeof(*keys));
    if (!keys)
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        keys[i] = (struct sort_key){key(ctx, &set->rows[i]), i};
    bool done = keys_sorted(keys, set->count);
    if (!done) {
        keys_sort(keys, set->count);
        done = gather(set, keys);
    }
    free(keys);
    return done;
}

int64_t row_first(const void *ctx, const struct row *row)
{
    (void)ctx;
    return row->v[0];
}

void rowset_sort(struct rowset *set)
{
    if (rows_sorted(set))
        return;
    if (rowset_order(set, row_first, NULL))
        sort_equal_runs(set);
    else
        qsort(set->rows, set->count, sizeof(*set->rows), row_compare);
}

int64_t row_position(const void *ctx, const struct row *row)
{
    (void)ctx;
    return row->v[CAP_COL_pos];
}
