/* What commands print: names and numbers as they are, whatever a target calls its threads; answers
 * from a snapshot that is not whole say so. */
#include "capdb/command.h"
#include "capdb/export.h"
#include "capdb/part.h"
#include "capdb/recorder.h"
#include "capdb/stream.h"
#include "lib/utf8.h"
#include "record/vocabulary.h"
#include "tests/unit/recordings.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- asking ---------------------------------------------------------------------------------- */

static char *path;
static struct options last; /* as the command left them */
static enum status status;

/* Standard output and error of a command in one text, which the caller frees. */
static char *ask_with(struct options o, enum status (*command)(struct options *o))
{
    char file[] = "/tmp/capdb-answer-XXXXXX";
    size_t size;
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    fflush(stdout);
    fflush(stderr);
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    status = command(&o);
    fflush(stdout);
    fflush(stderr);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    close(fd);
    last = o;
    char *text = read_file(file, &size);
    text[size] = '\0';
    unlink(file);
    return text;
}

static char *ask(enum status (*command)(struct options *o), const char *operand)
{
    char *operands[] = {(char *)(uintptr_t)operand};
    return ask_with(
        (struct options){
            .every = -1, .run = path, .operand = operands, .operands = operand ? 1 : 0},
        command);
}

static void assert_has(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("wanted \"%s\" in:\n%s", wanted, text);
}

static void assert_lacks(const char *text, const char *unwanted)
{
    if (strstr(text, unwanted))
        fail_msg("unwanted \"%s\" in:\n%s", unwanted, text);
}

/* --- a system with names --------------------------------------------------------------------- */

enum { CNODE = 0x80100000, UNTYPED = 0x80400000, TCB = 0x80200000, FRAME = 0x80480000 };

static void put_slot(struct capstate *s, uint32_t index, uint32_t depth, uint32_t type,
                     uint64_t object, uint32_t bits, uint32_t flags)
{
    state_slot(s, (struct record_slot){.addr = CNODE + 16 * (uint64_t)index,
                                       .depth = depth,
                                       .type = type,
                                       .object = object,
                                       .bits = bits,
                                       .rights = type == RECORD_CAP_FRAME ? 3 : 0,
                                       .flags = flags});
}

/* A thread whose CSpace holds an untyped, one in it, a frame in that, a device, an interrupt. */
static void named_state(struct capstate *s, const char *name)
{
    state_begin(s);
    state_slot(s, (struct record_slot){.addr = TCB, /* the thread's own CSpace slot */
                                       .type = RECORD_CAP_CNODE,
                                       .object = CNODE,
                                       .bits = 12});
    put_slot(s, 1, 0, RECORD_CAP_TCB, TCB, 9, 0);
    put_slot(s, 2, 0, RECORD_CAP_UNTYPED, UNTYPED, 20, 0);
    put_slot(s, 3, 1, RECORD_CAP_UNTYPED, FRAME, 16, 0);
    put_slot(s, 4, 2, RECORD_CAP_FRAME, FRAME, 12, 0);
    put_slot(s, 5, 0, RECORD_CAP_UNTYPED, 0x40000000, 16, RECORD_SLOT_DEVICE);
    state_slot(
        s, (struct record_slot){
               .addr = CNODE + 16 * 6, .type = RECORD_CAP_IRQ_HANDLER, .object = 40, .data = 40});
    state_thread(s, TCB, name);
    state_end(s);
}

static void record_named(const char *name, bool complete)
{
    struct capstate s;
    uint32_t n;
    path = temp_path();
    struct capdb *db = create(path);
    named_state(&s, name);
    s.end.complete = complete;
    s.snapshot.root_thread = 0x80010000; /* not the one thread there is */
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capstate_free(&s);
    capdb_close(db);
}

static void gone(char *text)
{
    free(text);
    temp_remove(path);
}

/* --- names ----------------------------------------------------------------------------------- */

static void names_in_utf8_are_shown_and_typed(void **state)
{
    (void)state;
    record_named("Gäste/größe", true);
    char *text = ask(command_threads, NULL);
    assert_has(text, "Gäste/größe");
    free(text);
    text = ask(command_who, "thread:Gäste/größe");
    assert_int_equal(status, STATUS_YES);
    free(text);
    text = ask(command_who, "Gäste");
    assert_int_equal(status, STATUS_YES);
    gone(text);
}

