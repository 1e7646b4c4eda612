/* The second reader (tests/reader/read_records.py, written from the documents alone) against the C
 * code, on snapshots of the simulated kernel and on random records: the same bytes give the same
 * lines, as records and as frames among text; damage is told by both. */
#include "tests/sim/sim_random.h"

#include "lib/format.h"
#include "objwalk/capscope/walk.h"
#include "record/codec.h"
#include "wire/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t *stream; /* record bytes */
static size_t stream_len;
static FILE *expected; /* lines as this side prints them */
static char *expected_text;
static size_t expected_len;
static struct record_codec codec;
static char path[64];

/* --- this side's lines --- */

static void print_string(const char *name, const struct record_string *s)
{
    char text[RECORD_STRING_MAX * 4 + 1];
    format_escape(text, sizeof(text), s->bytes, s->length);
    fprintf(expected, " %s=%s", name, text);
}

static void print_bytes(const char *name, const struct record_bytes *b)
{
    char text[RECORD_BYTES_MAX * 4 + 1];
    format_escape(text, sizeof(text), (const char *)b->bytes, b->length);
    fprintf(expected, " %s=%s", name, text);
}

#define PRINT_U(field)     fprintf(expected, " %s=%u", #field, (unsigned)r->field);
#define PRINT_W(field)     fprintf(expected, " %s=%" PRIu64, #field, (uint64_t)r->field);
#define PRINT_D(field)     PRINT_W(field)
#define PRINT_T(field)     PRINT_U(field)
#define PRINT_S(field)     print_string(#field, &r->field);
#define PRINT_B(field)     print_bytes(#field, &r->field);
#define PRINT(mode, field) PRINT_##mode(field)

#define X(value, NAME, name)                                                                       \
    static void print_##name(const struct record_##name *r)                                        \
    {                                                                                              \
        fprintf(expected, "%s", #name);                                                            \
        RECORD_FIELDS_##NAME(PRINT) fprintf(expected, "\n");                                       \
    }
RECORD_LIST(X)
#undef X

static void print_record(const struct record *r)
{
    switch (r->kind) {
#define X(value, NAME, name)                                                                       \
    case RECORD_##NAME:                                                                            \
        print_##name(&r->name);                                                                    \
        break;
        RECORD_LIST(X)
#undef X
    default:
        fail();
    }
}

/* --- making streams --- */

static enum error add_record(void *ctx, const struct record *r)
{
    (void)ctx;
    stream = realloc(stream, stream_len + RECORD_MAX_BYTES);
    assert_non_null(stream);
    stream_len += record_encode(&codec, r, stream + stream_len);
    return ERR_OK;
}

/* What the C decoder makes of the stream, as lines. */
static void print_stream(void)
{
    struct record_codec decoder;
    struct record r;
    uint32_t used;
    record_codec_init(&decoder);
    for (size_t at = 0; at < stream_len; at += used) {
        assert_int_equal(
            record_decode(&decoder, stream + at, (uint32_t)(stream_len - at), &used, &r), ERR_OK);
        print_record(&r);
    }
    fflush(expected);
}

static int setup(void **state)
{
    sim_setup(state);
    srand(11);
    stream = NULL;
    stream_len = 0;
    expected = open_memstream(&expected_text, &expected_len);
    record_codec_init(&codec);
    strcpy(path, "/tmp/capscope-reader-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    fclose(expected);
    free(expected_text);
    free(stream);
    unlink(path);
    return sim_teardown(state);
}

static void write_file(const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Runs the reader; its output goes to *out (to be freed). Returns its exit status. */
static int run_reader(const char *mode, char **out, size_t *len)
{
    char command[160], piece[4096];
    FILE *all = open_memstream(out, len);
    snprintf(command, sizeof(command), "python3 tests/reader/read_records.py %s %s 2>/dev/null",
             mode, path);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    for (size_t n; (n = fread(piece, 1, sizeof(piece), p)) > 0;)
        fwrite(piece, 1, n, all);
    int status = pclose(p);
    fclose(all);
    return WEXITSTATUS(status);
}

static void expect_reader(const char *mode, int status, const char *want)
{
    char *out;
    size_t len;
    assert_int_equal(run_reader(mode, &out, &len), status);
    if (want)
        assert_string_equal(out, want);
    free(out);
}

static void take_snapshot(void)
{
    static struct objwalk w;
    struct memview view = sim_memview();
    assert_int_equal(objwalk_open(&w, &view, hostsim_roots()), ERR_OK);
    assert_int_equal(objwalk_snapshot(&w, SNAPSHOT_STOPPED, add_record, NULL), ERR_OK);
}

/* The packed form, as it goes over a line. */
static uint8_t *room(void *ctx)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    (void)ctx;
    return bytes;
}

static void take_packed_snapshot(void)
{
    static struct objwalk w;
    struct memview view = sim_memview();
    assert_int_equal(objwalk_open(&w, &view, hostsim_roots()), ERR_OK);
    assert_int_equal(objwalk_snapshot_packed(&w, SNAPSHOT_STOPPED, add_record, room, NULL), ERR_OK);
}

/* Some objects, threads, mappings and derivations. */
static void make_state(void)
{
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0), copies = sim_free_slots(5);
    cptr_t table = sim_new(OBJECT_PAGE_TABLE, 0), frame = sim_new(OBJECT_FRAME_4K, 0);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(sim_mint(copies + i, ep, i, i), 0);
    sim_call(table, INV_PAGE_TABLE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x50000000, 3));
    sim_call(frame, INV_PAGE_MAP, SIM_CAPS(INIT_VSPACE), SIM_MRS(0x50001000, 3, 3));
    for (unsigned i = 0; i < 4; i++)
        sim_thread_new(i % 2 ? "name\\with \033[1m\xc3\xa4" : "", 10 + i, copies);
}

