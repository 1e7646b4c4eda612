/* A view: rows made from the session, a cursor that stays on its thing, folds, a filter, an order.
 *
 * One file a view implements struct view_ops; view.c does what all have in common.  A row is 16
 * bytes and knows its thing by id; its text is made when it is on the screen, never before.  Views
 * read the session and know nothing of keys or the screen. */
#ifndef CAPSCOPE_INSPECTOR_TUI_VIEW_H
#define CAPSCOPE_INSPECTOR_TUI_VIEW_H

#include "inspector-tui/session.h"

enum row_flags {
    ROW_CAN_FOLD = 1,
    ROW_OPEN = 2,
    ROW_ALERT = 4, /* a breach or a fault */
    ROW_DEAD = 8,  /* of session->change->before: it is not there any more */
    ROW_TITLE = 16,
    ROW_STAYS = 32, /* one of the first rows: it stays at the top while the others scroll */
};

struct row {
    uint64_t id; /* of the thing and the way to it; see view_id() */
    int32_t at;  /* index in an array of the sample, the view's own business */
    uint16_t depth;
    uint8_t kind; /* the view's own */
    uint8_t flags;
};
_Static_assert(sizeof(struct row) == 16, "a million rows are 16 MB");

/* X(ID, key, action, "Name", "short name", what it shows) in the order of the tabs; the key is the one
 * that the action has at first; in what it shows, "%" stands for the key that follows a chain */
#define VIEW_LIST(X)                                                                               \
    X(OVERVIEW, 'O', "view-overview", "Overview", "Over",                                          \
      "the whole system on one screen: verdict, memory, domains")                                  \
    X(DOMAINS, 'D', "view-domains", "Domains", "Dom",                                              \
      "isolation domains, their threads and what each reaches")                                    \
    X(THREADS, 'T', "view-threads", "Threads", "Thr",                                              \
      "who runs, who waits for whom (% follows), who has faulted")                                 \
    X(SPACES, 'C', "view-spaces", "CSpaces", "CSp",                                                \
      "capability spaces as threads see them: slots, guards, gaps")                                \
    X(DERIVATION, 'V', "view-derivation", "deriVation", "deV",                                     \
      "every capability below the one it was derived from")                                        \
    X(OBJECTS, 'B', "view-objects", "oBjects", "oBj",                                              \
      "kernel objects by address, their owners and holders")                                       \
    X(MEMORY, 'M', "view-memory", "Memory", "Mem",                                                 \
      "RAM from the whole down to a page: owner, use, mappings")                                   \
    X(VSPACE, 'A', "view-mappings", "Address spaces", "Adr",                                       \
      "what each page table maps, and whose it is")                                                \
    X(REACH, 'X', "reach", "reach (X)", "reaX",                                                    \
      "who can reach a thing, and what it can reach, hop by hop")                                  \
    X(VERDICT, 'J', "view-judgement", "Judgement", "Judg",                                         \
      "is the system isolated, and if not, every breach")                                          \
    X(EVENTS, 'E', "view-events", "Events", "Ev",                                                  \
      "every change to capability state, as it happened")                                          \
    X(REVOKE, 'R', "view-revoke", "Revoke", "Rev",                                                 \
      "what a revocation takes, before, while and after it runs")                                  \
    X(CHANGES, 'U', "view-updates", "Updates", "Upd",                                              \
      "what differs from the snapshot before, or from the mark")                                   \
    X(SQL, 'Q', "view-sql", "sQl", "sQl", "a question in SQL over the same views as capdb")        \
    X(LOG, 'L', "view-log", "Log", "Log", "what programs printed, answers of the monitor, messages")

enum view_id {
#define X(ID, key, action, name, brief, about) VIEW_##ID,
    VIEW_LIST(X)
#undef X
        VIEWS
};

/* Rows that are made in pieces, so that no key waits for a million of them. */
struct row_list {
    struct row *row;
    uint32_t count;
    size_t room;
    uint32_t at; /* where build() goes on; VIEW_WHOLE: all rows are there */
};
#define VIEW_WHOLE UINT32_MAX

enum making { MAKING_NOTHING, MAKING_ROWS, MAKING_KEYS, MAKING_ORDER };

/* What the cursor stays on when rows are made anew: its row, else siblings above, else ancestors. */
enum { VIEW_PINS = 32 };
struct pin {
    uint64_t id[VIEW_PINS];
    uint16_t depth[VIEW_PINS];
    uint32_t count;
    uint32_t line, cursor; /* where it stood on the screen and in the list */
    struct row row;
};