static void what_cannot_be_shown_is_escaped(void **state)
{
    static const struct {
        const char *bytes;
        const char *shown;
    } cases[] = {
        {"a\x1b[2Jb", "a\\x1b[2Jb"},         {"a\xff\xc3", "a\\xff\\xc3"},
        {"\xc0\xaf", "\\xc0\\xaf"},          /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
        {"\xc2\x9b", "\\xc2\\x9b"},          /* C1: CSI */
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"}, /* right to left override */
        {"back\\slash", "back\\x5cslash"},   {"\xf0\x9f\x94\x92", "\xf0\x9f\x94\x92"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[64];
        utf8_escape(text, sizeof(text), cases[i].bytes, (uint32_t)strlen(cases[i].bytes));
        assert_string_equal(text, cases[i].shown);
    }
    record_named("a\x1b[2J/\xff", true);
    char *text = ask(command_threads, NULL);
    assert_has(text, "a\\x1b[2J/\\xff");
    assert_lacks(text, "\x1b");
    gone(text);
}

static void a_name_that_looks_like_an_address_does_not_hide_it(void **state)
{
    (void)state;
    record_named("0x80480000/x", true);
    char *text = ask(command_owner, "0x80480000");
    assert_has(text, "frame 0x80480000");
    free(text);
    text = ask(command_who, "0x80480000");
    assert_has(text, "frame 0x80480000");
    free(text);
    text = ask(command_who, "domain:0x80480000"); /* and it can still be named */
    assert_has(text, "tcb 0x80200000");
    gone(text);
}

static void an_interrupt_is_no_memory(void **state)
{
    (void)state;
    record_named("a/b", true);
    char *text = ask(command_owner, "irq:40");
    assert_int_equal(status, STATUS_UNKNOWN);
    assert_has(text, "irq:40 takes no memory");
    free(text);
    text = ask(command_who, "irq:40");
    assert_int_equal(status, STATUS_YES);
    gone(text);
}

static void an_address_in_the_kernels_window_can_be_meant_as_it_is(void **state)
{
    struct record_snapshot s = {
        .phys_offset = 0x70000000, .ram_base = 0x80000000, .ram_size = 0x8000000};
    uint64_t addr;
    (void)state;
    assert_true(address_parse("0xf0001000", &s, &addr));
    assert_int_equal(addr, 0x80001000);
    assert_true(address_parse("phys:0xf0001000", &s, &addr));
    assert_int_equal(addr, 0xf0001000);
    assert_true(address_parse("kernel:0xf0001000", &s, &addr));
    assert_int_equal(addr, 0x80001000);
    assert_true(address_parse("kernel:0xb0000000", &s, &addr)); /* a device */
    assert_int_equal(addr, 0x40000000);
    assert_false(address_parse("0x100000000", &s, &addr));
    s.word_bits = 64;
    assert_true(address_parse("phys:0xfedcba9876543210", &s, &addr));
    assert_int_equal(addr, 0xfedcba9876543210);
    assert_false(address_parse("0x10000000000000000", &s, &addr));
}

/* --- numbers --------------------------------------------------------------------------------- */

static char *ask_json(const char *sql)
{
    output_default = OUTPUT_JSON;
    char *text = ask(command_sql, sql);
    output_default = OUTPUT_AUTO;
    return text;
}

static void json_cells_are_what_they_are(void **state)
{
    (void)state;
    record_named("Gäste/x", true);
    char *text = ask_json("SELECT NULL AS none, '' AS empty, '12' AS text, 12 AS number,"
                          " 1.5 AS real, 'a\"b' AS quoted, x'00ff' AS bytes, name FROM threads");
    assert_has(text, "\"none\":null,\"empty\":\"\",\"text\":\"12\",\"number\":12,\"real\":1.5,"
                     "\"quoted\":\"a\\\"b\",\"bytes\":\"x'00ff'\",\"name\":\"Gäste/x\"");
    gone(text);
}

static void types_are_those_of_the_cell_and_not_of_the_first_row(void **state)
{
    (void)state;
    record_named("a/b", true);
    char *text = ask_json("SELECT 'word' AS v UNION ALL SELECT 7 UNION ALL SELECT NULL");
    assert_has(text, "{\"v\":\"word\"},\n {\"v\":7},\n {\"v\":null}");
    free(text);
    text = ask_json("SELECT 7 AS v UNION ALL SELECT '0x10' UNION ALL SELECT 9e999");
    assert_has(text, "{\"v\":7},\n {\"v\":\"0x10\"},\n {\"v\":\"inf\"}");
    gone(text);
}

static void addresses_are_whole(void **state)
{
    (void)state;
    record_named("a/b", true);
    char *text = ask(command_sql, "SELECT 0x123456789abc AS addr, -1 AS slot");
    assert_has(text, "0x123456789abc\t0xffffffffffffffff");
    gone(text);
}

static void memory_is_counted_once_and_devices_apart(void **state)
{
    (void)state;
    record_named("a/b", true);
    output_default = OUTPUT_JSON;
    char *text = ask(command_domains, NULL);
    output_default = OUTPUT_AUTO;
    /* 1 MiB that holds the 64 KiB; 64 KiB of a device */
    assert_has(text, "\"untyped_kib\":1024,\"untyped_device_kib\":64");
    gone(text);
}

/* --- formats --------------------------------------------------------------------------------- */

static void csv_cells_are_no_formulas(void **state)
{
    size_t size;
    char file[] = "/tmp/capdb-csv-XXXXXX";
    (void)state;
    record_named("=cmd|' /C calc'!A1/x", true);
    close(mkstemp(file));
    char *text =
        ask_with((struct options){.run = path, .format = "csv", .output = file}, command_export);
    free(text);
    text = read_file(file, &size);
    text[size] = '\0';
    assert_has(text, "\"'=cmd|");
    assert_lacks(text, "\"=cmd|");
    unlink(file);
    gone(text);
}

/* Sizes that no kernel makes and a damaged recording has. */
static void a_cnode_of_any_size_is_exported(void **state)
{
    static const uint32_t bits[] = {2, 4, 32, 63};
    (void)state;
    for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
        struct capstate s;
        char *text;
        size_t size;
        state_begin(&s);
        state_slot(&s,
                   (struct record_slot){
                       .addr = CNODE, .type = RECORD_CAP_CNODE, .object = CNODE, .bits = bits[i]});
        state_end(&s);
        FILE *f = open_memstream(&text, &size);
        assert_int_equal(export_capdl(f, &s), ERR_OK);
        fclose(f);
        assert_has(text, "= cnode (");
        assert_true(size < 4096);
        free(text);
        capstate_free(&s);
    }
}

