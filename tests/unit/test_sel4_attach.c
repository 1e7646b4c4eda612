/* A mainline system behind a GDB stub and in files: the same records as from memory, the stub left
 * as it was found, and one sentence for everything that goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "attach/attach.h"
#include "attach/clock.h"
#include "attach/sel4.h"
#include "attach/stream.h"
#include "objwalk/sel4/records.h"
#include "tests/unit/sel4_stub.h"

#include <elf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
    struct fixture f;
    struct sel4_stub stub;
    char elf[64];
    struct stream expected; /* records of a walk over the same memory */
};

static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void begin(struct scene *s, const char *name, bool physical)
{
    struct sel4_kernel k;
    struct sel4_state state;
    uint8_t *elf = NULL;
    size_t len = 0;
    memset(s, 0, sizeof(*s));
    fixture_load(&s->f, name, false);
    s->f.zeros = true;
    fixture_attach(&s->f, &k, &elf);
    assert_int_equal(sel4_walk(&k, &state), ERR_OK);
    stream_init(&s->expected);
    assert_int_equal(sel4_records(&k, &state, true, stream_record, &s->expected), ERR_OK);
    sel4_state_fini(&state);
    fixture_close(&k, elf);

    (void)snprintf(s->elf, sizeof(s->elf), "/tmp/capscope-elf-%d", (int)getpid());
    elf = maker_make(&s->f.maker, &len);
    write_file(s->elf, elf, len);
    free(elf);
    attach_use_kernel(s->elf, NULL);
    s->stub = (struct sel4_stub){.f = &s->f, .physical_mode = physical};
    stub_begin(&s->stub);
}

static void end(struct scene *s)
{
    attach_use_kernel(NULL, NULL);
    stub_end(&s->stub);
    (void)unlink(s->elf);
    stream_fini(&s->expected);
    fixture_free(&s->f);
}

static struct attach *open_it(struct scene *s)
{
    char message[512];
    struct attach *a = NULL;
    if (attach_open(s->stub.target, &a, message, sizeof(message)) != ERR_OK)
        fail_msg("%s: %s", s->f.name, message);
    return a;
}

static void same_records(struct scene *s, struct attach *a)
{
    struct stream got;
    stream_init(&got);
    if (attach_records(a, stream_record, &got) != ERR_OK)
        fail_msg("%s: %s", s->f.name, attach_error(a));
    assert_int_equal(got.used, s->expected.used);
    assert_memory_equal(got.bytes, s->expected.bytes, got.used);
    stream_fini(&got);
}

static void a_stub_gives_the_records_of_a_walk(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct scene s;
        if (strstr(fixture_names[i], "zombie"))
            continue; /* stopped inside the kernel: below */
        begin(&s, fixture_names[i], true);
        s.stub.physical = true; /* another client left it so */
        struct attach *a = open_it(&s);
        same_records(&s, a);
        stub_settle(&s.stub);
        assert_true(s.stub.running);
        attach_close(a);
        assert_false(s.stub.physical);
        assert_true(s.stub.running);
        assert_int_equal(s.stub.plants, 0);
        end(&s);
    }
}

/* Where QEMU writes files that we can read, and only where they are of this machine. */
static void large_pieces_come_through_files(void **state)
{
    (void)state;
    for (unsigned other = 0; other < 2; other++) {
        struct scene s;
        begin(&s, "a64", true);
        s.stub.saves = true;
        s.stub.saves_other = other;
        struct attach *a = open_it(&s);
        unsigned reads = s.stub.reads;
        same_records(&s, a);
        reads = s.stub.reads - reads;
        assert_true(other ? s.stub.saved == 1 && reads > 180 : s.stub.saved > 0 && reads < 150);
        assert_int_not_equal(access(s.stub.saved_to, F_OK), 0); /* it was taken away */
        attach_close(a);
        end(&s);
    }
}

