/* Where states come from: a running target, sampled by a thread of its own so that keys never wait
 * for a line, or a recording. */
#ifndef CAPSCOPE_INSPECTOR_TUI_SOURCE_H
#define CAPSCOPE_INSPECTOR_TUI_SOURCE_H

#include "attach/attach.h"
#include "authority/authority.h"

struct source;

struct source_options {
    const char *target;   /* attach target, or a recording FILE[@N] */
    const char *record;   /* recording to write, NULL: none */
    uint32_t interval_ms; /* between two samples of a live target */
    const char *domains;  /* file of domain rules, NULL: those of the recording */
};

/* On failure NULL and the sentence in `message`. */
struct source *source_open(const struct source_options *options, char *message, size_t size);
void source_close(struct source *s); /* finishes the recording */

bool source_is_live(const struct source *s);
const char *source_name(const struct source *s);

/* If there is a newer state than the last one taken: moves it into *state (the old one is freed)
 * and returns true. */
bool source_take(struct source *s, struct capstate *state);
/* The domain rules that hold for the state that was taken last; they are the source's. */
const struct authority_rules *source_rules(const struct source *s);
/* Takes a sample as soon as possible. */
void source_poke(struct source *s);
void source_pause(struct source *s, bool paused);

/* 0 while all is well; else why the target cannot be read any more, with a sentence. */
enum error source_status(struct source *s, char *message, size_t size);

/* Snapshots of a recording (live: those recorded so far): number, count; going to another one. */
uint32_t source_position(struct source *s, uint32_t *count);
bool source_seek(struct source *s, uint32_t number);

/* Runs a monitor command; false and a sentence when the target has no monitor. Caller frees. */
bool source_command(struct source *s, const char *line, char **text);
bool source_halt(struct source *s, bool halt, char *message, size_t size);
bool source_is_halted(struct source *s);
/* Goes to the moment at which a slot was emptied or filled, on a target that replays a recorded
 * run. The search takes its time: this begins it, and false with a sentence says why not. */
bool source_find(struct source *s, enum attach_goal goal, uint64_t slot, char *message,
                 size_t size);
/* Once, when the search is over: true, what it found or why not, and the slot. */
bool source_found(struct source *s, char *text, size_t size, uint64_t *slot);
/* What programs printed since the last call; "" if nothing. Caller frees. */
char *source_console(struct source *s);

#endif