/* The memory of one CNode inside that of another: its slots are not the outer one's. */
static void cnodes_inside_each_other_are_exported(void **state)
{
    struct capstate s;
    char *text;
    size_t size;
    (void)state;
    state_begin(&s);
    state_slot(&s, (struct record_slot){
                       .addr = CNODE, .type = RECORD_CAP_CNODE, .object = CNODE, .bits = 20});
    state_slot(&s, (struct record_slot){.addr = CNODE + 0x8030,
                                        .type = RECORD_CAP_CNODE,
                                        .object = CNODE + 0x8000,
                                        .bits = 8});
    state_end(&s);
    FILE *f = open_memstream(&text, &size);
    alarm(60); /* a circle would end the test */
    assert_int_equal(export_capdl(f, &s), ERR_OK);
    alarm(0);
    fclose(f);
    assert_has(text, "0x3: ");
    free(text);
    capstate_free(&s);
}

/* --- policies -------------------------------------------------------------------------------- */

/* Two domains that share an endpoint and a frame. */
static void two_domains(struct capstate *s, const char *other)
{
    state_begin(s);
    s->snapshot.root_thread = 0x80300000;
    for (uint32_t d = 0; d < 2; d++) {
        uint32_t cnode = CNODE + 0x1000 * d;
        state_slot(
            s, (struct record_slot){
                   .addr = TCB + 512 * d, .type = RECORD_CAP_CNODE, .object = cnode, .bits = 12});
        state_slot(s,
                   (struct record_slot){
                       .addr = cnode, .type = RECORD_CAP_TCB, .object = TCB + 512 * d, .bits = 9});
        state_slot(s, (struct record_slot){.addr = cnode + 16,
                                           .type = RECORD_CAP_ENDPOINT,
                                           .object = UNTYPED,
                                           .bits = 4,
                                           .rights = d ? 1 : 2});
    }
    state_thread(s, TCB, "guest/x");
    state_thread(s, TCB + 512, other);
    state_end(s);
}

static char *check_with(const char *policy, const char *junit)
{
    return ask_with((struct options){.every = -1, .run = path, .policy = policy, .junit = junit},
                    command_check);
}

