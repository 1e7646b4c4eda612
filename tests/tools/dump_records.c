/* dump_records [-hkt] [-n COUNT] [-c LINE] TARGET: writes the encoded records of snapshots of a
 * target to stdout, for tests that compare what different doors see.
 *
 *   -h        halts the machine first and leaves it halted until the end
 *   -k        stays attached until stdin ends
 *   -n COUNT  so many snapshots (1)
 *   -t        text instead: one line a snapshot with counts, digest and milliseconds
 *   -c LINE   runs a monitor command and prints its text; no snapshot */
#include "attach/attach.h"
#include "attach/clock.h"
#include "record/codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    bool halt;
    bool keep;
    bool text;
    long count;
    const char *command;
};

static enum error write_record(void *ctx, const struct record *r)
{
    uint8_t bytes[RECORD_MAX_BYTES];
    uint32_t n = record_encode(ctx, r, bytes);
    return fwrite(bytes, 1, n, stdout) == n ? ERR_OK : ERR_IO;
}

static enum error snapshot_text(struct attach *a)
{
    struct capstate s;
    int64_t begin = clock_now_ms();
    enum error e = attach_snapshot(a, &s);
    if (e != ERR_OK)
        return e;
    printf("ticks %" PRIu64
           " slots %u threads %u mappings %u findings %u complete %u stopped %u digest "
           "%08x%08x "
           "ms %lld\n",
           s.snapshot.ticks, s.slot_count, s.thread_count, s.mapping_count, s.finding_count,
           s.end.complete, s.snapshot.stopped, s.end.digest0, s.end.digest1,
           (long long)(clock_now_ms() - begin));
    capstate_free(&s);
    return ERR_OK;
}

static enum error run_command(struct attach *a, const char *line)
{
    char *text = NULL;
    enum error e = attach_command(a, line, &text);
    if (e == ERR_OK)
        printf("%s", text);
    free(text);
    return e;
}

static enum error dump(struct attach *a, const struct options *o)
{
    enum error e = o->halt ? attach_halt(a) : ERR_OK;
    if (e == ERR_OK && o->command)
        return run_command(a, o->command);
    for (long i = 0; e == ERR_OK && i < o->count; i++) {
        struct record_codec codec;
        record_codec_init(&codec);
        e = o->text ? snapshot_text(a) : attach_records(a, write_record, &codec);
    }
    return e;
}

int main(int argc, char **argv)
{
    struct options o = {.count = 1};
    struct attach *a = NULL;
    char message[512];
    int c;
    while ((c = getopt(argc, argv, "hktn:c:")) >= 0) {
        o.halt |= c == 'h';
        o.keep |= c == 'k';
        o.text |= c == 't';
        if (c == 'n')
            o.count = strtol(optarg, NULL, 10);
        if (c == 'c')
            o.command = optarg;
        if (c == '?')
            return 2;
    }
    if (optind + 1 != argc || attach_open(argv[optind], &a, message, sizeof(message)) != ERR_OK) {
        fprintf(stderr, "dump_records: %s\n", a || optind + 1 != argc ? "one TARGET" : message);
        return 2;
    }
    enum error e = dump(a, &o);
    if (e != ERR_OK)
        fprintf(stderr, "dump_records: %s\n", attach_error(a));
    bool written = fflush(stdout) == 0;
    while (o.keep && getchar() != EOF)
        ;
    attach_close(a);
    return e == ERR_OK && written ? 0 : 2;
}