/* The kernel's memory can be read from inside only. */
static void is_stopped_in_the_kernel(bool openocd)
{
    for (unsigned i = 0; i < FIXTURES; i++) {
        struct scene s;
        if (strstr(fixture_names[i], "zombie"))
            continue;
        begin(&s, fixture_names[i], false);
        s.stub.openocd = openocd;
        struct attach *a = open_it(&s);
        same_records(&s, a);
        assert_int_equal(s.stub.planted, 0);
        attach_close(a);
        end(&s); /* the stub has read all that was said to it */
        assert_true(s.stub.plants > 0);
        assert_int_equal(s.stub.planted, 0);
        assert_true(s.stub.running);
    }
}

static void a_stub_without_physical_mode_is_stopped_in_the_kernel(void **state)
{
    (void)state;
    is_stopped_in_the_kernel(false);
}

/* The nearest thing to OpenOCD that needs no hardware: a stub that does what it does. */
static void openocds_habits_are_met(void **state)
{
    (void)state;
    is_stopped_in_the_kernel(true);
}

/* A machine caught inside the kernel runs on to a quiet place. */
static void a_quiet_place_is_waited_for(void **state)
{
    (void)state;
    struct scene s;
    struct capstate c;
    begin(&s, "a64", true);
    s.stub.busy_pc = fixture_symbol(&s.f, "cteInsert") + 8;
    struct attach *a = open_it(&s);
    s.stub.busy_stops = s.stub.stops + 3;
    same_records(&s, a);
    s.stub.busy_stops = UINT32_MAX; /* never quiet but at the kernel's exit */
    same_records(&s, a);
    assert_true(s.stub.plants > 0);
    assert_int_equal(s.stub.planted, 0);
    s.stub.refuses_breakpoints = true; /* never quiet at all: it says so */
    assert_int_equal(attach_snapshot(a, &c), ERR_OK);
    assert_int_equal(c.snapshot.stopped, 0);
    capstate_free(&c);
    attach_close(a);
    end(&s);
}

/* A kernel that never leaves (it waits for another processor) is not waited for again and again. */
static void a_kernel_that_never_leaves_is_read_where_it_is(void **state)
{
    (void)state;
    static const struct stub_hit nothing;
    struct scene s;
    struct capstate c;
    begin(&s, "a64", true);
    s.stub.busy_pc = fixture_symbol(&s.f, "cteInsert") + 8;
    struct attach *a = open_it(&s);
    s.stub.busy_stops = UINT32_MAX;
    s.stub.hits = &nothing; /* nothing comes by its exit */
    unsigned before = s.stub.plants;
    assert_int_equal(attach_snapshot(a, &c), ERR_OK);
    assert_int_equal(c.snapshot.stopped, 0);
    assert_int_equal(s.stub.plants - before, 2);
    assert_int_equal(s.stub.planted, 0);
    capstate_free(&c);
    attach_close(a);
    end(&s);
}

static void refused(struct scene *s, enum error expected, const char *sentence)
{
    char message[512];
    struct attach *a = NULL;
    enum error e = attach_open(s->stub.target, &a, message, sizeof(message));
    assert_null(a);
    if (e != expected || !strstr(message, sentence))
        fail_msg("got error %d \"%s\", expected %d \"%s\"", e, message, expected, sentence);
    assert_null(strchr(message, '\n'));
}

static void what_goes_wrong_has_its_sentence(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, "a64", true);
    s.stub.narrow = true;
    s.stub.narrow = false;
    uint8_t byte = 0x5a;
    uint64_t code = fixture_symbol(&s.f, "schedule");
    fixture_put(&s.f, code, &byte, 1);
    refused(&s, ERR_REFUSED, "another kernel runs");
    assert_true(s.stub.running);
    attach_use_kernel("/nonexistent/kernel.elf", NULL);
    refused(&s, ERR_NOT_FOUND, "kernel /nonexistent/kernel.elf: No such file");
    attach_use_kernel(s.elf, "/nonexistent/structures.bf.pbf");
    refused(&s, ERR_NOT_FOUND, "layout /nonexistent/structures.bf.pbf: No such file");
    attach_use_kernel(s.elf, s.elf);
    refused(&s, ERR_FORMAT, "of the layout");
    attach_use_kernel(s.elf, NULL);
    end(&s);
}

