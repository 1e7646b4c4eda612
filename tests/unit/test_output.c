/* capdb/output.h: what a cell is in each form, and the tree that a table draws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capdb/output.h"

#include <stdlib.h>
#include <string.h>

enum { DEEP = 20000, DRAWN_LEVELS = 30, LEVEL_WIDTH = 2 };

static const char *const COLUMNS[] = {"Name", "#value", NULL};

struct page {
    FILE *file;
    char *text;
    size_t length;
    struct output *out;
};

static void page_open(struct page *p, enum output_mode mode)
{
    /* a table asks for the descriptor of its file, which one in memory has not */
    p->file = tmpfile();
    assert_non_null(p->file);
    p->text = NULL;
    p->out = output_begin(p->file, mode, COLUMNS);
}

static const char *page_text(struct page *p)
{
    assert_true(output_end(p->out));
    p->length = (size_t)ftell(p->file);
    p->text = calloc(1, p->length + 1);
    assert_non_null(p->text);
    rewind(p->file);
    assert_int_equal(fread(p->text, 1, p->length, p->file), p->length);
    return p->text;
}

static void page_close(struct page *p)
{
    free(p->text);
    fclose(p->file);
}

static void branch(struct output *o, int64_t above, const char *name)
{
    output_below(o, above);
    output_text(o, name);
    output_int(o, above);
    output_row(o);
}

/* No byte of a name from a target reaches a terminal that obeys it, and no reader loses a column. */
static void json_has_nothing_that_a_terminal_obeys(void **state)
{
    static const char *const columns[] = {"a", "a", "a:1", "a", NULL};
    struct page p;
    (void)state;
    page_open(&p, OUTPUT_JSON);
    output_end(p.out);
    rewind(p.file);
    p.out = output_begin(p.file, OUTPUT_JSON, columns);
    output_text(p.out, "\xc2\x9b"
                       "31m\x7f\033\"\\");
    output_text(p.out, "\xe2\x80\xae\xc3\xa4\xe2\x82\xac");
    output_text(p.out, "\xf3\xa0\x81\x81\xf0\x9f\x98\x80");
    output_text(p.out, "\xff\xed\xa0\x80");
    output_row(p.out);
    assert_string_equal(page_text(&p), "[\n {\"a\":\"\\u009b31m\\u007f\\u001b\\\"\\\\\","
                                       "\"a:1\":\"\\u202e\xc3\xa4\xe2\x82\xac\","
                                       "\"a:1:1\":\"\\udb40\\udc41\xf0\x9f\x98\x80\","
                                       "\"a:2\":\"\\\\xff\\\\xed\\\\xa0\\\\x80\"}\n]\n");
    page_close(&p);
}

/* What libsmartcols' own JSON does not keep (docs/design.md): an empty text is no null, a column may
 * hold texts and numbers, names keep their case, the answer is a list. */
static void json_tells_texts_numbers_and_nothing_apart(void **state)
{
    (void)state;
    struct page p;
    page_open(&p, OUTPUT_JSON);
    output_text(p.out, "");
    output_word(p.out, UINT64_MAX);
    output_row(p.out);
    output_null(p.out);
    output_int(p.out, INT64_MIN);
    output_row(p.out);
    output_bytes(p.out, "\x01\"\\\xc3\xa9\xff", 6);
    output_text(p.out, "12");
    output_row(p.out);
    assert_string_equal(page_text(&p),
                        "[\n {\"Name\":\"\",\"value\":18446744073709551615},"
                        "\n {\"Name\":null,\"value\":-9223372036854775808},"
                        "\n {\"Name\":\"\\u0001\\\"\\\\\xc3\xa9\\\\xff\",\"value\":\"12\"}\n]\n");
    page_close(&p);
}

static void a_table_draws_what_hangs_below(void **state)
{
    (void)state;
    struct page p;
    setenv("LC_ALL", "C", 1);
    page_open(&p, OUTPUT_TABLE);
    branch(p.out, -1, "root");
    branch(p.out, 0, "child");
    branch(p.out, 1, "grandchild");
    branch(p.out, 0, "sibling");
    branch(p.out, -1, "other");
    assert_string_equal(page_text(&p), "Name            value\n"
                                       "root               -1\n"
                                       "|-child             0\n"
                                       "| `-grandchild      1\n"
                                       "`-sibling           0\n"
                                       "other              -1\n");
    page_close(&p);
}

static void the_user_s_locale_chooses_the_lines(void **state)
{
    (void)state;
    struct page p;
    setenv("LC_ALL", "C.UTF-8", 1);
    page_open(&p, OUTPUT_TABLE);
    branch(p.out, -1, "root");
    branch(p.out, 0, "\xc3\xa9");
    assert_non_null(strstr(page_text(&p), "\n\xe2\x94\x94\xe2\x94\x80\xc3\xa9 "));
    page_close(&p);
    setenv("LC_ALL", "C", 1);
}

static void what_is_piped_has_no_picture(void **state)
{
    (void)state;
    struct page p;
    page_open(&p, OUTPUT_TSV);
    branch(p.out, -1, "root");
    branch(p.out, 0, "child");
    assert_string_equal(page_text(&p), "Name\tvalue\nroot\t-1\nchild\t0\n");
    page_close(&p);
}

/* Of a damaged recording, say: every row is there, and the picture stays narrow. */
static void a_chain_of_any_depth_ends(void **state)
{
    (void)state;
    struct page p;
    setenv("LC_ALL", "C", 1);
    page_open(&p, OUTPUT_TABLE);
    for (int64_t i = 0; i < DEEP; i++)
        branch(p.out, i - 1, "deeper");
    const char *at = page_text(&p);
    uint32_t lines = 0;
    for (; *at; at = strchr(at, '\n') + 1, lines++)
        assert_true(strcspn(at, "\n") <= DRAWN_LEVELS * LEVEL_WIDTH + strlen("deeper  -12345"));
    assert_int_equal(lines, DEEP + 1);
    page_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_nothing_that_a_terminal_obeys),
        cmocka_unit_test(json_tells_texts_numbers_and_nothing_apart),
        cmocka_unit_test(a_table_draws_what_hangs_below),
        cmocka_unit_test(the_user_s_locale_chooses_the_lines),
        cmocka_unit_test(what_is_piped_has_no_picture),
        cmocka_unit_test(a_chain_of_any_depth_ends),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
