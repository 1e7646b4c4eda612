/* Ways in: the grammar of targets, and doors whose other side misbehaves.  A well-behaved other
 * side is QEMU's and the kernel's business (tests/e2e/doors.sh); the fakes here are what no real
 * target does on demand.  All memory is the simulated kernel's, so what a door delivers is compared
 * with what the walker gives directly. */
#include "tests/unit/fake_target.h"
#include "tests/sim/sim.h"

#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/door.h"
#include "attach/processor.h"
#include "attach/text.h"
#include "attach/pages.h"
#include "attach/stream.h"
#include "attach/target.h"
#include "attach/walk.h"
#include "objwalk/walker.h"
#include "objwalk/capscope/walk.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct memview view;

/* Something to look at: threads, copies, a mapping or two come from booting. */
static int setup(void **state)
{
    (void)state;
    sim_boot();
    cptr_t ep = sim_new(OBJECT_ENDPOINT, 0);
    assert_int_equal(sim_mint(sim_free_slots(1), ep, RIGHT_WRITE, 7), 0);
    cptr_t first = sim_new_many(OBJECT_NOTIFICATION, 0, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(sim_copy(sim_free_slots(1), first + i, RIGHT_ALL), 0);
    sim_thread_new("guest/init", 10, 0);
    view = sim_memview();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sim_end();
    return 0;
}

/* --- comparing --- */

/* What the walker says, without any door. */
static void expected(struct stream *s, bool stopped)
{
    struct objwalk *w = calloc(1, sizeof(*w));
    kaddr_t roots = 0;
    stream_init(s);
    assert_int_equal(objwalk_find_roots(&view, KERNEL_PHYS_BASE, &roots), ERR_OK);
    assert_int_equal(objwalk_open(w, &view, roots), ERR_OK);
    assert_int_equal(
        objwalk_snapshot(w, stopped ? SNAPSHOT_STOPPED : SNAPSHOT_MOVING, stream_record, s),
        ERR_OK);
    assert_true(s->end.slots > 200);
    free(w);
}

static struct attach *open_ok(const char *target)
{
    char message[300] = "";
    struct attach *a = NULL;
    enum error e = attach_open(target, &a, message, sizeof(message));
    if (e != ERR_OK)
        print_error("%s\n", message);
    assert_int_equal(e, ERR_OK);
    assert_string_equal(attach_target(a), target);
    return a;
}

static void compare_records(struct attach *a, bool stopped)
{
    struct stream want, got;
    expected(&want, stopped);
    stream_init(&got);
    enum error e = attach_records(a, stream_record, &got);
    if (e != ERR_OK)
        print_error("%s\n", attach_error(a));
    assert_int_equal(e, ERR_OK);
    assert_int_equal(got.used, want.used);
    assert_memory_equal(got.bytes, want.bytes, want.used);
    stream_fini(&want);
    stream_fini(&got);
}

/* Opens the fake through `door`, compares two snapshots, closes. */
static void survives(const char *door, enum fake_line line, void (*serve)(struct fake *, int),
                     const struct fake_faults *faults, struct fake *f)
{
    char target[200];
    fake_start(f, line, serve, &view, faults);
    snprintf(target, sizeof(target), "%s:%s", door, f->target);
    struct attach *a = open_ok(target);
    compare_records(a, true);
    compare_records(a, true);
    attach_close(a);
    fake_join(f);
    assert_int_equal(f->violations, 0);
}

/* --- targets --- */

static void targets_are_parsed(void **state)
{
    static const struct {
        const char *text;
        enum target_door door;
        enum target_line line;
        const char *path, *port;
        uint32_t baud;
    } good[] = {
        {"monitor:unix:/a/b.sock", DOOR_MONITOR, LINE_UNIX, "/a/b.sock", "", 0},
        {"gdb:tcp:localhost:1234", DOOR_GDB, LINE_TCP, "localhost", "1234", 0},
        {"gdb:tcp:[::1]:65535", DOOR_GDB, LINE_TCP, "::1", "65535", 0},
        {"monitor:/dev/ttyUSB0", DOOR_MONITOR, LINE_SERIAL, "/dev/ttyUSB0", "", 115200},
        {"gdb:/dev/ttyUSB1,9600", DOOR_GDB, LINE_SERIAL, "/dev/ttyUSB1", "", 9600},
        {"ram:file:with:colons", DOOR_RAM, LINE_NONE, "file:with:colons", "", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct target t;
        const char *why = NULL;
        assert_int_equal(target_parse(good[i].text, &t, &why), ERR_OK);
        assert_int_equal(t.door, good[i].door);
        assert_int_equal(t.line, good[i].line);
        assert_string_equal(t.path, good[i].path);
        assert_string_equal(t.port, good[i].port);
        assert_int_equal(t.baud, good[i].baud);
    }
}

static void wrong_targets_are_refused_with_a_sentence(void **state)
{
    static const char *const bad[] = {
        "",
        "monitor",
        "monitor:",
        "monitor:unix:",
        "gdb:tcp:host",
        "gdb:tcp:h:",
        "gdb:tcp:h:0",
        "gdb:tcp:h:65536",
        "gdb:tcp::1",
        "gdb:tcp:[::1:1",
        "gdb:tcp:h:12x",
        "gdb:ttyUSB0",
        "gdb:/dev/x,",
        "gdb:/dev/x,fast",
        "ram:",
        "run.capdb",
        "gdb:/dev/x,99999999999999",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char message[200] = "";
        struct attach *a = (struct attach *)(uintptr_t)1;
        assert_int_equal(attach_open(bad[i], &a, message, sizeof(message)), ERR_ARGUMENT);
        assert_null(a);
        assert_int_equal(strncmp(message, bad[i], strlen(bad[i])), 0);
        assert_true(strlen(message) > strlen(bad[i]) + 10);
    }
}

static void what_is_not_there_is_named(void **state)
{
    static const char *const absent[] = {
        "monitor:unix:/nonexistent/socket",
        "gdb:unix:/nonexistent/socket",
        "gdb:/dev/nonexistent",
        "ram:/nonexistent/file",
        "gdb:tcp:127.0.0.1:1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++) {
        char message[200] = "";
        struct attach *a;
        assert_int_equal(attach_open(absent[i], &a, message, sizeof(message)), ERR_IO);
        assert_int_equal(strncmp(message, absent[i], strlen(absent[i])), 0);
    }
}

/* --- gdb: faults that are survived --- */

static void damaged_packets_are_asked_for_again(void **state)
{
    static const struct fake_faults faults[] = {
        {.checksum_every = 3},
        {.stop_every = 2},
        {.notify_every = 2},
        {.nak_every = 25},
        {.miss_every = 150},
        {.lose_every = 150},
        {.noise_every = 2},
        {.short_reads = true},
        {.features = "PacketSize=1;swbreak+"},
        {.features = "PacketSize=ffffffff;swbreak+"},
        {.features = "swbreak+;qXfer:features:read+"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct fake f;
        survives("gdb", FAKE_UNIX, fake_gdb, &faults[i], &f);
        assert_true(f.detached);
        assert_in_range(f.resumes, 3, 4); /* again where the answer to the goodbye was damaged */
    }
}

static void damage_that_the_checksum_hides_is_found_by_reading_twice(void **state)
{
    static const struct fake_faults faults[] = {
        {.checksum_every = 9, .forge_every = 31},
        {.nak_every = 50, .forge_every = 41},
        {.lose_every = 150, .forge_every = 53},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct fake f;
        survives("gdb", FAKE_UNIX, fake_gdb, &faults[i], &f);
    }
}

static void a_running_stub_is_stopped_first(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_UNIX, fake_gdb, &(struct fake_faults){.runs_at_first = true}, &f);
}

static void a_first_question_that_is_lost_is_asked_again(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_UNIX, fake_gdb, &(struct fake_faults){.runs_at_first = true, .deaf = 1},
             &f);
}

/* What OpenOCD 0.12 offers; it prints text between a `c` and the next stop. */
static void a_stub_is_left_once(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_UNIX, fake_gdb, &(struct fake_faults){.mute_detach = true}, &f);
    assert_int_equal(f.detaches, 1);
    assert_true(f.detached || f.left_running);
}