/* A description that differs from the built-in tables wins, and that is told. */
static void differences_of_a_layout_are_told(void **state)
{
    (void)state;
    static const char text[] =
        "base 64(48,1)\nblock domain_cap { padding 64 field capType 5 padding 59 }\n"
        "tagged_union cap capType { tag domain_cap 22 }\n";
    struct scene s;
    char path[64];
    begin(&s, "a64", true);
    (void)snprintf(path, sizeof(path), "/tmp/capscope-pbf-%d", (int)getpid());
    write_file(path, text, sizeof(text) - 1);
    attach_use_kernel(s.elf, path);
    struct attach *a = open_it(&s);
    assert_non_null(attach_kernel_note(0));
    assert_string_equal(attach_kernel_note(0),
                        "layout: domain: type 22 in the description, 20 in the built-in table");
    assert_non_null(strstr(attach_kernel_note(1), "placed by the idle thread"));
    assert_null(attach_kernel_note(2));
    struct capstate c;
    assert_int_equal(attach_snapshot(a, &c), ERR_LAYOUT); /* nothing else has a type now */
    assert_non_null(strstr(attach_error(a), "fits no layout"));
    attach_close(a);
    (void)unlink(path);
    end(&s);
}

/* The line dies in the middle: one sentence, from opening and from reading, wherever it happens. */
static void a_line_that_dies_is_told(void **state)
{
    (void)state;
    for (unsigned n = 3; n < 200; n += 9) {
        struct scene s;
        struct capstate c;
        char message[512];
        struct attach *a = NULL;
        begin(&s, "a32", true);
        s.stub.close_after = n;
        enum error e = attach_open(s.stub.target, &a, message, sizeof(message));
        if (e == ERR_OK) {
            e = attach_snapshot(a, &c);
            if (e == ERR_OK)
                capstate_free(&c);
            else
                assert_true(strlen(attach_error(a)) > strlen(s.stub.target));
            attach_close(a);
        } else {
            assert_true(strlen(message) > strlen(s.stub.target));
        }
        end(&s);
    }
}

/* What a line that dies leaves standing goes on over the next. */
static void a_line_that_dies_leaves_it_running(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 120; n += 7) {
        struct scene s;
        struct capstate c;
        char message[512];
        struct attach *a = NULL;
        begin(&s, "a32", true);
        s.stub.close_after = n;
        s.stub.comes_back = true;
        if (attach_open(s.stub.target, &a, message, sizeof(message)) == ERR_OK &&
            attach_snapshot(a, &c) == ERR_OK)
            capstate_free(&c);
        attach_close(a);
        if (!s.stub.running || s.stub.physical)
            fail_msg("after %u answers: %s", n, s.stub.running ? "physical" : "left standing");
        end(&s);
    }
}

/* Is killed by its stub in the middle. */
__attribute__((noreturn)) static void look_and_be_killed(const struct scene *s, int begins)
{
    struct capstate c;
    char message[512];
    struct attach *a = NULL;
    if (read(begins, message, 1) == 1 &&
        attach_open(s->stub.target, &a, message, sizeof(message)) == ERR_OK)
        (void)attach_snapshot(a, &c);
    for (;;)
        pause();
}

static pid_t start_victim(struct scene *s)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0)
        look_and_be_killed(s, ends[0]);
    assert_true(pid > 0);
    s->stub.kills = pid;
    assert_int_equal(write(ends[1], "", 1), 1);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return pid;
}

static bool is_as_found(const struct sel4_stub *s)
{
    return s->running && !s->physical && s->planted == 0;
}

/* Nobody can catch SIGKILL: another process lets the machine go on. */
static void who_is_killed_leaves_it_running(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 100; n += n < 20 ? 2 : 25) {
        struct scene s;
        int status = 0;
        deadline_t deadline = deadline_in(60000);
        begin(&s, "a32", true);
        s.stub.kill_after = n;
        pid_t pid = start_victim(&s);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (!is_as_found(&s.stub) && deadline_left(deadline) > 0)
            (void)usleep(1000);
        if (!is_as_found(&s.stub))
            fail_msg("killed after %u answers: %s", n,
                     s.stub.running ? "not as it was" : "left standing");
        end(&s);
    }
}

