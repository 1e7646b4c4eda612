/* Making the rows of a view, in pieces of a few milliseconds: build, then sort; the screen paints and
 * keys are taken in between.  A list that fits into one piece is there at once.
 *
 *   view_refresh()   something changed: begin, and make the first piece
 *   view_work()      one piece more
 *   finish()         the new rows in place of the old, the cursor on its thing */
#include "inspector-tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one piece may cost, in rows made; text of a row costs as much as many.  The first one is larger:
 * what fits into it never shows half made. */
enum {
    FIRST_PIECE = 110000,
    PIECE = 25000,
    TEXT_COST = 100,
    KEY_COST = 2,
    MOST_LOOKED_AT = 1000,
    BITS = 11,
    DIGITS = 1 << BITS,
    TURNS = 6
};

/* A row at the top with all below it; sorted as one. */
struct block {
    uint64_t key;
    uint32_t from, count;
};

/* Least significant digit first, 11 bits a turn. */
struct order {
    struct block *from, *to;
    uint32_t count;
    uint32_t at; /* next row to take a key of, or block to move in this turn */
    uint32_t turn;
    uint32_t place[DIGITS];
};

static void forget_order(struct view *v)
{
    if (!v->order)
        return;
    free(v->order->from);
    free(v->order->to);
    free(v->order);
    v->order = NULL;
}

void rows_fini(struct view *v)
{
    forget_order(v);
    free(v->next.row);
    free(v->all.row);
}

/* --- one piece of build() --- */

/* Appends to a list of its own: the view's builder sees a view that has these rows. */
static uint32_t build_piece(const struct session *s, struct view *v, struct row_list *list,
                            uint32_t most, bool all)
{
    struct view w = *v;
    uint32_t before = list->count;
    w.rows = list->row;
    w.room = list->room;
    w.count = list->count;
    w.slice = list->count + most;
    if (all) {
        w.looking = true;
        w.open_by_default = true;
    }
    list->at = v->ops->build(s, &w, list->at);
    *list = (struct row_list){w.rows, w.count, w.room, w.cut ? VIEW_WHOLE : list->at};
    v->cut = w.cut;
    return list->count - before;
}

bool view_is_full(const struct view *v)
{
    return v->count >= v->slice || v->cut;
}

bool view_make_all(const struct session *s, struct view *v)
{
    if (!s->now)
        return false;
    if (v->all_generation != s->generation) {
        v->all.count = v->all.at = 0;
        v->all_generation = s->generation;
        v->looked = 0;
    }
    if (v->all.at != VIEW_WHOLE)
        build_piece(s, v, &v->all, PIECE, true);
    return v->all.at == VIEW_WHOLE;
}

/* --- order --- */

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

static bool begin_order(struct view *v)
{
    struct order *o = calloc(1, sizeof(*o));
    v->order = o;
    if (!o)
        return false;
    o->from = malloc((v->next.count + 1) * sizeof(*o->from));
    o->to = malloc((v->next.count + 1) * sizeof(*o->to));
    return o->from && o->to;
}

/* Returns what it cost. */
static uint32_t take_key(const struct session *s, struct view *v, const struct row *r)
{
    struct order *o = v->order;
    uint32_t column = (uint32_t)v->sort, cost = KEY_COST;
    if (r->depth > 0 && o->count > 0) {
        o->from[o->count - 1].count++;
        return 1;
    }
    uint64_t key = v->ops->order ? v->ops->order(s, v, r, column) : UINT64_MAX;
    if (key == UINT64_MAX) {
        key = text_order(s, v, r, column);
        cost = TEXT_COST;
    }
    o->from[o->count++] = (struct block){v->descending ? ~key : key, o->at, 1};
    return cost;
}

static uint32_t take_keys(const struct session *s, struct view *v, uint32_t most)
{
    uint32_t cost = 0;
    struct order *o = v->order;
    for (; o->at < v->next.count && cost < most; o->at++)
        cost += take_key(s, v, &v->next.row[o->at]);
    if (o->at == v->next.count) {
        o->at = 0;
        v->making = MAKING_ORDER;
    }
    return cost;
}

/* Where each digit's blocks begin; false: they all have the same one, nothing is to move. */
static bool place_digits(struct order *o)
{
    uint32_t shift = o->turn * BITS, sum = 0;
    memset(o->place, 0, sizeof(o->place));
    for (uint32_t i = 0; i < o->count; i++)
        o->place[o->from[i].key >> shift & (DIGITS - 1)]++;
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint32_t here = o->place[d];
        if (here == o->count)
            return false;
        o->place[d] = sum;
        sum += here;
    }
    return true;
}