static void a_stub_that_speaks_of_processes_is_left_by_number(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_UNIX, fake_gdb, &(struct fake_faults){.processes = true}, &f);
    assert_int_equal(f.detaches, 1);
    assert_true(f.detached);
}

static void processors_are_known_by_their_description(void **state)
{
    const struct processor *arm = processor_of("");
    const struct processor *a64 = processor_of("<target><architecture>aarch64</architecture>");
    const struct processor *x64 = processor_of("<architecture>i386:x86-64</architecture>");
    const struct processor *rv64 = processor_of("<architecture>riscv:rv64</architecture>");
    (void)state;
    assert_string_equal(arm->architecture, "arm");
    assert_true(processor_is_user(arm, 0x60000010) && !processor_is_user(arm, 0x13));
    assert_true(processor_is_at_vector(arm, 0xffff0018) &&
                !processor_is_at_vector(arm, 0xffff0020));
    assert_true(processor_is_user(a64, 0x60000000) && !processor_is_user(a64, 0x3c5));
    assert_false(processor_is_at_vector(a64, 0));
    assert_true(processor_is_user(x64, 0x2b) && !processor_is_user(x64, 0x8));
    assert_false(processor_is_user(rv64, 0));
}

static void openocd_is_acknowledged_and_left_running(void **state)
{
    static const char offers[] = "PacketSize=4000;qXfer:memory-map:read-;qXfer:features:read+;"
                                 "qXfer:threads:read+;QStartNoAckMode+;vContSupported+";
    struct fake f;
    (void)state;
    survives("gdb", FAKE_TCP, fake_gdb,
             &(struct fake_faults){.features = offers, .talks = true, .torn_stops = 3}, &f);
    assert_false(f.detached);
    assert_true(f.left_running);
}

static void registers_are_read_in_every_known_layout(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_TCP, fake_gdb, &(struct fake_faults){.legacy_registers = true}, &f);
    survives("gdb", FAKE_TCP, fake_gdb, &(struct fake_faults){.no_registers = true}, &f);
}

static void a_stop_inside_the_kernel_is_left_again(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_UNIX, fake_gdb, &(struct fake_faults){.torn_stops = 5}, &f);
    assert_int_equal(f.resumes, 3 + 5);
}

static void a_halted_machine_stays_halted(void **state)
{
    struct fake f;
    char target[200];
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_gdb, &view, NULL);
    snprintf(target, sizeof(target), "gdb:%s", f.target);
    struct attach *a = open_ok(target);
    assert_false(attach_is_halted(a));
    assert_int_equal(attach_halt(a), ERR_OK);
    assert_true(attach_is_halted(a));
    unsigned resumes = f.resumes;
    compare_records(a, true);
    assert_int_equal(f.resumes, resumes);
    assert_int_equal(attach_continue(a), ERR_OK);
    attach_close(a);
    fake_join(&f);
    assert_int_equal(f.resumes, resumes + 1);
}