/* --- files --- */

/* The note of a processor that stands at pc, in `note`. Returns its bytes. */
static uint64_t prstatus_note(struct scene *s, uint64_t pc, uint8_t note[512])
{
    const bool arm = s->f.maker.machine == EM_ARM;
    const uint32_t bytes = arm ? 148 : 392;
    const uint32_t at = arm                               ? 72 + 15 * 4
                        : s->f.maker.machine == EM_RISCV  ? 112
                        : s->f.maker.machine == EM_X86_64 ? 112 + 16 * 8
                                                          : 112 + 32 * 8;
    const uint32_t head[3] = {5, bytes, NT_PRSTATUS};
    memset(note, 0, 512);
    memcpy(note, head, sizeof(head));
    memcpy(note + 12, "CORE", 5);
    memcpy(note + 20 + at, &pc, arm ? 4 : 8);
    return 20 + bytes;
}

/* A core as QEMU writes it: one program header a piece of physical memory, before it one for the
 * registers, of which pc is told; 0: they are not. */
static void write_core(struct scene *s, const char *path, uint64_t pc)
{
    uint8_t note[512];
    struct elf_maker m = {.machine = s->f.maker.machine, .wide = s->f.maker.wide};
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    uint8_t header[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    uint64_t phoff = 64;
    (void)m;
    header[16] = 4; /* ET_CORE */
    header[18] = (uint8_t)s->f.maker.machine;
    header[20] = 1;
    memcpy(header + 32, &phoff, 8);
    header[52] = 64;
    header[54] = 56;
    header[56] = pc ? 2 : 1;
    (void)fwrite(header, 1, sizeof(header), f);
    if (pc) {
        const uint64_t bytes = prstatus_note(s, pc, note), where = 1024;
        uint8_t notes[56] = {PT_NOTE};
        memcpy(notes + 8, &where, 8);
        memcpy(notes + 32, &bytes, 8);
        (void)fwrite(notes, 1, sizeof(notes), f);
        (void)fseek(f, (long)where, SEEK_SET);
        (void)fwrite(note, 1, (size_t)bytes, f);
        (void)fseek(f, 64 + 56, SEEK_SET);
    }
    /* one piece that holds all pages: sparse */
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    for (size_t i = 0; i < s->f.pages; i++) {
        uint64_t pa = s->f.page[i].number * FIXTURE_PAGE;
        low = pa < low ? pa : low;
        high = pa > high ? pa : high;
    }
    uint64_t size = high + FIXTURE_PAGE - low;
    uint64_t offset = 4096;
    uint8_t program[56] = {1};
    memcpy(program + 8, &offset, 8);
    memcpy(program + 24, &low, 8);
    memcpy(program + 32, &size, 8);
    memcpy(program + 40, &size, 8);
    (void)fwrite(program, 1, sizeof(program), f);
    for (size_t i = 0; i < s->f.pages; i++) {
        (void)fseek(f, (long)(offset + s->f.page[i].number * FIXTURE_PAGE - low), SEEK_SET);
        (void)fwrite(s->f.page[i].bytes, 1, FIXTURE_PAGE, f);
    }
    assert_int_equal(ftruncate(fileno(f), (off_t)(offset + size)), 0);
    assert_int_equal(fclose(f), 0);
}

static void files_give_the_same_records(void **state)
{
    (void)state;
    static const char *const names[] = {"a64", "rv64", "a32-zombie"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct scene s;
        char path[64];
        char target[80];
        char message[512];
        struct attach *a = NULL;
        begin(&s, names[i], true);
        (void)snprintf(path, sizeof(path), "/tmp/capscope-core-%d", (int)getpid());
        (void)snprintf(target, sizeof(target), "ram:%s", path);
        write_core(&s, path, 0);
        if (attach_open(target, &a, message, sizeof(message)) != ERR_OK)
            fail_msg("%s: %s", names[i], message);
        same_records(&s, a);
        attach_close(a);
        (void)unlink(path);
        end(&s);
    }
}

/* Where a core's processor stood decides whether what it shows was whole. */
static void a_core_of_a_kernel_at_work_says_so(void **state)
{
    (void)state;
    static const char *const names[] = {"a64", "rv64", "x64"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct scene s;
        char path[64];
        char target[80];
        char message[512];
        begin(&s, names[i], true);
        const uint64_t leaves = fixture_symbol(&s.f, "restore_user_context");
        const struct {
            uint64_t pc;
            bool at_work;
        } places[] = {{0x400000, false},
                      {leaves, false},
                      {leaves - 1, true},
                      {fixture_symbol(&s.f, "idle_thread"), false}};
        (void)snprintf(path, sizeof(path), "/tmp/capscope-core-%d", (int)getpid());
        (void)snprintf(target, sizeof(target), "ram:%s", path);
        for (size_t p = 0; p < sizeof(places) / sizeof(*places); p++) {
            struct attach *a = NULL;
            struct capstate c;
            if (places[p].pc == 0)
                fail_msg("%s: place %zu has no symbol", names[i], p);
            write_core(&s, path, places[p].pc);
            if (attach_open(target, &a, message, sizeof(message)) != ERR_OK)
                fail_msg("%s: %s", names[i], message);
            assert_int_equal(attach_snapshot(a, &c), ERR_OK);
            if (attach_was_at_work(a, &c.snapshot) != places[p].at_work)
                fail_msg("%s: at 0x%" PRIx64 " the kernel was %s", names[i], places[p].pc,
                         places[p].at_work ? "at work" : "at rest");
            capstate_free(&c);
            attach_close(a);
            (void)unlink(path);
        }
        end(&s);
    }
}

/* --- another boot --- */

static void a_kernel_that_begins_anew_is_no_state(void **state)
{
    (void)state;
    struct scene s;
    struct capstate c;
    begin(&s, "a64", true);
    struct attach *a = open_it(&s);
    uint64_t at = fixture_symbol(&s.f, "ksCurThread"), current = fixture_word(&s.f, at);
    same_records(&s, a);
    stub_settle(&s.stub);
    fixture_put_word(&s.f, at, 0);
    assert_int_equal(attach_snapshot(a, &c), ERR_NO_ROOTS);
    assert_non_null(strstr(attach_error(a), "the kernel has not booted yet"));
    stub_settle(&s.stub);
    fixture_put_word(&s.f, at, current);
    same_records(&s, a);
    attach_close(a);
    end(&s);
}

/* The image as it is now: RAM from `base` on; without the kernel's code when it is another kernel's. */
static void write_bare(struct scene *s, const char *path, uint64_t base, const char *without)
{
    uint64_t left_out =
        without ? fixture_pa(&s->f, fixture_symbol(&s->f, without)) / FIXTURE_PAGE : 0;
    FILE *f = fopen(path, "r+b");
    f = f ? f : fopen(path, "w+b");
    assert_non_null(f);
    for (size_t i = 0; i < s->f.pages; i++) {
        static const uint8_t nothing[FIXTURE_PAGE];
        const struct fixture_page *p = &s->f.page[i];
        if (p->number * FIXTURE_PAGE < base)
            continue;
        (void)fseek(f, (long)(p->number * FIXTURE_PAGE - base), SEEK_SET);
        (void)fwrite(without && p->number == left_out ? nothing : p->bytes, 1, FIXTURE_PAGE, f);
    }
    assert_int_equal(fclose(f), 0);
}

static void another_kernel_in_a_file_is_told(void **state)
{
    (void)state;
    enum { BASE = 1 << 30 };
    struct scene s;
    struct capstate c;
    char path[64], target[80], message[512];
    struct attach *a = NULL;
    begin(&s, "a64", true);
    (void)snprintf(path, sizeof(path), "/tmp/capscope-bare-%d", (int)getpid());
    (void)snprintf(target, sizeof(target), "ram:%s", path);
    write_bare(&s, path, BASE, NULL);
    if (attach_open(target, &a, message, sizeof(message)) != ERR_OK)
        fail_msg("%s", message);
    assert_int_equal(attach_snapshot(a, &c), ERR_OK);
    capstate_free(&c);
    write_bare(&s, path, BASE, "cteInsert");
    assert_int_not_equal(attach_snapshot(a, &c), ERR_OK);
    assert_true(strstr(attach_error(a), "another kernel runs") ||
                strstr(attach_error(a), "no code stands in memory"));
    write_bare(&s, path, BASE, NULL);
    assert_int_equal(attach_snapshot(a, &c), ERR_OK);
    capstate_free(&c);
    attach_close(a);
    (void)unlink(path);
    end(&s);
}

static void monitors_are_refused(void **state)
{
    (void)state;
    char message[512];
    struct attach *a = NULL;
    attach_use_kernel("kernel.elf", NULL);
    assert_int_equal(attach_open("monitor:unix:/nowhere", &a, message, sizeof(message)),
                     ERR_ARGUMENT);
    assert_non_null(strstr(message, "--kernel goes with gdb: and ram: targets"));
    attach_use_kernel(NULL, NULL);
}

/* A walk asks for what it needs in few goes; the next one, of an unchanged system, in fewer. */
static void walks_are_cheap(void **state)
{
    (void)state;
    struct fixture f;
    struct sel4_kernel k;
    struct sel4_state first;
    struct sel4_state again;
    uint8_t *elf = NULL;
    fixture_load(&f, "a64", false);
    f.zeros = true;
    fixture_attach(&f, &k, &elf);
    sel4_memory_forget(&k.memory);
    k.memory.batches = k.memory.pieces = 0;
    k.memory.bytes = 0;
    assert_int_equal(sel4_walk(&k, &first), ERR_OK);
    uint32_t batches = k.memory.batches;
    uint32_t pieces = k.memory.pieces;
    print_message("a64: %u slots, %u goes, %u packets of 2 KiB\n", first.slots.count, batches,
                  pieces);
    assert_true(batches <= 60);
    sel4_memory_forget(&k.memory);
    uint64_t bytes = k.memory.bytes;
    k.memory.batches = k.memory.pieces = 0;
    k.memory.bytes = 0;
    assert_int_equal(sel4_walk_again(&k, &first, &again), ERR_OK);
    print_message("again: %u goes, %u packets\n", k.memory.batches, k.memory.pieces);
    assert_true(k.memory.batches * 3 <= batches + 2);
    assert_true(k.memory.bytes * 3 <= bytes);
    assert_true(k.memory.pieces * 2 <= pieces);
    assert_int_equal(again.slots.count, first.slots.count);
    sel4_state_fini(&first);
    sel4_state_fini(&again);
    fixture_close(&k, elf);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stub_gives_the_records_of_a_walk),
        cmocka_unit_test(large_pieces_come_through_files),
        cmocka_unit_test(a_stub_without_physical_mode_is_stopped_in_the_kernel),
        cmocka_unit_test(openocds_habits_are_met),
        cmocka_unit_test(a_quiet_place_is_waited_for),
        cmocka_unit_test(a_kernel_that_never_leaves_is_read_where_it_is),
        cmocka_unit_test(what_goes_wrong_has_its_sentence),
        cmocka_unit_test(differences_of_a_layout_are_told),
        cmocka_unit_test(a_line_that_dies_is_told),
        cmocka_unit_test(a_line_that_dies_leaves_it_running),
        cmocka_unit_test(who_is_killed_leaves_it_running),
        cmocka_unit_test(files_give_the_same_records),
        cmocka_unit_test(a_core_of_a_kernel_at_work_says_so),
        cmocka_unit_test(a_kernel_that_begins_anew_is_no_state),
        cmocka_unit_test(another_kernel_in_a_file_is_told),
        cmocka_unit_test(monitors_are_refused),
        cmocka_unit_test(walks_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
