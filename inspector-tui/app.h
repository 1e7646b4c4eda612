/* The inspector: its state, its views, its screen. */
#ifndef CAPSCOPE_INSPECTOR_TUI_APP_H
#define CAPSCOPE_INSPECTOR_TUI_APP_H

#include "authority/authority.h"
#include "inspector-tui/source.h"
#include "inspector-tui/view.h"

enum app_view {
    VIEW_SPACES,
    VIEW_TREE,
    VIEW_THREADS,
    VIEW_UNTYPED,
    VIEW_OBJECTS,
    VIEW_VERDICT,
    VIEW_CONSOLE,
    VIEWS,
};

enum { DETAIL_LINES = 64, DETAIL_WIDTH = 256, INPUT_MAX = 128 };

struct app {
    struct source *source;
    struct capstate state;
    bool have_state;
    struct authority authority; /* of the current state: domains, owners */
    bool have_authority;
    struct authority_verdict verdict; /* on the current state */
    bool have_verdict;
    bool follow_revoke;   /* the next state puts the cursor on the victim of the revoke */
    uint64_t follow_slot; /* the next state puts the cursor on this slot, 0: none */
    struct view views[VIEWS];
    uint32_t current;
    bool running, paused, show_help, show_detail, mouse;
    uint32_t help_top;

    char message[256]; /* last line, until the next key */
    char ending[256];  /* said on stderr after the screen is gone */
    int exit_status;
    char search[INPUT_MAX];
    char input[INPUT_MAX]; /* line being typed after `prompt` */
    char prompt;           /* '/', ':' or 0 */
    char *console;         /* program output and answers of the monitor */
    size_t console_len;

    char detail[DETAIL_LINES][DETAIL_WIDTH];
    uint32_t detail_count;
    uint64_t *known; /* sums of the slots of the state before, sorted: what is new stands out */
    uint32_t known_count;
    bool have_known;
};

/* Adds a line to the detail pane (printf). */
void app_detail(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_say(struct app *app, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends to the console view; bytes that could steer a terminal are escaped. */
void app_console(struct app *app, const char *text);

/* Details of what a row refers to: capability, object with all holders, thread. */
void detail_row(struct app *app, const struct row *r);

/* The loop: until q, or the target vanishes. Returns the exit status. */
int app_run(struct app *app);
void app_init(struct app *app, struct source *source);
void app_fini(struct app *app);

/* keys.c: opens the ancestors of a slot in the derivation tree and puts the cursor on it. */
void app_show_slot(struct app *app, int32_t slot);
/* moment.c: going to where a capability came from or went, on a replay. */
void moment_key(struct app *app, int key);
bool moment_command(struct app *app, const char *line); /* false: not such a line */
void moment_take(struct app *app);                      /* tells what a search has found */
void moment_follow(struct app *app);                    /* a new state is here */

/* keys.c: handles one key. screen.c: draws everything; page height of the list. */
void app_key(struct app *app, int key);
void screen_draw(struct app *app);
uint32_t screen_list_height(const struct app *app);
/* Name of a domain, "-" for none. */
const char *app_domain_name(const struct app *app, int32_t domain);
/* Is this slot new or different since the snapshot before? */
bool app_slot_changed(const struct app *app, int32_t slot);

extern const struct view_ops view_spaces, view_tree, view_threads, view_untyped, view_objects,
    view_verdict, view_console;
/* NULL-terminated. */
extern const char *const help_lines[];

#endif