static void a_machine_that_stood_is_left_standing(void **state)
{
    struct fake f;
    (void)state;
    survives("gdb", FAKE_UNIX, fake_gdb, &(struct fake_faults){.stands = true}, &f);
    assert_int_equal(f.resumes, 0);
    assert_false(f.detached);
}

static void commands_go_to_a_stub_of_the_kernel(void **state)
{
    struct fake f;
    char target[200];
    char *text = NULL;
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_gdb, &view, NULL);
    snprintf(target, sizeof(target), "gdb:%s", f.target);
    struct attach *a = open_ok(target);
    assert_int_equal(attach_command(a, "threads", &text), ERR_OK);
    assert_string_equal(text, "one line\n");
    free(text);
    assert_int_equal(attach_command(a, "a\nb", &text), ERR_ARGUMENT);
    assert_string_equal(attach_console(a), "");
    attach_close(a);
    fake_join(&f);
}

/* --- faults that end in a sentence --- */

struct hostile {
    const char *name;
    const char *door;
    struct fake_faults faults;
    enum error error;
    const char *says;
    /* outcome */
    struct fake fake;
    pthread_t thread;
    enum error got;
    char message[512];
    int64_t ms;
};

static void *meet(void *arg)
{
    struct hostile *h = arg;
    char target[200];
    int64_t begin = clock_now_ms();
    struct attach *a = NULL;
    struct capstate s;
    snprintf(target, sizeof(target), "%s:%s", h->door, h->fake.target);
    h->got = attach_open(target, &a, h->message, sizeof(h->message));
    if (h->got == ERR_OK) {
        h->got = attach_snapshot(a, &s);
        if (h->got == ERR_OK)
            capstate_free(&s);
        else
            snprintf(h->message, sizeof(h->message), "%s", attach_error(a));
    }
    attach_close(a);
    h->ms = clock_now_ms() - begin;
    return NULL;
}

enum { ENDS_MS = 120000 }; /* on any machine: it is hanging for good that is looked for */

static void meet_all(struct hostile *h, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool gdb = strcmp(h[i].door, "gdb") == 0;
        fake_start(&h[i].fake, FAKE_UNIX, gdb ? fake_gdb : fake_monitor, &view, &h[i].faults);
        assert_int_equal(pthread_create(&h[i].thread, NULL, meet, &h[i]), 0);
    }
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        pthread_join(h[i].thread, NULL);
        fake_join(&h[i].fake);
        bool named = strstr(h[i].message, h[i].fake.target) && strstr(h[i].message, h[i].says);
        if (h[i].got == h[i].error && named && h[i].ms < ENDS_MS)
            continue;
        print_error("%s: got %d after %d ms \"%s\", wanted %d \"%s\"\n", h[i].name, h[i].got,
                    (int)h[i].ms, h[i].message, h[i].error, h[i].says);
        good = false;
    }
    assert_true(good);
}

/* The address of a next link in the middle of the list. */
static kaddr_t broken_link(void)
{
    return kaddr_of(sim_slot(INIT_CNODE)) + offsetof(struct slot, next);
}