static void next_turn(struct order *o, bool moved)
{
    if (moved) {
        struct block *t = o->from;
        o->from = o->to;
        o->to = t;
    }
    o->turn++;
    o->at = 0;
}

/* The rows themselves, in the order of their blocks. */
static void put_in_order(struct view *v)
{
    struct order *o = v->order;
    struct row *rows = malloc((v->next.count + 1) * sizeof(*rows));
    uint32_t at = 0;
    for (uint32_t i = 0; rows && i < o->count; i++) {
        memcpy(rows + at, v->next.row + o->from[i].from, o->from[i].count * sizeof(*rows));
        at += o->from[i].count;
    }
    if (!rows)
        return;
    free(v->next.row);
    v->next.row = rows;
    v->next.room = (size_t)v->next.count + 1;
}

static uint32_t move_blocks(struct view *v, uint32_t most)
{
    struct order *o = v->order;
    if (o->turn == TURNS || o->count == 0) {
        put_in_order(v);
        v->making = MAKING_NOTHING;
        return v->next.count;
    }
    if (o->at == 0 && !place_digits(o)) {
        next_turn(o, false);
        return o->count / 4;
    }
    uint32_t shift = o->turn * BITS, cost = 0;
    for (; o->at < o->count && cost < most; o->at++, cost++)
        o->to[o->place[o->from[o->at].key >> shift & (DIGITS - 1)]++] = o->from[o->at];
    if (o->at == o->count)
        next_turn(o, true);
    return cost;
}

/* --- the cursor --- */

static void add_pin(struct pin *p, const struct row *r)
{
    p->id[p->count] = r->id;
    p->depth[p->count++] = r->depth;
}

/* Some of the siblings above: ancestors must have room, too, and a long list is not looked through. */
static void put_pin(struct view *v)
{
    enum { SIBLINGS = 8, LOOKED_THROUGH = 4096 };
    struct pin *p = &v->pin;
    *p = (struct pin){.line = v->cursor - v->top, .cursor = v->cursor};
    if (v->cursor >= v->count)
        return;
    p->row = v->rows[v->cursor];
    add_pin(p, &p->row);
    uint32_t depth = p->row.depth, siblings = 0;
    uint32_t end = v->cursor > LOOKED_THROUGH ? v->cursor - LOOKED_THROUGH : 0;
    for (uint32_t i = v->cursor; i-- > end && p->count < VIEW_PINS;) {
        if (v->rows[i].depth > depth)
            continue;
        siblings = v->rows[i].depth == depth ? siblings + 1 : 1;
        depth = v->rows[i].depth;
        if (siblings <= SIBLINGS)
            add_pin(p, &v->rows[i]);
    }
}

/* Is this row where the pin stood: in what the pin stood in, if that is still there?  A row of the same
 * name may stand elsewhere by now. */
static bool is_in_place(const struct view *v, const uint32_t *found, uint32_t pin)
{
    uint32_t outer = pin + 1, row = found[pin];
    while (outer < v->pin.count && v->pin.depth[outer] >= v->pin.depth[pin])
        outer++;
    if (outer >= v->pin.count || found[outer] == UINT32_MAX)
        return true;
    uint32_t parent = row;
    while (parent > 0 && v->rows[parent].depth >= v->rows[row].depth)
        parent--;
    return parent == found[outer];
}

/* The first pin that is still there; a bit for each id lets most rows be passed over at once. */
static bool find_pin(const struct view *v, uint32_t *at)
{
    uint64_t maybe = 0;
    uint32_t found[VIEW_PINS];
    memset(found, 0xff, sizeof(found));
    for (uint32_t k = 1; k < v->pin.count; k++)
        maybe |= 1ull << (v->pin.id[k] & 63);
    for (uint32_t i = 0; i < v->count && maybe; i++) {
        if (!(maybe >> (v->rows[i].id & 63) & 1))
            continue;
        for (uint32_t k = 1; k < v->pin.count; k++)
            if (v->pin.id[k] == v->rows[i].id && found[k] == UINT32_MAX)
                found[k] = i;
    }
    for (uint32_t k = 1; k < v->pin.count; k++)
        if (found[k] != UINT32_MAX && is_in_place(v, found, k)) {
            *at = found[k];
            return true;
        }
    return false;
}

/* Where what is gone would stand: below the sibling above it that is still there, or its parent. */
static uint32_t place_of_ghost(const struct view *v)
{
    const struct pin *p = &v->pin;
    uint32_t at;
    if (!find_pin(v, &at))
        return p->cursor;
    do
        at++;
    while (at < v->count && v->rows[at].depth > p->row.depth);
    return at;
}

