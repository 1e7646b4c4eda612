/* What commands print: names and numbers as they are, whatever a target calls its threads; answers
 * from a snapshot that is not whole say so. */
#include "capdb/command.h"
#include "capdb/export.h"
#include "capdb/junit.h"
#include "capdb/part.h"
#include "capdb/recorder.h"
#include "capdb/stream.h"
#include "lib/utf8.h"
#include "record/vocabulary.h"
#include "tests/unit/asking.h"
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
    free(text);
    const char *const typed[] = {"a\x1b[2J/\xff",       "a\\x1b[2J/\\xff", "a\x1b[2J",
                                 "domain:a\x1b[2J",     "a\\x1b[2J",       "domain:a\\x1b[2J",
                                 "thread:a\x1b[2J/\xff"};
    for (size_t i = 0; i < sizeof(typed) / sizeof(*typed); i++) {
        text = ask(command_who, typed[i]);
        assert_int_equal(status, STATUS_YES);
        assert_has(text, "holds"); /* not only that there is such a domain */
        free(text);
    }
    temp_remove(path);
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

static bool not_wanted(void *ctx)
{
    return --*(int *)ctx > 0;
}

static void a_question_without_an_end_is_given_up(void **state)
{
    static const char endless[] = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
                                  " SELECT count(*) FROM c";
    char *table = NULL;
    int patience = 3;
    (void)state;
    record_named("a/b", true);
    struct capdb *db = open_db(path);
    capdb_give_up_after(db, 3600, not_wanted, &patience);
    assert_int_equal(capdb_ask(db, endless, 10, &table), ERR_TIMEOUT);
    assert_int_equal(patience, 0);
    capdb_give_up_after(db, 1, NULL, NULL);
    assert_int_equal(capdb_ask(db, endless, 10, &table), ERR_TIMEOUT);
    assert_has(capdb_error(db), "given up: a question may take 1 second");
    assert_int_equal(capdb_ask(db, "SELECT count(*) FROM caps", 10, &table), ERR_OK);
    free(table);
    capdb_close(db);
    temp_remove(path);
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

static void digits_that_are_an_address_only_with_0x_are_doubtful(void **state)
{
    struct record_snapshot s = {
        .phys_offset = 0x70000000, .ram_base = 0x80000000, .ram_size = 0x8000000};
    uint64_t addr;
    (void)state;
    assert_false(address_parse("82414000", &s, &addr));
    assert_true(address_is_doubtful("phys:82414000", &s));
    assert_true(address_is_doubtful("kernel:82414000", &s));
    assert_false(address_is_doubtful("f2414000", &s));
    assert_true(address_parse("2185314304", &s, &addr)); /* as SQL prints it */
    assert_int_equal(addr, 0x82414000);
    assert_true(address_parse("4194304", &s, &addr)); /* a device, either way */
    assert_true(address_parse("0x82414000", &s, &addr));
    assert_false(address_is_doubtful("", &s));
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
    assert_has(xml, "name=\"verdict\">\n      <failure message=\"OUTSIDE THE POLICY: 1 outside");
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
        {command_cdt, "slot:0x80100020", false},
        {command_untyped, NULL, false},
        {command_untyped, "untyped:0x80400000", false},
        {command_untyped, "a", false},
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
        const char *said = strstr(text, "what could not be read");
        assert_true(!said || !strstr(said + 1, "what could not be read"));
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
    assert_same_as_whole(o, command);
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
    assert_same_answer(command_untyped, name, at);
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
        assert_same_answer(command_threads, NULL, at);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            assert_same_answer(command_preview, names[i], at);
            assert_same_answer(command_owner, names[i], at);
            assert_same_answer(command_who, names[i], at);
            assert_same_answer(command_cdt, names[i], at);
            assert_same_answer(command_untyped, names[i], at);
        }
        for (uint32_t i = 0; i < s.slot_count; i++) {
            char name[32];
            snprintf(name, sizeof(name), "slot:0x%" PRIx64, s.slots[i].rec.addr);
            assert_same_answer(command_cdt, name, at);
            assert_same_answer(command_untyped, name, at);
            assert_same_answer(command_preview, name, at);
            assert_same_answer(command_cdt, name + strlen("slot:"), at); /* in memory of its own */
        }
        capstate_free(&s);
    }
    capdb_close(db);
    gone(NULL);
}