static void hostile_stubs_end_in_a_sentence(void **state)
{
    char long_answer[1100];
    memset(long_answer, 'a', sizeof(long_answer) - 1);
    long_answer[sizeof(long_answer) - 1] = '\0';
    kaddr_t roots = hostsim_roots();
    struct hostile all[] = {
        {.name = "silence",
         .door = "gdb",
         .faults = {.silent = true},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless packet",
         .door = "gdb",
         .faults = {.flood = "$aaaaaaaa"},
         .error = ERR_CHECKSUM,
         .says = "damaged"},
        {.name = "packet without end",
         .door = "gdb",
         .faults = {.flood = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless stop replies",
         .door = "gdb",
         .faults = {.flood = "$T05#b9"},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless notifications",
         .door = "gdb",
         .faults = {.flood = "%a#61"},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless naks",
         .door = "gdb",
         .faults = {.flood = "-"},
         .error = ERR_CHECKSUM,
         .says = "damaged"},
        {.name = "close at once",
         .door = "gdb",
         .faults = {.close_after = 1},
         .error = ERR_CLOSED,
         .says = "closed"},
        {.name = "close in the scan",
         .door = "gdb",
         .faults = {.close_after = 20},
         .error = ERR_CLOSED,
         .says = "closed"},
        {.name = "always damaged",
         .door = "gdb",
         .faults = {.flood = "$a#00"},
         .error = ERR_CHECKSUM,
         .says = "damaged"},
        {.name = "no hex",
         .door = "gdb",
         .faults = {.memory = "zz"},
         .error = ERR_FORMAT,
         .says = "no hex"},
        {.name = "odd hex",
         .door = "gdb",
         .faults = {.memory = "abc"},
         .error = ERR_FORMAT,
         .says = "no hex"},
        {.name = "too much",
         .door = "gdb",
         .faults = {.memory = long_answer},
         .error = ERR_FORMAT,
         .says = "no hex"},
        {.name = "errors only",
         .door = "gdb",
         .faults = {.memory = "E14"},
         .error = ERR_READ,
         .says = "could not be read"},
        {.name = "pieces",
         .door = "gdb",
         .faults = {.memory = "00"},
         .error = ERR_FORMAT,
         .says = "pieces of 1 byte"},
        {.name = "no kernel",
         .door = "gdb",
         .faults = {.patch_at = roots, .patch_value = 0},
         .error = ERR_NO_ROOTS,
         .says = "no capscope kernel found: the magic of kernel_roots is not there (mainline seL4: "
                 "name its file with --kernel)"},
        {.name = "no gdb",
         .door = "gdb",
         .faults = {.status = "hello"},
         .error = ERR_FORMAT,
         .says = "does not speak"},
        {.name = "gone",
         .door = "gdb",
         .faults = {.status = "W00"},
         .error = ERR_CLOSED,
         .says = "gone"},
        {.name = "layout",
         .door = "gdb",
         .faults = {.patch_at = roots + 12, .patch_value = 0xabcd},
         .error = ERR_LAYOUT,
         .says = "layout is 0x0000abcd, this program understands 0x2026"},
        {.name = "always torn",
         .door = "gdb",
         .faults = {.patch_at = broken_link(), .patch_value = 0x12345670, .patch_moves = true},
         .error = ERR_TORN,
         .says = "no whole snapshot in 8 tries"},
        {.name = "version",
         .door = "gdb",
         .faults = {.patch_at = roots + 8, .patch_value = 77},
         .error = ERR_VERSION,
         .says = "version 77, this program understands 1"},
    };
    (void)state;
    meet_all(all, sizeof(all) / sizeof(*all));
}

static void hostile_monitors_end_in_a_sentence(void **state)
{
    struct hostile all[] = {
        {.name = "silence",
         .door = "monitor",
         .faults = {.silent = true},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless text",
         .door = "monitor",
         .faults = {.flood = "la la la\n"},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless prompts",
         .door = "monitor",
         .faults = {.flood = "capscope> \n"},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "endless frame",
         .door = "monitor",
         .faults = {.flood = "\1\2\3\4\5\6\7"},
         .error = ERR_TIMEOUT,
         .says = "no answer"},
        {.name = "close at once",
         .door = "monitor",
         .faults = {.close_after = 1},
         .error = ERR_CLOSED,
         .says = "closed"},
        {.name = "always a frame lost",
         .door = "monitor",
         .faults = {.drop = 2, .always = true},
         .error = ERR_SEQUENCE,
         .says = "the line is too noisy"},
        {.name = "always damaged",
         .door = "monitor",
         .faults = {.flip = 3, .always = true},
         .error = ERR_SEQUENCE,
         .says = "the line is too noisy"},
        {.name = "never the first",
         .door = "monitor",
         .faults = {.drop = 1, .always = true},
         .error = ERR_SEQUENCE,
         .says = "the line is too noisy"},
        {.name = "wrong counts",
         .door = "monitor",
         .faults = {.miscount = 1},
         .error = ERR_TRUNCATED,
         .says = "data ends in the middle"},
        {.name = "another format",
         .door = "monitor",
         .faults = {.format = 9},
         .error = ERR_VERSION,
         .says = "version"},
        {.name = "refusal",
         .door = "monitor",
         .faults = {.refuses = true},
         .error = ERR_REFUSED,
         .says = "refused: the kernel has no list"},
    };
    (void)state;
    meet_all(all, sizeof(all) / sizeof(*all));
}

static void a_list_that_is_broken_for_good_is_shown(void **state)
{
    struct fake_faults faults = {.patch_at = broken_link(), .patch_value = 0x12345670};
    struct fake f;
    struct capstate s;
    char target[200];
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_gdb, &view, &faults);
    snprintf(target, sizeof(target), "gdb:%s", f.target);
    struct attach *a = open_ok(target);
    assert_int_equal(attach_snapshot(a, &s), ERR_OK);
    assert_int_equal(s.end.complete, 0);
    assert_true(s.finding_count > 0);
    capstate_free(&s);
    attach_close(a);
    fake_join(&f);
}

/* --- monitor --- */

static void a_lost_frame_costs_a_retry(void **state)
{
    static const struct fake_faults faults[] = {
        {.drop = 1}, {.drop = 2}, {.flip = 2}, {.repeat = 2}};
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
        struct fake f;
        survives("monitor", FAKE_UNIX, fake_monitor, &faults[i], &f);
        assert_int_equal(f.snapshots, 3);
    }
}

static void what_no_sending_brings_whole_is_gathered_from_many(void **state)
{
    struct fake f;
    (void)state;
    survives("monitor", FAKE_UNIX, fake_monitor, &(struct fake_faults){.holes = true}, &f);
    assert_int_equal(f.resumes, 2);
    assert_false(f.halted);
}

static void a_machine_that_boots_is_waited_for(void **state)
{
    struct fake f;
    (void)state;
    survives("monitor", FAKE_TCP, fake_monitor, &(struct fake_faults){.deaf = 2}, &f);
}

static void the_monitor_answers_on_a_terminal(void **state)
{
    struct fake f;
    (void)state;
    survives("monitor", FAKE_PTY, fake_monitor, NULL, &f);
}

static void console_text_is_kept_apart(void **state)
{
    struct fake f;
    char target[200];
    char *text = NULL;
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_monitor, &view,
               &(struct fake_faults){.chatty = "hello from a program\r\n"});
    snprintf(target, sizeof(target), "monitor:%s", f.target);
    struct attach *a = open_ok(target);
    attach_console(a);
    assert_int_equal(attach_command(a, "who 0x80000000", &text), ERR_OK);
    assert_string_equal(text, "who 0x80000000\n");
    free(text);
    compare_records(a, true);
    const char *console = attach_console(a);
    assert_true(strlen(console) > 0);
    for (const char *line = console; *line; line += strlen("hello from a program\n"))
        assert_int_equal(strncmp(line, "hello from a program\n", strlen("hello from a program\n")),
                         0);
    assert_string_equal(attach_console(a), "");
    attach_close(a);
    fake_join(&f);
}

