/* Every kept input of every fuzzer (tests/fuzz/corpus) still passes, under the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/host/program.h"

static void replay(const char *name)
{
    char program[64];
    char folder[4200];
    snprintf(program, sizeof(program), "fuzz_%s", name);
    snprintf(folder, sizeof(folder), "%s/../../tests/fuzz/corpus/%s", program_folder(), name);
    const char *arguments[] = {program, folder, NULL};
    assert_int_equal(program_run(arguments), 0);
}

static void frames(void **state)
{
    (void)state;
    replay("frame");
}

static void gdb_packets(void **state)
{
    (void)state;
    replay("gdb_packet");
}

static void records(void **state)
{
    (void)state;
    replay("records");
}

static void packed_snapshots(void **state)
{
    (void)state;
    replay("unpack");
}

static void system_calls(void **state)
{
    (void)state;
    replay("syscall");
}

static void recordings(void **state)
{
    (void)state;
    replay("recording");
}

static void proxies(void **state)
{
    (void)state;
    replay("proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"kept_frames_pass", frames, NULL, NULL, NULL},
        {"kept_gdb_packets_pass", gdb_packets, NULL, NULL, NULL},
        {"kept_records_pass", records, NULL, NULL, NULL},
        {"kept_packed_snapshots_pass", packed_snapshots, NULL, NULL, NULL},
        {"kept_damage_to_recordings_passes", recordings, NULL, NULL, NULL},
        {"kept_talk_with_the_proxy_passes", proxies, NULL, NULL, NULL},
        {"kept_programs_of_system_calls_pass", system_calls, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
