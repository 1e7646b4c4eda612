/* Questions in SQL to a running target.  Each is asked of a moment that is in memory, in a thread of its
 * own: the worker goes on to read the target, whose line fills when nobody does, and a long question
 * would make the machine stand.
 *
 * The newest question counts: one that is still asked when another comes gives up.  SQLite looks whether
 * it should only between its steps, of which one may be long; source_close() does not wait for that. */
#include "inspector-tui/source_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_ONCE = 4, END_SECONDS = 3 };

struct question {
    struct source *source;
    struct asked asked;
    struct sample *before; /* NULL: compared with nothing */
    struct capstate state; /* the moment */
    double time;
};

static bool is_wanted(void *question)
{
    const struct question *q = question;
    pthread_mutex_lock(&q->source->lock);
    bool wanted = !q->source->quit && q->source->question == q->asked.id;
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

static void answer(struct question *q)
{
    char why[CAPDB_MESSAGE] = "", *table = NULL, *before = NULL;
    enum error e = ask_moment(q, &q->state, q->time, &table, why);
    if (e == ERR_OK && q->before) {
        e = ask_moment(q, &q->before->state, q->before->time, &before, why);
        if (e == ERR_OK)
            table = source_compare_tables(before, table);
    }
    bool good = e == ERR_OK && table;
    if (!good) {
        free(table);
        table = strdup(why[0] ? why : error_sentence(ERR_NO_MEMORY));
    }
    if (is_wanted(q))
        source_put_answer(q->source, &q->asked, good, table);
    else
        free(table);
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
    s->question = q->asked.id;
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

void source_ask_moment(struct source *s, const struct asked *asked, struct capstate *state,
                       double time, struct sample *before)
{
    struct question *q = calloc(1, sizeof(*q));
    if (!q) {
        capstate_free(state);
        sample_drop(before);
        source_answered_text(s, asked, false, error_sentence(ERR_NO_MEMORY));
        return;
    }
    *q = (struct question){
        .source = s, .asked = *asked, .before = before, .state = *state, .time = time};
    if (begin(q)) {
        source_served(s);
        return;
    }
    question_free(q);
    source_answered_text(s, asked, false,
                         "earlier questions have not given up yet: ask again later");
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
    return over;
}
