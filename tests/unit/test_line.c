/* inspector-tui/line.h: how wide text is on a terminal, and what is shown of it where the locale has
 * ASCII only. */
#include "inspector-tui/line.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Five cells, a slash, and three characters of two cells each. */
static const char name[] = "gr\xc3\xb6\xc3\x9f"
                           "e/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e";

static void utf8_has_the_width_of_its_characters(void **state)
{
    (void)state;
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    assert_true(text_is_utf8());
    assert_int_equal(text_width(name, strlen(name)), 12);
    assert_int_equal(text_fit(name, strlen(name), 7), 8); /* half a character does not fit */
    assert_int_equal(text_fit(name, strlen(name), 8), 11);
}

static void where_ascii_alone_is_shown_each_character_is_one_cell(void **state)
{
    (void)state;
    char plain[40] = "";
    assert_non_null(setlocale(LC_ALL, "C"));
    assert_false(text_is_utf8());
    assert_int_equal(text_width(name, strlen(name)), 9);
    assert_int_equal(text_fit(name, strlen(name), 4), 6);
    assert_int_equal(text_plain(name, strlen(name), plain, sizeof(plain)), 9);
    assert_string_equal(plain, "gr\?\?e/\?\?\?");
    assert_int_equal(text_plain("\xff\xc3", 2, plain, sizeof(plain)), 2); /* no characters */
    assert_memory_equal(plain, "\?\?", 2);
    assert_int_equal(text_plain(name, strlen(name), plain, 3), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_has_the_width_of_its_characters),
        cmocka_unit_test(where_ascii_alone_is_shown_each_character_is_one_cell),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
