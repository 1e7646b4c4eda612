/* follow_live [-e EVENTS] [-t TROUBLES] [-s SECONDS] [-c COMMAND] TARGET CHECK: follows the live
 * line of a monitor until so many events came and the mirror was given up so often (60 seconds at
 * most); then halts the machine and compares the mirror, slot by slot, with a snapshot through the
 * target CHECK, which reads memory.
 *
 *   -c COMMAND  is run once when half of the events have come
 *
 * A program that stops the machine is let run on.
 *
 * Prints what the live line said, what it counted, and whether the mirror is equal. Exit 0: it is,
 * event numbers had no hole that was not told, and everything that was waited for came. */
#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/live.h"
#include "record/same.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, POLL_MS = 200 };

struct follower {
    struct attach *a;
    struct live *live;
    uint64_t next; /* number, 0: any */
    uint64_t events, gaps;
    bool hole;
    long wanted_events, wanted_trouble, seconds;
    const char *command;
};

static void take_record(void *ctx, const struct record *r)
{
    struct follower *f = ctx;
    bool event = r->kind == RECORD_EVENT;
    uint64_t first = event ? r->event.seq : r->gap.first;
    if (f->next != 0 && first != f->next) {
        printf("hole: number %" PRIu64 " where %" PRIu64 " was due\n", first, f->next);
        f->hole = true;
    }
    f->next = first + (event ? 1 : r->gap.count);
    f->events += event;
    f->gaps += !event;
    if (!event)
        printf("gap: %" PRIu64 " events from %" PRIu64 " on\n", r->gap.count, r->gap.first);
}

static void hear(void *ctx, const char *sentence)
{
    (void)ctx;
    printf("said: %s\n", sentence);
    fflush(stdout);
}

static int complain(struct follower *f, const char *what)
{
    printf("%s: %s\n", what, attach_error(f->a));
    return 1;
}

static bool run_command(struct follower *f)
{
    char *text = NULL;
    if (!f->command || (long)f->events < f->wanted_events / 2)
        return true;
    enum error e = attach_command(f->a, f->command, &text);
    free(text);
    f->command = NULL;
    return e == ERR_OK;
}

static int follow(struct follower *f)
{
    const struct live_counts *c = live_counts(f->live);
    deadline_t end = deadline_in(PATIENCE_MS), until = deadline_in(f->seconds * 1000);
    while ((long)f->events < f->wanted_events || (long)c->trouble < f->wanted_trouble ||
           deadline_left(until) > 0) {
        if (live_poll(f->live, POLL_MS) != ERR_OK)
            return complain(f, "poll");
        if (attach_is_halted(f->a) && attach_continue(f->a) != ERR_OK)
            return complain(f, "continue");
        if (!run_command(f))
            return complain(f, "command");
        if (deadline_left(end) == 0) {
            printf("waited in vain\n");
            return 1;
        }
    }
    return 0;
}

/* The machine stands; what it still owes comes. */
static int catch_up(struct follower *f, uint64_t seq)
{
    deadline_t end = deadline_in(PATIENCE_MS);
    while (live_mirror(f->live)->seq != seq || live_mirror(f->live)->state != REPLAY_SOUND) {
        if (live_poll(f->live, POLL_MS) != ERR_OK)
            return complain(f, "poll");
        if (deadline_left(end) == 0) {
            printf("the mirror stays at event %" PRIu64 ", the kernel is at %" PRIu64 "\n",
                   live_mirror(f->live)->seq, seq);
            return 1;
        }
    }
    return 0;
}

static int compare(const struct replay *m, const struct capstate *s)
{
    static struct replay_cursor c;
    struct record_slot mine;
    uint32_t i = 0;
    for (replay_begin(&c); replay_next(m, &c, &mine); i++) {
        const struct record_slot *theirs = &s->slots[i].rec;
        if (i == s->slot_count || !record_same_slot(&mine, theirs)) {
            printf("slot %u of the list: the mirror has 0x%08" PRIx64 " type %u depth %u\n", i,
                   mine.addr, mine.type, mine.depth);
            return 1;
        }
    }
    if (i != s->slot_count) {
        printf("the mirror has %u slots, the kernel %u\n", i, s->slot_count);
        return 1;
    }
    printf("the mirror is equal: %u slots, %" PRIu64 " events\n", i, m->seq);
    return 0;
}

static int check(struct follower *f, const char *target)
{
    char message[512];
    struct attach *memory;
    struct capstate s;
    if (attach_open(target, &memory, message, sizeof(message)) != ERR_OK) {
        printf("%s\n", message);
        return 1;
    }
    int status = 1;
    if (attach_snapshot(memory, &s) != ERR_OK) {
        printf("%s\n", attach_error(memory));
    } else {
        status = catch_up(f, s.snapshot.seq) || compare(live_mirror(f->live), &s);
        capstate_free(&s);
    }
    attach_close(memory);
    return status;
}

static int run(struct follower *f, const char *memory)
{
    const struct live_listener listener = {f, take_record, hear};
    if (live_open(f->a, &listener, &f->live) != ERR_OK)
        return complain(f, "open");
    int status = follow(f);
    if (status == 0 && attach_halt(f->a) != ERR_OK)
        status = complain(f, "halt");
    if (status == 0)
        status = check(f, memory);
    const struct live_counts *c = live_counts(f->live);
    printf("events %llu lost %llu bases %u trouble %u digests %u\n", (unsigned long long)c->events,
           (unsigned long long)c->lost, c->bases, c->trouble, c->digests);
    live_close(f->live);
    return status || f->hole;
}

int main(int argc, char **argv)
{
    struct follower f = {.seconds = 0};
    char message[512];
    int option;
    while ((option = getopt(argc, argv, "e:t:s:c:")) >= 0) {
        if (option == 'e')
            f.wanted_events = strtol(optarg, NULL, 10);
        if (option == 't')
            f.wanted_trouble = strtol(optarg, NULL, 10);
        if (option == 's')
            f.seconds = strtol(optarg, NULL, 10);
        if (option == 'c')
            f.command = optarg;
        if (option == '?')
            return 2;
    }
    if (optind + 2 != argc) {
        fprintf(stderr, "follow_live: TARGET CHECK\n");
        return 2;
    }
    if (attach_open(argv[optind], &f.a, message, sizeof(message)) != ERR_OK) {
        fprintf(stderr, "%s\n", message);
        return 2;
    }
    int status = run(&f, argv[optind + 1]);
    attach_close(f.a);
    return status;
}