static void a_policy_is_a_gate(void **state)
{
    struct capstate s;
    uint32_t n;
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    two_domains(&s, "driver<&/x");
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capdb_close(db);
    capstate_free(&s);
    char *text = ask(command_policy, NULL);
    assert_int_equal(status, STATUS_YES);
    char *policy = temp_path();
    write_file(policy, text, strlen(text));
    char *verdict = check_with(policy, NULL);
    assert_int_equal(status, STATUS_YES);
    assert_has(verdict, "within the policy");
    free(verdict);
    char *line = strstr(text, "\nallow") + 1;
    *line = '#';
    write_file(policy, text, strlen(text));
    char *junit = temp_path();
    verdict = check_with(policy, junit);
    assert_int_equal(status, STATUS_NO);
    assert_has(verdict, "may send to");
    assert_has(verdict, "1 endpoint");
    assert_has(verdict, "slot 0x80");
    size_t size;
    char *xml = read_file(junit, &size);
    xml[size] = '\0';
    assert_has(xml, "failures=\"2\" errors=\"0\"");
    assert_has(xml, "&#60;&#38;");
    write_file(policy, "policy 1\ndomain\n", 16);
    free(verdict);
    verdict = check_with(policy, junit);
    assert_int_equal(status, STATUS_UNKNOWN);
    assert_has(verdict, "line 2, column 7");
    free(xml);
    xml = read_file(junit, &size);
    xml[size] = '\0';
    assert_has(xml, "errors=\"1\"");
    free(xml);
    free(verdict);
    free(text);
    temp_remove(junit);
    temp_remove(policy);
    temp_remove(path);
}

/* --- what is not whole ----------------------------------------------------------------------- */

static void every_answer_from_an_incomplete_snapshot_says_so(void **state)
{
    static const struct {
        enum status (*command)(struct options *o);
        const char *operand;
        bool whole;
    } cases[] = {
        {command_threads, NULL, false},
        {command_domains, NULL, false},
        {command_owner, "0x80480000", false},
        {command_who, "0x80480000", false},
        {command_cdt, NULL, false},
        {command_untyped, NULL, false},
        {command_check, NULL, false},
        {command_preview, "0x80100020", false},
        {command_info, NULL, false},
        {command_sql, "SELECT * FROM caps", true},
        {command_history, "0x80480000", true},
        {command_revokes, NULL, true},
    };
    (void)state;
    record_named("a/b", false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *operands[] = {(char *)(uintptr_t)cases[i].operand};
        char *text = ask_with((struct options){.run = path,
                                               .operand = operands,
                                               .operands = cases[i].operand ? 1 : 0,
                                               .whole = cases[i].whole},
                              cases[i].command);
        assert_has(text, "incomplete");
        assert_true(last.doubt || status == STATUS_UNKNOWN);
        free(text);
    }
    temp_remove(path);
}

static void a_whole_snapshot_raises_no_doubt(void **state)
{
    (void)state;
    record_named("a/b", true);
    char *text = ask(command_threads, NULL);
    assert_false(last.doubt);
    gone(text);
}

/* Events alone: a recorder that was killed before its first snapshot. */
static void events_without_snapshots_are_shown(void **state)
{
    struct record events[2] = {{.kind = RECORD_EVENT}, {.kind = RECORD_EVENT}};
    (void)state;
    events[0].event = (struct record_event){
        .seq = 1, .kind = RECORD_EVENT_REVOKE_BEGIN, .thread = 0x80200000, .slot = 0x80100020};
    events[1].event = (struct record_event){
        .seq = 2, .kind = RECORD_EVENT_REVOKE_END, .thread = 0x80200000, .slot = 0x80100020};
    path = temp_path();
    struct capdb *db = create(path);
    assert_int_equal(capdb_put_events(db, events, 2), ERR_OK);
    capdb_close(db);
    char *text = ask(command_revokes, NULL);
    assert_has(text, "0x80100020\tdone\t0x80200000");
    free(text);
    text = ask(command_revokes, "1");
    assert_has(text, "revoked");
    gone(text);
}

/* --- parts, streams, intervals ----------------------------------------------------------------- */

enum { RANDOM_SNAPSHOTS = 40, RANDOM_SEED = 5 };

static void record_random(void)
{
    struct changing m;
    path = temp_path();
    struct capdb *db = create(path);
    changing_init(&m, RANDOM_SEED);
    record_changing(db, &m, RANDOM_SNAPSHOTS);
    capdb_close(db);
}

