/* Questions in SQL, each in a thread of its own: the worker goes on to read the target, whose line fills
 * when nobody does, or to load other snapshots of the recording.  Of a running target a question is asked
 * of a moment that is in memory; of a recording over a connection of its own, which the next question
 * takes over.
 *
 * The newest question counts: one that is still asked when another comes, or when it is given up, ends.
 * SQLite looks whether it should only between its steps, of which one may be long; source_close() does
 * not wait for that. */
#include "inspector-tui/source_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_ONCE = 4, END_SECONDS = 3 };

struct question {
    struct source *source;
    struct asked asked;
    struct capdb *db;      /* the recording, NULL: a moment */
    struct sample *before; /* NULL: compared with nothing */
    struct capstate state; /* the moment */
    double time;
};

static bool is_wanted(void *question)
{
    const struct question *q = question;
    pthread_mutex_lock(&q->source->lock);
    bool wanted = !q->source->quit && source_is_newest(q->source, &q->asked);
    pthread_mutex_unlock(&q->source->lock);
    return wanted;
}

/* Over a recording in memory with one snapshot, as `capdb live` has it. On failure the sentence in
 * `why`. */
static enum error ask_moment(struct question *q, const struct capstate *state, double time,
                             char **table, char *why)
{
    struct capdb *db = NULL;
    uint32_t n;
    struct source *s = q->source;
    enum error e = capdb_create(":memory:", s->options.target, &db, why);
    if (e == ERR_OK && s->rules.count)
        e = capdb_set_rules(db, &s->rules);
    if (e == ERR_OK)
        e = capdb_append(db, state, time, &n);
    if (e == ERR_OK)
        e = capdb_flush(db);
    if (e == ERR_OK) {
        capdb_give_up_after(db, SQL_SECONDS, is_wanted, q);
        e = capdb_ask(db, q->asked.ask.text, SQL_ROWS, table);
    }
    if (db && e != ERR_OK)
        snprintf(why, CAPDB_MESSAGE, "%s", capdb_error(db));
    if (db)
        capdb_close(db);
    return e;
}

/* To the recording that the source has open, if it has its name still. */
static enum error open_connection(struct source *s, struct capdb **db, char *why)
{
    enum error e = capdb_open(s->file, db, why);
    if (e != ERR_OK || source_file_is_same(s))
        return e;
    capdb_close(*db);
    *db = NULL;
    snprintf(
        why, CAPDB_MESSAGE,
        "another file has the name of this recording by now: ask again, or leave and open it anew");
    return ERR_NOT_FOUND;
}

/* The recording that the source has open, whatever has its name by now; one connection waits for the
 * next question. */
static enum error take_connection(struct question *q, char *why)
{
    struct source *s = q->source;
    pthread_mutex_lock(&s->lock);
    q->db = s->spare;
    s->spare = NULL;
    pthread_mutex_unlock(&s->lock);
    enum error e = q->db ? ERR_OK : open_connection(s, &q->db, why);
    if (e == ERR_OK)
        capdb_give_up_after(q->db, SQL_SECONDS, is_wanted, q);
    return e;
}

static void keep_connection(struct question *q)
{
    struct source *s = q->source;
    if (!q->db)
        return;
    pthread_mutex_lock(&s->lock);
    struct capdb *rest = s->spare ? q->db : NULL;
    if (!rest)
        s->spare = q->db;
    pthread_mutex_unlock(&s->lock);
    if (rest)
        capdb_close(rest);
    q->db = NULL;
}

static enum error ask_snapshot(struct question *q, uint32_t n, char **table, char *why)
{
    enum error e = capdb_ask_at(q->db, q->asked.ask.text, n, SQL_ROWS, table);
    char sentence[CAPDB_MESSAGE];
    if (e != ERR_OK)
        snprintf(why, CAPDB_MESSAGE, "%s", source_db_error(q->db, sentence));
    return e;
}

