/* The proxy's packets, one by one: what it asks of the stub, what it tells the debugger. */
#include "tests/unit/proxy_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct proxy_rig rig;

/* answers: packets of the stub, NULL at the end. */
static void open_rig(const char *const *answers)
{
    uint8_t bytes[RIG_TEXT];
    size_t used = 0;
    for (; *answers; answers++) {
        bytes[used++] = '+';
        used += gdb_packet_encode('$', *answers, (uint32_t)strlen(*answers), bytes + used,
                                  (uint32_t)(sizeof(bytes) - used));
    }
    assert_true(proxy_rig_open(&rig, bytes, used));
}

static void must_hear(const char *where, const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("%s: wanted '%s' in '%s'", where, wanted, text);
}

static void send_packet(const char *packet)
{
    proxy_rig_packet(&rig, packet);
    proxy_rig_hear(&rig);
}

static void select_b(void)
{
    char packet[32];
    snprintf(packet, sizeof(packet), "Hg%x", RIG_B >> PROXY_THREAD_SHIFT);
    send_packet(packet);
    must_hear("told", rig.told, "$OK#");
}

static void numbers_have_64_bits(void **state)
{
    (void)state;
    open_rig((const char *[]){"OK", "12345678", "OK", NULL});
    send_packet("mffffff8012345678,4");
    must_hear("asked", rig.asked, "$mffffff8012345678,4#");
    must_hear("told", rig.told, "$12345678#");
    send_packet("m1ffffff8012345678,4");
    must_hear("told", rig.told, "$E01#");
    proxy_rig_close(&rig);
}

static void memory_of_a_thread_is_its_frames(void **state)
{
    (void)state;
    open_rig((const char *[]){"01020304", NULL});
    select_b();
    send_packet("m10010,4");
    must_hear("asked", rig.asked, "$m80400010,4#");
    must_hear("told", rig.told, "$01020304#");
    proxy_rig_close(&rig);
}

/* Of RISC-V; LLDB needs it, gdb passes over it. */
static void descriptions_tell_what_registers_mean(void **state)
{
    (void)state;
    open_rig((const char *[]){"m<reg name=\"ra\"/><reg na", "lme=\"pc\" regnum=\"9\"/>", "E00",
                              "E00", NULL});
    rig.stub.processor = processor_named("riscv:rv64");
    send_packet("qXfer:features:read:cpu.xml:0,fff");
    must_hear("asked", rig.asked, "$qXfer:features:read:cpu.xml:17,400#");
    must_hear("told", rig.told,
              "$l<reg name=\"ra\" generic=\"ra\"/><reg name=\"pc\" generic=\"pc\" regnum=\"9\"/>#");
    send_packet("qXfer:features:read:none.xml:0,fff");
    must_hear("told", rig.told, "$E00#");
    proxy_rig_close(&rig);

    open_rig((const char *[]){"m<reg name=\"ra\"/>", "l<reg name=\"pc\"/>", NULL});
    rig.stub.processor = processor_named("riscv:rv64");
    send_packet("qXfer:features:read:cpu.xml:4,8");
    must_hear("told", rig.told, "$m name=\"r#");
    proxy_rig_close(&rig);

    open_rig((const char *[]){"m<reg name=\"pc\"/>", NULL});
    send_packet("qXfer:features:read:cpu.xml:0,20");
    must_hear("asked", rig.asked, "$qXfer:features:read:cpu.xml:0,20#");
    must_hear("told", rig.told, "$m<reg name=\"pc\"/>#");
    proxy_rig_close(&rig);
}

static void reading_ends_where_the_mapping_does(void **state)
{
    (void)state;
    open_rig((const char *[]){"01020304", NULL});
    select_b();
    send_packet("m10ffc,8");
    must_hear("asked", rig.asked, "$m80400ffc,4#");
    must_hear("told", rig.told, "$01020304#");
    proxy_rig_close(&rig);
}

static void devices_are_not_touched(void **state)
{
    (void)state;
    open_rig((const char *[]){"01020304", NULL});
    select_b();
    send_packet("m20000,4");
    must_hear("told", rig.told, "$E14#");
    assert_null(strstr(rig.asked, "$m"));
    proxy_rig_close(&rig);
}

/* Microkit's programs lie so: in a device untyped, since they are none of the kernel's memory. */
static void what_a_boot_loader_left_in_memory_is_memory(void **state)
{
    (void)state;
    open_rig((const char *[]){"01020304", NULL});
    select_b();
    send_packet("m30010,4");
    must_hear("asked", rig.asked, "$m50004010,4#");
    must_hear("told", rig.told, "$01020304#");
    proxy_rig_close(&rig);
}