/* --- tests --- */

static void both_readers_print_the_same_of_real_snapshots(void **state)
{
    (void)state;
    take_snapshot();
    make_state();
    take_snapshot();
    sim_revoke(sim_untyped());
    take_snapshot();
    print_stream();
    assert_true(expected_len > 10000);
    write_file(stream, stream_len);
    expect_reader("records", 0, expected_text);
}

/* --- random records --- */

static uint32_t random_number(void)
{
    return rand() % 3 == 0 ? 0 : (uint32_t)rand() << (rand() % 2) >> rand() % 31;
}

static uint64_t random_word(void)
{
    return random_number() | (rand() % 3 == 0 ? (uint64_t)random_number() << 32 : 0);
}

static void random_string(struct record_string *s)
{
    s->length = (uint8_t)(rand() % (RECORD_STRING_MAX + 1));
    for (int i = 0; i < s->length; i++)
        s->bytes[i] = (char)(rand() % 255 + 1);
    s->bytes[s->length] = '\0';
}

static void random_bytes(struct record_bytes *b)
{
    static uint8_t bytes[RECORD_BYTES_MAX];
    b->length = (uint32_t)(rand() % (RECORD_BYTES_MAX + 1));
    b->bytes = bytes;
    for (uint32_t i = 0; i < b->length; i++)
        bytes[i] = (uint8_t)rand();
}

#define FILL_U(field)     r->field = random_number();
#define FILL_W(field)     r->field = random_word();
#define FILL_D(field)     r->field = random_word();
#define FILL_T(field)     FILL_U(field)
#define FILL_S(field)     random_string(&r->field);
#define FILL_B(field)     random_bytes(&r->field);
#define FILL(mode, field) FILL_##mode(field)

#define X(value, NAME, name)                                                                       \
    static void fill_##name(struct record_##name *r)                                               \
    {                                                                                              \
        RECORD_FIELDS_##NAME(FILL)                                                                 \
    }
RECORD_LIST(X)
#undef X

static void both_readers_print_the_same_of_random_records(void **state)
{
    (void)state;
    for (int i = 0; i < 4000; i++) {
        struct record r = {.kind = (enum record_kind)(1 + rand() % (RECORD_KINDS - 1))};
        switch (r.kind) {
#define X(value, NAME, name)                                                                       \
    case RECORD_##NAME:                                                                            \
        fill_##name(&r.name);                                                                      \
        if (r.kind == RECORD_SNAPSHOT)                                                             \
            r.snapshot.format = rand() % 2 ? RECORD_FORMAT : RECORD_FORMAT_PACKED;                 \
        add_record(NULL, &r);                                                                      \
        break;
            RECORD_LIST(X)
#undef X
        default:
            break;
        }
    }
    print_stream();
    write_file(stream, stream_len);
    expect_reader("records", 0, expected_text);
}