struct column {
    const char *title;
    uint8_t min, max; /* cells; max 0: as wide as there is room */
    uint8_t priority; /* the highest numbers go first when the screen is narrow; 0 stays */
    bool right;
};
/* With its priority.  STAYS: where it would go, it has its least width instead.  GROWS: it is as wide as
 * there is room, but yields what is beyond `max` before any other column goes. */
enum { COLUMN_STAYS = 128, COLUMN_GROWS = 64, COLUMN_PRIORITY = 63 };

enum { VIEW_DEEPEST = 128 };

struct view {
    enum view_id id;
    const struct view_ops *ops;
    struct row *rows;
    uint32_t count;
    size_t room;
    uint32_t cursor, top;
    bool jumped;    /* from elsewhere: what it leads to is to be seen around the cursor, too */
    uint32_t fixed; /* of the first rows, those that stay in sight, as last drawn */
    /* Rows under way: those that are shown stay until all new ones are there, or go at once when
     * they are of another moment (dropped). */
    enum making making;
    struct row_list next;
    struct order *order; /* private to rows.c */
    bool dropped;
    struct pin pin;
    uint64_t wanted; /* the row that the cursor goes to when it is there, 0: none */
    uint32_t slice;  /* build() stops when so many rows are there */
    uint64_t *open;  /* ids of open rows, sorted; of closed ones where open is the default */
    uint32_t open_count;
    size_t open_room;
    bool open_by_default;
    bool looking;        /* these rows are for what looks into closed ones */
    bool stale;          /* the rows are to be made anew */
    uint64_t generation; /* of the session the rows were made from */
    char filter[96];
    int32_t sort; /* column, -1: the view's own order */
    bool descending;
    struct ref focus; /* what the view is about, where it is about one thing */
    uint64_t number;  /* the view's own */
    bool cut;         /* no memory for all rows */
    /* The row that vanished under the cursor: shown until one moves on. */
    bool ghost;
    struct row ghost_row;
    double ghost_time; /* of the first moment shown without it */
    /* What the row under the cursor said when it was last drawn, what it referred to, and which moment
     * that was: a snapshot, and the event after it where one is shown. */
    char ghost_text[256];
    struct ref ghost_ref;
    uint32_t ghost_snapshot, ghost_shown; /* its number here, and the one that is shown for it */
    uint64_t ghost_event, ghost_seq;      /* the last event that the moment shows */
    /* Everything open, for a search or a filter that looks into what is closed. */
    struct row_list all;
    uint64_t all_generation;
    /* The row that was left when all was closed, and the one the cursor has stood on since. */
    uint64_t left, left_for;
    uint32_t looked; /* rows of `all` that the filter has seen */
    uint32_t searched_from;
    uint32_t way[VIEW_DEEPEST]; /* the last row of each depth that the filter has seen */
    uint32_t way_shown;         /* of these, how many are shown already */
};

struct pane;

struct view_ops {
    const struct column *columns; /* ended by a NULL title; NULL: one column */
    /* Appends the rows of its things from number `from` on, until view_is_full() or all are there.
     * Returns the number to go on with, VIEW_WHOLE at the end. */
    uint32_t (*build)(const struct session *s, struct view *v, uint32_t from);
    void (*line)(const struct session *s, const struct view *v, const struct row *r,
                 struct line *l);
    /* What Enter goes to and the pane tells about. */
    struct ref (*ref)(const struct session *s, const struct view *v, const struct row *r);
    /* NULL: the pane tells about the row's thing. */
    void (*pane)(const struct session *s, const struct view *v, const struct row *r,
                 struct pane *p);
    /* A number to sort a column by, UINT64_MAX: by its text. NULL: all by text. */
    uint64_t (*order)(const struct session *s, const struct view *v, const struct row *r,
                      uint32_t column);
    /* Opens what hides a thing; the id of its row, 0: it has none. NULL: the rows are looked
     * through, which only small views can afford. */
    uint64_t (*reveal)(const struct session *s, struct view *v, const struct ref *r);
    /* Rows of this depth and below do not open with all others, and what looks into closed rows looks
     * only into those that one has opened: there would be too many. 0: there are none. */
    uint16_t opens;
};

/* The one sentence about a revocation, in every view. */
void view_revocation_line(const struct session *s, const struct revocation *k, struct line *l);

