/* A sample of the moment right after an event, from the newest snapshot before it that is at hand. */
#include "inspector-tui/source_private.h"

#include "attach/between.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The newest sample in memory that has nothing later than `seq` in it, held; NULL. The events that are
 * kept are those of one run of the machine. */
static struct sample *base_in_memory(struct source *s, uint64_t seq)
{
    struct sample *found = NULL;
    uint32_t run = source_event_window(s).run;
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = s->point_count; i-- > 0 && !found;)
        if (s->points[i].moment.run == run && s->points[i].moment.seq <= seq)
            found = sample_hold(s->points[i].sample);
    pthread_mutex_unlock(&s->lock);
    return found;
}

static struct sample *make(struct source *s, const struct sample *base, uint64_t seq, char *why,
                           size_t size)
{
    struct capstate state;
    uint64_t from = base->state.snapshot.seq;
    uint32_t wanted = seq - from < EVENTS_KEPT ? (uint32_t)(seq - from) : EVENTS_KEPT;
    struct record_event *events = malloc((wanted + 1) * sizeof(*events));
    uint32_t n = events ? source_events(s, from + 1, events, wanted) : 0;
    enum error e = events ? between_state(&base->state, events, n, &state) : ERR_NO_MEMORY;
    free(events);
    if (e == ERR_OK && state.snapshot.seq != seq) {
        capstate_free(&state);
        e = ERR_SEQUENCE;
    }
    struct sample *made = e == ERR_OK ? sample_make(&state, &s->rules) : NULL;
    if (!made)
        snprintf(why, size, "event %" PRIu64 " cannot be gone to from snapshot %u: %s", seq,
                 base->number, error_sentence(e == ERR_OK ? ERR_NO_MEMORY : e));
    return made;
}

void source_serve_event(struct source *s, const struct asked *q)
{
    char why[300];
    uint64_t seq = q->ask.addr;
    struct sample *base = base_in_memory(s, seq);
    if (!base) {
        snprintf(why, sizeof(why),
                 "event %" PRIu64
                 " lies before the first snapshot that is in memory: how the system "
                 "stood then nobody knows",
                 seq);
        source_answered_text(s, q, false, why);
        return;
    }
    struct sample *made = make(s, base, seq, why, sizeof(why));
    if (made) {
        made->number = base->number;
        made->recorded = base->recorded;
        made->time = base->time;
        made->run = base->run;
        made->event = seq;
        source_show(s, made, NULL);
    }
    sample_drop(base);
    source_answered_text(s, q, made, made ? "" : why);
}
