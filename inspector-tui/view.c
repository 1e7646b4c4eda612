/* What all views have in common: rows, folds, a cursor that stays on its thing, search. */
#include "inspector-tui/view.h"

#include <stdlib.h>
#include <string.h>

uint64_t row_key(uint32_t kind, uint64_t a, uint32_t b)
{
    uint64_t x = ((uint64_t)kind << 56) ^ (a << 24 | a >> 40) ^ (uint64_t)b * 0x9e3779b97f4a7c15u;
    return x ? x : 1;
}

void view_init(struct view *v, const struct view_ops *ops, bool open_by_default)
{
    *v = (struct view){.ops = ops, .open_by_default = open_by_default};
}

void view_fini(struct view *v)
{
    free(v->rows);
    free(v->open);
    *v = (struct view){.ops = v->ops};
}

/* Room for one more element, doubling; false when memory is out. */
static bool grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return true;
    uint32_t wanted = *room ? *room * 2 : 256;
    void *bigger = realloc(*array, wanted * size);
    if (!bigger)
        return false;
    *array = bigger;
    *room = wanted;
    return true;
}

struct row *view_add(struct view *v, uint64_t key, uint32_t depth, uint32_t flags)
{
    void *rows = v->rows;
    if (!grow(&rows, v->count, &v->room, sizeof *v->rows))
        return NULL;
    v->rows = rows;
    struct row *r = &v->rows[v->count++];
    *r = (struct row){.key = key,
                      .depth = depth,
                      .flags = flags,
                      .slot = -1,
                      .object = -1,
                      .thread = -1,
                      .domain = -1};
    if ((flags & ROW_CAN_FOLD) && view_is_open(v, key))
        r->flags |= ROW_OPEN;
    return r;
}

/* Index of the first listed key that is not below `key`. */
static uint32_t fold_place(const struct view *v, uint64_t key)
{
    uint32_t low = 0, high = v->open_count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (v->open[mid] < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool fold_listed(const struct view *v, uint64_t key)
{
    uint32_t at = fold_place(v, key);
    return at < v->open_count && v->open[at] == key;
}

bool view_is_open(const struct view *v, uint64_t key)
{
    return fold_listed(v, key) != v->open_by_default;
}

static void fold_list(struct view *v, uint64_t key, bool listed)
{
    uint32_t at = fold_place(v, key);
    bool is = at < v->open_count && v->open[at] == key;
    if (is == listed)
        return;
    if (!listed) {
        memmove(v->open + at, v->open + at + 1, (v->open_count - at - 1) * sizeof *v->open);
        v->open_count--;
        return;
    }
    void *open = v->open;
    if (!grow(&open, v->open_count, &v->open_room, sizeof *v->open))
        return;
    v->open = open;
    memmove(v->open + at + 1, v->open + at, (v->open_count - at) * sizeof *v->open);
    v->open[at] = key;
    v->open_count++;
}

/* The rows before a refresh that lead from the cursor to its root: where it may fall back to. */
enum { FALLBACKS = 32 };

static uint32_t remember(const struct view *v, uint64_t keys[FALLBACKS])
{
    uint32_t n = 0;
    if (v->cursor >= v->count)
        return 0;
    keys[n++] = v->rows[v->cursor].key;
    uint32_t depth = v->rows[v->cursor].depth;
    for (uint32_t i = v->cursor; i-- > 0 && n < FALLBACKS;) {
        /* siblings above come before ancestors, so that the cursor stays near */
        if (v->rows[i].depth > depth)
            continue;
        depth = v->rows[i].depth;
        keys[n++] = v->rows[i].key;
    }
    return n;
}

static bool find_key(const struct view *v, uint64_t key, uint32_t *at)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (v->rows[i].key == key) {
            *at = i;
            return true;
        }
    return false;
}

void view_refresh(struct app *app, struct view *v)
{
    uint64_t keys[FALLBACKS];
    uint32_t n = remember(v, keys);
    uint32_t line = v->cursor - v->top;
    uint32_t old = v->cursor;
    v->count = 0;
    v->ops->build(app, v);
    uint32_t at = old < v->count ? old : v->count ? v->count - 1 : 0;
    for (uint32_t i = 0; i < n; i++)
        if (find_key(v, keys[i], &at))
            break;
    v->cursor = at;
    v->top = at > line ? at - line : 0;
}

void view_go(struct view *v, uint32_t row, uint32_t height)
{
    if (v->count == 0) {
        v->cursor = v->top = 0;
        return;
    }
    v->cursor = row < v->count ? row : v->count - 1;
    if (v->cursor < v->top)
        v->top = v->cursor;
    if (height && v->cursor >= v->top + height)
        v->top = v->cursor - height + 1;
    if (height && v->top + height > v->count)
        v->top = v->count > height ? v->count - height : 0;
}

void view_move(struct view *v, long delta, uint32_t height)
{
    long to = (long)v->cursor + delta;
    view_go(v, to < 0 ? 0 : (uint32_t)to, height);
}

void view_open(struct app *app, struct view *v, bool open)
{
    if (v->cursor >= v->count)
        return;
    const struct row *r = &v->rows[v->cursor];
    bool is_open = r->flags & ROW_OPEN;
    if ((r->flags & ROW_CAN_FOLD) && is_open != open) {
        fold_list(v, r->key, open != v->open_by_default);
        view_refresh(app, v);
        return;
    }
    if (open)
        return;
    for (uint32_t i = v->cursor; i-- > 0;)
        if (v->rows[i].depth < r->depth) {
            v->cursor = i;
            if (v->cursor < v->top)
                v->top = v->cursor;
            return;
        }
}

void view_open_all(struct app *app, struct view *v, bool open)
{
    v->open_by_default = open;
    v->open_count = 0;
    view_refresh(app, v);
}

static bool row_matches(struct app *app, struct view *v, uint32_t i, const char *needle)
{
    char text[512];
    v->ops->text(app, &v->rows[i], text, sizeof text);
    return strcasestr(text, needle) != NULL;
}

bool view_search(struct app *app, struct view *v, const char *needle, int direction,
                 uint32_t height)
{
    for (uint32_t n = 1; n <= v->count; n++) {
        uint32_t step = direction > 0 ? n : v->count - n;
        uint32_t i = (v->cursor + step) % v->count;
        if (row_matches(app, v, i, needle)) {
            view_go(v, i, height);
            return true;
        }
    }
    return false;
}

const struct row *view_current(const struct view *v)
{
    return v->cursor < v->count ? &v->rows[v->cursor] : NULL;
}
