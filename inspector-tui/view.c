/* What all views have in common: rows, folds, moving, going to a thing, search and filter; rows.c
 * makes the rows. */
#include "inspector-tui/bindings.h"
#include "inspector-tui/view.h"
#include "lib/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    const char *name, *brief, *about, *action;
    int key;
};

static const struct view_word words[VIEWS] = {
#define X(ID, key, action, name, brief, about) [VIEW_##ID] = {name, brief, about, action, key},
    VIEW_LIST(X)
#undef X
};

const char *view_name(enum view_id id)
{
    return words[id].name;
}

const char *view_brief(enum view_id id)
{
    return words[id].brief;
}

const char *view_about(enum view_id id)
{
    static char text[160]; /* the screen's thread only */
    const char *about = words[id].about, *key = strchr(about, '%');
    if (!key)
        return about;
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(key - about), about, bindings_key("chain"),
             key + 1);
    return text;
}

int view_key(enum view_id id)
{
    return words[id].key;
}

const char *view_action(enum view_id id)
{
    return words[id].action;
}

void view_init(struct view *v, enum view_id id)
{
    *v = (struct view){.id = id, .ops = all_ops[id], .sort = -1, .stale = true};
}

void view_fini(struct view *v)
{
    rows_fini(v);
    free(v->rows);
    free(v->open);
    *v = (struct view){.id = v->id, .ops = v->ops, .sort = -1};
}

/* --- rows --- */

uint64_t view_id(uint64_t parent, uint32_t kind, uint64_t addr)
{
    const struct ref r = {.kind = REF_TEXT, .extra = kind, .addr = addr, .of = parent};
    return ref_key(&r);
}