static void a_hypervisor_s_threads_have_the_addresses_that_they_map(void **state)
{
    (void)state;
    open_rig((const char *[]){"01020304", "05060708", NULL});
    select_b();
    send_packet("mf8000010,4");
    must_hear("asked", rig.asked, "$m80400010,4#");
    must_hear("told", rig.told, "$01020304#");
    send_packet("Hg1");
    send_packet("mf8000010,4"); /* the processor's is the kernel's */
    must_hear("asked", rig.asked, "$mf8000010,4#");
    proxy_rig_close(&rig);
}

static void unknown_registers_are_unavailable(void **state)
{
    (void)state;
    open_rig((const char *[]){
        "00000000111111112222222233333333444444445555555566666666777777778888888899999999"
        "aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff00000000",
        NULL});
    select_b();
    send_packet("g");
    must_hear("told", rig.told, "$00101080xxxxxxxx02101080"); /* r1 is not known */
    must_hear("told", rig.told, "10101080#");                 /* cpsr, at the end */
    proxy_rig_close(&rig);
}

static void other_threads_registers_cannot_be_written(void **state)
{
    (void)state;
    open_rig((const char *[]){NULL});
    select_b();
    send_packet("P0=00000000");
    must_hear("told", rig.told, "$E01#");
    assert_null(strstr(rig.asked, "$P"));
    proxy_rig_close(&rig);
}

static void names_and_reasons_are_escaped(void **state)
{
    (void)state;
    open_rig((const char *[]){NULL});
    send_packet("qXfer:threads:read::0,fff");
    must_hear("told", rig.told, "name=\"B\">&lt;reason &amp; 1&gt;");
    proxy_rig_close(&rig);
}

static void commands_of_the_door_do_not_reach_the_stub(void **state)
{
    (void)state;
    open_rig((const char *[]){NULL});
    send_packet("qRcmd,627265616b206f6e207265766f6b65"); /* break on revoke */
    must_hear("told", rig.told, "$O61726d65640a#");      /* armed */
    must_hear("told", rig.told, "$OK#");
    assert_null(strstr(rig.asked, "qRcmd"));
    assert_true(rig.proxy.armed);
    proxy_rig_close(&rig);
}

/* Lets the machine run, and stop. */
static void run_and_stop(enum gdb_door_stop what)
{
    rig.proxy.waits = true;
    rig.stop = what;
    snprintf((char *)rig.stub.decoder.data, GDB_PACKET_DATA, "T05thread:01;");
    proxy_stopped(&rig.proxy);
    proxy_rig_hear(&rig);
}

static void an_event_is_a_stop_with_its_sentence(void **state)
{
    (void)state;
    open_rig((const char *[]){"10000000", "10000000", NULL});
    run_and_stop(GDB_DOOR_STAYS);
    must_hear("told", rig.told, "$O76696374696d203078313233340a#"); /* victim 0x1234 */
    must_hear("told", rig.told, "$T05thread:1;");
    assert_false(rig.proxy.waits);
    proxy_rig_close(&rig);
}

static void an_event_that_nobody_wants_goes_on(void **state)
{
    (void)state;
    open_rig((const char *[]){"10000000", "10000000", NULL});
    run_and_stop(GDB_DOOR_PASSES);
    must_hear("asked", rig.asked, "$c#");
    assert_null(strstr(rig.told, "$T"));
    proxy_rig_close(&rig);
}

static void damage_is_asked_for_again(void **state)
{
    (void)state;
    open_rig((const char *[]){NULL});
    proxy_rig_say(&rig, "$qC#00", 6);
    proxy_rig_hear(&rig);
    assert_string_equal(rig.told, "-");
    send_packet("qC");
    must_hear("told", rig.told, "$QC1#");
    proxy_rig_say(&rig, "-", 1);
    proxy_rig_hear(&rig);
    must_hear("told", rig.told, "$QC1#");
    proxy_rig_close(&rig);
}

static void a_stub_that_hangs_up_is_noticed(void **state)
{
    (void)state;
    open_rig((const char *[]){NULL});
    send_packet("g");
    must_hear("told", rig.told, "$E01#");
    assert_true(rig.proxy.dead);
    proxy_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_64_bits),
        cmocka_unit_test(memory_of_a_thread_is_its_frames),
        cmocka_unit_test(reading_ends_where_the_mapping_does),
        cmocka_unit_test(descriptions_tell_what_registers_mean),
        cmocka_unit_test(devices_are_not_touched),
        cmocka_unit_test(what_a_boot_loader_left_in_memory_is_memory),
        cmocka_unit_test(a_hypervisor_s_threads_have_the_addresses_that_they_map),
        cmocka_unit_test(unknown_registers_are_unavailable),
        cmocka_unit_test(other_threads_registers_cannot_be_written),
        cmocka_unit_test(names_and_reasons_are_escaped),
        cmocka_unit_test(commands_of_the_door_do_not_reach_the_stub),
        cmocka_unit_test(an_event_is_a_stop_with_its_sentence),
        cmocka_unit_test(an_event_that_nobody_wants_goes_on),
        cmocka_unit_test(damage_is_asked_for_again),
        cmocka_unit_test(a_stub_that_hangs_up_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