extern const struct view_ops view_overview, view_domains, view_threads, view_spaces,
    view_derivation, view_objects, view_memory, view_vspace, view_reach, view_verdict, view_events,
    view_revoke, view_changes, view_sql, view_log;

const char *view_name(enum view_id id);
const char *view_brief(enum view_id id);
const char *view_about(enum view_id id);
int view_key(enum view_id id);
const char *view_action(enum view_id id); /* that opens it, see bindings.h */

void view_init(struct view *v, enum view_id id);
void view_fini(struct view *v);

/* --- for build --- */
/* Appends; NULL when memory is out (the list is then cut, and says so). */
struct row *view_add(struct view *v, uint64_t id, uint32_t depth, uint8_t kind, int32_t at,
                     uint8_t flags);
uint64_t view_id(uint64_t parent, uint32_t kind, uint64_t addr);
/* Enough for one piece: build() returns where it is. */
bool view_is_full(const struct view *v);
/* For reveal(): the row of this id opens when the rows are made. */
void view_fold_out(struct view *v, uint64_t id, uint32_t depth);
bool view_is_open(const struct view *v, uint64_t id, uint32_t depth);
/* The sample a row speaks of. */
const struct sample *view_sample(const struct session *s, const struct row *r);

/* --- for the app --- */
/* Makes the rows anew if the session moved on; the cursor stays on its thing and on its line.  Many
 * rows take several pieces: view_work() makes the next one, true while there are more, or while the
 * filter has more to look at. */
void view_refresh(const struct session *s, struct view *v);
bool view_work(const struct session *s, struct view *v);
/* The whole list with everything open, for what looks into closed rows: one piece more. true: it is
 * there. */
bool view_make_all(const struct session *s, struct view *v);
void view_invalidate(struct view *v);
void view_move(struct view *v, long delta, uint32_t height);
/* How many of the first rows stay where the list has so many lines. */
void view_fix(struct view *v, uint32_t height);
/* The row on a line of the list, counted from 0. */
uint32_t view_row_on(const struct view *v, uint32_t line);
void view_go(struct view *v, uint32_t row, uint32_t height);
/* From elsewhere: a row that is in sight stays where it is, another comes to stand where what is above
 * and below it is in sight, too. */
void view_go_to(struct view *v, uint32_t row);
/* Opens or closes the row under the cursor; false: it has nothing to fold. */
bool view_open(const struct session *s, struct view *v, bool open);
void view_open_all(const struct session *s, struct view *v, bool open);
void view_to_parent(struct view *v);
/* Opens what hides the thing and puts the cursor on it. */
bool view_show(const struct session *s, struct view *v, const struct ref *r);
const struct row *view_current(const struct view *v);
struct ref view_ref(const struct session *s, const struct view *v, const struct row *r);
/* Text of a row, for searching: columns divided by two blanks. */
void view_text(const struct session *s, const struct view *v, const struct row *r, char *buf,
               size_t size);
/* The same without what the line says of this moment only (line_remark()). */
void view_lasting_text(const struct session *s, const struct view *v, const struct row *r,
                       char *buf, size_t size);

/* A search in slices, so that keys never wait: looks at up to `rows` more rows, *done counts them
 * from 0. 1: found, the cursor is there; 0: go on; -1: all were looked at. It looks into closed
 * rows too. */
int view_search(const struct session *s, struct view *v, const char *needle, int direction,
                uint32_t *done, uint32_t rows);
/* Shows only rows that hold the needle, and their ancestors; "": all. They come in pieces, too. */
void view_filter(const struct session *s, struct view *v, const char *needle);
/* One piece of it; true while there are more rows to look at. */
bool view_filter_step(const struct session *s, struct view *v, uint32_t rows);
/* Between view.c and rows.c. */
void rows_fini(struct view *v);
/* The row of the list with this id; false: it is not there. */
bool view_find_id(const struct view *v, uint64_t id, uint32_t *at);
void view_put_ghost(struct view *v, struct row was, uint32_t at);
/* What the ghost was, without the sign that its row had. */
const char *view_ghost_text(const struct view *v);
struct row *view_append(struct view *v, struct row row);
/* By a column of the view, the other way round when it is that one already; -1: the view's order.
 * Trees keep their shape: what stands at the top moves with all below it. */
void view_sort(const struct session *s, struct view *v, int32_t column);

#endif