static void a_machine_halted_here_runs_after_closing(void **state)
{
    struct fake f;
    char target[200];
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_monitor, &view, NULL);
    snprintf(target, sizeof(target), "monitor:%s", f.target);
    struct attach *a = open_ok(target);
    assert_int_equal(attach_halt(a), ERR_OK);
    assert_true(attach_is_halted(a));
    compare_records(a, true);
    assert_true(attach_is_halted(a));
    attach_close(a);
    fake_join(&f);
    assert_int_equal(f.resumes, 1);
    assert_false(f.halted);
}

static void program_output_is_never_taken_for_a_prompt(void **state)
{
    static const char output[] = "stopped> \r\ncapscope> where\r\nstopped: condition 1\r\n";
    struct fake f;
    char target[200];
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_monitor, &view, &(struct fake_faults){.chatty = output});
    snprintf(target, sizeof(target), "monitor:%s", f.target);
    struct attach *a = open_ok(target);
    compare_records(a, true);
    assert_false(attach_is_halted(a));
    assert_int_equal(attach_last_state(a)->being, ATTACH_RUNS);
    const char *console = attach_console(a);
    static const char shown[] = "stopped> \ncapscope> where\nstopped: condition 1\n";
    assert_int_equal(strncmp(console, shown, strlen(shown)), 0);
    attach_close(a);
    fake_join(&f);
}

static void a_late_answer_is_not_taken_for_another(void **state)
{
    struct fake f;
    char target[200];
    char *text = NULL;
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_monitor, &view, &(struct fake_faults){.late = 1});
    snprintf(target, sizeof(target), "monitor:%s", f.target);
    struct attach *a = open_ok(target);
    assert_int_equal(attach_command(a, "who 0x80000000", &text), ERR_TIMEOUT);
    assert_int_equal(attach_last_state(a)->being, ATTACH_UNREACHABLE);
    assert_int_equal(attach_command(a, "irqs", &text), ERR_OK);
    assert_string_equal(text, "irqs\n");
    assert_int_equal(attach_last_state(a)->being, ATTACH_RUNS);
    free(text);
    attach_close(a);
    fake_join(&f);
}

static void a_long_answer_comes_whole(void **state)
{
    enum { LINES = 700000 };
    struct fake f;
    char target[200];
    char *text = NULL;
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_monitor, &view, &(struct fake_faults){.lines = LINES});
    snprintf(target, sizeof(target), "monitor:%s", f.target);
    struct attach *a = open_ok(target);
    assert_int_equal(attach_command(a, "cdt", &text), ERR_OK);
    assert_int_equal(strlen(text), LINES * strlen("cdt\n"));
    free(text);
    attach_close(a);
    fake_join(&f);
}

static void text_is_whole_or_refused(void **state)
{
    struct text t = {0};
    (void)state;
    assert_int_equal(text_put(&t, "abc", 3), ERR_OK);
    assert_int_equal(text_put(&t, NULL, TEXT_MAX - 2), ERR_BOUND);
    assert_string_equal(t.bytes, "abc");
    for (unsigned i = 0; i < 3000; i++)
        text_scroll(&t, (char)('a' + i % 26), 1000);
    assert_true(t.used <= 1000);
    assert_int_equal(t.bytes[t.used - 1], 'a' + 2999 % 26);
    text_fini(&t);
}

static void stops_that_were_armed_here_go_with_us(void **state)
{
    (void)state;
    for (unsigned keep = 0; keep < 2; keep++) {
        struct fake f;
        char target[200];
        char *text = NULL;
        fake_start(&f, FAKE_UNIX, fake_monitor, &view, NULL);
        f.armed = 1; /* by somebody else */
        snprintf(target, sizeof(target), "monitor:%s", f.target);
        struct attach *a = open_ok(target);
        assert_int_equal(attach_command(a, "break on revoke", &text), ERR_OK);
        free(text);
        assert_int_equal(attach_last_state(a)->armed, 3);
        assert_int_equal(attach_last_state(a)->armed_here, 2);
        attach_keep_stops(a, keep != 0);
        attach_close(a);
        fake_join(&f);
        assert_int_equal(f.armed, keep ? 3 : 1);
    }
}

static void a_machine_that_stood_is_known_from_the_start(void **state)
{
    struct fake f;
    char target[200];
    struct attach_state s;
    (void)state;
    fake_start(&f, FAKE_UNIX, fake_monitor, &view, NULL);
    f.halted = true;
    snprintf(target, sizeof(target), "monitor:%s", f.target);
    struct attach *a = open_ok(target);
    assert_true(attach_is_halted(a));
    assert_int_equal(attach_state(a, &s), ERR_OK);
    assert_int_equal(s.being, ATTACH_STANDS);
    assert_int_equal(s.reason, ATTACH_AT_HALT);
    assert_false(s.ours);
    attach_close(a);
    fake_join(&f);
    assert_true(f.halted);
}

/* --- ram --- */

enum { IMAGE_BYTES = 4 << 20 };

static char path[64];

