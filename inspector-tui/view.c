/* What all views have in common: rows, folds, a cursor that stays on its thing, search, filter and
 * order. */
#include "inspector-tui/view.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct view_ops *const all_ops[VIEWS] = {
    [VIEW_OVERVIEW] = &view_overview,
    [VIEW_DOMAINS] = &view_domains,
    [VIEW_THREADS] = &view_threads,
    [VIEW_SPACES] = &view_spaces,
    [VIEW_DERIVATION] = &view_derivation,
    [VIEW_OBJECTS] = &view_objects,
    [VIEW_MEMORY] = &view_memory,
    [VIEW_VSPACE] = &view_vspace,
    [VIEW_REACH] = &view_reach,
    [VIEW_VERDICT] = &view_verdict,
    [VIEW_EVENTS] = &view_events,
    [VIEW_REVOKE] = &view_revoke,
    [VIEW_CHANGES] = &view_changes,
    [VIEW_SQL] = &view_sql,
    [VIEW_LOG] = &view_log,
};

struct view_word {
    const char *name, *about;
    int key;
};

static const struct view_word words[VIEWS] = {
#define X(ID, key, name, about) [VIEW_##ID] = {name, about, key},
    VIEW_LIST(X)
#undef X
};

const char *view_name(enum view_id id)
{
    return words[id].name;
}

const char *view_about(enum view_id id)
{
    return words[id].about;
}

int view_key(enum view_id id)
{
    return words[id].key;
}

void view_init(struct view *v, enum view_id id)
{
    *v = (struct view){.id = id, .ops = all_ops[id], .sort = -1, .stale = true};
}

void view_fini(struct view *v)
{
    free(v->rows);
    free(v->all);
    free(v->open);
    *v = (struct view){.id = v->id, .ops = v->ops, .sort = -1};
}

/* --- rows --- */

uint64_t view_id(uint64_t parent, uint32_t kind, uint64_t addr)
{
    const struct ref r = {.kind = REF_TEXT, .extra = kind, .addr = addr, .of = parent};
    return ref_key(&r);
}

static struct row *add(struct view *v, struct row row)
{
    struct row *rows = array_room(v->rows, v->count, &v->room, sizeof(*rows));
    v->cut |= !rows;
    if (!rows)
        return NULL;
    v->rows = rows;
    v->rows[v->count] = row;
    return &v->rows[v->count++];
}

struct row *view_add(struct view *v, uint64_t id, uint32_t depth, uint8_t kind, int32_t at,
                     uint8_t flags)
{
    if ((flags & ROW_CAN_FOLD) && view_is_open(v, id))
        flags |= ROW_OPEN;
    return add(
        v, (struct row){id, at, (uint16_t)(depth < UINT16_MAX ? depth : UINT16_MAX), kind, flags});
}

const struct sample *view_sample(const struct session *s, const struct row *r)
{
    return (r->flags & ROW_DEAD) && s->change && s->change->before ? s->change->before : s->now;
}

struct ref view_ref(const struct session *s, const struct view *v, const struct row *r)
{
    return r && v->ops->ref ? v->ops->ref(s, v, r) : ref_to(REF_NONE, 0);
}

void view_text(const struct session *s, const struct view *v, const struct row *r, char *buf,
               size_t size)
{
    static struct line l; /* the screen's thread only; a line is large */
    line_clear(&l);
    v->ops->line(s, v, r, &l);
    size_t used = 0, from = 0;
    buf[0] = 0;
    for (uint32_t c = 0; c <= l.columns && used + 1 < size; c++) {
        size_t to = c < l.columns ? l.column[c] : l.length;
        int n = snprintf(buf + used, size - used, "%s%.*s", c ? "  " : "", (int)(to - from),
                         l.text + from);
        used += n > 0 ? (size_t)n : 0;
        from = to;
    }
}

/* --- folds --- */

static uint32_t fold_place(const struct view *v, uint64_t id)
{
    return (uint32_t)LOWER_BOUND(v->open_count, i, v->open[i] < id);
}

static bool fold_listed(const struct view *v, uint64_t id)
{
    uint32_t at = fold_place(v, id);
    return at < v->open_count && v->open[at] == id;
}

bool view_is_open(const struct view *v, uint64_t id)
{
    return fold_listed(v, id) != v->open_by_default;
}