struct row *view_append(struct view *v, struct row row)
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
    if ((flags & ROW_CAN_FOLD) && view_is_open(v, id, depth))
        flags |= ROW_OPEN;
    return view_append(
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

static void text_of(const struct line *l, size_t length, char *buf, size_t size)
{
    size_t used = 0, from = 0;
    buf[0] = 0;
    for (uint32_t c = 0; c <= l->columns && used + 1 < size; c++) {
        size_t to = c < l->columns ? l->column[c] : l->length;
        to = to < length ? to : length;
        int n = snprintf(buf + used, size - used, "%s%.*s", c ? "  " : "", (int)(to - from),
                         l->text + from);
        used += n > 0 ? (size_t)n : 0;
        from = to;
    }
}

void view_text(const struct session *s, const struct view *v, const struct row *r, char *buf,
               size_t size)
{
    static struct line l; /* the screen's thread only; a line is large */
    line_clear(&l);
    v->ops->line(s, v, r, &l);
    text_of(&l, l.length, buf, size);
}

void view_lasting_text(const struct session *s, const struct view *v, const struct row *r,
                       char *buf, size_t size)
{
    static struct line l;
    line_clear(&l);
    v->ops->line(s, v, r, &l);
    text_of(&l, l.lasting ? l.lasting : l.length, buf, size);
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

/* Deep rows open one by one, also where all others are open. */
static bool opens_by_default(const struct view *v, uint32_t depth)
{
    bool deep = v->ops->opens && depth >= v->ops->opens;
    return v->open_by_default && !deep;
}

bool view_is_open(const struct view *v, uint64_t id, uint32_t depth)
{
    bool by_default = opens_by_default(v, depth);
    return v->looking && by_default ? true : fold_listed(v, id) != by_default;
}

static void fold_list(struct view *v, uint64_t id, bool listed)
{
    uint32_t at = fold_place(v, id);
    bool is = at < v->open_count && v->open[at] == id;
    if (is == listed)
        return;
    if (v->ops->opens) /* what looks into closed rows finds others now */
        v->all_generation = 0;
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

/* --- the row under the cursor --- */

bool view_find_id(const struct view *v, uint64_t id, uint32_t *at)
{
    for (uint32_t i = 0; i < v->count; i++)
        if (v->rows[i].id == id) {
            *at = i;
            return true;
        }
    return false;
}

/* What died under the cursor stays in its place until one moves on. */
void view_put_ghost(struct view *v, struct row was, uint32_t at)
{
    v->ghost = true;
    v->ghost_row = was;
    v->ghost_row.flags = ROW_DEAD;
    if (at > v->count)
        at = v->count;
    if (!view_append(v, v->ghost_row))
        return;
    memmove(v->rows + at + 1, v->rows + at, (v->count - 1 - at) * sizeof(*v->rows));
    v->rows[at] = v->ghost_row;
    v->cursor = at;
}

const char *view_ghost_text(const struct view *v)
{
    return v->ghost_text + strspn(v->ghost_text, " >+-~*");
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

static bool is_in_sight(const struct view *v, uint32_t height)
{
    return v->cursor < v->fixed || (v->cursor >= v->top + v->fixed && v->cursor < v->top + height);
}

/* After a jump: a third of the list is above the cursor. */
static void land(struct view *v, uint32_t height)
{
    uint32_t above = v->fixed + (height - v->fixed) / 3;
    if (v->jumped && height && !is_in_sight(v, height))
        v->top = v->cursor > above ? v->cursor - above : 0;
    v->jumped &= height == 0;
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
    land(v, height);
    if (!v->jumped && v->cursor >= v->fixed && v->cursor < v->top + v->fixed)
        v->top = v->cursor - v->fixed;
    if (height && v->cursor >= v->top + height)
        v->top = v->cursor - height + 1;
    if (v->cursor < v->fixed) /* what it stands on is the list's beginning */
        v->top = 0;
    if (height && v->top + height > v->count)
        v->top = v->count > height ? v->count - height : 0;
}

void view_fix(struct view *v, uint32_t height)
{
    enum { LEAST = 4 }; /* lines that scroll */
    uint32_t n = 0;
    while (n < v->count && v->rows[n].flags & ROW_STAYS)
        n++;
    v->fixed = n + LEAST <= height ? n : 0;
}

uint32_t view_row_on(const struct view *v, uint32_t line)
{
    return line < v->fixed ? line : v->top + line;
}

void view_go_to(struct view *v, uint32_t row)
{
    enum { KEEP_HEAD = 8 };
    v->jumped = true;
    view_go(v, row, 0);
    if (row < KEEP_HEAD)
        v->top = 0;
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
    fold_list(v, r->id, open != opens_by_default(v, r->depth));
    v->stale = true;
    view_refresh(s, v);
    return true;
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

void view_fold_out(struct view *v, uint64_t id, uint32_t depth)
{
    if (view_is_open(v, id, depth))
        return;
    fold_list(v, id, !opens_by_default(v, depth));
    v->stale = true;
}

/* The cursor goes to the row of this id, as soon as it is there. */
static void want(const struct session *s, struct view *v, uint64_t id)
{
    uint32_t at;
    v->ghost_text[0] = 0;
    v->wanted = id;
    view_refresh(s, v);
    if (v->making == MAKING_NOTHING && view_find_id(v, id, &at)) {
        v->wanted = 0;
        view_go_to(v, at);
    }
}

/* All that one has opened or closed is forgotten, but what the row under the cursor stands in. */
static void forget_folds(struct view *v, bool open)
{
    struct row around[VIEW_DEEPEST];
    const struct row *r = view_current(v);
    uint32_t n = 0, depth = r ? r->depth : 0;
    for (uint32_t i = v->cursor; open && i-- > 0 && depth > 0 && n < VIEW_DEEPEST;)
        if (v->rows[i].depth < depth) {
            depth = v->rows[i].depth;
            around[n++] = v->rows[i];
        }
    v->open_by_default = open;
    v->open_count = 0;
    while (n-- > 0)
        view_fold_out(v, around[n].id, around[n].depth);
}

void view_open_all(const struct session *s, struct view *v, bool open)
{
    const struct row *r = view_current(v);
    uint64_t from = r ? r->id : 0, back = open && r && v->left_for == from ? v->left : 0;
    forget_folds(v, open);
    v->stale = true;
    if (back)
        want(s, v, back);
    else
        view_refresh(s, v);
    r = view_current(v);
    v->left = open ? 0 : from;
    v->left_for = open || !r ? 0 : r->id;
}

/* Opens the ancestors of a row of the whole list, and shows it. */
static void show_row(const struct session *s, struct view *v, uint32_t row)
{
    uint64_t id = v->all.row[row].id;
    uint32_t depth = v->all.row[row].depth;
    for (uint32_t i = row; !v->filter[0] && i-- > 0 && depth > 0;) {
        if (v->all.row[i].depth >= depth)
            continue;
        depth = v->all.row[i].depth;
        if (v->all.row[i].flags & ROW_CAN_FOLD)
            view_fold_out(v, v->all.row[i].id, depth);
    }
    want(s, v, id);
}

/* Looks through all rows: for views that are small. */
static bool look_through(const struct session *s, struct view *v, const struct ref *r)
{
    while (!view_make_all(s, v))
        ;
    int64_t at = find_ref(s, v, v->all.row, v->all.count, r);
    if (at >= 0)
        show_row(s, v, (uint32_t)at);
    return at >= 0;
}

bool view_show(const struct session *s, struct view *v, const struct ref *r)
{
    if (!s->now)
        return false;
    view_refresh(s, v);
    if (v->filter[0])
        view_filter(s, v, "");
    if (v->ops->reveal) {
        uint64_t id = v->ops->reveal(s, v, r);
        if (id)
            want(s, v, id);
        return id != 0;
    }
    int64_t at = find_ref(s, v, v->rows, v->count, r);
    if (at < 0)
        return look_through(s, v, r);
    view_go(v, (uint32_t)at, 0);
    return true;
}

/* --- search and filter --- */

/* Text of some rows is dear, so the clock ends a turn of looking. */
enum { TURN_NS = 700000, LOOK_AT_CLOCK = 16 };

static int64_t own_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool turn_is_over(uint32_t n, int64_t began)
{
    return n % LOOK_AT_CLOCK == LOOK_AT_CLOCK - 1 && own_time() - began > TURN_NS;
}

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
    for (uint32_t i = 0; r && i < v->all.count; i++)
        if (v->all.row[i].id == r->id)
            return i;
    return 0;
}

int view_search(const struct session *s, struct view *v, const char *needle, int direction,
                uint32_t *done, uint32_t rows)
{
    if (!view_make_all(s, v))
        return 0;
    if (*done == 0)
        v->searched_from = place_in_all(v);
    int64_t began = own_time();
    for (uint32_t n = 0; n < rows && *done < v->all.count && !turn_is_over(n, began); n++) {
        uint32_t step = ++*done;
        uint32_t back = v->all.count - step;
        uint32_t i = (v->searched_from + (direction > 0 ? step : back)) % v->all.count;
        uint32_t at;
        bool shown = !v->filter[0] || view_find_id(v, v->all.row[i].id, &at);
        if (shown && matches(s, v, &v->all.row[i], needle)) {
            show_row(s, v, i);
            return 1;
        }
    }
    return *done < v->all.count ? 0 : -1;
}

/* Appends a row that matches, and those of its ancestors that are not shown yet. */
static void take_match(struct view *v, uint32_t i)
{
    uint32_t depth = v->all.row[i].depth < VIEW_DEEPEST ? v->all.row[i].depth : VIEW_DEEPEST - 1;
    for (uint32_t d = v->way_shown; d < depth; d++)
        if (d == 0 || v->way[d] > v->way[d - 1]) /* else it has no ancestor of this depth */
            view_append(v, v->all.row[v->way[d]]);
    view_append(v, v->all.row[i]);
    v->way_shown = depth + 1;
}

/* The way from the top to a row: which ancestors it has, and that those from its depth on are not
 * shown any more. */
static void keep_way(struct view *v, uint32_t i)
{
    uint32_t depth = v->all.row[i].depth;
    if (depth >= VIEW_DEEPEST)
        return;
    v->way[depth] = i;
    if (v->way_shown > depth)
        v->way_shown = depth;
}

bool view_filter_step(const struct session *s, struct view *v, uint32_t rows)
{
    if (!v->filter[0] || !s->now)
        return false;
    if (!view_make_all(s, v))
        return true;
    int64_t began = own_time();
    for (uint32_t n = 0; n < rows && v->looked < v->all.count && !turn_is_over(n, began);
         n++, v->looked++) {
        keep_way(v, v->looked);
        if (matches(s, v, &v->all.row[v->looked], v->filter))
            take_match(v, v->looked);
    }
    return v->looked < v->all.count;
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