/* Of a line of `owner` or `history` that tells of a capability in snapshot n: fact, domain, rights and
 * slot, "" for another. */
static void take_fact(const char *line, uint32_t n, bool history, char fact[256])
{
    char cell[5][64] = {""};
    char last_text[64] = "";
    unsigned first = n;
    int read = history ? sscanf(line, "%u\t%63[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]",
                                &first, last_text, cell[0], cell[1], cell[2], cell[3])
                       : sscanf(line, "%63[^\t]\t%63[^\t]\t%63[^\t]\t%63[^\t]", cell[0], cell[1],
                                cell[2], cell[3]);
    bool now = !history || strcmp(last_text, "now") == 0 || strtoul(last_text, NULL, 10) >= n;
    bool told = strcmp(cell[0], "holds") == 0 || strcmp(cell[0], "covers") == 0;
    fact[0] = '\0';
    if (read == (history ? 6 : 4) && told && now && first <= n)
        snprintf(fact, 256, "%s %s %s %s", cell[0], cell[1], cell[2], cell[3]);
}

/* Counts the facts of one answer, each of which the other has to have. */
static uint32_t assert_facts(const char *from, bool from_history, const char *in, uint32_t n)
{
    uint32_t count = 0;
    for (const char *line = from; line && *line; line = strchr(line, '\n') + 1) {
        char wanted[256];
        char found[256] = "";
        take_fact(line, n, from_history, wanted);
        if (!wanted[0])
            continue;
        count++;
        for (const char *at = in; *at && strcmp(found, wanted) != 0; at = strchr(at, '\n') + 1)
            take_fact(at, n, !from_history, found);
        assert_string_equal(found, wanted);
    }
    return count;
}

static uint32_t assert_owner_and_history_agree(const char *name, uint32_t n)
{
    char at[16];
    char *operands[] = {(char *)(uintptr_t)name};
    struct options o = {
        .every = -1, .run = path, .operand = operands, .operands = 1, .at_text = at};
    snprintf(at, sizeof(at), "%u", n);
    char *owner = ask_with(o, command_owner);
    o.at_text = NULL;
    char *history = ask_with(o, command_history);
    uint32_t count = assert_facts(owner, false, history, n);
    assert_int_equal(count, assert_facts(history, true, owner, n));
    free(owner);
    free(history);
    return count;
}

static void history_tells_of_each_snapshot_what_owner_does(void **state)
{
    (void)state;
    uint32_t told = 0;
    record_random();
    struct capdb *db = open_db(path);
    for (uint32_t n = 1; n <= RANDOM_SNAPSHOTS; n += 3) {
        struct capstate s;
        char name[64];
        assert_int_equal(capdb_load(db, n, &s), ERR_OK);
        for (uint32_t i = 0; i < s.object_count; i++) {
            snprintf(name, sizeof(name), "0x%" PRIx64, s.objects[i].addr + 8);
            told += assert_owner_and_history_agree(name, n);
        }
        capstate_free(&s);
    }
    assert_true(told > 100);
    capdb_close(db);
    gone(NULL);
}

/* A frame comes and goes in memory whose capability stays as it is. */
static void untyped_memory_holds_what_nothing_else_does(void **state)
{
    enum { MEMORY = 0x1800000, SNAPSHOTS = 6 };
    struct record_slot slots[2] = {
        {.addr = CNODE + 16, .type = RECORD_CAP_UNTYPED, .object = MEMORY, .bits = 16},
        {.addr = CNODE + 32, .depth = 1, .type = RECORD_CAP_FRAME, .object = MEMORY, .bits = 12},
    };
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    for (uint32_t i = 0; i < SNAPSHOTS; i++) {
        struct capstate s;
        uint32_t n;
        state_begin(&s);
        for (uint32_t k = 0; k < (i % 3 ? 2 : 1); k++)
            state_slot(&s, slots[k]);
        state_end(&s);
        assert_int_equal(capdb_append(db, &s, i, &n), ERR_OK);
        capstate_free(&s);
    }
    capdb_close(db);
    for (uint32_t n = 1; n <= SNAPSHOTS; n++)
        assert_int_equal(assert_owner_and_history_agree("0x1800000", n), n % 3 == 1 ? 1 : 2);
    char *text = ask(command_history, "0x1800000");
    assert_has(text, "\n1\t1\tholds\t");
    assert_has(text, "\n2\t3\tcovers\t");
    assert_has(text, "\n4\t4\tholds\t");
    gone(text);
}