/* One of the two that are compared. */
static enum error ask(struct question *q, bool before, char **table, char *why)
{
    const struct ask *ask = &q->asked.ask;
    if (q->db)
        return ask_snapshot(q, before ? (uint32_t)ask->addr : ask->number, table, why);
    return before ? ask_moment(q, &q->before->state, q->before->time, table, why)
                  : ask_moment(q, &q->state, q->time, table, why);
}

static void answer(struct question *q)
{
    char why[CAPDB_MESSAGE] = "", *table = NULL, *before = NULL;
    enum error e = q->source->live ? ERR_OK : take_connection(q, why);
    if (e == ERR_OK)
        e = ask(q, false, &table, why);
    if (e == ERR_OK && q->asked.ask.addr) {
        e = ask(q, true, &before, why);
        if (e == ERR_OK)
            table = source_compare_tables(before, table);
    }
    keep_connection(q);
    bool good = e == ERR_OK && table;
    if (!good) {
        free(table);
        table = strdup(why[0] ? why : error_sentence(ERR_NO_MEMORY));
    }
    source_put_answer(q->source, &q->asked, good, table);
}

static void question_free(struct question *q)
{
    capstate_free(&q->state);
    sample_drop(q->before);
    free(q);
}

static void *question_main(void *arg)
{
    struct question *q = arg;
    struct source *s = q->source;
    answer(q);
    question_free(q);
    pthread_mutex_lock(&s->lock); /* with this the source may end */
    s->questions--;
    pthread_cond_signal(&s->question_over);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static bool begin(struct question *q)
{
    struct source *s = q->source;
    pthread_t thread;
    pthread_mutex_lock(&s->lock);
    bool room = s->questions < AT_ONCE;
    s->questions += room;
    pthread_mutex_unlock(&s->lock);
    if (!room)
        return false;
    if (pthread_create(&thread, NULL, question_main, q) == 0) {
        pthread_detach(thread);
        return true;
    }
    pthread_mutex_lock(&s->lock);
    s->questions--;
    pthread_mutex_unlock(&s->lock);
    return false;
}

/* Takes over what `made` holds. */
static void ask_in_thread(struct source *s, const struct asked *asked, struct question made)
{
    struct question *q = calloc(1, sizeof(*q));
    if (!q) {
        capstate_free(&made.state);
        sample_drop(made.before);
        source_answered_text(s, asked, false, error_sentence(ERR_NO_MEMORY));
        return;
    }
    *q = made;
    q->source = s;
    q->asked = *asked;
    if (begin(q)) {
        source_served(s);
        return;
    }
    question_free(q);
    source_answered_text(s, asked, false,
                         "earlier questions have not given up yet: ask again later");
}

void source_ask_moment(struct source *s, const struct asked *asked, struct capstate *state,
                       double time, struct sample *before)
{
    ask_in_thread(s, asked, (struct question){.before = before, .state = *state, .time = time});
}

bool source_has_connection(struct source *s)
{
    pthread_mutex_lock(&s->lock);
    bool has = s->spare;
    pthread_mutex_unlock(&s->lock);
    return has;
}

void source_connect(struct source *s)
{
    char why[CAPDB_MESSAGE];
    struct question first = {.source = s};
    if (!source_has_connection(s) && open_connection(s, &first.db, why) == ERR_OK)
        keep_connection(&first);
}

void source_ask_recording(struct source *s, const struct asked *asked)
{
    ask_in_thread(s, asked, (struct question){.time = 0});
}

bool source_questions_end(struct source *s)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_SECONDS;
    pthread_mutex_lock(&s->lock);
    while (s->questions && pthread_cond_timedwait(&s->question_over, &s->lock, &until) == 0)
        ;
    bool over = s->questions == 0;
    pthread_mutex_unlock(&s->lock);
    if (over && s->spare)
        capdb_close(s->spare);
    return over;
}
