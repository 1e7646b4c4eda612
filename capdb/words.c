/* SQL functions for words and addresses.  SQLite's integers are signed: from 2^63 on a word is
 * stored as the negative number with the same bits, so that comparing two, or printing one, needs
 * to know that it is a word. */
#include "capdb/store.h"

#include <inttypes.h>
#include <stdio.h>

static bool any_null(int argc, sqlite3_value **argv)
{
    for (int i = 0; i < argc; i++)
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
            return true;
    return false;
}

static uint64_t word_of(sqlite3_value *v)
{
    return (uint64_t)sqlite3_value_int64(v);
}

static void sql_word(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    char text[24];
    if (any_null(argc, argv))
        return;
    snprintf(text, sizeof(text), "%" PRIu64, word_of(argv[0]));
    sqlite3_result_text(ctx, text, -1, SQLITE_TRANSIENT);
}

static void sql_below(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    if (!any_null(argc, argv))
        sqlite3_result_int(ctx, word_of(argv[0]) < word_of(argv[1]));
}

static void sql_covers(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    if (any_null(argc, argv))
        return;
    const uint64_t bits = word_of(argv[1]), offset = word_of(argv[2]) - word_of(argv[0]);
    sqlite3_result_int(ctx, bits == 64 || (bits < 64 && offset >> bits == 0));
}

int capdb_add_functions(sqlite3 *sql)
{
    static const struct {
        const char *name;
        int arguments;
        void (*function)(sqlite3_context *ctx, int argc, sqlite3_value **argv);
    } all[] = {{"word", 1, sql_word}, {"below", 2, sql_below}, {"covers", 3, sql_covers}};
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof(all) / sizeof(*all); i++)
        code = sqlite3_create_function_v2(sql, all[i].name, all[i].arguments,
                                          SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                          NULL, all[i].function, NULL, NULL, NULL);
    return code;
}