static void fold_list(struct view *v, uint64_t id, bool listed)
{
    uint32_t at = fold_place(v, id);
    bool is = at < v->open_count && v->open[at] == id;
    if (is == listed)
        return;
    if (!listed) {
        memmove(v->open + at, v->open + at + 1, (v->open_count - at - 1) * sizeof(*v->open));
        v->open_count--;
        return;
    }
    uint64_t *open = array_room(v->open, v->open_count, &v->open_room, sizeof(*open));
    if (!open)
        return;
    v->open = open;
    memmove(v->open + at + 1, v->open + at, (v->open_count - at) * sizeof(*v->open));
    v->open[at] = id;
    v->open_count++;
}

/* --- order --- */

struct block {
    uint64_t key;
    uint32_t from, count;
};

/* The first eight bytes of a column's text, as a number that sorts like them. */
static uint64_t text_order(const struct session *s, const struct view *v, const struct row *r,
                           uint32_t column)
{
    static struct line l;
    uint64_t key = 0;
    line_clear(&l);
    v->ops->line(s, v, r, &l);
    size_t from = column == 0 || column > l.columns ? 0 : l.column[column - 1];
    size_t to = column < l.columns ? l.column[column] : l.length;
    for (size_t i = 0; i < 8; i++)
        key = key << 8 | (from + i < to ? (uint8_t)l.text[from + i] : 0);
    return key;
}

/* Least significant digit first, 11 bits a turn: a million blocks in some tens of milliseconds. */
static void radix(struct block *a, struct block *b, uint32_t n)
{
    enum { BITS = 11, DIGITS = 1 << BITS, TURNS = 6 };
    static uint32_t count[DIGITS];
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint32_t shift = turn * BITS, sum = 0;
        memset(count, 0, sizeof(count));
        for (uint32_t i = 0; i < n; i++)
            count[a[i].key >> shift & (DIGITS - 1)]++;
        for (uint32_t d = 0; d < DIGITS; d++) {
            uint32_t here = count[d];
            count[d] = sum;
            sum += here;
        }
        for (uint32_t i = 0; i < n; i++)
            b[count[a[i].key >> shift & (DIGITS - 1)]++] = a[i];
        struct block *t = a;
        a = b;
        b = t;
    }
}

static uint32_t cut_blocks(const struct session *s, const struct view *v, struct block *blocks)
{
    uint32_t n = 0, column = (uint32_t)v->sort;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct row *r = &v->rows[i];
        if (r->depth > 0 && n > 0) {
            blocks[n - 1].count++;
            continue;
        }
        uint64_t key = v->ops->order ? v->ops->order(s, v, r, column) : UINT64_MAX;
        if (key == UINT64_MAX)
            key = text_order(s, v, r, column);
        blocks[n++] = (struct block){v->descending ? ~key : key, i, 1};
    }
    return n;
}

static void sort_rows(const struct session *s, struct view *v)
{
    struct block *blocks = malloc((v->count + 1) * 2 * sizeof(*blocks));
    struct row *rows = malloc((v->count + 1) * sizeof(*rows));
    if (blocks && rows) {
        uint32_t n = cut_blocks(s, v, blocks), at = 0;
        radix(blocks, blocks + n, n);
        for (uint32_t i = 0; i < n; i++) {
            memcpy(rows + at, v->rows + blocks[i].from, blocks[i].count * sizeof(*rows));
            at += blocks[i].count;
        }
        memcpy(v->rows, rows, v->count * sizeof(*rows));
    }
    free(blocks);
    free(rows);
}

/* --- making the rows --- */

/* The whole list with everything open, for what looks into closed rows. */
static void build_all(const struct session *s, struct view *v)
{
    if (v->all_generation == s->generation && v->all)
        return;
    struct view w = *v;
    w.rows = v->all;
    w.room = v->all_room;
    w.count = 0;
    w.open = NULL;
    w.open_count = 0;
    w.open_room = 0;
    w.open_by_default = true;
    w.ops->build(s, &w);
    v->all = w.rows;
    v->all_count = w.count;
    v->all_room = w.room;
    v->all_generation = s->generation;
    v->looked = 0;
}

static bool find_id(const struct view *v, uint64_t id, uint32_t *at)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (v->rows[i].id == id) {
            *at = i;
            return true;
        }
    return false;
}

/* The rows before a refresh that the cursor may fall back to: itself, siblings above, ancestors. */
enum { FALLBACKS = 32, FIRST_SLICE = 4096 };