static void write_file(const void *head, size_t head_len, uint32_t bytes)
{
    uint8_t *memory = calloc(1, bytes + 1);
    strcpy(path, "/tmp/capscope-ram-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(memview_read(&view, KERNEL_WINDOW, memory, bytes), ERR_OK);
    assert_int_equal(write(fd, head, head_len), head_len);
    assert_int_equal(write(fd, memory, bytes), bytes);
    close(fd);
    free(memory);
}

static enum error open_file(char *message, size_t size)
{
    char target[100];
    struct attach *a = NULL;
    snprintf(target, sizeof(target), "ram:%s", path);
    enum error e = attach_open(target, &a, message, size);
    attach_close(a);
    unlink(path);
    return e;
}

static void snapshot_of_file(bool stopped)
{
    char target[100];
    snprintf(target, sizeof(target), "ram:%s", path);
    struct attach *a = open_ok(target);
    compare_records(a, stopped);
    struct capstate s;
    assert_int_equal(attach_snapshot(a, &s), ERR_OK);
    assert_true(capstate_thread_named(&s, "guest/init") >= 0);
    capstate_free(&s);
    assert_int_equal(attach_halt(a), ERR_UNSUPPORTED);
    char *text;
    assert_int_equal(attach_command(a, "help", &text), ERR_UNSUPPORTED);
    attach_close(a);
    unlink(path);
}

static void a_bare_image_is_read(void **state)
{
    (void)state;
    write_file("", 0, HOSTSIM_RAM_BYTES);
    snapshot_of_file(false);
}

/* An ELF header and one segment; paddr 0: only the virtual address is given. */
static size_t core_head(uint8_t *out, uint32_t paddr, uint32_t filesz)
{
    Elf32_Ehdr e = {.e_type = ET_CORE,
                    .e_machine = EM_ARM,
                    .e_version = EV_CURRENT,
                    .e_phoff = sizeof(e),
                    .e_ehsize = sizeof(e),
                    .e_phentsize = sizeof(Elf32_Phdr),
                    .e_phnum = 1};
    memcpy(e.e_ident, ELFMAG, SELFMAG);
    e.e_ident[EI_CLASS] = ELFCLASS32;
    e.e_ident[EI_DATA] = ELFDATA2LSB;
    e.e_ident[EI_VERSION] = EV_CURRENT;
    Elf32_Phdr p = {.p_type = PT_LOAD,
                    .p_offset = sizeof(e) + sizeof(p),
                    .p_paddr = paddr,
                    .p_vaddr = paddr ? 0 : KERNEL_WINDOW,
                    .p_filesz = filesz,
                    .p_memsz = filesz};
    memcpy(out, &e, sizeof(e));
    memcpy(out + sizeof(e), &p, sizeof(p));
    return sizeof(e) + sizeof(p);
}

static void a_core_is_read(void **state)
{
    uint8_t head[100];
    (void)state;
    write_file(head, core_head(head, KERNEL_PHYS_BASE, HOSTSIM_RAM_BYTES), HOSTSIM_RAM_BYTES);
    snapshot_of_file(true);
    write_file(head, core_head(head, 0, HOSTSIM_RAM_BYTES), HOSTSIM_RAM_BYTES);
    snapshot_of_file(true);
}

/* The same with the registers of a processor in a note (CORE, elf_prstatus of 148 bytes). */
static size_t core_of_processor(uint8_t *out, uint32_t pc, uint32_t cpsr)
{
    enum { NOTE_BYTES = 20 + 148, REGISTERS = 20 + 72 };
    Elf32_Ehdr e;
    Elf32_Phdr memory, note = {.p_type = PT_NOTE, .p_filesz = NOTE_BYTES};
    const uint32_t head[] = {5, 148, NT_PRSTATUS};
    const size_t before = core_head(out, KERNEL_PHYS_BASE, HOSTSIM_RAM_BYTES);
    memcpy(&e, out, sizeof(e));
    memcpy(&memory, out + sizeof(e), sizeof(memory));
    e.e_phnum = 2;
    note.p_offset = (uint32_t)(before + sizeof(note));
    memory.p_offset = note.p_offset + NOTE_BYTES;
    memcpy(out, &e, sizeof(e));
    memcpy(out + sizeof(e), &memory, sizeof(memory));
    memcpy(out + before, &note, sizeof(note));
    uint8_t *at = out + note.p_offset;
    memset(at, 0, NOTE_BYTES);
    memcpy(at, head, sizeof(head));
    memcpy(at + sizeof(head), "CORE", 5);
    memcpy(at + REGISTERS + 15 * sizeof(pc), &pc, sizeof(pc));
    memcpy(at + REGISTERS + 16 * sizeof(cpsr), &cpsr, sizeof(cpsr));
    return memory.p_offset;
}

/* User mode, the idle thread, an exception vector; supervisor mode elsewhere in the kernel. */
static void a_core_tells_whether_the_kernel_was_at_work(void **state)
{
    static const struct {
        uint32_t pc, cpsr;
        bool whole;
    } places[] = {{0x00010000, 0x60000010, true},
                  {0xf0001000, 0x6000001f, true},
                  {0xffff0008, 0x600001d3, true},
                  {0xf0001000, 0x600001d3, false}};
    uint8_t head[400];
    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        write_file(head, core_of_processor(head, places[i].pc, places[i].cpsr), HOSTSIM_RAM_BYTES);
        snapshot_of_file(places[i].whole);
    }
}

static void broken_files_are_refused(void **state)
{
    uint8_t head[100];
    char message[300];
    (void)state;
    write_file(head, core_head(head, KERNEL_PHYS_BASE, IMAGE_BYTES + 1), IMAGE_BYTES);
    assert_int_equal(open_file(message, sizeof(message)), ERR_TRUNCATED);
    write_file(head, core_head(head, KERNEL_PHYS_BASE, 0xffffffff), 100);
    assert_int_equal(open_file(message, sizeof(message)), ERR_TRUNCATED);
    write_file(ELFMAG, SELFMAG, 100);
    assert_int_equal(open_file(message, sizeof(message)), ERR_FORMAT);
    write_file("", 0, 0);
    assert_int_equal(open_file(message, sizeof(message)), ERR_FORMAT);
    write_file("", 0, HOSTSIM_ROOTS_OFFSET);
    assert_int_equal(open_file(message, sizeof(message)), ERR_READ);
    assert_non_null(strstr(message, path));
}

