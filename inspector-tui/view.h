/* A view: rows that can be folded, a cursor that stays on its thing, and how a row is drawn.
 *
 * One file a view implements struct view_ops; view.c does what all have in common.  A row is known
 * by its key, which names the thing (not its place in the list), so that after a refresh the cursor
 * is found again, and folds survive. */
#ifndef CAPSCOPE_INSPECTOR_TUI_VIEW_H
#define CAPSCOPE_INSPECTOR_TUI_VIEW_H

#include "capstate/capstate.h"

struct app;

enum row_flags {
    ROW_CAN_FOLD = 1,
    ROW_OPEN = 2,
    ROW_DIM = 4,     /* secondary: an empty or inherited thing */
    ROW_ALERT = 8,   /* a breach or a fault */
    ROW_CHANGED = 16 /* new or different since the last snapshot */
};

struct row {
    uint64_t key;
    uint32_t depth;
    uint32_t flags;
    int32_t slot; /* index in the capstate, -1: none */
    int32_t object;
    int32_t thread;
    int32_t domain; /* index of domain, -1 */
    uint32_t value; /* the view's own */
};

/* Builds a key from a kind and up to two addresses. */
uint64_t row_key(uint32_t kind, uint64_t a, uint32_t b);

struct view {
    const struct view_ops *ops;
    struct row *rows;
    uint32_t count, room;
    uint32_t cursor; /* row */
    uint32_t top;    /* first row on the screen */
    uint64_t *open;  /* keys of open rows, sorted */
    uint32_t open_count, open_room;
    bool open_by_default; /* then `open` lists the closed ones */
};

struct view_ops {
    const char *name;  /* tab */
    const char *title; /* column heads, NULL: none */
    void (*build)(struct app *app, struct view *v);
    /* Text of a row without indentation; plain printable characters. */
    void (*text)(struct app *app, const struct row *r, char *buf, size_t size);
    /* Lines of the detail pane, by app_detail(). NULL: by what the row refers to. */
    void (*detail)(struct app *app, const struct row *r);
};

void view_init(struct view *v, const struct view_ops *ops, bool open_by_default);
void view_fini(struct view *v);

/* For build: appends a row; returns NULL when memory is out (the list is then cut, app says so). */
struct row *view_add(struct view *v, uint64_t key, uint32_t depth, uint32_t flags);
bool view_is_open(const struct view *v, uint64_t key);

/* Rebuilds from the app's state; the cursor stays on its key, else on the nearest row above that
 * is still there; the screen line of the cursor stays too. */
void view_refresh(struct app *app, struct view *v);

void view_move(struct view *v, long delta, uint32_t height);
void view_go(struct view *v, uint32_t row, uint32_t height);
/* Opens or closes the row under the cursor; closing a row without children goes to its parent. */
void view_open(struct app *app, struct view *v, bool open);
void view_open_all(struct app *app, struct view *v, bool open);
/* Next row (direction 1 or -1) whose text holds `needle`, case-insensitive; false: none. Looks into
 * what is folded too: `found` is then a row that was opened for it. */
bool view_search(struct app *app, struct view *v, const char *needle, int direction,
                 uint32_t height);
const struct row *view_current(const struct view *v);

#endif