static uint32_t remember(const struct view *v, uint64_t ids[FALLBACKS])
{
    uint32_t n = 0;
    if (v->cursor >= v->count)
        return 0;
    ids[n++] = v->rows[v->cursor].id;
    uint32_t depth = v->rows[v->cursor].depth;
    for (uint32_t i = v->cursor; i-- > 0 && n < FALLBACKS;) {
        if (v->rows[i].depth > depth)
            continue;
        depth = v->rows[i].depth;
        ids[n++] = v->rows[i].id;
    }
    return n;
}

static void make_rows(const struct session *s, struct view *v)
{
    v->count = 0;
    v->cut = false;
    v->generation = s->generation;
    v->stale = false;
    if (v->filter[0]) {
        build_all(s, v);
        v->looked = 0;
        view_filter_step(s, v, FIRST_SLICE);
        return;
    }
    v->ops->build(s, v);
    if (v->sort >= 0 && !v->cut)
        sort_rows(s, v);
}

/* What died under the cursor stays in its place until one moves on. */
static void put_ghost(struct view *v, struct row was, uint32_t at)
{
    v->ghost = true;
    v->ghost_row = was;
    v->ghost_row.flags = ROW_DEAD;
    if (at > v->count)
        at = v->count;
    if (!add(v, v->ghost_row))
        return;
    memmove(v->rows + at + 1, v->rows + at, (v->count - 1 - at) * sizeof(*v->rows));
    v->rows[at] = v->ghost_row;
    v->cursor = at;
}

void view_refresh(const struct session *s, struct view *v)
{
    if (!s->now || (!v->stale && v->generation == s->generation))
        return;
    uint64_t ids[FALLBACKS];
    bool time_passed = v->generation != s->generation;
    uint32_t n = remember(v, ids);
    uint32_t line = v->cursor - v->top, old = v->cursor, at;
    struct row was = n ? v->rows[v->cursor] : (struct row){0};
    make_rows(s, v);
    if (n && find_id(v, ids[0], &at)) {
        v->ghost = false;
        v->cursor = at;
    } else if (n && v->ghost_text[0] && time_passed && !v->filter[0]) {
        put_ghost(v, was, old);
    } else {
        v->ghost = false;
        v->cursor = old < v->count ? old : v->count ? v->count - 1 : 0;
        for (uint32_t i = 1; i < n; i++)
            if (find_id(v, ids[i], &v->cursor))
                break;
    }
    v->top = v->cursor > line ? v->cursor - line : 0;
}

void view_invalidate(struct view *v)
{
    v->stale = true;
    v->all_generation = 0;
}

/* --- moving --- */

static uint32_t leave_ghost(struct view *v, uint32_t to)
{
    memmove(v->rows + v->cursor, v->rows + v->cursor + 1,
            (v->count - v->cursor - 1) * sizeof(*v->rows));
    v->count--;
    v->ghost = false;
    v->ghost_text[0] = 0;
    to = to > v->cursor ? to - 1 : to;
    return to < v->count ? to : v->count ? v->count - 1 : 0;
}

void view_go(struct view *v, uint32_t row, uint32_t height)
{
    if (v->count == 0) {
        v->cursor = v->top = 0;
        return;
    }
    uint32_t to = row < v->count ? row : v->count - 1;
    if (v->ghost && to != v->cursor)
        to = leave_ghost(v, to);
    v->cursor = to;
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

const struct row *view_current(const struct view *v)
{
    return v->cursor < v->count ? &v->rows[v->cursor] : NULL;
}

void view_to_parent(struct view *v)
{
    const struct row *r = view_current(v);
    for (uint32_t i = r ? v->cursor : 0; i-- > 0;)
        if (v->rows[i].depth < r->depth) {
            view_go(v, i, 0);
            return;
        }
}

bool view_open(const struct session *s, struct view *v, bool open)
{
    const struct row *r = view_current(v);
    if (!r || !(r->flags & ROW_CAN_FOLD) || v->filter[0] || !!(r->flags & ROW_OPEN) == open)
        return false;
    fold_list(v, r->id, open != v->open_by_default);
    v->stale = true;
    view_refresh(s, v);
    return true;
}

void view_open_all(const struct session *s, struct view *v, bool open)
{
    v->open_by_default = open;
    v->open_count = 0;
    v->stale = true;
    view_refresh(s, v);
}

/* --- going to a thing --- */

static int64_t find_ref(const struct session *s, const struct view *v, const struct row *rows,
                        uint32_t count, const struct ref *wanted)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].flags & ROW_DEAD)
            continue;
        struct ref r = view_ref(s, v, &rows[i]);
        if (ref_equal(&r, wanted))
            return i;
    }
    return -1;
}

