/* The inspector's user interface: the views over one session, where one is, and what one types. */
#ifndef CAPSCOPE_INSPECTOR_TUI_APP_H
#define CAPSCOPE_INSPECTOR_TUI_APP_H

#include "inspector-tui/bindings.h"
#include "inspector-tui/pane.h"
#include "inspector-tui/view.h"

enum { INPUT_MAX = 200, TRAIL = 64, HITS = 2048, INPUTS_KEPT = 64 };

/* Where one was, for the way back. */
struct place {
    enum view_id view;
    struct ref ref;
    struct ref focus;
};

/* Something on the screen that a click follows. */
struct hit {
    int16_t y, from, to;
    struct ref ref; /* REF_NONE: see the others */
    int16_t tab;    /* view, -1 */
    int32_t row;    /* of the view, -1 */
    int key;        /* that it stands for, 0: none */
};

enum prompt {
    PROMPT_NONE,
    PROMPT_SEARCH,
    PROMPT_FILTER,
    PROMPT_COMMAND,
    PROMPT_SQL,
    PROMPT_LEAVE, /* armed stops: remove, keep or stay */
};

struct app {
    struct session session;
    struct view views[VIEWS];
    enum view_id current;
    bool running;
    double began; /* seconds after 1970 */
    int exit_status;

    struct pane pane;
    char *told; /* lines that the pane shows instead, NULL: none */
    struct ref told_about;
    bool show_pane, in_pane; /* in_pane: keys move in the pane */
    bool mouse, ascii, show_help;
    uint32_t help_top;
    uint32_t help_from, help_found; /* lines: where a search began, what it found last */
    char help_search[64];

    struct place trail[TRAIL];
    uint32_t trail_length;
    struct place marks[26]; /* by letter; view VIEWS: not set */
    uint32_t count;         /* number typed before a key, 0: none */
    int waiting_key;        /* M or ' typed: the next key is a letter of a mark */

    enum prompt prompt;
    char input[INPUT_MAX];
    uint32_t input_cursor;
    char offers[INPUT_MAX];            /* words that would complete it, "" */
    char *inputs[INPUTS_KEPT];         /* what was typed before, the newest last ... */
    enum prompt input_of[INPUTS_KEPT]; /* ... and where: each prompt recalls its own */
    uint32_t input_count, input_at;

    char search[INPUT_MAX];
    bool searching;
    int search_direction;
    uint32_t search_done;

    uint64_t begin_left[2]; /* the event of a beginning from which a step was asked for, its run */
    uint32_t asked_step, asked_show; /* questions whose answers mean something here */
    char sent[INPUT_MAX];            /* the line whose answer asked_show is */
    struct ref follow;               /* the next sample puts the cursor there */

    struct hit hits[HITS];
    uint32_t hit_count;
    uint64_t last_event;             /* the newest one known, */
    uint32_t events_replaced;        /* and of which of them, see source_event_window() */
    uint64_t listed_event;           /* the one shown when the list of events was last looked at, */
    bool listed_past;                /* and whether that was past */
    uint32_t list_height;            /* lines of the list, as last drawn */
    uint32_t columns, columns_shown; /* of the list, as last drawn */
};

void app_init(struct app *app, struct source *source);
void app_fini(struct app *app);
/* The loop: until q, a signal, or the terminal is gone. Returns the exit status. */
int app_run(struct app *app);
/* For signal handlers: ends the loop. */
void app_interrupt(int signal_number);

/* Leaves; asks first where stops are armed. */
void app_quit(struct app *app);

struct view *app_view(struct app *app);
const struct row *app_row(struct app *app);
/* What the cursor is on: in the pane its link, else the row's thing. */
struct ref app_ref(struct app *app);
/* The same, where an event stands for the slot that it changed. */
struct ref app_thing(struct app *app);
/* The capability under the cursor: of an object, a thread or an address the first one to it.
 * REF_NONE with a message: there is none. */
struct ref app_capability(struct app *app);
/* Another view. Remembers where one was. */
void app_go(struct app *app, enum view_id view);
/* The same by its key: what is past opens where one is, events at the event under the cursor or the one
 * that is shown, revocations at the one it belongs to. */
void app_open(struct app *app, enum view_id view);
/* Goes to a thing, in the view that shows it best. */
void app_follow(struct app *app, const struct ref *r);
void app_back(struct app *app);
/* `:goto`: an address, a slot, a name, "vaddr in DOMAIN". false with a message when it is nothing.
 */
bool app_goto(struct app *app, const char *text);
/* The answer to a question about a thread, lines: it stands in the pane as long as the cursor is on that
 * thread, and in the log. */
void app_tell(struct app *app, uint64_t thread, const char *text);
/* Makes the pane tell about what the cursor is on. The link that is chosen stays chosen. */
void app_fill_pane(struct app *app);

/* keys.c */
void keys_init(void);
void keys_press(struct app *app, int key);
extern const struct action actions[];
extern const uint32_t action_count;

/* prompt.c */
void prompt_open(struct app *app, enum prompt prompt, const char *text);
void prompt_key(struct app *app, int key);

/* command.c: what is typed after ':' */
void command_run(struct app *app, const char *text);
/* Says that neither the inspector nor the target knows this command, and which one is near. */
void command_unknown(struct app *app, const char *text);
/* The n-th command as the help shows it; NULL: there are no more. */
const char *command_help(uint32_t n, const char **help);
/* The n-th completion of a beginning, false: there are no more. */
bool command_complete(const struct app *app, const char *text, uint32_t n, char *out, size_t size);

/* revoking.c: stepping through a revocation, halting, breaks */
void revoking_arm(struct app *app);
void revoking_disarm(struct app *app);
void revoking_step(struct app *app);
void revoking_step_back(struct app *app);
void revoking_finish(struct app *app);
void revoking_continue(struct app *app);
void revoking_preview(struct app *app);
void revoking_halt(struct app *app);
void revoking_killed(struct app *app);
void revoking_made(struct app *app);
void revoking_hear(struct app *app, const struct answer *a);

/* screen.c, palette.c, help.c, config.c */
void screen_draw(struct app *app);
/* Scrolls the list as drawing it would: where it stands after some keys does not depend on whether the
 * screen was drawn between them. */
void screen_settle(struct app *app);
/* Is it wanted, and is there room? */
bool screen_has_pane(const struct app *app);
/* Where the pane has the focus, the link in it that is chosen; false: none is in sight. */
bool screen_pane_chosen(struct app *app, struct ref *r);
/* The pane scrolls to where the link is that is chosen. */
void screen_pane_show_chosen(struct app *app);
/* To the next links, where none is in sight by rows; by pages, which are clamped to its ends. */
enum { PANE_END = 4096 };
void screen_pane_step(struct app *app, long steps);
void screen_pane_page(struct app *app, long pages);
void palette_init(bool mono);
/* "light", "dark", or "auto": as the terminal says in COLORFGBG, else colours readable on both. */
bool palette_set_background(const char *word);
unsigned long palette_attributes(enum style styled); /* STYLE_BLOCK may be in it */
bool palette_set(const char *style, int foreground);
void help_draw(struct app *app);
bool help_key(struct app *app, int key);
/* Reads a configuration; a missing file is fine. false: `message` says file, line and what. */
bool config_read(struct app *app, const char *path, char *message, size_t size);

#endif