static void place_cursor(const struct session *s, struct view *v, bool time_passed)
{
    const struct pin *p = &v->pin;
    uint32_t at;
    v->ghost = false;
    if (p->count && view_find_id(v, p->id[0], &at)) {
        v->cursor = at;
    } else if (p->count && v->ghost_text[0] && time_passed && !v->filter[0]) {
        if (!(p->row.flags & ROW_DEAD))
            v->ghost_time = s->now->time; /* else it was one already */
        view_put_ghost(v, p->row, place_of_ghost(v));
    } else {
        bool legend = !p->count && v->count > 1 && v->rows[0].flags & ROW_STAYS &&
                      v->rows[0].flags & ROW_TITLE; /* nothing to stand on */
        v->cursor = p->cursor < v->count ? p->cursor : v->count ? v->count - 1 : 0;
        v->cursor += legend;
        if (find_pin(v, &at))
            v->cursor = at;
    }
    v->top = v->cursor > p->line ? v->cursor - p->line : 0;
}

static void go_to_wanted(struct view *v)
{
    uint32_t at;
    if (v->wanted && view_find_id(v, v->wanted, &at)) {
        v->wanted = 0;
        v->ghost_text[0] = 0;
        view_go_to(v, at);
    } else if (!v->filter[0]) {
        v->wanted = 0;
    }
}

/* --- the making --- */

static void finish(const struct session *s, struct view *v)
{
    struct row_list old = {v->rows, v->count, v->room, 0};
    bool time_passed = v->dropped;
    forget_order(v);
    if (!v->dropped)
        put_pin(v);
    v->rows = v->next.row;
    v->count = v->next.count;
    v->room = v->next.room;
    v->next = old;
    v->dropped = false;
    place_cursor(s, v, time_passed);
    go_to_wanted(v);
}

/* The rows are there: they want an order, or are done. */
static void rows_are_made(struct view *v)
{
    v->making = MAKING_NOTHING;
    if (v->sort < 0 || v->cut)
        return;
    if (begin_order(v))
        v->making = MAKING_KEYS;
}

static uint32_t make_piece(const struct session *s, struct view *v, uint32_t most)
{
    uint32_t cost;
    switch (v->making) {
    case MAKING_ROWS:
        cost = build_piece(s, v, &v->next, most, false);
        if (v->next.at == VIEW_WHOLE)
            rows_are_made(v);
        else /* a piece is a piece, however few rows came of it */
            cost = most;
        return cost + 1;
    case MAKING_KEYS:
        return take_keys(s, v, most) + 1;
    case MAKING_ORDER:
        return move_blocks(v, most) + 1;
    default:
        return most;
    }
}

static void make(const struct session *s, struct view *v, uint32_t most)
{
    for (uint32_t cost = 0; cost < most && v->making != MAKING_NOTHING;)
        cost += make_piece(s, v, most - cost);
    if (v->making == MAKING_NOTHING)
        finish(s, v);
}

/* A filter shows its rows as it finds them. */
static void begin_filter(const struct session *s, struct view *v)
{
    if (!v->dropped)
        put_pin(v);
    v->dropped = false;
    v->making = MAKING_NOTHING;
    v->count = v->cursor = v->top = 0;
    v->ghost = false;
    v->looked = v->way_shown = 0;
    v->wanted = v->pin.count ? v->pin.id[0] : 0;
    view_filter_step(s, v, MOST_LOOKED_AT);
    go_to_wanted(v);
}

/* Rows of another moment are worth nothing: their numbers are those of another sample. */
static void drop(struct view *v)
{
    if (!v->dropped)
        put_pin(v);
    v->dropped = true;
    v->ghost = false;
    v->count = v->cursor = v->top = 0;
}

void view_refresh(const struct session *s, struct view *v)
{
    bool moved_on = v->generation != s->generation;
    if (!s->now || (!v->stale && !moved_on))
        return;
    if (moved_on)
        drop(v);
    v->generation = s->generation;
    v->stale = false;
    v->cut = false;
    forget_order(v);
    if (v->filter[0]) {
        begin_filter(s, v);
        return;
    }
    v->making = MAKING_ROWS;
    v->next.count = v->next.at = 0;
    make(s, v, FIRST_PIECE);
}

bool view_work(const struct session *s, struct view *v)
{
    if (!s->now || v->generation != s->generation)
        return false;
    if (v->making != MAKING_NOTHING)
        make(s, v, PIECE);
    else if (v->filter[0] && view_filter_step(s, v, MOST_LOOKED_AT))
        go_to_wanted(v);
    return v->making != MAKING_NOTHING ||
           (v->filter[0] && (v->all.at != VIEW_WHOLE || v->looked < v->all.count));
}

void view_invalidate(struct view *v)
{
    v->stale = true;
    v->all_generation = 0;
}