/* Opens the ancestors of a row of the whole list, and shows it. */
static bool show_row(const struct session *s, struct view *v, uint32_t row)
{
    uint64_t id = v->all[row].id;
    uint32_t depth = v->all[row].depth;
    for (uint32_t i = row; i-- > 0 && depth > 0;) {
        if (v->all[i].depth >= depth)
            continue;
        depth = v->all[i].depth;
        if (v->all[i].flags & ROW_CAN_FOLD)
            fold_list(v, v->all[i].id, !v->open_by_default);
    }
    v->stale = !v->filter[0];
    v->ghost_text[0] = 0;
    view_refresh(s, v);
    return find_id(v, id, &v->cursor);
}

bool view_show(const struct session *s, struct view *v, const struct ref *r)
{
    if (!s->now)
        return false;
    view_refresh(s, v);
    int64_t at = find_ref(s, v, v->rows, v->count, r);
    if (at >= 0) {
        view_go(v, (uint32_t)at, 0);
        return true;
    }
    if (v->filter[0])
        view_filter(s, v, "");
    build_all(s, v);
    at = find_ref(s, v, v->all, v->all_count, r);
    return at >= 0 && show_row(s, v, (uint32_t)at);
}

/* --- search and filter --- */

static bool matches(const struct session *s, const struct view *v, const struct row *r,
                    const char *needle)
{
    char text[LINE_BYTES];
    view_text(s, v, r, text, sizeof(text));
    return strcasestr(text, needle);
}

/* Where the cursor's row stands in the whole list. */
static uint32_t place_in_all(const struct view *v)
{
    const struct row *r = view_current(v);
    for (uint32_t i = 0; r && i < v->all_count; i++)
        if (v->all[i].id == r->id)
            return i;
    return 0;
}

int view_search(const struct session *s, struct view *v, const char *needle, int direction,
                uint32_t *done, uint32_t rows)
{
    build_all(s, v);
    if (*done == 0)
        v->searched_from = place_in_all(v);
    for (uint32_t n = 0; n < rows && *done < v->all_count; n++) {
        uint32_t step = ++*done;
        uint32_t back = v->all_count - step;
        uint32_t i = (v->searched_from + (direction > 0 ? step : back)) % v->all_count;
        if (matches(s, v, &v->all[i], needle) && show_row(s, v, i))
            return 1;
    }
    return *done < v->all_count ? 0 : -1;
}

/* Is this row of the whole list shown already? It is then one of the last at its depth. */
static bool is_shown(const struct view *v, const struct row *wanted)
{
    for (uint32_t k = v->count; k-- > 0;) {
        if (v->rows[k].id == wanted->id)
            return true;
        if (v->rows[k].depth < wanted->depth)
            return false;
    }
    return false;
}

/* Appends the ancestors of a row that are not there yet, and the row. */
static void take_match(struct view *v, uint32_t i)
{
    enum { DEEPEST = 128 };
    uint32_t path[DEEPEST], n = 0, depth = v->all[i].depth;
    for (uint32_t k = i; k-- > 0 && depth > 0 && n < DEEPEST;)
        if (v->all[k].depth < depth) {
            depth = v->all[k].depth;
            path[n++] = k;
        }
    while (n-- > 0)
        if (!is_shown(v, &v->all[path[n]]))
            add(v, v->all[path[n]]);
    add(v, v->all[i]);
}

bool view_filter_step(const struct session *s, struct view *v, uint32_t rows)
{
    if (!v->filter[0] || v->all_generation != s->generation)
        return false;
    for (uint32_t n = 0; n < rows && v->looked < v->all_count; n++, v->looked++)
        if (matches(s, v, &v->all[v->looked], v->filter))
            take_match(v, v->looked);
    return v->looked < v->all_count;
}

void view_filter(const struct session *s, struct view *v, const char *needle)
{
    snprintf(v->filter, sizeof(v->filter), "%s", needle);
    v->stale = true;
    v->ghost_text[0] = 0;
    view_refresh(s, v);
}

void view_sort(const struct session *s, struct view *v, int32_t column)
{
    v->descending = column >= 0 && v->sort == column && !v->descending;
    v->sort = column;
    v->stale = true;
    view_refresh(s, v);
}