static void put_untyped_thread(struct capstate *s, uint64_t tcb, const char *name)
{
    const uint64_t cnode = tcb + 0x10000;
    struct record_slot slot = {.addr = cnode, .type = RECORD_CAP_TCB, .object = tcb, .bits = 9};
    state_slot(s, slot);
    slot = (struct record_slot){
        .addr = tcb, .level = 1, .type = RECORD_CAP_CNODE, .object = cnode, .bits = 12};
    state_slot(s, slot);
    state_thread(s, (uint32_t)tcb, name);
}

/* Two capabilities to one untyped memory, of two domains, of which the second has made something. */
static void untyped_memory_is_chosen_by_what_it_is(void **state)
{
    enum { LOW = 0x1000000, HIGH = 0x1100000, MEMORY = 0x1800000 };
    static const char *const names[] = {"low",       "high",           "untyped:0x1800000",
                                        "0x1800004", "slot:0x1810010", "tcb:0x1000000"};
    struct record_slot slot = {
        .addr = HIGH + 0x10010, .type = RECORD_CAP_UNTYPED, .object = MEMORY, .bits = 16};
    struct capstate s;
    (void)state;
    state_begin(&s);
    s.snapshot.root_thread = HIGH; /* numbered first, whatever its address */
    put_untyped_thread(&s, HIGH, "high/t");
    put_untyped_thread(&s, LOW, "low/t");
    state_slot(&s, slot);
    slot.addr = LOW + 0x10010;
    slot.data = 0x1000;
    state_slot(&s, slot);
    slot = (struct record_slot){
        .addr = LOW + 0x10020, .depth = 1, .type = RECORD_CAP_FRAME, .object = MEMORY, .bits = 12};
    state_slot(&s, slot);
    state_end(&s);
    path = temp_path();
    struct capdb *db = create(path);
    uint32_t n;
    assert_int_equal(capdb_append(db, &s, 1, &n), ERR_OK);
    capdb_close(db);
    capstate_free(&s);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_same_answer(command_untyped, names[i], "1");
    char *text = ask(command_untyped, "low");
    assert_has(text, "\tlow\t65536\t4096\t4096\t0\t");
    assert_lacks(text, "high");
    gone(text);
}

static void assert_worded_from_parts(char *a, char *b)
{
    char *pair[] = {a, b};
    const struct options o = {.every = -1, .run = path, .operand = pair, .operands = 2};
    char *part = ask_with(o, command_diff);
    dbview_whole = true;
    char *whole = ask_with(o, command_diff);
    dbview_whole = false;
    assert_string_equal(part, whole);
    free(part);
    free(whole);
}

static void a_difference_is_worded_from_parts_as_from_the_whole(void **state)
{
    static char *pairs[][2] = {{"1", "2"}, {"3", "30"}, {"30", "3"}, {"8", "8"}};
    (void)state;
    record_random();
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        assert_worded_from_parts(pairs[i][0], pairs[i][1]);
    gone(NULL);
}

/* One CNode is another thread's in each snapshot, and what lies in it is another in each. */
static void put_used_by_turns(struct capstate *s, uint32_t n)
{
    enum { FIRST = 0x1000000, SECOND = 0x1100000, SHARED = 0x1200000, MEMORY = 0x1800000 };
    state_begin(s);
    s->snapshot.root_thread = 0x80010000;
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t tcb = i ? SECOND : FIRST;
        struct record_slot slot = {
            .addr = SHARED + 16 + 16 * i, .type = RECORD_CAP_TCB, .object = tcb, .bits = 9};
        state_slot(s, slot);
        slot = (struct record_slot){.addr = tcb, .level = 1, .type = RECORD_CAP_CNODE, .bits = 12};
        slot.object = n % 2 == i ? SHARED : tcb + 0x10000;
        state_slot(s, slot);
        state_thread(s, (uint32_t)tcb, i == 0 ? "first/t" : n < 3 ? "second/t" : "third/t");
    }
    struct record_slot slot = {.addr = SHARED + 80, .type = RECORD_CAP_FRAME, .bits = 12};
    slot.object = MEMORY + (n / 2) * 0x1000;
    slot.rights = n & 1 ? RECORD_RIGHT_READ : RECORD_RIGHT_READ | RECORD_RIGHT_WRITE;
    state_slot(s, slot);
    slot = (struct record_slot){
        .addr = FIRST + 0x10020, .type = RECORD_CAP_ENDPOINT, .object = MEMORY + 0x8000, .bits = 4};
    if (n > 1)
        state_slot(s, slot);
    state_end(s);
}