static void a_file_that_is_cut_off_while_it_is_read_is_told(void **state)
{
    char target[100];
    struct capstate s;
    (void)state;
    write_file("", 0, HOSTSIM_RAM_BYTES);
    snprintf(target, sizeof(target), "ram:%s", path);
    struct attach *a = open_ok(target);
    compare_records(a, false);
    assert_int_equal(truncate(path, HOSTSIM_ROOTS_OFFSET + ROOTS_PAGE), 0);
    enum error e = attach_snapshot(a, &s);
    assert_true(e != ERR_OK || !s.end.complete);
    if (e == ERR_OK)
        capstate_free(&s);
    assert_int_equal(attach_last_state(a)->being, ATTACH_GONE);
    assert_string_equal(attach_last_state(a)->sentence, "the file was cut off while it was read");
    attach_close(a);
    unlink(path);
}

static void a_file_that_is_moved_or_replaced_is_told(void **state)
{
    struct attach_state s;
    char target[100], moved[100];
    (void)state;
    write_file("", 0, HOSTSIM_RAM_BYTES);
    snprintf(target, sizeof(target), "ram:%s", path);
    snprintf(moved, sizeof(moved), "%s.moved", path);
    struct attach *a = open_ok(target);
    assert_int_equal(attach_state(a, &s), ERR_OK);
    assert_non_null(strstr(s.sentence, "this memory does not change"));
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(attach_state(a, &s), ERR_OK);
    assert_string_equal(s.sentence, "the file is not there any more");
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(attach_state(a, &s), ERR_OK);
    assert_string_equal(s.sentence, "another file has its name now");
    compare_records(a, false);
    attach_close(a);
    unlink(path);
    unlink(moved);
}

/* --- another boot --- */

static struct kernel_roots *roots(void)
{
    return kptr(hostsim_roots());
}

static void publish(uint32_t boot)
{
    roots()->boot = boot;
    roots()->check -= roots_sum(roots());
}

static uint32_t boot_of(struct attach *a)
{
    struct capstate s;
    assert_int_equal(attach_snapshot(a, &s), ERR_OK);
    assert_int_equal(s.finding_count, 0);
    uint32_t boot = s.snapshot.boot;
    capstate_free(&s);
    return boot;
}

/* What the kernel's memory is now goes into the file. */
static void update_file(void)
{
    static uint8_t memory[HOSTSIM_RAM_BYTES];
    assert_int_equal(memview_read(&view, KERNEL_WINDOW, memory, sizeof(memory)), ERR_OK);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, memory, sizeof(memory), 0), sizeof(memory));
    close(fd);
}

static void a_restart_is_seen_through_a_stub(void **state)
{
    struct fake f;
    struct capstate s;
    char target[200];
    (void)state;
    publish(7);
    fake_start(&f, FAKE_UNIX, fake_gdb, &view, NULL);
    snprintf(target, sizeof(target), "gdb:%s", f.target);
    struct attach *a = open_ok(target);
    assert_int_equal(boot_of(a), 7);
    publish(8);
    assert_int_equal(boot_of(a), 8);
    const struct kernel_roots was = *roots();
    memset(roots(), 0, sizeof(was));
    assert_int_equal(attach_snapshot(a, &s), ERR_NO_ROOTS);
    assert_non_null(strstr(attach_error(a), "no capscope kernel found"));
    memcpy(roots(), &was, sizeof(was));
    publish(9);
    assert_int_equal(boot_of(a), 9);
    attach_close(a);
    fake_join(&f);
    assert_int_equal(f.violations, 0);
}

/* Memory outlives a reset: until the kernel has begun, what is found is another one that ran before. */
static void what_ran_before_is_left_once_the_kernel_has_begun(void **state)
{
    struct fake f;
    char target[200];
    struct kernel_roots *before = (void *)((uint8_t *)roots() + 8 * ROOTS_ALIGN);
    const struct kernel_roots was = *roots();
    (void)state;
    publish(7);
    *before = *roots();
    memset(roots(), 0, sizeof(was));
    fake_start(&f, FAKE_UNIX, fake_gdb, &view, &(struct fake_faults){.torn_stops = 1});
    snprintf(target, sizeof(target), "gdb:%s", f.target);
    struct attach *a = open_ok(target);
    *roots() = was;
    publish(8);
    assert_int_equal(boot_of(a), 8);
    publish(9);
    assert_int_equal(boot_of(a), 9);
    attach_close(a);
    fake_join(&f);
    assert_int_equal(f.violations, 0);
    memset(before, 0, sizeof(*before));
}

static void a_restart_is_seen_in_a_file(void **state)
{
    char target[100];
    struct capstate s;
    (void)state;
    publish(7);
    write_file("", 0, HOSTSIM_RAM_BYTES);
    snprintf(target, sizeof(target), "ram:%s", path);
    struct attach *a = open_ok(target);
    assert_int_equal(boot_of(a), 7);
    publish(8);
    update_file();
    assert_int_equal(boot_of(a), 8);
    const struct kernel_roots was = *roots();
    memset(roots(), 0, sizeof(was));
    update_file();
    assert_int_equal(attach_snapshot(a, &s), ERR_NO_ROOTS);
    assert_non_null(strstr(attach_error(a), "no capscope kernel found"));
    memcpy((uint8_t *)roots() + ROOTS_ALIGN, &was, sizeof(was)); /* of another kernel */
    update_file();
    assert_int_equal(boot_of(a), 8);
    memset((uint8_t *)roots() + ROOTS_ALIGN, 0, sizeof(was));
    memcpy(roots(), &was, sizeof(was));
    attach_close(a);
    unlink(path);
}

static struct walker *moving_walk;
static unsigned reads;

