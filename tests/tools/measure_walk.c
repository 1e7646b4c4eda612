/* measure_walk TARGET COUNT: what it costs to read the whole state through a GDB stub.
 *
 * Prints medians over COUNT snapshots in microseconds, and packets: stop, walk, go on; and beside
 * them the bare cost of the same packets, sent again with nothing done with the answers.  Linked
 * with -Wl,--wrap=transport_write, so that it sees every packet that the client sends. */
#include "attach/attach.h"
#include "attach/transport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PACKETS_MAX = 4096, PACKET_TEXT = 64, COUNT_MAX = 1000, PATIENCE_MS = 5000 };

enum phase { STOP, WALK, GO, PHASES };

static char packets[PACKETS_MAX][PACKET_TEXT];
static unsigned packet_count;
static bool listening;

enum error __real_transport_write(struct transport *t, const void *data, size_t len,
                                  deadline_t deadline);
enum error __wrap_transport_write(struct transport *t, const void *data, size_t len,
                                  deadline_t deadline);

enum error __wrap_transport_write(struct transport *t, const void *data, size_t len,
                                  deadline_t deadline)
{
    bool packet = len > 1 && len < PACKET_TEXT;
    if (listening && packet && packet_count < PACKETS_MAX) {
        memcpy(packets[packet_count], data, len);
        packets[packet_count++][len] = '\0';
    }
    return __real_transport_write(t, data, len, deadline);
}

static void die(const char *what)
{
    fprintf(stderr, "measure_walk: %s\n", what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
    qsort(v, n, sizeof(*v), order);
    return v[n / 2];
}

static enum error count_slot(void *ctx, const struct record *r)
{
    *(unsigned *)ctx += r->kind == RECORD_SLOT;
    return ERR_OK;
}

/* One round: stop, walk, go. */
static void measure(struct attach *a, double at[PHASES + 1], unsigned *slots)
{
    *slots = 0;
    at[STOP] = now_us();
    enum error e = attach_halt(a);
    at[WALK] = now_us();
    packet_count = 0;
    listening = true;
    if (e == ERR_OK)
        e = attach_records(a, count_slot, slots);
    listening = false;
    at[GO] = now_us();
    if (e == ERR_OK)
        e = attach_continue(a);
    at[PHASES] = now_us();
    if (e != ERR_OK)
        die(attach_error(a));
}

/* Waits for the `#` of an answer and the two digits behind it. */
static void skip_answer(struct transport *t, deadline_t deadline)
{
    uint8_t byte = 0;
    unsigned behind = 0;
    while (behind < 3) {
        if (transport_get(t, &byte, deadline) != ERR_OK)
            die("no answer to a packet sent again");
        behind = byte == '#' || behind > 0 ? behind + 1 : 0;
    }
}

static void ask(struct transport *t, const char *packet)
{
    deadline_t deadline = deadline_in(PATIENCE_MS);
    if (__real_transport_write(t, packet, strlen(packet), deadline) != ERR_OK)
        die("a packet could not be sent again");
    skip_answer(t, deadline);
}

/* The packets of the last walk, bare. */
static double replay_us(struct transport *t)
{
    double begin = now_us();
    for (unsigned i = 0; i < packet_count; i++)
        ask(t, packets[i]);
    return now_us() - begin;
}

static void line_open(struct transport *t, const char *name)
{
    struct target target;
    char why[128];
    const char *wrong = why;
    enum error e = target_parse(name, &target, &wrong);
    if (e == ERR_OK)
        e = transport_open(t, &target, deadline_in(PATIENCE_MS), why, sizeof(why));
    if (e != ERR_OK)
        die(wrong);
}

static double replay_median(const char *name, unsigned count)
{
    static struct transport line;
    static double us[COUNT_MAX];
    line_open(&line, name);
    ask(&line, "$?#3f");
    ask(&line, "$Qqemu.PhyMemMode:1#77");
    for (unsigned i = 0; i < count; i++)
        us[i] = replay_us(&line);
    ask(&line, "$Qqemu.PhyMemMode:0#76");
    ask(&line, "$D#44");
    transport_close(&line);
    return median(us, count);
}

int main(int argc, char **argv)
{
    static double us[PHASES][COUNT_MAX], all[COUNT_MAX];
    char message[256];
    struct attach *a;
    unsigned slots = 0, count = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    if (count == 0 || count > COUNT_MAX)
        die("use: measure_walk TARGET COUNT");
    if (attach_open(argv[1], &a, message, sizeof(message)) != ERR_OK)
        die(message);
    for (unsigned i = 0; i < count; i++) {
        double at[PHASES + 1];
        measure(a, at, &slots);
        for (unsigned p = 0; p < PHASES; p++)
            us[p][i] = at[p + 1] - at[p];
        all[i] = at[PHASES] - at[0];
    }
    attach_close(a);
    printf("slots\t%u\npackets\t%u\n", slots, packet_count);
    printf("stop\t%.0f\nwalk\t%.0f\n", median(us[STOP], count), median(us[WALK], count));
    printf("go\t%.0f\nall\t%.0f\n", median(us[GO], count), median(all, count));
    printf("bare\t%.0f\n", replay_median(argv[1], count));
    return 0;
}