/* The stream cut into frames as the kernel does it, with text between. Returns the length. */
static size_t frames_of_stream(uint8_t *line)
{
    struct record_codec decoder;
    struct record r;
    size_t n = 0, begin = 0, at = 0;
    uint16_t sequence = 0;
    record_codec_init(&decoder);
    while (at < stream_len) {
        uint32_t used = 0;
        assert_int_equal(
            record_decode(&decoder, stream + at, (uint32_t)(stream_len - at), &used, &r), ERR_OK);
        bool last = at + used == stream_len;
        if (at + used - begin > FRAME_PAYLOAD || last) {
            n += (size_t)sprintf((char *)line + n, "some text %u\r\n", sequence);
            n += frame_encode(sequence == 0 ? FRAME_SNAPSHOT_BEGIN : FRAME_RECORDS, sequence,
                              stream + begin, (uint32_t)(at - begin), line + n);
            sequence++;
            begin = at;
        }
        at += used;
    }
    return n + frame_encode(FRAME_SNAPSHOT_END, sequence, stream + begin, (uint32_t)(at - begin),
                            line + n);
}

static void both_readers_print_the_same_of_frames_among_text(void **state)
{
    (void)state;
    make_state();
    take_snapshot();
    print_stream();
    uint8_t *line = malloc(stream_len * 2);
    size_t n = frames_of_stream(line);
    write_file(line, n);
    expect_reader("frames", 0, expected_text);
    expect_reader("check", 0, NULL);
    char *text;
    size_t len;
    assert_int_equal(run_reader("text", &text, &len), 0);
    assert_int_equal(strncmp(text, "some text 0\r\nsome text 1\r\n", 26), 0);
    free(text);
    /* a flipped bit anywhere in a frame is told */
    for (int i = 0; i < 10; i++) {
        size_t at = 14 + (size_t)rand() % 1000;
        line[at] ^= 0x10;
        write_file(line, n);
        expect_reader("frames", 1, NULL);
        line[at] ^= 0x10;
    }
    free(line);
}

static void the_reader_makes_plain_snapshots_of_packed_ones(void **state)
{
    struct sim_random random;
    (void)state;
    make_state();
    sim_random_begin(&random);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 100; i++)
            sim_random_step(&random);
        stream_len = 0;
        fclose(expected);
        free(expected_text);
        expected = open_memstream(&expected_text, &expected_len);
        record_codec_init(&codec);
        take_snapshot();
        print_stream();
        stream_len = 0;
        take_packed_snapshot();
        uint8_t *line = malloc(stream_len * 2 + 1000);
        write_file(line, frames_of_stream(line));
        free(line);
        expect_reader("plain", 0, expected_text);
        expect_reader("check", 0, NULL);
    }
}

static void the_reader_tells_damaged_records(void **state)
{
    (void)state;
    static const struct {
        uint8_t n;
        uint8_t bytes[8];
    } bad[] = {
        {3, {0, 1, 2}},
        {4, {RECORD_GAP, 0x80, 0x80, 0x01}},
        {3, {RECORD_GAP, 1, 0x80}},
        {8, {RECORD_ENDPOINT, 6, 0, 0xff, 0xff, 0xff, 0xff, 0x7f}},
        {5, {RECORD_TEXT, 3, 5, 'a', 'b'}},
        {5, {RECORD_TEXT, 3, 2, 'a', 0}},
        {4, {RECORD_GAP, 3, 1, 2}},
        {1, {RECORD_GAP}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(bad[i].bytes, bad[i].n);
        expect_reader("records", 1, NULL);
    }
}

#define with_reader(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        with_reader(both_readers_print_the_same_of_real_snapshots),
        with_reader(both_readers_print_the_same_of_random_records),
        with_reader(both_readers_print_the_same_of_frames_among_text),
        with_reader(the_reader_makes_plain_snapshots_of_packed_ones),
        with_reader(the_reader_tells_damaged_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