/* The answer from a part of a snapshot, and that from all of it. */
static void assert_same_answer(enum status (*command)(struct options *o), const char *name,
                               const char *at)
{
    char *operands[] = {(char *)(uintptr_t)name};
    const struct options o = {
        .every = -1, .run = path, .operand = operands, .operands = 1, .at_text = at};
    dbview_whole = false;
    char *part = ask_with(o, command);
    enum status of_part = status;
    dbview_whole = true;
    char *whole = ask_with(o, command);
    dbview_whole = false;
    assert_string_equal(part, whole);
    assert_int_equal(of_part, status);
    free(part);
    free(whole);
}

static void assert_same_about(const struct capstate *s, uint32_t object, const char *at)
{
    char name[64];
    uint64_t addr = s->objects[object].addr;
    snprintf(name, sizeof(name), "0x%" PRIx64, addr + 8);
    assert_same_answer(command_owner, name, at);
    assert_same_answer(command_who, name, at);
    snprintf(name, sizeof(name), "slot:0x%" PRIx64,
             s->slots[s->objects[object].first_slot].rec.addr);
    assert_same_answer(command_owner, name, at);
    assert_same_answer(command_who, name, at);
    assert_same_answer(command_history, name, NULL);
}

static void a_part_answers_as_the_whole_snapshot(void **state)
{
    static const char *const names[] = {"nobody",
                                        "d1",
                                        "domain:d2",
                                        "thread:d0/x",
                                        "irq:40",
                                        "frame:0x82004000",
                                        "untyped:0x82000000",
                                        "0x7"};
    (void)state;
    record_random();
    struct capdb *db = open_db(path);
    for (uint32_t n = 1; n <= RANDOM_SNAPSHOTS; n += 13) {
        struct capstate s;
        char at[16];
        snprintf(at, sizeof(at), "%u", n);
        assert_int_equal(capdb_load(db, n, &s), ERR_OK);
        for (uint32_t i = 0; i < s.object_count; i += 3)
            assert_same_about(&s, i, at);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            assert_same_answer(command_owner, names[i], at);
            assert_same_answer(command_who, names[i], at);
        }
        capstate_free(&s);
    }
    capdb_close(db);
    gone(NULL);
}

static void a_difference_is_worded_from_parts_as_from_the_whole(void **state)
{
    static char *pairs[][2] = {{"1", "2"}, {"3", "30"}, {"30", "3"}, {"8", "8"}};
    (void)state;
    record_random();
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        const struct options o = {.every = -1, .run = path, .operand = pairs[i], .operands = 2};
        char *part = ask_with(o, command_diff);
        dbview_whole = true;
        char *whole = ask_with(o, command_diff);
        dbview_whole = false;
        assert_string_equal(part, whole);
        free(part);
        free(whole);
    }
    gone(NULL);
}

static void a_part_has_what_was_asked_and_no_more(void **state)
{
    struct part p;
    struct capstate s;
    struct authority a;
    (void)state;
    record_named("a/t", true);
    struct capdb *db = open_db(path);
    assert_int_equal(part_begin(db, 1, true, &p), ERR_OK);
    assert_int_equal(part_add_memory(&p, FRAME + 5), ERR_OK);
    assert_int_equal(part_finish(&p, &s, &a), ERR_OK);
    assert_int_equal(s.slot_count, 5); /* the frame, two untypeds above, the CNode, its thread */
    assert_int_equal(s.thread_count, 1);
    assert_int_equal(a.domain_count, 1);
    assert_string_equal(a.domains[0].name, "a");
    part_free(&p);
    authority_free(&a);
    capstate_free(&s);
    capdb_close(db);
    gone(NULL);
}

static void a_stream_gives_each_snapshot_as_it_is_loaded(void **state)
{
    (void)state;
    record_random();
    struct capdb *db = open_db(path);
    for (uint32_t first = 1; first <= RANDOM_SNAPSHOTS; first += 6) {
        struct stream *stream;
        assert_int_equal(stream_open(db, first, &stream), ERR_OK);
        for (uint32_t n = first; n <= RANDOM_SNAPSHOTS; n += 1 + first % 3) {
            struct capstate got;
            struct capstate want;
            assert_int_equal(stream_to(stream, n), ERR_OK);
            assert_int_equal(stream_state(stream, &got), ERR_OK);
            assert_int_equal(capdb_load(db, n, &want), ERR_OK);
            state_assert_same(&want, &got);
            capstate_free(&got);
            assert_int_equal(stream_records(stream, &got), ERR_OK);
            assert_true(capdb_sum(&got, db->version) == capdb_sum(&want, db->version));
            capstate_free(&got);
            capstate_free(&want);
        }
        assert_int_equal(stream_to(stream, RANDOM_SNAPSHOTS + 1), ERR_NOT_FOUND);
        stream_close(stream);
    }
    capdb_close(db);
    gone(NULL);
}

