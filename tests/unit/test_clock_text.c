/* What moment a text means: behind a file, before the newest, a time of day over
 * midnights and in the night in which clocks are put back. */
#include "lib/host/clock_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-11-29, UTC */
enum { H17_12_59 = 1795972379, H17_14_05 = H17_12_59 + 66, DAY = 86400 };

static double meant(const char *zone, const char *text, double near)
{
    const struct clock_frame f = {H17_12_59, H17_14_05, near, false};
    struct clock_moment at = {0, 0};
    setenv("TZ", zone, 1);
    tzset();
    if (!clock_text_read(text, &f, &at))
        fail_msg("'%s' is no moment", text);
    return at.time - H17_12_59;
}

static void means(const char *zone, const char *text, double near, double wanted)
{
    double is = meant(zone, text, near);
    if (is != wanted)
        fail_msg("%s in %s means %f, not %f", text, zone, is, wanted);
}

static void a_time_of_day_is_of_the_day_that_has_it(void **state)
{
    static const char zone[] = "XYZ-6:46:30"; /* 23:59:29 to 00:00:35 */
    (void)state;
    means(zone, "23:59:30", H17_14_05, 1);
    means(zone, "00:00:20", H17_12_59, 51);
    means(zone, "00:00", H17_12_59, 31);
    means(zone, "17:13:32Z", H17_14_05, 33);
    means(zone, "2026-11-29T23:59:40", H17_14_05, 11);
    means(zone, "2026-11-29T17:13:00Z", H17_14_05, 1);
    means(zone, "23:59:30.5", H17_14_05, 1.5);
    means("UTC", "17:13", H17_14_05, 1);
    means("UTC", "12:00:00", H17_14_05, -5 * 3600 - 12 * 60 - 59); /* that day does not have it */
}

static void an_hour_that_comes_twice_is_the_one_that_was_recorded(void **state)
{
    static const char zone[] = "AAA0BBB-1,M3.5.0,M11.5.0/18:13:30"; /* 18:13:29 BBB, 17:13:30 AAA */
    (void)state;
    means(zone, "18:13:00", H17_14_05, 1);
    means(zone, "17:14:05", H17_12_59, 66);
    means(zone, "2026-11-29T18:13:00", H17_14_05, 1);
    means(zone, "17:13:30", H17_12_59, 31);
}

/* The recording lasts for days: the day at hand goes before others. */
static void the_day_at_hand_goes_first(void **state)
{
    struct clock_moment at;
    struct clock_frame f = {H17_12_59 - 5 * DAY, H17_12_59, H17_12_59 - 2 * DAY, true};
    (void)state;
    assert_true(clock_text_read("17:13:00", &f, &at));
    assert_true(at.time == H17_12_59 - 2 * DAY + 1 && at.length == 1);
    f.near = f.last; /* today is not so late yet */
    assert_true(clock_text_read("17:13:00", &f, &at));
    assert_true(at.time == H17_12_59 - DAY + 1);
    assert_true(clock_text_read("17:12:00", &f, &at));
    assert_true(at.time == H17_12_59 - 59);
}

static void other_text_is_none(void **state)
{
    static const char *const texts[] = {
        "",         "17",     "-60",        "24:00",   "17:60",       "17:13:60",
        "17:13:0x", "17:13:", "2026-11-29", "17:13ZZ", "2026-11-29T", "17:-1"};
    const struct clock_frame f = {H17_12_59, H17_14_05, H17_14_05, false};
    struct clock_moment at;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (clock_text_read(texts[i], &f, &at))
            fail_msg("'%s' is a moment", texts[i]);
}

static void before_the_newest(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } is[] = {{"-30s", 30}, {"-1.5m", 90}, {"-2h", 7200}, {"-1d", 86400}, {"-0s", 0}};
    static const char *const is_not[] = {"",   "-",    "-60",     "30s", "--30s",
                                         "-s", "-1mm", "-1e999s", "-1w"};
    double seconds;
    (void)state;
    for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++)
        if (!clock_text_ago(is[i].text, &seconds) || seconds != is[i].seconds)
            fail_msg("'%s' is not %f seconds", is[i].text, is[i].seconds);
    for (size_t i = 0; i < sizeof(is_not) / sizeof(*is_not); i++)
        if (clock_text_ago(is_not[i], &seconds))
            fail_msg("'%s' is %f seconds", is_not[i], seconds);
}

static void split(const char *path, const char *file, const char *moment)
{
    char text[64];
    snprintf(text, sizeof(text), "%s", path);
    const char *is = clock_text_of_file(text);
    if (strcmp(text, file) != 0 || !is != !moment || (is && strcmp(is, moment) != 0))
        fail_msg("%s: file %s, moment %s", path, text, is ? is : "none");
}

static void the_moment_of_a_file(void **state)
{
    char dir[] = "/tmp/capscope-clock-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(close(creat("run", 0600)), 0);
    assert_int_equal(close(creat("a@2", 0600)), 0);
    split("run", "run", NULL);
    split("run@3", "run", "3");
    split("run@11:47:27", "run", "11:47:27");
    split("run@", "run", "");
    split("a@2", "a@2", NULL);
    split("a@2@-1m", "a@2", "-1m");
    split("none@3", "none@3", NULL);
    assert_int_equal(unlink("run"), 0);
    assert_int_equal(unlink("a@2"), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_of_day_is_of_the_day_that_has_it),
        cmocka_unit_test(an_hour_that_comes_twice_is_the_one_that_was_recorded),
        cmocka_unit_test(the_day_at_hand_goes_first),
        cmocka_unit_test(other_text_is_none),
        cmocka_unit_test(before_the_newest),
        cmocka_unit_test(the_moment_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