static void places_in_a_difference_are_those_of_each_snapshot(void **state)
{
    enum { SNAPSHOTS = 5 };
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    for (uint32_t i = 0; i < SNAPSHOTS; i++) {
        struct capstate s;
        uint32_t n;
        put_used_by_turns(&s, i);
        assert_int_equal(capdb_append(db, &s, i, &n), ERR_OK);
        capstate_free(&s);
    }
    capdb_close(db);
    for (uint32_t i = 0; i < SNAPSHOTS * SNAPSHOTS; i++) {
        char a[2] = {(char)('1' + i / SNAPSHOTS), 0};
        char b[2] = {(char)('1' + i % SNAPSHOTS), 0};
        assert_worded_from_parts(a, b);
    }
    gone(NULL);
}

static void info_says_of_threads_alone_what_it_says_of_the_whole(void **state)
{
    (void)state;
    record_random();
    assert_same_answer(command_info, "", NULL);
    assert_same_answer(command_info, "", "7");
    gone(NULL);
    record_named("a/t", true);
    assert_same_answer(command_info, "", NULL);
    char *text = ask(command_info, "");
    assert_has(text, "trusted managers\t");
    gone(text);
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

/* The untyped in slot 2 and what lies in it; not the device, not the interrupt. */
static void a_subtree_is_a_part(void **state)
{
    struct part p;
    struct capstate s;
    struct authority a;
    (void)state;
    record_named("a/t", true);
    struct capdb *db = open_db(path);
    assert_int_equal(part_begin(db, 1, false, &p), ERR_OK);
    assert_int_equal(part_add_tree(&p, CNODE + 16 * 2), ERR_OK);
    assert_int_equal(part_finish(&p, &s, &a), ERR_OK);
    assert_int_equal(s.slot_count, 5);
    assert_true(s.part);
    part_free(&p);
    authority_free(&a);
    capstate_free(&s);
    assert_int_equal(part_begin(db, 1, false, &p), ERR_OK);
    assert_int_equal(part_add_tree(&p, CNODE + 16 * 6), ERR_UNSUPPORTED); /* an interrupt */
    assert_int_equal(part_add_tree(&p, CNODE + 16 * 7), ERR_UNSUPPORTED); /* an empty slot */
    part_free(&p);
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

static void a_snapshot_that_is_not_there_is_no_room(void **state)
{
    struct stream *stream;
    (void)state;
    record_random();
    struct capdb *db = resume_db(path);
    assert_int_equal(capdb_exec(db, "UPDATE snapshot SET n = 4000000000 WHERE n = 40", "tampering"),
                     ERR_OK);
    capdb_close(db);
    db = open_db(path);
    assert_int_equal(stream_open(db, 1, &stream), ERR_CORRUPT);
    assert_null(stream);
    assert_has(capdb_error(db), "not numbered one by one");
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

static void assert_report_tells_both(void)
{
    char page[] = "/tmp/capdb-report-XXXXXX";
    size_t size;
    close(mkstemp(page));
    free(ask_with((struct options){.every = -1, .run = path, .output = page}, command_report));
    char *text = read_file(page, &size);
    text[size] = '\0';
    assert_has(text, "6 snapshots: 2 isolated, 4 breached, 0 could not be told");
    assert_has(text, "<td>foreign-tcb</td><td>a</td><td>b</td><td class=\"n\">2 to 4</td>");
    assert_has(text, "<td>foreign-tcb</td><td>a</td><td>b</td><td class=\"n\">6 to 6</td>");
    assert_has(text, "<tr><td class=\"n\">2</td><td class=\"n\">+1.0 s</td><td>a</td><td>b</td>"
                     "<td>a/t | b/t</td><td><code>tcb");
    assert_has(text, "<tr><td class=\"n\">6</td><td class=\"n\">+5.0 s</td><td>a</td><td>b</td>");
    free(text);
    unlink(page);
}

/* Names of cases are what a build server knows them by. */
static void assert_cases_are_told_once(void)
{
    char file[] = "/tmp/capdb-junit-XXXXXX";
    size_t size;
    close(mkstemp(file));
    free(ask_with((struct options){.every = -1, .run = path, .all = true, .junit = file},
                  command_check));
    char *xml = read_file(file, &size);
    xml[size] = '\0';
    assert_has(xml, "tests=\"7\" failures=\"3\"");
    assert_has(xml, "snapshots 2 to 4: foreign-tcb a b tcb 0x80200200 b/t\">");
    assert_has(xml, "name=\"verdict\">\n      <failure message=\"BREACHED: 2 breaches among 2");
    free(xml);
    unlink(file);
}

/* What comes again is the same case, unless its result is another. */
static void a_case_has_one_name(void **state)
{
    char file[] = "/tmp/capdb-junit-XXXXXX";
    size_t size;
    (void)state;
    close(mkstemp(file));
    struct junit *j = junit_open(file);
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "case %d", i % 150);
        junit_case(j, i < 299 ? JUNIT_PASSED : JUNIT_FAILED, name, "why");
    }
    junit_verdict(j, JUNIT_ERROR, "otherwise");
    assert_true(junit_close(j, "suite"));
    char *xml = read_file(file, &size);
    xml[size] = '\0';
    assert_has(xml, "tests=\"152\" failures=\"1\" errors=\"1\" skipped=\"0\"");
    assert_has(xml, "name=\"case 149 (2)\">\n      <failure message=\"why\"/>");
    assert_has(xml, "name=\"verdict\">\n      <error message=\"otherwise\"/>");
    free(xml);
    unlink(file);
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
    free(text);
    assert_report_tells_both();
    assert_cases_are_told_once();
    gone(NULL);
}

/* --- two snapshots to be compared ------------------------------------------------------------- */

static char *difference(const char *a, const char *b, const char *from, const char *to)
{
    char *operands[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b};
    return ask_with((struct options){.every = -1,
                                     .run = path,
                                     .operand = operands,
                                     .operands = (a ? 1 : 0) + (b ? 1 : 0),
                                     .from_text = from,
                                     .to_text = to},
                    command_diff);
}

static void assert_differs(const char *wanted, const char *a, const char *b, const char *from,
                           const char *to)
{
    char *text = difference(a, b, from, to);
    assert_int_equal(status, STATUS_YES);
    assert_has(text, wanted);
    free(text);
}

static void assert_no_difference(const char *why, const char *a, const char *b, const char *from,
                                 const char *to)
{
    char *text = difference(a, b, from, to);
    assert_int_equal(status, STATUS_UNKNOWN);
    assert_has(text, why);
    free(text);
}

static void assert_listed(const char *from, const char *to, uint32_t first, uint32_t count)
{
    char row[16];
    char *text =
        ask_with((struct options){.every = -1, .run = path, .from_text = from, .to_text = to},
                 command_snapshots);
    uint32_t lines = 0;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    snprintf(row, sizeof(row), "\n%u\t", first);
    assert_int_equal(status, STATUS_YES);
    assert_has(text, row);
    assert_int_equal(lines, count + 1);
    free(text);
}

/* None that was taken from then on is left out, whatever the clock said meanwhile. */
static void a_clock_that_was_set_back_hides_nothing(void **state)
{
    static const uint32_t times[] = {10, 20, 30, 15, 16, 40, 12, 13};
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    for (uint32_t i = 0; i < sizeof(times) / sizeof(*times); i++)
        append_pair(db, i % 2, times[i]);
    capdb_close(db);
    assert_listed("00:00:12.5", NULL, 2, 7);
    assert_listed("00:00:15", NULL, 2, 7);
    assert_listed("00:00:35", NULL, 6, 3);
    assert_listed("00:00:10", "00:00:30", 1, 8);
    gone(NULL);
}

/* Snapshot n is taken n seconds after 1970 begins; 2 to 4 and 6 hold what the others do not. */
static void snapshots_to_compare_are_named_as_any(void **state)
{
    static const bool crossed[] = {false, true, true, true, false, true};
    (void)state;
    path = temp_path();
    struct capdb *db = create(path);
    for (uint32_t i = 0; i < sizeof(crossed) / sizeof(*crossed); i++)
        append_pair(db, crossed[i], i + 1);
    capdb_close(db);
    assert_differs("\ncopied\t", "1", "2", NULL, NULL);
    assert_differs("\ncopied\t", "00:00:01", "1970-01-01T00:00:02", NULL, NULL);
    assert_differs("\ndeleted\t", "-3s", "-1s", NULL, NULL);
    assert_differs("\ncopied\t", NULL, NULL, "00:00:01", "00:00:03");
    assert_differs("\ncopied\t", NULL, NULL, "5", NULL);
    assert_differs("\ndeleted\t", NULL, NULL, NULL, "5");
    assert_differs("\ncopied\t", NULL, NULL, NULL, NULL);
    assert_differs("both are snapshot 3: none was taken in between", NULL, NULL, "00:00:03.2",
                   "00:00:03.9");
    assert_listed(NULL, NULL, 1, 6);
    assert_listed("-1s", NULL, 5, 2);
    assert_listed("-0s", NULL, 6, 1); /* a moment at which one was taken is its own */
    assert_listed("00:00:03", "00:00:04", 3, 2);
    assert_listed("00:00:03.5", "5", 4, 2);
    assert_listed("-5m", NULL, 1, 6);                           /* longer ago than it lasted */
    assert_differs("\ncopied\t", NULL, NULL, "00:00", "00:00"); /* from its beginning to its end */
    assert_no_difference("ends before it begins", NULL, NULL, "3", "2");
    assert_no_difference("25:00: neither a snapshot nor a time", "1", "25:00", NULL, NULL);
    assert_no_difference("snapshot 7 not found", "1", "7", NULL, NULL);
    assert_no_difference("lies outside the recording", NULL, NULL, "00:01", NULL);
    assert_no_difference("has no snapshot before", NULL, NULL, NULL, "1");
    assert_no_difference("two snapshots, or --from and --to", "1", NULL, NULL, NULL);
    assert_no_difference("two snapshots, or --from and --to", "1", "2", "1", NULL);
    gone(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_to_compare_are_named_as_any),
        cmocka_unit_test(a_clock_that_was_set_back_hides_nothing),
        cmocka_unit_test(names_in_utf8_are_shown_and_typed),
        cmocka_unit_test(a_question_without_an_end_is_given_up),
        cmocka_unit_test(what_cannot_be_shown_is_escaped),
        cmocka_unit_test(a_name_that_looks_like_an_address_does_not_hide_it),
        cmocka_unit_test(an_interrupt_is_no_memory),
        cmocka_unit_test(an_address_in_the_kernels_window_can_be_meant_as_it_is),
        cmocka_unit_test(digits_that_are_an_address_only_with_0x_are_doubtful),
        cmocka_unit_test(json_cells_are_what_they_are),
        cmocka_unit_test(types_are_those_of_the_cell_and_not_of_the_first_row),
        cmocka_unit_test(addresses_are_whole),
        cmocka_unit_test(memory_is_counted_once_and_devices_apart),
        cmocka_unit_test(csv_cells_are_no_formulas),
        cmocka_unit_test(a_cnode_of_any_size_is_exported),
        cmocka_unit_test(cnodes_inside_each_other_are_exported),
        cmocka_unit_test(a_policy_is_a_gate),
        cmocka_unit_test(a_case_has_one_name),
        cmocka_unit_test(every_answer_from_an_incomplete_snapshot_says_so),
        cmocka_unit_test(a_whole_snapshot_raises_no_doubt),
        cmocka_unit_test(events_without_snapshots_are_shown),
        cmocka_unit_test(a_part_answers_as_the_whole_snapshot),
        cmocka_unit_test(history_tells_of_each_snapshot_what_owner_does),
        cmocka_unit_test(untyped_memory_holds_what_nothing_else_does),
        cmocka_unit_test(untyped_memory_is_chosen_by_what_it_is),
        cmocka_unit_test(a_difference_is_worded_from_parts_as_from_the_whole),
        cmocka_unit_test(places_in_a_difference_are_those_of_each_snapshot),
        cmocka_unit_test(info_says_of_threads_alone_what_it_says_of_the_whole),
        cmocka_unit_test(a_part_has_what_was_asked_and_no_more),
        cmocka_unit_test(a_subtree_is_a_part),
        cmocka_unit_test(a_stream_gives_each_snapshot_as_it_is_loaded),
        cmocka_unit_test(a_snapshot_that_is_not_there_is_no_room),
        cmocka_unit_test(a_breach_is_an_interval_and_a_merge_a_moment),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