enum { CNODE_2 = 0x80110000, TCB_2 = 0x80200200 };

/* Two domains; `crossed`: the first holds the second's thread. */
static void append_pair(struct capdb *db, bool crossed, uint32_t at)
{
    struct capstate s;
    uint32_t n;
    state_begin(&s);
    state_slot(&s, (struct record_slot){
                       .addr = TCB, .type = RECORD_CAP_CNODE, .object = CNODE, .bits = 12});
    state_slot(&s, (struct record_slot){
                       .addr = TCB_2, .type = RECORD_CAP_CNODE, .object = CNODE_2, .bits = 12});
    put_slot(&s, 1, 0, RECORD_CAP_TCB, TCB, 9, 0);
    state_slot(&s, (struct record_slot){
                       .addr = CNODE_2 + 16, .type = RECORD_CAP_TCB, .object = TCB_2, .bits = 9});
    if (crossed)
        put_slot(&s, 2, 1, RECORD_CAP_TCB, TCB_2, 9, 0);
    state_thread(&s, TCB, "a/t");
    state_thread(&s, TCB_2, "b/t");
    state_end(&s);
    s.snapshot.root_thread = 0x80010000;
    s.snapshot.ticks = at;
    assert_int_equal(capdb_append(db, &s, at, &n), ERR_OK);
    capstate_free(&s);
}

static void a_breach_is_an_interval_and_a_merge_a_moment(void **state)
{
    static const bool crossed[] = {false, true, true, true, false, true};
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    for (uint32_t i = 0; i < sizeof(crossed) / sizeof(*crossed); i++)
        append_pair(db, crossed[i], i + 1);
    capdb_close(db);
    char *text = ask_with((struct options){.every = -1, .run = path, .all = true}, command_check);
    assert_int_equal(status, STATUS_NO);
    assert_has(text, "\n2\t4\tforeign-tcb\ta\tb\t");
    assert_has(text, "\n6\t6\tforeign-tcb\ta\tb\t");
    assert_has(text, "\n2\t2\tislands-merged\ta\tb\t");
    assert_has(text, "\n6\t6\tislands-merged\ta\tb\t");
    assert_lacks(text, "\n3\t");
    free(text);
    text = ask(command_sql, "SELECT count(*), min(first), max(last) FROM breaches"
                            " WHERE breach = 'foreign-tcb'");
    assert_has(text, "2\t2\t6");
    free(text);
    text = ask_with((struct options){.every = -1, .run = path, .from_text = "3", .to_text = "5"},
                    command_check);
    assert_has(text, "\n3\t4\tforeign-tcb\ta\tb\t");
    assert_has(text, "in snapshots 3 to 5");
    gone(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_utf8_are_shown_and_typed),
        cmocka_unit_test(what_cannot_be_shown_is_escaped),
        cmocka_unit_test(a_name_that_looks_like_an_address_does_not_hide_it),
        cmocka_unit_test(an_interrupt_is_no_memory),
        cmocka_unit_test(an_address_in_the_kernels_window_can_be_meant_as_it_is),
        cmocka_unit_test(json_cells_are_what_they_are),
        cmocka_unit_test(types_are_those_of_the_cell_and_not_of_the_first_row),
        cmocka_unit_test(addresses_are_whole),
        cmocka_unit_test(memory_is_counted_once_and_devices_apart),
        cmocka_unit_test(csv_cells_are_no_formulas),
        cmocka_unit_test(a_cnode_of_any_size_is_exported),
        cmocka_unit_test(cnodes_inside_each_other_are_exported),
        cmocka_unit_test(a_policy_is_a_gate),
        cmocka_unit_test(every_answer_from_an_incomplete_snapshot_says_so),
        cmocka_unit_test(a_whole_snapshot_raises_no_doubt),
        cmocka_unit_test(events_without_snapshots_are_shown),
        cmocka_unit_test(a_part_answers_as_the_whole_snapshot),
        cmocka_unit_test(a_difference_is_worded_from_parts_as_from_the_whole),
        cmocka_unit_test(a_part_has_what_was_asked_and_no_more),
        cmocka_unit_test(a_stream_gives_each_snapshot_as_it_is_loaded),
        cmocka_unit_test(a_breach_is_an_interval_and_a_merge_a_moment),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