/* Another boot begins behind the walk's back. */
static enum error read_moving(void *ctx, record_word_t addr, void *buf, uint32_t len)
{
    (void)ctx;
    if (++reads == 100)
        publish(8);
    return memview_read(&view, addr, buf, len);
}

static enum error follow_first(struct attach *a, unsigned attempt, bool *stopped)
{
    bool anew;
    (void)a;
    assert_in_range(attempt, 0, 1);
    *stopped = true;
    return walker_follow(moving_walk, &anew);
}

static void a_walk_across_a_restart_counts_for_nothing(void **state)
{
    static const struct memview moving = {.read = read_moving};
    struct attach a = {.name = path};
    struct capstate s;
    (void)state;
    publish(7);
    stream_init(&a.stream);
    assert_int_equal(walk_open(&a, &moving, &moving, &moving_walk), ERR_OK);
    reads = 0;
    assert_int_equal(walk_settled(&a, &moving_walk, follow_first, false, 4), ERR_OK);
    assert_in_range(reads, 100, UINT32_MAX);
    assert_int_equal(attach_take_state(&a, &s), ERR_OK);
    assert_int_equal(s.snapshot.boot, 8);
    assert_int_equal(s.finding_count, 0);
    capstate_free(&s);
    walker_close(moving_walk);
    stream_fini(&a.stream);
}

static void an_address_that_no_kernel_of_32_bits_has_is_no_memory(void **state)
{
    const struct walker_window *w = &walker_capscope_window;
    uint64_t at;
    (void)state;
    assert_true(walker_window_physical(w, w->address, 4, &at));
    assert_int_equal(at, w->physical);
    uint64_t last = (uint32_t)(w->address - w->physical + UINT32_MAX);
    assert_true(walker_window_physical(w, last, 1, &at));
    assert_int_equal(at, UINT32_MAX); /* devices above the window: the same modulo 2^32 */
    assert_true(walker_window_physical(w, UINT32_MAX, 1, &at));
    assert_false(walker_window_physical(w, UINT32_MAX, 2, &at));
    assert_false(walker_window_physical(w, w->address + ((uint64_t)1 << 32), 1, &at));
}

static void a_block_cache_keeps_what_it_was_given(void **state)
{
    struct pages p;
    (void)state;
    pages_init(&p, 512);
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t addr = i * 0x0100000200u; /* beyond 2^32, too */
        if (pages_find(&p, addr))
            continue;
        memcpy(pages_add(&p, addr), &addr, 8);
    }
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t addr = i * 0x0100000200u; /* beyond 2^32, too */
        assert_memory_equal(pages_find(&p, addr + 511), &addr, 8);
    }
    pages_drop(&p);
    assert_null(pages_find(&p, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_parsed),
        cmocka_unit_test(wrong_targets_are_refused_with_a_sentence),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(damaged_packets_are_asked_for_again),
        cmocka_unit_test(damage_that_the_checksum_hides_is_found_by_reading_twice),
        cmocka_unit_test(a_running_stub_is_stopped_first),
        cmocka_unit_test(a_first_question_that_is_lost_is_asked_again),
        cmocka_unit_test(openocd_is_acknowledged_and_left_running),
        cmocka_unit_test(registers_are_read_in_every_known_layout),
        cmocka_unit_test(a_stop_inside_the_kernel_is_left_again),
        cmocka_unit_test(a_halted_machine_stays_halted),
        cmocka_unit_test(a_machine_that_stood_is_left_standing),
        cmocka_unit_test(commands_go_to_a_stub_of_the_kernel),
        cmocka_unit_test(hostile_stubs_end_in_a_sentence),
        cmocka_unit_test(a_list_that_is_broken_for_good_is_shown),
        cmocka_unit_test(hostile_monitors_end_in_a_sentence),
        cmocka_unit_test(a_lost_frame_costs_a_retry),
        cmocka_unit_test(a_machine_that_boots_is_waited_for),
        cmocka_unit_test(the_monitor_answers_on_a_terminal),
        cmocka_unit_test(what_no_sending_brings_whole_is_gathered_from_many),
        cmocka_unit_test(console_text_is_kept_apart),
        cmocka_unit_test(a_machine_halted_here_runs_after_closing),
        cmocka_unit_test(program_output_is_never_taken_for_a_prompt),
        cmocka_unit_test(a_late_answer_is_not_taken_for_another),
        cmocka_unit_test(a_long_answer_comes_whole),
        cmocka_unit_test(text_is_whole_or_refused),
        cmocka_unit_test(stops_that_were_armed_here_go_with_us),
        cmocka_unit_test(a_machine_that_stood_is_known_from_the_start),
        cmocka_unit_test(a_stub_is_left_once),
        cmocka_unit_test(a_stub_that_speaks_of_processes_is_left_by_number),
        cmocka_unit_test(processors_are_known_by_their_description),
        cmocka_unit_test(a_bare_image_is_read),
        cmocka_unit_test(a_core_is_read),
        cmocka_unit_test(a_core_tells_whether_the_kernel_was_at_work),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(a_file_that_is_cut_off_while_it_is_read_is_told),
        cmocka_unit_test(a_file_that_is_moved_or_replaced_is_told),
        cmocka_unit_test(what_ran_before_is_left_once_the_kernel_has_begun),
        cmocka_unit_test(a_restart_is_seen_through_a_stub),
        cmocka_unit_test(a_restart_is_seen_in_a_file),
        cmocka_unit_test(a_walk_across_a_restart_counts_for_nothing),
        cmocka_unit_test(an_address_that_no_kernel_of_32_bits_has_is_no_memory),
        cmocka_unit_test(a_block_cache_keeps_what_it_was_given),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, teardown);
}
